"""Files to clean rows: messy columns, messy files, the sample, what goes back."""

import csv
import datetime
import io
import re
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spreadsheets import (
    HEADINGS,
    ROW,
    code_of,
    csv_bytes,
    encrypted_ole,
    encrypted_xls,
    ods,
    ods_row,
    rewritten,
    xls,
    xlsx,
    zipped,
)

from odoo.addons.telemarketing_base.identity.text import clean_text, fold, shown
from odoo.addons.telemarketing_base.importing import (
    REASONS,
    Limits,
    ReadError,
    Settings,
    asked_not_to_be_called,
    check_birthdate,
    check_day,
    check_mapping,
    clean_row,
    clean_rows,
    neutralise,
    open_table,
    preview,
    stands_for_nothing,
    suggest_mapping,
    tidy_name,
    unneutralise,
    write_returned,
    write_template,
)
from odoo.addons.telemarketing_base.importing import cleaning as cleaning_module
from odoo.addons.telemarketing_base.importing.returned import write_returned_to
from odoo.addons.telemarketing_base.importing.template import PEOPLE, template_headings

SAMPLE = (
    Path(__file__).parents[2] / "telemarketing_base/tests/samples/base_clientes.xls"
)
TODAY = datetime.date(2026, 11, 22)


def clean(values, headings, **options):
    return clean_row(values, suggest_mapping(headings), Settings(**options), 2)


def codes(problems):
    return [p.code for p in problems]


# ------------------------------------------------------------------- reading
@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_csv_is_read_whatever_its_separator_and_encoding(separator, encoding):
    rows = [HEADINGS, ["612345678", "Begoña", "C/ Mayor, 3; 2º | «B»"]]
    table = open_table(csv_bytes(rows, separator, encoding))
    assert table.headings == HEADINGS
    assert list(table.rows()) == [(2, rows[1])]
    assert table.separator == separator


def test_a_csv_in_latin_1_with_bytes_that_windows_lacks_is_read():
    data = "Teléfono;Nombre\n612345678;Begoña\x81\n".encode("latin-1")
    table = open_table(data)
    assert table.encoding == "latin-1"
    assert next(table.rows())[1][1] == "Begoña\x81"


def test_one_stray_byte_does_not_spoil_every_accent_of_a_csv():
    data = "Teléfono;Nombre\n612345678;Núria\n612345679;Bego".encode() + b"\xf1a\n"
    names = [row[1] for _n, row in open_table(data).rows()]
    assert names == ["Núria", "Begoña"]


def test_a_csv_that_tells_its_separator_is_believed_and_counted_as_excel_does():
    table = open_table(b"sep=;\r\nTel;Nombre\r\n612345678;a,b,c,d\r\n")
    assert [n for n, _row in table.rows()] == [3]


def test_one_column_of_phones_is_a_file_too():
    table = open_table(b"Telefono\n612345678\n")
    assert [row for _n, row in table.rows()] == [["612345678"]]


@pytest.mark.parametrize("make", [xlsx, xls])
def test_a_spreadsheet_is_read_by_its_content_not_by_its_name(make):
    data = make([HEADINGS, ROW, [None, None, None], [612345678.0, "Luis", "x"]])
    table = open_table(data, filename="lista.csv")
    assert table.kind == make.__name__
    assert list(table.rows()) == [(2, ROW), (4, [612345678.0, "Luis", "x"])]
    assert list(table.rows()) == list(table.rows())


def test_a_csv_named_xls_is_read():
    assert open_table(csv_bytes([HEADINGS, ROW]), filename="a.xls").kind == "csv"


def test_an_ods_is_read_with_its_endless_empty_rows():
    body = ods_row(HEADINGS) + ods_row(ROW)
    body += (
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell'
        ' table:number-columns-repeated="16384"/></table:table-row>'
    )
    table = open_table(ods(body))
    assert table.kind == "ods"
    assert list(table.rows()) == [(2, ROW)]


def test_rows_keep_the_number_that_excel_shows_below_a_title():
    data = xlsx([[], ["Clientes de enero"], [], HEADINGS, [], ROW])
    table = open_table(data)
    assert table.heading_row == 4
    assert list(table.rows()) == [(6, ROW)]


def test_the_first_sheet_with_something_is_read_and_others_can_be_chosen():
    sheets = {"Vacía": [], "Uno": [HEADINGS, ROW], "Dos": [HEADINGS, ROW, ROW]}
    table = open_table(xlsx(None, sheets))
    assert (table.sheet, table.sheets) == ("Uno", ["Vacía", "Uno", "Dos"])
    assert open_table(xlsx(None, sheets), sheet="Dos").scan() == 2
    assert code_of(xlsx(None, sheets), sheet="Tres") == "file_no_sheet"


def test_dates_booleans_and_long_rows_come_as_they_are():
    born = datetime.date(1980, 5, 3)
    row = ["612345678", born, True, 1.5, "sobra"]
    table = open_table(xlsx([["Teléfono", "Nacimiento", "Sí", "x"], row]))
    assert list(table.rows()) == [(2, row)]


def test_a_path_is_read_as_well_as_bytes(tmp_path):
    for name, data in (
        ("a.xls", xls([HEADINGS, ROW])),
        ("a.xlsx", xlsx([HEADINGS, ROW])),
        ("a.csv", csv_bytes([HEADINGS, ROW])),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        assert open_table(str(path)).scan() == 1
        assert open_table(path).scan() == 1


# ------------------------------------------------------- files that are not one
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b"\xef\xbb\xbf \r\n\r\n", "file_empty"),
        (xlsx([]), "file_empty"),
        (csv_bytes([HEADINGS]), "file_only_headings"),
        (xlsx([HEADINGS]), "file_only_headings"),
        (xls([HEADINGS]), "file_only_headings"),
        (csv_bytes([ROW, ROW]), "file_no_headings"),
        (xlsx([ROW, ROW]), "file_no_headings"),
        (encrypted_ole(), "file_password"),
        (encrypted_xls(), "file_password"),
        (b"%PDF-1.7 ...", "file_not_table"),
        (b"\x89PNG\r\n\x1a\n....", "file_not_table"),
        (b"\x00\x01\x02\x03" * 50, "file_not_table"),
        (b'{"a": 1}', "file_not_table"),
        (zipped({"word/document.xml": "<a/>"}), "file_not_table"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "file_html"),
        (xlsx([HEADINGS, ROW])[:2000], "file_unreadable"),
        (xls([HEADINGS, ROW])[:1500], "file_unreadable"),
        (b"PK\x03\x04garbage", "file_unreadable"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data, code):
    assert code_of(data) == code


