from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from ..models import duplicate_search
from .common import TelemarketingCommon


@tagged("post_install", "-at_install")
class TestDuplicates(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ana = cls.create_contact(
            "Ana López Ruiz", "612345678", street="C/ Mayor 3, 2º B", zip="28013"
        )
        cls.again = cls.create_contact(
            "LOPEZ RUIZ, ANA", "912000111", street="CALLE MAYOR 3 2 B", zip="28013"
        )
        cls.Duplicate = cls.env["telemarketing.duplicate"]
        cls.Search = cls.env["telemarketing.duplicate.search"]

    def find(self, user=None, **values):
        """A run from beginning to end, as this user (a manager)."""
        run = self.as_user(self.Search, user or self.manager).create(values)
        run.action_start()
        self.Search._cron_run()
        self.env.invalidate_all()
        self.assertEqual(run.state, "done", run.error)
        return run

    def pair(self, one, other):
        side = "contact" if one._name == "telemarketing.contact" else "partner"
        first, second = sorted((one, other), key=lambda p: p.id)
        return self.Duplicate.search(
            [(f"{side}_a_id", "=", first.id), (f"{side}_b_id", "=", second.id)]
        )

    # FINDING

    def test_same_person_written_otherwise_at_the_same_address_is_found(self):
        run = self.find()
        pair = self.pair(self.ana, self.again)
        self.assertEqual(pair.reasons, "name_address")
        self.assertTrue(pair.same_name)
        self.assertGreater(pair.score, 0.85)
        self.assertEqual(pair.search_id, run)
        self.assertEqual(pair.principal_id, self.principal_a)
        self.assertIn("name and address", pair.reason_text)
        self.assertEqual(run.found, 1)

    def test_nif_telephone_and_mail_in_common_are_each_found(self):
        ana = self.create_contact(
            "Eva Gil", "633000001", vat="12345678Z", email="eva@example.com"
        )
        vat = self.create_contact("Eva Gil Mora", "633000002", vat="12345678z")
        phone = self.create_contact("Gil, Eva", ["915550000", "+34 633 000 001"])
        mail = self.create_contact("Eva Gil", "633000003", email="EVA@example.com")
        self.find()
        self.assertEqual(self.pair(ana, vat).reasons, "vat")
        self.assertEqual(self.pair(ana, phone).reasons, "phone")
        self.assertEqual(self.pair(ana, mail).reasons, "email")

    def test_family_on_one_telephone_is_not_proposed(self):
        mother = self.create_contact("Rosa Vidal Mas", "934000000")
        son = self.create_contact("Jordi Puig Vidal", "934000000")
        self.find()
        self.assertFalse(self.pair(mother, son))
        self.find(min_score=0.1)
        self.assertLess(self.pair(mother, son).score, 0.5)

    def test_number_of_a_service_makes_no_pair(self):
        one = self.create_contact("Bar Sol", "902123456")
        other = self.create_contact("Bar Sol", "902123456")
        self.find(min_score=0)
        self.assertFalse(self.pair(one, other))

    def test_people_of_two_client_companies_are_never_a_pair(self):
        ours = self.create_contact("Ana López Ruiz", "612345678", self.database_own)
        theirs = self.create_contact("Ana López Ruiz", "612345678", self.database_b)
        far = self.create_contact("Ana López Ruiz", "612345678", self.database_far)
        colleague = self.create_contact(
            "Ana López Ruiz", "612345678", self.database_other
        )
        self.find()
        for person in (ours, theirs, far):
            self.assertFalse(self.pair(self.ana, person))
        self.assertTrue(self.pair(self.ana, colleague))

    def test_number_shared_by_many_is_reported_and_no_explosion_of_pairs(self):
        names = "Alba Bruno Carla Dario Elsa Fabio Gema Hugo Irene Jaime Kira Leo Mar"
        people = [
            self.create_contact(f"{name} {name}ez", "910000000")
            for name in names.split()
        ]
        twin = self.create_contact("Albaez, Alba", "910000000")
        run = self.find(min_score=0)
        self.assertEqual(run.found, 2)  # the twin, and Ana by her address
        self.assertTrue(self.pair(people[0], twin))
        self.assertIn("14", run.shared_text)
        self.assertIn("910 000 000", run.shared_text)

    def test_pair_said_to_be_different_never_comes_back(self):
        self.find()
        pair = self.pair(self.ana, self.again)
        pair.with_user(self.supervisor_a).action_different()
        self.assertEqual(pair.state, "different")
        run = self.find()
        self.assertEqual(run.found, 0)
        self.assertEqual(pair.state, "different")

    def test_only_new_against_all_of_the_client_company(self):
        fresh = self._create_database(self.campaign_a, "Fresh")
        new = self.create_contact("Ana López", "612345678", fresh)
        self.find(database_ids=[Command.set(fresh.ids)])
        self.assertTrue(self.pair(self.ana, new))
        self.assertFalse(self.pair(self.ana, self.again))

    def test_restart_goes_on_and_finds_the_same(self):
        for place in range(6):
            for _time in range(2):
                self.create_contact(f"Pepe Núñez {place}", f"62000000{place}")
        run = self.as_user(self.Search, self.manager).create({})
        run.action_start()
        with (
            patch.object(duplicate_search, "GROUPS", 2),
            patch.object(duplicate_search, "PEOPLE", 1),
            patch.object(
                self.env.registry["telemarketing.chunk.mixin"],
                "_keep_chunk",
                lambda _self, done, remaining=0: False,
            ),
        ):
            for _time in range(20):
                self.Search._cron_run()
        self.assertEqual(run.state, "done")
        self.assertEqual(run.found, 7)

    def test_search_stops_when_asked(self):
        run = self.as_user(self.Search, self.supervisor_a).create({})
        run.action_start()
        run.action_stop()
        self.Search._cron_run()
        self.env.invalidate_all()
        self.assertEqual(run.state, "stopped")
        run.action_start()
        self.Search._cron_run()
        self.env.invalidate_all()
        self.assertEqual(run.state, "done")

    def test_clients_are_found_but_not_a_firm_and_who_works_there(self):
        values = {"funnel_stage": "client", "vat": "ESB58378431"}
        firm, other = self.env["res.partner"].create(
            [
                {"name": "Talleres Norte S.L.", "is_company": True, **values},
                {"name": "TALLERES NORTE SL", "is_company": True, **values},
            ]
        )
        worker = self.env["res.partner"].create(
            {"name": "Talleres Norte", "parent_id": firm.id, "funnel_stage": "client"}
        )
        self.find(what="people")
        self.assertEqual(self.pair(firm, other).reasons, "vat")
        self.assertEqual(self.pair(firm, other).model, "partner")
        self.assertFalse(self.pair(firm, worker))

    # DECIDING

    def test_side_by_side_marks_what_differs(self):
        self.find()
        shown = self.pair(self.ana, self.again).with_user(self.supervisor_a).comparison
        self.assertEqual(
            [p["id"] for p in shown["people"]], [self.ana.id, self.again.id]
        )
        rows = {row["field"]: row for row in shown["rows"]}
        self.assertTrue(rows["name"]["differs"])
        self.assertFalse(rows["zip"]["differs"])
        self.assertEqual(rows["phone_ids"]["texts"], ["612 345 678", "912 000 111"])
        self.assertEqual(shown["keep"], self.ana.id)

    def test_called_one_is_proposed_to_stay(self):
        self.env["telemarketing.interaction"].create(
            {
                "contact_id": self.again.id,
                "campaign_id": self.campaign_a.id,
                "agent_id": self.agent_a.id,
                "uuid": "uuid-of-a-call",
                "started_at": self.now(),
            }
        )
        self.find()
        shown = self.pair(self.ana, self.again).comparison
        self.assertEqual(shown["keep"], self.again.id)
        calls = dict(shown["people"][1]["counts"])
        self.assertEqual(calls["Calls"], 1)

    def test_merge_keeps_the_side_and_the_values_chosen_and_shows_the_next(self):
        eva = self.create_contact("Eva Gil", "633000001")
        self.create_contact("Gil Eva", "633000001")
        self.find()
        pair = self.pair(self.ana, self.again).with_user(self.supervisor_a)
        pair.choices = {"keep": self.ana.id, "values": {"name": self.again.id}}
        action = pair.action_keep_right()
        self.env.invalidate_all()
        self.assertEqual(pair.state, "merged")
        self.assertEqual(self.ana.merged_into_id, self.again)
        self.assertFalse(self.ana.active)
        self.assertEqual(self.again.name, "LOPEZ RUIZ, ANA")
        self.assertEqual(
            set(self.again.phone_ids.mapped("e164")), {"+34612345678", "+34912000111"}
        )
        following = self.Duplicate.browse(action["params"]["action"]["res_id"])
        self.assertIn(eva, following._people())
        with self.assertRaises(UserError):
            pair.action_merge()

    def test_choice_of_a_stranger_s_value_is_not_taken(self):
        stranger = self.create_contact("Otra", "644000000", self.database_b)
        self.find()
        pair = self.pair(self.ana, self.again).with_user(self.supervisor_a)
        pair.choices = {"keep": stranger.id, "values": {"name": stranger.id}}
        pair.action_merge()
        self.assertEqual(self.ana.name, "Ana López Ruiz")
        self.assertFalse(stranger.merged_into_id)

    def test_undone_merge_brings_its_pair_back(self):
        third = self.create_contact(
            "Ana Lopez", "612345678", street="C/ Mayor 3", zip="28013"
        )
        self.find()
        pair = self.pair(self.ana, self.again)
        self.assertTrue(self.pair(self.again, third))
        pair.with_user(self.supervisor_a).action_keep_right()
        self.assertEqual(self.pair(self.ana, third).state, "merged")
        self.assertEqual(self.pair(self.again, third).state, "new")
        pair.merge_id.with_user(self.supervisor_a).action_undo()
        self.env.invalidate_all()
        self.assertEqual(pair.state, "new")
        self.assertEqual(self.pair(self.ana, third).state, "new")
        self.assertTrue(self.ana.active)

    # FROM A LIST

    def wizard(self, people, user):
        return (
            self.as_user(self.env["telemarketing.duplicate.merge"], user)
            .with_context(active_model=people._name, active_ids=people.ids)
            .create({})
        )

    def test_three_chosen_in_the_list_become_one(self):
        third = self.create_contact("A. López", "612000999")
        people = self.ana | self.again | third
        wizard = self.wizard(people, self.supervisor_a)
        self.assertEqual(len(wizard.comparison["people"]), 3)
        wizard.choices = {"keep": third.id, "values": {"name": self.ana.id}}
        wizard.action_merge()
        self.env.invalidate_all()
        self.assertEqual(third.name, "Ana López Ruiz")
        self.assertEqual((self.ana | self.again).merged_into_id, third)
        self.assertEqual(len(third.phone_ids), 3)

    def test_partners_are_merged_by_managers_only(self):
        one, other = self.env["res.partner"].create(
            [{"name": "Eva Gil", "funnel_stage": "client"} for _time in range(2)]
        )
        with self.assertRaises(AccessError):
            self.wizard(one | other, self.supervisor_a)
        self.wizard(one | other, self.manager).action_merge()
        self.env.invalidate_all()
        self.assertEqual(sorted((one | other).mapped("active")), [False, True])

    # BY RULE

    def bulk(self, user, **values):
        return self.as_user(self.env["telemarketing.duplicate.bulk"], user).create(
            {"reason": "any", "score": 0.8, **values}
        )

    def test_rule_says_first_and_merges_in_the_background(self):
        twins = [
            self.create_contact("Eva Gil Mora", "633000001", email="eva@example.com")
            for _time in range(3)
        ]
        self.find()
        wizard = self.bulk(self.supervisor_a, reason="phone")
        self.assertEqual(wizard.count, 3)
        self.assertEqual(len(wizard.example_ids), 3)
        action = wizard.action_merge()
        run = self.Search.browse(action["res_id"])
        self.assertTrue(all(twin.active for twin in twins))
        self.Search._cron_run()
        self.env.invalidate_all()
        self.assertEqual(run.state, "done", run.error)
        self.assertEqual((run.merged, run.skipped), (2, 0))
        self.assertEqual((twins[1] | twins[2]).merged_into_id, twins[0])
        self.assertEqual(self.pair(self.ana, self.again).state, "new")
        self.assertEqual(self.pair(twins[1], twins[2]).state, "merged")
        merges = self.env["telemarketing.merge"].search(
            run.action_open_merges()["domain"]
        )
        self.assertEqual(merges._kept(), twins[0])
        merges[0].with_user(self.supervisor_a).action_undo()
        self.env.invalidate_all()
        self.assertTrue(twins[1].active)
        self.assertEqual(self.pair(twins[0], twins[1]).state, "new")

    def test_rule_leaves_alone_who_has_changed_since(self):
        self.find()
        self.again.name = "Otra Persona Distinta"
        self.bulk(self.supervisor_a, same_name=True).action_merge()
        self.Search._cron_run()
        self.env.invalidate_all()
        run = self.Search.search([("kind", "=", "merge")], limit=1)
        self.assertEqual((run.merged, run.skipped), (0, 1))
        self.assertIn("changed", run.skipped_text)
        self.assertTrue(self.again.active)
        self.env["telemarketing.privacy.eraser"]._empty(self.again.ids)
        self.env.invalidate_all()
        self.assertFalse(run.skipped_text)

    def test_rule_says_whom_it_could_not_merge(self):
        one = self.create_contact("Eva Gil", "633000001", email="eva@example.com")
        other = self.create_contact("Eva Gil", "633000001", email="eva@example.com")
        self.find()
        other.target_ids.write({"state": "talking"})
        self.env.flush_all()
        self.bulk(self.supervisor_a, reason="phone").action_merge()
        self.Search._cron_run()
        self.env.invalidate_all()
        run = self.Search.search([("kind", "=", "merge")], limit=1)
        self.assertEqual((run.state, run.merged, run.skipped), ("done", 0, 1))
        self.assertIn("on the desk", run.skipped_text)
        self.assertTrue(one.active and other.active)
        self.assertEqual(self.pair(one, other).state, "new")

    def test_rule_of_a_supervisor_touches_his_campaigns_only(self):
        eva = self.create_contact("Eva Gil", "633000001", self.database_other)
        twin = self.create_contact("Eva Gil", "633000001", self.database_other)
        self.find()
        self.assertTrue(self.pair(eva, twin))
        self.bulk(self.supervisor_a, same_name=True).action_merge()
        self.Search._cron_run()
        self.env.invalidate_all()
        self.assertTrue(eva.active and twin.active)
        self.assertEqual(self.pair(eva, twin).state, "new")
        self.assertEqual(self.pair(self.ana, self.again).state, "merged")

    def test_rule_merges_clients_with_a_manager_s_word_only(self):
        values = {"name": "Eva Gil", "funnel_stage": "client", "vat": "ES12345678Z"}
        one, other = self.env["res.partner"].create([values, dict(values)])
        raw = self.env["res.partner"].create({**values, "funnel_stage": False})
        self.find(what="partners")
        self.assertTrue(self.pair(one, other) and self.pair(one, raw))
        rule = {"reason": "vat", "same_name": True, "what": "people"}
        with self.assertRaises(UserError):
            self.bulk(self.supervisor_a, **rule).action_merge()
        self.bulk(self.manager, **rule).action_merge()
        self.Search._cron_run()
        self.env.invalidate_all()
        run = self.Search.search([("kind", "=", "merge")], limit=1)
        self.assertEqual((run.state, run.merged), ("done", 2), run.skipped_text)
        self.assertTrue(one.active)
        self.assertFalse(other.active or raw.active)

    def test_rule_is_not_told_of_others_campaigns(self):
        with self.assertRaises(AccessError):
            self.bulk(self.supervisor_a, campaign_id=self.campaign_b.id)
        with self.assertRaises(AccessError):
            self.bulk(
                self.supervisor_a,
                database_ids=[Command.set(self.database_other.ids)],
            )
        with self.assertRaises(AccessError):
            self.bulk(self.agent_a)

    def test_archived_person_does_not_block_the_queue(self):
        eva = self.create_contact("Eva Gil", "633000001")
        self.create_contact("Gil Eva", "633000001")
        self.find()
        eva.active = False
        action = self.pair(self.ana, self.again).action_keep_left()
        shown = action["params"]["action"]
        self.assertFalse(shown.get("res_id"))

    # RIGHTS

    def test_supervisor_finds_nobody_of_others_campaigns(self):
        other = self.create_contact("Ana López Ruiz", "612345678", self.database_other)
        self.find(user=self.supervisor_a)
        self.assertFalse(self.pair(self.ana, other))
        self.assertTrue(self.pair(self.ana, self.again))
        with self.assertRaises(AccessError):
            self.find(user=self.supervisor_a, what="people")
        with self.assertRaises(AccessError):
            self.find(
                user=self.supervisor_a,
                database_ids=[Command.set(self.database_b.ids)],
            )
        with self.assertRaises(AccessError):
            self.find(user=self.agent_a)

    def test_foreign_pair_is_neither_seen_nor_decided(self):
        other = self.create_contact("Ana López Ruiz", "612345678", self.database_other)
        self.find()
        pair = self.pair(self.ana, other)
        for user in (self.supervisor_a, self.supervisor_b, self.agent_a):
            foreign = self.as_user(pair, user)
            for method in (
                *("action_merge", "action_keep_left", "action_keep_right"),
                *("action_different", "action_again"),
            ):
                with self.subTest(user=user.login, method=method):
                    with self.assertRaises(AccessError):
                        getattr(foreign, method)()
            with self.assertRaises(AccessError):
                foreign.read(["comparison"])
        self.assertEqual(pair.state, "new")

    def test_foreign_people_are_not_named_to_the_wizard(self):
        other = self.create_contact("Ana López Ruiz", "612345678", self.database_b)
        with self.assertRaises(AccessError):
            self.wizard(self.ana | other, self.supervisor_a)
        Wizard = self.as_user(
            self.env["telemarketing.duplicate.merge"], self.supervisor_a
        )
        with self.assertRaises(AccessError):
            Wizard.create({"contact_ids": [Command.set((self.ana | other).ids)]})
        with self.assertRaises(UserError):
            self.wizard(self.ana | other, self.manager)

    def test_state_and_score_of_a_pair_are_nobody_s_to_write(self):
        self.find()
        pair = self.as_user(self.pair(self.ana, self.again), self.supervisor_a)
        for values in ({"state": "merged"}, {"score": 1}, {"contact_a_id": 1}):
            with self.assertRaises(AccessError):
                pair.write(values)
        with self.assertRaises(AccessError):
            self.as_user(self.Search, self.supervisor_a).create({"kind": "merge"})

    def test_erased_person_is_in_no_pair(self):
        self.find()
        pair = self.pair(self.ana, self.again)
        self.env["telemarketing.privacy.eraser"]._empty(self.ana.ids)
        self.env.invalidate_all()
        self.assertFalse(pair.exists())


@tagged("post_install", "-at_install", "telemarketing_tour", "browser")
class TestRepeatedTours(TelemarketingCommon, HttpCase):
    """The screens, in a browser. Nothing runs in the background there: the cron is
    called where it would be triggered."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.supervisor_a.password = "supervisor_password"
        create = cls.create_contact
        cls.ana = create("Ana Uno", "633000001", email="ana@example.com")
        cls.ana_too = create("Uno, Ana", "633000001", email="uno@example.com")
        cls.berta = create("Berta Dos", "633000002")
        cls.berta_too = create("Berta Dos Gil", "633000002")

    def start(self, tour, model):
        trigger = self.env.registry["ir.cron"]._trigger

        def run_at_once(cron, at=None):
            if cron.model_id.model == model:
                cron.env[model].sudo()._cron_run()
            return trigger(cron, at)

        with patch.object(self.env.registry["ir.cron"], "_trigger", run_at_once):
            self.start_tour("/odoo", tour, login=self.supervisor_a.login)
        self.env.invalidate_all()

    def test_supervisor_goes_through_the_pairs_without_leaving_the_screen(self):
        self.start(
            "telemarketing_supervisor_repeated", "telemarketing.duplicate.search"
        )
        self.assertEqual(self.ana_too.merged_into_id, self.ana)
        self.assertEqual(self.ana.email, "uno@example.com")
        self.assertTrue(self.berta.active and self.berta_too.active)
        pair = self.env["telemarketing.duplicate"].search(
            [("contact_a_id", "=", self.berta.id)]
        )
        self.assertEqual(pair.state, "different")

    def test_supervisor_merges_two_chosen_in_the_list(self):
        (self.ana_too | self.berta_too).active = False
        self.start("telemarketing_supervisor_merge", "")
        self.assertEqual(self.ana.merged_into_id, self.berta)

    def test_supervisor_puts_names_in_order(self):
        self.env.cr.execute(
            "UPDATE telemarketing_contact SET name = 'CARLA TRES' WHERE id = %s",
            [self.berta.id],
        )
        self.env.invalidate_all()
        self.start("telemarketing_supervisor_normalise", "telemarketing.normalise")
        self.assertEqual(self.berta.name, "Carla Tres")
