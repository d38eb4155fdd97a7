"""Messages of the manager interface: bytes to dicts and back.

A message is lines ``Key: value`` closed by CR LF, an empty line at its end; keys may
repeat. The greeting ``Asterisk Call Manager/…`` is a line alone.
"""

from __future__ import annotations

import re

END, LINE = b"\r\n\r\n", b"\r\n"
GREETING = b"Asterisk Call Manager/"
# Longer ones are no manager's: better lose the link than the memory.
LONGEST = 4 * 1024 * 1024

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NAME = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]*")
# Asterisk cuts a Variable header at commas and reads quotes, backslashes, brackets and
# ${…} in it: what a person typed never goes there, only ids, numbers and our own words.
_VALUE = re.compile(r"[A-Za-z0-9_.:+@/-]*")


class ProtocolError(Exception):
    """Whoever is there does not speak the manager's protocol."""


class Decoder:
    """Takes bytes as they come and gives whole messages.

    Text is decoded a message at a time, so a letter cut in two by the network stays
    whole.
    """

    def __init__(self):
        self.buffer = bytearray()
        self.greeting = None

    def feed(self, data):
        """:param bytes data: any piece of the stream
        :return: the messages that it completes: ``{key: value}``, a list of values
            where a key repeats
        :raises ProtocolError: no greeting, or a message without an end
        """
        buffer = self.buffer
        buffer += data
        if self.greeting is None:
            line, found, rest = bytes(buffer).partition(LINE)
            if not line.startswith(GREETING[: len(line)]) or len(line) > 200:
                raise ProtocolError(f"no Asterisk manager: {line[:60]!r}")
            if not found:
                return []
            self.greeting = line.decode("ascii", "replace")
            self.buffer = buffer = bytearray(rest)
        found = []
        begin = 0
        while True:
            end = buffer.find(END, begin)
            if end < 0:
                break
            if end > begin:
                found.append(_message(bytes(buffer[begin:end])))
            begin = end + len(END)
        del buffer[:begin]
        if len(buffer) > LONGEST:
            raise ProtocolError(f"a message of more than {LONGEST} bytes")
        return found


def _message(raw):
    found = {}
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon:
            continue
        value = value[1:] if value[:1] == " " else value
        if key in found:
            before = found[key]
            found[key] = (
                [*before, value] if isinstance(before, list) else [before, value]
            )
        else:
            found[key] = value
    return found


def encode(action, headers, variables=None):
    """:param str action: its name
    :param dict headers: ``{key: value}``; None leaves a key out
    :param dict variables: channel variables of an Originate
    :return: bytes to send
    :raises ValueError: where something would end the line or begin another one, or a
        variable's value is more than letters, digits and ``_.:+@/-``
    """
    lines = [("Action", action), *((headers or {}).items())]
    out = []
    for key, value in lines:
        if value is None:
            continue
        value = str(value)
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a header of the manager: {key!r}")
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
            raise ValueError(f"{key} has control characters: {value!r}")
        out.append(f"{key}: {value}")
    for name, value in (variables or {}).items():
        value = str(value)
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a channel variable: {name!r}")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"{name} has more than letters and digits: {value!r}")
        out.append(f"Variable: {name}={value}")
    return ("\r\n".join(out) + "\r\n\r\n").encode("utf-8")
