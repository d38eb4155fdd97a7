"""May this number be called now? If not: from when, or never, and why.

Each rule is a set of instants at which it allows the call; sets open and close as
time passes (a consent runs out, a cap ends at midnight). The call is allowed at the
instants that are in all of them, and the first one is found by asking every rule
in turn for its next instant until all agree. The one disjunction is what the call
rests on: any of the bases that holds will do.

Sets are spans [from, to) of naive UTC, whole seconds, except hours of the day, which
come again every day and are worked out as they are asked for. Sources of the rules:
``reasons.REASONS`` and ``docs/compliance.md``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from ..identity.postcode import CANARY, MADRID
from . import terms
from .calendars import day_end, day_spans, day_start, local
from .caller import check_caller
from .facts import (
    Facts,
    Finding,
    Person,
    Rules,
    Verdict,
    effective_consent,
)

#: An answer that would only change later than this is *never*.
HORIZON = timedelta(days=400)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)

Spans = tuple[tuple[datetime, datetime], ...]
_ALWAYS: Spans = ((datetime.min, datetime.max),)
NEVER: Spans = ()
#: A condition with what is said where it does not hold.
Part = tuple[Spans, Finding]
WORKDAYS = frozenset(range(1, 6))


# --------------------------------------------------------------- sets of instants
def _from(start: datetime) -> Spans:
    return ((start, datetime.max),)


def _until(end: datetime) -> Spans:
    return ((datetime.min, end),)


def _both(left: Spans, right: Spans) -> Spans:
    return tuple(
        (max(a, c), min(b, d))
        for a, b in left
        for c, d in right
        if max(a, c) < min(b, d)
    )


def _any(spans: Iterable[tuple[datetime, datetime]]) -> Spans:
    """Union, in order, spans that touch made one."""
    merged: list[tuple[datetime, datetime]] = []
    for a, b in sorted(spans):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return tuple(merged)


def next_in(spans: Spans, t: datetime) -> datetime | None:
    for a, b in spans:
        if b > t:
            return a if a > t else t
    return None


class _Times:
    """Instants given by spans in order that do not touch."""

    __slots__ = ("spans",)

    def __init__(self, spans: Spans):
        self.spans = spans

    def next(self, t: datetime) -> datetime | None:
        """First instant >= t in the set."""
        return next_in(self.spans, t)

    def end(self, t: datetime) -> datetime | None:
        """First instant after t, which is in the set, that is not; None: none."""
        for a, b in self.spans:
            if a <= t < b:
                return None if b == datetime.max else b
        return None


class _Hours:
    """Instants at which the clocks of a time zone show certain times on certain
    weekdays that are not closed. ``parts``: (weekdays, from, to) in seconds."""

    __slots__ = ("closed", "parts", "tz")

    def __init__(self, tz: str, parts: tuple, closed: frozenset[date] = frozenset()):
        self.tz, self.parts, self.closed = tz, parts, closed

    def _spans(self, day: date) -> Spans:
        if day in self.closed:
            return NEVER
        weekday = day.isoweekday()
        parts = [p for p in self.parts if weekday in p[0]]
        if len(parts) == 1:
            return day_spans(day, self.tz, *parts[0][1:])
        return _any(s for p in parts for s in day_spans(day, self.tz, *p[1:]))

    def next(self, t: datetime) -> datetime | None:
        day = local(t, self.tz).date()
        for _day in range(HORIZON.days + 2):
            found = next_in(self._spans(day), t)
            if found:
                return found
            day += _DAY
        return None

    def end(self, t: datetime) -> datetime | None:
        day = local(t, self.tz).date()
        for _day in range(HORIZON.days + 2):
            for a, b in self._spans(day):
                if a <= t < b:
                    t = b
            if t < day_end(day, self.tz):
                return t
            day += _DAY
        return None


class _Or:
    """Hours, and spans in which they do not matter."""

    __slots__ = ("hours", "spans")

    def __init__(self, hours: _Hours, spans: Spans):
        self.hours, self.spans = hours, _Times(spans)

    def next(self, t: datetime) -> datetime | None:
        found = [n for n in (self.hours.next(t), self.spans.next(t)) if n]
        return min(found, default=None)

    def end(self, t: datetime) -> datetime | None:
        ends = (self.hours, self.spans)
        while True:
            later = [s.end(t) for s in ends if s.next(t) == t]
            if None in later:
                return None
            if not later:
                return t
            t = max(later)


class _Rule(NamedTuple):
    """``allows``: when; ``say``: its word at an instant that it refuses."""

    allows: _Times | _Hours | _Or
    say: Callable[[datetime], Finding]


def _finding(code: str, **params: object) -> Finding:
    return Finding(code, tuple((k, str(v)) for k, v in params.items()))


def _rule(spans: Spans, code: str, **params: object) -> _Rule:
    finding = _finding(code, **params)
    return _Rule(_Times(spans), lambda t: finding)


# --------------------------------------------------------------- who and what number
def is_natural(facts: Facts) -> bool:
    return facts.person.kind != "company"


def is_commercial(facts: Facts) -> bool:
    return facts.campaign.purpose == "commercial"


def is_unasked(facts: Facts) -> bool:
    """Calls that people may be against: advertising and surveys."""
    return facts.campaign.purpose != "service"


_EXCLUSION_ORDER = ("objection", "request", "deceased", "minor", "internal")


def exclusion_code(facts: Facts) -> str:
    """The gravest exclusion that stands against this call, '' if none does."""
    unasked = is_unasked(facts)
    reasons = {
        e.reason
        for e in facts.person.exclusions
        if e.reason != "robinson"
        and (unasked or e.scope == "campaign" or e.reason == "deceased")
    }
    for reason in _EXCLUSION_ORDER:
        if reason in reasons:
            return f"excluded_{reason}"
    return "excluded_internal" if reasons else ""


def _exclusion(facts: Facts) -> _Rule | None:
    code = facts.person.exclusions and exclusion_code(facts)
    return _rule(NEVER, code) if code else None


def minor_until(facts: Facts) -> datetime | None:
    """First instant of the person's majority, where that matters."""
    person = facts.person
    if person.birthdate is None or not is_unasked(facts):
        return None
    return day_start(terms.adult_on(person.birthdate), person.place.tz)


