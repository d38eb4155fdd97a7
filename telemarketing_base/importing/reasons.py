# pylint: disable=prefer-env-translation
"""Reason codes of files and rows, with their English sentences.

``REASONS`` holds those of ``identity`` too: one table for the Odoo layer.
"""

from __future__ import annotations

from ..identity.reasons import REASONS as IDENTITY_REASONS
from ..identity.reasons import Problem


def _(source: str) -> str:
    """Marks a sentence for Odoo's term extractor; translates nothing."""
    return source


FILE_REASONS: dict[str, str] = {
    "file_empty": _("The file is empty"),
    "file_only_headings": _("The file has headings but no rows"),
    "file_no_headings": _(
        "The first row of the file is a person, not headings: add a row with the"
        " name of each column"
    ),
    "file_password": _("The file is protected by a password: save it without one"),
    "file_unreadable": _("The file is damaged or incomplete and cannot be read"),
    "file_not_table": _("The file is not a table: use .xls, .xlsx, .ods or .csv"),
    "file_html": _(
        "The file is a web page named as a spreadsheet: open it in Excel and save"
        " it as .xlsx"
    ),
    "file_xlsb": _(
        "The file is a binary workbook (.xlsb): open it in Excel and save it as .xlsx"
    ),
    "file_formulas": _(
        "The sheet has %(count)s formulas without their results: open it in Excel,"
        " save it and load it again"
    ),
    "file_too_large": _("The file has %(size)s MB and the limit is %(limit)s MB"),
    "file_expands": _(
        "The file would take %(size)s MB when opened, which no real list does"
    ),
    "file_too_many_cells": _(
        "The sheet has %(cells)s cells and the limit is %(limit)s"
    ),
    "file_too_many_columns": _(
        "The sheet has %(columns)s columns and the limit is %(limit)s"
    ),
    "file_cell_too_large": _(
        "The cell in row %(row)s, column %(column)s is longer than %(limit)s characters"
    ),
    "file_no_sheet": _("The file has no sheet %(value)s"),
}

ROW_REASONS: dict[str, str] = {
    "phone_missing": _("The phone is missing"),
    "phone_invalid": _("No phone of the row is valid"),
    "name_missing": _("The name is missing"),
    "street_missing": _("The address is missing"),
    "field_missing": _("The field %(field_name)s is required and empty"),
    "duplicate_in_file": _("Repeats row %(row)s of the file (same %(key)s)"),
    "shared_in_file": _(
        "Row %(row)s of the file has the same %(key)s and another name"
    ),
    "duplicate_in_database": _(
        "This person is already in the database %(database)s (same %(key)s)"
    ),
    "duplicate_prospect": _("This person is already a prospect (same %(key)s)"),
    "duplicate_client": _("This person is already a client (same %(key)s)"),
    "duplicate_doubtful": _("The row may be of one person or of another"),
    "shared_in_database": _(
        "Somebody in the database %(database)s has the same %(key)s and another name"
    ),
    "shared_in_partner": _(
        "A prospect or client has the same %(key)s and another name"
    ),
    "other_key_in_file": _(
        "Row %(row)s of the file has the same %(key)s and another client's key"
    ),
    "other_key_in_database": _(
        "Somebody in the database %(database)s has the same %(key)s and another"
        " client's key"
    ),
    "update_partner_only": _(
        "A prospect or client who is in no database is not updated: load the file as"
        " prospects or clients"
    ),
    "update_not_yours": _("That database is not yours to change"),
    "update_other_vat": _("That person has another NIF"),
    "vat_kept": _("That person has another NIF, which stays as it is"),
    "update_several": _("Several people fit equally well"),
    "key_incomplete": _("The client's key lacks a part"),
    "too_many_cells": _("The row has more cells than there are headings"),
    "province_unknown": _("There is no province %(value)s"),
    "province_mismatch": _(
        "Postcode %(value)s is not of the province %(province)s that stands beside it"
    ),
    "birthdate_format": _("%(value)s is not a date"),
    "birthdate_ambiguous": _("%(value)s is not a complete date"),
    "birthdate_range": _("%(value)s cannot be a date of birth"),
    "language_unknown": _("There is no language %(value)s"),
    "date_format": _("%(value)s is not a date"),
    "date_ambiguous": _("%(value)s is not a complete date"),
    "date_range": _("%(value)s is in the future or too long ago"),
    "basis_unknown": _(
        "%(value)s is no legal basis: write consent, client, company or request"
    ),
    "basis_date_missing": _(
        "The consent or the request has no date: this person cannot be called"
    ),
    "basis_denied": _("This person gave no consent: %(value)s"),
    "yes_no": _("%(value)s is neither yes nor no"),
    "profile_number": _("%(value)s is not a number: %(field_name)s stays empty"),
    "profile_date": _("%(value)s is not a date: %(field_name)s stays empty"),
    "profile_yes_no": _("%(value)s is neither yes nor no: %(field_name)s stays empty"),
    "profile_choice": _("%(value)s is none of the choices of %(field_name)s"),
    "profile_type": _("%(field_name)s cannot be filled from a file"),
    "partner_doubtful": _(
        "It may be somebody who is in the system already (same %(key)s, but another"
        " name or NIF, or several people): linked to nobody, decide by hand"
    ),
    "partner_refused": _("No prospect or client could be made of it: %(value)s"),
    "asked_not_to_be_called": _("Asked not to be called: %(value)s"),
}

