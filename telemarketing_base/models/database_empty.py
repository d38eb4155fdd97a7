"""Taking the people out of a database, for good."""

import logging

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from .chunk import log_failure, reason_of
from .target import CLOSED

_logger = logging.getLogger(__name__)

# People gone in one transaction.
CHUNK = 500
HELD = ("leased", "talking", "wrap_up")


class TelemarketingDatabaseEmptyMixin(models.AbstractModel):
    """Empties a database in the background, in chunks that commit.

    Of whom nothing is to be proved everything goes. Who was called, or consented, is
    blocked for as long as claims last and emptied of what says who it was (LOPDGDD
    art. 32): the calls stay as figures. Exclusions, recordings, and the prospects and
    clients that came of it stay. Who is worked in another campaign stays, too.
    """

    _name = "telemarketing.database.empty.mixin"
    _inherit = ["telemarketing.chunk.mixin"]
    _description = "Can Be Emptied"

    empty_state = fields.Selection(
        [("emptying", "Being Emptied"), ("emptied", "Emptied")],
        readonly=True,
        copy=False,
        help="Of the erasure of all its people.",
    )
    empty_delete = fields.Boolean(readonly=True, copy=False)
    empty_total = fields.Integer(readonly=True, copy=False)
    empty_done = fields.Integer("People Erased", readonly=True, copy=False)
    empty_blocked = fields.Integer("Kept Blocked as Proof", readonly=True, copy=False)
    empty_last_id = fields.Integer(readonly=True, copy=False)
    empty_user_id = fields.Many2one("res.users", readonly=True, copy=False)
    empty_error = fields.Char(readonly=True, copy=False)

    @api.private
    def _check_not_emptying(self):
        for database in self:
            if database.sudo().empty_state == "emptying":
                raise UserError(
                    self.env._(
                        "%s is being emptied: nothing is loaded into it any more.",
                        database.name,
                    )
                )

    def _left(self):
        """How many people who were not erased it has."""
        return (
            self.env["telemarketing.contact"]
            .sudo()
            .with_context(active_test=False)
            .search_count(
                [("database_id", "in", self.ids), ("erased_at", "=", False)],
            )
        )

    @api.private
    def _start_emptying(self, delete):
        """Ask for the work; the caller has confirmed it.

        :param bool delete: the database itself, too, where nobody is left in it
        """
        self.ensure_one()
        if not self.env.su and self.env.user.telemarketing_only_agent:
            raise AccessError(self.env._("Agents delete nobody."))
        self.check_access("write")
        if self.training:
            raise UserError(
                self.env._(
                    "Nobody in %s exists: its training campaign deletes them.",
                    self.name,
                )
            )
        if self.import_ids.filtered(lambda job: job.state == "loading"):
            raise UserError(
                self.env._("A file is being loaded into %s: stop it first.", self.name)
            )
        # Nobody is called any more while it goes on.
        self.sudo().write(
            {
                "switched_on": False,
                "empty_state": "emptying",
                "empty_delete": delete,
                "empty_total": self._left(),
                "empty_done": 0,
                "empty_blocked": 0,
                "empty_last_id": 0,
                "empty_user_id": self.env.uid,
                "empty_error": False,
            }
        )
        self.env.ref("telemarketing_base.cron_database_empty").sudo()._trigger()

    @api.model
    def _cron_empty(self):
        waiting = [("empty_state", "=", "emptying")]
        everything = self.sudo().with_context(active_test=False)
        for database in everything.search(waiting, order="id"):
            if not database.try_lock_for_update(allow_referencing=True):
                continue
            user = database.empty_user_id or self.env.user
            database = database.with_context(lang=user.lang).with_company(
                database.company_id
            )
            try:
                database._empty_all(user)
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                # Somebody was called meanwhile: on from what stands.
                database._roll_back()
                self.env.ref("telemarketing_base.cron_database_empty").sudo()._trigger()
            except Exception as error:  # one database must not stop the others
                database._roll_back()
                log_failure(_logger, "emptying database", database, error)
                database.empty_error = reason_of(error)
            if database.exists():
                database._keep_chunk(0)

    def _next_people(self):
        self.env.flush_all()
        return [
            row[0]
            for row in self.env.execute_query(
                SQL(
                    """SELECT id FROM telemarketing_contact
                       WHERE database_id = %s AND id > %s AND erased_at IS NULL
                       ORDER BY id LIMIT %s""",
                    self.id,
                    self.empty_last_id,
                    CHUNK,
                )
            )
        ]

    def _worked_elsewhere(self, ids):
        """Those on a desk, or with open work in another campaign."""
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT contact_id FROM telemarketing_target
                   WHERE contact_id = ANY(%s)
                     AND (state = ANY(%s)
                          OR (state <> ALL(%s) AND campaign_id <> %s))""",
                ids,
                list(HELD),
                list(CLOSED),
                self.campaign_id.id,
            )
        )
        return {row[0] for row in rows}

    def _empty_all(self, user):
        """Chunk by chunk; what a crash leaves is taken the next time."""
        self.ensure_one()
        eraser = self.env["telemarketing.privacy.eraser"]
        until = eraser._until(self.company_id)
        reference = self.env._("Database %s", self.name)
        while ids := self._next_people():
            last = ids[-1]
            stay = self._worked_elsewhere(ids)
            ids = [number for number in ids if number not in stay]
            with_proof = eraser._with_proof(ids)
            blocked = eraser._block(with_proof, "database", reference, until)
            eraser._empty(with_proof)
            eraser._remove(set(ids) - set(with_proof))
            self.write(
                {
                    "empty_done": self.empty_done + len(ids),
                    "empty_blocked": self.empty_blocked + len(blocked),
                    "empty_last_id": last,
                }
            )
            self._keep_chunk(len(ids), max(0, self.empty_total - self.empty_done))
        self._finish_emptying(user)

    def _watches(self):
        """Folders that load into it, archived ones too."""
        return (
            self.env["telemarketing.import.watch"]
            .sudo()
            .with_context(active_test=False)
            .search([("database_id", "in", self.ids)])
        )

    def _finish_emptying(self, user):
        """Its files; then the database itself, or what is left of it, and a note on
        the campaign of who did it."""
        self.import_ids._forget_files()
        stay, stubs = self._left(), self._has_people()
        gone = self.empty_delete and not stay
        watches = self._watches()
        problems = []
        if gone:
            problems = watches._retire()[1]
        else:
            watches.file_ids.filtered(lambda file: file.state != "waiting")._forget()
        text = self.env._(
            "%(who)s emptied the database %(database)s: %(count)s people erased, of "
            "whom %(blocked)s are kept blocked as proof.",
            who=user.name,
            database=self.name,
            count=self.empty_done,
            blocked=self.empty_blocked,
        )
        if stay:
            text += " " + self.env._(
                "%s stay: they are on a desk or worked in another campaign.", stay
            )
        elif gone and problems:
            text += " " + self.env._(
                "It was archived and not deleted: files with its people are still in "
                "a watched folder. %s",
                " ".join(problems),
            )
        elif gone and stubs:
            text += " " + self.env._(
                "It was archived: figures of its calls rest on it."
            )
        elif gone:
            text += " " + self.env._("It was deleted.")
        campaign = self.campaign_id
        self.env["telemarketing.privacy"]._log(
            {"name": self.name}, self.env._("Database emptied"), records=text
        )
        self.write({"empty_state": "emptied"})
        if gone and (stubs or problems):
            self.active = False
        elif gone:
            watches.file_ids.unlink()
            watches.unlink()
            self.unlink()
        campaign.with_user(user).sudo().message_post(body=text)
