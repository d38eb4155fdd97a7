"""Files of articles: what a price, a rate, a barcode or a tariff may look like."""

import csv
import datetime
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.telemarketing_base.importing import REASONS, open_table
from odoo.addons.telemarketing_base.importing.articles import (
    ARTICLE_TARGETS,
    TEMPLATE,
    ArticleSettings,
    check_amount,
    check_article_mapping,
    check_barcode,
    check_digit,
    check_percent,
    check_quantity,
    check_vat,
    clean_article,
    clean_articles,
    is_gtin,
    open_articles,
    read_number,
    suggest_articles,
    with_vat,
    without_vat,
    write_articles_template,
)

TODAY = datetime.date(2026, 11, 24)
SETTINGS = ArticleSettings(today=TODAY, default_vat=Decimal(21))


def one(mapping, *cells, **facts):
    settings = ArticleSettings(**{"today": TODAY, "default_vat": Decimal(21), **facts})
    return clean_article(list(cells), mapping.split(), settings, 2)


def codes(problems):
    return [problem.code for problem in problems]


# ------------------------------------------------------------------------ amounts
@pytest.mark.parametrize(
    ("raw", "amount"),
    [
        ("12", "12"),
        ("12.50", "12.5"),
        ("12,50", "12.5"),
        ("12'50", "12.5"),
        ("1.234,56 €", "1234.56"),
        ("1.234,56€", "1234.56"),
        ("€ 1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1 234,56 EUR", "1234.56"),
        ("1\u00a0234,56", "1234.56"),
        ("1.234.567", "1234567"),
        ("1.234.567,8", "1234567.8"),
        ("1234,5 euros", "1234.5"),
        ("0,5", "0.5"),
        (",5", "0.5"),
        (".5", "0.5"),
        ("0.125", "0.125"),
        ("12,-", "12"),
        ("12.-€", "12"),
        ("+12", "12"),
        ("GRATIS", "0"),
        (0, "0"),
        (12.5, "12.5"),
        (12.100000000000001, "12.1"),
        (0.1 + 0.2, "0.3"),
        (19.999999999, "20"),
        (1200.0, "1200"),
        (7, "7"),
        ("'12,50", "12.5"),
    ],
)
def test_price_as_people_write_it_is_read(raw, amount):
    found, taxed, why = check_amount(raw)
    assert (found, taxed, why) == (Decimal(amount), "", None)


@pytest.mark.parametrize(
    ("raw", "amount", "code"),
    [
        ("1.234", "1234", "amount_doubtful"),
        ("1,234", "1.234", "amount_doubtful"),
        ("1'234", "1234", "amount_doubtful"),
        ("19,95 €/mes", "19.95", "amount_per"),
        ("19,95 al mes", "19.95", "amount_per"),
        ("12 € por unidad", "12", "amount_per"),
    ],
)
def test_price_that_may_be_two_is_read_and_said(raw, amount, code):
    found, _taxed, why = check_amount(raw)
    assert (found, why.code) == (Decimal(amount), code)
    assert why.params["read"] == amount.replace(".", ",")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("doce", "amount_format"),
        ("12,5,3", "amount_format"),
        ("1.23.456", "amount_format"),
        ("12 50 3", "amount_format"),
        ("12..5", "amount_format"),
        ("1,2E+03", "amount_format"),
        ("12 o 15", "amount_format"),
        ("", "amount_format"),
        ("٣", "amount_format"),
        ("²", "amount_format"),
        ("9" * 5000, "amount_format"),
        (True, "amount_format"),
        (TODAY, "amount_format"),
        ("-3", "amount_negative"),
        (-3.5, "amount_negative"),
        ("$12", "amount_currency"),
        ("12 USD", "amount_currency"),
        (float("nan"), "amount_range"),
        (float("inf"), "amount_range"),
        (1e300, "amount_range"),
        ("99999999999", "amount_range"),
    ],
)
def test_what_is_no_price_is_never_sold_for_something_else(raw, code):
    found, _taxed, why = check_amount(raw)
    assert found is None
    assert why.code == code
    assert why.text(reasons=REASONS)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("19,95 € + IVA", "out"),
        ("19,95 más IVA", "out"),
        ("19,95 sin IVA", "out"),
        ("19,95 (IVA no incluido)", "out"),
        ("19,95 IVA incluido", "in"),
        ("19,95 € (IVA inc.)", "in"),
        ("19,95 con IVA", "in"),
        ("19,95 € I.V.A. incl.", "in"),
    ],
)
def test_what_a_price_says_of_vat_counts(raw, says):
    assert check_amount(raw)[:2] == (Decimal("19.95"), says)


