"""What identifies a person, by the tables of spain.md section D and by properties."""

from pathlib import Path
from xml.etree import ElementTree

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stdnum.es import nif as stdnum_nif

from odoo.addons.telemarketing_base.identity import (
    PROVINCES,
    REASONS,
    check_email,
    check_iban,
    check_nif,
    check_phone,
    check_postcode,
    clean_text,
    find_province,
    fold,
    format_phone,
    is_short_number,
    mask_iban,
    mask_phone,
    parse_email,
    parse_iban,
    parse_nif,
    parse_phone,
    parse_postcode,
    split_phones,
)
from odoo.addons.telemarketing_base.identity.phone import _KIND_OF_TYPE, spanish_phone

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=[]), max_size=40),
    st.text("0123456789+-. ()/;xyEe,'O\u202e\u200b\n", max_size=40),
    st.dates(),
    st.datetimes(),
)

# ---------------------------------------------------------------- D1: phones
D1_VALID = [
    ("612345678", "mobile", "+34612345678"),
    ("612-345-678", "mobile", "+34612345678"),
    ("+34 612 34 56 78", "mobile", "+34612345678"),
    ("0034612345678", "mobile", "+34612345678"),
    ("34612345678", "mobile", "+34612345678"),
    ("712345678", "mobile", "+34712345678"),
    ("722345678", "mobile", "+34722345678"),
    ("700123456", "personal", "+34700123456"),
    ("703123456", "personal", "+34703123456"),
    ("912345678", "fixed", "+34912345678"),
    ("812345678", "fixed", "+34812345678"),
    ("971123456", "fixed", "+34971123456"),
    ("822123456", "fixed", "+34822123456"),
    ("988123456", "fixed", "+34988123456"),
    ("900123456", "toll_free", "+34900123456"),
    ("800123456", "toll_free", "+34800123456"),
    ("901123456", "shared_cost", "+34901123456"),
    ("902123456", "shared_cost", "+34902123456"),
    ("803123456", "premium", "+34803123456"),
    ("806123456", "premium", "+34806123456"),
    ("807123456", "premium", "+34807123456"),
    ("400123456", "fixed", "+34400123456"),
    ("512345678", "uan", "+34512345678"),
    ("+351912345678", "mobile", "+351912345678"),
]
D1_INVALID = [
    ("752345678", "phone_not_assigned"),
    ("792345678", "phone_not_assigned"),
    ("905123456", "phone_not_assigned"),
    ("989123456", "phone_not_assigned"),
    ("999999999", "phone_not_assigned"),
    ("123456789", "phone_not_assigned"),
    ("500123456", "phone_not_assigned"),
    ("112", "phone_short_number"),
    ("016", "phone_short_number"),
    ("060", "phone_short_number"),
    ("1004", "phone_short_number"),
    ("24123", "phone_short_number"),
    ("61234567", "phone_too_short"),
    ("6123456789", "phone_too_long"),
]


@pytest.mark.parametrize(("written", "kind", "e164"), D1_VALID)
def test_d1_a_right_phone_is_taken(written, kind, e164):
    phone = parse_phone(written)
    assert (phone.e164, phone.kind) == (e164, kind)
    assert phone.foreign is not e164.startswith("+34")
    assert phone.dialable is (kind != "premium")
    assert phone.raw == written


@pytest.mark.parametrize(("written", "code"), D1_INVALID)
def test_d1_a_wrong_phone_is_refused_with_its_reason(written, code):
    phone, problem = check_phone(written)
    assert phone is None
    assert problem.code == code
    assert written in problem.text()


