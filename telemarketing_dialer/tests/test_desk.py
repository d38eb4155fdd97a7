import socket
import threading
import time
from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.telemarketing_base.tests.common import TelemarketingCommon

from .. import click

ATTACKS = [
    "612345678;echo",
    "612345678&PJSIP/9",
    "612\r\nAction: Originate",
    "${SHELL(id)}",
    "☎️612345678",
    "",
    None,
    True,
    612345678,
    ["612345678"],
    {"number": "612345678"},
    "6" * 400,
]


class DeskCase(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.env["telemarketing.dialer.server"].create(
            {"name": "Exchange", "company_id": cls.company_a.id, "secret": "s3cret"}
        )
        cls.trunk = cls.env["telemarketing.dialer.trunk"].create(
            {
                "name": "Carrier",
                "server_id": cls.server.id,
                "channel": "PJSIP/{number}@carrier",
            }
        )
        cls.campaign.write(
            {
                "dialer_server_id": cls.server.id,
                "dialing_mode": "manual",
                "record_calls": "always",
            }
        )
        cls.agent_a.telemarketing_extension = "201"
        cls.contact = cls.create_contact("Carmen Peña", "612345678")
        cls.target = cls.contact.target_ids
        cls.env.flush_all()

    def dial_by_itself(self, mode="progressive", campaign=None):
        """A campaign (else the usual one) whose numbers the dialer dials."""
        caller = self.env["telemarketing.dialer.caller"].create(
            {"e164": "+34910000001", "trunk_ids": [(4, self.trunk.id)]}
        )
        (campaign or self.campaign).write(
            {
                "dialer_server_id": self.server.id,
                "caller_number": caller.e164,
                "dialing_mode": mode,
            }
        )

    def set_alive(self, alive=True):
        self.env.cr.execute(
            "UPDATE telemarketing_dialer_server SET owner = 'test', epoch = 7,"
            " owned_until = clock_timestamp() AT TIME ZONE 'UTC'"
            " + %s * interval '1 minute' WHERE id = %s",
            [60 if alive else -60, self.server.id],
        )
        self.server.invalidate_recordset()

    def sit(self, user=None, campaign=None, phone="up"):
        desk, token = self.open_desk(user or self.agent_a, campaign or self.campaign)
        session = desk._open_session()
        session.phone_state = phone
        return desk, token, session

    def commands(self, kind=None):
        domain = [("server_id", "=", self.server.id)]
        if kind:
            domain.append(("kind", "=", kind))
        return self.env["telemarketing.dialer.command"].search(domain)

    def dial(self, desk, token, uuid="uuid-of-the-call", target=None):
        target = target or self.target
        desk.get_target(token, target.id) if target.callback else desk.get_next(token)
        return desk.dial(token, uuid, target.id, target.contact_id.phone_ids[:1].id)


@tagged("post_install", "-at_install")
class TestDeskOfDialer(DeskCase):
    def test_a_campaign_without_asterisk_dials_as_before(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_own)
        answer = desk.open_desk(token)
        self.assertEqual(answer["telephony"]["provider"], "manual")
        self.assertFalse(answer["waiting"])
        self.assertNotIn("phone", answer["session"])

    def test_an_agent_without_extension_keeps_the_own_telephone(self):
        self.set_alive()
        desk, token, _session = self.sit(self.agent_b)
        answer = desk.open_desk(token)
        self.assertEqual(answer["telephony"]["provider"], "manual")
        self.assertEqual(answer["session"]["phone"]["extension"], "")

    def test_choosing_the_campaign_asks_for_the_telephone(self):
        self.set_alive()
        desk, token = self.open_desk(self.agent_a)
        answer = desk.choose_campaign(token, self.campaign.id)
        self.assertTrue(answer["session"]["phone"]["wanted"])
        self.assertEqual(answer["telephony"]["provider"], "asterisk")
        self.assertIn("hold", answer["telephony"]["capabilities"])
        session = desk._open_session()
        self.assertEqual(session.dialer_server_id, self.server)
        desk.choose_campaign(token, self.campaign_own.id)
        self.assertFalse(session.phone_wanted)
        self.assertFalse(session.dialer_server_id)

    def test_leaving_the_desk_frees_the_agent_from_the_dialer(self):
        desk, token, session = self.sit()
        told = []
        with patch.object(
            self.env.registry["telemarketing.dialer.server"],
            "_notify",
            lambda server, what, **values: told.append((what, values)),
        ):
            desk.set_state(
                token,
                "paused",
                self.env["telemarketing.pause.reason"].create({"name": "Lunch"}).id,
            )
            self.assertTrue(session.phone_wanted, "the telephone stays on a pause")
            desk.log_out(token)
        self.assertFalse(session.phone_wanted)
        self.assertEqual([values["state"] for _what, values in told], ["paused"] * 2)
        self.assertEqual(
            [values["phone_wanted"] for _what, values in told], [True, False]
        )

    def test_a_blocked_agent_gets_no_more_calls(self):
        _desk, _token, session = self.sit()
        self.agent_a.telemarketing_blocked = True
        self.assertTrue(session.logout_at)
        self.assertFalse(session.phone_wanted)

    def test_connecting_and_disconnecting_are_commands(self):
        self.set_alive()
        desk, token, session = self.sit()
        desk.phone(token, False)
        self.assertFalse(session.phone_wanted)
        desk.phone(token, True)
        self.assertTrue(session.phone_wanted)
        self.assertEqual(
            self.commands("phone").sorted("id").mapped("params"),
            [{"on": False}, {"on": True}],
        )
        for wrong in ("yes", 1, None, []):
            with self.assertRaises(UserError):
                desk.phone(token, wrong)

    def test_a_seat_without_extension_takes_one_that_is_free_and_internal(self):
        self.set_alive()
        desk, token, session = self.sit(self.agent_b)
        with self.assertRaises(UserError):
            desk.phone(token, True)
        self.sit(self.agent_a)
        wrong = ["201", "112", "016", "612345678", "2", "2;3", "2&3", "a", 202, "²³"]
        for text in [*wrong, "203\n", "${X}", [], True]:
            with self.assertRaises(UserError, msg=repr(text)):
                desk.phone(token, True, text)
        answer = desk.phone(token, True, "203")
        self.assertEqual(answer["session"]["phone"]["extension"], "203")
        self.assertEqual(answer["telephony"]["provider"], "asterisk")
        self.assertEqual(session.extension, "203")

    def test_the_own_extension_is_not_the_agents_to_change(self):
        desk, token, _session = self.sit()
        with self.assertRaises(UserError):
            desk.phone(token, True, "299")

    # BY HAND

    def test_a_call_by_hand_is_written_before_the_process_is_asked(self):
        self.set_alive()
        desk, token, session = self.sit()
        answer = self.dial(desk, token)
        self.assertEqual(answer["telephony"], {"action": "wait"})
        attempt = self.target.interaction_id
        self.assertEqual(attempt.provider, "asterisk")
        self.assertEqual(attempt.dialing_mode, "manual")
        self.assertEqual(attempt.dialer_server_id, self.server)
        self.assertEqual(attempt.dialer_trunk_id, self.trunk)
        self.assertEqual(attempt.dialer_epoch, 7)
        self.assertEqual(attempt.state, "dialling")
        self.assertFalse(attempt.answered_at)
        command = self.commands("dial")
        self.assertEqual(command.uuid, attempt.uuid)
        self.assertEqual(command.session_id, session)

    def test_nothing_is_dialled_while_the_telephone_is_not_connected(self):
        self.set_alive()
        desk, token, _session = self.sit(phone="none")
        with self.assertRaises(UserError):
            self.dial(desk, token)
        self.assertFalse(self.target.interaction_id)
        self.assertFalse(self.commands())

    def test_nothing_is_dialled_where_the_red_button_was_pressed(self):
        self.set_alive()
        self.campaign.dialing_stopped_at = self.now()
        desk, token, _session = self.sit()
        with self.assertRaises(UserError):
            self.dial(desk, token)

    def test_nothing_is_dialled_beyond_the_trunks_prefixes(self):
        self.set_alive()
        self.trunk.allowed_prefixes = "+351"
        desk, token, _session = self.sit()
        with self.assertRaises(UserError):
            self.dial(desk, token)
        self.assertFalse(self.target.interaction_id)

    def test_what_the_line_can_do_becomes_commands(self):
        self.set_alive()
        desk, token, _session = self.sit()
        self.dial(desk, token)
        uuid = self.target.interaction_id.uuid
        for action, params in [
            ("hold", {"on": True}),
            ("mute", {"on": False}),
            ("keys", {"digits": "12*#"}),
            ("record", {"pause": True}),
            ("complete", {}),
            ("drop_third", {}),
            ("hangup", {}),
        ]:
            desk.control(token, uuid, action, params)
            command = self.commands(action)
            self.assertEqual(command.params or {}, params)
            self.assertEqual(command.uuid, uuid)
        desk.control(token, uuid, "third", {"number": "961 234 567"})
        self.assertEqual(
            self.commands("third").params["channel"], "PJSIP/+34961234567@carrier"
        )

    def test_wrong_arguments_of_a_command_reach_nobody(self):
        self.set_alive()
        desk, token, _session = self.sit()
        self.dial(desk, token)
        uuid = self.target.interaction_id.uuid
        before = self.commands()
        wrong = [("keys", {"digits": each}) for each in ATTACKS if each]
        wrong += [("keys", {"digits": "1\n"}), ("keys", {"digits": "1" * 21})]
        wrong += [
            ("keys", {}),
            ("hold", {"on": "1"}),
            ("hold", {}),
            ("mute", {"on": 1}),
        ]
        wrong += [("record", {"pause": None}), ("transfer", {}), ("_command", {})]
        wrong += [("hold", {"interaction": 1, "action": 2, "self": 3})]
        for to in ("agent", "campaign"):
            key = {"agent": "session"}.get(to, to)
            wrong += [
                ("transfer", {"to": to, key: each})
                for each in (0, -1, "1", True, None, [1], 10**30)
            ]
        for action in ("transfer", "third"):
            wrong += [
                (action, {"to": "number", "number": each})
                for each in [*ATTACKS, "112", "806123456", "+12025550123"]
            ]
        for action, params in wrong:
            with self.assertRaises(UserError, msg=f"{action} {params!r}"):
                desk.control(token, uuid, action, params)
        self.assertEqual(self.commands(), before)

    def test_nobody_commands_another_agents_call(self):
        self.set_alive()
        desk, token, _session = self.sit()
        self.dial(desk, token)
        uuid = self.target.interaction_id.uuid
        self.agent_b.telemarketing_extension = "202"
        other, other_token, _session = self.sit(self.agent_b)
        with self.assertRaises(AccessError):
            other.control(other_token, uuid, "hangup", {})
        with self.assertRaises(AccessError):
            other.transfer_choices(other_token, uuid)
        with self.assertRaises(UserError):
            desk.control(token, "no-such-call", "hangup", {})
        self.assertFalse(self.commands("hangup"))

    def test_agents_see_nothing_of_commands_and_servers(self):
        for model in ("command", "server", "trunk"):
            records = self.env[f"telemarketing.dialer.{model}"].with_user(self.agent_a)
            with self.assertRaises(AccessError):
                records.search_read([], ["id"])

    def test_a_call_goes_only_to_colleagues_who_are_there_for_the_same_client(self):
        self.set_alive()
        desk, token, _session = self.sit()
        self.dial(desk, token)
        uuid = self.target.interaction_id.uuid
        self.agent_b.telemarketing_extension = "202"
        _other, _token, colleague = self.sit(self.agent_b)
        self.campaign_b.dialer_server_id = self.server
        self.agent_other.telemarketing_extension = "203"
        _far, _token, stranger = self.sit(self.agent_other, self.campaign_b)
        choices = desk.transfer_choices(token, uuid)
        self.assertEqual([a["session"] for a in choices["agents"]], [colleague.id])
        with self.assertRaises(UserError):
            desk.control(
                token, uuid, "transfer", {"to": "agent", "session": stranger.id}
            )
        colleague.phone_state = "none"
        params = {"to": "agent", "session": colleague.id, "how": "attended"}
        with self.assertRaises(UserError):
            desk.control(token, uuid, "transfer", params)
        colleague.phone_state = "up"
        desk.control(token, uuid, "transfer", params)
        self.assertEqual(self.commands("transfer").params, params)

    def test_a_call_goes_to_a_campaign_that_is_dialled_here(self):
        self.set_alive()
        desk, token, _session = self.sit()
        self.dial(desk, token)
        uuid = self.target.interaction_id.uuid
        params = {"to": "campaign", "campaign": self.campaign_other.id}
        with self.assertRaises(UserError):
            desk.control(token, uuid, "transfer", params)
        self.dial_by_itself(campaign=self.campaign_other)
        desk.control(token, uuid, "transfer", {**params, "how": "attended"})
        self.assertEqual(self.commands("transfer").params, {**params, "how": "blind"})

    def test_nobody_is_given_a_call_whose_results_his_desk_has_not(self):
        self.set_alive()
        desk, token, _session = self.sit()
        self.dial(desk, token)
        uuid = self.target.interaction_id.uuid
        self.campaign_other.dialer_server_id = self.server
        self.agent_other.telemarketing_extension = "203"
        self.sit(self.agent_other, self.campaign_other)
        self.assertEqual(len(desk.transfer_choices(token, uuid)["agents"]), 1)
        self.create_disposition(
            "Only there", campaign_ids=[(6, 0, self.campaign_other.ids)]
        )
        choices = desk.transfer_choices(token, uuid)
        self.assertFalse(choices["agents"] or choices["campaigns"])

    def test_a_desk_that_nobody_sees_is_given_no_calls(self):
        self.set_alive()
        self.dial_by_itself("progressive")
        desk, token, session = self.sit()
        dialer = self.env["telemarketing.dialer"]
        self.env.flush_all()
        [agent] = dialer._agents(self.server)
        self.assertEqual(agent.state, "ready")
        session.last_seen_at = self.now(minutes=-4)
        self.env.flush_all()
        [agent] = dialer._agents(self.server)
        self.assertEqual(agent.state, "paused")
        desk.heartbeat(token)
        self.env.flush_all()
        [agent] = dialer._agents(self.server)
        self.assertEqual(agent.state, "ready")

    def test_who_asked_not_to_be_called_is_no_third_either(self):
        self.set_alive()
        desk, token, _session = self.sit()
        self.dial(desk, token)
        uuid = self.target.interaction_id.uuid
        other = self.create_contact("No", "622333444")
        self.env["telemarketing.exclusion"]._record_person(
            other, scope="all", reason="objection", channel="hand"
        )
        with self.assertRaises(UserError):
            desk.control(token, uuid, "third", {"number": "622333444"})

    # WITHOUT A PROCESS

    def test_without_a_process_a_click_rings_the_agent_and_dials_the_person(self):
        asked = []
        desk, token, _session = self.sit(phone="none")
        answer = desk.open_desk(token)
        self.assertEqual(answer["telephony"]["capabilities"], ["dial", "hangup"])
        with patch.object(click, "originate", lambda *args: asked.append(args)):
            answer = self.dial(desk, token)
            self.assertEqual(answer["telephony"], {"action": "click"})
            again = desk.dial(
                token, "uuid-of-the-call", self.target.id, self.contact.phone_ids.id
            )
        self.assertNotIn("telephony", again, "nobody is rung twice")
        self.assertEqual(
            asked,
            [
                (
                    ("127.0.0.1", 5038, False, "telemarketing", "s3cret"),
                    "PJSIP/201",
                    "PJSIP/+34612345678@carrier",
                    "",
                    self.campaign.ring_seconds,
                    self.env["ir.config_parameter"].get_param("database.uuid"),
                )
            ],
        )
        attempt = self.target.interaction_id
        self.assertFalse(attempt.answered_at, "nobody knows when it was answered")
        desk.control(token, attempt.uuid, "hangup", {})
        self.assertEqual(attempt.state, "wrap_up")
        self.assertFalse(self.commands())

    def test_where_asterisk_is_not_reached_the_person_stays_on_the_desk(self):
        desk, token, _session = self.sit(phone="none")
        attempts = self.target.attempts

        def fail(*args):
            raise click.NotDialledError("unreachable")

        with patch.object(click, "originate", fail):
            answer = self.dial(desk, token)
        self.assertIn("Asterisk cannot be reached", answer["not_dialled"])
        self.assertFalse(answer["call"]["interaction"])
        self.assertEqual(self.target.state, "leased")
        self.assertEqual(self.target.leased_by_id, self.agent_a)
        self.assertEqual(self.target.attempts, attempts)
        closed = self.env["telemarketing.interaction"].search(
            [("uuid", "=", "uuid-of-the-call")]
        )
        self.assertEqual(closed.state, "done")
        self.assertEqual(closed.dial_outcome, "failed")
        self.assertFalse(closed.is_call)
        with patch.object(click, "originate", lambda *args: None):
            answer = self.dial(desk, token, uuid="uuid-of-another")
        self.assertEqual(answer["telephony"], {"action": "click"})

    # WAITING

    def test_in_a_campaign_that_dials_nobody_is_leased(self):
        self.set_alive()
        self.dial_by_itself()
        desk, token, session = self.sit()
        answer = desk.get_next(token)
        self.assertFalse(answer["call"])
        self.assertFalse(answer["empty"])
        self.assertEqual(answer["waiting"]["mode"], "progressive")
        self.assertEqual(answer["waiting"]["reason"], "")
        self.assertEqual(self.target.state, "ready")
        opened = desk.open_desk(token)
        self.assertTrue(opened["campaign"]["dials"])
        self.assertTrue(opened["campaign"]["auto_next"])
        self.assertEqual(session.state, "ready")

    def test_the_desk_says_why_nothing_is_dialled(self):
        self.dial_by_itself("predictive")
        desk, token, session = self.sit(phone="none")

        def reason():
            return desk.heartbeat(token)["waiting"]["reason"]

        self.assertIn("does not run", reason())
        self.set_alive()
        self.assertIn("not connected", reason())
        session.phone_state = "up"
        self.assertEqual(reason(), "")
        self.server.stopped_at = self.now()
        self.assertIn("stopped", reason())

    def give(self, session, uuid="uuid-of-the-pop"):
        """As ``telemarketing.dialer`` does it when a person has an agent."""
        attempt = self.env["telemarketing.interaction"].create(
            {
                "uuid": uuid,
                "company_id": self.company_a.id,
                "campaign_id": self.campaign.id,
                "target_id": self.target.id,
                "contact_id": self.contact.id,
                "phone_id": self.contact.phone_ids.id,
                "e164": "+34612345678",
                "agent_id": session.user_id.id,
                "session_id": session.id,
                "provider": "asterisk",
                "dialer_server_id": self.server.id,
                "dialing_mode": "progressive",
                "started_at": self.now(seconds=-9),
                "answered_at": self.now(),
                "state": "talking",
            }
        )
        self.target.write(
            {
                "state": "talking",
                "leased_by_id": session.user_id.id,
                "leased_until": self.now(minutes=30),
                "interaction_id": attempt.id,
            }
        )
        session._set_state("talking", self.now())
        return attempt

    def test_a_lost_pop_is_found_by_the_heartbeat_and_a_reload(self):
        self.set_alive()
        self.dial_by_itself()
        desk, token, session = self.sit()
        self.assertNotIn("call", desk.heartbeat(token))
        attempt = self.give(session)
        for answer in (desk.heartbeat(token), desk.open_desk(token)):
            self.assertEqual(answer["call"]["interaction"]["uuid"], attempt.uuid)
            self.assertFalse(answer["waiting"])

    def test_after_a_result_the_agent_waits_and_who_stops_is_paused(self):
        self.set_alive()
        self.dial_by_itself()
        result = self.create_disposition("Talked", kind="redial_same")
        desk, token, session = self.sit()
        attempt = self.give(session)
        answer = desk.close_and_get_next(token, attempt.uuid, self.target.id, result.id)
        self.assertFalse(answer["call"])
        self.assertTrue(answer["waiting"])
        self.assertEqual(session.state, "ready")
        attempt = self.give(session, "uuid-of-the-second")
        desk.close_and_get_next(
            token, attempt.uuid, self.target.id, result.id, next=False
        )
        self.assertEqual(session.state, "paused", "the dialer must not give another")

    def test_who_works_a_callback_by_hand_is_given_nobody_meanwhile(self):
        self.set_alive()
        self.dial_by_itself()
        self.target.write(
            {
                "callback": True,
                "callback_user_id": self.agent_a.id,
                "next_call_at": self.now(minutes=-1),
            }
        )
        desk, token, session = self.sit()
        answer = desk.get_target(token, self.target.id)
        self.assertTrue(answer["call"])
        self.assertEqual(session.state, "dialling")
        answer = desk.release(token, self.target.id)
        self.assertEqual(session.state, "ready")
        self.assertTrue(answer["waiting"])
        desk.get_target(token, self.target.id)
        desk.dial(token, "uuid-by-hand", self.target.id, self.contact.phone_ids.id)
        self.assertEqual(self.target.interaction_id.dialing_mode, "preview")

    def test_a_manual_campaign_asks_no_more_than_before(self):
        """Queries of a close and a dial without Asterisk, with and without us."""
        other = self.create_contact("Otra", "622111222", database=self.database_own)
        result = self.create_disposition("Talked", kind="redial_same")
        desk, token = self.open_desk(self.agent_a, self.campaign_own)
        desk.get_next(token)
        self.env.flush_all()
        Desk = self.env.registry["telemarketing.desk"]
        asked = []
        with (
            patch.object(
                Desk, "_telephone_values", lambda *args: asked.append("phone")
            ),
            patch.object(
                self.env.registry["telemarketing.dialer.server"],
                "_alive",
                lambda *args: asked.append("alive"),
            ),
            patch.object(
                self.env.registry["telemarketing.dialer.server"],
                "_notify",
                lambda *args, **values: asked.append("notify"),
            ),
            patch.object(
                self.env.registry["telemarketing.telephony"],
                "_session",
                lambda *args: asked.append("session"),
            ),
        ):
            target = other.target_ids
            desk.dial(token, "uuid-manual", target.id, other.phone_ids.id)
            desk.close_and_get_next(token, "uuid-manual", target.id, result.id)
        self.assertEqual(asked, [])


@tagged("post_install", "-at_install")
class TestTrunkChosen(DeskCase):
    def test_numbers_go_out_as_the_carrier_wants_them(self):
        for form, channel in [
            ("e164", "+34612345678"),
            ("plain", "34612345678"),
            ("zeros", "0034612345678"),
            ("national", "612345678"),
        ]:
            self.trunk.number_format = form
            _trunk, found, _caller = self.trunk._channel_for(
                self.campaign, "+34612345678"
            )
            self.assertEqual(found, f"PJSIP/{channel}@carrier")

    def test_nothing_but_a_number_becomes_a_channel(self):
        for text in ("612345678", "+34612345678&PJSIP/1", "+34 612", "", None, "+0"):
            trunk, channel, _caller = self.trunk._channel_for(self.campaign, text)
            self.assertFalse(trunk)
            self.assertEqual(channel, "")

    def test_a_trunk_shows_only_numbers_that_its_carrier_lets_us_show(self):
        caller = self.env["telemarketing.dialer.caller"].create(
            {"e164": "+34912345678", "trunk_ids": [(4, self.trunk.id)]}
        )
        self.assertEqual(
            self.trunk._channel_for(self.campaign, "+34612345678")[2], caller.e164
        )

    def test_a_trunk_whose_carrier_refused_rests_and_the_next_one_is_taken(self):
        other = self.trunk.copy({"name": "Second", "sequence": 99})
        self.trunk.sudo().backoff_until = self.env.cr.now() + timedelta(minutes=1)
        trunk, _channel, _caller = self.trunk._channel_for(
            self.campaign, "+34612345678"
        )
        self.assertEqual(trunk, other)


class _Manager(threading.Thread):
    """An Asterisk's manager interface that keeps what it was asked."""

    def __init__(self, refuses=(), silent=False, database=""):
        super().__init__(daemon=True)
        self.database = database
        self.refuses, self.silent, self.asked = refuses, silent, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        connection, _address = self.listener.accept()
        with connection:
            connection.sendall(b"Asterisk Call Manager/9.0.0\r\n")
            data = b""
            while chunk := connection.recv(4096):
                data += chunk
                while b"\r\n\r\n" in data:
                    raw, data = data.split(b"\r\n\r\n", 1)
                    message = dict(
                        line.split(": ", 1) for line in raw.decode().split("\r\n")
                    )
                    self.asked.append(message)
                    if self.silent:
                        continue
                    word = "Error" if message["Action"] in self.refuses else "Success"
                    answer = f"Response: {word}\r\nActionID: {message['ActionID']}\r\n"
                    if message["Action"] == "Getvar":
                        answer += f"Value: {self.database}\r\n"
                    connection.sendall(f"{answer}Message: no\r\n\r\n".encode())


@tagged("post_install", "-at_install")
class TestClick(TelemarketingCommon):
    def originate(self, port, *values):
        values = values or ("PJSIP/201", "PJSIP/+34612345678@c", "+34912345678", 25)
        return click.originate(("127.0.0.1", port, False, "u", "s"), *values)

    def test_one_originate_rings_the_agent_and_dials_the_person(self):
        manager = _Manager()
        self.originate(manager.port)
        login, originate = manager.asked
        self.assertEqual(login["Action"], "Login")
        self.assertEqual(originate["Action"], "Originate")
        self.assertEqual(originate["Channel"], "PJSIP/201")
        self.assertEqual(originate["Data"], "PJSIP/+34612345678@c,25")
        self.assertEqual(originate["CallerID"], "+34912345678")

    def test_who_refuses_or_is_not_there_is_told_from_who_took_it(self):
        for refuses in ("Login", "Originate"):
            manager = _Manager(refuses=(refuses,))
            with self.assertRaises(click.NotDialledError):
                self.originate(manager.port)
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        with self.assertRaises(click.NotDialledError):
            self.originate(port)

    def test_a_copy_of_the_database_rings_nobody_by_click(self):
        dial = ("PJSIP/201", "PJSIP/+34612345678@c", "+34912345678", 25)
        for database, rings in (("ours", True), ("", True), ("the original", False)):
            manager = _Manager(database=database)
            server = ("127.0.0.1", manager.port, False, "u", "s")
            if rings:
                click.originate(server, *dial, database="ours")
            else:
                with self.assertRaises(click.NotDialledError) as refused:
                    click.originate(server, *dial, database="ours")
                self.assertEqual(refused.exception.why, "foreign")
            asked = [message["Action"] for message in manager.asked]
            self.assertEqual("Originate" in asked, rings)

    def test_an_asterisk_that_hangs_holds_the_desk_three_seconds_at_most(self):
        manager = _Manager(silent=True)
        started = time.monotonic()
        with self.assertRaises(click.NotDialledError):
            self.originate(manager.port)
        self.assertLess(time.monotonic() - started, 3)

    def test_nothing_that_ends_a_line_is_sent(self):
        manager = _Manager()
        with self.assertRaises(ValueError):
            self.originate(
                manager.port, "PJSIP/2\r\nAction: Command", "PJSIP/3", "", 25
            )
        self.assertFalse(manager.asked)
