from odoo import fields, models


class CalendarEvent(models.Model):
    _inherit = "calendar.event"

    telemarketing_kind = fields.Selection(
        [
            ("visit", "Visit"),
            ("call", "Call"),
            ("video", "Video call"),
            ("installation", "Installation"),
        ],
        "Kind of Appointment",
    )
    telemarketing_outcome = fields.Selection(
        [
            ("held", "Held"),
            ("sold", "Sold"),
            ("not_held", "Not held"),
            ("moved", "Moved"),
        ],
        "Outcome",
    )
    telemarketing_held_on = fields.Datetime("Held On")
    telemarketing_target_id = fields.Many2one(
        "telemarketing.target", "Target", readonly=True, index="btree_not_null"
    )
    telemarketing_campaign_id = fields.Many2one(
        related="telemarketing_target_id.campaign_id", store=True
    )
    telemarketing_operator_id = fields.Many2one(
        "res.users", "Booked by", readonly=True, index="btree_not_null"
    )
