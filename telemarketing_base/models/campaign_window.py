from datetime import time

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..compliance import Window

WEEKDAYS = frozenset(range(1, 8))


class TelemarketingCampaignWindow(models.Model):
    """Hours that a campaign reserves for itself, at the place of the person called;
    within the law's hours, never beyond them."""

    _name = "telemarketing.campaign.window"
    _description = "Reserved Hours"
    _order = "campaign_id, weekday, start"
    _rec_name = "weekday"

    campaign_id = fields.Many2one(
        "telemarketing.campaign", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="campaign_id.company_id", store=True)
    weekday = fields.Selection(
        [
            ("0", "Every day"),
            ("1", "Monday"),
            ("2", "Tuesday"),
            ("3", "Wednesday"),
            ("4", "Thursday"),
            ("5", "Friday"),
            ("6", "Saturday"),
            ("7", "Sunday"),
        ],
        required=True,
        default="0",
    )
    start = fields.Float("From", required=True, default=9.0)
    end = fields.Float("To", required=True, default=21.0)

    @api.constrains("start", "end")
    def _check_hours(self):
        for window in self:
            if not 0 <= window.start < window.end <= 24:
                raise ValidationError(
                    self.env._(
                        "Reserved hours go from an earlier to a later hour of one day."
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        windows = super().create(vals_list)
        windows._refresh()
        return windows

    def write(self, vals):
        campaigns = self.campaign_id
        result = super().write(vals)
        (self | self.browse())._refresh(campaigns)
        return result

    def unlink(self):
        campaigns = self.campaign_id
        result = super().unlink()
        self.browse()._refresh(campaigns)
        return result

    def _refresh(self, campaigns=None):
        self.env["telemarketing.gate"]._forget_cached()
        campaigns = (campaigns or self.env["telemarketing.campaign"]) | self.campaign_id
        self.env["telemarketing.target"]._refresh_gate(campaigns=campaigns)
        self.env["telemarketing.gate"]._schedule_closing(campaigns.sudo().company_id)

    @api.private
    def _kernel(self):
        """As the kernel wants them: a tuple of ``compliance.Window``."""
        return tuple(
            Window(
                _time(window.start),
                _time(window.end),
                WEEKDAYS if window.weekday == "0" else frozenset([int(window.weekday)]),
            )
            for window in self
        )


def _time(hours):
    """A float of hours as Odoo keeps it; 24:00 is the last second of the day."""
    seconds = min(round(hours * 3600), 24 * 3600 - 1)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60)