def _minor(facts: Facts) -> _Rule | None:
    if facts.rules.minors != "never":
        return None
    adult_at = minor_until(facts)
    return _rule(_from(adult_at), "minor") if adult_at else None


def is_foreign(facts: Facts) -> bool:
    return facts.number.country not in ("ES", "")


def number_rule(facts: Facts) -> _Rule | None:
    number, rules = facts.number, facts.rules
    if number.bad:
        return _rule(NEVER, "number_bad")
    if number.kind in rules.never_kinds:
        return _rule(NEVER, "number_kind", kind=number.kind)
    if rules.foreign == "never" and is_foreign(facts):
        return _rule(NEVER, "number_foreign", country=number.country)
    return None


def _database(facts: Facts) -> _Rule | None:
    return None if facts.database_on else _rule(NEVER, "database_off")


# --------------------------------------------------------------- what it rests on
class _Basis(NamedTuple):
    """One reason to call: allowed when all its parts are, each with its word."""

    name: str
    spans: Spans
    parts: tuple[Part, ...]

    def say(self, t: datetime) -> Finding:
        refused = [(s, f) for s, f in self.parts if next_in(s, t) != t]
        for spans, finding in refused:
            if next_in(spans, t) is None:
                return finding
        return refused[0][1]


def consent_given(person: Person, purpose: str = "call") -> date | None:
    """Day of the consent that counts, the ledger's or the one stated for the file; a
    withdrawal of the same day or later takes back the ledger's, any withdrawal the
    file's: whatever date a file states, who took it back gives it anew in person."""
    given = effective_consent(person.consents, purpose)
    if purpose == "call" and person.basis == "consent" and person.basis_on:
        if taken_back(person, purpose) is None:
            given = max(given or person.basis_on, person.basis_on)
    return given


