"""Files made to hurt, or hurt on their way: each leaves a clear message, or loads."""

import builtins
import contextlib
import csv
import io
import struct
import zipfile
import zlib

import pytest
import xlrd.compdoc
import xlsxwriter
import xlwt
from spreadsheets import (
    HEADINGS,
    ROW,
    code_of,
    csv_bytes,
    encrypted_xls,
    ods,
    ods_row,
    ole,
    rewritten,
    xls,
    xlsx,
    zipped,
)

from odoo.addons.telemarketing_base.importing import (
    Limits,
    ReadError,
    Settings,
    clean_row,
    open_table,
    preview,
    suggest_mapping,
    write_returned,
)
from odoo.addons.telemarketing_base.importing import reader as reader_module

SHEET = "xl/worksheets/sheet1.xml"
SHARED = "xl/sharedStrings.xml"
LINES = [HEADINGS, ROW]


def ods_of(lines):
    return ods("".join(ods_row(line) for line in lines))


ALL_FORMATS = {"xls": xls, "xlsx": xlsx, "ods": ods_of, "csv": csv_bytes}
EVERY = pytest.mark.parametrize("make", ALL_FORMATS.values(), ids=ALL_FORMATS)
BOOKS = pytest.mark.parametrize("make", [xls, xlsx, ods_of], ids=["xls", "xlsx", "ods"])


def biff(lines):
    """The stream of cells inside an .xls."""
    data = xls(lines)
    book = xlrd.compdoc.CompDoc(data, logfile=io.StringIO())
    stream, start, size = book.locate_named_stream("Workbook")
    return stream[start : start + size]


def sheet_of(cells):
    """An .xlsx whose sheet holds the headings and, below, raw XML."""

    def change(members):
        return {SHEET: members[SHEET].replace(b"</sheetData>", cells + b"</sheetData>")}

    return rewritten(xlsx(LINES), change)


@contextlib.contextmanager
def only_reading():
    """Nothing is opened for writing, whatever is in the file."""
    real = builtins.open

    def only_read(file, mode="r", *args, **options):
        assert not set(mode) & set("wax+"), (file, mode)
        return real(file, mode, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builtins, "open", only_read)
        yield


def loads(data, expected=ROW, **options):
    with only_reading():
        rows = [row for _number, row in open_table(data, **options).rows()]
    assert rows[0][: len(expected)] == expected
    return rows


# ----------------------------------------------------------------- damaged, locked
@BOOKS
def test_a_truncated_file_says_that_it_is_incomplete(make):
    data = make([HEADINGS, *[ROW] * 300])
    for part in (0.3, 0.6, 0.9):
        assert code_of(data[: int(len(data) * part)]) in (
            "file_unreadable",
            "file_not_table",
        )


def test_a_truncated_csv_gives_the_rows_that_it_has():
    data = csv_bytes([HEADINGS, ROW, ROW])[:-12]
    assert len(loads(data)) == 2


def test_a_truncated_csv_inside_a_quote_loses_no_row_above():
    data = csv_bytes([HEADINGS, ROW]) + b'612345679;"Ana'
    assert [r[0] for r in loads(data)] == ["612345678", "612345679"]


def test_a_workbook_with_a_password_says_so():
    package = {"EncryptionInfo": b"\4\0\4\0", "EncryptedPackage": b"\1" * 9000}
    assert code_of(ole(package)) == "file_password"


def test_an_old_workbook_with_a_password_says_so():
    assert code_of(encrypted_xls()) == "file_password"


def test_an_ods_with_a_password_says_so():
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:x"><manifest:file-entry '
        'manifest:full-path="content.xml"><manifest:encryption-data/>'
        "</manifest:file-entry></manifest:manifest>"
    )
    data = zipped(
        {
            "mimetype": kind,
            "content.xml": b"\x8f\x01\x02",
            "META-INF/manifest.xml": manifest,
        }
    )
    assert code_of(data) == "file_password"


def test_a_zip_with_a_password_says_so():
    data = bytearray(xlsx(LINES))
    place = 0
    while (place := data.find(b"PK\x01\x02", place)) >= 0:
        data[place + 8] |= 1
        place += 4
    assert code_of(bytes(data)) == "file_password"


