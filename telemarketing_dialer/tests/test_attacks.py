from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .common import DialerCommon


@tagged("post_install", "-at_install")
class TestAttacks(DialerCommon):
    """Who may call a method, or write a field, tries it."""

    def _list(self, domain):
        lists = self.env["telemarketing.dialer.list"].with_user(self.supervisor_a)
        return lists.create(
            {"name": "Mine", "campaign_id": self.campaign_a.id, "domain": domain}
        )

    def test_filter_does_not_tell_the_secret_of_asterisk(self):
        for domain in (
            "[('campaign_id.dialer_server_id.secret', '=like', 'o%')]",
            "[('campaign_id', 'any', [('dialer_server_id', 'any',"
            " [('secret', '=like', 'o%')])])]",
            "[('campaign_id', 'any!', [('dialer_server_id', 'any!',"
            " [('secret', '=like', 'o%')])])]",
        ):
            with self.assertRaises(ValidationError):
                self._list(domain)

    def test_filter_is_no_program(self):
        for domain in ("__import__('os').getpid()", "[('id', '=', (lambda: 1)())]"):
            with self.assertRaises(ValidationError):
                self._list(domain)

    def test_test_call_shows_no_other_command(self):
        other = self.env["telemarketing.dialer.command"].create(
            {"server_id": self.server.id, "kind": "test", "done_at": "2026-01-01"}
        )
        other.answer = {"trace": ["0.1 s: not yours"], "error": "not yours"}
        manager = self.manager
        test = (
            self.env["telemarketing.dialer.test"]
            .with_user(manager)
            .create({"server_id": self.server.id, "command_id": other.id})
        )
        self.assertFalse(test.trace and "not yours" in test.trace)

    def test_archived_server_dials_nobody_by_click(self):
        self.campaign_a.dialing_mode = "manual"
        self.agent_a.telemarketing_extension = "201"
        self.sit_down()
        telephony = self.env["telemarketing.telephony"]
        in_use = telephony._provider(self.agent_a, self.campaign_a)
        self.assertEqual(in_use, "asterisk")
        self.server.active = False
        after = telephony._provider(self.agent_a, self.campaign_a)
        self.assertNotEqual(after, "asterisk")
