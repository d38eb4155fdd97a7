from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.telemarketing_base.tests.test_desk_order import DeskOrderCommon


@tagged("post_install", "-at_install")
class TestLoyalty(DeskOrderCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["loyalty.program"].search([]).active = False

    def program(self, code="", percent=10, **values):
        return self.env["loyalty.program"].create(
            {
                "name": f"{percent} % off",
                "program_type": "promo_code" if code else "promotion",
                "trigger": "with_code" if code else "auto",
                "applies_on": "current",
                "company_id": self.company_a.id,
                "rule_ids": [
                    Command.create({"mode": "with_code", "code": code} if code else {})
                ],
                "reward_ids": [
                    Command.create(
                        {
                            "reward_type": "discount",
                            "discount": percent,
                            "discount_mode": "percent",
                            "discount_applicability": "order",
                        }
                    )
                ],
                **values,
            }
        )

    def test_a_promotion_is_in_the_price_told_and_in_the_quotation(self):
        self.program()
        told = self.price((self.article, 2))
        self.assertAlmostEqual(told["total"], 2 * 25 * 0.9 * 0.9 * 1.21, 1)
        self.assertEqual(len(told["offers"]), 1)
        order = self.sold(lines=[{"article_id": self.article.id, "quantity": 2}])
        self.assertAlmostEqual(order.amount_total, told["total"])
        self.assertTrue(order.order_line.reward_id)

    def test_a_code_counts_when_the_buyer_gives_it_and_is_asked_for(self):
        campaign = self.seat.choose_campaign(self.token, self.campaign_own.id)
        self.assertFalse(campaign["campaign"]["order_codes"])
        self.program("SPRING", 20)
        campaign = self.seat.choose_campaign(self.token, self.campaign_own.id)
        self.assertTrue(campaign["campaign"]["order_codes"])
        whole = self.price((self.article, 1))["total"]
        told = self.price((self.article, 1), codes=["SPRING"])
        self.assertAlmostEqual(told["total"], whole * 0.8, 1)
        self.assertFalse(told["notices"])
        order = self.sold(codes=["SPRING"])
        self.assertAlmostEqual(order.amount_total, told["total"])

    def test_a_wrong_code_is_said_and_the_order_is_made_all_the_same(self):
        self.assertTrue(self.price((self.article, 1), codes=["NOPE"])["notices"])
        closed = self.close(codes=["NOPE"])["closed"]
        self.assertTrue(closed["order"])
        self.assertIn("NOPE", closed["todo"][0])

    def test_nobodys_gift_card_is_spent_in_a_call(self):
        program = self.env["loyalty.program"].create(
            self.env["loyalty.program"]._get_template_values()["gift_card"]
            | {"name": "Gift", "program_type": "gift_card"}
        )
        card = self.env["loyalty.card"].create({"program_id": program.id, "points": 50})
        told = self.price((self.article, 1), codes=[card.code])
        self.assertIn("way to pay", told["notices"][0])
        self.assertFalse(told["offers"])

    def test_asking_a_price_uses_no_promotion_up(self):
        program = self.program("ONCE", 20, limit_usage=True, max_usage=1)
        for _time in range(2):
            told = self.price((self.article, 1), codes=["ONCE"])
            self.assertFalse(told["notices"])
        self.assertFalse(program.total_order_count)
        self.assertFalse(program.coupon_ids)

    def test_our_promotions_are_not_given_away_in_a_client_companys_name(self):
        program = self.program()
        pricelist = self.campaign_own.pricelist_id
        self.campaign_a.pricelist_id = pricelist
        order = self.env["sale.order"].create(
            {
                "partner_id": self.env["res.partner"].create({"name": "Buyer"}).id,
                "telemarketing_campaign_id": self.campaign_a.id,
                "pricelist_id": pricelist.id,
                "order_line": [Command.create({"product_id": self.fibre.id})],
            }
        )
        order._telemarketing_apply_offers([])
        self.assertFalse(order.order_line.reward_id)
        program.pricelist_ids = pricelist
        order._telemarketing_apply_offers([])
        self.assertTrue(order.order_line.reward_id)
