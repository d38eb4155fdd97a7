from werkzeug.exceptions import NotFound
from werkzeug.wsgi import wrap_file

from odoo import http
from odoo.http import content_disposition, request

_RECORDS = {
    "database": "telemarketing.database",
    "import": "telemarketing.import",
}


class TelemarketingFiles(http.Controller):
    """Files that are made while they are asked for. Every route asks who is asking."""

    @http.route(
        "/telemarketing/original/<string:kind>/<int:record_id>",
        type="http",
        auth="user",
        methods=["GET"],
    )
    def original(self, kind, record_id):
        """People of a database, or of a loaded file, as they were loaded."""
        if kind not in _RECORDS:
            raise NotFound
        record = request.env[_RECORDS[kind]].browse(record_id)
        spool, filename, mimetype = record._open_original()
        return self._stream(spool, filename, mimetype)

    def _stream(self, spool, filename, mimetype):
        size = spool.seek(0, 2)
        spool.seek(0)
        return http.Response(
            wrap_file(request.httprequest.environ, spool, 1 << 16),
            headers=[
                ("Content-Type", mimetype),
                ("Content-Length", str(size)),
                ("Content-Disposition", content_disposition(filename)),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
            ],
            direct_passthrough=True,
        )
