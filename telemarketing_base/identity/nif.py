"""NIF, NIE and CIF: whose they are and whether they can be right.

Check digits by python-stdnum, as Odoo's ``base_vat`` does; cases: ``spain.md``
D2; what the first letter means decides withholding (``spain.md`` A2).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from stdnum.es import nif as es_nif
from stdnum.exceptions import InvalidChecksum, ValidationError

from .reasons import Problem
from .text import clean_text, shown

# Orden EHA/451/2008; K, L, M, X, Y, Z are people
LEGAL_FORMS: dict[str, str] = {
    "A": "Public limited company (S.A.)",
    "B": "Limited company (S.L.)",
    "C": "General partnership",
    "D": "Limited partnership",
    "E": "Joint ownership (C.B.) or estate",
    "F": "Cooperative",
    "G": "Association or foundation",
    "H": "Owners' association",
    "J": "Civil partnership (S.C.)",
    "N": "Foreign entity",
    "P": "Local authority",
    "Q": "Public body",
    "R": "Religious body",
    "S": "State or regional administration",
    "U": "Temporary joint venture (U.T.E.)",
    "V": "Other entity",
    "W": "Permanent establishment of a non-resident",
}

_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
# formally right, typed to get past a required field
_DUMMIES = frozenset({"00000000T", "00000001R", "99999999R"})
_PUNCTUATION = re.compile(r"[\s.,\-–—_/·'\"]+")


class Nif(NamedTuple):
    """``number`` nine characters, upper case; ``kind`` 'person' (DNI, K, L, M),
    'nie' or 'company'; ``letter`` the first letter, '' for a DNI; ``natural`` a
    natural person."""

    number: str
    kind: str
    letter: str
    natural: bool


def check_nif(raw: object) -> tuple[Nif | None, Problem | None]:
    """The NIF in ``raw`` or why there is none. Never raises.

    Dots, dashes, spaces, lower case and the prefix ES are taken. Missing zeros
    are not filled in (1234567L is a bad length by ``spain.md`` D2: only numbers
    lose zeros in Excel, and this has a letter); the probable NIF is suggested.
    """
    if type(raw) is str and len(raw) == 9 and raw.isascii() and raw[:8].isdigit():
        # a DNI as it should be: the usual case, by arithmetic
        text = raw.upper()
        if _LETTERS[int(text[:8]) % 23] == text[8] and text not in _DUMMIES:
            return Nif(text, "person", "", True), None
    written = shown(raw, 80)
    text = _PUNCTUATION.sub("", clean_text(raw)).upper()
    if not text:
        return None, Problem("nif_empty", written)
    if not text.isascii() or not text.isalnum():
        return None, Problem("nif_format", written)
    if len(text) == 11 and text.startswith("ES"):
        text = text[2:]
    if len(text) != 9:
        if re.fullmatch(r"\d{4,7}[A-Z]", text):
            full = text.zfill(9)
            if _LETTERS[int(full[:8]) % 23] == full[8] and full not in _DUMMIES:
                return None, Problem(
                    "nif_length_suggest",
                    written,
                    {"length": len(text), "suggestion": full},
                )
        if not any(c.isdigit() for c in text):
            return None, Problem("nif_format", written)
        return None, Problem("nif_length", written, {"length": len(text)})
    if code := _fault(text):
        return None, Problem(code, written)
    if text in _DUMMIES:
        return None, Problem("nif_dummy", written)
    first = text[0]
    if first.isdigit() or first in "KLM":
        return Nif(text, "person", "" if first.isdigit() else first, True), None
    if first in "XYZ":
        return Nif(text, "nie", first, True), None
    return Nif(text, "company", first, False), None


_NIE = {"X": "0", "Y": "1", "Z": "2"}


def _fault(text: str) -> str:
    """What is wrong with nine ASCII letters and digits, as stdnum finds it; people's
    by arithmetic, without the library."""
    digits = _NIE.get(text[0], text[0]) + text[1:8]
    if digits.isdigit() and text[8].isalpha():
        return "" if _LETTERS[int(digits) % 23] == text[8] else "nif_checksum"
    try:
        es_nif.validate(text)
    except InvalidChecksum:
        return "nif_checksum"
    except (ValidationError, ValueError):
        return "nif_format"
    return ""


def parse_nif(raw: object) -> Nif | None:
    """``check_nif`` without the reason."""
    return check_nif(raw)[0]
