import contextlib
import logging
import os
import tempfile
from datetime import timedelta
from itertools import chain

from psycopg2.extras import execute_values

from odoo import api, fields, models
from odoo.tools import SQL

from ..identity.text import fold
from ..importing.source import Source
from ..importing.staging import COLUMNS, unique_headings
from .consent import start_of_day
from .exclusion import MAX_NAMES
from .gate import EXCLUDED

_logger = logging.getLogger(__name__)

# Rows of a chunk: one transaction, what a crash can make us do again, at most.
CHUNK = 5000
# Rows from which a second process reads and cleans, where there are two processors.
TWO_FROM = 5000
PROCESSES = "telemarketing.import_processes"

STAGE = "telemarketing_import_stage"
PHONES = "telemarketing_import_stage_phone"
FACTS = "telemarketing_import_stage_facts"
ANSWERS = "telemarketing_import_stage_answer"

# What loading fills in beside what the file says. An id is drawn for everybody at
# once, and taken away from whom the matcher finds there already.
_FILLED_IN = """
    match_id int, match_partner_id int, match_by text, match_row int,
    action text NOT NULL DEFAULT 'insert',
    contact_id int DEFAULT nextval('telemarketing_contact_id_seq')"""

# Whom a row repeats, be it there before the file or by an earlier row of the chunk;
# ``sure``: nothing of the row points to somebody else.
_REPEATED = f"""
    SELECT s.row, s.exclude, s.consent_denied, s.basis_source, s.consent_text,
           COALESCE(s.match_id, f.contact_id, f.match_id) AS contact,
           CASE WHEN s.match_id IS NULL THEN s.match_partner_id END AS partner,
           NOT COALESCE(s.problems, '[]') @> '[["duplicate_doubtful"]]'
               AND NOT COALESCE(s.notices, '[]') @> '[["duplicate_doubtful"]]' AS sure
    FROM {STAGE} s LEFT JOIN {STAGE} f ON f.row = s.match_row AND s.match_id IS NULL
    WHERE s.match_id IS NOT NULL OR s.match_row IS NOT NULL
       OR s.match_partner_id IS NOT NULL"""


