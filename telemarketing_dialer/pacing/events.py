"""What a pacer sees and what it answers.

An event is what Asterisk or the desk tells, with its own time; a pacer has no clock.
Times are seconds from any origin, the same one for all events and for ``decide``;
saved state keeps them, so the origin must outlive the process (the Unix epoch does).
Events come in the order in which they were heard, which need not be that of their
times: what is heard late is counted late, never backwards.

=================  =================================================================
kind               what it says
=================  =================================================================
``dialled``        a number was dialled: ``call``, ``campaign``
``ringing``        the network says that it rings: ``call``
``answered``       somebody or something picked up: ``call``
``connected``      the two are in one bridge: ``call``, ``agent``
``ended``          the call is over: ``call``, ``value`` one of ``OUTCOMES``
``classified``     the agent says what answered: ``call``, ``value`` ``machine`` or
                   ``person``; may come after the end
``agent``          ``agent`` is now ``value``, one of ``AGENT_STATES``; ``campaign``:
                   the one whose call is talked or written up, or None
``works``          ``agent`` takes calls of the campaigns ``value`` (a list)
``leaves``         ``agent`` stops being ready at ``value`` (a time; the end of the
                   shift, an announced break) or after the present call (None)
``stays``          takes ``leaves`` back
``inbound``        a caller waits for the agents of ``campaign``: ``call``
``inbound_ended``  that caller was taken by an agent or hung up: ``call``
``trunk``          ``value``: ``{"channels": n or None, "per_second": x or None}``
``backoff``        the carrier refuses: nothing before ``value`` (a time)
``link``           ``value``: is Asterisk seen?
``run``            ``value``: may ``campaign`` dial (None: any)?
``day``            the campaign's day begins: its account is empty again
=================  =================================================================
"""

from __future__ import annotations

from typing import Any, NamedTuple

READY, TALKING, WRAP_UP, AWAY, LOGGED_OUT = (
    "ready",
    "talking",
    "wrap_up",
    "away",
    "logged_out",
)
AGENT_STATES = (READY, TALKING, WRAP_UP, AWAY, LOGGED_OUT)

# Of these a person picked up: the talk came to its end, nobody was there for him in
# time, he hung up before that, or nobody knows who it was.
DONE, ABANDONED, HUNG_UP, UNKNOWN = "done", "abandoned", "hung_up", "unknown"
# Of these nobody did, as far as the network or the detection can tell.
NO_ANSWER, BUSY, REJECTED, UNALLOCATED, MACHINE = (
    "no_answer",
    "busy",
    "rejected",
    "unallocated",
    "machine",
)
# These are the carrier's or ours and tell nothing about people.
CONGESTION, FAILED, CANCELLED, LOST = "congestion", "failed", "cancelled", "lost"
OUTCOMES = (
    *(DONE, ABANDONED, HUNG_UP, UNKNOWN),
    *(NO_ANSWER, BUSY, REJECTED, UNALLOCATED, MACHINE),
    *(CONGESTION, FAILED, CANCELLED, LOST),
)


class Event(NamedTuple):
    """One thing heard.

    :param at: when it happened, seconds
    :param kind: see the module
    :param campaign: whose; any hashable that JSON can carry
    :param call: our id of the attempt
    :param agent: our id of the agent
    :param value: what the kind needs
    """

    at: float
    kind: str
    campaign: Any = None
    call: Any = None
    agent: Any = None
    value: Any = None


class Decision(NamedTuple):
    """How many numbers to dial now for a campaign, and why.

    :param campaign: whose
    :param dials: how many, at least 0
    :param mode: ``stopped``, ``progressive``, ``learning``, ``predictive``
    :param reasons: ``((code, number), ...)``, see ``explain``
    """

    campaign: Any
    dials: int
    mode: str
    reasons: tuple


SENTENCES = {
    "no_agents": "nobody is logged in",
    "stopped": "the campaign does not run",
    "link": "Asterisk is not seen",
    "backoff": "the carrier refuses calls for %.0f s more",
    "ready": "%d agents are ready",
    "in_the_air": "%d calls are in the air",
    "learning": "%d outcomes are known, too few to predict",
    "risk": "the next call would find nobody in %.1f %% of cases",
    "allowed": "%.1f %% are allowed now",
    "rate": "%.2f %% of today's people found nobody",
    "limit": "the day's limit is near: one call for each ready agent",
    "channels": "%d lines are free",
    "per_second": "the trunk takes %d calls now",
    "in_the_air_cap": "never more than %d calls in the air",
}


def explain(decision):
    """The reasons in English, a list of sentences."""
    return [
        SENTENCES[code] % number if "%" in SENTENCES[code] else SENTENCES[code]
        for code, number in decision.reasons
    ]