def taken_back(person: Person, purpose: str) -> date | None:
    return max(
        (
            c.withdrawn_on
            for c in person.consents
            if c.for_us and c.purpose == purpose and c.withdrawn_on
        ),
        default=None,
    )


def has_consent(person: Person, purpose: str) -> bool:
    return (purpose == "call" and person.basis == "consent") or any(
        c.for_us and c.purpose == purpose for c in person.consents
    )


def robinson_days(facts: Facts) -> list[date | None]:
    """Last days on which agreeing to be called is taken back by being on the Robinson
    list, None: on any day. Of a consultation only where it is known since when: whoever
    agreed while on the list is called (LOPDGDD 23.4)."""
    found = [e.since for e in facts.person.exclusions if e.reason == "robinson"]
    number = facts.number
    if is_natural(facts) and number.robinson == "present" and number.robinson_since:
        found.append(terms.add_days(number.robinson_since, -1))
    return found


def joined_robinson(facts: Facts, agreed_on: date) -> bool:
    """Did the person join the Robinson list after agreeing, or nobody knows when, so
    that agreeing to be called was taken back?"""
    return is_commercial(facts) and any(
        day is None or day >= agreed_on for day in robinson_days(facts)
    )


def _consent_parts(facts: Facts, purpose: str) -> list[Part]:
    person, rules, tz = facts.person, facts.rules, facts.person.place.tz
    given = consent_given(person, purpose)
    if given is None:
        if taken_back(person, purpose):
            return [(NEVER, Finding("consent_withdrawn"))]
        # only the consent stated for a file can be without a date
        code = "consent_undated" if purpose == "call" else "robot"
        return [(NEVER, Finding(code))]
    last = terms.consent_until(given, rules.consent_years, rules.consent_last_day)
    expired = _finding("consent_expired", years=rules.consent_years)
    parts = [
        (_until(day_end(last, tz)), expired),
        (_from(day_start(given, tz)), Finding("consent_future")),
    ]
    if joined_robinson(facts, given):
        parts.append((NEVER, Finding("robinson_later")))
    return parts


def _request_parts(facts: Facts) -> list[Part]:
    asked_on, tz = facts.person.basis_on, facts.person.place.tz
    if asked_on is None:
        return [(NEVER, Finding("request_undated"))]
    days = facts.rules.request_days
    parts = [
        (
            _until(day_end(terms.add_days(asked_on, days), tz)),
            _finding("request_old", days=days),
        ),
        (_from(day_start(asked_on, tz)), Finding("request_future")),
    ]
    if joined_robinson(facts, asked_on):
        parts.append((NEVER, Finding("robinson_later")))
    return parts


def _legal_person_parts(facts: Facts) -> list[Part]:
    kind = facts.person.kind
    if kind == "consumer":
        return [(NEVER, Finding("legal_person_consumer"))]
    if kind == "professional" and facts.campaign.for_home:
        return [(NEVER, Finding("legal_person_home"))]
    return []


def _former_parts(facts: Facts) -> list[Part]:
    """What a former client needs, from the day after the contract ended."""
    relation, rules, tz = facts.person.relation, facts.rules, facts.person.place.tz
    if relation.ended_on is None:
        return []
    current = _until(day_end(relation.ended_on, tz))

    def also(spans: Spans) -> Spans:
        return _any(current + spans)

    last = terms.client_until(relation.ended_on, rules.former_client_months)
    former = _finding("client_former", months=rules.former_client_months)
    parts = [(also(_until(day_end(last, tz))), former)]
    seen = relation.interacted_on
    recent = _until(day_end(terms.interaction_until(seen), tz)) if seen else NEVER
    parts.append((also(recent), Finding("client_no_interaction")))
    if not facts.campaign.assessment:
        parts.append((current, Finding("client_no_assessment")))
    return parts


