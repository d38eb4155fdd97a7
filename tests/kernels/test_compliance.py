"""May we call? The tables of spain.md section C, row by row."""

import itertools
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from holidays import country_holidays
from phonenumbers import geocoder

from odoo.addons.telemarketing_base.compliance import (
    REASONS,
    REGIONS,
    WORDS,
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
    Rules,
    Window,
    adult_on,
    allowed_until,
    article,
    check_caller,
    client_until,
    closed_days,
    consent_until,
    decide,
    hours_against,
    interaction_until,
    local,
    next_closing,
    normalise,
    objection_kept_until,
    objection_proof_due,
    official,
    province_of_number,
    recording_due,
    short,
    substituted,
    text,
    withdrawal_until,
)
from odoo.addons.telemarketing_base.compliance.calendars import day_spans
from odoo.addons.telemarketing_base.identity import PROVINCES, find_province

MADRID, BARCELONA, LAS_PALMAS, CEUTA = (Place(p) for p in ("28", "08", "35", "51"))
TODAY = date(2026, 11, 23)  # a Monday


def utc(wall, tz="Europe/Madrid", fold=0):
    """'2026-11-23 09:00' or with seconds, there, as naive UTC."""
    there = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(tz), fold=fold)
    return there.astimezone(timezone.utc).replace(tzinfo=None)


NOON = utc("2026-11-23 12:00")
CONSENTED = Person(basis="consent", basis_on=date(2026, 1, 10), place=MADRID)
CLIENT = Person(basis="client", place=MADRID)
CHECKED = Number(robinson="absent", robinson_on=date(2026, 11, 20))
SIMILAR = Campaign(similar_product=True)


def facts(**given):
    """A call that may be made, with these facts instead: fields of Facts, or of its
    parts as ``person_kind`` and the like."""
    whole = {k: v for k, v in given.items() if k in Facts.__dataclass_fields__}
    made = replace(Facts(person=CONSENTED), **whole)
    for name, value in given.items():
        part, _, field = name.partition("_")
        if name not in whole:
            made = replace(
                made, **{part: replace(getattr(made, part), **{field: value})}
            )
    return made


def answer(known, at=NOON):
    """What decide says; its class says the same."""
    verdict = decide(known, at)
    assert decide(normalise(known, at), at) == verdict
    for finding in (verdict.finding, *verdict.warnings):
        if finding:
            assert "%(" not in text(finding)
    return verdict


def codes(findings):
    return {f.code for f in findings}


def assert_allowed(known, at=NOON, basis=None, warns=()):
    verdict = answer(known, at)
    assert verdict.allowed, verdict
    assert codes(verdict.warnings) == set(warns)
    if basis is not None:
        assert verdict.basis == basis


def assert_never(known, code, at=NOON):
    verdict = answer(known, at)
    assert (verdict.answer, verdict.finding and verdict.finding.code) == ("never", code)
    assert verdict.until is None and not verdict.warnings and not verdict.basis


def assert_until(known, until, code, at=NOON):
    verdict = answer(known, at)
    got = (verdict.answer, verdict.until, verdict.finding and verdict.finding.code)
    assert got == ("until", until, code)
    assert decide(known, until).allowed
    assert not decide(known, until - timedelta(seconds=1)).allowed


# ---------------------------------------------------------------- C2
BAN = {"campaign_sector": "electricity", "campaign_sector_ban_from": date(2026, 6, 12)}
C2_NEVER = {
    "own objection beats a consent": (
        {"person_exclusions": (Exclusion("objection", since=date(2025, 1, 1)),)},
        "excluded_objection",
    ),
    "consent 2024-11-21, call 2026-11-22: expired": (
        {"person_basis_on": date(2024, 11, 21), "rules": Rules(hours_for="consumers")},
        "consent_expired",
    ),
    "consent in the ledger, and Robinson after it": (
        {"person_exclusions": (Exclusion("robinson", since=date(2026, 2, 1)),)},
        "robinson_later",
    ),
    "consent, and enrolled in Robinson on the next day": (
        {"number": Number(robinson="present", robinson_since=date(2026, 1, 11))},
        "robinson_later",
    ),
    "consent in the ledger, and enrolled in Robinson after it": (
        {
            "person": Person(place=MADRID, consents=(Consent(date(2026, 1, 10)),)),
            "number": Number(robinson="present", robinson_since=date(2026, 3, 1)),
        },
        "robinson_later",
    ),
    "request, and enrolled in Robinson after it": (
        {
            "person": Person(
                place=MADRID, basis="request", basis_on=date(2026, 11, 20)
            ),
            "number": Number(robinson="present", robinson_since=date(2026, 11, 22)),
        },
        "robinson_later",
    ),
    "client in Robinson of a company that does not consult it": (
        {
            "person": CLIENT,
            "campaign": SIMILAR,
            "number": Number(robinson="present"),
            "rules": Rules(robinson="off"),
        },
        "robinson",
    ),
    "client, similar product, in Robinson": (
        {
            "person": CLIENT,
            "campaign": SIMILAR,
            "number": Number(robinson="present", robinson_on=TODAY),
        },
        "robinson",
    ),
    "client, similar product, Robinson never consulted": (
        {"person": CLIENT, "campaign": SIMILAR},
        "robinson_unchecked",
    ),
    "client, product not similar": (
        {"person": CLIENT, "number": CHECKED},
        "client_not_similar",
    ),
    "ex-client 10 months ago who interacted, no assessment on file": (
        {
            "person": replace(
                CLIENT, relation=Relation(date(2026, 1, 23), date(2026, 2, 1))
            ),
            "campaign": SIMILAR,
            "number": CHECKED,
        },
        "client_no_assessment",
    ),
    "ex-client 14 months, no interaction": (
        {
            "person": replace(CLIENT, relation=Relation(date(2025, 9, 23))),
            "campaign": replace(SIMILAR, assessment=True),
            "number": CHECKED,
        },
        "client_former",
    ),
    "ex-client 10 months, no interaction": (
        {
            "person": replace(CLIENT, relation=Relation(date(2026, 1, 23))),
            "campaign": replace(SIMILAR, assessment=True),
            "number": CHECKED,
        },
        "client_no_interaction",
    ),
    "client of a sister company": (
        {
            "person": CLIENT,
            "campaign": replace(SIMILAR, group_company=True),
            "number": CHECKED,
        },
        "client_group",
    ),
    "autónomo, offer for his home: treated as a consumer": (
        {"person": Person("professional", MADRID, basis="legal_person")},
        "legal_person_home",
    ),
    "consumer loaded as a company": (
        {"person": Person("consumer", MADRID, basis="legal_person")},
        "legal_person_consumer",
    ),
    "electricity offer, natural person with consent, no request": (BAN, "sector_ban"),
    "electricity offer, client, no request": (
        {
            "person": CLIENT,
            "number": CHECKED,
            "campaign": replace(
                SIMILAR, sector="electricity", sector_ban_from=date(2026, 6, 12)
            ),
        },
        "sector_ban",
    ),
    "electricity offer, natural person, nothing stated": (
        {"person": Person(place=MADRID), **BAN},
        "sector_ban",
    ),
    "electricity offer to an autónomo as such": (
        {
            "person": Person("professional", MADRID, basis="legal_person"),
            "campaign_for_home": False,
            **BAN,
        },
        "sector_ban",
    ),
    "voicebot with a consent to calls only": ({"campaign_mode": "robot"}, "robot"),
    "random number of a client": (
        {
            "person": replace(CLIENT, origin="generated"),
            "campaign": SIMILAR,
            "number": CHECKED,
        },
        "origin_generated",
    ),
    "number from a directory": (
        {
            "person": replace(CLIENT, origin="directory"),
            "campaign": SIMILAR,
            "number": CHECKED,
        },
        "origin_directory",
    ),
    "sole trader's number from a directory": (
        {
            "person": Person(
                "professional", MADRID, basis="legal_person", origin="directory"
            ),
            "campaign_for_home": False,
        },
        "origin_directory",
    ),
    "random number of a company": (
        {"person": Person("company", MADRID, basis="legal_person", origin="generated")},
        "origin_generated",
    ),
    "company's number from a directory, called as a client": (
        {
            "person": Person("company", MADRID, basis="client", origin="directory"),
            "campaign": SIMILAR,
        },
        "origin_directory",
    ),
    "CLI +346 commercial": ({"campaign_caller": "+34612345678"}, "cli_mobile"),
    "CLI +347 commercial": ({"campaign_caller": "+34712345678"}, "cli_mobile"),
    "CLI +3491 commercial once 400 is mandatory": (
        {"campaign_caller": "+34912345678", "rules": Rules(cli_400_from=TODAY)},
        "cli_400_due",
    ),
    "CLI +34400 for a customer-service call": (
        {"campaign_caller": "+34400123456", "campaign_purpose": "service"},
        "cli_400_service",
    ),
}


