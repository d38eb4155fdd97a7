import base64
import logging
import tempfile
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from ..identity.nif import check_nif, parse_nif
from ..identity.phone import check_phone, parse_phone, split_phones
from ..importing import (
    REASONS,
    ReadError,
    open_table,
    suggest_mapping,
    write_returned,
)
from .chunk import log_failure, reason_of
from .exclusion import CHANNELS, MANAGER, OWN_WORD, SCOPES
from .exclusion import REASONS as WHY
from .guard import check_fields, without_defaults

_logger = logging.getLogger(__name__)

# Rows taken by one transaction: what a crash can make us do again, at most.
CHUNK = 5000
# Exclusions lifted by one.
LIFTED = 2000
# Rows that are looked at to tell what a column without a known heading holds.
LOOKED_AT = 200
SHOWN = 10
EDITABLE = ("draft", "preview")


class TelemarketingExclusionLoad(models.Model):
    """A file of numbers and NIFs that must not be called: read, previewed, loaded in
    the background; what is neither comes back as a file that says why.

    The position reached is written in the transaction of the rows themselves, so that
    a restart goes on where it was. The file is read as a stream and never kept whole.
    """

    _name = "telemarketing.exclusion.load"
    _inherit = ["telemarketing.sight.mixin", "telemarketing.chunk.mixin"]
    _description = "Loaded Exclusions"
    _order = "id desc"
    _rec_name = "filename"
    _sight_fields = ("campaign_id", "principal_id")
    # What a caller sets; the rest is the code's.
    _caller_fields = (
        *("company_id", "file", "filename", "sheet", "column_ids", "scope"),
        *("principal_id", "campaign_id", "reason", "channel", "source"),
    )

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    file = fields.Binary(attachment=True)
    filename = fields.Char(required=True)
    sheet = fields.Char(help="Of a workbook. Empty: the first that holds anything.")
    sheets = fields.Char("Sheets of the File", readonly=True)
    column_ids = fields.One2many("telemarketing.exclusion.load.column", "load_id")
    scope = fields.Selection(SCOPES, required=True, default="all")
    principal_id = fields.Many2one(
        "res.partner",
        "Client Company",
        domain="[('telemarketing_is_principal', '=', True)]",
    )
    campaign_id = fields.Many2one("telemarketing.campaign")
    reason = fields.Selection(WHY, required=True, default="objection")
    channel = fields.Selection(
        [pair for pair in CHANNELS if pair[0] != "blacklist"],
        required=True,
        default="file",
    )
    source = fields.Char(help="Who gave us the file, and when.")
    state = fields.Selection(
        [
            ("draft", "Uploaded"),
            ("preview", "Previewed"),
            ("loading", "Loading"),
            ("done", "Loaded"),
            ("stopped", "Stopped"),
            ("failed", "Failed"),
            ("lifting", "Being Lifted"),
            ("lifted", "Lifted"),
        ],
        required=True,
        default="draft",
        readonly=True,
    )
    total = fields.Integer("Rows", readonly=True)
    found = fields.Integer("Rows with Number or NIF", readonly=True)
    bad = fields.Integer("Rows with Neither", readonly=True)
    bad_sample = fields.Text("For Example", readonly=True)
    position = fields.Integer("Rows Done", readonly=True)
    excluded = fields.Integer(readonly=True, help="New exclusions made.")
    already = fields.Integer("Excluded Already", readonly=True)
    progress = fields.Float(compute="_compute_progress")
    stop_asked = fields.Boolean(readonly=True)
    error = fields.Text(readonly=True)
    started_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    returned_file = fields.Binary(attachment=True, readonly=True)
    returned_name = fields.Char(readonly=True)
    lifted_reason = fields.Char(readonly=True)
    # Who pressed Load, or Lift: perhaps not who uploaded the file. Proof names him.
    asked_by_id = fields.Many2one("res.users", "Asked by", readonly=True, copy=False)

    @api.depends("position", "total")
    def _compute_progress(self):
        for load in self:
            load.progress = 100.0 * load.position / load.total if load.total else 0.0

    # CRUD

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, self._caller_fields)
        self = without_defaults(self, self._caller_fields)
        return super().create(vals_list)

    def write(self, vals):
        check_fields(self, vals, self._caller_fields)
        if not self.env.su and self.filtered(lambda load: load.state not in EDITABLE):
            self.check_access("write")
            raise UserError(self.env._("What is being loaded does not change."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_only_unused(self):
        for load in self:
            if load.excluded or load.state == "loading":
                raise UserError(
                    self.env._(
                        "%s was loaded: its exclusions name it as where they come "
                        "from.",
                        load.filename,
                    )
                )

    # STEPS

    def action_read(self):
        """Read the file, propose what its columns are, count what is in it."""
        self.check_access("write")
        for load in self.sudo():
            if load.state not in EDITABLE:
                raise UserError(
                    load.env._("%s has been loaded already.", load.filename)
                )
            if not load.file:
                raise UserError(load.env._("Choose a file first."))
            with load._open_file() as table:
                targets = load._suggest(table)
                samples = [row for _number, row in _first(table.rows(), 3)]
                load.column_ids.unlink()
                load.write(
                    {
                        "state": "preview",
                        "sheets": ", ".join(table.sheets),
                        "sheet": load.sheet or table.sheet,
                        "column_ids": [
                            fields.Command.create(
                                {
                                    "sequence": place,
                                    "heading": heading,
                                    "target": target,
                                    "sample": " · ".join(
                                        str(row[place])
                                        for row in samples
                                        if row[place] not in (None, "")
                                    )[:120],
                                }
                            )
                            for place, (heading, target) in enumerate(
                                zip(table.headings, targets, strict=True)
                            )
                        ],
                    }
                )
                load._count(table)
        return True

    def action_count(self):
        """Count again, with the columns as they are set now."""
        self.check_access("write")
        for load in self.sudo():
            if load.state != "preview":
                raise UserError(load.env._("Read the file first."))
            with load._open_file() as table:
                load._count(table)
        return True

    def action_load(self):
        """Load in the background; the form shows how far it is."""
        self.ensure_one()
        self.check_access("write")
        self._check_in_sight()
        load = self.sudo()
        if load.state == "draft":
            self.action_read()
        if load.state not in ("preview", "stopped", "failed"):
            raise UserError(
                self.env._("%s is being loaded or is loaded.", load.filename)
            )
        if not any(load._targets()):
            raise UserError(
                self.env._("Say which column holds telephones or which holds NIFs.")
            )
        if load.scope == "campaign" and not load.campaign_id:
            raise UserError(self.env._("Say which campaign is excluded."))
        if load.scope == "principal" and not load.principal_id:
            raise UserError(
                self.env._("Say for which client company they must not be called.")
            )
        values = {
            "state": "loading",
            "asked_by_id": self.env.uid,
            "stop_asked": False,
            "error": False,
        }
        if not load.position:
            values |= {"started_at": fields.Datetime.now(), "bad": 0, "found": 0}
        load.write(values)
        self.env.ref("telemarketing_base.cron_exclusion_load").sudo()._trigger()
        return True

    def action_stop(self):
        """Stop after the rows at hand; what is loaded stays."""
        self.check_access("write")
        self.sudo().filtered(lambda load: load.state == "loading").stop_asked = True
        return True

    def action_lift(self, reason):
        """Lift all that this file excluded and still stands, in the background."""
        reason = self.env["telemarketing.exclusion"]._check_reason(reason)
        self.check_access("write")
        for load in self.sudo():
            everywhere = load.scope == "all" and load.reason in OWN_WORD
            if everywhere and not self.env.su and not self.env.user.has_group(MANAGER):
                raise AccessError(
                    self.env._(
                        "%s holds everywhere because these people asked for it: ask a "
                        "manager to lift it.",
                        load.filename,
                    )
                )
            if load.state not in ("done", "stopped", "failed"):
                raise UserError(self.env._("%s has not been loaded.", load.filename))
            load.write(
                {
                    "state": "lifting",
                    "lifted_reason": reason,
                    "asked_by_id": self.env.uid,
                }
            )
            _logger.info("exclusion load %s: lifted by user %s", load.id, self.env.uid)
        self.env.ref("telemarketing_base.cron_exclusion_load").sudo()._trigger()
        return True

    def action_open_exclusions(self):
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "telemarketing_base.action_telemarketing_exclusion"
            ),
            "domain": [("load_id", "=", self.id)],
            "context": {},
        }

    # READING

    def _open_file(self):
        self.ensure_one()
        data = base64.b64decode(self.with_context(bin_size=False).file or b"")
        return _OpenFile(self, data)

    def _targets(self):
        return [column.target or None for column in self.column_ids]

    def _suggest(self, table):
        """'phone', 'vat' or None for each column: by its heading, else by what stands
        in it."""
        suggested = [
            target if target in ("phone", "vat") else None
            for target in suggest_mapping(table.headings)
        ]
        if any(suggested):
            return suggested
        rows = [row for _number, row in _first(table.rows(), LOOKED_AT)]
        for place in range(len(table.headings)):
            cells = [row[place] for row in rows if row[place] not in (None, "")]
            for target, parse in (("phone", parse_phone), ("vat", parse_nif)):
                if cells and sum(bool(parse(cell)) for cell in cells) * 2 > len(cells):
                    suggested[place] = target
                    break
        return suggested

    def _count(self, table):
        targets = self._targets()
        total = found = 0
        sample = []
        try:
            for number, row in table.rows():
                total += 1
                phones, vats = _read_row(row, targets)
                if phones or vats:
                    found += 1
                elif len(sample) < SHOWN:
                    sample.append(f"{number}: {self._why_bad(row, targets)}")
        except ReadError as error:
            raise UserError(self._text(error.problem)) from error
        self.write(
            {
                "total": total,
                "found": found,
                "bad": total - found,
                "bad_sample": "\n".join(sample),
            }
        )

    def _text(self, problem):
        return problem.text(lambda source: self.env._(source), REASONS)  # pylint: disable=translation-not-lazy

    def _why_bad(self, row, targets):
        """Why this row excludes nobody, in a sentence."""
        reasons = []
        for cell, target in zip(row, targets, strict=False):
            if target and cell not in (None, ""):
                check = check_phone if target == "phone" else check_nif
                reasons.append(self._text(check(cell)[1]))
        return "; ".join(reasons) or self.env._("Neither telephone nor NIF")

    # LOADING

    @api.model
    def _cron_load(self):
        """Load, and lift, what waits; in transactions of so many rows."""
        self._work_in_turns(
            ["loading", "lifting"], "telemarketing_base.cron_exclusion_load"
        )

    @api.private
    def _asker(self):
        return self.asked_by_id or super()._asker()

    @api.private
    def _fail(self, error):
        if isinstance(error, ReadError):
            why = self._text(error.problem)
        else:
            log_failure(_logger, "exclusion load", self, error)
            why = reason_of(error)
        text = self.env._(
            "It stopped after row %(row)s: %(why)s. It goes on from there when "
            "Load is pressed again.",
            row=self.position,
            why=why,
        )
        self.write({"state": "failed", "error": text})

    def _commit_chunk(self, done):
        self._keep_chunk(done, max(0, self.total - self.position))
        # What one chunk read is of no use to the next: memory stays as it is.
        self.env.invalidate_all()

    @api.private
    def _load(self):
        for _piece in self._steps():
            pass

    @api.private
    def _steps(self):
        self.ensure_one()
        if self.state == "lifting":
            self._lift()
            return
        targets = self._targets()
        with self._open_file() as table:
            place, chunk = 0, []
            for number, row in table.rows():
                place += 1
                if place <= self.position:
                    continue
                chunk.append((number, row))
                if len(chunk) >= CHUNK:
                    self._load_chunk(chunk, targets)
                    chunk = []
                    if self.stop_asked:
                        self.state = "stopped"
                        self._commit_chunk(0)
                        return
                    yield place
            if chunk:
                self._load_chunk(chunk, targets)
            self._write_returned(table, targets)
        self.write({"state": "done", "finished_at": fields.Datetime.now()})
        self._commit_chunk(0)

    def _load_chunk(self, chunk, targets):
        """Exclude these rows and write the position reached, then commit."""
        phones, vats, found = {}, {}, 0
        for number, row in chunk:
            row_phones, row_vats = _read_row(row, targets)
            found += bool(row_phones or row_vats)
            for phone in row_phones:
                phones.setdefault(phone.e164, (phone, number))
            for vat in row_vats:
                vats.setdefault(vat, number)
        numbers = self.env["telemarketing.number"]._get_or_create(
            self.company_id, [phone for phone, _number in phones.values()]
        )
        known_numbers, known_vats = self._known(list(numbers.values()), list(vats))
        wanted = [
            (numbers[e164], e164, None, number)
            for e164, (_phone, number) in phones.items()
            if numbers[e164] not in known_numbers
        ] + [
            (None, None, vat, number)
            for vat, number in vats.items()
            if vat not in known_vats
        ]
        Exclusion = self.env["telemarketing.exclusion"]
        # What stands in one row of the file is one person: one reference.
        rows = sorted({number for *_who, number in wanted})
        references = Exclusion._references(len(rows)) if rows else []
        reference_of = dict(zip(rows, references, strict=True))
        added = Exclusion._record_many(
            self.company_id,
            [
                (number_id, e164, vat, reference_of[row], self._source_of(row))
                for number_id, e164, vat, row in wanted
            ],
            scope=self.scope,
            principal_id=self.scope == "principal" and self.principal_id.id,
            campaign_id=self.scope == "campaign" and self.campaign_id.id,
            reason=self.reason,
            channel=self.channel,
            load_id=self.id,
        )
        self.write(
            {
                "position": self.position + len(chunk),
                "found": self.found + found,
                "bad": self.bad + len(chunk) - found,
                "excluded": self.excluded + len(added),
                "already": self.already + len(phones) + len(vats) - len(added),
            }
        )
        self._commit_chunk(len(chunk))

    def _source_of(self, row):
        text = self.env._("%(file)s, row %(row)s", file=self.filename, row=row)
        return f"{self.source}: {text}" if self.source else text

    def _known(self, numbers, vats):
        """Which of these stand already in the same way: ``(number ids, NIFs)``."""
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT number_id, vat FROM telemarketing_exclusion
               WHERE lifted_at IS NULL AND company_id = %(company)s
                 AND scope = %(scope)s AND reason = %(reason)s
                 AND principal_id IS NOT DISTINCT FROM %(principal)s
                 AND campaign_id IS NOT DISTINCT FROM %(campaign)s
                 AND (number_id = ANY(%(numbers)s)
                      OR number_id IS NULL AND vat = ANY(%(vats)s))""",
            {
                "company": self.company_id.id,
                "scope": self.scope,
                "reason": self.reason,
                "principal": self.principal_id.id
                if self.scope == "principal"
                else None,
                "campaign": self.campaign_id.id if self.scope == "campaign" else None,
                "numbers": numbers,
                "vats": vats,
            },
        )
        found = self.env.cr.fetchall()
        return {row[0] for row in found if row[0]}, {
            row[1] for row in found if not row[0]
        }

    def _write_returned(self, table, targets):
        """Rows with neither number nor NIF, with the same columns and *Motivo*."""
        if not self.bad:
            return
        fmt = "csv" if table.kind == "csv" else "xlsx"
        content = write_returned(
            (
                (row, self._why_bad(row, targets))
                for _number, row in table.rows()
                if not any(_read_row(row, targets))
            ),
            table.headings,
            fmt,
            separator=table.separator or ";",
        )
        stem = self.filename.rsplit(".", 1)[0]
        self.write(
            {
                "returned_file": base64.b64encode(content),
                "returned_name": f"{stem}-{self.env._('returned')}.{fmt}",
            }
        )

    def _lift(self):
        domain = Domain("load_id", "=", self.id) & Domain("in_force", "=", True)
        Exclusion = self.env["telemarketing.exclusion"]
        while standing := Exclusion.search(domain, limit=LIFTED, order="id"):
            standing._lift(self.lifted_reason)
            self._commit_chunk(len(standing))
        self.state = "lifted"
        self._commit_chunk(0)

    @api.autovacuum
    def _gc_files(self):
        """Uploaded and returned files go after the company's days."""
        ended = Domain("state", "in", ("done", "failed", "stopped", "lifted")) & (
            Domain("file", "!=", False) | Domain("returned_file", "!=", False)
        )
        gone = 0
        for (company,) in self.sudo()._read_group(ended, ["company_id"]):
            before = fields.Datetime.now() - timedelta(
                days=company.telemarketing_erase_uploads_days
            )
            old = self.sudo().search(
                ended
                & Domain("company_id", "=", company.id)
                & Domain("create_date", "<", before),
                limit=100,
            )
            old.write({"file": False, "returned_file": False, "bad_sample": False})
            gone += len(old)
        return gone, False


