from odoo.fields import Command
from odoo.tests import tagged

from .common import TelemarketingCommon

# Queries that one request may cost, with cold record caches; a test's savepoint and
# its other modules' fields included. ./tm bench close measures the same in time.
BOUNDS = {"dial": 42, "plain": 62, "qualifying": 115, "order": 160}


@tagged("post_install", "-at_install")
class TestDeskQueries(TelemarketingCommon):
    """A call costs the agent two requests, and these cost a bounded number of queries:
    a desk that slows down with every list, result or colleague is unusable."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plain = cls.create_disposition("No answer", kind="redial_same")
        cls.useful = cls.create_disposition(
            "Interested", kind="none", outcome="useful", qualifies=True
        )
        cls.sale = cls.create_disposition(
            "Sale", kind="none", outcome="useful", qualifies=True, needs_order=True
        )
        cls.article = cls.env["telemarketing.campaign.article"].create(
            {
                "campaign_id": cls.campaign_a.id,
                "product_id": cls.env["product.product"]
                .create({"name": "Fibre", "list_price": 30})
                .id,
            }
        )
        cls.contacts = [
            cls.create_contact(f"Person {n}", f"+3460010{n:04}") for n in range(60)
        ]
        cls.seat, cls.token = cls.open_desk(cls.agent_a, cls.campaign_a)
        cls.number = 0
        cls.held = cls.seat.get_next(cls.token)["call"]
        # What stays in the registry's caches between requests is there from now on.
        for disposition in cls.plain, cls.useful, cls.sale:
            cls._work(disposition)

    def setUp(self):
        super().setUp()
        # What the tests before this one did is undone.
        type(self).held = self.seat.get_next(self.token)["call"]

    @classmethod
    def _work(cls, disposition):
        """Dial the held person and close; queries of each request."""
        cls.number += 1
        uuid, call = f"uuid-of-call-{cls.number}", cls.held
        payload = {"notes": "Talked"}
        if disposition == cls.sale:
            payload["order"] = {
                "lines": [{"article_id": cls.article.id, "quantity": 1}]
            }
        dial = cls._count(
            lambda: cls.seat.dial(
                cls.token, uuid, call["target"]["id"], call["phones"][0]["id"]
            )
        )
        close = cls._count(
            lambda: cls.seat.close_and_get_next(
                cls.token, uuid, call["target"]["id"], disposition.id, payload
            )
        )
        cls.held = cls.answer["call"]
        return dial, close

    @classmethod
    def _count(cls, request):
        cls.env.flush_all()
        cls.env.invalidate_all()
        before = cls.env.cr.sql_log_count
        cls.answer = request()
        cls.env.flush_all()
        return cls.env.cr.sql_log_count - before

    def test_each_request_of_a_call_stays_within_its_bound(self):
        kinds = {"plain": self.plain, "qualifying": self.useful, "order": self.sale}
        for title, disposition in kinds.items():
            dial, close = self._work(disposition)
            self.assertLessEqual(dial, BOUNDS["dial"], f"dial before {title}")
            self.assertLessEqual(close, BOUNDS[title], title)
        self.assertTrue(self.env["sale.order"].search_count([], limit=1))

    def test_a_long_history_and_many_callbacks_cost_no_more_queries(self):
        few_dial, few = self._work(self.plain)
        now = self.now()
        agents = self.agent_a | self.agent_b | self.agent_other
        targets = self.env["telemarketing.target"]
        for contact in self.contacts[10:50]:
            targets |= contact.target_ids
        targets[:20].write(
            {
                "callback": True,
                "callback_user_id": self.agent_a.id,
                "next_call_at": self.now(minutes=30),
                "last_disposition_id": self.useful.id,
                "last_agent_id": self.agent_b.id,
            }
        )
        self.env["telemarketing.interaction"].create(
            [
                {
                    "uuid": f"old-{target.id}-{number}",
                    "company_id": target.company_id.id,
                    "campaign_id": target.campaign_id.id,
                    "principal_id": target.principal_id.id,
                    "contact_id": target.contact_id.id,
                    "agent_id": agents[number % 3].id,
                    "disposition_id": (self.plain | self.useful)[number % 2].id,
                    "state": "done",
                    "started_at": now,
                }
                for target in targets
                for number in range(6)
            ]
        )
        self.campaign_a.write(
            {
                "disposition_ids": [
                    Command.create({"name": f"Result {n}"}) for n in range(20)
                ]
            }
        )
        targets[20:].priority = "3"
        # The person who comes with this close has no history yet, the next has.
        self._work(self.plain)
        many_dial, many = self._work(self.plain)
        self.assertTrue(self.answer["call"]["history"])
        self.assertGreater(len(self.answer["callbacks"]), 15)
        self.assertLessEqual(many_dial, few_dial + 12)
        self.assertLessEqual(many, few + 12)