@pytest.mark.parametrize(
    ("given", "code"), [pytest.param(*row, id=name) for name, row in C2_NEVER.items()]
)
def test_c2_blocks(given, code):
    assert_never(facts(**given), code)


LI = ("li_customer",)
C2_ALLOWED = {
    "consent valid and number in Robinson": (
        {"number": Number(robinson="present", robinson_on=TODAY)},
        "consent",
        (),
    ),
    "consent on the day of enrolling in Robinson or later": (
        {"number": Number(robinson="present", robinson_since=date(2026, 1, 10))},
        "consent",
        (),
    ),
    "consent before, and not in Robinson any more": (
        {"number": Number(robinson="absent", robinson_since=date(2026, 3, 1))},
        "consent",
        (),
    ),
    "consent of a company whose number is in Robinson later": (
        {
            "person": replace(CONSENTED, kind="company"),
            "number": Number(robinson="present", robinson_since=date(2026, 3, 1)),
        },
        "consent",
        (),
    ),
    "survey of one who agreed before enrolling in Robinson": (
        {
            "number": Number(robinson="present", robinson_since=date(2026, 3, 1)),
            "campaign_purpose": "survey",
        },
        "consent",
        (),
    ),
    "company's number from a directory": (
        {"person": Person("company", MADRID, basis="legal_person", origin="directory")},
        "legal_person",
        (),
    ),
    "consent after joining Robinson": (
        {"person_exclusions": (Exclusion("robinson", since=date(2026, 1, 9)),)},
        "consent",
        (),
    ),
    "client, similar product, not in Robinson": (
        {"person": CLIENT, "campaign": SIMILAR, "number": CHECKED},
        "client",
        LI,
    ),
    "ex-client 10 months ago who interacted, assessment on file": (
        {
            "person": replace(
                CLIENT, relation=Relation(date(2026, 1, 23), date(2026, 2, 1))
            ),
            "campaign": replace(SIMILAR, assessment=True),
            "number": CHECKED,
        },
        "client",
        ("li_customer", "review"),
    ),
    "company landline, offer to the firm": (
        {
            "person": Person("company", MADRID, basis="legal_person"),
            "number": Number("fixed"),
        },
        "legal_person",
        (),
    ),
    "autónomo, offer to the business": (
        {
            "person": Person("professional", MADRID, basis="legal_person"),
            "campaign_for_home": False,
        },
        "legal_person",
        (),
    ),
    "electricity, call-back request logged: record it whole": (
        {
            "person": Person(
                place=MADRID, basis="request", basis_on=date(2026, 11, 20)
            ),
            **BAN,
        },
        "request",
        ("record_whole",),
    ),
    "electricity to a company": (
        {"person": Person("company", MADRID, basis="legal_person"), **BAN},
        "legal_person",
        (),
    ),
    "voicebot with a consent to robots": (
        {
            "person_consents": (Consent(date(2026, 3, 1), "robot"),),
            "campaign_mode": "robot",
        },
        "consent",
        (),
    ),
    "random number with consent": ({"person_origin": "generated"}, "consent", ()),
    "directory number with consent": ({"person_origin": "directory"}, "consent", ()),
    "directory number where the company only warns": (
        {
            "person": replace(CLIENT, origin="directory"),
            "campaign": SIMILAR,
            "number": CHECKED,
            "rules": Rules(directory="warn"),
        },
        "client",
        ("li_customer", "origin_directory"),
    ),
    "CLI +3491 commercial, no date for 400": (
        {"campaign_caller": "+34912345678"},
        "consent",
        ("cli_geographic",),
    ),
    "CLI +3491 commercial before 400 is mandatory": (
        {
            "campaign_caller": "+34912345678",
            "rules": Rules(cli_400_from=date(2026, 11, 24)),
        },
        "consent",
        ("cli_400_due",),
    ),
    "CLI +34400 commercial": ({"campaign_caller": "+34400123456"}, "consent", ()),
    "CLI 900 commercial": ({"campaign_caller": "+34900123456"}, "consent", ()),
    "CLI 800 for customer service": (
        {"campaign_caller": "+34800123456", "campaign_purpose": "service"},
        "",
        (),
    ),
    "CLI +3491 for customer service": (
        {
            "campaign_caller": "+34912345678",
            "campaign_purpose": "service",
            "rules": Rules(cli_400_from=date(2026, 1, 1)),
        },
        "",
        (),
    ),
}


