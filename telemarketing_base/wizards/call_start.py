from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..models.action import ORIGINS
from ..models.target import CLOSED


class TelemarketingCallStart(models.TransientModel):
    """A click on a person, wherever it is: which campaign calls? Then the call desk
    opens in it, with that person.

    Only campaigns that the caller works, of the person's client company; the law, the
    hours and the caps are asked at the desk as for any other call.
    """

    _name = "telemarketing.call.start"
    _description = "Call From a Record"
    _inherit = ["telemarketing.sight.mixin"]
    _sight_fields = (*ORIGINS.values(), "campaign_id")

    contact_id = fields.Many2one("telemarketing.contact")
    partner_id = fields.Many2one("res.partner", "Person")
    lead_id = fields.Many2one("crm.lead", "Opportunity")
    order_id = fields.Many2one("sale.order")
    event_id = fields.Many2one("calendar.event", "Appointment")
    campaign_choice_ids = fields.Many2many(
        "telemarketing.campaign", compute="_compute_campaign_choice_ids"
    )
    campaign_id = fields.Many2one(
        "telemarketing.campaign",
        "Calls for",
        compute="_compute_campaign_id",
        store=True,
        readonly=False,
    )
    hindrance = fields.Char(compute="_compute_hindrance")

    def _check_in_sight(self):
        if not self.env.su:
            for name in self._sight_fields:
                if self[name]:
                    self[name].check_access("read")

    @api.private
    def _recorded_from(self):
        """The record that it is opened from; None where there is none."""
        self.ensure_one()
        return next((self[name] for name in ORIGINS.values() if self[name]), None)

    @api.private
    def _people(self):
        """Contacts that the record's person is, within its client company (sudo)."""
        # Asked while a form is filled in, too: an id is no right to know.
        self._check_in_sight()
        origin = self._recorded_from()
        if not origin:
            return self.env["telemarketing.contact"].sudo()
        contact, partner = origin._telemarketing_action_people()
        return contact | partner.telemarketing_contact_ids

    @api.private
    def _campaigns(self):
        """Those in which I may call this person now (sudo)."""
        mine = self.env["telemarketing.desk"]._my_campaigns(real=True)
        return mine & self._targets(mine).campaign_id

    @api.private
    def _targets(self, campaigns):
        """Where the person waits or is worked in these campaigns (sudo)."""
        return (
            self.env["telemarketing.target"]
            .sudo()
            .search(
                Domain("contact_id", "in", self._people().ids)
                & Domain("campaign_id", "in", campaigns.ids)
                & Domain("state", "not in", CLOSED)
            )
        )

    @api.depends_context("uid")
    @api.depends(*ORIGINS.values())
    def _compute_campaign_choice_ids(self):
        for wizard in self:
            wizard.campaign_choice_ids = wizard._campaigns().ids

    @api.depends("campaign_choice_ids")
    def _compute_campaign_id(self):
        """That of my desk, if it is one of them; else the only one."""
        session = self.env["telemarketing.desk"]._open_session()
        for wizard in self:
            choices = wizard.campaign_choice_ids
            if wizard.campaign_id in choices:
                continue
            own = choices & session.campaign_id
            wizard.campaign_id = own or (choices if len(choices) == 1 else False)

    @api.depends("campaign_choice_ids", "campaign_id")
    def _compute_hindrance(self):
        desk = self.env["telemarketing.desk"]
        for wizard in self:
            if not wizard.campaign_choice_ids:
                wizard.hindrance = self.env._(
                    "This person waits in no running campaign in which you work."
                )
            elif wizard.campaign_id:
                target = wizard._targets(wizard.campaign_id)[:1]
                wizard.hindrance = target and desk._why_not(target)
            else:
                wizard.hindrance = False

    def action_call(self):
        """To the desk, with this person in the campaign chosen."""
        self.ensure_one()
        self._check_in_sight()
        self.env["telemarketing.desk"]._check_agent()
        campaign = self.campaign_id.sudo()
        if campaign not in self._campaigns():
            raise UserError(
                self.env._("Choose one of the campaigns that call this person.")
            )
        target = self._targets(campaign)[:1]
        log = self.env["telemarketing.search.log"].sudo()
        log._check_cap(self.env.user, campaign.company_id)
        # The desk opens who was shown to me; looked up here, and written down.
        log.create(
            {
                "user_id": self.env.uid,
                "company_id": campaign.company_id.id,
                "campaign_id": campaign.id,
                "text": self.env._(
                    "Opened from %s", self._recorded_from()._description
                ),
                "shown": 1,
                "target_ids": target.ids,
            }
        )
        action = self.env["ir.actions.client"]._for_xml_id(
            "telemarketing_base.action_telemarketing_desk"
        )
        return {
            **action,
            "context": {
                "telemarketing_target_id": target.id,
                "telemarketing_campaign_id": campaign.id,
            },
        }
