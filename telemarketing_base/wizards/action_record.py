import uuid
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..models.action import ORIGINS

LONGEST = 24 * 60
# Of a call: it counts in the figures of who records it.
LONGEST_CALL = 4 * 60
NOTES = 10_000
# What these results do is done at the desk; here they would be words without deed.
WITH_EFFECT = ("exclude", "close", "schedule", "number_bad")


class TelemarketingActionRecord(models.TransientModel):
    """Something done with a person away from the desk: a visit, a call, a message.

    It becomes an interaction that is closed already. A call counts as a call of who
    records it; anything else counts in no figure of calls.
    """

    _name = "telemarketing.action.record"
    _description = "Record an Action"
    _inherit = ["telemarketing.sight.mixin"]
    _sight_fields = (
        *ORIGINS.values(),
        *("campaign_id", "action_type_id", "disposition_id"),
    )

    contact_id = fields.Many2one("telemarketing.contact")
    partner_id = fields.Many2one("res.partner", "Person")
    lead_id = fields.Many2one("crm.lead", "Opportunity")
    order_id = fields.Many2one("sale.order")
    event_id = fields.Many2one("calendar.event", "Appointment")
    campaign_choice_ids = fields.Many2many(
        "telemarketing.campaign", compute="_compute_choices"
    )
    campaign_id = fields.Many2one(
        "telemarketing.campaign", help="Empty: outside any campaign."
    )
    action_type_id = fields.Many2one(
        "telemarketing.action.type", "Action", required=True
    )
    is_call = fields.Boolean(related="action_type_id.is_call")
    disposition_choice_ids = fields.Many2many(
        "telemarketing.disposition", compute="_compute_choices"
    )
    disposition_id = fields.Many2one("telemarketing.disposition", "Result")
    at = fields.Datetime(
        "Date and Hour",
        required=True,
        default=lambda self: self.env["telemarketing.clock"]._now(),
    )
    minutes = fields.Integer(default=0)
    notes = fields.Text()

    def _check_in_sight(self):
        """Of what is named only: salespeople may read no contact, and name none."""
        if not self.env.su:
            for name in self._sight_fields:
                if self[name]:
                    self[name].check_access("read")

    @api.private
    def _recorded_from(self):
        """The one record that it is recorded from."""
        self.ensure_one()
        origins = [self[name] for name in ORIGINS.values() if self[name]]
        if len(origins) != 1:
            raise UserError(
                self.env._("An action is recorded from one record: open it again.")
            )
        return origins[0]

    @api.private
    def _company(self, origin):
        return origin.sudo().company_id if "company_id" in origin else None

    @api.depends("campaign_id", *ORIGINS.values())
    def _compute_choices(self):
        Campaign = self.env["telemarketing.campaign"]
        Disposition = self.env["telemarketing.disposition"]
        for wizard in self:
            wizard.campaign_choice_ids = False
            wizard.disposition_choice_ids = False
            if not any(wizard[name] for name in ORIGINS.values()):
                continue
            origin = wizard._recorded_from()
            wizard.campaign_choice_ids = Campaign.search(
                wizard._campaign_domain(origin), limit=200
            )
            if wizard.campaign_id:
                wizard.disposition_choice_ids = Disposition.search(
                    [
                        ("campaign_ids", "in", [False, wizard.campaign_id.id]),
                        ("child_ids", "=", False),
                    ],
                    limit=500,
                ).filtered(wizard._only_says)

    @api.private
    def _campaign_domain(self, origin):
        principal = origin._telemarketing_action_principal()
        domain = Domain("principal_id", "=", principal.id) & Domain(
            "state", "in", ("running", "paused", "done")
        )
        domain &= Domain("training", "=", False)
        company = self._company(origin)
        if company:
            domain &= Domain("company_id", "=", company.id)
        return domain

    @api.model
    def _only_says(self, disposition):
        disposition = disposition.sudo()
        return not (
            disposition.effective_kind in WITH_EFFECT
            or disposition.is_conversion
            or disposition.qualifies
            or disposition.needs_order
            or disposition.needs_appointment
        )

    def action_record(self):
        """Make the closed interaction, after asking whether the caller may change the
        record it is recorded from."""
        self.ensure_one()
        self._check_in_sight()
        origin = self._recorded_from()
        origin.check_access("write")
        self._check_values(origin)
        interaction = (
            self.env["telemarketing.interaction"]
            .sudo()
            .create(self._prepare_values(origin))
        )
        self.env["telemarketing.stat.call.delta"].sudo()._append(interaction)
        return {"type": "ir.actions.act_window_close"}

    @api.private
    def _check_values(self, origin):
        now = self.env["telemarketing.clock"]._now()
        if not 0 <= self.minutes <= LONGEST:
            raise UserError(self.env._("Say how many minutes, at most a day."))
        if self.is_call and self.minutes > LONGEST_CALL:
            raise UserError(
                self.env._("A call lasts %s minutes at most here.", LONGEST_CALL)
            )
        if self.at + timedelta(minutes=self.minutes) > now + timedelta(minutes=1):
            raise UserError(self.env._("What is recorded has been done already."))
        if len(self.notes or "") > NOTES:
            raise UserError(self.env._("The notes are too long."))
        if not any(origin._telemarketing_action_people()) and not self.lead_id:
            raise UserError(self.env._("Say first on this record who the person is."))
        campaign = self.campaign_id
        if campaign and campaign not in self.campaign_choice_ids:
            raise UserError(
                self.env._(
                    "%s is not a campaign for this person: people never cross from "
                    "one client company to another.",
                    campaign.display_name,
                )
            )
        campaigns = self.action_type_id.sudo().campaign_ids
        if campaigns and campaign not in campaigns:
            raise UserError(
                self.env._(
                    "%s is an action of other campaigns.", self.action_type_id.name
                )
            )
        if self.disposition_id and (
            not campaign or self.disposition_id not in self.disposition_choice_ids
        ):
            raise UserError(
                self.env._(
                    "This result cannot be recorded here: what it brings about is "
                    "done at the call desk."
                )
            )

    @api.private
    def _prepare_values(self, origin):
        contact, partner = origin._telemarketing_action_people()
        disposition = self.disposition_id.sudo()
        lead = self.lead_id or self.order_id.sudo().opportunity_id
        company = (
            self.campaign_id.sudo().company_id
            or self._company(origin)
            or contact.company_id
            or self.env.company
        )
        ended = self.at + timedelta(minutes=self.minutes)
        return {
            "uuid": str(uuid.uuid4()),
            "company_id": company.id,
            "campaign_id": self.campaign_id.id,
            "principal_id": origin._telemarketing_action_principal().id,
            "contact_id": contact.id,
            "partner_id": partner.id,
            "lead_id": lead.id,
            "order_id": self.order_id.id,
            "event_id": self.event_id.id,
            "agent_id": self.env.uid,
            "team_id": self.env.user.sudo().sale_team_id.id,
            "action_type_id": self.action_type_id.id,
            "is_call": self.action_type_id.is_call,
            "direction": self.action_type_id.direction,
            "provider": "recorded",
            "disposition_id": disposition.id,
            "outcome": disposition.outcome or False,
            "state": "done",
            "started_at": self.at,
            "answered_at": self.at if self.is_call and self.minutes else False,
            "ended_at": ended,
            "closed_at": self.env["telemarketing.clock"]._now(),
            "talk_seconds": self.minutes * 60 if self.is_call else 0,
            "notes": (self.notes or "").strip() or False,
        }
