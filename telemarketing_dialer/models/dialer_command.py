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

    @api.private
    def _answered(self, answer):
        """The process did it, or says why not; the desk that asked is told.

        Told twice, the first answer stands.

        :param dict answer: ``{"ok": True, …}`` or ``{"error": text}``
        """
        for command in self.filtered(lambda c: not c.done_at):
            command.write({"done_at": fields.Datetime.now(), "answer": answer})
            told = command._told(answer)
            if told and command.session_id:
                command.session_id.user_id._bus_send("telemarketing.dialer", told)

    @api.private
    def _told(self, answer):
        """What the desk is told of it: ``telemarketing.dialer`` on its bus."""
        if self.kind == "phone":
            # Its state comes by itself; only a refusal is news.
            error = answer.get("error")
            return error and {"what": "phone", "state": "none", "reason": error}
        if not self.uuid:
            return None
        told = {"what": "line", "uuid": self.uuid}
        params = self.params or {}
        if "error" in answer:
            told |= {"error": answer["error"], "kind": self.kind}
        elif self.kind == "hold":
            told["held"] = bool(params.get("on"))
        elif self.kind == "mute":
            told["muted"] = bool(params.get("on"))
        elif self.kind == "record":
            told["recording"] = not params.get("pause")
        elif self.kind == "third" or params.get("how") == "attended":
            told |= {"third": True, "held": self.kind == "transfer"}
        elif self.kind == "drop_third":
            told |= {"third": False, "held": False}
        else:
            return None
        return told

    @api.autovacuum
    def _gc_done(self):
        old = fields.Datetime.now() - timedelta(days=KEPT_DAYS)
        self.search([("at", "<", old)], limit=GC_UNLINK_LIMIT).unlink()
