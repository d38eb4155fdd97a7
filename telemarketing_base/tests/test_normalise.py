from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from ..models import normalise
from .common import TelemarketingCommon


@tagged("post_install", "-at_install")
class TestNormalise(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.messy = cls.create_contact("ana lópez RUIZ", "612345678", zip="28013")
        cls.good = cls.create_contact("Juan Pérez", "912345678", vat="12345678Z")
        cls.env.flush_all()
        # As files loaded long ago, or by somebody's SQL, left them.
        cls.env.cr.execute(
            """UPDATE telemarketing_contact
               SET vat = '12.345.678-z', email = 'ANA@Example.COM', zip = '28013 ',
                   state_id = NULL, city = 'MADRID'
               WHERE id = %s""",
            [cls.messy.id],
        )
        cls.env.cr.execute(
            """UPDATE telemarketing_contact_phone SET raw = '0034 612-34-56-78',
                      e164 = NULL, number_id = NULL
               WHERE contact_id = %s""",
            [cls.messy.id],
        )
        cls.env.invalidate_all()

    def run_of(self, user=None, **values):
        run = self.env["telemarketing.normalise"]
        if user:
            run = self.as_user(run, user)
        return run.create(
            {"database_ids": [Command.set(self.database_a.ids)], **values}
        )

    def apply(self, run):
        run.action_preview()
        run.action_start()
        self.env["telemarketing.normalise"]._cron_run()
        self.env.invalidate_all()
        return run

    def test_preview_says_what_would_change_and_changes_nothing(self):
        run = self.run_of(self.supervisor_a)
        run.action_preview()
        self.assertEqual(run.state, "preview")
        found = {line.field: (line.old, line.new) for line in run.example_ids}
        self.assertEqual(found["name"], ("ana lópez RUIZ", "Ana López Ruiz"))
        self.assertEqual(found["vat"], ("12.345.678-z", "12345678Z"))
        self.assertEqual(found["email"], ("ANA@Example.COM", "ana@example.com"))
        self.assertEqual(found["city"], ("MADRID", "Madrid"))
        self.assertEqual(found["e164"], ("", "+34612345678"))
        self.assertEqual(run.changed, 7)
        self.assertIn("NIF: 1 change", run.summary)
        self.env.invalidate_all()
        self.assertEqual(self.messy.name, "ana lópez RUIZ")
        self.assertFalse(self.messy.phone_ids.e164)

    def test_messy_person_is_written_as_loading_would_and_can_be_called_again(self):
        target = self.messy.target_ids
        self.env["telemarketing.target"]._refresh_gate(contacts=self.messy)
        self.assertEqual(target.callable_code, "number_bad")
        run = self.apply(self.run_of(self.supervisor_a))
        self.assertEqual(run.state, "done")
        self.assertEqual(self.messy.name, "Ana López Ruiz")
        self.assertEqual(self.messy.vat, "12345678Z")
        self.assertEqual(self.messy.email, "ana@example.com")
        self.assertEqual(self.messy.zip, "28013")
        self.assertEqual(self.messy.state_id.code, "M")
        phone = self.messy.phone_ids
        self.assertEqual(phone.e164, "+34612345678")
        self.assertEqual(phone.number_id.kind, "mobile")
        self.assertEqual(phone.raw, "0034 612-34-56-78")
        self.assertFalse(target.callable_code)

    def test_number_put_right_that_is_excluded_is_not_called(self):
        number = self.create_contact("Otra", "612345678").phone_ids.number_id
        self.env["telemarketing.exclusion"].create(
            {
                "company_id": self.company_a.id,
                "number_id": number.id,
                "scope": "all",
                "reason": "objection",
            }
        )
        self.apply(self.run_of(self.supervisor_a))
        self.assertEqual(self.messy.phone_ids.number_id, number)
        self.assertNotIn(self.messy.target_ids.callable_code, (False, "number_bad"))

    def test_wrong_value_is_listed_and_never_deleted(self):
        self.env.cr.execute(
            "UPDATE telemarketing_contact SET vat = '12345678A', email = 'ana@',"
            " zip = '99999' WHERE id = %s",
            [self.messy.id],
        )
        self.env.cr.execute(
            "UPDATE telemarketing_contact_phone SET raw = 'llamar tarde'"
            " WHERE contact_id = %s",
            [self.messy.id],
        )
        self.env.invalidate_all()
        run = self.apply(self.run_of(self.supervisor_a))
        wrong = {line.field: line for line in run.wrong_ids}
        self.assertEqual(set(wrong), {"vat", "email", "zip", "e164"})
        self.assertIn("12345678A", wrong["vat"].reason)
        self.assertEqual(self.messy.vat, "12345678A")
        self.assertEqual(self.messy.email, "ana@")
        self.assertEqual(self.messy.zip, "99999")
        self.assertEqual(self.messy.phone_ids.raw, "llamar tarde")

    def test_undo_gives_back_what_nobody_changed_since(self):
        run = self.apply(self.run_of(self.supervisor_a))
        self.messy.email = "nueva@example.com"
        self.env.flush_all()
        run.action_undo()
        self.env["telemarketing.normalise"]._cron_run()
        self.env.invalidate_all()
        self.assertEqual(run.state, "undone")
        self.assertEqual(self.messy.name, "ana lópez RUIZ")
        self.assertEqual(self.messy.vat, "12.345.678-z")
        self.assertFalse(self.messy.state_id)
        self.assertFalse(self.messy.phone_ids.e164)
        self.assertEqual(self.messy.email, "nueva@example.com")
        self.assertEqual(run.kept, 1)
        kept = run.change_ids.filtered(lambda line: line.state == "kept")
        self.assertEqual(kept.field, "email")

    def test_after_a_day_it_stays_as_it_is(self):
        run = self.apply(self.run_of(self.supervisor_a))
        over = self.now() + timedelta(hours=25)
        clock = self.env.registry["telemarketing.clock"]
        with patch.object(clock, "_now", lambda _self: over):
            with self.assertRaises(UserError):
                run.action_undo()

    def test_restart_goes_on_where_it_was(self):
        for place in range(5):
            self.create_contact(f"pedro {place}", f"60000000{place}")
        run = self.run_of(self.supervisor_a)
        run.action_preview()
        changes = run.changed
        run.action_start()
        runs = self.env["telemarketing.normalise"]
        with (
            patch.object(normalise, "CHUNK", 2),
            patch.object(
                self.env.registry["telemarketing.chunk.mixin"],
                "_keep_chunk",
                lambda _self, done, remaining=0: False,
            ),
        ):
            runs._cron_run()  # out of time after each chunk
            self.assertEqual((run.state, run.done), ("running", 2))
            for _time in range(6):
                runs._cron_run()
        self.assertEqual(run.state, "done")
        self.assertEqual(len(run.change_ids), changes)
        again = self.run_of(self.supervisor_a)
        again.action_preview()
        self.assertEqual(again.changed, 0)

    def test_supervisor_normalises_nobody_of_others_campaigns(self):
        other = self.create_contact("eva gil", "633333333", self.database_other)
        run = self.as_user(
            self.env["telemarketing.normalise"], self.supervisor_a
        ).create({})
        self.apply(run)
        self.assertEqual(other.name, "eva gil")
        with self.assertRaises(AccessError):
            self.run_of(
                self.supervisor_a,
                database_ids=[Command.set(self.database_other.ids)],
            )
        with self.assertRaises(AccessError):
            self.run_of(self.supervisor_a, campaign_id=self.campaign_b.id)
        with self.assertRaises(AccessError):
            self.run_of(self.supervisor_a, with_partners=True)
        with self.assertRaises(AccessError):
            run.write({"counts": {}})
        with self.assertRaises(AccessError):
            self.run_of(self.agent_a)

    def test_clients_are_put_in_order_by_managers(self):
        client = self.env["res.partner"].create(
            {
                "name": "MARÍA SOLER",
                "funnel_stage": "client",
                "email": "Maria@Example.com",
                "zip": "08001",
                "country_id": self.env.ref("base.es").id,
            }
        )
        run = self.apply(self.run_of(self.manager, with_partners=True))
        self.assertEqual(run.state, "done")
        self.assertEqual(client.name, "María Soler")
        self.assertEqual(client.email, "maria@example.com")
        self.assertEqual(client.state_id.code, "B")
        run.action_undo()
        self.env["telemarketing.normalise"]._cron_run()
        self.env.invalidate_all()
        self.assertEqual(client.name, "MARÍA SOLER")
        self.assertFalse(client.state_id)

    def test_kind_of_a_number_follows_the_numbering_plan(self):
        number = self.good.phone_ids.number_id
        number.kind = "other"
        self.env.flush_all()
        self.apply(self.run_of(self.supervisor_a))
        self.assertEqual(number.kind, "fixed")

    def test_old_values_are_not_kept_for_ever(self):
        run = self.apply(self.run_of(self.supervisor_a))
        lines = run.change_ids
        self.env["telemarketing.normalise.line"]._gc_changes()
        self.assertTrue(lines.exists())
        run.sudo().finished_at = self.now(days=-8)
        self.env["telemarketing.normalise.line"]._gc_changes()
        self.assertFalse(lines.exists())
        self.assertEqual(run.changed, 7)

    def test_erased_person_leaves_no_old_value_behind(self):
        run = self.apply(self.run_of(self.supervisor_a))
        self.assertTrue(run.change_ids)
        self.env["telemarketing.privacy.eraser"]._empty(self.messy.ids)
        self.env.invalidate_all()
        lines = self.env["telemarketing.normalise.line"].search(
            [("contact_id", "=", self.messy.id)]
        )
        self.assertFalse(lines)
