from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from ..models import dialer_list
from .common import DialerCommon


@tagged("post_install", "-at_install")
class TestLists(DialerCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.madrid = cls.people(6, 612310000, city="Madrid")
        cls.vigo = cls.people(6, 612320000, city="Vigo")
        cls.lugo = cls.people(4, 612330000, city="Lugo")

    def setUp(self):
        super().setUp()
        dialer_list._CREDITS.clear()

    def make(self, name, city=None, **values):
        domain = [("contact_id.city", "=", city)] if city else []
        return self.env["telemarketing.dialer.list"].create(
            {
                "name": name,
                "campaign_id": self.campaign_a.id,
                "domain": repr(domain),
                **values,
            }
        )

    def cities(self, count):
        return [self.call_of(a).contact_id.city for a in self.take(count)]

    def test_everybody_stands_in_the_first_list_that_fits(self):
        rest = self.make("Rest", sequence=90)
        vigo = self.make("Vigo", "Vigo", sequence=10)
        self.assertEqual(self.vigo.dialer_list_id, vigo)
        self.assertEqual((self.madrid | self.lugo).dialer_list_id, rest)
        self.assertEqual((vigo.target_count, rest.target_count), (6, 10))
        vigo.domain = "[('contact_id.city', '=', 'Lugo')]"
        self.assertEqual(self.lugo.dialer_list_id, vigo)
        self.assertEqual(self.vigo.dialer_list_id, rest)
        vigo.unlink()
        self.assertEqual(self.lugo.dialer_list_id, rest)

    def test_lists_are_dialled_by_priority_then_nobody(self):
        self.make("Vigo", "Vigo", sequence=10)
        self.make("Lugo", "Lugo", sequence=20)
        self.assertEqual(self.cities(8), ["Vigo"] * 6 + ["Lugo"] * 2)
        self.assertEqual(self.cities(8), ["Lugo"] * 2)
        # Madrid is in no list.
        self.assertEqual(self.cities(8), [])

    def test_a_list_switched_off_dials_nobody_of_it(self):
        vigo = self.make("Vigo", "Vigo")
        vigo.active = False
        self.assertFalse(self.vigo.dialer_list_id)
        self.assertEqual(self.cities(8), [])
        vigo.unlink()
        self.assertEqual(len(self.cities(20)), 16)

    def test_a_campaign_whose_lists_hold_nobody_says_so(self):
        def notice():
            self.campaign_a.invalidate_recordset(["dialing_notice"])
            return self.campaign_a.dialing_notice

        self.assertNotIn("dialer lists", notice())
        list_ = self.make("Nowhere", "Atlantis")
        self.assertIn("Nobody stands in its dialer lists", notice())
        list_.active = False
        self.assertIn("Its dialer lists are off", notice())
        list_.write({"active": True, "domain": "[]"})
        self.assertNotIn("dialer lists", notice())

    def test_agreed_callbacks_go_before_and_outside_all_lists(self):
        self.make("Vigo", "Vigo")
        self.madrid[0].write({"callback": True, "next_call_at": self.now(minutes=-5)})
        self.assertEqual(self.cities(2), ["Madrid", "Vigo"])

    def test_lists_of_the_same_priority_are_mixed_by_share_from_call_to_call(self):
        self.make("Vigo", "Vigo", share=75)
        self.make("Madrid", "Madrid")
        got = [city for _take in range(4) for city in self.cities(1)]
        self.assertEqual(sorted(got), ["Madrid", "Vigo", "Vigo", "Vigo"])
        self.assertEqual(sorted(self.cities(4)), ["Madrid", "Vigo", "Vigo", "Vigo"])
        # Vigo has nobody more: Madrid takes its share.
        self.assertEqual(self.cities(8), ["Madrid"] * 4)

    def test_a_filter_is_refused_that_its_writer_may_not_ask(self):
        for domain in ("[('no_such_field', '=', 1)]", "__import__('os')", "[(", "7"):
            with self.assertRaises(ValidationError, msg=domain):
                self.make("Bad", domain=domain)

    def test_supervisors_make_lists_of_their_campaigns_only(self):
        lists = self.as_user(self.env["telemarketing.dialer.list"], self.supervisor_a)
        values = {"name": "Mine", "domain": "[('contact_id.city', '=', 'Vigo')]"}
        mine = lists.create({**values, "campaign_id": self.campaign_a.id})
        self.assertEqual(mine.target_count, 6)
        mine.action_refresh()
        for user, campaign in (
            (self.supervisor_b, self.campaign_a),
            (self.supervisor_far, self.campaign_a),
            (self.agent_a, self.campaign_a),
            (self.supervisor_a, self.campaign_b),
        ):
            with self.assertRaises(AccessError, msg=user.name):
                self.as_user(lists, user).create({**values, "campaign_id": campaign.id})
        for user in (self.supervisor_b, self.supervisor_far, self.agent_a):
            with self.assertRaises(AccessError, msg=user.name):
                self.as_user(mine, user).action_refresh()
        # What its writer may not read, a filter does not find out.
        with self.assertRaises(ValidationError):
            lists.create(
                {
                    **values,
                    "campaign_id": self.campaign_a.id,
                    "domain": "[('create_uid.password', '!=', False)]",
                }
            )

    def test_a_filter_that_stopped_working_says_so_and_stops_no_other(self):
        bad, good = self.make("Bad", "Vigo"), self.make("Good", "Lugo", sequence=20)
        self.env.cr.execute(
            "UPDATE telemarketing_dialer_list SET domain = %s WHERE id = %s",
            ["[('gone', '=', 1)]", bad.id],
        )
        self.env.invalidate_all()
        self.env["telemarketing.dialer.list"]._cron_refresh()
        self.assertIn("gone", bad.problem)
        self.assertEqual(bad.target_count, 0)
        self.assertEqual(good.target_count, 4)

    def test_who_is_loaded_or_closed_later_comes_in_and_leaves_by_the_job(self):
        vigo = self.make("Vigo", "Vigo")
        late = self.people(1, 612340000, city="Vigo")
        self.vigo[0].state = "excluded"
        self.assertFalse(late.dialer_list_id)
        self.env["telemarketing.dialer.list"]._cron_refresh()
        self.assertEqual(late.dialer_list_id, vigo)
        self.assertFalse(self.vigo[0].dialer_list_id)
        self.assertEqual(vigo.target_count, 6)

    def test_numbers_that_a_result_takes_out_leave_the_lists_at_once(self):
        vigo = self.make("Vigo", "Vigo")
        first = self.vigo[0]
        other = self._create_database(self.campaign_a, "Other")
        twin = self.create_contact(
            "Twin", first.contact_id.phone_ids.e164, other, city="Vigo"
        ).target_ids
        self.env["telemarketing.dialer.list"]._cron_refresh()
        self.assertEqual(twin.dialer_list_id, vigo)
        session = self.sit_down()
        attempt = next(
            a for a in self.take(7) if self.call_of(a).target_id in (first | twin)
        )
        call = self.deliver(attempt, session)
        result = self.create_disposition("Bad", kind="close", drop_numbers=True)
        self.desk(self.agent_a).close_and_get_next(
            f"token-of-{self.agent_a.login}",
            attempt.uuid,
            call.target_id.id,
            result.id,
            next=False,
        )
        left = (first | twin) - call.target_id
        self.assertRecordValues(
            left,
            [
                {
                    "state": "done",
                    "done_reason": "number_dropped",
                    "dialer_list_id": False,
                }
            ],
        )

    def test_a_big_campaign_waits_for_the_job(self):
        self.patch(dialer_list, "INLINE", 3)
        cron = self.env.ref("telemarketing_dialer.cron_dialer_lists")
        triggers = self.env["ir.cron.trigger"].search_count([("cron_id", "=", cron.id)])
        vigo = self.make("Vigo", "Vigo")
        self.assertFalse(vigo.refreshed_at)
        self.assertGreater(
            self.env["ir.cron.trigger"].search_count([("cron_id", "=", cron.id)]),
            triggers,
        )
        action = vigo.action_refresh()
        self.assertEqual(action["params"]["type"], "info")
        self.patch(dialer_list, "CHUNK", 2)
        self.env["telemarketing.dialer.list"]._cron_refresh()
        self.assertTrue(vigo.refreshed_at)
        self.assertEqual(self.vigo.dialer_list_id, vigo)
