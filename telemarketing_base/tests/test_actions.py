from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import TelemarketingCommon


@tagged("post_install", "-at_install")
class TestActions(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        Type = cls.env["telemarketing.action.type"]
        cls.visit = Type.create({"name": "Visit made", "is_call": False})
        cls.call_type = Type.create({"name": "Call by mobile", "is_call": True})
        cls.heard = cls.create_disposition("Heard us", kind="none", outcome="useful")
        cls.person = cls.env["res.partner"].create({"name": "Carmen Soler"})
        cls.theirs = cls.env["res.partner"].create(
            {"name": "Of A", "telemarketing_principal_id": cls.principal_a.id}
        )
        cls.lead = cls.env["crm.lead"].create(
            {
                "name": "Fibre",
                "type": "opportunity",
                "partner_id": cls.person.id,
                "user_id": cls.salesperson.id,
            }
        )
        cls.env.flush_all()

    def record(self, origin, user, **values):
        """Record from ``origin`` as its button does; the interaction made."""
        Wizard = self.env["telemarketing.action.record"].with_user(user)
        action = origin.with_user(user).action_telemarketing_record()
        last = self.env["telemarketing.interaction"].search([], limit=1).id or 0
        Wizard.with_context(**action["context"]).create(
            {
                "action_type_id": self.visit.id,
                "at": self.now(hours=-2),
                **values,
            }
        ).action_record()
        return self.env["telemarketing.interaction"].search([("id", ">", last)])

    def test_action_recorded_from_each_record_knows_its_person(self):
        contact = self.create_contact("Contact", "612345678")
        order = self.env["sale.order"].create({"partner_id": self.person.id})
        event = self.env["calendar.event"].create(
            {
                "name": "Visit",
                "start": self.now(),
                "stop": self.now(hours=1),
                "user_id": self.manager.id,
                "telemarketing_kind": "visit",
                "partner_ids": [(6, 0, (self.manager.partner_id | self.person).ids)],
            }
        )
        for origin, field in (
            (self.person, "partner_id"),
            (self.lead, "lead_id"),
            (order, "order_id"),
            (event, "event_id"),
            (contact, "contact_id"),
        ):
            with self.subTest(origin=origin._name):
                done = self.record(origin, self.manager, notes="Said yes", minutes=30)
                self.assertEqual(done[field], origin)
                if origin != contact:
                    self.assertEqual(done.partner_id, self.person)
                self.assertEqual(done.agent_id, self.manager)
                self.assertEqual(done.state, "done")
                self.assertEqual(done.ended_at - done.started_at, timedelta(minutes=30))
                seen = origin.with_user(self.manager)
                self.assertGreaterEqual(seen.telemarketing_action_count, 1)
                domain = seen.action_telemarketing_actions()["domain"]
                self.assertIn(done, done.search(domain))

    def test_a_visit_is_no_call_in_the_figures_and_a_call_is_one(self):
        Delta = self.env["telemarketing.stat.call.delta"]

        def figures():
            rows = Delta.search([("agent_id", "=", self.supervisor_a.id)])
            return sum(rows.mapped("calls")), sum(rows.mapped("talk_seconds"))

        self.record(self.person, self.supervisor_a, minutes=45)
        self.assertEqual(figures(), (0, 0))
        self.record(
            self.person,
            self.supervisor_a,
            action_type_id=self.call_type.id,
            minutes=5,
        )
        self.assertEqual(figures(), (1, 300))
        hour = self.now().replace(minute=0, second=0, microsecond=0)
        differences = self.env["telemarketing.stat.call"]._rebuild(
            hour - timedelta(hours=6), hour + timedelta(hours=2)
        )
        self.assertEqual(differences, 0)

    def test_result_is_recorded_with_its_campaign_and_none_that_does_more(self):
        done = self.record(
            self.theirs,
            self.supervisor_a,
            campaign_id=self.campaign_a.id,
            disposition_id=self.heard.id,
        )
        self.assertEqual(done.outcome, "useful")
        self.assertEqual(done.principal_id, self.principal_a)
        never = self.create_disposition("Never", kind="exclude")
        sale = self.create_disposition("Sold", is_conversion=True)
        for result in (never, sale):
            with self.assertRaises(UserError):
                self.record(
                    self.theirs,
                    self.supervisor_a,
                    campaign_id=self.campaign_a.id,
                    disposition_id=result.id,
                )
        with self.assertRaises(UserError):
            self.record(self.theirs, self.supervisor_a, disposition_id=self.heard.id)

    def test_nobody_crosses_to_another_client_company(self):
        for person, campaign in (
            (self.person, self.campaign_a),
            (self.theirs, self.campaign_own),
        ):
            with self.assertRaises(UserError):
                self.record(person, self.supervisor_a, campaign_id=campaign.id)
        with self.assertRaises(AccessError):
            self.record(self.theirs, self.supervisor_a, campaign_id=self.campaign_b.id)

    def test_salesperson_records_on_what_is_his_and_sees_only_his_actions(self):
        done = self.record(self.lead, self.salesperson)
        self.assertEqual(done.agent_id, self.salesperson)
        other = self.record(self.lead, self.manager)
        lead = self.lead.with_user(self.salesperson)
        self.assertEqual(lead.telemarketing_action_count, 1)
        listed = lead.action_telemarketing_actions()
        seen = done.with_user(self.salesperson).search(listed["domain"])
        self.assertEqual(seen, done)
        self.assertTrue(seen.web_read({"notes": {}, "agent_id": {"fields": {}}}))
        with self.assertRaises(AccessError):
            other.with_user(self.salesperson).read(["notes"])

    def test_salesperson_does_not_record_on_what_he_may_not_change(self):
        self.lead.user_id = self.manager
        Wizard = self.env["telemarketing.action.record"].with_user(self.salesperson)
        contact = self.create_contact("Contact", "612345679")
        for values in ({"lead_id": self.lead.id}, {"contact_id": contact.id}):
            with self.assertRaises(AccessError):
                Wizard.create(
                    {"action_type_id": self.visit.id, **values}
                ).action_record()

    def test_agents_and_others_record_only_at_the_desk(self):
        for user in (self.agent_a, self.plain_user, self.portal_a):
            with self.assertRaises(AccessError):
                self.env["telemarketing.action.record"].with_user(user).create(
                    {"action_type_id": self.visit.id, "partner_id": self.person.id}
                )

    def test_who_has_a_part_goes_from_person_to_opportunity_order_and_stays(self):
        role = self.env["telemarketing.collaborator.role"].create({"name": "Agente"})
        seller, agency, other = self.env["res.partner"].create(
            [
                {"name": name, "telemarketing_role_ids": [(6, 0, role.ids)]}
                for name in ("Seller", "Agency", "Other")
            ]
        )
        contact = self.create_contact(
            "Contact",
            "612345670",
            database=self.database_own,
            telemarketing_sales_agent_id=seller.id,
            telemarketing_agency_id=agency.id,
        )
        contact.partner_id = self.person
        lead = self.env["crm.lead"].create(
            contact._prepare_lead_values(self.campaign_own)
        )
        self.assertEqual(lead.telemarketing_sales_agent_id, seller)
        order = self.env["sale.order"].create(
            {
                "partner_id": self.person.id,
                "opportunity_id": lead.id,
                "telemarketing_agency_id": other.id,
            }
        )
        self.assertEqual(order.telemarketing_sales_agent_id, seller)
        self.assertEqual(order.telemarketing_agency_id, other)
        order.telemarketing_sales_agent_id = other
        lead.telemarketing_sales_agent_id = agency
        self.assertEqual(order.telemarketing_sales_agent_id, other)

    def test_a_to_do_knows_who_has_a_part_in_what_it_is_on(self):
        seller, friend = self.env["res.partner"].create(
            [{"name": "Sales agent"}, {"name": "Friend"}]
        )
        order = self.env["sale.order"].create({"partner_id": self.person.id})
        for record in (self.lead, order):
            with self.subTest(record._name):
                record.write(
                    {
                        "telemarketing_operator_id": self.agent_a.id,
                        "telemarketing_sales_agent_id": seller.id,
                    }
                )
                todo = record.activity_schedule(
                    "mail.mail_activity_data_todo",
                    user_id=self.manager.id,
                    telemarketing_referrer_id=friend.id,
                )
                self.assertEqual(todo.telemarketing_sales_agent_id, seller)
                self.assertEqual(todo.telemarketing_operator_id, self.agent_a)
                self.assertEqual(todo.telemarketing_referrer_id, friend)
                self.assertFalse(todo.telemarketing_agency_id)
                found = todo.search([("telemarketing_sales_agent_id", "=", seller.id)])
                self.assertIn(todo, found)
        todo = self.person.activity_schedule("mail.mail_activity_data_todo")
        self.assertFalse(todo.telemarketing_sales_agent_id)

    def test_to_dos_without_anybodys_part_cost_no_more(self):
        """Mail's own creating, counted with and without ours."""
        Activity = self.env.registry["mail.activity"]
        others = self.env["res.partner"].create([{"name": "A"}, {"name": "B"}])
        leads = self.lead | self.lead.copy()

        def queries(record, patched):
            self.env.flush_all()
            self.env.invalidate_all()
            record.activity_schedule("mail.mail_activity_data_todo", note="warm")
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            with patch.object(
                Activity, "_telemarketing_with", patched or Activity._telemarketing_with
            ):
                record.activity_schedule("mail.mail_activity_data_todo", note="told")
                self.env.flush_all()
            return self.env.cr.sql_log_count - before

        for one, other in (others, leads):
            with self.subTest(one._name):
                plain = queries(one, lambda self, vals: vals)
                self.assertLessEqual(queries(other, None), plain)

    def test_supervisor_sees_value_and_probability_of_opportunities(self):
        action = self.env.ref("telemarketing_base.action_telemarketing_opportunity")
        arch = (
            self.env["crm.lead"]
            .with_user(self.supervisor_a)
            .get_view(
                self.env.ref("telemarketing_base.crm_lead_view_list_telemarketing").id,
                "list",
            )["arch"]
        )
        for name in ("expected_revenue", "probability", "telemarketing_agency_id"):
            self.assertIn(f'name="{name}"', arch)
        self.assertIn("list", action.view_mode)

    def test_what_has_not_been_done_yet_is_not_recorded(self):
        with self.assertRaises(UserError):
            self.record(self.person, self.supervisor_a, at=self.now(hours=1))
        with self.assertRaises(UserError):
            self.record(self.person, self.supervisor_a, minutes=-5)
        with self.assertRaises(UserError):
            self.record(
                self.person,
                self.supervisor_a,
                lead_id=self.lead.id,
            )
