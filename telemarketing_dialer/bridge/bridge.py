"""One Asterisk, its agents and its calls, held by one process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import Counter, deque

from ..ami import ActionError, LinkLost
from ..pacing import Event, Pacer, Settings
from .listening import Listening
from .moving import Moving, known
from .records import Finished
from .state import LEG, PERSON, Call, Leg, room_of
from .trunks import Trunk
from .writing import Writer

_logger = logging.getLogger(__name__)

PACED = ("progressive", "predictive")
# Seconds: between two decisions at least and at most; between two snapshots; between
# two looks at Asterisk's channels; a person may be given to an agent within.
LEAST, MOST, SNAPSHOT, LOOK, PATIENCE = 0.1, 0.5, 2.0, 15.0, 1.8
# A person who was written down and not dialled within this is not dialled any more.
FRESH = 5.0
# After an answer of nobody's left to call, and after a fault of the database.
DRY, FAULT = 2.0, 1.0
# An agent's telephone that does not answer is rung again after so long, so often.
AGAIN, TRIES = (2.0, 10.0, 60.0), 3
# No end was heard of a call that was never answered: so long after its ringing.
OVERDUE = 10.0
SAVED = 2.0
# What is told of an agent's session, before a snapshot says it.
HEARD = ("state", "campaign", "phone_wanted")
PLAIN = re.compile(r"[A-Za-z0-9_.:+@/-]*")


class Bridge(Listening, Moving):
    """:param store: ``records.Store``
    :param connect: ``connect(server, **callbacks) -> ami.Client``
    :param now: the clock: seconds of the Unix epoch that never jump
    :param on_lost: called with a reason when the server is another process's
    :param held: is the server surely ours in this very moment? Asked before each
        call, so that a process that was put to sleep does not dial when it wakes

    ``start`` asks the store and runs until ``stop``. Nothing is dialled while
    ``fenced`` (the process cannot renew its ownership), while Asterisk is not seen, or
    after the red button.
    """

    def __init__(
        self,
        store,
        connect,
        now,
        on_lost=lambda reason: None,
        held=lambda: True,
    ):
        self.store, self.now, self.held = store, now, held
        self.writer = Writer(store, self._lost)
        self.on_lost = on_lost
        self._connect = connect
        self.client = None
        self.server = None
        self._fenced = self.stopping = False
        self.calls, self.legs = {}, {}
        self.legs_by_id, self.legs_by_room = {}, {}
        self.campaigns, self.trunks = {}, {}
        # When the red button of a campaign, or of all (None), was heard of.
        self.stops = {}
        self.pacer = Pacer({})
        self._days, self._dry, self._taking = {}, {}, set()
        self.obeyed, self.tests, self.test_over, self.test_say = {}, {}, {}, {}
        # For the health page and the benchmark.
        self.heard, self.heard_at = 0, None
        self.counts = Counter()
        self.lately = deque(maxlen=20_000)
        self.measures = {}
        self.reasons = {}
        self.round_trip = None
        self.dialplan = {}
        self._tasks = set()
        self._wake, self._stopped = asyncio.Event(), asyncio.Event()
        self._snapshot_at = 0.0
        self._ready = False
        # Channels to hang up as soon as Asterisk takes actions again.
        self._doomed = set()
        self._strange, self._strange_now = set(), set()
        self._where = None
        self._complained_at = -60.0

    # LIFE

    async def start(self):
        """Load, connect, and go on until ``stop``."""
        await self._refresh(first=True)
        self._where = _where(self.server)
        self.client = self._connect(
            self.server,
            on_event=self.hear,
            resync=self._resync,
            on_up=self._up,
            on_down=self._down,
        )
        running = [
            asyncio.ensure_future(work)
            for work in (
                self.client.run(),
                self._stopped.wait(),
                self._beat(),
                self._look_on(),
                self._save(),
            )
        ]
        try:
            done, _left = await asyncio.wait(
                running, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
        finally:
            self.stopping = True
            self.client.stop()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await self.writer.flush(2.0)
            self.writer.stop()
            for task in list(self._tasks):
                task.cancel()

    def stop(self):
        """Conversations go on in Asterisk; whoever comes next finds them there."""
        self.stopping = True
        self._stopped.set()
        if self.client:
            self.client.stop()

    @property
    def fenced(self):
        return self._fenced or not self.held()

    def fence(self, fenced):
        """:param fenced: the ownership could not be renewed in time: dial nobody"""
        if fenced != self._fenced:
            self._fenced = fenced
            _logger.warning("dialling %s", "stops: no ownership" if fenced else "on")

    def _lost(self, reason):
        self.fence(True)
        if not self.stopping:
            self.stop()
            self.on_lost(reason)

    def soon(self):
        self._wake.set()

    def look_again(self):
        """Something changed in the database, or may have."""
        self._snapshot_at = 0.0
        self.soon()

    def call_soon(self, work):
        self._spawn(work)

    def later(self, seconds, work, *args):
        asyncio.get_running_loop().call_later(seconds, work, *args)

    def _spawn(self, work):
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def seeing(self):
        return bool(self.client and self.client.up and self._ready)

    @property
    def may_dial(self):
        return self.seeing and not (
            self.fenced or self.stopping or self.stopped(None) or self.foreign
        )

    def stopped(self, campaign):
        """Was the red button pressed, of this campaign or of all?"""
        return bool(self.server.stopped or None in self.stops or campaign in self.stops)

    @property
    def foreign(self):
        """Does Asterisk's dialplan belong to another database?"""
        named = self.dialplan.get("database")
        return bool(named) and named != self.server.database

    # WHAT THE DATABASE KNOWS

    async def _refresh(self, first=False):
        # Whoever asks for another look meanwhile gets it.
        asked = self._snapshot_at = self.now()
        snapshot = await self.store.snapshot()
        self.server = snapshot.server
        if self._where not in (None, _where(self.server)):
            _logger.info("Asterisk is elsewhere now: %s", self.server.host)
            # Whoever keeps this bridge begins another one, with the new values.
            self.stop()
        # What was read may be older than what was heard; and who was taken then is
        # not dialled any more.
        self.stops = {k: at for k, at in self.stops.items() if at > asked - FRESH}
        for record in snapshot.trunks:
            trunk = self.trunks.setdefault(record.id, Trunk(record))
            trunk.record = record
            trunk.until = max(trunk.until, record.backoff_until or 0.0)
        there = {record.id for record in snapshot.trunks}
        self.trunks = {key: t for key, t in self.trunks.items() if key in there}
        self._refresh_campaigns(snapshot, first)
        self._refresh_agents(snapshot, asked)
        if first:
            for attempt in snapshot.open:
                self.calls.setdefault(attempt.uuid, known(attempt))
        else:
            self._settle(snapshot, asked)
        for command in snapshot.commands:
            self._spawn(self.command(command.id))

    def _refresh_campaigns(self, snapshot, first):
        before = {key: c.mode for key, c in self.campaigns.items()}
        self.campaigns = {c.id: c for c in snapshot.campaigns}
        paced = {
            c.id: Settings(mode=c.mode, target=c.target, limit=c.limit, patience=2.0)
            for c in snapshot.campaigns
            if c.mode in PACED
        }
        known_settings = {k: c.settings for k, c in self.pacer.campaigns.items()}
        if paced != known_settings or first:
            saved = snapshot.pacing if first else self.pacer.save()
            self.pacer = Pacer(paced)
            if saved:
                with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
                    self.pacer.restore(saved)
            self.tell_pacer(Event(self.now(), "link", value=self.seeing))
            for leg in self.legs.values():
                self._agent_said(leg)
        if before != {key: c.mode for key, c in self.campaigns.items()}:
            self._dry.clear()
        for campaign in self.campaigns.values():
            if campaign.mode not in PACED:
                continue
            if self._days.setdefault(campaign.id, campaign.day) != campaign.day:
                self._days[campaign.id] = campaign.day
                self.tell_pacer(Event(self.now(), "day", campaign=campaign.id))
            self.tell_pacer(
                Event(
                    self.now(),
                    "run",
                    campaign=campaign.id,
                    value=campaign.runs and campaign.id not in self.stops,
                )
            )

    def _refresh_agents(self, snapshot, asked):
        there = {agent.id for agent in snapshot.agents}
        for agent in snapshot.agents:
            leg = self.legs.get(agent.id)
            if leg and leg.heard_at >= asked:
                # What was read is older than what was heard.
                agent = agent._replace(**{f: getattr(leg.agent, f) for f in HEARD})
            self._agent(agent)
        open_now = {attempt.uuid for attempt in snapshot.open}
        for leg in list(self.legs.values()):
            if leg.session not in there:
                self._gone(leg)
            elif (
                leg.owes
                and leg.owes not in open_now
                and leg.owes not in self._told_over
                and leg.since < asked
            ):
                leg.owes = None
                self._agent_said(leg)
        self.pacer.keep(self.legs)

    def _agent(self, agent):
        leg = self.legs.get(agent.id)
        if leg is None:
            leg = self.legs[agent.id] = Leg(agent)
            self.legs_by_room[leg.room] = leg
            leg.since = self.now()
        changed = leg.agent != agent
        leg.agent = agent
        if changed:
            leg.since = self.now()
        self._mind_phone(leg)
        self._agent_said(leg)

    def _gone(self, leg):
        """Logged out: the telephone is let go, after the conversation."""
        if leg.call is not None:
            return
        if leg.phone != "none" and leg.channel:
            self.hang_up(leg.channel)
        self.legs.pop(leg.session, None)
        self.legs_by_room.pop(leg.room, None)
        self.legs_by_id.pop(leg.id, None)
        self.tell_pacer(
            Event(self.now(), "agent", agent=leg.session, value="logged_out")
        )

    def _settle(self, snapshot, asked):
        """Attempts that the database takes for under way and we know nothing of."""
        for attempt in snapshot.open:
            call = self.calls.get(attempt.uuid)
            if call or attempt.at > asked - FRESH or attempt.uuid in self._told_over:
                continue
            self.calls[attempt.uuid] = known(attempt)
            # The next look at the channels says whether it is there.

    @property
    def _told_over(self):
        return set(self.writer._queues) | {f.uuid for f in self.writer._ends}

    def heard_session(self, session, **values):
        """PostgreSQL told of an agent: state, campaign, phone_wanted."""
        leg = self.legs.get(session)
        if leg is None:
            self.look_again()
            return
        leg.heard_at = self.now()
        self._agent(
            leg.agent._replace(**{k: v for k, v in values.items() if k in HEARD})
        )
        self.soon()

    def heard_closed(self, uuid, kind):
        """A call got its result; ``kind``: ``machine`` or ``person``."""
        for leg in self.legs.values():
            if leg.owes == uuid:
                leg.owes = None
                self._agent_said(leg)
        call = self.calls.get(uuid)
        alone = call and (call.queued or call.room.startswith("tmt"))
        if call and call.phase != "over" and not alone:
            # The result was given while the line was open: it ends now.
            leg = self.legs.get(call.session) if call.session is not None else None
            if leg and leg.call is call:
                leg.call = None
                self._agent_said(leg)
            call.why = "" if call.talked else "cancelled"
            self.hang_up(call.channel)
        self.tell_pacer(Event(self.now(), "classified", call=uuid, value=kind))
        self.soon()

    def heard_stop(self, campaign, stopped):
        """The red button: at once, before anything is asked of the database."""
        if stopped:
            self.stops[campaign] = self.now()
        else:
            self.stops.pop(campaign, None)
        if campaign is None:
            self.server = self.server._replace(stopped=stopped)
        elif campaign in self.pacer.campaigns:
            self.tell_pacer(
                Event(self.now(), "run", campaign=campaign, value=not stopped)
            )
        if stopped:
            for call in list(self.calls.values()):
                mine = campaign is None or call.attempt.campaign == campaign
                if mine and call.answered_at is None:
                    call.why = "cancelled"
                    self.hang_up(call.channel)
        self.look_again()

    async def command(self, number):
        """A row of ``telemarketing.dialer.command`` waits."""
        if number in self.obeyed:
            return
        try:
            found = await self.store.command(number)
        except Exception as error:
            _logger.warning("command %s could not be read: %s", number, error)
            return
        if found:
            await self.obey(*found)

    # THE LINK

    def _up(self, generation):
        self._ready = True
        self.tell_pacer(Event(self.now(), "link", value=True))
        doomed, self._doomed = self._doomed, set()
        for channel in doomed:
            self.hang_up(channel)
        self.note("link_back", f"generation {generation}")
        _logger.info("Asterisk %s is seen", self.server.host)
        for leg in self.legs.values():
            self._mind_phone(leg)
        self.soon()

    def _down(self, generation, reason):
        self._ready = False
        self.tell_pacer(Event(self.now(), "link", value=False))
        if self.stopping:
            return
        self.note("link_lost", reason)
        _logger.warning("Asterisk %s is not seen: %s", self.server.host, reason)

    async def _resync(self, client):
        """What is there, before anything is dialled; also after a loss."""
        for name, key in (("DATABASE", "database"), ("DIALPLAN", "version")):
            answer = await client._send("Getvar", {"Variable": f"TELEMARKETING_{name}"})
            self.dialplan[key] = answer.get("Value", "")
        rows = await client.listed("CoreShowChannels")
        try:
            await self._refresh()
        except Exception as error:
            self._refresh_failed(error)
            # Without what the database knows nobody can say what these channels are.
            raise LinkLost(f"the database does not answer: {error}") from error
        self._compare(rows, certain=True)

    def _compare(self, rows, certain):
        """Asterisk's channels against what we know.

        :param certain: nothing was sent or heard meanwhile: what is not listed is gone
        """
        listed = {row.get("Uniqueid", ""): row for row in rows}
        rooms = {}
        for uid, row in listed.items():
            if uid.startswith(LEG):
                self._adopt_leg(uid, row)
                rooms[row.get("BridgeId") or uid] = self.legs_by_id.get(uid)
        for leg in self.legs.values():
            if leg.phone == "none" or leg.id in listed:
                leg.unseen = 0
                continue
            leg.unseen += 1
            if certain or leg.unseen > 1:
                # Asterisk lost it, not the agent: it is rung again by itself.
                leg.tries = 0
                self._leg_down(leg, "lost", again=True)
        for call in list(self.calls.values()):
            if certain and call.third_channel and call.third not in listed:
                self._third_out(call)
            row = listed.get(call.id)
            if row is None:
                if call.sent_at is None and not certain:
                    continue
                call.unseen += 1
                if certain or call.unseen > 1:
                    self._vanished(call)
                continue
            call.unseen = 0
            self._recognise(call, row, rooms)
        self._strange, self._strange_now = self._strange_now, set()
        for uid, row in listed.items():
            if uid.startswith(PERSON) and uid[len(PERSON) :] not in self.calls:
                if certain or self._stranger(uid):
                    _logger.warning("%s is no call of ours: hung up", uid)
                    self.hang_up(row.get("Channel", ""))

    def _stranger(self, uid):
        """Seen twice and still unknown? What has just been sent is known."""
        self._strange_now.add(uid)
        return uid in self._strange

    def _adopt_leg(self, uid, row):
        session = uid[len(LEG) :].split("-")[0]
        leg = self.legs.get(int(session)) if session.isdigit() else None
        if leg is None:
            if self._snapshot_at:
                self.hang_up(row.get("Channel", ""))
            return
        if leg.id and leg.id != uid and leg.phone == "up":
            return
        self.legs_by_id[uid] = leg
        leg.id, leg.channel = uid, row.get("Channel", "")
        leg.number = max(leg.number, _last(uid))
        if row.get("ChannelStateDesc") == "Up" and leg.phone != "up":
            self._leg_up(leg, leg.channel)

    def _recognise(self, call, row, rooms):
        self._named(call, row.get("Channel", ""))
        if call.phase == "written":
            call.phase, call.sent_at = "sent", call.attempt.at
        if row.get("ChannelStateDesc") != "Up":
            return
        if call.answered_at is None:
            self._picked_up(call)
        leg = rooms.get(row.get("BridgeId") or None)
        if leg and call.phase != "joined":
            call.at_hand, call.session = True, leg.session
            self._entered(call, leg.room)
        elif call.phase == "answered" and row.get("Context") == (
            "telemarketing-answered"
        ):
            # Its time to wait has begun while we were away; the dialplan ends it.
            call.at_hand = True

    def _vanished(self, call):
        outcome = "lost"
        if call.talked:
            outcome = "done"
        elif call.answered_at is not None:
            outcome = "unknown"
        elif call.sent_at is None:
            outcome = "cancelled"
        self.over(call, outcome=outcome)

    async def _look_on(self):
        """Now and then the channels are compared: an event may have been lost."""
        while True:
            await asyncio.sleep(LOOK)
            if not self.seeing:
                continue
            with contextlib.suppress(LinkLost, ActionError):
                rows = await self.client.listed("CoreShowChannels")
                self._compare(rows, certain=False)
            late = self.now() - OVERDUE
            for call in list(self.calls.values()):
                if call.sent_at and not call.answered_at:
                    if call.sent_at + call.attempt.ring_seconds < late:
                        self.hang_up(call.channel)

    # AGENTS' TELEPHONES

    def _mind_phone(self, leg):
        wanted = leg.agent.phone_wanted and bool(leg.agent.extension)
        if wanted and leg.phone == "none" and self.seeing:
            if self.now() >= leg.quiet_until and leg.tries < TRIES:
                self._spawn(self._ring(leg))
        elif not wanted and leg.phone != "none" and leg.call is None:
            self.hang_up(leg.channel)

    async def _ring(self, leg):
        leg.phone, leg.number = "calling", leg.number + 1
        leg.tries += 1
        leg.id, leg.channel = f"{LEG}{leg.session}-{leg.number}", ""
        self.legs_by_id[leg.id] = leg
        self._phone_says(leg)
        channel = self.server.agent_channel.replace("{extension}", leg.agent.extension)
        uid = leg.id
        try:
            await self.originate(
                uid,
                channel,
                "telemarketing-agent",
                leg.room,
                "",
                self.server.agent_ring_seconds,
                {},
            )
        except (ActionError, LinkLost, ValueError) as error:
            if leg.id == uid:
                self._leg_down(leg, str(error))

    def _leg_up(self, leg, channel):
        leg.phone, leg.channel = "up", channel or leg.channel
        leg.tries, leg.quiet_until = 0, 0.0
        self._phone_says(leg)
        self._agent_said(leg)
        self.soon()

    def _leg_down(self, leg, why, again=False):
        """The agent's telephone is gone; with it, the conversation that it was in."""
        was_up, uid = leg.phone == "up", leg.id
        self.legs_by_id.pop(uid, None)
        leg.phone, leg.id, leg.channel = "none", "", ""
        call = leg.call
        if call is not None and call.third == uid:
            # Was only asked in: the call is the other agent's.
            leg.call, call.third, call.third_channel = None, "", ""
        elif call and call.phase == "joined" and call.room in ("", leg.room):
            call.why = "agent_lost"
        if leg.agent.phone_wanted:
            wait = AGAIN[min(leg.tries, len(AGAIN)) - 1] if leg.tries else AGAIN[0]
            leg.quiet_until = self.now() + wait
            # Where it was up and is gone, the agent says when to ring again.
            if (again or not was_up) and leg.tries < TRIES:
                self.later(wait + 0.1, self._mind_again, leg)
            else:
                leg.tries = TRIES
        self._phone_says(leg, why)
        self._agent_said(leg)

    def _mind_again(self, leg):
        if self.legs.get(leg.session) is leg:
            self._mind_phone(leg)

    def _phone_says(self, leg, reason=""):
        self.writer.tell(f"p{leg.session}", "phone", leg.session, leg.phone, reason)

    # AGENTS AND PACER

    def tell_pacer(self, event):
        try:
            self.pacer.observe(event)
        except (KeyError, ValueError) as error:
            # Of a campaign that is not paced: dialled by hand, or no longer here.
            _logger.debug("the pacer does not know %s: %s", event, error)

    def _agent_said(self, leg):
        agent = leg.agent
        campaign = self.campaigns.get(agent.campaign)
        value, whose = "logged_out", None
        if campaign and campaign.mode in PACED and leg.phone == "up":
            if leg.reserved:
                value = "away"
            elif leg.call is not None:
                value = "talking" if leg.call.talked else "away"
                whose = leg.call.attempt.campaign
            elif leg.owes or agent.state in ("wrap_up", "talking", "dialling"):
                value, whose = "wrap_up", campaign.id
            elif agent.state == "ready":
                value = "ready"
            else:
                value = "away"
        if value in ("talking", "wrap_up") and whose not in self.pacer.campaigns:
            whose = None
        now = self.now()
        if campaign and campaign.mode in PACED:
            self.tell_pacer(Event(now, "works", agent=leg.session, value=[campaign.id]))
        self.tell_pacer(
            Event(now, "agent", agent=leg.session, value=value, campaign=whose)
        )
        if leg.free:
            self.soon()

    def _has(self, leg, call):
        for each in self.legs.values():
            if each.call is call and each is not leg and each.id != call.third:
                # Has given the call away, whatever was answered to that.
                each.call = None
                self._agent_said(each)
        call.session, leg.call = leg.session, call
        leg.owes = None
        leg.since = self.now()
        self._agent_said(leg)

    # WHO ANSWERED

    def _serve(self, call):
        """Give the person to the agent who has waited longest.

        :return: whether somebody is there
        """
        if call.phase not in ("answered", "joined") or call.joining:
            return False
        if not call.at_hand and not call.queued:
            return False
        waited = self.now() - (call.waits_from or call.answered_at)
        if not call.queued and waited > PATIENCE:
            return False
        free = [
            leg
            for leg in self.legs.values()
            if leg.free and leg.agent.campaign == call.campaign
        ]
        if not free:
            return False
        leg = min(free, key=lambda leg: leg.since)
        leg.call, call.joining, call.session = call, True, leg.session
        self._agent_said(leg)
        self._spawn(self._join(call, leg))
        return True

    async def _join(self, call, leg):
        try:
            await self.redirect(call, "telemarketing-join", leg.room)
        except (ActionError, LinkLost) as error:
            _logger.info("%s was gone before its agent came: %s", call.uuid, error)
            call.joining = False
            if leg.call is call and call.phase != "joined":
                leg.call = None
                if call.phase == "answered":
                    call.session = None
                self._agent_said(leg)

    # DIALLING

    async def _beat(self):
        """Serve who waits, ask the pacer, ask the database."""
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), MOST)
            self._wake.clear()
            for call in list(self.calls.values()):
                if call.session is None:
                    self._serve(call)
            if self.now() - self._snapshot_at > SNAPSHOT:
                try:
                    await self._refresh()
                except Exception as error:
                    self._snapshot_at = self.now() - SNAPSHOT + FAULT
                    self._refresh_failed(error)
            self._pace()
            await asyncio.sleep(LEAST)

    def _refresh_failed(self, error):
        if type(error).__name__ == "Lost":
            self._lost(str(error))
            return
        if self.now() > self._complained_at + 30:
            self._complained_at = self.now()
            _logger.warning("the database does not answer: %s", error)

    def _pace(self):
        if not self.may_dial:
            return
        now = self.now()
        self._own_callbacks()
        self._tell_trunks(now)
        for decision in self.pacer.decide(now):
            campaign = self.campaigns.get(decision.campaign)
            self.reasons[decision.campaign] = (decision.mode, decision.reasons)
            if not campaign or not campaign.runs or self.stopped(campaign.id):
                continue
            if campaign.id in self._taking:
                continue
            if decision.dials > 0 and self._dry.get(campaign.id, 0.0) <= now:
                self._taking.add(campaign.id)
                self._spawn(self._dial(campaign, decision.dials))

    def _tell_trunks(self, now):
        """Lines and calls a second that are left for the pacer: those of calls by
        hand, transferred ones and third parties are not its own."""
        used = Counter()
        others = 0
        for call in self.calls.values():
            if call.sent_at is not None:
                used[call.attempt.trunk] += 1
                others += call.attempt.mode not in PACED
            others += bool(call.third)
        usable = [
            t for t in self.trunks.values() if t.until <= now and not t.record.spent
        ]
        lines = sum(t.record.channels for t in usable)
        value = {
            "channels": max(0, lines - others),
            "per_second": sum(t.record.per_second for t in usable) or 0.01,
        }
        self.tell_pacer(Event(now, "trunk", value=value))
        if self.trunks and not usable:
            until = min(t.until for t in self.trunks.values())
            self.tell_pacer(Event(now, "backoff", value=max(until, now + 0.5)))

    def _own_callbacks(self):
        for leg in self.legs.values():
            if leg.free and leg.agent.callback_due and leg.agent.campaign:
                campaign = self.campaigns.get(leg.agent.campaign)
                if campaign and campaign.mode in PACED and campaign.runs:
                    leg.agent = leg.agent._replace(callback_due=False)
                    leg.reserved = True
                    self._agent_said(leg)
                    self._spawn(self._dial(campaign, 1, leg))

    async def _dial(self, campaign, count, leg=None):
        try:
            attempts = await self.store.take(
                campaign.id, count, leg.session if leg else None
            )
        except Exception as error:
            self._dry[campaign.id] = self.now() + FAULT
            self._refresh_failed(error)
            return
        finally:
            if leg is None:
                self._taking.discard(campaign.id)
            else:
                leg.reserved = False
        if leg is None and len(attempts) < count:
            self._dry[campaign.id] = self.now() + DRY
        for attempt in attempts:
            self.send(attempt)
        if leg is not None:
            self._agent_said(leg)

    def cancelled(self, attempt):
        """Written down and not dialled after all."""
        call = self.calls.setdefault(attempt.uuid, Call(attempt))
        call.why = "cancelled"
        self.over(call)

    def send(self, attempt):
        """Dial an attempt that is written down."""
        if attempt.uuid in self.calls:
            return
        call = self.calls[attempt.uuid] = Call(attempt)
        if not self.seeing or self.fenced or self.stopped(attempt.campaign):
            self.cancelled(attempt)
            return
        if attempt.session is not None:
            leg = self.legs.get(attempt.session)
            if leg is None or leg.phone != "up" or leg.call is not None:
                self.cancelled(attempt)
                return
            leg.call = call
            self._agent_said(leg)
        self.tell_pacer(
            Event(self.now(), "dialled", campaign=attempt.campaign, call=call.uuid)
        )
        self._spawn(self._send(call))

    async def _send(self, call):
        attempt = call.attempt
        trunk = self.trunks.get(attempt.trunk)
        # What the gate said is good for so long, in the trunk's queue too.
        left = attempt.at + FRESH - self.now()
        wait = trunk.turn(self.now(), left) if trunk else 0.0
        if wait:
            await asyncio.sleep(wait)
        if (
            call.why
            or wait is None
            or not self.seeing
            or self.fenced
            or self.stopped(attempt.campaign)
            or self.now() - attempt.at > FRESH
        ):
            call.why = "cancelled"
            self.over(call)
            return
        exten = "wait"
        values = {
            "TM_UUID": call.uuid,
            "TM_NOTICE": attempt.notice,
            "TM_REC": attempt.recording,
            "TM_RECNOTICE": attempt.record_notice,
        }
        if call.session is not None:
            exten, values["TM_ROOM"] = "direct", room_of(call.session)
        elif attempt.detect:
            exten = "amd"
        call.phase, call.sent_at = "sent", self.now()
        self.counted("dialled")
        try:
            await self.originate(
                call.id,
                attempt.channel,
                "telemarketing-answered",
                exten,
                attempt.caller,
                attempt.ring_seconds,
                values,
            )
        except (ActionError, ValueError) as error:
            self.note("refused", f"{call.uuid}: {error}", attempt.campaign)
            self.over(call, outcome="failed")
        except LinkLost as error:
            # Whether Asterisk dialled it, the next look at its channels says.
            _logger.debug("%s may have been dialled: %s", call.uuid, error)

    # ASTERISK

    async def originate(self, uid, channel, context, exten, caller, seconds, values):
        for value in (channel, context, exten, caller):
            # "&" would ring two, ";" and "${" are Asterisk's own.
            if not PLAIN.fullmatch(value):
                raise ValueError(f"may not be sent to Asterisk: {value!r}")
        headers = {
            "ActionID": uid,
            "Channel": channel,
            "Context": context,
            "Exten": exten,
            "Priority": 1,
            "Async": "true",
            "Timeout": int(seconds) * 1000,
            "ChannelId": uid,
        }
        if caller:
            headers["CallerID"] = caller
        variables = {name: value for name, value in values.items() if value}
        return await self.act("Originate", headers, variables)

    async def act(self, name, headers, variables=None):
        started = self.now()
        answer = await self.client.action(name, headers, variables)
        self.round_trip = self.now() - started
        return answer

    async def redirect(self, call, context, exten):
        await self.act(
            "Redirect",
            {
                "Channel": call.channel,
                "Context": context,
                "Exten": exten,
                "Priority": 1,
            },
        )

    def hang_up(self, channel):
        if not channel:
            return
        if self.client and self.client.up:
            self._spawn(self._hang_up(channel))
        else:
            self._doomed.add(channel)

    async def _hang_up(self, channel):
        with contextlib.suppress(LinkLost, ActionError, ValueError):
            await self.act("Hangup", {"Channel": channel, "Cause": 16})

    def hang_up_id(self, uid):
        """By Uniqueid, which Hangup does not take: a pattern of its own name."""
        self._spawn(self._hang_up_id(uid))

    async def _hang_up_id(self, uid):
        with contextlib.suppress(LinkLost, ActionError):
            for row in await self.client.listed("CoreShowChannels"):
                if row.get("Uniqueid") == uid:
                    await self._hang_up(row.get("Channel", ""))

    def _rest(self, trunk, congested):
        until = trunk.ended(congested, self.now())
        if until:
            name = trunk.record.id
            self.note("carrier", f"trunk {name}: {trunk.wait:.0f} s")
            self.writer.tell(
                f"t{name}", "backoff", name, until, "the network refuses calls"
            )

    # WHAT IS KEPT AND SHOWN

    def note(self, kind, text, campaign=None):
        self.writer.tell("log", "log", kind, text, campaign)

    def counted(self, what):
        self.counts[what] += 1
        self.lately.append((self.now(), what))

    def measure(self, what, seconds):
        self.measures.setdefault(what, deque(maxlen=5000)).append(seconds)

    def health(self):
        now = self.now()
        minute = Counter(what for at, what in self.lately if at > now - 60)
        trunks = [
            {
                "id": trunk.record.id,
                "lines": sum(
                    1
                    for call in self.calls.values()
                    if call.attempt.trunk == trunk.record.id and call.sent_at
                ),
                "of": trunk.record.channels,
                "per_second": trunk.record.per_second,
                "backoff": max(0, round(trunk.until - now)),
                "spent": trunk.record.spent,
            }
            for trunk in self.trunks.values()
        ]
        return {
            "link": "up" if self.seeing else "down",
            "reason": (self.client.reason if self.client else None) or "",
            "generation": self.client.generation if self.client else 0,
            "asterisk": (self.client.greeting or "") if self.client else "",
            "dialplan": self.dialplan.get("version", ""),
            "foreign": self.foreign,
            "fenced": self.fenced,
            "stopped": self.server.stopped,
            "last_event_at": self.heard_at,
            "round_trip_ms": (
                None if self.round_trip is None else round(self.round_trip * 1000, 1)
            ),
            "legs": sum(leg.phone == "up" for leg in self.legs.values()),
            "agents": len(self.legs),
            "ready": sum(leg.free for leg in self.legs.values()),
            "calls": len(self.calls),
            "talking": sum(c.phase == "joined" for c in self.calls.values()),
            "dials_minute": minute["dialled"],
            "answered_minute": minute["answered"],
            "abandoned_minute": minute["abandoned"],
            "abandoned_today": sum(
                c.account.abandoned for c in self.pacer.campaigns.values()
            ),
            "trunks": trunks,
            "writes_waiting": self.writer.busy,
            "reasons": {
                str(key): [mode, [list(pair) for pair in reasons]]
                for key, (mode, reasons) in self.reasons.items()
                if key in self.campaigns
            },
        }

    async def _save(self):
        while True:
            await asyncio.sleep(SAVED)
            try:
                await self.store.save(self.pacer.save(), self.health())
            except Exception as error:
                self._refresh_failed(error)


def _where(server):
    return (server.host, server.port, server.user, server.secret, server.tls)


def _last(uid):
    tail = uid.rsplit("-", 1)[-1]
    return int(tail) if tail.isdigit() else 0


__all__ = ["Bridge", "Finished"]
