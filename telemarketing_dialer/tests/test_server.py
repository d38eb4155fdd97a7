import io
import socket
import threading
import time
import zipfile

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .. import dialplan
from .test_campaign import ServerCommon


class FakeManager(threading.Thread):
    """A manager interface that answers what it is told to, on a port of its own.

    :param answers: ``{action: lines}``; an action that is not in it is never answered
    """

    def __init__(self, answers, greeting=b"Asterisk Call Manager/9.0.0\r\n"):
        super().__init__(daemon=True)
        self.answers, self.greeting = answers, greeting
        self.heard = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        link, _address = self.listener.accept()
        with link:
            link.sendall(self.greeting)
            data = b""
            while True:
                try:
                    piece = link.recv(4096)
                except OSError:
                    return
                if not piece:
                    return
                data += piece
                while b"\r\n\r\n" in data:
                    message, _sep, data = data.partition(b"\r\n\r\n")
                    self.answer(link, message.decode())

    def answer(self, link, message):
        fields = dict(line.split(": ", 1) for line in message.split("\r\n"))
        self.heard.append(fields)
        key = fields["Action"]
        if key == "Getvar":
            key = fields["Variable"]
        if key in self.answers:
            lines = [*self.answers[key], f"ActionID: {fields['ActionID']}"]
            link.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())


OK = ["Response: Success"]