def test_a_truncated_or_scrambled_file_never_breaks_the_importer():
    for data in (xls([HEADINGS, ROW] * 50), xlsx([HEADINGS, ROW] * 50)):
        for cut in range(0, len(data), max(1, len(data) // 60)):
            for broken in (data[:cut], data[:cut] + b"\xff" * 64 + data[cut + 64 :]):
                try:
                    open_table(broken).scan()
                except ReadError as error:
                    assert error.code in REASONS


def test_a_file_over_the_limit_is_refused_before_it_is_opened():
    small = Limits(size=1000)
    assert code_of(xlsx([HEADINGS, ROW]), limits=small) == "file_too_large"
    assert code_of(xls([HEADINGS, ROW]), limits=small) == "file_too_large"
    # csv is streamed and exempt
    assert open_table(csv_bytes([HEADINGS, *[ROW] * 100]), limits=small).scan() == 100


def test_a_zip_bomb_is_refused_before_it_is_opened():
    bomb = rewritten(
        xlsx([HEADINGS, ROW]),
        lambda members: {"xl/sharedStrings.xml": b" " * 60_000_000},
    )
    assert len(bomb) < 200_000
    assert code_of(bomb) == "file_expands"


def test_one_cell_at_the_far_corner_does_not_fill_the_memory():
    def far(members):
        name = "xl/worksheets/sheet1.xml"
        cell = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        return {name: members[name].replace(b"</sheetData>", cell)}

    assert code_of(rewritten(xlsx([HEADINGS, ROW]), far)) == "file_too_many_columns"

    def low(members):
        name = "xl/worksheets/sheet1.xml"
        cell = b'<row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData>'
        return {name: members[name].replace(b"</sheetData>", cell)}

    assert code_of(rewritten(xlsx([HEADINGS, ROW]), low)) == "file_too_many_cells"


def test_an_ods_that_repeats_a_cell_for_ever_is_refused():
    assert code_of(ods(ods_row(HEADINGS) + ods_row(ROW, 10**6))) == (
        "file_too_many_cells"
    )


def test_a_document_type_is_refused():
    def entity(members):
        name = "xl/workbook.xml"
        data = members[name]
        return {name: data.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY a "b">]>', 1)}

    assert code_of(rewritten(xlsx([HEADINGS, ROW]), entity)) == "file_unreadable"


def test_a_hundred_columns_load_and_sixteen_thousand_do_not():
    wide = ["Teléfono", *[f"c{i}" for i in range(99)]]
    assert len(open_table(xlsx([wide, ["612345678"] * 100])).headings) == 100
    wide = ["Teléfono", *[f"c{i}" for i in range(16383)]]
    assert code_of(xlsx([wide, ROW])) == "file_too_many_columns"
    assert code_of(csv_bytes([wide, ROW])) == "file_too_many_columns"


def test_too_many_cells_are_refused():
    limits = Limits(cells=20)
    rows = [HEADINGS, *[ROW] * 10]
    assert code_of(xlsx(rows), limits=limits) == "file_too_many_cells"
    assert code_of(xls(rows), limits=limits) == "file_too_many_cells"


def test_a_huge_cell_names_its_place():
    rows = [HEADINGS, ROW, ["612345678", "x" * 40_000, "y"]]
    with pytest.raises(ReadError) as caught:
        open_table(csv_bytes(rows)).scan()
    assert caught.value.code == "file_cell_too_large"
    assert caught.value.problem.params == {"row": 3, "column": "B", "limit": 32767}


def test_an_open_quote_or_an_endless_line_stops_early():
    data = csv_bytes([HEADINGS, ROW]) + b'612345679;"Ana;x\n' + b"a;b;c\n" * 10**6
    assert code_of(data) == "file_cell_too_large"
    assert code_of(b"Tel;Nombre\n" + b"9" * 6_000_000) == "file_cell_too_large"


def test_nul_bytes_and_empty_rows_in_a_csv_do_not_hurt():
    data = b"Tel;Nombre\n" + b";;\n" * 70_000 + b"612345678;A\x00na\n"
    assert list(open_table(data).rows()) == [(70_002, ["612345678", "Ana"])]


# ------------------------------------------------------------------- headings
@pytest.mark.parametrize(
    ("headings", "mapping"),
    [
        (
            ["TELEFONO", "Tel. 2", "Móvil", "Nombre completo", "DNI/NIF", "E-mail"],
            ["phone", "phone", "phone", "name", "vat", "email"],
        ),
        (
            ["Razón social", "CIF", "Domicilio", "Código Postal", "Localidad", "Prov."],
            ["name", "vat", "street", "zip", "city", "state"],
        ),
        (
            ["Nombre", "Primer apellido", "2º apellido", "Fecha de nacimiento"],
            ["name", "surname", "surname", "birthdate"],
        ),
        (
            ["Calle", "Número", "Piso", "C. P.", "Obs.", "Idioma", "Nº cliente"],
            ["street", "street", "street", "zip", "note", "language", "external_key"],
        ),
        # VICIdial's list loader
        (
            ["vendor_lead_code", "phone_number", "first_name", "last_name", "address1"],
            ["external_key", "phone", "name", "surname", "street"],
        ),
        (
            ["city", "province", "postal_code", "date_of_birth", "alt_phone", "email"],
            ["city", "state", "zip", "birthdate", "phone", "email"],
        ),
        # uContact's dialler file
        (
            ["Campaign name", "telephone", "Additional information"],
            ["extra:Campaign name", "phone", "note"],
        ),
        (
            ["Alternative telephones", "alternativephones", "priority"],
            ["phone", "phone", "extra:priority"],
        ),
        (
            ["CampaignName", "Phone", "AdditionalInformation", "AlternatePhones"],
            ["extra:CampaignName", "phone", "note", "phone"],
        ),
        (
            # the agent's telephone is nobody's to call
            ["Priority", "AgentPhone"],
            ["extra:Priority", "extra:AgentPhone"],
        ),
        # what is twice or unknown or has no heading is kept apart
        (
            ["Nombre", "Nombre", "", "", "Tarifa", "Tarifa"],
            ["name", "extra:Nombre", "extra:C", "extra:D", "extra:Tarifa"]
            + ["extra:Tarifa (2)"],
        ),
        (["Tel", "Motivo", "Motivo"], ["phone", "extra:Motivo", None]),
    ],
)
def test_columns_are_recognised(headings, mapping):
    assert suggest_mapping(headings) == mapping
    check_mapping(mapping, len(headings))


@pytest.mark.parametrize("bad", [["phone"], ["name", "name"], ["nose", None]])
def test_a_mapping_by_hand_that_cannot_work_is_refused(bad):
    with pytest.raises(ValueError):
        check_mapping(bad, 2)


# ------------------------------------------------------------------- cleaning
@pytest.mark.parametrize(
    ("written", "tidy"),
    [
        ("JUAN CARLOS", "Juan Carlos"),
        ("lucía núñez LÓPEZ", "Lucía Núñez López"),
        ("Nuria de la Fuente", "Nuria de la Fuente"),
        ("NURIA DE LA FUENTE", "Nuria de la Fuente"),
        ("MARÍA DEL MAR Y PÉREZ", "María del Mar y Pérez"),
        ("O'DONNELL", "O'Donnell"),
        ("o'donnell vázquez", "O'Donnell Vázquez"),
        ("Mª Ángeles", "Mª Ángeles"),
        ("Mª ÁNGELES", "Mª Ángeles"),
        ("FCO. JAVIER", "Fco. Javier"),
        ("GARCÍA-LUENGO", "García-Luengo"),
        ("TALLERES GARCÍA E HIJOS S.L.", "Talleres García e Hijos S.L."),
        ("Juan E García", "Juan E García"),
        ("JUAN CARLOS II", "Juan Carlos II"),
        ("McCann", "McCann"),
        ("GAL·LA", "Gal·la"),
    ],
)
def test_capitals_are_tidied_and_people_keep_their_name(written, tidy):
    assert tidy_name(written) == tidy
    assert tidy_name(tidy) == tidy


@pytest.mark.parametrize(
    ("written", "tidy"),
    [
        ("LAS PALMAS DE G.C.", "Las Palmas de G.C."),
        ("A CORUÑA", "A Coruña"),
        ("LA VALL D'UIXÓ", "La Vall d'Uixó"),
        ("L'HOSPITALET DE LLOBREGAT", "L'Hospitalet de Llobregat"),
        ("vitoria-gasteiz", "Vitoria-Gasteiz"),
    ],
)
def test_towns_keep_their_articles(written, tidy):
    assert tidy_name(written, city=True) == tidy
    assert tidy_name(tidy, city=True) == tidy


@given(st.text(max_size=40))
def test_tidying_a_name_twice_changes_nothing(text):
    text = clean_text(text)
    once = tidy_name(text)
    assert tidy_name(once) == once
    assert once.casefold() == text.casefold()


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("C/ Mayor, 3·2º", "C/ Mayor, 3·2º"),
        ("Barça", "Barça"),
        ("c/. Sol 7 bajo B", "c/. Sol 7 bajo B"),
        ("Camino Viejo #4", "Camino Viejo #4"),
        ("Pza. España s/n", "Pza. España s/n"),
        ("Passeig de Gràcia 12, 3r 1a", "Passeig de Gràcia 12, 3r 1a"),
        ("***Calle Sol 3®", "Calle Sol 3"),
        ("\u202eCalle\x00 Sol\t3\n", "Calle Sol 3"),
        ('"Calle Sol 3"', "Calle Sol 3"),
        ("dirección", ""),
        ("N/A", ""),
        ("-", ""),
    ],
)
def test_addresses_lose_only_junk(written, kept):
    row = clean(["612345678", "Ana", written], HEADINGS)
    assert row.ok
    assert row.street == kept


