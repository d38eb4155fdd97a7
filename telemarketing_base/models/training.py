"""Training campaigns: the real desk, invented people, nothing of it in the business.

What keeps them apart: invented people have no NIF, mail or number by which anything
could find them (their numbers lie where Spain's plan has none, and no parser takes
them); their calls carry a flag; and every door of a call to the business (prospect,
order, appointment, message, exclusion, consent, figures) says what it would have done
instead of doing it.
"""

import random
import re
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command

from ..demo.people import People
from ..identity.nif import parse_nif

MOST = 200
# Days after the end of a training campaign until its people go by themselves.
KEPT_DAYS = 30
# Numbers that start with 2 are nobody's in Spain (plan: RD 2296/2004): they look like a
# number, and neither telephones nor ``identity.phone`` take them.
INVENTED = re.compile(r"\+34200\d{6}")
# What an invented person never has: by these people are found, matched and excluded.
_IDENTITY = ("vat", "email", "client_key", "iban", "partner_id", "lead_id")
_KINDS = ("one", "firm", "two", "callback", "objects", "canary")
_AREAS = ("valencia", "alicante", "castellon")
_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
HELD = ("leased", "talking", "wrap_up")


class TelemarketingTrainingMixin(models.AbstractModel):
    """Of a campaign: it is for practising, with people whom it makes itself."""

    _name = "telemarketing.training.mixin"
    _description = "Training Campaign"

    training = fields.Boolean(
        "For Training",
        tracking=True,
        help="Agents practise on the real desk with invented people: nobody is called, "
        "and nothing of it becomes a person, an order, an appointment or a figure.",
    )
    training_ended_at = fields.Datetime(readonly=True, copy=False)

    @api.constrains("training", "principal_id")
    def _check_training(self):
        for campaign in self:
            if campaign.training and campaign.principal_id:
                raise ValidationError(
                    self.env._(
                        "%s is for training: it has no client company, whose people "
                        "and figures are real.",
                        campaign.name,
                    )
                )

    def write(self, vals):
        if "training" in vals:
            self.filtered(
                lambda c: c.training != bool(vals["training"])
            )._check_training_may_change()
        result = super().write(vals)
        if "training" in vals:
            # Nobody is in it yet; the gate keeps what it knows of a campaign.
            self.env["telemarketing.gate"]._forget_cached()
        if "state" in vals:
            ended = vals["state"] in ("done", "cancelled")
            at = self.env["telemarketing.clock"]._now() if ended else False
            training = self.filtered("training")
            if training:
                training.sudo().training_ended_at = at
        return result

    def _check_training_may_change(self):
        for campaign in self.sudo():
            if campaign.state != "draft" or campaign._has_training_traces():
                raise UserError(
                    self.env._(
                        "%s has begun or has people: whether a campaign is for "
                        "training is said before. Make another one.",
                        campaign.name,
                    )
                )

    def _has_training_traces(self):
        whole = self.env(su=True, context={"active_test": False})
        return any(
            whole[model].search_count([("campaign_id", "in", self.ids)], limit=1)
            for model in (
                "telemarketing.database",
                "telemarketing.target",
                "telemarketing.interaction",
            )
        )

    def _check_trains(self):
        """The caller administers these campaigns, and they are for training."""
        self.check_access("write")
        if not self.env.su and not self.env.user.has_group(
            "telemarketing_base.group_supervisor"
        ):
            raise AccessError(self.env._("Supervisors make the people of a training."))
        for campaign in self:
            if not campaign.training:
                raise UserError(
                    self.env._("%s is not for training.", campaign.display_name)
                )

    # PEOPLE

    def action_fill_training(self, count=30):
        """Invented people, until so many wait."""
        self._check_trains()
        if type(count) is not int or not 1 <= count <= MOST:
            raise UserError(self.env._("From 1 to %s people.", MOST))
        for campaign in self.sudo():
            if campaign.state not in ("draft", "running", "paused"):
                raise UserError(self.env._("%s is over.", campaign.name))
            waiting = self.env["telemarketing.target"].sudo()
            waiting = waiting.search_count(
                [
                    ("campaign_id", "=", campaign.id),
                    ("state", "in", ("new", "ready", *HELD)),
                ]
            )
            if waiting < count:
                campaign._make_invented(count - waiting)
        return True

    def _make_invented(self, count):
        self.ensure_one()
        company = self.company_id
        campaign = self.with_company(company).with_context(
            telemarketing_invented=True, tracking_disable=True
        )
        databases = campaign.env["telemarketing.database"]
        database = databases.search([("campaign_id", "=", self.id)], limit=1)
        if not database:
            database = databases.create(
                {
                    "name": self.env._("Training of %s", self.name),
                    "campaign_id": self.id,
                    "basis_source": self.env._("Invented people"),
                }
            )
        contacts = campaign.env["telemarketing.contact"].with_context(active_test=False)
        first = contacts.search_count([("database_id", "=", database.id)])
        drawn = People(random.Random(self.id * 1000 + first))
        people = contacts.create(
            [
                self._prepare_invented(database, drawn, place)
                for place in range(first, first + count)
            ]
        )
        for target in people.target_ids:
            target._train_from_start()
        return people

    def _prepare_invented(self, database, drawn, place):
        kind = _KINDS[place % len(_KINDS)]
        area = "canarias" if kind == "canary" else _AREAS[place % len(_AREAS)]
        card = drawn.firm(area) if kind == "firm" else drawn.person(area)
        if kind == "firm":
            digits = f"00{self.id % 100:02d}{place % 1000:03d}"
            nif = next(
                found.number
                for last in range(10)
                if (found := parse_nif(f"B{digits}{last}"))
            )
        else:
            digits = f"999{(self.id * 1000 + place) % 99_990:05d}"
            nif = digits + _DNI[int(digits) % 23]
        numbers = 2 if kind == "two" else 1
        return {
            "database_id": database.id,
            "name": card.name,
            "is_company": card.is_company,
            "street": card.street,
            "zip": card.zip,
            "city": card.city,
            "country_id": self.env.ref("base.es").id,
            "birthdate": f"{card.birth_year}-06-15" if card.birth_year else False,
            "note": self._invented_role(kind, place),
            # Shown at the desk, found by nobody.
            "raw_values": {
                "kind": kind,
                "vat": nif,
                "email": f"training{self.id}.{place}@example.com",
            },
            "phone_ids": [
                Command.create(
                    {"raw": f"200 {text[:3]} {text[3:]}", "e164": f"+34200{text}"}
                    | {"sequence": 10 * (number + 1)}
                )
                for number in range(numbers)
                for text in [f"{(place * 2 + number) % 10**6:06d}"]
            ],
        }

    def _invented_role(self, kind, place):
        """What the invented person says, for whoever practises alone or in pairs."""
        roles = {
            "firm": self.env._(
                "The reception asks who is calling and for whom; the manager wants "
                "it in writing."
            ),
            "two": self.env._(
                "Somebody else answers: a wrong number. At the second one it is the "
                "person."
            ),
            "callback": self.env._(
                "You agreed to call back now. Has the invoice at hand and decides "
                "today."
            ),
            "objects": self.env._(
                "Does not want to be called again, by anybody, and asks where the "
                "number comes from."
            ),
            "canary": self.env._(
                "Lives an hour behind and asks to be called tomorrow at ten, their "
                "time."
            ),
        }
        own = (
            self.env._("Is interested, asks twice for the final price, and buys."),
            self.env._("Nobody answers."),
            self.env._("Listens, thanks you, and is not interested."),
        )
        return roles.get(kind) or own[place // len(_KINDS) % len(own)]

    def action_restart_training(self):
        """All its people as if nobody had ever called them; the calls stay."""
        self._check_trains()
        targets = self.env["telemarketing.target"].sudo()
        targets = targets.search([("campaign_id", "in", self.ids)])
        held = targets.filtered(lambda t: t.state in HELD)
        fresh = (targets - held).try_lock_for_update()
        for target in fresh:
            target._train_from_start()
        if fresh == targets:
            return True
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "message": self.env._(
                    "%s of them are on a desk now and stay as they are.",
                    len(targets - fresh),
                ),
            },
        }

    def action_empty_training(self):
        """Its people, their numbers and their calls are deleted."""
        self._check_trains()
        for campaign in self:
            if campaign.state == "running":
                raise UserError(
                    self.env._("%s is running: pause or close it first.", campaign.name)
                )
        self.sudo()._empty_training()
        return True

    def _empty_training(self):
        targets = self.env["telemarketing.target"].search(
            [("campaign_id", "in", self.ids)]
        )
        if targets.filtered(lambda t: t.state in HELD):
            raise UserError(
                self.env._("An agent has one of these people on the desk now.")
            )
        calls = self.env["telemarketing.interaction"].search(
            [("campaign_id", "in", self.ids), ("training", "=", True)]
        )
        targets.interaction_id = False
        calls.unlink()
        targets.unlink()
        whole = self.env(context={**self.env.context, "active_test": False})
        mine = [("campaign_id", "in", self.ids)]
        whole["telemarketing.contact"].search(mine).unlink()
        whole["telemarketing.database"].search(mine).unlink()

    @api.autovacuum
    def _gc_training(self):
        """What nobody practises with any more."""
        if self._abstract:
            return
        now = self.env["telemarketing.clock"]._now()
        over = self.with_context(active_test=False).search(
            [
                ("training", "=", True),
                ("training_ended_at", "<", now - timedelta(days=KEPT_DAYS)),
                ("database_ids", "!=", False),
            ],
            limit=20,
        )
        for campaign in over.sudo():
            campaign._empty_training()

    def action_view_training_calls(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "telemarketing_base.action_telemarketing_interaction_training"
        )
        return {**action, "domain": [("campaign_id", "=", self.id)], "context": {}}


