from odoo import api, models


class TelemarketingPrivacyEraser(models.AbstractModel):
    _inherit = "telemarketing.privacy.eraser"

    @api.model
    def _empty(self, contact_ids):
        """What was asked of Asterisk during a person's calls names numbers."""
        self.env.cr.execute(
            """DELETE FROM telemarketing_dialer_command WHERE uuid IN (
                   SELECT i.uuid FROM telemarketing_interaction i
                   JOIN telemarketing_contact c ON c.id = i.contact_id
                   WHERE c.id = ANY(%(ids)s) OR c.merged_into_id = ANY(%(ids)s))""",
            {"ids": list(contact_ids)},
        )
        return super()._empty(contact_ids)


class TelemarketingPrivacyDossier(models.AbstractModel):
    _inherit = "telemarketing.privacy.dossier"

    def _call_row(self, call):
        """Who was rung for nobody may know it, and by which number of ours."""
        line = dict(call._fields["dial_outcome"]._description_selection(self.env))
        return {
            **super()._call_row(call),
            "number_shown": call.caller_e164 or "",
            "answered": self._text(call.answered_at),
            "line": line.get(call.dial_outcome, ""),
        }
