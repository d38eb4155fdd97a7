"""Files encrypted at rest: AES-256-GCM in chunks, any range readable by itself.

Header, big-endian: magic ``TMRS``, version u8, a zero byte, chunk size u32, key id
8 bytes, salt 16 bytes, plain size u64. Each file has a key of its own (HKDF-SHA256
of the key with the salt), so a chunk's nonce is its number. The header authenticates
each chunk, so sizes and order cannot be altered unnoticed.
"""

import hashlib
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_HEAD = struct.Struct(">4sBxI8s16sQ")
_MAGIC = b"TMRS"
_TAG = 16
CHUNK = 1 << 16


class Damaged(ValueError):
    """The file is cut, altered, or its key is not among those given."""


def read_keys(path):
    """Keys of a file, a line of 64 hexadecimal digits each: the first encrypts, all
    decrypt.

    :raises OSError: it cannot be read
    :raises ValueError: a line is no key; there is none
    """
    with open(path, encoding="ascii") as file:
        lines = [line.strip() for line in file if line.strip()]
    keys = [bytes.fromhex(line) for line in lines]
    if not keys or any(len(key) != 32 for key in keys):
        raise ValueError("A key is a line of 64 hexadecimal digits")
    return keys


def key_id(key):
    return hashlib.sha256(b"telemarketing recording" + key).digest()[:8]


def _cipher(key, salt):
    if len(key) != 32:
        raise ValueError("A key has 32 bytes")
    return AESGCM(HKDF(hashes.SHA256(), 32, salt, b"recording").derive(key))


def seal(pieces, size, key):
    """Yield the encrypted file of ``pieces``, together exactly ``size`` bytes."""
    salt = os.urandom(16)
    head = _HEAD.pack(_MAGIC, 1, CHUNK, key_id(key), salt, size)
    cipher, held, number, seen = _cipher(key, salt), bytearray(), 0, 0
    yield head
    for piece in pieces:
        held += piece
        seen += len(piece)
        while len(held) >= CHUNK:
            yield cipher.encrypt(number.to_bytes(12, "big"), bytes(held[:CHUNK]), head)
            del held[:CHUNK]
            number += 1
    if seen != size:
        raise ValueError("Size is not as said")
    if held or not size:
        yield cipher.encrypt(number.to_bytes(12, "big"), bytes(held), head)


class Sealed:
    """An encrypted file opened for reading.

    :param file: binary file that can seek
    :param keys: 32-byte keys, any order; the file names its own
    """

    def __init__(self, file, keys):
        self._file, self._head = file, file.read(_HEAD.size)
        if len(self._head) != _HEAD.size:
            raise Damaged("No header")
        magic, version, self._chunk, name, salt, self.size = _HEAD.unpack(self._head)
        if (magic, version, self._chunk) != (_MAGIC, 1, CHUNK):
            raise Damaged("Not a sealed recording")
        key = next((key for key in keys if key_id(key) == name), None)
        if key is None:
            raise Damaged("Its key is not known")
        self._cipher = _cipher(key, salt)
        count = max(1, -(-self.size // CHUNK))
        if file.seek(0, os.SEEK_END) != _HEAD.size + self.size + count * _TAG:
            raise Damaged("Cut or longer than written")

    def read(self, start, stop):  # pylint: disable=method-required-super
        """Yield the plain bytes ``start`` to ``stop``, ``stop`` excluded."""
        stop = min(stop, self.size)
        for number in range(start // CHUNK, -(-stop // CHUNK)):
            first = number * CHUNK
            length = min(CHUNK, self.size - first) + _TAG
            self._file.seek(_HEAD.size + number * (CHUNK + _TAG))
            try:
                plain = self._cipher.decrypt(
                    number.to_bytes(12, "big"), self._file.read(length), self._head
                )
            except InvalidTag as error:
                raise Damaged("Altered") from error
            yield plain[max(0, start - first) : stop - first]
