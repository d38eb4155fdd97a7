"""Moments that come wrong: two things at once, an answer too late, a half-done one."""

import asyncio

from bridging import Table, World, campaign, run
from test_bridge import hand, network

from odoo.addons.telemarketing_dialer.ami import ActionError, Deadline
from odoo.addons.telemarketing_dialer.bridge import Command, Trunk


def sent(world):
    return len(world.exchange.dialled)


async def talking(world, table, session=1):
    """A call by hand that has been joined; its uuid."""
    await world.until(
        lambda: all(table.phones.get(n, ("",))[0] == "up" for n in table.agents)
    )
    attempt = table.write(1, number="600")
    table.order("dial", attempt.uuid, session, attempt)
    await world.until(lambda: (attempt.uuid, "talking") in table.states, 30)
    return attempt.uuid


async def ask(world, table, kind, uuid, **params):
    """Agent 1 asks."""
    number = len(table.commands) + 1
    table.commands[number] = (Command(number, kind, uuid, 1, params, table.now), None)
    await world.bridge.command(number)
    await world.until(lambda: number in table.answers, 20)
    await asyncio.sleep(0.1)
    return table.answers[number]


class Slow(Table):
    """Reads at once and answers late: what changed meanwhile is not in its answer."""

    late = 0.0

    async def snapshot(self):
        found = await super().snapshot()
        await asyncio.sleep(self.late)
        return found


def test_the_red_button_is_not_undone_by_what_was_read_just_before():
    async def story():
        table = Slow(agents=3)
        async with World(network(0.0, ring=3.0), table) as world:
            await world.until(lambda: sent(world) >= 3)
            table.late = 1.5
            world.bridge.look_again()
            await asyncio.sleep(0.3)
            table.server = table.server._replace(stopped=True)
            world.bridge.heard_stop(None, True)
            await asyncio.sleep(0.2)
            before = sent(world)
            await asyncio.sleep(8)
            assert sent(world) == before

    run(story)


def test_who_pauses_is_not_ready_again_by_what_was_read_just_before():
    async def story():
        table = Slow(agents=1)
        async with World(network(talk=5.0), table) as world:
            await world.until(lambda: table.finished, 100)
            table.late = 1.5
            world.bridge.look_again()
            await asyncio.sleep(0.3)
            table.agents[1] = table.agents[1]._replace(state="paused")
            world.bridge.heard_session(1, state="paused")
            leg = world.bridge.legs[1]
            for _n in range(40):
                await asyncio.sleep(0.1)
                assert leg.agent.state == "paused"

    run(story)


def test_a_resume_of_which_no_word_came_starts_the_campaign_again():
    async def story():
        table = Table(agents=2)
        async with World(network(0.0), table) as world:
            await world.until(lambda: sent(world) >= 2)
            table.campaigns = [campaign(runs=False)]
            world.bridge.heard_stop(1, True)
            await asyncio.sleep(10)
            before = sent(world)
            # The listener was not connected in that moment.
            table.campaigns = [campaign()]
            await world.until(lambda: sent(world) > before, 10)

    run(story)


def test_the_red_button_reaches_who_has_no_channel_yet():
    async def story():
        table = Table(agents=3)
        async with World(network(ring=4.0), table) as world:
            begin, stopped = world.exchange._begin, []

            def stopping(channel, headers):
                if channel["uid"].startswith("tm-") and not stopped:
                    stopped.append(channel["uid"])
                    table.server = table.server._replace(stopped=True)
                    world.bridge.heard_stop(None, True)
                begin(channel, headers)

            world.exchange._begin = stopping
            await world.until(lambda: stopped)
            await asyncio.sleep(1)
            assert stopped[0] not in world.exchange.channels

    run(story)


def test_the_person_leaves_a_consultation_and_both_agents_are_free_again():
    async def story():
        table = hand(Table(agents=2))
        async with World(network(talk=600.0), table) as world:
            uuid = await talking(world, table)
            how = {"to": "agent", "session": 2, "how": "attended"}
            assert await ask(world, table, "transfer", uuid, **how) == {"ok": True}
            assert world.exchange.channels["tma-2-1"]["room"] == "tma1"
            world.exchange.gone(f"tm-{uuid}")
            await world.until(lambda: uuid in table.finished)
            await asyncio.sleep(2)
            assert [leg.call for leg in world.bridge.legs.values()] == [None, None]
            assert world.exchange.channels["tma-2-1"]["room"] == "tma2", "at home"

    run(story)


