from odoo import api, fields, models

SUBJECTS = (
    "telemarketing_sales_agent_id",
    "telemarketing_referrer_id",
    "telemarketing_agency_id",
)
COLLABORATORS = "[('telemarketing_role_ids', '!=', False)]"


class TelemarketingSubjectMixin(models.AbstractModel):
    """Who has a part in a person, opportunity, order or appointment, besides the
    operator: what one of them knows goes on to what is made of it."""

    _name = "telemarketing.subject.mixin"
    _description = "Who Has a Part in It"

    telemarketing_sales_agent_id = fields.Many2one(
        "res.partner", "Sales Agent", domain=COLLABORATORS, index="btree_not_null"
    )
    telemarketing_referrer_id = fields.Many2one(
        "res.partner", "Referrer", domain=COLLABORATORS, index="btree_not_null"
    )
    telemarketing_agency_id = fields.Many2one(
        "res.partner", "Agency", domain=COLLABORATORS, index="btree_not_null"
    )

    @api.private
    def _telemarketing_subjects(self):
        """Values for what is made of this record; of one or none."""
        return {name: self[name].id for name in SUBJECTS}
