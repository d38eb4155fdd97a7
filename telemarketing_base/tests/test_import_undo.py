from datetime import timedelta
from uuid import uuid4

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..models import import_loader, import_undo
from .test_import_match import ImportMatchCommon

HEADS = "Teléfono;Nombre;Dirección;NIF;Email;Código cliente;Plan;Observaciones"


@tagged("post_install", "-at_install", "telemarketing_import")
class TestImportUndo(ImportMatchCommon):
    """Taking a load back: people or work lost, or a wrong file for good, if broken."""

    def load(self, *rows, marked=(), **values):
        job = self.job(*rows, headings=values.pop("headings", HEADS), **values)
        for column in job.column_ids:
            column.is_updated = column.heading in marked
        job.action_load()
        job.sudo()._load()
        self.env.invalidate_all()
        return job

    def undo(self, job, user=None):
        job = self.as_user(job, user) if user else job
        action = job.action_undo()
        wizard = job.env[action["res_model"]].browse(action["res_id"])
        counts = wizard.going, wizard.staying, wizard.changed
        wizard.action_confirm()
        self.assertEqual(job.sudo().state, "undoing")
        self.env["telemarketing.import"]._cron_load()
        self.env.invalidate_all()
        return counts

    def people(self, job):
        contacts = self.env["telemarketing.contact"].with_context(active_test=False)
        return contacts.search([("import_id", "=", job.id)], order="import_row")

    def rows(self, *numbers):
        return [f"6123450{n:02};P{n};S;;;;;" for n in numbers]

    def test_file_loaded_by_mistake_goes_and_can_be_loaded_again(self):
        rows = [
            "612345001;Ana;S;12345678Z;a@example.com;C 1;Oro;",
            "612345002;Eva;S;;;;;no llamar nunca",
        ]
        numbers = self.env["telemarketing.number"].search([])
        job = self.load(*rows)
        self.assertEqual((job.loaded, job.excluded), (2, 1))
        self.assertEqual(self.undo(job), (2, 0, 0))
        self.assertEqual((job.state, job.undone_people), ("undone", 2))
        self.assertFalse(self.people(job))
        self.assertFalse(self.database_a.contact_ids)
        self.assertFalse(
            self.env["telemarketing.target"].search(
                [("database_id", "=", self.database_a.id)]
            )
        )
        # The objection stays, with its number; the other number is nobody's.
        left = self.env["telemarketing.number"].search([]) - numbers
        self.assertEqual(left.mapped("e164"), ["+34612345002"])
        exclusion = self.env["telemarketing.exclusion"].search(
            [("number_id", "in", left.ids)]
        )
        self.assertTrue(exclusion.in_force)
        with self.assertRaises(UserError):
            job.action_undo()
        again = self.load(*rows)
        self.assertEqual((again.loaded, again.bad, again.excluded), (2, 0, 1))

    def test_whoever_was_touched_since_stays_and_the_wizard_says_why(self):
        job = self.load(*self.rows(1, 2, 3, 4, 5, 6, 7, 8, 9))
        people = {person.name: person for person in self.people(job)}
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        call = desk.get_next(token)["call"]
        called = call["contact"]["name"]
        desk.dial(token, str(uuid4()), call["target"]["id"], call["phones"][0]["id"])
        rest = [name for name in sorted(people) if name != called]
        edited, numbered, consented, merged, moved = (people[name] for name in rest[:5])
        edited.city = "Soria"
        self.env["telemarketing.contact.phone"].create(
            {"contact_id": numbered.id, "raw": "612345099"}
        )
        self.env["telemarketing.consent"].create(
            {
                "contact_id": consented.id,
                "purpose": "call",
                "channel": "web",
                "given_at": self.now(days=-1),
            }
        )
        merged.sudo().write({"merged_into_id": people[rest[5]].id, "active": False})
        self.env["telemarketing.target"].create(
            {"contact_id": moved.id, "campaign_id": self.campaign_other.id}
        )
        going, staying, _changed = self.undo(job)
        self.assertEqual((going, staying), (2, 7))
        self.assertEqual((job.undone_people, job.kept_people), (2, 7))
        self.assertEqual(set(self.people(job).mapped("name")), {called, *rest[:6]})
        wizard = self.env["telemarketing.import.undo"].search(
            [("import_id", "=", job.id)]
        )
        self.assertIn("1 · called", wizard.reasons)
        self.assertIn("2 · edited", wizard.reasons)
        self.assertIn("2 · merged", wizard.reasons)

    def test_stopped_load_is_undone_and_a_restart_goes_on(self):
        self.patch(import_loader, "CHUNK", 4)
        self.patch(import_undo, "SLICE", 3)
        job = self.job(*self.rows(*range(1, 11)), headings=HEADS)
        job.action_load()
        steps = job._steps()
        next(steps), next(steps)
        job.stop_asked = True
        job._load()
        self.assertEqual((job.state, job.loaded), ("stopped", 8))
        job.action_undo()
        job._start_undo()
        steps = job._steps()
        next(steps)  # the server stops after the first chunk
        steps.close()
        self.assertEqual((job.state, job.undone_people), ("undoing", 3))
        self.assertEqual(len(self.people(job)), 5)
        self.env["telemarketing.import"]._cron_load()
        self.assertEqual((job.state, job.undone_people), ("undone", 8))
        self.assertFalse(self.people(job))

    def test_update_goes_back_unless_somebody_changed_it_again(self):
        values = {"street": "V", "city": "Soria"}
        ana = self.create_contact("Ana", "612345001", client_key="C 1", **values)
        eva = self.create_contact("Eva", "612345002", client_key="C 2", **values)
        new = self.env["telemarketing.contact"]
        job = self.load(
            "612345011;Ana;N;12345678Z;;C 1;Oro;",
            "612345012;Eva;N;;e@example.com;C 2;Oro;",
            "612345003;Mar;N;;;C 3;;",
            marked=("Teléfono", "Dirección", "NIF", "Email", "Plan"),
            duplicates="update",
        )
        self.assertEqual((job.updated, job.loaded), (2, 1))
        self.assertEqual((ana.street, eva.email), ("N", "e@example.com"))
        eva.street = "By hand"
        extra = eva.read(["contact_properties"])[0]["contact_properties"]
        extra[0]["value"] = "Plata"
        eva.contact_properties = extra
        self.assertEqual(self.undo(job), (1, 0, 2))
        self.assertEqual((job.restored, job.not_restored), (1, 1))
        self.assertEqual((ana.street, ana.vat, ana.city), ("V", False, "Soria"))
        self.assertEqual(ana.phone_ids.mapped("e164"), ["+34612345001"])
        self.assertFalse(
            [
                f
                for f in ana.read(["contact_properties"])[0]["contact_properties"]
                if f.get("value")
            ]
        )
        self.assertEqual((eva.street, eva.email), ("By hand", False))
        self.assertEqual(eva.phone_ids.mapped("e164"), ["+34612345002"])
        left = job.change_ids
        self.assertEqual((left.contact_id, left.kept), (eva, True))
        self.assertEqual(set(left.new_values), {"street", "contact_properties"})
        self.assertFalse(new.search([("name", "=", "Mar")]))

    def test_nif_taken_back_is_asked_again_whether_it_may_be_called(self):
        ana = self.create_contact("Ana", "612345001", client_key="C 1")
        self.env["telemarketing.exclusion"].create(
            {"vat": "12345678Z", "company_id": self.company_a.id, "reason": "request"}
        )
        job = self.load(
            "612345001;Ana;N;12345678Z;;C 1;;", marked=("NIF",), duplicates="update"
        )
        self.assertEqual(ana.target_ids.state, "excluded")
        self.undo(job)
        self.assertEqual((ana.vat, ana.target_ids.state), (False, "ready"))

    def test_number_that_was_called_meanwhile_stays(self):
        ana = self.create_contact("Ana", "612345001", client_key="C 1")
        job = self.load(
            "612345011;Ana;N;;;C 1;;", marked=("Teléfono",), duplicates="update"
        )
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        call = desk.get_next(token)["call"]
        phone = ana.phone_ids.filtered(lambda p: p.e164 == "+34612345011")
        desk.dial(token, str(uuid4()), call["target"]["id"], phone.id)
        self.undo(job)
        self.assertIn(phone, ana.phone_ids)
        self.assertEqual(job.change_ids.new_values, {"phones": phone.ids})

    def test_partners_that_the_file_made_go_and_those_it_changed_go_back(self):
        there = self.env["res.partner"].create(
            {
                "name": "Luz",
                "funnel_stage": "prospect",
                "phone": "+34612345003",
                "telemarketing_principal_id": self.principal_a.id,
                "company_id": self.company_a.id,
            }
        )
        job = self.load(
            "612345001;Ana;S;;;;;",
            "612345002;Eva;S;;;;;",
            "612345003;Luz;S;;;;;",
            kind="clients",
            duplicates="load",
        )
        ana, eva, luz = self.people(job)
        self.assertEqual(luz.partner_id, there)
        self.assertEqual(there.funnel_stage, "client")
        made, worked = ana.partner_id, eva.partner_id
        self.assertTrue(made and worked)
        self.env["res.partner"].create({"name": "Son", "parent_id": worked.id})
        self.undo(job)
        self.assertFalse(made.exists())
        self.assertFalse((ana | luz).exists())
        self.assertEqual((worked.exists(), eva.exists()), (worked, eva))
        self.assertEqual(there.funnel_stage, "prospect")
        self.assertEqual(job.change_ids.partner_id, worked)

    def test_nobody_undoes_what_is_not_his(self):
        job = self.load(*self.rows(1, 2))
        Wizard = self.env["telemarketing.import.undo"]
        for user in self.supervisor_b, self.supervisor_far, self.agent_a:
            with self.subTest(user.login):
                with self.assertRaises(AccessError):
                    self.as_user(job, user).action_undo()
                with self.assertRaises(AccessError):
                    self.as_user(Wizard, user).create({"import_id": job.id})
                with self.assertRaises(AccessError):
                    self.as_user(job, user).write({"state": "undoing"})
        wizard = Wizard.create({"import_id": job.id})
        with self.assertRaises(AccessError):
            self.as_user(wizard, self.supervisor_b).action_confirm()
        # Nor behind the wizard's back, nor with a position of one's own.
        mine = self.as_user(job, self.supervisor_a)
        for values in {"state": "undoing"}, {"undo_position": 5}, {"kept_people": 0}:
            with self.assertRaises(AccessError):
                mine.write(values)
        change = self.as_user(
            self.env["telemarketing.import.change"], self.supervisor_a
        )
        with self.assertRaises(AccessError):
            change.create({"import_id": job.id, "contact_id": 1, "row": 1})
        self.assertEqual(self.undo(job, self.supervisor_a), (2, 0, 0))
        self.assertEqual(job.undone_by_id, self.supervisor_a)

    def test_undone_file_can_be_deleted_and_others_cannot(self):
        job = self.load(*self.rows(1))
        with self.assertRaises(UserError):
            job.unlink()
        self.undo(job)
        job.unlink()

    def test_profile_and_categories_are_updated_and_go_back(self):
        self.campaign_a.profile_id = self.env["telemarketing.profile"].create(
            {
                "name": "Energy",
                "company_id": self.company_a.id,
                "target_properties_definition": [
                    {"name": "tariff", "string": "Tariff", "type": "char"},
                    {"name": "power", "string": "Power", "type": "char"},
                ],
            }
        )
        category = self.env["telemarketing.contact.category"].create({"name": "VIP"})
        ana = self.create_contact("Ana", "612345001", client_key="C 1")
        ana.target_ids.target_properties = {"tariff": "2.0", "power": "3"}

        def profile():
            self.env.invalidate_all()
            (values,) = ana.target_ids.read(["target_properties"])
            return {f["name"]: f.get("value") for f in values["target_properties"]}

        def update(*cells):
            job = self.job(
                ";".join(("612345001;Ana;N;C 1", *cells)),
                headings="Teléfono;Nombre;Dirección;Código cliente;Tariff;Categoría",
                duplicates="update",
            )
            columns = {column.heading: column for column in job.column_ids}
            columns["Tariff"].write(
                {"target": "profile", "profile_field": "tariff", "is_updated": True}
            )
            columns["Categoría"].write({"target": "category", "is_updated": True})
            job.action_load()
            job.sudo()._load()
            return job

        job = update("3.0", "vip")
        self.assertEqual((job.updated, profile()), (1, {"tariff": "3.0", "power": "3"}))
        self.assertEqual(ana.category_ids, category)
        self.undo(job)
        self.assertEqual(profile(), {"tariff": "2.0", "power": "3"})
        self.assertFalse(ana.category_ids)
        self.assertEqual((job.restored, job.not_restored), (1, 0))
        job = update("3.0", "")
        ana.target_ids.target_properties = {"tariff": "6.1", "power": "3"}
        self.undo(job)
        self.assertEqual(profile()["tariff"], "6.1")
        self.assertEqual((job.restored, job.not_restored), (0, 1))

    def test_consent_that_a_wrong_file_claimed_goes_and_is_no_objection(self):
        self.database_a.sudo().write({"legal_basis": False, "basis_date": False})
        ana = self.create_contact("Ana", "612345001", client_key="C 1")
        eva = self.create_contact("Eva", "612345002", client_key="C 2")
        own = self.env["telemarketing.consent"].create(
            {
                "contact_id": eva.id,
                "purpose": "call",
                "channel": "web",
                "given_at": self.now(days=-90),
            }
        )
        day = (self.now() - timedelta(days=9)).date()
        heads = (
            "Teléfono;Nombre;Dirección;Código cliente;Base legal;Fecha consentimiento"
        )
        before = eva.consented_on
        self.assertTrue(before)
        self.assertFalse(ana.consented_on)
        may = ana.target_ids.mapped("due_at"), ana.target_ids.callable_code
        job = self.load(
            f"612345001;Ana;N;C 1;Consentimiento;{day:%d/%m/%Y}",
            f"612345002;Eva;N;C 2;Consentimiento;{day:%d/%m/%Y}",
            headings=heads,
            marked=("Base legal", "Fecha optin"),
            duplicates="update",
        )
        self.assertEqual((ana.consented_on, eva.consented_on), (day, day))
        self.assertTrue(ana.target_ids.due_at)
        self.undo(job)
        self.assertFalse(ana.consented_on)
        self.assertFalse(ana.legal_basis)
        after = ana.target_ids.mapped("due_at"), ana.target_ids.callable_code
        self.assertEqual(after, may)
        # What she gave herself counts again; nobody took anything back.
        self.assertEqual(eva.consented_on, before)
        self.assertEqual(
            eva.consent_ids.sorted("id").mapped("state"), ["valid", "void"]
        )
        self.assertEqual(own.state, "valid")
        self.assertFalse((ana | eva).consent_ids.filtered("withdrawn_at"))
        self.assertEqual(
            own.search([("state", "=", "void")]) & (ana | eva).consent_ids,
            (ana | eva).consent_ids - own,
        )
        self.assertFalse(job.change_ids)
        # And a file that is right is believed.
        self.load(
            f"612345001;Ana;N;C 1;Consentimiento;{day:%d/%m/%Y}",
            headings=heads,
            marked=("Base legal", "Fecha optin"),
            duplicates="update",
        )
        self.assertEqual(ana.consented_on, day)

    def test_refusal_that_came_with_a_file_binds_whoever_loads_the_person_again(self):
        heads = "Teléfono;Teléfono 2;Nombre;Dirección;NIF;Consentimiento"
        job = self.load(
            "612345001;612345011;Ana;S;12345678Z;no",
            "612345002;;Eva;S;;",
            headings=heads,
        )
        ana, eva = self.people(job)
        self.assertFalse(ana.consented_on)
        self.assertTrue(eva.consented_on)
        self.undo(job)
        self.assertFalse(self.people(job))
        again = self.load(
            "612345011;;Ana;S;;",
            "612345003;;Ana;S;12345678Z;",
            "612345002;;Eva;S;;",
            headings=heads,
            duplicates="load",
        )
        found = [bool(person.consented_on) for person in self.people(again)]
        self.assertEqual(found, [False, False, True])
        # It is found, and erased, with the person.
        ana = self.people(again)[1]
        linked = self.env["telemarketing.privacy"]._linked(
            ana, ana.partner_id, self.env["telemarketing.number"], self.company_a
        )
        refusals = linked["telemarketing.consent"].filtered("vat")
        self.assertEqual(refusals.mapped("vat"), ["12345678Z"] * 2)

    def test_nobody_loads_a_number_while_it_is_taken_away(self):
        def held():
            """Modes of our lock on the numbers of the company."""
            self.env.cr.execute(
                """SELECT mode FROM pg_locks
                   WHERE locktype = 'advisory' AND pid = pg_backend_pid()
                     AND (classid::bigint << 32) | objid::bigint
                         = hashtextextended(%s, 0)""",
                [f"telemarketing.import.numbers {self.company_a.id}"],
            )
            return {row[0] for row in self.env.cr.fetchall()}

        job = self.load(*self.rows(1))
        self.assertEqual(held(), {"ShareLock"})
        self.undo(job)
        self.assertEqual(held(), {"ShareLock", "ExclusiveLock"})

    def test_whom_a_file_of_clients_linked_is_no_client_any_more_without_it(self):
        ana = self.create_contact("Ana", "612345001", client_key="C 1")
        eva = self.create_contact("Eva", "612345002", client_key="C 2")
        luz = self.create_contact("Luz", "612345003", client_key="C 3")
        there = self.env["res.partner"].create(
            {
                "name": "Luz",
                "funnel_stage": "client",
                "phone": "+34612345003",
                "telemarketing_principal_id": self.principal_a.id,
                "company_id": self.company_a.id,
            }
        )
        job = self.load(
            "612345001;Ana;N;;;C 1;;",
            "612345002;Eva;N;;;C 2;;",
            "612345003;Luz;N;;;C 3;;",
            kind="clients",
            duplicates="update",
        )
        made, worked = ana.partner_id, eva.partner_id
        self.assertTrue(made and worked)
        self.assertEqual(luz.partner_id, there)
        self.env["res.partner"].create({"name": "Son", "parent_id": worked.id})
        written = ana.write_date
        self.undo(job)
        self.assertFalse(made.exists())
        self.assertFalse(ana.partner_id or luz.partner_id)
        self.assertEqual(ana.write_date, written)
        self.assertTrue(there.exists())
        # Somebody has worked with her as a client since.
        self.assertEqual(eva.partner_id, worked)
        self.assertEqual(set(job.change_ids.mapped("kept")), {True})

    def test_file_goes_after_the_one_that_changed_its_people(self):
        job = self.load("612345001;Ana;S;12345678Z;;C 1;;")
        change = self.load(
            "612345001;Ana;N;12345678Z;;C 1;;",
            marked=("Dirección",),
            duplicates="update",
        )
        self.assertEqual((change.updated, self.people(job).street), (1, "N"))
        self.undo(change)
        self.assertEqual(self.people(job).street, "S")
        self.assertEqual(self.undo(job), (1, 0, 0))
        self.assertFalse(self.people(job))

    def test_values_before_a_file_go_with_the_file(self):
        self.create_contact("Ana", "612345001", client_key="C 1")
        job = self.load(
            "612345001;Ana;N;;;C 1;;", marked=("Dirección",), duplicates="update"
        )
        self.assertTrue(job.change_ids)
        rule = self.env["telemarketing.retention.rule"]
        rule._take_upload(job)
        self.assertFalse(job.change_ids)
