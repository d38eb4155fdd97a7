from datetime import date, timedelta
from zoneinfo import ZoneInfo

from psycopg2 import IntegrityError

from odoo import api, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_datetime

from .booking import MAX_MINUTES, MAX_NOTE, MAX_PLACE
from .desk_seat import seat

MIN_MINUTES = 5


class TelemarketingDeskBooking(models.AbstractModel):
    """Part of ``telemarketing.desk``: an appointment, its free slots, its booking.

    Of the calendars an agent is told only when somebody is free or busy, and only of
    those whom the campaign of the person on the desk books.
    """

    _name = "telemarketing.desk.booking"
    _description = "Desk: Appointments"

    @api.model
    @seat
    def slots(self, session, target_id, day, minutes, kind, place=""):
        """Free slots of a day for the person on the desk.

        :param str day: ISO date at the person's place
        :param int minutes: length, 5 to 480
        :param str place: the address where it differs from the person's
        :return: ``{day, tz, first_day, last_day, next_day, people: [{id, name,
            slots: [instant], busy: [[from, to]], zone}]}``
        """
        target = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
        if not target or target.id != target_id:
            raise UserError(
                self.env._("This person is no longer on your desk. Ask for the next.")
            )
        contact = target.contact_id
        campaign = target.campaign_id.with_company(target.campaign_id.company_id)
        booker = self.env["telemarketing.booking"].sudo()
        booker = booker.with_company(campaign.company_id)
        zone = ZoneInfo(contact.tz)
        first = booker._last_day(campaign, zone) - timedelta(
            days=campaign.appointment_days
        )
        last = booker._last_day(campaign, zone)
        wanted = min(max(self._check_day(day), first), last)
        offer = booker._offer(
            campaign,
            contact,
            wanted,
            self._check_minutes(minutes),
            self._check_kind(kind),
            self._check_text(place, MAX_PLACE),
        )
        return {
            "now": self._text(self._now()),
            "day": wanted.isoformat(),
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
            "next_day": offer["next_day"] and offer["next_day"].isoformat(),
            "tz": contact.tz,
            "people": [
                {
                    "id": each["user"].id,
                    "name": each["user"].name,
                    "slots": [self._text(slot) for slot in each["slots"]],
                    "busy": [
                        [self._text(start), self._text(stop)]
                        for start, stop in each["busy"]
                    ],
                    "zone": each["zone"],
                }
                for each in offer["people"]
            ],
        }

    @api.model
    def _campaign_parts(self, campaign):
        values = super()._campaign_parts(campaign)
        people = self.env["telemarketing.booking"].sudo()._people(campaign)
        appointments = False
        if people:
            kinds = self.env["telemarketing.booking"]._kinds()
            appointments = {
                "minutes": campaign.appointment_minutes,
                "kind": campaign.appointment_kind or "visit",
                "kinds": [{"id": key, "name": name} for key, name in kinds.items()],
            }
        return {**values, "appointments": appointments}

    # CHECKS of what the browser says

    @api.model
    def _check_day(self, text):
        try:
            return date.fromisoformat(text[:10])
        except (TypeError, ValueError) as error:
            raise UserError(self.env._("Say of which day.")) from error

    @api.model
    def _check_minutes(self, minutes):
        whole = isinstance(minutes, int) and not isinstance(minutes, bool)
        if not whole or not MIN_MINUTES <= minutes <= MAX_MINUTES:
            raise UserError(
                self.env._(
                    "An appointment takes %(least)s to %(most)s minutes.",
                    least=MIN_MINUTES,
                    most=MAX_MINUTES,
                )
            )
        return minutes

    @api.model
    def _check_kind(self, kind):
        kinds = self.env["telemarketing.booking"]._kinds()
        if not isinstance(kind, str) or kind not in kinds:
            raise UserError(self.env._("Say what kind of appointment it is."))
        return kind

    @api.model
    def _check_text(self, text, limit):
        text = str(text or "").replace("\x00", "").strip()
        if len(text) > limit:
            raise UserError(
                self.env._("That is longer than %s characters: shorten it.", limit)
            )
        return self._check_no_card(text)

    # CLOSING

    @api.model
    def _check_closing(self, interaction, campaign, disposition, payload):
        given = super()._check_closing(interaction, campaign, disposition, payload)
        wanted = payload.get("appointment")
        if not wanted and not disposition.needs_appointment:
            return given
        try:
            appointment = self._check_appointment(
                interaction, campaign, disposition, wanted
            )
        except UserError as error:
            if not interaction.lost:
                raise
            # Kept while there was no network, and nobody is there to choose again.
            interaction._add_todo(
                self.env._(
                    "The appointment of %(name)s was not booked: %(why)s",
                    name=interaction.contact_id.display_name,
                    why=error.args[0],
                )
            )
            return given
        return given | {"appointment": appointment} if appointment else given

    @api.model
    def _check_appointment(self, interaction, campaign, disposition, wanted):
        """:return: what ``_book`` needs, or None where there is nobody to book"""
        booker = self.env["telemarketing.booking"].sudo()
        if not wanted:
            if not booker._people(campaign):
                return None
            raise UserError(
                self.env._(
                    "“%s” books an appointment: choose a slot.", disposition.name
                )
            )
        if not disposition.needs_appointment:
            raise UserError(
                self.env._(
                    "“%s” books no appointment: take the slot off, or choose the "
                    "result that books it.",
                    disposition.name,
                )
            )
        if not isinstance(wanted, dict):
            raise UserError(self.env._("Choose a slot."))
        contact = interaction.contact_id
        return booker._check_given(
            campaign,
            contact,
            {
                "user_id": wanted.get("user_id"),
                "start": self._instant(wanted.get("start")),
                "minutes": self._check_minutes(wanted.get("minutes")),
                "kind": self._check_kind(wanted.get("kind")),
                "place": self._check_text(wanted.get("place"), MAX_PLACE)
                or booker._address(contact),
                "note": self._check_text(wanted.get("note"), MAX_NOTE),
            },
        )

    @api.model
    def _wants_prospect(self, disposition, given):
        wants = super()._wants_prospect(disposition, given)
        return wants or "appointment" in given

    @api.model
    def _after_closing(self, interaction, given):
        super()._after_closing(interaction, given)
        if "appointment" not in given:
            return
        booker = self.env["telemarketing.booking"].sudo()
        booker = booker.with_company(interaction.company_id)
        try:
            with self.env.cr.savepoint():
                booker._book(interaction, given["appointment"])
                self.env.flush_all()
        except (UserError, ValidationError, IntegrityError) as error:
            interaction._add_todo(
                self.env._(
                    "The appointment of %(name)s could not be booked: %(why)s",
                    name=interaction.contact_id.display_name,
                    why=error.args[0] if error.args else str(error),
                )
            )

    @api.model
    def _closed_parts(self, interaction):
        values = super()._closed_parts(interaction)
        if not interaction.disposition_id.needs_appointment:
            return {**values, "appointment": False}
        event = (
            self.env["calendar.event"]
            .sudo()
            .search([("telemarketing_interaction_id", "=", interaction.id)], limit=1)
        )
        zone = interaction.contact_id.tz
        return {
            **values,
            "appointment": {
                "id": event.id,
                "start": self._text(event.start),
                "text": self.env._(
                    "%(who)s, %(when)s",
                    who=event.user_id.name,
                    when=format_datetime(
                        self.env, event.start, tz=zone, dt_format="EEE d MMM HH:mm"
                    ),
                ),
            }
            if event
            else False,
        }