@pytest.mark.parametrize(
    ("given", "basis", "warns"),
    [pytest.param(*row, id=name) for name, row in C2_ALLOWED.items()],
)
def test_c2_allows(given, basis, warns):
    assert_allowed(facts(**given), basis=basis, warns=warns)


def test_c2_a_consent_counts_on_its_second_anniversary_and_not_the_day_after():
    # 2026-11-22 is a Sunday: hours are not what is asked here
    rules = Rules(hours_for="professionals", hours_purposes="all")
    open_all_day = Person("company", MADRID, basis="consent")
    on_day, late = utc("2026-11-22 12:00"), utc("2026-11-22 23:59:59")
    given = replace(open_all_day, basis_on=date(2024, 11, 22))
    assert_allowed(facts(person=given, rules=rules), on_day, "consent")
    assert_allowed(facts(person=given, rules=rules), late, "consent")
    midnight = late + timedelta(seconds=1)
    assert_never(facts(person=given, rules=rules), "consent_expired", midnight)
    given = replace(open_all_day, basis_on=date(2024, 11, 21))
    assert_never(facts(person=given, rules=rules), "consent_expired", on_day)
    strict = replace(rules, consent_last_day=False)
    given = replace(open_all_day, basis_on=date(2024, 11, 22))
    assert_never(facts(person=given, rules=strict), "consent_expired", on_day)


def test_c2_a_consent_of_2024_renewed_in_2026_counts():
    renewed = Person(
        basis="consent",
        basis_on=date(2024, 11, 21),
        place=MADRID,
        consents=(Consent(date(2026, 1, 10)),),
    )
    assert_allowed(facts(person=renewed), basis="consent")


# ---------------------------------------------------------------- C3
HOLIDAYS_2026 = [Holiday(day) for day, _name in official("", 2026)] + [
    Holiday(day, "regional", region)
    for region in REGIONS
    for day, _name in official(region, 2026)
]


def at_place(place, **given):
    """The call of a consumer there, with the holidays of 2026."""
    rules = given.get("rules", Rules())
    closed = closed_days(HOLIDAYS_2026, place, rules.unknown_place)
    return facts(person=replace(CONSENTED, place=place), closed_days=closed, **given)


C3 = [
    (MADRID, "2026-11-23 08:59:59", "hours_early", "Madrid, Monday 08:59:59"),
    (MADRID, "2026-11-23 09:00:00", None, "Madrid, Monday 09:00"),
    (MADRID, "2026-11-23 20:58:59", None, "Madrid, Monday 20:58:59"),
    (MADRID, "2026-11-23 20:59:00", "hours_late", "Madrid, no new dial from 20:59"),
    (MADRID, "2026-11-23 21:00:00", "hours_late", "Madrid, no new dial at 21:00"),
    (MADRID, "2026-11-23 21:00:01", "hours_late", "Madrid, Monday 21:00:01"),
    (MADRID, "2026-11-23 21:01:00", "hours_late", "Madrid, Monday 21:01"),
    (LAS_PALMAS, "2026-11-23 09:30", "hours_early", "Las Palmas, 08:30 local"),
    (LAS_PALMAS, "2026-11-23 21:30", None, "Las Palmas, 20:30 local"),
    (LAS_PALMAS, "2026-11-23 21:59", "hours_late", "Las Palmas, 20:59 local"),
    (MADRID, "2026-11-28 12:00", "hours_weekend", "Saturday, Madrid"),
    (LAS_PALMAS, "2026-11-28 12:00", "hours_weekend", "Saturday, Las Palmas"),
    (BARCELONA, "2026-11-29 12:00", "hours_weekend", "Sunday, Barcelona"),
    (Place(), "2026-11-29 12:00", "hours_weekend", "Sunday, place unknown"),
    (MADRID, "2026-12-08 12:00", "hours_holiday", "Inmaculada, Madrid"),
    (LAS_PALMAS, "2026-12-08 12:00", "hours_holiday", "Inmaculada, Las Palmas"),
    (BARCELONA, "2026-12-25 12:00", "hours_holiday", "Christmas, Barcelona"),
    (CEUTA, "2026-10-12 12:00", "hours_holiday", "12 October, Ceuta"),
    (Place(), "2026-10-12 12:00", "hours_holiday", "12 October, place unknown"),
    (MADRID, "2026-12-07 12:00", "hours_holiday", "7 December, Madrid"),
    (BARCELONA, "2026-12-07 12:00", None, "7 December, Barcelona"),
    (BARCELONA, "2026-09-11 12:00", "hours_holiday", "Diada, Barcelona"),
    (MADRID, "2026-09-11 12:00", None, "Diada, Madrid"),
    (CEUTA, "2026-03-20 12:00", "hours_holiday", "Eid, Ceuta"),
    (MADRID, "2026-03-20 12:00", None, "Eid, Madrid"),
    (Place(), "2026-12-07 12:00", None, "regional holiday, place unknown"),
]


@pytest.mark.parametrize(
    ("place", "madrid", "code"), [pytest.param(*row[:3], id=row[3]) for row in C3]
)
def test_c3_hours_at_the_place_of_the_person_called(place, madrid, code):
    verdict = answer(at_place(place), utc(madrid))
    assert (verdict.finding and verdict.finding.code) == code
    assert verdict.answer == ("until" if code else "allowed")


def test_c3_without_the_margin_the_last_second_is_21_00_00():
    known = at_place(MADRID, rules=Rules(last_dial=None))
    assert_allowed(known, utc("2026-11-23 20:59:00"))
    assert_allowed(known, utc("2026-11-23 21:00:00"))
    late = utc("2026-11-23 21:00:01")
    assert_until(known, utc("2026-11-24 09:00"), "hours_late", late)


def test_c3_a_regional_holiday_anywhere_stops_unknown_places_if_the_rule_is_strict():
    strict = Rules(unknown_place="strict")
    known = at_place(Place(), rules=strict)
    for day in ("2026-12-07", "2026-09-11", "2026-03-20"):
        verdict = answer(known, utc(f"{day} 12:00"))
        assert verdict.finding.code == "hours_holiday"


