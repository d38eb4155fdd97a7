"""What is known when somebody asks: may this number be called now?

Instants are naive UTC, whole seconds; days are calendar days at the place of the
person called unless said otherwise. Everything is hashable: equal facts, equal
answer, so a whole list is answered once per class of equal facts.

Sources of the rules: ``docs/compliance.md``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time

from ..identity.postcode import CANARY, MADRID

#: Why somebody may be called (GDPR art. 6.1, LGTel art. 66.1.b).
BASES = ("consent", "client", "legal_person", "request")
#: What the call is for; only the first is advertising.
PURPOSES = ("commercial", "survey", "service")
#: Where the number comes from (Circular AEPD 1/2023 art. 2).
ORIGINS = ("list", "directory", "generated")
#: Person called: consumer, sole trader or professional as such, legal person.
PERSON_KINDS = ("consumer", "professional", "company")


@dataclass(frozen=True)
class Place:
    """``province`` INE code '28', '' unknown; ``municipality`` folded name
    (``identity.text.fold``) if it has a calendar of its own, else ''."""

    province: str = ""
    municipality: str = ""

    @property
    def known(self) -> bool:
        return bool(self.province)

    @property
    def tz(self) -> str:
        return CANARY if self.province in ("35", "38") else MADRID


@dataclass(frozen=True)
class Consent:
    """Given or expressly renewed on ``given_on``, for ``purpose`` ('call' or
    'robot'); ``for_us`` is it towards this advertiser?"""

    given_on: date
    purpose: str = "call"
    withdrawn_on: date | None = None
    for_us: bool = True


@dataclass(frozen=True)
class Exclusion:
    """In force and reaching this call (by number or person, in its scope).

    ``reason``: objection, request, robinson, deceased, minor, internal.
    ``scope``: all, principal, campaign. ``since`` the day it was made.
    """

    reason: str = "objection"
    scope: str = "all"
    since: date | None = None


@dataclass(frozen=True)
class Relation:
    """The person as client of the advertiser: ``ended_on`` None while the contract
    lasts; ``interacted_on`` last thing that the person did or asked."""

    ended_on: date | None = None
    interacted_on: date | None = None


@dataclass(frozen=True)
class Person:
    """``basis`` one of BASES or '' where none was stated; ``basis_on`` the day of the
    request (basis 'request') or of the consent stated for a whole file."""

    kind: str = "consumer"
    place: Place = Place()
    birthdate: date | None = None
    basis: str = ""
    basis_on: date | None = None
    origin: str = "list"
    consents: tuple[Consent, ...] = ()
    relation: Relation = Relation()
    exclusions: tuple[Exclusion, ...] = ()


@dataclass(frozen=True)
class Number:
    """``attempts_day`` and ``attempts_week`` are those of the company's day and of
    its ISO week ``attempts_on``; ``locked_until`` after an abandoned call.
    ``robinson``: 'present', 'absent' or '' where nobody asked; ``robinson_on`` the
    day of the last consultation; ``robinson_since`` first day on which one who is
    present may have enrolled, None: unknown."""

    kind: str = "mobile"
    country: str = "ES"
    bad: bool = False
    attempts: int = 0
    attempts_day: int = 0
    attempts_week: int = 0
    attempts_on: date | None = None
    last_attempt_at: datetime | None = None
    locked_until: datetime | None = None
    robinson: str = ""
    robinson_on: date | None = None
    robinson_since: date | None = None


@dataclass(frozen=True)
class Window:
    """Reserved hours of a campaign, at the person's place: from ``start`` to ``end``
    inclusive, to the second, on these ISO weekdays (1 Monday … 7 Sunday)."""

    start: time
    end: time
    weekdays: frozenset[int] = frozenset(range(1, 8))


@dataclass(frozen=True)
class Campaign:
    """What is asked for whom. ``bases`` that it admits; ``similar_product`` is the
    offer one of the advertiser's own, similar to what its clients have;
    ``group_company`` the clients are those of a sister company; ``for_home`` offered
    for the home also to professionals; ``assessment`` a legitimate-interest
    assessment is on file; ``sector_ban_from`` the day from which its sector bans
    unsolicited calls to natural persons, None: it does not; ``record_whole`` the
    sector wants the whole call recorded; ``caller`` the number shown, E.164, ''
    unknown; ``tz`` of the company, whose days number caps count; ``training`` nobody
    is called, its people are invented."""

    purpose: str = "commercial"
    bases: frozenset[str] = frozenset(BASES)
    sector: str = ""
    sector_ban_from: date | None = None
    record_whole: bool = False
    similar_product: bool = False
    group_company: bool = False
    for_home: bool = True
    assessment: bool = False
    mode: str = "agent"
    caller: str = ""
    windows: tuple[Window, ...] = ()
    tz: str = MADRID
    training: bool = False


@dataclass(frozen=True)
class Agreed:
    """A call that was agreed with the person for this instant: it passes caps and
    gap. ``outside_hours``: the person asked for that very hour (who, when and how are
    kept with the target), so it passes hours and holidays too."""

    at: datetime
    outside_hours: bool = False


@dataclass(frozen=True)
class Rules:
    """A company's settings; what is uncertain in law has its safe default.

    Each field's source: ``docs/compliance.md`` and the page *Calling rules*.
    """

    opens: time = time(9, 0, 0)
    closes: time = time(21, 0, 0)  # inclusive
    last_dial: time | None = time(20, 59, 0)  # no new dial from then on
    hours_for: str = "professionals"  # consumers | professionals | everyone
    hours_purposes: str = "all"  # commercial | all
    unknown_place: str = "national"  # national | strict
    consent_years: int = 2
    consent_last_day: bool = True  # valid on the anniversary itself
    client_basis: str = "warn"  # warn | never
    former_client_months: int = 12
    request_days: int = 365
    robinson: str = "required"  # required | warn | off
    robinson_days: int = 30
    directory: str = "never"  # never | warn
    max_day: int = 4  # 0: no cap
    max_week: int = 12
    max_total: int = 0
    gap_minutes: int = 15
    foreign: str = "warn"  # warn | never
    never_kinds: frozenset[str] = frozenset({"premium"})
    cli_400_from: date | None = None
    minors: str = "never"  # never | warn
    agreed_minutes: int = 60


@dataclass(frozen=True)
class Facts:
    """Everything about one call that somebody wants to make.

    ``closed_days``: holidays at the person's place (``calendars.closed_days``).
    ``database_on``: its database is switched on. ``direction``: an incoming call is
    always answered. ``training``: an invented person in a training campaign, whom
    nobody dials: no rule protects anybody.
    """

    person: Person = Person()
    number: Number = Number()
    campaign: Campaign = Campaign()
    rules: Rules = Rules()
    closed_days: frozenset[date] = frozenset()
    agreed: Agreed | None = None
    database_on: bool = True
    direction: str = "out"
    training: bool = False


@dataclass(frozen=True)
class Finding:
    """A rule's word: ``code`` in ``reasons.REASONS``, values for its sentence."""

    code: str
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """``answer``: allowed, until, never. ``until``: first instant at which, nothing
    else changing, the answer is allowed. ``finding``: what stands against it.
    ``basis``: the one that the call rests on, '' where none is needed or there is
    none. ``warnings`` go with *allowed*."""

    answer: str
    until: datetime | None = None
    finding: Finding | None = None
    basis: str = ""
    warnings: tuple[Finding, ...] = field(default=())

    @property
    def allowed(self) -> bool:
        return self.answer == "allowed"


@dataclass(frozen=True)
class Holiday:
    """A closed day: ``level`` national, regional, provincial or local; ``works`` a
    working day there in spite of a wider calendar."""

    day: date
    level: str = "national"
    region: str = ""
    province: str = ""
    municipality: str = ""
    works: bool = False


def effective_consent(
    consents: Iterable[Consent], purpose: str = "call"
) -> date | None:
    """Day of the last consent for this purpose towards this advertiser that no later
    (or same-day) withdrawal took back."""
    mine = [c for c in consents if c.for_us and c.purpose == purpose]
    taken_back = max((c.withdrawn_on for c in mine if c.withdrawn_on), default=None)
    given = max((c.given_on for c in mine if not c.withdrawn_on), default=None)
    if given and (taken_back is None or given > taken_back):
        return given
    return None
