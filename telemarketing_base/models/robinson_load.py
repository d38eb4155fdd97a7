import base64
import hashlib
import io
import logging
import os
import tempfile
from contextlib import contextmanager

from odoo import api, fields, models, modules
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from ..compliance.robinson import (
    REASONS,
    FileError,
    FileFormat,
    check_file,
    detect_format,
    parse_file,
)
from .guard import check_fields, without_defaults

_logger = logging.getLogger(__name__)

# Numbers written in a transaction: who dials one of them meanwhile waits for it.
CHUNK = 10_000
# Bad lines that are shown.
SHOWN = 20
# From so many numbers on, none of them in the list is taken for a wrong file.
SUSPICIOUS = 1000
# Up to so many people are asked again at once whether they may be called.
FEW = 500

# The same as ``compliance.robinson.hash_e164``.
HASH = SQL("sha256(convert_to('0400' || substr(n.e164, 2), 'UTF8'))")


class TelemarketingRobinsonLoad(models.Model):
    """The file route: our numbers written as a file to be consulted elsewhere, and
    what comes back (or a list of hashes) compared with our numbers.

    Both in the background; comparing is done by PostgreSQL, a chunk of numbers per
    transaction, so that half a million lines hold nobody up and a restart goes on.
    """

    _name = "telemarketing.robinson.load"
    _inherit = ["telemarketing.chunk.mixin"]
    _description = "Lista Robinson File"
    _order = "id desc"
    _check_company_auto = True

    kind = fields.Selection(
        [("export", "Numbers to consult"), ("load", "Answer or list to load")],
        required=True,
        default="load",
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company,
        ondelete="restrict",
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("waiting", "Under way"),
            ("done", "Done"),
            ("failed", "Failed"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
    )
    file = fields.Binary(
        attachment=True, copy=False, groups="telemarketing_base.group_manager"
    )
    filename = fields.Char(copy=False)
    sha256 = fields.Char("SHA-256", readonly=True, copy=False)
    line_count = fields.Integer("Lines", readonly=True, copy=False)

    # what is exported
    campaign_id = fields.Many2one(
        "telemarketing.campaign",
        check_company=True,
        help="Of its people still to be called. Empty: of every running campaign.",
    )
    what = fields.Selection(
        [
            ("due", "Numbers to be consulted"),
            ("all", "All numbers in use"),
        ],
        "Which Numbers",
        required=True,
        default="due",
    )
    layout = fields.Selection(
        [
            ("phones", "Telephones, for the Lista Robinson's own program"),
            ("hashes", "Hashes, for a service that takes them"),
        ],
        "Written As",
        required=True,
        default="phones",
    )

    # what is loaded
    asked_at = fields.Datetime(
        "Consulted On",
        default=lambda self: self.env["telemarketing.clock"]._now(),
        help="When the list was consulted: the age of the answer counts from here.",
    )
    covers = fields.Selection(
        [
            ("listed", "Only the numbers that it holds"),
            ("export", "All numbers of an export: who is missing is not in the list"),
            ("all", "All our numbers: who is missing is not in the list"),
        ],
        "The File Answers For",
        required=True,
        default="listed",
        help="Numbers that the file does not answer for stay as they are.",
    )
    export_id = fields.Many2one(
        "telemarketing.robinson.load",
        check_company=True,
        domain="[('kind', '=', 'export'), ('state', '=', 'done'),"
        " ('company_id', '=', company_id)]",
    )
    none_is_right = fields.Boolean(
        "Nobody in the List Is Right",
        help="Load it although not one of many numbers is in the list, which is "
        "nearly always a wrong file.",
    )
    bad_count = fields.Integer("Bad Lines", readonly=True, copy=False)
    bad_lines = fields.Text("What Is Wrong", readonly=True, copy=False)
    number_count = fields.Integer("Numbers Written", readonly=True, copy=False)
    present_count = fields.Integer("In the List", readonly=True, copy=False)
    position = fields.Integer("Last Number Done", readonly=True, copy=False)
    progress = fields.Float(readonly=True, copy=False)
    check_id = fields.Many2one(
        "telemarketing.robinson.check",
        "Consultation",
        readonly=True,
        copy=False,
        ondelete="restrict",
    )
    user_id = fields.Many2one(
        "res.users", "By", readonly=True, default=lambda self: self.env.user
    )
    error = fields.Text(readonly=True, copy=False)

    _caller_fields = (
        "kind",
        "company_id",
        "file",
        "filename",
        "campaign_id",
        "what",
        "layout",
        "asked_at",
        "covers",
        "export_id",
        "none_is_right",
    )

    @api.depends("kind", "filename")
    def _compute_display_name(self):
        labels = dict(self._fields["kind"]._description_selection(self.env))
        for load in self:
            load.display_name = load.filename or f"{labels[load.kind]} {load.id or ''}"

    # CRUD

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, self._caller_fields)
        self = without_defaults(self, self._caller_fields)
        loads = super().create(vals_list)
        if not loads.env.su:
            loads.campaign_id.check_access("read")
        return loads

    def write(self, vals):
        check_fields(self, vals, self._caller_fields)
        if not self.env.su and self.filtered(
            # With some numbers written it is what it is: Start goes on.
            lambda load: load.state not in ("draft", "failed") or load.position
        ):
            raise UserError(
                self.env._("It is done or under way: make another one instead.")
            )
        result = super().write(vals)
        if not self.env.su:
            self.check_access("write")
            self.campaign_id.check_access("read")
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_only_unused(self):
        for load in self:
            if load.check_id or load.state == "waiting":
                raise UserError(
                    self.env._(
                        "%s is the proof of a consultation and is kept.",
                        load.display_name,
                    )
                )

    # ACTIONS

    def action_start(self):
        """Export or load, in the background."""
        self.check_access("write")
        for load in self:
            if load.state not in ("draft", "failed"):
                raise UserError(
                    self.env._("%s is done or under way.", load.display_name)
                )
            if load.kind == "load":
                load._check_loadable()
            load.sudo().write({"state": "waiting", "error": False})
        self.env.ref("telemarketing_base.cron_robinson_load").sudo()._trigger()
        return True

    def action_view_numbers(self):
        self.ensure_one()
        return self.check_id.action_view_numbers()

    def _check_loadable(self):
        self.ensure_one()
        # Its size only: the file itself may be larger than memory.
        if not self.with_context(bin_size=True).file:
            raise UserError(self.env._("Choose a file first."))
        if not self.asked_at or self.asked_at > self.env["telemarketing.clock"]._now():
            raise UserError(
                self.env._(
                    "Say when the list was consulted: a day and time that are past."
                )
            )
        if self.covers == "export" and (
            self.export_id.kind != "export" or self.export_id.state != "done"
        ):
            raise UserError(self.env._("Choose the export that the file answers."))
        with self._open("file") as stream:
            try:
                check_file(stream)
                detect_format(stream)
            except FileError as error:
                raise UserError(self._reason(error.code)) from error

    def _reason(self, code):
        return self.env._(REASONS[code])

    @contextmanager
    def _open(self, name):
        """The file as a stream from the filestore: it may be larger than memory."""
        attachment = (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_id", "=", self.id),
                    ("res_field", "=", name),
                ],
                limit=1,
            )
        )
        path = attachment.store_fname and attachment._full_path(attachment.store_fname)
        if path and os.path.exists(path):
            with open(path, "rb") as stream:
                yield stream
        else:
            yield io.BytesIO(attachment.raw or b"")

    # IN THE BACKGROUND

    @api.model
    def _cron_run(self):
        for load in self.sudo().search([("state", "=", "waiting")], order="id"):
            if not load.try_lock_for_update(allow_referencing=True):
                continue
            user = load.user_id
            load = (
                load.with_user(user)
                .with_context(lang=user.lang)
                .with_company(load.company_id)
                .sudo()
            )
            try:
                if load.kind == "export":
                    load._export()
                else:
                    load._load()
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                load._roll_back()
                self.env.ref("telemarketing_base.cron_robinson_load")._trigger()
                load._commit()
            except FileError as error:
                load._fail(load._reason(error.code))
            except UserError as error:
                load._fail(str(error))
            except Exception as error:  # a bad file must not stop the others
                _logger.exception("Lista Robinson file %s failed", load.id)
                load._fail(
                    load.env._(
                        "It stopped: %s. Start goes on from where it was.", error
                    )
                )

    def _roll_back(self):
        result = super()._roll_back()
        self.env.invalidate_all(flush=False)
        return result

    def _fail(self, text):
        self._roll_back()
        self.write({"state": "failed", "error": text})
        self.check_id.write({"state": "error", "error": text})
        self._commit()

    def _commit(self, remaining=0):
        self._keep_chunk(1, remaining)

    # EXPORT

    def _export(self):
        self.ensure_one()
        service = self.env["telemarketing.robinson.service"]
        service._flush()
        if self.what == "due":
            numbers = service._waiting(self.company_id, self.campaign_id or None)
        elif self.campaign_id:
            numbers = SQL(
                """SELECT p.number_id FROM telemarketing_contact_phone p
                   JOIN telemarketing_target t ON t.contact_id = p.contact_id
                   WHERE t.campaign_id = %s AND t.state NOT IN ('done', 'excluded')
                     AND p.state = 'ok'""",
                self.campaign_id.id,
            )
        else:
            numbers = SQL(
                "SELECT id FROM telemarketing_number"
                " WHERE company_id = %s AND state = 'ok' AND kind <> 'premium'",
                self.company_id.id,
            )
        value = SQL("encode(%s, 'hex')", HASH)
        if self.layout == "phones":
            value = SQL("n.e164")
        # In no order that would tell when who was loaded.
        query = SQL(
            """COPY (SELECT %s FROM telemarketing_number n
                     WHERE n.company_id = %s AND n.id IN (%s) ORDER BY %s) TO STDOUT""",
            value,
            self.company_id.id,
            numbers,
            HASH,
        )
        with tempfile.TemporaryFile() as spool:
            self.env.cr.copy_expert(self.env.cr.mogrify(query).decode(), spool)
            lines = self.env.cr.rowcount
            spool.seek(0)
            content = spool.read()
        if not lines:
            raise UserError(self.env._("There is no number to consult."))
        at = fields.Datetime.context_timestamp(
            self, self.env["telemarketing.clock"]._now()
        )
        self.write(
            {
                "state": "done",
                "file": base64.b64encode(content),
                "filename": f"robinson-{at:%Y%m%d-%H%M}-{self.id}.csv",
                "sha256": hashlib.sha256(content).hexdigest(),
                "line_count": lines,
                "progress": 100.0,
            }
        )
        self._commit()

    # LOAD

    def _load(self):
        self.ensure_one()
        self._check_loadable()
        self._prepare()
        self._commit(1)
        cr = self.env.cr
        cr.execute("SELECT count(*), max(id) FROM telemarketing_robinson_plan")
        total, last = cr.fetchone()
        done = 0
        while self.position < (last or 0):
            done += self._write_chunk()
            self.progress = min(99.0, 100.0 * done / total)
            self._commit(1)
        self._finish()
        self._commit()

    def _prepare(self):
        """File and export into temporary tables, and from them the plan: which of our
        numbers are in the list, which are not. The numbers are only read."""
        cr = self.env.cr
        self.env["telemarketing.number"].flush_model()
        self._drop_tables()
        for table in ("file", "export"):
            cr.execute(
                SQL(
                    "CREATE TEMP TABLE %s (hash bytea NOT NULL, present bool NOT NULL)",
                    SQL.identifier(f"telemarketing_robinson_{table}"),
                )
            )
        with self._open("file") as stream:
            check_file(stream)
            digest = hashlib.sha256()
            while piece := stream.read(1 << 20):
                digest.update(piece)
            self.sha256 = digest.hexdigest()
            stream.seek(0)
            known = detect_format(stream)
            stream.seek(0)
            lines = _Lines(parse_file(stream, known))
            self._copy("telemarketing_robinson_file", lines)
        self.write(
            {
                "line_count": lines.good + lines.bad,
                "bad_count": lines.bad,
                "bad_lines": "\n".join(
                    self.env._(
                        "Line %(line)s: %(why)s",
                        line=line.number,
                        why=self._reason(line.problem),
                    )
                    for line in lines.shown
                ),
            }
        )
        if not lines.good:
            raise FileError("file_empty")
        if self.covers == "export":
            with self.export_id._open("file") as stream:
                kind = "hash" if self.export_id.layout == "hashes" else "phone"
                known = FileFormat(kind, 0, None)
                self._copy(
                    "telemarketing_robinson_export", _Lines(parse_file(stream, known))
                )
        cr.execute("ANALYZE telemarketing_robinson_file")
        cr.execute("ANALYZE telemarketing_robinson_export")
        covered = {
            "listed": SQL("f.hash IS NOT NULL"),
            "all": SQL("TRUE"),
            "export": SQL(
                "(f.hash IS NOT NULL"
                " OR m.hash IN (SELECT hash FROM telemarketing_robinson_export))"
            ),
        }[self.covers]
        # A hash that the file says both of is in the list.
        cr.execute(
            SQL(
                """CREATE TEMP TABLE telemarketing_robinson_plan AS
                   SELECT m.id, COALESCE(f.present, false) AS present
                   FROM (SELECT n.id, %(hash)s AS hash FROM telemarketing_number n
                         WHERE n.company_id = %(company)s) AS m
                   LEFT JOIN (SELECT hash, bool_or(present) AS present
                              FROM telemarketing_robinson_file GROUP BY hash) AS f
                          ON f.hash = m.hash
                   WHERE %(covered)s
                   ORDER BY m.id""",
                hash=HASH,
                company=self.company_id.id,
                covered=covered,
            )
        )
        cr.execute("CREATE UNIQUE INDEX ON telemarketing_robinson_plan (id)")
        cr.execute("ANALYZE telemarketing_robinson_plan")
        self._check_plausible()
        self.check_id.write({"state": "running", "error": False})
        if not self.check_id:
            self.check_id = self.env["telemarketing.robinson.check"].create(
                {
                    "company_id": self.company_id.id,
                    "at": self.asked_at,
                    "route": "file",
                    "state": "running",
                    "hash_count": lines.good,
                    "proof": self.sha256,
                    "load_id": self.id,
                    "user_id": self.user_id.id,
                }
            )

    def _check_plausible(self):
        """A file of another channel or year would set everybody free to be called."""
        cr = self.env.cr
        cr.execute(
            "SELECT count(*), count(*) FILTER (WHERE present)"
            " FROM telemarketing_robinson_plan"
        )
        total, present = cr.fetchone()
        if not total:
            raise UserError(
                self.env._(
                    "None of our numbers is in the file: is it of another channel "
                    "(SMS, mail) or of other numbers? Nothing was written."
                )
            )
        if (
            self.covers != "listed"
            and total >= SUSPICIOUS
            and not present
            and not self.none_is_right
        ):
            raise UserError(
                self.env._(
                    "Not one of %(count)s numbers would be in the list, which is "
                    "nearly always a wrong file. Nothing was written. If it is right, "
                    "tick “Nobody in the List Is Right” and start again.",
                    count=total,
                )
            )

    def _copy(self, table, lines):
        query = SQL(
            "COPY %s (hash, present) FROM STDIN (FORMAT csv)", SQL.identifier(table)
        )
        self.env.cr.copy_expert(self.env.cr.mogrify(query).decode(), lines)

    def _write_chunk(self):
        """Write the next numbers of the plan and the position reached.

        What was learnt later than this file stays.
        """
        cr = self.env.cr
        if not modules.module.current_test:
            # Numbers that are being dialled are waited for, not stumbled over.
            cr.commit()  # pylint: disable=invalid-commit
            cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cr.execute(
            """WITH chosen AS (
                   SELECT id, present FROM telemarketing_robinson_plan
                   WHERE id > %(position)s ORDER BY id LIMIT %(chunk)s),
               written AS (
                   UPDATE telemarketing_number n
                   SET robinson = CASE WHEN chosen.present THEN 'present'
                                       ELSE 'absent' END,
                       robinson_since = CASE
                           WHEN NOT chosen.present THEN NULL
                           WHEN n.robinson IS DISTINCT FROM 'absent'
                           THEN n.robinson_since
                           -- an answer of the same instant is not an earlier one
                           WHEN n.robinson_at < %(at)s
                           THEN (n.robinson_at AT TIME ZONE 'UTC'
                                 AT TIME ZONE 'Europe/Madrid')::date + 1
                       END,
                       robinson_at = %(at)s, robinson_check_id = %(check)s,
                       write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
                   FROM chosen
                   WHERE n.id = chosen.id
                     AND (n.robinson_at IS NULL OR n.robinson_at <= %(at)s)
                   RETURNING n.robinson)
               SELECT (SELECT max(id) FROM chosen), (SELECT count(*) FROM chosen),
                      count(*), count(*) FILTER (WHERE robinson = 'present')
               FROM written""",
            {
                "position": self.position,
                "chunk": CHUNK,
                "at": self.asked_at,
                "check": self.check_id.id,
                "uid": self.env.uid,
            },
        )
        position, planned, written, present = cr.fetchone()
        self.env["telemarketing.number"].invalidate_model(
            ["robinson", "robinson_at", "robinson_since", "robinson_check_id"],
            flush=False,
        )
        self.write(
            {
                "position": position,
                "number_count": self.number_count + written,
                "present_count": self.present_count + present,
            }
        )
        return planned

    def _finish(self):
        """Only now: who may be called after this?"""
        self.check_id.write(
            {
                "state": "done",
                "asked_count": self.number_count,
                "present_count": self.present_count,
            }
        )
        self.write({"state": "done", "progress": 100.0})
        cr = self.env.cr
        targets = self.env["telemarketing.target"].sudo()
        cr.execute(
            "SELECT id FROM telemarketing_robinson_plan ORDER BY id LIMIT %s", [FEW + 1]
        )
        ids = [row[0] for row in cr.fetchall()]
        if len(ids) <= FEW:
            targets._refresh_gate(numbers=self.env["telemarketing.number"].browse(ids))
        else:
            targets._refresh_gate(companies=self.company_id)
        self._drop_tables()
        self.env["telemarketing.robinson.service"]._trigger()

    def _drop_tables(self):
        for table in ("file", "export", "plan"):
            self.env.cr.execute(
                SQL(
                    "DROP TABLE IF EXISTS %s",
                    SQL.identifier("pg_temp", f"telemarketing_robinson_{table}"),
                )
            )


class _Lines:
    """Parsed lines as what COPY reads; counts them, keeps the first bad ones."""

    def __init__(self, lines):
        self._lines = lines
        self.good = self.bad = 0
        self.shown = []

    def read(self, size=-1):  # pylint: disable=method-required-super
        wanted = 65536 if size is None or size < 0 else max(size, 128)
        pieces, length = [], 0
        for line in self._lines:
            if line.problem:
                self.bad += 1
                if len(self.shown) < SHOWN:
                    self.shown.append(line)
                continue
            self.good += 1
            pieces.append(f"\\x{line.hash},{'t' if line.present else 'f'}\n")
            length += 69
            if length + 69 > wanted:
                break
        return "".join(pieces)
