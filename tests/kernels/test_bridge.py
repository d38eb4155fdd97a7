"""The bridge in virtual time: what an agent, a person called or a supervisor loses."""

import asyncio
import random
import re
from pathlib import Path

from bridging import START, Table, World, agents_only, campaign, run
from bridging import network_of_people as network
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo.addons.telemarketing_dialer.bridge import Command, moving


def test_who_answers_talks_with_the_agent_who_waits():
    async def story():
        async with World(network(talk=10.0), agents=1) as world:
            await world.until(lambda: world.table.delivered)
            uuid, session = next(iter(world.table.delivered.items()))
            assert session == 1
            assert world.exchange.rooms["tma1"] == ["tma-1-1", f"tm-{uuid}"]
            assert world.bridge.measures["joined"][0] < 0.01
            await world.until(lambda: uuid in world.table.finished)
            one = world.table.finished[uuid]
            assert (one.outcome, one.session) == ("done", 1)
            assert 9.5 < one.ended_at - one.bridged_at < 10.5
            assert "tma-1-1" in world.exchange.channels

    run(story)


def test_an_agent_gets_nobody_before_the_result_of_the_last_call():
    async def story():
        table = Table(agents=1, wrap=30.0)
        async with World(network(talk=5.0), table) as world:
            await world.until(lambda: len(table.delivered) == 2, 200)
            first, second = table.delivered
            gap = table.finished[first].ended_at
            answered = world.bridge.calls[second].answered_at
            assert answered - gap >= 29

    run(story)


def test_nobody_is_dialled_without_an_agent_on_the_telephone():
    async def story():
        def dead(number):
            return {"end": "none"} if number.startswith("2") else {}

        async with World(dead, agents=3) as world:
            await asyncio.sleep(120)
            assert not world.exchange.dialled
            assert world.table.phones[1][0] == "none"

    run(story)


def test_everything_dialled_gets_an_outcome():
    def far(number):
        if number.startswith("2") and len(number) == 3:
            return agents_only(number)
        ends = ["answer", "busy", "congestion", "unallocated", "none"]
        return {"end": ends[int(number) % 5], "ring": 1.0, "talk": 5.0}

    async def story():
        table = Table(agents=3, people=60)
        table.trunks = [table.trunks[0]._replace(channels=10)]
        async with World(far, table) as world:
            await world.until(lambda: len(table.finished) == 60, 3000)
            assert len(world.exchange.dialled) == len(set(world.exchange.dialled))
            found = {one.outcome for one in table.finished.values()}
            assert found >= {"done", "busy", "congestion", "unallocated", "no_answer"}
            assert not table.told_twice

    run(story)


def test_nobody_free_within_two_seconds_is_counted_as_abandoned():
    async def story():
        table = Table(agents=2)
        async with World(network(talk=60.0), table) as world:
            await world.until(lambda: len(table.delivered) == 2)
            attempt = table.write(1, mode="predictive")
            world.bridge.send(attempt)
            await world.until(lambda: attempt.uuid in table.finished, 30)
            assert table.finished[attempt.uuid].outcome == "abandoned"

    run(story)


def test_the_red_button_stops_within_a_second_and_calls_off_what_rings():
    async def story():
        async with World(network(ring=20.0), agents=3) as world:
            await world.until(lambda: len(world.exchange.dialled) >= 3)
            before = len(world.exchange.dialled)
            world.bridge.heard_stop(None, True)
            world.table.server = world.table.server._replace(stopped=True)
            await asyncio.sleep(1.0)
            assert not [c for c in world.exchange.channels if c.startswith("tm-")]
            await asyncio.sleep(60)
            assert len(world.exchange.dialled) == before
            ends = [one.outcome for one in world.table.finished.values()]
            assert ends == ["cancelled"] * before
            world.table.server = world.table.server._replace(stopped=False)
            world.bridge.heard_stop(None, False)
            await world.until(lambda: len(world.exchange.dialled) > before)

    run(story)


def test_dialling_stops_when_asterisk_is_not_seen_and_talks_go_on():
    async def story():
        table = Table(agents=3)
        async with World(network(0.5, talk=100.0), table) as world:
            await world.until(lambda: len(table.delivered) == 3, 300)
            world.wire.half_open = True
            await asyncio.sleep(0.7)
            assert not world.bridge.may_dial
            count = len(world.exchange.dialled)
            talking = set(table.delivered)
            await asyncio.sleep(10)
            assert len(world.exchange.dialled) == count
            world.wire.half_open = world.wire.cut = False
            at = asyncio.get_event_loop().time()
            await world.until(lambda: world.bridge.may_dial, 5)
            assert asyncio.get_event_loop().time() - at < 5
            assert talking == {
                c.uuid for c in world.bridge.calls.values() if c.phase == "joined"
            }
            await world.until(lambda: talking <= set(table.finished), 200)
            assert {table.finished[u].outcome for u in talking} == {"done"}

    run(story)


