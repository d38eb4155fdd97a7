from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.telemarketing_base.redialling import (
    MAX_MINUTES,
    PARTS,
    Rule,
    delay,
    next_call,
    part_of,
)

MADRID, CANARY = "Europe/Madrid", "Atlantic/Canary"
# 11:00 in Madrid
AT = datetime(2026, 11, 24, 10, 0)

# rule, attempts, closed at (UTC), zone → due (UTC)
TABLE = [
    (Rule(120), 1, AT, MADRID, datetime(2026, 11, 24, 12, 0)),
    (Rule(120), 5, AT, MADRID, datetime(2026, 11, 24, 12, 0)),
    (Rule(60, 2.0), 1, AT, MADRID, datetime(2026, 11, 24, 11, 0)),
    (Rule(60, 2.0), 3, AT, MADRID, datetime(2026, 11, 24, 14, 0)),
    (Rule(60, 2.0, 180), 3, AT, MADRID, datetime(2026, 11, 24, 13, 0)),
    # a bound below the first delay does not shorten it
    (Rule(60, 2.0, 30), 3, AT, MADRID, datetime(2026, 11, 24, 11, 0)),
    (Rule(60, part="morning"), 1, AT, MADRID, datetime(2026, 11, 24, 11, 0)),
    # 240 minutes later it is afternoon there: the next morning
    (Rule(240, part="morning"), 1, AT, MADRID, datetime(2026, 11, 25, 8, 0)),
    (Rule(60, part="afternoon"), 1, AT, MADRID, datetime(2026, 11, 24, 13, 0)),
    (Rule(60, part="evening"), 1, AT, MADRID, datetime(2026, 11, 24, 17, 0)),
    (Rule(60, part="evening"), 1, AT, CANARY, datetime(2026, 11, 24, 18, 0)),
    # tried in the morning: the afternoon, not two hours later
    (Rule(60, part="other"), 1, AT, MADRID, datetime(2026, 11, 24, 13, 0)),
    # at 20:00: the next morning
    (
        Rule(30, part="other"),
        1,
        datetime(2026, 11, 24, 19, 0),
        MADRID,
        datetime(2026, 11, 25, 8, 0),
    ),
    # clocks go forward in the night of 29 March 2026, back on 25 October
    (
        Rule(30, part="morning"),
        1,
        datetime(2026, 3, 28, 20, 0),
        MADRID,
        datetime(2026, 3, 29, 7, 0),
    ),
    (
        Rule(30, part="morning"),
        1,
        datetime(2026, 10, 24, 20, 0),
        MADRID,
        datetime(2026, 10, 25, 8, 0),
    ),
    (Rule(60, max_attempts=3), 3, AT, MADRID, None),
    (Rule(60, max_attempts=3), 2, AT, MADRID, datetime(2026, 11, 24, 11, 0)),
]


@pytest.mark.parametrize(("rule", "attempts", "at", "tz", "due"), TABLE)
def test_the_person_is_due_when_the_result_says(rule, attempts, at, tz, due):
    assert next_call(rule, attempts, at, tz) == due


rules = st.builds(
    Rule,
    minutes=st.integers(1, 100_000),
    backoff=st.floats(1, 1e6),
    max_minutes=st.integers(0, 100_000),
    part=st.sampled_from(["any", "other", *PARTS]),
)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2037, 1, 1))
zones = st.sampled_from([MADRID, CANARY, "America/New_York", "Pacific/Apia", "UTC"])


@given(rules, st.integers(0, 5000), instants, zones)
def test_nobody_is_due_before_the_delay_nor_in_another_part_of_the_day(
    rule, attempts, at, tz
):
    due = next_call(rule, attempts, at, tz)
    assert due >= at + delay(rule, attempts)
    assert due - at <= timedelta(minutes=MAX_MINUTES) + timedelta(days=3)
    if rule.part in PARTS:
        assert part_of(due, tz) == rule.part
    elif rule.part == "other":
        assert part_of(due, tz) not in (None, part_of(at, tz))


@given(rules, st.integers(1, 200))
def test_a_delay_never_shrinks_and_never_passes_its_bound(rule, attempts):
    first, second = delay(rule, attempts), delay(rule, attempts + 1)
    assert timedelta(minutes=rule.minutes) <= first <= second
    if rule.max_minutes >= rule.minutes:
        assert second <= timedelta(minutes=rule.max_minutes)


@given(rules, st.integers(1, 50), st.integers(1, 50), instants)
def test_nobody_is_rung_more_often_than_the_bound(rule, limit, attempts, at):
    bounded = Rule(
        rule.minutes, rule.backoff, rule.max_minutes, rule.part, max_attempts=limit
    )
    due = next_call(bounded, attempts, at, MADRID)
    assert (due is None) == (attempts >= limit)