class TelemarketingImportLoader(models.AbstractModel):
    """Loads a file into a database, chunk by chunk, set-based.

    A chunk of cleaned rows is COPYed into a temporary table (STAGE, see
    docs/architecture.md "Data in"), compared with who is there and inserted, in one
    READ COMMITTED transaction that also writes the position reached: however the
    server ends, it goes on from there. The first answer to "may we call?" is part of
    the insert.
    """

    _name = "telemarketing.import.loader"
    _description = "Loads Files"

    @api.model
    def _load(self, job):
        """All of it, from the position reached."""
        for _piece in self._steps(job):
            pass

    @api.model
    def _steps(self, job):
        """A generator that loads ``job`` and yields after each chunk that stands."""
        # The job's own user and language: its sentences are for who loads it.
        self = self.with_env(job.env)
        if job.stop_asked:
            self._stop(job)
            return
        self._create_stage()
        plan = _Plan(job)
        with self._file(job) as path:
            source = Source(
                path,
                job.filename,
                plan.staging,
                sheet=job.sheet or None,
                limits=job._limits(),
                skip=job.position,
                size=CHUNK,
                two=self._processes() > 1 and job.total - job.position > TWO_FROM,
            )
            with source:
                chunks = iter(source)
                while True:
                    chunk = next(chunks, None)
                    if chunk is None:
                        break
                    if not self._load_chunk(job, plan, chunk):
                        self._stop(job, source)
                        return
                    yield chunk.count
                self._finish(job, source)

    @api.model
    def _processes(self):
        """How many processes share a load: the parameter's, else by the machine."""
        forced = self.env["ir.config_parameter"].sudo().get_param(PROCESSES)
        if forced and forced.isdigit() and int(forced):
            return int(forced)
        return len(os.sched_getaffinity(0))

    @contextlib.contextmanager
    def _file(self, job):
        """Path of the uploaded file; never its content in memory."""
        attachment = job._attachment()
        if not attachment:
            raise self._gone()
        if attachment.store_fname:
            path = attachment._full_path(attachment.store_fname)
            if os.path.exists(path):
                # Open, so that what is deleted meanwhile is there until we are done.
                with open(path, "rb") as kept:
                    linked = f"/proc/{os.getpid()}/fd/{kept.fileno()}"
                    yield linked if os.path.exists(linked) else path
                return
        with tempfile.NamedTemporaryFile() as spool:
            spool.write(attachment.raw or b"")
            spool.flush()
            yield spool.name

    @api.model
    def _gone(self):
        return FileGone(
            self.env._(
                "The file was deleted while it was being loaded, because somebody in "
                "it was erased or its database is being emptied. Nothing more of it "
                "is loaded."
            )
        )

    @api.model
    def _check_there(self, job):
        """The file is open, so that it can be read after it was deleted: what was
        deleted in between is loaded no further. Whoever deletes it or empties the
        database waits for the chunk that asked; the next one sees it.

        :raise FileGone:
        """
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT empty_state IS DISTINCT FROM 'emptying'
               FROM telemarketing_database WHERE id = %s FOR SHARE""",
            [job.database_id.id],
        )
        filled = self.env.cr.fetchone()
        self.env.cr.execute(
            """SELECT FROM ir_attachment
               WHERE res_model = %s AND res_field = 'file' AND res_id = %s
               FOR KEY SHARE""",
            [job._name, job.id],
        )
        if not self.env.cr.rowcount or not (filled and filled[0]):
            raise self._gone()

    # STAGE

    @api.model
    def _create_stage(self):
        """Anew for each job: a connection outlives an upgrade of this module."""
        names = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        # Constants of this module.
        self.env.cr.execute(  # pylint: disable=sql-injection
            f"""
            DROP TABLE IF EXISTS {STAGE}, {PHONES}, {FACTS}, {ANSWERS};
            CREATE TEMP TABLE {STAGE} ({names}, {_FILLED_IN});
            CREATE TEMP TABLE {PHONES} (
                row int, contact_id int, place int, e164 text, raw text,
                number_id int);
            CREATE TEMP TABLE {FACTS} (
                target int, phone int, seq int, province text, facts text);
            CREATE TEMP TABLE {ANSWERS} (
                facts text, since timestamp, code text, excluded boolean)"""
        )

    @api.model
    def _fill_stage(self, job, chunk):
        cr = self.env.cr
        cr.execute(f"TRUNCATE {STAGE}, {PHONES}, {FACTS}, {ANSWERS}")  # pylint: disable=sql-injection
        names = ", ".join(COLUMNS)
        cr._obj.copy_expert(
            f"COPY {STAGE} ({names}) FROM STDIN WITH (NULL '')", _Reader(chunk.data)
        )
        cr.execute(f"ANALYZE {STAGE} (row, ok)")  # pylint: disable=sql-injection

    # A CHUNK

    @api.model
    def _lock(self, company, principal, alone=False):
        """Until the transaction ends. Two files for the same advertiser, or one file
        twice: one chunk after the other, or both would find nobody there.

        :param alone: nobody loads anything in this company meanwhile, whoever the
            advertiser is: telephone numbers, which all share, may be deleted
        """
        shared = "" if alone else "_shared"
        self.env.cr.execute(  # pylint: disable=sql-injection
            f"""SELECT pg_advisory_xact_lock(hashtextextended(%s, 0));
                SELECT pg_advisory_xact_lock{shared}(hashtextextended(%s, 0))""",
            [
                f"telemarketing.import {company.id} {principal.id}",
                f"telemarketing.import.numbers {company.id}",
            ],
        )

    @api.model
    def _load_chunk(self, job, plan, chunk):
        """Write these rows and the position reached, then commit.

        :return: False if somebody asked to stop
        """
        job._begin_chunk()
        cr = self.env.cr
        # Before anything else is read.
        self._lock(plan.company, plan.principal)
        self._check_there(job)
        self._fill_stage(job, chunk)
        self.env["telemarketing.import.matcher"]._match(job)
        cr.execute(  # pylint: disable=sql-injection
            f"""UPDATE {STAGE} SET contact_id = NULL
                WHERE NOT ok OR action <> 'insert'"""
        )
        self._insert_numbers(plan)
        self._insert_contacts(plan)
        self._insert_phones(plan)
        self._link_categories(plan)
        self._insert_exclusions(job, plan)
        self._insert_consents(job, plan)
        self._note_denials(job, plan)
        excluded = self._insert_targets(plan)
        # The inserts went past the ORM: what it remembers of these lists is old.
        self.env.invalidate_all()
        matcher = self.env["telemarketing.import.matcher"]
        if plan.updates and hasattr(matcher, "_update"):
            matcher._update(job)
        if job.kind in ("prospects", "clients"):
            partners = self.env.get("telemarketing.import.partners")
            if partners is not None:
                partners._link(job)
        self._keep_wrong_rows(job, plan)
        stopped = self._advance(job, plan, chunk, excluded)
        job._commit_chunk(chunk.count)
        _logger.info("import %s: %s of %s rows", job.id, job.position, job.total)
        return not stopped

    @api.model
    def _advance(self, job, plan, chunk, excluded):
        """The position reached and the counts, if the job is still where this chunk
        begins: whoever else loads the same file stops here, and what he wrote goes.

        :return: did somebody ask to stop?
        """
        cr = self.env.cr
        self.env.flush_all()
        cr.execute(  # pylint: disable=sql-injection
            f"""
            WITH counted AS (
                SELECT count(contact_id) AS loaded,
                       count(*) FILTER (WHERE NOT ok OR action = 'skip') AS bad,
                       count(*) FILTER (WHERE ok AND action = 'update') AS updated,
                       count(contact_id) FILTER (WHERE notices IS NOT NULL) AS noticed,
                       count(contact_id) FILTER (WHERE basis_in IS NULL) AS without
                FROM {STAGE})
            UPDATE telemarketing_import j SET
                position = COALESCE(j.position, 0) + %(count)s,
                loaded = COALESCE(j.loaded, 0) + c.loaded,
                bad = COALESCE(j.bad, 0) + c.bad,
                updated = COALESCE(j.updated, 0) + c.updated,
                noticed = COALESCE(j.noticed, 0) + c.noticed,
                without_basis = COALESCE(j.without_basis, 0) + c.without,
                excluded = COALESCE(j.excluded, 0) + %(excluded)s,
                write_date = clock_timestamp() AT TIME ZONE 'UTC'
            FROM counted c
            WHERE j.id = %(job)s AND COALESCE(j.position, 0) = %(reached)s
              AND j.state = 'loading'
            RETURNING stop_asked""",
            {
                "count": chunk.count,
                "job": job.id,
                "reached": plan.reached,
                "excluded": excluded,
            },
        )
        found = cr.fetchone()
        job.invalidate_recordset()
        if not found:
            raise LoadedElsewhere(
                self.env._("Somebody else is loading this file at the same time")
            )
        plan.reached += chunk.count
        return found[0]

    @api.model
    def _insert(self, model, columns, source, params=None, returning=None):
        """INSERT … SELECT with the model's own defaults for what is not given.

        :param dict columns: ``{field: SQL expression over source}``
        :param source: what stands after FROM; both are constants of this module
        """
        constants = {
            name: value
            for name, value in self._constants(model).items()
            if name not in columns
        }
        names = ", ".join(f'"{name}"' for name in [*columns, *constants])
        values = ", ".join([*columns.values(), *(f"%(_{name})s" for name in constants)])
        table = self.env[model]._table
        returning = f"RETURNING {returning}" if returning else ""
        self.env.cr.execute(  # pylint: disable=sql-injection
            f'INSERT INTO "{table}" ({names}) SELECT {values} {source} {returning}',
            {
                **(params or {}),
                **{f"_{name}": value for name, value in constants.items()},
            },
        )

    @api.model
    def _constants(self, model):
        """``{stored column: value}`` that a new record has of itself.

        Who created a person, a number or a queue's row says the file that it came
        with: a foreign key less for each of a million rows.
        """
        Model = self.env[model]
        stored = [
            name
            for name, field in Model._fields.items()
            if field.store and field.column_type and name != "id"
        ]
        # A column left NULL is neither true nor false for an index's predicate.
        defaults = {
            name: False if Model._fields[name].type == "boolean" else 0
            for name in stored
            if Model._fields[name].type in ("boolean", "integer", "float")
        } | {
            name: value
            for name, value in Model.default_get(stored).items()
            if name in stored
        }
        empty = Model.new({})
        constants = {
            name: Model._fields[name].convert_to_column_insert(
                Model._fields[name].convert_to_cache(value, empty), Model.browse()
            )
            for name, value in defaults.items()
        }
        if Model._log_access:
            now = fields.Datetime.now()
            constants |= {"create_date": now, "write_date": now}
        return {name: value for name, value in constants.items() if value is not None}

    @api.model
    def _insert_numbers(self, plan):
        """Numbers of whom we load, and of whom the file says not to call; then PHONES,
        a row per telephone with its number."""
        params = {"company": plan.company.id}
        self._insert(
            "telemarketing.number",
            {
                "company_id": "%(company)s",
                "e164": "e164",
                "kind": "kind",
                "country": "NULLIF(country, '')",
                "province": "NULLIF(province, '')",
                "state": "'ok'",
            },
            f"""FROM (
                    SELECT DISTINCT ON (p.e164) p.* FROM {STAGE} s
                    CROSS JOIN LATERAL unnest(e164s, kinds, countries, provinces)
                        AS p(e164, kind, country, province)
                    WHERE s.contact_id IS NOT NULL OR s.exclude OR s.action = 'update'
                    ORDER BY p.e164) AS row
                ON CONFLICT (company_id, e164) DO NOTHING""",
            params,
        )
        self.env.cr.execute(  # pylint: disable=sql-injection
            f"""INSERT INTO {PHONES}
                SELECT s.row, s.contact_id, p.place, p.e164, p.raw, n.id
                FROM {STAGE} s
                CROSS JOIN LATERAL unnest(e164s, raws) WITH ORDINALITY
                    AS p(e164, raw, place)
                JOIN telemarketing_number n
                  ON n.company_id = %(company)s AND n.e164 = p.e164
                WHERE s.contact_id IS NOT NULL OR s.exclude OR s.action = 'update'""",
            params,
        )

    @api.model
    def _insert_contacts(self, plan):
        columns = {
            "id": "s.contact_id",
            "name": "s.name",
            "active": "true",
            **{
                name: f"s.{name}"
                for name in (
                    *("vat", "street", "zip", "city", "email", "birthdate", "lang"),
                    *("note", "client_until", "interacted_on", "is_company"),
                    *("is_professional", "client_key", "iban"),
                )
            },
            "database_id": "%(database)s",
            "campaign_id": "%(campaign)s",
            "company_id": "%(company)s",
            "principal_id": "%(principal)s",
            "state_id": "its.id",
            "country_id": "%(spain)s",
            "type_id": "its_type.id",
            "legal_basis": "s.own_basis_code",
            "basis_date": "s.own_basis_on",
            "basis_source": "s.own_basis_source",
            # As the ledger says of nobody but who is in this file; whom it knows
            # otherwise is asked of it (``_insert_consents``).
            "consented_on": """CASE WHEN COALESCE(s.own_basis_code, %(basis)s)
                                         = 'consent'
                                    THEN COALESCE(s.own_basis_on,
                                             CASE WHEN %(basis)s = 'consent'
                                                  THEN %(basis_on)s::date END)
                               END""",
            "contact_properties": "COALESCE(s.extra, '{}')",
            "raw_values": "s.raw_values",
            "import_id": "%(job)s",
            "import_row": "s.row",
        }
        known = self.env["telemarketing.contact"]._fields
        self._insert(
            "telemarketing.contact",
            {name: value for name, value in columns.items() if name in known},
            f"""FROM {STAGE} s
                LEFT JOIN unnest(%(states)s::text[], %(state_ids)s::int[])
                    AS its(code, id) ON its.code = s.state
                LEFT JOIN unnest(%(types)s::text[], %(type_ids)s::int[])
                    AS its_type(name, id) ON its_type.name = lower(s.contact_type)
                WHERE s.contact_id IS NOT NULL ORDER BY s.contact_id""",
            plan.params,
        )

    @api.model
    def _insert_phones(self, plan):
        self._insert(
            "telemarketing.contact.phone",
            {
                "contact_id": "contact_id",
                "company_id": "%(company)s",
                "sequence": "10 * place",
                "raw": "raw",
                "e164": "e164",
                "number_id": "number_id",
                "state": "'ok'",
            },
            f"""FROM {PHONES} WHERE contact_id IS NOT NULL
                ORDER BY contact_id, place""",
            plan.params,
        )

    @api.model
    def _link_categories(self, plan):
        if not plan.categories:
            return
        field = self.env["telemarketing.contact"]._fields["category_ids"]
        self.env.cr.execute(
            SQL(
                """INSERT INTO %s (%s, %s)
                   SELECT s.contact_id, c.id FROM %s s
                   JOIN unnest(%s::text[], %s::int[]) AS c(name, id)
                     ON c.name = ANY(string_to_array(lower(s.category), '|'))
                   WHERE s.contact_id IS NOT NULL ON CONFLICT DO NOTHING""",
                SQL.identifier(field.relation),
                SQL.identifier(field.column1),
                SQL.identifier(field.column2),
                SQL.identifier(STAGE),
                list(plan.categories),
                list(plan.categories.values()),
            )
        )

    @api.model
    def _insert_consents(self, job, plan):
        """What each row says of consent, into the ledger; then who consented when, of
        those of whom the ledger says anything."""
        cr = self.env.cr
        cr.execute(  # pylint: disable=sql-injection
            f"""SELECT s.contact_id, s.row, s.basis_in_on, s.consent_denied,
                       s.consent_text, s.basis_source,
                       s.basis_in = 'consent' AND s.own_basis AS given
                FROM {STAGE} s
                WHERE s.contact_id IS NOT NULL
                  AND (s.consent_denied OR s.basis_in = 'consent' AND s.own_basis)"""
        )
        rows = cr.fetchall()
        if rows:
            self._write_ledger(job, plan, rows)
        # Their own row, their number's, their NIF's, or the whole file's.
        cr.execute(  # pylint: disable=sql-injection
            f"""SELECT DISTINCT s.contact_id FROM {STAGE} s
                WHERE s.contact_id IS NOT NULL AND (
                    EXISTS (SELECT FROM telemarketing_consent r
                            WHERE r.database_id = %(database)s
                              AND num_nonnulls(r.contact_id, r.partner_id, r.number_id)
                                  = 0)
                    OR s.consent_denied OR s.basis_in = 'consent' AND s.own_basis)
                UNION
                SELECT s.contact_id FROM {STAGE} s
                JOIN telemarketing_consent r ON r.vat = s.vat
                WHERE s.contact_id IS NOT NULL
                UNION
                SELECT p.contact_id FROM {PHONES} p
                JOIN telemarketing_consent r ON r.number_id = p.number_id
                WHERE p.contact_id IS NOT NULL""",
            plan.params,
        )
        reached = [row[0] for row in cr.fetchall()]
        self.env["telemarketing.consent"]._refresh_contacts(reached, gate=False)

    @api.model
    def _note_denials(self, job, plan):
        """Who says in a row that repeats somebody that there is no consent: a no
        counts, whatever becomes of the row. Into the ledger of whom it repeats, of
        the partner where no contact stands for it; what it knows already is not
        written again."""
        cr = self.env.cr
        cr.execute(  # pylint: disable=sql-injection
            f"""SELECT DISTINCT ON (c.id, r.id)
                       c.id, c.database_id, r.id, m.row, m.basis_source, m.consent_text
                FROM ({_REPEATED}) m
                LEFT JOIN telemarketing_contact c ON c.id = m.contact
                LEFT JOIN res_partner r ON r.id = m.partner AND c.id IS NULL
                WHERE m.consent_denied AND num_nonnulls(c.id, r.id) > 0
                  AND (c.consented_on IS NOT NULL
                       OR EXISTS (SELECT FROM telemarketing_contact k
                                  WHERE k.partner_id = r.id
                                    AND k.consented_on IS NOT NULL)
                       OR NOT EXISTS (
                           SELECT FROM telemarketing_consent k
                           WHERE (k.contact_id = c.id OR k.partner_id = r.id)
                             AND k.purpose = 'call' AND k.withdrawn_at IS NOT NULL
                             AND k.company_id = %(company)s
                             AND k.principal_id IS NOT DISTINCT FROM %(principal)s))
                ORDER BY c.id, r.id, m.row""",
            plan.params,
        )
        found = cr.fetchall()
        if not found:
            return
        now = self.env["telemarketing.clock"]._now()
        texts = plan.texts(any(row[5] for row in found))
        values = []
        for contact, database, partner, row, source, text in found:
            where = self.env._("%(file)s, row %(row)s", file=job.filename, row=row)
            values.append(
                {
                    "contact_id": contact,
                    "partner_id": partner,
                    # With a contact: its file. A partner's word is no file's.
                    "database_id": database,
                    "company_id": plan.company.id,
                    "principal_id": plan.principal.id,
                    "purpose": "call",
                    "channel": "file",
                    "withdrawn_at": now,
                    "withdrawal_channel": "file",
                    "text_id": texts.get(fold(text)) if text else False,
                    "text_version": (text or "")[:200] or False,
                    "source": f"{source} · {where}" if source else where,
                }
            )
        # Who they are was decided by the matcher, within company and principal.
        self.env.invalidate_all()
        self.env["telemarketing.consent"].sudo().create(values)

    @api.model
    def _write_ledger(self, job, plan, rows):
        now = self.env["telemarketing.clock"]._now()
        database = plan.database
        texts = plan.texts(any(row[4] for row in rows))
        constants = self._constants("telemarketing.consent") | {
            "company_id": database.company_id.id,
            "principal_id": database.principal_id.id or None,
            "database_id": database.id,
            "purpose": "call",
            "channel": "file",
            "create_uid": self.env.uid,
            "write_uid": self.env.uid,
        }
        names = [
            *("contact_id", "given_at", "withdrawn_at", "withdrawal_channel"),
            *("text_id", "text_version", "source"),
        ]
        for name in names:
            constants.pop(name, None)
        where = self.env._("%(file)s, row %(row)s", file=job.filename, row="%(row)s")
        values = []
        for contact, row, on, denied, text, source, given in rows:
            place = where.replace("%(row)s", str(row))
            label = (text or "")[:200] or None
            values.append(
                (
                    contact,
                    start_of_day(on) if given else None,
                    now if denied else None,
                    "file" if denied else None,
                    texts.get(fold(text)) if label else None,
                    label,
                    f"{source} · {place}" if source else place,
                    *constants.values(),
                )
            )
        quoted = ", ".join(f'"{name}"' for name in [*names, *constants])
        execute_values(
            self.env.cr._obj,
            f"INSERT INTO telemarketing_consent ({quoted}) VALUES %s",
            values,
            page_size=1000,
        )

    @api.model
    def _insert_exclusions(self, job, plan):
        """People who, the file says, asked not to be called: also when their row is
        not loaded. Towards the principal whose file it is; ours: everywhere.

        What the row says of them and, where it surely is somebody who is there, what
        we know of them: numbers and NIF, under one reference (docs/decisions/0011).
        """
        cr = self.env.cr
        principal = plan.principal
        scope = "principal" if principal else "all"
        cr.execute(  # pylint: disable=sql-injection
            f"""
            WITH said AS MATERIALIZED (
                SELECT row, vat, contact_id FROM {STAGE} WHERE exclude
            ), people AS MATERIALIZED (
                SELECT row, contact_id AS contact FROM said
                WHERE contact_id IS NOT NULL
                UNION
                SELECT row, contact FROM ({_REPEATED}) m WHERE m.exclude AND m.sure
                                                           AND contact IS NOT NULL
            ), vats AS MATERIALIZED (
                SELECT row, vat FROM said WHERE vat IS NOT NULL
                UNION
                SELECT p.row, c.vat FROM people p
                JOIN telemarketing_contact c ON c.id = p.contact
                WHERE c.vat <> ''
            ), own AS (
                -- A NIF of many names was made up to fill a column.
                SELECT v.vat FROM (SELECT DISTINCT vat FROM vats) v
                CROSS JOIN LATERAL (
                    SELECT count(DISTINCT lower(name)) AS names FROM (
                        SELECT name FROM telemarketing_contact
                        WHERE vat = v.vat AND company_id = %(company)s
                        LIMIT 1000) namesakes) n
                WHERE n.names <= %(max_names)s
            ), who AS (
                SELECT p.row, p.number_id, p.e164, NULL AS vat
                FROM said JOIN {PHONES} p ON p.row = said.row
                UNION ALL
                SELECT people.row, n.id, n.e164, NULL
                FROM people
                JOIN telemarketing_contact_phone p ON p.contact_id = people.contact
                JOIN telemarketing_number n ON n.id = p.number_id
                UNION ALL
                SELECT row, NULL, NULL, vat FROM vats JOIN own USING (vat)
            )
            SELECT DISTINCT ON (w.number_id, w.vat)
                   w.number_id, w.e164, w.vat, w.row,
                   (SELECT min(contact) FROM people WHERE people.row = w.row)
            FROM who w
            WHERE NOT EXISTS (
                SELECT FROM telemarketing_exclusion e
                WHERE (e.number_id = w.number_id
                       OR e.number_id IS NULL AND e.vat = w.vat)
                  AND e.lifted_at IS NULL
                  AND e.scope = %(scope)s AND e.reason = 'objection'
                  AND e.company_id = %(company)s
                  AND e.principal_id IS NOT DISTINCT FROM %(principal)s)
            ORDER BY w.number_id, w.vat, w.row""",
            {**plan.params, "scope": scope, "max_names": MAX_NAMES},
        )
        new = sorted(cr.fetchall(), key=lambda found: found[3])
        if not new:
            return
        Exclusion = self.env["telemarketing.exclusion"].sudo()
        # What stands in one row of the file is one person: one reference.
        rows = sorted({found[3] for found in new})
        reference_of = dict(zip(rows, Exclusion._references(len(rows)), strict=True))
        self.env.flush_all()
        added = Exclusion._record_many(
            plan.company,
            [
                (
                    number,
                    e164,
                    vat,
                    reference_of[row],
                    self.env._("%(file)s, row %(row)s", file=job.filename, row=row),
                )
                for number, e164, vat, row, _contact in new
            ],
            scope=scope,
            principal_id=principal.id,
            reason="objection",
            channel="file",
        )
        cr.execute(
            """UPDATE telemarketing_exclusion e SET contact_id = v.contact
               FROM unnest(%s::int[], %s::text[], %s::int[])
                   AS v(number, vat, contact)
               WHERE e.id = ANY(%s) AND e.number_id IS NOT DISTINCT FROM v.number
                 AND e.vat IS NOT DISTINCT FROM v.vat AND v.contact IS NOT NULL""",
            [
                [found[0] for found in new],
                [found[2] for found in new],
                [found[4] for found in new],
                added,
            ],
        )
        Exclusion.invalidate_model()

    @api.model
    def _insert_targets(self, plan):
        """A target for each, with the answer to "may we call?" as it is now: asked of
        the people staged, once for each class of equal facts."""
        cr = self.env.cr
        gate = self.env["telemarketing.gate"]
        now = self.env["telemarketing.clock"]._now()
        self.env.flush_all()
        staged = SQL(
            """(SELECT s.contact_id AS id, s.contact_id, %s::int AS campaign_id,
                       %s::int AS company_id, false AS callback,
                       false AS callback_agreed, NULL::timestamp AS next_call_at,
                       false AS asked_hour
                FROM %s s WHERE s.contact_id IS NOT NULL)""",
            plan.campaign.id,
            plan.company.id,
            SQL.identifier(STAGE),
        )
        cr.execute(
            SQL(
                "INSERT INTO %s %s",
                SQL.identifier(FACTS),
                gate._facts_sql(
                    plan.company, SQL("true"), now, normalised=True, targets=staged
                ),
            )
        )
        cr.execute(f"SELECT DISTINCT facts FROM {FACTS}")  # pylint: disable=sql-injection
        answers = gate._answer_rows(
            plan.company, [row[0] for row in cr.fetchall()], now
        )
        execute_values(
            cr._obj,
            f"INSERT INTO {ANSWERS} VALUES %s",
            [(row, *answer, answer[1] in EXCLUDED) for row, answer in answers.items()],
            page_size=1000,
        )
        state = "ready" if plan.campaign.state == "running" else "new"
        self._insert(
            "telemarketing.target",
            {
                "contact_id": "s.contact_id",
                "campaign_id": "%(campaign)s",
                "company_id": "%(company)s",
                "principal_id": "%(principal)s",
                "database_id": "%(database)s",
                "profile_id": "%(profile)s",
                "target_properties": "s.profile",
                "state": "CASE WHEN best.excluded THEN 'excluded' ELSE %(state)s END",
                "live": "%(live)s",
                "callable_from": "best.since",
                "due_at": "best.since",
                "callable_code": "best.code",
                "province": "NULLIF(best.province, '')",
            },
            f"""FROM {STAGE} s
                JOIN (SELECT DISTINCT ON (f.target)
                             f.target, f.province, a.since, a.code, a.excluded
                      FROM {FACTS} f JOIN {ANSWERS} a USING (facts)
                      ORDER BY f.target, a.since NULLS LAST, NOT a.excluded, f.seq
                     ) best ON best.target = s.contact_id
                ORDER BY s.contact_id""",
            {**plan.params, "state": state},
            returning="state",
        )
        return sum(state == "excluded" for (state,) in cr.fetchall())

    # WHAT COMES BACK

    @api.model
    def _keep_wrong_rows(self, job, plan):
        """Rows that were not taken, and those that were with something to say."""
        cr = self.env.cr
        cr.execute(  # pylint: disable=sql-injection
            f"""SELECT row, problems, notices FROM {STAGE}
                WHERE problems IS NOT NULL OR notices IS NOT NULL ORDER BY row"""
        )
        reasons = [
            (row, job._reasons_of(chain(problems or (), notices or ())))
            for row, problems, notices in cr.fetchall()
        ]
        if not reasons:
            return
        cr.execute(  # pylint: disable=sql-injection
            f"""INSERT INTO telemarketing_import_row (import_id, row, kind, raw, reason)
                SELECT %(job)s, s.row,
                       CASE WHEN NOT s.ok OR s.action = 'skip' THEN 'bad'
                            ELSE 'notice' END,
                       COALESCE(s.raw, (
                           SELECT jsonb_agg(s.raw_values -> h.key ORDER BY h.place)
                           FROM unnest(%(headings)s::text[]) WITH ORDINALITY
                               AS h(key, place))), v.reason
                FROM unnest(%(rows)s::int[], %(reasons)s::text[]) AS v(row, reason)
                JOIN {STAGE} s USING (row)""",
            {
                "job": job.id,
                "headings": plan.headings,
                "rows": [row for row, _reason in reasons],
                "reasons": [reason for _row, reason in reasons],
            },
        )

    @api.model
    def _finish(self, job, source):
        self._check_there(job)
        job._write_returned(source.kind, source.separator)
        job.write({"state": "done", "finished_at": fields.Datetime.now()})
        self._ask_late_exclusions(job)
        job._share_out()
        if job.campaign_id.state == "running":
            # It counts them, too: a load does not wait for that.
            self.env["telemarketing.robinson.service"]._trigger()
        job._commit_chunk(0)

    @api.model
    def _stop(self, job, source=None):
        """What is loaded stays; loading can go on from here."""
        if source:
            self._check_there(job)
        job.state = "stopped"
        if source:
            job._write_returned(source.kind, source.separator)
        self._ask_late_exclusions(job)
        job._commit_chunk(0)

    @api.model
    def _ask_late_exclusions(self, job):
        """Whoever objected while a chunk was being written was not seen by it; nor was
        what somebody began to write before we did."""
        if not job.started_at:
            return
        self.env.flush_all()
        self.env.cr.execute(
            """WITH late AS MATERIALIZED (
                   SELECT number_id, vat, contact_id FROM telemarketing_exclusion
                   WHERE in_force AND create_date >= %(started)s
                     AND company_id = %(company)s),
               who AS (
                   SELECT p.contact_id FROM late
                   JOIN telemarketing_contact_phone p ON p.number_id = late.number_id
                   UNION
                   SELECT c.id FROM late JOIN telemarketing_contact c
                     ON c.vat = late.vat
                   UNION
                   SELECT contact_id FROM late WHERE contact_id IS NOT NULL)
               SELECT DISTINCT c.id FROM who
               JOIN telemarketing_contact c
                 ON c.id = who.contact_id AND c.import_id = %(job)s
               JOIN telemarketing_target t
                 ON t.contact_id = c.id AND t.state IN ('new', 'ready')""",
            {
                "job": job.id,
                "started": job.started_at - timedelta(hours=1),
                "company": job.company_id.id,
            },
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        if ids:
            contacts = self.env["telemarketing.contact"].sudo().browse(ids)
            self.env["telemarketing.target"]._refresh_gate(contacts=contacts)


class FileGone(Exception):
    """Somebody deleted the file while it was being loaded; says why in words."""


class LoadedElsewhere(Exception):
    """The job is not where this chunk begins: another process has loaded it."""


class _Reader:
    """Bytes as COPY reads them, without a second copy of all of them."""

    def __init__(self, data):
        self.view, self.place = memoryview(data), 0

    def read(self, size=-1):  # pylint: disable=method-required-super
        end = len(self.view) if size < 0 else self.place + size
        piece = self.view[self.place : end]
        self.place += len(piece)
        return bytes(piece)


class _Plan:
    """What is the same for all chunks of a job."""

    def __init__(self, job):
        self.job = job
        self.env = env = job.env
        self.database = job.database_id
        self.campaign = self.database.campaign_id
        self.company = self.database.company_id
        self.principal = self.database.principal_id
        self.profile = self.campaign.profile_id
        self.updates = job.duplicates == "update"
        self.reached = job.position
        self.staging = job._staging()
        self._texts = None
        states = env["res.country.state"].search([("country_id.code", "=", "ES")])
        types = self._masters("telemarketing.contact.type")
        self.categories = self._masters("telemarketing.contact.category")
        database = self.database
        self.params = {
            "job": job.id,
            "database": database.id,
            "campaign": self.campaign.id,
            "company": self.company.id,
            "principal": self.principal.id or None,
            "profile": self.profile.id or None,
            "live": bool(database.switched_on and database.active),
            "spain": env.ref("base.es").id,
            "states": [state.code for state in states],
            "state_ids": states.ids,
            "types": list(types),
            "type_ids": list(types.values()),
            "basis": database.legal_basis or None,
            "basis_on": database.basis_date or None,
        }
        self.headings = [
            heading.replace("\x00", "")
            for heading in unique_headings(self.staging.headings)
        ]

    def _masters(self, model):
        """``{name in lower case, in any language: id}``"""
        Model = self.env[model].sudo().with_context(active_test=True)
        found = {}
        domain = [("company_id", "in", (False, self.company.id))]
        for code, _name in self.env["res.lang"].get_installed():
            for record in Model.with_context(lang=code).search(domain):
                found.setdefault((record.name or "").lower(), record.id)
        return found

    def texts(self, wanted):
        """``{folded label: id}`` of our texts of consent."""
        if not wanted:
            return {}
        if self._texts is None:
            self._texts = self.job._texts()
        return self._texts