def test_c3_an_unknown_place_is_called_by_madrid_hours_or_by_both_if_strict():
    loose, strict = (
        at_place(Place()),
        at_place(Place(), rules=Rules(unknown_place="strict")),
    )
    for at, codes_ in (
        ("2026-11-23 09:30", (None, "hours_early")),  # 08:30 in the Canary Islands
        ("2026-11-23 10:00", (None, None)),
        ("2026-11-23 20:58:59", (None, None)),
        ("2026-11-23 21:30", ("hours_late", "hours_late")),
    ):
        for known, code in zip((loose, strict), codes_, strict=True):
            verdict = answer(known, utc(at))
            assert (verdict.finding and verdict.finding.code) == code
    assert_allowed(loose, warns=["unknown_place"])


def test_c3_a_refusal_ends_at_the_next_opening():
    tuesday = utc("2026-11-24 09:00")
    assert_until(at_place(MADRID), tuesday, "hours_late", utc("2026-11-23 22:00"))
    # Friday 4, weekend, and in Madrid the 7th and the 8th are holidays
    evening = utc("2026-12-04 20:59")
    assert_until(at_place(MADRID), utc("2026-12-09 09:00"), "hours_late", evening)
    assert_until(at_place(BARCELONA), utc("2026-12-07 09:00"), "hours_late", evening)
    verdict = decide(at_place(MADRID), utc("2026-12-08 10:00"))
    assert verdict.finding == Finding("hours_holiday", (("day", "2026-12-08"),))


CLOCKS = [("2026-03-29", 1), ("2026-10-25", -1)]


@pytest.mark.parametrize(("day", "jump"), CLOCKS, ids=["spring", "autumn"])
@pytest.mark.parametrize("place", [MADRID, LAS_PALMAS], ids=["Madrid", "Las Palmas"])
def test_c3_on_the_nights_when_clocks_change_hours_keep_to_the_clocks(place, day, jump):
    known = at_place(place)
    friday = date.fromisoformat(day) - timedelta(2)
    monday = date.fromisoformat(day) + timedelta(1)
    closes = utc(f"{friday} 20:59", place.tz)
    opens = utc(f"{monday} 09:00", place.tz)
    assert opens - closes == timedelta(hours=60 - jump, minutes=1)
    assert_until(known, opens, "hours_late", closes)


@pytest.mark.parametrize("tz", ["Europe/Madrid", "Atlantic/Canary"])
@pytest.mark.parametrize(("day", "jump"), CLOCKS, ids=["spring", "autumn"])
def test_windows_on_those_nights_have_just_the_instants_that_the_clocks_show(
    tz, day, jump
):
    the_day = date.fromisoformat(day)
    midnight = utc(f"{day} 00:00", tz)
    for start, stop in [(0, 86400), (5400, 9000), (3600, 7200), (9000, 10800)]:
        spans = day_spans(the_day, tz, start, stop)
        for seconds in range(-7200, 97200, 300):
            for at in (seconds - 1, seconds):
                instant = midnight + timedelta(seconds=at)
                there = local(instant, tz)
                shown = there.hour * 3600 + there.minute * 60 + there.second
                expected = there.date() == the_day and start <= shown < stop
                assert expected == any(a <= instant < b for a, b in spans), there
    whole = sum((b - a for a, b in day_spans(the_day, tz, 0, 86400)), timedelta())
    assert whole == timedelta(hours=24 - jump)


# ---------------------------------------------------------------- who has hours
def test_companies_are_called_at_any_hour_unless_the_rule_says_everyone():
    company = Person("company", MADRID, basis="legal_person")
    sunday = utc("2026-11-29 23:00")
    assert_allowed(facts(person=company), sunday, "legal_person")
    everyone = facts(person=company, rules=Rules(hours_for="everyone"))
    assert_until(everyone, utc("2026-11-30 09:00"), "hours_weekend", sunday)


def test_professionals_have_the_hours_of_consumers_unless_the_rule_frees_them():
    sunday = utc("2026-11-29 12:00")
    person = Person("professional", MADRID, basis="legal_person")
    business = facts(person=person, campaign_for_home=False)
    assert answer(business, sunday).finding.code == "hours_weekend"
    free = replace(business, rules=Rules(hours_for="consumers"))
    assert_allowed(free, sunday)
    # for his home he is a consumer whatever the rule
    home = replace(CONSENTED, kind="professional")
    free = facts(person=home, rules=Rules(hours_for="consumers"))
    assert answer(free, sunday).finding.code == "hours_weekend"


def test_hours_only_for_advertising_leave_customer_service_free():
    sunday = utc("2026-11-29 12:00")
    known = facts(campaign_purpose="service", rules=Rules(hours_purposes="commercial"))
    assert_allowed(known, sunday)
    assert answer(facts(campaign_purpose="service"), sunday).answer == "until"


# ---------------------------------------------------------------- campaign hours
MORNING = Window(time(10), time(13, 59, 59), frozenset({1, 3}))


def test_reserved_hours_stand_on_top_of_the_legal_ones_to_the_second():
    known = facts(campaign_windows=(MORNING,))
    assert_until(
        known, utc("2026-11-23 10:00"), "campaign_hours", utc("2026-11-23 09:59:59")
    )
    assert_allowed(known, utc("2026-11-23 13:59:59"))
    wednesday = utc("2026-11-25 10:00")
    assert_until(known, wednesday, "campaign_hours", utc("2026-11-23 14:00"))


def test_reserved_hours_hold_for_companies_too():
    company = Person("company", MADRID, basis="legal_person")
    known = facts(person=company, campaign_windows=(MORNING,))
    sunday = utc("2026-11-29 12:00")
    assert_until(known, utc("2026-11-30 10:00"), "campaign_hours", sunday)


def test_reserved_hours_outside_the_legal_ones_are_never():
    night = Window(time(22), time(23))
    verdict = answer(facts(campaign_windows=(night,)))
    assert verdict.answer == "never"


# ---------------------------------------------------------------- C1, the rest
def test_c1_1_robots_have_their_own_consent_with_its_own_two_years():
    person = Person(place=MADRID, consents=(Consent(date(2024, 1, 1), "robot"),))
    assert_never(facts(person=person, campaign_mode="robot"), "robot")
    # a survey is not advertising
    assert_allowed(facts(campaign_mode="robot", campaign_purpose="survey"))


def test_c1_2_nobody_is_called_without_a_basis():
    assert_never(facts(person=Person(place=MADRID)), "no_basis")
    assert_never(
        facts(person=Person(place=MADRID), campaign_purpose="survey"), "no_basis"
    )
    assert_allowed(facts(person=Person(place=MADRID), campaign_purpose="service"))


