"""The pacer's parts against known laws, its account, and days that went wrong."""

import json
from random import Random

import pytest

from odoo.addons.telemarketing_dialer.pacing import Event, Pacer, Settings, explain
from odoo.addons.telemarketing_dialer.pacing import events as ev
from odoo.addons.telemarketing_dialer.pacing.account import Account
from odoo.addons.telemarketing_dialer.pacing.learning import (
    EDGES,
    Duration,
    Ringing,
    bin_of,
    free_within,
)


def dial(pacer, call, at=0.0, campaign="a"):
    pacer.observe(Event(at, "dialled", campaign, call))


def tell(pacer, at, kind, call=None, agent=None, value=None, campaign=None):
    pacer.observe(Event(at, kind, campaign, call, agent, value))


def ready(pacer, *agents, at=0.0):
    for agent in agents:
        tell(pacer, at, "agent", agent=agent, value=ev.READY)


def progressive(*names):
    return Pacer({name: Settings(mode="progressive") for name in names or ("a",)})


def account(pacer, campaign="a"):
    one = pacer.campaigns[campaign].account
    return one.connected, one.abandoned, one.machines


def warm(pacer, seed=1, answer=0.3, calls=600, campaign="a", talk=90.0):
    """One agent's calls, one after the other, all over at the end."""
    chance, at = Random(seed), 0.0
    for number in range(calls):
        call = f"warm {number}"
        dial(pacer, call, at, campaign)
        if chance.random() < answer:
            at += 3 + 14 * chance.random()
            tell(pacer, at, "answered", call)
            tell(pacer, at, "connected", call, "warm")
            at += chance.expovariate(1 / talk)
            tell(pacer, at, "ended", call, value=ev.DONE)
            tell(pacer, at, "agent", agent="warm", value=ev.WRAP_UP, campaign=campaign)
            at += 15 * chance.random()
            ready(pacer, "warm", at=at)
        else:
            at += 25
            tell(pacer, at, "ended", call, value=ev.NO_ANSWER)
    tell(pacer, at, "agent", agent="warm", value=ev.LOGGED_OUT)
    return at


# ------------------------------------------------------------------ the account
# What became of an answered call → connected, abandoned
ENDS = [
    ([("connected", 1.0), (ev.DONE, 60.0)], (1, 0)),
    ([(ev.ABANDONED, 2.0)], (0, 1)),
    # nobody knows who it was: a person
    ([(ev.UNKNOWN, 2.0)], (0, 1)),
    ([(ev.LOST, 2.0)], (0, 1)),
    ([(ev.CONGESTION, 1.0)], (0, 1)),
    # within the patience he has not been abandoned, after it he has
    ([(ev.HUNG_UP, 1.5)], (0, 0)),
    ([(ev.HUNG_UP, 2.5)], (0, 1)),
    ([(ev.MACHINE, 1.0)], (0, 0)),
    # the connection was not told, the talk's end was
    ([(ev.DONE, 60.0)], (1, 0)),
    # hung up in talk
    ([("connected", 1.0), (ev.HUNG_UP, 60.0)], (1, 0)),
    ([("connected", 1.0), ("connected", 1.0), (ev.DONE, 9.0)], (1, 0)),
    ([("answered", 1.0), ("connected", 1.0), (ev.DONE, 9.0), (ev.DONE, 9.0)], (1, 0)),
]


@pytest.mark.parametrize(("told", "expected"), ENDS)
def test_a_person_answered_counts_once_and_rightly(told, expected):
    pacer = progressive()
    dial(pacer, 1)
    tell(pacer, 10.0, "answered", 1)
    for what, after in told:
        if what in ev.OUTCOMES:
            tell(pacer, 10.0 + after, "ended", 1, value=what)
        else:
            tell(pacer, 10.0 + after, what, 1, "agent")
    assert account(pacer)[:2] == expected
    assert pacer.campaigns["a"].ringing.known() == pytest.approx(1, abs=0.01)
    assert not pacer.calls and not pacer.campaigns["a"].waiting


