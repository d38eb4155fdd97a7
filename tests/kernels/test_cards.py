"""A card's number is found however it is typed; what is none is left alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.telemarketing_base.identity.cards import (
    find_cards,
    is_card,
    mask_cards,
)
from odoo.addons.telemarketing_base.identity.iban import check_iban, is_sepa

# Numbers that card companies publish for trying.
CARDS = [
    "4111111111111111",
    "4012888888881881",
    "4000000000000000006",
    "5555555555554444",
    "5105105105105100",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "3530111333300000",
    "30569309025904",
    "36227206271667",
    "6759649826438453",
    "6240008631401148",
]


def check_digit(digits):
    for last in "0123456789":
        total = 0
        for place, digit in enumerate(reversed(digits + last)):
            value = int(digit) * (1 + place % 2)
            total += value - 9 if value > 9 else value
        if total % 10 == 0:
            return digits + last
    raise AssertionError


def in_groups(digits, sizes, gap):
    parts, rest = [], digits
    for size in sizes:
        parts, rest = [*parts, rest[:size]], rest[size:]
    return gap.join([part for part in [*parts, rest] if part])


@pytest.mark.parametrize("card", CARDS)
def test_published_cards_are_found(card):
    assert is_card(card)
    assert find_cards(f"pays with {card}, 12/29") == [card]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111 - 1111 - 1111 - 1111",
        "4111 1111 1111 1111 12 29 123",
        "visa4111111111111111cad 12/29",
        "41 11 11 11 11 11 11 11",
        "41111111 11111111",
        "3782 822463 10005",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "4111 1111 1111 1111",
        "4111111111111111",
        "tel. 600 123 456 / card 4111 1111 1111 1111",
        "ES91 2100 0418 4502 0005 1332, card 4111111111111111",
    ],
)
def test_cards_are_found_however_they_are_typed(text):
    assert len(find_cards(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ES91 2100 0418 4502 0005 1332",
        "es9121000418450200051332",
        "2100 0418 45 0200051332",
        "DE89 3704 0044 0532 0130 00",
        "+34 612 345 678, 0034612345678, 612 345 678",
        "+4915123456789 and +5491123456789",
        "644 123 456 655 321 987 622 126 998",
        "12345678Z 87654321X X1234567L B12345674",
        "S00123 SO-2026-00012 EX2026-000123 DV2026-0001",
        "ES0021000000000000AA",
        "2026-11-22 10:30:00 2026-11-23 09:00:00",
        "0000 0000 0000 0000",
        "4111 1111 1111 1112",
        "356938035643809",
    ],
)
def test_telephones_accounts_documents_and_references_are_no_cards(text):
    assert find_cards(text) == []


@given(
    st.sampled_from(["4", "51", "55", "2221", "2720", "6011", "65", "3528"]),
    st.text("0123456789", min_size=15, max_size=15),
    st.sampled_from(["", " ", "-", ".", " - "]),
    st.text(st.characters(blacklist_categories=["N", "Cs", "P", "S"]), max_size=20),
)
def test_every_card_in_fours_is_found_and_its_number_does_not_stay(
    start, rest, gap, words
):
    card = check_digit((start + rest)[:15])
    text = f"{words} {in_groups(card, [4, 4, 4], gap)} {words}"
    assert find_cards(text)
    assert card not in re.sub(r"[^0-9]", "", mask_cards(text))


@given(st.text("0123456789", min_size=20, max_size=20), st.booleans())
def test_a_spanish_iban_is_no_card_not_even_a_mistyped_one(account, spaced):
    control = 98 - int(account + "142800") % 97
    iban = f"ES{control:02}{account}"
    assert find_cards(in_groups(iban, [4] * 5, " ") if spaced else iban) == []


@given(
    st.lists(
        st.from_regex(r"\A[6789][0-9]{2} [0-9]{3} [0-9]{3}\Z"), min_size=1, max_size=6
    ),
    st.sampled_from([", ", " / ", " "]),
)
def test_telephones_in_a_row_are_no_card(phones, between):
    assert find_cards(between.join(phones)) == []


@given(st.lists(st.from_regex(r"\A[0-9]{8}[A-Z]\Z"), max_size=5))
def test_documents_are_no_card(documents):
    assert find_cards(" ".join(documents)) == []


@given(st.from_regex(r"\A\+[1-9][0-9]{6,14}\Z"))
def test_an_international_telephone_is_no_card(phone):
    assert find_cards(f"call {phone} later") == []


@given(st.from_regex(r"\A(S|SO|P|EX|DV|REF)[-/]?20[0-9]{2}[-/][0-9]{1,8}\Z"))
def test_order_references_are_no_card(reference):
    assert find_cards(reference) == []


@given(st.text(max_size=200))
def test_no_text_breaks_it_and_what_has_no_card_stays_as_it_is(text):
    if not find_cards(text):
        assert mask_cards(text) == text


@given(st.one_of(st.none(), st.integers(), st.lists(st.text()), st.binary()))
def test_what_is_no_text_has_no_card(value):
    assert find_cards(value) == []


def test_accounts_outside_sepa_are_told_apart():
    inside, _ = check_iban("DE89370400440532013000")
    outside, _ = check_iban("IL620108000000099999999")
    assert is_sepa(inside)
    assert outside
    assert not is_sepa(outside)
