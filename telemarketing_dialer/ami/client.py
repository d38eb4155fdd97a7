"""A connection that knows when it is blind.

What it promises:

- an action is sent once; nothing is ever sent again by itself, least of all a call;
- an action without an answer within its deadline fails, and so does every one that is
  open when the link is lost, at once;
- the link counts as lost when it closes and when a ping is not answered in time, so a
  peer that froze is noticed as soon as one that left;
- it comes back by itself, waiting longer each time and never in step with others;
- it is up only after ``resync`` has looked at what there is; each life of the link has
  a number (``generation``), and what belongs to an earlier one is told apart by it;
- events are handed over in the order in which they came, in the loop's own thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import random

from .codec import Decoder, ProtocolError, encode

_logger = logging.getLogger(__name__)


class LinkLost(ConnectionError):
    """The link was lost, or is not up: whether Asterisk did it is not known."""


class Deadline(LinkLost):
    """No answer in time: whether Asterisk did it is not known."""


class ActionError(Exception):
    """Asterisk refused the action.

    :ivar message: its own words
    """

    def __init__(self, action, response):
        self.action, self.response = action, response
        self.message = response.get("Message", "")
        super().__init__(f"{action}: {self.message}")


class Refused(Exception):
    """The user or its secret is wrong; trying faster does not help."""


_LOST = (OSError, ProtocolError, LinkLost, Refused, ActionError)


class Client:
    """:param host: of Asterisk
    :param port: of its manager
    :param user: of ``manager.conf``
    :param secret: its secret
    :param on_event: called with each event, ``{key: value}``
    :param resync: coroutine called with this client after each log-in, before it is up
    :param on_up: called with the generation
    :param on_down: called with the generation and the reason, once for each ``on_up``
    :param events: what the log-in asks for: ``on``, ``off`` or classes
    :param deadline: seconds that an action may take
    :param ping_every: seconds of rest between two pings
    :param ping_deadline: seconds that a ping may take
    :param wait_first: seconds before the second try to connect
    :param wait_most: the longest
    :param ssl: a context, for TLS
    """

    def __init__(
        self,
        host,
        port,
        user,
        secret,
        on_event=None,
        resync=None,
        on_up=None,
        on_down=None,
        events="on",
        deadline=5.0,
        ping_every=0.4,
        ping_deadline=0.5,
        wait_first=0.2,
        wait_most=15.0,
        ssl=None,
    ):
        self.host, self.port, self.user, self.secret = host, port, user, secret
        self.on_event = on_event or (lambda event: None)
        self.resync = resync
        self.on_up = on_up or (lambda generation: None)
        self.on_down = on_down or (lambda generation, reason: None)
        self.events, self.deadline = events, deadline
        self.ping_every, self.ping_deadline = ping_every, ping_deadline
        self.wait_first, self.wait_most = wait_first, wait_most
        self.ssl = ssl
        self.generation = 0
        self.up = False
        # Why it is down, in words; None while it is up.
        self.reason = "not connected yet"
        self.greeting = None
        self._writer = None
        self._open = {}
        self._lists = {}
        self._number = 0
        self._random = random.Random()
        self._stopping = self._lived = False

    # LIFE OF THE LINK

    async def run(self):
        """Connect, keep, come back; until ``stop``."""
        tries = 0
        try:
            while not self._stopping:
                self._lived = False
                try:
                    await self._live()
                except _LOST as error:
                    self._lose(_words(error))
                tries = 0 if self._lived else tries + 1
                if not self._stopping:
                    await asyncio.sleep(self._wait(tries))
        finally:
            self._lose("stopped")

    def stop(self):
        """End ``run``; open actions fail."""
        self._stopping = True
        self._lose("stopped")

    def _wait(self, tries):
        """Half to all of a time that doubles: many clients do not come back at once."""
        longest = min(self.wait_first * 2 ** min(tries, 16), self.wait_most)
        return longest * (0.5 + self._random.random() / 2)

    async def _live(self):
        """One life: from the connection to its loss, which it raises."""
        self.generation += 1
        connect = asyncio.open_connection(self.host, self.port, ssl=self.ssl)
        reader, writer = await _within(connect, self.deadline, "no connection")
        self._writer = writer
        reading = asyncio.ensure_future(self._read(reader))
        watching = None
        try:
            await self._beside(reading, self._login())
            if self.resync:
                await self._beside(reading, self.resync(self))
            self.up, self.reason, self._lived = True, None, True
            self.on_up(self.generation)
            watching = asyncio.ensure_future(self._watch())
            done, _left = await asyncio.wait(
                {reading, watching}, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            raise LinkLost("Asterisk closed the link")
        except (OSError, ProtocolError, LinkLost) as error:
            self._lose(_words(error))
            raise
        finally:
            for task in (reading, watching):
                if task:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError, Exception):
                        await task
            writer.close()

    async def _beside(self, reading, work):
        """Do it while messages come in; fails as soon as no more can come."""
        work = asyncio.ensure_future(work)
        await asyncio.wait({reading, work}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            reading.result()
            raise LinkLost("Asterisk closed the link")
        return work.result()

    def _lose(self, reason):
        """Fail what is open, tell once."""
        was_up, self.up = self.up, False
        self.reason = reason
        if self._writer:
            self._writer.close()
            self._writer = None
        opened, self._open = self._open, {}
        self._lists = {}
        for future in opened.values():
            if not future.done():
                future.set_exception(LinkLost(reason))
                # Nobody may be waiting any more.
                future.exception()
        if was_up:
            self.on_down(self.generation, reason)

    async def _login(self):
        # The secret does not travel: MD5 of a challenge is what the manager offers.
        challenge = await self._send("Challenge", {"AuthType": "MD5"})
        text = challenge.get("Challenge", "") + self.secret
        key = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        try:
            await self._send(
                "Login",
                {
                    "AuthType": "MD5",
                    "Username": self.user,
                    "Key": key,
                    "Events": self.events,
                },
            )
        except ActionError as error:
            raise Refused(error.message or "the log-in was refused") from error

    async def _watch(self):
        while True:
            await asyncio.sleep(self.ping_every)
            await self._send("Ping", deadline=self.ping_deadline)

    async def _read(self, reader):
        decoder = Decoder()
        while True:
            data = await reader.read(65536)
            if not data:
                raise LinkLost("Asterisk closed the link")
            for message in decoder.feed(data):
                self._take(message)
            self.greeting = decoder.greeting

    def _take(self, message):
        number = message.get("ActionID")
        # OriginateResponse is an event that has a Response too.
        if "Event" not in message:
            future = self._open.pop(number, None)
            if future and not future.done():
                future.set_result(message)
            return
        rows = self._lists.get(number)
        if rows is not None:
            rows.append(message)
            if message.get("EventList") in ("Complete", "Cancelled"):
                del self._lists[number]
                future = self._open.pop(f"{number} list", None)
                if future and not future.done():
                    future.set_result(rows)
            return
        try:
            self.on_event(message)
        except Exception:
            # One event that somebody cannot read is no reason to go blind.
            _logger.exception("An event could not be handled: %s", message.get("Event"))

    # ACTIONS

    def _next(self):
        self._number += 1
        return f"{self.generation}-{self._number}"

    async def action(self, name, headers=None, variables=None, deadline=None):
        """Send an action, once.

        :param name: ``Originate``, …; with ``Async`` an answer means *queued*
        :param dict headers: of the action; an ``ActionID`` of one's own is kept
        :param dict variables: see ``codec.encode``
        :param deadline: seconds, instead of the client's
        :return: the response
        :raises ValueError: what may not be sent; nothing was
        :raises LinkLost: not up, lost or too late (``Deadline``); it may have been done
        :raises ActionError: Asterisk refused
        """
        if not self.up:
            raise LinkLost(self.reason)
        return await self._send(name, headers, variables, deadline)

    async def _send(self, name, headers=None, variables=None, deadline=None):
        headers = dict(headers or {})
        number = str(headers.setdefault("ActionID", self._next()))
        data = encode(name, headers, variables)
        if number in self._open:
            raise ValueError(f"an action {number!r} is open already")
        if not self._writer:
            raise LinkLost(self.reason or "not connected")
        future = asyncio.get_running_loop().create_future()
        self._open[number] = future
        try:
            self._writer.write(data)
            response = await _within(
                future, deadline or self.deadline, f"no answer to {name}"
            )
        finally:
            self._open.pop(number, None)
        if response.get("Response") not in ("Success", "Goodbye"):
            raise ActionError(name, response)
        return response

    async def listed(self, name, headers=None, deadline=None):
        """Send an action whose answer is a list of events; works in ``resync`` too.

        :return: the events, without the one that closes the list
        :raises: as ``action``
        """
        headers = dict(headers or {})
        number = str(headers.setdefault("ActionID", self._next()))
        future = asyncio.get_running_loop().create_future()
        self._open[f"{number} list"] = future
        self._lists[number] = []
        try:
            await self._send(name, headers, None, deadline)
            rows = await _within(
                future, deadline or self.deadline, f"no end of {name}'s list"
            )
        except ActionError as error:
            # "No such …" is how some say that the list is empty.
            if error.message.startswith("No "):
                return []
            raise
        finally:
            self._open.pop(f"{number} list", None)
            self._lists.pop(number, None)
        return [row for row in rows if row.get("EventList") is None]


async def _within(work, seconds, what):
    try:
        return await asyncio.wait_for(work, seconds)
    except asyncio.TimeoutError as error:
        raise Deadline(f"{what} within {seconds:g} s") from error


def _words(error):
    text = str(error) or type(error).__name__
    return f"log-in refused: {text}" if isinstance(error, Refused) else text