def test_a_colleague_whose_telephone_dies_in_a_consultation_is_not_stuck():
    async def story():
        table = hand(Table(agents=2))
        async with World(network(talk=600.0), table) as world:
            uuid = await talking(world, table)
            how = {"to": "agent", "session": 2, "how": "attended"}
            await ask(world, table, "transfer", uuid, **how)
            # Only that leg goes: it is a guest in this room.
            world.exchange.rooms["tma1"].remove("tma-2-1")
            world.exchange.channels["tma-2-1"]["room"] = None
            world.exchange.gone("tma-2-1")
            await asyncio.sleep(1)
            assert world.bridge.legs[2].call is None
            assert await ask(world, table, "drop_third", uuid) == {"ok": True}
            assert world.exchange.channels[f"tm-{uuid}"]["room"] == "tma1"
            world.exchange.gone(f"tm-{uuid}")
            await world.until(lambda: uuid in table.finished)
            assert table.finished[uuid].outcome == "done"

    run(story)


def test_a_transfer_whose_answer_got_lost_leaves_the_person_with_one_agent():
    async def story():
        table = hand(Table(agents=2))
        async with World(network(talk=20.0), table) as world:
            uuid = await talking(world, table)
            send = world.wire.action

            async def deaf(name, *args, **values):
                answer = await send(name, *args, **values)
                if name == "Redirect":
                    await asyncio.sleep(5)
                    raise Deadline("no answer")
                return answer

            world.wire.action = deaf
            how = {"to": "agent", "session": 2, "how": "blind"}
            await ask(world, table, "transfer", uuid, **how)
            world.wire.action = send
            await world.until(lambda: uuid in table.finished, 60)
            await asyncio.sleep(1)
            assert [leg.call for leg in world.bridge.legs.values()] == [None, None]

    run(story)


def test_a_third_one_who_was_never_made_does_not_keep_the_person_in_the_music():
    async def story():
        table = hand(Table(agents=1))
        async with World(network(talk=600.0), table) as world:
            uuid = await talking(world, table)
            begin = world.exchange._begin

            def fails(channel, headers):
                if not channel["uid"].startswith("tmx-"):
                    return begin(channel, headers)
                del world.exchange.channels[channel["uid"]]
                return world.exchange.emit(
                    Event="OriginateResponse",
                    ActionID=channel["uid"],
                    Response="Failure",
                )

            world.exchange._begin = fails
            how = {"to": "number", "how": "blind", "channel": "PJSIP/700@t"}
            await ask(world, table, "transfer", uuid, **how)
            await world.until(lambda: uuid in table.finished, 10)

    run(story)


def test_nobody_waits_for_a_slow_trunk_longer_than_the_permission_is_fresh():
    async def story():
        table = Table(agents=0, channels=100)
        table.trunks = [Trunk(1, 100, 0.2, False, 0.0)]
        async with World(network(0.0), table) as world:
            await world.until(lambda: world.bridge.may_dial)
            at = table.now
            for _n in range(8):
                world.bridge.send(table.write(1))
            last = []
            dial = world.exchange._originate

            def noted(headers, variables):
                last.append(table.now - at)
                return dial(headers, variables)

            world.exchange._originate = noted
            await asyncio.sleep(60)
            assert last and max(last) < 6
            assert len(table.finished) == 8

    run(story)


def test_a_campaign_whose_people_are_locked_does_not_stop_the_others():
    async def story():
        table = Table(agents=2, campaigns=[campaign(1), campaign(2)])
        table.agents[2] = table.agents[2]._replace(campaign=2)
        take = table.take

        async def locked(campaign, *args, **values):
            if campaign == 1:
                await asyncio.sleep(600)
            return await take(campaign, *args, **values)

        table.take = locked
        async with World(network(0.0, end="busy"), table) as world:
            await world.until(lambda: sent(world) > 3, 60)

    run(story)


def test_an_abandoned_call_counts_once():
    async def story():
        table = Table(agents=1)
        async with World(network(), table) as world:
            await world.until(lambda: world.bridge.seeing)
            world.bridge.send(table.write(1, mode="predictive"))
            table.agents[1] = table.agents[1]._replace(state="paused")
            world.bridge.heard_session(1, state="paused")
            await world.until(lambda: len(table.finished) == 1, 30)
            assert world.bridge.counts["abandoned"] == 1

    run(story)


def test_a_process_that_was_asleep_does_not_dial_when_it_wakes():
    async def story():
        table = Table(agents=2)
        async with World(network(0.0, end="busy"), table) as world:
            await world.until(lambda: sent(world) >= 1)
            held = [True]
            world.bridge.held = lambda: held[0]
            begin = world.bridge.store.take

            async def sleeps(*args, **values):
                found = await begin(*args, **values)
                # Here SIGSTOP came, and another process took over.
                held[0] = False
                return found

            table.take = sleeps
            await world.until(lambda: not held[0])
            before = sent(world)
            await asyncio.sleep(30)
            assert sent(world) == before

    run(story)


