from odoo import fields, models


class TelemarketingDialerList(models.Model):
    """People of a campaign chosen by a filter, for the dialer: whose turn it is first,
    and in which share."""

    _name = "telemarketing.dialer.list"
    _description = "Dialer List"
    _order = "campaign_id, sequence, id"

    name = fields.Char(required=True)
    sequence = fields.Integer(
        "Priority", default=10, help="Lists of a lower number are dialled first."
    )
    active = fields.Boolean(default=True)
    campaign_id = fields.Many2one(
        "telemarketing.campaign", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="campaign_id.company_id", store=True)
    domain = fields.Char("Filter", required=True, default="[]")
    share = fields.Integer(
        "Mix (%)",
        help="Of the calls of lists with the same priority. 0: what the others leave.",
    )
    target_count = fields.Integer("People", readonly=True)
    refreshed_at = fields.Datetime(readonly=True)
