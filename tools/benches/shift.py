"""A shift: fifty agents close a call every 30 s, Odoo on two workers behind nginx.

Each agent is a browser of its own: its session, its connection, its rhythm. A cycle:
dial, talk (notes saved once), close and get the next; a heartbeat a minute. 85 of 100
results are plain, 12 qualify the person, 3 take an order. Times are the browser's,
through the proxy file that we ship (docs/production/nginx.conf), with crons running.
A fresh worker's first request of a kind loads the registry, views of nothing and every
cache: it is shown apart, read from the server's own log, by process.
Baseline: in the same minutes a salesperson saves and opens an opportunity, through the
same door.
"""

import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import databases
import requests
import suite

from . import close, common

NAME = "shift"
AGENTS = 50
EVERY = 30
MINUTES = 6
MIX = (("plain", 85), ("qualifying", 12), ("with order", 3))
BAR = 150
SHIPPED = suite.HOME / "docs" / "production" / "nginx.conf"
WRAP = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/telemarketing.conf;
}}
"""
LINE = re.compile(
    r"^\S+ \S+ (?P<pid>\d+) INFO .* werkzeug: .*POST \S*\.(?P<method>\w+) HTTP\S+"
    r" (?P<code>\d+) - (?P<queries>\d+) (?P<sql>[\d.]+) (?P<rest>[\d.]+)"
)


# ------------------------------------------------------------------ ground
def hire(name, campaign, count):
    """Agents of the campaign, who all may log in. :return: ids by login"""
    from odoo.fields import Command

    with common.environment(name) as env:
        group = env.ref("telemarketing_base.group_agent")
        users = (
            env["res.users"]
            .with_context(no_reset_password=True)
            .create(
                [
                    {
                        "name": f"Agente {n}",
                        "login": f"agent{n}",
                        "password": f"agent{n}",
                        "group_ids": [Command.set(group.ids)],
                    }
                    for n in range(count)
                ]
            )
        )
        env["telemarketing.campaign"].browse(campaign).agent_ids += users
        return {user.login: user.id for user in users}


class Servers:
    """Odoo on two workers and nginx before them, with the shipped file."""

    def __init__(self, name, folder):
        self.name, self.folder = name, Path(folder)
        self.http, self.gevent, self.front = (databases.free_port() for _ in range(3))
        self.url = f"http://127.0.0.1:{self.front}"
        self.log = common.ARTEFACTS / "bench-shift-server.log"
        self.processes = []

    def __enter__(self):
        # Odoo starts its process for websockets by the name that it was started by:
        # a module's name is none.
        program = self.folder / "odoo"
        program.write_text("from odoo.cli.command import main\n\nmain()\n")
        with open(self.log, "wb") as output:
            self._start(
                output,
                *(sys.executable, str(program), "-d", self.name),
                *("--db-filter", f"^{self.name}$", "--workers", "2"),
                *("--max-cron-threads", "1", "--proxy-mode"),
                *("--gevent-port", str(self.gevent)),
                *("--data-dir", str(databases.DATA / "odoo")),
                *("--http-interface", "127.0.0.1", "--http-port", str(self.http)),
            )
        shipped = SHIPPED.read_text()
        for shown, ours in (
            ("127.0.0.1:8069", f"127.0.0.1:{self.http}"),
            ("127.0.0.1:8072", f"127.0.0.1:{self.gevent}"),
            ("listen 80;", f"listen 127.0.0.1:{self.front};"),
            ("server_name odoo.example.com;", "server_name _;"),
        ):
            if shown not in shipped:
                raise databases.Failure(f"{SHIPPED} has no “{shown}” any more")
            shipped = shipped.replace(shown, ours)
        (self.folder / "telemarketing.conf").write_text(shipped)
        (self.folder / "nginx.conf").write_text(WRAP.format(folder=self.folder))
        with open(common.ARTEFACTS / "bench-shift-nginx.log", "wb") as output:
            nginx = os.environ.get("TM_NGINX", "/usr/sbin/nginx")
            self._start(
                output,
                *(nginx, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")),
            )
        for _try in range(600):
            try:
                if requests.get(f"{self.url}/web/login", timeout=60).ok:
                    return self
            except requests.RequestException:
                pass
            time.sleep(0.1)
        self.__exit__()
        raise databases.Failure(f"Odoo behind nginx does not answer: see {self.log}")

    def _start(self, output, *command):
        self.processes.append(
            subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        )

    def __exit__(self, *_error):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def fresh(self):
        """By method, milliseconds of the first request of each worker process."""
        found = {}
        for line in self.log.read_text(errors="replace").splitlines():
            match = LINE.match(line)
            if match and match["method"] in ("dial", "close_and_get_next"):
                first = found.setdefault(match["method"], {})
                took = 1000 * (float(match["sql"]) + float(match["rest"]))
                first.setdefault(match["pid"], round(took, 1))
        return {method: sorted(first.values()) for method, first in found.items()}


# ------------------------------------------------------------------ people at work
class Worker(threading.Thread):
    """Somebody with a browser, from ``begin`` until ``end``."""

    def __init__(self, door, login, user, plan):
        super().__init__(daemon=True)
        self.door, self.login, self.user, self.plan = door, login, user, plan
        self.samples, self.failed = [], None
        self.rng = random.Random(login)

    def run(self):
        try:
            self.work()
        except Exception as error:  # told by the bench, which then fails
            self.failed = error

    def call(self, title, model, method, *args, **kwargs):
        begun = time.monotonic()
        answer, seconds, _none = self.door.call(
            self.user, model, method, *args, **kwargs
        )
        if title:
            self.samples.append((title, begun, seconds))
        return answer

    def sleep_until(self, moment):
        time.sleep(max(0, moment - time.monotonic()))


class Agent(Worker):
    def desk(self, title, method, **kwargs):
        return self.call(
            title, "telemarketing.desk", method, token=self.token, **kwargs
        )

    def prepare(self, campaign):
        self.token = str(uuid.uuid4())
        self.desk(None, "open_desk")
        self.desk(None, "choose_campaign", campaign_id=campaign)
        self.held = self.desk(None, "get_next")["call"]

    def work(self):
        begin, end, ids = self.plan["begin"], self.plan["end"], self.plan["ids"]
        # Fifty people do not press at the same second: spread over the first cycle.
        cycle = begin + self.rng.uniform(0, EVERY)
        beat = cycle
        while cycle < end:
            self.sleep_until(cycle)
            if time.monotonic() >= beat:
                self.desk("heartbeat", "heartbeat")
                beat += 60
            target, key = self.held["target"]["id"], str(uuid.uuid4())
            self.desk(
                "dial",
                "dial",
                uuid=key,
                target_id=target,
                phone_id=self.held["target"]["suggested_phone_id"],
            )
            self.sleep_until(cycle + self.rng.uniform(8, 12))
            self.desk(
                "notes",
                "save_notes",
                uuid=key,
                target_id=target,
                notes="Pregunta por el precio y por la permanencia.",
            )
            self.sleep_until(cycle + self.rng.uniform(18, 26))
            titles, weights = zip(*MIX, strict=True)
            title = self.rng.choices(titles, weights)[0]
            payload = {"notes": "Le interesa; llamar por la tarde."}
            if title == "with order":
                payload["order"] = {
                    "lines": [{"article_id": ids["article"], "quantity": 1}],
                    **self.plan["order"],
                }
            closed = self.desk(
                title,
                "close_and_get_next",
                uuid=key,
                target_id=target,
                disposition_id=ids["dispositions"][title],
                payload=payload,
            )
            if closed["closed"]["todo"]:
                raise databases.Failure(closed["closed"]["todo"])
            self.held = closed["call"]
            if not self.held:
                raise databases.Failure(f"nobody left to call: {closed['empty']}")
            cycle += EVERY


class Salesperson(Worker):
    def work(self):
        begin, end, ids = self.plan["begin"], self.plan["end"], self.plan["ids"]
        place = 0
        while begin + 3 * place < end:
            self.sleep_until(begin + 3 * place)
            begun = time.monotonic()
            self.call(
                None,
                *("crm.lead", "web_save", [ids["lead"]]),
                {"name": f"Oportunidad {place}", "expected_revenue": place},
                specification=self.plan["form"],
            )
            self.call(
                None,
                *("crm.lead", "web_read", [ids["lead"]]),
                specification=self.plan["form"],
            )
            self.samples.append(("lead form", begun, time.monotonic() - begun))
            place += 1


def measure(servers, ids, logins, form, minutes):
    door = close.OverHttp(servers.url, servers.name)
    plan = {"ids": ids, "form": form, "order": {}, "begin": 0, "end": 0}
    workers = [Agent(door, login, user, plan) for login, user in logins.items()]
    seller = Salesperson(door, close.SELLER, ids["seller"], plan)
    for worker in (*workers, seller):
        door.login(worker.user, worker.login)
    for worker in workers:
        worker.prepare(ids["campaign"])
    # The first cycle wakes both workers up and is not counted.
    plan["begin"] = time.monotonic() + 1
    counted = plan["begin"] + 2 * EVERY
    plan["end"] = counted + 60 * minutes
    for worker in (*workers, seller):
        worker.start()
    for worker in (*workers, seller):
        worker.join()
        if worker.failed:
            raise databases.Failure(f"{worker.login}: {worker.failed}")
    samples = {}
    for worker in (*workers, seller):
        for title, begun, seconds in worker.samples:
            if begun >= counted:
                samples.setdefault(title, []).append(seconds)
    closes = [s for title, _share in MIX for s in samples.get(title, [])]
    return {
        **{title: common.summary(found) for title, found in samples.items()},
        "close and next, the mix": common.summary(closes),
    }


def main(arguments):
    minutes = 1 if arguments.quick else MINUTES
    result = {"machine": common.machine(), "agents": AGENTS, "minutes": minutes}
    with (
        common.database(NAME, arguments.keep) as name,
        tempfile.TemporaryDirectory() as folder,
    ):
        databases.say(f"{close.PEOPLE} people, {AGENTS} agents")
        ids = close.prepare(name)
        logins = hire(name, ids["campaign"], AGENTS)
        with common.environment(name, ids["seller"]) as env:
            form = close.specification(env)
        with Servers(name, folder) as servers:
            databases.say(f"{AGENTS} agents at work, {minutes} minutes")
            result["times"] = measure(servers, ids, logins, form, minutes)
            result["first_of_a_fresh_worker"] = servers.fresh()
    mix = result["times"]["close and next, the mix"]
    met = mix["p95"] <= BAR
    result["met"] = met
    common.table(
        f"{AGENTS} agents, a close every {EVERY} s, two workers behind nginx (ms)",
        ["", "requests", "p50", "p95", "p99", "worst"],
        [
            [title, *(found[key] for key in ("count", "p50", "p95", "p99", "worst"))]
            for title, found in result["times"].items()
        ],
    )
    print(f"  {common.verdict(met):<8} p95 of close and next ≤ {BAR} ms")
    databases.note(f"first of a fresh worker: {result['first_of_a_fresh_worker']}")
    common.write(NAME, result, arguments.quick)
    return met or arguments.quick
