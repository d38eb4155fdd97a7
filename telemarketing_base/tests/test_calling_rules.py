from datetime import date, time
from pathlib import Path

from lxml import etree
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..compliance.facts import Rules
from .common import TelemarketingCommon

NEVER_KINDS = {"never_premium", "never_shared_cost", "never_personal"}


@tagged("post_install", "-at_install")
class TestCallingRules(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rules = cls.env["telemarketing.calling.rules"]._for(cls.company_a)

    def setUp(self):
        super().setUp()
        self.refreshed = []

        def refresh(_self, **scope):
            self.refreshed.append(scope)

        self.patch(self.env.registry["telemarketing.target"], "_refresh_gate", refresh)

    # ONE PER COMPANY

    def test_a_new_company_has_its_rules_from_the_first_day(self):
        company = self.env["res.company"].create({"name": "Nueva"})
        found = self.env["telemarketing.calling.rules"].search(
            [("company_id", "=", company.id)]
        )
        self.assertEqual(len(found), 1)
        self.assertEqual(found._for(company), found)

    def test_rules_that_were_lost_come_back_with_the_safe_defaults(self):
        self.rules.unlink()
        again = self.env["telemarketing.calling.rules"]._for(self.company_a)
        self.assertEqual(again.company_id, self.company_a)
        self.assertEqual(again._kernel(), Rules(cli_400_from=date(2026, 12, 28)))
        self.assertEqual(again, self.env[again._name]._for(self.company_a))

    def test_a_company_never_has_two_sets_of_rules(self):
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
            self.rules.create({"company_id": self.company_a.id})

    def test_the_rules_of_one_company_do_not_reach_another(self):
        self.rules.max_day = 1
        far = self.env["telemarketing.calling.rules"]._for(self.company_b)
        self.assertEqual(far._kernel().max_day, 4)

    # WHAT THE KERNEL IS TOLD

    def test_the_kernel_gets_the_defaults_of_the_law(self):
        self.assertEqual(self.rules._kernel(), Rules(cli_400_from=date(2026, 12, 28)))

    def test_every_setting_that_the_kernel_asks_for_can_be_set(self):
        missing = set(Rules.__dataclass_fields__) - set(self.rules._fields)
        self.assertEqual(missing, {"never_kinds"})

    def test_what_a_manager_sets_is_what_the_kernel_gets_at_once(self):
        self.assertEqual(self.rules._kernel().opens, time(9))
        self.as_user(self.rules, self.manager).write(
            {
                "opens": 10.5,
                "closes": 20.75,
                "last_dial": 0,
                "hours_for": "everyone",
                "unknown_place": "strict",
                "robinson_days": 7,
                "max_total": 30,
                "never_shared_cost": True,
                "never_personal": True,
                "cli_400_from": False,
                "consent_last_day": False,
            }
        )
        self.assertEqual(
            self.rules._kernel(),
            Rules(
                opens=time(10, 30),
                closes=time(20, 45),
                last_dial=None,
                hours_for="everyone",
                unknown_place="strict",
                robinson_days=7,
                max_total=30,
                never_kinds=frozenset({"premium", "shared_cost", "personal"}),
                cli_400_from=None,
                consent_last_day=False,
            ),
        )

    def test_a_minute_typed_on_the_page_is_that_minute(self):
        for minute in range(60):
            with self.subTest(minute=minute):
                self.rules.last_dial = 20 + minute / 60
                self.assertEqual(self.rules._kernel().last_dial, time(20, minute))

    # NARROWER THAN THE LAW, NEVER WIDER

    def test_hours_cannot_be_wider_than_the_law_says(self):
        for values in ({"opens": 8.99}, {"closes": 21.01}, {"opens": 0}):
            with (
                self.subTest(values),
                self.assertRaisesRegex(ValidationError, r"96\.2"),
            ):
                self.rules.write(values)
        self.rules.write({"opens": 9.5, "closes": 20, "last_dial": 19.5})

    def test_hours_that_do_not_follow_each_other_are_refused(self):
        for values in (
            {"opens": 15, "closes": 15, "last_dial": 0},
            {"opens": 16, "closes": 15, "last_dial": 0},
            {"last_dial": 8},
            {"closes": 20},  # the last dial would lie after it
            {"last_dial": -1},
        ):
            with self.subTest(values), self.assertRaises(ValidationError):
                self.rules.write(values)

    def test_old_consent_cannot_be_declared_good(self):
        for years in (0, 3, -1):
            with self.subTest(years), self.assertRaises(ValidationError):
                self.rules.consent_years = years
        self.rules.consent_years = 1

    def test_nobody_is_a_client_or_asked_for_longer_than_a_year(self):
        for values in ({"former_client_months": 13}, {"request_days": 367}):
            with self.subTest(values), self.assertRaises(ValidationError):
                self.rules.write(values)

    def test_a_consultation_holds_a_day_at_least(self):
        with self.assertRaises(ValidationError):
            self.rules.robinson_days = 0

    def test_limits_below_nothing_are_refused(self):
        for name in ("max_day", "max_week", "max_total", "gap_minutes"):
            with (
                self.subTest(name),
                mute_logger("odoo.sql_db"),
                self.assertRaises(IntegrityError),
                self.env.cr.savepoint(),
            ):
                self.rules.write({name: -1})
                self.env.flush_all()

    # A CHANGE COUNTS AT ONCE, AND IS WRITTEN DOWN

    def test_a_changed_rule_is_asked_again_for_the_whole_company(self):
        self.rules.max_day = 2
        self.assertEqual(self.refreshed, [{"companies": self.company_a}])

    def test_a_note_asks_nobody_again(self):
        self.rules.local_holidays_note = "Getafe, by María"
        self.assertEqual(self.refreshed, [])

    def test_who_changed_a_rule_is_written_down(self):
        self.flush_tracking()
        self.as_user(self.rules, self.manager).write({"robinson_days": 15})
        self.flush_tracking()
        tracked = self.rules.message_ids.tracking_value_ids
        found = tracked.filtered(lambda v: v.field_id.name == "robinson_days")
        self.assertEqual((found.old_value_integer, found.new_value_integer), (30, 15))
        self.assertEqual(found.mail_message_id.author_id, self.manager.partner_id)

    def flush_tracking(self):
        self.env.flush_all()
        self.env.cr.precommit.run()

    def test_every_setting_leaves_a_trace(self):
        silent = [
            name
            for name in self.rules._kernel_fields()
            if not getattr(self.rules._fields[name], "tracking", None)
        ]
        self.assertEqual(silent, [])

    # RIGHTS

    def test_only_managers_change_the_rules(self):
        self.as_user(self.rules, self.supervisor_a).read(["opens"])
        with self.assertRaises(AccessError):
            self.as_user(self.rules, self.supervisor_a).write({"max_day": 0})
        with self.assertRaises(AccessError):
            self.as_user(self.rules, self.agent_a).read(["opens"])

    def test_rules_cannot_be_handed_to_another_company(self):
        with self.assertRaises(AccessError):
            self.as_user(self.rules, self.manager).write(
                {"company_id": self.company_b.id}
            )

    def test_an_agent_who_calls_the_page_by_rpc_is_refused(self):
        model = self.env["telemarketing.calling.rules"]
        with self.assertRaises(AccessError):
            self.as_user(model, self.agent_a).action_open_rules()

    # THE PAGE

    def test_the_menu_opens_the_rules_of_the_users_company(self):
        action = self.env.ref("telemarketing_base.action_telemarketing_calling_rules")
        for user, company in (
            (self.supervisor_a, self.company_a),
            (self.supervisor_far, self.company_b),
        ):
            opened = action.with_user(user).with_company(company).run()
            self.assertEqual(self.rules.browse(opened["res_id"]).company_id, company)

    def test_the_page_shows_every_setting_with_its_source(self):
        arch = etree.fromstring(self.rules.get_view(view_type="form")["arch"])
        for name in self.rules._kernel_fields():
            with self.subTest(name):
                self.assertTrue(arch.xpath(f"//field[@name='{name}']"))
                source = arch.xpath(f"//td[@name='source_{name}']")
                self.assertEqual(len(source), 1)
                badge, words = source[0].iterdescendants("span")
                self.assertIn(badge.text, ("Law", "Own policy", "Uncertain in law"))
                self.assertGreater(len(words.text), 20)

    def test_a_manager_can_save_the_page(self):
        with Form(self.as_user(self.rules, self.manager)) as form:
            form.max_day = 3
            form.robinson = "warn"
        self.assertEqual(self.rules._kernel().robinson, "warn")

    def test_the_documentation_names_every_rule_and_its_default(self):
        docs = Path(__file__).parents[2] / "docs" / "compliance.md"
        if not docs.exists():
            self.skipTest("the module stands alone, without the repository's docs")
        text = docs.read_text()
        names = set(Rules.__dataclass_fields__) - {"never_kinds"} | NEVER_KINDS
        self.assertEqual([n for n in sorted(names) if f"`{n}`" not in text], [])

    # SECTORS

    def test_cold_calls_for_electricity_are_banned_from_its_day(self):
        electricity = self.env.ref("telemarketing_base.sector_electricity")
        self.assertEqual(electricity.ban_from, date(2026, 6, 12))
        self.assertTrue(electricity.record_whole)

    def test_a_sector_that_changes_asks_again_for_its_campaigns(self):
        gas = self.env.ref("telemarketing_base.sector_gas")
        self.campaign_a.sector_id = gas
        self.refreshed.clear()
        gas.ban_from = "2027-01-01"
        self.assertEqual(self.refreshed, [{"campaigns": self.campaign_a}])
        gas.name = "Natural Gas"
        self.assertEqual(len(self.refreshed), 1)

    def test_two_sectors_never_share_a_code(self):
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
            self.env["telemarketing.sector"].create({"name": "Gas 2", "code": "gas"})
