from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    telemarketing_edition = fields.Selection(
        related="company_id.telemarketing_edition", readonly=False
    )
    telemarketing_search_cap = fields.Integer(
        related="company_id.telemarketing_search_cap", readonly=False
    )
    telemarketing_erase_uploads_days = fields.Integer(
        related="company_id.telemarketing_erase_uploads_days", readonly=False
    )
