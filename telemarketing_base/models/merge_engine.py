"""Rows that speak of one record are made to speak of another, every step written down
so that it can be taken back. Plain Python and SQL: no model, nobody calls it by RPC.

What references a record is asked of PostgreSQL (foreign keys) and of Odoo's registry
(references by model and id, many2one values in company-dependent fields and in
Properties), so that modules nobody here knows are followed too. Set-based: one
statement per column for a thousand merges.
"""

import json
from contextlib import contextmanager

from psycopg2 import Error

from odoo.tools import SQL, mute_logger

# Pairs of people, merges and what a file changed speak of the records as they were.
_OWN_TABLES = (
    *("telemarketing_merge", "telemarketing_duplicate", "telemarketing_import_change"),
    "telemarketing_normalise",
)
# Rows that no constraint keeps apart, but that would be there twice:
# table → (columns, predicate).
_ALSO_UNIQUE = {
    "calendar_attendee": (("event_id", "partner_id"), "true"),
    # The picture of a record is an attachment of its field.
    "ir_attachment": (
        ("res_model", "res_field", "res_id"),
        "res_field IS NOT NULL",
    ),
}
# Rows that stay where they are when the other record has the same: proofs are not
# deleted, and the picture goes with its record.
_STAY = ("telemarketing_exclusion", "ir_attachment")
MOVED = ("fk", "value", "reference")


def _identifier(name):
    return SQL.identifier(name)