def test_stopping_does_not_wait_for_an_asterisk_that_is_away():
    async def story():
        table = Table(agents=1)
        async with World(network(0.0), table) as world:
            await world.until(lambda: world.bridge.seeing)
            # As one that sleeps between two tries to connect.
            world.bridge.client.stop = lambda: None
            world.bridge.stop()
            await asyncio.wait_for(asyncio.wait([world.task]), 3)
            assert world.task.done()

    run(story)


def test_a_person_who_comes_back_to_the_first_agent_is_on_that_desk_again():
    async def story():
        table = hand(Table(agents=2))
        async with World(network(talk=60.0), table) as world:
            uuid = await talking(world, table)
            how = {"to": "agent", "session": 2, "how": "blind"}
            await ask(world, table, "transfer", uuid, **how)
            await world.until(lambda: table.delivered.get(uuid) == 2)
            table.agents[1] = table.agents[1]._replace(state="ready")
            world.bridge.heard_session(1, state="ready")
            world.bridge.heard_closed("another", "person")
            number = len(table.commands) + 1
            params = {"to": "agent", "session": 1, "how": "blind"}
            table.commands[number] = (
                Command(number, "transfer", uuid, 2, params, table.now),
                None,
            )
            await world.bridge.command(number)
            await world.until(lambda: table.delivered.get(uuid) == 1, 5)

    run(story)


def test_who_was_transferred_to_a_campaign_does_not_wait_there_for_ever():
    async def story():
        table = Table(agents=2, campaigns=[campaign(1), campaign(2)], wrap=1000.0)
        table.agents[2] = table.agents[2]._replace(campaign=2, state="paused")
        async with World(network(talk=600.0), table) as world:
            await world.until(lambda: 1 in table.delivered.values(), 60)
            (uuid,) = table.delivered
            await ask(world, table, "transfer", uuid, to="campaign", campaign=2)
            waiting = world.bridge.pacer.campaigns[2].inbound
            assert list(waiting) == [uuid]
            world.bridge.heard_session(2, state="ready")
            table.agents[2] = table.agents[2]._replace(state="ready")
            await world.until(lambda: table.delivered.get(uuid) == 2, 20)
            assert not waiting

    run(story)


def test_who_goes_home_is_not_remembered_for_ever():
    async def story():
        table = Table(agents=1)
        async with World(network(0.0), table) as world:
            await world.until(lambda: sent(world) >= 1)
            for n in range(10, 40):
                table.agents[n] = table.agents[1]._replace(id=n)
                await asyncio.sleep(5)
                del table.agents[n]
                await asyncio.sleep(5)
            await asyncio.sleep(60)
            kept = world.bridge
            assert len(kept.legs) == len(kept.legs_by_room) == 1
            assert len(kept.legs_by_id) == 1
            assert len(kept.pacer.agents) == 1

    run(story)


def test_a_lost_word_of_a_result_frees_the_agent_however_busy_the_database_is():
    async def story():
        table = Table(agents=1, alive=False)
        async with World(network(talk=3.0), table) as world:
            await world.until(lambda: table.finished, 60)
            leg = world.bridge.legs[1]

            async def chatter():
                while True:
                    world.bridge.writer.tell("p9", "phone", 9, "up")
                    await asyncio.sleep(0.001)

            talk = asyncio.ensure_future(chatter())
            table.agents[1] = table.agents[1]._replace(state="ready")
            await world.until(lambda: leg.owes is None, 20)
            talk.cancel()

    run(story)


def test_a_trunk_that_was_taken_away_gives_no_lines_any_more():
    async def story():
        table = Table(agents=0)
        table.trunks = [Trunk(n, 10, 5.0, False, 0.0) for n in (1, 2)]
        async with World(network(0.0), table) as world:
            await world.until(lambda: len(world.bridge.trunks) == 2)
            table.trunks = table.trunks[:1]
            await asyncio.sleep(5)
            assert list(world.bridge.trunks) == [1]
            assert world.bridge.pacer.channels == 10

    run(story)


def test_a_transfer_to_a_campaign_that_asterisk_refuses_leaves_the_person_here():
    async def story():
        table = hand(Table(agents=1))
        async with World(network(talk=600.0), table) as world:
            uuid = await talking(world, table)
            send = world.wire.action

            async def refusing(name, *args, **values):
                if name == "Redirect":
                    raise ActionError(name, {"Message": "Redirect failed"})
                return await send(name, *args, **values)

            world.wire.action = refusing
            answer = await ask(
                world, table, "transfer", uuid, to="campaign", campaign=1
            )
            assert answer["error"] == "refused"
            world.wire.action = send
            assert world.bridge.legs[1].call is world.bridge.calls[uuid]
            assert await ask(world, table, "hangup", uuid) == {"ok": True}
            await world.until(lambda: uuid in table.finished, 5)

    run(story)
