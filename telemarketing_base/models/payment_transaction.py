from odoo import models


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    def _check_amount_and_confirm_order(self):
        """What was sold by telephone is not confirmed by being paid."""
        held = self.browse()
        for transaction in self:
            order = transaction.sale_order_ids
            if (
                len(order) == 1
                and order.state in ("draft", "sent")
                and order._is_confirmation_amount_reached()
                and order._telemarketing_hold_paid()
            ):
                held |= transaction
        return super(PaymentTransaction, self - held)._check_amount_and_confirm_order()
