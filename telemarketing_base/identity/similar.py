"""How alike two people are: names and addresses as Spaniards write them.

Everything answers a number from 0 (nothing in common) to 1 (the same), does not care
which of the two comes first, and never raises. A score decides nothing by itself:
somebody looks at the pair, or says by rule from which score on he trusts it.
"""

from __future__ import annotations

import difflib
import functools
import re
from dataclasses import dataclass

from .nif import parse_nif
from .phone import PERSONAL_KINDS, parse_phone
from .text import fold

#: What two people can have in common.
REASONS = ("vat", "phone", "email", "name_address")

#: Names less alike than this are quite different names.
DIFFERENT = 0.4
#: From here on a name, and an address, count as similar.
SIMILAR = 0.8

# S.L. and the like say how a firm is organised, not which it is. Folded, so that
# 'S.L.U.' stands here as 's l u'; longest first.
_LEGAL = re.compile(
    r"\s+(?:sociedad (?:limitada|anonima|civil|cooperativa)"
    r"(?: unipersonal| laboral| profesional)?|s ?coop(?: \w{1,4})?"
    r"|s l n e|slne|s l p u|slpu|s ?[al] ?[ulp]|s ?r ?l|s ?c ?c ?l|s ?c ?p|s ?[alc]"
    r"|c ?b|a ?i ?e|u ?t ?e)$"
)
_PARTICLES = frozenset(
    "de del la las los el lo y e i da das do dos di van von der den al d".split()
)
# 'D. Juan', 'Sra. Pérez': how somebody is addressed.
_TITLES = frozenset("don dona dna sr sra srta sres dr dra hnos".split())
_SHORT = {
    "ma": "maria",
    "fco": "francisco",
    "fdo": "fernando",
    "fdez": "fernandez",
    "glez": "gonzalez",
    "gzlez": "gonzalez",
    "gnzlez": "gonzalez",
    "hdez": "hernandez",
    "hndez": "hernandez",
    "mtnez": "martinez",
    "mtez": "martinez",
    "rguez": "rodriguez",
    "rdguez": "rodriguez",
    "rodz": "rodriguez",
    "schez": "sanchez",
    "snchez": "sanchez",
    "gmez": "gomez",
    "jmenez": "jimenez",
    "dguez": "dominguez",
    "alvz": "alvarez",
    "vzquez": "vazquez",
    "lpez": "lopez",
    "prez": "perez",
    "gcia": "garcia",
    "ga": "garcia",
    "jse": "jose",
    "ant": "antonio",
    "ato": "antonio",
}


@functools.lru_cache(maxsize=16384)
def name_words(name: str) -> tuple[str, ...]:
    """The words that tell a name from others, sorted: without accents, capitals,
    particles, titles and legal forms, abbreviations written out.

    'Pérez García, Juan' and 'D. Juan PEREZ GARCIA' are ('garcia', 'juan', 'perez').
    """
    folded = fold(name)
    bare = _LEGAL.sub("", folded)
    words = [
        _SHORT.get(word, word)
        for word in bare.split()
        if word not in _PARTICLES and word not in _TITLES
    ]
    return tuple(sorted(words or folded.split()))


def same_name(a: str, b: str) -> bool:
    """Whether both are the same words in any order; nobody's name is the same."""
    words = name_words(a or "")
    return bool(words) and words == name_words(b or "")


@functools.lru_cache(maxsize=65536)
def _word_alike(a: str, b: str) -> float:
    """Two words, ``a <= b``. An initial is worth something, not much."""
    if a == b:
        return 1.0
    if len(a) == 1 or len(b) == 1:
        return 0.7 if a[0] == b[0] and not a.isdigit() and not b.isdigit() else 0.0
    if a.isdigit() or b.isdigit():
        return 0.0  # 12 is not nearly 13
    if not 0.5 < len(a) / len(b) < 2:
        return 0.0
    ratio = difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()
    return ratio if ratio >= 0.7 else 0.0


