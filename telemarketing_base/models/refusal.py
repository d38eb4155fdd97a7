from odoo import api, fields, models


class TelemarketingRefusal(models.Model):
    """A call that was asked for and refused, when and why: counted, and shown to
    whoever asks how the rules are kept."""

    _name = "telemarketing.refusal"
    _description = "Refused Call"
    _order = "id desc"
    _rec_name = "code"

    at = fields.Datetime(required=True, index=True)
    company_id = fields.Many2one("res.company", required=True, index=True)
    campaign_id = fields.Many2one("telemarketing.campaign", index=True)
    principal_id = fields.Many2one(
        related="campaign_id.principal_id", store=True, precompute=True
    )
    target_id = fields.Many2one(
        "telemarketing.target", index="btree_not_null", ondelete="set null"
    )
    number_id = fields.Many2one(
        "telemarketing.number",
        index="btree_not_null",
        ondelete="set null",
        groups="telemarketing_base.group_supervisor",
    )
    agent_id = fields.Many2one("res.users", "Operator", index="btree_not_null")
    code = fields.Char(required=True, readonly=True)
    reason = fields.Char(compute="_compute_reason")
    until = fields.Datetime(help="First instant at which it may be called.")
    place = fields.Selection(
        [("dial", "When dialling"), ("list", "When it came from the list")],
        "Refused",
        required=True,
        default="dial",
    )

    @api.depends("code")
    def _compute_reason(self):
        for refusal in self:
            refusal.reason = self.env["telemarketing.gate"]._short_text(refusal.code)

    @api.model
    def _log(self, target, verdict, phone=None, place="dial"):
        """:param dict verdict: as ``target._may_call`` gives it"""
        if target.campaign_id.training:
            return
        self.sudo().create(
            {
                "at": self.env["telemarketing.clock"]._now(),
                "company_id": target.company_id.id,
                "campaign_id": target.campaign_id.id,
                "target_id": target.id,
                "number_id": phone.number_id.id if phone else False,
                # Nobody where no agent has the call yet.
                "agent_id": target.leased_by_id.id
                or (not self.env.su and self.env.uid),
                "code": verdict["code"] or "refused",
                "until": verdict["until"],
                "place": place,
            }
        )
