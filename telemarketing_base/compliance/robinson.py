# pylint: disable=prefer-env-translation
"""Lista Robinson: how a person is written as a hash, what is asked and answered.

Ley Orgánica 3/2018 (LOPDGDD) art. 23.4 wants advertising-exclusion systems consulted
before an unsolicited commercial call. No telephone leaves the house: the list and we
compare SHA-256 of ``channel + normalised fields``. Rules and examples are those of the
service's own client (github.com/adigital-org/slr-client; ``spain.md`` C4), which
answers of the service and result files follow too.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from ..identity.phone import parse_phone

CHANNELS = {
    "identity": "00",
    "postal": "01",
    "email": "02",
    "sms": "03",
    "call": "04",
}
# More are refused by the service, and so are repeated ones.
HASHES_PER_REQUEST = 60
# Of the service's own tests; no operator assigns it, so asking about it names nobody.
NOBODYS_PHONE = "345678890"

_HASH = re.compile(r"[0-9a-f]{64}")
_NOT_DIGIT = re.compile(r"[^0-9]")
_UPPER = {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}
# The service turns these letters and no others into plain ones.
_TEXT = _UPPER | str.maketrans(
    "ÀÁÇÈÉÌÍÑÒÓÙÚÜàáçèéìíñòóùúü", "aaceeiinoouuuaaceeiinoouuu"
)


def _(source: str) -> str:
    """Marks a sentence for Odoo's term extractor; translates nothing."""
    return source


REASONS: dict[str, str] = {
    "answer_not_json": _("The service's answer cannot be read"),
    "answer_incomplete": _("The service did not answer for every number"),
    "answer_unclear": _("The service's answer does not say whether a number is there"),
    "answer_no_proof": _("The service's answer brings no proof of the consultation"),
    "file_empty": _("The file is empty"),
    "file_unknown": _(
        "No column of the file holds hashes (64 characters, 0-9 and a-f) or telephone"
        " numbers"
    ),
    "file_no_result": _(
        "The file holds telephone numbers but no column that says with 1 or 0 whether"
        " each is in the list"
    ),
    "file_not_text": _(
        "It is a workbook, a compressed file or a PDF and no text: save it as CSV first"
    ),
    "file_too_large": _("The file is too large: split it, 500 MB at most"),
    "file_too_many_lines": _(
        "The file has too many lines: split it, 10 million at most"
    ),
    "line_no_key": _("No hash and no telephone number"),
    "line_no_result": _("Neither 1 nor 0"),
    "line_too_long": _("The line is too long"),
}


class AnswerError(ValueError):
    """What the service answered cannot be relied on; ``code`` in ``REASONS``."""

    def __init__(self, code: str):
        super().__init__(REASONS[code])
        self.code = code


class FileError(ValueError):
    """The file is none that we know; ``code`` in ``REASONS``."""

    def __init__(self, code: str):
        super().__init__(REASONS[code])
        self.code = code


# ------------------------------------------------------------------- hashes
def normalise_phone(phone: str) -> str:
    """Digits with the international prefix written 00: '+34 612…' → '0034612…'.

    As the service does it: without '+' or '00' in front it is a Spanish number, so
    that a bare '34612345678' comes out wrong. Give it E.164.
    """
    phone = phone.strip()
    digits = _NOT_DIGIT.sub("", phone)
    if phone.startswith("+"):
        return "00" + digits
    if phone.startswith("00"):
        return digits
    return "0034" + digits


def normalise_text(text: str) -> str:
    """Plain small letters only; a letter that the service does not know is left out."""
    text = unicodedata.normalize("NFC", text).translate(_TEXT)
    return re.sub(r"[^a-z]", "", text)


def normalise_email(email: str) -> str:
    """Small letters, digits and ``. @ _ - +``."""
    return re.sub(r"[^a-z0-9.@_\-+]", "", email.translate(_UPPER))


def normalise_identity(number: str) -> str:
    """DNI or NIE in small letters; I, O and U, which no DNI has, are left out."""
    number = unicodedata.normalize("NFC", number).translate(_UPPER)
    return re.sub(r"[^0-9a-hj-np-tv-z]", "", number)


def _digest(channel: str, normalised: str) -> str:
    return hashlib.sha256((CHANNELS[channel] + normalised).encode()).hexdigest()


def hash_phone(phone: str, channel: str = "call", name: Iterable[str] = ()) -> str:
    """64 small hexadecimal digits.

    :param channel: ``call`` or ``sms``
    :param name: name, first and second surname, where the person is asked for with
        the name (“full”)
    """
    return _digest(channel, "".join(map(normalise_text, name)) + normalise_phone(phone))


