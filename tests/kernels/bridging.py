"""A telephone exchange, a database and a clock that exist only in the test.

``Exchange`` speaks as Asterisk does with the dialplan of ``docs/architecture.md``: the
order and the sources of its events are those of a real Asterisk 22. ``Wire`` is what
lies between it and the bridge: it may lose, double, delay, reorder and go dead.
"""

import asyncio
import itertools
import random
import selectors

from odoo.addons.telemarketing_dialer.ami import (
    ActionError,
    Deadline,
    LinkLost,
    encode,
)
from odoo.addons.telemarketing_dialer.bridge import (
    Agent,
    Attempt,
    Bridge,
    Campaign,
    Command,
    Server,
    Snapshot,
    Store,
    Trunk,
)

START = 1_800_000_000.0


class VirtualLoop(asyncio.SelectorEventLoop):
    """Jumps to the next timer instead of waiting for it: an hour takes a second."""

    def __init__(self):
        self.virtual = 0.0
        super().__init__(_Selector(self))

    def time(self):
        return self.virtual


class _Selector(selectors.SelectSelector):
    def __init__(self, loop):
        super().__init__()
        self.loop = loop

    def select(self, timeout=None):
        if timeout:
            self.loop.virtual += timeout
        return super().select(0)


def run(story, limit=100_000):
    """Run ``story()`` in virtual time."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(asyncio.wait_for(story(), limit))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        asyncio.set_event_loop(None)
        loop.close()


class Exchange:
    """Asterisk with its dialplan.

    :param network: ``network(number) -> dict`` of what becomes of a number: ``ring``
        seconds, ``end`` (``answer``, ``busy``, ``congestion``, ``unallocated``,
        ``none``), ``talk`` seconds until the far end hangs up (None: never)
    """

    def __init__(self, network, database="db"):
        self.network, self.database = network, database
        self.channels = {}
        self.rooms = {}
        self.dialled = []
        self.listeners = []
        self.counter = itertools.count(1)
        self.dead = False

    def emit(self, **event):
        for listener in list(self.listeners):
            listener(dict(event))

    @property
    def loop(self):
        return asyncio.get_event_loop()

    def later(self, seconds, work, *args):
        return self.loop.call_later(seconds, work, *args)

    # ACTIONS

    def do(self, name, headers, variables):
        handler = getattr(self, f"_{name.lower()}", None)
        if handler is None:
            raise ActionError(name, {"Message": "Invalid/unknown command"})
        return handler(headers, variables or {}) or {"Response": "Success"}

    def _ping(self, headers, variables):
        return {"Response": "Success"}

    def _getvar(self, headers, variables):
        values = {"DATABASE": self.database, "DIALPLAN": "1"}
        return {"Value": values[headers["Variable"].rsplit("_", 1)[1]]}

    def _originate(self, headers, variables):
        uid = headers["ChannelId"]
        if uid in self.channels:
            raise ActionError("Originate", {"Message": "already in use"})
        number = headers["Channel"].split("/", 1)[1].split("@")[0]
        channel = {
            "uid": uid,
            "name": f"PJSIP/x-{next(self.counter):08x}",
            "state": "Down",
            "number": number,
            "context": headers["Context"],
            "exten": headers["Exten"],
            "variables": variables,
            "room": None,
        }
        self.channels[uid] = channel
        if uid.startswith("tm-"):
            self.dialled.append((uid, number))
        self.later(0.002, self._begin, channel, headers)

    def _begin(self, channel, headers):
        if channel["uid"] not in self.channels:
            return
        uid, name = channel["uid"], channel["name"]
        self.emit(Event="Newchannel", Uniqueid=uid, Channel=name)
        far = self.network(channel["number"])
        ring, end = far.get("ring", 1.0), far.get("end", "answer")
        timeout = headers["Timeout"] / 1000
        if end in ("congestion", "unallocated"):
            cause = {"congestion": (34, "503"), "unallocated": (1, "404")}[end]
            self.later(0.02, self._fails, channel, *cause)
            return
        self.later(0.01, self._rings, channel)
        if end == "none" or ring > timeout:
            self.later(timeout, self._fails, channel, 19, "480")
        elif end == "busy":
            self.later(ring, self._fails, channel, 17, "486")
        else:
            self.later(ring, self._answers, channel, far.get("talk"))

    def _rings(self, channel):
        if channel["uid"] in self.channels:
            channel["state"] = "Ringing"
            self.emit(
                Event="DialState", DestUniqueid=channel["uid"], DialStatus="RINGING"
            )

    def _fails(self, channel, cause, tech):
        uid = channel["uid"]
        if uid in self.channels and channel["state"] != "Up":
            del self.channels[uid]
            self.emit(
                Event="Hangup",
                Uniqueid=uid,
                Channel=channel["name"],
                Cause=str(cause),
                TechCause=tech,
            )
            self.emit(Event="OriginateResponse", ActionID=uid, Response="Failure")

    def _answers(self, channel, talk):
        uid = channel["uid"]
        if uid not in self.channels:
            return
        channel["state"] = "Up"
        self.emit(Event="DialEnd", DestUniqueid=uid, DialStatus="ANSWER")
        self.emit(Event="OriginateResponse", ActionID=uid, Response="Success")
        if talk is not None:
            self.later(talk, self.gone, uid)
        self.later(0.001, self._goes, channel, channel["context"], channel["exten"])

    def _goes(self, channel, context, exten):
        """Into the dialplan."""
        uid = channel["uid"]
        if uid not in self.channels:
            return
        self._leaves(channel)
        channel["context"], channel["exten"] = context, exten
        if context == "telemarketing-answered" and exten == "amd":
            self.later(2.5, self._heard_out, channel)
        elif context == "telemarketing-answered":
            self.says(channel, "TmAnswered")
            if exten == "direct":
                self._enters(channel, channel["variables"]["TM_ROOM"])
            else:
                patience = 30 if exten == "queue" else 2.0
                channel["visit"] = next(self.counter)
                self.later(patience, self._notice, channel, channel["visit"])
        elif context in (
            "telemarketing-join",
            "telemarketing-agent",
            "telemarketing-third",
        ):
            self._enters(channel, exten)

    def _heard_out(self, channel):
        """The detection has made up its mind."""
        if channel["uid"] not in self.channels:
            return
        if self.network(channel["number"]).get("machine"):
            self.says(channel, "TmMachine")
            self.later(0.001, self.gone, channel["uid"])
        else:
            self._goes(channel, "telemarketing-answered", "wait")

    def says(self, channel, what):
        self.emit(
            Event="UserEvent",
            UserEvent=what,
            Uniqueid=channel["uid"],
            Channel=channel["name"],
        )

    def _notice(self, channel, visit):
        here = channel["uid"] in self.channels and channel["visit"] == visit
        if here and channel["context"] == "telemarketing-answered":
            if channel["exten"] != "direct":
                channel["exten"] = "notice"
                self.says(channel, "TmAbandoned")
                self.later(4.0, self.gone, channel["uid"])

    def _enters(self, channel, room):
        channel["room"] = room
        self.rooms.setdefault(room, []).append(channel["uid"])
        self.emit(
            Event="ConfbridgeJoin",
            Conference=room,
            Uniqueid=channel["uid"],
            Channel=channel["name"],
        )

    def _leaves(self, channel):
        room, channel["room"] = channel["room"], None
        if room:
            self.rooms[room].remove(channel["uid"])
            self.emit(
                Event="ConfbridgeLeave",
                Conference=room,
                Uniqueid=channel["uid"],
                Channel=channel["name"],
            )

    def gone(self, uid, cause=16):
        """That channel's end hangs up."""
        channel = self.channels.get(uid)
        if not channel:
            return
        room = channel["room"]
        self._leaves(channel)
        del self.channels[uid]
        self.emit(
            Event="Hangup",
            Uniqueid=uid,
            Channel=channel["name"],
            Cause=str(cause),
        )
        if uid.startswith("tma-") and room:
            # The agent's leaving ends the room for the others.
            for other in list(self.rooms.get(room, ())):
                self.later(1.0, self.gone, other)

    def _by_name(self, name):
        for channel in self.channels.values():
            if channel["name"] == name:
                return channel
        raise ActionError("", {"Message": "No such channel"})

    def _hangup(self, headers, variables):
        channel = self._by_name(headers["Channel"])
        self.later(0.001, self.gone, channel["uid"])

    def _redirect(self, headers, variables):
        channel = self._by_name(headers["Channel"])
        self.later(0.001, self._goes, channel, headers["Context"], headers["Exten"])

    def _confbridgemute(self, headers, variables):
        self._by_name(headers["Channel"])["muted"] = True

    def _confbridgeunmute(self, headers, variables):
        self._by_name(headers["Channel"])["muted"] = False

    def _playdtmf(self, headers, variables):
        self._by_name(headers["Channel"]).setdefault("keys", []).append(
            headers["Digit"]
        )

    def _mixmonitormute(self, headers, variables):
        self._by_name(headers["Channel"])["quiet"] = headers["State"] == 1

    def rows(self):
        return [
            {
                "Uniqueid": c["uid"],
                "Channel": c["name"],
                "ChannelStateDesc": c["state"],
                "BridgeId": c["room"] and f"b-{c['room']}",
                "Context": c["context"],
                "Exten": c["exten"],
            }
            for c in self.channels.values()
        ]

    def crash(self):
        """Asterisk dies: every call with it."""
        self.channels.clear()
        self.rooms.clear()


