"""Power cuts, crashed browsers, a restarted PostgreSQL: nothing lost, nothing twice."""

import base64
import os
import shutil
import socket
import subprocess
import time
import uuid
from datetime import date, timedelta
from pathlib import Path

import databases
import pytest


def test_a_call_survives_the_server_being_killed(server, books):
    agent = server.agent()
    agent.sit_down()
    call, key = agent.next(), str(uuid.uuid4())
    agent.dial(call, key)
    agent.desk(
        "save_notes", uuid=key, target_id=call["target"]["id"], notes="Prefers Friday"
    )
    server.restart()
    held = agent.sit_down()
    assert held["target"]["id"] == call["target"]["id"]
    assert held["interaction"]["uuid"] == key
    assert held["interaction"]["notes"] == "Prefers Friday"
    # The dial, sent again because its answer was lost, dials nobody twice.
    assert agent.dial(held, key)["again"]
    assert agent.close(held, key)["closed"]["state"] == "ready"
    books.assert_balance(calls=1)
    notes = books.value("SELECT notes FROM telemarketing_interaction")
    assert notes == "Prefers Friday"


def flood(server, agents, calls, parallel, accident):
    """Agents dial and close while ``accident`` happens; each repeats what it got no
    answer to, with its uuid, as the desk does. Returns the uuids of all calls."""
    done, keys = [], []

    def work(number):
        agent = server.agent(number)
        agent.sit_down()
        call = agent.stubborn(agent.next)
        for _place in range(calls):
            key = str(uuid.uuid4())
            keys.append(key)
            agent.stubborn(agent.dial, call, key)
            call = agent.stubborn(agent.close, call, key)["call"]
            done.append(key)

    def happen():
        while len(done) < agents * calls // 3:
            time.sleep(0.02)
        accident()

    parallel(happen, *(lambda n=n: work(n) for n in range(agents)))
    return keys


def test_no_call_is_lost_or_doubled_when_the_server_dies_in_a_rush(
    server, books, parallel
):
    keys = flood(server, 8, 9, parallel, server.restart)
    assert len(keys) == 72
    books.assert_balance(calls=72)
    known = {row[0] for row in books.rows("SELECT uuid FROM telemarketing_interaction")}
    assert known == set(keys)


def test_what_a_silent_desk_held_comes_back_once(server, books):
    """The call counts, its result is unknown; the late result replaces the loss."""
    caller, idler, admin = server.agent(0), server.agent(1), server.admin()
    caller.sit_down()
    idler.sit_down()
    call, idle = caller.next(), idler.next()
    key = str(uuid.uuid4())
    caller.dial(call, key)
    books.move_clock(3600)
    server.restart()
    for _time in range(2):
        server.run_cron(admin, "cron_return_leases")
        states = books.rows(
            "SELECT state, attempts, leased_by_id, interaction_id"
            " FROM telemarketing_target WHERE id = ANY(%s) ORDER BY attempts",
            [call["target"]["id"], idle["target"]["id"]],
        )
        assert states == [
            ("ready", 0, None, None),
            ("ready", 1, None, None),
        ]
        books.assert_balance(calls=1, lost=1)
    answer = caller.close(call, key, notes="late")
    assert answer["closed"]["uuid"] == key
    books.assert_balance(calls=1)
    row = books.rows(
        "SELECT notes, disposition_id FROM telemarketing_interaction WHERE uuid = %s",
        key,
    )[0]
    assert row == ("late", caller.disposition("t_no_answer"))
    # Sent once more, nothing changes.
    caller.close(call, key, notes="later still")
    books.assert_balance(calls=1)
    assert books.value("SELECT notes FROM telemarketing_interaction") == "late"


