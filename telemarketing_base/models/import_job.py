import hashlib
import io
import logging
import os
import re
import tempfile
from dataclasses import replace

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import html2plaintext

from ..identity.reasons import Problem
from ..identity.text import fold, shown
from ..importing import (
    REASONS,
    TARGETS,
    CleanRow,
    ReadError,
    Settings,
    check_mapping,
    open_table,
    preview,
    suggest_mapping,
    write_returned_to,
)
from ..importing.cleaning import DATED
from ..importing.mapping import extra_target
from ..importing.source import WorkerDied
from ..importing.staging import Staging, from_json
from .chunk import log_failure, reason_of
from .consent import spanish_day
from .import_loader import FileGone, LoadedElsewhere
from .import_preview import remembered_target
from .res_company import MOST

_logger = logging.getLogger(__name__)

PREVIEW_ROWS = 12
_MIMETYPES = {
    "csv": "application/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class TelemarketingImport(models.Model):
    """A file loaded into a database: read, previewed, loaded in the background,
    what was wrong given back.

    The position reached is written in the transaction of the rows themselves, so
    that a restart goes on where it was and loads nobody twice.
    """

    _name = "telemarketing.import"
    _inherit = [
        "telemarketing.chunk.mixin",
        "telemarketing.import.preview.mixin",
        "telemarketing.import.undo.mixin",
    ]
    _description = "Loaded File"
    _order = "id desc"
    _rec_name = "filename"

    kind = fields.Selection(
        [
            ("contacts", "Contacts"),
            ("prospects", "Prospects"),
            ("clients", "Clients"),
            ("articles", "Articles"),
        ],
        "What Is Loaded",
        required=True,
        default="contacts",
        help="Prospects and clients are people of a database who get their record "
        "(partner and stage) at once. Articles come with prices, offers and tariffs.",
    )
    # Of people: articles need none.
    database_id = fields.Many2one(
        "telemarketing.database", index=True, ondelete="cascade"
    )
    campaign_id = fields.Many2one(
        "telemarketing.campaign",
        compute="_compute_campaign_id",
        store=True,
        readonly=False,
        index=True,
        precompute=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(
        "res.company",
        compute="_compute_company_id",
        store=True,
        index=True,
        precompute=True,
    )
    file = fields.Binary(attachment=True)
    filename = fields.Char(required=True)
    state = fields.Selection(
        [
            ("draft", "Uploaded"),
            ("preview", "Previewed"),
            ("loading", "Loading"),
            ("done", "Loaded"),
            ("stopped", "Stopped"),
            ("failed", "Failed"),
            ("undoing", "Being Undone"),
            ("undone", "Undone"),
        ],
        required=True,
        default="draft",
        readonly=True,
    )
    sheet = fields.Char(help="Of a workbook. Empty: the first with headings.")
    sheets = fields.Char("Sheets of the File", readonly=True)
    separator = fields.Char(readonly=True, help="Of a CSV file.")
    column_ids = fields.One2many("telemarketing.import.column", "import_id")
    legal_basis = fields.Selection(
        selection=lambda self: (
            self.env["telemarketing.database"]
            ._fields["legal_basis"]
            ._description_selection(self.env)
        ),
        compute="_compute_basis",
        store=True,
        precompute=True,
        readonly=False,
        help="Why the people of this file may be called, where a row does not say it "
        "itself (LGTel art. 66.1.b). Without one they load, and nobody can be called.",
    )
    basis_date = fields.Date(
        compute="_compute_basis",
        store=True,
        precompute=True,
        readonly=False,
        help="Of the consent or the request.",
    )
    basis_source = fields.Char(
        compute="_compute_basis",
        store=True,
        precompute=True,
        readonly=False,
        help="Where it was given: form, contract, event…",
    )
    basis_warning = fields.Char(compute="_compute_basis_warning")
    basis_danger = fields.Char(compute="_compute_basis_warning")
    # of the rows shown: [basis, day, denied], for the warning to follow the form
    preview_bases = fields.Json(readonly=True)
    duplicates = fields.Selection(
        [
            ("skip", "Give them back"),
            ("update", "Update the columns marked"),
            ("load", "Load them anyway"),
        ],
        "Repeated People",
        required=True,
        default="skip",
    )
    match_phone = fields.Boolean(
        "By Phone",
        compute="_compute_match",
        store=True,
        precompute=True,
        readonly=False,
    )
    match_vat = fields.Boolean(
        "By NIF", compute="_compute_match", store=True, precompute=True, readonly=False
    )
    match_email = fields.Boolean(
        "By Mail", compute="_compute_match", store=True, precompute=True, readonly=False
    )
    key_warning = fields.Char(compute="_compute_key_warning")
    match_scope = fields.Selection(
        [
            ("principal", "All databases of the same client company"),
            ("database", "This database"),
        ],
        "Look for Them In",
        required=True,
        default="principal",
    )
    match_partners = fields.Boolean(
        "Also Prospects and Clients",
        default=True,
        help="People whom a call, or somebody, has made a prospect or a client.",
    )
    tariff_warning = fields.Char(compute="_compute_tariff_warning")
    make_leads = fields.Boolean(
        "An Opportunity for Each",
        help="Of prospects: an open opportunity of the campaign, as a call that "
        "qualifies somebody makes it. Where there is one already, none.",
    )
    assign_agent_ids = fields.Many2many(
        "res.users",
        string="Share Out to",
        help="Once loaded, in equal parts at random. Empty: later.",
    )
    preview_html = fields.Html(
        "Preview", readonly=True, export_string_translation=False
    )
    total = fields.Integer("Rows", readonly=True)
    position = fields.Integer("Rows Done", readonly=True)
    loaded = fields.Integer(readonly=True)
    bad = fields.Integer("Not Loaded", readonly=True)
    noticed = fields.Integer("Loaded with Notices", readonly=True)
    updated = fields.Integer(readonly=True)
    excluded = fields.Integer("Loaded as Excluded", readonly=True)
    without_basis = fields.Integer(
        "Loaded, No Legal Basis", readonly=True, help="Nobody can call them."
    )
    progress = fields.Float(compute="_compute_progress")
    stop_asked = fields.Boolean(readonly=True)
    error = fields.Text(readonly=True)
    watch_id = fields.Many2one(
        "telemarketing.import.watch",
        "From the Watched Folder",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    # Whose rights count while it loads: perhaps not who uploaded the file.
    loaded_by_id = fields.Many2one("res.users", "Loaded by", readonly=True, copy=False)
    started_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    row_ids = fields.One2many(
        "telemarketing.import.row", "import_id", "Rows Given Back", readonly=True
    )
    change_ids = fields.One2many(
        "telemarketing.import.change", "import_id", "Values Changed", readonly=True
    )
    returned_file = fields.Binary(attachment=True, readonly=True)
    returned_name = fields.Char(readonly=True)

    @api.depends("position", "total")
    def _compute_progress(self):
        for job in self:
            job.progress = 100.0 * job.position / job.total if job.total else 0.0

    @api.depends("database_id.campaign_id")
    def _compute_campaign_id(self):
        for job in self:
            if job.database_id:
                job.campaign_id = job.database_id.campaign_id

    @api.depends("database_id.company_id", "campaign_id.company_id")
    def _compute_company_id(self):
        for job in self:
            source = job.database_id or job.campaign_id
            job.company_id = source.company_id or job.company_id or self.env.company

    @api.depends(
        "column_ids.is_key",
        "column_ids.target",
        "column_ids.heading",
        "database_id.key_headings",
    )
    def _compute_key_warning(self):
        """Said before people are updated by another key than the last time."""
        for job in self:
            known = job.database_id.key_headings or []
            job.key_warning = False
            if not known or not job.column_ids or job._key_headings() == known:
                continue
            there = {fold(column.heading or "") for column in job.column_ids}
            names = ", ".join(known)
            if set(known) - there:
                job.key_warning = job.env._(
                    "People of this database are known by %(columns)s, and the file "
                    "lacks %(missing)s: without the same key they cannot be found.",
                    columns=names,
                    missing=", ".join(sorted(set(known) - there)),
                )
            else:
                job.key_warning = job.env._(
                    "People of this database are known by %s: with another key they "
                    "are not found. Always use the same columns.",
                    names,
                )

    @api.constrains("kind", "make_leads", "state")
    def _check_leads(self):
        for job in self:
            if (
                job.kind == "prospects"
                and job.make_leads
                and job.state == "loading"
                and job.campaign_id.call_purpose != "commercial"
            ):
                raise UserError(
                    job.env._(
                        "Nothing is offered in %s: its prospects get no opportunity.",
                        job.campaign_id.name,
                    )
                )

    @api.constrains("database_id", "campaign_id")
    def _check_campaign(self):
        """Rules go by the campaign, the people into the database."""
        for job in self:
            if job.database_id and job.campaign_id != job.database_id.campaign_id:
                raise ValidationError(
                    job.env._(
                        "A file is loaded into the campaign of its database: choose "
                        "another database instead."
                    )
                )

    def write(self, vals):
        if "kind" in vals:
            self._check_kind(vals["kind"])
        return super().write(vals)

    def _check_kind(self, kind):
        """Columns of articles are not those of people; what is loaded is loaded."""
        for job in self:
            if job.kind == kind or job.state == "draft":
                continue
            if job.state != "preview" or "articles" in (job.kind, kind):
                raise UserError(
                    job.env._(
                        "What is loaded is chosen before the file is read: upload %s "
                        "again.",
                        job.filename,
                    )
                )

    @api.depends("kind", "column_ids.article_target")
    def _compute_tariff_warning(self):
        for job in self:
            job.tariff_warning = job.env["telemarketing.import.articles"]._warning(job)

    @api.depends("database_id")
    def _compute_match(self):
        for job in self:
            database = job.database_id
            job.match_phone = database.match_phone or not database
            job.match_vat = database.match_vat or not database
            job.match_email = database.match_email or not database

    @api.constrains("kind", "database_id")
    def _check_database(self):
        for job in self:
            if job.kind != "articles":
                job.env["telemarketing.contact"]._check_not_training(job.database_id)
            if job.kind != "articles" and not job.database_id:
                raise ValidationError(
                    job.env._("Choose the database that these people go to.")
                )

    @api.depends("database_id", "kind")
    def _compute_basis(self):
        for job in self:
            database = job.database_id
            # Who is loaded as a client is called as one (LGTel art. 66.1.b, Circular
            # AEPD 1/2023) unless somebody states another basis.
            of_kind = "client" if job.kind == "clients" else False
            job.legal_basis = database.legal_basis or of_kind
            job.basis_date = database.basis_date
            job.basis_source = database.basis_source

    @api.depends(
        "legal_basis", "basis_date", "basis_source", "preview_bases", "database_id"
    )
    def _compute_basis_warning(self):
        for job in self:
            job.basis_danger, job.basis_warning = job._basis_warnings()

    def _basis_warnings(self):
        """What stands against calling the rows shown: ``(all of them, some)``."""
        basis, day, _source = self._basis()
        rows = [
            CleanRow(
                row=0,
                raw=[],
                legal_basis=own or "",
                basis_date=fields.Date.to_date(on) or None,
                consent_denied=denied,
            )
            for own, on, denied in self.preview_bases or []
        ]
        if not rows:
            return False, False
        found = [row.basis_in(basis, day) for row in rows]
        without = sum(not mine for mine, _on in found)
        if without == len(rows):
            if basis in DATED and not day:
                return (
                    self.env._(
                        "These people will load, but none can be called: say when "
                        "they gave their consent or asked for the call."
                    ),
                    False,
                )
            return (
                self.env._(
                    "These people will load, but none can be called: no legal basis "
                    "is stated. Say below why they may be called, or which column "
                    "of the file says it."
                ),
                False,
            )
        if without:
            return False, self.env._(
                "%(count)s of the %(total)s rows shown will load, but cannot be "
                "called: no legal basis is stated for them.",
                count=without,
                total=len(rows),
            )
        Consent = self.env["telemarketing.consent"]
        today = spanish_day(self.env["telemarketing.clock"]._now())
        company = self.company_id or self.database_id.company_id
        old = sum(
            mine == "consent" and Consent._until(on, company) < today
            for mine, on in found
        )
        if old:
            return False, self.env._(
                "%(count)s of the %(total)s rows shown rest on a consent that is too "
                "old: they will load, but cannot be called until it is renewed.",
                count=old,
                total=len(rows),
            )
        return False, False

    def _basis(self):
        """``(basis, day, source)`` of the people whose row says nothing: as stated
        here, else as the database says of those whom it has."""
        self.ensure_one()
        said = self
        if not self.legal_basis and self.database_id._has_people():
            said = self.database_id
        return (
            said.legal_basis or "",
            said.basis_date or None,
            (said.basis_source or "").strip(),
        )

    # STEPS

    def action_read(self):
        """Read the headings, propose what each column is, show the first rows."""
        self._check_may_act()
        for job in self:
            if job.state not in ("draft", "preview"):
                raise UserError(job.env._("%s has been loaded already.", job.filename))
            if not job.file:
                raise UserError(job.env._("Choose a file first."))
            if job.kind == "articles":
                job.env["telemarketing.import.articles"]._read(job)
                continue
            table = job._open()
            try:
                total = table.scan()
            except ReadError as error:
                raise UserError(job._reason_text(error.problem)) from error
            remembered = job.database_id.column_mapping or {}
            updated = set(job.database_id.update_headings or [])
            profile = {field[0] for field in job._profile_fields()}
            found = [
                remembered_target(
                    remembered, heading, job._own_field(heading, target), profile
                )
                for heading, target in zip(
                    table.headings, suggest_mapping(table.headings), strict=True
                )
            ]
            mapping = [target for target, _known in found]
            known_key = set(job.database_id.key_headings or [])
            samples = [row for _number, row in _first(table.rows(), 3)]
            job.column_ids.sudo().unlink()
            job.sudo().write(
                {
                    "state": "preview",
                    "total": total,
                    "remembered": any(known for _target, known in found),
                    "sheets": ", ".join(table.sheets),
                    "sheet": job.sheet or table.sheet,
                    "separator": table.separator,
                    "column_ids": [
                        fields.Command.create(
                            {
                                "sequence": place,
                                "heading": heading,
                                "target": (target or "").split(":", 1)[0] or False,
                                "profile_field": target[8:]
                                if (target or "").startswith("profile:")
                                else False,
                                "is_updated": fold(heading) in updated,
                                "is_key": fold(heading) in known_key,
                                "sample": " · ".join(
                                    shown(row[place])
                                    for row in samples
                                    if row[place] not in (None, "")
                                )[:120],
                            }
                        )
                        for place, (heading, target) in enumerate(
                            zip(table.headings, mapping, strict=True)
                        )
                    ],
                }
            )
            job._refresh_preview(table)
        return True

    def action_preview(self):
        self.ensure_one()
        self._check_may_act()
        if self.state not in ("draft", "preview"):
            raise UserError(self.env._("%s has been loaded already.", self.filename))
        if self.kind == "articles":
            self.env["telemarketing.import.articles"]._refresh_preview(self)
            return True
        self._refresh_preview(self._open())
        return True

    def action_load(self):
        """Load in the background; the form shows how far it is."""
        self.ensure_one()
        self._check_may_act()
        if self.state == "draft":
            self.action_read()
        if self.state not in ("preview", "stopped", "failed"):
            raise UserError(
                self.env._("%s is being loaded or is loaded.", self.filename)
            )
        if self.kind == "articles":
            self.env["telemarketing.import.articles"]._check_columns(self)
            return self._begin_loading()
        self.database_id._check_not_emptying()
        mapping = self._mapping()
        if "phone" not in mapping:
            raise UserError(
                self.env._(
                    "Say which column is the telephone: without it nobody can "
                    "be called."
                )
            )
        try:
            check_mapping(mapping, len(self.column_ids))
        except ValueError as error:
            raise UserError(
                self.env._("Two columns are the same field: %s", error)
            ) from error
        self._state_basis()
        for column in self.column_ids:
            if column.target == "profile" and not column.profile_field:
                raise UserError(
                    self.env._(
                        "Say which field of the profile the column %s is.",
                        column.heading,
                    )
                )
        self.database_id.sudo()._remember_columns(self.column_ids, mapping)
        if key := self._key_headings():
            self.database_id.sudo().key_headings = key
        self._define_extra_columns()
        return self._begin_loading()

    @api.private
    def _check_may_act(self):
        """Whoever presses a button may change the file and its database: what the
        buttons write is nobody's to write by hand, so they write it with sudo."""
        self.check_access("write")
        self._check_in_sight()
        self._check_articles()

    @api.private
    def _begin_loading(self):
        self.sudo().write(
            {
                "state": "loading",
                "loaded_by_id": self.env.uid,
                "stop_asked": False,
                "error": False,
                "started_at": self.started_at or fields.Datetime.now(),
                "resumed_at": fields.Datetime.now(),
                "resumed_position": self.position,
            }
        )
        self.env.ref("telemarketing_base.cron_import").sudo()._trigger()
        return True

    def _state_basis(self):
        """What is stated for the file becomes its database's. Where that has people
        already, of whom nobody said this, the new ones carry it themselves."""
        database = self.database_id
        basis, day, source = self._basis()
        if basis in DATED and not (day and source):
            raise UserError(
                self.env._(
                    "Say when and where these people gave their consent or asked for "
                    "the call: it is what an inspector asks for first."
                )
            )
        if not database._has_people():
            database.write(
                {
                    "legal_basis": basis or False,
                    "basis_date": day or False,
                    "basis_source": source or False,
                }
            )

    def action_stop(self):
        """Stop after the rows at hand; what is loaded stays."""
        self._check_may_act()
        self.sudo().filtered(lambda job: job.state == "loading").stop_asked = True
        return True

    @api.ondelete(at_uninstall=False)
    def _unlink_only_unused(self):
        people = self.env["telemarketing.contact"].sudo()
        changes = self.env["telemarketing.import.change"].sudo()
        for job in self:
            mine = [("import_id", "=", job.id)]
            # Asked of those who name it: counters are only counters.
            if job.loaded > (job.undone_people if job.state == "undone" else 0) or any(
                model.with_context(active_test=False).search_count(mine, limit=1)
                for model in (people, changes)
            ):
                raise UserError(
                    self.env._(
                        "%s was loaded: its people name it as where they come from.",
                        job.filename,
                    )
                )

    def action_download_original(self):
        """Those of this file who are still there, as it had them."""
        return self.env["telemarketing.original"]._action(self, "import_id")

    @api.private
    def _open_original(self):
        """See ``telemarketing.original._open``."""
        return self.env["telemarketing.original"]._open(self, "import_id")

    # READING

    def _open(self):
        """The table of the file, read from where it is kept."""
        self.ensure_one()
        try:
            return open_table(
                self._stored(),
                self.filename,
                sheet=self.sheet or None,
                limits=self._limits(),
            )
        except ReadError as error:
            raise UserError(self._reason_text(error.problem)) from error

    @api.private
    def _stored(self, field="file"):
        """Path where the file is kept; its content where it is not on the disk."""
        attachment = self._attachment(field)
        path = attachment.store_fname and attachment._full_path(attachment.store_fname)
        return path if path and os.path.exists(path) else attachment.raw or b""

    @api.private
    def _attachment(self, field="file"):
        """Of the uploaded file, or of the one given back."""
        self.env.flush_all()
        return (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_field", "=", field),
                    ("res_id", "=", self.id),
                ],
                limit=1,
            )
        )

    def _mapping(self):
        """Target of each column, as the kernel names them."""
        if self.kind == "articles":
            return self.env["telemarketing.import.articles"]._mapping(self)
        taken = set()
        return [
            extra_target(column.heading, place, taken)
            if column.target == "extra"
            else column._kernel_target()
            for place, column in enumerate(self.column_ids)
        ]

    def _settings(self, table=None):
        self.ensure_one()
        required = tuple(self.database_id._required_names())
        now = self.env["telemarketing.clock"]._now()
        basis, day, _source = self._basis()
        return Settings(
            basis=basis,
            basis_on=day,
            profile=self._profile_fields(),
            required=required,
            duplicates=self.duplicates,
            duplicate_keys=tuple(
                key
                for key, asked in (
                    ("external_key", True),
                    ("phone", self.match_phone),
                    ("vat", self.match_vat),
                    ("email", self.match_email),
                )
                if asked
            ),
            key_columns=self._key_columns(),
            # Files repeat made-up NIFs and family mails: under another name they
            # are a notice, not a repeated person.
            same_name_only=True,
            today=fields.Datetime.context_timestamp(
                self.with_context(tz="Europe/Madrid"), now
            ).date(),
            date1904=bool(table and table.date1904),
        )

    def _key_columns(self):
        """Places of the columns marked as the client's key."""
        return tuple(
            place for place, column in enumerate(self.column_ids) if column.is_key
        )

    @api.private
    def _key_headings(self):
        """Folded headings of the columns that are the client's key: those marked,
        else the one mapped to it. Sorted, so that two files compare."""
        columns = self.column_ids
        keys = columns.filtered("is_key") or columns.filtered(
            lambda column: column.target == "external_key"
        )
        return sorted(fold(heading) for heading in keys.mapped("heading") if heading)

    def _refresh_preview(self, table):
        self.ensure_one()
        mapping = self._mapping()
        shown = preview(table, PREVIEW_ROWS, mapping, self._settings(table))
        self.sudo().write(
            {
                "preview_bases": [
                    [
                        row.legal_basis,
                        row.basis_date and row.basis_date.isoformat(),
                        row.consent_denied,
                    ]
                    for row in shown.rows
                    if row.ok
                ],
                "preview_html": self._preview_table(
                    table.headings, mapping, shown.rows
                ),
            }
        )
        self._check_at_once(table)

    def _reason_text(self, problem):
        key = problem.params.get("key")
        if key:
            # The kernel names the field that two rows share by its code.
            Column = self.env["telemarketing.import.column"]
            labels = dict(
                Column._selection_article()
                if self.kind == "articles"
                else Column._selection_target()
            )
            problem = replace(
                problem, params={**problem.params, "key": labels.get(key, key).lower()}
            )
        return problem.text(lambda source: self.env._(source), REASONS)  # pylint: disable=translation-not-lazy

    def _reasons(self, row):
        return "; ".join(
            self._reason_text(problem) for problem in [*row.problems, *row.notices]
        )

    @api.private
    def _reasons_of(self, found):
        """The same of what stands in STAGE: ``[code, value, params, field, column]``
        each."""
        return "; ".join(self._reason_text(Problem(*problem)) for problem in found)

    # LOADING

    @api.model
    def _cron_load(self):
        """Load the jobs that wait, each some seconds at a time."""
        self._work_in_turns(["loading", "undoing"], "telemarketing_base.cron_import")

    def _commit_chunk(self, done):
        self._keep_chunk(done, max(0, self.total - self.position))

    @api.private
    def _asker(self):
        pressed = self.undone_by_id if self.state == "undoing" else self.loaded_by_id
        return pressed or super()._asker()

    @api.private
    def _check_turn(self):
        """Rights may have been taken away since the button was pressed."""
        asker, sudo = self.env.user, self.sudo()
        if asker._is_superuser():
            return
        company = sudo.company_id
        there = sudo.database_id if self.kind != "articles" else sudo.campaign_id
        seen = there.with_user(asker).with_context(allowed_company_ids=company.ids)
        try:
            if self.kind == "articles":
                self.env["telemarketing.import.articles"]._check_user()
            may = (
                asker.active
                and company in asker.company_ids
                and seen.has_access("read" if self.kind == "articles" else "write")
            )
        except AccessError as error:
            raise UserError(str(error)) from error
        if not may:
            raise UserError(
                self.env._(
                    "%(who)s may no longer change the people of %(where)s",
                    who=asker.name,
                    where=there.display_name,
                )
                if self.kind != "articles"
                else self.env._(
                    "%(who)s may no longer load articles here", who=asker.name
                )
            )

    @api.private
    def _load(self):
        """All of it, from the position reached."""
        for _piece in self._steps():
            pass

    @api.private
    def _steps(self):
        self.ensure_one()
        if self.state == "undoing":
            yield from self._undo_steps()
            return
        if self.kind == "articles":
            yield from self.env["telemarketing.import.articles"]._steps(self)
            return
        yield from self.env["telemarketing.import.loader"]._steps(self)

    @api.private
    def _fail(self, error):
        if isinstance(error, ReadError):
            self.write({"state": "failed", "error": self._reason_text(error.problem)})
            return
        if isinstance(error, FileGone):
            self.write({"state": "failed", "error": str(error)})
            return
        if isinstance(error, LoadedElsewhere):
            # Whoever has it goes on; it is not ours to stop.
            return
        log_failure(_logger, "import", self, error)
        why = reason_of(error)
        if self.state == "undoing":
            # What is taken back is; undoing can be asked for again.
            self.write(
                {
                    "state": "done" if self.position >= self.total else "stopped",
                    "error": self.env._("Undoing stopped: %s", why),
                }
            )
            return
        if isinstance(error, WorkerDied):
            why = self.env._(
                "the program that reads the file ended (%s): not enough memory, or "
                "somebody ended it",
                error,
            )
        self.write(
            {
                "state": "failed",
                "error": self.env._(
                    "Loading stopped after row %(row)s: %(why)s. Load goes on from "
                    "there when it is pressed again.",
                    row=self.position,
                    why=why,
                ),
            }
        )

    @api.private
    def _limits(self):
        """What the file may measure."""
        return self.company_id._telemarketing_limits()

    @api.private
    def _staging(self):
        """How the rows of this file become lines of STAGE."""
        database = self.database_id
        basis, day, source = stated = self._basis()
        return Staging(
            mapping=tuple(self._mapping()),
            settings=self._settings(),
            headings=tuple(column.heading or "" for column in self.column_ids),
            extra_names=self._extra_names(),
            basis_source=source,
            # Stated here and not of the database, which has other people.
            of_file=stated
            != (
                database.legal_basis or "",
                database.basis_date or None,
                (database.basis_source or "").strip(),
            ),
        )

    def _texts(self):
        """``{folded label: id}`` of our texts of consent."""
        texts = (
            self.env["telemarketing.consent.text"]
            .sudo()
            .with_context(active_test=False)
            .search(
                [
                    ("company_id", "in", (False, self.company_id.id)),
                    ("principal_id", "in", (False, self.database_id.principal_id.id)),
                ]
            )
        )
        return {fold(text.display_name): text.id for text in texts}

    # EXTRA COLUMNS

    def _extra_columns(self):
        return self.column_ids.filtered(lambda column: column.target == "extra")

    def _define_extra_columns(self):
        """Columns that have no field become Properties of the campaign's contacts."""
        campaign = self.database_id.campaign_id.sudo()
        definition = list(campaign.contact_properties_definition or [])
        known = {field["name"] for field in definition}
        added = [
            {"name": name, "string": column.heading, "type": "char"}
            for column in self._extra_columns()
            if (name := column._property_name()) not in known
        ]
        if added:
            campaign.contact_properties_definition = definition + added

    def _extra_names(self):
        """``{kernel's name of the extra column: name of the Property}``"""
        return {
            target.split(":", 1)[1]: column._property_name()
            for column, target in zip(self.column_ids, self._mapping(), strict=True)
            if column.target == "extra"
        }

    # WHAT COMES BACK

    @api.private
    def _write_returned(self, kind, separator):
        """Bad and noticed rows as a file with the same columns and *Motivo*."""
        if not self.env["telemarketing.import.row"].search_count(
            [("import_id", "=", self.id)], limit=1
        ):
            return
        fmt = "csv" if kind == "csv" else "xlsx"
        stem = self.filename.rsplit(".", 1)[0]
        suffix = self.env._("returned")
        with tempfile.TemporaryFile() as spool:
            write_returned_to(
                spool,
                self._wrong_rows(),
                [column.heading or "" for column in self.column_ids],
                fmt,
                separator=separator or ";",
            )
            spool.seek(0)
            self._keep_returned(spool.read(), _MIMETYPES[fmt])
        self.returned_name = f"{stem}-{suffix}.{fmt}"

    @api.private
    def _keep_returned(self, content, mimetype):
        """Past base64, which would hold the file in memory three times more."""
        attachment = self._attachment("returned_file")
        # Of a plain text Odoo would also make an index: a copy of all its people.
        values = {"raw": content, "mimetype": mimetype}
        if attachment:
            attachment.write(values)
        else:
            attachment = attachment.create(
                {
                    **values,
                    "name": "returned_file",
                    "res_model": self._name,
                    "res_field": "returned_file",
                    "res_id": self.id,
                    "type": "binary",
                }
            )
        attachment.invalidate_recordset(["raw", "datas"])
        self.invalidate_recordset(["returned_file"])

    def _wrong_rows(self):
        """``(cells, reason)`` of each, in the order of the file; a thousand at a time
        in memory."""
        self.env["telemarketing.import.row"].flush_model()
        after = (-1, 0)
        while True:
            self.env.cr.execute(
                """SELECT row, id, raw, reason FROM telemarketing_import_row
                   WHERE import_id = %s AND (row, id) > %s
                   ORDER BY row, id LIMIT 1000""",
                [self.id, after],
            )
            found = self.env.cr.fetchall()
            if not found:
                return
            for row, place, raw, reason in found:
                after = (row, place)
                yield [from_json(cell) for cell in raw or []], reason or ""

    def _share_out(self):
        if not self.assign_agent_ids:
            return
        wizard = self.env["telemarketing.distribute"].create(
            {
                "database_id": self.database_id.id,
                "label": "uncalled",
                "which": "unassigned",
                "agent_ids": [fields.Command.set(self.assign_agent_ids.ids)],
            }
        )
        try:
            wizard._assign()
        except UserError as error:
            self.error = str(error)

    @api.private
    def _has_person(self, needles):
        """Does the stored file, or a row given back, hold one of these texts?

        Cells are compared without spaces and punctuation, so that a number is found
        however it was written.

        :param set needles: national digits, NIFs and mails, upper case
        """
        self.ensure_one()
        job = self.sudo()
        wanted = re.compile("|".join(re.escape(_squeezed(n)) for n in sorted(needles)))
        if any(wanted.search(_squeezed_row(raw)) for raw, _why in job._wrong_rows()):
            return True
        shown = html2plaintext(job.preview_html or "").splitlines()
        if any(wanted.search(_squeezed(text)) for text in shown) or any(
            wanted.search(_squeezed(text)) for text in job.column_ids.mapped("sample")
        ):
            return True
        for field, name in (
            ("file", job.filename),
            ("returned_file", job.returned_name),
        ):
            content = job._stored(field)
            if content and _file_has(content, name, wanted):
                return True
        return False

    @api.private
    def _forget_files(self):
        """Delete uploaded and returned files, the preview and the sample values."""
        for job in self.sudo():
            job.write(
                {
                    "error": False,
                    "file": False,
                    "returned_file": False,
                    "preview_html": False,
                    "preview_bases": False,
                }
            )
            job.row_ids.unlink()
        self.sudo().column_ids.write({"sample": False})
        self.env["telemarketing.import.watch.file"].sudo().search(
            [("import_id", "in", self.ids)]
        )._forget()


class TelemarketingImportColumn(models.Model):
    """What a column of the file is."""

    _name = "telemarketing.import.column"
    _description = "Column of a Loaded File"
    _order = "sequence, id"
    _rec_name = "heading"

    import_id = fields.Many2one(
        "telemarketing.import", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="import_id.company_id", store=True)
    sequence = fields.Integer()
    heading = fields.Char(readonly=True)
    sample = fields.Char("First Values", readonly=True)
    target = fields.Selection(
        selection="_selection_target",
        string="Is",
        help="Empty: the column is left out.",
    )
    profile_field = fields.Char(help="Which one, of the campaign's profile.")
    profile_choice = fields.Json(related="import_id.profile_choice")
    kind = fields.Selection(related="import_id.kind")
    article_target = fields.Selection(
        selection="_selection_article",
        string="Is of the Article",
        help="Empty: the column is left out.",
    )
    is_key = fields.Boolean(
        "Client's Key",
        help="The columns marked are together the key by which the client company "
        "knows the person.",
    )
    # Not ``update``, which records have as a method.
    is_updated = fields.Boolean(
        "Update", help="Of people, or articles, that are there already."
    )

    @api.model
    def _selection_target(self):
        labels = {
            "phone": self.env._("Phone"),
            "name": self.env._("Name"),
            "surname": self.env._("Surname"),
            "vat": self.env._("NIF"),
            "street": self.env._("Address"),
            "zip": self.env._("Postcode"),
            "city": self.env._("Town"),
            "state": self.env._("Province"),
            "email": self.env._("Mail"),
            "birthdate": self.env._("Date of birth"),
            "language": self.env._("Language"),
            "note": self.env._("Remarks"),
            "external_key": self.env._("Client's key"),
            "iban": self.env._("IBAN"),
            "category": self.env._("Categories"),
            "contact_type": self.env._("Type of contact"),
            "do_not_call": self.env._("Do not call"),
            "phone_code": self.env._("Country prefix of the phones"),
            "legal_basis": self.env._("Why they may be called"),
            "basis_date": self.env._("Date of consent or request"),
            "basis_source": self.env._("Where it was given"),
            "consent_text": self.env._("Text agreed to"),
            "client_until": self.env._("Client until"),
            "interacted_on": self.env._("Last thing they did or asked"),
            "is_professional": self.env._("Sole trader or professional"),
        }
        known = [(target, labels.get(target, target)) for target in TARGETS]
        return [
            *known,
            ("profile", self.env._("A field of the profile")),
            ("extra", self.env._("A field of its own")),
        ]

    @api.private
    def _kernel_target(self):
        """The target as the kernel names it; None: left out."""
        if self.target == "profile":
            return f"profile:{self.profile_field}" if self.profile_field else None
        return self.target or None

    @api.model
    def _selection_article(self):
        return [
            ("ref", self.env._("Reference")),
            ("barcode", self.env._("Barcode")),
            ("name", self.env._("Name")),
            ("type", self.env._("Goods or service")),
            ("category", self.env._("Category")),
            ("price", self.env._("Sale price")),
            ("price_taxed", self.env._("Sale price with VAT")),
            ("vat", self.env._("VAT (%)")),
            ("cost", self.env._("Cost")),
            ("uom", self.env._("Unit of measure")),
            ("description", self.env._("Description")),
            ("campaign_price", self.env._("Price in the campaign")),
            ("offer", self.env._("Offer")),
            ("discount", self.env._("Discount (%)")),
            ("conditions", self.env._("Conditions")),
            ("tariff", self.env._("Name of the tariff")),
            ("tariff_price", self.env._("Price in the tariff")),
            ("min_quantity", self.env._("Minimum quantity of the tariff")),
            ("date_from", self.env._("First day of the tariff")),
            ("date_to", self.env._("Last day of the tariff")),
            ("tariff_column", self.env._("Price in the tariff of this heading")),
        ]

    def _property_name(self):
        """Stable name of the Property, so that the next file fills the same one."""
        digest = hashlib.sha256(fold(self.heading or "").encode()).hexdigest()
        return f"tm{digest[:14]}"


def _squeezed(text):
    """Upper case, letters and digits only: "+34 612-345.678" → "34612345678"."""
    return re.sub(r"[\W_]+", "", str(text)).upper()


def _squeezed_row(cells):
    return "|".join(_squeezed(cell) for cell in cells if cell not in (None, ""))


def _file_has(data, filename, wanted):
    """Does any row of any sheet match? A file that no reader opens is searched as
    it is.

    :param data: content, or the path where it is kept
    """
    try:
        table = open_table(data, filename or "", limits=MOST)
        for sheet in table.sheets or [None]:
            if sheet and sheet != table.sheet:
                try:
                    table = open_table(data, filename or "", sheet=sheet, limits=MOST)
                except ReadError:
                    continue
            if wanted.search(_squeezed_row(table.headings)):
                return True
            if any(wanted.search(_squeezed_row(row)) for _number, row in table.rows()):
                return True
    except ReadError:
        return _bytes_have(data, wanted)
    return False


def _bytes_have(data, wanted):
    """The same of what no reader opens; a megabyte at a time."""
    kept = ""
    with io.BytesIO(data) if isinstance(data, bytes) else open(data, "rb") as stored:
        while piece := stored.read(1 << 20):
            # What is looked for may begin in the piece before.
            text = kept + _squeezed(piece.decode("latin-1"))
            if wanted.search(text):
                return True
            kept = text[-512:]
    return False


def _first(rows, count):
    for _place, row in zip(range(count), rows, strict=False):
        yield row
