"""PDF of all of Odoo's reports where there is no wkhtmltopdf: by Chromium.

Odoo prints at one place only (``_run_wkhtmltopdf``); this stands there. Debian 13 has
no wkhtmltopdf. See docs/decisions/0013-pdf.md.
"""

import copy
import io
import logging
import mimetypes
import re
import threading
from urllib.parse import urlsplit

import lxml.html
from werkzeug.test import EnvironBuilder, run_wsgi_app

from odoo import api, models
from odoo.exceptions import UserError
from odoo.http import request, root
from odoo.service import security
from odoo.tools.pdf import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    PdfReader,
    PdfWriter,
    create_string_object,
)

from ..printing import Chromium, Paper, PrintError, find_chromium
from ..printing.chromium import ORIGIN, Resource

_logger = logging.getLogger(__name__)

#: wkhtmltopdf fits pages that are this much wider than the paper's 96 pixels an inch,
#: and reports are laid out for it (its “smart shrinking”).
SHRUNK = 1.28
#: What a printed page may ask Odoo for: images and style sheets that it makes on
#: demand. Nothing that changes anything, whatever address stands in somebody's data.
DYNAMIC = (
    "/web/assets/",
    "/web/binary/company_logo",
    "/web/content",
    "/web/image",
    "/report/barcode",
    "/logo",
)
_BUNDLE = re.compile(r"/web/assets/[^/]+/([^/]+\.css)")
#: Seconds for one print, and for one of its images.
TIMEOUT = 120
RESOURCE_TIMEOUT = 15


