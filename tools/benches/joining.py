"""Joining: how the person who answered and the agent who waits come together.

ConfBridge as the dialplan has it, the manager's Bridge and the dialplan's, on a real
Asterisk: 50 telephones wait; people answer, talk 20 s and hang up; every call is
recorded. From the answer, as the manager's client hears it, to both in one bridge.
"""

import asyncio
import collections
import contextlib
import os
import sys
import tempfile
import time

import suite
import telephone

from . import common

sys.path.insert(0, str(suite.HOME / "telemarketing_dialer"))

AGENTS, RATE, TALK, SECONDS, IDLE = 50, 2.0, 20, 60, 15
CONTEXTS = """
[bench-agent]
exten => wait,1,Wait(3600)
 same => n,Goto(wait,1)
; yanked out of the wait, a leg comes back to what stands here
[bench-person]
exten => wait,1,MixMonitor(,r(${TM_REC}-in.alaw)t(${TM_REC}-out.alaw))
 same => n,UserEvent(TmAnswered)
 same => n,Wait(20)
 same => n,Hangup(16)
exten => bridge,1,Bridge(${TM_AGENT})
 same => n,Hangup(16)
"""
WAYS = ("ConfBridge", "Bridge by the manager", "Bridge of the dialplan")


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Run:
    """One way, once."""

    def __init__(self, both, way, agents, rate, seconds):
        from ami import Client

        self.both, self.way = both, way
        self.agents, self.rate, self.seconds = agents, rate, seconds
        self.channels, self.bridges = {}, {}
        self.free, self.pairs = collections.deque(), {}
        self.up, self.latencies, self.errors = {}, [], collections.Counter()
        self.legs_lost = self.ended = self.sent = 0
        self.over = False
        self.client = Client(
            both.host, both.port, both.user, both.secret, on_event=self.hear
        )

    # ---- events
    def hear(self, event):
        name, uid = event["Event"], event.get("Uniqueid", "")
        if name == "Newchannel":
            self.channels[uid] = event["Channel"]
        elif name == "DialEnd" and event.get("DialStatus") == "ANSWER":
            self.up.setdefault(event["DestUniqueid"], time.perf_counter())
        elif name == "Newstate" and event.get("ChannelStateDesc") == "Up":
            self.up.setdefault(uid, time.perf_counter())
        elif name == "UserEvent" and uid.startswith("tm-"):
            self.join(uid)
        elif name == "BridgeEnter":
            self.bridges[uid] = event["BridgeUniqueid"]
            self.together(uid)
        elif name == "BridgeLeave":
            self.bridges.pop(uid, None)
        elif name == "Hangup" and not self.over:
            self.hung_up(uid)

    def together(self, uid):
        for person, agent in list(self.pairs.items()):
            if uid in (person, agent) and person in self.up:
                bridge = self.bridges.get(person)
                if bridge and bridge == self.bridges.get(agent):
                    self.latencies.append(time.perf_counter() - self.up.pop(person))

    def hung_up(self, uid):
        self.channels.pop(uid, None)
        if uid.startswith("tma-"):
            self.legs_lost += 1
            with contextlib.suppress(ValueError):
                self.free.remove(uid)
            asyncio.ensure_future(self.leg(f"{uid}+"))
        elif uid in self.pairs:
            self.ended += 1
            agent = self.pairs.pop(uid)
            if uid in self.up:
                self.errors["never together"] += 1
            if agent in self.channels:
                self.free.append(agent)

    # ---- actions
    async def act(self, name, headers, variables=None):
        try:
            await self.client.action(name, headers, variables)
        except Exception as error:
            self.errors[str(error)] += 1

    async def leg(self, uid):
        number = uid.split("-")[1].rstrip("+")
        place = ("bench-agent", "wait")
        if self.way == WAYS[0]:
            place = ("telemarketing-agent", f"tma{number}")
        await self.act(
            "Originate",
            {
                "Channel": self.both.agent_channel.format(extension=100 + int(number)),
                "Context": place[0],
                "Exten": place[1],
                "Priority": 1,
                "Async": "true",
                "ChannelId": uid,
            },
        )
        self.free.append(uid)

    async def dial(self, number):
        uid = f"tm-{number}"
        place = ("bench-person", "wait")
        variables = {"TM_REC": f"{self.both.spool}/{number}"}
        if self.way == WAYS[0]:
            place = ("telemarketing-answered", "wait")
            variables = {"TM_REC": str(number)}
        await self.act(
            "Originate",
            {
                "Channel": self.both.trunk_channel.format(
                    number=f"79{TALK // 10}5551001"
                ),
                "Context": place[0],
                "Exten": place[1],
                "Priority": 1,
                "Async": "true",
                "ChannelId": uid,
            },
            variables,
        )

    def join(self, person):
        if not self.free:
            self.errors["nobody free"] += 1
            return
        agent = self.pairs[person] = self.free.popleft()
        asyncio.ensure_future(self.bring(person, agent))

    async def bring(self, person, agent):
        channel, other = self.channels[person], self.channels.get(agent, "")
        if self.way == WAYS[1]:
            await self.act(
                "Bridge", {"Channel1": other, "Channel2": channel, "Tone": "no"}
            )
            return
        context, exten = "telemarketing-join", f"tma{agent.split('-')[1].rstrip('+')}"
        if self.way == WAYS[2]:
            context, exten = "bench-person", "bridge"
            await self.act(
                "Setvar", {"Channel": channel, "Variable": "TM_AGENT", "Value": other}
            )
        await self.act(
            "Redirect",
            {"Channel": channel, "Context": context, "Exten": exten, "Priority": 1},
        )

    # ---- the minute
    async def play(self):
        task = asyncio.ensure_future(self.client.run())
        while not self.client.up:
            await asyncio.sleep(0.01)
        for number in range(1, self.agents + 1):
            await self.leg(f"tma-{number}")
            await asyncio.sleep(0.02)
        await asyncio.sleep(2)
        pid, carrier = self.both.centre.process.pid, self.both.carrier.process.pid
        before, started = processor_seconds(pid), time.perf_counter()
        await asyncio.sleep(IDLE)
        idle = (processor_seconds(pid) - before) / (time.perf_counter() - started)
        started = time.perf_counter()
        # Measured from when as many talk as will.
        steady, marks = TALK + 3, None
        while (now := time.perf_counter() - started) < self.seconds + steady:
            if marks is None and now > steady:
                marks = (processor_seconds(pid), processor_seconds(carrier), now)
                self.latencies.clear()
            self.sent += 1
            await self.dial(self.sent)
            wait = started + self.sent / self.rate - time.perf_counter()
            await asyncio.sleep(max(0, wait))
        spent = now - marks[2]
        result = {
            "way": self.way,
            "latency_ms": common.summary(self.latencies),
            "processor_idle": round(100 * idle, 1),
            "processor": round(100 * (processor_seconds(pid) - marks[0]) / spent, 1),
            "processor_network": round(
                100 * (processor_seconds(carrier) - marks[1]) / spent, 1
            ),
            "talking": len(self.pairs),
            "calls": self.sent,
            "agents_legs_lost": self.legs_lost,
            "errors": dict(self.errors),
        }
        self.over = True
        self.client.stop()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return result


