"""Cells of the benchmark: a policy in a scenario for so many days, and the statistics.

``python -m pacing.simulation --help``, with the folder of ``pacing`` on the path; any
Python from 3.9 on, PyPy is several times faster.
"""

from __future__ import annotations

from math import sqrt
from multiprocessing import Pool
from pkgutil import resolve_name

from .day import Day
from .policies import POLICIES, known
from .scenario import load

# Days of the search and of the measurement never meet.
SEARCH_DAYS = range(900_000, 900_010)
CHUNK = 10


def maker(policy):
    """:param policy: one of ours, or ``module:callable`` of anybody's
    :return: ``(make, what is searched in hindsight)``
    """
    if policy in POLICIES:
        return POLICIES[policy]
    if ":" not in policy:
        raise ValueError(f"no such policy: {policy!r}; others are module:callable")
    return resolve_name(policy), None


def play(task):
    """One chunk of days; a task of the pool.

    :param task: ``(scenario, policy, settings, seeds)``
    :return: the days' figures
    """
    scenario, policy, settings, seeds = task
    if isinstance(scenario, str):
        scenario = load(scenario)
    make, _grid = maker(policy)
    truth = getattr(make, "truth", False)
    found = []
    for seed in seeds:
        pacer = make(scenario if truth else known(scenario), **settings)
        day = Day(scenario, seed, pacer)
        if getattr(make, "clairvoyant", False):
            pacer.day = day
        found.append(day.run())
    return found


def rate_of(days):
    """Abandoned of all the days' answered, as a share."""
    abandoned = sum(day["abandoned"] for day in days)
    return abandoned / max(1, abandoned + sum(day["connected"] for day in days))


def talk_of(days):
    return sum(day["talk_per_hour"] for day in days) / len(days)


class Bench:
    """:param workers: processes; 0: in this one"""

    def __init__(self, workers=0):
        self.pool = Pool(workers) if workers else None

    def close(self):
        if self.pool:
            self.pool.close()
            self.pool.join()

    def many(self, tasks):
        return self.pool.map(play, tasks, 1) if self.pool else list(map(play, tasks))

    def days(self, scenario, policy, settings, seeds):
        seeds = list(seeds)
        size = CHUNK if len(seeds) > CHUNK else max(1, len(seeds) // 2)
        chunks = [seeds[at : at + size] for at in range(0, len(seeds), size)]
        found = self.many([(scenario, policy, settings, chunk) for chunk in chunks])
        return [day for chunk in found for day in chunk]

    def best(self, scenario, policy, grid, limit):
        """The settings with the most talk whose search days stay under the limit.

        Where none does, those with the fewest abandoned.
        """
        found = self.many([(scenario, policy, one, SEARCH_DAYS) for one in grid])
        tried = [
            (rate_of(days), talk_of(days), one)
            for one, days in zip(grid, found)  # noqa: B905
        ]
        good = [one for one in tried if one[0] <= limit]
        if good:
            return max(good, key=lambda one: one[1])[2]
        return min(tried, key=lambda one: one[0])[2]

    def tuned(self, scenario, policy, target):
        """The threshold whose search days come to the target, by bisection."""
        low, high = 0.002, 0.6
        for _step in range(7):
            middle = sqrt(low * high)
            days = self.days(scenario, policy, {"threshold": middle}, SEARCH_DAYS)
            low, high = (low, middle) if rate_of(days) > target else (middle, high)
        return {"threshold": round(sqrt(low * high), 5)}

    def cell(self, scenario, policy, days, minutes=False):
        """:return: ``{"settings", "days": figures, ...}``"""
        _make, grid = maker(policy)
        settings = {}
        law = load(scenario)["campaigns"][0]
        if grid == "target":
            settings = self.tuned(scenario, policy, law["target"])
        elif grid:
            settings = self.best(scenario, policy, grid, law["limit"])
        figures = self.days(scenario, policy, settings, range(days))
        return {"settings": settings, **summary(figures, law["limit"], minutes)}


# ------------------------------------------------------------------ figures
def interval(values):
    """Mean and the half width of its 95 % confidence interval."""
    count = len(values)
    mean = sum(values) / count
    if count < 2:
        return mean, 0.0
    spread = sqrt(sum((value - mean) ** 2 for value in values) / (count - 1))
    return mean, student(count - 1) * spread / sqrt(count)


def student(freedom):
    """97.5 % quantile of Student's law (Cornish and Fisher's expansion)."""
    z, n = 1.959964, freedom
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def quantile(values, share):
    """Linear between the two nearest."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def summary(days, limit, minutes=False):
    """:return: means with intervals, and each day's talk for paired differences"""
    rates = [day["rate"] for day in days]
    talk, talk_error = interval([day["talk_per_hour"] for day in days])
    found = {
        "count": len(days),
        "talk": talk,
        "talk_error": talk_error,
        "rate": rate_of(days),
        "rate_error": interval(rates)[1],
        "rate_p95": quantile(rates, 0.95),
        "rate_worst": max(rates),
        "over_limit": sum(rate > limit for rate in rates),
        "wait_p50": interval([day["wait_p50"] for day in days])[0],
        "wait_p90": interval([day["wait_p90"] for day in days])[0],
        "wait_spread": interval([day["wait_spread"] for day in days])[0],
        "silence_p95": interval([day["silence_p95"] for day in days])[0],
        "dials_per_contact": sum(day["dials"] for day in days)
        / max(1, sum(day["connected"] for day in days)),
        "mistaken": sum(day["mistaken"] for day in days)
        / max(1, sum(day["connected"] + day["mistaken"] for day in days)),
        "callers_lost": sum(day["callers_lost"] for day in days) / len(days),
        "each": [round(day["talk_per_hour"], 4) for day in days],
    }
    if minutes:
        found["minutes"] = [
            [round(sum(column) / len(days), 4) for column in zip(*rows)]  # noqa: B905
            for rows in zip(*(day["minutes"] for day in days))  # noqa: B905
        ]
    return found


def difference(one, other):
    """Of two cells on the same days: mean of one minus other, half width at 95 %."""
    return interval([a - b for a, b in zip(one["each"], other["each"])])  # noqa: B905


def recovery(minutes, step, limit, width=5, calm=15):
    """Minutes from a step until the abandoned of ``width`` minutes, over all days, are
    at the limit or below and stay there for ``calm``; None: not in the day.
    """
    first = step // 60
    good_since = None
    for at in range(first, len(minutes) - 1):
        window = minutes[max(first, at - width + 1) : at + 1]
        served = sum(row[0] for row in window)
        lost = sum(row[1] for row in window)
        if lost > limit * (served + lost):
            good_since = None
        elif good_since is None:
            good_since = at
        elif at - good_since >= calm:
            return good_since - first
    return None
