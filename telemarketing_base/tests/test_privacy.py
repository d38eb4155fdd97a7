"""What a person, or who answers for its data, would lose."""

import base64
import io
import json
import zipfile
from unittest.mock import patch

from odoo.exceptions import AccessError, LockError, UserError
from odoo.fields import Command
from odoo.service.model import call_kw
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import TelemarketingCommon

QUIET = ("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")
NIF = "12345678Z"


class PrivacyCommon(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.carmen = cls.create_contact(
            "Carmen Peña",
            ["612 400 001", "915 400 001"],
            vat=NIF,
            email="carmen@example.com",
            street="C/ Mayor 3",
            zip="28001",
            city="Madrid",
            birthdate="1980-05-04",
            note="Llamar por las tardes",
        )
        cls.carmen.raw_values = {"Teléfono": "612400001", "Nombre": "CARMEN PEÑA"}
        cls.target = cls.carmen.target_ids
        cls.call = cls.create_call(cls.carmen, notes="Prefiere el turno de tarde")
        cls.recording = cls.create_recording(cls.call)
        cls.consent = cls.env["telemarketing.consent"].create(
            {
                "contact_id": cls.carmen.id,
                "principal_id": cls.principal_a.id,
                "given_at": "2026-01-10 10:00:00",
                "text_version": "v3",
                "evidence": base64.b64encode(b"signed form"),
                "evidence_name": "form.pdf",
            }
        )
        # The same number in the list of another principal and of another company.
        cls.carmen_b = cls.create_contact("Carmen P.", "612400001", cls.database_b)
        cls.carmen_far = cls.create_contact("Carmen", "612400001", cls.database_far)
        cls.other = cls.create_contact("Luis Otro", "612 400 009")
        cls.env.flush_all()

    @classmethod
    def create_call(cls, contact, **values):
        phone = contact.phone_ids[:1]
        return cls.env["telemarketing.interaction"].create(
            {
                "uuid": f"call-{contact.id}-{values.get('started_at', '')}",
                "company_id": contact.company_id.id,
                "campaign_id": contact.campaign_id.id,
                "principal_id": contact.principal_id.id,
                "contact_id": contact.id,
                "target_id": contact.target_ids[:1].id,
                "database_id": contact.database_id.id,
                "phone_id": phone.id,
                "number_id": phone.number_id.id,
                "e164": phone.e164,
                "agent_id": cls.agent_a.id,
                "started_at": cls.now(),
                "closed_at": cls.now(),
                "state": "done",
                **values,
            }
        )

    @classmethod
    def create_recording(cls, call, sound=b"RIFF-sound", **values):
        recording = cls.env["telemarketing.recording"].create(
            {
                "interaction_id": call.id,
                "store": "attachment",
                "storage_key": f"key-{call.id}",
                "size": len(sound),
                **values,
            }
        )
        cls.env["ir.attachment"].create(
            {
                "name": recording.storage_key,
                "res_model": recording._name,
                "res_id": recording.id,
                "raw": sound,
            }
        )
        return recording

    def rpc(self, user, model, method, *args, **kwargs):
        """As JSON-RPC's ``call_kw`` does it."""
        return call_kw(
            self.env(user=user, context={})[model], method, list(args), kwargs
        )

    def assertRefused(self, user, model, method, *args, **kwargs):
        savepoint = self.env.cr.savepoint()
        try:
            with mute_logger(*QUIET), self.assertRaises(AccessError):
                self.rpc(user, model, method, *args, **kwargs)
                self.env.flush_all()
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)