@EVERY
@pytest.mark.parametrize("name", ["a.csv", "a.xls", "a.xlsx", "a.ods", "a.pdf", ""])
def test_a_wrong_extension_decides_nothing(make, name):
    loads(make(LINES), filename=name)


def test_what_is_no_table_is_told_from_a_damaged_one():
    assert code_of(ole({"WordDocument": b"x" * 5000})) == "file_not_table"
    assert code_of(zipped({"ppt/presentation.xml": "<a/>"})) == "file_not_table"
    assert code_of(zipped({"nested.zip": xlsx(LINES)})) == "file_not_table"
    assert code_of(b"MIME-Version: 1.0\r\nX-Document-Type: Workbook\r\n") == "file_html"


def test_a_binary_workbook_says_how_to_save_it():
    assert code_of(zipped({"xl/workbook.bin": b"\x83\x01\x00"})) == "file_xlsb"


# ------------------------------------------------------------------- macros, formulas
def test_the_data_of_a_workbook_with_macros_loads_and_no_macro_runs():
    macro = b'Sub Auto_Open(): Shell "calc": End Sub'

    def change(members):
        kinds = members["[Content_Types].xml"].replace(
            b"spreadsheetml.sheet.main", b"sheet.macroEnabled.main"
        )
        return {"[Content_Types].xml": kinds, "xl/vbaProject.bin": macro}

    loads(rewritten(xlsx(LINES), change), filename="a.xlsm")


def test_the_data_of_an_old_workbook_with_macros_loads_and_no_macro_runs():
    streams = {"Workbook": biff(LINES), "_VBA_PROJECT_CUR": b"Auto_Open" * 500}
    loads(ole(streams))


def test_a_formula_gives_its_result():
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, HEADINGS)
    sheet.write_formula(1, 0, "=600000000+12345678", None, 612345678)
    sheet.write_formula(1, 1, '="A"&"na"', None, "Ana")
    book.close()
    data = out.getvalue()
    loads(data, [612345678.0, "Ana"])
    # a result that is an empty text, as Excel writes it, is a result
    nothing = b'<c r="C2" t="str"><f>IF(1,"","")</f><v></v></c></row></sheetData>'
    loads(
        rewritten(
            data,
            lambda m: {SHEET: m[SHEET].replace(b"</row></sheetData>", nothing)},
        ),
        [612345678.0, "Ana", None],
    )


def test_formulas_without_their_results_are_not_empty_cells():
    for cell in (
        b'<c r="A3"><f>600000000+1</f></c>',
        b'<c r="A3"><f>600000000+1</f><v></v></c>',
        b'<c r="A3" s="1"><f>600000000+1</f><v/></c>',
    ):
        data = sheet_of(b'<row r="3">' + cell + b"</row>")
        assert code_of(data) == "file_formulas"
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for line in (HEADINGS, ROW, ["=600000000+1", "Eva", "C/ 2"]):
        book.active.append(line)
    out = io.BytesIO()
    book.save(out)
    assert code_of(out.getvalue()) == "file_formulas"
    # of another sheet than the one that is loaded it is no matter
    book.create_sheet("Datos").append(HEADINGS)
    book["Datos"].append(ROW)
    out = io.BytesIO()
    book.save(out)
    loads(out.getvalue(), sheet="Datos")


def test_a_text_that_is_a_formula_stays_text_and_goes_back_harmless():
    evil = "=cmd|' /C calc'!A0"
    row = ["612345678", evil, "@SUM(1)"]
    for data in (csv_bytes([HEADINGS, row]), xlsx([HEADINGS, row])):
        raw = loads(data, row)[0]
        clean = clean_row(raw, suggest_mapping(HEADINGS), Settings())
        assert clean.raw[1] == evil
        back = write_returned([(raw, "x")], HEADINGS, "csv").decode("utf-8-sig")
        cells = list(csv.reader(io.StringIO(back), delimiter=";"))[1]
        assert cells[1] == "'" + evil
        # and comes in again as it was
        again = loads(write_returned([(raw, "x")], HEADINGS, "csv"), ["612345678"])[0]
        assert clean_row(again, suggest_mapping(HEADINGS), Settings()).name == (
            clean.name
        )


