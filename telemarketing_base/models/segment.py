from odoo import fields, models


class TelemarketingSegment(models.Model):
    """A saved selection of people (work list), shareable between campaigns of one
    principal; never mixes principals."""

    _name = "telemarketing.segment"
    _description = "Work List"
    _order = "name"
    _check_company_auto = True

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    principal_id = fields.Many2one(
        "res.partner",
        domain="[('telemarketing_is_principal', '=', True)]",
        help="The client company whose people these are. Empty: ours.",
    )
    source_model = fields.Selection(
        [
            ("telemarketing.contact", "Contacts"),
            ("res.partner", "Prospects and clients"),
        ],
        required=True,
        default="telemarketing.contact",
    )
    domain = fields.Char(required=True, default="[]")
    refresh = fields.Selection(
        [("fixed", "Fixed"), ("daily", "Refreshed daily")],
        required=True,
        default="fixed",
    )
    campaign_ids = fields.Many2many(
        "telemarketing.campaign",
        check_company=True,
        domain="[('company_id', '=', company_id), ('principal_id', '=', principal_id)]",
    )
