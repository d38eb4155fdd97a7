from contextlib import contextmanager
from datetime import date, datetime, timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import TelemarketingCommon

# In Madrid it is an hour later than in these instants; NOW is Tuesday, 11:00 there.
TUESDAY, WEDNESDAY = date(2026, 11, 24), date(2026, 11, 25)


@tagged("post_install", "-at_install")
class TestBooking(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.calendar = cls.env["resource.calendar"].create(
            {"name": "Nine to two", "tz": "Europe/Madrid", "attendance_ids": [(5,)]}
        )
        cls.calendar.attendance_ids = [
            Command.create(
                {
                    "name": str(day),
                    "dayofweek": str(day),
                    "hour_from": 9,
                    "hour_to": 14,
                    "day_period": "morning",
                }
            )
            for day in range(5)
        ]
        cls.company_a.resource_calendar_id = cls.calendar
        cls.seller = cls.salesperson
        cls.technician = cls._create_user("technician", "salesperson")
        cls.campaign_a.write(
            {
                "salesperson_ids": [Command.set((cls.seller | cls.technician).ids)],
                "appointment_notice_minutes": 0,
                "appointment_grid": "60",
            }
        )
        cls.booked = cls.create_disposition(
            "Appointment", kind="none", outcome="useful", needs_appointment=True
        )
        cls.refused = cls.create_disposition("Not interested", kind="close")
        address = {
            "street": "C/ Colón 3",
            "zip": "46002",
            "city": "València",
            "state_id": cls.env.ref("base.state_es_v").id,
        }
        cls.contact = cls.create_contact(
            "Carmen Peña", "+34612345678", email="carmen@example.com", **address
        )
        cls.other = cls.create_contact("Luis Gil", "+34612345679", **address)
        cls.contact.target_ids.agent_id = cls.agent_a
        cls.other.target_ids.agent_id = cls.agent_b
        cls.seat, cls.token = cls.open_desk(cls.agent_a, cls.campaign_a)
        cls.held = cls.seat.get_next(cls.token)["call"]
        cls.target = cls.contact.target_ids

    def setUp(self):
        super().setUp()
        self.assertEqual(self.held["target"]["id"], self.target.id)

    @contextmanager
    def refused_for(self, words):
        """Refused with these words, and nothing written."""
        with self.assertRaises(UserError) as refused:
            yield
        self.assertRegex(str(refused.exception), words)

    def ask(self, day=WEDNESDAY, minutes=60, kind="visit", **more):
        return self.seat.slots(
            self.token, self.target.id, day.isoformat(), minutes, kind, **more
        )

    def hours(self, user=None, **asked):
        """Hours in Madrid at which a user is offered."""
        user = user or self.seller
        people = {each["id"]: each for each in self.ask(**asked)["people"]}
        return [self.clock(slot) for slot in people[user.id]["slots"]]

    def clock(self, instant):
        local = fields.Datetime.to_datetime(instant) + timedelta(hours=1)
        return local.strftime("%H:%M")

    def event(self, clock="11:00", day=WEDNESDAY, hours=1, user=None, **values):
        start = datetime.fromisoformat(f"{day} {clock}:00") - timedelta(hours=1)
        user = user or self.seller
        return self.env["calendar.event"].create(
            {
                "name": "Dentist",
                "start": start,
                "stop": start + timedelta(hours=hours),
                "user_id": user.id,
                "partner_ids": [Command.set(user.partner_id.ids)],
                **values,
            }
        )

    def appointment(self, **values):
        return {
            "user_id": self.seller.id,
            "start": "2026-11-25 09:00:00",
            "minutes": 60,
            "kind": "visit",
            "place": "",
            "note": "",
            **values,
        }

    def close(self, disposition=None, uuid="uuid-of-booking", **payload):
        return self.seat.close_and_get_next(
            self.token,
            uuid,
            self.target.id,
            (disposition or self.booked).id,
            payload,
            next=False,
        )

    def book(self, **values):
        answer = self.close(appointment=self.appointment(**values))
        return self.env["calendar.event"].browse(
            answer["closed"]["appointment"] and answer["closed"]["appointment"]["id"]
        )

    # SLOTS

    def test_agent_is_offered_the_working_hours_that_are_left(self):
        self.assertEqual(self.hours(), ["09:00", "10:00", "11:00", "12:00", "13:00"])
        self.assertEqual(self.hours(day=TUESDAY), ["12:00", "13:00"])
        self.assertEqual(self.hours(minutes=240), ["09:00", "10:00"])

    def test_private_event_only_makes_its_owner_busy(self):
        self.event(privacy="private")
        self.assertEqual(self.hours(kind="call"), ["09:00", "10:00", "12:00", "13:00"])
        answer = self.ask()
        seller = next(p for p in answer["people"] if p["id"] == self.seller.id)
        self.assertEqual(
            seller["busy"], [["2026-11-25 10:00:00", "2026-11-25 11:00:00"]]
        )
        self.assertNotIn("Dentist", str(answer))
        self.assertEqual(len(self.hours(self.technician)), 5)

    def test_way_to_another_town_is_kept_free(self):
        self.event(location="C/ Mayor 1, 46900 Torrent")
        self.assertEqual(self.hours(), ["09:00", "13:00"])
        self.assertEqual(self.hours(kind="call"), ["09:00", "10:00", "12:00", "13:00"])

    def test_way_within_the_postcode_is_shorter(self):
        self.campaign_a.near_minutes = 0
        self.event(location="C/ Mayor 1, 46002 València")
        self.assertEqual(self.hours(), ["09:00", "10:00", "12:00", "13:00"])
        self.assertEqual(self.hours(place="Plaza 2, 46900 Torrent"), ["09:00", "13:00"])

    def test_declined_archived_and_free_events_take_no_time(self):
        declined, archived, free = (
            self.event(show_as=s) for s in ("busy", "busy", "free")
        )
        declined.attendee_ids.state = "declined"
        archived.active = False
        self.assertEqual(free.show_as, "free")
        self.assertEqual(len(self.hours()), 5)

    def test_days_off_and_holidays_have_no_slot_and_the_next_day_is_named(self):
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Closed",
                "calendar_id": self.calendar.id,
                "date_from": "2026-11-25 00:00:00",
                "date_to": "2026-11-25 22:59:59",
            }
        )
        answer = self.ask()
        self.assertFalse(any(each["slots"] for each in answer["people"]))
        self.assertEqual(answer["next_day"], "2026-11-26")
        # The Immaculate Conception, a Tuesday
        self.assertEqual(self.hours(day=date(2026, 12, 8)), [])
        self.assertEqual(len(self.hours(day=date(2026, 12, 9))), 5)

    def test_whole_days_of_somebody_are_taken(self):
        event = self.event(allday=True, start_date=WEDNESDAY, stop_date=WEDNESDAY)
        event.write({"start_date": WEDNESDAY, "stop_date": WEDNESDAY + timedelta(1)})
        self.assertEqual(self.hours(), [])
        self.assertEqual(self.hours(day=date(2026, 11, 26)), [])
        self.assertEqual(len(self.hours(day=date(2026, 11, 27))), 5)

    def test_own_working_hours_go_before_the_companys(self):
        hours = self.calendar.copy({"name": "Ten to twelve"})
        hours.attendance_ids.write({"hour_from": 10, "hour_to": 12})
        self.env["resource.resource"].create(
            {
                "name": "Seller",
                "user_id": self.seller.id,
                "calendar_id": hours.id,
                "company_id": self.company_a.id,
                "tz": "Europe/Madrid",
            }
        )
        self.assertEqual(self.hours(), ["10:00", "11:00"])
        self.assertEqual(len(self.hours(self.technician)), 5)

    def test_who_visits_the_zone_comes_first_and_others_are_not_sent(self):
        here, there = self.env["telemarketing.zone"].create(
            [
                {"name": "Valencia", "postcodes": "460"},
                {"name": "Torrent", "postcodes": "469"},
            ]
        )
        self.seller.telemarketing_zone_ids = there
        self.technician.telemarketing_zone_ids = here
        people = self.ask()["people"]
        self.assertEqual(
            [(each["id"], each["zone"], bool(each["slots"])) for each in people],
            [(self.technician.id, True, True), (self.seller.id, False, False)],
        )
        self.assertEqual(len(self.hours(kind="call")), 5)
        self.assertEqual(len(self.hours(place="Plaza 1, 46900 Torrent")), 5)
        with self.refused_for("does not visit that zone"):
            self.book()

    def test_many_people_and_events_cost_no_more_queries(self):
        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.ask()
            return self.env.cr.sql_log_count - before

        def more(names):
            for name in names:
                user = self._create_user(f"seller {name}", "salesperson")
                self.campaign_a.salesperson_ids |= user
                for clock in ("09:00", "12:00"):
                    self.event(clock, user=user)
            self.ask()
            return count()

        few = more("ab")
        many = more("cdefghijkl")
        self.assertEqual(many, few)
        self.assertLessEqual(many, 30)

    # BOOKING

    def test_result_with_an_appointment_books_it_for_both(self):
        self.campaign_a.appointment_alarm_ids = self.env.ref(
            "telemarketing_base.alarm_day_before"
        )
        event = self.book(note="Third floor <b>left</b>")
        self.assertEqual(event.start, datetime(2026, 11, 25, 9))
        self.assertEqual(event.stop, datetime(2026, 11, 25, 10))
        self.assertEqual(event.user_id, self.seller)
        partner = self.contact.partner_id
        self.assertEqual(event.partner_ids, self.seller.partner_id | partner)
        self.assertTrue(partner)
        self.assertEqual(event.telemarketing_partner_id, partner)
        self.assertEqual(event.location, "C/ Colón 3, 46002 València")
        self.assertEqual(event.privacy, "confidential")
        self.assertEqual(event.telemarketing_target_id, self.target)
        self.assertEqual(event.telemarketing_operator_id, self.agent_a)
        self.assertEqual(event.telemarketing_kind, "visit")
        self.assertNotIn("<b>", event.description)
        self.assertEqual(event.alarm_ids.interval, "days")
        self.assertEqual(event.opportunity_id, self.contact.lead_id)
        self.assertEqual(self.contact.lead_id.user_id, self.seller)
        self.assertEqual(self.target.state, "done")
        self.assertEqual(event.telemarketing_interaction_id.todo, False)

    def test_same_result_sent_twice_books_once(self):
        first = self.book()
        again = self.book()
        self.assertEqual(first, again)
        self.assertEqual(
            self.env["calendar.event"].search_count(
                [("telemarketing_target_id", "=", self.target.id)]
            ),
            1,
        )

    def test_slot_that_somebody_took_meanwhile_is_refused_and_nothing_closes(self):
        self.ask()
        self.event("10:00")
        with self.refused_for("Salesperson is not free on"):
            self.book()
        self.assertEqual(self.target.state, "leased")
        self.assertFalse(self.contact.partner_id)
        self.assertTrue(self.book(start="2026-11-25 12:00:00"))

    def test_second_visit_leaves_time_for_the_way_after_the_first(self):
        self.book()
        seat, token = self.open_desk(self.agent_b, self.campaign_a)
        call = seat.get_next(token)["call"]
        self.assertEqual(call["target"]["id"], self.other.target_ids.id)
        self.other.write({"zip": "46900", "city": "Torrent"})
        wanted = self.appointment(start="2026-11-25 10:15:00")

        def close():
            return seat.close_and_get_next(
                token,
                "uuid-of-b",
                call["target"]["id"],
                self.booked.id,
                {"appointment": wanted},
                next=False,
            )

        with self.refused_for("is not free"):
            close()
        wanted["start"] = "2026-11-25 10:30:00"
        self.assertTrue(close()["closed"]["appointment"])

    def test_result_that_books_wants_a_slot_and_others_refuse_one(self):
        with self.refused_for("choose a slot"):
            self.close()
        with self.refused_for("books no appointment"):
            self.close(self.refused, appointment=self.appointment())
        self.campaign_a.salesperson_ids = False
        self.assertFalse(self.close()["closed"]["appointment"])

    def test_person_who_cannot_be_a_prospect_keeps_the_appointment(self):
        raising = patch.object(
            self.env.registry["telemarketing.interaction"],
            "_match_partner",
            side_effect=UserError("it may be the same as somebody else"),
        )
        with raising:
            event = self.book()
        self.assertEqual(event.user_id, self.seller)
        self.assertEqual(event.partner_ids, self.seller.partner_id)
        self.assertIn("could not be made", event.telemarketing_interaction_id.todo)

    def test_lost_network_never_loses_the_result_for_a_slot_that_went(self):
        self.seat.dial(
            self.token, "uuid-of-booking", self.target.id, self.contact.phone_ids.id
        )
        self.target.leased_until = self.now(minutes=-1)
        self.env["telemarketing.target"]._cron_return_leases()
        self.event("10:00")
        closed = self.close(appointment=self.appointment())["closed"]
        self.assertFalse(closed["appointment"])
        self.assertRegex(" ".join(closed["todo"]), "was not booked: .*not free")

    # ATTACKS

    def test_desk_books_nobody_and_nothing_that_it_does_not_offer(self):
        stranger = self._create_user("stranger", "salesperson")
        far = self._create_user("far", "salesperson", company=self.company_b)
        self.campaign_a.sudo().salesperson_ids |= far
        for wrong in (
            {"user_id": stranger.id},
            {"user_id": far.id},
            {"user_id": self.portal_a.id},
            {"user_id": str(self.seller.id)},
            {"user_id": [self.seller.id]},
            {"user_id": None},
            {"start": "2026-11-24 08:00:00"},
            {"start": "2026-11-28 09:00:00"},
            {"start": "2026-11-25 03:00:00"},
            {"start": "2028-11-22 09:00:00"},
            {"start": "tomorrow"},
            {"start": None},
            {"minutes": 0},
            {"minutes": -60},
            {"minutes": 10**9},
            {"minutes": 60.5},
            {"minutes": True},
            {"minutes": "60"},
            {"kind": "party"},
            {"kind": ["visit"]},
            {"place": "x" * 301},
            {"note": "x" * 2001},
        ):
            with self.subTest(wrong=wrong), self.assertRaises(UserError):
                self.book(**wrong)
        for wrong in ([1], "x", 7):
            with self.subTest(wrong=wrong), self.assertRaises(UserError):
                self.close(appointment=wrong)
        self.assertEqual(self.target.state, "leased")
        self.assertFalse(
            self.env["calendar.event"].search(
                [("telemarketing_target_id", "=", self.target.id)]
            )
        )

    def test_calendars_are_shown_for_the_person_on_the_desk_only(self):
        for wrong in (
            (self.other.target_ids.id, "2026-11-25", 60, "visit"),
            (0, "2026-11-25", 60, "visit"),
            (self.target.id, "some day", 60, "visit"),
            (self.target.id, None, 60, "visit"),
            (self.target.id, "2026-11-25", 10**9, "visit"),
            (self.target.id, "2026-11-25", 60, "party"),
            (self.target.id, "2026-11-25", 60, "visit", "x" * 301),
        ):
            with self.subTest(wrong=wrong), self.assertRaises(UserError):
                self.seat.slots(self.token, *wrong)
        self.assertEqual(self.ask(day=date(2020, 1, 1))["day"], "2026-11-24")
        self.assertEqual(self.ask(day=date(2090, 1, 1))["day"], "2027-01-23")
        self.assertTrue(
            self.seat.slots("no such token", self.target.id, "2026-11-25", 60, "visit")[
                "lost_seat"
            ]
        )
        with self.assertRaises(AccessError):
            self.desk(self.seller).slots(
                self.token, self.target.id, "2026-11-25", 60, "visit"
            )

    # AFTERWARDS

    def test_who_keeps_the_appointment_says_what_became_of_it(self):
        event = self.book()
        mine = self.as_user(event, self.seller)
        for user in (self.agent_a, self.technician, self.plain_user, self.agent_b):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.as_user(event, user).write({"telemarketing_outcome": "sold"})
        with self.assertRaises(ValidationError):
            mine.write(
                {
                    "telemarketing_outcome": "held",
                    "telemarketing_held_on": self.now(days=1),
                }
            )
        mine.write({"start": self.now(hours=-3), "stop": self.now(hours=-2)})
        mine.action_telemarketing_sold()
        self.assertEqual(event.telemarketing_held_on, event.start)
        mine.write({"telemarketing_outcome": "not_held"})
        self.assertFalse(event.telemarketing_held_on)
        self.as_user(event, self.supervisor_a).action_telemarketing_held()
        self.assertEqual(event.telemarketing_outcome, "held")
        with self.assertRaises(AccessError):
            self.as_user(event, self.supervisor_b).action_telemarketing_sold()

    def test_moved_appointment_frees_its_hour_and_keeps_its_history(self):
        event = self.book()
        messages = len(event.message_ids)
        later = {"start": "2026-11-25 11:00:00", "stop": "2026-11-25 12:00:00"}
        event.with_context(tracking_disable=False).with_user(self.seller).write(later)
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.assertEqual(self.event_hours(), ["09:00", "10:00"])
        self.assertGreater(len(event.message_ids), messages)

    def event_hours(self):
        """What the other agent is offered for the same seller, by telephone."""
        seat, token = self.open_desk(self.agent_b, self.campaign_a)
        call = seat.get_next(token)["call"]
        answer = seat.slots(
            token, call["target"]["id"], WEDNESDAY.isoformat(), 60, "visit"
        )
        seller = next(p for p in answer["people"] if p["id"] == self.seller.id)
        return [self.clock(slot) for slot in seller["slots"]]

    def test_cancelled_appointment_frees_its_hour_and_stays_in_the_list(self):
        event = self.book()
        # From ten to eleven, and the way before and after it.
        self.assertEqual(self.event_hours(), ["12:00", "13:00"])
        for user in (self.agent_a, self.plain_user):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.as_user(event, user).action_telemarketing_cancel()
        with self.assertRaises(UserError):
            self.as_user(event, self.seller).unlink()
        self.as_user(event, self.seller).action_telemarketing_cancel()
        self.assertFalse(event.active)
        self.assertEqual(event.telemarketing_outcome, "cancelled")
        self.assertEqual(len(self.event_hours()), 5)

    def test_appointment_not_held_sends_the_person_back_to_the_operator(self):
        event = self.book()
        self.as_user(event, self.seller).write(
            {"start": self.now(hours=-3), "stop": self.now(hours=-2)}
        )
        mine = self.as_user(event, self.seller)
        action = mine.action_telemarketing_not_held()
        Wizard = self.as_user(self.env[action["res_model"]], self.seller)
        form = Form(Wizard.with_context(**action["context"]))
        self.assertEqual(form.agent_id, self.agent_a)
        form.at = self.now(hours=3).replace(minute=0, second=0)
        form.note = "Was not at home"
        form.save().action_confirm()
        self.assertEqual(event.telemarketing_outcome, "not_held")
        self.assertEqual(self.target.state, "ready")
        self.assertTrue(self.target.callback)
        self.assertEqual(self.target.callback_user_id, self.agent_a)
        self.assertEqual(self.target.callback_note, "Was not at home")

    def test_callback_of_an_appointment_is_asked_for_by_who_keeps_it(self):
        event = self.book()
        Wizard = self.env["telemarketing.appointment.callback"]
        for user in (self.agent_a, self.plain_user, self.technician, self.supervisor_b):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.as_user(Wizard, user).create(
                    {"event_id": event.id}
                ).action_confirm()
        wizard = self.as_user(Wizard, self.seller).create({"event_id": event.id})
        wizard.agent_id = self.agent_other
        with self.refused_for("must work in the campaign"):
            wizard.action_confirm()
        wizard.write({"agent_id": self.agent_a.id, "at": self.now(hours=-3)})
        with self.refused_for("is to come"):
            wizard.action_confirm()
        self.env["telemarketing.exclusion"]._record_person(
            self.contact, scope="all", reason="objection", channel="call"
        )
        wizard.at = self.now(hours=3)
        with self.assertRaises(UserError):
            wizard.action_confirm()
        self.assertFalse(event.telemarketing_outcome)

    def test_appointment_of_a_principal_is_hidden_from_who_has_no_part_in_it(self):
        event = self.book()
        for user, seen in (
            (self.seller, True),
            (self.technician, True),
            (self.agent_a, True),
            (self.agent_b, False),
            (self.supervisor_a, True),
            (self.supervisor_b, False),
            (self.plain_user, False),
            (self.manager, True),
        ):
            with self.subTest(user=user.login):
                for records in (event, event.attendee_ids):
                    records = self.as_user(records, user)
                    found = records.search([("id", "in", records.ids)])
                    self.assertEqual(bool(found), seen, records._name)

    # MESSAGES

    def test_both_get_the_campaigns_message_with_a_file_for_the_calendar(self):
        self.campaign_a.appointment_sms_template_id = self.env["sms.template"].create(
            {
                "name": "Appointment",
                "model_id": self.env["ir.model"]._get("calendar.event").id,
                "body": "Le visita {{ object.user_id.name }}",
            }
        )
        self.contact.phone_ids.flush_recordset()
        event = self.book()
        self.assertEqual(event.telemarketing_notice, "waiting")
        mails = self.env["mail.mail"].search_count([])
        self.env["telemarketing.booking"]._cron_messages()
        self.assertEqual(event.telemarketing_notice, "sent")
        sent = self.env["mail.mail"].search(
            [("model", "=", "calendar.event"), ("res_id", "=", event.id)]
        )
        self.assertEqual(sent.recipient_ids, event.partner_ids)
        self.assertEqual(set(sent.attachment_ids.mapped("name")), {"invitation.ics"})
        self.assertGreaterEqual(self.env["mail.mail"].search_count([]), mails + 2)
        sms = self.env["sms.sms"].search(
            [("partner_id", "=", self.contact.partner_id.id)]
        )
        self.assertEqual(sms.body, "Le visita Salesperson")
        self.env["telemarketing.booking"]._cron_messages()
        again = self.env["mail.mail"].search_count(
            [("model", "=", "calendar.event"), ("res_id", "=", event.id)]
        )
        self.assertEqual(again, len(sent))

    def test_message_that_cannot_be_sent_is_a_todo_of_the_call(self):
        event = self.book()
        broken = patch.object(
            self.env.registry["calendar.attendee"],
            "_notify_attendees",
            side_effect=ValueError("no such field"),
        )
        with broken, mute_logger("odoo.sql_db"):
            self.env["telemarketing.booking"]._cron_messages()
        self.assertEqual(event.telemarketing_notice, "failed")
        self.assertIn("no such field", event.telemarketing_interaction_id.todo)
        self.assertTrue(event.active)

    def test_desk_knows_whether_the_campaign_books_anybody(self):
        campaign = self.seat.open_desk(self.token)["campaign"]
        self.assertEqual(campaign["appointments"]["minutes"], 60)
        self.assertEqual(len(campaign["appointments"]["kinds"]), 4)
        self.campaign_a.salesperson_ids = False
        campaign = self.seat.open_desk(self.token)["campaign"]
        self.assertFalse(campaign["appointments"])
