"""What agents and supervisors ask: hang up, hold, transfer, a third one, a test."""

from __future__ import annotations

import asyncio
import logging

from ..ami import ActionError, LinkLost
from ..calls import classify
from ..pacing import Event
from .records import Attempt
from .state import TEST, THIRD, Call

_logger = logging.getLogger(__name__)

ERRORS = frozenset(
    """unknown late over not_talking not_dialled_blind not_dialled_phone
    not_dialled_busy other_agent keys not_recorded agent_busy campaign whom third_there
    number no_third no_desk refused blind unfit""".split()
)
# A command that waited longer was meant for another moment.
STALE = 10.0
TEST_SECONDS = 45.0


class Moving:
    """Part of ``Bridge``: one method for each kind of command.

    A command that cannot be carried out is answered with a code of ``ERRORS`` (and
    ``why``, what Asterisk said), which the desk shows in words; what becomes of the
    call is told by its events, not by the command.
    """

    async def obey(self, command, attempt=None):
        """:param attempt: the one that a ``dial`` is about"""
        if command.id in self.obeyed:
            return
        self.obeyed[command.id] = None
        while len(self.obeyed) > 1000:
            self.obeyed.pop(next(iter(self.obeyed)))
        try:
            if command.kind not in self.KINDS:
                raise Cannot("unknown")
            if self.now() - command.at > STALE:
                if command.kind == "dial" and attempt:
                    self.cancelled(attempt)
                raise Cannot("late")
            if command.kind == "dial":
                self._dial_by_hand(command, attempt)
                answer = {"ok": True}
            else:
                handler = self.KINDS[command.kind]
                answer = await handler(self, command) or {"ok": True}
        except Cannot as error:
            answer = {"error": str(error)}
        except ActionError as error:
            answer = {"error": "refused", "why": error.message}
        except LinkLost as error:
            answer = {"error": "blind", "why": str(error)}
        except ValueError as error:
            answer = {"error": "unfit", "why": str(error)}
        self.writer.tell(f"c{command.id}", "answer", command, answer)

    def _its_call(self, command):
        call = self.calls.get(command.uuid)
        if call is None or call.phase == "over":
            raise Cannot("over")
        return call

    def _joined_call(self, command):
        call = self._its_call(command)
        leg = self.legs.get(command.session)
        if leg is None or leg.call is not call or not call.talked:
            raise Cannot("not_talking")
        return call, leg

    # BY HAND

    def _dial_by_hand(self, command, attempt):
        if attempt is None or attempt.uuid in self.calls:
            return
        if not self.seeing:
            self.cancelled(attempt)
            raise Cannot("not_dialled_blind")
        leg = self.legs.get(command.session)
        if leg is None or leg.phone != "up":
            self.cancelled(attempt)
            raise Cannot("not_dialled_phone")
        if leg.call is not None:
            self.cancelled(attempt)
            raise Cannot("not_dialled_busy")
        self.send(attempt._replace(session=leg.session))

    async def _hangup(self, command):
        call = self._its_call(command)
        leg = self.legs.get(command.session)
        if leg is None or leg.call is not call:
            raise Cannot("other_agent")
        if call.channel:
            await self.act("Hangup", {"Channel": call.channel, "Cause": 16})
        else:
            # Asked of Asterisk this moment; it goes as soon as it has a name.
            call.why = call.why or "cancelled"
            self.later(0.2, self._hang_when_named, call, 20)
        return None

    def _hang_when_named(self, call, tries):
        if call.phase == "over":
            return
        if call.channel:
            self.hang_up(call.channel)
        elif tries:
            self.later(0.2, self._hang_when_named, call, tries - 1)

    async def _hold(self, command):
        call, leg = self._joined_call(command)
        if bool(command.params.get("on")) == call.held:
            return None
        if call.held:
            await self.redirect(call, "telemarketing-join", leg.room)
            call.held = False
        else:
            await self.redirect(call, "telemarketing-hold", "hold")
            call.held = True
        return {"ok": True, "held": call.held}

    async def _mute(self, command):
        call, leg = self._joined_call(command)
        on = bool(command.params.get("on"))
        await self.act(
            "ConfbridgeMute" if on else "ConfbridgeUnmute",
            {"Conference": leg.room, "Channel": leg.channel},
        )
        leg.muted = on
        return {"ok": True, "muted": on}

    async def _keys(self, command):
        call, _leg = self._joined_call(command)
        for digit in str(command.params.get("digits", ""))[:20]:
            if digit not in "0123456789*#":
                raise Cannot("keys")
            await self.act(
                "PlayDTMF",
                {"Channel": call.channel, "Digit": digit, "Duration": 160},
            )
            await asyncio.sleep(0.25)
        return None

    async def _record(self, command):
        call, _leg = self._joined_call(command)
        if not call.attempt.recording:
            raise Cannot("not_recorded")
        pause = bool(command.params.get("pause"))
        await self.act(
            "MixMonitorMute",
            {"Channel": call.channel, "Direction": "both", "State": int(pause)},
        )
        call.quiet = pause
        return {"ok": True, "paused": pause, "at": self.now()}

    # TO SOMEBODY ELSE

    async def _transfer(self, command):
        call, leg = self._joined_call(command)
        params = command.params
        to, attended = params.get("to"), params.get("how") == "attended"
        if to == "agent":
            other = self.legs.get(params.get("session"))
            if other is None or other is leg or not other.free:
                raise Cannot("agent_busy")
            if attended:
                await self._consult(call, leg, other)
            else:
                await self._hand_over(call, leg, other)
        elif to == "campaign":
            if params.get("campaign") not in self.campaigns:
                raise Cannot("campaign")
            await self._to_campaign(call, leg, params["campaign"])
        elif to == "number":
            if attended:
                await self._hold_for(call)
                await self._call_third(call, leg.room, params)
            else:
                room = f"tmt{call.uuid}"
                await self._call_third(call, room, params)
                await self.redirect(call, "telemarketing-third", room)
                self._leaves(call, leg)
        else:
            raise Cannot("whom")
        return None

    async def _hold_for(self, call):
        if not call.held:
            await self.redirect(call, "telemarketing-hold", "hold")
            call.held = True

    def _leaves(self, call, leg):
        """The agent's part in the call is over; the call goes on without."""
        if leg.call is call:
            leg.call, leg.owes = None, call.uuid
            self._agent_said(leg)

    async def _hand_over(self, call, leg, other):
        other.call = call
        try:
            await self.redirect(call, "telemarketing-join", other.room)
        except (ActionError, LinkLost):
            # Without an answer, the person may be there already.
            if call.session != other.session:
                other.call = None
            raise
        # The person belongs to the other desk now: this one owes nothing.
        if leg.call is call:
            leg.call = leg.owes = None
        call.session = other.session
        self._agent_said(leg)

    async def _consult(self, call, leg, other):
        """The other agent comes into this room while the person hears music."""
        await self._hold_for(call)
        other.call = call
        try:
            await self.act(
                "Redirect",
                {
                    "Channel": other.channel,
                    "Context": "telemarketing-third",
                    "Exten": leg.room,
                    "Priority": 1,
                },
            )
        except (ActionError, LinkLost):
            other.call = None
            raise
        call.third, call.third_channel = other.id, other.channel

    async def _to_campaign(self, call, leg, campaign):
        before, call.campaign = call.campaign, campaign
        call.session, call.queued = None, True
        self._leaves(call, leg)
        if self._serve(call):
            return
        call.inbound = campaign
        self.tell_pacer(Event(self.now(), "inbound", campaign=campaign, call=call.uuid))
        try:
            await self.redirect(call, "telemarketing-answered", "queue")
        except ActionError:
            if call.session is None and call.phase != "over":
                # The person is still in this room.
                self._waits_no_more(call)
                call.campaign, call.queued = before, False
                self._has(leg, call)
            raise

    async def _third(self, command):
        call, leg = self._joined_call(command)
        await self._call_third(call, leg.room, command.params)

    async def _call_third(self, call, room, params):
        if call.third:
            raise Cannot("third_there")
        if not params.get("channel"):
            raise Cannot("number")
        call.third = f"{THIRD}{call.uuid}-{int(self.now() * 1000) % 100_000_000}"
        try:
            await self.originate(
                call.third,
                params["channel"],
                "telemarketing-third",
                room,
                params.get("caller", ""),
                30,
                {"TM_UUID": call.uuid},
            )
        except (ActionError, LinkLost, ValueError):
            call.third = ""
            raise

    def _third_in(self, call, channel):
        call.third_channel = channel or call.third_channel

    def _third_out(self, call):
        call.third = call.third_channel = ""
        leg = self.legs.get(call.session) if call.session is not None else None
        if leg and leg.call is call:
            self.writer.tell(
                call.uuid, "line", call.uuid, leg.session, {"third": False}
            )
        if call.room.startswith("tmt") and (leg is None or leg.call is not call):
            self.hang_up(call.channel)

    def _let_third_go(self, call):
        """The person is gone: who was called in too, a colleague back home."""
        other = self.legs_by_id.get(call.third)
        if other is not None and other.call is call:
            self._spawn(self._go_home(other, call))
        elif other is None and call.third_channel:
            self.hang_up(call.third_channel)

    async def _go_home(self, other, call):
        try:
            await self._send_home(other)
        except (ActionError, LinkLost) as error:
            _logger.info("agent %s stays where it is: %s", other.session, error)
        if other.call is call:
            other.call = None
            self._agent_said(other)

    async def _send_home(self, other):
        await self.act(
            "Redirect",
            {
                "Channel": other.channel,
                "Context": "telemarketing-agent",
                "Exten": other.room,
                "Priority": 1,
            },
        )

    async def _complete(self, command):
        """The agent goes; the person and the third one stay together."""
        call, leg = self._joined_call(command)
        other = self.legs_by_id.get(call.third)
        if other is not None:
            await self._send_home(other)
            call.third = call.third_channel = ""
            await self._hand_over(call, leg, other)
        elif call.third_channel:
            room = f"tmt{call.uuid}"
            await self.act(
                "Redirect",
                {
                    "Channel": call.third_channel,
                    "Context": "telemarketing-third",
                    "Exten": room,
                    "Priority": 1,
                },
            )
            await self.redirect(call, "telemarketing-third", room)
            self._leaves(call, leg)
        else:
            raise Cannot("no_third")

    async def _drop_third(self, command):
        call, leg = self._joined_call(command)
        other = self.legs_by_id.get(call.third)
        if other is not None:
            await self._send_home(other)
            other.call = None
            call.third = call.third_channel = ""
        elif call.third_channel:
            await self.act("Hangup", {"Channel": call.third_channel, "Cause": 16})
        elif not call.held:
            # Who was asked in and went by himself has left the person in the music.
            raise Cannot("no_third")
        if call.held:
            await self.redirect(call, "telemarketing-join", leg.room)
            call.held = False

    async def _phone(self, command):
        leg = self.legs.get(command.session)
        if leg is None:
            raise Cannot("no_desk")
        leg.quiet_until, leg.tries = 0.0, 0
        self.soon()

    # A TEST CALL

    async def _test(self, command):
        uid = f"{TEST}{command.id}"
        trace = self.tests[uid] = []
        done = self.test_over[uid] = asyncio.Event()
        started = self.now()

        def say(text):
            trace.append(f"{self.now() - started:.1f} s: {text}")

        self.test_say[uid] = say
        try:
            say("asked of Asterisk")
            await self.originate(
                uid,
                command.params.get("channel", ""),
                "telemarketing-answered",
                "wait",
                command.params.get("caller", ""),
                30,
                {"TM_UUID": uid, "TM_NOTICE": self.server.notice_sound},
            )
            try:
                await asyncio.wait_for(done.wait(), TEST_SECONDS)
            except asyncio.TimeoutError:
                say("no end was heard of")
                self.hang_up_id(uid)
        finally:
            for kept in (self.tests, self.test_over, self.test_say):
                kept.pop(uid, None)
        return {"ok": True, "trace": trace}

    def _test_says(self, uid, what, cause=0, tech=""):
        say = self.test_say.get(uid)
        if say is None:
            return
        if what == "over":
            heard = " ".join(self.tests[uid])
            if "answered" in heard:
                say(f"hung up (cause {cause})")
            else:
                word = classify(cause, tech, "", "rings" in heard)
                say(f"{word.replace('_', ' ')} (cause {cause}, {tech or 'no code'})")
            self.test_over[uid].set()
            return
        words = {
            "Ringing": "it rings",
            "Up": "answered",
            "TmAnswered": "in the dialplan",
            "TmAbandoned": "nobody is free: the notice is played",
        }
        if what in words:
            say(words[what])

    KINDS = {
        "dial": None,
        "hangup": _hangup,
        "hold": _hold,
        "mute": _mute,
        "keys": _keys,
        "record": _record,
        "transfer": _transfer,
        "third": _third,
        "complete": _complete,
        "drop_third": _drop_third,
        "phone": _phone,
        "test": _test,
    }


class Cannot(Exception):
    """A code of ``ERRORS`` for whoever asked."""


def known(attempt: Attempt):
    """A call of before us, as the database knows it."""
    call = Call(attempt)
    call.sent_at = attempt.at
    call.answered_at = attempt.answered_at
    call.phase = "answered" if attempt.answered_at else "sent"
    if attempt.state == "talking":
        call.delivered = attempt.session
    return call
