from odoo.tests import TransactionCase, tagged


@tagged("post_install", "-at_install", "telemarketing_demo")
class TestDialerDemo(TransactionCase):
    """The demonstration dials from the first minute. Asks nothing where the demo is
    not loaded."""

    def setUp(self):
        super().setUp()
        self.server = self.env.ref(
            "telemarketing_dialer.demo_server", raise_if_not_found=False
        )
        if not self.server:
            self.skipTest("no demo data here")

    def test_there_is_somebody_to_dial_in_each_mode(self):
        targets, modes = self.env["telemarketing.target"], {}
        for campaign in self.server.campaign_ids:
            self.assertEqual(campaign.state, "running")
            self.assertTrue(campaign.agent_ids)
            modes[campaign.dialing_mode] = targets.search_count(
                [("campaign_id", "=", campaign.id), ("state", "=", "ready")]
            )
        self.assertLessEqual({"predictive", "progressive"}, set(modes))
        self.assertGreater(min(modes.values()), 200)

    def test_the_played_network_answers_about_one_number_in_four(self):
        """docs/telephone.md: the last two digits say it."""
        contacts = self.server.campaign_ids.mapped("database_ids.contact_ids")
        numbers = contacts.phone_ids.mapped("number_id.e164")
        answered = sum(int(number[-2:]) < 25 for number in numbers)
        self.assertAlmostEqual(answered / len(numbers), 0.25, delta=0.06)

    def test_loading_it_again_changes_nothing(self):
        before = self.env["telemarketing.campaign"].search_count([])
        self.assertFalse(self.env["telemarketing.demo"]._load_dialer())
        after = self.env["telemarketing.campaign"].search_count([])
        self.assertEqual(after, before)
