from datetime import timedelta

from odoo import api, fields, models

from odoo.addons.telemarketing_base.models.target import _LIVE, PRIORITIES

SUPERVISOR = "telemarketing_base.group_supervisor"
# Of calls that have no agent yet, in the order in which they are asked. Parameters:
# ``p_user`` (whose callbacks; NULL: those of nobody in particular and the list) and
# ``p_list`` (0: people in no list; -1: callbacks only).
_CLASSES = (
    ("my_callbacks", "callback AND callback_user_id = p_user", "p_user IS NOT NULL"),
    ("callbacks", "callback AND callback_user_id IS NULL", "p_user IS NULL"),
    (
        "retries",
        "NOT callback AND attempts > 0 AND COALESCE(dialer_list_id, 0) = p_list",
        "p_user IS NULL",
    ),
    (
        "fresh",
        "NOT callback AND attempts = 0 AND COALESCE(dialer_list_id, 0) = p_list",
        "p_user IS NULL",
    ),
)
# After a talk that was cut off and whose agent never came back.
CUT_OFF = timedelta(minutes=5)


class TelemarketingTarget(models.Model):
    _inherit = "telemarketing.target"

    dialer_server_id = fields.Many2one(
        "telemarketing.dialer.server",
        "Held by the Dialer of",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups=SUPERVISOR,
        help="Leased for a call that has no agent yet.",
    )
    dialer_list_id = fields.Many2one(
        "telemarketing.dialer.list",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups=SUPERVISOR,
        help="The first of the campaign's lists whose filter fits the person.",
    )

    _dialer_retries = models.Index(
        "(campaign_id, COALESCE(dialer_list_id, 0), priority, due_at, id)"
        f" WHERE {_LIVE} AND NOT callback AND attempts > 0"
    )
    _dialer_fresh = models.Index(
        "(campaign_id, COALESCE(dialer_list_id, 0), priority, due_at, id)"
        f" WHERE {_LIVE} AND NOT callback AND attempts = 0"
    )

    @api.model
    def _dialer_lease_query(self):
        """As base's ``_lease_query``, for calls that have no agent yet. Whoever is
        assigned to one agent is anyone's here (decision 0025)."""
        values = ", ".join(f"('{priority}')" for priority in PRIORITIES)
        parts = [
            f"""{name} AS (
                SELECT found.id, {rank} AS class
                FROM (VALUES {values}) AS p(priority)
                CROSS JOIN LATERAL (
                    SELECT t.id FROM telemarketing_target t
                    WHERE t.campaign_id = p_campaign AND {_LIVE}
                      AND {predicate} AND {asked}
                      AND t.priority = p.priority AND t.due_at <= p_now
                      AND t.database_id <> ALL (ARRAY(
                          SELECT d.id FROM telemarketing_database d
                          WHERE NOT (d.switched_on AND d.active)))
                    ORDER BY t.due_at, t.id
                    LIMIT p_limit FOR UPDATE OF t SKIP LOCKED
                ) found
                LIMIT p_limit)"""
            for rank, (name, predicate, asked) in enumerate(_CLASSES)
        ]
        every = " UNION ALL ".join(f"SELECT id, class FROM {c[0]}" for c in _CLASSES)
        return f"""WITH {", ".join(parts)},
            chosen AS ({every} LIMIT p_limit),
            leased AS (
                UPDATE telemarketing_target t
                SET state = 'leased', leased_by_id = NULL,
                    dialer_server_id = p_server, leased_until = p_until,
                    write_date = p_now
                FROM chosen WHERE t.id = chosen.id
                RETURNING t.id, chosen.class, t.priority, t.due_at)
            SELECT id FROM leased ORDER BY class, priority DESC, due_at, id"""

    def init(self):
        settings = "".join(
            f" SET {name} = off"
            for name in (
                *("enable_seqscan", "enable_bitmapscan", "enable_sort"),
                *("enable_hashjoin", "enable_mergejoin", "jit"),
            )
        )
        # Made of constants of this class.
        self.env.cr.execute(  # pylint: disable=sql-injection
            f"""CREATE OR REPLACE FUNCTION telemarketing_dialer_lease(
                    p_campaign int, p_server int, p_user int, p_list int,
                    p_now timestamp, p_until timestamp, p_limit int)
                RETURNS SETOF int
                LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan {settings}
                AS $$ BEGIN RETURN QUERY {self._dialer_lease_query()}; END $$"""
        )
        return super().init()

    @api.model
    def _cron_return_leases(self):
        """Whose call is under way at a living dialer is not taken back, however silent
        the agent's browser is: the dialer knows when it ends."""
        now = self.env["telemarketing.clock"]._now()
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE telemarketing_target SET leased_until = %(later)s
               WHERE id IN (
                   SELECT t.id FROM telemarketing_target t
                   JOIN telemarketing_interaction i ON i.id = t.interaction_id
                   JOIN telemarketing_dialer_server s ON s.id = i.dialer_server_id
                   WHERE t.state IN ('leased', 'talking', 'wrap_up')
                     AND t.leased_until < %(now)s AND i.provider = 'asterisk'
                     AND i.state IN ('dialling', 'talking')
                     AND s.owned_until > clock_timestamp() AT TIME ZONE 'UTC'
                   FOR UPDATE OF t SKIP LOCKED)""",
            {"now": now, "later": now + timedelta(minutes=2)},
        )
        self.invalidate_model(["leased_until"])
        return super()._cron_return_leases()

    @api.private
    def _return_to_queue(self, now):
        cut_off = self.filtered(
            lambda t: (
                t.interaction_id.direction == "out"
                and t.interaction_id.provider == "asterisk"
                and t.interaction_id.bridged_at
            )
        )
        phones = {target: target.interaction_id.phone_id for target in cut_off}
        self.dialer_server_id = False
        result = super()._return_to_queue(now)
        for target in cut_off.filtered(lambda t: t.state == "ready"):
            target.write(
                {
                    "callback": True,
                    "callback_note": self.env._("The talk was cut off."),
                    "next_call_at": now + CUT_OFF,
                    "phone_id": phones[target].id,
                }
            )
        self._refresh_gate(targets=cut_off)
        return result
