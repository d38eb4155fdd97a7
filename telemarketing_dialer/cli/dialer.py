# Nothing of the module is imported here: Odoo hides an ImportError of a command as
# "Unknown command".
import asyncio
import logging
import sys

from odoo.cli import Command
from odoo.tools import config

_logger = logging.getLogger(__name__)


class Dialer(Command):
    """Dial, and stand by to dial, for the Asterisk servers of one database.

    Any number of these processes may run; each server is worked by one of them.
    """

    def run(self, args):
        config.parser.prog = self.prog
        config.parse_config(args, setup_logging=True)
        databases = config["db_name"]
        if len(databases) != 1:
            sys.exit("Name one database: odoo dialer -d DATABASE")
        from odoo.modules.registry import Registry

        registry = Registry(databases[0])
        if "telemarketing.dialer" not in registry:
            sys.exit(f"Telemarketing Dialer is not installed in {databases[0]}.")
        from odoo.addons.telemarketing_dialer.process import Process

        with registry.cursor() as cr:
            cr.execute(
                "SELECT latest_version FROM ir_module_module"
                " WHERE name = 'telemarketing_dialer'"
            )
            version = cr.fetchone()[0]
        asyncio.run(Process(databases[0], version or "").run())
