from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .common import TelemarketingCommon


@tagged("post_install", "-at_install", "telemarketing_desk")
class TestDeskPerson(TelemarketingCommon):
    """What an agent would lose about the person: numbers, history, who rings."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.campaign_a.company_id.telemarketing_required_fields = "phone,name"
        cls.no_answer = cls.create_disposition("No answer", kind="redial_same")
        cls.done = cls.create_disposition("Solved", kind="none", outcome="useful")
        cls.carmen = cls.create_contact(
            "Carmen Peña", ["612 345 678", "961 234 567"], vat="12345678Z"
        )
        cls.target = cls.carmen.target_ids

    def held(self, user=None):
        desk, token = self.open_desk(user or self.agent_a, self.campaign_a)
        self.target.agent_id = desk.env.user
        call = desk.get_target(token, self.target.id)["call"]
        self.assertEqual(call["target"]["id"], self.target.id)
        return desk, token

    # numbers

    def test_number_that_the_person_gives_is_dialled_at_once(self):
        desk, token = self.held()
        answer = desk.add_phone(token, self.target.id, "655 11 22 33")
        added = answer["phones"][-1]
        self.assertEqual(added["e164"], "+34655112233")
        self.assertEqual(added["id"], answer["phone_id"])
        self.assertEqual(added["kind"], "mobile")
        self.assertTrue(added["callable"])
        self.assertFalse(answer["notice"])
        dialled = desk.dial(token, "uuid-added-1", self.target.id, added["id"])
        self.assertNotIn("refused", dialled)

    def test_excluded_number_stays_excluded_when_an_agent_adds_it(self):
        other = self.create_contact("Said no", "655112233")
        self.env["telemarketing.exclusion"]._record_person(
            other, scope="all", reason="objection", channel="call"
        )
        desk, token = self.held()
        answer = desk.add_phone(token, self.target.id, "655112233")
        added = answer["phones"][-1]
        self.assertFalse(added["callable"])
        self.assertTrue(added["reason"])
        dialled = desk.dial(token, "uuid-added-2", self.target.id, added["id"])
        self.assertIn("refused", dialled)

    def test_number_of_somebody_else_is_told_without_saying_who(self):
        self.create_contact("Secreta García", "655112233")
        desk, token = self.held()
        answer = desk.add_phone(token, self.target.id, "655112233")
        self.assertTrue(answer["notice"])
        self.assertNotIn("Secreta", str(answer))

    def test_masked_campaign_shows_no_number_that_was_added(self):
        self.campaign_a.mask_numbers = True
        desk, token = self.held()
        added = desk.add_phone(token, self.target.id, "655112233")["phones"][-1]
        self.assertFalse(added["e164"] or added["raw"])
        self.assertTrue(added["display"].endswith("233"))
        self.assertIn("•", added["display"])

    def test_numbers_are_reordered_and_the_first_is_suggested(self):
        desk, token = self.held()
        first, second = self.carmen.phone_ids.ids
        answer = desk.order_phones(token, self.target.id, [second, first])
        self.assertEqual([p["id"] for p in answer["phones"]], [second, first])
        self.assertEqual(answer["suggested_phone_id"], second)

    def test_number_marked_bad_is_put_right_again(self):
        desk, token = self.held()
        first = self.carmen.phone_ids[0]
        answer = desk.mark_phone(token, self.target.id, first.id, True)
        self.assertEqual(answer["phones"][0]["state"], "bad")
        self.assertFalse(answer["phones"][0]["callable"])
        answer = desk.mark_phone(token, self.target.id, first.id, False)
        self.assertEqual(answer["phones"][0]["state"], "ok")
        self.assertTrue(answer["phones"][0]["callable"])

    def test_number_out_of_service_for_everybody_is_no_agents_to_revive(self):
        desk, token = self.held()
        first = self.carmen.phone_ids[0]
        first.number_id.state = "bad"
        with self.assertRaises(UserError):
            desk.mark_phone(token, self.target.id, first.id, False)

    def test_nonsense_and_numbers_twice_are_refused(self):
        desk, token = self.held()
        for text in ("hola", "123", "612345678", False, ["655112233"], {"a": 1}):
            with self.assertRaises(UserError, msg=text):
                desk.add_phone(token, self.target.id, text)

    def test_nobody_touches_people_who_are_not_on_his_desk(self):
        desk, token = self.open_desk(self.agent_b, self.campaign_a)
        self.held()
        other = self.create_contact("Other", "600111222", database=self.database_b)
        for target in self.target, other.target_ids:
            phone = target.contact_id.phone_ids[:1]
            for request in (
                lambda t, p: desk.add_phone(token, t.id, "655112233"),
                lambda t, p: desk.order_phones(token, t.id, p.ids),
                lambda t, p: desk.mark_phone(token, t.id, p.id, True),
                lambda t, p: desk.related(token, t.id),
                lambda t, p: desk.timeline(token, t.id),
            ):
                with self.assertRaises(UserError):
                    request(target, phone)
        desk, token = self.open_desk(self.agent_a)
        foreign = other.phone_ids.id
        with self.assertRaises(UserError):
            desk.mark_phone(token, self.target.id, foreign, True)
        with self.assertRaises(UserError):
            desk.order_phones(token, self.target.id, [foreign])
        self.assertEqual(other.phone_ids.state, "ok")

    # related, timeline

    def _deal(self, campaign, partner, name):
        lead = self.env["crm.lead"].create(
            {
                "name": f"Lead {name}",
                "partner_id": partner.id,
                "company_id": campaign.company_id.id,
                "telemarketing_campaign_id": campaign.id,
                "expected_revenue": 30,
            }
        )
        order = self.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "company_id": campaign.company_id.id,
                "telemarketing_campaign_id": campaign.id,
            }
        )
        return lead, order

    def _call_record(self, contact, number, **values):
        return self.env["telemarketing.interaction"].create(
            {
                "uuid": f"{self._testMethodName[-30:]}-{contact.id}-{number}",
                "company_id": contact.company_id.id,
                "campaign_id": contact.campaign_id.id,
                "principal_id": contact.principal_id.id,
                "contact_id": contact.id,
                "partner_id": contact.partner_id.id,
                "agent_id": self.agent_b.id,
                "disposition_id": self.done.id,
                "state": "done",
                "started_at": self.now(hours=-number),
                "notes": f"Note {number}",
                **values,
            }
        )

    def test_deals_with_another_client_company_are_not_shown(self):
        partner = self.env["res.partner"].create({"name": "Carmen"})
        self.carmen.partner_id = partner
        lead, order = self._deal(self.campaign_a, partner, "ours")
        self._deal(self.campaign_b, partner, "theirs")
        self._deal(self.campaign_far, partner, "far")
        lead.message_post(
            body="Hello Carmen",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
        )
        lead.message_post(body="Among us", subtype_xmlid="mail.mt_note")
        partner.message_post(
            body="Nobody's business",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
        )
        stranger = self.create_contact("X", "600111222", database=self.database_b)
        stranger.partner_id = partner
        self._call_record(stranger, 2, notes="Secret of B")
        self._call_record(self.carmen, 3)
        desk, token = self.held()
        related = desk.related(token, self.target.id)
        self.assertEqual([each["id"] for each in related["leads"]], lead.ids)
        self.assertEqual([each["id"] for each in related["orders"]], order.ids)
        self.assertEqual(related["leads"][0]["amount"], 30)
        items = desk.timeline(token, self.target.id)["items"]
        text = str(items)
        self.assertIn("Note 3", text)
        self.assertIn("Hello Carmen", text)
        self.assertIn(order.name, text)
        for hidden in ("Secret of B", "Among us", "Nobody's business"):
            self.assertNotIn(hidden, text)

    def test_appointments_and_invoices_are_of_this_client_company(self):
        partner = self.env["res.partner"].create({"name": "Carmen"})
        self.carmen.partner_id = partner
        stranger = self.create_contact("X", "600111222", database=self.database_b)
        ours, _theirs = self.env["calendar.event"].create(
            [
                {
                    "name": "Visit",
                    "start": self.now(days=1),
                    "stop": self.now(days=1, hours=1),
                    "telemarketing_target_id": target.id,
                    "partner_ids": [(4, partner.id)],
                }
                for target in (self.target, stranger.target_ids)
            ]
        )
        desk, token = self.held()
        related = desk.related(token, self.target.id)
        self.assertEqual([each["id"] for each in related["appointments"]], ours.ids)
        self.assertEqual(related["invoices"], [])

    def test_long_history_comes_in_pages_without_gap_or_repetition(self):
        for number in range(1, 46):
            # Several of the same second.
            self._call_record(
                self.carmen, number, started_at=self.now(hours=-(number // 3))
            )
        desk, token = self.held()
        seen, before = [], False
        for _page in range(5):
            answer = desk.timeline(token, self.target.id, before)
            seen += [item["text"] for item in answer["items"]]
            before = answer["next"]
            if not before:
                break
        self.assertEqual(len(seen), 45)
        self.assertEqual(len(set(seen)), 45)
        for bad in ("x", "1/2/3", "2026-01-01 00:00:00/mail.message/1", ["a"]):
            with self.assertRaises(UserError):
                desk.timeline(token, self.target.id, bad)

    def test_history_and_deals_cost_bounded_queries(self):
        partner = self.env["res.partner"].create({"name": "Carmen"})
        self.carmen.partner_id = partner
        for number in range(1, 12):
            self._call_record(self.carmen, number)
            self._deal(self.campaign_a, partner, str(number))
        desk, token = self.held()
        for request, bound in (desk.timeline, 60), (desk.related, 50):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            request(token, self.target.id)
            self.assertLessEqual(self.env.cr.sql_log_count - before, bound)

    # finding

    def find(self, text, own=True, user=None):
        desk, token = self.open_desk(user or self.agent_a, self.campaign_a)
        people = desk.search_people(token, text, own)["people"]
        return {card["name"]: card for card in people}

    def test_part_of_a_name_is_found_with_and_without_accents(self):
        self.target.agent_id = self.agent_a
        for text in ("peña", "PENA", "Peña carm", "carmen", "cármen"):
            self.assertIn("Carmen Peña", self.find(text), text)
        self.assertFalse(self.find("carmen lopez"))
        self.assertFalse(self.find("car.en"))

    def test_last_digits_document_and_whole_number_find_the_person(self):
        self.target.agent_id = self.agent_a
        for text in ("345678", "612 345 678", "12345678Z", "12.345.678-Z"):
            self.assertIn("Carmen Peña", self.find(text), text)
        self.assertFalse(self.find("999999"))

    def test_people_of_others_are_found_among_all_and_say_why_not(self):
        self.target.agent_id = self.agent_b
        self.assertFalse(self.find("carmen"))
        self.assertEqual(self.find("carmen", own=False)["Carmen Peña"]["why"], "")
        self.held(self.agent_b)
        self.target.invalidate_recordset()
        card = self.find("carmen", own=False)["Carmen Peña"]
        self.assertIn("another agent", card["why"])
        log = self.env["telemarketing.search.log"].search([], limit=1)
        self.assertEqual((log.user_id, log.own), (self.agent_a, False))

    def test_search_among_all_is_capped_and_stays_in_the_campaign(self):
        self.create_contact("Carmen de B", "600111222", database=self.database_b)
        self.assertEqual([*self.find("carmen", own=False)], ["Carmen Peña"])
        self.company_a.telemarketing_search_cap = 1
        with self.assertRaises(UserError):
            self.find("carmen", own=False)

    # somebody new

    def new(self, values, user=None, **more):
        desk, token = self.open_desk(user or self.agent_a, self.campaign_a)
        return desk.new_contact(token, values, **more)

    def test_person_written_down_by_hand_with_a_ground_comes_to_the_desk(self):
        answer = self.new(
            {
                "name": "Nuevo Cliente",
                "phones": ["655 112 233"],
                "basis": "request",
                "basis_date": str(self.now().date()),
                "basis_source": "Form of the fair",
            }
        )
        self.assertEqual(answer["call"]["contact"]["name"], "Nuevo Cliente")
        self.assertEqual(answer["call"]["may_call"]["answer"], "allowed")
        target = self.env["telemarketing.target"].browse(answer["target_id"])
        self.assertTrue(target.database_id.inbound)
        self.assertEqual(target.campaign_id, self.campaign_a)
        self.assertEqual(target.leased_by_id, self.agent_a)

    def test_without_a_ground_nobody_may_call_who_was_written_down(self):
        answer = self.new({"name": "Nadie", "phones": ["655112233"]})
        self.assertTrue(answer["not_opened"])
        self.assertNotIn("call", answer)
        target = self.env["telemarketing.target"].browse(answer["target_id"])
        self.assertFalse(target.callable_from)

    def test_ground_that_proves_nothing_is_refused(self):
        who = {"name": "Nadie", "phones": ["655112233"]}
        for basis in (
            {"basis": "consent", "basis_source": "He said so"},
            {"basis": "request", "basis_source": "Form"},
            {"basis": "request", "basis_date": "2099-01-01", "basis_source": "Form"},
            {"basis": "legal_person", "basis_source": "Directory"},
            {"basis": "client"},
        ):
            with self.assertRaises(UserError, msg=basis):
                self.new({**who, **basis})

    def test_people_alike_are_shown_before_one_more_is_made(self):
        self.create_contact("Hidden", "655112233", database=self.database_other)
        values = {"name": "Carmen", "phones": ["612345678", "655112233"]}
        answer = self.new(values)
        self.assertEqual(
            [card["target_id"] for card in answer["duplicates"]], self.target.ids
        )
        self.assertEqual(answer["elsewhere"], 1)
        self.assertNotIn("Hidden", str(answer))
        self.assertNotIn("target_id", answer)
        self.assertTrue(self.new(values, anyway=True)["target_id"])

    def test_fields_that_the_database_asks_for_are_asked_for(self):
        self.company_a.telemarketing_required_fields = "phone,name,vat"
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        fields = desk.contact_form(token)["fields"]
        asked = {field["name"] for field in fields if field["required"]}
        self.assertEqual(asked, {"name", "vat"})
        with self.assertRaises(ValidationError):
            self.new({"name": "Nadie", "phones": ["655112233"]})

    def test_nothing_but_what_the_form_has_is_written(self):
        answer = self.new(
            {
                "name": "Nadie",
                "phones": ["655112233"],
                "database_id": self.database_b.id,
                "company_id": self.company_b.id,
                "consented_on": "2026-01-01",
                "legal_basis": "client",
            }
        )
        contact = (
            self.env["telemarketing.target"].browse(answer["target_id"]).contact_id
        )
        self.assertEqual(contact.campaign_id, self.campaign_a)
        self.assertFalse(contact.consented_on or contact.legal_basis)
        for values in ("x", {"name": ["a"]}, {"name": "a", "phones": [["1"]]}):
            with self.assertRaises(UserError):
                self.new(values)

    # who rings

    def test_known_caller_is_recognised_and_the_call_is_an_incoming_one(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        cards = desk.caller(token, "+34 612 345 678")["people"]
        self.assertEqual([card["target_id"] for card in cards], self.target.ids)
        uuid = "uuid-incoming-1"
        call = desk.receive_call(token, uuid, self.target.id, "612345678")["call"]
        self.assertEqual(call["interaction"]["uuid"], uuid)
        again = desk.receive_call(token, uuid, self.target.id, "612345678")["call"]
        self.assertEqual(again["interaction"], call["interaction"])
        answer = desk.close_and_get_next(
            token, uuid, self.target.id, self.done.id, {}, next=False
        )
        self.assertEqual(answer["closed"]["state"], "done")
        interaction = self.env["telemarketing.interaction"].search(
            [("uuid", "=", uuid)]
        )
        self.assertEqual(interaction.direction, "in")
        self.assertEqual(interaction.action_type_id.code, "received_call")
        self.assertEqual(interaction.phone_id, self.carmen.phone_ids[0])
        self.assertEqual(interaction.state, "done")
        self.assertEqual(self.target.attempts, 0)
        self.assertEqual(self.carmen.phone_ids[0].number_id.attempts, 0)

    def test_their_call_is_not_dialled_and_counts_as_theirs_when_they_spoke(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        desk.caller(token, "612345678")
        phone = self.carmen.phone_ids[0]
        for number, result, counts in (
            ("612345678", self.no_answer, False),
            ("", self.done, False),
            ("612345678", self.done, True),
        ):
            uuid = f"uuid-theirs-{number}-{result.id}"
            self.target.write({"state": "ready", "leased_by_id": False})
            desk.receive_call(token, uuid, self.target.id, number)
            with self.assertRaisesRegex(UserError, "call of their own"):
                desk.dial(token, uuid, self.target.id, phone.id)
            desk.close_and_get_next(token, uuid, self.target.id, result.id, {}, False)
            self.assertEqual(bool(self.carmen.interacted_on), counts)

    def test_closed_person_who_rang_goes_back_there_when_the_result_is_undone(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        self.target.state = "done"
        desk.caller(token, "612345678")
        uuid = "uuid-theirs-undone"
        desk.receive_call(token, uuid, self.target.id, "612345678")
        desk.close_and_get_next(
            token, uuid, self.target.id, self.no_answer.id, {}, False
        )
        desk.undo_close(token, uuid)
        self.target.leased_until = self.now(hours=-1)
        self.env["telemarketing.target"]._cron_return_leases()
        self.assertEqual(self.target.state, "done")

    def test_adding_numbers_tells_no_more_about_others_than_searches_do(self):
        other = self.create_contact("Otra", "655000111")
        other.database_id.campaign_id = self.campaign_a
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        desk.get_next(token)
        log = self.env["telemarketing.search.log"]
        before = log.search_count([])
        desk.add_phone(token, self.target.id, "655000112")
        self.assertEqual(log.search_count([]), before + 1)
        self.company_a.telemarketing_search_cap = before + 1
        answer = desk.add_phone(token, self.target.id, "655000111")
        self.assertTrue(answer["phone_id"])
        self.assertFalse(answer["notice"])

    def test_junk_by_rpc_is_answered_with_a_sentence(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        for junk in ("abc", [1], 2**70, -1, True, {}):
            for method, arguments in (
                ("dial", ("uuid-junk-1", junk, junk)),
                ("get_target", (junk,)),
                ("object", ("uuid-junk-1", junk)),
            ):
                with self.subTest(method, junk=junk), self.assertRaises(UserError):
                    getattr(desk, method)(token, *arguments)

    def test_card_numbers_are_written_nowhere_on_the_desk(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        card = "4111 1111 1111 1111"
        note = {"kind": "note", "title": "Pay", "at": self.now(days=1)}
        note["at"] = str(note["at"])[:19]
        for tried in (
            lambda: desk.ask_help(token, card),
            lambda: desk.add_agenda(token, {**note, "title": card}),
            lambda: desk.add_agenda(token, {**note, "note": card}),
            lambda: desk.new_contact(
                token,
                {"name": f"Ana {card}", "phones": ["655112233"]},
                False,
                "uuid-card-1",
            ),
        ):
            with self.assertRaisesRegex(UserError, "card number"):
                tried()

    def test_excluded_person_who_rings_is_attended_and_stays_excluded(self):
        self.env["telemarketing.exclusion"]._record_person(
            self.carmen, scope="all", reason="objection", channel="call"
        )
        self.assertEqual(self.target.state, "excluded")
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        desk.caller(token, "612345678")
        uuid = "uuid-incoming-2"
        call = desk.receive_call(token, uuid, self.target.id, "612345678")["call"]
        self.assertFalse(call["phones"][0]["callable"])
        desk.close_and_get_next(token, uuid, self.target.id, self.done.id, {}, False)
        self.assertEqual(self.target.state, "excluded")

    def test_caller_lost_with_the_browser_stays_where_the_call_found_him(self):
        self.target.state = "done"
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        desk.caller(token, "612345678")
        desk.receive_call(token, "uuid-incoming-3", self.target.id, "612345678")
        self.assertEqual(self.target.state, "talking")
        self.target.leased_until = self.now(hours=-1)
        self.env["telemarketing.target"]._cron_return_leases()
        self.assertEqual(self.target.state, "done")

    def test_unknown_caller_is_written_down_with_the_call_open(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        self.assertEqual(desk.caller(token, "655112233")["people"], [])
        values = {"name": "Llama", "phones": ["655112233"], "incoming": True}
        answer = desk.new_contact(token, values, False, "uuid-incoming-4")
        target = self.env["telemarketing.target"].browse(answer["target_id"])
        self.assertEqual(target.interaction_id.direction, "in")
        self.assertFalse(target.contact_id.legal_basis)
        # To ring is not to ask to be called.
        desk.close_and_get_next(
            token, "uuid-incoming-4", target.id, self.no_answer.id, {}, False
        )
        self.assertFalse(target.callable_from)
        again = desk.new_contact(token, values, True, "uuid-incoming-4")
        self.assertEqual(again["target_id"], target.id)

    def test_caller_who_asks_for_it_may_be_called_back(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        values = {
            "name": "Llama",
            "phones": ["655112233"],
            "incoming": True,
            "asked": True,
        }
        answer = desk.new_contact(token, values, False, "uuid-incoming-5")
        contact = (
            self.env["telemarketing.target"].browse(answer["target_id"]).contact_id
        )
        self.assertEqual(contact.legal_basis, "request")
        self.assertTrue(contact.basis_source)
        self.assertTrue(answer["call"]["phones"][0]["callable"])

    def test_callers_of_other_campaigns_are_nobodys_to_guess(self):
        other = self.create_contact(
            "Of the others", "600111222", database=self.database_other
        )
        foreign = self.create_contact("Of B", "600111333", database=self.database_b)
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        answer = desk.caller(token, "600111222")
        self.assertEqual((answer["people"], answer["elsewhere"]), ([], 1))
        self.assertEqual(desk.caller(token, "600111333")["elsewhere"], 0)
        for number, contact in enumerate((other, foreign)):
            with self.assertRaises(UserError):
                desk.receive_call(token, f"uuid-bad-{number}", contact.target_ids.id)
        with self.assertRaises(UserError):
            # Never shown to this agent.
            desk.receive_call(token, "uuid-bad-9", self.target.id)

    def test_call_of_another_agent_is_not_taken_over(self):
        self.held(self.agent_b)
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        card = desk.caller(token, "612345678")["people"][0]
        self.assertFalse(card["receive"])
        with self.assertRaises(UserError):
            desk.receive_call(token, "uuid-bad-10", self.target.id)
        other, other_token = self.open_desk(self.agent_b)
        phone = self.carmen.phone_ids[0].id
        other.dial(other_token, "uuid-of-b-1", self.target.id, phone)
        with self.assertRaises(AccessError):
            desk.receive_call(token, "uuid-of-b-1", self.target.id)

    def test_looking_up_callers_is_capped(self):
        self.company_a.telemarketing_search_cap = 1
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        desk.caller(token, "612345678")
        with self.assertRaises(UserError):
            desk.caller(token, "612345679")
