import json

from odoo import api, fields, models
from odoo.tools import SQL

from ..identity.text import fold
from ..importing.matching import KEYS, Known, Staged, decide
from .consent import start_of_day

#: Of people who share one number, NIF or mail, so many are looked at: a switchboard
#: loaded anyway a thousand times must not make a thousand pairs of each row.
SHARING = 10

_SAME_VAT = (
    "s.vat IS NOT NULL AND COALESCE(there.vat, '') IN ('', s.vat, 'ES' || s.vat)"
)

# What a column marked to be updated writes in the contact: ``{target: {field: SQL over
# stage s, contact there, province its, type its_type}}``. An empty cell is NULL and
# writes nothing.
UPDATES = {
    "name": {"name": "s.name"},
    "surname": {"name": "s.name"},
    # Another NIF is never written over one that is there: what was excluded by it
    # would be free again, and it may be somebody else.
    "vat": {
        "vat": f"CASE WHEN {_SAME_VAT} THEN s.vat END",
        "is_company": f"CASE WHEN {_SAME_VAT} THEN s.is_company END",
    },
    "street": {"street": "s.street"},
    "zip": {"zip": "s.zip", "state_id": "its.id"},
    "city": {"city": "s.city"},
    "state": {"state_id": "its.id"},
    "email": {"email": "s.email"},
    "birthdate": {"birthdate": "s.birthdate"},
    "language": {"lang": "s.lang"},
    "note": {"note": "s.note"},
    "iban": {"iban": "s.iban"},
    "contact_type": {"type_id": "its_type.id"},
    "external_key": {"client_key": "s.client_key"},
    "client_until": {"client_until": "s.client_until"},
    "interacted_on": {"interacted_on": "s.interacted_on"},
    "is_professional": {"is_professional": "NULLIF(s.is_professional, false)"},
    # A consent or a request without its day would take a better basis away.
    "legal_basis": {
        "legal_basis": """CASE WHEN s.legal_basis NOT IN ('consent', 'request')
                                 OR s.basis_date IS NOT NULL THEN s.legal_basis END""",
        "basis_date": "s.basis_date",
        "basis_source": "s.basis_source",
    },
    "basis_date": {"basis_date": "s.basis_date"},
    "basis_source": {"basis_source": "s.basis_source"},
}

# Adds to what the same row changed already, or is the first thing that it changed.
_ADD_CHANGES = """
    WITH found AS (
        SELECT job, company, uid, contact, file_row,
               CASE WHEN was = 'null' THEN '{}'::jsonb
                    ELSE jsonb_build_object(key, was::jsonb) END AS was,
               jsonb_build_object(key, now::jsonb) AS now
        FROM (VALUES %s) AS v(job, company, uid, key, contact, file_row, was, now)
    ), known AS (
        UPDATE telemarketing_import_change h
        SET old_values = h.old_values || f.was, new_values = h.new_values || f.now
        FROM found f
        WHERE h.import_id = f.job AND h.contact_id = f.contact
          AND h.row = f.file_row AND h.partner_id IS NULL
        RETURNING h.contact_id
    )
    INSERT INTO telemarketing_import_change
        (import_id, company_id, contact_id, row, old_values, new_values, kept,
         create_uid, create_date, write_uid, write_date)
    SELECT job, company, contact, file_row, was, now, false,
           uid, now() AT TIME ZONE 'UTC', uid, now() AT TIME ZONE 'UTC'
    FROM found WHERE contact NOT IN (SELECT contact_id FROM known)"""

_PLANNER = ("enable_hashjoin", "enable_mergejoin", "enable_seqscan")


