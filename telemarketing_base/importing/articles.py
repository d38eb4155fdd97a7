"""Files of articles: prices, offers and tariffs, read and cleaned as people's are.

Targets: 'ref' (internal reference), 'barcode', 'name', 'category' (several: a path),
'type' (goods or service), 'price', 'price_taxed' (VAT included), 'vat' (per cent),
'cost', 'uom', 'description' (several, joined); of the campaign that sells it:
'campaign_price', 'offer', 'discount' (per cent), 'conditions'; one tariff line per
row: 'tariff' (its name), 'tariff_price', 'min_quantity', 'date_from', 'date_to'; and
'tariff:<name>' for a column that is the price of one tariff. None: left out.

Plain Python, no Odoo. A row is bad if it says no article or if money that somebody
will be asked for (price, campaign price, discount) cannot be read; anything else that
is wrong is left out with a notice (design.md, "Bad input").
"""

from __future__ import annotations

import datetime
import io
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

import xlsxwriter

from ..identity.reasons import Problem
from ..identity.text import clean_text, fold, shown
from .cleaning import check_day, stands_for_nothing
from .mapping import REASON_HEADING
from .reader import Cell, Limits, Table, open_table
from .returned import unneutralise

ARTICLE_TARGETS = (
    "ref",
    "barcode",
    "name",
    "type",
    "category",
    "price",
    "price_taxed",
    "vat",
    "cost",
    "uom",
    "description",
    "campaign_price",
    "offer",
    "discount",
    "conditions",
    "tariff",
    "tariff_price",
    "min_quantity",
    "date_from",
    "date_to",
)
ARTICLE_MANY = frozenset({"category", "description"})
TARIFF = "tariff:"

# Folded headings, Spanish and English; Odoo's own export headings among them.
_SYNONYMS: dict[str, str] = {
    "ref": """referencia|ref|referencia interna|referencia articulo|ref articulo
        |codigo|cod|codigo articulo|cod articulo|codigo de articulo|codigo producto
        |cod producto|codigo de producto|referencia producto|articulo codigo|sku
        |id articulo|id producto|no articulo|numero de articulo|clave|codi
        |reference|internal reference|default code|product code|item code|code
        |item number|part number""",
    "barcode": """codigo de barras|codigo barras|cod barras|ean|ean 13|ean13|ean 8
        |codigo ean|gtin|upc|codi de barres|barcode|bar code""",
    "name": """nombre|articulo|producto|servicio|denominacion|concepto|nombre articulo
        |nombre del articulo|nombre producto|nombre del producto|nombre comercial
        |descripcion corta|descripcion articulo|descripcion del articulo
        |descripcion producto|descripcion del producto|titulo|modelo|article|producte
        |nom|name|product|product name|item|item name|title|service""",
    "type": """tipo|tipo articulo|tipo de articulo|tipo producto|tipo de producto
        |clase|type|product type|kind""",
    "category": """categoria|familia|subfamilia|subcategoria|grupo|seccion|linea
        |categoria de producto|categoria producto|gama|category|product category
        |family|subcategory|group|section""",
    "price": """precio|pvp|p v p|precio venta|precio de venta|precio unitario
        |precio base|precio publico|precio neto|precio sin iva|pvp sin iva
        |precio de venta sin iva|base imponible|importe|preu|tarifa pvp|cuota
        |cuota mensual|price|sale price|sales price|list price|unit price|lst price
        |net price|public price""",
    "price_taxed": """precio con iva|pvp con iva|pvp iva incluido|precio iva incluido
        |pvp iva inc|precio iva inc|pvp iva incl|precio final|precio total
        |precio venta con iva|price with vat|price incl vat|price vat included
        |gross price|price with tax|price including tax""",
    "vat": """iva|tipo iva|tipo de iva|porcentaje iva|impuesto|impuestos|por ciento iva
        |impuesto de venta|impuestos de venta|impuestos del cliente|vat|vat rate|tax
        |taxes|tax rate|sales tax|customer taxes""",
    "cost": """coste|costo|precio coste|precio de coste|precio costo|precio compra
        |precio de compra|coste unitario|cost|cost price|purchase price|standard
        price""",
    "uom": """unidad|unidades|unidad de medida|unidad medida|udm|um|u m|ud|uds|medida
        |formato|uom|unit|unit of measure|units""",
    "description": """descripcion|descripcion larga|descripcion de venta|detalle
        |detalles|caracteristicas|observaciones|notas|texto|descripcio|description
        |sales description|long description|details|features|notes|remarks""",
    "campaign_price": """precio campana|precio de campana|precio de la campana
        |precio oferta|precio de oferta|precio en oferta|precio promocion
        |precio promocional|precio especial|campaign price|offer price|promo price
        |special price|promotional price""",
    "offer": """oferta|promocion|promo|texto oferta|texto de la oferta
        |oferta comercial|offer|promotion|offer text""",
    "discount": """descuento|dto|desc|dcto|descuento oferta|porcentaje descuento
        |por ciento descuento|por ciento dto|discount|discount rate|rebate""",
    "conditions": """condiciones|condiciones especiales|condiciones oferta
        |condiciones de la oferta|condiciones particulares|letra pequena|permanencia
        |conditions|special conditions|terms|terms and conditions""",
    "tariff": """tarifa|tarifas|nombre tarifa|nombre de tarifa|nombre de la tarifa
        |lista de precios|lista precios|pricelist|price list|tariff|rate name""",
    "tariff_price": """precio tarifa|precio de tarifa|precio de la tarifa
        |precio lista|precio en tarifa|tariff price|pricelist price|fixed price""",
    "min_quantity": """cantidad minima|cant minima|cantidad min|cant min|minimo
        |a partir de|desde unidades|desde cantidad|unidades minimas|minimo unidades
        |min quantity|minimum quantity|min qty|quantity from""",
    "date_from": """desde|valido desde|valida desde|vigente desde|vigencia desde
        |fecha desde|fecha inicio|fecha de inicio|inicio|inicio vigencia|from
        |valid from|date from|start date|date start""",
    "date_to": """hasta|valido hasta|valida hasta|vigente hasta|vigencia hasta
        |fecha hasta|fecha fin|fecha de fin|fin|fin vigencia|caducidad|to|until
        |valid to|valid until|date to|end date|date end""",
}
_TARGET_OF: dict[str, str] = {
    fold(heading): target
    for target, text in _SYNONYMS.items()
    for heading in " ".join(text.split()).split("|")
}
_TARIFF_HEADING = re.compile(
    r"(tarifa|precio tarifa|pvp|pvd|pvm|pricelist|price list|tariff) \S"
)
# The tariff that everybody pays is the sale price itself.
_PUBLIC = frozenset(
    fold(name)
    for name in "pvp|público|general|precio general|tarifa general|tarifa pública"
    "|precio público|tarifa base|base|public|public price|list price".split("|")
)


