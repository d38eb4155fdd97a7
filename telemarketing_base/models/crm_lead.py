from odoo import fields, models


class TelemarketingOriginMixin(models.AbstractModel):
    """Campaign and call that an opportunity or order came from, and who is paid for it.

    Read-only: money hangs on it.
    """

    _name = "telemarketing.origin.mixin"
    _inherit = ["telemarketing.action.mixin"]
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
    telemarketing_sales_agent_id = fields.Many2one(
        "res.partner",
        "Sales Agent",
        domain="[('telemarketing_role_ids', '!=', False)]",
    )
    telemarketing_referrer_id = fields.Many2one(
        "res.partner", "Referrer", domain="[('telemarketing_role_ids', '!=', False)]"
    )
    telemarketing_agency_id = fields.Many2one(
        "res.partner", "Agency", domain="[('telemarketing_role_ids', '!=', False)]"
    )


class CrmLead(models.Model):
    _name = "crm.lead"
    _inherit = ["crm.lead", "telemarketing.origin.mixin"]
