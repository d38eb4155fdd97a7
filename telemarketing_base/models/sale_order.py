from odoo import api, fields, models
from odoo.exceptions import UserError

from .guard import check_fields, without_defaults
from .order_life import OFFERED

# What a buyer accepts; lines are held where they are written.
_TERMS = {"partner_id", "pricelist_id", "currency_id", "company_id"}
_LINE_TERMS = {
    *("order_id", "product_id", "name", "product_uom_qty", "product_uom_id"),
    *("price_unit", "discount", "tax_ids", "display_type"),
}


class SaleOrder(models.Model):
    _name = "sale.order"
    _inherit = [
        "sale.order",
        "telemarketing.origin.mixin",
        "telemarketing.order.life",
    ]

    telemarketing_acceptance = fields.Selection(
        [
            ("voice", "Offered by voice"),
            ("sent", "Offer sent"),
            ("accepted", "Accepted"),
            ("confirmed", "Confirmed"),
            ("withdrawal", "Withdrawal open"),
            ("firm", "Firm"),
            ("rejected", "Rejected"),
            ("withdrawn", "Withdrawn"),
        ],
        "Acceptance",
        copy=False,
        readonly=True,
        tracking=True,
        help="A consumer is bound only by a written acceptance (TRLGDCU art. 98.6).",
    )

    # As the opportunity says, until somebody says otherwise.
    telemarketing_sales_agent_id = fields.Many2one(
        compute="_compute_telemarketing_sales_agent_id", store=True, readonly=False
    )
    telemarketing_referrer_id = fields.Many2one(
        compute="_compute_telemarketing_referrer_id", store=True, readonly=False
    )
    telemarketing_agency_id = fields.Many2one(
        compute="_compute_telemarketing_agency_id", store=True, readonly=False
    )
    telemarketing_payment_id = fields.Many2one(
        "telemarketing.order.payment", "Paid by", copy=False, check_company=True
    )
    telemarketing_mandate_ids = fields.One2many(
        "telemarketing.mandate",
        "order_id",
        "Mandates",
        groups="telemarketing_base.group_supervisor,account.group_account_invoice",
    )
    telemarketing_conditions = fields.Text(
        "Conditions Read Aloud",
        readonly=True,
        copy=False,
        help="As they were read to the buyer and ticked in the call.",
    )
    telemarketing_delivery_note = fields.Char("Delivery Note", copy=False)
    telemarketing_payment_link = fields.Char(
        "Payment Link",
        compute="_compute_telemarketing_payment_link",
        groups="telemarketing_base.group_supervisor,sales_team.group_sale_salesman",
        help="The buyer types the card's number there, where we never see it.",
    )

    # One each: Odoo computes none of those that share a method with one given.
    @api.depends("opportunity_id")
    def _compute_telemarketing_sales_agent_id(self):
        self._take_telemarketing_subject("telemarketing_sales_agent_id")

    @api.depends("opportunity_id")
    def _compute_telemarketing_referrer_id(self):
        self._take_telemarketing_subject("telemarketing_referrer_id")

    @api.depends("opportunity_id")
    def _compute_telemarketing_agency_id(self):
        self._take_telemarketing_subject("telemarketing_agency_id")

    def _take_telemarketing_subject(self, name):
        for order in self:
            order[name] = order[name] or order.opportunity_id.sudo()[name].id

    @api.depends("telemarketing_payment_id", "state", "amount_total")
    def _compute_telemarketing_payment_link(self):
        """Odoo's own link: the quotation in the portal, where it is signed and paid;
        signed already, with its amount (that page asks for no signature)."""
        for order in self:
            order.telemarketing_payment_link = False
            payable = order.state in ("draft", "sent") and order.amount_total > 0
            if (
                order.telemarketing_payment_id.kind == "card_link"
                and payable
                and (isinstance(order.id, int))
            ):
                wizard = (
                    self.env["payment.link.wizard"]
                    .sudo()
                    .new(
                        {
                            "res_model": "sale.order",
                            "res_id": order.id,
                            **order.sudo()._get_default_payment_link_values(),
                        }
                    )
                )
                order.telemarketing_payment_link = (
                    order.get_base_url() + order.sudo().get_portal_url()
                    if order.sudo()._has_to_be_signed()
                    else wizard.link
                )

    def _find_mail_template(self):
        """The campaign's own words go with the offer of a call."""
        self.ensure_one()
        campaign = self.sudo().telemarketing_campaign_id
        own = campaign.quote_mail_template_id or (
            campaign
            and self.env.ref(
                "telemarketing_base.mail_template_quotation", raise_if_not_found=False
            )
        )
        if (
            own
            and self.state in ("draft", "sent")
            and not (self.env.context.get("proforma"))
        ):
            return own
        return super()._find_mail_template()

    @api.private
    def _telemarketing_apply_offers(self, codes):
        """Promotions that apply to the order of a call; the bridge to sale_loyalty
        puts them in.

        :param list codes: that the buyer gave
        :return: sentences on codes that did nothing
        """
        if not codes:
            return []
        return [self.env._("Promotion codes are not used here: %s", ", ".join(codes))]

    @api.private
    def _telemarketing_move_mandates(self):
        """A mandate is worth what the order is worth that it was given for."""
        mandates = self.sudo().telemarketing_mandate_ids
        for mandate in mandates:
            order = mandate.order_id
            refused = order.telemarketing_acceptance in ("rejected", "withdrawn")
            if order.state == "cancel" or refused:
                mandate._cancel(with_order=True)
            elif order.state == "sale" or order.telemarketing_acceptance in (
                "accepted",
                "confirmed",
                "withdrawal",
                "firm",
            ):
                mandate._activate()

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            given = [name for name in self._life_fields if vals.get(name)]
            check_fields(self, given, denied=self._life_fields)
        self = without_defaults(self, denied=self._life_fields)
        orders = super().create(vals_list)
        offered = orders.filtered(
            lambda o: (
                o.telemarketing_campaign_id and o.telemarketing_acceptance == "voice"
            )
        )
        if offered:
            offered.sudo()._telemarketing_begin()
        for order in orders.sudo().filtered("opportunity_id"):
            order._telemarketing_adopt(order.opportunity_id.telemarketing_campaign_id)
        return orders

    @api.private
    def _telemarketing_begin(self):
        """Offered by voice: sent after the commit; where the buyer is no consumer the
        voice binds, and the back office looks at it at once."""
        due = self.filtered("telemarketing_campaign_id.send_quotation")
        if due:
            due.telemarketing_send_due = True
            self.env.ref("telemarketing_base.cron_order_send")._trigger()
        self._telemarketing_to_validate().filtered(
            lambda o: not o.telemarketing_consumer
        ).telemarketing_validation = "waiting"

    def write(self, vals):
        if not self.env.su:
            denied = set(self._life_fields)
            if {"signature", "signed_by", "signed_on"} & set(vals) and any(
                order.telemarketing_campaign_id for order in self.sudo()
            ):
                # Written by the portal only: it proves that the buyer accepted.
                denied |= {"signature", "signed_by", "signed_on"}
            check_fields(self, vals, denied=denied)
            self._check_not_settled(_TERMS & set(vals))
        result = super().write(vals)
        ours = self.sudo().filtered("telemarketing_campaign_id")
        if vals.get("signature"):
            ours.filtered(
                lambda o: o.telemarketing_acceptance in OFFERED
            )._telemarketing_signed()
        if vals.get("state") == "sent":
            ours.filtered(
                lambda o: o.telemarketing_acceptance == "voice"
            ).telemarketing_acceptance = "sent"
        if "telemarketing_delivered_on" in vals:
            ours.filtered(
                lambda o: (
                    o.telemarketing_acceptance == "withdrawal"
                    or (
                        o.telemarketing_acceptance == "firm"
                        and o.telemarketing_withdrawal_until
                    )
                )
            )._telemarketing_open_withdrawal()
        if "telemarketing_acceptance" in vals or "state" in vals:
            self._telemarketing_move_mandates()
        return result

    @api.depends("telemarketing_consumer")
    def _compute_require_signature(self):
        """A consumer signs, whatever the company asks of its other buyers."""
        result = super()._compute_require_signature()
        for order in self:
            if order.telemarketing_consumer:
                order.require_signature = True
        return result

    def _validate_order(self):
        """Accepted in the portal, or by a logged reply: confirmed, unless the back
        office looks at it first."""
        waiting = self._telemarketing_to_validate()
        waiting.sudo().telemarketing_validation = "waiting"
        if self - waiting:
            return super(SaleOrder, self - waiting)._validate_order()
        return None

    def action_confirm(self):
        self._telemarketing_check_acceptance()
        # Sales of a principal are delivered by it: sale_stock moves nothing.
        theirs = self.filtered("telemarketing_principal_id")
        ours, result = self - theirs, True
        if theirs:
            theirs = theirs.with_context(skip_procurement=True)
            result = super(SaleOrder, theirs).action_confirm()
        if ours or not theirs:
            result = super(SaleOrder, ours).action_confirm()
        confirmed = self.filtered(lambda o: o.state == "sale")
        confirmed._telemarketing_make_clients()
        return result

    def _action_cancel(self):
        result = super()._action_cancel()
        ours = self.sudo().filtered("telemarketing_campaign_id")
        ours.filtered(
            lambda o: o.telemarketing_acceptance not in (False, "rejected", "withdrawn")
        )._telemarketing_fall()
        ours._telemarketing_tell_principal()
        ours._telemarketing_review_client()
        return result

    def action_draft(self):
        ours = self.sudo().filtered("telemarketing_campaign_id")
        if ours.filtered(lambda o: o.telemarketing_acceptance == "withdrawn"):
            raise UserError(
                self.env._("The buyer withdrew: what he buys now is a new order.")
            )
        self.check_access("write")
        # In sudo: Odoo takes the signature away, which nobody may do by hand.
        super(SaleOrder, ours).action_draft()
        result = super(SaleOrder, self.browse(set(self.ids) - set(ours.ids)))
        result = result.action_draft()
        ours.filtered("telemarketing_acceptance")._telemarketing_reset()
        return result

    def copy(self, default=None):
        """Offered to the buyer of a campaign once more: by the same rules."""
        copies = super().copy(default)
        for order, copied in zip(self.sudo(), copies.sudo(), strict=True):
            copied._telemarketing_adopt(order.telemarketing_campaign_id)
        return copies

    @api.private
    def _telemarketing_adopt(self, campaign):
        """Made by hand for somebody whom a campaign found: an order of that campaign,
        so that it is accepted, handed over and invoiced by the same rules."""
        if campaign and not self.telemarketing_campaign_id:
            self.write(
                {
                    "telemarketing_campaign_id": campaign.id,
                    "telemarketing_operator_id": self.env.uid,
                    "telemarketing_acceptance": "voice",
                }
            )

    @api.private
    def _telemarketing_check_acceptance(self):
        """A consumer is bound by an offer made by telephone only when it is accepted
        in writing: signed, or its reply logged (TRLGDCU art. 98.6)."""
        for order in self.sudo():
            if order.telemarketing_consumer and order.telemarketing_acceptance in (
                "voice",
                "sent",
            ):
                raise UserError(
                    self.env._(
                        "%(order)s was offered by telephone: it is confirmed when "
                        "%(buyer)s has accepted it in writing. Have it signed in the "
                        "portal, or log the written reply.",
                        order=order.name,
                        buyer=order.partner_id.display_name,
                    )
                )
            if order._telemarketing_to_validate():
                raise UserError(
                    self.env._(
                        "%s waits for the back office: it is confirmed when approved.",
                        order.name,
                    )
                )

    @api.private
    def _telemarketing_make_clients(self):
        """A sale turns a prospect into a client by itself, in the same record."""
        ours = self.sudo().filtered("telemarketing_campaign_id")
        now_sold = ours.filtered(
            lambda o: o.telemarketing_acceptance in (*OFFERED, "accepted")
        )
        now_sold.telemarketing_acceptance = "confirmed"
        now_sold._telemarketing_open_withdrawal()
        prospects = (
            ours.partner_id | self.partner_id.filtered("funnel_stage")
        ).filtered(lambda p: p.funnel_stage != "client")
        prospects.sudo().funnel_stage = "client"

    @api.depends("telemarketing_principal_id")
    def _compute_invoice_status(self):
        handed_over = self.filtered("telemarketing_principal_id")
        handed_over.invoice_status = "no"
        return super(SaleOrder, self - handed_over)._compute_invoice_status()

    def _create_invoices(self, grouped=False, final=False, date=None):
        handed_over = self.filtered("telemarketing_principal_id")
        if handed_over:
            raise UserError(
                self.env._(
                    "%(orders)s are sales of %(principal)s: they are handed over and "
                    "invoiced by them, never by us.",
                    orders=", ".join(handed_over.mapped("name")),
                    principal=", ".join(
                        handed_over.telemarketing_principal_id.mapped("name")
                    ),
                )
            )
        return super()._create_invoices(grouped=grouped, final=final, date=date)


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    telemarketing_campaign_id = fields.Many2one(
        "telemarketing.campaign",
        readonly=True,
        copy=False,
        index="btree_not_null",
    )


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    @api.model_create_multi
    def create(self, vals_list):
        default = self.env.context.get("default_order_id")
        # An invoice on account puts a line of its own on the order.
        ids = {
            vals.get("order_id") or default
            for vals in vals_list
            if not vals.get("is_downpayment")
        }
        orders = self.env["sale.order"].browse(filter(None, ids))
        orders._check_not_settled(_LINE_TERMS)
        return super().create(vals_list)

    def write(self, vals):
        sold = self.filtered(lambda line: not line.is_downpayment)
        sold.order_id._check_not_settled(_LINE_TERMS & set(vals))
        return super().write(vals)

    def unlink(self):
        sold = self.filtered(lambda line: not line.is_downpayment)
        sold.order_id._check_not_settled(_LINE_TERMS)
        return super().unlink()

    def _prepare_invoice_line(self, **optional_values):
        values = super()._prepare_invoice_line(**optional_values)
        if self.order_id.telemarketing_campaign_id:
            values["telemarketing_campaign_id"] = (
                self.order_id.telemarketing_campaign_id.id
            )
        return values


class SaleReport(models.Model):
    _inherit = "sale.report"

    def _where_sale(self):
        """Sales of a principal are its sales, not ours."""
        return f"""{super()._where_sale()}
            AND s.telemarketing_principal_id IS NULL"""
