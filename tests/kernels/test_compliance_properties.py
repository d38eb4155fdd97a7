"""May we call? For any facts: the answer is checked against a predicate of its own
that knows one instant only, asked at every instant where something may change."""

import string
from dataclasses import is_dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.addons.telemarketing_base.compliance import (
    REASONS,
    Agreed,
    Campaign,
    Consent,
    Exclusion,
    Facts,
    Finding,
    Holiday,
    Number,
    Person,
    Place,
    Relation,
    Window,
    allowed_until,
    closed_days,
    decide,
    next_closing,
    normalise,
    province_of_number,
    text,
)

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
MADRID, CANARY = "Europe/Madrid", "Atlantic/Canary"


# ---------------------------------------------------------------- the predicate
def there(t, tz):
    return t.replace(tzinfo=timezone.utc).astimezone(ZoneInfo(tz)).replace(tzinfo=None)


def consent_holds(f, day, purpose):
    p, r = f.person, f.rules
    rows = [c for c in p.consents if c.for_us and c.purpose == purpose]
    given_on = [c.given_on for c in rows if not c.withdrawn_on]
    withdrawals = [c.withdrawn_on for c in rows if c.withdrawn_on]
    given_on = [g for g in given_on if all(g > w for w in withdrawals)]
    if purpose == "call" and p.basis == "consent" and p.basis_on and not withdrawals:
        given_on.append(p.basis_on)
    if not given_on:
        return False
    last = max(given_on)
    ends = last + relativedelta(years=r.consent_years)
    if not r.consent_last_day:
        ends -= DAY
    return last <= day <= ends and not robinson_took_back(f, last)


def robinson_took_back(f, agreed_on):
    if f.campaign.purpose != "commercial":
        return False
    n = f.number
    if f.person.kind != "company" and n.robinson == "present":
        if n.robinson_since and n.robinson_since > agreed_on:
            return True
    return any(
        e.reason == "robinson" and (not e.since or not e.since < agreed_on)
        for e in f.person.exclusions
    )


def client_holds(f, day):
    p, c, r, n = f.person, f.campaign, f.rules, f.number
    ended = p.relation.ended_on
    if ended and day > ended:
        seen = p.relation.interacted_on
        if not c.assessment or not seen:
            return False
        if day > seen + relativedelta(years=1):
            return False
        if day > ended + relativedelta(months=r.former_client_months):
            return False
    if c.purpose != "commercial":
        return True
    if r.client_basis == "never" or c.group_company or not c.similar_product:
        return False
    if p.kind == "company":
        return True
    if any(e.reason == "robinson" for e in p.exclusions):
        return False
    if n.robinson == "present":
        return False
    if r.robinson == "required":
        return (
            n.robinson == "absent"
            and n.robinson_on is not None
            and day <= n.robinson_on + timedelta(r.robinson_days)
        )
    return True


def base_holds(f, base, day):
    p, c, r = f.person, f.campaign, f.rules
    if base not in c.bases:
        return False
    selling = c.purpose == "commercial"
    banned = (
        selling
        and p.kind != "company"
        and c.sector_ban_from is not None
        and day >= c.sector_ban_from
    )
    if banned and base != "request":
        return False
    if base == "consent":
        return consent_holds(
            f, day, "robot" if selling and c.mode == "robot" else "call"
        )
    if p.basis != base:
        return False
    if p.origin == "generated":
        return False
    if p.origin == "directory" and r.directory == "never":
        if not (base == "legal_person" and p.kind == "company"):
            return False
    if base == "request":
        asked = p.basis_on
        if not asked or robinson_took_back(f, asked):
            return False
        return asked <= day <= asked + timedelta(r.request_days)
    if base == "legal_person":
        return p.kind == "company" or (p.kind == "professional" and not c.for_home)
    return client_holds(f, day)


def excluded(f):
    for e in f.person.exclusions:
        if e.reason == "robinson":
            continue
        if f.campaign.purpose != "service":
            return True
        if e.reason == "deceased" or e.scope == "campaign":
            return True
    return False


