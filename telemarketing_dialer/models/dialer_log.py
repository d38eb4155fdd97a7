from odoo import api, fields, models
from odoo.exceptions import UserError


class TelemarketingDialerLog(models.Model):
    """What happened to the dialling as a whole: stopped, resumed, link lost, taken
    over. Nobody changes or deletes it."""

    _name = "telemarketing.dialer.log"
    _description = "Dialer Log"
    _order = "id desc"
    _rec_name = "kind"

    at = fields.Datetime("When", required=True, index=True)
    company_id = fields.Many2one("res.company", required=True, index=True)
    server_id = fields.Many2one(
        "telemarketing.dialer.server", "Asterisk", ondelete="set null"
    )
    campaign_id = fields.Many2one(
        "telemarketing.campaign", index="btree_not_null", ondelete="set null"
    )
    user_id = fields.Many2one("res.users", "Who")
    kind = fields.Selection(
        [
            ("stop", "Stopped by hand"),
            ("resume", "Resumed by hand"),
            ("mode", "Mode changed"),
            ("test", "Test call"),
            ("owner", "Taken over by a process"),
            ("link_lost", "Asterisk not seen"),
            ("link_back", "Asterisk seen again"),
            ("refused", "Not dialled"),
            ("carrier", "The carrier refuses calls"),
            ("fault", "Fault"),
        ],
        "What",
        required=True,
    )
    text = fields.Char("Details")

    def write(self, vals):  # pylint: disable=method-required-super
        self.check_access("write")
        raise UserError(self.env._("What was written down does not change."))

    @api.ondelete(at_uninstall=False)
    def _never_unlink(self):
        raise UserError(self.env._("What was written down is not deleted."))

    @api.model
    @api.private
    def _append(self, kind, text="", server=None, campaign=None, user=None):
        """One line, of a server or a campaign at least.

        :param user: who did it; empty where nobody did
        """
        company = (server and server.company_id) or campaign.company_id
        return self.sudo().create(
            {
                "at": self.env["telemarketing.clock"]._now(),
                "company_id": company.id,
                "server_id": server and server.id,
                "campaign_id": campaign and campaign.id,
                "user_id": user and user.id,
                "kind": kind,
                "text": text,
            }
        )
