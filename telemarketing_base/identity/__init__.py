"""What identifies and places a person: phone, NIF, IBAN, postcode, e-mail.

Pure functions over plain values: no Odoo, no database, no clock. Every parser
comes in two forms: ``parse_x(raw)`` answers the value or None and never raises,
``check_x(raw)`` answers ``(value, Problem | None)`` and says by a code why not.
Facts and test cases: ``spain.md`` section D.
"""

from .email import check_email, parse_email
from .iban import Iban, check_iban, format_iban, mask_iban, parse_iban
from .nif import LEGAL_FORMS, Nif, check_nif, parse_nif
from .phone import (
    KINDS,
    Phone,
    check_phone,
    format_phone,
    is_short_number,
    mask_phone,
    parse_phone,
    split_phones,
)
from .postcode import (
    CANARY,
    MADRID,
    PROVINCES,
    Place,
    Province,
    check_postcode,
    find_province,
    parse_postcode,
)
from .reasons import REASONS, Problem
from .text import clean_text, fold, shown

__all__ = [
    "CANARY",
    "KINDS",
    "LEGAL_FORMS",
    "MADRID",
    "PROVINCES",
    "REASONS",
    "Iban",
    "Nif",
    "Phone",
    "Place",
    "Problem",
    "Province",
    "check_email",
    "check_iban",
    "check_nif",
    "check_phone",
    "check_postcode",
    "clean_text",
    "find_province",
    "fold",
    "format_iban",
    "format_phone",
    "is_short_number",
    "mask_iban",
    "mask_phone",
    "parse_email",
    "parse_iban",
    "parse_nif",
    "parse_phone",
    "parse_postcode",
    "shown",
    "split_phones",
]
