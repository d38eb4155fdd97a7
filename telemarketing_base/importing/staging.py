"""Clean rows as lines of PostgreSQL's COPY (text format, NULL is nothing at all).

One line per row of the file, in the order of ``COLUMNS``; nothing of the database
is known here, so that a second process can make whole chunks while the first one
loads them. Texts that are empty are NULL.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from json.encoder import encode_basestring as quoted

from ..compliance import province_of_number
from ..identity.phone import PERSONAL_KINDS, Phone
from ..identity.reasons import Problem
from ..identity.text import fold, shown
from .cleaning import Cleaner, CleanRow, Settings
from .reader import Cell, Table

#: Rows of one chunk: one transaction of the loader, and what a crash makes us do again.
CHUNK = 5000

#: Columns of STAGE (docs/architecture.md, "Data in") that a file fills, with their
#: types. ``basis_in`` and ``basis_in_on`` are what counts with the file's statement;
#: ``own_basis_*`` what the person carries herself; ``raw_values`` the row by heading;
#: ``raw`` its cells in order, only where something was wrong.
COLUMNS: dict[str, str] = {
    "row": "int",
    "ok": "bool",
    "name": "text",
    "name_folded": "text",
    "vat": "text",
    "email": "text",
    "client_key": "text",
    "street": "text",
    "zip": "text",
    "city": "text",
    "state": "text",
    "lang": "text",
    "note": "text",
    "iban": "text",
    "category": "text",
    "contact_type": "text",
    "legal_basis": "text",
    "basis_source": "text",
    "consent_text": "text",
    "basis_in": "text",
    "own_basis_code": "text",
    "own_basis_source": "text",
    "birthdate": "date",
    "basis_date": "date",
    "client_until": "date",
    "interacted_on": "date",
    "basis_in_on": "date",
    "own_basis_on": "date",
    "is_company": "bool",
    "is_professional": "bool",
    "consent_denied": "bool",
    "own_basis": "bool",
    "exclude": "bool",
    "e164s": "text[]",
    "raws": "text[]",
    "kinds": "text[]",
    "countries": "text[]",
    "provinces": "text[]",
    "personal": "bool[]",
    "extra": "jsonb",
    "profile": "jsonb",
    "raw_values": "jsonb",
    "raw": "jsonb",
    "problems": "jsonb",
    "notices": "jsonb",
}


@dataclass(frozen=True)
class Staging:
    """How the rows of one file become lines.

    ``mapping`` and ``settings`` as for ``clean_row``; ``headings`` of the file;
    ``extra_names`` the name of the Property for each extra column's name;
    ``basis_source`` where what is stated for the whole file was given; ``of_file``:
    that statement is the file's and not its database's, so each person carries it.
    """

    mapping: tuple[str | None, ...]
    settings: Settings
    headings: tuple[str, ...]
    extra_names: dict[str, str] = field(default_factory=dict)
    basis_source: str = ""
    of_file: bool = False


@dataclass(slots=True)
class Chunk:
    """``data`` lines of COPY; ``count`` of them; ``last`` row as the spreadsheet
    numbers it."""

    data: bytes
    count: int
    last: int


# ------------------------------------------------------------------------ JSON
def unique_headings(headings) -> list[str]:
    """Headings as keys: repeated or empty ones get a number."""
    seen: dict[str, int] = {}
    result = []
    for place, heading in enumerate(headings, 1):
        heading = heading or f"#{place}"
        seen[heading] = seen.get(heading, 0) + 1
        result.append(heading if seen[heading] == 1 else f"{heading} ({seen[heading]})")
    return result


def jsonable(value):
    """What jsonb takes: no NUL, no infinity; days as ``{"date": ISO}``."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, (datetime.date, datetime.datetime)):
        return {"date": value.isoformat()}
    if isinstance(value, dict):
        return {jsonable(key): jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(each) for each in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    return str(value)


def from_json(value):
    """A cell as it was before ``jsonable``."""
    if isinstance(value, dict) and "date" in value:
        text = value["date"]
        day = datetime.datetime if "T" in text else datetime.date
        return day.fromisoformat(text)
    return value


def _dumps(value) -> str:
    return json.dumps(jsonable(value), ensure_ascii=False)


def _cell(value: Cell) -> str:
    if type(value) is str:
        return quoted(value)
    if value is None:
        return "null"
    return _dumps(value)


def _problems(found: list[Problem]) -> str:
    if not found:
        return ""
    return _dumps([[p.code, p.value, p.params, p.field, p.column] for p in found])


# ------------------------------------------------------------------------ COPY
_SPECIAL = re.compile("[\\\\\t\n\r\x00]")
_ESCAPES = {
    "\\": "\\\\",
    "\t": "\\t",
    "\n": "\\n",
    "\r": "\\r",
    # PostgreSQL has no place for it
    "\x00": "",
}
_MARK = "\x01"
# of an array: bare only what no rule of quoting could touch
_BARE = re.compile(r"\+?[0-9]+|[a-z_]+", re.ASCII)


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda match: _ESCAPES[match.group()], text)


def _element(text: str) -> str:
    if _BARE.fullmatch(text) and text != "null":
        return text
    text = text.replace("\x00", "").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _array(texts) -> str:
    return "{" + ",".join([_element(text) for text in texts]) + "}"


def _day(value: datetime.date | None) -> str:
    return "" if value is None else value.isoformat()


def _province(phone: Phone) -> str:
    return province_of_number(phone.e164) or "" if phone.kind == "fixed" else ""


