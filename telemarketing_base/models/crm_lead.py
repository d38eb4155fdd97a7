from odoo import fields, models


class TelemarketingOriginMixin(models.AbstractModel):
    """Campaign and call that an opportunity or order came from, and who is paid for it.

    Read-only: money hangs on it.
    """

    _name = "telemarketing.origin.mixin"
    _inherit = ["telemarketing.action.mixin", "telemarketing.subject.mixin"]
    _description = "Telemarketing Origin"

    telemarketing_campaign_id = fields.Many2one(
        "telemarketing.campaign",
        readonly=True,
        copy=False,
        index="btree_not_null",
    )
    telemarketing_interaction_id = fields.Many2one(
        "telemarketing.interaction",
        "Call",
        readonly=True,
        copy=False,
        index="btree_not_null",
    )
    telemarketing_principal_id = fields.Many2one(
        related="telemarketing_campaign_id.principal_id",
        string="Client Company",
        store=True,
        index="btree_not_null",
    )
    telemarketing_operator_id = fields.Many2one(
        "res.users", "Operator", readonly=True, copy=False, index="btree_not_null"
    )


class CrmLead(models.Model):
    _name = "crm.lead"
    _inherit = ["crm.lead", "telemarketing.origin.mixin"]
