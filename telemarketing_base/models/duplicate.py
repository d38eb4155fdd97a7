from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..identity.similar import compare, same_name
from .duplicate_people import MODELS
from .guard import check_fields

# Pairs between which a person is chosen to be reported as merged or not.
STATES = [
    ("new", "To Be Seen"),
    ("merged", "Merged"),
    ("different", "Not the Same"),
]


class TelemarketingDuplicate(models.Model):
    """Two people who may be one. Nothing of theirs is copied here: who is erased is
    erased here too."""

    _name = "telemarketing.duplicate"
    _inherit = ["telemarketing.duplicate.people"]
    _description = "Repeated Person"
    _order = "score desc, id"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    principal_id = fields.Many2one(
        "res.partner", "Client Company", index="btree_not_null", ondelete="cascade"
    )
    model = fields.Selection(
        [("contact", "Contacts"), ("partner", "Prospects and Clients")],
        "Who",
        required=True,
        default="contact",
    )
    contact_a_id = fields.Many2one(
        "telemarketing.contact",
        "One Contact",
        index="btree_not_null",
        ondelete="cascade",
    )
    contact_b_id = fields.Many2one(
        "telemarketing.contact",
        "Other Contact",
        index="btree_not_null",
        ondelete="cascade",
    )
    partner_a_id = fields.Many2one(
        "res.partner", "One Client", index="btree_not_null", ondelete="cascade"
    )
    partner_b_id = fields.Many2one(
        "res.partner", "Other Client", index="btree_not_null", ondelete="cascade"
    )
    name_a = fields.Char("One", compute="_compute_people")
    name_b = fields.Char("The Other", compute="_compute_people")
    phone_a = fields.Char("Phone of One", compute="_compute_people")
    phone_b = fields.Char("Phone of the Other", compute="_compute_people")
    where_a = fields.Char("Of", compute="_compute_people")
    where_b = fields.Char("The Other's", compute="_compute_people")
    score = fields.Float(digits=(3, 2), aggregator="avg")
    reasons = fields.Char(
        readonly=True, help="Codes, between commas: vat, phone, email, name_address."
    )
    reason_text = fields.Char("In Common", compute="_compute_reason_text")
    same_name = fields.Boolean(
        readonly=True, help="The same words in any order, with or without accents."
    )
    state = fields.Selection(STATES, required=True, default="new", readonly=True)
    merge_id = fields.Many2one(
        "telemarketing.merge",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    from_merge_id = fields.Many2one(
        "telemarketing.merge",
        "Carried Over by",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="One of both was another record, merged since.",
    )
    search_id = fields.Many2one(
        "telemarketing.duplicate.search",
        "Found by",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    choices = fields.Json(help="Whom to keep, and whose value of each field.")
    comparison = fields.Json(compute="_compute_comparison")

    _contacts_uniq = models.UniqueIndex(
        "(contact_a_id, contact_b_id) WHERE contact_a_id IS NOT NULL",
        "These two people are a pair already.",
    )
    _partners_uniq = models.UniqueIndex(
        "(partner_a_id, partner_b_id) WHERE partner_a_id IS NOT NULL",
        "These two people are a pair already.",
    )
    _new_idx = models.Index("(company_id, score DESC, id) WHERE state = 'new'")
    _ordered = models.Constraint(
        "CHECK ((contact_a_id < contact_b_id AND partner_a_id IS NULL"
        " AND partner_b_id IS NULL) OR (partner_a_id < partner_b_id"
        " AND contact_a_id IS NULL AND contact_b_id IS NULL))",
        "A pair is two people of one kind, the older first.",
    )

    # COMPUTES

    def _people(self):
        """The two of a pair, the older first."""
        self.ensure_one()
        if self.model == "partner":
            return self.partner_a_id | self.partner_b_id
        return self.contact_a_id | self.contact_b_id

    @api.depends("contact_a_id", "contact_b_id", "partner_a_id", "partner_b_id")
    def _compute_people(self):
        stages = dict(
            self.env["res.partner"]
            ._fields["funnel_stage"]
            ._description_selection(self.env)
        )
        for pair in self:
            for side, contact, partner in (
                ("a", pair.contact_a_id, pair.partner_a_id),
                ("b", pair.contact_b_id, pair.partner_b_id),
            ):
                person = contact or partner
                pair[f"name_{side}"] = person.display_name
                pair[f"phone_{side}"] = person.phone
                pair[f"where_{side}"] = (
                    contact.database_id.name
                    if contact
                    else stages.get(partner.funnel_stage, "")
                )

    @api.depends("contact_a_id", "contact_b_id", "partner_a_id", "partner_b_id")
    def _compute_display_name(self):
        for pair in self:
            pair.display_name = f"{pair.name_a or ''} ≟ {pair.name_b or ''}"

    @api.depends("reasons", "same_name")
    def _compute_reason_text(self):
        texts = {
            "vat": self.env._("the NIF"),
            "phone": self.env._("a telephone"),
            "email": self.env._("the mail"),
            "name_address": self.env._("name and address, nearly"),
        }
        for pair in self:
            found = [texts[c] for c in (pair.reasons or "").split(",") if c in texts]
            if pair.same_name:
                found.append(self.env._("the name"))
            pair.reason_text = ", ".join(found)

    @api.depends("contact_a_id", "contact_b_id", "partner_a_id", "partner_b_id")
    def _compute_comparison(self):
        for pair in self:
            pair.comparison = self._comparison(pair._people())

    # CRUD

    def write(self, vals):
        check_fields(self, vals, ("choices",))
        return super().write(vals)

    # STEPS

    def action_merge(self):
        """Merge as chosen: who stays, and whose value of each field."""
        self.ensure_one()
        return self._decide(self._chosen_keep())

    def action_keep_left(self):
        self.ensure_one()
        return self._decide(self._people()[:1])

    def action_keep_right(self):
        self.ensure_one()
        return self._decide(self._people()[1:])

    def _chosen_keep(self):
        people = self._people()
        choices = self.choices if isinstance(self.choices, dict) else {}
        return people.filtered(lambda p: p.id == choices.get("keep")) or (
            self._most_history(people)
        )

    def _decide(self, keep):
        self.check_access("write")
        self._check_open()
        choices = self.choices if isinstance(self.choices, dict) else {}
        sources = choices.get("values")
        self._merge_people(
            keep, self._people() - keep, sources if isinstance(sources, dict) else None
        )
        return self._next()

    def action_different(self):
        """Two people: the pair is never proposed again."""
        self.check_access("write")
        for pair in self:
            pair._check_open()
            pair._people().check_access("write")
            pair._check_partners_by_manager()
        self.sudo().write({"state": "different"})
        return self._next() if len(self) == 1 else True

    def action_again(self):
        """Back among those to be seen."""
        self.check_access("write")
        self._check_partners_by_manager()
        self.sudo().filtered(lambda p: p.state == "different").state = "new"
        return True

    def action_skip(self):
        """The next one; this stays to be seen."""
        self.ensure_one()
        return self._next()

    def _check_open(self):
        self.ensure_one()
        if self.state != "new":
            raise UserError(self.env._("This pair has been decided already."))

    def _check_partners_by_manager(self):
        if "partner" in self.mapped("model") and not self._may_merge_partners():
            raise AccessError(
                self.env._("Only telemarketing managers merge prospects and clients.")
            )

    def _next(self):
        """The next pair to be seen after this one, in its place on the screen."""
        self.ensure_one()
        todo = Domain("state", "=", "new") & Domain("model", "=", self.model)
        todo &= Domain("id", "!=", self.id)
        for side in ("a", "b"):
            # Archived since: nothing to decide.
            todo &= Domain(f"{self.model}_{side}_id.active", "=", True)
        after = Domain("score", "<", self.score) | (
            Domain("score", "=", self.score) & Domain("id", ">", self.id)
        )
        pair = self.search(todo & after, limit=1) or self.search(todo, limit=1)
        if not pair:
            action = self.env["ir.actions.act_window"]._for_xml_id(
                "telemarketing_base.action_telemarketing_duplicate"
            )
            return {
                "type": "ir.actions.client",
                "tag": "telemarketing_replace_action",
                "params": {"action": action},
            }
        return {
            "type": "ir.actions.client",
            "tag": "telemarketing_replace_action",
            "params": {
                "action": {
                    "type": "ir.actions.act_window",
                    "name": self.env._("Repeated Person"),
                    "res_model": self._name,
                    "res_id": pair.id,
                    "views": [[False, "form"]],
                }
            },
        }

    def action_open_merge(self):
        self.ensure_one()
        return self.merge_id.get_formview_action()

    # WHAT FOLLOWS

    @api.model
    def _score(self, model, one, other, threshold=0.8):
        """``(score, reasons, same name)`` of two ids; 0 where one is gone."""
        found = self._persons(MODELS[model], [one, other])
        if len(found) < 2:
            return 0.0, (), False
        a, b = found[one][0], found[other][0]
        return (*compare(a, b, threshold), same_name(a.name, b.name))

    @api.private
    def _merged(self, keep, gone, merge):
        """After a merge: its pairs are done; what else was said of those gone is said
        of the one that stays."""
        side = "contact" if keep._name == "telemarketing.contact" else "partner"
        a, b = f"{side}_a_id", f"{side}_b_id"
        touched = self.search([(a, "in", gone.ids)]) | self.search(
            [(b, "in", gone.ids)]
        )
        everybody = keep | gone
        carried = []
        for pair in touched.filtered(lambda p: p.state != "merged"):
            other = pair._people() - everybody
            if other and other.active:
                carried.append(
                    (
                        *(pair.company_id.id, pair.principal_id.id or None, side),
                        *sorted((keep.id, other.id)),
                        *(pair.score, pair.reasons, pair.same_name, pair.state),
                        pair.search_id.id or None,
                    )
                )
        done = touched.filtered(lambda p: p.state == "new" or p._people() <= everybody)
        done.write({"state": "merged", "merge_id": merge.id})
        self.flush_model()
        for row in carried:
            self.env.cr.execute(
                SQL(
                    """INSERT INTO telemarketing_duplicate
                           (company_id, principal_id, model, %(a)s, %(b)s, score,
                            reasons, same_name, state, search_id, from_merge_id,
                            create_uid, create_date, write_uid, write_date)
                       VALUES %(row)s
                       ON CONFLICT (%(a)s, %(b)s) WHERE %(a)s IS NOT NULL DO NOTHING""",
                    a=SQL.identifier(a),
                    b=SQL.identifier(b),
                    row=(
                        *row,
                        merge.id,
                        *(self.env.uid, fields.Datetime.now()) * 2,
                    ),
                )
            )
        self.invalidate_model()

    @api.private
    def _unmerged(self, merges):
        """The merge was undone: its pairs are to be seen again."""
        self.search(
            [("from_merge_id", "in", merges.ids), ("state", "!=", "merged")]
        ).unlink()
        self.search([("merge_id", "in", merges.ids)]).write(
            {"state": "new", "merge_id": False}
        )

    @api.autovacuum
    def _gc_stale(self):
        """Pairs of whom one is archived or erased are no pairs."""
        self._drop_stale()

    @api.model
    def _drop_stale(self):
        self.env.cr.execute(
            """DELETE FROM telemarketing_duplicate d
               WHERE d.state = 'new' AND (
                   EXISTS (SELECT 1 FROM telemarketing_contact c
                           WHERE c.id IN (d.contact_a_id, d.contact_b_id)
                             AND (NOT c.active OR c.erased_at IS NOT NULL))
                   OR EXISTS (SELECT 1 FROM res_partner r
                              WHERE r.id IN (d.partner_a_id, d.partner_b_id)
                                AND NOT r.active))"""
        )
        self.invalidate_model()


class TelemarketingMerge(models.Model):
    _inherit = "telemarketing.merge"

    search_id = fields.Many2one(
        "telemarketing.duplicate.search",
        "By the Rule of",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )

    @api.private
    def _undo(self, *args, **kwargs):
        result = super()._undo(*args, **kwargs)
        self.env["telemarketing.duplicate"].sudo()._unmerged(self)
        return result
