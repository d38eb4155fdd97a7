"""One simulated day: people, carrier, Asterisk and agents; the pacer sits outside.

Event by event, seeded, without a wall clock. The pacer hears what Asterisk would tell
it, up to 0.3 s late and in order (``delay``), and is asked after each thing heard and
every second. It never sees the future, nor who is behind a number.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from random import Random

from .. import events as ev
from ..events import Event
from .laws import Numbers

RINGING, WAITING, TALK = range(3)


class Call:
    __slots__ = ("agent", "answered", "campaign", "number", "person", "sent", "state")

    def __init__(self, campaign, person, number, sent):
        self.campaign, self.person, self.number = campaign, person, number
        self.sent, self.state, self.agent, self.answered = sent, RINGING, None, None


class Worker:
    """An agent."""

    __slots__ = ("away_at", "busy_until", "logged", "since", "state", "waits", "works")

    def __init__(self, works):
        self.works = works
        self.state, self.since = ev.LOGGED_OUT, 0.0
        self.logged = 0.0
        # When it stops, and what for; None: it stays.
        self.away_at = None
        self.busy_until = None
        self.waits = []


class Day:
    """:param scenario: see ``scenario.py``
    :param seed: of this day; the same one gives every policy the same world
    :param pacer: anything with ``observe(event)`` and ``decide(now)``
    :param numbers: by campaign, instead of the scenario's laws
    """

    def __init__(self, scenario, seed, pacer, numbers=None):
        self.scenario, self.pacer = scenario, pacer
        self.end = scenario["hours"] * 3600.0
        self.now = 0.0
        self.heap, self.order = [], 0
        self.heard, self.last_heard = deque(), 0.0
        self.delays = Random(f"{seed} delays")
        self.delay = scenario["delay"]
        self.campaigns = {law["name"]: law for law in scenario["campaigns"]}
        self.numbers = numbers or {
            name: Numbers(law, f"{seed} {name}") for name, law in self.campaigns.items()
        }
        self.patience = {name: law["patience"] for name, law in self.campaigns.items()}
        self.calls = {}
        self.workers = []
        self.ready = {}
        self.waiting = deque()
        self.callers = deque()
        self.blind = False
        self.refusing = False
        self.refused = 0
        # Attempts that the pacer has not yet heard the end of.
        self.dialled, self.open = 0, {}
        minutes = int(scenario["hours"] * 60) + 1
        # By minute: people served, abandoned, seconds talked.
        self.minutes = [[0, 0, 0.0] for _minute in range(minutes)]
        self.counts = {
            name: dict.fromkeys(
                ("dials", "connected", "abandoned", "mistaken", "leaked", "refused"), 0
            )
            | {"talk": 0.0}
            for name in self.campaigns
        }
        self.callers_talk = 0.0
        self.callers_lost = 0
        self.silences = []
        self.hire(Random(f"{seed} agents"))
        self.ring_in(Random(f"{seed} callers"))
        for fault in scenario.get("faults", ()):
            begins, lasts = fault["at"], fault["seconds"]
            begin, over = {
                "carrier": (self.carrier_fails, self.carrier_works),
                "asterisk": (self.link_breaks, self.link_returns),
            }[fault["kind"]]
            self.push(begins, begin, None)
            self.push(begins + lasts, over, None)

    # THE MACHINE

    def push(self, at, what, argument):
        self.order += 1
        heappush(self.heap, (at, self.order, what, argument))

    def tell(self, *events):
        """The pacer hears it a little later."""
        if self.blind:
            return
        self.last_heard = max(
            self.last_heard, self.now + self.delay * self.delays.random()
        )
        self.heard.append((self.last_heard, events))
        self.push(self.last_heard, self.hear, None)

    def hear(self, _nothing):
        heard, observe = self.heard, self.pacer.observe
        while heard and heard[0][0] <= self.now:
            for event in heard.popleft()[1]:
                if event.kind == "ended":
                    self.open.pop(event.call, None)
                observe(event)
        self.ask()

    def tick(self, _nothing):
        self.ask()
        self.push(self.now + 1.0, self.tick, None)

    def ask(self):
        for decision in self.pacer.decide(self.now):
            for _dial in range(decision.dials):
                self.dial(decision.campaign)

    def run(self):
        """:return: the figures of the day, see ``figures``"""
        trunk = self.scenario.get("trunk")
        if trunk:
            self.pacer.observe(Event(0.0, "trunk", value=trunk))
        self.push(0.0, self.tick, None)
        heap, end = self.heap, self.end
        while heap:
            at, _order, what, argument = heappop(heap)
            if at > end:
                break
            self.now = at
            what(argument)
        return self.figures()

    # CALLS

    def dial(self, campaign):
        now = self.now
        person, number = self.numbers[campaign].next(now)
        counts = self.counts[campaign]
        counts["dials"] += 1
        self.dialled += 1
        name = self.dialled
        self.open[name] = None
        self.calls[name] = Call(campaign, person, number, now)
        self.pacer.observe(Event(now, "dialled", campaign, name))
        if self.refusing:
            self.push(now + 0.3, self.refuse, name)
        elif person:
            self.push(now + number.ring, self.answer, name)
        else:
            self.push(now + number.result, self.no_person, name)

    def refuse(self, name):
        call = self.calls.pop(name)
        self.counts[call.campaign]["refused"] += 1
        self.refused += 1
        self.tell(Event(self.now, "ended", call.campaign, name, None, ev.CONGESTION))
        if self.refused >= 3:
            # What the dialer does of itself: 5, 10, 20 … 60 s.
            pause = min(5.0 * 2 ** min(self.refused - 3, 4), 60.0)
            self.tell(Event(self.now, "backoff", value=self.now + pause))

    def no_person(self, name):
        call = self.calls[name]
        self.refused = 0
        if call.number.kind == ev.MACHINE and call.number.leaks:
            self.answer(name)
            return
        del self.calls[name]
        events = [Event(self.now, "ended", call.campaign, name, None, call.number.kind)]
        if call.number.kind == ev.MACHINE:
            events.insert(0, Event(self.now, "answered", call.campaign, name))
        self.tell(*events)

    def answer(self, name):
        call = self.calls[name]
        now = self.now
        self.refused = 0
        call.answered = now
        answered = Event(now, "answered", call.campaign, name)
        if call.person and call.number.mistaken:
            del self.calls[name]
            self.counts[call.campaign]["mistaken"] += 1
            self.tell(
                answered, Event(now, "ended", call.campaign, name, None, ev.MACHINE)
            )
            return
        self.tell(answered)
        agent = None if self.blind else self.free_agent(call.campaign)
        if agent is not None:
            self.connect(name, call, agent)
        else:
            call.state = WAITING
            self.waiting.append(name)
            self.push(now + self.patience[call.campaign], self.give_up, name)

    def free_agent(self, campaign):
        """Who has waited longest."""
        for agent in self.ready:
            if campaign in self.workers[agent].works:
                return agent
        return None

    def connect(self, name, call, agent):
        now, number = self.now, call.number
        call.state, call.agent = TALK, agent
        counts = self.counts[call.campaign]
        self.silences.append(now - call.answered)
        seconds = number.talk
        if call.person:
            counts["connected"] += 1
            self.minutes[int(now // 60)][0] += 1
            counts["talk"] += min(seconds, self.end - now)
            self.spread_talk(seconds)
        else:
            counts["leaked"] += 1
            seconds = 8.0
        self.take(agent, now + seconds + number.wrap)
        self.tell(
            Event(now, "connected", call.campaign, name, agent),
            Event(now, "agent", call.campaign, name, agent, ev.TALKING),
        )
        self.push(now + seconds, self.hang_up, name)

    def spread_talk(self, seconds):
        """Into the minutes that it fills."""
        begun, until = self.now, min(self.now + seconds, self.end)
        minutes = self.minutes
        while begun < until:
            minute = int(begun // 60)
            stop = min(until, (minute + 1) * 60.0)
            minutes[minute][2] += stop - begun
            begun = stop

    def give_up(self, name):
        call = self.calls.get(name)
        if call is None or call.state != WAITING:
            return
        self.waiting.remove(name)
        del self.calls[name]
        # One whose answerer is unknown counts as a person.
        self.counts[call.campaign]["abandoned"] += 1
        self.minutes[int(self.now // 60)][1] += 1
        self.tell(Event(self.now, "ended", call.campaign, name, None, ev.ABANDONED))

    def hang_up(self, name):
        call = self.calls.pop(name)
        now, agent = self.now, call.agent
        events = [
            Event(now, "ended", call.campaign, name, agent, ev.DONE),
            Event(now, "agent", call.campaign, None, agent, ev.WRAP_UP),
        ]
        if not call.person:
            events.append(
                Event(now, "classified", call.campaign, name, agent, ev.MACHINE)
            )
        self.workers[agent].state = ev.WRAP_UP
        self.workers[agent].since = now
        self.tell(*events)
        self.push(now + call.number.wrap, self.come_free, agent)

    # AGENTS

    def take(self, agent, until):
        worker = self.workers[agent]
        del self.ready[agent]
        worker.waits.append(self.now - worker.since)
        worker.state, worker.since, worker.busy_until = ev.TALKING, self.now, until

    def come_free(self, agent):
        """After a wrap-up, a break, the log-in."""
        worker, now = self.workers[agent], self.now
        if worker.away_at is not None and now >= worker.away_at[0]:
            self.go_away(agent)
            return
        worker.state, worker.since, worker.busy_until = ev.READY, now, None
        self.ready[agent] = None
        self.tell(Event(now, "agent", None, None, agent, ev.READY))
        self.serve(agent)

    def serve(self, agent):
        """Callers first, then who waited longest."""
        if self.blind:
            return
        works = self.workers[agent].works
        for caller in self.callers:
            if caller[0] in works:
                self.callers.remove(caller)
                self.take_caller(agent, caller)
                return
        for name in self.waiting:
            call = self.calls[name]
            if call.campaign in works:
                self.waiting.remove(name)
                self.connect(name, call, agent)
                return

    def hire(self, random):
        """Agents of all groups, their shifts and breaks."""
        for group in self.scenario["agents"]:
            for _one in range(group["count"]):
                agent = len(self.workers)
                worker = Worker(tuple(group["campaigns"]))
                self.workers.append(worker)
                self.pacer.observe(
                    Event(0.0, "works", agent=agent, value=list(worker.works))
                )
                for begins, ends in group.get("shifts") or [[0.0, None]]:
                    self.push(begins, self.log_in, agent)
                    if ends is not None:
                        self.push(ends - 900, self.announce, (agent, ends, None))
                for pause in group.get("breaks", ()):
                    begins = pause["at"] + random.random() * pause["spread"]
                    self.push(
                        begins - pause["announced"],
                        self.announce,
                        (agent, begins, pause["seconds"]),
                    )

    def log_in(self, agent):
        worker = self.workers[agent]
        worker.logged -= self.now
        worker.away_at = None
        self.come_free(agent)

    def announce(self, what):
        agent, begins, lasts = what
        worker = self.workers[agent]
        if worker.state == ev.LOGGED_OUT:
            return
        worker.away_at = (begins, lasts)
        self.tell(Event(self.now, "leaves", agent=agent, value=begins))
        self.push(max(begins, self.now), self.leave, agent)

    def leave(self, agent):
        worker = self.workers[agent]
        if worker.state == ev.READY and worker.away_at is not None:
            del self.ready[agent]
            worker.waits.append(self.now - worker.since)
            self.go_away(agent)

    def go_away(self, agent):
        worker, now = self.workers[agent], self.now
        lasts = worker.away_at[1]
        worker.away_at = None
        worker.logged += now
        worker.state, worker.since = ev.AWAY, now
        if lasts is None:
            worker.state = ev.LOGGED_OUT
        else:
            self.push(now + lasts, self.log_in, agent)
        self.tell(Event(now, "agent", None, None, agent, worker.state))

    # CALLERS

    def ring_in(self, random):
        for name, law in self.campaigns.items():
            inbound = law.get("inbound")
            at = 0.0
            while inbound:
                at += random.expovariate(inbound["per_hour"] / 3600)
                if at > self.end:
                    break
                talk = random.expovariate(1 / inbound["talk"])
                waits = random.expovariate(1 / inbound["patience"])
                self.push(at, self.call_in, (name, talk, waits, at))

    def call_in(self, caller):
        self.tell(Event(self.now, "inbound", caller[0], ("in", caller[3])))
        agent = None if self.blind else self.free_agent(caller[0])
        if agent is not None:
            self.take_caller(agent, caller)
        else:
            self.callers.append(caller)
            self.push(self.now + caller[2], self.caller_leaves, caller)

    def caller_leaves(self, caller):
        if caller in self.callers:
            self.callers.remove(caller)
            self.callers_lost += 1
            self.tell(Event(self.now, "inbound_ended", caller[0], ("in", caller[3])))

    def take_caller(self, agent, caller):
        now = self.now
        self.callers_talk += min(caller[1], self.end - now)
        self.spread_talk(caller[1])
        self.take(agent, now + caller[1] + 15.0)
        self.tell(
            Event(now, "inbound_ended", caller[0], ("in", caller[3])),
            Event(now, "agent", None, None, agent, ev.TALKING),
        )
        self.push(now + caller[1], self.caller_done, agent)

    def caller_done(self, agent):
        self.workers[agent].state, self.workers[agent].since = ev.WRAP_UP, self.now
        self.tell(Event(self.now, "agent", None, None, agent, ev.WRAP_UP))
        self.push(self.now + 15.0, self.come_free, agent)

    # FAULTS

    def carrier_fails(self, _nothing):
        self.refusing = True

    def carrier_works(self, _nothing):
        self.refusing = False

    def link_breaks(self, _nothing):
        # Who waits for the dialer to be brought to an agent waits in vain.
        self.blind = True
        self.heard.clear()
        self.push(self.now + 1.0, self.link_missed, None)

    def link_missed(self, _nothing):
        """The deadline of the ping is over."""
        self.pacer.observe(Event(self.now, "link", value=False))

    def link_returns(self, _nothing):
        """The dialer logs in again and asks what there is."""
        self.blind = False
        now = self.now
        events = []
        for name in self.open:
            call = self.calls.get(name)
            if call is None:
                events.append(Event(now, "ended", None, name, None, ev.LOST))
            elif call.state == TALK:
                events.append(Event(now, "connected", call.campaign, name, call.agent))
        for agent, worker in enumerate(self.workers):
            whose = None
            for call in self.calls.values():
                if call.agent == agent:
                    whose = call.campaign
            events.append(
                Event(worker.since, "agent", whose, None, agent, worker.state)
            )
        events.append(Event(now, "link", value=True))
        self.tell(*events)
        for agent in list(self.ready):
            self.serve(agent)

    # FIGURES

    def figures(self):
        """:return: a dict that JSON can carry; times in seconds"""
        for worker in self.workers:
            if worker.state not in (ev.AWAY, ev.LOGGED_OUT):
                worker.logged += self.end
        logged = sum(worker.logged for worker in self.workers)
        total = {
            name: sum(one[name] for one in self.counts.values())
            for name in next(iter(self.counts.values()))
        }
        people = total["connected"] + total["abandoned"]
        waits = sorted(wait for worker in self.workers for wait in worker.waits)
        means = [
            sum(worker.waits) / len(worker.waits)
            for worker in self.workers
            if worker.waits
        ]
        silences = sorted(self.silences)
        return {
            **total,
            "campaigns": self.counts,
            "logged": logged,
            "talk_per_hour": (total["talk"] + self.callers_talk) / 60 / (logged / 3600),
            "rate": total["abandoned"] / people if people else 0.0,
            "wait_p50": quantile(waits, 0.5),
            "wait_p90": quantile(waits, 0.9),
            "wait_spread": (max(means) - min(means)) if means else 0.0,
            "silence_p95": quantile(silences, 0.95),
            "callers_lost": self.callers_lost,
            "minutes": self.minutes,
        }


def quantile(ordered, share):
    if not ordered:
        return 0.0
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
