"""Files to tables: .xls, .xlsx, .ods, .csv, by what is in them.

The name's extension decides nothing; the first bytes do. Sizes that the file
declares, its compression and its dimensions are looked at before a reader opens
it, because the readers build the whole rectangle in memory: one cell at
XFD1048576 would be 17 thousand million cells.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import datetime
import io
import itertools
import os
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import python_calamine
import xlrd
import xlrd.compdoc

from ..identity import parse_nif, parse_phone
from ..identity.text import clean_text
from . import mapping as mapping_module
from .checks import (
    Limits,
    check_archive,
    check_cells,
    check_directory,
    check_ods,
    check_size,
    check_xlsx,
    unpacked,
)
from .reasons import ReadError

Known = Callable[[list[str]], int]
Cell = str | float | int | bool | datetime.date | datetime.datetime | None

MB = 1024 * 1024


LIMITS = Limits()


@dataclass
class Table:
    """A sheet with headings.

    ``headings`` texts, '' where empty; ``kind`` 'xls', 'xlsx', 'ods' or 'csv';
    ``sheet`` its name ('' for csv), ``sheets`` the names of all that can be
    chosen; ``heading_row`` 1-based; ``date1904`` the epoch of bare date numbers;
    ``encoding`` and ``separator`` of a csv. ``rows()`` can be called again.
    """

    headings: list[str]
    kind: str
    sheet: str
    sheets: list[str]
    heading_row: int
    _source: Callable[[], Iterator[list]] = field(repr=False)
    limits: Limits = field(default_factory=Limits, repr=False)
    date1904: bool = False
    encoding: str = ""
    separator: str = ""

    def rows(self, after: int = 0) -> Iterator[tuple[int, list[Cell]]]:
        """(row number as the spreadsheet shows it, values), empty rows left out.

        ``after``: only those below that number, for who goes on after a restart; the
        others are passed over without being looked at.

        Values: str as written, float or int, bool, date or datetime, None for an
        empty cell; as many as headings, more if the row is longer.
        Raises ReadError in the middle on a cell that is too long: ``scan`` first
        if nothing must be written from such a file.
        """
        width = len(self.headings)
        skip = max(after, self.heading_row)
        with _damage():
            rows = itertools.islice(self._source(), skip, None)
            for number, values in enumerate(rows, skip + 1):
                row = _tidy_row(values, number, self.limits)
                if not row:
                    continue
                if len(row) < width:
                    row.extend([None] * (width - len(row)))
                yield number, row

    def scan(self) -> int:
        """Reads everything once: the number of rows, or ReadError."""
        return sum(1 for _row in self.rows())


@contextlib.contextmanager
def _damage() -> Iterator[None]:
    """Whatever a reader raises is a damaged file."""
    try:
        yield
    except (ReadError, MemoryError):
        raise
    except Exception as error:
        # anything from struct.error to AssertionError; pyo3 panics are BaseException
        # and named so
        raise ReadError("file_unreadable") from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise ReadError("file_unreadable") from error
        raise


def open_table(
    source: str | os.PathLike | bytes,
    filename: str = "",
    sheet: str | None = None,
    limits: Limits = LIMITS,
    bare: bool = False,
    known: Known = mapping_module.known_headings,
) -> Table:
    """Opens a file (a path or its bytes) and finds its headings.

    ``bare``: a list may come without headings; if its first row holds a number or a
    NIF the columns are called A, B, C… and no row is lost. Else that is an error.

    ``known``: how many of some texts are headings of such a file; those of people's
    else.

    ``filename`` only says which csv-like text is meant ('.tsv'); ``sheet`` picks
    a sheet by name, else the first visible one that holds anything.
    Raises ReadError, whose code says what is wrong, and nothing else.
    """
    with _damage():
        table = _open(source, sheet, limits, bare, known)
        first = next(table.rows(), None)
    if first is None:
        raise ReadError("file_only_headings")
    return table


def _open(source, sheet: str | None, limits: Limits, bare: bool, known: Known) -> Table:
    head, size = _head(source)
    if not size:
        raise ReadError("file_empty")
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") or (
        head[:2] == b"\x09\x08" and head[2:4] in (b"\x10\x00", b"\x08\x00")
    ):
        check_size(size, limits)
        return _open_xls(_read_all(source), sheet, limits, bare, known)
    if head.startswith(b"PK\x03\x04"):
        check_size(size, limits)
        return _open_zip(source, sheet, limits, bare, known)
    if head.startswith((b"PK\x05\x06", b"PK\x07\x08")):
        raise ReadError("file_not_table")
    return _open_csv(source, head, limits, bare, known)


def _stream(source) -> io.BufferedIOBase:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source)
    return open(source, "rb")  # noqa: SIM115  closed by the caller


def _head(source) -> tuple[bytes, int]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source[:65536]), len(source)
    with open(source, "rb") as stream:
        return stream.read(65536), os.fstat(stream.fileno()).st_size


def _read_all(source) -> bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    with open(source, "rb") as stream:
        return stream.read()


def _tidy_row(values: list, number: int, limits: Limits) -> list[Cell]:
    """A row without trailing empties; [] if nothing is in it."""
    row: list[Cell] = []
    last = 0
    for index, value in enumerate(values):
        if value == "" or value is None:
            value = None
        else:
            if isinstance(value, str):
                if len(value) > limits.cell:
                    raise ReadError(
                        "file_cell_too_large",
                        row=number,
                        column=mapping_module.column_letter(index),
                        limit=limits.cell,
                    )
                if not value.isspace():
                    last = index + 1
            else:
                if isinstance(value, (datetime.time, datetime.timedelta)):
                    value = str(value)
                last = index + 1
        row.append(value)
    del row[last:]
    return row


def _with_headings(
    source: Callable[[], Iterator[list]],
    limits: Limits,
    bare: bool,
    known: Known,
    **facts,
) -> Table:
    """The table below the first row that reads as headings.

    A title above them ('Listado de clientes', merged cells) is skipped: of the
    first twenty rows the first with two known headings is taken, else the first
    that is not empty.
    """
    first: tuple[int, list] | None = None
    for number, values in enumerate(itertools.islice(source(), 1000), 1):
        row = _tidy_row(values, number, limits)
        if not row:
            continue
        names = [clean_text(v) for v in row]
        if first is None:
            first = (number, names)
            stop = number + 20
        if known(names) >= 2:
            first = (number, names)
            break
        if number >= stop:
            break
    if first is None:
        raise ReadError("file_empty")
    number, names = first
    if len(names) > limits.columns:
        raise ReadError(
            "file_too_many_columns", columns=len(names), limit=limits.columns
        )
    if not known(names) and any(
        sum(c.isdigit() for c in name) >= 9 and parse_phone(name) for name in names
    ):
        # taking it as headings would lose the first person without a word
        if not bare:
            raise ReadError("file_no_headings")
        number, names = 0, _letters(names)
    elif bare and any(parse_nif(name) for name in names):
        number, names = 0, _letters(names)
    return Table(
        headings=names, heading_row=number, _source=source, limits=limits, **facts
    )


def _letters(names: list[str]) -> list[str]:
    return [mapping_module.column_letter(index) for index in range(len(names))]


# ------------------------------------------------------------------------ .xls
def _open_xls(
    data: bytes, sheet: str | None, limits: Limits, bare: bool, known: Known
) -> Table:
    _check_xls(data, limits)
    try:
        book = xlrd.open_workbook(
            file_contents=data, logfile=io.StringIO(), on_demand=True, ragged_rows=True
        )
    except xlrd.XLRDError as error:
        message = str(error).lower()
        if "encrypt" in message or "password" in message:
            raise ReadError("file_password") from error
        if "find workbook" in message or "unsupported format" in message:
            # a Word document is an OLE file too
            raise ReadError("file_not_table") from error
        raise
    names = book.sheet_names()
    # visibility is known before the sheet is loaded; 0 visible, 1 and 2 hidden
    hidden = getattr(book, "_sheet_visibility", [0] * len(names))
    visible = [n for n, v in zip(names, hidden, strict=False) if v == 0] or names
    found = None
    for name in _candidates(visible, names, sheet):
        candidate = book.sheet_by_name(name)
        if candidate.nrows or sheet:
            found = candidate
            break
        book.unload_sheet(name)
    if found is None:
        raise ReadError("file_empty")
    widest = max((found.row_len(r) for r in range(found.nrows)), default=0)
    if widest > limits.columns:
        check_cells(1, widest, limits)
    cells = sum(found.row_len(r) for r in range(found.nrows))
    if cells > limits.cells:
        raise ReadError("file_too_many_cells", cells=cells, limit=limits.cells)
    datemode = book.datemode

    def source() -> Iterator[list]:
        for r in range(found.nrows):
            types = found.row_types(r)
            values = found.row_values(r)
            for c, kind in enumerate(types):
                if kind == xlrd.XL_CELL_DATE:
                    values[c] = _xls_date(values[c], datemode)
                elif kind == xlrd.XL_CELL_BOOLEAN:
                    values[c] = bool(values[c])
                elif kind == xlrd.XL_CELL_ERROR:
                    values[c] = xlrd.error_text_from_code.get(values[c], "#N/A")
            yield values

    return _with_headings(
        source,
        limits,
        bare,
        known,
        kind="xls",
        sheet=found.name,
        sheets=visible,
        date1904=bool(datemode),
    )


# Six bytes are the shortest cell: below this no file holds four million of them.
_SMALL_XLS = 24 * MB
# (record, bytes besides its cells, bytes of a cell): runs of cells and single ones
_RUNS = {0xBD: (6, 6), 0xBE: (6, 2)}
_SINGLE = frozenset({0x06, 0x203, 0x204, 0x205, 0x27E, 0xFD, 0xD6, 0x406, 0x206})


def _check_xls(data: bytes, limits: Limits) -> None:
    """Password and, of a large one, the number of cells, without reading them."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        # an .xlsx with a password is an OLE file around an encrypted one
        raise ReadError("file_password")
    if len(data) <= _SMALL_XLS:
        return
    stream, start, size = data, 0, len(data)
    if data.startswith(b"\xd0\xcf"):
        book = xlrd.compdoc.CompDoc(data, logfile=io.StringIO())
        stream, start, size = book.locate_named_stream("Workbook")
        if not stream:
            stream, start, size = book.locate_named_stream("Book")
    if not stream:
        return  # what else it is, its reader will say
    cells = 0
    place, end = start, start + size - 4
    while place <= end:
        record, length = struct.unpack_from("<HH", stream, place)
        if record in _SINGLE:
            cells += 1
        elif record in _RUNS:
            besides, each = _RUNS[record]
            cells += max(0, length - besides) // each
        place += 4 + length
    if cells > limits.cells:
        raise ReadError("file_too_many_cells", cells=cells, limit=limits.cells)


