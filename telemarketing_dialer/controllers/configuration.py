from odoo import http
from odoo.http import request

from odoo.addons.telemarketing_base.controllers.files import TelemarketingFiles


class TelemarketingDialerFiles(TelemarketingFiles):
    @http.route(
        "/telemarketing/dialer/<int:server_id>/configuration.zip",
        type="http",
        auth="user",
        methods=["GET"],
        readonly=True,
    )
    def dialer_configuration(self, server_id):
        """What an administrator includes in Asterisk's configuration."""
        server = request.env["telemarketing.dialer.server"].browse(server_id)
        spool = server._configuration()
        return self._stream(spool, "telemarketing-asterisk.zip", "application/zip")
