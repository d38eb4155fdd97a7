from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError


class TelemarketingAppointmentCallback(models.TransientModel):
    """An appointment was not held: somebody calls the person again, or nobody does."""

    _name = "telemarketing.appointment.callback"
    _description = "Appointment Not Held"
    _inherit = ["telemarketing.sight.mixin"]
    _sight_fields = ("event_id",)

    event_id = fields.Many2one("calendar.event", "Appointment", required=True)
    call_again = fields.Boolean("Call the Person Again", default=True)
    agent_id = fields.Many2one(
        "res.users",
        "Who Calls",
        compute="_compute_agent_id",
        store=True,
        readonly=False,
        domain="[('id', 'in', agent_ids)]",
        help="Empty: anyone of the campaign.",
    )
    agent_ids = fields.Many2many(
        "res.users", compute="_compute_agent_ids", compute_sudo=False
    )
    at = fields.Datetime("When", default=lambda self: self._default_at())
    note = fields.Char(size=200, help="For who calls.")

    @api.model
    def _default_at(self):
        now = self.env["telemarketing.clock"]._now()
        return (now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)

    @api.depends("event_id")
    def _compute_agent_ids(self):
        for wizard in self:
            wizard.event_id.check_access("read")
            wizard.agent_ids = (
                wizard.event_id.sudo().telemarketing_campaign_id.agent_ids
            )

    @api.depends("event_id")
    def _compute_agent_id(self):
        for wizard in self:
            wizard.event_id.check_access("read")
            event = wizard.event_id.sudo()
            operator = event.telemarketing_operator_id
            wizard.agent_id = operator & event.telemarketing_campaign_id.agent_ids

    def action_confirm(self):
        self.ensure_one()
        event = self.event_id
        event.check_access("write")
        event._check_answers_for()
        event.write({"telemarketing_outcome": "not_held"})
        if self.call_again and event.sudo().telemarketing_target_id:
            self._call_again()
        return {"type": "ir.actions.act_window_close"}

    def _call_again(self):
        event, now = self.event_id, self.env["telemarketing.clock"]._now()
        target = event.sudo().telemarketing_target_id
        campaign = target.campaign_id
        if not self.at or self.at < now - timedelta(minutes=1):
            raise UserError(self.env._("Say when to call: an hour that is to come."))
        if self.at > now + timedelta(days=3 * 366):
            raise UserError(self.env._("The callback is more than three years away."))
        if self.agent_id and self.agent_id not in campaign.agent_ids:
            raise UserError(self.env._("Who calls must work in the campaign."))
        name = target.contact_id.display_name
        locked = target.try_lock_for_update()
        if not locked or target.state in ("leased", "talking", "wrap_up"):
            raise UserError(self.env._("%s is on an agent's desk now.", name))
        if target.state == "excluded":
            raise UserError(self.env._("%s does not want to be called.", name))
        target.write(
            {
                "state": "ready" if campaign.state in ("running", "paused") else "new",
                "done_reason": False,
                "callback": True,
                "callback_agreed": False,
                "callback_user_id": self.agent_id.id,
                "callback_note": self.note,
                "next_call_at": self.at,
            }
        )
        target._refresh_gate(targets=target)
        if not target.callable_from:
            raise UserError(
                self.env._(
                    "%(name)s may not be called: %(why)s",
                    name=name,
                    why=target.callable_reason,
                )
            )
        event.message_post(
            body=self.env._(
                "Not held. %(who)s calls the person again.",
                who=self.agent_id.name or self.env._("Anyone of the campaign"),
            )
        )
