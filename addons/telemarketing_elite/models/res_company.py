from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    telemarketing_edition = fields.Selection(
        selection_add=[("elite", "ELITE")], ondelete={"elite": "set null"}
    )
