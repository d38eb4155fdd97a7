from datetime import timedelta

from odoo import api, models, tools
from odoo.exceptions import UserError

from .desk_seat import seat

# Conversations of a campaign that its average is taken of, where none is written.
TALKS = 200


class TelemarketingDeskFrame(models.AbstractModel):
    """Part of ``telemarketing.desk``: how fast a call follows the other, and who is
    longer over a pause or a wrap-up than the cap."""

    _name = "telemarketing.desk.frame"
    _description = "Desk: Pace"

    @api.model
    def _campaign_parts(self, campaign):
        values = super()._campaign_parts(campaign)
        # An average of the campaign's own calls, until somebody writes one.
        average = campaign.average_seconds or self._recent_average(
            campaign.id, f"{self._now():%Y%m%d%H}"
        )
        return {
            **values,
            "average_seconds": average,
            "next_seconds": campaign.next_seconds,
            "preview_seconds": campaign.preview_seconds,
            "wrap_up_seconds": campaign.wrap_up_seconds,
            "wrap_up_disposition_id": campaign.wrap_up_disposition_id.id,
        }

    @api.model
    @tools.ormcache("campaign_id", "hour")
    def _recent_average(self, campaign_id, hour):
        """Seconds of the campaign's last 200 conversations, 0 where there is none.

        :param str hour: the answer is kept for this long
        """
        self.env.cr.execute(
            """SELECT avg(talk_seconds) FROM (
                   SELECT talk_seconds FROM telemarketing_interaction
                   WHERE campaign_id = %s AND talk_seconds > 0
                   ORDER BY id DESC LIMIT %s) AS talks""",
            [campaign_id, TALKS],
        )
        return round(self.env.cr.fetchone()[0] or 0)

    @api.model
    @seat
    def over_wrap_up(self, session, uuid):
        """The wrap-up of my open call is over its cap: supervisors see it.

        The desk says it once a call; since when is reckoned here.
        """
        interaction = self._own_interaction(uuid)
        cap = session.campaign_id.wrap_up_seconds
        if not interaction or interaction.state == "done" or not cap:
            raise UserError(self.env._("No call of yours waits for its result."))
        now = self._now()
        # A desk cannot say that it waits for longer than the call is old.
        ended = interaction.ended_at or max(
            interaction.started_at, now - timedelta(seconds=cap)
        )
        session._set_state("wrap_up", max(session.state_since, min(ended, now)))
        if not session.over_cap_at:
            session.over_cap_at = now
        return self._answer(session)

    @api.model
    def _beat_parts(self, session):
        """Once a minute: is the pause longer than its cap?"""
        cap = session.pause_reason_id.cap_minutes
        if session.state == "paused" and cap and not session.over_cap_at:
            end = session.state_since + timedelta(minutes=cap)
            if self._now() >= end:
                session.over_cap_at = end
        return super()._beat_parts(session)