# ------------------------------------------------------------- shapes of the sheet
def test_merged_cells_stand_in_the_first_and_the_others_are_empty():
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.merge_range(0, 0, 0, 2, "Listado de clientes")
    sheet.write_row(1, 0, HEADINGS)
    sheet.write_row(2, 0, ROW)
    sheet.merge_range(2, 1, 3, 1, "Ana")
    sheet.write(3, 0, "612345679")
    book.close()
    assert loads(out.getvalue())[1][:2] == ["612345679", None]
    book = xlwt.Workbook()
    sheet = book.add_sheet("x")
    sheet.write_merge(0, 0, 0, 2, "Listado de clientes")
    for r, line in enumerate(LINES, 1):
        for c, value in enumerate(line):
            sheet.write(r, c, value)
    out = io.BytesIO()
    book.save(out)
    loads(out.getvalue())


@BOOKS
def test_a_title_above_the_headings_is_no_person(make):
    table = open_table(make([["Clientes de mayo"], HEADINGS, ROW]))
    assert table.headings == HEADINGS
    assert table.heading_row == 2


def test_dates_written_as_numbers_are_dates_of_birth():
    headings = [*HEADINGS, "Fecha de nacimiento"]
    for make in (xls, xlsx):
        row = loads(make([headings, [*ROW, 29292]]))[0]
        clean = clean_row(row, suggest_mapping(headings), Settings())
        assert clean.birthdate.isoformat() == "1980-03-12"


def hidden_xls():
    book = xlwt.Workbook()
    for name, visibility in (("Oculta", 1), ("Muy oculta", 2), ("Datos", 0)):
        sheet = book.add_sheet(name)
        sheet.visibility = visibility
        for r, line in enumerate(LINES):
            for c, value in enumerate(line):
                sheet.write(r, c, value if name == "Datos" else f"{value} {name}")
    out = io.BytesIO()
    book.active_sheet = 2
    book.save(out)
    return out.getvalue()


def hidden_xlsx():
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    for name in ("Oculta", "Muy oculta", "Datos"):
        sheet = book.add_worksheet(name)
        for r, line in enumerate(LINES):
            sheet.write_row(
                r, 0, line if name == "Datos" else [f"{v} {name}" for v in line]
            )
        if name == "Oculta":
            sheet.hide()
        elif name == "Muy oculta":
            sheet.very_hidden()
        else:
            sheet.activate()
            sheet.set_first_sheet()
    book.close()
    return out.getvalue()


def hidden_ods():
    style = (
        '<office:automatic-styles><style:style style:name="ta1" style:family="table">'
        '<style:table-properties table:display="false"/></style:style>'
        "</office:automatic-styles>"
    )
    hidden = ods_row(HEADINGS) + ods_row(["612345678", "Oculta", "x"])

    def change(members):
        text = members["content.xml"].decode()
        space = 'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
        text = text.replace("xmlns:", space + "xmlns:", 1)
        text = text.replace("<office:body>", style + "<office:body>")
        table = '<table:table table:name="Oculta" table:style-name="ta1">'
        text = text.replace(
            "<office:spreadsheet>",
            f"<office:spreadsheet>{table}{hidden}</table:table>",
        )
        return {"content.xml": text.replace("Hoja1", "Datos")}

    return rewritten(ods_of(LINES), change)


@pytest.mark.parametrize(
    "data",
    [hidden_xls(), hidden_xlsx(), hidden_ods()],
    ids=["xls", "xlsx", "ods"],
)
def test_a_hidden_sheet_is_not_loaded_in_place_of_the_visible_one(data):
    table = open_table(data)
    assert (table.sheet, table.sheets) == ("Datos", ["Datos"])
    loads(data)


def test_several_sheets_are_offered_and_a_missing_one_is_named():
    data = xlsx(None, sheets={"Uno": LINES, "Dos": [HEADINGS, ["1", "B", "C"]]})
    assert open_table(data).sheets == ["Uno", "Dos"]
    loads(data, ["1", "B", "C"], sheet="Dos")
    assert code_of(data, sheet="Tres") == "file_no_sheet"


@EVERY
def test_an_empty_file_and_one_of_headings_alone_are_told_apart(make):
    assert code_of(make([])) == "file_empty"
    assert code_of(make([HEADINGS])) == "file_only_headings"