class Rewriter:
    """One batch of merges.

    :param list pairs: ``(merge id, id that goes, id that is kept)``
    """

    def __init__(self, env, pairs):
        self.env = env(su=True)
        self.cr = env.cr
        self.pairs = pairs
        self.step = 0
        self._columns = {}
        self._tables_of = {}
        self._transient = None

    # WHAT REFERENCES WHAT

    def columns(self, table):
        if table not in self._columns:
            self.cr.execute(
                """SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
                   WHERE attrelid = %s::regclass AND attnum > 0
                     AND NOT attisdropped ORDER BY attnum""",
                [f'"{table}"'],
            )
            self._columns[table] = dict(self.cr.fetchall())
        return self._columns[table]

    def _transient_tables(self):
        """Tables of wizards, and the relations that hang on them: short-lived."""
        if self._transient is None:
            tables = self._transient = set()
            for Model in self.env.registry.values():
                if Model._transient and Model._table:
                    tables.add(Model._table)
                    tables.update(
                        field.relation
                        for field in Model._fields.values()
                        if field.type == "many2many" and field.store and field.relation
                    )
        return self._transient

    def foreign_keys(self, table):
        """``[(table, column)]`` of what PostgreSQL knows to point to this table."""
        if table not in self._tables_of:
            self.cr.execute(
                """SELECT con.conrelid::regclass::text, att.attname
                   FROM pg_constraint con
                   JOIN pg_attribute att ON att.attrelid = con.conrelid
                                        AND att.attnum = con.conkey[1]
                   WHERE con.contype = 'f' AND con.confrelid = %s::regclass
                     AND array_length(con.conkey, 1) = 1
                   ORDER BY 1, 2""",
                [f'"{table}"'],
            )
            transient = self._transient_tables()
            self._tables_of[table] = [
                (name.strip('"'), column)
                for name, column in self.cr.fetchall()
                if name.strip('"') not in transient
                and not name.strip('"').startswith(_OWN_TABLES)
            ]
        return self._tables_of[table]

    def _uniques(self, table, column):
        """``[([expressions], predicate)]`` of the unique indexes with this column."""
        self.cr.execute(
            """SELECT array_agg(pg_get_indexdef(i.indexrelid, k, true) ORDER BY k),
                      COALESCE(pg_get_expr(i.indpred, i.indrelid, true), 'true')
               FROM pg_index i
               CROSS JOIN LATERAL generate_series(1, i.indnkeyatts) AS k
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = %s
               WHERE i.indrelid = %s::regclass AND i.indisunique
                 AND pg_get_indexdef(i.indexrelid)
                     ~ ('\\m' || a.attname || '\\M')
               GROUP BY i.indexrelid, i.indpred, i.indrelid""",
            [column, f'"{table}"'],
        )
        found = self.cr.fetchall()
        columns, predicate = _ALSO_UNIQUE.get(table, ((), ""))
        if column in columns:
            found.append(([f'"{name}"' for name in columns], predicate))
        return found

    def _model_of(self, table):
        return next(
            (
                name
                for name, Model in self.env.registry.items()
                if Model._table == table
                and Model._auto
                and not Model._abstract
                and not Model._transient
            ),
            None,
        )

    def _map(self, pairs):
        """The pairs as a relation ``m(merge, gone, keep)``."""
        return SQL(
            "(SELECT * FROM unnest(%s::int[], %s::int[], %s::int[])"
            " AS u(merge, gone, keep)) m",
            *([list(part) for part in zip(*pairs, strict=True)]),
        )

    # MOVING

    def rewrite(self, table, pairs=None):
        """Whatever references a record that goes references the kept one."""
        pairs = pairs if pairs is not None else self.pairs
        if not pairs:
            return
        for name, column in self.foreign_keys(table):
            self._move(name, column, pairs, whose=table)
        model = self._model_of(table)
        if model:
            self._move_references(model, pairs)
            self._move_company_dependent(model, pairs)
            self._move_defaults(model, pairs)
            self._move_properties(model, pairs)

    def _kept_in(self, table, column, pairs):
        """What is written instead, in this column."""
        if column != "commercial_partner_id":
            return pairs
        self.cr.execute(
            "SELECT id, COALESCE(commercial_partner_id, id) FROM res_partner"
            " WHERE id = ANY(%s)",
            [[keep for _merge, _gone, keep in pairs]],
        )
        commercial = dict(self.cr.fetchall())
        return [
            (merge, gone, commercial.get(keep, keep)) for merge, gone, keep in pairs
        ]

    def _move(self, table, column, pairs, whose=None, condition=None, kind="fk"):
        """Rows of this column, with those that would be there twice taken out.

        :param whose: table that the column references: a record that goes keeps what
            it says of itself
        :param SQL condition: on ``t``: whose rows these are
        """
        pairs = self._kept_in(table, column, pairs)
        condition = condition or SQL("true")
        if table == whose:
            condition = SQL("t.id <> ALL(%s)", [gone for _m, gone, _k in pairs])
        gones = [gone for _merge, gone, _keep in pairs]
        self.cr.execute(
            SQL(
                "SELECT 1 FROM %s t WHERE t.%s = ANY(%s) AND %s LIMIT 1",
                *(_identifier(table), _identifier(column), gones, condition),
            )
        )
        if not self.cr.fetchone():
            return
        if "id" not in self.columns(table):
            self._move_relation(table, column, pairs)
            return
        staying = set()
        for expressions, predicate in self._uniques(table, column):
            twice = self._twice(
                table, column, pairs, condition, expressions, predicate, staying
            )
            if table in _STAY:
                staying.update(row for _merge, row, _winner in twice)
            elif twice:
                self.drop(table, twice)
        self.step += 1
        self.cr.execute(
            SQL(
                """WITH moved AS (
                       UPDATE %(table)s t SET %(column)s = m.keep FROM %(map)s
                       WHERE t.%(column)s = m.gone AND %(condition)s
                         AND t.id <> ALL(%(staying)s)
                       RETURNING t.id, m.merge, m.gone, m.keep)
                   INSERT INTO telemarketing_merge_line
                       (merge_id, step, kind, table_name, column_name, res_id,
                        old_value, new_value)
                   SELECT merge, %(step)s, %(kind)s, %(name)s, %(field)s, id,
                          to_jsonb(gone), to_jsonb(keep) FROM moved""",
                table=_identifier(table),
                column=_identifier(column),
                map=self._map(pairs),
                condition=condition,
                staying=list(staying),
                step=self.step,
                kind=kind,
                name=table,
                field=column,
            )
        )

    def _twice(self, table, column, pairs, condition, expressions, predicate, skip):
        """Rows that would break a unique index once moved.

        :return: ``[(merge, id of the row, id of the row that stands)]``
        """
        others = [name for name in self.columns(table) if name != column]
        keys = [SQL(expression.replace("%", "%%")) for expression in expressions]
        both = [*(gone for _m, gone, _k in pairs), *(keep for _m, _g, keep in pairs)]
        self.cr.execute(
            SQL(
                """WITH moved AS (
                       SELECT %(others)s, COALESCE(m.keep, t.%(column)s) AS %(column)s,
                              m.merge AS tm_merge
                       FROM %(table)s t LEFT JOIN %(map)s ON m.gone = t.%(column)s
                       WHERE t.%(column)s = ANY(%(both)s) AND %(condition)s
                         AND t.id <> ALL(%(skip)s)),
                   placed AS (
                       SELECT id, tm_merge, row_number() OVER same AS place,
                              first_value(id) OVER same AS winner
                       FROM moved WHERE (%(predicate)s) AND num_nulls(%(keys)s) = 0
                       WINDOW same AS (PARTITION BY %(keys)s
                                       ORDER BY tm_merge IS NOT NULL, id))
                   SELECT tm_merge, id, winner FROM placed
                   WHERE place > 1 AND tm_merge IS NOT NULL""",
                others=SQL(", ").join(SQL("t.%s", _identifier(n)) for n in others),
                column=_identifier(column),
                table=_identifier(table),
                map=self._map(pairs),
                both=both,
                condition=condition,
                skip=list(skip),
                predicate=SQL(predicate.replace("%", "%%")),
                keys=SQL(", ").join(keys),
            )
        )
        return self.cr.fetchall()

    def drop(self, table, twice):
        """These rows go, what references them goes to the row that stands.

        :param list twice: ``[(merge, id, id of the row that stands)]``
        """
        if not twice:
            return
        self.rewrite(table, twice)
        self.step += 1
        self.cr.execute(
            SQL(
                """WITH gone AS (
                       DELETE FROM %(table)s t USING %(map)s WHERE t.id = m.gone
                       RETURNING t.id, m.merge, to_jsonb(t) AS whole)
                   INSERT INTO telemarketing_merge_line
                       (merge_id, step, kind, table_name, res_id, old_value)
                   SELECT merge, %(step)s, 'deleted-row', %(name)s, id, whole
                   FROM gone""",
                table=_identifier(table),
                map=self._map(twice),
                step=self.step,
                name=table,
            )
        )

    def _move_relation(self, table, column, pairs):
        """A table without ids: two columns, each pair once."""
        others = [name for name in self.columns(table) if name != column]
        self.step += 1
        same = SQL(" AND ").join(
            SQL("x.%s = t.%s", _identifier(name), _identifier(name)) for name in others
        )
        self.cr.execute(
            SQL(
                """WITH before AS (
                       DELETE FROM %(table)s t USING %(map)s
                       WHERE t.%(column)s = m.gone
                       RETURNING m.merge, m.keep, t.*),
                   added AS (
                       INSERT INTO %(table)s (%(column)s, %(others)s)
                       SELECT DISTINCT keep, %(others)s FROM before
                       ON CONFLICT DO NOTHING RETURNING *),
                   logged AS (
                       SELECT DISTINCT ON (t.keep, %(t_others)s) t.merge, t.keep, x
                       FROM before t JOIN added x ON x.%(column)s = t.keep AND %(same)s
                       ORDER BY t.keep, %(t_others)s, t.merge)
                   INSERT INTO telemarketing_merge_line
                       (merge_id, step, kind, table_name, column_name,
                        old_value, new_value)
                   SELECT merge, %(step)s, 'm2m', %(name)s, %(field)s,
                          to_jsonb(before) - 'merge' - 'keep', NULL FROM before
                   UNION ALL
                   SELECT merge, %(step)s, 'm2m', %(name)s, %(field)s,
                          NULL, to_jsonb(x) FROM logged""",
                table=_identifier(table),
                column=_identifier(column),
                map=self._map(pairs),
                others=SQL(", ").join(_identifier(name) for name in others),
                t_others=SQL(", ").join(SQL("t.%s", _identifier(n)) for n in others),
                same=same,
                step=self.step,
                name=table,
                field=column,
            )
        )

    # REFERENCES THAT POSTGRESQL DOES NOT KNOW

    def _move_references(self, model, pairs):
        skipped = self._transient_tables()
        done = set()
        for Model in self.env.registry.values():
            table = Model._table
            if Model._abstract or Model._transient or not Model._auto:
                continue
            if table in skipped or (table or "").startswith(_OWN_TABLES):
                continue
            for field in Model._fields.values():
                if not field.store or (table, field.name) in done:
                    continue
                if field.type == "many2one_reference":
                    condition = self._of_model(Model, field.model_field, model)
                    if condition:
                        done.add((table, field.name))
                        self._move(
                            *(table, field.name, pairs),
                            condition=condition,
                            kind="reference",
                        )
                elif field.type == "reference" and not field.compute:
                    done.add((table, field.name))
                    self._move_reference(table, field.name, model, pairs)

    def _of_model(self, Model, name, model):
        field = Model._fields.get(name)
        if field is None:
            return None
        if field.store and field.column_type:
            return SQL("t.%s = %s", _identifier(name), model)
        path = (field.related or "").split(".")
        holder = Model._fields.get(path[0])
        if len(path) == 2 and path[1] == "model" and holder is not None:
            if holder.store and holder.comodel_name == "ir.model":
                return SQL(
                    "t.%s = %s",
                    *(_identifier(path[0]), self.env["ir.model"]._get_id(model)),
                )
        return None

    def _move_reference(self, table, column, model, pairs):
        """Columns that hold ``model,id``."""
        self.step += 1
        self.cr.execute(
            SQL(
                """WITH moved AS (
                       UPDATE %(table)s t SET %(column)s = %(model)s || ',' || m.keep
                       FROM %(map)s
                       WHERE t.%(column)s = %(model)s || ',' || m.gone
                       RETURNING t.id, m.merge, m.gone, m.keep)
                   INSERT INTO telemarketing_merge_line
                       (merge_id, step, kind, table_name, column_name, res_id,
                        old_value, new_value)
                   SELECT merge, %(step)s, 'reference', %(name)s, %(field)s, id,
                          to_jsonb(%(model)s || ',' || gone),
                          to_jsonb(%(model)s || ',' || keep) FROM moved""",
                table=_identifier(table),
                column=_identifier(column),
                model=model,
                map=self._map(pairs),
                step=self.step,
                name=table,
                field=column,
            )
        )

    def _move_company_dependent(self, model, pairs):
        """Fields with a value per company: ``{company: id}`` in one column."""
        for field in self.env.registry.many2one_company_dependents[model]:
            Model = self.env[field.model_name]
            kept = {gone: (merge, keep) for merge, gone, keep in pairs}
            self.cr.execute(
                SQL(
                    """SELECT t.id, t.%(column)s FROM %(table)s t
                       WHERE jsonb_typeof(t.%(column)s) = 'object' AND EXISTS (
                           SELECT 1 FROM jsonb_each_text(t.%(column)s) own
                           WHERE own.value = ANY(%(gone)s))""",
                    table=_identifier(Model._table),
                    column=_identifier(field.name),
                    gone=[str(gone) for gone in kept],
                )
            )
            changes = {}
            for row, values in self.cr.fetchall():
                merge = next(kept[v][0] for v in values.values() if v in kept)
                new = {k: kept[v][1] if v in kept else v for k, v in values.items()}
                changes[row] = (merge, {field.name: new})
            self.assign(Model._table, changes)

    def _move_defaults(self, model, pairs):
        """Values that Odoo proposes for a field, as somebody saved them."""
        kept = {str(gone): (merge, keep) for merge, gone, keep in pairs}
        self.cr.execute(
            """SELECT d.id, d.json_value FROM ir_default d
               JOIN ir_model_fields f ON f.id = d.field_id
               WHERE f.relation = %s AND f.ttype = 'many2one'
                 AND d.json_value = ANY(%s)""",
            [model, list(kept)],
        )
        self.assign(
            "ir_default",
            {
                row: (kept[value][0], {"json_value": str(kept[value][1])})
                for row, value in self.cr.fetchall()
            },
        )

    def _move_properties(self, model, pairs):
        """Many2one and many2many values among Properties."""
        kept = {gone: (merge, keep) for merge, gone, keep in pairs}
        for Model in self.env.registry.values():
            if Model._abstract or Model._transient or not Model._auto:
                continue
            for field in Model._fields.values():
                if field.type != "properties" or not field.store:
                    continue
                names = self._properties_of(Model, field, model)
                if names:
                    self._move_properties_in(Model._table, field.name, names, kept)

    def _properties_of(self, Model, field, model):
        """Names of the properties of this field that hold records of ``model``."""
        holder = Model._fields.get(field.definition_record)
        comodel = holder is not None and holder.comodel_name
        if not comodel or comodel not in self.env:
            return []
        Container = self.env[comodel]
        definition = Container._fields.get(field.definition_record_field)
        if definition is None or not definition.store:
            return []
        self.cr.execute(
            SQL(
                """SELECT DISTINCT p->>'name'
                   FROM %(table)s t, jsonb_array_elements(t.%(column)s) p
                   WHERE jsonb_typeof(t.%(column)s) = 'array'
                     AND p->>'comodel' = %(model)s""",
                table=_identifier(Container._table),
                column=_identifier(definition.name),
                model=model,
            )
        )
        return [row[0] for row in self.cr.fetchall()]

    def _move_properties_in(self, table, column, names, kept):
        self.cr.execute(
            SQL(
                "SELECT t.id, t.%(column)s FROM %(table)s t"
                " WHERE t.%(column)s ?| %(names)s",
                table=_identifier(table),
                column=_identifier(column),
                names=names,
            )
        )
        changes = {}
        for row, values in self.cr.fetchall():
            new, merges = dict(values), []
            for name in set(names) & set(values):
                value = values[name]
                ids = value if isinstance(value, list) else [value]
                hit = [i for i in ids if isinstance(i, int) and i in kept]
                if hit:
                    merges.append(kept[hit[0]][0])
                    ids = [kept[i][1] if i in hit else i for i in ids]
                    ids = list(dict.fromkeys(ids))
                    new[name] = ids if isinstance(value, list) else ids[0]
            if merges:
                changes[row] = (merges[0], {column: new})
        self.assign(table, changes)

    # VALUES

    def rows(self, table, ids, column="id"):
        """``{id: row}`` of these, as JSON has them."""
        self.cr.execute(
            SQL(
                "SELECT t.id, to_jsonb(t) FROM %s t WHERE t.%s = ANY(%s) ORDER BY t.id",
                *(_identifier(table), _identifier(column), list(ids)),
            )
        )
        return dict(self.cr.fetchall())

    def assign(self, table, changes, kind="value"):
        """Write these values and log what stood there.

        :param dict changes: ``{id: (merge, {column: value})}``, values as JSON
        """
        changes = {row: change for row, change in changes.items() if change[1]}
        if not changes:
            return
        self.step += 1
        columns = sorted({name for _m, values in changes.values() for name in values})
        wanted = SQL(
            "SELECT * FROM unnest(%s::int[], %s::int[], %s::jsonb[])"
            " AS w(id, merge, vals)",
            list(changes),
            [merge for merge, _values in changes.values()],
            [json.dumps(values, default=str) for _merge, values in changes.values()],
        )
        self.cr.execute(
            SQL(
                """WITH wanted AS (%(wanted)s),
                   old AS (
                       SELECT t.id, w.merge, w.vals, to_jsonb(t) AS whole
                       FROM %(table)s t JOIN wanted w ON w.id = t.id),
                   written AS (
                       UPDATE %(table)s t SET %(assignments)s
                       FROM (SELECT x.id AS tm_id, p.*
                             FROM %(table)s x JOIN wanted w ON w.id = x.id
                             CROSS JOIN LATERAL jsonb_populate_record(x, w.vals) p) v
                       WHERE t.id = v.tm_id RETURNING t.id, to_jsonb(t) AS whole)
                   INSERT INTO telemarketing_merge_line
                       (merge_id, step, kind, table_name, column_name, res_id,
                        old_value, new_value)
                   SELECT old.merge, %(step)s, %(kind)s, %(name)s, k.name, old.id,
                          NULLIF(old.whole -> k.name, 'null'),
                          NULLIF(written.whole -> k.name, 'null')
                   FROM old JOIN written ON written.id = old.id
                   CROSS JOIN LATERAL jsonb_object_keys(old.vals) AS k(name)
                   WHERE old.whole -> k.name IS DISTINCT FROM written.whole -> k.name
                """,
                wanted=wanted,
                table=_identifier(table),
                assignments=SQL(", ").join(
                    SQL("%s = v.%s", _identifier(name), _identifier(name))
                    for name in columns
                ),
                step=self.step,
                kind=kind,
                name=table,
            )
        )

    @contextmanager
    def watching(self, watched):
        """Log what anything else changes in these rows meanwhile.

        :param dict watched: ``{table: {id: merge}}``
        """
        self.env.flush_all()
        before = {table: self.rows(table, ids) for table, ids in watched.items()}
        yield
        self.env.flush_all()
        self.step += 1
        lines = []
        for table, ids in watched.items():
            after = self.rows(table, ids)
            for row, old in before[table].items():
                new = after.get(row) or {}
                lines += [
                    (ids[row], table, name, row, old[name], new[name])
                    for name in old
                    if new and old[name] != new[name]
                ]
        if lines:
            self.cr.execute_values(
                """INSERT INTO telemarketing_merge_line
                       (merge_id, step, kind, table_name, column_name, res_id,
                        old_value, new_value) VALUES %s""",
                [
                    (merge, self.step, "value", table, name, row, *map(_json, (o, n)))
                    for merge, table, name, row, o, n in lines
                ],
            )


