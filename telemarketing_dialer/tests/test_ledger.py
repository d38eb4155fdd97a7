from datetime import datetime, timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from ..calls import OUTCOMES
from .test_campaign import ServerCommon


@tagged("post_install", "-at_install")
class TestDialerLedger(ServerCommon):
    """The account that an inspector asks for, counted from the calls."""

    MIDDAY = datetime(2026, 11, 24, 11, 0)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.machine = cls.env.ref("telemarketing_base.disposition_machine")
        cls.talked = cls.create_disposition("Talked")

    def call(self, outcome, bridged=None, answered=True, at=None, **values):
        at = at or self.MIDDAY
        self.count = getattr(self, "count", 0) + 1
        return self.env["telemarketing.interaction"].create(
            {
                "uuid": f"ledger-{self.count}",
                "company_id": self.company_a.id,
                "campaign_id": self.campaign_a.id,
                "dialing_mode": "predictive",
                "dial_outcome": outcome,
                "started_at": at,
                "answered_at": at + timedelta(seconds=9) if answered else False,
                "bridged_at": at + timedelta(seconds=9) if bridged else False,
                "ended_at": at + timedelta(seconds=90),
                "state": "done",
                **values,
            }
        )

    def ledger(self, *domain):
        return self.env["telemarketing.dialer.ledger"].search(
            [("campaign_id", "=", self.campaign_a.id), *domain]
        )

    def test_who_answered_and_found_nobody_is_counted_as_the_law_would(self):
        for _n in range(7):
            self.call("done", bridged=True, disposition_id=self.talked.id)
        self.call("agent_lost", bridged=True, disposition_id=self.talked.id)
        for _n in range(2):
            self.call("done", bridged=True, disposition_id=self.machine.id)
        self.call("abandoned")
        self.call("unknown")
        self.call("lost")
        self.call("hung_up")
        self.call("machine", machine="machine")
        for outcome in ("no_answer", "busy", "congestion", "cancelled"):
            self.call(outcome, answered=False)
        line = self.ledger()
        self.assertEqual(len(line), 1)
        self.assertEqual(
            {
                name: line[name]
                for name in (
                    *("dialled", "answered", "connected", "people", "said_machines"),
                    *("machines", "abandoned", "hung_up"),
                )
            },
            {
                "dialled": 19,
                "answered": 15,
                "connected": 10,
                "people": 8,
                "said_machines": 2,
                "machines": 1,
                "abandoned": 3,
                "hung_up": 1,
            },
        )
        self.assertAlmostEqual(line.rate, 100 * 3 / 11, 4)
        # 3 x (1 - 2 / 10) = 2.4
        self.assertAlmostEqual(line.rate_ofcom, 100 * 2.4 / 10.4, 4)
        self.assertAlmostEqual(line.rate_ftc, 100 * 3 / 12, 4)

    def test_every_call_that_was_answered_has_one_place_in_the_account(self):
        for outcome in OUTCOMES:
            for bridged in (False, True):
                with self.subTest(outcome=outcome, bridged=bridged):
                    call = self.call(outcome, bridged=bridged)
                    line = self.ledger()
                    places = line.connected + line.machines * (not bridged)
                    places += line.abandoned + line.hung_up
                    self.assertEqual(places, 1)
                    self.env.cr.execute(
                        "DELETE FROM telemarketing_interaction WHERE id = %s",
                        [call.id],
                    )
                    self.env.invalidate_all()

    def test_ofcoms_own_example_comes_out(self):
        # 29 abandoned, 7 taken by agents of whom 9 more were machines: 64.44 %.
        for _n in range(29):
            self.call("abandoned")
        for _n in range(7):
            self.call("done", bridged=True)
        for _n in range(9):
            self.call("done", bridged=True, disposition_id=self.machine.id)
        self.assertAlmostEqual(self.ledger().rate_ofcom, 64.44, 2)

    def test_the_day_is_that_of_the_company_also_when_clocks_change(self):
        for place, zone in (("Europe/Madrid", 0), ("Atlantic/Canary", 1)):
            self.company_a.partner_id.tz = place
            for utc, day in (
                (datetime(2026, 10, 24, 21 + zone, 59), "2026-10-24"),
                # Summer time ends on the 25th, which has 25 hours.
                (datetime(2026, 10, 24, 22 + zone, 0), "2026-10-25"),
                (datetime(2026, 10, 25, 22 + zone, 59), "2026-10-25"),
                (datetime(2026, 10, 25, 23, 0) + timedelta(hours=zone), "2026-10-26"),
            ):
                call = self.call("abandoned", at=utc)
                self.assertEqual(str(self.ledger().day), day, f"{place} {utc}")
                self.env.cr.execute(
                    "DELETE FROM telemarketing_interaction WHERE id = %s", [call.id]
                )
                self.env.invalidate_all()

    def test_the_rate_of_a_month_is_that_of_its_calls(self):
        self.call("abandoned")
        for _n in range(9):
            self.call("done", bridged=True, at=self.MIDDAY + timedelta(days=1))
        Ledger = self.env["telemarketing.dialer.ledger"]
        domain = [("campaign_id", "=", self.campaign_a.id)]
        ((_campaign, rate, abandoned),) = Ledger._read_group(
            domain, ["campaign_id"], ["rate:avg", "abandoned:sum"]
        )
        self.assertAlmostEqual(rate, 10.0, 4)
        self.assertEqual(abandoned, 1)
        days = Ledger._read_group(domain, ["day:day"], ["rate:avg"])
        self.assertEqual([rate for _day, rate in days], [100.0, 0.0])

    def test_calls_by_hand_without_the_dialer_and_practice_are_not_in_it(self):
        self.call("done", bridged=True, dialing_mode=False)
        self.call("abandoned", direction="in", dialing_mode=False)
        self.assertFalse(self.ledger())

    def test_modes_and_campaigns_have_lines_and_ids_of_their_own(self):
        self.call("abandoned")
        self.call("done", bridged=True, dialing_mode="manual")
        self.call("abandoned", at=self.MIDDAY - timedelta(days=1))
        self.call("abandoned", campaign_id=self.campaign_own.id)
        lines = self.env["telemarketing.dialer.ledger"].search(
            [("campaign_id", "in", (self.campaign_a | self.campaign_own).ids)]
        )
        self.assertEqual(len(set(lines.ids)), 4)
        for line in lines:
            found = self.env["telemarketing.dialer.ledger"].browse(line.id)
            self.assertEqual(
                (found.campaign_id, found.day, found.mode),
                (line.campaign_id, line.day, line.mode),
            )

    def test_supervisors_export_theirs_and_agents_nothing(self):
        self.call("abandoned")
        self.call("abandoned", campaign_id=self.campaign_b.id)
        # As Odoo gives it to new users.
        export = self.env.ref("base.group_allow_export")
        (self.supervisor_a | self.agent_a).group_ids = [Command.link(export.id)]
        Ledger = self.env["telemarketing.dialer.ledger"]
        theirs = self.as_user(Ledger, self.supervisor_a).search([])
        self.assertEqual(theirs.campaign_id, self.campaign_a)
        rows = theirs.export_data(["day", "campaign_id/name", "abandoned", "rate"])
        self.assertEqual(rows["datas"][0][1:3], ["A", 1])
        with self.assertRaises(AccessError):
            self.as_user(Ledger, self.agent_a).search([])
        with self.assertRaises(UserError):
            self.as_user(Ledger, self.agent_a).browse(theirs.ids).export_data(["day"])

    def test_a_day_does_not_read_all_the_calls_there_ever_were(self):
        self.call("abandoned")
        self.env.flush_all()
        self.env.cr.execute(
            """INSERT INTO telemarketing_interaction
                   (uuid, company_id, campaign_id, dialing_mode, dial_outcome, state,
                    direction, started_at, answered_at)
               SELECT 'many-' || n, %s, %s, 'predictive', 'abandoned', 'done', 'out',
                      timestamp '2026-08-01' + n * interval '5 min',
                      timestamp '2026-08-01' + n * interval '5 min'
               FROM generate_series(1, 30000) n""",
            [self.company_a.id, self.campaign_a.id],
        )
        self.env.cr.execute("ANALYZE telemarketing_interaction")
        plans = []
        real = type(self.env.cr).execute

        def execute(cr, query, params=None, **more):
            text = getattr(query, "code", query)
            if "generate_series" in str(text):
                real(cr, f"EXPLAIN (ANALYZE, FORMAT TEXT) {text}", list(query.params))
                plans.append("\n".join(row[0] for row in cr.fetchall()))
            return real(cr, query, params, **more)

        with patch.object(type(self.env.cr), "execute", execute):
            line = self.ledger(("day", "=", "2026-09-01"))
        self.assertEqual(line.abandoned, 288)
        self.assertTrue(plans)
        self.assertNotIn("Seq Scan on telemarketing_interaction", plans[0])