def hash_e164(e164: str, channel: str = "call") -> str:
    """As ``hash_phone`` for '+34612345678'; the same in SQL:
    ``encode(sha256(convert_to('0400' || substr(e164, 2), 'UTF8')), 'hex')``.

    :raise ValueError: not E.164
    """
    if not re.fullmatch(r"\+[1-9]\d{4,14}", e164, re.ASCII):
        raise ValueError(f"not E.164: {e164!r}")
    return _digest(channel, "00" + e164[1:])


def hash_identity(number: str) -> str:
    return _digest("identity", normalise_identity(number))


def hash_email(email: str) -> str:
    return _digest("email", normalise_email(email))


# ------------------------------------------------------- request and answer
def request_body(hashes: Iterable[str]) -> bytes:
    """What is posted: the hashes, separated by commas.

    :raise ValueError: none, more than ``HASHES_PER_REQUEST``, one twice, or not a hash
    """
    hashes = list(hashes)
    if not 0 < len(hashes) <= HASHES_PER_REQUEST:
        raise ValueError(f"{len(hashes)} hashes in a request")
    if len(set(hashes)) < len(hashes):
        raise ValueError("a hash twice in a request")
    if not all(_HASH.fullmatch(one) for one in hashes):
        raise ValueError("not a hash")
    return ",".join(hashes).encode()


@dataclass(frozen=True)
class Entry:
    """Of one hash: in the list or not, codes of the advertising sectors that the
    person opposed (none: all), and the service's proof that it was asked."""

    present: bool
    sectors: tuple[str, ...] = ()
    proof: str = ""


