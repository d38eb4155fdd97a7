"""A real server on a committed copy of the demo database, and a client for it."""

import itertools
import json
import os
import re
import signal
import subprocess
import time

import checklog
import pytest
import requests
import suite

LOGS = suite.HOME / "artefacts" / "logs"


@pytest.fixture(scope="session")
def databases():
    if "TM_DATA" not in os.environ:
        pytest.exit("tests/whole runs by: ./tm test whole")
    import databases

    return databases


@pytest.fixture(scope="session")
def template(databases):
    """All our modules with demo data, as they are now."""
    return os.environ.get("TM_TEMPLATE") or databases.ours(
        True, LOGS / "whole-install.log"
    )


NUMBERS = itertools.count(1)


@pytest.fixture
def database(databases, template, request):
    """A copy of its own for this test. Commits wait for the disk, as in production."""
    prefix = os.environ.get("TM_TEST_PREFIX", f"tm_t_{os.getpid()}_")
    name = f"{prefix}whole_{next(NUMBERS)}"
    databases.clone(template, name)
    yield name
    databases.drop(name)


class Server:
    """Odoo's threaded server in a process of its own."""

    def __init__(self, databases, db, log):
        self.databases, self.db, self.log = databases, db, log
        self.port = databases.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self, *arguments):
        command = self.databases.odoo_command(
            self.db, "--db-filter", f"^{self.db}$", *arguments
        )
        command.remove("--no-http")
        command += ["--http-interface", "127.0.0.1", "--http-port", str(self.port)]
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"Odoo ended while starting: {self.log}"
            try:
                if requests.get(self.url + "/web/health", timeout=5).ok:
                    return self
            except requests.RequestException:
                time.sleep(0.2)
        raise AssertionError(f"Odoo did not answer within two minutes: {self.log}")

    def kill(self):
        """As a power cut does it."""
        self._signal(signal.SIGKILL)

    def stop(self):
        self._signal(signal.SIGTERM)

    def _signal(self, number):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, number)
            self.process.wait(30)

    def problems(self):
        return [
            f"{problem.level} {problem.logger}: {problem.text}"
            for problem in checklog.problems(self.log)
        ]

    def client(self, login, password):
        return Client(self, login, password)


class Client:
    """A browser's session without the browser: JSON-RPC as the web client speaks it."""

    def __init__(self, server, login, password):
        self.server, self.session = server, requests.Session()
        info = self.request(
            "/web/session/authenticate",
            db=server.db,
            login=login,
            password=password,
        )
        self.uid = info["uid"]

    def request(self, path, **params):
        answer = self.session.post(
            self.server.url + path,
            json={"jsonrpc": "2.0", "method": "call", "id": 1, "params": params},
            timeout=60,
        )
        answer.raise_for_status()
        content = answer.json()
        if "error" in content:
            raise RpcError(content["error"])
        return content["result"]

    def call(self, model, method, *args, **kwargs):
        return self.request(
            f"/web/dataset/call_kw/{model}/{method}",
            model=model,
            method=method,
            args=list(args),
            kwargs=kwargs,
        )

    def page(self, path):
        return self.session.get(self.server.url + path, timeout=60)


class RpcError(Exception):
    def __init__(self, error):
        self.data = error.get("data") or {}
        super().__init__(self.data.get("message") or json.dumps(error))


@pytest.fixture
def server(databases, database, request):
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"whole-{re.sub(r'[^a-z0-9_]', '_', request.node.name.lower())}.log"
    log.write_bytes(b"")
    running = Server(databases, database, log).start()
    yield running
    running.kill()


@pytest.fixture(scope="session")
def logins():
    """[(login, password, role)] as ./tm run prints them."""
    path = suite.HOME / "telemarketing_base" / "demo" / "LOGINS.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]
