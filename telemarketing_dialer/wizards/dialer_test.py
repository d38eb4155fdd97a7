import re

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.telemarketing_base.identity.phone import parse_phone

MANAGER = "telemarketing_base.group_manager"
# "3.1 s: busy (cause 17, SIP 486)"; see bridge/moving.py
TRACE = re.compile(r"([0-9.]+ s: )(.*?)( \(cause .*\))?")


class TelemarketingDialerTest(models.TransientModel):
    """A test call: a number of the house's own is rung by the dialer, and what it
    heard on the way is shown. It is nobody's attempt and counts nowhere."""

    _name = "telemarketing.dialer.test"
    _description = "Test Call"
    _inherit = ["telemarketing.sight.mixin"]
    _sight_fields = ("server_id", "trunk_id", "caller_id")

    server_id = fields.Many2one(
        "telemarketing.dialer.server",
        "Asterisk",
        required=True,
        ondelete="cascade",
        default=lambda self: self._default_server_id(),
    )
    trunk_id = fields.Many2one(
        "telemarketing.dialer.trunk",
        compute="_compute_trunk_id",
        store=True,
        readonly=False,
        precompute=True,
        ondelete="cascade",
        domain="[('server_id', '=', server_id)]",
    )
    caller_id = fields.Many2one(
        "telemarketing.dialer.caller",
        "Number Shown",
        compute="_compute_caller_id",
        store=True,
        readonly=False,
        precompute=True,
        ondelete="cascade",
        domain="[('trunk_ids', 'in', trunk_id)]",
    )
    number = fields.Char("Number to Call", help="Your own mobile, for instance.")
    command_id = fields.Many2one(
        "telemarketing.dialer.command", readonly=True, ondelete="set null"
    )
    asked_at = fields.Datetime(readonly=True)
    state = fields.Selection(
        [("new", "Not called yet"), ("calling", "Calling"), ("done", "Done")],
        compute="_compute_state",
    )
    trace = fields.Text("What Was Heard", compute="_compute_state")

    @api.model
    def _default_server_id(self):
        if self.env.context.get("active_model") == "telemarketing.dialer.server":
            return self.env.context.get("active_id")
        return self.env["telemarketing.dialer.server"].search([], limit=1)

    @api.depends("server_id")
    def _compute_trunk_id(self):
        for wizard in self:
            wizard.trunk_id = wizard.server_id.trunk_ids[:1]

    @api.depends("trunk_id")
    def _compute_caller_id(self):
        for wizard in self:
            wizard.caller_id = wizard.trunk_id.caller_ids[:1]

    @api.depends("command_id")
    def _compute_state(self):
        for wizard in self:
            # What others asked of Asterisk is not shown.
            command = wizard.command_id.sudo()
            if command.kind != "test" or command.user_id != wizard.create_uid:
                command = command.browse()
            wizard.trace = False
            if not command:
                wizard.state = "new"
            elif not command.done_at:
                wizard.state = "calling"
                if not command.server_id._alive():
                    wizard.trace = self.env._(
                        "No process works this Asterisk: nothing happens until it is "
                        "started."
                    )
            else:
                wizard.state = "done"
                answer = command.answer or {}
                lines = [
                    wizard._trace_line(str(line)) for line in answer.get("trace") or []
                ]
                if answer.get("error"):
                    lines.append(str(answer["error"]))
                wizard.trace = "\n".join(lines)

    def _trace_line(self, line):
        """A line of the process's own words, in the reader's language."""
        words = {
            "asked of Asterisk": self.env._("asked of Asterisk"),
            "it rings": self.env._("it rings"),
            "answered": self.env._("answered"),
            "in the dialplan": self.env._("in the dialplan"),
            "nobody is free: the notice is played": self.env._(
                "nobody is free: the notice is played"
            ),
            "hung up": self.env._("hung up"),
            "no end was heard of": self.env._("no end was heard of"),
        }
        outcomes = self.env["telemarketing.interaction"]._fields["dial_outcome"]
        words |= {
            key.replace("_", " "): label
            for key, label in outcomes._description_selection(self.env)
        }
        parts = TRACE.fullmatch(line)
        if not parts:
            return line
        at, what, code = parts.groups()
        return f"{at}{words.get(what, what)}{code or ''}"

    def action_call(self):
        """Have the dialer ring the number."""
        self.ensure_one()
        if not self.env.user.has_group(MANAGER):
            raise AccessError(self.env._("Managers make test calls."))
        self._check_in_sight()
        server, trunk = self.server_id.sudo(), self.trunk_id.sudo()
        if trunk.server_id != server or not trunk.active:
            raise UserError(
                self.env._("Choose a trunk of %s.", server.name or "Asterisk")
            )
        if self.caller_id and self.caller_id not in trunk.caller_ids:
            raise UserError(
                self.env._(
                    "%(trunk)s may not show %(number)s.",
                    trunk=trunk.name,
                    number=self.caller_id.e164,
                )
            )
        channel = self._channel(trunk)
        if server.stopped_at:
            raise UserError(
                self.env._("All dialling by %s was stopped: resume it.", server.name)
            )
        if not server._alive():
            raise UserError(
                self.env._("No process works %s: start the dialer first.", server.name)
            )
        self.command_id = (
            self.env["telemarketing.dialer.command"]
            .sudo()
            ._ask(
                server,
                "test",
                params={"channel": channel, "caller": self.caller_id.e164 or ""},
            )
        )
        self.asked_at = self.env["telemarketing.clock"]._now()
        self.env["telemarketing.dialer.log"]._append(
            "test",
            f"{self.trunk_id.name}: {parse_phone(self.number).e164}",
            server=server,
            user=self.env.user,
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }

    def _channel(self, trunk):
        phone = parse_phone(self.number) if self.number else None
        if not phone:
            raise UserError(
                self.env._(
                    "“%s” is not one telephone number. Write nine digits, or + and "
                    "the country's prefix.",
                    self.number or "",
                )
            )
        if not phone.dialable:
            raise UserError(
                self.env._(
                    "%s costs extra: such numbers are never dialled.", phone.e164
                )
            )
        channel = trunk._channel_of(phone.e164)
        if not channel:
            raise UserError(
                self.env._(
                    "%(trunk)s carries only numbers that begin with %(prefixes)s.",
                    trunk=trunk.name,
                    prefixes=trunk.allowed_prefixes,
                )
            )
        return channel
