"""One word for how a call ended, from the causes that Asterisk gives.

Sources: ITU-T Q.850 causes and SIP codes, as Asterisk 22 sends them. The answer to
Originate is no source: over SIP its reason is 0 for busy, congestion, a number that
does not exist and a rejection alike.
"""

from ..pacing.events import OUTCOMES as LINE

AGENT_LOST = "agent_lost"
OUTCOMES = (*LINE, AGENT_LOST)

# Q.850; the first that applies.
CAUSES = {
    **dict.fromkeys((1, 2, 3, 22, 28), "unallocated"),
    17: "busy",
    **dict.fromkeys((18, 19, 20), "no_answer"),
    21: "rejected",
    **dict.fromkeys((34, 38, 41, 42, 44, 47), "congestion"),
}
# SIP, where the carrier's own code says more than the cause made of it.
SIP = {
    **dict.fromkeys((404, 410, 484, 604), "unallocated"),
    **dict.fromkeys((486, 600), "busy"),
    **dict.fromkeys((403, 603, 607, 608), "rejected"),
    **dict.fromkeys((408, 480, 487), "no_answer"),
    **dict.fromkeys((500, 502, 503, 504), "congestion"),
}
STATUS = {
    "BUSY": "busy",
    "NOANSWER": "no_answer",
    "CANCEL": "cancelled",
    "CONGESTION": "congestion",
    "CHANUNAVAIL": "failed",
}


def classify(cause=0, tech_cause="", status="", rang=False):
    """How a call that nobody answered ended.

    :param int cause: of Hangup, Q.850; 0 where Asterisk does not know
    :param str tech_cause: of Hangup, the channel's own code ("486", "SIP 486")
    :param str status: DialStatus of DialEnd
    :param bool rang: did the network say that it rings?
    :return: one of ``OUTCOMES``
    """
    digits = "".join(c for c in str(tech_cause or "") if c.isdigit())
    code = int(digits) if digits else 0
    if code in SIP:
        return SIP[code]
    if cause in CAUSES:
        return CAUSES[cause]
    # A call that the far end called off while it rang.
    if status in STATUS:
        return STATUS[status]
    return "no_answer" if rang else "failed"
