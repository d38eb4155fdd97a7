import base64
import csv
import io
import zipfile

from lxml import html

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, HttpCase, tagged
from odoo.tools import mute_logger
from odoo.tools.misc import file_path

from ..importing import ReadError, open_table
from ..models import import_preview
from .common import TelemarketingCommon

CSV = (
    "Teléfono;Nombre;Dirección;Alta;Nota;Nota\n"
    "612345678;Carmen Peña;C/ Mayor 3;=1+1;a;b\n"
    "699999999;Luis;Sol 1;02/03/2026;;\n"
    "123;Sin teléfono;Sol 2;;;\n"
)


class ImportScreensCase(TelemarketingCommon):
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
        self.env["telemarketing.import"]._cron_load()
        self.assertEqual(job.state, "done")
        return job

    def opened(self, made):
        spool, filename, _mimetype = made
        with spool:
            return filename, spool.read()


@tagged("post_install", "-at_install", "telemarketing_import")
class TestOriginal(ImportScreensCase):
    """E1: a base goes out as it came in."""

    def test_a_base_is_downloaded_with_its_columns_and_rows_in_order(self):
        self.load()
        filename, content = self.opened(self.database_a._open_original())
        self.assertEqual(filename, "base.csv")
        text = content.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text), delimiter=";"))
        self.assertEqual(rows[0], CSV.splitlines()[0].split(";"))
        self.assertEqual([row[1] for row in rows[1:]], ["Carmen Peña", "Luis"])
        # Both columns of one name, and nothing that a spreadsheet would run.
        self.assertEqual(rows[1][3:], ["'=1+1", "a", "b"])

    def test_the_clients_workbook_comes_back_with_the_same_cells(self):
        path = file_path("telemarketing_base/tests/samples/base_clientes.xls")
        with open(path, "rb") as sample:
            content = sample.read()
        job = self.load(content, "base_clientes.xls")
        filename, made = self.opened(job._open_original())
        self.assertEqual(filename, "base_clientes.xlsx")
        before = open_table(content, "base_clientes.xls")
        after = open_table(made, filename)
        self.assertEqual(after.headings, before.headings)
        was = {tuple(map(str, row)) for _number, row in before.rows()}
        rows = [tuple(map(str, row)) for _number, row in after.rows()]
        self.assertEqual(len(rows), job.loaded)
        self.assertFalse([row for row in rows if row not in was][:3])

    def test_two_files_in_one_base_come_as_two_files(self):
        self.load()
        self.load(CSV.replace("612345678", "612345670").replace("699999999", "1"))
        filename, content = self.opened(self.database_a._open_original())
        self.assertEqual(filename, f"{self.database_a.name}.zip")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            lines = [len(archive.read(name).splitlines()) for name in names]
        self.assertEqual(len(set(names)), 2)
        self.assertEqual(lines, [3, 2])

    def test_merged_people_are_in_it_and_erased_ones_are_not(self):
        self.load(CSV + "654654654;Eva Gil;Sol 5;;;\n")
        carmen, luis, eva = self.database_a.contact_ids.sorted("import_row")
        luis.write({"active": False, "merged_into_id": carmen.id})
        self.env["telemarketing.privacy.eraser"]._empty(eva.ids)
        content = self.opened(self.database_a._open_original())[1].decode("utf-8-sig")
        self.assertIn("Carmen", content)
        self.assertIn("Luis", content)
        self.assertNotIn("Eva", content)
        # Who was merged into an erased person is that person.
        self.env["telemarketing.privacy.eraser"]._empty(carmen.ids)
        with self.assertRaisesRegex(UserError, "Nothing is kept"):
            self.database_a._open_original()

    def test_who_downloads_is_written_down(self):
        self.load()
        database = self.as_user(self.database_a, self.supervisor_a)
        self.opened(database._open_original())
        log = self.env["telemarketing.search.log"].search([], limit=1)
        self.assertEqual(
            (log.user_id, log.campaign_id, log.shown),
            (self.supervisor_a, self.campaign_a, 2),
        )
        self.assertIn(self.database_a.name, log.text)

    def test_nothing_to_download_says_so(self):
        self.create_contact("By hand", "600000001")
        with self.assertRaisesRegex(UserError, "Nothing is kept"):
            self.database_a.action_download_original()

    def test_other_teams_and_agents_take_nobody_away(self):
        job = self.load()
        for user in (
            self.supervisor_b,
            self.supervisor_far,
            self.agent_a,
            self.salesperson,
            self.portal_a,
            self.plain_user,
        ):
            for record in (job, self.database_a):
                with self.subTest(user.login, model=record._name):
                    with self.assertRaises(AccessError):
                        self.as_user(record, user).action_download_original()
                    with self.assertRaises(AccessError):
                        self.as_user(record, user)._open_original()


