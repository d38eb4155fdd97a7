import json

from odoo import api, fields, models
from odoo.fields import NO_ACCESS


class TelemarketingBlocked(models.Model):
    """What is left of an erased person for judges, prosecutors and authorities until
    no claim can arise from how it was used (LOPDGDD art. 32).

    Nobody reads the data by the ORM: ``telemarketing.blocked.read`` shows them to who
    may see them, asks why and writes the reading down.
    """

    _name = "telemarketing.blocked"
    _description = "Blocked Data"
    _order = "id desc"
    _rec_name = "reference"

    reference = fields.Char(
        required=True, help="Of the erasure, return or rule that blocked it."
    )
    company_id = fields.Many2one("res.company", required=True)
    principal_id = fields.Many2one(
        "res.partner", "Client Company", index="btree_not_null"
    )
    campaign_id = fields.Many2one("telemarketing.campaign", index="btree_not_null")
    contact_id = fields.Many2one(
        "telemarketing.contact",
        index="btree_not_null",
        ondelete="set null",
        groups="base.group_system,telemarketing_base.group_dpo",
        help="The emptied one, whose calls stay as figures.",
    )
    cause = fields.Selection(
        [
            ("erasure", "Asked to be erased"),
            ("return", "Returned to the client company"),
            ("retention", "Its time was over"),
            ("database", "Its database was emptied"),
        ],
        required=True,
    )
    blocked_at = fields.Datetime(required=True)
    blocked_until = fields.Date(required=True, index=True, help="Deleted after it.")
    calls = fields.Integer()
    consents = fields.Integer()
    identifiers = fields.Json(groups=NO_ACCESS)
    data = fields.Json(groups=NO_ACCESS)
    access_ids = fields.One2many("telemarketing.blocked.access", "blocked_id")

    _by_identifier = models.Index("USING gin (identifiers jsonb_path_ops)")

    @api.model
    def _with_identifier(self, identifiers, companies):
        """Blocked people that one of these numbers (E.164), NIFs or mails names."""
        self.flush_model()
        self.env.cr.execute(
            """SELECT id FROM telemarketing_blocked
               WHERE company_id = ANY(%s) AND identifiers @> ANY(%s::jsonb[])""",
            [companies.ids, [json.dumps([text]) for text in identifiers if text]],
        )
        return self.browse([row[0] for row in self.env.cr.fetchall()])

    @api.private
    def _delete(self):
        """Data and proofs go; the log of who read them stays."""
        self.env["ir.attachment"].sudo().search(
            [("res_model", "=", self._name), ("res_id", "in", self.ids)]
        ).unlink()
        self.sudo().unlink()


class TelemarketingBlockedAccess(models.Model):
    """Who read blocked data, when and why."""

    _name = "telemarketing.blocked.access"
    _description = "Reading of Blocked Data"
    _order = "id desc"

    blocked_id = fields.Many2one(
        "telemarketing.blocked", index="btree_not_null", ondelete="set null"
    )
    reference = fields.Char(required=True)
    company_id = fields.Many2one("res.company", required=True)
    user_id = fields.Many2one("res.users", required=True)
    at = fields.Datetime(
        required=True, default=lambda self: self.env["telemarketing.clock"]._now()
    )
    reason = fields.Char(required=True)
