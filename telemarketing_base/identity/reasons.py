# pylint: disable=prefer-env-translation
"""Why a value was not taken: codes and their English sentences.

The kernels speak in codes with parameters. The Odoo layer makes the sentence in
the user's language: ``env._(REASONS[p.code]) % p.params`` or
``p.text(translate)``. Every template uses named ``%(x)s`` placeholders; ``value``
is always there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


def _(source: str) -> str:
    """Marks a sentence for Odoo's term extractor; translates nothing."""
    return source


REASONS: dict[str, str] = {
    "phone_empty": _("There is no phone number"),
    "phone_no_digits": _("%(value)s holds no phone number"),
    "phone_too_short": _("Phone %(value)s has too few digits"),
    "phone_too_long": _("Phone %(value)s has too many digits"),
    "phone_short_number": _(
        "%(value)s is a short service number, not somebody's phone"
    ),
    "phone_not_assigned": _("Phone %(value)s is in no range in use"),
    "phone_digits_lost": _("Phone %(value)s lost its last digits in the spreadsheet"),
    "phone_several": _("%(value)s holds several phone numbers"),
    "phone_premium": _("Phone %(value)s is premium rate and is never called"),
    "phone_foreign": _("Phone %(value)s is of another country (%(country)s)"),
    "nif_empty": _("There is no NIF"),
    "nif_format": _("%(value)s is not a NIF, NIE or CIF"),
    "nif_length": _("NIF %(value)s has %(length)s characters instead of 9"),
    "nif_length_suggest": _("NIF %(value)s is short of zeros; is it %(suggestion)s?"),
    "nif_checksum": _("The control character of NIF %(value)s is wrong"),
    "nif_dummy": _("NIF %(value)s is a placeholder, nobody's number"),
    "iban_empty": _("There is no IBAN"),
    "iban_format": _("%(value)s is not an IBAN"),
    "iban_length": _("IBAN %(value)s has the wrong length"),
    "iban_checksum": _("The control digits of IBAN %(value)s are wrong"),
    "iban_account": _("The account's control digits in IBAN %(value)s are wrong"),
    "postcode_empty": _("There is no postcode"),
    "postcode_format": _("Postcode %(value)s is not five digits"),
    "postcode_length": _("Postcode %(value)s has %(length)s digits instead of 5"),
    "postcode_no_province": _("No province has postcode %(value)s"),
    "email_empty": _("There is no e-mail address"),
    "email_format": _("%(value)s is not an e-mail address"),
    "email_domain": _("The part after @ of %(value)s cannot be right"),
}


@dataclass(frozen=True)
class Problem:
    """One thing that was not taken as it came.

    ``code`` is a key of a REASONS table, ``value`` what was written (for people,
    at most 80 characters), ``params`` what the sentence needs besides, ``field``
    the target field ('phone', 'vat', …; '' outside an import) and ``column`` the
    0-based column of the file, None if it is about the whole row.
    """

    code: str
    value: str = ""
    params: dict = field(default_factory=dict)
    field: str = ""
    column: int | None = None

    def text(
        self,
        translate: Callable[[str], str] = lambda source: source,
        reasons: dict[str, str] | None = None,
    ) -> str:
        """The sentence, by ``translate`` (a function of the English template).

        A broken translation (unknown placeholder) falls back to English, because
        a report of bad rows must come out whatever the translator wrote.
        """
        reasons = REASONS if reasons is None else reasons
        template = reasons.get(self.code, self.code)
        params = {"value": self.value, **self.params}
        try:
            return translate(template) % params
        except (KeyError, ValueError, TypeError):
            return template % params if self.code in reasons else self.code