@given(st.decimals(min_value=0, max_value=999_999_999, places=2))
def test_every_price_in_spanish_and_english_is_itself(amount):
    english = f"{amount:,.2f}"
    spanish = english.translate(str.maketrans(",.", ".,"))
    assert read_number(spanish)[0] == amount
    assert read_number(english)[0] == amount
    assert read_number(f"{amount:.2f}")[0] == amount
    assert check_amount(f"{spanish} €")[0] == amount
    assert check_amount(float(amount))[0] == amount


CELLS = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.text(alphabet="0123456789.,'€$-+ %eE/", max_size=20),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
)


@given(CELLS)
def test_no_cell_breaks_the_loading(raw):
    amount, taxed, why = check_amount(raw)
    assert (amount is not None) or why is not None
    assert taxed in ("", "in", "out")
    assert amount is None or (0 <= amount < 10**9 and amount.is_finite())
    percent, why = check_percent(raw)
    assert (percent is None) == (why is not None)
    assert percent is None or 0 <= percent <= 100
    quantity, why = check_quantity(raw)
    assert (quantity is None) == (why is not None)
    assert quantity is None or quantity > 0
    code, _why = check_barcode(raw)
    assert len(code) <= 64


@given(st.lists(CELLS, min_size=len(ARTICLE_TARGETS) + 2, max_size=30))
def test_no_row_breaks_the_loading(cells):
    mapping = [*ARTICLE_TARGETS, "tariff:Tarifa Oro", None]
    article = clean_article(cells, mapping, SETTINGS, 2)
    assert article.ok or article.problems[0].text(reasons=REASONS)
    if article.ok:
        assert article.name or article.ref or article.barcode
    for problem in article.problems + article.notices:
        assert problem.code in REASONS
        assert "%(" not in problem.text(reasons=REASONS)
    for line in article.tariffs:
        assert line.name and line.price >= 0 and line.min_quantity >= 0


# ------------------------------------------------------------------------- per cent
@pytest.mark.parametrize(
    ("raw", "rate"),
    [
        (21, "21"),
        (21.0, "21"),
        (0.21, "21"),
        (0.04, "4"),
        ("0,21", "21"),
        ("21%", "21"),
        ("21 %", "21"),
        ("IVA 10 %", "10"),
        ("S_IVA21", "21"),
        ("General", "21"),
        ("reducido", "10"),
        ("superreducido", "4"),
        ("exento", "0"),
        (0, "0"),
        ("5,5 %", "5.5"),
        ("0,5%", "0.5"),
        (100, "100"),
    ],
)
def test_vat_as_people_write_it_is_read(raw, rate):
    assert check_vat(raw) == (Decimal(rate), None)


@pytest.mark.parametrize(
    "raw", ["mucho", "21 y 10", "", True, TODAY, float("nan"), "210", 1e9, -5, "٢١"]
)
def test_what_is_no_rate_is_not_taken(raw):
    rate, why = check_vat(raw)
    assert rate is None
    assert why.code in ("percent_format", "percent_range")


@given(
    st.decimals(min_value=0, max_value=100_000, places=2),
    st.sampled_from([Decimal(r) for r in ("0", "4", "5.2", "10", "21")]),
)
def test_vat_taken_off_and_put_on_again_is_the_same_price(gross, rate):
    assert abs(with_vat(without_vat(gross, rate), rate) - gross) < Decimal("0.001")