# ------------------------------------------------------------------------ mapping
def _target(heading: str) -> str | None:
    folded = fold(heading.replace("%", " por ciento ")) if heading else ""
    return _TARGET_OF.get(folded) or _TARGET_OF.get(
        re.sub(r"^por ciento | por ciento$", "", folded)
    )


def known_article_headings(headings: Iterable[str]) -> int:
    """How many of the texts are headings of an article's file."""
    return sum(1 for heading in headings if heading and _target(heading))


def suggest_articles(
    headings: Sequence[str], samples: Sequence[Sequence[Cell]] = ()
) -> list[str | None]:
    """A target for every column, same length and order as ``headings``.

    ``samples``: some rows; they tell a column "Tarifa" of names from one of prices,
    and "Desde" of days from one of quantities.
    Columns of which nothing is known are left out: articles have no fields of their
    own.
    """
    result: list[str | None] = []
    taken: set[str] = set()
    for place, heading in enumerate(headings):
        last = place == len(headings) - 1
        if not heading or (last and fold(heading) == fold(REASON_HEADING)):
            result.append(None)
            continue
        target = _target(heading)
        if target is None and _TARIFF_HEADING.match(fold(heading)):
            target = TARIFF + clean_text(heading)
        values = [row[place] for row in samples if place < len(row)]
        target = _by_values(target, heading, values)
        if target in taken and target not in ARTICLE_MANY:
            target = None
        if target:
            taken.add(target)
        result.append(target)
    return _settle(result, taken)


def _by_values(target: str | None, heading: str, values: list[Cell]) -> str | None:
    values = [value for value in values if clean_text(value)]
    if not values:
        return target
    if target == "tariff" and all(check_amount(v)[0] is not None for v in values):
        return TARIFF + clean_text(heading)
    if target == "date_from" and all(_is_quantity(v) for v in values):
        return "min_quantity"
    return target


def _is_quantity(value: Cell) -> bool:
    amount = check_quantity(value)[0]
    return amount is not None and amount < 1900


def _settle(result: list[str | None], taken: set[str]) -> list[str | None]:
    """What depends on the other columns: a file with "Descripción" and no name has
    its names there; one whose only price is the column "Tarifa" has its price there.
    """
    if "name" not in taken and "description" in taken:
        result[result.index("description")] = "name"
    if not taken & {"price", "price_taxed", "tariff", "tariff_price"}:
        priced = [t for t in result if t and t.startswith(TARIFF)]
        if len(priced) == 1:
            result[result.index(priced[0])] = "price"
    return result


def check_article_mapping(mapping: Sequence[str | None], width: int) -> None:
    """Raises ValueError on a mapping that no reading of the file can use."""
    if len(mapping) != width:
        raise ValueError(f"{len(mapping)} targets for {width} columns")
    seen: set[str] = set()
    for target in mapping:
        if target is None:
            continue
        if target not in ARTICLE_TARGETS and not target.startswith(TARIFF):
            raise ValueError(f"unknown target {target!r}")
        if target in seen and target not in ARTICLE_MANY:
            raise ValueError(f"target {target!r} twice")
        seen.add(target)


