"""Recordings as files: stereo WAV, encryption at rest. No Odoo."""

from .sealed import Damaged, Sealed, key_id, seal
from .wav import HEADER, RATE, header, stereo

__all__ = [
    *("Damaged", "Sealed", "key_id", "seal"),
    *("HEADER", "RATE", "header", "stereo"),
]
