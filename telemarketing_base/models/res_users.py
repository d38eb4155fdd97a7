from odoo import api, fields, models


class ResUsers(models.Model):
    _inherit = "res.users"

    telemarketing_extension = fields.Char("Usual Extension")
    telemarketing_hours_per_day = fields.Float("Working Hours per Day", default=8.0)
    telemarketing_blocked = fields.Boolean(
        "Blocked for Calls",
        help="Blocked: cannot enter the call desk; what it held goes back to the list.",
    )
    telemarketing_zone_ids = fields.Many2many(
        "telemarketing.zone",
        "telemarketing_zone_user_rel",
        "user_id",
        "zone_id",
        "Zones Visited",
        groups="telemarketing_base.group_supervisor,base.group_erp_manager",
        help="Agents book visits of this person in these zones only; without zones, "
        "everywhere.",
    )
    telemarketing_is_agent = fields.Boolean(
        compute="_compute_telemarketing_roles", search="_search_telemarketing_is_agent"
    )
    telemarketing_is_supervisor = fields.Boolean(
        compute="_compute_telemarketing_roles",
        search="_search_telemarketing_is_supervisor",
    )
    telemarketing_only_agent = fields.Boolean(
        compute="_compute_telemarketing_roles",
        help="Agent and nothing higher: such users reach people through the desk only.",
    )
    telemarketing_color_scheme = fields.Selection(
        [("light", "Light"), ("dark", "Dark")],
        "Colors",
        default="light",
        help="Of all pages after the log-in, from the next time that one is loaded.",
    )
    telemarketing_session_ids = fields.One2many(
        "telemarketing.agent.session",
        "user_id",
        groups="telemarketing_base.group_agent",
    )

    @property
    def SELF_READABLE_FIELDS(self):
        return super().SELF_READABLE_FIELDS + ["telemarketing_color_scheme"]

    @property
    def SELF_WRITEABLE_FIELDS(self):
        return super().SELF_WRITEABLE_FIELDS + ["telemarketing_color_scheme"]

    @api.depends("group_ids")
    def _compute_telemarketing_roles(self):
        for user in self:
            agent = user.has_group("telemarketing_base.group_agent")
            supervisor = user.has_group("telemarketing_base.group_supervisor")
            user.telemarketing_is_agent = agent
            user.telemarketing_is_supervisor = supervisor
            user.telemarketing_only_agent = (
                agent
                and not supervisor
                and not user.has_group("telemarketing_base.group_salesperson")
                and not user.has_group("sales_team.group_sale_salesman_all_leads")
                and not user.has_group("base.group_erp_manager")
            )

    def _search_telemarketing_group(self, xmlid, operator, value):
        if operator not in ("in", "="):
            return NotImplemented
        wanted = bool(value if operator == "=" else True in value)
        group = self.env.ref(xmlid)
        return [("all_group_ids", "in" if wanted else "not in", group.ids)]

    def _search_telemarketing_is_agent(self, operator, value):
        return self._search_telemarketing_group(
            "telemarketing_base.group_agent", operator, value
        )

    def _search_telemarketing_is_supervisor(self, operator, value):
        return self._search_telemarketing_group(
            "telemarketing_base.group_supervisor", operator, value
        )

    def write(self, vals):
        result = super().write(vals)
        if vals.get("telemarketing_blocked") or vals.get("active") is False:
            self._telemarketing_log_out()
        return result

    @api.private
    def _telemarketing_log_out(self):
        """Log these agents out and free what they held; an open call stays theirs to
        be closed as lost when its lease ends."""
        now = self.env["telemarketing.clock"]._now()
        Target = self.env["telemarketing.target"].sudo()
        Target.search(
            [("leased_by_id", "in", self.ids), ("state", "=", "leased")]
        )._return_to_queue(now)
        Target.search(
            [
                ("leased_by_id", "in", self.ids),
                ("state", "in", ("talking", "wrap_up")),
            ]
        ).write({"leased_until": now})
        self.env["telemarketing.agent.session"].sudo().search(
            [("user_id", "in", self.ids), ("logout_at", "=", False)]
        )._log_out(now)
