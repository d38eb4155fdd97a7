from odoo import api, fields, models
from odoo.exceptions import ValidationError

# What a result does to the target. Children inherit it unless they set one.
KINDS = [
    ("redial_same", "Redial this number later"),
    ("redial_next", "Redial the next number"),
    ("schedule", "Agreed callback"),
    ("none", "No action, close without redial"),
    ("close", "Do not call again in this campaign"),
    ("number_bad", "This phone is bad"),
    ("exclude", "Exclusion: do not call again"),
]


class TelemarketingDisposition(models.Model):
    """Result of an action (tipificación): a tree of up to three levels, common or
    of several campaigns. An agent must reach a leaf."""

    _name = "telemarketing.disposition"
    _description = "Disposition"
    _order = "sequence, id"
    _parent_store = True
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    display_name = fields.Char(recursive=True)
    code = fields.Char(index="btree_not_null")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")
    parent_id = fields.Many2one(
        "telemarketing.disposition", ondelete="restrict", index=True
    )
    parent_path = fields.Char(index=True)
    child_ids = fields.One2many("telemarketing.disposition", "parent_id")
    level = fields.Integer(compute="_compute_level", store=True, recursive=True)
    campaign_ids = fields.Many2many(
        "telemarketing.campaign",
        help="Empty: common to all campaigns.",
    )
    campaign_kind = fields.Selection(
        selection=lambda self: self.env["telemarketing.campaign"]._selection_kind(),
        help="Only for campaigns of this kind. Empty: for all.",
    )
    key = fields.Char(size=1, help="The key 1–9 on the desk. Empty: by its order.")
    color = fields.Integer()
    kind = fields.Selection(
        KINDS,
        "Afterwards",
        help="What happens to the person next. Empty: as its parent says.",
    )
    effective_kind = fields.Selection(
        KINDS, compute="_compute_effective_kind", store=True, recursive=True
    )
    exclusion_scope = fields.Selection(
        [
            ("all", "Everywhere"),
            ("principal", "For this client company"),
            ("campaign", "In this campaign"),
        ],
        default="all",
        help="How far “do not call again” reaches.",
    )
    exclusion_reason = fields.Selection(
        [
            ("objection", "They objected"),
            ("deceased", "Has died"),
            ("minor", "Under age"),
            ("internal", "Our decision"),
        ],
        default="objection",
        help="Why they are not called again, as it stands in the exclusion.",
    )
    redial_minutes = fields.Integer(
        "Redial After (minutes)", help="0: as the campaign says."
    )
    max_attempts = fields.Integer(help="0: as the campaign says.")
    outcome = fields.Selection(
        [
            ("none", "Nobody reached"),
            ("contact", "Contact"),
            ("useful", "Useful contact"),
        ],
        required=True,
        default="none",
        help="What it counts as in ratios: somebody answered (contact), the decision "
        "maker heard the offer (useful contact).",
    )
    is_conversion = fields.Boolean(
        "Counts as Conversion",
        help="What the campaign is for: a sale, an appointment, a survey, a lead.",
    )
    qualifies = fields.Boolean(
        "Makes a Prospect", help="Makes the partner and the opportunity, once."
    )
    needs_order = fields.Boolean("Takes an Order")
    needs_appointment = fields.Boolean("Books an Appointment")
    clear_callbacks = fields.Boolean(
        "Removes Earlier Callbacks",
        help="Callbacks of this person that are still open in the campaign go.",
    )
    target_label = fields.Selection(
        [
            ("absent", "Absent"),
            ("contacted", "Contacted"),
            ("converted", "Converted"),
        ],
        compute="_compute_target_label",
        help="How the person stands afterwards, in the words of the lists.",
    )

    @api.constrains("key")
    def _check_key(self):
        for disposition in self:
            if disposition.key and disposition.key not in "123456789":
                raise ValidationError(
                    self.env._("%s: the key is a digit from 1 to 9.", disposition.name)
                )

    @api.constrains("parent_id")
    def _check_depth(self):
        if self._has_cycle():
            raise ValidationError(self.env._("A result cannot be its own parent."))
        for disposition in self:
            deepest = self.search([("id", "child_of", disposition.id)])
            if any(node.level > 3 for node in deepest):
                raise ValidationError(
                    self.env._(
                        "%s: results have three levels at most.", disposition.name
                    )
                )

    @api.depends("parent_id.level")
    def _compute_level(self):
        for disposition in self:
            disposition.level = disposition.parent_id.level + 1

    @api.depends("kind", "parent_id.effective_kind")
    def _compute_effective_kind(self):
        for disposition in self:
            disposition.effective_kind = (
                disposition.kind or disposition.parent_id.effective_kind or "none"
            )

    @api.depends("outcome", "is_conversion")
    def _compute_target_label(self):
        for disposition in self:
            if disposition.is_conversion:
                disposition.target_label = "converted"
            elif disposition.outcome == "none":
                disposition.target_label = "absent"
            else:
                disposition.target_label = "contacted"

    @api.depends("name", "parent_id.display_name")
    def _compute_display_name(self):
        for disposition in self:
            if disposition.parent_id:
                disposition.display_name = (
                    f"{disposition.parent_id.display_name} / {disposition.name}"
                )
            else:
                disposition.display_name = disposition.name

    @api.private
    def _legal_moments(self):
        """Which legal lines of a script (``when``) a call with this result wanted
        said; nothing where nobody was reached."""
        if self._is_sale():
            return ("always", "sale")
        if self.outcome == "none":
            return ()
        if self.effective_kind == "exclude":
            return ("always", "objection")
        return ("always",)

    @api.private
    def _is_sale(self):
        """Is it what the campaign is for, so that proof of what was said matters?"""
        return self.is_conversion or self.needs_order

    @api.private
    def _desk_values(self):
        """The tree as the desk draws it; see docs/architecture.md, DISP."""
        parents = self.mapped("parent_id")
        return [
            {
                "id": disposition.id,
                "parent_id": disposition.parent_id.id,
                "name": disposition.name,
                "code": disposition.code or "",
                "key": disposition.key or "",
                "color": disposition.color,
                "level": disposition.level,
                "leaf": disposition not in parents,
                "kind": disposition.effective_kind,
                "needs_callback": disposition.effective_kind == "schedule",
                "needs_order": disposition.needs_order,
                "needs_appointment": disposition.needs_appointment,
                "qualifies": disposition.qualifies,
                "sale": disposition._is_sale(),
                "legal": list(disposition._legal_moments()),
            }
            for disposition in self
        ]


class TelemarketingActionType(models.Model):
    """What was done: first call, call received, visit, SMS… Common or of a campaign."""

    _name = "telemarketing.action.type"
    _description = "Action"
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(index="btree_not_null")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")
    campaign_ids = fields.Many2many(
        "telemarketing.campaign", help="Empty: common to all campaigns."
    )
    is_call = fields.Boolean(default=True)
    direction = fields.Selection(
        [("out", "Outgoing"), ("in", "Incoming")], required=True, default="out"
    )


class TelemarketingReason(models.Model):
    """Why we talk (motivo): of a campaign, chosen in the call."""

    _name = "telemarketing.reason"
    _description = "Contact Reason"
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    campaign_id = fields.Many2one(
        "telemarketing.campaign", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="campaign_id.company_id", store=True)
