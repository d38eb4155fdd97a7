"""The evidence of a campaign's calls as a file, for an inspector or the principal."""

import csv
import hashlib
import io
import json
import logging
import re
import tempfile
import zipfile
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..importing.returned import neutralise
from .evidence import UTC
from .guard import check_fields, without_defaults

_logger = logging.getLogger(__name__)

#: Calls of one ZIP: what one transaction makes and one attachment holds.
VOLUME = 20_000
#: Calls gathered at a time: what is in memory.
SLICE = 500
# A number in its international form starts with a plus and runs nothing.
_NUMBER = re.compile(r"\+[0-9]{4,20}")


def cell(value):
    """A value as a cell of the CSV: nothing that a spreadsheet would run."""
    if value is None or value is False:
        return ""
    if not isinstance(value, str):
        return str(value)
    return value if _NUMBER.fullmatch(value) else neutralise(value)


class _Member:
    """A file on disk that will stand in the ZIP; keeps its SHA-256."""

    def __init__(self, name):
        self.name = name
        self.sha256 = hashlib.sha256()
        self.spool = tempfile.SpooledTemporaryFile(max_size=1 << 20)

    def put(self, text):
        data = text.encode("utf-8", "replace")
        self.sha256.update(data)
        self.spool.write(data)

    def put_into(self, archive):
        self.spool.seek(0)
        with archive.open(self.name, "w", force_zip64=True) as place:
            while chunk := self.spool.read(1 << 16):
                place.write(chunk)
        self.spool.close()


