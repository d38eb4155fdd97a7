"""What somebody who calls by RPC, past every screen, must not get."""

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.service.model import call_kw
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import TelemarketingCommon

QUIET = ("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")


@tagged("post_install", "-at_install")
class TestRightsAttacks(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = cls.create_contact("Anna Own", "612 300 001")
        cls.ben = cls.create_contact("Ben Colleague", "612 300 002")
        cls.cora = cls.create_contact("Cora Other", "612 300 003", cls.database_other)
        cls.dora = cls.create_contact("Dora B", "612 300 004", cls.database_b)
        cls.anna.target_ids.agent_id = cls.agent_a
        cls.ben.target_ids.agent_id = cls.agent_b
        Partner = cls.env["res.partner"]
        cls.client_a, cls.client_b, cls.client_own = Partner.create(
            [
                {
                    "name": f"Client of {principal.name or 'ours'}",
                    "phone": "+34612300009",
                    "funnel_stage": "client",
                    "telemarketing_principal_id": principal.id,
                }
                for principal in (cls.principal_a, cls.principal_b, Partner)
            ]
        )
        cls.env["res.partner.bank"].create(
            {"partner_id": cls.client_own.id, "acc_number": "ES9121000418450200051332"}
        )

    def call(self, user, model, method, *args, **kwargs):
        """As JSON-RPC's ``call_kw`` does it."""
        return call_kw(
            self.env(user=user, context={})[model], method, list(args), kwargs
        )

    def assertRefused(self, user, model, method, *args, **kwargs):
        savepoint = self.env.cr.savepoint()
        try:
            with mute_logger(*QUIET), self.assertRaises(AccessError):
                self.call(user, model, method, *args, **kwargs)
                self.env.flush_all()
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)

    def visible(self, user, records):
        return self.as_user(records, user).search([("id", "in", records.ids)])

    def read_ours(self, record, user):
        """Every field of this module that the user may read, as one record."""
        record = self.as_user(record, user)
        names = [
            name
            for name, field in record._fields.items()
            if field._module == "telemarketing_base"
            and record._has_field_access(field, "read")
        ]
        return record.read(names)[0]

    def _interaction(self, contact, agent, **values):
        campaign = contact.campaign_id
        return self.env["telemarketing.interaction"].create(
            {
                "uuid": f"attack-{contact.id}-{agent.id}",
                "company_id": campaign.company_id.id,
                "campaign_id": campaign.id,
                "principal_id": campaign.principal_id.id,
                "contact_id": contact.id,
                "agent_id": agent.id,
                "team_id": agent.sale_team_id.id,
                "started_at": self.now(),
                "closed_at": self.now(),
                "state": "done",
                **values,
            }
        )

    # PRIVATE METHODS

    def test_rpc_reaches_no_private_method(self):
        for user in (self.agent_a, self.supervisor_a, self.manager):
            for model, method, *args in (
                ("telemarketing.target", "_lease", self.campaign_a.id, user.id),
                ("telemarketing.target", "_held_by", user.id),
                ("telemarketing.target", "_cron_return_leases"),
                ("telemarketing.desk", "_call_values", self.ben.target_ids.id),
                ("telemarketing.desk", "_session", "token-of-somebody"),
                ("telemarketing.contact", "_create_targets", self.anna.ids),
                ("telemarketing.interaction", "_close_as_lost", [1], "2026-01-01"),
                ("telemarketing.recording", "_open", [1], "listen"),
                ("telemarketing.stat.call", "_rebuild", "2026-01-01", "2026-01-02"),
                ("telemarketing.stat.call.delta", "_append", []),
                ("telemarketing.import", "_cron_load"),
                ("telemarketing.number", "_get_or_create", 1, []),
                ("res.company", "_telemarketing_has", self.company.ids, "dialer"),
                ("res.users", "_telemarketing_log_out", self.agent_b.ids),
            ):
                with self.subTest(user=user.login, method=f"{model}.{method}"):
                    self.assertRefused(user, model, method, *args)

    # THE DESK

    def test_only_agents_open_the_desk(self):
        for user in (
            self.plain_user,
            self.salesperson,
            self.portal_a,
            self.env.ref("base.public_user"),
        ):
            for method, args in (
                ("open_desk", ["token-12345"]),
                ("take_over", ["token-12345"]),
                ("get_next", ["token-12345"]),
                ("search_people", ["token-12345", "anna", False]),
                ("heartbeat", ["token-12345"]),
            ):
                with self.subTest(user=user.login, method=method):
                    self.assertRefused(user, "telemarketing.desk", method, *args)

    def test_blocked_agents_are_shut_out_at_once(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        desk.get_next(token)
        self.agent_a.telemarketing_blocked = True
        with self.assertRaises(AccessError):
            desk.get_next(token)
        self.assertFalse(
            self.env["telemarketing.target"].search(
                [("leased_by_id", "=", self.agent_a.id)]
            )
        )

    def test_agents_do_not_unblock_themselves(self):
        self.agent_a.telemarketing_blocked = True
        for values in (
            {"telemarketing_blocked": False},
            {
                "group_ids": [
                    Command.link(self.env.ref("telemarketing_base.group_supervisor").id)
                ]
            },
        ):
            self.assertRefused(
                self.agent_a, "res.users", "write", self.agent_a.ids, values
            )

    def test_desk_refuses_what_another_agent_holds(self):
        desk_b, token_b = self.open_desk(self.agent_b, self.campaign_a)
        held = desk_b.get_target(token_b, self.ben.target_ids.id)["call"]
        phone_id = held["phones"][0]["id"]
        answer = desk_b.dial(
            token_b, "uuid-of-agent-b", self.ben.target_ids.id, phone_id
        )
        self.assertEqual(answer["interaction"]["uuid"], "uuid-of-agent-b")
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        target = self.ben.target_ids
        disposition = self.create_disposition(kind="none")
        for method, args in (
            ("get_target", [target.id]),
            ("dial", ["uuid-of-agent-a", target.id, phone_id]),
            ("dial", ["uuid-of-agent-b", target.id, phone_id]),
            ("save_notes", ["uuid-of-agent-b", target.id, "mine now"]),
            ("close_and_get_next", ["uuid-of-agent-a", target.id, disposition.id]),
            ("close_and_get_next", ["uuid-of-agent-b", target.id, disposition.id]),
        ):
            with self.subTest(method=method, args=args):
                with self.assertRaises(UserError):
                    getattr(desk, method)(token, *args)
        desk.release(token, target.id)
        self.assertEqual((target.state, target.leased_by_id), ("talking", self.agent_b))

    def test_desk_refuses_people_of_other_campaigns(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        for contact in (self.cora, self.dora):
            with self.assertRaises(UserError):
                desk.get_target(token, contact.target_ids.id)
            people = desk.search_people(token, contact.name, own=False)["people"]
            self.assertFalse(people)
        for campaign in (self.campaign_other, self.campaign_b, self.campaign_far):
            with self.assertRaises(UserError):
                desk.choose_campaign(token, campaign.id)

    def test_ids_tried_one_after_the_other_open_nobody(self):
        """Within his own campaign, too, an agent opens whom he was shown."""
        ella = self.create_contact("Ella Nobodys", "612 300 006")
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        for stranger in (ella, self.ben):
            with self.assertRaises(UserError) as refused:
                desk.get_target(token, stranger.target_ids.id)
            self.assertNotIn(stranger.name, str(refused.exception))
        desk.get_target(token, self.anna.target_ids.id)
        people = desk.search_people(token, "Ella", own=False)["people"]
        self.assertEqual([card["name"] for card in people], ["Ella Nobodys"])
        self.assertNotIn("612", str(people).replace("•", ""))
        call = desk.get_target(token, ella.target_ids.id)["call"]
        self.assertEqual(call["contact"]["name"], "Ella Nobodys")
        log = self.env["telemarketing.search.log"].search(
            [("user_id", "=", self.agent_a.id)]
        )
        self.assertEqual(log.mapped("shown"), [1])

    def test_token_of_another_agent_opens_nothing(self):
        _desk, token = self.open_desk(self.agent_b, self.campaign_a)
        self.open_desk(self.agent_a, self.campaign_a)
        answer = self.desk(self.agent_a).get_next(token)
        self.assertTrue(answer["lost_seat"])
        self.assertNotIn("call", answer)
        sessions = self.env["telemarketing.agent.session"].with_user(self.agent_a)
        own = sessions.search([])
        self.assertEqual(own.user_id, self.agent_a)
        with self.assertRaises(AccessError):
            own.read(["token"])

    # PEOPLE

    def test_agents_see_colleagues_and_the_people_of_their_own_calls(self):
        ours = self.client_own
        everybody = (
            ours
            | self.client_a
            | self.client_b
            | self.agent_b.partner_id
            | self.company.partner_id
            | self.principal_a
            | self.principal_b
        )
        seen = self.visible(self.agent_a, everybody)
        self.assertEqual(
            seen, self.agent_b.partner_id | self.company.partner_id | self.principal_a
        )
        self.assertRefused(self.agent_a, "res.partner", "read", ours.ids, ["phone"])
        self.assertFalse(
            self.call(self.agent_a, "res.partner", "name_search", "Client of")
        )
        self.assertFalse(
            self.call(
                self.agent_a,
                "res.partner.bank",
                "search_read",
                [("partner_id", "=", ours.id)],
                ["acc_number"],
            )
        )
        self._interaction(self.anna, self.agent_a, partner_id=self.client_a.id)
        self._interaction(self.ben, self.agent_b, partner_id=self.client_own.id)
        seen = self.visible(self.agent_a, everybody)
        self.assertIn(self.client_a, seen)
        self.assertNotIn(self.client_own, seen)
        # Numbers that the campaign masks are not read by the back door.
        self.campaign_a.mask_numbers = True
        self.env.invalidate_all()
        self.assertNotIn(self.client_a, self.visible(self.agent_a, everybody))

    def test_plain_users_keep_our_people_and_never_met_a_principals(self):
        people = self.client_a | self.client_b | self.client_own
        self.assertEqual(self.visible(self.plain_user, people), self.client_own)
        self.assertEqual(self.visible(self.manager, people), people)
        for user in (self.supervisor_a, self.salesperson):
            self.assertEqual(
                self.visible(user, people),
                self.client_a | self.client_own,
            )
        self.assertEqual(self.visible(self.supervisor_b, people), people)

    def test_a_plain_user_reads_whole_partners_users_leads_and_orders(self):
        """Our fields must not break who has no telemarketing rights."""
        user = self.plain_user
        for record in (self.client_own, self.plain_user, self.company, self.team_a):
            self.read_ours(record, user)
        seller = self._create_user("seller", "sales_team.group_sale_salesman_all_leads")
        lead = self.env["crm.lead"].create(
            {
                "name": "L",
                "partner_id": self.client_own.id,
                "telemarketing_campaign_id": self.campaign_own.id,
            }
        )
        order = self.env["sale.order"].create(
            {
                "partner_id": self.client_own.id,
                "telemarketing_campaign_id": self.campaign_own.id,
            }
        )
        for record in (lead, order):
            record.invalidate_recordset()
            values = self.read_ours(record, seller)
            self.assertEqual(values["telemarketing_campaign_id"][1], "Own")

    def test_leads_and_sales_of_a_principal_follow_its_campaigns(self):
        leads = self.env["crm.lead"].create(
            [
                {
                    "name": campaign.name,
                    "type": "opportunity",
                    "company_id": self.company.id,
                    "user_id": False,
                    "telemarketing_campaign_id": campaign.id,
                }
                for campaign in (self.campaign_a, self.campaign_b, self.campaign_own)
            ]
        )
        orders = self.env["sale.order"].create(
            [
                {
                    "partner_id": partner.id,
                    "user_id": False,
                    "telemarketing_campaign_id": campaign.id,
                }
                for partner, campaign in (
                    (self.client_a, self.campaign_a),
                    (self.client_b, self.campaign_b),
                    (self.client_own, self.campaign_own),
                )
            ]
        )
        for records in (leads, orders):
            of_a, of_b, ours = records
            for user in (self.supervisor_a, self.salesperson):
                self.assertEqual(self.visible(user, records), of_a | ours, user.login)
            self.assertEqual(self.visible(self.manager, records), records)
            seller = self.env["res.users"].search(
                [("login", "=", "tm_seller_b")]
            ) or self._create_user("seller_b", "sales_team.group_sale_salesman")
            self.assertEqual(self.visible(seller, records), ours)
        # An agent who also sells sees what is his.
        self.agent_a.group_ids = [
            Command.link(self.env.ref("sales_team.group_sale_salesman").id)
        ]
        self.assertTrue(self.agent_a.telemarketing_only_agent)
        self.assertFalse(self.visible(self.agent_a, leads))
        leads[0].telemarketing_operator_id = self.agent_a
        self.assertEqual(self.visible(self.agent_a, leads), leads[0])

    def test_agents_see_their_own_appointments(self):
        events = self.env["calendar.event"].create(
            [
                {
                    "name": "Visit",
                    "start": self.now(hours=1),
                    "stop": self.now(hours=2),
                    "user_id": self.supervisor_a.id,
                    "partner_ids": [Command.set(self.client_own.ids)],
                    **values,
                }
                for values in (
                    {},
                    {"telemarketing_operator_id": self.agent_a.id},
                    {"user_id": self.agent_a.id},
                    {"partner_ids": [Command.set(self.agent_a.partner_id.ids)]},
                )
            ]
        )
        self.assertEqual(self.visible(self.agent_a, events), events[1:])
        self.assertEqual(self.visible(self.plain_user, events), events)
        attendees = self.env["calendar.attendee"].search(
            [("event_id", "=", events[0].id)]
        )
        self.assertTrue(attendees)
        self.assertFalse(self.visible(self.agent_a, attendees))

    def test_agents_learn_no_names_from_followers_and_notifications(self):
        document = self.team_a
        document.message_subscribe(self.client_own.ids + self.agent_b.partner_id.ids)
        message = document.message_post(
            body="Hola",
            partner_ids=self.client_own.ids,
            author_id=self.supervisor_a.partner_id.id,
        )
        followers = document.message_follower_ids
        self.assertIn(self.client_own, followers.partner_id)
        self.assertNotIn(
            self.client_own, self.visible(self.agent_a, followers).sudo().partner_id
        )
        notices = message.notification_ids
        self.assertIn(self.client_own, notices.res_partner_id)
        self.assertNotIn(
            self.client_own, self.visible(self.agent_a, notices).sudo().res_partner_id
        )

    def test_agents_use_their_own_calendar(self):
        Event = self.as_user(self.env["calendar.event"], self.agent_a)
        event = Event.create(
            {"name": "Dentist", "start": self.now(hours=1), "stop": self.now(hours=2)}
        )
        event.name = "Doctor"
        self.assertTrue(Event.search_read([("id", "=", event.id)]))
        event.message_post(body="Moved")
        event.unlink()

    def test_agents_web_client_and_discuss_work(self):
        env = self.env(user=self.agent_a, context={})
        self.assertTrue(env["ir.ui.menu"].load_menus(False))
        self.assertTrue(env["res.users"].browse(env.uid).read(["name", "lang", "tz"]))
        self.read_ours(self.agent_a, self.agent_a)
        channel = env["discuss.channel"]._create_group(
            partners_to=self.agent_b.partner_id.ids
        )
        channel.message_post(body="Hola", message_type="comment")
        self.assertTrue(env["res.partner"].get_mention_suggestions("agent", limit=8))

    # WHAT AGENTS READ OF THEIR OWN

    def test_agents_list_their_targets_without_rights_on_people(self):
        targets = self.as_user(self.env["telemarketing.target"], self.agent_a)
        rows = targets.web_search_read(
            [],
            {
                "display_name": {},
                "contact_id": {"fields": {"display_name": {}}},
                "contact_name": {},
                "phone": {},
                "city": {},
                "label": {},
                "campaign_id": {"fields": {"display_name": {}}},
                "phone_id": {"fields": {"display_name": {}}},
            },
        )["records"]
        self.assertEqual([row["contact_name"] for row in rows], ["Anna Own"])
        self.assertEqual(rows[0]["contact_id"]["display_name"], "Anna Own")
        self.assertEqual(rows[0]["phone"], "612 300 001")
        for domain in (
            [("contact_id.vat", "like", "1")],
            [("contact_id.phone_ids.e164", "like", "612")],
        ):
            with mute_logger(*QUIET), self.assertRaises(AccessError):
                targets.search(domain)

    def test_masked_numbers_stay_masked_in_every_list(self):
        self.campaign_a.mask_numbers = True
        phone = self.anna.phone_ids
        target = self.anna.target_ids
        target.phone_id = phone
        call = self._interaction(
            self.anna, self.agent_a, phone_id=phone.id, e164=phone.e164
        )
        nameless = self.create_contact(False, "612 300 077")
        nameless.target_ids.agent_id = self.agent_a
        self.env.invalidate_all()
        as_agent = self.as_user(target, self.agent_a)
        shown = [
            *as_agent.read(["phone", "phone_id", "contact_id", "display_name"]),
            *call.with_user(self.agent_a).read(["phone_id", "display_name"]),
            *nameless.target_ids.with_user(self.agent_a).read(["display_name"]),
        ]
        self.assertNotIn("612", str(shown).replace("•", ""))
        self.assertIn("001", str(shown))
        with self.assertRaises(AccessError):
            call.with_user(self.agent_a).read(["e164"])
        self.assertEqual(target.with_user(self.supervisor_a).phone, "612 300 001")

    def test_agents_export_nothing_even_with_the_right_to(self):
        self.agent_a.group_ids = [
            Command.link(self.env.ref("base.group_allow_export").id)
        ]
        for records in (self.anna.target_ids, self.agent_a.partner_id):
            with self.assertRaises(UserError):
                self.call(
                    self.agent_a, records._name, "export_data", records.ids, ["id"]
                )
        with self.assertRaises(UserError):
            # By default no telemarketing role may.
            self.call(
                self.supervisor_a,
                "telemarketing.target",
                "export_data",
                self.anna.target_ids.ids,
                ["id"],
            )

    def test_an_agent_taken_off_a_campaign_meets_its_people_no_more(self):
        own = self.anna.target_ids
        self.assertTrue(self.visible(self.agent_a, own))
        self.campaign_a.agent_ids -= self.agent_a
        self.env.invalidate_all()
        self.assertFalse(self.visible(self.agent_a, own))

    def test_a_role_given_or_taken_counts_at_once(self):
        self.assertFalse(self.visible(self.agent_a, self.client_own))
        self.agent_a.group_ids = [
            Command.link(self.env.ref("telemarketing_base.group_supervisor").id)
        ]
        self.assertTrue(self.visible(self.agent_a, self.client_own))
        self.agent_a.group_ids = [
            Command.unlink(self.env.ref("telemarketing_base.group_supervisor").id)
        ]
        self.assertFalse(self.visible(self.agent_a, self.client_own))

    def test_a_supervisor_taken_off_a_team_sees_it_no_more(self):
        call = self._interaction(self.cora, self.agent_other)
        self.team_b.telemarketing_supervisor_ids += self.supervisor_a
        self.env.invalidate_all()
        self.assertTrue(self.visible(self.supervisor_a, call))
        self.assertTrue(self.visible(self.supervisor_a, self.cora))
        self.team_b.telemarketing_supervisor_ids -= self.supervisor_a
        self.env.invalidate_all()
        self.assertFalse(self.visible(self.supervisor_a, call))
        self.assertFalse(self.visible(self.supervisor_a, self.cora))

    # SUPERVISORS PAST THE SCREENS

    def test_supervisors_bring_no_principal_in(self):
        for method, args in (
            ("create", [{"name": "Spy", "principal_id": self.principal_b.id}]),
            ("write", [self.campaign_own.ids, {"principal_id": self.principal_b.id}]),
        ):
            self.assertRefused(
                self.supervisor_a, "telemarketing.campaign", method, *args
            )
        self.assertRefused(
            self.supervisor_a,
            "telemarketing.campaign",
            "create",
            {"name": "Spy"},
            context={"default_principal_id": self.principal_b.id},
        )
        for values in (
            {"telemarketing_principal_id": self.principal_a.id},
            {"telemarketing_is_principal": True},
        ):
            self.assertRefused(
                self.supervisor_a, "res.partner", "write", self.client_own.ids, values
            )
            self.assertRefused(
                self.supervisor_a, "res.partner", "create", {"name": "X", **values}
            )
        own = self.call(
            self.supervisor_a,
            "telemarketing.campaign",
            "create",
            {"name": "Second", "principal_id": self.principal_a.id},
        )
        self.assertTrue(own)

    def test_supervisors_make_no_person_of_another_principal_theirs(self):
        target = self.anna.target_ids
        for model, method, *args in (
            # Closed fields of the queue: state, law's answer, lease.
            ("telemarketing.target", "write", target.ids, {"state": "done"}),
            (
                "telemarketing.target",
                "write",
                target.ids,
                {"callable_from": "2026-01-01"},
            ),
            ("telemarketing.target", "write", target.ids, {"contact_id": self.dora.id}),
            (
                "telemarketing.target",
                "create",
                {"contact_id": self.dora.id, "campaign_id": self.campaign_a.id},
            ),
            ("telemarketing.contact", "write", self.dora.ids, {"name": "X"}),
            (
                "telemarketing.contact",
                "create",
                {"name": "X", "database_id": self.database_b.id},
            ),
            (
                "telemarketing.contact",
                "write",
                self.anna.ids,
                {"partner_id": self.client_b.id},
            ),
            (
                "telemarketing.contact",
                "write",
                self.anna.ids,
                {"database_id": self.database_b.id},
            ),
            (
                "telemarketing.contact.phone",
                "write",
                self.anna.phone_ids.ids,
                {"contact_id": self.dora.id},
            ),
            (
                "telemarketing.contact.phone",
                "write",
                self.anna.phone_ids.ids,
                {"e164": "+34699999999"},
            ),
            (
                "telemarketing.database",
                "create",
                {"name": "X", "campaign_id": self.campaign_b.id},
            ),
            (
                "telemarketing.import",
                "create",
                {"filename": "x.csv", "database_id": self.database_b.id},
            ),
            (
                "telemarketing.consent",
                "create",
                {
                    "contact_id": self.dora.id,
                    "given_at": "2026-01-01 10:00:00",
                },
            ),
        ):
            with self.subTest(model=model, method=method, args=args):
                self.assertRefused(self.supervisor_a, model, method, *args)

    def test_nobody_crosses_principals_not_even_the_system(self):
        with self.assertRaises(ValidationError):
            self.env["telemarketing.target"].create(
                {"contact_id": self.dora.id, "campaign_id": self.campaign_a.id}
            )

    def test_supervisors_move_nothing_out_of_their_reach(self):
        empty = self._create_database(self.campaign_a)
        reason = self.env["telemarketing.reason"].create(
            {"name": "R", "campaign_id": self.campaign_a.id}
        )
        pause = self.env["telemarketing.pause.reason"].create(
            {"name": "P", "company_id": self.company.id}
        )
        for record, values in (
            (empty, {"campaign_id": self.campaign_b.id}),
            (reason, {"campaign_id": self.campaign_b.id}),
            (pause, {"company_id": False}),
            (pause, {"company_id": self.company_b.id}),
        ):
            self.assertRefused(
                self.supervisor_a, record._name, "write", record.ids, values
            )

    def test_proofs_are_lifted_by_their_door_and_never_rewritten(self):
        exclusion = self.env["telemarketing.exclusion"].create(
            {"number_id": self.anna.phone_ids.number_id.id, "contact_id": self.anna.id}
        )
        for user in (self.supervisor_a, self.manager):
            for values in (
                {"lifted_at": "2026-01-01 10:00:00"},
                {"number_id": False},
                {"reason": "internal"},
            ):
                self.assertRefused(
                    user, "telemarketing.exclusion", "write", exclusion.ids, values
                )
        # An objection that holds everywhere is a manager's to lift.
        for user in (self.agent_a, self.supervisor_b, self.supervisor_a):
            self.assertRefused(
                user, "telemarketing.exclusion", "action_lift", exclusion.ids, "x"
            )
        self.call(
            self.manager,
            "telemarketing.exclusion",
            "action_lift",
            exclusion.ids,
            "They signed a contract",
        )
        self.assertEqual(exclusion.lifted_by_id, self.manager)

    def test_closed_and_open_calls_are_not_rewritten(self):
        call = self._interaction(self.anna, self.agent_a)
        running = self._interaction(
            self.anna, self.agent_a, uuid="attack-open", state="talking"
        )
        for record in (call, running):
            for values in (
                {"is_conversion": True},
                {"agent_id": self.agent_b.id},
                {"state": "done"},
            ):
                self.assertRefused(
                    self.supervisor_a, record._name, "write", record.ids, values
                )

    def test_nobody_writes_himself_into_a_sale(self):
        lead = self.env["crm.lead"].create(
            {"name": "L", "user_id": self.salesperson.id, "type": "opportunity"}
        )
        for user in (self.salesperson, self.supervisor_a, self.manager):
            values = {"telemarketing_operator_id": user.id}
            self.assertRefused(user, "crm.lead", "write", lead.ids, values)
            self.assertRefused(user, "crm.lead", "create", {"name": "X", **values})
        made = self.call(
            self.salesperson,
            "crm.lead",
            "create",
            {"name": "Y"},
            context={"default_telemarketing_operator_id": self.salesperson.id},
        )
        self.assertFalse(
            self.env["crm.lead"].browse(made).sudo().telemarketing_operator_id
        )

    def test_sharing_out_is_for_supervisors_of_the_database(self):
        vals = {
            "database_id": self.database_b.id,
            "agent_ids": [Command.set(self.agent_other.ids)],
        }
        self.assertRefused(self.agent_a, "telemarketing.distribute", "create", vals)
        self.assertRefused(
            self.supervisor_a, "telemarketing.distribute", "create", vals
        )
        seen = self.env["telemarketing.distribute"].create(vals)
        with mute_logger(*QUIET), self.assertRaises(AccessError):
            seen.with_user(self.supervisor_a).action_process()

    # RECORDINGS

    def test_every_listening_is_logged(self):
        call = self._interaction(self.anna, self.agent_a)
        recording = self.env["telemarketing.recording"].create(
            {
                "interaction_id": call.id,
                "store": "attachment",
                "storage_key": "sound.wav",
            }
        )
        attachment = self.env["ir.attachment"].create(
            {
                "name": "sound.wav",
                "raw": b"RIFF",
                "res_model": recording._name,
                "res_id": recording.id,
            }
        )
        for user in (self.supervisor_a, self.manager, self.agent_a):
            self.assertRefused(user, "ir.attachment", "read", attachment.ids, ["raw"])
        heard = recording.with_user(self.supervisor_a)._open("listen")
        self.assertEqual(heard, b"RIFF")
        self.assertEqual(recording.access_ids.user_id, self.supervisor_a)
        for user in (self.agent_a, self.agent_b, self.supervisor_b, self.portal_a):
            with mute_logger(*QUIET), self.assertRaises(AccessError):
                recording.with_user(user)._open("listen")
        self.campaign_a.own_recordings = True
        self.env.invalidate_all()
        recording.with_user(self.agent_a)._open("listen")
        self.assertEqual(recording.access_ids.user_id, self.supervisor_a | self.agent_a)

    # CLIENT COMPANIES AND OTHER COMPANIES

    def test_a_principals_contact_reads_figures_and_not_whose_they_are(self):
        stat = self.env["telemarketing.stat.call"].create(
            {
                "hour": self.now().replace(minute=0, second=0),
                "company_id": self.company.id,
                "campaign_id": self.campaign_a.id,
                "agent_id": self.agent_a.id,
                "calls": 3,
            }
        )
        as_portal = self.as_user(stat, self.portal_a)
        self.assertEqual(as_portal.read(["calls"])[0]["calls"], 3)
        self.assertNotIn("agent_id", self.read_ours(stat, self.portal_a))
        with self.assertRaises(AccessError):
            as_portal.read(["agent_id"])
        shown = self.read_ours(self.campaign_a, self.portal_a)
        self.assertIn("contact_count", shown)
        for hidden in ("agent_ids", "callable_count", "call_purpose", "caller_number"):
            self.assertNotIn(hidden, shown)
        for user in (self.agent_a, self.salesperson, self.supervisor_a, self.manager):
            self.assertIn("agent_ids", self.read_ours(self.campaign_a, user))
        note = self.campaign_a.message_post(
            body="They pay late", subtype_xmlid="mail.mt_comment"
        )
        for user in (self.portal_a, self.agent_a):
            self.assertRefused(user, "mail.message", "read", note.ids, ["body"])
        self.assertTrue(note.with_user(self.supervisor_a).read(["body"]))

    def test_a_contact_that_changes_company_takes_no_figures_along(self):
        self.assertTrue(self.visible(self.portal_a, self.campaign_a))
        self.portal_a.partner_id.parent_id = self.principal_b
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(
            self.visible(self.portal_a, self.campaign_a | self.campaign_b),
            self.campaign_b,
        )

    def test_companies_do_not_leak_into_each_other(self):
        self.manager.company_ids += self.company_b
        campaigns = self.campaign_a | self.campaign_far
        Campaign = self.env["telemarketing.campaign"].with_user(self.manager)
        for companies, expected in (
            (self.company_a, self.campaign_a),
            (self.company_b, self.campaign_far),
            (self.company_a | self.company_b, campaigns),
        ):
            found = Campaign.with_context(allowed_company_ids=companies.ids).search(
                [("id", "in", campaigns.ids)]
            )
            self.assertEqual(found, expected)
        with mute_logger(*QUIET), self.assertRaises(AccessError):
            self.campaign_far.with_user(self.supervisor_a).with_context(
                allowed_company_ids=self.company_b.ids
            ).read(["name"])

    def test_only_administrators_change_the_edition(self):
        for user in (self.agent_a, self.supervisor_a, self.manager):
            self.assertRefused(
                user,
                "res.company",
                "write",
                self.company.ids,
                {"telemarketing_search_cap": 0},
            )
            self.assertRefused(
                user, "telemarketing.edition", "create", {"name": "X", "code": "x"}
            )

    def test_rules_cost_no_query_per_record(self):
        """Reading a page of targets as a supervisor: a handful of queries."""
        for n in range(40):
            self.create_contact(f"P{n}", f"6123005{n:02d}")
        targets = self.as_user(self.env["telemarketing.target"], self.supervisor_a)
        spec = {"contact_name": {}, "priority": {}, "agent_id": {}}
        targets.web_search_read([], spec, limit=3)
        self.env.flush_all()
        self.env.invalidate_all()
        with self.assertQueryCount(12):
            rows = targets.web_search_read([], spec, limit=40)
        self.assertEqual(len(rows["records"]), 40)

    def test_wizards_show_no_numbers_of_people_out_of_sight(self):
        own = {"contact_id": self.anna.id, "numbers": "612300001"}
        model = "telemarketing.exclusion.add"
        wizard = self.call(self.supervisor_a, model, "create", own)
        values = {"contact_id": self.dora.id}
        self.assertRefused(self.supervisor_a, model, "create", values)
        self.assertRefused(self.supervisor_a, model, "write", [wizard], values)
        specification = {"numbers": {}, "contact_id": {"fields": {"display_name": {}}}}
        self.assertRefused(
            self.supervisor_a,
            model,
            "onchange",
            [],
            values,
            ["contact_id"],
            specification,
        )
        self.assertRefused(
            self.supervisor_a,
            "telemarketing.distribute",
            "create",
            {"database_id": self.database_b.id},
        )

    def test_an_appointment_tells_no_name_of_a_target_named_by_id(self):
        event = self.call(
            self.agent_a,
            "calendar.event",
            "create",
            {
                "name": "x",
                "start": "2026-11-23 10:00:00",
                "stop": "2026-11-23 11:00:00",
            },
        )
        for values in (
            {"telemarketing_target_id": self.dora.target_ids.id},
            {"telemarketing_operator_id": self.agent_b.id},
        ):
            self.assertRefused(self.agent_a, "calendar.event", "write", [event], values)
