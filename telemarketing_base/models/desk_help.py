from odoo import models


class TelemarketingDeskHelp(models.AbstractModel):
    """Part of ``telemarketing.desk``: asking the supervisor for help."""

    _name = "telemarketing.desk.help"
    _description = "Desk: Help"