# ------------------------------------------------------------------ PostgreSQL
class Cluster:
    """A PostgreSQL of this test's own, so that restarting it disturbs nobody."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.bin = Path(shutil.which("initdb") or self._newest()).parent
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @staticmethod
    def _newest():
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not found:
            pytest.skip("no PostgreSQL programs here to start one of our own")
        return found[-1]

    def run(self, program, *arguments):
        command = [str(self.bin / program), *map(str, arguments)]
        if os.getuid() == 0:
            # PostgreSQL refuses to run as root.
            command = ["setpriv", "--reuid=postgres", "--regid=postgres"] + [
                *("--clear-groups", "--"),
                *command,
            ]
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=120,
        )

    def start(self):
        self.data.mkdir(parents=True)
        if os.getuid() == 0:
            for place in (self.folder, self.data):
                shutil.chown(place, "postgres", "postgres")
        self.run("initdb", "-D", self.data, "-U", "odoo", "-A", "trust", "-E", "UTF8")
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
                # Not for a power cut: PostgreSQL is killed, the machine is not.
                "fsync = off\n"
                f"unix_socket_directories = '{self.folder}'\nmax_connections = 100\n"
            )
        self.control("start")

    def control(self, *action):
        log = self.folder / "log"
        self.run("pg_ctl", "-D", self.data, "-l", log, "-w", "-t", 60, *action)

    @property
    def environment(self):
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "odoo"}

    def copy(self, name):
        """A database of the usual server, brought here."""
        environment = {**os.environ, **self.environment}
        subprocess.run(["createdb", name], check=True, env=environment)
        with subprocess.Popen(
            ["pg_dump", "--no-owner", name], stdout=subprocess.PIPE
        ) as dump:
            subprocess.run(
                ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", name],
                check=True,
                env=environment,
                stdin=dump.stdout,
                stdout=subprocess.DEVNULL,
            )
        assert dump.returncode == 0
        subprocess.run(["psql", "-X", "-q", "-c", "ANALYZE", name], env=environment)


@pytest.fixture
def cluster():
    # Not in pytest's own folder: the user postgres must be able to enter it.
    folder = Path(f"/tmp/tm-whole-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    folder.mkdir(mode=0o755)
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        if (cluster.data / "postmaster.pid").exists():
            cluster.control("-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def test_calls_go_on_after_postgresql_crashed(books, cluster, make_server, parallel):
    cluster.copy(books.name)
    elsewhere = type(books)(
        books.name, host="127.0.0.1", port=cluster.port, user="odoo"
    )
    server = make_server(elsewhere, environment=cluster.environment)
    process = server.process.pid
    keys = flood(
        server, 5, 9, parallel, lambda: cluster.control("-m", "immediate", "restart")
    )
    # The same server goes on by itself.
    assert server.process.poll() is None and server.process.pid == process
    elsewhere.assert_balance(calls=45)
    known = elsewhere.rows("SELECT uuid FROM telemarketing_interaction")
    assert {row[0] for row in known} == set(keys)


# ------------------------------------------------------------------ import
def readers(server):
    """Processes that read files for this server."""
    below = f"/proc/{server.process.pid}/task"
    found = []
    for task in os.listdir(below):
        with open(f"{below}/{task}/children") as children:
            found += children.read().split()
    return [pid for pid in found if b"worker.py" in _command(pid)]


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_file_being_loaded_when_the_server_dies_is_loaded_once(books, make_server):
    # Several chunks, read by a second process.
    rows = 40_000
    server = make_server(books, crons=1)
    admin = server.admin()
    database = admin.rpc(
        "telemarketing.database",
        "create",
        [
            {
                "name": "Big",
                "campaign_id": admin.campaign,
                "legal_basis": "consent",
                "basis_date": str(date.today() - timedelta(days=30)),
                "basis_source": "Coupon of the spring fair",
                "required_fields": "phone,name",
            }
        ],
    )[0]
    lines = ["Nombre;Telefono"]
    lines += [f"Gran {n};{610000000 + n}" for n in range(rows)]
    job = admin.rpc(
        "telemarketing.import",
        "create",
        [
            {
                "database_id": database,
                "filename": "big.csv",
                "file": base64.b64encode("\n".join(lines).encode()).decode(),
            }
        ],
    )[0]
    admin.rpc(
        *("ir.config_parameter", "set_param", "telemarketing.import_processes", "2")
    )
    admin.rpc("telemarketing.import", "action_read", [job])

    def position():
        return books.rows(
            "SELECT position, state FROM telemarketing_import WHERE id = %s", job
        )[0]

    admin.rpc("telemarketing.import", "action_load", [job])
    for _try in range(6000):
        if position()[0]:
            break
        time.sleep(0.01)
    assert readers(server), "one process reads and loads"
    server.kill()
    reached, state = position()
    assert 0 < reached < rows and state == "loading"
    server.start()
    for _try in range(1200):
        if position()[1] != "loading":
            break
        server.wake_crons()
        time.sleep(0.1)
    assert position() == (rows, "done")
    assert not readers(server)
    loaded = books.rows(
        """SELECT count(*), count(DISTINCT import_row), count(DISTINCT name)
           FROM telemarketing_contact WHERE import_id = %s""",
        job,
    )[0]
    assert loaded == (rows, rows, rows)
    assert (
        books.value(
            "SELECT count(*) FROM telemarketing_target WHERE database_id = %s", database
        )
        == rows
    )
    assert (
        books.value(
            """SELECT count(*) FROM telemarketing_contact_phone p
           JOIN telemarketing_contact c ON c.id = p.contact_id
           WHERE c.database_id = %s""",
            database,
        )
        == rows
    )


UPLOAD = """
import base64
campaign = env["telemarketing.campaign"].search([("name", "=", "Faults")])
lines = ["Nombre;Telefono"] + [f"Gran {{n}};{{610000000 + n}}" for n in range({rows})]
for who in ("one", "two"):
    database = env["telemarketing.database"].create({{
        "name": who, "campaign_id": campaign.id, "legal_basis": "client",
        "required_fields": "phone,name"}})
    job = env["telemarketing.import"].create({{
        "database_id": database.id, "filename": "big.csv",
        "file": base64.b64encode("\\n".join(lines).encode()),
    }})
    job.action_read()
    job.action_load()
