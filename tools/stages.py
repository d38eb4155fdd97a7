"""./tm test: the stages, run two jobs at a time, each with a log of its own.

Usage: stages.py [quick | STAGE ...]. The last line is 'N passed, N failed'.
"""

import contextlib
import fcntl
import os
import re
import signal
import sys
import threading
import time
import traceback
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

import checklog
import databases
import suite

HOME = suite.HOME
ARTEFACTS = HOME / "artefacts"
LOGS = ARTEFACTS / "logs"
STAGES = ("lint", "kernels", "modules", "core", "matrix", "whole")
WORKERS = 2
DEMO_TAG = "telemarketing_demo"
TOOLS = HOME / "tools"
# Databases of this run; those of a run that died are dropped by the next.
PREFIX = f"tm_t_{os.getpid()}_"
# A test that skips itself for want of these has not been run.
NEEDED = re.compile(r"[Cc]hrom|websocket|[Nn]ode\b")


@dataclass
class Job:
    stage: str
    name: str
    work: object  # called with the job
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    complaints: list = field(default_factory=list)

    @property
    def log(self):
        return LOGS / f"{self.name.replace(' ', '-')}.log"

    @property
    def db(self):
        return PREFIX + re.sub(r"\W", "_", self.name)

    def fail(self, text):
        self.complaints.append(text)

    def read_odoo_log(self, code, want_tests=True):
        """Count Odoo's tests and complain of every line that should not be there."""
        if code:
            self.fail(f"Odoo ended with {code}")
        found = checklog.problems(self.log)
        for problem in found[:8]:
            lines = problem.text.strip().splitlines()
            if len(lines) > 24:
                lines[6:-16] = ["[...]"]
            where = f"{self.log.name}:{problem.number}"
            text = "\n".join(lines)
            self.fail(f"{where}: {problem.level} {problem.logger}: {text}")
        if len(found) > 8:
            self.fail(f"and {len(found) - 8} more lines of that kind")
        if not want_tests:
            return
        counts = checklog.counts(self.log)
        if not counts or not counts[0]:
            self.fail("no test ran")
            return
        ran, failed, skips = counts
        for test, reason in skips:
            if NEEDED.search(reason):
                self.fail(f"{test} was not run: {reason}")
        self.failed += failed
        self.skipped += len(skips)
        self.passed += max(ran - failed - len(skips), 0)


# ------------------------------------------------------------------ stages
def lint(job):
    code = databases.run(["sh", HOME / "tm", "lint"], job.log)
    lines = job.log.read_text(errors="replace").splitlines()
    job.passed = sum(line.startswith("ok   ") for line in lines)
    job.failed = sum(line.startswith("FAIL ") for line in lines)
    if code or job.failed or not job.passed:
        job.fail("\n".join(lines[-80:]))


def run_pytest(job, *paths, **options):
    report = ARTEFACTS / f"{job.name}.xml"
    report.unlink(missing_ok=True)
    code = databases.run(
        [sys.executable, "-m", "pytest", f"--junitxml={report}", *paths],
        job.log,
        **options,
    )
    if report.exists():
        for case in ET.parse(report).iter("testcase"):
            kinds = {child.tag for child in case}
            if kinds & {"failure", "error"}:
                job.failed += 1
            elif "skipped" in kinds:
                job.skipped += 1
                reason = case.find("skipped").get("message") or ""
                if NEEDED.search(reason):
                    job.fail(f"{case.get('name')} was not run: {reason}")
            else:
                job.passed += 1
    if not job.passed + job.failed:
        job.fail("no test ran")
    if code or job.failed:
        lines = job.log.read_text(errors="replace").splitlines()
        job.fail("\n".join([f"pytest ended with {code}", *lines[-80:]]))


def kernels(job):
    run_pytest(job, "tests/kernels", timeout=900)


def whole(job):
    prepared = databases.ours(True, LOGS / "whole-install.log")
    environment = {"TM_TEMPLATE": prepared, "TM_TEST_PREFIX": PREFIX}
    run_pytest(job, "tests/whole", environment=environment, timeout=1500)


def odoo_tests(job, modules, tags):
    databases.clone(databases.template(modules, False, job.log), job.db)
    databases.fast(job.db)
    code = databases.run_odoo(
        job.db,
        *("-i", ",".join(modules), "--test-tags", tags, "--stop-after-init"),
        *("--screenshots", ARTEFACTS, "--log-handler", "odoo.tests.stats:INFO"),
        log=job.log,
        http=True,
    )
    job.read_odoo_log(code)


