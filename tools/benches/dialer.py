"""The dialer on two real Asterisks, with Odoo, PostgreSQL and desks on the same cores.

What becomes of a number, when, and how long the talk and its wrap-up last stands in a
file before anybody dials: the network plays it, the desks keep to it, and the pacer's
simulator plays the same file with the same pacer. Desks are websocket clients, one is a
real Chromium. Times are from the person's Up, by the dialer's and the desks' clocks of
one machine.
Afterwards the events that Asterisk sent are replayed to a bridge that knows all those
calls: how many it handles in a second.
"""

import asyncio
import collections
import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import aiohttp
import databases
import dialing
import psutil
import psycopg2
import suite
import telephone as real

from . import common
from .shift import Servers

NAME = "dialer"
# Agents and minutes; the bars are asked of the first.
RUNS = ((50, 15), (10, 5), (20, 5), (100, 5))
QUICK = ((6, 1),)
ANSWER = 0.15
SEED = 7
# Files by which the simulator says how far chance alone goes.
WORLDS = 200
JOIN, POP, EVENTS, TALK = 300, 500, 5000, 0.03
SCENARIO = {
    "campaigns": [
        {
            "answer": ANSWER,
            # No detection: what answers is a person.
            "others": {
                "no_answer": 0.81,
                "busy": 0.14,
                "machine": 0.0,
                "unallocated": 0.05,
            },
        }
    ]
}
FATES = {"no_answer": "noanswer", "busy": "busy", "unallocated": "unallocated"}


# ------------------------------------------------------------------ the file
def world(seed, count):
    """``[(person?, Number)]`` as the simulator draws them."""
    from odoo.addons.telemarketing_dialer.pacing.simulation import laws, scenario

    law = scenario.complete({**SCENARIO, "agents": 1})["campaigns"][0]
    numbers = laws.Numbers(law, seed)
    return [numbers.next(0.0) for _n in range(count)]


def outcomes(people):
    """As ``telephone.Telephone`` wants them."""
    found = {}
    for national, (person, number) in zip(
        dialing.numbers(len(people)), people, strict=True
    ):
        if person:
            fate = ("answer", number.ring, number.talk)
        else:
            fate = (FATES[number.kind], number.result, 0.0)
        found[str(national)] = fate
    return found


class Listed:
    """The file as the simulator's numbers."""

    def __init__(self, people):
        self.people = iter(people)

    def next(self, now):
        return next(self.people)


def simulate(people, agents, minutes, seed):
    """:return: the figures of such minutes"""
    from odoo.addons.telemarketing_dialer.pacing import Pacer, Settings
    from odoo.addons.telemarketing_dialer.pacing.simulation import day, scenario

    plan = scenario.complete(
        {**SCENARIO, "agents": agents, "hours": minutes / 60, "delay": 0.05}
    )
    pacer = Pacer({"a": Settings(target=0.02, limit=0.03)})
    played = day.Day(plan, seed, pacer, {"a": Listed(people)})
    played.run()
    counts = played.counts["a"]
    return {
        "talk_minutes": counts["talk"] / 60,
        "connected": counts["connected"],
        "abandoned": counts["abandoned"],
        "dials": counts["dials"],
    }


def chance(agents, minutes, count, worlds):
    """Between which numbers of abandoned calls 95 of 100 files lie, and the talk."""
    found = [
        simulate(world(f"chance {n}", count), agents, minutes, n) for n in range(worlds)
    ]
    lost = sorted(one["abandoned"] for one in found)
    talk = sorted(one["talk_minutes"] for one in found)
    low, high = int(0.025 * worlds), min(worlds - 1, int(0.975 * worlds))
    return {
        "abandoned": (lost[low], lost[high]),
        "talk_minutes": (talk[low], talk[high]),
    }


# ------------------------------------------------------------------ who uses what
class Load:
    """Processor seconds by kind of process, between two looks."""

    def __init__(self, **groups):
        self.groups = groups

    def look(self):
        found = collections.Counter()
        for name, pids in self.groups.items():
            for pid in pids():
                with contextlib.suppress(psutil.Error):
                    times = psutil.Process(pid).cpu_times()
                    found[name] += times.user + times.system
        return time.monotonic(), found

    @staticmethod
    def between(one, two):
        seconds = two[0] - one[0]
        return {
            name: round(100 * (two[1][name] - one[1][name]) / seconds, 1)
            for name in two[1]
        }


