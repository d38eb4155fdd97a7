"""A file as it was loaded, rebuilt from what each person keeps of its row."""

import tempfile
import zipfile

from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..importing.original import write_table
from ..importing.staging import from_json, unique_headings

SUPERVISOR = "telemarketing_base.group_supervisor"
# Rows fetched at a time: what is in memory.
SLICE = 2000
# A sheet ends at 1,048,576 rows, the headings among them.
SHEET_ROWS = 1_048_575
MIMETYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}


class TelemarketingOriginal(models.AbstractModel):
    """Downloads of what was loaded.

    Rows come in the order of the file with its columns; people merged into others
    are among them, erased ones are not, nor are rows that never loaded.
    """

    _name = "telemarketing.original"
    _description = "Files as They Were Loaded"

    @api.model
    def _check_may(self, record):
        """Raise unless the caller may take these people away with him."""
        user = self.env.user
        if not self.env.su and (
            not user.has_group(SUPERVISOR) or user.telemarketing_only_agent
        ):
            raise AccessError(self.env._("Only supervisors download what was loaded."))
        record.check_access("read")

    @api.model
    def _action(self, record, field):
        """The download of the people whose ``field`` is this database or load."""
        record.ensure_one()
        self._check_may(record)
        self._check_any([(field, "=", record.id)])
        kind = field.removesuffix("_id")
        return {
            "type": "ir.actions.act_url",
            "url": f"/telemarketing/original/{kind}/{record.id}",
            "target": "download",
        }

    @api.model
    def _open(self, record, field):
        """See ``_make``; written down who took it.

        :return: ``(open temporary file, file name, MIME type)``
        """
        record.ensure_one()
        self._check_may(record)
        name = record[record._rec_name]
        *made, count = self._make([(field, "=", record.id)], name)
        self._log(record.campaign_id, name, count)
        return made

    @api.model
    def _people(self, domain):
        """Of these, those in the caller's sight that keep their row."""
        return (
            self.env["telemarketing.contact"]
            .with_context(active_test=False)
            ._search(
                [
                    *domain,
                    ("erased_at", "=", False),
                    ("import_id", "!=", False),
                    ("raw_values", "!=", False),
                ]
            )
        )

    @api.model
    def _jobs(self, domain):
        """The loaded files that these people come from, oldest first."""
        self.env.flush_all()
        query = self._people(domain)
        rows = self.env.execute_query(
            query.select(SQL("DISTINCT %s", SQL.identifier(query.table, "import_id")))
        )
        jobs = self.env["telemarketing.import"].browse([row[0] for row in rows])
        return jobs.sudo().sorted("id")

    @api.model
    def _check_any(self, domain):
        """Raise where nothing could be downloaded."""
        if not self._jobs(domain):
            raise UserError(
                self.env._(
                    "Nothing is kept of how these people were loaded: they were made "
                    "by hand, or the rows were deleted when their time was over."
                )
            )

    @api.model
    def _make(self, domain, name):
        """Write the file, or one per loaded file into a ZIP.

        :param list domain: of contacts
        :param str name: of the ZIP, without ``.zip``
        :return: ``(open temporary file at its beginning, file name, MIME type,
            people in it)``
        """
        self._check_any(domain)
        jobs = self._jobs(domain)
        if len(jobs) == 1:
            spool = tempfile.TemporaryFile()  # noqa: SIM115 the caller streams it
            fmt = self._fmt(jobs)
            count = write_table(self._lines(domain, jobs), spool, fmt, self._sep(jobs))
            return self._ready(spool, self._name_of(jobs, fmt), fmt, count)
        spool = tempfile.TemporaryFile()  # noqa: SIM115
        total, used = 0, set()
        with zipfile.ZipFile(spool, "w", zipfile.ZIP_DEFLATED) as archive:
            for job in jobs:
                fmt = self._fmt(job)
                member = self._name_of(job, fmt)
                if member in used:
                    member = f"{job.id}-{member}"
                used.add(member)
                with (
                    tempfile.TemporaryFile() as part,
                    archive.open(member, "w", force_zip64=True) as place,
                ):
                    total += write_table(
                        self._lines(domain, job), part, fmt, self._sep(job)
                    )
                    part.seek(0)
                    while block := part.read(1 << 16):
                        place.write(block)
        return self._ready(spool, f"{_file_name(name)}.zip", "zip", total)

    def _ready(self, spool, filename, fmt, count):
        spool.seek(0)
        return spool, filename, MIMETYPES[fmt], count

    def _fmt(self, job):
        came = (job.filename or "").rsplit(".", 1)[-1].lower()
        if came in ("xls", "xlsx", "xlsm", "ods") and job.total <= SHEET_ROWS:
            return "xlsx"
        return "csv"

    def _sep(self, job):
        return job.separator or ";"

    def _name_of(self, job, fmt):
        stem = (job.filename or "").rsplit(".", 1)[0]
        return f"{_file_name(stem)}.{fmt}"

    def _lines(self, domain, job):
        """The headings, then each row: cells as they were."""
        headings = [column.heading or "" for column in job.column_ids]
        keys = unique_headings(headings)
        yield headings
        query = self._people([*domain, ("import_id", "=", job.id)])
        raw = SQL.identifier(query.table, "raw_values")
        query.order = SQL(
            "%s, %s",
            SQL.identifier(query.table, "import_row"),
            SQL.identifier(query.table, "id"),
        )
        cr = self.env.cr
        # The server keeps the rest: a million rows are not held here.
        cr.execute(
            SQL(
                "DECLARE telemarketing_original NO SCROLL CURSOR FOR %s",
                query.select(raw),
            )
        )
        try:
            while True:
                cr.execute(SQL("FETCH %s FROM telemarketing_original", SLICE))
                rows = cr.fetchall()
                for (values,) in rows:
                    yield [from_json((values or {}).get(key)) for key in keys]
                if len(rows) < SLICE:
                    return
        finally:
            cr.execute("CLOSE telemarketing_original")

    @api.model
    def _log(self, campaign, what, count):
        """Who took how many people away, beside the searches for people."""
        self.env["telemarketing.search.log"].sudo().create(
            {
                "user_id": self.env.uid,
                "company_id": (campaign.company_id or self.env.company).id,
                "campaign_id": campaign.id,
                "text": self.env._("Downloaded as loaded: %s", what),
                "shown": count,
            }
        )


def _file_name(text):
    """Without what a file system or a header would trip over."""
    kept = "".join(c if c.isalnum() or c in " ._-()" else "_" for c in text or "")
    return kept.strip(" .")[:100] or "file"