class TelemarketingTrainingContactMixin(models.AbstractModel):
    """Of a contact: invented ones are made by the button and stay what they are."""

    _name = "telemarketing.training.contact.mixin"
    _description = "Invented Person"

    @api.model
    def _invents(self):
        """Only ``_make_invented`` does: a context alone is anybody's to send."""
        return self.env.su and self.env.context.get("telemarketing_invented")

    @api.model_create_multi
    def create(self, vals_list):
        if not self._invents():
            ids = {vals["database_id"] for vals in vals_list if vals.get("database_id")}
            self._check_not_training(
                self.env["telemarketing.database"].sudo().browse(ids)
            )
        return super().create(vals_list)

    def write(self, vals):
        if "database_id" in vals:
            database = self.env["telemarketing.database"].sudo()
            self._check_not_training(database.browse(vals["database_id"]))
            self._check_not_training(self.sudo().database_id)
        given = [name for name in _IDENTITY if vals.get(name)]
        if given and any(contact.database_id.training for contact in self.sudo()):
            raise UserError(
                self.env._(
                    "An invented person has no NIF, mail or account by which somebody "
                    "real could be taken for them."
                )
            )
        return super().write(vals)

    @api.model
    def _check_not_training(self, databases):
        for database in databases:
            if database.training:
                raise UserError(
                    self.env._(
                        "“%s” only has the invented people of its training: real ones "
                        "do not go there, nor they elsewhere.",
                        database.name,
                    )
                )


class TelemarketingTrainingInteractionMixin(models.AbstractModel):
    """Of a call: what it would have done, had it been real."""

    _name = "telemarketing.training.interaction.mixin"
    _description = "Training Call"

    training_said = fields.Text("Would Have Done", readonly=True)

    @api.private
    def _would(self, text):
        """:param str text: what is not done, because it is practice"""
        said = (self.training_said or "").splitlines()
        if text not in said:
            self.training_said = "\n".join([*said, text])
