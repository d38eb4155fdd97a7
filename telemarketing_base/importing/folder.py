"""A folder in which others put files, read so that it cannot be made to show
anything else.

Nothing is ever opened by a path: the base folder is opened once, every part below it
with ``openat`` and ``O_NOFOLLOW``, and files by their name in the folder that is
open. Whoever swaps a folder or a file for a link between two steps changes nothing:
what was opened is what is read. A file counts only if it is a regular one, on the
folder's own file system, with this one name (a hard link may show a file of
somebody else).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# Where files go afterwards, below the folder. Fixed, so that whoever delivers files
# by a programme can rely on them.
DONE, FAILED, REPEATED = "hechos", "fallidos", "repetidos"
SUBFOLDERS = (DONE, FAILED, REPEATED)
# Beside a file that was not loaded: why.
REASON_SUFFIX = ".motivo.txt"
# With a marker a file is complete when "name.ok" stands beside "name" or "name.csv".
MARKERS = (".ok", ".done")

_PART = re.compile(r"[^\W_][\w .()-]{0,99}")
_DEPTH = 5
# What programmes call a file while they write it, or beside it.
_TEMPORARY = re.compile(
    r"(\.(tmp|temp|part|partial|filepart|crdownload|download|writing|swp|lock)|~)$"
    r"|^(\.|~\$|~lock)",
    re.IGNORECASE,
)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Set-group-ID: what is made within belongs to the same group.
_MODE_FOLDER, _MODE_FILE = 0o2770, 0o660
_TEXT_BYTES = 150


class FolderError(Exception):
    """``code`` says what is wrong, ``params`` with what; the caller says it in the
    reader's language.

    Of names of folders: ``name_empty``, ``name_absolute``, ``name_up``,
    ``name_bad``, ``name_ours``, ``name_deep``. Of folders: ``root_missing``,
    ``root_open`` (anybody may write in it), ``folder_missing``, ``folder_link``,
    ``folder_refused``. Of files: ``gone``, ``changed``, ``locked`` (all three:
    later), ``link``, ``hard_link``, ``special``, ``directory``, ``other_device``,
    ``too_large``, ``unreadable``. Of moving: ``move_refused``; of deleting:
    ``delete_refused``.
    """

    def __init__(self, code: str, **params):
        super().__init__(code)
        self.code = code
        self.params = params


# Not wrong: not yet.
LATER = frozenset({"gone", "changed", "locked"})


@dataclass(frozen=True)
class Seen:
    """What stands in the folder under a name: ``raw`` its bytes, ``name`` as it can
    be shown and stored; ``kind`` file, directory, link or special."""

    raw: bytes
    name: str
    kind: str
    device: int
    inode: int
    size: int
    changed: int

    @property
    def signature(self) -> str:
        """Equal as long as nobody wrote into it or put another in its place."""
        return f"{self.device}:{self.inode}:{self.size}:{self.changed}"


def parts_of(folder: str) -> list[str]:
    """The parts of a relative folder, or FolderError: "clientes/altas" → two parts.

    Letters, digits, spaces, ``_ . ( ) -``; no part begins with a dot.
    """
    folder = folder or ""
    if not folder.strip():
        raise FolderError("name_empty")
    if folder.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:", folder):
        raise FolderError("name_absolute")
    parts = folder.split("/")
    if ".." in parts:
        raise FolderError("name_up")
    if len(parts) > _DEPTH:
        raise FolderError("name_deep", limit=_DEPTH)
    for part in parts:
        if not _PART.fullmatch(part) or part.endswith((" ", ".")):
            raise FolderError("name_bad")
        if part.casefold() in SUBFOLDERS:
            raise FolderError("name_ours", name=part)
    return parts


def clean_name(raw: bytes) -> str:
    """A name that can be shown, stored and written anywhere, extension kept.

    Bytes that are no UTF-8 are read as Windows-1252; control characters, marks that
    turn the writing round and what Windows has no names with become ``_``.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    text = "".join(
        "_"
        if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
        or c in '/\\:*?"<>|\ufffd'
        else c
        for c in unicodedata.normalize("NFC", text)
    ).strip()
    stem, extension = os.path.splitext(text)
    if len(extension.encode()) > 12:
        stem, extension = text, ""
    stem = stem.encode()[: _TEXT_BYTES - len(extension.encode())].decode(
        errors="ignore"
    )
    return (stem.rstrip(". ") or "_") + extension


