"""Rows as lines of COPY, here or in a second process: nothing lost, nothing added."""

import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.telemarketing_base.importing import (
    Limits,
    ReadError,
    Settings,
    clean_row,
    open_table,
)
from odoo.addons.telemarketing_base.importing import source as source_module
from odoo.addons.telemarketing_base.importing.source import Source, WorkerDied
from odoo.addons.telemarketing_base.importing.staging import (
    COLUMNS,
    Lines,
    Staging,
    chunks,
    from_json,
    pack,
    unpack,
)

HEADINGS = ("Teléfono", "Nombre", "Dirección", "NIF", "Nota", "Nota", "")
MAPPING = ("phone", "name", "street", "vat", "note", "extra:Nota", "external_key")
PLAIN = Staging(mapping=MAPPING, settings=Settings(), headings=HEADINGS)

cells = st.one_of(
    st.none(),
    st.text(st.characters(), max_size=12),
    st.sampled_from(
        ["\\N", "\\.", "\t", "a\nb", '"{,}"', "\x01", "\x00", "\ud800", "null"]
    ),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
)


def read_copy(data):
    """Rows as PostgreSQL reads them: COPY's text format with NULL ''."""
    escapes = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
    text = data.decode("utf-8")
    assert text.endswith("\n") and "\r" not in text and "\x00" not in text
    for line in text[:-1].split("\n"):
        fields = line.split("\t")
        assert len(fields) == len(COLUMNS), line
        assert "\\." != line
        yield {
            name: None
            if field == ""
            else re.sub(r"\\(.)", lambda m: escapes[m.group(1)], field)
            for name, field in zip(COLUMNS, fields, strict=True)
        }


def read_array(text):
    """Elements of an array as PostgreSQL reads its text."""
    assert text[0] == "{" and text[-1] == "}"
    found, place = [], 1
    while place < len(text) - 1:
        if text[place] == '"':
            place += 1
            element = ""
            while text[place] != '"':
                place += text[place] == "\\"
                element += text[place]
                place += 1
            place += 1
        else:
            end = re.compile("[,}]").search(text, place).start()
            element = text[place:end]
            assert element and element.strip() == element and element != "NULL"
            place = end
        found.append(element)
        assert text[place] in ",}"
        place += 1
    return found


