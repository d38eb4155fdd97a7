"""What an .xlsx or .ods may do to who opens it, found out before a reader does.

The readers believe the file: they unpack what it holds, reserve what it declares and
build the rectangle that its cells span, each with its own copy of its text. A file of
some kilobytes can so ask for the memory of the whole server, and the .xlsx reader
ends the *process* when it does not get it. Hence everything here errs on the side of
refusing, and looks at bytes as unpacked, never at sizes as declared.
"""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ElementTree
import xml.parsers.expat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .reasons import ReadError

MB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What a file may measure. ``size`` bytes of the file (csv is streamed and
    exempt); ``expanded`` bytes of a zip's members together; ``ratio`` of
    compression of a member larger than 1 MB; ``cells`` of the rectangle (csv
    exempt); ``cell`` characters of one cell (Excel's own limit, so that what we
    send back fits; csv too); ``columns``; ``text`` bytes of all cells together,
    counted as often as a text is repeated (csv exempt)."""

    size: int = 50 * MB
    expanded: int = 600 * MB
    ratio: int = 300
    cells: int = 2_000_000
    cell: int = 32_767
    columns: int = 512
    text: int = 256 * MB


def check_size(size: int, limits: Limits) -> None:
    if size > limits.size:
        raise ReadError("file_too_large", size=-(-size // MB), limit=limits.size // MB)


def check_cells(rows: int, columns: int, limits: Limits) -> None:
    if columns > limits.columns:
        raise ReadError("file_too_many_columns", columns=columns, limit=limits.columns)
    if rows * columns > limits.cells:
        raise ReadError("file_too_many_cells", cells=rows * columns, limit=limits.cells)


def _check_text(size: int, limits: Limits) -> None:
    if size > limits.text:
        raise ReadError("file_expands", size=size // MB)


# --------------------------------------------------------------------- the archive
_MEMBERS = 10_000
# Read whole, by us or by the reader; a real one has some kilobytes.
_SMALL_PARTS = frozenset(
    {
        "[content_types].xml",
        "meta-inf/manifest.xml",
        "mimetype",
        "xl/_rels/workbook.xml.rels",
        "xl/styles.xml",
        "xl/workbook.xml",
    }
)
_SMALL_PART = 8 * MB


def check_directory(stream: BinaryIO) -> None:
    """The zip's list of members, before it is read: a million of them take half a
    gigabyte."""
    stream.seek(0, 2)
    size = stream.tell()
    stream.seek(max(0, size - 65_557))
    tail = stream.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < 22:
        raise ReadError("file_unreadable")
    directory = struct.unpack_from("<L", tail, place + 12)[0]
    if tail[max(0, place - 20) : place].startswith(b"PK\x06\x07"):
        offset = struct.unpack_from("<Q", tail, place - 12)[0]
        if offset > size - 56:
            raise ReadError("file_unreadable")
        stream.seek(offset)
        directory = struct.unpack_from("<Q", stream.read(56), 40)[0]
    # each takes 46 bytes and its name
    if directory > _MEMBERS * 200:
        raise ReadError("file_expands", size=size // MB)
    stream.seek(0)


def check_archive(archive: zipfile.ZipFile, limits: Limits, size: int) -> None:
    """Declared sizes. Lies are found by ``unpacked``."""
    infos = archive.infolist()
    # readers find parts whatever their case
    names = [
        name.lower() if name.lower().endswith((".xml", ".rels")) else name
        for name in (info.filename for info in infos)
    ]
    if len(names) != len(set(names)):
        # two readers may see two different files in it
        raise ReadError("file_unreadable")
    if any(info.flag_bits & 1 for info in infos):
        raise ReadError("file_password")
    total = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    bombs = any(
        info.file_size > MB and info.file_size > limits.ratio * info.compress_size
        for info in infos
    )
    bombs = bombs or any(
        info.file_size > _SMALL_PART
        for info in infos
        if info.filename.lower() in _SMALL_PARTS
    )
    # members that share their bytes are together larger than the file
    if total > limits.expanded or bombs or packed > size or len(infos) > _MEMBERS:
        raise ReadError("file_expands", size=total // MB)


def unpacked(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """A member's bytes by the megabyte.

    Python's own stops at the declared size without a word if the checksum is that
    of the beginning; the reader that comes after us goes on to the end.
    """
    info = archive.getinfo(name)
    stream = archive.fp
    stream.seek(info.header_offset)
    head = stream.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise ReadError("file_unreadable")
    stream.seek(sum(struct.unpack_from("<HH", head, 26)), 1)
    if info.compress_type == zipfile.ZIP_STORED:
        decoder = None
    elif info.compress_type == zipfile.ZIP_DEFLATED:
        decoder = zlib.decompressobj(-15)
    else:
        raise ReadError("file_unreadable")
    left, size, checksum = info.compress_size, 0, 0
    pending = b""
    while left or pending:
        if not pending:
            pending = stream.read(min(left, MB))
            if not pending:
                raise ReadError("file_unreadable")
            left -= len(pending)
        if decoder is None:
            chunk, pending = pending, b""
        else:
            try:
                chunk = decoder.decompress(pending, MB)
            except zlib.error as error:
                raise ReadError("file_unreadable") from error
            pending = decoder.unconsumed_tail
            if decoder.eof and (decoder.unused_data or left):
                raise ReadError("file_unreadable")
        size += len(chunk)
        checksum = zlib.crc32(chunk, checksum)
        if size > info.file_size:
            raise ReadError("file_unreadable")
        if chunk:
            yield chunk
    while decoder is not None and not decoder.eof:
        # what the decoder kept back
        chunk = decoder.decompress(b"", MB)
        if not chunk:
            raise ReadError("file_unreadable")
        size += len(chunk)
        checksum = zlib.crc32(chunk, checksum)
        if size > info.file_size:
            raise ReadError("file_unreadable")
        yield chunk
    if size != info.file_size or checksum != info.CRC:
        raise ReadError("file_unreadable")


def _xml(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """``unpacked``, refusing what no spreadsheet holds: a document type (entities
    live there) or an encoding in which it would go unseen."""
    tail = b""
    first = True
    for chunk in unpacked(archive, name):
        if first:
            first = False
            start = chunk[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
            if b"\x00" in start or start.startswith((b"\xff\xfe", b"\xfe\xff")):
                if b"<" in start or start[:1] in (b"\xff", b"\xfe"):
                    raise ReadError("file_unreadable")
            text = start.startswith(b"<")
        if text:
            seen = tail + chunk
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise ReadError("file_unreadable")
            tail = chunk[-16:]
        yield chunk


def _parse(archive: zipfile.ZipFile, name: str, start, end=None, text=None) -> None:
    def refuse(*_facts) -> None:
        raise ReadError("file_unreadable")

    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        for chunk in _xml(archive, name):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except xml.parsers.expat.ExpatError as error:
        raise ReadError("file_unreadable") from error


# ---------------------------------------------------------------------------- .xlsx
_CELL = re.compile(rb"[<:]c[\s/>]")
_PLAIN_CELL = re.compile(rb'<c r="[A-Z]{1,3}([0-9]{1,7})"')
_WIDE_CELL = re.compile(rb'<c r="([A-Z]{2,3})[0-9]')
# by column: a cell of one letter beyond it
_BEYOND = [re.compile(b'<c r="([%c-Z])[0-9]' % (65 + n)) for n in range(26)]
_LOST_FORMULA = re.compile(
    rb"<c ([^>]*)><f(?:[^>]*/>|[^>]*>[^<]*</f>)(?:<v\s*/>|<v></v>)?</c>"
)
_UNIQUE = re.compile(rb"\s*=\s*(?:\"([0-9]{1,12})\"|'([0-9]{1,12})')")


def column_number(letters: bytes) -> int:
    """b'A' → 1, b'AA' → 27."""
    index = 0
    for letter in letters:
        index = index * 26 + letter - 64
    return index


@dataclass
class _Sheet:
    """``rows`` and ``columns`` of the rectangle, empty cells with a format included;
    ``cells``; ``plain``: all are written as every program writes them;
    ``formulas`` without their result."""

    rows: int = 0
    columns: int = 0
    cells: int = 0
    plain: bool = True
    formulas: int = 0


def check_xlsx(archive: zipfile.ZipFile, limits: Limits) -> dict[str, int]:
    """Refuses what must not be opened. ``{sheet's name: formulas without result}``.

    Every member is looked at, whatever its name: the file itself says which of them
    is a sheet.
    """
    formulas: dict[str, int] = {}
    cells = longest = 0
    found: list[str] = []
    for name in archive.namelist():
        sheet = _look(archive, name)
        if isinstance(sheet, int):
            # each is kept once, whether a cell has it or not
            _check_text(archive.getinfo(name).file_size, limits)
            longest = max(longest, sheet)
            continue
        if sheet is None:
            continue
        formulas[name] = sheet.formulas
        cells += sheet.cells
        found.append(name)
        rows, columns = sheet.rows, sheet.columns
        if (
            not sheet.plain
            or columns > limits.columns
            or rows * columns > limits.cells
            or archive.getinfo(name).file_size > limits.text
        ):
            # formats down to the last row are no cells: slower, but exact
            _parse_sheet(archive, name, limits, None)
    if cells * longest > limits.text or longest > MB:
        # one long text may stand in every cell
        lengths = _shared_lengths(archive)
        for name in found:
            _parse_sheet(archive, name, limits, lengths)
    return {
        sheet: formulas.get(path, 0) for sheet, path in _sheet_paths(archive).items()
    }


def _look(archive: zipfile.ZipFile, name: str) -> _Sheet | int | None:
    """A sheet, or bytes of the longest of the shared texts, or None: neither."""
    sheet: _Sheet | None = None
    longest = 0
    shared = False
    rest = b""
    total = 0
    for chunk in _xml(archive, name):
        total += len(chunk)
        whole = rest + chunk
        if sheet is None and b"sheetData" in whole:
            sheet = _Sheet()
        if sheet is not None:
            cut = max(whole.rfind(b"<c "), 0)
            rest = whole[cut:] if len(whole) - cut < 32 * MB else None
            if rest is None:
                raise ReadError("file_unreadable")
            _count(sheet, whole[:cut])
            continue
        shared = shared or b"uniqueCount" in whole or b"<sst" in whole
        if shared:
            longest = max(longest, _check_shared(archive, name, whole))
        cut = max(whole.rfind(b"<si"), len(whole) - 2 * MB, 0)
        rest = whole[cut:] if shared else whole[-256:]
    if sheet is not None:
        _count(sheet, rest)
        return sheet
    return longest if shared else None


def _count(sheet: _Sheet, piece: bytes) -> None:
    """Adds the cells of a piece of a sheet that begins at a cell."""
    cells = piece.count(b"<c ")
    if piece.count(b"<c") != cells or b":c" in piece:
        cells = len(_CELL.findall(piece))  # other forms, or texts that look like it
    if not cells:
        return
    numbers = _PLAIN_CELL.findall(piece)
    sheet.cells += cells
    if len(numbers) != cells:
        sheet.plain = False
    sheet.rows = max(sheet.rows, max(map(int, set(numbers)), default=0))
    wide = set(_WIDE_CELL.findall(piece))
    sheet.columns = max(sheet.columns, max(map(column_number, wide), default=0))
    while sheet.columns < 26 and (match := _BEYOND[sheet.columns].search(piece)):
        sheet.columns = column_number(match.group(1))
    if b"<f" in piece:
        sheet.formulas += sum(
            b't="str"' not in match for match in _LOST_FORMULA.findall(piece)
        )


def _check_shared(archive: zipfile.ZipFile, name: str, piece: bytes) -> int:
    """Bytes of the longest shared text of a piece. Refuses a number of texts that
    cannot be: the reader reserves that much."""
    place = -1
    size = archive.getinfo(name).file_size
    while (place := piece.find(b"uniqueCount", place + 1)) >= 0:
        match = _UNIQUE.match(piece, place + 11)
        if match is None:
            if len(piece) - place < 64:
                break  # cut: the next piece has it whole
            raise ReadError("file_unreadable")
        # '<si/>' is the shortest text
        if int(match.group(1) or match.group(2)) > size // 5 + 16:
            raise ReadError("file_unreadable")
    return max(map(len, piece.split(b"<si")))


def _shared_lengths(archive: zipfile.ZipFile) -> list[int]:
    lengths: list[int] = []
    inside = False

    def start(tag: str, _attributes: dict) -> None:
        nonlocal inside
        if tag.rpartition(":")[2] == "si":
            inside = True
            lengths.append(0)

    def end(tag: str) -> None:
        nonlocal inside
        if tag.rpartition(":")[2] == "si":
            inside = False

    def text(data: str) -> None:
        if inside:
            lengths[-1] += len(data.encode("utf-8", "replace"))

    for name in archive.namelist():
        if name.lower() == "xl/sharedstrings.xml":
            _parse(archive, name, start, end, text)
    return lengths


def _parse_sheet(  # noqa: C901  closures of one pass
    archive: zipfile.ZipFile, name: str, limits: Limits, lengths: list[int] | None
) -> None:
    """The rectangle of the cells that hold something, by a real parser; with
    ``lengths`` of the shared texts also how much text they hold together."""
    row = column = rows = columns = size = 0
    shared = filled = False
    value = ""

    def start(tag: str, attributes: dict) -> None:
        nonlocal row, column, shared, filled, value
        tag = tag.rpartition(":")[2]
        if tag == "row":
            row, column = _number(attributes.get("r"), row + 1), 0
        elif tag == "c":
            filled, value = False, ""
            shared = attributes.get("t") == "s"
            column += 1
            if reference := attributes.get("r"):
                match = re.fullmatch(r"\$?([A-Za-z]{1,3})\$?(\d{1,9})", reference)
                if match is None:
                    raise ReadError("file_unreadable")
                column = column_number(match.group(1).upper().encode())
                row = int(match.group(2))
        elif tag in ("v", "is", "f"):
            filled = True

    def end(tag: str) -> None:
        nonlocal rows, columns, size
        if tag.rpartition(":")[2] != "c" or not filled:
            return
        rows, columns = max(rows, row), max(columns, column)
        check_cells(rows, columns, limits)
        if shared and lengths is not None and value.strip().isdecimal():
            index = int(value)
            if index >= len(lengths):
                raise ReadError("file_unreadable")
            size += lengths[index]
            _check_text(size, limits)

    def text(data: str) -> None:
        nonlocal value, size
        if filled and shared:
            value += data[:64] if len(value) < 64 else ""
        elif filled:
            size += len(data)
            _check_text(size, limits)

    _parse(archive, name, start, end, text)


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise ReadError("file_unreadable")
    return int(text)


def _sheet_paths(archive: zipfile.ZipFile) -> dict[str, str]:
    """``{name of a sheet: its member}``, as far as the workbook says it."""
    relation = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
    try:
        rels = b"".join(unpacked(archive, "xl/_rels/workbook.xml.rels"))
        book = b"".join(unpacked(archive, "xl/workbook.xml"))
        targets = {
            node.get("Id"): node.get("Target", "")
            for node in ElementTree.fromstring(rels)
        }
        return {
            node.get("name", ""): _member(targets.get(node.get(relation), ""))
            for node in ElementTree.fromstring(book).iter()
            if node.tag.rpartition("}")[2] == "sheet"
        }
    except (KeyError, ElementTree.ParseError):
        return {}


def _member(target: str) -> str:
    return target[1:] if target.startswith("/") else f"xl/{target}"


# ----------------------------------------------------------------------------- .ods
def check_ods(archive: zipfile.ZipFile, limits: Limits) -> None:
    for name in archive.namelist():
        if name == "META-INF/manifest.xml":
            if b"encryption-data" in b"".join(_xml(archive, name)):
                raise ReadError("file_password")
    for name in archive.namelist():
        if name == "content.xml":
            _check_content(archive, limits)
        else:
            for _chunk in _xml(archive, name):
                pass


def _check_content(archive: zipfile.ZipFile, limits: Limits) -> None:  # noqa: C901
    """The rectangle of each sheet: a cell or row may say that it is repeated a
    million times. Repeated empties at the end do not count."""
    row = column = rows = columns = filled = 0
    repeat = across = 1
    # bytes of text: of this cell, of this row, of all
    cell = line = size = 0

    def number(attributes: dict, name: str) -> int:
        try:
            return max(1, min(int(attributes.get(name, "1")), 10**9))
        except ValueError:
            return 1

    def start(tag: str, attributes: dict) -> None:
        nonlocal row, column, rows, columns, filled, repeat, across, cell, line
        tag = tag.rpartition(":")[2]
        if tag == "table":
            row = rows = columns = 0
        elif tag == "table-row":
            column = filled = line = 0
            repeat = number(attributes, "table:number-rows-repeated")
        elif tag in ("table-cell", "covered-table-cell"):
            across = number(attributes, "table:number-columns-repeated")
            column += across
            cell = 0
            if any(key.startswith("office:") for key in attributes):
                filled = column
        elif tag == "p" and column:
            filled = column
        elif tag == "s":
            cell += number(attributes, "text:c")  # so many spaces

    def text(data: str) -> None:
        nonlocal cell
        cell += len(data)

    def end(tag: str) -> None:
        nonlocal row, rows, columns, line, size
        tag = tag.rpartition(":")[2]
        if tag in ("table-cell", "covered-table-cell"):
            line += cell * across
        elif tag == "table-row":
            row += repeat
            if filled:
                rows, columns = row, max(columns, filled)
                check_cells(rows, columns, limits)
                size += line * repeat
                _check_text(size, limits)

    _parse(archive, "content.xml", start, end, text)