def family(process):
    def pids():
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(process.pid)
            return [parent.pid, *(c.pid for c in parent.children(recursive=True))]
        return []

    return pids


def backends(database):
    def pids():
        rows = databases.query(
            "select pid from pg_stat_activity where datname = %s", database
        )
        return [pid for (pid,) in rows]

    return pids


# ------------------------------------------------------------------ a real browser
PAGE = """
(() => {
  window.tmPops = [];
  let shown = "";
  setInterval(() => {
    const campaign = document.querySelector(
        '[data-campaign-id="CAMPAIGN"]:not(.o_tm_chosen)');
    if (campaign && !campaign.disabled) { campaign.click(); }
    const result = [...document.querySelectorAll('.o_tm_results button')].find(
        (b) => b.querySelector('kbd')?.textContent.trim() === '1');
    const wrap = document.querySelector('.o_tm_state_wrap_up, .o_tm_state_wrap');
    if (wrap && result && !result.disabled) {
      window.tmWrap = (window.tmWrap || 0) + 1;
      if (window.tmWrap > 20) { window.tmWrap = 0; result.click(); }
    }
  }, 250);
  new MutationObserver(() => {
    const name = document.querySelector('.o_tm_person .o_tm_name')?.textContent || "";
    if (name && name !== shown) { window.tmPops.push([name, Date.now()]); }
    shown = name;
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
})()
"""


class Chromium:
    """One agent's real browser, by its debugging protocol."""

    def __init__(self, url, login, campaign):
        self.url, self.login, self.campaign = url, login, campaign
        program = next(
            filter(None, map(shutil.which, ("chromium", "google-chrome"))), None
        )
        if not program:
            raise databases.Failure("Chromium is not there: apt-get install chromium")
        self.folder = tempfile.mkdtemp(prefix="tm-bench-chromium-")
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
        )
        self.number = 0

    async def open(self):
        file = Path(self.folder) / "DevToolsActivePort"
        for _try in range(600):
            if file.exists() and (lines := file.read_text().splitlines()):
                break
            await asyncio.sleep(0.1)
        self.http = aiohttp.ClientSession()
        async with self.http.get(f"http://127.0.0.1:{lines[0]}/json") as answer:
            pages = await answer.json(content_type=None)
        page = next(page for page in pages if page["type"] == "page")
        self.socket = await self.http.ws_connect(
            page["webSocketDebuggerUrl"], max_msg_size=0
        )
        await self.send("Page.navigate", url=f"{self.url}/web/login")
        await self.until("document.querySelector('form.oe_login_form') !== null")
        await self.run(
            f"""document.querySelector('#login').value = '{self.login}';
            document.querySelector('#password').value = '{self.login}';
            document.querySelector('form.oe_login_form').submit()"""
        )
        await asyncio.sleep(2)
        await self.send("Page.navigate", url=f"{self.url}/odoo/telemarketing-desk")
        await self.until("document.querySelector('[data-campaign-id]') !== null")
        await self.run(PAGE.replace("CAMPAIGN", str(self.campaign)))

    async def send(self, method, **params):
        self.number += 1
        await self.socket.send_json(
            {"id": self.number, "method": method, "params": params}
        )
        async for message in self.socket:
            answer = json.loads(message.data)
            if answer.get("id") == self.number:
                return answer.get("result", {})
        raise databases.Failure("Chromium has ended")

    async def run(self, script):
        answer = await self.send(
            "Runtime.evaluate", expression=script, returnByValue=True
        )
        return answer.get("result", {}).get("value")

    async def until(self, script):
        for _try in range(900):
            if await self.run(script):
                return
            await asyncio.sleep(0.1)
        seen = await self.run("location.href + ' ' + document.body.innerText")
        raise databases.Failure(f"Chromium: it did not come: {script}; {seen}")

    async def close(self):
        with contextlib.suppress(Exception):
            await self.http.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Listening(dialing.Desk):
    """Hears what the Chromium's agent is told, and does nothing."""

    async def sit_down(self):
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        await self.request(
            "/web/session/authenticate",
            db=self.database,
            login=self.login,
            password=self.login,
        )
        self.answers = {}
        await self._listen()

    def _heard(self, kind, payload):
        if kind == "telemarketing.dialer" and payload["what"] == "pop":
            self.answers[payload["call"]["contact"]["name"]] = payload["answered_at"]