class Wire:
    """``ami.Client`` as the bridge knows it, over a line that has faults.

    :param faults: ``random.Random`` and chances: ``lose``, ``double``, ``delay``
        (chance, seconds); events only, as answers to actions have deadlines
    """

    def __init__(
        self, exchange, on_event, resync, on_up, on_down, faults=None, chance=None
    ):
        self.exchange, self.on_event, self.resync = exchange, on_event, resync
        self.on_up, self.on_down = on_up, on_down
        self.up, self.generation = False, 0
        self.reason, self.greeting = "not connected yet", "Asterisk Call Manager/9"
        self.random = faults or random.Random(0)
        self.chance = chance or {}
        self.cut = False
        self.half_open = False
        self.stopping = False
        self._changed = None

    async def run(self):
        self._changed = asyncio.Event()
        self.exchange.listeners.append(self._hear)
        while not self.stopping:
            if self.cut:
                await asyncio.sleep(0.2)
                continue
            self.generation += 1
            self._open = True
            try:
                await self.resync(self)
            except LinkLost as error:
                self.reason = str(error)
                await asyncio.sleep(0.2)
                continue
            self.up, self.reason = True, None
            self.on_up(self.generation)
            while not (self.cut or self.stopping):
                await asyncio.sleep(0.1)
                if self.half_open:
                    # A ping is not answered in its half second.
                    await asyncio.sleep(0.5)
                    self.cut = self.half_open
            self._open = False
            self.up, self.reason = False, "the link was cut"
            self.on_down(self.generation, self.reason)

    def stop(self):
        self.stopping = True

    def _hear(self, event):
        if self.cut or self.half_open or not self.generation or self.stopping:
            return
        if self.random.random() < self.chance.get("lose", 0):
            return
        times = 2 if self.random.random() < self.chance.get("double", 0) else 1
        for _time in range(times):
            delay = 0.0005
            if self.random.random() < self.chance.get("delay", 0):
                delay = self.random.random() * self.chance.get("seconds", 1.0)
            self.exchange.later(delay, self._hand_over, event)

    def _hand_over(self, event):
        if not (self.cut or self.stopping):
            self.on_event(event)

    async def action(self, name, headers=None, variables=None, deadline=None):
        if not self.up:
            raise LinkLost(self.reason)
        return await self._send(name, headers, variables)

    async def _send(self, name, headers=None, variables=None, deadline=None):
        await asyncio.sleep(0.001)
        if self.cut:
            raise LinkLost("the link was cut")
        if self.half_open:
            await asyncio.sleep(5)
            raise Deadline("no answer")
        # As the client does: what it refuses is not sent.
        encode(name, headers or {}, variables)
        answer = self.exchange.do(name, headers or {}, variables)
        if self.random.random() < self.chance.get("lose_answer", 0):
            await asyncio.sleep(5)
            raise Deadline("no answer")
        return answer

    async def listed(self, name, headers=None, deadline=None):
        await asyncio.sleep(0.002)
        if self.cut:
            raise LinkLost("the link was cut")
        return self.exchange.rows()


