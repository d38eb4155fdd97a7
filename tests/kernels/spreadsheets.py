"""Files as people and attackers make them, for the tests of the importing kernel."""

import csv
import datetime
import io
import struct
import zipfile

import pytest
import xlsxwriter
import xlwt

from odoo.addons.telemarketing_base.importing import REASONS, ReadError, open_table

HEADINGS = ["Teléfono", "Nombre", "Dirección"]
ROW = ["612345678", "Ana", "C/ Mayor 3"]


def xlsx(rows, sheets=None, **options):
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"strings_to_formulas": False, **options})
    for name, lines in (sheets or {"Hoja1": rows}).items():
        sheet = book.add_worksheet(name)
        for r, line in enumerate(lines):
            for c, value in enumerate(line):
                if isinstance(value, datetime.date):
                    day = book.add_format({"num_format": "dd/mm/yyyy"})
                    sheet.write_datetime(r, c, value, day)
                elif value is not None:
                    sheet.write(r, c, value)
    book.close()
    return out.getvalue()


def xls(rows):
    book = xlwt.Workbook()
    sheet = book.add_sheet("Hoja1")
    for r, line in enumerate(rows):
        for c, value in enumerate(line):
            if value is not None:
                sheet.write(r, c, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def ods(body):
    names = "office table text"
    spaces = " ".join(
        f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"'
        for n in names.split()
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces}><office:body>'
        f'<office:spreadsheet><table:table table:name="Hoja1">{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:'
        'manifest:1.0"><manifest:file-entry manifest:full-path="/" '
        f'manifest:media-type="{kind}"/></manifest:manifest>'
    )
    return zipped(
        {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest}
    )


def ods_row(values, repeat=1):
    cells = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{v}</text:p>'
        "</table:table-cell>"
        for v in values
    )
    return (
        f'<table:table-row table:number-rows-repeated="{repeat}">{cells}'
        '<table:table-cell table:number-columns-repeated="16000"/></table:table-row>'
    )


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def rewritten(data, change):
    """An .xlsx with the members that ``change`` returns instead."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    members.update(change(members))
    return zipped(members)


def csv_bytes(rows, separator=";", encoding="utf-8"):
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows(rows)
    return out.getvalue().encode(encoding)


def code_of(data, **options):
    with pytest.raises(ReadError) as caught:
        open_table(data, **options).scan()
    assert caught.value.code in REASONS
    assert caught.value.text()
    return caught.value.code


def ole(streams):
    """A compound file (what an .xls is) of ``{name: bytes}``, each padded to 4 kB."""
    padded = {
        n: d.ljust(-(-max(len(d), 4096) // 512) * 512, b"\0")
        for n, d in streams.items()
    }
    directory = -(-(len(padded) + 1) * 128 // 512)
    total = 1 + directory + sum(len(d) // 512 for d in padded.values())
    tables = -(-(total + 8) // 128)
    fat = [0xFFFFFFFD] * tables
    entries = b""

    def chain(count):
        first = len(fat)
        fat.extend([*range(first + 1, first + count), 0xFFFFFFFE])
        return first

    def entry(name, kind, start, size, child=0xFFFFFFFF, right=0xFFFFFFFF):
        text = name.encode("utf-16-le") + b"\0\0"
        return (
            text.ljust(64, b"\0")
            + struct.pack("<HBBLLL", len(text), kind, 1, 0xFFFFFFFF, right, child)
            + b"\0" * 36
            + struct.pack("<LLL", start, size, 0)
        )

    first_dir = chain(directory)
    body = b""
    for place, (name, data) in enumerate(padded.items(), 1):
        right = place + 1 if place < len(padded) else 0xFFFFFFFF
        entries += entry(name, 2, chain(len(data) // 512), len(data), right=right)
        body += data
    root = entry("Root Entry", 5, 0xFFFFFFFE, 0, child=1)
    entries = (root + entries).ljust(directory * 512, b"\0")
    fat += [0xFFFFFFFF] * (tables * 128 - len(fat))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    head += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    head += struct.pack("<LLLLL", 0, tables, first_dir, 0, 4096)
    head += struct.pack("<LLLL", 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack("<109L", *range(tables), *[0xFFFFFFFF] * (109 - tables))
    return head + struct.pack(f"<{len(fat)}L", *fat) + entries + body


def encrypted_ole():
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    return head + "EncryptedPackage".encode("utf-16-le") + b"\0" * 600


def encrypted_xls():
    # the FILEPASS record (0x2f) right after BOF, as Excel writes it
    bof = struct.pack("<HHHHHHII", 0x809, 16, 0x600, 5, 0x2112, 0x7CD, 0, 6)
    return bof + struct.pack("<HHHHH", 0x2F, 6, 0, 1, 2) + b"\x0a\0\0\0"