# ------------------------------------------------------------------ the stream
class Tap:
    """A second connection to the manager: keeps what comes, as it comes."""

    def __init__(self, telephone, seconds):
        self.telephone, self.seconds = telephone, seconds
        self.pieces = []

    async def run(self):
        reader, writer = await asyncio.open_connection(
            self.telephone.host, self.telephone.port
        )
        writer.write(
            f"Action: Login\r\nUsername: {self.telephone.user}\r\n"
            f"Secret: {self.telephone.secret}\r\n\r\n".encode()
        )
        end = time.monotonic() + self.seconds
        with contextlib.suppress(asyncio.TimeoutError):
            while time.monotonic() < end:
                piece = await asyncio.wait_for(
                    reader.read(65536), end - time.monotonic()
                )
                if not piece:
                    break
                self.pieces.append(piece)
        writer.close()


class Blind:
    """A link that hears and cannot be spoken to."""

    up = False

    async def action(self, *_args):
        from odoo.addons.telemarketing_dialer.ami import LinkLost

        raise LinkLost("a replay")


def replay(pieces, rows, agents):
    """Events a second that a bridge handles which knows all these calls.

    :param rows: uuids of the calls
    :param agents: ids of the sessions
    """
    from odoo.addons.telemarketing_dialer import bridge as kernel
    from odoo.addons.telemarketing_dialer.ami import Decoder
    from odoo.addons.telemarketing_dialer.bridge.moving import known

    class Nothing(kernel.Store):
        async def log(self, *_args):
            pass

        finish = deliver = state = phone = backoff = log

    async def whole():
        campaign = kernel.Campaign(
            1, "predictive", True, 0.02, 0.03, "2026-01-01", (1,)
        )
        server = kernel.Server(
            *(1, 1, "", 0, "", "", False, "PJSIP/{extension}", 30, "", "", False)
        )
        people = tuple(
            kernel.Agent(one, one, "1", 1, "ready", True, False) for one in agents
        )
        one = kernel.Bridge(Nothing(), None, time.time)
        one.client = Blind()
        one.server, one.campaigns = server, {1: campaign}
        trunk = kernel.Trunk(1, 500, 50.0, False, 0.0)
        snapshot = kernel.Snapshot(
            server, (campaign,), (trunk,), people, (), (), None, time.time()
        )
        one._refresh_campaigns(snapshot, True)
        one._refresh_agents(snapshot, time.time())
        for agent in agents:
            leg = one.legs[agent]
            leg.id, leg.phone, leg.channel = f"tma-{agent}-1", "up", "PJSIP/x"
            one.legs_by_id[leg.id] = leg
        for uuid in rows:
            one.calls[uuid] = known(
                kernel.Attempt(
                    *(uuid, 1, "", 1, "", 25, None, "", "", False, "", time.time())
                )
            )
        count, begun = 0, time.perf_counter()
        decoder = Decoder()
        for piece in pieces:
            for message in decoder.feed(piece):
                if "Event" in message:
                    one.hear(message)
                    count += 1
            # What the events set off is done too, as in the process.
            await asyncio.sleep(0)
        seconds = time.perf_counter() - begun
        one.writer.stop()
        return {
            "events": count,
            "seconds": round(seconds, 3),
            "per_second": count / seconds,
        }

    return asyncio.run(whole())


# ------------------------------------------------------------------ a run
def rows(database, sql, *values):
    with contextlib.closing(psycopg2.connect(dbname=database)) as connection:
        with connection.cursor() as cr:
            cr.execute(sql, values)
            return cr.fetchall()


def clock(database):
    """The one that rules ask, wound to working hours."""
    return rows(
        database,
        "SELECT now() AT TIME ZONE 'UTC' + make_interval(secs => value::int)"
        " FROM ir_config_parameter WHERE key = 'telemarketing.clock_shift_seconds'",
    )[0][0]


CALLS = """
    SELECT uuid, dial_outcome, wait_ms, bridged_at IS NOT NULL,
           extract(epoch FROM COALESCE(ended_at, %s) - bridged_at), state
    FROM telemarketing_interaction WHERE dialer_server_id = %s AND started_at >= %s
    ORDER BY id"""


