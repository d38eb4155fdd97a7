"""Lista Robinson: hashes by the table of spain.md C4, answers, files."""

import io
import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.telemarketing_base.compliance.robinson import (
    HASHES_PER_REQUEST,
    LINE_COUNT_LIMIT,
    REASONS,
    SIZE_LIMIT,
    AnswerError,
    FileError,
    check_file,
    detect_format,
    hash_e164,
    hash_email,
    hash_identity,
    hash_phone,
    normalise_email,
    normalise_identity,
    normalise_phone,
    normalise_text,
    parse_answer,
    parse_file,
    request_body,
)

CALLS = "9a0d14c71b6bb4b50fd4a9efc0536de8c7198f4bebdadcc4e7ee32731fb75c15"
SMS = "ea48b0f337aded1ab2d7fb495b075883b91319a0c8c5b88d5be9d28c95663ac4"
MOBILE = "d9bae9a1964fb8774eed29c0320d9f89ed5def31422bdbaad59bd3ab061b978a"


class TestVectorsC4:
    def test_calls_345678890(self):
        assert hash_phone("345678890") == CALLS

    def test_sms_345678890(self):
        assert hash_phone("345678890", "sms") == SMS

    @pytest.mark.parametrize(
        "written", ["612345678", "+34 612 34 56 78", "0034612345678"]
    )
    def test_calls_612345678_however_written(self, written):
        assert hash_phone(written) == MOBILE

    def test_calls_of_e164_is_the_same(self):
        assert hash_e164("+34612345678") == MOBILE

    def test_bare_34_hashes_wrong_so_e164_is_asked_for(self):
        assert hash_phone("34612345678") != MOBILE
        for written in ("34612345678", "612345678", "+34 612345678", "+34612345678\n"):
            with pytest.raises(ValueError):
                hash_e164(written)

    def test_dni_98765432A(self):
        assert hash_identity("98765432A") == (
            "e524b10e0f5e00f0712ac8af272729df0b66eb7110ef1cea3ba17c582d68d28d"
        )

    def test_nie_X9876543A(self):
        assert hash_identity("X9876543A") == (
            "0581aca5a93de562091691b42e6f84afc7e29e8d9a3d61e4535939788221678d"
        )

    def test_email_regularmail(self):
        assert hash_email("regularmail@listarobinson.net") == (
            "54c46846985b7ee2b5a1dbc899b0f55dbb711f5a7d84ab3f9f8d37060dad2174"
        )

    def test_calls_full_with_name_and_surnames(self):
        name = ("Name", "FirstSurname", "SecondSurname")
        assert hash_phone("345 678 890", name=name) == (
            "64dd89690038f07b774f3283d4e492550e6b0dc64ecb3a62bb4f99b8157ab031"
        )

    def test_sms_full_with_name_and_surnames(self):
        name = ("Name", "FirstSurname", "SecondSurname")
        assert hash_phone("345678890", "sms", name) == (
            "e1d4f02276fd087415f9b9f8886506b30ebc8959ebe34150910036ff3149e9bd"
        )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("93-240.40.70", "0034932404070"),
        ("932-40.40.70.15480", "003493240407015480"),
        ("+325256174", "00325256174"),
        ("0325256174", "00340325256174"),
    ],
)
def test_phones_are_written_as_the_service_writes_them(written, expected):
    assert normalise_phone(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Iñaki", "inaki"),
        ("Höfnerø", "hfner"),  # letters that the service does not know go
        ("calçots", "calcots"),
        ("JAiMe,MARTÍNEZ-lóPEZ,vilÀ", "jaimemartinezlopezvila"),
        ("Jose\u0301", "jose"),  # decomposed
        ("1234", ""),
    ],
)
def test_names_are_written_as_the_service_writes_them(written, expected):
    assert normalise_text(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("12345-A", "12345a"),
        ("89871368UM", "89871368m"),
        ("89871368I", "89871368"),
        ("Z 0117223-S", "z0117223s"),
        ("Á", ""),
    ],
)
def test_identities_are_written_as_the_service_writes_them(written, expected):
    assert normalise_identity(written) == expected


def test_mails_are_written_as_the_service_writes_them():
    assert normalise_email("Ejemplo#mail-Con_G+1@Dominio.com") == (
        "ejemplomail-con_g+1@dominio.com"
    )


