# pylint: disable=no-wizard-in-models
"""Odoo's privacy look-up, widened: by telephone and NIF, through everything that
telemarketing keeps, for its managers too and then within what they may see."""

from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..identity.phone import mask_phone

MANAGER = "telemarketing_base.group_manager"


class PrivacyLog(models.Model):
    _inherit = "privacy.log"

    telemarketing_anonymized_phone = fields.Char("Phone", readonly=True)
    telemarketing_anonymized_vat = fields.Char("NIF", readonly=True)

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            phones = (vals.get("telemarketing_anonymized_phone") or "").split(",")
            vals["telemarketing_anonymized_phone"] = ", ".join(
                mask_phone(phone.strip()) for phone in phones if phone.strip()
            )
            vat = vals.get("telemarketing_anonymized_vat") or ""
            vals["telemarketing_anonymized_vat"] = (
                "•" * max(0, len(vat) - 3) + vat[-3:] if len(vat) > 3 else ""
            )
        return super().create(vals_list)

    def _anonymize_email(self, label):
        # Core's answer to no mail is an exception object, returned.
        return super()._anonymize_email(label) if label else ""


class PrivacyLookupWizard(models.TransientModel):
    _inherit = "privacy.lookup.wizard"

    telemarketing_phone = fields.Char(
        "Phone", help="One or several, separated by commas, in any form."
    )
    telemarketing_vat = fields.Char("NIF")
    telemarketing_in_files = fields.Boolean(
        "Also Search Stored Files",
        default=True,
        help="Reads the loaded files that are still kept, row by row: it takes some "
        "seconds for each.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        # Core asks for name and mail always; here a number or a NIF will do.
        return super().create(
            [
                {
                    **vals,
                    "name": vals.get("name") or "",
                    "email": vals.get("email") or "",
                }
                for vals in vals_list
            ]
        )

    def write(self, vals):
        for name in {"name", "email"} & set(vals):
            vals = {**vals, name: vals[name] or ""}
        return super().write(vals)

    def action_lookup(self):
        """Everything found becomes a line; who may not see a record gets none."""
        self.ensure_one()
        self._check_may_look()
        companies = self.env.companies
        privacy = self.env["telemarketing.privacy"].sudo()
        key = privacy._key(
            self.telemarketing_phone, self.telemarketing_vat, self.email, self.name
        )
        if not any(key.values()):
            raise UserError(
                self.env._("Write a telephone, a NIF, a mail or a name to look for.")
            )
        found = privacy._find(key, companies, in_files=self.telemarketing_in_files)
        ids_of = defaultdict(set)
        for model, records in found.items():
            ids_of[model].update(records.ids)
        if not self._only_own() and self.name and self.email:
            for model, ids in self._core_references(companies).items():
                ids_of[model] |= ids
        wizard = self.sudo()
        wizard.line_ids = [fields.Command.clear()] + [
            fields.Command.create(values)
            for model, ids in ids_of.items()
            for values in self._line_values(model, ids)
        ]
        wizard.log_id = privacy._log(
            key,
            self.env._("Looked up"),
            note=self.env._("Companies: %s", ", ".join(companies.mapped("name"))),
            records=wizard.records_description,
        )
        return self.action_open_lines()

    @api.model
    def _check_may_look(self):
        user = self.env.user
        if not (user.has_group(MANAGER) or user.has_group("base.group_system")):
            raise AccessError(
                self.env._("Only telemarketing managers look up a person's data.")
            )

    @api.model
    def _only_own(self):
        """Managers of telemarketing see what their rights let them see; what core
        shows beyond is for administrators."""
        return not self.env.user.has_group("base.group_system")

    def _core_references(self, companies):
        """``{model: ids}`` of core's own look-up, within these companies."""
        self.env.flush_all()
        self.env.cr.execute(self._get_query())
        ids_of = defaultdict(set)
        name_of = {}
        for row in self.env.cr.dictfetchall():
            if row["res_model_id"] not in name_of:
                name_of[row["res_model_id"]] = (
                    self.env["ir.model"].sudo().browse(row["res_model_id"]).model
                )
            ids_of[name_of[row["res_model_id"]]].add(row["res_id"])
        for model, ids in ids_of.items():
            Model = self.env[model].sudo().with_context(active_test=False)
            field = Model._fields.get("company_id")
            if field and field.store and field.comodel_name == "res.company":
                domain = [
                    ("id", "in", list(ids)),
                    ("company_id", "in", [False, *companies.ids]),
                ]
                ids_of[model] = set(Model.search(domain).ids)
        return ids_of

    def _line_values(self, model, ids):
        records = self.env[model].with_context(active_test=False).browse(sorted(ids))
        if self._only_own():
            records = records._filtered_access("read")
        privacy = self.env["telemarketing.privacy"].sudo()
        model_id = self.env["ir.model"]._get_id(model)
        return [
            {
                "res_model_id": model_id,
                "res_id": record.id,
                "is_active": record.sudo().active if "active" in record else True,
                "telemarketing_principal_id": privacy._principal_of(record).id,
            }
            for record in records
        ]


class PrivacyLookupWizardLine(models.TransientModel):
    _inherit = "privacy.lookup.wizard.line"

    telemarketing_principal_id = fields.Many2one(
        "res.partner", "Client Company", readonly=True, help="Empty: ours."
    )

    # Core's methods act with sudo on whatever record a line names, and a line is
    # made by who calls: for administrators, whom core made them for, and nobody else.

    def _check_administrator(self):
        if not self.env.su and not self.env.user.has_group("base.group_system"):
            raise AccessError(
                self.env._(
                    "Records are not archived or deleted one by one here: open them, "
                    "or make a request of erasure, which keeps what must be kept."
                )
            )

    @api.onchange("is_active")
    def _onchange_is_active(self):
        self._check_administrator()
        return super()._onchange_is_active()

    def action_unlink(self):
        self._check_administrator()
        return super().action_unlink()

    def action_archive_all(self):
        self._check_administrator()
        return super().action_archive_all()

    def action_unlink_all(self):
        self._check_administrator()
        return super().action_unlink_all()

    # Of the lines chosen in the list: whom is it about?

    def _chosen_people(self):
        """``(contacts, partners)`` of these lines."""
        contacts = self.env["telemarketing.contact"].with_context(active_test=False)
        partners = self.env["res.partner"].with_context(active_test=False)
        contacts = contacts.browse(
            self.filtered(lambda line: line.res_model == contacts._name).mapped(
                "res_id"
            )
        )
        partners = partners.browse(
            self.filtered(lambda line: line.res_model == partners._name).mapped(
                "res_id"
            )
        )
        return contacts.exists(), partners.exists()

    def action_telemarketing_erase(self):
        """Open a request of erasure of the people among the chosen lines."""
        contacts, partners = self._chosen_or_told()
        return {
            "type": "ir.actions.act_window",
            "res_model": "telemarketing.erasure",
            "view_mode": "form",
            "name": self.env._("Request of Erasure"),
            "context": {
                "default_contact_ids": contacts.ids,
                "default_partner_ids": partners.ids,
            },
        }

    def action_telemarketing_export(self):
        """Open the export of the people among the chosen lines."""
        contacts, partners = self._chosen_or_told()
        return {
            "type": "ir.actions.act_window",
            "res_model": "telemarketing.person.export",
            "view_mode": "form",
            "target": "new",
            "name": self.env._("Export for the Person"),
            "context": {
                "default_contact_ids": contacts.ids,
                "default_partner_ids": partners.ids,
            },
        }

    def _chosen_or_told(self):
        contacts, partners = self._chosen_people()
        if not contacts and not partners:
            raise UserError(
                self.env._(
                    "Choose the lines that are the person: contacts, prospects or "
                    "clients."
                )
            )
        return contacts, partners
