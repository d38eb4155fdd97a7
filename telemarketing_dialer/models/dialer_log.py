from odoo import fields, models


class TelemarketingDialerLog(models.Model):
    """What happened to the dialling as a whole: stopped, resumed, link lost, taken
    over. Nobody changes or deletes it."""

    _name = "telemarketing.dialer.log"
    _description = "Dialer Log"
    _order = "id desc"
    _rec_name = "kind"

    at = fields.Datetime(required=True, index=True)
    company_id = fields.Many2one("res.company", required=True, index=True)
    server_id = fields.Many2one("telemarketing.dialer.server", ondelete="set null")
    campaign_id = fields.Many2one("telemarketing.campaign", ondelete="set null")
    user_id = fields.Many2one("res.users")
    kind = fields.Selection(
        [
            ("stop", "Stopped by hand"),
            ("resume", "Resumed by hand"),
            ("mode", "Mode changed"),
            ("owner", "Taken over by a process"),
            ("link_lost", "Asterisk not seen"),
            ("link_back", "Asterisk seen again"),
            ("refused", "Not dialled"),
            ("carrier", "The carrier refuses calls"),
            ("fault", "Fault"),
        ],
        required=True,
    )
    text = fields.Char()
