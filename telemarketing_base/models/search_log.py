from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError


class TelemarketingSearchLog(models.Model):
    """Who searched for which person, when, and how many cards that showed."""

    _name = "telemarketing.search.log"
    _description = "Search for People"
    _order = "id desc"

    user_id = fields.Many2one("res.users", required=True, index=True)
    company_id = fields.Many2one("res.company", required=True)
    campaign_id = fields.Many2one("telemarketing.campaign")
    at = fields.Datetime(
        required=True, default=lambda self: self.env["telemarketing.clock"]._now()
    )
    text = fields.Char(required=True)
    own = fields.Boolean()
    shown = fields.Integer()
    target_ids = fields.Json(help="Whom the cards showed; they may be called then.")

    @api.model
    def _shown(self, user, target):
        """Did a search of the last day show this person to the user?"""
        since = fields.Datetime.now() - timedelta(days=1)
        self.flush_model()
        self.env.cr.execute(
            """SELECT 1 FROM telemarketing_search_log
               WHERE user_id = %s AND at > %s AND target_ids @> to_jsonb(%s) LIMIT 1""",
            [user.id, since, target.id],
        )
        return bool(self.env.cr.fetchone())

    @api.model
    def _over_cap(self, user, company):
        """How many searches the user made in the last hour, if that is the company's
        cap or more; else 0."""
        cap = company.telemarketing_search_cap
        since = self.env["telemarketing.clock"]._now() - timedelta(hours=1)
        done = self.sudo().search_count([("user_id", "=", user.id), ("at", ">", since)])
        return done if cap and done >= cap else 0

    @api.private
    def _check_cap(self, user, company):
        """Raise once the user's searches of the last hour reach the company's cap."""
        done = self._over_cap(user, company)
        if done:
            raise UserError(
                self.env._(
                    "You have made %s searches in the last hour, which is the limit. "
                    "Try again later or ask your supervisor.",
                    done,
                )
            )