def is_temporary(name: str) -> bool:
    """Hidden, or as programmes call what they are still writing."""
    return bool(_TEMPORARY.search(name))


def is_ours(name: str) -> bool:
    """A marker, or a reason that we wrote."""
    return name.lower().endswith((*MARKERS, REASON_SUFFIX))


@contextlib.contextmanager
def _code(code: str, **params) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise FolderError(code, why=why, **params) from error


class Folder:
    """An open folder below the base folder; a context manager.

    :param root: absolute path of the base folder, set by who administers the server
    :param parts: of ``parts_of``, or made by the code
    :param make: make the folders that are missing
    """

    def __init__(self, root: str, parts: list[str], make: bool = False):
        self._fds: list[int] = []
        self._subfolders: dict[str, int] = {}
        self.fd = self._open_root(root)
        try:
            for part in parts:
                self.fd = self._open_part(self.fd, part, make)
            self.device = os.fstat(self.fd).st_dev
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_error) -> None:
        self.close()

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())

    def _keep(self, fd: int) -> int:
        self._fds.append(fd)
        return fd

    def _open_root(self, root: str) -> int:
        if not os.path.isabs(root) or os.path.normpath(root) == "/":
            raise FolderError("root_missing", path=root)
        with _code("root_missing", path=root):
            fd = self._keep(os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        facts = os.fstat(fd)
        if facts.st_mode & stat.S_IWOTH or facts.st_uid not in (0, os.geteuid()):
            self.close()
            raise FolderError("root_open", path=root)
        return fd

    def _open_part(self, parent: int, part: str, make: bool) -> int:
        made = False
        if make:
            with (
                _code("folder_refused", name=part),
                contextlib.suppress(FileExistsError),
            ):
                os.mkdir(part, _MODE_FOLDER, dir_fd=parent)
                made = True
        try:
            fd = self._keep(os.open(part, _DIRECTORY, dir_fd=parent))
            if made:
                # Whatever the server's umask: the group delivers files here.
                os.fchmod(fd, _MODE_FOLDER)
            return fd
        except FileNotFoundError as error:
            raise FolderError("folder_missing", name=part) from error
        except OSError as error:
            # O_DIRECTORY with O_NOFOLLOW says ENOTDIR of a link, or ELOOP.
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise FolderError("folder_link", name=part) from error
            raise FolderError(
                "folder_refused", name=part, why=os.strerror(error.errno)
            ) from error

    # LOOKING

    def look(self) -> list[Seen]:
        """All that stands here, oldest first; our own sub-folders left out."""
        with _code("folder_refused", name=""):
            names = os.listdir(self.fd)
        found = []
        for name in names:
            raw = os.fsencode(name)
            if name in SUBFOLDERS:
                continue
            with contextlib.suppress(FolderError):
                found.append(self.stat(raw))
        return sorted(found, key=lambda seen: (seen.changed, seen.raw))

    def stat(self, raw: bytes, fd: int | None = None) -> Seen:
        """:raises FolderError: ``gone``"""
        try:
            facts = os.stat(
                raw, dir_fd=self.fd if fd is None else fd, follow_symlinks=False
            )
        except OSError as error:
            raise FolderError("gone") from error
        return self._seen(raw, facts)

    def _stands(self, raw: bytes) -> bool:
        try:
            self.stat(raw)
        except FolderError:
            return False
        return True

    @staticmethod
    def _seen(raw: bytes, facts: os.stat_result) -> Seen:
        mode = facts.st_mode
        kind = "special"
        if stat.S_ISREG(mode):
            kind = "file"
        elif stat.S_ISDIR(mode):
            kind = "directory"
        elif stat.S_ISLNK(mode):
            kind = "link"
        return Seen(
            raw,
            clean_name(raw),
            kind,
            facts.st_dev,
            facts.st_ino,
            facts.st_size,
            facts.st_mtime_ns,
        )

    # READING

    def fetch(self, seen: Seen, limit: int) -> tuple[bytes, str]:
        """The whole file and its SHA-256, or FolderError.

        :param limit: bytes
        """
        if seen.kind != "file":
            raise FolderError(seen.kind)
        try:
            # A pipe put in its place would else hold us for ever (O_NONBLOCK).
            fd = os.open(
                seen.raw,
                os.O_RDONLY
                | os.O_NOFOLLOW
                | os.O_NONBLOCK
                | os.O_NOCTTY
                | os.O_CLOEXEC,
                dir_fd=self.fd,
            )
        except FileNotFoundError as error:
            raise FolderError("gone") from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise FolderError("link") from error
            if error.errno in (errno.ENXIO, errno.ENODEV):
                raise FolderError("special") from error
            raise FolderError("unreadable", why=os.strerror(error.errno)) from error
        try:
            return self._read(fd, seen, limit)
        finally:
            os.close(fd)

    def _read(self, fd: int, seen: Seen, limit: int) -> tuple[bytes, str]:
        facts = os.fstat(fd)
        opened = self._seen(seen.raw, facts)
        if opened.kind != "file":
            raise FolderError(opened.kind)
        if facts.st_nlink != 1:
            # A file that was deleted since has none.
            raise FolderError("hard_link" if facts.st_nlink > 1 else "gone")
        if facts.st_dev != self.device:
            raise FolderError("other_device")
        if opened.signature != seen.signature:
            raise FolderError("changed")
        if facts.st_size > limit:
            raise FolderError("too_large", size=facts.st_size, limit=limit)
        with _code("locked"):
            # Who writes with a lock holds it alone; it goes when we close.
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                    raise
                # A file system without locks has nobody who locks.
        with _code("unreadable"), open(fd, "rb", closefd=False) as stream:
            # One byte more than it had: who appends meanwhile is seen.
            content = stream.read(seen.size + 1)
        after = self._seen(seen.raw, os.fstat(fd))
        if after.signature != seen.signature or len(content) != seen.size:
            raise FolderError("changed")
        if self.stat(seen.raw).signature != seen.signature:
            raise FolderError("changed")
        return content, hashlib.sha256(content).hexdigest()

    # MOVING

    def subfolder(self, name: str) -> int:
        """An open sub-folder of ours, made where it is missing."""
        if name not in self._subfolders:
            fd = self._open_part(self.fd, name, make=True)
            if os.fstat(fd).st_dev != self.device:
                raise FolderError("move_refused", why=os.strerror(errno.EXDEV))
            self._subfolders[name] = fd
        return self._subfolders[name]

    def free_name(self, name: str, fd: int, stamp: str) -> str:
        """``name`` if nothing stands under it there, else with time and count."""
        stem, extension = os.path.splitext(name)
        names = [name] + [
            f"{stem}-{stamp}{'-%d' % count if count else ''}{extension}"
            for count in range(1000)
        ]
        for candidate in names:
            try:
                os.stat(candidate, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                return candidate
            except OSError as error:
                raise FolderError(
                    "move_refused", why=os.strerror(error.errno)
                ) from error
        raise FolderError("move_refused", why=os.strerror(errno.EEXIST))

    def move(self, seen: Seen, fd: int, name: str) -> None:
        """Move into a sub-folder under a name that is free; never over a file.

        The name is taken first (``O_EXCL``) and the file moved onto the empty one
        that we made: there is no moment at which somebody else's could be there.

        :raises FolderError: ``gone`` (another stands in its place, or nothing),
            ``move_refused``
        """
        if self.stat(seen.raw).signature != seen.signature:
            raise FolderError("gone")
        if seen.kind == "directory":
            raise FolderError("move_refused", why=os.strerror(errno.EISDIR))
        with _code("move_refused"):
            os.close(os.open(name, _CREATE, _MODE_FILE, dir_fd=fd))
            try:
                os.rename(seen.raw, name, src_dir_fd=self.fd, dst_dir_fd=fd)
            except OSError:
                os.unlink(name, dir_fd=fd)
                raise
            moved = self.stat(os.fsencode(name), fd)
            if moved.inode != seen.inode:
                # Changed for another in the last moment: it goes back unread.
                if not self._stands(seen.raw):
                    os.rename(name, seen.raw, src_dir_fd=fd, dst_dir_fd=self.fd)
                raise FolderError("gone")

    def find(self, seen_signature: str, fd: int) -> str | None:
        """The name under which a file stands there: moved before a crash could be
        written down."""
        device, inode, size, changed = map(int, seen_signature.split(":"))
        with os.scandir(fd) as entries:
            for entry in entries:
                # Ours are names that can be written down.
                if entry.inode() != inode or not entry.name.isprintable():
                    continue
                facts = entry.stat(follow_symlinks=False)
                if (facts.st_dev, facts.st_size, facts.st_mtime_ns) == (
                    device,
                    size,
                    changed,
                ):
                    return entry.name
        return None

    def put(self, fd: int, name: str, content: bytes, stamp: str) -> str:
        """A new file in a sub-folder; one of that name with the same content is what
        an earlier try wrote.

        :return: the name it has
        """
        if self._same(fd, name, content):
            return name
        name = self.free_name(name, fd, stamp)
        with _code("move_refused"):
            new = os.open(name, _CREATE, _MODE_FILE, dir_fd=fd)
            try:
                with open(new, "wb") as stream:
                    stream.write(content)
            except OSError:
                # Half a file says something else.
                os.unlink(name, dir_fd=fd)
                raise
        return name

    def _same(self, fd: int, name: str, content: bytes) -> bool:
        return self._content(fd, name, len(content) + 1) == content

    @staticmethod
    def _content(fd: int, name: str, limit: int) -> bytes | None:
        """Of a regular file in an open folder; None: there is none to be read."""
        try:
            file = os.open(
                name,
                os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
                dir_fd=fd,
            )
        except OSError:
            return None
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return None
            with open(file, "rb", closefd=False) as stream:
                return stream.read(limit)
        except OSError:
            return None
        finally:
            os.close(file)

    def kept(self, subfolder: str, name: str, limit: int) -> bytes | None:
        """What stands in a sub-folder under a name that we gave; None: nothing."""
        with self._subfolder_there(subfolder) as fd:
            return None if fd is None else self._content(fd, name, limit)

    def delete(self, subfolder: str, names: list[str]) -> None:
        """Delete files from a sub-folder, those that stand there."""
        with self._subfolder_there(subfolder) as fd:
            for name in names if fd is not None else ():
                with _code("delete_refused"), contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=fd)

    def discard(self, raw: bytes) -> None:
        """Delete what stands here under this name, if anything; of a link only the
        link.

        :raises FolderError: ``delete_refused``
        """
        with _code("delete_refused"), contextlib.suppress(FileNotFoundError):
            os.unlink(raw, dir_fd=self.fd)

    @contextlib.contextmanager
    def _subfolder_there(self, name: str) -> Iterator[int | None]:
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=self.fd)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise FolderError(
                "folder_refused", name=name, why=os.strerror(error.errno)
            ) from error
        try:
            yield fd
        finally:
            os.close(fd)


_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def marker_of(raw: bytes, names: set[bytes]) -> bytes | None:
    """The marker that says that a file is complete: "base.csv.ok" or "base.ok"."""
    stem = os.path.splitext(raw)[0]
    for suffix in MARKERS:
        for marker in (raw + suffix.encode(), stem + suffix.encode()):
            if marker in names and marker != raw:
                return marker
    return None