@tagged("post_install", "-at_install", "telemarketing_import")
class TestDownloads(HttpCase, ImportScreensCase):
    """The door of the downloads, knocked at by each role."""

    def get(self, user, url):
        if user:
            user.password = user.login
            self.authenticate(user.login, user.login)
        else:
            self.authenticate(None, None)
        # Odoo logs who was refused.
        with mute_logger("odoo.http"):
            return self.url_open(url, allow_redirects=False)

    def test_the_original_is_for_who_supervises_the_campaign(self):
        job = self.load()
        for url in (
            f"/telemarketing/original/database/{self.database_a.id}",
            f"/telemarketing/original/import/{job.id}",
        ):
            for user in (self.supervisor_a, self.manager):
                answer = self.get(user, url)
                self.assertEqual(answer.status_code, 200, (user.login, url))
                self.assertIn("Carmen Peña", answer.content.decode("utf-8-sig"))
                self.assertIn("attachment", answer.headers["Content-Disposition"])
                self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            for user in (
                self.supervisor_b,
                self.agent_a,
                self.salesperson,
                self.portal_a,
                self.plain_user,
            ):
                answer = self.get(user, url)
                self.assertEqual(answer.status_code, 403, (user.login, url))
                self.assertNotIn("Carmen", answer.text)
            answer = self.get(None, url)
            self.assertNotEqual(answer.status_code, 200)
            self.assertNotIn("Carmen", answer.text)

    def test_templates_of_every_kind_are_for_supervisors(self):
        self.database_a.required_fields = "phone,name,vat"
        for kind in ("contacts", "prospects", "clients", "articles"):
            for fmt in ("xlsx", "csv"):
                url = f"/telemarketing/template/{kind}/{fmt}"
                answer = self.get(self.supervisor_a, url)
                self.assertEqual(answer.status_code, 200, url)
                self.assertIn(f".{fmt}", answer.headers["Content-Disposition"])
                with self.assertRaises(ReadError) as caught:
                    open_table(answer.content, f"x.{fmt}")
                # Headings and no example that somebody would load.
                self.assertEqual(caught.exception.code, "file_only_headings")
        url = "/telemarketing/template/contacts/csv"
        plain = self.get(self.supervisor_a, url).content
        theirs = self.get(self.supervisor_a, f"{url}?database={self.database_a.id}")
        self.assertNotEqual(theirs.content, plain)
        # Another team's database says nothing of itself.
        answer = self.get(self.supervisor_b, f"{url}?database={self.database_a.id}")
        self.assertEqual(answer.content, plain)
        for user in (self.agent_a, self.salesperson, self.portal_a, self.plain_user):
            self.assertEqual(self.get(user, url).status_code, 403, user.login)
        self.assertNotEqual(self.get(None, url).status_code, 200)
        for wrong in ("people/csv", "contacts/exe"):
            answer = self.get(self.supervisor_a, f"/telemarketing/template/{wrong}")
            self.assertEqual(answer.status_code, 404)

    def test_what_does_not_exist_is_not_found(self):
        answer = self.get(self.manager, "/telemarketing/original/partner/1")
        self.assertEqual(answer.status_code, 404)
        answer = self.get(self.manager, "/telemarketing/original/database/999999999")
        self.assertIn(answer.status_code, (403, 404))