class TelemarketingEvidenceFile(models.Model):
    """Evidence of the calls of one campaign between two days: asked for here, made in
    the background, deleted after the company's days.

    ZIPs of at most ``VOLUME`` calls: a crash makes one again, not all of them. Nobody
    writes here by hand, so what is downloaded is what was made.
    """

    _name = "telemarketing.evidence.file"
    _inherit = ["telemarketing.chunk.mixin"]
    _description = "Evidence File"
    _order = "id desc"
    _rec_name = "campaign_id"

    campaign_id = fields.Many2one(
        "telemarketing.campaign", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        related="campaign_id.company_id", store=True, precompute=True, index=True
    )
    date_from = fields.Date(
        "From",
        required=True,
        default=lambda self: self._today().replace(day=1),
        help="Day of the company on which the first calls were dialled.",
    )
    date_to = fields.Date(
        "To", required=True, default=lambda self: self._today(), help="Inclusive."
    )
    state = fields.Selection(
        [
            ("queued", "Waiting"),
            ("running", "Being made"),
            ("done", "Ready"),
            ("failed", "Failed"),
            ("deleted", "Deleted"),
        ],
        required=True,
        readonly=True,
        default="queued",
        index=True,
    )
    total = fields.Integer("Calls", readonly=True)
    done = fields.Integer("Calls Done", readonly=True)
    progress = fields.Float(compute="_compute_progress")
    position = fields.Integer(readonly=True, help="The last call that is in a ZIP.")
    volumes = fields.Integer("Files", readonly=True)
    attachment_ids = fields.One2many(
        "ir.attachment",
        "res_id",
        "Download",
        domain=[("res_model", "=", "telemarketing.evidence.file")],
        readonly=True,
    )
    error = fields.Text(readonly=True)
    finished_at = fields.Datetime("Ready on", readonly=True)
    keep_until = fields.Date(
        readonly=True, help="Deleted after this day: it is full of personal data."
    )
    create_uid = fields.Many2one("res.users", "Asked for by", readonly=True)

    _in_order = models.Constraint(
        "CHECK (date_from <= date_to)", "The period ends before it begins."
    )

    _caller_create_fields = ("campaign_id", "date_from", "date_to")

    @api.model
    def _today(self):
        return self.env["telemarketing.clock"]._now().date()

    @api.depends("campaign_id.name", "date_from", "date_to")
    def _compute_display_name(self):
        for file in self:
            if not file.campaign_id:
                file.display_name = self.env._("New")
                continue
            file.display_name = self.env._(
                "%(campaign)s, %(first)s to %(last)s",
                campaign=file.campaign_id.name,
                first=file.date_from,
                last=file.date_to,
            )

    @api.depends("total", "done", "state")
    def _compute_progress(self):
        for file in self:
            if file.state in ("done", "deleted"):
                file.progress = 100.0
            else:
                file.progress = 100.0 * file.done / file.total if file.total else 0.0

    @api.constrains("date_from", "date_to")
    def _check_period(self):
        for file in self:
            if (file.date_to - file.date_from).days > 3 * 366:
                raise ValidationError(
                    self.env._("Ask for three years at most at a time.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, self._caller_create_fields)
        self = without_defaults(self, self._caller_create_fields)
        files = super().create(vals_list)
        for file in files.sudo():
            file.total = file._count_left()
        self.env.ref("telemarketing_base.cron_evidence_file").sudo()._trigger()
        return files

    @api.ondelete(at_uninstall=False)
    def _never_unlink(self):
        raise UserError(
            self.env._(
                "Who took which evidence stays on record; the files themselves are "
                "deleted when their days are over."
            )
        )

    def action_retry(self):
        """On from the last ZIP that was made."""
        self.check_access("read")
        self.browse().check_access("create")
        self.sudo().filtered(lambda f: f.state == "failed").write(
            {"state": "queued", "error": False}
        )
        self.env.ref("telemarketing_base.cron_evidence_file").sudo()._trigger()
        return True

    # MAKING

    @api.private
    def _cron_make(self):
        """Make what waits, one ZIP and one transaction after the other."""
        for file in self.search(
            [("state", "in", ("queued", "running"))], order="id", limit=50
        ):
            if not file.try_lock_for_update(allow_referencing=True):
                continue
            asker = file.create_uid
            # In the language of who asked; he was allowed to ask.
            file = file.with_context(lang=asker.lang).with_company(file.company_id)
            try:
                while file._make_volume():
                    if not file._commit_volume():
                        return
                file._commit_volume()
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                file._roll_back()
                self.env.ref("telemarketing_base.cron_evidence_file")._trigger()
            except Exception as error:  # one file must not stop the others
                file._roll_back()
                _logger.exception("evidence file %s failed", file.id)
                file.write({"state": "failed", "error": str(error)})
                file._commit_volume()

    def _commit_volume(self):
        """:return: may the cron go on?"""
        left = max(0, self.total - self.done) if self.state == "running" else 0
        return self._keep_chunk(1, left)

    def _period(self):
        """The period's first instant and the first after it, UTC."""
        zone = ZoneInfo(self.company_id.partner_id.tz or "Europe/Madrid")

        def start(day):
            local = datetime.combine(day, time(), zone)
            return local.astimezone(UTC).replace(tzinfo=None)

        return start(self.date_from), start(self.date_to + timedelta(days=1))

    def _calls(self, what, more=""):
        """Closed calls of the campaign in the period, by a bounded query.

        :param str what: columns, a constant of this class
        :param str more: further conditions and order, a constant of this class
        """
        first, after = self._period()
        self.env.flush_all()
        self.env.cr.execute(  # pylint: disable=sql-injection
            f"""SELECT {what} FROM telemarketing_interaction
                WHERE campaign_id = %(campaign)s AND is_call AND state = 'done'
                  AND training IS NOT TRUE
                  AND started_at >= %(first)s AND started_at < %(after)s {more}""",
            {
                "campaign": self.campaign_id.id,
                "first": first,
                "after": after,
                "position": self.position,
                "volume": VOLUME,
            },
        )
        return self.env.cr.fetchall()

    def _make_volume(self):
        """The next ZIP.

        :return: is there another to make?
        """
        self.ensure_one()
        now = self.env["telemarketing.clock"]._now()
        if self.state == "queued":
            self.write({"state": "running", "total": self.done + self._count_left()})
        ids = [
            row[0]
            for row in self._calls(
                "id", "AND id > %(position)s ORDER BY id LIMIT %(volume)s"
            )
        ]
        last = len(ids) < VOLUME
        if ids or not self.volumes:
            number = self.volumes + 1
            self.env["ir.attachment"].create(
                {
                    "name": self._filename(number),
                    "raw": self._zip(ids, number, now),
                    "mimetype": "application/zip",
                    "res_model": self._name,
                    "res_id": self.id,
                }
            )
            self.write(
                {
                    "volumes": number,
                    "done": self.done + len(ids),
                    "position": ids[-1] if ids else self.position,
                }
            )
        if last:
            days = self.company_id.telemarketing_evidence_days
            self.write(
                {
                    "state": "done",
                    "total": self.done,
                    "finished_at": now,
                    "keep_until": now.date() + timedelta(days=days),
                }
            )
        return not last

    def _count_left(self):
        return self._calls("count(*)", "AND id > %(position)s")[0][0]

    def _filename(self, number):
        name = re.sub(r"[^\w-]+", "-", self.campaign_id.name).strip("-")[:40]
        return f"evidence-{name}-{self.date_from}-{self.date_to}-{number}.zip"

    def _zip(self, ids, number, now):
        """Bytes of one ZIP. Rows pass through files on disk, ``SLICE`` calls at a
        time in memory."""
        columns = self.env["telemarketing.evidence"]._columns()
        table, lines = _Member("calls.csv"), _Member("calls.jsonl")
        scripts, checks = set(), set()
        # UTF-8 with its mark, which every Excel understands.
        table.put("\ufeff" + self._csv_line([label for _key, label in columns]))
        for start in range(0, len(ids), SLICE):
            calls = self.env["telemarketing.interaction"].browse(
                ids[start : start + SLICE]
            )
            for values in self.env["telemarketing.evidence"]._of(calls):
                table.put(self._csv_line([values[key] for key, _label in columns]))
                lines.put(json.dumps(values, ensure_ascii=False) + "\n")
                scripts.update(
                    int(line["key"].split(":")[0]) for line in values["script_lines"]
                )
                scripts.add(values["script_version_id"])
                checks.add(values["robinson_check_id"])
            self.env.invalidate_all()
        members = [
            table,
            lines,
            *self._script_members(scripts - {0}),
            *self._robinson_members(checks - {0}),
            self._readme(len(ids), number, now),
        ]
        manifest = _Member("SHA256SUMS")
        for member in members:
            manifest.put(f"{member.sha256.hexdigest()}  {member.name}\n")
        with tempfile.TemporaryFile() as spool:
            with zipfile.ZipFile(spool, "w", zipfile.ZIP_DEFLATED) as archive:
                for member in (*members, manifest):
                    member.put_into(archive)
            spool.seek(0)
            return spool.read()

    def _csv_line(self, values):
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=";", lineterminator="\r\n").writerow(
            [cell(value) for value in values]
        )
        return out.getvalue()

    def _script_members(self, ids):
        for version in self.env["telemarketing.script.version"].browse(sorted(ids)):
            member = _Member(f"scripts/{version.id}.json")
            member.put(
                json.dumps(
                    {
                        "id": version.id,
                        "script": version.script_id.name,
                        "number": version.number,
                        "saved_at": fields.Datetime.to_string(version.create_date),
                        "replaced_at": fields.Datetime.to_string(version.replaced_at)
                        or "",
                        "body": version.body or "",
                        "lines": version._confirm_list(),
                    },
                    ensure_ascii=False,
                    indent=1,
                )
            )
            yield member

    def _robinson_members(self, ids):
        """Of each consultation what proves it, without the other people it was about;
        each call's own part is with the call."""
        if not ids:
            return
        for check in self.env["telemarketing.robinson.check"].browse(sorted(ids)):
            member = _Member(f"robinson/{check.id}.json")
            member.put(
                json.dumps(
                    {
                        "id": check.id,
                        "at": fields.Datetime.to_string(check.at),
                        "route": check.route,
                        "hashes": check.hash_count,
                        "sha256_of_the_answer": check.proof or "",
                    },
                    ensure_ascii=False,
                    indent=1,
                )
            )
            yield member

    def _readme(self, count, number, now):
        member = _Member("README.txt")
        member.put(
            self.env._(
                "Evidence of the calls of the campaign %(campaign)s (%(company)s, on "
                "behalf of %(principal)s), dialled from %(first)s to %(last)s.\n"
                "File %(number)s: %(count)s calls.\n"
                "Made on %(now)s UTC for %(asker)s.\n\n"
                "calls.csv: a row for each call, separated by semicolons.\n"
                "calls.jsonl: the same and more, one JSON object a line.\n"
                "scripts/: each version of a script that was read.\n"
                "robinson/: each consultation of the Lista Robinson.\n"
                "SHA256SUMS: check with “sha256sum -c SHA256SUMS”.\n\n"
                "An empty cell: it was not recorded, or there was none.\n",
                campaign=self.campaign_id.name,
                company=self.company_id.name,
                principal=(self.campaign_id.principal_id or self.company_id).name,
                first=self.date_from,
                last=self.date_to,
                number=number,
                count=count,
                now=fields.Datetime.to_string(now),
                asker=self.create_uid.name,
            )
        )
        return member

    # RETENTION

    @api.autovacuum
    def _gc_files(self):
        """The ZIPs go after their days; who took them stays on record."""
        over = self.sudo().search(
            [("keep_until", "<", self._today()), ("state", "=", "done")], limit=200
        )
        over._forget_files()
        return len(over), len(over) == 200

    @api.private
    def _forget_files(self):
        self.env["ir.attachment"].sudo().search(
            [("res_model", "=", self._name), ("res_id", "in", self.ids)]
        ).unlink()
        self.write({"state": "deleted"})
