"""The file that goes back: the rows that were not taken, and why.

Same columns in the same order and one more, *Motivo*. Values as they came, but
nothing that a spreadsheet would run as a formula.
"""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import xlsxwriter

from ..identity.text import shown
from .mapping import REASON_HEADING

# What Excel, LibreOffice or Google Sheets may take as a formula's beginning
# (OWASP, CSV injection), full-width forms included. An apostrophe before it makes
# text of it. A value that already has apostrophes there gets one more, so that
# taking one off gives back what was written.
_DANGEROUS = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_PROTECTED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")


def neutralise(text: str) -> str:
    """A text that no spreadsheet runs: "=1+1" → "'=1+1"."""
    return "'" + text if _DANGEROUS.match(text) else text


def unneutralise(text: str) -> str:
    """The inverse of ``neutralise``; other texts stay."""
    return text[1:] if _PROTECTED.match(text) else text


def write_returned(
    rows: Iterable[tuple[Sequence, str]],
    headings: Sequence[str],
    fmt: str,
    separator: str = ";",
    reason_heading: str = REASON_HEADING,
) -> bytes:
    """The bytes of ``write_returned_to``."""
    out = io.BytesIO()
    write_returned_to(out, rows, headings, fmt, separator, reason_heading)
    return out.getvalue()


def write_returned_to(
    out: BinaryIO,
    rows: Iterable[tuple[Sequence, str]],
    headings: Sequence[str],
    fmt: str,
    separator: str = ";",
    reason_heading: str = REASON_HEADING,
) -> None:
    """A file of ``rows``, pairs of (raw cells, reason as a sentence), written as they
    come: memory does not grow with them.

    ``fmt`` 'csv' for a file that came as csv (UTF-8 with BOM, which every Excel
    understands, whatever it was), anything else gives .xlsx. Cells beyond the
    headings stand behind the reason. A heading 'Motivo' that is already the last
    one is ours from an earlier round: it is replaced, not repeated.
    """
    headings = list(headings)
    drop = bool(headings) and headings[-1].strip().casefold() == (
        reason_heading.casefold()
    )
    if drop:
        headings.pop()
    width = len(headings)

    def lines() -> Iterable[list]:
        yield [*headings, reason_heading]
        for raw, reason in rows:
            cells = list(raw[:width])
            cells += [None] * (width - len(cells))
            yield [*cells, reason, *raw[width + drop :]]

    if fmt == "csv":
        _csv(out, lines(), separator)
    else:
        _xlsx(out, lines())


def _csv(out: BinaryIO, lines: Iterable[list], separator: str) -> None:
    # a lone surrogate cannot be written: it becomes a question mark
    text = io.TextIOWrapper(out, encoding="utf-8-sig", errors="replace", newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    for line in lines:
        writer.writerow([neutralise(shown(value)) for value in line])
    text.flush()
    text.detach()


def _xlsx(out: BinaryIO, lines: Iterable[list]) -> None:
    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
    for r, line in enumerate(lines):
        for c, value in enumerate(line):
            if value is None or value == "":
                continue
            # bool is an int and datetime a date: order matters. Texts are written
            # as texts, so '=HYPERLINK(…)' stays what it says.
            if isinstance(value, bool):
                sheet.write_boolean(r, c, value)
            elif isinstance(value, (int, float)) and math.isfinite(value):
                sheet.write_number(r, c, value)
            elif isinstance(value, datetime.datetime) and value.year >= 1900:
                sheet.write_datetime(r, c, value.replace(tzinfo=None), moment)
            elif isinstance(value, datetime.date) and value.year >= 1900:
                sheet.write_datetime(r, c, value, day)
            else:
                text = shown(value).encode("utf-8", "replace").decode("utf-8")
                sheet.write_string(r, c, text[:32767], bold if r == 0 else None)
    book.close()
