"""A real server, a committed database, real PostgreSQL: what no module test can prove.

Run by ./tm test whole.
"""

import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import databases
import psycopg2
import pytest
import requests
import websocket

HOME = Path(os.environ.get("TM_HOME") or Path(__file__).resolve().parents[3])
LOGS = HOME / "artefacts" / "logs"
PREFIX = os.environ.get("TM_TEST_PREFIX") or f"tm_t_{os.getpid()}_"
DESK = "/odoo/telemarketing-desk"
SCREENSHOTS = HOME / "artefacts" / "screenshots"
AGENTS = 20
# People per database; the campaign has two.
PEOPLE = 200

# Run once in Odoo's shell: what every test starts from, through the product's own
# ways. The clock is wound to working hours, so that calls are allowed at any hour.
GROUND = f"""
import base64, datetime
parameters = env["ir.config_parameter"].sudo()
parameters.set_param("telemarketing.demo_database", "1")
env["telemarketing.clock"]._wind(always=True)
now = env["telemarketing.clock"]._now()
env["telemarketing.campaign"].search([("state", "=", "running")]).action_pause()
ref = lambda name: env.ref("telemarketing_base." + name).id
users = env["res.users"].with_context(no_reset_password=True)
agents = users.create([
    {{"name": f"Agent {{i}}", "login": f"agent{{i}}", "password": f"agent{{i}}",
     "lang": "en_US", "group_ids": [(6, 0, [ref("group_agent")])]}}
    for i in range({AGENTS})
])
env.ref("base.user_admin").write(
    {{"password": "admin", "group_ids": [(4, ref("group_manager"))]}}
)
campaign = env["telemarketing.campaign"].create({{
    "name": "Faults", "kind": "telesales", "agent_ids": [(6, 0, agents.ids)],
    "preview_results": False,
}})
campaign.action_start()
for code, values in {{
    "t_no_answer": {{"kind": "redial_same"}},
    "t_useful": {{"kind": "none", "outcome": "useful", "qualifies": True}},
}}.items():
    env["telemarketing.disposition"].create({{"name": code, "code": code, **values}})
for letter in "AB":
    database = env["telemarketing.database"].create(
        {{"name": letter, "campaign_id": campaign.id, "legal_basis": "consent",
         "basis_date": now.date() - datetime.timedelta(days=30),
         "basis_source": "Coupon of the spring fair",
         "required_fields": "phone,name"}}
    )
    first = {{"A": 600100000, "B": 600200000}}[letter]
    rows = ["Nombre;Telefono"] + [
        f"Persona {{letter}}{{n}};{{first + n}}" for n in range({PEOPLE})
    ]
    job = env["telemarketing.import"].create({{
        "database_id": database.id, "filename": letter + ".csv",
        "file": base64.b64encode("\\n".join(rows).encode()),
    }})
    job.action_read()
    job.action_load()
    job._load()
    assert job.loaded == {PEOPLE}, (job.loaded, job.error, job.row_ids.mapped("reason"))
env["ir.cron"].search([]).write({{"nextcall": "2100-01-01 00:00:00"}})
env["ir.cron.trigger"].sudo().search([]).unlink()
env.cr.commit()
print("GROUND READY")
"""


class RemoteError(Exception):
    """The server answered with an error; ``name`` is its Python class."""

    def __init__(self, error):
        super().__init__(error["data"]["message"])
        self.name = error["data"]["name"]


