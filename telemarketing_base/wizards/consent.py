from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError


def _channels(wizard):
    field = wizard.env["telemarketing.consent"]._fields["channel"]
    return field._description_selection(wizard.env)


class TelemarketingConsentStep(models.AbstractModel):
    """What *Renew* and *Withdraw* have in common: which consents, when, how."""

    _name = "telemarketing.consent.step.mixin"
    _inherit = ["telemarketing.sight.mixin"]
    _description = "Step of a Consent"
    _sight_fields = ("consent_ids",)

    consent_ids = fields.Many2many(
        "telemarketing.consent",
        string="Consents",
        required=True,
        default=lambda self: self._default_consent_ids(),
    )
    at = fields.Datetime(
        "When",
        required=True,
        default=lambda self: self.env["telemarketing.clock"]._now(),
    )
    channel = fields.Selection(selection=_channels, required=True, default="form")

    def _default_consent_ids(self):
        if self.env.context.get("active_model") != "telemarketing.consent":
            return False
        return self.env["telemarketing.consent"].browse(
            self.env.context.get("active_ids", [])
        )

    def _check_at(self):
        """Never in advance; the ledger's rows are written by the system."""
        self.ensure_one()
        self._check_in_sight()
        self.consent_ids.check_access("write")
        now = self.env["telemarketing.clock"]._now()
        if self.at > now + timedelta(minutes=5):
            raise UserError(
                self.env._("A consent is neither given nor withdrawn in advance.")
            )
        return self.consent_ids.sudo()


class TelemarketingConsentRenew(models.TransientModel):
    """The person said yes again: a new row that counts anew, chained to the old."""

    _name = "telemarketing.consent.renew"
    _inherit = ["telemarketing.consent.step.mixin"]
    _description = "Renew Consents"
    _sight_fields = ("consent_ids", "text_id")

    consent_ids = fields.Many2many(
        "telemarketing.consent",
        "telemarketing_consent_renew_rel",
        "wizard_id",
        "consent_id",
        domain="[('given_at', '!=', False)]",
    )
    text_id = fields.Many2one("telemarketing.consent.text")
    source = fields.Char(help="Where it was given.")
    evidence = fields.Binary("Proof", attachment=False)
    evidence_name = fields.Char()
    link = fields.Char("Link to the Proof")

    @api.private
    def _values(self):
        return {
            "given_at": self.at,
            "channel": self.channel,
            "text_id": self.text_id.id,
            "source": self.source,
            "evidence": self.with_context(bin_size=False).evidence,
            "evidence_name": self.evidence_name,
            "link": self.link,
        }

    def action_renew(self):
        renewed = self._check_at()._renew(self._values())
        if len(renewed) > 1:
            return {"type": "ir.actions.act_window_close"}
        return {
            "type": "ir.actions.act_window",
            "res_model": "telemarketing.consent",
            "res_id": renewed.id,
            "view_mode": "form",
        }


class TelemarketingConsentWithdraw(models.TransientModel):
    """The person takes a consent back: from that instant it counts no more."""

    _name = "telemarketing.consent.withdraw"
    _inherit = ["telemarketing.consent.step.mixin"]
    _description = "Withdraw Consents"

    consent_ids = fields.Many2many(
        "telemarketing.consent",
        "telemarketing_consent_withdraw_rel",
        "wizard_id",
        "consent_id",
        domain="[('given_at', '!=', False), ('withdrawn_at', '=', False)]",
    )
    reason = fields.Char("What They Said")
    no_more_calls = fields.Boolean(
        default=True,
        help="Whoever takes back the consent to calls is not called on another ground "
        "either: recorded as an objection towards the advertiser, with its number. Not "
        "for those who agreed again since.",
    )

    def action_withdraw(self):
        standing, barred = self._check_at()._withdraw_everywhere(
            self.at, self.channel, self.reason, self.no_more_calls
        )
        if not standing:
            raise UserError(self.env._("None of these stands: nothing to withdraw."))
        close = {"type": "ir.actions.act_window_close"}
        if not barred:
            return close
        references = sorted(set(barred.mapped("reference")))
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "sticky": True,
                "message": self.env._(
                    "No more calls. The objection is recorded as %s: tell them.",
                    ", ".join(references[:10]),
                ),
                "next": close,
            },
        }
