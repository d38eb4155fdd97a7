"""How long ./tm run takes until Odoo answers: cold (nothing downloaded), first (no
database yet), warm (everything there)."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

import databases
import requests
import suite

from . import common

NAME = "start"


def run(environment, timeout):
    """Start, wait for an answer, stop. Seconds until it answered."""
    port = databases.free_port()
    environment = {**os.environ, **environment, "TM_PORT": str(port)}
    log = common.ARTEFACTS / "bench-start.log"
    begun = time.monotonic()
    with open(log, "ab") as output:
        process = subprocess.Popen(
            ["sh", suite.HOME / "tm", "run"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    try:
        while time.monotonic() - begun < timeout:
            if process.poll() is not None:
                raise databases.Failure(f"./tm run ended: see {log}")
            try:
                if requests.get(f"http://127.0.0.1:{port}/web/login", timeout=60).ok:
                    return round(time.monotonic() - begun, 1)
            except requests.RequestException:
                time.sleep(0.1)
        raise databases.Failure(f"no answer within {timeout} s: see {log}")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def cold():
    """Caches and data in a new folder, PostgreSQL on another port."""
    # Not /tmp: it may be small; PostgreSQL's own user must be able to enter it.
    folder = tempfile.mkdtemp(prefix="tm-cold-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    environment = {
        "TM_CACHE": f"{folder}/cache",
        "TM_DATA": f"{folder}/data",
        "TM_PGPORT": str(databases.free_port()),
    }
    try:
        return {"cold": run(environment, 3600), "cold, again": run(environment, 600)}
    finally:
        subprocess.run(
            ["sh", suite.HOME / "tm", "stop"],
            env={**os.environ, **environment},
            check=False,
        )
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments):
    common.ARTEFACTS.mkdir(exist_ok=True)
    (common.ARTEFACTS / "bench-start.log").write_bytes(b"")
    result = {"machine": common.machine(), "seconds": {}}
    if arguments.cold:
        databases.say("From nothing: downloads, environment, PostgreSQL, database")
        result["seconds"] |= cold()
    name = f"tm_t_{os.getpid()}_bench_start"
    environment = {"TM_DB": name}
    try:
        databases.say("Without a database, then with it")
        result["seconds"]["first"] = run(environment, 1800)
        result["seconds"]["warm"] = min(run(environment, 600) for _time in range(2))
    finally:
        databases.drop(name)
    common.table(
        "./tm run until Odoo answers",
        ["", "seconds"],
        list(result["seconds"].items()),
    )
    common.write(NAME, result)
    return True
