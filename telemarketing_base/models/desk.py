import logging
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg2 import OperationalError
from psycopg2.errors import UniqueViolation

from odoo import api, fields, models, modules
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import format_date

from ..identity.phone import format_phone, mask_phone
from .desk_seat import LostSeatError, seat

_logger = logging.getLogger(__name__)

# Counts shown to an agent stop here: nobody reads more, and a million costs time.
COUNT_LIMIT = 1000
HISTORY = 20
# People that the list offers and that may not be called after all, in one request.
FRUITLESS = 10
MAX_NOTES = 20_000
# How long the agent may take back an objection recorded by mistake. The desk offers it
# for ten seconds; the rest is for a slow network.
UNDO_SHOWN = 10
UNDO = timedelta(seconds=30)
HELD = ("leased", "talking", "wrap_up")
# The law on which a call rests, by its basis (docs/compliance.md).
BASIS_ARTICLES = {
    "consent": "LGTel art. 66.1.b; TRLGDCU art. 62.1",
    "client": "Circular AEPD 1/2023 art. 3",
    "legal_person": "LOPDGDD art. 19; Circular AEPD 1/2023 art. 5",
    "request": "LGTel art. 66.1.b",
}


class TelemarketingDesk(models.AbstractModel):
    """The agents' door: what the call desk asks, in docs/architecture.md.

    Agents have no rights of their own on people. Every public method finds the
    caller's session first, then works with ``sudo`` on what that session may touch:
    its campaign, the target that it holds.
    """

    _name = "telemarketing.desk"
    _description = "Call Desk"
    _inherit = [
        # First: what it tries, the others check.
        "telemarketing.desk.training",
        "telemarketing.desk.person",
        "telemarketing.desk.caller",
        "telemarketing.desk.agenda",
        "telemarketing.desk.result",
        "telemarketing.desk.order",
        "telemarketing.desk.booking",
        "telemarketing.desk.help",
        "telemarketing.desk.frame",
        "telemarketing.desk.parts",
    ]

    # PROTOCOL

    @api.model
    def open_desk(self, token):
        self._check_agent()
        token = self._check_token(token)
        user, now = self.env.user, self._now()
        session = self._open_session()
        other_seat = False
        if session and session.token != token:
            quiet = session.last_seen_at < now - timedelta(minutes=3)
            held = self.env["telemarketing.target"].sudo()._held_by(user)
            if quiet or not (held or session.campaign_id):
                session.token = token
            else:
                other_seat = True
        if not session:
            session = self._log_in(token)
        if not other_seat:
            session.last_seen_at = now
        campaign = session.campaign_id._worked_by(user)
        answer = {
            "now": self._text(now),
            "user": {"id": user.id, "name": user.name},
            "company": session.company_id.name,
            "session": self._session_values(session),
            "other_seat": other_seat,
            "campaigns": self._campaigns(),
            "campaign": self._campaign_values(campaign) if campaign else False,
            "call": False,
            "figures": self._figures(session),
            "callbacks": self._callback_values(session),
            "pause_reasons": self._pause_reasons(session.company_id),
            "telephony": self.env["telemarketing.telephony"]
            .sudo()
            ._capabilities(user, campaign),
            **self._open_parts(session),
        }
        if campaign and not other_seat:
            held = self.env["telemarketing.target"].sudo()._held_by(user)
            if held:
                answer["call"] = self._call_values(held)
        return answer

    @api.model
    def take_over(self, token):
        """Work here; the other tab finds its seat lost at its next request."""
        self._check_agent()
        session = self._open_session()
        if session:
            session.token = self._check_token(token)
        return self.open_desk(token)

    @api.model
    @seat
    def choose_campaign(self, session, campaign_id):
        campaign = self._my_campaigns().filtered(lambda c: c.id == campaign_id)
        if not campaign:
            raise UserError(
                self.env._(
                    "You do not work in this campaign, or it is not running. Choose "
                    "one from the list or ask your supervisor."
                )
            )
        held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
        if held and held.campaign_id != campaign:
            if held.state != "leased":
                raise UserError(
                    self.env._(
                        "Finish the call with %s first.", held.contact_id.display_name
                    )
                )
            self._give_back(held)
        if session.campaign_id != campaign:
            now = self._now()
            session._leave_state(now)
            session.write(
                {
                    "campaign_id": campaign.id,
                    "company_id": campaign.company_id.id,
                    "state": "ready",
                    "state_since": now,
                    "pause_reason_id": False,
                }
            )
        return {
            "now": self._text(self._now()),
            "campaign": self._campaign_values(campaign),
            "session": self._session_values(session),
            "figures": self._figures(session),
            "callbacks": self._callback_values(session),
            "telephony": self.env["telemarketing.telephony"]
            .sudo()
            ._capabilities(self.env.user, campaign),
        }

    @api.model
    @seat
    def set_state(self, session, state, reason_id=False):
        if state not in ("ready", "paused"):
            raise UserError(self.env._("A desk is made ready or paused."))
        reason = self.env["telemarketing.pause.reason"].sudo()
        if state == "paused":
            reason = reason.search(
                [
                    ("id", "=", self._id_of(reason_id)),
                    ("company_id", "in", (False, session.company_id.id)),
                ]
            )
            if not reason:
                raise UserError(self.env._("Choose why you pause."))
            held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
            if held.state in ("talking", "wrap_up"):
                raise UserError(
                    self.env._(
                        "Give the call with %s a result first.",
                        held.contact_id.display_name,
                    )
                )
            if held:
                self._give_back(held)
        session._set_state(state, self._now(), reason)
        return self._answer(session)

    @api.model
    @seat
    def log_out(self, session):
        held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
        if held.state in ("talking", "wrap_up"):
            raise UserError(
                self.env._(
                    "Give the call with %s a result first.",
                    held.contact_id.display_name,
                )
            )
        if held:
            self._give_back(held)
        session._log_out(self._now())
        return {"now": self._text(self._now()), "logged_out": True}

    @api.model
    @seat
    def heartbeat(self, session):
        now = self._now()
        session.last_seen_at = now
        held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
        if held:
            self._renew(held, now)
        return {
            **self._answer(session),
            "lease_until": self._text(held.leased_until),
            **self._beat_parts(session),
        }

    @api.model
    @seat
    def get_next(self, session):
        campaign = self._working_campaign(session)
        if (
            not self.env["telemarketing.target"]
            .sudo()
            ._held_by(self.env.user)
            .interaction_id
        ):
            session._set_state("ready", self._now())
        return self._next_answer(session, campaign)

    @api.model
    @seat
    def get_target(self, session, target_id):
        """Work a given target: a callback of mine, or one found by search."""
        campaign = self._working_campaign(session)
        Target = self.env["telemarketing.target"].sudo()
        held = Target._held_by(self.env.user)
        if held.id == target_id:
            return self._answer(session, call=self._call_values(held), empty=False)
        if held and held.state != "leased":
            raise UserError(
                self.env._(
                    "Finish the call with %s first.", held.contact_id.display_name
                )
            )
        target = Target.search(
            [("id", "=", self._id_of(target_id)), ("campaign_id", "=", campaign.id)]
        )
        if not target:
            raise UserError(self.env._("This person is not in this campaign."))
        self._check_reachable(target)
        name = target.contact_id.display_name
        why = self._why_not(target)
        if why:
            raise UserError(why)
        if held:
            self._give_back(held)
        target = target.try_lock_for_update()
        if not target:
            raise UserError(self.env._("%s is on another agent's desk now.", name))
        target.write(
            {
                "state": "leased",
                "leased_by_id": self.env.uid,
                "leased_until": self._now() + timedelta(minutes=campaign.lease_minutes),
            }
        )
        session._set_state("ready", self._now())
        return self._answer(session, call=self._call_values(target), empty=False)

    @api.model
    @seat
    def dial(self, session, uuid, target_id, phone_id):
        """Write the attempt, then say how to dial. The same uuid dials nobody twice."""
        target = self._lock_held(target_id)
        interaction = self._own_interaction(uuid, target_id)
        if interaction.direction == "in":
            raise UserError(
                self.env._(
                    "This is a call of their own: give it a result first, then dial."
                )
            )
        if interaction:
            return self._dial_again(session, interaction)
        if not target:
            raise UserError(
                self.env._("This person is no longer on your desk. Ask for the next.")
            )
        if target.interaction_id:
            raise UserError(
                self.env._("A call with this person is already open: give it a result.")
            )
        campaign = self._working_campaign(session)
        phone = target.contact_id.phone_ids.filtered(lambda p: p.id == phone_id)
        if not phone:
            raise UserError(self.env._("Choose one of the numbers of this person."))
        now = self._now()
        gate = self.env["telemarketing.gate"].sudo()
        answers = gate._ask(target, now, attended=True)
        facts, answer = answers[phone.id]
        verdict = gate._values(facts, answer, now)
        if not answer.allowed:
            target._write_refusal(answers)
            self.env["telemarketing.refusal"]._log(target, verdict, phone)
            return self._answer(session, refused=self._verdict_values(verdict))
        values = self._prepare_attempt_values(session, campaign, target, uuid, now)
        values |= self._line_values(session, campaign, phone, values["provider"])
        interaction = (
            self.env["telemarketing.interaction"]
            .sudo()
            ._write_attempts([(target, phone, facts, answer, values)], now)
        )
        target.write(
            {
                "state": "talking",
                "leased_until": now + timedelta(minutes=campaign.lease_minutes),
            }
        )
        session._set_state(interaction.state, now)
        # Written before it is dialled: a crash from here on loses no call.
        self._commit()
        return self._dial_answer(session, interaction, may_call=verdict)

    @api.model
    def _dial_again(self, session, interaction):
        """The same attempt asked for again: a lost answer, or the link opened anew.

        It is asked again whether the number may be called: an objection may have been
        recorded meanwhile, the hour may have come. Only the gap does not stand
        against it, which is the attempt's own. A ring after the first half minute
        counts as one.
        """
        target, phone, now = interaction.target_id, interaction.phone_id, self._now()
        if interaction.state == "done" or not (target and phone):
            return self._dial_answer(session, interaction, again=True)
        gate = self.env["telemarketing.gate"].sudo()
        facts, verdict = gate._ask(target, now, gap=False, attended=True)[phone.id]
        if not verdict.allowed:
            values = gate._values(facts, verdict)
            self.env["telemarketing.refusal"]._log(target, values, phone)
            return self._dial_answer(session, interaction, refused=values)
        if now - interaction.started_at > timedelta(seconds=30):
            phone.number_id._count_attempt(
                now, self._company_tz(interaction.company_id)
            )
        return self._dial_answer(
            session, interaction, again=True, may_call=gate._values(facts, verdict, now)
        )

    @api.model
    @seat
    def control(self, session, uuid, action, params=None):
        """Hang up, hold, transfer…: what the provider of my open call can do."""
        interaction = self._own_interaction(uuid)
        if not interaction or interaction.state == "done":
            raise UserError(self.env._("There is no call to do this with."))
        telephony = self.env["telemarketing.telephony"].sudo()
        if action == "dial":
            raise UserError(self.env._("This telephone cannot do that."))
        if params and not isinstance(params, dict):
            raise UserError(self.env._("This telephone cannot do that."))
        return telephony._control(interaction, action, **(params or {}))

    @api.model
    @seat
    def object(self, session, uuid, target_id, scope="all"):
        """The person on the desk said no: recorded and committed before anything
        else, effective at once in every list (Circular AEPD 1/2023, 6.b). The call
        goes on: the agent reads the reference aloud, then gives the result."""
        target = self._lock_held(target_id)
        interaction = self._own_interaction(uuid, target_id)
        if interaction.state == "done" and not interaction.lost:
            interaction = interaction.browse()
        if not target and not interaction:
            raise UserError(
                self.env._(
                    "This person is no longer on your desk: nothing was recorded. Tell "
                    "your supervisor whom to exclude."
                )
            )
        if scope not in ("all", "principal", "campaign"):
            raise UserError(self.env._("Say how far the objection reaches."))
        held = interaction or target
        campaign = held.campaign_id
        if campaign.training:
            return self._train_objection(session, target, interaction, target_id)
        if scope == "principal" and not campaign.principal_id:
            scope = "all"
        now = self._now()
        standing, added = (
            self.env["telemarketing.exclusion"]
            .sudo()
            .with_company(campaign.company_id)
            ._record_person(
                held.contact_id,
                scope=scope,
                principal_id=scope == "principal" and campaign.principal_id.id,
                campaign_id=scope == "campaign" and campaign.id,
                reason="objection",
                channel="call",
                source=self.env._("Said to %s", self.env.user.name),
                interaction_id=interaction.id,
            )
        )
        self._commit()
        until = now + timedelta(seconds=UNDO_SHOWN) if added else False
        values = self._objection_values(target_id, added or standing, until)
        return self._answer(session, objection=values)

    @api.model
    def _undo_shown(self):
        return timedelta(seconds=UNDO_SHOWN)

    @api.model
    def _objection_values(self, target_id, exclusions, undo_until=False):
        """What is read aloud of an objection, ``undo_until``: while a slip shows."""
        newest = exclusions[:1]
        return {
            "target_id": target_id,
            "reference": newest.reference,
            "scope": newest.scope,
            "at": self._text(newest.date),
            "undo_until": self._text(undo_until),
            "reason": self.env._("The person asked not to be called."),
        }

    @api.model
    @seat
    def take_back_objection(self, session, uuid, target_id, reference):
        """The key was pressed by mistake: lifted with that reason, which stays in
        the log. Only my own, of the person on my desk, and only just now."""
        target = self._lock_held(target_id)
        held = target or self._own_interaction(uuid, target_id)
        if held.campaign_id.training:
            return self._train_take_back(session, target, reference)
        mine = (
            self.env["telemarketing.exclusion"]
            .sudo()
            .search(
                [
                    ("reference", "=", str(reference)),
                    ("contact_id", "=", held.contact_id.id or 0),
                    ("create_uid", "=", self.env.uid),
                    ("channel", "=", "call"),
                    ("reason", "=", "objection"),
                    ("in_force", "=", True),
                    ("date", ">=", self._now() - UNDO),
                ]
            )
        )
        if not mine:
            raise UserError(
                self.env._(
                    "The objection stands: only a manager can lift it now, with a "
                    "reason."
                )
            )
        mine._lift(self.env._("The key was pressed by mistake"))
        self._commit()
        call = self._call_values(target) if target else False
        return self._answer(session, call=call, objection=False)

    @api.model
    @seat
    def save_notes(self, session, uuid, target_id, notes, profile=None, renew=True):
        target = self._lock_held(target_id)
        interaction = self._own_interaction(uuid, target_id)
        notes = self._check_notes(notes)
        if interaction and interaction.state != "done":
            interaction.notes = notes
        elif target and not interaction:
            target.notes = notes
        if target:
            self._write_profile(target, profile)
            if renew:
                self._renew(target, self._now())
        return {
            "now": self._text(self._now()),
            "saved": bool(target or interaction),
            "lease_until": self._text(target.leased_until),
        }

    @api.model
    @seat
    def record_consent(self, session, uuid, target_id, purposes, given, text_id=False):
        """Write down what the person answered to a text that was read to her.

        The same answer again writes nothing; another in the same call corrects it.
        """
        target, interaction = self._call_for_consent(uuid, target_id)
        purposes = self._check_purposes(purposes)
        contact, now = target.contact_id, self._now()
        text = self.env["telemarketing.consent.text"].sudo()
        text = text._for_reading(contact).filtered(lambda t: t.id == text_id)
        if not text:
            raise UserError(
                self.env._("This text is not for this person; reload the page.")
            )
        if interaction.training:
            return self._train_consent(target, interaction, given)
        Consent = self.env["telemarketing.consent"].sudo()
        said = Consent.search([("interaction_id", "=", interaction.id)])
        standing = said.filtered(lambda c: c.given_at and not c.withdrawn_at)
        if given:
            wanted = [p for p in purposes if p not in standing.mapped("purpose")]
            answer = {"given_at": now}
        else:
            mistaken = standing.filtered(lambda c: c.purpose in purposes)
            reason = self.env._("Corrected in the same call")
            mistaken._withdraw(now, "call", reason, interaction)
            refused = (said - standing).mapped("purpose")
            wanted = [p for p in purposes if p not in refused]
            wanted = [p for p in wanted if p not in mistaken.mapped("purpose")]
            answer = {"refused_at": now}
        Consent._record(
            contact,
            wanted,
            {
                **answer,
                "channel": "call",
                "text_id": text.id,
                "interaction_id": interaction.id,
                "source": interaction.campaign_id.name,
            },
        )
        return self._consent_answer(target, interaction)

    @api.model
    @seat
    def withdraw_consent(self, session, uuid, target_id, reason=""):
        """The person says in the call that the consent to being called is over: no
        more calls for the advertiser, on whatever basis, effective at once."""
        target, interaction = self._call_for_consent(uuid, target_id)
        contact = target.contact_id
        if interaction.training:
            return self._train_withdrawal(target, interaction)
        if not isinstance(reason, str):
            reason = ""
        purposes = ["call"]
        if contact.robot_consented_on:
            purposes.append("robot")
        Consent = self.env["telemarketing.consent"].sudo()
        known = Consent.search(
            [
                ("withdrawal_interaction_id", "=", interaction.id),
                ("contact_id", "=", contact.id),
            ]
        )
        if contact.consented_on or contact.robot_consented_on or not known:
            Consent._take_back(
                contact, purposes, self._now(), "call", reason[:200], interaction
            )
        standing, added = Consent._object(
            contact,
            self._now(),
            "call",
            self.env._("Said to %s", self.env.user.name),
            interaction,
        )
        self._commit()
        return {
            **self._consent_answer(target, interaction),
            "objection": self._objection_values(target_id, added or standing),
        }

    @api.model
    @seat
    def release(self, session, target_id):
        target = self._lock_held(target_id)
        if target and target.state == "leased":
            self._give_back(target)
        return self._answer(session)

    @api.model
    @seat
    def close_and_get_next(
        self, session, uuid, target_id, disposition_id, payload=None, next=True
    ):
        """Give the call its result and get the next person, in one request.

        The close is committed first and stands whatever happens to the lease. The
        same uuid again changes nothing.
        """
        closed = self._close(session, uuid, target_id, disposition_id, payload or {})
        session._set_state(self._state_after(session, bool(next)), self._now())
        campaign = session.campaign_id._worked_by(self.env.user)
        if next and campaign.state == "running":
            # Commits before it leases.
            return self._next_answer(session, campaign, closed=closed)
        self._commit()
        return self._answer(
            session,
            closed=closed,
            call=False,
            empty=self._not_running(campaign) if next else False,
        )

    @api.model
    @seat
    def search_people(self, session, text, own=True):
        """Limited cards of people in the session's campaign; logged and capped."""
        campaign = self._working_campaign(session)
        self._check_search_cap(campaign)
        text = text.strip()[:100] if isinstance(text, str) else ""
        own = bool(own)
        if len(text) < 3:
            raise UserError(self.env._("Write at least three letters or digits."))
        domain = Domain("campaign_id", "=", campaign.id)
        if own:
            domain &= Domain("live", "=", True)
            domain &= (
                Domain("agent_id", "=", self.env.uid)
                | Domain("last_agent_id", "=", self.env.uid)
                | Domain("callback_user_id", "=", self.env.uid)
            )
        targets = (
            self.env["telemarketing.target"]
            .sudo()
            .search(
                domain & Domain("contact_id", "any", self._search_domain(text)),
                limit=20,
            )
        )
        self._log_search(campaign, text, own, targets)
        return {
            "now": self._text(self._now()),
            "people": [
                {**self._limited_card(target), "why": self._why_not(target)}
                for target in targets
            ],
        }

    # WHO ASKS

    @api.model
    def _check_agent(self):
        user = self.env.user
        if not user.has_group("telemarketing_base.group_agent"):
            raise AccessError(
                self.env._(
                    "The call desk is for telemarketing agents; ask an "
                    "administrator for the role."
                )
            )
        if user.telemarketing_blocked:
            raise AccessError(
                self.env._("Your user is blocked for calls; ask your supervisor.")
            )

    @api.model
    def _check_token(self, token):
        if not isinstance(token, str) or not 8 <= len(token) <= 64:
            raise UserError(self.env._("Reload the page: this desk has no token."))
        return token

    @api.model
    def _check_reachable(self, target):
        """Is it the caller's, a callback on his list, or did a search show it to him?

        Otherwise ids tried one after the other would give the whole database.
        """
        own = target.agent_id | target.last_agent_id | target.callback_user_id
        if self.env.user in own or (target.callback and not target.callback_user_id):
            return
        if (
            not self.env["telemarketing.search.log"]
            .sudo()
            ._shown(self.env.user, target)
        ):
            raise UserError(self.env._("Search for the person first."))

    @api.model
    def _open_session(self):
        return (
            self.env["telemarketing.agent.session"]
            .sudo()
            .search(
                [("user_id", "=", self.env.uid), ("logout_at", "=", False)], limit=1
            )
        )

    @api.model
    def _session(self, token):
        self._check_agent()
        session = self._open_session()
        if not session or session.token != self._check_token(token):
            raise LostSeatError(closed=not session)
        return session

    @api.model
    def _log_in(self, token):
        user, now = self.env.user, self._now()
        return (
            self.env["telemarketing.agent.session"]
            .sudo()
            .create(
                {
                    "user_id": user.id,
                    "company_id": self.env.company.id,
                    "team_id": user.sudo().sale_team_id.id,
                    "extension": user.sudo().telemarketing_extension,
                    "token": token,
                    "login_at": now,
                    "last_seen_at": now,
                    "state": "ready",
                    "state_since": now,
                }
            )
        )

    @api.model
    def _my_campaigns(self, real=False):
        """Running campaigns that the caller works, in any of his companies.

        :param bool real: leave out those for training
        """
        return (
            self.env["telemarketing.campaign"]
            .sudo()
            .search(
                [
                    ("agent_ids", "in", self.env.uid),
                    ("state", "=", "running"),
                    ("company_id", "in", self.env.user.company_ids.ids),
                    *([("training", "=", False)] if real else []),
                ]
            )
        )

    @api.model
    def _working_campaign(self, session):
        campaign = session.campaign_id._worked_by(self.env.user)
        if not campaign:
            raise UserError(self.env._("Choose a campaign first."))
        if campaign.state != "running":
            raise UserError(
                self.env._("The campaign %s is not running now.", campaign.name)
            )
        return campaign

    @api.model
    def _lock_held(self, target_id):
        """The target if the caller holds it, its row locked; else an empty record.

        A second request about the same target waits here, and fails as a
        serialization conflict that Odoo retries: then it sees what the first did.
        """
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT id FROM telemarketing_target
               WHERE id = %s AND leased_by_id = %s AND state = ANY(%s) FOR UPDATE""",
            [self._id_of(target_id), self.env.uid, list(HELD)],
        )
        row = self.env.cr.fetchone()
        return self.env["telemarketing.target"].sudo().browse(row and row[0])

    @api.model
    def _own_interaction(self, uuid, target_id=None):
        """The caller's attempt with this uuid, or none. Another agent's uuid is
        refused, and one of another person."""
        interactions = self.env["telemarketing.interaction"].sudo()
        if not uuid:
            return interactions
        if not isinstance(uuid, str) or not 8 <= len(uuid) <= 64:
            raise UserError(self.env._("This call has no proper identifier; reload."))
        found = interactions.search([("uuid", "=", uuid)])
        if found and found.agent_id != self.env.user:
            raise AccessError(self.env._("This call is another agent's."))
        if found and target_id and found.target_id.id not in (target_id, False):
            raise UserError(self.env._("This call was with another person; reload."))
        return found

    @api.model
    def _call_for_consent(self, uuid, target_id):
        """``(target, interaction)`` of the open call in which consent is spoken of."""
        target = self._lock_held(target_id)
        interaction = self._own_interaction(uuid, target_id)
        if not target or target.interaction_id != interaction or not interaction:
            raise UserError(self.env._("Consent is asked for in the call: dial first."))
        return target, interaction

    @api.model
    def _check_purposes(self, purposes):
        known = (
            self.env["telemarketing.consent"]._fields["purpose"].get_values(self.env)
        )
        if (
            not isinstance(purposes, list)
            or not purposes
            or not all(
                isinstance(purpose, str) and purpose in known for purpose in purposes
            )
        ):
            raise UserError(self.env._("Say what the person was asked for."))
        return list(dict.fromkeys(purposes))

    @api.model
    def _consent_answer(self, target, interaction):
        return {
            "now": self._text(self._now()),
            "consent": self._consent_values(target, interaction.basis or ""),
            # What was said may be what the call rests on.
            **self._phones_answer(target),
        }

    # CLOSING

    @api.model
    def _close(self, session, uuid, target_id, disposition_id, payload):
        target = self._lock_held(target_id)
        interaction = self._own_interaction(uuid, target_id)
        if interaction.state == "done" and not interaction.lost:
            return self._closed_values(interaction)
        if not interaction and not target:
            raise UserError(
                self.env._(
                    "This person is no longer on your desk, and no call was made: "
                    "nothing was recorded. Ask for the next."
                )
            )
        campaign = interaction.campaign_id or target.campaign_id
        # What is made in the call belongs to the campaign's company, whichever the
        # agent has chosen on top of the screen.
        campaign = campaign.with_company(campaign.company_id)
        target = target.with_company(campaign.company_id)
        interaction = interaction.with_company(campaign.company_id)
        disposition = self._check_disposition(campaign, disposition_id)
        if not interaction:
            if not uuid:
                raise UserError(self.env._("This call has no identifier; reload."))
            interaction = (
                self.env["telemarketing.interaction"]
                .sudo()
                .create(
                    self._prepare_attempt_values(
                        session, campaign, target, uuid, self._now()
                    )
                    | {"is_call": False}
                )
            )
            target.interaction_id = interaction
        callback = self._check_callback(interaction, disposition, payload)
        given = self._check_closing(interaction, campaign, disposition, payload)
        values = self._closing_values(interaction, target, campaign, payload)
        said, unsaid = self._check_legal_lines(
            interaction,
            target,
            disposition,
            *self._script_read(session, interaction, campaign, payload),
        )
        values |= said
        if interaction.lost:
            # The desk came back after its lease lapsed: the result replaces the loss.
            self.env["telemarketing.stat.call.delta"].sudo()._append(interaction, -1)
            values["lost"] = False
        if target:
            self._write_profile(target, payload.get("profile"))
        interaction._close(disposition, values)
        if interaction.direction == "in":
            self._note_their_call(interaction)
        if unsaid:
            interaction._add_todo(unsaid)
        if self._wants_prospect(disposition, given):
            interaction._qualify()
        self._after_closing(interaction, given)
        moved = target or self._lock_returned(interaction)
        if moved and moved.interaction_id in (interaction, interaction.browse()):
            if callback:
                interaction.write(
                    {
                        "callback_at": callback["at"],
                        "callback_user_id": callback["user"].id,
                    }
                )
            moved._apply_disposition(interaction, callback)
        elif disposition.effective_kind == "exclude":
            # Somebody else has the person by now; a no is a no all the same.
            interaction._exclude_person()
        elif callback:
            interaction._add_todo(
                self.env._(
                    "The callback agreed with %(name)s for %(at)s UTC could not be "
                    "kept: the person had gone back to the list.",
                    name=interaction.contact_id.display_name,
                    at=callback["at"],
                )
            )
        interaction._send_messages()
        self._record_call_times(session, interaction)
        return self._closed_values(interaction)

    @api.model
    def _lock_returned(self, interaction):
        """The target of a late result, if it went back to the list and nobody has
        worked it since: the result still decides what happens to the person."""
        self.env.cr.execute(
            """SELECT t.id FROM telemarketing_target t
               WHERE t.id = %s AND t.state = 'ready'
                 AND NOT EXISTS (SELECT 1 FROM telemarketing_interaction i
                                 WHERE i.target_id = t.id AND i.id > %s)
               FOR UPDATE OF t""",
            [interaction.target_id.id or 0, interaction.id],
        )
        row = self.env.cr.fetchone()
        return self.env["telemarketing.target"].sudo().browse(row and row[0])

    @api.model
    def _check_disposition(self, campaign, disposition_id):
        usable = campaign._dispositions()
        disposition = usable.filtered(lambda d: d.id == disposition_id)
        if not disposition:
            raise UserError(self.env._("Choose a result of this campaign."))
        if disposition in usable.parent_id:
            raise UserError(
                self.env._(
                    "“%s” has more detailed results: choose one.", disposition.name
                )
            )
        return disposition

    @api.model
    def _check_callback(self, interaction, disposition, payload):
        given = payload.get("callback") or {}
        if not given.get("at"):
            if disposition.effective_kind == "schedule":
                raise UserError(self.env._("Say when to call back."))
            return None
        if disposition.effective_kind in ("exclude", "close"):
            raise UserError(
                self.env._("“%s” does not go with a callback.", disposition.name)
            )
        at = self._instant(given["at"])
        now = self._now()
        if at < now - timedelta(minutes=1):
            if not interaction.lost:
                raise UserError(self.env._("The callback's hour has already passed."))
            # Kept while there was no network: better late than never, but nobody
            # asked for this later hour.
            at, given = now, {**given, "asked": False}
        if at > now + timedelta(days=3 * 366):
            raise UserError(self.env._("The callback is more than three years away."))
        phone = self._callback_phone(
            interaction.contact_id, given, interaction.target_id
        )
        # Only a person who was spoken to can have agreed to an hour or asked for it.
        spoken = interaction.is_call and disposition.outcome != "none"
        asked = spoken and bool(given.get("asked"))
        if interaction.target_id and not asked and not interaction.lost:
            self._check_callback_hour(interaction, at)
        return {
            "at": at,
            "asked": asked,
            "agreed": spoken,
            "user": self.env.user if given.get("mine", True) else self.env["res.users"],
            "phone": phone,
            "note": self._check_no_card(str(given.get("note") or "")[:200]) or False,
        }

    @api.model
    def _check_callback_hour(self, interaction, at):
        """An hour at which nobody may be called is agreed only if the person asked
        for it."""
        gate = self.env["telemarketing.gate"].sudo()
        finding = gate._hours_finding(interaction.target_id, at)
        if finding:
            raise UserError(
                self.env._(
                    "At that hour the person may not be called: %s Choose another "
                    "one, or say that the person asked for this very hour.",
                    gate._text(finding),
                )
            )

    @api.model
    def _closing_values(self, interaction, target, campaign, payload):
        now = self._now()
        values = {}
        if "notes" in payload:
            values["notes"] = self._check_notes(payload["notes"])
        elif target.notes and not interaction.notes:
            values["notes"] = target.notes
        if payload.get("reason_id"):
            reason = campaign.reason_ids.filtered(
                lambda r: r.id == payload["reason_id"]
            )
            values["reason_id"] = reason.id
        action = campaign._action_types().filtered(
            lambda a: a.id == payload.get("action_type_id")
        )
        if action:
            values["action_type_id"] = action.id
        phone = interaction.contact_id.phone_ids.filtered(
            lambda p: p.id == payload.get("phone_id")
        )
        if phone and not interaction.phone_id:
            # Which number it was about, though nobody dialled it here.
            values |= {
                "phone_id": phone.id,
                "number_id": phone.number_id.id,
                "e164": phone.e164,
                "number_kind": phone.number_id.kind,
            }
        if payload.get("hangup_cause"):
            values["hangup_cause"] = str(payload["hangup_cause"])[:64]
        # The browser's clock is only trusted between the attempt's start and now.
        for name in ("answered_at", "ended_at"):
            if payload.get(name):
                at = self._instant(payload[name])
                values[name] = min(max(at, interaction.started_at), now)
        if not interaction.is_call:
            values.pop("answered_at", None)
        return values

    @api.model
    def _script_read(self, session, interaction, campaign, payload):
        """Versions of the campaign's scripts that were read in the call, as the desk
        showed them, that of the first line confirmed first.

        A desk keeps the scripts that it was given when the campaign was chosen: a
        version that has a successor counts for a session that was there before it.

        :return: ``(versions, keys of their lines confirmed)``
        """
        keys = [str(key) for key in payload.get("confirmed") or []]
        shown = payload.get("scripts")
        named = {
            int(text)
            for text in [key.split(":")[0] for key in keys]
            + [str(each) for each in (shown if isinstance(shown, list) else [])]
            if text.isdecimal() and len(text) < 10
        }
        scripts = campaign.script_ids
        Version = self.env["telemarketing.script.version"].sudo()
        since = min((session | interaction.session_id).mapped("login_at"))
        versions = Version.search_fetch(
            [("id", "in", list(named)), ("script_id", "in", scripts.ids)],
            ["script_id", "number", "replaced_at", "legal_lines", "confirm_lines"],
        ).filtered(lambda v: not v.replaced_at or v.replaced_at >= since)
        known = {
            version._line_key(line): version
            for version in versions
            for line in version._confirm_list()
        }
        confirmed = [key for key in keys if key in known]
        if confirmed:
            ids = dict.fromkeys(known[key].id for key in confirmed)
            return Version.browse(ids), confirmed
        first = versions.filtered(lambda v: v.script_id == scripts[:1])
        return first[:1] or scripts[:1].version_id, []

    @api.model
    def _check_legal_lines(self, interaction, target, disposition, versions, confirmed):
        """What this result wanted said and nobody confirmed; refuses a sale for it.

        A result that comes late, when the person has left this desk, is not refused:
        it says what happened, and nobody could mend it any more. Who administers the
        campaign finishes it by hand.

        :return: ``(values of the interaction, what is left to do or an empty text)``
        """
        sale = disposition._is_sale()
        missing = (
            versions._legal_missing(disposition, confirmed)
            if interaction.is_call or sale
            else []
        )
        values = {
            "script_version_id": versions[:1].id or interaction.script_version_id.id,
            "confirmed_lines": confirmed,
            # A script may have two lines for one requirement.
            "legal_missing": ",".join(dict.fromkeys(m["requirement"] for m in missing))
            or False,
        }
        if not (missing and sale and interaction.campaign_id.require_legal_lines):
            return values, ""
        lines = "; ".join(
            f"{line['text']} ({line['article']})" if line["article"] else line["text"]
            for line in missing
        )
        if target and not interaction.lost:
            raise UserError(
                self.env._(
                    "“%(result)s” wants these lines of the script said and confirmed "
                    "first: %(lines)s.",
                    result=disposition.name,
                    lines=lines,
                )
            )
        return values, self.env._(
            "“%(result)s” of %(name)s came late, without these lines of the script "
            "confirmed: %(lines)s. Make sure that they were said.",
            result=disposition.name,
            name=interaction.contact_id.display_name,
            lines=lines,
        )

    @api.model
    def _prepare_attempt_values(self, session, campaign, target, uuid, now):
        provider = (
            self.env["telemarketing.telephony"]
            .sudo()
            ._provider(self.env.user, campaign)
        )
        return {
            **target._prepare_attempt_values(uuid, now),
            "agent_id": self.env.uid,
            "team_id": session.team_id.id,
            "session_id": session.id,
            "provider": provider,
            # The manual telephone tells nothing: dialled counts as talking.
            "answered_at": now if provider == "manual" else False,
            "state": "talking" if provider == "manual" else "dialling",
        }

    @api.model
    def _record_call_times(self, session, interaction):
        """The session talked until the end of the call and wrapped up until now."""
        if session.state in ("talking", "dialling") and interaction.is_call:
            session._set_state("wrap_up", interaction.ended_at)

    @api.model
    def _write_profile(self, target, profile):
        if not profile or not target.profile_id:
            return
        definition = target.profile_id.target_properties_definition or []
        known = {field["name"]: field for field in definition}
        values = {name: value for name, value in profile.items() if name in known}
        if values:
            current = {
                field["name"]: field.get("value")
                for field in target.read(["target_properties"])[0]["target_properties"]
            }
            target.target_properties = {**current, **values}

    @api.model
    def _give_back(self, target):
        target.write({"state": "ready", "leased_by_id": False, "leased_until": False})
        # An exclusion made meanwhile passed over what was on a desk.
        target._refresh_gate(targets=target)

    @api.model
    def _renew(self, target, now):
        minutes = target.campaign_id.lease_minutes
        target.leased_until = now + timedelta(minutes=minutes)

    @api.model
    def _commit(self):
        """The close stands first, whatever happens to the lease. Not in tests, which
        run in savepoints over one cursor."""
        self.env.flush_all()
        if not modules.module.current_test:
            self.env.cr.commit()  # pylint: disable=invalid-commit

    # LEASE

    @contextmanager
    def _own_transaction(self):
        """A short READ COMMITTED transaction of its own on this cursor.

        Under REPEATABLE READ ``SKIP LOCKED`` fails on rows changed since the
        snapshot. In Odoo's test mode: a savepoint of the test's transaction.
        """
        self.env.flush_all()
        cr = self.env.cr
        if modules.module.current_test:
            with cr.savepoint():
                yield
            self.env.invalidate_all(flush=False)
            return
        cr.commit()  # pylint: disable=invalid-commit
        try:
            cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            yield
            cr.commit()  # pylint: disable=invalid-commit
        except Exception:
            cr.rollback()
            raise
        finally:
            self.env.invalidate_all(flush=False)

    @api.model
    def _lease_next(self, campaign):
        """The target that the caller holds, else the next one; may be empty."""
        Target = self.env["telemarketing.target"].sudo()
        held = Target._held_by(self.env.user)
        if held:
            return held
        try:
            with self._own_transaction():
                ids = Target._lease(campaign, self.env.user)
        except UniqueViolation:
            # Another tab got one in the meantime: the same for both.
            return Target._held_by(self.env.user)
        except OperationalError as error:
            # The close stands; the agent asks again.
            _logger.info("lease for user %s failed: %s", self.env.uid, error)
            return Target
        return Target.browse(ids)

    @api.model
    def _next_answer(self, session, campaign, **extra):
        gate = self.env["telemarketing.gate"].sudo()
        answers = {}
        for _person in range(FRUITLESS):
            target = self._lease_next(campaign)
            if not target:
                break
            answers = gate._ask(target, self._now())
            if target.state != "leased" or not target._write_refusal(answers):
                break
            # Nobody of them may be called now: the list knows, the next one comes.
            facts, verdict = next(iter(answers.values()))
            self.env["telemarketing.refusal"]._log(
                target, gate._values(facts, verdict), place="list"
            )
            self._give_back(target)
            self._commit()
            target = target.browse()
        call = self._call_values(target, answers) if target else False
        empty = False if target else self._empty_values(campaign)
        return self._answer(session, call=call, empty=empty, **extra)

    # VALUES

    @api.model
    def _now(self):
        return self.env["telemarketing.clock"]._now()

    @api.model
    def _text(self, instant):
        return fields.Datetime.to_string(instant) or False

    @api.model
    def _instant(self, text):
        try:
            return datetime.strptime(
                str(text)[:19].replace("T", " "), "%Y-%m-%d %H:%M:%S"
            )
        except ValueError as error:
            raise UserError(self.env._("“%s” is not a date and hour.", text)) from error

    @api.model
    def _check_notes(self, notes):
        notes = str(notes or "").replace("\x00", "")
        if len(notes) > MAX_NOTES:
            raise UserError(
                self.env._("The notes are longer than %s characters.", MAX_NOTES)
            )
        return self._check_no_card(notes)

    @api.model
    def _company_tz(self, company):
        return company.partner_id.tz or "Europe/Madrid"

    @api.model
    def _day_start(self, company):
        """UTC instant at which the company's present day began."""
        zone = ZoneInfo(self._company_tz(company))
        local = self._now().replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
        start = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return start.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)

    @api.model
    def _answer(self, session, **extra):
        return {
            "now": self._text(self._now()),
            "session": self._session_values(session),
            "figures": self._figures(session),
            "callbacks": self._callback_values(session),
            **extra,
        }

    @api.model
    def _dial_answer(
        self, session, interaction, again=False, may_call=None, refused=None
    ):
        answer = self._answer(
            session,
            interaction=self._interaction_values(interaction),
            may_call=self._verdict_values(may_call or refused or self._allowed()),
        )
        if refused:
            answer["refused"] = self._verdict_values(refused)
        # Of what rings by itself, once; a link may be followed again.
        rings = interaction.provider != "manual"
        if interaction.state != "done" and not refused and not (again and rings):
            answer["telephony"] = (
                self.env["telemarketing.telephony"].sudo()._dial(interaction)
            )
        answer["again"] = again or bool(refused)
        return answer

    @api.model
    def _session_values(self, session):
        return {
            "id": session.id,
            "state": session.state,
            "since": self._text(session.state_since),
            "campaign_id": session.campaign_id.id,
            "reason": session.pause_reason_id.name or False,
            "reason_cap_seconds": session.pause_reason_id.cap_minutes * 60,
            "help": self._help_values(session),
        }

    @api.model
    def _pause_reasons(self, company):
        reasons = (
            self.env["telemarketing.pause.reason"]
            .sudo()
            .search([("company_id", "in", (False, company.id))])
        )
        return [
            {"id": r.id, "name": r.name, "cap_seconds": r.cap_minutes * 60}
            for r in reasons
        ]

    @api.model
    def _campaigns(self):
        campaigns = self._my_campaigns()
        now = self._now()
        return [
            {
                "id": campaign.id,
                "name": campaign.name,
                "principal": campaign.principal_id.name or False,
                "kind": campaign.kind,
                "training": campaign.training,
                "auto_next": campaign.auto_next,
                "waiting": self._count(campaign, "due_at <= %(now)s", now),
                "callbacks_due": self._count(
                    campaign,
                    "callback AND due_at <= %(now)s AND"
                    " (callback_user_id = %(user)s OR callback_user_id IS NULL)",
                    now,
                ),
                "fresh": self._count(
                    campaign,
                    "NOT callback AND attempts = 0 AND due_at <= %(now)s AND"
                    " (agent_id = %(user)s OR agent_id IS NULL)",
                    now,
                ),
            }
            for campaign in campaigns
        ]

    @api.model
    def _count(self, campaign, condition, now):
        """Ready targets that fulfil ``condition`` (a constant of this class), at most
        ``COUNT_LIMIT``."""
        self.env.cr.execute(  # pylint: disable=sql-injection
            f"""SELECT count(*) FROM (
                    SELECT 1 FROM telemarketing_target
                    WHERE campaign_id = %(campaign)s AND state = 'ready' AND live
                      AND due_at IS NOT NULL AND {condition}
                    LIMIT {COUNT_LIMIT}) AS counted""",
            {"campaign": campaign.id, "now": now, "user": self.env.uid},
        )
        return self.env.cr.fetchone()[0]

    @api.model
    def _campaign_values(self, campaign):
        definition = campaign.profile_id.target_properties_definition or []
        return {
            "id": campaign.id,
            "name": campaign.name,
            "principal": campaign.principal_id.name or False,
            "kind": campaign.kind,
            "auto_next": campaign.auto_next,
            "average_seconds": campaign.average_seconds,
            "callback_notice_minutes": campaign.callback_notice_minutes,
            "mask_numbers": campaign.mask_numbers,
            "require_legal_lines": campaign.require_legal_lines,
            "dispositions": campaign._dispositions()._desk_values(
                campaign, self._known_results(campaign)
            ),
            "reasons": [{"id": r.id, "name": r.name} for r in campaign.reason_ids],
            "action_types": [
                {"id": a.id, "name": a.name} for a in campaign._action_types()
            ],
            "profile_fields": [
                {
                    "name": field["name"],
                    "string": field.get("string") or field["name"],
                    "type": field["type"],
                    "selection": field.get("selection") or [],
                }
                for field in definition
                if field["type"]
                in (
                    "char",
                    "text",
                    "integer",
                    "float",
                    "boolean",
                    "date",
                    "datetime",
                    "selection",
                )
            ],
            "scripts": [self._script_values(script) for script in campaign.script_ids],
            **self._campaign_parts(campaign),
        }

    @api.model
    def _script_values(self, script):
        version = script.version_id
        return {
            "id": script.id,
            "version_id": version.id,
            "name": script.name,
            "html": version.body or "",
            "url": script.url or False,
            "confirm_lines": [
                {**line, "key": version._line_key(line)}
                for line in version._confirm_list()
            ]
            if version
            else [],
        }

    @api.model
    def _call_values(self, target, answers=None):
        """:param dict answers: of ``telemarketing.gate._ask``, where they are known"""
        contact, campaign = target.contact_id, target.campaign_id
        now = self._now()
        phones = contact.phone_ids
        gate = self.env["telemarketing.gate"].sudo()
        # The gap after the call that is under way is its own.
        gap = not target.interaction_id
        answers = answers or gate._ask(target, now, gap=gap, attended=True)
        verdicts = {
            phone: gate._values(*answers[phone.id], now)
            for phone in phones
            if phone.id in answers
        }
        facts = next((facts for facts, _verdict in answers.values()), None)
        suggested = self._suggested_phone(target, verdicts)
        verdict = (
            verdicts[suggested]
            if suggested
            else self._allowed()
            | {"answer": "never", "reason": self.env._("No usable number.")}
        )
        interaction = target.interaction_id
        extra = contact.read(["contact_properties"])[0]["contact_properties"]
        profile = target.read(["target_properties"])[0]["target_properties"]
        # The gate knows the place by more than the postcode.
        tz = facts.person.place.tz if facts else contact.tz
        zone = ZoneInfo(tz)
        local = now.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
        return {
            "target": {
                "id": target.id,
                "state": target.state,
                "attempts": target.attempts,
                "max_attempts": campaign.max_attempts,
                "callback": target.callback,
                "callback_note": target.callback_note or "",
                "next_call_at": self._text(target.next_call_at),
                "priority": target.priority,
                "database": target.database_id.name,
                "lease_until": self._text(target.leased_until),
                "suggested_phone_id": suggested.id,
                "notes": target.notes or "",
            },
            "contact": {
                "id": contact.id,
                "name": contact.display_name,
                "vat": contact.vat or self._invented(target, "vat"),
                "street": contact.street or "",
                "zip": contact.zip or "",
                "city": contact.city or "",
                "state": contact.state_id.name or "",
                "email": contact.email or self._invented(target, "email"),
                "age": self._age(contact.birthdate, local.date()),
                "language": self._language(contact.lang),
                "note": contact.note or "",
                "category": ", ".join(contact.category_ids.mapped("name")),
                "type": contact.type_id.name or "",
                "extra": [
                    {"string": field["string"], "value": self._plain(field)}
                    for field in extra
                    if field.get("value") not in (False, None, "")
                ],
                "funnel_stage": contact.partner_id.funnel_stage or "contact",
                "local_time": local.strftime("%H:%M"),
                "tz": tz,
            },
            "phones": self._phone_values(target, verdicts),
            "profile": {field["name"]: field.get("value") for field in profile},
            "calling": gate._calling(facts, now) if facts else False,
            "may_call": self._verdict_values(verdict),
            "consent": self._consent_values(target, verdict.get("basis") or ""),
            "history": self._history(contact),
            "interaction": self._interaction_values(interaction)
            if interaction
            else False,
            "script_values": self._script_placeholders(target),
            **self._call_parts(target),
        }

    @api.model
    def _language(self, code):
        """Its name where it is installed, else the code as it was loaded."""
        if not code:
            return ""
        return dict(self.env["res.lang"].get_installed()).get(code, code)

    @api.model
    def _plain(self, field):
        """A property's value as a person reads it."""
        value = field.get("value")
        if field["type"] == "selection":
            return dict(field.get("selection") or []).get(value, value)
        if field["type"] == "date":
            return format_date(self.env, value)
        return str(value)

    @api.model
    def _age(self, birthdate, today):
        if not birthdate:
            return False
        before = (today.month, today.day) < (birthdate.month, birthdate.day)
        return today.year - birthdate.year - before

    @api.model
    def _suggested_phone(self, target, verdicts):
        """The number agreed or next in turn, if it may be called, else the first that
        may."""
        chosen = target.phone_id
        if chosen in verdicts and verdicts[chosen]["answer"] == "allowed":
            return chosen
        for phone, verdict in verdicts.items():
            if verdict["answer"] == "allowed":
                return phone
        return next(iter(verdicts), self.env["telemarketing.contact.phone"])

    @api.model
    def _allowed(self):
        """A verdict with nothing to say."""
        return {
            "answer": "allowed",
            "until": False,
            "reason": "",
            "code": False,
            "article": "",
            "basis": "",
            "record_whole": False,
            "warnings": [],
        }

    @api.model
    def _verdict_values(self, verdict):
        return {
            **verdict,
            "until": self._text(verdict["until"]),
            "closes": self._text(verdict.get("closes")),
        }

    @api.model
    def _consent_values(self, target, basis):
        """Why this person may be called, and what is worth asking: ``CONSENT``."""
        contact, campaign = target.contact_id, target.campaign_id
        Consent = self.env["telemarketing.consent"].sudo()
        values = Consent._state_for(contact, self._now())
        values["ask"] = values["ask"] and campaign.call_purpose == "commercial"
        text = self.env["telemarketing.consent.text"].sudo()
        if values["ask"]:
            text = text._for(contact)
            values["ask"] = bool(text)
        since = {
            "consent": contact.consented_on,
            "request": contact.basis_date
            if contact.legal_basis
            else contact.database_id.basis_date,
        }.get(basis)
        return {
            **values,
            "basis": basis,
            "basis_on": fields.Date.to_string(since) if since else False,
            "article": BASIS_ARTICLES.get(basis, ""),
            "text_id": text.id,
            "text_to_read": text._rendered(contact) if text else "",
        }

    @api.model
    def _history(self, contact):
        """What was done with this person, within its principal, newest first."""
        domain = Domain("contact_id", "=", contact.id)
        if contact.partner_id:
            domain |= Domain("partner_id", "=", contact.partner_id.id)
        domain &= Domain("principal_id", "=", contact.principal_id.id)
        domain &= Domain("company_id", "=", contact.company_id.id)
        domain &= Domain("state", "=", "done")
        interactions = (
            self.env["telemarketing.interaction"].sudo().search(domain, limit=HISTORY)
        )
        return [
            {
                "id": i.id,
                "at": self._text(i.started_at),
                "action": i.action_type_id.name or "",
                "result": i.disposition_id.display_name or "",
                "agent": i.agent_id.name or "",
                "campaign": i.campaign_id.name or "",
                "seconds": i.talk_seconds,
                "notes": i.notes or "",
            }
            for i in interactions
        ]

    @api.model
    def _interaction_values(self, interaction):
        return {
            "uuid": interaction.uuid,
            "state": interaction.state,
            "phone_id": interaction.phone_id.id,
            "started_at": self._text(interaction.started_at),
            "answered_at": self._text(interaction.answered_at),
            "ended_at": self._text(interaction.ended_at),
            "notes": interaction.notes or "",
            "reason_id": interaction.reason_id.id,
            "is_call": interaction.is_call,
            "incoming": interaction.direction == "in",
            "confirmed": interaction.confirmed_lines or [],
        }

    @api.model
    def _who_calls(self, campaign):
        """The trader and, where it is another, for whom (TRLGDCU art. 96.2)."""
        if not campaign.principal_id:
            return campaign.company_id.name
        return self.env._(
            "%(center)s, on behalf of %(principal)s",
            center=campaign.company_id.name,
            principal=campaign.principal_id.name,
        )

    @api.model
    def _script_placeholders(self, target):
        """Values for the placeholders of scripts, as text."""
        contact, campaign = target.contact_id, target.campaign_id
        values = {
            "agente": self.env.user.name,
            "nombre": contact.name or "",
            "empresa": (campaign.principal_id or campaign.company_id).name,
            "centro": campaign.company_id.name,
            "identificación": self._who_calls(campaign),
            "campaña": campaign.name,
            "ciudad": contact.city or "",
            "dirección": contact.street or "",
        }
        for field in target.read(["target_properties"])[0]["target_properties"]:
            key = field["string"].strip().lower()
            values[f"perfil.{key}"] = self._plain(field) if field.get("value") else ""
        return values

    @api.model
    def _closed_values(self, interaction):
        return {
            "uuid": interaction.uuid,
            "target_id": interaction.target_id.id,
            "state": interaction.target_id.state or False,
            "todo": (interaction.todo or "").splitlines(),
            "partner_id": interaction.partner_id.id,
            "lead_id": interaction.lead_id.id,
            **self._closed_parts(interaction),
        }

    @api.model
    def _figures(self, session):
        """The caller's figures of the company's day, in all campaigns."""
        since = self._day_start(session.company_id)
        user = session.user_id
        calls = (
            self.env["telemarketing.stat.call"]
            .sudo()
            ._sums({"agent_id": user.id}, since)
        )
        paused = (
            self.env["telemarketing.stat.time"]
            .sudo()
            ._sums({"agent_id": user.id, "state": "paused"}, since)
        )
        handled = calls["talk_seconds"] + calls["wrap_seconds"]
        return {
            "calls": calls["calls"],
            "contacts": calls["contacts"],
            "useful": calls["useful"],
            "conversions": calls["conversions"],
            "average_seconds": round(handled / calls["calls"]) if calls["calls"] else 0,
            "paused_seconds": paused["seconds"],
            "conversion_label": session.campaign_id._conversion_label()
            if session.campaign_id
            else self.env._("conversions"),
        }

    @api.model
    def _shown_phone(self, target):
        phone = target.phone_id or target.contact_id.phone_ids[:1]
        if not phone.e164:
            return ""
        if target.campaign_id.mask_numbers:
            return mask_phone(phone.e164)
        return format_phone(phone.e164)

    @api.model
    def _limited_card(self, target):
        contact = target.contact_id
        phone = contact.phone_ids[:1]
        return {
            "target_id": target.id,
            "contact_id": contact.id,
            "name": contact.display_name,
            "city": contact.city or "",
            "phone_masked": mask_phone(phone.e164) if phone.e164 else "",
            "campaign": target.campaign_id.name,
            "state": target.state,
            "label": target.label,
            "last_result": target.last_disposition_id.display_name or "",
        }

    @api.model
    def _not_running(self, campaign):
        return {
            "ready_later": 0,
            "next_at": False,
            "mine_callbacks": 0,
            "never": 0,
            "reasons": [
                {
                    "text": self.env._("The campaign is not running now."),
                    "count": 0,
                }
            ],
        }

    @api.model
    def _empty_values(self, campaign):
        """Why there is nothing to call, in numbers, and from when there will be.

        The campaign is counted once a minute for all desks; what is the agent's own
        is asked of the lease's indexes.
        """
        counts = self.env["telemarketing.availability"]._of(campaign)
        lines = self.env["telemarketing.availability"]._lines(campaign)
        now = self._now()
        mine = self._count(campaign, "callback AND callback_user_id = %(user)s", now)
        others = self._count(
            campaign,
            "NOT callback AND due_at <= %(now)s AND agent_id <> %(user)s",
            now,
        )
        reasons = [(sentence, count) for count, sentence in lines[1:]]
        if others:
            reasons.insert(0, (self.env._("assigned to other agents"), others))
        return {
            "ready_later": counts["later"] + counts["callbacks"],
            "next_at": self._text(self._next_due(campaign, now)),
            "mine_callbacks": mine,
            "never": counts["never"] + counts["excluded"],
            "reasons": [{"text": text, "count": count} for text, count in reasons],
        }

    @api.model
    def _next_due(self, campaign, now):
        """When the next person comes to this agent: the first of each class of the
        lease, by its index."""
        self.env.cr.execute(
            """SELECT min(due_at) FROM (
                   SELECT (SELECT min(t.due_at) FROM telemarketing_target t
                           WHERE t.campaign_id = %(campaign)s AND t.state = 'ready'
                             AND t.live AND t.due_at > %(now)s AND t.callback
                             AND t.callback_user_id = %(user)s) AS due_at
                   UNION ALL
                   SELECT (SELECT min(t.due_at) FROM telemarketing_target t
                           WHERE t.campaign_id = %(campaign)s AND t.state = 'ready'
                             AND t.live AND t.due_at > %(now)s AND t.callback
                             AND t.callback_user_id IS NULL)
                   UNION ALL
                   SELECT (SELECT min(t.due_at) FROM telemarketing_target t
                           WHERE t.campaign_id = %(campaign)s AND t.state = 'ready'
                             AND t.live AND t.due_at > %(now)s AND NOT t.callback
                             AND (t.agent_id = %(user)s OR t.agent_id IS NULL))
               ) AS firsts""",
            {"campaign": campaign.id, "now": now, "user": self.env.uid},
        )
        return self.env.cr.fetchone()[0]
