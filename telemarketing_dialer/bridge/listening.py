"""What Asterisk says, and what becomes of calls and legs by it."""

from __future__ import annotations

import logging

from ..calls import AGENT_LOST, classify
from ..pacing import Event
from .records import Finished
from .state import LEG, PERSON, TEST, THIRD

_logger = logging.getLogger(__name__)


def _number(text):
    return int(text) if str(text or "").lstrip("-").isdigit() else 0


class Listening:
    """Part of ``Bridge``: one method for each event of AMI that matters.

    Every event may come twice, late or never; what it says is checked against what is
    known, and a call that is over does not change.
    """

    def hear(self, event):
        self.heard += 1
        self.heard_at = self.now()
        handler = self.HEARD.get(event.get("Event"))
        if handler:
            handler(self, event)

    def _call(self, uid):
        if uid and uid.startswith(PERSON):
            call = self.calls.get(uid[len(PERSON) :])
            return call if call and call.phase != "over" else None
        return None

    def _leg(self, uid):
        return self.legs_by_id.get(uid) if uid and uid.startswith(LEG) else None

    # BIRTH AND RINGING

    def _on_newchannel(self, event):
        uid, name = event.get("Uniqueid", ""), event.get("Channel", "")
        if call := self._call(uid):
            self._named(call, name)
        elif leg := self._leg(uid):
            leg.channel = name
        elif uid.startswith(THIRD):
            for call in self.calls.values():
                if call.third == uid:
                    call.third_channel = name

    def _named(self, call, channel):
        """Asterisk's name of the call; one that was called off before has it now."""
        call.channel = channel
        if call.why == "cancelled":
            self.hang_up(channel)

    def _on_rename(self, event):
        self._on_newchannel({**event, "Channel": event.get("Newname", "")})

    def _on_newstate(self, event):
        uid, state = event.get("Uniqueid", ""), event.get("ChannelStateDesc")
        if call := self._call(uid):
            if state == "Ringing":
                self._rings(call)
            elif state == "Up":
                self._picked_up(call)
        elif uid.startswith(TEST):
            self._test_says(uid, state)

    def _on_dial_state(self, event):
        if event.get("DialStatus") == "RINGING":
            if call := self._call(event.get("DestUniqueid")):
                self._rings(call)

    def _on_dial_end(self, event):
        uid = event.get("DestUniqueid")
        if call := self._call(uid):
            call.status = event.get("DialStatus", "")
            if call.status == "ANSWER":
                self._picked_up(call)
        elif uid and uid.startswith(TEST):
            self._test_says(uid, event.get("DialStatus"))

    def _rings(self, call):
        if call.rang_at is None:
            call.rang_at = self.now()
        if call.phase == "sent":
            call.phase = "ringing"
            self.tell_pacer(Event(self.now(), "ringing", call=call.uuid))
            if call.attempt.session is not None:
                self.writer.tell(call.uuid, "state", call.uuid, "dialling", self.now())

    def _picked_up(self, call):
        if call.answered_at is None:
            call.answered_at = self.now()
            call.phase = "answered"
            self.counted("answered")
            if not call.attempt.detect:
                self._somebody(call)

    def _somebody(self, call):
        """A person, as far as anybody knows."""
        # After a detection it waits from then on; its two seconds were heard already.
        at = call.waits_from or call.answered_at
        self.tell_pacer(Event(at, "answered", call=call.uuid))

    # IN THE DIALPLAN

    def _on_user_event(self, event):
        uid, what = event.get("Uniqueid", ""), event.get("UserEvent")
        if uid.startswith(TEST):
            self._test_says(uid, what)
            return
        call = self._call(uid)
        if not call:
            return
        call.channel = call.channel or event.get("Channel", "")
        if what == "TmAnswered":
            self._picked_up(call)
            if call.at_hand:
                return
            call.at_hand, call.waits_from = True, self.now()
            if call.attempt.detect:
                call.machine = "person"
                self._somebody(call)
            if call.session is None:
                self._serve(call)
        elif what == "TmMachine":
            call.machine = "machine"
        elif what == "TmAbandoned":
            self._given_up(call)

    def _given_up(self, call):
        """Nobody was there in time: the person hears who called."""
        if call.phase != "answered":
            return
        call.phase, call.why = "given_up", "abandoned"
        self.counted("abandoned")
        self.tell_pacer(Event(self.now(), "ended", call=call.uuid, value="abandoned"))

    def _on_join(self, event):
        uid, room = event.get("Uniqueid", ""), event.get("Conference", "")
        if call := self._call(uid):
            self._entered(call, room)
        elif leg := self._leg(uid):
            if room == leg.room and leg.phone != "up":
                self._leg_up(leg, event.get("Channel", ""))
        elif uid.startswith(THIRD):
            for call in self.calls.values():
                if call.third == uid:
                    self._third_in(call, event.get("Channel", ""))

    def _entered(self, call, room):
        call.room, call.held = room, False
        leg = self.legs_by_room.get(room)
        if leg is None:
            # In a room of its own with somebody outside, who may have gone already.
            if not call.third:
                self.hang_up(call.channel)
            return
        call.joining = call.queued = False
        if call.phase in ("answered", "given_up", "ringing", "sent"):
            if call.answered_at is None:
                call.answered_at = self.now()
            call.phase = "joined"
        self._has(leg, call)
        if call.bridged_at is None:
            call.bridged_at = self.now()
            self.measure("joined", call.bridged_at - call.answered_at)
            self.tell_pacer(
                Event(call.bridged_at, "connected", call=call.uuid, agent=leg.session)
            )
        self._waits_no_more(call)
        if call.delivered != leg.session:
            for other in self.legs.values():
                if other.owes == call.uuid:
                    # The result is the new agent's.
                    other.owes = None
                    self._agent_said(other)
            first, call.delivered = call.delivered is None, leg.session
            self._told_deliver(call, leg, first)

    def _waits_no_more(self, call):
        if call.inbound is not None:
            call.inbound = None
            self.tell_pacer(Event(self.now(), "inbound_ended", call=call.uuid))

    def _told_deliver(self, call, leg, first):
        # Who dialled by hand has the person on the desk already, unless they were
        # given away meanwhile.
        mine = first and call.attempt.session == leg.session
        if mine and call.attempt.mode in ("manual", "preview"):
            self.writer.tell(call.uuid, "state", call.uuid, "talking", call.answered_at)
            return
        self.writer.tell(
            call.uuid,
            "deliver",
            call.uuid,
            leg.session,
            call.answered_at,
            call.bridged_at,
            done=lambda _r: self.measure("delivered", self.now() - call.answered_at),
            refused=lambda error: self._not_delivered(call, leg, error),
        )

    def _not_delivered(self, call, leg, error):
        """The desk cannot take this person: nobody talks without knowing to whom."""
        _logger.warning("%s was not put on a desk: %s", call.uuid, error)
        call.delivered, call.why = None, "abandoned"
        self.note("fault", f"{call.uuid}: {error}")
        self.hang_up(call.channel)

    def _on_leave(self, event):
        call = self._call(event.get("Uniqueid"))
        if call and call.room == event.get("Conference"):
            call.room = ""

    # THE END

    def _on_hangup(self, event):
        uid = event.get("Uniqueid", "")
        if call := self._call(uid):
            self.over(
                call, _number(event.get("Cause")), str(event.get("TechCause") or "")
            )
        elif leg := self._leg(uid):
            self._leg_down(
                leg,
                classify(_number(event.get("Cause")), event.get("TechCause"), "", True),
            )
        elif uid.startswith(THIRD):
            for call in list(self.calls.values()):
                if call.third == uid:
                    self._third_out(call)
        elif uid.startswith(TEST):
            cause = _number(event.get("Cause"))
            tech = str(event.get("TechCause") or "")
            self._test_says(uid, "over", cause=cause, tech=tech)

    def _on_originate_response(self, event):
        """Only where no channel was ever made is this the one thing that is said."""
        if event.get("Response") != "Failure":
            return
        number = event.get("ActionID", "")
        call = self._call(number)
        if call and not call.channel:
            self.later(0.5, self._never_was, call)
        elif (leg := self._leg(number)) and not leg.channel:
            self._leg_down(leg, "failed")
        elif number.startswith(THIRD):
            for call in list(self.calls.values()):
                if call.third == number and not call.third_channel:
                    self._third_out(call)

    def _never_was(self, call):
        if call.phase != "over" and not call.channel:
            self.over(call, 0, "")

    def over(self, call, cause=0, tech="", outcome=None):
        """The person's leg is gone: say how it ended, once."""
        if call.phase == "over":
            return
        outcome = outcome or self._outcome(call, cause, tech)
        was, call.phase, call.left_at = call.phase, "over", self.now()
        trunk = self.trunks.get(call.attempt.trunk)
        if trunk and call.sent_at is not None:
            self._rest(trunk, outcome == "congestion")
        self._waits_no_more(call)
        if was != "given_up" and call.sent_at is not None:
            value = "done" if outcome == AGENT_LOST else outcome
            self.tell_pacer(Event(self.now(), "ended", call=call.uuid, value=value))
        leg = self.legs.get(call.session) if call.session is not None else None
        if leg and leg.call is call:
            leg.call = None
            if call.delivered == leg.session or call.attempt.mode in (
                "manual",
                "preview",
            ):
                leg.owes = call.uuid
            self._agent_said(leg)
        self._let_third_go(call)
        finished = Finished(
            uuid=call.uuid,
            outcome=outcome,
            cause=cause,
            tech_cause=tech[:64],
            rang_at=call.rang_at,
            answered_at=call.answered_at,
            bridged_at=call.bridged_at,
            ended_at=call.left_at,
            session=call.delivered,
            machine=call.machine,
        )
        if call.delivered is not None:
            self.writer.tell(call.uuid, "finish", [finished])
        else:
            self.writer.ended(finished)
        self.calls.pop(call.uuid, None)
        if was != "given_up":
            self.counted(outcome)
        self.soon()

    def _outcome(self, call, cause, tech):
        if call.why:
            return call.why
        if call.talked:
            return "done"
        if call.machine == "machine":
            return "machine"
        if call.answered_at is not None:
            # Put the phone down before anybody of ours was there.
            return "hung_up" if not call.session else "unknown"
        if call.sent_at is None:
            return "cancelled"
        return classify(cause, tech, call.status, call.rang_at is not None)

    HEARD = {
        "Newchannel": _on_newchannel,
        "Rename": _on_rename,
        "Newstate": _on_newstate,
        "DialState": _on_dial_state,
        "DialEnd": _on_dial_end,
        "UserEvent": _on_user_event,
        "ConfbridgeJoin": _on_join,
        "ConfbridgeLeave": _on_leave,
        "Hangup": _on_hangup,
        "OriginateResponse": _on_originate_response,
    }
