"""What is told to the database: in order for each call, again until it is kept."""

from __future__ import annotations

import asyncio
import logging

_logger = logging.getLogger(__name__)

# Seconds between two tries while the database does not answer.
FIRST, MOST = 0.2, 5.0


class Refusal(Exception):
    """The database understood and will not: trying again is useless."""


class Lost(Refusal):
    """Another process owns this server now."""


class Writer:
    """One queue per call: what is told of one call arrives in order, and a database
    that does not answer loses nothing of it.

    Ends of calls that no agent had are told many at a time.

    :param on_lost: called when the server is no longer ours
    """

    BATCH = 50

    def __init__(self, store, on_lost):
        self.store, self.on_lost = store, on_lost
        self._queues = {}
        self._ends = []
        self._ending = None
        self._tasks = set()

    @property
    def busy(self):
        return len(self._queues) + len(self._ends) + bool(self._ending)

    def tell(self, key, what, *args, done=None, refused=None):
        """:param key: writes with the same key keep their order
        :param what: name of a coroutine of the store
        :param done: called with its result
        :param refused: called with the error where it can never be done
        """
        queue = self._queues.setdefault(key, [])
        queue.append((what, args, done, refused))
        if len(queue) == 1:
            self._spawn(self._drain(key, queue))

    def ended(self, finished):
        """The end of a call that the database knows of no agent for."""
        if finished.uuid in self._queues:
            self.tell(finished.uuid, "finish", [finished])
            return
        self._ends.append(finished)
        if self._ending is None:
            self._ending = self._spawn(self._drain_ends())

    def _spawn(self, work):
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _drain(self, key, queue):
        while queue:
            what, args, done, refused = queue[0]
            try:
                result = await self._insist(what, *args)
            except Refusal as error:
                if refused:
                    refused(error)
                elif not isinstance(error, Lost):
                    _logger.warning("%s %s was refused: %s", what, key, error)
            else:
                if done:
                    done(result)
            queue.pop(0)
        del self._queues[key]

    async def _drain_ends(self):
        # What ends in the same moment goes together.
        await asyncio.sleep(0.05)
        while self._ends:
            batch = self._ends[: self.BATCH]
            try:
                await self._insist("finish", batch)
            except Refusal as error:
                if not isinstance(error, Lost):
                    _logger.warning("%d ends were refused: %s", len(batch), error)
            del self._ends[: len(batch)]
        self._ending = None

    async def _insist(self, what, *args):
        wait = FIRST
        while True:
            try:
                return await getattr(self.store, what)(*args)
            except Lost as error:
                self.on_lost(str(error))
                raise
            except Refusal:
                raise
            except Exception as error:
                _logger.warning("%s could not be written, again: %s", what, error)
                await asyncio.sleep(wait)
                wait = min(wait * 2, MOST)

    async def flush(self, seconds):
        """Wait until everything is written, at most so long."""
        end = asyncio.get_running_loop().time() + seconds
        while self.busy and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.02)

    def stop(self):
        for task in list(self._tasks):
            task.cancel()
