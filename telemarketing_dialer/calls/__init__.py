"""What became of a call, from what Asterisk says. Standard library only."""

from .outcome import OUTCOMES, classify
