from odoo.tests import tagged

from .common import DialerCommon


@tagged("post_install", "-at_install")
class TestPersonalData(DialerCommon):
    def test_erasing_a_person_forgets_what_was_asked_of_asterisk_in_their_calls(self):
        target = self.people(1)
        (attempt,) = self.take(1)
        command = self.env["telemarketing.dialer.command"].create(
            {
                "server_id": self.server.id,
                "kind": "third",
                "uuid": attempt.uuid,
                "params": {"channel": "PJSIP/+34612999999@trunk"},
            }
        )
        other = command.copy({"uuid": "of-another-call", "params": {}})
        call = self.finish(attempt, "busy")
        self.env["telemarketing.privacy.eraser"]._empty(target.contact_id.ids)
        self.assertEqual((command | other).exists(), other)
        self.assertFalse(call.e164)
        self.assertEqual(call.dial_outcome, "busy")

    def test_a_person_is_told_of_calls_that_nobody_attended(self):
        target = self.people(1)
        (attempt,) = self.take(1)
        self.finish(attempt, "abandoned", answered_at=attempt.at + 5)
        dossier = self.env["telemarketing.privacy.dossier"]._collect(
            target.contact_id, self.env["res.partner"]
        )
        (row,) = dossier["calls"]
        self.assertEqual(row["number_shown"], self.caller.e164)
        self.assertEqual(row["line"], "Abandoned: nobody was free")
        self.assertTrue(row["answered"])
        self.assertEqual(row["attended_by"], "")
