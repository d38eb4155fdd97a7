from odoo import api, fields, models, modules
from odoo.tools import SQL


class TelemarketingGateRefresh(models.Model):
    """A wide question that waits: may all of these be called now?

    Asked when something changed for many people (a rule, a holiday, a campaign, a
    list loaded) and whenever calling hours close. The queue asks by classes of equal
    facts, in chunks that commit, so that leases go on beside it.
    """

    _name = "telemarketing.gate.refresh"
    _inherit = ["telemarketing.chunk.mixin"]
    _description = "May We Call: Wide Refresh"
    _order = "id desc"
    _rec_name = "reason"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    reason = fields.Char(readonly=True)
    campaign_ids = fields.Json(readonly=True, help="Ids; empty: all of the company.")
    provinces = fields.Json(readonly=True, help="INE codes; empty: all.")
    state = fields.Selection(
        [("waiting", "Waiting"), ("running", "Running"), ("done", "Done")],
        required=True,
        default="waiting",
        readonly=True,
    )
    asked_at = fields.Datetime(
        readonly=True, default=lambda self: self.env["telemarketing.clock"]._now()
    )
    finished_at = fields.Datetime(readonly=True)
    done = fields.Integer(readonly=True)
    remaining = fields.Integer(readonly=True)
    changed = fields.Integer(readonly=True)

    _waiting = models.Index("(company_id) WHERE state <> 'done'")

    @api.model
    def _queue(self, company, reason, campaigns=None, provinces=None):
        """One more wide question; the same one waiting already serves for both."""
        campaign_ids = sorted(campaigns.ids) if campaigns else False
        provinces = sorted(provinces) if provinces else False
        waiting = self.sudo().search(
            [("company_id", "=", company.id), ("state", "=", "waiting")]
        )
        for job in waiting:
            if (job.campaign_ids or False, job.provinces or False) in (
                (False, False),
                (campaign_ids, provinces),
            ) and job.try_lock_for_update():
                # Locked: nobody begins it before this change is there to be read.
                break
        else:
            self.sudo().create(
                {
                    "company_id": company.id,
                    "reason": reason,
                    "campaign_ids": campaign_ids,
                    "provinces": provinces,
                }
            )
        self.env.ref("telemarketing_base.cron_gate_refresh").sudo()._trigger()

    @api.model
    def _cron_refresh(self):
        """Work the queue; what a crash left running is asked anew."""
        jobs = self.search([("state", "!=", "done")], order="id")
        for job in jobs:
            # Rules may have been changed while the job before this one ran.
            if not modules.module.current_test:
                self.env.registry.check_signaling()
            # Another process may be at it.
            if job.try_lock_for_update(allow_referencing=True):
                job._run()

    def _run(self):
        self.ensure_one()
        self.state = "running"
        gate = self.env["telemarketing.gate"]
        where = SQL("true")
        if self.campaign_ids:
            where = SQL("t.campaign_id = ANY(%s)", self.campaign_ids)
        if self.provinces:
            where = SQL(
                "%s AND place.province = ANY(%s)",
                where,
                [*self.provinces, ""],
            )
        now = self.env["telemarketing.clock"]._now()
        changed = gate._refresh_many(self.company_id, where, now, self._progress)
        self.write(
            {
                "state": "done",
                "changed": changed,
                "remaining": 0,
                "finished_at": self.env["telemarketing.clock"]._now(),
            }
        )
        self._commit(0)
        self.env["telemarketing.availability"]._forget(self.company_id)
        self._commit(0)

    def _progress(self, done, remaining):
        self.write({"done": done, "remaining": remaining})
        self._commit(remaining)

    def _commit(self, remaining):
        self._keep_chunk(1, remaining)

    @api.model
    def _cron_closings(self):
        """Hours have closed: ask everybody of the companies that call, and come back
        at the next closing."""
        running = (
            self.env["telemarketing.campaign"]
            .sudo()
            ._read_group([("state", "=", "running")], ["company_id"])
        )
        for (company,) in running:
            self._queue(company, self.env._("Calling hours"))
            self.env["telemarketing.gate"]._schedule_closing(company)

    @api.autovacuum
    def _gc_done(self):
        old = self.sudo().search(
            [("state", "=", "done"), ("finished_at", "<", "-30d")], limit=1000
        )
        old.unlink()
        return len(old), len(old) == 1000