# ------------------------------------------------- what people write in cells
@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        (612345678.0, ["+34612345678"]),
        (612345678, ["+34612345678"]),
        ("612345678.0", ["+34612345678"]),
        ("612345678,00", ["+34612345678"]),
        ("6.12345678E+08", ["+34612345678"]),
        ("6,12345678E+08", ["+34612345678"]),
        ("61.234.56.78", ["+34612345678"]),
        ("612345678 (mañanas)", ["+34612345678"]),
        ("612345678 (de 9 a 14)", ["+34612345678"]),
        ("612345678 de 9 a 14", ["+34612345678"]),
        ("Tel.: 612 345 678 ext. 12", ["+34612345678"]),
        ("(+34) 612345678", ["+34612345678"]),
        ("0034 34 612345678", ["+34612345678"]),
        ("'+34612345678", ["+34612345678"]),
        ("\u202a+34 612\u00a0345\u200b678\u202c", ["+34612345678"]),
        ("６１２３４５６７８", ["+34612345678"]),
        ("91/345 67 89", ["+34913456789"]),
        ("91/345 67 89 / 612345678", ["+34913456789", "+34612345678"]),
        ("612345678/912345678", ["+34612345678", "+34912345678"]),
        ("612345678;912345678", ["+34612345678", "+34912345678"]),
        ("612345678 912345678", ["+34612345678", "+34912345678"]),
        ("612 345 678 912 345 678", ["+34612345678", "+34912345678"]),
        ("612-345-678 - 912-345-678", ["+34612345678", "+34912345678"]),
        ("612345678-912345678", ["+34612345678", "+34912345678"]),
        ("612345678 y 912345678", ["+34612345678", "+34912345678"]),
        ("612345678 (Ana) 912345678 (Luis)", ["+34612345678", "+34912345678"]),
        ("M=612345678:W=912345678", ["+34612345678", "+34912345678"]),
        ("612345678\n912345678", ["+34612345678", "+34912345678"]),
        ("61234567/912345678", ["+34912345678"]),
        ("351912345678", ["+351912345678"]),
        ("00351912345678", ["+351912345678"]),
    ],
)
def test_every_number_of_a_messy_cell_is_found(written, numbers):
    found = [parse_phone(piece) for piece in split_phones(written)]
    assert [phone.e164 for phone in found if phone] == numbers
    assert parse_phone(written).e164 == numbers[0]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("61O345678", "phone_no_digits"),
        ("6o12345678", "phone_no_digits"),
        ("6,12E+08", "phone_digits_lost"),
        ("6.12346E+08", "phone_digits_lost"),
        (612345678.5, "phone_digits_lost"),
        (float("nan"), "phone_digits_lost"),
        (1e300, "phone_digits_lost"),
        ("sin teléfono", "phone_no_digits"),
        ("", "phone_empty"),
        (None, "phone_empty"),
        # one digit too many is a slip, not a Singapore or Russian number
        ("6591234567", "phone_too_long"),
        ("79161234567", "phone_too_long"),
        ("+34 112", "phone_too_short"),
    ],
)
def test_a_doubtful_phone_rings_at_no_stranger(written, code):
    phone, problem = check_phone(written)
    assert phone is None
    assert problem.code == code


def test_short_numbers_are_known_as_such():
    assert all(map(is_short_number, ["112", "016", "060", "1004", "24123", "11818"]))
    assert not any(map(is_short_number, ["612345678", "61234567", "", "91"]))


def test_phones_are_shown_and_masked_for_people():
    assert format_phone("+34612345678") == "612 345 678"
    assert format_phone("+351912345678") == "+351 912 345 678"
    assert format_phone("x") == "x"
    assert mask_phone("+34612345678") == "••• ••• 678"
    assert "912" not in mask_phone("+351912345678")


def library(digits):
    try:
        number = phonenumbers.parse(digits, "ES")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    kind = _KIND_OF_TYPE.get(phonenumbers.number_type(number), "other")
    return phonenumbers.format_number(number, 0), kind


def fast(digits):
    phone = parse_phone(digits)
    return (phone.e164, phone.kind) if phone else None


@settings(max_examples=3000)
@given(st.from_regex(r"\A[4-9][0-9]{8}\Z"), st.sampled_from(["", "+34", "0034", "34"]))
@example("969060912", "")
@example("973901234", "")
def test_the_fast_path_says_what_phonenumbers_says(digits, prefix):
    assert fast(prefix + digits) == library(prefix + digits)


def test_the_fast_path_agrees_on_every_range_of_the_plan():
    for start in range(4000, 10000):
        for tail in ("00000", "12345", "99999"):
            digits = f"{start}{tail}"
            assert fast(digits) == library(digits), digits


@given(ANYTHING)
def test_parsing_a_phone_never_raises_and_its_result_is_stable(raw):
    phone, problem = check_phone(raw)
    assert (phone is None) == (problem is not None)
    if phone:
        again = parse_phone(phone.e164)
        assert (again.e164, again.kind, again.country) == (
            phone.e164,
            phone.kind,
            phone.country,
        )
        assert parse_phone(format_phone(phone.e164)).e164 == phone.e164
        number = phonenumbers.parse(phone.e164)
        assert phonenumbers.is_valid_number(number)
    else:
        assert problem.code in REASONS
        assert problem.text()
    for piece in split_phones(raw):
        assert any(c.isdigit() for c in piece)


PREFIXES = ["", "+34", "0034", "34", "+34 ", "0034-", "34."]


