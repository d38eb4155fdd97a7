import json

from odoo import api, fields, models


class TelemarketingDialerServer(models.Model):
    """An Asterisk with the agents that sit at it and the campaigns that they work:
    the unit that one dialer process owns at a time."""

    _name = "telemarketing.dialer.server"
    _description = "Asterisk Server"
    _inherit = ["mail.thread"]
    _order = "sequence, name"
    _check_company_auto = True

    name = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True
    )
    # the manager interface (AMI)
    host = fields.Char(required=True, default="127.0.0.1")
    port = fields.Integer(required=True, default=5038)
    tls = fields.Boolean("TLS")
    user = fields.Char(required=True, default="telemarketing", tracking=True)
    secret = fields.Char(groups="base.group_system", copy=False)
    # the agents' telephones
    agent_channel = fields.Char(
        "Agents' Telephones",
        required=True,
        default="PJSIP/{extension}",
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
        help="As the Asterisk server and the dialer process both see it.",
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
    def _notify(self, what, **values):
        """Wake the process that owns these servers, at the commit: see "Wakening" in
        docs/architecture.md."""
        for server in self:
            self.env.cr.execute(
                "SELECT pg_notify('telemarketing_dialer', %s)",
                [json.dumps({"server": server.id, "what": what, **values})],
            )
