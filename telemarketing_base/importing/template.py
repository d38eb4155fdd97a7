"""The empty file that a supervisor downloads, fills in and loads.

In Spanish whatever the language of the screen: those who fill it in are the client
companies. Its headings are recognised one to one. Examples stand on a second sheet,
so that none is ever loaded.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple

import xlsxwriter

from .articles import TEMPLATE as ARTICLES
from .articles import write_articles_template


class Column(NamedTuple):
    """``shape`` of its cells: '@' text (else Excel eats zeros and rounds), 'date',
    or ''."""

    heading: str
    target: str
    shape: str
    example: str
    how: str


PEOPLE = (
    Column(
        "Teléfono",
        "phone",
        "@",
        "612345678",
        "Nueve cifras. También se entienden +34, 0034, espacios y puntos. Si hay varios"
        " en la misma celda, sepárelos con una barra: se llama en ese orden.",
    ),
    Column("Teléfono 2", "phone", "@", "912345678", "Otro teléfono de la persona."),
    Column("Teléfono 3", "phone", "@", "", "Otro más. Puede añadir Teléfono 4, 5…"),
    Column(
        "Nombre",
        "name",
        "@",
        "Ana",
        "Nombre, o nombre y apellidos, o razón social. Si no lo tiene, escriba la"
        " palabra «nombre».",
    ),
    Column("Apellidos", "surname", "@", "García López", "Si van en columna aparte."),
    Column("NIF", "vat", "@", "12345678Z", "DNI, NIE o CIF, con su letra."),
    Column(
        "Dirección",
        "street",
        "@",
        "Calle Mayor 3, 2º B",
        "Calle, número y piso. Si no la tiene, escriba la palabra «dirección».",
    ),
    Column("CP", "zip", "@", "08001", "Cinco cifras, con el cero delante."),
    Column("Población", "city", "@", "Barcelona", ""),
    Column(
        "Provincia",
        "state",
        "@",
        "Barcelona",
        "En cualquiera de sus lenguas. Si no coincide con el CP, vale él y se avisa.",
    ),
    Column("Email", "email", "@", "ana@example.com", ""),
    Column("Fecha de nacimiento", "birthdate", "date", "12/03/1980", "Día/mes/año."),
    Column("Idioma", "language", "@", "Español", "Español, catalán, gallego, inglés…"),
    Column("IBAN", "iban", "@", "ES91 2100 0418 4502 0005 1332", "Se comprueba."),
    Column(
        "Categoría",
        "category",
        "@",
        "Hogar; Premium",
        "Una o varias, separadas por punto y coma.",
    ),
    Column("Tipo de contacto", "contact_type", "@", "Residencial", ""),
    Column(
        "Clave de cliente",
        "external_key",
        "@",
        "C-1042",
        "Con la que ustedes conocen a la persona. Sirve para no cargarla dos veces y"
        " para actualizarla después.",
    ),
    Column("Observaciones", "note", "@", "Llamar por la tarde", "Texto libre."),
    Column(
        "No llamar",
        "do_not_call",
        "@",
        "",
        "Escriba «sí» si ha pedido que no se le llame: su número queda excluido.",
    ),
    Column(
        "Base legal",
        "legal_basis",
        "@",
        "Consentimiento",
        "Por qué se le puede llamar: consentimiento, cliente, empresa o solicitud. Si"
        " queda vacía, vale la que se indique al cargar el fichero.",
    ),
    Column(
        "Fecha de consentimiento",
        "basis_date",
        "date",
        "15/09/2026",
        "Del consentimiento o de la solicitud. Sin ella no se puede llamar.",
    ),
    Column(
        "Origen del consentimiento",
        "basis_source",
        "@",
        "Formulario web",
        "Dónde lo dio: formulario, contrato, feria…",
    ),
    Column(
        "Texto del consentimiento",
        "consent_text",
        "@",
        "v2 2026",
        "El texto o la versión que aceptó.",
    ),
    Column(
        "Cliente hasta",
        "client_until",
        "date",
        "",
        "Fin de su contrato, si es o fue cliente.",
    ),
    Column(
        "Última interacción",
        "interacted_on",
        "date",
        "",
        "La última vez que compró o pidió algo.",
    ),
    Column(
        "Autónomo",
        "is_professional",
        "@",
        "",
        "Escriba «sí» si se le llama por su actividad profesional.",
    ),
)

RULES = (
    "Una fila por persona. No deje filas por encima de los títulos de las columnas.",
    "Las columnas con asterisco son obligatorias: la fila que no las tenga vuelve sin"
    " cargar, con su motivo.",
    "Un NIF, CP, email o IBAN equivocado no impide cargar la fila: se carga sin ese"
    " dato y se avisa.",
    "Puede borrar las columnas que no use, cambiarlas de orden y añadir otras: lo que"
    " no se reconozca se guarda con el título que le ponga.",
    "Guarde el fichero como .xlsx, .xls, .ods o .csv, sin contraseña.",
)

_SHEETS = {"contacts": "Contactos", "prospects": "Prospectos", "clients": "Clientes"}


def template_headings(required: Iterable[str] = ("phone", "name", "street")) -> list:
    """The headings of people; the first column of each required field with '*'."""
    left = set(required)
    headings = []
    for column in PEOPLE:
        star = " *" if column.target in left else ""
        left.discard(column.target)
        headings.append(column.heading + star)
    return headings


def write_template(
    kind: str = "contacts",
    fmt: str = "xlsx",
    required: Iterable[str] = ("phone", "name", "street"),
) -> bytes:
    """The empty file for ``kind`` 'contacts', 'prospects', 'clients' or 'articles'.

    ``fmt`` 'xlsx' (with instructions, columns formatted) or 'csv' (semicolon, UTF-8
    with BOM: what Excel in Spain writes and reads); ``required`` the fields that the
    database asks for. Raises KeyError on another kind, ValueError on another format.
    """
    if fmt not in ("xlsx", "csv"):
        raise ValueError(fmt)
    if kind == "articles":
        if fmt == "xlsx":
            return write_articles_template()
        return _csv([line[0] for line in ARTICLES])
    sheet = _SHEETS[kind]
    headings = template_headings(required)
    return _csv(headings) if fmt == "csv" else _xlsx(sheet, headings)


def _csv(headings: list) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerow(headings)
    return out.getvalue().encode("utf-8-sig")


def _xlsx(name: str, headings: list) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    head = book.add_format({"bold": True, "bg_color": "#E8EEF7", "bottom": 1})
    asked = book.add_format({"bold": True, "bg_color": "#FCE4D6", "bottom": 1})
    shapes = {
        "@": book.add_format({"num_format": 49}),  # ECMA-376 18.8.30: text
        "date": book.add_format({"num_format": "dd/mm/yyyy"}),
    }
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    guide = book.add_worksheet("Instrucciones")
    guide.set_column(0, 0, 26, wrap)
    guide.set_column(1, 1, 32, wrap)
    guide.set_column(2, 2, 80, wrap)
    line = 0
    for rule in RULES:
        guide.merge_range(line, 0, line, 2, rule, wrap)
        line += 1
    line += 1
    for place, title in enumerate(("Columna", "Ejemplo", "Qué se escribe")):
        guide.write_string(line, place, title, head)
    for place, (heading, column) in enumerate(zip(headings, PEOPLE, strict=True)):
        width = max(14, len(heading) + 2, len(column.example) // 2 + 2)
        sheet.set_column(place, place, width, shapes[column.shape])
        sheet.write_string(0, place, heading, asked if "*" in heading else head)
        for cell, text in enumerate((heading, column.example, column.how)):
            guide.write_string(line + place + 1, cell, text, wrap)
    book.close()
    return out.getvalue()
