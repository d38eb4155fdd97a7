import base64
import tracemalloc

import psycopg2

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.service.model import call_kw
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import TelemarketingCommon

CSV = (
    "Teléfono;Nombre;Dirección;C.P.\n"
    "612345678;Carmen;Mayor 3;46002\n"
    "612345679;Luis;Sol 1;28001\n"
)
JOB = "odoo.addons.telemarketing_base.models.import_job"
QUIET = ("odoo.models", "odoo.addons.base.models.ir_rule", JOB)


@tagged("post_install", "-at_install", "telemarketing_import")
class TestImportRights(TelemarketingCommon):
    """What a supervisor who calls by RPC would reach by a file that he may load."""

    def job(self, content=CSV, user=None, database=None, **values):
        jobs = self.as_user(self.env["telemarketing.import"], user or self.supervisor_a)
        return jobs.create(
            {
                "database_id": (database or self.database_a).id,
                "filename": "base.csv",
                "file": base64.b64encode(content.encode()),
                "legal_basis": "client",
                "basis_source": "Contract",
                **values,
            }
        )

    def pressed(self, **values):
        job = self.job(**values)
        job.action_read()
        job.action_load()
        return job

    def turn(self):
        self.env.flush_all()
        self.env.invalidate_all()
        with mute_logger(JOB):
            self.env["telemarketing.import"].sudo()._cron_load()
        self.env.flush_all()
        self.env.invalidate_all()

    def refused(self, records, values, user=None):
        savepoint = self.env.cr.savepoint()
        try:
            with mute_logger(*QUIET), self.assertRaises(UserError):
                call_kw(
                    self.env(user=user or self.supervisor_a, context={})[records._name],
                    "write",
                    [records.ids, values],
                    {},
                )
                self.env.flush_all()
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)

    # WHERE IT LOADS

    def test_a_load_already_pressed_is_not_turned_to_another_principals_people(self):
        dora = self.create_contact("Dora", "612 345 678", self.database_b)
        job = self.pressed()
        both = {
            "database_id": self.database_b.id,
            "campaign_id": self.campaign_a.id,
        }
        self.refused(job, both)
        self.refused(job, {"campaign_id": self.campaign_own.id})
        self.refused(job, {"duplicates": "update"})
        self.refused(job, {"file": base64.b64encode(b"x")})
        self.refused(job, {"match_phone": True})
        self.refused(job.column_ids[:1], {"is_updated": True})
        self.refused(job, {"column_ids": [Command.delete(job.column_ids[0].id)]})
        self.refused(job, {"column_ids": [Command.create({"target": "vat"})]})
        self.turn()
        self.assertEqual(
            (job.state, job.loaded), ("done", 2), job.row_ids.mapped("reason")
        )
        self.assertEqual(self.database_b.sudo().contact_ids, dora)

    def test_a_file_is_not_uploaded_or_moved_into_a_database_out_of_reach(self):
        both = {
            "database_id": self.database_b.id,
            "campaign_id": self.campaign_a.id,
        }
        with mute_logger(*QUIET), self.assertRaises(UserError):
            self.job(**both)
        job = self.job()
        self.refused(job, both)
        self.refused(job, {"database_id": self.database_b.id})
        job.database_id = self.database_own
        self.assertEqual(job.campaign_id, self.campaign_own)

    def test_not_even_the_code_loads_people_past_the_rules_of_their_campaign(self):
        with self.assertRaises(ValidationError):
            self.job(user=self.env.user).campaign_id = self.campaign_b

    def test_who_was_taken_off_the_campaign_loads_nobody_any_more(self):
        job = self.pressed()
        self.campaign_a.supervisor_ids = self.supervisor_b
        self.team_a.telemarketing_supervisor_ids = self.supervisor_b
        self.turn()
        job = job.sudo()
        self.assertEqual((job.state, job.loaded), ("failed", 0))
        self.assertIn(self.supervisor_a.name, job.error)

    def test_who_was_archived_loads_nobody_any_more(self):
        job = self.pressed()
        self.supervisor_a.active = False
        self.turn()
        self.assertEqual((job.sudo().state, job.sudo().loaded), ("failed", 0))

    # IN WHOSE NAME

    def test_a_managers_file_loads_with_the_reach_of_who_presses_load(self):
        cora = self.create_contact("Cora", "612 345 678", self.database_other)
        job = self.job(
            user=self.manager, duplicates="update", match_scope="principal"
        ).with_user(self.supervisor_a)
        job.action_read()
        job.column_ids.filtered(lambda c: c.target == "zip").is_updated = True
        job.action_load()
        self.turn()
        job = job.sudo()
        self.assertEqual((job.state, job.updated), ("done", 0))
        self.assertFalse(cora.zip)
        self.assertFalse(job.change_ids)
        self.assertEqual(job.loaded_by_id, self.supervisor_a)

    def test_normalising_somebody_elses_run_sees_what_who_presses_it_sees(self):
        self.create_contact("Cora", "612 345 678", self.database_other)
        runs = self.as_user(self.env["telemarketing.normalise"], self.manager)
        run = runs.create({"campaign_id": self.campaign_a.id})
        asked = run.with_user(self.supervisor_a)
        asked.action_preview()
        self.assertEqual(run.sudo()._asker(), self.supervisor_a)
        found = run.sudo()._sight("telemarketing.contact").search([])
        self.assertNotIn(self.campaign_other, found.sudo().campaign_id)

    def test_searching_somebody_elses_run_sees_what_who_presses_it_sees(self):
        runs = self.as_user(self.env["telemarketing.duplicate.search"], self.manager)
        run = runs.create({"campaign_id": self.campaign_a.id})
        run.with_user(self.supervisor_a).action_start()
        self.assertEqual(run.sudo()._asker(), self.supervisor_a)

    # ITS TRAIL

    def test_nobody_writes_what_became_of_a_load(self):
        job = self.pressed()
        self.turn()
        self.refused(job, {"state": "draft"})
        self.refused(job, {"loaded": 0})
        fresh = self.job()
        for name, value in (
            ("state", "loading"),
            ("position", 1),
            ("loaded_by_id", self.manager.id),
            ("company_id", self.company_b.id),
            ("returned_file", base64.b64encode(b"x")),
            ("preview_html", "<p>x</p>"),
            ("error", "x"),
            ("stop_asked", True),
            ("finished_at", "2026-01-01 00:00:00"),
            ("sheets", "x"),
            ("check_state", "asked"),
            ("row_ids", [Command.clear()]),
            ("change_ids", [Command.clear()]),
        ):
            with self.subTest(name):
                self.refused(fresh, {name: value})
                with mute_logger(*QUIET), self.assertRaises(AccessError):
                    self.job(**{name: value})

    def test_a_load_is_not_deleted_while_people_name_it_whatever_it_counts(self):
        job = self.pressed()
        self.turn()
        job.sudo().write({"state": "draft", "loaded": 0})
        with self.assertRaises(UserError):
            job.unlink()

    def test_a_load_is_not_deleted_while_it_says_what_it_changed(self):
        self.create_contact("Carmen", "612 345 678", self.database_a)
        job = self.job(duplicates="update")
        job.action_read()
        job.column_ids.filtered(lambda c: c.target == "zip").is_updated = True
        job.action_load()
        self.turn()
        self.assertTrue(job.change_ids)
        job.sudo().write({"state": "draft", "loaded": 0})
        self.env["telemarketing.contact"].sudo().search(
            [("import_id", "=", job.id)]
        ).import_id = False
        with self.assertRaises(UserError):
            job.unlink()

    def test_a_file_never_loaded_is_deleted_and_a_copy_is_a_new_upload(self):
        job = self.job()
        job.action_read()
        copy = job.copy()
        self.assertEqual((copy.state, copy.total), ("draft", 0))
        job.unlink()
        self.assertFalse(job.exists())

    # WHAT IT SAYS OF ITS FAILURES

    def database_error(self, query):
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                self.env.cr.execute(query)
        except psycopg2.Error as error:
            return error

    def test_failures_name_nobody_in_the_form_nor_in_the_log(self):
        errors = [
            self.database_error("SELECT 'Carmen 612345678'::int"),
            self.database_error(
                """CREATE TEMP TABLE tm_twice (name text UNIQUE) ON COMMIT DROP;
                   INSERT INTO tm_twice VALUES ('Carmen'), ('Carmen')"""
            ),
            ValueError("could not convert 'Carmen'"),
        ]
        for error in errors:
            job = self.pressed().sudo()
            with self.assertLogs(JOB) as logs:
                job._fail(error)
            for text in (job.error, *logs.output):
                self.assertNotIn("Carmen", text)
                self.assertNotIn("612345678", text)
            self.assertEqual(job.state, "failed")
        self.assertIn("duplicate key", errors[1].diag.message_primary)

    def test_forgetting_the_files_forgets_what_was_said_of_them(self):
        job = self.pressed().sudo()
        job.error = "Carmen"
        job._forget_files()
        self.assertFalse(job.error)

    # WHAT IT WEIGHS

    def test_the_returned_file_is_not_held_in_memory_several_times(self):
        job = self.pressed().sudo()
        self.turn()
        self.env.cr.execute(
            """INSERT INTO telemarketing_import_row (import_id, row, kind, raw, reason)
               SELECT %s, n, 'bad',
                      jsonb_build_array(n::text, repeat('x', 2000), 'Z'), 'Wrong'
               FROM generate_series(1, 10000) n""",
            [job.id],
        )
        size = 10_000 * 2_000
        tracemalloc.start()
        job._write_returned("csv", ";")
        self.env.flush_all()
        written = tracemalloc.get_traced_memory()[1]
        self.env.invalidate_all()
        tracemalloc.reset_peak()
        self.assertFalse(job._has_person({"600000000"}))
        read = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertLess(written, 2 * size)
        self.assertLess(read, 2 * size)
        self.env.invalidate_all()
        self.assertGreater(len(base64.b64decode(job.returned_file)), size)
        self.assertTrue(job._has_person({"Z"}))
        # Written again, it is one file still, and no index of it is kept.
        job._write_returned("csv", ";")
        kept = self.env["ir.attachment"].search(
            [("res_field", "=", "returned_file"), ("res_id", "=", job.id)]
        )
        self.assertEqual(len(kept), 1)
        self.assertNotIn("xxxx", kept.index_content or "")
