import logging
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytz

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_datetime, plaintext2html

from .. import booking
from ..identity.postcode import PROVINCES, parse_postcode

_logger = logging.getLogger(__name__)

# Kinds of appointment at the person's place: who visits has to go there.
AT_PLACE = ("visit", "installation")
MAX_MINUTES = 8 * 60
MAX_NOTE = 2000
MAX_PLACE = 300
# How far ahead the next free day is looked for.
LOOK_AHEAD = 14
# The longest event that still counts when it began before the days that are asked for.
LONGEST = timedelta(days=366)


class TelemarketingBookingGuard(models.Model):
    """One row per person who visits, changed by whoever books or moves an appointment
    of theirs: of two transactions that book the same person at once PostgreSQL lets one
    through, and the other, tried again by Odoo, sees what the first one booked."""

    _name = "telemarketing.booking.guard"
    _description = "Guard of a Calendar"
    _log_access = False

    user_id = fields.Many2one("res.users", required=True, ondelete="cascade")
    booked = fields.Integer(help="How often the calendar was changed.")

    _user_uniq = models.UniqueIndex("(user_id)", "There is one guard per person.")

    @api.model
    def _hold(self, users):
        """Nobody else books these people until this transaction ends.

        Under REPEATABLE READ a guard that another transaction has changed since ours
        began raises a serialization failure, which Odoo retries.
        """
        self.env.cr.execute(
            """INSERT INTO telemarketing_booking_guard AS guard (user_id, booked)
               SELECT id, 1 FROM unnest(%s) AS id ORDER BY id
               ON CONFLICT (user_id) DO UPDATE SET booked = guard.booked + 1""",
            [users.ids],
        )
        self.env["telemarketing.booking.guard"].invalidate_model(flush=False)

    @api.model
    def _touch(self, user_ids):
        """The same for whoever of these users agents book; others have no guard."""
        if not user_ids:
            return
        self.env.cr.execute(
            """INSERT INTO telemarketing_booking_guard AS guard (user_id, booked)
               SELECT DISTINCT user_id, 1 FROM telemarketing_campaign_salesperson_rel
               WHERE user_id = ANY(%s) ORDER BY user_id
               ON CONFLICT (user_id) DO UPDATE SET booked = guard.booked + 1""",
            [list(user_ids)],
        )


