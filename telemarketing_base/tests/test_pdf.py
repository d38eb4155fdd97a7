import io
import os
import re
import stat
import tempfile
import time
from pathlib import Path
from unittest import skipUnless
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.http import root
from odoo.tests import HttpCase, TransactionCase, tagged
from odoo.tools import mute_logger
from odoo.tools.pdf import PdfReader

from odoo.addons.base.models import ir_actions_report as core

from ..models import ir_actions_report as seam
from ..printing import Chromium, Paper, PrintError, find_chromium
from ..printing.chromium import Resource
from .test_evidence import REPORT, EvidenceCase

MODULE = "odoo.addons.telemarketing_base"
A4 = Paper(210, 297, 20, 20, 10, 10)
needs_chromium = skipUnless(find_chromium(), "there is no Chromium")


def squeezed(text):
    return "".join(text.split())


def texts(pdf):
    """Of each page, without spaces: kerning makes some where there are none."""
    return [squeezed(page.extract_text()) for page in PdfReader(io.BytesIO(pdf)).pages]


def without_wkhtmltopdf():
    info = core._wkhtml()._replace(state="install")
    return patch.object(core, "_wkhtml", lambda: info)


@needs_chromium
@tagged("post_install", "-at_install", "telemarketing_pdf", "browser")
class TestChromium(TransactionCase):
    """The browser prints, in its time, and reaches nothing that is not given to it."""

    def print(self, html, fetch=None):
        with Chromium(fetch, 60) as browser:
            return browser.print(html, A4)

    def test_page_is_printed_with_its_style_and_on_its_paper(self):
        asked = []

        def fetch(url):
            asked.append(url)
            return Resource(b"p { break-before: page }", "text/css")

        pdf = self.print(
            "<html><head><link rel='stylesheet' href='/style.css'></head>"
            "<body><h1>Ñandú</h1><p>dos</p><p>tres</p></body></html>",
            fetch,
        )
        self.assertTrue(pdf.startswith(b"%PDF"))
        self.assertEqual(texts(pdf), ["Ñandú", "dos", "tres"])
        self.assertEqual(asked, ["http://report.invalid/style.css"])
        box = PdfReader(io.BytesIO(pdf)).pages[0].mediaBox
        self.assertAlmostEqual(float(box[2]), 595.3, delta=1)
        self.assertAlmostEqual(float(box[3]), 841.9, delta=1)

    def test_nothing_in_a_page_reads_the_disk_or_the_network(self):
        asked = []
        with tempfile.TemporaryDirectory() as folder:
            secret = Path(folder, "secret.txt")
            secret.write_text("TOPSECRET")
            style = Path(folder, "secret.css")
            style.write_text("body::after { content: 'TOPSECRET' }")
            pdf = self.print(
                f"""<html><head>
                <meta http-equiv="refresh" content="0;url=file://{secret}">
                <link rel="stylesheet" href="file://{style}">
                <style>@import url("file://{style}");
                    body {{ background: url("file://{secret}") }}</style></head>
                <body><p>visible</p>
                <iframe src="file://{secret}" width="600" height="200"></iframe>
                <iframe src="http://127.0.0.1:8069/web/login"></iframe>
                <object data="file://{secret}"></object>
                <embed src="file://{secret}">
                <img src="file:///etc/passwd">
                <img src="http://169.254.169.254/latest/meta-data">
                <script>document.write("TOPSECRET by script")</script>
                <script src="/x.js"></script>
                <p onclick="x()">end</p></body></html>""",
                asked.append,
            )
        (text,) = texts(pdf)
        self.assertIn("visible", text)
        self.assertIn("end", text)
        for leak in ("TOPSECRET", "root:", "script"):
            self.assertNotIn(leak, text)
        self.assertEqual(asked, ["http://169.254.169.254/latest/meta-data"])

    def test_a_page_that_would_go_elsewhere_is_printed_where_it_is(self):
        for there in ("http://report.invalid/2", "http://example.com/", "about:blank"):
            with self.subTest(there):
                pdf = self.print(
                    f'<meta http-equiv="refresh" content="0;url={there}"><p>here</p>'
                )
                self.assertEqual(texts(pdf), ["here"])

    def test_a_browser_that_hangs_is_killed_in_its_time(self):
        with tempfile.TemporaryDirectory() as folder:
            hanging = Path(folder, "hanging")
            pid = Path(folder, "pid")
            hanging.write_text(f"#!/bin/sh\necho $$ > {pid}\nexec sleep 600\n")
            hanging.chmod(hanging.stat().st_mode | stat.S_IXUSR)
            started = time.monotonic()
            with self.assertRaisesRegex(PrintError, "not printed in 1 seconds"):
                with Chromium(timeout=1, binary=str(hanging)) as browser:
                    browser.print("<p>x</p>", A4)
            self.assertLess(time.monotonic() - started, 10)
            with self.assertRaises(ProcessLookupError):
                os.kill(int(pid.read_text()), 0)

    def test_a_browser_that_does_not_start_says_so_and_leaves_nothing(self):
        browser = Chromium(timeout=5, binary="/bin/false")
        with self.assertRaisesRegex(PrintError, "Chromium ended"):
            browser.__enter__()
        self.assertFalse(os.path.exists(browser.home))


