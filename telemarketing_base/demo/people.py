"""Invented people and firms of Spain: names, addresses, NIF, telephones.

Everything is drawn from the generator that is passed in, so that the same seed
gives the same people. NIF are formally right and telephones lie in ranges of
Spain's plan that are hardly given out (mobiles 74x, second geographic codes);
none is meant to be anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"

_WOMEN = (
    "María Carmen Ana Isabel Laura Cristina Marta Lucía Paula Elena Raquel Rosa Pilar"
    " Amparo Desamparados Inmaculada Vicenta Encarna Teresa Silvia Beatriz Nuria Sonia"
    " Patricia Eva Mónica Yolanda Dolores Josefa Fátima Alba Sara Irene Rocío Gloria"
    " Consuelo Mercedes Begoña Natalia Sandra Aurora Ángeles"
).split()
_MEN = (
    "José Antonio Manuel Francisco Juan David Javier Daniel Carlos Miguel Rafael Pedro"
    " Vicente Ángel Alejandro Fernando Luis Sergio Pablo Jorge Alberto Ramón Enrique"
    " Salvador Joaquín Andrés Emilio Óscar Rubén Raúl Iván Adrián Jaime Ignacio Tomás"
    " Víctor Ricardo Agustín Gonzalo Hugo Mario Bernardo"
).split()
_SURNAMES = (
    "García Martínez López Sánchez Pérez González Gómez Fernández Ruiz Jiménez Moreno"
    " Navarro Romero Torres Ferrer Gil Vidal Soler Molina Ortega Delgado Castillo Ortiz"
    " Marín Sanz Iborra Pastor Climent Peris Esteve Beltrán Albiol Marco Sempere Llopis"
    " Ribes Puig Roig Català Bosch Ferri Olmos Carrasco Peña Aguilar Herrero Cano"
    " Prieto Calvo Vega Campos Reyes Cortés Blasco Mora Serrano Rubio Medina Garrido"
    " Santana Hernández Suárez Cabrera Quintana"
).split()
_STREETS = (
    "C/ Mayor|C/ San Vicente|Av. del Puerto|C/ Colón|C/ de la Paz|Av. Constitución"
    "|C/ Jaume I|Pl. de España|C/ Doctor Marañón|C/ Maestro Serrano|Av. Blasco Ibáñez"
    "|C/ Sagunto|C/ Cervantes|C/ Pintor Sorolla|Camí Reial|C/ Ausiàs March|C/ Sant Roc"
    "|C/ La Fuente|Av. País Valencià|C/ Músico Giner|C/ Trinidad|C/ Reyes Católicos"
    "|C/ Palleter|Ronda Norte|C/ Azorín|C/ Joan Fuster|C/ del Mar|Pol. Ind. La Reva"
).split("|")
_TRADES = (
    "Talleres|Asesoría|Ferretería|Clínica Dental|Hotel|Restaurante|Transportes"
    "|Construcciones|Óptica|Farmacia|Gestoría|Carpintería|Instalaciones|Panadería"
    "|Autoescuela|Academia|Inmobiliaria|Electrodomésticos|Cerámicas|Viveros|Muebles"
    "|Imprenta|Seguros|Peluquería|Exportadora"
).split("|")
_BRANDS = (
    "Albufera|Levante|del Turia|Micalet|La Marina|Montgó|Sierra Calderona|Malvarrosa"
    "|Costa Azahar|El Palmar|Benimar|Llevant|La Safor|Penyagolosa|Xúquer|Ruzafa"
    "|El Saler|Mediterránea|Cabanyal|Campanar|L'Horta|Cullera|Alboraia|Serranía"
    "|Dos Ríos"
).split("|")


@dataclass(frozen=True)
class Place:
    city: str
    zips: tuple[str, ...]
    fixed: str  # first three digits of its landlines


PLACES = {
    "valencia": (
        Place("València", tuple(f"460{n:02d}" for n in range(1, 26)), "862"),
        Place("Torrent", ("46900",), "861"),
        Place("Gandia", ("46700", "46701", "46702"), "862"),
        Place("Paterna", ("46980",), "861"),
        Place("Sagunto", ("46500", "46520"), "862"),
        Place("Alzira", ("46600",), "862"),
        Place("Xàtiva", ("46800",), "862"),
    ),
    "alicante": (
        Place("Alicante", tuple(f"030{n:02d}" for n in range(1, 17)), "865"),
        Place("Elche", ("03201", "03202", "03203", "03204"), "865"),
        Place("Alcoy", ("03801", "03803"), "865"),
        Place("Dénia", ("03700",), "866"),
        Place("Benidorm", ("03501", "03502"), "866"),
    ),
    "castellon": (
        Place("Castelló de la Plana", ("12001", "12003", "12005"), "864"),
        Place("Vila-real", ("12540",), "864"),
        Place("Benicarló", ("12580",), "864"),
    ),
    "canarias": (
        Place("Las Palmas de Gran Canaria", ("35002", "35006", "35010"), "828"),
        Place("Telde", ("35200",), "828"),
        Place("Santa Cruz de Tenerife", ("38001", "38003"), "822"),
    ),
}


@dataclass(frozen=True)
class Card:
    name: str
    vat: str
    is_company: bool
    street: str
    zip: str
    city: str
    email: str
    birth_year: int
    phones: tuple[str, ...] = field(default=())


class People:
    """Draws people without ever giving a telephone, NIF or e-mail twice."""

    def __init__(self, rng):
        self.rng = rng
        self._seen: set[str] = set()
        self._count = 0

    def _once(self, draw):
        while True:
            value = draw()
            if value not in self._seen:
                self._seen.add(value)
                return value

    def mobile(self):
        digits = self._once(lambda: f"74{self.rng.randrange(10**7):07d}")
        return f"{digits[:3]} {digits[3:6]} {digits[6:]}"

    def fixed(self, place):
        digits = self._once(lambda: f"{place.fixed}{self.rng.randrange(10**6):06d}")
        return f"{digits[:3]} {digits[3:5]} {digits[5:7]} {digits[7:]}"

    def dni(self):
        number = self._once(lambda: f"{self.rng.randrange(10**7, 9 * 10**7):08d}")
        return number + _NIF_LETTERS[int(number) % 23]

    def cif(self, letter="B"):
        digits = self._once(lambda: f"00{self.rng.randrange(10**5):05d}")
        total = sum(map(int, digits[1::2]))
        for digit in digits[::2]:
            total += sum(divmod(int(digit) * 2, 10))
        return f"{letter}{digits}{-total % 10}"

    def _address(self, place):
        street = f"{self.rng.choice(_STREETS)}, {self.rng.randrange(1, 140)}"
        if self.rng.random() < 0.6:
            street += f", {self.rng.randrange(1, 9)}º-{self.rng.randrange(1, 25)}"
        return street, self.rng.choice(place.zips)

    def _email(self, first, last):
        self._count += 1
        return f"{first}.{last}{self._count}@example.com"

    def person(self, area):
        rng = self.rng
        place = rng.choice(PLACES[area])
        first = rng.choice(_WOMEN if rng.random() < 0.52 else _MEN)
        last, second = rng.choice(_SURNAMES), rng.choice(_SURNAMES)
        street, postcode = self._address(place)
        phones = [self.mobile()] if rng.random() < 0.8 else []
        if not phones or rng.random() < 0.45:
            phones.append(self.fixed(place))
        if len(phones) == 2 and rng.random() < 0.3:
            phones.reverse()
        return Card(
            name=f"{first} {last} {second}",
            vat=self.dni() if rng.random() < 0.55 else "",
            is_company=False,
            street=street,
            zip=postcode,
            city=place.city,
            email=self._email(_ascii(first), _ascii(last))
            if rng.random() < 0.4
            else "",
            birth_year=rng.randrange(1945, 2005) if rng.random() < 0.6 else 0,
            phones=tuple(phones),
        )

    def firm(self, area):
        rng = self.rng
        place = rng.choice(PLACES[area])
        name = self._once(lambda: f"{rng.choice(_TRADES)} {rng.choice(_BRANDS)}, S.L.")
        street, postcode = self._address(place)
        phones = [self.fixed(place)]
        if rng.random() < 0.5:
            phones.append(self.mobile())
        return Card(
            name=name,
            vat=self.cif() if rng.random() < 0.8 else "",
            is_company=True,
            street=street,
            zip=postcode,
            city=place.city,
            email=self._email("info", _ascii(name.split()[0])),
            birth_year=0,
            phones=tuple(phones),
        )


_PLAIN = str.maketrans("áàéèíóòúüçñ", "aaeeioouucn")


def _ascii(text):
    return text.lower().translate(_PLAIN)
