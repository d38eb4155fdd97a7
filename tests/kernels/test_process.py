"""Between the bridge's clock and PostgreSQL's, and who may go on dialling when."""

import asyncio
import time

import pytest
from bridging import Table, campaign

from odoo.addons.telemarketing_dialer.bridge import Command, Finished, Lost
from odoo.addons.telemarketing_dialer.process import process
from odoo.addons.telemarketing_dialer.process.store import ServerStore


class Database:
    """PostgreSQL with a clock of its own, which somebody may set."""

    def __init__(self, now):
        self.now, self.off = now, 0.0
        self.told = []

    async def call(self, method, server, epoch, *args):
        assert (server, epoch) == (1, 7)
        at = self.now() + self.off
        if method == "_snapshot":
            table = Table(agents=1)
            table.campaigns = [campaign()]
            attempt = table.write(1)._replace(at=at - 3, answered_at=at - 1)
            table.attempts[attempt.uuid] = attempt
            snapshot = await table.snapshot()
            command = Command(1, "hangup", "u", 1, {}, at - 2)
            trunk = snapshot.trunks[0]._replace(backoff_until=at + 60)
            return snapshot._replace(
                now=at, open=(attempt,), commands=(command,), trunks=(trunk,)
            )
        if method == "_take":
            return (Table().write(1)._replace(at=at),)
        self.told.append((method, args))
        return None


def run(story):
    async def whole():
        now = process.steady()
        database = Database(now)
        await story(ServerStore(database, 1, 7, now), database, now)

    asyncio.run(whole())


@pytest.mark.parametrize("jump", [0.0, 3600.0, -3600.0])
def test_a_clock_that_is_set_neither_stops_nor_ages_a_call(jump):
    async def story(store, database, now):
        await store.snapshot()
        database.off = jump
        (attempt,) = await store.take(1, 1)
        # Fresh, whatever the other clock says: it is dialled.
        assert abs(attempt.at - now()) < 0.5
        snapshot = await store.snapshot()
        assert abs(snapshot.open[0].at - (now() - 3)) < 0.5
        assert abs(snapshot.open[0].answered_at - (now() - 1)) < 0.5
        assert abs(snapshot.commands[0].at - (now() - 2)) < 0.5
        assert abs(snapshot.trunks[0].backoff_until - (now() + 60)) < 0.5
        end = now()
        await store.finish([Finished("u", "done", 16, "", None, end, end, end, 1, "")])
        await store.save({}, {"last_event_at": end})
        (_finish, (told,)), (_save, (_pacing, health)) = database.told
        assert told[0].rang_at is None
        # Written by their clock, as everything else there.
        assert abs(told[0].ended_at - (end + jump)) < 0.5
        assert abs(health["last_event_at"] - (end + jump)) < 0.5
        assert abs(health["clock_ms"] / 1000 - jump) < 0.5

    run(story)


def test_the_steady_clock_is_moved_by_nobody(monkeypatch):
    now = process.steady()
    before = now()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 0 <= now() - before < 1


class Bridge:
    def __init__(self):
        self.fenced, self.stopped = False, False

    def fence(self, fenced):
        self.fenced = fenced

    def stop(self):
        self.stopped = True


def test_a_process_that_cannot_renew_in_time_dials_nobody(monkeypatch):
    monkeypatch.setattr(process, "SAFE", 0.5)

    async def story():
        one = process.Process("no such database")
        one.stopping = asyncio.Event()
        bridge = one.bridges[1] = Bridge()
        one.epochs[1] = 3
        guard = asyncio.ensure_future(one._guard())
        one._held({1: 3}, time.monotonic())
        await asyncio.sleep(0.3)
        assert not bridge.fenced
        await asyncio.sleep(0.6)
        assert bridge.fenced
        one._held({1: 3}, time.monotonic())
        assert not bridge.fenced
        # Somebody else has it: whatever was fenced, it ends.
        one._held({}, time.monotonic())
        assert bridge.stopped and not one.bridges
        guard.cancel()

    asyncio.run(story())


def test_who_lost_the_server_writes_no_attempt_and_stops():
    from bridging import World, network_of_people
    from bridging import run as play

    async def story():
        async with World(network_of_people(), agents=2) as world:
            await world.until(lambda: world.table.delivered)

            async def lost(*_args):
                raise Lost("server 1, epoch 1")

            count = len(world.exchange.dialled)
            world.table.take = world.table.snapshot = lost
            await world.until(lambda: world.lost, 20)
            assert world.bridge.fenced
            assert len(world.exchange.dialled) == count

    play(story)
