"""Postcodes, provinces and time zones of Spain.

A postcode's first two digits are the province's INE code. Codes and regions:
``spain.md`` D3; time zones: C3 (Canary Islands one hour less, Ceuta and Melilla
keep the peninsula's time).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from .reasons import Problem
from .text import clean_text, fold, shown

MADRID = "Europe/Madrid"
CANARY = "Atlantic/Canary"


@dataclass(frozen=True)
class Province:
    """``ine`` '28'; ``name`` for people; ``state`` Odoo's state code ('M');
    ``xmlid`` Odoo's external id; ``region`` the autonomous community as the
    library holidays calls it ('MD'); ``tz``."""

    ine: str
    name: str
    state: str
    region: str

    @property
    def xmlid(self) -> str:
        # Melilla's state is coded ME but its record is called ml
        code = "ml" if self.ine == "52" else self.state.lower()
        return f"base.state_es_{code}"

    @property
    def tz(self) -> str:
        return CANARY if self.ine in ("35", "38") else MADRID


# INE code, Odoo state, region, then the names in use; the first is shown
_TABLE = """
01 VI PV Álava|Araba|Araba/Álava
02 AB CM Albacete
03 A VC Alicante|Alacant
04 AL AN Almería
05 AV CL Ávila
06 BA EX Badajoz
07 PM IB Illes Balears|Islas Baleares|Baleares|Balears|Mallorca
08 B CT Barcelona
09 BU CL Burgos
10 CC EX Cáceres
11 CA AN Cádiz
12 CS VC Castellón|Castelló|Castellón de la Plana
13 CR CM Ciudad Real
14 CO AN Córdoba
15 C GA A Coruña|La Coruña|Coruña
16 CU CM Cuenca
17 GI CT Girona|Gerona
18 GR AN Granada
19 GU CM Guadalajara
20 SS PV Gipuzkoa|Guipúzcoa
21 H AN Huelva
22 HU AR Huesca
23 J AN Jaén
24 LE CL León
25 L CT Lleida|Lérida
26 LO RI La Rioja|Rioja|Logroño
27 LU GA Lugo
28 M MD Madrid|Comunidad de Madrid
29 MA AN Málaga
30 MU MC Murcia|Región de Murcia
31 NA NC Navarra|Nafarroa|Comunidad Foral de Navarra
32 OR GA Ourense|Orense
33 O AS Asturias|Principado de Asturias|Oviedo
34 P CL Palencia
35 GC CN Las Palmas|Palmas|Gran Canaria|Las Palmas de Gran Canaria
36 PO GA Pontevedra
37 SA CL Salamanca
38 TF CN Santa Cruz de Tenerife|Tenerife|S.C. Tenerife|Sta. Cruz de Tenerife
39 S CB Cantabria|Santander
40 SG CL Segovia
41 SE AN Sevilla
42 SO CL Soria
43 T CT Tarragona
44 TE AR Teruel
45 TO CM Toledo
46 V VC Valencia|València
47 VA CL Valladolid
48 BI PV Bizkaia|Vizcaya
49 ZA CL Zamora
50 Z AR Zaragoza
51 CE CE Ceuta
52 ME ML Melilla
"""

PROVINCES: dict[str, Province] = {}
_BY_NAME: dict[str, str] = {}
for _line in _TABLE.strip().splitlines():
    _ine, _state, _region, _names = _line.split(" ", 3)
    _all = _names.split("|")
    PROVINCES[_ine] = Province(_ine, _all[0], _state, _region)
    for _name in _all:
        _BY_NAME[fold(_name)] = _ine
# 'Coruña, A', 'Palmas, Las' and 'Rioja, La', as the INE writes them
for _name, _ine in list(_BY_NAME.items()):
    _article, _, _rest = _name.partition(" ")
    if _article in ("a", "la", "las") and _rest:
        _BY_NAME.setdefault(f"{_rest} {_article}", _ine)


@dataclass(frozen=True)
class Place:
    """A postcode with what follows from it. ``padded``: a zero was put back."""

    code: str
    province: str
    tz: str
    padded: bool = False


def find_province(raw: object) -> Province | None:
    """A province by name (any of its languages), Odoo code or INE code.

    'Valencia/València' and 'Alicante (Alacant)' are found by either half.
    """
    text = clean_text(raw)
    if not text:
        return None
    found = _BY_NAME.get(fold(text))
    if found:
        return PROVINCES[found]
    if text.isascii() and text.isdigit() and len(text) <= 2:
        return PROVINCES.get(text.zfill(2))
    if len(text) <= 2 and text.isascii():
        code = text.upper()
        for province in PROVINCES.values():
            if province.state == code:
                return province
        return None
    hits = {_BY_NAME.get(fold(half)) for half in re.split(r"[/()\-,]", text)} - {None}
    return PROVINCES[hits.pop()] if len(hits) == 1 else None


def check_postcode(
    raw: object, province: Province | None = None
) -> tuple[Place | None, Problem | None]:
    """The postcode in ``raw`` or why there is none. Never raises.

    A *number* lost its leading zero and gets it back (7001.0 → 07001). A *text*
    of four digits is a bad length (``spain.md`` D3: '2800' may lack its last
    digit as well as its first), unless ``province``, the row's own, is the one
    that the zero would give: then two columns say the same (csv files).
    """
    written = shown(raw, 80)
    text = unicodedata.normalize("NFKC", clean_text(raw))
    is_number = isinstance(raw, (int, float)) and not isinstance(raw, bool)
    if not text:
        return None, Problem("postcode_empty", written)
    text = re.sub(r"^(?:E|ES|CP|C\.P\.)[\s\-:]*(?=\d)", "", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=^\d\d)[.\s](?=\d{3}$)", "", text)
    text = re.sub(r"^(\d{4,5})[.,]0$", r"\1", text)
    if not text.isascii() or not text.isdigit():
        return None, Problem("postcode_format", written)
    padded = False
    if len(text) == 4:
        ours = province is not None and province.ine == "0" + text[0]
        if is_number or ours:
            text, padded = "0" + text, True
    if len(text) != 5:
        return None, Problem("postcode_length", written, {"length": len(text)})
    place = PROVINCES.get(text[:2])
    if place is None:
        return None, Problem("postcode_no_province", written)
    return Place(text, place.ine, place.tz, padded), None


def parse_postcode(raw: object, province: Province | None = None) -> Place | None:
    """``check_postcode`` without the reason."""
    return check_postcode(raw, province)[0]