def modules(job):
    names = list(suite.own())
    odoo_tests(job, names, ",".join(f"/{name}" for name in names))


def quick_module(job):
    odoo_tests(job, [databases.MAIN_MODULE], f"/{databases.MAIN_MODULE},-browser")


def core(module):
    """Odoo's own tests of a module, with all of ours installed."""

    def work(job):
        databases.clone(databases.ours(False, LOGS / "core-install.log"), job.db)
        databases.fast(job.db)
        tags = [f"/{module}"]
        for line in (TOOLS / "core_excluded.txt").read_text().splitlines():
            if line.startswith(f"/{module}:"):
                tags.append("-" + line.strip())
        code = databases.run_odoo(
            job.db,
            *("--screenshots", ARTEFACTS, "--shell-interface", "python"),
            command="shell",
            stdin="from odoo.tests.shell import run_tests\n"
            f"run_tests(env, {','.join(tags)!r}, modules=[{module!r}])\n",
            # Odoo's tours give a step ten seconds: on a busy machine, once more.
            environment={"ODOO_TEST_FAILURE_RETRIES": "1"},
            log=job.log,
            http=True,
        )
        job.read_odoo_log(code)

    return work


UNINSTALL = """
modules = env["ir.module.module"].search(
    [("name", "in", {names!r}), ("state", "=", "installed")]
)
modules.button_immediate_uninstall()
"""
# Everything in the schema that has a name, so that what an uninstall leaves is seen.
SCHEMA = """
    select 'column ' || table_name || '.' || column_name
      from information_schema.columns where table_schema = 'public'
    union select case relkind when 'i' then 'index ' when 'v' then 'view '
        when 'S' then 'sequence ' when 'm' then 'materialized view ' else 'table '
        end || relname
      from pg_class where relnamespace = 'public'::regnamespace
    union select 'constraint ' || conrelid::regclass || '.' || conname
      from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n'
    union select 'trigger ' || tgrelid::regclass || '.' || tgname
      from pg_trigger where not tgisinternal
    union select 'function ' || proname
      from pg_proc where pronamespace = 'public'::regnamespace
    union select 'type ' || typname
      from pg_type where typnamespace = 'public'::regnamespace and typtype in ('e', 'd')
"""


def matrix(modules, demo):
    """Install on what the manifests name, update, uninstall: nothing may be left."""

    def work(job):
        prepared = databases.template(modules, demo, job.log)
        databases.clone(prepared, job.db)
        databases.fast(job.db)
        before = {row[0] for row in databases.query(SCHEMA, db=job.db)}
        names = ",".join(modules)
        for flag in ("-i", "-u"):
            # What can only be tested where the demo is loaded.
            loaded = demo and flag == "-u" and databases.MAIN_MODULE in modules
            checks = ["--test-tags", DEMO_TAG] if loaded else []
            # Odoo serves while it tests: on a port of its own, not on a demo's.
            if code := databases.run_odoo(
                job.db,
                *(flag, names, *checks, "--stop-after-init"),
                log=job.log,
                http=bool(checks),
            ):
                job.fail(f"odoo {flag} {names} ended with {code}")
            if lost := set(modules) - set(databases.installed(job.db)):
                job.fail(f"not installed after {flag}: {', '.join(sorted(lost))}")
            if job.complaints:
                return job.read_odoo_log(0, want_tests=False)
        # What a single module brought of ours goes with it, so that nothing is left.
        ours = [name for name in databases.installed(job.db) if name in suite.own()]
        for targets in [modules, ours] if set(ours) - set(modules) else [modules]:
            if code := databases.run_odoo(
                job.db,
                *("--shell-interface", "python"),
                command="shell",
                stdin=UNINSTALL.format(names=list(targets)),
                log=job.log,
            ):
                job.fail(f"uninstalling {', '.join(targets)} ended with {code}")
            if kept := set(targets) & set(databases.installed(job.db)):
                job.fail(f"still installed: {', '.join(sorted(kept))}")
        after = {row[0] for row in databases.query(SCHEMA, db=job.db)}
        for left in sorted(after - before)[:20]:
            job.fail(f"left in the database after the uninstall: {left}")
        for gone in sorted(before - after)[:20]:
            job.fail(f"taken away by the uninstall, though not ours: {gone}")
        records = databases.query(
            "select module || '.' || name from ir_model_data where module = any(%s)",
            ours,
            db=job.db,
        )
        for (left,) in records[:20]:
            job.fail(f"record left after the uninstall: {left}")
        job.read_odoo_log(0, want_tests=False)
        job.passed = int(not job.complaints)

    return work


