import io

from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.wsgi import wrap_file

from odoo import http
from odoo.http import content_disposition, request

from ..importing import write_template
from ..models.original import MIMETYPES, SUPERVISOR
from ..models.required import required_names
from ..wizards.disposition_load import results_file

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

    @http.route(
        "/telemarketing/template/<string:kind>/<string:fmt>",
        type="http",
        auth="user",
        methods=["GET"],
        readonly=True,
    )
    def template(self, kind, fmt, database=None):
        """The empty file for what is loaded, with what the database asks for."""
        env = request.env
        if not env.user.has_group(SUPERVISOR) or env.user.telemarketing_only_agent:
            raise Forbidden
        kinds = dict(env["telemarketing.import"]._fields["kind"].selection)
        if kind not in kinds or fmt not in ("xlsx", "csv"):
            raise NotFound
        asked_for = env.company.telemarketing_required_fields
        if database and str(database).isdigit():
            found = env["telemarketing.database"].browse(int(database)).exists()
            found = found._filtered_access("read")
            asked_for = found.required_fields if found else asked_for
        content = write_template(kind, fmt, required_names(asked_for))
        names = {
            "contacts": env._("contacts"),
            "prospects": env._("prospects"),
            "clients": env._("clients"),
            "articles": env._("articles"),
        }
        filename = f"{env._('template')}-{names[kind]}.{fmt}"
        return self._stream(io.BytesIO(content), filename, MIMETYPES[fmt])

    @http.route(
        "/telemarketing/results/<string:what>",
        type="http",
        auth="user",
        methods=["GET"],
        readonly=True,
    )
    def results(self, what):
        """The file of results: a sample to fill in, or those that there are."""
        env = request.env
        if not env.user.has_group(SUPERVISOR) or env.user.telemarketing_only_agent:
            raise Forbidden
        names = {"sample": env._("results-sample"), "present": env._("results")}
        if what not in names:
            raise NotFound
        content = results_file(env, what)
        return self._stream(io.BytesIO(content), f"{names[what]}.csv", MIMETYPES["csv"])

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
