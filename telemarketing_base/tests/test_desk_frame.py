from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import HttpCase, tagged

from .common import TelemarketingCommon


@tagged("post_install", "-at_install")
class TestDeskFrame(TelemarketingCommon):
    """How fast the desk goes on by itself, and who is longer over it than agreed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plain = cls.create_disposition("No answer", kind="redial_same")
        cls.contact = cls.create_contact("Ana", "+34600100001")
        cls.campaign_a.write({"wrap_up_seconds": 30, "average_seconds": 0})
        cls.seat, cls.token = cls.open_desk(cls.agent_a, cls.campaign_a)

    def _session(self):
        return self.env["telemarketing.agent.session"].search(
            [("user_id", "=", self.agent_a.id), ("logout_at", "=", False)]
        )

    def _talk(self, uuid="frame-call-1"):
        call = self.seat.get_next(self.token)["call"]
        self.seat.dial(self.token, uuid, call["target"]["id"], call["phones"][0]["id"])
        return call

    def test_an_agent_sees_the_pace_of_the_campaign(self):
        self.campaign_a.write({"preview_seconds": 20, "next_seconds": 4})
        values = self.seat.choose_campaign(self.token, self.campaign_a.id)["campaign"]
        self.assertEqual(values["preview_seconds"], 20)
        self.assertEqual(values["next_seconds"], 4)
        self.assertEqual(values["wrap_up_seconds"], 30)
        self.assertFalse(values["wrap_up_disposition_id"])

    def test_without_an_average_written_the_last_conversations_give_it(self):
        self.env["telemarketing.interaction"].create(
            [
                {
                    "uuid": f"frame-{number}",
                    "company_id": self.company_a.id,
                    "campaign_id": self.campaign_a.id,
                    "agent_id": self.agent_b.id,
                    "state": "done",
                    "started_at": self.now(),
                    "talk_seconds": seconds,
                }
                for number, seconds in enumerate((5000, *[100, 200] * 100))
            ]
        )
        self.env.flush_all()
        self.env.registry.clear_cache()
        values = self.seat.choose_campaign(self.token, self.campaign_a.id)["campaign"]
        self.assertEqual(values["average_seconds"], 150)
        self.campaign_a.average_seconds = 99
        values = self.seat.choose_campaign(self.token, self.campaign_a.id)["campaign"]
        self.assertEqual(values["average_seconds"], 99)

    def test_the_supervisor_sees_a_wrap_up_that_is_over_its_cap(self):
        call = self._talk()
        answer = self.seat.over_wrap_up(self.token, "frame-call-1")
        self.assertEqual(answer["session"]["state"], "wrap_up")
        session = self._session()
        self.assertTrue(session.with_user(self.supervisor_a).over_cap_at)
        self.seat.close_and_get_next(
            self.token, "frame-call-1", call["target"]["id"], self.plain.id, {}
        )
        self.assertEqual(session.state, "ready")
        self.assertFalse(session.over_cap_at)

    def test_a_cap_is_reported_for_my_open_call_alone(self):
        call = self._talk()
        with self.assertRaises(UserError):
            self.seat.over_wrap_up(self.token, "of-nobody-at-all")
        with self.assertRaises(UserError):
            self.seat.over_wrap_up(self.token, {"a": 1})
        other, token = self.open_desk(self.agent_b, self.campaign_a)
        with self.assertRaises(AccessError):
            other.over_wrap_up(token, "frame-call-1")
        self.seat.close_and_get_next(
            self.token, "frame-call-1", call["target"]["id"], self.plain.id, {}, False
        )
        with self.assertRaises(UserError):
            self.seat.over_wrap_up(self.token, "frame-call-1")

    def test_the_supervisor_sees_a_pause_that_is_over_its_cap(self):
        reason = self.env["telemarketing.pause.reason"].create(
            {"name": "Coffee", "cap_minutes": 10}
        )
        self.seat.set_state(self.token, "paused", reason.id)
        session = self._session()
        self.seat.heartbeat(self.token)
        self.assertFalse(session.over_cap_at)
        session.state_since = self.now(minutes=-11)
        self.seat.heartbeat(self.token)
        self.assertEqual(session.over_cap_at, self.now(minutes=-1))
        self.seat.set_state(self.token, "ready")
        self.assertFalse(session.over_cap_at)

    def test_nothing_that_an_agent_decides_is_given_by_itself(self):
        self.campaign_a.wrap_up_disposition_id = self.plain
        branch = self.create_disposition("Branch", kind="none")
        self.create_disposition("Leaf", kind="none", parent_id=branch.id)
        elsewhere = self.create_disposition(
            "Elsewhere", kind="none", campaign_ids=self.campaign_own.ids
        )
        for wrong in (
            branch,
            elsewhere,
            self.create_disposition("Later", kind="schedule"),
            self.create_disposition("Never", kind="exclude"),
            self.create_disposition("Sale", kind="none", needs_order=True),
            self.create_disposition("Useful", kind="none", qualifies=True),
        ):
            with self.assertRaises(ValidationError, msg=wrong.name):
                self.campaign_a.wrap_up_disposition_id = wrong

    def test_everybody_chooses_the_colors_of_his_own_pages(self):
        mine = self.as_user(self.agent_a, self.agent_a)
        scheme = self.env["ir.http"].with_user(self.agent_a).color_scheme
        self.assertEqual(scheme(), "light")
        mine.write({"telemarketing_color_scheme": "dark"})
        self.assertEqual(scheme(), "dark")
        self.assertEqual(mine.read(["telemarketing_color_scheme"])[0]["id"], mine.id)
        with self.assertRaises(AccessError):
            self.as_user(self.agent_b, self.agent_a).write(
                {"telemarketing_color_scheme": "dark"}
            )
        public = self.env.ref("base.public_user")
        public.telemarketing_color_scheme = "dark"
        self.assertEqual(self.env["ir.http"].with_user(public).color_scheme(), "light")


@tagged("post_install", "-at_install")
class TestDeskHome(TelemarketingCommon, HttpCase):
    """Where people are after the log-in."""

    def _home(self, user):
        user.password = f"{user.login} of the test"
        self.authenticate(user.login, f"{user.login} of the test")
        return self.make_jsonrpc_request("/web/session/get_session_info")[
            "home_action_id"
        ]

    def test_who_only_calls_begins_at_the_desk(self):
        desk = self.env.ref("telemarketing_base.action_telemarketing_desk")
        self.assertEqual(self._home(self.agent_a), desk.id)
        self.assertFalse(self._home(self.supervisor_a))

    def test_a_chosen_home_page_stays(self):
        chosen = self.env.ref("base.action_res_users_my")
        self.agent_a.action_id = chosen.id
        self.assertEqual(self._home(self.agent_a), chosen.id)
