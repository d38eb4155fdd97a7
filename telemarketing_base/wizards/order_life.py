import base64
import io

import xlsxwriter

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

# A reply in writing; a voice is none (TRLGDCU art. 98.6).
CHANNELS = [
    ("email", "Mail"),
    ("sms", "SMS"),
    ("message", "Instant message"),
    ("letter", "Letter"),
    ("fax", "Fax"),
]
FILE_LIMIT = 10 * 1024 * 1024


class TelemarketingOrderReply(models.TransientModel):
    """The buyer accepted in writing: what, when, by which channel."""

    _name = "telemarketing.order.reply"
    _description = "Written Acceptance of an Order"
    _inherit = ["telemarketing.sight.mixin"]
    _sight_fields = ("order_id",)

    order_id = fields.Many2one("sale.order", required=True)
    channel = fields.Selection(CHANNELS, required=True, default="email")
    date = fields.Datetime(
        "Received on",
        required=True,
        default=lambda self: self.env["telemarketing.clock"]._now(),
    )
    text = fields.Text("What Was Written", help="Word for word, as it came.")
    file = fields.Binary("Proof")
    filename = fields.Char()

    def action_confirm(self):
        self.ensure_one()
        order = self.order_id
        order._check_ours()
        now = self.env["telemarketing.clock"]._now()
        if self.date > now:
            raise UserError(self.env._("It cannot have come in the future."))
        if not (self.text or "").strip() and not self.file:
            raise UserError(
                self.env._(
                    "Write down what the buyer wrote, or attach it: it is the proof."
                )
            )
        self.env["telemarketing.desk"]._check_no_card(self.text or "")
        if self.file and len(self.file) * 3 // 4 > FILE_LIMIT:
            raise ValidationError(self.env._("The file is larger than 10 MB."))
        sudo = order.sudo()
        if self.date < sudo.create_date.replace(second=0, microsecond=0):
            raise UserError(self.env._("It cannot have come before the offer."))
        label = dict(self._fields["channel"]._description_selection(self.env))
        sudo._telemarketing_take_acceptance(
            {
                "telemarketing_accepted_by": "reply",
                "telemarketing_accepted_on": self.date,
                "telemarketing_acceptance_text": self.text,
                "telemarketing_acceptance_file": self.file,
                "telemarketing_acceptance_filename": self.filename,
            }
        )
        sudo.message_post(
            body=self.env._(
                "Accepted in writing (%(channel)s), logged by %(who)s.",
                channel=label[self.channel],
                who=self.env.user.name,
            )
        )
        sudo._validate_order()
        return {"type": "ir.actions.act_window_close"}


class TelemarketingOrderReject(models.TransientModel):
    _name = "telemarketing.order.reject"
    _description = "Rejection of an Order"
    _inherit = ["telemarketing.sight.mixin"]
    _sight_fields = ("order_id", "reason_id")

    order_id = fields.Many2one("sale.order", required=True)
    reason_id = fields.Many2one("telemarketing.order.rejection", required=True)
    note = fields.Char("What Is Wrong", size=500)

    def action_confirm(self):
        self.ensure_one()
        self.order_id._check_ours()
        self.order_id._check_back_office()
        self.order_id.sudo()._telemarketing_reject(
            self.reason_id, self.note, self.env.user
        )
        return {"type": "ir.actions.act_window_close"}


class TelemarketingOrderWithdraw(models.TransientModel):
    _name = "telemarketing.order.withdraw"
    _description = "Withdrawal from an Order"
    _inherit = ["telemarketing.sight.mixin"]
    _sight_fields = ("order_id",)

    order_id = fields.Many2one("sale.order", required=True)
    date = fields.Date(
        "Withdrew on",
        required=True,
        default=lambda self: self.env["sale.order"]._telemarketing_today(),
        help="The day on which it was sent counts (TRLGDCU art. 106).",
    )
    channel = fields.Selection(
        [*CHANNELS, ("phone", "Telephone"), ("person", "In person")],
        required=True,
        default="email",
    )
    text = fields.Text("What Was Said")

    def action_confirm(self):
        self.ensure_one()
        self.order_id._check_ours()
        self.order_id._check_back_office()
        if self.date > self.order_id._telemarketing_today():
            raise UserError(self.env._("It cannot be in the future."))
        self.env["telemarketing.desk"]._check_no_card(self.text or "")
        label = dict(self._fields["channel"]._description_selection(self.env))
        self.order_id.sudo()._telemarketing_withdraw(
            self.date, label[self.channel], self.text
        )
        return {"type": "ir.actions.act_window_close"}


