"""What the person called hears and where the legs are, on real Asterisks: the dialplan
alone, with no dialer but this script."""

import asyncio
import contextlib
import time

import pytest

from odoo.addons.telemarketing_dialer.ami import Client


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


def play(telephone, story):
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


def test_who_answers_while_nobody_is_free_hears_who_called_after_two_seconds(telephone):
    async def story(centre):
        await centre.dial("tm-a", "7005551001")
        answered, event = await centre.wait("UserEvent", "tm-a", UserEvent="TmAnswered")
        assert event["Uuid"] == "a"
        abandoned, _event = await centre.wait(
            "UserEvent", "tm-a", UserEvent="TmAbandoned"
        )
        assert abandoned - answered == pytest.approx(2, abs=0.3)
        ended, _event = await centre.wait("Hangup", "tm-a")
        # The notice of the tests lasts 2.8 s.
        assert ended - abandoned == pytest.approx(2.8, abs=0.4)

    play(telephone, story)


def test_person_and_agent_hear_each_other_at_once_in_the_agents_room(telephone):
    async def story(centre):
        await centre.agent("tma-1-1", "tma1")
        await centre.dial("tm-b", "7005551001")
        answered, _event = await centre.wait(
            "UserEvent", "tm-b", UserEvent="TmAnswered"
        )
        await centre.send("tm-b", "telemarketing-join", "tma1")
        together, event = await centre.wait("BridgeEnter", "tm-b")
        assert (
            event["BridgeUniqueid"]
            == centre.of("BridgeEnter", "tma-1-1")[0][1]["BridgeUniqueid"]
        )
        assert together - answered < 0.3
        # The person hangs up: the agent's telephone stays where it is.
        await centre.client.action("Hangup", {"Channel": await centre.channel("tm-b")})
        await centre.wait("Hangup", "tm-b")
        await asyncio.sleep(0.5)
        assert await centre.channel("tma-1-1")
        assert not centre.of("BridgeLeave", "tma-1-1")

    play(telephone, story)
