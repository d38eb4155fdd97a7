from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from .common import TelemarketingCommon


@tagged("post_install", "-at_install", "telemarketing_tour", "browser")
class TestTours(TelemarketingCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.campaign = cls._create_campaign(
            "Mañana",
            cls.company_a,
            cls.principal_a,
            cls.supervisor_a,
            cls.agent_a,
            average_seconds=240,
            preview_results=False,
        )
        cls.database = cls._create_database(cls.campaign, "Base del lunes")
        own = {"campaign_ids": [Command.set(cls.campaign.ids)]}
        # The starter results stay out, so that the row holds only these.
        cls.env["telemarketing.disposition"].search(
            [("campaign_ids", "=", False)]
        ).active = False
        create = cls.create_disposition
        create("No contesta", code="tour_no_answer", kind="redial_same", **own)
        create(
            "Volver a llamar",
            code="tour_call_back",
            kind="schedule",
            outcome="contact",
            **own,
        )
        useful = create("Útil", code="tour_useful", outcome="useful", **own)
        create(
            "Venta",
            code="tour_sale",
            parent_id=useful.id,
            kind="none",
            outcome="useful",
            qualifies=True,
            needs_order=True,
            is_conversion=True,
            **own,
        )
        product = cls.env["product.product"].create(
            {"name": "Fibra 600", "list_price": 30.0, "taxes_id": False}
        )
        cls.env["telemarketing.campaign.article"].create(
            {"campaign_id": cls.campaign.id, "product_id": product.id}
        )
        cls.env["telemarketing.script"].create(
            {"name": "Saludo", "body": "<p>Buenos días {nombre}</p>", **own}
        )
        cls.people = [
            cls.create_contact(name, f"63300000{place}", cls.database)
            for place, name in enumerate(("Ana Uno", "Berta Dos", "Carla Tres"))
        ]
        cls.agent_a.password = "agent_a_password"  # pragma: allowlist secret
        cls.supervisor_a.password = "supervisor_password"

    def test_agents_morning(self):
        self.start_tour(
            "/odoo", "telemarketing_agent_morning", login=self.agent_a.login
        )
        ana, berta, carla = (person.target_ids for person in self.people)
        self.assertEqual((ana.state, ana.attempts), ("ready", 1))
        self.assertEqual(ana.contact_id.interaction_ids.notes, "comunica, probar luego")
        self.assertTrue(berta.callback)
        self.assertEqual(berta.callback_user_id, self.agent_a)
        self.assertEqual(carla.state, "done")
        self.assertEqual(carla.contact_id.partner_id.funnel_stage, "prospect")
        self.assertEqual(len(carla.contact_id.interaction_ids.order_ids), 1)
        self.assertEqual(
            self.env["telemarketing.interaction"].search_count(
                [("campaign_id", "=", self.campaign.id)]
            ),
            3,
        )

    def test_agent_works_by_hand(self):
        self.campaign.auto_next = False
        self.start_tour("/odoo", "telemarketing_agent_manual", login=self.agent_a.login)
        ana, berta, _carla = (person.target_ids for person in self.people)
        self.assertEqual(berta.callback_user_id, self.agent_a)
        self.assertEqual((ana.state, ana.attempts), ("leased", 0))

    def test_agent_is_given_people_and_calls(self):
        self.campaign.write(
            {"auto_next": True, "preview_seconds": 2, "next_seconds": 1}
        )
        self.start_tour(
            "/odoo", "telemarketing_agent_automatic", login=self.agent_a.login
        )
        ana, berta, _carla = (person.target_ids for person in self.people)
        self.assertEqual((ana.state, ana.attempts), ("ready", 1))
        self.assertIn(berta.state, ("leased", "talking"))

    def test_supervisors_loading(self):
        self.start_tour(
            "/odoo",
            "telemarketing_supervisor_loading",
            login=self.supervisor_a.login,
        )
        job = self.env["telemarketing.import"].search(
            [("database_id", "=", self.database.id)]
        )
        self.assertEqual(job.state, "loading")
        self.env["telemarketing.import"]._cron_load()
        self.assertEqual((job.state, job.loaded, job.bad), ("done", 1, 1))
        self.assertTrue(job.returned_file)
