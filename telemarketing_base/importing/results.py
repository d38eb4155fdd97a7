"""Results of calls (tipificaciones) in a sheet: its headings, words and lines.

Headings and words are understood in Spanish and in English whatever the language of
who loads the file, and written in his. Plain Python: campaigns, texts and rights are
the Odoo layer's.
"""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..identity.reasons import Problem
from ..identity.text import clean_text, fold, shown
from .checks import MB, Limits
from .reasons import ReadError
from .returned import neutralise, unneutralise

# Nobody classifies with more: a file that has them is not one of results.
MAX_LINES = 2000
LIMITS = Limits(
    size=5 * MB,
    expanded=100 * MB,
    cells=200_000,
    cell=2000,
    columns=100,
    text=20 * MB,
)
LEVELS = ("level_1", "level_2", "level_3")
LONGEST = 120


class Column(NamedTuple):
    """``shape``: name, names, choice, yes_no, text, integer or number; ``low`` and
    ``high`` bounds of the last two; ``empty`` what an empty cell means."""

    name: str
    english: str
    spanish: str
    shape: str
    aliases: tuple = ()
    low: float = 0
    high: float = 0
    empty: object = False

    def heading(self, spanish: bool) -> str:
        return self.spanish if spanish else self.english


YEAR = 366 * 24 * 60
COLUMNS = (
    Column("code", "Code", "Código", "name", ("Clave",)),
    Column(
        "level_1", "Level 1", "Nivel 1", "name", ("Result", "Resultado", "Tipificación")
    ),
    Column("level_2", "Level 2", "Nivel 2", "name"),
    Column("level_3", "Level 3", "Nivel 3", "name"),
    Column("campaigns", "Campaigns", "Campañas", "names", ("Campaign", "Campaña")),
    Column(
        "campaign_kind",
        "Kind of Campaign",
        "Tipo de campaña",
        "choice",
    ),
    Column("sequence", "Order", "Orden", "integer", (), 0, 1_000_000, None),
    Column("key", "Key", "Tecla", "integer", (), 1, 9),
    Column("color", "Colour", "Color", "integer", (), 0, 11, 0),
    Column("kind", "Afterwards", "Después", "choice", ("Action", "Acción")),
    Column("exclusion_scope", "Do Not Call In", "No llamar en", "choice", ("Alcance",)),
    Column("exclusion_reason", "Not Called Because", "No llamar porque", "choice"),
    Column(
        "redial_minutes",
        "Redial After (minutes)",
        "Volver a llamar a los (minutos)",
        "integer",
        ("Delay", "Espera", "Espera (minutos)"),
        0,
        YEAR,
        0,
    ),
    Column(
        "backoff",
        "Delay Grows By",
        "La espera crece por",
        "number",
        ("Growth", "Backoff", "Crecimiento"),
        1,
        10,
        1.0,
    ),
    Column(
        "redial_max_minutes",
        "Delay at Most (minutes)",
        "Espera máxima (minutos)",
        "integer",
        ("Espera máxima",),
        0,
        YEAR,
        0,
    ),
    Column(
        "max_attempts",
        "Maximum Attempts",
        "Máximo de intentos",
        "integer",
        ("Attempts", "Intentos"),
        0,
        1000,
        0,
    ),
    Column(
        "redial_part",
        "Part of the Day",
        "Franja del día",
        "choice",
        ("Redial In", "Franja"),
        empty="any",
    ),
    Column("outcome", "Contact", "Contacto", "choice", ("Counts As",), empty="none"),
    Column("is_conversion", "Conversion", "Conversión", "yes_no"),
    Column("qualifies", "Makes a Prospect", "Crea prospecto", "yes_no", ("Prospect",)),
    Column("needs_order", "Sale", "Venta", "yes_no", ("Takes an Order", "Pedido")),
    Column("needs_appointment", "Appointment", "Cita", "yes_no"),
    Column("needs_survey", "Survey", "Encuesta", "yes_no"),
    Column(
        "clear_callbacks",
        "Removes Earlier Callbacks",
        "Quita rellamadas anteriores",
        "yes_no",
    ),
    Column(
        "drop_numbers",
        "Takes Numbers out of the Lists",
        "Quita los números de las listas",
        "yes_no",
    ),
    Column("mail_template_id", "Mail Template", "Plantilla de correo", "text"),
    Column("sms_template_id", "SMS Template", "Plantilla de SMS", "text"),
    Column(
        "message_purpose",
        "The Message Is",
        "El mensaje es",
        "choice",
        empty="commercial",
    ),
)
BY_NAME = {column.name: column for column in COLUMNS}
_HEADINGS = {
    fold(text): column.name
    for column in COLUMNS
    for text in (column.english, column.spanish, column.name, *column.aliases)
}

