"""The bridge on a real Asterisk, with real SIP and sound; the database is played."""

import asyncio
import os

from bridging import START, Table, campaign

from odoo.addons.telemarketing_dialer.ami import Client
from odoo.addons.telemarketing_dialer.bridge import Bridge

ANSWERS = "7{ring}{talk}555{n:04d}"


class People(Table):
    """Numbers say what becomes of them: the network of ``docs/telephone.md``."""

    pattern = "791555{n:04d}"

    def write(self, key, number=None, **values):
        n = len(self.attempts)
        number = number or self.pattern.format(n=n)
        return super().write(
            key,
            number,
            channel=f"PJSIP/{number}@carrier",
            **{"notice": "telemarketing/notice", **values},
        )


class Centre:
    def __init__(self, telephone, table):
        self.telephone, self.table = telephone, table
        table.server = table.server._replace(
            host=telephone.host,
            port=telephone.port,
            user=telephone.user,
            secret=telephone.secret,
            database=telephone.database,
            agent_channel=telephone.agent_channel,
        )
        self.events = []

    def connect(self, server, on_event, **callbacks):
        def hear(event):
            self.events.append(event)
            on_event(event)

        return Client(
            server.host, server.port, server.user, server.secret, hear, **callbacks
        )

    def begin(self):
        loop = asyncio.get_running_loop()
        self.bridge = Bridge(self.table, self.connect, lambda: START + loop.time())
        self.table.bridge = self.bridge
        self.task = asyncio.ensure_future(self.bridge.start())

    async def kill(self):
        self.task.cancel()
        self.bridge.client.stop()
        for task in [*self.bridge._tasks, *self.bridge.writer._tasks]:
            task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def until(self, condition, what, seconds=30):
        end = asyncio.get_running_loop().time() + seconds
        while not condition():
            if self.task.done() and not self.task.cancelled():
                self.task.result()
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(f"it did not come: {what}")
            await asyncio.sleep(0.01)

    def linked(self):
        """Our channel ids that Asterisk told of: one for each attempt, no more."""
        return {
            event["Linkedid"]
            for event in self.events
            if event.get("Linkedid", "").startswith("tm-")
        }

    async def channels(self):
        return await self.bridge.client.listed("CoreShowChannels")


def play(telephone, story, **values):
    pattern = values.pop("pattern", None)

    async def whole():
        table = People(**values)
        if pattern:
            table.pattern = pattern
        centre = Centre(telephone, table)
        centre.begin()
        try:
            await asyncio.wait_for(story(centre, table), 150)
        finally:
            centre.bridge.stop()
            centre.task.cancel()
            await asyncio.gather(centre.task, return_exceptions=True)

    asyncio.run(whole())


def test_who_answers_is_in_a_room_with_an_agent_at_once(telephone):
    async def story(centre, table):
        await centre.until(lambda: len(table.delivered) >= 3, "three calls", 40)
        waits = centre.bridge.measures["joined"]
        assert max(waits) < 0.3
        rows = await centre.channels()
        for uuid, session in table.delivered.items():
            if uuid in table.finished:
                continue
            bridges = {
                row["BridgeId"]
                for row in rows
                if row["Uniqueid"] in (f"tm-{uuid}",)
                or row["Uniqueid"].startswith(f"tma-{session}-")
            }
            assert len(bridges) == 1
        await centre.until(lambda: len(table.finished) >= 3, "their ends", 40)
        assert {one.outcome for one in table.finished.values()} == {"done"}

    play(telephone, story, agents=3)


def test_every_outcome_of_the_network_is_told_by_its_name(telephone):
    fates = {
        "7015550001": "done",
        "7115550001": "busy",
        "7325550001": "congestion",
        "7625550001": "unallocated",
        "7725550001": "rejected",
        "7225550001": "no_answer",
    }

    async def story(centre, table):
        await centre.until(lambda: table.phones.get(1, ("",))[0] == "up", "the leg")
        sent = {}
        for number in fates:
            attempt = table.write(1, number=number, mode="progressive", ring_seconds=4)
            sent[attempt.uuid] = number
            centre.bridge.send(attempt)
        await centre.until(lambda: len(table.finished) >= 5, "the ends", 20)
        talk = next(u for u, n in sent.items() if n == "7015550001")
        centre.bridge.hang_up(centre.bridge.calls[talk].channel)
        await centre.until(lambda: len(table.finished) == 6, "all ends")
        found = {sent[u]: one.outcome for u, one in table.finished.items()}
        assert found == fates
        assert centre.linked() == {f"tm-{uuid}" for uuid in table.attempts}

    play(telephone, story, agents=1, people=0)


def test_nobody_is_there_in_time_and_the_notice_is_heard(telephone):
    async def story(centre, table):
        await centre.until(lambda: centre.bridge.seeing, "the link")
        attempt = table.write(1, number="7005550001", mode="predictive")
        centre.bridge.send(attempt)
        await centre.until(lambda: attempt.uuid in table.finished, "its end", 20)
        one = table.finished[attempt.uuid]
        assert one.outcome == "abandoned"
        assert one.ended_at - one.answered_at > 3.0

    play(telephone, story, agents=0, people=0)


