"""Raw rows to clean rows.

What counts as bad is ``design.md``, "Bad input": a row is bad only if a required
field is missing or no phone is valid. Everything else that is wrong loads the row
without that value and is a notice; the raw row is always kept. Nothing is
guessed, nothing is dropped in silence.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..identity import (
    PROVINCES,
    Phone,
    Problem,
    check_email,
    check_iban,
    check_nif,
    check_phone,
    check_postcode,
    find_province,
    split_phones,
)
from ..identity.phone import PERSONAL_KINDS, is_home_code, spanish_phone
from ..identity.text import cached, clean_text, fold, shown
from .mapping import REASON_HEADING, suggest_mapping
from .reader import Cell, Table
from .returned import unneutralise

#: Bases that count only with the day on which they were given.
DATED = ("consent", "request")


@dataclass(frozen=True)
class Settings:
    """How a database wants its rows.

    ``required`` target fields that must be filled ('name' is filled by a surname
    too); ``region`` of phones without a country; ``tidy_names`` whether capitals
    are tidied; ``duplicates`` 'skip' (a later row of the same person is not
    loaded and comes back with its reason) or 'load'; ``duplicate_keys`` what makes
    the same person, any of 'phone', 'vat', 'email', 'external_key';
    ``same_name_only``: the same NIF or mail under another name (placeholders such
    as X1234567L) is a notice, not a repetition; ``today`` the company's date by the
    suite's clock, for dates of birth: without it neither the future nor years of two
    digits can be judged (the first are taken, the second refused); ``date1904`` the
    table's epoch; ``key_columns`` the places of the columns that together are the
    client's key, empty: the column 'external_key' alone; ``basis`` and ``basis_on``
    why the people of the whole file may be called (``compliance.BASES``, '' unsaid)
    and since when; ``profile`` the fields of the campaign's profile
    (``profile.ProfileField``).
    """

    required: tuple[str, ...] = ("phone", "name", "street")
    same_name_only: bool = False
    region: str = "ES"
    tidy_names: bool = True
    duplicates: str = "skip"
    duplicate_keys: tuple[str, ...] = ("phone", "vat", "email")
    today: datetime.date | None = None
    date1904: bool = False
    key_columns: tuple[int, ...] = ()
    basis: str = ""
    basis_on: datetime.date | None = None
    profile: tuple[tuple, ...] = ()


@dataclass
class CleanRow:
    """One row, ready to load, with what was wrong.

    ``row`` as the spreadsheet numbers it; ``raw`` the cells as read; ``province``
    INE code ('28') and ``tz`` by postcode, else by name, '' if unknown;
    ``category`` names joined by '|'; ``extra`` and ``profile`` columns without a
    field of ours, by heading and by name of the campaign's profile field;
    ``state`` the province's Odoo code; ``is_company`` by NIF, else by legal form
    in the name; ``filled`` the fields in which something was written, 'nombre' and
    'sin correo' included; ``exclude``: the row says that the person asked not to be
    called, so its numbers must be excluded *even if the row itself is not loaded*;
    ``client_key`` the columns by which the client company knows the person, as one
    text for comparing (``client_key``);
    ``duplicate_of`` the row that it repeats; ``legal_basis``, ``basis_date``,
    ``basis_source`` and ``consent_text`` what the row itself says, '' or None where
    the file's counts; ``consent_denied``: it says that there is no consent, which
    wins over the file's. ``problems`` make it bad, ``notices`` do not.
    """

    row: int
    raw: list[Cell]
    name: str = ""
    phones: list[Phone] = field(default_factory=list)
    vat: str = ""
    is_company: bool = False
    street: str = ""
    zip: str = ""
    province: str = ""
    state: str = ""
    tz: str = ""
    city: str = ""
    email: str = ""
    birthdate: datetime.date | None = None
    language: str = ""
    note: str = ""
    external_key: str = ""
    iban: str = ""
    category: str = ""
    contact_type: str = ""
    client_key: str = ""
    legal_basis: str = ""
    basis_date: datetime.date | None = None
    basis_source: str = ""
    consent_text: str = ""
    consent_denied: bool = False
    client_until: datetime.date | None = None
    interacted_on: datetime.date | None = None
    is_professional: bool = False
    extra: dict[str, Cell] = field(default_factory=dict)
    profile: dict[str, Cell] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)
    exclude: bool = False
    duplicate_of: int | None = None
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def own_basis(self) -> bool:
        """Whether the row says anything of its own about why it may be called."""
        return bool(
            self.legal_basis
            or self.basis_date
            or self.basis_source
            or self.consent_text
        )

    def basis_in(
        self, basis: str, on: datetime.date | None
    ) -> tuple[str, datetime.date | None]:
        """``(basis, day)`` that count in a file with these, '' where none does. A
        consent or a request counts only with its day."""
        mine = self.legal_basis or basis
        day = self.basis_date or (on if mine == basis else None)
        if (mine == "consent" and self.consent_denied) or (mine in DATED and not day):
            return "", None
        return mine, day


# ------------------------------------------------------ words that say "nothing"
_NOTHING = frozenset(
    fold(word)
    for word in [
        "n/a",
        "na",
        "n.a.",
        "n/d",
        "nd",
        "s/d",
        "s/n",
        "#N/A",
        "#N/D",
        "#REF!",
        "#¡REF!",
        "#VALUE!",
        "#¡VALOR!",
        "#NAME?",
        "#¿NOMBRE?",
        "null",
        "none",
        "nan",
        "nulo",
        "vacío",
        "no",
        "ninguno",
        "ninguna",
        "nada",
        "no tiene",
        "no consta",
        "no sabe",
        "ns/nc",
        "nsnc",
        "desconocido",
        "desconocida",
        "no disponible",
        "sin datos",
        "sin dato",
        "no facilita",
        "no aplica",
        "pendiente",
        "x",
        "xx",
        "xxx",
        "xxxx",
    ]
)
_NOTHING_IN: dict[str, frozenset[str]] = {
    target: frozenset(fold(word) for word in words.split("|"))
    for target, words in {
        "name": "nombre|apellido|apellidos|sin nombre|nombre y apellidos|razón social",
        "surname": "apellido|apellidos|sin apellido|sin apellidos|nombre",
        "street": "dirección|sin dirección|domicilio|sin domicilio|calle",
        "city": "población|sin población|ciudad|localidad",
        "state": "provincia|sin provincia",
        "zip": "cp|c.p.|sin cp|código postal|0|00000",
        "vat": "nif|dni|cif|nie|sin nif|sin dni|sin cif|0",
        "email": "email|e-mail|correo|sin correo|sin email|sin e-mail|sin mail|no tiene"
        " correo|no tiene email",
        "phone": "teléfono|sin teléfono|sin tlf|sin móvil|no tiene teléfono|0",
        "birthdate": "fecha|sin fecha|0|00/00/0000|0000-00-00",
        "basis_date": "fecha|sin fecha|0|00/00/0000|0000-00-00",
        "client_until": "fecha|sin fecha|0|00/00/0000|0000-00-00",
        "interacted_on": "fecha|sin fecha|0|00/00/0000|0000-00-00",
        "language": "idioma",
        "external_key": "",
        "note": "",
    }.items()
}
# 's/n' is a house without a number and 'no' an answer: not nothing everywhere
_NOT_FOR = {"note": _NOTHING, "external_key": frozenset(fold(w) for w in ("x", "no"))}


_SOMETHING = re.compile(r"[1-9@]")
# how the words above begin: who begins otherwise says something
_HEADS = frozenset(
    word[:3] for words in (_NOTHING, *_NOTHING_IN.values()) for word in words
)


def stands_for_nothing(text: str, target: str = "") -> bool:
    """'n/a', '-', '…', 'sin correo', 'nombre' in the name's column."""
    head = text[:3]
    if head.isascii() and len(head) == 3:
        if head.isalpha():
            if head.lower() not in _HEADS:
                return False
        elif head.isdigit() and head != "000":
            return False
    if len(text) > 30:
        return not any(c.isalnum() for c in text)
    return _nothing(text, target)


