import base64
from datetime import datetime
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..importing import open_table
from ..importing.articles import ARTICLE_TARGETS, TEMPLATE, write_articles_template
from ..models import import_articles
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
        self.assertEqual(
            [doubts[contact.id][2]["key"] for contact in contacts],
            ["phone", "vat", "email"],
        )
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

    # loading

    CLIENTS = (
        "Teléfono;Nombre;Dirección;NIF;IBAN\n"
        f"612345678;Carmen Peña;Mayor 3;12345678Z;{IBAN}\n"
        "699999999;Luis Sanz;Sol 1;;\n"
        "123;Sin teléfono;Sol 2;;\n"
    )

    def load(self, content=None, user=None, **values):
        job = self.job(content or self.CLIENTS, user=user, **values)
        job.action_read()
        job.action_load()
        job.sudo()._load()
        self.env.invalidate_all()
        return job.sudo()

    def contacts(self, job):
        return self.env["telemarketing.contact"].search([("import_id", "=", job.id)])

    def test_supervisor_loads_clients_of_her_campaign(self):
        job = self.load(user=self.supervisor_a)
        self.assertEqual((job.state, job.loaded, job.bad), ("done", 2, 1))
        carmen, luis = self.contacts(job).sorted("import_row")
        self.assertEqual(carmen.partner_id.funnel_stage, "client")
        self.assertEqual(carmen.partner_id.telemarketing_principal_id, self.principal_a)
        self.assertEqual(carmen.partner_id.bank_ids.sanitized_acc_number, IBAN)
        self.assertEqual(luis.partner_id.name, "Luis Sanz")
        self.assertFalse((carmen | luis).lead_id)
        self.assertEqual((carmen | luis).target_ids.mapped("state"), ["ready"] * 2)
        changes = self.env["telemarketing.import.change"].search(
            [("import_id", "=", job.id)]
        )
        self.assertEqual(changes.partner_id, (carmen | luis).partner_id)
        self.assertFalse(any(change.old_values for change in changes))

    def test_agents_and_salespeople_load_nobody(self):
        for user in (self.agent_a, self.salesperson, self.plain_user):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.job(self.CLIENTS, user=user)

    def test_supervisor_of_another_campaign_loads_nobody_here(self):
        with self.assertRaises(AccessError):
            self.job(self.CLIENTS, user=self.supervisor_b)

    def test_same_file_of_clients_twice_makes_no_second_partner(self):
        self.load()
        partners = self.env["res.partner"].search_count([])
        again = self.load()
        self.assertEqual((again.loaded, again.bad), (0, 3))
        anyway = self.load(duplicates="load")
        self.assertEqual(anyway.loaded, 2)
        self.assertEqual(self.env["res.partner"].search_count([]), partners)
        self.assertEqual(len(self.contacts(anyway).partner_id), 2)

    def test_prospects_loaded_again_as_clients_are_clients(self):
        prospects = self.load(kind="prospects")
        people = self.contacts(prospects)
        self.assertEqual(set(people.mapped("funnel_stage")), {"prospect"})
        clients = self.load(duplicates="update")
        self.assertEqual((clients.loaded, clients.bad), (0, 1))
        self.assertEqual(set(people.mapped("funnel_stage")), {"client"})
        back = self.load(kind="prospects", duplicates="update")
        self.assertEqual(back.bad, 1)
        self.assertEqual(set(people.mapped("funnel_stage")), {"client"})
        change = self.env["telemarketing.import.change"].search(
            [("import_id", "=", clients.id), ("partner_id", "!=", False)]
        )
        self.assertEqual(len(change), 2)
        self.assertEqual(change[0].old_values["funnel_stage"], "prospect")

    def test_client_without_contact_gets_the_row_as_contact(self):
        customer = self.partner(
            phone="+34612345678", vat="12345678Z", funnel_stage="prospect"
        )
        self.assertEqual(self.load().bad, 2)
        job = self.load(duplicates="update")
        contact = self.contacts(job).filtered(lambda c: c.name == "Carmen Peña")
        self.assertEqual(contact.partner_id, customer)
        self.assertEqual(customer.funnel_stage, "client")
        self.assertTrue(contact.target_ids)

    def test_clients_of_one_client_company_are_not_those_of_another(self):
        mine = self.contacts(self.load())
        theirs = self.contacts(self.load(database_id=self.database_b.id))
        self.assertEqual(len(theirs), 2)
        self.assertFalse(mine.partner_id & theirs.partner_id)
        self.assertEqual(theirs.partner_id.telemarketing_principal_id, self.principal_b)

    def test_row_in_doubt_loads_and_comes_back_with_why(self):
        self.partner("Empresa Ajena", vat="12345678Z")
        job = self.load()
        self.assertEqual((job.loaded, job.noticed), (2, 1))
        table = open_table(base64.b64decode(job.returned_file), job.returned_name)
        reasons = {row[1]: row[-1] for _number, row in table.rows()}
        self.assertIn("same nif", reasons["Carmen Peña"])
        # Who else it is stays in the system: this file may outlive their erasure.
        self.assertNotIn("Empresa Ajena", reasons["Carmen Peña"])
        carmen = self.contacts(job).filtered(lambda c: c.name == "Carmen Peña")
        self.assertFalse(carmen.partner_id)

    def test_prospects_get_an_opportunity_only_where_it_was_asked(self):
        plain = self.contacts(self.load(kind="prospects"))
        self.assertFalse(plain.lead_id)
        content = self.CLIENTS.replace("612345678", "612345000").replace(
            "12345678Z", "87654321X"
        )
        job = self.load(content, kind="prospects", make_leads=True, duplicates="load")
        people = self.contacts(job)
        self.assertEqual(len(people.lead_id), 2)
        lead = people[0].lead_id
        self.assertEqual(lead.type, "opportunity")
        self.assertEqual(lead.partner_id, people[0].partner_id)
        self.assertEqual(lead.telemarketing_campaign_id, self.campaign_a)
        self.assertEqual(lead.campaign_id, self.campaign_a.utm_campaign_id)
        self.assertFalse(lead.user_id)

    def test_no_opportunity_where_nothing_is_offered(self):
        self.campaign_a.write({"kind": "survey", "call_purpose": "survey"})
        job = self.job(self.CLIENTS, kind="prospects", make_leads=True)
        job.action_read()
        with self.assertRaisesRegex(UserError, "opportunit"):
            job.action_load()

    def test_what_is_loaded_is_chosen_before_the_file_is_read(self):
        job = self.job(self.CLIENTS)
        job.action_read()
        job.kind = "prospects"
        self.assertEqual((job.state, len(job.column_ids)), ("preview", 5))
        with self.assertRaisesRegex(UserError, "chosen before"):
            job.kind = "articles"
        done = self.load()
        with self.assertRaisesRegex(UserError, "chosen before"):
            done.kind = "contacts"