class Undoer:
    """Takes one merge back, step by step from the last.

    What was changed since stays; ``left`` tells it: ``[(table, id or row, column,
    value now or None where the record is gone)]``.
    """

    def __init__(self, env, merge_id):
        self.env = env(su=True)
        self.cr = env.cr
        self.merge_id = merge_id
        self.left = []

    def run(self):
        self.cr.execute(
            """SELECT step, table_name, kind FROM telemarketing_merge_line
               WHERE merge_id = %s GROUP BY step, table_name, kind
               ORDER BY step DESC, table_name""",
            [self.merge_id],
        )
        for step, table, kind in self.cr.fetchall():
            self.cr.execute("SELECT to_regclass(%s)", [f'"{table}"'])
            lines = [self.merge_id, step, table, kind]
            if self.cr.fetchone()[0]:
                getattr(self, "_back_" + kind.replace("-", "_"), self._back_value)(
                    table, self._lines(*lines)
                )

    def _lines(self, merge, step, table, kind):
        self.cr.execute(
            """SELECT id FROM telemarketing_merge_line
               WHERE merge_id = %s AND step = %s AND table_name = %s AND kind = %s
               ORDER BY id""",
            [merge, step, table, kind],
        )
        return [row[0] for row in self.cr.fetchall()]

    def _attempt(self, statement, ids, single):
        """The statement for all the lines; where the database refuses one, for each.

        :return: ids of the lines that came back
        """
        try:
            with mute_logger("odoo.sql_db"), self.cr.savepoint():
                self.cr.execute(statement(ids))
                return [row[0] for row in self.cr.fetchall()]
        except Error:
            if not single:
                return []
        done = []
        for one in single(ids):
            done += self._attempt(statement, one, None)
        return done

    def _back_value(self, table, ids):
        self.cr.execute(
            "SELECT DISTINCT column_name FROM telemarketing_merge_line"
            " WHERE id = ANY(%s)",
            [ids],
        )
        known = {
            name
            for (name,) in self.cr.fetchall()
            if name in Rewriter(self.env, []).columns(table)
        }

        def statement(some):
            return SQL(
                """WITH line AS (
                       SELECT l.id, l.res_id, l.column_name, l.old_value
                       FROM telemarketing_merge_line l
                       JOIN %(table)s t ON t.id = l.res_id
                       WHERE l.id = ANY(%(ids)s) AND l.column_name = ANY(%(known)s)
                         AND NULLIF(to_jsonb(t) -> l.column_name, 'null')
                             IS NOT DISTINCT FROM l.new_value),
                   old AS (
                       SELECT res_id, array_agg(id) AS lines, jsonb_object_agg(
                           column_name, COALESCE(old_value, 'null')) AS vals
                       FROM line GROUP BY res_id),
                   back AS (
                       UPDATE %(table)s t SET %(assignments)s
                       FROM (SELECT x.id AS tm_id, o.lines AS tm_lines, p.*
                             FROM old o JOIN %(table)s x ON x.id = o.res_id
                             CROSS JOIN LATERAL jsonb_populate_record(x, o.vals) p) v
                       WHERE t.id = v.tm_id RETURNING v.tm_lines)
                   SELECT unnest(tm_lines) FROM back""",
                table=_identifier(table),
                ids=some,
                known=list(known),
                assignments=SQL(", ").join(
                    SQL("%s = v.%s", _identifier(name), _identifier(name))
                    for name in sorted(known)
                ),
            )

        done = self._attempt(statement, ids, self._by_row) if known else []
        self._note_left(table, set(ids) - set(done))

    def _by_row(self, ids):
        self.cr.execute(
            """SELECT array_agg(id) FROM telemarketing_merge_line
               WHERE id = ANY(%s) GROUP BY res_id ORDER BY res_id""",
            [ids],
        )
        return [row[0] for row in self.cr.fetchall()]

    def _back_deleted_row(self, table, ids):
        columns = list(Rewriter(self.env, []).columns(table))

        def statement(some):
            return SQL(
                """WITH back AS (
                       INSERT INTO %(table)s (%(columns)s)
                       SELECT %(values)s FROM telemarketing_merge_line l
                       CROSS JOIN LATERAL
                           jsonb_populate_record(NULL::%(table)s, l.old_value) p
                       WHERE l.id = ANY(%(ids)s)
                       ON CONFLICT DO NOTHING RETURNING id)
                   SELECT l.id FROM back
                   JOIN telemarketing_merge_line l ON l.res_id = back.id
                   WHERE l.id = ANY(%(ids)s)""",
                table=_identifier(table),
                columns=SQL(", ").join(_identifier(name) for name in columns),
                values=SQL(", ").join(SQL("p.%s", _identifier(n)) for n in columns),
                ids=some,
            )

        done = self._attempt(statement, ids, lambda some: [[i] for i in some])
        self._note_left(table, set(ids) - set(done))

    def _back_m2m(self, table, ids):
        columns = list(Rewriter(self.env, []).columns(table))
        names = SQL(", ").join(_identifier(name) for name in columns)
        same = SQL(" AND ").join(
            SQL("t.%s = p.%s", _identifier(name), _identifier(name)) for name in columns
        )

        def drop(some):
            return SQL(
                """DELETE FROM %(table)s t USING telemarketing_merge_line l
                   CROSS JOIN LATERAL
                       jsonb_populate_record(NULL::%(table)s, l.new_value) p
                   WHERE l.id = ANY(%(ids)s) AND %(same)s RETURNING l.id""",
                table=_identifier(table),
                ids=some,
                same=same,
            )

        def add(some):
            return SQL(
                """WITH added AS (
                       INSERT INTO %(table)s (%(names)s)
                       SELECT %(values)s FROM telemarketing_merge_line l
                       CROSS JOIN LATERAL
                           jsonb_populate_record(NULL::%(table)s, l.old_value) p
                       WHERE l.id = ANY(%(ids)s)
                       ON CONFLICT DO NOTHING RETURNING *)
                   SELECT l.id FROM telemarketing_merge_line l
                   CROSS JOIN LATERAL
                       jsonb_populate_record(NULL::%(table)s, l.old_value) p
                   JOIN added t ON %(same)s
                   WHERE l.id = ANY(%(ids)s)""",
                table=_identifier(table),
                names=names,
                values=SQL(", ").join(SQL("p.%s", _identifier(n)) for n in columns),
                ids=some,
                same=same,
            )

        self.cr.execute(
            """SELECT id, new_value IS NOT NULL FROM telemarketing_merge_line
               WHERE id = ANY(%s)""",
            [ids],
        )
        added, dropped = [], []
        for line, new in self.cr.fetchall():
            (added if new else dropped).append(line)

        def single(some):
            return [[i] for i in some]

        done = set(self._attempt(drop, added, single)) if added else set()
        done |= set(self._attempt(add, dropped, single)) if dropped else set()
        self._note_left(table, set(ids) - done)

    def _note_left(self, table, ids):
        if not ids:
            return
        self.cr.execute(
            SQL(
                """SELECT l.id, l.kind, l.res_id, l.column_name, l.old_value,
                          l.new_value, %s
                   FROM telemarketing_merge_line l WHERE l.id = ANY(%s) ORDER BY l.id
                """,
                SQL(
                    "(SELECT to_jsonb(t) FROM %s t WHERE t.id = l.res_id)",
                    _identifier(table),
                )
                if "id" in Rewriter(self.env, []).columns(table)
                else SQL("NULL::jsonb"),
                list(ids),
            )
        )
        self.left += [
            {
                "line": line,
                "table": table,
                "kind": kind,
                "id": row,
                "column": column,
                "old": old,
                "new": new,
                "now": whole,
            }
            for line, kind, row, column, old, new, whole in self.cr.fetchall()
        ]


def _json(value):
    return None if value is None else json.dumps(value, default=str)
