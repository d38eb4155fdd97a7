from datetime import timedelta

from werkzeug.exceptions import Gone, NotFound, RequestedRangeNotSatisfiable

from odoo import http
from odoo.exceptions import UserError
from odoo.http import content_disposition, request

# A player asks piece by piece: a minute of talk each, so that no worker waits for one
# who listens slowly.
PIECE = 1 << 20
# A player that asks again so soon goes on with the same listening.
SAME = timedelta(minutes=10)
MIMETYPES = {"audio/wav": "wav", "audio/mpeg": "mp3", "audio/ogg": "ogg"}


class TelemarketingRecordings(http.Controller):
    """The only door to the sound of a recording: who comes in is written down."""

    @http.route(
        "/telemarketing/recording/<int:recording_id>",
        type="http",
        auth="user",
        methods=["GET"],
    )
    def recording(self, recording_id, download=None):
        recording = request.env["telemarketing.recording"].browse(recording_id)
        if not recording.exists():
            raise NotFound
        recording.check_access("read")
        if recording.deleted_at:
            raise Gone
        purpose = "download" if download else "listen"
        recording._check_open(purpose)
        try:
            size, read = recording.sudo()._stream_from_store()
        except UserError as error:
            raise NotFound(str(error)) from error
        start, stop, status = 0, size, 200
        if not download:
            start, stop, status = self._part(size)
        recording._log_access(purpose, pause=None if download else SAME)
        extension = MIMETYPES.get(recording.mimetype)
        headers = [
            ("Content-Type", recording.mimetype if extension else "application/binary"),
            ("Content-Length", str(stop - start)),
            ("Accept-Ranges", "bytes"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if status == 206:
            headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
        if download or not extension:
            name = f"{recording.id}.{extension or 'bin'}"
            headers.append(("Content-Disposition", content_disposition(name)))
        return http.Response(
            read(start, stop), status=status, headers=headers, direct_passthrough=True
        )

    def _part(self, size):
        """``(start, stop, status)`` of what was asked for; at most a piece of it."""
        asked = request.httprequest.range
        if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
            return 0, size, 200
        part = asked.range_for_length(size)
        if part is None:
            raise RequestedRangeNotSatisfiable(length=size)
        start, stop = part
        return start, min(stop, start + PIECE), 206