def test_c1_2_a_campaign_admits_only_its_bases():
    only = facts(campaign_bases=frozenset({"request"}))
    assert_never(only, "basis_not_admitted")
    assert decide(only, NOON).finding.params == (("basis", "consent"),)


def test_c1_4_a_former_client_is_out_after_a_year_without_a_word():
    def called(at, **rules):
        ended = Relation(date(2026, 1, 23), date(2025, 12, 1))
        person = replace(CLIENT, kind="company", relation=ended)
        campaign = replace(SIMILAR, assessment=True)
        return answer(facts(person=person, campaign=campaign, rules=Rules(**rules)), at)

    last = utc("2026-12-01 23:59:59")
    assert called(last).allowed
    assert called(last + timedelta(seconds=1)).finding.code == "client_no_interaction"
    assert called(last, former_client_months=9).finding.code == "client_former"


def test_c1_4_a_contract_that_ends_today_is_still_one():
    ending = replace(CLIENT, relation=Relation(TODAY))
    known = facts(person=ending, campaign=SIMILAR, number=CHECKED)
    assert_allowed(known, basis="client", warns=LI)
    evening = utc("2026-11-23 22:00")
    assert_never(known, "client_no_interaction", evening)


def test_c1_3_a_company_may_want_consent_of_its_clients_too():
    known = facts(
        person=CLIENT,
        campaign=SIMILAR,
        number=CHECKED,
        rules=Rules(client_basis="never"),
    )
    assert_never(known, "client_never")
    both = replace(known, person=replace(CLIENT, consents=(Consent(TODAY),)))
    assert_allowed(both, basis="consent")


def test_c1_7_consent_that_runs_out_before_the_hours_open_is_never():
    consented = replace(CONSENTED, basis_on=date(2024, 11, 28))
    friday = utc("2026-11-27 21:30")
    assert_never(facts(person=consented), "consent_expired", friday)


def test_c1_7_consents_without_a_date_or_of_tomorrow_do_not_count_today():
    assert_never(facts(person_basis_on=None), "consent_undated")
    tomorrow = utc("2026-11-24 09:00")
    known = facts(person_basis_on=date(2026, 11, 24))
    assert answer(known).finding.code == "consent_future"
    assert answer(known).until == tomorrow


def test_c1_7_a_withdrawal_takes_back_the_consent_of_the_file_too():
    withdrawn = Consent(date(2026, 5, 1), withdrawn_on=date(2026, 5, 2))
    assert_never(facts(person_consents=(withdrawn,)), "consent_withdrawn")
    same_day = Consent(date(2025, 1, 1), withdrawn_on=date(2026, 1, 10))
    assert_never(facts(person_consents=(same_day,)), "consent_withdrawn")
    before = Consent(date(2025, 1, 1), withdrawn_on=date(2026, 1, 9))
    # Nor does a file that is dated later bring back who withdrew.
    assert_never(facts(person_consents=(before,)), "consent_withdrawn")
    again = (withdrawn, Consent(date(2026, 5, 3)))
    assert_allowed(facts(person_consents=again), basis="consent")


def test_c1_7_consent_towards_another_advertiser_is_none():
    person = Person(place=MADRID, consents=(Consent(TODAY, for_us=False),))
    assert_never(facts(person=person), "no_basis")


@pytest.mark.parametrize(
    "reason", ["objection", "request", "internal", "deceased", "minor"]
)
@pytest.mark.parametrize("scope", ["all", "principal", "campaign"])
def test_c1_11_an_exclusion_beats_everything_but_service(reason, scope):
    known = facts(person_exclusions=(Exclusion(reason, scope),))
    assert_never(known, f"excluded_{reason}")
    survey = replace(known, campaign=Campaign("survey"))
    assert_never(survey, f"excluded_{reason}")
    service = replace(known, campaign=Campaign("service"))
    if reason == "deceased" or scope == "campaign":
        assert_never(service, f"excluded_{reason}")
    else:
        assert_allowed(service)


def test_c1_11_the_gravest_exclusion_is_the_one_that_is_said():
    both = (Exclusion("internal"), Exclusion("objection"), Exclusion("robinson"))
    assert_never(facts(person_exclusions=both), "excluded_objection")


def test_c1_13_a_consultation_of_robinson_gets_old():
    known = facts(person=CLIENT, campaign=SIMILAR)
    fresh = replace(
        known, number=Number(robinson="absent", robinson_on=date(2026, 10, 24))
    )
    assert_allowed(fresh, basis="client", warns=LI)
    stale = replace(
        known, number=Number(robinson="absent", robinson_on=date(2026, 10, 23))
    )
    assert_never(stale, "robinson_stale")
    assert_never(
        facts(person=CLIENT, campaign=SIMILAR, number=Number(robinson="absent")),
        "robinson_unchecked",
    )


def test_c1_13_robinson_by_setting_warns_or_is_not_asked():
    known = facts(person=CLIENT, campaign=SIMILAR, rules=Rules(robinson="warn"))
    assert_allowed(known, warns=["li_customer", "robinson_unchecked"])
    stale = replace(
        known, number=Number(robinson="absent", robinson_on=date(2026, 1, 1))
    )
    assert_allowed(stale, warns=["li_customer", "robinson_stale"])
    present = replace(known, number=Number(robinson="present"))
    assert_never(present, "robinson")
    off = Rules(robinson="off")
    assert_allowed(replace(known, rules=off), warns=LI)
    assert_never(replace(present, rules=off), "robinson")
    own_list = replace(CLIENT, exclusions=(Exclusion("robinson"),))
    assert_never(replace(known, rules=off, person=own_list), "robinson")


def test_who_enrolled_after_agreeing_is_few_classes_whatever_the_days():
    def plain(**given):
        return normalise(facts(**given), NOON)

    classes = {
        plain(
            person_basis_on=date(2026, 1, day),
            number=Number(robinson="present", robinson_since=date(2026, month, 1)),
        )
        for day in range(1, 29)
        for month in range(3, 11)
    }
    assert len(classes) == 1
    # nor do those whose consent holds although they are in the list
    assert plain(number=Number(robinson="present")) == plain()


def test_c1_13_robinson_is_for_natural_persons_and_advertising():
    firm = replace(CLIENT, kind="company")
    assert_allowed(facts(person=firm, campaign=SIMILAR), basis="client", warns=LI)
    listed = Number(robinson="present")
    assert_allowed(facts(person=CLIENT, campaign_purpose="survey", number=listed))
    firm = Person("company", MADRID, basis="legal_person")
    assert_allowed(facts(person=firm, number=listed), warns=["robinson"])