def in_hours(f, t):
    p, c, r = f.person, f.campaign, f.rules
    zones = [CANARY if p.place.province in ("35", "38") else MADRID]
    if not p.place.province and r.unknown_place == "strict":
        zones = [MADRID, CANARY]
    consumer = p.kind == "consumer" or (p.kind == "professional" and c.for_home)
    legal = (r.hours_purposes == "all" or c.purpose == "commercial") and (
        r.hours_for == "everyone"
        or consumer
        or (r.hours_for == "professionals" and p.kind == "professional")
    )
    for zone in zones:
        wall = there(t, zone)
        clock = wall.time()
        if legal:
            if wall.weekday() >= 5 or wall.date() in f.closed_days:
                return False
            if not r.opens <= clock <= r.closes:
                return False
            if r.last_dial and clock >= r.last_dial:
                return False
        if c.windows and not any(
            wall.isoweekday() in w.weekdays and w.start <= clock <= w.end
            for w in c.windows
        ):
            return False
    return True


def within_caps(f, t):
    n, r = f.number, f.rules
    today, counted = there(t, f.campaign.tz).date(), n.attempts_on
    if r.max_total and n.attempts >= r.max_total:
        return False
    if counted and r.max_day and n.attempts_day >= r.max_day and today <= counted:
        return False
    if counted and r.max_week and n.attempts_week >= r.max_week:
        if today.isocalendar()[:2] <= counted.isocalendar()[:2]:
            return False
    gap = timedelta(minutes=r.gap_minutes)
    return not (n.last_attempt_at and gap and t < n.last_attempt_at + gap)


def caller_good(f, day):
    c, since = f.campaign, f.rules.cli_400_from
    if c.caller.startswith(("+346", "+347")):
        return False
    if c.caller.startswith("+34400"):
        return c.purpose != "service"
    geographic = c.caller[:3] == "+34" and c.caller[3:4] in ("8", "9")
    if geographic and c.caller[4] not in "09" and c.purpose == "commercial":
        return not (since and day >= since)
    return True


def may_call(f, t):
    """The rules at one instant."""
    p, n, c, r = f.person, f.number, f.campaign, f.rules
    day = there(t, CANARY if p.place.province in ("35", "38") else MADRID).date()
    if f.direction == "in":
        return True
    if excluded(f) or n.bad or not f.database_on or n.kind in r.never_kinds:
        return False
    if r.foreign == "never" and n.country not in ("ES", ""):
        return False
    if c.purpose != "service":
        if p.birthdate and r.minors == "never":
            birthday = p.birthdate.replace(day=1) + relativedelta(years=18)
            if day < birthday + timedelta(p.birthdate.day - 1):
                return False
        if not any(
            base_holds(f, b, day)
            for b in ("consent", "request", "legal_person", "client")
        ):
            return False
    if c.purpose == "commercial" and c.mode == "robot":
        if not consent_holds(f, day, "robot"):
            return False
    if not caller_good(f, day):
        return False
    if n.locked_until and t < n.locked_until:
        return False
    a = f.agreed
    agreed = a and a.at <= t <= a.at + timedelta(minutes=r.agreed_minutes)
    if not agreed and not within_caps(f, t):
        return False
    return bool(agreed and a.outside_hours) or in_hours(f, t)


# ---------------------------------------------------------------- facts of all kinds
NOWS = [
    datetime(2026, 11, 23, 11),  # Monday
    datetime(2026, 3, 27, 19, 58, 59),  # Friday before the clocks go forward
    datetime(2026, 10, 23, 19, 59),  # and back
    datetime(2026, 3, 29, 0, 59, 59),
    datetime(2026, 10, 25, 0, 59, 59),
    datetime(2026, 12, 31, 22, 59, 59),
    datetime(2028, 2, 29, 9, 0),
]
NOW = st.builds(
    lambda base, s: base + timedelta(seconds=s),
    st.sampled_from(NOWS),
    st.sampled_from([0, 0, 1, -1, 3600, -3600]) | st.integers(-200000, 200000),
)
BASES = ("consent", "client", "legal_person", "request")