def _xls_date(number: float, datemode: int) -> Cell:
    try:
        moment = xlrd.xldate_as_datetime(number, datemode)
    except (xlrd.XLDateError, ValueError, OverflowError):
        return number
    if number < 1:
        return moment.time().isoformat()
    return moment.date() if moment.time() == datetime.time() else moment


def _candidates(visible: list[str], names: list[str], sheet: str | None) -> list[str]:
    if sheet is None:
        return visible
    if sheet not in names:
        raise ReadError("file_no_sheet", sheet)
    return [sheet]


# --------------------------------------------------------------- .xlsx and .ods
def _open_zip(
    source, sheet: str | None, limits: Limits, bare: bool, known: Known
) -> Table:
    formulas: dict[str, int] = {}
    date1904 = False
    with _stream(source) as stream:
        check_directory(stream)
        size = stream.seek(0, 2)
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
            raise ReadError("file_unreadable") from error
        names = archive.namelist()
        check_archive(archive, limits, size)
        if "xl/workbook.xml" in names:
            kind = "xlsx"
            formulas = check_xlsx(archive, limits)
            book = b"".join(unpacked(archive, "xl/workbook.xml"))
            date1904 = bool(re.search(rb'date1904="(?:1|true)"', book))
        elif "xl/workbook.bin" in names:
            raise ReadError("file_xlsb")
        elif "content.xml" in names and _is_ods(archive):
            kind = "ods"
            check_ods(archive, limits)
        else:
            raise ReadError("file_not_table")
    data = source if isinstance(source, (str, os.PathLike)) else io.BytesIO(source)
    try:
        book = python_calamine.load_workbook(data)
    except python_calamine.PasswordError as error:
        raise ReadError("file_password") from error
    visible = [
        m.name
        for m in book.sheets_metadata
        if m.visible == python_calamine.SheetVisibleEnum.Visible
        and m.typ == python_calamine.SheetTypeEnum.WorkSheet
    ] or list(book.sheet_names)
    found = None
    for name in _candidates(visible, list(book.sheet_names), sheet):
        candidate = book.get_sheet_by_name(name)
        if candidate.height or sheet:
            found = candidate
            break
    if found is None:
        raise ReadError("file_empty")
    check_cells(found.total_height, found.width, limits)
    if formulas.get(found.name):
        raise ReadError("file_formulas", count=formulas[found.name])
    return _with_headings(
        found.iter_rows,
        limits,
        bare,
        known,
        kind=kind,
        sheet=found.name,
        sheets=visible,
        date1904=date1904,
    )


