import base64
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import TelemarketingCommon

IBAN = "ES9121000418450200051332"


@tagged("post_install", "-at_install", "telemarketing_import")
class TestImportPartners(TelemarketingCommon):
    """Prospects and clients loaded as such: what a supervisor, or the people
    themselves, would lose if the wrong partner were theirs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partners = cls.env["telemarketing.import.partners"]

    def link(self, contacts, stage="prospect", **facts):
        return self.partners._link_contacts(contacts, stage, **facts)

    def partner(self, name="Carmen Peña", principal=None, **values):
        principal = self.principal_a if principal is None else principal
        return self.env["res.partner"].create(
            {"name": name, "telemarketing_principal_id": principal.id, **values}
        )

    # who it is

    def test_prospect_gets_its_partner_with_what_the_file_said(self):
        contact = self.create_contact(
            "Carmen Peña",
            "612345678",
            vat="12345678Z",
            street="Mayor 3",
            zip="46002",
            email="carmen@correo.test",
            iban=IBAN,
        )
        made, doubts = self.link(contact)
        partner = contact.partner_id
        self.assertEqual((made, doubts), (1, {}))
        self.assertEqual(
            (partner.name, partner.vat, partner.zip, partner.phone_sanitized),
            ("Carmen Peña", "12345678Z", "46002", "+34612345678"),
        )
        self.assertEqual(partner.state_id.code, "V")
        self.assertEqual(partner.funnel_stage, "prospect")
        self.assertEqual(partner.telemarketing_principal_id, self.principal_a)
        self.assertEqual(partner.company_id, self.company_a)
        self.assertEqual(partner.bank_ids.sanitized_acc_number, IBAN)
        self.assertFalse(contact.lead_id)
        self.assertFalse(partner.message_follower_ids)

    def test_two_files_of_the_same_clients_make_no_second_partner(self):
        first = self.create_contact("Carmen Peña", "612345678", vat="12345678Z")
        self.link(first, "client")
        by_nif = self.create_contact("Peña, Carmen", "699999999", vat="12345678Z")
        by_phone = self.create_contact("C. Peña", "612345678")
        made, doubts = self.link(by_nif | by_phone, "client")
        self.assertEqual((made, doubts), (0, {}))
        self.assertEqual((by_nif | by_phone).partner_id, first.partner_id)

    def test_two_rows_of_one_new_person_make_one_partner(self):
        contacts = self.create_contact("Carmen Peña", "612345678", vat="12345678Z")
        contacts |= self.create_contact("Carmen", "612345678")
        contacts |= self.create_contact("Luis Sanz", "699999999")
        made, _doubts = self.link(contacts)
        self.assertEqual(made, 2)
        self.assertEqual(contacts[0].partner_id, contacts[1].partner_id)
        self.assertNotEqual(contacts[0].partner_id, contacts[2].partner_id)

    def test_two_people_of_one_phone_with_other_nifs_are_two(self):
        contacts = self.create_contact("Carmen Peña", "612345678", vat="12345678Z")
        contacts |= self.create_contact("Carmen Sanz", "612345678", vat="X1234567L")
        made, doubts = self.link(contacts)
        self.assertEqual((made, doubts), (2, {}))

    def test_customer_that_odoo_has_already_is_that_person(self):
        customer = self.partner(vat="ES12345678Z")
        contact = self.create_contact("Carmen Peña López", vat="12345678Z")
        self.link(contact, "client")
        self.assertEqual(contact.partner_id, customer)
        self.assertEqual(customer.funnel_stage, "client")

    def test_person_in_doubt_is_linked_to_nobody_and_said(self):
        self.partner("Carmen Uno", phone="+34612345678")
        self.partner("Carmen Dos", phone="+34612345678")
        self.partner("Empresa de Otro", vat="X1234567L")
        self.partner("Luis Sanz", email="luis@correo.test", vat="12345678Z")
        contacts = self.create_contact("Carmen", "612345678")
        contacts |= self.create_contact("Lucía Gil", "699999999", vat="X1234567L")
        contacts |= self.create_contact(
            "Luis", "688888888", email="luis@correo.test", vat="87654321X"
        )
        before = self.env["res.partner"].search_count([])
        made, doubts = self.link(contacts)
        self.assertEqual(made, 0)
        self.assertFalse(contacts.partner_id)
        self.assertEqual({why[0] for why in doubts.values()}, {"partner_doubtful"})
        self.assertEqual(len(doubts), 3)
        self.assertIn("Carmen Uno", doubts[contacts[0].id][1])
        self.assertEqual(self.env["res.partner"].search_count([]), before)

    def test_people_of_a_company_with_its_nif_are_no_doubt(self):
        company = self.partner("Talleres Gil SL", vat="A58818501", is_company=True)
        self.env["res.partner"].create(
            {"name": "Lucía de Talleres Gil", "parent_id": company.id}
        )
        contact = self.create_contact("TALLERES GIL", vat="A58818501")
        self.link(contact, "client")
        self.assertEqual(contact.partner_id, company)

    def test_switchboard_of_many_is_nobodys_phone(self):
        self.partner("Carmen Peña", phone="+34900123123")
        contact = self.create_contact("Carmen Sanz", "900123123")
        made, _doubts = self.link(contact)
        self.assertEqual(made, 1)

    def test_partner_of_another_client_company_is_never_linked(self):
        foreign = self.partner(
            principal=self.principal_b,
            vat="12345678Z",
            phone="+34612345678",
            email="carmen@correo.test",
        )
        ours = self.partner(
            principal=self.env["res.partner"], vat="12345678Z", phone="+34612345678"
        )
        far = self.partner(vat="12345678Z", company_id=self.company_b.id)
        contact = self.create_contact(
            "Carmen Peña", "612345678", vat="12345678Z", email="carmen@correo.test"
        )
        self.link(contact, "client")
        self.assertTrue(contact.partner_id)
        self.assertNotIn(contact.partner_id, foreign | ours | far)
        self.assertEqual(
            contact.partner_id.telemarketing_principal_id, self.principal_a
        )
        for other in (foreign, ours, far):
            self.assertFalse(other.funnel_stage)

    def test_partner_named_for_a_row_must_be_of_the_same_client_company(self):
        foreign = self.partner(principal=self.principal_b)
        mine = self.partner("Otro Nombre")
        contacts = self.create_contact("Carmen Peña", "612345678")
        contacts |= self.create_contact("Luis Sanz", "699999999")
        self.link(contacts, known={contacts[0].id: foreign.id, contacts[1].id: mine.id})
        self.assertNotEqual(contacts[0].partner_id, foreign)
        self.assertEqual(contacts[1].partner_id, mine)

    def test_user_or_client_company_is_never_a_prospect(self):
        self.agent_a.partner_id.write({"phone": "+34612345678"})
        self.principal_a.phone = "+34699999999"
        contacts = self.create_contact("Agent A", "612345678", self.database_own)
        contacts |= self.create_contact("Principal A", "699999999", self.database_own)
        made, _doubts = self.link(contacts)
        self.assertEqual(made, 2)
        self.assertFalse(self.agent_a.partner_id.funnel_stage)

    # stages

    def test_prospect_becomes_client_and_client_stays_one(self):
        contact = self.create_contact("Carmen Peña", "612345678")
        self.link(contact, "prospect")
        partner = contact.partner_id
        again = self.create_contact("Carmen Peña", "612345678")
        self.link(again, "client")
        self.assertEqual((again.partner_id, partner.funnel_stage), (partner, "client"))
        third = self.create_contact("Carmen Peña", "612345678")
        self.link(third, "prospect")
        self.assertEqual((third.partner_id, partner.funnel_stage), (partner, "client"))

    def test_account_is_never_written_twice(self):
        customer = self.partner(phone="+34612345678")
        bank = self.env["res.partner.bank"].create(
            {"partner_id": customer.id, "acc_number": "ES91 2100 0418 4502 0005 1332"}
        )
        contact = self.create_contact("Carmen Peña", "612345678", iban=IBAN)
        self.link(contact, "client")
        self.assertEqual(contact.partner_id.bank_ids, bank)
        bank.active = False
        again = self.create_contact("Carmen Peña", "612345678", iban=IBAN)
        self.link(again, "client")
        self.assertFalse(customer.bank_ids)

    def test_one_bad_person_does_not_cost_the_others(self):
        contacts = self.create_contact("Carmen Peña", "612345678")
        contacts |= self.create_contact("Luis Sanz", "699999999")
        Contact = self.env.registry["telemarketing.contact"]
        prepare = Contact._prepare_partner_values

        def prepare_one_wrong(contact):
            values = prepare(contact)
            if contact.name == "Luis Sanz":
                values["state_id"] = 10**8  # no such province
            return values

        with (
            patch.object(Contact, "_prepare_partner_values", prepare_one_wrong),
            mute_logger("odoo.sql_db"),
        ):
            made, doubts = self.link(contacts, "client")
        self.assertEqual(made, 1)
        self.assertEqual(contacts[0].partner_id.name, "Carmen Peña")
        self.assertFalse(contacts[1].partner_id)
        self.assertEqual(doubts[contacts[1].id][0], "partner_refused")

    def test_consent_of_the_partner_counts_for_the_contact_at_once(self):
        database = self._create_database(
            self.campaign_a, legal_basis=False, basis_date=False, basis_source=False
        )
        customer = self.partner(phone="+34612345678")
        self.env["telemarketing.consent"].create(
            {
                "partner_id": customer.id,
                "company_id": self.company_a.id,
                "principal_id": self.principal_a.id,
                "purpose": "call",
                "channel": "paper",
                "given_at": self.now(days=-10),
                "source": "Coupon",
            }
        )
        contact = self.create_contact("Carmen Peña", "612345678", database)
        self.assertFalse(contact.consented_on)
        self.link(contact, "client")
        self.assertEqual(contact.consented_on, self.now(days=-10).date())

    def test_thousand_partners_are_made_without_writing_to_anybody(self):
        contacts = self.env["telemarketing.contact"].create(
            [
                {
                    "name": f"Persona {n}",
                    "database_id": self.database_a.id,
                    "phone_ids": [Command.create({"raw": f"6{n:08d}"})],
                }
                for n in range(1000)
            ]
        )
        messages = self.env["mail.message"].search_count([])
        made, _doubts = self.link(contacts)
        self.assertEqual(made, 1000)
        self.assertEqual(self.env["mail.message"].search_count([]), messages)

    def job(self, content, user=None, kind="clients", **values):
        jobs = self.env["telemarketing.import"]
        if user:
            jobs = self.as_user(jobs, user)
        return jobs.create(
            {
                "kind": kind,
                "database_id": self.database_a.id,
                "filename": "base.csv",
                "file": base64.b64encode(content.encode()),
                **values,
            }
        )

    def test_clients_are_called_as_clients_unless_somebody_says_otherwise(self):
        empty = self._create_database(
            self.campaign_a, legal_basis=False, basis_date=False, basis_source=False
        )
        job = self.job("", database_id=empty.id)
        self.assertEqual(job.legal_basis, "client")
        job.legal_basis = False
        self.assertFalse(job.legal_basis)
        self.assertFalse(
            self.job("", kind="prospects", database_id=empty.id).legal_basis
        )
        self.assertEqual(self.job("").legal_basis, "consent")