def days(*ago):
    """A day near now, or near so many days before."""
    return st.tuples(st.sampled_from([0, *ago]), st.integers(-6, 6)).map(
        lambda pair: Day(pair[1] - pair[0])
    )


class Day(int):
    """Days after the day of the question."""


class Instant(int):
    """Seconds after the question."""


NEAR = st.integers(-90000, 90000).map(Instant)
FLAG = st.booleans()
FEW = st.sampled_from([0, 1, 2, 3, 4, 12, 20])
NONE = st.none()
TIMES = st.sampled_from(
    [time(0), time(2), time(2, 30), time(9), time(9, 0, 1), time(13, 59, 59), time(14)]
    + [time(20, 59), time(21), time(23, 59, 59)]
)
WEEKDAYS = st.sampled_from([range(1, 8), range(1, 6), (1, 3), (6, 7), (7,)])
CALLERS = ["", "+34912345678", "+34612345678", "+34400123456", "+34900123456"]
#: What may be different from a call that may be made, field by field.
CHANGES = {
    "person.kind": st.sampled_from(["professional", "company", "consumer"]),
    "person.place": st.builds(
        Place,
        st.sampled_from(["", "28", "35", "08", "38"]),
        st.sampled_from(["", "getafe"]),
    ),
    "person.birthdate": days(18 * 365 + 4, 18 * 365 + 5, 9000)
    | st.just(date(2008, 2, 29)),
    "person.basis": st.sampled_from([*BASES, "", "odd"]),
    "person.basis_on": NONE | days(100, 365, 730, 731),
    "person.origin": st.sampled_from(["directory", "generated"]),
    "person.consents": st.lists(
        st.builds(
            Consent,
            days(100, 365, 730, 731),
            st.sampled_from(["call", "call", "robot"]),
            NONE | days(100, 730),
            st.sampled_from([True, True, False]),
        ),
        max_size=3,
    ),
    "person.relation": st.builds(Relation, NONE | days(30, 365), NONE | days(30, 365)),
    "person.exclusions": st.lists(
        st.builds(
            Exclusion,
            st.sampled_from(
                ["robinson"] * 4 + ["objection", "request", "internal", "deceased"]
            ),
            st.sampled_from(["all", "campaign"]),
            NONE | days(100, 365, 730),
        ),
        max_size=2,
    ),
    "number": st.builds(
        Number,
        attempts=FEW,
        attempts_day=FEW,
        attempts_week=FEW,
        attempts_on=days(),
        last_attempt_at=NEAR,
        robinson=st.just("absent"),
        robinson_on=days(30),
    )
    | st.builds(
        Number, robinson=st.just("present"), robinson_since=days(30, 100, 365, 730)
    ),
    "number.kind": st.sampled_from(["fixed", "premium"]),
    "number.country": st.sampled_from(["PT", ""]),
    "number.bad": FLAG,
    "number.attempts": FEW,
    "number.attempts_day": FEW,
    "number.attempts_week": FEW,
    "number.attempts_on": days(),
    "number.last_attempt_at": NEAR,
    "number.locked_until": NEAR,
    "number.robinson": st.sampled_from(["", "present", "absent"]),
    "number.robinson_on": NONE | days(30, 31),
    "number.robinson_since": NONE | days(99, 100, 365),
    "campaign.purpose": st.sampled_from(["survey", "service", "commercial"]),
    "campaign.bases": st.frozensets(st.sampled_from(BASES)),
    "campaign.sector_ban_from": days(300),
    "campaign.record_whole": FLAG,
    "campaign.similar_product": FLAG,
    "campaign.group_company": FLAG,
    "campaign.for_home": FLAG,
    "campaign.assessment": FLAG,
    "campaign.mode": st.just("robot"),
    "campaign.caller": st.sampled_from(CALLERS),
    "campaign.windows": st.lists(
        st.builds(Window, TIMES, TIMES, WEEKDAYS.map(frozenset)), max_size=3
    ),
    "campaign.tz": st.sampled_from([CANARY, "America/Santiago"]),
    "rules.opens": st.just(time(10, 30)),
    "rules.closes": st.sampled_from([time(18), time(23, 59, 59)]),
    "rules.last_dial": NONE,
    "rules.hours_for": st.sampled_from(["consumers", "everyone"]),
    "rules.hours_purposes": st.just("commercial"),
    "rules.unknown_place": st.just("strict"),
    "rules.consent_years": st.sampled_from([1, 3]),
    "rules.consent_last_day": st.just(False),
    "rules.client_basis": st.just("never"),
    "rules.former_client_months": st.sampled_from([0, 1, 24]),
    "rules.request_days": st.sampled_from([3, 500]),
    "rules.robinson": st.sampled_from(["warn", "off"]),
    "rules.robinson_days": st.sampled_from([0, 500]),
    "rules.directory": st.just("warn"),
    "rules.max_day": st.sampled_from([0, 2, 3]),
    "rules.max_week": st.sampled_from([0, 3, 4]),
    "rules.max_total": st.sampled_from([4, 20]),
    "rules.gap_minutes": st.sampled_from([0, 600]),
    "rules.foreign": st.just("never"),
    "rules.never_kinds": st.sampled_from([frozenset(), frozenset({"mobile"})]),
    "rules.cli_400_from": days(-30),
    "rules.minors": st.just("warn"),
    "rules.agreed_minutes": st.sampled_from([0, 1500]),
    "closed_days": st.frozensets(days(-6), max_size=6),
    "agreed": st.builds(Agreed, NEAR, FLAG),
    "database_on": FLAG,
    "direction": st.just("in"),
}
CHANGE = st.one_of(
    [st.tuples(st.just(name), values) for name, values in CHANGES.items()]
)
PERSONS = st.sampled_from(
    [
        Person(place=Place("28"), basis="consent", basis_on=Day(-100)),
        Person(place=Place("28"), basis="consent", basis_on=Day(-729)),
        Person(place=Place("28"), basis="request", basis_on=Day(-30)),
        Person(place=Place("28"), basis="client"),
        Person(
            place=Place("28"),
            basis="client",
            relation=Relation(Day(-100), Day(-360)),
        ),
        Person("company", Place("35"), basis="legal_person"),
        Person("professional", Place("35"), basis="legal_person"),
    ]
)
CHECKED = Number(robinson="absent", robinson_on=Day(-10))
OFFER = Campaign(similar_product=True, for_home=False, assessment=True)


