from odoo import api, fields, models

from ..models.import_undo import STAYS


class TelemarketingImportUndo(models.TransientModel):
    """What undoing a load would do, shown before it is done."""

    _name = "telemarketing.import.undo"
    _inherit = ["telemarketing.sight.mixin"]
    _description = "Undo a Load"
    _sight_fields = ("import_id",)

    import_id = fields.Many2one(
        "telemarketing.import", "File", required=True, readonly=True, ondelete="cascade"
    )
    kind = fields.Selection(related="import_id.kind")
    going = fields.Integer("People Who Go", compute="_compute_counts")
    staying = fields.Integer("People Who Stay", compute="_compute_counts")
    changed = fields.Integer("People Put Back As They Were", compute="_compute_counts")
    reasons = fields.Text("Why They Stay", compute="_compute_counts")

    @api.depends("import_id")
    def _compute_counts(self):
        texts = {
            "called": self.env._("called"),
            "working": self.env._("being worked: on a desk, with a callback or notes"),
            "client": self.env._("a prospect or client with work of its own"),
            "merged": self.env._("merged with somebody else"),
            "edited": self.env._("edited since"),
            "consent": self.env._("said yes or no to calls since"),
            "elsewhere": self.env._("in another campaign or in a request of theirs"),
        }
        for wizard in self:
            job = wizard.import_id
            job.check_access("read")
            people, stays, changed = job._undo_counts()
            wizard.staying = sum(stays.values())
            wizard.going = people - wizard.staying
            wizard.changed = changed
            wizard.reasons = "\n".join(
                f"{stays[why]} · {texts[why]}" for why in STAYS if stays.get(why)
            )

    def action_confirm(self):
        """Take the load back, in the background."""
        self.ensure_one()
        self._check_in_sight()
        self.import_id._start_undo()
        return {"type": "ir.actions.act_window_close"}
