import random

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class TelemarketingDistribute(models.TransientModel):
    """Share out a database's people between agents, or take them back.

    N for each agent; 0: equal shares of all, at random.
    """

    _name = "telemarketing.distribute"
    _inherit = ["telemarketing.sight.mixin"]
    _description = "Share Out a Database"
    _sight_fields = ("database_id",)

    database_id = fields.Many2one("telemarketing.database", required=True)
    campaign_id = fields.Many2one(related="database_id.campaign_id")
    campaign_agent_ids = fields.Many2many(
        related="campaign_id.agent_ids", string="Agents of the Campaign"
    )
    operation = fields.Selection(
        [("assign", "Share out"), ("unassign", "Take back")],
        required=True,
        default="assign",
    )
    quantity = fields.Integer(
        "For Each Agent", default=0, help="0: equal shares of all."
    )
    label = fields.Selection(
        [
            ("uncalled", "Uncalled"),
            ("callback", "Callback"),
            ("absent", "Absent"),
            ("contacted", "Contacted"),
        ],
        "Status",
        default="uncalled",
        help="Which people. Empty: all that are open.",
    )
    which = fields.Selection(
        [("unassigned", "Unassigned"), ("assigned", "Assigned"), ("all", "All")],
        required=True,
        default="unassigned",
    )
    agent_ids = fields.Many2many("res.users", string="Agents")
    available_count = fields.Integer(compute="_compute_available_count")

    @api.depends("database_id", "label", "which", "operation", "agent_ids")
    def _compute_available_count(self):
        for wizard in self:
            wizard.available_count = self.env["telemarketing.target"].search_count(
                wizard._domain()
            )

    def _domain(self):
        self.ensure_one()
        domain = Domain("database_id", "=", self.database_id.id) & Domain(
            "state", "in", ("new", "ready")
        )
        if self.label:
            domain &= Domain("label", "in", [self.label])
        if self.operation == "unassign":
            domain &= Domain("agent_id", "in", self.agent_ids.ids)
        elif self.which == "unassigned":
            domain &= Domain("agent_id", "=", False)
        elif self.which == "assigned":
            domain &= Domain("agent_id", "!=", False)
        return domain

    def action_process(self):
        self.ensure_one()
        self.database_id.check_access("write")
        if not self.agent_ids:
            raise UserError(self.env._("Choose at least one agent."))
        if self.operation == "unassign":
            moved = self._unassign()
            message = self.env._("%s people have no agent now.", moved)
        else:
            shares = self._assign()
            message = "\n".join(
                f"{agent.name}: {count}" for agent, count in shares.items()
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "title": self.env._("Done"),
                "message": message,
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def _pick(self):
        """Ids in random order; a held or just leased target is not in ``ready``."""
        ids = self.env["telemarketing.target"].search(self._domain(), order="id").ids
        random.SystemRandom().shuffle(ids)
        return ids

    def _assign(self):
        """:return: ``{agent: how many}``"""
        strangers = self.agent_ids - self.campaign_id.agent_ids
        if strangers:
            raise UserError(
                self.env._(
                    "%(names)s do not work in %(campaign)s; add them to the campaign "
                    "first.",
                    names=", ".join(strangers.mapped("name")),
                    campaign=self.campaign_id.name,
                )
            )
        if self.quantity < 0:
            raise UserError(self.env._("How many for each agent cannot be negative."))
        ids, agents = self._pick(), self.agent_ids
        if len(ids) < len(agents):
            raise UserError(
                self.env._(
                    "There are %(people)s people for %(agents)s agents: choose fewer "
                    "agents or other people.",
                    people=len(ids),
                    agents=len(agents),
                )
            )
        if self.quantity:
            ids = ids[: self.quantity * len(agents)]
        shares = {}
        for place, agent in enumerate(agents):
            share = ids[place :: len(agents)]
            shares[agent] = self._set_agent(share, agent.id)
        return shares

    def _unassign(self):
        ids = self._pick()
        if self.quantity:
            kept = {}
            targets = self.env["telemarketing.target"].browse(ids)
            for target in targets:
                group = kept.setdefault(target.agent_id.id, [])
                if len(group) < self.quantity:
                    group.append(target.id)
            ids = [target_id for group in kept.values() for target_id in group]
        return self._set_agent(ids, None)

    def _set_agent(self, ids, agent_id):
        """One statement; those that an agent took in the meantime stay as they are."""
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE telemarketing_target SET agent_id = %(agent)s,
                      -- a personal callback goes with its person; no agent: anyone's
                      callback_user_id = CASE
                          WHEN callback AND callback_user_id IS NOT NULL
                          THEN %(agent)s ELSE callback_user_id END,
                      write_uid = %(uid)s,
                      write_date = now() at time zone 'UTC'
               WHERE id IN (SELECT id FROM telemarketing_target
                            WHERE id = ANY(%(ids)s) AND state IN ('new', 'ready')
                            FOR UPDATE SKIP LOCKED)""",
            {"agent": agent_id, "uid": self.env.uid, "ids": ids},
        )
        self.env["telemarketing.target"].invalidate_model(
            ["agent_id", "callback_user_id"]
        )
        return self.env.cr.rowcount