class Lines:
    """Makes the line of each row."""

    def __init__(self, staging: Staging):
        self.staging = staging
        self.keys = [
            quoted(heading.replace("\x00", "")) + ":"
            for heading in unique_headings(staging.headings)
        ]

    def of_row(self, clean: CleanRow) -> str:
        """One line of COPY, without its end."""
        raw = clean.raw
        values = ",".join(
            [
                key + (quoted(cell) if type(cell) is str else _cell(cell))
                for key, cell in zip(self.keys, raw, strict=False)
            ]
        )
        if "\\u0000" in values:
            # a NUL, or somebody who writes of one: the careful way
            values = ",".join(
                key + _dumps(cell) for key, cell in zip(self.keys, raw, strict=False)
            )
        wrong = clean.problems or clean.notices
        staging = self.staging
        basis_in, basis_in_on = clean.basis_in(
            staging.settings.basis, staging.settings.basis_on
        )
        own = clean.own_basis
        mine = self._own_basis(clean) if own or staging.of_file else ("", "", "")
        extra = self._extra(clean) if clean.extra else ""
        profile = clean.profile
        phones = clean.phones
        if len(phones) == 1:
            phone = phones[0]
            country = phone.country
            arrays = [
                "{" + phone.e164 + "}",
                "{" + _element(phone.raw[:64] or phone.e164) + "}",
                "{" + phone.kind + "}",
                "{" + country + "}" if country else '{""}',
                "{" + (_province(phone) or '""') + "}",
                "{t}" if phone.kind in PERSONAL_KINDS else "{f}",
            ]
        else:
            arrays = [
                _array([p.e164 for p in phones]),
                _array([p.raw[:64] or p.e164 for p in phones]),
                _array([p.kind for p in phones]),
                _array([p.country or "" for p in phones]),
                _array([_province(p) for p in phones]),
                _array(["t" if p.kind in PERSONAL_KINDS else "f" for p in phones]),
            ]
        name = clean.name
        fields = [
            str(clean.row),
            "f" if clean.problems else "t",
            name,
            fold(name),
            clean.vat,
            clean.email,
            clean.client_key,
            clean.street,
            clean.zip,
            clean.city,
            clean.state,
            clean.language,
            clean.note,
            clean.iban,
            clean.category,
            clean.contact_type,
            clean.legal_basis,
            clean.basis_source,
            clean.consent_text,
            basis_in,
            mine[0],
            mine[2],
            _day(clean.birthdate),
            _day(clean.basis_date),
            _day(clean.client_until),
            _day(clean.interacted_on),
            _day(basis_in_on),
            mine[1],
            "t" if clean.is_company else "f",
            "t" if clean.is_professional else "f",
            "t" if clean.consent_denied else "f",
            "t" if own else "f",
            "t" if clean.exclude else "f",
            *arrays,
            extra,
            _dumps(profile) if profile else "",
            "{" + values + "}",
            _dumps(raw) if wrong else "",
            _problems(clean.problems),
            _problems(clean.notices),
        ]
        line = _MARK.join(fields)
        if _SPECIAL.search(line) or line.count(_MARK) != len(fields) - 1:
            return "\t".join([_escape(text) for text in fields])
        return line.replace(_MARK, "\t")

    def _own_basis(self, clean: CleanRow) -> tuple[str, str, str]:
        """``(basis, day, source)`` that a person carries herself: '' where her
        database's count."""
        staging, settings = self.staging, self.staging.settings
        # A day of its own is that of its basis, so the two go together.
        said = staging.of_file or clean.basis_date
        mine = clean.legal_basis or (settings.basis if said else "")
        same = mine and (not clean.legal_basis or clean.legal_basis == settings.basis)
        day = clean.basis_date or (settings.basis_on if same else None)
        source = clean.basis_source or (staging.basis_source if same else "")
        return mine, _day(day), source

    def _extra(self, clean: CleanRow) -> str:
        names = self.staging.extra_names
        values = {
            name: shown(value)
            for heading, value in clean.extra.items()
            if (name := names.get(heading)) and value not in (None, "")
        }
        return _dumps(values) if values else ""


def chunks(
    table: Table,
    staging: Staging,
    skip: int = 0,
    size: int = CHUNK,
    first: int | None = None,
) -> Iterator[Chunk]:
    """The rows of a table after the first ``skip`` ones, which are read and not
    cleaned; ``first``: so many in the first chunk, if not ``size`` as in the others.
    Raises ReadError as ``Table.rows`` does."""
    clean = Cleaner(list(staging.mapping), staging.settings).clean
    lines = Lines(staging).of_row
    rows = itertools.islice(table.rows(), skip, None)
    done: list[str] = []
    number = 0
    wanted = first or size
    for number, raw in rows:
        done.append(lines(clean(raw, number)))
        if len(done) >= wanted:
            yield _chunk(done, number)
            done = []
            wanted = size
    if done:
        yield _chunk(done, number)


def _chunk(lines: list[str], last: int) -> Chunk:
    # A lone surrogate cannot be written: it becomes a question mark.
    data = ("\n".join(lines) + "\n").encode("utf-8", "replace")
    return Chunk(data, len(lines), last)


# ----------------------------------------------------------- across a pipe, as JSON
def pack(value):
    """Dataclasses, tuples and days as JSON takes them."""
    if dataclasses.is_dataclass(value):
        return {f.name: pack(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {"dict": [[key, pack(each)] for key, each in value.items()]}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [pack(each) for each in value]
    if isinstance(value, datetime.date):
        return {"date": value.isoformat()}
    return value


def _unpack(value):
    if isinstance(value, list):
        return tuple(_unpack(each) for each in value)
    if isinstance(value, dict) and "dict" in value:
        return {key: _unpack(each) for key, each in value["dict"]}
    return from_json(value)


def unpack(cls, packed: dict):
    """The inverse of ``pack`` for a dataclass of plain values."""
    return cls(**{name: _unpack(value) for name, value in packed.items()})
