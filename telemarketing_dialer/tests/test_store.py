from datetime import timedelta

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..bridge.records import Finished
from ..hooks import _keep_used_results
from ..models.dialer import AgentTaken, LostOwnership
from .common import DialerCommon


@tagged("post_install", "-at_install")
class TestTake(DialerCommon):
    def test_people_are_written_down_before_they_are_dialled(self):
        targets = self.people(3)
        taken = self.take(2)
        self.assertEqual(len(taken), 2)
        first = taken[0]
        call = self.call_of(first)
        self.assertEqual(first.channel, f"PJSIP/{call.e164}@trunk")
        self.assertEqual(first.caller, "+34910000001")
        self.assertEqual(
            (first.trunk, first.campaign), (self.trunk.id, self.campaign_a.id)
        )
        self.assertEqual(first.ring_seconds, 25)
        self.assertRecordValues(
            call,
            [
                {
                    "state": "dialling",
                    "provider": "asterisk",
                    "agent_id": False,
                    "dialing_mode": "predictive",
                    "dialer_server_id": self.server.id,
                    "dialer_trunk_id": self.trunk.id,
                    "dialer_epoch": self.EPOCH,
                    "caller_e164": "+34910000001",
                    "basis": "consent",
                }
            ],
        )
        self.assertEqual(call.gate["answer"], "allowed")
        target = call.target_id
        self.assertIn(target, targets)
        self.assertRecordValues(
            target,
            [
                {
                    "state": "leased",
                    "attempts": 1,
                    "interaction_id": call.id,
                    "leased_by_id": False,
                    "dialer_server_id": self.server.id,
                }
            ],
        )
        self.assertEqual(call.number_id.attempts_day, 1)
        self.assertEqual(len(self.take(5)), 1)
        self.assertFalse(self.take(5))

    def test_who_lost_the_server_writes_nothing(self):
        self.people(1)
        self.server.epoch += 1
        for name, arguments in {
            "_take": (self.campaign_a.id, 1),
            "_finish": ([],),
            "_deliver": ("no-such-call", 1, 1.0, 1.0),
            "_state": ("no-such-call", "talking", 1.0),
            "_phone": (1, "up"),
            "_answer": (1, {"ok": True}),
            "_backoff": (self.trunk.id, 1.0, "503"),
            "_log": ("fault", "text"),
            "_save": ({}, {}),
            "_snapshot": (),
        }.items():
            with self.assertRaises(LostOwnership, msg=name):
                self.own(name, *arguments)
        self.assertFalse(
            self.env["telemarketing.interaction"].search_count([], limit=1)
        )

    def test_a_stopped_or_paused_campaign_dials_nobody(self):
        self.people(1)
        now = self.now()
        for record, values, back in (
            (
                self.campaign_a,
                {"dialing_stopped_at": now},
                {"dialing_stopped_at": False},
            ),
            (self.server, {"stopped_at": now}, {"stopped_at": False}),
            (self.campaign_a, {"state": "paused"}, {"state": "running"}),
            (
                self.campaign_a,
                {"dialing_mode": "preview"},
                {"dialing_mode": "predictive"},
            ),
            (
                self.trunk,
                {"backoff_until": now + timedelta(minutes=1)},
                {"backoff_until": False},
            ),
            (self.trunk, {"active": False}, {"active": True}),
        ):
            record.write(values)
            self.assertFalse(self.take(1), values)
            record.write(back)
        self.assertTrue(self.take(1))

    def test_who_objected_meanwhile_is_refused_and_counted(self):
        target = self.people(1)
        self.env.cr.execute(
            """INSERT INTO telemarketing_exclusion
                   (company_id, number_id, scope, reason, channel, date, reference)
               SELECT company_id, id, 'all', 'objection', 'web', %s, 'late'
               FROM telemarketing_number WHERE id = %s""",
            [self.now(), target.contact_id.phone_ids.number_id.id],
        )
        self.assertFalse(self.take(1))
        self.env.invalidate_all()
        self.assertEqual(target.state, "excluded")
        self.assertFalse(target.dialer_server_id)
        refusal = self.env["telemarketing.refusal"].search(
            [("target_id", "=", target.id)]
        )
        self.assertEqual((refusal.code, refusal.place), ("excluded_objection", "dial"))
        self.assertFalse(refusal.agent_id)

    def test_a_number_two_people_share_is_dialled_once_at_a_time(self):
        self.create_contact("Ana", "+34612300001")
        self.create_contact(
            "Luis",
            "+34612300001",
            database=self._create_database(self.campaign_a, "Other"),
        )
        self.assertEqual(len(self.take(2)), 1)
        self.assertFalse(self.take(2))

    def test_a_trunk_takes_only_its_prefixes_lines_and_minutes(self):
        self.people(3)
        self.trunk.allowed_prefixes = "+33 +351"
        self.assertFalse(self.take(3))
        log = self.env["telemarketing.dialer.log"].search([("kind", "=", "refused")])
        self.assertEqual(log.text[:8], "3 people")
        self.assertFalse(self.take(3))
        second = self._create_trunk(
            name="Second",
            sequence=20,
            number_format="national",
            prefix="9",
            max_channels=2,
        )
        self.env["telemarketing.target"].search([]).next_call_at = False
        taken = self.take(3)
        self.assertEqual({attempt.trunk for attempt in taken}, {second.id})
        self.assertEqual(len(taken), 2)
        self.assertTrue(taken[0].channel.startswith("PJSIP/96123"), taken[0].channel)
        for attempt in taken:
            self.finish(
                attempt, "abandoned", answered_at=attempt.at, ended_at=attempt.at + 90
            )
        second.minutes_per_day = 3
        self.assertFalse(self.take(1))
        second.minutes_per_day = 4
        # Who found no line waits a little.
        self.env["telemarketing.target"].search([]).next_call_at = False
        self.assertTrue(self.take(1))

    def test_a_person_of_whom_nothing_can_be_written_stops_no_campaign(self):
        targets = self.people(3)
        bad = targets[1]
        # A card number that came in past the desk is refused in a call's notes.
        self.env.cr.execute(
            "UPDATE telemarketing_target SET notes = %s WHERE id = %s",
            ["4111 1111 1111 1111", bad.id],
        )
        taken = self.take(3)
        self.assertEqual(
            {self.call_of(attempt).target_id for attempt in taken},
            set(targets - bad),
        )
        self.assertEqual((bad.state, bad.attempts), ("ready", 0))
        self.assertGreater(bad.due_at, self.now(hours=23))
        self.assertEqual(
            self.env["telemarketing.dialer.log"].search([], limit=1).kind, "fault"
        )
        self.assertFalse(self.take(3))

    def test_the_campaigns_number_is_shown_or_the_trunk_is_not_used(self):
        self.people(3)
        other = self.env["telemarketing.dialer.caller"].create(
            {"e164": "+34900000002", "trunk_ids": [(4, self.trunk.id)]}
        )
        self.assertEqual(self.take(1)[0].caller, self.caller.e164)
        self.env.cr.execute(
            "UPDATE telemarketing_campaign SET caller_number = NULL WHERE id = %s",
            [self.campaign_a.id],
        )
        self.env.registry.clear_cache()
        self.caller.trunk_ids = False
        self.assertEqual(self.take(1)[0].caller, other.e164)
        self.env.cr.execute(
            "UPDATE telemarketing_campaign SET caller_number = '+34900000003'"
            " WHERE id = %s",
            [self.campaign_a.id],
        )
        self.env.registry.clear_cache()
        self.assertFalse(self.take(1))

    def test_personal_callbacks_wait_for_their_agent(self):
        target = self.people(1)
        target.write(
            {
                "callback": True,
                "callback_user_id": self.agent_a.id,
                "next_call_at": self.now(minutes=-1),
            }
        )
        session = self.sit_down(self.agent_a)
        other = self.sit_down(self.agent_b)
        snapshot = self.own("_snapshot")
        self.assertEqual(
            {agent.id: agent.callback_due for agent in snapshot.agents},
            {session.id: True, other.id: False},
        )
        self.assertFalse(self.take(1))
        self.assertFalse(self.take(1, other.id))
        (attempt,) = self.take(1, session.id)
        self.assertEqual(attempt.session, session.id)

    def test_people_assigned_to_an_agent_are_anyones(self):
        target = self.people(1)
        target.agent_id = self.agent_b
        self.assertEqual(len(self.take(1)), 1)

    def test_what_a_dead_dialer_held_comes_back_once(self):
        target = self.people(1)
        (attempt,) = self.take(1)
        target.leased_until = self.now(minutes=-1)
        self.env["telemarketing.target"]._cron_return_leases()
        call = self.call_of(attempt)
        self.assertEqual(
            (call.state, call.dial_outcome, call.lost), ("done", "lost", True)
        )
        self.assertEqual((target.state, target.attempts), ("ready", 1))
        self.assertFalse(
            target.dialer_server_id | target.interaction_id.dialer_server_id
        )
        self.finish(attempt, "no_answer")
        self.assertEqual(self.call_of(attempt).dial_outcome, "lost")


