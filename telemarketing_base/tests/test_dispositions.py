from datetime import datetime

from lxml import etree
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.models import MAGIC_COLUMNS
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.desk_result import UNDO
from .common import TelemarketingCommon


@tagged("post_install", "-at_install")
class TestDispositions(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.contact = cls.create_contact(
            "Carmen Peña", ["+34612345678", "+34963123456"], zip="46002"
        )
        cls.target = cls.contact.target_ids
        cls.seat, cls.token = cls.open_desk(cls.agent_a, cls.campaign_a)

    def work(self, disposition, payload=None, uuid="uuid-of-call-1", dial=True):
        """Call Carmen and give this result; what the desk answers."""
        call = self.seat.get_next(self.token)["call"]
        if dial:
            self.seat.dial(
                self.token, uuid, call["target"]["id"], call["phones"][0]["id"]
            )
        return self.seat.close_and_get_next(
            self.token, uuid, call["target"]["id"], disposition.id, payload or {}, False
        )

    def result(self, **values):
        return self.create_disposition(**values)

    def sums(self):
        return self.env["telemarketing.stat.call"]._sums(
            {"campaign_id": self.campaign_a.id}, datetime(2026, 1, 1)
        )

    # REDIALLING

    def test_a_delay_that_grows_does_not_ring_the_same_person_all_day(self):
        self.target.attempts = 2
        self.work(self.result(kind="redial_same", redial_minutes=60, backoff=2))
        interaction = self.target.last_result_at
        waited = self.target.next_call_at - interaction
        self.assertEqual(waited.total_seconds(), 4 * 3600)

    def test_who_is_out_in_the_morning_is_rung_in_another_part_of_the_day(self):
        self.work(
            self.result(kind="redial_next", redial_minutes=30, redial_part="other")
        )
        self.assertEqual(self.target.next_call_at, datetime(2026, 11, 24, 13, 0))
        self.assertEqual(self.target.phone_id, self.contact.phone_ids[1])

    def test_a_child_without_an_action_takes_over_how_its_parent_redials(self):
        parent = self.result(
            name="Absent",
            kind="redial_same",
            redial_minutes=45,
            max_attempts=2,
            redial_part="evening",
        )
        child = self.result(name="Engaged", parent_id=parent.id)
        rule = child._redial_rule(self.campaign_a)
        self.assertEqual((rule.minutes, rule.max_attempts), (45, 2))
        self.assertEqual(rule.part, "evening")
        child.kind = "redial_same"
        rule = child._redial_rule(self.campaign_a)
        self.assertEqual(rule.minutes, self.campaign_a.retry_minutes)
        self.assertEqual(rule.part, "any")

    def test_after_the_last_attempt_nobody_is_rung_again(self):
        self.work(self.result(kind="redial_same", max_attempts=1))
        self.assertEqual(
            (self.target.state, self.target.done_reason), ("done", "max_attempts")
        )

    def test_a_delay_that_shrinks_is_refused(self):
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            self.result(kind="redial_same", backoff=0.5)
            self.env.flush_all()

    def test_an_agent_must_reach_a_leaf(self):
        parent = self.result(name="Not interested", kind="close")
        self.result(name="Price", parent_id=parent.id)
        with self.assertRaises(UserError):
            self.work(parent)

    # LISTS

    def test_numbers_taken_out_ring_nobody_else_and_come_back(self):
        other = self.create_contact("Luis Peña", "+34963123456").target_ids
        agreed = self.create_contact("Ana Peña", "+34612345678").target_ids
        agreed.write({"callback": True, "next_call_at": self.now(hours=2)})
        elsewhere = self.create_contact(
            "Luis Peña", "+34963123456", self.database_own
        ).target_ids
        self.target.priority = "3"
        self.work(self.result(kind="close", drop_numbers=True, clear_callbacks=False))
        self.assertEqual((other.state, agreed.state), ("done", "ready"))
        self.assertEqual(elsewhere.state, "ready")
        self.assertEqual(other.dropped_by_id.contact_id, self.contact)
        self.as_user(other, self.supervisor_a).action_put_back()
        self.assertEqual(other.state, "ready")
        self.assertTrue(other.due_at)
        self.assertFalse(other.dropped_by_id)

    def test_nobody_puts_back_people_of_others_or_who_were_closed(self):
        self.work(self.result(kind="close"))
        with self.assertRaises(UserError):
            self.as_user(self.target, self.supervisor_a).action_put_back()
        with self.assertRaises(AccessError):
            self.as_user(self.target, self.agent_a).action_put_back()
        with self.assertRaises(AccessError):
            self.as_user(self.target, self.supervisor_b).action_put_back()

    def test_earlier_callbacks_go_with_all_that_was_agreed(self):
        other = self.target.copy({"origin": "receipt", "state": "ready"})
        other.write(
            {
                "callback": True,
                "callback_agreed": True,
                "asked_hour": True,
                "callback_note": "At home",
                "callback_user_id": self.agent_b.id,
                "next_call_at": self.now(hours=2),
            }
        )
        self.work(self.result(kind="close", clear_callbacks=True))
        self.assertFalse(other.callback or other.asked_hour or other.callback_agreed)
        self.assertFalse(other.callback_note or other.callback_user_id)

    # WHAT A RESULT WILL DO

    def test_an_agent_reads_what_a_result_does_until_it_was_used(self):
        plain = self.result(name="No answer", kind="redial_same", redial_minutes=90)

        def told():
            answer = self.seat.choose_campaign(self.token, self.campaign_a.id)
            found = answer["campaign"]["dispositions"]
            self.assertTrue(answer["campaign"]["preview_results"])
            return next(each for each in found if each["id"] == plain.id)

        self.assertFalse(told()["known"])
        self.assertIn("1 h 30 min", told()["effects"][0])
        self.work(plain)
        self.assertTrue(told()["known"])

    def test_a_supervisor_is_told_where_a_result_has_no_effect(self):
        sale = self.result(
            name="Sale",
            needs_order=True,
            campaign_ids=[Command.set(self.campaign_a.ids)],
        )
        self.assertIn(self.campaign_a.name, sale.nowhere)
        self.assertFalse(self.result(name="No answer").nowhere)

    def test_every_kind_of_result_says_what_it_does(self):
        for kind, _label in (
            self.env["telemarketing.disposition"]._fields["kind"].selection
        ):
            self.assertTrue(self.result(kind=kind)._effects(self.campaign_a)[0], kind)

    def test_results_have_three_levels_at_most(self):
        node = self.env["telemarketing.disposition"]
        for _level in range(3):
            node = self.result(parent_id=node.id)
        with self.assertRaises(ValidationError):
            self.result(parent_id=node.id)

    def test_a_child_excludes_as_far_as_its_parent_and_for_its_reason(self):
        parent = self.result(name="No", kind="exclude", exclusion_scope="campaign")
        child = self.result(name="Under age", parent_id=parent.id)
        own = self.result(
            name="Never", parent_id=parent.id, kind="exclude", exclusion_scope="all"
        )
        self.assertEqual(child.effective_exclusion_scope, "campaign")
        self.assertEqual(own.effective_exclusion_scope, "all")
        parent.exclusion_reason = "minor"
        self.assertEqual(child.effective_exclusion_reason, "minor")
        self.assertIn("in this campaign", child._effects(self.campaign_a)[0])
        self.work(child)
        found = self.env["telemarketing.exclusion"].search(
            [("contact_id", "=", self.contact.id)]
        )
        self.assertEqual(set(found.mapped("scope")), {"campaign"})
        self.assertEqual(set(found.mapped("reason")), {"minor"})

    def test_an_exclusion_that_says_nothing_else_is_an_objection_everywhere(self):
        plain = self.result(kind="exclude")
        closed = self.result(kind="close", exclusion_scope="campaign")
        under = self.result(kind="exclude", parent_id=closed.id)
        for disposition in (plain, under):
            self.assertEqual(disposition.effective_exclusion_scope, "all")
            self.assertEqual(disposition.effective_exclusion_reason, "objection")
        self.assertFalse(closed.effective_exclusion_scope)

    def test_the_list_says_in_words_how_a_child_is_redialled(self):
        parent = self.result(kind="redial_same", redial_minutes=90, max_attempts=3)
        child = self.result(parent_id=parent.id)
        self.assertIn("1 h 30 min", child.redial_text)
        self.assertIn("3", child.redial_text)
        self.assertIn("campaign", self.result(kind="redial_next").redial_text)
        self.assertFalse(self.result(kind="close").redial_text)

    def test_the_list_says_in_words_all_that_a_result_does(self):
        busy = self.result(
            kind="exclude",
            exclusion_scope="principal",
            qualifies=True,
            needs_order=True,
        )
        busy.write({"drop_numbers": True, "clear_callbacks": True, **self.templates()})
        words = self.as_user(busy, self.agent_a).in_words
        for word in ("client company", "prospect", "order", "mail", "SMS", "lists"):
            self.assertIn(word, words)
        self.assertFalse(self.result(kind="none").in_words)

    def test_every_field_of_a_result_is_on_its_form(self):
        model = self.as_user(self.env["telemarketing.disposition"], self.manager)
        arch = etree.fromstring(model.get_view(view_type="form")["arch"])
        shown = {node.get("name") for node in arch.iter("field")}
        technical = {"parent_path", "display_name", "in_words", "redial_text"}
        technical.add("company_id")  # shown where there are several
        own = {
            name for name in model._fields if name not in technical | {*MAGIC_COLUMNS}
        }
        self.assertFalse(own - shown)

    def test_where_a_caller_was_before_is_on_the_screen(self):
        model = self.as_user(self.env["telemarketing.target"], self.supervisor_a)
        arch = etree.fromstring(model.get_view(view_type="form")["arch"])
        self.assertTrue(arch.xpath("//field[@name='state_before']"))

    # UNDO

    def test_a_slip_of_the_hand_is_undone_and_the_figures_agree(self):
        self.target.write(
            {"callback": True, "callback_user_id": self.agent_a.id, "phone_id": False}
        )
        answer = self.work(self.result(kind="close", outcome="contact"))
        number = self.contact.phone_ids[0].number_id
        self.assertTrue(answer["closed"]["undo_until"])
        self.assertEqual(self.sums()["contacts"], 1)
        call = self.seat.undo_close(self.token, "uuid-of-call-1")["call"]
        self.assertEqual(call["target"]["id"], self.target.id)
        self.assertEqual(call["interaction"]["uuid"], "uuid-of-call-1")
        self.assertEqual(self.target.callback_user_id, self.agent_a)
        self.assertFalse(self.target.last_disposition_id or self.target.contacted)
        self.assertFalse(any(self.sums().values()))
        # The attempt was made: the law's counters keep it.
        self.assertEqual((number.attempts, self.target.attempts), (1, 1))
        again = self.result(kind="redial_same")
        self.seat.close_and_get_next(
            self.token, "uuid-of-call-1", self.target.id, again.id, {}, False
        )
        self.assertEqual(self.target.last_disposition_id, again)
        self.assertEqual(self.sums()["calls"], 1)
        rebuilt = self.env["telemarketing.stat.call"]._rebuild(
            datetime(2026, 1, 1), datetime(2027, 1, 1)
        )
        self.assertFalse(rebuilt, "the nightly rebuild agrees")

    def test_a_number_called_bad_by_mistake_is_good_again(self):
        self.work(self.result(kind="number_bad"))
        self.assertEqual(self.contact.phone_ids[0].state, "bad")
        self.seat.undo_close(self.token, "uuid-of-call-1")
        self.assertEqual(self.contact.phone_ids[0].state, "ok")

    def test_the_next_person_goes_back_to_the_list_when_a_result_is_undone(self):
        other = self.create_contact("Luis Gil", "+34612345679").target_ids
        self.target.priority = "3"
        self.work(self.result(kind="close"))
        call = self.seat.get_next(self.token)["call"]
        self.assertEqual(call["target"]["id"], other.id)
        self.seat.undo_close(self.token, "uuid-of-call-1")
        self.assertEqual((other.state, self.target.state), ("ready", "talking"))

    def test_what_others_know_of_is_not_undone(self):
        cases = {
            "exclusion": {"kind": "exclude"},
            "prospect": {"kind": "none", "qualifies": True},
            "numbers": {"kind": "close", "drop_numbers": True},
        }
        for place, (title, values) in enumerate(cases.items()):
            with self.subTest(title):
                person = self.create_contact(title, f"+3461299000{place}")
                person.target_ids.priority = "3"
                uuid = f"uuid-of-{title}"
                answer = self.work(self.result(**values), uuid=uuid)
                self.assertFalse(answer["closed"]["undo_until"])
                with self.assertRaises(UserError):
                    self.seat.undo_close(self.token, uuid)

    def test_a_result_is_undone_by_its_agent_in_time_and_once(self):
        self.work(self.result(kind="close"))
        seat, token = self.open_desk(self.agent_b, self.campaign_a)
        with self.assertRaises(AccessError):
            seat.undo_close(token, "uuid-of-call-1")
        with self.assertRaises(UserError):
            self.seat.undo_close(self.token, "uuid-of-no-call")
        interaction = self.env["telemarketing.interaction"].search(
            [("uuid", "=", "uuid-of-call-1")]
        )
        interaction.closed_at = self.now() - 2 * UNDO
        with self.assertRaises(UserError):
            self.seat.undo_close(self.token, "uuid-of-call-1")
        interaction.closed_at = self.now()
        self.seat.undo_close(self.token, "uuid-of-call-1")
        with self.assertRaises(UserError):
            self.seat.undo_close(self.token, "uuid-of-call-1")

    # MESSAGES

    def templates(self):
        model = self.env["ir.model"]._get("telemarketing.interaction")
        return {
            "mail_template_id": self.env["mail.template"]
            .create(
                {
                    "name": "Thanks",
                    "model_id": model.id,
                    "subject": "Thanks {{ object.contact_id.name }}",
                    "body_html": "<p>Thank you</p>",
                }
            )
            .id,
            "sms_template_id": self.env["sms.template"]
            .create(
                {
                    "name": "Thanks",
                    "model_id": model.id,
                    "body": "Thanks {{ object.contact_id.name }}",
                }
            )
            .id,
        }

    def sent(self):
        return (
            self.env["mail.mail"].search([("email_to", "ilike", "carmen@example.com")]),
            self.env["sms.sms"].search([("number", "=", "+34612345678")]),
        )

    def test_a_confirmation_reaches_the_person_by_name(self):
        self.contact.email = "carmen@example.com"
        self.work(
            self.result(kind="none", message_purpose="service", **self.templates())
        )
        mail, sms = self.sent()
        self.assertEqual(mail.subject, "Thanks Carmen Peña")
        self.assertEqual(sms.body, "Thanks Carmen Peña")

    def test_advertising_only_reaches_who_consented_and_did_not_object(self):
        self.contact.email = "carmen@example.com"
        texts = self.templates()
        self.work(self.result(kind="redial_same", **texts))
        self.assertFalse(any(self.sent()))
        self.env["telemarketing.consent"]._record(
            self.contact,
            ["email"],
            {"given_at": self.now(days=-3), "channel": "web", "source": "Form"},
        )
        interaction = self.env["telemarketing.interaction"].search(
            [("uuid", "=", "uuid-of-call-1")]
        )
        self.assertTrue(interaction._may_advertise("email"))
        self.assertFalse(interaction._may_advertise("sms"))
        interaction._send_messages()
        mail, sms = self.sent()
        self.assertTrue(mail)
        self.assertFalse(sms)
        self.env["telemarketing.exclusion"]._record_person(
            self.contact, scope="all", reason="objection", channel="call"
        )
        self.assertFalse(interaction._may_advertise("email"))

    def test_a_message_that_cannot_go_is_somebodys_to_do(self):
        texts = self.templates()
        texts.pop("sms_template_id")
        answer = self.work(self.result(kind="none", message_purpose="service", **texts))
        self.assertEqual(len(answer["closed"]["todo"]), 1)
        self.assertIn("Thanks", answer["closed"]["todo"][0])
        self.assertEqual(self.target.state, "done")

    def test_a_text_about_something_else_is_refused(self):
        partner = self.env["ir.model"]._get("res.partner")
        wrong = self.env["mail.template"].create(
            {"name": "Of partners", "model_id": partner.id}
        )
        with self.assertRaises(ValidationError):
            self.result(mail_template_id=wrong.id)