def test_another_process_finds_the_conversations_and_dials_nobody_twice():
    async def story():
        table = Table(agents=3)
        async with World(network(0.5, talk=60.0), table) as world:
            await world.until(lambda: len(table.delivered) == 3, 300)
            talking = set(table.delivered)
            await world.kill()
            await asyncio.sleep(5)
            world.begin()
            await world.until(lambda: world.bridge.may_dial, 5)
            await world.until(lambda: talking <= set(table.finished), 200)
            assert {table.finished[u].outcome for u in talking} == {"done"}
            await world.until(lambda: len(table.delivered) > 4, 300)
            uids = [uid for uid, _number in world.exchange.dialled]
            assert len(uids) == len(set(uids))
            assert set(uids) <= {f"tm-{uuid}" for uuid in table.attempts}

    run(story)


def test_asterisk_dies_and_every_call_has_an_end():
    async def story():
        table = Table(agents=3)
        async with World(network(0.5, talk=60.0), table) as world:
            await world.until(lambda: len(table.delivered) == 3, 300)
            world.wire.cut = True
            world.exchange.crash()
            await asyncio.sleep(3)
            world.wire.cut = False
            await world.until(lambda: world.bridge.may_dial, 5)
            await world.until(
                lambda: (
                    set(table.attempts) - set(table.finished) <= set(world.bridge.calls)
                ),
                20,
            )
            # The telephones are rung again by themselves: nobody hung them up.
            await world.until(lambda: len(table.delivered) > 6, 600)

    run(story)


def test_an_agent_whose_telephone_dies_is_not_given_anybody():
    async def story():
        table = Table(agents=2)
        async with World(network(talk=30.0), table) as world:
            await world.until(lambda: len(table.delivered) == 2)
            uuid = next(u for u, s in table.delivered.items() if s == 1)
            world.exchange.gone("tma-1-1")
            await world.until(lambda: uuid in table.finished)
            assert table.finished[uuid].outcome == "agent_lost"
            assert table.phones[1][0] == "none"
            await asyncio.sleep(300)
            assert [s for s in table.delivered.values()].count(1) == 1
            assert [s for s in table.delivered.values()].count(2) > 3

    run(story)


def test_the_database_is_away_and_nothing_that_was_heard_is_lost():
    async def story():
        table = Table(agents=3)
        async with World(network(0.5, talk=20.0), table) as world:
            await world.until(lambda: len(table.delivered) == 3, 300)
            table.broken = True
            talking = set(table.delivered)
            count = len(world.exchange.dialled)
            await asyncio.sleep(40)
            assert len(world.exchange.dialled) <= count + 12
            assert not talking & set(table.finished)
            table.broken = False
            await world.until(lambda: talking <= set(table.finished), 20)
            assert {table.finished[u].outcome for u in talking} == {"done"}

    run(story)


def test_who_lost_the_ownership_dials_nobody():
    async def story():
        async with World(network(0.3), agents=3) as world:
            await world.until(lambda: len(world.exchange.dialled) > 5)
            world.bridge.fence(True)
            await asyncio.sleep(0.2)
            count = len(world.exchange.dialled)
            await asyncio.sleep(60)
            assert len(world.exchange.dialled) == count

    run(story)


def test_a_personal_callback_is_dialled_for_its_agent_only():
    async def story():
        table = Table(agents=3)
        table.agents[2] = table.agents[2]._replace(callback_due=True)
        taken = []
        take = table.take

        async def noted(key, count, session=None):
            taken.append(session)
            if session is not None:
                table.agents[2] = table.agents[2]._replace(callback_due=False)
            return await take(key, count, session)

        table.take = noted
        async with World(network(talk=20.0), table) as world:
            await world.until(lambda: 2 in taken, 30)
            await asyncio.sleep(0.1)
            own = [u for u, a in table.attempts.items() if a.session == 2]
            await world.until(lambda: own[0] in table.delivered, 30)
            assert table.delivered[own[0]] == 2

    run(story)


def hand(table):
    table.campaigns = [campaign(mode="manual")]
    return table