async def at_work(servers, lines, dialer, ids, agents, minutes, people, name):
    result = rows(
        name, "SELECT id FROM telemarketing_disposition WHERE code = 't_useful'"
    )[0][0]
    wraps = {
        f"+34{national}": number.wrap
        for national, (_person, number) in zip(
            dialing.numbers(len(people)), people, strict=True
        )
    }

    def wrap(call):
        return wraps[call["phones"][0]["e164"]]

    desks = [
        dialing.Desk(servers.url, name, n, ids["campaign"], result, wrap)
        for n in range(1, agents)
    ]
    browser = Chromium(servers.url, "agent0", ids["campaign"])
    beside = Listening(servers.url, name, 0, ids["campaign"], result)
    try:
        for begin in range(0, len(desks), 5):
            await asyncio.gather(*(d.sit_down() for d in desks[begin : begin + 5]))
        await browser.open()
        await beside.sit_down()
        for _try in range(600):
            up = rows(
                name,
                "SELECT count(*) FROM telemarketing_agent_session"
                " WHERE logout_at IS NULL AND phone_state = 'up'",
            )[0][0]
            if up == agents:
                break
            await asyncio.sleep(0.1)
        else:
            raise databases.Failure(f"{up} of {agents} telephones are connected")
        load = Load(
            centre=family(lines.centre.process),
            network=family(lines.carrier.process),
            dialer=family(dialer.process),
            odoo=family(servers.processes[0]),
            proxy=family(servers.processes[1]),
            postgresql=backends(name),
            browser=family(browser.process),
            desks=lambda: [psutil.Process().pid],
        )
        tap = Tap(lines, min(120, 60 * minutes))
        admin = dialing.Desk(servers.url, name, 0, ids["campaign"], result)
        admin.login = "admin"
        admin.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        await admin.request(
            "/web/session/authenticate", db=name, login="admin", password="admin"
        )
        started = clock(name)
        await admin.request(
            "/web/dataset/call_kw/telemarketing.campaign/action_resume_dialing",
            model="telemarketing.campaign",
            method="action_resume_dialing",
            args=[[ids["campaign"]]],
            kwargs={},
        )
        begun = load.look()
        psutil.cpu_percent()
        listening = None
        end = time.monotonic() + 60 * minutes
        beat = time.monotonic() + 30
        while time.monotonic() < end:
            await asyncio.sleep(0.5)
            if listening is None and end - time.monotonic() < tap.seconds + 5:
                listening = asyncio.ensure_future(tap.run())
            if time.monotonic() > beat:
                beat += 60
                for desk in desks:
                    await desk.beat()
        ended, machine = load.look(), psutil.cpu_percent()
        calls = rows(name, CALLS, clock(name), ids["server"], started)
        pops = await browser.run("window.tmPops")
        for desk in desks:
            desk.working = False
        if listening:
            await listening
        shown = [
            at / 1000 - beside.answers[name_]
            for name_, at in pops or []
            if beside.answers.get(name_)
        ]
        await admin.http.close()
        return {
            "calls": calls,
            "pops": [seconds for desk in desks for _key, seconds in desk.pops],
            "chromium": shown,
            "errors": [error for desk in desks for error in desk.errors],
            "processor": Load.between(begun, ended),
            "machine": machine,
            "tap": tap.pieces,
        }
    finally:
        for desk in [*desks, beside]:
            with contextlib.suppress(Exception):
                await desk.leave()
        await browser.close()


BAD = re.compile(r" (WARNING|ERROR|CRITICAL) ")


