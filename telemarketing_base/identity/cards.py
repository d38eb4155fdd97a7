"""Payment card numbers in free text: found, to be refused.

PCI DSS requirement 3: who needs no card number keeps none, not in notes either. A card
is paid by a link, on which the buyer types the number where we never see it.

Refusing too much costs agents time as keeping one costs the centre, so that telephone
numbers, IBANs, accounts and references are told apart by their shape (``find_cards``).
"""

from __future__ import annotations

import re
import unicodedata

from stdnum.es import ccc
from stdnum.exceptions import ValidationError

from .iban import LENGTHS

# Ranges of issuers (ISO/IEC 7812) by first digits, and the lengths they issue. Visa of
# 13 digits is no longer issued, and is what a foreign telephone looks like.
_RANGES = (
    ("4", "4", (16, 19)),
    ("51", "55", (16,)),
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("300", "305", (14, 16)),
    ("3095", "3095", (14, 16)),
    ("36", "36", (14, 16)),
    ("38", "39", (14, 16)),
    ("3528", "3589", (16,)),
    ("5018", "5018", (16, 18, 19)),
    ("5020", "5020", (16, 18, 19)),
    ("5038", "5038", (16, 18, 19)),
    ("5893", "5893", (16, 18, 19)),
    ("6011", "6011", (16, 19)),
    ("62", "62", (16, 19)),
    ("6304", "6304", (16, 18, 19)),
    ("644", "649", (16, 19)),
    ("65", "65", (16, 19)),
    ("6759", "6759", (16, 18, 19)),
    ("6761", "6763", (16, 18, 19)),
)
LEAST, MOST = 14, 19
# What people put between the digits of one number.
_GAP = r"[ \t\-‐-―.·_/\u200b]{0,3}"
_RUN = re.compile(rf"[0-9](?:{_GAP}[0-9])*")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ \-.]?[A-Za-z0-9]){10,30}")
_ACCOUNT = re.compile(
    r"(?<![0-9])[0-9]{4}[ \-.]?[0-9]{4}[ \-.]?[0-9]{2}[ \-.]?[0-9]{10}(?![0-9])"
)


def is_card(digits: str) -> bool:
    """Do these digits, nothing between them, read as a card's number?"""
    if not digits.isascii() or not digits.isdigit() or not LEAST <= len(digits) <= MOST:
        return False
    issued = any(
        low <= digits[: len(low)] <= high and len(digits) in lengths
        for low, high, lengths in _RANGES
    )
    return issued and _luhn(digits) and len(set(digits)) > 1


def find_cards(text: object) -> list[str]:
    """The card numbers in a text, as they were typed, in order. Never raises.

    A number may be typed whole or in groups as cards are printed or dictated: fours,
    4-6-5 and 4-6-4, eights, pairs, single digits; what follows it (date, code) does not
    hide it. Telephones (threes, a plus in front), IBANs and Spanish accounts are none.
    """
    if not isinstance(text, str):
        return []
    # Widths and blanks of other scripts become the plain ones.
    text = unicodedata.normalize("NFKC", text)
    text = _IBAN.sub(_hide_iban, text)
    text = _ACCOUNT.sub(_hide_account, text)
    found = []
    for run in _RUN.finditer(text):
        if sum(c.isdigit() for c in run.group()) < LEAST:
            continue
        if text[: run.start()].rstrip().endswith("+"):
            continue
        found += _in_run(run.group())
    return found


def mask_cards(text: str) -> str:
    """The text with every digit but a card's last four hidden; the rest untouched."""
    for card in find_cards(text):
        text = unicodedata.normalize("NFKC", text).replace(card, mask_card(card))
    return text


def mask_card(card: str) -> str:
    """What may be shown so that it can be found: '••••1111'."""
    return "••••" + re.sub(r"[^0-9]", "", card)[-4:]


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _in_run(run: str) -> list[str]:
    groups = list(re.finditer(r"[0-9]+", run))
    found, start = [], 0
    while start < len(groups):
        length, stop = 0, start
        for end in range(start, len(groups)):
            length += len(groups[end].group())
            if length > MOST:
                break
            sizes = [len(group.group()) for group in groups[start : end + 1]]
            digits = "".join(group.group() for group in groups[start : end + 1])
            if _is_printed(sizes) and is_card(digits):
                found.append(run[groups[start].start() : groups[end].end()])
                stop = end + 1
                break
        start = stop if stop > start else start + 1
    return found


def _is_printed(sizes: list[int]) -> bool:
    """Are groups of these sizes how a card's number is written?"""
    if len(sizes) == 1 or sizes in ([4, 6, 5], [4, 6, 4], [8, 8], [6, 13]):
        return True
    *body, last = sizes
    return any(set(body) == {size} and last <= size for size in (4, 2, 1))


def _hide_iban(match: re.Match) -> str:
    """Blank in place of an IBAN of that country's length, whether its control digits
    are right or not; what follows it stays."""
    text = match.group()
    length = LENGTHS.get(text[:2].upper())
    if not length:
        return text
    taken = 0
    for place, char in enumerate(text):
        taken += char.isalnum()
        if taken == length:
            rest = text[place + 1 :]
            return text if rest[:1].isdigit() else " " * (place + 1) + rest
    return text


def _hide_account(match: re.Match) -> str:
    try:
        ccc.validate(match.group())
    except ValidationError:
        return match.group()
    return " " * len(match.group())