def _on_robinson(facts: Facts) -> bool:
    """Known to be on the list, whether the company consults it or not."""
    return facts.number.robinson == "present" or any(
        e.reason == "robinson" for e in facts.person.exclusions
    )


def _robinson_parts(facts: Facts) -> list[Part]:
    """Consulted and absent, and not too long ago."""
    number, rules = facts.number, facts.rules
    if rules.robinson == "off":
        return []
    if number.robinson != "absent" or number.robinson_on is None:
        return [(NEVER, Finding("robinson_unchecked"))]
    last = terms.add_days(number.robinson_on, rules.robinson_days)
    stale = _finding("robinson_stale", days=rules.robinson_days)
    return [(_until(day_end(last, facts.person.place.tz)), stale)]


def client_refused(facts: Facts) -> list[Part]:
    """Why the advertiser may call no client of its own for this offer."""
    if not is_commercial(facts):
        return []
    if facts.rules.client_basis == "never":
        return [(NEVER, Finding("client_never"))]
    if facts.campaign.group_company:
        return [(NEVER, Finding("client_group"))]
    if not facts.campaign.similar_product:
        return [(NEVER, Finding("client_not_similar"))]
    return []


def _client_parts(facts: Facts) -> list[Part]:
    parts = client_refused(facts) + _former_parts(facts)
    if is_commercial(facts) and is_natural(facts):
        if _on_robinson(facts):
            parts.append((NEVER, Finding("robinson")))
        elif facts.rules.robinson == "required":
            parts += _robinson_parts(facts)
    return parts


def is_from_directory(facts: Facts) -> bool:
    """Does it come from a directory, and does that matter? Calling a legal person as
    such is presumed lawful (Circular AEPD 1/2023 art. 5, LOPDGDD 19)."""
    person = facts.person
    presumed = person.kind == "company" and person.basis == "legal_person"
    return person.origin == "directory" and not presumed


def limits(facts: Facts) -> list[Part]:
    """What stands against every basis but consent: where the number comes from."""
    if facts.person.origin == "generated":
        return [(NEVER, Finding("origin_generated"))]
    if is_from_directory(facts) and facts.rules.directory == "never":
        return [(NEVER, Finding("origin_directory"))]
    return []


def ban(facts: Facts) -> list[Part]:
    """What stands against every basis but a request: the sector's ban."""
    campaign = facts.campaign
    if campaign.sector_ban_from and is_commercial(facts) and is_natural(facts):
        start = day_start(campaign.sector_ban_from, facts.person.place.tz)
        return [(_until(start), _finding("sector_ban", sector=campaign.sector))]
    return []


def consent_purpose(facts: Facts) -> str:
    robot = facts.campaign.mode == "robot" and is_commercial(facts)
    return "robot" if robot else "call"


PARTS = {
    "request": _request_parts,
    "legal_person": _legal_person_parts,
    "client": _client_parts,
}


def _bases(facts: Facts) -> list[_Basis]:
    """Every basis that somebody stated or that the ledger holds, the best first, held
    or not; one that never holds if there is none."""
    person, purpose = facts.person, consent_purpose(facts)
    stated = person.basis
    found: list[tuple[str, list[Part]]] = []
    if has_consent(person, purpose):
        found.append(("consent", _consent_parts(facts, purpose)))
    if stated in PARTS:
        found.append((stated, limits(facts) + PARTS[stated](facts)))
    if not found:
        found.append(("", [(NEVER, Finding("no_basis"))]))
    bases = []
    for name, own in found:
        parts = [] if name == "request" else ban(facts)
        if name and name not in facts.campaign.bases:
            parts.append((NEVER, _finding("basis_not_admitted", basis=name)))
        parts += own
        spans = _ALWAYS
        for allowed, _said in parts:
            spans = _both(spans, allowed)
        bases.append(_Basis(name, spans, tuple(parts)))
    return bases


