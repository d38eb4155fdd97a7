"""How many numbers to dial now.

``Pacer`` holds one pool of agents and the campaigns that share it. It sees events
(``observe``) and answers (``decide``); it has no clock, no chance and no thread, so the
same events give the same answers, in the dialer as in the simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp

from . import events as ev
from .account import Account
from .learning import Duration, Ringing, bin_of, free_within
from .risk import Shortage

PREDICTIVE, PROGRESSIVE = "predictive", "progressive"
VERSION = 1


@dataclass(frozen=True)
class Settings:
    """Of a campaign. The defaults are meant to be kept.

    :param mode: ``predictive`` or ``progressive`` (one call for each ready agent)
    :param target: share of abandoned calls that the day is steered to
    :param limit: share that the day must not pass
    :param patience: seconds that a person waits for an agent
    :param enough: outcomes of dialled calls before anything is predicted
    :param caution: standard errors added to the answer rate
    :param most_per_agent: never more calls in the air for each agent logged in
    :param memory: calls that the estimates remember
    """

    mode: str = PREDICTIVE
    target: float = 0.02
    limit: float = 0.03
    patience: float = 2.0
    enough: int = 60
    caution: float = 1.0
    most_per_agent: float = 12.0
    memory: int = 2000


class Agent:
    __slots__ = ("campaign", "leaves", "since", "state", "works")

    def __init__(self):
        self.state, self.since = ev.LOGGED_OUT, 0.0
        # Whose call is talked or written up; None: of nobody's.
        self.campaign = None
        self.works = ()
        # False: stays; None: after the present call; a number: from then on.
        self.leaves = False


class Campaign:
    """What is known of one campaign."""

    def __init__(self, name, settings):
        self.name, self.settings = name, settings
        self.running = True
        self.account = Account(settings.target, settings.limit)
        self.ringing = Ringing(settings.memory)
        self.talk = Duration(settings.memory // 2, prior=240.0)
        self.wrap = Duration(settings.memory // 2, prior=60.0)
        # Attempts not answered yet: when each was dialled.
        self.air = {}
        # Answered, and nobody there yet.
        self.waiting = {}
        # Connected: not to be counted twice.
        self.served = {}
        self.inbound = {}
        self.arrivals = 0.0
        self.arrived_at = None
        # Made by ``_learn``.
        self.learned_at = None
        self.moments = ()
        self.answering = ()
        self.free = {}

    PLAIN = ("running", "arrivals", "arrived_at", "learned_at", "moments", "answering")
    PAIRS = ("air", "waiting", "served", "inbound", "free")
    PARTS = ("account", "ringing", "talk", "wrap")

    def save(self):
        return {
            **{name: getattr(self, name) for name in self.PLAIN},
            **{name: list(getattr(self, name).items()) for name in self.PAIRS},
            **{name: getattr(self, name).save() for name in self.PARTS},
        }

    def restore(self, saved):
        for name in self.PLAIN:
            setattr(self, name, saved[name])
        for name in self.PAIRS:
            setattr(self, name, dict(saved[name]))
        for name in self.PARTS:
            getattr(self, name).restore(saved[name])


class Pacer:
    """See the module.

    :param campaigns: ``{name: Settings}``
    """

    # At so many moments of a fresh call's answer the risk is asked.
    MOMENTS = 2
    LEARN_EVERY = 10.0
    INBOUND_MEMORY = 900.0

    def __init__(self, campaigns):
        self.campaigns = {
            name: Campaign(name, settings) for name, settings in campaigns.items()
        }
        # Talks and wrap-ups that belong to none of them: callers, other work.
        self.elsewhere = Campaign(None, Settings())
        self.agents = {}
        self.link = True
        self.backoff_until = None
        self.channels = None
        self.per_second = None
        # Calls that may be sent now, of the trunk's calls a second.
        self.tokens, self.tokens_at = 0.0, None
        self.calls = {}
        self._handlers = {
            name: getattr(self, f"_on_{name}")
            for name in (
                *("dialled", "ringing", "answered", "connected", "ended"),
                *("classified", "agent", "works", "leaves", "stays"),
                *("inbound", "inbound_ended", "trunk", "backoff", "link", "run", "day"),
            )
        }

    # WHAT IS SEEN

    def observe(self, event):
        """:param event: ``events.Event``
        :raises ValueError: of an unknown kind, campaign, state or outcome
        """
        handler = self._handlers.get(event.kind)
        if not handler:
            raise ValueError(f"no such event: {event.kind!r}")
        handler(event)

    def _campaign(self, event):
        found = self.campaigns.get(event.campaign)
        if found is None:
            raise ValueError(f"no such campaign: {event.campaign!r}")
        return found

    def _of_call(self, event):
        name = self.calls.get(event.call)
        return self.campaigns[name] if name is not None else None

    def _on_dialled(self, event):
        campaign = self._campaign(event)
        # Told twice, it is still one call.
        if event.call not in self.calls:
            self.calls[event.call] = event.campaign
            campaign.air[event.call] = event.at
            if self.per_second:
                self._refill(event.at)
                self.tokens -= 1

    def _on_ringing(self, event):
        """Nothing is learnt from it: networks ring, or say so, as they like."""

    def _on_answered(self, event):
        campaign = self._of_call(event)
        if campaign and event.call in campaign.air:
            campaign.waiting[event.call] = (campaign.air.pop(event.call), event.at)

    def _person(self, campaign, call):
        """It was a person who answered: learnt once."""
        sent, answered = campaign.waiting.pop(call)
        campaign.ringing.add(answered - sent, True)

    def _on_connected(self, event):
        campaign = self._of_call(event)
        if not campaign or event.call in campaign.served:
            return
        if event.call in campaign.air:
            self._on_answered(event)
        if event.call in campaign.waiting:
            self._person(campaign, event.call)
            campaign.served[event.call] = None
            campaign.account.served()
        # Whoever is in a bridge with somebody is not ready, told or not.
        if event.agent is not None:
            self._on_agent(
                ev.Event(
                    event.at,
                    "agent",
                    campaign=campaign.name,
                    agent=event.agent,
                    value=ev.TALKING,
                )
            )

    def _on_ended(self, event):
        if event.value not in ev.OUTCOMES:
            raise ValueError(f"no such outcome: {event.value!r}")
        name = self.calls.pop(event.call, None)
        if name is None:
            return
        campaign = self.campaigns[name]
        if event.call in campaign.waiting:
            sent, answered = campaign.waiting[event.call]
            if event.value == ev.MACHINE:
                del campaign.waiting[event.call]
                campaign.ringing.add(answered - sent, False)
            else:
                self._person(campaign, event.call)
                if event.value != ev.HUNG_UP:
                    campaign.account.lost()
        elif event.call in campaign.air:
            sent = campaign.air.pop(event.call)
            if event.value not in (ev.CONGESTION, ev.FAILED, ev.CANCELLED, ev.LOST):
                campaign.ringing.add(event.at - sent, False)
        # The agent may classify it later; the last few thousand are remembered.
        while len(campaign.served) > 5000:
            del campaign.served[next(iter(campaign.served))]

    def _on_classified(self, event):
        for campaign in self.campaigns.values():
            known = campaign.served.get(event.call, False)
            if known is not False and event.value == ev.MACHINE and known is None:
                campaign.served[event.call] = ev.MACHINE
                campaign.account.was_machine()

    def _on_agent(self, event):
        if event.value not in ev.AGENT_STATES:
            raise ValueError(f"no such state of an agent: {event.value!r}")
        agent = self.agents.get(event.agent)
        if agent is None:
            agent = self.agents[event.agent] = Agent()
            agent.works = tuple(self.campaigns)
        if agent.state == event.value and agent.campaign == event.campaign:
            return
        work = self.campaigns.get(agent.campaign, self.elsewhere)
        spent = max(0.0, event.at - agent.since)
        if agent.state == ev.TALKING:
            work.talk.add(spent)
            if event.value == ev.READY:
                work.wrap.add(0.0)
        elif agent.state == ev.WRAP_UP and event.value == ev.READY:
            work.wrap.add(spent)
        agent.state, agent.since = event.value, event.at
        agent.campaign = event.campaign
        if event.value in (ev.AWAY, ev.LOGGED_OUT):
            agent.leaves = False

    def _on_works(self, event):
        self.agents.setdefault(event.agent, Agent()).works = tuple(event.value)

    def _on_leaves(self, event):
        if event.agent in self.agents:
            self.agents[event.agent].leaves = event.value

    def _on_stays(self, event):
        if event.agent in self.agents:
            self.agents[event.agent].leaves = False

    def _on_inbound(self, event):
        campaign = self._campaign(event)
        campaign.inbound[event.call] = event.at
        last = campaign.arrived_at
        if last is not None:
            campaign.arrivals *= exp(-max(0.0, event.at - last) / self.INBOUND_MEMORY)
        campaign.arrivals += 1
        campaign.arrived_at = event.at

    def _on_inbound_ended(self, event):
        for campaign in self.campaigns.values():
            campaign.inbound.pop(event.call, None)

    def _on_trunk(self, event):
        self.channels = event.value.get("channels")
        self.per_second = event.value.get("per_second")
        self.tokens, self.tokens_at = self.per_second or 0.0, event.at

    def _on_backoff(self, event):
        self.backoff_until = event.value

    def _on_link(self, event):
        self.link = bool(event.value)

    def _on_run(self, event):
        chosen = self.campaigns.values()
        if event.campaign is not None:
            chosen = [self._campaign(event)]
        for campaign in chosen:
            campaign.running = bool(event.value)

    def _on_day(self, event):
        self._campaign(event).account.begin()

    def _refill(self, now):
        # Never more than a second's worth is saved up.
        earned = max(0.0, now - self.tokens_at) * self.per_second
        self.tokens = min(self.tokens + earned, max(self.per_second, 1.0))
        self.tokens_at = now

    # WHAT IS ANSWERED

    def decide(self, now):
        """:param now: seconds
        :return: a ``Decision`` for each campaign; those furthest below their target
            choose first among shared agents and lines
        """
        order = sorted(
            self.campaigns.values(),
            key=lambda one: (
                one.account.people and one.account.rate / one.account.target
            ),
        )
        decisions = []
        planned = {}
        for campaign in order:
            decision = self._decide(campaign, now, planned)
            planned[campaign.name] = decision.dials
            decisions.append(decision)
        return decisions

    def _decide(self, campaign, now, planned):
        stopped = self._stopped(campaign, now)
        if stopped:
            return ev.Decision(campaign.name, 0, "stopped", (stopped,))
        pool = [
            agent
            for agent in self.agents.values()
            if campaign.name in agent.works and agent.state != ev.LOGGED_OUT
        ]
        if not pool:
            return ev.Decision(campaign.name, 0, "stopped", (("no_agents", 0),))
        settings = campaign.settings
        others = self._others(campaign, planned)
        ready = sum(
            agent.state == ev.READY and self._stays(agent, now, 15.0) for agent in pool
        )
        waiting = len(campaign.waiting) + len(campaign.inbound)
        taken = len(campaign.air) + sum(
            share * (count + len(other.waiting) + len(other.inbound))
            for other, count, share in others
        )
        floor = max(0, int(ready - waiting - taken))
        reasons = [("ready", ready), ("in_the_air", len(campaign.air))]
        most = self._most(campaign, pool, now, planned, reasons)
        mode = settings.mode
        dials = floor
        known = campaign.ringing.known()
        account = campaign.account
        if account.people:
            reasons.append(("rate", 100 * account.rate))
        if mode == PREDICTIVE:
            if known < settings.enough or campaign.talk.known() < 5:
                mode = "learning"
                reasons.append(("learning", int(known)))
            elif account.near_limit():
                mode = PROGRESSIVE
                reasons.append(("limit", 0))
            elif floor < most:
                dials = self._predict(campaign, pool, others, floor, most, now, reasons)
        return ev.Decision(
            campaign.name, max(0, min(dials, most)), mode, tuple(reasons)
        )

    def _stopped(self, campaign, now):
        if not self.link:
            return ("link", 0)
        if not campaign.running:
            return ("stopped", 0)
        if self.backoff_until is not None and now < self.backoff_until:
            return ("backoff", self.backoff_until - now)
        return None

    @staticmethod
    def _stays(agent, now, seconds):
        leaves = agent.leaves
        if leaves is False:
            return True
        return leaves is not None and leaves > now + seconds

    def _others(self, campaign, planned):
        """Calls of other campaigns that may take agents of this one.

        :return: ``[(campaign, calls in the air, share of its agents that is ours)]``
        """
        found = []
        for other in self.campaigns.values():
            if other is campaign or not (other.air or planned.get(other.name)):
                continue
            of_other = shared = 0
            for agent in self.agents.values():
                if agent.state != ev.LOGGED_OUT and other.name in agent.works:
                    of_other += 1
                    shared += campaign.name in agent.works
            if shared:
                count = len(other.air) + planned.get(other.name, 0)
                found.append((other, count, shared / of_other))
        return found

    def _most(self, campaign, pool, now, planned, reasons):
        """How many may be dialled at all."""
        cap = int(campaign.settings.most_per_agent * len(pool))
        most = cap - len(campaign.air)
        if most <= 0:
            reasons.append(("in_the_air_cap", cap))
        already = sum(planned.values())
        if self.channels is not None:
            free = self.channels - len(self.calls) - already
            most = min(most, free)
            reasons.append(("channels", max(0, free)))
        if self.per_second:
            self._refill(now)
            now_free = int(self.tokens) - already
            most = min(most, now_free)
            reasons.append(("per_second", max(0, now_free)))
        return max(0, most)

    # PREDICTION

    def _learn(self, campaign, now):
        """Tables from what was seen, made anew every few seconds."""
        settings = campaign.settings
        rate = campaign.ringing.rate(settings.caution)
        campaign.moments = campaign.ringing.moments(self.MOMENTS)
        campaign.answering = campaign.ringing.answer_within(campaign.moments, rate)
        horizons = [ceil(moment + settings.patience) for moment in campaign.moments]
        spent = {}
        for agent in self.agents.values():
            if agent.state in (ev.TALKING, ev.WRAP_UP):
                spent.setdefault((agent.campaign, agent.state), []).append(
                    max(0.0, now - agent.since)
                )
        campaign.free = {
            name: free_within(
                work.talk.hazards(spent.get((name, ev.TALKING), ())),
                work.wrap.hazards(spent.get((name, ev.WRAP_UP), ())),
                horizons,
            )
            for name, work in [*self.campaigns.items(), (None, self.elsewhere)]
            if name == campaign.name
            or (name, ev.TALKING) in spent
            or (name, ev.WRAP_UP) in spent
        }
        campaign.learned_at = now

    def _predict(self, campaign, pool, others, floor, most, now, reasons):
        """As many as leave the next call a risk that the account allows."""
        if campaign.learned_at is None or now - campaign.learned_at > self.LEARN_EVERY:
            self._learn(campaign, now)
        allowed = campaign.account.allowed()
        busy, last = self._busy(campaign, pool, now), Ringing.SECONDS - 1
        ages = [min(int(max(0.0, now - at)), last) for at in campaign.air.values()]
        shortages = []
        for number, moment in enumerate(campaign.moments):
            wanted = moment + campaign.settings.patience
            ready = sum(
                agent.state == ev.READY and self._stays(agent, now, wanted)
                for agent in pool
            )
            frees = [
                tables[number][place]
                for tables, place, leaves in busy
                if leaves is None or leaves > now + wanted
            ]
            answers, certain = self._demand(campaign, others, number, moment, now, ages)
            shortages.append(Shortage(ready, frees, answers, certain))
        fresh = [row[0] for row in campaign.answering]
        dials = 0
        while True:
            risk = sum(one.chance() for one in shortages) / len(shortages)
            if dials >= most or (risk > allowed and dials >= floor):
                break
            dials += 1
            for number, shortage in enumerate(shortages):
                shortage.add(fresh[number])
        reasons += [("risk", 100 * risk), ("allowed", 100 * allowed)]
        return dials

    def _demand(self, campaign, others, number, moment, now, ages):
        """:return: chances of those who may answer before that moment, and how many
        wait already
        """
        row = campaign.answering[number]
        answers = [row[age] for age in ages]
        certain = len(campaign.waiting) + len(campaign.inbound)
        for other, count, share in others:
            # Whose calls come to agents of ours as often as they are ours.
            chance = share * other.ringing.rate(campaign.settings.caution)
            answers += [chance] * count
            certain += ceil(share * (len(other.waiting) + len(other.inbound)))
        expected = moment * self._arrivals(campaign, now)
        if expected > 0.01:
            coins = ceil(4 * expected)
            answers += [expected / coins] * coins
        return answers, certain

    def _arrivals(self, campaign, now):
        """Callers a second, of late."""
        if campaign.arrived_at is None:
            return 0.0
        passed = max(0.0, now - campaign.arrived_at)
        kept = campaign.arrivals * exp(-passed / self.INBOUND_MEMORY)
        return kept / self.INBOUND_MEMORY

    @staticmethod
    def _busy(campaign, pool, now):
        """Who may come free.

        :return: ``[(tables by moment, bin of the time spent, leaves at)]``
        """
        found = []
        for agent in pool:
            if agent.state in (ev.TALKING, ev.WRAP_UP) and agent.leaves is not None:
                tables = campaign.free.get(agent.campaign)
                # What began since the tables were made is not over in a few seconds.
                if tables:
                    place = bin_of(max(0.0, now - agent.since))
                    leaves = None if agent.leaves is False else agent.leaves
                    found.append((tables[agent.state == ev.WRAP_UP], place, leaves))
        return found

    # WHAT IS KEPT

    def save(self):
        """All that it knows, for ``restore``; JSON can carry it.

        Settings are not in it: they are the campaign's.
        """
        agents = [
            [name, *(getattr(agent, slot) for slot in Agent.__slots__)]
            for name, agent in self.agents.items()
        ]
        return {
            "version": VERSION,
            **{name: getattr(self, name) for name in self.PLAIN},
            "agents": agents,
            "calls": list(self.calls.items()),
            "campaigns": [
                [name, campaign.save()] for name, campaign in self.campaigns.items()
            ],
            "elsewhere": self.elsewhere.save(),
        }

    PLAIN = ("link", "backoff_until", "channels", "per_second", "tokens", "tokens_at")

    def restore(self, saved):
        """:param saved: what ``save`` gave; campaigns that are no more are left out
        :raises ValueError: of another version
        """
        if saved.get("version") != VERSION:
            raise ValueError(f"saved by another version: {saved.get('version')!r}")
        for name in self.PLAIN:
            setattr(self, name, saved[name])
        for name, *values in saved["agents"]:
            agent = self.agents[name] = Agent()
            for slot, value in zip(Agent.__slots__, values):  # noqa: B905
                setattr(agent, slot, tuple(value) if slot == "works" else value)
        self.calls = {
            call: name for call, name in saved["calls"] if name in self.campaigns
        }
        for name, state in saved["campaigns"]:
            if name in self.campaigns:
                self.campaigns[name].restore(state)
        self.elsewhere.restore(saved["elsewhere"])
