from datetime import timedelta

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import TelemarketingCommon

MORNING = "2026-11-23 10:00:00"
LINES = (
    ("identity", "always", "Quién soy"),
    ("price", "sale", "Precio total"),
    ("robinson_info", "objection", "Lista Robinson"),
)


@tagged("post_install", "-at_install", "telemarketing_desk")
class TestScripts(TelemarketingCommon):
    """What the law wants said is confirmed before a sale, and kept with the call."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        frozen = freeze_time(MORNING)
        cls.clock = frozen.start()
        cls.addClassCleanup(frozen.stop)
        ours = {"campaign_ids": [Command.set(cls.campaign_a.ids)]}
        create = cls.create_disposition
        cls.no_answer = create("No answer", kind="redial_same", **ours)
        cls.useful = create("Interested", outcome="useful", **ours)
        cls.sale = create("Sale", outcome="useful", is_conversion=True, **ours)
        cls.never = create("Never", kind="exclude", outcome="contact", **ours)
        cls.script = cls.env["telemarketing.script"].create(
            {
                "name": "Venta",
                "body": "<p>Hola {nombre}</p>",
                "confirm_lines": "He repetido la cita",
                "legal_line_ids": [
                    Command.create({"requirement": key, "when": when, "text": text})
                    for key, when, text in LINES
                ],
                **ours,
            }
        )
        cls.people = [
            cls.create_contact(f"Persona {n}", f"61234560{n}") for n in range(5)
        ]

    def setUp(self):
        super().setUp()
        self.clock.move_to(MORNING)

    def dialled(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        call = desk.get_next(token)["call"]
        target = call["target"]
        uuid = f"{self._testMethodName[-40:]}-{target['id']}"
        desk.dial(token, uuid, target["id"], target["suggested_phone_id"])
        return desk, token, uuid, target["id"]

    def keys(self, script=None, *requirements):
        version = (script or self.script).version_id
        return [
            version._line_key(line)
            for line in version._confirm_list()
            if line.get("requirement") in requirements
        ]

    def close(self, disposition, confirmed=(), **payload):
        desk, token, uuid, target_id = self.dialled()
        desk.close_and_get_next(
            token,
            uuid,
            target_id,
            disposition.id,
            {"confirmed": list(confirmed), **payload},
            next=False,
        )
        return self.interaction(uuid)

    def interaction(self, uuid):
        return self.env["telemarketing.interaction"].search([("uuid", "=", uuid)])

    # versions

    def test_one_save_is_one_version_with_its_legal_lines_in_order(self):
        version = self.script.version_id
        self.assertEqual(len(self.script.version_ids), 1)
        self.assertEqual(
            [(x["requirement"], x["when"], x["text"]) for x in version.legal_lines],
            list(LINES),
        )
        self.script.write(
            {
                "body": "<p>Buenos días</p>",
                "legal_line_ids": [
                    Command.create({"requirement": "withdrawal", "text": "14 días"})
                ],
            }
        )
        self.assertEqual(len(self.script.version_ids), 2)
        self.assertEqual(
            [x["requirement"] for x in self.script.version_id.legal_lines],
            ["identity", "price", "robinson_info", "withdrawal"],
        )
        self.assertEqual(len(version.legal_lines), 3)
        self.script.write({"legal_line_ids": self.script.legal_line_ids.ids})
        self.script.name = "Otra"
        self.assertEqual(len(self.script.version_ids), 2)

    def test_each_changed_or_removed_line_makes_a_version_that_calls_can_show(self):
        line = self.script.legal_line_ids[0]
        line.text = "Quién soy y para quién llamo"
        line.unlink()
        versions = self.script.version_ids.sorted("number")
        self.assertEqual(
            [v.legal_lines[0]["text"] for v in versions],
            ["Quién soy", "Quién soy y para quién llamo", "Precio total"],
        )
        self.assertEqual([bool(v.replaced_at) for v in versions], [True, True, False])

    def test_a_saved_version_is_never_rewritten_nor_forged(self):
        version = self.script.version_id
        for user in (self.supervisor_a, self.manager):
            with self.assertRaises(AccessError):
                version.with_user(user).legal_lines = []
        with self.assertRaises(UserError):
            version.body = "<p>Otra cosa</p>"
        self.script.company_id = self.company_a
        forged = self.env["telemarketing.script.version"].with_user(self.supervisor_a)
        forged = forged.create(
            {"script_id": self.script.id, "number": 7, "legal_lines": []}
        )
        self.assertEqual(len(forged.legal_lines), 3)

    def test_a_line_goes_where_its_requirement_belongs_and_may_be_moved(self):
        line = self.env["telemarketing.script.legal.line"].create(
            {
                "script_id": self.script.id,
                "requirement": "written_acceptance",
                "text": "Solo si lo acepta por escrito",
            }
        )
        self.assertEqual((line.when, line.article), ("sale", "art. 98.6 TRLGDCU"))
        line.when = "always"
        self.assertEqual(self.script.version_id.legal_lines[-1]["when"], "always")

    def test_a_copy_of_a_script_says_all_that_the_script_says(self):
        copy = self.script.copy()
        self.assertIn("Hola", str(copy.body))
        self.assertEqual(len(copy.version_id.legal_lines), 3)

    # what the desk shows

    def test_desk_shows_legal_lines_first_with_article_and_moment(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        campaign = desk.open_desk(token)["campaign"]
        self.assertTrue(campaign["require_legal_lines"])
        lines = campaign["scripts"][0]["confirm_lines"]
        self.assertEqual(
            [line.get("legal", False) for line in lines], [True] * 3 + [False]
        )
        self.assertEqual(
            (lines[0]["article"], lines[0]["requirement"], lines[0]["when"]),
            ("art. 96.2 TRLGDCU", "identity", "always"),
        )
        shown = {d["id"]: (d["sale"], d["legal"]) for d in campaign["dispositions"]}
        self.assertEqual(shown[self.no_answer.id], (False, []))
        self.assertEqual(shown[self.useful.id], (False, ["always"]))
        self.assertEqual(shown[self.sale.id], (True, ["always", "sale"]))
        self.assertEqual(shown[self.never.id], (False, ["always", "objection"]))

    # closing

    def test_a_sale_without_its_legal_lines_is_refused_and_says_which(self):
        desk, token, uuid, target_id = self.dialled()
        payload = {"confirmed": self.keys(None, "identity")}
        with self.assertRaisesRegex(UserError, r"Precio total \(art\. 98\.4"):
            desk.close_and_get_next(token, uuid, target_id, self.sale.id, payload)
        target = self.env["telemarketing.target"].browse(target_id)
        self.assertEqual(target.leased_by_id, self.agent_a)
        self.assertNotEqual(self.interaction(uuid).state, "done")
        payload["confirmed"] += self.keys(None, "price")
        answer = desk.close_and_get_next(
            token, uuid, target_id, self.sale.id, payload, next=True
        )
        self.assertEqual(answer["closed"]["uuid"], uuid)
        self.assertTrue(answer["call"])
        interaction = self.interaction(uuid)
        self.assertEqual(interaction.confirmed_lines, payload["confirmed"])
        self.assertFalse(interaction.legal_missing)

    def test_a_sale_without_even_having_dialled_is_refused_too(self):
        desk, token = self.open_desk(self.agent_a, self.campaign_a)
        target_id = desk.get_next(token)["call"]["target"]["id"]
        with self.assertRaisesRegex(UserError, "Quién soy"):
            desk.close_and_get_next(token, "never-dialled", target_id, self.sale.id)

    def test_where_the_campaign_does_not_insist_a_sale_says_what_is_missing(self):
        self.campaign_a.require_legal_lines = False
        interaction = self.close(self.sale)
        self.assertEqual(interaction.legal_missing, "identity,price")

    def test_nobody_reached_misses_nothing(self):
        self.assertFalse(self.close(self.no_answer).legal_missing)

    def test_other_conversations_only_note_what_was_not_said(self):
        self.assertEqual(self.close(self.useful).legal_missing, "identity")
        said = self.close(self.useful, self.keys(None, "identity"))
        self.assertFalse(said.legal_missing)
        self.assertEqual(
            self.env["telemarketing.interaction"].search_count(
                [
                    ("campaign_id", "=", self.campaign_a.id),
                    ("legal_missing", "!=", False),
                ]
            ),
            1,
        )

    def test_an_objection_is_taken_at_once_whatever_was_not_said(self):
        interaction = self.close(self.never, self.keys(None, "identity"))
        self.assertEqual(interaction.legal_missing, "robinson_info")
        self.assertEqual(
            interaction.legal_missing_text,
            "Lists for not being called (Lista Robinson)",
        )
        self.assertEqual(interaction.target_id.state, "excluded")

    def test_a_sale_given_offline_and_too_late_is_kept_with_something_to_do(self):
        desk, token, uuid, target_id = self.dialled()
        self.clock.tick(timedelta(hours=3))
        self.env["telemarketing.target"]._cron_return_leases()
        self.assertTrue(self.interaction(uuid).lost)
        answer = desk.close_and_get_next(
            token, uuid, target_id, self.sale.id, {}, next=False
        )
        interaction = self.interaction(uuid)
        self.assertEqual(interaction.disposition_id, self.sale)
        self.assertEqual(interaction.legal_missing, "identity,price")
        self.assertIn("Precio total", interaction.todo)
        self.assertIn("Precio total", "".join(answer["closed"]["todo"]))

    def test_the_same_sale_sent_twice_is_counted_once(self):
        desk, token, uuid, target_id = self.dialled()
        payload = {"confirmed": self.keys(None, "identity", "price")}
        for _time in range(2):
            answer = desk.close_and_get_next(
                token, uuid, target_id, self.sale.id, payload, next=False
            )
            self.assertEqual(answer["closed"]["uuid"], uuid)
        self.assertEqual(len(self.interaction(uuid)), 1)

    # which version

    def test_a_script_saved_during_the_call_does_not_take_the_ticks_away(self):
        desk, token, uuid, target_id = self.dialled()
        old = self.script.version_id
        keys = self.keys(None, "identity", "price")
        self.clock.tick(timedelta(minutes=1))
        self.script.legal_line_ids[0].text = "Otro texto"
        desk.close_and_get_next(
            token, uuid, target_id, self.sale.id, {"confirmed": keys}, next=False
        )
        interaction = self.interaction(uuid)
        self.assertEqual(interaction.confirmed_lines, keys)
        self.assertEqual(interaction.script_version_id, old)

    def test_an_old_version_without_legal_lines_is_no_way_round_them(self):
        bare = self.env["telemarketing.script"].create(
            {"name": "Antes", "body": "<p>Antes</p>", "confirm_lines": "Nada"}
        )
        old = bare.version_id
        self.clock.tick(timedelta(minutes=5))
        bare.legal_line_ids = [
            Command.create({"requirement": "identity", "text": "Quién soy"})
        ]
        self.clock.tick(timedelta(minutes=5))
        self.campaign_a.script_ids = bare
        for payload in (
            {"confirmed": [old._line_key({"key": "0"})], "scripts": old.ids},
            {"confirmed": ["x", None, {}, "9" * 40], "scripts": "all"},
        ):
            desk, token, uuid, target_id = self.dialled()
            with self.subTest(payload), self.assertRaises(UserError):
                desk.close_and_get_next(token, uuid, target_id, self.sale.id, payload)

    def test_another_campaigns_lines_confirm_nothing_here(self):
        foreign = self.script.copy({"campaign_ids": [Command.clear()]})
        with self.assertRaises(UserError):
            self.close(self.sale, self.keys(foreign, "identity", "price"))

    def test_with_two_scripts_what_one_said_need_not_be_said_again(self):
        second = self.env["telemarketing.script"].create(
            {
                "name": "Cierre",
                "sequence": 20,
                "legal_line_ids": [
                    Command.create({"requirement": "identity", "text": "Quién"}),
                    Command.create({"requirement": "withdrawal", "text": "14 días"}),
                ],
                "campaign_ids": [Command.set(self.campaign_a.ids)],
            }
        )
        first = self.keys(None, "identity", "price")
        # The second was not used: only the first counts.
        self.assertFalse(self.close(self.sale, first).legal_missing)
        both = first + self.keys(second, "withdrawal")
        self.assertFalse(self.close(self.sale, both).legal_missing)
        with self.assertRaisesRegex(UserError, "Precio total"):
            self.close(
                self.sale, self.keys(None, "identity") + self.keys(second, "withdrawal")
            )

    # what has to be there

    def test_missing_requirements_by_purpose_sector_and_sale(self):
        missing = self.script._missing_requirements
        self.assertEqual(missing("commercial"), ["purpose", "objection", "recording"])
        self.assertEqual(
            missing("commercial", "electricity"),
            [
                "purpose",
                "objection",
                "recording",
                "change_of_supplier",
                "recording_right",
            ],
        )
        self.assertEqual(
            missing("commercial", "", sells=True),
            ["purpose", "objection", "recording", "withdrawal", "written_acceptance"],
        )
        self.assertEqual(
            missing("survey", "electricity"), ["objection", "survey_voluntary"]
        )
        self.assertEqual(missing("service"), ["purpose"])
        none = self.env["telemarketing.script"]
        self.assertIn("identity", none._missing_requirements("commercial"))

    def test_shipped_scripts_say_what_their_campaigns_have_to_say(self):
        for name, purpose, sells in (
            ("telesales", "commercial", True),
            ("appointment", "commercial", False),
            ("lead", "commercial", False),
            ("survey", "survey", False),
        ):
            script = self.env.ref(f"telemarketing_base.script_{name}")
            with self.subTest(script=name):
                missing = script._missing_requirements(purpose, "", sells=sells)
                self.assertEqual(missing, [])
                self.assertEqual(len(script.version_ids), 1)
                for line in script.legal_line_ids:
                    self.assertTrue(line.article, line.text)

    # rights

    def test_supervisors_change_no_lines_of_common_or_others_scripts(self):
        common = self.env.ref("telemarketing_base.script_lead")
        other = self.script.copy({"campaign_ids": [Command.set(self.campaign_b.ids)]})
        own = self.env["telemarketing.script"].create(
            {
                "name": "Suyo",
                "company_id": self.company_a.id,
                "campaign_ids": [Command.set(self.campaign_a.ids)],
                "legal_line_ids": [
                    Command.create({"requirement": "identity", "text": "Quién"})
                ],
            }
        )
        line = own.legal_line_ids.with_user(self.supervisor_a)
        line.text = "Quién soy"
        for script in (common, other):
            mine = script.legal_line_ids.with_user(self.supervisor_a)
            with self.assertRaises(AccessError):
                mine[0].text = "Nada"
            with self.assertRaises(AccessError):
                line.script_id = script
                self.env.flush_all()
        for user in (self.agent_a, self.salesperson, self.plain_user):
            with self.assertRaises(AccessError):
                own.legal_line_ids.with_user(user).text = "Nada"
