"""IBAN: normal form, check, mask. Cases: ``spain.md`` D2, last line.

Its own mod 97 and not ``stdnum.iban``: that one reads a data file when imported,
which fails under Odoo's patched importer ("Can't open orphan path").
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stdnum.es import ccc
from stdnum.exceptions import ValidationError

from .reasons import Problem
from .text import clean_text, shown

# Length by country: SEPA (EPC409-09), from which a mandate can be charged. Others
# are checked by their digits alone.
LENGTHS = {
    code: int(length)
    for length, codes in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI NL FO GL",
        "19": "MK SI",
        "20": "AT EE LT LU XK",
        "21": "CH HR LI LV",
        "22": "BG DE GB GE IE ME RS",
        "23": "GI IL TL",
        "24": "AD CZ ES MD SE SK VG",
        "25": "PT",
        "26": "IS",
        "27": "FR GR IT MC SM",
        "28": "AL CY HU LB PL",
        "29": "UA",
        "31": "MT",
    }.items()
    for code in codes.split()
}
LENGTHS.update({"RO": 24, "VA": 22})
# Known by their length, but no bank of theirs takes a SEPA direct debit.
_OUTSIDE_SEPA = {"FO", "GL", "IL", "UA", "XK"}


@dataclass(frozen=True)
class Iban:
    """``number`` without spaces, upper case; ``country`` ISO code."""

    number: str
    country: str


def check_iban(raw: object) -> tuple[Iban | None, Problem | None]:
    """The IBAN in ``raw`` or why there is none. Never raises.

    Spaces, dashes and dots are taken, 'IBAN' in front too. A Spanish one has the
    account's own two control digits checked besides. Problems show it masked: a
    whole account number does not belong in a log.
    """
    text = re.sub(r"[\s.\-_/]+", "", clean_text(raw)).upper().removeprefix("IBAN")
    if not text:
        return None, Problem("iban_empty", shown(raw, 80))
    masked = shown(mask_iban(text), 80)
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}", text):
        return None, Problem("iban_format", masked)
    country = text[:2]
    if len(text) != LENGTHS.get(country, len(text)) or len(text) < 15:
        return None, Problem("iban_length", masked)
    # ISO 13616: the first four to the end, letters as 10 to 35, remainder 1
    digits = "".join(str(int(c, 36)) for c in text[4:] + text[:4])
    if int(digits) % 97 != 1 or not 2 <= int(text[2:4]) <= 98:
        return None, Problem("iban_checksum", masked)
    if country == "ES":
        try:
            ccc.validate(text[4:])
        except ValidationError:
            return None, Problem("iban_account", masked)
    return Iban(text, country), None


def is_sepa(iban: Iban) -> bool:
    """May a SEPA direct debit be charged to this account (EPC409-09)?"""
    return iban.country in LENGTHS and iban.country not in _OUTSIDE_SEPA


def parse_iban(raw: object) -> Iban | None:
    """``check_iban`` without the reason."""
    return check_iban(raw)[0]


def format_iban(number: str) -> str:
    """In fours: 'ES91 2100 0418 4502 0005 1332'."""
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def mask_iban(number: str) -> str:
    """Country, control digits and the last four; the rest hidden."""
    text = re.sub(r"\s+", "", number)
    if len(text) <= 8:
        return "•" * len(text)
    return format_iban(text[:4] + "•" * (len(text) - 8) + text[-4:])