@EVERY
def test_duplicate_headings_lose_no_column(make):
    headings = ["Teléfono", "Teléfono", "Nombre", "Nombre", "Tarifa", "Tarifa"]
    row = ["612345678", "912345678", "Ana", "Eva", "A", "B"]
    table = open_table(make([headings, row]))
    mapping = suggest_mapping(table.headings)
    clean = clean_row(next(table.rows())[1], mapping, Settings())
    assert [p.national for p in clean.phones] == ["612345678", "912345678"]
    assert clean.extra == {"Nombre": "Eva", "Tarifa": "A", "Tarifa (2)": "B"}


@EVERY
def test_a_hundred_columns_load(make):
    headings = [*HEADINGS, *[f"campo {i}" for i in range(97)]]
    table = open_table(make([headings, [*ROW, *["x"] * 97]]))
    assert len(table.headings) == 100
    assert len(next(table.rows())[1]) == 100


@pytest.mark.parametrize("make", [xlsx, csv_bytes, ods_of], ids=["xlsx", "csv", "ods"])
def test_sixteen_thousand_columns_are_refused(make):
    headings = [*HEADINGS, *[f"c{i}" for i in range(16_381)]]
    assert code_of(make([headings, ROW])) == "file_too_many_columns"


def test_formats_down_to_the_last_row_are_no_cells():
    # what Excel leaves behind when whole columns are coloured by hand
    empties = b"".join(
        b'<row r="%d"><c r="A%d" s="1"/><c r="BZ%d" s="1"/></row>' % (i, i, i)
        for i in range(3, 60_000)
    )
    assert len(loads(sheet_of(empties))) == 1


def test_a_million_empty_rows_of_a_workbook_are_none():
    empties = b"".join(b'<row r="%d"/>' % i for i in range(3, 1_000_000))
    assert len(loads(sheet_of(empties))) == 1
    nothing = b"".join(b"<row/>" for _ in range(200_000))
    assert len(loads(sheet_of(nothing), limits=Limits(ratio=10**6))) == 1


def test_a_million_empty_rows_of_an_ods_are_none():
    empty = '<table:table-row table:number-rows-repeated="1000000"><table:table-cell/>'
    data = ods(ods_row(HEADINGS) + ods_row(ROW) + empty + "</table:table-row>")
    assert len(loads(data)) == 1


def test_a_million_empty_lines_of_a_csv_are_none():
    head = csv_bytes([HEADINGS])
    assert code_of(b"\r\n" * 10**6) == "file_empty"
    assert code_of(head + b"\r\n" * 10**6) == "file_only_headings"
    assert code_of(head + b";;\r\n" * 10**6) == "file_only_headings"
    assert len(loads(head + b";;\n" * 10**5 + csv_bytes([ROW]))) == 1


# ---------------------------------------------------------------------------- bombs
def small_cells(data, **limits):
    return code_of(data, limits=Limits(**limits))


def test_a_zip_bomb_is_not_unpacked():
    bomb = rewritten(xlsx(LINES), lambda _m: {"xl/media/a.png": b"\0" * 50_000_000})
    assert code_of(bomb) == "file_expands"
    bomb = zipped({"content.xml": b"<a>" + b" " * 50_000_000, "mimetype": b"spread"})
    assert code_of(bomb) == "file_expands"


def test_many_members_that_are_small_alone_are_a_bomb_together():
    noise = zlib.compress(b"") + bytes(range(256)) * 4000
    members = {f"xl/x{i}.xml": noise for i in range(20)}
    bomb = rewritten(xlsx(LINES), lambda _m: members)
    assert small_cells(bomb, expanded=10_000_000) == "file_expands"
    crowd = rewritten(xlsx(LINES), lambda _m: {f"x/{i}": b"" for i in range(10_001)})
    assert code_of(crowd) == "file_expands"


def lying(data, name, change):
    """The zip with the central entry of ``name`` changed."""
    data = bytearray(data)
    place = 0
    while (place := data.find(b"PK\x01\x02", place)) >= 0:
        length = struct.unpack_from("<H", data, place + 28)[0]
        if data[place + 46 : place + 46 + length] == name.encode():
            change(data, place)
        place += 46
    return bytes(data)