class Books:
    """SQL on the test's database, from outside Odoo."""

    def __init__(self, name, **connection):
        self.name, self.connection = name, connection
        self.remembered = {}

    def rows(self, sql, *arguments):
        connection = psycopg2.connect(dbname=self.name, **self.connection)
        connection.autocommit = True
        try:
            with connection.cursor() as cr:
                cr.execute(sql, arguments)
                return cr.fetchall() if cr.description else []
        finally:
            connection.close()

    def value(self, sql, *arguments):
        return self.rows(sql, *arguments)[0][0]

    def known(self, sql, *arguments):
        """A value that does not change: asked for once."""
        key = (sql, *arguments)
        if key not in self.remembered:
            self.remembered[key] = self.value(sql, *arguments)
        return self.remembered[key]

    def move_clock(self, seconds):
        """For processes that have not asked yet; restart the server for the others."""
        self.rows(
            "UPDATE ir_config_parameter SET value = (value::int + %s)::text"
            " WHERE key = 'telemarketing.clock_shift_seconds'",
            seconds,
        )

    def assert_balance(self, calls, lost=0):
        """Each of ``calls``: one interaction, one attempt, one call in the figures."""
        found = dict(
            self.rows(
                """SELECT 'interactions', count(*) FILTER (WHERE is_call)
                       FROM telemarketing_interaction
                   UNION ALL SELECT 'uuids', count(DISTINCT uuid) FILTER (WHERE is_call)
                       FROM telemarketing_interaction
                   UNION ALL SELECT 'closed', count(*)
                       FROM telemarketing_interaction WHERE state = 'done'
                   UNION ALL SELECT 'lost', count(*)
                       FROM telemarketing_interaction WHERE lost
                   UNION ALL SELECT 'attempts', COALESCE(SUM(attempts), 0)
                       FROM telemarketing_target
                   UNION ALL SELECT 'dials', COALESCE(SUM(attempts), 0)
                       FROM telemarketing_number
                   UNION ALL SELECT 'figures', SUM(calls) FROM (
                       SELECT COALESCE(SUM(calls), 0) AS calls
                           FROM telemarketing_stat_call
                       UNION ALL SELECT COALESCE(SUM(calls), 0)
                           FROM telemarketing_stat_call_delta) AS both_parts"""
            )
        )
        wanted = dict.fromkeys(
            ("interactions", "uuids", "closed", "attempts", "dials", "figures"), calls
        )
        assert found == {**wanted, "lost": lost}
        assert not self.rows(
            """SELECT leased_by_id FROM telemarketing_target
               WHERE state IN ('leased', 'talking', 'wrap_up')
               GROUP BY 1 HAVING count(*) > 1"""
        )


class Agent:
    """A browser tab: one HTTP session, one desk token; sends what it did not get an
    answer to again, as the desk's outbox does."""

    def __init__(self, url, login, books):
        self.url, self.login, self.books = url, login, books
        self.http = requests.Session()
        self.token = str(uuid.uuid4())
        self.authenticate()

    def authenticate(self):
        answer = self.http.post(
            f"{self.url}/web/session/authenticate",
            json={
                "params": {
                    "db": self.books.name,
                    "login": self.login,
                    "password": self.login,
                }
            },
            timeout=60,
        ).json()
        assert answer.get("result", {}).get("uid"), answer

    def twin(self):
        """The same tab once more: for requests sent at the same time."""
        other = object.__new__(Agent)
        other.__dict__.update(self.__dict__)
        other.http = requests.Session()
        other.http.cookies.update(self.http.cookies)
        return other

    def rpc(self, model, method, *args, **kwargs):
        answer = self.http.post(
            f"{self.url}/web/dataset/call_kw/{model}/{method}",
            json={
                "jsonrpc": "2.0",
                "method": "call",
                "params": {
                    "model": model,
                    "method": method,
                    "args": args,
                    "kwargs": kwargs,
                },
            },
            timeout=60,
        )
        answer.raise_for_status()
        answer = answer.json()
        if "error" in answer:
            raise RemoteError(answer["error"])
        return answer["result"]

    def desk(self, method, **kwargs):
        return self.rpc("telemarketing.desk", method, token=self.token, **kwargs)

    def sit_down(self):
        answer = self.desk("open_desk")
        if answer["other_seat"]:
            answer = self.desk("take_over")
        if not answer["campaign"]:
            self.desk("choose_campaign", campaign_id=self.campaign)
        return answer["call"]

    @property
    def campaign(self):
        return self.books.known(
            "SELECT id FROM telemarketing_campaign WHERE name = %s", "Faults"
        )

    def next(self):
        return self.desk("get_next")["call"]

    def dial(self, call, key=None):
        return self.desk(
            "dial",
            uuid=key or str(uuid.uuid4()),
            target_id=call["target"]["id"],
            phone_id=call["target"]["suggested_phone_id"],
        )

    def close(self, call, key, code="t_no_answer", following=True, **payload):
        return self.desk(
            "close_and_get_next",
            uuid=key,
            target_id=call["target"]["id"],
            disposition_id=self.disposition(code),
            payload=payload,
            next=following,
        )

    def disposition(self, code):
        return self.books.known(
            "SELECT id FROM telemarketing_disposition WHERE code = %s", code
        )

    def stubborn(self, method, *arguments, **keywords):
        """Call until there is an answer; the server may be down in between."""
        for _try in range(300):
            try:
                return method(*arguments, **keywords)
            except (requests.RequestException, RemoteError) as error:
                if isinstance(error, RemoteError) and "psycopg2" not in error.name:
                    raise
                time.sleep(0.2)
        raise AssertionError("the server did not come back")


