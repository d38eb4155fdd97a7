from odoo import fields, models


class TelemarketingSector(models.Model):
    """A trade with calling rules of its own: what is offered in a campaign."""

    _name = "telemarketing.sector"
    _description = "Sector"
    _order = "sequence, name"

    code = fields.Char(required=True)
    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    ban_from = fields.Date(
        "Cold Calls Banned From",
        help="From this day on natural persons are called only if they asked for it "
        "expressly. Empty: no such ban.",
    )
    record_whole = fields.Boolean(
        "Record the Whole Call", help="The sector's law wants every call recorded."
    )
    source = fields.Char(help="The law that says so.")

    _code_uniq = models.UniqueIndex("(code)", "A sector with this code exists.")

    def write(self, vals):
        result = super().write(vals)
        if {"code", "ban_from", "record_whole"} & set(vals):
            campaigns = self.env["telemarketing.campaign"].sudo()
            campaigns = campaigns.with_context(active_test=False).search(
                [("sector_id", "in", self.ids)]
            )
            if campaigns:
                self.env["telemarketing.gate"]._forget_cached()
                self.env["telemarketing.target"]._refresh_gate(campaigns=campaigns)
        return result
