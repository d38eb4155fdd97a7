from odoo import api, models
from odoo.exceptions import UserError

from .desk_seat import seat

MAX_TEXT = 200


class TelemarketingDeskHelp(models.AbstractModel):
    """Part of ``telemarketing.desk``: asking the supervisor for help."""

    _name = "telemarketing.desk.help"
    _description = "Desk: Help"

    @api.model
    @seat
    def ask_help(self, session, text=""):
        """Raise my hand: who supervises my campaign or team is told at once.

        Asked again it only changes what I say; the hour stays.
        """
        if not isinstance(text, str):
            raise UserError(self.env._("Write in a few words what you need."))
        text = " ".join(text.replace("\x00", "").split())[:MAX_TEXT]
        self._check_no_card(text)
        if not session.help_asked_at or (session.help_text or "") != text:
            session._ask_help(text, self._now())
        return self._help_answer(session)

    @api.model
    @seat
    def cancel_help(self, session):
        """Solved, or not needed any more."""
        session._end_help()
        return self._help_answer(session)

    @api.model
    def _help_answer(self, session):
        return {
            "now": self._text(self._now()),
            "session": self._session_values(session),
        }

    @api.model
    def _help_values(self, session):
        """``session.help``: ``{asked_at, text, who}``, or false. Costs no query while
        nobody asks."""
        if not session.help_asked_at:
            return False
        return {
            "asked_at": self._text(session.help_asked_at),
            "text": session.help_text or "",
            "who": session.help_user_id.name or "",
        }

    @api.model
    def _after_closing(self, interaction, given):
        # What the help was for is over.
        interaction.session_id._end_help()
        return super()._after_closing(interaction, given)
