"""One process, any number of Asterisks."""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

from ..ami import Client
from ..bridge import Bridge
from .database import SAFE, Keeper, Listener
from .store import Database, ServerStore

_logger = logging.getLogger(__name__)

THREADS = 6
RECORDINGS = 5.0


def steady():
    """``now()`` in seconds of the Unix epoch, which no change of the clock moves."""
    start, origin = time.time(), time.monotonic()
    return lambda: start + (time.monotonic() - origin)


class Process:
    """:param database: name of Odoo's database
    :param version: of the module, shown beside the process
    """

    def __init__(self, database, version=""):
        self.me = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self.pool = ThreadPoolExecutor(THREADS, "telemarketing dialer")
        self.database = Database(database, self.pool)
        self.now = steady()
        self.bridges, self.tasks, self.epochs = {}, {}, {}
        self.renewed_at = None
        self.stopping = None
        self.keeper = Keeper(database, self.me, version, self._thread(self._held))
        self.listener = Listener(
            database, self._thread(self._noticed), self._thread(self._gap)
        )

    def _thread(self, work):
        """``work`` in the loop, called from another thread."""

        def call(*args):
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(work, *args)

        return call

    async def run(self):
        """Until SIGTERM or SIGINT; then the servers are let go at once."""
        self.loop = asyncio.get_running_loop()
        self.stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, self.stopping.set)
        self.keeper.start()
        self.listener.start()
        helpers = [
            asyncio.ensure_future(self._guard()),
            asyncio.ensure_future(self._pick_up()),
        ]
        _logger.info("dialer %s stands by", self.me)
        try:
            await self.stopping.wait()
        finally:
            _logger.info("dialer %s stops; conversations go on in Asterisk", self.me)
            for server in list(self.bridges):
                self._end(server)
            await asyncio.gather(*self.tasks.values(), return_exceptions=True)
            for task in helpers:
                task.cancel()
            self.keeper.stop()
            self.listener.stop()
            await asyncio.get_running_loop().run_in_executor(None, self.keeper.join, 4)
            self.pool.shutdown(wait=False, cancel_futures=True)

    # OWNERSHIP

    def _held(self, held, asked):
        if self.stopping.is_set():
            return
        self.renewed_at = asked
        for server in list(self.bridges):
            if held.get(server) != self.epochs[server]:
                _logger.warning("server %s is not ours any more", server)
                self._end(server)
        for server, epoch in held.items():
            bridge = self.bridges.get(server)
            if bridge is None and server not in self.tasks:
                self._begin(server, epoch)
            elif bridge is not None:
                bridge.fence(False)

    def _surely(self):
        """Nobody else can have taken what we hold, in this very moment."""
        return time.monotonic() - self.renewed_at <= SAFE

    async def _guard(self):
        """A hold that could not be renewed in time is as good as lost: fenced before
        anybody else may have taken it."""
        while True:
            await asyncio.sleep(0.2)
            if self.renewed_at is None:
                continue
            if not self._surely():
                for bridge in self.bridges.values():
                    bridge.fence(True)

    def _begin(self, server, epoch):
        _logger.info("server %s is ours, number %s", server, epoch)
        store = ServerStore(self.database, server, epoch, self.now)
        bridge = Bridge(
            store,
            self._connect,
            self.now,
            lambda reason: self._lost(server, reason),
            self._surely,
        )
        self.bridges[server], self.epochs[server] = bridge, epoch
        self.tasks[server] = asyncio.ensure_future(self._keep(server, bridge))

    async def _keep(self, server, bridge):
        try:
            await bridge.store.log("owner", self.me)
            await bridge.start()
        except Exception:
            _logger.exception("the bridge of server %s ended; it begins again", server)
            await asyncio.sleep(1.0)
        finally:
            if self.bridges.get(server) is bridge:
                del self.bridges[server]
            self.tasks.pop(server, None)

    def _lost(self, server, reason):
        _logger.warning("server %s is another's: %s", server, reason)
        self._end(server)

    def _end(self, server):
        bridge = self.bridges.pop(server, None)
        if bridge:
            bridge.stop()

    @staticmethod
    def _connect(server, **callbacks):
        context = ssl.create_default_context() if server.tls else None
        return Client(
            server.host,
            server.port,
            server.user,
            server.secret,
            ssl=context,
            **callbacks,
        )

    # NOTICES

    def _noticed(self, notice):
        bridge = self.bridges.get(notice.get("server"))
        if bridge is None or bridge.server is None:
            return
        what = notice.get("what")
        if what == "command":
            bridge.call_soon(bridge.command(notice.get("id")))
        elif what == "session":
            values = {
                key: notice[key]
                for key in ("state", "campaign", "phone_wanted")
                if key in notice
            }
            bridge.heard_session(notice.get("id"), **values)
        elif what == "stop":
            bridge.heard_stop(notice.get("campaign"), bool(notice.get("stopped")))
        elif what == "closed":
            bridge.heard_closed(notice.get("uuid"), notice.get("kind"))
        else:
            bridge.look_again()

    def _gap(self):
        for bridge in self.bridges.values():
            bridge.look_again()

    # RECORDINGS

    async def _pick_up(self):
        while True:
            await asyncio.sleep(RECORDINGS)
            for server, epoch in list(self.epochs.items()):
                if server not in self.bridges:
                    continue
                try:
                    await self.database.call("_pick_up", server, epoch)
                except Exception as error:
                    _logger.warning("recordings of server %s: %s", server, error)
