from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

# What one supervisor picks in a list; more is another way of working.
MOST = 1000


class TelemarketingCallbackMove(models.TransientModel):
    """A supervisor gives agreed callbacks to another agent or to anyone, or moves
    them to another hour. What it rests on stays: the person's record does not change.
    """

    _name = "telemarketing.callback.move"
    _inherit = ["telemarketing.sight.mixin"]
    _description = "Reassign or Move Callbacks"
    _sight_fields = ("target_ids",)

    target_ids = fields.Many2many("telemarketing.target", string="Callbacks")
    count = fields.Integer("Callbacks Chosen", compute="_compute_count")
    agent_choice_ids = fields.Many2many(
        "res.users", compute="_compute_agent_choice_ids", string="Agents of All"
    )
    owner = fields.Selection(
        [("keep", "Leave as it is"), ("agent", "This agent"), ("anyone", "Anyone")],
        "Who Calls",
        required=True,
        default="agent",
    )
    user_id = fields.Many2one("res.users", "Agent")
    when = fields.Selection(
        [
            ("keep", "Leave as it is"),
            ("at", "At this day and hour"),
            ("later", "So many hours later"),
        ],
        "Hour",
        required=True,
        default="keep",
    )
    at = fields.Datetime("Day and Hour")
    hours = fields.Float("Hours Later", default=1.0)

    @api.model
    def default_get(self, fields_list):
        values = super().default_get(fields_list)
        if self.env.context.get("active_model") == "telemarketing.target":
            ids = self.env.context.get("active_ids") or []
            values["target_ids"] = [fields.Command.set(ids)]
        return values

    @api.depends("target_ids")
    def _compute_count(self):
        for wizard in self:
            wizard.count = len(wizard.target_ids)

    @api.depends("target_ids")
    def _compute_agent_choice_ids(self):
        """Agents who work every campaign of the callbacks chosen."""
        for wizard in self:
            campaigns = wizard.target_ids.campaign_id
            agents = campaigns[:1].agent_ids
            for campaign in campaigns[1:]:
                agents &= campaign.agent_ids
            wizard.agent_choice_ids = agents

    def action_move(self):
        self.ensure_one()
        self._check_in_sight()
        self.target_ids.check_access("write")
        if len(self.target_ids) > MOST:
            raise UserError(self.env._("Choose at most %s callbacks at once.", MOST))
        values = self._owner_values()
        self._check_hour()
        now = self.env["telemarketing.clock"]._now()
        targets = self.target_ids.sudo().try_lock_for_update()
        waiting = targets.filtered(lambda t: t.state == "ready" and t.callback)
        moved, refused = waiting.browse(), waiting.browse()
        gate = self.env["telemarketing.gate"].sudo()
        for target in waiting:
            at = self._new_hour(target)
            if at:
                if at < now or gate._hours_finding(target, at):
                    refused |= target
                    continue
                target.write(
                    {
                        "next_call_at": at,
                        "callback_agreed": False,
                        "asked_hour": False,
                    }
                )
            moved |= target
        moved.write(values)
        self.env["telemarketing.target"]._refresh_gate(targets=moved)
        return self._told(moved, refused, self.target_ids - waiting)

    def _owner_values(self):
        if self.owner == "keep":
            return {}
        if self.owner == "anyone":
            return {"callback_user_id": False}
        if not self.user_id:
            raise UserError(self.env._("Choose who is to call."))
        if self.user_id not in self.agent_choice_ids:
            raise UserError(
                self.env._(
                    "%s does not work in every campaign of these callbacks.",
                    self.user_id.name,
                )
            )
        return {"callback_user_id": self.user_id.id}

    def _check_hour(self):
        if self.owner == "keep" and self.when == "keep":
            raise UserError(self.env._("Say what is to change."))
        if self.when == "at" and not self.at:
            raise UserError(self.env._("Say to which day and hour."))
        if self.when == "later" and not 0 < self.hours <= 24 * 366:
            raise UserError(self.env._("Say by how many hours, at most a year."))

    def _new_hour(self, target):
        if self.when == "at":
            return self.at
        if self.when == "later":
            return target.next_call_at + timedelta(hours=self.hours)
        return None

    def _told(self, moved, refused, gone):
        lines = [self.env._("%s callbacks changed.", len(moved))]
        if refused:
            lines.append(
                self.env._(
                    "%(count)s left as they were, nobody may be called at that hour: "
                    "%(names)s.",
                    count=len(refused),
                    names=", ".join(refused[:5].mapped("display_name")),
                )
            )
        if gone:
            lines.append(
                self.env._("%s are being called or have been closed.", len(gone))
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning" if refused or gone else "success",
                "title": self.env._("Done"),
                "message": "\n".join(lines),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
