from odoo import models


class TelemarketingDeskPerson(models.AbstractModel):
    """Part of ``telemarketing.desk``: the person's numbers, what they have with us,
    who calls in."""

    _name = "telemarketing.desk.person"
    _description = "Desk: the Person"
