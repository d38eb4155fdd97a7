from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

# Where an action may be recorded from, by the wizard's field.
ORIGINS = {
    "telemarketing.contact": "contact_id",
    "res.partner": "partner_id",
    "crm.lead": "lead_id",
    "sale.order": "order_id",
    "calendar.event": "event_id",
}


class TelemarketingActionMixin(models.AbstractModel):
    """A record from which an action with its person is recorded, and whose person's
    actions are listed; also outside any campaign."""

    _name = "telemarketing.action.mixin"
    _description = "Record With Actions"

    telemarketing_action_count = fields.Integer(
        "Actions",
        compute="_compute_telemarketing_action_count",
        groups="telemarketing_base.group_agent,telemarketing_base.group_salesperson",
    )

    @api.depends_context("uid")
    def _compute_telemarketing_action_count(self):
        """Of those that the reader may see."""
        Interaction = self.env["telemarketing.interaction"]
        for record in self:
            record.telemarketing_action_count = (
                Interaction.search_count(record._telemarketing_action_domain())
                if isinstance(record.id, int)
                else 0
            )

    @api.private
    def _telemarketing_action_people(self):
        """Contact and partner that the record is about, each one or none (sudo)."""
        self.ensure_one()
        self = self.sudo()
        contact = self.env["telemarketing.contact"].sudo()
        partner = self.env["res.partner"].sudo()
        if self._name == "telemarketing.contact":
            contact = self
        elif self._name == "res.partner":
            partner = self
        elif self._name == "calendar.event":
            contact = self.telemarketing_target_id.contact_id
            partner = self.telemarketing_partner_id
        else:
            contact = self.telemarketing_interaction_id.contact_id
            partner = self.partner_id
        partner = partner or contact.partner_id
        theirs = partner.telemarketing_contact_ids
        if not contact and len(theirs) == 1:
            contact = theirs
        return contact, partner

    @api.private
    def _telemarketing_action_domain(self):
        """Actions of the record's person, and those recorded from it."""
        contact, partner = self._telemarketing_action_people()
        name = ORIGINS[self._name]
        domain = Domain(name, "=", self.id)
        if partner:
            domain |= Domain("partner_id", "=", partner.id)
        if contact:
            domain |= Domain("contact_id", "=", contact.id)
        return domain

    def action_telemarketing_actions(self):
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "telemarketing_base.action_telemarketing_interaction"
        )
        view = self.env.ref("telemarketing_base.telemarketing_action_view_list")
        # A call's own page shows what only agents and supervisors may read.
        pages = self.env.user.has_group("telemarketing_base.group_agent")
        return {
            **action,
            "name": self.env._("Actions"),
            "path": False,
            "view_mode": "list,form" if pages else "list",
            "views": [(view.id, "list"), *([(False, "form")] if pages else [])],
            "domain": list(self._telemarketing_action_domain()),
            "context": {},
        }

    def action_telemarketing_record(self):
        self.ensure_one()
        self.check_access("write")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Record an Action"),
            "res_model": "telemarketing.action.record",
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
            "context": {f"default_{ORIGINS[self._name]}": self.id},
        }

    def action_telemarketing_call(self):
        """A click calls the person: at once where one campaign does, else it is
        chosen."""
        self.ensure_one()
        self.check_access("read")
        wizard = self.env["telemarketing.call.start"].create(
            {ORIGINS[self._name]: self.id}
        )
        if wizard.campaign_id and not wizard.hindrance:
            if len(wizard.campaign_choice_ids) == 1:
                return wizard.action_call()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Call"),
            "res_model": wizard._name,
            "res_id": wizard.id,
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
        }

    @api.private
    def _telemarketing_action_principal(self):
        """The client company whose person this is, or none: ours.

        :raises UserError: if the record and its person belong to two
        """
        contact, partner = self._telemarketing_action_people()
        record = self.sudo()
        principals = contact.principal_id | partner.telemarketing_principal_id
        if self._name == "calendar.event":
            principals |= record.telemarketing_campaign_id.principal_id
        elif self._name in ("crm.lead", "sale.order"):
            principals |= record.telemarketing_principal_id
        if len(principals) > 1:
            raise UserError(
                self.env._(
                    "This record and its person belong to two client companies: no "
                    "action is recorded until that is put right."
                )
            )
        return principals
