"""How long things last and how they end, learnt from what was seen.

Both estimators forget: an observation weighs half after ``memory * ln 2`` more of them.
"""

from __future__ import annotations

from math import exp, sqrt

# Seconds. Refusals end within half a minute and conversations last for minutes, so the
# steps are fine at first and wide later.
EDGES = (
    *(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 23, 26, 30, 35, 40, 47, 55, 65, 77, 90),
    *(105, 125, 150, 180, 220, 270, 330, 400, 500, 650, 900, 1300, 2000),
)
# Which bin a whole second lies in.
_BIN = [0] * (EDGES[-1] + 1)
for _place, _edge in enumerate(EDGES):
    for _second in range(_edge, len(_BIN)):
        _BIN[_second] = _place
LAST = len(EDGES) - 1


def bin_of(seconds):
    return _BIN[int(seconds)] if seconds < EDGES[-1] else LAST


class Kept:
    """Saved as its attributes; ``FIXED`` ones are settings and are not."""

    __slots__ = ()
    FIXED = ()

    def save(self):
        found = {}
        for name in self.__slots__:
            if name not in self.FIXED:
                value = getattr(self, name)
                # What is seen later must not change what was saved.
                found[name] = list(value) if isinstance(value, list) else value
        return found

    def restore(self, saved):
        for name, value in saved.items():
            if name in self.__slots__ and name not in self.FIXED:
                setattr(self, name, list(value) if isinstance(value, list) else value)


class Duration(Kept):
    """The hazard of a talk's or a wrap-up's end, by how long it has lasted.

    Occurrences over time spent, bin by bin: who is still talking counts with the time
    talked so far, so that long talks are not missed because they are not over.
    """

    __slots__ = ("exposure", "memory", "prior", "seen", "weight")
    FIXED = ("memory", "prior")

    def __init__(self, memory, prior):
        """:param memory: observations
        :param prior: mean seconds believed until something is known; long is careful
        """
        self.memory = memory
        self.prior = prior
        self.exposure = [0.0] * len(EDGES)
        self.seen = [0.0] * len(EDGES)
        self.weight = 1.0

    def add(self, seconds):
        last = bin_of(seconds)
        weight, exposure = self.weight, self.exposure
        for place in range(last):
            exposure[place] += weight * (EDGES[place + 1] - EDGES[place])
        exposure[last] += weight * max(0.0, seconds - EDGES[last])
        self.seen[last] += weight
        self.weight = weight * (1 + 1 / self.memory)
        if self.weight > 1e9:
            self.exposure = [value / self.weight for value in self.exposure]
            self.seen = [value / self.weight for value in self.seen]
            self.weight = 1.0

    def hazards(self, running=()):
        """:param running: seconds that those not over have lasted
        :return: ends a second, by bin
        """
        weight = self.weight
        exposure = [value / weight for value in self.exposure]
        for seconds in running:
            last = bin_of(seconds)
            for place in range(last):
                exposure[place] += EDGES[place + 1] - EDGES[place]
            exposure[last] += max(0.0, seconds - EDGES[last])
        prior = self.prior
        return [
            (seen / weight + 0.5) / (spent + 0.5 * prior)
            for seen, spent in zip(self.seen, exposure)  # noqa: B905
        ]

    def known(self):
        """How many observations the estimate rests on."""
        return sum(self.seen) / self.weight

    def mean(self):
        hazards = self.hazards()
        total, alive = 0.0, 1.0
        for place, hazard in enumerate(hazards):
            if place == LAST:
                return total + alive / hazard
            width = EDGES[place + 1] - EDGES[place]
            stays = exp(-hazard * width)
            total += alive * (1 - stays) / hazard
            alive *= stays
        return total


