"""Free slots of one person: working hours, less appointments, less the way to them.

Instants are naive UTC ``datetime``; zones are ``tzinfo``. Nothing here knows Odoo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo

UTC = timezone.utc
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Busy:
    """A time that is taken. ``place``: None where nobody has to go anywhere (a call,
    work at one's desk); else the postcode, '' if the place has none that is known."""

    start: datetime
    stop: datetime
    place: str | None = None


@dataclass(frozen=True)
class Rule:
    """How appointments are offered, in minutes.

    ``grid``: slots begin every so many minutes of the local hour; ``travel``: the way
    between two places; ``near``: within one postcode.
    """

    minutes: int
    grid: int = 30
    travel: int = 0
    near: int = 0

    def gap(self, one: str | None, other: str | None) -> timedelta:
        """The way between two appointments; none where one of them is not a visit."""
        if one is None or other is None:
            return timedelta()
        same = bool(one) and one == other
        return MINUTE * (min(self.near, self.travel) if same else self.travel)


def merge(intervals):
    """Intervals sorted, those that touch or overlap made one, empty ones dropped.

    :param intervals: ``[(datetime, datetime)]`` :return: the same, as a list
    """
    merged = []
    for start, stop in sorted(intervals):
        if stop <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def subtract(intervals, taken):
    """What of ``intervals`` none of ``taken`` covers; both merged first."""
    free = []
    taken = merge(taken)
    for start, stop in merge(intervals):
        for from_, to in taken:
            if to <= start or from_ >= stop:
                continue
            if from_ > start:
                free.append((start, from_))
            start = max(start, to)
        if start < stop:
            free.append((start, stop))
    return free


def _taken(busy, place, rule):
    """Appointments with the way before and after them, for who goes to ``place``."""
    return [
        (each.start - gap, each.stop + gap)
        for each in busy
        # An appointment that takes no time (a reminder) hinders nobody.
        if each.stop > each.start
        for gap in (rule.gap(place, each.place),)
    ]


def _grid(start, last, step, zone):
    """Instants from ``start`` to ``last`` at which the local clock shows a multiple of
    ``step`` minutes, also on the days when the clock is changed."""
    at = start.replace(second=0, microsecond=0)
    if at < start:
        at += MINUTE
    while at <= last:
        local = at.replace(tzinfo=UTC).astimezone(zone)
        past = (local.hour * 60 + local.minute) % step
        if past:
            at += MINUTE * (step - past)
            continue
        yield at
        at += MINUTE * step


def free_slots(work, busy, rule, zone, place=None, not_before=None):
    """Instants at which an appointment may begin.

    Every instant of the grid that is free is offered; a free time that is long enough
    and holds none of them is offered from its first minute.

    :param work: working hours, ``[(datetime, datetime)]``
    :param busy: ``[Busy]``
    :param zone: ``tzinfo`` of the clock by which slots are round
    :param place: of the appointment, as in ``Busy``
    :param not_before: nothing begins before this instant
    :return: sorted list of ``datetime``
    """
    length = MINUTE * rule.minutes
    slots = []
    for start, stop in subtract(work, _taken(busy, place, rule)):
        if not_before and not_before > start:
            start = not_before
        last = stop - length
        if start > last:
            continue
        found = list(_grid(start, last, max(1, rule.grid), zone))
        if not found:
            whole = start.replace(second=0, microsecond=0)
            whole += MINUTE if whole < start else timedelta()
            found = [whole] if whole <= last else []
        slots += found
    return slots


def is_free(start, work, busy, rule, place=None):
    """May an appointment begin at this very instant, on the grid or off it?"""
    stop = start + MINUTE * rule.minutes
    return any(
        from_ <= start and stop <= to
        for from_, to in subtract(work, _taken(busy, place, rule))
    )


def day_bounds(day: date, zone: tzinfo, days: int = 1) -> tuple[datetime, datetime]:
    """Where these local days begin and end; one has 23 or 25 hours when the clock is
    changed."""
    return _midnight(day, zone), _midnight(day + timedelta(days=days), zone)


def all_day(first: date, last: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """The instants that whole days take, the last one included."""
    return day_bounds(first, zone, (last - first).days + 1)


def _midnight(day, zone):
    local = datetime.combine(day, time(), zone)
    return local.astimezone(UTC).replace(tzinfo=None)


def postcode_of(text: str | None) -> str:
    """The Spanish postcode in an address, '' without one. Of several the last: street
    numbers come before it."""
    found = re.findall(r"(?<!\d)(?:0[1-9]|[1-4]\d|5[0-2])\d{3}(?!\d)", text or "")
    return found[-1] if found else ""
