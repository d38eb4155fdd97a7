"""What the bridge remembers: calls, the agents' legs, trunks."""

from __future__ import annotations

from .records import Agent, Attempt

PERSON, LEG, THIRD, TEST = "tm-", "tma-", "tmx-", "tmy-"


def room_of(session):
    return f"tma{session}"


class Call:
    """One attempt, from its being written to its end.

    ``phase``: ``written`` (may be dialled), ``sent`` (asked of Asterisk), ``ringing``,
    ``answered`` (picked up, nobody of ours there), ``given_up`` (hears the notice),
    ``joined``, ``over``.
    """

    def __init__(self, attempt: Attempt):
        self.attempt = attempt
        self.uuid = attempt.uuid
        self.id = PERSON + attempt.uuid
        self.phase = "written"
        self.channel = ""
        # Whose call it is, settled or joined; None: of whoever is free.
        self.session = attempt.session
        # The campaign whose agents it waits for; another one after a transfer.
        self.campaign = attempt.campaign
        self.sent_at = self.rang_at = self.answered_at = None
        # In the dialplan, where it may be redirected, and since when.
        self.at_hand = False
        self.waits_from = None
        # The campaign for whose agents it waits after a transfer, as the pacer knows.
        self.inbound = None
        self.bridged_at = self.left_at = None
        self.room = ""
        self.held = self.muted = self.quiet = False
        self.queued = False
        self.status = self.machine = self.why = ""
        self.third = ""
        self.third_channel = ""
        # Told to the database: by whom it is held, and that it is over.
        self.delivered = None
        self.joining = False
        # Not seen in this many lists of channels in a row.
        self.unseen = 0

    @property
    def talked(self):
        return self.bridged_at is not None


class Leg:
    """An agent at this server and the telephone that waits for calls.

    :ivar owes: uuid of a call that ended and has no result yet
    """

    def __init__(self, agent: Agent):
        self.agent = agent
        self.session = agent.id
        self.room = room_of(agent.id)
        self.number = 0
        self.id = ""
        self.channel = ""
        # ``none``, ``calling``, ``up``
        self.phone = "none"
        self.call = None
        self.owes = None
        self.since = 0.0
        # When the database last told of it by itself.
        self.heard_at = 0.0
        self.muted = False
        # After a telephone that does not answer: not rung again before.
        self.quiet_until = 0.0
        self.tries = 0
        # People are being taken for this agent alone.
        self.reserved = False
        # Not seen in this many lists of channels in a row.
        self.unseen = 0

    @property
    def free(self):
        """May somebody who answered be given to this agent, now?"""
        return (
            self.phone == "up"
            and self.call is None
            and self.owes is None
            and not self.reserved
            and self.agent.state == "ready"
        )