def test_a_call_by_hand_rings_who_was_chosen_and_joins_who_chose():
    async def story():
        table = hand(Table(agents=2))
        async with World(network(talk=15.0), table) as world:
            await world.until(lambda: table.phones.get(1, ("",))[0] == "up")
            attempt = table.write(1, number="600")
            table.order("dial", attempt.uuid, 1, attempt)
            await world.until(lambda: attempt.uuid in table.finished, 30)
            assert [s for u, s in table.states] == ["dialling", "talking"]
            assert table.finished[attempt.uuid].outcome == "done"
            assert table.answers == {1: {"ok": True}}

    run(story)


def test_what_an_agent_may_do_with_the_call():
    async def story():
        table = hand(Table(agents=3))
        async with World(network(talk=600.0), table) as world:
            await world.until(lambda: len(table.phones) == 3)
            await asyncio.sleep(1)
            attempt = table.write(1, number="600", recording="r1")
            table.order("dial", attempt.uuid, 1, attempt)
            uuid = attempt.uuid
            await world.until(lambda: (uuid, "talking") in table.states, 30)
            person = world.exchange.channels[f"tm-{uuid}"]
            leg = world.exchange.channels["tma-1-1"]

            async def ask(kind, session=1, **params):
                number = table.order(kind, uuid, session, **params)
                await world.until(lambda: number in table.answers, 20)
                await asyncio.sleep(0.1)
                return table.answers[number]

            assert (await ask("hold", on=True))["held"]
            assert person["context"] == "telemarketing-hold"
            assert leg["room"] == "tma1"
            await ask("hold", on=False)
            assert person["room"] == "tma1"
            await ask("mute", on=True)
            assert leg["muted"]
            await ask("keys", digits="12#")
            assert person["keys"] == ["1", "2", "#"]
            assert "error" in await ask("keys", digits="1;2")
            await ask("record", pause=True)
            assert person["quiet"]
            assert "error" in await ask("drop_third")
            third = {"channel": "PJSIP/+34911000000@carrier", "caller": ""}
            await ask("transfer", to="number", how="attended", **third)
            assert person["context"] == "telemarketing-hold"
            world.exchange.gone(world.bridge.calls[uuid].third)
            await asyncio.sleep(1)
            await ask("drop_third")
            assert person["room"] == "tma1", "back from the music"
            assert "error" in await ask("hangup", session=2)
            await ask("transfer", to="agent", session=2, how="x")
            assert "error" in table.answers[max(table.answers)]

    run(story)


def test_a_person_is_handed_over_to_another_agent():
    async def story():
        table = hand(Table(agents=2))
        async with World(network(talk=60.0), table) as world:
            await world.until(lambda: len(table.phones) == 2)
            await asyncio.sleep(1)
            attempt = table.write(1, number="600")
            table.order("dial", attempt.uuid, 1, attempt)
            await world.until(lambda: table.states[-1:] == [(attempt.uuid, "talking")])
            number = len(table.commands) + 1
            command = ("transfer", attempt.uuid, 1)
            params = {"to": "agent", "session": 2, "how": "blind"}
            asked = Command(number, *command, params, table.now)
            world.table.commands[number] = (asked, None)
            await world.bridge.command(number)
            await world.until(lambda: table.delivered.get(attempt.uuid) == 2)
            assert world.exchange.channels[f"tm-{attempt.uuid}"]["room"] == "tma2"
            assert world.bridge.legs[1].call is None

    run(story)


def test_a_stale_command_dials_nobody():
    async def story():
        table = hand(Table(agents=1))
        async with World(network(), table) as world:
            await world.until(lambda: table.phones.get(1, ("",))[0] == "up")
            attempt = table.write(1, number="600")
            number = table.order("dial", attempt.uuid, 1, attempt)
            command, _a = table.commands[number]
            table.commands[number] = (command._replace(at=START - 60), attempt)
            await world.until(lambda: attempt.uuid in table.finished, 20)
            assert table.finished[attempt.uuid].outcome == "cancelled"
            assert not world.exchange.dialled

    run(story)


def test_an_asterisk_of_another_database_is_not_used():
    async def story():
        async with World(network(), agents=2) as world:
            world.exchange.database = "other"
            await asyncio.sleep(60)
            assert not world.exchange.dialled
            assert world.bridge.health()["foreign"]

    run(story)


def test_a_carrier_that_refuses_is_left_alone_for_longer_and_longer():
    def far(number):
        if number.startswith("2") and len(number) == 3:
            return agents_only(number)
        return {"end": "congestion"}

    async def story():
        table = Table(agents=3)
        async with World(far, table) as world:
            await asyncio.sleep(600)
            assert len(table.backoffs) >= 3
            assert len(world.exchange.dialled) < 120

    run(story)


# FAULTS

