from odoo import fields, models


class TelemarketingAgentSession(models.Model):
    _inherit = "telemarketing.agent.session"

    dialer_server_id = fields.Many2one(
        "telemarketing.dialer.server", index="btree_not_null", ondelete="set null"
    )
    phone_state = fields.Selection(
        [("none", "Not connected"), ("calling", "Ringing"), ("up", "Connected")],
        "Telephone",
        required=True,
        default="none",
        help="The agent's own leg, which waits for calls.",
    )
    phone_reason = fields.Char("Why Not Connected")
    phone_wanted = fields.Boolean(help="The agent wants the telephone connected.")
