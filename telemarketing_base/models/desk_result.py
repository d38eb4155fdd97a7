from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError

from .desk_seat import seat

# For so long an agent may take back a result given by a slip of the hand.
UNDO = timedelta(seconds=20)
# A result used within this is known to its agent.
REMEMBERED = timedelta(days=365)


class TelemarketingDeskResult(models.AbstractModel):
    """Part of ``telemarketing.desk``: what a result will do, and taking one back."""

    _name = "telemarketing.desk.result"
    _description = "Desk: Results"

    @api.model
    def _known_results(self, campaign):
        """Ids of the results that the caller has used in this campaign: read from the
        figures, of which a year has few rows, not from the calls."""
        Delta = self.env["telemarketing.stat.call.delta"].sudo()
        Delta.flush_model()
        self.env.cr.execute(
            """SELECT disposition_id FROM telemarketing_stat_call
               WHERE agent_id = %(user)s AND hour >= %(since)s
                 AND campaign_id = %(campaign)s
               UNION
               SELECT disposition_id FROM telemarketing_stat_call_delta
               WHERE agent_id = %(user)s AND hour >= %(since)s
                 AND campaign_id = %(campaign)s""",
            {
                "user": self.env.uid,
                "campaign": campaign.id,
                "since": self._now() - REMEMBERED,
            },
        )
        return {row[0] for row in self.env.cr.fetchall()}

    @api.model
    def _campaign_parts(self, campaign):
        return {
            **super()._campaign_parts(campaign),
            "preview_results": campaign.preview_results,
        }

    @api.model
    def _closed_parts(self, interaction):
        values = super()._closed_parts(interaction)
        until = False
        if (
            interaction.closed_at
            and interaction.disposition_id._undoable()
            and not interaction.todo
            and interaction.target_id
        ):
            until = self._text(interaction.closed_at + UNDO)
        return {**values, "undo_until": until}

    @api.model
    @seat
    def undo_close(self, session, uuid):
        """Take back the result that I have just given: the call is on my desk again
        and wants another one. Refused with a sentence where others know of it."""
        interaction = self._own_interaction(uuid)
        target = self._lock_for_undo(interaction)
        hindrance = self._undo_hindrance(interaction, target)
        if hindrance:
            raise UserError(hindrance)
        held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
        if held and held.state != "leased":
            raise UserError(
                self.env._("The call with %s has begun.", held.contact_id.display_name)
            )
        if held:
            self._give_back(held)
            self.env.flush_all()
        target._undo_result(interaction, self._now())
        interaction._reopen()
        session._set_state("wrap_up", self._now())
        self._commit()
        return self._answer(session, call=self._call_values(target), empty=False)

    @api.model
    def _lock_for_undo(self, interaction):
        """The target of this call if nobody has worked it since, its row locked."""
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT t.id FROM telemarketing_target t
               WHERE t.id = %(target)s AND t.state IN ('ready', 'done')
                 AND (t.before_result ->> 'interaction')::int = %(interaction)s
                 AND NOT EXISTS (SELECT 1 FROM telemarketing_interaction i
                                 WHERE i.target_id = t.id AND i.id > %(interaction)s)
               FOR UPDATE OF t""",
            {
                "target": interaction.target_id.id or 0,
                "interaction": interaction.id or 0,
            },
        )
        row = self.env.cr.fetchone()
        return self.env["telemarketing.target"].sudo().browse(row and row[0])

    @api.model
    def _undo_hindrance(self, interaction, target):
        """Why this result stands, in words; "" where it may be taken back."""
        if not interaction or interaction.state != "done" or interaction.lost:
            return self.env._("There is no result to take back.")
        if self._now() > interaction.closed_at + UNDO:
            return self.env._("It is too late to take the result back.")
        exclusions = self.env["telemarketing.exclusion"].sudo()
        events = self.env["calendar.event"].sudo()
        if (
            not interaction.disposition_id._undoable()
            or interaction.todo
            or interaction.order_ids
            or exclusions.search_count(
                [("interaction_id", "=", interaction.id)], limit=1
            )
            or events.search_count(
                [("telemarketing_interaction_id", "=", interaction.id)], limit=1
            )
        ):
            return self.env._(
                "More than a result came of this call: ask your supervisor to mend it."
            )
        if not target:
            return self.env._("The person is on another desk by now.")
        return ""
