"""A table written line by line: what goes out of the memory as soon as it is known."""

from __future__ import annotations

import csv
import datetime
import io
import math
from collections.abc import Iterable
from typing import BinaryIO

import xlsxwriter

from ..identity.text import shown
from .returned import neutralise


def write_table(
    lines: Iterable[list], out: BinaryIO, fmt: str, separator: str = ";"
) -> int:
    """Writes ``lines``, the headings first, into the open file ``out``.

    ``fmt`` 'csv' (UTF-8 with BOM, which every Excel understands) or 'xlsx'. Nothing
    in it is run by a spreadsheet. Memory does not grow with the lines.
    Returns the number of lines without the headings.
    """
    if fmt == "csv":
        return _csv(lines, out, separator)
    return _xlsx(lines, out)


def _csv(lines: Iterable[list], out: BinaryIO, separator: str) -> int:
    # a lone surrogate cannot be written: it becomes a question mark
    text = io.TextIOWrapper(out, "utf-8-sig", errors="replace", newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    count = -1
    for line in lines:
        writer.writerow([neutralise(shown(value)) for value in line])
        count += 1
    text.flush()
    text.detach()  # the file stays open: it is the caller's
    return max(count, 0)


def _xlsx(lines: Iterable[list], out: BinaryIO) -> int:
    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
    count = -1
    for line in lines:
        count += 1
        for column, value in enumerate(line):
            if value is None or value == "":
                continue
            # bool is an int and datetime a date: order matters. Texts are written
            # as texts, so '=HYPERLINK(…)' stays what it says.
            if isinstance(value, bool):
                sheet.write_boolean(count, column, value)
            elif isinstance(value, (int, float)) and math.isfinite(value):
                sheet.write_number(count, column, value)
            elif isinstance(value, datetime.datetime) and value.year >= 1900:
                sheet.write_datetime(count, column, value.replace(tzinfo=None), moment)
            elif isinstance(value, datetime.date) and value.year >= 1900:
                sheet.write_datetime(count, column, value, day)
            else:
                text = shown(value).encode("utf-8", "replace").decode("utf-8")
                style = bold if count == 0 else None
                sheet.write_string(count, column, text[:32767], style)
    book.close()
    return max(count, 0)