def test_a_size_that_is_a_lie_is_found_out_even_with_a_right_checksum():
    # Python's zipfile reads the beginning, finds its checksum right and is content;
    # the reader after it would unpack 80 MB
    text = b'<?xml version="1.0"?><sst>' + b" " * 80_000_000
    bomb = rewritten(xlsx(LINES), lambda _m: {SHARED: text})

    def change(data, place):
        packed = struct.unpack_from("<L", data, place + 20)[0]
        struct.pack_into("<L", data, place + 16, zlib.crc32(text[:packed]))
        struct.pack_into("<L", data, place + 24, packed)

    assert code_of(lying(bomb, SHARED, change)) == "file_unreadable"


def test_members_that_share_their_bytes_are_refused():
    data = rewritten(
        xlsx(LINES),
        lambda _m: {f"xl/x{i}.xml": bytes(range(256)) * 30 for i in range(2)},
    )
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        first = archive.getinfo("xl/x0.xml")

    def change(entry, place):
        # the same member under a thousand names: here, claimed a thousand times
        struct.pack_into("<L", entry, place + 20, len(data))
        struct.pack_into("<L", entry, place + 42, first.header_offset)

    assert code_of(lying(data, "xl/x1.xml", change)) == "file_expands"


def test_a_zip_that_unpacks_to_itself_is_no_table():
    quine = zipped({"r/r.zip": zipped({"r/r.zip": b"PK\x03\x04"})})
    assert code_of(quine) == "file_not_table"


