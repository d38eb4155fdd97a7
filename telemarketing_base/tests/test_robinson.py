import base64
import hashlib
import json
from datetime import timedelta
from unittest.mock import patch

import requests

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.modules.neutralize import get_neutralization_queries
from odoo.service.model import call_kw
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from odoo.addons.base.tests.test_ir_cron import CronMixinCase

from ..compliance.robinson import NOBODYS_PHONE, hash_e164, hash_phone
from ..models import robinson_client, robinson_load
from .common import TelemarketingCommon
from .robinson_server import RobinsonServer

QUIET = ("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")


class RobinsonCommon(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database_a.legal_basis = "client"
        (cls.campaign_a | cls.campaign_own | cls.campaign_far).similar_product = True
        cls.env["telemarketing.calling.rules"]._for(cls.company_a).write(
            {"robinson": "required", "robinson_days": 30}
        )
        cls.ana = cls.create_contact("Ana", "612 345 678")
        cls.luis = cls.create_contact("Luis", "912 345 678")
        cls.numbers = (cls.ana | cls.luis).phone_ids.number_id
        cls.service = cls.env["telemarketing.robinson.service"]
        cls.env.flush_all()

    @classmethod
    def number(cls, contact):
        return contact.phone_ids.number_id[:1]

    def checks(self, **values):
        return self.env["telemarketing.robinson.check"].search(
            [(name, "=", value) for name, value in values.items()], order="id"
        )


@tagged("post_install", "-at_install")
class TestRobinson(RobinsonCommon, CronMixinCase):
    """The online service: what a centre would lose if it broke."""

    @classmethod
    def _request_handler(cls, session, request, /, **kw):
        # Odoo's tests lengthen short waits; ours are about waiting.
        if request.url.startswith("http://127.0.0.1:"):
            return robinson_send(session, request, **kw)
        return super()._request_handler(session, request, **kw)

    def setUp(self):
        super().setUp()
        self.server = RobinsonServer()
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.slept = []
        for name, value in (
            ("SECONDS_BETWEEN", 0.0),
            ("_sleep", None),
        ):
            if name == "_sleep":
                patcher = patch.object(
                    robinson_client.RobinsonClient,
                    "_sleep",
                    lambda client, seconds: self.slept.append(seconds),
                )
            else:
                patcher = patch.object(robinson_client, name, value)
            patcher.start()
            self.addCleanup(patcher.stop)

    def switch_on(self, company=None, **values):
        (company or self.company_a).write(
            {
                "telemarketing_robinson_endpoint": self.server.endpoint,
                "telemarketing_robinson_key": self.server.KEY,
                "telemarketing_robinson_secret": self.server.SECRET,
                **values,
            }
        )

    def consult(self):
        self.service._cron_check()
        self.env.invalidate_all()

    def waits(self):
        return [seconds for seconds in self.slept if seconds > 0]

    # WHAT IS ASKED

    def test_who_is_in_the_list_is_known_and_the_proof_is_kept(self):
        self.switch_on()
        there = hash_e164("+34612345678")
        self.server.present[there] = ["1", "7"]
        self.consult()
        ana, luis = self.number(self.ana), self.number(self.luis)
        self.assertEqual((ana.robinson, luis.robinson), ("present", "absent"))
        self.assertEqual(ana.robinson_at, luis.robinson_at)
        self.assertEqual(ana.robinson_age, 0)
        check = ana.robinson_check_id
        self.assertEqual(check, luis.robinson_check_id)
        self.assertEqual(
            (check.route, check.state, check.asked_count, check.present_count),
            ("service", "done", 2, 1),
        )
        # word for word, its fingerprint, and the signature of each
        self.assertEqual(check.proof, hashlib.sha256(check.answer.encode()).hexdigest())
        proof = check._proof_of("+34612345678")
        self.assertEqual(proof["sectors"], ["1", "7"])
        self.assertIn(there, base64.b64decode(proof["signature"]).decode())
        self.assertEqual(proof["fingerprint"], check.proof)

    def test_no_telephone_leaves_the_house_only_hashes(self):
        self.switch_on()
        self.consult()
        self.assertEqual(
            sorted(self.server.requests[0]),
            sorted([hash_e164("+34612345678"), hash_e164("+34912345678")]),
        )

    def test_the_61st_number_goes_in_a_second_request(self):
        self.switch_on()
        for place in range(59):
            self.create_contact(f"P{place}", f"6990000{place:02d}")
        self.consult()
        self.assertEqual([len(one) for one in self.server.requests], [60, 1])
        self.assertEqual(len(self.checks(state="done", route="service")), 2)
        self.assertFalse(self.server.refused)

    def test_a_number_is_asked_again_some_days_before_it_gets_too_old(self):
        self.switch_on()
        self.consult()
        now = self.now()
        for days, asked in ((0, 0), (26, 0), (27.5, 2)):
            self.server.requests.clear()
            with patch.object(
                self.registry["telemarketing.clock"],
                "_now",
                lambda clock, at=now + timedelta(days=days): at,
            ):
                self.consult()
            self.assertEqual(sum(map(len, self.server.requests)), asked, days)

    def test_only_those_whom_the_law_wants_asked_are_asked(self):
        self.switch_on()
        self.luis.legal_basis = "consent"
        self.ana.is_company = True
        other = self.create_contact("Otro", "655 555 555")
        other.is_professional = True
        firm = self.create_contact("Despacho", "655 555 560")
        firm.legal_basis = "legal_person"
        bad = self.create_contact("Malo", "655 555 556")
        self.number(bad).state = "bad"
        premium = self.create_contact("Caro", "806 555 557")
        self.assertEqual(self.number(premium).kind, "premium")
        agreed = self.create_contact("Consiente", "655 555 558")
        agreed.sudo().consented_on = self.now().date()
        done = self.create_contact("Hecho", "655 555 559")
        done.target_ids.sudo().state = "done"
        self.consult()
        self.assertEqual(self.server.requests, [[hash_e164("+34655555555")]])
        # the company may have everybody asked
        self.company_a.telemarketing_robinson_all = True
        self.server.requests.clear()
        self.consult()
        self.assertEqual(
            sorted(self.server.requests[0]),
            sorted(
                map(
                    hash_e164,
                    ("+34612345678", "+34912345678", "+34655555558", "+34655555560"),
                )
            ),
        )

    def test_a_consent_older_than_two_years_protects_nobody_from_being_asked(self):
        self.switch_on()
        self.ana.sudo().consented_on = self.now(days=-800).date()
        self.luis.sudo().consented_on = self.now(days=-700).date()
        self.consult()
        self.assertEqual(self.server.requests, [[hash_e164("+34612345678")]])

    def test_nobody_is_asked_about_whom_the_campaign_may_not_call_anyway(self):
        self.switch_on()
        for values in (
            {"call_purpose": "survey", "kind": "survey"},
            {"similar_product": False},
            {"group_company": True},
            {"basis_client": False},
        ):
            before = {name: self.campaign_a[name] for name in values}
            self.campaign_a.write(values)
            self.consult()
            self.campaign_a.write(before)
        self.env["telemarketing.calling.rules"]._for(self.company_a).robinson = "off"
        self.consult()
        self.assertFalse(self.server.requests)

    def test_campaign_that_starts_has_its_numbers_consulted_and_says_how_many_wait(
        self,
    ):
        self.switch_on()
        self.campaign_a.action_pause()
        self.consult()
        self.assertFalse(self.server.requests)
        with self.capture_triggers("telemarketing_base.cron_robinson") as capture:
            self.campaign_a.action_start()
        self.assertTrue(capture.records)
        self.assertEqual(self.campaign_a.robinson_waiting, 2)
        self.assertIn("2", self.campaign_a.robinson_notice)
        self.consult()
        self.assertEqual(len(self.server.requests), 1)
        self.assertEqual(self.campaign_a.robinson_waiting, 0)
        self.assertFalse(self.campaign_a.robinson_notice)

    def test_numbers_of_a_campaign_are_consulted_before_it_starts(self):
        self.switch_on()
        self.campaign_a.action_pause()
        self.as_user(self.campaign_a, self.supervisor_a).action_robinson()
        self.assertEqual(self.campaign_a.robinson_waiting, 2)
        self.consult()
        self.assertEqual(self.number(self.ana).robinson, "absent")
        # once answered it is a paused campaign like any other
        self.assertFalse(self.campaign_a.robinson_asked)
        self.assertEqual(self.campaign_a.robinson_waiting, 0)

    def test_whoever_may_be_called_because_of_the_answer_is_asked_again(self):
        self.switch_on()
        with patch.object(
            self.registry["telemarketing.target"], "_refresh_gate", autospec=True
        ) as refresh:
            self.consult()
        refreshed = [call.kwargs["numbers"] for call in refresh.call_args_list]
        self.assertEqual(refreshed, [self.numbers.sudo()])

    def test_consent_from_before_enrolling_is_taken_back(self):
        """Of two who agreed on the same day one is found to have enrolled later; of
        the other nobody knows since when (LOPDGDD 23.4)."""
        self.switch_on()
        (self.ana | self.luis).write({"legal_basis": "consent"})
        self.company_a.telemarketing_robinson_all = True
        ana, luis = self.number(self.ana), self.number(self.luis)
        asked = self.now(days=-31).replace(hour=23, minute=30)
        agreed = asked.date() - timedelta(days=5)
        (self.ana | self.luis).sudo().consented_on = agreed
        self.server.present[hash_e164(luis.e164)] = ["1"]
        clock = self.registry["telemarketing.clock"]
        with patch.object(clock, "_now", lambda _clock: asked):
            self.consult()
        self.assertEqual((ana.robinson, luis.robinson), ("absent", "present"))
        self.server.present[hash_e164(ana.e164)] = ["1"]
        self.consult()
        # half past eleven at night by UTC is the next day in Spain
        since = asked.date() + timedelta(days=2)
        self.assertEqual((ana.robinson_since, luis.robinson_since), (since, False))
        self.assertEqual(self.ana.target_ids.callable_code, "robinson_later")
        self.assertNotEqual(self.luis.target_ids.callable_code, "robinson_later")
        gate = self.env["telemarketing.gate"]
        answers = gate._ask(self.ana.target_ids, self.now()).values()
        self.assertEqual(
            [verdict.finding.code for _facts, verdict in answers], ["robinson_later"]
        )
        # asked again, it is still that day; then it leaves the list
        for days, expected in ((31, since), (62, False)):
            if not expected:
                del self.server.present[hash_e164(ana.e164)]
            at = self.now(days=days)
            with patch.object(clock, "_now", lambda _clock, at=at: at):
                self.consult()
            self.assertEqual(ana.robinson_since, expected)
        self.assertEqual(ana.robinson, "absent")

    def test_client_with_a_natural_persons_nif_is_asked_about_whatever_is_ticked(self):
        self.switch_on()
        self.luis.write({"vat": "12345678Z", "is_company": True})
        self.ana.write({"vat": "A58818501", "is_company": True})
        self.consult()
        self.assertEqual(self.server.requests, [[hash_e164("+34912345678")]])

    # WHEN IT FAILS

    def test_nothing_is_sent_while_there_are_no_keys(self):
        self.company_a.telemarketing_robinson_endpoint = self.server.endpoint
        sent = []
        with patch.object(
            requests.Session, "send", lambda *args, **kwargs: sent.append(args)
        ):
            self.consult()
            self.campaign_a.action_pause()
            self.campaign_a.action_start()
            self.campaign_a.action_robinson()
            self.consult()
            for values in (
                {"telemarketing_robinson_key": "only-half"},
                {
                    "telemarketing_robinson_key": False,
                    "telemarketing_robinson_secret": "half",
                },
            ):
                self.company_a.write(values)
                self.consult()
            self.company_a.telemarketing_robinson_secret = False
            with self.assertRaises(UserError):
                self.service._test(self.company_a)
        self.assertFalse(sent)
        self.assertFalse(self.server.requests)
        self.assertFalse(self.checks())
        self.assertFalse(self.number(self.ana).robinson)
        # what waits is counted all the same, and the way out is said
        self.assertEqual(self.campaign_a.robinson_waiting, 2)
        self.assertIn("off", self.campaign_a.robinson_notice)

    def test_busy_and_broken_services_are_tried_again_with_pauses(self):
        self.switch_on()
        self.server.script = [{"status": 429, "headers": {"Retry-After": "7"}}, 502]
        self.consult()
        self.assertEqual(len(self.server.requests), 3)
        self.assertEqual(self.waits(), [7.0, 4.0])
        self.assertEqual(self.number(self.ana).robinson, "absent")
        self.assertEqual(self.checks().mapped("state"), ["done"])

    def test_after_three_attempts_it_is_left_for_later(self):
        self.switch_on()
        self.server.script = [500, 503, 429, 500]
        with self.capture_triggers("telemarketing_base.cron_robinson") as capture:
            self.consult()
        self.assertEqual(len(self.server.requests), 3)
        self.assertGreater(capture.records.call_at, self.env.cr.now())
        check = self.checks()
        self.assertEqual((check.state, check.asked_count), ("error", 0))
        self.assertIn("429", check.error)
        self.assertFalse(self.number(self.ana).robinson)
        self.assertIn("429", self.service._last_failure(self.company_a))

    def test_a_silent_service_does_not_hold_us_for_ever(self):
        self.switch_on()
        self.server.script = ["silent"] * 3
        with patch.object(robinson_client, "TIMEOUT", 0.3):
            self.consult()
        self.assertEqual(len(self.server.requests), 3)
        self.assertEqual(self.checks().state, "error")
        self.assertFalse(self.number(self.ana).robinson_at)

    def test_a_service_that_is_not_there_is_said_in_words(self):
        self.switch_on()
        self.server.__exit__()
        self.consult()
        self.assertIn("cannot be reached", self.checks().error)

    def test_wrong_keys_are_said_in_words_and_never_tried_twice(self):
        self.switch_on(telemarketing_robinson_secret="wrong")
        self.consult()
        self.assertEqual(len(self.server.requests), 1)
        self.assertIn("signature", self.server.refused[0])
        error = self.checks().error
        self.assertIn("refuses the keys", error)
        self.assertNotIn("wrong", error)
        with self.assertRaisesRegex(UserError, "refuses the keys"):
            self.service._test(self.company_a)

    def test_garbage_is_kept_as_failure_and_numbers_stay_as_they_were(self):
        self.switch_on()
        there = hash_e164("+34612345678")
        for garbage in (
            b"<html>Bienvenido</html>",
            b"{}",
            json.dumps(
                {there: {"found": False, "sectors": [], "signature": "x"}}
            ).encode(),
            b"[" * 1_100_000,
        ):
            self.server.script = [garbage]
            before = self.checks()
            self.consult()
            self.assertFalse(any(self.numbers.mapped("robinson")))
            failed = self.checks() - before
            self.assertEqual(failed.state, "error")
            self.assertIn("Nothing was written", failed.error)

    def test_one_refused_request_does_not_stop_the_others(self):
        self.switch_on()
        for place in range(60):
            self.create_contact(f"P{place}", f"6990000{place:02d}")
        self.server.script = [400]
        self.consult()
        self.assertEqual([len(one) for one in self.server.requests], [60, 2])
        self.assertEqual(self.checks().mapped("state"), ["error", "done"])

    def test_a_redirect_takes_the_signature_nowhere_else(self):
        self.switch_on()
        self.server.script = [
            {"status": 302, "headers": {"Location": self.server.endpoint + "2"}}
        ]
        self.consult()
        self.assertEqual(len(self.server.requests), 1)
        self.assertEqual(self.checks().state, "error")

    def test_connection_is_tested_with_a_number_that_is_nobodys(self):
        self.switch_on()
        settings = self.env["res.config.settings"].create({})
        action = settings.action_telemarketing_robinson_test()
        self.assertEqual(action["params"]["type"], "success")
        self.assertEqual(self.server.requests, [[hash_phone(NOBODYS_PHONE)]])
        self.assertFalse(self.checks())

    def test_keys_go_over_tls_only(self):
        for endpoint in (
            "http://api.listarobinson.es/v1/api/user",
            "ftp://x/",
            "//x",
            "http://127.0.0.1.example.com/",
        ):
            with self.subTest(endpoint), self.assertRaises(ValidationError):
                self.company_a.telemarketing_robinson_endpoint = endpoint
        with patch("odoo.modules.module.current_test", None):
            self.assertFalse(robinson_client.is_safe(self.server.endpoint))

    def test_keys_never_stand_in_a_log_or_a_check(self):
        with self.assertLogs("odoo.addons.telemarketing_base", "DEBUG") as logs:
            self.server.script = [500, 500]
            self.switch_on(telemarketing_robinson_secret="n0b0dys")
            self.consult()
        text = "\n".join(logs.output)
        for secret in ("n0b0dys", self.server.KEY):
            self.assertNotIn(secret, text)
            self.assertNotIn(secret, self.checks().error)

    def test_a_restored_copy_asks_nobody_in_our_name(self):
        self.switch_on()
        self.env.flush_all()
        for query in get_neutralization_queries(["telemarketing_base"]):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        self.assertFalse(self.service._is_on(self.company_a))
        self.consult()
        self.assertFalse(self.server.requests)

    # WHO MUST NOT

    def rpc(self, user, model, method, *args, **kwargs):
        return call_kw(
            self.env(user=user, context={})[model], method, list(args), kwargs
        )

    def test_nobody_but_administrators_reads_or_sets_the_keys(self):
        self.switch_on()
        names = [
            "telemarketing_robinson_key",
            "telemarketing_robinson_secret",
            "telemarketing_robinson_endpoint",
        ]
        company = self.company_a.ids
        for user in (self.agent_a, self.supervisor_a, self.manager, self.portal_a):
            for name in names:
                with self.subTest(user=user.login, name=name):
                    for call in (
                        ("read", company, [name]),
                        ("search_read", [(name, "!=", False)], ["id"]),
                        ("write", company, {name: "https://evil.example.com"}),
                        ("export_data", company, [name]),
                    ):
                        with (
                            mute_logger(*QUIET),
                            self.assertRaises(UserError),
                        ):
                            self.rpc(user, "res.company", *call)
                            self.env.flush_all()
        with mute_logger(*QUIET), self.assertRaises(AccessError):
            self.rpc(self.manager, "res.config.settings", "create", [{}])

    def test_the_secret_is_written_and_never_shown_again(self):
        self.switch_on()
        with Form(self.env["res.config.settings"]) as form:
            self.assertFalse(form.telemarketing_robinson_secret)
            self.assertTrue(form.telemarketing_robinson_has_secret)
            settings = form.save()
        settings.execute()
        self.assertEqual(
            self.company_a.telemarketing_robinson_secret, self.server.SECRET
        )
        with Form(self.env["res.config.settings"]) as form:
            form.telemarketing_robinson_secret = "another"
            settings = form.save()
        settings.execute()
        self.assertEqual(self.company_a.telemarketing_robinson_secret, "another")

    def test_proof_is_written_by_nobody_and_never_deleted(self):
        self.switch_on()
        self.consult()
        check = self.number(self.ana).robinson_check_id
        for user in (self.supervisor_a, self.manager, self.env.ref("base.user_admin")):
            for call in (
                ("write", check.ids, {"present_count": 0}),
                ("unlink", check.ids),
                ("create", [{"company_id": self.company_a.id, "at": self.now()}]),
                ("copy", check.ids),
            ):
                with (
                    mute_logger(*QUIET),
                    self.assertRaises(UserError),
                ):
                    self.rpc(user, "telemarketing.robinson.check", *call)
        with self.assertRaises(UserError):
            check.sudo().unlink()

    def test_nobody_says_by_hand_that_a_number_is_not_in_the_list(self):
        number = self.number(self.ana)
        for user in (self.supervisor_a, self.manager):
            for values in (
                {"robinson": "absent"},
                {"robinson_at": self.now()},
                {"robinson_check_id": False},
                {"robinson_since": False},
                {"e164": "+34600000000"},
            ):
                with mute_logger(*QUIET), self.assertRaises(AccessError):
                    self.rpc(user, "telemarketing.number", "write", number.ids, values)
        self.rpc(
            self.manager, "telemarketing.number", "write", number.ids, {"state": "bad"}
        )
        for values in ({"robinson_waiting": 0}, {"robinson_asked": True}):
            with self.assertRaises(AccessError):
                self.rpc(
                    self.supervisor_a,
                    "telemarketing.campaign",
                    "write",
                    self.campaign_a.ids,
                    values,
                )

    def test_nobody_has_the_campaigns_of_others_consulted(self):
        for user, campaign in (
            (self.supervisor_a, self.campaign_b),
            (self.supervisor_a, self.campaign_far),
            (self.manager, self.campaign_far),
            (self.agent_a, self.campaign_a),
            (self.portal_a, self.campaign_a),
        ):
            with (
                self.subTest(user=user.login),
                mute_logger(*QUIET),
                self.assertRaises(AccessError),
            ):
                self.rpc(
                    user, "telemarketing.campaign", "action_robinson", campaign.ids
                )
        for method in ("_cron_check", "_test", "_consult_company"):
            with mute_logger(*QUIET), self.assertRaises(AccessError):
                self.rpc(self.manager, "telemarketing.robinson.service", method)

    def test_a_company_with_keys_asks_for_its_own_numbers_only(self):
        self.switch_on(self.company_b)
        self.database_far.legal_basis = "client"
        self.create_contact("Lejos", "699 111 222", self.database_far)
        self.consult()
        self.assertEqual(self.server.requests, [[hash_e164("+34699111222")]])
        self.assertFalse(self.number(self.ana).robinson)
        check = self.checks()
        self.assertEqual(check.company_id, self.company_b)
        for user in (self.supervisor_a, self.manager):
            self.assertFalse(self.as_user(check, user).search([]))

    def test_numbers_to_consult_are_found_and_filtered_by_age(self):
        Number = self.env["telemarketing.number"]
        mine = [("id", "in", self.numbers.ids)]
        due = [("robinson_due", "=", True)]
        self.assertEqual(Number.search(mine + due), self.numbers)
        self.assertTrue(all(self.numbers.mapped("robinson_due")))
        ana = self.number(self.ana)
        ana.robinson_at = self.now(days=-31)
        self.number(self.luis).robinson_at = self.now(days=-30, hours=1)
        self.env.flush_all()
        self.assertEqual(ana.robinson_age, 31)
        self.assertEqual(self.number(self.luis).robinson_age, 29)
        for domain, found in (
            ([("robinson_age", ">", 30)], ana),
            ([("robinson_age", ">=", 31)], ana),
            ([("robinson_age", ">", 31)], Number),
            ([("robinson_age", "<", 30)], self.number(self.luis)),
            ([("robinson_age", "<=", 31)], self.numbers),
            (due, ana),
        ):
            self.assertEqual(Number.search(mine + domain), found, domain)


robinson_send = requests.Session.send


@tagged("post_install", "-at_install")
class TestRobinsonFile(RobinsonCommon):
    """The file route: what a centre without keys would lose."""

    def load(self, content, run=True, **values):
        load = self.env["telemarketing.robinson.load"].create(
            {
                "kind": "load",
                "company_id": self.company_a.id,
                "file": base64.b64encode(content.encode()),
                "filename": "robinson.csv",
                **values,
            }
        )
        if run:
            self.start(load)
        return load

    def start(self, load):
        load.action_start()
        load._cron_run()
        self.env.invalidate_all()

    def export(self, **values):
        load = self.env["telemarketing.robinson.load"].create(
            {"kind": "export", **values}
        )
        self.start(load)
        return load

    def said(self):
        return (self.number(self.ana).robinson, self.number(self.luis).robinson)

    def test_list_of_hashes_marks_who_is_in_it_and_leaves_the_others(self):
        load = self.load(f"{hash_e164('+34612345678')}\n{'0' * 64}\n")
        self.assertEqual((load.state, load.error), ("done", False))
        self.assertEqual(self.said(), ("present", False))
        check = load.check_id
        self.assertEqual(
            (check.route, check.state, check.hash_count, check.asked_count),
            ("file", "done", 2, 1),
        )
        self.assertEqual(check.present_count, 1)
        self.assertEqual(self.number(self.ana).robinson_check_id, check)
        # the proof: the file itself and its fingerprint
        content = base64.b64decode(load.file)
        self.assertEqual(check.proof, hashlib.sha256(content).hexdigest())
        proof = check._proof_of("+34612345678")
        self.assertEqual((proof["file"], proof["route"]), ("robinson.csv", "file"))
        with self.assertRaises(UserError):
            load.unlink()

    def test_a_complete_list_says_that_the_others_are_not_in_it(self):
        self.load(f"{hash_e164('+34612345678')}\n", covers="all")
        self.assertEqual(self.said(), ("present", "absent"))

    def test_answer_with_ones_and_zeros_in_telephones_says_both(self):
        self.load("612345678,1,1#7,c2lnbg==\n912345678,0,,c2lnbg==\n")
        self.assertEqual(self.said(), ("present", "absent"))

    def test_a_number_said_to_be_there_and_not_there_is_there(self):
        digest = hash_e164("+34612345678")
        self.load(f"{digest};1\n{digest};0\n{hash_e164('+34912345678')};0\n")
        self.assertEqual(self.said(), ("present", "absent"))

    def test_the_age_counts_from_the_consultation_not_from_the_loading(self):
        at = self.now(days=-10)
        self.load("612345678;0\n912345678;0\n", asked_at=at)
        self.assertEqual(self.number(self.ana).robinson_at, at)
        self.assertEqual(self.number(self.ana).robinson_age, 10)

    def test_files_tell_since_when_a_number_may_be_in_the_list(self):
        first, later = self.now(days=-20), self.now(days=-3)
        first = first.replace(hour=23, minute=30)  # the next day in Spain
        since = first.date() + timedelta(days=2)
        self.load("612345678;0\n912345678;1\n", asked_at=first)
        for number in self.numbers:
            self.assertFalse(number.robinson_since)
        for at in (later, self.now(days=-2)):
            self.load("612345678;1\n912345678;1\n", asked_at=at)
            self.assertEqual(self.number(self.ana).robinson_since, since)
            self.assertFalse(self.number(self.luis).robinson_since)
        at = self.now(days=-1)
        self.load("612345678;0\n912345678;0\n", asked_at=at)
        self.assertFalse(self.number(self.ana).robinson_since)
        # another word of the same instant does not say that it came later
        self.load("612345678;1\n912345678;1\n", asked_at=at)
        self.assertEqual(self.said(), ("present", "present"))
        self.assertFalse(self.number(self.ana).robinson_since)

    def test_an_old_file_does_not_overrule_what_was_learnt_later(self):
        self.load("612345678;1\n912345678;0\n", asked_at=self.now(days=-1))
        load = self.load("612345678;0\n912345678;1\n", asked_at=self.now(days=-20))
        self.assertEqual(self.said(), ("present", "absent"))
        self.assertEqual((load.state, load.number_count), ("done", 0))

    def test_exported_numbers_come_back_as_an_answer(self):
        for layout, expected in (
            ("phones", {"+34612345678", "+34912345678"}),
            ("hashes", {hash_e164("+34612345678"), hash_e164("+34912345678")}),
        ):
            self.env["telemarketing.number"].search([]).sudo().write(
                {"robinson": False, "robinson_at": False}
            )
            export = self.export(layout=layout)
            lines = base64.b64decode(export.file).decode().split()
            self.assertEqual((set(lines), export.line_count), (expected, 2))
            # not exported: the answer says nothing of it
            other = self.create_contact("Otro", "655 555 555")
            load = self.load(
                f"{hash_e164('+34612345678')}\n", covers="export", export_id=export.id
            )
            self.assertEqual((load.state, load.error), ("done", False))
            self.assertEqual(self.said(), ("present", "absent"))
            self.assertFalse(self.number(other).robinson)
            other.target_ids.sudo().state = "done"

    def test_export_of_a_campaign_holds_its_people_only(self):
        self.database_own.legal_basis = "client"
        self.create_contact("Propio", "655 555 555", self.database_own)
        export = self.export(campaign_id=self.campaign_own.id, what="all")
        self.assertEqual(base64.b64decode(export.file).decode(), "+34655555555\n")
        export = self.export(campaign_id=self.campaign_a.id)
        self.assertEqual(export.line_count, 2)

    def test_file_that_says_nothing_is_refused_in_words_before_it_starts(self):
        for content, text in (
            ("Nombre;Ciudad\nAna;Vigo\nEva;Lugo\n", "No column"),
            ("612345678\n912345678\n655555555\n", "no column that says"),
            ("\n", "empty"),
        ):
            load = self.load(content, run=False)
            with self.assertRaisesRegex(UserError, text):
                load.action_start()
        load = self.load("612345678;1\n", run=False, asked_at=self.now(days=1))
        with self.assertRaisesRegex(UserError, "past"):
            load.action_start()
        self.assertEqual(self.said(), (False, False))

    def test_a_workbook_is_refused_with_what_to_do_about_it(self):
        load = self.load("PK\x03\x04" + "x" * 100, run=False)
        with self.assertRaisesRegex(UserError, "save it as CSV"):
            load.action_start()
        # Nor where the file was changed after it was started.
        load.state = "waiting"
        load._cron_run()
        self.assertEqual(load.state, "failed")
        self.assertIn("save it as CSV", load.error)

    def test_file_of_another_channel_sets_nobody_free(self):
        wrong = "".join(f"{hash_phone(f'6{n:08d}', 'sms')}\n" for n in range(50))
        load = self.load(wrong)
        self.assertEqual(load.state, "failed")
        self.assertIn("another channel", load.error)
        with patch.object(robinson_load, "SUSPICIOUS", 2):
            load = self.load(wrong, covers="all")
            self.assertEqual(load.state, "failed")
            self.assertIn("wrong file", load.error)
            self.assertEqual(self.said(), (False, False))
            self.assertFalse(self.checks(state="done"))
            load.none_is_right = True
            self.start(load)
        self.assertEqual((load.state, self.said()), ("done", ("absent", "absent")))

    def test_bad_lines_are_told_and_the_good_ones_count(self):
        content = "tel;r\n" + "655555555;0\n" * 40 + "nada;1\n" * 20
        load = self.load(content + "612345678;1\n912345678;?\n")
        self.assertEqual(self.said(), ("present", False))
        self.assertEqual((load.line_count, load.bad_count), (62, 21))
        self.assertIn("Line 42: No hash and no telephone number", load.bad_lines)
        self.assertEqual(len(load.bad_lines.splitlines()), robinson_load.SHOWN)

    def test_a_load_that_was_cut_short_goes_on_where_it_was(self):
        contacts = [self.create_contact(f"P{n}", f"6990000{n:02d}") for n in range(8)]
        write_chunk = self.registry["telemarketing.robinson.load"]._write_chunk
        written = []

        def cut(load):
            if len(written) == 2:
                written.append("cut")
                raise ValueError("power")
            written.append(write_chunk(load))
            return written[-1]

        with (
            patch.object(robinson_load, "CHUNK", 3),
            patch.object(
                self.registry["telemarketing.robinson.load"], "_write_chunk", cut
            ),
        ):
            with mute_logger("odoo.addons.telemarketing_base.models.robinson_load"):
                load = self.load(f"{hash_e164('+34612345678')}\n", covers="all")
            self.assertEqual(load.state, "failed")
            self.assertIn("power", load.error)
            self.assertEqual(load.check_id.state, "error")
            position = load.position
            self.assertTrue(position)
            # what it is is not changed half-way
            with self.assertRaises(UserError):
                load.with_user(self.manager).write({"covers": "listed"})
            self.start(load)
        self.assertEqual((load.state, load.check_id.state), ("done", "done"))
        self.assertGreater(load.position, position)
        numbers = self.number(self.ana) | self.number(self.luis)
        for contact in contacts:
            numbers |= self.number(contact)
        self.assertEqual(numbers.robinson_check_id, load.check_id)
        self.assertEqual(load.number_count, load.check_id.asked_count)
        self.assertEqual(load.present_count, 1)

    def test_who_may_be_called_is_asked_again_for_few_by_number_for_many_at_once(self):
        with patch.object(
            self.registry["telemarketing.target"], "_refresh_gate", autospec=True
        ) as refresh:
            self.load("612345678;1\n912345678;0\n")
            self.assertEqual(refresh.call_args.kwargs["numbers"], self.numbers.sudo())
            with patch.object(robinson_load, "FEW", 1):
                self.load("612345678;1\n912345678;0\n")
            self.assertEqual(
                refresh.call_args.kwargs, {"companies": self.company_a.sudo()}
            )

    def test_numbers_of_another_company_are_not_touched(self):
        far = self.create_contact("Lejos", "612 345 678", self.database_far)
        self.load("612345678;1\n", covers="all")
        self.assertEqual(self.number(self.ana).robinson, "present")
        self.assertFalse(self.number(far).robinson)

    def test_blacklist_of_odoo_is_not_touched(self):
        self.load("612345678;1\n", covers="all")
        self.assertFalse(
            self.env["phone.blacklist"].search([("number", "=", "+34612345678")])
        )

    def test_only_managers_load_and_nobody_for_another_company(self):
        values = {
            "kind": "load",
            "company_id": self.company_a.id,
            "file": base64.b64encode(b"612345678;0\n"),
            "filename": "x.csv",
        }
        Load = self.env["telemarketing.robinson.load"]
        for user, company, more in (
            (self.agent_a, self.company_a, {}),
            (self.supervisor_a, self.company_a, {}),
            (self.portal_a, self.company_a, {}),
            (self.manager, self.company_b, {}),
            (self.manager, self.company_a, {"state": "done"}),
            (self.manager, self.company_a, {"position": 9}),
            (self.manager, self.company_a, {"user_id": self.agent_a.id}),
            (self.manager, self.company_a, {"campaign_id": self.campaign_far.id}),
        ):
            with (
                self.subTest(user=user.login, more=more),
                mute_logger(*QUIET),
                self.assertRaises(UserError),
            ):
                self.as_user(Load, user).create(
                    {**values, "company_id": company.id, **more}
                )
        load = self.as_user(Load, self.manager).create(values)
        with mute_logger(*QUIET), self.assertRaises(AccessError):
            self.as_user(load, self.supervisor_a).action_start()
        with mute_logger(*QUIET), self.assertRaises(AccessError):
            self.as_user(load, self.supervisor_a).read(["file"])
        far = Load.create({**values, "company_id": self.company_b.id})
        for method in ("action_start", "read", "unlink"):
            with mute_logger(*QUIET), self.assertRaises(AccessError):
                getattr(self.as_user(far, self.manager), method)()
        load.action_start()
        load._cron_run()
        self.env.invalidate_all()
        self.assertEqual((load.state, load.user_id), ("done", self.manager))
        with self.assertRaises(UserError):
            load.write({"covers": "all"})

    def test_forms_open_for_who_uses_them(self):
        load = self.load("612345678;1\n")
        for user in (self.supervisor_a, self.manager):
            for record in (
                load,
                load.check_id,
                self.number(self.ana),
                self.campaign_a,
            ):
                Form(self.as_user(record, user))
