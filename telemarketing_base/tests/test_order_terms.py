import base64
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .test_order_life import PIXEL, OrderLifeCommon


@tagged("post_install", "-at_install")
class TestOrderTerms(OrderLifeCommon):
    """What the buyer accepted stays what was accepted, and nothing binds before."""

    def withdraw(self, order, **values):
        self.as_user(self.env["telemarketing.order.withdraw"], self.office).create(
            {"order_id": order.id, **values}
        ).action_confirm()

    def sold(self, **values):
        order = self.sell(user_id=self.salesperson.id, **values)
        self.reply(order)
        return order

    def pay(self, order):
        """The buyer paid the whole by card."""
        provider = self.env["payment.provider"].create(
            {"name": "Card", "company_id": order.company_id.id, "state": "disabled"}
        )
        transaction = self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": self.env.ref("payment.payment_method_card").id,
                "reference": f"T{order.id}",
                "amount": order.amount_total,
                "currency_id": order.currency_id.id,
                "partner_id": order.partner_id.id,
                "sale_order_ids": [Command.set(order.ids)],
                "state": "done",
            }
        )
        return transaction._check_amount_and_confirm_order()

    def unpaid(self, **values):
        return self.sell(
            require_payment=True,
            prepayment_percent=1.0,
            user_id=self.salesperson.id,
            **values,
        )

    # THE WITHDRAWAL

    def test_withdrawal_sent_in_time_and_opened_late_counts(self):
        order = self.sold()
        until = order.telemarketing_withdrawal_until
        with freeze_time(self.now() + timedelta(days=17)):
            order._cron_telemarketing_firm()
            self.assertEqual(order.telemarketing_acceptance, "firm")
            with self.assertRaisesRegex(UserError, "was open until"):
                self.withdraw(order, date=until + timedelta(days=1))
            self.withdraw(order, date=until)
        self.assertEqual(order.telemarketing_acceptance, "withdrawn")

    def test_a_sale_without_withdrawal_has_none_when_firm(self):
        self.campaign_own.withdrawal_days = 0
        order = self.sold()
        order._cron_telemarketing_firm()
        self.assertEqual(order.telemarketing_acceptance, "firm")
        with self.assertRaisesRegex(UserError, "no withdrawal"):
            self.withdraw(order)

    def test_withdrawn_while_it_waits_leaves_nothing_to_validate(self):
        self.campaign_own.validate_orders = True
        order = self.sold()
        self.assertEqual(order.telemarketing_validation, "waiting")
        self.withdraw(order)
        self.assertEqual(order.telemarketing_validation, "none")
        reason = self.env.ref("telemarketing_base.order_rejection_data")
        with self.assertRaisesRegex(UserError, "not waiting"):
            self.as_user(self.env["telemarketing.order.reject"], self.office).create(
                {"order_id": order.id, "reason_id": reason.id}
            ).action_confirm()
        self.assertEqual(order.telemarketing_acceptance, "withdrawn")

    def test_delivery_shortens_no_withdrawal(self):
        order = self.sold(product=self.goods)
        for day in (self.now(days=-3), self.now(days=3)):
            with self.assertRaisesRegex(ValidationError, "cannot have been delivered"):
                order.telemarketing_delivered_on = day.date()
        with freeze_time(self.now() + timedelta(days=20)):
            order.telemarketing_delivered_on = self.now(days=-18).date()
            order._cron_telemarketing_firm()
            self.assertEqual(order.telemarketing_acceptance, "firm")
            # It was written down wrong: the days run again.
            order.telemarketing_delivered_on = self.now(days=-2).date()
            self.assertEqual(order.telemarketing_acceptance, "withdrawal")

    def test_nobody_withdraws_before_the_sale(self):
        order = self.sold()
        with self.assertRaisesRegex(UserError, "before having accepted"):
            self.withdraw(order, date=self.now(days=-2).date())

    def test_approved_late_leaves_the_whole_period(self):
        self.campaign_own.validate_orders = True
        order = self.sold()
        with freeze_time(self.now() + timedelta(days=20)):
            self.as_user(order, self.office).action_telemarketing_approve()
            order._cron_telemarketing_firm()
            self.assertEqual(order.telemarketing_acceptance, "withdrawal")
            self.assertEqual(
                order.telemarketing_withdrawal_until,
                order._telemarketing_today() + timedelta(days=14),
            )

    def test_a_campaign_changed_later_takes_no_right_away(self):
        order = self.sell()
        self.campaign_own.write({"buyer_is_consumer": False, "withdrawal_days": 0})
        with self.assertRaisesRegex(UserError, "in writing"):
            order.action_confirm()
        self.reply(order)
        self.assertEqual(order.telemarketing_acceptance, "withdrawal")

    # THE TERMS

    def test_accepted_terms_change_for_nobody(self):
        for validated in (True, False):
            self.campaign_own.validate_orders = validated
            order = self.sold()
            mine = self.as_user(order, self.salesperson)
            more = Command.create({"product_id": self.goods.id, "price_unit": 1})
            line = mine.order_line
            for change in (
                lambda line=line: line.write({"price_unit": 999}),
                lambda line=line: line.write({"product_uom_qty": 9}),
                lambda line=line: line.unlink(),
                lambda mine=mine: mine.write({"partner_id": self.office.partner_id.id}),
                lambda mine=mine, more=more: mine.write({"order_line": [more]}),
            ):
                with self.assertRaisesRegex(UserError, "accepted .* as it is"):
                    change()
            self.assertEqual(order.amount_untaxed, 30)
            mine.order_line.write({"qty_delivered": 1})

    def test_what_is_only_offered_may_change(self):
        order = self.sell(user_id=self.salesperson.id)
        self.as_user(order.order_line, self.salesperson).write({"price_unit": 20})
        self.assertEqual(order.amount_untaxed, 20)

    def test_offered_again_keeps_the_proof_in_the_history_only(self):
        order = self.sell(user_id=self.salesperson.id)
        self.reply(order, file=base64.b64encode(b"Yes"), filename="sms.txt")
        mine = self.as_user(order, self.salesperson)
        order._action_cancel()
        self.assertEqual(order.telemarketing_acceptance, "rejected")
        mine.action_draft()
        self.assertEqual(order.state, "draft")
        self.assertEqual(order.telemarketing_acceptance, "voice")
        self.assertFalse(order.telemarketing_acceptance_text)
        self.assertFalse(order.telemarketing_acceptance_file)
        kept = order.message_ids.filtered(lambda m: "I accept" in m.body)
        self.assertEqual(kept.attachment_ids.raw, b"Yes")
        with self.assertRaisesRegex(UserError, "in writing"):
            mine.action_confirm()
        with self.assertRaises(AccessError):
            mine.write({"signature": False})

    def test_handed_over_and_cancelled_is_told_and_may_be_sold_anew(self):
        order = self.sell(self.campaign_a)
        order._telemarketing_take_acceptance({})
        order.action_confirm()
        order._telemarketing_hand_over(self.manager)
        order._action_cancel()
        self.assertIn("stands no more", str(order.activity_ids.mapped("note")))
        order.action_draft()
        self.assertFalse(order.telemarketing_handed_over_on)

    # WHO AND WHAT BINDS

    def test_nobody_validates_his_own_sale(self):
        self.campaign_own.validate_orders = True
        order = self.sold(telemarketing_operator_id=self.office.id)
        with self.assertRaisesRegex(UserError, "somebody else"):
            self.as_user(order, self.office).action_telemarketing_approve()

    def test_paid_and_unsigned_waits_for_the_signature(self):
        order = self.unpaid()
        self.assertFalse(self.pay(order))
        self.assertNotEqual(order.state, "sale")
        self.assertIn("has not accepted it in writing", str(order.activity_ids.note))
        self.reply(order)
        self.assertEqual(order.state, "sale")

    def test_signed_and_paid_waits_for_the_back_office(self):
        self.campaign_own.validate_orders = True
        order = self.unpaid()
        order.write({"signature": PIXEL, "signed_by": "Carmen"})
        self.assertFalse(self.pay(order))
        self.assertEqual(order.telemarketing_validation, "waiting")
        self.as_user(order, self.office).action_telemarketing_approve()
        self.assertEqual(order.state, "sale")

    def test_signed_and_paid_is_confirmed(self):
        order = self.unpaid()
        order.write({"signature": PIXEL, "signed_by": "Carmen"})
        self.assertEqual(self.pay(order), order)
        self.assertEqual(order.telemarketing_acceptance, "withdrawal")

    def test_the_link_to_pay_asks_for_the_signature_first(self):
        way = self.env["telemarketing.order.payment"].create(
            {"name": "Card", "kind": "card_link", "company_id": self.company_a.id}
        )
        order = self.unpaid(telemarketing_payment_id=way.id, state="sent")
        self.assertNotIn("payment_amount", order.telemarketing_payment_link)
        order.write({"signature": PIXEL, "signed_by": "Carmen"})
        order.invalidate_recordset(["telemarketing_payment_link"])
        self.assertIn("amount", order.telemarketing_payment_link)

    def test_made_by_hand_for_somebody_of_a_client_company(self):
        buyer = self.env["res.partner"].create(
            {
                "name": "Carmen",
                "telemarketing_principal_id": self.campaign_a.principal_id.id,
            }
        )
        lead = self.env["crm.lead"].create(
            {
                "name": "Fibre",
                "type": "opportunity",
                "partner_id": buyer.id,
                "telemarketing_campaign_id": self.campaign_a.id,
            }
        )
        action = self.as_user(lead, self.manager).action_new_quotation()
        orders = self.as_user(self.env["sale.order"], self.manager)
        order = orders.with_context(**action["context"]).create(
            {"order_line": [Command.create({"product_id": self.service.id})]}
        )
        copied = order.copy()
        for each in (order.sudo(), copied.sudo()):
            self.assertEqual(each.telemarketing_campaign_id, self.campaign_a)
            self.assertEqual(each.telemarketing_acceptance, "voice")
            self.assertFalse(each.telemarketing_send_due)
            each._telemarketing_take_acceptance({})
            each.action_confirm()
            self.assertEqual(each.invoice_status, "no")

    def test_offer_is_sent_in_the_buyers_language(self):
        self.env["res.lang"]._activate_lang("es_ES")
        module = self.env["ir.module.module"].search(
            [("name", "in", ["sale", "telemarketing_base"])]
        )
        module._update_translations(["es_ES"])
        order = self.sell(buyer={"lang": "es_ES"})
        order._cron_telemarketing_send()
        self.assertEqual(order.state, "sent")
        sent = order.message_ids.filtered("notified_partner_ids")[:1]
        self.assertEqual(sent.subject, f"{self.company_a.name}: su oferta {order.name}")
        self.assertTrue(sent.attachment_ids)
        self.assertIn("por escrito", sent.body)

    def test_proof_with_a_card_number_is_refused(self):
        order = self.sell()
        with self.assertRaisesRegex(UserError, "card number"):
            self.reply(order, text="Charge 4111 1111 1111 1111")

    def test_where_things_are_sent_is_erased_with_the_person(self):
        order = self.sell()
        person = order.partner_id
        address = self.env["res.partner"].create(
            {"name": "Her sister", "street": "Calle Secreta 9", "type": "delivery"}
            | {"parent_id": person.id}
        )
        people = self.env["telemarketing.privacy"]._people(
            self.env["telemarketing.privacy"]._key(email="carmen@example.com"),
            self.company_a,
        )[1]
        self.assertIn(address, people)
        self.env["telemarketing.privacy.eraser"]._empty_partners(
            person, self.env["crm.lead"]
        )
        address.invalidate_recordset()
        self.assertFalse(address.street)
        self.assertNotIn("sister", address.name)

    def test_one_bad_order_does_not_keep_the_others_unsent(self):
        bad = self.sell(buyer={"email": False})
        good = self.sell()
        with (
            patch.object(
                type(bad), "_telemarketing_todo", side_effect=ValueError("broken")
            ),
            self.assertLogs("odoo.addons.telemarketing_base.models.order_life"),
        ):
            (bad | good)._cron_telemarketing_send()
        self.assertEqual(good.telemarketing_acceptance, "sent")
        self.assertTrue(bad.telemarketing_send_due)
        bad._cron_telemarketing_send()
        self.assertFalse(bad.telemarketing_send_due)
        self.assertIn("no mail address", str(bad.activity_ids.note))
