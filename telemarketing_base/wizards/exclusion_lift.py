from odoo import fields, models


class TelemarketingExclusionLift(models.TransientModel):
    """Lift exclusions, or put lifted ones in force again, with the reason that is
    kept."""

    _name = "telemarketing.exclusion.lift"
    _inherit = ["telemarketing.sight.mixin"]
    _description = "Lift Exclusions"
    _sight_fields = ("exclusion_ids", "load_id")

    restore = fields.Boolean(
        "Put in Force Again", default=lambda self: self._default_restore()
    )
    exclusion_ids = fields.Many2many(
        "telemarketing.exclusion",
        "telemarketing_exclusion_lift_rel",
        "wizard_id",
        "exclusion_id",
        "Exclusions",
        domain="[('in_force', '!=', restore)]",
        default=lambda self: self._default_exclusion_ids(),
    )
    load_id = fields.Many2one(
        "telemarketing.exclusion.load",
        "All of the File",
        default=lambda self: self._default_load_id(),
    )
    reason = fields.Char(
        "Why",
        required=True,
        help="Kept with the exclusion: whoever asks must be shown the history.",
    )

    def _default_load_id(self):
        if self.env.context.get("active_model") != "telemarketing.exclusion.load":
            return False
        return self.env.context.get("active_id")

    def _default_restore(self):
        return bool(self.env.context.get("telemarketing_restore"))

    def _default_exclusion_ids(self):
        """Those chosen and what the same persons said with them: a reference is
        lifted as a whole unless somebody takes rows out."""
        if self.env.context.get("active_model") != "telemarketing.exclusion":
            return False
        Exclusion = self.env["telemarketing.exclusion"]
        chosen = Exclusion.browse(self.env.context.get("active_ids", []))
        return Exclusion.search(
            [
                ("reference", "in", chosen.mapped("reference")),
                ("company_id", "in", chosen.company_id.ids),
                ("in_force", "!=", self._default_restore()),
            ]
        )

    def action_lift(self):
        self.ensure_one()
        if self.load_id:
            self.load_id.action_lift(self.reason)
        elif self.restore:
            self.exclusion_ids.action_restore(self.reason)
        else:
            self.exclusion_ids.action_lift(self.reason)
        return {"type": "ir.actions.act_window_close"}