ARTICLES = (
    "Referencia;Artículo;Familia;PVP;% IVA;Coste;Tipo;Descripción\n"
    "FIB-600;Fibra 600;Internet / Fibra;29,90 €;21;12,5;Servicio;Simétrica\n"
    "ROU-1;Router;Equipos;1.234,56;10 %;;Producto;\n"
    "MAL-1;Mal precio;Equipos;doce;21;;;\n"
    ";;Equipos;5;21;;;\n"
)


@tagged("post_install", "-at_install", "telemarketing_import")
class TestImportArticles(TelemarketingCommon):
    """Articles, offers and tariffs: what would be sold wrong if loading broke."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.articles = cls.env["telemarketing.import.articles"]
        cls.group = cls.env["account.tax.group"].create(
            {
                "name": "IVA",
                "company_id": cls.company_a.id,
                "country_id": cls.env.ref("base.es").id,
            }
        )
        cls.vat_21, cls.vat_10 = cls.env["account.tax"].create(
            [
                {
                    "name": f"IVA {rate}",
                    "amount": rate,
                    "type_tax_use": "sale",
                    "company_id": cls.company_a.id,
                    "tax_group_id": cls.group.id,
                    "country_id": cls.env.ref("base.es").id,
                }
                for rate in (21, 10)
            ]
        )
        cls.company_a.account_sale_tax_id = cls.vat_21
        euro = cls.env.ref("base.EUR")
        euro.active = True
        cls.company_a.currency_id = euro

    def job(self, content=ARTICLES, user=None, **values):
        jobs = self.env["telemarketing.import"]
        if user:
            jobs = self.as_user(jobs, user)
        if isinstance(content, str):
            content = content.encode()
        return jobs.create(
            {
                "kind": "articles",
                "filename": "tarifa.csv",
                "file": base64.b64encode(content),
                **values,
            }
        )

    def load(self, *args, **kwargs):
        job = self.job(*args, **kwargs)
        job.action_read()
        job.action_load()
        job.sudo()._load()
        self.env.invalidate_all()
        return job.sudo()

    def product(self, ref, **facts):
        return (
            self.env["product.product"]
            .with_context(active_test=False, **facts)
            .search([("default_code", "=", ref)])
        )

    def returned(self, job):
        table = open_table(base64.b64decode(job.returned_file), job.returned_name)
        return {row[0] or row[2]: row[-1] for _number, row in table.rows()}

    # what is loaded

    def test_articles_load_and_what_is_wrong_comes_back_with_its_reason(self):
        job = self.load()
        self.assertEqual(
            (job.state, job.total, job.loaded, job.bad, job.updated),
            ("done", 4, 2, 2, 0),
        )
        fibre, router = self.product("FIB-600"), self.product("ROU-1")
        self.assertEqual(
            (fibre.name, fibre.type, fibre.list_price, fibre.standard_price),
            ("Fibra 600", "service", 29.9, 12.5),
        )
        self.assertEqual(fibre.categ_id.complete_name, "Internet / Fibra")
        self.assertEqual(fibre.taxes_id, self.vat_21)
        self.assertEqual(fibre.description_sale, "Simétrica")
        self.assertEqual(fibre.company_id, self.company_a)
        self.assertTrue(fibre.sale_ok)
        self.assertEqual((router.lst_price, router.type), (1234.56, "consu"))
        self.assertEqual(router.taxes_id, self.vat_10)
        reasons = self.returned(job)
        self.assertIn("doce", reasons["MAL-1"])
        self.assertEqual(set(reasons), {"MAL-1", "Equipos"})

    def test_preview_says_what_is_wrong_before_anything_is_written(self):
        self.load()
        count = self.env["product.template"].search_count([])
        job = self.job()
        job.action_read()
        self.assertEqual(job.state, "preview")
        for text in ("Fibra 600", "doce", "there already", "no article"):
            self.assertIn(text, job.preview_html)
        self.assertEqual(self.env["product.template"].search_count([]), count)

    def test_same_file_twice_makes_no_second_article(self):
        self.load()
        again = self.load()
        self.assertEqual((again.loaded, again.bad), (0, 4))
        self.assertEqual(len(self.product("FIB-600")), 1)

    def test_article_is_found_by_reference_then_barcode_then_name(self):
        Product = self.env["product.product"]
        by_ref, by_code, by_name = Product.create(
            [
                {"name": "Uno", "default_code": "R 1"},
                {"name": "Dos", "barcode": "8412345678905"},
                {"name": "Tres"},
            ]
        )
        job = self.load(
            "Ref;EAN;Nombre;PVP\nr  1;;Otro nombre;11\n;8412345678905;;12\n"
            ";;tres;13\nR9;;Tres;14\n",
            duplicates="update",
        )
        self.assertEqual((job.updated, job.loaded, job.bad), (4, 0, 0))
        self.assertEqual((by_ref.name, by_ref.list_price), ("Uno", 11))
        self.assertEqual(by_code.list_price, 12)
        self.assertEqual((by_name.list_price, by_name.default_code), (14, "R9"))

    def test_only_marked_columns_change_an_article_that_is_there(self):
        product = self.env["product.product"].create(
            {"name": "Viejo", "default_code": "A1", "list_price": 5}
        )
        product.description_sale = "Nuestro texto"
        job = self.job(
            "Ref;Nombre;PVP;Descripción\nA1;Nuevo;9;Su texto\n", duplicates="update"
        )
        job.action_read()
        columns = {column.article_target: column for column in job.column_ids}
        self.assertEqual(
            [column.is_updated for column in job.column_ids], [False, False, True, True]
        )
        columns["description"].is_updated = False
        job.action_load()
        job._load()
        self.assertEqual(
            (product.name, product.list_price, product.description_sale),
            ("Viejo", 9, "Nuestro texto"),
        )

    def test_article_that_may_be_two_is_nobodys(self):
        self.env["product.product"].create(
            [{"name": "Uno", "default_code": "A1"}] * 2 + [{"name": "Dos"}] * 2
        )
        job = self.load("Ref;Nombre;PVP\nA1;Uno;9\n;Dos;8\n", duplicates="update")
        self.assertEqual((job.updated, job.bad), (0, 2))
        self.assertNotIn(9, self.product("A1").mapped("list_price"))

    def test_reference_with_no_article_and_no_name_is_said(self):
        job = self.load("Ref;PVP\nNUEVA;9\n")
        self.assertEqual(job.bad, 1)
        self.assertIn("name", self.returned(job)["NUEVA"])

    def test_articles_of_another_company_are_neither_found_nor_touched(self):
        far = self.env["product.product"].create(
            {
                "name": "Fibra 600",
                "default_code": "FIB-600",
                "company_id": self.company_b.id,
                "list_price": 1,
            }
        )
        job = self.load(duplicates="update")
        self.assertEqual(job.loaded, 2)
        self.assertEqual(far.list_price, 1)
        self.assertEqual(len(self.product("FIB-600")), 2)

    def test_price_in_another_currency_is_not_taken_for_ours(self):
        job = self.load("Ref;Nombre;PVP\nA1;Uno;$30\nA2;Dos;30 €\n")
        self.assertEqual((job.loaded, job.bad), (1, 1))
        self.assertIn("EUR", self.returned(job)["A1"])

    def test_what_we_have_not_got_is_a_notice_and_the_article_loads(self):
        taken = self.env["product.product"].create(
            {"name": "Otro", "default_code": "Z", "barcode": "8412345678905"}
        )
        job = self.load(
            "Ref;Nombre;PVP;IVA;Unidad;EAN\n"
            "A1;Uno;9;7;Fanegas;8412345678905\nA2;Dos;9;21;Uds;\nA3;Tres;;;;\n"
        )
        self.assertEqual((job.loaded, job.bad, job.noticed), (3, 0, 2))
        one = self.product("A1")
        self.assertFalse(one.barcode)
        self.assertEqual(taken.barcode, "8412345678905")
        self.assertEqual(one.taxes_id, self.vat_21)
        reason = self.returned(job)["A1"]
        for text in ("7", "Fanegas", "8412345678905"):
            self.assertIn(text, reason)
        self.assertIn("price", self.returned(job)["A3"])

    def test_vat_that_prices_include_is_taken_off(self):
        self.load("Nombre;Ref;PVP con IVA;IVA\nUno;A1;121;21\nDos;A2;110;10\n")
        self.assertEqual(self.product("A1").list_price, 100)
        self.assertEqual(self.product("A2").list_price, 100)

    def test_restart_goes_on_and_makes_nothing_twice(self):
        content = "Ref;Nombre;PVP;Tarifa;Precio tarifa;Desde\n" + "".join(
            f"A{n};Artículo {n};{n};Oro;{n};\nA{n};Artículo {n};{n};Oro;{n};10\n"
            for n in range(1, 8)
        )
        job = self.job(content)
        job.action_read()
        job.action_load()
        with patch.object(import_articles, "CHUNK", 3):
            steps = job._steps()
            next(steps)
            self.assertEqual((job.position, job.state), (3, "loading"))
            steps.close()
            job._load()
        self.env.invalidate_all()
        self.assertEqual((job.state, job.loaded, job.bad), ("done", 14, 0))
        self.assertEqual(len(self.product("A2")), 1)
        pricelist = self.env["product.pricelist"].search([("name", "=", "Oro")])
        self.assertEqual(len(pricelist.item_ids), 14)

    def test_stopped_load_keeps_what_is_loaded_and_goes_on(self):
        job = self.job()
        job.action_read()
        job.action_load()
        job.action_stop()
        job._load()
        self.assertEqual((job.state, job.position), ("stopped", 0))
        job.action_load()
        with patch.object(import_articles, "CHUNK", 1):
            job._load()
        self.assertEqual((job.state, job.loaded, job.bad), ("done", 2, 2))

    # offers

    def test_file_of_a_campaign_is_what_it_offers(self):
        job = self.load(
            "Ref;Nombre;PVP;Precio campaña;Oferta;Dto.;Condiciones\n"
            "A1;Uno;30;24,90;3 meses gratis;10%;Un año\nA2;Dos;9;;;;\n",
            campaign_id=self.campaign_a.id,
        )
        self.assertEqual((job.loaded, job.noticed), (2, 0))
        one, two = self.campaign_a.article_ids.sorted("id")[-2:]
        self.assertEqual(
            (one.price_unit, one.offer, one.discount, one.conditions),
            (24.9, "3 meses gratis", 10, "Un año"),
        )
        self.assertEqual((two.product_id.default_code, two.price_unit), ("A2", 9))
        self.load(
            "Ref;Precio campaña;Oferta\nA1;19;Otra\n",
            campaign_id=self.campaign_a.id,
            duplicates="update",
        )
        self.assertEqual((one.price_unit, one.offer, one.discount), (19, "Otra", 10))
        self.assertEqual(self.product("A1").list_price, 30)

    def test_offer_without_campaign_is_said_and_not_lost_in_silence(self):
        job = self.load("Ref;Nombre;PVP;Oferta\nA1;Uno;30;Regalo\n")
        self.assertEqual((job.loaded, job.noticed), (1, 1))
        self.assertIn("campaign", self.returned(job)["A1"])

    def test_nothing_is_offered_in_a_survey(self):
        self.campaign_a.write({"kind": "survey", "call_purpose": "survey"})
        job = self.job(campaign_id=self.campaign_a.id)
        with self.assertRaisesRegex(UserError, "Nothing is sold"):
            job.action_read()

    # tariffs

    def test_tariffs_by_row_with_quantity_and_days(self):
        job = self.load(
            "Ref;Nombre;PVP;Tarifa;Precio tarifa;Cant. mín.;Desde;Hasta\n"
            "A1;Uno;30;Mayorista;25;;01/01/2027;31/12/2027\n"
            "A1;Uno;30;Mayorista;22;10;;\n"
            "A1;Uno;30;Mayorista;21;10;;\n"
        )
        self.assertEqual((job.loaded, job.bad), (2, 1))
        pricelist = self.env["product.pricelist"].search([("name", "=", "Mayorista")])
        self.assertEqual(pricelist.company_id, self.company_a)
        first, second = pricelist.item_ids.sorted("min_quantity")
        self.assertEqual((first.fixed_price, second.fixed_price), (25, 22))
        self.assertEqual((first.min_quantity, second.min_quantity), (0, 10))
        # midnight in Madrid
        self.assertEqual(first.date_start, datetime(2026, 12, 31, 23))
        self.assertEqual(first.date_end, datetime(2027, 12, 31, 22, 59, 59))
        product = self.product("A1")
        self.assertEqual(pricelist._get_product_price(product, 10), 22)

    def test_tariffs_by_column_and_again_with_new_prices(self):
        content = "Ref;Nombre;PVP;Tarifa Oro;PVP Distribuidor\nA1;Uno;30;{};20\n"
        self.load(content.format("25"))
        oro = self.env["product.pricelist"].search([("name", "=", "Tarifa Oro")])
        other = self.env["product.pricelist"].search(
            [("name", "=", "PVP Distribuidor")]
        )
        self.assertEqual(oro.item_ids.fixed_price, 25)
        self.assertEqual(other.item_ids.fixed_price, 20)
        job = self.load(content.format("24"), duplicates="update")
        self.assertEqual(job.updated, 1)
        self.assertEqual(oro.item_ids.fixed_price, 24)
        self.assertEqual(len(other.item_ids), 1)

    def test_new_tariff_is_nobodys_by_default(self):
        self.env.user.group_ids += self.env.ref("product.group_product_pricelist")
        self.env["product.pricelist"].search([]).active = False
        customer = self.env["res.partner"].create({"name": "Cliente"})
        self.load("Ref;Nombre;PVP;Tarifa Mayorista\nA1;Uno;30;1\n")
        price = customer.property_product_pricelist._get_product_price(
            self.product("A1"), 1
        )
        self.assertEqual(price, 30)

    def test_tariffs_that_nobody_would_see_are_said_before_loading(self):
        job = self.job("Ref;Nombre;PVP;Tarifa Mayorista\nA1;Uno;30;1\n")
        job.action_read()
        enabled = "product.group_product_pricelist"
        self.env.ref("base.group_user").implied_ids -= self.env.ref(enabled)
        job.invalidate_recordset(["tariff_warning"])
        self.assertIn("switched off", job.tariff_warning)
        plain = self.job()
        plain.action_read()
        self.assertFalse(plain.tariff_warning)

    def test_campaign_leads_to_the_loading_of_its_articles(self):
        self.assertFalse(
            self.as_user(self.campaign_a, self.supervisor_a).may_import_articles
        )
        theirs = self.as_user(self.campaign_a, self.manager)
        self.assertTrue(theirs.may_import_articles)
        action = theirs.action_import_articles()
        job = (
            self.as_user(self.env["telemarketing.import"], self.manager)
            .with_context(**action["context"])
            .create({"filename": "x.csv", "file": base64.b64encode(ARTICLES.encode())})
        )
        self.assertEqual((job.kind, job.campaign_id), ("articles", self.campaign_a))
        with self.assertRaises(AccessError):
            self.as_user(self.campaign_a, self.supervisor_a).action_import_articles()

    # columns

    def test_columns_set_by_hand_are_remembered_for_the_next_file(self):
        content = "Cosa;Vale\nFibra;30\n"
        job = self.job(content)
        job.action_read()
        with self.assertRaisesRegex(UserError, "name of the article"):
            job.action_load()
        for column, target in zip(job.column_ids, ("name", "price"), strict=True):
            column.article_target = target
        job.action_preview()
        self.assertIn("Fibra", job.preview_html)
        job.action_load()
        job._load()
        again = self.job(content)
        again.action_read()
        self.assertEqual(again.column_ids.mapped("article_target"), ["name", "price"])
        again.column_ids.article_target = "name"
        with self.assertRaisesRegex(UserError, "Name"):
            again.action_load()

    def test_every_target_of_the_kernel_can_be_chosen_by_hand(self):
        choices = dict(self.env["telemarketing.import.column"]._selection_article())
        self.assertEqual(set(choices) - {"tariff_column"}, set(ARTICLE_TARGETS))

    def test_template_loads_as_it_is_filled_in(self):
        data = write_articles_template()
        job = self.job(data, filename="plantilla.xlsx")
        with self.assertRaisesRegex(UserError, "no rows"):
            job.action_read()
        example = ";".join(
            cell.strftime("%d/%m/%Y") if hasattr(cell, "strftime") else str(cell)
            for _heading, _target, cell, _how in TEMPLATE
        )
        headings = ";".join(heading for heading, *_rest in TEMPLATE)
        job = self.load(f"{headings}\n{example}\n", campaign_id=self.campaign_a.id)
        self.assertEqual((job.loaded, job.bad, job.noticed), (1, 0, 0))

    # who

    def test_who_may_load_articles(self):
        seller = self._create_user(
            "seller", "supervisor", "product.group_product_manager"
        )
        self.campaign_a.supervisor_ids += seller
        for user in (self.agent_a, self.salesperson, self.supervisor_a):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.job(user=user, campaign_id=self.campaign_a.id)
        for user in (self.manager, seller):
            with self.subTest(user=user.login):
                job = self.load(
                    ARTICLES.replace("-", f"-{user.id}-"),
                    user=user,
                    campaign_id=self.campaign_a.id,
                )
                self.assertEqual((job.loaded, job.bad), (2, 2))
        # of a campaign that is not hers, or of none
        for campaign in (self.campaign_b, self.env["telemarketing.campaign"]):
            with self.assertRaises(AccessError):
                self.job(user=seller, campaign_id=campaign.id)

    def test_nobody_else_changes_what_a_managers_file_of_articles_does(self):
        job = self.job(user=self.manager, campaign_id=self.campaign_a.id)
        theirs = self.as_user(job, self.supervisor_a)
        for values in (
            {"file": base64.b64encode(b"Ref;Nombre;PVP\nX;X;1\n")},
            {"state": "loading"},
            {"kind": "contacts"},
        ):
            with self.assertRaises(AccessError):
                theirs.write(values)
        job.action_read()
        column = self.as_user(job.column_ids[:1], self.supervisor_a)
        with self.assertRaises(AccessError):
            column.article_target = "name"
        people = self.as_user(self.env["telemarketing.import"], self.supervisor_a)
        mine = people.create({"database_id": self.database_a.id, "filename": "x.csv"})
        with self.assertRaises(AccessError):
            mine.kind = "articles"

    def test_articles_load_in_the_background_in_the_name_of_who_asked(self):
        job = self.job(user=self.manager, campaign_id=self.campaign_a.id)
        job.action_read()
        job.action_load()
        self.env["telemarketing.import"]._cron_load()
        self.env.invalidate_all()
        self.assertEqual((job.state, job.loaded), ("done", 2))
        self.assertEqual(self.product("FIB-600").create_uid, self.manager)

    def test_rights_taken_away_meanwhile_stop_the_load(self):
        job = self.job(user=self.manager, campaign_id=self.campaign_a.id).sudo()
        job.action_read()
        job.action_load()
        self.manager.group_ids -= self.env.ref("telemarketing_base.group_manager")
        with mute_logger("odoo.addons.telemarketing_base.models.import_job"):
            self.env["telemarketing.import"]._cron_load()
        self.env.invalidate_all()
        self.assertEqual((job.state, job.loaded), ("failed", 0))
        self.assertIn("managers", job.error)
        self.assertFalse(self.product("FIB-600"))

    def test_form_of_articles_asks_for_no_database_and_shows_their_columns(self):
        jobs = self.as_user(self.env["telemarketing.import"], self.manager)
        # The name comes with the file that the browser uploads.
        jobs = jobs.with_context(default_filename="tarifa.csv")
        with Form(jobs) as form:
            form.kind = "articles"
            form.campaign_id = self.campaign_a
            form.file = base64.b64encode(ARTICLES.encode()).decode()
        job = form.record
        job.action_read()
        with Form(job) as form, form.column_ids.edit(7) as column:
            self.assertEqual(column.article_target, "description")
            column.article_target = "conditions"
        self.assertEqual(job.column_ids[7].article_target, "conditions")
        job.action_load()
        self.assertEqual(job.state, "loading")

    def test_campaign_of_another_company_is_refused(self):
        job = self.job()
        job.campaign_id = self.campaign_far
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE telemarketing_import SET company_id = %s WHERE id = %s",
            [self.company_a.id, job.id],
        )
        job.invalidate_recordset()
        with self.assertRaisesRegex(UserError, "another company"):
            job.action_read()

    # undoing

    def undo(self, job, user=None):
        """As the form does it: asked, shown, confirmed, done in the background."""
        asked = self.as_user(job, user) if user else job
        action = asked.action_undo()
        wizard = self.env[action["res_model"]].browse(action["res_id"])
        if user:
            wizard = self.as_user(wizard, user)
        self.assertTrue(wizard.going + wizard.changed)
        wizard.action_confirm()
        job.sudo()._undo()
        self.env.invalidate_all()

    def test_undone_load_leaves_nothing_but_what_is_used(self):
        kept = self.env["product.product"].create(
            {"name": "De antes", "default_code": "B1", "list_price": 5}
        )
        job = self.load(
            "Ref;Nombre;Familia;PVP;Tarifa Oro;Oferta\nA1;Uno;Nueva;30;25;Regalo\n"
            "A2;Dos;Nueva;9;;\nA3;Tres;Nueva;9;;\nB1;De antes;;7;6;\n",
            campaign_id=self.campaign_a.id,
            duplicates="update",
        )
        self.assertEqual((job.loaded, job.updated, kept.list_price), (3, 1, 7))
        used = self.product("A2")
        self.env["sale.order"].create(
            {
                "partner_id": self.principal_a.id,
                "order_line": [Command.create({"product_id": used.id})],
            }
        )
        self.product("A3").list_price = 99
        self.undo(job)
        self.assertFalse(self.product("A1"))
        self.assertTrue(used.exists())
        self.assertEqual(self.product("A3").list_price, 99)
        self.assertEqual(kept.list_price, 5)
        self.assertFalse(self.env["product.pricelist"].search([("name", "=", "Oro")]))
        self.assertFalse(
            self.env["product.pricelist"].search([("name", "=", "Tarifa Oro")])
        )
        self.assertEqual((job.state, job.restored), ("undone", 1))
        self.assertIn("Dos", job.error)
        self.assertIn("Tres", job.error)
        category = self.env["product.category"].search([("name", "=", "Nueva")])
        self.assertEqual(category, used.categ_id)

    def test_price_that_somebody_changed_since_is_not_put_back(self):
        product = self.env["product.product"].create(
            {"name": "Uno", "default_code": "B1", "list_price": 5}
        )
        job = self.load("Ref;PVP\nB1;7\n", duplicates="update")
        product.list_price = 8
        self.undo(job)
        self.assertEqual(product.list_price, 8)
        self.assertEqual((job.restored, job.not_restored), (0, 1))

    def test_only_who_may_load_articles_takes_them_back(self):
        job = self.load(user=self.manager, campaign_id=self.campaign_a.id)
        with self.assertRaises(AccessError):
            self.as_user(job, self.supervisor_a).action_undo()
        self.undo(job, self.manager)
        self.assertFalse(self.product("FIB-600"))

    def test_load_taken_back_in_pieces_leaves_nothing(self):
        before = self.env["product.template"].search_count([])
        job = self.load(
            "Ref;Nombre;Familia;PVP;Tarifa Oro\n"
            + "".join(f"A{n};Uno {n};F{n % 2};9;8\n" for n in range(1, 6))
        )
        with patch.object(import_articles, "CHUNK", 2):
            self.undo(job)
        self.assertEqual(job.state, "undone")
        self.assertFalse(job.error)
        self.assertEqual(self.env["product.template"].search_count([]), before)
        self.assertFalse(
            self.env["product.category"].search([("name", "in", ["F0", "F1"])])
        )
        again = self.load("Ref;Nombre;PVP\nA1;Uno;9\n")
        self.assertEqual(again.loaded, 1)
