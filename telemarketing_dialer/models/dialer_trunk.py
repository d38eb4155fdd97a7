import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.telemarketing_base.models.guard import check_fields

from .words import check_template

# All that Asterisk's manager is ever given (see ``ami.codec``).
SAFE = re.compile(r"[A-Za-z0-9_.:+@/-]{1,128}")
E164 = re.compile(r"\+[1-9][0-9]{5,14}")
PREFIX = re.compile(r"\+[0-9]{1,14}")


class TelemarketingDialerTrunk(models.Model):
    """A way out of an Asterisk to the telephone network, and what it may carry."""

    _name = "telemarketing.dialer.trunk"
    _description = "Trunk"
    _inherit = ["mail.thread"]
    _order = "server_id, sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True, tracking=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True, tracking=True)
    server_id = fields.Many2one(
        "telemarketing.dialer.server", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="server_id.company_id", store=True, precompute=True
    )
    channel = fields.Char(
        required=True,
        default=lambda self: "PJSIP/{number}@trunk",
        tracking=True,
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
        "Lines",
        required=True,
        default=30,
        tracking=True,
        help="Calls at the same time.",
    )
    calls_per_second = fields.Float(required=True, default=5.0, tracking=True)
    allowed_prefixes = fields.Char(
        required=True,
        default="+34",
        tracking=True,
        help="Only numbers that begin so are dialled; separated by spaces.",
    )
    minutes_per_day = fields.Integer(
        "Minutes per Day", tracking=True, help="0: no limit."
    )
    spend_per_day = fields.Monetary("Spend per Day", tracking=True, help="0: no limit.")
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
        check_company=True,
        help="What the carrier lets us show.",
    )
    backoff_until = fields.Datetime(
        readonly=True, copy=False, help="The carrier refused calls: not used before."
    )

    _limits = models.Constraint(
        "CHECK (max_channels BETWEEN 1 AND 10000 AND minutes_per_day >= 0 "
        "AND spend_per_day >= 0 AND minute_price >= 0)",
        "A trunk has at least one line; limits and prices are not negative.",
    )
    _rate = models.Constraint(
        "CHECK (calls_per_second > 0 AND calls_per_second <= 200)",
        "Calls per second: more than 0, and 200 at most.",
    )

    _TOLD = {
        *("active", "server_id", "channel", "number_format", "prefix"),
        *("max_channels", "calls_per_second", "allowed_prefixes", "sequence"),
        *("minutes_per_day", "spend_per_day", "minute_price", "caller_ids"),
    }
    # How Asterisk reaches the network is for who administers it.
    _technical_fields = ("server_id", "channel", "number_format", "prefix")

    @api.constrains("channel")
    def _check_channel(self):
        for trunk in self:
            check_template(trunk, "channel", "number")

    @api.constrains("prefix")
    def _check_prefix(self):
        for trunk in self:
            if trunk.prefix and not re.fullmatch(r"[0-9]{1,10}", trunk.prefix):
                raise ValidationError(
                    self.env._(
                        "Prefix: “%s” cannot be used. Write digits only, ten at most.",
                        trunk.prefix,
                    )
                )

    @api.constrains("allowed_prefixes")
    def _check_allowed_prefixes(self):
        for trunk in self:
            prefixes = (trunk.allowed_prefixes or "").split()
            wrong = [each for each in prefixes if not PREFIX.fullmatch(each)]
            if wrong or not prefixes:
                raise ValidationError(
                    self.env._(
                        "Numbers allowed: “%s” cannot be used. Write what they begin "
                        "with, + and digits, separated by spaces: +34 +351.",
                        " ".join(wrong) or trunk.allowed_prefixes or "",
                    )
                )

    @api.constrains("spend_per_day", "minute_price")
    def _check_price(self):
        for trunk in self:
            if trunk.spend_per_day and not trunk.minute_price:
                raise ValidationError(
                    self.env._(
                        "%s: without a price per minute nobody knows what was spent "
                        "in a day. Write it, or leave the spend at 0.",
                        trunk.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, denied=("backoff_until",))
        trunks = super().create(vals_list)
        trunks._tell()
        return trunks

    def write(self, vals):
        denied = ("backoff_until",)
        if not self.env.user.has_group("base.group_system"):
            denied += self._technical_fields
        check_fields(self, vals, denied=denied)
        before = self.server_id
        result = super().write(vals)
        if self._TOLD & set(vals):
            self._tell(before)
        return result

    def unlink(self):
        self._tell()
        return super().unlink()

    def _tell(self, before=None):
        """The process that dials through them looks at them again."""
        (self.server_id | (before or self.server_id))._notify("server")

    @api.private
    def _channel_for(self, campaign, e164):
        """The way out for a number: the first trunk of the campaign, else of its
        server, that carries it now, has a line free and may show the campaign's
        number. Called with sudo.

        :param str e164: ``+34612345678``
        :return: ``(trunk, channel, caller)``; the trunk is empty where none carries it
        """
        dialer = self.env["telemarketing.dialer"]
        trunk, caller = dialer._route(campaign, e164, dialer._rooms(campaign))
        return trunk, trunk._channel_of(e164) if trunk else "", caller

    @api.private
    def _channel_of(self, e164):
        """What Asterisk dials to reach this number here, or "" where it may not."""
        self.ensure_one()
        prefixes = tuple((self.allowed_prefixes or "").split())
        if not E164.fullmatch(e164 or "") or not e164.startswith(prefixes):
            return ""
        number = {
            "e164": e164,
            "plain": e164[1:],
            "zeros": f"00{e164[1:]}",
            "national": e164[3:] if e164.startswith("+34") else f"00{e164[1:]}",
        }[self.number_format]
        number = f"{self.prefix or ''}{number}"
        channel = self.channel.replace("{number}", number)
        return channel if SAFE.fullmatch(channel) else ""
