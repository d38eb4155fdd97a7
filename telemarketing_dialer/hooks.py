from odoo.tools import SQL


def uninstall_hook(env):
    """Servers are referred to from calls, people and campaigns: without these the
    tables and columns go in any order. And the ORM does not know the lease."""
    env.cr.execute(
        """SELECT conrelid::regclass::text, conname FROM pg_constraint
           WHERE contype = 'f'
             AND (conrelid::regclass::text LIKE 'telemarketing!_dialer!_%' ESCAPE '!'
                  OR confrelid::regclass::text
                     LIKE 'telemarketing!_dialer!_%' ESCAPE '!')"""
    )
    for table, constraint in env.cr.fetchall():
        env.cr.execute(
            SQL(
                "ALTER TABLE %s DROP CONSTRAINT %s",
                SQL.identifier(table.strip('"')),
                SQL.identifier(constraint),
            )
        )
    env.cr.execute(
        "DROP FUNCTION IF EXISTS telemarketing_dialer_lease("
        "int, int, int, int, timestamp, timestamp, int)"
    )
    env["ir.config_parameter"].sudo().search(
        [("key", "=like", "telemarketing_dialer.%")]
    ).unlink()
