import base64
import csv
import io
import zipfile

import xlsxwriter

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from ..importing.results import COLUMNS
from ..wizards.disposition_load import results_file
from .common import TelemarketingCommon

HEADINGS = ["Código", "Nivel 1", "Nivel 2", "Nivel 3"]


def sheet(headings, *rows):
    """A csv as Excel in Spain writes it."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows([headings, *rows])
    return out.getvalue().encode("utf-8-sig")


def workbook(headings, *rows):
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    page = book.add_worksheet()
    for place, row in enumerate([headings, *rows]):
        page.write_row(place, 0, row)
    book.close()
    return out.getvalue()


@tagged("post_install", "-at_install")
class TestDispositionLoad(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["telemarketing.disposition"]

    def open(self, content, user=None, name="results.csv", **values):
        wizard = self.as_user(
            self.env["telemarketing.disposition.load"], user or self.manager
        )
        return wizard.create(
            {"file": base64.b64encode(content), "filename": name, **values}
        )

    def preview(self, content, user=None, **values):
        wizard = self.open(content, user, **values)
        before = self.model.search_count([])
        wizard.action_preview()
        self.assertEqual(self.model.search_count([]), before, "nothing is written")
        return wizard

    def load(self, content, user=None, **values):
        wizard = self.preview(content, user, **values)
        self.assertFalse(wizard.refused, wizard.line_ids.mapped("text"))
        wizard.action_load()
        self.assertEqual(wizard.state, "done", wizard.notice)
        return wizard

    def refused(self, headings, *rows, user=None):
        """Texts of the lines refused, by line; and the file loads nothing."""
        wizard = self.preview(sheet(headings, *rows), user)
        before = self.model.search_count([])
        found = wizard.line_ids.filtered(lambda line: line.action == "refused")
        if found:
            with self.assertRaises(UserError):
                wizard.action_load()
        self.assertEqual(self.model.search_count([]), before)
        return {line.row: line.text for line in found}

    def by_code(self, code):
        return self.model.search([("code", "=", code)])

    def said(self, content, **values):
        """What is said of a file that is none."""
        wizard = self.open(content, **values)
        with self.assertRaises(UserError) as caught:
            wizard.action_preview()
        self.assertNotIsInstance(caught.exception, AccessError)
        self.assertNotIn("Traceback", str(caught.exception))
        self.assertEqual(wizard.state, "draft")
        return str(caught.exception)

    # WHAT IT MAKES

    def test_a_file_makes_the_tree_with_all_that_a_result_does(self):
        mail = self.env["mail.template"].create(
            {
                "name": "Dear customer",
                "model_id": self.env["ir.model"]._get("telemarketing.interaction").id,
            }
        )
        headings = [
            *HEADINGS,
            *("Campañas", "Orden", "Tecla", "Color", "Después", "Espera"),
            *("La espera crece por", "Espera máxima", "Intentos", "Franja"),
            *("Contacto", "Conversión", "Crea prospecto", "Venta", "Cita"),
            *("Quita rellamadas anteriores", "Quita los números de las listas"),
            *("Plantilla de correo", "El mensaje es", "No llamar en"),
        ]
        self.load(
            sheet(
                headings,
                *(
                    ["X1", "Ausente", "Contestador", "Lleno", "A | Own", "30", "4"]
                    + ["3", "Volver a llamar al mismo número", "90", "1,5", "1440"]
                    + ["6", "Tarde", "útil", "sí", "sí", "no", "x", "Sí", "s"]
                    + ["Dear customer", "Confirma lo hablado", ""],
                    [
                        "X2",
                        "No llamar",
                        "",
                        "",
                        "",
                        "90",
                        "9",
                        "1",
                        "No volver a llamar",
                    ]
                    + ["", "", "", "", "", "Contacto", "", "", "", "", "", "", ""]
                    + ["", "Empresa cliente"],
                ),
            )
        )
        leaf, excluded = self.by_code("X1"), self.by_code("X2")
        self.assertEqual(leaf.display_name, "Ausente / Contestador / Lleno")
        self.assertEqual(leaf.campaign_ids, self.campaign_a | self.campaign_own)
        self.assertEqual(leaf.parent_id.campaign_ids, leaf.campaign_ids)
        self.assertEqual((leaf.sequence, leaf.key, leaf.color), (30, "4", 3))
        self.assertEqual((leaf.kind, leaf.redial_minutes), ("redial_same", 90))
        self.assertEqual((leaf.backoff, leaf.redial_max_minutes), (1.5, 1440))
        self.assertEqual((leaf.max_attempts, leaf.redial_part), (6, "afternoon"))
        self.assertEqual((leaf.outcome, leaf.is_conversion), ("useful", True))
        self.assertTrue(leaf.qualifies and leaf.needs_appointment)
        self.assertFalse(leaf.needs_order)
        self.assertTrue(leaf.clear_callbacks and leaf.drop_numbers)
        self.assertEqual(
            (leaf.mail_template_id, leaf.message_purpose), (mail, "service")
        )
        self.assertEqual(
            (excluded.kind, excluded.exclusion_scope), ("exclude", "principal")
        )
        self.assertFalse(excluded.campaign_ids)
        self.assertEqual(excluded.company_id, self.company_a)
        self.assertIn(leaf, self.campaign_a._dispositions())

    def test_levels_above_are_made_once_and_reach_all_their_campaigns(self):
        wizard = self.load(
            sheet(
                [*HEADINGS, "Campaigns"],
                ["T1", "Absent", "Machine", "Full", "A"],
                ["T2", "absent", "Machine", "Empty", "Own;A"],
                ["T3", "Absent", "Engaged", "", "Own"],
            )
        )
        top = self.by_code("T1").parent_id.parent_id
        self.assertEqual(self.by_code("T2").parent_id, self.by_code("T1").parent_id)
        self.assertEqual(self.by_code("T3").parent_id, top)
        self.assertEqual(top.campaign_ids, self.campaign_a | self.campaign_own)
        self.assertEqual(wizard.made, 5)
        self.assertTrue(self.by_code("T3") & self.campaign_own._dispositions())

    def test_english_and_spanish_words_and_a_workbook_say_the_same(self):
        self.load(
            workbook(
                ["Code", "Level 1", "Afterwards", "Key", "Redial After (minutes)"],
                ["W1", "Engaged", "Agreed callback", 3, 45.0],
                ["W2", "Comunica", "agendar", "", ""],
            ),
            name="results.xlsx",
        )
        self.assertEqual(self.by_code("W1").kind, "schedule")
        self.assertEqual(self.by_code("W2").kind, "schedule")
        self.assertEqual(self.by_code("W1").redial_minutes, 45)
        self.assertEqual(self.by_code("W1").key, "3")

    def test_a_code_that_exists_is_changed_and_the_difference_is_shown(self):
        known = self.create_disposition("Price", code="K1", kind="none", color=4)
        wizard = self.preview(
            sheet(["Code", "Level 1", "Afterwards", "Colour"], ["K1", "Cost", "", 4])
        )
        line = wizard.line_ids
        self.assertEqual(line.action, "change")
        self.assertIn("Level 1: Price → Cost", line.text)
        self.assertIn("Afterwards: No action → —", line.text)
        self.assertNotIn("Colour", line.text)
        wizard.action_load()
        self.assertEqual((known.name, known.kind, known.color), ("Cost", False, 4))

    def test_a_column_that_is_not_there_changes_nothing(self):
        known = self.create_disposition(
            "Price",
            code="K1",
            is_conversion=True,
            campaign_ids=[Command.set(self.campaign_a.ids)],
        )
        self.load(sheet(["Code", "Level 1", "Key"], ["K1", "Price", "7"]))
        self.assertEqual(known.key, "7")
        self.assertTrue(known.is_conversion)
        self.assertEqual(known.campaign_ids, self.campaign_a)

    def test_what_was_not_looked_at_is_not_loaded(self):
        wizard = self.preview(sheet(["Code", "Level 1"], ["N1", "New"]))
        wizard.file = base64.b64encode(sheet(["Code", "Level 1"], ["N2", "Other"]))
        wizard.action_load()
        self.assertEqual(wizard.state, "preview")
        self.assertTrue(wizard.notice)
        self.assertFalse(self.by_code("N1") | self.by_code("N2"))
        wizard.action_load()
        self.assertTrue(self.by_code("N2"))

    # DOWN AND UP AGAIN

    def test_the_results_downloaded_load_back_as_no_change(self):
        parent = self.create_disposition(
            "=Odd; “name”", code="007", kind="redial_next", backoff=2.5
        )
        self.create_disposition("No code", parent_id=parent.id)
        self.create_disposition(
            "Of A",
            code="own",
            campaign_ids=[Command.set((self.campaign_a | self.campaign_own).ids)],
            redial_part="other",
        )
        for user in (self.manager, self.supervisor_a):
            with self.subTest(user.login):
                env = self.env(user=user, context={})
                content = results_file(env, "present")
                wizard = self.preview(content, user)
                wrong = wizard.line_ids.filtered(lambda line: line.action != "same")
                self.assertFalse(wrong, wrong.mapped("text"))
                self.assertGreaterEqual(wizard.same, 3)

    def test_the_sample_in_both_languages_loads(self):
        self.env["res.lang"]._activate_lang("es_ES")
        for lang, heading in (("es_ES", "Nivel 1"), ("en_US", "Level 1")):
            with self.subTest(lang):
                self.manager.lang = lang
                content = results_file(
                    self.env(user=self.manager, context={}), "sample"
                )
                self.assertTrue(content.startswith(b"\xef\xbb\xbf"))
                self.assertIn(f";{heading};", content.decode("utf-8-sig"))
                wizard = self.preview(content)
                self.assertEqual(wizard.refused, 0)
                made = [line.code for line in wizard.line_ids if line.code]
                self.assertEqual(made, [f"SAMPLE-{n}" for n in range(1, 6)])
                self.assertEqual(set(wizard.line_ids.mapped("action")), {"new"})

    def test_survey_is_no_column_where_nothing_fills_one_in(self):
        """Base has no surveys, so no field that would do nothing."""
        env = self.env(user=self.manager, context={})
        heading = results_file(env, "sample").decode("utf-8-sig").splitlines()[0]
        there = "needs_survey" in self.model._fields
        self.assertEqual("Survey" in heading.split(";"), there)
        refused = self.refused(["Code", "Level 1", "Survey"], ["S1", "Done", "yes"])
        self.assertEqual(bool(refused), not there)
        self.assertFalse(self.refused(["Code", "Level 1", "Survey"], ["S1", "D", "no"]))

    # REFUSED, LINE BY LINE

    def test_each_wrong_cell_is_told_with_what_it_may_be(self):
        cases = {
            "Afterwards": ("dance", "Agreed callback"),
            "Part of the Day": ("midnight", "Morning"),
            "Key": ("12", "1"),
            "Colour": ("red", "11"),
            "Delay Grows By": ("0.5", "10"),
            "Redial After (minutes)": ("-3", "0"),
            "Maximum Attempts": ("1e9", "1000"),
            "Order": ("10.5", "0"),
            "Conversion": ("maybe", "yes"),
            "Mail Template": ("Nowhere", "Nowhere"),
            "SMS Template": ("Nowhere", "Nowhere"),
            "Campaigns": ("Nowhere", "Nowhere"),
            "Level 2": ("bell\x07", "characters"),
            "Level 3": ("alone", "level"),
        }
        for heading, (cell, told) in cases.items():
            with self.subTest(heading):
                refused = self.refused(
                    ["Code", "Level 1", heading],
                    ["Z1", "Good", ""],
                    ["Z2", "Bad", cell],
                )
                self.assertEqual(list(refused), [3], refused)
                self.assertIn(told, refused[3])

    def test_a_common_result_needs_a_code(self):
        refused = self.refused([*HEADINGS, "Campañas"], ["", "Free", "", "", ""])
        self.assertIn("code", refused[2])
        self.assertFalse(
            self.refused([*HEADINGS, "Campañas"], ["", "Free", "", "", "A"])
        )

    def test_lines_that_clash_are_refused_with_the_number_of_the_other(self):
        headings = ["Code", "Level 1", "Key", "Campaigns", "Kind of Campaign"]
        for title, rows in {
            "code": (["R", "One", "", "A", ""], ["R", "Two", "", "A | Own", ""]),
            "place": (["R1", "One", "", "", ""], ["R2", "one", "", "A", ""]),
            "key": (["R1", "One", "5", "A", ""], ["R2", "Two", "5", "", ""]),
        }.items():
            with self.subTest(title):
                refused = self.refused(headings, *rows)
                self.assertEqual(set(refused), {2, 3})
                self.assertIn("3", refused[2])
                self.assertIn("2", refused[3])
        for title, rows in {
            "other campaign": (
                ["R1", "One", "5", "A", ""],
                ["R2", "Two", "5", "B", ""],
            ),
            "other kind": (
                ["R1", "One", "5", "", "Surveys"],
                ["R2", "Two", "5", "", "Telesales"],
            ),
            "one code, two campaigns": (
                ["R", "One", "", "A", ""],
                ["R", "Two", "", "B", ""],
            ),
        }.items():
            with self.subTest(title):
                self.assertFalse(self.refused(headings, *rows))

    def test_a_result_cannot_go_below_itself_nor_below_the_third_level(self):
        top = self.create_disposition("Top", code="T")
        middle = self.create_disposition("Middle", code="M", parent_id=top.id)
        self.create_disposition("Leaf", code="L", parent_id=middle.id)
        refused = self.refused(HEADINGS, ["T", "Top", "Middle", "Top"])
        self.assertTrue(refused[2])
        self.create_disposition("Other", code="O")
        refused = self.refused(HEADINGS, ["T", "Other", "Top", ""])
        self.assertIn("three levels", refused[2])

    def test_an_archived_result_does_not_get_a_twin(self):
        self.create_disposition("Old", code="OLD", active=False)
        refused = self.refused(["Code", "Level 1"], ["OLD", "Old"])
        self.assertIn("archive", refused[2])

    # FILES THAT ARE NONE

    def test_every_file_that_is_none_says_so(self):
        whole = workbook(["Code", "Level 1"], ["A", "B"])
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("readme.txt", "not a table")
        for title, content, name in (
            ("truncated", whole[: len(whole) // 2], "results.xlsx"),
            ("binary", bytes(range(256)) * 40, "results.csv"),
            ("pdf by another name", b"%PDF-1.7\n" + b"x" * 400, "results.xlsx"),
            ("a zip of something else", packed.getvalue(), "results.xlsx"),
            ("web page", b"<html><table><tr><td>Code</td></tr></table>", "x.xls"),
            ("empty", b"", "results.csv"),
            ("blank", b"\n\n;;\n", "results.csv"),
            ("only headings", sheet(["Code", "Level 1"]), "results.csv"),
            ("other headings", sheet(["Name", "Town"], ["Ana", "Vigo"]), "x.csv"),
            ("repeated", sheet(["Code", "Level 1", "Nivel 1"], ["A", "B", "C"]), "x"),
            ("huge", sheet(["Code", "Level 1"], ["A", "x" * 10_000_000]), "x.csv"),
            ("large", sheet(["Code", "Level 1"], ["A", "x" * 2_000_000]), "x.csv"),
            ("long", sheet(["Code", "Level 1"], *([["A", "B"]] * 2001)), "x.csv"),
        ):
            with self.subTest(title):
                self.assertGreater(len(self.said(content, name=name)), 15)

    def test_a_file_by_another_extension_is_what_is_in_it(self):
        wizard = self.preview(
            workbook(["Code", "Level 1"], ["E1", "Engaged"]), name="results.csv"
        )
        self.assertEqual(wizard.made, 1)

    def test_formulas_are_never_taken_for_names(self):
        refused = self.refused(["Code", "Level 1"], ["F1", '=HYPERLINK("http://x")'])
        self.assertIn("formula", refused[2])
        out = io.BytesIO()
        book = xlsxwriter.Workbook(out)
        page = book.add_worksheet()
        page.write_row(0, 0, ["Code", "Level 1"])
        page.write_row(1, 0, ["F2", "x"])
        page.write_formula(2, 1, "=A1&B1", None, "")
        book.close()
        wizard = self.open(out.getvalue(), name="results.xlsx")
        try:
            wizard.action_preview()
        except UserError as error:
            self.assertIn("formula", str(error))
        else:
            self.assertTrue(wizard.refused or wizard.made == 1)

    def test_columns_that_are_not_taken_are_named(self):
        wizard = self.preview(
            sheet(["Code", "Level 1", "Weather"], ["C1", "Engaged", "rain"])
        )
        self.assertIn("Weather", wizard.notice)

    # WHO MAY

    def test_a_supervisor_loads_results_of_own_campaigns_only(self):
        headings = ["Code", "Level 1", "Campaigns"]
        self.load(sheet(headings, ["V1", "Mine", "A"]), self.supervisor_a)
        self.assertEqual(self.by_code("V1").campaign_ids, self.campaign_a)
        for name in ("Other team", "B", "Far"):
            refused = self.refused(
                headings, ["V2", "Theirs", f"A | {name}"], user=self.supervisor_a
            )
            self.assertIn(name, refused[2])
        self.assertFalse(self.by_code("V2"))

    def test_a_supervisor_changes_nothing_common_nor_of_others(self):
        self.create_disposition("Common", code="C1")
        theirs = self.create_disposition(
            "Theirs",
            code="C2",
            company_id=self.company_a.id,
            campaign_ids=[Command.set(self.campaign_b.ids)],
        )
        refused = self.refused(
            ["Code", "Level 1"], ["C1", "Changed"], user=self.supervisor_a
        )
        self.assertIn("common", refused[2])
        wizard = self.preview(
            sheet(["Code", "Level 1", "Campaigns"], ["C2", "Changed", "A"]),
            self.supervisor_a,
        )
        # What is out of sight is not told apart from what is not there.
        self.assertEqual(wizard.line_ids.action, "new")
        self.assertEqual(theirs.name, "Theirs")

    def test_campaigns_of_another_company_are_not_named(self):
        refused = self.refused(["Code", "Level 1", "Campaigns"], ["Q1", "Far", "Far"])
        self.assertIn("Far", refused[2])

    def test_results_are_made_for_no_company_but_ones_own(self):
        content = sheet(["Code", "Level 1"], ["Q1", "New"])
        for user, company in (
            (self.manager, self.company_b.id),
            (self.supervisor_a, self.company_b.id),
            (self.supervisor_a, False),
        ):
            with self.assertRaises(AccessError):
                self.open(content, user, company_id=company).action_preview()
        self.load(content, company_id=False)
        self.assertFalse(self.by_code("Q1").company_id)

    def test_a_text_about_something_else_is_refused(self):
        self.env["mail.template"].create(
            {
                "name": "Of partners",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
            }
        )
        refused = self.refused(
            ["Code", "Level 1", "Mail Template"], ["M1", "Mail", "Of partners"]
        )
        self.assertIn("interaction", refused[2])

    def test_a_text_out_of_sight_is_told_like_one_that_is_not_there(self):
        model = self.env["ir.model"]
        secret = self.env["mail.template"].create(
            {
                "name": "Secret",
                "model_id": model._get_id("telemarketing.interaction"),
            }
        )
        self.env["ir.rule"].create(
            {
                "name": "Not this one",
                "model_id": model._get_id("mail.template"),
                "domain_force": f"[('id', '!=', {secret.id})]",
            }
        )
        told = [
            self.refused(["Code", "Level 1", "Mail Template"], ["M1", "Mail", name])[2]
            for name in ("Secret", "Absent")
        ]
        self.assertEqual(told[0].replace("Secret", "Absent"), told[1])

    def test_nobody_forges_a_preview_nor_uses_that_of_another(self):
        wizard = self.preview(sheet(["Code", "Level 1"], ["G1", "New"]))
        for values in ({"state": "done"}, {"refused": 0}, {"made": 3}):
            with self.assertRaises(AccessError):
                wizard.write(values)
        with self.assertRaises(AccessError):
            wizard.line_ids.write({"action": "same"})
        with self.assertRaises(AccessError):
            self.as_user(wizard, self.supervisor_a).action_load()
        for user in (self.agent_a, self.salesperson, self.plain_user, self.portal_a):
            with self.assertRaises(AccessError):
                self.open(sheet(["Code", "Level 1"], ["G1", "New"]), user)
        fresh = self.open(sheet(["Code", "Level 1"], ["G1", "New"]))
        with self.assertRaises(UserError):
            fresh.action_load()
        self.assertFalse(self.by_code("G1"))

    def test_every_column_is_a_field_or_known(self):
        known = {"level_1", "level_2", "level_3", "campaigns", "needs_survey"}
        for column in COLUMNS:
            if column.name not in known:
                self.assertIn(column.name, self.model._fields)


@tagged("post_install", "-at_install")
class TestDispositionFiles(HttpCase, TelemarketingCommon):
    def fetch(self, user, what):
        self.authenticate(user.login, user.login)
        return self.url_open(f"/telemarketing/results/{what}")

    def test_files_are_for_who_may_load_them(self):
        for user in (self.manager, self.agent_a, self.salesperson, self.plain_user):
            user.password = user.login
        for what in ("sample", "present"):
            answer = self.fetch(self.manager, what)
            self.assertEqual(answer.status_code, 200)
            self.assertIn("attachment", answer.headers["Content-Disposition"])
            for user in (self.agent_a, self.salesperson, self.plain_user):
                self.assertEqual(self.fetch(user, what).status_code, 403)
        self.assertEqual(self.fetch(self.manager, "other").status_code, 404)
