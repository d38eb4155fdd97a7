from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import TelemarketingCommon


@tagged("post_install", "-at_install")
class TestCallStart(TelemarketingCommon):
    """A click on a person, and which campaign calls."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.person = cls.create_contact("Carmen Soler", "612345678")
        cls.target = cls.person.target_ids
        cls.campaign_a.agent_ids = [Command.link(cls.supervisor_a.id)]
        cls.wizard = cls.env["telemarketing.call.start"]

    def second(self):
        """The person waits in another campaign of the same client company, too."""
        campaign = self._create_campaign(
            "Also", self.company_a, self.principal_a, self.supervisor_a, self.agent_a
        )
        campaign.agent_ids = [Command.link(self.supervisor_a.id)]
        campaign.action_start()
        target = self.env["telemarketing.target"].create(
            {"contact_id": self.person.id, "campaign_id": campaign.id}
        )
        return campaign, target

    def test_the_desk_opens_with_the_person_where_one_campaign_calls(self):
        contact = self.person.with_user(self.supervisor_a)
        action = contact.action_telemarketing_call()
        self.assertEqual(action["tag"], "telemarketing_base.desk")
        self.assertEqual(
            action["context"],
            {
                "telemarketing_target_id": self.target.id,
                "telemarketing_campaign_id": self.campaign_a.id,
            },
        )
        # What the desk then asks is answered, and it was written down who looked.
        desk, token = self.open_desk(self.supervisor_a, self.campaign_a)
        answer = desk.get_target(token, self.target.id)
        self.assertEqual(answer["call"]["contact"]["name"], "Carmen Soler")
        log = self.env["telemarketing.search.log"].search(
            [("user_id", "=", self.supervisor_a.id)], limit=1
        )
        self.assertEqual(log.target_ids, [self.target.id])

    def test_which_campaign_calls_is_chosen_where_several_do(self):
        campaign, target = self.second()
        action = self.person.with_user(self.supervisor_a).action_telemarketing_call()
        self.assertEqual(action["res_model"], "telemarketing.call.start")
        wizard = self.wizard.with_user(self.supervisor_a).browse(action["res_id"])
        self.assertEqual(wizard.campaign_choice_ids, self.campaign_a | campaign)
        wizard.campaign_id = campaign
        action = wizard.action_call()
        self.assertEqual(action["context"]["telemarketing_target_id"], target.id)

    def test_a_partner_is_called_as_the_person_of_the_campaign(self):
        partner = self.env["res.partner"].create({"name": "Carmen Soler"})
        self.person.partner_id = partner
        lead = self.env["crm.lead"].create({"name": "x", "partner_id": partner.id})
        for origin in (partner, lead):
            action = origin.with_user(self.supervisor_a).action_telemarketing_call()
            self.assertEqual(
                action["context"]["telemarketing_target_id"], self.target.id
            )

    def test_who_waits_nowhere_is_said_and_not_called(self):
        stranger = self.env["res.partner"].create({"name": "Nobody's"})
        action = stranger.with_user(self.supervisor_a).action_telemarketing_call()
        wizard = self.wizard.with_user(self.supervisor_a).browse(action["res_id"])
        self.assertTrue(wizard.hindrance)
        with self.assertRaises(UserError):
            wizard.action_call()

    def test_a_campaign_that_is_not_mine_calls_nobody_for_me(self):
        campaign, _target = self.second()
        campaign.agent_ids = [Command.unlink(self.supervisor_a.id)]
        wizard = self.wizard.with_user(self.supervisor_a).create(
            {"contact_id": self.person.id, "campaign_id": campaign.id}
        )
        self.assertEqual(wizard.campaign_choice_ids, self.campaign_a)
        with self.assertRaises(UserError):
            wizard.action_call()

    def test_an_agent_asks_of_nobody_by_number(self):
        partner = self.env["res.partner"].create({"name": "Somebody"})
        for vals in ({"contact_id": self.person.id}, {"partner_id": partner.id}):
            with self.assertRaises(AccessError):
                self.wizard.with_user(self.agent_b).create(vals)
        with (
            self.assertRaises(AccessError),
            Form(
                self.wizard.with_user(self.agent_b).with_context(
                    default_contact_id=self.person.id
                )
            ),
        ):
            pass

    def test_looking_people_up_so_has_the_limit_of_any_search(self):
        self.company_a.telemarketing_search_cap = 1
        contact = self.person.with_user(self.supervisor_a)
        contact.action_telemarketing_call()
        with self.assertRaises(UserError):
            contact.action_telemarketing_call()
