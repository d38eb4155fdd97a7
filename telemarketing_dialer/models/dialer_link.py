import io
import ssl
import zipfile

from odoo import models
from odoo.exceptions import AccessError, UserError

from .. import dialplan
from ..ami.probe import probe


class TelemarketingDialerLink(models.AbstractModel):
    """What an administrator needs to connect an Asterisk."""

    _name = "telemarketing.dialer.link"
    _description = "Part of an Asterisk Server"

    def _check_administrator(self):
        if not self.env.user.has_group("base.group_system"):
            raise AccessError(self.env._("Administrators connect Asterisk servers."))
        self.check_access("read")

    def action_test_connection(self):
        """Log in to Asterisk from this Odoo, once; three seconds at most."""
        self.ensure_one()
        self._check_administrator()
        server = self.sudo()
        found = probe(
            server.host,
            server.port,
            server.user,
            server.secret or "",
            tls=ssl.create_default_context() if server.tls else None,
        )
        kind, message = self._probe_words(found)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": kind,
                "sticky": True,
                "title": self.env._("Connection to %s", server.name),
                "message": message,
            },
        }

    def _probe_words(self, found):
        """``(kind of notification, sentences)`` of what a probe found."""
        server = self.sudo()
        at = f"{server.host}:{server.port}"
        faults = {
            "refused": self.env._(
                "%(at)s takes no connection (%(why)s). Does Asterisk run, is its "
                "manager enabled, does the firewall let this machine in?",
                at=at,
                why=found.detail,
            ),
            "unknown_host": self.env._("Nobody knows the name %s.", server.host),
            "silent": self.env._(
                "%s did not answer in time. Is it the right address, does a firewall "
                "stand between?",
                at,
            ),
            "not_asterisk": self.env._(
                "What answers at %s is no manager of Asterisk.", at
            ),
            "tls": self.env._(
                "No TLS with %(at)s (%(why)s). Does Asterisk's manager speak TLS "
                "there, with a certificate that this machine trusts?",
                at=at,
                why=found.detail,
            ),
            "secret": self.env._(
                "Asterisk refuses the user “%s”: name, secret, or the address from "
                "which it may come (permit) are others in its manager.conf.",
                server.user,
            ),
            "lost": self.env._(
                "%s hung up. May this machine come in (permit in manager.conf)?", at
            ),
        }
        if found.fault in faults:
            return "danger", faults[found.fault]
        words = [
            self.env._(
                "Asterisk %(version)s answers in %(ms)s ms.",
                version=found.version or "",
                ms=round(found.round_trip * 1000, 1),
            )
        ]
        ours = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        if found.fault == "denied":
            kind = "warning"
            words.append(
                self.env._(
                    "The user “%s” may not ask what it needs to know: install the "
                    "configuration of this server.",
                    server.user,
                )
            )
        elif not found.dialplan:
            kind = "warning"
            words.append(
                self.env._(
                    "The dialplan is not there yet: download the configuration, "
                    "install it and reload Asterisk."
                )
            )
        elif found.database != ours:
            kind = "danger"
            words.append(
                self.env._(
                    "Its dialplan belongs to another Odoo database: nobody is dialled "
                    "from this one. Install the configuration of this server on it."
                )
            )
        elif found.dialplan != dialplan.VERSION:
            kind = "warning"
            words.append(
                self.env._(
                    "Its dialplan is version %(there)s, this module's is "
                    "%(expected)s: install the configuration anew.",
                    there=found.dialplan,
                    expected=dialplan.VERSION,
                )
            )
        else:
            kind = "success"
            words.append(
                self.env._(
                    "Its dialplan is version %s, of this database.", found.dialplan
                )
            )
        return kind, " ".join(words)

    def action_download_configuration(self):
        self.ensure_one()
        self._check_administrator()
        return {
            "type": "ir.actions.act_url",
            "url": f"/telemarketing/dialer/{self.id}/configuration.zip",
            "target": "download",
        }

    def _configuration(self):
        """A ZIP of what Asterisk includes: the dialplan and the manager's user. It
        holds the secret, so it is made when it is asked for and kept nowhere."""
        self.ensure_one()
        self._check_administrator()
        server = self.sudo()
        values = {
            "database": self.env["ir.config_parameter"]
            .sudo()
            .get_param("database.uuid"),
            "secret": server.secret or "",
            "user": server.user,
            "permit": tuple(server.permit.split()),
        }
        if server.spool:
            values["spool"] = server.spool
        if server.notice_sound:
            values["notice"] = server.notice_sound
        try:
            files = dialplan.render(values)
        except ValueError as error:
            if str(error).startswith("secret"):
                # Its text would show it.
                raise UserError(
                    self.env._(
                        "Write a secret of 16 to 100 letters, digits and "
                        "_ . : + @ / - first."
                    )
                ) from None
            raise UserError(
                self.env._("The configuration cannot be made: %s", error)
            ) from None
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        packed.seek(0)
        return packed
