from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import TelemarketingCommon

MORNING = "2026-11-23 09:00:00"


class DeskPartCase(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        frozen = freeze_time(MORNING)
        cls.clock = frozen.start()
        cls.addClassCleanup(frozen.stop)
        cls.call_back = cls.create_disposition(
            "Call back", kind="schedule", outcome="contact"
        )
        cls.no_answer = cls.create_disposition("No answer", kind="redial_same")

    def setUp(self):
        super().setUp()
        self.clock.move_to(MORNING)

    def person(self, name, phone, agent=None, database=None, at=None, **values):
        """A target with a callback of this agent (None: anyone's)."""
        contact = self.create_contact(name, phone, database=database, city="València")
        target = contact.target_ids
        target.write(
            {
                "callback": True,
                "callback_user_id": agent and agent.id,
                "next_call_at": at or "2026-11-23 10:00:00",
                "last_agent_id": (agent or self.agent_b).id,
                "attempts": 1,
                **values,
            }
        )
        return target


@tagged("post_install", "-at_install", "telemarketing_desk")
class TestDeskAgenda(DeskPartCase):
    """Callbacks that nobody is reminded of, or that two people make, are lost."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seat_a, cls.token = cls.open_desk(cls.agent_a, cls.campaign_a)

    def titles(self, items):
        return [item["title"] for item in items]

    def agenda(self, since="2026-11-23 00:00:00", until="2026-11-30 00:00:00"):
        return self.seat_a.agenda(self.token, since, until)["items"]

    # the start page

    def test_start_page_has_what_an_agent_wants_to_know_before_calling(self):
        target = self.person("Ana", "612345678", self.agent_a)
        target.write(
            {
                "last_disposition_id": self.no_answer.id,
                "last_result_at": "2026-11-20 10:00:00",
                "first_contact_at": "2026-11-19 10:00:00",
            }
        )
        self.campaign_a.callback_notice_minutes = 25
        (card,) = self.seat_a.callbacks(self.token)
        self.assertEqual(
            {name: card[name] for name in card if name not in ("target_id", "note")},
            {
                "campaign_id": self.campaign_a.id,
                "name": "Ana",
                "phone": "612 345 678",
                "city": "València",
                "database": self.database_a.name,
                "at": "2026-11-23 10:00:00",
                "agreed_at": "2026-11-23 10:00:00",
                "notice_minutes": 25,
                "mine": True,
                "due": False,
                "last_result": "No answer",
                "last_result_at": "2026-11-20 10:00:00",
                "operator": self.agent_a.name,
                "first_contact_at": "2026-11-19 10:00:00",
            },
        )

    def test_number_stays_masked_on_the_start_page_and_in_the_agenda(self):
        self.campaign_a.mask_numbers = True
        self.person("Ana", "612345678", self.agent_a)
        (card,) = self.seat_a.callbacks(self.token)
        (item,) = self.agenda()
        for shown in (card["phone"], item["phone"], item["phones"][0]["text"]):
            self.assertNotIn("345", shown.replace(" ", ""))

    def test_mine_anyones_and_all_never_a_colleagues_or_another_campaigns(self):
        self.person("Mine", "612345601", self.agent_a)
        self.person("Own campaign", "612345602", self.agent_a, self.database_own)
        self.person("Anyone", "612345603")
        self.person("Colleague", "612345604", self.agent_b)
        self.person("Elsewhere", "612345605", database=self.database_other)
        self.person("Principal B", "612345606", database=self.database_b)
        for own, names in {
            "mine": {"Mine", "Own campaign"},
            "anyone": {"Anyone"},
            "all": {"Mine", "Own campaign", "Anyone"},
        }.items():
            found = self.seat_a.callbacks(self.token, own=own)
            self.assertEqual({card["name"] for card in found}, names, own)
        self.assertEqual(set(self.titles(self.agenda())), names)
        with self.assertRaises(UserError):
            self.seat_a.callbacks(self.token, own="all) OR (1=1")

    def test_list_in_every_answer_stays_one_bounded_query(self):
        """A heartbeat with a hundred callbacks must cost what one with three does."""

        def beat():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            answer = self.seat_a.heartbeat(self.token)
            return self.env.cr.sql_log_count - before, answer

        for number in range(3):
            self.person(f"P{number}", f"6123450{number:02}", self.agent_a)
        beat()
        few, _answer = beat()
        for number in range(3, 60):
            self.person(f"P{number}", f"6123450{number:02}", self.agent_a)
        many, answer = beat()
        self.assertEqual(len(answer["callbacks"]), 30)
        self.assertLessEqual(many, few)

    # the agenda

    def test_agenda_holds_callbacks_events_and_notes_by_hour(self):
        self.person("Late", "612345601", self.agent_a, at="2026-11-20 10:00:00")
        self.person("Wednesday", "612345602", self.agent_a, at="2026-11-25 10:00:00")
        self.person("Next month", "612345603", self.agent_a, at="2026-12-20 10:00:00")
        self.env["calendar.event"].create(
            {
                "name": "Team meeting",
                "start": "2026-11-24 08:00:00",
                "stop": "2026-11-24 09:00:00",
                "user_id": self.supervisor_a.id,
                "partner_ids": [Command.set(self.agent_a.partner_id.ids)],
            }
        )
        self.env["calendar.event"].create(
            {
                "name": "Others only",
                "start": "2026-11-24 08:00:00",
                "stop": "2026-11-24 09:00:00",
                "user_id": self.supervisor_a.id,
                "partner_ids": [Command.set(self.supervisor_a.partner_id.ids)],
            }
        )
        note = {"kind": "note", "title": "Buy", "at": "2026-11-23 18:00:00"}
        self.seat_a.add_agenda(self.token, {**note, "note": "two\nlines"})
        items = self.agenda()
        self.assertEqual(
            [(item["kind"], item["title"]) for item in items],
            [
                ("callback", "Late"),
                ("note", "Buy"),
                ("event", "Team meeting"),
                ("callback", "Wednesday"),
            ],
        )
        self.assertEqual(items[1]["note"], "two\nlines")
        later = self.agenda("2026-12-01 00:00:00", "2026-12-31 00:00:00")
        self.assertEqual(self.titles(later), ["Next month"])

    def test_note_is_private_moved_and_removed_by_its_agent_only(self):
        answer = self.seat_a.add_agenda(
            self.token,
            {"kind": "note", "title": "  Dentist  ", "at": "2026-11-23 18:00:00"},
        )
        note_id = answer["changed"]["id"]
        event = self.env["calendar.event"].browse(note_id)
        self.assertEqual((event.privacy, event.user_id), ("private", self.agent_a))
        self.assertEqual(event.partner_ids, self.agent_a.partner_id)
        other, token = self.open_desk(self.agent_b, self.campaign_a)
        week = ("2026-11-23 00:00:00", "2026-11-30 00:00:00")
        self.assertFalse(other.agenda(token, *week)["items"])
        for attack in (
            lambda: other.remove_agenda(token, "note", note_id),
            lambda: other.move_note(token, note_id, {"title": "Mine now"}),
        ):
            with self.assertRaises(UserError):
                attack()
        self.seat_a.move_note(self.token, note_id, {"at": "2026-11-24 18:00:00"})
        (item,) = self.agenda()
        self.assertEqual(
            (item["title"], item["at"]), ("Dentist", "2026-11-24 18:00:00")
        )
        self.assertEqual(item["until"], "2026-11-24 18:30:00")
        self.seat_a.remove_agenda(self.token, "note", note_id)
        self.assertFalse(self.agenda())

    def test_event_of_others_is_not_removed_from_the_agenda(self):
        event = self.env["calendar.event"].create(
            {
                "name": "Visit",
                "start": "2026-11-24 08:00:00",
                "stop": "2026-11-24 09:00:00",
                "user_id": self.salesperson.id,
                "partner_ids": [Command.set(self.agent_a.partner_id.ids)],
            }
        )
        for kind in ("event", "note"):
            with self.assertRaises(UserError):
                self.seat_a.remove_agenda(self.token, kind, event.id)
        self.assertTrue(event.exists())

    def test_note_about_a_person_changes_nothing_of_the_person(self):
        target = self.person("Ana", "612345678", self.agent_a)
        before = target.contact_id.read()[0]
        answer = self.seat_a.add_agenda(
            self.token,
            {
                "kind": "note",
                "title": "Ana María",
                "at": "2026-11-23 18:00:00",
                "target_id": target.id,
            },
        )
        self.seat_a.move_note(
            self.token, answer["changed"]["id"], {"title": "Another name"}
        )
        self.assertEqual(target.contact_id.read()[0]["name"], before["name"])
        self.assertEqual(
            {i["target_id"] for i in self.agenda() if i["kind"] == "note"}, {target.id}
        )

    def test_agenda_refuses_what_no_browser_sends(self):
        note = {"kind": "note", "title": "x", "at": "2026-11-23 18:00:00"}
        foreign = self.person("B", "612345606", database=self.database_b)
        colleague = self.person("C", "612345607", self.agent_b)
        for values in (
            "text",
            {},
            {**note, "kind": "event"},
            {**note, "title": 7},
            {**note, "at": "soon"},
            {**note, "at": "2126-11-23 18:00:00"},
            {**note, "minutes": "9"},
            {**note, "minutes": 10**9},
            {**note, "note": "x" * 3000},
            {**note, "target_id": foreign.id},
            {**note, "target_id": colleague.id},
            {**note, "target_id": True},
            {"kind": "callback", "target_id": foreign.id, "at": note["at"]},
            {"kind": "callback", "target_id": "1", "at": note["at"]},
        ):
            with self.assertRaises(UserError, msg=str(values)):
                self.seat_a.add_agenda(self.token, values)
        with self.assertRaises(UserError):
            self.seat_a.agenda(self.token, "2020-01-01 00:00:00", "2030-01-01 00:00:00")

    # moving

    def test_callback_moved_goes_on_at_the_new_hour_for_anyone(self):
        target = self.person("Ana", "612345678", self.agent_a)
        self.seat_a.move_callback(
            self.token, target.id, "2026-11-24 11:00:00", False, note="After lunch"
        )
        self.assertEqual(str(target.next_call_at), "2026-11-24 11:00:00")
        self.assertEqual(str(target.due_at), "2026-11-24 11:00:00")
        self.assertFalse(target.callback_user_id)
        self.assertEqual(target.callback_note, "After lunch")

    def test_callback_is_not_moved_to_the_past_or_to_a_night(self):
        target = self.person("Ana", "612345678", self.agent_a)
        for at in (
            "2026-11-22 11:00:00",
            "2026-11-24 02:00:00",
            "2026-11-29 11:00:00",
            "2036-11-24 11:00:00",
            "",
        ):
            with self.assertRaises(UserError, msg=at):
                self.seat_a.move_callback(self.token, target.id, at)
        self.assertEqual(str(target.next_call_at), "2026-11-23 10:00:00")

    def test_hour_asked_for_stays_when_only_the_number_changes(self):
        target = self.person(
            "Ana", ["612345678", "612345679"], self.agent_a, asked_hour=True
        )
        second = target.contact_id.phone_ids[1]
        self.seat_a.move_callback(
            self.token, target.id, "2026-11-23 10:00:00", phone_id=second.id
        )
        self.assertEqual((target.phone_id, target.asked_hour), (second, True))

    def test_another_number_is_checked_like_any_and_belongs_to_the_person(self):
        target = self.person("Ana", "612345678", self.agent_a)
        at = "2026-11-24 11:00:00"
        self.seat_a.move_callback(self.token, target.id, at, number="612 345 699")
        self.assertEqual(target.phone_id.e164, "+34612345699")
        self.assertEqual(target.contact_id.phone_ids[-1:], target.phone_id)
        # the same one again is not a second number
        self.seat_a.move_callback(self.token, target.id, at, number="+34612345699")
        self.assertEqual(len(target.contact_id.phone_ids), 2)
        target.phone_id.state = "bad"
        for number in ("612", 612345699, "612 345 699", {"x": 1}):
            with self.assertRaises(UserError, msg=str(number)):
                self.seat_a.move_callback(self.token, target.id, at, number=number)

    def test_excluded_number_does_not_come_back_as_another_one(self):
        stranger = self.create_contact("Eva", "612345670")
        self.env["telemarketing.exclusion"].create(
            {
                "number_id": stranger.phone_ids.number_id.id,
                "company_id": self.company_a.id,
            }
        )
        target = self.person("Ana", "612345678", self.agent_a)
        at = "2026-11-24 11:00:00"
        with self.assertRaises(UserError) as refused:
            self.seat_a.move_callback(self.token, target.id, at, number="612345670")
        self.assertIn("may not be called", str(refused.exception))
        self.assertEqual(len(target.contact_id.phone_ids), 1)

    def test_number_of_another_person_is_not_chosen_by_its_id(self):
        target = self.person("Ana", "612345678", self.agent_a)
        stranger = self.person("Eva", "612345670", self.agent_b)
        self.seat_a.move_callback(
            self.token,
            target.id,
            "2026-11-24 11:00:00",
            phone_id=stranger.contact_id.phone_ids.id,
        )
        self.assertNotEqual(target.phone_id, stranger.contact_id.phone_ids)

    def test_another_number_is_agreed_in_the_call(self):
        contact = self.create_contact("Ana", "612345678")
        target = contact.target_ids
        target.agent_id = self.agent_a
        call = self.seat_a.get_target(self.token, target.id)["call"]
        self.seat_a.dial(
            self.token, "uuid-agenda-1", target.id, call["phones"][0]["id"]
        )
        self.seat_a.close_and_get_next(
            self.token,
            "uuid-agenda-1",
            target.id,
            self.call_back.id,
            {"callback": {"at": "2026-11-24 11:00:00", "number": "961 234 567"}},
            next=False,
        )
        self.assertEqual(target.phone_id.e164, "+34961234567")
        self.assertEqual(target.callback_user_id, self.agent_a)

    def test_nobody_moves_or_removes_the_callback_of_another(self):
        at = "2026-11-24 11:00:00"
        targets = [
            self.person("Colleague's", "612345601", self.agent_b),
            self.person("Anyone's, another agreed", "612345602"),
            self.person("Elsewhere", "612345603", database=self.database_other),
            self.person("Principal B", "612345604", database=self.database_b),
            self.create_contact("No callback", "612345605").target_ids,
        ]
        for target in targets:
            for attack in (
                lambda t=target: self.seat_a.move_callback(self.token, t.id, at),
                lambda t=target: self.seat_a.remove_agenda(
                    self.token, "callback", t.id
                ),
            ):
                with self.assertRaises(UserError, msg=target.display_name):
                    attack()

    def test_callback_removed_leaves_the_person_in_the_list_for_later(self):
        target = self.person("Ana", "612345678", self.agent_a, asked_hour=True)
        self.seat_a.remove_agenda(self.token, "callback", target.id)
        self.assertFalse(target.callback or target.asked_hour)
        self.assertEqual(target.state, "ready")
        minutes = self.campaign_a.retry_minutes
        self.assertEqual(target.next_call_at, self.now() + timedelta(minutes=minutes))
        self.assertFalse(self.agenda())

    def test_callback_is_put_in_for_a_person_of_mine(self):
        target = self.create_contact("Ana", "612345678").target_ids
        target.agent_id = self.agent_a
        values = {"kind": "callback", "target_id": target.id}
        self.seat_a.add_agenda(
            self.token, {**values, "at": "2026-11-24 11:00:00", "note": "Renewal"}
        )
        self.assertEqual(self.titles(self.agenda()), ["Ana"])
        self.assertEqual(target.callback_user_id, self.agent_a)
        self.assertFalse(target.callback_agreed)

    # once

    def test_callback_worked_from_the_agenda_disappears_and_is_worked_once(self):
        target = self.person("Ana", "612345678", self.agent_a)
        self.seat_a.get_target(self.token, target.id)
        self.assertFalse(self.agenda())
        self.assertFalse(self.seat_a.callbacks(self.token))
        # another tab moves or removes it meanwhile
        for attack in (
            lambda: self.seat_a.move_callback(
                self.token, target.id, "2026-11-24 11:00:00"
            ),
            lambda: self.seat_a.remove_agenda(self.token, "callback", target.id),
        ):
            with self.assertRaises(UserError):
                attack()

    def test_anyones_callback_is_worked_by_one_of_two(self):
        target = self.person("Ana", "612345678")
        other, token = self.open_desk(self.agent_b, self.campaign_a)
        other.get_target(token, target.id)
        with self.assertRaises(UserError):
            self.seat_a.get_target(self.token, target.id)

    # the supervisor

    def wizard(self, targets, user=None, **values):
        return self.as_user(
            self.env["telemarketing.callback.move"], user or self.supervisor_a
        ).create({"target_ids": [Command.set(targets.ids)], **values})

    def test_supervisor_gives_the_callbacks_of_who_is_away_to_another(self):
        targets = self.person("A", "612345601", self.agent_b) | self.person(
            "B", "612345602", self.agent_b
        )
        self.wizard(targets, user_id=self.agent_a.id).action_move()
        self.assertEqual(targets.callback_user_id, self.agent_a)
        self.assertEqual(set(self.titles(self.agenda())), {"A", "B"})
        self.wizard(targets, owner="anyone").action_move()
        self.assertFalse(targets.callback_user_id)

    def test_supervisor_moves_callbacks_but_not_into_the_night(self):
        target = self.person("A", "612345601", self.agent_b)
        late = self.person("B", "612345602", self.agent_b, at="2026-11-23 19:30:00")
        values = {"owner": "keep", "when": "later", "hours": 2.0}
        told = self.wizard(target | late, **values).action_move()
        self.assertEqual(str(target.due_at), "2026-11-23 12:00:00")
        self.assertEqual(str(late.next_call_at), "2026-11-23 19:30:00")
        self.assertIn("B", told["params"]["message"])

    def test_callback_on_a_desk_is_not_moved_under_the_agents_hand(self):
        target = self.person("A", "612345601", self.agent_a)
        self.seat_a.get_target(self.token, target.id)
        self.wizard(target, user_id=self.agent_b.id).action_move()
        self.assertEqual(target.callback_user_id, self.agent_a)

    def test_supervisor_moves_only_what_is_theirs_to_who_works_there(self):
        mine = self.person("A", "612345601", self.agent_a)
        foreign = self.person("B", "612345602", database=self.database_b)
        with self.assertRaises(AccessError):
            self.wizard(foreign, owner="anyone")
        with self.assertRaises(UserError):
            self.wizard(mine, user_id=self.agent_other.id).action_move()
        for values in (
            {"owner": "keep"},
            {"owner": "agent"},
            {"owner": "keep", "when": "at"},
            {"owner": "keep", "when": "later", "hours": -3},
        ):
            with self.assertRaises(UserError, msg=str(values)):
                self.wizard(mine, **values).action_move()
        for user in (self.agent_a, self.salesperson, self.plain_user):
            with self.assertRaises(AccessError):
                self.wizard(mine, user, owner="anyone")

    def test_supervisor_sees_the_callbacks_of_all_agents_of_the_campaign(self):
        self.person("A", "612345601", self.agent_a)
        self.person("B", "612345602", self.agent_b)
        self.person("C", "612345603", database=self.database_b)
        action = self.env.ref("telemarketing_base.action_telemarketing_callback")
        Target = self.as_user(self.env["telemarketing.target"], self.supervisor_a)
        found = Target.search([("callback", "=", True), ("state", "=", "ready")]).sudo()
        self.assertEqual(set(found.contact_id.mapped("name")), {"A", "B"})
        self.assertIn("calendar", action.view_mode)
        away = [
            ("callback_user_id", "!=", False),
            (
                "callback_user_id.telemarketing_session_ids",
                "not any",
                [("logout_at", "=", False)],
            ),
        ]
        self.assertEqual(Target.search(away).sudo().contact_id.mapped("name"), ["B"])


@tagged("post_install", "-at_install", "telemarketing_desk")
class TestDeskHelp(DeskPartCase):
    """An agent alone with an angry client needs somebody now."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seat_a, cls.token = cls.open_desk(cls.agent_a, cls.campaign_a)
        cls.session = cls.env["telemarketing.agent.session"].search(
            [("user_id", "=", cls.agent_a.id), ("logout_at", "=", False)]
        )

    def told(self, action):
        """``[(user, kind, message)]`` that the bus carried meanwhile."""
        sent = []

        def send(user, kind, message, **_kwargs):
            sent.append((user, kind, message))

        users = self.env.registry["res.users"]
        with patch.object(users, "_bus_send", send):
            self.answer = action()
        return sent

    def as_supervisor(self, user):
        return self.as_user(self.session, user)

    def test_supervisors_of_the_campaign_are_told_at_once(self):
        sent = self.told(lambda: self.seat_a.ask_help(self.token, " An angry client "))
        self.assertEqual([user for user, *_ in sent], [self.supervisor_a])
        _user, kind, message = sent[0]
        self.assertEqual(kind, "telemarketing_help")
        self.assertEqual(
            (message["what"], message["agent"], message["text"]),
            ("asked", self.agent_a.name, "An angry client"),
        )
        self.assertEqual(
            self.answer["session"]["help"],
            {"asked_at": MORNING, "text": "An angry client", "who": ""},
        )
        self.assertFalse(
            self.told(lambda: self.seat_a.ask_help(self.token, "An angry client"))
        )

    def test_supervisors_of_the_team_are_told_too_and_only_of_the_company(self):
        self.team_a.telemarketing_supervisor_ids |= self.supervisor_b
        self.campaign_a.supervisor_ids |= self.supervisor_b
        sent = self.told(lambda: self.seat_a.ask_help(self.token))
        self.assertEqual(
            {user for user, *_ in sent}, {self.supervisor_a, self.supervisor_b}
        )
        self.supervisor_b.write(
            {
                "company_ids": [Command.set(self.company_b.ids)],
                "company_id": self.company_b.id,
            }
        )
        sent = self.told(lambda: self.seat_a.ask_help(self.token, "again"))
        self.assertEqual({user for user, *_ in sent}, {self.supervisor_a})

    def test_managers_are_told_where_nobody_supervises(self):
        self.campaign_a.supervisor_ids = False
        self.team_a.telemarketing_supervisor_ids = False
        sent = self.told(lambda: self.seat_a.ask_help(self.token))
        self.assertIn(self.manager, [user for user, *_ in sent])
        self.assertNotIn(self.supervisor_far, [user for user, *_ in sent])

    def test_agent_sees_who_comes_and_the_first_one_comes(self):
        self.team_a.telemarketing_supervisor_ids |= self.supervisor_b
        self.seat_a.ask_help(self.token)
        sent = self.told(
            lambda: self.as_supervisor(self.supervisor_a).action_help_coming()
        )
        self.assertEqual(self.answer, {"coming": self.supervisor_a.name, "mine": True})
        to_agent = [m for user, kind, m in sent if user == self.agent_a]
        self.assertEqual(to_agent[0]["who"], self.supervisor_a.name)
        late = self.as_supervisor(self.supervisor_b).action_help_coming()
        self.assertEqual(late, {"coming": self.supervisor_a.name, "mine": False})
        beat = self.seat_a.heartbeat(self.token)
        self.assertEqual(beat["session"]["help"]["who"], self.supervisor_a.name)

    def test_list_of_who_asks_is_the_supervisors_own(self):
        self.seat_a.ask_help(self.token)
        action = self.env.ref("telemarketing_base.action_telemarketing_help")
        domain = [("logout_at", "=", False), ("help_asked_at", "!=", False)]
        self.assertIn("help_asked_at", action.domain)
        Session = self.env["telemarketing.agent.session"]
        for user, found in {
            self.supervisor_a: 1,
            self.manager: 1,
            self.supervisor_b: 0,
            self.supervisor_far: 0,
            self.agent_b: 0,
        }.items():
            seen = self.as_user(Session, user).search_count(domain)
            self.assertEqual(seen, found, user.login)

    def test_nobody_else_answers_for_help(self):
        self.seat_a.ask_help(self.token)
        for user in (
            self.supervisor_b,
            self.supervisor_far,
            self.agent_a,
            self.agent_b,
            self.salesperson,
            self.plain_user,
            self.portal_a,
        ):
            with self.assertRaises(AccessError, msg=user.login):
                self.as_supervisor(user).action_help_coming()
        self.assertFalse(self.session.help_user_id)
        with self.assertRaises(AccessError):
            self.as_supervisor(self.supervisor_a).write({"help_text": "x"})
        with self.assertRaises(UserError):
            self.seat_a.ask_help(self.token, {"text": 1})

    def test_hand_goes_down_by_the_agent_with_the_call_and_at_log_out(self):
        self.seat_a.ask_help(self.token, "x")
        sent = self.told(lambda: self.seat_a.cancel_help(self.token))
        self.assertEqual([m["what"] for *_, m in sent], ["over"])
        self.assertFalse(self.answer["session"]["help"])
        coming = self.as_supervisor(self.supervisor_a).action_help_coming()
        self.assertEqual(coming, {"coming": "", "mine": False})

        target = self.create_contact("Ana", "612345678").target_ids
        target.agent_id = self.agent_a
        call = self.seat_a.get_target(self.token, target.id)["call"]
        self.seat_a.dial(self.token, "uuid-help-1", target.id, call["phones"][0]["id"])
        self.seat_a.ask_help(self.token, "Ana is angry")
        closed = self.seat_a.close_and_get_next(
            self.token, "uuid-help-1", target.id, self.no_answer.id, {}, next=False
        )
        self.assertFalse(closed["session"]["help"])
        self.assertFalse(self.session.help_text)

        self.seat_a.ask_help(self.token, "x")
        self.seat_a.log_out(self.token)
        self.assertFalse(self.session.help_asked_at or self.session.help_text)
