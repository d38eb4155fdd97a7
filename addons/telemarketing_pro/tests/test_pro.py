from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.telemarketing_base.tests.common import TelemarketingCommon


@tagged("post_install", "-at_install")
class TestPro(TelemarketingCommon):
    def test_a_company_of_pro_runs_one_campaign_and_is_told_why(self):
        self.env["telemarketing.campaign"].search([]).action_pause()
        self.company_a.telemarketing_edition = "pro"
        if not self.env["telemarketing.feature"]._lowest_edition("campaigns_parallel"):
            self.skipTest("no installed edition reserves several campaigns")
        self.campaign_a.action_start()
        with self.assertRaisesRegex(UserError, "second running campaign needs") as no:
            self.campaign_own.action_start()
        self.assertIn(self.company_a.name, str(no.exception))
        self.assertIn("PRO", str(no.exception))
        # One after the other is what PRO is for.
        self.campaign_a.action_pause()
        self.campaign_own.action_start()
        self.assertEqual(self.campaign_own.state, "running")

    def test_pro_reserves_nothing_of_what_it_has(self):
        self.company_a.telemarketing_edition = "pro"
        self.assertTrue(self.company_a._telemarketing_has("desk"))

    def test_a_vanished_option_leaves_no_company_on_it(self):
        self.company_a.telemarketing_edition = "pro"
        self.env.flush_all()
        option = self.env["ir.model.fields.selection"].search(
            [
                ("field_id.model", "=", "res.company"),
                ("field_id.name", "=", "telemarketing_edition"),
                ("value", "=", "pro"),
            ]
        )
        option._process_ondelete()
        self.assertFalse(self.company_a.telemarketing_edition)
