from datetime import timedelta

from odoo.tests import tagged
from odoo.tools import SQL

from .common import TelemarketingCommon

TABLES = (
    "telemarketing_contact",
    "telemarketing_contact_phone",
    "telemarketing_target",
    "telemarketing_interaction",
    "telemarketing_consent",
    "telemarketing_exclusion",
    "telemarketing_recording",
    "telemarketing_refusal",
    "telemarketing_number",
    "telemarketing_contact_telemarketing_contact_category_rel",
)
# Asked anew by the clock, not by anybody.
VOLATILE = ("callable_from", "due_at", "gate_at", "write_date", "write_uid")


class MergeCommon(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Merge = cls.env["telemarketing.merge"]

    def dump(self, tables=TABLES):
        """Every row of these tables, as text, without what the clock decides."""
        self.env.flush_all()
        found = {}
        for table in tables:
            self.env.cr.execute(
                SQL(
                    "SELECT (to_jsonb(t) - %s::text[])::text FROM %s t ORDER BY 1",
                    list(VOLATILE),
                    SQL.identifier(table),
                )
            )
            found[table] = [row[0] for row in self.env.cr.fetchall()]
        return found

    def assertSameRows(self, before, after):
        for table in before:
            with self.subTest(table=table):
                self.assertEqual(
                    sorted(set(before[table]) ^ set(after[table])), [], table
                )
                self.assertEqual(len(before[table]), len(after[table]))

    def merge(self, keep, gone, values=None, user=None):
        user = user or self.supervisor_a
        merge = self.as_user(self.Merge, user)._merge(
            self.as_user(keep, user), self.as_user(gone, user), values
        )
        self.env.invalidate_all()
        return merge.with_env(self.env)

    def called(self, contact, phone=None, **values):
        """A closed call with the person."""
        self.counter = getattr(self, "counter", 0) + 1
        now = self.now(hours=-2)
        phone = phone or contact.phone_ids[:1]
        return self.env["telemarketing.interaction"].create(
            {
                "uuid": f"call-{self.counter}-{contact.id}",
                "company_id": contact.company_id.id,
                "campaign_id": contact.campaign_id.id,
                "principal_id": contact.principal_id.id,
                "contact_id": contact.id,
                "target_id": contact.target_ids[:1].id,
                "phone_id": phone.id,
                "number_id": phone.number_id.id,
                "e164": phone.e164,
                "agent_id": self.agent_a.id,
                "started_at": now,
                "closed_at": now,
                "state": "done",
                "outcome": "none",
                **values,
            }
        )


@tagged("post_install", "-at_install")
class TestMergeContacts(MergeCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keep = cls.create_contact("Carmen Soler", "612345671", email="c@soler.es")
        cls.gone = cls.create_contact(
            "SOLER, CARMEN", ["612345672", "612 345 671"], vat="12345678Z", zip="28013"
        )

    def test_calls_consents_and_numbers_of_both_are_the_kept_ones(self):
        call = self.called(self.gone)
        twice = self.called(self.gone, self.gone.phone_ids[1])
        consent = self.env["telemarketing.consent"].create(
            {"contact_id": self.gone.id, "given_at": self.now(days=-3)}
        )
        category = self.env["telemarketing.contact.category"].create({"name": "VIP"})
        self.gone.category_ids = category
        target = self.gone.target_ids
        merge = self.merge(self.keep, self.gone)
        self.assertEqual((call | twice).contact_id, self.keep)
        self.assertEqual(consent.contact_id, self.keep)
        self.assertEqual(self.keep.category_ids, category)
        self.assertEqual(target.contact_id, self.keep)
        self.assertEqual(
            self.keep.phone_ids.mapped("e164"), ["+34612345671", "+34612345672"]
        )
        self.assertEqual(twice.phone_id, self.keep.phone_ids[0])
        self.assertEqual(call.phone_id, self.keep.phone_ids[1])
        self.assertEqual((self.keep.vat, self.keep.zip), ("12345678Z", "28013"))
        self.assertEqual(self.keep.email, "c@soler.es")
        self.assertFalse(self.gone.active)
        self.assertEqual(self.gone.merged_into_id, self.keep)
        self.assertFalse(self.gone.phone_ids | self.gone.target_ids.phone_id)
        self.assertEqual(merge.user_id, self.supervisor_a)
        self.assertEqual(merge.until - merge.at, timedelta(days=1))
        self.assertIn("Interaction: 2", merge.moved_text)
        self.assertEqual(
            self.keep.consented_on, consent.given_at.date(), "Its consent is gone."
        )

    def test_undo_leaves_every_row_as_it_was(self):
        self.called(self.gone)
        self.called(self.gone, self.gone.phone_ids[1], outcome="useful")
        self.called(self.keep)
        self.env["telemarketing.consent"].create(
            {"contact_id": self.gone.id, "given_at": self.now(days=-3)}
        )
        both = self.env["telemarketing.contact.category"].create(
            [{"name": "VIP"}, {"name": "Old"}]
        )
        self.gone.category_ids = both
        self.keep.category_ids = both[0]
        self.gone.note = "Calls back in May"
        self.keep.note = "Prefers mornings"
        self.env["telemarketing.exclusion"].create(
            {
                "contact_id": self.gone.id,
                "scope": "principal",
                "principal_id": self.principal_a.id,
            }
        )
        self.gone.phone_ids[1].state = "bad"
        self.gone.target_ids.sudo().write({"attempts": 2})
        before = self.dump()
        merge = self.merge(self.keep, self.gone, {"name": "Carmen Soler Ibáñez"})
        self.assertEqual(self.keep.name, "Carmen Soler Ibáñez")
        self.assertEqual(self.keep.note, "Prefers mornings\nCalls back in May")
        self.assertNotEqual(before, self.dump())
        self.as_user(merge, self.supervisor_a).action_undo()
        self.env.invalidate_all()
        self.assertSameRows(before, self.dump())
        self.assertEqual(merge.state, "undone")
        self.assertFalse(merge.report)
        self.assertEqual(merge.undone_by_id, self.supervisor_a)