#: Contacts whose answer to "may we call?" is asked at once, inline.
SLICE = 2000


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
            d
            for d in decisions
            if d.action != "insert" or d.notices or d.match_row or d.partner
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
        # What is forbidden costs so much on paper that each would be compiled.
        cr.execute(
            SQL("; ").join(
                SQL(f"SET LOCAL {name} = off") for name in (*_PLANNER, "jit")
            )
        )
        found = [row for query in people for row in self._rows(query)]
        cr.execute(
            SQL("; ").join(SQL(f"SET LOCAL {name} = DEFAULT") for name in _PLANNER)
        )
        result = {}
        found = self._unmerged(found)
        updated = self._updated(job, {row[3] for row in found})
        for row, key, value, contact, partner, *rest in found:
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
                    row=import_row if import_id == job.id else updated.get(contact),
                    stage=stage or "",
                    writable=database in writable,
                )
            )
        return result

    def _updated(self, job, contact_ids):
        """``{contact: row}`` of those whom an earlier chunk of the file changed: the
        first row of a person wins, also across chunks."""
        if job.duplicates != "update" or not contact_ids:
            return {}
        self.env.cr.execute(
            """SELECT contact_id, min(row) FROM telemarketing_import_change
               WHERE import_id = %s AND contact_id = ANY(%s) AND partner_id IS NULL
               GROUP BY contact_id""",
            [job.id, [each for each in contact_ids if each]],
        )
        return dict(self.env.cr.fetchall())

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
        """People who share this key with a row; columns as ``_known`` reads them.

        OFFSET 0: by the key's own index, whatever the planner thinks of a database or
        a client company that it has not seen since this load began to fill it.
        """
        within, own = self._within(job), job.database_id.id
        source = {
            "phone": SQL(
                """CROSS JOIN LATERAL unnest(s.e164s, s.personal) AS u(value, personal)
                   CROSS JOIN LATERAL (
                       SELECT c.* FROM (
                           SELECT contact_id FROM telemarketing_contact_phone
                           WHERE e164 = u.value AND u.personal AND state <> 'bad'
                           OFFSET 0) p
                       CROSS JOIN LATERAL (
                           SELECT * FROM telemarketing_contact
                           WHERE id = p.contact_id OFFSET 0) c
                       WHERE %s""",
                within,
            ),
            "vat": SQL(
                """CROSS JOIN LATERAL (SELECT s.vat AS value) u
                   CROSS JOIN LATERAL (
                       SELECT c.* FROM (
                           SELECT * FROM telemarketing_contact
                           WHERE vat = s.vat OFFSET 0) c
                       WHERE %s""",
                within,
            ),
            "email": SQL(
                """CROSS JOIN LATERAL (SELECT s.email AS value) u
                   CROSS JOIN LATERAL (
                       SELECT c.* FROM (
                           SELECT * FROM telemarketing_contact
                           WHERE email = s.email OFFSET 0) c
                       WHERE %s""",
                within,
            ),
            "key": SQL(
                """CROSS JOIN LATERAL (SELECT s.client_key AS value) u
                   CROSS JOIN LATERAL (
                       SELECT c.* FROM (
                           SELECT * FROM telemarketing_contact
                           WHERE client_key = s.client_key OFFSET 0) c
                       WHERE c.database_id = ANY(%s)""",
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
                   JOIN res_partner g
                     ON g.phone_sanitized = u.value AND u.personal"""
            ),
            # Odoo's users write it with and without the country.
            "vat": SQL(
                """CROSS JOIN LATERAL (SELECT s.vat AS value) u
                   JOIN res_partner g ON g.vat = ANY(ARRAY[s.vat, 'ES' || s.vat])"""
            ),
            "email": SQL(
                """CROSS JOIN LATERAL (SELECT s.email AS value) u
                   JOIN res_partner g ON g.email_normalized = s.email"""
            ),
        }[key]
        return SQL(
            """SELECT s.row, %s, u.value, c.id, r.id, r.name, r.vat, c.client_key,
                      c.database_id, d.name, c.import_id, c.import_row, r.funnel_stage,
                      NULL
               FROM telemarketing_import_stage s %s
               -- Who was merged into somebody stands for that one.
               JOIN res_partner r
                 ON r.id = COALESCE(g.telemarketing_merged_into_id, g.id)
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
        cr.execute(  # pylint: disable=sql-injection
            # constants above
            f"""SELECT array_agg(row)
                FROM ({" UNION ALL ".join(parts[key] for key in asked)})
                     AS k(row, key, value)
                GROUP BY key, value HAVING count(*) > 1"""
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

    # UPDATE

    @api.model
    def _update(self, job):
        """Write the columns marked of the rows whose action is update to the people
        they repeat, and what changed to ``telemarketing.import.change``.

        Empty cells write nothing; numbers are added behind those that are there, none
        is taken away. Rows that change nothing get the action ``unchanged``. Numbers
        of these rows stand in ``telemarketing_number`` already.

        :return: how many people changed
        """
        marked = job.column_ids.filtered("is_updated")
        targets = set(marked.mapped("target"))
        if any(marked.mapped("is_key")):
            targets.add("external_key")
        columns = {}
        for target in sorted(target for target in targets if target):
            columns |= UPDATES.get(target, {})
        extras = marked.filtered(lambda column: column.target == "extra")
        cr = self.env.cr
        self.env.flush_all()
        # Always in the same order, so that two loads never wait for each other.
        cr.execute(
            """SELECT count(*) FROM (
                   SELECT c.id FROM telemarketing_contact c
                   WHERE c.id IN (SELECT match_id FROM telemarketing_import_stage
                                  WHERE ok AND action = 'update')
                   ORDER BY c.id FOR NO KEY UPDATE) locked"""
        )
        if not cr.fetchone()[0]:
            return 0
        if extras:
            self._define_elsewhere(job, extras)
        changed = {}
        if columns or extras:
            properties = [column._property_name() for column in extras]
            changed = self._write_changes(job, columns, properties)
        if "phone" in targets:
            self._write_phones(job, changed)
        if fields_of := [
            column.profile_field for column in marked if column.target == "profile"
        ]:
            self._write_profile(job, fields_of, changed)
        if "category" in targets:
            self._write_categories(job, changed)
        cr.execute(
            """UPDATE telemarketing_import_stage SET action = 'unchanged'
               WHERE ok AND action = 'update' AND match_id IS NOT NULL
                 AND match_id <> ALL(%s)""",
            [list(changed)],
        )
        self.env.invalidate_all(flush=False)
        count = len(changed)
        if {"legal_basis", "basis_date"} & targets:
            # With the change, so that undoing the load takes them back.
            self._add_changes(job, "consents", self._note_consents(job), changed)
        self._ask_again(changed)
        return count

    def _define_elsewhere(self, job, extras):
        """The extra columns for people of other campaigns of the client company."""
        self.env.cr.execute(
            """SELECT DISTINCT c.campaign_id FROM telemarketing_contact c
               JOIN telemarketing_import_stage s ON s.match_id = c.id
               WHERE s.ok AND s.action = 'update' AND c.campaign_id <> %s""",
            [job.campaign_id.id],
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        for campaign in self.env["telemarketing.campaign"].sudo().browse(ids):
            definition = list(campaign.contact_properties_definition or [])
            known = {field["name"] for field in definition}
            added = [
                {"name": name, "string": column.heading, "type": "char"}
                for column in extras
                if (name := column._property_name()) not in known
            ]
            if added:
                campaign.contact_properties_definition = definition + added
        self.env.flush_all()

    def _write_changes(self, job, columns, properties):
        """``{contact: names of what changed}``, in one statement."""
        columns = columns or {"name": "NULL::varchar"}
        new = SQL(", ").join(
            SQL("%s AS %s", SQL(value), SQL.identifier(name))
            for name, value in columns.items()
        )
        pairs = SQL(", ").join(
            SQL(
                "(%s, to_jsonb(c.%s), to_jsonb(n.%s))",
                name,
                SQL.identifier(name),
                SQL.identifier(name),
            )
            for name in columns
        )
        assignments = SQL(", ").join(
            SQL(
                "%s = COALESCE(d.%s, c.%s)",
                SQL.identifier(name),
                SQL.identifier(name),
                SQL.identifier(name),
            )
            for name in columns
        )
        types = {}
        if "type_id" in columns:
            types = self._masters(job, "telemarketing.contact.type")
        cr = self.env.cr
        cr.execute(
            SQL(
                """
            WITH new AS (
                SELECT s.row AS file_row, s.match_id AS contact, %(new)s,
                       extra.new AS extra_new, extra.old AS extra_old, h.properties
                FROM telemarketing_import_stage s
                JOIN telemarketing_contact there ON there.id = s.match_id
                CROSS JOIN LATERAL (
                    SELECT CASE WHEN jsonb_typeof(there.contact_properties) = 'object'
                                THEN there.contact_properties ELSE '{}' END
                           AS properties) h
                LEFT JOIN res_country_state its
                       ON its.code = s.state AND its.country_id = %(spain)s
                LEFT JOIN unnest(%(type_names)s::text[], %(type_ids)s::int[])
                       AS its_type(name, id) ON its_type.name = lower(s.contact_type)
                CROSS JOIN LATERAL (
                    SELECT jsonb_object_agg(e.key, e.value) AS new,
                           jsonb_object_agg(e.key, h.properties -> e.key) AS old
                    FROM jsonb_each(COALESCE(s.extra, '{}')) e
                    WHERE e.key = ANY(%(properties)s::text[])
                      AND e.value IS DISTINCT FROM h.properties -> e.key) extra
                WHERE s.ok AND s.action = 'update'
            ), diff AS (
                SELECT n.*, c.write_date AS written,
                       v.old || CASE WHEN n.extra_new IS NULL THEN '{}' ELSE
                           jsonb_build_object('contact_properties', n.extra_old) END
                           AS old_values,
                       v.new || CASE WHEN n.extra_new IS NULL THEN '{}' ELSE
                           jsonb_build_object('contact_properties', n.extra_new) END
                           AS new_values
                FROM new n
                JOIN telemarketing_contact c ON c.id = n.contact
                CROSS JOIN LATERAL (
                    SELECT COALESCE(jsonb_object_agg(p.name, p.old), '{}') AS old,
                           COALESCE(jsonb_object_agg(p.name, p.new), '{}') AS new
                    FROM (VALUES %(pairs)s) AS p(name, old, new)
                    WHERE p.new IS NOT NULL AND p.new IS DISTINCT FROM p.old) v
            ), changes AS (
                -- When it was written last, for whoever undoes it leaves no trace.
                SELECT d.*, d.old_values || jsonb_build_object(
                                'write_date', d.written) AS was,
                       d.new_values || jsonb_build_object(
                                'write_date', %(now)s::timestamp) AS now
                FROM diff d WHERE d.new_values <> '{}'
            ), written AS (
                UPDATE telemarketing_contact c
                SET %(assignments)s, write_date = %(now)s, write_uid = %(uid)s,
                    contact_properties = CASE WHEN d.extra_new IS NULL
                        THEN c.contact_properties ELSE d.properties || d.extra_new END
                FROM changes d
                WHERE c.id = d.contact
            )
            INSERT INTO telemarketing_import_change
                (import_id, company_id, contact_id, row, old_values, new_values, kept,
                 create_uid, create_date, write_uid, write_date)
            SELECT %(job)s, %(company)s, contact, file_row, was, now, false,
                   %(uid)s, %(now)s, %(uid)s, %(now)s
            FROM changes ORDER BY file_row
            RETURNING contact_id, ARRAY(SELECT jsonb_object_keys(new_values))""",
                new=new,
                pairs=pairs,
                assignments=assignments,
                properties=properties,
                type_names=list(types),
                type_ids=list(types.values()),
                spain=self.env.ref("base.es").id,
                company=job.company_id.id,
                job=job.id,
                uid=self.env.uid,
                now=fields.Datetime.now(),
            )
        )
        return {contact: set(names) for contact, names in cr.fetchall()}

    def _masters(self, job, model):
        """``{name in lower case, in any language: id}``"""
        found = {}
        domain = [("company_id", "in", (False, job.company_id.id))]
        for code, _name in self.env["res.lang"].get_installed():
            for record in self.env[model].sudo().with_context(lang=code).search(domain):
                found.setdefault((record.name or "").lower(), record.id)
        return found

    def _write_phones(self, job, changed):
        """Numbers go behind those that are there."""
        now = fields.Datetime.now()
        cr = self.env.cr
        cr.execute(
            """INSERT INTO telemarketing_contact_phone
                   (contact_id, company_id, sequence, raw, e164, number_id, state,
                    create_date, write_date)
               SELECT s.match_id, n.company_id, last.sequence + 10 * u.place,
                      left(u.raw, 64), u.e164, n.id, 'ok', %(now)s, %(now)s
               FROM telemarketing_import_stage s
               CROSS JOIN LATERAL unnest(s.e164s, s.raws) WITH ORDINALITY
                   AS u(e164, raw, place)
               JOIN telemarketing_number n
                 ON n.company_id = %(company)s AND n.e164 = u.e164
               CROSS JOIN LATERAL (
                   SELECT COALESCE(max(p.sequence), 0) AS sequence,
                          COALESCE(array_agg(p.e164), '{}') AS there
                   FROM telemarketing_contact_phone p
                   WHERE p.contact_id = s.match_id) last
               WHERE s.ok AND s.action = 'update' AND u.e164 <> ALL(last.there)
               ORDER BY s.match_id, u.place
               RETURNING id, contact_id""",
            {"company": job.company_id.id, "now": now},
        )
        added = {}
        for phone, contact in cr.fetchall():
            added.setdefault(contact, []).append(phone)
        self._add_changes(job, "phones", self._of_rows(added), changed)

    def _of_rows(self, added):
        """``(contact, row, None, what was added)``"""
        self.env.cr.execute(
            """SELECT match_id, row FROM telemarketing_import_stage
               WHERE match_id = ANY(%s) AND ok AND action = 'update'""",
            [list(added)],
        )
        return [
            (contact, row, None, added[contact])
            for contact, row in self.env.cr.fetchall()
        ]

    def _write_profile(self, job, names, changed):
        """Fields of the campaign's profile: into the person's target there, the open
        one if there is one."""
        cr = self.env.cr
        cr.execute(
            """
            WITH due AS (
                SELECT s.match_id AS contact, s.row AS file_row, t.id, t.properties,
                       e.new, e.old
                FROM telemarketing_import_stage s
                CROSS JOIN LATERAL (
                    SELECT t.id,
                           CASE WHEN jsonb_typeof(t.target_properties) = 'object'
                                THEN t.target_properties ELSE '{}' END AS properties
                    FROM telemarketing_target t
                    WHERE t.contact_id = s.match_id AND t.campaign_id = %(campaign)s
                    ORDER BY t.state IN ('done', 'excluded'), t.id DESC LIMIT 1) t
                CROSS JOIN LATERAL (
                    SELECT jsonb_object_agg(e.key, e.value) AS new,
                           jsonb_object_agg(e.key, t.properties -> e.key) AS old
                    FROM jsonb_each(s.profile) e
                    WHERE e.key = ANY(%(names)s)
                      AND e.value IS DISTINCT FROM t.properties -> e.key) e
                WHERE s.ok AND s.action = 'update' AND s.profile IS NOT NULL
                  AND e.new IS NOT NULL
            )
            UPDATE telemarketing_target t
            SET target_properties = due.properties || due.new
            FROM due WHERE t.id = due.id
            RETURNING due.contact, due.file_row, due.id, due.old, due.new""",
            {"campaign": job.campaign_id.id, "names": names},
        )
        self._add_changes(
            job,
            "target_properties",
            [
                (contact, row, {"values": old}, {"target": target, "values": new})
                for contact, row, target, old, new in cr.fetchall()
            ],
            changed,
        )

    def _write_categories(self, job, changed):
        """Categories are added to those that the person has."""
        masters = self._masters(job, "telemarketing.contact.category")
        field = self.env["telemarketing.contact"]._fields["category_ids"]
        cr = self.env.cr
        cr.execute(
            SQL(
                """INSERT INTO %(table)s (%(contact)s, %(category)s)
                   SELECT DISTINCT s.match_id, m.id
                   FROM telemarketing_import_stage s
                   CROSS JOIN LATERAL
                       unnest(string_to_array(s.category, '|')) AS n(name)
                   JOIN unnest(%(names)s::text[], %(ids)s::int[]) AS m(name, id)
                     ON m.name = lower(n.name)
                   WHERE s.ok AND s.action = 'update' AND s.match_id IS NOT NULL
                   ON CONFLICT DO NOTHING
                   RETURNING %(contact)s, %(category)s""",
                table=SQL.identifier(field.relation),
                contact=SQL.identifier(field.column1),
                category=SQL.identifier(field.column2),
                names=list(masters),
                ids=list(masters.values()),
            )
        )
        added = {}
        for contact, category in cr.fetchall():
            added.setdefault(contact, []).append(category)
        self._add_changes(job, "categories", self._of_rows(added), changed)

    def _add_changes(self, job, name, found, changed):
        """One more thing that this file changed in these people.

        :param list found: ``(contact, row, old, new)``
        """
        if not found:
            return
        self.env.cr.execute_values(
            _ADD_CHANGES,
            [
                (
                    *(job.id, job.company_id.id, self.env.uid, name),
                    *(contact, row, json.dumps(old), json.dumps(new)),
                )
                for contact, row, old, new in found
            ],
            page_size=5000,
        )
        for contact, *_rest in found:
            changed.setdefault(contact, set()).add(name)

    def _note_consents(self, job):
        """The consents that the rows of people who were there claim, into the ledger;
        a no is the loader's to note, whatever becomes of its row. What the ledger
        knows already is not written again.

        :return: ``[(contact, row of the file, None, [id in the ledger])]``
        """
        cr = self.env.cr
        cr.execute(
            """SELECT c.id, s.row, s.basis_date, s.consent_text, s.basis_source,
                      c.database_id
               FROM telemarketing_import_stage s
               JOIN telemarketing_contact c ON c.id = s.match_id
               WHERE s.ok AND s.action IN ('update', 'unchanged')
                 AND NOT s.consent_denied
                 AND s.legal_basis = 'consent' AND s.basis_date IS NOT NULL
                 AND (c.consented_on IS NULL OR c.consented_on < s.basis_date)
               ORDER BY s.row"""
        )
        rows = cr.fetchall()
        if not rows:
            return []
        texts = job._texts() if any(row[3] for row in rows) else {}
        values = []
        for contact, row, day, text, source, database in rows:
            where = self.env._("%(file)s, row %(row)s", file=job.filename, row=row)
            values.append(
                {
                    "contact_id": contact,
                    "database_id": database,
                    "purpose": "call",
                    "channel": "file",
                    "given_at": start_of_day(day),
                    "text_id": texts.get(fold(text)) if text else False,
                    "text_version": (text or "")[:200] or False,
                    "source": f"{source} · {where}" if source else where,
                }
            )
        consents = self.env["telemarketing.consent"].sudo().create(values)
        self.env.flush_all()
        return [
            (row[0], row[1], None, consent.ids)
            for row, consent in zip(rows, consents, strict=True)
        ]

    def _ask_again(self, changed):
        """Consents and the answer to "may we call?" of these people, where it may have
        changed; who was excluded with a NIF or for want of a number may come back.

        :param dict changed: ``{contact: names of what changed}``; ``consents`` where
            something was written into the ledger
        """
        Target = self.env["telemarketing.target"]
        Contact = self.env["telemarketing.contact"].sudo()
        numbers = {"vat", "phones"}
        said = Contact._CONSENT_FIELDS | numbers | {"consents"}
        facts = Contact._GATE_FIELDS | {"consents", "partner_id"}
        answered = [each for each, names in changed.items() if said & names]
        asked = {each for each, names in changed.items() if facts & names}
        asked.update(
            self.env["telemarketing.consent"]._refresh_contacts(answered, gate=False)
        )
        revived = {each for each, names in changed.items() if numbers & names}
        for method, ids in (
            (lambda some: Target._revive(some), sorted(revived)),
            (lambda some: Target._refresh_gate(contacts=some), sorted(asked - revived)),
        ):
            for start in range(0, len(ids), SLICE):
                method(Contact.browse(ids[start : start + SLICE]))
        self.env.invalidate_all()
