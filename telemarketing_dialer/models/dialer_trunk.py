from odoo import fields, models


class TelemarketingDialerTrunk(models.Model):
    """A way out of an Asterisk to the telephone network, and what it may carry."""

    _name = "telemarketing.dialer.trunk"
    _description = "Trunk"
    _order = "server_id, sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    server_id = fields.Many2one(
        "telemarketing.dialer.server", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="server_id.company_id", store=True, precompute=True
    )
    channel = fields.Char(
        required=True,
        default="PJSIP/{number}@trunk",
        help="How Asterisk dials through it; {number} is the number in its format.",
    )
    number_format = fields.Selection(
        [
            ("e164", "+34612345678"),
            ("plain", "34612345678"),
            ("zeros", "0034612345678"),
            ("national", "612345678"),
        ],
        required=True,
        default="e164",
    )
    prefix = fields.Char(help="Digits that the carrier wants before the number.")
    max_channels = fields.Integer(
        "Lines", required=True, default=30, help="Calls at the same time."
    )
    calls_per_second = fields.Float(required=True, default=5.0)
    allowed_prefixes = fields.Char(
        required=True,
        default="+34",
        help="Only numbers that begin so are dialled; separated by spaces.",
    )
    minutes_per_day = fields.Integer("Minutes per Day", help="0: no limit.")
    spend_per_day = fields.Monetary("Spend per Day", help="0: no limit.")
    minute_price = fields.Monetary(
        "Price per Minute", help="What the spend is reckoned with."
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    caller_ids = fields.Many2many(
        "telemarketing.dialer.caller",
        "telemarketing_dialer_caller_trunk_rel",
        "trunk_id",
        "caller_id",
        "Numbers Shown",
        help="What the carrier lets us show.",
    )
    backoff_until = fields.Datetime(
        readonly=True, copy=False, help="The carrier refused calls: not used before."
    )
