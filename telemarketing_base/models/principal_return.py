import csv
import hashlib
import json
import logging
import os
import tempfile
import zipfile

import xlsxwriter

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from ..importing.returned import neutralise
from .guard import check_fields, without_defaults

_logger = logging.getLogger(__name__)

# People read or erased in one transaction.
CHUNK = 500
# A sheet ends at 1,048,576 rows.
SHEET_ROWS = 1_000_000
CLOSED_CAMPAIGNS = ("done", "cancelled")


class _Sheets:
    """One table of the return file: csv, or as many .xlsx as its rows need."""

    def __init__(self, folder, name, fmt, headings):
        self.folder, self.name, self.fmt = folder, name, fmt
        self.headings, self.rows, self.parts = headings, 0, []
        self._open()

    def _open(self):
        part = len(self.parts) + 1
        suffix = f"-{part}" if part > 1 else ""
        path = os.path.join(self.folder, f"{self.name}{suffix}.{self.fmt}")
        self.parts.append(path)
        if self.fmt == "csv":
            self.file = open(path, "w", newline="", encoding="utf-8-sig")
            self.writer = csv.writer(self.file, delimiter=";", lineterminator="\r\n")
            self.writer.writerow(self.headings)
        else:
            self.book = xlsxwriter.Workbook(path, {"constant_memory": True})
            self.sheet = self.book.add_worksheet()
            for place, heading in enumerate(self.headings):
                self.sheet.write_string(0, place, heading)
            self.line = 1

    def add(self, values):
        texts = [_shown(value) for value in values]
        self.rows += 1
        if self.fmt == "csv":
            self.writer.writerow([neutralise(text) for text in texts])
            return
        if self.line > SHEET_ROWS:
            self.book.close()
            self._open()
        for place, text in enumerate(texts):
            if text:
                # As text: what looks like a formula stays what it says.
                self.sheet.write_string(self.line, place, text[:32767])
        self.line += 1

    def close(self):
        if self.fmt == "csv":
            self.file.close()
        else:
            self.book.close()
        return self.parts


def _shown(value):
    """Dates as ISO text in UTC, lists and objects as JSON, nothing as nothing."""
    if value is None or value is False:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return str(value).encode("utf-8", "replace").decode("utf-8")


