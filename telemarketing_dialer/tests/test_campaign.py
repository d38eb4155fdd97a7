import json

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.telemarketing_base.tests.common import TelemarketingCommon


class ServerCommon(TelemarketingCommon):
    """An Asterisk of company A with a trunk that may show two numbers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.env["telemarketing.dialer.server"].create({"name": "One"})
        cls.trunk = cls.env["telemarketing.dialer.trunk"].create(
            {"name": "Carrier", "server_id": cls.server.id}
        )
        cls.caller = cls.env["telemarketing.dialer.caller"].create(
            {"e164": "900 123 456", "trunk_ids": [Command.set(cls.trunk.ids)]}
        )
        cls.administrator = cls._create_user("administrator", "base.group_system")

    @classmethod
    def prepare(cls, campaign=None, **values):
        """Give a campaign all that it needs to dial by itself."""
        (campaign or cls.campaign_a).write(
            {
                "dialer_server_id": cls.server.id,
                "caller_number": cls.caller.e164,
                **values,
            }
        )

    def notices(self):
        """Collect what is told to the process: ``[payload]``, filled as it happens."""
        told = []
        kind = type(self.env["telemarketing.dialer.server"])
        real = kind._notify

        def notify(servers, what, **values):
            told.extend({"server": s.id, "what": what, **values} for s in servers)
            # Whatever is told must be possible to tell.
            json.dumps(values)
            return real(servers, what, **values)

        self.patch(kind, "_notify", notify)
        return told

    def alive(self, **health):
        """As if a process worked the server and wrote its health now."""
        self.env.cr.execute(
            """UPDATE telemarketing_dialer_server
               SET owner = 'here', epoch = 1,
                   owned_until = clock_timestamp() AT TIME ZONE 'UTC' + interval '5 s',
                   health_at = clock_timestamp() AT TIME ZONE 'UTC',
                   health = %s WHERE id = %s""",
            [json.dumps(health), self.server.id],
        )
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestDialerCampaign(ServerCommon):
    def test_manual_and_preview_are_what_base_calls_by_itself(self):
        campaign = self.campaign_a
        self.assertTrue(campaign.auto_next)
        self.assertEqual(campaign.dialing_mode, "preview")
        campaign.dialing_mode = "manual"
        self.assertFalse(campaign.auto_next)
        campaign.auto_next = True
        self.assertEqual(campaign.dialing_mode, "preview")
        campaign.auto_next = False
        self.assertEqual(campaign.dialing_mode, "manual")
        made = self.env["telemarketing.campaign"].create(
            [{"name": "M", "dialing_mode": "manual"}, {"name": "N", "auto_next": False}]
        )
        self.assertEqual(made.mapped("auto_next"), [False, False])
        self.assertEqual(made.mapped("dialing_mode"), ["manual", "manual"])
        self.prepare(dialing_mode="predictive")
        self.assertTrue(campaign.auto_next)
        campaign.auto_next = True
        self.assertEqual(campaign.dialing_mode, "predictive")

    def test_nobody_dials_by_itself_without_what_it_takes(self):
        campaign = self.campaign_a
        with self.assertRaisesRegex(ValidationError, "Choose the Asterisk"):
            campaign.dialing_mode = "progressive"
        with self.assertRaisesRegex(ValidationError, "Choose the number"):
            campaign.write(
                {
                    "dialing_mode": "progressive",
                    "dialer_server_id": self.server.id,
                    "caller_number": False,
                }
            )
        self.prepare(dialing_mode="progressive")
        for change, sentence in (
            ({"dialer_server_id": False}, "Choose the Asterisk"),
            ({"caller_number": False}, "Choose the number"),
            ({"caller_number": "+34400111222"}, "none of the numbers"),
            ({"call_mode": "robot"}, "by a robot"),
        ):
            with (
                self.subTest(**change),
                self.assertRaisesRegex(ValidationError, sentence),
                self.cr.savepoint(),
            ):
                campaign.write(change)
        with (
            self.assertRaisesRegex(ValidationError, "no notice"),
            self.cr.savepoint(),
        ):
            self.server.notice_sound = False
        campaign.notice_sound = "ours/notice"
        self.server.notice_sound = False
        # A trunk or a number that is taken away is said; nothing goes out by it.
        self.trunk.active = False
        self.assertIn("no trunk", campaign.dialing_notice)
        # The brake works whatever is missing.
        campaign.action_pause()
        with (
            self.assertRaisesRegex(ValidationError, "no trunk"),
            self.cr.savepoint(),
        ):
            campaign.action_start()
        campaign.invalidate_recordset()
        self.assertEqual(campaign.state, "paused")
        self.trunk.active = True
        self.caller.unlink()
        self.assertIn("none of the numbers", campaign.dialing_notice)
        self.assertEqual(campaign.dialing_mode, "progressive")

    def test_practice_never_dials(self):
        campaign = self.env["telemarketing.campaign"].create(
            {"name": "Practice", "training": True}
        )
        with self.assertRaisesRegex(ValidationError, "for training"):
            self.prepare(campaign, dialing_mode="predictive")

    def test_an_edition_without_dialer_does_not_dial_by_itself(self):
        company = type(self.env["res.company"])
        real = company._telemarketing_require

        def require(companies, feature, what):
            if feature == "dialer":
                sentence = f"{what} needs the edition ADV"
                raise UserError(sentence)
            return real(companies, feature, what)

        self.patch(company, "_telemarketing_require", require)
        with self.assertRaisesRegex(ValidationError, "needs the edition ADV"):
            self.prepare(dialing_mode="progressive")
        self.prepare(dialing_mode="preview")

    def test_a_company_that_gave_the_dialer_up_dials_no_more(self):
        self.prepare(dialing_mode="progressive")
        dialer = self.env["telemarketing.dialer"]
        self.assertTrue(dialer._runs(self.server, self.campaign_a))
        company = type(self.env["res.company"])
        self.patch(company, "_telemarketing_has", lambda _company, f: f != "dialer")
        self.assertFalse(dialer._runs(self.server, self.campaign_a))

    def test_a_number_that_the_carrier_does_not_know_is_not_shown(self):
        with self.assertRaisesRegex(ValidationError, "none of the numbers"):
            self.prepare(caller_number="+34400111222")
        self.prepare()
        self.assertEqual(self.campaign_a.dialer_caller_id, self.caller)
        other = self.caller.copy({"e164": "400111222"})
        other.trunk_ids = self.trunk
        self.campaign_a.dialer_caller_id = other
        self.assertEqual(self.campaign_a.caller_number, "+34400111222")

    def test_trunks_of_another_asterisk_are_not_mixed_in(self):
        self.prepare(dialer_trunk_ids=[Command.set(self.trunk.ids)])
        other = self.server.copy({"name": "Two"})
        foreign = self.env["telemarketing.dialer.trunk"].create(
            {"name": "Foreign", "server_id": other.id}
        )
        with self.assertRaisesRegex(ValidationError, "another Asterisk"):
            self.campaign_a.dialer_trunk_ids = foreign
        # Moved, the campaign leaves the trunks of the old one.
        self.campaign_a.dialer_server_id = other
        self.assertFalse(self.campaign_a.dialer_trunk_ids)

    def test_more_than_three_in_a_hundred_left_without_an_agent_is_refused(self):
        campaign = self.campaign_a
        for name, value, sentence in (
            ("abandon_limit", 3.5, "at most"),
            ("abandon_target", 0, "goal"),
            ("abandon_target", 3.1, "goal"),
        ):
            with (
                self.assertRaisesRegex(ValidationError, sentence),
                self.cr.savepoint(),
            ):
                campaign[name] = value
        campaign.write({"abandon_target": 1.5, "abandon_limit": 1.5})

    @mute_logger("odoo.sql_db")
    def test_people_get_time_to_answer(self):
        for seconds in (14, 121):
            with self.assertRaises(IntegrityError), self.cr.savepoint():
                self.campaign_a.ring_seconds = seconds
                self.env.flush_all()

    def test_a_mode_changed_while_it_runs_is_told_and_written_down(self):
        self.prepare()
        told = self.notices()
        self.as_user(self.campaign_a, self.supervisor_a).dialing_mode = "predictive"
        self.assertIn(
            {"server": self.server.id, "what": "campaign", "id": self.campaign_a.id},
            told,
        )
        line = self.env["telemarketing.dialer.log"].search(
            [("campaign_id", "=", self.campaign_a.id)], limit=1
        )
        self.assertEqual(line.kind, "mode")
        self.assertEqual(line.text, "Preview → Predictive")
        self.assertEqual(line.user_id, self.supervisor_a)
        self.assertEqual(self.campaign_a.state, "running")

    def test_a_campaign_that_leaves_its_asterisk_is_not_dialled_there_any_more(self):
        self.prepare()
        other = self.server.copy({"name": "Two"})
        told = self.notices()
        self.campaign_a.dialer_server_id = other
        servers = {t["server"] for t in told if t["what"] == "campaign"}
        self.assertEqual(servers, {self.server.id, other.id})

    def test_what_stands_against_dialling_is_read_on_the_campaign(self):
        self.prepare(dialing_mode="progressive")
        self.assertIn("No process", self.campaign_a.dialing_notice)
        self.alive(link="up", dialplan="1")
        self.assertFalse(self.campaign_a.dialing_notice)
        self.as_user(self.campaign_a, self.supervisor_a).action_stop_dialing()
        self.assertIn("stopped", self.campaign_a.dialing_notice)
        codes = {f["code"] for f in self.campaign_a._compliance_findings()}
        self.assertIn("dialing_stopped", codes)


@tagged("post_install", "-at_install")
class TestRedButton(ServerCommon):
    def logged(self, kind):
        return self.env["telemarketing.dialer.log"].search([("kind", "=", kind)])

    def test_a_supervisor_stops_the_campaign_at_once_and_it_is_known_who_did(self):
        self.prepare()
        told = self.notices()
        campaign = self.as_user(self.campaign_a, self.supervisor_a)
        campaign.action_stop_dialing()
        stop = {
            "server": self.server.id,
            "what": "stop",
            "campaign": campaign.id,
            "stopped": True,
        }
        self.assertIn(stop, told)
        self.assertTrue(self.campaign_a.dialing_stopped_at)
        self.assertEqual(self.campaign_a.dialing_stopped_by_id, self.supervisor_a)
        self.assertEqual(self.logged("stop").user_id, self.supervisor_a)
        # Pressed again by another: who was first stands.
        self.as_user(self.campaign_a, self.manager).action_stop_dialing()
        self.assertEqual(self.campaign_a.dialing_stopped_by_id, self.supervisor_a)
        campaign.action_resume_dialing()
        self.assertIn({**stop, "stopped": False}, told)
        self.assertFalse(self.campaign_a.dialing_stopped_at)
        self.assertEqual(len(self.logged("resume")), 1)

    def test_nobody_else_stops_or_resumes_a_campaign(self):
        self.prepare()
        for user in (self.agent_a, self.supervisor_b, self.plain_user):
            for name in ("action_stop_dialing", "action_resume_dialing"):
                with self.subTest(user=user.login), self.assertRaises(AccessError):
                    getattr(self.as_user(self.campaign_a, user), name)()
        self.assertFalse(self.campaign_a.dialing_stopped_at)

    def test_the_stop_is_not_written_past_the_button(self):
        for user in (self.supervisor_a, self.manager):
            campaign = self.as_user(self.campaign_a, user)
            for values in (
                {"dialing_stopped_at": "2026-11-24 10:00:00"},
                {"dialing_stopped_by_id": self.supervisor_b.id},
            ):
                with self.assertRaises(AccessError):
                    campaign.write(values)
        with self.assertRaises(AccessError):
            self.as_user(self.server, self.administrator).write({"stopped_at": False})

    def test_a_manager_stops_the_whole_company_and_no_other(self):
        far = self.env["telemarketing.dialer.server"].create(
            {"name": "Far", "company_id": self.company_b.id}
        )
        second = self.server.copy({"name": "Two"})
        told = self.notices()
        Server = self.as_user(self.env["telemarketing.dialer.server"], self.manager)
        Server.action_stop_company()
        self.assertEqual(
            {t["server"] for t in told if t["what"] == "stop" and t["stopped"]},
            set((self.server | second).ids),
        )
        self.assertTrue(self.server.stopped_at and second.stopped_at)
        self.assertEqual(self.server.stopped_by_id, self.manager)
        self.assertFalse(far.stopped_at)
        self.assertEqual(self.logged("stop").server_id, self.server | second)
        Server.action_resume_company()
        self.assertFalse(self.server.stopped_at or second.stopped_at)
        with self.assertRaises(AccessError):
            Server.browse(far.id).action_stop_dialing()

    def test_only_managers_stop_the_whole_company(self):
        for user in (self.agent_a, self.supervisor_a, self.plain_user):
            Server = self.as_user(self.env["telemarketing.dialer.server"], user)
            for call in (
                Server.action_stop_company,
                Server.action_resume_company,
                Server.browse(self.server.id).action_stop_dialing,
            ):
                with self.subTest(user=user.login), self.assertRaises(AccessError):
                    call()
        self.assertFalse(self.server.stopped_at)

    def test_what_was_written_down_is_neither_changed_nor_deleted(self):
        self.prepare()
        self.campaign_a.action_stop_dialing()
        line = self.logged("stop")
        for call in (lambda: line.write({"text": "x"}), line.unlink):
            with self.assertRaises(UserError):
                call()
