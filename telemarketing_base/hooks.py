from odoo.tools import SQL


def post_init_hook(env):
    """Who stood on Odoo's blacklist before us is not called either."""
    env["telemarketing.exclusion"]._take_blacklist()


def uninstall_hook(env):
    """Drop what the ORM does not know of: parameters, a function, indexes."""
    _drop_foreign_keys(env.cr)
    env["telemarketing.demo"]._unload()
    env["ir.config_parameter"].sudo().search(
        [("key", "=like", "telemarketing.%")]
    ).unlink()
    env.cr.execute(
        "DROP FUNCTION IF EXISTS"
        " telemarketing_lease(int, int, timestamp, timestamp, int)"
    )
    # Of core columns that we only indexed.
    env.cr.execute("DROP INDEX IF EXISTS res_partner__phone_sanitized_index")
    env.cr.execute("DROP INDEX IF EXISTS res_partner__email_normalized_index")


def _drop_foreign_keys(cr):
    """Our tables and our columns of core tables go as a whole: their foreign keys
    would only make Odoo try, and log as errors, every order of deleting masters that
    calls and figures refer to."""
    cr.execute(
        """SELECT conrelid::regclass::text, conname FROM pg_constraint
           WHERE contype = 'f'
             AND (conrelid::regclass::text LIKE 'telemarketing!_%' ESCAPE '!'
                  OR confrelid::regclass::text LIKE 'telemarketing!_%' ESCAPE '!')"""
    )
    for table, constraint in cr.fetchall():
        cr.execute(
            SQL(
                "ALTER TABLE %s DROP CONSTRAINT %s",
                SQL.identifier(table.strip('"')),
                SQL.identifier(constraint),
            )
        )
