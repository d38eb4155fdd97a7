import base64
from datetime import date, datetime
from unittest.mock import patch

from lxml import etree

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from ..models.script_legal import REQUIREMENTS
from .common import TelemarketingCommon

NOW = datetime(2026, 11, 23, 10, 0)


@tagged("post_install", "-at_install")
class TestReadiness(TelemarketingCommon):
    """What is said before a campaign starts, instead of after the fine."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.script = cls.env["telemarketing.script"].create(
            {
                "name": "All said",
                "legal_line_ids": [
                    Command.create({"requirement": key, "text": label})
                    for key, label in REQUIREMENTS
                ],
            }
        )
        cls.ready = cls.env["telemarketing.campaign"].create(
            {
                "name": "Ready",
                "company_id": cls.company_a.id,
                "supervisor_ids": [Command.set(cls.supervisor_a.ids)],
                "script_ids": [Command.set(cls.script.ids)],
                "caller_number": "+34900123456",
            }
        )
        cls.base = cls._create_database(cls.ready, "Base uno")
        cls.person = cls.create_contact("Ana", "600100200", cls.base)

    def setUp(self):
        super().setUp()
        self.startPatcher(
            patch.object(
                self.env.registry["telemarketing.clock"], "_now", lambda _self: NOW
            )
        )

    def found(self, severity=None):
        self.env.invalidate_all()
        return {
            finding["code"]
            for finding in self.ready._compliance_findings()
            if severity in (None, finding["severity"])
        }

    def assertBlocks(self, code):
        self.assertEqual(self.found("blocks"), {code})
        with self.assertRaisesRegex(UserError, "nobody in it could be called"):
            self.ready.action_start()
        self.assertEqual(self.ready.state, "draft")

    def assertWarns(self, code):
        self.assertIn(code, self.found("warns"))
        self.assertEqual(self.found("blocks"), set())
        action = self.ready.action_start()
        self.assertEqual(self.ready.state, "running")
        self.assertEqual(action["params"]["type"], "warning")

    def basis(self, basis, **values):
        self.base.write({"legal_basis": basis, **values})

    def another(self, **values):
        base = self._create_database(self.ready, "Base dos", **values)
        self.create_contact("Luis", "600100201", base)
        return base

    def test_a_campaign_in_order_starts_without_a_word(self):
        self.assertEqual(self.ready._compliance_findings(), [])
        self.assertIs(self.ready.action_start(), True)

    def test_people_whom_nobody_may_call_do_not_start(self):
        self.basis(False, basis_date=False, basis_source=False)
        self.assertBlocks("no_basis")

    def test_one_good_database_is_enough_to_start(self):
        self.another(legal_basis=False, basis_date=False, basis_source=False)
        self.assertWarns("no_basis")

    def test_the_database_at_fault_is_named(self):
        self.another(legal_basis=False, basis_date=False, basis_source=False)
        (finding,) = self.ready._compliance_findings()
        self.assertTrue(finding["text"].startswith("Base dos: "))

    def test_one_person_with_a_basis_of_their_own_is_enough_to_start(self):
        self.basis(False, basis_date=False, basis_source=False)
        self.person.write({"legal_basis": "request", "basis_date": "2026-11-01"})
        self.assertWarns("no_basis")

    def test_a_database_that_is_off_or_empty_stops_nobody(self):
        bad = {"legal_basis": False, "basis_date": False, "basis_source": False}
        self.another(**bad).switched_on = False
        self._create_database(self.ready, "Vacía", **bad)
        self.assertEqual(self.found(), set())

    def test_consents_that_are_all_too_old_do_not_start(self):
        self.basis("consent", basis_date="2024-11-22")
        self.assertBlocks("consent_expired")

    def test_a_basis_that_the_campaign_does_not_admit_does_not_start(self):
        self.ready.basis_consent = False
        self.assertBlocks("basis_not_admitted")

    def test_clients_are_not_started_on_another_product(self):
        self.basis("client")
        self.assertBlocks("client_not_similar")
        self.ready.similar_product = True
        self.assertEqual(self.found("blocks"), set())

    def test_clients_of_a_sister_company_are_not_started(self):
        self.basis("client")
        self.ready.write({"similar_product": True, "group_company": True})
        self.assertBlocks("client_group")

    def test_clients_come_with_what_an_inspector_asks_for(self):
        self.basis("client")
        self.ready.similar_product = True
        self.assertWarns("assessment_missing")
        self.assertIn("li_customer", self.found("warns"))
        self.ready.assessment_date = "2026-11-01"
        self.assertIn("assessment_no_file", self.found("warns"))
        self.ready.write(
            {
                "assessment_date": False,
                "assessment_file": base64.b64encode(b"%PDF-1.4"),
            }
        )
        self.assertIn("assessment_no_date", self.found("warns"))
        self.ready.assessment_date = "2026-11-01"
        self.assertFalse([code for code in self.found() if "assessment" in code])

    def test_former_clients_wait_for_the_assessment_itself_not_for_a_date(self):
        self.ready.similar_product = True
        self.basis("client")
        self.person.write({"client_until": "2026-06-01", "interacted_on": "2026-06-01"})
        self.person.phone_ids.number_id.sudo().write(
            {"robinson": "absent", "robinson_at": "2026-11-20"}
        )
        phone = self.person.phone_ids

        def said():
            self.env.invalidate_all()
            answer = self.person.target_ids._may_call_each(phone, NOW)[phone]
            return answer["code"] or answer["answer"]

        self.ready.assessment_date = "2026-11-01"
        self.assertEqual(said(), "client_no_assessment")
        self.ready.assessment_file = base64.b64encode(b"%PDF-1.4")
        self.assertEqual(said(), "allowed")
        self.assertFalse(self.person.target_ids.callable_code)
        self.ready.assessment_file = False
        self.assertEqual(said(), "client_no_assessment")
        self.assertEqual(self.person.target_ids.callable_code, "client_no_assessment")

    def test_an_assessment_that_is_still_to_be_made_is_none(self):
        with self.assertRaisesRegex(ValidationError, "in the future"):
            self.ready.assessment_date = "2026-11-24"
        self.ready.assessment_date = "2026-11-23"

    def test_numbers_nobody_looked_up_in_the_robinson_list_are_told(self):
        self.basis("client")
        self.ready.similar_product = True
        number = self.person.phone_ids.number_id
        self.assertIn("robinson_unchecked", self.found("warns"))
        number.sudo().write({"robinson": "absent", "robinson_at": "2026-10-01"})
        self.assertIn("robinson_unchecked", self.found("warns"))
        number.sudo().robinson_at = "2026-11-20"
        self.assertNotIn("robinson_unchecked", self.found())
        rules = self.env["telemarketing.calling.rules"]._for(self.company_a)
        rules.robinson = "off"
        self.assertIn("robinson_off", self.found("warns"))

    def test_numbers_made_at_random_do_not_start_without_consent(self):
        self.basis("request", origin="generated")
        self.assertBlocks("origin_generated")

    def test_cold_calls_for_electricity_do_not_start(self):
        self.ready.sector_id = self.env.ref("telemarketing_base.sector_electricity")
        self.assertBlocks("sector_ban")
        self.basis("request", basis_date="2026-11-01")
        self.assertWarns("sector_request")
        self.assertIn("record_whole", self.found("warns"))

    def test_electricity_for_a_company_in_the_list_starts(self):
        self.ready.sector_id = self.env.ref("telemarketing_base.sector_electricity")
        self.person.is_company = True
        self.assertWarns("sector_ban")

    def test_a_sector_whose_ban_comes_later_starts(self):
        gas = self.env.ref("telemarketing_base.sector_gas")
        gas.ban_from = date(2027, 6, 1)
        self.ready.sector_id = gas
        self.assertEqual(self.found(), set())

    def test_a_mobile_shown_stops_the_campaign(self):
        self.ready.caller_number = "+34612345678"
        self.assertBlocks("cli_mobile")

    def test_a_mobile_is_a_mobile_however_it_is_written(self):
        for written in ("612 345 678", "0034 612-345-678", "34612345678"):
            with self.subTest(written=written):
                self.ready.caller_number = written
                self.assertEqual(self.ready.caller_number, "+34612345678")
                self.assertEqual(self.found("blocks"), {"cli_mobile"})
        self.assertBlocks("cli_mobile")
        copy = self.ready.copy({"caller_number": "712 345 678"})
        self.assertEqual(copy.caller_number, "+34712345678")

    def test_numbers_that_may_be_shown_are_kept_in_one_form(self):
        for written, kept in (
            ("400 123 456", "+34400123456"),
            ("800-12-34-56", "+34800123456"),
            ("900 123 456", "+34900123456"),
            ("+351 912 345 678", "+351912345678"),
        ):
            with self.subTest(written=written):
                self.ready.caller_number = written
                self.assertEqual(self.ready.caller_number, kept)

    def test_what_is_no_number_to_show_is_refused_and_named(self):
        for written in ("hidden", "61234567", "900123456 / 612345678", "1004"):
            with (
                self.subTest(written=written),
                self.assertRaisesRegex(ValidationError, "Number Shown"),
            ):
                self.ready.caller_number = written
                self.env.flush_all()

    def test_a_short_number_is_for_service_only(self):
        self.ready.write({"call_purpose": "service", "kind": "appointment"})
        self.ready.caller_number = "10 04"
        self.assertEqual(self.ready.caller_number, "1004")
        with self.assertRaisesRegex(ValidationError, "service calls only"):
            self.ready.call_purpose = "commercial"

    def test_a_landline_shown_warns_of_the_day_that_400_is_due(self):
        self.ready.caller_number = "+34912345678"
        self.assertWarns("cli_400_due")

    def test_a_number_that_nobody_wrote_down_is_told(self):
        self.ready.caller_number = False
        self.assertWarns("caller_unknown")

    def test_a_robot_without_anybodys_consent_does_not_start(self):
        self.ready.call_mode = "robot"
        self.assertBlocks("robot")
        self.person.sudo().robot_consented_on = "2026-11-01"
        self.assertEqual(self.found("blocks"), set())

    def test_hours_that_the_law_forbids_altogether_do_not_start(self):
        self.ready.window_ids = [
            Command.create({"weekday": "7", "start": 10, "end": 14})
        ]
        self.assertEqual(len(self.found("blocks")), 1)
        with self.assertRaises(UserError):
            self.ready.action_start()

    def test_lines_that_the_law_wants_said_are_missed(self):
        self.ready.script_ids = False
        (finding,) = self.ready._compliance_findings()
        self.assertEqual(finding["code"], "script_lines")
        self.assertIn("Who calls, and for whom", finding["text"])
        self.assertWarns("script_lines")

    def test_a_service_call_needs_no_basis(self):
        self.ready.write({"call_purpose": "service", "kind": "appointment"})
        self.basis(False, basis_date=False, basis_source=False)
        self.assertEqual(self.found(), {"purpose_service"})
        (finding,) = self.ready._compliance_findings()
        self.assertIn("no order taken", finding["text"])
        self.assertWarns("purpose_service")

    def test_a_survey_is_told_that_it_sells_nothing(self):
        self.ready.write({"call_purpose": "survey", "kind": "survey"})
        self.assertWarns("purpose_survey")

    def test_nobody_sells_under_the_name_of_service_or_of_a_survey(self):
        for purpose, refused in (
            ("service", ("telesales", "telemarketing")),
            ("survey", ("telesales", "telemarketing", "appointment")),
        ):
            for kind in refused:
                with (
                    self.subTest(purpose=purpose, kind=kind),
                    self.assertRaisesRegex(ValidationError, "nothing is offered"),
                ):
                    self.ready.write({"call_purpose": purpose, "kind": kind})
        self.ready.write({"call_purpose": "survey", "kind": "survey"})
        with self.assertRaises(ValidationError):
            self.ready.kind = "telesales"

    def test_a_service_campaign_has_no_articles_by_whatever_way(self):
        product = self.env["product.product"].create({"name": "Fibra"})
        Article = self.env["telemarketing.campaign.article"]
        article = {"campaign_id": self.ready.id, "product_id": product.id}
        service = {"call_purpose": "service", "kind": "appointment"}
        sold = Article.create(article)
        with self.assertRaisesRegex(ValidationError, "cannot sell Fibra"):
            self.ready.write(service)
        sold.active = False
        self.ready.write(service)
        for attempt in (
            lambda: Article.create(article),
            lambda: sold.write({"active": True}),
            lambda: self.ready.write(
                {"article_ids": [Command.create({"product_id": product.id})]}
            ),
            lambda: Article.create(
                {**article, "campaign_id": self.campaign_a.id}
            ).write({"campaign_id": self.ready.id}),
        ):
            with self.assertRaisesRegex(ValidationError, "cannot sell Fibra"):
                attempt()
        self.ready.call_purpose = "commercial"
        sold.active = True

    def test_only_a_manager_changes_what_people_are_called_for(self):
        survey = {"call_purpose": "survey", "kind": "survey"}
        with self.assertRaisesRegex(AccessError, "only a manager"):
            self.as_user(self.ready, self.supervisor_a).write(survey)
        self.as_user(self.ready, self.supervisor_a).write(
            {"call_purpose": "commercial", "name": "Still mine"}
        )
        empty = self.as_user(self.ready.copy(), self.supervisor_a)
        empty.write(survey)
        self.as_user(self.ready, self.manager).write(survey)
        self.assertEqual(self.ready.call_purpose, "survey")

    def test_the_chatter_says_who_changed_what_the_gate_asks(self):
        sector = self.env.ref("telemarketing_base.sector_insurance")
        changes = {
            "call_purpose": "survey",
            "kind": "survey",
            "sector_id": sector.id,
            **dict.fromkeys(
                [
                    *("basis_consent", "basis_client", "basis_legal_person"),
                    *("basis_request", "for_home"),
                ],
                False,
            ),
            "similar_product": True,
            "group_company": True,
            "assessment_name": "lia.pdf",
            "assessment_date": "2026-11-02",
            "call_mode": "robot",
            "caller_number": "800123456",
        }
        self.env.flush_all()
        self.env.cr.precommit.run()
        ready = self.as_user(self.ready, self.manager)
        ready.write(changes)
        self.env.flush_all()
        self.env.cr.precommit.run()
        told = self.ready.message_ids.sudo().tracking_value_ids.field_id
        self.assertEqual(set(told.mapped("name")), set(changes))
        gate = self.ready._GATE_FIELDS - {"assessment_file"}
        self.assertFalse(gate - set(changes), "a fact of the gate without a trace")

    def test_a_principal_reads_neither_the_rules_nor_starts_a_count(self):
        names = [*self.campaign_a._GATE_FIELDS, "assessment_name"]
        names += ["callable_count", "availability_at", "availability_html"]
        for user in (self.portal_a, self.agent_a, self.salesperson):
            campaign = self.as_user(self.campaign_a, user)
            self.assertEqual(campaign.read(["name"])[0]["name"], "A")
            for name in names:
                with self.assertRaises(AccessError, msg=f"{user.login}: {name}"):
                    campaign.read([name])
        self.assertTrue(self.as_user(self.campaign_a, self.supervisor_a).read(names))

    def test_every_role_still_opens_the_campaigns_screens(self):
        for user in (self.agent_a, self.salesperson, self.supervisor_a, self.manager):
            campaign = self.as_user(self.campaign_a, user)
            views = campaign.get_views(
                [(False, kind) for kind in ("list", "kanban", "form", "search")]
            )["views"]
            for kind in ("list", "kanban", "form"):
                with self.subTest(user=user.login, kind=kind):
                    shown = {
                        node.get("name")
                        for node in etree.fromstring(views[kind]["arch"]).iter("field")
                    } & set(campaign._fields)
                    campaign.web_read({name: {} for name in shown - {"id"}})
            if user in (self.agent_a, self.salesperson):
                self.assertNotIn("callable_count", views["list"]["arch"])

    def test_the_answer_is_the_same_at_night(self):
        self.ready.caller_number = "+34912345678"
        day = self.ready._compliance_findings()
        with patch.object(
            self.env.registry["telemarketing.clock"],
            "_now",
            lambda _self: datetime(2026, 11, 22, 3, 0),
        ):
            self.assertEqual(self.ready._compliance_findings(), day)

    def test_the_form_says_it_while_the_supervisor_types(self):
        ready = self.as_user(self.ready, self.supervisor_a)
        with Form(ready) as form:
            self.assertIn("Nothing stands against", form.compliance_html)
            form.caller_number = "612 345 678"
            self.assertIn("mobile", form.compliance_html)
            form.caller_number = "900 123 456"
            self.assertIn("Nothing stands against", form.compliance_html)
            form.caller_number = "712 345 678"
            self.assertIn("mobile", form.compliance_html)
            form.caller_number = "900 123 456"

    def test_agents_do_not_read_what_stands_against_a_campaign(self):
        self.ready.agent_ids = self.agent_a
        with self.assertRaises(AccessError):
            self.as_user(self.ready, self.agent_a).read(["compliance_html"])