@tagged("post_install", "-at_install")
class TestDialerServer(ServerCommon):
    def test_what_reaches_asterisk_has_only_letters_that_it_reads_as_such(self):
        server, trunk = self.server, self.trunk
        for record, name, wrong in (
            (server, "host", ["a b", "10.0.0.1\r\nAction: x", "ñandú", "a;b"]),
            (server, "user", ["a b", "x]\n[y", "a;b"]),
            (server, "secret", ["a b", "x\r\ny", "a;b", "contraseña"]),
            (server, "permit", ["", "everywhere", "0.0.0.0/0", "10.0.0.1\n[x]"]),
            (server, "spool", ["spool", "/a/../b", "/a b", "/a;b"]),
            (server, "notice_sound", ["a b", "../x", "/x", "x&y", "a,b"]),
            (
                server,
                "agent_channel",
                ["PJSIP/100", "PJSIP/{extension}{extension}", "PJSIP/{number}"],
            ),
            (
                trunk,
                "channel",
                ["PJSIP/x", "PJSIP/{number}@a&SIP/b", "Local/{number}|x", "${number}"],
            ),
            (trunk, "prefix", ["+34", "9 9", "a", "12345678901"]),
            (trunk, "allowed_prefixes", ["34", "+", " ", "+34,+351", "*"]),
            (self.campaign_a, "notice_sound", ["a b", "x&y", "${x}"]),
            (self.campaign_a, "record_notice", ["a b", "x|y"]),
        ):
            for text in wrong:
                with (
                    self.subTest(field=name, text=text),
                    self.assertRaises(ValidationError),
                    self.cr.savepoint(),
                ):
                    record[name] = text
        server.write(
            {
                "host": "fe80::1",
                "permit": "10.0.0.5 192.168.1.0/24",
                "agent_channel": "SIP/{extension}",
                "notice_sound": "es/aviso-1",
            }
        )
        trunk.write(
            {
                "channel": "PJSIP/{number}@mi-operador",
                "prefix": "00",
                "allowed_prefixes": "+34 +351",
            }
        )

    def test_a_spend_limit_without_a_price_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "price per minute"):
            self.trunk.spend_per_day = 50
        self.trunk.write({"spend_per_day": 50, "minute_price": 0.02})

    def test_our_own_mobile_is_never_a_number_shown(self):
        Caller = self.env["telemarketing.dialer.caller"]
        with self.assertRaisesRegex(ValidationError, "mobile"):
            Caller.create({"e164": "612 345 678"})
        with self.assertRaisesRegex(ValidationError, "not one telephone number"):
            Caller.create({"e164": "900 123 456 / 910 000 000"})
        for written, kind in (
            ("400 123 456", "short_400"),
            ("910 000 001", "geographic"),
            ("800 123 456", "free_800_900"),
            ("+351 21 000 0000", "other"),
        ):
            self.assertEqual(Caller.create({"e164": written}).kind, kind)
        self.assertEqual(self.caller.e164, "+34900123456")

    def test_the_process_is_told_what_changed(self):
        told = self.notices()
        for record, values in (
            (self.server, {"host": "10.0.0.9"}),
            (self.server, {"active": False}),
            (self.trunk, {"max_channels": 5}),
            (self.caller, {"trunk_ids": [Command.clear()]}),
        ):
            told.clear()
            record.write(values)
            self.assertIn({"server": self.server.id, "what": "server"}, told)
        told.clear()
        self.server.sequence = 3
        self.assertFalse(told)

    def test_nobody_but_an_administrator_connects_servers(self):
        values = {"name": "Mine", "host": "evil.example.com"}
        for user in (self.agent_a, self.supervisor_a, self.manager):
            server = self.as_user(self.server, user)
            with self.subTest(user=user.login):
                for call in (
                    lambda s=server: s.create(values),
                    lambda s=server: s.write({"name": "x"}),
                    lambda s=server: s.unlink(),
                    lambda s=server: s.read(["secret"]),
                    lambda s=server: s.search([("secret", "like", "a%")]),
                    lambda s=server: s.action_test_connection(),
                    lambda s=server: s.action_download_configuration(),
                    lambda s=server: s._configuration(),
                ):
                    with self.assertRaises(AccessError):
                        call()
        for user in (self.agent_a, self.supervisor_a):
            with self.assertRaises(AccessError):
                self.as_user(self.server, user).read(["host"])
        administrator = self.as_user(self.server, self.administrator)
        administrator.write({"host": "10.0.0.7", "secret": "another-secret-of-24"})
        self.assertEqual(administrator.secret, "another-secret-of-24")
        with self.assertRaises(AccessError):
            administrator.write({"owner": "me"})

    def test_managers_set_what_a_trunk_may_carry_and_not_where_it_leads(self):
        trunk = self.as_user(self.trunk, self.manager)
        trunk.write({"max_channels": 10, "allowed_prefixes": "+34"})
        for values in (
            {"channel": "Local/{number}@internal"},
            {"prefix": "9"},
            {"backoff_until": False},
        ):
            with self.assertRaises(AccessError):
                trunk.write(values)
        with self.assertRaises(AccessError):
            self.as_user(self.trunk, self.supervisor_a).write({"max_channels": 10})

    def test_a_server_in_use_is_not_deleted(self):
        self.prepare()
        with self.assertRaisesRegex(ValidationError, "of campaigns"):
            self.as_user(self.server, self.administrator).unlink()