def test_the_manuals_words_fill_a_required_field_with_nothing():
    row = clean(["612345678", "nombre", "dirección"], HEADINGS)
    assert row.ok
    assert (row.name, row.street) == ("", "")
    row = clean(["612345678", "nombre", "Sáez", "x 1"], [*HEADINGS[:2], "Apellidos"])
    assert row.name == "Sáez"


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([None, "Ana", "x 1"], ["phone_missing"]),
        (["sin teléfono", "Ana", "x 1"], ["phone_missing"]),
        (["000000000", "Ana", "x 1"], ["phone_missing"]),
        (["112", "Ana", "x 1"], ["phone_invalid", "phone_short_number"]),
        (["61234567", "Ana", "x 1"], ["phone_invalid", "phone_too_short"]),
        (["612345678", None, "x 1"], ["name_missing"]),
        (["612345678", " \u200b ", "x 1"], ["name_missing"]),
        (["612345678", "Ana", None], ["street_missing"]),
        ([None, None, None], ["phone_missing", "name_missing", "street_missing"]),
    ],
)
def test_a_row_is_bad_only_without_a_required_field_or_a_valid_phone(values, found):
    assert codes(clean(values, HEADINGS).problems) == found


def test_what_is_required_is_a_setting():
    row = clean(["612345678", None, None], HEADINGS, required=("phone",))
    assert row.ok
    row = clean(["612345678", "Ana", "x 1"], HEADINGS, required=("phone", "vat"))
    assert codes(row.problems) == ["field_missing"]
    row = clean([None, "Ana", "x 1"], HEADINGS, required=())
    assert codes(row.problems) == ["phone_missing"]


def test_wrong_values_load_the_row_without_them_and_are_listed():
    headings = [*HEADINGS, "Tel 2", "NIF", "C.P.", "Email", "F. nacimiento", "Prov"]
    raw = [*ROW, "6123", "12345678A", "28O01", "a@b", "31/02/1980", "Narnia"]
    row = clean(raw, headings)
    assert row.ok
    assert row.raw == raw
    assert [p.e164 for p in row.phones] == ["+34612345678"]
    assert (row.vat, row.zip, row.email, row.birthdate, row.province) == (
        *("", "", ""),
        None,
        "",
    )
    assert {(p.field, p.code, p.column) for p in row.notices} == {
        ("phone", "phone_too_short", 3),
        ("vat", "nif_checksum", 4),
        ("zip", "postcode_format", 5),
        ("email", "email_domain", 6),
        ("birthdate", "birthdate_format", 7),
        ("state", "province_unknown", 8),
    }
    assert all(p.text(reasons=REASONS) for p in row.notices)


def test_phones_of_all_columns_come_in_order_and_once():
    headings = ["Tel", "Nombre", "Tel 2", "Dirección", "Móvil"]
    row = clean(
        ["912345678/612345678", "Ana", "+34 612 345 678", "x 1", 712345678.0], headings
    )
    assert [p.e164 for p in row.phones] == [
        "+34912345678",
        "+34612345678",
        "+34712345678",
    ]
    assert row.notices == []


def test_premium_and_foreign_phones_are_noticed():
    row = clean(["806123456; +351912345678", "Ana", "x 1"], HEADINGS)
    assert codes(row.notices) == ["phone_premium", "phone_foreign"]
    assert [p.dialable for p in row.phones] == [False, True]


def test_postcode_and_province_help_each_other():
    headings = [*HEADINGS, "CP", "Provincia"]
    row = clean([*ROW, 7001.0, None], headings)
    assert (row.zip, row.province, row.state) == ("07001", "07", "PM")
    row = clean([*ROW, "8009", "Barcelona"], headings)
    assert row.zip == "08009"
    row = clean([*ROW, "28O01", "Las Palmas"], headings)
    assert (row.zip, row.province, row.tz) == ("", "35", "Atlantic/Canary")
    row = clean([*ROW, "28001", "Toledo"], headings)
    assert (row.province, codes(row.notices)) == ("28", ["province_mismatch"])
    assert clean([*ROW, None, None], headings).tz == ""


