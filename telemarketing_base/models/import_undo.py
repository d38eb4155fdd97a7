from psycopg2.errors import ForeignKeyViolation

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .exclusion import MAX_NAMES
from .import_matcher import SLICE, UPDATES
from .import_partners import QUIET
from .privacy_eraser import HELD

# States from which a load can be taken back.
UNDOABLE = ("done", "stopped", "failed")
# Partners and opportunities taken back by one transaction: they go by the ORM.
PARTNERS = 200

#: Why somebody whom the file brought stays, the weightiest first.
STAYS = ("called", "working", "client", "merged", "edited", "consent", "elsewhere")


class TelemarketingImportUndoMixin(models.AbstractModel):
    """Undoing a load: people whom nobody has touched since go, changed values go back
    where they are still what the file wrote.

    In the background, in chunks that commit; what a crash leaves is taken the next
    time. Objections that the file brought stay: they are the people's, not ours.
    """

    _name = "telemarketing.import.undo.mixin"
    _description = "Loads Taken Back"

    undo_position = fields.Integer(readonly=True, copy=False)
    undone_people = fields.Integer("Taken Back", readonly=True, copy=False)
    kept_people = fields.Integer(
        "Stay", readonly=True, copy=False, help="Somebody has worked with them since."
    )
    restored = fields.Integer("Put Back", readonly=True, copy=False)
    not_restored = fields.Integer(
        "Not Put Back",
        readonly=True,
        copy=False,
        help="People with values that somebody has changed again since the file.",
    )
    undone_by_id = fields.Many2one("res.users", "Undone by", readonly=True, copy=False)
    undone_at = fields.Datetime("Undone on", readonly=True, copy=False)

    def action_undo(self):
        """What would go and what would stay, before anybody decides."""
        self.ensure_one()
        self._check_undoable()
        wizard = self.env["telemarketing.import.undo"].create({"import_id": self.id})
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Undo the Load"),
            "res_model": wizard._name,
            "res_id": wizard.id,
            "view_mode": "form",
            "target": "new",
        }

    def _check_undoable(self):
        self.ensure_one()
        self._check_may_act()
        if self.state not in UNDOABLE or not self.position:
            raise UserError(
                self.env._(
                    "%s has loaded nobody who could be taken back.", self.filename
                )
            )

    @api.private
    def _start_undo(self):
        """Ask for the work; whoever calls has shown what it does."""
        self._check_undoable()
        self.sudo().write(
            {
                "state": "undoing",
                "stop_asked": False,
                "error": False,
                "undo_position": 0,
                "undone_people": 0,
                "kept_people": 0,
                "restored": 0,
                "not_restored": 0,
                "undone_by_id": self.env.uid,
                "undone_at": fields.Datetime.now(),
            }
        )
        self.env.ref("telemarketing_base.cron_import").sudo()._trigger()

    # WHO STAYS

    @api.private
    def _touched_sql(self, where):
        """``(id, why)`` of people whom the file brought and somebody has touched since,
        perhaps several times; ``why`` of STAYS.

        :param SQL where: condition on contact ``c``
        """
        mine = SQL("c.import_id = %s AND %s", self.id, where)
        lead = SQL(
            """EXISTS (SELECT FROM telemarketing_import_change h
                       WHERE h.import_id = %s AND h.contact_id = c.id
                         AND h.new_values -> 'lead_id' = to_jsonb(c.lead_id))""",
            self.id,
        )
        # Whoever was loaded as a prospect or client is one by the file itself.
        as_such = self.kind in ("prospects", "clients")
        return SQL(
            """
            SELECT c.id, 'called' AS why FROM telemarketing_interaction i
            JOIN telemarketing_contact c ON c.id = i.contact_id WHERE %(mine)s
            UNION ALL
            SELECT c.id, CASE WHEN t.attempts > 0 OR t.contacted > 0
                                OR t.last_result_at IS NOT NULL THEN 'called'
                              WHEN t.campaign_id <> c.campaign_id THEN 'elsewhere'
                              ELSE 'working' END
            FROM telemarketing_target t
            JOIN telemarketing_contact c ON c.id = t.contact_id
            WHERE %(mine)s
              AND (t.attempts > 0 OR t.contacted > 0 OR t.last_result_at IS NOT NULL
                   OR t.state = ANY(%(held)s) OR t.callback OR t.notes IS NOT NULL
                   OR t.next_call_at IS NOT NULL OR t.interaction_id IS NOT NULL
                   OR t.asked_hour OR t.campaign_id <> c.campaign_id
                   OR t.segment_id IS NOT NULL)
            UNION ALL
            SELECT c.id, 'working' FROM calendar_event e
            JOIN telemarketing_target t ON t.id = e.telemarketing_target_id
            JOIN telemarketing_contact c ON c.id = t.contact_id WHERE %(mine)s
            UNION ALL
            SELECT c.id, 'client' FROM telemarketing_contact c
            WHERE %(mine)s AND (c.partner_id IS NOT NULL AND NOT %(as_such)s
                                OR c.lead_id IS NOT NULL AND NOT %(lead)s)
            UNION ALL
            SELECT c.id, 'client' FROM telemarketing_contact c
            JOIN crm_lead l ON l.id = c.lead_id
            WHERE %(mine)s AND %(lead_worked)s
            UNION ALL
            SELECT c.id, 'client' FROM telemarketing_contact c
            JOIN telemarketing_import_change h
              ON h.partner_id = c.partner_id AND h.import_id = c.import_id
             AND COALESCE(h.old_values, 'null') IN ('null', 'false')
            JOIN res_partner r ON r.id = c.partner_id
            WHERE %(mine)s AND %(partner_worked)s
            UNION ALL
            SELECT c.id, 'merged' FROM telemarketing_contact c
            WHERE %(mine)s AND c.merged_into_id IS NOT NULL
            UNION ALL
            SELECT c.id, 'merged' FROM telemarketing_contact o
            JOIN telemarketing_contact c ON c.id = o.merged_into_id WHERE %(mine)s
            UNION ALL
            SELECT c.id, 'edited' FROM telemarketing_contact c
            WHERE %(mine)s AND c.write_date IS DISTINCT FROM c.create_date
            UNION ALL
            SELECT c.id, 'edited' FROM telemarketing_contact_phone p
            JOIN telemarketing_contact c ON c.id = p.contact_id
            WHERE %(mine)s
              AND (p.write_date IS DISTINCT FROM p.create_date OR p.state <> 'ok'
                   OR p.create_uid IS NOT NULL)
            UNION ALL
            SELECT c.id, 'edited' FROM telemarketing_import_change h
            JOIN telemarketing_contact c ON c.id = h.contact_id
            WHERE %(mine)s AND h.import_id <> c.import_id
            UNION ALL
            SELECT c.id, 'consent' FROM telemarketing_consent k
            JOIN telemarketing_contact c ON c.id = k.contact_id
            WHERE %(mine)s
              AND (k.channel <> 'file' OR k.database_id IS DISTINCT FROM c.database_id
                   OR k.interaction_id IS NOT NULL OR k.renewal_of_id IS NOT NULL
                   OR k.withdrawal_channel <> 'file'
                   OR EXISTS (SELECT FROM telemarketing_consent n
                              WHERE n.renewal_of_id = k.id))
            UNION ALL
            SELECT c.id, 'consent' FROM telemarketing_exclusion e
            JOIN telemarketing_contact c ON c.id = e.contact_id
            WHERE %(mine)s
              AND (e.channel IS DISTINCT FROM 'file'
                   OR num_nonnulls(e.number_id, e.vat) = 0)
            UNION ALL
            SELECT c.id, 'elsewhere' FROM telemarketing_erasure_contact_rel e
            JOIN telemarketing_contact c ON c.id = e.contact_id WHERE %(mine)s
            """,
            mine=mine,
            held=list(HELD),
            as_such=as_such,
            lead=lead,
            lead_worked=self._lead_worked_sql(),
            partner_worked=self._partner_worked_sql(),
        )

    @api.private
    def _lead_worked_sql(self):
        """Whether anybody has touched opportunity ``l``."""
        return SQL(
            """(l.write_date IS DISTINCT FROM l.create_date OR NOT l.active
                OR EXISTS (SELECT FROM sale_order o WHERE o.opportunity_id = l.id)
                OR EXISTS (SELECT FROM calendar_event e WHERE e.opportunity_id = l.id)
                OR EXISTS (SELECT FROM mail_activity a
                           WHERE a.res_model = 'crm.lead' AND a.res_id = l.id)
                OR EXISTS (SELECT FROM mail_message m
                           WHERE m.model = 'crm.lead' AND m.res_id = l.id
                             AND m.message_type NOT IN ('notification',
                                                        'auto_comment')))"""
        )

    @api.private
    def _partner_worked_sql(self):
        """Whether anybody has touched partner ``r``, or anything rests on it."""
        return SQL(
            """(r.write_date IS DISTINCT FROM r.create_date OR NOT r.active
                OR EXISTS (SELECT FROM sale_order o
                           WHERE r.id IN (o.partner_id, o.partner_invoice_id,
                                          o.partner_shipping_id))
                OR EXISTS (SELECT FROM account_move a WHERE a.partner_id = r.id)
                OR EXISTS (SELECT FROM telemarketing_interaction i
                           WHERE i.partner_id = r.id)
                OR EXISTS (SELECT FROM telemarketing_consent k
                           WHERE k.partner_id = r.id)
                OR EXISTS (SELECT FROM res_partner child WHERE child.parent_id = r.id)
                OR EXISTS (SELECT FROM res_users u WHERE u.partner_id = r.id)
                OR EXISTS (SELECT FROM telemarketing_contact o
                           WHERE o.partner_id = r.id
                             AND o.import_id IS DISTINCT FROM %(job)s
                             -- Whom the load itself linked is unlinked first.
                             AND NOT EXISTS (
                                 SELECT FROM telemarketing_import_change h
                                 WHERE h.import_id = %(job)s AND h.contact_id = o.id
                                   AND h.partner_id IS NULL
                                   AND h.kept IS NOT TRUE
                                   AND h.new_values -> 'partner_id'
                                       = to_jsonb(r.id)))
                OR EXISTS (SELECT FROM crm_lead o WHERE o.partner_id = r.id
                           AND NOT EXISTS (
                               SELECT FROM telemarketing_import_change h
                               WHERE h.import_id = %(job)s
                                 AND h.new_values -> 'lead_id' = to_jsonb(o.id)))
                OR EXISTS (SELECT FROM mail_activity a
                           WHERE a.res_model = 'res.partner' AND a.res_id = r.id)
                OR EXISTS (SELECT FROM mail_message m
                           WHERE m.model = 'res.partner' AND m.res_id = r.id
                             AND m.message_type NOT IN ('notification',
                                                        'auto_comment')))""",
            job=self.id,
        )

    @api.private
    def _undo_counts(self):
        """``(people whom the file brought and who are there, {why: people who stay},
        people changed)``"""
        self.ensure_one()
        self.env.flush_all()
        if self.kind == "articles":
            return self.env["telemarketing.import.articles"]._undo_counts(self)
        rows = self.env.execute_query(
            SQL(
                """SELECT why, count(*) FROM (
                       SELECT DISTINCT ON (id) id, why FROM (%s) touched
                       ORDER BY id, array_position(%s::text[], why)) once
                   GROUP BY why""",
                self._touched_sql(SQL("true")),
                list(STAYS),
            )
        )
        ((people, changed),) = self.env.execute_query(
            SQL(
                """SELECT (SELECT count(*) FROM telemarketing_contact
                           WHERE import_id = %(job)s),
                          (SELECT count(*) FROM telemarketing_import_change
                           WHERE import_id = %(job)s AND partner_id IS NULL
                             AND NOT new_values ? 'lead_id')""",
                job=self.id,
            )
        )
        return people, dict(rows), changed

    # THE WORK

    @api.private
    def _undo(self):
        """All of it, from where it was left."""
        for _piece in self._undo_steps():
            pass

    @api.private
    def _undo_steps(self):
        """A generator that takes the load back and yields after each chunk that
        stands."""
        self.ensure_one()
        if self.kind == "articles":
            yield from self.env["telemarketing.import.articles"]._undo_steps(self)
            return
        for work in (self._undo_changes, self._undo_people, self._undo_partners):
            while True:
                self._begin_chunk()
                # Nobody is given a number that we take away, nor updated meanwhile.
                self.env["telemarketing.import.loader"]._lock(
                    self.database_id.company_id,
                    self.database_id.principal_id,
                    alone=True,
                )
                done = work()
                if not done:
                    break
                self._keep_chunk(done, max(0, self.loaded - self.undone_people))
                yield done
        self.write({"state": "undone"})
        self._keep_chunk(0)

    @api.private
    def _undo_changes(self):
        """Values go back where they are still what the file wrote; what somebody has
        changed since stays, and stays listed."""
        cr = self.env.cr
        self.env.flush_all()
        cr.execute(
            """SELECT id, contact_id FROM telemarketing_import_change
               WHERE import_id = %s AND partner_id IS NULL AND contact_id IS NOT NULL
                 AND kept IS NOT TRUE AND NOT new_values ? 'lead_id'
               ORDER BY id LIMIT %s FOR UPDATE""",
            [self.id, SLICE],
        )
        found = dict(cr.fetchall())
        if not found:
            return 0
        changes, contacts = list(found), sorted(set(found.values()))
        cr.execute(
            "SELECT id FROM telemarketing_contact WHERE id = ANY(%s)"
            " ORDER BY id FOR NO KEY UPDATE",
            [contacts],
        )
        names = [
            name
            for name, field in self.env["telemarketing.contact"]._fields.items()
            if field.store and field.column_type and name in self._undoable_fields()
        ]
        assignments = SQL(", ").join(
            SQL(
                """%(name)s = CASE WHEN d.back ? %(key)s THEN
                       (jsonb_populate_record(NULL::telemarketing_contact,
                                              d.old_values)).%(name)s
                   ELSE c.%(name)s END""",
                name=SQL.identifier(name),
                key=name,
            )
            for name in names
        )
        cr.execute(
            SQL(
                """
            WITH due AS (
                SELECT h.id, h.contact_id, h.old_values, h.new_values,
                       to_jsonb(c) AS now,
                       CASE WHEN jsonb_typeof(c.contact_properties) = 'object'
                            THEN c.contact_properties ELSE '{}' END AS properties,
                       COALESCE(h.new_values -> 'contact_properties', '{}') AS extra
                FROM telemarketing_import_change h
                JOIN telemarketing_contact c ON c.id = h.contact_id
                WHERE h.id = ANY(%(changes)s)
            ), d AS (
                SELECT due.*, fit.back, fit.stays, own.back AS extra_back,
                       own.gone AS extra_gone, own.stays AS extra_stays
                FROM due
                CROSS JOIN LATERAL (
                    SELECT COALESCE(jsonb_object_agg(e.key, e.value) FILTER (
                               WHERE f.fits), '{}') AS back,
                           COALESCE(jsonb_object_agg(e.key, e.value) FILTER (
                               WHERE NOT f.fits), '{}') AS stays
                    FROM jsonb_each(due.new_values) e
                    CROSS JOIN LATERAL (
                        SELECT e.value IS NOT DISTINCT FROM due.now -> e.key
                               AND NOT (e.key = 'partner_id'
                                        AND due.id = ANY(%(linked)s)) AS fits) f
                    WHERE e.key = ANY(%(names)s)) fit
                CROSS JOIN LATERAL (
                    SELECT COALESCE(jsonb_object_agg(e.key, o.value) FILTER (
                               WHERE fits AND o.value <> 'null'), '{}') AS back,
                           COALESCE(array_agg(e.key) FILTER (
                               WHERE fits AND o.value = 'null'), '{}') AS gone,
                           COALESCE(jsonb_object_agg(e.key, e.value) FILTER (
                               WHERE NOT fits), '{}') AS stays
                    FROM jsonb_each(due.extra) e
                    CROSS JOIN LATERAL (
                        SELECT COALESCE(due.old_values -> 'contact_properties'
                                        -> e.key, 'null') AS value,
                               e.value IS NOT DISTINCT FROM
                                   due.properties -> e.key AS fits) o) own
            ), written AS (
                UPDATE telemarketing_contact c
                SET %(assignments)s,
                    contact_properties =
                        (d.properties || d.extra_back) - d.extra_gone,
                    -- Nobody else's trace, nor ours, where all is as it was.
                    write_date = CASE WHEN NOT d.new_values ? 'write_date'
                        THEN c.write_date WHEN to_jsonb(c.write_date)
                                           = d.new_values -> 'write_date'
                        THEN (jsonb_populate_record(NULL::telemarketing_contact,
                                                    d.old_values)).write_date
                        ELSE %(now)s END,
                    write_uid = %(uid)s
                FROM d WHERE c.id = d.contact_id
            ), numbers AS (
                DELETE FROM telemarketing_contact_phone p
                USING d
                WHERE p.contact_id = d.contact_id
                  AND d.new_values -> 'phones' @> to_jsonb(p.id)
                  AND NOT EXISTS (SELECT FROM telemarketing_interaction i
                                  WHERE i.phone_id = p.id)
                  AND NOT EXISTS (SELECT FROM telemarketing_target t
                                  WHERE t.phone_id = p.id)
                RETURNING p.id, p.number_id
            )
            SELECT d.id,
                   d.stays || CASE WHEN d.extra_stays = '{}' THEN '{}' ELSE
                       jsonb_build_object('contact_properties', d.extra_stays) END
                   || CASE WHEN d.new_values ? 'phones' THEN jsonb_build_object(
                       'phones', d.new_values -> 'phones') ELSE '{}' END,
                   ARRAY(SELECT jsonb_object_keys(d.new_values)),
                   ARRAY(SELECT n.id FROM numbers n
                         WHERE d.new_values -> 'phones' @> to_jsonb(n.id)),
                   ARRAY(SELECT n.number_id FROM numbers n
                         WHERE d.new_values -> 'phones' @> to_jsonb(n.id))
            FROM d""",
                changes=changes,
                names=names,
                linked=self._still_linked(changes),
                assignments=assignments,
                now=fields.Datetime.now(),
                uid=self.env.uid,
            )
        )
        rows = cr.fetchall()
        beside = self._undo_beside(changes)
        kept, gone, changed, numbers = [], [], {}, set()
        for change, stays, *_rest in rows:
            stays.update(beside.get(change, {}))
        self._sort_restored(rows, found, kept, gone, changed, numbers)
        cr.execute("DELETE FROM telemarketing_import_change WHERE id = ANY(%s)", [gone])
        cr.execute_values(
            """UPDATE telemarketing_import_change h
               SET kept = TRUE, new_values = v.stays::jsonb
               FROM (VALUES %s) AS v(id, stays) WHERE h.id = v.id""",
            kept or [(0, "{}")],
            page_size=SLICE,
        )
        self._drop_numbers(numbers)
        self.env.invalidate_all(flush=False)
        self.write(
            {
                "restored": self.restored + len(gone),
                "not_restored": self.not_restored + len(kept),
            }
        )
        self.env["telemarketing.import.matcher"]._ask_again(changed)
        return len(changes)

    def _still_linked(self, changes):
        """Those of these changes that gave somebody a partner with whom there is work
        since: a partner that the load made and somebody touched, or calls."""
        rows = self.env.execute_query(
            SQL(
                """SELECT h.id FROM telemarketing_import_change h
                   JOIN res_partner r
                     ON r.id = (h.new_values ->> 'partner_id')::int
                   WHERE h.id = ANY(%s) AND h.new_values ? 'partner_id'
                     AND (EXISTS (SELECT FROM telemarketing_interaction i
                                  WHERE i.contact_id = h.contact_id
                                    AND i.partner_id = r.id)
                          OR EXISTS (SELECT FROM telemarketing_import_change m
                                     WHERE m.import_id = %s AND m.partner_id = r.id
                                       AND COALESCE(m.old_values, 'null')
                                           IN ('null', 'false'))
                             AND %s)""",
                changes,
                self.id,
                self._partner_worked_sql(),
            )
        )
        return [row[0] for row in rows]

    def _void_consents(self, changes):
        """Consents that the load claimed of who was there: nobody gave them. They stay
        in the ledger, void; what the person took back since stays taken back."""
        Consent = self.env["telemarketing.consent"].sudo()
        self.env.cr.execute(
            """UPDATE telemarketing_consent k
               SET voided_at = %s, write_date = %s, write_uid = %s
               WHERE k.id IN (
                   SELECT jsonb_array_elements_text(h.new_values -> 'consents')::int
                   FROM telemarketing_import_change h
                   WHERE h.id = ANY(%s) AND h.new_values ? 'consents')
                 AND k.withdrawn_at IS NULL AND k.voided_at IS NULL
               RETURNING k.id""",
            [
                self.env["telemarketing.clock"]._now(),
                *(fields.Datetime.now(), self.env.uid, changes),
            ],
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        if ids:
            self.env.invalidate_all(flush=False)
            # Also of whoever is the same client.
            Consent.browse(ids)._refresh_people()

    def _undo_beside(self, changes):
        """What the load wrote beside the contacts: categories, which go, consents,
        which are void, and fields of the profile, which go back where they are still
        what it wrote.

        :return: ``{change: what stays, as in new_values}``
        """
        cr = self.env.cr
        self._void_consents(changes)
        field = self.env["telemarketing.contact"]._fields["category_ids"]
        cr.execute(
            SQL(
                """DELETE FROM %(table)s r USING telemarketing_import_change h
                   WHERE h.id = ANY(%(changes)s) AND h.new_values ? 'categories'
                     AND r.%(contact)s = h.contact_id
                     AND h.new_values -> 'categories' @> to_jsonb(r.%(category)s)""",
                table=SQL.identifier(field.relation),
                contact=SQL.identifier(field.column1),
                category=SQL.identifier(field.column2),
                changes=changes,
            )
        )
        cr.execute(
            """SELECT h.id, t.id, t.target_properties,
                      h.old_values -> 'target_properties' -> 'values',
                      h.new_values -> 'target_properties' -> 'values'
               FROM telemarketing_import_change h
               JOIN telemarketing_target t
                 ON t.id = (h.new_values -> 'target_properties' ->> 'target')::int
               WHERE h.id = ANY(%s) ORDER BY t.id FOR UPDATE OF t""",
            [changes],
        )
        stays, written = {}, []
        for change, target, now, old, new in cr.fetchall():
            now = now if isinstance(now, dict) else {}
            left = {
                name: value for name, value in new.items() if now.get(name) != value
            }
            for name in new.keys() - left.keys():
                if (old or {}).get(name) is None:
                    now.pop(name, None)
                else:
                    now[name] = old[name]
            written.append((target, fields.Json().convert_to_column(now, self)))
            if left:
                stays[change] = {
                    "target_properties": {"target": target, "values": left}
                }
        if written:
            cr.execute_values(
                """UPDATE telemarketing_target t
                   SET target_properties = v.properties::jsonb
                   FROM (VALUES %s) AS v(target, properties) WHERE t.id = v.target""",
                written,
                page_size=SLICE,
            )
        return stays

    def _undoable_fields(self):
        """Columns that a load may have changed in somebody who was there."""
        return {name for fields_of in UPDATES.values() for name in fields_of} | {
            "partner_id"
        }

    def _sort_restored(self, rows, found, kept, gone, changed, numbers):
        json = fields.Json()
        for change, stays, names, phones, number_ids in rows:
            left = [each for each in stays.pop("phones", ()) if each not in phones]
            if left:
                exists = self.env["telemarketing.contact.phone"].sudo().browse(left)
                left = exists.exists().ids
            if left:
                stays["phones"] = left
            numbers.update(number_ids)
            changed.setdefault(found[change], set()).update(names)
            if stays:
                kept.append((change, json.convert_to_column(stays, self)))
            else:
                gone.append(change)

    @api.private
    def _undo_people(self):
        """The next people of the file: who was not touched goes."""
        cr = self.env.cr
        self.env.flush_all()
        cr.execute(
            """SELECT id FROM telemarketing_contact
               WHERE import_id = %s AND id > %s ORDER BY id LIMIT %s""",
            [self.id, self.undo_position, SLICE],
        )
        ids = [row[0] for row in cr.fetchall()]
        if not ids:
            return 0
        # From here on no desk takes them, and nobody writes them, until we commit.
        cr.execute(
            "SELECT id FROM telemarketing_target WHERE contact_id = ANY(%s)"
            " ORDER BY id FOR UPDATE",
            [ids],
        )
        cr.execute(
            "SELECT id FROM telemarketing_contact WHERE id = ANY(%s)"
            " ORDER BY id FOR UPDATE",
            [ids],
        )
        touched = {
            row[0]
            for row in self.env.execute_query(
                self._touched_sql(SQL("c.id = ANY(%s)", ids))
            )
        }
        going = [each for each in ids if each not in touched]
        self._delete_leads(going)
        self._delete_people(going)
        self.write(
            {
                "undo_position": ids[-1],
                "undone_people": self.undone_people + len(going),
                "kept_people": self.kept_people + len(touched),
            }
        )
        return len(ids)

    def _delete_leads(self, contact_ids):
        """Opportunities that the load made for these people, untouched as they are."""
        self.env.cr.execute(
            """SELECT (new_values ->> 'lead_id')::int
               FROM telemarketing_import_change
               WHERE import_id = %s AND contact_id = ANY(%s)
                 AND new_values ? 'lead_id'""",
            [self.id, contact_ids],
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        if ids:
            leads = self.env["crm.lead"].sudo().with_context(**QUIET)
            leads.with_context(active_test=False).browse(ids).exists().unlink()
            self.env.flush_all()

    def _delete_people(self, ids):
        cr = self.env.cr
        if not ids:
            return
        # What the load did to partners is undone after all their people.
        cr.execute(
            """UPDATE telemarketing_import_change SET contact_id = NULL
               WHERE import_id = %s AND contact_id = ANY(%s)
                 AND partner_id IS NOT NULL""",
            [self.id, ids],
        )
        self._keep_denials(ids)
        # An objection stays with its number or NIF.
        for statement in (
            "UPDATE telemarketing_exclusion SET contact_id = NULL"
            " WHERE contact_id = ANY(%s)",
            "DELETE FROM telemarketing_target WHERE contact_id = ANY(%s)",
            "DELETE FROM telemarketing_consent WHERE contact_id = ANY(%s)",
        ):
            cr.execute(statement, [ids])
        cr.execute(
            "DELETE FROM telemarketing_contact_phone WHERE contact_id = ANY(%s)"
            " RETURNING number_id",
            [ids],
        )
        numbers = {row[0] for row in cr.fetchall() if row[0]}
        cr.execute("DELETE FROM telemarketing_contact WHERE id = ANY(%s)", [ids])
        self._drop_numbers(numbers)
        self.env.invalidate_all(flush=False)

    def _keep_denials(self, contact_ids):
        """Who said no to us stays bound when the file goes: the refusal stays in the
        ledger as that of each number, with the NIF, whoever has it in the next file
        (RGPD art. 7.3). A NIF of many names is nobody's (docs/decisions/0008)."""
        Consent = self.env["telemarketing.consent"]
        names = [
            name
            for name, field in Consent._fields.items()
            if field.store
            and field.column_type
            and name
            not in (
                *("id", "contact_id", "partner_id", "database_id", "number_id"),
                *("vat", "renewal_of_id"),
            )
        ]
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """INSERT INTO telemarketing_consent (number_id, vat, %s)
                   SELECT n.number_id, own.vat, %s
                   FROM telemarketing_consent k
                   JOIN telemarketing_contact c ON c.id = k.contact_id
                   LEFT JOIN LATERAL (
                       SELECT DISTINCT p.number_id FROM telemarketing_contact_phone p
                       WHERE p.contact_id = c.id AND p.number_id IS NOT NULL
                       ) n ON TRUE
                   LEFT JOIN LATERAL (
                       SELECT c.vat FROM (
                           SELECT name FROM telemarketing_contact
                           WHERE vat = c.vat AND company_id = c.company_id
                           LIMIT 1000) namesakes
                       WHERE c.vat <> ''
                       HAVING count(DISTINCT lower(name)) <= %s) own ON TRUE
                   WHERE k.contact_id = ANY(%s) AND k.withdrawn_at IS NOT NULL
                     AND num_nonnulls(n.number_id, own.vat) > 0""",
                SQL(", ").join(map(SQL.identifier, names)),
                SQL(", ").join(SQL.identifier("k", name) for name in names),
                MAX_NAMES,
                contact_ids,
            )
        )

    def _drop_numbers(self, number_ids):
        """Numbers that nobody has any more, and of which nothing is known that it cost
        a call or a consultation to know."""
        if not number_ids:
            return
        cr = self.env.cr
        cr.execute(
            """SELECT id FROM telemarketing_number
               WHERE id = ANY(%s) AND state = 'ok' AND COALESCE(attempts, 0) = 0
                 AND robinson_at IS NULL""",
            [list(number_ids)],
        )
        ids = {row[0] for row in cr.fetchall()}
        try:
            with cr.savepoint():
                self.env["telemarketing.privacy.eraser"]._drop_unused_numbers(ids)
        except ForeignKeyViolation:
            # Another load has just brought somebody with one of them: they all stay.
            return

    @api.private
    def _undo_partners(self):
        """Partners that the load made go; what it did to others goes back. Those on
        whom anything rests by now stay, and stay listed."""
        Change = self.env["telemarketing.import.change"].sudo()
        changes = Change.search(
            [
                ("import_id", "=", self.id),
                ("kept", "=", False),
                "|",
                ("partner_id", "!=", False),
                ("contact_id", "!=", False),
            ],
            order="id",
            limit=PARTNERS,
        )
        if not changes:
            return 0
        for change in changes:
            undone = False
            try:
                with self.env.cr.savepoint():
                    if change.partner_id:
                        undone = self._undo_partner(change)
                    else:
                        undone = self._undo_lead(change)
                    self.env.flush_all()
            except (UserError, ForeignKeyViolation):
                self.env.invalidate_all(flush=False)
            change = change.exists()
            if change and undone:
                change.unlink()
            elif change:
                change.kept = True
                self.not_restored += 1
        self.env.flush_all()
        return len(changes)

    def _holds(self, table, alias, record, condition):
        """Does this SQL condition hold of the record?"""
        self.env.flush_all()
        return bool(
            self.env.execute_query(
                SQL(
                    "SELECT 1 FROM %s %s WHERE %s.id = %s AND %s",
                    SQL.identifier(table),
                    SQL.identifier(alias),
                    SQL.identifier(alias),
                    record.id,
                    condition,
                )
            )
        )

    def _undo_partner(self, change):
        """:return: is everything as it was before the load?"""
        partner = change.partner_id.sudo().with_context(**QUIET)
        stays = self.env["telemarketing.contact"].sudo()
        stays = stays.with_context(active_test=False).search_count(
            [("partner_id", "=", partner.id), ("import_id", "=", self.id)], limit=1
        )
        if stays:
            return False
        new = change.new_values or {}
        banks = self.env["res.partner.bank"].sudo().with_context(active_test=False)
        banks = banks.browse(new.get("bank_ids") or []).exists()
        if not change.old_values:
            if self._holds("res_partner", "r", partner, self._partner_worked_sql()):
                return False
            banks.unlink()
            partner.unlink()
            return True
        before = change.old_values.get("funnel_stage")
        if partner.funnel_stage != new.get("funnel_stage"):
            return False
        banks.unlink()
        if partner.funnel_stage != before:
            partner.funnel_stage = before
        return True

    def _undo_lead(self, change):
        """An opportunity made for somebody who was there before the file."""
        lead = self.env["crm.lead"].sudo().with_context(active_test=False, **QUIET)
        lead = lead.browse((change.new_values or {}).get("lead_id") or []).exists()
        contact = change.contact_id
        if contact.import_id == self and contact.exists():
            return False
        if not lead:
            return True
        if self._holds("crm_lead", "l", lead, self._lead_worked_sql()):
            return False
        lead.unlink()
        return True