def open_articles(
    source,
    filename: str = "",
    sheet: str | None = None,
    limits: Limits = Limits(),  # noqa: B008  frozen, as open_table has it
) -> Table:
    """``open_table``, whose headings are found by what articles' files are headed."""
    table = open_table(source, filename, sheet, limits)
    if known_article_headings(table.headings) >= 2:
        return table
    for number, values in enumerate(itertools.islice(table._source(), 40), 1):
        names = [clean_text(value) for value in values]
        if known_article_headings(names) >= 2:
            while names and not names[-1]:
                names.pop()
            return replace(table, headings=names, heading_row=number)
    return table


# ------------------------------------------------------------------------ amounts
_NUMBER = re.compile(r"(?:\d+(?:[.,' ]\d+)*|[.,]\d+)")
_CURRENCY = {
    "€": "EUR",
    "eur": "EUR",
    "euro": "EUR",
    "euros": "EUR",
    "$": "USD",
    "us$": "USD",
    "usd": "USD",
    "dolares": "USD",
    "£": "GBP",
    "gbp": "GBP",
}
_SYMBOL = re.compile(r"us\$|€|\$|£|\b(?:eur|euros?|usd|dolares|gbp)\b")
_TAX_OUT = re.compile(
    r"(?:\+|mas|sin|excl(?:uido)?\.?)\s*(?:de\s+)?i\.?v\.?a\.?"
    r"|i\.?v\.?a\.?\s*(?:no\s+incl(?:uido)?|excl(?:uido)?|aparte)\.?"
    r"|\+\s*vat|excl\.? vat"
)
_TAX_IN = re.compile(
    r"(?:con\s+)?i\.?v\.?a\.?\s*inc(?:l(?:uido)?)?\.?|con\s+i\.?v\.?a\.?|incl?\.? vat"
    r"|vat included"
)
_PER = re.compile(
    r"(?:/|\bal\b|\bpor\b|\bcada\b)\s*(mes|ano|dia|hora|semana|trimestre|unidad|uds?|u"
    r"|kg|kilo|m2|metro|caja|pack|usuario|linea|month|year|unit)\b\.?"
)
_MOST = Decimal(10) ** 9


def _plain(text: str) -> str:
    """Lower case, no accents, single spaces; punctuation stays."""
    for accented, bare in zip("áéíóúüñ", "aeiouun", strict=True):
        text = text.replace(accented, bare)
    return text


def read_number(text: str) -> tuple[Decimal | None, bool]:
    """(number, whether it can be read in two ways) of digits with separators.

    Spanish where it can be both: '1.234' is a thousand and more, '1,234' one and a
    quarter. '12'50' is 12.50. None: no number.
    """
    text = text.strip().removesuffix("-").strip()
    text = text[:-1] if text[-1:] in (",", ".") and text[:-1].isdigit() else text
    if not text.isascii() or not _NUMBER.fullmatch(text):
        return None, False
    if text[0] in ".,":
        text = "0" + text
    groups = re.split(r"[.,' ]", text)
    separators = re.findall(r"[.,' ]", text)
    doubtful = False
    whole, decimals = groups, ""
    if separators:
        last = separators[-1]
        several = len(set(separators)) > 1
        if several:
            decimal = separators.count(last) == 1 and last != " "
        elif len(separators) > 1 or last == " ":
            decimal = False
        elif len(groups[1]) != 3:
            decimal = True
        elif len(groups[0]) > 3 or groups[0] in ("0", "00", "000"):
            decimal = True
        else:
            doubtful = True
            decimal = last == ","
        if decimal:
            whole, decimals = groups[:-1], groups[-1]
        if len(set(separators[: len(whole) - 1])) > 1:
            return None, False  # 1.234'567,8
        if len(whole) > 1 and (
            not 1 <= len(whole[0]) <= 3 or any(len(g) != 3 for g in whole[1:])
        ):
            return None, False
    try:
        return Decimal("".join(whole) + ("." + decimals if decimals else "")), doubtful
    except InvalidOperation:
        return None, False


def _of_float(value: float) -> Decimal:
    """12.1 and not 12.099999999999999644: a sheet shows no more than this."""
    return Decimal(repr(round(value, 6))).normalize() + Decimal(0)


