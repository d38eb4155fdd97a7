"""The chance that an answered call finds nobody.

Each agent who may come free and each call in the air that may not be answered is one
coin of its own; a call is lost when too few of them fall well (Poisson-binomial law).
"""

from __future__ import annotations

from math import erf, exp, pi, sqrt

# Up to so many coins the law is computed exactly.
EXACT = 48


def at_most(chances, limit):
    """Exactly: the chance that at most ``limit`` of independent coins fall well.

    :param chances: of each coin
    """
    if limit < 0:
        return 0.0
    if limit >= len(chances):
        return 1.0
    # law[k]: k fell well; more than limit are not followed.
    law = [1.0] + [0.0] * limit
    top = 0
    for chance in chances:
        miss = 1.0 - chance
        if top < limit:
            top += 1
        for k in range(top, 0, -1):
            law[k] = law[k] * miss + law[k - 1] * chance
        law[0] *= miss
    return sum(law)


def at_most_about(mean, variance, third, limit):
    """About the same from the sum's moments: normal, corrected for its skewness.

    :param third: third central moment
    """
    if variance < 1e-9:
        return 1.0 if limit + 0.5 > mean else 0.0
    deviation = sqrt(variance)
    x = (limit + 0.5 - mean) / deviation
    plain = 0.5 * (1 + erf(x / sqrt(2)))
    skew = third / (variance * deviation)
    value = plain - skew / 6 * (x * x - 1) * exp(-x * x / 2) / sqrt(2 * pi)
    return min(max(value, 0.0), 1.0)


class Shortage:
    """Chance that whoever answers next finds nobody, as dials are added.

    :param ready: agents ready now
    :param frees: chances of those who may be free in time
    :param answers: chances of the calls in the air to be answered before
    :param certain: people who wait already
    """

    __slots__ = ("about", "answers", "coins", "limit", "moments")

    def __init__(self, ready, frees, answers, certain=0):
        # Short when: ready + frees - certain - answers <= 0, that is
        # frees + (calls not answered) <= calls + certain - ready.
        self.limit = len(answers) + certain - ready
        count = len(frees) + len(answers)
        self.about = count > EXACT
        if self.about:
            mean = variance = third = 0.0
            for chance in frees:
                spread = chance * (1 - chance)
                mean += chance
                variance += spread
                third += spread * (1 - 2 * chance)
            for chance in answers:
                spread = chance * (1 - chance)
                mean += 1 - chance
                variance += spread
                third -= spread * (1 - 2 * chance)
            self.moments = (mean, variance, third)
        else:
            self.coins = list(frees) + [1 - chance for chance in answers]

    def chance(self):
        if self.about:
            if self.limit < 0:
                return 0.0
            return at_most_about(*self.moments, self.limit)
        return at_most(self.coins, self.limit)

    def add(self, answer):
        """One more call in the air."""
        self.limit += 1
        if self.about:
            mean, variance, third = self.moments
            spread = answer * (1 - answer)
            self.moments = (
                mean + 1 - answer,
                variance + spread,
                third - spread * (1 - 2 * answer),
            )
        else:
            self.coins.append(1 - answer)
