from datetime import date, datetime, timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from ..identity.nif import parse_nif
from ..identity.phone import parse_phone
from .common import TelemarketingCommon

IBAN = "ES9121000418450200051332"
# What a call of real life leaves somewhere, and a training must not.
BUSINESS = (
    "res.partner",
    "crm.lead",
    "sale.order",
    "telemarketing.mandate",
    "calendar.event",
    "mail.activity",
    "mail.mail",
    "sms.sms",
    "telemarketing.exclusion",
    "telemarketing.exclusion.log",
    "phone.blacklist",
    "telemarketing.consent",
    "telemarketing.refusal",
    "telemarketing.number",
    "telemarketing.robinson.check",
    "telemarketing.stat.call",
    "telemarketing.stat.call.delta",
    "telemarketing.stat.time",
    "telemarketing.stat.time.delta",
    "telemarketing.booking.guard",
    "utm.campaign",
)


@tagged("post_install", "-at_install")
class TestTraining(TelemarketingCommon):
    """A new agent practises on the real desk; the business never hears of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        none = cls.env["res.partner"]
        cls.payment = cls.env["telemarketing.order.payment"].create(
            {"name": "Direct debit", "kind": "mandate", "company_id": cls.company_a.id}
        )
        cls.training = cls._create_campaign(
            "Practice",
            cls.company_a,
            none,
            cls.supervisor_a,
            cls.agent_a,
            training=True,
            auto_next=False,
            salesperson_ids=[Command.set(cls.salesperson.ids)],
            order_payment_ids=[Command.set(cls.payment.ids)],
        )
        product = cls.env["product.product"].create(
            {"name": "Fibre", "list_price": 40, "taxes_id": False, "type": "service"}
        )
        cls.article = cls.env["telemarketing.campaign.article"].create(
            {
                "campaign_id": cls.training.id,
                "product_id": product.id,
                "price_unit": 40,
            }
        )
        only = {"campaign_ids": [Command.set(cls.training.ids)]}
        cls.mail = cls.env["mail.template"].create(
            {
                "name": "Thank you",
                "model_id": cls.env["ir.model"]._get_id("telemarketing.interaction"),
                "subject": "Thank you",
                "email_to": "x@example.com",
            }
        )
        cls.no_answer = cls.create_disposition("No answer", kind="redial_same", **only)
        cls.call_back = cls.create_disposition(
            "Call back", kind="schedule", outcome="contact", **only
        )
        cls.wrong = cls.create_disposition("Wrong", kind="number_bad", **only)
        cls.sale = cls.create_disposition(
            "Sale",
            kind="none",
            outcome="useful",
            qualifies=True,
            needs_order=True,
            is_conversion=True,
            mail_template_id=cls.mail.id,
            message_purpose="service",
            **only,
        )
        cls.visit = cls.create_disposition(
            "Visit", kind="none", outcome="useful", needs_appointment=True, **only
        )
        cls.never = cls.create_disposition(
            "Never again", kind="exclude", exclusion_scope="all", **only
        )
        cls.as_user(cls.training, cls.supervisor_a).action_fill_training(12)
        cls.people = cls.training.database_ids.contact_ids
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        self.calls = 0
        self.seat, self.token = self.open_desk(self.agent_a, self.training)

    def rows(self):
        """How much there is of all that the business has."""
        self.env.flush_all()
        whole = self.env(context={"active_test": False})
        return {model: whole[model].search_count([]) for model in BUSINESS}

    def dial(self, kind="one"):
        """A call with an invented person of this kind: ``(uuid, target)``."""
        target = self.people.filtered(
            lambda c: c.raw_values["kind"] == kind and c.target_ids.state == "ready"
        )[:1].target_ids
        target.agent_id = self.agent_a
        self.call = self.seat.get_target(self.token, target.id)["call"]
        self.calls += 1
        uuid = f"{self._testMethodName}-{self.calls}"[-60:]
        self.answer = self.seat.dial(
            self.token, uuid, target.id, self.call["target"]["suggested_phone_id"]
        )
        self.assertNotIn("refused", self.answer)
        return uuid, target

    def finish(self, uuid, target, disposition, **payload):
        answer = self.seat.close_and_get_next(
            self.token, uuid, target.id, disposition.id, payload, next=False
        )
        return answer["closed"]

    def order(self, **values):
        return {
            "lines": [{"article_id": self.article.id, "quantity": 3}],
            "payment": self.payment.id,
            "iban": IBAN,
            **values,
        }

    # THE DESK IS THE REAL ONE

    def test_an_agent_practises_a_sale_and_reads_what_it_would_have_done(self):
        before = self.rows()
        uuid, target = self.dial()
        closed = self.finish(uuid, target, self.sale, order=self.order(), notes="ok")
        name = target.contact_id.name
        said = "\n".join(closed["training"])
        self.assertRegex(said, r"order for .*120.* would have been made: 3 × Fibre\.")
        self.assertIn(f"{name} would have become a prospect.", said)
        self.assertIn("“Thank you” would have been sent.", said)
        self.assertFalse(closed["order"])
        self.assertFalse(closed["partner_id"])
        self.assertEqual(target.state, "done")
        self.assertEqual(self.rows(), before)

    def test_a_trainee_sees_the_errors_of_real_life(self):
        uuid, target = self.dial()
        for payload in (
            {"order": self.order(iban="ES00 0000")},
            {"order": self.order(payment=False)},
            {},
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                self.finish(uuid, target, self.sale, **payload)
        with self.assertRaises(UserError), self.cr.savepoint():
            self.finish(uuid, target, self.call_back)
        self.assertEqual(target.state, "talking")

    def test_a_callback_at_midnight_is_refused_as_in_real_life(self):
        uuid, target = self.dial()
        midnight = {"at": "2026-11-25 23:30:00", "mine": True}
        with self.assertRaises(UserError), self.cr.savepoint():
            self.finish(uuid, target, self.call_back, callback=midnight)
        noon = {"at": "2026-11-25 11:00:00", "mine": True}
        self.finish(uuid, target, self.call_back, callback=noon)
        self.assertTrue(target.callback)
        self.assertEqual(target.state, "ready")
        self.assertEqual(target.callback_user_id, self.agent_a)

    def test_retries_come_back_as_in_real_life(self):
        uuid, target = self.dial()
        self.finish(uuid, target, self.no_answer)
        self.assertEqual((target.state, target.attempts), ("ready", 1))
        self.assertGreater(target.next_call_at, self.now())

    def test_a_wrong_number_leads_to_the_next_one(self):
        uuid, target = self.dial("two")
        first, second = target.contact_id.phone_ids
        self.finish(uuid, target, self.wrong)
        self.assertEqual((first.state, second.state), ("bad", "ok"))
        self.assertEqual((target.state, target.phone_id), ("ready", second))

    def test_a_slip_of_the_hand_is_taken_back(self):
        uuid, target = self.dial()
        self.assertTrue(self.finish(uuid, target, self.no_answer)["undo_until"])
        call = self.seat.undo_close(self.token, uuid)["call"]
        self.assertEqual(call["target"]["id"], target.id)
        self.assertEqual(target.state, "talking")

    def test_people_practise_in_the_evening_and_on_sunday(self):
        sunday = datetime(2026, 11, 29, 22, 0)
        clock = self.env.registry["telemarketing.clock"]
        with patch.object(clock, "_now", lambda clock: sunday):
            self.env["telemarketing.target"]._refresh_gate(campaigns=self.training)
            self.assertTrue(all(t.due_at for t in self.people.target_ids))
            self.dial()
            self.assertEqual(self.answer["may_call"]["answer"], "allowed")

    def test_in_bulk_too(self):
        """The queue in the background answers as the request does."""
        gate = self.env["telemarketing.gate"]
        late = datetime(2026, 11, 29, 22, 0)
        where = SQL("t.campaign_id = %s", self.training.id)
        gate._refresh_many(self.company_a, where, late)
        self.env.invalidate_all()
        self.assertFalse([t for t in self.people.target_ids if not t.due_at])
        self.assertFalse(any(self.people.target_ids.mapped("callable_code")))

    def test_the_hours_of_real_people_do_not_move(self):
        real = self.create_contact("Ana", "612345678").target_ids
        gate = self.env["telemarketing.gate"]
        for facts, verdict in gate._ask(real, datetime(2026, 11, 29, 22)).values():
            self.assertFalse(facts.training)
            self.assertFalse(verdict.allowed)

    # NOBODY IS CALLED

    def test_no_number_is_dialled(self):
        self.dial()
        self.assertEqual(self.answer["telephony"], {"action": "pretend"})
        self.assertNotIn("tel:", str(self.answer))
        opened = self.seat.open_desk(self.token)
        self.assertTrue(opened["campaign"]["training"])
        self.assertEqual(
            opened["telephony"],
            {"provider": "training", "capabilities": ["dial", "hangup"]},
        )

    def test_no_number_is_dialled_whatever_telephone_a_module_brings(self):
        telephony = self.env.registry["telemarketing.telephony"]
        with (
            patch.object(telephony, "_provider", lambda self, user, campaign: "manual"),
            patch.object(telephony, "_dial_manual", self.fail),
        ):
            self.dial()
        self.assertEqual(self.answer["telephony"], {"action": "pretend"})

    def test_hanging_up_works(self):
        uuid, target = self.dial()
        self.seat.control(self.token, uuid, "hangup")
        self.assertEqual(target.state, "wrap_up")

    def test_the_numbers_are_nobodys(self):
        for phone in self.people.phone_ids:
            self.assertIsNone(parse_phone(phone.e164), phone.e164)
            self.assertIsNone(parse_phone(phone.raw), phone.raw)
            self.assertFalse(phone.number_id)

    # NOTHING REACHES THE BUSINESS

    def test_no_appointment_is_booked_and_nobodys_calendar_is_held(self):
        before = self.rows()
        uuid, target = self.dial()
        day = date(2026, 11, 26)
        offer = self.seat.slots(self.token, target.id, day.isoformat(), 60, "call")
        person = next(p for p in offer["people"] if p["slots"])
        wanted = {
            "user_id": person["id"],
            "start": person["slots"][0],
            "minutes": 60,
            "kind": "call",
        }
        late = {**wanted, "start": "2026-11-26 03:00:00"}
        with self.assertRaises(UserError), self.cr.savepoint():
            self.finish(uuid, target, self.visit, appointment=late)
        closed = self.finish(uuid, target, self.visit, appointment=wanted)
        self.assertFalse(closed["appointment"])
        self.assertIn("would have an appointment", "\n".join(closed["training"]))
        self.assertEqual(self.rows(), before)

    def test_a_price_leaves_nothing(self):
        before = self.rows()
        _uuid, target = self.dial()
        lines = [{"article_id": self.article.id, "quantity": 2}]
        answer = self.seat.price_order(self.token, target.id, lines)
        self.assertEqual(answer["total"], 80)
        self.assertEqual(self.rows(), before)

    def test_a_no_excludes_nobody_and_closes_the_invented_person(self):
        before = self.rows()
        uuid, target = self.dial("objects")
        objection = self.seat.object(self.token, uuid, target.id)["objection"]
        self.assertTrue(objection["reference"])
        self.assertTrue(objection["undo_until"])
        self.seat.take_back_objection(
            self.token, uuid, target.id, objection["reference"]
        )
        self.assertFalse(target.training_objection)
        self.seat.object(self.token, uuid, target.id)
        closed = self.finish(uuid, target, self.no_answer)
        self.assertIn("would never be called again", "\n".join(closed["training"]))
        self.assertEqual(target.state, "excluded")
        uuid, target = self.dial()
        closed = self.finish(uuid, target, self.never)
        self.assertIn("would never be called again", "\n".join(closed["training"]))
        self.assertEqual(target.state, "excluded")
        self.assertEqual(self.rows(), before)

    def test_no_consent_is_written_down_or_taken_back(self):
        before = self.rows()
        uuid, target = self.dial()
        text = self.env["telemarketing.consent.text"].create(
            {"name": "Calls", "version": "3", "body": "May {advertiser} call you?"}
        )
        for given, state in ((True, "valid"), (False, "none")):
            consent = self.seat.record_consent(
                self.token, uuid, target.id, ["call"], given, text.id
            )["consent"]
            self.assertEqual((consent["state"], consent["ask"]), (state, False))
        answer = self.seat.withdraw_consent(self.token, uuid, target.id)
        self.assertEqual(answer["consent"]["state"], "withdrawn")
        self.assertEqual(self.rows(), before)

    def test_what_would_be_real_is_answered_kindly(self):
        before = self.rows()
        _uuid, target = self.dial()
        note = {"kind": "note", "title": "x", "at": "2026-11-25 10:00:00"}
        for call in (
            lambda: self.seat.add_phone(self.token, target.id, "612345678"),
            lambda: self.seat.new_contact(
                self.token, {"name": "Ana", "phones": ["612345678"]}
            ),
            lambda: self.seat.add_agenda(self.token, note),
        ):
            with self.assertRaisesRegex(UserError, "training"), self.cr.savepoint():
                call()
        self.assertEqual(self.rows(), before)
        self.assertFalse(
            self.env["telemarketing.contact"].search([("name", "=", "Ana")])
        )

    def test_a_callback_takes_no_real_number(self):
        uuid, target = self.dial()
        callback = {"at": "2026-11-25 11:00:00", "number": "612345678"}
        with self.assertRaisesRegex(UserError, "training"), self.cr.savepoint():
            self.finish(uuid, target, self.call_back, callback=callback)

    def test_the_numbers_of_the_person_can_be_put_in_order(self):
        before = self.rows()
        _uuid, target = self.dial("two")
        first, second = target.contact_id.phone_ids
        self.seat.order_phones(self.token, target.id, [second.id, first.id])
        answer = self.seat.mark_phone(self.token, target.id, second.id, True)
        self.assertEqual(answer["suggested_phone_id"], first.id)
        self.assertEqual(self.rows(), before)

    def test_a_call_that_comes_in_keeps_no_real_number(self):
        before = self.rows()
        target = self.people[0].target_ids
        target.agent_id = self.agent_a
        self.seat.receive_call(self.token, "comes-in-1", target.id, "612345678")
        call = target.interaction_id
        self.assertEqual(call.direction, "in")
        self.assertFalse(call.e164)
        self.assertEqual(self.rows(), before)

    def test_an_agents_day_counts_no_practice(self):
        before = self.seat.open_desk(self.token)["figures"]
        uuid, target = self.dial()
        self.finish(uuid, target, self.sale, order=self.order())
        self.assertEqual(self.seat.open_desk(self.token)["figures"], before)
        since = self.now(hours=-2)
        self.assertEqual(
            self.env["telemarketing.stat.call"]._rebuild(since, self.now(hours=2)), 0
        )

    def test_the_history_of_calls_leaves_practice_out(self):
        uuid, target = self.dial()
        self.finish(uuid, target, self.no_answer)
        call = self.env["telemarketing.interaction"].search([("uuid", "=", uuid)])
        self.assertTrue(call.training)
        for name in ("", "_log", "_mine"):
            action = self.env.ref(
                f"telemarketing_base.action_telemarketing_interaction{name}"
            )
            self.assertIn("('training', '=', False)", action.domain)
        action = self.as_user(
            self.training, self.supervisor_a
        ).action_view_training_calls()
        calls = self.as_user(call, self.supervisor_a).search(action["domain"])
        self.assertEqual(calls, call)

    def test_retention_normalising_and_duplicates_pass_them_over(self):
        self.env.cr.execute(
            "UPDATE telemarketing_contact SET create_date = '2000-01-01' WHERE id ="
            " ANY(%s)",
            [self.people.ids],
        )
        for target in self.people.target_ids:
            target.state = "done"
        self.env.cr.execute(
            "UPDATE telemarketing_target SET create_date = '2000-01-01' WHERE id ="
            " ANY(%s)",
            [self.people.target_ids.ids],
        )
        for kind in ("raw_row", "person_closed"):
            rule = self.env["telemarketing.retention.rule"].search(
                [("company_id", "=", self.company_a.id), ("kind", "=", kind)], limit=1
            ) or self.env["telemarketing.retention.rule"].new(
                {"company_id": self.company_a.id, "kind": kind}
            )
            query = getattr(rule, f"_due_{kind}")(self.now(), self.now())
            due = {row[0] for row in self.env.execute_query(query)}
            self.assertFalse(due & set(self.people.ids), kind)
        run = self.env["telemarketing.normalise"].create(
            {"company_id": self.company_a.id}
        )
        domain = dict(run._domains())["telemarketing.contact"]
        self.assertFalse(self.people.search(domain) & self.people)
        search = self.env["telemarketing.duplicate.search"].create(
            {"company_id": self.company_a.id, "what": "contacts"}
        )
        found = self.env.execute_query(SQL("SELECT p.id FROM %s", search._from()))
        self.assertFalse({row[0] for row in found} & set(self.people.ids))
        pair = self.people[:2]
        with self.assertRaises(UserError):
            self.env["telemarketing.merge"]._check_rights(pair)

    def test_practice_is_no_evidence(self):
        uuid, target = self.dial()
        self.finish(uuid, target, self.no_answer)
        call = self.env["telemarketing.interaction"].search([("uuid", "=", uuid)])
        report = self.env["report.telemarketing_base.report_evidence"]
        with self.assertRaises(UserError):
            self.as_user(report, self.manager)._get_report_values(call.ids)
        asked = self.env["telemarketing.evidence.file"].create(
            {
                "campaign_id": self.training.id,
                "date_from": "2026-11-01",
                "date_to": "2026-11-30",
            }
        )
        self.assertEqual(asked._calls("count(*)")[0][0], 0)

    def test_callbacks_of_practice_do_not_call_away_from_work(self):
        uuid, target = self.dial()
        noon = {"at": "2026-11-24 11:00:00", "mine": True}
        self.finish(uuid, target, self.call_back, callback=noon)
        ids = [c["target_id"] for c in self.seat.callbacks(self.token)]
        self.assertIn(target.id, ids)
        answer = self.seat.choose_campaign(self.token, self.campaign_a.id)
        self.assertFalse(answer["callbacks"])
        self.assertFalse(self.seat.callbacks(self.token))

    # INVENTED PEOPLE AND REAL ONES

    def test_an_invented_person_is_found_by_no_nif_mail_or_number(self):
        invented = self.people[0]
        nif = invented.raw_values["vat"]
        self.assertTrue(parse_nif(nif))
        self.dial()
        shown = self.call["contact"]
        self.assertTrue(parse_nif(shown["vat"]))
        self.assertTrue(shown["email"].endswith("@example.com"))
        self.assertFalse(invented.vat or invented.email or invented.phone_ids.number_id)
        real = self.create_contact("Real", "612345678", self.database_own, vat=nif)
        self.assertFalse(real.same_people)
        privacy = self.env["telemarketing.privacy"]
        key = privacy._key([], nif, invented.raw_values["email"], invented.name)
        people, _partners = privacy._people(key, self.company_a)
        self.assertEqual(people, real)

    def test_a_file_with_the_same_nif_name_and_mail_repeats_nobody(self):
        invented = self.people[0]
        job = self.env["telemarketing.import"].create(
            {
                "database_id": self.database_own.id,
                "campaign_id": self.campaign_own.id,
                "filename": "people.csv",
                "file": self._csv(invented),
            }
        )
        job.action_read()
        job.action_load()
        job.sudo()._load()
        self.env.invalidate_all()
        self.assertFalse(job.row_ids.mapped("reason"))
        self.assertEqual((job.state, job.error), ("done", False))
        loaded = self.env["telemarketing.contact"].search([("import_id", "=", job.id)])
        self.assertEqual(loaded.mapped("vat"), [invented.raw_values["vat"]])
        self.assertEqual(loaded.database_id, self.database_own)

    def _csv(self, contact):
        import base64

        values = contact.raw_values
        text = "Nombre;NIF;Teléfono;Email;Dirección\n"
        text += f"{contact.name};{values['vat']};612345678;{values['email']};Calle 1\n"
        return base64.b64encode(text.encode())

    def test_invented_people_stay_in_training(self):
        invented = self.people[0]
        real = self.create_contact("Real", "612345678", self.database_own)
        Target = self.env["telemarketing.target"]
        with self.assertRaises(ValidationError), self.cr.savepoint():
            Target.create(
                {"contact_id": invented.id, "campaign_id": self.campaign_own.id}
            )
        with self.assertRaises(ValidationError), self.cr.savepoint():
            Target.create({"contact_id": real.id, "campaign_id": self.training.id})
        with self.assertRaises(UserError), self.cr.savepoint():
            invented.database_id = self.database_own
        with self.assertRaises(UserError), self.cr.savepoint():
            real.database_id = self.training.database_ids
        with self.assertRaises(UserError), self.cr.savepoint():
            self.create_contact("Real", "612345679", self.training.database_ids)
        with self.assertRaises(UserError), self.cr.savepoint():
            invented.phone_ids[0].raw = "612345678"
        with self.assertRaises(UserError), self.cr.savepoint():
            invented.vat = "12345678Z"
        with self.assertRaises(UserError), self.cr.savepoint():
            self.env["telemarketing.import"].create(
                {
                    "database_id": self.training.database_ids.id,
                    "campaign_id": self.training.id,
                    "filename": "people.csv",
                    "file": self._csv(invented),
                }
            )

    def test_an_invented_person_is_excluded_or_consented_by_nobody(self):
        invented = self.people[0]
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self.env["telemarketing.exclusion"]._record_person(
                invented, scope="all", reason="objection", channel="hand"
            )
        with self.assertRaises(UserError), self.cr.savepoint():
            self.env["telemarketing.erasure"].create(
                {"contact_ids": [Command.set(invented.ids)], "reach": "all"}
            )
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self.env["telemarketing.consent"].create(
                {
                    "contact_id": invented.id,
                    "purpose": "call",
                    "given_at": self.now(),
                    "channel": "paper",
                }
            )

    # THE CAMPAIGN

    def test_a_training_needs_no_law_and_no_client_company(self):
        self.assertEqual(self.training._compliance_findings(), [])
        self.assertFalse(self.training.utm_campaign_id)
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self._create_campaign(
                "Of A",
                self.company_a,
                self.principal_a,
                self.supervisor_a,
                self.agent_a,
                training=True,
            )
        seen = self.env["telemarketing.campaign"].with_user(self.portal_a).search([])
        self.assertNotIn(self.training, seen)

    def test_a_training_is_not_one_of_the_campaigns_that_pro_runs(self):
        require = "_telemarketing_require"
        with patch.object(type(self.company_a), require, side_effect=UserError("no")):
            self._create_campaign(
                "Practice 2",
                self.company_a,
                self.env["res.partner"],
                self.supervisor_a,
                self.agent_a,
                training=True,
            )
        company = self.env["res.company"].create({"name": "Small"})
        values = {"company_id": company.id, "state": "running"}
        Campaign = self.env["telemarketing.campaign"]
        Campaign.create({"name": "Practice", "training": True, **values})
        with patch.object(type(company), require, side_effect=UserError("no")):
            Campaign.create({"name": "Real", **values})

    def test_what_is_real_never_becomes_training_nor_back(self):
        for campaign, training in ((self.training, False), (self.campaign_a, True)):
            with self.assertRaises(UserError), self.cr.savepoint():
                campaign.training = training
        draft = self.env["telemarketing.campaign"].create({"name": "New"})
        draft.training = True
        draft.training = False

    def test_filling_again_adds_only_who_is_missing(self):
        campaign = self.as_user(self.training, self.supervisor_a)
        campaign.action_fill_training(12)
        self.assertEqual(campaign.contact_count, 12)
        uuid, target = self.dial()
        self.finish(uuid, target, self.never)
        campaign.action_fill_training(12)
        contacts = self.training.database_ids.contact_ids
        self.assertEqual(len(contacts), 13)
        self.assertEqual(len(set(contacts.phone_ids.mapped("e164"))), 15)
        self.assertEqual(
            {c.raw_values["kind"] for c in contacts},
            {"one", "firm", "two", "callback", "objects", "canary"},
        )
        canary = contacts.filtered(lambda c: c.raw_values["kind"] == "canary")
        self.assertEqual(set(canary.mapped("tz")), {"Atlantic/Canary"})
        waiting = contacts.filtered(lambda c: c.raw_values["kind"] == "callback")
        self.assertTrue(all(waiting.target_ids.mapped("callback")))
        self.assertLessEqual(max(waiting.target_ids.mapped("due_at")), self.now())
        for words in contacts.mapped("note"):
            self.assertTrue(words)

    def test_starting_again_makes_everybody_fresh(self):
        uuid, target = self.dial("two")
        self.finish(uuid, target, self.wrong)
        uuid, excluded = self.dial()
        self.finish(uuid, excluded, self.never)
        self.as_user(self.training, self.supervisor_a).action_restart_training()
        for each in (target, excluded):
            self.assertEqual((each.state, each.attempts), ("ready", 0))
            self.assertFalse(each.contacted or each.last_result_at or each.phone_id)
            self.assertTrue(each.due_at)
        self.assertEqual(set(target.contact_id.phone_ids.mapped("state")), {"ok"})

    def test_nobody_says_by_hand_that_real_people_are_invented(self):
        database = self.as_user(self.database_own, self.supervisor_a)
        with self.assertRaises(AccessError), self.cr.savepoint():
            database.training = True
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.as_user(database, self.supervisor_a).create(
                {
                    "name": "x",
                    "campaign_id": self.campaign_own.id,
                    "training": True,
                }
            )
        with self.assertRaises(UserError), self.cr.savepoint():
            self.training.database_ids._start_emptying(True)

    def test_only_who_administers_it_makes_its_people(self):
        for user in (self.agent_a, self.salesperson, self.supervisor_b):
            campaign = self.as_user(self.training, user)
            for act in (
                campaign.action_fill_training,
                campaign.action_restart_training,
                campaign.action_empty_training,
            ):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    act()
        with self.assertRaises(UserError):
            self.as_user(self.campaign_a, self.supervisor_a).action_fill_training()
        with self.assertRaises(UserError):
            self.as_user(self.training, self.supervisor_a).action_fill_training(10**6)

    def test_everything_of_it_is_deleted_by_a_button_or_a_month_after(self):
        uuid, target = self.dial()
        self.finish(uuid, target, self.no_answer)
        campaign = self.as_user(self.training, self.supervisor_a)
        with self.assertRaises(UserError), self.cr.savepoint():
            campaign.action_empty_training()
        campaign.action_close()
        self.training._gc_training()
        self.assertTrue(self.training.database_ids)
        clock = self.env.registry["telemarketing.clock"]
        later = self.now(days=31)
        with patch.object(clock, "_now", lambda clock: later):
            self.training._gc_training()
        self.env.flush_all()
        left = self.env(context={"active_test": False})
        for model in ("target", "interaction", "database"):
            found = left[f"telemarketing.{model}"].search(
                [("campaign_id", "=", self.training.id)]
            )
            self.assertFalse(found, model)
        self.assertFalse(self.people.exists())
        self.assertFalse(
            self.env["telemarketing.contact.phone"].search(
                [("e164", "=like", "+34200%")]
            )
        )

    def test_real_calls_are_not_deleted_by_the_same_door(self):
        real = self.create_contact("Ana", "612345678")
        real.target_ids.agent_id = self.agent_b
        seat, token = self.open_desk(self.agent_b, self.campaign_a)
        call = seat.get_next(token)["call"]
        seat.dial(token, "real-call-1", call["target"]["id"], real.phone_ids.id)
        interaction = self.env["telemarketing.interaction"].search(
            [("uuid", "=", "real-call-1")]
        )
        self.assertFalse(interaction.training)
        with self.assertRaises(UserError), self.cr.savepoint():
            interaction.unlink()
        self.assertEqual(interaction.number_id.attempts, 1)
        self.assertEqual(interaction.started_at, interaction.number_id.last_attempt_at)
        self.assertLess(self.now() - interaction.started_at, timedelta(minutes=5))