def check_amount(
    raw: Cell, currency: str = "EUR"
) -> tuple[Decimal | None, str, Problem | None]:
    """(amount, what the cell says of VAT: 'in', 'out' or '', problem or notice).

    "1.234,56 €", "12.50", "12'50", 12.5, "19,95 €/mes + IVA", "gratis". Never raises.
    A problem beside an amount is a notice: read, but in doubt.
    """
    written = shown(raw, 80)
    taxed, doubtful, per = "", False, None
    if isinstance(raw, bool) or isinstance(raw, (datetime.date, datetime.datetime)):
        return None, "", Problem("amount_format", written)
    if isinstance(raw, (int, float)):
        if not math.isfinite(raw) or abs(raw) >= _MOST:
            return None, "", Problem("amount_range", written)
        amount = _of_float(float(raw))
    else:
        text = _plain(clean_text(unneutralise(clean_text(raw))).casefold())
        if not text or len(text) > 80:
            return None, "", Problem("amount_format", written)
        if text in ("gratis", "gratuito", "gratuita", "free", "sin coste", "incluido"):
            return Decimal(0), "", None
        text, taxed = _tax_of(text)
        if per := _PER.search(text):
            text = text[: per.start()] + " " + text[per.end() :]
        symbols = _SYMBOL.findall(text)
        if any(_CURRENCY[symbol] != currency for symbol in symbols):
            return (
                None,
                "",
                Problem("amount_currency", written, {"currency": currency}),
            )
        text = _SYMBOL.sub(" ", text).strip()
        # an apostrophe before it says "text" in a spreadsheet
        text = text.lstrip("'")
        negative = text.startswith("-")
        amount, doubtful = read_number(text.lstrip("+-").strip())
        if amount is None:
            return None, "", Problem("amount_format", written)
        amount = -amount if negative else amount
    if amount < 0:
        return None, "", Problem("amount_negative", written)
    if amount >= _MOST:
        return None, "", Problem("amount_range", written)
    if doubtful:
        return amount, taxed, Problem("amount_doubtful", written, _read(amount))
    if per:
        return amount, taxed, Problem("amount_per", written, _read(amount))
    return amount, taxed, None


def _tax_of(text: str) -> tuple[str, str]:
    """(text without it, what it says of VAT)."""
    for pattern, says in ((_TAX_OUT, "out"), (_TAX_IN, "in")):
        if match := pattern.search(text):
            text = (text[: match.start()] + " " + text[match.end() :]).strip(" ()[].")
            return text.strip(), says
    return text, ""


def _read(amount: Decimal) -> dict:
    return {"read": f"{amount:f}".replace(".", ",")}


def check_quantity(raw: Cell) -> tuple[Decimal | None, Problem | None]:
    """A quantity: "10", "10 uds", "1.000", 2.5. Zero or less is none."""
    written = shown(raw, 80)
    if isinstance(raw, str):
        raw = re.sub(
            r"(?i)^(?:desde|a partir de|de)\s+|^(?:>=?|≥)\s*"
            r"|\s*(?:uds?|unidad(?:es)?|u|units?|pcs|pzas?)\.?$",
            "",
            clean_text(raw),
        )
    amount, _taxed, why = check_amount(raw)
    if amount is None or amount <= 0 or (why and why.code != "amount_doubtful"):
        return None, Problem("quantity_format", written)
    return amount, None


_VAT_WORDS = {
    "general": Decimal(21),
    "normal": Decimal(21),
    "reducido": Decimal(10),
    "superreducido": Decimal(4),
    "super reducido": Decimal(4),
    "exento": Decimal(0),
    "exenta": Decimal(0),
    "exempt": Decimal(0),
    "sin iva": Decimal(0),
    "no sujeto": Decimal(0),
}


def check_percent(
    raw: Cell, words: dict[str, Decimal] | None = None
) -> tuple[Decimal | None, Problem | None]:
    """Per cent, 0 to 100: "21 %", "21", 21.0, "IVA 21%", and 0.21 of a sheet whose
    cell is shown as 21 %. Never raises."""
    written = shown(raw, 80)
    wrong = Problem("percent_format", written)
    if isinstance(raw, bool) or isinstance(raw, (datetime.date, datetime.datetime)):
        return None, wrong
    if isinstance(raw, (int, float)):
        if not math.isfinite(raw):
            return None, wrong
        value = _of_float(float(raw)) if abs(raw) < 1000 else Decimal(1000)
        signed = False
    else:
        text = _plain(clean_text(unneutralise(clean_text(raw))).casefold())
        if (found := (words or {}).get(text.strip(". "))) is not None:
            return found, None
        numbers = re.findall(r"-?\d+(?:[.,]\d+)?", text)
        if len(numbers) != 1 or not text.isascii() or len(text) > 40:
            return None, wrong
        value = Decimal(numbers[0].replace(",", "."))
        # "-10 %" of a discount is how people write a discount of 10 %
        value, signed = abs(value), "%" in text
    if 0 < value < 1 and not signed:
        value *= 100
    if not 0 <= value <= 100:
        return None, Problem("percent_range", written)
    return value.normalize() + Decimal(0), None


def check_vat(raw: Cell) -> tuple[Decimal | None, Problem | None]:
    """The VAT rate that a cell says: 21, "21%", 0.21, "IVA 10 %", "general"."""
    return check_percent(raw, _VAT_WORDS)


