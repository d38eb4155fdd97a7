import re

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from odoo.addons.telemarketing_base.identity.phone import parse_phone

from .. import click

KEYS = re.compile(r"[0-9*#]{1,20}")
NUMBER = re.compile(r"[0-9+() .-]{3,32}")
# What goes through the dialer process; without one only the calls by click are left.
PROCESS = [
    *("hangup", "hold", "mute", "keys", "transfer", "third", "complete"),
    *("drop_third", "record"),
]


class TelemarketingTelephony(models.AbstractModel):
    """Provider *asterisk*: commands to the process that owns the campaign's server
    (docs/architecture.md, "Commands"), or calls by click where there is none."""

    _inherit = "telemarketing.telephony"

    @api.model
    def _providers(self):
        return {**super()._providers(), "asterisk": ["dial", *PROCESS]}

    @api.model
    def _provider(self, user, campaign):
        if (
            # Put out of use, it makes no calls by click either.
            campaign.dialer_server_id.active
            and not campaign.training
            and self._session(user)._dial_extension()
        ):
            return "asterisk"
        return super()._provider(user, campaign)

    @api.model
    def _capabilities(self, user, campaign):
        answer = super()._capabilities(user, campaign)
        if answer["provider"] != "asterisk":
            return answer
        can = answer["capabilities"]
        if not campaign.dialer_server_id._alive():
            # The telephone is the agent's own: only there can it be hung up.
            can = ["dial", "hangup"]
        elif campaign.record_calls == "never":
            can = [each for each in can if each != "record"]
        return {**answer, "capabilities": can}

    @api.model
    def _session(self, user):
        return (
            self.env["telemarketing.agent.session"]
            .sudo()
            .search([("user_id", "=", user.id), ("logout_at", "=", False)], limit=1)
        )

    # COMMANDS: each checks what it was given, whoever sent it

    @api.model
    def _dial_asterisk(self, interaction, /, **params):
        server = interaction.dialer_server_id
        if server._alive():
            self._command(interaction, "dial")
            return {"action": "wait"}
        trunk, channel, caller = server.trunk_ids._channel_for(
            interaction.campaign_id, interaction.e164
        )
        extension = interaction.session_id._dial_extension()
        try:
            if not (trunk and extension):
                raise click.NotDialledError("refused")
            click.originate(
                (
                    server.host,
                    server.port,
                    server.tls,
                    server.user,
                    server.sudo().secret or "",
                ),
                server.agent_channel.replace("{extension}", extension),
                channel,
                caller,
                interaction.campaign_id.ring_seconds,
                self.env["ir.config_parameter"].sudo().get_param("database.uuid"),
            )
        except (click.NotDialledError, ValueError) as error:
            return {
                "action": "failed",
                "error": self._not_dialled_words(getattr(error, "why", "refused")),
            }
        return {"action": "click"}

    @api.model
    def _not_dialled_words(self, why):
        return {
            "foreign": self.env._(
                "Nothing was dialled: this Asterisk belongs to another database, of "
                "which this one is a copy."
            ),
            "unreachable": self.env._(
                "Nothing was dialled: Asterisk cannot be reached. Try again, or tell "
                "your supervisor."
            ),
            "login": self.env._(
                "Nothing was dialled: Asterisk does not let us in. Tell your "
                "supervisor."
            ),
        }.get(
            why,
            self.env._(
                "Nothing was dialled: Asterisk does not take the call. Try again, or "
                "tell your supervisor."
            ),
        )

    @api.model
    def _hangup_asterisk(self, interaction, /, **params):
        if not interaction.dialer_server_id._alive():
            # The agent lays the own receiver down; here the count ends.
            self._report(interaction.uuid, "ended")
            return {}
        return self._command(interaction, "hangup")

    @api.model
    def _hold_asterisk(self, interaction, /, **params):
        return self._command(interaction, "hold", on=self._flag(params, "on"))

    @api.model
    def _mute_asterisk(self, interaction, /, **params):
        return self._command(interaction, "mute", on=self._flag(params, "on"))

    @api.model
    def _record_asterisk(self, interaction, /, **params):
        if interaction.campaign_id.record_calls == "never":
            raise UserError(self.env._("The calls of this campaign are not recorded."))
        return self._command(interaction, "record", pause=self._flag(params, "pause"))

    @api.model
    def _keys_asterisk(self, interaction, /, **params):
        digits = params.get("digits")
        if not isinstance(digits, str) or not KEYS.fullmatch(digits):
            raise UserError(self.env._("Only the keys 0 to 9, * and #, at most 20."))
        return self._command(interaction, "keys", digits=digits)

    @api.model
    def _transfer_asterisk(self, interaction, /, **params):
        to, how = params.get("to"), params.get("how", "blind")
        if to not in ("agent", "campaign", "number") or how not in (
            "blind",
            "attended",
        ):
            raise UserError(self.env._("Say to whom the call goes."))
        if to == "agent":
            agents = self._transfer_agents(interaction, params.get("session"))
            if not agents:
                raise UserError(self.env._("That colleague cannot take a call now."))
            where = {"session": agents.id}
        elif to == "campaign":
            how = "blind"
            campaigns = self._transfer_campaigns(interaction, params.get("campaign"))
            if not campaigns:
                raise UserError(self.env._("Nobody takes calls in that campaign now."))
            where = {"campaign": campaigns.id}
        else:
            where = self._outside(interaction, params.get("number"))
        return self._command(interaction, "transfer", to=to, how=how, **where)

    @api.model
    def _third_asterisk(self, interaction, /, **params):
        where = self._outside(interaction, params.get("number"))
        return self._command(interaction, "third", **where)

    @api.model
    def _complete_asterisk(self, interaction, /, **params):
        return self._command(interaction, "complete")

    @api.model
    def _drop_third_asterisk(self, interaction, /, **params):
        return self._command(interaction, "drop_third")

    # WHAT THEY ARE GIVEN

    @api.model
    def _flag(self, params, name):
        value = params.get(name)
        if not isinstance(value, bool):
            raise UserError(self.env._("This telephone cannot do that."))
        return value

    @api.model
    def _command(self, interaction, kind, **params):
        """Have the process do it; what became of it the desk hears by its bus."""
        server = interaction.dialer_server_id
        if not server._alive():
            raise UserError(
                self.env._(
                    "The dialer does not run now: use the keys of your telephone."
                )
            )
        self.env["telemarketing.dialer.command"].sudo()._ask(
            server,
            kind,
            session=self._session(interaction.agent_id),
            uuid=interaction.uuid,
            params=params,
        )
        return {}

    @api.model
    def _sisters(self, interaction):
        """Campaigns whose agents may be given this call, its own among them: run at
        the same server for the same client company, whose data the person is, and with
        no result that this call could not be given."""
        own = interaction.campaign_id
        campaigns = (
            self.env["telemarketing.campaign"]
            .sudo()
            .search(
                [
                    ("state", "=", "running"),
                    ("training", "=", False),
                    ("company_id", "=", interaction.company_id.id),
                    ("dialer_server_id", "=", interaction.dialer_server_id.id),
                    ("principal_id", "=", interaction.principal_id.id),
                ],
                limit=50,
            )
        )
        usable = own._dispositions()
        return campaigns.filtered(lambda c: c == own or not c._dispositions() - usable)

    @api.model
    def _transfer_agents(self, interaction, session_id=None):
        """Sessions of colleagues that may be given this call: in a sister campaign,
        ready or talking, with their telephone connected.

        :param session_id: only this one; what is no id finds nobody
        """
        domain = Domain(
            [
                ("logout_at", "=", False),
                ("campaign_id", "in", self._sisters(interaction).ids),
                ("dialer_server_id", "=", interaction.dialer_server_id.id),
                ("phone_state", "=", "up"),
                ("state", "in", ("ready", "talking")),
                ("user_id", "!=", interaction.agent_id.id),
            ]
        )
        if session_id is not None:
            domain &= Domain("id", "=", self._id_of(session_id))
        Session = self.env["telemarketing.agent.session"].sudo()
        return Session.search(domain, order="state_since, id", limit=50)

    @api.model
    def _transfer_campaigns(self, interaction, campaign_id=None):
        """Sister campaigns in which people come to agents by themselves.

        :param campaign_id: only this one; what is no id finds none
        """
        campaigns = self._sisters(interaction).filtered(
            lambda c: (
                c.dialing_mode in ("progressive", "predictive")
                and not c.dialing_stopped_at
            )
        )
        if campaign_id is not None:
            wanted = self._id_of(campaign_id)
            campaigns = campaigns.filtered(lambda c: c.id == wanted)
        return campaigns

    @api.model
    def _id_of(self, value):
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    @api.model
    def _outside(self, interaction, text):
        """Where an agent's number leads: whole, valid, within the trunk's prefixes, no
        premium rate; and no person who asked not to be called, by everybody or for
        this client company (the reason of the call does not matter).

        :return: ``{channel, trunk, caller}``
        """
        written = isinstance(text, str) and NUMBER.fullmatch(text)
        phone = parse_phone(text) if written else None
        if not phone or not phone.dialable:
            raise UserError(self.env._("This is no number that may be called."))
        campaign = interaction.campaign_id
        server = interaction.dialer_server_id
        if server.stopped_at or campaign.dialing_stopped_at:
            raise UserError(self.env._("Dialling is stopped by a supervisor."))
        excluded = (
            self.env["telemarketing.exclusion"]
            .sudo()
            .search_count(
                Domain("e164", "=", phone.e164)
                & Domain("company_id", "=", interaction.company_id.id)
                & Domain("in_force", "=", True)
                & (
                    Domain("scope", "=", "all")
                    | Domain("principal_id", "=", interaction.principal_id.id or 0)
                ),
                limit=1,
            )
        )
        if excluded:
            raise UserError(self.env._("Who has this number asked not to be called."))
        trunk, channel, caller = (
            self.env["telemarketing.dialer.trunk"]
            .sudo()
            ._channel_for(campaign, phone.e164)
        )
        if not trunk:
            raise UserError(self.env._("No line of this campaign leads there."))
        return {"channel": channel, "trunk": trunk.id, "caller": caller}