@functools.lru_cache(maxsize=16384)
def _nothing(text: str, target: str) -> bool:
    if _SOMETHING.search(text):
        return False  # none of the words holds one
    folded = fold(text)
    if not folded:
        return True
    if folded in _NOTHING_IN.get(target, ()):
        return True
    return folded in _NOTHING and folded not in _NOT_FOR.get(target, ())


# ------------------------------------------------------------------ asked not to
# One place for what an objection looks like in a note (RGPD art. 21, LSSI 21,
# LGT 66). In doubt it counts: calling somebody who refused costs more than a lost
# number. "No llamar por las mañanas" is a wish about hours, not an objection.
_WHEN = (
    r"(?!\s*(?:por|de|a|en|entre|antes|despues|hasta|desde|los|las|el|la|hoy|manana|al"
    r"|para|sin|todavia|aun|ahora|mas de|mas tarde|mas temprano|tan|muy)\b)"
)
# every "he is *not* on Robinson's list" that is written: look-behinds have one width
_NO_ROBINSON = "".join(
    f"(?<!no {verb} en {rest})"
    for verb in ("esta", "consta", "figura", "aparece")
    for rest in ("", "la ", "lista ", "la lista ")
)
_CALL = r"(?:llam|contact|molest|publicidad)"
NOT_TO_BE_CALLED = re.compile(
    "|".join(
        [
            r"\bno (?:quiere|desea|acepta|autoriza|admite|consiente|permite) "
            r"(?:recibir |que (?:se )?(?:le|la|lo|les) |mas |nuestras |ninguna |las )*"
            rf"(?:ser )?(?:{_CALL}|ofertas)",
            r"\b(?:pid\w+|ped\w+|solicit\w+|exig\w+|ruega)\b[^.]{0,30}\bno\b"
            rf"[^.]{{0,25}}\b{_CALL}",
            rf"\bque no (?:se )?(?:le|la|lo|les|nos|me) (?:vuelvan? a )?{_CALL}",
            rf"\bno (?:volver|vuelva|vuelvan) a {_CALL}",
            r"\bno (?:molestar|contactar|llamar (?:mas|nunca|jamas))\b" + _WHEN,
            r"\bno (?:le |la |lo |les )?llam(?:ar|en|eis|ad)(?:le|la|lo|les)?\b"
            r"(?! (?:mas|nunca|jamas)\b)" + _WHEN,
            _NO_ROBINSON + r"\brobinson\b",
            r"\b(?:derecho|ejerce|ejercido|solicita) (?:de |su |la |el |derecho de )*"
            r"(?:oposicion|supresion|cancelacion de datos)",
            r"\bse opone\b|\bse ha opuesto\b",
            r"\b(?:dar|darle|dado|dada|darse|pide|solicita) (?:de |la |su )*baja de "
            r"(?:la |las |el |nuestr\w+ )*(?:listas?|base|bbdd|llamadas|publicidad)",
            r"\b(?:do not call|dont call|dnc|remove from list)\b",
            r"\bno (?:vol|vull) (?:rebre |que )*(?:mes |li |em )*tru[cq]",
        ]
    )
)
# every alternative above needs one of these; most notes have none
_HINT = re.compile(
    r"\bno\b|\bnot\b|robinson|opo|opue|supres|cancel|baja|dont|dnc|remove"
)
_YES = frozenset(("1", "si", "s", "yes", "y", "true", "verdadero", "x", "robinson"))


def asked_not_to_be_called(text: str) -> bool:
    """Whether a note says so. Notes are folded first: accents do not matter."""
    if len(text) < 3:
        return False
    note = _fold_note(text)
    return bool(_HINT.search(note) and NOT_TO_BE_CALLED.search(note))


@cached(4096, longest=200)
def _fold_note(text: str) -> str:
    # sentences stay apart: 'No. Llamar mañana' is not 'no llamar'
    return " . ".join(fold(part) for part in re.split(r"[.;:!?\n]+", text))


