"""Is predictive dialling worth it? Asked of the laws that a pacer has learnt.

The same simulated hours are worked progressively and predictively with the agents that
there are; the difference, with its error, decides. Takes some seconds of processor
time (see docs/pacing.md): for a job in the background, not for a request.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from .. import events as ev
from ..learning import EDGES, LAST
from ..pacer import PREDICTIVE, PROGRESSIVE, Pacer, Settings
from .day import Day
from .laws import Number
from .run import interval
from .scenario import complete

# Minutes of talk an hour below which the risk of abandoned calls is not worth taking.
WORTH = 1.0
# Hours that agents work in each of the rounds, all together; before them everybody
# begins at once, which says nothing.
AGENT_HOURS, ROUNDS = 24.0, 6
WARM_UP = 10


class Advice(NamedTuple):
    """:param mode: ``predictive`` or ``progressive``
    :param progressive: minutes of talk an hour and agent
    :param predictive: the same
    :param gain: predictive minus progressive
    :param error: half the width of the gain's 95 % confidence interval
    :param abandoned: share of people who would find nobody
    :param reason: ``unknown``, ``few_agents``, ``busy_already``, ``little``, ``gain``
    """

    mode: str
    progressive: float
    predictive: float
    gain: float
    error: float
    abandoned: float
    reason: str


REASONS = {
    "unknown": "Too few calls are known to say anything: %(known)d outcomes.",
    "few_agents": "With %(agents)d agents it is seldom sure that one comes free in "
    "time: %(gain).1f minutes more talk an hour, not worth abandoned calls.",
    "busy_already": "Agents talk or write up %(busy)d %% of their time already: "
    "%(gain).1f minutes more an hour at most.",
    "little": "Predictive dialling would give %(gain).1f minutes more talk an hour, "
    "not worth abandoned calls.",
    "gain": "Predictive dialling gives %(gain).1f minutes more talk an hour, with "
    "%(abandoned).1f %% of people finding nobody.",
}


class Learnt:
    """Numbers that behave as those seen so far; see ``laws.Numbers``."""

    def __init__(self, campaign, seed):
        self.random = Random(seed)
        ringing = campaign.ringing
        self.rate = ringing.rate()
        self.person, self.other = _steps(ringing.person), _steps(ringing.other)
        self.talk, self.wrap = campaign.talk.hazards(), campaign.wrap.hazards()

    def next(self, _now):
        random = self.random
        chance, ring = random.random(), self._when(self.person)
        result = self._when(self.other)
        talk, wrap = self._lasts(self.talk), self._lasts(self.wrap)
        number = Number(chance, ring, ev.NO_ANSWER, result, talk, wrap, False, False)
        return chance < self.rate, number

    def _when(self, steps):
        wanted = self.random.random()
        within = self.random.random()
        for second, share in steps:
            if wanted <= share:
                return second + within
        return steps[-1][0] + within if steps else 20.0

    def _lasts(self, hazards):
        left = self.random.expovariate(1.0)
        for place in range(LAST):
            width = EDGES[place + 1] - EDGES[place]
            if left < hazards[place] * width:
                return EDGES[place] + left / hazards[place]
            left -= hazards[place] * width
        return EDGES[LAST] + left / hazards[LAST]


def _steps(histogram):
    """``[(second, share up to its end)]`` of those that occurred."""
    total, passed, found = sum(histogram), 0.0, []
    for second, value in enumerate(histogram):
        if value:
            passed += value
            found.append((second, passed / total))
    return found


def advise(pacer, name, agents=None):
    """:param pacer: a ``Pacer`` that has seen the campaign's calls
    :param name: the campaign's
    :param agents: how many would work; those logged in by default
    :return: an ``Advice``
    """
    campaign = pacer.campaigns[name]
    if agents is None:
        agents = sum(
            one.state != ev.LOGGED_OUT and name in one.works
            for one in pacer.agents.values()
        )
    settings = campaign.settings
    if (
        campaign.ringing.known() < settings.enough
        or campaign.talk.known() < 20
        or not agents
    ):
        return Advice(PROGRESSIVE, 0.0, 0.0, 0.0, 0.0, 0.0, "unknown")
    hours = min(max(AGENT_HOURS / agents, 1 / 3), 6) + WARM_UP / 60
    scenario = complete(
        {
            "hours": hours,
            "agents": agents,
            "campaigns": [{"name": name, "patience": settings.patience}],
        }
    )
    state = {
        part: getattr(campaign, part).save() for part in ("ringing", "talk", "wrap")
    }
    tilt = campaign.account.tilt
    days = {PROGRESSIVE: [], PREDICTIVE: []}
    for seed in range(ROUNDS):
        for mode, found in days.items():
            fields = {**settings.__dict__, "mode": mode}
            one = Pacer({name: Settings(**fields)})
            for part, kept in state.items():
                getattr(one.campaigns[name], part).restore(kept)
            one.campaigns[name].account.tilt = tilt
            world = {name: Learnt(campaign, f"{seed} advice")}
            found.append(Day(scenario, seed, one, world).run())
    talks = {
        mode: [_talk(day["minutes"][WARM_UP:-1], agents) for day in found]
        for mode, found in days.items()
    }
    gain, error = interval(
        [a - b for a, b in zip(talks[PREDICTIVE], talks[PROGRESSIVE])]  # noqa: B905
    )
    progressive, _error = interval(talks[PROGRESSIVE])
    abandoned = sum(day["abandoned"] for day in days[PREDICTIVE])
    people = abandoned + sum(day["connected"] for day in days[PREDICTIVE])
    busy = progressive / 60 * (1 + campaign.wrap.mean() / campaign.talk.mean())
    if gain - error >= WORTH:
        reason = "gain"
    elif busy > 0.85:
        reason = "busy_already"
    elif agents < 4:
        reason = "few_agents"
    else:
        reason = "little"
    return Advice(
        PREDICTIVE if reason == "gain" else PROGRESSIVE,
        progressive,
        progressive + gain,
        gain,
        error,
        abandoned / max(1, people),
        reason,
    )


def _talk(minutes, agents):
    """Minutes of talk an hour and agent in these minutes."""
    return sum(row[2] for row in minutes) / len(minutes) / agents


def explain(advice, pacer, name, agents):
    """The advice in an English sentence."""
    campaign = pacer.campaigns[name]
    wrap, talk = campaign.wrap.mean(), campaign.talk.mean()
    return REASONS[advice.reason] % {
        "known": campaign.ringing.known(),
        "agents": agents,
        "gain": advice.gain,
        "abandoned": 100 * advice.abandoned,
        "busy": 100 * advice.progressive / 60 * (1 + wrap / talk),
    }
