"""The dialer's link, on a real Asterisk that stops, freezes and comes back."""

import asyncio
import contextlib
import signal

import pytest

from odoo.addons.telemarketing_dialer.ami import Client, LinkLost


async def until(condition, what):
    for _try in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it did not come: {what}")


class Dialer:
    """A client, what it heard, and the channels that it found when it came up."""

    def __init__(self, asterisk, **options):
        self.events, self.ups, self.downs, self.found = [], [], [], []
        self.client = Client(
            "127.0.0.1",
            asterisk.port,
            asterisk.user,
            options.pop("secret", asterisk.secret),
            on_event=self.events.append,
            on_up=self.ups.append,
            on_down=lambda generation, reason: self.downs.append(reason),
            resync=self.look,
            **options,
        )

    async def look(self, client):
        self.found.append(await client.listed("CoreShowChannels"))

    async def originate(self, number, call):
        return await self.client.action(
            "Originate",
            {
                "ActionID": call,
                "Channel": f"Local/{number}@network/n",
                "Context": "answered",
                "Exten": "wait",
                "Priority": 1,
                "Async": "true",
                "Timeout": 20000,
                "ChannelId": call,
                "OtherChannelId": f"{call}-far",
            },
        )

    def of(self, name, call):
        return [
            event
            for event in self.events
            if event["Event"] == name and event.get("Uniqueid") == call
        ]


def play(asterisk, story, **options):
    async def whole():
        dialer = Dialer(asterisk, **options)
        task = asyncio.ensure_future(dialer.client.run())
        try:
            await asyncio.wait_for(story(dialer), 120)
        finally:
            dialer.client.stop()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(whole())


def test_a_call_is_followed_by_the_name_that_we_gave_it(asterisk):
    async def story(dialer):
        await until(lambda: dialer.client.up, "the log-in")
        assert dialer.found == [[]]
        await dialer.originate("7005551001", "call-1")
        await until(
            lambda: dialer.of("DialEnd", "call-1") or dialer.of("Newstate", "call-1"),
            "news of the call",
        )
        await until(
            lambda: any(
                one.get("ChannelStateDesc") == "Up"
                for one in dialer.of("Newstate", "call-1")
            ),
            "the answer",
        )
        rows = await dialer.client.listed("CoreShowChannels")
        assert "call-1" in {row["Uniqueid"] for row in rows}
        assert {row["Linkedid"] for row in rows} == {"call-1"}
        await dialer.client.action("Hangup", {"Channel": "/^Local/7005551001.*/"})
        await until(lambda: dialer.of("Hangup", "call-1"), "the end")

    play(asterisk, story)


def test_a_busy_number_says_so(asterisk):
    async def story(dialer):
        await until(lambda: dialer.client.up, "the log-in")
        await dialer.originate("7105551001", "call-2")
        await until(lambda: dialer.of("Hangup", "call-2"), "the end")
        far = dialer.of("Hangup", "call-2-far")
        assert "17" in {event["Cause"] for event in far}

    play(asterisk, story)


def test_a_frozen_asterisk_is_noticed_and_taken_back(asterisk):
    async def story(dialer):
        await until(lambda: dialer.client.up, "the log-in")
        await dialer.originate("7005551001", "call-3")
        await until(lambda: dialer.of("Newchannel", "call-3"), "the call")
        asterisk.signal(signal.SIGSTOP)
        await until(lambda: dialer.downs, "the loss")
        assert "Ping" in dialer.downs[0]
        with pytest.raises(LinkLost):
            await dialer.originate("7005551002", "call-4")
        asterisk.signal(signal.SIGCONT)
        await until(lambda: len(dialer.ups) >= 2, "the return")
        # The conversation went on, and is found again by its name.
        assert "call-3" in {row["Uniqueid"] for row in dialer.found[-1]}
        assert not dialer.of("Newchannel", "call-4")

    play(asterisk, story)


def test_after_a_restart_nothing_is_dialled_by_itself(asterisk):
    async def story(dialer):
        await until(lambda: dialer.client.up, "the log-in")
        await dialer.originate("7205551001", "call-5")
        await until(lambda: dialer.of("Newchannel", "call-5"), "the call")
        asterisk.kill()
        await until(lambda: dialer.downs, "the loss")
        heard = len(dialer.events)
        await asyncio.get_running_loop().run_in_executor(None, asterisk.start)
        await until(lambda: len(dialer.ups) >= 2, "the return")
        assert dialer.found[-1] == []
        await dialer.client.action("Ping")
        new = dialer.events[heard:]
        assert not [event for event in new if event["Event"] == "Newchannel"]

    play(asterisk, story, wait_most=1.0)


def test_a_wrong_secret_is_named(asterisk):
    async def story(dialer):
        await until(lambda: "refused" in (dialer.client.reason or ""), "the refusal")
        assert "Authentication failed" in dialer.client.reason
        assert not dialer.ups

    play(asterisk, story, secret="otro")
