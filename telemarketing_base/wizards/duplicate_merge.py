from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..models.duplicate_people import MOST


class TelemarketingDuplicateMerge(models.TransientModel):
    """People chosen in a list, side by side, to be merged into one of them."""

    _name = "telemarketing.duplicate.merge"
    _inherit = ["telemarketing.duplicate.people", "telemarketing.sight.mixin"]
    _description = "Merge People"
    _sight_fields = ("contact_ids", "partner_ids")

    contact_ids = fields.Many2many(
        "telemarketing.contact",
        "telemarketing_duplicate_merge_contact_rel",
        "wizard_id",
        "contact_id",
        "Contacts",
        default=lambda self: self._default_people("telemarketing.contact"),
    )
    partner_ids = fields.Many2many(
        "res.partner",
        "telemarketing_duplicate_merge_partner_rel",
        "wizard_id",
        "partner_id",
        "Prospects and Clients",
        default=lambda self: self._default_people("res.partner"),
    )
    choices = fields.Json()
    comparison = fields.Json(compute="_compute_comparison")

    @api.model
    def _default_people(self, model):
        context = self.env.context
        if context.get("active_model") != model:
            return False
        people = self.env[model].browse(context.get("active_ids") or [])
        self._check_people(people)
        return [Command.set(people.ids)]

    @api.depends("contact_ids", "partner_ids")
    def _compute_comparison(self):
        for wizard in self:
            wizard.comparison = self._comparison(wizard._people()[:MOST])

    def _people(self):
        self.ensure_one()
        return (self.contact_ids or self.partner_ids)._origin.sorted("id")

    def action_merge(self):
        """Merge them; the one that stays is shown."""
        self.ensure_one()
        people = self._people()
        self._check_people(people)
        choices = self.choices if isinstance(self.choices, dict) else {}
        keep = people.filtered(lambda p: p.id == choices.get("keep"))
        keep = keep or self._most_history(people)
        sources = choices.get("values")
        merge = self._merge_people(
            keep,
            people - keep,
            sources if isinstance(sources, dict) else None,
        )
        return merge.get_formview_action()


class TelemarketingDuplicateBulk(models.TransientModel):
    """Merge by rule: which pairs, how many they are, ten of them, then in the
    background."""

    _name = "telemarketing.duplicate.bulk"
    _inherit = ["telemarketing.sight.mixin"]
    _description = "Merge by Rule"
    _sight_fields = ("principal_id", "campaign_id", "database_ids")

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    what = fields.Selection(
        [("contacts", "Contacts"), ("people", "Prospects and clients")],
        "Among",
        required=True,
        default="contacts",
    )
    reason = fields.Selection(
        [
            ("any", "Anything"),
            ("vat", "The NIF"),
            ("phone", "A telephone"),
            ("email", "The mail"),
            ("name_address", "Similar name and address"),
        ],
        "In Common",
        required=True,
        default="vat",
    )
    same_name = fields.Boolean("Only of the Same Name", default=True)
    score = fields.Float("Score from", default=0.9)
    principal_id = fields.Many2one(
        "res.partner",
        "Client Company",
        domain="[('telemarketing_is_principal', '=', True)]",
    )
    campaign_id = fields.Many2one("telemarketing.campaign")
    database_ids = fields.Many2many(
        "telemarketing.database",
        "telemarketing_duplicate_bulk_database_rel",
        "wizard_id",
        "database_id",
        "Databases",
    )
    count = fields.Integer("Pairs", compute="_compute_preview")
    example_ids = fields.Many2many(
        "telemarketing.duplicate", string="For Example", compute="_compute_preview"
    )

    @api.depends(
        *("company_id", "what", "reason", "same_name", "score", "principal_id"),
        *("campaign_id", "database_ids"),
    )
    def _compute_preview(self):
        Duplicate = self.env["telemarketing.duplicate"]
        for wizard in self:
            domain = wizard._run_values(new=True)._pair_domain()
            wizard.count = Duplicate.search_count(domain)
            wizard.example_ids = Duplicate.search(domain, order="id", limit=10)

    def _run_values(self, new=False):
        """The run, or one that is only asked what it would do."""
        self.ensure_one()
        values = {
            "kind": "merge",
            "company_id": self.company_id.id,
            "what": self.what,
            "principal_id": self.principal_id.id,
            "campaign_id": self.campaign_id.id,
            "database_ids": [Command.set(self.database_ids.ids)],
            "rule_reason": self.reason,
            "rule_same_name": self.same_name,
            "rule_score": self.score,
        }
        Search = self.env["telemarketing.duplicate.search"].sudo()
        return Search.new(values) if new else Search.create(values)

    def action_merge(self):
        """Begin in the background; the run's screen shows how far it is."""
        self.ensure_one()
        self._check_in_sight()
        self.company_id.check_access("read")
        if self.company_id not in self.env.companies:
            raise UserError(self.env._("Choose one of your companies."))
        if not self.count:
            raise UserError(self.env._("No pair to be seen is as you say."))
        run = self._run_values().sudo(False)
        run._check_partners_by_manager()
        run.action_start()
        return run.get_formview_action()
