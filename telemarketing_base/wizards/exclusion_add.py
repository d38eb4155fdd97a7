from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..identity.nif import parse_nif
from ..identity.phone import parse_phone


class TelemarketingExclusionAdd(models.TransientModel):
    """Exclude by hand: a person, or numbers and NIFs written one a line."""

    _name = "telemarketing.exclusion.add"
    _inherit = ["telemarketing.sight.mixin"]
    _description = "Exclude Numbers"
    _sight_fields = ("contact_id", "campaign_id", "principal_id")

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    contact_id = fields.Many2one("telemarketing.contact", "Person")
    numbers = fields.Text(
        "Numbers and NIFs",
        compute="_compute_numbers",
        store=True,
        precompute=True,
        readonly=False,
        # As the caller: with sudo it would show anybody's numbers.
        compute_sudo=False,
        help="One a line.",
    )
    scope = fields.Selection(
        [
            ("all", "Everywhere"),
            ("principal", "For a client company"),
            ("campaign", "In a campaign"),
        ],
        required=True,
        default="all",
    )
    principal_id = fields.Many2one(
        "res.partner",
        "Client Company",
        domain="[('telemarketing_is_principal', '=', True)]",
    )
    campaign_id = fields.Many2one("telemarketing.campaign")
    reason = fields.Selection(
        selection=lambda self: (
            self.env["telemarketing.exclusion"]
            ._fields["reason"]
            ._description_selection(self.env)
        ),
        required=True,
        default="objection",
    )
    channel = fields.Selection(
        selection=lambda self: (
            self.env["telemarketing.exclusion"]
            ._fields["channel"]
            ._description_selection(self.env)
        ),
        required=True,
        default="hand",
    )
    source = fields.Char(help="Where it comes from: a letter, a complaint, a visit…")

    @api.depends("contact_id")
    def _compute_numbers(self):
        for wizard in self:
            contact = wizard.contact_id
            lines = contact.phone_ids.filtered("e164").mapped("display_name")
            if vat := wizard.env["telemarketing.exclusion"]._own_vat(contact):
                lines.append(vat)
            wizard.numbers = "\n".join(lines) or wizard.numbers

    def action_exclude(self):
        """Those excluded already in the same way stay as they are."""
        self.ensure_one()
        phones, vats = self._parse_lines()
        contact = self.contact_id
        if not (phones or vats or contact):
            raise UserError(self.env._("Write at least one number or NIF."))
        company = contact.company_id or self.company_id
        if company not in self.env.companies:
            raise AccessError(self.env._("Choose one of your companies."))
        numbers = (
            self.env["telemarketing.number"].sudo()._get_or_create(company, phones)
        )
        values = {
            "scope": self.scope,
            "principal_id": self.scope == "principal" and self.principal_id.id,
            "campaign_id": self.scope == "campaign" and self.campaign_id.id,
            "reason": self.reason,
            "channel": self.channel,
            "source": self.source,
        }
        Exclusion = self.env["telemarketing.exclusion"]
        Exclusion.check_access("create")
        # With sudo it sees what stands already, also for people out of sight.
        record = Exclusion.sudo()._record
        if contact:
            added = record(company, contact, numbers.values(), vats, **values)[1]
        else:
            # One person a line, each with a reference of their own.
            added = Exclusion.sudo()
            for number in numbers.values():
                added |= record(company, numbers=[number], **values)[1]
            for vat in vats:
                added |= record(company, vats=[vat], **values)[1]
        # The rules of who excludes whom hold for what was made.
        added.sudo(False).check_access("create")
        return {"type": "ir.actions.act_window_close"}

    def _parse_lines(self):
        """:return: ``(phones, NIFs)``"""
        phones, vats, wrong = [], [], []
        for line in (self.numbers or "").splitlines():
            text = line.strip()
            if not text:
                continue
            nif, phone = parse_nif(text), parse_phone(text)
            if nif:
                vats.append(nif.number)
            elif phone:
                phones.append(phone)
            else:
                wrong.append(text)
        if wrong:
            raise UserError(
                self.env._(
                    "These are neither telephone numbers nor NIFs: %s. Write nine "
                    "digits, or + and the country's prefix, one a line.",
                    ", ".join(wrong[:10]),
                )
            )
        return phones, vats
