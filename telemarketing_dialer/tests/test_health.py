from pathlib import Path

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .. import dialplan
from .test_campaign import ServerCommon

GOOD = {"link": "up", "dialplan": dialplan.VERSION, "round_trip_ms": 1.2}


@tagged("post_install", "-at_install")
class TestDialerHealth(ServerCommon):
    def test_without_a_process_nobody_reads_that_all_is_well(self):
        self.assertEqual(self.server.health_state, "danger")
        self.assertIn("No process", self.server.health_text)
        self.alive(**GOOD)
        self.assertEqual(self.server.health_state, "ok")
        self.env.cr.execute(
            """UPDATE telemarketing_dialer_server
               SET health_at = health_at - interval '11 s' WHERE id = %s""",
            [self.server.id],
        )
        self.env.invalidate_all()
        self.assertEqual(self.server.health_state, "danger")
        self.assertIn("No process", self.server.health_text)
        # What it said last is not shown as if it were so.
        self.assertFalse(self.server.health_calls)
        self.assertNotIn("table", self.server.health_html)

    def test_each_trouble_has_a_sentence_that_says_what_to_do(self):
        trunk = {"id": self.trunk.id, "lines": 3, "of": 30, "per_second": 5}
        for health, state, words in (
            ({"link": "down", "reason": "frozen"}, "danger", "not seen (frozen)"),
            ({"foreign": True}, "danger", "another Odoo database"),
            ({"fenced": True}, "danger", "Another process"),
            ({"dialplan": ""}, "danger", "download the configuration"),
            ({"dialplan": "0"}, "warning", "download the configuration"),
            ({"round_trip_ms": 900}, "warning", "answers slowly (900 ms)"),
            ({"clock_ms": -2500}, "warning", "2.5 s apart"),
            ({"trunks": [{**trunk, "backoff": 30}]}, "warning", "Carrier: the carrier"),
            ({"trunks": [{**trunk, "spent": True}]}, "warning", "are spent"),
            ({"trunks": [trunk]}, "ok", "It works"),
        ):
            with self.subTest(**health):
                self.alive(**{**GOOD, **health})
                self.assertEqual(self.server.health_state, state)
                self.assertIn(words, self.server.health_text)
                self.assertIn(words, self.server.health_html)

    def test_the_gravest_comes_first(self):
        self.alive(**{**GOOD, "clock_ms": 5000, "link": "down"})
        self.as_user(self.server, self.manager).action_stop_dialing()
        self.assertEqual(self.server.health_state, "danger")
        self.assertEqual(self.server.health_html.count("alert-warning"), 2)

    def test_what_asterisk_says_of_itself_is_no_page(self):
        self.alive(
            **GOOD,
            asterisk="<script>alert(1)</script>",
            trunks=[{"name": "<b>x</b>", "lines": 1, "of": 2, "per_second": 3}],
        )
        self.assertNotIn("<script", self.server.health_html)
        self.assertNotIn("<b>x", self.server.health_html)

    def test_whatever_a_process_of_another_version_writes_the_page_opens(self):
        for health in ({}, {"trunks": None}, {"trunks": ["x"]}, {"link": 5}):
            self.alive(**health)
            self.assertTrue(self.server.health_html)

    def test_everybody_who_supervises_sees_it_and_agents_do_not(self):
        self.alive(**GOOD, calls=4, legs=2, dials_minute=30)
        for user in (self.supervisor_a, self.manager, self.administrator):
            server = self.as_user(self.server, user)
            values = server.read(["health_html", "health_calls", "health_minute"])[0]
            self.assertEqual((values["health_calls"], values["health_minute"]), (4, 30))
        with self.assertRaises(AccessError):
            self.as_user(self.server, self.agent_a).read(["health_html"])

    def test_who_works_and_who_stands_by_is_seen(self):
        self.alive(**GOOD)
        self.env.cr.execute(
            """INSERT INTO telemarketing_dialer_process
                   (name, started_at, seen_at, version)
               SELECT name, clock_timestamp() AT TIME ZONE 'UTC',
                      clock_timestamp() AT TIME ZONE 'UTC' - ago * interval '1 s', '1'
               FROM (VALUES ('here', 0), ('there', 1), ('lost', 60), ('old', 90000))
                    AS rows(name, ago)"""
        )
        Process = self.as_user(self.env["telemarketing.dialer.process"], self.manager)
        states = {p.name: (p.state, p.works) for p in Process.search([])}
        self.assertEqual(states["here"], ("owner", "One"))
        self.assertEqual(states["there"], ("standby", ""))
        self.assertEqual(states["lost"], ("gone", ""))
        self.env["telemarketing.dialer.process"]._gc_gone()
        self.env.invalidate_all()
        self.assertEqual(
            set(Process.search([]).mapped("name")), {"here", "there", "lost"}
        )
        with self.assertRaises(AccessError):
            self.as_user(Process, self.supervisor_a).search([])


