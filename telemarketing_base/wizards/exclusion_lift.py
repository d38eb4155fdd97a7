from odoo import fields, models


class TelemarketingExclusionLift(models.TransientModel):
    """Lift exclusions, with the reason that is kept."""

    _name = "telemarketing.exclusion.lift"
    _description = "Lift Exclusions"

    exclusion_ids = fields.Many2many(
        "telemarketing.exclusion",
        "telemarketing_exclusion_lift_rel",
        "wizard_id",
        "exclusion_id",
        "Exclusions",
        required=True,
        domain="[('in_force', '=', True)]",
        default=lambda self: self._default_exclusion_ids(),
    )
    reason = fields.Char(
        "Why",
        required=True,
        help="Kept with the exclusion: whoever asks must be shown the history.",
    )

    def _default_exclusion_ids(self):
        if self.env.context.get("active_model") != "telemarketing.exclusion":
            return False
        return (
            self.env["telemarketing.exclusion"]
            .browse(self.env.context.get("active_ids", []))
            .filtered("in_force")
        )

    def action_lift(self):
        self.ensure_one()
        self.exclusion_ids.action_lift(self.reason)
        return {"type": "ir.actions.act_window_close"}
