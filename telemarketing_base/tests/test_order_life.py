import base64
import io
from datetime import date, datetime, timedelta

from freezegun import freeze_time
from python_calamine import CalamineWorkbook

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from .common import TelemarketingCommon

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)


class OrderLifeCommon(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.campaign_own.buyer_is_consumer = True
        cls.office = cls._create_user("office", "back_office")
        cls.campaign_own.back_office_ids = cls.office
        cls.campaign_a.back_office_ids = cls.office
        cls.service, cls.goods = cls.env["product.product"].create(
            [
                {"name": "Fibra", "type": "service", "list_price": 30},
                {"name": "Router", "type": "consu", "list_price": 50},
            ]
        )

    @classmethod
    def sell(cls, campaign=None, product=None, **values):
        """An order as a call leaves it, of its own buyer."""
        campaign = campaign or cls.campaign_own
        buyer = cls.env["res.partner"].create(
            {
                "name": "=Carmen",
                "email": "carmen@example.com",
                "funnel_stage": "prospect",
                "telemarketing_principal_id": campaign.principal_id.id,
                **values.pop("buyer", {}),
            }
        )
        return cls.env["sale.order"].create(
            {
                "partner_id": buyer.id,
                "company_id": campaign.company_id.id,
                "telemarketing_campaign_id": campaign.id,
                "telemarketing_operator_id": cls.agent_a.id,
                "telemarketing_acceptance": "voice",
                "order_line": [
                    Command.create({"product_id": (product or cls.service).id})
                ],
                **values,
            }
        )

    def reply(self, order, user=None, **values):
        wizard = self.as_user(
            self.env["telemarketing.order.reply"], user or self.supervisor_a
        )
        return wizard.create(
            {"order_id": order.id, "text": "I accept", **values}
        ).action_confirm()


@tagged("post_install", "-at_install")
class TestOrderLife(OrderLifeCommon):
    def test_the_offer_is_sent_after_the_call_and_says_so(self):
        order = self.sell()
        self.assertTrue(order.telemarketing_send_due)
        order._cron_telemarketing_send()
        self.assertEqual(order.telemarketing_acceptance, "sent")
        self.assertEqual(order.state, "sent")
        self.assertFalse(order.telemarketing_send_due)
        self.assertIn(order.partner_id, order.message_ids.notified_partner_ids)

    def test_without_a_mail_address_somebody_is_told(self):
        order = self.sell(buyer={"email": False})
        order._cron_telemarketing_send()
        self.assertEqual(order.telemarketing_acceptance, "voice")
        self.assertIn("no mail address", str(order.activity_ids.note))
        self.assertEqual(order.activity_ids.user_id, self.supervisor_a)

    def test_a_campaign_that_sends_nothing_sends_nothing(self):
        self.campaign_own.send_quotation = False
        self.assertFalse(self.sell().telemarketing_send_due)

    def test_a_consumer_is_not_bound_by_the_voice(self):
        order = self.sell()
        with self.assertRaisesRegex(UserError, "in writing"):
            order.action_confirm()

    def test_a_written_reply_confirms_and_keeps_its_proof(self):
        order = self.sell()
        proof = base64.b64encode(b"Vale")
        self.reply(order, file=proof, filename="sms.txt", channel="sms")
        self.assertEqual(order.state, "sale")
        self.assertEqual(order.telemarketing_accepted_by, "reply")
        self.assertEqual(order.telemarketing_acceptance_text, "I accept")
        self.assertEqual(order.telemarketing_acceptance_file, proof)
        self.assertEqual(order.partner_id.funnel_stage, "client")

    def test_a_reply_without_proof_or_from_the_future_is_refused(self):
        order = self.sell()
        with self.assertRaisesRegex(UserError, "the proof"):
            self.reply(order, text=" ")
        with self.assertRaisesRegex(UserError, "future"):
            self.reply(order, date=self.now(days=1))

    def test_nobody_sets_proof_or_state_by_hand(self):
        order = self.sell()
        for values in (
            {"telemarketing_acceptance": "accepted"},
            {"telemarketing_validation": "approved"},
            {"signed_by": "Carmen"},
            {"signature": PIXEL},
            {"telemarketing_withdrawal_until": "2020-01-01"},
        ):
            with self.subTest(values=values), self.assertRaises(AccessError):
                self.as_user(order, self.manager).write(values)

    def test_the_back_office_lets_through_what_was_accepted(self):
        self.campaign_own.validate_orders = True
        order = self.sell()
        self.reply(order)
        self.assertEqual(order.telemarketing_validation, "waiting")
        self.assertNotEqual(order.state, "sale")
        with self.assertRaisesRegex(UserError, "back office"):
            order.action_confirm()
        self.as_user(order, self.office).action_telemarketing_approve()
        self.assertEqual(order.state, "sale")
        self.assertEqual(order.telemarketing_validated_by_id, self.office)
        self.assertTrue(order.telemarketing_validated_on)

    def test_what_is_rejected_goes_back_with_its_reason(self):
        self.campaign_own.validate_orders = True
        order = self.sell()
        self.reply(order)
        reason = self.env.ref("telemarketing_base.order_rejection_data")
        self.as_user(self.env["telemarketing.order.reject"], self.office).create(
            {"order_id": order.id, "reason_id": reason.id, "note": "NIF"}
        ).action_confirm()
        self.assertEqual(order.state, "cancel")
        self.assertEqual(order.telemarketing_acceptance, "rejected")
        self.assertEqual(order.telemarketing_rejection_reason_id, reason)
        self.assertEqual(order.activity_ids.user_id, self.supervisor_a)
        self.assertIn("NIF", str(order.activity_ids.note))

    def test_salespeople_agents_and_strangers_do_not_validate(self):
        self.campaign_own.validate_orders = True
        order = self.sell(user_id=self.salesperson.id)
        self.reply(order)
        stranger = self._create_user(
            "office_far", "back_office", company=self.company_b
        )
        for user in (self.salesperson, self.agent_a, stranger, self.plain_user):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.as_user(order, user).action_telemarketing_approve()

    def test_the_back_office_meets_a_principal_by_its_campaigns_only(self):
        of_a, of_b = self.sell(self.campaign_a), self.sell(self.campaign_b)
        found = self.as_user(self.env["sale.order"], self.office).search(
            [("id", "in", (of_a | of_b).ids)]
        )
        self.assertEqual(found, of_a)

    def test_a_service_is_open_fourteen_days_from_its_conclusion(self):
        with freeze_time(datetime(2026, 11, 22, 12)):
            order = self.sell()
            order._telemarketing_take_acceptance({})
            order.action_confirm()
            self.assertEqual(order.telemarketing_acceptance, "withdrawal")
            self.assertEqual(order.telemarketing_withdrawal_until, date(2026, 12, 6))
        with freeze_time(datetime(2026, 12, 6, 22)):
            order._cron_telemarketing_firm()
            self.assertEqual(order.telemarketing_acceptance, "withdrawal")
        with freeze_time(datetime(2026, 12, 7, 0)):
            order._cron_telemarketing_firm()
            self.assertEqual(order.telemarketing_acceptance, "firm")

    def test_goods_are_open_from_their_delivery(self):
        order = self.sell(product=self.goods)
        self.reply(order)
        self.assertEqual(order.telemarketing_acceptance, "withdrawal")
        self.assertFalse(order.telemarketing_withdrawal_until)
        order._cron_telemarketing_firm()
        self.assertEqual(order.telemarketing_acceptance, "withdrawal")
        with freeze_time(self.now(days=9)):
            delivered = self.now(days=-2).date()
            order.telemarketing_delivered_on = delivered
        self.assertEqual(
            order.telemarketing_withdrawal_until, delivered + timedelta(days=14)
        )

    def withdraw(self, order, **values):
        self.as_user(self.env["telemarketing.order.withdraw"], self.office).create(
            {"order_id": order.id, "text": "No longer", **values}
        ).action_confirm()

    def test_who_withdraws_is_out_and_a_prospect_again(self):
        order = self.sell()
        self.reply(order)
        self.withdraw(order)
        self.assertEqual(order.state, "cancel")
        self.assertEqual(order.telemarketing_acceptance, "withdrawn")
        self.assertEqual(order.partner_id.funnel_stage, "prospect")
        with self.assertRaisesRegex(UserError, "new order"):
            order.action_draft()

    def test_after_the_last_day_it_is_not_a_withdrawal(self):
        order = self.sell()
        self.reply(order)
        order.telemarketing_withdrawal_until = self.now(days=-1).date()
        with self.assertRaisesRegex(UserError, "was open until"):
            self.withdraw(order)


@tagged("post_install", "-at_install")
class TestHandOver(OrderLifeCommon):
    def hand_over(self, orders, user=None, **values):
        wizard = self.as_user(
            self.env["telemarketing.order.handover"], user or self.office
        ).create({"order_ids": [Command.set(orders.ids)], **values})
        wizard.action_confirm()
        return CalamineWorkbook.from_filelike(io.BytesIO(base64.b64decode(wizard.file)))

    def sold(self, campaign=None):
        order = self.sell(campaign or self.campaign_a)
        order._telemarketing_take_acceptance({})
        order.action_confirm()
        return order

    def test_a_sale_is_marked_and_its_file_runs_no_formula(self):
        order = self.sold()
        sheet = self.hand_over(order).get_sheet_by_index(0).to_python()
        self.assertTrue(order.telemarketing_handed_over_on)
        self.assertEqual(order.telemarketing_handed_over_by_id, self.office)
        self.assertIn("=Carmen", sheet[1])
        self.assertIn("carmen@example.com", sheet[1])
        sheet = self.hand_over(order, with_contact=False)
        sheet = sheet.get_sheet_by_index(0).to_python()
        self.assertNotIn("carmen@example.com", sheet[1])

    def test_our_own_offers_and_two_principals_at_once_are_refused(self):
        offered = self.sell(self.campaign_a)
        for orders in (self.sold(self.campaign_own), offered):
            with self.subTest(orders=orders), self.assertRaises(UserError):
                self.hand_over(orders)
        with self.assertRaisesRegex(UserError, "One client company"):
            self.hand_over(self.sold() | self.sold(self.campaign_b), self.manager)

    def test_strangers_ids_are_refused(self):
        with self.assertRaises(AccessError):
            self.hand_over(self.sold(self.campaign_b))
        with self.assertRaises(AccessError):
            self.hand_over(self.sold(), self.salesperson)

    def test_sales_of_a_principal_are_not_in_our_sales_figures(self):
        theirs, ours = self.sold(), self.sold(self.campaign_own)
        self.env.flush_all()
        lines = self.env["sale.report"].search(
            [("name", "in", [theirs.name, ours.name])]
        )
        self.assertEqual(set(lines.mapped("name")), {ours.name})


@tagged("post_install", "-at_install")
class TestSellOnTheRoad(OrderLifeCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.article, cls.foreign = cls.env["telemarketing.campaign.article"].create(
            [
                {
                    "campaign_id": campaign.id,
                    "product_id": cls.service.id,
                    "price_unit": 25,
                }
                for campaign in (cls.campaign_own, cls.campaign_b)
            ]
        )
        cls.buyer = cls.env["res.partner"].create(
            {"name": "Pepa", "email": "pepa@example.com", "funnel_stage": "prospect"}
        )

    def offer(self, user=None, article=None, **values):
        Make = self.as_user(
            self.env["telemarketing.order.make"], user or self.salesperson
        )
        return Make.create(
            {
                "partner_id": self.buyer.id,
                "campaign_id": self.campaign_own.id,
                "line_ids": [
                    Command.create(
                        {"article_id": (article or self.article).id, "quantity": 2}
                    )
                ],
                **values,
            }
        )

    def test_a_salesperson_makes_an_offer_of_the_campaign_by_telephone(self):
        action = self.offer().action_confirm()
        order = self.env["sale.order"].browse(action["res_id"])
        self.assertEqual(order.telemarketing_campaign_id, self.campaign_own)
        self.assertEqual(order.telemarketing_operator_id, self.salesperson)
        self.assertEqual(order.telemarketing_acceptance, "voice")
        self.assertEqual(order.amount_untaxed, 50)
        self.as_user(order, self.salesperson).check_access("write")

    def test_the_only_campaign_comes_by_itself_and_no_other_principals(self):
        make = self.as_user(self.env["telemarketing.order.make"], self.salesperson)
        wizard = make.new({"partner_id": self.buyer.id})
        self.assertEqual(wizard.campaign_ids._origin, self.campaign_own)
        self.assertEqual(wizard.campaign_id._origin, self.campaign_own)

    def test_another_principals_campaign_or_article_is_refused(self):
        with self.assertRaisesRegex(UserError, "cannot be sold to"):
            self.offer(campaign_id=self.campaign_a.id).action_confirm()
        with self.assertRaises(AccessError):
            self.offer(campaign_id=self.campaign_b.id).action_confirm()
        with self.assertRaises(UserError):
            self.offer(self.supervisor_a, self.foreign).action_confirm()

    def test_agents_sell_on_the_desk_only(self):
        with self.assertRaises(AccessError):
            self.offer(self.agent_a).action_confirm()


@tagged("post_install", "-at_install")
class TestOrderPortal(OrderLifeCommon, HttpCase):
    def handed(self, campaign):
        order = self.sell(campaign)
        order._telemarketing_take_acceptance({})
        order.action_confirm()
        order._telemarketing_hand_over(self.manager)
        return order

    def test_the_principals_contact_sees_its_sales_and_no_others(self):
        of_a, of_b = self.handed(self.campaign_a), self.handed(self.campaign_b)
        waiting = self.sell(self.campaign_a)
        self.portal_a.password = "portal_a_password"
        self.authenticate(self.portal_a.login, "portal_a_password")
        page = self.url_open("/my/telemarketing/sales")
        self.assertEqual(page.status_code, 200)
        self.assertIn(of_a.name, page.text)
        self.assertNotIn(of_b.name, page.text)
        self.assertNotIn(waiting.name, page.text)
        own = f"/my/telemarketing/sales/{self.campaign_a.id}"
        self.assertIn(of_a.name, self.url_open(own).text)
        for campaign in (self.campaign_b, self.campaign_own, self.campaign_far):
            url = f"/my/telemarketing/sales/{campaign.id}"
            self.assertEqual(self.url_open(url).status_code, 404)
            self.assertEqual(self.url_open(f"{url}/file").status_code, 404)
        answer = self.url_open("/my/telemarketing/sales/file")
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
        rows = sheet.get_sheet_by_index(0).to_python()
        self.assertEqual([row[0] for row in rows[1:]], [of_a.name])
        self.assertIn("downloaded 1", str(self.campaign_a.message_ids[0].body))

    def test_nobody_else_opens_the_page(self):
        self.handed(self.campaign_a)
        other = self._create_user("portal_other", "base.group_portal")
        other.password = "portal_other_password"
        self.authenticate(other.login, "portal_other_password")
        answer = self.url_open("/my/telemarketing/sales/file")
        self.assertEqual(answer.status_code, 404)
        self.agent_a.password = "agent_a_password"
        self.authenticate(self.agent_a.login, "agent_a_password")
        answer = self.url_open("/my/telemarketing/sales")
        self.assertEqual(answer.status_code, 404)

    def test_a_signature_in_the_portal_is_kept_with_who_when_and_from_where(self):
        order = self.sell()
        self.assertTrue(order.require_signature)
        token = order._portal_ensure_token()
        self.authenticate(None, None)
        answer = self.make_jsonrpc_request(
            f"/my/orders/{order.id}/accept",
            {"access_token": token, "name": "Carmen", "signature": PIXEL},
        )
        self.assertTrue(answer.get("force_refresh"), answer)
        order.invalidate_recordset()
        self.assertEqual(order.state, "sale")
        self.assertEqual(order.telemarketing_acceptance, "withdrawal")
        self.assertEqual(order.telemarketing_accepted_by, "portal")
        self.assertTrue(order.telemarketing_accepted_on)
        self.assertEqual(order.telemarketing_accepted_ip, "127.0.0.1")
        self.assertIn("Carmen", order.telemarketing_acceptance_text)

    def test_a_signed_order_waits_for_the_back_office_where_it_validates(self):
        self.campaign_own.validate_orders = True
        order = self.sell()
        token = order._portal_ensure_token()
        self.authenticate(None, None)
        self.make_jsonrpc_request(
            f"/my/orders/{order.id}/accept",
            {"access_token": token, "name": "Carmen", "signature": PIXEL},
        )
        order.invalidate_recordset()
        self.assertEqual(order.telemarketing_acceptance, "accepted")
        self.assertEqual(order.telemarketing_validation, "waiting")
        self.assertNotEqual(order.state, "sale")