@tagged("post_install", "-at_install", "telemarketing_import")
class TestDatabaseEmpty(ImportScreensCase):
    """A base goes only on purpose, and what the law keeps of it stays."""

    def ask(self, database, user=None, **values):
        return (
            self.env["telemarketing.database.empty"]
            .with_user(user or self.supervisor_a)
            .create({"database_id": database.id, **values})
        )

    def empty(self, database, **values):
        self.ask(database, typed_name=database.name, **values).action_confirm()
        self.env["telemarketing.database"]._cron_empty()

    def test_a_wrong_name_erases_nobody(self):
        self.load()
        wizard = self.ask(self.database_a, typed_name="another")
        self.assertEqual((wizard.people, wizard.called), (2, 0))
        with self.assertRaisesRegex(UserError, "Write"):
            wizard.action_confirm()
        self.assertFalse(self.database_a.empty_state)

    def test_a_base_never_called_is_deleted_with_its_people_and_files(self):
        database = self._create_database(
            self.campaign_a, "Old", legal_basis="client", basis_date=False
        )
        job = self.load(database=database)
        people = database.contact_ids
        numbers = people.phone_ids.number_id
        self.empty(database)
        self.assertFalse((database | self.env["telemarketing.database"]).exists())
        self.assertFalse(people.exists())
        self.assertFalse(numbers.exists())
        self.assertFalse(job.exists())
        note = self.campaign_a.message_ids[:1]
        self.assertIn("2 people erased", note.body)
        self.assertEqual(note.author_id, self.supervisor_a.partner_id)

    def test_who_was_called_leaves_figures_and_a_blocked_copy_only(self):
        job = self.load()
        carmen = self.database_a.contact_ids.sorted("import_row")[0]
        call = self.env["telemarketing.interaction"].create(
            {
                "uuid": "empty-1",
                "started_at": self.now(hours=-1),
                "campaign_id": self.campaign_a.id,
                "company_id": self.company_a.id,
                "contact_id": carmen.id,
                "target_id": carmen.target_ids.id,
                "agent_id": self.agent_a.id,
                "notes": "Told me her secret",
            }
        )
        exclusion = self.env["telemarketing.exclusion"].create(
            {
                "number_id": carmen.phone_ids.number_id.id,
                "contact_id": carmen.id,
                "company_id": self.company_a.id,
            }
        )
        self.empty(self.database_a)
        self.env.invalidate_all()
        self.assertTrue(self.database_a.exists())
        self.assertFalse(self.database_a.active)
        self.assertEqual(self.database_a.empty_state, "emptied")
        self.assertTrue(carmen.erased_at)
        self.assertFalse(carmen.name or carmen.raw_values)
        self.assertTrue(call.exists())
        self.assertFalse(call.notes)
        self.assertTrue(exclusion.exists())
        self.assertFalse(job.file or job.returned_file or job.preview_html)
        blocked = self.env["telemarketing.blocked"].search(
            [("contact_id", "=", carmen.id)]
        )
        self.assertEqual(blocked.cause, "database")

    def test_who_is_on_a_desk_stays_and_so_does_the_base(self):
        self.load()
        carmen = self.database_a.contact_ids.sorted("import_row")[0]
        carmen.target_ids.write({"state": "talking", "agent_id": self.agent_a.id})
        self.empty(self.database_a)
        self.env.invalidate_all()
        self.assertTrue(self.database_a.active)
        self.assertFalse(carmen.erased_at)
        self.assertEqual(self.database_a._left(), 1)
        self.assertIn("1 stay", self.campaign_a.message_ids[:1].body)

    def test_while_a_file_loads_nothing_is_erased_and_the_other_way_round(self):
        job = self.job()
        job.action_read()
        job.action_load()
        wizard = self.ask(self.database_a, typed_name=self.database_a.name)
        with self.assertRaisesRegex(UserError, "stop it first"):
            wizard.action_confirm()
        job.state = "preview"
        wizard.action_confirm()
        with self.assertRaisesRegex(UserError, "being emptied"):
            job.action_load()

    def test_other_teams_and_agents_erase_nobody(self):
        self.load()
        for user in (self.supervisor_b, self.agent_a, self.salesperson, self.portal_a):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.ask(self.database_a, user, typed_name="x")
        with self.assertRaises(AccessError):
            self.as_user(self.database_a, self.supervisor_a).write(
                {"empty_state": "emptying"}
            )


