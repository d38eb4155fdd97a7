from odoo import fields, models


class TelemarketingDialerCaller(models.Model):
    """A number of ours that the person called may see."""

    _name = "telemarketing.dialer.caller"
    _description = "Number Shown"
    _rec_name = "e164"
    _order = "e164"

    e164 = fields.Char("Number", required=True)
    name = fields.Char("What It Is")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True
    )
    kind = fields.Selection(
        [
            ("short_400", "400"),
            ("geographic", "Geographic"),
            ("free_800_900", "800 or 900"),
            ("other", "Other"),
        ],
        readonly=True,
    )
    trunk_ids = fields.Many2many(
        "telemarketing.dialer.trunk",
        "telemarketing_dialer_caller_trunk_rel",
        "caller_id",
        "trunk_id",
        "Trunks",
    )

    _e164_uniq = models.UniqueIndex(
        "(company_id, e164)", "This number is already there."
    )
