from odoo import api, fields, models
from odoo.exceptions import UserError


class SaleOrder(models.Model):
    _name = "sale.order"
    _inherit = ["sale.order", "telemarketing.origin.mixin"]

    telemarketing_acceptance = fields.Selection(
        [
            ("voice", "Offered by voice"),
            ("sent", "Offer sent"),
            ("accepted", "Accepted"),
            ("confirmed", "Confirmed"),
            ("withdrawal", "Withdrawal open"),
            ("firm", "Firm"),
        ],
        "Acceptance",
        copy=False,
        tracking=True,
        help="A consumer is bound only by a written acceptance (TRLGDCU art. 98.6).",
    )

    def action_confirm(self):
        self._telemarketing_check_acceptance()
        result = super().action_confirm()
        confirmed = self.filtered(lambda o: o.state == "sale")
        confirmed._telemarketing_make_clients()
        return result

    @api.private
    def _telemarketing_check_acceptance(self):
        """A consumer is bound by an offer made by telephone only when it is accepted
        in writing: signed, or its reply logged (TRLGDCU art. 98.6)."""
        for order in self:
            if (
                order.telemarketing_campaign_id.buyer_is_consumer
                and order.telemarketing_acceptance in ("voice", "sent")
                and not order.signed_by
            ):
                raise UserError(
                    self.env._(
                        "%(order)s was offered by telephone: it is confirmed when "
                        "%(buyer)s has accepted it in writing. Have it signed in the "
                        "portal, or set its acceptance to Accepted once the written "
                        "reply is there.",
                        order=order.name,
                        buyer=order.partner_id.display_name,
                    )
                )

    @api.private
    def _telemarketing_make_clients(self):
        """A sale turns a prospect into a client by itself, in the same record."""
        ours = self.filtered("telemarketing_campaign_id")
        ours.filtered(
            lambda o: o.telemarketing_acceptance in (False, "voice", "sent", "accepted")
        ).telemarketing_acceptance = "confirmed"
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

    def _prepare_invoice_line(self, **optional_values):
        values = super()._prepare_invoice_line(**optional_values)
        if self.order_id.telemarketing_campaign_id:
            values["telemarketing_campaign_id"] = (
                self.order_id.telemarketing_campaign_id.id
            )
        return values
