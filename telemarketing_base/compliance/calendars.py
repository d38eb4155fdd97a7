"""Whose holidays, which province, what time there.

The law does not say whose holidays count: we take the place of the person called.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from ..identity.postcode import PROVINCES
from .facts import Holiday, Place

#: From the widest to the narrowest.
LEVELS = ("national", "regional", "provincial", "local")
#: Autonomous communities as the library ``holidays`` calls them.
REGIONS = tuple(sorted({p.region for p in PROVINCES.values()}))


def local(at: datetime, tz: str) -> datetime:
    """Naive UTC instant as naive local time of ``tz`` ('Europe/Madrid')."""
    return at.replace(tzinfo=timezone.utc).astimezone(ZoneInfo(tz)).replace(tzinfo=None)


# ------------------------------------------------------------------ holidays
def _applies(holiday: Holiday, place: Place, region: str, strict: bool) -> bool:
    """Is it a holiday of this place? An unknown place has every regional and
    provincial one if ``strict``, and never those of a town."""
    level = holiday.level
    if level == "national":
        return True
    if not place.known:
        return strict and level in ("regional", "provincial") and not holiday.works
    if level == "regional":
        return holiday.region == region
    if level == "provincial":
        return holiday.province == place.province
    return (
        bool(place.municipality)
        and holiday.municipality == place.municipality
        and holiday.province in ("", place.province)
    )


def closed_days(
    holidays: Iterable[Holiday], place: Place, policy: str = "national"
) -> frozenset[date]:
    """The holidays of a place (TRLGDCU art. 96.2; calendar: Estatuto de los
    Trabajadores art. 37.2), weekends not among them.

    A row that ``works`` takes away the days of wider calendars and none of its own
    level. ``policy`` is ``Rules.unknown_place``: with 'strict' a person of unknown
    place has the holidays of every region and province, else the national ones.
    """
    province = PROVINCES.get(place.province)
    region = province.region if province else ""
    strict = policy == "strict"
    rows = [h for h in holidays if _applies(h, place, region, strict)]
    closed: set[date] = set()
    for level in LEVELS:
        of_level = [h for h in rows if h.level == level]
        closed -= {h.day for h in of_level if h.works}
        closed |= {h.day for h in of_level if not h.works}
    return frozenset(closed)


@functools.lru_cache(maxsize=256)
def official(region: str, year: int) -> tuple[tuple[date, str], ...]:
    """Public holidays by the library ``holidays``, in order of date, with their
    Spanish names: of the whole country (region ''), or those that a region adds to
    them ('MD', 'CT'…: REGIONS). Years that the BOE has not published yet are the
    library's computation. ValueError: no such region."""
    import holidays  # here: it is slow to load and few processes need it

    national = holidays.country_holidays("ES", years=year, language="es")
    if not region:
        return tuple(sorted(national.items()))
    if region not in REGIONS:
        raise ValueError(f"no region {region!r}")
    there = holidays.country_holidays("ES", subdiv=region, years=year, language="es")
    return tuple(sorted((d, name) for d, name in there.items() if d not in national))


@functools.lru_cache(maxsize=256)
def substituted(region: str, year: int) -> tuple[tuple[date, str], ...]:
    """Holidays of the whole country that a region does not keep that year, having put
    others in their place (Estatuto de los Trabajadores art. 37.2). ValueError: no
    such region."""
    import holidays

    if region not in REGIONS:
        raise ValueError(f"no region {region!r}")
    there = holidays.country_holidays("ES", subdiv=region, years=year, language="es")
    return tuple((d, name) for d, name in official("", year) if d not in there)


# ------------------------------------------------------------------ numbers
# the digits that follow 8 or 9 (Plan Nacional de Numeración, RD 2296/2004); Ceuta
# shares 956 with Cádiz and Melilla 951 and 952 with Málaga
_PREFIXES = """
1:28 3:08
20:05 21:40 22:38 23:37 24:06 25:45 26:13 27:10 28:35
41:26 42:39 43:20 44:48 45:01 46:48 47:09 48:31 49:19
50:04 51:29 52:29 53:23 54:41 55:41 56:11 57:14 58:18 59:21
60:46 61:46 62:46 63:46 64:12 65:03 66:03 67:02 68:30 69:16
71:07 72:17 73:25 74:22 75:42 76:50 77:43 78:44 79:34
80:49 81:15 82:27 83:47 84:33 85:33 86:36 87:24 88:32
"""
_PROVINCE_OF = dict(pair.split(":") for pair in _PREFIXES.split())
_GEOGRAPHIC = re.compile(r"\+34[89]([1-8])([0-9])[0-9]{6}")


def province_of_number(e164: str) -> str:
    """INE code of the province of a geographic number ('+34912345678': '28'), ''
    for any other. Numbers of Ceuta and Melilla cannot be told from those of Cádiz
    and Málaga, whose code they get."""
    match = _GEOGRAPHIC.fullmatch(e164 or "")
    if not match:
        return ""
    first, second = match.groups()
    return _PROVINCE_OF.get(first) or _PROVINCE_OF.get(first + second, "")


# ------------------------------------------------------------------ local days
_SECOND = timedelta(seconds=1)
_UTC = timezone.utc


def _utc(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(_UTC).replace(tzinfo=None)


@functools.lru_cache(maxsize=8192)
def day_start(day: date, tz: str) -> datetime:
    """First instant of a local day, naive UTC; the ends of time for the first and
    last years of the calendar."""
    if day.year < 1000:
        return datetime.min
    if day.year > 9000:
        return datetime.max
    return _utc(datetime(day.year, day.month, day.day), ZoneInfo(tz))


def day_end(day: date, tz: str) -> datetime:
    """First instant after a local day, naive UTC."""
    if day.year > 9000:
        return datetime.max
    return day_start(day + timedelta(1), tz)


@functools.lru_cache(maxsize=16384)
def day_spans(
    day: date, tz: str, start: int, stop: int
) -> tuple[tuple[datetime, datetime], ...]:
    """The instants of a local day at which its clocks show a time in [start, stop),
    in seconds from 0:00, as UTC spans [from, to).

    Exact on the nights when clocks change: a time that is skipped has no instant,
    one that comes twice has two.
    """
    if stop <= start:
        return ()
    zone = ZoneInfo(tz)
    first, end = day_start(day, tz), day_end(day, tz)
    midnight = datetime(day.year, day.month, day.day)
    before, after = local(first, tz) - first, local(end - _SECOND, tz) - end + _SECOND
    if before == after:
        parts = [(first, end, before)]
    else:
        low, high = first, end  # the clocks change in (low, high]
        while high - low > _SECOND:
            middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
            shown = middle.replace(tzinfo=_UTC).astimezone(zone).utcoffset()
            low, high = (middle, high) if shown == before else (low, middle)
        parts = [(first, high, before), (high, end, after)]
    spans = []
    for low, high, offset in parts:
        a = max(low, midnight + timedelta(seconds=start) - offset)
        b = min(high, midnight + timedelta(seconds=stop) - offset)
        if a < b:
            spans.append((a, b))
    return tuple(spans)
