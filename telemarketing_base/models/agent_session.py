from odoo import api, fields, models


class TelemarketingPauseReason(models.Model):
    _name = "telemarketing.pause.reason"
    _description = "Pause Reason"
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True)
    code = fields.Char()
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    cap_minutes = fields.Integer(
        "Cap (minutes)", help="The desk warns after this. 0: no cap."
    )
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")


STATES = [
    ("ready", "Ready"),
    ("dialling", "Dialling"),
    ("talking", "Talking"),
    ("wrap_up", "Wrap-up"),
    ("paused", "Paused"),
]


class TelemarketingAgentSession(models.Model):
    """Log-in to log-out of an agent at a seat. One open session per agent; the tab
    whose token it holds is the one that works."""

    _name = "telemarketing.agent.session"
    _description = "Agent Session"
    _order = "id desc"

    user_id = fields.Many2one("res.users", "Agent", required=True, index=True)
    company_id = fields.Many2one("res.company", required=True)
    team_id = fields.Many2one("crm.team", help="The agent's at log-in.")
    campaign_id = fields.Many2one("telemarketing.campaign", index="btree_not_null")
    extension = fields.Char()
    token = fields.Char(
        required=True,
        copy=False,
        groups="base.group_system",
        export_string_translation=False,
    )
    login_at = fields.Datetime(required=True)
    logout_at = fields.Datetime()
    last_seen_at = fields.Datetime(required=True)
    state = fields.Selection(STATES, required=True, default="ready")
    state_since = fields.Datetime(required=True)
    pause_reason_id = fields.Many2one("telemarketing.pause.reason")
    state_ids = fields.One2many(
        "telemarketing.agent.state", "session_id", "States Passed"
    )

    _one_open = models.UniqueIndex(
        "(user_id) WHERE logout_at IS NULL", "This agent is already logged in."
    )

    @api.depends("user_id.name", "login_at")
    def _compute_display_name(self):
        for session in self:
            session.display_name = f"{session.user_id.name} {session.login_at or ''}"

    @api.private
    def _set_state(self, state, at, reason=None):
        """Leave the present state at ``at`` and enter another; each stay is a row.

        Same state and reason: nothing happens.
        """
        self.ensure_one()
        reason_id = reason.id if reason else False
        if self.state == state and self.pause_reason_id.id == reason_id:
            return
        self._leave_state(at)
        self.write({"state": state, "state_since": at, "pause_reason_id": reason_id})

    @api.private
    def _leave_state(self, at):
        self.ensure_one()
        since = self.state_since
        if at <= since:
            return
        self.env["telemarketing.agent.state"].create(
            {
                "session_id": self.id,
                "user_id": self.user_id.id,
                "company_id": self.company_id.id,
                "team_id": self.team_id.id,
                "campaign_id": self.campaign_id.id,
                "state": self.state,
                "pause_reason_id": self.pause_reason_id.id,
                "started_at": since,
                "ended_at": at,
                "seconds": int((at - since).total_seconds()),
            }
        )
        self.env["telemarketing.stat.time.delta"]._append(self, since, at)

    @api.private
    def _log_out(self, at):
        for session in self:
            session._leave_state(at)
            session.write({"logout_at": at, "state_since": at})

    @api.model
    def _cron_end_silent(self):
        """Sessions silent for half an hour ended when their browser last spoke."""
        now = self.env["telemarketing.clock"]._now()
        silent = self.search(
            [
                ("logout_at", "=", False),
                ("last_seen_at", "<", fields.Datetime.subtract(now, minutes=30)),
            ],
            limit=200,
        ).try_lock_for_update()
        for session in silent:
            session._log_out(max(session.last_seen_at, session.state_since))


class TelemarketingAgentState(models.Model):
    """One stay in a state: ready, dialling, talking, wrap-up, paused."""

    _name = "telemarketing.agent.state"
    _description = "Agent State"
    _order = "id desc"

    session_id = fields.Many2one(
        "telemarketing.agent.session", required=True, index=True, ondelete="cascade"
    )
    user_id = fields.Many2one("res.users", "Agent", required=True, index=True)
    company_id = fields.Many2one("res.company", required=True)
    team_id = fields.Many2one("crm.team")
    campaign_id = fields.Many2one("telemarketing.campaign", index="btree_not_null")
    state = fields.Selection(STATES, required=True)
    pause_reason_id = fields.Many2one("telemarketing.pause.reason")
    started_at = fields.Datetime(required=True, index=True)
    ended_at = fields.Datetime(required=True)
    seconds = fields.Integer(required=True)
