"""Phones as people write them, to E.164.

Rules of numbering are those of the ``phonenumbers`` library (9.0.34 or later
knows the prefix 400); Spain's plan is RD 2296/2004; cases: ``spain.md`` D1.
Nothing is guessed: a letter between digits, a digit too few or a number rounded
by a spreadsheet make no number, because a wrong guess rings at a stranger's.
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult

from .reasons import Problem
from .text import clean_text, shown

KINDS = (
    "mobile",
    "fixed",
    "toll_free",
    "shared_cost",
    "premium",
    "personal",
    "uan",
    "voip",
    "other",
)

_KIND_OF_TYPE = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOIP: "voip",
}

# the kinds that belong to a person or household: two rows with the same 900 or
# 902 number are not the same person
PERSONAL_KINDS = frozenset({"mobile", "fixed", "personal", "voip", "other"})


class Phone(NamedTuple):
    """A valid number.

    ``e164`` '+34612345678'; ``national`` digits without country code;
    ``kind`` one of KINDS; ``country`` ISO code ('ES', '' for 00800 and the like);
    ``foreign`` not of the region that was asked for; ``raw`` what was written.
    Two are equal if all is equal: compare ``e164`` to know the same number.
    """

    e164: str
    national: str
    kind: str
    country: str
    foreign: bool
    raw: str

    @property
    def dialable(self) -> bool:
        """Premium rate (803, 806, 807…) is never dialled, whoever asks."""
        return self.kind != "premium"


# --------------------------------------------------------------- fast path
# phonenumbers parses some 30,000 numbers a second. Nearly all of ours are nine
# Spanish digits, for which parsing means matching the library's own patterns, so
# we do just that. The patterns are read from the library: an update of it
# updates us. A property test keeps both equal.
_ES_TYPES = (  # in the order in which the library asks
    ("premium_rate", "premium"),
    ("toll_free", "toll_free"),
    ("shared_cost", "shared_cost"),
    ("voip", "voip"),
    ("personal_number", "personal"),
    ("pager", "other"),
    ("uan", "uan"),
    ("voicemail", "other"),
)


@functools.lru_cache(maxsize=1)
def _es_plan() -> tuple[Callable, tuple[str, ...]]:
    """``(match of nine digits, kinds)``: the kind of a match is that of its group.

    One expression of all ranges, one group each, in the library's order: the first
    that holds the whole number is its type. What is not of the general range is
    nothing.
    """
    metadata = phonenumbers.PhoneMetadata.metadata_for_region("ES")

    def pattern(name: str) -> str:
        desc = getattr(metadata, name)
        if desc is None or desc.national_number_pattern is None:
            return ""
        if desc.possible_length and 9 not in desc.possible_length:
            return ""
        found = desc.national_number_pattern
        # groups of its own would shift ours
        if re.compile(found).groups:
            found = re.sub(r"(?<!\\)\((?!\?)", "(?:", found)
        return found

    fixed, mobile = pattern("fixed_line"), pattern("mobile")
    ranges = [(pattern(name), kind) for name, kind in _ES_TYPES]
    ranges += [(f"(?=(?:{fixed})$)(?:{mobile})", "other")]
    ranges += [(fixed, "fixed"), (mobile, "mobile")]
    ranges = [(found, kind) for found, kind in ranges if found]
    whole = "|".join(f"({found})" for found, _kind in ranges)
    general = pattern("general_desc")
    plan = re.compile(f"(?=(?:{general})$)(?:{whole})")
    return plan.fullmatch, ("", *(kind for _found, kind in ranges))


def _spanish_kind(national: str) -> str | None:
    """Kind of nine ASCII digits in Spain's plan, None if in no range."""
    fullmatch, kinds = _es_plan()
    match = fullmatch(national)
    return kinds[match.lastindex] if match else None


def spanish_phone(raw: object) -> Phone | None:
    """The number of a cell that holds one Spanish number and nothing else, as
    ``check_phone`` would answer; None if the cell must be looked at closer.

    Digits with or without +34, 0034 or 34, separated or not, or a number of a
    spreadsheet.
    """
    if type(raw) is str:
        written = raw
        if len(raw) == 9 and raw.isdigit() and raw.isascii():
            bare = raw
        elif _PLAIN.fullmatch(raw):
            bare = raw.translate(_NO_SEPARATORS)[-9:]
        else:
            return None
    elif type(raw) is float or type(raw) is int:
        if not 400_000_000 <= raw <= 999_999_999 or raw != int(raw):
            return None
        written = bare = str(int(raw))
    else:
        return None
    kind = _spanish_kind(bare)
    if kind is None:
        return None
    return Phone("+34" + bare, bare, kind, "ES", False, written)


def is_home_code(code: str, region: str) -> bool:
    """Whether '34' is the country code of the region 'ES'."""
    return code == str(phonenumbers.country_code_for_region(region))