@given(st.from_regex(r"\+[1-9][0-9]{4,14}", fullmatch=True))
def test_the_two_ways_to_a_hash_agree(e164):
    assert hash_e164(e164) == hash_phone(e164)


# ------------------------------------------------------- request and answer
def hashes(count):
    return [hash_e164(f"+346{n:08d}") for n in range(count)]


def test_sixty_hashes_go_in_a_request_and_no_more():
    assert request_body(hashes(HASHES_PER_REQUEST)).count(b",") == 59
    for bad in (hashes(61), [], [CALLS, CALLS], ["612345678"], [CALLS.upper()]):
        with pytest.raises(ValueError):
            request_body(bad)


def answer(**entry):
    return {CALLS: {"found": True, "sectors": ["1", "7"], "signature": "c2k=", **entry}}


def parse(data):
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    return parse_answer(content, [CALLS])[CALLS]


def test_an_answer_says_presence_sectors_and_proof():
    entry = parse(answer())
    assert (entry.present, entry.sectors, entry.proof) == (True, ("1", "7"), "c2k=")
    entry = parse(answer(found=False, sectors=[]))
    assert (entry.present, entry.sectors) == (False, ())
    assert parse(answer(sectors=None)).sectors == ()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<html>Bad gateway</html>", "answer_not_json"),
        (b"\xff\xfe", "answer_not_json"),
        (b"[" * 100_000, "answer_not_json"),
        ([], "answer_not_json"),
        ({}, "answer_incomplete"),
        ({SMS: {"found": False, "sectors": [], "signature": "x"}}, "answer_incomplete"),
        ({CALLS: None}, "answer_incomplete"),
        ({CALLS: False}, "answer_unclear"),
        (answer(found=None), "answer_unclear"),
        (answer(found=0), "answer_unclear"),
        (answer(found="false"), "answer_unclear"),
        (answer(sectors="1"), "answer_unclear"),
        (answer(signature=""), "answer_no_proof"),
        (answer(signature=None), "answer_no_proof"),
    ],
)
def test_what_is_not_plainly_said_is_no_answer(data, code):
    with pytest.raises(AnswerError) as caught:
        parse(data)
    assert caught.value.code == code
    assert code in REASONS


@given(st.binary(max_size=200))
def test_no_bytes_make_an_answer_up(content):
    with pytest.raises(AnswerError):
        parse_answer(content, [CALLS])


# -------------------------------------------------------------------- files
def read(content):
    content = content.encode() if isinstance(content, str) else content
    known = detect_format(io.BytesIO(content))
    return known, list(parse_file(io.BytesIO(content), known))


def said(lines):
    return [(line.hash, line.present) for line in lines if not line.problem]


OTHER = hash_e164("+34912345678")


@pytest.mark.parametrize("heading", ["", "hash\n", "\ufeffHuella\r\n"])
def test_a_list_of_hashes_says_who_is_in_it(heading):
    known, lines = read(f"{heading}{MOBILE}\n{OTHER.upper()}\n\n")
    assert (known.key, known.result_column) == ("hash", None)
    assert said(lines) == [(MOBILE, True), (OTHER, True)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "key", ["612345678", "+34 612 34 56 78", MOBILE, f'"{MOBILE}"']
)
def test_a_result_column_says_one_or_zero(separator, key):
    content = f"a{separator}b\n{key}{separator}1\n{OTHER}{separator}0\n"
    if len(key) < 60:
        content = content.replace(OTHER, "912345678")
    _known, lines = read(content)
    assert said(lines) == [(MOBILE, True), (OTHER, False)]


def test_the_file_of_the_services_own_program_is_understood():
    # as it was given, result, sectors, proof; quoted if what was given was
    content = (
        "K-1,612345678,1,1#7#9,MTYwMDAwOmFi\r\n"
        "K-2,912345678,0,,MTYwMDAwOmNk\r\n"
        '"K-3","698765432","1","","MTYwMDAwOmVm"\r\n'
    )
    known, lines = read(content)
    assert (known.key_column, known.result_column) == (1, 2)
    assert said(lines) == [
        (MOBILE, True),
        (OTHER, False),
        (hash_e164("+34698765432"), True),
    ]


def test_bad_lines_are_told_and_the_rest_is_read():
    content = f"{MOBILE};1\nnothing;1\n{OTHER};1\n{MOBILE[:-1]};0\n{CALLS};0\n"
    _known, lines = read(content)
    assert said(lines) == [(MOBILE, True), (OTHER, True), (CALLS, False)]
    assert [(line.number, line.problem) for line in lines if line.problem] == [
        (2, "line_no_key"),
        (4, "line_no_key"),
    ]


