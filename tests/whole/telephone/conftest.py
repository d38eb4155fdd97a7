"""Real Asterisks in folders and processes of their own; only the network is played."""

import asyncio
import contextlib
import time

import pytest
import suite
import telephone as real

from odoo.addons.telemarketing_dialer.ami import Client

LOGS = suite.HOME / "artefacts" / "logs"


@pytest.fixture
def telephone(databases, tmp_path, request):
    """The centre's Asterisk and the network, started; their logs are kept with the
    others. Parameter: options of ``Telephone``."""
    both = real.Telephone(tmp_path, **getattr(request, "param", {}))
    try:
        yield both.start()
    finally:
        both.kill()
        keep(centre=both.centre, network=both.carrier)


@pytest.fixture
def asterisk(databases, tmp_path):
    """The network alone, with a manager: what a link needs."""
    both = real.Telephone(tmp_path)
    one = both.carrier
    one.port, one.user, one.secret = both.carrier_port, both.user, both.secret
    try:
        yield one.start()
    finally:
        one.kill()
        keep(network=one)


def keep(**asterisks):
    LOGS.mkdir(parents=True, exist_ok=True)
    for name, one in asterisks.items():
        if one.log.exists():
            (LOGS / f"asterisk-{name}.log").write_bytes(one.log.read_bytes())


# ------------------------------------------------------------------ by hand
class Centre:
    """A manager's connection and all that it heard, each with the time."""

    def __init__(self, telephone):
        self.telephone = telephone
        self.events = []
        self.client = Client(
            telephone.host,
            telephone.port,
            telephone.user,
            telephone.secret,
            on_event=lambda event: self.events.append((time.monotonic(), event)),
        )

    def of(self, name, call=None, **headers):
        """Times and events of this name, of this channel, with these headers."""
        return [
            (at, event)
            for at, event in self.events
            if event["Event"] == name
            and (call is None or event.get("Uniqueid") == call)
            and all(event.get(key) == value for key, value in headers.items())
        ]

    async def wait(self, name, call=None, count=1, within=15, **headers):
        """The time and the event, when it has come ``count`` times."""
        ends = time.monotonic() + within
        while time.monotonic() < ends:
            found = self.of(name, call, **headers)
            if len(found) >= count:
                return found[count - 1]
            await asyncio.sleep(0.01)
        heard = [event["Event"] for _at, event in self.events]
        raise AssertionError(f"no {name} {headers} of {call}; heard {heard}")

    async def dial(self, call, number, exten="wait", **variables):
        """Dial a person."""
        return await self.client.action(
            "Originate",
            {
                "Channel": self.telephone.trunk_channel.format(number=number),
                "Context": "telemarketing-answered",
                "Exten": exten,
                "Priority": 1,
                "Async": "true",
                "Timeout": 20000,
                "ChannelId": call,
            },
            {"TM_UUID": call.removeprefix("tm-"), **variables},
        )

    async def agent(self, leg, room, extension="101"):
        """Connect an agent's telephone; returns when it is in its room."""
        await self.client.action(
            "Originate",
            {
                "Channel": self.telephone.agent_channel.format(extension=extension),
                "Context": "telemarketing-agent",
                "Exten": room,
                "Priority": 1,
                "Async": "true",
                "Timeout": 20000,
                "ChannelId": leg,
            },
        )
        await self.wait("ConfbridgeJoin", leg)

    async def channel(self, call):
        rows = await self.client.listed("CoreShowChannels")
        names = [row["Channel"] for row in rows if row["Uniqueid"] == call]
        return names[0] if names else None

    async def send(self, call, context, exten):
        await self.client.action(
            "Redirect",
            {
                "Channel": await self.channel(call),
                "Context": context,
                "Exten": exten,
                "Priority": 1,
            },
        )


def _play(telephone, story):
    async def whole():
        centre = Centre(telephone)
        task = asyncio.ensure_future(centre.client.run())
        try:
            for _try in range(500):
                if centre.client.up:
                    break
                await asyncio.sleep(0.01)
            await asyncio.wait_for(story(centre), 60)
        finally:
            centre.client.stop()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(whole())


@pytest.fixture
def play(telephone):
    """``play(story)``: run ``async def story(centre)`` on both Asterisks."""
    return lambda story: _play(telephone, story)
