from odoo import api, fields, models
from odoo.exceptions import ValidationError


class TelemarketingExclusion(models.Model):
    """Somebody who must not be called, by whom and why.

    Scope: everywhere (an objection to being called by us), for one principal, or
    in one campaign. Lifted, never deleted: whoever asks must be shown the history.
    """

    _name = "telemarketing.exclusion"
    _description = "Exclusion"
    _order = "id desc"
    _rec_name = "reference"
    _check_company_auto = True

    reference = fields.Char(
        required=True,
        readonly=True,
        copy=False,
        default=lambda self: (
            self.env["ir.sequence"].sudo().next_by_code("telemarketing.exclusion")
        ),
        help="The number that the person is given (TRLGDCU art. 96.5).",
    )
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    number_id = fields.Many2one(
        "telemarketing.number", index=True, ondelete="restrict", check_company=True
    )
    e164 = fields.Char("E.164", related="number_id.e164", store=True, index=True)
    contact_id = fields.Many2one(
        "telemarketing.contact", index="btree_not_null", ondelete="set null"
    )
    scope = fields.Selection(
        [
            ("all", "Everywhere"),
            ("principal", "For a client company"),
            ("campaign", "In a campaign"),
        ],
        required=True,
        default="all",
    )
    principal_id = fields.Many2one("res.partner", index="btree_not_null")
    campaign_id = fields.Many2one("telemarketing.campaign", index="btree_not_null")
    reason = fields.Selection(
        [
            ("objection", "They objected"),
            ("robinson", "Lista Robinson"),
            ("request", "Written request"),
            ("internal", "Our decision"),
        ],
        required=True,
        default="objection",
    )
    channel = fields.Selection(
        [
            ("call", "In a call"),
            ("file", "In a file"),
            ("mail", "By mail"),
            ("form", "By form"),
            ("hand", "By hand"),
        ],
        required=True,
        default="hand",
    )
    source = fields.Char(help="Where it comes from: the call, the file and its row…")
    date = fields.Datetime(
        required=True, default=lambda self: self.env["telemarketing.clock"]._now()
    )
    interaction_id = fields.Many2one("telemarketing.interaction", readonly=True)
    lifted_at = fields.Datetime(readonly=True)
    lifted_by_id = fields.Many2one("res.users", readonly=True)
    lifted_reason = fields.Char(readonly=True)
    in_force = fields.Boolean(compute="_compute_in_force", store=True)

    _one_in_force = models.UniqueIndex(
        "(company_id, number_id, scope, COALESCE(principal_id, 0),"
        " COALESCE(campaign_id, 0)) WHERE lifted_at IS NULL",
        "This number is already excluded in the same way.",
    )

    @api.depends("lifted_at")
    def _compute_in_force(self):
        for exclusion in self:
            exclusion.in_force = not exclusion.lifted_at

    @api.constrains("scope", "principal_id", "campaign_id")
    def _check_scope(self):
        for exclusion in self:
            if exclusion.scope == "campaign" and not exclusion.campaign_id:
                raise ValidationError(self.env._("Say which campaign is excluded."))
            if exclusion.scope == "principal" and not exclusion.principal_id:
                raise ValidationError(
                    self.env._("Say for which client company they must not be called.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        exclusions = super().create(vals_list)
        exclusions._apply()
        return exclusions

    @api.private
    def _apply(self):
        """Take every open target that these reach out of the lists, at once."""
        for exclusion in self.filtered("in_force"):
            cr = self.env.cr
            self.env.flush_all()
            # A target in somebody's hands is left to its close, which asks again.
            cr.execute(
                """UPDATE telemarketing_target t
                   SET state = 'excluded', callback = false, due_at = NULL,
                       write_date = now() at time zone 'UTC'
                   FROM telemarketing_contact c
                   WHERE c.id = t.contact_id AND t.state IN ('new', 'ready')
                     -- whom the number or the person names, by their indexes
                     AND c.id IN (SELECT p.contact_id
                                  FROM telemarketing_contact_phone p
                                  WHERE p.number_id = %(number)s
                                  UNION SELECT %(contact)s::int)
                     AND c.company_id = %(company)s
                     AND (%(scope)s = 'all'
                          OR (%(scope)s = 'campaign' AND t.campaign_id = %(campaign)s)
                          OR (%(scope)s = 'principal'
                              AND c.principal_id = %(principal)s))
                     AND (c.id = %(contact)s OR (
                          EXISTS (SELECT 1 FROM telemarketing_contact_phone p
                                  WHERE p.contact_id = c.id
                                    AND p.number_id = %(number)s)
                          AND NOT EXISTS (
                              SELECT 1 FROM telemarketing_contact_phone p
                              WHERE p.contact_id = c.id AND p.state = 'ok'
                                AND p.number_id <> %(number)s
                                AND NOT EXISTS (
                                    SELECT 1 FROM telemarketing_exclusion e
                                    WHERE e.number_id = p.number_id
                                      AND e.lifted_at IS NULL
                                      AND e.company_id = c.company_id
                                      AND (e.scope = 'all'
                                           OR (e.scope = 'campaign'
                                               AND e.campaign_id = t.campaign_id)
                                           OR (e.scope = 'principal'
                                               AND e.principal_id = c.principal_id))))
                          ))""",
                {
                    "company": exclusion.company_id.id,
                    "scope": exclusion.scope,
                    "campaign": exclusion.campaign_id.id or None,
                    "principal": exclusion.principal_id.id or None,
                    "contact": exclusion.contact_id.id or None,
                    "number": exclusion.number_id.id or None,
                },
            )
            self.env["telemarketing.target"].invalidate_model()

    def action_lift(self, reason):
        """Lift, with the reason kept. What the person objected to stays in the log."""
        if not reason or not reason.strip():
            raise ValidationError(self.env._("Say why the exclusion is lifted."))
        self.check_access("write")
        lifted = self.filtered("in_force").sudo()
        lifted.write(
            {
                "lifted_at": self.env["telemarketing.clock"]._now(),
                "lifted_by_id": self.env.uid,
                "lifted_reason": reason.strip(),
            }
        )
        people = self.env["telemarketing.contact"].sudo()
        people = people.search([("phone_ids.number_id", "in", lifted.number_id.ids)])
        self.env["telemarketing.target"]._refresh_callable(
            people | lifted.contact_id, revive=True
        )
        return True

    @api.ondelete(at_uninstall=False)
    def _never_unlink(self):
        raise ValidationError(
            self.env._(
                "Exclusions are kept as proof (TRLGDCU art. 96.5); lift it instead."
            )
        )

    @api.model
    def _scope_domain(self, company, principal, campaign):
        """Exclusions in force that bar a call of this campaign."""
        return [
            ("company_id", "=", company.id),
            ("lifted_at", "=", False),
            "|",
            "|",
            ("scope", "=", "all"),
            "&",
            ("scope", "=", "campaign"),
            ("campaign_id", "=", campaign.id),
            "&",
            "&",
            ("scope", "=", "principal"),
            ("principal_id", "!=", False),
            ("principal_id", "=", principal.id),
        ]