@tagged("post_install", "-at_install")
class TestDialerTestCall(ServerCommon):
    def wizard(self, user=None, **values):
        Wizard = self.as_user(
            self.env["telemarketing.dialer.test"], user or self.manager
        )
        return Wizard.create(
            {"server_id": self.server.id, "number": "612 345 678", **values}
        )

    def test_a_test_call_is_asked_of_the_process_and_its_trace_shown(self):
        self.alive(**GOOD)
        told = self.notices()
        wizard = self.wizard()
        self.assertEqual((wizard.trunk_id, wizard.caller_id), (self.trunk, self.caller))
        self.assertEqual(wizard.state, "new")
        wizard.action_call()
        self.assertEqual(wizard.state, "calling")
        command = self.env["telemarketing.dialer.command"].search(
            [("kind", "=", "test")], limit=1
        )
        self.assertEqual(
            command.params,
            {"channel": "PJSIP/+34612345678@trunk", "caller": "+34900123456"},
        )
        self.assertEqual(command.user_id, self.manager)
        self.assertIn(
            {"server": self.server.id, "what": "command", "id": command.id}, told
        )
        line = self.env["telemarketing.dialer.log"].search(
            [("kind", "=", "test")], limit=1
        )
        self.assertEqual(line.user_id, self.manager)
        self.assertIn("+34612345678", line.text)
        trace = ["0.1 s: it rings", "9.0 s: busy (cause 17, SIP 486)", "anything"]
        answer = {"ok": True, "trace": trace}
        command.write({"done_at": self.now(), "answer": answer})
        wizard.invalidate_recordset()
        self.assertEqual(wizard.state, "done")
        self.assertEqual(
            wizard.trace,
            "0.1 s: it rings\n9.0 s: Busy (cause 17, SIP 486)\nanything",
        )

    def test_a_refused_test_call_says_why(self):
        self.alive(**GOOD)
        wizard = self.wizard()
        wizard.action_call()
        wizard.sudo().command_id.write(
            {"done_at": self.now(), "answer": {"error": "Asterisk is not seen"}}
        )
        wizard.invalidate_recordset()
        self.assertEqual(wizard.trace, "Asterisk is not seen")

    def test_no_number_that_the_trunk_does_not_carry_is_rung(self):
        self.alive(**GOOD)
        for number, sentence in (
            ("+1 212 555 0100", "begin with"),
            ("no number", "not one telephone number"),
            ("806 123 456", "never"),
            (False, "not one telephone number"),
        ):
            with (
                self.subTest(number=number),
                self.assertRaisesRegex(UserError, sentence),
            ):
                self.wizard(number=number).action_call()
        other = self.caller.copy({"e164": "910000007", "trunk_ids": False})
        with self.assertRaisesRegex(UserError, "may not show"):
            self.wizard(caller_id=other.id).action_call()
        self.assertFalse(
            self.env["telemarketing.dialer.command"].search([("kind", "=", "test")])
        )

    def test_without_a_process_or_when_all_is_stopped_nothing_is_rung(self):
        with self.assertRaisesRegex(UserError, "start the dialer"):
            self.wizard().action_call()
        self.alive(**GOOD)
        self.as_user(self.server, self.manager).action_stop_dialing()
        with self.assertRaisesRegex(UserError, "stopped"):
            self.wizard().action_call()

    def test_only_managers_ring_and_only_by_their_own_servers(self):
        self.alive(**GOOD)
        for user in (self.agent_a, self.supervisor_a, self.plain_user):
            with self.assertRaises(AccessError):
                self.wizard(user)
        far = self.env["telemarketing.dialer.server"].create(
            {"name": "Far", "company_id": self.company_b.id}
        )
        trunk = self.env["telemarketing.dialer.trunk"].create(
            {"name": "Far", "server_id": far.id}
        )
        with self.assertRaises(AccessError):
            self.wizard(server_id=far.id, trunk_id=trunk.id)
        # What was heard is shown to who asked for the call.
        wizard = self.wizard()
        other = self._create_user("second_manager", "manager")
        with self.assertRaises(AccessError):
            self.as_user(wizard, other).read(["trace"])


@tagged("post_install", "-at_install")
class TestDialerScreens(ServerCommon):
    def test_a_supervisor_sets_up_dialling_on_the_form(self):
        campaign = self.as_user(self.campaign_a, self.supervisor_a)
        with Form(campaign) as form:
            form.dialer_server_id = self.server
            form.dialer_caller_id = self.caller
            form.dialing_mode = "predictive"
        self.assertEqual(campaign.caller_number, self.caller.e164)
        self.assertEqual(campaign.dialing_mode, "predictive")
        with Form(campaign) as form:
            form.dialing_mode = "manual"
        self.assertFalse(campaign.auto_next)

    def test_an_administrator_connects_a_server_on_the_form(self):
        Server = self.as_user(
            self.env["telemarketing.dialer.server"], self.administrator
        )
        with Form(Server) as form:
            form.name = "Exchange"
            form.host = "10.0.0.9"
        server = form.save()
        # It has a secret of its own from the first moment.
        self.assertGreaterEqual(len(server.secret), 24)
        self.assertNotEqual(server.secret, self.server.secret)

    def test_a_restored_copy_dials_nobody(self):
        self.prepare(dialing_mode="predictive")
        self.alive(**GOOD)
        self.env["telemarketing.dialer.command"]._ask(self.server, "phone")
        self.env.flush_all()
        sql = Path(__file__).parents[1] / "data" / "neutralize.sql"
        self.env.cr.execute(sql.read_text())
        self.env.invalidate_all()
        self.assertFalse(self.server.active)
        self.assertFalse(self.server.secret)
        self.assertFalse(self.server._alive())
        self.assertEqual(self.campaign_a.dialing_mode, "manual")
        self.assertFalse(self.campaign_a.auto_next)
        self.assertFalse(self.env["telemarketing.dialer.command"].search([]))
