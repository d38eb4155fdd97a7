from odoo import api, fields, models


class TelemarketingNumber(models.Model):
    _inherit = "telemarketing.number"

    @api.private
    def _uncount_attempt(self, at, tz):
        """The dial of this UTC instant rang nobody: it does not count. When it was
        tried stays, so that it is not tried again at once."""
        day = fields.Datetime.context_timestamp(self.with_context(tz=tz), at).date()
        self.env.cr.execute(
            """UPDATE telemarketing_number SET
                   attempts = GREATEST(0, attempts - 1),
                   attempts_day = GREATEST(
                       0, attempts_day - (attempts_date = %(day)s)::int),
                   attempts_week = GREATEST(
                       0, attempts_week - (date_trunc('week', attempts_date)
                          = date_trunc('week', %(day)s::date))::int)
               WHERE id = ANY(%(ids)s)""",
            {"day": day, "ids": self.ids},
        )
        self.invalidate_recordset(["attempts", "attempts_day", "attempts_week"])
