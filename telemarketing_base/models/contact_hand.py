"""Contacts created and looked through by hand."""

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ..identity.nif import parse_nif
from ..identity.phone import parse_phone
from .required import REQUIRABLE, required_choices
from .target import CLOSED


class TelemarketingContactHandMixin(models.AbstractModel):
    """What a supervisor sees of a person at a glance and must fill in: whose it is,
    what came of it, what its database asks for, and who has the same number."""

    _name = "telemarketing.contact.hand.mixin"
    _description = "Contact Written by Hand"

    operator_id = fields.Many2one(
        "res.users",
        compute="_compute_work",
        inverse="_inverse_operator_id",
        search="_search_operator_id",
        domain="[('telemarketing_is_agent', '=', True)]",
        help="Who works this person in its campaign. Empty: whoever is free.",
    )
    result = fields.Char(compute="_compute_work", help="Of the last call.")
    same_people = fields.Text(
        "Already There",
        compute="_compute_same_people",
        help="People of the same client company with one of these numbers or this NIF.",
    )

    @api.depends(
        "database_id",
        "target_ids.agent_id",
        "target_ids.state",
        "target_ids.last_disposition_id",
    )
    def _compute_work(self):
        labels = dict(
            self.env["telemarketing.target"]
            ._fields["label"]
            ._description_selection(self.env)
        )
        for contact in self:
            # Of several the open one, else the last.
            targets = contact.target_ids.sorted(
                lambda t: (t.state in CLOSED, -(t._origin.id or 0))
            )
            target = targets[:1]
            contact.operator_id = target.agent_id
            if not target:
                contact.result = labels["uncalled"] if not contact.erased_at else False
            else:
                contact.result = (
                    target.last_disposition_id.name or labels.get(target.label) or False
                )

    def _inverse_operator_id(self):
        for contact in self:
            open_targets = contact.target_ids.filtered(lambda t: t.state not in CLOSED)
            if not open_targets and contact.target_ids.ids and contact.operator_id:
                # Of somebody new it is no mistake: the number may be excluded.
                if self.env.context.get("telemarketing_new_contact"):
                    continue
                raise UserError(
                    self.env._(
                        "%s has no open work to give to an operator.",
                        contact.display_name,
                    )
                )
            if open_targets.agent_id != contact.operator_id:
                open_targets.write({"agent_id": contact.operator_id.id})

    def _search_operator_id(self, operator, value):
        return Domain("target_ids", "any", [("agent_id", operator, value)])

    # REQUIRED

    @api.private
    def _check_required(self, names=None):
        """Raise for the first field that its database asks for and that is empty.

        :param set names: only these, as the kernel knows them; None: all
        """
        labels = dict(required_choices(self.env))
        for contact in self:
            database = contact.sudo().database_id
            for name in database._required_names():
                if names is not None and name not in names:
                    continue
                if name == "phone":
                    there = bool(contact.phone_ids)
                elif name == "birthdate" and contact.is_company:
                    continue
                elif name in REQUIRABLE:
                    there = bool(contact[REQUIRABLE[name]])
                else:
                    continue
                if not there:
                    raise ValidationError(
                        self.env._(
                            "%(field)s is missing: the database %(database)s asks for "
                            "it of everybody.",
                            field=labels[name],
                            database=database.name,
                        )
                    )

    @api.model
    def _emptied(self, vals):
        """The required fields' names of what ``vals`` empties."""
        emptied = {
            name
            for name, field in REQUIRABLE.items()
            if field in vals and not vals[field]
        }
        return emptied | {"phone"} if "phone_ids" in vals else emptied

    @api.model
    def _last_database(self):
        """Where this user wrote somebody down by hand the last time."""
        if not self.env.context.get("telemarketing_by_hand"):
            return False
        Contact = self.env["telemarketing.contact"]
        return Contact.search(
            [
                ("create_uid", "=", self.env.uid),
                ("import_id", "=", False),
                ("database_id.active", "=", True),
            ],
            order="id desc",
            limit=1,
        ).database_id

    # ALREADY THERE

    @api.depends("phone_ids.raw", "vat", "database_id")
    def _compute_same_people(self):
        for contact in self:
            contact.same_people = contact._same_people_text()

    def _same_people_text(self):
        self.ensure_one()
        phones = [parse_phone(phone.raw or "") for phone in self.phone_ids]
        numbers = [phone.e164 for phone in phones if phone]
        nif = parse_nif(self.vat) if self.vat else None
        if not self.database_id or not (numbers or nif):
            return False
        same = Domain("phone_ids.e164", "in", numbers)
        if nif:
            same |= Domain("vat", "=", nif.number)
        database = self.database_id.sudo()
        Contact = self.env["telemarketing.contact"]
        found = Contact.sudo().search(
            Domain("company_id", "=", database.company_id.id)
            & Domain("principal_id", "=", database.principal_id.id)
            & Domain("id", "not in", self._origin.ids)
            & same,
            limit=6,
        )
        # Another team's people are not shown by name.
        seen = found.with_env(self.env)._filtered_access("read")
        lines = []
        for person in found[:5]:
            where = person.database_id.name
            if person in seen.sudo():
                known = self.env._(
                    "%(name)s, %(phone)s: in the database %(database)s",
                    name=person.name or self.env._("Unnamed"),
                    phone=person.phone or "",
                    database=where,
                )
            else:
                known = self.env._("Somebody in a database of another team")
            lines.append(known)
        if len(found) > 5:
            lines.append("…")
        return "\n".join(lines) or False