@tagged("post_install", "-at_install", "telemarketing_privacy")
class TestPrivacyLookup(PrivacyCommon):
    def look_up(self, user=None, **values):
        """``{model: ids}`` of the lines."""
        Wizard = self.as_user(self.env["privacy.lookup.wizard"], user or self.manager)
        wizard = Wizard.create(values)
        wizard.action_lookup()
        self.wizard = wizard
        found = {}
        for line in wizard.line_ids:
            found.setdefault(line.res_model, set()).add(line.res_id)
        return found

    def test_everything_of_a_person_is_found_by_a_number_in_any_form(self):
        for written in ("612400001", "+34 612-400-001", "0034 612 400 001"):
            found = self.look_up(telemarketing_phone=written)
            with self.subTest(written=written):
                self.assertEqual(
                    found["telemarketing.contact"], {self.carmen.id, self.carmen_b.id}
                )
                for record in (self.target, self.call, self.recording, self.consent):
                    self.assertIn(record.id, found[record._name], record._name)
                self.assertIn(
                    self.carmen.phone_ids[0].id, found["telemarketing.contact.phone"]
                )
                self.assertIn(
                    self.carmen.phone_ids[0].number_id.id,
                    found["telemarketing.number"],
                )
        self.assertNotIn(self.other.id, found["telemarketing.contact"])

    def test_everything_of_a_person_is_found_by_nif_alone(self):
        found = self.look_up(telemarketing_vat="12.345.678-z")
        self.assertEqual(found["telemarketing.contact"], {self.carmen.id})
        self.assertIn(self.recording.id, found["telemarketing.recording"])

    def test_an_objection_by_nif_alone_is_found(self):
        Exclusion = self.env["telemarketing.exclusion"]
        mine = Exclusion.create({"vat": NIF})
        stranger = Exclusion.create({"vat": "87654321X"})
        for asked in (
            {"telemarketing_vat": "12.345.678-z"},
            {"telemarketing_phone": "612400001"},
        ):
            found = self.look_up(**asked)["telemarketing.exclusion"]
            self.assertIn(mine.id, found, asked)
            self.assertNotIn(stranger.id, found, asked)
        # of somebody who is in no list any more
        found = self.look_up(telemarketing_vat="87.654.321-X")
        self.assertEqual(found, {"telemarketing.exclusion": {stranger.id}})

    def test_an_objection_by_the_nif_of_a_client_is_found(self):
        self.env["res.partner"].create(
            {"name": "Zoe", "vat": "ES87654321X", "email": "zoe@example.com"}
        )
        mine = self.env["telemarketing.exclusion"].create({"vat": "87654321X"})
        found = self.look_up(email="zoe@example.com")
        self.assertEqual(found["telemarketing.exclusion"], {mine.id})

    def test_each_record_says_whose_data_it_is(self):
        self.look_up(telemarketing_phone="612400001")
        whose = {
            line.res_id: line.telemarketing_principal_id
            for line in self.wizard.line_ids
            if line.res_model == "telemarketing.contact"
        }
        self.assertEqual(whose[self.carmen.id], self.principal_a)
        self.assertEqual(whose[self.carmen_b.id], self.principal_b)
        call = self.wizard.line_ids.filtered(
            lambda line: line.res_model == "telemarketing.interaction"
        )
        self.assertEqual(call.telemarketing_principal_id, self.principal_a)

    def test_results_can_be_opened(self):
        self.look_up(telemarketing_phone="612400001")
        line = self.wizard.line_ids.filtered(
            lambda line: line.res_model == "telemarketing.contact"
        )[:1]
        self.assertEqual(line.resource_ref._name, "telemarketing.contact")
        self.assertEqual(line.action_open_record()["res_id"], line.res_id)

    def test_prospect_opportunity_order_and_appointment_are_found_too(self):
        partner = self.env["res.partner"].create(
            {
                "name": "Carmen Peña",
                "vat": f"ES{NIF}",
                "telemarketing_principal_id": self.principal_a.id,
            }
        )
        lead = self.env["crm.lead"].create({"name": "Lead", "partner_id": partner.id})
        order = self.env["sale.order"].create({"partner_id": partner.id})
        event = self.env["calendar.event"].create(
            {
                "name": "Visit",
                "start": "2026-11-23 10:00:00",
                "stop": "2026-11-23 11:00:00",
                "telemarketing_target_id": self.target.id,
            }
        )
        found = self.look_up(telemarketing_vat=NIF)
        for record in (partner, lead, order, event):
            self.assertIn(record.id, found[record._name], record._name)

    def test_searches_for_a_person_are_found_however_they_were_typed(self):
        Log = self.env["telemarketing.search.log"]
        common = {"user_id": self.agent_a.id, "company_id": self.company.id}
        typed, shown, nothing = Log.create(
            [
                {**common, "text": "612 400 001"},
                {**common, "text": "carm", "target_ids": [self.target.id]},
                {**common, "text": "otro", "target_ids": [self.other.target_ids.id]},
            ]
        )
        found = self.look_up(telemarketing_phone="612400001")[
            "telemarketing.search.log"
        ]
        self.assertEqual(found, {typed.id, shown.id})
        self.assertNotIn(nothing.id, found)

    def test_a_row_that_was_never_loaded_is_found_in_its_file(self):
        content = "Teléfono;Nombre;NIF\n612 40 00 01;;12345678Z\n"
        job = self.env["telemarketing.import"].create(
            {
                "database_id": self.database_a.id,
                "filename": "base.csv",
                "file": base64.b64encode(content.encode()),
            }
        )
        other = job.copy(
            {"file": base64.b64encode(b"Telefono;Nombre\n699999999;Ana\n")}
        )
        found = self.look_up(telemarketing_phone="+34612400001")["telemarketing.import"]
        self.assertIn(job.id, found)
        self.assertNotIn(other.id, found)
        self.assertNotIn(
            "telemarketing.import",
            self.look_up(
                telemarketing_phone="+34612400001", telemarketing_in_files=False
            ),
        )

    def test_administrators_still_have_odoos_own_look_up(self):
        administrator = self._create_user("root_a", "base.group_system")
        partner = self.env["res.partner"].create(
            {"name": "Zoe Only", "email": "zoe@example.com"}
        )
        found = self.look_up(administrator, name="Zoe Only", email="zoe@example.com")
        self.assertIn(partner.id, found["res.partner"])

    def test_another_companys_people_stay_unseen(self):
        for user in (self.manager, self._create_user("root_b", "base.group_system")):
            found = self.look_up(user, telemarketing_phone="612400001")
            self.assertNotIn(self.carmen_far.id, found["telemarketing.contact"])

    def test_who_looked_whom_up_is_logged_masked(self):
        self.look_up(telemarketing_phone="612400001", telemarketing_vat=NIF)
        log = self.wizard.sudo().log_id
        self.assertEqual(log.user_id, self.manager)
        self.assertIn("001", log.telemarketing_anonymized_phone)
        self.assertNotIn("612", log.telemarketing_anonymized_phone)
        self.assertNotIn("12345", log.telemarketing_anonymized_vat)

    def test_nothing_written_or_no_number_is_told(self):
        for values in ({}, {"telemarketing_phone": "12"}):
            with self.subTest(values=values), self.assertRaises(UserError):
                self.look_up(**values)

    def test_only_managers_and_administrators_look_up(self):
        for user in (
            self.agent_a,
            self.supervisor_a,
            self.salesperson,
            self.plain_user,
            self.portal_a,
        ):
            self.assertRefused(
                user,
                "privacy.lookup.wizard",
                "create",
                {"telemarketing_phone": "612400001"},
            )

    def test_a_look_up_is_not_anothers_to_read_nor_its_lines_to_act_on(self):
        self.look_up(telemarketing_phone="612400001")
        second = self._create_user("manager_two", "manager")
        line = self.wizard.line_ids[:1]
        for model, ids in (
            ("privacy.lookup.wizard", self.wizard.ids),
            ("privacy.lookup.wizard.line", line.ids),
        ):
            self.assertRefused(second, model, "read", ids)
        # Core's buttons act with sudo: they are for administrators.
        for method in ("action_unlink", "action_unlink_all", "action_archive_all"):
            self.assertRefused(
                self.manager, "privacy.lookup.wizard.line", method, line.ids
            )
        self.assertRefused(
            self.manager,
            "privacy.lookup.wizard.line",
            "create",
            {"res_id": self.carmen_far.id, "res_model_id": 1},
        )

    def test_nobody_archives_records_through_the_lines_onchange(self):
        model = self.env["ir.model"]._get("res.partner")
        partner = self.env["res.partner"].create({"name": "Victim"})
        for user in (self.manager, self.plain_user):
            self.assertRefused(
                user,
                "privacy.lookup.wizard.line",
                "onchange",
                [],
                {
                    "res_model_id": model.id,
                    "res_id": partner.id,
                    "is_active": False,
                },
                ["is_active"],
                {"res_model_id": {}, "res_id": {}, "is_active": {}},
            )
        self.assertTrue(partner.active)


