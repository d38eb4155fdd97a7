"""A fortnight of a call centre, played by the rules of the real lists.

Agents log in, pause, take their due callbacks, then anyone's, then retries, then
fresh people, as the lease does; each call gets a result by odds that a Spanish
centre would know. Instants are local and naive; the caller turns them into UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

# National holidays with a fixed date, and the region's
HOLIDAYS = frozenset(
    {(1, 1), (1, 6), (5, 1), (8, 15), (10, 9), (10, 12), (11, 1), (12, 6), (12, 8)}
    | {(12, 25)}
)

# code: weight, seconds on the line (from, to), seconds of wrap-up (from, to)
_NOBODY = {
    "no_answer": (340, (18, 34), (4, 12)),
    "busy": (45, (5, 11), (3, 8)),
    "machine": (120, (14, 30), (5, 12)),
    "not_decision_maker": (70, (22, 60), (8, 25)),
    "wrong_number": (18, (15, 35), (8, 15)),
    "out_of_service": (26, (8, 15), (5, 10)),
    "fax": (3, (8, 14), (5, 9)),
    "moved_away": (8, (20, 45), (8, 18)),
    "call_dropped": (8, (10, 60), (5, 10)),
    "call_back": (85, (45, 120), (12, 35)),
    "price_pays_less": (30, (120, 280), (10, 30)),
    "price_budget": (14, (90, 200), (10, 25)),
    "price_after_offer": (10, (140, 260), (10, 30)),
    "no_need": (34, (50, 140), (8, 22)),
    "satisfied": (42, (60, 180), (8, 25)),
    "distrust": (22, (50, 150), (8, 20)),
    "hangs_up": (36, (6, 20), (4, 10)),
    "other_reason": (10, (50, 120), (10, 25)),
    "do_not_call_campaign": (7, (20, 60), (10, 25)),
    "do_not_call_principal": (5, (20, 60), (10, 25)),
    "do_not_call_ever": (7, (20, 70), (10, 30)),
    "deceased": (2, (25, 60), (15, 30)),
}
ODDS = {
    "telesales": _NOBODY
    | {
        "permanence": (40, (90, 210), (12, 35)),
        "already_client": (12, (40, 90), (8, 20)),
        "not_eligible": (8, (120, 240), (15, 40)),
        "sale": (17, (480, 960), (90, 210)),
        "interested": (20, (220, 460), (40, 90)),
    },
    "appointment": _NOBODY
    | {
        "permanence": (14, (90, 180), (12, 35)),
        "out_of_area": (4, (50, 110), (10, 25)),
        "appointment": (26, (240, 480), (60, 140)),
        "interested_visit": (22, (180, 360), (30, 80)),
    },
    "survey": {
        code: odds
        for code, odds in _NOBODY.items()
        if not code.startswith("price") and code not in ("satisfied", "distrust")
    }
    | {
        "out_of_quota": (25, (40, 80), (8, 16)),
        "survey_done": (95, (280, 430), (15, 40)),
        "survey_partial": (12, (120, 240), (12, 30)),
    },
}


@dataclass
class Result:
    """What a result does, as the database's disposition says."""

    kind: str
    outcome: str
    redial_minutes: int = 0


@dataclass
class Campaign:
    key: str
    kind: str
    people: list[Person]
    results: dict[str, Result]
    max_attempts: int = 6
    retry_minutes: int = 120
    fresh_left: int = 0  # how many stay uncalled at least


@dataclass(eq=False)
class Person:
    place: int
    phones: int
    agent: str | None = None  # assigned to
    at: datetime | None = None
    callback: bool = False
    owner: str | None = None  # of the callback
    phone: int = 0
    bad: set[int] = field(default_factory=set)
    closed: bool = False
    calls: list[Call] = field(default_factory=list)


@dataclass(eq=False)
class Call:
    campaign: Campaign
    person: Person
    agent: str
    session: Session
    phone: int
    code: str
    started: datetime
    ended: datetime
    closed: datetime
    answered: bool
    callback_at: datetime | None = None
    callback_mine: bool = False


@dataclass(eq=False)
class Session:
    agent: str
    campaign: Campaign
    login: datetime
    logout: datetime
    stays: list[tuple[str, str, datetime, datetime]] = field(default_factory=list)


@dataclass
class Agent:
    key: str
    skill: float  # weight of conversions
    shift: tuple[time, time]
    campaigns: list[Campaign]  # one per day, in turn


def working_days(until: date, count: int) -> list[date]:
    """The last ``count`` working days before ``until``."""
    days, day = [], until
    while len(days) < count:
        day -= timedelta(days=1)
        if is_working(day):
            days.append(day)
    return days[::-1]


def is_working(day: date) -> bool:
    return day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS


def simulate(rng, agents: list[Agent], days: list[date], now: datetime):
    """Play the days.

    :return: ``(calls in the order in which they began, sessions)``
    """
    calls, sessions = [], []
    for index, day in enumerate(days):
        seats = []
        for place, agent in enumerate(agents):
            if rng.random() < 0.12:  # a day off
                continue
            campaign = agent.campaigns[(index + place) % len(agent.campaigns)]
            start = _at(rng, day, agent.shift[0], 0, 240)
            end = min(_at(rng, day, agent.shift[1], -120, 300), now)
            if start + timedelta(minutes=15) < end:
                seats.append(_Seat(rng, agent, campaign, start, end))
        while seats:
            seat = min(seats, key=lambda s: s.now)
            call = seat.step()
            if call:
                calls.append(call)
            if seat.over:
                seats.remove(seat)
                sessions.append(seat.session)
    calls.sort(key=lambda c: (c.started, c.agent))
    sessions.sort(key=lambda s: (s.login, s.agent))
    return calls, sessions


