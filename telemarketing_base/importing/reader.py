"""Files to tables: .xls, .xlsx, .ods, .csv, by what is in them.

The name's extension decides nothing; the first bytes do. Sizes that the file
declares, its compression and its dimensions are looked at before a reader opens
it, because the readers build the whole rectangle in memory: one cell at
XFD1048576 would be 17 thousand million cells.
"""

from __future__ import annotations

import codecs
import csv
import datetime
import io
import itertools
import os
import re
import xml.parsers.expat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import python_calamine
import xlrd

from ..identity import parse_nif, parse_phone
from ..identity.text import clean_text
from . import mapping as mapping_module
from .reasons import ReadError

Cell = str | float | int | bool | datetime.date | datetime.datetime | None

MB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What a file may measure. ``size`` bytes of the file (csv is streamed and
    exempt); ``expanded`` bytes of a zip's members together; ``ratio`` of
    compression of a member larger than 1 MB; ``cells`` of the rectangle;
    ``cell`` characters of one cell (Excel's own limit, so that what we send back
    fits); ``columns``."""

    size: int = 50 * MB
    expanded: int = 600 * MB
    ratio: int = 300
    cells: int = 2_000_000
    cell: int = 32_767
    columns: int = 512


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


def open_table(
    source: str | os.PathLike | bytes,
    filename: str = "",
    sheet: str | None = None,
    limits: Limits = Limits(),
    bare: bool = False,
) -> Table:
    """Opens a file (a path or its bytes) and finds its headings.

    ``bare``: a list may come without headings; if its first row holds a number or a
    NIF the columns are called A, B, C… and no row is lost. Else that is an error.

    ``filename`` only says which csv-like text is meant ('.tsv'); ``sheet`` picks
    a sheet by name, else the first visible one that holds anything.
    Raises ReadError, whose code says what is wrong, and nothing else.
    """
    try:
        table = _open(source, sheet, limits, bare)
        first = next(table.rows(), None)
    except ReadError:
        raise
    except MemoryError:
        raise
    except Exception as error:
        # Readers raise anything from struct.error to AssertionError on a damaged
        # file; pyo3 panics are BaseException and named so.
        raise ReadError("file_unreadable") from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise ReadError("file_unreadable") from error
        raise
    if first is None:
        raise ReadError("file_only_headings")
    return table


def _open(source, sheet: str | None, limits: Limits, bare: bool) -> Table:
    head, size = _head(source)
    if not size:
        raise ReadError("file_empty")
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") or (
        head[:2] == b"\x09\x08" and head[2:4] in (b"\x10\x00", b"\x08\x00")
    ):
        _check_size(size, limits)
        return _open_xls(_read_all(source), sheet, limits, bare)
    if head.startswith(b"PK\x03\x04"):
        _check_size(size, limits)
        return _open_zip(source, sheet, limits, bare)
    if head.startswith((b"PK\x05\x06", b"PK\x07\x08")):
        raise ReadError("file_not_table")
    return _open_csv(source, head, limits, bare)


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


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.size:
        raise ReadError("file_too_large", size=-(-size // MB), limit=limits.size // MB)


def _check_cells(rows: int, columns: int, limits: Limits) -> None:
    if columns > limits.columns:
        raise ReadError("file_too_many_columns", columns=columns, limit=limits.columns)
    if rows * columns > limits.cells:
        raise ReadError("file_too_many_cells", cells=rows * columns, limit=limits.cells)


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
    source: Callable[[], Iterator[list]], limits: Limits, bare: bool, **facts
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
        if mapping_module.known_headings(names) >= 2:
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
    if not mapping_module.known_headings(names) and any(
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
def _open_xls(data: bytes, sheet: str | None, limits: Limits, bare: bool) -> Table:
    if "EncryptedPackage".encode("utf-16-le") in data:
        # an .xlsx with a password is an OLE file around an encrypted one
        raise ReadError("file_password")
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
        _check_cells(1, widest, limits)
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
        kind="xls",
        sheet=found.name,
        sheets=visible,
        date1904=bool(datemode),
    )


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
def _open_zip(source, sheet: str | None, limits: Limits, bare: bool) -> Table:
    with _stream(source) as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
            raise ReadError("file_unreadable") from error
        names = archive.namelist()
        if len(names) != len(set(names)):
            # two readers may see two different files in it
            raise ReadError("file_unreadable")
        if any(info.flag_bits & 1 for info in archive.infolist()):
            raise ReadError("file_password")
        if "xl/workbook.xml" in names:
            kind = "xlsx"
        elif "content.xml" in names and _is_ods(archive):
            kind = "ods"
        else:
            raise ReadError("file_not_table")
        _check_zip(archive, limits)
        _check_members(archive, kind, limits)
        date1904 = kind == "xlsx" and bool(
            re.search(rb'date1904="(?:1|true)"', archive.read("xl/workbook.xml"))
        )
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
    _check_cells(found.total_height, found.width, limits)
    return _with_headings(
        found.iter_rows,
        limits,
        bare,
        kind=kind,
        sheet=found.name,
        sheets=visible,
        date1904=date1904,
    )


def _check_members(archive: zipfile.ZipFile, kind: str, limits: Limits) -> None:
    """Reads all that a reader would: checksums, dimensions, encryption."""
    for name in archive.namelist():
        if kind == "ods" and name == "META-INF/manifest.xml":
            if b"encryption-data" in b"".join(_chunks(archive, name)):
                raise ReadError("file_password")
        elif kind == "ods" and name == "content.xml":
            _check_ods(archive, limits)
        elif kind == "xlsx" and re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
            _check_sheet(archive, name, limits)
        elif name.endswith((".xml", ".rels")):
            for _chunk in _chunks(archive, name):
                pass


def _is_ods(archive: zipfile.ZipFile) -> bool:
    try:
        return b"spreadsheet" in archive.read("mimetype")[:100]
    except KeyError:
        return True


def _check_zip(archive: zipfile.ZipFile, limits: Limits) -> None:
    """Declared sizes only. A lie is found when the member is read: Python stops
    at the declared size and the checksum fails."""
    infos = archive.infolist()
    total = sum(info.file_size for info in infos)
    bombs = any(
        info.file_size > MB and info.file_size > limits.ratio * info.compress_size
        for info in infos
    )
    if total > limits.expanded or bombs or len(infos) > 10_000:
        raise ReadError("file_expands", size=total // MB)


def _chunks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """A member's bytes by the megabyte, checksum checked at the end."""
    with archive.open(name) as stream:
        while chunk := stream.read(MB):
            # no spreadsheet has a document type, and entities live there
            if b"<!DOCTYPE" in chunk or b"<!ENTITY" in chunk:
                raise ReadError("file_unreadable")
            yield chunk


