"""Recordings in a folder: a file is there whole or not at all, and none outside."""

import contextlib
import os
import re
import secrets
from pathlib import Path

_KEY = re.compile(r"[0-9]{1,10}/[0-9]{4}/[0-9]{2}/[A-Za-z0-9-]{1,64}\.wav(\.sealed)?")
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Folder:
    """Keys are ``<company>/<year>/<month>/<name>.wav``, ``.sealed`` where encrypted.

    :param root: made, for its owner alone, when something is first written
    :raises ValueError: a key that is none
    :raises OSError: what the folder does not do
    """

    def __init__(self, root):
        self.root = Path(root)

    def path(self, key):
        if not _KEY.fullmatch(key or ""):
            raise ValueError(f"No recording has the name {key!r}")
        return self.root / key

    def write(self, key, pieces):  # pylint: disable=method-required-super
        """What is there under this key is replaced in one step."""
        path = self.path(key)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with open(os.open(new, _WRITE, 0o600), "wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, path)
        except BaseException:
            with contextlib.suppress(OSError):
                new.unlink()
            raise
        # The name, too, outlives a loss of power: the original goes after this.
        place = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(place)
        finally:
            os.close(place)

    def open(self, key):
        """:return: binary file"""
        return open(os.open(self.path(key), _READ), "rb")

    def remove(self, key):
        self.path(key).unlink(missing_ok=True)

    def fault(self):
        """Why nothing can be written there, as the system says it; "" if it can."""
        place = self.root
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            return f"{place}: not a folder"
        if not os.access(place, os.W_OK | os.X_OK):
            return f"{place}: not writable"
        return ""
