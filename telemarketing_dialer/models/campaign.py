from odoo import api, fields, models

SUPERVISOR = "telemarketing_base.group_supervisor"


class TelemarketingCampaign(models.Model):
    _inherit = "telemarketing.campaign"

    dialing_mode = fields.Selection(
        [
            ("manual", "Manual"),
            ("preview", "Preview"),
            ("progressive", "Progressive"),
            ("predictive", "Predictive"),
        ],
        required=True,
        default="manual",
        tracking=True,
        help="Manual: the agent asks for the next person and dials. Preview: the next "
        "person comes by itself, the agent dials. Progressive: a number is dialled for "
        "each agent who is ready. Predictive: as many as the limit of abandoned calls "
        "allows; who answers comes to an agent.",
    )
    dialer_server_id = fields.Many2one(
        "telemarketing.dialer.server", "Asterisk", check_company=True, groups=SUPERVISOR
    )
    dialer_trunk_ids = fields.Many2many(
        "telemarketing.dialer.trunk",
        "telemarketing_dialer_campaign_trunk_rel",
        "campaign_id",
        "trunk_id",
        "Trunks",
        groups=SUPERVISOR,
        check_company=True,
        help="In their order. None: all of the server.",
    )
    dialer_list_ids = fields.One2many(
        "telemarketing.dialer.list", "campaign_id", "Dialer Lists", groups=SUPERVISOR
    )
    ring_seconds = fields.Integer(
        "Rings for (seconds)", default=25, groups=SUPERVISOR, help="At least 15."
    )
    abandon_target = fields.Float("Abandoned: Goal (%)", default=2.0, groups=SUPERVISOR)
    abandon_limit = fields.Float("Abandoned: Limit (%)", default=3.0, groups=SUPERVISOR)
    detect_machines = fields.Boolean("Detect Answering Machines", groups=SUPERVISOR)
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
