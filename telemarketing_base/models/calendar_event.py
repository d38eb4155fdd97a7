from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from .guard import check_fields, without_defaults

# What moves an appointment or the time that it takes of somebody.
TIMES = {
    *("start", "stop", "allday", "start_date", "stop_date", "duration"),
    *("active", "show_as", "user_id", "partner_ids", "attendee_ids"),
}
KEPT = ("held", "sold")


class CalendarEvent(models.Model):
    _name = "calendar.event"
    _inherit = [
        "calendar.event",
        "telemarketing.action.mixin",
        "telemarketing.subject.mixin",
    ]

    user_id = fields.Many2one(tracking=True)
    telemarketing_kind = fields.Selection(
        [
            ("visit", "Visit"),
            ("call", "Call"),
            ("video", "Video call"),
            ("installation", "Installation"),
        ],
        "Kind of Appointment",
        tracking=True,
    )
    telemarketing_outcome = fields.Selection(
        [
            ("held", "Held"),
            ("sold", "Sold"),
            ("not_held", "Not held"),
            ("moved", "Moved"),
            ("cancelled", "Cancelled"),
        ],
        "Outcome",
        tracking=True,
        copy=False,
    )
    telemarketing_held_on = fields.Datetime("Held On", tracking=True, copy=False)
    telemarketing_target_id = fields.Many2one(
        "telemarketing.target", "Target", readonly=True, index="btree_not_null"
    )
    telemarketing_campaign_id = fields.Many2one(
        related="telemarketing_target_id.campaign_id", store=True
    )
    telemarketing_operator_id = fields.Many2one(
        "res.users", "Booked by", readonly=True, index="btree_not_null"
    )
    telemarketing_interaction_id = fields.Many2one(
        "telemarketing.interaction",
        "Call",
        readonly=True,
        copy=False,
        index="btree_not_null",
        groups="telemarketing_base.group_supervisor",
    )
    telemarketing_partner_id = fields.Many2one(
        "res.partner", "Person", compute="_compute_telemarketing_partner_id"
    )
    telemarketing_mine = fields.Boolean(
        compute="_compute_telemarketing_mine",
        help="The reader visits, or administers the campaign.",
    )
    telemarketing_notice = fields.Selection(
        [("waiting", "Waiting"), ("sent", "Sent"), ("failed", "Not sent")],
        "Messages of the Appointment",
        readonly=True,
        copy=False,
        help="What the campaign sends to the person and to who visits.",
    )
    telemarketing_note = fields.Boolean(
        "Note of the Agenda",
        default=False,
        readonly=True,
        help="Written by an agent in the agenda of the call desk, for nobody else.",
    )

    _telemarketing_notices = models.Index(
        "(id) WHERE telemarketing_notice = 'waiting'",
    )

    # The code sets them: a target named by id would show its person's name.
    _code_fields = (
        *("telemarketing_target_id", "telemarketing_operator_id"),
        *("telemarketing_interaction_id", "telemarketing_notice"),
        "telemarketing_note",
    )

    @api.depends("telemarketing_target_id", "partner_ids", "user_id")
    def _compute_telemarketing_partner_id(self):
        for event in self.sudo():
            person = event.telemarketing_target_id.contact_id.partner_id
            others = event.partner_ids - event.user_id.partner_id
            event.telemarketing_partner_id = person or (
                others[:1] if event.telemarketing_kind else False
            )

    @api.depends_context("uid")
    @api.depends("user_id", "telemarketing_campaign_id")
    def _compute_telemarketing_mine(self):
        for event in self:
            event.telemarketing_mine = event._telemarketing_answers_for()

    def _telemarketing_answers_for(self):
        """Is it the caller who says what became of this appointment?"""
        self.ensure_one()
        if self.env.su or self.user_id == self.env.user:
            return True
        campaign = self.telemarketing_campaign_id
        return bool(campaign) and campaign.has_access("write")

    @api.constrains("telemarketing_outcome", "telemarketing_held_on")
    def _check_telemarketing_held_on(self):
        now = self.env["telemarketing.clock"]._now()
        for event in self:
            if event.telemarketing_held_on and event.telemarketing_held_on > now:
                raise ValidationError(
                    self.env._("The day on which it was held is still to come.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            given = [name for name in self._code_fields if vals.get(name)]
            check_fields(self, given, denied=self._code_fields)
        self = without_defaults(self, denied=self._code_fields)
        events = super().create(vals_list)
        events._telemarketing_touch()
        return events

    def write(self, vals):
        check_fields(self, vals, denied=self._code_fields)
        outcome = "telemarketing_outcome" in vals
        if outcome or "telemarketing_held_on" in vals:
            self._check_answers_for()
        moved = TIMES & set(vals)
        if moved:
            self._telemarketing_touch()
        held_given = "telemarketing_held_on" in vals
        result = super().write(vals)
        if moved & {"user_id", "partner_ids"}:
            self._telemarketing_touch()
        if outcome and not held_given:
            self._telemarketing_date_held()
        return result

    def _check_answers_for(self):
        for event in self:
            booked = event.telemarketing_kind or event.telemarketing_target_id
            if booked and not event._telemarketing_answers_for():
                raise AccessError(
                    self.env._(
                        "Whoever keeps the appointment, or a supervisor of the "
                        "campaign, says what became of it."
                    )
                )

    def _telemarketing_date_held(self):
        """It was held when it was to be, unless somebody says otherwise."""
        now = self.env["telemarketing.clock"]._now()
        for event in self:
            kept = event.telemarketing_outcome in KEPT
            held_on = kept and (event.telemarketing_held_on or min(event.start, now))
            if held_on != event.telemarketing_held_on:
                event.write({"telemarketing_held_on": held_on})

    def _telemarketing_touch(self):
        """Whoever agents book is booked by one at a time, here as on the desk."""
        events = self.sudo()
        users = events.user_id | events.partner_ids.user_ids
        self.env["telemarketing.booking.guard"].sudo()._touch(users.ids)

    @api.ondelete(at_uninstall=False)
    def _unlink_only_cancelled(self):
        manager = self.env.user.has_group("telemarketing_base.group_manager")
        if not (self.env.su or manager) and self.sudo().telemarketing_target_id:
            raise UserError(
                self.env._(
                    "An appointment that an agent booked is cancelled, not deleted: "
                    "its history stays."
                )
            )

    # WHAT BECAME OF IT

    def action_telemarketing_held(self):
        self.write({"telemarketing_outcome": "held"})

    def action_telemarketing_sold(self):
        self.write({"telemarketing_outcome": "sold"})

    def action_telemarketing_not_held(self):
        """Asks whether somebody calls the person again."""
        self.ensure_one()
        self._check_answers_for()
        if not self.telemarketing_target_id:
            self.write({"telemarketing_outcome": "not_held"})
            return False
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Not Held"),
            "res_model": "telemarketing.appointment.callback",
            "view_mode": "form",
            "target": "new",
            "context": {"default_event_id": self.id},
        }

    def action_telemarketing_cancel(self):
        """The time is free again and who was to come is told; the history stays."""
        self._check_answers_for()
        template = self.env.ref(
            "calendar.calendar_template_delete_event", raise_if_not_found=False
        )
        now = self.env["telemarketing.clock"]._now()
        for event in self:
            event.write({"telemarketing_outcome": "cancelled", "active": False})
            if template and event.start > now:
                others = event.partner_ids - self.env.user.partner_id
                template.sudo().send_mail(
                    event.id,
                    email_values={"recipient_ids": [(4, pid) for pid in others.ids]},
                    email_layout_xmlid="mail.mail_notification_light",
                )
        return True

    def action_telemarketing_person(self):
        self.ensure_one()
        partner = self.telemarketing_partner_id
        partner.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": partner.id,
            "view_mode": "form",
            "views": [(False, "form")],
        }

    # MESSAGES of the campaign

    @api.private
    def _telemarketing_send(self):
        """Mails, with the invitation's file, and SMS as the campaign has them.

        :return: sentences of what could not be sent
        """
        self.ensure_one()
        if not self.active or self.start <= self.env["telemarketing.clock"]._now():
            return []
        campaign = self.telemarketing_campaign_id.with_company(
            self.telemarketing_campaign_id.company_id
        )
        own = self.user_id.partner_id
        person = self.partner_ids - own
        failed = []
        for partners, mail, sms in (
            (person, campaign.appointment_mail_template_id, "appointment"),
            (own, campaign.visit_mail_template_id, "visit"),
        ):
            text = campaign[f"{sms}_sms_template_id"]
            for partner in partners:
                if mail and partner.email:
                    failed += self._telemarketing_try(
                        self._telemarketing_mail, partner, mail
                    )
                if text and partner.phone:
                    failed += self._telemarketing_try(
                        self._telemarketing_sms, partner, text
                    )
                if (mail or text) and not (
                    mail and partner.email or text and partner.phone
                ):
                    failed.append(
                        self.env._(
                            "%s has no address for the message of the appointment.",
                            partner.display_name,
                        )
                    )
        return failed

    def _telemarketing_try(self, send, partner, template):
        try:
            with self.env.cr.savepoint():
                send(partner, template)
                self.env.flush_all()
        except Exception as error:  # noqa: BLE001  a template may fail in any way
            return [
                self.env._(
                    "The message of the appointment could not be sent to %(name)s: "
                    "%(why)s",
                    name=partner.display_name,
                    why=error,
                )
            ]
        return []

    def _telemarketing_mail(self, partner, template):
        attendee = self.attendee_ids.filtered(lambda a: a.partner_id == partner)
        attendee._notify_attendees(template, notify_author=True)

    def _telemarketing_sms(self, partner, template):
        self._message_sms_with_template(template=template, partner_ids=partner.ids)
