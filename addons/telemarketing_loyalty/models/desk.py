from odoo import api, models


class TelemarketingDesk(models.AbstractModel):
    _inherit = "telemarketing.desk"

    @api.model
    def _takes_codes(self, campaign):
        """Codes are asked for where a promotion of the company wants one."""
        known = (
            self.env["loyalty.program"]
            .sudo()
            .search_count(
                [
                    ("trigger", "=", "with_code"),
                    ("program_type", "not in", ("gift_card", "ewallet", "loyalty")),
                    ("company_id", "in", (False, campaign.company_id.id)),
                ],
                limit=1,
            )
        )
        return bool(known) or super()._takes_codes(campaign)
