from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
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

    def erase(self, contact):
        erasure = self.as_user(self.env["telemarketing.erasure"], self.manager).create(
            {"contact_ids": [Command.set(contact.ids)], "identity_checked": True}
        )
        erasure.action_show()
        erasure.action_confirm()
        erasure.action_erase()
        self.env.invalidate_all()

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

    def test_a_merge_leaves_one_open_target_with_more_progress(self):
        target, theirs = self.keep.target_ids, self.gone.target_ids
        theirs.sudo().write({"attempts": 2, "agent_id": self.agent_b.id})
        target.sudo().write({"attempts": 1})
        before = self.dump()
        merge = self.merge(self.keep, self.gone)
        self.assertEqual((target | theirs).contact_id, self.keep)
        self.assertEqual((theirs.state, theirs.attempts), ("ready", 3))
        self.assertEqual(theirs.agent_id, self.agent_b)
        self.assertEqual((target.state, target.done_reason), ("done", "merged"))
        self.assertFalse(target.due_at)
        merge._undo()
        self.env.invalidate_all()
        self.assertSameRows(before, self.dump())

    def test_an_agreed_callback_of_either_is_kept(self):
        at = self.now(days=2)
        self.gone.target_ids.sudo().write(
            {
                "callback": True,
                "next_call_at": at,
                "callback_user_id": self.agent_b.id,
                "attempts": 1,
                "contacted": 1,
            }
        )
        self.keep.target_ids.sudo().write({"attempts": 4})
        self.merge(self.keep, self.gone)
        open_one = self.keep.target_ids.filtered(lambda t: t.state == "ready")
        self.assertEqual(
            (open_one.callback, open_one.next_call_at, open_one.callback_user_id),
            (True, at, self.agent_b),
        )

    def test_who_said_no_is_not_called_afresh_because_the_list_held_them_twice(self):
        self.gone.target_ids.sudo().write(
            {"state": "done", "attempts": 1, "contacted": 1}
        )
        self.merge(self.keep, self.gone)
        self.assertEqual(set(self.keep.target_ids.mapped("state")), {"done"})

    def test_nobody_is_called_in_a_campaign_whose_supervisors_do_not_see_the_person(
        self,
    ):
        other = self.create_contact("Carmen Soler", database=self.database_other)
        sentence = "still to be called in"
        for keep, gone in ((self.keep, other), (other, self.keep)):
            for state in ("ready", "excluded"):
                gone.target_ids.sudo().state = state
                with (
                    self.subTest(keep=keep.database_id.name, state=state),
                    self.assertRaisesRegex(UserError, sentence),
                ):
                    self.merge(keep, gone, user=self.manager)
                gone.target_ids.sudo().state = "ready"
        refused = []
        pairs = [(self.keep, self.gone), (self.create_contact("C"), other)]
        merges = self.Merge._merge_many(pairs, refused=refused)
        self.assertEqual(merges.contact_id, self.keep)
        self.assertIn(self.campaign_other.name, refused[0][2])
        self.env.invalidate_all()
        self.assertEqual(other.target_ids.database_id, self.database_other)

    def test_what_was_done_in_another_campaign_follows_and_comes_back(self):
        other = self.create_contact("Carmen Soler", database=self.database_other)
        target = other.target_ids
        target.sudo().write({"state": "done", "contacted": 1, "attempts": 1})
        merge = self.merge(self.keep, other, user=self.manager)
        self.assertEqual(target.contact_id, self.keep)
        self.assertEqual(self.keep.target_ids - target, self.keep.target_ids[:1])
        merge._undo()
        self.env.invalidate_all()
        self.assertEqual(other.target_ids.database_id, self.database_other)

    def test_an_objection_of_either_binds_the_kept_one(self):
        self.gone.phone_ids[1].unlink()
        exclusion = self.env["telemarketing.exclusion"]
        exclusion.sudo()._record_person(
            self.gone,
            scope="principal",
            principal_id=self.principal_a.id,
            reason="objection",
            channel="call",
            source="He said no",
        )
        self.assertEqual(self.keep.target_ids.state, "ready")
        merge = self.merge(self.keep, self.gone)
        self.assertEqual(set(self.keep.target_ids.mapped("state")), {"excluded"})
        for verdict in (
            self.keep.target_ids[0]
            ._may_call_each(self.keep.phone_ids, self.now())
            .values()
        ):
            self.assertEqual(verdict["answer"], "never")
        merge._undo()
        self.env.invalidate_all()
        self.assertEqual(self.keep.target_ids.state, "ready")
        self.assertEqual(self.gone.target_ids.state, "excluded")

    def test_a_withdrawal_of_either_binds_the_kept_one(self):
        given = {"given_at": self.now(days=-9), "purpose": "call"}
        consents = self.env["telemarketing.consent"].create(
            [
                {"contact_id": self.keep.id, **given},
                {"contact_id": self.gone.id, **given},
            ]
        )
        consents[1]._withdraw(self.now(days=-1), "call", "No more")
        self.env.invalidate_all()
        self.assertTrue(self.keep.consented_on)
        merge = self.merge(self.keep, self.gone)
        self.assertFalse(self.keep.consented_on)
        merge._undo()
        self.env.invalidate_all()
        self.assertTrue(self.keep.consented_on)

    def test_the_same_exclusion_of_both_stays_found_from_the_kept_one(self):
        nobody = self.create_contact("Without")
        other = self.create_contact("Without too")
        values = {"scope": "campaign", "campaign_id": self.campaign_a.id}
        exclusions = self.env["telemarketing.exclusion"].create(
            [{"contact_id": nobody.id, **values}, {"contact_id": other.id, **values}]
        )
        before = self.dump()
        merge = self.merge(nobody, other)
        self.assertEqual(set(exclusions.mapped("in_force")), {True})
        action = self.as_user(nobody, self.supervisor_a).action_open_exclusions()
        found = self.env["telemarketing.exclusion"].search(action["domain"])
        self.assertEqual(found & exclusions, exclusions)
        merge._undo()
        self.env.invalidate_all()
        self.assertSameRows(before, self.dump())

    def test_a_wrong_number_stays_wrong_unless_somebody_was_reached_on_it(self):
        for reached, state in ((False, "bad"), (True, "ok")):
            with self.subTest(reached=reached):
                keep = self.create_contact("One", "612345681")
                gone = self.create_contact("One", "612345681")
                gone.phone_ids.state = "bad"
                if reached:
                    self.called(keep, outcome="contact")
                self.merge(keep, gone)
                self.assertEqual(keep.phone_ids.mapped("state"), [state])

    def test_an_address_is_never_half_of_two(self):
        self.keep.write({"street": "C/ Mayor 3", "zip": "08001", "city": "Barcelona"})
        self.gone.write({"street": "C/ Menor 5", "zip": "28013", "city": "Madrid"})
        self.merge(self.keep, self.gone)
        self.assertEqual(
            (self.keep.street, self.keep.zip, self.keep.city),
            ("C/ Mayor 3", "08001", "Barcelona"),
        )

    def test_a_basis_to_call_is_taken_over_where_the_kept_one_has_none(self):
        bare = self._create_database(
            self.campaign_a, legal_basis=False, basis_date=False, basis_source=False
        )
        keep = self.create_contact("Carmen", "612345690", database=bare)
        self.assertFalse(keep.target_ids.due_at)
        self.merge(keep, self.gone)
        self.assertEqual(keep.legal_basis, "consent")
        self.assertEqual(keep.basis_date, self.database_a.basis_date)
        self.assertTrue(keep.consented_on)

    # SAID WHILE THEY WERE ONE

    def test_who_withdrew_while_merged_is_called_under_neither_record_after_undo(self):
        self.assertTrue(self.keep.consented_on and self.gone.consented_on)
        merge = self.merge(self.keep, self.gone)
        withdrawn_at = self.now(hours=-1)
        self.env["telemarketing.consent"].create(
            {
                "contact_id": self.keep.id,
                "channel": "mail",
                "withdrawn_at": withdrawn_at,
                "source": "Her letter",
            }
        )
        self.assertFalse(self.keep.consented_on)
        merge._undo()
        self.env.invalidate_all()
        self.assertFalse(self.keep.consented_on or self.gone.consented_on)
        for contact in self.keep | self.gone:
            answer = contact.target_ids._may_call_each(contact.phone_ids, self.now())
            for verdict in answer.values():
                self.assertNotEqual(verdict["answer"], "allowed", contact.name)
        copied = self.env["telemarketing.consent"].search(
            [("contact_id", "=", self.gone.id)]
        )
        self.assertEqual(len(copied), 2, "One for each number")
        for row in copied:
            self.assertIn("Her letter", row.source)
            self.assertIn(f"merge no. {merge.id}", row.source)
            self.assertEqual(row.withdrawn_at, withdrawn_at)

    def test_the_kept_one_too_is_not_called_after_a_withdrawal_of_the_other_s_row(self):
        consent = self.env["telemarketing.consent"].create(
            {"contact_id": self.gone.id, "given_at": self.now(days=-3)}
        )
        merge = self.merge(self.keep, self.gone)
        consent._withdraw(self.now(hours=-1), "call", "No more")
        merge._undo()
        self.env.invalidate_all()
        self.assertEqual(consent.contact_id, self.gone)
        self.assertFalse(self.keep.consented_on or self.gone.consented_on)

    def test_an_exclusion_of_the_merged_person_binds_both_after_undo(self):
        merge = self.merge(self.keep, self.gone)
        exclusion = self.env["telemarketing.exclusion"].create(
            {
                "contact_id": self.keep.id,
                "scope": "principal",
                "principal_id": self.principal_a.id,
                "channel": "mail",
                "source": "Her letter",
            }
        )
        merge._undo()
        self.env.invalidate_all()
        self.assertEqual(self.gone.target_ids.state, "excluded")
        self.assertEqual(self.keep.target_ids.state, "excluded")
        rows = exclusion._case()
        self.assertEqual(rows.contact_id, self.keep | self.gone)
        self.assertIn("merge no.", (rows - exclusion).source)
        rows.action_lift("A mistake")
        self.env.invalidate_all()
        self.assertEqual(self.gone.target_ids.state, "ready")

    def test_an_objection_to_one_number_does_not_bar_the_restored_one(self):
        merge = self.merge(self.keep, self.gone)
        self.env["telemarketing.exclusion"].create(
            {
                "contact_id": self.keep.id,
                "number_id": self.keep.phone_ids[0].number_id.id,
                "scope": "campaign",
                "campaign_id": self.campaign_a.id,
            }
        )
        merge._undo()
        self.env.invalidate_all()
        self.assertEqual(self.keep.target_ids.state, "excluded")
        self.assertEqual(self.gone.target_ids.state, "ready")

    def test_who_refused_while_merged_is_asked_under_neither_record_after_undo(self):
        merge = self.merge(self.keep, self.gone)
        refused_at = self.now(hours=-1)
        self.env["telemarketing.consent"].sudo().create(
            {"contact_id": self.keep.id, "refused_at": refused_at}
        )
        merge._undo()
        self.env.invalidate_all()
        Consent = self.env["telemarketing.consent"]
        for contact in self.keep | self.gone:
            rows = Consent.search([("contact_id", "=", contact.id)])
            self.assertEqual(rows.mapped("refused_at"), [refused_at])

    # CHANGED SINCE

    def test_undo_lists_what_was_changed_since_and_leaves_it(self):
        call = self.called(self.gone)
        merge = self.merge(self.keep, self.gone)
        self.keep.zip = "46001"
        self.keep.phone_ids[1].sudo().contact_id = self.create_contact("Else")
        self.as_user(merge, self.supervisor_a).action_undo()
        self.env.invalidate_all()
        self.assertEqual(self.keep.zip, "46001")
        self.assertEqual(call.contact_id, self.gone)
        self.assertEqual(self.keep.vat, False)
        self.assertIn("46001", merge.report)
        self.assertIn("Else", merge.report)
        self.assertEqual(merge.left_count, 3)
        left = merge.line_ids.filtered("left")
        self.assertEqual(
            {(line.table_name, line.column_name) for line in left},
            {
                ("telemarketing_contact", "zip"),
                ("telemarketing_contact", "state_id"),
                ("telemarketing_contact_phone", "contact_id"),
            },
        )

    def test_what_an_undo_left_is_shown_for_a_month_and_names_nobody_erased(self):
        merge = self.merge(self.keep, self.gone)
        other = self.create_contact("Else Where", "612345699")
        self.keep.phone_ids[1].sudo().contact_id = other
        merge._undo()
        self.assertIn("Else Where", merge.report)
        merge.until = self.now(seconds=-1)
        self.Merge._gc_final()
        self.assertEqual(set(merge.line_ids.mapped("left")), {True})
        self.assertIn("Else Where", merge.report)
        self.erase(other)
        self.assertEqual(merge.left_count, 1)
        self.assertNotIn("Else Where", merge.report or "")
        merge.undone_at = self.now(days=-31)
        self.Merge._gc_final()
        self.assertFalse(merge.line_ids)
        self.assertFalse(merge.report)

    def test_undo_puts_the_rest_back_when_a_place_was_taken_meanwhile(self):
        merge = self.merge(self.keep, self.gone)
        self.env.flush_all()
        target = self.gone.with_context(active_test=False).target_ids
        self.assertFalse(target)
        moved = self.keep.target_ids.filtered(lambda t: t.state == "done")
        self.env["telemarketing.target"].sudo().create(
            {"contact_id": self.gone.id, "campaign_id": self.campaign_a.id}
        )
        merge._undo()
        self.env.invalidate_all()
        self.assertEqual(moved.contact_id, self.gone)
        self.assertEqual(moved.state, "done", "It would be the second open one.")
        self.assertIn("Target", merge.report)
        self.assertTrue(self.gone.active)
        self.assertEqual(len(self.gone.phone_ids), 2)

    def test_a_later_merge_of_the_same_person_is_undone_first(self):
        third = self.create_contact("C. Soler", "612345673")
        before = self.dump()
        first = self.merge(self.keep, self.gone)
        second = self.merge(third, self.keep)
        self.assertEqual(self.gone.merged_into_id, third)
        with self.assertRaisesRegex(UserError, "undo that one first"):
            first._undo()
        second._undo()
        first._undo()
        self.env.invalidate_all()
        self.assertSameRows(before, self.dump())

    def test_after_a_day_it_is_final(self):
        merge = self.merge(self.keep, self.gone)
        merge.until = self.now(seconds=-1)
        with self.assertRaisesRegex(UserError, "for a day"):
            merge._undo()
        self.Merge._gc_final()
        self.assertEqual(merge.state, "final")
        self.assertFalse(merge.line_ids)
        self.assertFalse(self.gone.active)

    # REFUSED

    def test_who_must_not_be_merged_is_refused_with_a_sentence(self):
        foreign = self.create_contact("C", database=self.database_b)
        own = self.create_contact("C", database=self.database_own)
        far = self.create_contact("C", database=self.database_far)
        held = self.create_contact("C", "612345675")
        held.target_ids.sudo().write(
            {
                "state": "talking",
                "leased_by_id": self.agent_a.id,
                "leased_until": self.now(minutes=9),
            }
        )
        erased = self.create_contact("C")
        erased.sudo().erased_at = self.now()
        nif = self.create_contact("C", vat="87654321X")
        for gone, sentence in (
            (foreign, "different client companies"),
            (own, "different client companies"),
            (far, "different companies"),
            (held, "on the desk right now"),
            (erased, "erased"),
        ):
            with self.subTest(sentence), self.assertRaisesRegex(UserError, sentence):
                self.Merge._merge(self.keep, gone)
        with self.assertRaisesRegex(UserError, "different NIFs"):
            self.Merge._merge(self.gone, nif)
        partners = self.env["res.partner"].create([{"name": "P"}, {"name": "Q"}])
        for contact, partner in zip(self.keep | self.gone, partners, strict=True):
            contact.sudo().partner_id = partner
        with self.assertRaisesRegex(UserError, "merge those first"):
            self.Merge._merge(self.keep, self.gone)

    def test_what_nobody_may_set_is_not_set_by_a_merge_either(self):
        for values in (
            {"consented_on": self.now().date()},
            {"database_id": self.database_other.id},
            {"partner_id": self.principal_a.id},
            {"erased_at": False},
            {"phone_ids": [Command.clear()]},
        ):
            with self.subTest(values), self.assertRaisesRegex(UserError, "chosen"):
                self.merge(self.keep, self.gone, values)
        with self.assertRaisesRegex(UserError, "The NIF of the merged"):
            self.merge(self.keep, self.gone, {"vat": "87654321X"})
        self.assertTrue(self.gone.active)

    def test_in_bulk_the_refused_ones_do_not_stop_the_others(self):
        foreign = self.create_contact("C", database=self.database_b)
        pairs = [(self.keep, self.gone), (self.keep, foreign)]
        refused = []
        merges = self.Merge._merge_many(pairs, refused=refused)
        self.assertEqual(merges.contact_id, self.keep)
        self.assertEqual(len(merges), 1)
        self.assertEqual(refused[0][:2], (self.keep, foreign))
        self.assertIn("different client companies", refused[0][2])

    def test_nobody_merges_people_whom_he_may_not_write(self):
        other = self.create_contact("C", database=self.database_other)
        for user in (self.agent_a, self.salesperson, self.portal_a, self.plain_user):
            with self.subTest(user=user.name), self.assertRaises(AccessError):
                self.merge(self.keep, self.gone, user=user)
        for keep, gone in ((self.keep, other), (other, self.keep)):
            with self.assertRaises(AccessError):
                self.merge(keep, gone, user=self.supervisor_a)
        with self.assertRaises(AccessError):
            self.merge(self.keep, self.gone, user=self.supervisor_far)

    def test_nobody_undoes_a_merge_of_people_whom_he_may_not_write(self):
        merge = self.merge(self.keep, self.gone)
        users = self.agent_a | self.salesperson | self.portal_a | self.supervisor_b
        for user in users | self.supervisor_far:
            with self.subTest(user=user.name), self.assertRaises(AccessError):
                self.as_user(merge, user).action_undo()
        other = self.create_contact("C", database=self.database_other)
        other.target_ids.sudo().state = "done"
        mixed = self.merge(self.keep, other, user=self.manager)
        with self.assertRaises(AccessError):
            self.as_user(mixed, self.supervisor_a).action_undo()
        self.assertEqual(mixed.state, "done")

    def test_a_merge_is_not_forged_by_rpc(self):
        merge = self.merge(self.keep, self.gone)
        for user in (self.supervisor_a, self.manager):
            mine = self.as_user(merge, user)
            with self.assertRaises(AccessError):
                mine.write({"until": self.now(days=9)})
            with self.assertRaises(AccessError):
                mine.unlink()
            with self.assertRaises(AccessError):
                mine.create({"model": "contact", "at": self.now(), "until": self.now()})
        for name in ("_merge", "_merge_many", "_undo", "_forget", "_gone", "_kept"):
            self.assertTrue(
                getattr(getattr(self.Merge, name), "_api_private", False), name
            )

    def test_a_merged_contact_comes_back_by_undo_only(self):
        self.merge(self.keep, self.gone)
        gone = self.as_user(self.gone, self.supervisor_a)
        with self.assertRaisesRegex(UserError, "merged into another"):
            gone.active = True
        with self.assertRaises(AccessError):
            gone.merged_into_id = False

    # ERASURE

    def test_an_erased_person_survives_in_no_twin_and_no_line(self):
        merge = self.merge(self.keep, self.gone)
        erasure = self.as_user(self.env["telemarketing.erasure"], self.manager).create(
            {
                "contact_ids": [Command.set(self.keep.ids)],
                "identity_checked": True,
            }
        )
        erasure.action_show()
        erasure.action_confirm()
        erasure.action_erase()
        self.env.invalidate_all()
        for contact in self.keep | self.gone:
            self.assertTrue(contact.erased_at)
            self.assertFalse(contact.name or contact.vat or contact.raw_values)
        self.assertFalse(merge.line_ids)
        self.assertEqual(merge.state, "final")
        with self.assertRaisesRegex(UserError, "final"):
            merge._undo()

    def test_a_copy_of_the_data_holds_both_records(self):
        self.merge(self.keep, self.gone)
        dossier = self.env["telemarketing.privacy.dossier"].sudo()
        data = dossier._collect(self.keep.sudo(), self.env["res.partner"].sudo())
        self.assertEqual(len(data["people"]), 2)
        privacy = self.env["telemarketing.privacy"].sudo()
        found = privacy._find(
            privacy._key(vat="12345678Z"), self.company_a, in_files=False
        )
        self.assertEqual(found["telemarketing.contact"], self.keep | self.gone)

    # MANY

    def test_many_merges_cost_hardly_more_statements_than_one(self):
        contacts = self.env["telemarketing.contact"].create(
            [
                {
                    "name": f"Person {n // 2}",
                    "database_id": self.database_a.id,
                    "phone_ids": [
                        Command.create({"raw": str(raw)})
                        for raw in (620000000 + n, 630000000 + n // 2)
                    ],
                }
                for n in range(420)
            ]
        )
        pairs = [(contacts[n], contacts[n + 1]) for n in range(0, 420, 2)]
        spent = []
        for some in (pairs[:10], pairs[10:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            merges = self.Merge._merge_many(some)
            self.env.flush_all()
            spent.append(self.env.cr.sql_log_count - before)
            self.assertEqual(len(merges), len(some))
        few, many = spent
        self.assertLess(many - few, 190, "One more statement for each merge.")
        self.env.invalidate_all()
        self.assertEqual(len(contacts[0].phone_ids), 3)
        self.assertEqual(len(contacts[0].target_ids), 2)


@tagged("post_install", "-at_install")
class TestMergePartners(MergeCommon):
    PARTNER_TABLES = (
        *("res_partner", "res_partner_bank", "res_partner_res_partner_category_rel"),
        *("sale_order", "sale_order_line", "account_move", "account_move_line"),
        *("mail_message", "mail_followers", "mail_activity", "ir_attachment"),
        *("mail_followers_mail_message_subtype_rel", "crm_lead", "calendar_event"),
        *("calendar_event_res_partner_rel", "calendar_attendee", "mail_notification"),
        *("ir_model_data", "telemarketing_contact", "telemarketing_interaction"),
        *("telemarketing_consent", "telemarketing_target", "res_users"),
    )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        Partner = cls.env["res.partner"]
        cls.keep, cls.gone = Partner.create(
            [
                {
                    "name": "Carmen Soler",
                    "company_id": cls.company_a.id,
                    "funnel_stage": "prospect",
                    "telemarketing_principal_id": cls.principal_a.id,
                },
                {
                    "name": "Soler, Carmen",
                    "company_id": cls.company_a.id,
                    "funnel_stage": "client",
                    "email": "carmen@soler.es",
                    "vat": "12345678Z",
                    "street": "C/ Mayor 3",
                    "city": "Madrid",
                    "telemarketing_principal_id": cls.principal_a.id,
                },
            ]
        )

    def furnish(self):
        """Everything that hangs on a partner, on both, in conflict where it can be."""
        keep, gone = self.keep, self.gone
        env = self.env
        tags = env["res.partner.category"].create([{"name": "A"}, {"name": "B"}])
        gone.category_id = tags
        keep.category_id = tags[0]
        iban = "ES9121000418450200051332"
        banks = env["res.partner.bank"].create(
            [{"acc_number": iban, "partner_id": p.id} for p in (keep, gone)]
        )
        child = env["res.partner"].create({"name": "At home", "parent_id": gone.id})
        follower = self.salesperson.partner_id
        (keep | gone).message_subscribe(follower.ids)
        self.campaign_a.message_subscribe((keep | gone).ids)
        message = gone.message_post(body="He called")
        attachment = env["ir.attachment"].create(
            {
                "name": "id.txt",
                "raw": b"1",
                "res_model": "res.partner",
                "res_id": gone.id,
            }
        )
        activity = gone.activity_schedule(
            "mail.mail_activity_data_todo", user_id=self.salesperson.id
        )
        event = env["calendar.event"].create(
            {
                "name": "Visit",
                "start": self.now(days=1),
                "stop": self.now(days=1, hours=1),
                "partner_ids": [Command.set((keep | gone).ids)],
            }
        )
        lead = env["crm.lead"].create({"name": "Offer", "partner_id": gone.id})
        product = env["product.product"].create({"name": "Plan", "list_price": 10})
        order = env["sale.order"].create(
            {
                "partner_id": gone.id,
                "order_line": [Command.create({"product_id": product.id})],
            }
        )
        env["ir.model.data"].create(
            {
                "module": "__export__",
                "name": "soler",
                "model": "res.partner",
                "res_id": gone.id,
            }
        )
        contact = self.create_contact("Carmen Soler", "612345671")
        contact.sudo().partner_id = gone
        call = self.called(contact, partner_id=gone.id)
        consent = env["telemarketing.consent"].create(
            {
                "partner_id": gone.id,
                "principal_id": self.principal_a.id,
                "given_at": self.now(days=-2),
            }
        )
        env.flush_all()
        return {
            "moved": [message, attachment, activity],
            "partner": [lead, order, contact, call, consent],
            "banks": banks,
            "child": child,
            "event": event,
            "follower": follower,
            "tags": tags,
        }

    def test_everything_of_a_client_follows_to_the_kept_one(self):
        had = self.furnish()
        merge = self.merge(self.keep, self.gone, user=self.manager)
        for record in had["moved"]:
            self.assertEqual(record.res_id, self.keep.id, record)
        for record in had["partner"]:
            self.assertEqual(record.partner_id, self.keep, record)
        self.assertEqual(had["child"].parent_id, self.keep)
        self.assertEqual(had["child"].commercial_partner_id, self.keep)
        self.assertEqual(had["child"].complete_name, "Carmen Soler, At home")
        self.assertEqual(self.keep.category_id, had["tags"])
        self.assertEqual(self.keep.bank_ids, had["banks"].exists())
        self.assertEqual(len(self.keep.bank_ids), 1)
        self.assertEqual(had["event"].partner_ids, self.keep)
        self.assertEqual(had["event"].attendee_ids.partner_id, self.keep)
        self.assertEqual(len(had["event"].attendee_ids), 1)
        self.assertIn(had["follower"], self.keep.message_partner_ids)
        self.assertEqual(self.keep.funnel_stage, "client")
        self.assertEqual(
            (self.keep.email, self.keep.email_normalized, self.keep.vat),
            ("carmen@soler.es", "carmen@soler.es", "12345678Z"),
        )
        self.assertEqual(self.keep.street, "C/ Mayor 3")
        self.assertFalse(self.gone.active)
        self.assertEqual(self.gone.telemarketing_merged_into_id, self.keep)
        self.assertIn(f"merge no. {merge.id}", self.keep.message_ids[0].body)
        self.assertEqual(merge.principal_id, self.principal_a)

    def test_undo_leaves_every_table_as_it_was(self):
        self.furnish()
        before = self.dump(self.PARTNER_TABLES)
        last = self.env["mail.message"].search([], order="id desc", limit=1).id
        merge = self.merge(self.keep, self.gone, user=self.manager)
        self.as_user(merge, self.manager).action_undo()
        self.env.invalidate_all()
        # What tells of the merge itself stays told.
        self.env["mail.message"].search([("id", ">", last)]).unlink()
        self.assertSameRows(before, self.dump(self.PARTNER_TABLES))
        self.assertFalse(merge.report)

    def test_undo_lists_what_was_changed_since(self):
        had = self.furnish()
        lead, order = had["partner"][:2]
        merge = self.merge(self.keep, self.gone, user=self.manager)
        lead.partner_id = had["child"]
        self.keep.email = "new@soler.es"
        had["moved"][1].unlink()
        self.as_user(merge, self.manager).action_undo()
        self.env.invalidate_all()
        self.assertEqual(lead.partner_id, had["child"])
        self.assertEqual(order.partner_id, self.gone)
        self.assertEqual(self.keep.email, "new@soler.es")
        self.assertFalse(self.keep.vat)
        for text in ("new@soler.es", "Offer", "deleted since"):
            self.assertIn(text, merge.report)

    def test_what_no_foreign_key_tells_follows_too(self):
        """Extra fields that hold a partner, and defaults."""
        team = self.env["crm.team"].create({"name": "T", "company_id": False})
        team.lead_properties_definition = [
            {
                "name": "a1b2c3d4e5f60718",
                "string": "Sent by",
                "type": "many2one",
                "comodel": "res.partner",
            },
            {
                "name": "a1b2c3d4e5f60719",
                "string": "Relatives",
                "type": "many2many",
                "comodel": "res.partner",
            },
        ]
        lead = self.env["crm.lead"].create(
            {
                "name": "L",
                "team_id": team.id,
                "lead_properties": {
                    "a1b2c3d4e5f60718": self.gone.id,
                    "a1b2c3d4e5f60719": (self.gone | self.keep).ids,
                },
            }
        )
        self.env["ir.default"].set("crm.lead", "partner_id", self.gone.id)
        tables = ("crm_lead", "ir_default", "res_partner")
        before = self.dump(tables)
        merge = self.merge(self.keep, self.gone, user=self.manager)
        self.assertEqual(
            lead.lead_properties["a1b2c3d4e5f60718"], self.keep, "Left behind"
        )
        self.assertEqual(lead.lead_properties["a1b2c3d4e5f60719"], self.keep)
        self.assertEqual(
            self.env["ir.default"]._get("crm.lead", "partner_id"), self.keep.id
        )
        merge._undo()
        self.env.invalidate_all()
        self.assertSameRows(before, self.dump(tables))

    def invoice(self, partner):
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "invoice_line_ids": [
                    Command.create({"name": "Plan", "quantity": 1, "price_unit": 10})
                ],
            }
        )
        move.action_post()
        return move

    def test_invoices_follow_but_sealed_ones_do_not_change_hands(self):
        if not self.env["account.journal"].search_count(
            [("type", "=", "sale"), ("company_id", "=", self.company_a.id)]
        ):
            self.env["account.chart.template"].try_loading(
                "es_pymes"
                if "l10n_es" in self.registry._init_modules
                else "generic_coa",
                self.company_a,
                install_demo=False,
            )
        (self.keep | self.gone).vat = False
        move = self.invoice(self.gone)
        before = self.dump(self.PARTNER_TABLES)
        merge = self.merge(self.keep, self.gone, user=self.manager)
        self.assertEqual(move.partner_id, self.keep)
        self.assertEqual(move.commercial_partner_id, self.keep)
        self.assertEqual(move.line_ids.partner_id, self.keep)
        last = merge.partner_id.message_ids[:1]
        merge._undo()
        self.env.invalidate_all()
        self.env["mail.message"].search([("id", ">=", last.id)]).unlink()
        self.assertSameRows(before, self.dump(self.PARTNER_TABLES))
        self.env.cr.execute(
            "UPDATE account_move SET inalterable_hash = 'abc' WHERE id = %s", [move.id]
        )
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "sealed"):
            self.merge(self.keep, self.gone, user=self.manager)
        self.assertTrue(self.merge(self.gone, self.keep, user=self.manager))

    def test_who_must_not_disappear_is_refused_with_a_sentence(self):
        Partner = self.env["res.partner"]
        own = Partner.create({"name": "X"})
        child = Partner.create(
            {
                "name": "Y",
                "parent_id": self.keep.id,
                "company_id": self.company_a.id,
                "telemarketing_principal_id": self.principal_a.id,
            }
        )
        grown = Partner.create({"name": "Z"})
        for keep, gone, sentence in (
            (self.keep, own, "different client companies"),
            (self.keep, child, "the company of the other"),
            (child, self.keep, "the company of the other"),
            (own, self.agent_a.partner_id, "a user"),
            (own, self.principal_a, "a client company"),
            (own, self.company_b.partner_id, "one of our companies"),
        ):
            with self.subTest(sentence), self.assertRaisesRegex(UserError, sentence):
                self.env["telemarketing.merge"]._merge(keep, gone)
        for user in (self.supervisor_a, self.agent_a, self.salesperson):
            with self.assertRaises(AccessError):
                self.merge(own, grown, user=user)
        merge = self.merge(own, grown, user=self.manager)
        with self.assertRaises(AccessError):
            self.as_user(merge, self.supervisor_a).action_undo()

    def test_nobody_says_by_hand_who_was_merged(self):
        """An erasure of the one would take the other along."""
        for user in (self.salesperson, self.supervisor_a, self.manager):
            partner = self.as_user(self.gone, user)
            with self.subTest(user=user.name), self.assertRaises(AccessError):
                partner.telemarketing_merged_into_id = self.keep
            with self.assertRaises(AccessError):
                partner.create(
                    {"name": "X", "telemarketing_merged_into_id": self.keep.id}
                )

    def test_two_contacts_of_two_clients_merge_once_the_clients_are_one(self):
        contacts = self.create_contact("Carmen", "612345671") | self.create_contact(
            "Carmen", "612345671"
        )
        for contact, partner in zip(contacts, self.keep | self.gone, strict=True):
            contact.sudo().partner_id = partner
        with self.assertRaisesRegex(UserError, "merge those first"):
            self.merge(*contacts)
        self.merge(self.keep, self.gone, user=self.manager)
        self.merge(*contacts)
        self.assertEqual(contacts.partner_id, self.keep)

    def test_after_a_day_an_unreferenced_double_goes_and_others_stay_archived(self):
        other = self.env["res.partner"].create(
            {
                "name": "Soler C.",
                "company_id": self.company_a.id,
                "telemarketing_principal_id": self.principal_a.id,
            }
        )
        merge = self.merge(self.keep, self.gone | other, user=self.manager)
        self.env["crm.lead"].create({"name": "Late", "partner_id": other.id})
        merge.until = self.now(seconds=-1)
        self.env["telemarketing.merge"]._gc_final()
        self.assertFalse(self.gone.exists())
        self.assertTrue(other.exists())
        self.assertFalse(other.active)

    def test_a_withdrawal_while_merged_binds_the_contacts_of_both_after_undo(self):
        contacts = self.create_contact("Carmen", "612345671") | self.create_contact(
            "Carmen", "612345672"
        )
        for contact, partner in zip(contacts, self.keep | self.gone, strict=True):
            contact.sudo().partner_id = partner
        partner = {"partner_id": self.keep.id, "principal_id": self.principal_a.id}
        for hour, whose in ((-9, {"contact_id": contacts[0].id}), (-5, partner)):
            with self.subTest(whose=list(whose)):
                self.env["telemarketing.consent"].create(
                    [
                        {"contact_id": c.id, "given_at": self.now(hours=hour)}
                        for c in contacts
                    ]
                )
                self.assertTrue(all(c.consented_on for c in contacts))
                merge = self.merge(self.keep, self.gone, user=self.manager)
                self.env["telemarketing.consent"].create(
                    {**whose, "withdrawn_at": self.now(hours=hour + 1)}
                )
                self.assertFalse(any(c.consented_on for c in contacts))
                merge._undo()
                self.env.invalidate_all()
                self.assertFalse(any(c.consented_on for c in contacts))
                self.env["telemarketing.consent"].create(
                    [
                        {"contact_id": c.id, "given_at": self.now(hours=hour + 2)}
                        for c in contacts
                    ]
                )
                self.env.invalidate_all()
                self.assertTrue(all(c.consented_on for c in contacts))

    def test_an_erased_client_survives_in_no_twin(self):
        contact = self.create_contact("Carmen Soler", "612345671")
        contact.sudo().partner_id = self.keep
        merge = self.merge(self.keep, self.gone, user=self.manager)
        erasure = self.as_user(self.env["telemarketing.erasure"], self.manager).create(
            {
                "contact_ids": [Command.set(contact.ids)],
                "identity_checked": True,
            }
        )
        erasure.action_show()
        erasure.action_confirm()
        erasure.action_erase()
        self.env.invalidate_all()
        for partner in self.keep | self.gone:
            self.assertFalse(partner.vat or partner.email or partner.street)
            self.assertNotIn("Soler", partner.name)
        self.assertFalse(merge.line_ids)
        with self.assertRaisesRegex(UserError, "final"):
            merge._undo()

    def test_an_erased_client_is_not_named_in_the_chatter_of_the_other(self):
        (self.keep | self.gone).name = "Ana Uno"
        self.gone.name = "Berta Dos"
        merge = self.merge(self.keep, self.gone, user=self.manager)
        self.as_user(merge, self.manager).action_undo()
        self.env.invalidate_all()
        contact = self.create_contact("Berta Dos", "612345671")
        contact.sudo().partner_id = self.gone
        self.erase(contact)
        self.assertNotIn("Berta", self.gone.name)
        told = self.keep.message_ids.mapped("body")
        self.assertEqual(sum("merge no." in body for body in told), 2, told)
        self.assertNotIn("Berta", "".join(told))
        self.assertNotIn("Berta", merge.name + str(merge.report))