def as_kept(value):
    """A cell as jsonb keeps it: no NUL, a lone surrogate is a question mark."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float) and not -1e400 < value < 1e400:
        return repr(value)
    return value


@settings(deadline=None, max_examples=400)
@given(st.lists(cells, min_size=0, max_size=9))
def test_what_is_written_is_what_is_read(raw):
    raw = ["612345678", *raw]
    clean = clean_row(list(raw), list(MAPPING), Settings(), 7)
    line = Lines(PLAIN).of_row(clean)
    (row,) = read_copy((line + "\n").encode("utf-8", "replace"))
    assert row["row"] == "7"
    assert row["ok"] == ("f" if clean.problems else "t")
    assert row["name"] == (as_kept(clean.name) or None)
    assert row["note"] == (as_kept(clean.note) or None)
    assert read_array(row["e164s"]) == [phone.e164 for phone in clean.phones]
    assert read_array(row["raws"]) == [
        as_kept(phone.raw[:64]) or phone.e164 for phone in clean.phones
    ]
    keys = ["Teléfono", "Nombre", "Dirección", "NIF", "Nota", "Nota (2)", "#7"]
    values = json.loads(row["raw_values"])
    assert list(values) == keys[: len(raw)]
    for key, cell in zip(keys, raw, strict=False):
        assert from_json(values[key]) == as_kept(cell)
    if row["raw"]:
        assert [from_json(cell) for cell in json.loads(row["raw"])] == [
            as_kept(cell) for cell in raw
        ]
    assert bool(row["raw"]) == bool(clean.problems or clean.notices)
    for column in ("problems", "notices"):
        assert "\\u0000" not in (row[column] or "").replace("\\\\", "")


def test_several_phones_stay_in_order_each_with_its_own():
    raw = ["+34 612-345.678 / 91 234 56 78", "Ana", "S", None, None, None, None]
    clean = clean_row(raw, list(MAPPING), Settings(), 2)
    (row,) = read_copy((Lines(PLAIN).of_row(clean) + "\n").encode())
    assert read_array(row["e164s"]) == ["+34612345678", "+34912345678"]
    assert read_array(row["kinds"]) == ["mobile", "fixed"]
    assert read_array(row["provinces"]) == ["", "28"]
    assert read_array(row["personal"]) == ["t", "t"]


@pytest.mark.parametrize(
    ("of_file", "cell", "own", "counts"),
    [
        (False, None, (None, None, None), ("client", None)),
        (True, None, ("client", None, "Fair"), ("client", None)),
        (False, "consent", ("consent", None, None), (None, None)),
        (True, "consent", ("consent", None, None), (None, None)),
    ],
)
def test_a_person_carries_only_what_her_database_does_not_say(
    of_file, cell, own, counts
):
    staging = Staging(
        mapping=("phone", "legal_basis"),
        settings=Settings(required=(), basis="client"),
        headings=("Tel", "Base"),
        basis_source="Fair",
        of_file=of_file,
    )
    clean = clean_row(["612345678", cell], list(staging.mapping), staging.settings, 2)
    (row,) = read_copy((Lines(staging).of_row(clean) + "\n").encode())
    assert (row["own_basis_code"], row["own_basis_on"], row["own_basis_source"]) == own
    assert (row["basis_in"], row["basis_in_on"]) == counts


def test_settings_cross_the_pipe_whole():
    given_settings = Settings(
        required=("phone", "name"),
        today=datetime.date(2026, 11, 22),
        basis_on=datetime.date(2026, 1, 2),
        key_columns=(1, 2),
        profile=(("plan", "Plan", "selection", (("a", "A"), ("b", "B"))),),
    )
    there = json.loads(json.dumps(pack(given_settings)))
    assert unpack(Settings, there) == given_settings
    limits = Limits(size=7, cells=9)
    assert unpack(Limits, json.loads(json.dumps(pack(limits)))) == limits


# ------------------------------------------------------------- a second process
@pytest.fixture
def people(tmp_path):
    def write(count, street="Calle Mayor 3"):
        path = tmp_path / "people.csv"
        lines = ["Teléfono;Nombre;Dirección;NIF;Nota;Nota;"]
        lines += [f"6{n:08};Ana {n};{street};;;;" for n in range(count)]
        path.write_text("\n".join(lines))
        return str(path)

    return write


def test_second_process_cleans_the_same_and_begins_with_a_short_chunk(people):
    path = people(2500)
    found = []
    for two in (False, True):
        with Source(path, "x.csv", PLAIN, size=1000, two=two) as source:
            found.append([(c.count, c.last, c.data) for c in source])
            assert (source.kind, source.separator) == ("csv", ";")
    here, second = found
    assert b"".join(data for *_place, data in here) == b"".join(
        data for *_place, data in second
    )
    assert [(count, last) for count, last, _data in here] == [
        (1000, 1001),
        (1000, 2001),
        (500, 2501),
    ]
    assert [(count, last) for count, last, _data in second] == [
        (200, 201),
        (1000, 1201),
        (1000, 2201),
        (300, 2501),
    ]


def test_a_load_goes_on_after_the_rows_that_are_done(people):
    path = people(25)
    (chunk,) = chunks(open_table(path), PLAIN, skip=20)
    assert [row["name"] for row in read_copy(chunk.data)] == [
        f"Ana {n}" for n in range(20, 25)
    ]


def test_a_file_that_cannot_be_taken_is_said_by_its_code(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"%PDF-1.4")
    with Source(str(path), "x.csv", PLAIN, two=True) as source:
        with pytest.raises(ReadError) as caught:
            list(source)
    assert caught.value.code == "file_not_table"


def test_a_killed_reader_is_no_end_of_the_file(people):
    path = people(3000, street="S" * 3000)
    with Source(path, "x.csv", PLAIN, size=100, two=True) as source:
        stream = iter(source)
        next(stream)
        os.kill(source.pid, signal.SIGKILL)
        with pytest.raises(WorkerDied, match="-9"):
            list(stream)


def test_the_reader_waits_for_whoever_loads(people):
    """However big the file, what is read ahead is bounded."""
    path = people(3000, street="S" * 3000)
    with Source(path, "x.csv", PLAIN, size=100, two=True) as source:
        stream = iter(source)
        next(stream)

        def spent():
            with open(f"/proc/{source.pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])

        before = None
        for _try in range(100):
            time.sleep(0.1)
            now = spent()
            if now == before:
                break
            before = now
        time.sleep(0.5)
        assert spent() - now <= 1
        pid = source.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_reader_ends_with_whoever_started_it(people, tmp_path):
    path = people(3000, street="S" * 3000)
    program = tmp_path / "parent.py"
    folder = os.path.dirname(os.path.dirname(source_module.__file__))
    program.write_text(
        f"""
import sys, types, time
package = types.ModuleType("kernels")
package.__path__ = [{folder!r}]
sys.modules["kernels"] = package
from kernels.importing.cleaning import Settings
from kernels.importing.source import Source
from kernels.importing.staging import Staging
staging = Staging({MAPPING!r}, Settings(), {HEADINGS!r})
source = Source({path!r}, "x.csv", staging, size=100, two=True)
next(iter(source))
assert not [name for name in sys.modules if name.startswith("odoo")]
print(source.pid, flush=True)
time.sleep(60)
"""
    )
    parent = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _try in range(100):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                state = stat.read().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the reader outlived its parent")
