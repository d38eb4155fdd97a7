from odoo.tests import tagged

from odoo.addons.telemarketing_base.tests.common import TelemarketingCommon


@tagged("post_install", "-at_install")
class TestElite(TelemarketingCommon):
    def test_each_edition_has_those_below(self):
        reserved = {
            "pro": (),
            "adv": ("campaigns_parallel", "dialer", "commission"),
            "elite": (
                "campaigns_parallel",
                "dialer",
                "commission",
                "budget",
                "billing",
            ),
        }
        for code, features in reserved.items():
            self.company_a.telemarketing_edition = code
            for key in reserved["elite"]:
                self.assertEqual(
                    self.company_a._telemarketing_has(key),
                    key in features,
                    f"{key} in {code}",
                )

    def test_a_company_made_later_has_no_edition_until_one_is_chosen(self):
        company = self.env["res.company"].create({"name": "Newcomer"})
        self.assertFalse(company.telemarketing_edition)
        self.assertFalse(company._telemarketing_has("billing"))
        company.telemarketing_edition = "elite"
        self.assertTrue(company._telemarketing_has("billing"))
