from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.telemarketing_base.tests.common import TelemarketingCommon


@tagged("post_install", "-at_install")
class TestAdv(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["telemarketing.campaign"].search([]).action_pause()

    def test_adv_runs_campaigns_in_parallel_and_pro_does_not(self):
        self.company_a.telemarketing_edition = "pro"
        self.campaign_a.action_start()
        with self.assertRaisesRegex(UserError, "needs the edition ADV"):
            self.campaign_own.action_start()
        self.company_a.telemarketing_edition = "adv"
        self.campaign_own.action_start()
        self.assertEqual(
            (self.campaign_a | self.campaign_own).mapped("state"), ["running"] * 2
        )

    def test_moving_down_leaves_what_runs_and_stops_the_next(self):
        self.company_a.telemarketing_edition = "adv"
        (self.campaign_a | self.campaign_own).action_start()
        self.company_a.telemarketing_edition = "pro"
        self.assertEqual(
            (self.campaign_a | self.campaign_own).mapped("state"), ["running"] * 2
        )
        with self.assertRaises(UserError):
            self.campaign_other.action_start()
        self.campaign_own.action_pause()
        with self.assertRaises(UserError):
            self.campaign_own.action_start()

    def test_companies_have_editions_of_their_own(self):
        self.company_a.telemarketing_edition = "pro"
        self.company_b.telemarketing_edition = "adv"
        self.campaign_a.action_start()
        # Company B's first and second, while A runs one.
        self.campaign_far.action_start()
        second = self._create_campaign(
            "Second of B",
            self.company_b,
            self.env["res.partner"],
            self.supervisor_far,
            self.agent_far,
        )
        self.assertEqual(second.state, "running")
        with self.assertRaises(UserError):
            self.campaign_own.action_start()

    def test_features_of_adv(self):
        keys = ("import_watch", "campaigns_parallel", "planning_auto", "dialer")
        for code, expected in (("pro", False), ("adv", True)):
            self.company_a.telemarketing_edition = code
            for key in (*keys, "commission"):
                self.assertEqual(self.company_a._telemarketing_has(key), expected, key)

    def test_modules_that_are_not_there_yet_are_skipped(self):
        edition = self.env.ref("telemarketing_adv.edition_adv")
        self.assertIn("telemarketing_dialer", edition.module_names)
        there = self.env["ir.module.module"].search(
            [("name", "in", edition.module_names.split(","))]
        )
        missing = edition._install_missing()
        self.assertLessEqual(missing, there)