class TelemarketingExclusionLoadColumn(models.Model):
    """What a column of the file is."""

    _name = "telemarketing.exclusion.load.column"
    _description = "Column of Loaded Exclusions"
    _order = "sequence, id"
    _rec_name = "heading"

    load_id = fields.Many2one(
        "telemarketing.exclusion.load", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(
        related="load_id.company_id", store=True, precompute=True
    )
    sequence = fields.Integer()
    heading = fields.Char(readonly=True)
    sample = fields.Char("First Values", readonly=True)
    target = fields.Selection(
        [("phone", "Telephone"), ("vat", "NIF")],
        string="Is",
        help="Empty: the column is left out.",
    )

    def write(self, vals):
        check_fields(self, vals, ("target",))
        if not self.env.su:
            self.check_access("write")
            if self.sudo().load_id.filtered(lambda load: load.state not in EDITABLE):
                raise UserError(self.env._("What is being loaded does not change."))
        return super().write(vals)


class _OpenFile:
    """The file's table while it is open, read from the disk and not from memory."""

    def __init__(self, load, data):
        self.load = load
        self.spool = tempfile.NamedTemporaryFile()  # noqa: SIM115
        self.spool.write(data)
        self.spool.flush()

    def __enter__(self):
        load = self.load
        try:
            return open_table(
                self.spool.name,
                load.filename,
                sheet=load.sheet or None,
                bare=True,
                limits=load.company_id._telemarketing_limits(),
            )
        except ReadError as error:
            self.spool.close()
            raise UserError(load._text(error.problem)) from error

    def __exit__(self, *_error):
        self.spool.close()


def _first(rows, count):
    for _place, row in zip(range(count), rows, strict=False):
        yield row


def _read_row(row, targets):
    """``(phones, NIFs)`` in the columns that hold them; several phones in a cell are
    several phones."""
    phones, vats = [], []
    for cell, target in zip(row, targets, strict=False):
        if not target or cell in (None, ""):
            continue
        if target == "vat":
            nif = parse_nif(cell)
            if nif:
                vats.append(nif.number)
        else:
            parsed = map(parse_phone, split_phones(cell))
            phones += [phone for phone in parsed if phone]
    return phones, vats
