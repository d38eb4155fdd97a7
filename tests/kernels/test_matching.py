"""Whom a row repeats: decided by keys, never by guessing."""

from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.telemarketing_base.importing import REASONS, Settings, clean_row
from odoo.addons.telemarketing_base.importing.cleaning import client_key
from odoo.addons.telemarketing_base.importing.matching import (
    KEYS,
    Known,
    Staged,
    decide,
)


def row(number, phone=(), vat="", email="", key="", name="ana", known=()):
    phones = [phone] if isinstance(phone, str) else list(phone)
    return Staged(
        row=number,
        name=name,
        vat=vat,
        client_key=key,
        values={
            "key": [key] if key else [],
            "phone": phones,
            "vat": [vat] if vat else [],
            "email": [email] if email else [],
        },
        known=list(known),
    )


def there(key="phone", value="p", contact=7, **values):
    values.setdefault("name", "ana")
    values.setdefault("database", "Base")
    return Known(key, value, contact=contact, **values)


def codes(entries):
    return [entry[0] for entry in entries]


def one(*rows, policy="skip", **options):
    return decide(rows, policy, **options)[-1]


def test_first_row_wins_and_a_row_given_back_blocks_nobody():
    found = decide(
        [row(2, "a"), row(3, ["a", "b"]), row(4, "b"), row(5, "b")],
    )
    assert [d.action for d in found] == ["insert", "skip", "insert", "skip"]
    assert [d.match_row for d in found] == [None, 2, None, 4]
    assert found[1].problems == [
        ["duplicate_in_file", "", {"row": 2, "key": "phone"}, "phone", None]
    ]


def test_loaded_anyway_says_whom_it_repeats():
    found = one(row(2, "a"), row(3, "a"), policy="load")
    assert (found.action, codes(found.notices)) == ("insert", ["duplicate_in_file"])


def test_same_nif_under_another_name_is_a_notice():
    found = one(row(2, vat="x"), row(3, vat="x", name="luis"))
    assert (found.action, codes(found.notices)) == ("insert", ["shared_in_file"])
    known = there("vat", "x", name="luis")
    found = one(row(2, vat="x", known=[known]))
    assert (found.action, codes(found.notices)) == ("insert", ["shared_in_database"])
    known.name = ""
    found = one(row(2, vat="x", known=[known]))
    assert (found.action, found.contact) == ("skip", 7)


def test_same_key_is_the_same_person_whatever_else_differs():
    known = [
        there("key", "k", client_key="k", name="luis", vat="other"),
        there("phone", "p", contact=8),
        there("vat", "v", contact=9),
    ]
    found = one(row(2, "p", "v", key="k", known=known), policy="update")
    assert (found.action, found.contact, found.by) == ("update", 7, "key")
    assert codes(found.notices) == ["shared_in_database"] * 2 + ["vat_kept"]


def test_another_key_is_another_person_who_shares_a_phone():
    known = there(client_key="k2")
    found = one(row(2, "p", key="k1", known=[known]))
    assert (found.action, codes(found.notices)) == (
        "insert",
        ["other_key_in_database"],
    )
    found = one(row(2, "p", key="k1"), row(3, "p", key="k2"))
    assert (found.action, codes(found.notices)) == ("insert", ["other_key_in_file"])
    # who has no key is told by the rest
    assert one(row(2, "p", key="k1"), row(3, "p")).action == "skip"
    assert one(row(2, "p", key="k1", known=[there()])).action == "skip"


def test_phone_of_one_and_nif_of_another_is_doubtful_and_updates_nobody():
    known = [there(), there("vat", "v", contact=8, database="Otra", vat="v")]
    for policy in ("skip", "update"):
        found = one(row(2, "p", "v", known=known), policy=policy)
        assert found.action == "skip"
        assert codes(found.problems) == [
            "duplicate_doubtful",
            "duplicate_in_database",
            "duplicate_in_database",
        ]
        assert {p[2].get("database") for p in found.problems[1:]} == {"Base", "Otra"}


def test_somebody_in_two_databases_is_one_person():
    known = [
        there(contact=3, database="Otra"),
        there(contact=7, own=True),
        there("vat", "v", contact=7, own=True),
        there("vat", "v", contact=3, database="Otra"),
    ]
    found = one(row(2, "p", "v", known=known), policy="update")
    assert (found.action, found.contact) == ("update", 7)


def test_contact_and_the_client_made_of_it_are_one():
    known = [
        there(partner=4),
        there("vat", "v", contact=None, partner=4, stage="client"),
    ]
    found = one(row(2, "p", "v", known=known), policy="update")
    assert (found.action, found.contact, found.partner) == ("update", 7, 4)