@needs_chromium
@tagged("post_install", "-at_install", "telemarketing_pdf", "browser")
class TestReportByChromium(EvidenceCase):
    """Odoo's reports come out as PDF though there is no wkhtmltopdf."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(without_wkhtmltopdf())
        cls.report = cls.env["ir.actions.report"].with_context(
            force_report_rendering=True
        )

    def margin(self, which, *documents):
        children = "".join(f"<div>{document}</div>" for document in documents)
        return (
            "<html><head><script>subst()</script></head>"
            f"<body class='container'><div id='minimal_layout_report_{which}s'>"
            f"{children}</div></body></html>"
        )

    def test_state_is_that_of_a_system_that_prints(self):
        self.assertEqual(self.report.get_wkhtmltopdf_state(), "ok")

    def test_each_document_has_its_header_and_the_numbers_of_its_pages(self):
        number = "<span class='page'/> de <span class='topage'/>"
        pdf = self.report._run_wkhtmltopdf(
            [
                "<p>uno</p><p style='break-before: page'>sigue</p>",
                "<p>otro documento</p>",
            ],
            header=self.margin("header", "Cabecera A", "Cabecera B"),
            footer=self.margin("footer", f"hoja {number}", f"pág. {number}"),
        )
        for text, parts in zip(
            texts(pdf),
            (
                ("uno", "Cabecera A", "hoja 1 de 2"),
                ("sigue", "Cabecera A", "hoja 2 de 2"),
                ("otro documento", "Cabecera B", "pág. 1 de 1"),
            ),
            strict=True,
        ):
            for part in parts:
                self.assertIn(squeezed(part), text)

    def test_margins_laid_over_the_text_do_not_cover_it(self):
        header = self.margin("header", "Cabecera").replace(
            "<head>", "<head><style>html, body, div { background: white }</style>"
        )
        sheets = self.report._margin_sheets(header, None, [2], A4, 5)
        self.assertEqual(sheets.count("Cabecera"), 2)
        with Chromium(timeout=60) as browser:
            pages = PdfReader(io.BytesIO(browser.print(sheets, A4.bare))).pages
        self.assertEqual(len(pages), 2)
        for page in pages:
            filled = re.findall(
                rb"([\d.]+) ([\d.]+) re\s+f", page["/Contents"].get_object().get_data()
            )
            # Its own line may have a ground, the sheet may not.
            self.assertFalse([size for size in filled if float(size[1]) > 300])

    def test_landscape_and_custom_paper_are_obeyed(self):
        def size(**kwargs):
            pdf = self.report._run_wkhtmltopdf(["<p>x</p>"], **kwargs)
            box = PdfReader(io.BytesIO(pdf)).pages[0].mediaBox
            return round(float(box[2]) / 72 * 25.4), round(float(box[3]) / 72 * 25.4)

        paper = self.env["report.paperformat"].create(
            {
                "name": "Label",
                "format": "custom",
                "page_width": 90,
                "page_height": 60,
                "orientation": "Portrait",
                "margin_top": 5,
                "margin_bottom": 5,
                "header_spacing": 0,
            }
        )
        self.env.company.paperformat_id = self.env.ref("base.paperformat_euro")
        self.assertEqual(size(), (210, 297))
        self.assertEqual(size(landscape=True), (297, 210))
        self.assertEqual(
            size(specific_paperformat_args={"data-report-landscape": True}), (297, 210)
        )
        self.env.company.paperformat_id = paper
        self.assertEqual(size(), (90, 60))

    def test_evidence_of_a_call_comes_out_as_pdf_with_its_texts(self):
        call = self.call_of(gate=self.gate())
        pdf, kind = self.report._render_qweb_pdf(REPORT, call.ids)
        self.assertEqual(kind, "pdf")
        self.assertTrue(pdf.startswith(b"%PDF"))
        whole = "".join(texts(pdf))
        for text in (call.uuid, "María <Canaria>", "+34612345678", "Atlantic/Canary"):
            self.assertIn(squeezed(text), whole)

    def test_several_calls_are_told_apart_again_document_by_document(self):
        calls = self.call_of(gate=self.gate()) | self.call_of() | self.call_of()
        streams = self.report._render_qweb_pdf_prepare_streams(REPORT, {}, calls.ids)
        self.assertEqual(set(streams), set(calls.ids))
        for call in calls:
            text = " ".join(texts(streams[call.id]["stream"].getvalue()))
            self.assertIn(call.uuid, text)
            for other in calls - call:
                self.assertNotIn(other.uuid, text)

    def test_orders_of_odoo_are_printed_too(self):
        order = self.env["sale.order"].create(
            {"partner_id": self.env["res.partner"].create({"name": "Cliente Uno"}).id}
        )
        pdf, _kind = self.report._render_qweb_pdf("sale.report_saleorder", order.ids)
        self.assertIn(order.name, " ".join(texts(pdf)))

    def test_what_a_page_may_ask_odoo_for_changes_nothing(self):
        with seam._Resources(self.env, "http://odoo.example") as resources:
            for url in (
                "http://odoo.example/web/session/logout",
                "http://odoo.example/web/database/drop",
                "http://odoo.example/odoo",
                "http://evil.example/web/image/1",
                "https://odoo.example:444/web/image/1",
                "file:///etc/passwd",
                "http://odoo.example/web/static/../../../../etc/passwd",
            ):
                self.assertIsNone(resources.fetch(url), url)
            self.assertIsNone(resources.session)
            icon = resources.fetch("http://report.invalid/web/static/img/favicon.ico")
            self.assertTrue(icon.body)

    def test_a_print_that_fails_is_told_without_its_inside(self):
        with (
            patch.object(seam, "Chromium", side_effect=PrintError("/secret/path")),
            mute_logger(f"{MODULE}.models.ir_actions_report"),
            self.assertRaises(UserError) as refused,
        ):
            self.report._run_wkhtmltopdf(["<p>x</p>"])
        self.assertNotIn("secret", str(refused.exception))


@tagged("post_install", "-at_install", "telemarketing_pdf")
class TestSeam(EvidenceCase):
    """Which of the two prints."""

    def test_with_neither_of_the_two_odoo_says_its_usual_sentence(self):
        report = self.env["ir.actions.report"].with_context(force_report_rendering=True)
        with without_wkhtmltopdf(), patch.object(seam, "find_chromium", lambda: None):
            self.assertEqual(report.get_wkhtmltopdf_state(), "install")
            with self.assertRaisesRegex(UserError, "Wkhtmltopdf"):
                report._render_qweb_pdf(REPORT, self.call_of().ids)

    def test_where_wkhtmltopdf_works_it_prints(self):
        info = core._wkhtml()._replace(state="ok")
        asked = []

        def runs(args):
            asked.append(args)
            Path(args[-1]).write_bytes(b"%PDF of wkhtmltopdf")
            return type("Done", (), {"returncode": 0, "stderr": ""})

        with (
            patch.object(core, "_wkhtml", lambda: info),
            patch.object(core, "_run_wkhtmltopdf", runs),
            patch.object(seam, "Chromium", side_effect=AssertionError),
        ):
            pdf = self.env["ir.actions.report"]._run_wkhtmltopdf(["<p>x</p>"])
        self.assertEqual(pdf, b"%PDF of wkhtmltopdf")
        self.assertEqual(len(asked), 1)


@needs_chromium
@tagged("post_install", "-at_install", "telemarketing_pdf", "browser")
class TestPdfRoutes(EvidenceCase, HttpCase):
    """As a browser asks for it, with what Odoo makes on demand inside."""

    def test_an_image_that_odoo_makes_on_demand_is_asked_of_odoo_itself(self):
        url = f"{self.base_url()}/web/image/res.company/{self.company_a.id}/logo"
        with seam._Resources(self.env, self.base_url()) as resources:
            with self.allow_requests(all_requests=True):
                logo = resources.fetch(url)
            self.assertTrue(logo.mimetype.startswith("image/"))
            self.assertTrue(logo.body)
            session = resources.session
            self.assertFalse(session.uid)
        # The session lasts as long as the print.
        self.assertFalse(root.session_store.get(session.sid).get("db"))

    def test_address_of_the_pdf_gives_a_pdf_to_supervisors_only(self):
        call = self.call_of(gate=self.gate())
        secret = "evidence_password"  # pragma: allowlist secret
        (self.agent_a | self.supervisor_a).password = secret
        url = f'/report/pdf/{REPORT}/{call.id}?context={{"force_report_rendering":1}}'
        with without_wkhtmltopdf():
            self.authenticate(self.supervisor_a.login, secret)
            answer = self.url_open(url, timeout=120)
            self.assertEqual(answer.headers["Content-Type"], "application/pdf")
            self.assertIn(squeezed(call.uuid), "".join(texts(answer.content)))
            self.authenticate(self.agent_a.login, secret)
            with mute_logger("odoo.http"):
                answer = self.url_open(url, timeout=120)
        self.assertNotIn(b"%PDF", answer.content)
