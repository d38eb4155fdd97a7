from odoo import api, models
from odoo.exceptions import UserError

from odoo.addons.telemarketing_base.models.desk_seat import seat

from .agent_session import SEAT_EXTENSION

# The next person comes by itself in these; in the first ones already answered.
DIALS = ("progressive", "predictive")
COMES = (*DIALS, "preview")


class TelemarketingDesk(models.AbstractModel):
    """The desk of a campaign that Asterisk dials: people arrive by the bus, nobody is
    leased, and the agent's telephone is connected or not."""

    _inherit = "telemarketing.desk"

    # PROTOCOL

    @api.model
    @seat
    def phone(self, session, on, extension=None):
        """Connect or disconnect my telephone.

        :param bool on:
        :param str extension: of this seat, where the user has none of his own
        """
        if not isinstance(on, bool):
            raise UserError(self.env._("Say whether to connect or to disconnect."))
        server = session.dialer_server_id
        if not server:
            raise UserError(
                self.env._("Asterisk does not call in this campaign: use your own.")
            )
        if extension is not None:
            self._set_extension(session, extension)
        if on and not session._dial_extension():
            raise UserError(
                self.env._("Write the extension of the telephone at this seat.")
            )
        held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
        if not on and held.state == "talking":
            raise UserError(self.env._("Finish the call first."))
        session.write({"phone_wanted": on, "phone_reason": False})
        if server._alive():
            self.env["telemarketing.dialer.command"].sudo()._ask(
                server, "phone", session=session, params={"on": on}
            )
        campaign = session.campaign_id._worked_by(self.env.user)
        return self._answer(
            session,
            # A seat that has a telephone now calls with it.
            telephony=self.env["telemarketing.telephony"]
            .sudo()
            ._capabilities(self.env.user, campaign),
        )

    @api.model
    @seat
    def transfer_choices(self, session, uuid):
        """Who may be given my open call.

        :return: ``{agents: [{session, name}], campaigns: [{id, name}]}``
        """
        interaction = self._own_interaction(uuid)
        if interaction.state not in ("dialling", "talking"):
            raise UserError(self.env._("There is no call to do this with."))
        telephony = self.env["telemarketing.telephony"].sudo()
        agents = telephony._transfer_agents(interaction)
        return {
            "now": self._text(self._now()),
            "agents": [
                {"session": agent.id, "name": agent.user_id.name}
                for agent in agents.filtered(lambda a: a.state == "ready")
            ],
            "campaigns": [
                {"id": campaign.id, "name": campaign.name}
                for campaign in telephony._transfer_campaigns(interaction)
            ],
        }

    @api.model
    def choose_campaign(self, token, campaign_id):
        answer = super().choose_campaign(token, campaign_id)
        if not answer.get("lost_seat"):
            session = self._open_session()
            answer["waiting"] = self._waiting_values(session)
            answer["empty"] = False
        return answer

    @api.model
    def get_target(self, token, target_id):
        """By hand in a campaign that dials: the dialer gives me nobody meanwhile."""
        answer = super().get_target(token, target_id)
        if not answer.get("lost_seat"):
            session = self._open_session()
            if session.state == "ready" and self._dials(session.campaign_id):
                session._set_state("dialling", self._now())
                answer["session"] = self._session_values(session)
                answer["waiting"] = False
        return answer

    @api.model
    def release(self, token, target_id):
        answer = super().release(token, target_id)
        if not answer.get("lost_seat"):
            session = self._open_session()
            if session.state == "dialling" and self._dials(session.campaign_id):
                held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
                if not held:
                    session._set_state("ready", self._now())
                    answer |= self._answer(session)
        return answer

    # PARTS

    @api.model
    def _dials(self, campaign):
        """Does who answers come by itself here?"""
        return bool(
            campaign.dialer_server_id
            and campaign.dialing_mode in DIALS
            and not campaign.training
        )

    @api.model
    def _open_parts(self, session):
        return {
            **super()._open_parts(session),
            "waiting": self._waiting_values(session),
        }

    @api.model
    def _campaign_parts(self, campaign):
        values = super()._campaign_parts(campaign)
        dials = self._dials(campaign)
        values |= {"dialing_mode": campaign.dialing_mode, "dials": dials}
        if campaign.dialing_mode in COMES:
            values["auto_next"] = True
        if dials:
            # They come when they answer, and are called already.
            values |= {"next_seconds": 0, "preview_seconds": 0}
        return values

    @api.model
    def _beat_parts(self, session):
        """Who was brought to me, in case that word of it got lost."""
        values = super()._beat_parts(session)
        if self._dials(session.campaign_id):
            held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
            if held.interaction_id:
                values["call"] = self._call_values(held)
        return values

    @api.model
    def _state_after(self, session, goes_on):
        state = super()._state_after(session, goes_on)
        if not self._dials(session.campaign_id):
            return state
        held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
        if held.interaction_id:
            # A late result: somebody else is on the desk by now.
            return session.state
        # Who does not go on must not be given the next one.
        return state if goes_on else "paused"

    @api.model
    def _next_answer(self, session, campaign, **extra):
        if not self._dials(campaign):
            return super()._next_answer(session, campaign, **extra)
        self._commit()
        held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
        call = self._call_values(held) if held else False
        return self._answer(session, call=call, empty=False, **extra)

    @api.model
    def _answer(self, session, **extra):
        answer = super()._answer(session, **extra)
        if session.dialer_server_id:
            called = answer.get("call")
            answer["waiting"] = not called and self._waiting_values(session)
        return answer

    @api.model
    def _session_values(self, session):
        values = super()._session_values(session)
        if session.dialer_server_id:
            values["phone"] = self._telephone_values(session)
        return values

    @api.model
    def _telephone_values(self, session):
        """``{state, wanted, reason, extension, alive, own}``; ``alive``: a dialer
        process runs, ``own``: the extension is the user's, not the seat's."""
        alive = session.dialer_server_id._alive()
        return {
            "state": session.phone_state if alive else "none",
            "wanted": session.phone_wanted,
            "reason": (session.phone_reason or "") if alive else "",
            "extension": session._dial_extension(),
            "alive": alive,
            "own": bool(session.user_id.telemarketing_extension),
        }

    @api.model
    def _set_extension(self, session, extension):
        """The telephone of a seat: an internal number, which nobody else has now.

        :raise UserError: the user has one of his own, it is none, it is taken
        """
        if session.user_id.telemarketing_extension:
            raise UserError(
                self.env._("Your extension is set: your supervisor changes it.")
            )
        if not isinstance(extension, str) or not SEAT_EXTENSION.fullmatch(extension):
            raise UserError(self.env._("An extension has two to six digits, as 201."))
        taken = (
            self.env["telemarketing.agent.session"]
            .sudo()
            .search(
                [
                    ("extension", "=", extension),
                    ("dialer_server_id", "=", session.dialer_server_id.id),
                    ("logout_at", "=", False),
                    ("id", "!=", session.id),
                ],
                limit=1,
            )
        )
        if taken:
            raise UserError(
                self.env._(
                    "%(name)s works at the extension %(extension)s now.",
                    name=taken.user_id.name,
                    extension=extension,
                )
            )
        session.extension = extension

    # WAITING

    @api.model
    def _waiting_values(self, session):
        """``{mode, phone, since, reason, next_at}`` while somebody may come by itself,
        else False."""
        campaign = session.campaign_id._worked_by(self.env.user)
        if session.state != "ready" or not campaign or not self._dials(campaign):
            return False
        phone = self._telephone_values(session)
        reason, next_at = self._why_idle(session, campaign, phone)
        return {
            "mode": campaign.dialing_mode,
            "phone": phone["state"],
            "since": self._text(session.state_since),
            "reason": reason,
            "next_at": self._text(next_at),
        }

    @api.model
    def _why_idle(self, session, campaign, phone):
        """Why nothing is dialled for this agent: ``(sentence or "", from when on)``."""
        server = session.dialer_server_id
        if campaign.state != "running":
            return self.env._("The campaign is not running now."), False
        if server.stopped_at or campaign.dialing_stopped_at:
            return self.env._("Dialling is stopped by a supervisor."), False
        if not phone["alive"]:
            return self.env._(
                "The dialer does not run: nobody is dialled. Tell your supervisor."
            ), False
        if not phone["extension"]:
            return self.env._("Write the extension of your telephone first."), False
        if phone["state"] != "up":
            return self.env._("Your telephone is not connected."), False
        counts = self.env["telemarketing.availability"]._of(campaign)
        if counts["now"]:
            return "", False
        next_at = self._next_due(campaign, self._now())
        return self.env._("Nobody may be called at this hour."), next_at

    # BY HAND

    @api.model
    def _line_values(self, session, campaign, phone, provider):
        values = super()._line_values(session, campaign, phone, provider)
        if provider != "asterisk":
            return values
        server = campaign.dialer_server_id
        if server.stopped_at or campaign.dialing_stopped_at:
            raise UserError(self.env._("Dialling is stopped by a supervisor."))
        if server._alive() and session.phone_state != "up":
            raise UserError(
                self.env._("Your telephone is not connected: connect it first.")
            )
        trunk, _channel, caller = (
            self.env["telemarketing.dialer.trunk"]
            .sudo()
            ._channel_for(campaign, phone.e164)
        )
        if not trunk:
            raise UserError(
                self.env._("No line of this campaign leads to this number.")
            )
        by_hand = campaign.dialing_mode in ("manual", "preview")
        return values | {
            "dialing_mode": campaign.dialing_mode if by_hand else "preview",
            "dialer_server_id": server.id,
            "dialer_trunk_id": trunk.id,
            "dialer_epoch": server.epoch,
            "caller_e164": caller,
        }

    @api.model
    def _dial_answer(self, session, interaction, **how):
        answer = super()._dial_answer(session, interaction, **how)
        told = answer.get("telephony") or {}
        if told.get("action") != "failed":
            return answer
        target = interaction.target_id
        self._not_dialled(session, interaction, target)
        return self._answer(
            session, call=self._call_values(target), not_dialled=told["error"]
        )

    @api.model
    def _not_dialled(self, session, interaction, target):
        """The attempt is closed, nobody was called; the person stays on the desk."""
        now = self._now()
        interaction.write(
            {
                "state": "done",
                "is_call": False,
                "dial_outcome": "failed",
                "ended_at": now,
                "closed_at": now,
            }
        )
        interaction.number_id._uncount_attempt(interaction)
        target.write(
            {
                "state": "leased",
                "interaction_id": False,
                "attempts": max(0, target.attempts - 1),
            }
        )
        waits = "dialling" if self._dials(session.campaign_id) else "ready"
        session._set_state(waits, now)
