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
    def _in_words(self, answer):
        """The answer with its error as a sentence, in the context's language."""
        code = answer.get("error")
        if not code:
            return answer
        sentences = {
            "unknown": self.env._(
                "This dialer does not know that command: it is older."
            ),
            "late": self.env._("The dialer came too late to do that. Try again."),
            "over": self.env._("This call is over."),
            "not_talking": self.env._("You are not talking with this person."),
            "not_dialled_blind": self.env._(
                "Asterisk is not seen: nothing was dialled."
            ),
            "not_dialled_phone": self.env._(
                "Your telephone is not connected: nothing was dialled. Connect it and "
                "dial again."
            ),
            "not_dialled_busy": self.env._(
                "Your telephone is in another call: nothing was dialled."
            ),
            "other_agent": self.env._("This call is with another agent."),
            "keys": self.env._("Only the keys of a telephone."),
            "not_recorded": self.env._("This call is not recorded."),
            "agent_busy": self.env._("That agent is not free now. Choose another one."),
            "campaign": self.env._("That campaign is not dialled from here."),
            "whom": self.env._("Say to whom."),
            "third_there": self.env._("There is somebody else in this call already."),
            "number": self.env._("Say which number."),
            "no_third": self.env._("There is nobody else in this call."),
            "no_desk": self.env._(
                "This desk is not logged in at the dialer. Reload the page."
            ),
            "refused": self.env._("Asterisk refused it: %s", answer.get("why") or "-"),
            "blind": self.env._(
                "Asterisk is not seen now: %s", answer.get("why") or "-"
            ),
            "unfit": self.env._("That cannot be sent to Asterisk."),
        }
        return {**answer, "code": code, "error": sentences.get(code, code)}

    @api.autovacuum
    def _gc_done(self):
        old = fields.Datetime.now() - timedelta(days=KEPT_DAYS)
        self.search([("at", "<", old)], limit=GC_UNLINK_LIMIT).unlink()
