from odoo import api, fields, models
from odoo.exceptions import UserError

from ..identity.phone import parse_phone


class TelemarketingExclusionAdd(models.TransientModel):
    """Exclude numbers by hand: of a person, or written one a line."""

    _name = "telemarketing.exclusion.add"
    _inherit = ["telemarketing.sight.mixin"]
    _description = "Exclude Numbers"
    _sight_fields = ("contact_id", "campaign_id", "principal_id")

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    contact_id = fields.Many2one("telemarketing.contact", "Person")
    numbers = fields.Text(
        required=True,
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
            numbers = wizard.contact_id.phone_ids.filtered("e164").mapped(
                "display_name"
            )
            wizard.numbers = "\n".join(numbers) or wizard.numbers

    def action_exclude(self):
        """Those excluded already in the same way stay as they are."""
        self.ensure_one()
        phones = self._parse_numbers()
        company = self.contact_id.company_id or self.company_id
        numbers = (
            self.env["telemarketing.number"].sudo()._get_or_create(company, phones)
        )
        principal = self.principal_id if self.scope == "principal" else None
        campaign = self.campaign_id if self.scope == "campaign" else None
        Exclusion = self.env["telemarketing.exclusion"]
        # Also those of people whom the caller does not see.
        known = (
            Exclusion.sudo()
            .search(
                [
                    ("company_id", "=", company.id),
                    ("number_id", "in", list(numbers.values())),
                    ("scope", "=", self.scope),
                    ("principal_id", "=", principal.id if principal else False),
                    ("campaign_id", "=", campaign.id if campaign else False),
                    ("lifted_at", "=", False),
                ]
            )
            .number_id
        )
        Exclusion.create(
            [
                {
                    "company_id": company.id,
                    "number_id": number,
                    "contact_id": self.contact_id.id,
                    "scope": self.scope,
                    "principal_id": principal.id if principal else False,
                    "campaign_id": campaign.id if campaign else False,
                    "reason": self.reason,
                    "channel": self.channel,
                    "source": self.source,
                }
                for number in sorted(set(numbers.values()) - set(known.ids))
            ]
        )
        return {"type": "ir.actions.act_window_close"}

    def _parse_numbers(self):
        lines = [line.strip() for line in (self.numbers or "").splitlines()]
        parsed = [(line, parse_phone(line)) for line in lines if line]
        wrong = [line for line, phone in parsed if not phone]
        if wrong:
            raise UserError(
                self.env._(
                    "These are not telephone numbers: %s. Write nine digits, or + and "
                    "the country's prefix, one number a line.",
                    ", ".join(wrong[:10]),
                )
            )
        if not parsed:
            raise UserError(self.env._("Write at least one number."))
        return [phone for _line, phone in parsed]
