from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import OperationalError

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import TelemarketingCommon

MORNING = "2026-11-23 09:00:00"


@tagged("post_install", "-at_install", "telemarketing_desk")
class TestDesk(TelemarketingCommon):
    """What an agent and a supervisor would lose if the desk broke."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        frozen = freeze_time(MORNING)
        cls.clock = frozen.start()
        cls.addClassCleanup(frozen.stop)
        only_ours = {"campaign_ids": [Command.set(cls.campaign_a.ids)]}
        cls.no_answer = cls.create_disposition(
            "No answer", kind="redial_same", **only_ours
        )
        cls.next_number = cls.create_disposition(
            "Other number", kind="redial_next", **only_ours
        )
        cls.call_back = cls.create_disposition(
            "Call back", kind="schedule", outcome="contact", **only_ours
        )
        cls.wrong = cls.create_disposition("Wrong", kind="number_bad", **only_ours)
        cls.interested = cls.create_disposition(
            "Interested", kind="none", outcome="useful", qualifies=True, **only_ours
        )
        cls.sale = cls.create_disposition(
            "Sale",
            kind="none",
            outcome="useful",
            qualifies=True,
            needs_order=True,
            is_conversion=True,
            **only_ours,
        )
        cls.never = cls.create_disposition(
            "Never again", kind="exclude", exclusion_scope="all", **only_ours
        )
        cls.not_here = cls.create_disposition(
            "Not in this campaign", kind="close", outcome="contact", **only_ours
        )
        product = cls.env["product.product"].create(
            {"name": "Fibra 600", "list_price": 30.0, "taxes_id": False}
        )
        cls.article = cls.env["telemarketing.campaign.article"].create(
            {
                "campaign_id": cls.campaign_a.id,
                "product_id": product.id,
                "price_unit": 25.0,
            }
        )
        cls.carmen = cls.create_contact(
            "Carmen Peña",
            ["612 345 678", "961 234 567"],
            vat="12345678Z",
            zip="46002",
            city="València",
        )
        cls.target = cls.carmen.target_ids

    def setUp(self):
        super().setUp()
        self.clock.move_to(MORNING)
        self.calls = 0

    def seat(self, user=None):
        return self.open_desk(user or self.agent_a, self.campaign_a)

    def dialled(self, user=None, target=None):
        """A desk with a call under way: ``(desk, token, uuid, call)``."""
        desk, token = self.seat(user)
        if target:
            target.agent_id = desk.env.user
            call = desk.get_target(token, target.id)["call"]
        else:
            call = desk.get_next(token)["call"]
        self.calls += 1
        uuid = f"{self._testMethodName}-{self.calls}"[-60:]
        answer = desk.dial(
            token, uuid, call["target"]["id"], call["target"]["suggested_phone_id"]
        )
        self.assertNotIn("refused", answer)
        return desk, token, uuid, call

    def close(self, disposition, payload=None, user=None, target=None, seconds=90):
        desk, token, uuid, call = self.dialled(user, target)
        self.clock.tick(timedelta(seconds=seconds))
        answer = desk.close_and_get_next(
            token, uuid, call["target"]["id"], disposition.id, payload or {}
        )
        interaction = self.env["telemarketing.interaction"].search(
            [("uuid", "=", uuid)]
        )
        return answer, interaction

    def stat(self, **criteria):
        return self.env["telemarketing.stat.call"]._sums(
            {"campaign_id": self.campaign_a.id, **criteria}, "2000-01-01"
        )

    # the thread

    def test_agent_dials_the_person_that_the_card_shows(self):
        desk, token = self.seat()
        call = desk.get_next(token)["call"]
        self.assertEqual(call["contact"]["name"], "Carmen Peña")
        self.assertEqual(call["contact"]["city"], "València")
        self.assertEqual(call["contact"]["local_time"], "10:00")
        self.assertEqual(
            [phone["display"] for phone in call["phones"]],
            ["612 345 678", "961 234 567"],
        )
        phone = call["target"]["suggested_phone_id"]
        answer = desk.dial(token, "uuid-dial-1", self.target.id, phone)
        self.assertEqual(
            answer["telephony"], {"action": "tel", "uri": "tel:+34612345678"}
        )
        self.assertEqual(answer["session"]["state"], "talking")

    def test_attempt_is_written_before_the_number_is_dialled(self):
        interaction_of = self.env["telemarketing.interaction"]
        seen = []

        def dial(telephony, interaction):
            seen.append(interaction_of.search([("uuid", "=", interaction.uuid)]))
            return {}

        telephony = type(self.env["telemarketing.telephony"])
        with patch.object(telephony, "_dial", dial):
            self.dialled()
        self.assertEqual(len(seen[0]), 1)
        self.assertEqual(self.target.attempts, 1)
        number = self.carmen.phone_ids[0].number_id
        self.assertEqual((number.attempts, number.attempts_day), (1, 1))

    def test_no_answer_comes_back_after_the_delay_and_not_before(self):
        other = self.create_contact("Otro", "600000001")
        answer, interaction = self.close(self.no_answer, {"notes": "nada"})
        self.assertEqual(self.target.state, "ready")
        self.assertEqual(
            self.target.next_call_at, interaction.closed_at + timedelta(minutes=120)
        )
        self.assertEqual(answer["call"]["contact"]["id"], other.id)
        self.assertEqual(interaction.notes, "nada")
        self.assertEqual((interaction.talk_seconds, interaction.wrap_seconds), (90, 0))
        desk, token = self.seat(self.agent_b)
        self.assertFalse(desk.get_next(token)["call"])
        self.clock.tick(timedelta(minutes=121))
        self.assertEqual(desk.get_next(token)["call"]["target"]["id"], self.target.id)

    def test_attempts_end_at_the_campaigns_limit(self):
        self.campaign_a.max_attempts = 2
        self.close(self.no_answer)
        self.clock.tick(timedelta(hours=3))
        self.close(self.no_answer)
        self.assertEqual(
            (self.target.state, self.target.done_reason), ("done", "max_attempts")
        )

    def test_next_number_of_the_person_is_tried_next(self):
        self.close(self.next_number)
        self.assertEqual(self.target.phone_id, self.carmen.phone_ids[1])
        self.clock.tick(timedelta(hours=3))
        call = self.seat()[0].get_next("token-of-tm_agent_a")["call"]
        self.assertEqual(
            call["target"]["suggested_phone_id"], self.carmen.phone_ids[1].id
        )

    def test_wrong_number_bars_the_number_and_not_the_person(self):
        self.close(self.wrong)
        first, second = self.carmen.phone_ids
        self.assertEqual((first.state, second.state), ("bad", "ok"))
        self.assertEqual(self.target.state, "ready")
        self.clock.tick(timedelta(hours=3))
        self.close(self.wrong)
        self.assertEqual(
            (self.target.state, self.target.done_reason), ("done", "no_number")
        )

    def test_callback_comes_back_at_its_hour_to_its_agent(self):
        at = "2026-11-23 11:30:00"
        self.close(self.call_back, {"callback": {"at": at, "mine": True}})
        self.assertTrue(self.target.callback)
        self.assertEqual(self.target.callback_user_id, self.agent_a)
        self.create_contact("Fresca", "600000002")
        mine, token = self.seat()
        mine.release(token, mine.get_next(token)["call"]["target"]["id"])
        self.clock.move_to("2026-11-23 11:30:01")
        others, other_token = self.seat(self.agent_b)
        self.assertNotEqual(
            others.get_next(other_token)["call"]["target"]["id"], self.target.id
        )
        self.assertEqual(mine.get_next(token)["call"]["target"]["id"], self.target.id)

    def test_general_callback_goes_to_anyone_before_fresh_people(self):
        at = "2026-11-23 11:30:00"
        self.close(self.call_back, {"callback": {"at": at, "mine": False}})
        self.create_contact("Fresca", "600000002")
        self.clock.move_to("2026-11-23 11:30:01")
        desk, token = self.seat(self.agent_b)
        self.assertEqual(desk.get_next(token)["call"]["target"]["id"], self.target.id)

    def test_personal_callback_that_is_not_made_goes_to_anyone(self):
        at = "2026-11-23 11:30:00"
        self.close(self.call_back, {"callback": {"at": at, "mine": True}})
        Target = self.env["telemarketing.target"]
        self.clock.move_to("2026-11-23 12:29:00")
        Target._cron_return_leases()
        self.assertEqual(self.target.callback_user_id, self.agent_a)
        self.clock.move_to("2026-11-23 12:31:00")
        Target._cron_return_leases()
        self.assertFalse(self.target.callback_user_id)

    def test_callback_is_announced_on_the_desk(self):
        at = "2026-11-23 11:30:00"
        answer, _interaction = self.close(
            self.call_back, {"callback": {"at": at, "note": "tarde"}}
        )
        callback = answer["callbacks"][0]
        self.assertEqual(
            (callback["name"], callback["at"], callback["mine"], callback["due"]),
            ("Carmen Peña", at, True, False),
        )
        self.assertEqual(callback["operator"], self.agent_a.name)

    def test_callback_result_without_an_hour_is_refused_and_nothing_closes(self):
        desk, token, uuid, _call = self.dialled()
        for payload in ({}, {"callback": {"at": "2026-11-22 10:00:00"}}):
            with self.assertRaises(UserError):
                desk.close_and_get_next(
                    token, uuid, self.target.id, self.call_back.id, payload
                )
        self.assertEqual(self.target.state, "talking")

    def test_next_person_order_callbacks_retries_mine_then_anyones(self):
        expected = [
            ("my callback", {"callback": True, "callback_user_id": self.agent_a.id}),
            ("general callback", {"callback": True}),
            ("my retry", {"attempts": 1, "agent_id": self.agent_a.id}),
            ("retry", {"attempts": 1}),
            ("mine, urgent", {"agent_id": self.agent_a.id, "priority": "2"}),
            ("mine", {"agent_id": self.agent_a.id}),
            ("anyone's", {}),
        ]
        self.target.state = "done"
        never = [
            ("of another", {"agent_id": self.agent_b.id}),
            (
                "callback of another",
                {"callback": True, "callback_user_id": self.agent_b.id},
            ),
            ("later", {"attempts": 1, "next_call_at": "2026-11-23 18:00:00"}),
        ]
        for place, (name, values) in enumerate(reversed(expected + never)):
            contact = self.create_contact(name, f"6110000{place:02}")
            contact.target_ids.write({"next_call_at": "2026-11-23 08:00:00"} | values)
        got = []
        desk, token = self.seat()
        call = desk.get_next(token)["call"]
        while call:
            got.append(call["contact"]["name"])
            call = desk.close_and_get_next(
                token,
                f"order-{len(got):03}",
                call["target"]["id"],
                self.not_here.id,
            )["call"]
        self.assertEqual(got, [name for name, _values in expected])

    # idempotence

    def test_double_click_makes_one_call_and_one_result(self):
        desk, token, uuid, call = self.dialled()
        phone = call["target"]["suggested_phone_id"]
        again = desk.dial(token, uuid, self.target.id, phone)
        self.assertTrue(again["again"])
        self.assertEqual(self.target.attempts, 1)
        first = desk.close_and_get_next(token, uuid, self.target.id, self.no_answer.id)
        second = desk.close_and_get_next(token, uuid, self.target.id, self.not_here.id)
        self.assertEqual(first["closed"], second["closed"])
        self.assertEqual(self.target.state, "ready")
        self.assertEqual(self.stat()["calls"], 1)

    def test_refresh_finds_the_same_call_with_its_notes(self):
        desk, token, uuid, _call = self.dialled()
        desk.save_notes(token, uuid, self.target.id, "le interesa")
        opened = desk.open_desk(token)
        self.assertEqual(opened["call"]["target"]["id"], self.target.id)
        self.assertEqual(opened["call"]["interaction"]["uuid"], uuid)
        self.assertEqual(opened["call"]["interaction"]["notes"], "le interesa")

    def test_notes_before_the_call_go_into_it(self):
        desk, token = self.seat()
        desk.get_next(token)
        desk.save_notes(token, False, self.target.id, "ojo: por la tarde")
        opened = desk.open_desk(token)
        self.assertEqual(opened["call"]["target"]["notes"], "ojo: por la tarde")
        desk.dial(token, "uuid-notes-1", self.target.id, self.carmen.phone_ids[0].id)
        interaction = self.target.interaction_id
        self.assertEqual(interaction.notes, "ojo: por la tarde")

    def test_asking_twice_for_the_next_gives_the_same_person(self):
        self.create_contact("Otra", "600000003")
        desk, token = self.seat()
        first = desk.get_next(token)["call"]["target"]["id"]
        self.assertEqual(desk.get_next(token)["call"]["target"]["id"], first)

    def test_second_tab_is_told_and_takes_over_with_the_call(self):
        desk, token, uuid, _call = self.dialled()
        opened = desk.open_desk("another-tab")
        self.assertTrue(opened["other_seat"])
        self.assertFalse(opened["call"])
        self.assertTrue(desk.get_next("another-tab")["lost_seat"])
        taken = desk.take_over("another-tab")
        self.assertEqual(taken["call"]["interaction"]["uuid"], uuid)
        lost = desk.close_and_get_next(token, uuid, self.target.id, self.no_answer.id)
        self.assertTrue(lost["lost_seat"])
        self.assertFalse(lost["closed"])
        self.assertEqual(self.target.state, "talking")

    def test_silent_session_ends_when_it_was_last_heard_and_the_desk_is_told(self):
        desk, token = self.seat()
        self.clock.tick(timedelta(minutes=31))
        self.env["telemarketing.agent.session"]._cron_end_silent()
        session = self.agent_a.telemarketing_session_ids
        self.assertEqual(str(session.logout_at), MORNING)
        self.assertTrue(desk.heartbeat(token)["closed"])

    def test_two_agents_never_hold_the_same_person(self):
        self.seat()[0].get_next("token-of-tm_agent_a")
        desk, token = self.seat(self.agent_b)
        answer = desk.get_next(token)
        self.assertFalse(answer["call"])
        self.assertIn(1, [reason["count"] for reason in answer["empty"]["reasons"]])
        self.target.agent_id = self.agent_b
        with self.assertRaisesRegex(UserError, "another agent"):
            desk.get_target(token, self.target.id)

    # leases

    def test_what_a_dead_browser_held_comes_back_once(self):
        desk, token = self.seat()
        desk.get_next(token)
        self.clock.tick(timedelta(minutes=16))
        Target = self.env["telemarketing.target"]
        Target._cron_return_leases()
        self.assertEqual((self.target.state, self.target.attempts), ("ready", 0))
        other, other_token = self.seat(self.agent_b)
        self.assertTrue(other.get_next(other_token)["call"])
        Target._cron_return_leases()
        self.assertEqual(self.target.leased_by_id, self.agent_b)

    def test_working_desk_keeps_its_person(self):
        desk, token = self.seat()
        desk.get_next(token)
        for _minute in range(20):
            self.clock.tick(timedelta(minutes=1))
            desk.heartbeat(token)
        self.env["telemarketing.target"]._cron_return_leases()
        self.assertEqual(self.target.leased_by_id, self.agent_a)

    def test_call_of_a_dead_desk_counts_and_its_late_result_replaces_the_loss(self):
        desk, token, uuid, _call = self.dialled()
        self.clock.tick(timedelta(minutes=16))
        self.env["telemarketing.target"]._cron_return_leases()
        interaction = self.env["telemarketing.interaction"].search(
            [("uuid", "=", uuid)]
        )
        self.assertTrue(interaction.lost)
        self.assertEqual(self.target.state, "ready")
        self.assertEqual(self.stat()["calls"], 1)
        closed = desk.close_and_get_next(
            token, uuid, self.target.id, self.interested.id, {"notes": "sí"}
        )["closed"]
        self.assertEqual(closed["state"], "done")
        self.assertFalse(interaction.lost)
        sums = self.stat()
        self.assertEqual((sums["calls"], sums["useful"]), (1, 1))

    def test_late_result_leaves_a_person_whom_another_works_now(self):
        desk, token, uuid, _call = self.dialled()
        self.clock.tick(timedelta(hours=3))
        self.env["telemarketing.target"]._cron_return_leases()
        self.clock.tick(timedelta(hours=3))
        self.dialled(self.agent_b)
        desk.close_and_get_next(
            token,
            uuid,
            self.target.id,
            self.call_back.id,
            {"callback": {"at": "2026-11-24 10:00:00"}},
        )
        self.assertEqual(
            (self.target.state, self.target.leased_by_id), ("talking", self.agent_b)
        )
        late = self.env["telemarketing.interaction"].search([("uuid", "=", uuid)])
        self.assertEqual(late.disposition_id, self.call_back)
        self.assertIn("callback", late.todo)

    def test_switched_off_database_gives_nobody_at_once(self):
        self.database_a.switched_on = False
        desk, token = self.seat()
        self.assertFalse(desk.get_next(token)["call"])
        self.database_a._cron_apply_switch()
        self.assertFalse(self.target.live)
        self.database_a.switched_on = True
        self.database_a._cron_apply_switch()
        self.assertTrue(desk.get_next(token)["call"])

    def test_paused_campaign_gives_nobody(self):
        desk, token = self.seat()
        self.campaign_a.action_pause()
        with self.assertRaisesRegex(UserError, "not running"):
            desk.get_next(token)

    def test_next_comes_after_the_close_even_when_the_lease_fails(self):
        desk, token, uuid, _call = self.dialled()
        Target = type(self.env["telemarketing.target"])
        with patch.object(Target, "_lease", side_effect=OperationalError("no")):
            answer = desk.close_and_get_next(
                token, uuid, self.target.id, self.not_here.id
            )
        self.assertFalse(answer["call"])
        self.assertEqual(answer["closed"]["state"], "done")
        self.assertEqual(self.target.state, "done")

    # qualification

    def test_interested_person_becomes_partner_and_opportunity_once(self):
        answer, interaction = self.close(self.interested, {"notes": "quiere fibra"})
        partner, lead = self.carmen.partner_id, self.carmen.lead_id
        self.assertEqual(answer["closed"]["partner_id"], partner.id)
        self.assertEqual(partner.funnel_stage, "prospect")
        self.assertEqual(partner.telemarketing_principal_id, self.principal_a)
        self.assertEqual(partner.phone_sanitized, "+34612345678")
        self.assertEqual(lead.partner_id, partner)
        self.assertEqual(lead.telemarketing_interaction_id, interaction)
        self.assertEqual(lead.campaign_id, self.campaign_a.utm_campaign_id)
        self.carmen._create_targets()
        self.close(self.interested)
        self.assertEqual((self.carmen.partner_id, self.carmen.lead_id), (partner, lead))

    def test_same_person_in_another_file_is_the_same_partner(self):
        self.close(self.interested)
        twin = self.create_contact("C. Peña", "699999999", vat="12345678Z")
        self.close(self.interested, target=twin.target_ids)
        self.assertEqual(twin.partner_id, self.carmen.partner_id)
        self.clock.tick(timedelta(minutes=20))
        by_phone = self.create_contact("Carmen", "612345678")
        self.close(self.interested, target=by_phone.target_ids)
        self.assertEqual(by_phone.partner_id, self.carmen.partner_id)

    def test_people_never_cross_from_one_principal_to_another(self):
        self.close(self.interested)
        # Whoever's list it stands on, a number is left in peace for a while.
        self.clock.tick(timedelta(minutes=20))
        foreign = self.create_contact(
            "Carmen Peña", "612345678", self.database_b, vat="12345678Z"
        )
        desk, token = self.open_desk(self.agent_other, self.campaign_b)
        self.interested.campaign_ids = [Command.link(self.campaign_b.id)]
        call = desk.get_next(token)["call"]
        self.assertEqual(call["history"], [])
        desk.close_and_get_next(
            token, "uuid-foreign", foreign.target_ids.id, self.interested.id
        )
        self.assertTrue(foreign.partner_id)
        self.assertNotEqual(foreign.partner_id, self.carmen.partner_id)
        self.assertEqual(
            foreign.partner_id.telemarketing_principal_id, self.principal_b
        )

    def test_doubtful_duplicate_closes_the_call_and_becomes_a_todo(self):
        self.close(self.interested)
        self.clock.tick(timedelta(minutes=20))
        doubtful = self.create_contact("Otra NIF", "612345678", vat="X1234567L")
        answer, interaction = self.close(self.interested, target=doubtful.target_ids)
        self.assertFalse(doubtful.partner_id)
        self.assertEqual(interaction.state, "done")
        self.assertIn("Carmen Peña", answer["closed"]["todo"][0])
        activity = self.campaign_a.activity_ids
        self.assertEqual(activity.user_id, self.supervisor_a)

    def test_nothing_is_sold_in_a_service_call(self):
        desk, token, uuid, _call = self.dialled()
        self.article.active = False
        self.campaign_a.write({"call_purpose": "service", "kind": "appointment"})
        order = {"lines": [{"article_id": self.article.id, "quantity": 1}]}
        for result, payload in (
            (self.sale, {}),
            (self.sale, {"order": order}),
            (self.not_here, {"order": order}),
        ):
            with (
                self.subTest(result=result.name, payload=payload),
                self.assertRaisesRegex(UserError, "Nothing is sold in A"),
            ):
                desk.close_and_get_next(token, uuid, self.target.id, result.id, payload)
        desk.close_and_get_next(token, uuid, self.target.id, self.not_here.id, {})
        self.assertFalse(self.target.interaction_id.order_ids)

    def test_order_confirmed_makes_a_client(self):
        answer, interaction = self.close(
            self.sale,
            {"order": {"lines": [{"article_id": self.article.id, "quantity": 2}]}},
        )
        order = interaction.order_ids
        self.assertEqual(answer["closed"]["order"]["id"], order.id)
        self.assertEqual(order.amount_untaxed, 50.0)
        self.assertEqual(order.state, "draft")
        self.assertEqual(order.telemarketing_acceptance, "voice")
        self.assertEqual(order.partner_id.funnel_stage, "prospect")
        with self.assertRaisesRegex(UserError, "in writing"):
            order.action_confirm()
        order.telemarketing_acceptance = "accepted"
        order.action_confirm()
        self.assertEqual(order.partner_id.funnel_stage, "client")
        self.assertEqual(order.telemarketing_acceptance, "withdrawal")

    def test_sale_of_a_principal_is_never_invoiced_by_us(self):
        _answer, interaction = self.close(
            self.sale,
            {"order": {"lines": [{"article_id": self.article.id, "quantity": 1}]}},
        )
        order = interaction.order_ids
        order.telemarketing_acceptance = "accepted"
        order.action_confirm()
        self.assertEqual(order.invoice_status, "no")
        with self.assertRaisesRegex(UserError, "handed over"):
            order._create_invoices()

    def test_sale_without_articles_or_of_foreign_ones_is_refused(self):
        desk, token, uuid, _call = self.dialled()
        for order in (
            {},
            {"lines": [{"article_id": 0, "quantity": 1}]},
            {"lines": [{"article_id": self.article.id, "quantity": -1}]},
        ):
            with self.assertRaises(UserError):
                desk.close_and_get_next(
                    token, uuid, self.target.id, self.sale.id, {"order": order}
                )
        self.assertFalse(self.carmen.partner_id)

    # exclusion

    def test_a_no_is_effective_at_once_in_every_list(self):
        again = self.create_contact("La misma", "612345678", self.database_own)
        self.close(self.never)
        self.assertEqual(self.target.state, "excluded")
        self.assertEqual(again.target_ids.state, "excluded")
        exclusions = self.env["telemarketing.exclusion"].search(
            [("number_id", "in", self.carmen.phone_ids.number_id.ids)]
        )
        self.assertEqual(len(exclusions), 2)
        self.assertTrue(all(exclusions.mapped("reference")))

    def test_a_no_for_a_client_company_leaves_other_companies_lists(self):
        other = self.create_contact("Ella", "612345678", self.database_b)
        self.never.exclusion_scope = "principal"
        self.close(self.never)
        self.assertEqual(self.target.state, "excluded")
        self.assertEqual(other.target_ids.state, "ready")

    def test_person_excluded_while_on_the_desk_is_not_dialled(self):
        desk, token = self.seat()
        call = desk.get_next(token)["call"]
        self.env["telemarketing.exclusion"].create(
            [
                {"number_id": phone.number_id.id, "company_id": self.company_a.id}
                for phone in self.carmen.phone_ids
            ]
        )
        answer = desk.dial(
            token, "uuid-excl-1", self.target.id, call["target"]["suggested_phone_id"]
        )
        self.assertEqual(answer["refused"]["answer"], "never")
        self.assertFalse(
            self.env["telemarketing.interaction"].search([("uuid", "=", "uuid-excl-1")])
        )
        self.assertFalse(self.target.callable_from)

    def test_premium_numbers_are_never_dialled(self):
        contact = self.create_contact("Cara", "806123456")
        contact.target_ids.agent_id = self.agent_a
        desk, token = self.seat()
        with self.assertRaisesRegex(UserError, "may not be called: Kind of number"):
            desk.get_target(token, contact.target_ids.id)
        # One that was on the desk before its number became known as such.
        desk.get_next(token)
        phone = self.carmen.phone_ids[0]
        phone.number_id.kind = "premium"
        answer = desk.dial(token, "uuid-806-1", self.target.id, phone.id)
        self.assertEqual(answer["refused"]["answer"], "never")

    # who asks

    def test_result_must_be_a_leaf_of_this_campaign(self):
        child = self.create_disposition(
            "Why",
            parent_id=self.not_here.id,
            campaign_ids=[Command.set(self.campaign_a.ids)],
        )
        foreign = self.create_disposition(
            "Foreign", campaign_ids=[Command.set(self.campaign_b.ids)]
        )
        desk, token, uuid, _call = self.dialled()
        for disposition in (self.not_here, foreign):
            with self.assertRaises(UserError):
                desk.close_and_get_next(token, uuid, self.target.id, disposition.id)
        desk.close_and_get_next(token, uuid, self.target.id, child.id)
        self.assertEqual(self.target.last_disposition_id, child)

    def test_agent_cannot_touch_what_another_holds(self):
        _desk, _token, uuid, _call = self.dialled()
        thief, token = self.seat(self.agent_b)
        phone = self.carmen.phone_ids[0]
        with self.assertRaises(UserError):
            thief.dial(token, "uuid-thief", self.target.id, phone.id)
        with self.assertRaises(AccessError):
            thief.close_and_get_next(token, uuid, self.target.id, self.no_answer.id)
        with self.assertRaises(UserError):
            thief.close_and_get_next(
                token, "uuid-thief", self.target.id, self.no_answer.id
            )
        thief.save_notes(token, False, self.target.id, "robado")
        self.assertFalse(self.target.notes)
        self.assertEqual(self.target.leased_by_id, self.agent_a)

    def test_agent_chooses_only_campaigns_that_he_works(self):
        desk, token = self.open_desk(self.agent_a)
        with self.assertRaises(UserError):
            desk.choose_campaign(token, self.campaign_b.id)
        offered = [c["id"] for c in desk.open_desk(token)["campaigns"]]
        self.assertEqual(set(offered), {self.campaign_a.id, self.campaign_own.id})

    def test_blocked_agent_is_out_and_its_person_back(self):
        desk, token = self.seat()
        desk.get_next(token)
        self.agent_a.telemarketing_blocked = True
        self.assertEqual(self.target.state, "ready")
        with self.assertRaisesRegex(AccessError, "blocked"):
            desk.get_next(token)

    def test_pause_needs_a_reason_and_counts_its_time(self):
        reason = self.env["telemarketing.pause.reason"].create({"name": "Café"})
        desk, token = self.seat()
        with self.assertRaises(UserError):
            desk.set_state(token, "paused")
        answer = desk.set_state(token, "paused", reason.id)
        self.assertEqual(answer["session"]["reason"], "Café")
        self.clock.move_to("2026-11-23 09:59:00")
        desk.heartbeat(token)
        self.clock.move_to("2026-11-23 10:03:00")
        figures = desk.set_state(token, "ready")["figures"]
        self.assertEqual(figures["paused_seconds"], 63 * 60)
        rows = self.env["telemarketing.stat.time.delta"].search(
            [("state", "=", "paused")], order="hour"
        )
        self.assertEqual(rows.mapped("seconds"), [3600, 180])

    def test_search_shows_a_limited_card_is_logged_and_capped(self):
        desk, token = self.seat()
        self.company_a.telemarketing_search_cap = 2
        people = desk.search_people(token, "carmen", own=False)["people"]
        self.assertEqual(people[0]["target_id"], self.target.id)
        self.assertNotIn("612345678", str(people).replace(" ", ""))
        self.assertEqual(desk.search_people(token, "carmen", own=True)["people"], [])
        with self.assertRaisesRegex(UserError, "limit"):
            desk.search_people(token, "carmen", own=False)
        log = self.env["telemarketing.search.log"].search(
            [("user_id", "=", self.agent_a.id)]
        )
        self.assertEqual(log.mapped("text"), ["carmen", "carmen"])

    def test_masked_numbers_never_reach_the_browser_in_the_card(self):
        self.campaign_a.mask_numbers = True
        desk, token = self.seat()
        call = desk.get_next(token)["call"]
        self.assertNotIn("612345678", str(call).replace(" ", ""))

    # what the agent fills in

    def test_profile_fields_are_kept_with_the_person(self):
        profile = self.env["telemarketing.profile"].create(
            {
                "name": "Telecom",
                "target_properties_definition": [
                    {"name": "carrier", "string": "Compañía", "type": "char"},
                    {"name": "lines", "string": "Líneas", "type": "integer"},
                    {"name": "until", "string": "Hasta", "type": "date"},
                ],
            }
        )
        self.campaign_a.profile_id = profile
        desk, token, uuid, _call = self.dialled()
        desk.save_notes(token, uuid, self.target.id, "", {"carrier": "Movistar"})
        desk.close_and_get_next(
            token,
            uuid,
            self.target.id,
            self.no_answer.id,
            {"profile": {"lines": 3, "unknown": "x", "until": "2027-06-23"}},
        )
        call = desk.get_target(token, self.target.id)["call"]
        self.assertEqual(
            call["profile"], {"carrier": "Movistar", "lines": 3, "until": "2027-06-23"}
        )
        self.assertEqual(call["script_values"]["perfil.compañía"], "Movistar")
        # As it is read aloud, not as it is stored.
        self.assertEqual(call["script_values"]["perfil.hasta"], "06/23/2027")

    def test_script_version_read_in_a_call_never_changes(self):
        script = self.env["telemarketing.script"].create(
            {
                "name": "Saludo",
                "body": "<p>Hola {nombre}</p>",
                "confirm_lines": "Identificación\nDerecho de oposición",
                "campaign_ids": [Command.set(self.campaign_a.ids)],
            }
        )
        desk, token, uuid, _call = self.dialled()
        values = desk.open_desk(token)["campaign"]["scripts"][0]
        keys = [line["key"] for line in values["confirm_lines"]]
        desk.close_and_get_next(
            token,
            uuid,
            self.target.id,
            self.no_answer.id,
            {"confirmed": [keys[1], "made:up"]},
        )
        interaction = self.env["telemarketing.interaction"].search(
            [("uuid", "=", uuid)]
        )
        script.body = "<p>Buenos días {nombre}</p>"
        self.assertEqual(interaction.confirmed_lines, [keys[1]])
        self.assertIn("Hola", interaction.script_version_id.body)
        self.assertIn("Buenos", script.version_id.body)

    def test_closed_interaction_does_not_change_nor_go(self):
        _answer, interaction = self.close(self.no_answer)
        record = interaction.with_user(self.manager)
        with self.assertRaises(UserError):
            record.notes = "otra cosa"
        with self.assertRaises(UserError):
            record.unlink()

    # the telephone

    def test_provider_does_only_what_it_can_and_reports_each_state_once(self):
        telephony = type(self.env["telemarketing.telephony"])
        done = []
        self.patch(telephony, "_providers", lambda model: {"fake": ["dial", "hangup"]})
        self.patch(telephony, "_provider", lambda model, user, campaign: "fake")
        telephony._dial_fake = lambda model, interaction: {"action": "wait"}
        telephony._hangup_fake = lambda model, call, **kw: done.append(call.uuid)
        self.addCleanup(delattr, telephony, "_dial_fake")
        self.addCleanup(delattr, telephony, "_hangup_fake")
        desk, token, uuid, _call = self.dialled()
        opened = desk.open_desk(token)["telephony"]
        self.assertEqual(opened["capabilities"], ["dial", "hangup"])
        desk.control(token, uuid, "hangup")
        self.assertEqual(done, [uuid])
        for action in ("hold", "dial", "unlink"):
            with self.assertRaises(UserError):
                desk.control(token, uuid, action)
        thief, other = self.seat(self.agent_b)
        with self.assertRaises(AccessError):
            thief.control(other, uuid, "hangup")
        report = self.env["telemarketing.telephony"]._report
        self.assertEqual(self.target.interaction_id.state, "dialling")
        self.clock.tick(timedelta(seconds=10))
        self.assertTrue(report(uuid, "talking"))
        self.clock.tick(timedelta(seconds=40))
        self.assertTrue(report(uuid, "ended", cause="16"))
        self.assertFalse(report(uuid, "talking"))
        interaction = self.target.interaction_id
        self.assertEqual(
            (interaction.state, interaction.hangup_cause, self.target.state),
            ("wrap_up", "16", "wrap_up"),
        )
        self.clock.tick(timedelta(seconds=20))
        desk.close_and_get_next(token, uuid, self.target.id, self.no_answer.id)
        self.assertEqual((interaction.talk_seconds, interaction.wrap_seconds), (40, 20))
        self.assertFalse(report(uuid, "ended"))

    # figures

    def test_figures_agree_before_and_after_folding_and_with_the_interactions(self):
        self.close(self.no_answer)
        self.clock.tick(timedelta(hours=3))
        answer, _interaction = self.close(self.interested, seconds=200)
        figures = answer["figures"]
        self.assertEqual(
            (figures["calls"], figures["useful"], figures["average_seconds"]),
            (2, 1, 145),
        )
        before = self.stat()
        Stat = self.env["telemarketing.stat.call"]
        Stat._fold()
        self.assertFalse(self.env["telemarketing.stat.call.delta"].search([]))
        self.assertEqual(self.stat(), before)
        self.assertEqual(Stat._rebuild("2000-01-01", "2100-01-01"), 0)
        wrong = Stat.search([("campaign_id", "=", self.campaign_a.id)], limit=1)
        wrong.calls += 5
        wrong.flush_recordset()
        self.assertEqual(Stat._rebuild("2000-01-01", "2100-01-01"), 1)
        self.assertEqual(self.stat(), before)

    # what changes while a person is on a desk, and back

    def exclude(self, contact, **values):
        return self.env["telemarketing.exclusion"].create(
            [
                {
                    "number_id": phone.number_id.id,
                    "company_id": self.company_a.id,
                    **values,
                }
                for phone in contact.phone_ids
            ]
        )

    def test_person_excluded_while_on_a_desk_is_not_given_back_to_the_list(self):
        desk, token = self.seat()
        desk.get_next(token)
        self.exclude(self.carmen)
        desk.release(token, self.target.id)
        self.assertEqual(self.target.state, "excluded")

    def test_lifted_exclusion_brings_the_person_back(self):
        exclusions = self.exclude(self.carmen)
        self.assertEqual(self.target.state, "excluded")
        exclusions[0].action_lift("fue un error")
        self.assertEqual(self.target.state, "ready")
        desk, token = self.seat()
        call = desk.get_next(token)["call"]
        self.assertEqual(call["target"]["id"], self.target.id)
        self.assertEqual(
            call["target"]["suggested_phone_id"], self.carmen.phone_ids[0].id
        )

    def test_person_with_no_good_number_is_passed_over_until_one_is_put_right(self):
        self.carmen.phone_ids.number_id.state = "bad"
        other = self.create_contact("Otra", "600000009")
        desk, token = self.seat()
        call = desk.get_next(token)["call"]
        self.assertEqual(call["contact"]["id"], other.id)
        self.assertFalse(self.target.due_at)
        self.carmen.phone_ids[0].raw = "699888777"
        desk.release(token, other.target_ids.id)
        self.assertEqual(self.target.due_at, self.target.callable_from)
        self.assertEqual(desk.get_next(token)["call"]["contact"]["id"], self.carmen.id)

    def test_switched_off_database_is_not_dialled_even_from_the_desk(self):
        desk, token = self.seat()
        call = desk.get_next(token)["call"]
        self.database_a.switched_on = False
        answer = desk.dial(
            token, "uuid-off-1", self.target.id, call["target"]["suggested_phone_id"]
        )
        self.assertEqual(answer["refused"]["answer"], "never")
        self.assertTrue(self.target.callable_from)

    def test_callback_hour_that_passed_while_offline_is_kept_as_due(self):
        desk, token, uuid, _call = self.dialled()
        self.clock.tick(timedelta(hours=3))
        self.env["telemarketing.target"]._cron_return_leases()
        desk.close_and_get_next(
            token,
            uuid,
            self.target.id,
            self.call_back.id,
            {"callback": {"at": "2026-11-23 10:00:00"}},
            next=False,
        )
        self.assertTrue(self.target.callback)
        self.assertEqual(str(self.target.next_call_at), "2026-11-23 12:00:00")

    def test_wrong_number_known_without_dialling_marks_that_number(self):
        desk, token = self.seat()
        desk.get_next(token)
        first, second = self.carmen.phone_ids
        desk.close_and_get_next(
            token,
            "uuid-wrong-1",
            self.target.id,
            self.wrong.id,
            {"phone_id": first.id},
            next=False,
        )
        self.assertEqual((first.state, second.state), ("bad", "ok"))
        self.assertEqual(self.target.phone_id, second)

    def test_uuid_of_one_person_never_closes_another(self):
        other = self.create_contact("Otra", "600000010")
        desk, token, uuid, _call = self.dialled()
        desk.close_and_get_next(token, uuid, self.target.id, self.no_answer.id)
        self.assertEqual(other.target_ids.leased_by_id, self.agent_a)
        with self.assertRaises(UserError):
            desk.close_and_get_next(token, uuid, other.target_ids.id, self.not_here.id)
        self.assertEqual(other.target_ids.state, "leased")

    def test_customer_that_odoo_already_has_is_the_same_partner(self):
        customer = self.env["res.partner"].create(
            {"name": "Luis Client", "phone": "+34633111222", "country_id": 68}
        )
        luis = self.create_contact("Luis", "633111222", self.database_own)
        self.interested.campaign_ids = [Command.link(self.campaign_own.id)]
        desk, token = self.open_desk(self.agent_a, self.campaign_own)
        call = desk.get_next(token)["call"]
        self.assertEqual(call["contact"]["id"], luis.id)
        desk.close_and_get_next(
            token, "uuid-known-1", luis.target_ids.id, self.interested.id
        )
        self.assertEqual(luis.partner_id, customer)

    def test_profile_with_answers_is_not_exchanged(self):
        profiles = self.env["telemarketing.profile"].create(
            [
                {
                    "name": name,
                    "target_properties_definition": [
                        {"name": name, "string": name, "type": "char"}
                    ],
                }
                for name in ("uno", "dos")
            ]
        )
        self.campaign_a.profile_id = profiles[0]
        self.campaign_a.profile_id = profiles[1]
        self.target.target_properties = {"dos": "algo"}
        with self.assertRaisesRegex(UserError, "dos"):
            self.campaign_a.profile_id = profiles[0]

    def test_people_stay_with_their_client_company_even_when_archived(self):
        self.database_a.contact_ids.active = False
        for values in (
            {"principal_id": self.principal_b.id},
            {"company_id": self.company_b.id},
        ):
            with self.assertRaises(UserError):
                self.campaign_a.write(values)

    def test_result_that_removes_callbacks_clears_those_of_the_same_campaign(self):
        Target = self.env["telemarketing.target"]
        own, foreign = Target.create(
            [
                {
                    "contact_id": self.carmen.id,
                    "campaign_id": campaign.id,
                    "origin": "recibo",
                }
                for campaign in (self.campaign_a, self.campaign_other)
            ]
        )
        for target in own | foreign:
            target.write(
                {
                    "callback": True,
                    "callback_user_id": self.agent_b.id,
                    "next_call_at": "2026-11-24 10:00:00",
                }
            )
        self.close(self.not_here, target=self.mine(self.target))
        self.assertTrue(own.callback)
        self.not_here.clear_callbacks = True
        again = Target.create(
            {
                "contact_id": self.carmen.id,
                "campaign_id": self.campaign_a.id,
                "origin": "otra vez",
                "agent_id": self.agent_a.id,
            }
        )
        self.close(self.not_here, target=again)
        self.assertFalse(own.callback)
        self.assertFalse(own.next_call_at)
        self.assertTrue(foreign.callback)

    def mine(self, target):
        target.agent_id = self.agent_a
        return target
