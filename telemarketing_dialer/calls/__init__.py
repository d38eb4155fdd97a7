"""What became of a call, from what Asterisk says. Standard library only."""

from .outcome import AGENT_LOST, OUTCOMES, classify