# ------------------------------------------------------------------------- barcodes
@given(st.text(alphabet="0123456789", min_size=12, max_size=12))
def test_zeros_that_a_sheet_took_from_an_ean_come_back(body):
    ean = body + str(check_digit(body))
    assert is_gtin(ean)
    assert check_barcode(ean) == (ean, None)
    short = ean.lstrip("0")
    if len(short) >= 9 and short != ean and not is_gtin(short):
        code, why = check_barcode(float(short))
        assert (code, why.code) == (ean, "barcode_zeros")
    wrong = body + str((int(ean[-1]) + 1) % 10)
    assert check_barcode(wrong)[0] == ""


@pytest.mark.parametrize(
    ("raw", "code", "why"),
    [
        ("8412345678905", "8412345678905", None),
        (8412345678905.0, "8412345678905", None),
        ("84 1234 567890-5", "8412345678905", None),
        ("8412345678904", "", "barcode_check"),
        ("8,41E+12", "", "barcode_lost"),
        ("ABC-123", "ABC-123", None),
        ("12345", "12345", None),
        ("96385074", "96385074", None),
        (True, "", "barcode_format"),
        ("9" * 100, "", "barcode_format"),
    ],
)
def test_barcode_with_a_slip_is_not_another_articles(raw, code, why):
    found, problem = check_barcode(raw)
    assert (found, problem and problem.code) == (code, why)


# ------------------------------------------------------------------------- headings
@pytest.mark.parametrize(
    ("headings", "targets"),
    [
        (
            "Referencia;Descripción;Familia;PVP;% IVA;Coste",
            "ref name category price vat cost",
        ),
        (
            "Código;Artículo;Descripción;Precio sin IVA;IVA (%);EAN-13",
            "ref name description price vat barcode",
        ),
        (
            "Nombre;PVP con IVA;Dto.;Oferta;Condiciones",
            "name price_taxed discount offer conditions",
        ),
        (
            "Internal Reference;Name;Sales Price;Cost;Unit of Measure;Barcode",
            "ref name price cost uom barcode",
        ),
        (
            "Ref.;Artículo;Tarifa;Precio tarifa;Cant. mín.;Desde;Hasta;Motivo",
            "ref name tariff tariff_price min_quantity date_from date_to -",
        ),
        ("Ref;Nombre;Color;Motivo", "ref name - -"),
        ("Familia;Subfamilia;Modelo;P.V.P.", "category category name price"),
    ],
)
def test_headings_as_suppliers_write_them_are_known(headings, targets):
    found = suggest_articles(headings.split(";"))
    assert [target or "-" for target in found] == targets.split()


def test_one_column_per_tariff_is_a_tariff_each():
    headings = ["Ref", "Artículo", "PVP", "Tarifa Mayorista", "PVP Distribuidor"]
    mapping = suggest_articles(headings)
    assert mapping[3:] == ["tariff:Tarifa Mayorista", "tariff:PVP Distribuidor"]
    article = clean_article(["A1", "Fibra", "30", "25,50", "-"], mapping, SETTINGS)
    assert [(line.name, line.price) for line in article.tariffs] == [
        ("Tarifa Mayorista", Decimal("25.5"))
    ]
    assert article.price == 30


def test_column_tarifa_of_prices_is_the_price_and_of_names_the_tariff():
    headings = ["Ref", "Artículo", "Tarifa"]
    assert suggest_articles(headings, [["A", "B", "12,50"]])[2] == "price"
    assert suggest_articles(headings, [["A", "B", "Oro"]])[2] == "tariff"
    with_price = [*headings, "PVP"]
    samples = [["A", "B", 9.5, 12.5]]
    assert suggest_articles(with_price, samples)[2] == "tariff:Tarifa"


def test_desde_of_quantities_is_no_date():
    headings = ["Ref", "Tarifa", "Precio tarifa", "Desde"]
    assert suggest_articles(headings, [["A", "Oro", 3, 10]])[3] == "min_quantity"
    assert suggest_articles(headings, [["A", "Oro", 3, "1/1/2027"]])[3] == "date_from"