# The answer was not told: outcome → connected, abandoned, learnt as a person's?
UNHEARD = [
    (ev.ABANDONED, (0, 1), 1.0),
    (ev.UNKNOWN, (0, 1), 1.0),
    (ev.DONE, (1, 0), 1.0),
    (ev.HUNG_UP, (0, 0), 1.0),
    (ev.NO_ANSWER, (0, 0), 0.0),
    (ev.MACHINE, (0, 0), 0.0),
    (ev.LOST, (0, 0), None),
    (ev.CONGESTION, (0, 0), None),
]


@pytest.mark.parametrize(("outcome", "expected", "share"), UNHEARD)
def test_an_abandoned_person_counts_though_his_answer_was_not_heard(
    outcome, expected, share
):
    pacer = progressive()
    dial(pacer, 1)
    tell(pacer, 40.0, "ended", 1, value=outcome)
    assert account(pacer)[:2] == expected
    ringing = pacer.campaigns["a"].ringing
    assert ringing.known() == pytest.approx(0 if share is None else 1, abs=0.01)
    if share is not None:
        assert ringing.rate() == share


def test_the_rate_is_abandoned_over_people_and_machines_leave_it():
    pacer = progressive()
    for call in range(50):
        dial(pacer, call)
        tell(pacer, 8.0, "answered", call)
        if call < 40:
            tell(pacer, 8.0, "connected", call, call)
        tell(pacer, 10.0, "ended", call, value=ev.DONE if call < 40 else ev.ABANDONED)
    one = pacer.campaigns["a"].account
    assert one.rate == 10 / 50
    for call in [*range(15), *range(15)]:
        tell(pacer, 99.0, "classified", call, value="machine")
    tell(pacer, 99.0, "classified", 20, value="person")
    # An abandoned call, whoever it was, stays a person.
    tell(pacer, 99.0, "classified", 45, value="machine")
    assert account(pacer) == (25, 10, 15)
    assert one.rate == 10 / 35


def test_a_machine_found_after_midnight_is_not_taken_from_the_new_day():
    pacer = progressive()
    for call in (1, 2):
        dial(pacer, call)
        tell(pacer, 8.0, "connected", call, call)
    tell(pacer, 20.0, "ended", 1, value=ev.DONE)
    tell(pacer, 30.0, "day", campaign="a")
    tell(pacer, 40.0, "ended", 2, value=ev.DONE)
    for call in (1, 2):
        tell(pacer, 50.0, "classified", call, value="machine")
    assert account(pacer) == (0, 0, 0)
    assert pacer.campaigns["a"].account.rate == 0


def test_a_machine_taken_for_a_person_earns_no_abandoned_call():
    one = Account(0.02, 0.03)
    for _call in range(100):
        one.served()
        one.was_machine()
    assert one.tilt == pytest.approx(0)
    assert one.allowed() == pytest.approx(0.02)


def test_near_the_days_limit_each_call_has_its_agent():
    pacer = Pacer({"a": Settings()})
    now = warm(pacer)
    ready(pacer, *range(10), at=now)
    assert pacer.decide(now + 1)[0].dials > 10
    one = pacer.campaigns["a"].account
    one.abandoned, one.connected = 3, 97
    decision = pacer.decide(now + 1)[0]
    assert (decision.mode, decision.dials) == ("progressive", 10)
    assert "the day's limit is near: one call for each ready agent" in explain(decision)


def test_risk_allowed_falls_with_each_abandoned_and_rises_with_each_served():
    one = Account(0.02, 0.03)
    allowed = [one.allowed()]
    one.lost()
    allowed.append(one.allowed())
    for _served in range(49):
        one.served()
    allowed.append(one.allowed())
    assert allowed[1] < allowed[0]
    assert allowed[2] == pytest.approx(allowed[0])


# --------------------------------------------------------------------- learning
def test_every_second_lies_in_its_bin():
    for seconds in range(2500):
        place = bin_of(seconds + 0.5)
        assert EDGES[place] <= seconds
        assert place == len(EDGES) - 1 or seconds < EDGES[place + 1]


