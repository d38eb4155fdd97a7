from contextlib import suppress

from psycopg2 import IntegrityError

from odoo import api, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import formatLang


class _OnlyTriedError(Exception):
    """Undoes what was done to learn whether it could be done."""


class TelemarketingDeskTraining(models.AbstractModel):
    """Part of ``telemarketing.desk``: practising with invented people. Everything is
    asked and checked as in a real call; what it would have done is said, not done."""

    _name = "telemarketing.desk.training"
    _description = "Desk: Training"

    @api.model
    def _check_kept(self, campaign):
        """:raise UserError: what is asked for is real, and this is practice"""
        if campaign.training:
            raise UserError(
                self.env._(
                    "This is a training: it is not kept here. In a real campaign it "
                    "would be written down now."
                )
            )

    @api.model
    def _invented(self, target, name):
        """What the desk shows of an invented person and nothing finds it by."""
        if not target.campaign_id.training:
            return ""
        return (target.contact_id.raw_values or {}).get(name) or ""

    # A NO

    @api.model
    def _train_objection(self, session, target, interaction, target_id):
        """As ``object`` answers; the person is closed as excluded with the result."""
        held = target or interaction.target_id
        new = not held.training_objection
        held.training_objection = self.env._("TRAINING-%s", held.id)
        return self._answer(
            session, objection=self._train_objection_values(held, target_id, new)
        )

    @api.model
    def _train_objection_values(self, target, target_id, new=False):
        now = self._now()
        return {
            "target_id": target_id,
            "reference": target.training_objection,
            "scope": "all",
            "at": self._text(now),
            "undo_until": self._text(now + self._undo_shown()) if new else False,
            "reason": self.env._("The person asked not to be called."),
        }

    @api.model
    def _train_take_back(self, session, target, reference):
        if not target or target.training_objection != reference:
            raise UserError(self.env._("There is no objection to take back."))
        target.training_objection = False
        return self._answer(session, call=self._call_values(target), objection=False)

    # CONSENT

    @api.model
    def _train_consent(self, target, interaction, given):
        """As ``record_consent`` answers."""
        answer = self._consent_answer(target, interaction)
        today = self._text(self._now())[:10]
        if given:
            interaction._would(self.env._("A consent would have been written down."))
            values = {"state": "valid", "given_on": today, "ask": False}
        else:
            interaction._would(self.env._("A refusal would have been written down."))
            values = {"ask": False}
        return {**answer, "consent": {**answer["consent"], **values}}

    @api.model
    def _train_withdrawal(self, target, interaction):
        """As ``withdraw_consent`` answers."""
        interaction._would(self.env._("The consent would have been taken back."))
        target.training_objection = self.env._("TRAINING-%s", target.id)
        answer = self._consent_answer(target, interaction)
        return {
            **answer,
            "consent": {**answer["consent"], "state": "withdrawn", "ask": False},
            "objection": self._train_objection_values(target, target.id),
        }

    # NUMBERS

    @api.model
    def _callback_phone(self, contact, given, target):
        if given.get("number") and target:
            self._check_kept(target.campaign_id)
        return super()._callback_phone(contact, given, target)

    # RESULTS

    @api.model
    def _known_results(self, campaign):
        """The figures know nothing of practice."""
        if not campaign.training:
            return super()._known_results(campaign)
        groups = (
            self.env["telemarketing.interaction"]
            .sudo()
            ._read_group(
                [
                    ("campaign_id", "=", campaign.id),
                    ("agent_id", "=", self.env.uid),
                    ("disposition_id", "!=", False),
                ],
                ["disposition_id"],
            )
        )
        return {disposition.id for (disposition,) in groups}

    @api.model
    def _campaign_parts(self, campaign):
        return {**super()._campaign_parts(campaign), "training": campaign.training}

    @api.model
    def _check_closing(self, interaction, campaign, disposition, payload):
        arguments = (interaction, campaign, disposition, payload)
        if not (campaign.training and payload.get("appointment")):
            return super()._check_closing(*arguments)
        # The check holds who visits until the end of the transaction: nobody does.
        given = {}
        with suppress(_OnlyTriedError), self.env.cr.savepoint():
            given = super()._check_closing(*arguments)
            raise _OnlyTriedError
        return given

    @api.model
    def _after_closing(self, interaction, given):
        if interaction.training and interaction.target_id.training_objection:
            interaction._would(
                self.env._(
                    "%s would never be called again.",
                    interaction.contact_id.display_name,
                )
            )
        return super()._after_closing(interaction, given)

    @api.model
    def _closed_parts(self, interaction):
        return {
            **super()._closed_parts(interaction),
            "training": (interaction.training_said or "").splitlines()
            if interaction.training
            else False,
        }

    @api.model
    def _order_sentence(self, interaction, given):
        """What the order would have been, as Odoo prices it; nothing stays."""
        campaign = interaction.campaign_id.with_company(interaction.company_id)
        lines, codes = given["lines"], given.get("codes") or []
        try:
            with self.env.cr.savepoint():
                order, _notices = self._priced_order(
                    interaction.target_id, campaign, lines, codes
                )
                total = formatLang(
                    self.env, order.amount_total, currency_obj=order.currency_id
                )
                raise _OnlyTriedError
        except _OnlyTriedError:
            return self.env._(
                "An order for %(total)s would have been made: %(what)s.",
                total=total,
                what=", ".join(
                    f"{quantity:g} × {article.display_name}"
                    for article, quantity in lines
                ),
            )
        except (UserError, ValidationError, IntegrityError) as error:
            return self.env._(
                "The order could not have been made: %s",
                error.args[0] if error.args else error,
            )