def test_mapping_that_cannot_be_read_is_refused():
    check_article_mapping(["ref", "category", "category", None, "tariff:A"], 5)
    for mapping, width in (
        (["ref", "ref"], 2),
        (["nose"], 1),
        (["ref"], 2),
        (["tariff:A", "tariff:A"], 2),
    ):
        with pytest.raises(ValueError):
            check_article_mapping(mapping, width)


def test_headings_below_a_title_are_found():
    data = "Tarifa 2026;;\n;;\nRef;Denominación artículo;P.V.P\nA1;Fibra;30\n"
    data = data.replace("Denominación artículo", "Descripción artículo")
    table = open_articles(data.encode(), "precios.csv")
    assert suggest_articles(table.headings) == ["ref", "name", "price"]
    assert [row for _number, row in table.rows()] == [["A1", "Fibra", "30"]]


# ----------------------------------------------------------------------------- rows
def test_article_is_read_whole():
    article = one(
        "ref barcode name type category price vat cost uom description",
        "FIB-600",
        "8412345678905",
        "Fibra 600",
        "Servicio",
        "Internet / Fibra",
        "29,90 €",
        "21%",
        "12,5",
        "Unidades",
        "Simétrica.\nCon router",
    )
    assert article.ok and not article.notices
    assert (article.ref, article.barcode) == ("FIB-600", "8412345678905")
    assert (article.type, article.category) == ("service", ("Internet", "Fibra"))
    assert (article.price, article.vat) == (Decimal("29.9"), Decimal(21))
    assert (article.cost, article.uom) == (Decimal("12.5"), "Unidades")
    assert article.description == "Simétrica.\nCon router"


@pytest.mark.parametrize(
    ("mapping", "cells", "code"),
    [
        ("name price", ("", "12"), "article_missing"),
        ("name price", ("-", "12"), "article_missing"),
        ("name price", ("Fibra", "doce"), "amount_format"),
        ("name price", ("Fibra", "-3"), "amount_negative"),
        ("name campaign_price", ("Fibra", "barato"), "amount_format"),
        ("name discount", ("Fibra", "120"), "percent_range"),
        ("name discount", ("Fibra", "la mitad"), "percent_format"),
    ],
)
def test_money_that_cannot_be_read_stops_its_row(mapping, cells, code):
    assert codes(one(mapping, *cells).problems) == [code]


@pytest.mark.parametrize(
    ("mapping", "cells", "code"),
    [
        ("name vat", ("Fibra", "alto"), "percent_format"),
        ("name cost", ("Fibra", "poco"), "amount_format"),
        ("name barcode", ("Fibra", "8412345678904"), "barcode_check"),
        ("name type", ("Fibra", "cosa rara"), "type_unknown"),
        ("name date_to", ("Fibra", "2027-01-01"), "tariff_missing"),
        (
            "name tariff price tariff_price",
            ("Fibra", "Oro", "3", ""),
            "tariff_no_price",
        ),
        ("name tariff_price price", ("Fibra", "3", "4"), "tariff_missing"),
    ],
)
def test_what_else_is_wrong_is_left_out_and_said(mapping, cells, code):
    article = one(mapping, *cells)
    assert article.ok
    assert codes(article.notices) == [code]


def test_empty_price_is_no_price_and_zero_is_one():
    assert one("name price", "Fibra", "consultar").problems
    assert one("name price", "Fibra", "-").price is None
    assert one("name price", "Fibra", None).price is None
    assert one("name price", "Fibra", 0).price == 0


def test_price_with_vat_is_reckoned_as_the_company_sells():
    mapping = "name price_taxed vat"
    assert one(mapping, "Fibra", "121", "21").price == 100
    assert one(mapping, "Fibra", "110", "10").price == 100
    assert one(mapping, "Fibra", "121", None).price == 100
    assert one(mapping, "Fibra", "121", None, price_included=True).price == 121
    lost = one(mapping, "Fibra", "121", None, default_vat=None)
    assert codes(lost.problems) == ["price_without_vat"]
    text = one("name price", "Fibra", "100 € + IVA", price_included=True)
    assert text.price == 121


