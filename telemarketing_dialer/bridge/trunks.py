"""Calls a second and refusals of the carriers."""

from __future__ import annotations

from collections import deque

# So many of the last calls of a trunk refused by the network: it has enough.
WINDOW, REFUSALS = 10, 5
FIRST_WAIT, LONGEST_WAIT = 5.0, 300.0


class Trunk:
    """One trunk's turn and its back-off, which doubles while the carrier refuses."""

    def __init__(self, record):
        self.record = record
        self.next_at = 0.0
        self.refused = deque(maxlen=WINDOW)
        self.wait = 0.0
        self.until = record.backoff_until or 0.0

    def turn(self, now, most):
        """Seconds until the next call may be sent, and takes that turn; None and no
        turn where that is more than ``most``."""
        start = max(now, self.next_at)
        if start - now > most:
            return None
        self.next_at = start + 1.0 / max(self.record.per_second, 0.01)
        return start - now

    def ended(self, congested, now):
        """A call ended; did the network refuse it?

        :return: the instant before which nothing is dialled, where it is to rest
        """
        self.refused.append(congested)
        if not congested:
            self.wait = 0.0
            return None
        if now < self.until:
            return None
        if sum(self.refused) < REFUSALS and self.wait == 0.0:
            return None
        self.wait = min(max(self.wait * 2, FIRST_WAIT), LONGEST_WAIT)
        self.until = now + self.wait
        self.refused.clear()
        return self.until
