"""Files of people to clean rows: read, map, clean, send back what is wrong.

Plain Python over dataclasses: no Odoo, no database. Rules: ``design.md`` "Bad
input"; cases: ``spain.md`` D.
"""

from .cleaning import (
    Cleaner,
    CleanRow,
    Duplicates,
    Preview,
    Settings,
    asked_not_to_be_called,
    check_basis,
    check_birthdate,
    check_day,
    clean_row,
    clean_rows,
    preview,
    stands_for_nothing,
    tidy_name,
)
from .mapping import (
    MANY,
    REASON_HEADING,
    TARGETS,
    check_mapping,
    known_headings,
    suggest_mapping,
)
from .reader import Limits, Table, open_table
from .reasons import REASONS, ReadError
from .returned import neutralise, unneutralise, write_returned, write_returned_to
from .template import write_template

__all__ = [
    "MANY",
    "REASONS",
    "REASON_HEADING",
    "TARGETS",
    "CleanRow",
    "Cleaner",
    "Duplicates",
    "Limits",
    "Preview",
    "ReadError",
    "Settings",
    "Table",
    "asked_not_to_be_called",
    "check_basis",
    "check_birthdate",
    "check_day",
    "check_mapping",
    "clean_row",
    "clean_rows",
    "known_headings",
    "neutralise",
    "open_table",
    "preview",
    "stands_for_nothing",
    "suggest_mapping",
    "tidy_name",
    "unneutralise",
    "write_returned",
    "write_returned_to",
    "write_template",
]