_ROW_NUMBER = re.compile(rb'[^>]*?\sr="(\d{1,9})"')
_REFERENCE = re.compile(rb'\sr="([A-Z]{1,3})\d')
_WIDE = re.compile(rb'\sr="([A-Z]{2,3})\d')
_ONE_ROW = 32 * MB


def _check_sheet(  # noqa: C901  one pass, and closures are cheaper than a class
    archive: zipfile.ZipFile, name: str, limits: Limits
) -> None:
    """The rectangle that an .xlsx sheet spans, without parsing it.

    Splits the text at its row tags, which reads 100,000 rows of ten columns in
    less than half a second; a real XML parser takes several times as long.
    """
    rows = columns = 0
    row_tag, cell_tag = b"<row", b"<c "

    def look(piece: bytes) -> None:
        nonlocal rows, columns
        match = _ROW_NUMBER.match(piece)
        number = int(match.group(1)) if match else rows + 1
        last = piece.rfind(cell_tag)
        if last < 0 and cell_tag[:-1] + b">" not in piece:
            if not match:
                rows = number  # rows without numbers count even if empty
            return
        rows = max(rows, number)
        found = _WIDE.findall(piece)
        if last >= 0 and (match := _REFERENCE.search(piece, last)):
            found.append(match.group(1))
        widest = piece.count(cell_tag) + piece.count(cell_tag[:-1] + b">")
        for letters in found:
            index = 0
            for letter in letters:
                index = index * 26 + letter - 64
            widest = max(widest, index)
        columns = max(columns, widest)
        if columns > limits.columns or rows * columns > limits.cells:
            _check_cells(rows, columns, limits)

    rest = b""
    started = in_row = False
    for chunk in _chunks(archive, name):
        rest += chunk
        if not started:
            match = re.search(rb"<(\w+:)?sheetData", rest)
            if match is None:
                if len(rest) > _ONE_ROW:
                    raise ReadError("file_unreadable")
                continue
            started = True
            prefix = match.group(1) or b""
            row_tag, cell_tag = b"<" + prefix + b"row", b"<" + prefix + b"c "
        *whole, rest = rest.split(row_tag)
        for piece in whole:
            if in_row:
                look(piece)
            in_row = True
        if len(rest) > _ONE_ROW:
            raise ReadError("file_unreadable")
    if in_row:
        look(rest)


def _check_ods(archive: zipfile.ZipFile, limits: Limits) -> None:
    """The rectangle of each sheet of an .ods: a cell or row may say that it is
    repeated a million times. Repeated empties at the end do not count."""
    state = {"row": 0, "col": 0, "rows": 0, "columns": 0, "repeat": 1}
    state["filled"] = 0

    def number(attributes: dict, name: str) -> int:
        try:
            return max(1, min(int(attributes.get(name, "1")), 10**9))
        except ValueError:
            return 1

    def start(name: str, attributes: dict) -> None:
        tag = name.rpartition(":")[2]
        if tag == "table":
            state.update(row=0, rows=0, columns=0)
        elif tag == "table-row":
            state.update(
                col=0,
                filled=0,
                repeat=number(attributes, "table:number-rows-repeated"),
            )
        elif tag in ("table-cell", "covered-table-cell"):
            state["col"] += number(attributes, "table:number-columns-repeated")
            if any(key.startswith("office:") for key in attributes):
                state["filled"] = state["col"]
        elif tag == "p" and state["col"]:
            state["filled"] = state["col"]

    def end(name: str) -> None:
        if name.rpartition(":")[2] != "table-row":
            return
        state["row"] += state["repeat"]
        if state["filled"]:
            state["rows"] = state["row"]
            state["columns"] = max(state["columns"], state["filled"])
            _check_cells(state["rows"], state["columns"], limits)

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        for chunk in _chunks(archive, "content.xml"):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except xml.parsers.expat.ExpatError as error:
        raise ReadError("file_unreadable") from error


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
    if start.startswith((b"<!doctype html", b"<html", b"<table", b"<head")) or (
        start.startswith(b"<") and (b"<html" in start or b"<table" in start)
    ):
        raise ReadError("file_html")
    if start.startswith((b"<?xml", b"{", b"[{")):
        raise ReadError("file_not_table")


def _open_csv(source, head: bytes, limits: Limits, bare: bool) -> Table:
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
    separator, skip = _find_separator(sample)

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


def _find_separator(sample: str) -> tuple[str, int]:
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
        known = mapping_module.known_headings([clean_text(v) for v in first])
        score = (known, same, rows[0])
        if score > best_score:
            best, best_score = separator, score
    return best, 0