def _library(digits: str, region: str, raw: str) -> tuple[Phone | None, str]:
    """The same question put to phonenumbers. ``digits``: '+'? and digits."""
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.TOO_LONG:
            return None, "phone_too_long"
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            return None, "phone_not_assigned"
        return None, "phone_too_short"
    if not phonenumbers.is_valid_number(number):
        possible = phonenumbers.is_possible_number_with_reason(number)
        if possible == ValidationResult.TOO_LONG:
            return None, "phone_too_long"
        if possible in (
            ValidationResult.TOO_SHORT,
            ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
        ):
            return None, "phone_too_short"
        return None, "phone_not_assigned"
    country = phonenumbers.region_code_for_number(number) or ""
    if country == "001":  # "the world": 00800, satellites
        country = ""
    return (
        Phone(
            e164=phonenumbers.format_number(number, PhoneNumberFormat.E164),
            national=phonenumbers.national_significant_number(number),
            kind=_KIND_OF_TYPE.get(phonenumbers.number_type(number), "other"),
            country=country,
            foreign=country != region,
            raw=raw,
        ),
        "",
    )


# ----------------------------------------------------------- what was written
# Numbers of services in Spain that are no subscriber's: emergencies (112, 06x,
# 08x, 09x), 0xx of administrations (010, 012, 016, 017), 116xxx social, 118xx
# directories, 10xx, 12xx to 19xx of the operators, 2xxxx and 3xxxx SMS.
_SHORT = re.compile(r"0\d\d|112|116\d{3}|118\d\d|1[02-9]\d\d|[23]\d{4}|79\d{4}")
_SCIENTIFIC = re.compile(r"\+?(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})")
_AS_FLOAT = re.compile(r"(\+?\d{9,15})[.,]0{1,2}")
_BRACKET_COMMENT = re.compile(r"[(\[{][^)\]}]*[^\W\d_][^)\]}]*[)\]}]?")
_LETTERS = re.compile(r"[^\W\d_]+[.:=]?")
_STRONG = re.compile(r"[/;,|:=\n\r]+|\s[-–—]\s")
_GROUP = re.compile(r"\+?\d+")
# nine digits with or without Spain's prefix, separated one by one: nearly every cell
_PLAIN = re.compile(r"(?:(?:\+|00)?34)?[ .\-]?[0-9](?:[ .\-]?[0-9]){8}")
_NO_SEPARATORS = str.maketrans("", "", " .-")
# '61O345678', '9l2345678': a slip, not a number and a comment
_SLIP = re.compile(r"(?<!\d)\d{1,6}[^\W\d_]{1,2}\d+")


def _spell(raw: object) -> tuple[str, str]:
    """Cell → (text to look at, error code). Undoes what spreadsheets do."""
    if isinstance(raw, bool):
        return "", ""
    if isinstance(raw, float):
        if not math.isfinite(raw) or raw != int(raw) or abs(raw) >= 2**53:
            return "", "phone_digits_lost"
        return str(int(raw)), ""
    text = unicodedata.normalize("NFKC", clean_text(shown(raw).replace("\n", ";")))
    if text.isascii() and text.isdigit():
        return text, ""
    match = _SCIENTIFIC.fullmatch(text)
    if match:
        first, decimals, exponent = match.groups()
        # 6,12E+08 shows three digits of nine: the others are gone
        if len(decimals or "") != int(exponent):
            return "", "phone_digits_lost"
        return first + (decimals or ""), ""
    match = _AS_FLOAT.fullmatch(text)
    if match:
        return match.group(1), ""
    return text, ""


def _digits(text: str) -> str:
    """'+' (if first) and ASCII digits of a piece; '00' at the front is '+'."""
    digits = "".join(str(unicodedata.digit(c, "")) for c in text if c.isdigit())
    if "+" in text.split(next((c for c in text if c.isdigit()), " "), 1)[0]:
        return "+" + digits.removeprefix("00")
    if digits.startswith("00"):
        return "+" + digits[2:]
    return digits


def _national_length(digits: str) -> int:
    """How many digits besides a Spanish prefix."""
    for prefix in ("+34", "34"):
        if digits.startswith(prefix) and len(digits) - len(prefix) >= 9:
            return len(digits) - len(prefix)
    return len(digits.lstrip("+"))


def _nines(piece: str) -> list[str]:
    """'612345678 912 345 678' → two pieces, if the groups fall into nines."""
    groups = _GROUP.findall(piece)
    total = sum(len(g.lstrip("+")) for g in groups)
    if total < 18 or len(groups) < 2:
        return [piece]
    found, current = [], ""
    for group in groups:
        if current and group.startswith(("+", "00")):
            return [piece]  # a prefix inside an unfinished number
        current += group
        bare = _digits(current).removeprefix("+34")
        if bare.startswith("34") and len(bare) >= 11:
            bare = bare[2:]
        if len(bare) == 9 and bare[0] in "456789":
            found.append(current)
            current = ""
        elif len(bare) > 9 and not bare.startswith("34"):
            return [piece]
    return [piece] if current else found