@settings(max_examples=2000)
@given(
    st.sampled_from(PREFIXES),
    st.from_regex(r"\A[0-9](?:[ .\-]?[0-9]){0,14}\Z"),
)
@example("34", "612345678")
@example("", "345678901")
@example("", "34567890123")
def test_a_plain_cell_is_read_as_any_other(prefix, digits):
    # a space in front sends it the long way
    written = prefix + digits
    quick = spanish_phone(written)
    slow = parse_phone(" " + written)
    if quick is not None:
        assert quick._replace(raw="") == slow._replace(raw="")
        assert quick.raw == written
    elif slow is not None:
        assert slow.foreign or len(slow.national) != 9 or not digits[-9:].isdigit()


@given(st.one_of(st.integers(), st.floats(), st.integers(4 * 10**8, 10**9), ANYTHING))
def test_a_number_of_a_spreadsheet_is_read_as_its_digits(raw):
    quick = spanish_phone(raw)
    if quick is not None:
        assert quick == parse_phone(raw)


def test_the_fast_path_agrees_with_the_library_on_every_five_digits():
    # the property above tries the digits behind them
    number = phonenumbers.PhoneNumber(country_code=34)
    for prefix in range(10_000, 100_000):
        for rest in ("0812", "9573"):
            digits = f"{prefix}{rest}"
            number.national_number = int(digits)
            kind = phonenumbers.number_type(number)
            known = kind != phonenumbers.PhoneNumberType.UNKNOWN
            expected = _KIND_OF_TYPE.get(kind, "other") if known else None
            found = spanish_phone(digits)
            assert (found and found.kind) == expected, digits


# ------------------------------------------------------------------- D2: NIF
D2_VALID = [
    *["12345678Z", "12345678-Z", "ES12345678Z", "12.345.678-Z", "12345678z"],
    *["X1234567L", "Y1234567X", "Z1234567R", "X0000000T"],
    *["A58818501", "B12345674", "G28029007", "J99216582"],
    *["Q2826000H", "P2807900B", "N0032484H", "W0010754J"],
    *["K1234567L", "M1234567L", " x-1234567-l "],
]
D2_INVALID = [
    ("12345678A", "nif_checksum"),
    ("1234567L", "nif_length_suggest"),
    ("X1234567A", "nif_checksum"),
    ("A58818502", "nif_checksum"),
    ("B12345678", "nif_checksum"),
    ("U12345678", "nif_checksum"),
    ("P2807900C", "nif_checksum"),
    ("L1234567A", "nif_checksum"),
    ("00000000T", "nif_dummy"),
    ("00000001R", "nif_dummy"),
    ("99999999R", "nif_dummy"),
    ("I12345678", "nif_format"),
    ("", "nif_empty"),
    ("N/A", "nif_format"),
    (12345678.0, "nif_length"),
    ("123456789Z0", "nif_length"),
]


@pytest.mark.parametrize("written", D2_VALID)
def test_d2_a_right_nif_is_taken(written):
    nif = parse_nif(written)
    assert len(nif.number) == 9
    assert stdnum_nif.is_valid(nif.number)


@pytest.mark.parametrize(("written", "code"), D2_INVALID)
def test_d2_a_wrong_nif_is_refused_with_its_reason(written, code):
    nif, problem = check_nif(written)
    assert nif is None
    assert problem.code == code


def test_a_short_nif_is_not_padded_but_its_likely_form_is_told():
    assert "01234567L" in check_nif("1234567L")[1].text()


@pytest.mark.parametrize(
    ("number", "kind", "letter", "natural"),
    [
        ("12345678Z", "person", "", True),
        ("K1234567L", "person", "K", True),
        ("X1234567L", "nie", "X", True),
        ("A58818501", "company", "A", False),
        ("J99216582", "company", "J", False),
        ("W0010754J", "company", "W", False),
    ],
)
def test_the_first_letter_says_who_it_is(number, kind, letter, natural):
    nif = parse_nif(number)
    assert (nif.kind, nif.letter, nif.natural) == (kind, letter, natural)


@given(
    st.one_of(
        ANYTHING,
        st.from_regex(r"\A[0-9]{8}[A-Z]\Z"),
        st.from_regex(r"\A[A-Z][0-9]{7}[0-9A-Z]\Z"),
    )
)
def test_a_nif_is_right_when_the_library_says_so_and_never_raises(raw):
    nif, problem = check_nif(raw)
    assert (nif is None) == (problem is not None)
    if nif:
        assert stdnum_nif.is_valid(nif.number)
        assert parse_nif(nif.number) == nif
    elif isinstance(raw, str) and raw.isascii() and raw.isalnum() and len(raw) == 9:
        assert problem.code == "nif_dummy" or not stdnum_nif.is_valid(raw)