env.cr.commit()
print("READY")
"""
LOAD = """
import pathlib, time
folder = pathlib.Path({folder!r})
job = env["telemarketing.import"].search([("database_id.name", "=", {who!r})])
(folder / {who!r}).touch()
while not ((folder / "one").exists() and (folder / "two").exists()):
    time.sleep(0.02)
env.cr.rollback()
job._load()
print("LOADED", job.state, job.loaded, job.bad, job.error)
"""


def test_two_people_loading_the_same_file_at_once_load_nobody_twice(
    books, parallel, tmp_path
):
    rows = 20_000

    def shell(name, script, expected):
        log = tmp_path / f"{name}.log"
        log.write_bytes(b"")
        code = databases.run_odoo(
            books.name,
            *("--shell-interface", "python"),
            command="shell",
            stdin=script,
            log=log,
        )
        assert code == 0 and expected in log.read_text(), log.read_text()[-3000:]

    def load(who):
        script = LOAD.format(who=who, folder=str(tmp_path))
        shell(f"load-{who}", script, "LOADED done")

    shell("upload", UPLOAD.format(rows=rows), "READY")
    parallel(lambda: load("one"), lambda: load("two"))
    jobs = books.rows(
        "SELECT loaded, bad, position FROM telemarketing_import"
        " WHERE filename = 'big.csv'"
    )
    assert sum(loaded for loaded, _bad, _position in jobs) == rows
    assert all(position == rows for _loaded, _bad, position in jobs)
    assert all(loaded + bad == rows for loaded, bad, _position in jobs)
    found = books.rows(
        """SELECT count(*), count(DISTINCT p.e164) FROM telemarketing_contact_phone p
           JOIN telemarketing_contact c ON c.id = p.contact_id
           WHERE c.import_id IN (SELECT id FROM telemarketing_import
                                 WHERE filename = 'big.csv')"""
    )
    assert found == [(rows, rows)]