def test_a_directory_of_millions_is_not_read(monkeypatch):
    data = bytearray(xlsx(LINES))
    place = data.rfind(b"PK\x05\x06")
    struct.pack_into("<L", data, place + 12, 40_000_000)
    monkeypatch.setattr(reader_module.zipfile, "ZipFile", None)
    assert code_of(bytes(data)) == "file_expands"


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize("gap", [0, 1024 * 1024 - 30])
def test_entities_are_refused_wherever_they_stand(gap):
    def change(members):
        name = "xl/workbook.xml"
        filler = b"<!--" + bytes(range(65, 91)) * (gap // 26 + 1) + b"-->"
        # across the border of what is read at once
        data = members[name].replace(b"?>", b"?>" + filler[-gap:] + ENTITIES, 1)
        if gap:
            head = members[name].index(b"?>") + 2
            space = b" " * (1024 * 1024 - 5 - head)
            data = members[name].replace(b"?>", b"?>" + space + ENTITIES, 1)
        return {name: data}

    limits = Limits(ratio=10**6)
    assert code_of(rewritten(xlsx(LINES), change), limits=limits) == "file_unreadable"


def test_entities_hidden_in_another_encoding_are_refused():
    def change(members):
        text = members[SHEET].decode().replace("?>", "?>" + ENTITIES.decode(), 1)
        return {SHEET: text.replace("UTF-8", "UTF-16").encode("utf-16")}

    assert code_of(rewritten(xlsx(LINES), change)) == "file_unreadable"
    book = zipfile.ZipFile(io.BytesIO(ods_of(LINES)))
    members = {n: book.read(n) for n in book.namelist()}
    text = members["content.xml"].decode()
    for bad in (
        text.replace("?>", "?>" + ENTITIES.decode(), 1).encode(),
        text.replace("?>", "?>" + ENTITIES.decode(), 1).encode("utf-16"),
        text.replace("?>", "?>" + ENTITIES.decode(), 1).encode("utf-16-be"),
    ):
        assert code_of(zipped({**members, "content.xml": bad})) == "file_unreadable"


def test_a_count_of_texts_that_cannot_be_ends_no_server():
    # the reader reserves as much as is declared, and aborts the process
    for count in (b'"4000000000"', b"'4000000000'", b' = "4000000000"', b'"&#52;000"'):

        def change(members, count=count):
            data = members[SHARED]
            start = data.index(b"uniqueCount=") + len(b"uniqueCount")
            end = data.index(b'"', start + 2) + 1
            written = count if count.startswith(b" ") else b"=" + count
            return {SHARED: data[:start] + written + data[end:]}

        assert code_of(rewritten(xlsx(LINES), change)) == "file_unreadable"


def test_one_long_text_in_a_million_cells_does_not_fill_the_memory():
    long = "<si><t>" + "x" * 30_000 + "</t></si></sst>"
    cells = b"".join(
        b'<row r="%d"><c r="A%d" t="s"><v>6</v></c></row>' % (i, i)
        for i in range(3, 20_000)
    )

    def change(members):
        shared = members[SHARED].replace(b"</sst>", long.encode())
        sheet = members[SHEET].replace(b"</sheetData>", cells + b"</sheetData>")
        return {SHARED: shared, SHEET: sheet}

    assert code_of(rewritten(xlsx(LINES), change)) == "file_expands"
    # one note among many short texts is a list like any other
    few = [HEADINGS, [*ROW[:2], "x" * 30_000], *[ROW] * 12_000]
    assert open_table(xlsx(few)).scan() == 12_001


def test_texts_that_fill_the_memory_once_are_refused_too():
    limits = Limits(text=100_000)
    few = xlsx([HEADINGS, *[[*ROW[:2], f"{i} " * 20] for i in range(200)]])
    assert open_table(few, limits=limits).scan() == 200
    many = xlsx([HEADINGS, *[[*ROW[:2], f"{i} " * 200] for i in range(200)]])
    assert code_of(many, limits=limits) == "file_expands"
    inline = b"".join(
        b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>%s</t></is></c></row>'
        % (i, i, b"%d " % i * 200)
        for i in range(3, 300)
    )
    assert code_of(sheet_of(inline), limits=limits) == "file_expands"


@pytest.mark.parametrize("name", ["xl/workbook.xml", "xl/styles.xml"])
def test_parts_that_are_read_whole_are_small(name):
    def change(members):
        noise = b"<!--" + bytes(range(65, 91)) * 400_000 + b"-->"
        return {name: members[name].replace(b"?>", b"?>" + noise, 1)}

    limits = Limits(ratio=10**6)
    assert code_of(rewritten(xlsx(LINES), change), limits=limits) == "file_expands"


def test_a_text_that_an_ods_repeats_does_not_fill_the_memory():
    wide = ods_row(["x" * 30_000], repeat=20_000)
    assert code_of(ods(ods_row(HEADINGS) + wide)) == "file_expands"
    spaces = ods_row(['<text:s text:c="900000000"/>'])
    assert code_of(ods(ods_row(HEADINGS) + spaces)) == "file_expands"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        # the reader places a cell by its own reference, not by its row's
        (b'<c r="A1048576"><v>1</v></c>', "file_too_many_cells"),
        (b'<c r="XFD3"><v>1</v></c>', "file_too_many_columns"),
        (b"<c r='XFD3'><v>1</v></c>", "file_too_many_columns"),
        (b'<c s="1" r="XFD1048576"><v>1</v></c>', "file_too_many_columns"),
        (b'<c\nr = "XFD1048576"><v>1</v></c>', "file_too_many_columns"),
        (b'<c r="A999999999"><v>1</v></c>', "file_too_many_cells"),
        (b'<c r="A99999999999"><v>1</v></c>', "file_unreadable"),
        (b'<c r="&#88;FD3"><v>1</v></c>', "file_too_many_columns"),
    ],
)
def test_a_cell_far_away_is_seen_however_it_is_written(cell, code):
    assert code_of(sheet_of(b'<row r="3">' + cell + b"</row>")) == code


def test_a_sheet_under_another_name_is_looked_at_too():
    def change(members):
        far = b'<row r="9"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        rels = members["xl/_rels/workbook.xml.rels"]
        return {
            "xl/worksheets/evil.dat": members[SHEET].replace(b"</sheetData>", far),
            "xl/_rels/workbook.xml.rels": rels.replace(b"sheet1.xml", b"evil.dat"),
        }

    assert code_of(rewritten(xlsx(LINES), change)) == "file_too_many_columns"


def test_a_declared_dimension_reserves_nothing():
    def change(members):
        data = members[SHEET]
        start = data.index(b'<dimension ref="') + 16
        end = data.index(b'"', start)
        return {SHEET: data[:start] + b"A1:XFD1048576" + data[end:]}

    loads(rewritten(xlsx(LINES), change))


def test_a_large_old_workbook_is_counted_before_it_is_read(monkeypatch):
    monkeypatch.setattr(reader_module, "_SMALL_XLS", 0)
    data = xls([HEADINGS, *[[*ROW[:2], i] for i in range(50)]])
    assert open_table(data).scan() == 50
    monkeypatch.setattr(reader_module.xlrd, "open_workbook", None)
    assert code_of(data, limits=Limits(cells=100)) == "file_too_many_cells"


