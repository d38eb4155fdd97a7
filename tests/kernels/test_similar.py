"""How alike two people are: what a supervisor would call the same person or not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.telemarketing_base.identity.similar import (
    DIFFERENT,
    SIMILAR,
    Person,
    address_similarity,
    compare,
    name_similarity,
    name_words,
    same_name,
    split_street,
    street_similarity,
)

WORDS = st.sampled_from(
    "Juan García Pérez María de la O Mª Fco Gutiérrez Núñez J. López S.L. Ana x".split()
)
NAMES = st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=6).map(" ".join))
STREETS = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from(
            "C/ Calle Mayor 3 nº 3, 2º B izq s/n Avda. del Mar 12 bis".split()
        ),
        max_size=7,
    ).map(" ".join),
)
PEOPLE = st.builds(
    Person,
    name=NAMES,
    vat=st.sampled_from(["", "12345678Z", "ES12345678Z", "B58378431", "x"]),
    phones=st.lists(
        st.sampled_from(["+34612345678", "+34900123456", "+34912345678", "?"]),
        max_size=3,
    ).map(tuple),
    email=st.sampled_from(["", "a@b.es", "A@b.es", "c@d.es"]),
    street=STREETS,
    zip=st.sampled_from(["", "28001", "28002", "08001"]),
    city=st.sampled_from(["", "Madrid", "MADRID", "Barcelona"]),
    birthdate=st.sampled_from(["", "1980-01-01", "1981-01-01"]),
)


@settings(max_examples=300, deadline=None)
@given(NAMES, NAMES)
def test_a_name_is_as_like_another_as_the_other_is_to_it(a, b):
    alike = name_similarity(a, b)
    assert 0 <= alike <= 1
    assert alike == name_similarity(b, a)


@settings(max_examples=300, deadline=None)
@given(STREETS, STREETS)
def test_a_street_is_as_like_another_as_the_other_is_to_it(a, b):
    alike = street_similarity(a, b)
    assert 0 <= alike <= 1
    assert alike == street_similarity(b, a)


@settings(max_examples=300, deadline=None)
@given(PEOPLE, PEOPLE)
def test_a_pair_has_one_score_whoever_comes_first(a, b):
    score, reasons = compare(a, b)
    assert (score, reasons) == compare(b, a)
    assert 0 <= score <= 1
    assert bool(reasons) == (score > 0)


@given(NAMES)
def test_the_same_name_is_wholly_alike(name):
    assert name_similarity(name, name) == (1.0 if name_words(name) else 0.0)


@given(
    st.lists(WORDS, min_size=1, max_size=6).flatmap(
        lambda words: st.tuples(st.just(words), st.permutations(words))
    )
)
def test_the_order_of_the_words_does_not_matter(both):
    words, shuffled = both
    # a legal form at the end is one, in the middle it may be initials
    words = [word for word in words if word != "S.L."] or ["Ana"]
    shuffled = [word for word in shuffled if word != "S.L."] or ["Ana"]
    assert name_similarity(" ".join(words), " ".join(shuffled)) == 1.0


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Pérez García, Juan", "Juan Pérez García"),
        ("JUAN PEREZ GARCIA", "Juan Pérez García"),
        ("D. Juan Pérez García", "Juan Pérez García"),
        ("Mª Carmen Soler", "María Carmen Soler"),
        ("María del Carmen Soler", "Maria Carmen Soler"),
        ("Fco. Fdez. Ruiz", "Francisco Fernández Ruiz"),
        ("Talleres Norte, S.L.", "TALLERES NORTE SL"),
        ("Talleres Norte S.L.U.", "Talleres Norte"),
        ("Talleres Norte Sociedad Limitada", "Talleres Norte, S. L."),
        ("Hermanos Ruiz C.B.", "Hermanos Ruiz CB"),
    ],
)
def test_the_same_name_written_otherwise(a, b):
    assert name_similarity(a, b) == 1.0
    assert same_name(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Juan Pérez", "Juan Pérez García"),
        ("Juan Peres Garcia", "Juan Pérez García"),
        ("J. Pérez García", "Juan Pérez García"),
        ("Jhon Rodríguez Martín", "John Rodriguez Martin"),
    ],
)
def test_a_similar_name_is_similar_and_not_the_same(a, b):
    assert SIMILAR <= name_similarity(a, b) < 1
    assert not same_name(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Juan Pérez García", "Ana López Ruiz"),
        ("Talleres Norte SL", "Talleres Sur SL"),
        ("Persona 12", "Persona 13"),
        ("García", "Juan Pérez García"),
        ("", "Juan Pérez García"),
        ("", ""),
    ],
)
def test_different_names_are_not_similar(a, b):
    assert name_similarity(a, b) < SIMILAR
    assert not same_name(a, b)


def test_brothers_are_not_one_person():
    assert name_similarity("Juan Pérez García", "Luis Pérez García") < SIMILAR


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("C/ Mayor, 3, 2º B", "CALLE MAYOR 3 2 B"),
        ("Avda. de la Constitución nº 12", "AVENIDA CONSTITUCION 12"),
        ("Pza. España 1, piso 4º, puerta 2", "Plaza de España, 1 4º 2ª"),
        ("Pº de Gracia, 25", "Paseo Gracia 25"),
        ("C/ Sol 7 bajo izquierda", "Calle del Sol, 7, Bj. izq."),
        ("Ctra. de Burgos, km 12", "Carretera Burgos km. 12"),
        ("Calle Luna s/n", "C/ Luna, S/N"),
    ],
)
def test_the_same_street_written_otherwise(a, b):
    assert street_similarity(a, b) == 1.0


def test_the_next_house_is_another_address():
    assert street_similarity("C/ Mayor 3", "C/ Mayor 5") <= 0.5
    assert street_similarity("C/ Mayor 3", "C/ Menor 3") < SIMILAR
    assert street_similarity("C/ Mayor 3, 1º A", "C/ Mayor 3, 4º C") < 0.9
    assert split_street("C/ 2 de Mayo, 14").number == "14"
    assert street_similarity("", "C/ Mayor 3") == 0


def test_the_same_street_of_another_town_is_another_address():
    here = Person(street="C/ Mayor 3", zip="28001", city="Madrid")
    there = Person(street="C/ Mayor 3", zip="08001", city="Barcelona")
    unknown = Person(street="C/ Mayor 3", city="MADRID")
    assert address_similarity(here, there) == 0
    assert address_similarity(here, unknown) == 0.9


def test_a_family_phone_does_not_make_one_person_of_two():
    mother = Person(name="Ana López Ruiz", phones=("+34912345678",))
    son = Person(name="Juan Pérez García", phones=("+34912345678",))
    again = Person(name="López Ruiz, Ana", phones=("+34912345678",))
    assert compare(mother, son)[0] < 0.4
    assert compare(mother, again)[0] > 0.9


def test_a_number_of_a_service_is_nobodys():
    one = Person(name="Ana López", phones=("+34902123456",))
    assert compare(one, Person(name="Ana López", phones=("+34902123456",))) == (0, ())


def test_a_nif_under_quite_different_names_lowers_the_score():
    ana = Person(name="Ana López Ruiz", vat="12345678Z")
    same = compare(ana, Person(name="Ana Lopez Ruiz", vat="ES12345678Z"))
    other = compare(ana, Person(name="Juan Pérez García", vat="12345678Z"))
    assert same == (1.0, ("vat",))
    assert other[0] < 0.6
    assert name_similarity("Ana López Ruiz", "Juan Pérez García") < DIFFERENT


def test_another_nif_or_birthday_speaks_against_it():
    ana = Person("Ana López Ruiz", "12345678Z", ("+34612345678",))
    twin = Person("Ana López Ruiz", "87654321X", ("+34612345678",))
    assert compare(ana, twin)[0] < 0.5
    old = Person("Ana López", phones=("+34612345678",), birthdate="1950-01-01")
    young = Person("Ana López", phones=("+34612345678",), birthdate="1980-01-01")
    assert compare(old, young)[0] < 0.65


def test_all_in_common_is_nearly_sure():
    ana = Person("Ana López Ruiz", "", ("+34612345678",), "a@b.es", "C/ Sol 3", "28001")
    again = Person("LOPEZ RUIZ ANA", "", ("+34612345678",), "A@B.es", "Sol 3", "28001")
    score, reasons = compare(ana, again)
    assert reasons == ("phone", "email", "name_address")
    assert score > 0.98
