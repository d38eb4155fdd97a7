"""Write each module's .pot and merge it into i18n/es.po; --check says what is missing.

The terms come from Odoo's own export, on a database with all our modules, no demo data.
Terms that Odoo itself translates (Created by, Followers) come translated.
"""

import functools
import re
import sys
import tempfile
from pathlib import Path

import checklog
import databases
import polib
import suite

LANGUAGE = "es"
LOG = databases.DATA / "log" / "i18n.log"
EXPORT = """
from odoo.tools.translate import trans_export
for module in {names!r}:
    with open(f"{folder}/{{module}}.po", "wb") as output:
        trans_export(None, [module], output, "po", env)
"""
PLACEHOLDER = re.compile(
    r"%\(\w+\)[#0\- +]*[\d.]*[a-zA-Z]|%[#0\- +]*[\d.]*[sdifrxX]|%%|\$\{[^}]*\}|\{\w*\}"
)
HEADER = {
    "Language-Team": "",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "",
}


def export(names):
    """{module: the terms that Odoo finds in it}"""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.write_bytes(b"")
    database = databases.ours(False, LOG)
    with tempfile.TemporaryDirectory() as folder:
        code = databases.run_odoo(
            database,
            *("--shell-interface", "python"),
            command="shell",
            stdin=EXPORT.format(names=names, folder=folder),
            log=LOG,
        )
        if code:
            raise databases.Failure(f"Odoo could not export the terms: see {LOG}")
        found = {}
        for name in names:
            path = Path(folder, f"{name}.po")
            found[name] = polib.pofile(path) if path.stat().st_size else polib.POFile()
    return found


def key(entry):
    return entry.msgid, entry.msgctxt


def places(entry):
    """Where Odoo will look the term up, and whether code or browser asks for it."""
    kinds = {line for line in entry.comment.splitlines() if line.startswith("odoo-")}
    return {occurrence for occurrence, _line in entry.occurrences} | kinds


@functools.cache
def odoo_translations():
    """What Odoo says for the fields that every model gets from base and mail."""
    found = {}
    for module in ("mail", "base"):
        for entry in load(suite.folder(module) / "i18n" / f"{LANGUAGE}.po"):
            if entry.msgstr and "model:ir.model.fields" in str(entry.occurrences):
                found[key(entry)] = entry
    return found


def merge(terms, old, module, language=None):
    """The exported terms with the translations that we already have."""
    known = {key(entry): entry for entry in old if entry.msgstr}
    if language:
        known = {**odoo_translations(), **known}
    merged = polib.POFile(wrapwidth=78)
    merged.metadata = {"Project-Id-Version": module, **HEADER}
    if language:
        merged.metadata["Language"] = language
        merged.metadata["Plural-Forms"] = "nplurals=2; plural=(n != 1);"
    for term in terms:
        kept = known.get(key(term))
        merged.append(
            polib.POEntry(
                msgid=term.msgid,
                msgctxt=term.msgctxt,
                msgstr=kept.msgstr if kept and language else "",
                occurrences=term.occurrences,
                comment=term.comment,
                flags=kept.flags if kept and language else [],
            )
        )
    return merged


def complaints(module, terms, po, pot):
    wanted = {key(term): term for term in terms}
    present = {key(entry): entry for entry in po if not entry.obsolete}
    for which, term in wanted.items():
        entry = present.get(which)
        if entry is None or not entry.msgstr.strip():
            yield f"not translated: {term.msgid!r}"
        elif entry.fuzzy:
            yield f"fuzzy: {term.msgid!r}"
        elif sorted(PLACEHOLDER.findall(entry.msgstr)) != sorted(
            PLACEHOLDER.findall(term.msgid)
        ):
            yield f"other placeholders: {term.msgid!r} -> {entry.msgstr!r}"
        elif places(entry) != places(term):
            yield f"asked for in other places (run ./tm i18n): {term.msgid!r}"
    for msgid, _context in present.keys() - wanted.keys():
        yield f"no longer in the module (run ./tm i18n): {msgid!r}"
    for entry in po.obsolete_entries():
        yield f"obsolete (run ./tm i18n): {entry.msgid!r}"
    if {key(term) for term in terms} != {key(entry) for entry in pot}:
        yield f"{module}.pot is not up to date (run ./tm i18n)"


def load(path):
    return polib.pofile(path, wrapwidth=78) if path.exists() else polib.POFile()


def main():
    checking = "--check" in sys.argv[1:]
    names = [name for name in sys.argv[1:] if name != "--check"] or list(suite.own())
    try:
        exported = export(names)
    except databases.Failure as failure:
        for problem in checklog.problems(LOG):
            print(problem.text)
        sys.exit(f"tm: {failure}")
    bad = 0
    for name, terms in exported.items():
        folder = suite.own()[name] / "i18n"
        po_path, pot_path = folder / f"{LANGUAGE}.po", folder / f"{name}.pot"
        po, pot = load(po_path), load(pot_path)
        if not checking:
            folder.mkdir(exist_ok=True)
            merge(terms, [], name).save(pot_path)
            po = merge(terms, po, name, LANGUAGE)
            po.save(po_path)
            missing = len(po.untranslated_entries())
            print(f"{name}: {len(po)} terms, {missing} to translate")
            continue
        found = list(complaints(name, terms, po, pot))
        bad += len(found)
        for complaint in found[:40]:
            print(f"{po_path.relative_to(suite.HOME)}: {complaint}")
        if len(found) > 40:
            print(f"{po_path.relative_to(suite.HOME)}: and {len(found) - 40} more")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
