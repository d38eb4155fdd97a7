"""One call by hand through Asterisk's manager, where no dialer process runs.

The agent's telephone rings; when it is picked up Asterisk dials the person. Nothing is
heard back: the agent says how the call went.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

from asterisk.ami import AMIClient, LoginAction, SimpleAction

from .ami import encode

# Seconds, all of which the agent waits for. Asterisk refuses a log-in after one.
CONNECT, LOGIN, LOOK, ASK = 0.5, 1.4, 0.3, 0.8


class NotDialledError(Exception):
    """Asterisk did not take the call: nothing rings.

    :ivar why: ``unreachable``, ``login``, ``foreign`` (its dialplan is of another
        database: this one is a copy) or ``refused``
    """

    def __init__(self, why):
        super().__init__(why)
        self.why = why


class _Client(AMIClient):
    """The library's client, also over TLS; its thread dies quietly of a silent peer."""

    def __init__(self, host, port, tls):
        super().__init__(address=host, port=port, timeout=ASK)
        self._tls = tls

    def connect(self):
        self._socket = socket.create_connection((self._address, self._port), CONNECT)
        if self._tls:
            context = ssl.create_default_context()
            self._socket = context.wrap_socket(
                self._socket, server_hostname=self._address
            )
        # The library's thread ends at the first silence longer than this.
        self._socket.settimeout(LOGIN + ASK)
        self.finished = threading.Event()
        self._thread = threading.Thread(target=self.listen, daemon=True)
        self._thread.start()

    def listen(self):
        with contextlib.suppress(Exception):
            return super().listen()

    def disconnect(self):
        # What the thread waits for comes no more.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        return super().disconnect()

    def ask(self, action, seconds):
        """:return: the response, or None where none came in time"""
        self.came = threading.Event()
        self.send_action(action)
        return self.answer if self.came.wait(seconds) else None

    def fire_recv_reponse(self, response):
        # Not by the library's futures: they wait by a call that Python gives up.
        self.answer = response
        self.came.set()


def originate(
    server, agent_channel, person_channel, caller, ring_seconds, database=None
):
    """Ring the agent's telephone, then dial the person. Takes at most three seconds.

    :param server: ``(host, port, tls, user, secret)``
    :param str agent_channel: ``PJSIP/201``
    :param str person_channel: ``PJSIP/+34612345678@carrier``
    :param str caller: number shown, may be empty
    :param str database: uuid of ours; an Asterisk without our dialplan says none
    :raises NotDialledError: nothing was asked of Asterisk, or it refused
    :raises ValueError: a value that may not be sent
    """
    host, port, tls, user, secret = server
    headers = {
        "Channel": agent_channel,
        "Application": "Dial",
        "Data": f"{person_channel},{int(ring_seconds)}",
        "CallerID": caller,
        "Timeout": 30_000,
        "Async": "true",
    }
    # The library checks nothing; our own encoder refuses what would end a line.
    encode("Originate", headers)
    encode("Login", {"Username": user, "Secret": secret})
    client = _Client(host, port, tls)
    try:
        client.connect()
        response = client.ask(LoginAction(user, secret), LOGIN)
        if response is None:
            raise NotDialledError("unreachable")
        if response.is_error():
            raise NotDialledError("login")
        if database:
            look = SimpleAction("Getvar", Variable="TELEMARKETING_DATABASE")
            response = client.ask(look, LOOK)
            named = response.keys.get("Value", "") if response is not None else ""
            if named and named != database:
                raise NotDialledError("foreign")
        response = client.ask(SimpleAction("Originate", **headers), ASK)
        # Asked and not answered: it may well ring, so it counts as dialled.
        if response is not None and response.is_error():
            raise NotDialledError("refused")
    except OSError as error:
        raise NotDialledError("unreachable") from error
    finally:
        if client.finished is not None:
            client.disconnect()
