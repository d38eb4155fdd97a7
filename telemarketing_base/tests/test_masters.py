from collections import Counter

from odoo.tests import TransactionCase, tagged

CONVERSIONS = {
    "telesales": "sale",
    "appointment": "appointment",
    "survey": "survey_done",
    "telemarketing": "lead_accepted",
}
EVERYWHERE = {  # code: its key on every desk
    "no_answer": "1",
    "busy": "2",
    "machine": "3",
    "wrong_person": "4",
    "call_back": "5",
    "not_interested": "6",
    "do_not_call": "9",
}


@tagged("post_install", "-at_install")
class TestMasters(TransactionCase):
    """The starter results are what agents classify with from the first day."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ids = (
            cls.env["ir.model.data"]
            .search(
                [
                    ("module", "=", "telemarketing_base"),
                    ("model", "=", "telemarketing.disposition"),
                    ("name", "=like", "disposition_%"),
                ]
            )
            .mapped("res_id")
        )
        cls.starter = cls.env["telemarketing.disposition"].browse(ids).exists().sorted()
        company = cls.env["res.company"].create({"name": "Centro de estreno"})
        cls.trees = {}
        for kind, _name in cls.env["telemarketing.campaign"]._selection_kind():
            campaign = cls.env["telemarketing.campaign"].create(
                {"name": kind, "kind": kind, "company_id": company.id}
            )
            cls.trees[kind] = campaign._dispositions() & cls.starter

    def _levels(self, tree):
        """``{parent: its children in this campaign}``"""
        levels = {}
        for disposition in tree:
            levels.setdefault(disposition.parent_id, self.starter.browse())
            levels[disposition.parent_id] |= disposition
        return levels

    def test_codes_are_unique_or_tours_click_another_result(self):
        codes = Counter(self.starter.mapped("code"))
        self.assertEqual([code for code, times in codes.items() if times > 1], [])
        self.assertNotIn(False, codes)

    def test_no_level_needs_a_tenth_key(self):
        for kind, tree in self.trees.items():
            for parent, children in self._levels(tree).items():
                with self.subTest(kind=kind, parent=parent.code):
                    self.assertLessEqual(len(children), 9)
                    keys = children.mapped("key")
                    self.assertEqual(len(set(keys)), len(children), keys)
                    self.assertTrue(all(key in "123456789" for key in keys))
                    self.assertEqual(keys, sorted(keys), "in the order of the keys")

    def test_first_row_has_the_same_keys_in_every_campaign(self):
        for kind, tree in self.trees.items():
            first = {d.code: d.key for d in tree if not d.parent_id}
            with self.subTest(kind=kind):
                self.assertLessEqual(EVERYWHERE.items(), first.items())

    def test_three_levels_are_used_and_no_more(self):
        self.assertEqual({d.level for d in self.starter}, {1, 2, 3})

    def test_every_leaf_can_be_reached_and_says_what_happens_next(self):
        reached = self.starter.browse()
        for tree in self.trees.values():
            reached |= tree
            for leaf in tree - tree.parent_id:
                with self.subTest(leaf=leaf.code):
                    # A branch without its parents would be on no desk.
                    above = leaf.parent_id
                    while above:
                        self.assertIn(above, tree)
                        above = above.parent_id
                    chain = [leaf, leaf.parent_id, leaf.parent_id.parent_id]
                    self.assertTrue(any(d.kind for d in chain if d))
        self.assertEqual(reached, self.starter)

    def test_each_kind_of_campaign_counts_its_conversion_and_no_other(self):
        for kind, tree in self.trees.items():
            with self.subTest(kind=kind):
                conversions = tree.filtered("is_conversion")
                self.assertEqual(conversions.mapped("code"), [CONVERSIONS[kind]])
                self.assertFalse(conversions.parent_id, "one key away")
                self.assertEqual(conversions.outcome, "useful")

    def test_a_sale_takes_an_order_and_makes_a_prospect(self):
        sale = self.starter.filtered(lambda d: d.code == "sale")
        self.assertTrue(sale.needs_order and sale.qualifies)
        self.assertEqual(sale.effective_kind, "none")

    def test_a_no_reaches_as_far_as_was_said(self):
        by_code = {d.code: d for d in self.starter}
        self.assertEqual(by_code["do_not_call_campaign"].effective_kind, "close")
        for code, scope in (
            ("do_not_call_principal", "principal"),
            ("do_not_call_ever", "all"),
        ):
            self.assertEqual(by_code[code].effective_kind, "exclude")
            self.assertEqual(by_code[code].exclusion_scope, scope)

    def test_a_bad_number_does_not_bar_the_person(self):
        by_code = {d.code: d for d in self.starter}
        for code in ("wrong_number", "out_of_service", "fax", "moved_away"):
            self.assertEqual(by_code[code].effective_kind, "number_bad")

    def test_scripts_have_a_text_and_lines_to_confirm(self):
        names = ("telesales", "appointment", "survey", "lead", "retention")
        for name in (*names, "collection"):
            script = self.env.ref(f"telemarketing_base.script_{name}")
            with self.subTest(script=name):
                self.assertTrue(script.version_id)
                self.assertIn("{agente}", str(script.body))
                lines = script.version_id._confirm_list()
                self.assertGreaterEqual(len(lines), 3)
                # The desk fills placeholders in the text only.
                self.assertFalse([line for line in lines if "{" in line["text"]])

    def test_scripts_say_all_that_the_law_wants_of_their_calls(self):
        for name, purpose, sells in (
            ("telesales", "commercial", True),
            ("retention", "commercial", True),
            ("appointment", "commercial", False),
            ("lead", "commercial", False),
            ("survey", "survey", False),
            ("collection", "service", False),
        ):
            script = self.env.ref(f"telemarketing_base.script_{name}")
            with self.subTest(script=name):
                self.assertFalse(script._missing_requirements(purpose, sells=sells))

    def test_a_debt_is_not_named_before_knowing_who_answers(self):
        script = self.env.ref("telemarketing_base.script_collection")
        body = str(script.body)
        self.assertLess(body.index("titular"), body.index("importe"))
        lines = script.legal_line_ids
        self.assertTrue(lines.filtered(lambda line: "titular" in line.text))
        self.assertTrue(lines.filtered(lambda line: "amenaz" in line.text))
        self.assertTrue(lines.filtered(lambda line: line.requirement == "recording"))

    def test_every_province_of_spain_is_in_one_zone(self):
        zones = self.env["telemarketing.zone"].union(
            *(
                self.env.ref(f"telemarketing_base.zone_{name}")
                for name in ("peninsula", "canaries", "balearics", "ceuta_melilla")
            )
        )
        states = [state for zone in zones for state in zone.state_ids]
        self.assertEqual(len(states), 52)
        self.assertEqual(len(set(states)), 52)


@tagged("post_install", "-at_install", "telemarketing_demo")
class TestDemo(TransactionCase):
    """The demonstration holds what a real centre would find. Asks nothing where
    the demo is not loaded."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.ref(
            "telemarketing_base.demo_company", raise_if_not_found=False
        )

    def setUp(self):
        super().setUp()
        if not self.company:
            self.skipTest("no demo data here")

    def _none(self, message, query):
        self.env.flush_all()
        self.env.cr.execute(query, {"company": self.company.id})
        self.assertEqual(self.env.cr.fetchall(), [], message)

    def test_attempts_agree_with_the_calls(self):
        self._none(
            "targets",
            """SELECT t.id, t.attempts, count(i.id) FROM telemarketing_target t
               LEFT JOIN telemarketing_interaction i ON i.target_id = t.id AND i.is_call
               WHERE t.company_id = %(company)s
               GROUP BY t.id HAVING t.attempts <> count(i.id)""",
        )
        self._none(
            "numbers",
            """SELECT n.id, n.attempts, count(i.id) FROM telemarketing_number n
               LEFT JOIN telemarketing_interaction i ON i.number_id = n.id AND i.is_call
               WHERE n.company_id = %(company)s
               GROUP BY n.id
               HAVING n.attempts <> count(i.id)
                   OR n.last_attempt_at IS DISTINCT FROM max(i.started_at)""",
        )

    def test_last_result_and_contact_agree_with_the_calls(self):
        self._none(
            "last result",
            """SELECT t.id FROM telemarketing_target t
               JOIN LATERAL (
                   SELECT i.* FROM telemarketing_interaction i
                   WHERE i.target_id = t.id AND i.state = 'done'
                   ORDER BY i.started_at DESC, i.id DESC LIMIT 1) last ON true
               WHERE t.company_id = %(company)s
                 AND (t.last_disposition_id <> last.disposition_id
                      OR t.last_agent_id IS DISTINCT FROM last.agent_id
                      OR t.last_result_at <> last.closed_at)""",
        )
        self._none(
            "contacted and converted",
            """SELECT t.id FROM telemarketing_target t
               JOIN telemarketing_interaction i ON i.target_id = t.id
               WHERE t.company_id = %(company)s
               GROUP BY t.id
               HAVING t.contacted <> max((i.outcome <> 'none')::int)
                   OR t.converted <> max(i.is_conversion::int)""",
        )

    def test_figures_agree_with_the_calls(self):
        self.env.cr.execute(
            "SELECT min(started_at), max(started_at) + interval '1 hour'"
            " FROM telemarketing_interaction WHERE company_id = %s",
            [self.company.id],
        )
        since, until = self.env.cr.fetchone()
        hour = {"minute": 0, "second": 0, "microsecond": 0}
        differences = self.env["telemarketing.stat.call"]._rebuild(
            since.replace(**hour), until.replace(**hour)
        )
        self.assertEqual(differences, 0)

    def test_stays_fill_the_sessions_and_the_time_figures(self):
        self._none(
            "a session is its stays, one after the other",
            """SELECT s.id FROM telemarketing_agent_session s
               JOIN telemarketing_agent_state a ON a.session_id = s.id
               WHERE s.company_id = %(company)s AND s.logout_at IS NOT NULL
               GROUP BY s.id
               HAVING sum(a.seconds) <> EXTRACT(epoch FROM s.logout_at - s.login_at)""",
        )
        self._none(
            "time figures",
            """SELECT coalesce(a.session_id, f.session_id) FROM (
                   SELECT session_id, sum(seconds) AS seconds
                   FROM telemarketing_agent_state
                   WHERE company_id = %(company)s GROUP BY 1) a
               FULL JOIN (
                   SELECT session_id, sum(seconds) AS seconds FROM (
                       SELECT session_id, company_id, seconds
                       FROM telemarketing_stat_time
                       UNION ALL
                       SELECT session_id, company_id, seconds
                       FROM telemarketing_stat_time_delta) both_parts
                   WHERE company_id = %(company)s GROUP BY 1) f USING (session_id)
               WHERE a.seconds IS DISTINCT FROM f.seconds""",
        )

    def test_who_qualified_is_a_prospect_once(self):
        qualified = self.env["telemarketing.interaction"].search(
            [
                ("company_id", "=", self.company.id),
                ("disposition_id.qualifies", "=", True),
                ("todo", "=", False),
            ]
        )
        for interaction in qualified:
            contact = interaction.contact_id
            self.assertEqual(interaction.partner_id, contact.partner_id)
            self.assertTrue(contact.partner_id.funnel_stage)
            self.assertEqual(
                contact.partner_id.telemarketing_principal_id, contact.principal_id
            )
            self.assertEqual(
                contact.lead_id.telemarketing_principal_id, contact.principal_id
            )
        leads = qualified.lead_id
        self.assertEqual(len(leads), len(qualified.contact_id))

    def test_a_confirmed_order_makes_a_client_and_a_voice_offer_does_not(self):
        orders = self.env["sale.order"].search(
            [
                ("company_id", "=", self.company.id),
                ("telemarketing_campaign_id", "!=", False),
            ]
        )
        confirmed = orders.filtered(lambda o: o.state == "sale")
        self.assertTrue(confirmed)
        self.assertEqual(set(confirmed.partner_id.mapped("funnel_stage")), {"client"})
        waiting = orders.partner_id - confirmed.partner_id
        self.assertLessEqual(set(waiting.mapped("funnel_stage")), {"prospect"})
        ours = confirmed.filtered(lambda o: not o.telemarketing_principal_id)
        self.assertEqual(
            set((confirmed - ours).mapped("invoice_status")), {"no"}, "handed over"
        )

    def test_who_said_no_is_on_no_list(self):
        self._none(
            "open targets whose every number is excluded everywhere",
            """SELECT t.id FROM telemarketing_target t
               JOIN telemarketing_contact c ON c.id = t.contact_id
               WHERE t.company_id = %(company)s AND t.state = 'ready'
                 AND t.due_at IS NOT NULL
                 AND NOT EXISTS (
                     SELECT 1 FROM telemarketing_contact_phone p
                     WHERE p.contact_id = c.id AND NOT EXISTS (
                         SELECT 1 FROM telemarketing_exclusion e
                         WHERE e.number_id = p.number_id AND e.lifted_at IS NULL
                           AND e.scope = 'all'))""",
        )

    def test_every_database_says_why_its_people_may_be_called(self):
        databases = self.env["telemarketing.database"].search(
            [
                ("company_id", "=", self.company.id),
                ("name", "not like", "Entrantes"),
                ("training", "=", False),
            ]
        )
        self.assertTrue(databases)
        self.assertTrue(all(database.legal_basis for database in databases))

    def test_a_second_load_makes_nothing(self):
        self.assertFalse(self.env["telemarketing.demo"]._load())