def dated(value, now):
    """The value with its relative days and instants made those of the question."""
    if isinstance(value, Day):
        return now.date() + timedelta(value)
    if isinstance(value, Instant):
        return now + timedelta(seconds=value)
    if isinstance(value, (list, tuple)):
        return tuple(dated(v, now) for v in value)
    if isinstance(value, frozenset):
        return frozenset(dated(v, now) for v in value)
    if is_dataclass(value):
        return replace(
            value, **{k: dated(v, now) for k, v in vars(value).items() if v is not None}
        )
    return value


def changed(person, changes, now):
    known = Facts(person=person, number=CHECKED, campaign=OFFER)
    for name, value in changes:
        part, _, field = name.partition(".")
        if field:
            value = replace(getattr(known, part), **{field: value})
        known = replace(known, **{part: value})
    return dated(known, now)


def cases(most=7):
    return st.tuples(PERSONS, st.lists(CHANGE, max_size=most), NOW).map(
        lambda drawn: (changed(*drawn), drawn[2])
    )


def dates_in(f):
    """Every day in the facts after which, or from which, something may change."""
    p, c, r = f.person, f.campaign, f.rules
    terms = [relativedelta(), relativedelta(years=r.consent_years)]
    terms += [relativedelta(years=1), relativedelta(months=r.former_client_months)]
    terms += [relativedelta(days=r.request_days), relativedelta(days=r.robinson_days)]
    terms += [relativedelta(years=18)]
    dates = [p.basis_on, p.birthdate, p.relation.ended_on, p.relation.interacted_on]
    dates += [c.sector_ban_from, r.cli_400_from, f.number.robinson_on]
    dates += [x.given_on for x in p.consents]
    return {
        day + term + timedelta(off)
        for day in dates
        if day
        for term in terms
        for off in (-1, 0, 1, 2)
    }