class Table(Store):
    """The database of one server: people to call, agents, what was written."""

    def __init__(
        self, campaigns=None, agents=3, people=100_000, channels=100, **values
    ):
        self.server = Server(
            1, 1, "h", 5038, "u", "s", False, "PJSIP/{extension}", 30, "notice",
            "db", False,
        )  # fmt: skip
        self.campaigns = campaigns or [campaign()]
        self.trunks = [Trunk(1, channels, 50.0, False, 0.0)]
        self.agents = {
            n: Agent(n, 100 + n, str(200 + n), 1, "ready", True, False)
            for n in range(1, agents + 1)
        }
        self.people = itertools.count(1)
        self.left = people
        self.attempts = {}
        self.finished = {}
        self.told_twice = []
        self.delivered = {}
        self.phones = {}
        self.lines = []
        self.answers = {}
        self.logs = []
        self.backoffs = []
        self.commands = {}
        self.states = []
        self.pacing = None
        self.broken = False
        self.bridge = None
        self.wrap = 5.0
        self.seconds = 0.005
        self.session_of = {}
        # Agents who classify by themselves.
        self.alive = True
        for name, value in values.items():
            setattr(self, name, value)

    @property
    def now(self):
        return START + asyncio.get_event_loop().time()

    async def _reach(self):
        await asyncio.sleep(self.seconds)
        if self.broken:
            raise ConnectionError("the database is away")

    async def snapshot(self):
        await self._reach()
        return Snapshot(
            self.server,
            tuple(self.campaigns),
            tuple(self.trunks),
            tuple(self.agents.values()),
            tuple(
                a._replace(session=self.delivered[u], state="talking")
                if u in self.delivered
                else a
                for u, a in self.attempts.items()
                if u not in self.finished
            ),
            tuple(c for c, _a in self.commands.values() if c.id not in self.answers),
            self.pacing,
            self.now,
        )

    async def command(self, number):
        await self._reach()
        return self.commands.get(number)

    async def take(self, campaign, count, session=None):
        await self._reach()
        found = []
        for _n in range(min(count, self.left)):
            found.append(self.write(campaign, session=session, mode="predictive"))
            self.left -= 1
        return tuple(found)

    def write(self, campaign, number=None, session=None, **values):
        n = next(self.people)
        attempt = Attempt(
            f"u{n}", campaign, f"PJSIP/{number or n}@t", 1, "+34911111111",
            25, session, "", "", False, "notice", self.now,
        )._replace(**values)  # fmt: skip
        self.attempts[attempt.uuid] = attempt
        return attempt

    async def finish(self, finished):
        await self._reach()
        for one in finished:
            if one.uuid in self.finished:
                self.told_twice.append(one.uuid)
                continue
            self.finished[one.uuid] = one
            if one.session is not None and self.alive:
                asyncio.get_event_loop().call_later(
                    self.wrap, self.close, one.session, one.uuid
                )

    def close(self, session, uuid, kind="person"):
        agent = self.agents.get(session)
        if agent:
            self.agents[session] = agent._replace(state="ready")
            self.bridge.heard_session(session, state="ready")
        self.bridge.heard_closed(uuid, kind)

    async def deliver(self, uuid, session, answered_at, bridged_at):
        await self._reach()
        self.delivered[uuid] = session
        self.agents[session] = self.agents[session]._replace(state="talking")

    async def state(self, uuid, state, at):
        await self._reach()
        self.states.append((uuid, state))

    async def line(self, uuid, session, changes):
        await self._reach()
        self.lines.append((uuid, session, changes))

    async def phone(self, session, state, reason=""):
        await self._reach()
        self.phones[session] = (state, reason)

    async def answer(self, command, answer):
        await self._reach()
        self.answers[command.id] = answer

    async def backoff(self, trunk, until, why):
        await self._reach()
        self.backoffs.append((trunk, until))

    async def log(self, kind, text, campaign=None):
        self.logs.append((kind, text))

    async def save(self, pacing, health):
        await self._reach()
        self.pacing, self.health = pacing, health

    def order(self, kind, uuid="", session=None, attempt=None, **params):
        """A desk asks for something."""
        number = len(self.commands) + 1
        command = Command(number, kind, uuid, session, params, self.now)
        self.commands[number] = (command, attempt)
        asyncio.ensure_future(self.bridge.command(number))
        return number


