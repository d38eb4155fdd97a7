"""What people, numbers and agents do: the laws of the simulated world.

They stand in ``scenarios/*.json`` (see ``scenario.py``); a pacer never sees them.
"""

from __future__ import annotations

from math import log, pi, sin, sqrt
from random import Random

from .. import events as ev


def lognormal(mean, variation):
    """Parameters of ``lognormvariate`` for a mean and a coefficient of variation."""
    square = log(1 + variation * variation)
    return log(mean) - square / 2, sqrt(square)


def at(steps, now):
    """The value of ``[[from second, value], ...]`` at a time."""
    value = steps[0][1]
    for begun, this in steps:
        if now < begun:
            break
        value = this
    return value


class Number:
    """What becomes of one number, if it is dialled: fixed before anybody dials."""

    __slots__ = (
        "chance",
        "kind",
        "leaks",
        "mistaken",
        "result",
        "ring",
        "talk",
        "wrap",
    )

    def __init__(self, chance, ring, kind, result, talk, wrap, mistaken, leaks):
        # A person answers where the share of that moment is above it.
        self.chance, self.ring = chance, ring
        # Otherwise: what is heard, and when.
        self.kind, self.result = kind, result
        self.talk, self.wrap = talk, wrap
        # Detection: the person is taken for a machine; the machine for a person.
        self.mistaken, self.leaks = mistaken, leaks


class Numbers:
    """The list of a campaign: the n-th number dialled is the same for every policy.

    :param law: a campaign of a scenario
    """

    RING_OUT = 25.0

    def __init__(self, law, seed):
        self.law = law
        self.random = Random(seed)
        self.ring = lognormal(law["ring"]["mean"], law["ring"]["variation"])
        self.wrap = lognormal(law["wrap"]["mean"], law["wrap"]["variation"])
        self.detection = law.get("detection") or {"mistaken": 0.0, "leaks": 0.0}
        others = law["others"]
        self.busy = others["no_answer"]
        self.machine = self.busy + others["busy"]
        self.unallocated = self.machine + others["machine"]
        self.ahead = []

    def share(self, now):
        """Share of numbers that a person answers at that time."""
        share = at(self.law["answer"], now)
        wave = self.law.get("wave")
        if wave:
            share *= 1 + wave["amplitude"] * sin(2 * pi * now / wave["period"])
        return share

    def next(self, now):
        """:return: ``(person?, Number)`` of the number dialled at that time"""
        number = self.ahead.pop(0) if self.ahead else self._draw(now)
        return number.chance < self.share(now), number

    def peek(self, now):
        """The number that ``next`` will give; for clairvoyants."""
        if not self.ahead:
            self.ahead.append(self._draw(now))
        number = self.ahead[0]
        return number.chance < self.share(now), number

    def _answer_time(self):
        begins = self.law["ring"]["begins"]
        return min(begins + self.random.lognormvariate(*self.ring), self.RING_OUT - 0.1)

    def _draw(self, now):
        # Always the same draws in the same order, whatever comes of them.
        random = self.random
        chance = random.random()
        ring = self._answer_time()
        other = random.random()
        short = random.expovariate(1.0)
        machine = self._answer_time()
        refusal = random.random()
        refused = random.expovariate(1.0)
        talk, wrap = self.law["talk"], random.lognormvariate(*self.wrap)
        rest = random.lognormvariate(*lognormal(1.0, talk["variation"]))
        mistaken = random.random() < self.detection["mistaken"]
        leaks = random.random() < self.detection["leaks"]
        refuses, brief = talk["refusals"], talk["refusal"]
        if refusal < refuses:
            talks = brief["begins"] + refused * brief["mean"]
        else:
            # The mean is that of all talks.
            mean = at(talk["mean"], now)
            share = refuses * (brief["begins"] + brief["mean"])
            talks = rest * (mean - share) / (1 - refuses)
        if other < self.busy:
            kind, result = ev.NO_ANSWER, self.RING_OUT
        elif other < self.machine:
            kind, result = ev.BUSY, 1.5 + 1.5 * short
        elif other < self.unallocated:
            kind, result = ev.MACHINE, machine
        else:
            kind, result = ev.UNALLOCATED, 1.0 + 0.5 * short
        return Number(chance, ring, kind, result, talks, wrap, mistaken, leaks)
