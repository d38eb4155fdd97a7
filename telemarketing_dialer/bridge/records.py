"""What goes between the bridge and whoever keeps it: plain values, safe to hand to
another thread. Instants are seconds of the Unix epoch by PostgreSQL's clock."""

from __future__ import annotations

from typing import Any, NamedTuple


class Server(NamedTuple):
    """:param epoch: number of this ownership; every write names it"""

    id: int
    epoch: int
    host: str
    port: int
    user: str
    secret: str
    tls: bool
    # ``PJSIP/{extension}``
    agent_channel: str
    agent_ring_seconds: int
    notice_sound: str
    # uuid of the database; Asterisk's dialplan names the one it belongs to
    database: str
    stopped: bool


class Campaign(NamedTuple):
    """:param mode: ``manual``, ``preview``, ``progressive`` or ``predictive``
    :param runs: running, not stopped by the red button, its company neither
    :param target: share of abandoned calls to steer to, 0.02
    :param day: local date of the campaign, ISO; another one is another day
    :param trunks: ids in the order in which they are tried
    """

    id: int
    mode: str
    runs: bool
    target: float
    limit: float
    day: str
    trunks: tuple


class Trunk(NamedTuple):
    id: int
    channels: int
    per_second: float
    # its minutes or money of the day are spent
    spent: bool
    backoff_until: float


class Agent(NamedTuple):
    """An open session of an agent at this server.

    :param id: of the session
    :param state: ``ready``, ``dialling``, ``talking``, ``wrap_up``, ``paused``
    :param phone_wanted: the agent wants the telephone connected
    :param callback_due: a callback of the agent's own is due in this campaign
    """

    id: int
    user: int
    extension: str
    campaign: int | None
    state: str
    phone_wanted: bool
    callback_due: bool


class Attempt(NamedTuple):
    """A call that is written down and may be dialled, now.

    :param channel: whole, as Originate wants it: ``PJSIP/+34612345678@carrier``
    :param session: who it is for, where that is settled: a call by hand, a callback
    :param recording: name of its recording without suffix, "" for none
    :param detect: answering machines
    :param notice: sound for a person for whom nobody is free
    :param state: as the database knows it, for those of a process before us
    """

    uuid: str
    campaign: int
    channel: str
    trunk: int
    caller: str
    ring_seconds: int
    session: int | None
    recording: str
    record_notice: str
    detect: bool
    notice: str
    at: float
    state: str = "dialling"
    answered_at: float | None = None
    mode: str = "manual"


class Finished(NamedTuple):
    """An attempt is over. Times are None where it never came so far.

    :param outcome: one of ``calls.OUTCOMES``
    :param session: the agent who had it last
    """

    uuid: str
    outcome: str
    cause: int
    tech_cause: str
    rang_at: float | None
    answered_at: float | None
    bridged_at: float | None
    ended_at: float
    session: int | None
    machine: str


class Command(NamedTuple):
    """See ``telemarketing.dialer.command``; ``params``: docs/architecture.md."""

    id: int
    kind: str
    uuid: str
    session: int | None
    params: dict
    at: float


class Snapshot(NamedTuple):
    """All that the bridge needs to know; asked at the start, after a loss and every
    few seconds.

    :param open: attempts that the database takes for under way
    :param now: PostgreSQL's clock
    """

    server: Server
    campaigns: tuple
    trunks: tuple
    agents: tuple
    open: tuple
    commands: tuple
    pacing: Any
    now: float


class Store:
    """What a bridge asks. Each is a coroutine; one that raises changed nothing."""

    async def snapshot(self) -> Snapshot:
        raise NotImplementedError

    async def command(self, number):
        """:return: ``(Command, Attempt or None)``; None where it is done already"""
        raise NotImplementedError

    async def take(self, campaign, count, session=None) -> tuple:
        """Lease people, ask the gate, write the attempts, commit.

        :param session: only this agent's due callbacks, for this agent
        :return: at most ``count`` of ``Attempt``; fewer where there are no more
        """
        raise NotImplementedError

    async def finish(self, finished) -> None:
        """:param finished: list of ``Finished``; told twice, nothing changes"""
        raise NotImplementedError

    async def deliver(self, uuid, session, answered_at, bridged_at) -> None:
        """The person talks with this agent: put them on that desk."""
        raise NotImplementedError

    async def state(self, uuid, state, at) -> None:
        """:param state: ``dialling`` (it rings) or ``talking``, of a call by hand"""
        raise NotImplementedError

    async def line(self, uuid, session, changes) -> None:
        """Something of the call changed that nobody at this desk asked for.

        :param dict changes: ``third``: is somebody else in the call?
        """
        raise NotImplementedError

    async def phone(self, session, state, reason="") -> None:
        """The agent's leg: ``none``, ``calling``, ``up``."""
        raise NotImplementedError

    async def answer(self, command, answer) -> None:
        """A command was carried out: ``{"ok": True}`` or ``{"error": text}``."""
        raise NotImplementedError

    async def backoff(self, trunk, until, why) -> None:
        raise NotImplementedError

    async def log(self, kind, text, campaign=None) -> None:
        """:param kind: of ``telemarketing.dialer.log``"""
        raise NotImplementedError

    async def save(self, pacing, health) -> None:
        """What the pacer learnt, and the health page's values."""
        raise NotImplementedError