def campaign(key=1, mode="predictive", **values):
    return Campaign(key, mode, True, 0.02, 0.03, "2026-11-23", (1,))._replace(**values)


class World:
    """A bridge at work. ``async with World(...) as world``."""

    def __init__(self, network, table=None, chance=None, faults=None, **values):
        self.exchange = Exchange(network)
        self.table = table or Table(**values)
        self.chance, self.faults = chance, faults
        self.lost = []
        self.bridges = []

    def connect(self, server, on_event, resync, on_up, on_down):
        self.wire = Wire(
            self.exchange, on_event, resync, on_up, on_down, self.faults, self.chance
        )
        return self.wire

    def begin(self):
        loop = asyncio.get_event_loop()
        self.bridge = Bridge(
            self.table,
            self.connect,
            lambda: START + loop.time(),
            self.lost.append,
        )
        self.table.bridge = self.bridge
        self.bridges.append(self.bridge)
        self.task = asyncio.ensure_future(self.bridge.start())
        return self.bridge

    async def kill(self):
        """The process dies, without a word."""
        self.wire.stopping = True
        self.task.cancel()
        for task in [*self.bridge._tasks, *self.bridge.writer._tasks]:
            task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def __aenter__(self):
        self.begin()
        return self

    async def __aexit__(self, *_what):
        self.bridge.stop()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def until(self, condition, seconds=60):
        for _try in range(int(seconds * 100)):
            if condition():
                return
            if self.task.done() and not self.task.cancelled():
                self.task.result()
            await asyncio.sleep(0.01)
        raise AssertionError("it did not come")


def agents_only(number):
    """Numbers of three digits are the agents' telephones."""
    return {"ring": 0.1, "talk": None}


def network_of_people(share=1.0, ring=2.0, talk=20.0, end="none"):
    def far(number):
        if len(number) == 3 and number.startswith("2"):
            return agents_only(number)
        if int(number) % 100 < share * 100:
            return {"ring": ring, "talk": talk}
        return {"ring": ring, "end": end}

    return far