def _number(value, fallback=0.0):
    try:
        return float(value)
    except (TypeError, ValueError):
        return fallback


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    @api.model
    def get_wkhtmltopdf_state(self):
        state = super().get_wkhtmltopdf_state()
        # Ours needs no second worker: it asks nothing of the server by network.
        return "ok" if self._prints_by_chromium(state) else state

    @api.model
    def _prints_by_chromium(self, state):
        return state in ("install", "broken") and bool(find_chromium())

    @api.model
    def _run_wkhtmltopdf(
        self,
        bodies,
        report_ref=False,
        header=None,
        footer=None,
        landscape=False,
        specific_paperformat_args=None,
        set_viewport_size=False,
    ):
        # Odoo's own answer, before ours stands in.
        state = super().get_wkhtmltopdf_state()  # pylint: disable=super-method-mismatch
        if not self._prints_by_chromium(state):
            return super()._run_wkhtmltopdf(
                bodies,
                report_ref=report_ref,
                header=header,
                footer=footer,
                landscape=landscape,
                specific_paperformat_args=specific_paperformat_args,
                set_viewport_size=set_viewport_size,
            )
        report = self._get_report(report_ref) if report_ref else self
        special = specific_paperformat_args or {}
        paper, header_top = self._paper(report.get_paperformat(), landscape, special)
        try:
            with (
                _Resources(self.env, self._get_report_url()) as resources,
                Chromium(resources.fetch, TIMEOUT) as browser,
            ):
                printed = [PdfReader(io.BytesIO(browser.print(bodies[0], paper)))]
                printed += [
                    PdfReader(io.BytesIO(browser.print(body, paper)))
                    for body in bodies[1:]
                ]
                counts = [len(document.pages) for document in printed]
                sheets = self._margin_sheets(header, footer, counts, paper, header_top)
                margins = sheets and PdfReader(
                    io.BytesIO(browser.print(sheets, paper.bare))
                )
        except PrintError as error:
            _logger.warning("Chromium did not print: %s", error)
            raise UserError(
                self.env._(
                    "The PDF could not be made. An administrator finds why in the "
                    "server's log."
                )
            ) from error
        return self._bind(printed, margins)

    @api.model
    def _paper(self, paperformat, landscape, special):
        """Odoo's paper format as ours, and where the header begins (mm from above)."""
        landscape = landscape or special.get("data-report-landscape")
        width = paperformat.print_page_width or 210
        height = paperformat.print_page_height or 297
        if landscape and width < height:
            width, height = height, width
        top = _number(special.get("data-report-margin-top"), paperformat.margin_top)
        spacing = _number(
            special.get("data-report-header-spacing"), paperformat.header_spacing
        )
        paper = Paper(
            width=width,
            height=height,
            top=top,
            bottom=_number(
                special.get("data-report-margin-bottom"), paperformat.margin_bottom
            ),
            left=paperformat.margin_left,
            right=paperformat.margin_right,
            scale=1 if paperformat.disable_shrinking else 1 / SHRUNK,
        )
        return paper, max(0, top - spacing)

    @api.model
    def _margin_sheets(self, header, footer, counts, paper, header_top):
        """A page for each page printed, with nothing but its header and footer, to be
        laid over it.

        Odoo gives all documents' headers in one page, with a script that picks the
        document's own and fills in the page number; here that is done beforehand.
        """
        parts = [
            (self._parsed(header), "minimal_layout_report_headers", header_top),
            (
                self._parsed(footer),
                "minimal_layout_report_footers",
                paper.height - paper.bottom,
            ),
        ]
        parts = [part for part in parts if part[0] is not None]
        if not parts:
            return ""
        sheet = copy.deepcopy(parts[0][0])
        body = sheet.find("body")
        classes, direction = body.get("class", ""), body.get("dir", "ltr")
        for child in list(body):
            body.remove(child)
        body.attrib.clear()
        body.text = None
        body.set("dir", direction)
        # Laid over the text, it must not cover it.
        clear = "background: transparent !important"
        sheet.set("style", clear)
        body.set("style", f"margin: 0; padding: 0; {clear}")
        # A little less than the page, so that rounding makes no page of its own.
        page_height = paper.pixels(paper.height) - 1
        left, right = paper.pixels(paper.left), paper.pixels(paper.right)
        sheets = sum(counts)
        for place, count in enumerate(counts):
            for number in range(1, count + 1):
                sheets -= 1
                page = lxml.html.Element(
                    "div",
                    style=f"position: relative; height: {page_height:.2f}px; "
                    "overflow: hidden; background: transparent"
                    + ("; break-after: page" if sheets else ""),
                )
                for part, name, top in parts:
                    own = self._own_margin(part, name, place)
                    if own is None:
                        continue
                    self._fill(own, {"page": number, "topage": count})
                    # The same box as the text's, so that both stand in one line.
                    inner = lxml.html.Element(
                        "div", {"class": classes, "style": "background: transparent"}
                    )
                    inner.append(own)
                    box = lxml.html.Element(
                        "div",
                        style=f"position: absolute; top: {paper.pixels(top):.2f}px; "
                        f"left: {left:.2f}px; right: {right:.2f}px; "
                        "background: transparent",
                    )
                    box.append(inner)
                    page.append(box)
                body.append(page)
        return "<!DOCTYPE html>\n" + lxml.html.tostring(sheet, encoding="unicode")

    @api.model
    def _parsed(self, html):
        if not html:
            return None
        tree = lxml.html.document_fromstring(
            str(html), parser=lxml.html.HTMLParser(encoding="utf-8")
        )
        for script in tree.xpath("//script"):
            script.drop_tree()
        return tree

    @api.model
    def _own_margin(self, tree, name, place):
        """A copy of the header (or footer) of one document."""
        found = tree.xpath("//*[@id=$name]", name=name)
        if not found:
            return None
        children = list(found[0])
        return copy.deepcopy(children[place]) if place < len(children) else None

    @api.model
    def _fill(self, node, values):
        for name, value in values.items():
            for place in node.find_class(name):
                for child in list(place):
                    place.remove(child)
                place.text = str(value)

    @api.model
    def _bind(self, printed, margins):
        """One PDF of the documents; its outline says where each begins, as Odoo wants
        it to take them apart again (``_render_qweb_pdf_prepare_streams``)."""
        writer = PdfWriter()
        starts, sheet = [], 0
        for document in printed:
            starts.append(sheet)
            for page in document.pages:
                if margins and sheet < len(margins.pages):
                    page.mergePage(margins.pages[sheet])
                writer.addPage(page)
                sheet += 1
        self._add_outline(writer, starts)
        out = io.BytesIO()
        writer.write(out)
        return out.getvalue()

    @api.model
    def _add_outline(self, writer, starts):
        """By hand, since what Odoo reads is wkhtmltopdf's own way: named destinations
        whose first value is the number of the page."""
        nodes = [
            DictionaryObject(
                {
                    NameObject("/Title"): create_string_object(str(place + 1)),
                    NameObject("/Dest"): NameObject(f"/document{place}"),
                }
            )
            for place in range(len(starts))
        ]
        references = [writer._addObject(node) for node in nodes]
        outline = writer._addObject(
            DictionaryObject(
                {
                    NameObject("/Type"): NameObject("/Outlines"),
                    NameObject("/First"): references[0],
                    NameObject("/Last"): references[-1],
                    NameObject("/Count"): NumberObject(len(nodes)),
                }
            )
        )
        for place, node in enumerate(nodes):
            node[NameObject("/Parent")] = outline
            if place + 1 < len(nodes):
                node[NameObject("/Next")] = references[place + 1]
            if place:
                node[NameObject("/Prev")] = references[place - 1]
        catalog = writer._root_object
        catalog[NameObject("/Outlines")] = outline
        catalog[NameObject("/Dests")] = DictionaryObject(
            {
                NameObject(f"/document{place}"): ArrayObject(
                    [NumberObject(start), NameObject("/Fit")]
                )
                for place, start in enumerate(starts)
            }
        )


