from odoo import fields, models


class TelemarketingTarget(models.Model):
    _inherit = "telemarketing.target"

    dialer_server_id = fields.Many2one(
        "telemarketing.dialer.server",
        "Held by the Dialer of",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="Leased for a call that has no agent yet.",
    )
    dialer_list_id = fields.Many2one(
        "telemarketing.dialer.list",
        "Dialer List",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