ARTICLE_REASONS: dict[str, str] = {
    "article_missing": _("The row names no article: reference, barcode or name"),
    "article_name_missing": _("A new article needs a name"),
    "article_known": _("%(value)s is there already"),
    "article_doubtful": _("%(value)s may be any of %(count)s articles that are there"),
    "article_variants": _(
        "%(value)s comes in several variants: say which by its reference"
    ),
    "article_price_of_variants": _(
        "%(value)s comes in several variants of one price: it stays as it is"
    ),
    "article_price_missing": _("The article has no price: it is sold for nothing"),
    "article_refused": _("The article could not be written: %(value)s"),
    "amount_format": _("%(value)s is not an amount"),
    "amount_range": _("%(value)s is too large to be a price"),
    "amount_negative": _("%(value)s is less than nothing"),
    "amount_currency": _("%(value)s is not in %(currency)s"),
    "amount_doubtful": _("%(value)s was read as %(read)s"),
    "amount_per": _("%(value)s was read as %(read)s, for whatever period or unit"),
    "price_without_vat": _(
        "%(value)s includes VAT, or adds it, and the row does not say how much"
    ),
    "percent_format": _("%(value)s is not a percentage"),
    "percent_range": _("%(value)s is not a percentage between 0 and 100"),
    "quantity_format": _("%(value)s is not a quantity"),
    "vat_unknown": _("There is no sales tax of %(value)s per cent"),
    "uom_unknown": _("There is no unit of measure %(value)s"),
    "uom_other": _("Its unit of measure stays %(value)s: it is in use already"),
    "type_unknown": _("%(value)s is neither product nor service"),
    "barcode_format": _("%(value)s is not a barcode"),
    "barcode_check": _("The control digit of barcode %(value)s is wrong"),
    "barcode_lost": _("Barcode %(value)s lost its last digits in the spreadsheet"),
    "barcode_zeros": _("Barcode %(value)s was short of zeros: it is %(read)s"),
    "barcode_repeated": _("Barcode %(value)s is of row %(row)s already"),
    "barcode_taken": _("Barcode %(value)s is of another article already"),
    "dates_swapped": _("It would end before it starts: %(value)s"),
    "tariff_missing": _("The row says no tariff for its price, quantity or dates"),
    "tariff_no_price": _("The row says no price for the tariff %(value)s"),
    "tariff_left_out": _("The line of the tariff %(value)s was left out"),
    "tariff_known": _("%(value)s has another price for it already: it stays"),
    "tariff_currency": _("The tariff %(value)s is in another currency"),
    "tariff_refused": _("The line of the tariff could not be written: %(value)s"),
    "tariff_repeated": _("Row %(row)s says the price of %(value)s already"),
    "offer_without_campaign": _(
        "Offer, discount and conditions are of a campaign, and none was chosen"
    ),
    "offer_refused": _("It cannot be offered in the campaign: %(value)s"),
}

RESULT_REASONS: dict[str, str] = {
    "result_heading_twice": _("There are two columns “%(value)s”"),
    "result_no_level": _(
        "There is no column “Level 1” (“Nivel 1”): download the sample and fill it in"
    ),
    "result_too_many": _("The file has more than %(limit)s lines"),
    "result_no_name": _("The result has no name: fill in level 1"),
    "result_level_missing": _("A level is empty between others: %(value)s"),
    "result_hidden": _(
        "%(column)s: “%(value)s” holds characters that are not seen; type it again"
    ),
    "result_choice": _("%(column)s: “%(value)s” is not known. It can be: %(allowed)s"),
    "result_yes_no": _("%(column)s: “%(value)s” is neither yes nor no"),
    "result_integer": _(
        "%(column)s: “%(value)s” is not a whole number from %(low)s to %(high)s"
    ),
    "result_number": _(
        "%(column)s: “%(value)s” is not a number from %(low)s to %(high)s"
    ),
    "result_formula": _("%(column)s: “%(value)s” is a formula; write what it gives"),
    "result_too_long": _("%(column)s: “%(value)s…” has more than %(limit)s characters"),
}

REASONS: dict[str, str] = {
    **IDENTITY_REASONS,
    **FILE_REASONS,
    **ROW_REASONS,
    **ARTICLE_REASONS,
    **RESULT_REASONS,
}


class ReadError(Exception):
    """A file that cannot be taken as a whole.

    ``problem.code`` is a key of FILE_REASONS; ``text(translate)`` the sentence.
    """

    def __init__(self, code: str, value: str = "", **params):
        self.problem = Problem(code, value, params)
        super().__init__(self.text())

    @property
    def code(self) -> str:
        return self.problem.code

    def text(self, translate=lambda source: source) -> str:
        return self.problem.text(translate, REASONS)