class TelemarketingPrincipalReturn(models.Model):
    """End of what we did for a client company: its people's data are returned, and
    once it has them, erased from our database; a certificate says so (GDPR
    art. 28.3.g, LOPDGDD art. 33.3).

    Two steps by hand, each confirmed; the work is done in the background, in chunks.
    """

    _name = "telemarketing.principal.return"
    _inherit = ["telemarketing.sight.mixin", "telemarketing.chunk.mixin"]
    _description = "Return to a Client Company"
    _order = "id desc"
    _rec_name = "reference"
    _sight_fields = ("campaign_ids", "principal_id")

    reference = fields.Char(required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    principal_id = fields.Many2one(
        "res.partner",
        "Client Company",
        required=True,
        domain="[('telemarketing_is_principal', '=', True)]",
    )
    campaign_ids = fields.Many2many(
        "telemarketing.campaign",
        "telemarketing_principal_return_campaign_rel",
        "return_id",
        "campaign_id",
        "Campaigns",
        context={"active_test": False},
        groups="telemarketing_base.group_manager",
        domain="[('principal_id', '=', principal_id), ('company_id', '=', company_id),"
        " ('state', 'in', ('done', 'cancelled'))]",
        help="Closed ones only.",
    )
    fmt = fields.Selection(
        [("xlsx", "Excel (.xlsx)"), ("csv", "Text (.csv)")],
        "Format",
        required=True,
        default="xlsx",
    )
    state = fields.Selection(
        [
            ("draft", "New"),
            ("preparing", "Being written"),
            ("ready", "To be handed over"),
            ("received", "Received"),
            ("erasing", "Being erased"),
            ("done", "Erased and certified"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
    )
    position = fields.Integer("People Done", readonly=True)
    total = fields.Integer("People", readonly=True)
    progress = fields.Float(compute="_compute_progress")
    error = fields.Text(readonly=True)
    file = fields.Binary(
        "Return File",
        attachment=True,
        readonly=True,
        groups="telemarketing_base.group_manager",
    )
    filename = fields.Char(readonly=True)
    sha256 = fields.Char("SHA-256", readonly=True)
    size = fields.Integer("Bytes", readonly=True)
    counts = fields.Json("Returned", readonly=True)
    prepared_at = fields.Datetime("Written", readonly=True)
    received_on = fields.Date("Received on")
    received_by = fields.Char(
        "Received by", help="Who of the client company confirmed that it has the file."
    )
    received_proof = fields.Char(help="Mail, letter, delivery note…")
    confirmed_at = fields.Datetime(readonly=True)
    confirmed_by_id = fields.Many2one("res.users", readonly=True)
    erased_counts = fields.Json("Erased", readonly=True)
    kept_counts = fields.Json("Kept", readonly=True)
    blocked_until = fields.Date(readonly=True)
    certificate = fields.Char(readonly=True, copy=False)
    erased_at = fields.Datetime(readonly=True)

    _caller_fields = ("company_id", "principal_id", "campaign_ids", "fmt")
    _receipt_fields = ("received_on", "received_by", "received_proof")

    @api.depends("position", "total")
    def _compute_progress(self):
        for one in self:
            one.progress = 100.0 * one.position / one.total if one.total else 0.0

    # CHECKS

    @api.constrains("campaign_ids", "principal_id", "company_id")
    def _check_campaigns(self):
        for one in self:
            for campaign in one.with_context(active_test=False).campaign_ids:
                if (
                    campaign.principal_id != one.principal_id
                    or campaign.company_id != one.company_id
                ):
                    raise ValidationError(
                        self.env._(
                            "%(campaign)s is not a campaign of %(principal)s.",
                            campaign=campaign.name,
                            principal=one.principal_id.display_name,
                        )
                    )

    def _check_closed(self):
        running = self.campaign_ids.filtered(
            lambda campaign: campaign.state not in CLOSED_CAMPAIGNS
        )
        if running or not self.campaign_ids:
            raise UserError(
                self.env._("Close these campaigns first: %s.", running.mapped("name"))
                if running
                else self.env._("Choose the campaigns whose people are returned.")
            )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, self._caller_fields)
            vals["reference"] = (
                self.env["ir.sequence"].sudo().next_by_code(self._name) or "/"
            )
        self = without_defaults(self, self._caller_fields)
        return super().create(vals_list)

    def write(self, vals):
        check_fields(self, vals, (*self._caller_fields, *self._receipt_fields))
        if not self.env.su:
            for one in self:
                if one.state != "draft" and set(vals) & set(self._caller_fields):
                    raise UserError(
                        self.env._("What is returned does not change any more.")
                    )
                if one.state != "ready" and set(vals) & set(self._receipt_fields):
                    raise UserError(
                        self.env._(
                            "The receipt is written down when the file is ready, and "
                            "does not change after it was confirmed."
                        )
                    )
        return super().write(vals)

    def _check_step(self, *states):
        self.ensure_one()
        self.check_access("write")
        self._check_in_sight()
        if self.state not in states:
            labels = dict(self._fields["state"]._description_selection(self.env))
            raise UserError(
                self.env._(
                    "%(reference)s is in the state “%(state)s”: this step is not its "
                    "next.",
                    reference=self.reference,
                    state=labels[self.state],
                )
            )

    # STEPS

    def action_prepare(self):
        """First step: write the return file in the background."""
        self._check_step("draft", "ready")
        self._check_closed()
        self._start("preparing")
        return True

    def action_confirm_received(self):
        """Second step: somebody of the client company has the file."""
        self._check_step("ready")
        if not self.received_on or not (self.received_by or "").strip():
            raise UserError(
                self.env._("Write down who received the file, and on which day.")
            )
        self.sudo().write(
            {
                "state": "received",
                "confirmed_at": self.env["telemarketing.clock"]._now(),
                "confirmed_by_id": self.env.uid,
            }
        )
        return True

    def action_erase(self):
        """Last step, which cannot be taken back."""
        self._check_step("received")
        self._check_closed()
        if self.sudo()._fingerprint() != (self.counts or {}).get("fingerprint"):
            raise UserError(
                self.env._(
                    "Since the file was written something was loaded or called: have "
                    "it written and received again."
                )
            )
        self._start("erasing")
        return True

    def action_back(self):
        """The file has to be written again, or the data stay after all."""
        self._check_step("ready", "received")
        self.sudo().write(
            {
                "state": "draft",
                "file": False,
                "confirmed_at": False,
                "confirmed_by_id": False,
                "received_on": False,
                "received_by": False,
            }
        )
        return True

    def action_print_certificate(self):
        self._check_step("done")
        return self.env.ref(
            "telemarketing_base.action_report_principal_return"
        ).report_action(self)

    def _start(self, state):
        self.sudo().write(
            {
                "state": state,
                "position": 0,
                "total": self.sudo()._count("telemarketing_contact"),
                "error": False,
            }
        )
        self.env.ref("telemarketing_base.cron_principal_return").sudo()._trigger()

    @api.model
    def _cron_work(self):
        waiting = [("state", "in", ("preparing", "erasing"))]
        for one in self.sudo().search(waiting, order="id"):
            one = one.with_context(lang=one.create_uid.lang).with_company(
                one.company_id
            )
            work = one._prepare if one.state == "preparing" else one._erase
            back = "draft" if one.state == "preparing" else "erasing"
            try:
                work()
            except Exception as error:  # one return must not stop the others
                one._roll_back()
                _logger.exception("return %s failed", one.id)
                # What is erased is erased; the rest goes on the next time.
                one.write({"state": back, "error": str(error)})
            one._commit(0)

    def _commit(self, done):
        self._keep_chunk(done, max(0, self.total - self.position))

    # WHOSE

    def _where(self, alias):
        """The people of these campaigns that are not emptied yet."""
        alias = SQL.identifier(alias)
        return SQL(
            "%s.campaign_id = ANY(%s) AND %s.erased_at IS NULL",
            alias,
            self.with_context(active_test=False).campaign_ids.ids,
            alias,
        )

    def _count(self, table):
        self.env.flush_all()
        if table == "telemarketing_contact":
            query = SQL(
                "SELECT count(*) FROM telemarketing_contact c WHERE %s",
                self._where("c"),
            )
        else:
            query = SQL(
                "SELECT count(*) FROM %s x JOIN telemarketing_contact c"
                " ON c.id = x.contact_id WHERE %s",
                SQL.identifier(table),
                self._where("c"),
            )
        return self.env.execute_query(query)[0][0]

    def _fingerprint(self):
        """Changes when somebody is added, called, or consents."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """SELECT count(*), COALESCE(max(c.id), 0), COALESCE(sum(i.n), 0),
                          COALESCE(sum(k.n), 0)
                   FROM telemarketing_contact c
                   LEFT JOIN LATERAL (
                       SELECT count(*) AS n FROM telemarketing_interaction i
                       WHERE i.contact_id = c.id) i ON TRUE
                   LEFT JOIN LATERAL (
                       SELECT count(*) AS n FROM telemarketing_consent k
                       WHERE k.contact_id = c.id) k ON TRUE
                   WHERE %s""",
                self._where("c"),
            )
        )
        return "-".join(str(int(value)) for value in rows[0])

    # THE FILE

    def _prepare(self):
        self.ensure_one()
        self._check_closed()
        fingerprint = self._fingerprint()
        with tempfile.TemporaryDirectory() as folder:
            sheets, proofs = self._write_tables(folder)
            counts = {name: sheet.rows for name, sheet in sheets.items()}
            path = os.path.join(folder, "return.zip")
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for sheet in sheets.values():
                    for part in sheet.close():
                        archive.write(part, os.path.basename(part))
                        os.unlink(part)
                counts["proofs"] = self._add_proofs(archive, proofs)
                archive.writestr("README.txt", self._readme(counts))
            with open(path, "rb") as file:
                content = file.read()
        # Not through the field: base64 would double what is held in memory.
        self._forget_file()
        self.env["ir.attachment"].create(
            {
                "name": "file",
                "res_model": self._name,
                "res_id": self.id,
                "res_field": "file",
                "raw": content,
                "mimetype": "application/zip",
            }
        )
        self.invalidate_recordset(["file"])
        self.write(
            {
                "state": "ready",
                "filename": f"{self.reference}.zip".replace("/", "-"),
                "sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "counts": {**counts, "fingerprint": fingerprint},
                "prepared_at": self.env["telemarketing.clock"]._now(),
            }
        )

    def _forget_file(self):
        self.env["ir.attachment"].search(
            [
                ("res_model", "=", self._name),
                ("res_id", "=", self.id),
                ("res_field", "=", "file"),
            ]
        ).unlink()

    def _readme(self, counts):
        lines = [
            f"{self.reference} · {self.company_id.name} → "
            f"{self.principal_id.display_name}",
            *self.campaign_ids.mapped("name"),
            "",
            *(f"{name}: {count}" for name, count in counts.items()),
            "",
            self.env._("Instants are UTC."),
        ]
        return "\r\n".join(lines)

    def _headings_as_loaded(self):
        """Headings of the files that were loaded, in their order, then others."""
        databases = self.with_context(active_test=False).campaign_ids.database_ids
        headings = list(
            dict.fromkeys(
                heading
                for heading in databases.import_ids.column_ids.mapped("heading")
                if heading
            )
        )
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT jsonb_object_keys(c.raw_values)
                   FROM telemarketing_contact c
                   WHERE jsonb_typeof(c.raw_values) = 'object' AND %s""",
                self._where("c"),
            )
        )
        return headings + sorted({row[0] for row in rows} - set(headings))

    def _answers(self):
        """``{property: label}`` of the fields that agents filled in."""
        return {
            field["name"]: field.get("string") or field["name"]
            for profile in self.campaign_ids.profile_id
            for field in profile.target_properties_definition or []
            if field.get("type") != "separator"
        }

    def _write_tables(self, folder):
        """Write every table, person by person in chunks.

        :return: ``({name: _Sheets}, ids of consents with a proof)``
        """
        raw, answers = self._headings_as_loaded(), self._answers()
        headings = {
            "contacts": [
                *(
                    self.env._("Id"),
                    self.env._("Campaign"),
                    self.env._("Name"),
                    self.env._("NIF"),
                    self.env._("Address"),
                ),
                *(
                    self.env._("Postcode"),
                    self.env._("Town"),
                    self.env._("Province"),
                    self.env._("Mail"),
                ),
                *(
                    self.env._("Date of birth"),
                    self.env._("Remarks"),
                    self.env._("Phones"),
                    self.env._("Status"),
                ),
                *(
                    self.env._("Last result"),
                    self.env._("Last result at"),
                    self.env._("Attempts"),
                ),
                *(self.env._("Converted"), self.env._("Excluded")),
                *(f"{self.env._('As loaded')}: {heading}" for heading in raw),
                *answers.values(),
            ],
            "calls": [
                *(
                    self.env._("Id"),
                    self.env._("Contact"),
                    self.env._("Campaign"),
                    self.env._("Start"),
                    self.env._("Answered"),
                ),
                *(
                    self.env._("End"),
                    self.env._("Direction"),
                    self.env._("Number"),
                    self.env._("Result"),
                ),
                *(
                    self.env._("Talk (seconds)"),
                    self.env._("Conversion"),
                    self.env._("Notes"),
                    self.env._("Recordings"),
                ),
            ],
            "consents": [
                *(
                    self.env._("Id"),
                    self.env._("Contact"),
                    self.env._("Purpose"),
                    self.env._("Channel"),
                    self.env._("Given"),
                ),
                *(self.env._("Withdrawn"), self.env._("Text"), self.env._("Source")),
            ],
            "exclusions": [
                *(
                    self.env._("Reference"),
                    self.env._("Contact"),
                    self.env._("Number"),
                    self.env._("Reach"),
                ),
                *(self.env._("Reason"), self.env._("Date"), self.env._("Lifted")),
            ],
            "orders": [
                *(
                    self.env._("Number"),
                    self.env._("Contact"),
                    self.env._("Date"),
                    self.env._("Status"),
                ),
                *(
                    self.env._("Acceptance"),
                    self.env._("Signed by"),
                    self.env._("Total"),
                    self.env._("Lines"),
                ),
            ],
        }
        sheets = {
            name: _Sheets(folder, name, self.fmt, columns)
            for name, columns in headings.items()
        }
        proofs, last = [], 0
        while ids := self._next_ids(last):
            last = ids[-1]
            self._write_contacts(sheets["contacts"], ids, raw, list(answers))
            for name, query in self._tables(ids).items():
                for row in self.env.execute_query(query):
                    sheets[name].add(row)
            proofs += [row[0] for row in self.env.execute_query(self._proofs(ids))]
            self.position += len(ids)
            self._commit(len(ids))
        return sheets, proofs

    def _next_ids(self, last):
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "SELECT c.id FROM telemarketing_contact c"
                " WHERE %s AND c.id > %s ORDER BY c.id LIMIT %s",
                self._where("c"),
                last,
                CHUNK,
            )
        )
        return [row[0] for row in rows]

    def _write_contacts(self, sheet, ids, raw, answers):
        query = SQL(
            """SELECT c.id, m.name, c.name, c.vat, c.street, c.zip, c.city, s.name,
                      c.email, c.birthdate, c.note, p.phones, t.state, d.name,
                      t.last_result_at, t.attempts, t.converted, e.references,
                      c.raw_values, t.target_properties
               FROM telemarketing_contact c
               JOIN telemarketing_campaign m ON m.id = c.campaign_id
               LEFT JOIN res_country_state s ON s.id = c.state_id
               LEFT JOIN LATERAL (
                   SELECT string_agg(p.e164, ', ' ORDER BY p.sequence, p.id) AS phones
                   FROM telemarketing_contact_phone p
                   WHERE p.contact_id = c.id) p ON TRUE
               LEFT JOIN LATERAL (
                   SELECT * FROM telemarketing_target t WHERE t.contact_id = c.id
                   ORDER BY t.id DESC LIMIT 1) t ON TRUE
               LEFT JOIN telemarketing_disposition d ON d.id = t.last_disposition_id
               LEFT JOIN LATERAL (
                   SELECT string_agg(DISTINCT e.reference, ', ') AS references
                   FROM telemarketing_exclusion e
                   WHERE e.lifted_at IS NULL AND e.company_id = c.company_id
                     AND %s
                     AND (e.contact_id = c.id OR e.number_id IN (
                          SELECT p.number_id FROM telemarketing_contact_phone p
                          WHERE p.contact_id = c.id))) e ON TRUE
               WHERE c.id = ANY(%s) ORDER BY c.id""",
            self._reaching("e"),
            ids,
        )
        lang = self.env.lang or "en_US"
        for *values, as_loaded, filled in self.env.execute_query(query):
            as_loaded, filled = as_loaded or {}, filled or {}
            values[13] = _translated(values[13], lang)
            sheet.add(
                [
                    *values,
                    *(_loaded(as_loaded.get(heading)) for heading in raw),
                    *(filled.get(name) for name in answers),
                ]
            )

    def _reaching(self, alias):
        """Exclusions that the client company may know of: its own, and those towards
        everybody; never those of another client company."""
        alias = SQL.identifier(alias)
        return SQL(
            "(%s.scope = 'all' OR %s.principal_id = %s OR %s.campaign_id = ANY(%s))",
            alias,
            alias,
            self.principal_id.id,
            alias,
            self.with_context(active_test=False).campaign_ids.ids,
        )

    def _tables(self, ids):
        """``{table: query}`` of what hangs on these people."""
        lang = self.env.lang or "en_US"
        return {
            "calls": SQL(
                """SELECT i.id, i.contact_id, m.name, i.started_at, i.answered_at,
                          i.ended_at, i.direction, i.e164,
                          COALESCE(d.name->>%s, d.name->>'en_US'), i.talk_seconds,
                          CASE WHEN i.is_conversion THEN 1 ELSE 0 END, i.notes,
                          (SELECT string_agg(r.id || ' ' || COALESCE(r.sha256, ''),
                                             ', ')
                           FROM telemarketing_recording r
                           WHERE r.interaction_id = i.id)
                   FROM telemarketing_interaction i
                   LEFT JOIN telemarketing_campaign m ON m.id = i.campaign_id
                   LEFT JOIN telemarketing_disposition d ON d.id = i.disposition_id
                   WHERE i.contact_id = ANY(%s) ORDER BY i.id""",
                lang,
                ids,
            ),
            "consents": SQL(
                """SELECT k.id, k.contact_id, k.purpose, k.channel, k.given_at,
                          COALESCE(k.withdrawn_at, k.voided_at) AS withdrawn_at,
                          k.text_version, k.source
                   FROM telemarketing_consent k
                   WHERE k.contact_id = ANY(%s) ORDER BY k.id""",
                ids,
            ),
            "exclusions": SQL(
                """SELECT DISTINCT ON (e.id, p.contact_id)
                          e.reference, p.contact_id, e.e164, e.scope, e.reason, e.date,
                          e.lifted_at
                   FROM telemarketing_exclusion e
                   JOIN telemarketing_contact_phone p
                     ON p.number_id = e.number_id OR p.contact_id = e.contact_id
                   WHERE p.contact_id = ANY(%s) AND %s
                   ORDER BY e.id, p.contact_id""",
                ids,
                self._reaching("e"),
            ),
            "orders": SQL(
                """SELECT o.name, c.id, o.date_order, o.state,
                          o.telemarketing_acceptance, o.signed_by, o.amount_total,
                          (SELECT string_agg(l.product_uom_qty || ' × ' || l.name,
                                             ' | ')
                           FROM sale_order_line l
                           WHERE l.order_id = o.id AND l.display_type IS NULL)
                   FROM telemarketing_contact c
                   JOIN sale_order o ON o.partner_id = c.partner_id
                   WHERE c.id = ANY(%s) AND o.telemarketing_principal_id = %s
                   ORDER BY o.id""",
                ids,
                self.principal_id.id,
            ),
        }

    def _proofs(self, ids):
        return SQL(
            """SELECT a.id FROM ir_attachment a
               JOIN telemarketing_consent k ON k.id = a.res_id
               WHERE a.res_model = 'telemarketing.consent'
                 AND a.res_field = 'evidence' AND k.contact_id = ANY(%s)""",
            ids,
        )

    def _add_proofs(self, archive, attachment_ids):
        for number in attachment_ids:
            proof = self.env["ir.attachment"].browse(number)
            archive.writestr(f"consents/{proof.res_id}-{number}", proof.raw or b"")
            proof.invalidate_recordset()
        return len(attachment_ids)

    # ERASING

    def _erase(self):
        """Chunk by chunk; what a crash leaves is taken the next time."""
        self.ensure_one()
        eraser = self.env["telemarketing.privacy.eraser"]
        until = self.blocked_until or eraser._until(self.company_id)
        self.blocked_until = until
        gone = dict(self.erased_counts or {})
        kept = dict(self.kept_counts or {})

        def add(counts, **numbers):
            for name, number in numbers.items():
                counts[name] = counts.get(name, 0) + number

        last = 0
        while ids := self._next_ids(last):
            last = ids[-1]
            busy = self._busy(ids)
            ids = [number for number in ids if number not in busy]
            people = self.env["telemarketing.contact"].browse(ids)
            partners, leads = self._partners_of(people)
            add(
                gone,
                contacts=len(ids),
                phones=len(people.phone_ids),
                targets=len(people.target_ids),
                clients=len(partners),
                opportunities=len(leads),
            )
            with_proof = eraser._with_proof(ids)
            blocked = eraser._block(with_proof, "return", self.reference, until)
            add(kept, blocked=len(blocked))
            eraser._empty(with_proof)
            eraser._remove(set(ids) - set(with_proof))
            eraser._empty_partners(partners, leads)
            self.position += len(ids) + len(busy)
            self.write({"erased_counts": dict(gone), "kept_counts": dict(kept)})
            self._commit(len(ids))
        self._finish(gone, kept)

    def _busy(self, ids):
        """Those with open work in a campaign that is not returned, or on a desk."""
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT t.contact_id FROM telemarketing_target t
                   WHERE t.contact_id = ANY(%s)
                     AND ((t.state NOT IN ('done', 'excluded')
                           AND NOT t.campaign_id = ANY(%s))
                          OR t.state IN ('leased', 'talking', 'wrap_up'))""",
                ids,
                self.with_context(active_test=False).campaign_ids.ids,
            )
        )
        return {row[0] for row in rows}

    def _partners_of(self, people):
        """Prospects and clients that only these campaigns know, and what hangs on
        them; accounting documents keep theirs."""
        everything = self.env["telemarketing.privacy"]._everything
        partners = everything("res.partner").browse(people.partner_id.ids)
        partners = partners.filtered(
            lambda p: p.telemarketing_principal_id == self.principal_id
        )
        campaigns = self.with_context(active_test=False).campaign_ids
        elsewhere = everything("telemarketing.contact").search(
            [
                ("partner_id", "in", partners.ids),
                ("campaign_id", "not in", campaigns.ids),
                ("erased_at", "=", False),
            ]
        )
        partners -= elsewhere.partner_id
        eraser = self.env["telemarketing.privacy.eraser"]
        partners -= partners.browse([p.id for p in eraser._kept_partners(partners)])
        leads = everything("crm.lead").search(
            [
                "|",
                ("partner_id", "in", partners.ids),
                "&",
                ("id", "in", people.lead_id.ids),
                ("telemarketing_campaign_id", "in", campaigns.ids),
            ]
        )
        return partners, leads

    def _watches(self):
        """Folders that load into what is returned, archived ones too."""
        return (
            self.env["telemarketing.import.watch"]
            .sudo()
            .with_context(active_test=False)
            .search(
                [
                    (
                        "campaign_id",
                        "in",
                        self.with_context(active_test=False).campaign_ids.ids,
                    )
                ]
            )
        )

    def _finish(self, gone, kept):
        """Files, searches and notes of the campaigns; then the certificate."""
        campaigns = self.with_context(active_test=False).campaign_ids
        databases = campaigns.database_ids
        files = self.env["telemarketing.import"].search(
            [("database_id", "in", databases.ids)]
        )
        files._forget_files()
        on_disk, problems = self._watches()._retire()
        if problems:
            # No certificate of what is not so; the next run tries again.
            raise UserError(
                self.env._(
                    "Files of watched folders could not be deleted, so nothing is "
                    "certified yet. %s",
                    " ".join(problems),
                )
            )
        self.env["telemarketing.evidence.file"].search(
            [("campaign_id", "in", campaigns.ids), ("state", "=", "done")]
        )._forget_files()
        self.env.cr.execute(
            "UPDATE telemarketing_search_log SET text = '…', target_ids = NULL"
            " WHERE campaign_id = ANY(%s)",
            [campaigns.ids],
        )
        self.env["mail.activity"].with_context(active_test=False).search(
            [("res_model", "=", campaigns._name), ("res_id", "in", campaigns.ids)]
        ).unlink()
        # Done to-dos became messages; they name people.
        self.env["mail.message"].search(
            [
                ("model", "=", campaigns._name),
                ("res_id", "in", campaigns.ids),
                ("mail_activity_type_id", "!=", False),
            ]
        ).unlink()
        gone["files"] = len(files)
        gone["folder_files"] = gone.get("folder_files", 0) + on_disk
        kept["people_in_other_campaigns"] = self._count("telemarketing_contact")
        kept["exclusions"] = self.env["telemarketing.exclusion"].search_count(
            [
                ("company_id", "=", self.company_id.id),
                "|",
                ("principal_id", "=", self.principal_id.id),
                ("campaign_id", "in", campaigns.ids),
            ]
        )
        self._forget_file()
        self.invalidate_recordset(["file"])
        self.write(
            {
                "state": "done",
                "erased_counts": gone,
                "kept_counts": kept,
                "erased_at": self.env["telemarketing.clock"]._now(),
                "certificate": self.env["ir.sequence"].next_by_code(
                    "telemarketing.principal.return.certificate"
                ),
            }
        )
        self.env["telemarketing.privacy"]._log(
            {"name": self.principal_id.name},
            self.env._("Returned and erased: %s", self.reference),
            records=f"{gone}",
        )

    @api.private
    def labelled_counts(self, counts):
        """``[(label, number)]`` for the form and the certificate."""
        labels = {
            "contacts": self.env._("People"),
            "phones": self.env._("Telephones"),
            "targets": self.env._("Targets"),
            "clients": self.env._("Prospects and clients"),
            "opportunities": self.env._("Opportunities"),
            "files": self.env._("Loaded files"),
            "folder_files": self.env._("Files of watched folders, on the disk"),
            "calls": self.env._("Calls"),
            "consents": self.env._("Consents"),
            "exclusions": self.env._("Exclusions"),
            "orders": self.env._("Orders"),
            "proofs": self.env._("Proofs of consent"),
            "blocked": self.env._("People blocked as proof"),
            "people_in_other_campaigns": self.env._(
                "People still worked in other campaigns"
            ),
        }
        return [
            (labels[name], number)
            for name, number in (counts or {}).items()
            if name in labels
        ]


def _translated(value, lang):
    if isinstance(value, dict):
        return value.get(lang) or value.get("en_US")
    return value


def _loaded(value):
    """A cell as it was loaded; dates are kept tagged."""
    return value.get("date") if isinstance(value, dict) else value