def test_c1_18_requests_get_old():
    asked = Person(place=MADRID, basis="request", basis_on=date(2026, 11, 20))
    assert_allowed(facts(person=asked), basis="request")
    rules = Rules(request_days=3)
    assert_allowed(facts(person=asked, rules=rules), utc("2026-11-23 20:00"))
    tomorrow = utc("2026-11-24 10:00")
    assert_never(facts(person=asked, rules=rules), "request_old", tomorrow)
    assert_never(facts(person=replace(asked, basis_on=None)), "request_undated")
    future = facts(person=replace(asked, basis_on=date(2026, 11, 24)))
    assert_until(future, utc("2026-11-24 09:00"), "request_future")


def test_c1_23_the_ban_of_the_sector_begins_on_its_day():
    banned = facts(campaign_sector="electricity", campaign_sector_ban_from=TODAY)
    company = replace(CONSENTED, kind="company")  # has no hours
    assert_never(banned, "sector_ban", utc("2026-11-23 09:00"))
    eve = utc("2026-11-20 20:58:59")
    assert_allowed(banned, eve, "consent")
    assert_never(banned, "sector_ban", eve + timedelta(seconds=1))
    assert_allowed(replace(banned, person=company), basis="consent")
    # a survey or a call about the service is no offer
    for purpose in ("survey", "service"):
        assert_allowed(facts(campaign_purpose=purpose, campaign_sector_ban_from=TODAY))


def test_c1_23_a_sector_that_wants_the_whole_call_recorded_says_so():
    known = facts(campaign_record_whole=True)
    assert_allowed(known, warns=["record_whole"])
    assert codes(decide(replace(known, direction="in"), NOON).warnings) == {
        "record_whole"
    }


def test_the_best_basis_that_holds_is_named():
    person = replace(CLIENT, consents=(Consent(date(2024, 11, 23)),))
    known = facts(person=person, campaign=SIMILAR, number=CHECKED)
    assert_allowed(known, basis="consent")
    assert_allowed(known, utc("2026-11-24 10:00"), "client", LI)
    # the consent keeps the door open when the consultation is old, and the reverse
    stale = replace(
        known, number=Number(robinson="absent", robinson_on=date(2026, 1, 1))
    )
    assert_allowed(stale, basis="consent")
    assert_never(stale, "robinson_stale", utc("2026-11-24 10:00"))


def test_people_come_of_age_on_their_birthday():
    boy = replace(CONSENTED, birthdate=date(2008, 11, 24))
    assert_until(facts(person=boy), utc("2026-11-24 09:00"), "minor")
    assert_never(facts(person=replace(boy, birthdate=date(2010, 1, 1))), "minor")
    warned = facts(person=boy, rules=Rules(minors="warn"))
    assert_allowed(warned, warns=["minor"])
    assert_allowed(facts(person=boy, campaign_purpose="service"))


def test_numbers_that_are_never_dialled():
    assert_never(facts(number_bad=True), "number_bad")
    assert_never(facts(number_kind="premium"), "number_kind")
    assert_never(
        facts(number_kind="premium", campaign_purpose="service"), "number_kind"
    )
    shared = Rules(never_kinds=frozenset({"premium", "shared_cost"}))
    assert_never(facts(number_kind="shared_cost", rules=shared), "number_kind")
    assert_allowed(facts(number_country="PT"), warns=["number_foreign"])
    assert_never(
        facts(number_country="PT", rules=Rules(foreign="never")), "number_foreign"
    )
    assert_never(facts(database_on=False), "database_off")


def test_whoever_calls_us_is_answered():
    worst = facts(
        person_exclusions=(Exclusion("deceased"),),
        number_bad=True,
        database_on=False,
        direction="in",
    )
    assert_allowed(worst, utc("2026-11-29 03:00"), "")


# ---------------------------------------------------------------- how often
def test_the_gap_and_the_lock_end_to_the_second():
    known = facts(number_last_attempt_at=NOON - timedelta(minutes=14, seconds=59))
    assert_until(known, NOON + timedelta(seconds=1), "gap")
    assert_allowed(facts(number_last_attempt_at=NOON - timedelta(minutes=15)))
    locked = facts(number_locked_until=NOON + timedelta(hours=1))
    assert_until(locked, NOON + timedelta(hours=1), "locked")
    assert_allowed(facts(number_locked_until=NOON))


def test_caps_end_at_the_companys_midnight_and_monday():
    company = Person("company", LAS_PALMAS, basis="legal_person")
    today = {"person": company, "number_attempts_on": TODAY}
    day = facts(**today, number_attempts_day=4)
    assert_until(day, utc("2026-11-24 00:00"), "attempts_day")
    assert_allowed(facts(**today, number_attempts_day=3, number_attempts_week=11))
    week = facts(**today, number_attempts_week=12)
    assert_until(week, utc("2026-11-30 00:00"), "attempts_week")
    yesterday = facts(
        person=company, number_attempts_day=9, number_attempts_on=date(2026, 11, 22)
    )
    assert_allowed(yesterday)
    last_week = facts(
        person=company, number_attempts_week=99, number_attempts_on=date(2026, 11, 22)
    )
    assert_allowed(last_week)
    in_all = facts(person=company, number_attempts=9, rules=Rules(max_total=9))
    assert_never(in_all, "attempts_total")
    assert_allowed(facts(**today, number_attempts_day=99, rules=Rules(max_day=0)))


def test_the_reason_said_is_what_stands_against_it_now():
    """At noon, with the day's calls made, it is not 'too early tomorrow'."""
    capped = facts(number_attempts_day=4, number_attempts_on=TODAY)
    assert_until(capped, utc("2026-11-24 09:00"), "attempts_day")
    evening = utc("2026-11-23 21:30")
    assert_until(capped, utc("2026-11-24 09:00"), "hours_late", evening)


def test_an_agreed_call_passes_caps_and_gap_but_neither_hours_nor_the_lock():
    capped = facts(
        number_attempts=50,
        number_attempts_day=9,
        number_attempts_week=50,
        number_attempts_on=TODAY,
        number_last_attempt_at=NOON,
        rules=Rules(max_total=5),
        agreed=Agreed(NOON),
    )
    assert_allowed(capped)
    assert_allowed(capped, NOON + timedelta(hours=1))
    assert_never(capped, "attempts_total", NOON + timedelta(hours=1, seconds=1))
    before = NOON - timedelta(minutes=5)
    assert_until(capped, NOON, "attempts_total", before)
    night = utc("2026-11-23 22:00")
    assert answer(replace(capped, agreed=Agreed(night)), night).answer == "never"
    locked = facts(number_locked_until=NOON + timedelta(minutes=1), agreed=Agreed(NOON))
    assert_until(locked, NOON + timedelta(minutes=1), "locked")


