"""Read an Odoo log and name what must not be in it.

Every line of level WARNING, ERROR or CRITICAL is a problem unless log_allowed.txt
names it, with the reason. Usage: checklog.py LOG ... (exit 1 if there is a problem)
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

LINE = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ \d+ "
    r"(?P<level>[A-Z]+) (?P<db>\S+) (?P<logger>[\w.]+): (?P<text>.*)$"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SUMMARY = re.compile(r"(\d+) failed, (\d+) error\(s\) of (\d+) tests")
SKIPPED = re.compile(r"^skipped (\S+) : (.*)")
BAD = {"WARNING", "ERROR", "CRITICAL"}
ALLOWED = Path(__file__).with_name("log_allowed.txt")


@dataclass
class Entry:
    number: int
    level: str
    logger: str
    text: str


def entries(path):
    """The log's records; lines that continue one (tracebacks) are part of it."""
    entry = None
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            line = COLOUR.sub("", line.rstrip("\n"))
            if match := LINE.match(line):
                if entry:
                    yield entry
                entry = Entry(number, match["level"], match["logger"], match["text"])
            elif line.startswith("Traceback (most recent call last)") and not entry:
                # The process died before it could log.
                entry = Entry(number, "CRITICAL", "stderr", line)
            elif entry:
                entry.text += "\n" + line
    if entry:
        yield entry


def allowed(path=ALLOWED):
    """[(logger regex, text regex)]: 'logger: text' lines, each under its reason."""
    rules, reason = [], False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#"):
            reason = True
        elif not line.strip():
            reason = False
        else:
            logger, separator, text = line.partition(": ")
            if not separator or not reason:
                sys.exit(f"{path.name}:{number}: needs 'logger: text' under a # reason")
            rules.append((re.compile(logger), re.compile(text, re.DOTALL)))
    return rules


def problems(path, rules=None):
    rules = allowed() if rules is None else rules
    return [
        entry
        for entry in entries(path)
        if entry.level in BAD
        and not any(
            logger.fullmatch(entry.logger) and text.search(entry.text)
            for logger, text in rules
        )
    ]


def counts(path):
    """(run, failed, [skipped]) of Odoo's test summaries; None where no test ran.

    One run may print several summaries, the last of each process counts.
    """
    run, skipped = None, []
    for entry in entries(path):
        if entry.logger == "odoo.tests.result" or entry.text.startswith("Tests "):
            if match := SUMMARY.search(entry.text):
                failures, errors, total = map(int, match.groups())
                run = total, failures + errors
        elif match := SKIPPED.match(entry.text):
            skipped.append((match[1], match[2]))
    return (*run, skipped) if run else None


def main():
    found = False
    for path in sys.argv[1:]:
        for entry in problems(path):
            found = True
            print(f"{path}:{entry.number}: {entry.level} {entry.logger}: {entry.text}")
    sys.exit(found)


if __name__ == "__main__":
    main()
