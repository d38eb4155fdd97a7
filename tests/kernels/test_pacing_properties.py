"""Whatever Asterisk tells, and whatever gets lost: what nobody may lose by it."""

import json
from itertools import product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.addons.telemarketing_dialer.pacing import Event, Pacer, Settings, explain
from odoo.addons.telemarketing_dialer.pacing import events as ev
from odoo.addons.telemarketing_dialer.pacing.risk import (
    Shortage,
    at_most,
    at_most_about,
)

CAMPAIGNS = ("a", "b")
AGENTS = range(6)
WORKS = (["a"], ["b"], ["a", "b"])
# A trunk of so many calls a second and lines, most calls for each agent.
LIMITS = {"per_second": 3.0, "channels": 14}

tries = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def warm(pacer, name, answer=0.3, calls=90, talk=70.0, at=0.0):
    """A morning of one campaign, so that it predicts; all is over at the end."""
    for number in range(calls):
        call, agent = f"{name}-{number}", f"warm-{name}"
        pacer.observe(Event(at, "dialled", name, call))
        if (number * 7) % 10 < answer * 10:
            at += 6 + number % 9
            pacer.observe(Event(at, "answered", name, call))
            pacer.observe(Event(at, "connected", name, call, agent))
            at += talk * (0.2 + (number % 5) * 0.4)
            pacer.observe(Event(at, "ended", name, call, agent, ev.DONE))
            pacer.observe(Event(at, "agent", name, None, agent, ev.WRAP_UP))
            at += 5 + number % 11
            pacer.observe(Event(at, "agent", None, None, agent, ev.READY))
        else:
            at += 22
            pacer.observe(Event(at, "ended", name, call, None, ev.NO_ANSWER))
    pacer.observe(Event(at, "agent", None, None, f"warm-{name}", ev.LOGGED_OUT))
    return at


STATES = {
    mode: (
        Settings(mode=mode, most_per_agent=5),
        Settings(mode=mode, target=0.03, limit=0.05, most_per_agent=5),
    )
    for mode in ("predictive", "progressive")
}


def made(mode="predictive", warmed=True):
    pacer = Pacer(dict(zip(CAMPAIGNS, STATES[mode], strict=True)))
    if warmed:
        for name in CAMPAIGNS:
            warm(pacer, name)
    return pacer


WARM = {mode: json.dumps(made(mode).save()) for mode in STATES}
# All of the morning lies before.
START = 20000.0

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ("go", "go", "go", "dial", "dial", "answer", "answer", "connect", "end")
            + ("end", "classify", "agent", "agent", "ready", "works", "leaves", "stays")
            + ("inbound", "taken", "trunk", "backoff", "link", "run", "day", "stranger")
            + ("again", "again", "late")
        ),
        st.integers(0, 10**6),
    ),
    min_size=5,
    max_size=120,
)