# ------------------------------------------------------------------------- names
_PARTICLES = frozenset(
    [
        "de",
        "del",
        "la",
        "las",
        "los",
        "el",
        "lo",
        "y",
        "e",
        "i",
        "da",
        "das",
        "do",
        "dos",
        "di",
        "du",
        "van",
        "von",
        "der",
        "den",
        "ter",
        "al",
    ]
)
_ROMAN = frozenset(["II", "III", "IV", "VI", "VII", "VIII", "IX", "XI", "XII", "XIII"])
_LEGAL = frozenset(
    [
        "SA",
        "SL",
        "SLU",
        "SAU",
        "SLL",
        "SLP",
        "SLPU",
        "SLNE",
        "SC",
        "SCP",
        "SCCL",
        "SCOOP",
        "CB",
        "AIE",
        "UTE",
        "SAL",
        "SRL",
        "SCA",
        "SICAV",
        "ONG",
        "AMPA",
        "CIF",
    ]
)
_LEGAL_END = re.compile(
    r"(?:^|[\s,])(?:s\.?\s?[al]\.?(?:\s?[ulp]\.?){0,2}|s\.?l\.?n\.?e\.?|s\.?\s?coop\.?"
    r"(?:\s?\w{1,4}\.?)?|c\.\s?b\.?|c\.?b\.|s\.\s?c\.?(?:p\.?)?|s\.?c\.?c\.?l\.?|a\.?i\.?e\.?"
    r"|u\.?t\.?e\.?|sociedad limitada|sociedad an[oó]nima)$",
    re.IGNORECASE,
)
# letters whose case goes there and back without surprises (no ß, no ŉ)
_WORD = re.compile(r"[A-Za-zÀ-ÖØ-Þà-öø-ýÿŸŒœŠšŽžĆćČčŁłŃńŚśŹźŻżĀ-ıĹ-ňŐ-ž]+")
# symbols that the manual wants out (seed 002); at the ends only: inside they may
# mean something, and ç is a letter
_JUNK = " \t$#\\}{[]^<>*=·€¬|/™•®©~_,;:¨`´«»…-–—"


def tidy_name(text: str, city: bool = False) -> str:
    """Capitals as Spanish writes them, where they are all big or all small.

    'JUAN CARLOS' → 'Juan Carlos', 'núñez LÓPEZ' → 'Núñez López', 'MARÍA DE LA O' →
    'María de la O', "O'DONNELL" → "O'Donnell". Words of mixed case ('McCann',
    'Mª', 'iPhone') stay. Idempotent.
    """
    if text.istitle():
        return text  # the usual case
    whole_caps = text.isupper() or not any(c.islower() and c not in "ªº" for c in text)
    words = text.split(" ")
    return " ".join(
        _tidy_word(word, i == 0, whole_caps, city) for i, word in enumerate(words)
    )


@cached(32768, longest=40)
def _tidy_word(word: str, first: bool, whole_caps: bool, city: bool) -> str:
    bare = word.strip(".,;:()\"'’")
    letters = [c for c in word if c.isalpha() and c not in "ªº"]
    if not letters:
        return word
    upper = all(c.isupper() for c in letters)
    lower = all(c.islower() for c in letters)
    if not upper and not lower:
        return word
    if bare.lower() in _PARTICLES:
        if lower:
            return word
        if len(letters) == 1 and not whole_caps:
            return word  # an initial: 'Juan E García'
        return word.lower() if not first else word.capitalize()
    if upper:
        if len(letters) == 1 or bare in _ROMAN or bare.replace(".", "") in _LEGAL:
            return word
        if re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]?\.?", bare + "."):
            return word  # 'G.C.', 'J.M.'
        if not any(c in "AEIOUÁÉÍÓÚÀÈÌÒÙÂÊÎÔÛÄËÏÖÜY" for c in letters):
            return word  # 'TV', 'SMS', 'CSIC' is not caught and becomes 'Csic'
    if any(c.isdigit() for c in word):
        return word
    return _WORD.sub(lambda m: _capital(m, word, first, city), word)


def _capital(match: re.Match, word: str, first: bool, city: bool) -> str:
    part = match.group()
    before = word[match.start() - 1] if match.start() else ""
    after = word[match.end()] if match.end() < len(word) else ""
    if before and before in "ªº·":
        return part.lower()
    if city and not first and part.lower() in ("d", "l") and after and after in "'’":
        return part.lower()  # "La Vall d'Uixó"
    if before and before in "'’" and len(part) == 1:
        return part.lower()  # "Bob's"
    return part[0].upper() + part[1:].lower()


def _strip_junk(text: str) -> str:
    """Junk characters off the ends; quotes only as a pair."""
    if text and text[0].isalnum() and text[-1].isalnum():
        return text
    while True:
        previous = text
        text = text.strip(_JUNK)
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'“”":
            text = text[1:-1]
        text = text.strip('"“”') if text.count('"') == 1 else text
        if text == previous:
            return text


# ------------------------------------------------------------------------- dates
_MONTHS = {
    fold(name): number
    for number, names in enumerate(
        (
            "ene enero gen gener jan january",
            "feb febrero febrer february",
            "mar marzo marc march",
            "abr abril apr april",
            "may mayo maig mai",
            "jun junio juny june",
            "jul julio juliol july",
            "ago agosto agost aug august",
            "sep septiembre setiembre setembre sept september",
            "oct octubre october",
            "nov noviembre novembre november",
            "dic diciembre desembre des dec december",
        ),
        1,
    )
    for name in names.split()
}
_DMY = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4}|\d{2})")
_YMD = re.compile(r"(\d{4})[/.\-](\d{1,2})[/.\-](\d{1,2})")
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$")