@tagged("post_install", "-at_install", "telemarketing_import")
class TestRequired(ImportScreensCase):
    """What a database asks for counts in files and by hand."""

    def test_a_new_base_asks_for_what_its_company_asks_for(self):
        self.company_a.telemarketing_required_fields = "phone,name,zip"
        database = self._create_database(self.campaign_a)
        self.assertEqual(database.required_fields, "phone,name,zip")
        job = self.load("Teléfono;Nombre\n612345678;Ana\n", database=database)
        self.assertEqual((job.loaded, job.bad), (0, 1))
        database.required_fields = ""
        job = self.load("Teléfono;Nombre\n612345678;Ana\n", database=database)
        self.assertEqual((job.loaded, job.bad), (1, 0))

    def test_a_field_that_does_not_exist_cannot_be_required(self):
        with self.assertRaisesRegex(ValidationError, "shoe_size"):
            self.database_a.required_fields = "phone,shoe_size"
        with self.assertRaisesRegex(ValidationError, "shoe_size"):
            self.company_a.telemarketing_required_fields = "shoe_size"

    def test_a_file_larger_than_the_companys_limit_is_refused(self):
        self.company_a.telemarketing_import_cells = 50
        path = file_path("telemarketing_base/tests/samples/base_clientes.xls")
        with open(path, "rb") as sample:
            job = self.job(sample.read(), "base_clientes.xls")
        with self.assertRaisesRegex(UserError, "limit is 50"):
            job.action_read()
        self.company_a.telemarketing_import_cell_kb = 1
        job = self.job(f"Teléfono;Nombre\n612345678;{'x' * 1100}\n")
        with self.assertRaisesRegex(UserError, "longer than 1023"):
            job.action_read()
        for name in ("mb", "cells", "cell_kb"):
            with self.assertRaises(ValidationError):
                self.company_a[f"telemarketing_import_{name}"] = 0


@tagged("post_install", "-at_install", "telemarketing_import")
class TestContactByHand(ImportScreensCase):
    """C7: a person written down by hand."""

    def form(self, user=None):
        Contact = self.env["telemarketing.contact"].with_user(user or self.supervisor_a)
        form = Form(Contact.with_context(telemarketing_by_hand=True))
        form.database_id = self.database_a.with_env(form._env)
        form.name = "Ana Gil"
        form.street = "Sol 4"
        return form

    def test_a_person_is_written_down_with_operator_and_is_not_called_yet(self):
        form = self.form()
        with form.phone_ids.new() as phone:
            phone.raw = "612 345 678"
        form.operator_id = self.agent_a
        self.assertEqual(form.result, "Uncalled")
        ana = form.save()
        self.assertEqual(ana.target_ids.agent_id, self.agent_a)
        self.assertEqual((ana.operator_id, ana.result), (self.agent_a, "Uncalled"))
        found = self.env["telemarketing.contact"].search(
            [("operator_id", "=", self.agent_a.id)]
        )
        self.assertIn(ana, found)
        # The next one goes to the same database.
        Contact = self.env["telemarketing.contact"].with_user(self.supervisor_a)
        again = Form(Contact.with_context(telemarketing_by_hand=True))
        self.assertEqual(again.database_id, self.database_a)

    def test_an_operator_is_not_given_work_that_is_over_in_silence(self):
        ana = self.create_contact("Ana", "612345678")
        ana.operator_id = self.agent_b
        self.assertEqual(ana.target_ids.agent_id, self.agent_b)
        ana.target_ids.write({"state": "done"})
        with self.assertRaisesRegex(UserError, "no open work"):
            ana.operator_id = self.agent_a

    def test_somebody_excluded_is_written_down_with_an_operator_all_the_same(self):
        number = self.create_contact("X", "612345678", self.database_own).phone_ids
        self.env["telemarketing.exclusion"].create(
            {"number_id": number.number_id.id, "company_id": self.company_a.id}
        )
        form = self.form()
        with form.phone_ids.new() as phone:
            phone.raw = "612 345 678"
        form.operator_id = self.agent_a
        self.assertEqual(form.save().target_ids.state, "excluded")

    def test_what_is_missing_is_named(self):
        Contact = self.env["telemarketing.contact"].with_user(self.supervisor_a)
        values = {"name": "Ana", "street": "Sol 4", "database_id": self.database_a.id}
        with self.assertRaisesRegex(ValidationError, "Phone is missing"):
            Contact.create(values)
        values["phone_ids"] = [Command.create({"raw": "612345678"})]
        with self.assertRaisesRegex(ValidationError, "Address is missing"):
            Contact.create({**values, "street": False})
        self.database_a.required_fields = "phone,name,street,vat"
        with self.assertRaisesRegex(ValidationError, "NIF is missing"):
            Contact.create(values)
        ana = Contact.create({**values, "vat": "12345678Z"})
        with self.assertRaisesRegex(ValidationError, "NIF is missing"):
            ana.vat = False

    def test_who_is_there_already_is_shown_before_saving_and_bars_nobody(self):
        self.create_contact("Carmen Peña", "612345678")
        self.create_contact(
            "Secret of the others",
            "699999999",
            self._create_database(self.campaign_other, "Theirs"),
        )
        self.create_contact(
            "Another principal",
            "677777777",
            self._create_database(self.campaign_b, "B"),
        )
        form = self.form()
        self.assertFalse(form.same_people)
        with form.phone_ids.new() as phone:
            phone.raw = "+34 612-345-678"
        self.assertIn("Carmen Peña", form.same_people)
        with form.phone_ids.edit(0) as phone:
            phone.raw = "699 999 999"
        self.assertIn("another team", form.same_people)
        self.assertNotIn("Secret", form.same_people)
        with form.phone_ids.edit(0) as phone:
            phone.raw = "677 777 777"
        self.assertFalse(form.same_people)
        with form.phone_ids.edit(0) as phone:
            phone.raw = "612345678"
        self.assertTrue(form.save().exists())

    def test_agents_write_nobody_down(self):
        with self.assertRaises(AccessError):
            self.env["telemarketing.contact"].with_user(self.agent_a).create(
                {"name": "Ana", "database_id": self.database_a.id}
            )


