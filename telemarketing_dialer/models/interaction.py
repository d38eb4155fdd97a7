from odoo import api, fields, models

from ..calls import OUTCOMES

LABELS = {
    "done": "Talked",
    "abandoned": "Abandoned: nobody was free",
    "hung_up": "Hung up before anybody was there",
    "unknown": "Answered, nobody knows by whom",
    "no_answer": "No answer",
    "busy": "Busy",
    "rejected": "Rejected",
    "unallocated": "The number does not exist",
    "machine": "Answering machine",
    "congestion": "The network was congested",
    "failed": "Could not be dialled",
    "cancelled": "Called off before an answer",
    "lost": "Lost from sight",
    "agent_lost": "The agent's telephone was lost",
}


class TelemarketingInteraction(models.Model):
    _inherit = "telemarketing.interaction"

    dialing_mode = fields.Selection(
        [
            ("manual", "Manual"),
            ("preview", "Preview"),
            ("progressive", "Progressive"),
            ("predictive", "Predictive"),
        ],
        readonly=True,
        help="How it was dialled.",
    )
    dialer_server_id = fields.Many2one(
        "telemarketing.dialer.server",
        "Asterisk",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    dialer_trunk_id = fields.Many2one(
        "telemarketing.dialer.trunk", "Trunk", readonly=True, ondelete="set null"
    )
    dialer_epoch = fields.Integer(readonly=True)
    caller_e164 = fields.Char("Number Shown", readonly=True)
    dial_outcome = fields.Selection(
        [(key, LABELS[key]) for key in OUTCOMES],
        "Line",
        readonly=True,
        help="What the line said; the result is the agent's.",
    )
    rang_at = fields.Datetime(readonly=True)
    bridged_at = fields.Datetime("Agent There", readonly=True)
    wait_ms = fields.Integer(
        "Waited (ms)", readonly=True, help="From the answer to an agent."
    )
    tech_cause = fields.Char(readonly=True, help="The carrier's own code.")
    machine = fields.Selection(
        [("machine", "Machine"), ("person", "Person"), ("unsure", "Unsure")],
        "Detection",
        readonly=True,
    )
    muted_seconds = fields.Integer(
        "Not Recorded (seconds)",
        readonly=True,
        help="While payment data were said, the recording is silent.",
    )
    muted_since = fields.Datetime(readonly=True)

    # A day of a campaign in the ledger; the calls that the dialer knows of only.
    _ledger = models.Index("(campaign_id, started_at) WHERE dialing_mode IS NOT NULL")
    # What a day of a trunk has cost: asked at every take where it has a limit.
    _trunk_day = models.Index(
        "(dialer_trunk_id, started_at) INCLUDE (answered_at, ended_at)"
        " WHERE dialer_trunk_id IS NOT NULL AND answered_at IS NOT NULL"
    )

    @api.private
    def _close(self, disposition, values):
        """The pacer learns from what the agent says answered."""
        result = super()._close(disposition, values)
        if self.dialer_server_id and self.provider == "asterisk":
            machine = "machine" in disposition._ruling().mapped("dial_outcome")
            self.dialer_server_id._notify(
                "closed", uuid=self.uuid, kind="machine" if machine else "person"
            )
        return result

    @api.private
    def _mute(self, at):
        """The recording is silent from now on."""
        for call in self.filtered(lambda i: not i.muted_since):
            call.muted_since = at

    @api.private
    def _unmute(self, at):
        """It is not any more, or the call is over."""
        for call in self.filtered("muted_since"):
            seconds = ((at or call.muted_since) - call.muted_since).total_seconds()
            call.write(
                {
                    "muted_seconds": call.muted_seconds + max(0, round(seconds)),
                    "muted_since": False,
                }
            )

    @api.private
    def _close_as_lost(self, now):
        """No process came back to say what became of a call without an agent."""
        alone = self.filtered(
            lambda i: i.provider == "asterisk" and not i.agent_id and not i.dial_outcome
        )
        alone.write({"dial_outcome": "lost"})
        return super()._close_as_lost(now)
