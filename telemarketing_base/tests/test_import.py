import base64
from contextlib import suppress

from psycopg2.errors import SerializationFailure

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools.misc import file_path

from ..importing import open_table
from ..models import import_loader
from .common import TelemarketingCommon

CSV = (
    "Teléfono;Nombre;Dirección;NIF;C.P.;Compañía actual;Observaciones\n"
    "612345678;Carmen Peña;C/ Mayor 3;12345678Z;46002;Movistar;\n"
    "+34 699 99 99 99;Luis;Sol 1;12345678A;28001;;llamar tardes\n"
    "123;Sin teléfono;Sol 2;;;;\n"
    "612345678;Carmen otra vez;C/ Mayor 3;;;;\n"
    "677777777;Robinsón;Sol 4;;35001;;ha pedido no recibir llamadas\n"
)


@tagged("post_install", "-at_install", "telemarketing_import")
class TestImport(TelemarketingCommon):
    """What a supervisor would lose if loading broke."""

    def job(self, content=CSV, filename="base.csv", database=None, **values):
        if isinstance(content, str):
            content = content.encode()
        return self.env["telemarketing.import"].create(
            {
                "database_id": (database or self.database_a).id,
                "filename": filename,
                "file": base64.b64encode(content),
                **values,
            }
        )

    def load(self, *args, **kwargs):
        job = self.job(*args, **kwargs)
        job.action_read()
        job.action_load()
        job._load()
        return job

    def returned(self, job):
        table = open_table(base64.b64decode(job.returned_file), job.returned_name)
        return table.headings, {row[1]: row[-1] for _number, row in table.rows()}

    def contact(self, name):
        return self.env["telemarketing.contact"].search(
            [("name", "=", name), ("database_id", "=", self.database_a.id)]
        )

    def test_good_rows_load_and_bad_ones_come_back_with_their_reason(self):
        job = self.load()
        self.assertEqual(
            (job.state, job.total, job.loaded, job.bad, job.excluded),
            ("done", 5, 3, 2, 1),
        )
        carmen = self.contact("Carmen Peña")
        self.assertEqual(carmen.phone, "612 345 678")
        self.assertEqual((carmen.vat, carmen.zip), ("12345678Z", "46002"))
        self.assertEqual(carmen.state_id.code, "V")
        self.assertEqual(carmen.principal_id, self.principal_a)
        self.assertEqual(carmen.target_ids.state, "ready")
        headings, reasons = self.returned(job)
        self.assertEqual(headings[-1], "Motivo")
        self.assertEqual(headings[:-1], CSV.splitlines()[0].split(";"))
        self.assertEqual(
            set(reasons), {"Luis", "Sin teléfono", "Carmen otra vez", "Robinsón"}
        )
        self.assertTrue(all(reasons.values()))

    def test_clients_real_file_loads_and_nothing_of_it_is_lost(self):
        path = file_path("telemarketing_base/tests/samples/base_clientes.xls")
        with open(path, "rb") as sample:
            job = self.load(sample.read(), "base_clientes.xls")
        self.assertEqual((job.state, job.total), ("done", 780))
        self.assertEqual(job.loaded + job.bad, 780)
        table = open_table(base64.b64decode(job.returned_file), job.returned_name)
        self.assertEqual(sum(1 for _row in table.rows()), job.bad + job.noticed)
        contacts = self.database_a.contact_ids
        self.assertEqual(len(contacts), job.loaded)
        self.assertEqual(len(contacts.target_ids), job.loaded)
        self.assertTrue(all(contact.phone_ids for contact in contacts))
        excluded = contacts.target_ids.filtered(lambda t: t.state == "excluded")
        self.assertEqual(len(excluded), job.excluded)
        self.assertGreater(job.excluded, 90)
        self.assertEqual(job.loaded, 687)
        self.assertFalse(job.without_basis)
        self.assertTrue(all(contacts.mapped("consented_on")))

    def test_wrong_nif_loads_the_person_without_it_and_keeps_what_was_written(self):
        self.load()
        luis = self.contact("Luis")
        self.assertFalse(luis.vat)
        self.assertEqual(luis.raw_values["NIF"], "12345678A")

    def test_who_asked_not_to_be_called_is_loaded_as_excluded(self):
        self.load()
        robinson = self.contact("Robinsón")
        self.assertEqual(robinson.target_ids.state, "excluded")
        exclusion = self.env["telemarketing.exclusion"].search(
            [("contact_id", "=", robinson.id)]
        )
        self.assertEqual(
            (exclusion.scope, exclusion.principal_id, exclusion.channel),
            ("principal", self.principal_a, "file"),
        )
        self.assertIn("base.csv", exclusion.source)

    def test_number_excluded_before_the_file_came_is_not_callable(self):
        number = self.create_contact("X", "699999999", self.database_own).phone_ids
        self.env["telemarketing.exclusion"].create(
            {"number_id": number.number_id.id, "company_id": self.company_a.id}
        )
        self.load()
        self.assertEqual(self.contact("Luis").target_ids.state, "excluded")

    def test_unknown_columns_become_fields_of_the_person(self):
        self.load()
        carmen = self.contact("Carmen Peña")
        self.assertEqual(
            [
                (field["string"], field["value"])
                for field in carmen.read(["contact_properties"])[0][
                    "contact_properties"
                ]
            ],
            [("Compañía actual", "Movistar")],
        )
        self.load(CSV.replace("612345678", "612345679"))
        definition = self.campaign_a.contact_properties_definition
        self.assertEqual(len(definition), 1)

    def test_person_already_in_a_database_of_the_same_principal_comes_back(self):
        self.load()
        other = self._create_database(self.campaign_other)
        job = self.load(database=other)
        self.assertEqual((job.loaded, job.bad), (0, 5))
        foreign = self._create_database(self.campaign_b)
        self.assertEqual(self.load(database=foreign).loaded, 3)

    def test_mapping_is_corrected_by_hand_and_remembered(self):
        content = "Número;Quién;Dónde\n612345678;Ana;Sol 1\n"
        job = self.job(content)
        job.action_read()
        with self.assertRaisesRegex(UserError, "telephone"):
            job.action_load()
        for column, target in zip(
            job.column_ids, ("phone", "name", "street"), strict=True
        ):
            column.target = target
        job.action_preview()
        self.assertIn("Ana", job.preview_html)
        job.action_load()
        job._load()
        self.assertEqual(job.loaded, 1)
        again = self.job(content.replace("612345678", "612345600"))
        again.action_read()
        self.assertEqual(again.column_ids.mapped("target"), ["phone", "name", "street"])

    def test_preview_writes_nothing_and_shows_what_is_wrong(self):
        before = self.env["telemarketing.contact"].search_count([])
        job = self.job("Teléfono;Nombre;Dirección\n123;<b>x</b>;y\n")
        job.action_read()
        self.assertIn("table-danger", job.preview_html)
        self.assertNotIn("<b>x</b>", job.preview_html)
        self.assertEqual(self.env["telemarketing.contact"].search_count([]), before)

    def test_restart_in_the_middle_loads_nobody_twice(self):
        rows = "".join(f"6{place:08};P{place};S\n" for place in range(1, 26))
        job = self.job("Teléfono;Nombre;Dirección\n" + rows)
        job.action_read()
        job.action_load()
        done = []
        Loader = type(self.env["telemarketing.import.loader"])
        original = Loader._load_chunk

        def stop_after_two(loader, record, plan, chunk):
            if len(done) == 2:
                raise KeyboardInterrupt
            done.append(chunk.count)
            return original(loader, record, plan, chunk)

        self.patch(Loader, "_load_chunk", stop_after_two)
        self.patch(import_loader, "CHUNK", 10)
        # not assertRaises, which would take back what was loaded
        with suppress(KeyboardInterrupt):
            job._load()
            self.fail("the restart did not happen")
        self.assertEqual(job.position, 20)
        done.clear()
        job._load()
        self.assertEqual((job.state, job.loaded), ("done", 25))
        names = self.database_a.contact_ids.mapped("name")
        self.assertEqual(len(names), len(set(names)))

    def test_unreadable_file_is_refused_with_a_sentence(self):
        for content, filename in (
            (b"", "vacio.csv"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "roto.xls"),
            (b"Tel,Nombre\n", "solo.csv"),
        ):
            with self.subTest(filename), self.assertRaises(UserError):
                self.job(content, filename).action_read()

    def test_cron_loads_what_waits_and_a_broken_file_stops_nobody(self):
        broken, good = self.job(), self.job(filename="buena.csv")
        for job in broken, good:
            job.action_read()
            job.action_load()
        broken.file = base64.b64encode(b"nada")
        self.env["telemarketing.import"]._cron_load()
        self.assertEqual((broken.state, good.state), ("failed", "done"))
        self.assertTrue(broken.error)

    def test_stop_and_a_conflict_go_on_from_the_last_chunk_that_stands(self):
        rows = "".join(f"6{place:08};P{place};S\n" for place in range(1, 26))
        job = self.job("Teléfono;Nombre;Dirección\n" + rows)
        job.action_read()
        job.action_load()
        Loader = type(self.env["telemarketing.import.loader"])
        original = Loader._load_chunk
        conflicts = [SerializationFailure("could not serialize access")]

        def conflict_then_stop(loader, record, plan, chunk):
            if conflicts:
                raise conflicts.pop()
            record.stop_asked = True
            return original(loader, record, plan, chunk)

        self.patch(Loader, "_load_chunk", conflict_then_stop)
        self.patch(import_loader, "CHUNK", 10)
        Job = self.env["telemarketing.import"]
        Job._cron_load()
        self.assertEqual((job.state, job.position), ("loading", 0))
        Job._cron_load()
        self.assertEqual((job.state, job.position), ("stopped", 10))
        self.patch(Loader, "_load_chunk", original)
        job.action_load()
        Job._cron_load()
        self.assertEqual((job.state, job.loaded), ("done", 25))

    def test_a_file_deleted_while_it_loads_is_loaded_no_further(self):
        Loader = type(self.env["telemarketing.import.loader"])
        original = Loader._load_chunk
        self.patch(import_loader, "CHUNK", 10)
        for first, what in ((100, "erased"), (200, "emptying")):
            places = range(first, first + 25)
            rows = "".join(f"6{place:08};P{place};S\n" for place in places)
            database = self._create_database(self.campaign_a, f"D {what}")
            job = self.job("Teléfono;Nombre;Dirección\n" + rows, database=database)
            job.action_read()
            job.action_load()

            def then_gone(loader, record, plan, chunk, what=what):
                answer = original(loader, record, plan, chunk)
                if what == "erased":
                    record._forget_files()
                else:
                    record.database_id.empty_state = "emptying"
                return answer

            with self.subTest(what):
                self.patch(Loader, "_load_chunk", then_gone)
                self.env["telemarketing.import"]._cron_load()
                self.assertEqual((job.state, job.position), ("failed", 10))
                self.assertIn("deleted", job.error)
                self.assertFalse(job.returned_file)
                if what == "erased":
                    self.assertFalse(job.row_ids)
                self.assertEqual(len(database.contact_ids), 10)

    def test_a_load_does_not_count_the_numbers_to_consult(self):
        self.campaign_a.state = "running"
        service = type(self.env["telemarketing.robinson.service"])
        asked = []
        self.patch(service, "_count_waiting", lambda *args: self.fail("counted"))
        self.patch(service, "_trigger", lambda *args: asked.append(args))
        self.assertEqual(self.load().state, "done")
        self.assertTrue(asked)

    # why they may be called

    LAWFUL = (
        "Teléfono;Nombre;Dirección;Consentimiento;Fecha consentimiento;"
        "Origen del dato;Texto legal;Cliente hasta;Autónomo\n"
        "612345001;Fechada;S;sí;02/03/2026;Web;Calls v3;;\n"
        "612345002;Callada;S;;;;;;\n"
        "612345003;Negada;S;no;;;;;\n"
        "612345004;Cliente;S;cliente;;;;31/12/2025;\n"
        "612345005;Ilegible;S;vaya;ayer;;;;\n"
        "612345006;Autónoma;S;autónoma;;;;;sí\n"
    )
    SILENT = {"legal_basis": False, "basis_date": False, "basis_source": False}

    def silent_database(self):
        return self._create_database(self.campaign_a, "Silent", **self.SILENT)

    def people(self, database):
        return {contact.name: contact for contact in database.contact_ids}

    def test_people_without_a_legal_basis_load_and_the_preview_says_so(self):
        database = self.silent_database()
        job = self.job(database=database)
        job.action_read()
        self.assertIn("none can be called", job.basis_danger)
        self.assertFalse(job.basis_warning)
        # Stated on the form, the warning goes before anything is saved.
        form = Form(job)
        form.legal_basis = "client"
        self.assertFalse(form.basis_danger)
        form.legal_basis = "consent"
        form.basis_source = "Fair"
        self.assertIn("none can be called", form.basis_danger)
        form.basis_date = "2020-01-01"
        self.assertFalse(form.basis_danger)
        self.assertIn("too old", form.basis_warning)
        form.basis_date = self.now(days=-3).date()
        self.assertFalse(form.basis_warning)
        job.action_load()
        job._load()
        self.assertEqual((job.loaded, job.without_basis), (3, 3))
        self.assertFalse(any(database.contact_ids.mapped("consented_on")))

    def test_a_consent_without_day_or_place_does_not_load(self):
        job = self.job(database=self.silent_database(), legal_basis="consent")
        job.action_read()
        for values in (
            {"basis_date": "2026-03-02", "basis_source": " "},
            {"basis_date": False, "basis_source": "Fair"},
        ):
            job.write(values)
            with self.assertRaisesRegex(UserError, "when and where"):
                job.action_load()

    def test_what_is_stated_at_loading_is_stated_for_the_database(self):
        database = self.silent_database()
        job = self.load(
            database=database,
            legal_basis="consent",
            basis_date="2026-03-02",
            basis_source="Fair",
        )
        self.assertEqual(
            (database.legal_basis, str(database.basis_date), database.basis_source),
            ("consent", "2026-03-02", "Fair"),
        )
        self.assertFalse(job.without_basis)
        for contact in database.contact_ids:
            self.assertFalse(contact.legal_basis)
            self.assertEqual(str(contact.consented_on), "2026-03-02")

    def test_a_second_file_does_not_change_why_the_first_may_be_called(self):
        database = self.silent_database()
        first = {"legal_basis": "consent", "basis_source": "Fair"}
        self.load(database=database, basis_date="2026-03-02", **first)
        old = database.contact_ids
        self.load(
            CSV.replace("12345678Z", "")
            .replace("6123", "6124")
            .replace("699 99", "698 99")
            .replace("677", "678"),
            database=database,
            legal_basis="client",
            basis_date=False,
            basis_source="Portfolio",
        )
        new = database.contact_ids - old
        self.assertEqual(len(new), 3)
        self.assertEqual(database.legal_basis, "consent")
        self.assertEqual(set(old.mapped("legal_basis")), {False})
        self.assertEqual(set(new.mapped("legal_basis")), {"client"})
        self.assertEqual(set(new.mapped("basis_source")), {"Portfolio"})
        self.assertFalse(any(new.mapped("consented_on")))
        self.assertTrue(all(old.mapped("consented_on")))

    def test_each_row_may_say_why_its_person_may_be_called(self):
        text = self.env["telemarketing.consent.text"].create(
            {"name": "Calls", "version": "3", "body": "May we call?"}
        )
        database = self.silent_database()
        job = self.job(self.LAWFUL, database=database)
        job.action_read()
        self.assertIn("3 of the 6 rows", job.basis_warning)
        job.action_load()
        job._load()
        self.assertEqual((job.loaded, job.bad, job.without_basis), (6, 0, 3))
        people = self.people(database)
        dated = people["Fechada"]
        self.assertEqual(
            (dated.legal_basis, str(dated.basis_date), dated.basis_source),
            ("consent", "2026-03-02", "Web"),
        )
        self.assertEqual(str(dated.consented_on), "2026-03-02")
        consent = dated.consent_ids
        self.assertEqual(
            (consent.channel, consent.purpose, consent.text_id, consent.principal_id),
            ("file", "call", text, self.principal_a),
        )
        self.assertEqual(consent.source, "Web · base.csv, row 2")
        self.assertEqual(consent.create_uid, self.env.user)
        self.assertEqual(consent.state, "valid")
        self.assertFalse(people["Callada"].legal_basis)
        client = people["Cliente"]
        self.assertEqual(
            (client.legal_basis, str(client.client_until)), ("client", "2025-12-31")
        )
        self.assertFalse(client.consent_ids)
        firm = people["Autónoma"]
        self.assertEqual(
            (firm.legal_basis, firm.is_professional), ("legal_person", True)
        )
        _headings, reasons = self.returned(job)
        self.assertIn("Ilegible", reasons)
        self.assertFalse(people["Ilegible"].legal_basis)

    def test_a_no_in_the_file_stands_against_the_consent_of_the_whole_file(self):
        job = self.load(self.LAWFUL)
        people = self.people(self.database_a)
        self.assertEqual(job.without_basis, 1)
        self.assertFalse(people["Negada"].consented_on)
        self.assertEqual(people["Negada"].consent_ids.state, "withdrawn")
        self.assertEqual(people["Callada"].consented_on, self.database_a.basis_date)
        # Its own day wins over the file's, its own basis over the file's consent.
        self.assertEqual(str(people["Fechada"].consented_on), "2026-03-02")
        self.assertFalse(people["Cliente"].consented_on)

    def test_consents_of_a_file_are_written_in_bulk(self):
        head = "Teléfono;Nombre;Dirección;Consentimiento;Fecha consentimiento\n"
        rows = "".join(f"6{n:08};P{n};S;sí;02/03/2026\n" for n in range(1, 301))
        job = self.job(head + rows)
        job.action_read()
        job.action_load()
        with self.assertQueryCount(80):
            job._load()
        ledger = self.env["telemarketing.consent"].search_count(
            [("database_id", "=", self.database_a.id)]
        )
        self.assertEqual((job.loaded, ledger), (300, 300))

    def test_loaded_people_are_shared_out_in_equal_parts(self):
        agents = self.agent_a | self.agent_b
        self.load(assign_agent_ids=[Command.set(agents.ids)])
        shares = {
            agent: count
            for agent, count in self.env["telemarketing.target"]._read_group(
                [("database_id", "=", self.database_a.id), ("state", "=", "ready")],
                ["agent_id"],
                ["__count"],
            )
        }
        self.assertEqual(shares, {self.agent_a: 1, self.agent_b: 1})


