from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

# Parts of a day, by the clock on the person's wall: from (included) to (excluded).
# Together they are the hours of TRLGDCU art. 8.3: nobody is rung outside them.
PARTS = {
    "morning": (time(9), time(14)),
    "afternoon": (time(14), time(18)),
    "evening": (time(18), time(21)),
}
# However much a delay grows, a person is asked for again within a year.
MAX_MINUTES = 366 * 24 * 60
_UTC = timezone.utc


@dataclass(frozen=True)
class Rule:
    """What a result says of the next attempt.

    ``minutes``: first delay. ``backoff``: by how much each attempt multiplies it
    (1: always the same). ``max_minutes``: a grown delay is no longer than this
    (0: no bound but a year). ``part``: ``any``, ``other`` (another part of the day
    than that of the last attempt), ``morning``, ``afternoon``, ``evening``.
    ``max_attempts``: so many and no more (0: no bound).
    """

    minutes: int
    backoff: float = 1.0
    max_minutes: int = 0
    part: str = "any"
    max_attempts: int = 0


def delay(rule: Rule, attempts: int) -> timedelta:
    """How long to wait after so many attempts (1: the first has just been made)."""
    bound = min(rule.max_minutes or MAX_MINUTES, MAX_MINUTES)
    try:
        minutes = rule.minutes * max(rule.backoff, 1.0) ** max(attempts - 1, 0)
    except OverflowError:
        minutes = math.inf
    # A bound below the first delay bounds the growth, not what was asked for.
    return timedelta(minutes=int(min(minutes, max(bound, rule.minutes), MAX_MINUTES)))


def part_of(instant: datetime, tz: str) -> str | None:
    """The part of the day of a naive UTC instant at that place; None at night."""
    local = instant.replace(tzinfo=_UTC).astimezone(ZoneInfo(tz)).time()
    for name, (start, end) in PARTS.items():
        if start <= local < end:
            return name
    return None


def next_call(
    rule: Rule, attempts: int, closed_at: datetime, tz: str
) -> datetime | None:
    """When the next attempt is due, naive UTC; None when there is none any more.

    ``attempts``: made so far, the one just closed included. ``closed_at``: naive UTC.
    ``tz``: of the person, not asked where any hour will do. Never earlier than the
    delay; whether the law allows that instant is asked elsewhere.
    """
    if rule.max_attempts and attempts >= rule.max_attempts:
        return None
    at = closed_at + delay(rule, attempts)
    if rule.part == "any":
        return at
    if rule.part == "other":
        last = part_of(closed_at, tz)
        wanted = [name for name in PARTS if name != last]
    else:
        wanted = [rule.part]
    zone = ZoneInfo(tz)
    day = at.replace(tzinfo=_UTC).astimezone(zone).date()
    # Each end is turned into an instant by itself, so that a day with 23 or 25 hours
    # has its parts where its clock shows them. Two days skipped by a zone are few.
    for ahead in range(4):
        for name in wanted:
            start, end = (
                datetime.combine(day + timedelta(days=ahead), hour, zone)
                .astimezone(_UTC)
                .replace(tzinfo=None)
                for hour in PARTS[name]
            )
            if max(start, at) < end:
                return max(start, at)
    return at
