def uninstall_hook(env):
    """Drop what the ORM does not know of: parameters and the lease's function."""
    env["ir.config_parameter"].sudo().search(
        [("key", "=like", "telemarketing.%")]
    ).unlink()
    env.cr.execute(
        "DROP FUNCTION IF EXISTS"
        " telemarketing_lease(int, int, timestamp, timestamp, int)"
    )