# ------------------------------------------------------------------------- barcode
def check_digit(digits: str) -> int:
    """GS1's control digit of the digits before it (any GTIN)."""
    total = sum(
        int(digit) * (3 if place % 2 == 0 else 1)
        for place, digit in enumerate(reversed(digits))
    )
    return -total % 10


def is_gtin(code: str) -> bool:
    """GTIN-8, -12, -13 or -14 whose control digit is right."""
    return (
        code.isascii()
        and code.isdigit()
        and len(code) in (8, 12, 13, 14)
        and check_digit(code[:-1]) == int(code[-1])
    )


def check_barcode(raw: Cell) -> tuple[str, Problem | None]:
    """(barcode or '', problem or notice).

    An EAN whose zeros a sheet took gets them back, with a notice; one with a wrong
    control digit is left out; codes that are no EAN stay as they are. Never raises.
    """
    written = shown(raw, 80)
    text = re.sub(r"[\s\-.]", "", clean_text(unneutralise(clean_text(raw))))
    if re.fullmatch(r"\d[.,]?\d*e\+?\d+", clean_text(raw).casefold()):
        return "", Problem("barcode_lost", written)
    if not text or len(text) > 64 or isinstance(raw, bool):
        return "", Problem("barcode_format", written)
    if not (text.isascii() and text.isdigit()):
        return clean_text(raw)[:64], None
    if is_gtin(text):
        return text, None
    if len(text) in (8, 12, 13, 14):
        padded = text.zfill(13)
        if len(text) == 12 and is_gtin(padded):
            return padded, Problem("barcode_zeros", written, {"read": padded})
        return "", Problem("barcode_check", written)
    length = 8 if len(text) == 7 else 13
    if 7 <= len(text) < length and is_gtin(padded := text.zfill(length)):
        return padded, Problem("barcode_zeros", written, {"read": padded})
    if len(text) == 7 and is_gtin(padded := text.zfill(13)):
        return padded, Problem("barcode_zeros", written, {"read": padded})
    return text, None


# ------------------------------------------------------------------------ the row
@dataclass(frozen=True, slots=True)
class ArticleSettings:
    """``currency`` of the company (code); ``default_vat`` rate of its articles whose
    row says none; ``price_included``: its sale prices include VAT."""

    currency: str = "EUR"
    default_vat: Decimal | None = None
    price_included: bool = False
    today: datetime.date | None = None
    date1904: bool = False


@dataclass(frozen=True, slots=True)
class TariffLine:
    """The price of the article in a tariff; ``min_quantity`` 0: from the first."""

    name: str
    price: Decimal
    min_quantity: Decimal = Decimal(0)
    date_from: datetime.date | None = None
    date_to: datetime.date | None = None

    @property
    def key(self) -> tuple:
        """Lines with the same key would say two prices for the same thing."""
        return fold(self.name), self.min_quantity, self.date_from, self.date_to


@dataclass(slots=True)
class ArticleRow:
    """One row, ready to load, with what was wrong. Texts '' and amounts None where
    the row says nothing. ``price``, ``campaign_price`` and tariffs as the company's
    articles have them (with or without VAT). ``type`` 'service', 'consu' or '';
    ``category`` the path. ``duplicate_of``: the row of the same article above, whose
    tariff lines this one adds to."""

    row: int
    raw: list[Cell]
    ref: str = ""
    barcode: str = ""
    name: str = ""
    type: str = ""
    category: tuple[str, ...] = ()
    price: Decimal | None = None
    vat: Decimal | None = None
    cost: Decimal | None = None
    uom: str = ""
    description: str = ""
    campaign_price: Decimal | None = None
    offer: str = ""
    discount: Decimal | None = None
    conditions: str = ""
    tariffs: list[TariffLine] = field(default_factory=list)
    duplicate_of: int | None = None
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def of_campaign(self) -> bool:
        """Does the row say what a campaign offers?"""
        return bool(
            self.campaign_price is not None
            or self.discount is not None
            or self.offer
            or self.conditions
        )


_TYPES = {
    fold(word): kind
    for kind, words in {
        "service": "servicio|servicios|service|suscripción|cuota|s",
        "consu": "producto|productos|bien|bienes|artículo|mercancía|consumible"
        "|almacenable|material|goods|product|good|storable|consumable|p",
    }.items()
    for word in words.split("|")
}
_HEADED = {
    "name": "nombre|articulo|producto|sin nombre",
    "ref": "referencia|codigo|sin referencia",
    "barcode": "ean|sin codigo|0",
    "category": "categoria|familia|sin categoria",
}
_HEADED_FOLDED = {
    target: frozenset(fold(word) for word in words.split("|"))
    for target, words in _HEADED.items()
}


def _text(raw: Cell, target: str, limit: int, multiline: bool = False) -> str:
    text = clean_text(raw, multiline=multiline)
    if text.startswith("'"):
        text = clean_text(unneutralise(text), multiline=multiline)
    if fold(text) in _HEADED_FOLDED.get(target, ()):
        return ""
    # 'X' is a good reference and 'NO' a good name for nothing that we know better
    if target not in ("ref", "name") and stands_for_nothing(text):
        return ""
    if not any(c.isalnum() for c in text):
        return ""
    return text[:limit]