# ------------------------------------------------------------------ D2: IBAN
@pytest.mark.parametrize(
    "written",
    [
        "ES9121000418450200051332",
        "ES91 2100 0418 4502 0005 1332",
        "iban es91-2100-0418-4502-0005-1332",
        "ES7921000813610123456789",
        "DE89370400440532013000",
        "PT50000201231234567890154",
    ],
)
def test_d2_a_right_iban_is_taken(written):
    assert parse_iban(written).number == written.upper().replace(" ", "").replace(
        "-", ""
    ).removeprefix("IBAN")


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("ES9121000418450200051333", "iban_checksum"),
        ("ES912100041845020005133", "iban_length"),
        ("2100 0418 4502 0005 1332", "iban_format"),
        ("", "iban_empty"),
        # right by mod 97, wrong by the account's own digits
        ("ES2921000418460200051332", "iban_account"),
    ],
)
def test_d2_a_wrong_iban_is_refused_with_its_reason(written, code):
    assert check_iban(written)[1].code == code


def test_an_account_number_is_not_shown_in_messages():
    text = check_iban("ES9121000418450200051333")[1].text()
    assert "2100" not in text
    assert mask_iban("ES9121000418450200051332").startswith("ES91 ••••")
    assert mask_iban("ES9121000418450200051332").endswith("1332")


@given(ANYTHING)
def test_an_iban_never_raises(raw):
    iban, problem = check_iban(raw)
    assert (iban is None) == (problem is not None)


# -------------------------------------------------------------- D3: provinces
D3 = (
    "01 VI/PV·02 AB/CM·03 A/VC·04 AL/AN·05 AV/CL·06 BA/EX·07 PM/IB·08 B/CT·09 BU/CL·"
    "10 CC/EX·11 CA/AN·12 CS/VC·13 CR/CM·14 CO/AN·15 C/GA·16 CU/CM·17 GI/CT·18 GR/AN·"
    "19 GU/CM·20 SS/PV·21 H/AN·22 HU/AR·23 J/AN·24 LE/CL·25 L/CT·26 LO/RI·27 LU/GA·"
    "28 M/MD·29 MA/AN·30 MU/MC·31 NA/NC·32 OR/GA·33 O/AS·34 P/CL·35 GC/CN·36 PO/GA·"
    "37 SA/CL·38 TF/CN·39 S/CB·40 SG/CL·41 SE/AN·42 SO/CL·43 T/CT·44 TE/AR·45 TO/CM·"
    "46 V/VC·47 VA/CL·48 BI/PV·49 ZA/CL·50 Z/AR·51 CE/CE·52 ME/ML"
)


@pytest.mark.parametrize("entry", D3.split("·"))
def test_d3_each_province_has_its_odoo_state_and_region(entry):
    ine, _, codes = entry.partition(" ")
    province = PROVINCES[ine]
    assert f"{province.state}/{province.region}" == codes
    place = parse_postcode(f"{ine}001")
    assert (place.code, place.province) == (f"{ine}001", ine)
    assert place.tz == ("Atlantic/Canary" if ine in ("35", "38") else "Europe/Madrid")


def test_d3_the_states_are_those_that_odoo_has():
    import csv
    from pathlib import Path

    import odoo.addons.base as base

    path = Path(base.__path__[0]) / "data" / "res.country.state.csv"
    with path.open(encoding="utf-8") as stream:
        ours = {
            f"base.{row['id']}": row["code"]
            for row in csv.DictReader(stream)
            if row["id"].startswith("state_es_")
        }
    assert ours == {p.xmlid: p.state for p in PROVINCES.values()}


@pytest.mark.parametrize(
    ("written", "code"),
    [("28001", "28001"), ("01001", "01001"), ("08080", "08080"), ("52001", "52001")],
)
def test_d3_a_right_postcode_is_taken(written, code):
    assert parse_postcode(written).code == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("00001", "postcode_no_province"),
        ("53001", "postcode_no_province"),
        ("2800", "postcode_length"),
        ("28O01", "postcode_format"),
        ("", "postcode_empty"),
    ],
)
def test_d3_a_wrong_postcode_is_refused_with_its_reason(written, code):
    assert check_postcode(written)[1].code == code