def _rests_on(bases: list[_Basis], t: datetime) -> str:
    for basis in bases:
        if next_in(basis.spans, t) == t:
            return basis.name
    return ""


def _basis_rule(bases: list[_Basis], stated: str) -> _Rule:
    def say(t: datetime) -> Finding:
        opens = [(n, b) for b in bases if (n := next_in(b.spans, t))]
        if opens:
            return min(opens, key=lambda pair: pair[0])[1].say(t)
        mine = [b for b in bases if b.name == stated]
        return (mine or bases)[0].say(t)

    return _Rule(_Times(_any(s for b in bases for s in b.spans)), say)


def _robot(facts: Facts) -> _Rule | None:
    """Calls without a human need a consent to just that."""
    if consent_purpose(facts) != "robot":
        return None
    spans = _ALWAYS
    for allowed, _said in _consent_parts(facts, "robot"):
        spans = _both(spans, allowed)
    return _rule(spans, "robot")


# --------------------------------------------------------------- the number shown
def _caller(facts: Facts) -> _Rule | None:
    campaign, rules = facts.campaign, facts.rules
    if not campaign.caller:
        return None
    refused, _warned = check_caller(campaign.caller, campaign.purpose, date.max, rules)
    if refused is None:
        return None
    early, _warned = check_caller(campaign.caller, campaign.purpose, date.min, rules)
    spans = NEVER
    if early is None and rules.cli_400_from:
        spans = _until(day_start(rules.cli_400_from, facts.person.place.tz))
    return _Rule(_Times(spans), lambda t: refused)


# --------------------------------------------------------------- how often
def agreed_spans(facts: Facts) -> Spans:
    agreed = facts.agreed
    if agreed is None:
        return NEVER
    minutes = timedelta(minutes=facts.rules.agreed_minutes)
    return ((agreed.at, agreed.at + minutes + _SECOND),)


def caps(facts: Facts) -> list[_Rule]:
    number, rules, tz = facts.number, facts.rules, facts.campaign.tz
    agreed = agreed_spans(facts)
    found = []

    def cap(spans: Spans, code: str, **params: object) -> None:
        found.append(_rule(_any(spans + agreed), code, **params))

    if 0 < rules.max_total <= number.attempts:
        cap(NEVER, "attempts_total", max=rules.max_total)
    if number.locked_until:
        # somebody who was rung for nothing: no agreement passes this
        found.append(_rule(_from(number.locked_until), "locked"))
    day = number.attempts_on
    if day:
        if 0 < rules.max_week <= number.attempts_week:
            monday = terms.add_days(day, 8 - day.isoweekday())
            cap(_from(day_start(monday, tz)), "attempts_week", max=rules.max_week)
        if 0 < rules.max_day <= number.attempts_day:
            cap(_from(day_end(day, tz)), "attempts_day", max=rules.max_day)
    if number.last_attempt_at and rules.gap_minutes:
        free = number.last_attempt_at + timedelta(minutes=rules.gap_minutes)
        cap(_from(free), "gap", minutes=rules.gap_minutes)
    return found