FAULTS = st.lists(
    st.tuples(
        st.floats(5, 60),
        st.sampled_from(
            ["cut", "half_open", "crash", "database", "kill", "leg", "fence", "stop"]
        ),
        st.floats(0.5, 12),
    ),
    min_size=1,
    max_size=6,
)


async def inflict(world, fault, seconds):
    table, bridge = world.table, world.bridge
    if fault == "cut":
        world.wire.cut = True
        await asyncio.sleep(seconds)
        world.wire.cut = False
    elif fault == "half_open":
        world.wire.half_open = True
        await asyncio.sleep(seconds)
        world.wire.half_open = world.wire.cut = False
    elif fault == "crash":
        world.wire.cut = True
        world.exchange.crash()
        await asyncio.sleep(seconds)
        world.wire.cut = False
    elif fault == "database":
        table.broken = True
        await asyncio.sleep(seconds)
        table.broken = False
    elif fault == "kill":
        await world.kill()
        await asyncio.sleep(seconds)
        world.begin()
    elif fault == "leg":
        legs = [uid for uid in world.exchange.channels if uid.startswith("tma-")]
        if legs:
            world.exchange.gone(legs[int(seconds * 10) % len(legs)])
    elif fault == "fence":
        bridge.fence(True)
        await asyncio.sleep(seconds)
        bridge.fence(False)
    elif fault == "stop":
        bridge.heard_stop(None, True)
        table.server = table.server._replace(stopped=True)
        await asyncio.sleep(seconds)
        table.server = table.server._replace(stopped=False)
        bridge.heard_stop(None, False)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A story takes seconds: what fails is printed as it was found.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(st.integers(0, 10_000), FAULTS, st.booleans())
def test_whatever_fails_nobody_is_dialled_twice_and_everybody_gets_an_end(
    seed, faults, noisy
):
    """Lost, doubled and late events, a link that is cut or half open, an Asterisk, a
    database, a process and telephones that die: afterwards the books are straight and
    every agent whose telephone is connected works again."""
    chance = {"lose": 0.02, "double": 0.1, "delay": 0.1, "seconds": 0.8}

    def far(number):
        if number.startswith("2") and len(number) == 3:
            return agents_only(number)
        draw = random.Random(f"{seed} {number}")
        ends = ["answer", "answer", "busy", "none", "congestion", "unallocated"]
        return {
            "end": draw.choice(ends),
            "ring": draw.uniform(0.2, 8),
            "talk": draw.uniform(0.3, 25),
        }

    async def story():
        table = Table(agents=4)
        world = World(
            far,
            table,
            chance=chance if noisy else {},
            faults=random.Random(seed),
        )
        async with world:
            for pause, fault, seconds in faults:
                await asyncio.sleep(pause)
                await inflict(world, fault, seconds)
            # The agents connect their telephones again.
            await asyncio.sleep(10)
            for session in table.agents:
                leg = world.bridge.legs.get(session)
                if leg and leg.phone == "none":
                    table.order("phone", session=session)
            count = len(table.delivered)
            await world.until(lambda: len(table.delivered) > count + 8, 600)
            assert {leg.phone for leg in world.bridge.legs.values()} == {"up"}
            # No more people: what is under way comes to its end.
            table.left = 0
            await world.until(lambda: set(table.attempts) == set(table.finished), 300)
            dialled = [uid for uid, _number in world.exchange.dialled]
            assert len(dialled) == len(set(dialled))
            assert set(dialled) <= {f"tm-{uuid}" for uuid in table.attempts}
            written = {"cancelled", "lost", "failed"}
            for uuid, one in table.finished.items():
                if f"tm-{uuid}" not in dialled:
                    assert one.outcome in written
            await world.until(
                lambda: all(leg.free for leg in world.bridge.legs.values()), 60
            )
            people = [c for c in world.exchange.channels if c.startswith("tm-")]
            assert not people

    run(story)


# WHAT REACHES ASTERISK

HOSTILE = [
    "x&PJSIP/900@carrier",
    "x;System(true)",
    "${SHELL(true)}",
    "x\r\nAction: Command",
    'Ana "la jefa"',
    "☎",
    "a b",
]


def test_nothing_that_somebody_typed_reaches_asterisk():
    async def story():
        table = hand(Table(agents=1))
        async with World(network(), table) as world:
            await world.until(lambda: table.phones.get(1, ("",))[0] == "up")
            for place, text in enumerate(HOSTILE):
                for field in ("channel", "caller", "recording", "notice"):
                    attempt = table.write(1, number=f"6{place}", **{field: text})
                    table.order("dial", attempt.uuid, 1, attempt)
                    await world.until(lambda a=attempt: a.uuid in table.finished, 20)
                    assert table.finished[attempt.uuid].outcome == "failed"
            assert not world.exchange.dialled
            # The next honest one goes out.
            attempt = table.write(1, number="600")
            table.order("dial", attempt.uuid, 1, attempt)
            await world.until(lambda: (attempt.uuid, "talking") in table.states, 20)

    run(story)


