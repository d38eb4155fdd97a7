from datetime import timedelta

from odoo import api, fields, models
from odoo.tools.constants import GC_UNLINK_LIMIT

# For so many days one may look up who asked for what.
KEPT_DAYS = 7


class TelemarketingDialerCommand(models.Model):
    """What a desk or a supervisor asks of the process that owns a server.

    Written in the transaction of whoever asks; PostgreSQL's NOTIFY wakes the process
    at its commit. A command older than ten seconds is not carried out any more.
    """

    _name = "telemarketing.dialer.command"
    _description = "Dialer Command"
    _order = "id"
    _rec_name = "kind"

    server_id = fields.Many2one(
        "telemarketing.dialer.server", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="server_id.company_id", store=True)
    kind = fields.Char(required=True)
    uuid = fields.Char(help="Of the attempt that it is about.")
    session_id = fields.Many2one("telemarketing.agent.session", ondelete="cascade")
    params = fields.Json()
    user_id = fields.Many2one(
        "res.users", required=True, default=lambda self: self.env.user
    )
    at = fields.Datetime(required=True, default=fields.Datetime.now)
    done_at = fields.Datetime()
    answer = fields.Json()

    _waiting = models.Index("(server_id, id) WHERE done_at IS NULL")

    @api.model
    @api.private
    def _ask(self, server, kind, session=None, uuid=None, params=None):
        """Write a command whose arguments were checked, and wake the process.

        Called with sudo.
        """
        command = self.create(
            {
                "server_id": server.id,
                "kind": kind,
                "session_id": session.id if session else False,
                "uuid": uuid,
                "params": params or {},
                "user_id": self.env.uid,
            }
        )
        server._notify("command", id=command.id)
        return command

    @api.autovacuum
    def _gc_done(self):
        old = fields.Datetime.now() - timedelta(days=KEPT_DAYS)
        self.search([("at", "<", old)], limit=GC_UNLINK_LIMIT).unlink()
