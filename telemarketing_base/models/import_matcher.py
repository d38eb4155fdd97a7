import json

from odoo import api, models
from odoo.tools import SQL

from ..identity.text import fold
from ..importing.matching import KEYS, Known, Staged, decide

#: Of people who share one number, NIF or mail, so many are looked at: a switchboard
#: loaded anyway a thousand times must not make a thousand pairs of each row.
SHARING = 10

_PLANNER = ("enable_hashjoin", "enable_mergejoin", "enable_seqscan", "jit")


class TelemarketingImportMatcher(models.AbstractModel):
    """Whom the rows of a chunk repeat: rows of the chunk, of the file, people of the
    database or of all databases of the same client company, prospects and clients.

    Works on the temporary table STAGE (docs/architecture.md, "Data in"); what makes
    the same person is decided by ``importing/matching.py``. Nobody is ever matched
    across client companies or companies.
    """

    _name = "telemarketing.import.matcher"
    _description = "Finds Repeated People"

    @api.model
    def _match(self, job):
        """Write ``action``, ``match_id``, ``match_partner_id``, ``match_by`` and
        ``match_row`` of each staged row, and what that adds to its problems and
        notices. Rows given back are no longer ``ok``.

        One statement per key for the whole chunk; only rows that share something with
        somebody are ever fetched.

        :return: how many rows are not simply inserted
        """
        cr = self.env.cr
        self.env.flush_all()
        cr.execute(
            """UPDATE telemarketing_import_stage
               SET action = CASE WHEN ok THEN 'insert' ELSE 'skip' END
               WHERE action IS NULL OR (action = 'insert' AND NOT ok)"""
        )
        known = self._known(job)
        rows = self._staged(job, known)
        for row, people in known.items():
            rows[row].known = people
        decisions = decide(
            rows.values(), job.duplicates, job.kind in ("prospects", "clients")
        )
        decisions = [
            d for d in decisions if d.action != "insert" or d.notices or d.match_row
        ]
        self._write(decisions)
        return len(decisions)

    # WHO IS THERE

    def _asked(self, job):
        """Kinds of key that are asked for this file."""
        asked = {
            "key": True,
            "phone": job.match_phone,
            "vat": job.match_vat,
            "email": job.match_email,
        }
        return [key for key in KEYS if asked[key]]

    def _known(self, job):
        """``{row: [Known]}`` of people in our databases, prospects and clients."""
        asked = self._asked(job)
        alike = self._alike(job)
        people = [self._contacts_sql(job, key, alike) for key in asked]
        if job.match_partners:
            people += [self._partners_sql(job, key) for key in asked if key != "key"]
        writable = self._writable(job)
        cr = self.env.cr
        # The table is a chunk and has no statistics; its rows are looked up one by
        # one in the indexes, however many people there are.
        cr.execute(SQL("; ").join(SQL(f"SET LOCAL {name} = off") for name in _PLANNER))
        found = [row for query in people for row in self._rows(query)]
        cr.execute(
            SQL("; ").join(SQL(f"SET LOCAL {name} = DEFAULT") for name in _PLANNER)
        )
        result = {}
        for row, key, value, contact, partner, *rest in self._unmerged(found):
            name, vat, client_key, database, database_name, *rest = rest
            import_id, import_row, stage = rest
            result.setdefault(row, []).append(
                Known(
                    key=key,
                    value=value,
                    contact=contact,
                    partner=partner,
                    name=fold(name or ""),
                    vat=(vat or "").removeprefix("ES"),
                    client_key=(client_key or "") if database in alike else "",
                    own=database == job.database_id.id,
                    database=database_name or "",
                    row=import_row if import_id == job.id else None,
                    stage=stage or "",
                    writable=database in writable,
                )
            )
        return result

    def _rows(self, query):
        self.env.cr.execute(query)
        return self.env.cr.fetchall()

    def _alike(self, job):
        """Databases whose client's key is formed of the same columns as this file's:
        elsewhere the same key may be somebody else."""
        database = job.database_id
        alike = set(database.ids)
        headings = job._key_headings()
        if headings and job.match_scope == "principal":
            self.env.cr.execute(
                SQL(
                    """SELECT d.id FROM telemarketing_database d
                       WHERE d.company_id = %s AND d.principal_id IS NOT DISTINCT
                             FROM %s AND d.key_headings = %s::jsonb""",
                    database.company_id.id,
                    database.principal_id.id or None,
                    database._fields["key_headings"].convert_to_column(
                        headings, database
                    ),
                )
            )
            alike |= {row[0] for row in self.env.cr.fetchall()}
        return alike

    def _writable(self, job):
        """Databases whose people the one who loads may change."""
        if job.duplicates != "update":
            return set()
        database = job.database_id
        if job.match_scope == "database":
            return set(database.ids)
        theirs = (
            self.env["telemarketing.database"]
            .with_user(self.env.user)
            .with_context(active_test=False)
            .search(
                [
                    ("company_id", "=", database.company_id.id),
                    ("principal_id", "=", database.principal_id.id),
                ]
            )
        )
        return set(theirs._filtered_access("write").ids)

    def _within(self, job):
        """SQL condition on contact ``c``: where people are looked for."""
        database = job.database_id
        if job.match_scope == "database":
            return SQL("c.database_id = %s", database.id)
        return SQL(
            "c.company_id = %s AND c.principal_id IS NOT DISTINCT FROM %s",
            database.company_id.id,
            database.principal_id.id or None,
        )

    def _contacts_sql(self, job, key, alike):
        """People who share this key with a row; columns as ``_known`` reads them."""
        within, own = self._within(job), job.database_id.id
        source = {
            "phone": SQL(
                """CROSS JOIN LATERAL unnest(s.e164s, s.personal) AS u(value, personal)
                   CROSS JOIN LATERAL (
                       SELECT c.* FROM telemarketing_contact_phone p
                       JOIN telemarketing_contact c ON c.id = p.contact_id
                       WHERE p.e164 = u.value AND u.personal AND p.state <> 'bad'
                         AND %s""",
                within,
            ),
            "vat": SQL(
                """CROSS JOIN LATERAL (SELECT s.vat AS value) u
                   CROSS JOIN LATERAL (
                       SELECT c.* FROM telemarketing_contact c
                       WHERE c.vat = s.vat AND %s""",
                within,
            ),
            "email": SQL(
                """CROSS JOIN LATERAL (SELECT s.email AS value) u
                   CROSS JOIN LATERAL (
                       SELECT c.* FROM telemarketing_contact c
                       WHERE c.email = s.email AND %s""",
                within,
            ),
            "key": SQL(
                """CROSS JOIN LATERAL (SELECT s.client_key AS value) u
                   CROSS JOIN LATERAL (
                       SELECT c.* FROM telemarketing_contact c
                       WHERE c.database_id = ANY(%s)
                         AND c.client_key = s.client_key""",
                list(alike),
            ),
        }[key]
        return SQL(
            """SELECT s.row, %s, u.value, COALESCE(c.merged_into_id, c.id),
                      c.partner_id, c.name, c.vat, c.client_key, c.database_id, d.name,
                      c.import_id, c.import_row, NULL, c.merged_into_id
               FROM telemarketing_import_stage s %s
                         AND c.erased_at IS NULL
                       ORDER BY c.database_id <> %s, c.id LIMIT %s
                   ) c
               JOIN telemarketing_database d ON d.id = c.database_id
               WHERE s.ok""",
            key,
            source,
            own,
            SHARING,
        )

    def _partners_sql(self, job, key):
        """The same of prospects and clients; with the contact that stands for one, if
        it is where people are looked for."""
        database = job.database_id
        source = {
            "phone": SQL(
                """CROSS JOIN LATERAL unnest(s.e164s, s.personal) AS u(value, personal)
                   JOIN res_partner r
                     ON r.phone_sanitized = u.value AND u.personal"""
            ),
            # Odoo's users write it with and without the country.
            "vat": SQL(
                """CROSS JOIN LATERAL (SELECT s.vat AS value) u
                   JOIN res_partner r ON r.vat = ANY(ARRAY[s.vat, 'ES' || s.vat])"""
            ),
            "email": SQL(
                """CROSS JOIN LATERAL (SELECT s.email AS value) u
                   JOIN res_partner r ON r.email_normalized = s.email"""
            ),
        }[key]
        return SQL(
            """SELECT s.row, %s, u.value, c.id, r.id, r.name, r.vat, c.client_key,
                      c.database_id, d.name, c.import_id, c.import_row, r.funnel_stage,
                      NULL
               FROM telemarketing_import_stage s %s
               LEFT JOIN LATERAL (
                   SELECT c.* FROM telemarketing_contact c
                   WHERE c.partner_id = r.id AND c.merged_into_id IS NULL
                     AND c.erased_at IS NULL AND %s
                   ORDER BY c.database_id <> %s, c.id LIMIT 1) c ON TRUE
               LEFT JOIN telemarketing_database d ON d.id = c.database_id
               WHERE s.ok AND r.funnel_stage IS NOT NULL
                 AND r.telemarketing_principal_id IS NOT DISTINCT FROM %s
                 AND (r.company_id IS NULL OR r.company_id = %s)""",
            key,
            source,
            self._within(job),
            database.id,
            database.principal_id.id or None,
            database.company_id.id,
        )

    def _unmerged(self, found):
        """Who was merged into somebody stands for that one, with what he is now."""
        merged = {row[3] for row in found if row[-1]}
        if not merged:
            return [row[:-1] for row in found]
        self.env.cr.execute(
            """WITH RECURSIVE chain AS (
                   SELECT id AS first, id, merged_into_id, 1 AS step
                   FROM telemarketing_contact WHERE id = ANY(%s)
                   UNION ALL
                   SELECT chain.first, c.id, c.merged_into_id, step + 1
                   FROM chain JOIN telemarketing_contact c
                     ON c.id = chain.merged_into_id WHERE step < 20)
               SELECT DISTINCT ON (chain.first) chain.first, c.id, c.partner_id,
                      c.name, c.vat, c.client_key, c.database_id, d.name, c.import_id,
                      c.import_row
               FROM chain JOIN telemarketing_contact c ON c.id = chain.id
               JOIN telemarketing_database d ON d.id = c.database_id
               ORDER BY chain.first, step DESC""",
            [list(merged)],
        )
        into = {row[0]: row[1:] for row in self.env.cr.fetchall()}
        return [
            (*row[:3], *into[row[3]], row[12]) if row[-1] else row[:-1] for row in found
        ]

    # THE CHUNK ITSELF

    def _staged(self, job, known):
        """``{row: Staged}`` of the rows that share a key with another of the chunk or
        with somebody who is there."""
        asked = self._asked(job)
        parts = {
            "phone": """SELECT s.row, 'phone' AS key, u.value
                        FROM telemarketing_import_stage s,
                             unnest(s.e164s, s.personal) AS u(value, personal)
                        WHERE s.ok AND u.personal""",
            "vat": "SELECT row, 'vat', vat FROM telemarketing_import_stage"
            " WHERE ok AND vat IS NOT NULL",
            "email": "SELECT row, 'email', email FROM telemarketing_import_stage"
            " WHERE ok AND email IS NOT NULL",
            "key": "SELECT row, 'key', client_key FROM telemarketing_import_stage"
            " WHERE ok AND client_key IS NOT NULL",
        }
        cr = self.env.cr
        cr.execute(
            # constants above
            f"""SELECT array_agg(row)
                FROM ({" UNION ALL ".join(parts[key] for key in asked)})
                     AS k(row, key, value)
                GROUP BY key, value HAVING count(*) > 1"""  # pylint: disable=sql-injection
        )
        wanted = {row for (rows,) in cr.fetchall() for row in rows} | set(known)
        if not wanted:
            return {}
        cr.execute(
            """SELECT row, name_folded, vat, email, client_key,
                      ARRAY(SELECT u.value FROM unnest(e164s, personal)
                                AS u(value, personal) WHERE u.personal)
               FROM telemarketing_import_stage WHERE row = ANY(%s)""",
            [list(wanted)],
        )
        rows = {}
        for row, name, vat, email, client_key, phones in cr.fetchall():
            values = {
                "key": [client_key] if client_key else [],
                "phone": phones,
                "vat": [vat] if vat else [],
                "email": [email] if email else [],
            }
            rows[row] = Staged(
                row=row,
                name=name or "",
                vat=vat or "",
                client_key=client_key or "",
                values={key: values[key] for key in asked},
            )
        return rows

    def _write(self, decisions):
        if not decisions:
            return
        self.env.cr.execute_values(
            """UPDATE telemarketing_import_stage s
               SET action = d.action, ok = d.action <> 'skip',
                   match_id = d.contact::int, match_partner_id = d.partner::int,
                   match_by = d.by, match_row = d.match_row::int,
                   problems = NULLIF(COALESCE(s.problems, '[]') || d.problems::jsonb,
                                     '[]'),
                   notices = NULLIF(COALESCE(s.notices, '[]') || d.notices::jsonb,
                                    '[]')
               FROM (VALUES %s) AS d(row, action, contact, partner, by, match_row,
                                     problems, notices)
               WHERE s.row = d.row""",
            [
                (
                    *(d.row, d.action, d.contact, d.partner, d.by, d.match_row),
                    *(json.dumps(d.problems), json.dumps(d.notices)),
                )
                for d in decisions
            ],
            page_size=5000,
        )
