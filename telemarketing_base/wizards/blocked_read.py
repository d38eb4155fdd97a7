import base64
import io
import json
import zipfile

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

DPO = "telemarketing_base.group_dpo"


class TelemarketingBlockedRead(models.TransientModel):
    """Reads blocked data for a court or an authority; why is asked and kept."""

    _name = "telemarketing.blocked.read"
    _description = "Read Blocked Data"
    _transient_max_hours = 1

    blocked_ids = fields.Many2many(
        "telemarketing.blocked",
        "telemarketing_blocked_read_rel",
        "wizard_id",
        "blocked_id",
        "Blocked People",
    )
    phone = fields.Char()
    vat = fields.Char("NIF")
    email = fields.Char()
    reason = fields.Char(
        "Why",
        required=True,
        help="Court, prosecutor or authority, and its reference. It is kept.",
    )
    data_html = fields.Html("Data", readonly=True, export_string_translation=False)
    file = fields.Binary(readonly=True, attachment=False)
    filename = fields.Char(readonly=True)

    @api.model_create_multi
    def create(self, vals_list):
        self._check_officer()
        hidden = ("data_html", "file")
        return super().create(
            [{k: v for k, v in vals.items() if k not in hidden} for vals in vals_list]
        )

    def _check_officer(self):
        user = self.env.user
        if not (user.has_group(DPO) or user.has_group("base.group_system")):
            raise AccessError(
                self.env._("Only the data protection officer reads blocked data.")
            )

    def action_read(self):
        """Show the data of those chosen, or of those that number, NIF or mail names;
        each reading is logged."""
        self.ensure_one()
        self._check_officer()
        if len((self.reason or "").strip()) < 5:
            raise UserError(self.env._("Say for whom and why the data are read."))
        Blocked = self.env["telemarketing.blocked"]
        blocked = self.blocked_ids
        key = self.env["telemarketing.privacy"]._key(self.phone, self.vat, self.email)
        identifiers = [*key["numbers"], key["vat"], key["email"]]
        if any(identifiers):
            blocked |= Blocked._with_identifier(identifiers, self.env.companies)
        blocked.check_access("read")
        self.env["telemarketing.blocked.access"].sudo().create(
            [
                {
                    "blocked_id": one.id,
                    "reference": one.reference,
                    "company_id": one.company_id.id,
                    "user_id": self.env.uid,
                    "reason": self.reason.strip(),
                }
                for one in blocked
            ]
        )
        html = Markup()
        cell = self.env["telemarketing.privacy.dossier"]._cell
        for one in blocked.sudo():
            html += Markup("<h4>%s (%s)</h4>%s") % (
                one.reference,
                one.blocked_until,
                cell(one.data or {}),
            )
        self.sudo().write(
            {
                "data_html": html or self.env._("Nobody blocked by that."),
                "file": base64.b64encode(self._zip(blocked.sudo())),
                "filename": f"{self.env._('blocked-data')}.zip",
            }
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
            "name": self.env._("Blocked Data"),
        }

    def _zip(self, blocked):
        out = io.BytesIO()
        attachments = self.env["ir.attachment"].sudo()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in blocked:
                archive.writestr(
                    f"{one.id}/data.json",
                    json.dumps(one.data or {}, ensure_ascii=False, indent=2),
                )
                proofs = [("res_model", "=", one._name), ("res_id", "=", one.id)]
                for proof in attachments.search(proofs):
                    archive.writestr(f"{one.id}/proof-{proof.id}", proof.raw or b"")
        return out.getvalue()
