import re

from odoo import api, fields, models

# All that Asterisk's manager is ever given (see ``ami.codec``).
SAFE = re.compile(r"[A-Za-z0-9_.:+@/-]{1,128}")
E164 = re.compile(r"\+[1-9][0-9]{5,14}")


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

    @api.private
    def _channel_for(self, campaign, e164):
        """The way out for a number: the first trunk of the campaign, else of its
        server, that carries it and may show the campaign's number. Called with sudo.

        A trunk with a list of numbers shows one of them: the campaign's where it has
        one, else the first. One without a list shows the campaign's, or none.

        :param str e164: ``+34612345678``
        :return: ``(trunk, channel, caller)``; the trunk is empty where none carries it
        """
        server = campaign.dialer_server_id
        trunks = campaign.dialer_trunk_ids or server.trunk_ids
        wanted = campaign._caller_number(campaign.caller_number)
        now = self.env.cr.now()
        for trunk in trunks:
            resting = trunk.backoff_until and trunk.backoff_until > now
            if trunk.server_id != server or not trunk.active or resting:
                continue
            shown = trunk.caller_ids.mapped("e164")
            caller = wanted or (shown[0] if shown else "")
            channel = trunk._channel_of(e164)
            if channel and (not shown or caller in shown):
                return trunk, channel, caller
        return self.browse(), "", ""

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
