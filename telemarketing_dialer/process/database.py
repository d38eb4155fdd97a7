"""Two threads with a connection of their own: one keeps the ownership, one listens.

Neither uses the ORM: they go on while its registry is being reloaded, and a database
that hangs hangs them and nobody else.
"""

import json
import logging
import select
import threading
import time

import psycopg2

from odoo import sql_db

_logger = logging.getLogger(__name__)

# Of a hold, in seconds; it is renewed every so many, and a process that could not
# renew for SAFE by its own clock dials nobody before the hold is over.
HELD, EVERY, SAFE = 5, 2.0, 4.0
# Seconds until it is asked again whether the one before is through.
SETTLE = 0.2

# Who holds a server goes on; one that nobody holds is taken, with the next number.
_CLAIM = """
    UPDATE telemarketing_dialer_server SET
        epoch = epoch + CASE WHEN owner = %(me)s THEN 0 ELSE 1 END,
        owner = %(me)s,
        owned_until = clock_timestamp() AT TIME ZONE 'UTC' + %(held)s * interval '1 s'
    WHERE active AND (
        owner = %(me)s
        OR owned_until IS NULL
        OR owned_until < clock_timestamp() AT TIME ZONE 'UTC')
    RETURNING id, epoch"""
# Nobody waits for the transactions of a process, which hold the row FOR KEY SHARE (see
# ``telemarketing.dialer._own``), but who took it over from another one.
_SETTLED = """
    SELECT id FROM telemarketing_dialer_server
    WHERE id = ANY(%(ids)s) FOR UPDATE SKIP LOCKED"""
_RELEASE = """
    UPDATE telemarketing_dialer_server
    SET owned_until = clock_timestamp() AT TIME ZONE 'UTC'
    WHERE owner = %(me)s AND id = ANY(%(ids)s)"""
_SEEN = """
    INSERT INTO telemarketing_dialer_process (name, started_at, seen_at, version)
    VALUES (%(me)s, now() AT TIME ZONE 'UTC',
            clock_timestamp() AT TIME ZONE 'UTC', %(version)s)
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at"""


class _Connected(threading.Thread):
    """A thread that connects, works, and connects again."""

    def __init__(self, database, name):
        super().__init__(name=name, daemon=True)
        self.database = database
        self.stopping = threading.Event()
        self.connection = None

    def connect(self):
        _name, values = sql_db.connection_info_for(self.database)
        values = {**values, "connect_timeout": 3, "application_name": self.name}
        # A server that went away without a word is noticed.
        values |= {"keepalives_idle": 2, "keepalives_interval": 1}
        values |= {"keepalives_count": 2, "tcp_user_timeout": 3000}
        self.connection = psycopg2.connect(**values)
        self.connection.autocommit = True

    def run(self):
        while not self.stopping.is_set():
            try:
                self.connect()
                self.work()
            except Exception as error:
                # A thread that ended would be missed by nobody.
                _logger.warning("%s: %s", self.name, str(error).strip())
                self.stopping.wait(0.5)
            finally:
                if self.connection is not None:
                    self.connection.close()
                    self.connection = None

    def stop(self):
        self.stopping.set()


class Keeper(_Connected):
    """Claims servers and renews.

    :param on_held: called in the thread with ``{server: epoch}`` and the monotonic
        instant at which the renewal was asked for
    """

    def __init__(self, database, me, version, on_held):
        super().__init__(database, "telemarketing dialer keeper")
        self.me, self.version, self.on_held = me, version, on_held
        self.held, self.settled = {}, {}

    def _claim(self, cr):
        """``{server: epoch}`` of all that are ours, also of those in which the process
        before us is still writing: these are not held yet."""
        cr.execute(_CLAIM, {"me": self.me, "held": HELD})
        mine = dict(cr.fetchall())
        new = [one for one, epoch in mine.items() if self.settled.get(one) != epoch]
        if new:
            cr.execute(_SETTLED, {"ids": new})
            self.settled |= {row[0]: mine[row[0]] for row in cr.fetchall()}
        self.held = {s: e for s, e in mine.items() if self.settled.get(s) == e}
        return mine

    def work(self):
        with self.connection.cursor() as cr:
            cr.execute("SET statement_timeout = 3000")
            while not self.stopping.is_set():
                asked = time.monotonic()
                mine = self._claim(cr)
                cr.execute(_SEEN, {"me": self.me, "version": self.version})
                self.on_held(self.held, asked)
                wait = EVERY if mine == self.held else SETTLE
                self.stopping.wait(max(0.0, wait - (time.monotonic() - asked)))
            cr.execute(_RELEASE, {"me": self.me, "ids": list(mine)})


class Listener(_Connected):
    """PostgreSQL's notices.

    :param on_notice: called in the thread with the payload, a dict
    :param on_gap: called in the thread where notices may have been missed
    """

    def __init__(self, database, on_notice, on_gap):
        super().__init__(database, "telemarketing dialer listener")
        self.on_notice, self.on_gap = on_notice, on_gap

    def work(self):
        with self.connection.cursor() as cr:
            cr.execute("LISTEN telemarketing_dialer")
        self.on_gap()
        while not self.stopping.is_set():
            if not select.select([self.connection], [], [], 1.0)[0]:
                continue
            self.connection.poll()
            while self.connection.notifies:
                notice = self.connection.notifies.pop(0)
                try:
                    payload = json.loads(notice.payload)
                except ValueError:
                    payload = None
                if isinstance(payload, dict):
                    self.on_notice(payload)