def free_within(talk, wrap, horizons):
    """Chances to be free again.

    :param talk: hazards of the talk's end
    :param wrap: hazards of the wrap-up's end
    :param horizons: whole seconds
    :return: ``(talking, wrapping)``: each by horizon, then by bin of the time spent
    """
    longest = max(horizons) + 1
    # Of a wrap-up that begins: over within s seconds.
    over, alive = [0.0], 1.0
    for second in range(longest):
        alive *= exp(-wrap[_BIN[second]])
        over.append(1 - alive)
    # Half a second: ends lie on average in the middle of their second.
    half = [(over[s] + over[s + 1]) / 2 for s in range(longest)]
    wrapping = [[0.0] * len(EDGES) for _horizon in horizons]
    talking = [[0.0] * len(EDGES) for _horizon in horizons]
    for place in range(len(EDGES)):
        begun = EDGES[place]
        if place < LAST:
            begun = (begun + EDGES[place + 1]) // 2
        stays_w = stays_t = 1.0
        ends = []
        left = []
        for second in range(longest):
            at = min(begun + second, EDGES[-1])
            still = stays_t * exp(-talk[_BIN[at]])
            ends.append(stays_t - still)
            stays_t = still
            stays_w *= exp(-wrap[_BIN[at]])
            left.append(stays_w)
        for number, horizon in enumerate(horizons):
            wrapping[number][place] = 1 - left[horizon - 1]
            within = 0.0
            for second in range(horizon):
                within += ends[second] * half[horizon - second - 1]
            talking[number][place] = within
    return talking, wrapping


class Ringing(Kept):
    """What becomes of a call in the air, by how long it has been there."""

    SECONDS = 64

    # Calls by which a change is seen soon.
    FAST = 150

    __slots__ = ("fast", "fast_weight", "memory", "other", "person", "weight")
    FIXED = ("memory",)

    def __init__(self, memory):
        self.memory = memory
        self.person = [0.0] * self.SECONDS
        self.other = [0.0] * self.SECONDS
        self.weight = 1.0
        # Share of people among the last calls, to see soon that it has changed.
        self.fast = 0.0
        self.fast_weight = 0.0

    def add(self, seconds, person):
        place = min(int(max(0.0, seconds)), self.SECONDS - 1)
        (self.person if person else self.other)[place] += self.weight
        self.weight *= 1 + 1 / self.memory
        if self.weight > 1e9:
            self.person = [value / self.weight for value in self.person]
            self.other = [value / self.weight for value in self.other]
            self.weight = 1.0
        keep = 1 - 1 / self.FAST
        self.fast = self.fast * keep + person
        self.fast_weight = self.fast_weight * keep + 1

    def known(self):
        return (sum(self.person) + sum(self.other)) / self.weight

    def rate(self, caution=0.0):
        """Share of calls that a person answers.

        :param caution: how many standard errors above the estimate (Wilson's bound)
        """
        people, total = sum(self.person) / self.weight, self.known()
        if not total:
            return 1.0
        rate = people / total
        if self.fast_weight > 30:
            lately = self.fast / self.fast_weight
            # Two samples overlap, so the difference is a little less than it looks.
            error = sqrt(max(rate * (1 - rate), 0.01) * 0.5 / self.fast_weight)
            if abs(lately - rate) > 2.5 * error:
                rate, total = lately, self.fast_weight
        square = caution * caution / total
        return (
            rate + square / 2 + sqrt(square * rate * (1 - rate) + square * square / 4)
        ) / (1 + square)

    def answer_within(self, horizons, rate):
        """:param rate: the share to reckon with, see ``rate``
        :return: by horizon, then by whole seconds in the air: the chance that a person
            answers within the horizon
        """
        people, others = sum(self.person), sum(self.other)
        if not people:
            return [[rate] * self.SECONDS for _horizon in horizons]
        alive = [0.0] * (self.SECONDS + 1)
        answered = [0.0] * (self.SECONDS + 1)
        for place in range(self.SECONDS):
            answered[place + 1] = answered[place] + rate * self.person[place] / people
        gone = 0.0
        for place in range(self.SECONDS):
            alive[place] = max(1 - answered[place] - gone, 0.0)
            gone += (1 - rate) * self.other[place] / others if others else 0.0
        table = []
        for horizon in horizons:
            row = []
            for place in range(self.SECONDS):
                until = min(place + horizon, self.SECONDS)
                # The call is somewhere within its second.
                now = (answered[place] + answered[place + 1]) / 2
                then = (answered[until] + answered[min(until + 1, self.SECONDS)]) / 2
                left = (alive[place] + alive[place + 1]) / 2
                row.append(
                    min((then - now) / left, 1.0) if left > 1e-9 else min(rate, 1.0)
                )
            table.append(row)
        return table

    def moments(self, count):
        """When people answer, as so many equally likely whole seconds."""
        people = sum(self.person)
        if not people:
            return [10] * count
        found, passed = [], 0.0
        for place, value in enumerate(self.person):
            passed += value
            while len(found) < count and passed >= people * (len(found) + 0.5) / count:
                found.append(place + 1)
        return found