def check_birthdate(
    raw: Cell, today: datetime.date | None = None, date1904: bool = False
) -> tuple[datetime.date | None, Problem | None]:
    """A date of birth: dates, Excel's day numbers, dd/mm/yyyy, ISO, '3 de mayo de
    1980'. Never raises. Never month first: '03/25/1980' is no date here.
    """
    written = shown(raw, 80)
    value, wrong = _read_day(raw, today, date1904)
    if value is None:
        return None, Problem(f"birthdate_{wrong}", written)
    if value.year < 1900 or (today is not None and not 0 <= (today - value).days):
        return None, Problem("birthdate_range", written)
    if today is not None and today.year - value.year > 120:
        return None, Problem("birthdate_range", written)
    return value, None


def check_day(
    raw: Cell,
    today: datetime.date | None = None,
    date1904: bool = False,
    future: bool = False,
) -> tuple[datetime.date | None, Problem | None]:
    """The day of a consent, a request, a purchase: written as a date of birth may
    be. Never raises. ``future``: it may lie ahead (the end of a contract); else a
    day after ``today`` is refused."""
    written = shown(raw, 80)
    ahead = datetime.timedelta(days=50 * 365) if future else datetime.timedelta()
    last = None if today is None else today + ahead
    value, wrong = _read_day(raw, last, date1904)
    if value is None:
        return None, Problem(f"date_{wrong}", written)
    if value.year < 1950 or (last is not None and value > last):
        return None, Problem("date_range", written)
    return value, None


def _read_day(
    raw: Cell, today: datetime.date | None, date1904: bool
) -> tuple[datetime.date | None, str]:
    """(day, what is wrong: 'format' or 'ambiguous')."""
    if isinstance(raw, bool):
        return None, "format"
    if isinstance(raw, datetime.datetime):
        return raw.date(), ""
    if isinstance(raw, datetime.date):
        return raw, ""
    text = _TIME.sub("", clean_text(raw))
    if not text:
        return None, "format"
    try:
        if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII):
            return _date_of_number(text, date1904)
        return _date_of_text(text, today)
    except (ValueError, OverflowError):
        return None, "format"


def _date_of_number(text: str, date1904: bool) -> tuple[datetime.date | None, str]:
    whole = text.partition(".")[0]
    if len(whole) == 8:
        if 1800 <= int(whole[:4]) <= 2200:  # 19800312
            return datetime.date(int(whole[:4]), int(whole[4:6]), int(whole[6:])), ""
        return datetime.date(int(whole[4:]), int(whole[2:4]), int(whole[:2])), ""
    number = int(whole)
    if 1900 <= number <= 2100:
        return None, "ambiguous"  # a year; as a day it would be 1905
    if not 60 < number < 110_000:
        return None, "format"
    epoch = datetime.date(1904, 1, 1) if date1904 else datetime.date(1899, 12, 30)
    return epoch + datetime.timedelta(days=number), ""


def _date_of_text(
    text: str, today: datetime.date | None
) -> tuple[datetime.date | None, str]:
    if match := _YMD.fullmatch(text):
        return datetime.date(*map(int, match.groups())), ""
    if match := _DMY.fullmatch(text):
        day, month, year = match.groups()
    else:
        words = [w for w in fold(text).split() if w not in ("de", "del")]
        if len(words) != 3 or words[1] not in _MONTHS:
            return None, "format"
        day, month, year = words[0], _MONTHS[words[1]], words[2]
    full = int(year)
    if len(year) == 2:
        if today is None:
            return None, "ambiguous"
        # nobody was born tomorrow: 26 is 2026 until then, 27 is 1927
        full += today.year // 100 * 100
        if datetime.date(full, int(month), int(day)) > today:
            full -= 100
    return datetime.date(full, int(month), int(day)), ""


_LANGUAGES = {
    fold(name): code
    for code, names in {
        "es": "es|es_ES|español|castellano|spanish|castellà|espanyol|esp|cas|spa",
        "ca": "ca|ca_ES|catalán|català|catalan|valenciano|valencià|cat",
        "gl": "gl|gl_ES|gallego|galego|galician|glg",
        "eu": "eu|eu_ES|euskera|vasco|euskara|basque|eus",
        "en": "en|en_US|en_GB|inglés|anglès|english|ing|eng",
        "fr": "fr|fr_FR|francés|francès|french|fra",
        "de": "de|de_DE|alemán|alemany|german|ale",
        "pt": "pt|pt_PT|pt_BR|portugués|portuguès|portuguese|por",
        "it": "it|it_IT|italiano|italià|italian|ita",
        "ro": "ro|ro_RO|rumano|romanès|romanian|rum",
        "ar": "ar|árabe|àrab|arabic",
        "zh": "zh|zh_CN|chino|xinès|chinese",
        "ru": "ru|ru_RU|ruso|rus|russian",
        "uk": "uk|uk_UA|ucraniano|ukrainian",
    }.items()
    for name in names.split("|")
}


# ------------------------------------------------------- why they may be called
# What a cell says, folded. "Interés legítimo" is not here: the law presumes it only
# of clients (Circular AEPD 1/2023 art. 3), so the file must say client.
_BASES: dict[str, str] = {
    fold(word): basis
    for basis, words in {
        "consent": "consentimiento|consentido|consiente|sí consiente|consent|consents"
        "|consented|opt-in|optin|autoriza|autorizado|acepta|aceptado|acepto",
        "client": "cliente|clientes|cliente actual|cliente en vigor|cliente existente"
        "|es cliente|contrato|contrato en vigor|contrato vigente|client|customer"
        "|existing client|existing customer|current client|current customer|contract",
        "legal_person": "empresa|empresas|persona jurídica|jurídica|sociedad|pyme"
        "|autónomo|autónoma|profesional|company|business|legal person|b2b"
        "|professional|self-employed|sole trader",
        "request": "solicitud|solicitado|solicita|lo solicitó|petición|pidió"
        "|pide información|pidió información|solicita información|solicita llamada"
        "|request|requested|asked|call-back request",
    }.items()
    for word in words.split("|")
}
_PROFESSIONAL = frozenset(
    fold(word)
    for word in "autónomo|autónoma|profesional|professional|self-employed|sole trader"
    "|freelance".split("|")
)
_NOT_PROFESSIONAL = frozenset(
    fold(word)
    for word in "no|n|0|false|falso|particular|consumidor|asalariado|consumer"
    "|private".split("|")
)
_MARKED = _YES - {"robinson"} | {"ok"}
_DENIED = frozenset(
    fold(word)
    for word in "no|n|0|false|falso|ninguno|ninguna|sin base|sin consentimiento"
    "|denegado|revocado|retirado|rechaza|rechazado|opt-out|optout|withdrawn|refused"
    "|denied|revoked|baja".split("|")
)