def instants(f, start, end):
    """Instants in [start, end) at and just before which the predicate may change:
    midnights and the edges of all hours on each day, and those of the facts."""
    n, r, found = f.number, f.rules, {start}
    edges = {time(0), r.opens, r.closes, r.last_dial or time(21)}
    for w in f.campaign.windows:
        edges |= {w.start, w.end}
    zones = (
        {MADRID, CANARY, f.campaign.tz}
        if not f.person.place.province
        else {
            CANARY if f.person.place.province in ("35", "38") else MADRID,
            f.campaign.tz,
        }
    )
    length = (end - start).days + 2
    special = {d for d in dates_in(f) if start.date() - DAY <= d <= end.date() + DAY}
    walls = [start.date() + timedelta(i) for i in range(-1, min(length, 40))]
    walls = {
        *walls,
        *special,
        *(start.date() + timedelta(i) for i in range(0, length, 9)),
    }
    for zone in zones:
        tz = ZoneInfo(zone)
        for day in walls:
            for edge in edges:
                for fold in (0, 1):
                    wall = datetime.combine(day, edge, tz).replace(fold=fold)
                    t = wall.astimezone(timezone.utc).replace(tzinfo=None)
                    found |= {t, t + SECOND}
    for clock in ("2026-03-29 01:00", "2026-10-25 01:00"):
        found.add(datetime.fromisoformat(clock))
    if n.last_attempt_at:
        found.add(n.last_attempt_at + timedelta(minutes=r.gap_minutes))
    if n.locked_until:
        found.add(n.locked_until)
    if f.agreed:
        found.add(f.agreed.at)
        found.add(f.agreed.at + timedelta(minutes=r.agreed_minutes) + SECOND)
    found |= {t - SECOND for t in found}
    return sorted(t for t in found if start <= t < end)


MANY = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
HORIZON = timedelta(days=400)


@MANY
@given(cases())
def test_the_answer_is_that_of_the_rules_and_t_is_the_first_instant(case):
    known, now = case
    verdict = decide(known, now)
    assert verdict.allowed == may_call(known, now)
    if verdict.answer == "until":
        assert now < verdict.until <= now + HORIZON
        assert may_call(known, verdict.until)
        for t in instants(known, now, verdict.until):
            assert not may_call(known, t), t
    elif verdict.answer == "never":
        for t in instants(known, now, now + HORIZON + SECOND):
            assert not may_call(known, t), t


@MANY
@given(cases())
def test_a_refusal_says_one_thing_and_only_what_is_allowed_warns(case):
    known, now = case
    verdict = decide(known, now)
    assert (verdict.finding is None) == verdict.allowed
    assert (verdict.until is None) == (verdict.answer != "until")
    if not verdict.allowed:
        assert not verdict.warnings
        assert verdict.finding.code in REASONS
    if verdict.answer == "never":
        assert verdict.basis == ""
    if verdict.basis:
        day = there(
            verdict.until or now,
            CANARY if known.person.place.province in ("35", "38") else MADRID,
        ).date()
        assert base_holds(known, verdict.basis, day)
    for finding in filter(None, (verdict.finding, *verdict.warnings)):
        sentence = text(finding)
        assert "%(" not in sentence and sentence != finding.code


@MANY
@given(cases(), st.data())
def test_asked_again_while_it_waits_it_gives_the_same_instant(case, data):
    known, now = case
    verdict = decide(known, now)
    if verdict.answer == "until":
        wait = int((verdict.until - now).total_seconds())
        later = now + timedelta(seconds=data.draw(st.integers(0, wait)))
        again = decide(known, later)
        if later == verdict.until:
            assert again.allowed
            assert again.basis == verdict.basis
        else:
            assert (again.answer, again.until) == ("until", verdict.until)


