from odoo import fields, models


class TelemarketingProfile(models.Model):
    """A named set of extra fields that agents fill in the call.

    Used by one or several campaigns; the Properties definition of their targets.
    """

    _name = "telemarketing.profile"
    _description = "Field Profile"
    _order = "name"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    target_properties_definition = fields.PropertiesDefinition("Fields")
    campaign_ids = fields.One2many("telemarketing.campaign", "profile_id")
