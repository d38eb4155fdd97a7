"""Cells for the fields of a campaign's profile: each in its field's type.

A field is a tuple ``(name, label, type, choices)``: ``type`` as Odoo's Properties
call it, ``choices`` pairs of key and label of 'selection' and 'tags'.
"""

from __future__ import annotations

import datetime
import re

from ..identity import Problem
from ..identity.text import clean_text, fold, shown
from .articles import read_number
from .cleaning import check_day
from .reader import Cell

ProfileField = tuple[str, str, str, tuple[tuple[str, str], ...]]

_TRUE = frozenset(("1", "si", "s", "yes", "y", "true", "verdadero", "x", "ok"))
_FALSE = frozenset(("0", "no", "n", "false", "falso"))
_NUMBERS = ("integer", "float", "monetary")
#: What a file can fill; the others point to records.
TYPES = ("char", "text", "boolean", *_NUMBERS, "date", "datetime", "selection", "tags")


def convert(
    raw: Cell,
    field: ProfileField,
    today: datetime.date | None = None,
    date1904: bool = False,
) -> tuple[object | None, Problem | None]:
    """The value as Properties keep it (dates as ISO text, choices by key), or why
    there is none. Nothing written: ``(None, None)``. Never raises."""
    name, label, kind, choices = field
    text = clean_text(raw)
    if not text:
        return None, None
    wrong = Problem(
        f"profile_{_WRONG.get(kind, 'type')}",
        shown(raw, 80),
        {"field_name": label},
        f"profile:{name}",
    )
    value = _convert(raw, text, kind, choices, today, date1904)
    return (value, None) if value is not None else (None, wrong)


_WRONG = {
    "boolean": "yes_no",
    "integer": "number",
    "float": "number",
    "monetary": "number",
    "date": "date",
    "datetime": "date",
    "selection": "choice",
    "tags": "choice",
}


def _convert(raw, text, kind, choices, today, date1904):
    if kind in ("char", "text"):
        return clean_text(shown(raw), multiline=kind == "text")
    if kind == "boolean":
        folded = "1" if raw is True else "0" if raw is False else fold(text)
        return True if folded in _TRUE else False if folded in _FALSE else None
    if kind in _NUMBERS:
        return _number(raw, text, kind)
    if kind in ("date", "datetime"):
        if kind == "datetime" and isinstance(raw, datetime.datetime):
            return raw.replace(microsecond=0, tzinfo=None).isoformat(" ")
        day, wrong = check_day(raw, today, date1904, future=True)
        if wrong is not None or day is None:
            return None
        return f"{day.isoformat()} 00:00:00" if kind == "datetime" else day.isoformat()
    if kind == "selection":
        return _choice(text, choices)
    if kind == "tags":
        parts = [part for part in re.split("[,;|]", text) if part.strip()]
        keys = [_choice(part, choices) for part in parts]
        return None if None in keys or not keys else list(dict.fromkeys(keys))
    return None


def _number(raw, text, kind):
    if isinstance(raw, bool):
        return None
    if isinstance(raw, (int, float)):
        value = raw
    else:
        number, _doubtful = read_number(re.sub(r"[€$%\s]+$", "", text))
        if number is None:
            return None
        value = float(number)
    if value != value or abs(value) > 1e15:
        return None
    if kind == "integer":
        # half a unit is not a whole number: nothing is rounded in silence
        return int(value) if value == int(value) else None
    return float(value)


def _choice(text, choices):
    folded = fold(text)
    for key, label in choices:
        if folded in (fold(label), fold(str(key))):
            return key
    return None
