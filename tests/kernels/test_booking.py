"""Free slots: nobody is in two places, and no free hour is hidden from the agent."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.telemarketing_base.booking import (
    Busy,
    Rule,
    all_day,
    day_bounds,
    free_slots,
    is_free,
    merge,
    postcode_of,
)

MADRID = ZoneInfo("Europe/Madrid")
CANARY = ZoneInfo("Atlantic/Canary")
UTC = ZoneInfo("UTC")
DAY = date(2026, 11, 24)
VALENCIA, TORRENT = "46002", "46900"


def at(clock, day=DAY, zone=MADRID):
    hour, minute = map(int, clock.split(":"))
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
    return local.astimezone(UTC).replace(tzinfo=None)


def span(text, *place):
    start, stop = text.split("-")
    return Busy(at(start), at(stop), *place)


def clocks(slots, zone=MADRID):
    return [
        slot.replace(tzinfo=UTC).astimezone(zone).strftime("%H:%M") for slot in slots
    ]


MORNING = [(at("09:00"), at("14:00"))]
VISIT = Rule(60, grid=60, travel=30, near=10)


@pytest.mark.parametrize(
    ("busy", "place", "expected"),
    [
        ([], VALENCIA, "09:00 10:00 11:00 12:00 13:00"),
        # From another place: half an hour before and after.
        (["11:00-12:00", TORRENT], VALENCIA, "09:00 13:00"),
        # Within the postcode: ten minutes.
        (["11:15-12:15", VALENCIA], VALENCIA, "09:00 10:00 13:00"),
        # A place without postcode is another place.
        (["11:00-12:00", ""], "", "09:00 13:00"),
        # A call needs no way, to it or from it.
        (["11:00-12:00", None], VALENCIA, "09:00 10:00 12:00 13:00"),
        (["11:00-12:00", TORRENT], None, "09:00 10:00 12:00 13:00"),
        # The way counts although the visit itself is outside working hours.
        (["08:00-08:50", TORRENT], VALENCIA, "10:00 11:00 12:00 13:00"),
        (["08:00-20:00", None], None, ""),
        (["10:00-10:00", VALENCIA], TORRENT, "09:00 10:00 11:00 12:00 13:00"),
    ],
)
def test_way_before_and_after_a_visit(busy, place, expected):
    busy = [span(*busy)] if busy else []
    assert clocks(free_slots(MORNING, busy, VISIT, MADRID, place)) == expected.split()


def test_gap_that_no_round_hour_fits_is_offered_from_its_first_minute():
    busy = [span("09:00-10:10"), span("11:20-14:00")]
    rule = Rule(60, grid=60)
    assert clocks(free_slots(MORNING, busy, rule, MADRID)) == ["10:10"]


def test_nothing_is_offered_in_the_past():
    slots = free_slots(MORNING, [], VISIT, MADRID, not_before=at("11:01"))
    assert clocks(slots) == ["12:00", "13:00"]


def test_lunch_is_no_time_for_a_visit_that_begins_before_it():
    work = [(at("09:00"), at("13:30")), (at("15:00"), at("18:00"))]
    slots = clocks(free_slots(work, [], Rule(90, grid=60), MADRID))
    assert slots == ["09:00", "10:00", "11:00", "12:00", "15:00", "16:00"]


def test_halves_of_a_shift_that_touch_are_one():
    work = [(at("09:00"), at("12:00")), (at("12:00"), at("14:00"))]
    assert "11:30" in clocks(free_slots(work, [], Rule(60), MADRID))


def test_holiday_of_several_days_takes_them_whole():
    busy = [Busy(*all_day(DAY, DAY + timedelta(days=1), MADRID))]
    work = [(at("09:00", day), at("10:00", day)) for day in map(_later, range(3))]
    slots = free_slots(work, busy, Rule(60, grid=60), MADRID)
    assert slots == [at("09:00", _later(2))]


def _later(days):
    return DAY + timedelta(days=days)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (DAY, 24)]
)
def test_day_when_the_clock_is_changed_has_its_hours(day, hours):
    for zone in (MADRID, CANARY):
        start, stop = day_bounds(day, zone)
        assert stop - start == timedelta(hours=hours)
        slots = free_slots([(start, stop)], [], Rule(60, grid=60), zone)
        assert len(slots) == hours
        assert all(clock.endswith(":00") for clock in clocks(slots, zone))


def test_hours_are_round_where_the_zone_has_half_hours():
    zone = ZoneInfo("Asia/Kolkata")
    start, stop = day_bounds(DAY, zone)
    slots = free_slots([(start, stop)], [], Rule(60, grid=60), zone)
    assert len(slots) == 24
    assert {slot.minute for slot in slots} == {30}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Calle Mayor 12, 46002 València", "46002"),
        ("Ctra. 28013 km 3, 46900 Torrent", "46900"),
        ("Av. del Puerto 99999", ""),
        ("Tel. 612345678", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_postcode_is_read_in_an_address(text, code):
    assert postcode_of(text) == code


BASE = at("00:00")
instants = st.integers(0, 3 * 24 * 60).map(lambda n: BASE + timedelta(minutes=n))
pairs = st.tuples(instants, st.integers(0, 600)).map(
    lambda pair: (pair[0], pair[0] + timedelta(minutes=pair[1]))
)
places = st.sampled_from([None, "", VALENCIA, TORRENT])
appointments = st.tuples(pairs, places).map(lambda each: Busy(*each[0], each[1]))
rules = st.builds(
    Rule,
    minutes=st.integers(1, 300),
    grid=st.sampled_from([5, 10, 15, 20, 30, 60]),
    travel=st.integers(0, 120),
    near=st.integers(0, 120),
)
cases = (
    st.lists(pairs, max_size=6),
    st.lists(appointments, max_size=8),
    rules,
    places,
    st.sampled_from([MADRID, CANARY]),
)


@given(*cases)
def test_no_slot_meets_an_appointment_nor_its_way(work, busy, rule, place, zone):
    for slot in free_slots(work, busy, rule, zone, place):
        stop = slot + timedelta(minutes=rule.minutes)
        assert any(start <= slot and stop <= end for start, end in merge(work))
        for each in busy:
            if each.stop > each.start:
                gap = rule.gap(place, each.place)
                assert stop + gap <= each.start or slot >= each.stop + gap
        assert is_free(slot, work, busy, rule, place)


@given(*cases)
def test_every_round_minute_that_is_free_is_offered(work, busy, rule, place, zone):
    slots = set(free_slots(work, busy, rule, zone, place))
    for minutes in range(0, 3 * 24 * 60 + 900, 5):
        start = BASE + timedelta(minutes=minutes)
        local = start.replace(tzinfo=UTC).astimezone(zone)
        if (local.hour * 60 + local.minute) % rule.grid == 0:
            assert is_free(start, work, busy, rule, place) == (start in slots)


@given(*cases)
def test_free_time_that_is_long_enough_is_never_hidden(work, busy, rule, place, zone):
    slots = free_slots(work, busy, rule, zone, place)
    for minutes in range(0, 3 * 24 * 60 + 900, 7):
        start = BASE + timedelta(minutes=minutes)
        if is_free(start, work, busy, rule, place):
            # Its own free time holds a slot: one that begins in the stretch of
            # starts that are free all the way from here.
            assert any(_joined(start, slot, work, busy, rule, place) for slot in slots)
    assert slots == sorted(set(slots))


def _joined(start, slot, work, busy, rule, place):
    low, high = sorted((start, slot))
    step = max(timedelta(minutes=1), (high - low) / 8)
    probe = low
    while probe <= high:
        if not is_free(probe, work, busy, rule, place):
            return False
        probe += step
    return True


@given(*cases, instants)
def test_fewer_appointments_or_less_way_never_take_a_slot(
    work, busy, rule, place, zone, start
):
    if is_free(start, work, busy, rule, place):
        assert is_free(start, work, busy[1:], rule, place)
        assert is_free(start, work, busy, Rule(rule.minutes, rule.grid), place)


@given(st.lists(pairs, max_size=10))
def test_merged_times_are_in_order_and_apart(intervals):
    merged = merge(intervals)
    flat = [instant for each in merged for instant in each]
    assert flat == sorted(flat) and len(set(flat)) == len(flat)
