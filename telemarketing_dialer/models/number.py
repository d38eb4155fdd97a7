from odoo import api, models


class TelemarketingNumber(models.Model):
    _inherit = "telemarketing.number"

    @api.private
    def _take_out_of_lists(self, interaction):
        """Out of the dialer's lists too; put back by a supervisor, the job finds the
        right one again."""
        others = super()._take_out_of_lists(interaction)
        others.dialer_list_id = False
        return others
