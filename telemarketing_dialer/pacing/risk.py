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
    return sum(follow([1.0], chances, limit + 1))


def follow(law, chances, length):
    """Tosses more coins.

    :param law: chance that k fell well so far, by k; changed in place
    :param length: so many k at most are followed
    :return: the law
    """
    for chance in chances:
        miss = 1.0 - chance
        top = len(law)
        if top < length:
            law.append(law[-1] * chance)
        for k in range(top - 1, 0, -1):
            law[k] = law[k] * miss + law[k - 1] * chance
        law[0] *= miss
    return law


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

    __slots__ = ("about", "coins", "enough", "law", "moments")

    def __init__(self, ready, frees, answers, certain=0):
        # Short when those who answer and those who do not come free are together as
        # many as ready + frees - certain; a call more does not change that number.
        self.enough = ready + len(frees) - certain
        self.coins = [1 - chance for chance in frees]
        self.coins += answers
        self.about = len(self.coins) > EXACT
        self.law = None
        if self.about:
            self._sum_up()

    def _sum_up(self):
        """From here on, only the moments of the sum."""
        mean = variance = third = 0.0
        for chance in self.coins:
            spread = chance * (1 - chance)
            mean += chance
            variance += spread
            third += spread * (1 - 2 * chance)
        self.moments = (mean, variance, third)
        self.about, self.coins = True, ()

    def chance(self):
        enough = self.enough
        if enough <= 0:
            return 1.0
        if self.about:
            mean, variance, third = self.moments
            return 1 - at_most_about(mean, variance, third, enough - 1)
        if len(self.coins) < enough:
            return 0.0
        if self.law is None:
            self.law = follow([1.0], self.coins, enough)
        return max(0.0, 1 - sum(self.law))

    def add(self, answer):
        """One more call in the air."""
        if self.about:
            mean, variance, third = self.moments
            spread = answer * (1 - answer)
            self.moments = (
                mean + answer,
                variance + spread,
                third + spread * (1 - 2 * answer),
            )
            return
        self.coins.append(answer)
        if len(self.coins) > 2 * EXACT:
            self._sum_up()
        elif self.law is not None:
            follow(self.law, (answer,), self.enough)
