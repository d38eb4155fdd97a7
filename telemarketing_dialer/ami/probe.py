"""One question to a manager interface, with a deadline: is it there, does it let us in,
whose dialplan does it have?

By the library asterisk-ami, whose faults are those of a link that lasts (decision
0023); this one lives for seconds and is asked three things.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from typing import NamedTuple

from asterisk.ami import AMIClient, SimpleAction

DEADLINE = 3.0


class Probe(NamedTuple):
    """What was found.

    :param fault: "" or ``refused``, ``unknown_host``, ``silent`` (no answer in time),
        ``not_asterisk``, ``tls``, ``secret``, ``lost``, ``denied`` (may not ask for
        the dialplan's values)
    :param detail: of the fault, as the system says it; never the secret
    :param round_trip: seconds of a ping
    :param version: of Asterisk
    :param dialplan: value of the global TELEMARKETING_DIALPLAN
    :param database: that of TELEMARKETING_DATABASE
    """

    fault: str = ""
    detail: str = ""
    round_trip: float = 0.0
    version: str = ""
    dialplan: str = ""
    database: str = ""


class _Fault(Exception):
    """First argument: a ``fault`` of ``Probe``; second, where there is one: detail."""


class _Once(AMIClient):
    """The library's client, which says why it ended; with TLS and IPv6 besides."""

    def __init__(self, host, port, timeout, tls, said):
        super().__init__(address=host, port=port, timeout=timeout)
        self._tls, self._said = tls, said
        self.add_listener(
            on_connect=lambda source: said.put(source),
            on_response=lambda source, response: said.put(response),
            on_disconnect=lambda source, error=None: said.put(_Fault("lost")),
        )

    def connect(self):
        self._socket = socket.create_connection(
            (self._address, self._port), self._timeout
        )
        if self._tls:
            self._socket = self._tls.wrap_socket(
                self._socket, server_hostname=self._address
            )
        self.finished = threading.Event()
        self._thread = threading.Thread(target=self.listen, daemon=True)
        self._thread.start()

    def listen(self):
        try:
            return super().listen()
        except TimeoutError:
            self._said.put(_Fault("silent"))
        except OSError:
            self._said.put(_Fault("lost"))
        except Exception:  # noqa: BLE001  the library raises just that
            self._said.put(_Fault("not_asterisk"))
        return None


def probe(host, port, user, secret, tls=None, deadline=DEADLINE):
    """Log in, ask, log off.

    :param tls: an ``ssl.SSLContext``, or None for a link in clear
    :param float deadline: seconds, for all of it
    :return: ``Probe``; raises nothing that a network can cause
    """
    if any(not 32 < ord(letter) < 127 for letter in f"{user}{secret}"):
        return Probe(fault="secret")
    said = queue.SimpleQueue()
    until = time.monotonic() + deadline
    client = _Once(host, port, deadline, tls, said)
    try:
        try:
            client.connect()
        except TimeoutError:
            raise _Fault("silent") from None
        except socket.gaierror as error:
            raise _Fault("unknown_host", error.strerror) from None
        except ssl.SSLError as error:
            raise _Fault("tls", error.reason or "") from None
        except OSError as error:
            raise _Fault("refused", error.strerror or "") from None
        return _talk(client, said, until, user, secret)
    except _Fault as fault:
        return Probe(*fault.args)
    finally:
        if client.finished is not None:
            client.disconnect()


def _talk(client, said, until, user, secret):
    def heard():
        try:
            answer = said.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise _Fault("silent") from None
        if isinstance(answer, _Fault):
            raise answer
        return answer

    def ask(name, **headers):
        try:
            # Not ``send_action``, whose answers Python warns of.
            client.send(SimpleAction(name, ActionID=name, **headers))
        except OSError:
            raise _Fault("lost") from None
        return heard()

    heard()
    if ask("Login", Username=user, Secret=secret, Events="off").is_error():
        raise _Fault("secret")
    begun = time.monotonic()
    ask("Ping")
    round_trip = time.monotonic() - begun
    dialplan = ask("Getvar", Variable="TELEMARKETING_DIALPLAN")
    database = ask("Getvar", Variable="TELEMARKETING_DATABASE")
    settings = ask("CoreSettings")
    denied = any("ermission denied" in str(a.keys) for a in (dialplan, database))
    return Probe(
        fault="denied" if denied else "",
        round_trip=round_trip,
        version=settings.keys.get("AsteriskVersion", ""),
        dialplan=dialplan.keys.get("Value", ""),
        database=database.keys.get("Value", ""),
    )
