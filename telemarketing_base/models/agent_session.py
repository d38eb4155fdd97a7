from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


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
    over_cap_at = fields.Datetime(
        "Over the Cap Since",
        readonly=True,
        help="The pause or the wrap-up has lasted longer than it should.",
    )
    state_ids = fields.One2many(
        "telemarketing.agent.state", "session_id", "States Passed"
    )

    help_asked_at = fields.Datetime("Asked for Help On")
    help_text = fields.Char("Needs")
    help_user_id = fields.Many2one("res.users", "Who Comes", ondelete="set null")

    _asking_help = models.Index("(help_asked_at) WHERE help_asked_at IS NOT NULL")
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
        self.write(
            {
                "state": state,
                "state_since": at,
                "pause_reason_id": reason_id,
                "over_cap_at": False,
            }
        )

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
            session._end_help()
            session.write({"logout_at": at, "state_since": at, "over_cap_at": False})

    # HELP

    @api.private
    def _ask_help(self, text, at):
        """The agent asks for help: who supervises is told at once."""
        self.ensure_one()
        self.write({"help_asked_at": self.help_asked_at or at, "help_text": text})
        self._tell_supervisors("asked")

    @api.private
    def _end_help(self):
        """Nobody needs to come any more; what was written of it goes."""
        for session in self:
            if session.help_asked_at:
                session._tell_supervisors("over")
                session.write(
                    {"help_asked_at": False, "help_text": False, "help_user_id": False}
                )

    @api.private
    def _helpers(self):
        """Who is told: supervisors of the campaign and of the agent's team in its
        company, else its managers."""
        self.ensure_one()
        users = (
            self.campaign_id.supervisor_ids | self.team_id.telemarketing_supervisor_ids
        )
        users = users.filtered(
            lambda u: (
                u.active
                and self.company_id in u.company_ids
                and u.telemarketing_is_supervisor
            )
        )
        if not users - self.user_id:
            manager = self.env.ref("telemarketing_base.group_manager")
            users = manager.all_user_ids.filtered(
                lambda u: u.active and self.company_id in u.company_ids
            )
        return users - self.user_id

    @api.private
    def _tell_supervisors(self, what):
        """``telemarketing_help`` on the bus of each: ``{what: asked|coming|over,
        session_id, agent, campaign, text, who}``."""
        self.ensure_one()
        message = {
            "what": what,
            "session_id": self.id,
            "agent": self.user_id.name,
            "campaign": self.campaign_id.name or "",
            "text": self.help_text or "",
            "who": self.help_user_id.name or "",
        }
        for user in self._helpers():
            user._bus_send("telemarketing_help", message)

    def action_help_coming(self):
        """A supervisor says "I am coming"; the agent sees it on the desk. The first
        who says so comes.

        :return: ``{coming: name or "", mine}``; empty: nobody asks any more
        """
        self.ensure_one()
        if not self.env.user.has_group("telemarketing_base.group_supervisor"):
            raise AccessError(self.env._("Only supervisors answer for help."))
        self.check_access("read")
        session = self.sudo()
        if not session.try_lock_for_update():
            raise UserError(self.env._("Somebody else answered just now; look again."))
        if not session.help_asked_at:
            return {"coming": "", "mine": False}
        if not session.help_user_id:
            session.help_user_id = self.env.user
            session._tell_supervisors("coming")
            session.user_id._bus_send(
                "telemarketing_help_coming",
                {"session_id": session.id, "who": self.env.user.name},
            )
        return {
            "coming": session.help_user_id.name,
            "mine": session.help_user_id == self.env.user,
        }

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