@tagged("post_install", "-at_install", "telemarketing_import")
class TestDistribute(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for place in range(10):
            cls.create_contact(f"P{place}", f"6220000{place:02}")

    def process(self, **values):
        wizard = (
            self.env["telemarketing.distribute"]
            .with_user(self.supervisor_a)
            .create({"database_id": self.database_a.id, **values})
        )
        return wizard, wizard.action_process()

    def shares(self):
        return dict(
            self.env["telemarketing.target"]._read_group(
                [("database_id", "=", self.database_a.id)], ["agent_id"], ["__count"]
            )
        )

    def test_zero_means_equal_shares_of_all(self):
        agents = self.agent_a | self.agent_b
        self.process(agent_ids=[Command.set(agents.ids)])
        self.assertEqual(self.shares(), {self.agent_a: 5, self.agent_b: 5})

    def test_a_number_is_for_each_agent(self):
        agents = self.agent_a | self.agent_b
        self.process(agent_ids=[Command.set(agents.ids)], quantity=2)
        nobody = self.env["res.users"]
        self.assertEqual(self.shares(), {self.agent_a: 2, self.agent_b: 2, nobody: 6})

    def test_never_fewer_people_than_agents(self):
        self.database_a.contact_ids[1:].target_ids.unlink()
        agents = self.agent_a | self.agent_b
        with self.assertRaisesRegex(UserError, "fewer"):
            self.process(agent_ids=[Command.set(agents.ids)])

    def test_strangers_to_the_campaign_get_nobody(self):
        with self.assertRaisesRegex(UserError, "do not work"):
            self.process(agent_ids=[Command.set(self.agent_other.ids)])

    def test_taken_back_and_held_people_stay(self):
        self.process(agent_ids=[Command.set(self.agent_a.ids)])
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        desk.get_next(token)
        self.process(operation="unassign", agent_ids=[Command.set(self.agent_a.ids)])
        self.assertEqual(self.shares()[self.agent_a], 1)

    def test_form_counts_who_is_there(self):
        form = Form(
            self.env["telemarketing.distribute"]
            .with_user(self.supervisor_a)
            .with_context(default_database_id=self.database_a.id)
        )
        self.assertEqual(form.available_count, 10)
