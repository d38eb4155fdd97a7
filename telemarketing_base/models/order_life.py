import base64
import logging
from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.http import request

from ..identity.postcode import MADRID

_logger = logging.getLogger(__name__)

BACK_OFFICE = "telemarketing_base.group_back_office"
# What it was sold by: stays when it is offered again.
_SOLD = {"telemarketing_consumer", "telemarketing_withdrawal_days"}
OFFERED = (False, "voice", "sent")


class TelemarketingOrderRejection(models.Model):
    """Why the back office did not let an order through."""

    _name = "telemarketing.order.rejection"
    _description = "Reason to Reject an Order"
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")


class TelemarketingOrderLife(models.AbstractModel):
    """Life of an order taken by telephone, mixed into ``sale.order``.

    voice → sent → accepted (proof) → [validated] → confirmed → withdrawal → firm, or
    rejected, or withdrawn. TRLGDCU (RDL 1/2007) art. 98.6 (written acceptance),
    98.7 (durable confirmation), 98.8 (early start), 101–105 (withdrawal).
    """

    _name = "telemarketing.order.life"
    _description = "Life of an Order"

    # Proof and money hang on them: set by the actions below, never by hand.
    _life_fields = (
        *("telemarketing_acceptance", "telemarketing_send_due"),
        *("telemarketing_validation", "telemarketing_validated_by_id"),
        *("telemarketing_validated_on", "telemarketing_rejection_reason_id"),
        *("telemarketing_accepted_on", "telemarketing_accepted_by"),
        *("telemarketing_acceptance_text", "telemarketing_acceptance_file"),
        *("telemarketing_acceptance_filename", "telemarketing_accepted_ip"),
        *("telemarketing_withdrawal_until", "telemarketing_withdrawn_on"),
        *("telemarketing_handed_over_on", "telemarketing_handed_over_by_id"),
        *("telemarketing_confirmed_on", "telemarketing_consumer"),
        "telemarketing_withdrawal_days",
    )

    telemarketing_send_due = fields.Boolean(
        "Quotation to Be Sent", copy=False, readonly=True
    )
    telemarketing_validation = fields.Selection(
        [
            ("none", "Not Needed"),
            ("waiting", "To Validate"),
            ("approved", "Approved"),
            ("rejected", "Rejected"),
        ],
        "Validation",
        default="none",
        copy=False,
        readonly=True,
        tracking=True,
        index="btree_not_null",
    )
    telemarketing_validated_by_id = fields.Many2one(
        "res.users", "Validated by", copy=False, readonly=True
    )
    telemarketing_validated_on = fields.Datetime(
        "Validated on", copy=False, readonly=True
    )
    telemarketing_rejection_reason_id = fields.Many2one(
        "telemarketing.order.rejection",
        "Rejected Because",
        copy=False,
        readonly=True,
        tracking=True,
        ondelete="restrict",
        groups=f"{BACK_OFFICE},telemarketing_base.group_salesperson",
    )
    telemarketing_accepted_on = fields.Datetime(
        "Accepted on", copy=False, readonly=True
    )
    telemarketing_accepted_by = fields.Selection(
        [("portal", "Signature in the portal"), ("reply", "Written reply")],
        "Accepted by",
        copy=False,
        readonly=True,
    )
    telemarketing_acceptance_text = fields.Text(
        "What Was Written", copy=False, readonly=True
    )
    telemarketing_acceptance_file = fields.Binary(
        "Proof", copy=False, readonly=True, attachment=True
    )
    telemarketing_acceptance_filename = fields.Char(
        "File of the Proof", copy=False, readonly=True
    )
    telemarketing_accepted_ip = fields.Char(
        "Signed from (IP)", copy=False, readonly=True
    )
    # As the campaign says when it is sold: changed there, it changes nothing here.
    telemarketing_consumer = fields.Boolean(
        "Sold to a Consumer",
        compute="_compute_telemarketing_consumer",
        store=True,
        precompute=True,
    )
    telemarketing_withdrawal_days = fields.Integer(
        "Days of Withdrawal",
        compute="_compute_telemarketing_withdrawal_days",
        store=True,
        precompute=True,
    )
    telemarketing_confirmed_on = fields.Datetime(
        "Confirmed on", copy=False, readonly=True
    )
    telemarketing_early_start = fields.Boolean(
        "Asked to Start at Once",
        copy=False,
        tracking=True,
        help="The consumer asked expressly that the service begin within the "
        "withdrawal period (TRLGDCU art. 98.8).",
    )
    telemarketing_delivered_on = fields.Date(
        "Delivered on",
        copy=False,
        tracking=True,
        help="For goods the withdrawal period runs from here (TRLGDCU art. 104).",
    )
    telemarketing_withdrawal_until = fields.Date(
        "Withdrawal Open until",
        copy=False,
        readonly=True,
        help="Last day, included. Empty while goods are not delivered.",
    )
    telemarketing_withdrawn_on = fields.Date("Withdrawn on", copy=False, readonly=True)
    telemarketing_handed_over_on = fields.Datetime(
        "Handed over on", copy=False, readonly=True, tracking=True
    )
    telemarketing_handed_over_by_id = fields.Many2one(
        "res.users", "Handed over by", copy=False, readonly=True
    )

    @api.depends("telemarketing_campaign_id")
    def _compute_telemarketing_consumer(self):
        for order in self:
            campaign = order.sudo().telemarketing_campaign_id
            order.telemarketing_consumer = campaign.buyer_is_consumer

    @api.depends("telemarketing_campaign_id")
    def _compute_telemarketing_withdrawal_days(self):
        for order in self:
            campaign = order.sudo().telemarketing_campaign_id
            order.telemarketing_withdrawal_days = campaign.withdrawal_days

    # RIGHTS

    @api.private
    def _check_back_office(self):
        if not self.env.su and not self.env.user.has_group(BACK_OFFICE):
            raise AccessError(self.env._("Orders are validated by the back office."))
        self.check_access("write")

    @api.private
    def _check_ours(self):
        self.check_access("write")
        if self.sudo().filtered(lambda o: not o.telemarketing_campaign_id):
            raise UserError(self.env._("This order comes from no campaign."))

    # 1. SENT

    def action_telemarketing_send(self):
        """Send the quotation now, by mail; what stands against it is said."""
        self._check_ours()
        for order in self:
            failed = order.sudo()._telemarketing_send()
            if failed:
                raise UserError(failed)
        return True

    @api.private
    def _telemarketing_send(self):
        """:return: why it could not be sent, '' when it was"""
        self.ensure_one()
        if self.state not in ("draft", "sent"):
            return self.env._("%s is no longer a quotation.", self.name)
        if not self.partner_id.email:
            return self.env._(
                "The quotation %(order)s could not be sent: %(buyer)s has no mail "
                "address.",
                order=self.name,
                buyer=self.partner_id.display_name,
            )
        template = self._find_mail_template()
        if not template:
            return self.env._("There is no mail template for quotations.")
        self.with_context(mark_so_as_sent=True)._send_order_notification_mail(
            template, allow_deferred_sending=False
        )
        self.write({"state": "sent", "telemarketing_send_due": False})
        return ""

    @api.model
    def _cron_telemarketing_send(self):
        """Quotations of closed calls; what cannot be sent becomes a to-do."""
        orders = self.search(
            [("telemarketing_send_due", "=", True)], limit=100, order="id"
        )
        for left, order in enumerate(orders, 1):
            order = order.browse(order.id)
            failed = ""
            if order.telemarketing_acceptance == "voice" and order.state == "draft":
                try:
                    with self.env.cr.savepoint():
                        failed = order._telemarketing_send()
                except Exception as error:  # noqa: BLE001 - one mail stops no other
                    failed = self.env._(
                        "The quotation %(order)s could not be sent: %(why)s",
                        order=order.name,
                        why=str(error),
                    )
            try:
                with self.env.cr.savepoint():
                    if failed:
                        order._telemarketing_todo(failed)
                    order.telemarketing_send_due = False
            except Exception:
                # Somebody has to be told: it is tried again.
                _logger.exception("no to-do for the order %s: %s", order.id, failed)
            if self.env.context.get("cron_id"):
                self.env["ir.cron"]._commit_progress(1, remaining=len(orders) - left)

    @api.private
    def _telemarketing_todo(self, text):
        """For the supervisor of the agent who sold, else who administers the
        campaign."""
        campaign = self.telemarketing_campaign_id
        team = self.telemarketing_operator_id.sale_team_id
        user = team.telemarketing_supervisor_ids[:1] or campaign.supervisor_ids[:1]
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=self.env._("Telemarketing: order to look at"),
            note=text,
            user_id=(user or self.env.ref("base.user_admin")).id,
        )

    # 2. ACCEPTED

    def action_telemarketing_accept(self):
        self.ensure_one()
        self._check_ours()
        return self._telemarketing_wizard(
            "telemarketing.order.reply", self.env._("Written Acceptance")
        )

    @api.private
    def _telemarketing_wizard(self, model, name):
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": {"default_order_id": self.id},
        }

    @api.private
    def _telemarketing_take_acceptance(self, values):
        """Keep the proof. ``values``: those of ``_life_fields`` that say it."""
        self.ensure_one()
        if self.state not in ("draft", "sent") or (
            self.telemarketing_acceptance not in OFFERED
        ):
            raise UserError(self.env._("%s is no longer an open offer.", self.name))
        now = self.env["telemarketing.clock"]._now()
        self.write(
            {
                "telemarketing_accepted_on": now,
                "telemarketing_acceptance": "accepted",
                "telemarketing_send_due": False,
                **values,
            }
        )

    @api.private
    def _telemarketing_signed(self):
        """Signed in the portal, by Odoo's own page (in sudo)."""
        for order in self:
            ip = request.httprequest.remote_addr if request else False
            order._telemarketing_take_acceptance(
                {
                    "telemarketing_accepted_by": "portal",
                    "telemarketing_accepted_ip": ip,
                    "telemarketing_acceptance_text": self.env._(
                        "Signed by %s in the portal.", order.signed_by or ""
                    ),
                }
            )

    @api.private
    def _telemarketing_hold_paid(self):
        """Is this quotation, now paid, not to be confirmed by the payment? A consumer
        is bound by a written acceptance, not by paying (TRLGDCU art. 98.6), and what
        the back office looks at waits for it."""
        self.ensure_one()
        if self.state not in ("draft", "sent") or not self.telemarketing_campaign_id:
            return False
        unsigned = self.telemarketing_acceptance in OFFERED
        if self.telemarketing_consumer and unsigned:
            self._telemarketing_todo(
                self.env._(
                    "%(order)s is paid, and %(buyer)s has not accepted it in writing: "
                    "have it signed or log the written reply.",
                    order=self.name,
                    buyer=self.partner_id.display_name,
                )
            )
            return True
        waiting = self._telemarketing_to_validate()
        waiting.telemarketing_validation = "waiting"
        return bool(waiting)

    @api.private
    def _telemarketing_settled(self):
        """Those of ``self`` whose terms somebody accepted: they stay as they are."""
        return self.sudo().filtered(
            lambda o: (
                o.telemarketing_consumer
                and o.telemarketing_acceptance
                in ("accepted", "confirmed", "withdrawal", "firm")
            )
        )

    @api.private
    def _check_not_settled(self, fields_given):
        """:raise UserError: the buyer accepted other terms"""
        if self.env.su or not set(fields_given):
            return
        settled = self._telemarketing_settled()[:1]
        if settled:
            raise UserError(
                self.env._(
                    "%(buyer)s accepted %(order)s as it is (TRLGDCU art. 98.6). For "
                    "other terms cancel it, set it back to quotation and have it "
                    "accepted again.",
                    buyer=settled.partner_id.display_name,
                    order=settled.name,
                )
            )

    @api.private
    def _telemarketing_reset(self):
        """An offer again: what proved the acceptance of the former terms goes into the
        history, and proves nothing of the new ones."""
        for order in self.filtered("telemarketing_accepted_on"):
            file = order.telemarketing_acceptance_file
            order.message_post(
                body=self.env._(
                    "Offered again. Accepted before, on %(date)s (UTC): %(text)s",
                    date=order.telemarketing_accepted_on,
                    text=order.telemarketing_acceptance_text or "",
                ),
                attachments=[
                    (
                        order.telemarketing_acceptance_filename or order.name,
                        base64.b64decode(file),
                    )
                ]
                if file
                else [],
            )
        self.write(
            {
                **dict.fromkeys(set(self._life_fields) - _SOLD, False),
                "telemarketing_acceptance": "voice",
                "telemarketing_validation": "none",
            }
        )
        self.telemarketing_mandate_ids._offer_again()

    @api.private
    def _telemarketing_fall(self):
        """Cancelled: nothing of it stands any more."""
        self.write(
            {
                "telemarketing_acceptance": "rejected",
                "telemarketing_validation": "none",
                "telemarketing_send_due": False,
            }
        )
        self._telemarketing_uncount()

    @api.private
    def _telemarketing_tell_principal(self):
        """What was handed over and fell since has to be told."""
        for order in self.filtered("telemarketing_handed_over_on"):
            order._telemarketing_todo(
                self.env._(
                    "%(order)s was handed over and stands no more: tell %(who)s.",
                    order=order.name,
                    who=order.telemarketing_principal_id.name or "",
                )
            )

    # 3. VALIDATED

    @api.private
    def _telemarketing_to_validate(self):
        """Those of ``self`` that the back office has to look at first."""
        return self.filtered(
            lambda o: (
                o.telemarketing_campaign_id.validate_orders
                and o.telemarketing_validation != "approved"
            )
        )

    def action_telemarketing_approve(self):
        """The back office lets it through: the order is confirmed, the buyer gets the
        durable confirmation (TRLGDCU art. 98.7)."""
        self._check_ours()
        self._check_back_office()
        orders = self.sudo()
        for order in orders:
            order._check_waiting()
            if order.telemarketing_operator_id == self.env.user:
                raise UserError(
                    self.env._(
                        "You took %s yourself: somebody else validates it.", order.name
                    )
                )
        orders.write(
            {
                "telemarketing_validation": "approved",
                "telemarketing_validated_by_id": self.env.uid,
                "telemarketing_validated_on": self.env["telemarketing.clock"]._now(),
            }
        )
        for order in orders:
            order._validate_order()
        return True

    @api.private
    def _check_waiting(self):
        for order in self:
            if order.telemarketing_validation != "waiting" or order.state not in (
                "draft",
                "sent",
            ):
                raise UserError(
                    self.env._("%s is not waiting to be validated.", order.name)
                )

    def action_telemarketing_reject(self):
        self.ensure_one()
        self._check_ours()
        self._check_back_office()
        return self._telemarketing_wizard(
            "telemarketing.order.reject", self.env._("Reject the Order")
        )

    @api.private
    def _telemarketing_reject(self, reason, note, user):
        self.ensure_one()
        self._check_waiting()
        self.write(
            {
                "telemarketing_acceptance": "rejected",
                "telemarketing_validation": "rejected",
                "telemarketing_validated_by_id": user.id,
                "telemarketing_validated_on": self.env["telemarketing.clock"]._now(),
                "telemarketing_rejection_reason_id": reason.id,
            }
        )
        self._action_cancel()
        text = self.env._(
            "%(order)s was rejected by %(who)s: %(why)s",
            order=self.name,
            who=user.name,
            why=" · ".join(filter(None, [reason.name, note])),
        )
        self.message_post(body=text)
        self._telemarketing_todo(text)
        self._telemarketing_uncount()

    @api.private
    def _telemarketing_uncount(self):
        """The person counts as converted no longer, unless by another order. The
        call's own figures stand: see docs/decisions/0017-sales-that-fall.md."""
        for order in self.sudo():
            target = order.telemarketing_interaction_id.target_id
            if target and not order.search_count(
                [
                    ("telemarketing_interaction_id.target_id", "=", target.id),
                    ("id", "!=", order.id),
                    ("state", "!=", "cancel"),
                    ("telemarketing_acceptance", "not in", ["rejected", "withdrawn"]),
                ],
                limit=1,
            ):
                target.converted = 0

    # 4. WITHDRAWAL

    @api.constrains("telemarketing_delivered_on")
    def _check_telemarketing_delivered_on(self):
        """The buyer's days run from it: not from before the sale, nor from a day that
        has not come."""
        today = self._telemarketing_today()
        for order in self.filtered("telemarketing_delivered_on"):
            sold = self._telemarketing_day(
                order.telemarketing_accepted_on or order.create_date
            )
            if not sold <= order.telemarketing_delivered_on <= today:
                raise ValidationError(
                    self.env._(
                        "%(order)s cannot have been delivered on %(day)s: it was sold "
                        "on %(sold)s, and today is %(today)s.",
                        order=order.name,
                        day=order.telemarketing_delivered_on,
                        sold=sold,
                        today=today,
                    )
                )

    @api.private
    def _telemarketing_today(self):
        now = self.env["telemarketing.clock"]._now()
        return self._telemarketing_day(now)

    @api.private
    def _telemarketing_day(self, instant):
        """Civil day in Spain of a naive UTC instant."""
        utc = instant.replace(tzinfo=ZoneInfo("UTC"))
        return utc.astimezone(ZoneInfo(MADRID)).date()

    @api.private
    def _telemarketing_withdrawal_start(self):
        """Day from which the withdrawal period runs: conclusion for services, which
        is not before our own confirmation; delivery for goods (False while not
        delivered; TRLGDCU art. 104). Seam: who knows deliveries extends it."""
        self.ensure_one()
        if any(line.product_id.type == "consu" for line in self.order_line):
            return self.telemarketing_delivered_on
        confirmed = self.telemarketing_confirmed_on
        return self._telemarketing_day(
            max(confirmed, self.telemarketing_accepted_on or confirmed)
        )

    @api.private
    def _telemarketing_open_withdrawal(self):
        """After the confirmation, and again when goods are delivered or the day of
        their delivery is put right, also where the order had become firm by it."""
        for order in self.sudo():
            days = order.telemarketing_withdrawal_days
            if not order.telemarketing_consumer or days <= 0:
                continue
            if not order.telemarketing_confirmed_on:
                now = self.env["telemarketing.clock"]._now()
                order.telemarketing_confirmed_on = now
            start = order._telemarketing_withdrawal_start()
            order.write(
                {
                    "telemarketing_acceptance": "withdrawal",
                    "telemarketing_withdrawal_until": start
                    and start + timedelta(days=days),
                }
            )

    @api.model
    def _cron_telemarketing_firm(self):
        """Firm: the last day of withdrawal is over, or there never was one."""
        orders = self.search(
            [
                ("state", "=", "sale"),
                "|",
                "&",
                ("telemarketing_acceptance", "=", "withdrawal"),
                ("telemarketing_withdrawal_until", "<", self._telemarketing_today()),
                "&",
                ("telemarketing_acceptance", "=", "confirmed"),
                ("telemarketing_campaign_id", "!=", False),
            ],
            limit=1000,
            order="id",
        )
        orders.write({"telemarketing_acceptance": "firm"})
        if len(orders) == 1000 and self.env.context.get("cron_id"):
            self.env["ir.cron"]._commit_progress(1000, remaining=1)

    def action_telemarketing_withdraw(self):
        self.ensure_one()
        self._check_ours()
        return self._telemarketing_wizard(
            "telemarketing.order.withdraw", self.env._("Withdrawal")
        )

    @api.private
    def _telemarketing_withdraw(self, day, channel, text):
        self.ensure_one()
        until = self.telemarketing_withdrawal_until
        # Sent in time and written down later counts (TRLGDCU art. 106.2): by then the
        # order may have become firm.
        standing = ["accepted", "confirmed", "withdrawal"] + ["firm"] * bool(until)
        if self.telemarketing_acceptance not in standing:
            raise UserError(self.env._("%s has no withdrawal open.", self.name))
        accepted = self.telemarketing_accepted_on
        if accepted and day < self._telemarketing_day(accepted):
            raise UserError(
                self.env._("Nobody withdraws before having accepted: check the day.")
            )
        if until and day > until:
            raise UserError(
                self.env._(
                    "The withdrawal of %(order)s was open until %(day)s. Who lets the "
                    "buyer go all the same cancels the order.",
                    order=self.name,
                    day=until,
                )
            )
        self.write(
            {
                "telemarketing_acceptance": "withdrawn",
                "telemarketing_validation": "none"
                if self.telemarketing_validation == "waiting"
                else self.telemarketing_validation,
                "telemarketing_withdrawn_on": day,
            }
        )
        self._action_cancel()
        self.message_post(
            body=self.env._(
                "The buyer withdrew on %(day)s (%(channel)s): %(text)s",
                day=day,
                channel=channel,
                text=text or "",
            )
        )
        self._telemarketing_uncount()

    @api.private
    def _telemarketing_review_client(self):
        """A client without any sale left is a prospect again."""
        for partner in self.partner_id.filtered(lambda p: p.funnel_stage == "client"):
            left = self.search_count(
                [
                    ("partner_id", "=", partner.id),
                    ("state", "=", "sale"),
                    ("id", "not in", self.ids),
                ],
                limit=1,
            )
            if not left and not partner.customer_rank:
                partner.funnel_stage = "prospect"

    # 5. HANDED OVER

    def action_telemarketing_hand_over(self):
        """Mark the sales as handed over and give the file of them."""
        self._check_ours()
        self._check_back_office()
        return {
            **self[:1]._telemarketing_wizard(
                "telemarketing.order.handover", self.env._("Hand Over")
            ),
            "context": {"default_order_ids": [fields.Command.set(self.ids)]},
        }

    @api.private
    def _telemarketing_hand_over(self, user):
        for order in self:
            if not order.telemarketing_principal_id:
                raise UserError(
                    self.env._("%s is our own sale: nobody gets it.", order.name)
                )
            if order.state != "sale":
                raise UserError(
                    self.env._("%s is not confirmed: it is not sold.", order.name)
                )
        fresh = self.filtered(lambda o: not o.telemarketing_handed_over_on)
        fresh.write(
            {
                "telemarketing_handed_over_on": self.env["telemarketing.clock"]._now(),
                "telemarketing_handed_over_by_id": user.id,
            }
        )
        for order in fresh:
            order.message_post(
                body=self.env._(
                    "Handed over to %(who)s by %(user)s.",
                    who=order.telemarketing_principal_id.name,
                    user=user.name,
                )
            )
