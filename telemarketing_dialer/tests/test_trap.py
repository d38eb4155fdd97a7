from odoo.tests import tagged

from .common import CallTrap, DialerCommon


@tagged("post_install", "-at_install")
class TestTrap(CallTrap, DialerCommon):
    """Other modules' tests may press every button: nobody is rung."""

    def test_what_would_have_been_dialled_is_told(self):
        self.campaign_a.dialing_mode = "manual"
        self.agent_a.telemarketing_extension = "201"
        target = self.people(1)
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        session = self.env["telemarketing.agent.session"].search(
            [("user_id", "=", self.agent_a.id)]
        )
        session.phone_state = "up"
        call = desk.get_next(token)["call"]
        uuid = "11111111-trapped-call"
        phone = target.contact_id.phone_ids
        desk.dial(token, uuid, call["target"]["id"], phone.id)
        dialled = self.trapped[-1]
        self.assertEqual((dialled.kind, dialled.uuid), ("dial", uuid))
        self.assertEqual(dialled.channel, f"PJSIP/{phone.e164}@trunk")
        self.assertEqual(dialled.caller, self.caller.e164)
        desk.control(token, uuid, "hangup")
        self.assertEqual(self.trapped[-1].kind, "hangup")
        self.assertFalse(self.env["telemarketing.dialer.command"].search_count([]))

    def test_what_the_dialer_takes_is_told(self):
        self.people(2)
        taken = self.take(2)
        self.assertEqual(
            [(each.kind, each.uuid) for each in self.trapped],
            [("take", attempt.uuid) for attempt in taken],
        )
