"""What an administrator includes in Asterisk's configuration, for one server.

The texts are the files beside this one; ``@NAME@`` in them is a value. A value that
could be read as anything but itself is refused, for these files are Asterisk's
programs: who writes one line of them runs what he likes there.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from pathlib import Path

# Told by the global TELEMARKETING_DIALPLAN; raised whenever a text here changes.
VERSION = "1"

VALUES = {
    # uuid of the Odoo database whose people this Asterisk calls
    "database": None,
    # of the manager user
    "secret": None,
    "user": "telemarketing",
    # addresses or networks from which the dialer process comes
    "permit": ("127.0.0.1",),
    # folder of new recordings
    "spool": "/var/spool/asterisk/telemarketing",
    # sounds: who called and how to object; the line to the agent was lost
    "notice": "telemarketing/notice",
    "apology": "telemarketing/apology",
    # folder with the music of who waits
    "music": "moh",
    # seconds that a transferred person waits, where nothing else was said
    "patience": 60,
    # major version of Asterisk: how its manager wants filters
    "asterisk": 18,
}

_FILES = Path(__file__).parent / "files"
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_SECRET = re.compile(r"[A-Za-z0-9_.:+@/-]{16,100}")
_SOUND = re.compile(r"/?[A-Za-z0-9_-]+(?:[/.][A-Za-z0-9_-]+)*")
_FOLDER = re.compile(r"/[A-Za-z0-9_-]+(?:[/.][A-Za-z0-9_-]+)*")
_PLACEHOLDER = re.compile(r"@([A-Z]+)@")

# What a dialer does not read, of the classes that it does.
_NOISE = (
    "ContactStatus ContactStatusDetail DeviceStateChange ExtensionStatus LocalBridge "
    "MusicOnHoldStart MusicOnHoldStop NewAccountCode NewCallerid "
    "NewConnectedLine Newexten PeerStatus PresenceStateChange RTCPReceived RTCPSent "
    "TestEvent VarSet"
).split()


def _matching(pattern, what):
    def check(value):
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"{what}: {value!r}")
        return value

    return check


def _database(value):
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"not a uuid: {value!r}") from error


def _permit(value):
    """``permit`` lines; the whole world is not an address from which one comes."""
    if isinstance(value, str) or not value:
        raise ValueError(f"not a list of addresses: {value!r}")
    networks = [ipaddress.ip_network(one, strict=False) for one in value]
    if any(network.prefixlen < 8 for network in networks):
        raise ValueError(f"too wide: {value!r}")
    return "\n".join(f"permit = {network.with_netmask}" for network in networks)


def _whole(least, most):
    def check(value):
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"not between {least} and {most}: {value!r}")
        return str(value)

    return check


_CHECKS = {
    "database": _database,
    "secret": _matching(_SECRET, "16 to 100 letters, digits and _.:+@/- wanted"),
    "user": _matching(_WORD, "not a name"),
    "permit": _permit,
    "spool": _matching(_FOLDER, "not an absolute path"),
    "notice": _matching(_SOUND, "not a sound"),
    "apology": _matching(_SOUND, "not a sound"),
    "music": _matching(_SOUND, "not a folder"),
    "patience": _whole(1, 3600),
    "asterisk": _whole(18, 99),
}


def _filters(asterisk):
    """Event filters. Those of 22 are looked up by name; before, each is a regular
    expression that is tried on every event, so there is only one."""
    if asterisk >= 22:
        return "\n".join(
            f"eventfilter(action(exclude),name({name})) =" for name in _NOISE
        )
    return f"eventfilter = !^Event: ({'|'.join(_NOISE)})[[:cntrl:]]"


def render(values):
    """:param dict values: see ``VALUES``: ``database`` and ``secret`` at least
    :return: ``{file name: text}``
    :raises ValueError: an unknown or missing value, or one that is not what it should
    """
    if unknown := set(values) - set(VALUES):
        raise ValueError(f"unknown: {', '.join(sorted(map(str, unknown)))}")
    merged = {**VALUES, **values}
    texts = {}
    for name, check in _CHECKS.items():
        try:
            texts[name.upper()] = check(merged[name])
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    texts["VERSION"] = VERSION
    # Later ones keep both directions in step without being asked, and complain if they
    # are.
    texts["SYNC"] = "S" if merged["asterisk"] < 20 else ""
    texts["FILTERS"] = _filters(merged["asterisk"])
    return {
        file.name: _PLACEHOLDER.sub(
            lambda found: texts[found[1]], file.read_text(encoding="utf-8")
        )
        for file in sorted(_FILES.iterdir())
    }
