from odoo.tools import SQL


def uninstall_hook(env):
    """Servers are referred to from calls, people and campaigns: without these the
    tables and columns go in any order. And the ORM does not know the lease."""
    _keep_used_results(env)
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


def _keep_used_results(env):
    """Calls and figures refer to results that only the line gave: these stay, off, or
    agents would be offered them."""
    ours = env["ir.model.data"].search(
        [
            ("module", "=", "telemarketing_dialer"),
            ("model", "=", "telemarketing.disposition"),
        ]
    )
    env.flush_all()
    env.cr.execute(
        """SELECT d.id FROM telemarketing_disposition d
           WHERE d.id = ANY(%s) AND (
               EXISTS (SELECT 1 FROM telemarketing_interaction
                       WHERE disposition_id = d.id)
               OR EXISTS (SELECT 1 FROM telemarketing_target
                          WHERE last_disposition_id = d.id)
               OR EXISTS (SELECT 1 FROM telemarketing_stat_call
                          WHERE disposition_id = d.id)
               OR EXISTS (SELECT 1 FROM telemarketing_stat_call_delta
                          WHERE disposition_id = d.id))""",
        [ours.mapped("res_id")],
    )
    used = [row[0] for row in env.cr.fetchall()]
    env["telemarketing.disposition"].browse(used).active = False
    ours.filtered(lambda each: each.res_id in used).unlink()
