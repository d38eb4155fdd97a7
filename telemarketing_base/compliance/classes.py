"""Classes of facts: what a whole list is answered by.

A million people differ in dates that make no difference to the answer. ``normalise``
leaves out what cannot matter at one instant, so that few different facts are left
and each is decided once. It stands beside ``gate``, whose rules it must know to the
letter; a property test holds both together.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from ..identity.postcode import CANARY
from . import gate, terms
from .calendars import day_end, day_start, local
from .facts import (
    BASES,
    Agreed,
    Consent,
    Exclusion,
    Facts,
    Number,
    Person,
    Place,
    Relation,
)

#: Stands for every day whose term is long over.
_LONG_AGO = date(2000, 1, 1)


class _View(NamedTuple):
    """The stretch of time that an answer can depend on, where the person is."""

    at: datetime
    limit: datetime
    today: date
    tz: str

    def plain(self, start: date, last: date) -> date:
        """One day for all whose term, from ``start`` to ``last``, says the same."""
        if day_end(last, self.tz) <= self.at:
            return min(start, _LONG_AGO)
        if start <= self.today and day_end(last, self.tz) > self.limit:
            return self.today
        return start


@functools.lru_cache(maxsize=4096)
def _plain_days(closed: frozenset[date], today: date) -> frozenset[date]:
    last = terms.add_days(today, gate.HORIZON.days + 1)
    first = terms.add_days(today, -1)  # it may be yesterday in the Canary Islands
    return frozenset(
        d for d in closed if first <= d <= last and d.isoweekday() in gate.WORKDAYS
    )


def _never_facts(facts: Facts, view: _View) -> Facts | None:
    """The least that is refused for ever in the same words, if the person, the
    number or the database is reason enough."""
    number = replace(Number(), kind=facts.number.kind, country=facts.number.country)
    least = Facts(campaign=facts.campaign, rules=facts.rules, number=number)
    code = gate.exclusion_code(facts)
    if code:
        gravest = Exclusion(code.removeprefix("excluded_"), "campaign")
        return replace(least, person=Person(exclusions=(gravest,)))
    adult_at = gate.minor_until(facts)
    if facts.rules.minors == "never" and adult_at and adult_at > view.limit:
        return replace(least, person=Person(birthdate=view.at.date()))
    if gate.number_rule(facts):
        return replace(least, number=replace(number, bad=facts.number.bad))
    if not facts.database_on:
        return replace(least, database_on=False)
    return None


def _dead(facts: Facts, name: str, view: _View) -> bool:
    """Is a basis refused for ever, whatever the person's own dates?"""
    parts = [] if name in facts.campaign.bases else [(gate.NEVER, None)]
    if name != "request":
        parts += gate.ban(facts)
    if name != "consent":
        parts += gate.limits(facts)
    if name == "client":
        parts += gate.client_refused(facts)
    return any(gate.next_in(spans, view.at) is None for spans, _said in parts)


def _plain_relation(facts: Facts, view: _View) -> Relation:
    relation = facts.person.relation
    ended = relation.ended_on
    if ended is None or day_end(ended, view.tz) > view.limit:
        return Relation()
    last = terms.client_until(ended, facts.rules.former_client_months)
    if day_end(last, view.tz) <= view.at:
        return Relation(min(ended, _LONG_AGO))
    return relation


def _plain_robinson(facts: Facts, view: _View) -> dict:
    """The number's Robinson fields, as far as its basis asks about them."""
    person, number, rules = facts.person, facts.number, facts.rules
    nothing = {"robinson": "", "robinson_on": None}
    if not gate.is_commercial(facts) or _dead(facts, person.basis, view):
        return nothing
    if person.basis == "legal_person" or (
        person.basis == "client" and gate.is_natural(facts)
    ):
        if number.robinson == "present":
            return {"robinson": "present", "robinson_on": None}
        on = number.robinson_on if rules.robinson != "off" else None
        if person.basis == "client" and number.robinson == "absent" and on:
            last = terms.add_days(on, rules.robinson_days)
            return {"robinson": "absent", "robinson_on": view.plain(on, last)}
    return nothing


class _Stated(NamedTuple):
    """The dates that the person's bases rest on, those that are refused for ever
    left out. ``withdrawn``: there was a consent, and it was taken back; ``dead``:
    there is one, and it makes no difference. ``joined``: for each basis, does the
    Robinson list stand against it?"""

    given: date | None
    asked_on: date | None
    withdrawn: bool
    dead: bool
    joined: tuple[bool, ...]


def _stated(facts: Facts, view: _View, purpose: str) -> _Stated:
    person, stated = facts.person, facts.person.basis
    given = asked_on = None
    withdrawn = dead = False
    joined = []
    if gate.has_consent(person, purpose):
        # a robot's consent is asked for twice, so it is never without difference
        dead = purpose == "call" and _dead(facts, "consent", view)
        if not dead:
            given = gate.consent_given(person, purpose)
            withdrawn = not given and bool(gate.taken_back(person, purpose))
    if given:
        joined.append(gate.joined_robinson(facts, given))
    if stated in gate.PARTS and not _dead(facts, stated, view):
        if stated != "request":
            joined.append(bool(gate.robinson_days(facts)))
        elif person.basis_on:
            asked_on = person.basis_on
            joined.append(gate.joined_robinson(facts, asked_on))
    return _Stated(given, asked_on, withdrawn, dead, tuple(joined))


