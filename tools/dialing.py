"""A centre at work, for tests and benchmarks: Odoo, dialer processes, two Asterisks,
and agents' desks that are websocket clients."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid

import aiohttp
import databases
import suite

LOGS = suite.HOME / "artefacts" / "logs"
# Of people, in the order of the list.
FIRST = 600_000_000

# Run in Odoo's shell: everything through the product's own ways. The clock is wound to
# working hours, so that calls are allowed at any hour.
GROUND = """
import base64, datetime, json
plan = json.loads('''{plan}''')
parameters = env["ir.config_parameter"].sudo()
parameters.set_param("telemarketing.demo_database", "1")
parameters.set_param("database.uuid", plan["telephone"]["database"])
env["telemarketing.clock"]._wind(always=True)
now = env["telemarketing.clock"]._now()
env["telemarketing.campaign"].search([("state", "=", "running")]).action_pause()
env["telemarketing.dialer.server"].search([]).active = False
ref = lambda name: env.ref("telemarketing_base." + name)
agents = env["res.users"].with_context(no_reset_password=True).create([
    dict(name="Agent %d" % i, login="agent%d" % i, password="agent%d" % i, lang="en_US",
         group_ids=[(6, 0, ref("group_agent").ids)],
         telemarketing_extension=str(plan["extension"] + i))
    for i in range(plan["agents"])
])
env.ref("base.user_admin").write(
    dict(password="admin", group_ids=[(4, ref("group_manager").id)])
)
telephone = plan["telephone"]
server = env["telemarketing.dialer.server"].create(dict(
    name="Bench", host=telephone["host"], port=telephone["port"],
    user=telephone["user"], secret=telephone["secret"], spool=telephone["spool"],
    agent_channel=telephone["agent_channel"],
))
caller = env["telemarketing.dialer.caller"].create(dict(e164="+34910000000"))
trunk = env["telemarketing.dialer.trunk"].create(dict(
    name="Carrier", server_id=server.id, channel=telephone["trunk_channel"],
    max_channels=plan["channels"], calls_per_second=plan["per_second"],
    caller_ids=[(6, 0, caller.ids)],
))
campaign = env["telemarketing.campaign"].create(dict(
    name="Dialled", kind="telesales", agent_ids=[(6, 0, agents.ids)],
    preview_results=False, dialer_server_id=server.id, caller_number="+34910000000",
    ring_seconds=plan["ring_seconds"], record_calls=plan["record"],
    max_attempts=plan["attempts"], retry_minutes=plan["retry"],
))
campaign.dialing_mode = plan["mode"]
env["telemarketing.disposition"].create(dict(
    name="t_useful", code="t_useful", kind="none", outcome="useful"
))
database = env["telemarketing.database"].create(dict(
    name="People", campaign_id=campaign.id, legal_basis="consent",
    basis_date=now.date() - datetime.timedelta(days=30),
    basis_source="Coupon of the spring fair", required_fields="phone,name",
))
rows = ["Nombre;Telefono"] + [
    "Persona %d;%d" % (n, number) for n, number in enumerate(plan["numbers"])
]
job = env["telemarketing.import"].create(dict(
    database_id=database.id, filename="people.csv",
    file=base64.b64encode("\\n".join(rows).encode()),
))
job.action_read()
job.action_load()
while job.state not in ("done", "failed"):
    job._load()
assert job.loaded == len(plan["numbers"]), (job.loaded, job.error)
campaign.action_start()
if not plan["start"]:
    campaign.action_stop_dialing()
env["ir.cron"].search([]).write(dict(nextcall="2100-01-01 00:00:00"))
env["ir.cron.trigger"].sudo().search([]).unlink()
env.cr.commit()
print("GROUND READY", json.dumps(dict(campaign=campaign.id, server=server.id,
    trunk=trunk.id)))
