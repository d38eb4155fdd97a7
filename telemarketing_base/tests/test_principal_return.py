"""What a client company, or its people, would lose at the end of its campaigns."""

import base64
import hashlib
import io
import zipfile
from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from ..importing import open_table
from ..models import principal_return
from .test_privacy import NIF, ErasureCommon


@tagged("post_install", "-at_install", "telemarketing_privacy")
class TestPrincipalReturn(ErasureCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.never = cls.create_contact("Nunca Llamada", "612 400 070")
        cls.never.raw_values = {"Teléfono": "612400070", "Nombre": "NEVER"}
        cls.job = cls.env["telemarketing.import"].create(
            {
                "database_id": cls.database_a.id,
                "filename": "base.csv",
                "file": base64.b64encode(b"Telefono;Nombre\n612400070;NEVER\n"),
                "state": "done",
            }
        )

    def one(self, **values):
        Return = self.as_user(self.env["telemarketing.principal.return"], self.manager)
        return Return.create(
            {
                "principal_id": self.principal_a.id,
                "campaign_ids": [Command.set(self.campaign_a.ids)],
                "fmt": "csv",
                **values,
            }
        )

    def ready(self, **values):
        self.campaign_a.state = "done"
        one = self.one(**values)
        one.action_prepare()
        one.sudo()._cron_work()
        self.assertFalse(one.error)
        return one

    def received(self, **values):
        one = self.ready(**values)
        one.write({"received_on": "2026-11-20", "received_by": "Ana, DPD de A"})
        one.action_confirm_received()
        return one

    def erased(self, **values):
        one = self.received(**values)
        one.action_erase()
        one.sudo()._cron_work()
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertFalse(one.error)
        return one

    def tables(self, one):
        content = base64.b64decode(one.with_context(bin_size=False).file)
        self.content = content
        archive = self.archive = zipfile.ZipFile(io.BytesIO(content))
        found = {}
        for name in archive.namelist():
            stem, _dot, extension = name.rpartition(".")
            if extension not in ("csv", "xlsx"):
                continue
            try:
                table = open_table(archive.read(name), name)
            except Exception:  # only headings
                found[stem] = []
                continue
            found[stem] = [
                dict(zip(table.headings, row, strict=False))
                for _number, row in table.rows()
            ]
        return found

    def test_the_file_holds_people_as_loaded_with_results_calls_and_proofs(self):
        for fmt in ("csv", "xlsx"):
            with self.subTest(fmt=fmt):
                one = self.ready(fmt=fmt)
                tables = self.tables(one)
                people = {row["Name"]: row for row in tables["contacts"]}
                self.assertEqual(
                    set(people), {"Carmen Peña", "Luis Otro", "Nunca Llamada"}
                )
                carmen = people["Carmen Peña"]
                self.assertEqual(carmen["NIF"], NIF)
                self.assertIn("+34612400001", carmen["Phones"])
                self.assertEqual(carmen["As loaded: Nombre"], "CARMEN PEÑA")
                call = tables["calls"][0]
                self.assertEqual(call["Notes"], "Prefiere el turno de tarde")
                self.assertNotIn(self.agent_a.name, str(tables))
                self.assertEqual(tables["consents"][0]["Text"], "v3")
                proofs = [n for n in self.archive.namelist() if "consents/" in n]
                self.assertEqual(self.archive.read(proofs[0]), b"signed form")
                self.assertEqual(one.sha256, hashlib.sha256(self.content).hexdigest())
                self.assertEqual(one.counts["contacts"], 3)

    def test_formulas_in_the_people_are_texts_in_the_file(self):
        self.carmen.note = "=HYPERLINK(1)"
        self.ready()
        one = self.ready()
        self.tables(one)
        self.assertIn(b"'=HYPERLINK(1)", self.archive.read("contacts.csv"))

    def test_another_principals_exclusions_are_not_told(self):
        number = self.carmen.phone_ids[0].number_id
        theirs = self.env["telemarketing.exclusion"].create(
            {
                "number_id": number.id,
                "scope": "principal",
                "principal_id": self.principal_b.id,
            }
        )
        ours = self.env["telemarketing.exclusion"].create({"number_id": number.id})
        tables = self.tables(self.ready())
        self.assertEqual(
            {row["Reference"] for row in tables["exclusions"]}, {ours.reference}
        )
        self.assertNotIn(theirs.reference, str(tables))

    def test_nothing_is_returned_while_the_campaign_runs(self):
        with self.assertRaisesRegex(UserError, "Close these campaigns"):
            self.one().action_prepare()

    def test_nothing_is_erased_before_somebody_confirmed_to_have_it(self):
        one = self.ready()
        with self.assertRaises(UserError):
            one.action_erase()
        with self.assertRaisesRegex(UserError, "who received"):
            one.action_confirm_received()
        one.write({"received_on": "2026-11-20", "received_by": "Ana"})
        one.action_confirm_received()
        self.assertEqual(one.confirmed_by_id, self.manager)
        self.assertTrue(self.carmen.name)
        with self.assertRaises(UserError):
            one.write({"received_by": "Somebody else"})

    def test_what_was_called_after_the_file_was_written_is_not_lost(self):
        one = self.received()
        self.create_call(self.other)
        with self.assertRaisesRegex(UserError, "written and received again"):
            one.action_erase()

    def test_its_people_are_gone_only_proofs_and_exclusions_stay(self):
        (self.carmen_b | self.carmen_far).phone_ids.unlink()
        (self.carmen_b | self.carmen_far).name = "Somebody"
        objected = self.env["telemarketing.exclusion"].create(
            {"number_id": self.other.phone_ids.number_id.id}
        )
        self.create_call(self.other, started_at=self.now(days=-3))
        with patch.object(principal_return, "CHUNK", 1):
            one = self.erased()
        self.assertFalse(self.never.exists())
        self.assertEqual(
            self.everywhere("Carmen", "Peña", NIF, "Nunca Llamada", "Luis Otro"),
            {"telemarketing_blocked.data", "telemarketing_blocked.identifiers"},
        )
        self.assertEqual(self.everywhere("612400070"), set())
        self.assertTrue(objected.exists().in_force)
        self.assertFalse(self.job.file)
        self.assertEqual(one.erased_counts["contacts"], 3)
        self.assertEqual(one.kept_counts["blocked"], 2)
        again = self.create_contact("Luis", "612 400 009", self.database_other)
        again.target_ids._refresh_gate(targets=again.target_ids)
        self.assertEqual(again.target_ids.state, "excluded")

    def test_figures_and_calls_stay_as_numbers(self):
        disposition = self.create_disposition()
        self.call.write({"state": "talking", "closed_at": False})
        self.call._close(disposition, {})
        Stat = self.env["telemarketing.stat.call"]
        since = self.now(days=-1).replace(minute=0, second=0)
        before = Stat._sums({"campaign_id": self.campaign_a.id}, since)
        self.assertEqual(before["calls"], 1)
        self.erased()
        self.assertEqual(Stat._sums({"campaign_id": self.campaign_a.id}, since), before)
        self.assertTrue(self.call.exists())
        self.assertFalse(self.call.notes)

    def test_prospects_and_handed_over_orders_lose_the_name_not_the_sum(self):
        partner = self.env["res.partner"].create(
            {
                "name": "Carmen Peña",
                "telemarketing_principal_id": self.principal_a.id,
            }
        )
        self.carmen.partner_id = partner
        product = self.env["product.product"].create({"name": "Fibre"})
        order = self.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "telemarketing_campaign_id": self.campaign_a.id,
                "signed_by": "Carmen Peña",
                "order_line": [
                    Command.create({"product_id": product.id, "price_unit": 30})
                ],
            }
        )
        order.state = "sale"
        total = order.amount_total
        one = self.ready()
        self.assertEqual(self.tables(one)["orders"][0]["Number"], order.name)
        one.write({"received_on": "2026-11-20", "received_by": "Ana"})
        one.action_confirm_received()
        one.action_erase()
        one.sudo()._cron_work()
        self.env.invalidate_all()
        self.assertFalse(partner.active)
        self.assertNotEqual(partner.name, "Carmen Peña")
        self.assertEqual((order.state, order.amount_total), ("sale", total))
        self.assertFalse(order.signed_by)

    def test_another_principals_and_another_campaigns_people_stay(self):
        open_elsewhere = self.create_contact("Still Worked", "612 400 060")
        self.env["telemarketing.target"].create(
            {
                "contact_id": open_elsewhere.id,
                "campaign_id": self.campaign_other.id,
            }
        )
        one = self.erased()
        self.assertEqual(self.carmen_b.name, "Carmen P.")
        self.assertEqual(self.carmen_far.name, "Carmen")
        self.assertEqual(open_elsewhere.name, "Still Worked")
        self.assertEqual(one.kept_counts["people_in_other_campaigns"], 1)

    def test_the_certificate_says_what_when_and_which_file(self):
        one = self.erased()
        self.assertFalse(one.file)
        html, _kind = self.env["ir.actions.report"]._render_qweb_html(
            "telemarketing_base.report_principal_return", one.ids
        )
        html = html.decode()
        for text in (
            one.certificate,
            one.reference,
            one.sha256,
            "Principal A",
            "Ana, DPD de A",
            "28.3.g",
            str(one.erased_counts["contacts"]),
        ):
            self.assertIn(text, html)

    def test_an_interrupted_erasure_goes_on_where_it_was(self):
        one = self.received()
        one.action_erase()
        job = one.sudo()
        # As a crash after the first chunk: what was committed stands.
        with patch.object(principal_return, "CHUNK", 1):
            first = job._next_ids(0)
            self.env["telemarketing.privacy.eraser"]._block(
                first, "return", job.reference, "2030-01-01"
            )
            self.env["telemarketing.privacy.eraser"]._empty(first)
        job._cron_work()
        self.assertEqual(job.state, "done")
        self.assertFalse(self.never.exists())

    def test_nobody_returns_or_erases_what_is_not_his(self):
        model = "telemarketing.principal.return"
        mine = {
            "principal_id": self.principal_a.id,
            "campaign_ids": [Command.set(self.campaign_a.ids)],
        }
        for user in (self.agent_a, self.supervisor_a, self.plain_user, self.portal_a):
            self.assertRefused(user, model, "create", mine)
        self.assertRefused(
            self.manager,
            model,
            "create",
            {
                "principal_id": self.principal_b.id,
                "campaign_ids": [Command.set(self.campaign_far.ids)],
            },
        )
        self.assertRefused(self.manager, model, "create", {**mine, "state": "ready"})
        with self.assertRaises(ValidationError):
            self.one(campaign_ids=[Command.set(self.campaign_b.ids)])
        one = self.one()
        self.assertRefused(self.manager, model, "write", one.ids, {"state": "received"})
        for method in ("_erase", "_prepare", "_cron_work", "labelled_counts"):
            self.assertRefused(self.manager, model, method, one.ids)
        officer = one.with_user(self.officer).read()[0]
        self.assertNotIn("file", officer)