def test_price_beside_a_tariffs_name_is_the_tariffs():
    article = one("ref tariff price", "A1", "Mayorista", "22")
    assert article.price is None
    assert (article.tariffs[0].name, article.tariffs[0].price) == ("Mayorista", 22)
    public = one("ref tariff price", "A1", "PVP", "30")
    assert (public.price, public.tariffs) == (30, [])


def test_tariff_line_has_quantity_and_days():
    mapping = "ref tariff tariff_price min_quantity date_from date_to"
    line = one(mapping, "A", "Oro", "9", "desde 10 uds", "01/01/2027", "31-12-2027")
    assert line.tariffs[0].key == (
        "oro",
        Decimal(10),
        datetime.date(2027, 1, 1),
        datetime.date(2027, 12, 31),
    )


@pytest.mark.parametrize(
    "cells",
    [
        ("A", "Oro", "9", "muchas", "", ""),
        ("A", "Oro", "9", "1", "nunca", ""),
        ("A", "Oro", "9", "1", "", "31/02/2027"),
        ("A", "Oro", "9", "1", "2027-12-31", "2027-01-01"),
        ("A", "Oro", "caro", "1", "", ""),
    ],
)
def test_tariff_line_of_which_a_part_is_wrong_does_not_hold_for_ever(cells):
    article = one("ref tariff tariff_price min_quantity date_from date_to", *cells)
    assert article.ok
    assert article.tariffs == []
    assert codes(article.notices)[-1] == "tariff_left_out"


def rows_of(text, mapping):
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    numbered = enumerate(rows, 2)
    return list(clean_articles(numbered, mapping.split(), SETTINGS))


def test_same_article_twice_comes_back_but_its_other_tariffs_do_not():
    first, tariff, again, same, other = rows_of(
        "A1;Fibra;Oro;9;\nA1;Fibra;Oro;8;10\nA1;Fibra;Oro;7;\na1 ;Fibra;;;\n"
        "A2;Fibra;Oro;9;\n",
        "ref name tariff tariff_price min_quantity",
    )
    assert first.ok and tariff.ok and other.ok
    assert (tariff.duplicate_of, len(tariff.tariffs)) == (2, 1)
    for row in (again, same):
        assert codes(row.problems) == ["duplicate_in_file"]
        assert row.problems[0].params["row"] == 2


def test_barcode_of_two_articles_is_the_firsts():
    first, second = rows_of("A1;8412345678905\nA2;8412345678905\n", "ref barcode")
    assert first.barcode and not second.barcode
    assert codes(second.notices) == ["barcode_repeated"]


def test_two_articles_of_one_name_are_two_if_their_references_are():
    rows = rows_of("A1;Fibra\nA2;Fibra\n;Fibra\n;Fibra\n", "ref name")
    assert [row.ok for row in rows] == [True, True, True, False]


# ------------------------------------------------------------------------- template
def test_template_maps_back_one_to_one():
    mapping = suggest_articles([heading for heading, *_rest in TEMPLATE])
    assert mapping == [target for _heading, target, *_rest in TEMPLATE]
    assert len(set(mapping)) == len(TEMPLATE)


def test_template_opens_as_a_file_whose_rows_are_still_to_be_written():
    data = write_articles_template()
    guide = open_table(data, "plantilla.xlsx", sheet="Ayuda")
    assert guide.sheets == ["Artículos", "Ayuda"]
    names = [row[0] for _number, row in guide.rows()]
    assert names == [heading for heading, *_rest in TEMPLATE]


def test_examples_of_the_template_load_without_a_word():
    mapping = [target for _heading, target, *_rest in TEMPLATE]
    example = [cell for _heading, _target, cell, _how in TEMPLATE]
    article = clean_article(example, mapping, SETTINGS)
    assert not article.problems and not article.notices
    assert len(article.tariffs) == 1 and article.of_campaign
