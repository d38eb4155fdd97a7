"""Recordings as files: stereo WAV, encryption at rest, spool and store. No Odoo."""

from .folder import Folder
from .sealed import Damaged, Sealed, key_id, read_keys, seal
from .spool import DAY, STILL, Side, Spool
from .wav import HEADER, RATE, header, stereo

__all__ = [
    *("Damaged", "Sealed", "key_id", "read_keys", "seal"),
    *("HEADER", "RATE", "header", "stereo"),
    *("DAY", "STILL", "Folder", "Side", "Spool"),
]