@tagged("post_install", "-at_install")
class TestFinish(DialerCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.target = cls.people(1)

    def test_each_line_closes_its_call_and_moves_the_person_on(self):
        starters = {
            "no_answer": "no_answer",
            "busy": "busy",
            "machine": "machine",
            "unallocated": "out_of_service",
        }
        outcomes = (
            *("no_answer", "busy", "machine", "rejected", "congestion", "failed"),
            *("cancelled", "lost", "abandoned", "hung_up", "unknown", "unallocated"),
        )
        for place, outcome in enumerate(outcomes):
            target = self.people(1, 612400000 + place)
            self.env["telemarketing.target"].search(
                [("state", "=", "ready"), ("id", "!=", target.id)]
            ).next_call_at = self.now(days=30)
            (attempt,) = self.take(1)
            call = self.finish(attempt, outcome, cause=17, tech_cause="486")
            self.assertEqual(call.target_id, target)
            self.assertRecordValues(
                call,
                [
                    {
                        "state": "done",
                        "dial_outcome": outcome,
                        "hangup_cause": "17",
                        "tech_cause": "486",
                        "outcome": "none",
                        "talk_seconds": 0,
                        "agent_id": False,
                    }
                ],
            )
            code = starters.get(outcome, f"line_{outcome}")
            self.assertEqual(call.disposition_id.code, code)
            self.assertEqual(target.last_disposition_id, call.disposition_id)
            self.assertFalse(target.interaction_id)
            if outcome == "unallocated":
                self.assertEqual(target.contact_id.phone_ids.state, "bad")
                self.assertEqual(target.state, "done")
            else:
                self.assertEqual(target.state, "ready")
                self.assertGreater(target.due_at, self.now())
            locked = target.contact_id.phone_ids.number_id.drop_locked_until
            self.assertEqual(
                bool(locked), outcome in ("abandoned", "hung_up", "unknown")
            )
            if locked:
                # Midnight in Madrid.
                self.assertEqual((locked.hour, locked.minute), (23, 0))
                self.assertEqual(target.callable_code, "locked")

    def test_told_twice_it_counts_once(self):
        (attempt,) = self.take(1)
        self.finish(attempt, "busy")
        sums = self.env["telemarketing.stat.call"]._sums
        since = self.now(days=-1)
        counted = sums({"campaign_id": self.campaign_a.id}, since)
        self.assertEqual((counted["calls"], counted["talk_seconds"]), (1, 0))
        due = self.target.due_at
        self.finish(attempt, "no_answer")
        self.assertEqual(self.call_of(attempt).dial_outcome, "busy")
        self.assertEqual(self.target.due_at, due)
        self.assertEqual(sums({"campaign_id": self.campaign_a.id}, since), counted)

    def test_what_rang_nobody_uses_up_no_attempt_once(self):
        number = self.target.contact_id.phone_ids.number_id
        (attempt,) = self.take(1)
        self.finish(attempt, "congestion", rang_at=None)
        self.assertEqual((self.target.attempts, number.attempts_day), (0, 0))
        number.last_attempt_at = False
        self.target.write({"next_call_at": False})
        self.target._refresh_gate(targets=self.target)
        (attempt,) = self.take(1)
        self.finish(attempt, "congestion", rang_at=None)
        self.assertEqual((self.target.attempts, number.attempts_day), (1, 1))

    def test_an_agreed_callback_outlives_a_fault_of_the_network(self):
        self.target.write(
            {
                "callback": True,
                "callback_agreed": True,
                "callback_note": "After lunch",
                "next_call_at": self.now(minutes=-1),
            }
        )
        (attempt,) = self.take(1)
        self.finish(attempt, "failed", rang_at=None)
        self.assertRecordValues(
            self.target,
            [
                {
                    "callback": True,
                    "callback_agreed": True,
                    "callback_note": "After lunch",
                }
            ],
        )
        self.assertGreater(self.target.due_at, self.now())

    def test_a_person_whom_no_rule_moves_on_holds_up_nobody_elses_end(self):
        others = self.people(2, 612500000)
        taken = self.take(3)
        broken = self.target.interaction_id
        real = type(self.target)._apply_disposition

        def apply(target, interaction, *arguments, **named):
            if interaction == broken:
                raise UserError(target.env._("Nobody knows what to do"))
            return real(target, interaction, *arguments, **named)

        self.patch(
            self.env.registry["telemarketing.target"], "_apply_disposition", apply
        )
        ends = [
            Finished(a.uuid, "busy", 17, "", None, None, None, a.at + 9, None, "")
            for a in taken
        ]
        with self.assertLogs("odoo.addons.telemarketing_dialer.models.dialer") as logs:
            self.own("_finish", ends)
        self.assertEqual(len(logs.output), 1)
        for attempt in taken:
            call = self.call_of(attempt)
            self.assertEqual((call.state, call.dial_outcome), ("done", "busy"))
        self.assertEqual((self.target | others).mapped("state"), ["ready"] * 3)
        self.assertFalse((self.target | others).interaction_id)

    def test_without_the_dialer_calls_keep_their_result_and_desks_are_not_offered_it(
        self,
    ):
        (attempt,) = self.take(1)
        call = self.finish(attempt, "rejected")
        unused = self.env.ref("telemarketing_dialer.disposition_lost")
        _keep_used_results(self.env)
        self.assertEqual(call.disposition_id.code, "line_rejected")
        self.assertFalse(call.disposition_id.active)
        self.assertFalse(
            self.env.ref(
                "telemarketing_dialer.disposition_rejected", raise_if_not_found=False
            )
        )
        self.assertTrue(unused.active)

    def test_results_of_the_line_are_not_on_the_desk(self):
        shown = self.campaign_a._dispositions()
        self.assertFalse(shown.filtered("line_only"))
        hidden = self.env.ref("telemarketing_dialer.disposition_abandoned")
        session = self.sit_down()
        (attempt,) = self.take(1)
        self.deliver(attempt, session)
        desk = self.desk(self.agent_a)
        with self.assertRaisesRegex(Exception, "Choose a result"):
            desk.close_and_get_next(
                f"token-of-{self.agent_a.login}",
                attempt.uuid,
                self.target.id,
                hidden.id,
            )


@tagged("post_install", "-at_install")
class TestDeliver(DialerCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.target = cls.people(1)

    def setUp(self):
        super().setUp()
        self.sent = []

        def send(bus, channel, kind, message):
            self.sent.append((channel, kind, message))

        self.patch(self.env.registry["bus.bus"], "_sendone", send)
        self.session = self.sit_down()

    def messages(self, kind, what=None):
        return [
            message
            for _channel, each, message in self.sent
            if each == kind and (not what or message.get("what") == what)
        ]

    def test_who_answered_comes_to_the_desk_with_the_person_on_it(self):
        (attempt,) = self.take(1)
        call = self.deliver(attempt, self.session, waited=0.25)
        self.assertRecordValues(
            call,
            [
                {
                    "state": "talking",
                    "agent_id": self.agent_a.id,
                    "team_id": self.team_a.id,
                    "session_id": self.session.id,
                    "wait_ms": 250,
                }
            ],
        )
        self.assertTrue(call.answered_at and call.bridged_at)
        self.assertRecordValues(
            self.target,
            [
                {
                    "state": "talking",
                    "leased_by_id": self.agent_a.id,
                    "dialer_server_id": False,
                }
            ],
        )
        self.assertEqual(self.session.state, "talking")
        (pop,) = self.messages("telemarketing.dialer", "pop")
        self.assertEqual(pop["call"]["contact"]["name"], "Person 0")
        self.assertEqual(pop["call"]["interaction"]["uuid"], attempt.uuid)
        self.assertEqual(pop["session"]["state"], "talking")
        # A pop that got lost is found again.
        desk = self.desk(self.agent_a)
        again = desk.open_desk(f"token-of-{self.agent_a.login}")["call"]
        self.assertEqual(again["interaction"]["uuid"], attempt.uuid)

    def test_the_agent_gives_the_result_of_a_call_that_ended(self):
        (attempt,) = self.take(1)
        self.deliver(attempt, self.session)
        call = self.finish(
            attempt, "done", answered_at=attempt.at + 3, ended_at=attempt.at + 60
        )
        self.assertEqual((call.state, call.dial_outcome), ("wrap_up", "done"))
        self.assertEqual(
            (self.target.state, self.session.state), ("wrap_up", "wrap_up")
        )
        (ended,) = self.messages("telemarketing.call")
        self.assertEqual((ended["uuid"], ended["state"]), (attempt.uuid, "ended"))
        result = self.create_disposition("Interested", kind="none", outcome="useful")
        self.desk(self.agent_a).close_and_get_next(
            f"token-of-{self.agent_a.login}",
            attempt.uuid,
            self.target.id,
            result.id,
            next=False,
        )
        self.assertEqual(self.call_of(attempt).talk_seconds, 57)
        self.assertEqual(self.target.last_agent_id, self.agent_a)

    def test_an_agent_who_has_somebody_gets_nobody_else(self):
        self.people(1, 612900000)
        first, second = self.take(2)
        self.deliver(first, self.session)
        with self.assertRaises(AgentTaken):
            self.deliver(second, self.session)
        self.env.invalidate_all()
        self.assertFalse(self.call_of(second).agent_id)
        self.session._log_out(self.now())
        with self.assertRaises(AgentTaken):
            self.deliver(second, self.session)

    def test_a_call_given_to_a_colleague_leaves_the_desk(self):
        other = self.sit_down(self.agent_b)
        (attempt,) = self.take(1)
        self.deliver(attempt, self.session)
        call = self.deliver(attempt, other)
        self.assertEqual(call.agent_id, self.agent_b)
        self.assertEqual(self.target.leased_by_id, self.agent_b)
        self.assertEqual((self.session.state, other.state), ("wrap_up", "talking"))
        (ended,) = self.messages("telemarketing.call")
        self.assertEqual((ended["state"], ended["cause"]), ("ended", "transferred"))

    def test_a_talk_cut_off_whose_agent_never_returns_is_offered_a_callback(self):
        (attempt,) = self.take(1)
        self.deliver(attempt, self.session)
        self.finish(attempt, "agent_lost", answered_at=attempt.at + 3)
        self.target.leased_until = self.now(minutes=-1)
        self.env["telemarketing.target"]._cron_return_leases()
        self.assertRecordValues(
            self.target,
            [{"state": "ready", "callback": True, "callback_user_id": False}],
        )
        self.assertLess(self.target.next_call_at, self.now(minutes=10))
        self.assertTrue(self.call_of(attempt).lost)

    def test_a_talk_goes_on_whose_agents_browser_is_gone(self):
        (attempt,) = self.take(1)
        call = self.deliver(attempt, self.session)
        self.target.leased_until = self.now(minutes=-1)
        self.env.cr.execute(
            "UPDATE telemarketing_dialer_server SET owned_until ="
            " clock_timestamp() AT TIME ZONE 'UTC' + interval '1 minute'"
        )
        self.env["telemarketing.target"]._cron_return_leases()
        self.assertEqual((call.state, self.target.state), ("talking", "talking"))
        self.assertEqual(self.target.leased_by_id, self.agent_a)
        self.finish(attempt, "done", answered_at=attempt.at + 3)
        self.target.leased_until = self.now(minutes=-1)
        self.env["telemarketing.target"]._cron_return_leases()
        self.assertEqual((call.state, self.target.state), ("done", "ready"))

    def test_a_call_by_hand_rings_and_talks(self):
        (attempt,) = self.take(1)
        call = self.call_of(attempt)
        call.write({"agent_id": self.agent_a.id, "session_id": self.session.id})
        self.session._set_state("dialling", self.now())
        self.own("_state", attempt.uuid, "dialling", attempt.at + 1)
        self.own("_state", attempt.uuid, "talking", attempt.at + 5)
        call = self.call_of(attempt)
        self.assertEqual(call.state, "talking")
        self.assertEqual((call.bridged_at - call.rang_at).total_seconds(), 4)
        self.assertEqual(self.session.state, "talking")


@tagged("post_install", "-at_install")
class TestTold(DialerCommon):
    """What the process is told, and tells of itself."""

    def setUp(self):
        super().setUp()
        self.notified = []

        def notify(server, what, **values):
            self.notified.append((server.id, what, values))

        self.patch(self.env.registry["telemarketing.dialer.server"], "_notify", notify)

    def test_a_snapshot_tells_all(self):
        self.people(1)
        session = self.sit_down()
        session.phone_wanted = True
        (attempt,) = self.take(1)
        snapshot = self.own("_snapshot")
        self.assertEqual(snapshot.server.epoch, self.EPOCH)
        self.assertEqual(snapshot.server.secret, "of-a-test")
        (campaign,) = snapshot.campaigns
        self.assertEqual(
            (
                campaign.id,
                campaign.mode,
                campaign.runs,
                campaign.target,
                campaign.limit,
            ),
            (self.campaign_a.id, "predictive", True, 0.02, 0.03),
        )
        self.assertEqual(campaign.trunks, (self.trunk.id,))
        (trunk,) = snapshot.trunks
        self.assertEqual((trunk.channels, trunk.spent), (30, False))
        (agent,) = snapshot.agents
        self.assertEqual(
            (agent.id, agent.user, agent.campaign, agent.state, agent.phone_wanted),
            (session.id, self.agent_a.id, self.campaign_a.id, "ready", True),
        )
        (still,) = snapshot.open
        self.assertEqual(still._replace(at=attempt.at), attempt)
        self.assertAlmostEqual(still.at, attempt.at, delta=2)

    def test_the_pacer_hears_whether_a_machine_answered(self):
        self.people(2)
        session = self.sit_down()
        machine = self.env.ref("telemarketing_base.disposition_machine")
        person = self.create_disposition("Talked", kind="none", outcome="contact")
        for result, kind in ((machine, "machine"), (person, "person")):
            (attempt,) = self.take(1)
            call = self.deliver(attempt, session)
            self.desk(self.agent_a).close_and_get_next(
                f"token-of-{self.agent_a.login}",
                attempt.uuid,
                call.target_id.id,
                result.id,
                next=False,
            )
            self.assertIn(
                (self.server.id, "closed", {"uuid": attempt.uuid, "kind": kind}),
                self.notified,
            )

    def test_commands_are_answered_once_and_shown(self):
        session = self.sit_down()
        command = self.env["telemarketing.dialer.command"].create(
            {
                "server_id": self.server.id,
                "kind": "hold",
                "uuid": "some-call",
                "session_id": session.id,
                "params": {"on": True},
            }
        )
        (waiting,) = self.own("_snapshot").commands
        self.assertEqual(
            (waiting.id, waiting.kind, waiting.session, waiting.params),
            (command.id, "hold", session.id, {"on": True}),
        )
        sent = []

        def send(bus, channel, kind, message):
            sent.append((kind, message))

        self.patch(self.env.registry["bus.bus"], "_sendone", send)
        self.own("_answer", command.id, {"ok": True})
        self.own("_answer", command.id, {"error": "too late"})
        self.assertEqual(command.answer, {"ok": True})
        self.assertEqual(
            sent,
            [
                (
                    "telemarketing.dialer",
                    {"what": "line", "uuid": "some-call", "held": True},
                )
            ],
        )
        self.assertTrue(command.done_at)
        self.assertFalse(self.own("_snapshot").commands)

    def test_a_command_comes_with_the_call_that_it_is_about(self):
        self.people(1)
        (attempt,) = self.take(1)
        ask = self.env["telemarketing.dialer.command"]._ask
        command = ask(self.server, "hangup", uuid=attempt.uuid)
        found, call = self.own("_command", command.id)
        self.assertEqual((found.kind, found.uuid), ("hangup", attempt.uuid))
        self.assertEqual((call.uuid, call.channel), (attempt.uuid, attempt.channel))
        self.finish(attempt, "busy")
        self.assertIsNone(self.own("_command", command.id)[1])
        self.own("_answer", command.id, {"ok": True})
        self.assertIsNone(self.own("_command", command.id))

    def test_what_is_learnt_and_what_went_wrong_is_kept(self):
        self.own("_save", {"rate": 0.2}, {"link": "up"})
        self.assertEqual(self.own("_snapshot").pacing, {"rate": 0.2})
        self.assertEqual(self.server.health, {"link": "up"})
        until = self.own("_snapshot").now + 30
        self.own("_backoff", self.trunk.id, until, "503")
        (trunk,) = self.own("_snapshot").trunks
        self.assertAlmostEqual(trunk.backoff_until, until, delta=1.01)
        self.own("_log", "link_lost", "Asterisk is not seen", self.campaign_a.id)
        log = self.env["telemarketing.dialer.log"].search([], limit=2)
        self.assertEqual(log.mapped("kind"), ["link_lost", "carrier"])
        self.assertEqual(log[0].campaign_id, self.campaign_a)

    def test_the_agents_telephone_is_told_to_the_desk_once(self):
        session = self.sit_down()
        self.own("_phone", session.id, "up")
        self.own("_phone", session.id, "none", "Declined")
        self.assertEqual(
            (session.phone_state, session.phone_reason), ("none", "Declined")
        )
        # How calls end is said in the agent's words, not by its code.
        self.own("_phone", session.id, "calling")
        self.own("_phone", session.id, "none", "no_answer")
        self.assertEqual(session.phone_reason, "No answer")