def run(way, arguments):
    agents, seconds = (10, 10) if arguments.quick else (AGENTS, SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        both = telephone.Telephone(folder)
        with open(both.centre.folder / "etc" / "extensions.conf", "a") as file:
            file.write(CONTEXTS)
        try:
            both.start()
            rate = RATE * agents / AGENTS
            return asyncio.run(Run(both, way, agents, rate, seconds).play())
        finally:
            both.kill()


def main(arguments):
    common.ARTEFACTS.mkdir(exist_ok=True)
    rounds = 1 if arguments.quick else 2
    results = [run(way, arguments) for _round in range(rounds) for way in WAYS]
    common.table(
        "Joining person and agent",
        ["", "p50 ms", "p95", "p99", "idle %", "load %", "talking", "legs lost"],
        [
            [
                one["way"],
                *(one["latency_ms"][key] for key in ("p50", "p95", "p99")),
                one["processor_idle"],
                one["processor"],
                one["talking"],
                one["agents_legs_lost"],
            ]
            for one in results
        ],
    )
    common.write(
        "joining", {"machine": common.machine(), "runs": results}, arguments.quick
    )
    ours = [one for one in results if one["way"] == WAYS[0]]
    good = all(
        one["latency_ms"]["p95"] <= 300 and not one["agents_legs_lost"] for one in ours
    )
    print(f"  ConfBridge p95 ≤ 300 ms, no agent's leg lost: {common.verdict(good)}")
    return good
