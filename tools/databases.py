"""Databases made cheap: prepared templates, clones, Odoo run on one.

A template tm_tpl_<hash>[_demo] holds what a set of our modules needs and nothing of
ours: installing ours costs seconds, and a dependency missing from a manifest shows.

Commands (used by ./tm run):
databases.py demo NAME --log FILE        make it, or bring it up to date
databases.py uuid NAME                   say its uuid, if it has a dialer
databases.py telephone NAME --described FILE  its Asterisk is the one of that file
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import checklog
import psycopg2
import suite

DATA = Path(os.environ["TM_DATA"])
FILESTORE = DATA / "odoo" / "filestore"
MAIN_MODULE = "telemarketing_base"
DIALER = "telemarketing_dialer"
LOADING = re.compile(r"Loading module (\w+) \((\d+)/(\d+)\)")


class Failure(Exception):
    pass


# ------------------------------------------------------------------ PostgreSQL
def query(sql, *arguments, db="postgres"):
    connection = psycopg2.connect(dbname=db)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def exists(name):
    return bool(query("select 1 from pg_database where datname = %s", name))


def drop(name):
    query(f"drop database if exists {quoted(name)} with (force)")
    shutil.rmtree(FILESTORE / name, ignore_errors=True)


def clone(template, name):
    """Copy a database and its files (links: Odoo never writes into one)."""
    drop(name)
    # PostgreSQL 15 and later copy through the log, and then a crash before the next
    # checkpoint takes the copy's sequences back behind the rows they numbered.
    ((version,),) = query("select current_setting('server_version_num')::int")
    by_file = " strategy file_copy" if version >= 150000 else ""
    query(f"create database {quoted(name)} template {quoted(template)}{by_file}")
    if (FILESTORE / template).is_dir():
        shutil.copytree(FILESTORE / template, FILESTORE / name, copy_function=os.link)


def rename(old, new):
    query(f"alter database {quoted(old)} rename to {quoted(new)}")
    if (FILESTORE / old).is_dir():
        shutil.rmtree(FILESTORE / new, ignore_errors=True)
        (FILESTORE / old).rename(FILESTORE / new)


def fast(name):
    """For what is thrown away: commits need not wait for the disk."""
    query(f"alter database {quoted(name)} set synchronous_commit = off")


def remember(name, text):
    """A note that lives and dies with the database."""
    query(f"comment on database {quoted(name)} is %s", text)


def remembered(name):
    rows = query(
        "select shobj_description(oid, 'pg_database') from pg_database"
        " where datname = %s",
        name,
    )
    return rows[0][0] if rows else None


def installed(name):
    return [
        row[0]
        for row in query(
            "select name from ir_module_module where state in"
            " ('installed', 'to upgrade', 'to install', 'to remove')",
            db=name,
        )
    ]


@contextlib.contextmanager
def locked(name):
    with open(DATA / f".lock-{name}", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# ------------------------------------------------------------------ Odoo
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def odoo_command(db, *arguments, command=None, http=False):
    web = (
        ["--http-interface", "127.0.0.1", "--http-port", str(free_port())]
        if http
        else ["--no-http"]
    )
    return [
        *(sys.executable, "-m", "odoo"),
        *([command] if command else []),
        *("-d", db, "--data-dir", str(DATA / "odoo")),
        *web,
        *map(str, arguments),
    ]


RUNNING = set()


def run(command, log, stdin=None, environment=None, timeout=1800):
    """Run a program to its end, appending to a log; its code, or 'timeout'."""
    start = log.stat().st_size if log.exists() else 0
    with open(log, "ab") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    RUNNING.add(process)
    try:
        if stdin:
            process.stdin.write(stdin.encode())
            process.stdin.close()
        return _watch(process, log, start, time.monotonic() + timeout)
    finally:
        _kill_group(process)
        RUNNING.discard(process)


def run_odoo(db, *arguments, log, command=None, http=False, **options):
    return run(odoo_command(db, *arguments, command=command, http=http), log, **options)


def _watch(process, log, start, deadline):
    """Wait; show which module is being loaded while a person is looking."""
    with open(log, "rb") as file:
        file.seek(start)
        while process.poll() is None:
            time.sleep(0.1)
            if time.monotonic() > deadline:
                return "timeout"
            if PROGRESS:
                for line in file:
                    if match := LOADING.search(line.decode(errors="replace")):
                        PROGRESS(match[1], int(match[2]), int(match[3]))
    return process.returncode


def _kill_group(process):
    """Nothing that a program started outlives it: not its browsers either."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _on_terminal(module, number, total):
    if number <= total:
        sys.stderr.write(f"\r\x1b[K    {number}/{total} {module}")
        sys.stderr.flush()


PROGRESS = None


def say(text):
    end = "\r\x1b[K" if PROGRESS else ""
    sys.stderr.write(f"{end}\x1b[1m==> {text}\x1b[0m\n")


def note(text):
    end = "\r\x1b[K" if PROGRESS else ""
    sys.stderr.write(f"{end}    {text}\n")