def test_a_transfer_to_two_at_once_is_refused():
    async def story():
        table = hand(Table(agents=1))
        async with World(network(talk=60.0), table) as world:
            await world.until(lambda: table.phones.get(1, ("",))[0] == "up")
            attempt = table.write(1, number="600")
            table.order("dial", attempt.uuid, 1, attempt)
            await world.until(lambda: (attempt.uuid, "talking") in table.states, 20)
            number = table.order(
                "third", attempt.uuid, 1, channel="PJSIP/1@t&PJSIP/2@t"
            )
            await world.until(lambda: number in table.answers, 20)
            assert "error" in table.answers[number]
            third = table.order("third", attempt.uuid, 1, channel="PJSIP/600@t")
            await world.until(lambda: third in table.answers, 20)
            assert table.answers[third] == {"ok": True}
            # The desk is told when that one leaves.
            await asyncio.sleep(5)
            world.exchange.gone(world.bridge.calls[attempt.uuid].third)
            await world.until(lambda: table.lines, 5)
            assert table.lines == [(attempt.uuid, 1, {"third": False})]

    run(story)


def test_every_error_of_a_command_has_a_sentence():
    source = Path(moving.__file__).read_text()
    raised = set(re.findall(r'Cannot\("(\w+)"\)', source))
    raised |= set(re.findall(r'"error": "(\w+)"', source))
    assert raised == moving.ERRORS
    words = Path(moving.__file__).parents[1] / "models" / "dialer_command.py"
    said = re.findall(r'^            "(\w+)": self.env._\(', words.read_text(), re.M)
    said = set(said)
    assert said == moving.ERRORS


def test_another_address_of_asterisk_ends_the_bridge_to_the_old_one():
    async def story():
        async with World(network(), agents=1) as world:
            await world.until(lambda: world.bridge.may_dial)
            world.table.server = world.table.server._replace(host="elsewhere")
            await asyncio.wait_for(asyncio.shield(world.task), 10)
            assert world.bridge.stopping

    run(story)


def test_with_detection_people_are_still_given_to_agents_and_machines_to_nobody():
    def far(number):
        if number.startswith("2") and len(number) == 3:
            return agents_only(number)
        return {"ring": 1.0, "talk": 20.0, "machine": int(number) % 2}

    async def story():
        table = Table(agents=2, people=0)
        async with World(far, table) as world:
            await world.until(lambda: world.table.phones.get(2, ("",))[0] == "up")
            sent = [
                table.write(1, number=str(600 + n), detect=True, mode="predictive")
                for n in range(2)
            ]
            for attempt in sent:
                world.bridge.send(attempt)
            person, machine = sent
            await world.until(lambda: machine.uuid in table.finished, 20)
            assert table.finished[machine.uuid].outcome == "machine"
            await world.until(lambda: person.uuid in table.delivered, 20)
            await world.until(lambda: person.uuid in table.finished, 60)
            assert table.finished[person.uuid].machine == "person"

    run(story)


def test_who_is_passed_to_a_campaign_gets_its_next_agent_and_the_first_is_free():
    async def story():
        table = Table(agents=2, people=0, campaigns=[campaign(1), campaign(2)])
        table.agents[2] = table.agents[2]._replace(campaign=2, state="paused")
        async with World(network(talk=200.0), table) as world:
            await world.until(lambda: world.table.phones.get(2, ("",))[0] == "up")
            attempt = table.write(1, number="600", mode="predictive")
            world.bridge.send(attempt)
            await world.until(lambda: table.delivered.get(attempt.uuid) == 1, 20)
            number = table.order("transfer", attempt.uuid, 1, to="campaign", campaign=2)
            await world.until(lambda: number in table.answers, 20)
            assert table.answers[number] == {"ok": True}
            await asyncio.sleep(5)
            channel = world.exchange.channels[f"tm-{attempt.uuid}"]
            assert channel["exten"] == "queue"
            table.agents[2] = table.agents[2]._replace(state="ready")
            world.bridge.heard_session(2, state="ready")
            await world.until(lambda: table.delivered.get(attempt.uuid) == 2, 20)
            table.agents[1] = table.agents[1]._replace(state="ready")
            world.bridge.heard_session(1, state="ready")
            await world.until(lambda: world.bridge.legs[1].free, 5)
            assert not world.bridge.pacer.campaigns[2].inbound

    run(story)