LAWS = {
    "exponential": lambda chance: chance.expovariate(1 / 90),
    "lognormal": lambda chance: chance.lognormvariate(4.2, 0.7),
}


@pytest.mark.parametrize("law", LAWS)
def test_how_long_talks_last_is_learnt(law):
    chance, learnt = Random(3), Duration(1e9, prior=240.0)
    drawn = [LAWS[law](chance) for _talk in range(20000)]
    for seconds in drawn:
        learnt.add(seconds)
    assert learnt.known() == pytest.approx(20000, rel=0.01)
    assert learnt.mean() == pytest.approx(sum(drawn) / len(drawn), rel=0.03)
    alive = 1.0
    for place, hazard in enumerate(learnt.hazards()[:-1]):
        alive *= 2.718281828459045 ** (-hazard * (EDGES[place + 1] - EDGES[place]))
        share = sum(seconds >= EDGES[place + 1] for seconds in drawn) / len(drawn)
        assert alive == pytest.approx(share, abs=0.01)


def test_talks_that_are_not_over_count_as_long_as_they_last():
    """Half the talks are cut off by the question: the law is found all the same."""
    chance, learnt, running = Random(4), Duration(1e9, prior=240.0), []
    for _talk in range(20000):
        seconds, asked = chance.expovariate(1 / 90), chance.expovariate(1 / 90)
        if seconds < asked:
            learnt.add(seconds)
        else:
            running.append(asked)
    hazards = learnt.hazards(running)
    for seconds in (1, 15, 50, 100, 160):
        assert hazards[bin_of(seconds)] == pytest.approx(1 / 90, rel=0.12)
    # Without them talks would look half as long.
    assert learnt.hazards()[bin_of(50)] > 1.7 / 90


def test_old_talks_are_forgotten():
    learnt = Duration(200, prior=240.0)
    chance = Random(5)
    for number in range(4000):
        learnt.add(chance.expovariate(1 / (300 if number < 2000 else 60)))
    # A little is left of the careful prior.
    assert 50 < learnt.mean() < 90
    assert learnt.known() == pytest.approx(200, rel=0.02)
    kept = learnt.save()
    learnt.add(5.0)
    other = Duration(200, prior=240.0)
    other.restore(json.loads(json.dumps(kept)))
    assert other.seen != learnt.seen


def test_nothing_known_is_taken_for_long_talks():
    assert 200 < Duration(1000, prior=240.0).mean() < 300


def test_who_comes_free_is_what_trying_it_gives():
    chance = Random(7)
    talk, wrap = Duration(1e9, 240.0), Duration(1e9, 60.0)

    def lasts():
        return chance.lognormvariate(4.2, 0.8)

    def writes():
        return chance.lognormvariate(2.5, 0.5)

    talks = [lasts() for _talk in range(60000)]
    wraps = [writes() for _wrap in range(60000)]
    for seconds in talks:
        talk.add(seconds)
    for seconds in wraps:
        wrap.add(seconds)
    horizons = [9, 15]
    talking, wrapping = free_within(talk.hazards(), wrap.hazards(), horizons)
    for number, horizon in enumerate(horizons):
        for begun, until in ((10, 12), (30, 35), (77, 90), (125, 150)):
            passed = (begun + until) / 2
            still = [(t, w) for t, w in zip(talks, wraps, strict=True) if t > passed]
            share = sum(t + w <= passed + horizon for t, w in still) / len(still)
            found = talking[number][bin_of(passed)]
            assert found == pytest.approx(share, abs=0.02)
        for passed in (3, 9, 17, 24):
            still = [w for w in wraps if w > passed]
            share = sum(w <= passed + horizon for w in still) / len(still)
            found = wrapping[number][bin_of(passed)]
            assert found == pytest.approx(share, abs=0.04)