@settings(MANY, max_examples=600)
@given(cases())
def test_equal_classes_have_equal_answers(case):
    known, now = case
    plain = normalise(known, now)
    assert decide(plain, now) == decide(known, now)
    assert normalise(plain, now) == plain
    hash(plain)


@MANY
@given(cases(), st.sampled_from(["objection", "robinson", "deceased", "internal"]))
def test_an_exclusion_never_allows_more(case, reason):
    known, now = case
    excluded_too = replace(
        known,
        person=replace(
            known.person,
            exclusions=(*known.person.exclusions, Exclusion(reason, "campaign")),
        ),
    )
    before, after = decide(known, now), decide(excluded_too, now)
    if after.allowed:
        assert before.allowed
    elif after.answer == "until":
        assert before.allowed or before.until <= after.until
    if reason != "robinson" and known.direction == "out":
        assert after.answer == "never"


@MANY
@given(cases())
def test_the_next_closing_is_the_first_instant_at_which_hours_close(case):
    known, now = case
    known = replace(known, direction="out")

    def hours(t):
        a = known.agreed
        minutes = timedelta(minutes=known.rules.agreed_minutes)
        if a and a.outside_hours and a.at <= t <= a.at + minutes:
            return True
        return in_hours(known, t)

    closing = next_closing(known, now)
    if closing:
        assert closing > now
        assert hours(closing - SECOND) and not hours(closing)
    for t in instants(known, now + SECOND, closing or now + timedelta(30)):
        assert not (hours(t - SECOND) and not hours(t)), t


@MANY
@given(cases())
def test_an_answer_holds_until_it_is_said_to_stop(case):
    known, now = case
    stops = allowed_until(known, now)
    if known.direction == "in":
        assert stops is None
        return
    if stops:
        assert stops > now
        assert may_call(known, stops - SECOND) and not may_call(known, stops)
    for t in instants(known, now + SECOND, stops or now + timedelta(30)):
        assert not (may_call(known, t - SECOND) and not may_call(known, t)), t


# ---------------------------------------------------------------- calendars, words
@MANY
@given(
    st.lists(
        st.builds(
            Holiday,
            st.dates(date(2026, 1, 1), date(2026, 1, 4)),
            st.sampled_from(["national", "regional", "provincial", "local"]),
            st.sampled_from(["", "MD", "CT"]),
            st.sampled_from(["", "28", "08"]),
            st.sampled_from(["", "getafe"]),
            st.booleans(),
        ),
        max_size=6,
    ),
    st.sampled_from([Place(), Place("28"), Place("28", "getafe"), Place("08")]),
    st.sampled_from(["national", "strict"]),
)
def test_the_narrowest_calendar_that_speaks_of_a_day_decides(rows, place, policy):
    region = {"28": "MD", "08": "CT"}.get(place.province)
    closed = closed_days(rows, place, policy)
    for day in {h.day for h in rows}:
        expected = False
        for level in ("national", "regional", "provincial", "local"):
            of_level = [h for h in rows if h.day == day and h.level == level]
            if place.known:
                of_level = [
                    h
                    for h in of_level
                    if level == "national"
                    or (level == "regional" and h.region == region)
                    or (level == "provincial" and h.province == place.province)
                    or (
                        level == "local"
                        and place.municipality
                        and h.municipality == place.municipality
                        and h.province in ("", place.province)
                    )
                ]
            elif level == "local" or (level != "national" and policy != "strict"):
                of_level = []
            elif level != "national":
                of_level = [h for h in of_level if not h.works]
            if of_level:
                expected = any(not h.works for h in of_level)
        assert (day in closed) == expected


@given(st.text(string.digits + "+", max_size=14))
def test_whatever_is_dialled_has_a_province_or_none(number):
    assert province_of_number(number) in {f"{n:02}" for n in range(1, 51)} | {""}


@given(st.text(max_size=8), st.dictionaries(st.text(max_size=4), st.text(max_size=4)))
def test_unknown_codes_and_params_still_give_some_text(code, params):
    finding = Finding(code, tuple(params.items()))
    assert isinstance(text(finding), str)
