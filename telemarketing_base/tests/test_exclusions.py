import base64
import io
from unittest.mock import patch

import xlsxwriter

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..identity.phone import parse_phone
from .common import TelemarketingCommon


class ExclusionCommon(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Exclusion = cls.env["telemarketing.exclusion"]
        cls.Blacklist = cls.env["phone.blacklist"]

    def exclude(self, contact=None, number=None, **values):
        """An exclusion by hand, by default everywhere for objection."""
        if number:
            values["number_id"] = number.id
        return self.Exclusion.create(
            {
                "company_id": self.company_a.id,
                "contact_id": contact.id if contact else False,
                **values,
            }
        )

    def number(self, raw, company=None):
        phone = parse_phone(raw)
        numbers = self.env["telemarketing.number"]._get_or_create(
            company or self.company_a, [phone]
        )
        return self.env["telemarketing.number"].browse(numbers[phone.e164])

    def states(self, *contacts):
        self.env.invalidate_all()
        return [contact.target_ids.state for contact in contacts]


@tagged("post_install", "-at_install")
class TestExclusionReach(ExclusionCommon):
    """Whom an exclusion takes out of the lists, and whom it must not."""

    def test_a_nif_bars_its_person_in_every_list_whatever_the_number(self):
        anna = self.create_contact("Anna", "612000001", vat="12345678Z")
        same = self.create_contact(
            "Anna M.", "612000002", self.database_b, vat="12345678Z"
        )
        other = self.create_contact("Berta", "612000003", vat="87654321X")
        self.exclude(vat="12.345.678-z")
        self.assertEqual(
            self.states(anna, same, other), ["excluded", "excluded", "ready"]
        )

    def test_a_nif_bars_who_is_loaded_later(self):
        self.exclude(vat="12345678Z")
        late = self.create_contact("Anna", "612000001", vat="12345678Z")
        self.assertEqual(late.target_ids.state, "excluded")

    def test_a_person_excluded_by_nif_while_on_a_desk_is_refused_at_dial(self):
        anna = self.create_contact("Anna", "612000001", vat="12345678Z")
        anna.target_ids.agent_id = self.agent_a
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        call = desk.get_next(token)["call"]
        self.assertEqual(call["target"]["id"], anna.target_ids.id)
        self.exclude(vat="12345678Z")
        answer = desk.dial(token, "uuid-vat-1", anna.target_ids.id, anna.phone_ids.id)
        self.assertEqual(answer["refused"]["answer"], "never")

    def test_a_person_as_such_is_barred_with_all_their_numbers(self):
        anna = self.create_contact("Anna", ["612000001", "612000002"])
        self.exclude(anna)
        self.assertEqual(anna.target_ids.state, "excluded")

    def test_an_exclusion_of_nobody_is_refused(self):
        with self.assertRaises(ValidationError):
            self.exclude()

    def test_one_number_of_two_leaves_the_other_in_the_list(self):
        anna = self.create_contact("Anna", ["612000001", "612000002"])
        self.exclude(number=self.number("612000001"))
        self.assertEqual(anna.target_ids.state, "ready")
        self.exclude(number=self.number("612000002"))
        self.assertEqual(self.states(anna), ["excluded"])

    def test_many_at_once_are_one_statement_and_each_keeps_its_scope(self):
        people = [
            self.create_contact(f"P{n}", f"6120001{n:02}", database)
            for n, database in enumerate([self.database_a, self.database_b] * 10)
        ]
        numbers = [person.phone_ids.number_id for person in people]
        rows = [
            {
                "company_id": self.company_a.id,
                "number_id": number.id,
                "scope": "principal",
                "principal_id": self.principal_a.id,
            }
            for number in numbers
        ]
        few = self.Exclusion.create(rows[:1])
        before = self.env.cr.sql_log_count
        few._apply()
        cost = self.env.cr.sql_log_count - before
        many = self.Exclusion.create(rows[1:])
        before = self.env.cr.sql_log_count
        many._apply()
        self.assertLessEqual(self.env.cr.sql_log_count - before, cost)
        self.assertEqual(self.states(*people), ["excluded", "ready"] * 10)

    def test_a_made_up_nif_bars_nobody_by_itself(self):
        first = self.create_contact("Name 0", "612000100", vat="12345678Z")
        others = [
            self.create_contact(f"Name {n}", f"6120001{n:02}", vat="12345678Z")
            for n in range(1, 8)
        ]
        self.Exclusion._record_person(first, scope="all", reason="objection")
        self.assertEqual(
            self.states(first, *others), ["excluded"] + ["ready"] * len(others)
        )

    def test_the_other_company_goes_on_calling(self):
        far = self.create_contact("Far", "612000001", self.database_far)
        self.exclude(number=self.number("612000001"))
        self.assertEqual(far.target_ids.state, "ready")

    def test_who_died_or_is_under_age_is_recorded_as_such(self):
        for code, reason in (("deceased", "deceased"), ("minor", "minor")):
            disposition = self.env.ref(f"telemarketing_base.disposition_{code}")
            self.assertEqual(disposition.exclusion_reason, reason)
            person = self.create_contact(code, f"61200030{len(code)}")
            person.target_ids.agent_id = self.agent_a
            desk, token = self.open_desk(self.agent_a, self.campaign_a)
            desk.get_target(token, person.target_ids.id)
            desk.close_and_get_next(
                token,
                f"uuid-of-{code}",
                person.target_ids.id,
                disposition.id,
                next=False,
            )
            found = self.Exclusion.search([("contact_id", "=", person.id)])
            self.assertEqual((found.reason, found.scope), (reason, "all"))
            self.assertFalse(found.receipt_due)

    def test_who_stands_on_a_list_can_still_object(self):
        number = self.number("612000001")
        self.exclude(number=number, reason="internal")
        self.exclude(number=number, reason="objection")
        self.assertEqual(
            self.Exclusion.search_count([("number_id", "=", number.id)]), 2
        )


@tagged("post_install", "-at_install")
class TestExclusionLog(ExclusionCommon):
    """What was said and done stays, whoever tries."""

    def test_the_log_tells_who_did_what_and_why(self):
        row = self.exclude(number=self.number("612000001"))
        row.with_user(self.manager).action_lift("Signed a new contract")
        row.with_user(self.supervisor_a).action_restore("It was another person")
        self.assertEqual(
            row.log_ids.sorted("id").mapped("what"), ["created", "lifted", "restored"]
        )
        lifted = row.log_ids.filtered(lambda line: line.what == "lifted")
        self.assertEqual(lifted.user_id, self.manager)
        self.assertEqual(lifted.detail, "Signed a new contract")
        self.assertTrue(row.in_force)

    def test_neither_exclusion_nor_log_is_deleted_or_rewritten(self):
        row = self.exclude(number=self.number("612000001"))
        with self.assertRaises(ValidationError):
            row.unlink()
        with self.assertRaises(UserError):
            row.log_ids.unlink()
        with self.assertRaises(UserError):
            row.log_ids.detail = "x"
        for user in (self.agent_a, self.supervisor_a, self.manager):
            logs = self.as_user(self.env["telemarketing.exclusion.log"], user)
            with self.assertRaises(AccessError):
                logs.create({"exclusion_id": row.id, "what": "lifted"})

    def test_what_was_lifted_by_mistake_is_in_force_again_in_the_lists(self):
        anna = self.create_contact("Anna", "612000001")
        row = self.exclude(number=anna.phone_ids.number_id, reason="internal")
        row.action_lift("mistake")
        self.assertEqual(self.states(anna), ["ready"])
        row.action_restore("mistake of the mistake")
        self.assertEqual(self.states(anna), ["excluded"])

    def test_lifting_by_nif_brings_everybody_of_it_back(self):
        anna = self.create_contact("Anna", "612000001", vat="12345678Z")
        same = self.create_contact("A", "612000002", self.database_b, vat="12345678Z")
        row = self.exclude(vat="12345678Z")
        self.assertEqual(self.states(anna, same), ["excluded", "excluded"])
        row.action_lift("mistake")
        self.assertEqual(self.states(anna, same), ["ready", "ready"])

    def test_the_persons_word_everywhere_is_lifted_by_a_manager_with_a_reason(self):
        for reason in ("objection", "request", "robinson"):
            row = self.exclude(number=self.number("612000001"), reason=reason)
            with self.assertRaises(AccessError):
                row.with_user(self.supervisor_a).action_lift("please")
            for nothing in ("", "  ", False, None):
                with self.assertRaises(ValidationError):
                    row.with_user(self.manager).action_lift(nothing)
            row.with_user(self.manager).action_lift("They signed")
            self.assertFalse(row.in_force)

    def test_a_supervisor_lifts_what_binds_only_his_campaign(self):
        row = self.exclude(
            number=self.number("612000001"),
            scope="campaign",
            campaign_id=self.campaign_a.id,
        )
        with self.assertRaises(AccessError):
            row.with_user(self.supervisor_b).action_lift("mine")
        with self.assertRaises(AccessError):
            row.with_user(self.agent_a).action_lift("mine")
        row.with_user(self.supervisor_a).action_lift("Asked for the offer again")
        self.assertFalse(row.in_force)

    def test_the_wizard_lifts_the_whole_reference_and_nothing_out_of_sight(self):
        anna = self.create_contact("Anna", ["612000001", "612000002"])
        rows, _new = self.Exclusion._record_person(
            anna, scope="campaign", campaign_id=self.campaign_a.id, reason="objection"
        )
        self.assertEqual(len(set(rows.mapped("reference"))), 1)
        Wizard = self.env["telemarketing.exclusion.lift"].with_context(
            active_model="telemarketing.exclusion", active_ids=rows[:1].ids
        )
        wizard = Wizard.with_user(self.supervisor_a).create({"reason": "Signed"})
        self.assertEqual(wizard.exclusion_ids, rows)
        wizard.action_lift()
        self.assertFalse(any(rows.mapped("in_force")))
        with self.assertRaises(AccessError):
            self.as_user(
                self.env["telemarketing.exclusion.lift"], self.supervisor_b
            ).create({"reason": "x", "exclusion_ids": [(6, 0, rows.ids)]})


@tagged("post_install", "-at_install")
class TestExclusionScreen(ExclusionCommon):
    """Whoever asks «am I on it?» is found, however they say it."""

    def test_found_by_number_nif_name_and_reference_in_any_form(self):
        anna = self.create_contact("Anna Puig", "612345678", vat="12345678Z")
        rows, _new = self.Exclusion._record_person(
            anna, scope="all", reason="objection"
        )
        by_number = rows.filtered("number_id")
        by_vat = rows.filtered("vat")
        for text, found in (
            ("612 34 56 78", by_number),
            ("+34612345678", by_number),
            ("0034-612-345-678", by_number),
            ("612 345", by_number),
            ("12.345.678-z", rows),
            ("anna pu", rows),
            (rows[0].reference.lower(), rows),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.Exclusion.search([("who", "ilike", text)]), found)
        self.assertTrue(by_vat)

    def test_a_persons_page_shows_all_that_bars_them(self):
        anna = self.create_contact("Anna", "612000001", vat="12345678Z")
        rows = self.exclude(number=self.number("612000001"))
        rows |= self.exclude(vat="12345678Z", reason="request")
        rows |= self.exclude(anna, reason="internal")
        self.exclude(number=self.number("612000002"))
        action = anna.with_user(self.supervisor_a).action_open_exclusions()
        self.assertEqual(self.Exclusion.search(action["domain"]), rows)

    def test_who_gets_an_excluded_nif_later_is_out_of_the_lists(self):
        anna = self.create_contact("Anna", "612000001")
        self.exclude(vat="12345678Z")
        self.assertEqual(anna.target_ids.state, "ready")
        anna.vat = "12345678Z"
        self.assertEqual(self.states(anna), ["excluded"])

    def test_by_hand_numbers_and_nifs_each_get_their_reference(self):
        Add = self.as_user(self.env["telemarketing.exclusion.add"], self.supervisor_a)
        Add.create(
            {"numbers": "612 000 001\n+34 612000002\n12345678Z"}
        ).action_exclude()
        rows = self.Exclusion.search(
            ["|", ("e164", "like", "+3461200000%"), ("vat", "=", "12345678Z")]
        )
        self.assertEqual(len(rows), 3)
        self.assertEqual(len(set(rows.mapped("reference"))), 3)
        # The same again adds nothing.
        Add.create({"numbers": "612000001"}).action_exclude()
        self.assertEqual(
            self.Exclusion.search_count([("e164", "=", "+34612000001")]), 1
        )
        with self.assertRaisesRegex(UserError, "neither telephone numbers nor NIFs"):
            Add.create({"numbers": "hola"}).action_exclude()

    def test_by_hand_nobody_reaches_into_what_he_does_not_see(self):
        dora = self.create_contact("Dora", "612000009", self.database_b)
        Add = self.as_user(self.env["telemarketing.exclusion.add"], self.supervisor_a)
        for values in (
            {"contact_id": dora.id},
            {
                "numbers": "612000001",
                "scope": "campaign",
                "campaign_id": self.campaign_b.id,
            },
            {"numbers": "612000001", "company_id": self.company_b.id},
        ):
            with self.subTest(values=values), self.assertRaises(AccessError):
                Add.create(values).action_exclude()
        with self.assertRaises(AccessError):
            self.as_user(self.env["telemarketing.exclusion.add"], self.agent_a).create(
                {"numbers": "612000001"}
            )


@tagged("post_install", "-at_install")
class TestExclusionReceipt(ExclusionCommon):
    """The person gets the proof that the law gives them, in time."""

    def record(self, contact, **values):
        rows, _new = self.Exclusion._record_person(
            contact, scope="all", reason="objection", channel="call", **values
        )
        return rows

    def test_due_a_month_after_the_local_day(self):
        clock = type(self.env["telemarketing.clock"])
        # 23:30 UTC of 30 January is 31 January in Madrid; February has no 31.
        at = self.now().replace(
            year=2027, month=1, day=30, hour=23, minute=30, second=0
        )
        with patch.object(clock, "_now", lambda self: at):
            row = self.exclude(number=self.number("612000001"))
        self.assertEqual(str(row.receipt_due), "2027-02-28")

    def test_only_who_objected_to_us_is_owed_one(self):
        for place, (reason, channel, due) in enumerate(
            [
                ("objection", "call", True),
                ("request", "mail", True),
                ("objection", "file", False),
                ("robinson", "file", False),
                ("internal", "hand", False),
                ("deceased", "call", False),
            ]
        ):
            row = self.exclude(
                number=self.number(f"61200000{place}"), reason=reason, channel=channel
            )
            self.assertEqual(bool(row.receipt_due), due, (reason, channel))

    def test_the_mail_carries_all_that_the_law_wants(self):
        anna = self.create_contact(
            "Anna", ["612000001", "612000002"], email="anna@example.com"
        )
        rows = self.record(anna)
        late = [("receipt_due", "!=", False), ("receipt_sent_at", "=", False)]
        self.assertEqual(self.Exclusion.search(late) & rows, rows)
        rows[:1].with_user(self.supervisor_a).action_send_receipt()
        mail = rows[0].receipt_mail_id
        self.assertEqual(mail.email_to, "anna@example.com")
        for text in (
            rows[0].reference,
            "612 000 001",
            "612 000 002",
            "listarobinson.es",
            "aepd.es",
            self.company_a.name,
        ):
            self.assertIn(text, f"{mail.subject} {mail.body_html}")
        self.assertFalse(self.Exclusion.search(late) & rows)
        self.assertEqual(set(rows.mapped("receipt_channel")), {"mail"})
        self.assertIn("receipt", rows[0].log_ids.mapped("what"))

    def test_a_mail_that_comes_back_is_seen(self):
        anna = self.create_contact("Anna", "612000001", email="anna@example.com")
        rows = self.record(anna)
        rows.action_send_receipt()
        rows.receipt_mail_id.state = "exception"
        self.assertEqual(
            self.Exclusion.with_user(self.supervisor_a).search(
                [("receipt_failed", "=", True)]
            ),
            rows,
        )

    def test_who_has_only_a_mobile_gets_an_sms_in_spite_of_the_blacklist(self):
        rows = self.record(self.create_contact("Anna", "612000001"))
        self.assertTrue(self.Blacklist.search([("number", "=", "+34612000001")]))
        rows.with_user(self.supervisor_a).action_send_receipt()
        sms = rows.receipt_sms_id
        self.assertEqual(sms.number, "+34612000001")
        self.assertIn(rows.reference, sms.body)
        self.assertIn("aepd.es", sms.body)
        self.assertEqual(sms.state, "outgoing")

    def test_who_has_neither_is_to_be_printed(self):
        rows = self.record(self.create_contact("Anna", "912000001"))
        with self.assertRaisesRegex(UserError, "print"):
            rows.action_send_receipt()
        self.assertFalse(rows.receipt_sent_at)
        rows.action_print_receipt()
        html = self.env["ir.actions.report"]._render_qweb_html(
            "telemarketing_base.report_exclusion_receipt_document", rows.ids
        )[0]
        for text in (rows.reference, "912 000 001", "listarobinson", "aepd"):
            self.assertIn(text, html.decode())
        rows.action_receipt_handed_over()
        self.assertEqual(rows.receipt_channel, "hand")

    def test_nobody_sends_receipts_of_people_out_of_sight(self):
        dora = self.create_contact(
            "Dora", "612000001", self.database_b, email="dora@example.com"
        )
        rows = self.record(dora)
        for user in (self.agent_a, self.supervisor_a, self.supervisor_far):
            for method in (
                "action_send_receipt",
                "action_print_receipt",
                "action_receipt_handed_over",
            ):
                with self.assertRaises(AccessError):
                    getattr(self.as_user(rows, user), method)()
        self.assertFalse(rows.receipt_sent_at)


@tagged("post_install", "-at_install")
class TestExclusionBlacklist(ExclusionCommon):
    """Odoo's blacklist and our exclusions everywhere say the same."""

    def entry(self, number="+34612000001"):
        return self.Blacklist.with_context(active_test=False).search(
            [("number", "=", number)]
        )

    def test_excluded_everywhere_gets_no_sms_either(self):
        row = self.exclude(number=self.number("612000001"))
        self.assertTrue(self.entry().active)
        self.assertIn(row.reference, str(self.entry().message_ids.mapped("body")))
        row.action_lift("mistake")
        self.assertFalse(self.entry().active)
        row.action_restore("no mistake")
        self.assertTrue(self.entry().active)

    def test_narrower_exclusions_leave_odoo_alone(self):
        self.exclude(
            number=self.number("612000001"),
            scope="campaign",
            campaign_id=self.campaign_a.id,
        )
        self.assertFalse(self.entry())

    def test_the_last_lifting_in_all_companies_takes_it_off(self):
        here = self.exclude(number=self.number("612000001"))
        there = self.exclude(
            number=self.number("612000001", self.company_b),
            company_id=self.company_b.id,
        )
        here.action_lift("mistake")
        self.assertTrue(self.entry().active)
        there.action_lift("mistake")
        self.assertFalse(self.entry().active)

    def test_who_opts_out_in_odoo_is_called_by_no_company(self):
        anna = self.create_contact("Anna", "612000001")
        far = self.create_contact("Far", "612000001", self.database_far)
        self.Blacklist.add("+34 612 00 00 01")
        self.assertEqual(self.states(anna, far), ["excluded", "excluded"])
        rows = self.Exclusion.search([("e164", "=", "+34612000001")])
        self.assertLessEqual(self.company_a | self.company_b, rows.company_id)
        self.assertEqual(set(rows.mapped("channel")), {"blacklist"})
        self.Blacklist.remove("+34 612 00 00 01", message="asked to come back")
        self.assertFalse(any(rows.mapped("in_force")))
        self.assertEqual(self.states(anna, far), ["ready", "ready"])
        self.Blacklist.add("+34 612 00 00 01")
        self.assertEqual(self.states(anna, far), ["excluded", "excluded"])

    def test_taking_it_off_there_lifts_no_objection(self):
        number = self.number("612000001")
        kept = self.Exclusion
        for reason in ("objection", "request", "robinson", "deceased", "minor"):
            kept |= self.exclude(number=number, reason=reason)
        ours = self.exclude(number=number, reason="internal")
        self.Blacklist.remove("+34 612 00 00 01")
        self.assertTrue(all(kept.mapped("in_force")))
        self.assertFalse(ours.in_force)
        self.assertIn("unblacklisted", kept[0].log_ids.mapped("what"))
        self.assertFalse(self.entry().active)

    def test_deleting_or_renumbering_there_is_taking_it_off(self):
        for change in (
            lambda: self.entry().unlink(),
            lambda: self.entry().write({"number": "+34612000009"}),
        ):
            self.Blacklist.add("+34 612 00 00 01")
            row = self.Exclusion.search(
                [("e164", "=", "+34612000001"), ("in_force", "=", True)]
            )
            self.assertTrue(row)
            change()
            self.assertFalse(any(row.mapped("in_force")))
        self.assertTrue(
            self.Exclusion.search(
                [("e164", "=", "+34612000009"), ("in_force", "=", True)]
            )
        )

    def test_many_cost_no_chatter_for_each(self):
        numbers = [self.number(f"6120002{n:02}") for n in range(40)]
        rows = [
            {"company_id": self.company_a.id, "number_id": number.id}
            for number in numbers
        ]
        before = self.env["mail.message"].search_count(
            [("model", "=", "phone.blacklist")]
        )
        self.Exclusion.create(rows)
        self.assertEqual(
            self.Blacklist.search_count(
                [("number", "in", [number.e164 for number in numbers])]
            ),
            40,
        )
        after = self.env["mail.message"].search_count(
            [("model", "=", "phone.blacklist")]
        )
        self.assertEqual(before, after)


@tagged("post_install", "-at_install")
class TestObjectionInACall(ExclusionCommon):
    """Any unequivocal no counts at once: in every list, on every desk."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = cls.create_contact(
            "Anna", ["612000001", "612000002"], vat="12345678Z"
        )
        cls.target = cls.anna.target_ids
        cls.target.agent_id = cls.agent_a
        cls.seat, cls.token = cls.open_desk(cls.agent_a, cls.campaign_a)
        cls.never = cls.env.ref("telemarketing_base.disposition_do_not_call_ever")

    def hold(self):
        call = self.seat.get_next(self.token)["call"]
        self.assertEqual(call["target"]["id"], self.target.id)
        return call

    def object(self, uuid=False, **values):
        answer = self.seat.object(self.token, uuid, self.target.id, **values)
        return answer["objection"]

    def dial(self):
        call = self.hold()
        self.seat.dial(
            self.token, "uuid-call-1", self.target.id, call["phones"][0]["id"]
        )

    def test_one_key_bars_the_person_in_every_list_and_gives_a_number(self):
        same_number = self.create_contact("A", "612000002", self.database_other)
        same_nif = self.create_contact(
            "Anna P.", "612000009", self.database_b, vat="12345678Z"
        )
        self.dial()
        said = self.object("uuid-call-1")
        rows = self.Exclusion.search([("reference", "=", said["reference"])])
        self.assertEqual(len(rows), 3, "two numbers and the NIF")
        self.assertEqual(rows.contact_id, self.anna)
        self.assertEqual(rows.interaction_id.uuid, "uuid-call-1")
        self.assertEqual(set(rows.mapped("channel")), {"call"})
        self.assertTrue(all(rows.mapped("receipt_due")))
        self.assertEqual(self.states(same_number, same_nif), ["excluded", "excluded"])
        # The call goes on: the agent still reads the number aloud.
        self.assertEqual(self.states(self.anna), ["talking"])
        answer = self.seat.close_and_get_next(
            self.token, "uuid-call-1", self.target.id, self.never.id, next=False
        )
        self.assertEqual(answer["closed"]["state"], "excluded")
        self.assertEqual(
            self.Exclusion.search_count([("contact_id", "=", self.anna.id)]),
            3,
            "the result records it no second time",
        )

    def test_it_is_committed_before_anything_else(self):
        self.dial()
        order = []
        Desk = type(self.env["telemarketing.desk"])
        Exclusion = type(self.env["telemarketing.exclusion"])
        record, commit, answer = (
            Exclusion._record_person,
            Desk._commit,
            Desk._answer,
        )

        def noted(name, method):
            def wrapper(self, *args, **kwargs):
                order.append(name)
                return method(self, *args, **kwargs)

            return wrapper

        with (
            patch.object(Exclusion, "_record_person", noted("record", record)),
            patch.object(Desk, "_commit", noted("commit", commit)),
            patch.object(Desk, "_answer", noted("answer", answer)),
        ):
            self.object("uuid-call-1")
        self.assertEqual(order, ["record", "commit", "answer"])

    def test_another_agent_about_to_dial_the_same_person_is_refused(self):
        theirs = self.create_contact("A", "612000001", self.database_other)
        other, token = self.open_desk(self.agent_other, self.campaign_other)
        call = other.get_next(token)["call"]
        self.assertEqual(call["target"]["id"], theirs.target_ids.id)
        self.hold()
        self.object()
        answer = other.dial(
            token, "uuid-other-1", theirs.target_ids.id, theirs.phone_ids.id
        )
        self.assertEqual(answer["refused"]["answer"], "never")
        other.release(token, theirs.target_ids.id)
        self.assertEqual(self.states(theirs), ["excluded"])

    def test_said_before_the_dial_it_is_not_dialled(self):
        call = self.hold()
        self.object()
        answer = self.seat.dial(
            self.token, "uuid-call-2", self.target.id, call["phones"][0]["id"]
        )
        self.assertEqual(answer["refused"]["answer"], "never")

    def test_whatever_result_follows_nobody_is_called_again(self):
        self.dial()
        self.object("uuid-call-1")
        again = self.create_disposition("No answer", kind="redial_same")
        self.seat.close_and_get_next(
            self.token, "uuid-call-1", self.target.id, again.id, next=False
        )
        self.assertEqual(self.states(self.anna), ["excluded"])

    def test_the_desk_that_died_after_it_gives_nobody_back_to_the_list(self):
        self.dial()
        self.object("uuid-call-1")
        self.target.leased_until = self.now(minutes=-1)
        self.env["telemarketing.target"]._cron_return_leases()
        self.assertEqual(self.states(self.anna), ["excluded"])

    def test_pressed_twice_it_is_one_objection_with_one_number(self):
        self.hold()
        first, second = self.object(), self.object()
        self.assertEqual(first["reference"], second["reference"])
        self.assertTrue(first["undo_until"])
        self.assertFalse(second["undo_until"])

    def test_a_slip_is_taken_back_and_stays_in_the_log(self):
        same = self.create_contact("A", "612000001", self.database_b)
        self.hold()
        said = self.object()
        self.assertEqual(self.states(same), ["excluded"])
        answer = self.seat.take_back_objection(
            self.token, False, self.target.id, said["reference"]
        )
        self.assertEqual(answer["call"]["may_call"]["answer"], "allowed")
        self.assertEqual(self.states(same), ["ready"])
        rows = self.Exclusion.search([("reference", "=", said["reference"])])
        self.assertFalse(any(rows.mapped("in_force")))
        self.assertEqual(rows.lifted_by_id, self.agent_a)
        for row in rows:
            self.assertEqual(
                row.log_ids.sorted("id").mapped("what"), ["created", "lifted"]
            )
        self.assertFalse(
            self.Blacklist.search([("number", "=", "+34612000001")]),
        )

    def test_it_is_not_taken_back_later_nor_by_others_nor_what_stood_before(self):
        self.hold()
        said = self.object()

        def take_back(**values):
            return self.seat.take_back_objection(
                self.token,
                **{
                    "uuid": False,
                    "target_id": self.target.id,
                    "reference": said["reference"],
                    **values,
                },
            )

        other, token = self.open_desk(self.agent_b, self.campaign_a)
        with self.assertRaises(UserError):
            other.take_back_objection(token, False, self.target.id, said["reference"])
        with self.assertRaises(UserError):
            take_back(target_id=0)
        clock = type(self.env["telemarketing.clock"])
        later = self.now(seconds=31)
        with (
            patch.object(clock, "_now", lambda self: later),
            self.assertRaises(UserError),
        ):
            take_back()
        rows = self.Exclusion.search([("reference", "=", said["reference"])])
        self.assertTrue(all(rows.mapped("in_force")))
        # What a supervisor recorded by hand is no agent's to take back.
        dora = self.exclude(
            self.anna, vat="87654321X", channel="hand", reason="objection"
        )
        with self.assertRaises(UserError):
            take_back(reference=dora.reference)

    def test_an_agent_bars_nobody_who_is_not_on_the_desk(self):
        other = self.create_contact("Eva", "612000077")
        self.hold()
        for target_id in (other.target_ids.id, 0, False):
            with self.assertRaises(UserError):
                self.seat.object(self.token, False, target_id)
        with self.assertRaises(UserError):
            self.object(scope="planet")
        self.assertEqual(other.target_ids.state, "ready")
        self.assertFalse(self.Exclusion.search([("contact_id", "=", self.anna.id)]))
        answer = self.seat.object("token-of-someone", False, self.target.id)
        self.assertTrue(answer["lost_seat"])
        with self.assertRaises(AccessError):
            self.desk(self.plain_user).object(self.token, False, self.target.id)

    def test_only_for_this_client_company_if_the_person_says_so(self):
        elsewhere = self.create_contact("A", "612000001", self.database_b)
        self.hold()
        said = self.object(scope="principal")
        self.assertEqual(said["scope"], "principal")
        self.assertEqual(self.states(elsewhere), ["ready"])
        self.assertEqual(
            self.Exclusion.search([("reference", "=", said["reference"])]).principal_id,
            self.principal_a,
        )

    def test_it_costs_a_bounded_number_of_queries(self):
        self.dial()
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        self.object("uuid-call-1")
        self.env.flush_all()
        self.assertLessEqual(self.env.cr.sql_log_count - before, 70)


@tagged("post_install", "-at_install")
class TestExclusionLoad(ExclusionCommon):
    """A list of half a million that must not be called, from any file, once."""

    def make(self, content, filename="lista.csv", user=None, **values):
        if isinstance(content, str):
            content = content.encode()
        Load = self.env["telemarketing.exclusion.load"]
        return self.as_user(Load, user or self.supervisor_a).create(
            {
                "file": base64.b64encode(content),
                "filename": filename,
                **values,
            }
        )

    def load(self, *args, **values):
        load = self.make(*args, **values)
        load.action_read()
        load.action_load()
        self.env["telemarketing.exclusion.load"]._cron_load()
        self.env.invalidate_all()
        return load

    def of(self, load):
        return self.Exclusion.search([("load_id", "=", load.id)])

    def test_proof_names_who_pressed_load_and_lift_not_who_uploaded(self):
        load = self.make("Teléfono\n612 000 001\n")
        theirs = self.as_user(load, self.manager)
        theirs.action_read()
        theirs.action_load()
        load._cron_load()
        self.env.invalidate_all()
        self.assertEqual(load.state, "done", load.error)
        self.assertEqual(self.of(load).create_uid, self.manager)
        theirs.action_lift("A mistaken file")
        load._cron_load()
        self.env.invalidate_all()
        self.assertEqual(self.of(load).lifted_by_id, self.manager)

    def test_numbers_and_nifs_of_a_file_come_out_of_the_lists(self):
        anna = self.create_contact("Anna", "612000001")
        dora = self.create_contact(
            "Dora", "612000009", self.database_b, vat="12345678Z"
        )
        load = self.load(
            "Teléfono;NIF;Nombre\n"
            "612 000 001;;Anna\n"
            ";12.345.678-Z;Dora\n"
            "0034 612000003 / 612000004;;Eva\n"
            "no tiene;;Nadie\n"
        )
        self.assertEqual((load.state, load.total), ("done", 4))
        self.assertEqual((load.excluded, load.bad), (4, 1))
        self.assertEqual(self.states(anna, dora), ["excluded", "excluded"])
        rows = self.of(load)
        self.assertEqual(
            set(rows.filtered("e164").mapped("e164")),
            {"+34612000001", "+34612000003", "+34612000004"},
        )
        self.assertEqual(rows.filtered("vat").vat, "12345678Z")
        pair = rows.filtered(lambda row: row.e164 in ("+34612000003", "+34612000004"))
        self.assertEqual(len(set(pair.mapped("reference"))), 1, "one row, one person")
        self.assertEqual(len(set(rows.mapped("reference"))), 3)
        self.assertIn("lista.csv", rows[0].source)
        self.assertEqual(rows.log_ids.mapped("what"), ["created"] * 4)
        self.assertTrue(all(rows.mapped("in_force")))
        self.assertEqual(
            self.Blacklist.search_count(
                [("number", "in", rows.filtered("e164").mapped("e164"))]
            ),
            3,
        )

    def test_what_is_neither_comes_back_with_its_reason(self):
        load = self.load("Teléfono;Nombre\n612000001;A\n6120;B\n;C\n")
        self.assertEqual(load.bad, 2)
        text = base64.b64decode(load.returned_file).decode("utf-8-sig")
        lines = text.splitlines()
        self.assertEqual(lines[0], "Teléfono;Nombre;Motivo")
        self.assertEqual(len(lines), 3)
        self.assertTrue(lines[1].startswith("6120;B;"))
        self.assertGreater(len(lines[1]), len("6120;B;") + 5)

    def test_a_list_without_headings_loses_not_its_first_person(self):
        for place, (content, excluded) in enumerate(
            [
                ("612000001\n612000002\n612000003\n", 3),
                ("12345678Z\n87654321X\n", 2),
                ("612000011,12345678Z\n612000012,\n", 3),
            ]
        ):
            load = self.load(content, f"{place}.txt", reason="internal", scope="all")
            with self.subTest(content=content):
                self.assertEqual(load.state, "done", load.error)
                self.assertEqual(load.excluded + load.already, excluded)
                self.assertFalse(load.bad)

    def test_excel_numbers_lose_no_digit(self):
        out = io.BytesIO()
        book = xlsxwriter.Workbook(out)
        sheet = book.add_worksheet("Bajas")
        for row, value in enumerate(["Columna rara", 612000001, "612 000 002", 34]):
            sheet.write(row, 0, value)
        book.close()
        load = self.load(out.getvalue(), "bajas.xlsx")
        self.assertEqual((load.excluded, load.bad), (2, 1))
        self.assertTrue(load.returned_name.endswith(".xlsx"))

    def test_loaded_twice_it_excludes_once(self):
        content = "Teléfono\n612000001\n612000002\n612000001\n"
        first, second = self.load(content), self.load(content)
        self.assertEqual((first.excluded, first.already), (2, 0))
        self.assertEqual((second.excluded, second.already), (0, 2))

    def test_after_a_crash_it_goes_on_where_it_was(self):
        load = self.make("Teléfono\n" + "".join(f"6120003{n:02}\n" for n in range(25)))
        load.action_read()
        load.action_load()
        Load = type(self.env["telemarketing.exclusion.load"])
        count = Load._load_chunk
        chunks = []

        def dying(self, chunk, targets):
            if len(chunks) == 1:
                raise OSError("power cut")
            chunks.append(len(chunk))
            return count(self, chunk, targets)

        module = "odoo.addons.telemarketing_base.models.exclusion_load"
        with (
            patch(f"{module}.CHUNK", 10),
            patch.object(Load, "_load_chunk", dying),
            mute_logger(module),
        ):
            load._cron_load()
        self.env.invalidate_all()
        self.assertEqual((load.state, load.position), ("failed", 10))
        self.assertEqual(load.excluded, 10)
        load.action_load()
        with patch(f"{module}.CHUNK", 10):
            load._cron_load()
        self.env.invalidate_all()
        self.assertEqual((load.state, load.position), ("done", 25))
        self.assertEqual((load.excluded, load.already, load.found), (25, 0, 25))
        self.assertEqual(len(self.of(load)), 25)

    def test_a_chunk_costs_the_same_however_many_rows(self):
        def cost(first, rows):
            load = self.make(
                "Teléfono\n" + "".join(f"61{first + n:07}\n" for n in range(rows))
            )
            load.action_read()
            load.action_load()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            load._cron_load()
            return self.env.cr.sql_log_count - before

        cost(1000, 30)
        self.assertLessEqual(cost(2000, 600), cost(3000, 30) + 5)

    def test_the_preview_counts_and_excludes_nobody(self):
        load = self.make("A;B\nx;612000001\ny;612000002\nz;nada\n")
        load.action_read()
        self.assertEqual(load.column_ids.mapped("target"), [False, "phone"])
        self.assertEqual((load.total, load.found, load.bad), (3, 2, 1))
        self.assertIn("4:", load.bad_sample)
        load.column_ids[1].target = False
        load.action_count()
        self.assertEqual(load.found, 0)
        with self.assertRaises(UserError):
            load.action_load()
        self.assertFalse(self.of(load))

    def test_the_wrong_file_is_lifted_as_a_whole_with_its_reason(self):
        anna = self.create_contact("Anna", "612000001")
        load = self.load("Teléfono\n612000001\n612000002\n")
        self.assertEqual(self.states(anna), ["excluded"])
        Wizard = self.env["telemarketing.exclusion.lift"].with_context(
            active_model=load._name, active_id=load.id, active_ids=load.ids
        )
        refused = Wizard.with_user(self.supervisor_a).create({"reason": "wrong"})
        with self.assertRaises(AccessError):
            refused.action_lift()
        Wizard.with_user(self.manager).create({"reason": "wrong file"}).action_lift()
        load._cron_load()
        self.env.invalidate_all()
        self.assertEqual(load.state, "lifted")
        rows = self.of(load)
        self.assertFalse(any(rows.mapped("in_force")))
        self.assertEqual(set(rows.mapped("lifted_reason")), {"wrong file"})
        self.assertEqual(self.states(anna), ["ready"])
        self.assertFalse(self.Blacklist.search([("number", "like", "+3461200000%")]))

    def test_nobody_reaches_beyond_his_rights_with_a_file(self):
        content = "Teléfono\n612000001\n"
        load = self.make(content)
        load.action_read()
        for values in (
            {"state": "done"},
            {"position": 5},
            {"excluded": 7},
            {"returned_file": "eA=="},
            {"campaign_id": self.campaign_b.id},
        ):
            with self.subTest(values=values), self.assertRaises(AccessError):
                load.write(values)
        for values in (
            {"scope": "campaign", "campaign_id": self.campaign_b.id},
            {"company_id": self.company_b.id},
            {"state": "loading"},
        ):
            with self.subTest(values=values), self.assertRaises(AccessError):
                self.make(content, **values)
        with self.assertRaises(AccessError):
            self.make(content, user=self.agent_a)
        for user in (self.agent_a, self.supervisor_b, self.supervisor_far):
            for method, *args in (
                ("action_read",),
                ("action_count",),
                ("action_load",),
                ("action_stop",),
                ("action_lift", "x"),
            ):
                with self.subTest(user=user.login, method=method):
                    with self.assertRaises(AccessError):
                        getattr(self.as_user(load, user), method)(*args)
        load.action_load()
        with self.assertRaises(UserError):
            load.write({"scope": "campaign", "campaign_id": self.campaign_a.id})
        with self.assertRaises(UserError):
            load.column_ids.write({"target": "vat"})
        with self.assertRaises(UserError):
            load.unlink()

    def test_who_stood_on_odoos_blacklist_before_us_is_not_called(self):
        self.Blacklist.browse()
        self.env.cr.execute(
            "INSERT INTO phone_blacklist (number, active) VALUES ('+34612000055', true)"
        )
        self.Exclusion._take_blacklist()
        anna = self.create_contact("Anna", "612000055")
        self.assertEqual(anna.target_ids.state, "excluded")

    def test_a_new_company_calls_nobody_who_opted_out_of_odoo(self):
        self.Blacklist.add("+34612000001")
        company = self.env["res.company"].create({"name": "Nueva"})
        row = self.Exclusion.search([("company_id", "=", company.id)])
        self.assertEqual(row.e164, "+34612000001")