@tagged("post_install", "-at_install", "telemarketing_import")
class TestPreview(ImportScreensCase):
    """What is wrong is seen before anything is written."""

    WRONG = (
        "Teléfono;Nombre;Dirección;NIF\n"
        "612345678;Carmen Peña;C/ Mayor 3;12345678Z\n"
        "699999999;Luis;Sol 1;12345678A\n"
        "123;Malo;Sol 2;\n"
        "612345678;Otra;Sol 3;\n"
        "+34 644.444.444;;Sol 4;\n"
    )

    def cells(self, job):
        """``{(row, column): (class, title)}`` of the marked cells."""
        tree = html.fromstring(job.preview_html)
        return {
            (line, place - 2): (cell.get("class"), cell.get("title"))
            for line, tr in enumerate(tree.xpath("//tbody/tr"))
            for place, cell in enumerate(tr.xpath("./td"))
            if place > 1 and (cell.get("class") or "").startswith("table-")
        }

    def test_the_wrong_cell_is_marked_with_its_reason(self):
        job = self.job(self.WRONG)
        job.action_read()
        cells = self.cells(job)
        self.assertEqual(
            {place: css for place, (css, _title) in cells.items()},
            {
                (1, 3): "table-warning",
                (2, 0): "table-danger",
                (3, 0): "table-danger",
                (4, 1): "table-danger",
            },
        )
        self.assertIn("control character", cells[1, 3][1])
        self.assertIn("name is missing", cells[4, 1][1])
        self.assertIn("Repeats row 2", job.preview_html)
        self.assertRegex(job.preview_html, "→ 644")

    def test_markup_of_a_cell_is_shown_and_not_run(self):
        job = self.job(
            'Teléfono;Nombre;Dirección\n612345678;<img src=x onerror="x">;y\n'
        )
        job.action_read()
        self.assertNotIn("<img", job.preview_html)
        self.assertIn("&lt;img", job.preview_html)

    def test_the_whole_file_is_counted_before_it_is_loaded(self):
        job = self.job(self.WRONG)
        job.action_read()
        counts = job.check_counts
        self.assertEqual(
            (counts["rows"], counts["good"], counts["bad"], counts["noticed"]),
            (5, 2, 3, 1),
        )
        self.assertEqual(dict(counts["notice_of"])["nif_checksum"], 1)
        self.assertIn("5 rows: 2 load", job.check_html)
        self.assertNotIn("%(", job.check_html)
        self.assertFalse(self.database_a.contact_ids)

    def test_a_long_file_is_counted_in_the_background_when_asked(self):
        self.patch(import_preview, "CHECK_AT_ONCE", 2)
        job = self.job(self.WRONG)
        job.action_read()
        self.assertFalse(job.check_counts)
        self.as_user(job, self.supervisor_a).action_check()
        self.assertEqual(job.check_state, "asked")
        self.env["telemarketing.import"]._cron_check()
        self.assertEqual((job.check_state, job.check_counts["rows"]), ("done", 5))
        # Set otherwise, what was counted does not hold any more.
        job.column_ids.filtered(lambda c: c.heading == "NIF").target = False
        job.action_preview()
        self.assertFalse(job.check_state)

    def test_a_required_field_without_a_column_is_said(self):
        job = self.job("Teléfono;Nombre\n612345678;Ana\n")
        job.action_read()
        self.assertIn("Address", job.required_text)
        self.assertIn("Address", job.mapping_warning)
        self.database_a.required_fields = "phone,name"
        self.assertFalse(job.mapping_warning)

    def test_columns_are_remembered_and_forgotten(self):
        content = "Número;Quién;Dónde\n612345678;Ana;Sol 1\n"
        job = self.job(content, duplicates="update")
        job.action_read()
        self.assertFalse(job.remembered)
        for column, target in zip(
            job.column_ids, ("phone", "name", "street"), strict=True
        ):
            column.write({"target": target, "is_updated": target == "street"})
        job.action_load()
        again = self.job(content)
        again.action_read()
        self.assertTrue(again.remembered)
        self.assertEqual(again.column_ids.mapped("target"), ["phone", "name", "street"])
        self.assertEqual(again.column_ids.mapped("is_updated"), [False, False, True])
        self.as_user(again, self.supervisor_a).action_forget_mapping()
        self.assertFalse(again.remembered)
        self.assertNotEqual(again.column_ids[0].target, "phone")
        with self.assertRaises(AccessError):
            self.as_user(self.database_a, self.supervisor_b).action_forget_mapping()

    def test_a_column_fills_a_field_of_the_profile(self):
        profile = self.env["telemarketing.profile"].create(
            {
                "name": "Fibre",
                "target_properties_definition": [
                    {
                        "name": "company",
                        "string": "Present company",
                        "type": "selection",
                        "selection": [["m", "Movistar"], ["v", "Vodafone"]],
                    },
                    {"name": "people", "string": "People at home", "type": "integer"},
                    {"name": "home", "string": "Kind of home", "type": "char"},
                ],
            }
        )
        self.campaign_own.profile_id = profile
        database = self._create_database(self.campaign_own)
        job = self.job(
            "Teléfono;Nombre;Dirección;Compañía;Personas;Kind of home\n"
            "612345678;Ana;Sol 1;MOVISTAR;3;flat\n"
            "612345679;Eva;Sol 2;Otra;muchas;\n",
            database=database,
        )
        job.action_read()
        self.assertEqual(job.profile_choice[0], ["company", "Present company"])
        company, people, home = job.column_ids[3:]
        # Called as the field is: it is that one.
        self.assertEqual((home.target, home.profile_field), ("profile", "home"))
        company.target = "profile"
        with self.assertRaisesRegex(UserError, "Which|which field"):
            job.action_load()
        company.profile_field = "company"
        people.write({"target": "profile", "profile_field": "people"})
        job.action_preview()
        self.assertEqual(
            {place for place, (css, _t) in self.cells(job).items()}, {(1, 3), (1, 4)}
        )
        job.action_load()
        self.env["telemarketing.import"]._cron_load()
        self.assertEqual((job.loaded, job.noticed), (2, 1))
        ana = database.contact_ids.filtered(lambda c: c.name == "Ana").target_ids
        values = {
            field["name"]: field.get("value")
            for field in ana.read(["target_properties"])[0]["target_properties"]
        }
        self.assertEqual(values, {"company": "m", "people": 3, "home": "flat"})
        again = self.job("Compañía\nX\n", database=database)
        again.action_read()
        self.assertEqual(again.column_ids.profile_field, "company")

    def test_people_and_excluded_ones_are_one_click_away(self):
        job = self.load(
            "Teléfono;Nombre;Dirección;No llamar\n"
            "612345678;Ana;Sol 1;\n612345679;Eva;Sol 2;sí\n"
        )
        Contact = self.env["telemarketing.contact"]
        people = Contact.search(job.action_view_people()["domain"])
        self.assertEqual(sorted(people.mapped("name")), ["Ana", "Eva"])
        excluded = Contact.search(job.action_view_excluded()["domain"])
        self.assertEqual(excluded.name, "Eva")


