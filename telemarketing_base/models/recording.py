from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

DPO = "telemarketing_base.group_dpo"


class TelemarketingRecording(models.Model):
    """Recording of an interaction. The sound is in a store, not in PostgreSQL.

    Base has model and seam: a module with a store extends ``_selection_store`` and
    ``_stream_from_store``, ``_read_from_store`` / ``_delete_from_store``.
    """

    _name = "telemarketing.recording"
    _description = "Call Recording"
    _order = "id desc"
    _rec_name = "interaction_id"

    interaction_id = fields.Many2one(
        "telemarketing.interaction", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        related="interaction_id.company_id", store=True, precompute=True
    )
    campaign_id = fields.Many2one(
        related="interaction_id.campaign_id", store=True, index=True, precompute=True
    )
    agent_id = fields.Many2one(
        related="interaction_id.agent_id", store=True, index=True, precompute=True
    )
    store = fields.Selection(selection="_selection_store", required=True)
    storage_key = fields.Char(required=True)
    mimetype = fields.Char(default="audio/wav")
    size = fields.Integer("Bytes")
    sha256 = fields.Char("SHA-256")
    seconds = fields.Integer()
    keep_until = fields.Date(help="Deleted after this day.")
    deleted_at = fields.Datetime(readonly=True)
    blocked_until = fields.Date(
        readonly=True,
        help="Its person was erased: until then for courts and authorities only "
        "(LOPDGDD art. 32).",
    )
    access_ids = fields.One2many(
        "telemarketing.recording.access", "recording_id", readonly=True
    )

    _key_uniq = models.UniqueIndex(
        "(store, storage_key)", "This recording is already known."
    )

    @api.model
    def _selection_store(self):
        return [("attachment", "Odoo's file store")]

    @api.private
    def _open(self, purpose):
        """Bytes of the recording, after rights are checked and the listening logged.

        :param str purpose: ``listen`` or ``download``
        """
        self._check_open(purpose)
        self._log_access(purpose)
        return self.sudo()._read_from_store()

    @api.private
    def _check_open(self, purpose):
        """May the user do this now?"""
        self.ensure_one()
        self.check_access("read")
        user = self.env.user
        if not user.has_group("telemarketing_base.group_supervisor"):
            own = self.agent_id == user and self.sudo().campaign_id.own_recordings
            if not own:
                raise AccessError(
                    self.env._("Only supervisors listen to this recording.")
                )
            if purpose == "download":
                raise AccessError(self.env._("Only supervisors download recordings."))
        if self.sudo().blocked_until and not user.has_group(DPO):
            raise AccessError(
                self.env._(
                    "This recording is blocked: its person was erased. The data "
                    "protection officer answers courts and authorities."
                )
            )
        if self.deleted_at:
            raise UserError(
                self.env._("This recording was deleted when its time was over.")
            )

    @api.private
    def _log_access(self, purpose, pause=None):
        """Write down who listens.

        :param timedelta pause: so soon after the user's last access of this kind it is
            the same one going on: a player asks for a sound piece by piece
        """
        log = self.env["telemarketing.recording.access"].sudo()
        values = {
            "recording_id": self.id,
            "user_id": self.env.uid,
            "purpose": purpose,
        }
        if pause:
            domain = [(name, "=", value) for name, value in values.items()]
            since = fields.Datetime.now() - pause
            if log.search_count([*domain, ("at", ">", since)], limit=1):
                return
        log.create(values)

    def _stream_from_store(self):
        """``(bytes, read)``; ``read(start, stop)`` yields these bytes of the sound."""
        sound = self._read_from_store()
        return len(sound), lambda start, stop: iter((sound[start:stop],))

    def _read_from_store(self):
        self.ensure_one()
        attachment = self.env["ir.attachment"].search(
            [
                ("res_model", "=", self._name),
                ("res_id", "=", self.id),
                ("name", "=", self.storage_key),
            ],
            limit=1,
        )
        if not attachment:
            raise UserError(
                self.env._("The sound of this recording is not in its store any more.")
            )
        return attachment.raw

    def _delete_from_store(self):
        self.env["ir.attachment"].search(
            [("res_model", "=", self._name), ("res_id", "in", self.ids)]
        ).unlink()

    @api.autovacuum
    def _gc_kept_long_enough(self):
        expired = self.sudo().search(
            [("keep_until", "<", fields.Date.today()), ("deleted_at", "=", False)],
            limit=1000,
        )
        expired._delete_from_store()
        expired.deleted_at = fields.Datetime.now()
        return len(expired), len(expired) == 1000


class TelemarketingRecordingAccess(models.Model):
    """Who listened to what, when."""

    _name = "telemarketing.recording.access"
    _description = "Recording Access"
    _order = "id desc"

    recording_id = fields.Many2one(
        "telemarketing.recording", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="recording_id.company_id", store=True)
    user_id = fields.Many2one("res.users", required=True)
    at = fields.Datetime(required=True, default=fields.Datetime.now)
    purpose = fields.Selection(
        [("listen", "Listened"), ("download", "Downloaded")], required=True
    )
