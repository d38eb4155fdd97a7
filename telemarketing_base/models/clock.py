from datetime import timedelta

from odoo import api, fields, models

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