@tagged("post_install", "-at_install", "telemarketing_import")
class TestForgotten(ImportScreensCase):
    """Files go after their days, and an erased person is in none of them."""

    MORE = CSV + "654654654;Berta;Sol 9;;;;\n" + "654 654 654;Berta otra vez;Sol;;;\n"

    def attachments(self, job):
        return self.env["ir.attachment"].search(
            [
                ("res_model", "=", job._name),
                ("res_id", "=", job.id),
                ("res_field", "!=", False),
            ]
        )

    def left_of(self, job):
        """What is still kept of the file itself."""
        return [
            name
            for name, there in (
                ("attachments", self.attachments(job)),
                ("preview", job.preview_html),
                ("rows", job.row_ids),
                ("changes", job.change_ids),
                ("samples", any(job.column_ids.mapped("sample"))),
            )
            if there
        ]

    def test_after_its_days_nothing_of_a_file_is_left(self):
        job = self.load(self.MORE)
        self.env["telemarketing.import.change"].create(
            {
                "import_id": job.id,
                "contact_id": self.database_a.contact_ids[:1].id,
                "old_values": {"street": "Sol 1"},
            }
        )
        self.assertEqual(
            self.left_of(job), ["attachments", "preview", "rows", "changes", "samples"]
        )
        rule = self.env["telemarketing.retention.rule"]._of(self.company_a, "upload")
        self.env.cr.execute(
            "UPDATE telemarketing_import SET create_date = %s WHERE id = %s",
            [self.now(days=-rule.days - 1), job.id],
        )
        self.env.invalidate_all()
        rule._take_upload(
            job.browse(
                [
                    row[0]
                    for row in self.env.execute_query(
                        rule._due_upload(self.now(days=-rule.days), self.now())
                    )
                ]
            )
        )
        self.env.invalidate_all()
        self.assertEqual(self.left_of(job), [])
        self.assertTrue(self.database_a.contact_ids)

    def test_an_erased_person_is_in_no_file_preview_or_row(self):
        # The second row of the same number came back and loaded nobody.
        job = self.load(self.MORE)
        draft = self.job("Teléfono;Nombre;Dirección\n654654654;Berta;Sol 9\n")
        draft.action_read()
        draft.file = False
        other = self.job("Teléfono;Nombre;Dirección\n611111111;Ana;Sol 9\n")
        other.action_read()
        # Limits that were lowered since do not hide anybody.
        self.company_a.telemarketing_import_cells = 1
        for one, there in ((job, True), (draft, True), (other, False)):
            self.assertEqual(one._has_person({"654654654"}), there)
        berta = self.database_a.contact_ids.filtered(lambda c: c.name == "Berta")
        request = self.env["telemarketing.erasure"].create(
            {
                "contact_ids": [Command.set(berta.ids)],
                "identity_checked": True,
                "requester": "Berta",
            }
        )
        request.action_show()
        request.action_confirm()
        request.action_erase()
        self.env.invalidate_all()
        for one in (job, draft):
            self.assertFalse(one._has_person({"654654654"}))
            self.assertEqual(self.left_of(one), [])
        self.assertTrue(self.left_of(other))
