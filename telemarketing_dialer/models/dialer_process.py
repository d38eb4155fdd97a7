from odoo import fields, models


class TelemarketingDialerProcess(models.Model):
    """A dialer process that is running, owner of some servers or standing by."""

    _name = "telemarketing.dialer.process"
    _description = "Dialer Process"
    _order = "seen_at desc"

    name = fields.Char(required=True, help="Host, process number and a random part.")
    started_at = fields.Datetime(required=True)
    seen_at = fields.Datetime(required=True)
    version = fields.Char()

    _name_uniq = models.UniqueIndex("(name)", "This process is already there.")
