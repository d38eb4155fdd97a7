import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from ..models import evidence_file
from .common import TelemarketingCommon

NOON = "2026-11-23 11:00:00"
REPORT = "telemarketing_base.report_evidence"
QUIET = ("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")


class EvidenceCase(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        frozen = freeze_time(NOON)
        cls.clock = frozen.start()
        cls.addClassCleanup(frozen.stop)
        cls.sale = cls.create_disposition("Venta", outcome="useful", is_conversion=True)
        cls.script = cls.env["telemarketing.script"].create(
            {
                "name": "Venta de fibra",
                "body": "<p>Hola</p>",
                "legal_line_ids": [
                    Command.create({"requirement": "identity", "text": "Quién soy"}),
                    Command.create({"requirement": "recording", "text": "Se graba"}),
                ],
                "campaign_ids": [Command.set(cls.campaign_a.ids)],
            }
        )
        cls.maria = cls.create_contact(
            "María <Canaria>", "612345678", vat="12345678Z", city="Arucas"
        )
        cls.calls_made = 0

    def setUp(self):
        super().setUp()
        self.clock.move_to(NOON)

    @classmethod
    def call_of(cls, contact=None, **values):
        contact = contact or cls.maria
        campaign = contact.campaign_id
        phone = contact.phone_ids[:1]
        cls.calls_made += 1
        return cls.env["telemarketing.interaction"].create(
            {
                "uuid": f"evidence-{cls.calls_made}",
                "company_id": campaign.company_id.id,
                "campaign_id": campaign.id,
                "principal_id": campaign.principal_id.id,
                "database_id": contact.database_id.id,
                "contact_id": contact.id,
                "target_id": contact.target_ids[:1].id,
                "agent_id": cls.agent_a.id,
                "team_id": cls.team_a.id,
                "phone_id": phone.id,
                "number_id": phone.number_id.id,
                "e164": phone.e164,
                "number_kind": phone.number_id.kind,
                "started_at": "2026-11-23 10:30:15",
                "closed_at": "2026-11-23 10:35:00",
                "state": "done",
                "disposition_id": cls.sale.id,
                **values,
            }
        )

    @classmethod
    def gate(cls, **values):
        return {
            "answer": "allowed",
            "basis": "consent",
            "consented_on": "2026-03-01",
            "robinson": "absent",
            "robinson_at": "2026-11-20 06:00:00",
            "province": "35",
            "tz": "Atlantic/Canary",
            "local": "2026-11-23 10:30:15",
            "closed_days_checked": ["2026-12-08"],
            "caller": "+34911234567",
            "warnings": ["consent_expired"],
            "purpose": "commercial",
            **values,
        }

    def evidence(self, call):
        return self.env["telemarketing.evidence"]._of(call)[0]

    def page(self, call, user=None):
        report = self.env["ir.actions.report"].with_user(user or self.supervisor_a)
        return report._render_qweb_html(REPORT, call.ids)[0].decode()


@tagged("post_install", "-at_install", "telemarketing_evidence")
class TestEvidence(EvidenceCase):
    """What an inspector asks about a call is there, and of nobody else."""

    def test_page_says_hour_and_place_basis_number_and_list_as_they_were_then(self):
        call = self.call_of(gate=self.gate())
        # What is known today does not change what was known then.
        self.maria.write({"zip": "28001", "legal_basis": "client"})
        page = self.page(call)
        for text in (
            "2026-11-23 10:30:15",
            "Atlantic/Canary",
            "Arucas, Las Palmas",
            "2026-12-08",
            "+34911234567",
            "+34612345678",
            "Principal A",
            "Agent A",
            "12345678Z",
            "2026-03-01",
            "TRLGDCU art. 62.1",
            "Was not in the list",
            "Consent expired",
            "2026-11-20 06:00:00",
            call.uuid,
        ):
            self.assertIn(text, page)
        self.assertNotIn("was not kept with this call", page)
        self.assertIn("María &lt;Canaria&gt;", page)

    def test_an_old_call_says_what_was_not_recorded_instead_of_guessing(self):
        page = self.page(self.call_of())
        self.assertIn("was not kept with this call", page)
        self.assertIn("Not recorded", page)
        values = self.evidence(self.call_of())
        self.assertEqual((values["basis"], values["robinson"]), ("", ""))

    def test_consultation_of_the_list_is_proved_without_other_peoples_numbers(self):
        Service = self.env["telemarketing.robinson.service"]
        number, other = self.maria.phone_ids.number_id.e164, "+34699999999"
        check = self.env["telemarketing.robinson.check"].create(
            {
                "company_id": self.company_a.id,
                "at": "2026-11-20 06:00:00",
                "route": "service",
                "hash_count": 2,
                "proof": "fingerprint-of-the-answer",
                "answer": json.dumps(
                    {
                        Service._hash(number): {"signature": "signature-of-maria"},
                        Service._hash(other): {"signature": "signature-of-other"},
                    }
                ),
            }
        )
        call = self.call_of(gate=self.gate(robinson_check_id=check.id))
        page = self.page(call)
        self.assertIn("signature-of-maria", page)
        file = self.env["telemarketing.evidence.file"].create(
            {
                "campaign_id": self.campaign_a.id,
                "date_from": "2026-11-01",
                "date_to": "2026-11-30",
            }
        )
        file._cron_make()
        archive = zipfile.ZipFile(io.BytesIO(file.attachment_ids.raw))
        proof = json.loads(archive.read(f"robinson/{check.id}.json"))
        self.assertEqual(proof["sha256_of_the_answer"], "fingerprint-of-the-answer")
        whole = "".join(archive.read(n).decode() for n in archive.namelist())
        self.assertIn("signature-of-maria", whole)
        for leak in ("signature-of-other", Service._hash(other)):
            self.assertNotIn(leak, whole + page)

    def test_consent_that_counts_is_this_persons_this_advertisers_and_earlier(self):
        Consent = self.env["telemarketing.consent"]
        stranger = self.create_contact("Otra", "612345670")
        given = [
            (self.maria, "2026-02-01 10:00:00", "texto viejo"),
            (self.maria, "2026-03-01 10:00:00", "texto bueno"),
            (stranger, "2026-05-01 10:00:00", "texto de otra"),
        ]
        for contact, at, text in given:
            Consent.create(
                {
                    "contact_id": contact.id,
                    "given_at": at,
                    "text_version": text,
                    "channel": "web",
                    "evidence_name": f"{text}.pdf",
                }
            )
        call = self.call_of(gate=self.gate())
        values = self.evidence(call)
        self.assertEqual(values["consent_text"], "texto bueno")
        self.assertEqual(values["consent_at"], "2026-03-01 10:00:00")
        self.assertEqual(values["consent_evidence"], "texto bueno.pdf")
        earlier = self.call_of(started_at="2026-02-15 10:00:00")
        self.assertEqual(self.evidence(earlier)["consent_text"], "texto viejo")
        never = self.call_of(started_at="2026-01-15 10:00:00")
        self.assertEqual(self.evidence(never)["consent_at"], "")

    def test_exclusions_say_what_held_then_and_what_holds_now(self):
        call = self.call_of()
        Exclusion = self.env["telemarketing.exclusion"]
        common = {"number_id": call.number_id.id, "company_id": self.company_a.id}
        before = Exclusion.create({**common, "date": "2026-01-01 10:00:00"})
        before.action_lift("Pidió volver a recibir llamadas")
        before.sudo().lifted_at = "2026-06-01 10:00:00"
        after = Exclusion.create({**common, "date": "2026-11-23 10:40:00"})
        values = self.evidence(call)
        self.assertEqual(
            [(x["reference"], x["then"], x["now"]) for x in values["exclusions"]],
            [(before.reference, False, False), (after.reference, False, True)],
        )
        then = self.evidence(self.call_of(started_at="2026-03-01 10:00:00"))
        self.assertIn(before.reference, then["objections_then"])
        self.assertIn("Pidió volver", self.page(call))

    def test_another_client_companys_exclusion_is_not_told(self):
        call = self.call_of()
        for principal in (self.principal_a, self.principal_b):
            self.env["telemarketing.exclusion"].create(
                {
                    "number_id": call.number_id.id,
                    "company_id": self.company_a.id,
                    "scope": "principal",
                    "principal_id": principal.id,
                    "source": f"de {principal.name}",
                }
            )
        values = self.evidence(call)
        self.assertEqual(
            [x["source"] for x in values["exclusions"]], ["de Principal A"]
        )

    def test_calls_before_are_counted_by_number_over_every_campaign(self):
        twin = self.create_contact("Gemela", "612345678", self.database_b)
        for at in ("2026-11-09 10:00:00", "2026-11-23 09:00:00"):
            self.call_of(started_at=at)
        self.call_of(twin, started_at="2026-11-23 09:30:00")
        call = self.call_of()
        self.call_of(started_at="2026-11-23 12:00:00")
        values = self.evidence(call)
        self.assertEqual(
            (
                values["attempts_before"],
                values["attempts_day"],
                values["attempts_week"],
                values["attempt_last_at"],
            ),
            (3, 2, 2, "2026-11-23 09:30:00"),
        )

    def test_lines_said_and_missing_are_those_of_the_version_read(self):
        version = self.script.version_id
        line = version._confirm_list()[0]
        call = self.call_of(
            script_version_id=version.id,
            confirmed_lines=[version._line_key(line)],
            legal_missing="recording",
        )
        self.script.legal_line_ids[0].text = "Otro texto"
        values = self.evidence(call)
        self.assertEqual(
            [(x["text"], x["said"], x["missing"]) for x in values["script_lines"]],
            [("Quién soy", True, False), ("Se graba", False, True)],
        )
        self.assertEqual(values["script"], "Venta de fibra v1")
        self.assertEqual(values["recording_consent"], "")
        page = self.page(call)
        self.assertIn("art. 96.2 TRLGDCU", page)
        self.assertNotIn("Otro texto", page)

    def test_recording_is_proved_by_its_fingerprint_and_length(self):
        call = self.call_of()
        self.env["telemarketing.recording"].create(
            {
                "interaction_id": call.id,
                "store": "attachment",
                "storage_key": "x",
                "sha256": "ab" * 32,
                "seconds": 95,
                "size": 1234,
            }
        )
        self.assertIn("ab" * 32, self.page(call))
        self.assertEqual(self.evidence(call)["recording_seconds"], 95)

    def test_the_same_facts_have_the_same_fingerprint_and_others_another(self):
        tool = self.env["telemarketing.evidence"]
        call = self.call_of(gate=self.gate())
        first = tool._fingerprint(self.evidence(call))
        self.assertEqual(tool._fingerprint(self.evidence(call)), first)
        call.sudo().gate = self.gate(basis="request")
        self.assertNotEqual(tool._fingerprint(self.evidence(call)), first)

    def test_a_call_dialled_at_the_desk_has_all_that_its_permission_rested_on(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        target = self.maria.target_ids
        target.agent_id = self.agent_a
        call = desk.get_target(token, target.id)["call"]
        phone_id = call["target"]["suggested_phone_id"]
        answer = desk.dial(token, "evidence-dialled", target.id, phone_id)
        self.assertNotIn("refused", answer)
        desk.close_and_get_next(
            token,
            "evidence-dialled",
            target.id,
            self.sale.id,
            {
                "confirmed": [
                    self.script.version_id._line_key(line)
                    for line in self.script.version_id._confirm_list()
                ]
            },
            next=False,
        )
        dialled = self.env["telemarketing.interaction"].search(
            [("uuid", "=", "evidence-dialled")]
        )
        values = self.evidence(dialled)
        self.assertTrue(values["gate_recorded"])
        self.assertEqual((values["answer"], values["attempts_before"]), ("Yes", 0))
        self.assertTrue(values["basis"])
        self.assertIn("Quién soy; Se graba", values["legal_said"])
        self.assertEqual(values["recording_consent"], "Yes")
        self.assertIn("evidence-dialled", self.page(dialled))

    # rights

    def test_agents_get_no_evidence_not_even_of_their_own_calls(self):
        call = self.call_of()
        self.assertTrue(call.with_user(self.agent_a).has_access("read"))
        for user in (self.agent_a, self.salesperson, self.plain_user, self.portal_a):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.page(call, user)

    @mute_logger(*QUIET)
    def test_supervisors_get_only_their_campaigns_evidence(self):
        foreign = self.call_of(
            self.create_contact("Lejana", "612345672", self.database_b),
            agent_id=self.agent_other.id,
            team_id=self.team_b.id,
        )
        self.assertIn(foreign.uuid, self.page(foreign, self.supervisor_b))
        self.assertIn(foreign.uuid, self.page(foreign, self.manager))
        for user in (self.supervisor_a, self.supervisor_far):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.page(foreign, user)

    def test_a_whole_campaign_is_not_put_on_paper(self):
        with patch("odoo.addons.telemarketing_base.models.evidence.MAX_PAGES", 1):
            with self.assertRaisesRegex(UserError, "evidence file"):
                self.page(self.call_of() | self.call_of())

    def test_action_menu_offers_evidence_to_supervisors_only(self):
        Actions = self.env["ir.actions.actions"]
        name = "telemarketing.interaction"
        report = self.env.ref("telemarketing_base.action_report_evidence")
        for user, expected in ((self.supervisor_a, True), (self.agent_a, False)):
            bound = Actions.with_user(user).get_bindings(name).get("report", ())
            self.assertEqual(report.id in [each["id"] for each in bound], expected)


@tagged("post_install", "-at_install", "telemarketing_evidence")
class TestEvidenceFile(EvidenceCase):
    """A campaign's evidence as a file that can be checked, and that goes away."""

    def ask(self, user=None, **values):
        File = self.env["telemarketing.evidence.file"].with_user(
            user or self.supervisor_a
        )
        return File.create(
            {
                "campaign_id": self.campaign_a.id,
                "date_from": "2026-11-01",
                "date_to": "2026-11-30",
                **values,
            }
        )

    def make(self):
        self.env["telemarketing.evidence.file"]._cron_make()

    def archives(self, file):
        attachments = file.attachment_ids.sorted("id")
        return [zipfile.ZipFile(io.BytesIO(a.raw)) for a in attachments]

    def rows(self, archive):
        text = archive.read("calls.csv").decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text), delimiter=";"))

    def test_file_has_each_call_of_the_days_once_scripts_and_a_true_manifest(self):
        version = self.script.version_id
        inside = self.call_of(gate=self.gate(), script_version_id=version.id)
        # 23:30 UTC of October 31 is November in Madrid.
        edge = self.call_of(started_at="2026-10-31 23:30:00")
        self.call_of(started_at="2026-10-31 22:30:00")
        self.call_of(started_at="2026-11-30 23:30:00")
        self.call_of(state="talking")
        self.call_of(is_call=False)
        self.call_of(self.create_contact("B", "612345673", self.database_b))
        file = self.ask()
        self.assertEqual((file.state, file.total), ("queued", 2))
        self.make()
        self.assertEqual((file.state, file.done, file.progress), ("done", 2, 100))
        (archive,) = self.archives(file)
        header, *rows = self.rows(archive)
        place = header.index("Reference of the call")
        self.assertEqual([row[place] for row in rows], [inside.uuid, edge.uuid])
        self.assertIn("+34612345678", rows[0])
        lines = archive.read("calls.jsonl").decode().splitlines()
        self.assertEqual(
            [json.loads(x)["reference"] for x in lines], [inside.uuid, edge.uuid]
        )
        script = json.loads(archive.read(f"scripts/{version.id}.json"))
        self.assertEqual(script["lines"][0]["text"], "Quién soy")
        sums = dict(
            reversed(line.split("  "))
            for line in archive.read("SHA256SUMS").decode().splitlines()
        )
        self.assertEqual(set(sums) | {"SHA256SUMS"}, set(archive.namelist()))
        for name, digest in sums.items():
            self.assertEqual(hashlib.sha256(archive.read(name)).hexdigest(), digest)
        self.assertIn("2 calls", archive.read("README.txt").decode())

    def test_no_cell_runs_in_a_spreadsheet(self):
        evil = '=HYPERLINK("http://x","y")'
        self.maria.name = evil
        self.maria.database_id.name = "@SUM(1)"
        self.call_of(gate=self.gate(caller="+cmd|' /C calc'!A0"))
        file = self.ask()
        self.make()
        _header, row = self.rows(self.archives(file)[0])
        self.assertIn("'" + evil, row)
        self.assertIn("'@SUM(1)", row)
        self.assertIn("'+cmd|' /C calc'!A0", row)
        self.assertFalse([c for c in row if c[:1] in "=@-\t\r" and c])

    def test_many_calls_make_several_files_and_a_crash_repeats_none(self):
        calls = [self.call_of() for _n in range(5)]
        file = self.ask()
        made = type(file)._zip

        def fails_on_the_second(self, ids, number, now):
            if number == 2:
                raise ValueError("disk full")
            return made(self, ids, number, now)

        self.patch(evidence_file, "VOLUME", 2)
        self.patch(evidence_file, "SLICE", 1)
        with (
            patch.object(type(file), "_zip", fails_on_the_second),
            mute_logger("odoo.addons.telemarketing_base.models.evidence_file"),
        ):
            self.make()
        self.assertEqual((file.state, file.done), ("failed", 2))
        self.assertIn("disk full", file.error)
        file.action_retry()
        self.make()
        self.assertEqual((file.state, file.volumes), ("done", 3))
        told = [
            row[0] for archive in self.archives(file) for row in self.rows(archive)[1:]
        ]
        self.assertEqual(told, [call.uuid for call in calls])

    def test_a_campaign_without_calls_gives_a_file_that_says_so(self):
        file = self.ask()
        self.make()
        self.assertEqual(len(self.rows(self.archives(file)[0])), 1)

    def test_work_does_not_grow_with_the_calls_of_a_slice(self):
        """Gathering is by slices, not by call: the number of queries stays."""
        tool = self.env["telemarketing.evidence"]
        people = [self.create_contact(f"P{n}", f"6110000{n:02}") for n in range(40)]
        calls = self.env["telemarketing.interaction"].union(
            *(self.call_of(person, gate=self.gate()) for person in people)
        )
        counts = []
        for size in (10, 40):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            tool._of(calls[:size])
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 5)

    # rights

    @mute_logger(*QUIET)
    def test_only_who_administers_the_campaign_asks_and_downloads(self):
        file = self.ask()
        self.make()
        attachment = file.sudo().attachment_ids
        self.assertTrue(attachment.with_user(self.supervisor_a).raw)
        self.assertTrue(attachment.with_user(self.manager).raw)
        for user in (
            self.agent_a,
            self.salesperson,
            self.supervisor_b,
            self.supervisor_far,
            self.plain_user,
            self.portal_a,
        ):
            with self.subTest(user.login):
                self.env.invalidate_all()
                with self.assertRaises(AccessError):
                    attachment.with_user(user).read(["raw"])
                with self.assertRaises(AccessError):
                    self.ask(user)

    @mute_logger(*QUIET)
    def test_nobody_forges_or_replaces_a_file(self):
        file = self.ask()
        self.make()
        attachment = file.attachment_ids
        for user in (self.supervisor_a, self.manager):
            with self.assertRaises(AccessError):
                attachment.with_user(user).write({"raw": b"other"})
            with self.assertRaises(AccessError):
                attachment.with_user(user).unlink()
            with self.assertRaises(AccessError):
                file.with_user(user).state = "queued"
            with self.assertRaises(UserError):
                file.with_user(user).unlink()
            with self.assertRaises(AccessError):
                self.env["ir.attachment"].with_user(user).create(
                    {
                        "name": "forged.zip",
                        "raw": b"PK",
                        "res_model": file._name,
                        "res_id": file.id,
                    }
                )
            with self.assertRaises(AccessError):
                self.ask(user, state="done", total=1)
            with self.assertRaises(AccessError):
                File = self.env["telemarketing.evidence.file"].with_user(user)
                File.create(
                    {"campaign_id": self.campaign_a.id, "keep_until": "2099-01-01"}
                )
        defaulted = self.ask(self.supervisor_a)
        self.assertEqual(defaulted.state, "queued")

    def test_context_defaults_set_nothing_either(self):
        File = self.env["telemarketing.evidence.file"].with_user(self.supervisor_a)
        file = File.with_context(default_state="done").create(
            {
                "campaign_id": self.campaign_a.id,
                "date_from": "2026-11-01",
                "date_to": "2026-11-02",
            }
        )
        self.assertEqual(file.state, "queued")

    def test_files_go_after_their_days_and_who_took_them_stays(self):
        self.company_a.telemarketing_evidence_days = 10
        file = self.ask()
        self.make()
        attachment = file.sudo().attachment_ids
        self.clock.tick(timedelta(days=10))
        self.env["telemarketing.evidence.file"]._gc_files()
        self.assertTrue(attachment.exists())
        self.clock.tick(timedelta(days=1))
        self.env["telemarketing.evidence.file"]._gc_files()
        self.assertFalse(attachment.exists())
        self.assertEqual((file.state, file.create_uid), ("deleted", self.supervisor_a))


@tagged("post_install", "-at_install", "telemarketing_evidence")
class TestEvidenceRoutes(EvidenceCase, HttpCase):
    """The addresses of the report, as a browser asks for them."""

    def test_address_of_the_page_is_shut_to_agents(self):
        call = self.call_of()
        secret = "evidence_password"  # pragma: allowlist secret
        (self.agent_a | self.supervisor_a).password = secret
        self.authenticate(self.supervisor_a.login, secret)
        answer = self.url_open(f"/report/html/{REPORT}/{call.id}")
        self.assertEqual(answer.status_code, 200)
        self.assertIn(call.uuid, answer.text)
        self.authenticate(self.agent_a.login, secret)
        for converter in ("html", "pdf"):
            with mute_logger("odoo.http"):
                answer = self.url_open(f"/report/{converter}/{REPORT}/{call.id}")
            self.assertNotEqual(answer.status_code, 200)
            self.assertNotIn(call.e164, answer.text)