class TelemarketingBooking(models.AbstractModel):
    """Whom an agent may book, when they are free, and the booking itself.

    For code with ``sudo``, after its own checks of who asks.
    """

    _name = "telemarketing.booking"
    _description = "Booking of Appointments"

    @api.model
    def _people(self, campaign):
        """Salespeople and technicians whom this campaign's agents book."""
        return campaign.sudo().salesperson_ids.filtered(
            lambda user: not user.share and campaign.company_id in user.company_ids
        )

    @api.model
    def _kinds(self):
        field = self.env["calendar.event"]._fields["telemarketing_kind"]
        return dict(field._description_selection(self.env))

    @api.model
    def _rule(self, campaign, minutes):
        return booking.Rule(
            minutes,
            grid=int(campaign.appointment_grid or 30),
            travel=campaign.travel_minutes,
            near=campaign.near_minutes,
        )

    # PLACES

    @api.model
    def _address(self, contact):
        """The person's address in one line."""
        town = " ".join(filter(None, (contact.zip, contact.city)))
        return ", ".join(filter(None, (contact.street, town)))

    @api.model
    def _place(self, contact, text=""):
        """``(postcode, province)`` of an appointment at this address, '' and an empty
        record where they are not known."""
        zip_code = booking.postcode_of(text)
        if not zip_code and (not text or text == self._address(contact)):
            place = parse_postcode(contact.zip) if contact.zip else None
            return place.code if place else "", contact.state_id
        state = self.env["res.country.state"]
        if zip_code:
            state = self.env.ref(
                PROVINCES[zip_code[:2]].xmlid, raise_if_not_found=False
            )
        return zip_code, state or self.env["res.country.state"]

    @api.model
    def _goes_there(self, user, zip_code, state):
        """Does this person visit there? Who has no zone visits everywhere, and so does
        everybody where the place is not known."""
        zones = user.telemarketing_zone_ids
        if not zones or not (zip_code or state):
            return True
        return bool(zones._match(zip_code, state))

    # WHEN

    @api.model
    def _work(self, campaign, users, since, until):
        """Working hours by the users' own working calendars, else the company's, less
        their time off.

        :param since: naive UTC, like ``until`` and the answer
        :return: ``{user: [(datetime, datetime)]}``
        """
        company = campaign.company_id
        resources = {}
        for resource in self.env["resource.resource"].search(
            [("user_id", "in", users.ids), ("company_id", "in", (False, company.id))],
            order="company_id DESC, id DESC",
        ):
            resources[resource.user_id] = resource
        own_hours = {}
        for user in users:
            resource = resources.get(user, self.env["resource.resource"])
            calendar = resource.calendar_id or company.resource_calendar_id
            zone = False if resource else user.tz or calendar.tz
            own_hours.setdefault((calendar, zone), []).append((user, resource))
        bounds = [pytz.utc.localize(instant) for instant in (since, until)]
        work = {}
        for (calendar, zone), group in own_hours.items():
            several = self.env["resource.resource"].union(*(r for _user, r in group))
            intervals = calendar._work_intervals_batch(
                *bounds, resources=several, tz=pytz.timezone(zone) if zone else None
            )
            for user, resource in group:
                work[user] = [
                    (_naive(start), _naive(stop))
                    for start, stop, _meta in intervals[resource.id]
                ]
        return work

    @api.model
    def _busy(self, users, since, until):
        """What is in the users' calendars, private events too: only that it is there.

        :return: ``{user: [booking.Busy]}``
        """
        self.env["calendar.event"].flush_model()
        self.env["calendar.attendee"].flush_model()
        self.env.cr.execute(
            """SELECT u.id, e.start, e.stop, e.allday, e.start_date, e.stop_date,
                      e.location, e.telemarketing_kind
               FROM calendar_event e
               JOIN res_users u ON u.id = ANY(%(users)s)
               LEFT JOIN calendar_attendee a
                   ON a.event_id = e.id AND a.partner_id = u.partner_id
               WHERE e.active AND e.show_as = 'busy'
                 AND e.start < %(until)s AND e.start > %(longest)s
                 AND e.stop > %(since)s
                 AND CASE WHEN a.id IS NULL THEN e.user_id = u.id
                          ELSE a.state IS DISTINCT FROM 'declined' END""",
            {
                "users": users.ids,
                # Whole days are stored as hours of their own, in no zone.
                "since": since - timedelta(days=1),
                "until": until + timedelta(days=1),
                "longest": since - LONGEST,
            },
        )
        busy = {user: [] for user in users}
        for row in self.env.cr.fetchall():
            user_id, start, stop, whole, first, last, location, kind = row
            user = self.env["res.users"].browse(user_id)
            if whole:
                zone = ZoneInfo(user.tz or "Europe/Madrid")
                start, stop = booking.all_day(first, last, zone)
            place = None
            if kind in AT_PLACE:
                place = booking.postcode_of(location)
            elif not kind:
                # Somebody's own event: an address is a way, "Room 2" is none.
                place = booking.postcode_of(location) or None
            busy[user].append(booking.Busy(start, stop, place))
        return busy

    @api.model
    def _open_days(self, campaign, state, day, days):
        """Which of these days are no holiday at the place."""
        code = parse_province(state)
        closed = (
            self.env["telemarketing.holiday"]
            .sudo()
            ._for_place(campaign.company_id, code)
        )
        wanted = [day + timedelta(days=n) for n in range(days)]
        return [each for each in wanted if each not in closed]

    @api.model
    def _offer(self, campaign, contact, day, minutes, kind, place=""):
        """Free slots of everybody on a day, whoever visits that zone first.

        :param date day: at the person's place
        :return: ``{people: [{user, slots, busy, zone}], next_day}``; ``next_day`` is
            the first later one with a slot where this day has none
        """
        users = self._people(campaign)
        zip_code, state = self._place(contact, place)
        zone = ZoneInfo(contact.tz)
        rule = self._rule(campaign, minutes)
        since, until = booking.day_bounds(day, zone, LOOK_AHEAD)
        work = self._work(campaign, users, since, until)
        busy = self._busy(users, since, until)
        opens = self._opens(campaign)
        spot = zip_code if kind in AT_PLACE else None
        days = self._open_days(campaign, state, day, LOOK_AHEAD)
        today = booking.day_bounds(day, zone)
        people, later = [], set()
        for user in users:
            there = spot is None or self._goes_there(user, zip_code, state)
            slots = []
            if there:
                slots = [
                    (_local(slot, zone).date(), slot)
                    for slot in booking.free_slots(
                        work[user], busy[user], rule, zone, spot, opens
                    )
                ]
            later |= {at for at, _slot in slots if at in days and at > day}
            people.append(
                {
                    "user": user,
                    "slots": [slot for at, slot in slots if at == day and at in days],
                    "busy": booking.merge(
                        (max(each.start, today[0]), min(each.stop, today[1]))
                        for each in busy[user]
                    ),
                    "zone": there,
                }
            )
        people.sort(key=lambda each: (not each["zone"], not each["slots"]))
        last = self._last_day(campaign, zone)
        free = sorted(at for at in later if at <= last)
        any_slot = any(each["slots"] for each in people)
        return {
            "people": people,
            "next_day": free[0] if free and not any_slot else None,
        }

    @api.model
    def _opens(self, campaign):
        """The first instant that may be booked."""
        now = self.env["telemarketing.clock"]._now()
        return now + timedelta(minutes=max(0, campaign.appointment_notice_minutes))

    @api.model
    def _last_day(self, campaign, zone):
        now = self.env["telemarketing.clock"]._now()
        return _local(now, zone).date() + timedelta(days=campaign.appointment_days)

    # BOOKING

    @api.model
    def _check_given(self, campaign, contact, given):
        """What the browser said of an appointment, checked, and the person who visits
        held until the end of the transaction.

        :param dict given: ``{user_id, start: datetime, minutes, kind, place, note}``
        :return: the same with ``user`` and ``stop``
        :raise UserError: who is taken when, or what is wrong
        """
        user = self._people(campaign).filtered(lambda u: u.id == given["user_id"])
        if not user:
            raise UserError(
                self.env._("Choose one of the people whom this campaign books.")
            )
        start, zone = given["start"].replace(second=0, microsecond=0), contact.tz
        clock = self.env["telemarketing.clock"]._now()
        if start <= clock:
            raise UserError(self.env._("The hour of the appointment has passed."))
        day = _local(start, ZoneInfo(zone)).date()
        if day > self._last_day(campaign, ZoneInfo(zone)):
            raise UserError(
                self.env._(
                    "Appointments are booked %s days ahead at most.",
                    campaign.appointment_days,
                )
            )
        zip_code, state = self._place(contact, given["place"])
        spot = zip_code if given["kind"] in AT_PLACE else None
        if spot is not None and not self._goes_there(user, zip_code, state):
            raise UserError(
                self.env._("%s does not visit that zone: choose another.", user.name)
            )
        self.env["telemarketing.booking.guard"]._hold(user)
        stop = start + timedelta(minutes=given["minutes"])
        work = self._work(
            campaign, user, start - timedelta(days=1), stop + timedelta(days=1)
        )[user]
        busy = self._busy(user, start, stop)[user]
        rule = self._rule(campaign, given["minutes"])
        if not self._open_days(campaign, state, day, 1) or not booking.is_free(
            start, work, busy, rule, spot
        ):
            raise UserError(
                self.env._(
                    "%(who)s is not free on %(when)s any more. Choose another slot.",
                    who=user.name,
                    when=format_datetime(
                        self.env, start, tz=zone, dt_format="EEEE d MMMM, HH:mm"
                    ),
                )
            )
        return {**given, "user": user, "start": start, "stop": stop}

    @api.model
    def _book(self, interaction, given):
        """The event in the calendar of who visits, with the person as attendee.

        :param dict given: of ``_check_given``
        :return: ``calendar.event``
        """
        if interaction.training:
            interaction._would(
                self.env._(
                    "%(who)s would have an appointment: %(when)s.",
                    who=given["user"].name,
                    when=format_datetime(
                        self.env, given["start"], tz=interaction.contact_id.tz
                    ),
                )
            )
            return self.env["calendar.event"]
        campaign, contact = interaction.campaign_id, interaction.contact_id
        user, partner = given["user"], contact.partner_id
        at_place = given["kind"] in AT_PLACE
        values = {
            "name": f"{self._kinds()[given['kind']]}: {contact.display_name}",
            "start": given["start"],
            "stop": given["stop"],
            "allday": False,
            "user_id": user.id,
            "partner_ids": [Command.set((user.partner_id | partner).ids)],
            "location": given["place"] if at_place else False,
            "description": plaintext2html(given["note"]) if given["note"] else False,
            "privacy": "confidential",
            "alarm_ids": [Command.set(campaign.appointment_alarm_ids.ids)],
            "opportunity_id": interaction.lead_id.id,
            "telemarketing_kind": given["kind"],
            "telemarketing_target_id": interaction.target_id.id,
            "telemarketing_operator_id": interaction.agent_id.id,
            "telemarketing_interaction_id": interaction.id,
            "telemarketing_notice": "waiting",
            **(interaction.lead_id or contact)._telemarketing_subjects(),
        }
        # Their mails are those of the campaign and go after the commit.
        event = (
            self.env["calendar.event"]
            .with_company(campaign.company_id)
            .with_context(no_mail_to_attendees=True, mail_create_nosubscribe=True)
            .create(values)
        )
        event.attendee_ids.filtered(
            lambda attendee: attendee.partner_id == user.partner_id
        ).write({"state": "accepted"})
        lead = interaction.lead_id
        if lead and lead.user_id in (self.env["res.users"], interaction.agent_id):
            # Who visits goes on with the opportunity.
            lead.user_id = user
        self.env.ref("telemarketing_base.cron_appointment_messages")._trigger()
        return event

    # MESSAGES

    @api.model
    def _cron_messages(self):
        """What the campaign sends of each new appointment, to the person and to who
        visits; what cannot be sent becomes a to-do of the call."""
        events = self.env["calendar.event"].search(
            [("telemarketing_notice", "=", "waiting")], limit=100, order="id"
        )
        for left, event in enumerate(events, 1):
            try:
                with self.env.cr.savepoint():
                    failed = event._telemarketing_send()
                    if failed and event.telemarketing_interaction_id:
                        event.telemarketing_interaction_id._add_todo("\n".join(failed))
            except Exception:
                # One appointment keeps no other's message back.
                _logger.exception("messages of the appointment %s", event.id)
                failed = True
            event.telemarketing_notice = "failed" if failed else "sent"
            if self.env.context.get("cron_id"):
                self.env["ir.cron"]._commit_progress(1, remaining=len(events) - left)


def parse_province(state):
    """INE code of a state of Spain, '' for any other."""
    if not state:
        return ""
    for province in PROVINCES.values():
        if province.state == state.code and state.country_id.code == "ES":
            return province.ine
    return ""


def _naive(instant):
    return instant.astimezone(timezone.utc).replace(tzinfo=None)


def _local(instant: datetime, zone):
    return instant.replace(tzinfo=timezone.utc).astimezone(zone)