def clean_article(
    raw_row: list[Cell],
    mapping: Sequence[str | None],
    settings: ArticleSettings = ArticleSettings(),
    row: int = 0,
) -> ArticleRow:
    """One raw row cleaned. Pure; never raises on any cell."""
    article = ArticleRow(row=row, raw=raw_row)
    cells: dict[str, list[tuple[int, Cell]]] = {}
    for column, value in enumerate(raw_row):
        if value is None or value == "":
            continue
        if column >= len(mapping):
            if clean_text(value):
                article.notices.append(
                    Problem("too_many_cells", shown(value, 80), {}, "", column)
                )
                break
            continue
        if mapping[column] and clean_text(value):
            cells.setdefault(mapping[column], []).append((column, value))
    _identity(article, cells)
    _facts(article, cells)
    _prices(article, cells, settings)
    _tariff_line(article, cells, settings, "tariff_price" not in mapping)
    if not (article.name or article.ref or article.barcode):
        article.problems.insert(0, Problem("article_missing", "", {}, "name"))
    return article


def _first(cells: dict, target: str) -> tuple[int, Cell] | None:
    return next(iter(cells.get(target, ())), None)


def _add(notes: list[Problem], why: Problem | None, target: str, column: int) -> None:
    if why is not None:
        notes.append(replace(why, field=target, column=column))


def _identity(article: ArticleRow, cells: dict) -> None:
    if found := _first(cells, "ref"):
        article.ref = _text(found[1], "ref", 64)
    if found := _first(cells, "name"):
        article.name = _text(found[1], "name", 250)
    if (found := _first(cells, "barcode")) and _text(found[1], "barcode", 80):
        article.barcode, why = check_barcode(found[1])
        _add(article.notices, why, "barcode", found[0])


def _facts(article: ArticleRow, cells: dict) -> None:
    article.category = tuple(
        part
        for _column, value in cells.get("category", ())
        for piece in re.split(r"\s*[/>»]\s+|\s+[/>»]\s*", _text(value, "category", 200))
        if (part := piece.strip())
    )
    article.description = "\n".join(
        text
        for _column, value in cells.get("description", ())
        if (text := _text(value, "description", 5000, multiline=True))
    )
    if found := _first(cells, "offer"):
        article.offer = _text(found[1], "offer", 250)
    if found := _first(cells, "conditions"):
        article.conditions = _text(found[1], "conditions", 5000, multiline=True)
    if found := _first(cells, "uom"):
        article.uom = _text(found[1], "uom", 60)
    if (found := _first(cells, "type")) and (text := _text(found[1], "type", 60)):
        article.type = _TYPES.get(fold(text), "")
        if not article.type:
            problem = Problem("type_unknown", shown(text, 80))
            _add(article.notices, problem, "type", found[0])
    if (found := _first(cells, "vat")) and _text(found[1], "vat", 80):
        article.vat, why = check_vat(found[1])
        _add(article.notices, why, "vat", found[0])


def _amount(
    article: ArticleRow,
    found: tuple[int, Cell] | None,
    target: str,
    settings: ArticleSettings,
    stated: str = "",
    strict: bool = True,
) -> Decimal | None:
    """The amount of a cell as the company's prices are, None where there is none."""
    if found is None:
        return None
    column, value = found
    # '-' and 'consultar' are no price; '0' is one
    if isinstance(value, str) and (
        stands_for_nothing(clean_text(value)) and "0" not in value
    ):
        return None
    amount, says, why = check_amount(value, settings.currency)
    if amount is None:
        _add(article.problems if strict else article.notices, why, target, column)
        return None
    _add(article.notices, why, target, column)
    says = says or stated
    included = "in" if settings.price_included else "out"
    if not says or says == included or not amount:
        return amount
    rate = article.vat if article.vat is not None else settings.default_vat
    if rate is None:
        problem = Problem("price_without_vat", shown(value, 80))
        _add(article.problems if strict else article.notices, problem, target, column)
        return None
    return with_vat(amount, rate) if says == "out" else without_vat(amount, rate)


