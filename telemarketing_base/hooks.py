def uninstall_hook(env):
    """Drop what the ORM does not know of: parameters, and the agents' sequence."""
    env["ir.config_parameter"].sudo().search(
        [("key", "=like", "telemarketing.%")]
    ).unlink()