@BOOKS
def test_the_limit_of_size_stops_a_file_before_it_is_opened(make, monkeypatch):
    data = make(LINES)
    monkeypatch.setattr(reader_module.xlrd, "open_workbook", None)
    monkeypatch.setattr(reader_module.python_calamine, "load_workbook", None)
    assert code_of(data, limits=Limits(size=len(data) - 1)) == "file_too_large"
    if make is not xls:
        assert code_of(data, limits=Limits(cells=5)) == "file_too_many_cells"


def test_a_csv_may_be_as_long_as_it_likes_but_no_cell():
    limits = Limits(size=10, cells=10, cell=50, text=10)
    data = csv_bytes([HEADINGS, *[ROW] * 1000])
    assert open_table(data, limits=limits).scan() == 1000
    data += csv_bytes([["612345678", "x" * 51, "y"]])
    assert code_of(data, limits=limits) == "file_cell_too_large"


def test_a_csv_is_never_whole_in_the_memory(monkeypatch):
    data = csv_bytes([HEADINGS, *[ROW] * 300_000])
    streams = []

    class Counted(io.BytesIO):
        most = 0

        def read(self, size=-1):
            chunk = super().read(size)
            self.most = max(self.most, len(chunk))
            return chunk

        def read1(self, size=-1):
            return self.read(size)

    def stream(source):
        streams.append(Counted(source))
        return streams[-1]

    monkeypatch.setattr(reader_module, "_stream", stream)
    table = open_table(data)
    rows = table.rows(after=200_000)
    assert next(rows)[0] == 200_001
    assert max(s.most for s in streams) <= 1024 * 1024
    assert streams[-1].tell() < len(data) * 0.7


def test_parts_that_differ_in_case_alone_are_refused():
    twin = {"XL/Worksheets/Sheet1.xml": b"<a/>"}
    assert code_of(rewritten(xlsx(LINES), lambda _m: twin)) == "file_unreadable"
    pictures = {"xl/media/Image1.png": b"1", "xl/media/image1.png": b"2"}
    loads(rewritten(xlsx(LINES), lambda _m: pictures))


@pytest.mark.parametrize("make", [xlsx, csv_bytes, ods_of], ids=["xlsx", "csv", "ods"])
def test_a_cell_of_ten_megabytes_names_its_place(make):
    if make is xlsx:
        long = b'<c r="B3" t="inlineStr"><is><t>' + b"xyz" * 3_500_000
        data = sheet_of(b'<row r="3">' + long + b"</t></is></c></row>")
    else:
        data = make([HEADINGS, ROW, ["612345678", "xyz" * 3_500_000, "x"]])
    with pytest.raises(ReadError) as caught:
        open_table(data, limits=Limits(ratio=10**6)).scan()
    assert caught.value.code == "file_cell_too_large"
    assert caught.value.problem.params["row"] == 3
    assert caught.value.problem.params["column"] in ("B", "?")


# ----------------------------------------------------------------- odd characters
def test_direction_marks_and_invisible_letters_deceive_nobody():
    phone = "\u202d612\u200b345\u2060678\u202c"
    name = "\u202eanA\u200f \ufeffGar\u00adcía\u2066"
    row = clean_row([phone, name, "C/ 1"], ["phone", "name", "street"], Settings())
    assert [p.e164 for p in row.phones] == ["+34612345678"]
    assert row.name == "anA García"
    assert row.raw[:2] == [phone, name]


@EVERY
def test_marks_in_headings_hide_no_column(make):
    headings = ["\u200bTeléfono\u202c", "\ufeffNombre", "Dirección\u00a0"]
    table = open_table(make([headings, ROW]))
    assert suggest_mapping(table.headings) == ["phone", "name", "street"]


@EVERY
def test_emoji_load_and_go_back_as_they_are(make):
    row = ["612345678", "Ana 👩‍👩‍👧 😀", "C/ Mayor 3"]
    loads(make([HEADINGS, row]), row)


