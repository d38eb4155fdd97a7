"""Where the chunks of a load come from: this process, or a second one.

Both give the same chunks; the second one reads and cleans while the database works.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator

from . import worker
from .reader import Limits, open_table
from .reasons import ReadError
from .staging import CHUNK, Chunk, Staging, chunks, pack

#: Bytes that wait in the pipe: a chunk goes over in a few steps instead of fifty.
_PIPE = 1024 * 1024


class WorkerDied(Exception):
    """The second process ended in the middle: killed, or out of memory."""


class Source:
    """The chunks of one file after the first ``skip`` rows; close it, whatever
    happens.

    ``kind``, ``separator`` and ``headings`` of its table are known once iteration has
    begun. Raises ReadError on a file that cannot be taken.
    """

    def __init__(
        self,
        path: str,
        filename: str,
        staging: Staging,
        sheet: str | None = None,
        limits: Limits | None = None,
        skip: int = 0,
        size: int = CHUNK,
        two: bool = False,
    ):
        self.path, self.filename, self.sheet = path, filename, sheet
        self.staging, self.limits = staging, limits or Limits()
        self.skip, self.size, self.two = skip, size, two
        self.kind = self.separator = ""
        self.headings: list[str] = []
        self._process: subprocess.Popen | None = None

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def __iter__(self) -> Iterator[Chunk]:
        return self._from_worker() if self.two else self._here()

    def close(self):
        process, self._process = self._process, None
        if process is not None:
            process.stdout.close()
            process.kill()
            process.wait()

    @property
    def pid(self) -> int | None:
        """Of the second process, while there is one."""
        return self._process.pid if self._process else None

    def _here(self) -> Iterator[Chunk]:
        table = open_table(
            self.path, self.filename, sheet=self.sheet, limits=self.limits
        )
        self._know(table.kind, table.separator, table.headings)
        settings = type(self.staging.settings)(
            **{**vars(self.staging.settings), "date1904": table.date1904}
        )
        staging = Staging(**{**vars(self.staging), "settings": settings})
        yield from chunks(table, staging, self.skip, self.size)

    def _know(self, kind, separator, headings):
        self.kind, self.separator, self.headings = kind, separator, headings

    def _from_worker(self) -> Iterator[Chunk]:
        task = {
            "parent": os.getpid(),
            "path": [os.path.abspath(each or ".") for each in sys.path],
            "file": os.path.abspath(self.path),
            "filename": self.filename,
            "sheet": self.sheet,
            "limits": pack(self.limits),
            "staging": pack(self.staging),
            "skip": self.skip,
            "size": self.size,
            # A short one, so that the database has not long to wait for its first.
            "first": max(1, self.size // 5),
        }
        # Nothing of ours is inherited but the two pipes: no socket, no cursor.
        process = self._process = subprocess.Popen(
            [sys.executable, "-I", os.path.abspath(worker.__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
        )
        _widen(process.stdout.fileno())
        try:
            process.stdin.write(json.dumps(task).encode() + b"\n")
            process.stdin.close()
        except BrokenPipeError as error:
            raise WorkerDied(f"exit code {process.wait()}") from error
        yield from self._messages(process)

    def _messages(self, process) -> Iterator[Chunk]:
        stream = process.stdout
        while True:
            head = stream.read(worker.HEADER.size)
            if len(head) < worker.HEADER.size:
                raise WorkerDied(f"exit code {process.wait()}")
            kind, count, last, size = worker.HEADER.unpack(head)
            data = stream.read(size)
            if len(data) < size:
                raise WorkerDied(f"exit code {process.wait()}")
            if kind == b"C":
                yield Chunk(data, count, last)
            elif kind == b"T":
                facts = json.loads(data)
                self._know(facts["kind"], facts["separator"], facts["headings"])
            elif kind == b"E":
                code, value, params = json.loads(data)
                raise ReadError(code, value, **params)
            else:
                self.close()
                return


def _widen(descriptor):
    # Without it the work is slower, no worse.
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)
