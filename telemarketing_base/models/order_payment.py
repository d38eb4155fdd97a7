from odoo import fields, models

KINDS = [
    ("mandate", "Direct debit: IBAN and mandate"),
    ("card_link", "Card, by a link sent to the buyer"),
    ("transfer", "Transfer"),
    ("cash", "Cash on delivery"),
    ("none", "Nothing to pay now"),
]


class TelemarketingOrderPayment(models.Model):
    """A way to pay that agents may offer; each campaign chooses which."""

    _name = "telemarketing.order.payment"
    _description = "Way to Pay an Order"
    _order = "sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True
    )
    kind = fields.Selection(
        KINDS,
        required=True,
        default="transfer",
        help="A card's number is never taken at the desk: the buyer types it on the "
        "page that the link opens.",
    )
    payment_method_id = fields.Many2one(
        "account.payment.method.line",
        check_company=True,
        domain="[('payment_type', '=', 'inbound')]",
        groups="telemarketing_base.group_supervisor",
        help="Put on the order, for who invoices it.",
    )
