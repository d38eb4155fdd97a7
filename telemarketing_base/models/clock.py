from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models

from ..identity.postcode import MADRID

DEMO_FLAG = "telemarketing.demo_database"
SHIFT = "telemarketing.clock_shift_seconds"


class TelemarketingClock(models.AbstractModel):
    """The one clock that every rule asks.

    A database flagged as demo or test may shift it, so that demo, tests and
    benches dial on a Sunday night too. Anywhere else the shift is ignored.
    """

    _name = "telemarketing.clock"
    _description = "Telemarketing Clock"

    @api.model
    def _now(self):
        """Naive UTC instant, whole seconds."""
        return fields.Datetime.now() + timedelta(seconds=self._shift())

    @api.model
    def _shift(self):
        """Seconds by which this database's clock is off; 0 outside demo and test."""
        params = self.env["ir.config_parameter"].sudo()
        if params.get_param(DEMO_FLAG) != "1":
            return 0
        try:
            return int(params.get_param(SHIFT, "0"))
        except ValueError:
            return 0

    def _register_hook(self):
        """A demonstration that is started on a Sunday night calls people too."""
        super()._register_hook()
        self._wind()

    @api.model
    def _wind(self, always=False):
        """On a database of demo or test: forward to eleven of the next working day,
        unless people may be called at this hour. Elsewhere nothing happens.

        :param bool always: to eleven in any case
        :return: whether the clock was moved
        """
        params = self.env["ir.config_parameter"].sudo()
        if params.get_param(DEMO_FLAG) != "1":
            return False
        zone, utc = ZoneInfo(MADRID), ZoneInfo("UTC")
        local = self._now().replace(tzinfo=utc).astimezone(zone)
        day = local.date()
        open_now = self._works(day) and time(10, 0) <= local.time() < time(19, 0)
        if open_now and not always:
            return False
        if not self._works(day) or local.time() >= time(10, 0):
            day += timedelta(days=1)
        while not self._works(day):
            day += timedelta(days=1)
        goal = datetime.combine(day, time(11, 0), zone).astimezone(utc)
        shift = goal.replace(tzinfo=None) - fields.Datetime.now()
        params.set_param(SHIFT, str(int(shift.total_seconds())))
        return True

    @api.model
    def _works(self, day):
        """A working day everywhere in Spain."""
        holidays = self.env["telemarketing.holiday"].sudo()
        return day.isoweekday() <= 5 and not holidays.search_count(
            [("date", "=", day), ("works", "=", False)], limit=1
        )