def jobs_of(stage):
    if stage == "matrix":
        names = list(suite.own())
        sets = [(name, [name]) for name in names]
        if len(names) > 1:
            sets.append(("all", names))
        for title, modules in sets:
            for demo in (False, True):
                yield Job(
                    stage, f"matrix {title}{' demo' * demo}", matrix(modules, demo)
                )
    elif stage == "core":
        yield Job(stage, "core sale", core("sale"))
        yield Job(stage, "core crm", core("crm"))
    elif stage == "quick":
        yield Job(stage, "kernels", kernels)
        yield Job(stage, "quick", quick_module)
    else:
        yield Job(stage, stage, globals()[stage])


# ------------------------------------------------------------------ running
def clock(seconds):
    return f"{int(seconds) // 60}m{int(seconds) % 60:02d}s"


def counted(job):
    text = f"{job.passed} passed"
    if job.failed:
        text += f", {job.failed} failed"
    if job.skipped:
        text += f", {job.skipped} skipped"
    return text


def perform(job):
    begun = time.monotonic()
    job.log.unlink(missing_ok=True)
    job.log.touch()
    try:
        job.work(job)
    except databases.Failure as failure:
        job.fail(str(failure))
        job.read_odoo_log(0, want_tests=False)
    except Exception:
        job.fail(traceback.format_exc())
    if job.complaints and not job.failed:
        job.failed = 1
    job.seconds = time.monotonic() - begun
    with contextlib.suppress(Exception):
        if not (job.failed and os.environ.get("TM_KEEP")):
            databases.drop(job.db)


PRINTED = set()


def report(job):
    verdict = "FAIL" if job.failed else "ok  "
    print(f"  {verdict} {job.name:<36} {counted(job):<28} {clock(job.seconds)}")
    if job.failed:
        for complaint in job.complaints or ["see the log"]:
            # The same trouble in many jobs is quoted once.
            first, _newline, rest = complaint.partition("\n")
            if rest in PRINTED:
                complaint = first
            PRINTED.add(rest)
            print("       " + complaint.replace("\n", "\n       "))
        print(f"       log: {job.log.relative_to(HOME)}")
    sys.stdout.flush()


def run_all(jobs):
    waiting, lock, printing = list(jobs), threading.Lock(), threading.Lock()

    def worker():
        while True:
            with lock:
                if not waiting:
                    return
                job = waiting.pop(0)
            perform(job)
            with printing:
                report(job)

    threads = [threading.Thread(target=worker, daemon=True) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.5)


def drop_leftovers():
    """Databases of runs that are no more."""
    for (name,) in databases.query(
        "select datname from pg_database where datname ~ '^tm_t_[0-9]+_'"
    ):
        pid = int(name.split("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            databases.drop(name)
        except PermissionError:
            continue


def stop(*_signal):
    for process in list(databases.RUNNING):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    print("\nstopped", file=sys.stderr)
    os._exit(130)


def summary(jobs, seconds):
    print("\n  stage       passed  failed  skipped  time")
    for stage in dict.fromkeys(job.stage for job in jobs):
        mine = [job for job in jobs if job.stage == stage]
        print(
            f"  {stage:<10} {sum(j.passed for j in mine):>7}"
            f" {sum(j.failed for j in mine):>7} {sum(j.skipped for j in mine):>8}"
            f"  {clock(sum(j.seconds for j in mine))}"
        )
    print(f"  together {clock(seconds)}; logs in {LOGS.relative_to(HOME)}\n")


def main():
    stages = sys.argv[1:] or list(STAGES)
    if unknown := set(stages) - {*STAGES, "quick"}:
        sys.exit(f"tm: there is no stage {', '.join(sorted(unknown))}; {STAGES}")
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    LOGS.mkdir(parents=True, exist_ok=True)
    alone = open(ARTEFACTS / ".lock", "w")
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another ./tm test runs in this folder; waiting for it", flush=True)
        fcntl.flock(alone, fcntl.LOCK_EX)
    drop_leftovers()
    begun = time.monotonic()
    jobs = [job for stage in stages for job in jobs_of(stage)]
    run_all(jobs)
    summary(jobs, time.monotonic() - begun)
    passed, failed = sum(j.passed for j in jobs), sum(j.failed for j in jobs)
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
