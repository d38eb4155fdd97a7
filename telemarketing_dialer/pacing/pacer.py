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

# The dialer gives each attempt a deadline; should its end get lost all the same, the
# call must not be counted for ever. Seconds in the air, answered and unattended, in
# talk; of a caller's wait.
IN_THE_AIR, UNATTENDED, IN_TALK, CALLING = 180.0, 60.0, 4 * 3600.0, 3600.0
PICKED_UP = (ev.DONE, ev.ABANDONED, ev.HUNG_UP, ev.UNKNOWN)
# Ended calls remembered, as an event may be told twice or late.
REMEMBERED = 2000
# Seconds within which the same state told again is the same talk.
AGAIN = 5.0


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
    __slots__ = ("call", "campaign", "leaves", "since", "state", "works")

    def __init__(self):
        self.state, self.since = ev.LOGGED_OUT, 0.0
        # The one talked, where that was told.
        self.call = None
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
        # Of these, not over: since when.
        self.talks = {}
        self.inbound = {}
        self.arrivals = 0.0
        self.arrived_at = None
        # Whose turn it is among equals: who dialled longest ago.
        self.dialled_at = None
        # Made by ``_learn``.
        self.learned_at = None
        self.moments = ()
        self.answering = ()
        self.free = {}

    PLAIN = (
        *("running", "arrivals", "arrived_at", "dialled_at"),
        *("learned_at", "moments", "answering"),
    )
    PAIRS = ("air", "waiting", "served", "talks", "inbound", "free")
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
            setattr(self, name, _pairs(saved[name]))
        for name in self.PARTS:
            getattr(self, name).restore(saved[name])


def _remember(kept, call):
    kept[call] = None
    if len(kept) > REMEMBERED:
        del kept[next(iter(kept))]


def _pairs(saved):
    """JSON makes lists of tuples, which cannot be keys."""
    return {tuple(key) if isinstance(key, list) else key: value for key, value in saved}


