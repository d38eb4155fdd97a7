import base64
import json

from odoo.tests import tagged

from ..identity.phone import PERSONAL_KINDS
from ..identity.text import fold
from ..importing import clean_row
from ..models import import_loader
from .common import TelemarketingCommon

HEADINGS = "Teléfono;Nombre;Dirección;NIF;Email;Código cliente"

# STAGE as docs/architecture.md ("Data in") has it.
STAGE = """
    row int, ok bool, name text, name_folded text, vat text, email text,
    client_key text, street text, zip text, city text, state text, lang text,
    note text, iban text, category text, contact_type text, legal_basis text,
    basis_source text, consent_text text, birthdate date, basis_date date,
    client_until date, interacted_on date, is_company bool, is_professional bool,
    consent_denied bool, own_basis bool, exclude bool, e164s text[], raws text[],
    kinds text[], countries text[], personal bool[], extra jsonb, profile jsonb,
    raw jsonb, problems jsonb, notices jsonb, match_id int, match_partner_id int,
    match_by text, match_row int, action text, contact_id int
"""


class ImportMatchCommon(TelemarketingCommon):
    def job(self, *rows, headings=HEADINGS, database=None, user=None, **values):
        """A file of these rows (cells joined by ;), read, with its columns."""
        content = "\n".join([headings, *rows]) + "\n"
        job = self.env["telemarketing.import"].with_user(user or self.env.user)
        job = job.create(
            {
                "database_id": (database or self.database_a).id,
                "filename": "base.csv",
                "file": base64.b64encode(content.encode()),
                **values,
            }
        )
        job.action_read()
        return job

    def stage(self, job):
        """The rows of the file on STAGE, as the loader would have them."""
        cr = self.env.cr
        cr.execute("DROP TABLE IF EXISTS telemarketing_import_stage")
        cr.execute(f"CREATE TEMP TABLE telemarketing_import_stage ({STAGE})")
        table = job._open()
        mapping, settings = job._mapping(), job._settings(table)
        for number, raw in table.rows():
            clean = clean_row(raw, mapping, settings, number)
            values = {
                "row": number,
                "ok": clean.ok,
                "name_folded": fold(clean.name) or None,
                "lang": clean.language or None,
                "own_basis": clean.own_basis,
                "e164s": [phone.e164 for phone in clean.phones],
                "raws": [phone.raw for phone in clean.phones],
                "kinds": [phone.kind for phone in clean.phones],
                "countries": [phone.country for phone in clean.phones],
                "personal": [phone.kind in PERSONAL_KINDS for phone in clean.phones],
                "problems": self.entries(clean.problems),
                "notices": self.entries(clean.notices),
                **{
                    name: getattr(clean, name) or None
                    for name in "name vat email client_key street zip city".split()
                },
            }
            names = ", ".join(values)
            marks = ", ".join(["%s"] * len(values))
            cr.execute(
                f"INSERT INTO telemarketing_import_stage ({names}) VALUES ({marks})",
                list(values.values()),
            )

    @staticmethod
    def entries(problems):
        found = [[p.code, p.value, p.params, p.field, p.column] for p in problems]
        return json.dumps(found) if found else None

    def match(self, job):
        """``[(action, codes of problems and notices)]`` of each row; the whole of
        STAGE in ``self.found``."""
        self.stage(job)
        self.env["telemarketing.import.matcher"]._match(job.sudo())
        self.env.cr.execute("SELECT * FROM telemarketing_import_stage ORDER BY row")
        self.found = self.env.cr.dictfetchall()
        for row in self.found:
            self.assertEqual(row["ok"], row["action"] != "skip")
        return [
            (
                row["action"],
                *[p[0] for p in [*(row["problems"] or ()), *(row["notices"] or ())]],
            )
            for row in self.found
        ]