def test_asterisk_freezes_and_nobody_is_dialled_until_it_is_looked_at_again(telephone):
    async def story(centre, table):
        await centre.until(lambda: len(table.delivered) >= 3, "three calls", 40)
        telephone.centre.freeze()
        await asyncio.sleep(1.0)
        assert not centre.bridge.may_dial
        before = len(table.attempts)
        talking = {c.uuid for c in centre.bridge.calls.values() if c.talked}
        await asyncio.sleep(3)
        assert len(table.attempts) == before
        telephone.centre.thaw()
        at = asyncio.get_running_loop().time()
        await centre.until(lambda: centre.bridge.may_dial, "sight again", 5)
        assert asyncio.get_running_loop().time() - at < 5
        await centre.until(lambda: talking <= set(table.finished), "ends", 40)
        assert {table.finished[u].outcome for u in talking} == {"done"}

    play(telephone, story, agents=3)


def test_asterisk_is_killed_and_every_call_ends_and_agents_are_rung_again(telephone):
    async def story(centre, table):
        await centre.until(lambda: len(table.delivered) >= 3, "three calls", 40)
        telephone.centre.kill()
        await centre.until(lambda: not centre.bridge.may_dial, "blindness", 1.5)
        open_then = set(table.attempts) - set(table.finished)
        telephone.centre.start()
        await centre.until(lambda: centre.bridge.may_dial, "sight again", 20)
        await centre.until(
            lambda: open_then <= set(table.finished), "an end of each", 5
        )
        done = len(table.delivered)
        await centre.until(lambda: len(table.delivered) > done + 2, "new calls", 60)

    play(telephone, story, agents=3)


def test_another_process_goes_on_with_the_conversations(telephone):
    async def story(centre, table):
        await centre.until(lambda: len(table.delivered) >= 3, "three calls", 40)
        talking = set(table.delivered) - set(table.finished)
        await centre.kill()
        await asyncio.sleep(1)
        centre.begin()
        await centre.until(lambda: centre.bridge.may_dial, "sight", 5)
        assert {u for u, c in centre.bridge.calls.items() if c.phase == "joined"} >= (
            talking - set(table.finished)
        )
        await centre.until(lambda: talking <= set(table.finished), "ends", 40)
        assert {table.finished[u].outcome for u in talking} == {"done"}
        await centre.until(lambda: len(table.delivered) > 4, "new calls", 40)
        assert centre.linked() <= {f"tm-{uuid}" for uuid in table.attempts}

    play(telephone, story, agents=3)


def test_a_carrier_that_answers_503_is_left_alone(telephone):
    async def story(centre, table):
        telephone.refuse(34)
        await centre.until(lambda: table.backoffs, "a rest", 40)
        count = len(table.attempts)
        await asyncio.sleep(3)
        assert len(table.attempts) <= count + 5
        assert {one.outcome for one in table.finished.values()} == {"congestion"}
        telephone.refuse(None)
        await centre.until(lambda: table.delivered, "a call", 60)

    play(telephone, story, agents=3)


def test_an_agents_telephone_dies_and_the_person_is_not_left_in_silence(telephone):
    async def story(centre, table):
        await centre.until(lambda: 1 in table.delivered.values(), "a call", 40)
        uuid = next(u for u, s in table.delivered.items() if s == 1)
        centre.bridge.hang_up(centre.bridge.legs[1].channel)
        await centre.until(lambda: uuid in table.finished, "its end", 15)
        assert table.finished[uuid].outcome == "agent_lost"
        assert centre.bridge.legs[1].phone == "none"
        await asyncio.sleep(3)
        assert list(table.delivered.values()).count(1) == 1

    play(telephone, story, agents=2)


def test_hold_keys_mute_three_way_and_transfer_on_real_lines(telephone):
    async def story(centre, table):
        await centre.until(
            lambda: [p for p, _r in table.phones.values()].count("up") == 2, "legs"
        )
        attempt = table.write(1, number="7005550001", recording="call-1")
        table.order("dial", attempt.uuid, 1, attempt)
        uuid = attempt.uuid
        await centre.until(lambda: (uuid, "talking") in table.states, "an answer")

        async def ask(kind, session=1, **params):
            number = table.order(kind, uuid, session, **params)
            await centre.until(lambda: number in table.answers, kind)
            await asyncio.sleep(0.3)
            assert "error" not in table.answers[number], (kind, params)
            return table.answers[number]

        async def room_mates():
            rows = await centre.channels()
            mine = next(r["BridgeId"] for r in rows if r["Uniqueid"] == f"tm-{uuid}")
            return {
                r["Uniqueid"].rsplit("-", 1)[0]
                for r in rows
                if r["BridgeId"] == mine and mine
            }

        assert (await ask("hold", on=True))["held"]
        assert not await room_mates()
        assert not (await ask("hold", on=False))["held"]
        assert "tma-1" in await room_mates()
        assert (await ask("mute", on=True))["ok"]
        assert (await ask("mute", on=False))["ok"]
        assert (await ask("keys", digits="12#"))["ok"]
        assert (await ask("record", pause=True))["paused"]
        assert not (await ask("record", pause=False))["paused"]
        third = "PJSIP/7005550009@carrier"
        assert (await ask("third", channel=third))["ok"]
        await asyncio.sleep(0.5)
        assert f"tmx-{uuid}" in await room_mates()
        assert (await ask("drop_third"))["ok"]
        assert (await ask("hangup"))["ok"]
        await centre.until(lambda: uuid in table.finished, "its end")
        assert table.finished[uuid].outcome == "done"
        ins = os.path.getsize(telephone.spool / "call-1-in.alaw")
        outs = os.path.getsize(telephone.spool / "call-1-out.alaw")
        assert ins > 8000 * 3
        assert abs(ins - outs) < 8000 * 0.2

    def by_hand(**values):
        return play(telephone, story, campaigns=[campaign(mode="manual")], **values)

    by_hand(agents=2)
