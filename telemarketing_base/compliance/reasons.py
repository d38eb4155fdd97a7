# pylint: disable=prefer-env-translation
"""Why a call may not be made, or what to mind in it: codes and their words.

The gate speaks in codes with parameters (text: dates as ISO, hours as 'HH:MM'). The
Odoo layer makes the sentence in the user's language with ``text``. A code means the
same whether it forbids or warns. ``article`` is the law that it rests on, '' where
it is the company's own rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .facts import Finding


def _(source: str) -> str:
    """Marks a sentence for Odoo's term extractor; translates nothing."""
    return source


class Reason(NamedTuple):
    """``short`` for lists, ``sentence`` with %(x)s for the agent, ``article``."""

    short: str
    sentence: str
    article: str = ""


_ROBINSON = "LOPDGDD art. 23.4"
_HOURS = "TRLGDCU art. 96.2"
_TWO_YEARS = "TRLGDCU art. 62.1"
_BASIS = "LGTel art. 66.1.b"
_CLIENT = "Circular AEPD 1/2023 art. 3"
_OBJECTION = "LGTel art. 66.1.b; TRLGDCU art. 96.5"

REASONS: dict[str, Reason] = {
    # ---- the person
    "excluded_objection": Reason(
        _("Objected to calls"),
        _("This person objected to being called"),
        _OBJECTION,
    ),
    "excluded_request": Reason(
        _("Asked not to be called"),
        _("This person asked not to be called"),
        _OBJECTION,
    ),
    "excluded_internal": Reason(
        _("On our own list"),
        _("This person is on our own list of people who are not called"),
    ),
    "excluded_deceased": Reason(
        _("Deceased"),
        _("This person is recorded as deceased"),
    ),
    "excluded_minor": Reason(
        _("Minor"),
        _("This person is recorded as under age"),
        "RGPD art. 6.1.f, recital 38",
    ),
    "minor": Reason(
        _("Minor"),
        _("This person is under 18"),
        "RGPD art. 6.1.f, recital 38",
    ),
    # ---- the number
    "number_bad": Reason(
        _("Wrong number"),
        _("This number is marked as wrong"),
    ),
    "number_kind": Reason(
        _("Kind of number"),
        _("Numbers of this kind are never called: %(kind)s"),
    ),
    "number_foreign": Reason(
        _("Foreign number"),
        _("This number is of another country (%(country)s), with rules of its own"),
    ),
    "database_off": Reason(
        _("Database switched off"),
        _("The database that this person came in is switched off"),
    ),
    # ---- what the call rests on
    "no_basis": Reason(
        _("No legal basis"),
        _("Nobody has stated why this person may be called"),
        _BASIS,
    ),
    "basis_not_admitted": Reason(
        _("Legal basis not admitted"),
        _("This campaign does not call people on this basis: %(basis)s"),
        _BASIS,
    ),
    "consent_undated": Reason(
        _("Consent without date"),
        _("The consent has no date, so nobody can show that it still counts"),
        _TWO_YEARS,
    ),
    "consent_future": Reason(
        _("Consent not yet given"),
        _("The consent has a date that has not come yet"),
        _TWO_YEARS,
    ),
    "consent_expired": Reason(
        _("Consent expired"),
        _(
            "The consent was not given or renewed in the %(years)s years before "
            "the call"
        ),
        _TWO_YEARS,
    ),
    "consent_withdrawn": Reason(
        _("Consent withdrawn"),
        _("This person withdrew the consent"),
        "RGPD art. 7.3",
    ),
    "robinson_later": Reason(
        _("Robinson list"),
        _("This person joined the Robinson list after agreeing to be called"),
        _ROBINSON,
    ),
    "robinson": Reason(
        _("Robinson list"),
        _("This number is on the Robinson list"),
        _ROBINSON,
    ),
    "robinson_unchecked": Reason(
        _("Robinson list not consulted"),
        _("Nobody has looked this number up in the Robinson list"),
        _ROBINSON,
    ),
    "robinson_stale": Reason(
        _("Robinson list to be consulted again"),
        _("The Robinson list was consulted more than %(days)s days ago"),
        _ROBINSON,
    ),
    "client_never": Reason(
        _("Clients need consent"),
        _("Your company calls clients only with their consent"),
        _CLIENT,
    ),
    "client_group": Reason(
        _("Client of another company"),
        _("Clients of a sister company are called only with their consent"),
        _CLIENT,
    ),
    "client_not_similar": Reason(
        _("Not a similar product"),
        _(
            "Clients are called without consent only for products like those that "
            "they have"
        ),
        _CLIENT,
    ),
    "client_former": Reason(
        _("Former client"),
        _("This person stopped being a client more than %(months)s months ago"),
        _CLIENT,
    ),
    "client_no_interaction": Reason(
        _("Former client, no contact"),
        _("This former client has not been in touch in the last year"),
        _CLIENT,
    ),
    "client_no_assessment": Reason(
        _("Assessment missing"),
        _(
            "Former clients are called only if the campaign has its assessment of "
            "legitimate interest on file"
        ),
        "RGPD art. 6.1.f",
    ),
    "legal_person_consumer": Reason(
        _("A consumer, not a company"),
        _("This person was loaded as a company, and is a consumer"),
        "LOPDGDD art. 19",
    ),
    "legal_person_home": Reason(
        _("Offer for the home"),
        _("For an offer for the home a professional is a consumer"),
        "LOPDGDD art. 19",
    ),
    "request_undated": Reason(
        _("Request without date"),
        _("The request to be called has no date"),
        _BASIS,
    ),
    "request_future": Reason(
        _("Request not yet made"),
        _("The request to be called has a date that has not come yet"),
        _BASIS,
    ),
    "request_old": Reason(
        _("Request too old"),
        _("This person asked to be called more than %(days)s days ago"),
        _CLIENT,
    ),
    "origin_generated": Reason(
        _("Generated number"),
        _("Numbers made up at random are called only with consent"),
        "Circular AEPD 1/2023 art. 2",
    ),
    "origin_directory": Reason(
        _("Number from a directory"),
        _("Numbers from a directory are called only with consent"),
        "Circular AEPD 1/2023 art. 2",
    ),
    "sector_ban": Reason(
        _("Only at the person's request"),
        _(
            "In this sector (%(sector)s) people are called only if they asked "
            "for the call"
        ),
        "RD 88/2026 art. 13.1.y",
    ),
    "robot": Reason(
        _("No consent for robots"),
        _("A robot calls only people who agreed to calls without a human"),
        "LGTel art. 66.1.a; TRLGDCU art. 96.3",
    ),
    # ---- the number shown
    "cli_mobile": Reason(
        _("Calls from a mobile number"),
        _("The campaign shows a mobile number, which is not allowed"),
        "Orden TDF/149/2025 art. 9",
    ),
    "cli_400_service": Reason(
        _("Calls from a 400 number"),
        _("Numbers that begin with 400 are for commercial calls only"),
        "Ley 10/2025 art. 16.3",
    ),
    "cli_400_due": Reason(
        _("Needs a 400 number"),
        _("From %(day)s commercial calls show a number that begins with 400"),
        "Ley 10/2025 art. 16.3",
    ),
    "cli_geographic": Reason(
        _("Will need a 400 number"),
        _("Commercial calls will have to show a number that begins with 400"),
        "Ley 10/2025 art. 16.3",
    ),
    # ---- how often
    "attempts_total": Reason(
        _("Called too often"),
        _("This number has had all the calls that it may have: %(max)s"),
        "LCD art. 29.2",
    ),
    "locked": Reason(
        _("Locked after a silent call"),
        _("This person answered and found nobody, and is left in peace for a while"),
        "LCD art. 29.2",
    ),
    "attempts_week": Reason(
        _("Called enough this week"),
        _("This number has had its %(max)s calls of this week"),
        "LCD art. 29.2",
    ),
    "attempts_day": Reason(
        _("Called enough today"),
        _("This number has had its %(max)s calls of today"),
        "LCD art. 29.2",
    ),
    "gap": Reason(
        _("Called a moment ago"),
        _("This number was called less than %(minutes)s minutes ago"),
        "LCD art. 29.2",
    ),
    # ---- when
    "campaign_hours": Reason(
        _("Outside the campaign's hours"),
        _("It is outside the hours of this campaign"),
    ),
    "hours_early": Reason(
        _("Too early"),
        _("Where this person is it is too early: calls are from %(opens)s"),
        _HOURS,
    ),
    "hours_late": Reason(
        _("Too late"),
        _("Where this person is it is too late: calls are until %(closes)s"),
        _HOURS,
    ),
    "hours_weekend": Reason(
        _("Weekend"),
        _("Nobody is called at weekends"),
        _HOURS,
    ),
    "hours_holiday": Reason(
        _("Holiday"),
        _("It is a holiday where this person is: %(day)s"),
        _HOURS,
    ),
    # ---- only warnings
    "li_customer": Reason(
        _("Client without consent"),
        _(
            "Called as a client, without consent: do not close the sale by phone "
            "without asking for it"
        ),
        _TWO_YEARS,
    ),
    "review": Reason(
        _("Former client"),
        _(
            "Former client: the call rests on the campaign's assessment of "
            "legitimate interest"
        ),
        "RGPD art. 6.1.f; Circular AEPD 1/2023 art. 3",
    ),
    "record_whole": Reason(
        _("Record the whole call"),
        _("The whole call must be recorded"),
        "RD 88/2026 art. 13.1.y",
    ),
    "unknown_place": Reason(
        _("Place unknown"),
        _("Nobody knows where this person is: local hours and holidays may differ"),
        _HOURS,
    ),
}