def test_a_firm_is_told_from_a_person():
    headings = [*HEADINGS, "NIF"]
    assert clean([*ROW, "B12345674"], headings).is_company
    assert not clean([*ROW, "12345678Z"], headings).is_company
    for name in ("Talleres Ruiz S.L.", "TALLERES RUIZ, SLU", "Coop X S. Coop."):
        assert clean(["612345678", name, "x 1"], HEADINGS).is_company
    assert not clean(["612345678", "Ana Salas", "x 1"], HEADINGS).is_company


@pytest.mark.parametrize(
    ("written", "born"),
    [
        (36050.0, datetime.date(1998, 9, 12)),
        ("36050", datetime.date(1998, 9, 12)),
        ("03/05/1980", datetime.date(1980, 5, 3)),
        ("3-5-80", datetime.date(1980, 5, 3)),
        ("3.5.26", datetime.date(2026, 5, 3)),
        ("3.12.26", datetime.date(1926, 12, 3)),
        ("1980-05-03", datetime.date(1980, 5, 3)),
        ("1980-05-03 00:00:00", datetime.date(1980, 5, 3)),
        ("1980-05-03T00:00:00Z", datetime.date(1980, 5, 3)),
        ("3 de mayo de 1980", datetime.date(1980, 5, 3)),
        (19800503.0, datetime.date(1980, 5, 3)),
        (datetime.datetime(1980, 5, 3), datetime.date(1980, 5, 3)),
    ],
)
def test_dates_of_birth_in_every_dress(written, born):
    assert check_birthdate(written, TODAY) == (born, None)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("03/25/1980", "birthdate_format"),
        ("31/02/1980", "birthdate_format"),
        (1980.0, "birthdate_ambiguous"),
        ("1980", "birthdate_ambiguous"),
        ("01/01/2030", "birthdate_range"),
        ("01/01/1850", "birthdate_range"),
        ("ayer", "birthdate_format"),
        (float("inf"), "birthdate_format"),
    ],
)
def test_a_doubtful_date_of_birth_is_not_guessed(written, code):
    born, problem = check_birthdate(written, TODAY)
    assert born is None
    assert problem.code == code


def test_macs_old_epoch_is_known():
    born, _problem = check_birthdate(34588.0, TODAY, date1904=True)
    assert born == datetime.date(1998, 9, 12)


# ------------------------------------------------------ why they may be called
LAW = ["Consentimiento", "Fecha consentimiento", "Origen del dato", "Texto legal"]
DAY = datetime.date(2026, 3, 2)


def lawful(*values, headings=LAW, **options):
    return clean([*ROW, *values], [*HEADINGS, *headings], **{"today": TODAY, **options})


@pytest.mark.parametrize(
    ("headings", "mapping"),
    [
        (LAW, ["legal_basis", "basis_date", "basis_source", "consent_text"]),
        (
            ["Base legal", "Fecha de solicitud", "Cliente hasta", "Última compra"],
            ["legal_basis", "basis_date", "client_until", "interacted_on"],
        ),
        (
            ["Consent", "Consent date", "Consent source", "Professional"],
            ["legal_basis", "basis_date", "basis_source", "is_professional"],
        ),
        (["Autónomo", "Fecha de baja"], ["is_professional", "client_until"]),
    ],
)
def test_columns_that_the_law_asks_about_are_recognised(headings, mapping):
    assert suggest_mapping(headings) == mapping


@pytest.mark.parametrize(
    ("written", "basis"),
    [
        ("Consentimiento", "consent"),
        ("SÍ", "consent"),
        ("x", "consent"),
        (1, "consent"),
        (True, "consent"),
        ("Cliente", "client"),
        ("contrato vigente", "client"),
        ("Empresa", "legal_person"),
        ("autónomo", "legal_person"),
        ("Solicitud", "request"),
        ("call-back request", "request"),
    ],
)
def test_a_basis_is_understood_as_people_write_it(written, basis):
    row = lawful(written, DAY)
    assert (row.legal_basis, row.basis_date, row.notices) == (basis, DAY, [])
    assert row.basis_in("", None) == (basis, DAY)


@pytest.mark.parametrize(
    "written", ["No", "0", 0, False, "no consta", "No autoriza", "revocado", "ninguno"]
)
def test_a_no_in_the_column_of_consents_wins_over_the_files_consent(written):
    row = lawful(written, basis="consent", basis_on=DAY)
    assert row.ok and row.consent_denied and codes(row.notices) == ["basis_denied"]
    assert row.basis_in("consent", DAY) == ("", None)
    # A client who consents to nothing is a client still.
    assert row.basis_in("client", None) == ("client", None)


@pytest.mark.parametrize("written", [None, "", "n/a", "-"])
def test_an_empty_basis_is_the_files(written):
    row = lawful(written, basis="consent", basis_on=DAY)
    assert not row.notices and not row.own_basis
    assert row.basis_in("consent", DAY) == ("consent", DAY)
    assert row.basis_in("", None) == ("", None)


@pytest.mark.parametrize("written", ["Interés legítimo", "vete a saber", "ex cliente"])
def test_a_basis_that_nobody_understands_is_noticed_and_not_guessed(written):
    row = lawful(written, DAY)
    assert row.ok and not row.legal_basis and codes(row.notices) == ["basis_unknown"]


def test_a_consent_without_its_day_loads_and_is_noticed():
    row = lawful("sí")
    assert row.ok and codes(row.notices) == ["basis_date_missing"]
    assert row.basis_in("", None) == ("", None)
    row = lawful("sí", "ayer")
    assert codes(row.notices) == ["date_format", "basis_date_missing"]
    assert lawful("sí", basis="consent", basis_on=DAY).notices == []
    # The file's day is that of its own basis, not of another.
    row = lawful("sí", basis="request", basis_on=DAY)
    assert codes(row.notices) == ["basis_date_missing"]


def test_the_day_of_a_consent_may_be_the_consent():
    row = lawful("02/03/2026", headings=["Consentimiento"])
    assert (row.legal_basis, row.basis_date, row.notices) == ("consent", DAY, [])


def test_a_consent_of_tomorrow_is_no_consent():
    row = lawful("sí", TODAY + datetime.timedelta(days=1))
    assert row.basis_date is None
    assert codes(row.notices) == ["date_range", "basis_date_missing"]


@pytest.mark.parametrize(
    ("written", "future", "day"),
    [
        ("31/12/27", True, datetime.date(2027, 12, 31)),
        (datetime.datetime(2027, 1, 2, 3), True, datetime.date(2027, 1, 2)),
        ("2026-03-02T10:00:00", False, DAY),
        ("2 de marzo de 2026", False, DAY),
        ("31/12/27", False, None),
        ("30/02/2026", False, None),
        (2026, False, None),
        (True, False, None),
    ],
)
def test_days_of_contracts_may_lie_ahead_and_others_not(written, future, day):
    found, why = check_day(written, TODAY, future=future)
    assert found == day and bool(why) == (day is None)