def parse_answer(content: bytes, hashes: Iterable[str]) -> dict[str, Entry]:
    """``{hash: Entry}`` for each hash asked.

    All or nothing: “not in the list” is only what was plainly said so.

    :param content: ``{hash: {"found": bool, "sectors": [code], "signature": text}}``
    :raise AnswerError: not JSON, a hash missing, unclear, or without its proof
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise AnswerError("answer_not_json") from error
    if not isinstance(data, dict):
        raise AnswerError("answer_not_json")
    entries = {}
    for one in hashes:
        entry = data.get(one)
        if entry is None:
            raise AnswerError("answer_incomplete")
        if not isinstance(entry, dict) or not isinstance(entry.get("found"), bool):
            raise AnswerError("answer_unclear")
        sectors = entry.get("sectors") or []
        if not isinstance(sectors, list):
            raise AnswerError("answer_unclear")
        proof = entry.get("signature")
        if not isinstance(proof, str) or not proof.strip():
            raise AnswerError("answer_no_proof")
        entries[one] = Entry(entry["found"], tuple(map(str, sectors)), proof)
    return entries


# -------------------------------------------------------------------- files
SEPARATORS = (",", ";", "\t", "|")
_RESULTS = {"1": True, "0": False, "si": True, "sí": True, "yes": True, "true": True}
_RESULTS |= {"no": False, "false": False}
_PHONE_CELL = re.compile(r"\+?[\d(][\d ().\-/]{7,24}", re.ASCII)
_LINE_LIMIT = 10_000
_SAMPLE_LINES = 200
# Sampled are so many columns of so many lines, blank ones too: what no list has must
# not keep the server busy.
_SAMPLE_COLUMNS = 64
_SAMPLE_READ = 10_000
# Half a million hashes with columns of their own are some 50 MB.
SIZE_LIMIT = 500 * 1024 * 1024
LINE_COUNT_LIMIT = 10_000_000
# zip (also .xlsx, .ods), OLE (.xls), PDF, gzip, 7z, xz, bzip2, RAR
_NOT_TEXT = (
    *(b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b"),
    *(b"7z\xbc\xaf", b"\xfd7zXZ", b"BZh9", b"Rar!"),
)


@dataclass(frozen=True)
class FileFormat:
    """``key``: 'hash' or 'phone'; ``result_column`` None: a list of those present."""

    key: str
    key_column: int
    result_column: int | None = None
    separator: str = ","
    encoding: str = "utf-8-sig"


@dataclass(frozen=True)
class Line:
    """A line of the file: its ``number`` from 1, the hash of the call channel and
    whether that is in the list; or ``problem``, a code in ``REASONS``."""

    number: int
    hash: str = ""
    present: bool = False
    problem: str = ""


def _lines(stream: BinaryIO, encoding: str) -> Iterator[str]:
    """Lines without their end; one without end is cut, so that no file fills memory."""
    text = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline=None)
    try:
        whole = True
        while line := text.readline(_LINE_LIMIT):
            if whole:
                yield line
            whole = line.endswith("\n")
    finally:
        text.detach()


def _cells(line: str, separator: str) -> list[str]:
    """Fields may be quoted and hold the separator; an open quote ends with the line."""
    line = line.strip("\r\n\0 ")
    if '"' not in line:
        return [cell.strip() for cell in line.split(separator)]
    cells, current, quoted = [], [], False
    for char in line:
        if char == '"':
            quoted = not quoted
        elif char == separator and not quoted:
            cells.append("".join(current).strip())
            current = []
        else:
            current.append(char)
    return [*cells, "".join(current).strip()]


def _key(kind: str, cell: str) -> str:
    """The hash that the cell says, '' for none."""
    if kind == "hash":
        cell = cell.lower()
        return cell if _HASH.fullmatch(cell) else ""
    phone = parse_phone(cell) if _PHONE_CELL.fullmatch(cell) else None
    return hash_e164(phone.e164) if phone else ""


def check_file(stream: BinaryIO) -> None:
    """Is it text that we had better read at all? By its first bytes and its size; the
    stream is left where it stands.

    :raise FileError: empty, no text, or too large
    """
    here = stream.tell()
    size = stream.seek(0, io.SEEK_END) - here
    stream.seek(here)
    head = stream.read(8)
    stream.seek(here)
    if not head:
        raise FileError("file_empty")
    if head.startswith(_NOT_TEXT):
        raise FileError("file_not_text")
    if size > SIZE_LIMIT:
        raise FileError("file_too_large")


def detect_format(stream: BinaryIO) -> FileFormat:
    """What the file's columns are, by its first lines; the stream is read from where
    it stands.

    Known are: hashes alone; hashes or telephones with the result, which stands to
    the right of them (the service's own program adds it behind the columns that it
    was given). Headings or none.

    :raise FileError: empty, no such column, or telephones without a result
    """
    head = stream.read(4)
    stream.seek(-len(head), io.SEEK_CUR)
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    sample = []
    for line in islice(_lines(stream, encoding), _SAMPLE_READ):
        if line.strip():
            sample.append(line)
        if len(sample) >= _SAMPLE_LINES:
            break
    if not sample:
        raise FileError("file_empty")
    best = (0.0, False, False, None)
    for separator in SEPARATORS:
        rows = [_cells(line, separator)[:_SAMPLE_COLUMNS] for line in sample]
        for kind in ("hash", "phone"):
            for column in range(max(map(len, rows))):
                found = [
                    row for row in rows if len(row) > column and _key(kind, row[column])
                ]
                # A heading, and now and then a bad line.
                share = len(found) / max(1, len(rows) - 1)
                if share < 0.5:
                    continue
                result = _result_column(found, column)
                rank = (min(share, 1.0), kind == "hash", result is not None)
                if rank > best[:3]:
                    known = FileFormat(kind, column, result, separator, encoding)
                    best = (*rank, known)
    known = best[3]
    if known is None:
        raise FileError("file_unknown")
    if known.key == "phone" and known.result_column is None:
        raise FileError("file_no_result")
    return known


def _result_column(rows: list[list[str]], key_column: int) -> int | None:
    """First column to the right that says 1 or 0 in nearly every row."""
    for column in range(key_column + 1, max(map(len, rows))):
        said = sum(
            len(row) > column and row[column].lower() in _RESULTS for row in rows
        )
        if said >= 0.8 * len(rows):
            return column
    return None


def parse_file(stream: BinaryIO, known: FileFormat) -> Iterator[Line]:
    """The file's lines one by one, never all in memory; headings and blank lines are
    left out, a bad line comes with its problem.

    :raise FileError: too many lines
    """
    key_column, result_column = known.key_column, known.result_column
    for number, line in enumerate(_lines(stream, known.encoding), 1):
        if number > LINE_COUNT_LIMIT:
            raise FileError("file_too_many_lines")
        if not line.strip():
            continue
        if len(line) >= _LINE_LIMIT and not line.endswith("\n"):
            yield Line(number, problem="line_too_long")
            continue
        cells = _cells(line, known.separator)
        digest = _key(known.key, cells[key_column]) if key_column < len(cells) else ""
        if not digest:
            if number > 1:
                yield Line(number, problem="line_no_key")
            continue
        if result_column is None:
            yield Line(number, digest, True)
            continue
        cell = cells[result_column].lower() if result_column < len(cells) else ""
        if cell in _RESULTS:
            yield Line(number, digest, _RESULTS[cell])
        else:
            yield Line(number, problem="line_no_result")
