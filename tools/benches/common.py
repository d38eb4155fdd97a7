"""What the benchmarks share: a database, Odoo in this process, figures, tables."""

import contextlib
import json
import os
import platform
import statistics
import time

import databases
import psycopg2
import suite

ARTEFACTS = suite.HOME / "artefacts"


# ------------------------------------------------------------------ databases
@contextlib.contextmanager
def database(title, keep=False):
    """A fresh database with our main module, with PostgreSQL's full durability."""
    ARTEFACTS.mkdir(exist_ok=True)
    name = f"tm_t_{os.getpid()}_bench_{title}"
    log = ARTEFACTS / f"bench-{title}.log"
    log.write_bytes(b"")
    databases.say(f"Database {name}")
    databases.install(name, [databases.MAIN_MODULE], False, log, keep_fast=False)
    try:
        yield name
    finally:
        if keep:
            databases.note(f"left: database {name}")
        else:
            close_registry(name)
            databases.drop(name)


def connect(name):
    return psycopg2.connect(dbname=name)


def registry(name):
    """Odoo's registry in this process, configured as ./tm run does."""
    from odoo.modules.registry import Registry
    from odoo.tools import config

    config.parse_config(
        [
            *("-d", name, "--data-dir", str(databases.DATA / "odoo")),
            *("--no-http", "--log-level", "error"),
        ],
        setup_logging=True,
    )
    return Registry(name)


def close_registry(name):
    import odoo.sql_db
    from odoo.modules.registry import Registry

    Registry.delete(name)
    odoo.sql_db.close_db(name)


@contextlib.contextmanager
def environment(name, user=1):
    """An environment in a transaction of its own, committed at the end."""
    from odoo import api

    with registry_of(name).cursor() as cr:
        yield api.Environment(cr, user, {})


def registry_of(name):
    from odoo.modules.registry import Registry

    return Registry(name)


# ------------------------------------------------------------------ figures
def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(seconds):
    """Milliseconds: p50, p95, p99, mean, worst."""
    return {
        "count": len(seconds),
        "p50": round(1000 * percentile(seconds, 0.50), 2),
        "p95": round(1000 * percentile(seconds, 0.95), 2),
        "p99": round(1000 * percentile(seconds, 0.99), 2),
        "mean": round(1000 * statistics.fmean(seconds), 2),
        "worst": round(1000 * max(seconds), 2),
    }


def machine():
    with open("/proc/meminfo") as file:
        kib = int(file.readline().split()[1])
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(kib / 1024 / 1024),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "postgresql": databases.query("show server_version")[0][0],
        "date": time.strftime("%Y-%m-%d %H:%M"),
    }


def table(title, head, rows):
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    print(f"\n{title}")
    for place, row in enumerate(rows):
        cells = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip())
        if not place:
            print("  " + "  ".join("-" * width for width in widths))
    print(flush=True)


def write(title, result, quick=False):
    """A quick try does not overwrite what was measured in full."""
    title += "-quick" * quick
    path = ARTEFACTS / f"bench-{title}.json"
    path.write_text(json.dumps(result, indent=2, default=str) + "\n")
    databases.note(f"written: {path.relative_to(suite.HOME)}")


def verdict(met):
    return "met" if met else "NOT MET"