def test_the_end_of_a_contract_and_the_last_purchase_are_read():
    row = lawful(
        "31/12/2027",
        "1/9/2026",
        "sí",
        headings=["Cliente hasta", "Última compra", "Autónomo"],
    )
    assert row.client_until == datetime.date(2027, 12, 31)
    assert row.interacted_on == datetime.date(2026, 9, 1)
    assert row.is_professional and not row.notices
    for written, professional, notices in (
        ("autónomo", True, []),
        ("particular", False, []),
        ("quizá", False, ["yes_no"]),
    ):
        row = lawful(written, headings=["Autónomo"])
        assert (row.is_professional, codes(row.notices)) == (professional, notices)


@pytest.mark.parametrize(
    "note",
    [
        "ha pedido no recibir llamadas",
        "HA PEDIDO NO RECIBIR LLAMADAS.",
        "pide que no le llamen",
        "Solicita que no se le vuelva a llamar",
        "no quiere que le llamen más",
        "No quiere recibir publicidad",
        "no desea ser llamado",
        "No llamar",
        "no llamar más!!",
        "NO VOLVER A LLAMAR",
        "no molestar",
        "está en la lista Robinson",
        "Robinson",
        "ejerce su derecho de oposición",
        "solicita la supresión de sus datos",
        "se opone",
        "dar de baja de la lista",
        "do not call",
        "cliente; no llamar nunca",
        "no vol que li truquin",
    ],
)
def test_who_asked_not_to_be_called_is_excluded(note):
    assert asked_not_to_be_called(note)
    row = clean([*ROW, note], [*HEADINGS, "Observaciones"])
    assert row.exclude
    assert "asked_not_to_be_called" in codes(row.notices)
    assert row.note == note
    # also in a column of which we know nothing
    assert clean([*ROW, note], [*HEADINGS, "Cosas"]).exclude


@pytest.mark.parametrize(
    "note",
    [
        "llamar tardes",
        "no llamar por las mañanas",
        "no llamar antes de las 10",
        "No llamar hasta enero",
        "no está en lista Robinson",
        '"cliente" antiguo; ojo',
        "No. Llamar mañana",
        "no contesta",
        "quiere que le llamen",
        "no tiene internet",
        "",
    ],
)
def test_a_wish_about_hours_is_not_an_objection(note):
    assert not asked_not_to_be_called(note)


def test_a_robinson_column_excludes():
    headings = [*HEADINGS, "Robinson"]
    assert clean([*ROW, "Sí"], headings).exclude
    assert clean([*ROW, "X"], headings).exclude
    assert not clean([*ROW, "No"], headings).exclude


def test_notes_and_extras_are_data_and_stay_as_they_are():
    headings = [*HEADINGS, "Observaciones", "Compañía", "Consumo"]
    row = clean([*ROW, '=HYPERLINK("x")\nlínea\x00 2', " Más  Móvil ", 12.5], headings)
    assert row.note == '=HYPERLINK("x")\nlínea 2'
    assert row.extra == {"Compañía": "Más  Móvil", "Consumo": 12.5}


def test_cells_beyond_the_headings_are_noticed():
    row = clean([*ROW, "de más"], HEADINGS)
    assert codes(row.notices) == ["too_many_cells"]


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=[]), max_size=30),
    st.text("0123456789+-/(), abñSL'\"=@\n\t", max_size=30),
    st.dates(),
    st.datetimes(),
)
ALL = [
    *["Tel", "Tel 2", "Nombre", "Apellidos", "NIF", "Dirección", "CP", "Ciudad"],
    *["Provincia", "Email", "Nacimiento", "Idioma", "Obs", "Cosas", "Robinson"],
    *["Base legal", "Fecha consentimiento", "Origen del dato", "Texto legal"],
    *["Cliente hasta", "Última compra", "Autónomo"],
]


@settings(max_examples=400)
@given(st.lists(CELLS, max_size=len(ALL) + 1))
def test_no_cell_can_break_the_import(values):
    row = clean(list(values), ALL, today=TODAY)
    assert row.ok == bool(not row.problems)
    for text in (row.name, row.street, row.city, row.email, row.note, row.zip):
        text.encode("utf-8")
        assert "\x00" not in text
    for problem in row.problems + row.notices:
        assert problem.code in REASONS
        problem.text(reasons=REASONS).encode("utf-8", "replace")


@settings(max_examples=200)
@given(st.lists(CELLS, min_size=len(ALL), max_size=len(ALL)))
def test_cleaning_what_is_clean_changes_nothing(values):
    one = clean(values, ALL, today=TODAY)
    again = clean(
        [
            "; ".join(p.e164 for p in one.phones),
            None,
            one.name,
            None,
            one.vat,
            one.street,
            one.zip,
            one.city,
            one.province,
            one.email,
            one.birthdate,
            one.language,
            one.note,
        ],
        ALL,
        today=TODAY,
    )
    for field in ("vat", "zip", "province", "email", "birthdate", "language"):
        assert getattr(again, field) == getattr(one, field), field
    assert [p.e164 for p in again.phones] == [p.e164 for p in one.phones]


# ----------------------------------------------------------------- duplicates
def rows_of(*lines):
    return list(enumerate(lines, 2))


def test_a_repeated_person_comes_back_with_the_row_that_it_repeats():
    headings = [*HEADINGS, "NIF", "Email"]
    mapping = suggest_mapping(headings)
    rows = rows_of(
        ["612345678", "Ana", "x 1", None, "a@x.es"],
        ["+34 612 345 678", "Otra", "x 2", None, None],
        ["912345678", "Ana", "x 1", None, "A@X.es"],
        ["112", "Ana", "x 1", "12345678Z", None],
        ["712345678", "Luis", "x 1", "12345678Z", None],
        ["722345678", "Luis", "x 1", "12345678-z", None],
    )
    found = list(clean_rows(rows, mapping))
    assert [r.duplicate_of for r in found] == [None, 2, 2, None, None, 6]
    assert codes(found[1].problems) == ["duplicate_in_file"]
    assert found[1].problems[0].params == {"row": 2, "key": "phone"}
    # a bad row blocks nobody
    assert found[4].ok
    loaded = list(clean_rows(rows, mapping, Settings(duplicates="load")))
    assert [r.ok for r in loaded] == [True, True, True, False, True, True]
    assert codes(loaded[1].notices) == ["duplicate_in_file"]
    only = Settings(duplicate_keys=("phone",))
    assert sum(r.ok for r in clean_rows(rows, mapping, only)) == 4


def test_a_shared_nif_under_another_name_can_be_let_through():
    mapping = suggest_mapping([*HEADINGS, "NIF"])
    rows = rows_of(
        ["612345678", "Ana", "x 1", "X1234567L"],
        ["712345678", "Luis", "x 2", "X1234567L"],
        ["722345678", "ANA", "x 2", "X1234567L"],
    )
    found = list(clean_rows(rows, mapping, Settings(same_name_only=True)))
    assert [r.duplicate_of for r in found] == [None, None, 2]
    assert codes(found[1].notices) == ["shared_in_file"]