@tagged("post_install", "-at_install", "telemarketing_privacy")
class TestPersonExport(PrivacyCommon):
    def export(self, user=None, **values):
        Wizard = self.env["telemarketing.person.export"]
        wizard = self.as_user(Wizard, user or self.manager).create(
            {
                "contact_ids": [Command.set(self.carmen.ids)],
                "identity_checked": True,
                **values,
            }
        )
        wizard.action_export()
        content = base64.b64decode(wizard.with_context(bin_size=False).file)
        self.archive = zipfile.ZipFile(io.BytesIO(content))
        return json.loads(self.archive.read("data.json"))

    def test_the_person_gets_all_that_is_known(self):
        self.env["telemarketing.exclusion"].create(
            {
                "number_id": self.carmen.phone_ids[1].number_id.id,
                "scope": "principal",
                "principal_id": self.principal_a.id,
            }
        )
        data = self.export()
        person = data["people"][0]
        self.assertEqual(person["name"], "Carmen Peña")
        self.assertEqual(person["nif"], NIF)
        self.assertEqual(
            [phone["number"] for phone in person["phones"]],
            ["+34612400001", "+34915400001"],
        )
        self.assertEqual(person["as_it_was_loaded"]["Nombre"], "CARMEN PEÑA")
        self.assertEqual(person["origin"]["database"], self.database_a.name)
        self.assertEqual(data["consents"][0]["text_agreed_to"], "v3")
        self.assertEqual(data["objections"][0]["number"], "+34915400001")
        self.assertEqual(data["calls"][0]["notes"], "Prefiere el turno de tarde")
        self.assertEqual(data["controller"], self.principal_a.display_name)
        self.assertEqual(data["processor"], self.company.name)

    def test_an_objection_by_nif_alone_is_in_the_persons_file(self):
        exclusion = self.env["telemarketing.exclusion"].create({"vat": NIF})
        (row,) = self.export()["objections"]
        self.assertEqual(row["number"], NIF)
        self.assertEqual(row["reference"], exclusion.reference)

    def test_objections_under_a_made_up_nif_are_nobodys(self):
        for place in range(6):
            self.create_contact(f"Person {place}", f"61250000{place}", vat=NIF)
        self.env["telemarketing.exclusion"].create({"vat": NIF})
        self.assertEqual(self.export()["objections"], [])

    def test_the_recording_and_the_proof_of_consent_are_in_the_file(self):
        data = self.export()
        recording = data["calls"][0]["recordings"][0]
        self.assertEqual(self.archive.read(recording["file"]), b"RIFF-sound")
        self.assertEqual(
            self.archive.read(data["consents"][0]["evidence"]), b"signed form"
        )
        access = self.recording.access_ids
        self.assertEqual((access.user_id, access.purpose), (self.manager, "download"))

    def test_a_lost_recording_does_not_stop_the_export(self):
        self.env["ir.attachment"].search(
            [("res_model", "=", self.recording._name)]
        ).unlink()
        recording = self.export()["calls"][0]["recordings"][0]
        self.assertIn("not in its store", recording["file"])

    def test_the_page_to_be_read_runs_nothing_that_was_written_in_a_field(self):
        self.carmen.note = "<script>alert(1)</script>"
        self.export()
        page = self.archive.read("summary.html").decode()
        self.assertIn("Carmen Peña", page)
        self.assertNotIn("<script", page)

    def test_agents_stand_as_a_role_not_as_a_name(self):
        self.export()
        for name in ("data.json", "summary.html"):
            self.assertNotIn(self.agent_a.name, self.archive.read(name).decode())

    def test_a_principals_data_never_mixes_with_anothers(self):
        foreign = self.create_call(self.carmen_b, notes="Secreto de B")
        foreign.phone_id = self.carmen_b.phone_ids
        self.env["telemarketing.exclusion"].create(
            {
                "number_id": self.carmen.phone_ids[0].number_id.id,
                "scope": "principal",
                "principal_id": self.principal_b.id,
            }
        )
        data = self.export()
        self.assertNotIn("Secreto de B", json.dumps(data, ensure_ascii=False))
        self.assertEqual(data["objections"], [])
        with self.assertRaisesRegex(UserError, "different client companies"):
            self.export(
                contact_ids=[Command.set((self.carmen | self.carmen_b).ids)],
            )

    def test_whoever_shares_the_number_is_not_in_the_persons_file(self):
        self.create_contact("Marido de Carmen", "612 400 001")
        data = self.export()
        self.assertNotIn("Marido", json.dumps(data, ensure_ascii=False))

    def test_without_knowing_who_asks_nothing_is_given(self):
        with self.assertRaisesRegex(UserError, "who asks"):
            self.export(identity_checked=False)

    def test_the_export_is_in_odoos_privacy_log(self):
        self.export()
        log = self.env["privacy.log"].search([], order="id desc", limit=1)
        self.assertEqual(log.user_id, self.manager)
        self.assertIn("Export", log.execution_details)
        self.assertNotIn("Carmen", log.anonymized_name)

    def test_nobody_exports_whom_he_does_not_see(self):
        model = "telemarketing.person.export"
        for user in (self.agent_a, self.supervisor_a, self.plain_user, self.portal_a):
            self.assertRefused(
                user, model, "create", {"contact_ids": [Command.set(self.carmen.ids)]}
            )
        self.assertRefused(
            self.manager,
            model,
            "create",
            {"contact_ids": [Command.set(self.carmen_far.ids)]},
        )
        mine = self.as_user(self.env[model], self.manager).create(
            {"contact_ids": [Command.set(self.carmen.ids)]}
        )
        self.assertRefused(
            self.manager,
            model,
            "write",
            mine.ids,
            {"contact_ids": [Command.link(self.carmen_far.id)]},
        )
        second = self._create_user("manager_two", "manager")
        self.assertRefused(second, model, "read", mine.ids, ["file"])


