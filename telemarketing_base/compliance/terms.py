"""Terms that the law counts in days, months and years.

Days are calendar days where the person is. A term by months or years ends on the
day of the same number; where that month has none, on its last day (art. 5.1 Código
Civil): a year from 29 February ends on 28 February.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta

#: Right of withdrawal, in days (TRLGDCU art. 104).
WITHDRAWAL_DAYS = 14
#: Months more where the consumer was not told of it (TRLGDCU art. 105).
WITHDRAWAL_UNTOLD_MONTHS = 12
#: Days to hand over the recording of an electricity sale (RD 88/2026 art. 13.1.y).
RECORDING_DAYS = 20
#: Months to send the proof of an objection (TRLGDCU art. 96.5).
OBJECTION_PROOF_MONTHS = 1
#: Years for which the data of an objection are kept at least (TRLGDCU art. 96.5).
OBJECTION_KEPT_YEARS = 1
#: Years for which a consent to be called counts (TRLGDCU art. 62.1).
CONSENT_YEARS = 2
#: Years without contract, request or interaction after which nobody expects to be
#: called (Circular AEPD 1/2023 art. 3).
INTERACTION_YEARS = 1
#: Age of majority (Constitución art. 12, Código Civil art. 240).
ADULT_YEARS = 18


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last one of a shorter month.

    Stops at the ends of the calendar (years 1 and 9999).
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > 9999:
        return date.max
    if year < 1:
        return date.min
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def add_years(day: date, years: int) -> date:
    """The same day so many years later; 28 February for a 29th that is not there."""
    return add_months(day, 12 * years)


def add_days(day: date, days: int) -> date:
    """So many days later, never past the ends of the calendar."""
    try:
        return day + timedelta(days)
    except OverflowError:
        return date.max if days > 0 else date.min


def withdrawal_until(concluded_on: date, informed: bool = True) -> date:
    """Last day on which the consumer may withdraw: 14 calendar days, the last one
    included (TRLGDCU arts. 102 and 104.a); not ``informed`` of it, 12 months more
    (art. 105)."""
    until = add_days(concluded_on, WITHDRAWAL_DAYS)
    return until if informed else add_months(until, WITHDRAWAL_UNTOLD_MONTHS)


def objection_proof_due(asked_on: date) -> date:
    """Last day for the proof that somebody objected: one month from the day on which
    it was asked for (TRLGDCU art. 96.5)."""
    return add_months(asked_on, OBJECTION_PROOF_MONTHS)


def objection_kept_until(made_on: date) -> date:
    """First day on which the data of an objection may go: kept one year at least
    (TRLGDCU art. 96.5)."""
    return add_days(add_years(made_on, OBJECTION_KEPT_YEARS), 1)


def recording_due(asked_on: date) -> date:
    """Last day to hand over the recording of an electricity call to the person who
    asks for it: 20 days (RD 88/2026 art. 13.1.y), taken as calendar days."""
    return add_days(asked_on, RECORDING_DAYS)


def consent_until(
    given_on: date, years: int = CONSENT_YEARS, last_day: bool = True
) -> date:
    """Last day on which a consent counts: given or expressly renewed in the two years
    before the call (TRLGDCU art. 62.1). ``last_day``: the anniversary itself counts
    (our reading, a setting)."""
    anniversary = add_years(given_on, years)
    return anniversary if last_day else add_days(anniversary, -1)


def client_until(ended_on: date, months: int = 12) -> date:
    """Last day on which a former client may still be held for one, if there was an
    interaction too (Circular AEPD 1/2023 art. 3)."""
    return add_months(ended_on, months)


def interaction_until(interacted_on: date) -> date:
    """Last day on which something that the person did or asked makes a call expected:
    one year (Circular AEPD 1/2023 art. 3)."""
    return add_years(interacted_on, INTERACTION_YEARS)


def adult_on(birthdate: date) -> date:
    """Day on which somebody comes of age; the day of birth counts whole (Código Civil
    art. 315). Born on a 29 February: 1 March, the careful reading."""
    day = add_years(birthdate, ADULT_YEARS)
    return add_days(day, 1) if day.day != birthdate.day else day
