import re

from odoo import api, fields, models

# What an administrator may name a telephone.
EXTENSION = re.compile(r"[A-Za-z0-9_.-]{1,32}")
# What an agent may write: a short internal number, none of the public network's (those
# begin with 0 or 11: 112, 016, 091, 118…).
SEAT_EXTENSION = re.compile(r"(?!11)[1-9][0-9]{1,5}")
# Of these the dialer is told.
TOLD = {"state", "campaign_id", "phone_wanted", "extension", "logout_at"}


class TelemarketingAgentSession(models.Model):
    _inherit = "telemarketing.agent.session"

    dialer_server_id = fields.Many2one(
        "telemarketing.dialer.server", index="btree_not_null", ondelete="set null"
    )
    phone_state = fields.Selection(
        [("none", "Not connected"), ("calling", "Ringing"), ("up", "Connected")],
        "Telephone",
        required=True,
        default="none",
        help="The agent's own leg, which waits for calls.",
    )
    phone_reason = fields.Char("Why Not Connected")
    phone_wanted = fields.Boolean(help="The agent wants the telephone connected.")

    def write(self, vals):
        if vals.get("logout_at"):
            vals = {**vals, "phone_wanted": False}
        result = super().write(vals)
        if "campaign_id" in vals:
            for session in self:
                session._follow_campaign()
        if TOLD & vals.keys():
            self._tell_dialer()
        return result

    @api.private
    def _dial_extension(self):
        """The telephone of this seat, or "" where it is none that may be rung."""
        extension = self.extension or ""
        return extension if EXTENSION.fullmatch(extension) else ""

    @api.private
    def _follow_campaign(self):
        """Sit at the server of the session's campaign. There, the telephone is asked
        for by itself; the one that is left lets it go."""
        self.ensure_one()
        session = self.sudo()
        campaign = session.campaign_id
        server = campaign.dialer_server_id
        if campaign.training:
            server = server.browse()
        left = session.dialer_server_id
        if left and left != server:
            # Told while it is still there.
            session.phone_wanted = False
        if server or left:
            session.write(
                {
                    "dialer_server_id": server.id,
                    "phone_wanted": bool(server and session._dial_extension()),
                    **(
                        {"phone_state": "none", "phone_reason": False}
                        if left != server
                        else {}
                    ),
                }
            )

    @api.private
    def _tell_dialer(self):
        for session in self.sudo().filtered("dialer_server_id"):
            session.dialer_server_id._notify(
                "session",
                id=session.id,
                # Who has logged out takes no calls; the next snapshot has him no more.
                state="paused" if session.logout_at else session.state,
                campaign=session.campaign_id.id or None,
                phone_wanted=session.phone_wanted,
            )