def split_phones(raw: object) -> list[str]:
    """The separate numbers written in one cell, in order, as written.

    Comments in letters ('(mañanas)', 'tel.', 'ext. 12') separate and go;
    '/', ';', ',', '|', line breaks separate what is already a whole number
    ('91/345 67 89' is one). Fragments of fewer than seven digits beside a longer
    number (hours, extensions) are left out. A cell without digits gives [].
    """
    if isinstance(raw, str) and _PLAIN.fullmatch(raw):
        return [raw]
    text, _error = _spell(raw)
    if not text:
        return []
    if text.isascii() and text.isdigit():
        return [text]
    pieces: list[str] = []
    text = _SLIP.sub("\x00", _BRACKET_COMMENT.sub("\x00", text))
    # letters stay a wall: what stands on both sides is never joined
    for block in _LETTERS.sub("\x00", text).split("\x00"):
        current = ""
        for piece in _STRONG.split(block):
            count = sum(c.isdigit() for c in piece)
            if not count:
                continue
            done = _national_length(_digits(current)) if current else 0
            joined = current + " " + piece
            room = 15 if _digits(current).startswith("+") else 9
            if current and (done >= 9 or len(_digits(joined).lstrip("+")) > room):
                pieces.append(current)
                current = piece
            else:
                current = joined if current else piece
        if current:
            pieces.append(current)
    split: list[str] = []
    for piece in pieces:
        split.extend(part.strip(" .-–—_*#'\"<>") for part in _nines(piece))
    long = [p for p in split if sum(c.isdigit() for c in p) >= 7]
    return long or split


def is_short_number(raw: object) -> bool:
    """112, 016, 1004, 24123…: a service, not a subscriber."""
    return bool(_SHORT.fullmatch(_digits(shown(raw))))


def check_phone(raw: object, region: str = "ES") -> tuple[Phone | None, Problem | None]:
    """The number in ``raw`` or why there is none. Never raises.

    Takes '+34', '0034' and '34' in front, dots, dashes, spaces, comments in
    letters, 612345678.0, 6.12345678E+08, full-width digits, a foreign number with
    '+' or '00', or with eleven digits or more and the '+' lost. Of several
    numbers it answers the first valid one: ``split_phones`` gives them all.
    """
    written = shown(raw, 80)
    if isinstance(raw, str) and _PLAIN.fullmatch(raw):
        digits = raw.translate(_NO_SEPARATORS)
        if digits.startswith("00"):
            digits = "+" + digits[2:]
    else:
        text, lost = _spell(raw)
        if lost:
            return None, Problem(lost, written)
        if not text:
            return None, Problem("phone_empty", written)
        pieces = split_phones(raw)
        if not pieces:
            return None, Problem("phone_no_digits", written)
        if len(pieces) > 1:
            return _first_valid(pieces, region, raw)
        digits = _digits(pieces[0])
    if region == "ES":
        # 34 and nine more is Spain's prefix: no Spanish number is that long
        bare = digits.removeprefix("+34") if digits[0] == "+" else digits
        if len(bare) == 11 and bare.startswith("34"):
            bare = bare[2:]
        if len(bare) == 9 and bare[0] in "456789":
            kind = _spanish_kind(bare)
            if kind:
                return Phone("+34" + bare, bare, kind, "ES", False, shown(raw)), None
            return None, Problem("phone_not_assigned", written)
        if _SHORT.fullmatch(digits):
            return None, Problem("phone_short_number", written)
        if len(bare) < 9 and digits[0] != "+":
            return None, Problem("phone_too_short", written)
    phone, code = _library(digits, region, shown(raw))
    if phone is None and digits[0] in "12345" and 11 <= len(digits) <= 15:
        # The '+' of a foreign number got lost. Not for 6 to 9, with which
        # Spanish numbers begin: a digit too many is not Russia's prefix.
        phone, _code = _library("+" + digits, region, shown(raw))
    if phone is None:
        return None, Problem(code, written)
    return phone, None


def _first_valid(
    pieces: list[str], region: str, raw: object
) -> tuple[Phone | None, Problem | None]:
    """Of several numbers the first valid one, else why the first is not."""
    problem = None
    for piece in pieces:
        phone, why = check_phone(piece, region)
        if phone:
            return phone._replace(raw=shown(raw)), None
        problem = problem or why
    return None, problem and Problem(problem.code, shown(raw, 80))


def parse_phone(raw: object, region: str = "ES") -> Phone | None:
    """``check_phone`` without the reason."""
    return check_phone(raw, region)[0]


def format_phone(e164: str) -> str:
    """For people: '612 345 678', abroad '+351 912 345 678'.

    Anything that is not E.164 comes back as it is.
    """
    if re.fullmatch(r"\+34\d{9}", e164 or ""):
        n = e164[3:]
        return f"{n[:3]} {n[3:6]} {n[6:]}"
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return e164 or ""
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def mask_phone(e164: str) -> str:
    """As ``format_phone`` with all but the last three digits hidden."""
    text = format_phone(e164)
    hide = sum(c.isdigit() for c in text) - 3
    out = []
    for c in text:
        if c.isdigit() and hide > 0:
            hide -= 1
            c = "•"
        out.append(c)
    return "".join(out)