class ErasureCommon(PrivacyCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = cls._create_user("officer", "dpo")

    def request(self, user=None, **values):
        Erasure = self.as_user(self.env["telemarketing.erasure"], user or self.manager)
        return Erasure.create(
            {
                "contact_ids": [Command.set(self.carmen.ids)],
                "requester": "Carmen Peña",
                "identity_checked": True,
                **values,
            }
        )

    def erase(self, **values):
        request = self.request(**values)
        request.action_show()
        request.action_confirm()
        request.action_erase()
        self.env.flush_all()
        self.env.invalidate_all()
        return request

    # Sample names in what ships with the suite.
    NOT_PEOPLE = ("ir_ui_view", "telemarketing_script_version")

    def everywhere(self, *texts):
        """Columns of any table of the database in which one of the texts stands."""
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT table_name, column_name FROM information_schema.columns
               WHERE table_schema = 'public' AND data_type IN
                   ('text', 'character varying', 'jsonb')"""
        )
        found = set()
        for table, column in self.env.cr.fetchall():
            if table in self.NOT_PEOPLE:
                continue
            self.env.cr.execute(
                f'SELECT 1 FROM "{table}" WHERE "{column}"::text ILIKE ANY(%s) LIMIT 1',
                [[f"%{text}%" for text in texts]],
            )
            if self.env.cr.fetchone():
                found.add(f"{table}.{column}")
        return found


@tagged("post_install", "-at_install", "telemarketing_privacy")
class TestErasure(ErasureCommon):
    def test_a_file_that_loads_or_begins_to_is_not_forgotten_under_its_load(self):
        job = self.env["telemarketing.import"].create(
            {
                "database_id": self.database_a.id,
                "filename": "base.csv",
                "file": base64.b64encode(b"Telefono;Nombre\n612400001;Carmen\n"),
                "state": "loading",
            }
        )
        for state in ("loading", "undoing"):
            job.state = state
            with self.assertRaisesRegex(UserError, "base.csv is being loaded"):
                self.erase()
        job.state = "preview"
        # Somebody presses Load between the look-up and the erasure.
        Import = type(job)
        with (
            patch.object(Import, "lock_for_update", side_effect=LockError("locked")),
            self.assertRaisesRegex(UserError, "base.csv is being loaded"),
        ):
            self.erase()
        self.assertTrue(job.file)

    def test_nothing_that_says_who_it_was_is_left_but_exclusion_and_block(self):
        self.call.todo = "Carmen Peña could not be made a prospect"
        self.call._add_todo("Carmen Peña could not be made a prospect")
        self.target.write({"notes": "Carmen", "callback_note": "llamar a Carmen"})
        self.env["telemarketing.search.log"].create(
            {
                "user_id": self.agent_a.id,
                "company_id": self.company.id,
                "text": "612400001",
                "target_ids": [self.target.id],
            }
        )
        content = "Teléfono;Nombre\n612 40 00 01;Carmen Peña\n"
        job = self.env["telemarketing.import"].create(
            {
                "database_id": self.database_a.id,
                "filename": "base.csv",
                "file": base64.b64encode(content.encode()),
                "preview_html": "<p>Carmen Peña</p>",
                "column_ids": [
                    Command.create({"heading": "Nombre", "sample": "Carmen Peña"})
                ],
                "row_ids": [
                    Command.create(
                        {
                            "row": 2,
                            "kind": "bad",
                            "raw": ["612400001", "Carmen Peña"],
                            "reason": "twice",
                        }
                    )
                ],
                "state": "done",
            }
        )
        # Other people and companies with the same number are their own matter.
        (self.carmen_b | self.carmen_far).phone_ids.unlink()
        (self.carmen_b | self.carmen_far).name = "Somebody"
        self.erase()
        self.assertEqual(
            self.everywhere("Carmen", "Peña", "C/ Mayor 3", "tarde"),
            {"telemarketing_blocked.data", "telemarketing_blocked.identifiers"},
        )
        self.assertEqual(
            self.everywhere(NIF),
            {
                "telemarketing_blocked.data",
                "telemarketing_blocked.identifiers",
                "telemarketing_exclusion.vat",
            },
        )
        self.assertEqual(
            self.everywhere("612400001", "612 400 001", "915400001"),
            {
                "telemarketing_blocked.data",
                "telemarketing_blocked.identifiers",
                "telemarketing_number.e164",
                "telemarketing_exclusion.e164",
            },
        )
        self.assertFalse(job.file)
        self.assertFalse(job.row_ids)

    def test_figures_and_the_calls_themselves_stay(self):
        started = self.call.started_at
        self.erase()
        self.assertTrue(self.call.exists())
        self.assertEqual(self.call.started_at, started)
        self.assertEqual(self.call.agent_id, self.agent_a)
        self.assertEqual(self.call.campaign_id, self.campaign_a)
        self.assertTrue(self.consent.exists())

    def test_open_work_is_closed_and_agreed_callbacks_are_not_made(self):
        self.target.write(
            {"callback": True, "callback_user_id": self.agent_a.id, "state": "ready"}
        )
        self.erase()
        self.assertIn(self.target.state, ("done", "excluded"))
        self.assertFalse(self.target.callback or self.target.callback_user_id)
        self.assertFalse(self.target.due_at)

    def test_the_next_file_brings_the_person_back_excluded_never_callable(self):
        self.erase()
        again = self.create_contact("Carmen Peña", ["612 400 001", "915400001"])
        again.target_ids._refresh_gate(targets=again.target_ids)
        verdicts = again.target_ids._may_call_each(again.phone_ids, self.now())
        self.assertEqual(again.target_ids.state, "excluded")
        self.assertEqual({v["answer"] for v in verdicts.values()}, {"never"})

    def test_only_this_client_companys_calls_stop_unless_told_otherwise(self):
        request = self.erase()
        exclusions = self.env["telemarketing.exclusion"].search(
            [("source", "ilike", request.reference), ("number_id", "!=", False)]
        )
        self.assertEqual(len(exclusions), 2)
        self.assertEqual(set(exclusions.mapped("scope")), {"principal"})
        self.assertEqual(exclusions.principal_id, self.principal_a)
        self.assertFalse(exclusions.contact_id)

    def test_asked_of_us_everywhere_is_everywhere(self):
        request = self.erase(reach="all")
        exclusions = self.env["telemarketing.exclusion"].search(
            [("source", "ilike", request.reference), ("number_id", "!=", False)]
        )
        self.assertEqual(set(exclusions.mapped("scope")), {"all"})
        self.carmen_b.invalidate_recordset()
        self.assertEqual(self.carmen_b.name, "Carmen P.")

    def test_another_principals_person_of_the_same_number_is_not_erased(self):
        self.erase()
        self.assertEqual(self.carmen_b.name, "Carmen P.")
        self.assertEqual(self.carmen_b.phone_ids.e164, "+34612400001")
        with self.assertRaisesRegex(UserError, "different client companies"):
            self.request(
                contact_ids=[Command.set((self.carmen | self.carmen_b).ids)],
            )

    def test_a_prospect_without_documents_goes_with_its_chatter(self):
        partner = self.env["res.partner"].create(
            {
                "name": "Carmen Peña",
                "phone": "+34612400001",
                "email": "carmen@example.com",
                "telemarketing_principal_id": self.principal_a.id,
            }
        )
        partner.message_post(body="Carmen Peña ha llamado")
        lead = self.env["crm.lead"].create(
            {
                "name": "A: Carmen Peña",
                "partner_id": partner.id,
                "description": "Carmen quiere fibra",
            }
        )
        lead.message_post(body="Carmen")
        self.carmen.write({"partner_id": partner.id, "lead_id": lead.id})
        (self.carmen_b | self.carmen_far).name = "Somebody"
        self.erase()
        self.assertFalse(partner.active)
        self.assertFalse(lead.active)
        self.assertEqual(
            self.everywhere("Carmen", "Peña"),
            {"telemarketing_blocked.data", "telemarketing_blocked.identifiers"},
        )

    def test_who_has_an_invoice_stays_with_it_and_that_is_said(self):
        partner = self.env["res.partner"].create({"name": "Cliente con Factura"})
        own = self.create_contact("Cliente", "612 400 050", self.database_own)
        own.partner_id = partner
        journal = self.env["account.journal"].search(
            [("type", "=", "general"), ("company_id", "=", self.company.id)], limit=1
        ) or self.env["account.journal"].create(
            {"name": "Misc", "code": "TMPRV", "type": "general"}
        )
        self.env["account.move"].create(
            {"move_type": "entry", "journal_id": journal.id, "partner_id": partner.id}
        )
        request = self.request(contact_ids=[Command.set(own.ids)])
        request.action_show()
        self.assertIn("Cliente con Factura", request.plan_html)
        self.assertIn("invoices", request.plan_html)
        request.action_confirm()
        request.action_erase()
        self.assertEqual(partner.name, "Cliente con Factura")
        self.assertTrue(partner.active)
        self.assertFalse(own.name)
        self.assertNotIn("Cliente con Factura", request.kept_html)
        self.assertIn(f"#{partner.id}", request.kept_html)

    def test_a_client_known_without_a_contact_is_erased_and_blocked_too(self):
        partner = self.env["res.partner"].create(
            {
                "name": "Solo Cliente",
                "phone": "+34612400077",
                "country_id": self.env.ref("base.es").id,
            }
        )
        self.erase(
            contact_ids=[Command.clear()], partner_ids=[Command.set(partner.ids)]
        )
        self.assertFalse(partner.active)
        self.assertNotEqual(partner.name, "Solo Cliente")
        blocked = self.env["telemarketing.blocked"]._with_identifier(
            ["+34612400077"], self.company
        )
        self.assertIn("Solo Cliente", json.dumps(blocked.sudo().data))
        self.assertTrue(
            self.env["telemarketing.exclusion"].search_count(
                [("e164", "=", "+34612400077"), ("scope", "=", "all")]
            )
        )

    def test_what_will_happen_is_shown_and_confirmed_twice_before(self):
        request = self.request()
        for step in ("action_confirm", "action_erase"):
            with self.assertRaises(UserError):
                getattr(request, step)()
        request.action_show()
        self.assertIn("exclusions", request.plan_html)
        self.assertIn("blocked until", request.plan_html)
        with self.assertRaises(UserError):
            request.action_erase()
        with self.assertRaises(UserError):
            request.contact_ids = [Command.link(self.other.id)]
        self.assertEqual(self.carmen.name, "Carmen Peña")
        request.action_confirm()
        request.action_erase()
        self.assertFalse(self.carmen.name)
        self.assertFalse(request.requester)
        with self.assertRaises(UserError):
            request.action_erase()

    def test_who_shares_the_number_is_named_before_as_a_count(self):
        self.create_contact("Marido", "612 400 001")
        request = self.request()
        request.action_show()
        self.assertIn("other people have one of these numbers", request.plan_html)

    def test_not_while_somebody_talks_to_the_person(self):
        self.target.write(
            {
                "state": "talking",
                "leased_by_id": self.agent_a.id,
                "leased_until": self.now(minutes=10),
            }
        )
        request = self.request()
        request.action_show()
        request.action_confirm()
        with self.assertRaisesRegex(UserError, "on the desk"):
            request.action_erase()

    def test_an_erased_person_is_not_filled_in_again_by_hand(self):
        self.erase()
        with self.assertRaises(UserError):
            self.as_user(self.carmen, self.manager).write({"name": "Carmen"})

    def test_proofs_stay_blocked_for_three_years_behind_a_logged_door(self):
        request = self.erase()
        blocked = self.env["telemarketing.blocked"].search(
            [("reference", "=", request.reference)]
        )
        self.assertEqual((blocked.calls, blocked.consents), (1, 1))
        days = (blocked.blocked_until - self.now().date()).days
        self.assertGreaterEqual(days, 3 * 365)
        self.assertEqual(self.recording.blocked_until, blocked.blocked_until)
        self.assertGreaterEqual(self.recording.keep_until, blocked.blocked_until)
        with self.assertRaises(AccessError), mute_logger(*QUIET):
            self.as_user(self.recording, self.manager)._open("listen")
        wizard = self.as_user(
            self.env["telemarketing.blocked.read"], self.officer
        ).create({"phone": "612 400 001", "reason": "Juzgado 3, autos 120/2026"})
        wizard.action_read()
        self.assertIn("Carmen Peña", wizard.data_html)
        self.assertIn("Prefiere el turno de tarde", wizard.data_html)
        archive = zipfile.ZipFile(
            io.BytesIO(base64.b64decode(wizard.with_context(bin_size=False).file))
        )
        proofs = [name for name in archive.namelist() if "proof" in name]
        self.assertEqual(archive.read(proofs[0]), b"signed form")
        access = blocked.access_ids
        self.assertEqual(access.user_id, self.officer)
        self.assertEqual(access.reason, "Juzgado 3, autos 120/2026")

    def test_blocked_data_are_read_by_nobody_else_and_by_no_other_door(self):
        request = self.erase()
        blocked = self.env["telemarketing.blocked"].search(
            [("reference", "=", request.reference)]
        )
        proof = self.env["ir.attachment"].search(
            [("res_model", "=", blocked._name), ("res_id", "=", blocked.id)]
        )
        self.assertTrue(proof)
        for user in (self.manager, self.supervisor_a, self.agent_a, self.plain_user):
            self.assertRefused(user, blocked._name, "read", blocked.ids)
            self.assertRefused(
                user, "telemarketing.blocked.read", "create", {"reason": "curious"}
            )
        self.assertRefused(self.officer, blocked._name, "read", blocked.ids, ["data"])
        self.assertRefused(self.officer, blocked._name, "unlink", blocked.ids)
        self.assertRefused(self.officer, "ir.attachment", "read", proof.ids, ["raw"])
        with self.assertRaises(UserError):
            self.rpc(
                self.officer,
                "telemarketing.blocked.read",
                "action_read",
                self.as_user(self.env["telemarketing.blocked.read"], self.officer)
                .create({"phone": "612400001", "reason": "x"})
                .ids,
            )
        far = self._create_user("officer_far", "dpo", company=self.company_b)
        wizard = self.as_user(self.env["telemarketing.blocked.read"], far).create(
            {"phone": "612400001", "reason": "Juzgado de otra empresa"}
        )
        wizard.action_read()
        self.assertNotIn("Carmen Peña", wizard.data_html)

    def test_the_officer_reads_the_requests_without_the_people(self):
        request = self.request()
        values = request.with_user(self.officer).read()[0]
        self.assertEqual(values["reference"], request.reference)
        self.assertNotIn("contact_ids", values)

    def test_nobody_erases_whom_he_does_not_see_nor_skips_a_step(self):
        model = "telemarketing.erasure"
        theirs = {"contact_ids": [Command.set(self.carmen.ids)]}
        for user in (self.agent_a, self.supervisor_a, self.plain_user, self.portal_a):
            self.assertRefused(user, model, "create", theirs)
        far = {"contact_ids": [Command.set(self.carmen_far.ids)]}
        self.assertRefused(self.manager, model, "create", far)
        self.assertRefused(
            self.manager, model, "create", {**theirs, "state": "confirmed"}
        )
        request = self.request()
        self.assertRefused(
            self.manager, model, "write", request.ids, {"state": "confirmed"}
        )
        self.assertRefused(self.manager, model, "write", request.ids, far)
        self.assertRefused(self.manager, model, "_erase", request.ids)
        self.assertRefused(
            self.manager, "telemarketing.privacy.eraser", "_empty", self.carmen.ids
        )
        self.assertRefused(self.supervisor_a, model, "action_show", request.ids)

    def test_the_erasure_is_in_odoos_privacy_log(self):
        request = self.erase()
        log = self.env["privacy.log"].search([], order="id desc", limit=1)
        self.assertIn(request.reference, log.execution_details)


@tagged("post_install", "-at_install", "telemarketing_privacy")
class TestPrivacyScreens(ErasureCommon):
    """A manager works with the screens alone, as they are."""

    def form(self, model, **context):
        Model = self.env(user=self.manager, context=context)[model]
        return Form(Model)

    def test_look_up_then_export_then_request_of_erasure(self):
        with self.form("privacy.lookup.wizard") as form:
            form.telemarketing_phone = "612 400 001"
        wizard = form.record
        wizard.action_lookup()
        lines = wizard.line_ids.filtered(
            lambda line: (
                (line.res_model, line.res_id)
                == ("telemarketing.contact", self.carmen.id)
            )
        )
        action = lines.action_telemarketing_export()
        with self.form(action["res_model"], **action["context"]) as form:
            self.assertEqual(form.whose, self.principal_a.display_name)
            form.identity_checked = True
        form.record.action_export()
        self.assertTrue(form.record.filename)
        action = lines.action_telemarketing_erase()
        with self.form(action["res_model"], **action["context"]) as form:
            self.assertEqual(form.principal_id, self.principal_a)
            self.assertEqual(form.reach, "principal")
            form.reach = "all"
            form.identity_checked = True
        request = form.record
        self.assertEqual(request.contact_ids, self.carmen)
        self.assertEqual(request.reach, "all")
        request.action_show()
        request.action_confirm()
        request.action_erase()
        self.assertEqual(request.state, "done")

    def test_a_rule_of_a_client_company_and_a_return(self):
        with self.form("telemarketing.retention.rule") as form:
            form.kind = "recording_no_sale"
            self.assertEqual(form.least_days, 30)
            form.principal_id = self.principal_a
            form.days = 60
        rule = form.record
        rule.action_preview()
        rule.action_confirm()
        self.assertEqual(rule.state, "active")
        self.campaign_a.state = "done"
        with self.form("telemarketing.principal.return") as form:
            form.principal_id = self.principal_a
            form.campaign_ids.add(self.campaign_a)
        form.record.action_prepare()
        form.record.sudo()._cron_work()
        with Form(form.record) as form:
            form.received_on = "2026-11-20"
            form.received_by = "Ana"
        form.record.action_confirm_received()
        self.assertEqual(form.record.state, "received")

    def test_the_officer_reads_with_the_screen(self):
        self.erase()
        Read = self.env(user=self.officer, context={})["telemarketing.blocked.read"]
        with Form(Read) as form:
            form.vat = NIF
            form.reason = "Fiscalía, diligencias 7/2026"
        form.record.action_read()
        self.assertIn("Carmen", form.record.data_html)
