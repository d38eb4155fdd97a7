"""Other pacers, written from their published formulas, and bounds.

Each has ``observe(event)`` and ``decide(now)`` as ``Pacer`` has, sees one campaign, and
knows what ``Watch`` counts. Sources: the pages and code files of each are named in
docs/pacing.md; only formulas were taken.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from math import exp, floor

from .. import events as ev
from ..account import Account
from ..events import Decision
from ..pacer import Pacer, Settings
from .laws import Numbers, at


class Watch:
    """What every dialer counts: agents by state, calls by stage, answers and drops.

    :param scenario: what ``known`` leaves of it, or all where ``truth`` is set
    """

    truth = False

    def __init__(self, scenario):
        self.campaign = scenario["campaigns"][0]["name"]
        self.state = {}
        self.since = {}
        self.air = {}
        self.waiting = {}
        self.connected = {}
        self.answers = self.drops = self.dialled = 0
        self.talks = self.talk_sum = 0
        self.rings = self.ring_sum = 0

    def observe(self, event):
        kind = event.kind
        if kind == "agent":
            self.state[event.agent] = event.value
            self.since[event.agent] = event.at
        elif kind == "dialled":
            self.air[event.call] = event.at
            self.dialled += 1
        elif kind == "answered":
            if event.call in self.air:
                self.waiting[event.call] = self.air.pop(event.call)
                self.rings += 1
                self.ring_sum += event.at - self.waiting[event.call]
        elif kind == "connected":
            if event.call in self.waiting:
                del self.waiting[event.call]
                self.connected[event.call] = event.at
                self.answers += 1
                self.state[event.agent] = ev.TALKING
                self.since[event.agent] = event.at
                self.served(event)
        elif kind == "ended":
            self.ended(event)

    def ended(self, event):
        self.air.pop(event.call, None)
        if event.call in self.waiting:
            del self.waiting[event.call]
            if event.value == ev.ABANDONED:
                self.answers += 1
                self.drops += 1
                self.dropped(event)
        begun = self.connected.pop(event.call, None)
        if begun is not None:
            self.talks += 1
            self.talk_sum += event.at - begun

    def served(self, event):
        pass

    def dropped(self, event):
        pass

    def count(self, state):
        return sum(one == state for one in self.state.values())

    @property
    def logged_in(self):
        return sum(one != ev.LOGGED_OUT for one in self.state.values())

    def answer(self, dials):
        return (Decision(self.campaign, max(0, int(dials)), "", ()),)


class Progressive(Watch):
    """One call for each ready agent."""

    def decide(self, now):
        return self.answer(self.count(ev.READY) - len(self.air) - len(self.waiting))


class FixedRatio(Watch):
    """So many calls in the air for each ready agent, for ever."""

    GRID = tuple(
        {"ratio": ratio}
        for ratio in (1, 1.2, 1.4, 1.6, 1.8, 2, 2.25, 2.5, 3, 3.5, 4, 5, 6, 8)
    )

    def __init__(self, scenario, ratio=2.0):
        super().__init__(scenario)
        self.ratio = ratio

    def decide(self, now):
        wanted = floor(self.ratio * self.count(ev.READY) + 0.5)
        return self.answer(wanted - len(self.air) - len(self.waiting))


class Adaptive(Watch):
    """VICIdial's ADAPT_HARD_LIMIT, ADAPT_AVERAGE, ADAPT_TAPERED.

    Every 2.5 s as many calls as a level times the agents who are ready or in a call
    (wrap-up is a pause there); the level follows ready minus waiting every 15 s; the
    day's drop rate, looked at once a minute, brakes it.

    :param limit: drop percentage allowed
    :param most: highest level
    :param intensity: percent; negative ones rise slower
    :param only_ready: count the ready alone (Available Only Tally)
    :param difference: agents added to the target (Dial Level Difference Target)
    """

    # Fifty-four: the level's ceiling matters most, then what is counted.
    GRID = tuple(
        {"brake": brake, "most": most, "only_ready": only_ready}
        for brake in ("hard", "average", "tapered")
        for most in (1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 6.0)
        for only_ready in (False, True)
    )
    BEGINS = 9 * 60
    LATEST = 2100

    def __init__(
        self,
        scenario,
        brake="hard",
        most=3.0,
        intensity=0,
        only_ready=False,
        difference=0.0,
        limit=0.03,
    ):
        super().__init__(scenario)
        self.brake, self.most, self.intensity = brake, most, intensity
        self.only_ready, self.difference, self.limit = only_ready, difference, limit
        self.level = 1.0
        self.samples = []
        self.sampled = self.adapted = self.braked = self.dialled_at = -1e9
        self.recent = deque()
        self.rate = 0.0
        self.seen_answers = 0

    def served(self, event):
        self.recent.append((event.at, 0))

    def dropped(self, event):
        self.recent.append((event.at, 1))

    def decide(self, now):
        if now - self.sampled >= 1.0:
            self.sampled = now
            self.samples.append((self.count(ev.READY), len(self.waiting)))
        if now - self.braked >= 60.0:
            self.braked = now
            self.seen_answers = self.answers
            self.rate = self.drops / self.answers if self.answers else 0.0
        if now - self.adapted >= 15.0:
            self.adapted = now
            self.adapt(now)
        if now - self.dialled_at < 2.5:
            return ()
        self.dialled_at = now
        talking = len(self.connected)
        ready = self.count(ev.READY)
        agents = ready if self.only_ready else ready + talking
        if self.dialled:
            agents += self.difference
        goal = floor(self.level * agents + 0.5)
        if self.only_ready:
            goal += talking
        return self.answer(goal - len(self.air) - len(self.waiting) - talking)

    def adapt(self, now):
        samples, agents = self.samples, self.logged_in
        self.samples = []
        if not samples or not agents:
            return
        ready = sum(one for one, _waiting in samples) / len(samples)
        waiting = sum(one for _ready, one in samples) / len(samples)
        move = (ready - waiting + self.difference) / agents
        if move > 0:
            move *= 1 + self.intensity / 100
        else:
            move *= abs(self.intensity / 100 - 1)
        self.level = min(max(self.level * (1 + move), 1.0), self.most)
        recent = self.recent
        while recent and recent[0][0] < now - 60:
            recent.popleft()
        if len(recent) > 20 and sum(one for _at, one in recent) > len(recent) / 2:
            self.level = max(self.level / 2, 1.0)
        if self.seen_answers > 50 and self.rate > self.limit:
            if self.brake == "hard":
                self.level = 1.0
            elif self.brake == "average":
                self.level = max(self.level / 2, 1.0)
            else:
                minute = self.BEGINS + int(now // 60)
                left = self.LATEST - (minute // 60 * 100 + minute % 60)
                self.level = max(self.level * min(1.0, left / 1000), 1.0)


class Issabel(Watch):
    """Every 3 s: free agents, those whose talk should be over, minus calls under way.

    :param overcommit: divide by the share of calls that were answered
    """

    def __init__(self, scenario, overcommit=False, quality=0.97):
        super().__init__(scenario)
        self.overcommit, self.quality = overcommit, quality
        self.asked = -1e9
        self.results = deque()

    def served(self, event):
        self.results.append((event.at, 1))

    dropped = served

    def ended(self, event):
        if event.call in self.air:
            self.results.append((event.at, 0))
        return super().ended(event)

    def decide(self, now):
        if now - self.asked < 3.0:
            return ()
        self.asked = now
        dials = self.count(ev.READY) - len(self.waiting)
        if self.talks >= 10:
            mean = self.talk_sum / self.talks
            answer = self.ring_sum / max(1, self.rings)
            for begun in self.connected.values():
                dials += 1 - exp(-(now - begun + answer) / mean) >= self.quality
        dials -= len(self.air)
        results = self.results
        while results and results[0][0] < now - 1800:
            results.popleft()
        if self.overcommit and len(results) >= 10 and dials > 0:
            share = sum(one for _at, one in results) / len(results)
            dials = floor(dials / max(share, 0.20) + 0.5)
        return self.answer(dials)


class Boost(Watch):
    """So many calls for each free agent, none while more than ``most`` wait."""

    GRID = tuple(
        {"boost": boost}
        for boost in (1, 1.2, 1.4, 1.6, 1.8, 2, 2.25, 2.5, 3, 3.5, 4, 5, 6, 8)
    )

    def __init__(self, scenario, boost=2.0, most=2):
        super().__init__(scenario)
        self.boost, self.most = boost, most

    def decide(self, now):
        if len(self.waiting) > self.most:
            return ()
        return self.answer(floor(self.boost * self.count(ev.READY)) - len(self.air))


class ErlangB(Watch):
    """Open loop: the rate at which Erlang's B formula loses ``target`` of the answered.

    Knows the true answer rate and handling time, and looks at nothing else.
    """

    truth = True

    def __init__(self, scenario, target=0.02):
        super().__init__(scenario)
        law = scenario["campaigns"][0]
        handling = law["talk"]["mean"][0][1] + law["wrap"]["mean"]
        agents = sum(group["count"] for group in scenario["agents"])
        low, high = 0.0, float(agents)
        for _step in range(60):
            load = (low + high) / 2
            blocked = 1.0
            for servers in range(1, agents + 1):
                blocked = load * blocked / (servers + load * blocked)
            low, high = (load, high) if blocked < target else (low, load)
        self.rate = low / handling / at(law["answer"], 0.0)
        self.due = 0.0
        self.asked = 0.0

    def decide(self, now):
        self.due += (now - self.asked) * self.rate
        self.asked = now
        dials = int(self.due)
        self.due -= dials
        return self.answer(dials)


# ------------------------------------------------------------------ bounds
class _Fixed(Account):
    """Counts, but allows always the same risk."""

    __slots__ = ("threshold",)

    def allowed(self):
        return self.threshold

    def near_limit(self):
        return False


class Reference(Pacer):
    """Our rule with the true laws and one risk for the whole day, tuned in hindsight.

    What is lost against it is what learning and control cost.
    """

    truth = True
    SAMPLE = 60000
    _known = {}

    def __init__(self, scenario, threshold=0.02):
        law = scenario["campaigns"][0]
        name = law["name"]
        super().__init__({name: Settings(enough=0, caution=0.0)})
        campaign = self.campaigns[name]
        campaign.account = _Fixed(law["target"], law["limit"])
        campaign.account.threshold = threshold
        key = scenario["name"]
        if key not in self._known:
            self._known.clear()
            self._known[key] = self._tables(campaign, Numbers(law, "truth"))
        for attribute, value in self._known[key].items():
            setattr(campaign, attribute, value)
        # Five talks let it begin; the tables are not made again.
        for _talk in range(5):
            campaign.talk.add(60.0)
        campaign.learned_at = 1e12

    def _tables(self, campaign, numbers):
        for part in (campaign.ringing, campaign.talk, campaign.wrap):
            part.memory = 1e12
        for _number in range(self.SAMPLE):
            person, number = numbers.next(0.0)
            campaign.ringing.add(number.ring if person else number.result, person)
            if person:
                campaign.talk.add(number.talk)
                campaign.wrap.add(number.wrap)
        campaign.ringing.fast_weight = 0.0
        self._learn(campaign, 0.0)
        return {
            name: getattr(campaign, name) for name in ("moments", "answering", "free")
        }


class TalksKnown(Reference):
    """Reference that also knows when each talk and wrap-up will end: a bound."""

    clairvoyant = True

    def _busy(self, campaign, pool, now):
        found = []
        for worker in self.day.workers:
            if worker.busy_until is not None:
                left = worker.busy_until - now
                row = [
                    [1.0 if left <= moment + campaign.settings.patience else 0.0]
                    for moment in campaign.moments
                ]
                found.append((row, 0, None))
        return found


class AllKnown(Watch):
    """Knows what each number will do before it is dialled, and all ends: a bound."""

    truth = clairvoyant = True

    def __init__(self, scenario):
        super().__init__(scenario)
        self.patience = scenario["campaigns"][0]["patience"]

    def decide(self, now):
        day = self.day
        free = sorted(
            now if one.busy_until is None else one.busy_until for one in day.workers
        )
        booked = [
            call.sent + call.number.ring if call.answered is None else call.answered
            for call in day.calls.values()
            if call.person and call.agent is None
        ]
        person, number = day.numbers[self.campaign].peek(now)
        answers = now + number.ring
        if not person:
            return self.answer(1)
        # Those booked take the first who come free, the rest may take this one.
        booked = sorted([*booked, answers])
        fits = all(
            place < len(free) and free[place] <= time + self.patience - 0.01
            for place, time in enumerate(booked)
        )
        return self.answer(1 if fits else 0)


def known(scenario):
    """What a dialer's owner knows of a scenario before the day begins."""
    return {
        "name": scenario["name"],
        "campaigns": [
            {name: law[name] for name in ("name", "target", "limit", "patience")}
            for law in scenario["campaigns"]
        ],
    }