def test_control_characters_reach_no_field():
    row = ["612345678\x00\x07", "An\x08a\x1b[31m", "C/\tMayor\x0b3\x7f"]
    clean = clean_row(row, ["phone", "name", "street"], Settings())
    assert [p.e164 for p in clean.phones] == ["+34612345678"]
    assert (clean.name, clean.street) == ("Ana[31m", "C/ Mayor 3")
    row[0] = "612345678\x07"
    assert loads(csv_bytes([HEADINGS, row]), row)
    row[0] = "612345678\x00"
    assert code_of(csv_bytes([HEADINGS, row])) == "file_not_table"
    loads(csv_bytes([HEADINGS, *[ROW] * 4000, row]))


def test_lone_surrogates_reach_no_field_and_can_be_returned():
    row = ["612345678", "An\ud800a", "C/ 1 \udfff"]
    clean = clean_row(row, ["phone", "name", "street"], Settings())
    assert (clean.name, clean.street) == ("Ana", "C/ 1")
    for fmt in ("csv", "xlsx"):
        assert write_returned([(row, "x")], HEADINGS, fmt)
    # as bytes that no UTF-8 has
    data = csv_bytes([HEADINGS, ROW]) + b"612345679;An\xed\xa0\x80a;x\n"
    assert len(loads(data)) == 2


@pytest.mark.parametrize("char", [b"&#xD800;", b"&#0;", b"&#xFFFFFFFF;"])
def test_impossible_characters_of_a_workbook_end_in_words(char):
    cell = b'<c r="A3" t="inlineStr"><is><t>x' + char + b"y</t></is></c>"
    try:
        loads(sheet_of(b'<row r="3">' + cell + b"</row>"))
    except ReadError as error:
        assert error.code == "file_unreadable"


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_marks_of_encodings_get_into_no_heading(encoding):
    data = csv_bytes(LINES, encoding=encoding)
    if encoding in ("utf-16-le", "utf-16-be"):
        # without its mark it cannot be told from a file that is none
        assert code_of(data) == "file_not_table"
    else:
        assert open_table(data).headings == HEADINGS


@EVERY
def test_a_very_long_heading_is_a_heading(make):
    headings = [*HEADINGS, "muy largo " * 300]
    table = open_table(make([headings, [*ROW, "x"]]))
    assert suggest_mapping(table.headings)[3].startswith("extra:muy largo")


# --------------------------------------------------------------- reaching elsewhere
def test_names_of_members_that_lead_elsewhere_write_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("../../evil.txt", "/etc/passwd", "xl/../../evil", "C:\\evil")
    data = rewritten(xlsx(LINES), lambda _m: dict.fromkeys(names, b"evil"))
    loads(data)
    assert list(tmp_path.iterdir()) == []


def test_links_to_other_files_are_not_followed(tmp_path):
    secret = tmp_path / "secret.xlsx"
    link = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        'relationships"><Relationship Id="rId1" Type="http://x/externalLinkPath" '
        f'Target="file://{secret}" TargetMode="External"/></Relationships>'
    )
    members = {
        "xl/externalLinks/externalLink1.xml": "<externalLink/>",
        "xl/externalLinks/_rels/externalLink1.xml.rels": link,
    }
    loads(rewritten(xlsx(LINES), lambda _m: members))


# ------------------------------------------------------------------------- preview
def test_the_preview_says_in_which_cell_something_is_wrong():
    headings = [*HEADINGS, "NIF", "CP", "Email", "IBAN"]
    row = ["61234", "n/a", "C/ 1", "12345678A", "99999", "a@b", "ES00"]
    shown = preview(open_table(csv_bytes([headings, row, [*ROW, *[""] * 4]])))
    marked = {
        (p.code, p.column) for p in shown.rows[0].problems + shown.rows[0].notices
    }
    assert {
        ("phone_too_short", 0),
        ("nif_checksum", 3),
        ("postcode_no_province", 4),
        ("email_domain", 5),
        ("iban_format", 6),
    } <= marked
    assert shown.rows[1].ok


def test_what_is_missing_is_marked_in_its_empty_cell():
    lines = [["CP", *HEADINGS, "NIF"], ["28001", "", "", "", ""]]
    required = Settings(required=("phone", "name", "street", "vat"))
    shown = preview(open_table(csv_bytes(lines)), settings=required)
    assert [(p.code, p.column) for p in shown.rows[0].problems] == [
        ("phone_missing", 1),
        ("name_missing", 2),
        ("street_missing", 3),
        ("field_missing", 4),
    ]