class Drive:
    """Carries out the steps; dials what the pacer asks for, as the dialer would."""

    def __init__(self, pacer):
        self.pacer, self.now = pacer, START
        self.told, self.held, self.decisions = [], [], []
        self.alive, self.ended, self.callers = {}, set(), []
        self.last = 0
        self.link = True
        self.runs = dict.fromkeys(CAMPAIGNS, True)
        self.backoff = 0.0
        for agent in AGENTS:
            self.tell("works", agent=agent, value=WORKS[agent % 3])
            self.tell("agent", agent=agent, value=ev.READY)

    def tell(self, kind, campaign=None, call=None, agent=None, value=None):
        event = Event(self.now, kind, campaign, call, agent, value)
        self.told.append(event)
        self.pacer.observe(event)

    def ask(self):
        answer = self.pacer.decide(self.now)
        self.decisions.append(answer)
        for one in answer:
            self.check(one)
            for _dial in range(one.dials):
                self.last += 1
                self.alive[self.last] = one.campaign
                self.tell("dialled", one.campaign, self.last)

    def check(self, decision):
        """For the tests."""

    def step(self, what, n):
        call = list(self.alive)[n % len(self.alive)] if self.alive else None
        campaign, agent = CAMPAIGNS[n % 2], n % len(AGENTS)
        if what == "go":
            self.now += (0.0, 0.1, 0.7, 1.0, 2.5, 9.0, 31.0, 200.0)[n % 8]
        elif what == "dial":
            self.now += 1.0
            self.ask()
        elif what in ("answer", "connect", "end"):
            if call is not None:
                self.of_call(what, call, agent, n)
        else:
            getattr(self, f"do_{what}")(campaign, agent, n)

    def of_call(self, what, call, agent, n):
        if what == "answer":
            self.tell("answered", self.alive[call], call)
        elif what == "connect":
            self.tell("connected", self.alive[call], call, agent)
        else:
            self.ended.add(call)
            outcome = ev.OUTCOMES[n % len(ev.OUTCOMES)]
            self.tell("ended", self.alive.pop(call), call, None, outcome)

    def do_classify(self, campaign, agent, n):
        call = n % (self.last + 1)
        self.tell("classified", campaign, call, agent, ("machine", "person")[n % 2])

    def do_agent(self, campaign, agent, n):
        whose = (None, campaign, "unheard of")[n % 3]
        self.tell("agent", whose, None, agent, ev.AGENT_STATES[n % 5])

    def do_ready(self, campaign, agent, n):
        self.tell("agent", None, None, agent, ev.READY)

    def do_works(self, campaign, agent, n):
        self.tell("works", agent=agent, value=WORKS[n // 7 % 3])

    def do_leaves(self, campaign, agent, n):
        self.tell("leaves", agent=agent, value=(None, self.now + n % 40)[n % 2])

    def do_stays(self, campaign, agent, n):
        self.tell("stays", agent=agent)

    def do_inbound(self, campaign, agent, n):
        self.callers.append(f"in {n}")
        self.tell("inbound", campaign, f"in {n}")

    def do_taken(self, campaign, agent, n):
        if self.callers:
            self.tell("inbound_ended", campaign, self.callers.pop())

    def do_trunk(self, campaign, agent, n):
        self.tell("trunk", value=LIMITS)

    def do_backoff(self, campaign, agent, n):
        self.backoff = self.now + n % 20
        self.tell("backoff", value=self.backoff)

    def do_link(self, campaign, agent, n):
        self.link = n % 3 > 0
        self.tell("link", value=self.link)

    def do_run(self, campaign, agent, n):
        self.runs[campaign] = n % 3 > 0
        self.tell("run", campaign, value=self.runs[campaign])

    def do_day(self, campaign, agent, n):
        self.tell("day", campaign)

    def do_stranger(self, campaign, agent, n):
        kind = ("ringing", "answered", "connected", "ended", "classified")[n % 5]
        value = {"ended": ev.ABANDONED, "classified": "machine"}.get(kind)
        self.tell(kind, campaign, f"manual {n}", None, value)

    def do_again(self, campaign, agent, n):
        """Something of late is heard a second time, out of its order."""
        event = self.told[-1 - n % min(len(self.told), 12)]
        if event.kind not in ("link", "run", "backoff", "trunk"):
            self.pacer.observe(event)

    def do_late(self, campaign, agent, n):
        """The end is heard before the beginning."""
        self.last += 1
        self.ended.add(self.last)
        self.tell("ended", campaign, self.last, None, ev.OUTCOMES[n % 13])
        self.tell("answered", campaign, self.last)
        self.tell("dialled", campaign, self.last)

    def run(self, steps):
        for what, n in steps:
            self.step(what, n)
            self.after()

    def after(self):
        self.ask()


def restored(mode, warmed):
    pacer = made(mode, warmed=False)
    if warmed:
        pacer.restore(json.loads(WARM[mode]))
    return pacer


modes, warmth = st.sampled_from(sorted(STATES)), st.booleans()


@tries
@given(steps, modes, warmth)
def test_dials_are_whole_never_negative_and_say_why(steps, mode, warmed):
    drive = Drive(restored(mode, warmed))
    drive.run(steps)
    for decision in (one for answer in drive.decisions for one in answer):
        assert isinstance(decision.dials, int) and decision.dials >= 0
        assert all(explain(decision))
        assert decision.mode in ("stopped", "progressive", "learning", "predictive")


@tries
@given(steps, modes, warmth)
def test_nothing_is_dialled_where_it_must_not_be(steps, mode, warmed):
    """No link, a stopped campaign, a carrier that refuses, nobody logged in."""

    class Checked(Drive):
        def check(self, decision):
            there = any(
                one.state != ev.LOGGED_OUT and decision.campaign in one.works
                for one in self.pacer.agents.values()
            )
            allowed = (
                self.link
                and self.runs[decision.campaign]
                and self.now >= self.backoff
                and there
            )
            assert allowed or not decision.dials

    Checked(restored(mode, warmed)).run(steps)


@tries
@given(steps, modes, warmth)
def test_lines_calls_a_second_and_the_most_per_agent_hold(steps, mode, warmed):
    """Over any second, for all the campaigns together, however often it is asked."""

    class Checked(Drive):
        sent = ()

        def check(self, decision):
            pacer, name = self.pacer, decision.campaign
            if not decision.dials:
                return
            there = sum(
                one.state != ev.LOGGED_OUT and name in one.works
                for one in pacer.agents.values()
            )
            air = len(pacer.campaigns[name].air)
            assert air + decision.dials <= 5 * there

        def ask(self):
            before = self.last
            super().ask()
            self.sent = [at for at in self.sent if at > self.now - 0.999999]
            self.sent += [self.now] * (self.last - before)
            assert len(self.sent) <= LIMITS["per_second"]
            assert self.last == before or len(self.alive) <= LIMITS["channels"]

    drive = Checked(restored(mode, warmed))
    drive.do_trunk(None, None, None)
    drive.run(steps)


def test_half_a_call_a_second_is_one_in_two_seconds():
    pacer = restored("progressive", False)
    pacer.observe(Event(0.0, "trunk", value={"per_second": 0.5}))
    for agent in range(50):
        pacer.observe(Event(0.0, "agent", agent=agent, value=ev.READY))
    sent = []
    for tick in range(400):
        now = tick / 10
        for decision in pacer.decide(now):
            for _dial in range(decision.dials):
                sent.append(now)
                event = Event(now, "dialled", decision.campaign, len(sent))
                pacer.observe(event)
                pacer.observe(Event(now, "trunk", value={"per_second": 0.5}))
    assert len(sent) == 20
    assert min(b - a for a, b in zip(sent, sent[1:], strict=False)) >= 2 - 1e-6


@tries
@given(steps, modes, warmth, st.integers(0, 119))
def test_after_a_restart_it_goes_on_as_if_nothing_had_been(steps, mode, warmed, when):
    first = Drive(restored(mode, warmed))
    second = Drive(restored(mode, warmed))
    for number, (what, n) in enumerate(steps):
        if number == when:
            saved = json.loads(json.dumps(second.pacer.save()))
            second.pacer = made(mode, warmed=False)
            second.pacer.restore(saved)
        for drive in (first, second):
            drive.step(what, n)
            drive.ask()
        assert first.decisions[-1] == second.decisions[-1]
    once, again = first.pacer.save(), second.pacer.save()
    assert json.dumps(once) == json.dumps(again)


@tries
@given(steps, modes)
def test_the_same_events_give_the_same_answers(steps, mode):
    first, second = Drive(restored(mode, True)), Drive(restored(mode, True))
    first.run(steps)
    second.run(steps)
    assert first.decisions == second.decisions


@tries
@given(steps, modes, st.lists(st.booleans(), min_size=40, max_size=40))
def test_lost_doubled_and_late_events_leave_no_ghosts(steps, mode, lost):
    drive = Drive(restored(mode, True))
    heard = drive.pacer.observe
    count = iter(range(10**6))

    def deaf(event):
        # An end and what the dialer itself does are never lost.
        if event.kind in ("ended", "dialled") or not lost[next(count) % 40]:
            heard(event)

    drive.pacer.observe = deaf
    drive.run(steps)
    for campaign in drive.pacer.campaigns.values():
        account = campaign.account
        assert min(account.abandoned, account.connected) >= 0
        assert 0 <= account.rate <= 1
        for kept in (campaign.air, campaign.waiting, campaign.talks):
            assert not drive.ended & set(kept)
    assert not drive.ended & set(drive.pacer.calls)


@tries
@given(steps, modes)
def test_calls_whose_end_is_never_told_are_forgotten(steps, mode):
    drive = Drive(restored(mode, True))
    drive.run(steps)
    drive.pacer.observe(Event(drive.now, "run", value=False))
    drive.pacer.decide(drive.now + 5 * 3600)
    assert not drive.pacer.calls
    for campaign in drive.pacer.campaigns.values():
        assert not campaign.air and not campaign.waiting and not campaign.inbound


@tries
@given(steps, modes)
def test_calls_of_others_change_nothing(steps, mode):
    """Manual calls, calls of another dialer: of unknown ids."""
    plain = Drive(restored(mode, True))
    plain.run(step for step in steps if step[0] != "stranger")
    mixed = Drive(restored(mode, True))
    mixed.after = lambda: None
    for what, n in steps:
        mixed.step(what, n)
        if what != "stranger":
            mixed.ask()
    again = [what for what, _n in steps if what == "again"]
    assert again or plain.decisions == mixed.decisions


@tries
@given(steps, warmth)
def test_one_more_idle_agent_never_means_fewer_dials(steps, warmed):
    """One campaign, whatever has been; the newcomer has been idle for a while."""
    pacer = Pacer({"a": Settings()})
    if warmed:
        warm(pacer, "a")
    drive = Drive(pacer)
    drive.step = lambda what, n: Drive.step(drive, what, n - n % 2)
    drive.do_run = drive.do_works = lambda campaign, agent, n: None
    drive.run(steps)
    saved = json.dumps(pacer.save())
    found = []
    for extra in (0, 1, 2, 5):
        one = Pacer({"a": Settings()})
        one.restore(json.loads(saved))
        for number in range(extra):
            agent = f"new {number}"
            one.observe(Event(drive.now, "works", agent=agent, value=["a"]))
            one.observe(Event(drive.now, "agent", agent=agent, value=ev.READY))
        found.append(one.decide(drive.now + 1)[0].dials)
    assert found == sorted(found)


def bodies(agents, wanted):
    """Can each call have an agent of its own? By trying all; few of each."""
    calls = [name for name, count in wanted.items() for _call in range(count)]
    if len(calls) > len(agents):
        return False

    def place(number, left):
        if number == len(calls):
            return True
        return any(
            place(number + 1, left[:k] + left[k + 1 :])
            for k, works in enumerate(left)
            if calls[number] in works
        )

    return place(0, agents)


@tries
@given(steps)
def test_progressive_never_dials_a_call_that_has_no_agent_of_its_own(steps):
    class Checked(Drive):
        def ask(self):
            before = self.last
            super().ask()
            if self.last == before:
                return
            pacer = self.pacer
            ready = [
                one.works for one in pacer.agents.values() if one.state == ev.READY
            ]
            for name, campaign in pacer.campaigns.items():
                dialled = [
                    call
                    for call, whose in self.alive.items()
                    if call > before and whose == name
                ]
                if dialled:
                    own = len(campaign.air) + len(campaign.waiting)
                    own += len(campaign.inbound)
                    assert bodies(ready, {name: own})

    Checked(restored("progressive", False)).run(steps)


@tries
@given(
    st.lists(st.sampled_from((("a",), ("b",), ("a", "b"), ("b", "c"))), max_size=6),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_an_idle_agent_of_two_campaigns_is_promised_to_one_call(agents, air, waits):
    pacer = Pacer({name: Settings(mode="progressive") for name in "abc"})
    for number, works in enumerate(agents):
        pacer.observe(Event(0.0, "works", agent=number, value=list(works)))
        pacer.observe(Event(0.0, "agent", agent=number, value=ev.READY))
    wanted = {"a": air, "b": waits, "c": 0}
    for call in range(air):
        pacer.observe(Event(0.0, "dialled", "a", call))
    for call in range(waits):
        pacer.observe(Event(0.0, "inbound", "b", call))
    if not bodies(agents, wanted):
        return
    for decision in pacer.decide(1.0):
        wanted[decision.campaign] += decision.dials
    assert bodies(agents, wanted)
    # And nobody stays idle for whom there is a campaign.
    for name in wanted:
        assert not bodies(agents, {**wanted, name: wanted[name] + 1})


chances = st.lists(st.floats(0, 1), max_size=9)


@given(chances, st.integers(-2, 10))
def test_the_risk_is_that_of_all_cases_counted(coins, limit):
    total = 0.0
    for fell in product((0, 1), repeat=len(coins)):
        if sum(fell) <= limit:
            weight = 1.0
            for coin, well in zip(coins, fell, strict=True):
                weight *= coin if well else 1 - coin
            total += weight
    assert abs(at_most(coins, limit) - total) < 1e-9


@given(st.integers(0, 4), chances, chances, st.integers(0, 3), chances)
def test_the_risk_of_a_shortage_counts_who_comes_free_and_who_answers(
    ready, frees, answers, certain, more
):
    shortage = Shortage(ready, frees, answers, certain)
    shortage.chance()
    for answer in more:
        shortage.add(answer)
    answers = answers + more
    law = [1.0]
    for coin in [1 - free for free in frees] + answers:
        law = [
            (law[k] * (1 - coin) if k < len(law) else 0)
            + (law[k - 1] * coin if k else 0)
            for k in range(len(law) + 1)
        ]
    enough = ready + len(frees) - certain
    expected = sum(law[max(0, enough) :])
    assert abs(shortage.chance() - expected) < 1e-9


@given(
    st.lists(st.floats(0.1, 0.9), min_size=49, max_size=120),
    st.floats(0.002, 0.2),
)
def test_the_quick_risk_is_near_the_exact_one_where_it_decides(coins, near):
    """Within 0.8 points; within a quarter of itself from half a per cent on."""
    mean = sum(coins)
    variance = sum(p * (1 - p) for p in coins)
    third = sum(p * (1 - p) * (1 - 2 * p) for p in coins)
    exact = 0.0
    for limit in range(len(coins)):
        exact = at_most(coins, limit)
        if exact >= near:
            break
    about = at_most_about(mean, variance, third, limit)
    assert abs(about - exact) < 0.008
    # Of few expected, as 49 coins of 10 %, the normal law is too high at zero.
    if exact > 0.005 and variance > 6:
        assert abs(about - exact) < 0.25 * exact
