from odoo import models


class TelemarketingDeskResult(models.AbstractModel):
    """Part of ``telemarketing.desk``: what a result will do, and taking one back."""

    _name = "telemarketing.desk.result"
    _description = "Desk: Results"
