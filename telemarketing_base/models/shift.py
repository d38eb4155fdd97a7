from odoo import api, fields, models
from odoo.exceptions import ValidationError


class TelemarketingShift(models.Model):
    """A name and hours of the day, for reports and plans (company's time zone)."""

    _name = "telemarketing.shift"
    _description = "Shift"
    _order = "hour_from, name"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    hour_from = fields.Float("From", required=True)
    hour_to = fields.Float("To", required=True, help="Up to, not including.")

    @api.constrains("hour_from", "hour_to")
    def _check_hours(self):
        for shift in self:
            if not (0 <= shift.hour_from < 24 and 0 < shift.hour_to <= 24):
                raise ValidationError(
                    self.env._("Shift %s: hours go from 0:00 to 24:00.", shift.name)
                )
            if shift.hour_from >= shift.hour_to:
                raise ValidationError(
                    self.env._("Shift %s: it must end after it begins.", shift.name)
                )
