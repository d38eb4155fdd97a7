"""Text as it comes out of cells: shown, cleaned, folded for comparison."""

from __future__ import annotations

import datetime
import functools
import math
import re
import unicodedata

# Cc control, Cf format (zero width, right-to-left marks, BOM), Cs lone
# surrogates (PostgreSQL refuses them, and NUL), Co private, Cn unassigned is
# kept: newer emoji than our Python are not junk.
_CONTROL = {"Cc", "Cf", "Cs"}
# Emoji are joined by U+200D and Persian or Indic words need U+200C, but no
# Spanish list needs either, and they hide inside phones and mails: dropped too.


def cached(size: int, longest: int = 64):
    """``lru_cache`` of functions of a text that never keeps long ones: sixteen
    thousand cells of 32 kB would be half a gigabyte. The type of the first argument
    counts ('7001' is not 7001.0).
    """

    def decorate(function):
        keep = functools.lru_cache(maxsize=size, typed=True)(function)

        @functools.wraps(function)
        def answer(text, *args, **options):
            if type(text) is str and len(text) > longest:
                return function(text, *args, **options)
            return keep(text, *args, **options)

        answer.cache_info = keep.cache_info
        return answer

    return decorate


def shown(value: object, limit: int | None = None) -> str:
    """A cell's value as a person reads it in the sheet.

    612345678.0 is '612345678' (Excel keeps all numbers as floats), dates are
    ISO, None is ''. ``limit`` cuts for messages. Never raises.
    """
    if value is None:
        text = ""
    elif isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = "1" if value else "0"
    elif isinstance(value, float):
        if math.isfinite(value) and value == int(value) and abs(value) < 2**53:
            text = str(int(value))
        else:
            text = repr(value)
    elif isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        text = value.date().isoformat() if midnight else value.isoformat(" ")
    elif isinstance(value, (datetime.date, datetime.time)):
        text = value.isoformat()
    else:
        text = str(value)
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    return text


def clean_text(value: object, multiline: bool = False) -> str:
    """``shown`` without control characters, with single spaces, trimmed.

    ``multiline`` keeps line breaks as ``\\n`` (notes) and inner spaces as typed.
    Idempotent.
    """
    text = value if type(value) is str else shown(value)
    if text.isprintable():
        # the usual case, ten times faster
        return text.strip() if multiline else " ".join(text.split())
    if multiline:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        kept = (
            c
            if c == "\n" or unicodedata.category(c) not in _CONTROL
            else (" " if c == "\t" else "")
            for c in text
        )
        return "".join(kept).strip()
    text = "".join(
        c if unicodedata.category(c) not in _CONTROL else (" " if c.isspace() else "")
        for c in text
    )
    return " ".join(text.split())


# combining marks of Latin, Greek and Cyrillic letters
_MARKS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_NOT_WORD = re.compile(r"[\W_]+")


@cached(32768)
def fold(text: str) -> str:
    """Text for comparing: no accents, case or punctuation, single spaces.

    'C. P.' → 'c p', 'Teléfono_2' → 'telefono 2', 'Nº' → 'no'. ``ñ`` folds to
    ``n``.
    """
    if not text.isascii():
        text = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    return _NOT_WORD.sub(" ", text.casefold()).strip()