# --------------------------------------------------------------- at what hours
def _seconds(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def _hhmm(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}"


def _say_hours(hours: _Hours, t: datetime) -> Finding:
    there = local(t, hours.tz)
    ((weekdays, start, stop),) = hours.parts
    if there.isoweekday() not in weekdays:
        return Finding("hours_weekend")
    if there.date() in hours.closed:
        return _finding("hours_holiday", day=there.date().isoformat())
    if _seconds(there.time()) < start:
        return _finding("hours_early", opens=_hhmm(start))
    return _finding("hours_late", closes=_hhmm(stop - stop % 60))


def _say_campaign(_hours: _Hours, _t: datetime) -> Finding:
    return Finding("campaign_hours")


_Say = Callable[[_Hours, datetime], Finding]


@functools.lru_cache(maxsize=4096)
def _hour_sets(
    tzs: tuple[str, ...], rules: Rules | None, windows: tuple, closed: frozenset[date]
) -> tuple[tuple[_Hours, _Say], ...]:
    """Hours that must hold, with what to say: the campaign's, then the law's (none
    if ``rules`` is None)."""
    found: list[tuple[_Hours, _Say]] = []
    if windows:
        parts = tuple(
            (w.weekdays, _seconds(w.start), _seconds(w.end) + 1) for w in windows
        )
        found += [(_Hours(tz, parts), _say_campaign) for tz in tzs]
    if rules:
        stop = _seconds(rules.closes) + 1
        if rules.last_dial is not None:
            stop = min(stop, _seconds(rules.last_dial))
        parts = ((WORKDAYS, _seconds(rules.opens), stop),)
        found += [(_Hours(tz, parts, closed), _say_hours) for tz in tzs]
    return tuple(found)


def has_legal_hours(facts: Facts) -> bool:
    """Does the legal window hold for this person and this purpose?"""
    person, rules = facts.person, facts.rules
    if rules.hours_purposes == "commercial" and not is_commercial(facts):
        return False
    if rules.hours_for == "everyone":
        return True
    if person.kind == "professional":
        # an offer for the home makes a consumer of a professional
        return rules.hours_for == "professionals" or facts.campaign.for_home
    return person.kind == "consumer"


def _hours(facts: Facts) -> list[_Rule]:
    legal, windows = has_legal_hours(facts), facts.campaign.windows
    if not legal and not windows:
        return []
    place, rules = facts.person.place, facts.rules
    tzs = (place.tz,)
    if not place.known and rules.unknown_place == "strict":
        tzs = (MADRID, CANARY)
    closed = facts.closed_days if legal else frozenset()
    agreed = NEVER
    if facts.agreed and facts.agreed.outside_hours:
        agreed = agreed_spans(facts)
    found = []
    for hours, say in _hour_sets(tzs, rules if legal else None, windows, closed):
        allows = _Or(hours, agreed) if agreed else hours
        found.append(_Rule(allows, functools.partial(say, hours)))
    return found


# --------------------------------------------------------------- all together
def _all_rules(facts: Facts) -> tuple[list[_Rule], list[_Basis]]:
    """The rules that restrict this call, the gravest first, and its bases."""
    rules = [
        rule
        for make in (_exclusion, _minor, number_rule, _database, _robot)
        if (rule := make(facts))
    ]
    bases: list[_Basis] = []
    if is_unasked(facts):
        bases = _bases(facts)
        rules.append(_basis_rule(bases, facts.person.basis))
    caller = _caller(facts)
    if caller:
        rules.append(caller)
    return rules + caps(facts) + _hours(facts), bases


def _first(
    rules: list[_Rule], t: datetime, limit: datetime
) -> tuple[datetime | None, _Rule | None, datetime]:
    """(first instant >= t that every rule allows, None, it) or (None, the rule that
    allows none up to ``limit``, the instant at which it was asked)."""
    agreed = 0
    while agreed < len(rules):
        for rule in rules:
            found = rule.allows.next(t)
            if found is None or found > limit:
                return None, rule, t
            if found == t:
                agreed += 1
                if agreed >= len(rules):
                    break
            else:
                t, agreed = found, 1
    return t, None, t


def _warnings(facts: Facts, at: datetime, basis: str) -> tuple[Finding, ...]:
    person, number, campaign = facts.person, facts.number, facts.campaign
    rules, found = facts.rules, []
    commercial = is_commercial(facts)
    if commercial and (campaign.record_whole or (basis == "request" and ban(facts))):
        found.append(Finding("record_whole"))
    if commercial and basis == "client":
        found.append(Finding("li_customer"))
        if is_natural(facts) and rules.robinson == "warn":
            found += [f for s, f in _robinson_parts(facts) if next_in(s, at) != at]
    if basis == "client":
        ended = person.relation.ended_on
        if ended and day_end(ended, person.place.tz) <= at:
            found.append(Finding("review"))
    if commercial and basis == "legal_person" and _on_robinson(facts):
        found.append(Finding("robinson"))
    if basis and basis != "consent" and is_from_directory(facts):
        found.append(Finding("origin_directory"))
    adult_at = minor_until(facts)
    if adult_at and at < adult_at:
        found.append(Finding("minor"))
    if is_foreign(facts):
        found.append(_finding("number_foreign", country=number.country))
    if campaign.caller:
        today = local(at, person.place.tz).date()
        warned = check_caller(campaign.caller, campaign.purpose, today, rules)[1]
        if warned:
            found.append(warned)
    if not person.place.known and (has_legal_hours(facts) or campaign.windows):
        found.append(Finding("unknown_place"))
    return tuple(found)


def decide(facts: Facts, at: datetime) -> Verdict:
    """May this call be made at ``at`` (naive UTC)?

    *until*: the first instant at which, nothing else changing, it may; the finding is
    of the rule that stands against it now and opens last. *never*: there is none in
    400 days; the finding is of the gravest rule that never opens or, if each does but
    not with the others, of the one that had closed by then. A call that comes in is
    always allowed, and so is one to an invented person.
    """
    if facts.direction == "in":
        whole = facts.campaign.record_whole and is_commercial(facts)
        return Verdict("allowed", warnings=(Finding("record_whole"),) if whole else ())
    if facts.training:
        # Nobody is dialled; that a number is no good is part of the exercise.
        if facts.number.bad:
            return Verdict("never", finding=Finding("number_bad"))
        return Verdict("allowed")
    at = at.replace(microsecond=0)
    limit = at + HORIZON
    rules, bases = _all_rules(facts)
    latest, worst = at, None
    for rule in rules:
        opens = rule.allows.next(at)
        if opens is None or opens > limit:
            return Verdict("never", finding=rule.say(at))
        if opens > latest:
            latest, worst = opens, rule
    if worst is None:
        basis = _rests_on(bases, at)
        return Verdict("allowed", basis=basis, warnings=_warnings(facts, at, basis))
    until, closed, asked = _first(rules, latest, limit)
    if closed:
        return Verdict("never", finding=closed.say(asked))
    return Verdict("until", until, worst.say(at), _rests_on(bases, until))


def _closing(rules: list[_Rule], at: datetime) -> datetime | None:
    limit = at + HORIZON
    opened = _first(rules, at, limit)[0]
    if opened is None:
        return None
    ends = [end for rule in rules if (end := rule.allows.end(opened))]
    closing = min(ends, default=None)
    return closing if closing and closing <= limit else None


def hours_against(facts: Facts, at: datetime) -> Finding | None:
    """What hours, holidays or the campaign's windows say against a call at ``at``,
    whatever else stands against it or for it; None: nothing."""
    at = at.replace(microsecond=0)
    against = (rule for rule in _hours(facts) if rule.allows.next(at) != at)
    return next((rule.say(at) for rule in against), None)


def next_closing(facts: Facts, at: datetime) -> datetime | None:
    """First instant after ``at`` at which hours, holidays or the campaign's windows
    close, None if they do not in 400 days: when lists must be looked at again."""
    if facts.direction == "in" or facts.training:
        return None
    return _closing(_hours(facts), at.replace(microsecond=0))


def allowed_until(facts: Facts, at: datetime) -> datetime | None:
    """First instant after ``at`` at which the answer stops being *allowed*, whatever
    the rule; of the next time it is allowed, if it is not now. None: it does not in
    400 days, or is never allowed."""
    if facts.direction == "in" or facts.training:
        return None
    return _closing(_all_rules(facts)[0], at.replace(microsecond=0))
