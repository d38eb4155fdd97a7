"""What a file says of a campaign's profile, in the type of its fields."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.telemarketing_base.importing import REASONS, Settings, clean_row
from odoo.addons.telemarketing_base.importing.profile import TYPES, convert

TODAY = datetime.date(2026, 11, 24)
CHOICES = (("k1", "Vodafone"), ("k2", "Orange España"))


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("char", "  una  cosa ", "una cosa"),
        ("text", "una\ncosa", "una\ncosa"),
        ("char", 12.0, "12"),
        ("integer", "1.234", 1234),
        ("integer", 3.0, 3),
        ("integer", "3,5", None),
        ("float", "3,5", 3.5),
        ("float", "1.234,50 €", 1234.5),
        ("float", "mucho", None),
        ("float", True, None),
        ("boolean", "Sí", True),
        ("boolean", "no", False),
        ("boolean", "quizás", None),
        ("date", "02/03/2026", "2026-03-02"),
        ("date", datetime.date(2027, 1, 2), "2027-01-02"),
        ("date", "ayer", None),
        ("datetime", datetime.datetime(2026, 1, 2, 3, 4), "2026-01-02 03:04:00"),
        ("datetime", "02/03/2026", "2026-03-02 00:00:00"),
        ("selection", "VODAFONE", "k1"),
        ("selection", "orange espana", "k2"),
        ("selection", "Movistar", None),
        ("tags", "Vodafone; orange españa", ["k1", "k2"]),
        ("tags", "Vodafone, Movistar", None),
        ("many2one", "Ana", None),
    ],
)
def test_a_cell_fills_its_field_or_says_why_not(kind, raw, value):
    got, wrong = convert(raw, ("f", "Compañía", kind, CHOICES), TODAY)
    assert got == value
    assert type(got) is type(value)
    assert (wrong is None) == (value is not None)
    if wrong:
        assert wrong.code in REASONS
        assert "%" not in wrong.text(reasons=REASONS)


def test_what_cannot_be_filled_is_a_notice_of_its_column_and_the_person_loads():
    settings = Settings(
        required=("phone",),
        profile=(("f1", "Company", "selection", CHOICES), ("f2", "Age", "integer", ())),
    )
    mapping = ["phone", "profile:f1", "profile:f2"]
    row = clean_row(["612345678", "Movistar", 40.0], mapping, settings)
    assert row.ok
    assert row.profile == {"f2": 40}
    assert [(n.code, n.column) for n in row.notices] == [("profile_choice", 1)]


@given(
    st.sampled_from([*TYPES, "many2many"]),
    st.one_of(
        st.text(), st.floats(), st.integers(), st.dates(), st.booleans(), st.none()
    ),
)
def test_no_cell_breaks_it(kind, raw):
    convert(raw, ("f", "Field", kind, CHOICES), TODAY)