def matched(wanted, groups):
    """How many calls can have a ready agent of their own, all at once.

    :param wanted: ``{campaign: calls}``
    :param groups: ``{campaigns worked: ready agents}``
    """
    free, given = dict(groups), {}
    found = 0
    for campaign, count in wanted.items():
        while count > 0:
            # A group with somebody free, perhaps where others' calls can be moved.
            came, queue, end = {campaign: None}, [campaign], None
            for place in queue:
                for works, left in free.items():
                    if place not in works:
                        continue
                    if left:
                        end = (place, works)
                        break
                    for (other, taken), number in given.items():
                        if taken == works and number and other not in came:
                            came[other] = (place, works)
                            queue.append(other)
                if end:
                    break
            if not end:
                break
            place, works = end
            way = [end]
            many = min(count, free[works])
            while came[place]:
                before, taken = came[place]
                many = min(many, given[place, taken])
                way.append((before, taken))
                place = before
            free[works] -= many
            for number, step in enumerate(way):
                given[step] = given.get(step, 0) + many
                if number:
                    given[way[number - 1][0], step[1]] -= many
            found += many
            count -= many
    return found


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
        # When the last calls were sent, for the trunk's calls a second.
        self.sent = []
        self.asked_at = None
        self.calls = {}
        # Ended of late, and callers gone: what is told of them later is no news.
        self.over, self.gone = {}, {}
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
        # Told twice, or after its end, it is still one call.
        if event.call in self.calls or event.call in self.over:
            return
        self.calls[event.call] = event.campaign
        campaign.air[event.call] = campaign.dialled_at = event.at
        self.sent.append(event.at)
        if len(self.sent) > REMEMBERED:
            del self.sent[: -REMEMBERED // 2]

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
            campaign.talks[event.call] = event.at
            campaign.account.served()
        # Whoever is in a bridge with somebody is not ready, told or not.
        if event.agent is not None:
            self._on_agent(
                ev.Event(
                    event.at,
                    "agent",
                    campaign=campaign.name,
                    call=event.call,
                    agent=event.agent,
                    value=ev.TALKING,
                )
            )

    def _on_ended(self, event):
        if event.value not in ev.OUTCOMES:
            raise ValueError(f"no such outcome: {event.value!r}")
        _remember(self.over, event.call)
        name = self.calls.pop(event.call, None)
        if name is None:
            return
        campaign = self.campaigns[name]
        campaign.talks.pop(event.call, None)
        late = False
        if event.call in campaign.waiting:
            answered = campaign.waiting[event.call][1]
            late = event.at - answered > campaign.settings.patience
        elif event.call in campaign.air and event.value in PICKED_UP:
            # That somebody picked up was not heard: as if it was when most do.
            sent = campaign.air.pop(event.call)
            usual = sent + campaign.ringing.moments(1)[0]
            campaign.waiting[event.call] = (sent, min(event.at, usual))
        if event.call in campaign.waiting:
            self._unattended(campaign, event, late)
        elif event.call in campaign.air:
            sent = campaign.air.pop(event.call)
            if event.value not in (ev.CONGESTION, ev.FAILED, ev.CANCELLED, ev.LOST):
                campaign.ringing.add(event.at - sent, False)
        # The agent may classify it later; the last few thousand are remembered.
        while len(campaign.served) > 5000:
            del campaign.served[next(iter(campaign.served))]

    def _unattended(self, campaign, event, late):
        """Answered, and ended without that a connection was told."""
        if event.value == ev.MACHINE:
            sent, answered = campaign.waiting.pop(event.call)
            campaign.ringing.add(answered - sent, False)
            return
        self._person(campaign, event.call)
        if event.value == ev.DONE:
            campaign.served[event.call] = None
            campaign.account.served()
        elif event.value != ev.HUNG_UP or late:
            campaign.account.lost()

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
        whose = event.campaign if event.campaign in self.campaigns else None
        work = self.campaigns.get(agent.campaign, self.elsewhere)
        spent = max(0.0, event.at - agent.since)
        if agent.state == event.value:
            # The same again, perhaps in other words; but another call is another talk.
            other = whose != agent.campaign or (
                None not in (event.call, agent.call) and event.call != agent.call
            )
            if not other or spent < AGAIN or event.value != ev.TALKING:
                agent.campaign = agent.campaign if whose is None else whose
                agent.call = agent.call if event.call is None else event.call
                return
        if agent.state == ev.TALKING:
            work.talk.add(spent)
            if event.value == ev.READY:
                work.wrap.add(0.0)
        elif agent.state == ev.WRAP_UP and event.value == ev.READY:
            work.wrap.add(spent)
        agent.state, agent.since = event.value, event.at
        agent.campaign, agent.call = whose, event.call
        # Who is ready after the time at which he was to leave has not left.
        passed = agent.leaves not in (False, None) and agent.leaves <= event.at
        if event.value in (ev.AWAY, ev.LOGGED_OUT) or (
            event.value == ev.READY and passed
        ):
            agent.leaves = False

    def _on_works(self, event):
        self.agents.setdefault(event.agent, Agent()).works = tuple(event.value)

    def _on_leaves(self, event):
        agent = self.agents.setdefault(event.agent, Agent())
        # Who is not there has no present call to leave after.
        if event.value is not None or agent.state not in (ev.AWAY, ev.LOGGED_OUT):
            agent.leaves = event.value

    def _on_stays(self, event):
        if event.agent in self.agents:
            self.agents[event.agent].leaves = False

    def _on_inbound(self, event):
        campaign = self._campaign(event)
        if event.call in campaign.inbound or event.call in self.gone:
            return
        campaign.inbound[event.call] = event.at
        last = campaign.arrived_at
        if last is not None:
            campaign.arrivals *= exp(-max(0.0, event.at - last) / self.INBOUND_MEMORY)
        campaign.arrivals += 1
        campaign.arrived_at = event.at

    def _on_inbound_ended(self, event):
        _remember(self.gone, event.call)
        for campaign in self.campaigns.values():
            campaign.inbound.pop(event.call, None)

    def _on_trunk(self, event):
        value = event.value or {}
        self.channels = value.get("channels")
        self.per_second = value.get("per_second")

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
        campaign = self._campaign(event)
        campaign.account.begin()
        # What was connected before is settled: that it was a machine is of that day.
        campaign.served = dict.fromkeys(
            (call for call in campaign.served if call in self.calls), ev.MACHINE
        )

    def _forget(self, now):
        """Calls of which nothing was told for too long."""
        for campaign in self.campaigns.values():
            for kept, longest in (
                (campaign.air, IN_THE_AIR),
                (campaign.waiting, UNATTENDED),
                (campaign.talks, IN_TALK),
            ):
                while kept:
                    # In the order of their events.
                    call = next(iter(kept))
                    begun = kept[call]
                    if (
                        now - (begun[1] if kept is campaign.waiting else begun)
                        < longest
                    ):
                        break
                    self._on_ended(ev.Event(now, "ended", call=call, value=ev.LOST))
                    kept.pop(call, None)
            inbound = campaign.inbound
            while inbound and now - inbound[next(iter(inbound))] > CALLING:
                del inbound[next(iter(inbound))]

    def keep(self, agents):
        """Forget all agents but these: the others do not come back by that name."""
        self.agents = {name: a for name, a in self.agents.items() if name in agents}

    def _set_back(self, now):
        """The clock was: what lies ahead of it is now."""
        self.sent = [min(at, now) for at in self.sent]
        for campaign in self.campaigns.values():
            campaign.learned_at = None

    # WHAT IS ANSWERED

    def decide(self, now):
        """:param now: seconds
        :return: a ``Decision`` for each campaign; those furthest below their target
            choose first among shared agents and lines, among equals those who dialled
            longest ago
        """
        if self.asked_at is not None and now < self.asked_at - self.LEARN_EVERY:
            self._set_back(now)
        self.asked_at = now
        self._forget(now)
        order = sorted(
            self.campaigns.values(),
            key=lambda one: (
                one.account.rate / max(one.account.target, 1e-6),
                -1.0 if one.dialled_at is None else one.dialled_at,
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
        ready, floor = self._floor(campaign, pool, others, now, planned)
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

    def _floor(self, campaign, pool, others, now, planned):
        """:return: agents ready, and how many more calls can have one of their own"""
        groups = {}
        for agent in pool if not others else self.agents.values():
            if agent.state == ev.READY and self._stays(agent, now, 15.0):
                groups[agent.works] = groups.get(agent.works, 0) + 1
        ready = sum(count for works, count in groups.items() if campaign.name in works)
        own = len(campaign.waiting) + len(campaign.inbound) + len(campaign.air)
        if not others or not ready:
            return ready, max(0, ready - own)
        # An agent of several campaigns takes one call only, whosever it is.
        wanted = {}
        for other in self.campaigns.values():
            if other is campaign:
                continue
            count = len(other.air) + planned.get(other.name, 0)
            wanted[other.name] = count + len(other.waiting) + len(other.inbound)
        wanted[campaign.name] = own
        now_matched = matched(wanted, groups)
        wanted[campaign.name] = own + ready
        return ready, matched(wanted, groups) - now_matched

    def _others(self, campaign, planned):
        """Calls of other campaigns that may take agents of this one.

        :return: ``[(campaign, calls in the air, share of its agents that is ours)]``
        """
        found = []
        for other in self.campaigns.values():
            if other is campaign or not (
                other.air or other.waiting or other.inbound or planned.get(other.name)
            ):
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
        if self.per_second is not None:
            now_free = self._sendable(now) - already
            most = min(most, now_free)
            reasons.append(("per_second", max(0, now_free)))
        return max(0, most)

    def _sendable(self, now):
        """How many the trunk takes now: so many within any second, or one within as
        many seconds as it takes for one.
        """
        if self.per_second <= 0:
            return 0
        count = max(1, int(self.per_second))
        since = now - count / self.per_second + 1e-9
        for at in reversed(self.sent):
            if at <= since or not count:
                break
            count -= 1
        return count

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
        # Those who have an agent of their own need no leave.
        dials = min(floor, most)
        for number, shortage in enumerate(shortages):
            for _dial in range(dials):
                shortage.add(fresh[number])
        while True:
            risk = sum(one.chance() for one in shortages) / len(shortages)
            if dials >= most or risk > allowed:
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
            "over": list(self.over),
            "gone": list(self.gone),
            "sent": list(self.sent),
            "campaigns": [
                [name, campaign.save()] for name, campaign in self.campaigns.items()
            ],
            "elsewhere": self.elsewhere.save(),
        }

    PLAIN = ("link", "backoff_until", "channels", "per_second", "asked_at")

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
        self.sent = list(saved["sent"])
        for name in ("over", "gone"):
            setattr(self, name, _pairs((call, None) for call in saved[name]))
        for name, state in saved["campaigns"]:
            if name in self.campaigns:
                self.campaigns[name].restore(state)
        self.elsewhere.restore(saved["elsewhere"])