def _says_no(folded: str) -> bool:
    """'no consta' in a column of consents is no consent, not an empty cell."""
    return folded in _DENIED or folded.startswith("no ")


def check_basis(raw: Cell) -> tuple[str, bool, Problem | None]:
    """(basis or '', whether it says that there is no consent, what is wrong)."""
    text = _text(raw)
    folded = fold(text)
    if _says_no(folded):
        return "", True, Problem("basis_denied", shown(text, 80))
    if folded in _MARKED:
        return "consent", False, None
    if folded in _BASES:
        return _BASES[folded], False, None
    return "", False, Problem("basis_unknown", shown(text, 80))


# ---------------------------------------------------------------------- one row
def _text(value: Cell) -> str:
    text = clean_text(value)
    return clean_text(unneutralise(text)) if text.startswith("'") else text


class Cleaner:
    """``clean_row`` for many rows: what depends on mapping and settings alone is
    found out once, and what many rows share (towns, provinces, postcodes, words of
    names) is looked up once. One instance per file; nothing of a row is kept but
    those short texts, in caches of bounded size.
    """

    def __init__(self, mapping: list[str | None], settings: Settings = Settings()):
        self.mapping = list(mapping)
        self.settings = settings
        self._width = len(self.mapping)
        columns: dict[str, list[int]] = {}
        # (column, its name, whether it is a field of the campaign's profile)
        self._extras: list[tuple[int, str, bool]] = []
        for column, target in enumerate(self.mapping):
            if target is None:
                continue
            kind, colon, name = target.partition(":")
            if colon:
                self._extras.append((column, name, kind == "profile"))
            else:
                columns.setdefault(target, []).append(column)
        self._profile = {field[0]: field for field in settings.profile}
        if self._profile:
            from .profile import convert  # it stands on this module

            self._convert = convert
        self._columns = columns
        # where to show that something is missing
        self._first = {
            target: column
            for column, target in reversed([*enumerate(self.mapping)])
            if target is not None
        }
        self._phone_columns = columns.get("phone", [])
        self._code_columns = columns.get("phone_code", [])
        self._name_columns = [
            (target, column)
            for target in ("name", "surname")
            for column in columns.get(target, [])
        ]
        self._plain_es = settings.region == "ES" and not self._code_columns
        self._basis = any(target in columns for target in _BASIS_TARGETS)
        self._keyed = bool(settings.key_columns) or "external_key" in columns
        # 'phone' is asked for in any case
        self._required = [t for t in settings.required if t != "phone"]
        self._steps = [
            step
            for step, targets in (
                (self._vat, ("vat",)),
                (self._street, ("street",)),
                (self._place, ("zip", "city", "state")),
                (self._email, ("email",)),
                (self._iban, ("iban",)),
                (self._rest, _REST_TARGETS),
            )
            if any(target in columns for target in targets)
        ]

    def clean(self, raw_row: list[Cell], row: int = 0) -> CleanRow:
        """One raw row cleaned. Never raises on any cell."""
        clean = _blank(row, raw_row)
        cells = raw_row
        if len(raw_row) != self._width:
            cells = self._fit(clean, raw_row)
        self._phones(clean, cells)
        self._names(clean, cells)
        for step in self._steps:
            step(clean, cells)
        if self._keyed:
            _client_key(clean, self.mapping, self.settings)
        notes = self._extra(clean, cells) if self._extras else []
        if self._basis:
            parts = {t: self._of(cells, t) for t in _BASIS_TARGETS}
            _basis(clean, parts, self.settings)
        if "note" in self._columns:
            notes = _note(clean, self._of(cells, "note")) + notes
        if notes or "do_not_call" in self._columns:
            _objection(clean, notes, self._of(cells, "do_not_call"))
        self._check_required(clean)
        return clean

    def _fit(self, clean: CleanRow, raw: list[Cell]) -> list[Cell]:
        """As many cells as headings; what lies beyond is noticed."""
        for column in range(self._width, len(raw)):
            if clean_text(raw[column]):
                value = shown(raw[column], 80)
                clean.notices.append(Problem("too_many_cells", value, {}, "", column))
                break
        return [*raw[: self._width], *[None] * (self._width - len(raw))]

    def _of(self, cells: list[Cell], target: str) -> list[tuple[int, Cell]]:
        return [
            (column, value)
            for column in self._columns.get(target, ())
            if (value := cells[column]) is not None and value != ""
        ]

    def _phones(self, clean: CleanRow, cells: list[Cell]) -> None:
        region = self.settings.region
        code = self._code_columns and _phone_code(cells, self._code_columns, region)
        for column in self._phone_columns:
            value = cells[column]
            if value is None or value == "":
                continue
            phone = spanish_phone(value) if self._plain_es else None
            if phone is not None and phone.kind != "premium":
                clean.filled.add("phone")
                phones = clean.phones
                if not phones or all(phone.e164 != p.e164 for p in phones):
                    phones.append(phone)
            else:
                _phone_cell(clean, column, value, region, code)

    def _names(self, clean: CleanRow, cells: list[Cell]) -> None:
        words = []
        for target, column in self._name_columns:
            if text := _filled(clean, target, cells[column]):
                words.append(_strip_junk(text))
        if not words:
            return
        # an empty word is left by junk alone
        name = words[0] if len(words) == 1 else " ".join(w for w in words if w)
        name = " ".join(name.split())
        # the longest legal form has 17 characters: no need to look at it all
        clean.is_company = bool(_LEGAL_END.search(name[-20:]))
        clean.name = tidy_name(name) if self.settings.tidy_names else name

    def _vat(self, clean: CleanRow, cells: list[Cell]) -> None:
        for column in self._columns["vat"]:
            if text := _filled(clean, "vat", cells[column]):
                nif, why = check_nif(text)
                if nif is None:
                    _notice(clean, why, "vat", column)
                else:
                    clean.vat = nif.number
                    clean.is_company = not nif.natural

    def _street(self, clean: CleanRow, cells: list[Cell]) -> None:
        words = [
            text
            for column in self._columns["street"]
            if (text := _filled(clean, "street", cells[column]))
        ]
        if words:
            clean.street = _strip_junk(" ".join(words))

    def _place(self, clean: CleanRow, cells: list[Cell]) -> None:
        columns = self._columns
        for column in columns.get("city", ()):
            value = cells[column]
            if value is not None and value != "":
                city = _city(value if type(value) is str else shown(value))
                if city is not None:
                    clean.filled.add("city")
                    clean.city = city
        province = None
        named = ""
        unknown = None
        for column in columns.get("state", ()):
            if province is None and (text := _filled(clean, "state", cells[column])):
                province = _province(text)
                if province is not None:
                    named = text
                elif unknown is None:
                    unknown = column, text
        if unknown is not None and province is None:
            column, text = unknown
            why = Problem("province_unknown", shown(text, 80))
            _notice(clean, why, "state", column)
        for column in columns.get("zip", ()):
            value = cells[column]
            if not _filled(clean, "zip", value):
                continue
            given = _text(value) if isinstance(value, str) else value
            place, why = _postcode(given, province)
            if place is None:
                _notice(clean, why, "zip", column)
                continue
            clean.zip, clean.province, clean.tz = place.code, place.province, place.tz
            if province is not None and province.ine != place.province:
                # spain.md D3: a warning, not an error; the postcode is the finer one
                why = Problem(
                    "province_mismatch", place.code, {"province": shown(named, 80)}
                )
                _notice(clean, why, "zip", column)
        if not clean.province and province is not None:
            clean.province, clean.tz = province.ine, province.tz
        if clean.province:
            clean.state = PROVINCES[clean.province].state

    def _email(self, clean: CleanRow, cells: list[Cell]) -> None:
        for column in self._columns["email"]:
            if text := _filled(clean, "email", cells[column]):
                address, why = check_email(text)
                if address is None:
                    _notice(clean, why, "email", column)
                else:
                    clean.email = address

    def _iban(self, clean: CleanRow, cells: list[Cell]) -> None:
        for column in self._columns["iban"]:
            if text := _filled(clean, "iban", cells[column]):
                account, why = check_iban(text)
                if account is None:
                    _notice(clean, why, "iban", column)
                else:
                    clean.iban = account.number

    def _rest(self, clean: CleanRow, cells: list[Cell]) -> None:
        """Fields that few files have."""
        for column, value in self._of(cells, "birthdate"):
            if _filled(clean, "birthdate", value):
                clean.birthdate, why = check_birthdate(
                    value, self.settings.today, self.settings.date1904
                )
                _notice(clean, why, "birthdate", column)
        for column, value in self._of(cells, "language"):
            if text := _filled(clean, "language", value):
                clean.language = _LANGUAGES.get(fold(text), "")
                if not clean.language:
                    why = Problem("language_unknown", shown(text, 80))
                    _notice(clean, why, "language", column)
        for _column, value in self._of(cells, "external_key"):
            clean.external_key = _filled(clean, "external_key", value)
        for _column, value in self._of(cells, "contact_type"):
            clean.contact_type = _filled(clean, "contact_type", value)
        for _column, value in self._of(cells, "category"):
            if text := _filled(clean, "category", value):
                parts = (" ".join(part.split()) for part in re.split("[,;|]", text))
                clean.category = "|".join(dict.fromkeys(p for p in parts if p))

    def _extra(self, clean: CleanRow, cells: list[Cell]) -> list[str]:
        """Fills ``extra`` and ``profile``; the texts in which somebody may have
        written that he wants no calls."""
        notes: list[str] = []
        for column, name, profile in self._extras:
            value = cells[column]
            if value is None or value == "":
                continue
            if isinstance(value, str):
                value = clean_text(unneutralise(value), multiline=True)
                if not value:
                    continue
                if len(value) > 5:
                    notes.append(value)
            if profile and (known := self._profile.get(name)):
                value, wrong = self._convert(
                    cells[column], known, self.settings.today, self.settings.date1904
                )
                _notice(clean, wrong, f"profile:{name}", column)
                if value is None:
                    continue
            (clean.profile if profile else clean.extra)[name] = value
        return notes

    def _check_required(self, clean: CleanRow) -> None:
        if not clean.phones:
            # always: a row that cannot be called is no row of a call centre
            code = "phone_invalid" if "phone" in clean.filled else "phone_missing"
            # why each number is wrong says more than that none is right
            reasons = [n for n in clean.notices if n.field == "phone"]
            clean.notices[:] = [n for n in clean.notices if n.field != "phone"]
            column = self._first.get("phone")
            clean.problems.append(Problem(code, field="phone", column=column))
            clean.problems.extend(reasons)
        filled = clean.filled
        for target in self._required:
            if target in filled:
                continue
            if target == "name":
                if "surname" not in filled:
                    column = self._first.get("name", self._first.get("surname"))
                    clean.problems.append(
                        Problem("name_missing", "", {}, "name", column)
                    )
            elif target == "street":
                column = self._first.get("street")
                clean.problems.append(
                    Problem("street_missing", "", {}, "street", column)
                )
            else:
                kind, colon, name = target.partition(":")
                if not colon:
                    name = target
                elif name in (clean.profile if kind == "profile" else clean.extra):
                    continue
                clean.problems.append(
                    Problem(
                        "field_missing",
                        "",
                        {"field_name": name},
                        target,
                        self._first.get(target),
                    )
                )


