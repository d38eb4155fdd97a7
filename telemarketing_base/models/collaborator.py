from odoo import fields, models


class TelemarketingCollaboratorRole(models.Model):
    """What somebody does for the centre: agent, installer, referrer, agency…

    Records, not a fixed list: each centre has roles of its own.
    """

    _name = "telemarketing.collaborator.role"
    _description = "Collaborator Role"
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True)
    code = fields.Char()
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")