# ------------------------------------------------------------------ prepared
def template_name(names, demo):
    release = Path(os.environ["TM_ODOO_LIB"]) / "odoo" / "release.py"
    key = release.read_text() + repr(suite.foreign(names)) + "es_ES" * demo
    digest = hashlib.sha256(key.encode()).hexdigest()[:10]
    return f"tm_tpl_{digest}" + "_demo" * demo


def template(names, demo, log):
    """The prepared database for these modules of ours; made when it is not there."""
    name = template_name(names, demo)
    with locked(name):
        if exists(name) and (FILESTORE / name).is_dir():
            return name
        drop(name)
        needed = suite.foreign(names)
        missing = [needs for needs in needed if suite.manifest(needs) is None]
        if missing:
            raise Failure(f"no such module in Odoo: {', '.join(missing)}")
        making = name + "_making"
        drop(making)
        # A configuration of nothing: ours would put bridges of ours in by themselves.
        code = run_odoo(
            making,
            *("-i", ",".join(needed), "--stop-after-init"),
            *(["--with-demo", "--load-language=es_ES"] if demo else []),
            log=log,
            environment={"ODOO_RC": os.devnull},
        )
        present = set(installed(making)) if code == 0 else set()
        if code or not set(needed) <= present:
            raise Failure(f"could not prepare {name}: see {log}")
        rename(making, name)
    return name


def install(name, modules, demo, log, keep_fast=True):
    """A fresh database with these modules of ours, from the prepared template."""
    clone(template(modules, demo, log), name)
    if keep_fast:
        fast(name)
    code = run_odoo(name, "-i", ",".join(modules), "--stop-after-init", log=log)
    if code or not set(modules) <= set(installed(name)):
        raise Failure(f"{', '.join(modules)} did not install: see {log}")


def ours(demo, log):
    """A database with all our modules as they are now, to be cloned or only read."""
    names = list(suite.own())
    family = template_name(names, demo).replace("tm_tpl_", "tm_ours_")
    name = f"{family}_{suite.code_hash()}"
    with locked(family):
        if not exists(name):
            # Those of earlier states of the code.
            for (old,) in query(
                "select datname from pg_database where datname ~ %s",
                f"^{family}_[0-9a-f]{{16}}",
            ):
                drop(old)
            making = name + "_making"
            install(making, names, demo, log)
            rename(making, name)
    return name


def demo_database(name, log):
    """./tm run's database: made when missing, brought up to date when code changed."""
    log.write_bytes(b"")
    state = suite.code_hash()
    wanted = [module for module in (MAIN_MODULE, DIALER) if module in suite.own()]
    if not exists(name):
        if not exists(template_name(wanted, True)):
            say("Odoo's own modules with demo data, Spanish (once; a minute or two)")
            template(wanted, True, log)
        say(f"Database {name}: {', '.join(wanted)} with demo data")
        making = name + "_making"
        install(making, wanted, True, log, keep_fast=False)
        rename(making, name)
        remember(name, state)
    elif remembered(name) != state:
        there = installed(name)
        ours = [module for module in suite.own() if module in there]
        if not ours:
            raise Failure(f"{name} holds no module of ours; drop it, or name another")
        new = [module for module in wanted if module not in there]
        say(f"The modules changed: updating {', '.join(ours + new)}")
        arguments = ["-u", ",".join(ours), *(["-i", ",".join(new)] if new else [])]
        if run_odoo(name, *arguments, "--stop-after-init", log=log):
            raise Failure(f"the update of {name} failed: see {log}")
        remember(name, state)
    for problem in checklog.problems(log):
        note(f"{problem.level} {problem.logger}: {problem.text.splitlines()[0]}")


def dialer_uuid(name):
    """Which database an Asterisk is for; None where nobody dials from it."""
    if DIALER not in installed(name):
        return None
    parameter = "select value from ir_config_parameter where key = 'database.uuid'"
    return query(parameter, db=name)[0][0]


def set_telephone(name, described):
    """The demonstration's Asterisk is another one at each start.

    :param described: what ``telephone.Telephone.described`` says
    """
    columns = ("host", "port", "user", "secret", "spool")
    query(
        f"""update telemarketing_dialer_server
        set {", ".join(f"{quoted(column)} = %s" for column in columns)}
        where id = (select res_id from ir_model_data
                    where module = %s and name = 'demo_server')""",
        *(described[column] for column in columns),
        DIALER,
        db=name,
    )


def main():
    global PROGRESS
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["demo", "uuid", "telephone"])
    parser.add_argument("name")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--described", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "uuid":
        print(dialer_uuid(arguments.name) or "")
        return
    if arguments.command == "telephone":
        set_telephone(arguments.name, json.loads(arguments.described.read_text()))
        return
    if sys.stderr.isatty():
        PROGRESS = _on_terminal
    try:
        demo_database(arguments.name, arguments.log)
    except Failure as failure:
        for problem in checklog.problems(arguments.log)[-3:]:
            note(problem.text)
        sys.exit(f"\ntm: {failure}")
    finally:
        if PROGRESS:
            sys.stderr.write("\r\x1b[K")


if __name__ == "__main__":
    main()