_BASIS_TARGETS = (
    "basis_date",
    "client_until",
    "interacted_on",
    "basis_source",
    "consent_text",
    "is_professional",
    "legal_basis",
)
_REST_TARGETS = ("birthdate", "language", "external_key", "contact_type", "category")


def clean_row(
    raw_row: list[Cell],
    mapping: list[str | None],
    settings: Settings = Settings(),
    row: int = 0,
) -> CleanRow:
    """One raw row cleaned. Pure; never raises on any cell.

    ``mapping`` as ``suggest_mapping`` gives it. Phones are all the valid ones of
    all phone columns, in order, each once. For many rows: ``Cleaner``.
    """
    return Cleaner(mapping, settings).clean(raw_row, row)


def _blank(row: int, raw: list[Cell]) -> CleanRow:
    """``CleanRow(row, raw)``, six times faster: forty fields, nearly all empty."""
    clean = CleanRow.__new__(CleanRow)
    values = _EMPTY.copy()
    values["row"] = row
    values["raw"] = raw
    values["phones"] = []
    values["extra"] = {}
    values["profile"] = {}
    values["filled"] = set()
    values["problems"] = []
    values["notices"] = []
    clean.__dict__ = values
    return clean


_EMPTY = {
    f.name: f.default
    for f in dataclasses.fields(CleanRow)
    if f.default is not dataclasses.MISSING
}


