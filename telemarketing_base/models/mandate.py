from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..identity.iban import check_iban, is_sepa, mask_iban

# Who sees a whole account number: those who charge it.
SEES_IBAN = "telemarketing_base.group_manager,account.group_account_invoice"
MAX_HOLDER = 70  # SEPA: AT-14, name of the debtor


class TelemarketingMandate(models.Model):
    """SEPA CORE mandate given in a call: who may charge which account, and what proves
    it (Regulation (EU) 260/2012 art. 5.3; EPC016 rulebook).

    Its IBAN is shown whole to who charges it alone. It does not change: another account
    is another mandate.
    """

    _name = "telemarketing.mandate"
    _description = "Direct Debit Mandate"
    _order = "id desc"
    _rec_name = "reference"
    _check_company_auto = True

    reference = fields.Char(required=True, readonly=True, copy=False, size=35)
    state = fields.Selection(
        [
            ("draft", "To be accepted"),
            ("active", "Active"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        default="draft",
        index=True,
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True
    )
    campaign_id = fields.Many2one(
        "telemarketing.campaign", readonly=True, index="btree_not_null"
    )
    principal_id = fields.Many2one(
        "res.partner", "Client Company", readonly=True, index="btree_not_null"
    )
    creditor_id = fields.Many2one(
        "res.partner",
        compute="_compute_creditor_id",
        help="Who charges: the client company, or ours.",
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Debtor",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    order_id = fields.Many2one(
        "sale.order", readonly=True, index="btree_not_null", ondelete="set null"
    )
    interaction_id = fields.Many2one(
        "telemarketing.interaction",
        "Call",
        readonly=True,
        index="btree_not_null",
        help="In which it was given: notes, lines read and recording prove it.",
    )
    date = fields.Date("Given On", required=True, readonly=True)
    evidence = fields.Char(readonly=True, help="What proves that it was given.")
    holder = fields.Char(readonly=True)
    iban = fields.Char("IBAN", readonly=True, groups=SEES_IBAN, copy=False)
    iban_masked = fields.Char(
        "Account", compute="_compute_iban_masked", compute_sudo=True
    )
    activated_on = fields.Datetime("Active Since", readonly=True)
    cancelled_on = fields.Datetime(readonly=True)
    bank_id = fields.Many2one(
        "res.partner.bank",
        "Account of the Buyer",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups="account.group_account_invoice,telemarketing_base.group_manager",
        help="Made for this mandate; archived when no mandate uses it any more.",
    )
    fell_with_order = fields.Boolean(
        "Cancelled with Its Order",
        readonly=True,
        help="It comes back when the order is offered and accepted again.",
    )

    _reference_uniq = models.UniqueIndex(
        "(company_id, reference)", "There is a mandate with this reference."
    )
    _reference_length = models.Constraint(
        "CHECK (length(reference) <= 35)",
        "A mandate's reference has 35 characters at most.",
    )

    @api.depends("principal_id", "company_id")
    def _compute_creditor_id(self):
        for mandate in self:
            mandate.creditor_id = mandate.principal_id or mandate.company_id.partner_id

    @api.depends("iban")
    def _compute_iban_masked(self):
        for mandate in self:
            mandate.iban_masked = mask_iban(mandate.iban or "")

    @api.constrains("iban")
    def _check_iban(self):
        for mandate in self:
            # Empty once its person was erased.
            if mandate.iban:
                self._clean_iban(mandate.iban)

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            vals.setdefault(
                "reference", self.env["ir.sequence"].next_by_code(self._name)
            )
        return super().create(vals_list)

    @api.ondelete(at_uninstall=False)
    def _never_unlink(self):
        raise UserError(
            self.env._("Mandates are not deleted: charges rest on them. Cancel it.")
        )

    @api.model
    def _clean_iban(self, text):
        """The IBAN without blanks, or ``ValidationError`` that shows it masked."""
        iban, problem = check_iban(text if isinstance(text, str) else "")
        if problem:
            reasons = {
                "iban_empty": self.env._("The IBAN is missing."),
                "iban_format": self.env._(
                    "An IBAN begins with two letters and two digits, as ES91."
                ),
                "iban_length": self.env._(
                    "The IBAN has too many or too few characters; a Spanish one has 24."
                ),
                "iban_checksum": self.env._(
                    "The IBAN's control digits do not fit: one of its digits is wrong."
                ),
                "iban_account": self.env._(
                    "The account's control digits do not fit: one of its digits is "
                    "wrong."
                ),
            }
            raise ValidationError(
                reasons.get(problem.code) or self.env._("That is not an IBAN.")
            )
        if not is_sepa(iban):
            raise ValidationError(
                self.env._(
                    "Accounts of %s take no SEPA direct debit: choose another way to "
                    "pay.",
                    iban.country,
                )
            )
        return iban.number

    @api.private
    def _activate(self):
        """The order was accepted: it may be charged. The account is put on the person
        where we invoice ourselves."""
        drafts = self.filtered(lambda m: m.state == "draft")
        drafts.write(
            {
                "state": "active",
                "activated_on": self.env["telemarketing.clock"]._now(),
            }
        )
        Bank = self.env["res.partner.bank"].with_context(active_test=False)
        for mandate in drafts.filtered(lambda m: not m.principal_id and m.iban):
            partner = mandate.partner_id.commercial_partner_id
            known = Bank.search(
                [
                    ("partner_id", "=", partner.id),
                    ("sanitized_acc_number", "=", mandate.iban),
                ],
                limit=1,
            )
            if partner and not known:
                mandate.bank_id = Bank.create(
                    {
                        "partner_id": partner.id,
                        "acc_number": mandate.iban,
                        "acc_holder_name": mandate.holder,
                        "company_id": mandate.company_id.id,
                    }
                )
            elif known.telemarketing_mandate_ids:
                # One of ours, archived when its last mandate fell.
                known.active = True
                mandate.bank_id = known

    @api.private
    def _cancel(self, with_order=False):
        self.filtered(lambda m: m.state != "cancelled").write(
            {
                "state": "cancelled",
                "cancelled_on": self.env["telemarketing.clock"]._now(),
                "fell_with_order": with_order,
            }
        )
        banks = self.bank_id
        used = banks.filtered(
            lambda b: any(m.state == "active" for m in b.telemarketing_mandate_ids)
        )
        (banks - used).active = False

    @api.private
    def _offer_again(self):
        """Its order is an offer again: what fell with it waits for the acceptance;
        what the person revoked stays revoked."""
        self.filtered(lambda m: m.state == "cancelled" and m.fell_with_order).write(
            {
                "state": "draft",
                "cancelled_on": False,
                "activated_on": False,
                "fell_with_order": False,
            }
        )

    def action_cancel(self):
        """A button of those who manage: the person revoked it, or it was a mistake."""
        self.check_access("read")
        if not self.env.user.has_group("telemarketing_base.group_manager"):
            raise UserError(self.env._("A manager cancels mandates."))
        self.sudo()._cancel()


class ResPartnerBank(models.Model):
    _inherit = "res.partner.bank"

    telemarketing_mandate_ids = fields.One2many(
        "telemarketing.mandate",
        "bank_id",
        "Mandates",
        groups="account.group_account_invoice,telemarketing_base.group_manager",
    )