def _at(rng, day, hour, early, late):
    return datetime.combine(day, hour) + timedelta(seconds=rng.randint(early, late))


class _Seat:
    """One agent's day."""

    def __init__(self, rng, agent, campaign, start, end):
        self.rng, self.agent, self.campaign = rng, agent, campaign
        self.now, self.end, self.over = start, end, False
        self.session = Session(agent.key, campaign, start, end)
        self.breaks = self._plan_breaks(start, end)

    def _plan_breaks(self, start, end):
        rng, breaks, at = self.rng, [], start
        while (at := at + timedelta(minutes=rng.randint(52, 62))) < end:
            breaks.append((at, "break", rng.randint(240, 370)))
        middle = start + (end - start) / 2
        breaks.append((middle, "rest", rng.randint(600, 1080)))
        if rng.random() < 0.35:
            at = start + timedelta(minutes=rng.randint(20, 170))
            breaks.append((at, "restroom", rng.randint(150, 480)))
        if rng.random() < 0.12:
            at = start + timedelta(minutes=rng.randint(20, 150))
            what, longest = rng.choice(
                (("training", 2400), ("coaching", 1500), ("meeting", 1800))
            )
            breaks.append((at, what, rng.randint(longest // 2, longest)))
        return sorted(breaks)

    def _stay(self, state, seconds, reason=""):
        until = self.now + timedelta(seconds=seconds)
        self.session.stays.append((state, reason, self.now, until))
        self.now = until

    def step(self):
        """A pause, a call, or a minute of waiting."""
        if self.breaks and self.breaks[0][0] <= self.now:
            _at_, reason, seconds = self.breaks.pop(0)
            if self.now + timedelta(seconds=seconds + 900) < self.end:
                self._stay("paused", seconds, reason)
                return None
        if self.now + timedelta(seconds=90) >= self.end:
            self._log_out()
            return None
        ready = self.rng.randint(45, 165)
        person = self._next_person()
        self._stay("ready", ready)
        if not person:
            return None
        return self._call(person)

    def _log_out(self):
        self.over = True
        self.session.logout = self.now

    def _next_person(self):
        """As the lease: my callbacks, anyone's, my retries, retries, fresh."""
        best = None
        fresh = sum(1 for p in self.campaign.people if not p.calls)
        for person in self.campaign.people:
            if person.closed or (person.at and person.at > self.now):
                continue
            rank = self._rank(person, fresh)
            if rank is not None:
                key = (rank, person.at or datetime.min, person.place)
                if best is None or key < best[0]:
                    best = (key, person)
        return best and best[1]

    def _rank(self, person, fresh):
        me = self.agent.key
        if person.callback:
            return {me: 0, None: 1}.get(person.owner)
        if person.agent not in (me, None):
            return None
        if not person.calls and fresh <= self.campaign.fresh_left:
            return None
        return (2 if person.calls else 4) + (person.agent is None)

    def _call(self, person):
        rng, campaign = self.rng, self.campaign
        odds = ODDS[campaign.kind]
        weights = [
            weight
            * (self.agent.skill if code in _GOOD else 1)
            * (2.5 if person.callback and code in _GOOD else 1)
            for code, (weight, _line, _wrap) in odds.items()
        ]
        code = rng.choices(list(odds), weights)[0]
        _weight, line, wrap = odds[code]
        started = self.now
        self._stay("talking", rng.randint(*line))
        ended = self.now
        self._stay("wrap_up", rng.randint(*wrap))
        result = campaign.results[code]
        call = Call(
            campaign=campaign,
            person=person,
            agent=self.agent.key,
            session=self.session,
            phone=person.phone,
            code=code,
            started=started,
            ended=ended,
            closed=self.now,
            answered=result.outcome != "none",
        )
        person.calls.append(call)
        self._move_on(person, call, result)
        return call

    def _move_on(self, person, call, result):
        campaign = self.campaign
        person.callback, person.owner = False, None
        kind = result.kind
        if kind == "schedule":
            call.callback_mine = self.rng.random() < 0.7
            call.callback_at = self._agreed(call.closed)
            person.callback, person.at = True, call.callback_at
            person.owner = self.agent.key if call.callback_mine else None
            return
        if kind == "number_bad":
            person.bad.add(person.phone)
            usable = [n for n in range(person.phones) if n not in person.bad]
            if not usable:
                person.closed = True
                return
            later = [n for n in usable if n > person.phone]
            person.phone = (later or usable)[0]
        elif not kind.startswith("redial"):
            person.closed = True
            return
        if len(person.calls) >= campaign.max_attempts:
            person.closed = True
            return
        minutes = result.redial_minutes or campaign.retry_minutes
        person.at = call.closed + timedelta(minutes=minutes)

    def _agreed(self, closed):
        """An hour within this agent's shift, of today or of a later working day."""
        rng = self.rng
        start, end = self.agent.shift
        day = closed.date()
        if rng.random() < 0.35:
            at = closed + timedelta(minutes=rng.choice((30, 45, 60, 90)))
            if at.time() < end and at.date() == day:
                return at.replace(second=0, microsecond=0)
        for _step in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
            day += timedelta(days=1)
            while not is_working(day):
                day += timedelta(days=1)
        hour = rng.randrange(start.hour, end.hour)
        return datetime.combine(day, time(hour, rng.choice((0, 15, 30, 45))))


_GOOD = frozenset(
    {"sale", "interested", "appointment", "interested_visit", "survey_done"}
)