def test_a_person_who_asked_for_that_hour_is_called_outside_hours():
    night = utc("2026-12-25 22:00")
    known = at_place(MADRID, agreed=Agreed(night, outside_hours=True))
    assert_allowed(known, night)
    assert_allowed(known, night + timedelta(hours=1))
    after = night + timedelta(hours=1, seconds=1)
    assert_until(known, utc("2026-12-28 09:00"), "hours_holiday", after)
    objected = replace(known, person=replace(known.person, exclusions=(Exclusion(),)))
    assert_never(objected, "excluded_objection", night)
    early = utc("2026-12-25 12:00")
    assert_until(known, night, "hours_holiday", early)


# ---------------------------------------------------------------- closing
def test_the_next_closing_is_that_of_hours_holidays_and_windows():
    known = at_place(MADRID)
    assert next_closing(known, NOON) == utc("2026-11-23 20:59")
    # closed: the closing after the next opening
    assert next_closing(known, utc("2026-11-23 20:59")) == utc("2026-11-24 20:59")
    assert next_closing(known, utc("2026-12-05 12:00")) == utc("2026-12-09 20:59")
    window = replace(known, campaign=Campaign(windows=(MORNING,)))
    assert next_closing(window, NOON) == utc("2026-11-23 14:00")
    touching = (Window(time(9), time(13, 59, 59)), Window(time(14), time(16)))
    window = replace(known, campaign=Campaign(windows=touching))
    assert next_closing(window, NOON) == utc("2026-11-23 16:00:01")
    company = replace(CONSENTED, kind="company")
    assert next_closing(facts(person=company), NOON) is None
    # caps and consents are none of its business
    capped = facts(number_attempts_day=4, number_attempts_on=TODAY)
    assert next_closing(capped, NOON) == utc("2026-11-23 20:59")
    assert next_closing(facts(direction="in"), NOON) is None


def test_windows_that_go_on_over_midnight_close_when_they_end():
    company = replace(CONSENTED, kind="company")
    windows = (
        Window(time(22), time(23, 59, 59), frozenset({1})),
        Window(time(0), time(1, 59, 59), frozenset({2})),
    )
    known = facts(person=company, campaign_windows=windows)
    assert next_closing(known, utc("2026-11-23 23:00")) == utc("2026-11-24 02:00")
    always = (Window(time(0), time(23, 59, 59)),)
    known = facts(person=company, campaign_windows=always)
    assert_allowed(known)
    assert next_closing(known, NOON) is None


def test_an_answer_holds_until_the_first_rule_that_closes():
    assert allowed_until(facts(), NOON) == utc("2026-11-23 20:59")
    company = replace(CONSENTED, kind="company")
    assert allowed_until(facts(person=company), NOON) is None
    expiring = replace(company, basis_on=date(2024, 11, 25))
    assert allowed_until(facts(person=expiring), NOON) == utc("2026-11-26 00:00")


# ---------------------------------------------------------------- caller
@pytest.mark.parametrize(
    ("number", "purpose", "refused", "warned"),
    [
        ("+34612345678", "commercial", "cli_mobile", None),
        ("+34712345678", "service", "cli_mobile", None),
        ("+34612345678", "survey", "cli_mobile", None),
        ("+34400123456", "service", "cli_400_service", None),
        ("+34400123456", "commercial", None, None),
        ("+34912345678", "commercial", None, "cli_geographic"),
        ("+34822123456", "commercial", None, "cli_geographic"),
        ("+34912345678", "service", None, None),
        ("+34900123456", "commercial", None, None),
        ("+34800123456", "service", None, None),
        ("+33612345678", "commercial", None, None),
        ("", "commercial", None, None),
    ],
)
def test_the_number_shown(number, purpose, refused, warned):
    got = check_caller(number, purpose, TODAY, Rules())
    assert tuple(f and f.code for f in got) == (refused, warned)


def test_400_becomes_mandatory_on_its_day():
    rules = Rules(cli_400_from=TODAY)
    eve = TODAY - timedelta(1)
    refused, warned = check_caller("+34912345678", "commercial", eve, rules)
    assert refused is None and warned.code == "cli_400_due"
    refused, warned = check_caller("+34912345678", "commercial", TODAY, rules)
    assert refused.code == "cli_400_due" and warned is None
    assert "2026-11-23" in text(refused)


# ---------------------------------------------------------------- calendars
def test_holidays_of_2026_are_those_of_the_boe():
    national = [f"{d.day}/{d.month}" for d, _name in official("", 2026)]
    assert national == ["1/1", "6/1", "3/4", "1/5", "15/8", "12/10", "8/12", "25/12"]
    for region, days in {
        "MD": ["2/4", "2/5", "2/11", "7/12"],
        "CT": ["6/4", "24/6", "11/9", "26/12"],
        "AN": ["28/2", "2/4", "2/11", "7/12"],
        "VC": ["19/3", "6/4", "24/6", "9/10"],
    }.items():
        assert [f"{d.day}/{d.month}" for d, _name in official(region, 2026)] == days
    assert dict(official("", 2026))[date(2026, 12, 25)] == "Natividad del Señor"


def test_every_province_has_a_calendar():
    assert len(REGIONS) == 19
    for province in PROVINCES.values():
        closed = closed_days(HOLIDAYS_2026, Place(province.ine))
        assert date(2026, 12, 25) in closed
        assert 10 <= len(closed) <= 14, province
    with pytest.raises(ValueError, match="XX"):
        official("XX", 2026)


@pytest.mark.parametrize("year", [2026, 2027])
def test_national_less_moved_plus_regional_is_each_regions_calendar(year):
    for region in REGIONS:
        days = {d for d, _name in official("", year) + official(region, year)}
        days -= {d for d, _name in substituted(region, year)}
        assert days == set(country_holidays("ES", subdiv=region, years=year))


def test_a_region_that_moves_a_national_day_is_told(monkeypatch):
    def moved(country, subdiv=None, **kwargs):
        days = country_holidays(country, subdiv=subdiv, **kwargs)
        if subdiv == "CT":
            days.pop(date(2031, 1, 6))
        return days

    monkeypatch.setattr("holidays.country_holidays", moved)
    assert substituted("CT", 2031) == ((date(2031, 1, 6), "Epifanía del Señor"),)
    assert substituted("MD", 2031) == ()