OURS = "ours"


def ours(scenario, **settings):
    """Our pacer with its defaults, and each campaign's target and limit."""
    return Pacer(
        {
            law["name"]: Settings(
                target=law["target"],
                limit=law["limit"],
                patience=law["patience"],
                **settings,
            )
            for law in scenario["campaigns"]
        }
    )


# name: (how it is made, settings to search in hindsight or None)
POLICIES = {
    OURS: (ours, None),
    "progressive": (Progressive, None),
    # Knows several campaigns, callers and breaks, which the line above does not.
    "progressive mode": (partial(ours, mode="progressive"), None),
    "fixed ratio 1.5": (lambda scenario: FixedRatio(scenario, 1.5), None),
    "fixed ratio 2": (lambda scenario: FixedRatio(scenario, 2.0), None),
    "fixed ratio 3": (lambda scenario: FixedRatio(scenario, 3.0), None),
    "fixed ratio, best in hindsight": (FixedRatio, FixedRatio.GRID),
    "VICIdial HARD": (Adaptive, None),
    "VICIdial AVERAGE": (lambda scenario: Adaptive(scenario, "average"), None),
    "VICIdial TAPERED": (lambda scenario: Adaptive(scenario, "tapered"), None),
    "VICIdial, best in hindsight": (Adaptive, Adaptive.GRID),
    "Issabel": (Issabel, None),
    "Issabel overcommit": (lambda scenario: Issabel(scenario, True), None),
    "boost, best in hindsight": (Boost, Boost.GRID),
    "Erlang B": (ErlangB, None),
    "reference": (Reference, "target"),
    "talks known": (TalksKnown, "target"),
    "all known": (AllKnown, None),
}
DEFAULT = (
    OURS,
    "progressive",
    "fixed ratio, best in hindsight",
    "VICIdial, best in hindsight",
    "reference",
)