def test_who_answers_soon_is_what_trying_it_gives():
    chance, ringing, drawn = Random(8), Ringing(1e9), []
    for _call in range(60000):
        person = chance.random() < 0.3
        if person:
            seconds = min(3 + chance.lognormvariate(2.1, 0.5), 24.9)
        else:
            seconds = 25.0 if chance.random() < 0.7 else 1.5 + chance.expovariate(0.7)
        ringing.add(seconds, person)
        drawn.append((seconds, person))
    rate = ringing.rate()
    assert rate == pytest.approx(0.3, abs=0.01)
    horizons = [6, 12]
    table = ringing.answer_within(horizons, rate)
    for number, horizon in enumerate(horizons):
        for age in (0, 3, 6, 10, 15, 20):
            passed = age + 0.5
            left = [one for one in drawn if one[0] > passed]
            share = sum(p and s <= passed + horizon for s, p in left) / len(left)
            assert table[number][age] == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("answer", [0.0, 0.02, 0.3, 0.9, 1.0])
def test_the_rate_reckoned_with_is_never_below_what_was_seen(answer):
    chance, ringing = Random(9), Ringing(2000)
    for number in range(3000):
        ringing.add(70 * chance.random(), chance.random() < answer)
        seen = ringing.rate()
        bounds = [ringing.rate(caution) for caution in (0.0, 1.0, 2.0, 4.0)]
        assert bounds[0] == pytest.approx(seen)
        assert all(a <= b + 1e-9 for a, b in zip(bounds, bounds[1:], strict=False))
        assert bounds[-1] <= 1 + 1e-9
        if number % 300 == 0:
            table = ringing.answer_within([10, 20], bounds[1])
            assert all(-1e-9 <= value <= 1 for row in table for value in row)


def test_a_list_that_answers_more_is_noticed_within_minutes():
    ringing = Ringing(2000)
    for number in range(2000):
        ringing.add(10.0, number % 10 < 2)
    for number in range(150):
        ringing.add(10.0, number % 10 < 5)
    assert ringing.rate(1.0) > 0.35


# -------------------------------------------------------------------- the pacer
def test_one_call_for_each_agent_until_enough_is_known():
    pacer = Pacer({"a": Settings()})
    ready(pacer, *range(7))
    decision = pacer.decide(1.0)[0]
    assert (decision.mode, decision.dials) == ("learning", 7)


@pytest.mark.parametrize("outcome", [ev.MACHINE, ev.NO_ANSWER, ev.BUSY])
def test_a_list_of_machines_only_neither_raises_nor_runs_away(outcome):
    pacer = Pacer({"a": Settings()})
    ready(pacer, *range(5))
    for call in range(300):
        dial(pacer, call, call)
        tell(pacer, call + 5.0, "answered", call)
        tell(pacer, call + 9.0, "ended", call, value=ev.MACHINE)
    decision = pacer.decide(400.0)[0]
    assert (decision.mode, decision.dials) == ("learning", 5)


def test_where_everybody_answers_it_dials_no_more_than_come_free():
    pacer = Pacer({"a": Settings()})
    now = warm(pacer, answer=1.1, calls=200)
    ready(pacer, *range(4), at=now)
    for agent in range(4, 10):
        tell(pacer, now, "agent", agent=agent, value=ev.TALKING, campaign="a")
    assert 4 <= pacer.decide(now + 1)[0].dials <= 7


def test_two_campaigns_do_not_call_for_the_same_idle_agent():
    pacer = progressive("a", "b")
    ready(pacer, *range(13))
    for agent in range(10):
        tell(pacer, 0.0, "works", agent=agent, value=["a"])
        tell(pacer, 0.0, "agent", agent=agent, value=ev.AWAY)
    for call in range(3):
        dial(pacer, call)
    assert [one.dials for one in pacer.decide(1.0)] == [0, 0]


def test_a_caller_of_another_campaign_keeps_the_agent_both_share():
    pacer = progressive("a", "b")
    ready(pacer, 1)
    tell(pacer, 0.0, "inbound", "caller", campaign="b")
    assert [one.dials for one in pacer.decide(1.0)] == [0, 0]
    tell(pacer, 2.0, "inbound_ended", "caller")
    # Told again, late: he is gone.
    tell(pacer, 2.0, "inbound", "caller", campaign="b")
    assert sum(one.dials for one in pacer.decide(3.0)) == 1


