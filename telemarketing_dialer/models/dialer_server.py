import ipaddress
import json
import secrets

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.telemarketing_base.models.guard import check_fields, without_defaults

from .words import FOLDER, HOST, WORD, check_sound, check_template, check_word

MANAGER = "telemarketing_base.group_manager,base.group_system"


class TelemarketingDialerServer(models.Model):
    """An Asterisk with the agents that sit at it and the campaigns that they work:
    the unit that one dialer process owns at a time."""

    _name = "telemarketing.dialer.server"
    _description = "Asterisk Server"
    _inherit = [
        "mail.thread",
        "telemarketing.dialer.health",
        "telemarketing.dialer.link",
        "telemarketing.dialer.brake",
    ]
    _order = "sequence, name"
    _check_company_auto = True

    name = fields.Char(required=True, tracking=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True, tracking=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True
    )
    # the manager interface (AMI)
    host = fields.Char(
        required=True, default="127.0.0.1", tracking=True, groups=MANAGER
    )
    port = fields.Integer(required=True, default=5038, groups=MANAGER)
    tls = fields.Boolean("TLS", groups=MANAGER)
    user = fields.Char(
        required=True, default="telemarketing", tracking=True, groups=MANAGER
    )
    secret = fields.Char(
        groups="base.group_system",
        copy=False,
        default=lambda self: secrets.token_urlsafe(24),
        help="It goes into Asterisk's manager.conf with the configuration.",
    )
    permit = fields.Char(
        "Address of the Dialer",
        required=True,
        default="127.0.0.1",
        groups=MANAGER,
        help="From where Asterisk lets the dialer in: the machine where the dialer "
        "process and Odoo run.",
    )
    # the agents' telephones
    agent_channel = fields.Char(
        "Agents' Telephones",
        required=True,
        default=lambda self: "PJSIP/{extension}",
        groups=MANAGER,
        help="How Asterisk calls an agent's telephone; {extension} is the agent's.",
    )
    agent_ring_seconds = fields.Integer("Rings an Agent for (seconds)", default=30)
    # the answered person for whom nobody is free
    notice_sound = fields.Char(
        "Notice to Whom Nobody Attends",
        default="telemarketing/notice",
        help="Sound on the Asterisk server: who called, and how to object.",
    )
    spool = fields.Char(
        "Folder of New Recordings",
        default="/var/spool/asterisk/telemarketing",
        groups=MANAGER,
        help="As the Asterisk server and the dialer process both see it.",
    )
    encrypt_recordings = fields.Boolean(
        tracking=True,
        groups=MANAGER,
        help="With a key that lies in a file beside Odoo, never in the database.",
    )
    trunk_ids = fields.One2many("telemarketing.dialer.trunk", "server_id")
    campaign_ids = fields.One2many("telemarketing.campaign", "dialer_server_id")
    # who owns it: see telemarketing.dialer
    owner = fields.Char(readonly=True, copy=False)
    epoch = fields.Integer(readonly=True, copy=False, default=0)
    owned_until = fields.Datetime(readonly=True, copy=False)
    health = fields.Json(readonly=True, copy=False)
    health_at = fields.Datetime(readonly=True, copy=False)
    pacing = fields.Json(
        readonly=True,
        copy=False,
        help="What the pacer has learnt.",
        groups="base.group_system",
    )
    # the red button
    stopped_at = fields.Datetime("Stopped", readonly=True, copy=False)
    stopped_by_id = fields.Many2one(
        "res.users", "Stopped by", readonly=True, copy=False
    )

    _name_uniq = models.UniqueIndex(
        "(company_id, name)", "This company has a server of that name."
    )
    _port_range = models.Constraint(
        "CHECK (port BETWEEN 1 AND 65535)", "A port is a number from 1 to 65535."
    )
    _agent_ring_range = models.Constraint(
        "CHECK (agent_ring_seconds BETWEEN 5 AND 120)",
        "An agent's telephone rings for 5 to 120 seconds.",
    )

    # What a process reads once and must be told of.
    _TOLD = {
        *("active", "company_id", "host", "port", "tls", "user", "secret"),
        *("agent_channel", "agent_ring_seconds", "notice_sound", "spool"),
    }
    # Of the process and of the red button.
    _code_fields = (
        *("owner", "epoch", "owned_until", "health", "health_at", "pacing"),
        *("stopped_at", "stopped_by_id"),
    )

    @api.constrains("host", "user", "secret", "spool")
    def _check_words(self):
        for server in self:
            check_word(
                server,
                "host",
                HOST,
                self.env._("Write the server's name or address alone."),
            )
            for name in ("user", "secret"):
                check_word(
                    server,
                    name,
                    WORD,
                    self.env._("Only letters, digits and _ . : + @ / - are possible."),
                )
            check_word(
                server,
                "spool",
                FOLDER,
                self.env._(
                    "Write a whole path that begins with /, of letters, digits and "
                    "_ . - only."
                ),
            )

    @api.constrains("permit")
    def _check_permit(self):
        for server in self:
            try:
                networks = [
                    ipaddress.ip_network(one, strict=False)
                    for one in server.permit.split()
                ]
            except ValueError:
                networks = []
            # The whole world is not where the dialer comes from.
            if not networks or any(network.prefixlen < 8 for network in networks):
                raise ValidationError(
                    self.env._(
                        "Address of the Dialer: “%s” cannot be used. Write addresses "
                        "or networks, separated by spaces: 10.0.0.5 192.168.1.0/24.",
                        server.permit,
                    )
                )

    @api.constrains("agent_channel")
    def _check_agent_channel(self):
        for server in self:
            check_template(server, "agent_channel", "extension")

    @api.constrains("notice_sound")
    def _check_notice_sound(self):
        for server in self:
            check_sound(server, "notice_sound")
            server.campaign_ids._check_dialing()

    @api.constrains("company_id")
    def _check_company_fixed(self):
        for server in self:
            if server.campaign_ids.company_id - server.company_id:
                raise ValidationError(
                    self.env._(
                        "%s: campaigns of its company dial through it; take it from "
                        "them first.",
                        server.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, denied=self._code_fields)
        self = without_defaults(self, denied=self._code_fields)
        servers = super().create(vals_list)
        servers._notify("server")
        return servers

    def write(self, vals):
        check_fields(self, vals, denied=self._code_fields)
        result = super().write(vals)
        if self._TOLD & set(vals):
            self._notify("server")
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_only_unused(self):
        for server in self:
            if server.sudo().with_context(active_test=False).campaign_ids:
                raise ValidationError(
                    self.env._(
                        "%s is the Asterisk of campaigns: archive it, or take it from "
                        "them first.",
                        server.name,
                    )
                )

    @api.private
    def _alive(self):
        """Does a dialer process own this server now? Asked of PostgreSQL's clock."""
        self.ensure_one()
        self.env.cr.execute(
            """SELECT owned_until > clock_timestamp() AT TIME ZONE 'UTC'
               FROM telemarketing_dialer_server WHERE id = %s""",
            [self.id],
        )
        return bool(self.env.cr.fetchone()[0])

    @api.private
    def _records(self):
        """Has it campaigns whose calls are recorded?"""
        domain = [("dialer_server_id", "in", self.ids), ("record_calls", "!=", "never")]
        campaigns = self.env["telemarketing.campaign"].sudo()
        return bool(campaigns.search_count(domain, limit=1))

    @api.private
    def _notify(self, what, **values):
        """Wake the process that owns these servers, at the commit: see "Wakening" in
        docs/architecture.md."""
        for server in self:
            self.env.cr.execute(
                "SELECT pg_notify('telemarketing_dialer', %s)",
                [json.dumps({"server": server.id, "what": what, **values})],
            )
