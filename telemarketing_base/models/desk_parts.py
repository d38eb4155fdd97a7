from odoo import api, models


class TelemarketingDeskParts(models.AbstractModel):
    """Where the parts of the desk take part in its protocol.

    Each part (orders, appointments…) overrides what it needs and calls ``super()``;
    other modules do the same on ``telemarketing.desk``.
    """

    _name = "telemarketing.desk.parts"
    _description = "Parts of the Call Desk"

    @api.model
    def _open_parts(self, session):
        """What ``open_desk`` says besides. :return: dict"""
        return {}

    @api.model
    def _beat_parts(self, session):
        """What a heartbeat says besides, once a minute. :return: dict"""
        return {}

    @api.model
    def _campaign_parts(self, campaign):
        """What the desk knows of a campaign besides; see CAMPAIGN. :return: dict"""
        return {}

    @api.model
    def _call_parts(self, target):
        """What the desk knows of the person on it besides; see CALL. On the hot path:
        its queries are counted. :return: dict"""
        return {}

    @api.model
    def _line_values(self, session, campaign, phone, provider):
        """What an attempt by hand that is about to be written says of its line.

        :return: values of the interaction
        :raise UserError: why this telephone cannot dial it now; nothing is written
        """
        return {}

    @api.model
    def _state_after(self, session, goes_on):
        """The session's state after a result.

        :param bool goes_on: the agent goes on with the next person
        """
        return "ready"

    @api.model
    def _check_closing(self, interaction, campaign, disposition, payload):
        """What was given with a result, checked; nothing is written yet.

        :return: ``{part: what its ``_after_closing`` needs}``
        :raise UserError: what the agent can mend; the person stays on the desk
        """
        return {}

    @api.model
    def _wants_prospect(self, disposition, given):
        """Does this result, with what was given, need a partner?"""
        return disposition.qualifies

    @api.model
    def _after_closing(self, interaction, given):
        """Make what was given with the result, in the same transaction. What fails
        here becomes a to-do (``interaction._add_todo``): the result stands."""

    @api.model
    def _closed_parts(self, interaction):
        """What the desk is told of a closed call besides. :return: dict"""
        return {}
