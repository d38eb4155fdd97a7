from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import html2plaintext, plaintext2html

from ..identity.phone import format_phone, mask_phone
from .desk_seat import seat

# With every answer; a list asked for by itself may be longer.
SHOWN = 30
LISTED = 200
# Further than this nobody scrolls, and a request for years costs time.
AGENDA_DAYS = 62
MAX_TITLE = 200
MAX_NOTE = 2000
WHOSE = {
    "all": "(callback_user_id = %(user)s OR callback_user_id IS NULL)",
    "mine": "callback_user_id = %(user)s",
    "anyone": "callback_user_id IS NULL",
}


class TelemarketingDeskAgenda(models.AbstractModel):
    """Part of ``telemarketing.desk``: callbacks, their notices and the agenda."""

    _name = "telemarketing.desk.agenda"
    _description = "Desk: Agenda"

    # PROTOCOL

    @api.model
    @seat
    def callbacks(self, session, since=False, until=False, own="all"):
        """My callbacks in all my campaigns, soonest first.

        :param own: ``mine``, ``anyone`` or ``all`` (both)
        :return: ``[CALLBACK]``, at most 200
        """
        if own not in WHOSE:
            raise UserError(self.env._("Choose whose callbacks: mine or anyone's."))
        since = self._instant(since) if since else None
        until = self._instant(until) if until else self._now() + timedelta(hours=24)
        targets = self._find_callbacks(session, own, since, until, LISTED)
        return [self._callback_card(t, self._now()) for t in targets]

    @api.model
    @seat
    def agenda(self, session, since, until):
        """Callbacks, events and notes of mine between two instants, by hour. What is
        overdue is there too when the present lies between them.

        :return: ``{now, items:[{kind: callback|event|note, id, at, until, title, note,
            target_id, campaign_id, mine, due, editable, …}], more}``
        """
        since, until = self._instant(since), self._instant(until)
        if not since < until <= since + timedelta(days=AGENDA_DAYS):
            raise UserError(self.env._("Choose at most two months of your agenda."))
        now = self._now()
        # A callback that nobody has made yet belongs to today.
        first = None if since <= now < until else since
        targets = self._find_callbacks(session, "all", first, until, LISTED)
        items = [self._agenda_callback(target, now) for target in targets]
        events = self._find_events(since, until)
        campaigns = self._my_campaigns()
        items += [self._agenda_event(event, campaigns, now) for event in events]
        items.sort(key=lambda item: (item["at"], item["kind"], item["id"]))
        return {
            "now": self._text(now),
            "items": items,
            "more": len(targets) == LISTED or len(events) == LISTED,
        }

    @api.model
    @seat
    def add_agenda(self, session, values):
        """A note of my own (private event of mine), or a callback of a person whom I
        may open.

        :param dict values: ``{kind: note, title, at, minutes, note}`` or ``{kind:
            callback, target_id, at, mine, phone_id, number, note}``
        """
        if not isinstance(values, dict):
            raise UserError(self.env._("Say what goes into the agenda."))
        if values.get("kind") == "callback":
            target = self._lock_movable(values.get("target_id"), new=True)
            self._put_callback(target, values)
            return self._agenda_changed(session, "callback", target.id)
        if values.get("kind") != "note":
            raise UserError(self.env._("Say what goes into the agenda."))
        self._check_kept(session.campaign_id)
        about = self._note_target(values.get("target_id"))
        self._check_kept(about.campaign_id)
        event = self._agenda_events().create(
            {**self._note_values(values), "telemarketing_target_id": about.id}
        )
        return self._agenda_changed(session, "note", event.id)

    @api.model
    @seat
    def move_note(self, session, note_id, values):
        """Another hour, title or text for a note of mine. Nothing of it changes the
        person whom it is about."""
        note = self._own_note(note_id)
        given = {
            "title": note.name,
            "at": self._text(note.start),
            "minutes": round(note.duration * 60),
            "note": self._note_text(note),
            **(values if isinstance(values, dict) else {}),
        }
        note.write(self._note_values(given))
        return self._agenda_changed(session, "note", note.id)

    @api.model
    @seat
    def move_callback(
        self,
        session,
        target_id,
        at,
        mine=True,
        phone_id=False,
        number="",
        note=None,
    ):
        """Another hour, owner or number for a callback of mine."""
        target = self._lock_movable(target_id)
        values = {"at": at, "mine": mine, "phone_id": phone_id, "number": number}
        self._put_callback(target, {**values, "note": note})
        return self._agenda_changed(session, "callback", target.id)

    @api.model
    @seat
    def remove_agenda(self, session, kind, id):
        """Take a callback or a note of mine out of the agenda. The person stays in the
        campaign's list."""
        if kind == "callback":
            target = self._lock_movable(id)
            target._drop_callback(self._now())
        elif kind == "note":
            self._own_note(id).unlink()
        else:
            raise UserError(
                self.env._("Events are removed in the calendar, by who made them.")
            )
        return self._agenda_changed(session, kind, id)

    # CALLBACKS

    @api.model
    def _callback_values(self, session):
        """My callbacks and anyone's, overdue and until tomorrow, in my campaigns."""
        now = self._now()
        until = now + timedelta(hours=24)
        targets = self._find_callbacks(session, "all", None, until, SHOWN)
        return [self._callback_card(target, now) for target in targets]

    @api.model
    def _find_callbacks(self, session, own, since, until, limit):
        """Ready callbacks, mine before anyone's: one bounded query over the callback
        indexes; the ORM reads the rest. Whose is constant text of ``WHOSE``. Those of
        a training are shown to who practises.

        :return: ``telemarketing.target`` (sudo)
        """
        campaigns = self._my_campaigns(real=not session.campaign_id.training)
        self.env["telemarketing.target"].flush_model()
        self.env.cr.execute(  # pylint: disable=sql-injection
            f"""SELECT id FROM telemarketing_target
                WHERE state = 'ready' AND live AND due_at IS NOT NULL AND callback
                  AND campaign_id = ANY(%(campaigns)s) AND {WHOSE[own]}
                  AND due_at <= %(until)s
                  {"AND due_at >= %(since)s" if since else ""}
                ORDER BY callback_user_id IS NULL, due_at, id LIMIT %(limit)s""",
            {
                "campaigns": campaigns.ids,
                "user": self.env.uid,
                "since": since,
                "until": until,
                "limit": limit,
            },
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        return self.env["telemarketing.target"].sudo().browse(ids)

    @api.model
    def _callback_card(self, target, now):
        """CALLBACK of the protocol."""
        return {
            "target_id": target.id,
            "campaign_id": target.campaign_id.id,
            "name": target.contact_id.display_name,
            "phone": self._shown_phone(target),
            "city": target.contact_id.city or "",
            "database": target.database_id.name,
            "at": self._text(target.due_at),
            "agreed_at": self._text(target.next_call_at),
            "notice_minutes": target.campaign_id.callback_notice_minutes,
            "mine": target.callback_user_id == self.env.user,
            "due": target.due_at <= now,
            "note": target.callback_note or "",
            "last_result": target.last_disposition_id.display_name or "",
            "last_result_at": self._text(target.last_result_at),
            "operator": target.last_agent_id.name or "",
            "first_contact_at": self._text(target.first_contact_at),
        }

    @api.model
    def _lock_movable(self, target_id, new=False):
        """The person of a callback that the caller may change, its row locked.

        Mine, or nobody's that I agreed on. ``new``: somebody without one whom I may
        open and who is nobody else's.

        :raise UserError: somebody else's, on a desk, or not in my campaigns
        """
        target = self.env["telemarketing.target"].sudo()
        target = target.search(
            [
                ("id", "=", self._id_of(target_id)),
                ("campaign_id", "in", self._my_campaigns().ids),
            ]
        )
        if not target:
            raise UserError(self.env._("This person is not in your campaigns."))
        owner = target.callback_user_id
        if target.callback:
            mine = owner == self.env.user or (
                not owner and target.last_agent_id == self.env.user
            )
            if not mine:
                raise UserError(
                    self.env._(
                        "This callback is another agent's: ask your supervisor to "
                        "move it."
                    )
                )
        elif not new:
            raise UserError(self.env._("This callback is not in your agenda any more."))
        else:
            self._check_reachable(target)
            if target.agent_id not in (self.env.user, self.env["res.users"]):
                raise UserError(self.env._("This person is assigned to another agent."))
        if target.state != "ready" or not target.try_lock_for_update():
            raise UserError(
                self.env._(
                    "This person is being called, or is closed: nothing was changed."
                )
            )
        return target.with_company(target.company_id)

    @api.model
    def _put_callback(self, target, values):
        """Write the hour, the owner and the number of a callback agreed or moved
        outside a call: it passes no caps unless it was agreed for that very hour."""
        at, now = self._instant(values.get("at")), self._now()
        same_hour = target.callback and target.next_call_at == at
        if not same_hour and at < now - timedelta(minutes=1):
            raise UserError(self.env._("The callback's hour has already passed."))
        if at > now + timedelta(days=3 * 366):
            raise UserError(self.env._("The callback is more than three years away."))
        phone = self._callback_phone(target.contact_id, values, target)
        written = {
            "callback": True,
            "next_call_at": at,
            "callback_user_id": self.env.uid if values.get("mine", True) else False,
        }
        if phone:
            written["phone_id"] = phone.id
        if values.get("note") is not None:
            written["callback_note"] = self._line(values["note"]) or False
        if not same_hour:
            gate = self.env["telemarketing.gate"].sudo()
            finding = gate._hours_finding(target, at)
            if finding:
                raise UserError(
                    self.env._(
                        "At that hour the person may not be called: %s Choose another "
                        "one.",
                        gate._text(finding),
                    )
                )
            written |= {"callback_agreed": False, "asked_hour": False}
        target.write(written)
        target._refresh_gate(targets=target)
        if not target.due_at:
            raise UserError(
                self.env._(
                    "This person may not be called: %s", target.callable_reason or ""
                )
            )

    @api.model
    def _callback_phone(self, contact, given, target):
        """The number on which to call back: one of the person's, or another one that
        is added to them after the same checks as any.

        :param dict given: ``{phone_id, number}``; ``number`` as it was typed
        :return: ``telemarketing.contact.phone``, empty: the one used so far
        """
        text = given.get("number")
        if not text:
            return contact.phone_ids.filtered(
                lambda p: p.id == given.get("phone_id") and p.state == "ok"
            )
        parsed = self.env["telemarketing.contact.phone"]._typed(text)
        phone = contact.phone_ids.filtered(lambda p: p.e164 == parsed.e164)[:1]
        if phone.state == "bad":
            raise UserError(
                self.env._("That number is not this person's: it was marked so.")
            )
        phone = phone or self._new_phone(contact, text.strip())
        if target:
            verdict = target._may_call_each(phone, self._now()).get(phone)
            if verdict and verdict["answer"] == "never":
                raise UserError(
                    self.env._("That number may not be called: %s", verdict["reason"])
                )
        return phone

    # EVENTS AND NOTES

    @api.model
    def _agenda_events(self):
        """Odoo's calendar as the desk writes it: nobody is written to."""
        return (
            self.env["calendar.event"]
            .sudo()
            .with_context(dont_notify=True, no_mail_to_attendees=True)
        )

    @api.model
    def _find_events(self, since, until):
        """Events in which the caller takes part, notes included."""
        domain = Domain("start", "<", until) & Domain("stop", ">=", since)
        domain &= (
            Domain("user_id", "=", self.env.uid)
            | Domain("partner_ids", "in", self.env.user.partner_id.ids)
            | Domain("telemarketing_operator_id", "=", self.env.uid)
        )
        return self.env["calendar.event"].sudo().search(domain, limit=LISTED)

    @api.model
    def _own_note(self, event_id):
        note = self._agenda_events().search(
            [
                ("id", "=", self._id_of(event_id)),
                ("user_id", "=", self.env.uid),
                ("telemarketing_note", "=", True),
            ]
        )
        if not note:
            raise UserError(self.env._("This note is not in your agenda any more."))
        return note

    @api.model
    def _note_target(self, target_id):
        """Whom a note is about, if anybody: on my desk, or whom I may open."""
        Target = self.env["telemarketing.target"].sudo()
        if not target_id:
            return Target
        target = Target.search(
            [
                ("id", "=", self._id_of(target_id)),
                ("campaign_id", "in", self._my_campaigns().ids),
            ]
        )
        if not target:
            raise UserError(self.env._("This person is not in your campaigns."))
        if target.leased_by_id != self.env.user:
            self._check_reachable(target)
        return target

    @api.model
    def _note_values(self, values):
        title = self._line(values.get("title"))
        if not title:
            raise UserError(self.env._("Write what the note is about."))
        at, now = self._instant(values.get("at")), self._now()
        if abs(at - now) > timedelta(days=3 * 366):
            raise UserError(self.env._("The note is more than three years away."))
        minutes = values.get("minutes") or 30
        if not isinstance(minutes, int) or not 5 <= minutes <= 24 * 60:
            raise UserError(self.env._("A note lasts from five minutes to a day."))
        text = values.get("note") or ""
        if not isinstance(text, str) or len(text) > MAX_NOTE:
            raise UserError(
                self.env._("The notes are longer than %s characters.", MAX_NOTE)
            )
        return {
            "name": title,
            "start": at,
            "stop": at + timedelta(minutes=minutes),
            "allday": False,
            "notes": plaintext2html(self._check_no_card(text.replace("\x00", "")))
            if text
            else False,
            "telemarketing_note": True,
            "privacy": "private",
            "user_id": self.env.uid,
            "partner_ids": [(6, 0, self.env.user.partner_id.ids)],
        }

    @api.model
    def _note_text(self, note):
        return html2plaintext(note.notes or "").strip()

    # VALUES

    @api.model
    def _agenda_callback(self, target, now):
        masked = target.campaign_id.mask_numbers
        own = target.callback_user_id == self.env.user
        return {
            **self._callback_card(target, now),
            "kind": "callback",
            "id": target.id,
            "title": target.contact_id.display_name,
            "until": False,
            "campaign": target.campaign_id.name,
            "phone_id": target.phone_id.id,
            "phones": [
                {
                    "id": phone.id,
                    "text": mask_phone(phone.e164)
                    if masked
                    else format_phone(phone.e164),
                }
                for phone in target.contact_id.phone_ids
                if phone.e164 and phone.state == "ok"
            ],
            "editable": own
            or (not target.callback_user_id and target.last_agent_id == self.env.user),
        }

    @api.model
    def _agenda_event(self, event, campaigns, now):
        target = event.telemarketing_target_id
        mine = target.campaign_id in campaigns
        note = event.telemarketing_note and event.user_id == self.env.user
        return {
            "kind": "note" if note else "event",
            "id": event.id,
            "at": self._text(event.start),
            "until": self._text(event.stop),
            "allday": event.allday,
            "title": event.name or "",
            "note": self._note_text(event) if note else "",
            "place": event.location or "",
            "operator": event.user_id.name or "",
            "target_id": target.id if mine else False,
            "campaign_id": target.campaign_id.id if mine else False,
            "campaign": target.campaign_id.name if mine else "",
            "mine": event.user_id == self.env.user,
            "due": event.start <= now,
            "editable": note,
        }

    @api.model
    def _agenda_changed(self, session, kind, record_id):
        return {
            "now": self._text(self._now()),
            "callbacks": self._callback_values(session),
            "changed": {"kind": kind, "id": record_id},
        }

    @api.model
    def _line(self, text):
        """One line of text as somebody typed it."""
        if not isinstance(text, str):
            return ""
        text = " ".join(text.replace("\x00", "").split())[:MAX_TITLE]
        return self._check_no_card(text)

    @api.model
    def _id_of(self, value):
        """An id by RPC: whatever is none finds nothing."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value if whole and 0 < value < 2**31 else 0
