"""``bridge.Store`` by the ORM, in threads."""

import asyncio
import functools
import logging
import random
import threading
import time

from psycopg2 import errors

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.modules.registry import Registry

from ..bridge import Lost, Refusal, Store
from ..models.dialer import LostOwnership

_logger = logging.getLogger(__name__)

CONFLICTS = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.UniqueViolation,
)
TRIES = 6


class Database:
    """Calls ``telemarketing.dialer`` in threads, each call in a transaction of its own.

    :param pool: an executor
    """

    def __init__(self, name, pool):
        self.name, self.pool = name, pool

    async def call(self, method, *args):
        """:raises bridge.Lost: another process owns the server
        :raises bridge.Refusal: it can never be done
        """
        loop = asyncio.get_running_loop()
        work = functools.partial(self._call, method, args)
        return await loop.run_in_executor(self.pool, work)

    def _call(self, method, args):
        threading.current_thread().dbname = self.name
        for again in range(TRIES):
            try:
                return self._transaction(method, args)
            except CONFLICTS as error:
                if again + 1 == TRIES:
                    raise
                _logger.debug("%s again: %s", method, error)
                time.sleep(random.uniform(0.0, 0.02 * 2**again))
            except LostOwnership as error:
                raise Lost(str(error)) from error
            except UserError as error:
                raise Refusal(str(error)) from error
        raise AssertionError

    def _transaction(self, method, args):
        registry = Registry(self.name).check_signaling()
        try:
            with registry.cursor() as cr:
                # What others change meanwhile is seen, and rows that they hold skipped.
                cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
                # Whoever locks a person for long must not hold all threads up.
                cr.execute("SET LOCAL lock_timeout = '2s'")
                env = api.Environment(cr, SUPERUSER_ID, {})
                result = getattr(env["telemarketing.dialer"], method)(*args)
                # Conflicts show here, where it may be tried again.
                cr.commit()  # pylint: disable=invalid-commit
            registry.signal_changes()
        except Exception:
            registry.reset_changes()
            raise
        return result


class ServerStore(Store):
    """:param database: ``Database``
    :param now: the bridge's clock, which never jumps
    """

    def __init__(self, database, server, epoch, now):
        self.database, self.server, self.epoch, self.now = database, server, epoch, now
        # From the bridge's clock to PostgreSQL's.
        self.offset = 0.0

    async def _call(self, method, *args):
        return await self.database.call(method, self.server, self.epoch, *args)

    def _theirs(self, at):
        return None if at is None else at + self.offset

    async def snapshot(self):
        asked = self.now()
        found = await self._call("_snapshot")
        self.offset = found.now - (asked + self.now()) / 2
        ours = self.offset
        return found._replace(
            now=found.now - ours,
            open=tuple(self._attempt(a) for a in found.open),
            commands=tuple(c._replace(at=c.at - ours) for c in found.commands),
            trunks=tuple(
                t._replace(backoff_until=(t.backoff_until or 0.0) - ours)
                for t in found.trunks
            ),
        )

    def _attempt(self, attempt):
        answered = attempt.answered_at
        return attempt._replace(
            at=attempt.at - self.offset,
            answered_at=None if answered is None else answered - self.offset,
        )

    async def command(self, number):
        found = await self._call("_command", number)
        if not found:
            return None
        command, attempt = found
        return (
            command._replace(at=command.at - self.offset),
            attempt and self._attempt(attempt),
        )

    async def take(self, campaign, count, session=None):
        asked = self.now()
        found = await self._call("_take", campaign, count, session)
        # Fresh since it was asked for, whatever became of PostgreSQL's clock.
        return tuple(attempt._replace(at=asked) for attempt in found)

    async def finish(self, finished):
        await self._call(
            "_finish",
            [
                one._replace(
                    rang_at=self._theirs(one.rang_at),
                    answered_at=self._theirs(one.answered_at),
                    bridged_at=self._theirs(one.bridged_at),
                    ended_at=self._theirs(one.ended_at),
                )
                for one in finished
            ],
        )

    async def deliver(self, uuid, session, answered_at, bridged_at):
        await self._call(
            "_deliver",
            uuid,
            session,
            self._theirs(answered_at),
            self._theirs(bridged_at),
        )

    async def state(self, uuid, state, at):
        await self._call("_state", uuid, state, self._theirs(at))

    async def line(self, uuid, session, changes):
        await self._call("_line", uuid, session, changes)

    async def phone(self, session, state, reason=""):
        await self._call("_phone", session, state, reason)

    async def answer(self, command, answer):
        await self._call("_answer", command.id, answer)

    async def backoff(self, trunk, until, why):
        await self._call("_backoff", trunk, self._theirs(until), why)

    async def log(self, kind, text, campaign=None):
        await self._call("_log", kind, text, campaign)

    async def save(self, pacing, health):
        at = health.get("last_event_at")
        health = {
            **health,
            "last_event_at": self._theirs(at),
            "clock_ms": round(self.offset * 1000),
            "epoch": self.epoch,
        }
        await self._call("_save", pacing, health)
