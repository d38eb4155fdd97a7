from odoo import fields, models


class CrmTeam(models.Model):
    _inherit = "crm.team"

    telemarketing_supervisor_ids = fields.Many2many(
        "res.users",
        "crm_team_telemarketing_supervisor_rel",
        "team_id",
        "user_id",
        "Supervisors",
        domain="[('telemarketing_is_supervisor', '=', True)]",
        help="They see the calls and figures of the team's agents.",
    )