"""


def numbers(count):
    return [FIRST + 7 * n for n in range(count)]


def lay(database, telephone, title, **plan):
    """Fill a database that has our modules.

    :param telephone: ``telephone.Telephone.described()``
    :return: ids of campaign, server and trunk
    """
    plan = {
        "agents": 5,
        "extension": 200,
        "numbers": numbers(500),
        "mode": "predictive",
        "channels": 200,
        "per_second": 30,
        "ring_seconds": 25,
        "record": "never",
        "attempts": 6,
        "retry": 120,
        "start": True,
        **plan,
        "telephone": telephone,
    }
    script = GROUND.replace("{plan}", json.dumps(plan))
    command = [sys.executable, "-m", "odoo", "shell", "-d", database, "--no-http"]
    command += ["--data-dir", str(databases.DATA / "odoo"), "--log-level", "warn"]
    found = subprocess.run(
        command, input=script, capture_output=True, text=True, timeout=600, check=False
    )
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / f"dialing-{title}-ground.log").write_text(found.stdout + found.stderr)
    for line in found.stdout.splitlines():
        if line.startswith("GROUND READY"):
            return json.loads(line.removeprefix("GROUND READY"))
    raise databases.Failure(found.stderr[-3000:] or found.stdout[-3000:])


class Dialer:
    """``odoo dialer`` in a process of its own."""

    def __init__(self, database, title="dialer"):
        self.database = database
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"dialing-{title}.log"
        self.log.write_bytes(b"")
        self.process = None

    def start(self, seconds=60):
        """Returns when it stands by."""
        with open(self.log, "ab") as output:
            begins = output.tell()
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "odoo", "dialer", "-d", self.database),
                    *("--data-dir", str(databases.DATA / "odoo"), "--no-http"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "ODOO_RC": str(suite.HOME / "odoo.conf")},
                start_new_session=True,
            )
        for _try in range(seconds * 20):
            text = self.log.read_bytes()[begins:]
            if b"stands by" in text:
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise databases.Failure(self.log.read_text()[-3000:])

    def kill(self):
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, number):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class RpcError(Exception):
    pass


class Desk:
    """An agent's tab: RPC, websocket, wrap-up.

    :ivar pops: ``(uuid, seconds from the answer to the desk)``
    :ivar errors: what should not have happened
    """

    def __init__(self, url, database, number, campaign, result, wrap=None):
        """:param wrap: seconds of wrap-up of a call: ``wrap(call)``"""
        self.url, self.database, self.number = url, database, number
        self.campaign, self.result = campaign, result
        self.wrap = wrap or (lambda call: 5.0)
        self.login = f"agent{number}"
        self.token = str(uuid.uuid4())
        self.pops, self.errors, self.closed = [], [], []
        self.call = None
        self.ended, self.heard = {}, []
        self.phone = "none"
        self.working = True
        self._ws = self._task = self._closing = None

    async def request(self, path, **params):
        async with self.http.post(
            self.url + path, json={"jsonrpc": "2.0", "method": "call", "params": params}
        ) as answer:
            answer.raise_for_status()
            content = await answer.json()
        if "error" in content:
            raise RpcError(content["error"]["data"]["message"])
        return content["result"]

    async def desk(self, method, **kwargs):
        return await self.request(
            f"/web/dataset/call_kw/telemarketing.desk/{method}",
            model="telemarketing.desk",
            method=method,
            args=[],
            kwargs={"token": self.token, **kwargs},
        )

    async def sit_down(self):
        self.http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=60),
            cookie_jar=aiohttp.CookieJar(unsafe=True),
        )
        await self.request(
            "/web/session/authenticate",
            db=self.database,
            login=self.login,
            password=self.login,
        )
        await self.desk("open_desk")
        await self._listen()
        answer = await self.desk("choose_campaign", campaign_id=self.campaign)
        self._mind(answer)
        answer = await self.desk("get_next")
        # Dialled by hand, it is for who sits there to do.
        self.held = answer.get("call")
        if self.held and self.held["interaction"]:
            self._popped(self.held, None)

    def _mind(self, answer):
        phone = (answer.get("session") or {}).get("phone") or {}
        self.phone = phone.get("state", self.phone)

    async def _listen(self):
        for again in range(60):
            try:
                self._ws = await self.http.ws_connect(
                    self.url.replace("http", "ws") + "/websocket",
                    headers={"Origin": self.url},
                )
                break
            except aiohttp.WSServerHandshakeError:
                # The process for websockets starts later than the others.
                if again == 59:
                    raise
                await asyncio.sleep(0.5)
        await self._ws.send_str(
            json.dumps({"event_name": "subscribe", "data": {"channels": [], "last": 0}})
        )
        self._task = asyncio.ensure_future(self._read())

    async def _read(self):
        async for message in self._ws:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            for notice in json.loads(message.data):
                self._heard(notice["message"]["type"], notice["message"]["payload"])

    def _heard(self, kind, payload):
        self.heard.append((kind, payload))
        if kind == "telemarketing.dialer":
            if payload["what"] == "pop":
                self._popped(payload["call"], payload.get("answered_at"))
            elif payload["what"] == "phone":
                self.phone = payload["state"]
        elif kind == "telemarketing.call" and payload["state"] == "ended":
            self._over(payload["uuid"])

    def _popped(self, call, answered):
        key = call["interaction"]["uuid"]
        if self.call and self.call["interaction"]["uuid"] == key:
            return
        if self.call:
            self.errors.append(f"{key} came while another was on the desk")
        self.call = call
        if answered is not None:
            self.pops.append((key, time.time() - answered))
        if key in self.ended:
            self._over(key)

    def _over(self, key):
        self.ended[key] = time.time()
        if self.call and self.call["interaction"]["uuid"] == key:
            call, self.call = self.call, None
            self._closing = asyncio.ensure_future(self._close(call, key))

    async def _close(self, call, key):
        await asyncio.sleep(self.wrap(call))
        if not self.working:
            return
        for again in range(30):
            try:
                answer = await self.desk(
                    "close_and_get_next",
                    uuid=key,
                    target_id=call["target"]["id"],
                    disposition_id=self.result,
                    payload={"notes": "Le interesa."},
                )
                break
            except RpcError as error:
                self.errors.append(f"{key}: {error}")
                return
            except aiohttp.ClientError:
                # The desk's outbox sends again what it has no answer to.
                await asyncio.sleep(0.5 + again * 0.1)
        else:
            self.errors.append(f"{key}: no answer")
            return
        self.closed.append(key)
        self._mind(answer)
        if answer.get("call"):
            self._popped(answer["call"], None)

    async def beat(self):
        answer = await self.desk("heartbeat")
        self._mind(answer)
        if answer.get("call") and answer["call"].get("interaction"):
            self._popped(answer["call"], None)

    async def leave(self):
        self.working = False
        tasks = [task for task in (self._task, self._closing) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._ws:
            await self._ws.close()
        await self.http.close()
