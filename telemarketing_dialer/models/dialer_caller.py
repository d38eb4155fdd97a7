import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.telemarketing_base.compliance import Finding, caller_kind
from odoo.addons.telemarketing_base.identity.phone import (
    is_short_number,
    parse_phone,
    split_phones,
)

FREE = re.compile(r"\+34[89]00")


class TelemarketingDialerCaller(models.Model):
    """A number of ours that the person called may see."""

    _name = "telemarketing.dialer.caller"
    _description = "Number Shown"
    _rec_name = "e164"
    _order = "e164"
    _check_company_auto = True

    e164 = fields.Char("Number", required=True)
    name = fields.Char("What It Is")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True
    )
    kind = fields.Selection(
        [
            ("short_400", "400"),
            ("geographic", "Geographic"),
            ("free_800_900", "800 or 900"),
            ("other", "Other"),
        ],
        compute="_compute_kind",
        store=True,
        help="400: commercial calls only. Geographic: from the day in the calling "
        "rules no more in commercial calls. 800 and 900: all.",
    )
    trunk_ids = fields.Many2many(
        "telemarketing.dialer.trunk",
        "telemarketing_dialer_caller_trunk_rel",
        "caller_id",
        "trunk_id",
        "Trunks",
        check_company=True,
        help="Of the carriers that let us show it.",
    )

    _e164_uniq = models.UniqueIndex(
        "(company_id, e164)", "This number is already there."
    )

    @api.depends("e164")
    def _compute_kind(self):
        for caller in self:
            kind = caller_kind(caller.e164 or "")
            if kind == "400":
                caller.kind = "short_400"
            elif kind == "geographic":
                caller.kind = "geographic"
            elif FREE.match(caller.e164 or ""):
                caller.kind = "free_800_900"
            else:
                caller.kind = "other"

    @api.depends("e164", "name")
    def _compute_display_name(self):
        for caller in self:
            parts = (caller.e164, caller.name)
            caller.display_name = " · ".join(part for part in parts if part)

    @api.constrains("e164")
    def _check_e164(self):
        for caller in self:
            number = caller.e164
            if not is_short_number(number) and (
                len(split_phones(number)) > 1 or not parse_phone(number)
            ):
                raise ValidationError(
                    self.env._(
                        "“%s” is not one telephone number. Write nine digits, or + and "
                        "the country's prefix.",
                        number,
                    )
                )
            if caller_kind(number) == "mobile":
                raise ValidationError(
                    self.env._(
                        "%(number)s: %(reason)s",
                        number=number,
                        reason=self.env["telemarketing.gate"]._text(
                            Finding("cli_mobile")
                        ),
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._unify(vals)
        callers = super().create(vals_list)
        callers._tell(callers.trunk_ids.server_id)
        return callers

    def write(self, vals):
        vals = dict(vals)
        self._unify(vals)
        before = self.trunk_ids.server_id
        result = super().write(vals)
        self._tell(before | self.trunk_ids.server_id)
        return result

    def unlink(self):
        servers = self.trunk_ids.server_id
        result = super().unlink()
        self._tell(servers)
        return result

    def _unify(self, vals):
        if vals.get("e164"):
            vals["e164"] = self.env["telemarketing.campaign"]._caller_number(
                vals["e164"]
            )

    def _tell(self, servers):
        """The processes look at their numbers again."""
        servers._notify("server")
