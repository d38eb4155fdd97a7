"""The second process of a load: reads, cleans, writes whole chunks to a pipe.

Run as a program; it knows the kernels and nothing of Odoo. On standard input one
line of JSON says what to do; on standard output come messages, each a header
``!cIIQ`` (kind, count, last row, bytes) and its bytes:

``T`` the table that was opened, as JSON; ``C`` a chunk; ``E`` a file that cannot be
taken, as JSON of ``ReadError``; ``X`` the end. Nothing after the last chunk but no
``X`` means that this process died. Writing blocks until the other side reads, so it
is never more than a chunk ahead; it ends with its parent.
"""

import ctypes
import json
import os
import signal
import struct
import sys
import types

HEADER = struct.Struct("!cIIQ")
PACKAGE = "telemarketing_kernels"
_PR_SET_PDEATHSIG = 1


def _die_with(parent):
    """However the parent ends (Linux; elsewhere the closed pipe does it)."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        sys.exit(1)


def main():
    task = json.loads(sys.stdin.buffer.readline())
    _die_with(task["parent"])
    sys.path[:] = task["path"]
    # The kernels' own package, without the module above them, which imports Odoo.
    package = types.ModuleType(PACKAGE)
    package.__path__ = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
    sys.modules[PACKAGE] = package
    from telemarketing_kernels.importing.cleaning import Settings
    from telemarketing_kernels.importing.reader import Limits, open_table
    from telemarketing_kernels.importing.reasons import ReadError
    from telemarketing_kernels.importing.staging import (
        Staging,
        chunks,
        pack,
        unpack,
    )

    out = sys.stdout.buffer

    def send(kind, data=b"", count=0, last=0):
        out.write(HEADER.pack(kind, count, last, len(data)))
        out.write(data)
        out.flush()

    staging = dict(task["staging"])
    settings = unpack(Settings, staging.pop("settings"))
    try:
        table = open_table(
            task["file"],
            task["filename"],
            sheet=task["sheet"],
            limits=unpack(Limits, task["limits"]),
        )
        # Which day a number is, is the file's to say.
        settings = unpack(Settings, pack(settings) | {"date1904": table.date1904})
        staging = unpack(Staging, staging | {"settings": None})
        staging = Staging(**{**vars(staging), "settings": settings})
        facts = {"kind": table.kind, "separator": table.separator}
        facts["headings"] = table.headings
        send(b"T", json.dumps(facts).encode())
        todo = chunks(table, staging, task["skip"], task["size"], task["first"])
        for chunk in todo:
            send(b"C", chunk.data, chunk.count, chunk.last)
        send(b"X")
    except ReadError as error:
        problem = error.problem
        facts = [problem.code, problem.value, problem.params]
        send(b"E", json.dumps(facts).encode())
    except BrokenPipeError:
        # Stopped: nobody reads any more. No complaint at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