class _Resources:
    """Style sheets, images and fonts of a page that is printed, without a network:
    public attachments (bundles of assets) as this transaction sees them, static files
    from the disk, the rest from Odoo itself as the present user."""

    def __init__(self, env, base_url):
        self.env = env
        self.base = urlsplit(base_url)
        self.session = None

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        if self.session:
            root.session_store.delete(self.session)

    def fetch(self, url):
        """:return: ``Resource``, or None where a page must not have it"""
        parts = urlsplit(url)
        origins = {urlsplit(ORIGIN)[:2], self.base[:2]}
        if (parts.scheme, parts.netloc) not in origins:
            return None
        return (
            self._from_attachment(parts.path)
            or self._from_disk(parts.path)
            or self._from_bundle(parts.path)
            or self._from_odoo(parts)
        )

    def _from_attachment(self, path):
        attachment = (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [("url", "=", path), ("public", "=", True), ("type", "=", "binary")],
                limit=1,
            )
        )
        return attachment and Resource(attachment.raw or b"", attachment.mimetype)

    def _from_disk(self, path):
        file = root.get_static_file(path)
        if not file:
            return None
        kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
        with open(file, "rb") as content:
            return Resource(content.read(), kind)

    def _from_bundle(self, path):
        """A style sheet that nobody asked for before is made in this transaction, as
        the page was."""
        found = _BUNDLE.fullmatch(path)
        if not found or self.env.cr.readonly:
            return None
        env = self.env(su=True)
        try:
            name, rtl, _kind, autoprefix = env["ir.asset"]._parse_bundle_name(
                found[1], False
            )
        except ValueError:
            return None
        bundle = env["ir.qweb"]._get_asset_bundle(
            name, css=True, js=False, rtl=rtl, autoprefix=autoprefix, assets_params={}
        )
        attachment = bundle.stylesheets and bundle.css()
        return attachment and Resource(attachment.raw or b"", "text/css")

    def _from_odoo(self, parts):
        """By Odoo's own application, in a thread, since a request has its own
        environment and its own transaction."""
        if not parts.path.startswith(DYNAMIC):
            return None
        builder = EnvironBuilder(
            path=parts.path,
            query_string=parts.query,
            base_url=f"{self.base.scheme}://{self.base.netloc}",
            headers={"Cookie": f"session_id={self._session().sid}"},
        )
        environ = builder.get_environ()
        environ["REMOTE_ADDR"] = "127.0.0.1"
        answers = []

        def ask():
            try:
                answers.append(run_wsgi_app(root, environ, buffered=True))
            except Exception:
                _logger.info("no %s for a print", parts.path, exc_info=True)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(RESOURCE_TIMEOUT)
        if not answers:
            return None
        body, status, headers = answers[0]
        file = headers.get("X-Sendfile")
        if file:
            with open(file, "rb") as content:
                body = [content.read()]
        return Resource(
            b"".join(body),
            headers.get("Content-Type", "application/octet-stream"),
            int(status.split()[0]),
            headers.get("Location", ""),
        )

    def _session(self):
        """As Odoo gives wkhtmltopdf one: the present request's user for the length of
        the print; outside requests, nobody."""
        if not self.session:
            self.session = root.session_store.new()
            values = {"db": self.env.cr.dbname}
            if request and request.db:
                values = dict(request.session)
            self.session.update({**values, "debug": "", "_trace_disable": True})
            if self.session.uid:
                self.session.session_token = security.compute_session_token(
                    self.session, self.env
                )
            root.session_store.save(self.session)
        return self.session
