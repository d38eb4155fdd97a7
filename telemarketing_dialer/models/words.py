"""What may be written where Asterisk reads it: nothing that its dialplan or its manager
interface could take for more than a word."""

import re

from odoo.exceptions import ValidationError

WORD = re.compile(r"[A-Za-z0-9_.:+@/-]+")
HOST = re.compile(r"[A-Za-z0-9_.:-]+")
SOUND = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
FOLDER = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9_.-]+)+")


def label(records, name):
    return records._fields[name].get_description(records.env, ["string"])["string"]


def check_word(record, name, pattern, sentence):
    """:param str sentence: translated; what may be written there"""
    text = record[name]
    if text and not pattern.fullmatch(text):
        raise ValidationError(
            record.env._(
                "%(field)s: “%(text)s” cannot be used. %(sentence)s",
                field=label(record, name),
                text=text,
                sentence=sentence,
            )
        )


def check_sound(record, name):
    check_word(
        record,
        name,
        SOUND,
        record.env._(
            "Write the sound's name as Asterisk knows it, without suffix: letters, "
            "digits, - and _, folders separated by /."
        ),
    )


def check_template(record, name, placeholder):
    """A channel with ``{placeholder}`` in it, once."""
    text = record[name] or ""
    mark = f"{{{placeholder}}}"
    if text.count(mark) != 1 or not WORD.fullmatch(text.replace(mark, "0")):
        raise ValidationError(
            record.env._(
                "%(field)s: “%(text)s” cannot be used. Write %(mark)s once, where it "
                "belongs; besides it only letters, digits and _ . : + @ / -, as in "
                "%(example)s.",
                field=label(record, name),
                text=text,
                mark=mark,
                example=record._fields[name].default(record),
            )
        )