def _plain_robinson_list(facts: Facts, joined: tuple[bool, ...]) -> tuple:
    """What is known of the Robinson list by days, exclusions and the number's
    ``robinson_since``, as one exclusion or none."""
    if not any(joined) or not gate.is_commercial(facts):
        return ()
    if all(joined):
        return (Exclusion("robinson"),)
    days = gate.robinson_days(facts)
    return (Exclusion("robinson", since=None if None in days else max(days)),)


def _plain_bases(facts: Facts, view: _View) -> dict:
    """What a call can rest on: basis, its day, consents, relation, origin and the
    exclusions that are the Robinson list's."""
    person, rules, purpose = facts.person, facts.rules, gate.consent_purpose(facts)
    if not gate.is_unasked(facts):
        return {}
    basis = person.basis if person.basis in BASES else ""
    found = _stated(facts, view, purpose)
    plain: dict = {
        "basis": basis,
        "exclusions": _plain_robinson_list(facts, found.joined),
    }
    if basis in gate.PARTS:
        plain["origin"] = person.origin
    if basis == "client" and not _dead(facts, basis, view):
        plain["relation"] = _plain_relation(facts, view)

    def term(start: date, last: date) -> date:
        # days that the Robinson list tells apart stay as they are
        return start if len(set(found.joined)) > 1 else view.plain(start, last)

    if found.withdrawn:
        plain["consents"] = (Consent(_LONG_AGO, purpose, _LONG_AGO),)
    elif found.dead and basis != "consent":
        plain["consents"] = (Consent(_LONG_AGO, purpose),)
    if given := found.given:
        last = terms.consent_until(given, rules.consent_years, rules.consent_last_day)
        if basis == "consent" and purpose == "call":
            plain["basis_on"] = term(given, last)
        else:
            plain["consents"] = (Consent(term(given, last), purpose),)
    if asked_on := found.asked_on:
        plain["basis_on"] = term(asked_on, terms.add_days(asked_on, rules.request_days))
    return plain


def _plain_birthdate(facts: Facts, view: _View) -> date | None:
    adult_at = gate.minor_until(facts)
    if adult_at is None or adult_at <= view.at:
        return None
    return view.today if facts.rules.minors != "never" else facts.person.birthdate


def _plain_person(facts: Facts, view: _View) -> Person:
    place = Place()
    if facts.person.place.known:
        place = Place("35" if view.tz == CANARY else "28")
    return Person(
        kind=facts.person.kind,
        place=place,
        birthdate=_plain_birthdate(facts, view),
        **_plain_bases(facts, view),
    )


def _plain_number(facts: Facts, view: _View) -> Number:
    number, rules, tz = facts.number, facts.rules, facts.campaign.tz
    at, day = view.at, facts.number.attempts_on
    kind = number.kind if "mobile" in rules.never_kinds else "mobile"
    plain: dict = {"kind": kind, **_plain_robinson(facts, view)}
    if gate.is_foreign(facts):
        plain["country"] = number.country
    if 0 < rules.max_total <= number.attempts:
        plain["attempts"] = rules.max_total
    if number.locked_until and number.locked_until > at:
        plain["locked_until"] = number.locked_until
    if day and 0 < rules.max_week <= number.attempts_week:
        monday = terms.add_days(day, 1 - day.isoweekday())
        if day_start(terms.add_days(monday, 7), tz) > at:
            plain["attempts_week"] = rules.max_week
            plain["attempts_on"] = monday
    if day and 0 < rules.max_day <= number.attempts_day and day_end(day, tz) > at:
        plain["attempts_day"] = rules.max_day
        plain["attempts_on"] = day
    last = number.last_attempt_at
    if last and rules.gap_minutes:
        if last + timedelta(minutes=rules.gap_minutes) > at:
            plain["last_attempt_at"] = last
    return Number(**plain)


def normalise(facts: Facts, at: datetime) -> Facts:
    """The same facts without what cannot matter at ``at``: ``decide`` answers the same
    for them, and equal ones are few. What comes back is for that instant only."""
    if facts.direction == "in":
        return Facts(direction="in", campaign=facts.campaign)
    if facts.training:
        number = Number(bad=facts.number.bad)
        return Facts(training=True, campaign=facts.campaign, number=number)
    at = at.replace(microsecond=0)
    tz = facts.person.place.tz
    view = _View(at, at + gate.HORIZON, local(at, tz).date(), tz)
    least = _never_facts(facts, view)
    if least:
        return least
    legal = gate.has_legal_hours(facts)
    plain = Facts(
        person=_plain_person(facts, view),
        number=_plain_number(facts, view),
        campaign=facts.campaign,
        rules=facts.rules,
        closed_days=_plain_days(facts.closed_days, view.today)
        if legal
        else frozenset(),
    )
    agreed = facts.agreed
    if agreed:
        outside = agreed.outside_hours and (legal or bool(facts.campaign.windows))
        ((_start, end),) = gate.agreed_spans(facts)
        if end > at and agreed.at <= view.limit and (outside or gate.caps(plain)):
            plain = replace(plain, agreed=Agreed(agreed.at, outside))
    return plain
