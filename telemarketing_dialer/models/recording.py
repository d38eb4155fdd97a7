import logging
import os

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import config

from ..recording import Damaged, Folder, Sealed, read_keys
from .dialer_health import STATES

_logger = logging.getLogger(__name__)

ROOT = "telemarketing_recordings", "TELEMARKETING_RECORDINGS"
KEYS = "telemarketing_recordings_key", "TELEMARKETING_RECORDINGS_KEY"
SEALED = ".sealed"
# So much is read at a time of a file that is not encrypted.
_BLOCK = 1 << 16


def _setting(names):
    option, variable = names
    return config.get(option) or os.environ.get(variable) or ""


def folder_of(env):
    """The store of this database's recordings, which is neither in PostgreSQL nor in
    the filestore; a copy of the database under another name has none of them."""
    root = _setting(ROOT) or os.path.join(config["data_dir"], "recordings")
    return Folder(os.path.join(root, env.cr.dbname))


def keys():
    """Keys that recordings are encrypted with, the one of today first.

    :raises OSError, ValueError: there is a key file, and it is none
    """
    path = _setting(KEYS)
    return read_keys(path) if path else []


class TelemarketingRecording(models.Model):
    _inherit = "telemarketing.recording"

    muted_seconds = fields.Integer(related="interaction_id.muted_seconds")

    @api.model
    def _selection_store(self):
        return [*super()._selection_store(), ("folder", "Folder of recordings")]

    def _stream_from_store(self):
        self.ensure_one()
        if self.store != "folder":
            return super()._stream_from_store()
        gone = self.env._("The sound of this recording is not in its store any more.")
        try:
            file = folder_of(self.env).open(self.storage_key)
        except (OSError, ValueError) as error:
            raise UserError(gone) from error
        if not self.storage_key.endswith(SEALED):
            return os.fstat(file.fileno()).st_size, _plain(file)
        try:
            sealed = Sealed(file, keys())
        except (Damaged, OSError, ValueError) as error:
            file.close()
            raise UserError(
                self.env._(
                    "This recording cannot be decrypted: %s. Is its key in the key "
                    "file?",
                    error,
                )
            ) from error
        return sealed.size, _closing(file, sealed.read)

    def _read_from_store(self):
        self.ensure_one()
        if self.store != "folder":
            return super()._read_from_store()
        size, read = self._stream_from_store()
        try:
            return b"".join(read(0, size))
        except Damaged as error:
            raise UserError(
                self.env._("This recording was altered in its store.")
            ) from error

    def _delete_from_store(self):
        """Files go when it is committed that they are gone, and only then."""
        in_folder = self.filtered(lambda r: r.store == "folder")
        if in_folder:
            wanted = dict(in_folder.mapped(lambda r: (r.id, r.storage_key)))
            cr, folder = self.env.cr, folder_of(self.env)

            @cr.postcommit.add
            def remove():
                # What was undone in a savepoint is still to be heard.
                cr.execute(
                    """SELECT id FROM telemarketing_recording
                       WHERE id = ANY(%s) AND deleted_at IS NULL""",
                    [list(wanted)],
                )
                kept = {row[0] for row in cr.fetchall()}
                for number, key in wanted.items():
                    if number not in kept:
                        _remove(folder, key)

        others = self - in_folder
        return super(TelemarketingRecording, others)._delete_from_store()

    @api.autovacuum
    def _gc_deleted_files(self):
        """A server that stopped between commit and deletion leaves no sound behind."""
        folder = folder_of(self.env)
        since = fields.Datetime.subtract(fields.Datetime.now(), days=7)
        deleted = self.sudo().search(
            [("store", "=", "folder"), ("deleted_at", ">", since)], limit=10_000
        )
        for recording in deleted:
            _remove(folder, recording.storage_key)


def _remove(folder, key):
    try:
        folder.remove(key)
    except (OSError, ValueError) as error:
        _logger.warning("recording %s stays in its store: %s", key, error)


def _closing(file, read):
    def part(start, stop):
        with file:
            yield from read(start, stop)

    return part


def _plain(file):
    def read(start, stop):
        file.seek(start)
        while start < stop and (piece := file.read(min(_BLOCK, stop - start))):
            start += len(piece)
            yield piece

    return _closing(file, read)


class TelemarketingDialerHealth(models.AbstractModel):
    _inherit = "telemarketing.dialer.health"

    def _health_findings(self, alive):
        found = super()._health_findings(alive)
        server = self.sudo()
        if not server.active or not (server.encrypt_recordings or server._records()):
            return found
        said = [("warning", text) for text in server._recording_faults()]
        if said and found[0][0] == "ok":
            found = []
        return sorted(found + said, key=lambda finding: STATES.index(finding[0]))

    def _recording_faults(self):
        """Why recordings stay where Asterisk leaves them."""
        faults = []
        if self.spool and not os.access(self.spool, os.R_OK | os.W_OK | os.X_OK):
            faults.append(
                self.env._(
                    "New recordings stay in %s: this machine cannot read and empty "
                    "that folder.",
                    self.spool,
                )
            )
        if why := folder_of(self.env).fault():
            faults.append(
                self.env._(
                    "Recordings cannot be stored (%s): an administrator makes that "
                    "folder writable for Odoo.",
                    why,
                )
            )
        if self.encrypt_recordings:
            try:
                there = bool(keys())
            except (OSError, ValueError):
                there = False
            if not there:
                faults.append(
                    self.env._(
                        "Recordings are to be encrypted and there is no key: they "
                        "wait. An administrator makes a key file (openssl rand -hex "
                        "32) and names it in %s.",
                        KEYS[1],
                    )
                )
        return faults
