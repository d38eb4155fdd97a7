"""The day's account of people who found nobody, and the risk it allows.

Abandoned: a person answered and no agent was there within the patience (2 s). Rate:
abandoned over abandoned plus connected calls that the agent did not take for a machine;
one whose answerer is unknown counts as a person (docs/pacing.md).
"""

from __future__ import annotations

from math import exp

from .learning import Kept


class Account(Kept):
    """Integral control: each person served earns ``target``, each abandoned costs one.

    What was earned or lost moves the risk allowed for a call by a factor, so the rate
    comes to the target whatever the model's error, without tuning.
    """

    __slots__ = (
        "abandoned",
        "connected",
        "gain",
        "limit",
        "machines",
        "target",
        "tilt",
    )
    FIXED = ("gain", "limit", "target")
    LOWEST, HIGHEST = 0.002, 0.6

    def __init__(self, target, limit, gain=0.12):
        self.target, self.limit, self.gain = target, limit, gain
        self.tilt = 0.0
        self.begin()

    def begin(self):
        self.abandoned = self.connected = self.machines = 0

    @property
    def people(self):
        return self.abandoned + self.connected

    @property
    def rate(self):
        return self.abandoned / self.people if self.people else 0.0

    def served(self):
        self.connected += 1
        self.tilt += self.gain * self.target

    def lost(self):
        self.abandoned += 1
        self.tilt -= self.gain * (1 - self.target)

    def was_machine(self):
        """One of the connected was none, and earned nothing."""
        self.connected -= 1
        self.machines += 1
        self.tilt -= self.gain * self.target

    def allowed(self):
        """The risk that one more call may have."""
        self.tilt = min(max(self.tilt, -3.0), 3.5)
        return min(max(self.target * exp(self.tilt), self.LOWEST), self.HIGHEST)

    def near_limit(self):
        """Would one more put the day over its limit?"""
        return self.people >= 50 and self.abandoned + 1 > self.limit * (self.people + 1)