def without_vat(amount: Decimal, rate: Decimal) -> Decimal:
    """Net of a price that includes VAT, to four decimals."""
    net = amount / (1 + rate / 100)
    return net.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def with_vat(amount: Decimal, rate: Decimal) -> Decimal:
    """What is paid for a net price, to four decimals."""
    gross = amount * (1 + rate / 100)
    return gross.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _prices(article: ArticleRow, cells: dict, settings: ArticleSettings) -> None:
    taxed = _amount(
        article, _first(cells, "price_taxed"), "price_taxed", settings, "in"
    )
    plain = _amount(article, _first(cells, "price"), "price", settings)
    # both columns: the net one is what the other was reckoned from
    article.price = plain if plain is not None else taxed
    article.cost = _amount(article, _first(cells, "cost"), "cost", settings, "", False)
    article.campaign_price = _amount(
        article, _first(cells, "campaign_price"), "campaign_price", settings
    )
    if (found := _first(cells, "discount")) and not (
        isinstance(found[1], str)
        and stands_for_nothing(clean_text(found[1]))
        and "0" not in found[1]
    ):
        article.discount, why = check_percent(found[1])
        _add(article.problems, why, "discount", found[0])
    for target, values in cells.items():
        if not target.startswith(TARIFF):
            continue
        amount = _amount(article, values[0], target, settings, "", False)
        name = target.removeprefix(TARIFF)[:100]
        if amount is not None and fold(name) in _PUBLIC and article.price is None:
            article.price = amount
        elif amount is not None:
            article.tariffs.append(TariffLine(name, amount))


def _tariff_line(
    article: ArticleRow, cells: dict, settings: ArticleSettings, shared: bool
) -> None:
    """The line that the row's own columns say. ``shared``: the file has no price of
    the tariff, so beside a tariff's name the price is the tariff's."""
    before = len(article.notices)
    price = _amount(
        article, _first(cells, "tariff_price"), "tariff_price", settings, "", False
    )
    wrong = len(article.notices) > before and price is None
    found = _first(cells, "tariff")
    name = _text(found[1], "tariff", 100) if found else ""
    if shared and name and fold(name) not in _PUBLIC:
        price, article.price = article.price, None
    quantity, start, end = Decimal(0), None, None
    if found := _first(cells, "min_quantity"):
        if shown(found[1]).strip() not in ("0", "0,0", "0.0", "0,00", "0.00", "-"):
            amount, why = check_quantity(found[1])
            _add(article.notices, why, "min_quantity", found[0])
            wrong = wrong or amount is None
            quantity = amount or Decimal(0)
    days = {}
    for target in ("date_from", "date_to"):
        found = _first(cells, target)
        if found and _text(found[1], target, 80):
            days[target], why = check_day(
                found[1], settings.today, settings.date1904, future=True
            )
            _add(article.notices, why, target, found[0])
            wrong = wrong or days[target] is None
    start, end = days.get("date_from"), days.get("date_to")
    if start and end and start > end:
        problem = Problem("dates_swapped", f"{start.isoformat()} – {end.isoformat()}")
        _add(article.notices, problem, "date_to", _first(cells, "date_to")[0])
        wrong = True
    if not name and price is None:
        if (quantity or days) and not wrong:
            article.notices.append(Problem("tariff_missing", "", {}, "tariff"))
        return
    if fold(name) in _PUBLIC and not (quantity or days):
        if price is not None:
            article.price = price
        return
    if wrong:
        article.notices.append(
            Problem("tariff_left_out", shown(name, 80), {}, "tariff")
        )
    elif not name:
        article.notices.append(Problem("tariff_missing", "", {}, "tariff"))
    elif price is None:
        article.notices.append(
            Problem("tariff_no_price", shown(name, 80), {}, "tariff_price")
        )
    else:
        article.tariffs.append(TariffLine(name, price, quantity, start, end))


class ArticleDuplicates:
    """Which articles of the file came already: by reference, then barcode, then
    name."""

    def __init__(self):
        self._rows: dict[tuple, int] = {}
        self._lines: dict[tuple, int] = {}

    def check(self, article: ArticleRow) -> None:
        """Adds what is repeated to the row's problems or notices."""
        keys = [
            (kind, value)
            for kind, value in (
                ("ref", fold_ref(article.ref)),
                ("barcode", article.barcode),
                ("name", fold(article.name) if not article.ref else ""),
            )
            if value
        ]
        if not keys:
            return
        first = next((self._rows[key] for key in keys[:1] if key in self._rows), None)
        if first is None and keys[0][0] == "ref" and article.barcode:
            # another article's barcode: one of both is wrong
            twin = self._rows.get(("barcode", article.barcode))
            if twin is not None:
                article.notices.append(
                    Problem(
                        "barcode_repeated", article.barcode, {"row": twin}, "barcode"
                    )
                )
                article.barcode = ""
                keys = [key for key in keys if key[0] != "barcode"]
        if first is not None:
            self._again(article, keys[0], first)
        for key in keys:
            self._rows.setdefault(key, article.row)
        for line in article.tariffs:
            self._lines.setdefault((keys[0], line.key), article.row)

    def _again(self, article: ArticleRow, key: tuple, first: int) -> None:
        """A second row of the article is welcome only for a tariff line that is new."""
        article.duplicate_of = first
        new = [line for line in article.tariffs if (key, line.key) not in self._lines]
        facts = {"row": first, "key": key[0]}
        if not new:
            article.problems.append(Problem("duplicate_in_file", "", facts, key[0]))
        elif len(new) < len(article.tariffs):
            old = next(line for line in article.tariffs if line not in new)
            article.notices.append(
                Problem(
                    "tariff_repeated",
                    shown(old.name, 80),
                    {"row": self._lines[key, old.key]},
                    "tariff",
                )
            )
        article.tariffs = new


