import random
from datetime import date, timedelta

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..compliance import Consent, effective_consent
from ..identity.phone import format_phone
from .common import TelemarketingCommon


@tagged("post_install", "-at_install", "telemarketing_consent")
class TestConsents(TelemarketingCommon):
    """What a centre would lose if its ledger of consents could not be believed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Nothing stated for the file: only the ledger speaks.
        cls.plain = cls._create_database(
            cls.campaign_a,
            "Plain",
            legal_basis=False,
            basis_date=False,
            basis_source=False,
        )
        cls.anna = cls.create_contact("Anna", "612400001", cls.plain)
        cls.text = cls.env["telemarketing.consent.text"].create(
            {"name": "Calls", "version": "3", "body": "May {advertiser} call you?"}
        )

    def day(self, **delta):
        return (self.now() + timedelta(**delta)).date()

    def give(self, contact=None, days=0, **values):
        contact = self.anna if contact is None else contact
        return self.env["telemarketing.consent"].create(
            {
                "contact_id": contact.id,
                "given_at": self.now(days=-days),
                **values,
            }
        )

    def withdraw(self, consents, user=None, **values):
        wizard = self.env["telemarketing.consent.withdraw"].with_user(
            user or self.supervisor_a
        )
        wizard.create(
            {"consent_ids": [Command.set(consents.ids)], **values}
        ).action_withdraw()

    # who is reached

    def test_a_consent_counts_from_the_day_in_spain_on_which_it_was_given(self):
        # 23:30 of the 9th in UTC is the 10th in Madrid.
        self.give(given_at="2026-02-09 23:30:00")
        self.assertEqual(self.anna.consented_on, date(2026, 2, 10))
        self.assertFalse(self.anna.robot_consented_on)

    def test_last_consent_counts_and_a_later_withdrawal_takes_all_back(self):
        old, new = self.give(days=400), self.give(days=20)
        self.assertEqual(self.anna.consented_on, self.day(days=-20))
        self.withdraw(new, at=self.now(hours=-1))
        self.assertFalse(self.anna.consented_on)
        self.assertFalse(old.withdrawn_at)
        self.give()
        self.assertEqual(self.anna.consented_on, self.day())

    def test_withdrawing_an_old_consent_does_not_take_back_a_later_one(self):
        old = self.give(days=400)
        self.give(days=20)
        self.withdraw(old, at=self.now(days=-100))
        self.assertEqual(self.anna.consented_on, self.day(days=-20))

    def test_robots_need_their_own_consent(self):
        self.give(purpose="robot", days=3)
        self.assertFalse(self.anna.consented_on)
        self.assertEqual(self.anna.robot_consented_on, self.day(days=-3))

    def test_consents_to_mail_open_no_telephone(self):
        for purpose in ("email", "sms", "recording"):
            self.give(purpose=purpose)
        self.assertFalse(self.anna.consented_on)

    def test_consents_never_cross_advertisers_or_companies(self):
        twins = [
            self.create_contact("Anna", "612400001", database)
            for database in (
                self._create_database(
                    self.campaign_b, "B", legal_basis=False, basis_date=False
                ),
                self._create_database(
                    self.campaign_far, "Far", legal_basis=False, basis_date=False
                ),
                self._create_database(
                    self.campaign_own, "Own", legal_basis=False, basis_date=False
                ),
            )
        ]
        number = self.anna.phone_ids.number_id
        self.env["telemarketing.consent"].create(
            {
                "number_id": number.id,
                "principal_id": self.principal_a.id,
                "company_id": self.company_a.id,
                "given_at": self.now(),
            }
        )
        self.assertEqual(self.anna.consented_on, self.day())
        for twin in twins:
            self.assertFalse(twin.consented_on)
        with self.assertRaises(ValidationError):
            self.give(principal_id=self.principal_b.id)

    def test_a_partners_consent_reaches_whoever_was_qualified_as_that_partner(self):
        partner = self.env["res.partner"].create({"name": "Anna"})
        self.anna.partner_id = partner
        consent = self.env["telemarketing.consent"].create(
            {
                "partner_id": partner.id,
                "principal_id": self.principal_a.id,
                "given_at": self.now(days=-5),
            }
        )
        self.assertEqual(self.anna.consented_on, self.day(days=-5))
        late = self.create_contact("Anna L.", "612400055", self.plain)
        self.assertFalse(late.consented_on)
        late.partner_id = partner
        self.assertEqual(late.consented_on, self.day(days=-5))
        self.withdraw(consent, self.manager)
        self.assertFalse(late.consented_on)
        self.assertFalse(self.anna.consented_on)

    def test_one_persons_yes_is_not_that_of_who_shares_the_telephone(self):
        berta = self.create_contact("Berta", "612400001", self.plain)
        number = self.anna.phone_ids.number_id
        consent = self.give(number_id=number.id)
        self.assertFalse(berta.consented_on)
        self.give(berta, days=2)
        self.assertTrue(berta.consented_on)
        # In doubt a withdrawal is believed for both.
        self.withdraw(consent)
        self.assertFalse(berta.consented_on)

    def test_a_number_given_later_brings_its_consent(self):
        number = self.anna.phone_ids.number_id
        self.env["telemarketing.consent"].create(
            {
                "number_id": number.id,
                "principal_id": self.principal_a.id,
                "given_at": self.now(),
            }
        )
        berta = self.create_contact("Berta", "612400002", self.plain)
        self.assertFalse(berta.consented_on)
        berta.phone_ids = [Command.create({"raw": "612400001"})]
        self.assertEqual(berta.consented_on, self.day())
        berta.phone_ids[-1].state = "bad"
        self.assertFalse(berta.consented_on)

    def test_a_file_that_states_consent_states_it_for_everybody_in_it(self):
        self.assertFalse(self.anna.consented_on)
        self.plain.write(
            {
                "legal_basis": "consent",
                "basis_date": "2026-03-02",
                "basis_source": "Spring fair",
            }
        )
        self.assertEqual(self.anna.consented_on, date(2026, 3, 2))
        late = self.create_contact("Late", "612400003", self.plain)
        self.assertEqual(late.consented_on, date(2026, 3, 2))
        self.plain.legal_basis = "client"
        self.assertFalse(self.anna.consented_on)

    def test_own_basis_of_a_person_wins_over_the_files(self):
        self.plain.write(
            {
                "legal_basis": "consent",
                "basis_date": "2026-03-02",
                "basis_source": "Spring fair",
            }
        )
        self.anna.legal_basis = "client"
        self.assertFalse(self.anna.consented_on)
        self.anna.write({"legal_basis": "consent", "basis_date": "2026-05-01"})
        self.assertEqual(self.anna.consented_on, date(2026, 5, 1))

    def test_who_withdraws_is_not_brought_back_by_the_file(self):
        contact = self.create_contact("Carla", "612400004")
        self.assertTrue(contact.consented_on)
        self.env["telemarketing.consent"].create(
            {
                "contact_id": contact.id,
                "withdrawn_at": self.now(),
                "withdrawal_channel": "call",
            }
        )
        self.assertFalse(contact.consented_on)
        self.database_a.basis_source = "Another fair"
        # Whatever date a file states: of the person's own words only later ones count.
        self.database_a.basis_date = self.day()
        contact.write({"legal_basis": "consent", "basis_date": self.day()})
        self.assertFalse(contact.consented_on)
        with freeze_time(self.now(days=2)):
            self.database_a.basis_date = self.day()
            self.env["telemarketing.consent"].create(
                {"database_id": self.database_a.id, "given_at": self.now()}
            )
            self.assertFalse(contact.consented_on)
            self.give(contact)
            self.assertEqual(contact.consented_on, self.day())

    def withdrawn_once(self):
        """Who consented in a row of her own, and took it back."""
        self.anna.vat = "12345678Z"
        self.withdraw(self.give(days=20), no_more_calls=False)

    def test_who_withdraws_is_not_called_as_the_twin_of_another_file(self):
        other = self.create_database("Other", basis_date=self.day(days=-3))
        same_number = self.create_contact("Ana", "612400001", other)
        same_nif = self.create_contact("A. B.", "612400056", other, vat="12345678Z")
        nobody = self.create_contact("Berta", "612400057", other)
        own = self.create_database("B", self.campaign_b)
        elsewhere = self.create_contact("Ana", "612400001", own, vat="12345678Z")
        everybody = same_number | same_nif | nobody | elsewhere
        self.assertTrue(all(everybody.mapped("consented_on")))
        self.withdrawn_once()
        self.assertFalse(same_number.consented_on)
        self.assertFalse(same_nif.consented_on)
        self.assertTrue(nobody.consented_on)
        # Another advertiser's consent is another matter.
        self.assertTrue(elsewhere.consented_on)

    def test_who_withdrew_is_not_brought_back_by_loading_the_number_again(self):
        self.withdrawn_once()
        again = self.create_database("Again", basis_date=self.day(days=-400))
        number = self.create_contact("Ana", "612400001", again)
        nif = self.create_contact("A. B.", "612400056", again, vat="12345678Z")
        late = self.create_contact("A. B.", "612400058", again)
        # As an import writes it: the row's own date, older than the withdrawal.
        self.give(number, days=30)
        self.assertFalse(number.consented_on)
        self.assertFalse(nif.consented_on)
        self.assertTrue(late.consented_on)
        late.vat = "12345678Z"
        self.assertFalse(late.consented_on)

    def test_a_nif_made_up_for_many_takes_back_nobody_elses_consent(self):
        other = self.create_database("Other")
        for place in range(6):
            twin = self.create_contact(
                f"P{place}", f"61240006{place}", other, vat="12345678Z"
            )
        self.withdrawn_once()
        self.assertTrue(twin.consented_on)

    def test_who_takes_the_consent_to_calls_back_objects_to_them(self):
        self.anna.write({"vat": "12345678Z", "legal_basis": "client"})
        self.withdraw(self.give(days=20), channel="paper", reason="A letter")
        barred = self.exclusions(self.anna)
        self.assertEqual(
            sorted(barred.mapped("who")), ["12345678Z", format_phone("+34612400001")]
        )
        self.assertEqual(len(set(barred.mapped("reference"))), 1)
        self.assertEqual(
            {(b.reason, b.scope, b.principal_id, b.channel) for b in barred},
            {("objection", "principal", self.principal_a, "hand")},
        )
        self.assertTrue(all(barred.mapped("receipt_due")))
        # No ground is left: not even that of a client.
        answers = self.anna.target_ids._may_call_each(self.anna.phone_ids, self.now())
        self.assertEqual(answers[self.anna.phone_ids]["answer"], "never")
        self.assertEqual(self.anna.target_ids.state, "excluded")

    def test_withdrawing_something_else_or_before_a_later_yes_bars_no_calls(self):
        self.withdraw(self.give(purpose="sms", days=3))
        old = self.give(days=400)
        self.give(days=20)
        self.withdraw(old, at=self.now(days=-100))
        self.assertFalse(self.exclusions(self.anna))
        self.assertTrue(self.anna.consented_on)
        self.withdraw(self.give(days=1), no_more_calls=False)
        self.assertFalse(self.exclusions(self.anna))

    def test_a_withdrawal_of_a_number_or_a_client_bars_them_not_a_whole_file(self):
        partner = self.env["res.partner"].create(
            {"name": "Carla", "phone": "612400071", "vat": "ES12345678Z"}
        )
        towards = {"principal_id": self.principal_a.id, "given_at": self.now(days=-3)}
        consents = self.env["telemarketing.consent"].create(
            [
                {"number_id": self.anna.phone_ids.number_id.id, **towards},
                {"partner_id": partner.id, **towards},
                {"database_id": self.plain.id, **towards},
            ]
        )
        before = self.env["telemarketing.exclusion"].search([])
        self.withdraw(consents, self.manager)
        barred = self.env["telemarketing.exclusion"].search([]) - before
        self.assertEqual(
            sorted(barred.mapped("who")),
            sorted(
                [
                    "12345678Z",
                    format_phone("+34612400001"),
                    format_phone("+34612400071"),
                ]
            ),
        )

    def exclusions(self, contact):
        return self.env["telemarketing.exclusion"].search(
            [("contact_id", "=", contact.id)]
        )

    def create_database(self, name, campaign=None, **values):
        return self._create_database(campaign or self.campaign_a, name, **values)

    def test_a_consent_is_somebodys_and_of_one_person_or_of_a_whole_file(self):
        towards = {"principal_id": self.principal_a.id, "given_at": self.now()}
        number = self.anna.phone_ids.number_id.id
        for whose in ({}, {"number_id": number, "database_id": self.plain.id}):
            with self.subTest(whose), self.assertRaises(ValidationError):
                self.env["telemarketing.consent"].create({**towards, **whose})

    def test_erasing_a_number_makes_nobody_consent(self):
        consent = self.env["telemarketing.consent"].create(
            {
                "number_id": self.anna.phone_ids.number_id.id,
                "principal_id": self.principal_a.id,
                "given_at": self.now(),
            }
        )
        self.env.flush_all()
        eraser = self.env["telemarketing.privacy.eraser"]
        eraser._blank("telemarketing.consent", consent.ids)
        self.env.invalidate_all()
        self.assertFalse(consent.number_id)
        self.env["telemarketing.consent"]._refresh_databases(self.plain)
        self.assertFalse(self.anna.consented_on)

    def test_one_entry_stands_for_a_whole_file(self):
        consent = self.env["telemarketing.consent"].create(
            {
                "database_id": self.plain.id,
                "given_at": self.now(days=-7),
                "text_id": self.text.id,
                "link": "https://example.com/proof.pdf",
            }
        )
        self.assertEqual(consent.principal_id, self.principal_a)
        self.assertEqual(self.anna.consented_on, self.day(days=-7))
        self.withdraw(consent)
        self.assertFalse(self.anna.consented_on)

    def test_the_ledger_says_of_everybody_what_the_kernel_says(self):
        rng = random.Random(62)
        facts, rows, people = {}, [], []
        for place in range(40):
            person = self.create_contact(f"P{place}", f"6125{place:05}", self.plain)
            people.append(person)
            facts[person] = []
            for _row in range(rng.randrange(6)):
                given = self.day(days=-rng.randrange(2, 12))
                back = given + timedelta(days=rng.randrange(8))
                withdrawn = back if back < self.day() and rng.random() < 0.4 else None
                purpose = rng.choice(("call", "call", "robot"))
                for_us = rng.random() < 0.8
                facts[person].append(Consent(given, purpose, withdrawn, for_us))
                rows.append(
                    {
                        "number_id": person.phone_ids.number_id.id,
                        "principal_id": (
                            self.principal_a if for_us else self.principal_b
                        ).id,
                        "purpose": purpose,
                        "given_at": f"{given} 10:00:00",
                        "withdrawn_at": f"{withdrawn} 10:00:00" if withdrawn else False,
                    }
                )
        self.env["telemarketing.consent"].create(rows)
        for person in people:
            with self.subTest(facts=facts[person]):
                self.assertEqual(
                    (
                        person.consented_on or None,
                        person.robot_consented_on or None,
                    ),
                    (
                        effective_consent(facts[person], "call"),
                        effective_consent(facts[person], "robot"),
                    ),
                )
        self.assertGreater(sum(bool(p.consented_on) for p in people), 5)

    # what a database must say

    def test_a_consent_that_nobody_can_date_is_no_basis(self):
        for basis in ("consent", "request"):
            for wanting in ({"basis_date": False}, {"basis_source": " "}):
                with self.subTest(basis, **wanting), self.assertRaises(ValidationError):
                    self.plain.write(
                        {
                            "legal_basis": basis,
                            "basis_date": "2026-03-02",
                            "basis_source": "Spring fair",
                            **wanting,
                        }
                    )
        with self.assertRaises(ValidationError):
            self.plain.write(
                {
                    "legal_basis": "consent",
                    "basis_date": self.day(days=3),
                    "basis_source": "A fair that has not been held",
                }
            )

    # two years

    def test_two_years_to_the_day_and_not_one_more(self):
        today = self.day()
        for given, state in (
            (date(today.year - 2, today.month, min(today.day, 28)), "expiring"),
            (today - timedelta(days=740), "expired"),
            (today - timedelta(days=690), "expiring"),
            (today - timedelta(days=30), "valid"),
        ):
            consent = self.give(given_at=f"{given} 12:00:00")
            if state == "expiring" and given.year == today.year - 2:
                if today.day <= 28:
                    self.assertEqual(consent.expires_on, today)
            with self.subTest(given=given):
                self.assertEqual(consent.state, state)
                for other in ("valid", "expiring", "expired"):
                    found = self.env["telemarketing.consent"].search(
                        [("id", "=", consent.id), ("state", "=", other)]
                    )
                    self.assertEqual(bool(found), other == state)

    def test_status_of_each_is_found_by_its_filter(self):
        old = self.give(days=700)
        new = old._renew({"given_at": self.now(), "channel": "paper"})
        gone = self.give(purpose="sms")
        self.withdraw(gone)
        no = self.env["telemarketing.consent"].create(
            {"contact_id": self.anna.id, "refused_at": self.now(), "channel": "call"}
        )
        states = {old: "renewed", new: "valid", gone: "withdrawn", no: "refused"}
        for consent, state in states.items():
            self.assertEqual(consent.state, state)
            found = self.env["telemarketing.consent"].search(
                [("contact_id", "=", self.anna.id), ("state", "=", state)]
            )
            # A withdrawal stands also for each number, in rows of its own.
            said = found.filtered(lambda c: c.given_at or c.refused_at)
            self.assertEqual(said, consent)

    # proof

    def test_renewing_makes_a_new_proof_and_keeps_the_old_one(self):
        old = self.give(days=700, text_version="v1")
        wizard = Form(
            self.env["telemarketing.consent.renew"]
            .with_user(self.supervisor_a)
            .with_context(active_model=old._name, active_ids=old.ids)
        )
        wizard.text_id = self.text
        wizard.channel = "paper"
        action = wizard.save().action_renew()
        new = old.browse(action["res_id"])
        self.assertEqual(new.renewal_of_id, old)
        self.assertEqual(new.text_version, "Calls v3")
        self.assertEqual(
            (new.contact_id, new.principal_id, new.purpose, new.channel),
            (self.anna, self.principal_a, "call", "paper"),
        )
        self.assertEqual(new.create_uid, self.supervisor_a)
        self.assertEqual(self.anna.consented_on, self.day())
        self.assertEqual((old.text_version, old.state), ("v1", "renewed"))

    def test_what_was_agreed_is_never_rewritten_not_even_by_the_system(self):
        consent = self.give(days=10, source="Fair")
        for values in (
            {"given_at": self.now()},
            {"purpose": "robot"},
            {"source": "x"},
            {"channel": "paper"},
            {"text_version": "v9"},
        ):
            with self.subTest(values), self.assertRaises(UserError):
                consent.write(values)
        self.withdraw(consent)
        with self.assertRaises(UserError):
            consent.withdrawn_at = False
        with self.assertRaises(UserError):
            consent.unlink()

    def test_proof_may_be_added_and_not_replaced(self):
        consent = self.give(days=10)
        mine = consent.with_user(self.supervisor_a)
        mine.write({"evidence": b"cHJvb2Y=", "evidence_name": "coupon.pdf"})
        self.assertEqual(consent.evidence, b"cHJvb2Y=")
        with self.assertRaises(UserError):
            mine.evidence = b"b3RoZXI="

    def test_a_text_that_somebody_answered_to_stays_as_it_was(self):
        self.text.body = "May {advertiser} call you, please?"
        self.give(text_id=self.text.id)
        with self.assertRaises(UserError):
            self.text.body = "Nothing of the kind"
        with self.assertRaises(UserError):
            self.text.unlink()
        action = self.text.action_new_version()
        new = self.text.browse(action["res_id"])
        self.assertEqual((new.version, new.used), ("4", False))
        new.body = "Another wording for {advertiser}"
        self.assertFalse(self.text.active)
        self.assertEqual(
            new._rendered(self.anna), "Another wording for " + self.principal_a.name
        )

    def test_a_person_is_read_the_advertisers_text_in_her_language(self):
        Text = self.env["telemarketing.consent.text"]
        self.text.active = False
        self.anna.lang = "en"
        self.assertEqual(Text._for(self.anna).lang, "en")
        self.anna.lang = "es_ES"
        self.assertEqual(Text._for(self.anna).lang, "es")
        foreign, own = Text.create(
            [
                {"name": "B", "principal_id": self.principal_b.id, "body": "B"},
                {"name": "A", "principal_id": self.principal_a.id, "body": "A"},
            ]
        )
        self.assertEqual(Text._for(self.anna), own)
        self.assertNotEqual(Text._for(self.anna), foreign)

    def test_nothing_is_given_or_taken_back_in_advance(self):
        with self.assertRaises(ValidationError):
            self.give(days=-2)
        consent = self.give(days=2)
        with self.assertRaises(UserError):
            self.withdraw(consent, at=self.now(days=1))
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            self.withdraw(consent, at=self.now(days=-3))

    # attacks

    def test_nobody_writes_consents_for_people_out_of_his_sight(self):
        dora = self.create_contact("Dora", "612400009", self.database_b)
        consents = self.env["telemarketing.consent"].with_user(self.supervisor_a)
        number = dora.phone_ids.number_id
        partner = self.env["res.partner"].create({"name": "Dora"})
        dora.partner_id = partner
        hers = self.give(dora)
        base = {"given_at": self.now(), "principal_id": self.principal_b.id}
        for values in (
            {"contact_id": dora.id, **base},
            {"contact_id": dora.id, "given_at": self.now()},
            {"number_id": number.id, **base},
            {"partner_id": partner.id, **base},
            {"database_id": self.database_b.id, **base},
            {"contact_id": self.anna.id, "number_id": number.id, **base},
            {
                "contact_id": self.anna.id,
                "partner_id": partner.id,
                "given_at": self.now(),
            },
            {
                "contact_id": self.anna.id,
                "database_id": self.database_b.id,
                "given_at": self.now(),
            },
            {
                "contact_id": self.anna.id,
                "given_at": self.now(),
                "renewal_of_id": hers.id,
            },
            {
                "contact_id": self.anna.id,
                "refused_at": self.now(),
            },
            {
                "contact_id": self.anna.id,
                "withdrawn_at": self.now(),
                "vat": "12345678Z",
            },
        ):
            with (
                self.subTest(values),
                self.assertRaises(UserError) as caught,
            ):
                consents.create(values)
            self.assertNotIn("Dora", str(caught.exception))
        for wizard in ("renew", "withdraw"):
            with self.subTest(wizard), self.assertRaises(AccessError):
                self.env[f"telemarketing.consent.{wizard}"].with_user(
                    self.supervisor_a
                ).create({"consent_ids": [Command.set(hers.ids)]})
        with self.assertRaises(AccessError):
            hers.with_user(self.supervisor_a).write({"withdrawn_at": self.now()})

    def test_agents_have_no_door_to_the_ledger_but_their_desk(self):
        consent = self.give()
        ledger = consent.with_user(self.agent_a)
        for attack in (
            lambda: ledger.read(["given_at"]),
            lambda: ledger.write({"withdrawn_at": self.now()}),
            lambda: ledger.create({"contact_id": self.anna.id, "given_at": self.now()}),
            lambda: (
                self.env["telemarketing.consent.withdraw"]
                .with_user(self.agent_a)
                .create({"consent_ids": [Command.set(consent.ids)]})
            ),
        ):
            with self.assertRaises(AccessError):
                attack()

    def test_nobody_states_a_consent_by_writing_its_result(self):
        with self.assertRaises(AccessError):
            self.anna.with_user(self.supervisor_a).consented_on = self.day()

    def test_a_context_does_not_open_the_ledger(self):
        consent = self.give().with_user(self.manager)
        with self.assertRaises(UserError):
            consent.with_context(telemarketing_retention=True).unlink()


@tagged("post_install", "-at_install", "telemarketing_consent")
class TestConsentDesk(TelemarketingCommon):
    """What is asked and said about consent in a call."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        frozen = freeze_time("2026-11-23 10:00:00")
        cls.clock = frozen.start()
        cls.addClassCleanup(frozen.stop)
        cls.anna = cls.create_contact("Anna", "612400001", lang="en")
        cls.target = cls.anna.target_ids
        cls.text = cls.env["telemarketing.consent.text"].create(
            {
                "name": "Calls",
                "version": "3",
                "lang": "en",
                "principal_id": cls.principal_a.id,
                "body": "May {advertiser} call you?",
            }
        )
        cls.ledger = cls.env["telemarketing.consent"]

    def soon_over(self):
        """The consent of the file ends in a month."""
        self.database_a.basis_date = "2024-12-20"

    def talk(self, uuid="uuid-consent", user=None):
        desk, token = self.open_desk(user or self.agent_a, self.campaign_a)
        call = desk.get_next(token)["call"]
        phone = call["target"]["suggested_phone_id"]
        answer = desk.dial(token, uuid, self.target.id, phone)
        self.assertNotIn("refused", answer)
        return desk, token, call

    def say(self, given, uuid="uuid-consent", desk=None, token=None, **values):
        args = {"purposes": ["call"], "text_id": self.text.id, **values}
        return desk.record_consent(token, uuid, self.target.id, given=given, **args)

    def said(self):
        return self.ledger.search([("contact_id", "=", self.anna.id)], order="id")

    def test_the_agent_sees_the_consent_on_which_the_call_rests(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        consent = desk.get_next(token)["call"]["consent"]
        since = self.database_a.basis_date
        self.assertEqual(consent["state"], "valid")
        self.assertEqual(consent["given_on"], str(since))
        self.assertEqual(consent["until"], str(since.replace(year=since.year + 2)))
        self.assertEqual((consent["basis"], consent["ask"]), ("consent", False))
        self.assertEqual(consent["basis_on"], str(since))
        self.assertEqual(consent["text"], self.database_a.basis_source)
        self.assertIn("62.1", consent["article"])

    def test_a_consent_about_to_end_is_asked_for_and_counts_anew(self):
        self.soon_over()
        desk, token, call = self.talk()
        consent = call["consent"]
        self.assertEqual((consent["state"], consent["ask"]), ("expiring", True))
        self.assertEqual(consent["text_id"], self.text.id)
        self.assertEqual(
            consent["text_to_read"], f"May {self.principal_a.name} call you?"
        )
        answer = self.say(True, desk=desk, token=token)["consent"]
        self.assertEqual((answer["state"], answer["ask"]), ("valid", False))
        self.assertEqual(answer["given_on"], str(self.now().date()))
        row = self.said()
        self.assertEqual(
            (row.channel, row.text_id, row.text_version, row.principal_id),
            ("call", self.text, "Calls v3", self.principal_a),
        )
        self.assertEqual(row.create_uid, self.agent_a)
        self.assertEqual(row.interaction_id.uuid, "uuid-consent")
        self.assertEqual(self.anna.consented_on, self.now().date())

    def test_the_same_answer_twice_is_written_once(self):
        self.soon_over()
        desk, token, _call = self.talk()
        for _again in range(2):
            self.say(True, desk=desk, token=token)
        self.assertEqual(len(self.said()), 1)

    def test_a_yes_taken_for_a_no_is_put_right_in_the_same_call(self):
        self.soon_over()
        desk, token, _call = self.talk()
        self.say(True, desk=desk, token=token)
        self.clock.tick(timedelta(seconds=5))
        answer = self.say(False, desk=desk, token=token)["consent"]
        self.assertFalse(answer["ask"])
        row = self.said()
        self.assertEqual((row.state, len(row)), ("withdrawn", 1))
        # Corrected again: a new proof, later than the correction.
        self.clock.tick(timedelta(seconds=5))
        self.say(True, desk=desk, token=token)
        self.assertEqual(self.anna.consented_on, self.now().date())

    def test_who_said_no_is_not_asked_at_every_call(self):
        self.soon_over()
        desk, token, _call = self.talk()
        answer = self.say(False, desk=desk, token=token)["consent"]
        self.assertEqual((answer["state"], answer["ask"]), ("expiring", False))
        row = self.said()
        self.assertEqual(row.state, "refused")
        # What was given before still stands until it ends.
        self.assertEqual(str(self.anna.consented_on), "2024-12-20")

    def test_renewing_in_a_call_is_chained_to_what_it_renews(self):
        old = self.ledger.create(
            {"contact_id": self.anna.id, "given_at": "2024-12-20 10:00:00"}
        )
        desk, token, _call = self.talk()
        self.say(True, desk=desk, token=token)
        new = self.said() - old
        self.assertEqual((new.renewal_of_id, old.state), (old, "renewed"))

    def test_a_consent_withdrawn_in_the_call_counts_no_more(self):
        desk, token, _call = self.talk()
        answer = desk.withdraw_consent(
            token, "uuid-consent", self.target.id, reason="No more of this"
        )["consent"]
        self.assertEqual((answer["state"], answer["ask"]), ("withdrawn", False))
        row = self.said()
        self.assertEqual(row.withdrawal_interaction_id.uuid, "uuid-consent")
        self.assertEqual(row.withdrawal_reason, "No more of this")
        self.assertFalse(self.anna.consented_on)
        desk.withdraw_consent(token, "uuid-consent", self.target.id)
        self.assertEqual(len(self.said()), 1)
        no_answer = self.create_disposition("No answer", kind="redial_same")
        desk.close_and_get_next(
            token, "uuid-consent", self.target.id, no_answer.id, {}, next=False
        )
        self.clock.tick(timedelta(days=1))
        answers = self.target._may_call_each(self.anna.phone_ids, self.now())
        self.assertEqual(answers[self.anna.phone_ids]["answer"], "never")

    def test_who_withdraws_in_a_call_objects_and_is_told_the_number(self):
        other = self._create_database(self.campaign_a, "Other")
        twin = self.create_contact("Ana", "612400001", other)
        desk, token, _call = self.talk()
        said = [
            desk.withdraw_consent(token, "uuid-consent", self.target.id)["objection"]
            for _again in range(2)
        ]
        barred = self.env["telemarketing.exclusion"].search(
            [("contact_id", "=", self.anna.id)]
        )
        self.assertEqual([each["reference"] for each in said], 2 * [barred.reference])
        self.assertEqual(
            (said[0]["scope"], said[0]["undo_until"]), ("principal", False)
        )
        self.assertEqual(
            (barred.reason, barred.principal_id, barred.channel),
            ("objection", self.principal_a, "call"),
        )
        self.assertEqual(barred.interaction_id.uuid, "uuid-consent")
        self.assertFalse(twin.consented_on)
        self.assertEqual(twin.target_ids.state, "excluded")
        # Neither is she called as a client.
        self.anna.legal_basis = "client"
        answers = self.target._may_call_each(self.anna.phone_ids, self.now())
        self.assertEqual(answers[self.anna.phone_ids]["answer"], "never")

    def test_consent_is_not_asked_for_where_nothing_is_offered(self):
        self.soon_over()
        self.campaign_a.write({"call_purpose": "survey", "kind": "survey"})
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        self.assertFalse(desk.get_next(token)["call"]["consent"]["ask"])

    # attacks

    def test_no_consent_without_a_call_of_mine(self):
        self.soon_over()
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        desk.get_next(token)
        with self.assertRaises(UserError):
            self.say(True, desk=desk, token=token)
        with self.assertRaises(UserError):
            desk.withdraw_consent(token, False, self.target.id)
        phone = self.anna.phone_ids
        desk.dial(token, "uuid-consent", self.target.id, phone.id)
        other, other_token = self.open_desk(self.agent_b, self.campaign_a)
        for uuid in ("uuid-consent", "uuid-made-up", False):
            with self.subTest(uuid), self.assertRaises(UserError):
                self.say(True, uuid, other, other_token)
        no_answer = self.create_disposition("No answer", kind="redial_same")
        desk.close_and_get_next(
            token, "uuid-consent", self.target.id, no_answer.id, {}, next=False
        )
        with self.assertRaises(UserError):
            self.say(True, desk=desk, token=token)
        self.assertFalse(self.said())

    def test_no_consent_to_words_that_were_not_for_this_person(self):
        self.soon_over()
        desk, token, _call = self.talk()
        foreign = self.env["telemarketing.consent.text"].create(
            {"name": "B", "principal_id": self.principal_b.id, "body": "B"}
        )
        far = self.env["telemarketing.consent.text"].create(
            {"name": "Far", "company_id": self.company_b.id, "body": "Far"}
        )
        for text in (foreign.id, far.id, 0, False, "1"):
            with self.subTest(text), self.assertRaises(UserError):
                self.say(True, desk=desk, token=token, text_id=text)
        for purposes in ([], ["everything"], "call", [["call"]]):
            with self.subTest(purposes), self.assertRaises(UserError):
                self.say(True, desk=desk, token=token, purposes=purposes)
        self.assertFalse(self.said())