def _is_ods(archive: zipfile.ZipFile) -> bool:
    try:
        return b"spreadsheet" in b"".join(unpacked(archive, "mimetype"))[:100]
    except KeyError:
        return True


# ------------------------------------------------------------------------ .csv
_BINARY = (
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\x1f\x8b",
    b"7z\xbc\xaf",
    b"Rar!",
    b"{\\rtf",
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# characters of one csv record
_ONE_RECORD = 4 * MB
_SEPARATORS = ";,\t|"


def _stray_byte(error: UnicodeError) -> tuple[str, int]:
    """Decodes what is not UTF-8 as Windows-1252, byte by byte.

    For a file to which two programs have written: one wrong byte must not turn
    every accent of the rest into 'Ã±'.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    text = "".join(
        bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in wrong
    )
    return text, error.end


codecs.register_error("telemarketing_cp1252", _stray_byte)


def _refuse_other_text(head: bytes, marked: bool) -> None:
    """``marked``: a byte order mark says that it is text, NULs and all."""
    if head.startswith(_BINARY) or (not marked and b"\x00" in head):
        raise ReadError("file_not_table")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1000].lower()
    if start.startswith(
        (b"<!doctype html", b"<html", b"<table", b"<head", b"mime-version:")
    ) or (start.startswith(b"<") and (b"<html" in start or b"<table" in start)):
        raise ReadError("file_html")
    if start.startswith((b"<?xml", b"{", b"[{")):
        raise ReadError("file_not_table")


def _open_csv(source, head: bytes, limits: Limits, bare: bool, known: Known) -> Table:
    encoding = next((e for bom, e in _BOMS if head.startswith(bom)), "")
    _refuse_other_text(head, bool(encoding))
    errors = "telemarketing_cp1252" if encoding == "utf-8-sig" else "strict"
    if not encoding:
        encoding, errors = _find_encoding(source)

    def text_stream() -> io.TextIOBase:
        return io.TextIOWrapper(
            _stream(source), encoding=encoding, errors=errors, newline=""
        )

    with text_stream() as stream:
        sample = stream.read(65536)
    if not sample.strip("\ufeff \t\r\n"):
        raise ReadError("file_empty")
    separator, skip = _find_separator(sample, known)

    def source_rows() -> Iterator[list]:
        number = taken = 0

        def lines(stream: io.TextIOBase) -> Iterator[str]:
            # Odoo lifts the csv module's own bound to 500 MB for the whole
            # process, so an open quote or a file without line ends is ours to stop.
            nonlocal taken
            while line := stream.readline(_ONE_RECORD + 1):
                taken += len(line)
                if taken > _ONE_RECORD:
                    raise csv.Error
                yield line.replace("\x00", "")

        with text_stream() as stream:
            if skip:
                stream.readline()
            reader = csv.reader(lines(stream), delimiter=separator)
            while True:
                number += 1
                taken = 0
                try:
                    row = next(reader)
                except StopIteration:
                    return
                except UnicodeError as error:
                    raise ReadError("file_unreadable") from error
                except csv.Error as error:
                    raise ReadError(
                        "file_cell_too_large",
                        row=number + skip,
                        column="?",
                        limit=limits.cell,
                    ) from error
                yield row

    rows = source_rows
    if skip:
        # Excel shows the line 'sep=;' nowhere but the file has it as row 1
        def rows() -> Iterator[list]:
            yield []
            yield from source_rows()

    return _with_headings(
        rows,
        limits,
        bare,
        known,
        kind="csv",
        sheet="",
        sheets=[],
        encoding=encoding,
        separator=separator,
    )


def _find_encoding(source) -> tuple[str, str]:
    """('utf-8' | 'cp1252' | 'latin-1', error handler), by reading all of it."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    good = bad = 0
    undefined = False
    tail = b""
    strict = True
    with _stream(source) as stream:
        while chunk := stream.read(MB):
            if strict:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    strict = False
                    stream.seek(0)
                    continue
            else:
                # a character cut by the chunk's end is counted wrong: no matter
                data = tail + chunk
                good += len(_UTF8_PAIR.findall(data))
                bad += len(_HIGH.findall(_UTF8_PAIR.sub(b"", data)))
                undefined = undefined or bool(_UNDEFINED.search(data))
        if strict:
            try:
                decoder.decode(b"", True)
                return "utf-8", "strict"
            except UnicodeDecodeError:
                good, bad = 1, 0
    if good > bad:
        return "utf-8", "telemarketing_cp1252"
    return ("latin-1" if undefined else "cp1252"), "strict"


_UTF8_PAIR = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
_HIGH = re.compile(rb"[\x80-\xff]")
# bytes that Windows-1252 leaves without a character
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


def _find_separator(sample: str, known: Known) -> tuple[str, int]:
    """(separator, lines to skip): the one that cuts most rows alike."""
    match = re.match("\ufeff?sep=(.)\r?\n", sample)
    if match:
        return match.group(1), 1
    lines = sample.splitlines(keepends=True)
    if len(sample) >= 65536 and len(lines) > 1:
        lines.pop()  # cut in the middle
    best, best_score = ";", (0, 0.0, 0)
    for separator in _SEPARATORS:
        try:
            rows = [
                len(row)
                for row in itertools.islice(csv.reader(lines, delimiter=separator), 200)
                if row
            ]
        except csv.Error:
            continue
        if not rows or rows[0] < 2:
            continue
        same = sum(1 for n in rows if n == rows[0]) / len(rows)
        # headings known by name tell more than counts: 'Calle, número;Piso'
        first = next(csv.reader(lines, delimiter=separator))
        found = known([clean_text(v) for v in first])
        score = (found, same, rows[0])
        if score > best_score:
            best, best_score = separator, score
    return best, 0
