from contextlib import ExitStack, contextmanager
from typing import NamedTuple
from unittest.mock import patch

from odoo.addons.telemarketing_base.tests.common import TelemarketingCommon

from .. import click
from ..bridge.records import Finished


class Trapped(NamedTuple):
    """What would have gone to Asterisk.

    :param kind: of the command (``dial``, ``hangup``, ``transfer``…), ``click`` for a
        call without a dialer process, ``take`` for one that the dialer makes by itself
    :param channel: as Asterisk would have dialled it; "" where nothing is dialled
    """

    kind: str
    uuid: str
    channel: str
    caller: str
    params: dict


@contextmanager
def trapped_calls(env):
    """While it holds, no command and no call leaves for Asterisk, as if a process
    owned every server and did nothing.

    For tests of any module: ``with trapped_calls(self.env) as trapped: …``.

    :return: list of ``Trapped``, which grows
    """
    trapped = []

    def ask(commands, server, kind, session=None, uuid=None, params=None):
        params = params or {}
        channel, caller = params.get("channel", ""), params.get("caller", "")
        if kind == "dial":
            call = commands.env["telemarketing.interaction"].sudo()
            call = call.search([("uuid", "=", uuid)])
            channel = call.dialer_trunk_id._channel_of(call.e164)
            caller = call.caller_e164 or ""
        trapped.append(Trapped(kind, uuid or "", channel, caller, params))
        return commands.browse()

    def originate(server, agent_channel, person_channel, caller, *_how):
        trapped.append(Trapped("click", "", person_channel, caller, {}))

    dialer = env.registry["telemarketing.dialer"]
    real_take = dialer._take

    def take(self, *arguments, **named):
        taken = real_take(self, *arguments, **named)
        trapped.extend(Trapped("take", a.uuid, a.channel, a.caller, {}) for a in taken)
        return taken

    with ExitStack() as stack:
        for owner, name, replacement in (
            (env.registry["telemarketing.dialer.command"], "_ask", ask),
            (env.registry["telemarketing.dialer.server"], "_alive", lambda s: True),
            (dialer, "_take", take),
            (click, "originate", originate),
        ):
            stack.enter_context(patch.object(owner, name, replacement))
        yield trapped


class CallTrap:
    """For a test case of Odoo's: every test's calls are in ``self.trapped``."""

    def setUp(self):
        super().setUp()
        trap = trapped_calls(self.env)
        self.trapped = trap.__enter__()
        self.addCleanup(trap.__exit__, None, None, None)


class DialerCommon(TelemarketingCommon):
    """``campaign_a`` dials predictively through ``trunk`` of ``server``, owned with
    the epoch ``EPOCH``. Campaign and server have ``caller`` to show."""

    EPOCH = 7

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls._create_server()
        cls.trunk = cls._create_trunk()
        cls.caller = cls.env["telemarketing.dialer.caller"].create(
            {
                "e164": "+34910000001",
                "company_id": cls.company_a.id,
                "trunk_ids": [(4, cls.trunk.id)],
            }
        )
        cls.campaign_a.write(
            {
                "dialer_server_id": cls.server.id,
                "dialing_mode": "predictive",
                "caller_number": cls.caller.e164,
            }
        )
        cls.dialer = cls.env["telemarketing.dialer"]
        cls.env.flush_all()

    @classmethod
    def _create_server(cls, company=None, **values):
        server = cls.env["telemarketing.dialer.server"].create(
            {
                "name": "Asterisk",
                "company_id": (company or cls.company_a).id,
                "secret": "of-a-test",
                **values,
            }
        )
        server.epoch = cls.EPOCH
        return server

    @classmethod
    def _create_trunk(cls, server=None, **values):
        return cls.env["telemarketing.dialer.trunk"].create(
            {"name": "Carrier", "server_id": (server or cls.server).id, **values}
        )

    @classmethod
    def people(cls, count, first=612300000, **values):
        """So many people of ``campaign_a``; their targets."""
        contacts = cls.env["telemarketing.contact"]
        for place in range(count):
            contacts |= cls.create_contact(
                f"Person {place}", f"+34{first + place}", **values
            )
        cls.env.flush_all()
        return contacts.target_ids

    def own(self, name, *arguments, **named):
        """A method of ``telemarketing.dialer`` as the process that owns the server
        calls it: everything read anew."""
        self.env.flush_all()
        self.env.invalidate_all()
        method = getattr(self.dialer, name)
        return method(self.server.id, self.EPOCH, *arguments, **named)

    def take(self, count=1, session=None):
        return self.own("_take", self.campaign_a.id, count, session)

    def finish(self, attempt, outcome, **values):
        """The attempt is over; by default nobody answered."""
        end = {
            "uuid": attempt.uuid,
            "outcome": outcome,
            "cause": 16,
            "tech_cause": "",
            "rang_at": attempt.at + 1,
            "answered_at": None,
            "bridged_at": None,
            "ended_at": attempt.at + 20,
            "session": None,
            "machine": "",
            **values,
        }
        self.own("_finish", [Finished(**end)])
        return self.call_of(attempt)

    def call_of(self, attempt):
        self.env.invalidate_all()
        return self.env["telemarketing.interaction"].search(
            [("uuid", "=", attempt.uuid)]
        )

    def sit_down(self, user=None):
        """An agent is logged in and ready in ``campaign_a``; the session."""
        user = user or self.agent_a
        self.open_desk(user, self.campaign_a)
        return self.env["telemarketing.agent.session"].search(
            [("user_id", "=", user.id), ("logout_at", "=", False)]
        )

    def deliver(self, attempt, session, waited=0.2):
        self.own(
            "_deliver",
            attempt.uuid,
            session.id,
            attempt.at + 3,
            attempt.at + 3 + waited,
        )
        return self.call_of(attempt)