def _words_alike(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[float, float]:
    """Best match of two sets of words, by letters: ``(of both, of the shorter)``."""
    if a == b:
        return 1.0, 1.0
    found = []
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            alike = _word_alike(x, y) if x <= y else _word_alike(y, x)
            if alike:
                found.append((-alike, min(x, y), max(x, y), i, j))
    found.sort()
    used_a, used_b = set(), set()
    matched = 0.0
    for alike, x, y, i, j in found:
        if i not in used_a and j not in used_b:
            used_a.add(i)
            used_b.add(j)
            matched += -alike * (len(x) + len(y))
    letters_a, letters_b = sum(map(len, a)), sum(map(len, b))
    shorter = used_a if len(a) <= len(b) else used_b
    words = a if len(a) <= len(b) else b
    if len(a) == len(b):
        words, shorter = (a, used_a) if letters_a <= letters_b else (b, used_b)
    covered = sum(len(words[i]) for i in shorter) / max(1, sum(map(len, words)))
    return min(1.0, matched / max(1, letters_a + letters_b)), covered


def name_similarity(a: str, b: str) -> float:
    """0 to 1; 1 for the same words in any order; 0 where one is missing.

    >>> name_similarity("Pérez García, Juan", "Juan Pérez García")
    1.0
    """
    words_a, words_b = name_words(a or ""), name_words(b or "")
    if not words_a or not words_b:
        return 0.0
    if words_a > words_b:
        words_a, words_b = words_b, words_a
    whole, covered = _words_alike(words_a, words_b)
    few = min(len(words_a), len(words_b))
    # 'Juan Pérez' is how 'Juan Pérez García' is often written down.
    if few >= 2 and covered == 1.0 and len(words_a) != len(words_b):
        exact = set(words_a) <= set(words_b) or set(words_b) <= set(words_a)
        whole = max(whole, 0.9 if exact else 0.8)
    return round(whole, 4)


# --------------------------------------------------------------------- addresses
_WAYS = frozenset(
    "c cl cll calle avda avd av avenida avgda avinguda pza plza pz pl plaza placa"
    " plaça paseo pso po pg passeig psg rda ronda ctra cra carretera cno camino cami"
    " trav tr trv travesia travessera via gta glorieta urb urbanizacion pol poligono"
    " polig ind industrial barrio bo bda barriada cjon callejon cjto conjunto rua"
    " rambla rbla carrer kale kalea etorbidea etx pje pasaje psje ptge passatge"
    " alameda costanilla cuesta cta".split()
)
_NUMBER_WORDS = frozenset("n no num numero nro nr km portal ptal".split())
# From one of these on it is which flat, not which house.
_FLAT_WORDS = frozenset(
    "piso pis planta pl pta puerta esc escalera bajo bj bjo bajos atico at entresuelo"
    " entlo ent principal pral ppal izq izqda izquierda dcha dch derecha drcha der"
    " local loc nave oficina of ofic bloque blq blque interior int exterior ext"
    " letra centro ctro".split()
)
_FLAT_SHORT = {
    "izqda": "izq",
    "izquierda": "izq",
    "dch": "dcha",
    "derecha": "dcha",
    "drcha": "dcha",
    "der": "dcha",
    "bj": "bajo",
    "bjo": "bajo",
    "bajos": "bajo",
    "at": "atico",
    "entresuelo": "entlo",
    "ent": "entlo",
    "principal": "pral",
    "ppal": "pral",
    "escalera": "esc",
    "puerta": "pta",
    "bloque": "blq",
    "blque": "blq",
    "oficina": "of",
    "ofic": "of",
    "local": "loc",
    "interior": "int",
    "exterior": "ext",
    "ctro": "centro",
}
_FLAT_NOISE = frozenset("piso pis planta pl pta letra esc blq".split())
_ORDINAL = re.compile(r"(\d+)(?:o|a|er|ra|do|da|to|ta)$")
_HOUSE = re.compile(r"(\d+)([a-z]?)$")


@dataclass(frozen=True)
class Street:
    """``words`` of its name, sorted; ``number`` of the house ('' where none or
    's/n'); ``flat`` the rest, sorted."""

    words: tuple[str, ...]
    number: str
    flat: tuple[str, ...]


@functools.lru_cache(maxsize=16384)
def split_street(street: str) -> Street:
    """'C/ Mayor, nº 3, 2º B' and 'CALLE MAYOR 3 2 B' are the same.

    Kinds of ways, 'nº' and 'piso' go; the first number after the name is the house's.
    A street whose name is a kind of way only ('Ronda, 4') keeps it.
    """
    words: list[str] = []
    number, flat = "", []
    text = re.sub(r"\bs\s*/\s*n\b", " ", street, flags=re.IGNORECASE)
    tokens = fold(text).split()
    for place, word in enumerate(tokens):
        if flat or number:
            flat.append(word)
        elif word in _NUMBER_WORDS and place:
            continue
        elif words and word in _FLAT_WORDS - _WAYS:
            flat.append(word)
        elif (house := _HOUSE.match(word)) and (words or place == len(tokens) - 1):
            number = house[1].lstrip("0") or "0"
            if house[2]:
                flat.append(house[2])
        elif word in _WAYS or word in _PARTICLES:
            continue
        else:
            words.append(_SHORT.get(word, word))
    tidy = []
    for word in flat:
        short = _FLAT_SHORT.get(word, word)
        if short not in _FLAT_NOISE and short not in _NUMBER_WORDS:
            ordinal = _ORDINAL.match(short)
            tidy.append(ordinal[1] if ordinal else short)
    if not words:
        words = [word for word in tokens if not word[0].isdigit()]
    return Street(tuple(sorted(words)), number, tuple(sorted(tidy)))


def street_similarity(a: str, b: str) -> float:
    """0 to 1; two houses of one street are half alike at most, two flats of one house
    somewhat less than the same."""
    one, other = split_street(a or ""), split_street(b or "")
    if not (one.words or one.number) or not (other.words or other.number):
        return 0.0
    words_a, words_b = one.words, other.words
    if words_a > words_b:
        words_a, words_b = words_b, words_a
    alike, covered = _words_alike(words_a, words_b)
    if covered == 1.0 and (
        set(words_a) <= set(words_b) or set(words_b) <= set(words_a)
    ):
        # 'Doctor Fleming' and 'Fleming'
        alike = max(alike, 0.85)
    if one.number and other.number:
        if one.number != other.number:
            return round(min(alike, 1.0) * 0.5, 4)
    elif one.number or other.number:
        alike *= 0.85
    if one.flat and other.flat and one.flat != other.flat:
        common = set(one.flat) & set(other.flat)
        alike *= 0.85 if not common else 0.92
    return round(alike, 4)


# ------------------------------------------------------------------------ people
@dataclass(frozen=True)
class Person:
    """What is compared: texts as stored, '' or () where unknown; ``phones`` E.164;
    ``birthdate`` ISO."""

    name: str = ""
    vat: str = ""
    phones: tuple[str, ...] = ()
    email: str = ""
    street: str = ""
    zip: str = ""
    city: str = ""
    birthdate: str = ""


def address_similarity(a: Person, b: Person) -> float:
    """The street, within the same postcode; else within the same town; 0 elsewhere."""
    if a.zip and b.zip:
        near = 1.0 if a.zip == b.zip else 0.0
        if not near and a.zip[:2] == b.zip[:2] and fold(a.city) == fold(b.city) != "":
            near = 0.9  # one of both postcodes is wrong
    else:
        near = 0.9 if fold(a.city) == fold(b.city) != "" else 0.0
    return round(near * street_similarity(a.street, b.street), 4) if near else 0.0


@functools.lru_cache(maxsize=16384)
def tells_apart(e164: str) -> bool:
    """Whether a number belongs to a person or household: 900 and 902 do not."""
    phone = parse_phone(e164)
    return phone is not None and phone.kind in PERSONAL_KINDS


@functools.lru_cache(maxsize=16384)
def vat_key(vat: str) -> str:
    """A NIF in its one form, whether with the country's ES or not; '' if it is
    none."""
    nif = parse_nif(vat or "")
    return nif.number if nif else ""


def compare(
    a: Person, b: Person, threshold: float = SIMILAR
) -> tuple[float, tuple[str, ...]]:
    """``(score, reasons)``: 0 and () for people with nothing in common.

    What both share counts by how alike the names are: a family has one telephone, a
    firm one mail, and a NIF under quite different names was often made up. Another NIF
    or another date of birth speaks against it. ``threshold``: from where on name and
    address count as similar.
    """
    alike = name_similarity(a.name, b.name)
    if not (a.name and b.name):
        alike = 0.6  # nothing speaks for it nor against it
    parts = {}
    vat_a, vat_b = vat_key(a.vat), vat_key(b.vat)
    if vat_a and vat_a == vat_b:
        parts["vat"] = 0.5 + 0.5 * alike
    if any(map(tells_apart, set(a.phones) & set(b.phones))):
        parts["phone"] = 0.2 + 0.75 * alike
    mail_a, mail_b = a.email.strip().lower(), b.email.strip().lower()
    if mail_a and mail_a == mail_b:
        parts["email"] = 0.25 + 0.7 * alike
    if a.name and b.name and alike >= threshold:
        near = address_similarity(a, b)
        if near >= threshold:
            parts["name_address"] = 0.9 * alike * near
    if not parts:
        return 0.0, ()
    missing = 1.0
    for part in parts.values():
        missing *= 1 - part
    score = 1 - missing
    if a.name and b.name and alike < DIFFERENT:
        score = min(score, 0.6)
    if vat_a and vat_b and vat_a != vat_b:
        score *= 0.4
    if a.birthdate and b.birthdate and a.birthdate != b.birthdate:
        score *= 0.6
    return round(min(1.0, score), 4), tuple(code for code in REASONS if code in parts)