@tagged("post_install", "-at_install", "telemarketing_import")
class TestImportMatch(ImportMatchCommon):
    """Whom a file repeats: somebody called twice, or never, if this broke."""

    def test_every_key_finds_who_is_there_and_says_where(self):
        by_phone = self.create_contact("Ana", "612345001")
        by_vat = self.create_contact("Berta", "612345002", vat="12345678Z")
        by_mail = self.create_contact("Carla", "612345003", email="c@example.com")
        by_key = self.create_contact("Dora", "612345004", client_key="C 1")
        job = self.job(
            "612345001;Otra;S",
            "612345102;BERTA;S;12345678Z",
            "612345103;Carla;S;;C@example.com",
            "612345104;Nadie;S;;;c-1",
            "612345105;Nueva;S",
        )
        skip = ("skip", "duplicate_in_database")
        self.assertEqual(self.match(job), [skip] * 4 + [("insert",)])
        self.assertEqual(
            [(row["match_id"], row["match_by"]) for row in self.found],
            [
                (by_phone.id, "phone"),
                (by_vat.id, "vat"),
                (by_mail.id, "email"),
                (by_key.id, "key"),
                (None, None),
            ],
        )
        code, value, params, _field, _column = self.found[0]["problems"][0]
        self.assertEqual(params["database"], self.database_a.name)

    def test_each_key_is_switched_and_a_wrong_number_is_nobodys(self):
        contact = self.create_contact("Ana", "612345001", vat="12345678Z")
        job = self.job("612345001;Ana;S", match_phone=False)
        self.assertEqual(self.match(job), [("insert",)])
        job = self.job("612345009;Ana;S;12345678Z", match_vat=False)
        self.assertEqual(self.match(job), [("insert",)])
        contact.phone_ids.state = "bad"
        self.assertEqual(self.match(self.job("612345001;Ana;S")), [("insert",)])

    def test_number_that_many_share_and_nif_of_another_name_repeat_nobody(self):
        self.create_contact("Ana", ["902123456", "612345001"], vat="12345678Z")
        job = self.job("902123456;Ana;S", "612345002;Luis;S;12345678Z")
        self.assertEqual(
            self.match(job), [("insert",), ("insert", "shared_in_database")]
        )

    def test_scope_is_the_database_or_all_of_the_client_company(self):
        self.create_contact("Ana", "612345001", self.database_other)
        row = "612345001;Ana;S"
        self.assertEqual(self.match(self.job(row))[0][0], "skip")
        job = self.job(row, match_scope="database")
        self.assertEqual(self.match(job), [("insert",)])
        # Neither another client company's people, nor another company's, nor ours.
        for database in self.database_b, self.database_far, self.database_own:
            job = self.job(row, database=database)
            self.assertEqual(self.match(job), [("insert",)], database.name)

    def test_prospects_and_clients_of_the_same_client_company_count(self):
        partners = self.env["res.partner"].create(
            [
                {
                    "name": "Ana",
                    "funnel_stage": stage,
                    "telemarketing_principal_id": principal.id,
                    "company_id": company.id,
                    **key,
                }
                for stage, principal, company, key in (
                    (
                        "prospect",
                        self.principal_a,
                        self.company_a,
                        {"phone": "+34612345001"},
                    ),
                    (
                        "client",
                        self.principal_a,
                        self.company_a,
                        {"vat": "ES12345678Z"},
                    ),
                    (
                        "client",
                        self.principal_a,
                        self.company_a,
                        {"email": "A@Example.com"},
                    ),
                    (
                        "client",
                        self.principal_b,
                        self.company_a,
                        {"phone": "+34612345004"},
                    ),
                    (
                        "client",
                        self.principal_a,
                        self.company_b,
                        {"phone": "+34612345005"},
                    ),
                    (
                        False,
                        self.principal_a,
                        self.company_a,
                        {"phone": "+34612345006"},
                    ),
                )
            ]
        )
        rows = (
            "612345001;Ana;S",
            "612345102;Ana;S;12345678Z",
            "612345103;Ana;S;;a@example.com",
            "612345004;Ana;S",
            "612345005;Ana;S",
            "612345006;Ana;S",
        )
        self.assertEqual(
            self.match(self.job(*rows)),
            [
                ("skip", "duplicate_prospect"),
                ("skip", "duplicate_client"),
                ("skip", "duplicate_client"),
                *[("insert",)] * 3,
            ],
        )
        self.assertEqual(
            [row["match_partner_id"] for row in self.found[:3]], partners[:3].ids
        )
        job = self.job(*rows, match_partners=False)
        self.assertEqual(self.match(job), [("insert",)] * 6)

    def test_rows_of_the_file_repeat_each_other_across_chunks_and_restarts(self):
        rows = "612345001;Ana;S", "612345001;Ana;S", "612345002;Eva;S"
        job = self.job(*rows)
        self.assertEqual(
            self.match(job),
            [("insert",), ("skip", "duplicate_in_file"), ("insert",)],
        )
        self.assertEqual(self.found[1]["match_row"], 2)
        # What an earlier chunk loaded is known by the row from which it came.
        self.create_contact("Ana", "612345001").sudo().write(
            {"import_id": job.id, "import_row": 2}
        )
        job.duplicates = "update"
        found = self.match(job)
        self.assertEqual(found[:2], [("skip", "duplicate_in_file")] * 2)
        self.assertEqual([row["match_row"] for row in self.found[:2]], [2, 2])

    def test_row_with_the_phone_of_one_and_the_nif_of_another_is_given_back(self):
        self.create_contact("Ana", "612345001")
        self.create_contact("Eva", "612345002", self.database_other, vat="12345678Z")
        job = self.job("612345001;Eva;S;12345678Z", duplicates="update")
        self.assertEqual(
            self.match(job),
            [
                (
                    *("skip", "duplicate_doubtful"),
                    *("duplicate_in_database", "duplicate_in_database"),
                )
            ],
        )
        named = {p[2].get("database") for p in self.found[0]["problems"][1:]}
        self.assertEqual(named, {self.database_a.name, self.database_other.name})

    def test_whom_a_merge_has_put_together_is_found_as_who_stayed(self):
        kept = self.create_contact("Ana", "612345001")
        gone = self.create_contact("Anita", "612345002")
        gone.sudo().write({"merged_into_id": kept.id, "active": False})
        self.match(self.job("612345002;Ana;S"))
        self.assertEqual(self.found[0]["match_id"], kept.id)

    def test_key_of_another_database_counts_if_it_is_made_of_the_same_columns(self):
        self.create_contact("Ana", "612345001", self.database_other, client_key="C 1")
        row = "612345009;Eva;S;;;C-1"
        self.assertEqual(self.match(self.job(row)), [("insert",)])
        self.database_other.key_headings = ["codigo cliente"]
        self.assertEqual(self.match(self.job(row))[0][0], "skip")
        # The same phone under another key: two clients of the client company.
        self.assertEqual(
            self.match(self.job("612345001;Ana;S;;;C-2")),
            [("insert", "other_key_in_database")],
        )

    def test_key_is_remembered_offered_again_and_missed_where_it_lacks(self):
        job = self.job("612345001;Ana;S;12345678Z;;C1")
        keys = job.column_ids.filtered(lambda c: c.heading in ("NIF", "Nombre"))
        keys.is_key = True
        self.stage(job)
        self.env.cr.execute("SELECT client_key FROM telemarketing_import_stage")
        self.assertEqual(self.env.cr.fetchone()[0], "ANA / 12345678Z")
        job.action_load()
        self.assertEqual(self.database_a.key_headings, ["nif", "nombre"])
        again = self.job("612345002;Eva;S")
        self.assertEqual(
            again.column_ids.filtered("is_key").mapped("heading"), ["Nombre", "NIF"]
        )
        self.assertFalse(again.key_warning)
        again.column_ids.is_key = False
        self.assertIn("Always use the same columns", again.key_warning)
        other = self.job("612345003;Eva", headings="Teléfono;Nombre")
        self.assertIn("lacks nif", other.key_warning)

    def test_matching_asks_the_same_few_questions_however_many_rows(self):
        for count in (10, 300):
            job = self.job(*(f"6{n:08};P{n};S;;p{n}@example.com" for n in range(count)))
            self.stage(job)
            with self.assertQueryCount(14):
                self.env["telemarketing.import.matcher"]._match(job.sudo())