@cached(8192)
def _city(text: str) -> str | None:
    """None: nothing is written; '': what is written stands for nothing."""
    text = _text(text)
    if not text:
        return None
    if stands_for_nothing(text, "city"):
        return ""
    return tidy_name(_strip_junk(text), city=True)


_province = cached(4096)(find_province)
_postcode = cached(16384)(check_postcode)


def _notice(clean: CleanRow, why: Problem | None, target: str, column: int) -> None:
    if why is not None:
        clean.notices.append(Problem(why.code, why.value, why.params, target, column))


def _basis(clean: CleanRow, parts: dict, settings: Settings) -> None:
    """Why this person may be called, as far as the row says so itself."""
    for target in ("basis_date", "client_until", "interacted_on"):
        for column, value in parts.get(target, ()):
            if _filled(clean, target, value):
                day, why = check_day(
                    value, settings.today, settings.date1904, target == "client_until"
                )
                setattr(clean, target, day)
                _notice(clean, why, target, column)
    for target in ("basis_source", "consent_text"):
        for _column, value in parts.get(target, ()):
            setattr(clean, target, _filled(clean, target, value))
    for column, value in parts.get("is_professional", ()):
        text = _text(value)
        folded = fold(text)
        clean.is_professional = folded in _MARKED or folded in _PROFESSIONAL
        if not clean.is_professional and folded not in _NOT_PROFESSIONAL:
            if not stands_for_nothing(text, "is_professional"):
                why = Problem("yes_no", shown(text, 80))
                _notice(clean, why, "is_professional", column)
    for column, value in parts.get("legal_basis", ()):
        text = _text(value)
        folded = fold(text)
        if stands_for_nothing(text) and not (_says_no(folded) or folded in _MARKED):
            continue
        clean.filled.add("legal_basis")
        basis, clean.consent_denied, why = check_basis(value)
        if why and why.code == "basis_unknown" and not parts.get("basis_date"):
            # "Consentimiento: 12/03/2026"
            day = check_day(value, settings.today, settings.date1904)[0]
            if day:
                basis, why, clean.basis_date = "consent", None, day
        clean.legal_basis = basis
        clean.is_professional |= folded in _PROFESSIONAL
        _notice(clean, why, "legal_basis", column)
    said = clean.legal_basis
    if said in DATED and not clean.basis_in(settings.basis, settings.basis_on)[0]:
        _notice(clean, Problem("basis_date_missing"), "basis_date", None)


def _client_key(clean: CleanRow, mapping: list[str | None], settings: Settings) -> None:
    places = settings.key_columns
    if not places:
        if clean.external_key:
            clean.client_key = client_key([clean.external_key])
        return
    parts = []
    for place in places:
        value = clean.raw[place] if place < len(clean.raw) else None
        target = mapping[place] if place < len(mapping) else None
        text = _text(value)
        if target == "vat":
            text = clean.vat or text
        elif target == "phone" and (phone := check_phone(value, settings.region)[0]):
            text = phone.e164
        parts.append("" if stands_for_nothing(text, "external_key") else text)
    if all(parts):
        clean.client_key = client_key(parts)
    else:
        clean.notices.append(Problem("key_incomplete", field="external_key"))


def client_key(parts: list[str]) -> str:
    """The parts of a client's key as one text of at most 200 characters.

    Accents, case and punctuation do not count, nor zeros before a number: the same
    column comes as text from one program and as a number from the next.
    """
    key = " / ".join(
        (text.lstrip("0") or "0") if text.isdigit() else text
        for text in (fold(part).upper() or part.strip() for part in parts)
    )
    if len(key) > 200:
        # an index takes no long texts
        digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
        key = f"{key[:120]} {digest}"
    return key


def _note(clean: CleanRow, cells: Iterable) -> list[str]:
    written = [
        text
        for _column, value in cells
        if (text := clean_text(unneutralise(shown(value)), multiline=True))
    ]
    if written:
        clean.filled.add("note")
        clean.note = "\n".join(written)
    return written


def _filled(clean: CleanRow, target: str, value: Cell) -> str:
    """The cell's text, '' if it stands for nothing; marks the field as filled."""
    if value is None:
        return ""
    if type(value) is str and value.isprintable() and value[:1] != "'":
        text = " ".join(value.split())  # as _text does, without the calls
        if text[:1] == "'":
            text = _text(value)
    else:
        text = _text(value)
    if not text:
        return ""
    clean.filled.add(target)
    return "" if stands_for_nothing(text, target) else text


def _phone_code(cells: list[Cell], columns: list[int], region: str) -> str:
    """'351' if the row says that its numbers are of another country. VICIdial keeps
    it apart from the number, which without it would be somebody else's."""
    for column in columns:
        digits = _text(cells[column]).lstrip("+").removeprefix("00")
        if digits.isascii() and digits.isdigit() and len(digits) <= 4:
            code = digits.lstrip("0")
            return "" if is_home_code(code, region) else code
    return ""