def test_a_result_that_is_neither_one_nor_zero_is_no_result():
    content = "".join(f"{one};0\n" for one in hashes(300)) + f"{MOBILE};2\n{OTHER}\n"
    _known, lines = read(content)
    assert [line.problem for line in lines if line.problem] == ["line_no_result"] * 2
    assert len(said(lines)) == 300


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "file_empty"),
        ("\n \n", "file_empty"),
        ("Nombre;Ciudad\nAna;Vigo\nLuis;Lugo\nEva;Ourense\n", "file_unknown"),
        ("612345678\n912345678\n698765432\n", "file_no_result"),
        (b"%PDF-1.4\x00\xff\n" * 50, "file_unknown"),
        (b"PK\x03\x04" * 5000, "file_unknown"),
    ],
)
def test_a_file_that_says_nothing_of_the_list_is_refused(content, code):
    with pytest.raises(FileError) as caught:
        read(content)
    assert caught.value.code == code
    assert code in REASONS


def test_unicode_text_of_excel_is_read():
    _known, lines = read(f"{MOBILE}\t1\r\n{OTHER}\t0\r\n".encode("utf-16"))
    assert said(lines) == [(MOBILE, True), (OTHER, False)]


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(content):
    clean = f"{MOBILE}\n".encode()
    known = detect_format(io.BytesIO(clean * 3))
    lines = parse_file(io.BytesIO(clean + content), known)
    assert (MOBILE, True) in said(list(lines))
    try:
        detect_format(io.BytesIO(content))
    except FileError as error:
        assert error.code in REASONS


class Endless(io.RawIOBase):
    """A file made as it is read, that nobody could hold."""

    def __init__(self, line, count):
        self.line, self.left = line, count

    def readable(self):
        return True

    def readinto(self, buffer):
        count = min(self.left, max(1, len(buffer) // len(self.line)))
        data = self.line * count
        buffer[: len(data)] = data
        self.left -= count
        return len(data)


def test_half_a_million_lines_take_no_more_memory_than_one():
    line = f"{MOBILE};1\n".encode()
    known = detect_format(io.BytesIO(line * 3))
    tracemalloc.start()
    try:
        stream = io.BufferedReader(Endless(line, 500_000))
        assert sum(one.present for one in parse_file(stream, known)) == 500_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"", "file_empty"),
        (b"PK\x03\x04\x14\x00", "file_not_text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file_not_text"),
        (b"\x1f\x8b\x08", "file_not_text"),
        (b"%PDF-1.7", "file_not_text"),
    ],
)
def test_workbooks_and_compressed_files_are_refused_with_what_to_do(head, code):
    stream = io.BytesIO(b"x" + head)
    stream.seek(1)
    with pytest.raises(FileError) as caught:
        check_file(stream)
    assert (caught.value.code, code in REASONS) == (code, True)


def test_a_file_larger_than_any_list_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(f"{MOBILE}\n".encode())
    with open(path, "rb+") as stream:
        check_file(stream)
        assert stream.tell() == 0
        stream.truncate(SIZE_LIMIT + 1)
        with pytest.raises(FileError, match="too large"):
            check_file(stream)


def test_lines_without_end_do_not_keep_the_server_busy():
    known = detect_format(io.BytesIO(f"{MOBILE}\n".encode() * 3))
    stream = io.BufferedReader(Endless(b"\n", LINE_COUNT_LIMIT + 10))
    with pytest.raises(FileError, match="too many lines"):
        list(parse_file(stream, known))
    with pytest.raises(FileError, match="empty"):
        detect_format(io.BytesIO(b"\n" * 50_000_000))


def test_a_line_of_nothing_but_separators_is_no_work():
    begun = time.monotonic()
    with pytest.raises(FileError):
        detect_format(io.BytesIO((b";612345678," * 900 + b"\n") * 200))
    assert time.monotonic() - begun < 10


def test_a_line_without_end_takes_no_memory():
    known = detect_format(io.BytesIO(f"{MOBILE}\n".encode() * 3))
    tracemalloc.start()
    try:
        stream = io.BufferedReader(Endless(b"a" * 1000, 50_000))
        lines = list(parse_file(stream, known))
        assert [line.problem for line in lines] == ["line_too_long"]
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
