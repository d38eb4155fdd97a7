import logging

from psycopg2 import IntegrityError

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..identity.postcode import PROVINCES, parse_postcode
from .consent import spanish_day
from .number import KINDS as NUMBER_KINDS

# Of a delivery address, as the desk gives it.
DELIVERY = ("name", "street", "street2", "zip", "city")

# The call itself tells who made a record, and when; and whoever makes thirty an hour
# does not want the mail of all of them.
_UNLOGGED = {"mail_create_nolog": True, "mail_create_nosubscribe": True}

_logger = logging.getLogger(__name__)


class TelemarketingInteraction(models.Model):
    """One action with a person (gestión), with or without campaign and target.

    It is the attempt too: inserted by ``dial`` with its uuid and the state
    *dialling* before the number is dialled, completed by the closing. What is
    closed does not change.
    """

    _name = "telemarketing.interaction"
    _inherit = ["telemarketing.training.interaction.mixin"]
    _description = "Interaction"
    _order = "id desc"
    _check_company_auto = True

    uuid = fields.Char(required=True, readonly=True, copy=False)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True
    )
    campaign_id = fields.Many2one("telemarketing.campaign", index="btree_not_null")
    training = fields.Boolean(
        related="campaign_id.training", store=True, precompute=True
    )
    principal_id = fields.Many2one(
        "res.partner", "Client Company", index="btree_not_null"
    )
    database_id = fields.Many2one("telemarketing.database", index="btree_not_null")
    segment_id = fields.Many2one("telemarketing.segment")
    target_id = fields.Many2one(
        "telemarketing.target", index="btree_not_null", ondelete="set null"
    )
    contact_id = fields.Many2one(
        "telemarketing.contact", index="btree_not_null", ondelete="restrict"
    )
    partner_id = fields.Many2one(
        "res.partner", index="btree_not_null", ondelete="restrict"
    )
    lead_id = fields.Many2one("crm.lead", index="btree_not_null")
    order_ids = fields.One2many("sale.order", "telemarketing_interaction_id")
    # What an action was recorded from, where no call made it.
    order_id = fields.Many2one("sale.order", "Of Order", index="btree_not_null")
    event_id = fields.Many2one(
        "calendar.event", "Of Appointment", index="btree_not_null", ondelete="set null"
    )
    agent_id = fields.Many2one("res.users", "Operator", index="btree_not_null")
    team_id = fields.Many2one(
        "crm.team", index="btree_not_null", help="The operator's at that moment."
    )
    session_id = fields.Many2one("telemarketing.agent.session", ondelete="set null")
    action_type_id = fields.Many2one("telemarketing.action.type", "Action")
    disposition_id = fields.Many2one(
        "telemarketing.disposition", "Result", index="btree_not_null"
    )
    reason_id = fields.Many2one("telemarketing.reason")
    script_version_id = fields.Many2one("telemarketing.script.version", "Script Read")
    confirmed_lines = fields.Json(help="Lines of the script confirmed as read.")
    legal_missing = fields.Char(
        help="Requirements of the law whose lines this result wanted said and that "
        "nobody confirmed, by their keys.",
    )
    legal_missing_text = fields.Char(
        "Legal Lines Not Confirmed", compute="_compute_legal_missing_text"
    )
    direction = fields.Selection(
        [("out", "Outgoing"), ("in", "Incoming")], required=True, default="out"
    )
    provider = fields.Char(default="manual", help="Telephony that made the call.")
    is_call = fields.Boolean(default=True)
    phone_id = fields.Many2one(
        "telemarketing.contact.phone", ondelete="set null", index="btree_not_null"
    )
    # Agents read ``phone_id``, whose name is masked where the campaign masks numbers.
    number_id = fields.Many2one(
        "telemarketing.number",
        index="btree_not_null",
        groups="telemarketing_base.group_supervisor",
    )
    e164 = fields.Char("Number Dialled", groups="telemarketing_base.group_supervisor")
    number_kind = fields.Selection(NUMBER_KINDS)
    basis = fields.Char(
        "Legal Basis", readonly=True, help="That the call rested on when dialled."
    )
    gate = fields.Json(
        readonly=True,
        help="What the permission to dial rested on, as it was at that moment.",
    )
    state = fields.Selection(
        [
            ("dialling", "Dialling"),
            ("talking", "Talking"),
            ("wrap_up", "Wrap-up"),
            ("done", "Closed"),
        ],
        required=True,
        default="dialling",
        index=True,
    )
    lost = fields.Boolean(
        help="Closed by itself because the desk never came back with a result."
    )
    started_at = fields.Datetime(index=True, required=True)
    answered_at = fields.Datetime()
    ended_at = fields.Datetime()
    closed_at = fields.Datetime(index=True)
    talk_seconds = fields.Integer()
    wrap_seconds = fields.Integer()
    hangup_cause = fields.Char()
    outcome = fields.Selection(
        [
            ("none", "Nobody reached"),
            ("contact", "Contact"),
            ("useful", "Useful contact"),
        ],
        help="As the result said at that moment.",
    )
    is_conversion = fields.Boolean()
    notes = fields.Text()
    callback_at = fields.Datetime("Callback Agreed")
    callback_user_id = fields.Many2one("res.users", "Callback of")
    todo = fields.Text(
        "To Do", help="What could not be done by itself when the call was closed."
    )
    recording_ids = fields.One2many("telemarketing.recording", "interaction_id")

    _uuid_uniq = models.UniqueIndex("(uuid)", "This attempt is already there.")
    _agent_day = models.Index("(agent_id, started_at)")
    _person_history = models.Index("(contact_id, id DESC)")
    _campaign_talks = models.Index("(campaign_id, id DESC) WHERE talk_seconds > 0")

    @api.depends("action_type_id.name", "disposition_id.name", "started_at")
    def _compute_display_name(self):
        for interaction in self:
            parts = (
                interaction.action_type_id.name,
                interaction.disposition_id.name,
            )
            interaction.display_name = (
                " · ".join(part for part in parts if part) or interaction.uuid
            )

    @api.depends("legal_missing")
    @api.depends_context("lang")
    def _compute_legal_missing_text(self):
        field = self.env["telemarketing.script.legal.line"]._fields["requirement"]
        labels = dict(field._description_selection(self.env))
        for interaction in self:
            keys = (interaction.legal_missing or "").split(",")
            interaction.legal_missing_text = ", ".join(
                labels.get(key, key) for key in keys if key
            )

    # What a caller may still write on a closed interaction.
    _OPEN_FIELDS = {"todo", "lead_id", "partner_id", "recording_ids", "session_id"}

    def write(self, vals):
        if not self.env.su and (set(vals) - self._OPEN_FIELDS):
            closed = self.filtered(lambda i: i.state == "done")
            if closed:
                raise UserError(
                    self.env._(
                        "A closed interaction does not change: figures, commissions "
                        "and proofs rest on it."
                    )
                )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _never_unlink(self):
        if self.env.su and all(call.training for call in self):
            return
        raise UserError(
            self.env._("Interactions are not deleted: figures and proofs rest on them.")
        )

    @api.constrains("notes")
    def _check_no_card(self):
        """However they are written: at the desk, from a record, by another system."""
        for interaction in self:
            self.env["telemarketing.desk"]._check_no_card(interaction.notes)

    # DIALLING

    @api.model
    def _write_attempts(self, attempts, now):
        """Write down calls that are about to be dialled, and count them on the person
        and the number. Who calls this holds the targets, and commits before dialling.

        :param attempts: ``(target, phone, compliance.Facts, compliance.Verdict,
            values)`` of each, all of one company; what was allowed is kept as proof
        :return: the interactions, in the same order
        """
        gate = self.env["telemarketing.gate"].sudo()
        interactions = self.create(
            [
                values
                | {
                    "phone_id": phone.id,
                    "number_id": phone.number_id.id,
                    "e164": phone.e164,
                    "number_kind": phone.number_id.kind,
                    "is_call": True,
                    "basis": verdict.basis,
                    "gate": gate._proof(target, phone, facts, verdict, now),
                }
                for target, phone, facts, verdict, values in attempts
            ]
        )
        numbers = self.env["telemarketing.number"]
        for interaction, attempt in zip(interactions, attempts, strict=True):
            target, phone = attempt[:2]
            target.write(
                {
                    "interaction_id": interaction.id,
                    "attempts": target.attempts + 1,
                    "phone_id": phone.id,
                }
            )
            numbers |= phone.number_id
        numbers._count_attempt(now, gate._company_tz(interactions.company_id))
        return interactions

    # CLOSING

    @api.private
    def _close(self, disposition, values):
        """Complete the attempt; past ones never change.

        :param dict values: fields to write with the result
        """
        self.ensure_one()
        now = self.env["telemarketing.clock"]._now()
        self.write(self._closed_with(disposition, values, now))
        self.env["telemarketing.stat.call.delta"]._append(self)

    @api.private
    def _closed_with(self, disposition, values, now):
        """``values`` and what else a call has that is closed with this result."""
        answered = values.get("answered_at") or self.answered_at
        ended = values.get("ended_at") or self.ended_at or now
        return {
            **values,
            "state": "done",
            "disposition_id": disposition.id,
            "outcome": disposition.outcome,
            "is_conversion": disposition.is_conversion,
            "closed_at": now,
            "ended_at": ended,
            "talk_seconds": (
                max(0, int((ended - answered).total_seconds())) if answered else 0
            ),
            "wrap_seconds": max(0, int((now - ended).total_seconds())),
        }

    @api.private
    def _numbers(self):
        """All numbers of the person of this call."""
        return self.contact_id.phone_ids.number_id

    # MESSAGES

    @api.private
    def _send_messages(self):
        """Mail and SMS of the result, to the person of this call.

        They are written in the transaction of the closing and leave by Odoo's queues
        after its commit, so that nothing is sent of a call that was not recorded.
        What cannot be sent becomes a to-do; who did not consent to advertising gets
        none, which is no fault and nobody's work.
        """
        self.ensure_one()
        disposition, contact = self.disposition_id.sudo(), self.contact_id
        if self.training:
            for template in (disposition.mail_template_id, disposition.sms_template_id):
                if template:
                    self._would(self.env._("“%s” would have been sent.", template.name))
            return
        ways = (
            ("email", disposition.mail_template_id, contact.email, self._send_mail),
            ("sms", disposition.sms_template_id, self._sms_number(), self._send_sms),
        )
        for purpose, template, address, send in ways:
            if not template or not contact or contact.erased_at:
                continue
            if disposition.message_purpose == "commercial" and not (
                self._may_advertise(purpose)
            ):
                continue
            try:
                if not address:
                    raise UserError(self.env._("there is no address for it"))
                with self.env.cr.savepoint():
                    send(template, address)
                    self.env.flush_all()
            except Exception as error:  # noqa: BLE001  a template may fail in any way
                _logger.info("message of call %s: %s", self.id, error)
                self._add_todo(
                    self.env._(
                        "The message “%(message)s” did not go to %(name)s: %(why)s",
                        message=template.name,
                        name=contact.display_name,
                        why=error,
                    )
                )

    def _sms_number(self):
        """The number of the call if it is a mobile, else the person's first one."""
        usable = self.contact_id.phone_ids.filtered(lambda p: p.state == "ok")
        mobiles = usable.filtered(lambda p: p.number_id.kind == "mobile")
        chosen = mobiles.filtered(lambda p: p == self.phone_id) or mobiles[:1]
        return chosen.e164

    def _send_mail(self, template, address):
        template.sudo().send_mail(
            self.id,
            email_values={
                "email_to": address,
                "email_cc": False,
                "recipient_ids": [fields.Command.clear()],
                # What was said to a person is not kept in the outbox.
                "auto_delete": True,
            },
        )

    def _send_sms(self, template, address):
        body = template.sudo()._render_field("body", self.ids)[self.id]
        self.env["sms.sms"].sudo().create({"number": address, "body": body})

    def _may_advertise(self, purpose):
        """Did this person consent to advertising by ``email`` or ``sms`` towards this
        advertiser, with nothing said against it since (LSSI art. 21)?"""
        contact = self.contact_id
        numbers = contact.phone_ids.mapped("e164")
        who = fields.Domain("e164", "in", [n for n in numbers if n])
        if contact.vat:
            who |= fields.Domain("vat", "=", contact.vat)
        where = fields.Domain("scope", "=", "all")
        if self.principal_id:
            where |= fields.Domain("principal_id", "=", self.principal_id.id)
        if self.campaign_id:
            where |= fields.Domain("campaign_id", "=", self.campaign_id.id)
        objected = self.env["telemarketing.exclusion"].sudo()
        if objected.search_count(
            who
            & where
            & fields.Domain("in_force", "=", True)
            & fields.Domain("company_id", "=", self.company_id.id),
            limit=1,
        ):
            return False
        Consent = self.env["telemarketing.consent"].sudo()
        rows = Consent._reaching(contact, (purpose,))
        given = rows.filtered(lambda r: r.given_at and not r.withdrawn_at)
        if not given:
            return False
        last = max(given.mapped("given_at"))
        if any(row.withdrawn_at >= last for row in rows if row.withdrawn_at):
            return False
        today = spanish_day(self.env["telemarketing.clock"]._now())
        return Consent._until(spanish_day(last), self.company_id) >= today

    @api.private
    def _reopen(self):
        """The result was a slip of the hand: the figures forget it, the call is open
        again. The attempt was made all the same, and stays counted (number, target).
        """
        self.ensure_one()
        self.env["telemarketing.stat.call.delta"]._append(self, -1)
        self.write(
            {
                "state": "wrap_up",
                "disposition_id": False,
                "outcome": False,
                "is_conversion": False,
                "closed_at": False,
                "talk_seconds": 0,
                "wrap_seconds": 0,
                "callback_at": False,
                "callback_user_id": False,
                "legal_missing": False,
                "training_said": False,
            }
        )

    @api.private
    def _close_as_lost(self, now):
        """No desk came back with a result: the call counts, its result is unknown."""
        for interaction in self:
            interaction.write(
                {
                    "state": "done",
                    "lost": True,
                    "outcome": "none",
                    "closed_at": now,
                    "ended_at": interaction.ended_at or now,
                }
            )
            self.env["telemarketing.stat.call.delta"]._append(interaction)

    # QUALIFICATION

    @api.private
    def _qualify(self):
        """Make partner and opportunity, once; what cannot be done becomes a to-do.

        Never blocks the closing: each step has a savepoint of its own.

        :return: sentences of what is left to do
        """
        self.ensure_one()
        contact = self.contact_id
        if self.training:
            self._would(
                self.env._("%s would have become a prospect.", contact.display_name)
            )
            return []
        try:
            with self.env.cr.savepoint():
                partner = contact.partner_id or self._match_partner()
                if not partner:
                    partner = (
                        self.env["res.partner"]
                        .with_context(**_UNLOGGED)
                        .create(contact._prepare_partner_values())
                    )
                elif partner.funnel_stage != "client":
                    partner.funnel_stage = "prospect"
                contact.partner_id = partner
                self.partner_id = partner
                if not contact.lead_id or not contact.lead_id.active:
                    contact.lead_id = (
                        self.env["crm.lead"]
                        .with_context(**_UNLOGGED)
                        .create(self._prepare_lead_values())
                    )
                self.lead_id = contact.lead_id
                self.env.flush_all()
        except (UserError, ValidationError, IntegrityError) as error:
            contact.invalidate_recordset(["partner_id", "lead_id"])
            self.invalidate_recordset(["partner_id", "lead_id"])
            message = error.args[0] if error.args else str(error)
            todo = self.env._(
                "%(name)s could not be made a prospect: %(why)s",
                name=contact.display_name,
                why=message,
            )
            self._add_todo(todo)
            return [todo]
        return []

    @api.private
    def _match_partner(self):
        """The partner that this contact already is, within its principal: the rule of
        ``telemarketing.import.partners``. Who may be somebody else is nobody's to
        decide: raises ``UserError``.
        """
        partner, doubtful, _by = self.env["telemarketing.import.partners"]._match(
            self.contact_id
        )[self.contact_id.id]
        if doubtful:
            raise UserError(
                self.env._(
                    "it may be the same as %s; decide by hand.",
                    ", ".join(doubtful.mapped("display_name")),
                )
            )
        return partner

    @api.private
    def _prepare_lead_values(self):
        return {
            **self.contact_id._prepare_lead_values(self.campaign_id),
            "company_id": self.company_id.id,
            "description": self.notes,
            "telemarketing_interaction_id": self.id,
            "telemarketing_operator_id": self.agent_id.id,
        }

    @api.private
    def _prepare_price_values(self, campaign, lines):
        """What an order's price depends on.

        :param lines: ``[(campaign article, quantity)]``
        """
        # Where the article has no price of its own Odoo looks it up in the list.
        prices = [
            {} if article.from_list else {"price_unit": article.price_unit}
            for article, _quantity in lines
        ]
        for price, (article, _quantity) in zip(prices, lines, strict=True):
            if not article.from_list or article.discount:
                price["discount"] = article.discount
        values = {
            "order_line": [
                fields.Command.create(
                    {
                        "product_id": article.product_id.id,
                        "product_uom_qty": quantity,
                        **price,
                    }
                )
                for price, (article, quantity) in zip(prices, lines, strict=True)
            ]
        }
        if campaign.pricelist_id:
            values["pricelist_id"] = campaign.pricelist_id.id
        return values

    @api.private
    def _prepare_order_values(self, given):
        """:param dict given: ``lines``, and what else ``_check_order`` of the desk
        found in order"""
        campaign = self.campaign_id
        payment, delivery = given.get("payment"), given.get("delivery") or {}
        unread = given.get("unread") or ()
        values = self._prepare_price_values(campaign, given["lines"])
        read = [
            article
            for article, _quantity in given["lines"]
            if article.conditions and article not in unread
        ]
        if read:
            values["telemarketing_conditions"] = "\n\n".join(
                f"{article.display_name}: {article.conditions.strip()}"
                for article in read
            )
        if payment:
            values["telemarketing_payment_id"] = payment.id
            if payment.payment_method_id:
                values["preferred_payment_method_line_id"] = (
                    payment.payment_method_id.id
                )
            if payment.kind == "card_link":
                # Odoo's quotation, whose link the buyer gets, is paid there.
                values |= {"require_payment": True, "prepayment_percent": 1.0}
        if delivery.get("note"):
            values["telemarketing_delivery_note"] = delivery["note"]
        if delivery.get("street"):
            values["partner_shipping_id"] = self._delivery_address(delivery).id
        return {
            **values,
            "partner_id": self.contact_id.partner_id.id,
            "company_id": self.company_id.id,
            "opportunity_id": self.contact_id.lead_id.id,
            "campaign_id": campaign.utm_campaign_id.id,
            "team_id": campaign.sale_team_id.id,
            "user_id": self.agent_id.id,
            "telemarketing_campaign_id": campaign.id,
            "telemarketing_interaction_id": self.id,
            "telemarketing_operator_id": self.agent_id.id,
            "telemarketing_acceptance": "voice",
        }

    @api.private
    def _delivery_address(self, delivery):
        """The person's address to deliver to, within its principal; made once."""
        partner = self.contact_id.partner_id
        values = {name: delivery[name] or False for name in DELIVERY}
        values["name"] = values["name"] or partner.name
        known = partner.child_ids.filtered(
            lambda child: (
                child.type == "delivery"
                and all((child[name] or False) == values[name] for name in DELIVERY)
            )
        )
        if known:
            return known[0]
        state = self.env["res.country.state"]
        place = parse_postcode(values["zip"] or "")
        province = place and PROVINCES[place.province]
        country = partner.country_id or self.env.ref("base.es")
        if province and country.code == "ES":
            state = state.search(
                [("country_id", "=", country.id), ("code", "=", province.state)],
                limit=1,
            )
        return partner.create(
            {
                **values,
                "type": "delivery",
                "parent_id": partner.id,
                "company_id": partner.company_id.id,
                "state_id": state.id,
                "country_id": country.id,
                "telemarketing_principal_id": partner.telemarketing_principal_id.id,
            }
        )

    @api.private
    def _make_mandate(self, order, given):
        """The mandate that the person gave for this order, until it is accepted."""
        return self.env["telemarketing.mandate"].create(
            {
                "company_id": self.company_id.id,
                "campaign_id": self.campaign_id.id,
                "principal_id": self.principal_id.id,
                "partner_id": order.partner_id.id,
                "order_id": order.id,
                "interaction_id": self.id,
                "date": fields.Date.context_today(
                    self, self.env["telemarketing.clock"]._now()
                ),
                "evidence": self.env._(
                    "Call %(uuid)s of %(at)s UTC, taken by %(agent)s",
                    uuid=self.uuid,
                    at=self.started_at,
                    agent=self.agent_id.name,
                ),
                "iban": given["iban"],
                "holder": given["holder"] or order.partner_id.name,
            }
        )

    @api.private
    def _take_order(self, given):
        """A quotation for the qualified person, with its mandate; the failure becomes a
        to-do, which names no account.

        :param dict given: ``lines``, and what else ``_check_order`` of the desk found
            in order
        :return: ``(sale.order, [to-do])``
        """
        self.ensure_one()
        Order = self.env["sale.order"]
        if self.training:
            desk = self.env["telemarketing.desk"]
            self._would(desk._order_sentence(self, given))
            return Order, []
        if not self.contact_id.partner_id:
            todo = self.env._(
                "The order of %s could not be made: the person is not a prospect yet.",
                self.contact_id.display_name,
            )
            self._add_todo(todo)
            return Order, [todo]
        try:
            with self.env.cr.savepoint():
                Order = Order.with_company(self.company_id)
                order = Order.browse(
                    Order.with_context(**_UNLOGGED)
                    .create(self._prepare_order_values(given))
                    .id
                )
                notices = order._telemarketing_apply_offers(given.get("codes") or [])
                if given.get("iban"):
                    self._make_mandate(order, given)
                self.env.flush_all()
            if given.get("unread"):
                notices.append(
                    self.env._(
                        "%(order)s: nobody ticked that these conditions were read "
                        "aloud: %(articles)s.",
                        order=order.name,
                        articles=", ".join(given["unread"].mapped("display_name")),
                    )
                )
            for notice in notices:
                self._add_todo(notice)
            return order, notices
        except (UserError, ValidationError, IntegrityError) as error:
            message = error.args[0] if error.args else str(error)
            todo = self.env._(
                "The order of %(name)s could not be made: %(why)s",
                name=self.contact_id.display_name,
                why=message,
            )
            self._add_todo(todo)
            return Order, [todo]

    @api.private
    def _add_todo(self, text):
        """Kept with the call, and an activity for who administers the campaign."""
        if self.training:
            self._would(self.env._("To be finished by hand: %s", text))
            return
        self.todo = "\n".join(filter(None, [self.todo, text]))
        campaign = self.campaign_id
        if campaign:
            campaign.activity_schedule(
                "mail.mail_activity_data_todo",
                summary=self.env._("Telemarketing: to be finished by hand"),
                note=text,
                user_id=(
                    campaign.supervisor_ids[:1] or self.env.ref("base.user_admin")
                ).id,
                telemarketing_operator_id=self.agent_id.id,
                **(self.lead_id or self.contact_id)._telemarketing_subjects(),
            )

    # EXCLUSION

    @api.private
    def _exclude_person(self):
        """The person said no: all their numbers and their NIF, at once, in the
        result's scope and for its reason."""
        self.ensure_one()
        if self.training:
            self._would(
                self.env._(
                    "%s would never be called again.", self.contact_id.display_name
                )
            )
            return
        disposition = self.disposition_id
        # Given by an exclusion's own result, or by another on the person's word.
        scope = disposition.effective_exclusion_scope or "all"
        if scope == "principal" and not self.principal_id:
            scope = "all"
        self.env["telemarketing.exclusion"].sudo()._record_person(
            self.contact_id,
            scope=scope,
            principal_id=self.principal_id.id if scope == "principal" else False,
            campaign_id=self.campaign_id.id if scope == "campaign" else False,
            reason=disposition.effective_exclusion_reason or "objection",
            channel="call",
            source=self.env._("Call of %s", self.started_at),
            interaction_id=self.id,
        )
