from odoo import api, fields, models

from .guard import check_fields, without_defaults


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

    # The code sets them: a target named by id would show its person's name.
    _code_fields = ("telemarketing_target_id", "telemarketing_operator_id")

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            given = [name for name in self._code_fields if vals.get(name)]
            check_fields(self, given, denied=self._code_fields)
        self = without_defaults(self, denied=self._code_fields)
        return super().create(vals_list)

    def write(self, vals):
        check_fields(self, vals, denied=self._code_fields)
        return super().write(vals)
