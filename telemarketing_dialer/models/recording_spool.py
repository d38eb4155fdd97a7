import hashlib
import io
import logging
from contextlib import ExitStack

from odoo import api, models

from ..recording import DAY, HEADER, RATE, STILL, Spool, seal, stereo
from .recording import SEALED, folder_of, keys

_logger = logging.getLogger(__name__)

# In one transaction, so that nothing else waits long.
AT_ONCE = 10
MOST_BYTES = 1 << 28
HOUR = 3600.0
# One side alone, or a call whose end the line has not told: it may still come.
PATIENCE = 60.0
# What this process has seen, by database and server.
_SPOOLS = {}


class TelemarketingDialer(models.AbstractModel):
    _inherit = "telemarketing.dialer"

    @api.model
    def _pick_up(self, server_id, epoch):
        """Recordings of calls that are over go from Asterisk's spool into the store.

        Told twice, nothing changes; the originals go after the commit.
        """
        server = self.env["telemarketing.dialer.server"].sudo().browse(server_id)
        server = server.exists()
        if not server.spool:
            return
        memory = _SPOOLS.setdefault((self.env.cr.dbname, server_id), Spool())
        try:
            found, foreign = memory.look(server.spool)
        except OSError as error:
            if server._records() and memory.due("spool", HOUR):
                _logger.warning("spool of %s: %s", server.name, error)
            return
        if not found and not foreign:
            return
        calls = self._calls_of(server, list(found))
        rows, done, faults = self._store_found(server, found, calls, memory)
        left = self._left_over(found, foreign, calls)
        if left and memory.due("left", DAY):
            faults.append(
                self.env._(
                    "%(count)s files that are no recordings of its calls stay in "
                    "%(folder)s: %(names)s…",
                    count=len(left),
                    folder=server.spool,
                    names=", ".join(left[:3]),
                )
            )
        if not (rows or done or faults):
            return
        # Not before: whoever holds the server may not wait for a disk.
        self._own(server_id, epoch)
        self._write_recordings(rows)
        for text in faults:
            self._log_entry(server_id, "fault", text)

        @self.env.cr.postcommit.add
        def remove():
            for side in done:
                try:
                    side.remove()
                except OSError as error:
                    _logger.warning("%s stays: %s", side.path, error)

    @api.model
    def _calls_of(self, server, names):
        """``{name: interaction}``, of this server those that it dialled itself."""
        found = self.env["telemarketing.interaction"].sudo()
        found = found.search([("uuid", "in", names)])
        return {call.uuid: call for call in found}

    @api.model
    def _is_over(self, server, call, sides):
        if call.dialer_server_id != server or call.provider != "asterisk":
            return False
        still = min(side.still for side in sides.values())
        # A colleague or a third party may go on after the agent has closed it.
        whole = call.dial_outcome and len(sides) == 2
        gone = call.dial_outcome or call.state == "done"
        return still >= (STILL if whole else PATIENCE) and bool(gone)

    @api.model
    def _store_found(self, server, found, calls, memory):
        """:return: ``(values of recordings, sides that are in the store, faults)``"""
        ready = {
            name: sides
            for name, sides in found.items()
            if name in calls and self._is_over(server, calls[name], sides)
        }
        rows, done, faults, total = [], [], [], 0
        if not ready:
            return rows, done, faults
        folder = folder_of(self.env)
        try:
            key = keys()[0] if server.encrypt_recordings else None
        except (OSError, ValueError, IndexError) as error:
            if memory.due("key", HOUR):
                why = str(error) or type(error).__name__
                faults.append(self.env._("Recordings wait for their key: %s", why))
            return rows, done, faults
        for name, sides in ready.items():
            size = HEADER + 2 * max(side.size for side in sides.values())
            if rows and (len(rows) == AT_ONCE or total + size > MOST_BYTES):
                break
            known = calls[name].recording_ids.filtered(lambda r: r.store == "folder")
            if known:
                # Stored before, and the originals outlived it.
                if known[0].deleted_at or known[0].size == size:
                    done += sides.values()
                elif memory.due(name, DAY):
                    faults.append(
                        self.env._("%s: another recording of this call is kept.", name)
                    )
            elif size == HEADER:
                done += sides.values()
            else:
                try:
                    rows.append(self._store_one(folder, calls[name], sides, key))
                except FileNotFoundError:
                    # Another process was faster.
                    continue
                except (OSError, ValueError) as error:
                    if memory.due("store", HOUR):
                        text = self.env._("A recording could not be stored: %s", error)
                        faults.append(text)
                    continue
                done += sides.values()
                total += size
        return rows, done, faults

    @api.model
    def _store_one(self, folder, call, sides, key):
        """Both sides as one file in the store; the values of its record."""
        digest = hashlib.sha256()
        sizes = tuple(sides[w].size if w in sides else 0 for w in ("in", "out"))
        size = HEADER + 2 * max(sizes)
        place = f"{call.company_id.id}/{call.started_at:%Y/%m}/{call.uuid}.wav"
        with ExitStack() as stack:
            files = [
                stack.enter_context(sides[w].open() if w in sides else io.BytesIO())
                for w in ("in", "out")
            ]
            pieces = _digested(stereo(*files, sizes), digest)
            if key:
                place += SEALED
                pieces = seal(pieces, size, key)
            folder.write(place, pieces)
        return {
            "interaction_id": call.id,
            "store": "folder",
            "storage_key": place,
            "mimetype": "audio/wav",
            "size": size,
            "sha256": digest.hexdigest(),
            "seconds": round(max(sizes) / RATE),
        }

    @api.model
    def _write_recordings(self, rows):
        recordings = self.env["telemarketing.recording"].sudo().create(rows)
        eraser = self.env["telemarketing.privacy.eraser"]
        for call in recordings.interaction_id:
            call._unmute(call.ended_at)
            if call.contact_id.erased_at:
                # Erased before the recording came.
                self.env.flush_all()
                eraser._block_recordings(call.ids, eraser._until(call.company_id))
        self.env.flush_all()

    @api.model
    def _left_over(self, found, foreign, calls):
        """Names of files older than a day that belong to no call of ours."""
        left = [
            name
            for name, sides in found.items()
            if name not in calls and all(side.old for side in sides.values())
        ]
        return sorted(foreign + left)


def _digested(pieces, digest):
    for piece in pieces:
        digest.update(piece)
        yield piece