class TelemarketingOrderHandover(models.TransientModel):
    """Sales go to the company they were made for: marked, and a file of them."""

    _name = "telemarketing.order.handover"
    _description = "Handing Over of Sales"
    _inherit = ["telemarketing.sight.mixin"]
    _sight_fields = ("order_ids",)

    order_ids = fields.Many2many("sale.order", string="Sales", required=True)
    with_contact = fields.Boolean("Telephone and Mail", default=True)
    with_address = fields.Boolean("Address", default=True)
    with_lines = fields.Boolean("Articles", default=True)
    with_acceptance = fields.Boolean("Acceptance", default=True)
    with_operator = fields.Boolean("Operator")
    file = fields.Binary(readonly=True)
    filename = fields.Char(readonly=True)

    def action_confirm(self):
        self.ensure_one()
        orders = self.order_ids
        if not orders:
            raise UserError(self.env._("Choose the sales to hand over."))
        orders._check_ours()
        orders._check_back_office()
        sudo = orders.sudo()
        if len(sudo.telemarketing_principal_id) > 1:
            raise UserError(
                self.env._("One client company at a time: they are not to see others'.")
            )
        sudo._telemarketing_hand_over(self.env.user)
        parts = {
            "contact": self.with_contact,
            "address": self.with_address,
            "lines": self.with_lines,
            "acceptance": self.with_acceptance,
            "operator": self.with_operator,
        }
        content = self._write_sales(sudo, {p for p, given in parts.items() if given})
        self.sudo().write(
            {
                "file": base64.b64encode(content),
                "filename": self.env._("sales") + ".xlsx",
            }
        )
        return {
            "type": "ir.actions.act_url",
            "target": "download",
            "url": f"/web/content/{self._name}/{self.id}/file"
            "?download=true&filename_field=filename",
        }

    @api.model
    @api.private
    def _write_sales(self, orders, parts):
        """:return: bytes of an .xlsx; every cell is a text, so none is a formula"""
        columns = self._sale_columns(parts)
        out = io.BytesIO()
        book = xlsxwriter.Workbook(out, {"in_memory": True})
        sheet = book.add_worksheet()
        for place, (heading, _value) in enumerate(columns):
            sheet.write_string(0, place, heading)
        for row, order in enumerate(orders, 1):
            for place, (_heading, value) in enumerate(columns):
                sheet.write_string(row, place, str(value(order) or "")[:32767])
        book.close()
        return out.getvalue()

    @api.model
    @api.private
    def _sale_columns(self, parts):
        """``[(heading, value of an order)]``"""
        state = self.env["sale.order"]._fields["telemarketing_acceptance"]
        states = dict(state._description_selection(self.env))
        columns = [
            (self.env._("Sale"), lambda o: o.name),
            (self.env._("Campaign"), lambda o: o.telemarketing_campaign_id.name),
            (self.env._("Date"), lambda o: o.date_order.date().isoformat()),
            (self.env._("State"), lambda o: states.get(o.telemarketing_acceptance)),
            (self.env._("Buyer"), lambda o: o.partner_id.name),
            (self.env._("NIF"), lambda o: o.partner_id.vat),
        ]
        if "contact" in parts:
            columns += [
                (self.env._("Telephone"), lambda o: o.partner_id.phone),
                (self.env._("Mail"), lambda o: o.partner_id.email),
            ]
        if "address" in parts:
            columns += [
                (self.env._("Street"), lambda o: o.partner_shipping_id.street),
                (self.env._("Postcode"), lambda o: o.partner_shipping_id.zip),
                (self.env._("City"), lambda o: o.partner_shipping_id.city),
            ]
        if "lines" in parts:
            columns.append(
                (
                    self.env._("Articles"),
                    lambda o: " · ".join(
                        f"{line.product_uom_qty:g} x {line.product_id.display_name}"
                        for line in o.order_line
                        if line.product_id
                    ),
                )
            )
        columns.append((self.env._("Total"), lambda o: f"{o.amount_total:.2f}"))
        if "acceptance" in parts:
            columns += [
                (self.env._("Accepted on"), lambda o: o.telemarketing_accepted_on),
                (
                    self.env._("Withdrawal until"),
                    lambda o: o.telemarketing_withdrawal_until,
                ),
            ]
        if "operator" in parts:
            columns.append(
                (self.env._("Operator"), lambda o: o.telemarketing_operator_id.name)
            )
        return columns