def fold_ref(ref: str) -> str:
    """References are told apart by their punctuation, not by case or spaces."""
    return " ".join(ref.casefold().split())


def clean_articles(
    rows: Iterable[tuple[int, list[Cell]]],
    mapping: Sequence[str | None],
    settings: ArticleSettings = ArticleSettings(),
    duplicates: ArticleDuplicates | None = None,
) -> Iterator[ArticleRow]:
    """Every row of a table, in order, good or bad: as many out as in."""
    seen = duplicates or ArticleDuplicates()
    for number, raw in rows:
        article = clean_article(raw, mapping, settings, number)
        if article.ok:
            seen.check(article)
        yield article


# ----------------------------------------------------------------------- template
# (heading, target, example, how to fill it in): Spanish, for those who fill it in.
TEMPLATE = (
    ("Referencia", "ref", "FIB-600", "Su código del artículo. Lo identifica."),
    ("Código de barras", "barcode", "8412345678905", "EAN; opcional."),
    ("Nombre", "name", "Fibra 600 Mb", "Obligatorio en artículos nuevos."),
    ("Tipo", "type", "Servicio", "Producto o servicio."),
    ("Categoría", "category", "Internet / Fibra", "Se crea si no existe."),
    ("Precio", "price", 29.9, "De venta, sin IVA."),
    ("% IVA", "vat", 21, "21, 10, 4 o 0."),
    ("Coste", "cost", 12.5, "Sin IVA; opcional."),
    ("Unidad", "uom", "Unidades", "Como se llama en Odoo; opcional."),
    ("Descripción", "description", "Fibra simétrica con router", "Opcional."),
    (
        "Precio campaña",
        "campaign_price",
        24.9,
        "El de la campaña en la que se carga, sin IVA.",
    ),
    (
        "Oferta",
        "offer",
        "3 meses a mitad de precio",
        "Lo que se promete, en una línea.",
    ),
    ("% Descuento", "discount", 10, "Sobre el precio de la campaña."),
    ("Condiciones", "conditions", "12 meses de permanencia", "Se leen al comprador."),
    ("Tarifa", "tariff", "Mayorista", "Nombre de la tarifa; una fila por tarifa."),
    ("Precio tarifa", "tariff_price", 22, "Sin IVA."),
    ("Cantidad mínima", "min_quantity", 10, "Desde cuántas unidades."),
    ("Desde", "date_from", datetime.date(2027, 1, 1), "Primer día; opcional."),
    ("Hasta", "date_to", datetime.date(2027, 12, 31), "Último día; opcional."),
)


def write_articles_template() -> bytes:
    """An .xlsx whose headings map back one to one; how to fill them in on a second
    sheet, so that no example is ever loaded."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    bold = book.add_format({"bold": True, "bg_color": "#E8EEF7", "bottom": 1})
    text = book.add_format({"num_format": "@"})
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    money = book.add_format({"num_format": "#,##0.00"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    formats = {
        **dict.fromkeys(("ref", "barcode"), text),
        **dict.fromkeys(("date_from", "date_to"), day),
        **dict.fromkeys(("price", "cost", "campaign_price", "tariff_price"), money),
    }
    sheet = book.add_worksheet("Artículos")
    sheet.freeze_panes(1, 0)
    for place, (heading, target, _example, _how) in enumerate(TEMPLATE):
        sheet.set_column(place, place, max(12, len(heading) + 2), formats.get(target))
        sheet.write_string(0, place, heading, bold)
    guide = book.add_worksheet("Ayuda")
    guide.set_column(0, 1, 28, wrap)
    guide.set_column(2, 2, 60, wrap)
    for place, title in enumerate(("Columna", "Ejemplo", "Cómo se rellena")):
        guide.write_string(0, place, title, bold)
    for line, (heading, _target, example, how) in enumerate(TEMPLATE, 1):
        guide.write_string(line, 0, heading, wrap)
        shape = (
            example.strftime("%d/%m/%Y")
            if isinstance(example, datetime.date)
            else shown(example).replace(".", ",")
            if isinstance(example, float)
            else shown(example)
        )
        guide.write_string(line, 1, shape, wrap)
        guide.write_string(line, 2, how, wrap)
    book.close()
    return out.getvalue()


__all__ = [
    "ARTICLE_MANY",
    "ARTICLE_TARGETS",
    "TARIFF",
    "ArticleDuplicates",
    "ArticleRow",
    "ArticleSettings",
    "TariffLine",
    "check_amount",
    "check_article_mapping",
    "check_barcode",
    "check_percent",
    "check_quantity",
    "check_vat",
    "clean_article",
    "clean_articles",
    "known_article_headings",
    "open_articles",
    "read_number",
    "suggest_articles",
    "with_vat",
    "without_vat",
    "write_articles_template",
]
