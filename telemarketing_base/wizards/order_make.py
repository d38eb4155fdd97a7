from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command

SELLERS = (
    "telemarketing_base.group_salesperson",
    "telemarketing_base.group_supervisor",
)


class TelemarketingOrderMake(models.TransientModel):
    """An order taken away from the desk, on a telephone's screen: by who visits, or
    calls back from the person's record. A form without chatter."""

    _name = "telemarketing.order.make"
    _description = "Sale by Telephone or on the Road"
    _inherit = ["telemarketing.sight.mixin"]
    _sight_fields = ("partner_id", "lead_id", "campaign_id")

    partner_id = fields.Many2one("res.partner", "Buyer", required=True)
    lead_id = fields.Many2one("crm.lead", "Opportunity")
    campaign_ids = fields.Many2many(
        "telemarketing.campaign",
        string="Campaigns That May Sell",
        compute="_compute_campaign_ids",
        compute_sudo=False,
    )
    campaign_id = fields.Many2one(
        "telemarketing.campaign",
        required=True,
        compute="_compute_campaign_id",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('id', 'in', campaign_ids)]",
    )
    line_ids = fields.One2many("telemarketing.order.make.line", "make_id", "Articles")
    note = fields.Text(size=2000)

    @api.depends("partner_id")
    def _compute_campaign_ids(self):
        """Running campaigns of the person's client company that the user meets."""
        for wizard in self:
            wizard.partner_id.check_access("read")
            principal = wizard.partner_id.sudo().telemarketing_principal_id
            wizard.campaign_ids = self.env["telemarketing.campaign"].search(
                [
                    ("state", "=", "running"),
                    ("principal_id", "=", principal.id),
                    ("training", "=", False),
                    ("company_id", "=", self.env.company.id),
                ],
                limit=200,
            )

    @api.depends("partner_id", "lead_id")
    def _compute_campaign_id(self):
        for wizard in self:
            wizard.lead_id.check_access("read")
            found = wizard.lead_id.sudo().telemarketing_campaign_id
            allowed = wizard.campaign_ids
            wizard.campaign_id = (found & allowed) or (
                allowed if len(allowed) == 1 else False
            )

    def action_confirm(self):
        self.ensure_one()
        if self.env.user.telemarketing_only_agent or not any(
            self.env.user.has_group(group) for group in SELLERS
        ):
            raise AccessError(self.env._("Agents sell on the call desk."))
        self._check_in_sight()
        if self.campaign_id not in self.campaign_ids:
            raise UserError(
                self.env._("This person cannot be sold to in this campaign.")
            )
        if self.lead_id and self.lead_id.partner_id != self.partner_id:
            raise UserError(self.env._("The opportunity is another person's."))
        if self.campaign_id.sudo().call_purpose != "commercial":
            raise UserError(self.env._("Nothing is sold in %s.", self.campaign_id.name))
        self.line_ids._check_lines()
        order = self.env["sale.order"].sudo().create(self._prepare_order())
        return {
            "type": "ir.actions.act_window",
            "res_model": "sale.order",
            "res_id": order.id,
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "current",
        }

    def _prepare_order(self):
        campaign = self.campaign_id.sudo()
        values = {
            "partner_id": self.partner_id.id,
            "company_id": campaign.company_id.id,
            "opportunity_id": self.lead_id.id,
            "campaign_id": campaign.utm_campaign_id.id,
            "team_id": campaign.sale_team_id.id,
            "user_id": self.env.uid,
            "telemarketing_campaign_id": campaign.id,
            "telemarketing_operator_id": self.env.uid,
            "telemarketing_acceptance": "voice",
            "order_line": [line._prepare_line() for line in self.line_ids.sudo()],
        }
        if "pricelist_id" in campaign._fields and campaign.pricelist_id:
            values["pricelist_id"] = campaign.pricelist_id.id
        if self.note:
            values["note"] = self.note
        return values


class TelemarketingOrderMakeLine(models.TransientModel):
    _name = "telemarketing.order.make.line"
    _description = "Article of a Sale on the Road"

    make_id = fields.Many2one(
        "telemarketing.order.make", required=True, ondelete="cascade"
    )
    campaign_id = fields.Many2one(related="make_id.campaign_id")
    article_id = fields.Many2one(
        "telemarketing.campaign.article",
        required=True,
        domain="[('campaign_id', '=', campaign_id)]",
    )
    quantity = fields.Float(default=1, required=True)

    def _check_lines(self):
        if not self:
            raise UserError(self.env._("Choose at least one article."))
        for line in self:
            article = line.article_id.sudo()
            if article.campaign_id != line.make_id.campaign_id or not article.active:
                raise UserError(self.env._("The campaign does not sell this article."))
            nothing = article.product_id.uom_id.is_zero(line.quantity)
            if nothing or not 0 < line.quantity <= 100_000:
                raise UserError(
                    self.env._("Say how many of %s.", article.product_id.display_name)
                )

    def _prepare_line(self):
        article = self.article_id
        values = {
            "product_id": article.product_id.id,
            "product_uom_qty": self.quantity,
            "discount": article.discount,
        }
        if not ("from_list" in article._fields and article.from_list):
            values["price_unit"] = article.price_unit
        return Command.create(values)
