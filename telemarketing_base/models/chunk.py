import logging
import time
import traceback
from collections import OrderedDict

import psycopg2

from odoo import api, models, modules
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import config

_logger = logging.getLogger(__name__)

# Seconds that one job has before the next one that waits: somebody's million must
# not keep a supervisor's 500 waiting.
TURN = 5
# Jobs whose file stays open while others have their turn.
OPEN = 3


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

    @api.private
    def _begin_chunk(self):
        """A READ COMMITTED transaction that need not wait for the disk: what it wrote
        is lost or kept together with the position reached. In tests: the test's own.
        """
        if modules.module.current_test:
            return
        self.env.flush_all()
        self.env.cr.commit()  # pylint: disable=invalid-commit
        self.env.cr.execute(
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;"
            "SET LOCAL synchronous_commit = off; SET LOCAL jit = off"
        )

    # JOBS THAT WAIT

    @api.private
    def _steps(self):
        """To override: a generator that does the job and yields after each piece that
        stands. Begun anew it goes on from the position reached."""
        raise NotImplementedError

    @api.private
    def _fail(self, error):
        """To override: write the failure and its reason."""
        raise NotImplementedError

    @api.private
    def _asker(self):
        """User whose rights count. To override where a button sets the job off: who
        pressed it may be another than who made the job, with other rights."""
        return self.create_uid

    @api.private
    def _check_turn(self):
        """To override: raise where who asked may not do this any longer. Asked at
        the start of each turn."""

    @api.private
    def _as_asker(self):
        """The job in the name and the language of who asked for it."""
        self.ensure_one()
        asker = self._asker()
        job = self.with_user(asker).with_context(lang=asker.lang).sudo()
        return job.with_company(self.company_id) if "company_id" in self else job

    @api.model
    def _work_in_turns(self, states, cron):
        """Do what waits, each job some seconds at a time, the one that waited longest
        first. What conflicted with somebody's writing is left for the next run of the
        cron, and so is what is not done when the server's patience ends.

        :param states: in which a job waits
        :param str cron: XML id of the cron, woken again where something is left
        """
        begun, open_jobs, set_aside = time.monotonic(), OrderedDict(), set()
        patience = _patience()
        again = False
        try:
            while True:
                job = self._next_waiting(states, open_jobs, set_aside)
                if not job:
                    break
                if patience and time.monotonic() - begun > patience:
                    again = True
                    break
                if job.id not in open_jobs:
                    if not job.try_lock_for_update(allow_referencing=True):
                        set_aside.add(job.id)
                        continue
                    mine = job._as_asker()
                    open_jobs[job.id] = mine, mine._steps()
                open_jobs.move_to_end(job.id)
                while len(open_jobs) > OPEN:
                    open_jobs.popitem(last=False)[1][1].close()
                mine, steps = open_jobs[job.id]
                outcome = mine._take_turn(steps)
                if outcome == "more":
                    continue
                open_jobs.pop(job.id)[1].close()
                if outcome != "done":
                    set_aside.add(job.id)
                again = again or outcome == "conflict"
        finally:
            for _job, steps in open_jobs.values():
                steps.close()
        if again:
            self.env.ref(cron).sudo()._trigger()
            self._keep_chunk(0)

    @api.model
    def _next_waiting(self, states, open_jobs, set_aside):
        """Of those that wait: whoever had no turn yet, then who had theirs first."""
        waiting = self.search(
            [("state", "in", states), ("id", "not in", list(set_aside))],
            order="write_date, id",
        )
        for steps in [each for each in open_jobs if each not in waiting.ids]:
            open_jobs.pop(steps)[1].close()
        fresh = waiting.filtered(lambda job: job.id not in open_jobs)
        if fresh:
            return fresh[0]
        return self.browse(next(iter(open_jobs), False))

    @api.private
    def _take_turn(self, steps):
        """:return: 'more', 'done', 'conflict' or 'failed'"""
        until = time.monotonic() + TURN
        try:
            self._check_turn()
            for _piece in steps:
                if time.monotonic() > until:
                    return "more"
            return "done"
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            # Somebody wrote the same rows meanwhile: on from the last piece that
            # stands.
            self._roll_back()
            self.invalidate_recordset()
            return "conflict"
        except Exception as error:  # a bad file must not stop the others
            self._roll_back()
            self.env.invalidate_all()
            self._fail(error)
            self._keep_chunk(0)
            return "failed"


def reason_of(error):
    """What is kept and shown of a failure: never values of the row at hand, which
    PostgreSQL's DETAIL and CONTEXT hold, and Python's messages often."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, psycopg2.Error):
        # "invalid input syntax for type integer: "612…"": what follows is the value.
        primary = (error.diag.message_primary or "").split(': "', 1)[0]
        return primary or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def log_failure(logger, what, record, error):
    """Where it failed, without the values it failed on."""
    why = type(error).__name__
    if isinstance(error, psycopg2.Error):
        why = f"{why}: {reason_of(error)}"
    trace = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s %s failed: %s\n%s", what, record.id, why, trace)


def _patience():
    """Seconds after which a cron had better give the server its thread back; 0: no
    end."""
    limit = config["limit_time_real_cron"]
    if limit < 0:
        limit = config["limit_time_real"]
    return 0.6 * limit