@tagged("post_install", "-at_install", "telemarketing_import")
class TestImportUpdate(ImportMatchCommon):
    """Mass update of who is there: data lost or written on a stranger, if broken."""

    WIDE = "Teléfono;Nombre;Dirección;NIF;Email;Código cliente;C.P.;Plan"

    def update(self, *rows, marked=(), headings=None, **values):
        job = self.job(
            *rows, headings=headings or self.WIDE, duplicates="update", **values
        )
        for column in job.column_ids:
            column.is_updated = column.heading in marked
        job.action_load()
        job.sudo()._load()
        self.env.invalidate_all()
        return job

    def test_marked_columns_are_written_and_what_was_there_is_kept(self):
        ana = self.create_contact(
            *("Ana", "612345001"), client_key="C 1", city="Soria", street="Vieja 1"
        )
        job = self.update(
            "612345009;Ana María;Nueva 2;12345678Z;;C-1;46002;Oro",
            marked=("Dirección", "C.P.", "NIF", "Plan"),
        )
        self.assertEqual(
            (job.state, job.updated, job.loaded, job.bad), ("done", 1, 0, 0)
        )
        self.assertEqual(
            (ana.name, ana.street, ana.zip, ana.vat, ana.city),
            ("Ana", "Nueva 2", "46002", "12345678Z", "Soria"),
        )
        self.assertEqual(ana.state_id.code, "V")
        extra = ana.read(["contact_properties"])[0]["contact_properties"]
        self.assertEqual([(f["string"], f["value"]) for f in extra], [("Plan", "Oro")])
        self.assertEqual(ana.phone_ids.mapped("e164"), ["+34612345001"])
        change = job.change_ids
        self.assertEqual((change.contact_id, change.row), (ana, 2))
        self.assertEqual(change.old_values["street"], "Vieja 1")
        self.assertEqual(change.new_values["street"], "Nueva 2")
        self.assertIsNone(change.old_values["vat"])
        self.assertNotIn("name", change.new_values)

    def test_empty_cells_overwrite_nothing_and_no_change_is_none(self):
        ana = self.create_contact(
            "Ana", "612345001", client_key="C 1", email="a@example.com", street="S"
        )
        job = self.update("612345001;;S;;;C-1;;", marked=("Email", "Dirección"))
        self.assertEqual((job.updated, job.bad, job.loaded), (0, 1, 0))
        job = self.update("612345001;Ana;S;;;C-1;;", marked=("Email", "Dirección"))
        self.assertEqual((job.updated, job.bad, job.loaded), (0, 0, 0))
        self.assertEqual((ana.email, ana.street), ("a@example.com", "S"))
        self.assertFalse(job.change_ids)

    def test_numbers_are_added_behind_and_none_is_taken_away(self):
        ana = self.create_contact("Ana", "612345001", client_key="C 1")
        heads = "Teléfono;Teléfono 2;Nombre;Dirección;Código cliente"
        job = self.update(
            "612345002;612345001;Ana;S;C1",
            headings=heads,
            marked=("Teléfono",),
        )
        self.assertEqual(job.updated, 0)  # C1 is not C 1: somebody else's key
        job = self.update(
            "612345002;612345001;Ana;S;C 1",
            headings=heads,
            marked=("Teléfono",),
        )
        self.assertEqual(job.updated, 1)
        self.assertEqual(ana.phone_ids.mapped("e164"), ["+34612345001", "+34612345002"])
        self.assertEqual(ana.phone_ids[1].number_id.kind, "mobile")
        self.assertEqual(job.change_ids.new_values["phones"], ana.phone_ids[1].ids)

    def test_nif_put_right_is_asked_whether_it_may_be_called(self):
        ana = self.create_contact("Ana", "612345001", client_key="C 1")
        eva = self.create_contact("Eva", "612345002", client_key="C 2")
        self.env["telemarketing.exclusion"].create(
            {"vat": "12345678Z", "company_id": self.company_a.id, "reason": "request"}
        )
        self.env["telemarketing.consent"].create(
            {
                "contact_id": self.create_contact(
                    "X", "612345003", self.database_other, vat="12345679S"
                ).id,
                "vat": "12345679S",
                "purpose": "call",
                "channel": "web",
                "given_at": self.now(days=-9),
                "withdrawn_at": self.now(days=-1),
                "withdrawal_channel": "web",
            }
        )
        self.assertEqual(ana.target_ids.state, "ready")
        self.assertTrue(eva.consented_on)
        self.update(
            "612345001;Ana;S;12345678Z;;C 1;;",
            "612345002;Eva;S;12345679S;;C 2;;",
            marked=("NIF",),
        )
        self.assertEqual(ana.target_ids.state, "excluded")
        self.assertEqual(eva.vat, "12345679S")
        self.assertFalse(eva.consented_on)
        self.assertFalse(eva.target_ids.due_at)

    def test_objector_by_nif_is_not_called_because_a_file_brings_another_nif(self):
        ana = self.create_contact(
            "Ana", "612345001", client_key="C 1", vat="12345678Z", street="V"
        )
        self.env["telemarketing.exclusion"].create(
            {"vat": "12345678Z", "company_id": self.company_a.id}
        )
        self.assertEqual(ana.target_ids.state, "excluded")
        job = self.update(
            "612345001;Ana;N;12345679S;;C 1;;", marked=("NIF", "Dirección")
        )
        self.assertEqual((ana.vat, ana.street), ("12345678Z", "N"))
        self.assertEqual(ana.target_ids.state, "excluded")
        self.assertEqual((job.updated, job.row_ids.kind), (1, "notice"))
        self.assertIn("another NIF", job.row_ids.reason)

    def test_objection_and_refused_consent_of_an_updated_row_count(self):
        heads = "Teléfono;Nombre;Dirección;Código cliente;Observaciones;Consentimiento"
        ana = self.create_contact("Ana", "612345001", client_key="C 1")
        eva = self.create_contact("Eva", "612345002", client_key="C 2")
        self.update(
            "612345001;Ana;S;C 1;pide que no se le llame más;",
            "612345002;Eva;S;C 2;;no",
            headings=heads,
            marked=("Dirección",),
        )
        self.assertEqual(ana.target_ids.state, "excluded")
        self.assertFalse(eva.consented_on)
        self.assertEqual(eva.consent_ids.state, "withdrawn")

    def skip(self, *rows, **values):
        """A file that gives back whom it repeats."""
        heads = "Teléfono;Nombre;Dirección;NIF;Observaciones;Consentimiento"
        job = self.job(*rows, headings=heads, **values)
        job.action_load()
        job.sudo()._load()
        self.env.invalidate_all()
        return job

    def test_no_in_a_row_that_repeats_somebody_is_believed_though_it_is_skipped(self):
        eva = self.create_contact("Eva", "612345002")
        partner = self.env["res.partner"].create(
            {
                "name": "Luz",
                "funnel_stage": "client",
                "phone": "+34612345003",
                "telemarketing_principal_id": self.principal_a.id,
                "company_id": self.company_a.id,
            }
        )
        luz = self.create_contact("Luz", "612345013", self.database_other)
        luz.sudo().partner_id = partner
        away = self.create_contact("Eva", "612345002", self.database_b)
        self.assertTrue(eva.consented_on and luz.consented_on and away.consented_on)
        job = self.skip(
            "612345002;Eva;S;;;no",
            "612345003;Luz;S;;;no",
            "612345004;Mar;S;;;",
            "612345004;Mar;S;;;no",
            match_scope="database",
        )
        self.assertEqual((job.loaded, job.bad), (1, 3))
        mar = eva.search([("import_id", "=", job.id)])
        for person in eva | luz | mar:
            self.assertFalse(person.consented_on, person.name)
            self.assertFalse(person.target_ids.due_at, person.name)
        self.assertTrue(away.consented_on)
        self.assertEqual(eva.consent_ids.state, "withdrawn")
        # Said twice, it is written once.
        self.skip("612345002;Eva;S;;;no", "612345003;Luz;S;;;no")
        self.assertEqual(len(eva.consent_ids), 1)

    def test_objection_in_a_row_is_of_the_person_and_not_of_that_number(self):
        ana = self.create_contact("Ana", "612345001", vat="12345678Z")
        eva = self.create_contact("Eva", "612345002", vat="12345679S")
        six = self.env["telemarketing.contact"].union(
            *(
                self.create_contact(f"P{n}", f"6123450{n}", vat="87654321X")
                for n in range(20, 27)
            )
        )
        self.skip(
            "612345099;Ana;S;12345678Z;no llamar;",
            "12;Eva;S;12345679S;no llamar;",
            "612345098;Otra;S;87654321X;no llamar;",
        )
        Exclusion = self.env["telemarketing.exclusion"]
        self.assertEqual(ana.target_ids.state, "excluded")
        found = Exclusion.search([("contact_id", "=", ana.id)])
        self.assertEqual(
            set(found.mapped("who")), {"612 345 001", "612 345 099", "12345678Z"}
        )
        self.assertEqual(len(set(found.mapped("reference"))), 1)
        # A row that does not load, without a number.
        self.assertEqual(eva.target_ids.state, "excluded")
        self.assertEqual(Exclusion.search([("vat", "=", eva.vat)]).scope, "principal")
        # A NIF that fills a column bars nobody.
        self.assertEqual(set(six.target_ids.mapped("state")), {"ready"})

    def test_who_is_doubtful_or_a_client_only_is_given_back_unchanged(self):
        ana = self.create_contact("Ana", "612345001", street="V")
        eva = self.create_contact("Eva", "612345002", vat="12345678Z", street="V")
        client = self.env["res.partner"].create(
            {
                "name": "Luz",
                "funnel_stage": "client",
                "phone": "+34612345003",
                "street": "V",
                "telemarketing_principal_id": self.principal_a.id,
            }
        )
        job = self.update(
            "612345001;Eva;N;12345678Z;;;;",
            "612345003;Luz;N;;;;;",
            "612345004;Mar;N;;;;;",
            marked=("Dirección",),
        )
        self.assertEqual((job.updated, job.bad, job.loaded), (0, 2, 1))
        self.assertEqual({ana.street, eva.street, client.street}, {"V"})
        reasons = job.row_ids.mapped("reason")
        self.assertIn("one person or of another", reasons[0])
        self.assertIn("client", reasons[1])

    def test_only_people_whom_the_loader_may_change_are_changed(self):
        theirs = self.create_contact(
            "Ana", "612345001", self.database_other, street="V"
        )
        row = "612345001;Ana;N;;;;;"
        job = self.update(row, marked=("Dirección",), user=self.supervisor_a)
        self.assertEqual((job.updated, job.bad, theirs.street), (0, 1, "V"))
        self.assertIn("not yours", job.sudo().row_ids.reason)
        job = self.update(row, marked=("Dirección",), user=self.manager)
        self.assertEqual((job.sudo().updated, theirs.street), (1, "N"))
        # Another client company's person is another person.
        other = self.create_contact("Eva", "612345002", self.database_b, street="V")
        job = self.update("612345002;Eva;N;;;;;", marked=("Dirección",))
        self.assertEqual((job.updated, job.loaded, other.street), (0, 1, "V"))

    def test_restart_between_chunks_updates_and_loads_nobody_twice(self):
        people = [
            self.create_contact(f"P{n}", f"6123450{n:02}", client_key=f"C {n}")
            for n in range(1, 6)
        ]
        rows = [f"6123450{n:02};P{n};N{n};;;C {n};;" for n in range(1, 6)]
        rows += ["612345091;Q;N;;;;;", "612345091;Q;N;;;;;", "612345001;P1;Z;;;C 1;;"]
        self.patch(import_loader, "CHUNK", 3)
        job = self.job(*rows, headings=self.WIDE, duplicates="update")
        job.column_ids.filtered(lambda c: c.heading == "Dirección").is_updated = True
        job.action_load()
        for _piece in job._steps():
            break  # the server stops after the first chunk
        self.assertEqual((job.position, job.updated), (3, 3))
        job._load()
        self.env.invalidate_all()
        self.assertEqual(
            (job.state, job.updated, job.loaded, job.bad), ("done", 5, 1, 2)
        )
        self.assertEqual([p.street for p in people], [f"N{n}" for n in range(1, 6)])
        self.assertIn("row 2", job.row_ids.filtered(lambda r: r.row == 9).reason)

    def test_erased_person_is_not_left_in_what_changed(self):
        ana = self.create_contact("Ana", "612345001", client_key="C 1", street="V")
        job = self.update("612345001;Ana;N;;;C 1;;", marked=("Dirección",))
        self.assertTrue(job.change_ids)
        self.env["telemarketing.privacy.eraser"]._empty(ana.ids)
        self.assertFalse(job.change_ids.exists())