def test_a_town_closes_on_its_own_days_and_may_work_on_wider_ones():
    days = [date(2026, 5, d) for d in range(1, 8)]
    rows = [
        Holiday(days[0]),
        Holiday(days[1], "regional", region="MD"),
        Holiday(days[2], "provincial", province="28"),
        Holiday(days[3], "local", province="28", municipality="getafe"),
        Holiday(days[4], "local", province="08", municipality="getafe"),
        Holiday(days[5], "regional", region="CT"),
        Holiday(days[1], "local", province="28", municipality="getafe", works=True),
        Holiday(days[0], "regional", region="CT", works=True),
    ]
    assert closed_days(rows, Place("28")) == set(days[:3])
    assert closed_days(rows, Place("28", "getafe")) == {days[0], days[2], days[3]}
    assert closed_days(rows, Place("08")) == {days[5]}
    assert closed_days(rows, Place("41")) == {days[0]}
    assert closed_days(rows, Place()) == {days[0]}
    strict = closed_days(rows, Place(), "strict")
    assert strict == {days[0], days[1], days[2], days[5]}
    # the policy is for places that nobody knows
    assert closed_days(rows, Place("41"), "strict") == {days[0]}


def test_a_working_day_takes_nothing_from_its_own_level():
    day = date(2026, 5, 4)
    rows = [Holiday(day, "regional", "MD"), Holiday(day, "regional", "MD", works=True)]
    assert closed_days(rows, MADRID) == {day}


GEOCODER_NAMES = {"Seville": "41", "Álmería": "04"}  # slips of the library


def test_every_geographic_prefix_is_of_the_province_that_the_library_says():
    seen = set()
    for first, second, third in itertools.product("89", "12345678", "0123456789"):
        e164 = f"+34{first}{second}{third}123456"
        number = phonenumbers.parse(e164)
        name = geocoder.description_for_number(number, "es")
        if phonenumbers.is_valid_number(number) and name:
            ine = GEOCODER_NAMES.get(name) or find_province(name).ine
            assert province_of_number(e164) == ine, (e164, name)
            seen.add(ine)
        else:
            assert province_of_number(e164) == "", e164
    assert seen == set(PROVINCES) - {"51", "52"}  # share those of Cádiz and Málaga


@pytest.mark.parametrize(
    "e164",
    ["+34612345678", "+34900123456", "+34902123456", "+34400123456", "+34803123456"]
    + ["+351912345678", "", "912345678", "+3491234567", None],
)
def test_other_numbers_have_no_province(e164):
    assert province_of_number(e164) == ""


# ---------------------------------------------------------------- terms
def test_terms_of_the_law():
    assert withdrawal_until(date(2026, 11, 22)) == date(2026, 12, 6)
    assert withdrawal_until(date(2026, 11, 22), informed=False) == date(2027, 12, 6)
    assert objection_proof_due(date(2027, 1, 31)) == date(2027, 2, 28)
    assert objection_proof_due(date(2026, 11, 22)) == date(2026, 12, 22)
    assert objection_kept_until(date(2026, 11, 22)) == date(2027, 11, 23)
    assert recording_due(date(2026, 11, 22)) == date(2026, 12, 12)
    assert consent_until(date(2024, 11, 22)) == date(2026, 11, 22)
    assert consent_until(date(2024, 11, 22), 2, False) == date(2026, 11, 21)
    assert consent_until(date(2024, 2, 29)) == date(2026, 2, 28)
    assert consent_until(date(9999, 1, 1)) == date.max
    assert client_until(date(2026, 1, 23)) == date(2027, 1, 23)
    assert interaction_until(date(2024, 2, 29)) == date(2025, 2, 28)
    assert adult_on(date(2008, 11, 24)) == date(2026, 11, 24)
    assert adult_on(date(2008, 2, 29)) == date(2026, 3, 1)


# ---------------------------------------------------------------- reasons
def test_whoever_practises_is_allowed_at_any_hour_and_a_bad_number_is_no_use():
    sunday = utc("2026-11-29 23:00")
    barred = Person(
        kind="consumer",
        place=LAS_PALMAS,
        birthdate=date(2020, 1, 1),
        exclusions=(Exclusion("objection", "all"),),
    )
    real = Facts(person=barred, number=Number(robinson="present", attempts_day=99))
    practice = replace(real, training=True)
    for at in (NOON, sunday):
        assert decide(real, at).answer == "never"
        assert decide(practice, at).allowed
        assert decide(normalise(practice, at), at).allowed
        assert next_closing(practice, at) is allowed_until(practice, at) is None
        bad = replace(practice, number=Number(bad=True))
        assert codes([decide(bad, at).finding]) == {"number_bad"}
        assert decide(normalise(bad, at), at) == decide(bad, at)
    assert hours_against(practice, NOON) is None
    assert hours_against(practice, sunday).code == "hours_weekend"


def test_every_reason_has_words_and_says_its_article():
    for code, reason in REASONS.items():
        assert reason.short and reason.sentence and len(reason.short) <= 36, code
        assert reason.sentence[0].isupper() and not reason.sentence.endswith("."), code
    for code in ("hours_early", "hours_late", "hours_weekend", "hours_holiday"):
        assert article(code) == "TRLGDCU art. 96.2"
    assert article("consent_expired") == "TRLGDCU art. 62.1"
    assert article("robinson") == "LOPDGDD art. 23.4"
    assert article("number_bad") == article("no such code") == ""


def test_sentences_are_made_in_the_users_language():
    kind = Finding("number_kind", (("kind", "premium"),))
    assert text(kind).endswith("premium rate")
    spanish = {
        "premium rate": "tarificación adicional",
        REASONS["number_kind"].sentence: "Nunca se llama a: %(kind)s",
        REASONS["number_kind"].short: "Tipo de número",
        REASONS["hours_early"].sentence: "Demasiado pronto: %(abre)s",
    }
    translate = lambda source: spanish.get(source, source)  # noqa: E731
    assert text(kind, translate) == "Nunca se llama a: tarificación adicional"
    assert short("number_kind", translate) == "Tipo de número"
    # a translator's slip loses no report
    early = Finding("hours_early", (("opens", "09:00"),))
    assert text(early, translate) == text(early)
    shown = text(early, shown=lambda name, value: f"{name} {value}")
    assert shown.endswith("opens 09:00")
    assert text(Finding("odd")) == short("odd") == "odd"
    assert set(WORDS) >= {"consent", "client", "legal_person", "request", "premium"}
