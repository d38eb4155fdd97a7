from odoo import api, models, modules


class TelemarketingChunkMixin(models.AbstractModel):
    """Work in the background that commits piece by piece, so that a crash loses one
    piece at most. In Odoo's tests, which live in one transaction, nothing is committed
    or rolled back."""

    _name = "telemarketing.chunk.mixin"
    _description = "Work Committed Piece by Piece"

    @api.private
    def _keep_chunk(self, done, remaining=0):
        """Commit what was done; in a cron its progress too.

        :return: is there time for more?
        """
        self.env.flush_all()
        if self.env.context.get("cron_id"):
            progress = self.env["ir.cron"]._commit_progress(done, remaining=remaining)
            return progress > 0
        if not modules.module.current_test:
            self.env.cr.commit()  # pylint: disable=invalid-commit
        return True

    @api.private
    def _roll_back(self):
        """What the failed piece wrote; the ones before it were committed."""
        if not modules.module.current_test:
            self.env.cr.rollback()