@tagged("post_install", "-at_install")
class TestDialerConnection(ServerCommon):
    def said(self, manager=None, **values):
        """``(kind, message)`` of Test Connection as the administrator sees it."""
        if manager:
            manager.start()
            self.addCleanup(manager.listener.close)
            values["port"] = manager.port
        self.server.write(values)
        begun = time.monotonic()
        action = self.as_user(self.server, self.administrator).action_test_connection()
        self.assertLess(time.monotonic() - begun, 4)
        self.assertNotIn(self.server.secret, str(action))
        return action["params"]["type"], action["params"]["message"]

    def answers(self, database=None, version=dialplan.VERSION):
        uuid = self.env["ir.config_parameter"].get_param("database.uuid")
        return {
            "Login": OK,
            "Ping": [*OK, "Ping: Pong"],
            "CoreSettings": [*OK, "AsteriskVersion: 22.1.0"],
            "TELEMARKETING_DIALPLAN": [
                *OK,
                "Variable: TELEMARKETING_DIALPLAN",
                f"Value: {version}",
            ],
            "TELEMARKETING_DATABASE": [
                *OK,
                "Variable: TELEMARKETING_DATABASE",
                f"Value: {database or uuid}",
            ],
        }

    def test_a_good_connection_is_called_good(self):
        manager = FakeManager(self.answers())
        kind, message = self.said(manager)
        self.assertEqual(kind, "success")
        self.assertIn("22.1.0", message)
        self.assertEqual(manager.heard[0]["Secret"], self.server.secret)
        self.assertEqual(manager.heard[0]["Events"], "off")

    def test_the_asterisk_of_another_database_is_not_taken_for_ours(self):
        other = "00000000-0000-0000-0000-000000000000"
        kind, message = self.said(FakeManager(self.answers(database=other)))
        self.assertEqual(kind, "danger")
        self.assertIn("another Odoo database", message)

    def test_a_missing_or_old_dialplan_is_said(self):
        kind, message = self.said(FakeManager(self.answers(version="")))
        self.assertEqual(kind, "warning")
        self.assertIn("not there yet", message)
        kind, message = self.said(FakeManager(self.answers(version="0")))
        self.assertEqual(kind, "warning")
        self.assertIn("version 0", message)

    def test_a_wrong_secret_is_said(self):
        refused = ["Response: Error", "Message: Authentication failed"]
        kind, message = self.said(FakeManager({"Login": refused}))
        self.assertEqual(kind, "danger")
        self.assertIn("refuses the user", message)

    def test_the_secret_is_not_told_to_what_is_no_asterisk(self):
        manager = FakeManager({}, greeting=b"SSH-2.0-OpenSSH_9.2\r\n")
        kind, message = self.said(manager)
        self.assertEqual(kind, "danger")
        self.assertIn("no manager of Asterisk", message)
        self.assertFalse(manager.heard)

    def test_what_never_answers_does_not_hold_the_web_server(self):
        kind, message = self.said(FakeManager({}))
        self.assertEqual(kind, "danger")
        self.assertIn("in time", message)

    def test_a_closed_door_is_said(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        kind, message = self.said(port=port)
        self.assertEqual(kind, "danger")
        self.assertIn("takes no connection", message)

    def test_one_who_hangs_up_is_said(self):
        manager = FakeManager({})
        manager.answer = lambda link, message: link.shutdown(socket.SHUT_RDWR)
        kind, message = self.said(manager)
        self.assertEqual(kind, "danger")
        self.assertIn("hung up", message)


@tagged("post_install", "-at_install")
class TestDialerConfiguration(ServerCommon, HttpCase):
    def test_an_administrator_downloads_what_asterisk_includes(self):
        self.server.permit = "10.0.0.5"
        self.administrator.password = "administrator-1"
        self.authenticate(self.administrator.login, "administrator-1")
        action = self.as_user(
            self.server, self.administrator
        ).action_download_configuration()
        answer = self.url_open(action["url"])
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            text = "".join(archive.read(n).decode() for n in archive.namelist())
        uuid = self.env["ir.config_parameter"].get_param("database.uuid")
        for part in (uuid, self.server.secret, "10.0.0.5", self.server.spool):
            self.assertIn(part, text)
        # It is kept nowhere.
        self.assertFalse(
            self.env["ir.attachment"].search([("name", "ilike", "asterisk.zip")])
        )

    def test_a_manager_does_not_read_the_secret_by_the_back_door(self):
        self.manager.password = "manager-1-manager"
        self.authenticate(self.manager.login, "manager-1-manager")
        url = f"/telemarketing/dialer/{self.server.id}/configuration.zip"
        with mute_logger("odoo.http"):
            answer = self.url_open(url)
        self.assertEqual(answer.status_code, 403)
        self.assertNotIn(self.server.secret, answer.text)

    def test_a_secret_that_is_too_short_is_said_without_being_shown(self):
        self.server.secret = "short-one"
        with self.assertRaisesRegex(UserError, "16 to 100") as caught:
            self.as_user(self.server, self.administrator)._configuration()
        self.assertNotIn("short-one", str(caught.exception))
