"""Results of calls in a sheet: what is written is what is read, in both languages."""

import csv
import io

import pytest

from odoo.addons.telemarketing_base.identity.text import fold
from odoo.addons.telemarketing_base.importing import ReadError, open_table
from odoo.addons.telemarketing_base.importing.reasons import REASONS
from odoo.addons.telemarketing_base.importing.results import (
    BY_NAME,
    COLUMNS,
    LIMITS,
    WORDS,
    known_headings,
    read_headings,
    read_line,
    write_results,
    write_sample,
    write_value,
)


def test_no_heading_means_two_columns():
    seen = {}
    for column in COLUMNS:
        for text in {column.english, column.spanish, column.name, *column.aliases}:
            assert seen.setdefault(fold(text), column.name) == column.name, text


@pytest.mark.parametrize("name", WORDS)
def test_no_word_means_two_things(name):
    seen = {}
    for value, words in WORDS[name].items():
        for word in (value, *words):
            assert seen.setdefault(fold(word), value) == value, word


@pytest.mark.parametrize("spanish", [False, True])
@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_what_is_written_is_read_back(column, spanish):
    values = {
        "name": ["Price", "=1+1", "'quoted", "a;b"],
        "text": ["Dear customer", "-5"],
        "names": [[], ["A"], ["A", "B, S.L."]],
        "choice": list(WORDS.get(column.name, ())),
        "yes_no": [True, False],
        "integer": [int(column.low) or 1, int(column.high)],
        "number": [1.0, 1.25, 10.0],
    }[column.shape]
    for value in values:
        line = {"level_1": "Top", "level_2": "", "level_3": ""}
        if column.name == "level_3":
            line["level_2"] = "Middle"
        line[column.name] = write_value(column.name, value, spanish)
        content = write_results([line], spanish)
        table = open_table(content, "r.csv", limits=LIMITS, known=known_headings)
        columns, unknown = read_headings(table.headings)
        assert not unknown
        _number, row = next(table.rows())
        cells = dict(zip(columns, row, strict=True))
        read, problems = read_line(cells, not spanish)
        assert not problems, [p.text(reasons=REASONS) for p in problems]
        assert read[column.name] == value


@pytest.mark.parametrize("spanish", [False, True])
def test_the_sample_is_right_and_leaves_out_what_is_not_there(spanish):
    content = write_sample(spanish, ("needs_survey",)).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content), delimiter=";"))
    columns, unknown = read_headings(rows[0])
    assert not unknown
    assert "needs_survey" not in columns
    for row in rows[1:]:
        _values, problems = read_line(dict(zip(columns, row, strict=True)), spanish)
        assert not problems


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("key", "0"),
        ("key", "a"),
        ("key", "1.5"),
        ("backoff", "nan"),
        ("backoff", "inf"),
        ("backoff", "0,9"),
        ("redial_minutes", "1_000"),
        ("redial_minutes", "1e3"),
        ("redial_minutes", "٣"),
        ("redial_minutes", "9" * 400),
        ("sequence", float("inf")),
        ("is_conversion", "quizá"),
        ("kind", "=1"),
        ("code", "=1+1"),
        ("code", "a\x00b"),
        ("code", "a\u202eb"),
        ("level_1", "x" * 121),
        ("mail_template_id", "＝1"),
    ],
)
def test_what_is_no_value_is_told_in_a_whole_sentence(name, cell):
    values, problems = read_line({"level_1": "Top", name: cell})
    assert len(problems) == 1
    assert name not in values
    sentence = problems[0].text(reasons=REASONS)
    assert "%(" not in sentence
    assert BY_NAME[name].english in sentence


def test_headings_that_do_not_serve():
    with pytest.raises(ReadError) as caught:
        read_headings(["Code", "Level 1", "Código"])
    assert caught.value.code == "result_heading_twice"
    with pytest.raises(ReadError) as caught:
        read_headings(["Code", "Name"])
    assert caught.value.code == "result_no_level"


def test_a_result_called_like_a_heading_of_people_is_no_heading():
    content = "Código;Nivel 1;Contacto\r\nX1;No llamar;Contacto\r\nX2;Nombre;\r\n"
    table = open_table(content.encode(), "r.csv", limits=LIMITS, known=known_headings)
    assert len(list(table.rows())) == 2
