from odoo import models


class TelemarketingDeskAgenda(models.AbstractModel):
    """Part of ``telemarketing.desk``: callbacks, their notices and the agenda."""

    _name = "telemarketing.desk.agenda"
    _description = "Desk: Agenda"
