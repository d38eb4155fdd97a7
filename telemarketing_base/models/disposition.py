from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..redialling import Rule

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
REDIALLED = ("redial_same", "redial_next", "number_bad")
# A bound for what is read whole; nobody classifies with so many.
MOST_RESULTS = 10_000
EXCLUSION_SCOPES = [
    ("all", "Everywhere"),
    ("principal", "For this client company"),
    ("campaign", "In this campaign"),
]
EXCLUSION_REASONS = [
    ("objection", "They objected"),
    ("deceased", "Has died"),
    ("minor", "Under age"),
    ("internal", "Our decision"),
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
        EXCLUSION_SCOPES,
        help="How far “do not call again” reaches. Empty: as its parent says, else "
        "everywhere.",
    )
    effective_exclusion_scope = fields.Selection(
        EXCLUSION_SCOPES,
        "It Reaches",
        compute="_compute_effective_exclusion",
        recursive=True,
    )
    exclusion_reason = fields.Selection(
        EXCLUSION_REASONS,
        help="Why they are not called again, as it stands in the exclusion. Empty: as "
        "its parent says, else that they objected.",
    )
    effective_exclusion_reason = fields.Selection(
        EXCLUSION_REASONS,
        "Because",
        compute="_compute_effective_exclusion",
        recursive=True,
    )
    redial_minutes = fields.Integer(
        "Redial After (minutes)",
        help="0: as its parent says where it acts like it, else as the campaign says.",
    )
    max_attempts = fields.Integer(
        help="0: as its parent says where it acts like it, else as the campaign says."
    )
    backoff = fields.Float(
        "Delay Grows By",
        default=1.0,
        help="Each attempt multiplies the delay by this: 2 doubles it. 1: always the "
        "same.",
    )
    redial_max_minutes = fields.Integer(
        "Delay at Most (minutes)", help="A delay that grows stops here. 0: a year."
    )
    redial_part = fields.Selection(
        [
            ("any", "Any hour"),
            ("other", "Another part of the day than this time"),
            ("morning", "Morning (9–14)"),
            ("afternoon", "Afternoon (14–18)"),
            ("evening", "Evening (18–21)"),
        ],
        "Redial In",
        required=True,
        default="any",
        help="By the clock where the person lives. Nobody is rung outside the calling "
        "hours, whatever stands here.",
    )
    drop_numbers = fields.Boolean(
        "Takes the Numbers out of the Lists",
        help="Other people of the campaign with one of these numbers are not called "
        "any more, until a supervisor puts them back. Agreed callbacks stay.",
    )
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
    mail_template_id = fields.Many2one(
        "mail.template",
        "Sends the Mail",
        domain="[('model', '=', 'telemarketing.interaction')]",
        ondelete="set null",
        groups="telemarketing_base.group_supervisor",
    )
    sms_template_id = fields.Many2one(
        "sms.template",
        "Sends the SMS",
        domain="[('model', '=', 'telemarketing.interaction')]",
        ondelete="set null",
        groups="telemarketing_base.group_supervisor",
    )
    message_purpose = fields.Selection(
        [
            ("commercial", "Advertising"),
            ("service", "Confirms what was said"),
        ],
        "The Message Is",
        required=True,
        default="commercial",
        groups="telemarketing_base.group_supervisor",
        help="Advertising by mail or SMS only goes to who consented to it and did not "
        "object (LSSI art. 21). What confirms something agreed in the call is none.",
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

    redial_text = fields.Char(
        "Redialled",
        compute="_compute_redial_text",
        recursive=True,
        help="How it is redialled, with what it takes over from its parent.",
    )
    in_words = fields.Char(
        compute="_compute_in_words",
        help="What it does besides being recorded.",
    )
    nowhere = fields.Text(
        "Has No Effect",
        compute="_compute_nowhere",
        help="Campaigns of its own in which it cannot do all that it says.",
    )

    _redial_numbers = models.Constraint(
        "CHECK (backoff >= 1 AND backoff <= 10 AND redial_minutes >= 0 "
        "AND redial_max_minutes >= 0 AND max_attempts >= 0)",
        "A delay grows by 1 to 10 times; minutes and attempts are not negative.",
    )

    @api.constrains("mail_template_id", "sms_template_id")
    def _check_templates(self):
        for disposition in self:
            for template in (disposition.mail_template_id, disposition.sms_template_id):
                if template and template.model != "telemarketing.interaction":
                    raise ValidationError(
                        self.env._(
                            "“%s” is not a text about an interaction.", template.name
                        )
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

    @api.depends(
        *("effective_kind", "exclusion_scope", "exclusion_reason"),
        *("parent_id.effective_exclusion_scope", "parent_id.effective_kind"),
        "parent_id.effective_exclusion_reason",
    )
    def _compute_effective_exclusion(self):
        """Own word, else that of a parent that excludes; else the widest: an
        objection counts everywhere unless the person limited it (art. 21 RGPD)."""
        for disposition in self:
            if disposition.effective_kind != "exclude":
                disposition.effective_exclusion_scope = False
                disposition.effective_exclusion_reason = False
                continue
            parent = disposition.parent_id
            disposition.effective_exclusion_scope = (
                disposition.exclusion_scope or parent.effective_exclusion_scope or "all"
            )
            disposition.effective_exclusion_reason = (
                disposition.exclusion_reason
                or parent.effective_exclusion_reason
                or "objection"
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

    @api.depends(
        *("name", "effective_kind", "needs_order", "is_conversion"),
        *("qualifies", "campaign_ids", "child_ids"),
    )
    @api.depends_context("lang")
    def _compute_nowhere(self):
        for disposition in self:
            lines = []
            for campaign in disposition.sudo().campaign_ids:
                for text in disposition._without_effect(campaign):
                    lines.append(f"{campaign.name}: {text}")
            disposition.nowhere = "\n".join(lines)

    @api.depends(
        *("effective_kind", "redial_minutes", "max_attempts", "backoff"),
        *("redial_max_minutes", "redial_part", "parent_id.redial_text"),
    )
    @api.depends_context("lang")
    def _compute_redial_text(self):
        campaign = self.env["telemarketing.campaign"]
        for disposition in self:
            if disposition.effective_kind not in REDIALLED:
                disposition.redial_text = False
                continue
            rule = disposition._redial_rule(campaign)
            parts = [
                self.env._("after %s", self._duration(rule.minutes))
                if rule.minutes
                else self.env._("when the campaign says")
            ]
            disposition.redial_text = ", ".join(parts + self._redial_parts(rule))

    @api.depends(
        *("redial_text", "effective_exclusion_scope", "qualifies", "needs_order"),
        *("needs_appointment", "clear_callbacks", "drop_numbers"),
        *("mail_template_id", "sms_template_id"),
    )
    @api.depends_context("lang")
    def _compute_in_words(self):
        scopes = dict(self._fields["exclusion_scope"]._description_selection(self.env))
        for disposition in self:
            # That it writes is no secret; which text, only supervisors read.
            own = disposition.sudo()
            parts = [
                own.redial_text,
                scopes.get(own.effective_exclusion_scope),
                own.qualifies and self.env._("prospect"),
                own.needs_order and self.env._("order"),
                own.needs_appointment and self.env._("appointment"),
                own.mail_template_id and self.env._("mail"),
                own.sms_template_id and self.env._("SMS"),
                own.clear_callbacks and self.env._("removes callbacks"),
                own.drop_numbers and self.env._("takes numbers out of the lists"),
            ]
            disposition.in_words = " · ".join(part for part in parts if part)

    # FILES

    @api.private
    def _telemarketing_of(self, company):
        """Results of this company (empty: none) and those common to all, as far as
        the user sees them, as the tree is read."""
        found = self.search(
            [("company_id", "in", [False, *company.ids])], limit=MOST_RESULTS
        )
        below = found.grouped("parent_id")
        ordered, stack = self.browse(), list(reversed(below.get(self.browse(), ())))
        while stack:
            ordered += stack[-1]
            stack += reversed(below.get(stack.pop(), ()))
        # Under a parent that the user does not see.
        return ordered + (found - ordered)

    # WHAT IT DOES

    @api.private
    def _ruling(self):
        """This result and the ancestors whose action it takes over, nearest first:
        a child inherits what its parent does unless it does something else."""
        self.ensure_one()
        nodes = node = self
        while not node.kind and node.parent_id:
            node = node.parent_id
            nodes += node
        return nodes

    @api.private
    def _redial_rule(self, campaign):
        """:return: ``redialling.Rule`` for an attempt that ends so in this campaign"""
        nodes = self._ruling()

        def first(field, plain=(0, False)):
            return next((n[field] for n in nodes if n[field] not in plain), plain[0])

        return Rule(
            minutes=first("redial_minutes") or campaign.retry_minutes,
            backoff=first("backoff", (1.0, 0.0)),
            max_minutes=first("redial_max_minutes"),
            part=first("redial_part", ("any", False)),
            max_attempts=first("max_attempts") or campaign.max_attempts,
        )

    @api.private
    def _without_effect(self, campaign):
        """Sentences: what this result says and cannot do in this campaign."""
        self.ensure_one()
        lines = []
        if self.needs_order and not campaign.article_ids:
            lines.append(self.env._("No order is taken: it has no articles."))
        if self.campaign_kind and self.campaign_kind != campaign.kind:
            lines.append(
                self.env._("It is not offered: it is for another kind of campaign.")
            )
        if self.company_id and self.company_id != campaign.company_id:
            lines.append(self.env._("It is not offered: it is of another company."))
        return lines

    @api.private
    def _effects(self, campaign):
        """What this result will do in this campaign, in plain sentences.

        Read by agents before they use it for the first time. Asks nothing of the
        database per result: a campaign has many.
        """
        self.ensure_one()
        lines = getattr(self, f"_effects_{self.effective_kind}")(campaign)
        if self.qualifies:
            lines.append(
                self.env._("The person becomes a prospect with an opportunity.")
            )
        if self.needs_order and campaign.article_ids:
            lines.append(self.env._("It takes an order."))
        if self.needs_appointment:
            lines.append(self.env._("It books an appointment."))
        if self.clear_callbacks:
            lines.append(self.env._("Other callbacks of the person here are removed."))
        if self.drop_numbers:
            lines.append(
                self.env._("Nobody else with these numbers is called in this campaign.")
            )
        if self.sudo().mail_template_id:
            lines.append(self.env._("A mail goes to the person."))
        if self.sudo().sms_template_id:
            lines.append(self.env._("An SMS goes to the person."))
        if self.is_conversion:
            lines.append(
                self.env._("It counts as %s.", campaign._conversion_label().lower())
            )
        elif self.outcome == "useful":
            lines.append(self.env._("It counts as a useful contact."))
        elif self.outcome == "contact":
            lines.append(self.env._("It counts as a contact."))
        return lines + self._without_effect(campaign)

    def _effects_redial_same(self, campaign):
        return [self._redial_text(campaign, self.env._("The same number is redialled"))]

    def _effects_redial_next(self, campaign):
        return [self._redial_text(campaign, self.env._("The next number is dialled"))]

    def _effects_number_bad(self, campaign):
        return [
            self.env._("This number is marked as bad and never dialled again."),
            self._redial_text(
                campaign, self.env._("If there is another, it is dialled")
            ),
        ]

    def _effects_schedule(self, campaign):
        return [self.env._("The person is called at the hour that you agree.")]

    def _effects_none(self, campaign):
        return [self.env._("The person is closed in this campaign.")]

    def _effects_close(self, campaign):
        return [self.env._("The person is not called again in this campaign.")]

    def _effects_exclude(self, campaign):
        where = {
            "all": self.env._("Nobody calls the person again, in any campaign."),
            "principal": self.env._(
                "Nobody calls the person again for this client company."
            ),
            "campaign": self.env._("Nobody calls the person again in this campaign."),
        }
        scope = self.effective_exclusion_scope
        if scope == "principal" and not campaign.principal_id:
            scope = "all"
        return [where[scope]]

    def _redial_text(self, campaign, what):
        """``what`` and when: «… after 2 h 0 min, in the morning, 6 calls at most.»"""
        rule = self._redial_rule(campaign)
        after = self._duration(rule.minutes)
        parts = [self.env._("%(what)s after %(after)s", what=what, after=after)]
        return ", ".join(parts + self._redial_parts(rule)) + "."

    def _duration(self, minutes):
        hours, minutes = divmod(minutes, 60)
        if not hours:
            return self.env._("%s min", minutes)
        if minutes:
            return self.env._(
                "%(hours)s h %(minutes)s min", hours=hours, minutes=minutes
            )
        return self.env._("%s h", hours)

    def _redial_parts(self, rule):
        """How a redial differs from the plain one, in the words of its sentence."""
        parts = []
        if rule.backoff > 1:
            parts.append(self.env._("each time longer"))
        if rule.part != "any":
            parts.append(
                {
                    "other": self.env._("in another part of the day"),
                    "morning": self.env._("in the morning"),
                    "afternoon": self.env._("in the afternoon"),
                    "evening": self.env._("in the evening"),
                }[rule.part]
            )
        if rule.max_attempts:
            parts.append(self.env._("%s calls in all at most", rule.max_attempts))
        return parts

    @api.private
    def _undoable(self):
        """May a slip of the hand be taken back for a few seconds? Not where others
        were told of it or something was made."""
        return not (
            self.effective_kind == "exclude"
            or self.qualifies
            or self.needs_order
            or self.needs_appointment
            or self.clear_callbacks
            or self.drop_numbers
            or self.sudo().mail_template_id
            or self.sudo().sms_template_id
        )

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
    def _desk_values(self, campaign=None, known=()):
        """The tree as the desk draws it; see docs/architecture.md, DISP.

        :param known: ids of results that the agent has used in the campaign
        """
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
                "known": disposition.id in known,
                "effects": disposition._effects(campaign)
                if campaign and disposition not in parents
                else [],
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
