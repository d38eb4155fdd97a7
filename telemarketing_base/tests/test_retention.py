"""What would be kept too long, or lost too early."""

import base64
from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models import retention
from .test_privacy import PrivacyCommon

DAY = timedelta(days=1)


@tagged("post_install", "-at_install", "telemarketing_privacy")
class TestRetention(PrivacyCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Rule = cls.env["telemarketing.retention.rule"]

    def rule(self, kind, **values):
        rule = self.Rule._of(self.company, kind)
        if values:
            rule.write(values)
        return rule

    def active(self, kind, **values):
        rule = self.rule(kind, **values)
        rule.action_preview()
        rule.action_confirm()
        return rule

    def due(self, rule):
        return rule._due_records(None)

    def ago(self, days):
        return self.now() - days * DAY

    def recorded(self, days, name, **values):
        contact = self.create_contact(name, f"6125{days:05d}")
        call = self.create_call(contact, started_at=self.ago(days), **values)
        return self.create_recording(call)

    # SHOWN BEFORE

    def test_every_company_has_rules_that_wait_until_somebody_looked(self):
        company = self.env["res.company"].create({"name": "New"})
        rules = self.Rule.search([("company_id", "=", company.id)])
        self.assertEqual(set(rules.mapped("kind")), set(retention.KINDS))
        waiting = rules.filtered(lambda r: r.state == "to_confirm").mapped("kind")
        # Those two went by themselves before there were rules.
        self.assertEqual(set(retention.KINDS) - set(waiting), {"search_log", "upload"})

    def test_nothing_goes_before_it_was_shown_and_confirmed(self):
        old = self.recorded(200, "Old")
        rule = self.rule("recording_no_sale")
        self.Rule._cron_run()
        self.assertFalse(old.deleted_at)
        with self.assertRaisesRegex(UserError, "shown first"):
            rule.action_confirm()
        rule.action_preview()
        self.assertEqual(rule.due_count, 1)
        self.assertIn(f"#{old.id}", rule.preview_html)
        self.assertFalse(old.deleted_at)
        rule.action_confirm()
        self.Rule._cron_run()
        self.assertTrue(old.deleted_at)
        run = rule.run_ids
        self.assertEqual((run.count, run.error), (1, False))

    def test_a_stricter_rule_waits_again_a_longer_one_does_not(self):
        rule = self.active("recording_no_sale")
        rule.days = 120
        self.assertEqual(rule.state, "active")
        rule.days = 60
        self.assertEqual((rule.state, rule.previewed_at), ("to_confirm", False))
        rule.action_preview()
        rule.action_confirm()
        rule.active = False
        rule.active = True
        self.assertEqual(rule.state, "to_confirm")

    def test_no_rule_is_shorter_than_the_law(self):
        for kind, days in (
            ("exclusion_lifted", 365),
            ("refusal", 200),
            ("blocked", 1000),
            ("agent_state", 1460),
            ("recording_sale", 1000),
            ("person_closed", 300),
        ):
            with self.subTest(kind=kind), self.assertRaises(ValidationError):
                self.rule(kind).days = days
                self.env.flush_all()

    def test_every_rule_says_why_so_long(self):
        for rule in self.Rule.search([("company_id", "=", self.company.id)]):
            self.assertTrue(rule.why, rule.kind)

    # WHAT GOES, WHAT STAYS

    def test_recordings_without_a_sale_go_with_their_sound(self):
        old, young = self.recorded(91, "Old"), self.recorded(89, "Young")
        own_date = self.recorded(300, "Own date")
        own_date.keep_until = self.now().date() + 10 * DAY
        self.active("recording_no_sale")._run()
        self.assertTrue(old.deleted_at)
        self.assertFalse(young.deleted_at or own_date.deleted_at)
        with self.assertRaises(UserError):
            old._read_from_store()

    def test_recordings_that_prove_a_sale_a_consent_or_an_objection_stay(self):
        sold = self.recorded(200, "Sold", is_conversion=True)
        agreed = self.recorded(201, "Agreed")
        self.env["telemarketing.consent"].create(
            {
                "contact_id": agreed.interaction_id.contact_id.id,
                "given_at": self.ago(201),
                "interaction_id": agreed.interaction_id.id,
            }
        )
        objected = self.recorded(202, "Objected")
        self.env["telemarketing.exclusion"].create(
            {
                "number_id": objected.interaction_id.number_id.id,
                "interaction_id": objected.interaction_id.id,
                "date": self.ago(202),
            }
        )
        self.active("recording_no_sale")._run()
        for recording in (sold, agreed, objected):
            self.assertFalse(recording.deleted_at)
        due = self.due(self.rule("recording_sale", days=1827))
        self.assertFalse(due)
        sold.interaction_id.started_at = self.ago(1830)
        self.assertEqual(self.due(self.rule("recording_sale")), sold)

    def test_a_principal_may_have_its_own_term(self):
        old = self.recorded(200, "Of A")
        rule = self.rule("recording_no_sale")
        self.assertIn(old, self.due(rule))
        own = self.Rule.create(
            {
                "kind": "recording_no_sale",
                "principal_id": self.principal_a.id,
                "days": 365,
            }
        )
        self.assertNotIn(old, self.due(rule))
        self.assertFalse(self.due(own))
        own.days = 180
        self.assertEqual(self.due(own), old)
        with self.assertRaises(ValidationError):
            self.Rule.create(
                {
                    "kind": "search_log",
                    "principal_id": self.principal_a.id,
                    "days": 365,
                }
            )

    def test_uploaded_files_go_after_the_days_of_the_settings(self):
        job = self.env["telemarketing.import"].create(
            {
                "database_id": self.database_a.id,
                "filename": "base.csv",
                "file": base64.b64encode(b"Telefono;Nombre\n612400001;Ana\n"),
                "preview_html": "<p>Ana</p>",
                "state": "done",
                "column_ids": [Command.create({"heading": "Nombre", "sample": "Ana"})],
            }
        )
        self.company.telemarketing_erase_uploads_days = 40
        rule = self.rule("upload")
        self.assertEqual((rule.days, rule.state), (40, "active"))
        self.env.flush_all()
        for days, kept in ((39, True), (41, False)):
            self.env.cr.execute(
                "UPDATE telemarketing_import SET create_date = %s WHERE id = %s",
                [self.ago(days), job.id],
            )
            self.Rule._cron_run()
            self.assertEqual(bool(job.file), kept)
        self.assertFalse(job.column_ids.sample)
        self.assertEqual(self.due(rule), job.browse())

    def test_searches_go_after_their_year(self):
        Log = self.env["telemarketing.search.log"]
        common = {"user_id": self.agent_a.id, "company_id": self.company.id}
        old, young = Log.create(
            [
                {**common, "text": "old", "at": self.ago(366)},
                {**common, "text": "young", "at": self.ago(364)},
            ]
        )
        self.Rule._cron_run()
        self.assertFalse(old.exists())
        self.assertTrue(young.exists())

    def test_the_row_as_loaded_goes_where_nobody_was_called_and_the_person_stays(self):
        never = self.create_contact("Never Called", "612 400 070")
        never.raw_values = {"Nombre": "NEVER"}
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE telemarketing_contact SET create_date = %s WHERE id = ANY(%s)",
            [self.ago(800), [never.id, self.carmen.id]],
        )
        self.active("raw_row")._run()
        self.assertFalse(never.raw_values)
        self.assertEqual(never.name, "Never Called")
        self.assertTrue(self.carmen.raw_values)

    def close(self, contact, days):
        """As a target closed so many days ago."""
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE telemarketing_target SET state = 'done', last_result_at = %(at)s,
                      create_date = %(at)s WHERE contact_id = %(id)s;
               UPDATE telemarketing_interaction SET started_at = %(at)s
               WHERE contact_id = %(id)s;
               UPDATE telemarketing_contact SET create_date = %(at)s
               WHERE id = %(id)s""",
            {"at": self.ago(days), "id": contact.id},
        )
        self.env.invalidate_all()

    def test_people_of_closed_work_are_blocked_and_emptied_the_open_ones_stay(self):
        open_one = self.create_contact("Open", "612 400 080")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE telemarketing_contact SET create_date = %s WHERE id = %s",
            [self.ago(2000), open_one.id],
        )
        self.close(self.carmen, 1200)
        self.env.cr.execute(
            "UPDATE telemarketing_consent SET given_at = %s WHERE id = %s",
            [self.ago(1250), self.consent.id],
        )
        number = self.carmen.phone_ids[1].number_id
        self.active("person_closed")._run()
        self.assertFalse(self.carmen.name)
        self.assertTrue(self.carmen.erased_at)
        self.assertFalse(self.carmen.phone_ids)
        self.assertEqual(open_one.name, "Open")
        blocked = self.env["telemarketing.blocked"].search(
            [("contact_id", "=", self.carmen.id)]
        )
        self.assertEqual((blocked.cause, blocked.calls), ("retention", 1))
        # The land line stood for nobody else and nothing excludes it.
        self.assertFalse(number.exists())

    def test_who_has_become_a_prospect_is_no_closed_person(self):
        self.close(self.carmen, 1200)
        self.carmen.partner_id = self.env["res.partner"].create({"name": "Carmen"})
        self.assertNotIn(self.carmen, self.due(self.rule("person_closed")))

    def test_blocked_data_go_on_their_day_with_their_proofs(self):
        blocked = self.env["telemarketing.blocked"].create(
            {
                "reference": "ER-1",
                "company_id": self.company.id,
                "cause": "erasure",
                "blocked_at": self.ago(1100),
                "blocked_until": self.now().date(),
                "data": {"person": {"name": "Carmen"}},
            }
        )
        proof = self.env["ir.attachment"].create(
            {"name": "p", "res_model": blocked._name, "res_id": blocked.id, "raw": b"x"}
        )
        rule = self.active("blocked")
        rule._run()
        self.assertTrue(blocked.exists())
        blocked.blocked_until -= DAY
        rule._run()
        self.assertFalse(blocked.exists() or proof.exists())

    def test_only_lifted_exclusions_go_and_not_before_their_year(self):
        numbers = [
            self.create_contact(f"N{n}", f"6124009{n:02d}").phone_ids.number_id
            for n in range(3)
        ]
        in_force, old, young = self.env["telemarketing.exclusion"].create(
            [{"number_id": number.id, "date": self.ago(3000)} for number in numbers]
        )
        (old | young).action_lift("Asked to be called again")
        self.env.flush_all()
        for exclusion, days in ((old, 1100), (young, 1000)):
            self.env.cr.execute(
                "UPDATE telemarketing_exclusion SET lifted_at = %s WHERE id = %s",
                [self.ago(days), exclusion.id],
            )
        self.env.invalidate_all()
        self.active("exclusion_lifted")._run()
        self.assertFalse(old.exists())
        self.assertTrue(young.exists() and in_force.exists())

    # HOW

    def test_it_goes_in_chunks_and_one_failing_kind_stops_no_other(self):
        logs = self.env["telemarketing.search.log"].create(
            [
                {
                    "user_id": self.agent_a.id,
                    "company_id": self.company.id,
                    "text": str(n),
                    "at": self.ago(400),
                }
                for n in range(7)
            ]
        )
        recording = self.recorded(200, "Old")
        failing = self.active("recording_no_sale")
        with (
            patch.object(retention, "CHUNK", 3),
            patch.object(
                type(recording), "_delete_from_store", side_effect=ValueError("disk")
            ),
            mute_logger("odoo.addons.telemarketing_base.models.retention"),
        ):
            self.Rule._cron_run()
        self.assertFalse(logs.exists())
        self.assertEqual(self.rule("search_log").run_ids[:1].count, 7)
        self.assertFalse(recording.deleted_at)
        self.assertIn("disk", failing.run_ids[:1].error)

    def test_another_companys_records_are_not_touched(self):
        far = self.create_contact("Far", "612 400 090", self.database_far)
        call = self.create_call(far, started_at=self.ago(300))
        recording = self.create_recording(call)
        self.active("recording_no_sale")._run()
        self.assertFalse(recording.deleted_at)

    # RIGHTS

    def test_nobody_confirms_by_writing_nor_reads_what_would_go_elsewhere(self):
        rule = self.rule("recording_no_sale")
        model = rule._name
        for values in (
            {"state": "active"},
            {"previewed_at": "2026-01-01 10:00:00"},
            {"kind": "search_log"},
            {"company_id": self.company_b.id},
        ):
            self.assertRefused(self.manager, model, "write", rule.ids, values)
        self.assertRefused(
            self.manager,
            model,
            "create",
            {"kind": "refusal", "days": 500, "state": "active"},
        )
        far = self.Rule._of(self.company_b, "recording_no_sale")
        for method in ("action_preview", "action_confirm", "action_open_due"):
            self.assertRefused(self.manager, model, method, far.ids)
            self.assertRefused(self.supervisor_a, model, method, rule.ids)
            self.assertRefused(self.agent_a, model, method, rule.ids)
        for method in ("_run", "_due_records", "_create_missing", "_cron_run"):
            self.assertRefused(self.manager, model, method, rule.ids)
        self.as_user(rule, self.manager).action_preview()
        self.as_user(rule, self.manager).action_confirm()
        self.assertEqual(rule.confirmed_by_id, self.manager)
