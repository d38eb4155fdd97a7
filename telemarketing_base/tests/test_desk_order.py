from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import TelemarketingCommon

IBAN = "ES9121000418450200051332"
CARD = "4111 1111 1111 1111"


class DeskOrderCommon(TelemarketingCommon):
    """Agent A has Ana of our own campaign on the desk, who may buy fibre."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tax = cls.env["account.tax"].create(
            {
                "name": "VAT 21",
                "amount": 21,
                "price_include_override": "tax_excluded",
                "company_id": cls.company_a.id,
                "country_id": cls.company_a.account_fiscal_country_id.id,
            }
        )
        cls.fibre, cls.mobile = cls.env["product.product"].create(
            [
                {
                    "name": name,
                    "list_price": price,
                    "type": "service",
                    "taxes_id": [Command.set(cls.tax.ids)],
                }
                for name, price in (("Fibre", 30), ("Mobile line", 10))
            ]
        )
        Article = cls.env["telemarketing.campaign.article"]
        cls.article, cls.listed = Article.create(
            [
                {
                    "campaign_id": cls.campaign_own.id,
                    "product_id": cls.fibre.id,
                    "price_unit": 25,
                    "discount": 10,
                },
                {
                    "campaign_id": cls.campaign_own.id,
                    "product_id": cls.mobile.id,
                    "from_list": True,
                },
            ]
        )
        cls.foreign = Article.create(
            {"campaign_id": cls.campaign_a.id, "product_id": cls.fibre.id}
        )
        cls.campaign_own.pricelist_id = cls.env["product.pricelist"].create(
            {
                "name": "Campaign",
                "company_id": cls.company_a.id,
                "item_ids": [
                    Command.create(
                        {
                            "applied_on": "0_product_variant",
                            "product_id": cls.mobile.id,
                            "min_quantity": least,
                            "compute_price": "fixed",
                            "fixed_price": price,
                        }
                    )
                    for least, price in ((0, 8), (3, 6))
                ],
            }
        )
        Payment = cls.env["telemarketing.order.payment"]
        cls.debit, cls.link, cls.transfer = Payment.create(
            [
                {"name": kind, "kind": kind, "company_id": cls.company_a.id}
                for kind in ("mandate", "card_link", "transfer")
            ]
        )
        cls.sale = cls.create_disposition(
            "Sale", kind="none", outcome="useful", qualifies=True, needs_order=True
        )
        cls.plain = cls.create_disposition("No interest", kind="none")

    def setUp(self):
        super().setUp()
        self.ana = self.create_contact(
            "Ana",
            "612000001",
            self.database_own,
            street="Calle Mayor 1",
            zip="46001",
            city="València",
        )
        self.target = self.ana.target_ids
        self.seat, self.token = self.open_desk(self.agent_a, self.campaign_own)
        call = self.seat.get_next(self.token)["call"]
        self.assertEqual(call["target"]["id"], self.target.id)
        self.uuid = "uuid-of-the-order"
        self.seat.dial(self.token, self.uuid, self.target.id, call["phones"][0]["id"])

    def close(self, **order):
        lines = [{"article_id": self.article.id, "quantity": 1}]
        return self.seat.close_and_get_next(
            self.token,
            self.uuid,
            self.target.id,
            self.sale.id,
            {"notes": "Sold", "order": {"lines": lines, **order}},
            next=False,
        )

    def sold(self, **order):
        closed = self.close(**order)["closed"]
        self.assertFalse(closed["todo"])
        return self.env["sale.order"].browse(closed["order"]["id"])

    def price(self, *lines, codes=None):
        return self.seat.price_order(
            self.token,
            self.target.id,
            [{"article_id": a.id, "quantity": n} for a, n in lines],
            codes,
        )


@tagged("post_install", "-at_install")
class TestDeskOrder(DeskOrderCommon):
    # PRICE

    def test_the_buyer_is_told_the_price_of_the_order_taxes_and_all(self):
        told = self.price((self.article, 2), (self.listed, 3))
        self.assertAlmostEqual(told["untaxed"], 2 * 25 * 0.9 + 3 * 6)
        self.assertAlmostEqual(told["total"], 63 * 1.21)
        fibre, mobile = told["lines"]
        self.assertEqual((fibre["price_unit"], fibre["discount"]), (25, 10))
        self.assertEqual(mobile["price_unit"], 6)
        self.assertEqual(told["taxes"], [{"name": "VAT 21", "amount": 13.23}])
        order = self.sold(
            lines=[
                {"article_id": self.article.id, "quantity": 2},
                {"article_id": self.listed.id, "quantity": 3},
            ]
        )
        self.assertAlmostEqual(order.amount_total, told["total"])
        self.assertEqual(order.pricelist_id, self.campaign_own.pricelist_id)

    def test_fewer_of_them_cost_what_the_list_says_of_fewer(self):
        self.assertEqual(self.price((self.listed, 1))["lines"][0]["price_unit"], 8)

    def test_asking_a_price_leaves_nothing_behind(self):
        sequence = self.env["ir.sequence"].search([("code", "=", "sale.order")])
        before = (
            self.env["sale.order"].search_count([]),
            self.env["res.partner"].search_count([]),
            sequence.mapped("number_next_actual"),
        )
        self.price((self.article, 1))
        after = (
            self.env["sale.order"].search_count([]),
            self.env["res.partner"].search_count([]),
            sequence.mapped("number_next_actual"),
        )
        self.assertEqual(before, after)
        self.assertFalse(self.ana.partner_id)

    def test_only_the_person_on_the_desk_is_priced_and_only_by_agents(self):
        other = self.create_contact("Berta", "612000002", self.database_own)
        lines = [{"article_id": self.article.id, "quantity": 1}]
        with self.assertRaisesRegex(UserError, "no longer on your desk"):
            self.seat.price_order(self.token, other.target_ids.id, lines)
        with self.assertRaises(AccessError):
            self.desk(self.salesperson).price_order(self.token, self.target.id, lines)

    def test_wrong_lines_are_refused_with_a_sentence_wherever_they_come(self):
        ours = self.article.id
        for lines in (
            [{"article_id": self.foreign.id, "quantity": 1}],
            [{"article_id": ours, "quantity": -1}],
            [{"article_id": ours, "quantity": 0}],
            [{"article_id": ours, "quantity": 1e9}],
            [{"article_id": ours, "quantity": float("nan")}],
            [{"article_id": ours, "quantity": float("inf")}],
            [{"article_id": ours, "quantity": True}],
            [{"article_id": ours, "quantity": "2"}],
            [{"article_id": [ours], "quantity": 1}],
            ["line"],
            "lines",
            [{"article_id": ours, "quantity": 1}] * 101,
        ):
            with self.subTest(lines=str(lines)[:60]):
                with self.assertRaises(UserError):
                    self.seat.price_order(self.token, self.target.id, lines)
                with self.assertRaises(UserError):
                    self.close(lines=lines)
        self.assertNotEqual(self.target.interaction_id.state, "done")

    def test_parts_of_an_order_of_the_wrong_type_are_refused(self):
        self.campaign_own.order_payment_ids = self.debit
        for order in (
            {"payment": [self.debit.id]},
            {"payment": self.debit.id, "iban": {"a": 1}},
            {"payment": self.debit.id, "iban": [IBAN]},
            {"payment": self.debit.id, "iban": 9121},
            {"payment": self.debit.id, "iban": IBAN, "holder": ["x"]},
            {"payment": self.debit.id, "iban": IBAN, "holder": "x" * 71},
            {"payment": self.debit.id, "iban": IBAN, "delivery": "home"},
            {"payment": self.debit.id, "iban": IBAN, "delivery": {"note": "x" * 501}},
            {"payment": self.debit.id, "iban": IBAN, "codes": "CODE"},
            {"payment": self.debit.id, "iban": IBAN, "codes": ["a"] * 6},
        ):
            with self.subTest(order=str(order)), self.assertRaises(UserError):
                self.close(**order)

    # CONDITIONS

    def test_a_sale_whose_conditions_were_not_read_is_refused_or_noted(self):
        self.article.conditions = "Twelve months of permanence"
        self.campaign_own.require_legal_lines = True
        with self.assertRaisesRegex(UserError, "Read these conditions"):
            self.close(conditions_read=True)
        old = self.article._conditions_key()
        self.article.conditions = "Twenty-four months of permanence"
        with self.assertRaisesRegex(UserError, "Read these conditions"):
            self.close(conditions_read=[old])
        self.campaign_own.require_legal_lines = False
        closed = self.close(conditions_read=[old])["closed"]
        self.assertIn("nobody ticked", closed["todo"][0])
        self.assertTrue(closed["order"])

    def test_the_conditions_that_were_read_stay_with_the_order(self):
        self.article.conditions = "Twelve months of permanence"
        order = self.sold(conditions_read=[self.article._conditions_key()])
        self.article.conditions = "None"
        self.assertIn("Twelve months", order.telemarketing_conditions)

    # DELIVERY

    def test_who_was_not_reached_or_wants_nothing_orders_nothing(self):
        lines = {"lines": [{"article_id": self.article.id, "quantity": 1}]}
        for result in (
            self.create_disposition("Nobody there", kind="redial_same"),
            self.create_disposition("Never again", kind="exclude", outcome="contact"),
        ):
            with (
                self.subTest(result.name),
                self.assertRaisesRegex(UserError, "does not go with an order"),
            ):
                self.seat.close_and_get_next(
                    self.token, self.uuid, self.target.id, result.id, {"order": lines}
                )
        self.assertFalse(
            self.env["sale.order"].search([("partner_id.name", "=", "Ana")])
        )

    def test_it_is_delivered_where_the_buyer_says_to_an_address_of_its_own(self):
        order = self.sold(
            delivery={
                "name": "Neighbour",
                "street": "Calle Menor 2",
                "zip": "28001",
                "city": "Madrid",
                "note": "Second floor",
            }
        )
        address = order.partner_shipping_id
        self.assertEqual(address.type, "delivery")
        self.assertEqual(address.parent_id, self.ana.partner_id)
        self.assertEqual(address.state_id.code, "M")
        self.assertEqual(order.telemarketing_delivery_note, "Second floor")
        given = {"street": "Calle Menor 2", "street2": "", "zip": "28001"}
        interaction = order.telemarketing_interaction_id
        again = interaction._delivery_address(
            {**given, "name": "Neighbour", "city": "Madrid"}
        )
        self.assertEqual(again, address)

    def test_half_an_address_is_refused(self):
        for delivery in ({"street": "Calle"}, {"street": "C", "city": "M", "zip": "1"}):
            with self.subTest(delivery=delivery), self.assertRaises(UserError):
                self.close(delivery=delivery)

    # PAYMENT

    def test_an_order_says_how_it_is_paid_by_a_way_of_its_campaign(self):
        self.campaign_own.order_payment_ids = self.transfer
        for payment in (False, self.debit.id, "transfer"):
            with self.subTest(payment), self.assertRaisesRegex(UserError, "how it is"):
                self.close(payment=payment)
        order = self.sold(payment=self.transfer.id)
        self.assertEqual(order.telemarketing_payment_id, self.transfer)
        self.assertFalse(order.telemarketing_payment_link)

    def test_a_card_is_paid_by_odoos_link_and_never_typed(self):
        self.campaign_own.order_payment_ids = self.link
        order = self.sold(payment=self.link.id)
        self.assertTrue(order.require_payment)
        link = order.telemarketing_payment_link
        self.assertIn(f"access_token={order.access_token}", link)
        # Odoo's page asks for no signature where it is told an amount.
        self.assertNotIn("payment_amount", link)
        self.assertTrue(order._has_to_be_signed())

    def test_the_sales_of_a_client_company_are_not_charged_by_our_link(self):
        with self.assertRaisesRegex(ValidationError, "not ours to charge"):
            self.campaign_a.order_payment_ids = self.link

    def test_a_card_number_is_refused_wherever_it_is_typed(self):
        self.campaign_own.order_payment_ids = self.debit
        paid = {"payment": self.debit.id, "iban": IBAN}
        for order in (
            {**paid, "iban": CARD},
            {**paid, "holder": CARD},
            {**paid, "delivery": {"note": f"pays with {CARD}"}},
            {**paid, "delivery": {"street": CARD, "city": "Madrid"}},
            {**paid, "codes": [CARD]},
        ):
            with self.subTest(order), self.assertRaisesRegex(UserError, "••••1111"):
                self.close(**order)
        with self.assertRaisesRegex(UserError, "Take out the card number ••••1111"):
            self.seat.save_notes(
                self.token, self.uuid, self.target.id, f"Likes fibre. {CARD}"
            )
        with self.assertRaisesRegex(UserError, "PCI DSS"):
            self.seat.close_and_get_next(
                self.token, self.uuid, self.target.id, self.plain.id, {"notes": CARD}
            )
        with self.assertRaisesRegex(UserError, "PCI DSS"):
            self.target.interaction_id.notes = CARD
        self.seat.save_notes(self.token, self.uuid, self.target.id, f"IBAN {IBAN}, 34")

    def test_the_campaigns_own_mail_goes_with_its_quotation(self):
        order = self.sold()
        usual = order._find_mail_template()
        own = usual.copy({"name": "Fibre offer"})
        self.campaign_own.quote_mail_template_id = own
        self.assertEqual(order._find_mail_template(), own)
        order.telemarketing_acceptance = "accepted"
        order.action_confirm()
        self.assertNotEqual(order._find_mail_template(), own)

    def test_a_person_may_have_what_we_know_of_her_order(self):
        self.campaign_own.order_payment_ids = self.debit
        order = self.sold(
            payment=self.debit.id, iban=IBAN, delivery={"note": "Second floor"}
        )
        dossier = self.env["telemarketing.privacy.dossier"]
        row = dossier.with_user(self.manager)._order_row(order)
        self.assertEqual(row["delivery_note"], "Second floor")
        self.assertEqual(row["mandates"][0]["account"], IBAN)
        row = dossier.with_user(self.supervisor_a)._order_row(order)
        self.assertNotIn("0418", str(row))

    def test_a_price_list_of_another_currency_is_refused(self):
        other = self.env["res.currency"].with_context(active_test=False)
        other = other.search([("id", "!=", self.company_a.currency_id.id)], limit=1)
        other.active = True
        with self.assertRaisesRegex(ValidationError, "another currency"):
            self.campaign_own.pricelist_id = self.env["product.pricelist"].create(
                {"name": "Other", "currency_id": other.id}
            )


@tagged("post_install", "-at_install")
class TestMandate(DeskOrderCommon):
    def setUp(self):
        super().setUp()
        self.campaign_own.order_payment_ids = self.debit

    def order(self):
        return self.sold(
            payment=self.debit.id, iban="es91 2100-0418 4502 0005 1332", holder="Ana R"
        )

    def test_a_sale_by_direct_debit_leaves_a_mandate_with_its_evidence(self):
        order = self.order()
        mandate = order.telemarketing_mandate_ids
        self.assertEqual(mandate.iban, IBAN)
        self.assertEqual(mandate.state, "draft")
        self.assertEqual(mandate.creditor_id, self.company_a.partner_id)
        self.assertEqual(mandate.interaction_id, order.telemarketing_interaction_id)
        self.assertIn(self.uuid, mandate.evidence)
        self.assertLessEqual(len(mandate.reference), 35)
        self.assertEqual(mandate.holder, "Ana R")

    def test_wrong_ibans_are_refused_saying_what_is_wrong_and_not_the_number(self):
        for iban, why in (
            ("", "missing"),
            ("ES9121000418450200051333", "wrong"),
            ("ES912100041845020005133", "too many or too few"),
            ("12345678", "two letters"),
            ("IL620108000000099999999", "SEPA"),
        ):
            with self.subTest(iban), self.assertRaisesRegex(UserError, why) as refused:
                self.close(payment=self.debit.id, iban=iban)
            if iban:
                self.assertNotIn(iban, str(refused.exception))

    def test_it_is_active_once_accepted_and_the_account_is_the_persons(self):
        order = self.order()
        self.assertFalse(order.partner_id.bank_ids)
        order.telemarketing_acceptance = "accepted"
        mandate = order.telemarketing_mandate_ids
        self.assertEqual(mandate.state, "active")
        bank = order.partner_id.bank_ids
        self.assertEqual(bank.sanitized_acc_number, IBAN)
        order.action_confirm()
        self.assertEqual(order.partner_id.bank_ids, bank)

    def test_it_is_cancelled_with_its_order(self):
        order = self.order()
        order._action_cancel()
        self.assertEqual(order.telemarketing_mandate_ids.state, "cancelled")

    def test_it_falls_and_comes_back_with_its_order_unless_it_was_revoked(self):
        order = self.order()
        mandate = order.telemarketing_mandate_ids
        order.telemarketing_acceptance = "accepted"
        bank = order.partner_id.bank_ids
        order._action_cancel()
        self.assertEqual(mandate.state, "cancelled")
        self.assertFalse(bank.active)
        order.action_draft()
        self.assertEqual(mandate.state, "draft")
        order.telemarketing_acceptance = "accepted"
        self.assertEqual(mandate.state, "active")
        self.assertTrue(bank.active)
        self.as_user(mandate, self.manager).action_cancel()
        self.assertFalse(bank.active)
        order._action_cancel()
        order.action_draft()
        self.assertEqual(mandate.state, "cancelled")

    def test_an_order_of_nothing_is_refused(self):
        for quantity in (1e-9, 0.0001):
            with self.subTest(quantity), self.assertRaisesRegex(UserError, "how many"):
                self.price((self.article, quantity))

    def test_the_whole_account_is_seen_by_who_charges_it_alone(self):
        mandate = self.order().telemarketing_mandate_ids
        with self.assertRaises(AccessError):
            self.as_user(mandate, self.agent_a).read(["iban_masked"])
        seen = self.as_user(mandate, self.supervisor_a)
        self.assertEqual(
            seen.read(["iban_masked"])[0]["iban_masked"],
            "ES91 •••• •••• •••• •••• 1332",
        )
        with self.assertRaises(AccessError):
            seen.read(["iban"])
        with self.assertRaises(AccessError):
            seen.search([("iban", "=like", "ES91%")])
        clerk = self._create_user("clerk", "account.group_account_invoice")
        for user in (self.manager, clerk):
            self.assertEqual(self.as_user(mandate, user).iban, IBAN)

    def test_no_supervisor_reads_it_from_the_buyers_bank_accounts(self):
        order = self.order()
        order.telemarketing_acceptance = "accepted"
        bank = order.partner_id.bank_ids
        plain = self._create_user("plain", "base.group_user")
        office = self._create_user("office", "back_office")
        for user in (self.agent_a, self.supervisor_a, self.salesperson, office, plain):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.as_user(bank, user).read(["acc_number"])

    def test_the_account_stands_in_no_message_note_or_to_do(self):
        order = self.order()
        order.telemarketing_acceptance = "accepted"
        self.env.flush_all()
        messages = self.env["mail.message"].search(
            ["|", ("body", "ilike", "0418"), ("body", "ilike", IBAN)]
        )
        self.assertFalse(messages)
        self.assertNotIn("0418", order.telemarketing_interaction_id.notes or "")

    def test_nobody_writes_or_deletes_one_and_a_manager_alone_cancels(self):
        mandate = self.order().telemarketing_mandate_ids
        for user in (self.supervisor_a, self.manager):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.as_user(mandate, user).write({"holder": "Other"})
        with self.assertRaisesRegex(UserError, "manager"):
            self.as_user(mandate, self.supervisor_a).action_cancel()
        self.as_user(mandate, self.manager).action_cancel()
        self.assertEqual(mandate.state, "cancelled")
        with self.assertRaisesRegex(UserError, "not deleted"):
            mandate.unlink()

    def test_an_erased_buyer_leaves_no_account_in_the_mandate(self):
        order = self.order()
        mandate = order.telemarketing_mandate_ids
        self.env["telemarketing.privacy.eraser"]._empty_partners(
            order.partner_id, order.opportunity_id
        )
        mandate.invalidate_recordset()
        self.assertFalse(mandate.iban)
        self.assertFalse(mandate.holder)
        self.assertEqual(mandate.state, "cancelled")