class Server:
    """Odoo in a process of its own, to be killed and started again on its port."""

    def __init__(self, books, title, crons=0, environment=None):
        self.books, self.crons = books, crons
        self.port = databases.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, **(environment or {})}
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"whole-{title}.log"
        self.log.write_bytes(b"")
        self.process = None

    def start(self):
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "odoo", "-d", self.books.name),
                    *("--db-filter", f"^{self.books.name}$"),
                    *("--data-dir", str(databases.DATA / "odoo")),
                    *("--http-interface", "127.0.0.1", "--http-port", str(self.port)),
                    *("--max-cron-threads", str(self.crons)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )
        for _try in range(600):
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            with contextlib.suppress(requests.RequestException):
                # Answered by the database's own registry: it is loaded then.
                if requests.get(f"{self.url}/web/login", timeout=60).ok:
                    return self
            time.sleep(0.1)
        raise AssertionError(f"no answer from the server: see {self.log}")

    def kill(self):
        """What a power cut does to it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def restart(self):
        self.kill()
        return self.start()

    def agent(self, number=0, login=None):
        return Agent(self.url, login or f"agent{number}", self.books)

    def admin(self):
        return Agent(self.url, "admin", self.books)

    def wake_crons(self):
        """They look once a minute by themselves."""
        databases.query("SELECT pg_notify('cron_trigger', %s)", self.books.name)

    def run_cron(self, admin, name):
        cron = self.books.value(
            "SELECT res_id FROM ir_model_data"
            " WHERE module = 'telemarketing_base' AND name = %s",
            name,
        )
        admin.rpc("ir.cron", "method_direct_trigger", [cron])


def in_parallel(*works):
    """Run these at the same time; their results in order, errors raised."""
    results, errors = [None] * len(works), []
    barrier = threading.Barrier(len(works))

    def run(place, work):
        try:
            barrier.wait(60)
            results[place] = work()
        except Exception as error:
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=item, daemon=True)
        for item in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
        assert not thread.is_alive(), "a request hangs"
    if errors:
        raise errors[0]
    return results


class Browser:
    """Chromium through its debugging protocol: opens a page, asks it, clicks."""

    def __init__(self):
        program = next(
            filter(None, map(shutil.which, ("chromium", "google-chrome"))), None
        )
        if not program:
            pytest.skip("Chromium is not there")
        self.folder = tempfile.mkdtemp(prefix="tm-chromium-")
        self.process = subprocess.Popen(
            [
                *(program, "--headless=new", "--no-sandbox", "--disable-gpu"),
                *("--disable-dev-shm-usage", "--no-first-run", "--mute-audio"),
                *("--disable-background-networking", "--disable-extensions"),
                *("--window-size=1366,768", "--remote-debugging-port=0"),
                *(f"--user-data-dir={self.folder}", "about:blank"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        port = self._port()
        pages = requests.get(f"http://127.0.0.1:{port}/json", timeout=30).json()
        page = next(page for page in pages if page["type"] == "page")
        self.socket = websocket.create_connection(
            page["webSocketDebuggerUrl"], suppress_origin=True, timeout=60
        )
        self.numbers = itertools.count(1)

    def _port(self):
        file = Path(self.folder) / "DevToolsActivePort"
        for _try in range(600):
            if file.exists() and (lines := file.read_text().splitlines()):
                return int(lines[0])
            assert self.process.poll() is None, "Chromium ended while starting"
            time.sleep(0.1)
        raise AssertionError("Chromium does not answer")

    def send(self, method, **params):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def run(self, script):
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script):
        """Wait for the script to be true; its value."""
        for _try in range(600):
            if value := self.run(script):
                return value
            time.sleep(0.1)
        seen = self.run("document.body.innerText.slice(0, 2000)")
        raise AssertionError(f"never true: {script}\n{seen}")

    def click(self, selector):
        selector = json.dumps(selector)
        self.until(
            f"(() => {{ const found = document.querySelector({selector});"
            " if (!found || found.disabled) return false;"
            " found.click(); return true; })()"
        )

    def phase(self, name):
        self.until(f"!!document.querySelector('.o_tm_desk[data-phase={name}]')")

    def write(self, selector, text):
        self.click(selector)
        self.run(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            f" found.focus(); found.value = {json.dumps(text)};"
            " found.dispatchEvent(new InputEvent('input', {bubbles: true})); })()"
        )

    def open_desk(self, agent):
        self.send(
            "Network.setCookie",
            name="session_id",
            value=agent.http.cookies["session_id"],
            url=agent.url,
        )
        self.send("Page.navigate", url=agent.url + DESK)
        self.until("!!document.querySelector('.o_tm_desk')")

    def size(self, width, height, touch=False):
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )
        self.run("new Promise((done) => setTimeout(done, 500))")

    def look(self, name, width, height):
        """A screenshot of this size, kept in ``artefacts/screenshots``."""
        self.size(width, height)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        picture = self.send("Page.captureScreenshot", format="png")["data"]
        path = SCREENSHOTS / f"{name}-{width}x{height}.png"
        path.write_bytes(base64.b64decode(picture))

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


# ------------------------------------------------------------------ fixtures
@pytest.fixture(scope="session")
def ground():
    """Name of the database from which each test's is cloned."""
    log = LOGS / "whole-ground.log"
    LOGS.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    name = PREFIX + "whole_ground"
    # Without demo data: these tests count every call that there is.
    databases.clone(databases.ours(False, log), name)
    code = databases.run_odoo(
        name, "--shell-interface", "python", command="shell", stdin=GROUND, log=log
    )
    assert code == 0 and "GROUND READY" in log.read_text(), log.read_text()[-3000:]
    yield name
    databases.drop(name)


@pytest.fixture
def make_books():
    made = []

    def make(template, name):
        made.append(PREFIX + name)
        databases.clone(template, made[-1])
        databases.fast(made[-1])
        return Books(made[-1])

    yield make
    for name in made:
        databases.drop(name)


@pytest.fixture
def books(ground, make_books, request):
    return make_books(ground, "whole_" + request.node.name[5:40])


@pytest.fixture
def make_server(request):
    made = []

    def make(books, **options):
        server = Server(books, request.node.name[5:], **options)
        made.append(server)
        return server.start()

    yield make
    for server in made:
        server.kill()


@pytest.fixture
def server(books, make_server):
    return make_server(books)


@pytest.fixture
def parallel():
    return in_parallel


@pytest.fixture
def remote_error():
    return RemoteError


@pytest.fixture
def browser():
    opened = []

    def make():
        opened.append(Browser())
        return opened[-1]

    yield make
    for one in opened:
        if one.process.poll() is None:
            one.kill()
