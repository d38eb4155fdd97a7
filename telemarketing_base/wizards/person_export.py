import base64

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command

MANAGER = "telemarketing_base.group_manager"


class TelemarketingPersonExport(models.TransientModel):
    """A copy of all that is known about a person, for the person who asks for it
    (GDPR arts. 15 and 20), of one client company or of ours."""

    _name = "telemarketing.person.export"
    _inherit = ["telemarketing.sight.mixin"]
    _description = "Export of a Person's Data"
    _sight_fields = ("contact_ids", "partner_ids")
    _transient_max_hours = 24

    contact_ids = fields.Many2many(
        "telemarketing.contact",
        "telemarketing_person_export_contact_rel",
        "wizard_id",
        "contact_id",
        "Contacts",
        context={"active_test": False},
        help="All of the same person. Whoever shares a number with it is not it.",
    )
    partner_ids = fields.Many2many(
        "res.partner",
        "telemarketing_person_export_partner_rel",
        "wizard_id",
        "partner_id",
        "Prospects and Clients",
        context={"active_test": False},
    )
    whose = fields.Char("Whose Data", compute="_compute_whose")
    requested_by = fields.Selection(
        [
            ("person", "The person"),
            ("representative", "Somebody for the person"),
            ("principal", "The client company"),
            ("authority", "An authority"),
        ],
        "Asked by",
        required=True,
        default="person",
    )
    identity_checked = fields.Boolean(
        "I have made sure who asks",
        help="Other people's data given to who asks is a breach that must be "
        "notified (GDPR arts. 12.6 and 33).",
    )
    with_recordings = fields.Boolean(
        default=True, help="The voice is the person's data. The listening is logged."
    )
    file = fields.Binary(readonly=True, attachment=False)
    filename = fields.Char(readonly=True)

    @api.depends("contact_ids", "partner_ids")
    def _compute_whose(self):
        privacy = self.env["telemarketing.privacy"]
        for wizard in self:
            principals = wizard.contact_ids.principal_id
            principals |= wizard.partner_ids.telemarketing_principal_id
            ours = any(
                not privacy._principal_of(record)
                for records in (wizard.contact_ids, wizard.partner_ids)
                for record in records
            )
            names = principals.mapped("display_name")
            wizard.whose = ", ".join([self.env._("Ours")] * ours + names)

    @api.model_create_multi
    def create(self, vals_list):
        self._check_manager()
        wizards = super().create(
            [
                {key: value for key, value in vals.items() if key not in ("file",)}
                for vals in vals_list
            ]
        )
        for wizard in wizards:
            wizard._add_own_partners()
        return wizards

    def _add_own_partners(self):
        """Who is a prospect or client already is one person with its contact."""
        partners = self.contact_ids.partner_id - self.partner_ids
        partners = partners._filtered_access("read")
        if partners:
            self.partner_ids = [Command.link(partner.id) for partner in partners]

    @api.model
    def _check_manager(self):
        if not self.env.su and not self.env.user.has_group(MANAGER):
            raise AccessError(
                self.env._("Only telemarketing managers export a person's data.")
            )

    def action_export(self):
        """Make the ZIP and write the export down in Odoo's privacy log."""
        self.ensure_one()
        self._check_manager()
        self._check_in_sight()
        if not self.identity_checked:
            raise UserError(
                self.env._("Make sure who asks first, and say so by ticking the box.")
            )
        contacts = self.contact_ids.sudo().with_context(active_test=False)
        partners = self.partner_ids.sudo().with_context(active_test=False)
        if not contacts and not partners:
            raise UserError(self.env._("Choose whose data it is."))
        Dossier = self.env["telemarketing.privacy.dossier"].sudo()
        dossier = Dossier._collect(contacts, partners)
        consents = (
            self.env["telemarketing.consent"]
            .sudo()
            .browse([row["id"] for row in dossier["consents"]])
        )
        recordings = self.env["telemarketing.recording"]
        if self.with_recordings:
            recordings = recordings.browse(
                [row["id"] for call in dossier["calls"] for row in call["recordings"]]
            )
        content = Dossier._zip(dossier, consents, recordings)
        numbers = contacts.phone_ids.filtered("e164").mapped("e164")
        self.env["telemarketing.privacy"].sudo()._log(
            {
                "name": (contacts[:1].name or partners[:1].name or ""),
                "email": (contacts[:1].email or partners[:1].email or ""),
                "numbers": numbers,
                "vat": contacts[:1].vat or partners[:1].vat or "",
            },
            self.env._("Exported for the person"),
            note=self.env._(
                "Asked by: %(who)s. Answers for the data: %(controller)s.",
                who=dict(self._fields["requested_by"]._description_selection(self.env))[
                    self.requested_by
                ],
                controller=dossier["controller"],
            ),
            records="\n".join(
                f"{part}: {len(rows)}"
                for part, rows in dossier.items()
                if isinstance(rows, list) and part != "rights"
            ),
        )
        day = str(self.env["telemarketing.clock"]._now().date())
        self.sudo().write(
            {
                "file": base64.b64encode(content),
                "filename": f"{self.env._('personal-data')}-{day}.zip",
            }
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
            "name": self.env._("Export for the Person"),
        }