def run(agents, minutes, worlds):
    databases.say(f"{agents} agents, {minutes} minutes")
    # Half as many again as the simulator dials.
    count = (
        int(simulate(world(SEED, 20000), agents, minutes, SEED)["dials"] * 1.6) + 200
    )
    people = world(SEED, count)
    expected = simulate(people, agents, minutes, SEED)
    by_chance = chance(agents, minutes, count, worlds)
    name = f"{NAME}_{agents}"
    common.ARTEFACTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        lines = real.Telephone(Path(folder) / "lines", outcomes=outcomes(people))
        log = common.ARTEFACTS / f"bench-{name}.log"
        log.write_bytes(b"")
        database = f"tm_t_bench_{name}"
        databases.install(
            database, ["telemarketing_dialer"], False, log, keep_fast=False
        )
        dialer = dialing.Dialer(database, f"bench-{agents}")
        try:
            lines.start()
            ids = dialing.lay(
                database,
                lines.described(),
                f"bench-{agents}",
                agents=agents,
                numbers=dialing.numbers(count),
                channels=1000,
                per_second=50,
                record="always",
                start=False,
                attempts=1,
            )
            places = Path(folder) / "odoo"
            places.mkdir()
            with Servers(database, places) as servers:
                dialer.start()
                found = asyncio.run(
                    at_work(
                        servers, lines, dialer, ids, agents, minutes, people, database
                    )
                )
            sessions = [
                one
                for (one,) in rows(
                    database, "SELECT id FROM telemarketing_agent_session"
                )
            ]
        finally:
            dialer.stop()
            lines.stop()
            databases.drop(database)
    calls = found.pop("calls")
    joined = [wait / 1000 for _u, _o, wait, there, _s, _st in calls if there]
    talk = sum(float(seconds or 0) for *_x, there, seconds, _st in calls if there) / 60
    lost = sum(outcome == "abandoned" for _u, outcome, *_rest in calls)
    answered = sum(
        outcome in ("abandoned", "hung_up", "unknown") for _u, outcome, *_r in calls
    )
    said = [line for line in dialer.log.read_text().splitlines() if BAD.search(line)]
    stream = replay(found.pop("tap"), [uuid for uuid, *_rest in calls], sessions)
    result = {
        "agents": agents,
        "minutes": minutes,
        "dialled": len(calls),
        "talks": len(joined),
        "answer_to_agent": common.summary(joined),
        "answer_to_desk": common.summary(found["pops"]),
        "answer_to_chromium": common.summary(found["chromium"])
        if found["chromium"]
        else None,
        "talk_minutes": round(talk, 1),
        "abandoned": lost,
        "dropped_in_all": answered,
        "simulated": {key: round(value, 1) for key, value in expected.items()},
        "by_chance": by_chance,
        "processor": found["processor"],
        "machine": found["machine"],
        "events": stream,
        "errors": found["errors"] + said,
    }
    result["bars"] = {
        f"answer to agent, p95 ≤ {JOIN} ms": result["answer_to_agent"]["p95"] <= JOIN,
        f"answer to desk, p95 ≤ {POP} ms": result["answer_to_desk"]["p95"] <= POP,
        "no error": not result["errors"],
        "talk within 3 % of the simulator's": abs(talk / expected["talk_minutes"] - 1)
        <= TALK,
        "abandoned inside the simulator's 95 %": by_chance["abandoned"][0]
        <= lost
        <= by_chance["abandoned"][1],
        f"events ≥ {EVENTS} a second": stream["per_second"] >= EVENTS,
    }
    return result


def main(arguments):
    import odoo.init  # noqa: F401  before its addons

    import odoo.addons

    if str(suite.HOME) not in odoo.addons.__path__:
        odoo.addons.__path__.append(str(suite.HOME))
    runs = QUICK if arguments.quick else RUNS
    if arguments.runs:
        runs = [map(int, one.split("x")) for one in arguments.runs.split(",")]
    result = {"machine": common.machine(), "runs": []}
    for agents, minutes in runs:
        one = run(agents, minutes, 20 if arguments.quick else WORLDS)
        result["runs"].append(one)
        common.write(NAME, result, arguments.quick)
        show(one)
    first = result["runs"][0]
    for what, met in first["bars"].items():
        print(f"  {common.verdict(met):<8} {what}")
    return all(first["bars"].values()) or arguments.quick


def show(one):
    times = ("answer_to_agent", "answer_to_desk", "answer_to_chromium")
    common.table(
        f"{one['agents']} agents, {one['minutes']} minutes, answer rate {ANSWER} (ms)",
        ["", "count", "p50", "p95", "p99", "worst"],
        [
            [what, *(one[what][k] for k in ("count", "p50", "p95", "p99", "worst"))]
            for what in times
            if one[what]
        ],
    )
    simulated, by_chance = one["simulated"], one["by_chance"]
    common.table(
        "against the simulator, the same file of outcomes",
        ["", "here", "simulated", "95 % of other files"],
        [
            [
                "talk, minutes",
                one["talk_minutes"],
                simulated["talk_minutes"],
                " to ".join(f"{v:.1f}" for v in by_chance["talk_minutes"]),
            ],
            [
                "abandoned",
                one["abandoned"],
                simulated["abandoned"],
                " to ".join(str(v) for v in by_chance["abandoned"]),
            ],
            ["dialled", one["dialled"], simulated["dials"], ""],
            ["connected", one["talks"], simulated["connected"], ""],
        ],
    )
    common.table(
        "processor, % of a core",
        list(one["processor"]),
        [list(one["processor"].values())],
    )
    stream = one["events"]
    databases.note(
        f"machine {one['machine']} %; {stream['events']} events replayed at"
        f" {stream['per_second']:.0f} a second; errors: {one['errors'][:5]}"
    )
