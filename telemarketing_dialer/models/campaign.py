from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command

from odoo.addons.telemarketing_base.models.guard import TelemarketingCampaign as Guarded

from .words import check_sound

SUPERVISOR = "telemarketing_base.group_supervisor"
MODES = [
    ("manual", "Manual"),
    ("preview", "Preview"),
    ("progressive", "Progressive"),
    ("predictive", "Predictive"),
]
# In these the dialer dials, not the agent.
AUTOMATIC = ("progressive", "predictive")
# Own policy: docs/compliance.md.
MOST_ABANDONED = 3.0


class TelemarketingCampaign(models.Model):
    _inherit = "telemarketing.campaign"

    dialing_mode = fields.Selection(
        MODES,
        "Dialling Mode",
        compute="_compute_dialing_mode",
        inverse="_inverse_dialing_mode",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        tracking=True,
        help="Manual: the agent asks for the next person and dials. Preview: the next "
        "person comes by itself, the agent dials. Progressive: a number is dialled for "
        "each agent who is ready. Predictive: as many as the limit of abandoned calls "
        "allows; who answers comes to an agent.",
    )
    dialer_server_id = fields.Many2one(
        "telemarketing.dialer.server",
        "Asterisk",
        check_company=True,
        index="btree_not_null",
        tracking=True,
        ondelete="restrict",
        groups=SUPERVISOR,
    )
    dialer_trunk_ids = fields.Many2many(
        "telemarketing.dialer.trunk",
        "telemarketing_dialer_campaign_trunk_rel",
        "campaign_id",
        "trunk_id",
        "Trunks",
        groups=SUPERVISOR,
        check_company=True,
        domain="[('server_id', '=', dialer_server_id)]",
        help="In their order. None: all of the server.",
    )
    dialer_caller_id = fields.Many2one(
        "telemarketing.dialer.caller",
        "Shows",
        compute="_compute_dialer_caller_id",
        inverse="_inverse_dialer_caller_id",
        check_company=True,
        groups=SUPERVISOR,
        domain="[('trunk_ids.server_id', '=', dialer_server_id)]",
        help="One of the numbers that its trunks may show.",
    )
    dialer_list_ids = fields.One2many(
        "telemarketing.dialer.list", "campaign_id", "Dialer Lists", groups=SUPERVISOR
    )
    ring_seconds = fields.Integer(
        "Rings for (seconds)",
        default=25,
        tracking=True,
        groups=SUPERVISOR,
        help="At least 15.",
    )
    abandon_target = fields.Float(
        "Abandoned: Goal (%)", default=2.0, tracking=True, groups=SUPERVISOR
    )
    abandon_limit = fields.Float(
        "Abandoned: Limit (%)", default=3.0, tracking=True, groups=SUPERVISOR
    )
    detect_machines = fields.Boolean(
        "Detect Answering Machines", tracking=True, groups=SUPERVISOR
    )
    notice_sound = fields.Char(
        "Notice of This Campaign", groups=SUPERVISOR, help="Empty: that of the server."
    )
    record_calls = fields.Selection(
        [("never", "Never"), ("always", "The whole call")],
        "Recording",
        required=True,
        default="never",
        tracking=True,
    )
    record_notice = fields.Char(
        "Recording Notice",
        groups=SUPERVISOR,
        help="Sound on the Asterisk server that the person hears first. Empty: the "
        "agent says it.",
    )
    dialing_stopped_at = fields.Datetime("Dialling Stopped", readonly=True, copy=False)
    dialing_stopped_by_id = fields.Many2one(
        "res.users", "Stopped by", readonly=True, copy=False, groups=SUPERVISOR
    )
    dialing_notice = fields.Char(
        "What Stands Against Dialling",
        compute="_compute_dialing_notice",
        groups=SUPERVISOR,
    )

    _ring_range = models.Constraint(
        "CHECK (ring_seconds BETWEEN 15 AND 120)",
        "A call rings for 15 seconds at least, so that people have time to answer, "
        "and for 120 at most.",
    )

    # What the process that dials must be told of.
    _TOLD = {
        *("dialing_mode", "auto_next", "dialer_server_id", "dialer_trunk_ids"),
        *("ring_seconds", "abandon_target", "abandon_limit", "detect_machines"),
        *("notice_sound", "record_calls", "record_notice", "caller_number"),
        *("state", "active", "dialer_caller_id"),
    }
    _code_fields = (
        *Guarded._code_fields,
        *("dialing_stopped_at", "dialing_stopped_by_id"),
    )

    # MODE

    @api.depends("auto_next")
    def _compute_dialing_mode(self):
        """``auto_next`` is what base knows of it: whether the next person comes by
        itself."""
        for campaign in self:
            mode = campaign.dialing_mode
            if not campaign.auto_next:
                campaign.dialing_mode = "manual"
            elif not mode or mode == "manual":
                campaign.dialing_mode = "preview"

    def _inverse_dialing_mode(self):
        for campaign in self:
            by_itself = campaign.dialing_mode != "manual"
            if campaign.auto_next != by_itself:
                campaign.auto_next = by_itself

    @api.private
    def _mode_label(self, mode):
        return dict(self._fields["dialing_mode"]._description_selection(self.env))[mode]

    # THE NUMBER SHOWN

    @api.depends("caller_number", "company_id")
    def _compute_dialer_caller_id(self):
        Caller = self.env["telemarketing.dialer.caller"].sudo()
        for campaign in self:
            number = campaign.caller_number
            campaign.dialer_caller_id = number and Caller.search(
                [("e164", "=", number), ("company_id", "=", campaign.company_id.id)],
                limit=1,
            )

    def _inverse_dialer_caller_id(self):
        for campaign in self:
            if campaign.dialer_caller_id:
                campaign.caller_number = campaign.dialer_caller_id.e164

    @api.private
    def _trunks(self):
        """Its trunks, in the order in which they are tried."""
        self.ensure_one()
        campaign = self.sudo()
        server = campaign.dialer_server_id
        chosen = campaign.dialer_trunk_ids or server.trunk_ids
        return chosen.filtered(
            lambda trunk: trunk.active and trunk.server_id == server
        ).sorted()

    @api.private
    def _trunks_shown(self):
        """Those of its trunks whose carrier lets us show the campaign's number."""
        number = self.sudo().caller_number
        return self._trunks().filtered(
            lambda trunk: number in trunk.caller_ids.mapped("e164")
        )

    # WHAT IT NEEDS

    @api.constrains("abandon_target", "abandon_limit")
    def _check_abandon(self):
        for campaign in self:
            target, limit = campaign.abandon_target, campaign.abandon_limit
            if limit > MOST_ABANDONED:
                raise ValidationError(
                    self.env._(
                        "Abandoned calls: the limit is %s %% at most. Spanish law "
                        "names no figure; who answers and finds nobody is disturbed "
                        "for nothing, and the British and American rules stop at 3.",
                        MOST_ABANDONED,
                    )
                )
            if not 0 < target <= limit:
                raise ValidationError(
                    self.env._(
                        "Abandoned calls: the goal is more than 0 %% and not above the "
                        "limit, which is %(limit)s %%. With 0 %% nobody could be "
                        "dialled ahead: choose the mode Progressive.",
                        limit=limit,
                    )
                )

    @api.constrains("notice_sound", "record_notice")
    def _check_sounds(self):
        for campaign in self:
            check_sound(campaign, "notice_sound")
            check_sound(campaign, "record_notice")

    @api.constrains(
        *("dialing_mode", "dialer_server_id", "dialer_trunk_ids", "caller_number"),
        *("notice_sound", "training", "call_mode", "company_id"),
    )
    def _check_dialing(self):
        for campaign in self.sudo():
            if not campaign.active or campaign.state in ("done", "cancelled"):
                continue
            foreign = campaign.dialer_trunk_ids.filtered(
                lambda t, c=campaign: t.server_id != c.dialer_server_id
            )
            if foreign:
                raise ValidationError(
                    self.env._(
                        "%(trunks)s: of another Asterisk than %(campaign)s, which "
                        "dials through %(server)s.",
                        trunks=", ".join(foreign.mapped("name")),
                        campaign=campaign.name,
                        server=campaign.dialer_server_id.name or "-",
                    )
                )
            lacks = campaign._dialing_lacks()
            if lacks and campaign.dialing_mode in AUTOMATIC:
                raise ValidationError(
                    self.env._(
                        "%(campaign)s cannot dial by itself (%(mode)s):\n%(lacks)s",
                        campaign=campaign.name,
                        mode=campaign._mode_label(campaign.dialing_mode),
                        lacks="\n".join(f"- {text}" for text in lacks),
                    )
                )
            shown = campaign._caller_lacks()
            if shown:
                raise ValidationError(
                    self.env._(
                        "%(campaign)s: %(why)s", campaign=campaign.name, why=shown
                    )
                )

    @api.constrains("state", "active")
    def _check_dialing_start(self):
        """Pausing and closing are always possible."""
        self.filtered(lambda c: c.state == "running")._check_dialing()

    @api.private
    def _caller_lacks(self):
        """Why its number cannot be shown by its Asterisk; '' where it can, and where
        there is none to be shown.

        By hand, a trunk of which nobody wrote down what it may show is taken at its
        word.
        """
        self.ensure_one()
        campaign = self.sudo()
        trunks = campaign._trunks()
        if not (campaign.dialer_server_id and campaign.caller_number and trunks):
            return ""
        unknown = trunks.filtered(lambda trunk: not trunk.caller_ids)
        if campaign._trunks_shown() or (
            unknown and campaign.dialing_mode not in AUTOMATIC
        ):
            return ""
        return self.env._(
            "%(number)s is none of the numbers that the trunks of %(server)s may show. "
            "A manager adds it to them.",
            number=campaign.caller_number,
            server=campaign.dialer_server_id.name,
        )

    @api.private
    def _dialing_lacks(self):
        """What it lacks to dial by itself, as sentences."""
        self.ensure_one()
        campaign = self.sudo()
        lacks = []
        if campaign.training:
            lacks.append(self.env._("It is for training: nobody is called."))
        if campaign.call_mode != "agent":
            lacks.append(self.env._("Its calls are made by a robot, not by agents."))
        try:
            campaign.company_id._telemarketing_require(
                "dialer", self.env._("The dialer")
            )
        except UserError as error:
            lacks.append(str(error))
        server = campaign.dialer_server_id
        if not server or not server.active:
            lacks.append(self.env._("Choose the Asterisk that it dials through."))
            return lacks
        if not campaign._trunks():
            lacks.append(self.env._("%s has no trunk for it.", server.name))
        if not campaign.caller_number:
            lacks.append(self.env._("Choose the number that it shows."))
        elif campaign._caller_lacks():
            lacks.append(campaign._caller_lacks())
        if not (campaign.notice_sound or server.notice_sound):
            lacks.append(
                self.env._(
                    "There is no notice for people for whom nobody is free: who "
                    "called, and how to object."
                )
            )
        return lacks

    @api.depends(
        *("dialing_mode", "dialer_server_id", "dialer_trunk_ids", "caller_number"),
        *("notice_sound", "training", "call_mode", "dialing_stopped_at", "state"),
    )
    def _compute_dialing_notice(self):
        for campaign in self:
            findings = self.env["telemarketing.readiness"]._of_dialing(campaign)
            campaign.dialing_notice = " ".join(f["text"] for f in findings)

    # CRUD

    @api.model_create_multi
    def create(self, vals_list):
        campaigns = super().create(vals_list)
        campaigns._tell(campaigns.sudo().dialer_server_id)
        return campaigns

    def write(self, vals):
        if not self._TOLD & set(vals):
            return super().write(vals)
        before = self.sudo().dialer_server_id
        modes = {campaign: campaign.dialing_mode for campaign in self}
        if "dialer_server_id" in vals and "dialer_trunk_ids" not in vals:
            # Another Asterisk has other trunks.
            moved = self.filtered(
                lambda c: c.sudo().dialer_server_id.id != vals["dialer_server_id"]
            )
            if moved.sudo().dialer_trunk_ids:
                vals = {**vals, "dialer_trunk_ids": [Command.clear()]}
        result = super().write(vals)
        for campaign, mode in modes.items():
            if campaign.dialing_mode != mode:
                self.env["telemarketing.dialer.log"]._append(
                    "mode",
                    f"{self._mode_label(mode)} → "
                    f"{self._mode_label(campaign.dialing_mode)}",
                    server=campaign.sudo().dialer_server_id,
                    campaign=campaign,
                    user=self.env.user,
                )
        self._tell(before | self.sudo().dialer_server_id)
        return result

    def _tell(self, servers):
        for campaign in self:
            servers._notify("campaign", id=campaign.id)

    # THE RED BUTTON

    def action_stop_dialing(self):
        """Nobody is dialled in these campaigns from now on, until somebody resumes."""
        return self._stop_dialing(True)

    def action_resume_dialing(self):
        return self._stop_dialing(False)

    def _stop_dialing(self, stopped):
        self.check_access("write")
        user, now = self.env.user, self.env["telemarketing.clock"]._now()
        # In a transaction of its own: the process writes the same rows, and a
        # request that must be tried again comes too late.
        with self.env["telemarketing.desk"]._own_transaction():
            for campaign in self.sudo():
                if bool(campaign.dialing_stopped_at) == stopped:
                    continue
                campaign.write(
                    {
                        "dialing_stopped_at": stopped and now,
                        "dialing_stopped_by_id": stopped and user.id,
                    }
                )
                server = campaign.dialer_server_id
                server._notify("stop", campaign=campaign.id, stopped=stopped)
                self.env["telemarketing.dialer.log"]._append(
                    "stop" if stopped else "resume",
                    server=server,
                    campaign=campaign,
                    user=user,
                )
            self.env.flush_all()
        return True

    # LISTS

    def action_start(self):
        result = super().action_start()
        with_lists = self.filtered(lambda c: c.sudo().dialer_list_ids)
        self.env["telemarketing.dialer.list"]._refresh_soon(with_lists)
        return result

    # RESULTS

    @api.private
    def _dispositions(self):
        """Agents choose among those that a line alone does not give."""
        return super()._dispositions().filtered(lambda d: not d.line_only)

    @api.private
    def _line_results(self):
        """``{dial outcome: result}`` that closes a call that no agent had: the
        campaign's own before its company's before the common one."""
        self.ensure_one()
        found = (
            self.env["telemarketing.disposition"]
            .sudo()
            .search(
                [
                    ("dial_outcome", "!=", False),
                    ("campaign_ids", "in", [False, *self.ids]),
                    ("company_id", "in", [False, self.company_id.id]),
                    ("campaign_kind", "in", [False, self.kind]),
                ]
            )
        )
        found = found.sorted(
            lambda d: (not d.campaign_ids, not d.company_id, d.sequence, d.id)
        )
        results = {}
        for disposition in found:
            results.setdefault(disposition.dial_outcome, disposition)
        return results