# column → value → (English, Spanish, other words for it)
WORDS: dict[str, dict[str, tuple]] = {
    "kind": {
        "redial_same": (
            "Redial the same number",
            "Volver a llamar al mismo número",
            "Redial this number later",
            "Mismo número",
        ),
        "redial_next": (
            "Redial the next number",
            "Volver a llamar al siguiente número",
            "Siguiente número",
        ),
        "schedule": ("Agreed callback", "Agendar", "Rellamada acordada", "Agenda"),
        "none": ("No action", "Sin acción", "No action, close without redial"),
        "close": (
            "Do not call again in this campaign",
            "No volver a llamar en esta campaña",
        ),
        "number_bad": ("This phone is bad", "Teléfono erróneo", "Bad number"),
        "exclude": (
            "Do not call again",
            "No volver a llamar",
            "Exclusion: do not call again",
            "Exclusión",
        ),
    },
    "exclusion_scope": {
        "all": ("Everywhere", "Todas", "En todas partes", "All"),
        "principal": (
            "For this client company",
            "Empresa cliente",
            "Esta empresa cliente",
        ),
        "campaign": ("In this campaign", "Esta campaña", "En esta campaña"),
    },
    "exclusion_reason": {
        "objection": ("They objected", "Se opuso", "Oposición"),
        "deceased": ("Has died", "Ha fallecido", "Fallecido"),
        "minor": ("Under age", "Menor de edad", "Menor"),
        "internal": ("Our decision", "Decisión nuestra"),
    },
    "redial_part": {
        "any": ("Any hour", "Cualquier hora"),
        "other": ("Another part of the day", "Otra franja"),
        "morning": ("Morning", "Mañana"),
        "afternoon": ("Afternoon", "Tarde"),
        "evening": ("Evening", "Noche", "Última hora"),
    },
    "outcome": {
        "none": ("Nobody reached", "Sin contacto", "None", "Ninguno"),
        "contact": ("Contact", "Contacto"),
        "useful": ("Useful contact", "Contacto útil", "Útil", "Useful"),
    },
    "message_purpose": {
        "commercial": ("Advertising", "Publicidad", "Comercial"),
        "service": ("Confirms what was said", "Confirma lo hablado", "Servicio"),
    },
    "campaign_kind": {
        "telemarketing": ("Telemarketing", "Telemarketing"),
        "telesales": ("Telesales", "Televenta"),
        "appointment": ("Appointments", "Concertación", "Citas"),
        "survey": ("Surveys", "Encuestas", "Encuesta"),
    },
}
_YES = {fold(word) for word in ("yes", "sí", "y", "s", "x", "1", "true", "verdadero")}
_NO = {fold(word) for word in ("no", "n", "0", "false", "falso")}


def known_headings(headings: Sequence[str]) -> int:
    """How many of the texts are headings of a file of results."""
    return sum(1 for heading in headings if heading and fold(heading) in _HEADINGS)


def read_headings(headings: Sequence[str]) -> tuple[list[str | None], list[str]]:
    """(column's name of each heading or None, the headings that are none).

    Raises ReadError: a column twice, or none with the first level.
    """
    columns: list[str | None] = []
    unknown = []
    for heading in headings:
        name = _HEADINGS.get(fold(heading))
        if name and name in columns:
            raise ReadError("result_heading_twice", heading[:LONGEST])
        if not name and heading:
            unknown.append(heading[:LONGEST])
        columns.append(name)
    if "level_1" not in columns:
        raise ReadError("result_no_level")
    return columns, unknown


def read_line(
    cells: Mapping[str, object],
    spanish: bool = False,
    words: Mapping[str, Mapping[str, tuple]] | None = None,
) -> tuple[dict, list[Problem]]:
    """The cells of a line, by column's name → (values, what is wrong with them).

    Values: a text or '' (name, text), a list of texts (names), a value of ``words``,
    bool, int, float; ``Column.empty`` of an empty cell. Only columns of the file.
    """
    values, problems = {}, []
    for name, cell in cells.items():
        column = BY_NAME[name]
        heading = column.heading(spanish)
        try:
            values[name] = _read_cell(column, heading, cell, spanish, words or WORDS)
        except _Wrong as wrong:
            problems.append(wrong.problem)
    path = [values.get(level) or "" for level in LEVELS]
    while path and not path[-1]:
        path.pop()
    if not problems:
        if not path:
            problems.append(Problem("result_no_name", ""))
        elif not all(path):
            problems.append(Problem("result_level_missing", " / ".join(path)))
    values["path"] = path
    return values, problems


class _Wrong(Exception):
    def __init__(self, code: str, value: str, **params):
        super().__init__(code)
        self.problem = Problem(code, value[:LONGEST], params)


