"""What Asterisk has left in its spool: pairs of ``<name>-in.alaw``, ``-out.alaw``."""

import contextlib
import os
import re
import stat
import time
from typing import NamedTuple

_NAME = re.compile(r"([A-Za-z0-9-]{1,64})-(in|out)\.alaw")
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# A file that has not grown for so long is not written any more.
STILL = 3.0
DAY = 86400.0


class Side(NamedTuple):
    """:param still: seconds since it was last seen to change
    :param old: for more than a day
    """

    path: str
    size: int
    changed: int
    still: float
    old: bool

    def open(self):
        """:raises OSError: it is gone, or no plain file any more"""
        handle = os.open(self.path, _READ)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(f"{self.path}: not a file")
        return open(handle, "rb")

    def remove(self):
        """Unless it has changed since it was looked at."""
        with contextlib.suppress(FileNotFoundError):
            found = os.lstat(self.path)
            if (found.st_size, found.st_mtime_ns) == (self.size, self.changed):
                os.unlink(self.path)


class Spool:
    """Remembers what it saw: whether a file grows is asked of its size, not of a clock
    that may be another machine's."""

    def __init__(self, clock=time.monotonic):
        self._clock, self._seen, self._told = clock, {}, {}

    def look(self, folder):
        """``({name: {"in": Side, "out": Side}}, names of files older than a day that
        are nothing of ours)``; links and folders are neither.

        :raises OSError: the folder is not there, or cannot be read
        """
        now, seen, found, foreign = self._clock(), {}, {}, []
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_file(follow_symlinks=False):
                    continue
                try:
                    state = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                match = _NAME.fullmatch(entry.name)
                old = time.time() - state.st_mtime > DAY
                if not match:
                    if old:
                        foreign.append(entry.name)
                    continue
                now_is = state.st_size, state.st_mtime_ns
                was, since = self._seen.get(entry.path, (None, now))
                since = since if was == now_is else now
                seen[entry.path] = now_is, since
                side = Side(entry.path, *now_is, now - since, old)
                found.setdefault(match[1], {})[match[2]] = side
        self._seen = seen
        return found, foreign

    def due(self, what, seconds):
        """Is it so long that this was said? Then it counts as said now."""
        now = self._clock()
        if what in self._told and now - self._told[what] < seconds:
            return False
        self._told[what] = now
        return True
