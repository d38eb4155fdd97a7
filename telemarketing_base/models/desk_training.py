from odoo import models


class TelemarketingDeskTraining(models.AbstractModel):
    """Part of ``telemarketing.desk``: calls to invented people, which leave
    nothing behind."""

    _name = "telemarketing.desk.training"
    _description = "Desk: Training"