def test_a_postcode_that_a_spreadsheet_robbed_of_its_zero_gets_it_back():
    assert parse_postcode(7001.0).code == "07001"
    assert parse_postcode(8009).code == "08009"
    assert parse_postcode(41001.0).code == "41001"
    assert parse_postcode("E-28001").code == "28001"
    # a text only where the province beside it says the same
    assert parse_postcode("8009", PROVINCES["08"]).code == "08009"
    assert parse_postcode("2800", PROVINCES["38"]) is None
    assert parse_postcode("2800") is None


@pytest.mark.parametrize(
    ("written", "ine"),
    [
        ("Bizkaia", "48"),
        ("VIZCAYA", "48"),
        ("Coruña, A", "15"),
        ("La Coruña", "15"),
        ("Valencia/València", "46"),
        ("Alicante (Alacant)", "03"),
        ("ILLES BALEARS", "07"),
        ("Las Palmas", "35"),
        ("Palmas, Las", "35"),
        ("Araba/Álava", "01"),
        ("Gerona", "17"),
        ("28", "28"),
        ("M", "28"),
        ("Melilla", "52"),
        ("ME", "52"),
    ],
)
def test_a_province_is_found_in_any_of_its_languages(written, ine):
    assert find_province(written).ine == ine


def test_what_is_no_province_is_not_guessed():
    assert find_province("Lisboa") is None
    assert find_province("Madrid/Toledo") is None
    assert find_province("") is None
    assert find_province("99") is None


@given(ANYTHING)
def test_a_postcode_never_raises(raw):
    place, problem = check_postcode(raw)
    assert (place is None) == (problem is not None)
    if place:
        assert parse_postcode(place.code).province == place.province
    find_province(raw)


# -------------------------------------------------------------------- e-mail
@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("Ana@Ejemplo.ES", "ana@ejemplo.es"),
        ("begoña7@ejemplo.es", "begoña7@ejemplo.es"),
        ("mª58@ejemplo.es", "mª58@ejemplo.es"),
        ("fco.14@ejemplo.es", "fco.14@ejemplo.es"),
        ("Ana <ana@x.es>", "ana@x.es"),
        ("mailto:ana@x.es", "ana@x.es"),
        ("mal; ana@x.es", "ana@x.es"),
        ("a+b@x.co.uk", "a+b@x.co.uk"),
    ],
)
def test_a_plausible_mail_is_taken(written, address):
    assert parse_email(written) == address


@pytest.mark.parametrize(
    "written",
    ["a@b", "sin correo", "a..b@x.es", "@x.es", "a@x..es", "a@-x.es", "a b@", "a@1.2"],
)
def test_an_implausible_mail_is_refused(written):
    address, problem = check_email(written)
    assert address is None
    assert problem.code in REASONS


@given(
    st.one_of(
        st.emails(),
        st.from_regex(r"\A[A-Za-z0-9_+.-]{1,12}@[a-z0-9._-]{1,12}\.[a-zA-Z0-9]{1,4}\Z"),
    )
)
@example("A.b-c_d+e@x-y.Co.es")
def test_a_usual_mail_is_read_as_any_other(raw):
    # a space in front sends it the long way
    address, problem = check_email(raw)
    slow, why = check_email(" " + raw)
    assert (address, problem and problem.code) == (slow, why and why.code)


@given(ANYTHING)
def test_a_mail_never_raises_and_is_stable(raw):
    address, problem = check_email(raw)
    assert (address is None) == (problem is not None)
    if address:
        assert parse_email(address) == address


# ---------------------------------------------------------------------- text
@given(ANYTHING)
def test_clean_text_is_idempotent_and_storable(raw):
    text = clean_text(raw)
    assert clean_text(text) == text
    text.encode("utf-8")
    assert "\x00" not in text
    note = clean_text(raw, multiline=True)
    assert clean_text(note, multiline=True) == note
    note.encode("utf-8")
    assert fold(fold(text)) == fold(text)


def test_every_reason_takes_the_parameters_it_is_given():
    facts = {"country": "PT", "length": 8, "suggestion": "01234567L", "value": "x"}
    for template in REASONS.values():
        assert template % facts


# --------------------------------------------------------------------- D4: sectors
D4 = "electricity gas telecom insurance credit water security health education other"


@pytest.mark.parametrize("code", D4.split())
def test_d4_each_sector_with_rules_of_its_own_is_shipped(code):
    home = Path(__file__).parents[2] / "telemarketing_base"
    tree = ElementTree.parse(home / "data/telemarketing_sectors.xml")
    codes = [node.text for node in tree.iter("field") if node.get("name") == "code"]
    assert codes.count(code) == 1
