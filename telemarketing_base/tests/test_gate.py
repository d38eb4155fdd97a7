import random
from datetime import date, datetime, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import SQL

from .common import TelemarketingCommon

MORNING = "2026-11-23 09:00:00"  # a Monday, ten in Madrid, nine in the Canary Islands


@tagged("post_install", "-at_install", "telemarketing_gate")
class TestGate(TelemarketingCommon):
    """May we call? What the list, the desk and an inspector are told."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        frozen = freeze_time(MORNING)
        cls.clock = frozen.start()
        cls.addClassCleanup(frozen.stop)
        cls.Gate = cls.env["telemarketing.gate"]
        cls.call_back = cls.create_disposition(
            "Call back", kind="schedule", outcome="contact"
        )
        cls.no_answer = cls.create_disposition("No answer", kind="redial_same")
        cls.carmen = cls.create_contact(
            "Carmen Peña", ["612 345 678", "961 234 567"], zip="46002"
        )
        cls.target = cls.carmen.target_ids

    def setUp(self):
        super().setUp()
        self.clock.move_to(MORNING)

    def at(self, text):
        self.clock.move_to(text)

    def refresh(self, company=None):
        """As the queue does it, some time after everybody was last asked."""
        self.env.flush_all()
        self.env.cr.execute("UPDATE telemarketing_target SET gate_at = NULL")
        return self.Gate._refresh_many(
            company or self.company_a, SQL("true"), self.now()
        )

    def held(self, contact=None, campaign=None):
        """A desk that holds this person, not dialled yet: ``(desk, token, target)``."""
        target = (contact or self.carmen).target_ids
        target.agent_id = self.agent_a
        desk, token = self.open_desk(self.agent_a, campaign or self.campaign_a)
        desk.get_target(token, target.id)
        return desk, token, target

    def dial(self, desk, token, target, uuid="uuid-gate-1"):
        phone = target.contact_id.phone_ids[0]
        return desk.dial(token, uuid, target.id, phone.id)

    # the list

    def test_nobody_without_a_legal_basis_is_called(self):
        database = self._create_database(self.campaign_a, legal_basis=False)
        contact = self.create_contact("Sin base", "611111111", database)
        target = contact.target_ids
        self.assertFalse(target.due_at)
        self.assertEqual(target.callable_code, "no_basis")
        self.assertEqual(target.callable_reason, "No legal basis")
        database.write({"legal_basis": "request", "basis_date": "2026-11-01"})
        self.assertFalse(target.callable_code)
        self.assertEqual(target.due_at, self.now())

    def test_list_knows_from_when_the_canary_islands_may_be_called(self):
        self.at("2026-11-23 08:30:00")
        canary = self.create_contact("Isora", "611111112", zip="35001").target_ids
        madrid = self.create_contact("Paz", "611111113", zip="28001").target_ids
        self.assertEqual(canary.callable_from, datetime(2026, 11, 23, 9, 0))
        self.assertEqual(canary.due_at, datetime(2026, 11, 23, 9, 0))
        self.assertEqual(canary.callable_code, "hours_early")
        self.assertEqual(canary.province, "35")
        self.assertLessEqual(madrid.due_at, self.now())

    def test_closing_hour_empties_the_list_until_the_next_opening(self):
        self.assertLessEqual(self.target.due_at, self.now())
        self.at("2026-11-27 19:59:00")  # Friday, 20:59 in Madrid
        self.refresh()
        self.assertEqual(self.target.due_at, datetime(2026, 11, 30, 8, 0))
        self.assertEqual(self.target.callable_code, "hours_late")

    def test_next_closing_is_the_soonest_hour_at_which_an_answer_turns(self):
        closing = self.Gate._next_closing(self.company_a, self.now())
        self.assertEqual(closing, datetime(2026, 11, 23, 19, 59, 1))
        self.env["telemarketing.campaign.window"].create(
            {"campaign_id": self.campaign_a.id, "start": 9, "end": 14}
        )
        closing = self.Gate._next_closing(self.company_a, self.now())
        self.assertEqual(closing, datetime(2026, 11, 23, 13, 0, 1))

    def test_closing_is_noticed_on_the_day_that_a_campaign_starts(
        self,
    ):
        cron = self.env.ref("telemarketing_base.cron_gate_closings")
        Trigger = self.env["ir.cron.trigger"]
        Trigger.search([("cron_id", "=", cron.id)]).unlink()
        self.campaign_a.action_pause()
        self.campaign_a.action_start()
        asked = Trigger.search([("cron_id", "=", cron.id)])
        self.assertEqual(asked.mapped("call_at"), [datetime(2026, 11, 23, 19, 59, 1)])
        self.at("2026-11-23 19:59:01")
        self.env["telemarketing.gate.refresh"]._cron_closings()
        self.env["telemarketing.gate.refresh"]._cron_refresh()
        self.assertEqual(self.target.due_at, datetime(2026, 11, 24, 8, 0))
        later = Trigger.search([("cron_id", "=", cron.id)]) - asked
        self.assertEqual(
            set(later.mapped("call_at")), {datetime(2026, 11, 23, 20, 59, 1)}
        )

    def test_reserved_hours_of_a_campaign_hold_at_the_persons_place(self):
        canary = self.create_contact("Isora", "611111112", zip="35001").target_ids
        self.env["telemarketing.campaign.window"].create(
            {"campaign_id": self.campaign_a.id, "start": 10, "end": 14}
        )
        self.assertEqual(canary.due_at, datetime(2026, 11, 23, 10, 0))
        self.assertEqual(canary.callable_code, "campaign_hours")
        self.assertFalse(self.target.callable_code)

    def test_fixed_number_tells_the_place_where_the_address_does_not(self):
        target = self.create_contact("Sin dirección", "928123456").target_ids
        self.assertEqual(target.province, "35")

    def test_number_counts_whoever_list_it_stands_on(self):
        twin = self.create_contact("Otra lista", "612345678", self.database_own)
        desk, token, target = self.held()
        self.dial(desk, token, target)
        desk.close_and_get_next(
            token, "uuid-gate-1", target.id, self.no_answer.id, next=False
        )
        self.Gate._refresh_few(self.company_a, SQL("true"), self.now())
        self.assertEqual(twin.target_ids.callable_code, "gap")
        self.assertEqual(twin.target_ids.due_at, self.now(minutes=15))
        number = self.carmen.phone_ids[0].number_id
        number.write({"attempts_day": 4, "attempts_date": "2026-11-23"})
        self.clock.tick(timedelta(minutes=20))
        self.Gate._refresh_few(self.company_a, SQL("true"), self.now())
        self.assertEqual(twin.target_ids.callable_code, "attempts_day")
        self.assertEqual(twin.target_ids.due_at, datetime(2026, 11, 24, 8, 0))

    def test_whole_list_and_single_person_get_the_same_answer(self):
        people = self.mixed_people()
        self.refresh()
        self.env.flush_all()
        self.assertGreater(len(set(people.target_ids.mapped("callable_code"))), 8)
        now = self.now()
        for target in people.target_ids:
            answers = [v for _f, v in self.Gate._ask(target, now).values()]
            if any(answer.allowed for answer in answers):
                expected = None
                self.assertLessEqual(target.callable_from, now)
                self.assertFalse(target.callable_code)
                continue
            later = [answer.until for answer in answers if answer.until]
            expected = min(later) if later else False
            self.assertEqual(target.callable_from or False, expected, target.id)
            self.assertIn(
                target.callable_code, [answer.finding.code for answer in answers]
            )

    def test_queue_and_request_write_the_same(self):
        people = self.mixed_people()
        by_request = {t.id: (t.callable_code, t.state) for t in people.target_ids}
        self.env.cr.execute(
            """UPDATE telemarketing_target SET callable_code = 'x'
               WHERE state IN ('new', 'ready')"""
        )
        self.env.invalidate_all()
        self.refresh()
        for target in people.target_ids:
            self.assertEqual(
                (target.callable_code, target.state), by_request[target.id]
            )

    def mixed_people(self):
        """People of every sort, over four databases."""
        rng = random.Random(3)
        databases = (
            self.database_a
            | self._create_database(self.campaign_a, legal_basis=False)
            | self._create_database(self.campaign_own, legal_basis="client")
            | self._create_database(
                self.campaign_a, legal_basis="request", basis_date=date(2025, 10, 1)
            )
            | self._create_database(self.campaign_own, legal_basis="legal_person")
        )
        self.campaign_own.similar_product = True
        contacts = self.env["telemarketing.contact"]
        for place in range(120):
            contacts |= self.create_contact(
                f"Persona {place}",
                [f"6{place:08d}", f"91{place:07d}"][: rng.choice((1, 1, 2))],
                rng.choice(databases),
                zip=rng.choice(("28001", "35001", "08080", "51001", False)),
                is_company=rng.random() < 0.2,
                birthdate=rng.choice((False, "1980-01-01", "2012-05-05")),
                client_until=rng.choice((False, False, "2026-01-10")),
                interacted_on=rng.choice((False, "2026-05-01")),
            )
        numbers = contacts.phone_ids.number_id
        for number in numbers:
            dice = rng.random()
            if dice < 0.1:
                number.state = "bad"
            elif dice < 0.2:
                number.last_attempt_at = self.now(minutes=-rng.randrange(40))
            elif dice < 0.3:
                number.write(
                    {"attempts_day": 5, "attempts_week": 5, "attempts_date": self.now()}
                )
            elif dice < 0.35:
                number.drop_locked_until = self.now(hours=5)
            elif dice < 0.6:
                number.write(
                    {
                        "robinson": rng.choice(("absent", "present")),
                        "robinson_at": self.now(days=-rng.choice((3, 50))),
                    }
                )
        self.env["telemarketing.exclusion"].create(
            [
                {"number_id": number.id, "reason": rng.choice(("objection", "minor"))}
                for number in rng.sample(list(numbers), 8)
            ]
        )
        self.env["telemarketing.target"]._refresh_gate(contacts=contacts)
        return contacts

    def test_who_was_rung_for_nobody_is_called_again_that_day_by_an_agent_only(self):
        numbers = self.carmen.phone_ids.number_id
        numbers.drop_locked_until = self.now(hours=5)
        self.assertEqual(self.target.callable_code, "locked")
        phones = self.carmen.phone_ids
        verdicts = self.target._may_call_each(phones, self.now())
        self.assertEqual({v["code"] for v in verdicts.values()}, {"locked"})
        # An agent who finds the person and dials is there when somebody answers.
        desk, token, target = self.held()
        self.assertFalse(self.dial(desk, token, target).get("refused"))

    def test_person_on_a_desk_is_left_alone_by_the_queue(self):
        _desk, _token, target = self.held()
        self.carmen.phone_ids.number_id.write({"state": "bad"})
        self.refresh()
        self.assertEqual(target.state, "leased")

    def test_wide_questions_that_wait_are_asked_once(self):
        Queue = self.env["telemarketing.gate.refresh"]
        for _twice in range(2):
            self.target._refresh_gate(companies=self.company_a)
            self.target._refresh_gate(provinces=["28"])
        mine = Queue.search([("company_id", "=", self.company_a.id)])
        self.assertEqual(len(mine.filtered(lambda job: job.state == "waiting")), 1)
        Queue._cron_refresh()
        self.assertEqual(set(mine.mapped("state")), {"done"})

    # the desk

    def test_dial_is_refused_outside_hours_and_the_refusal_is_counted(self):
        desk, token, target = self.held()
        self.at("2026-11-23 19:59:00")
        answer = self.dial(desk, token, target)
        refused = answer["refused"]
        self.assertEqual(refused["answer"], "until")
        self.assertEqual(refused["until"], "2026-11-24 08:00:00")
        self.assertEqual(refused["article"], "TRLGDCU art. 96.2")
        self.assertIn("too late", refused["reason"])
        log = self.env["telemarketing.refusal"].search([("target_id", "=", target.id)])
        self.assertEqual(log.code, "hours_late")
        self.assertEqual(log.agent_id, self.agent_a)
        self.assertFalse(target.attempts)
        self.assertEqual(target.due_at, datetime(2026, 11, 24, 8, 0))

    def test_objection_elsewhere_stops_a_call_about_to_be_dialled(self):
        desk, token, target = self.held()
        self.env["telemarketing.exclusion"].create(
            [{"number_id": n.id} for n in self.carmen.phone_ids.number_id]
        )
        answer = self.dial(desk, token, target)
        self.assertEqual(answer["refused"]["code"], "excluded_objection")
        desk.release(token, target.id)
        self.assertEqual(target.state, "excluded")

    def test_desk_says_until_when_and_still_does_during_the_call(self):
        desk, token, target = self.held()
        call = desk.get_target(token, target.id)["call"]
        self.assertEqual(call["may_call"]["closes"], "2026-11-23 19:59:00")
        self.assertEqual(call["calling"]["days"][:2], ["2026-11-23", "2026-11-24"])
        self.dial(desk, token, target)
        self.clock.tick(timedelta(minutes=1))
        reloaded = desk.open_desk(token)["call"]
        self.assertEqual(reloaded["may_call"]["answer"], "allowed")

    def test_what_the_permission_rested_on_is_kept_with_the_call(self):
        desk, token, target = self.held()
        answer = self.dial(desk, token, target)
        self.assertEqual(answer["may_call"]["basis"], "consent")
        call = self.env["telemarketing.interaction"].search(
            [("uuid", "=", "uuid-gate-1")]
        )
        self.assertEqual(call.basis, "consent")
        proof = call.gate
        self.assertEqual(proof["answer"], "allowed")
        self.assertEqual(proof["local"], "2026-11-23 10:00:00")
        self.assertEqual(proof["province"], "46")
        self.assertEqual(proof["consented_on"], self.database_a.basis_date.isoformat())

    def test_callback_at_night_needs_the_persons_word_and_is_then_dialled(self):
        desk, token, target = self.held()
        self.dial(desk, token, target)
        night = {"at": "2026-11-23 21:30:00", "mine": True}
        with self.assertRaisesRegex(UserError, "may not be called"):
            desk.close_and_get_next(
                token,
                "uuid-gate-1",
                target.id,
                self.call_back.id,
                {"callback": night},
                next=False,
            )
        desk.close_and_get_next(
            token,
            "uuid-gate-1",
            target.id,
            self.call_back.id,
            {"callback": night | {"asked": True}},
            next=False,
        )
        self.assertEqual(target.asked_by, "Carmen Peña")
        self.assertEqual(target.asked_channel, "call")
        self.assertEqual(str(target.due_at), "2026-11-23 21:30:00")
        self.at("2026-11-23 20:30:00")
        self.refresh()
        self.assertEqual(str(target.due_at), "2026-11-23 21:30:00")
        self.at("2026-11-23 21:31:00")
        desk.get_next(token)
        answer = self.dial(desk, token, target, "uuid-gate-2")
        self.assertNotIn("refused", answer)
        call = self.env["telemarketing.interaction"].search(
            [("uuid", "=", "uuid-gate-2")]
        )
        self.assertTrue(call.gate["asked_hour"])

    def test_full_cap_does_not_hide_that_nobody_is_called_at_that_hour(self):
        desk, token, target = self.held()
        self.dial(desk, token, target)
        number = self.carmen.phone_ids.number_id
        number.write({"attempts_week": 12, "attempts_date": "2026-11-23"})
        with self.assertRaisesRegex(UserError, "may not be called"):
            desk.close_and_get_next(
                token,
                "uuid-gate-1",
                target.id,
                self.call_back.id,
                {"callback": {"at": "2026-11-24 21:30:00"}},
                next=False,
            )

    def test_callback_that_the_agent_sets_is_checked_where_the_person_is(self):
        canary = self.create_contact("Isora", "611111112", zip="35001")
        self.at("2026-11-23 10:00:00")
        desk, token, target = self.held(canary)
        self.dial(desk, token, target)
        with self.assertRaisesRegex(UserError, "too early"):
            desk.close_and_get_next(
                token,
                "uuid-gate-1",
                target.id,
                self.call_back.id,
                {"callback": {"at": "2026-11-24 08:30:00"}},  # 9:30 in Madrid
                next=False,
            )

    def test_link_opened_again_is_refused_once_the_person_objected(self):
        desk, token, target = self.held()
        self.assertIn("telephony", self.dial(desk, token, target))
        self.clock.tick(timedelta(seconds=5))
        again = self.dial(desk, token, target)
        self.assertIn("telephony", again)
        number = self.carmen.phone_ids[0].number_id
        self.assertEqual(number.attempts, 1)
        self.clock.tick(timedelta(minutes=2))
        self.dial(desk, token, target)
        self.assertEqual(number.attempts, 2)
        desk.object(token, "uuid-gate-1", target.id)
        refused = self.dial(desk, token, target)
        self.assertNotIn("telephony", refused)
        self.assertEqual(refused["refused"]["code"], "excluded_objection")

    def test_link_opened_again_at_night_is_refused(self):
        desk, token, target = self.held()
        self.dial(desk, token, target)
        self.at("2026-11-23 22:00:00")
        self.assertIn("refused", self.dial(desk, token, target))

    def test_hour_asked_for_is_used_up_by_the_call_even_if_the_desk_dies(self):
        self.target.write(
            {
                "callback": True,
                "callback_agreed": True,
                "asked_hour": True,
                "next_call_at": "2026-11-23 21:00:00",
            }
        )
        self.at("2026-11-23 21:00:30")
        desk, token, target = self.held()
        self.assertNotIn("refused", self.dial(desk, token, target))
        self.at("2026-11-23 21:20:00")
        target._cron_return_leases()
        self.assertFalse(target.asked_hour)
        self.assertEqual(target.callable_code, "hours_late")

    def test_hour_is_not_asked_for_by_somebody_who_was_not_reached(self):
        desk, token, target = self.held()
        self.dial(desk, token, target)
        with self.assertRaisesRegex(UserError, "may not be called"):
            desk.close_and_get_next(
                token,
                "uuid-gate-1",
                target.id,
                self.no_answer.id,
                {"callback": {"at": "2026-11-28 21:00:00", "asked": True}},
                next=False,
            )
        desk.close_and_get_next(
            token,
            "uuid-gate-1",
            target.id,
            self.no_answer.id,
            {"callback": {"at": "2026-11-23 09:05:00"}},
            next=False,
        )
        self.assertTrue(target.callback)
        self.at("2026-11-23 09:06:00")
        code = self.Gate._ask(target, self.now())[self.carmen.phone_ids[0].id]
        self.assertEqual(code[1].finding.code, "gap")

    def test_refusals_of_the_list_are_counted_too(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        self.at("2026-11-23 20:30:00")
        self.assertFalse(desk.get_next(token)["call"])
        log = self.env["telemarketing.refusal"].search(
            [("target_id", "=", self.target.id)]
        )
        self.assertEqual((log.place, log.code), ("list", "hours_late"))

    def test_natural_person_is_no_company_whatever_is_ticked(self):
        self.database_a.legal_basis = "legal_person"
        self.campaign_a.for_home = False
        nifs = ("12345678Z", "X1234567L", "A58818501", False, "DE123456789")
        people = [
            self.create_contact(
                f"P{n}",
                f"61111122{n}",
                zip="28001",
                vat=vat,
                is_company=True,
                country_id=self.env.ref("base.de" if n == 4 else "base.es").id,
            )
            for n, vat in enumerate(nifs)
        ]
        night = datetime(2026, 11, 28, 21, 30)  # Saturday, half past ten
        for n, contact in enumerate(people):
            ((facts, verdict),) = self.Gate._ask(contact.target_ids, night).values()
            kind = "professional" if n < 2 else "company"
            self.assertEqual((facts.person.kind, verdict.allowed), (kind, n >= 2))
        self.at("2026-11-28 21:30:00")
        self.refresh()
        codes = [contact.target_ids.callable_code for contact in people]
        self.assertEqual(codes, ["hours_weekend"] * 2 + [False] * 3)
        self.campaign_a.sector_id = self.env.ref(
            "telemarketing_base.sector_electricity"
        )
        self.refresh()
        codes = [contact.target_ids.callable_code for contact in people]
        self.assertEqual(codes, ["sector_ban"] * 2 + [False] * 3)

    # what changes

    def test_archived_person_is_on_no_list(self):
        self.carmen.active = False
        self.assertFalse(self.target.due_at)
        self.carmen.active = True
        self.assertTrue(self.target.due_at)

    def test_person_moved_to_another_database_is_judged_by_its_basis(self):
        bare = self._create_database(self.campaign_a, legal_basis=False)
        self.carmen.database_id = bare
        self.assertEqual(self.target.callable_code, "no_basis")

    def test_person_with_a_number_put_right_comes_back(self):
        contact = self.create_contact("Errata", "611222333")
        number = contact.phone_ids.number_id
        self.env["telemarketing.exclusion"].create({"number_id": number.id})
        self.assertEqual(contact.target_ids.state, "excluded")
        contact.phone_ids.raw = "611222334"
        self.assertEqual(contact.target_ids.state, "ready")
        self.assertTrue(contact.target_ids.due_at)

    def test_person_whose_good_number_is_removed_leaves_the_list(self):
        bad, good = self.carmen.phone_ids
        bad.state = "bad"
        self.assertTrue(self.target.due_at)
        good.unlink()
        self.assertFalse(self.target.due_at)

    def test_wide_refresh_does_not_undo_what_a_request_learnt_meanwhile(self):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE telemarketing_target SET gate_at = NULL, callable_code = 'x'"
        )
        self.env.invalidate_all()
        decided, asked = type(self.Gate)._answer_rows, []

        def meanwhile(gate, company, rows, now):
            answers = decided(gate, company, rows, now)
            asked.append(now)
            if len(asked) == 1:
                self.carmen.phone_ids.number_id.write({"state": "bad"})
            return answers

        with patch.object(type(self.Gate), "_answer_rows", meanwhile):
            self.Gate._refresh_many(self.company_a, SQL("true"), self.now())
        self.assertEqual(self.target.callable_code, "number_bad")
        self.assertFalse(self.target.due_at)

    # what people see

    def test_campaign_says_who_can_be_called_from_when_and_who_never(self):
        self.at("2026-11-23 08:30:00")
        self.create_contact("Isora", "611111112", zip="35001")
        never = self._create_database(self.campaign_a, legal_basis=False)
        self.create_contact("Sin base", "611111114", never)
        self.refresh()
        lines = self.env["telemarketing.availability"]._lines(self.campaign_a, True)
        self.assertEqual(
            lines,
            [
                (1, "can be called now"),
                (1, "from 09:00 in the Canary Islands: Too early"),
                (1, "never: No legal basis"),
            ],
        )
        self.assertIn("Canary", self.campaign_a.availability_html)

    def test_idle_desks_do_not_count_the_campaign_again(self):
        self.campaign_a.database_ids.switched_on = False
        self.env["telemarketing.database"]._cron_apply_switch()
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        desk.get_next(token)
        counted = self.env["telemarketing.availability"].search(
            [("campaign_id", "=", self.campaign_a.id)]
        )
        self.env.flush_all()
        first = counted.at
        self.clock.tick(timedelta(seconds=30))
        answer = desk.get_next(token)
        self.assertTrue(answer["empty"]["reasons"])
        self.assertEqual(counted.at, first)
        self.clock.tick(timedelta(seconds=40))
        desk.get_next(token)
        self.assertGreater(counted.at, first)

    # campaign

    def test_electricity_is_offered_only_to_who_asked(self):
        sector = self.env.ref("telemarketing_base.sector_electricity")
        self.campaign_a.sector_id = sector
        self.assertEqual(self.target.callable_code, "sector_ban")
        self.carmen.write({"legal_basis": "request", "basis_date": "2026-11-20"})
        self.assertFalse(self.target.callable_code)
        verdict = self.target._may_call(self.carmen.phone_ids[0], self.now())
        self.assertTrue(verdict["record_whole"])

    def test_mobile_shown_by_a_commercial_campaign_stops_it(self):
        self.campaign_a.caller_number = "+34612000000"
        self.assertEqual(self.target.callable_code, "cli_mobile")
        self.campaign_a.caller_number = "+34400123456"
        self.assertFalse(self.target.callable_code)

    def test_robots_call_only_who_agreed_to_robots(self):
        self.campaign_a.call_mode = "robot"
        self.assertEqual(self.target.callable_code, "robot")
        self.env["telemarketing.consent"].create(
            {
                "contact_id": self.carmen.id,
                "principal_id": self.principal_a.id,
                "purpose": "robot",
                "given_at": "2026-11-01 10:00:00",
                "source": "Form",
            }
        )
        self.assertFalse(self.target.callable_code)

    def test_service_call_reaches_who_objected_to_advertising(self):
        self.env["telemarketing.exclusion"].create(
            [{"number_id": n.id} for n in self.carmen.phone_ids.number_id]
        )
        self.assertEqual(self.target.state, "excluded")
        service = self._create_campaign(
            "Service",
            self.company_a,
            self.principal_a,
            self.supervisor_a,
            self.agent_a,
            call_purpose="service",
            kind="appointment",
        )
        database = self._create_database(service, legal_basis="client")
        target = self.create_contact("Carmen", "612345678", database).target_ids
        self.assertEqual(target.state, "ready")
        self.assertFalse(target.callable_code)
