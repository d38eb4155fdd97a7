import base64
import json

from odoo.tests import tagged

from ..identity.phone import PERSONAL_KINDS
from ..identity.text import fold
from ..importing import clean_row
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
