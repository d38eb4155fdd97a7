from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "telemarketing.action.mixin"]

    # Odoo stores them without an index; matching by them would scan the table.
    phone_sanitized = fields.Char(index="btree_not_null")
    email_normalized = fields.Char(index="btree_not_null")
    funnel_stage = fields.Selection(
        [("prospect", "Prospect"), ("client", "Client")],
        index="btree_not_null",
        tracking=True,
        copy=False,
        help="Where a person that telemarketing knows stands. Contacts that no call "
        "has qualified are not partners.",
    )
    telemarketing_is_principal = fields.Boolean(
        "Client Company of Campaigns", help="A company that we run campaigns for."
    )
    telemarketing_principal_id = fields.Many2one(
        "res.partner",
        "Person of",
        index="btree_not_null",
        copy=False,
        help="The client company whose person this is. Empty: ours. People never "
        "cross from one to another.",
    )
    telemarketing_role_ids = fields.Many2many(
        "telemarketing.collaborator.role", string="Collaborator Roles"
    )
    # Only for those who may read what they hold: others read partners whole too.
    telemarketing_contact_ids = fields.One2many(
        "telemarketing.contact",
        "partner_id",
        groups="telemarketing_base.group_supervisor",
    )
    telemarketing_interaction_ids = fields.One2many(
        "telemarketing.interaction",
        "partner_id",
        groups="telemarketing_base.group_agent",
    )
    telemarketing_interaction_count = fields.Integer(
        compute="_compute_telemarketing_interaction_count",
        groups="telemarketing_base.group_agent",
    )
    telemarketing_campaign_ids = fields.One2many(
        "telemarketing.campaign",
        "principal_id",
        "Campaigns",
        groups="telemarketing_base.group_agent",
    )

    telemarketing_merged_into_id = fields.Many2one(
        "res.partner",
        "Merged Into",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="Archived: what it had is there.",
    )
    telemarketing_merged_count = fields.Integer(
        "Merged With",
        compute="_compute_telemarketing_merged_count",
        groups="telemarketing_base.group_manager",
    )

    def _compute_telemarketing_merged_count(self):
        counts = dict(
            self.with_context(active_test=False)._read_group(
                [("telemarketing_merged_into_id", "in", self.ids)],
                ["telemarketing_merged_into_id"],
                ["__count"],
            )
        )
        for partner in self:
            partner.telemarketing_merged_count = counts.get(partner, 0)

    def _compute_telemarketing_interaction_count(self):
        counts = dict(
            self.env["telemarketing.interaction"]._read_group(
                [("partner_id", "in", self.ids)], ["partner_id"], ["__count"]
            )
        )
        for partner in self:
            partner.telemarketing_interaction_count = counts.get(partner, 0)

    @api.constrains("telemarketing_principal_id")
    def _check_telemarketing_principal_id(self):
        for partner in self:
            principal = partner.telemarketing_principal_id
            if principal and not principal.telemarketing_is_principal:
                raise ValidationError(
                    self.env._(
                        "%s is not marked as a company that we run campaigns for.",
                        principal.display_name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        partners = super().create(vals_list)
        partners._check_merged_by_merging()
        partners._check_principal_by_manager(
            partners.filtered(
                lambda p: (
                    p.sudo().telemarketing_principal_id
                    or p.sudo().telemarketing_is_principal
                )
            )
        )
        return partners

    def write(self, vals):
        if "telemarketing_merged_into_id" in vals:
            self._check_merged_by_merging(always=True)
        if {"telemarketing_principal_id", "telemarketing_is_principal"} & set(vals):
            self._check_principal_by_manager(self)
        result = super().write(vals)
        if "tz" in vals and self.sudo().ref_company_ids:
            self.env["telemarketing.gate"]._forget_cached()
        return result

    def _check_merged_by_merging(self, always=False):
        """Nobody says by hand who was merged into whom: an erasure follows it."""
        if not self.env.su and (
            always or any(p.telemarketing_merged_into_id for p in self.sudo())
        ):
            raise AccessError(self.env._("“Merged Into” is written by a merge only."))

    @api.model
    def _check_principal_by_manager(self, partners):
        """People never cross from one principal to another by hand, and nobody makes
        himself a principal."""
        if (
            partners
            and not self.env.su
            and not self.env.user.has_group("telemarketing_base.group_manager")
        ):
            raise AccessError(
                self.env._(
                    "Only telemarketing managers say who is a client company of "
                    "campaigns, and whose person somebody is."
                )
            )

    @api.private
    def _telemarketing_with_merged(self):
        """These, those that they were merged into and all merged into those; with
        sudo."""
        partners = self.sudo().with_context(active_test=False)
        kept = partners | partners.telemarketing_merged_into_id
        return kept | partners.search(
            [("telemarketing_merged_into_id", "in", kept.ids)]
        )

    def action_open_telemarketing_merges(self):
        """What this one was merged with, and by whom."""
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "telemarketing_base.action_telemarketing_merge"
            ),
            "domain": [
                "|",
                ("partner_id", "=", self.id),
                ("gone_partner_ids", "in", self.ids),
            ],
            "context": {"active_test": False},
        }
