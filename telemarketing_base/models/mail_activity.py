from odoo import api, fields, models
from odoo.exceptions import MissingError

from .subject import SUBJECTS

OPERATOR = "telemarketing_operator_id"


class MailActivity(models.Model):
    """Subjects of a to-do (D2): those of what it is on, unless it is given others."""

    _name = "mail.activity"
    _inherit = ["mail.activity", "telemarketing.subject.mixin"]

    telemarketing_operator_id = fields.Many2one(
        "res.users",
        "Operator",
        domain="[('telemarketing_is_agent', '=', True)]",
        index="btree_not_null",
        help="Who spoke with the person.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._telemarketing_with(vals) for vals in vals_list])

    @api.private
    def _telemarketing_with(self, vals):
        """These values with the subjects of their document.

        Read by the same query that mail makes for the document's name; models
        without subjects are not read at all.
        """
        context = self.env.context
        res_id = vals.get("res_id", context.get("default_res_id"))
        model_id = vals.get("res_model_id", context.get("default_res_model_id"))
        name = vals.get("res_model") or context.get("default_res_model")
        if not res_id or not (model_id or name):
            return vals
        if model_id:
            name = self.env["ir.model"].sudo().browse(model_id).model
        if name not in self.env or SUBJECTS[0] not in self.env[name]._fields:
            return vals
        document = self.env[name].sudo().browse(res_id)
        names = [*SUBJECTS, *({OPERATOR} & document._fields.keys())]
        try:
            known = {name: document[name].id for name in names}
        except MissingError:
            # Whoever makes a to-do of nothing is told so by mail itself.
            return vals
        return {name: value for name, value in known.items() if value} | vals