def _phone_cell(
    clean: CleanRow, column: int, value: Cell, region: str, code: str
) -> None:
    """Any cell of phones: several, with comments, foreign, wrong."""
    pieces = split_phones(value)
    if not pieces:
        text = _text(value)
        if text and not stands_for_nothing(text, "phone"):
            why = check_phone(value, region)[1]
            clean.filled.add("phone")
            _notice(clean, why, "phone", column)
        return
    if all(set(piece) <= {"0"} for piece in pieces):
        return  # 0, 000000000: nothing
    clean.filled.add("phone")
    for piece in pieces:
        if code and not piece.startswith(("+", "00", code)):
            piece = f"+{code} {piece}"
        phone, why = check_phone(piece, region)
        if phone is None:
            _notice(clean, why, "phone", column)
            continue
        if any(phone.e164 == other.e164 for other in clean.phones):
            continue
        clean.phones.append(phone)
        if not phone.dialable:
            _notice(clean, Problem("phone_premium", piece), "phone", column)
        elif phone.foreign:
            why = Problem("phone_foreign", piece, {"country": phone.country})
            _notice(clean, why, "phone", column)


def _objection(clean: CleanRow, notes: list[str], cells: Iterable) -> None:
    for text in notes:
        if asked_not_to_be_called(text):
            clean.exclude = True
            clean.notices.append(
                Problem("asked_not_to_be_called", shown(text, 80), {}, "note")
            )
            return
    for column, value in cells:
        text = fold(_text(value))
        if text in _YES or asked_not_to_be_called(text):
            clean.exclude = True
            clean.notices.append(
                Problem(
                    "asked_not_to_be_called",
                    shown(value, 80),
                    {},
                    "do_not_call",
                    column,
                )
            )
            return


# -------------------------------------------------------------------- many rows
_HOLDS = {"external_key": "client_key"}


class Duplicates:
    """Who was already in the file. One instance per file.

    The first row that loads wins; a bad row blocks nobody. Memory grows with the
    rows (about 300 bytes each with three keys): files of millions need these keys
    in the database instead, behind the same two methods.
    """

    def __init__(
        self,
        keys: tuple[str, ...] = ("phone", "vat", "email"),
        same_name_only: bool = False,
    ):
        self.keys = keys
        self.same_name_only = same_name_only
        self._seen: dict[tuple[str, str], tuple[int, str]] = {}

    def keys_of(self, clean: CleanRow) -> list[tuple[str, str]]:
        """(key, value) by which a row may repeat another. Numbers that many
        people share by nature (900, 902, 806…) tell nobody apart."""
        found: list[tuple[str, str]] = []
        for key in self.keys:
            if key == "phone":
                found += [
                    ("phone", phone.e164)
                    for phone in clean.phones
                    if phone.kind in PERSONAL_KINDS
                ]
            elif value := getattr(clean, _HOLDS.get(key, key)):
                found.append((key, value))
        return found

    def check(self, clean: CleanRow) -> tuple[str, int, bool] | None:
        """(key, first row, the same person?) if a row shares a key with an earlier
        one, else None. A row that is not the same person is remembered."""
        name = fold(clean.name) if self.same_name_only else ""
        keys = self.keys_of(clean)
        shared = None
        for key in keys:
            if key not in self._seen:
                continue
            row, other = self._seen[key]
            doubtful = self.same_name_only and key[0] in ("vat", "email")
            if not doubtful or not name or not other or name == other:
                return key[0], row, True
            shared = shared or (key[0], row, False)
        for key in keys:
            self._seen.setdefault(key, (clean.row, name))
        return shared


def clean_rows(
    rows: Iterable[tuple[int, list[Cell]]],
    mapping: list[str | None],
    settings: Settings = Settings(),
    duplicates: Duplicates | None = None,
) -> Iterator[CleanRow]:
    """Every row of a table, in order, good or bad: as many out as in.

    A later row of the same person has ``duplicate_of`` and, with the policy
    'skip', the problem 'duplicate_in_file'; with 'load' the same as a notice.
    """
    seen = duplicates or Duplicates(settings.duplicate_keys, settings.same_name_only)
    cleaner = Cleaner(mapping, settings)
    for number, raw in rows:
        clean = cleaner.clean(raw, number)
        if clean.ok and (hit := seen.check(clean)):
            key, first, same = hit
            facts = {"row": first, "key": key}
            if same:
                clean.duplicate_of = first
                problem = Problem("duplicate_in_file", "", facts, key)
            else:
                problem = Problem("shared_in_file", "", facts, key)
            skip = same and settings.duplicates == "skip"
            (clean.problems if skip else clean.notices).append(problem)
        yield clean


@dataclass
class Preview:
    """The first rows of a file as they would load. ``mapping`` as used."""

    headings: list[str]
    mapping: list[str | None]
    rows: list[CleanRow]
    sheet: str
    sheets: list[str]


def preview(
    table: Table,
    n: int = 20,
    mapping: list[str | None] | None = None,
    settings: Settings = Settings(),
) -> Preview:
    """Cleans the first ``n`` rows; writes nothing."""
    mapping = suggest_mapping(table.headings) if mapping is None else mapping
    settings = dataclasses.replace(settings, date1904=table.date1904)
    rows = []
    for clean in clean_rows(table.rows(), mapping, settings):
        rows.append(clean)
        if len(rows) >= n:
            break
    return Preview(table.headings, mapping, rows, table.sheet, table.sheets)


__all__ = [
    "REASON_HEADING",
    "CleanRow",
    "Cleaner",
    "Duplicates",
    "Preview",
    "Settings",
    "asked_not_to_be_called",
    "check_basis",
    "check_birthdate",
    "check_day",
    "clean_row",
    "clean_rows",
    "preview",
    "stands_for_nothing",
    "tidy_name",
]