def test_a_number_that_many_share_makes_no_duplicates():
    mapping = suggest_mapping(HEADINGS)
    rows = rows_of(*[[n, f"P{n}", "x"] for n in ["902123456", "902123456"]])
    assert all(r.ok for r in clean_rows(rows, mapping))


def test_an_objection_in_a_repeated_row_is_not_lost():
    mapping = suggest_mapping([*HEADINGS, "Obs"])
    rows = rows_of([*ROW, None], [*ROW, "no volver a llamar"])
    first, second = clean_rows(rows, mapping)
    assert (first.ok, first.exclude) == (True, False)
    assert (second.ok, second.exclude) == (False, True)
    assert second.phones


# ----------------------------------------------------------------- the sample
@pytest.fixture(scope="module")
def table():
    return open_table(SAMPLE)


@pytest.fixture(scope="module")
def rows(table):
    mapping = suggest_mapping(table.headings)
    return list(clean_rows(table.rows(), mapping, Settings(today=TODAY)))


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample is not on this machine")
class TestSample:
    """780 rows as a client sent them. The counts were made a second time by a
    script that used phonenumbers and stdnum directly and none of our code."""

    def test_its_columns_are_all_recognised(self, table):
        assert suggest_mapping(table.headings) == [
            *["phone", "phone", "name", "surname", "vat", "street", "zip", "city"],
            *["state", "email", "birthdate", "extra:Compañía actual", "note"],
        ]

    def test_no_row_is_lost(self, table, rows):
        assert [r.row for r in rows] == list(range(2, 782))
        assert [r.raw for r in rows] == [raw for _n, raw in table.rows()]

    def test_good_bad_and_noticed_rows_are_exactly_these(self, rows):
        assert sum(r.ok for r in rows) == 583
        assert sum(r.ok and bool(r.notices) for r in rows) == 267
        assert Counter(r.problems[0].code for r in rows if not r.ok) == {
            "duplicate_in_file": 134,
            "phone_invalid": 51,
            "phone_missing": 12,
        }
        assert Counter(r.problems[0].params["key"] for r in rows if r.duplicate_of) == {
            "vat": 108,
            "phone": 26,
        }

    def test_the_notices_are_exactly_these(self, rows):
        found = Counter((p.field, p.code) for r in rows if r.ok for p in r.notices)
        assert found == {
            ("note", "asked_not_to_be_called"): 96,
            ("email", "email_domain"): 85,
            ("vat", "nif_checksum"): 40,
            ("phone", "phone_not_assigned"): 39,
            ("phone", "phone_too_short"): 5,
            ("phone", "phone_short_number"): 2,
            ("phone", "phone_premium"): 6,
            ("phone", "phone_foreign"): 1,
            ("zip", "postcode_length"): 24,
            ("zip", "postcode_format"): 23,
        }

    def test_all_who_asked_not_to_be_called_are_marked(self, rows):
        marked = {r.row for r in rows if r.exclude}
        said = {r.row for r in rows if r.raw[12] == "ha pedido no recibir llamadas"}
        assert marked == said
        assert len(marked) == 129

    def test_by_phone_alone_more_rows_are_good(self, table):
        by_phone = Settings(duplicate_keys=("phone",))
        mapping = suggest_mapping(table.headings)
        rows = list(clean_rows(table.rows(), mapping, by_phone))
        assert sum(r.ok for r in rows) == 687

    def test_a_row_reads_as_a_person_would_read_it(self, rows):
        row = next(r for r in rows if r.row == 18)
        assert row.name == "Ana Belén Fernández García"
        assert [p.e164 for p in row.phones] == ["+34916207971", "+34677201428"]
        assert (row.vat, row.zip, row.state) == ("57860986R", "28013", "M")
        assert row.birthdate == datetime.date(1998, 7, 23)
        assert row.extra == {"Compañía actual": "Movistar"}

    def test_the_preview_shows_what_will_load(self, table):
        shown_rows = preview(table, 5)
        assert [r.row for r in shown_rows.rows] == [2, 3, 4, 5, 6]
        assert [r.ok for r in shown_rows.rows] == [False, True, True, False, True]

    def test_it_goes_back_whole(self, table, rows):
        bad = [r for r in rows if not r.ok]
        pairs = [(r.raw, r.problems[0].text(reasons=REASONS)) for r in bad]
        back = open_table(write_returned(pairs, table.headings, table.kind))
        assert back.headings == [*table.headings, "Motivo"]
        assert suggest_mapping(back.headings)[-1] is None
        assert [row for _n, row in back.rows()] == [[*raw, why] for raw, why in pairs]


# ------------------------------------------------------------ what goes back
@pytest.mark.parametrize(
    "text", ["=1+1", "+34612", "-5", "@x", "\tx", "\rx", "'=x", "＝1", '=cmd|"/c"!A1']
)
def test_no_returned_cell_runs_as_a_formula(text):
    data = write_returned([([text], "m")], ["a"], "csv").decode("utf-8-sig")
    cell = next(csv.reader(io.StringIO(data.split("\r\n", 1)[1]), delimiter=";"))[0]
    assert cell == "'" + text
    assert unneutralise(cell) == text
    data = write_returned([([text], "m")], ["a"], "xlsx")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


@given(st.text(max_size=20))
def test_protecting_a_cell_can_be_undone(text):
    assert unneutralise(neutralise(text)) == text


PRINTABLE = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc", "Cf"], exclude_characters="\ufffe\uffff"
    ),
    max_size=20,
).map(lambda text: clean_text(text))


@given(
    st.lists(
        st.tuples(PRINTABLE, st.one_of(st.none(), PRINTABLE), PRINTABLE), max_size=5
    ),
    st.sampled_from(["csv", "xlsx"]),
    st.sampled_from([";", ",", "\t"]),
)
def test_a_returned_file_holds_the_same_cells_and_the_reason(rows, fmt, separator):
    pairs = [(["x", *row], "porque sí") for row in rows]
    headings = ["Teléfono", "Nombre", "NIF", "Observaciones"]
    data = write_returned([*pairs, (["fin"], "")], headings, fmt, separator)
    table = open_table(data)
    assert table.headings == [*headings, "Motivo"]
    back = [
        [unneutralise(v) if fmt == "csv" and v else (v or "") for v in row]
        for _n, row in table.rows()
    ]
    expected = [[shown(v) for v in raw] + [why] for raw, why in pairs]
    assert [[v or "" for v in row] for row in back] == [
        *expected,
        ["fin", "", "", "", ""],
    ]


def test_numbers_and_dates_go_back_as_numbers_and_dates():
    row = ["612", 612345678.0, datetime.date(1980, 5, 3), True, None, 1.5]
    headings = ["Tel", "n", "Nacimiento", "b", "vacío", "d"]
    back = open_table(write_returned([(row, "m")], headings, "xlsx"))
    assert list(back.rows()) == [(2, [*row, "m"])]


