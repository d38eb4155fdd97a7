from odoo import api, fields, models

from .required import required_choices


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    telemarketing_edition = fields.Selection(
        related="company_id.telemarketing_edition", readonly=False
    )
    telemarketing_search_cap = fields.Integer(
        related="company_id.telemarketing_search_cap", readonly=False
    )
    telemarketing_erase_uploads_days = fields.Integer(
        related="company_id.telemarketing_erase_uploads_days", readonly=False
    )
    telemarketing_evidence_days = fields.Integer(
        related="company_id.telemarketing_evidence_days", readonly=False
    )
    telemarketing_required_fields = fields.Char(
        related="company_id.telemarketing_required_fields", readonly=False
    )
    # Not a value: what the form offers.
    telemarketing_required_choice = fields.Selection(
        selection=lambda self: required_choices(self.env), store=False
    )
    telemarketing_import_mb = fields.Integer(
        related="company_id.telemarketing_import_mb", readonly=False
    )
    telemarketing_import_cells = fields.Integer(
        related="company_id.telemarketing_import_cells", readonly=False
    )
    telemarketing_import_cell_kb = fields.Integer(
        related="company_id.telemarketing_import_cell_kb", readonly=False
    )
    telemarketing_has_editions = fields.Boolean(
        compute="_compute_telemarketing_has_editions"
    )

    telemarketing_robinson_endpoint = fields.Char(
        related="company_id.telemarketing_robinson_endpoint", readonly=False
    )
    telemarketing_robinson_key = fields.Char(
        related="company_id.telemarketing_robinson_key", readonly=False
    )
    telemarketing_robinson_secret = fields.Char(
        "Robinson Secret",
        compute="_compute_telemarketing_robinson_secret",
        inverse="_inverse_telemarketing_robinson_secret",
        help="Written, never shown. Empty: as it is.",
    )
    telemarketing_robinson_has_secret = fields.Boolean(
        compute="_compute_telemarketing_robinson_secret"
    )
    telemarketing_robinson_all = fields.Boolean(
        related="company_id.telemarketing_robinson_all", readonly=False
    )
    telemarketing_robinson_ahead_days = fields.Integer(
        related="company_id.telemarketing_robinson_ahead_days", readonly=False
    )

    @api.depends("company_id")
    def _compute_telemarketing_robinson_secret(self):
        for settings in self:
            company = settings.company_id
            settings.telemarketing_robinson_secret = False
            settings.telemarketing_robinson_has_secret = bool(
                company.telemarketing_robinson_secret
            )

    def _inverse_telemarketing_robinson_secret(self):
        for settings in self.filtered("telemarketing_robinson_secret"):
            company = settings.company_id
            company.telemarketing_robinson_secret = (
                settings.telemarketing_robinson_secret
            )

    def action_telemarketing_robinson_test(self):
        """Do the keys work? Asks about a number that is nobody's."""
        self.ensure_one()
        self.check_access("write")
        self.env["telemarketing.robinson.service"]._test(self.company_id)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("The Lista Robinson answers: the keys are good."),
            },
        }

    def action_telemarketing_robinson_forget(self):
        """Off: nothing is sent any more."""
        self.ensure_one()
        self.check_access("write")
        self.company_id.write(
            {
                "telemarketing_robinson_key": False,
                "telemarketing_robinson_secret": False,
            }
        )
        return {"type": "ir.actions.client", "tag": "reload"}

    @api.depends("company_id")
    def _compute_telemarketing_has_editions(self):
        field = self.env["res.company"]._fields["telemarketing_edition"]
        self.telemarketing_has_editions = bool(field.get_values(self.env))

    def execute(self):
        """Moving up installs what the edition names (``res.company`` asked for it when
        the field was written); at the end of the transaction, as Odoo itself does."""
        action = super().execute()
        waiting = self.env["telemarketing.edition"]._waiting_modules()
        if waiting:
            self.env.flush_all()
            return waiting.button_immediate_install()
        return action