def _read_cell(column, heading, cell, spanish, words):
    raw = unneutralise(shown(cell))
    hidden = any(
        unicodedata.category(char) in ("Cc", "Cf", "Cs") and char not in "\t\r\n"
        for char in raw
    )
    text = clean_text(raw)
    if hidden:
        raise _Wrong("result_hidden", text, column=heading)
    if not text:
        return [] if column.shape == "names" else column.empty
    if column.shape == "choice":
        folded = fold(text)
        for value, known in words[column.name].items():
            if folded in (fold(value), *(fold(word) for word in known)):
                return value
        allowed = ", ".join(known[spanish] for known in words[column.name].values())
        raise _Wrong("result_choice", text, column=heading, allowed=allowed)
    if column.shape == "yes_no":
        folded = fold(text)
        if folded not in _YES | _NO:
            raise _Wrong("result_yes_no", text, column=heading)
        return folded in _YES
    if column.shape in ("integer", "number"):
        return _read_number(column, heading, text)
    if shown(cell).lstrip().startswith(("=", "＝")):
        raise _Wrong("result_formula", text, column=heading)
    if column.shape == "names":
        return [piece for piece in (part.strip() for part in text.split("|")) if piece]
    if len(text) > LONGEST:
        raise _Wrong("result_too_long", text, column=heading, limit=LONGEST)
    return text


def _read_number(column, heading, text):
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = math.nan
    whole = column.shape == "integer"
    # Not only what float() takes: «1_0» and «1e3» are no numbers of a sheet.
    plain = set(text) <= set("0123456789.,-+")
    if (
        not plain
        or not column.low <= number <= column.high
        or (whole and number != int(number))
    ):
        raise _Wrong(
            "result_integer" if whole else "result_number",
            text,
            column=heading,
            low=column.low,
            high=column.high,
        )
    return int(number) if whole else round(number, 4)


def write_value(
    name: str,
    value: object,
    spanish: bool,
    words: Mapping[str, Mapping[str, tuple]] | None = None,
) -> str:
    """What stands in the cell of this value: what ``read_line`` reads back."""
    column = BY_NAME[name]
    if column.shape == "yes_no":
        return ("sí" if spanish else "yes") if value else "no"
    if column.shape == "choice":
        return (words or WORDS)[name][value][spanish] if value else ""
    if column.shape == "names":
        return " | ".join(value or ())
    if column.shape == "number":
        text = f"{value:g}"
        return text.replace(".", ",") if spanish else text
    if column.shape == "integer":
        return "" if value in (False, None) else str(value)
    return value or ""


def write_results(
    lines: Iterable[Mapping[str, str]], spanish: bool, left_out: Iterable[str] = ()
) -> bytes:
    """A csv as Excel in Spain writes and reads it: semicolons, UTF-8 with BOM.

    :param lines: cells by column's name, as of ``write_value``
    :param left_out: names of columns that this file does not have
    """
    columns = [column for column in COLUMNS if column.name not in set(left_out)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([column.heading(spanish) for column in columns])
    for line in lines:
        writer.writerow([neutralise(line.get(column.name, "")) for column in columns])
    return out.getvalue().encode("utf-8-sig", "replace")


# (English, Spanish) where they differ
_SAMPLE = (
    {
        "code": "SAMPLE-1",
        "level_1": ("Nobody answers", "No contesta"),
        "sequence": 10,
        "key": 1,
        "color": 3,
        "kind": "redial_same",
        "redial_minutes": 120,
        "backoff": 1.5,
        "redial_max_minutes": 1440,
        "max_attempts": 6,
        "redial_part": "other",
    },
    {
        "code": "SAMPLE-2",
        "level_1": ("Nobody answers", "No contesta"),
        "level_2": ("Answering machine", "Contestador"),
        "sequence": 10,
        "key": 1,
    },
    {
        "code": "SAMPLE-3",
        "level_1": ("Not interested", "No le interesa"),
        "level_2": ("Price", "Precio"),
        "level_3": ("Has a better offer", "Tiene mejor oferta"),
        "sequence": 20,
        "kind": "none",
        "outcome": "useful",
        "clear_callbacks": True,
    },
    {
        "code": "SAMPLE-4",
        "level_1": ("Interested, sale", "Interesado, venta"),
        "campaign_kind": "telesales",
        "sequence": 30,
        "key": 3,
        "color": 10,
        "kind": "none",
        "outcome": "useful",
        "is_conversion": True,
        "qualifies": True,
        "needs_order": True,
        "message_purpose": "service",
    },
    {
        "code": "SAMPLE-5",
        "level_1": ("Wants no more calls", "No quiere más llamadas"),
        "sequence": 90,
        "key": 9,
        "color": 1,
        "kind": "exclude",
        "exclusion_scope": "all",
        "exclusion_reason": "objection",
        "outcome": "contact",
        "clear_callbacks": True,
    },
)


def write_sample(spanish: bool, left_out: Iterable[str] = ()) -> bytes:
    """The file to fill in, with five results as examples of what is written."""
    lines = []
    for example in _SAMPLE:
        values = {column.name: column.empty for column in COLUMNS} | example
        values["message_purpose"] = example.get("message_purpose") or False
        lines.append(
            {
                name: write_value(
                    name, value[spanish] if isinstance(value, tuple) else value, spanish
                )
                for name, value in values.items()
            }
        )
    return write_results(lines, spanish, left_out)