def test_a_second_round_replaces_the_reason_and_keeps_what_overflows():
    data = write_returned(
        [(["1", "viejo", "sobra"], "nuevo")], ["Tel", "Motivo"], "csv"
    )
    table = open_table(data)
    assert table.headings == ["Tel", "Motivo"]
    assert list(table.rows()) == [(2, ["1", "nuevo", "sobra"])]


def test_strange_values_can_be_returned():
    row = ["\ud800x", "\x00\x01", float("nan"), datetime.date(1800, 1, 1), "y" * 40_000]
    for fmt in ("csv", "xlsx"):
        assert write_returned([(row, "m")], list("abcde"), fmt)


def test_every_reason_is_a_template_with_named_parameters():
    for template in REASONS.values():
        names = re.findall(r"%\((\w+)\)s", template)
        assert template % dict.fromkeys(names, 1)
        assert template.count("%") == len(names)


# ------------------------------------------- IBAN, categories, profile, dialler files
def test_a_wrong_iban_loads_the_person_and_is_noticed_masked():
    headings = [*HEADINGS, "IBAN"]
    good = clean([*ROW, "ES91 2100 0418 4502 0005 1332"], headings)
    assert good.iban == "ES9121000418450200051332"
    assert not good.notices
    bad = clean([*ROW, "ES91 2100 0418 4502 0005 1333"], headings)
    assert bad.ok
    assert bad.iban == ""
    assert [(n.code, n.field, n.column) for n in bad.notices] == [
        ("iban_checksum", "iban", 3)
    ]
    assert "2100" not in bad.notices[0].value
    assert bad.raw[3] == "ES91 2100 0418 4502 0005 1333"


def test_several_categories_in_a_cell_are_several():
    headings = [*HEADINGS, "Categorías", "Tipo de cliente"]
    row = clean([*ROW, " Hogar;  Pymes , Hogar|Oro", "Residencial"], headings)
    assert row.category == "Hogar|Pymes|Oro"
    assert row.contact_type == "Residencial"
    assert clean([*ROW, "n/a", "-"], headings).category == ""


def test_a_column_of_the_campaigns_profile_goes_to_the_profile():
    mapping = ["phone", "name", "street", "profile:compañía actual", "extra:Zona"]
    row = clean_row([*ROW, " Iberdrola ", "Norte"], mapping, Settings())
    assert row.profile == {"compañía actual": "Iberdrola"}
    assert row.extra == {"Zona": "Norte"}
    check_mapping(mapping, 5)
    with pytest.raises(ValueError, match="twice"):
        check_mapping(["phone", "profile:a", "profile:a"], 3)
    wanted = Settings(required=("phone", "profile:compañía actual"))
    assert clean_row([*ROW, " Iberdrola ", None], mapping, wanted).ok
    assert codes(clean_row([*ROW, None, None], mapping, wanted).problems) == [
        "field_missing"
    ]


def test_who_refuses_calls_in_a_profile_column_is_excluded_too():
    mapping = ["phone", "name", "street", "profile:situación"]
    assert clean_row([*ROW, "No quiere que le llamen"], mapping, Settings()).exclude


VICIDIAL = (
    "vendor_lead_code source_id list_id phone_code phone_number title first_name"
    " middle_initial last_name address1 address2 address3 city state province"
    " postal_code country_code gender date_of_birth alt_phone email security_phrase"
    " comments rank owner"
).split()


def test_a_file_of_vicidial_loads_as_it_is():
    mapping = suggest_mapping(VICIDIAL)
    check_mapping(mapping, len(VICIDIAL))
    values = dict.fromkeys(VICIDIAL)
    values.update(
        vendor_lead_code="C-17",
        phone_code="34",
        phone_number="612345678",
        first_name="ANA",
        middle_initial="M",
        last_name="GARCÍA",
        address1="Calle Mayor 3",
        address3="2º B",
        city="ALCORCÓN",
        state="XX",
        province="Madrid",
        postal_code="28921",
        country_code="ESP",
        gender="F",
        date_of_birth="1980-03-12",
        alt_phone="912345678",
        email="ana@example.com",
        comments="Llamar por la tarde",
        rank="5",
    )
    row = clean_row([values[h] for h in VICIDIAL], mapping, Settings(today=TODAY), 2)
    assert row.ok
    assert not row.notices
    assert [p.e164 for p in row.phones] == ["+34612345678", "+34912345678"]
    assert (row.name, row.external_key) == ("Ana M García", "C-17")
    assert row.street == "Calle Mayor 3 2º B"
    assert (row.zip, row.state, row.city) == ("28921", "M", "Alcorcón")
    assert row.birthdate == datetime.date(1980, 3, 12)
    assert row.extra["rank"] == "5"


def test_a_number_of_portugal_in_vicidials_two_columns_rings_nobody_in_madrid():
    headings = ["phone_code", "phone_number", "first_name", "address1"]
    row = clean(["351", "912345678", "Ana", "Rua 3"], headings)
    assert [(p.e164, p.country) for p in row.phones] == [("+351912345678", "PT")]
    assert codes(row.notices) == ["phone_foreign"]
    for code in ("34", "+34", "0034", 34.0, None, "x"):
        row = clean([code, "912345678", "Ana", "Rua 3"], headings)
        assert [p.e164 for p in row.phones] == ["+34912345678"], code


def test_ucontacts_list_of_numbers_by_type_is_read_in_order():
    # CampaignName;Phone;AdditionalInformation;AlternatePhones;Priority;AgentPhone
    row = clean(
        ["M=0=612345678", "W=0=912345678:H=1=712345678", "Ana", "C/ 1"],
        ["Phone", "AlternatePhones", "Nombre", "Dirección"],
    )
    assert row.ok
    assert row.notices == []
    assert [p.national for p in row.phones] == ["612345678", "912345678", "712345678"]


UCONTACT = ["Documento", "Nombre", "Teléfono", "Teléfonos alternativos", "Clave"]


@pytest.mark.parametrize(
    ("headings", "targets"),
    [
        (UCONTACT, ["vat", "name", "phone", "phone", "external_key"]),
        (
            ["Destino", "Destino alternativo", "Información adicional"],
            ["phone", "phone", "note"],
        ),
        (
            ["Cognome", "Nome", "Cellulare", "Indirizzo", "CAP", "Comune", "Provincia"],
            ["surname", "name", "phone", "street", "zip", "city", "state"],
        ),
        (
            ["IBAN", "Categoría", "Tipo de contacto", "Prefijo internacional"],
            ["iban", "category", "contact_type", "phone_code"],
        ),
    ],
)
def test_headings_of_other_programs_are_recognised(headings, targets):
    assert suggest_mapping(headings) == targets


