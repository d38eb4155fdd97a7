from odoo import api, fields, models


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
    telemarketing_has_editions = fields.Boolean(
        compute="_compute_telemarketing_has_editions"
    )

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