def test_client_without_contact_is_named_and_never_updated_in_silence():
    known = there(contact=None, partner=4, stage="prospect")
    found = one(row(2, "p", known=[known]), policy="update")
    assert codes(found.problems) == ["duplicate_prospect", "update_partner_only"]
    found = one(row(2, "p", known=[known]), policy="update", partners_too=True)
    assert (found.action, found.contact, found.partner) == ("insert", None, 4)


def test_update_is_refused_where_it_would_write_on_the_wrong_person():
    cases = {
        "update_not_yours": [there(writable=False)],
        "update_other_vat": [there(vat="w")],
        "update_several": [there(), there(contact=8)],
    }
    for code, known in cases.items():
        found = one(row(2, "p", "v", known=known), policy="update")
        assert found.action == "skip", code
        assert code in codes(found.problems)
    named = [there(name="luis"), there(contact=8)]
    assert one(row(2, "p", known=named), policy="update").contact == 8


def test_other_nif_under_the_clients_key_is_told_and_the_rest_is_updated():
    known = there("key", "C 1", vat="w", client_key="C 1")
    found = one(row(2, "p", "v", key="C 1", known=[known]), policy="update")
    assert (found.action, codes(found.notices)) == ("update", ["vat_kept"])
    known = there("key", "C 1", client_key="C 1")
    found = one(row(2, "p", "v", key="C 1", known=[known]), policy="update")
    assert (found.action, found.notices) == ("update", [])


def test_nobody_is_updated_twice_by_one_file():
    found = decide(
        [row(2, "p", known=[there()]), row(3, "q", known=[there(value="q")])],
        "update",
    )
    assert [d.action for d in found] == ["update", "skip"]
    assert found[1].problems[0][2]["row"] == 2
    found = one(row(9, "p", known=[there(row=2)]), policy="update")
    assert (found.action, found.match_row) == ("skip", 2)


names = st.sampled_from(["", "ana", "luis"])
values = st.sampled_from(["", "1", "2"])


@st.composite
def chunks(draw):
    rows = []
    for number in range(2, draw(st.integers(3, 9))):
        known = [
            there(
                draw(st.sampled_from(KEYS)),
                draw(st.sampled_from("12")),
                draw(st.integers(1, 3)),
                name=draw(names),
                client_key=draw(values),
                vat=draw(values),
                own=draw(st.booleans()),
            )
            for _ in range(draw(st.integers(0, 3)))
        ]
        rows.append(
            row(
                number,
                [v for v in [draw(values)] if v],
                draw(values),
                draw(values),
                draw(values),
                draw(names),
                known,
            )
        )
    return rows


@given(chunks(), st.sampled_from(["skip", "update", "load"]), st.booleans())
def test_every_row_is_accounted_for(rows, policy, partners_too):
    found = decide(rows, policy, partners_too)
    assert [d.row for d in found] == [r.row for r in rows]
    updated = [d.contact for d in found if d.action == "update" and d.contact]
    assert len(updated) == len(set(updated))
    for decision in found:
        assert (decision.action == "skip") == bool(decision.problems)
        assert policy == "update" or decision.action != "update"
        assert policy != "load" or decision.action == "insert"
        for code, _value, params, _field, column in [
            *decision.problems,
            *decision.notices,
        ]:
            assert REASONS[code] % {"value": "", **params}
            assert column is None
        if decision.match_row is not None:
            assert decision.match_row < decision.row


def test_key_of_several_columns_is_the_same_however_it_is_written():
    settings = Settings(key_columns=(0, 1))
    mapping = ["extra:Contrato", "vat", "phone", "name", "street"]

    def key(contract, vat):
        return clean_row([contract, vat, "612345678", "Ana", "S"], mapping, settings)

    first = key("0012-á", "12345678Z").client_key
    assert first == "0012 A / 12345678Z"
    assert key("0012 a", "12.345.678-z").client_key == first
    assert key(7.0, "12345678Z").client_key == key("007", "12345678Z").client_key
    missing = key("", "12345678Z")
    assert (missing.ok, missing.client_key) == (True, "")
    assert codes_of(missing) == ["key_incomplete"]


def test_column_of_the_clients_key_alone_is_the_key():
    clean = clean_row(
        ["ab-1", "612345678", "Ana", "S"], ["external_key", "phone", "name", "street"]
    )
    assert (clean.external_key, clean.client_key) == ("ab-1", "AB 1")
    assert not clean.notices


def test_long_key_fits_an_index():
    long = "x" * 500
    assert len(client_key([long, "1"])) <= 200
    assert client_key([long, "1"]) != client_key([long, "2"])


def codes_of(clean):
    return [notice.code for notice in clean.notices]