def test_a_restart_goes_on_below_the_row_where_it_was():
    lines = [
        ["Listado"],
        [],
        HEADINGS,
        *([*ROW[:1], f"N{i}", "C/ 1"] for i in range(9)),
    ]
    lines.insert(7, [])
    for data in (csv_bytes(lines), xlsx(lines), xls(lines)):
        table = open_table(data)
        everything = list(table.rows())
        for after in (0, 3, 5, 7, 8, 12, 13, 99):
            assert list(table.rows(after)) == [r for r in everything if r[0] > after]


def test_caches_keep_no_long_texts():
    long = "x" * 1000
    before = fold.cache_info().currsize
    for i in range(50):
        fold(f"{long}{i}")
        clean([*ROW, f"{long}{i}"], [*HEADINGS, "Población"])
    assert fold.cache_info().currsize - before < 20


# ------------------------------------------------------------------------ template
@pytest.mark.parametrize("kind", ["contacts", "prospects", "clients"])
@pytest.mark.parametrize("fmt", ["xlsx", "csv"])
def test_the_template_is_recognised_column_by_column(kind, fmt):
    data = write_template(kind, fmt)
    with pytest.raises(ReadError) as caught:
        open_table(data)
    # an example row would be loaded with the people
    assert caught.value.code == "file_only_headings"
    assert suggest_mapping(template_headings()) == [c.target for c in PEOPLE]
    if fmt == "csv":
        assert data.startswith(b"\xef\xbb\xbf")
        filled = data + (";".join(c.example for c in PEOPLE)).encode()
        table = open_table(filled)
        assert (table.separator, table.headings) == (";", template_headings())


def test_every_example_of_the_template_is_right():
    headings = template_headings()
    shown = preview(
        open_table(csv_bytes([headings, [c.example for c in PEOPLE]], ",")),
        settings=Settings(today=TODAY),
    )
    row = shown.rows[0]
    assert row.ok
    assert row.notices == []
    assert row.name == "Ana García López"
    assert row.category == "Hogar|Premium"
    assert row.birthdate == datetime.date(1980, 3, 12)


def test_the_template_marks_what_the_database_asks_for():
    assert [h for h in template_headings() if "*" in h] == [
        "Teléfono *",
        "Nombre *",
        "Dirección *",
    ]
    stars = [h for h in template_headings(["phone", "vat"]) if "*" in h]
    assert stars == ["Teléfono *", "NIF *"]


def test_excel_eats_no_zeros_of_the_templates_columns():
    with zipfile.ZipFile(io.BytesIO(write_template())) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        styles = archive.read("xl/styles.xml").decode()
    formats = re.findall(r'numFmtId="(\d+)"', styles[styles.index("<cellXfs") :])
    texts = set()
    for first, last, style in re.findall(
        r'<col min="(\d+)" max="(\d+)"[^>]* style="(\d+)"', sheet
    ):
        if formats[int(style)] == "49":  # text
            texts.update(range(int(first) - 1, int(last)))
    asked = {"phone", "vat", "zip", "iban", "external_key"}
    assert {i for i, c in enumerate(PEOPLE) if c.target in asked} <= texts


def test_the_template_tells_in_spanish_what_to_write():
    table = open_table(write_template(), sheet="Instrucciones")
    guide = " ".join(str(v) for _n, row in table.rows() for v in row if v)
    assert "«nombre»" in guide
    assert "«dirección»" in guide


def test_articles_have_their_template_too():
    for fmt in ("xlsx", "csv"):
        assert b"" != write_template("articles", fmt)
    with pytest.raises(KeyError):
        write_template("elephants")
    with pytest.raises(ValueError, match="pdf"):
        write_template("contacts", "pdf")


@pytest.mark.parametrize("fmt", ["csv", "xlsx"])
def test_a_returned_file_written_as_it_comes_is_the_same(fmt, tmp_path):
    rows = [([*ROW[:2], f"=C{i}"], f"Motivo {i}") for i in range(500)]
    path = tmp_path / "back"
    taken = []

    def coming():
        for row in rows:
            taken.append(1)
            yield row

    with path.open("wb") as out:
        write_returned_to(out, coming(), HEADINGS, fmt, ";")
    whole = list(open_table(write_returned(rows, HEADINGS, fmt)).rows())
    assert list(open_table(path).rows()) == whole
    assert len(whole) == len(taken) == 500


# ------------------------------------------------------------- the quick ways agree
_WORDS = sorted(cleaning_module._NOTHING.union(*cleaning_module._NOTHING_IN.values()))


@given(
    st.one_of(
        st.sampled_from(_WORDS),
        st.sampled_from(_WORDS).map(str.upper),
        st.sampled_from(_WORDS).map(lambda word: f"«{word.title()}».-"),
        st.sampled_from(_WORDS).map(lambda word: word + "s"),
        st.text("noNÓsdaxpe /.-0123", min_size=1, max_size=12),
        st.text(min_size=1, max_size=30),
    ),
    st.sampled_from(["name", "street", "zip", "phone", "note", "external_key", ""]),
)
def test_a_word_for_nothing_is_known_by_its_beginning_too(text, target):
    expected = cleaning_module._nothing.__wrapped__(text, target)
    assert stands_for_nothing(text, target) is expected


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("7001", ""),  # with the province beside it
        (7001.0, ""),
        ("2800", "postcode_length"),
        ("00001", "postcode_no_province"),
        ("53001", "postcode_no_province"),
        ("28O01", "postcode_format"),
    ],
)
def test_a_postcode_short_of_its_zero_is_mended_only_where_it_can_be_proved(
    written, code
):
    headings = [*HEADINGS, "Provincia", "CP"]
    row = clean([*ROW, "Baleares", written], headings)
    assert row.ok
    assert codes(row.notices) == ([code] if code else [])
    assert row.zip == ("" if code else "07001")


def test_a_nif_short_of_its_zero_is_not_loaded_but_its_likely_form_is_told():
    row = clean([*ROW, "1234567L"], [*HEADINGS, "NIF"])
    assert row.ok
    assert row.vat == ""
    assert "01234567L" in row.notices[0].text(reasons=REASONS)


@pytest.mark.parametrize(
    "written",
    [
        "612345678",
        "+34 612 34 56 78",
        "0034612345678",
        "34612345678",
        612345678.0,
        "612345678,0",
        "6.12345678E8",
        "6,12345678E+08",
        "Tel. 612.345.678 ext 4",
    ],
)
def test_a_phone_is_the_same_however_excel_or_people_write_it(written):
    row = clean([written, *ROW[1:]], HEADINGS)
    assert [p.e164 for p in row.phones] == ["+34612345678"]
    assert row.raw[0] == written


def test_a_phone_rounded_by_excel_is_not_guessed():
    row = clean(["6,12E+08", *ROW[1:]], HEADINGS)
    assert not row.ok
    assert codes(row.problems) == ["phone_invalid", "phone_digits_lost"]
