import json

from odoo import api, fields, models
from odoo.exceptions import UserError


class TelemarketingRobinsonCheck(models.Model):
    """One consultation of the Lista Robinson, kept as proof that it was made
    (LOPDGDD art. 23.4): of sixty numbers at the online service, or of a file.

    Made by the code only, never written by hand, never deleted.
    """

    _name = "telemarketing.robinson.check"
    _description = "Lista Robinson Consultation"
    _order = "id desc"
    _check_company_auto = True

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, ondelete="restrict", index=True
    )
    at = fields.Datetime(
        "Consulted",
        required=True,
        readonly=True,
        index=True,
        help="When the list was asked; of a file, as whoever loaded it stated.",
    )
    route = fields.Selection(
        [("service", "Online service"), ("file", "File")], required=True, readonly=True
    )
    state = fields.Selection(
        [("running", "Under way"), ("done", "Answered"), ("error", "Failed")],
        required=True,
        readonly=True,
        default="done",
    )
    error = fields.Text(readonly=True)
    hash_count = fields.Integer(
        "Hashes", readonly=True, help="Sent to the service, or read in the file."
    )
    asked_count = fields.Integer(
        "Numbers", readonly=True, help="Of ours about which it says something."
    )
    present_count = fields.Integer("In the List", readonly=True)
    proof = fields.Char(
        "Fingerprint",
        readonly=True,
        help="SHA-256 of the service's answer or of the file, as they came.",
    )
    answer = fields.Text(
        readonly=True,
        prefetch=False,
        help="Word for word. With the signature of each hash the Lista Robinson "
        "certifies that it was consulted.",
    )
    load_id = fields.Many2one(
        "telemarketing.robinson.load", "File", readonly=True, check_company=True
    )
    user_id = fields.Many2one("res.users", "By", readonly=True)

    @api.depends("at", "route")
    def _compute_display_name(self):
        labels = dict(self._fields["route"]._description_selection(self.env))
        for check in self:
            at = fields.Datetime.context_timestamp(check, check.at)
            check.display_name = f"{at:%d/%m/%Y %H:%M} · {labels[check.route]}"

    @api.ondelete(at_uninstall=False)
    def _never_unlink(self):
        raise UserError(
            self.env._(
                "Consultations of the Lista Robinson are kept as proof (LOPDGDD "
                "art. 23.4)."
            )
        )

    def action_view_numbers(self):
        """Numbers of which this is the last consultation."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "telemarketing_base.action_telemarketing_number"
        )
        action["domain"] = [("robinson_check_id", "=", self.id)]
        return action

    @api.private
    def _proof_of(self, e164):
        """What this consultation proves of a number.

        :return: dict: ``at`` naive UTC, ``route``, ``reference`` (shown name),
            ``fingerprint``, ``signature`` of the service and ``sectors`` that the
            person opposed (of the online route), ``file`` its name (of the other)
        """
        self.ensure_one()
        entry = {}
        if self.answer:
            digest = self.env["telemarketing.robinson.service"]._hash(e164)
            try:
                entry = json.loads(self.answer).get(digest) or {}
            except (ValueError, AttributeError):
                entry = {}
        return {
            "at": self.at,
            "route": self.route,
            "reference": self.display_name,
            "fingerprint": self.proof or "",
            "signature": entry.get("signature") or "",
            "sectors": [str(sector) for sector in entry.get("sectors") or []],
            "file": self.load_id.sudo().filename or "",
        }
