from odoo import models


class TelemarketingDeskBooking(models.AbstractModel):
    """Part of ``telemarketing.desk``: an appointment, its free slots, its booking."""

    _name = "telemarketing.desk.booking"
    _description = "Desk: Appointments"
