from odoo import fields
from odoo.tools import SQL


class DerivedMany2one(fields.Many2one):
    """A stored ``related`` that needs no foreign key of its own: where it comes from
    has one that restricts, up to what this points to, so it never points to nothing.
    Each foreign key of a list of people costs as much as one of its indexes
    (docs/decisions/0015)."""

    def update_db_foreign_key(self, model, column):
        # The one that an earlier version had.
        cr = model.env.cr
        cr.execute(
            """SELECT c.conname FROM pg_constraint c
               JOIN pg_attribute a
                 ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
               WHERE c.contype = 'f' AND c.conrelid = %s::regclass
                 AND a.attname = %s""",
            [model._table, self.name],
        )
        for (name,) in cr.fetchall():
            cr.execute(
                SQL(
                    "ALTER TABLE %s DROP CONSTRAINT %s",
                    SQL.identifier(model._table),
                    SQL.identifier(name),
                )
            )
