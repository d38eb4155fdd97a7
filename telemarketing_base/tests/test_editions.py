from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import TelemarketingCommon


@tagged("post_install", "-at_install")
class TestEditions(TelemarketingCommon):
    """What an edition has and has not, whichever edition modules are installed."""

    def _editions(self, *codes):
        """Editions of the test's own; those of installed modules go."""
        Edition = self.env["telemarketing.edition"]
        Edition.search([]).unlink()
        editions = Edition.create(
            [
                {"name": code.upper(), "code": code, "sequence": 10 * place}
                for place, code in enumerate(codes, 1)
            ]
        )
        field = self.env["res.company"]._fields["telemarketing_edition"]
        options = [(edition.code, edition.name) for edition in editions]
        self.patch(field, "selection", options)
        self.patch(field, "_selection", dict(options))
        return editions

    def _give(self, company, code):
        """Past the ORM's own check of the options, which are this test's."""
        company.telemarketing_edition = code
        self.env.flush_all()

    def test_without_edition_modules_everything_is_there(self):
        self._editions()
        company = self.company_a
        for feature in ("campaigns_parallel", "dialer", "billing", "unheard_of"):
            self.assertTrue(company._telemarketing_has(feature))
            self.assertIsNone(company._telemarketing_require(feature, "It"))
        # Two running campaigns of the company stand in the fixtures.
        self.assertGreater(
            self.env["telemarketing.campaign"].search_count(
                [("company_id", "=", company.id), ("state", "=", "running")]
            ),
            1,
        )

    def test_an_edition_has_its_features_and_those_below(self):
        low, middle, high = self._editions("t_low", "t_mid", "t_high")
        self.env["telemarketing.feature"].create(
            [
                {"key": "t_basic", "name": "Basic", "edition_id": low.id},
                {"key": "t_plus", "name": "Plus", "edition_id": middle.id},
                {"key": "t_top", "name": "Top", "edition_id": high.id},
            ]
        )
        expected = {
            False: "",
            "t_low": "t_basic",
            "t_mid": "t_basic t_plus",
            "t_high": "t_basic t_plus t_top",
        }
        for code, features in expected.items():
            self._give(self.company_a, code)
            for feature in ("t_basic", "t_plus", "t_top"):
                with self.subTest(edition=code, feature=feature):
                    self.assertEqual(
                        self.company_a._telemarketing_has(feature),
                        feature in features.split(),
                    )
            # What no edition names is everybody's.
            self.assertTrue(self.company_a._telemarketing_has("t_unheard_of"))

    def test_each_company_has_its_own_edition(self):
        low, high = self._editions("t_low", "t_high")
        self.env["telemarketing.feature"].create(
            {"key": "t_top", "name": "Top", "edition_id": high.id}
        )
        self._give(self.company_a, low.code)
        self._give(self.company_b, high.code)
        self.assertFalse(self.company_a._telemarketing_has("t_top"))
        self.assertTrue(self.company_b._telemarketing_has("t_top"))
        # Asked for a company, whoever asks and wherever he stands.
        as_agent = self.company_b.with_user(self.agent_a).with_company(self.company_a)
        self.assertTrue(as_agent._telemarketing_has("t_top"))

    def test_the_refusal_says_what_is_needed_and_where_to_get_it(self):
        low, high = self._editions("t_low", "t_high")
        self.env["telemarketing.feature"].create(
            {"key": "t_top", "name": "Top", "edition_id": high.id}
        )
        self._give(self.company_a, low.code)
        with self.assertRaises(UserError) as refused:
            self.company_a._telemarketing_require("t_top", "The dialer")
        for word in ("The dialer", high.name, self.company_a.name, "settings"):
            self.assertIn(word, str(refused.exception))

    def test_a_second_running_campaign_is_refused_on_every_path(self):
        low, high = self._editions("t_low", "t_high")
        self.env["telemarketing.feature"].search(
            [("key", "=", "campaigns_parallel")]
        ).unlink()
        self.env["telemarketing.feature"].create(
            {"key": "campaigns_parallel", "name": "P", "edition_id": high.id}
        )
        self._give(self.company_a, low.code)
        Campaign = self.env["telemarketing.campaign"].with_user(self.manager)
        draft = Campaign.create({"name": "One more"})
        with self.assertRaisesRegex(UserError, "second running campaign"):
            draft.action_start()
        with self.assertRaisesRegex(UserError, "second running campaign"):
            draft.write({"state": "running"})
        with self.assertRaisesRegex(UserError, "second running campaign"):
            Campaign.create({"name": "And one", "state": "running"})
        # What runs goes on, is paused and resumed alone; another company's is not ours.
        running = Campaign.search([("state", "=", "running")])
        running.action_pause()
        draft.action_start()
        with self.assertRaisesRegex(UserError, "second running campaign"):
            running[:1].action_start()
        self._give(self.company_a, high.code)
        running[:1].action_start()
        self.assertEqual((draft | running[:1]).mapped("state"), ["running"] * 2)

    def test_moving_down_closes_nothing_and_deletes_nothing(self):
        low, high = self._editions("t_low", "t_high")
        self.env["telemarketing.feature"].search(
            [("key", "=", "campaigns_parallel")]
        ).unlink()
        self.env["telemarketing.feature"].create(
            {"key": "campaigns_parallel", "name": "P", "edition_id": high.id}
        )
        self._give(self.company_a, high.code)
        before = self.env["telemarketing.campaign"].search([("state", "=", "running")])
        self._give(self.company_a, low.code)
        after = self.env["telemarketing.campaign"].search([("state", "=", "running")])
        self.assertEqual(before, after)
        before[0].name = "Renamed while running"

    def test_what_an_edition_names_and_is_not_there_is_skipped(self):
        (edition,) = self._editions("t_low")
        edition.module_names = "telemarketing_not_written_yet, , telemarketing_base"
        self.assertFalse(edition._install_missing())
        self._give(self.company_a, edition.code)
        self.assertEqual(self.company_a.telemarketing_edition, edition.code)

    def test_an_edition_module_gives_itself_to_companies_that_have_none(self):
        low, high = self._editions("t_low", "t_high")
        self._give(self.company_a, False)
        self._give(self.company_b, high.code)
        low._give_to_companies("telemarketing_base")
        self.assertEqual(self.company_a.telemarketing_edition, low.code)
        self.assertEqual(self.company_b.telemarketing_edition, high.code)
        # A higher one leaves what a company has: that is the administrator's choice.
        high._give_to_companies("telemarketing_base")
        self.assertEqual(self.company_a.telemarketing_edition, low.code)