#: Words for the values of the parameters ``kind`` and ``basis``.
WORDS: dict[str, str] = {
    "mobile": _("mobile"),
    "fixed": _("landline"),
    "toll_free": _("free of charge"),
    "shared_cost": _("shared cost"),
    "premium": _("premium rate"),
    "personal": _("personal number"),
    "uan": _("company number"),
    "voip": _("internet phone"),
    "other": _("other"),
    "consent": _("consent"),
    "client": _("client"),
    "legal_person": _("company"),
    "request": _("request"),
}


def _same(source: str) -> str:
    return source


def text(
    finding: Finding,
    translate: Callable[[str], str] = _same,
    shown: Callable[[str, str], str] | None = None,
) -> str:
    """The sentence of a finding, by ``translate`` (a function of the English
    template). ``shown(name, value)`` may format a parameter: a date, a sector.

    A broken translation falls back to English; an unknown code is its own text.
    """
    reason = REASONS.get(finding.code)
    if reason is None:
        return finding.code
    params = {}
    for name, value in finding.params:
        if name in ("kind", "basis") and value in WORDS:
            value = translate(WORDS[value])
        params[name] = shown(name, value) if shown else value
    try:
        return translate(reason.sentence) % params
    except (KeyError, ValueError, TypeError):
        return reason.sentence % params


def short(code: str, translate: Callable[[str], str] = _same) -> str:
    """The label of a code for lists; an unknown code is its own label."""
    reason = REASONS.get(code)
    return translate(reason.short) if reason else code


def article(code: str) -> str:
    """The law that a code rests on, '' where it is the company's own rule."""
    reason = REASONS.get(code)
    return reason.article if reason else ""