def test_campaigns_that_share_one_agent_take_turns():
    pacer, dialled = progressive("a", "b"), []
    ready(pacer, 1)
    for call in range(20):
        (one,) = [one for one in pacer.decide(call * 30.0) if one.dials]
        dialled.append(one.campaign)
        dial(pacer, call, call * 30.0, one.campaign)
        tell(pacer, call * 30.0 + 20, "ended", call, value=ev.NO_ANSWER)
    assert dialled.count("a") == dialled.count("b") == 10


# leaves at, told what later → dials at 100 s
LEAVES = [
    (None, [], 0),
    (105.0, [], 0),
    (500.0, [], 1),
    (105.0, [("stays", None)], 1),
    (None, [("stays", None)], 1),
    # He came back from his break.
    (None, [("agent", ev.AWAY), ("agent", ev.READY)], 1),
    # He was to leave at 40, and took a call more after that.
    (40.0, [("agent", ev.TALKING), ("agent", ev.READY)], 1),
    (40.0, [("agent", ev.READY)], 0),
]


@pytest.mark.parametrize(("leaves", "later", "dials"), LEAVES)
def test_nobody_is_called_for_an_agent_about_to_leave(leaves, later, dials):
    pacer = progressive()
    ready(pacer, 1)
    tell(pacer, 10.0, "leaves", agent=1, value=leaves)
    for kind, value in later:
        tell(pacer, 60.0, kind, agent=1, value=value)
    assert pacer.decide(100.0)[0].dials == dials


def test_who_logs_out_in_a_call_leaves_nobody_waiting_for_him():
    pacer = progressive()
    ready(pacer, 1)
    dial(pacer, 1)
    tell(pacer, 5.0, "connected", 1, 1)
    tell(pacer, 9.0, "agent", agent=1, value=ev.LOGGED_OUT)
    decision = pacer.decide(10.0)[0]
    assert (decision.dials, decision.mode) == (0, "stopped")
    tell(pacer, 11.0, "ended", 1, value=ev.DONE)
    ready(pacer, 1, at=12.0)
    assert pacer.decide(13.0)[0].dials == 1


def test_who_is_in_a_bridge_is_not_ready_though_nobody_told():
    pacer = progressive()
    ready(pacer, 1, 2)
    dial(pacer, 1)
    tell(pacer, 5.0, "connected", 1, 1)
    assert pacer.decide(6.0)[0].dials == 1


def test_a_talk_told_in_two_ways_is_one_talk():
    pacer = progressive()
    ready(pacer, 1)
    dial(pacer, 1)
    tell(pacer, 5.0, "agent", agent=1, value=ev.TALKING)
    tell(pacer, 5.2, "connected", 1, 1)
    tell(pacer, 5.3, "agent", agent=1, value=ev.TALKING)
    tell(pacer, 65.0, "agent", agent=1, value=ev.WRAP_UP)
    assert pacer.campaigns["a"].talk.known() == pytest.approx(1, abs=0.01)
    assert pacer.elsewhere.talk.known() == 0
    assert pacer.campaigns["a"].talk.seen[bin_of(60)] > 0


def test_two_talks_of_which_the_pause_was_not_heard_are_two():
    pacer = progressive()
    ready(pacer, 1)
    for call, at in ((1, 10.0), (2, 70.0)):
        dial(pacer, call)
        tell(pacer, at, "connected", call, 1)
    tell(pacer, 130.0, "agent", agent=1, value=ev.WRAP_UP)
    assert pacer.campaigns["a"].talk.known() == pytest.approx(2, abs=0.01)
    assert pacer.campaigns["a"].talk.seen[bin_of(60)] > 1.9


def test_a_call_whose_end_got_lost_does_not_idle_an_agent_for_ever():
    pacer = progressive()
    ready(pacer, 1, 2)
    dial(pacer, 1)
    dial(pacer, 2)
    tell(pacer, 9.0, "answered", 2)
    assert pacer.decide(30.0)[0].dials == 0
    assert pacer.decide(300.0)[0].dials == 2
    # Who was answered and never met anybody: a person, as nobody knows better.
    assert account(pacer) == (0, 1, 0)


def test_a_clock_set_back_by_an_hour_stops_nothing():
    pacer = Pacer({"a": Settings()})
    now = warm(pacer) + 7200
    tell(pacer, now, "trunk", value={"per_second": 3.0})
    ready(pacer, *range(3), at=now)
    dials = pacer.decide(now + 1)[0].dials
    assert dials == 3
    for call in range(dials):
        dial(pacer, call, now + 1)
        tell(pacer, now + 1, "ended", call, value=ev.BUSY)
    assert pacer.decide(now + 1)[0].dials == 0
    assert pacer.decide(now - 3600)[0].dials == 0
    assert pacer.decide(now - 3598)[0].dials == 3
    # The tables are of that clock, too.
    tell(pacer, now - 3500, "trunk")
    assert pacer.decide(now - 3500)[0].dials > 3
    assert pacer.campaigns["a"].learned_at < now


# trunk → dials with ten idle agents and two calls in the air
TRUNKS = [
    (None, 8),
    ({}, 8),
    ({"channels": None, "per_second": None}, 8),
    ({"channels": 5}, 3),
    ({"channels": 2}, 0),
    ({"channels": 0}, 0),
    ({"per_second": 4}, 4),
    ({"per_second": 0.5}, 1),
    ({"per_second": 0}, 0),
    ({"channels": 4, "per_second": 4}, 2),
]


@pytest.mark.parametrize(("trunk", "dials"), TRUNKS)
def test_the_trunk_bears_no_more(trunk, dials):
    pacer = progressive()
    ready(pacer, *range(10))
    dial(pacer, 1)
    dial(pacer, 2)
    tell(pacer, 9.0, "trunk", value=trunk)
    assert pacer.decide(10.0)[0].dials == dials


@pytest.mark.parametrize(
    ("kind", "campaign", "value"),
    [
        ("gossip", None, None),
        ("dialled", "b", None),
        ("ended", "a", "vanished"),
        ("agent", None, "asleep"),
        ("day", "b", None),
        ("run", "b", True),
    ],
)
def test_what_nobody_knows_is_refused_by_name(kind, campaign, value):
    with pytest.raises(ValueError, match=f"{kind}|b|{value}"):
        progressive().observe(Event(0.0, kind, campaign, 1, 1, value))


def test_what_was_saved_is_not_changed_by_what_comes_later():
    pacer = Pacer({"a": Settings()})
    warm(pacer)
    saved = pacer.save()
    before = json.dumps(saved)
    warm(pacer, seed=2)
    assert json.dumps(saved) == before


def test_a_campaign_added_or_gone_since_it_was_saved_harms_nobody():
    old = progressive("a", "gone")
    ready(old, 1, 2)
    dial(old, 1, 0.0, "gone")
    dial(old, 2, 0.0, "a")
    # Ids may be pairs, of which JSON makes lists.
    tell(old, 0.0, "inbound", ("in", 5), campaign="a")
    new = progressive("a", "added")
    new.restore(json.loads(json.dumps(old.save())))
    tell(new, 1.0, "ended", 1, value=ev.ABANDONED)
    tell(new, 1.0, "inbound_ended", ("in", 5))
    for agent in (1, 2):
        tell(new, 1.0, "works", agent=agent, value=["a", "added"])
    assert sum(one.dials for one in new.decide(2.0)) == 1
    with pytest.raises(ValueError, match="version"):
        new.restore({"version": 0})


def test_a_thousand_agents_of_whom_all_are_idle_are_dialled_for_at_once():
    pacer = Pacer({"a": Settings()})
    now = warm(pacer)
    ready(pacer, *range(1000), at=now)
    assert 1000 < pacer.decide(now + 1)[0].dials < 4000


def test_a_target_of_nothing_divides_nothing_by_nothing():
    pacer = Pacer({"a": Settings(target=0.0), "b": Settings()})
    ready(pacer, 1)
    dial(pacer, 1)
    tell(pacer, 5.0, "connected", 1, 1)
    assert len(pacer.decide(6.0)) == 2
