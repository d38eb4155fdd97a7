import logging
from datetime import timedelta

from odoo import api, fields, models

from .number import KINDS as NUMBER_KINDS

_logger = logging.getLogger(__name__)

CALL_KEY = (
    "hour",
    "company_id",
    "campaign_id",
    "database_id",
    "segment_id",
    "agent_id",
    "team_id",
    "disposition_id",
    "number_kind",
    "direction",
)
CALL_MEASURES = (
    "calls",
    "contacts",
    "useful",
    "conversions",
    "talk_seconds",
    "wrap_seconds",
)
TIME_KEY = (
    "hour",
    "company_id",
    "session_id",
    "agent_id",
    "team_id",
    "campaign_id",
    "state",
    "pause_reason_id",
)
TIME_MEASURES = ("seconds",)
# Deltas folded by one statement.
FOLD = 5_000
_TEXT_KEYS = {"number_kind", "direction", "state"}


def _key_columns(key):
    """Key of the unique index: unknown is 0 (or empty text), never NULL."""
    columns = []
    for column in key:
        if column in ("hour", "company_id"):
            columns.append(column)
        elif column in _TEXT_KEYS:
            columns.append(f"COALESCE({column}, '')")
        else:
            columns.append(f"COALESCE({column}, 0)")
    return ", ".join(columns)


class TelemarketingStatMixin(models.AbstractModel):
    """A rollup and the small rows that wait to be folded into it.

    Closing a call inserts a delta and touches nothing that others touch; a job
    folds. Readers add both (``_sums``), so that figures are right at every moment.
    """

    _name = "telemarketing.stat.mixin"
    _description = "Rollup"
    _stat_key = ()
    _stat_measures = ()

    @api.model
    def _fold(self):
        """Fold waiting deltas in bounded statements; commits between them in a cron."""
        delta_table = self.env[f"{self._name}.delta"]._table
        key = ", ".join(self._stat_key)
        measures = self._stat_measures
        sums = ", ".join(f"SUM({measure}) AS {measure}" for measure in measures)
        updates = ", ".join(
            f"{measure} = {self._table}.{measure} + EXCLUDED.{measure}"
            for measure in measures
        )
        statement = f"""
            WITH taken AS (
                DELETE FROM {delta_table} WHERE id IN (
                    SELECT id FROM {delta_table} ORDER BY id LIMIT {FOLD}
                    FOR UPDATE SKIP LOCKED)
                RETURNING {key}, {", ".join(measures)}),
            folded AS (
                INSERT INTO {self._table} ({key}, {", ".join(measures)})
                SELECT {key}, {sums} FROM taken GROUP BY {key}
                ON CONFLICT ({_key_columns(self._stat_key)}) DO UPDATE SET {updates})
            SELECT count(*) FROM taken"""
        self.env.flush_all()
        while True:
            # Table and column names are constants of this module.
            self.env.cr.execute(statement)  # pylint: disable=sql-injection
            taken = self.env.cr.fetchone()[0]
            self.invalidate_model()
            if self.env.context.get("cron_id"):
                self.env["ir.cron"]._commit_progress(taken)
            if taken < FOLD:
                return

    @api.model
    def _sums(self, criteria, since, until=None):
        """Measures from ``since`` (UTC) on: rollup plus what is not folded yet.

        :param dict criteria: ``{key column: id or text}``
        :return: ``{measure: int}``
        """
        where, params = ["hour >= %s"], [since]
        if until:
            where.append("hour < %s")
            params.append(until)
        for column, value in criteria.items():
            if column not in self._stat_key:
                raise ValueError(column)
            where.append(f"{column} = %s")
            params.append(value)
        delta = self.env[f"{self._name}.delta"]
        (self | self.browse()).flush_model()
        delta.flush_model()
        columns = ", ".join(self._stat_measures)
        condition = " AND ".join(where)
        sums = ", ".join(f"COALESCE(SUM({m}), 0)" for m in self._stat_measures)
        self.env.cr.execute(  # pylint: disable=sql-injection
            f"""SELECT {sums} FROM (
                SELECT {columns} FROM {self._table} WHERE {condition}
                UNION ALL
                SELECT {columns} FROM {delta._table} WHERE {condition}) AS s""",
            params * 2,
        )
        return dict(zip(self._stat_measures, self.env.cr.fetchone(), strict=True))


class TelemarketingStatCallMixin(models.AbstractModel):
    _name = "telemarketing.stat.call.mixin"
    _description = "Call Figures"
    _log_access = False

    hour = fields.Datetime("Hour (UTC)", required=True, index=True)
    company_id = fields.Many2one("res.company", required=True)
    campaign_id = fields.Many2one("telemarketing.campaign", ondelete="restrict")
    database_id = fields.Many2one("telemarketing.database", ondelete="restrict")
    segment_id = fields.Many2one("telemarketing.segment", ondelete="restrict")
    # The principal's contacts read these figures, not whose work they are.
    agent_id = fields.Many2one(
        "res.users", "Operator", ondelete="restrict", groups="base.group_user"
    )
    team_id = fields.Many2one("crm.team", ondelete="restrict", groups="base.group_user")
    disposition_id = fields.Many2one(
        "telemarketing.disposition", "Result", ondelete="restrict"
    )
    number_kind = fields.Selection(NUMBER_KINDS)
    direction = fields.Selection([("out", "Outgoing"), ("in", "Incoming")])
    calls = fields.Integer(required=True, default=0)
    contacts = fields.Integer(required=True, default=0)
    useful = fields.Integer("Useful Contacts", required=True, default=0)
    conversions = fields.Integer(required=True, default=0)
    talk_seconds = fields.Integer(required=True, default=0)
    wrap_seconds = fields.Integer(required=True, default=0)


class TelemarketingStatCall(models.Model):
    """UTC hour × campaign × database × segment × agent × team × disposition × number
    kind × direction."""

    _name = "telemarketing.stat.call"
    _description = "Call Statistics"
    _inherit = ["telemarketing.stat.call.mixin", "telemarketing.stat.mixin"]
    _order = "hour desc, id"
    _rec_name = "hour"
    _log_access = False
    _stat_key = CALL_KEY
    _stat_measures = CALL_MEASURES

    _key_uniq = models.UniqueIndex(
        f"({_key_columns(CALL_KEY)})", "This hour's row is already there."
    )
    _agent_hour = models.Index("(agent_id, hour)")

    @api.model
    def _rebuild(self, since, until):
        """Recount from the interactions; what the nightly job compares with.

        :return: rows that differed and were put right
        """
        self.env.flush_all()
        key = ", ".join(self._stat_key)
        self.env.cr.execute(  # pylint: disable=sql-injection
            f"""
            WITH counted AS (
                SELECT date_trunc('hour', started_at) AS hour, company_id, campaign_id,
                       database_id, segment_id, agent_id, team_id, disposition_id,
                       number_kind, direction,
                       COUNT(*) FILTER (WHERE is_call) AS calls,
                       COUNT(*) FILTER (WHERE outcome IN ('contact', 'useful'))
                           AS contacts,
                       COUNT(*) FILTER (WHERE outcome = 'useful') AS useful,
                       COUNT(*) FILTER (WHERE is_conversion) AS conversions,
                       COALESCE(SUM(talk_seconds), 0) AS talk_seconds,
                       COALESCE(SUM(wrap_seconds), 0) AS wrap_seconds
                FROM telemarketing_interaction
                WHERE state = 'done' AND training IS NOT TRUE
                  AND started_at >= %(since)s
                  AND started_at < %(until)s
                GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
            standing AS (
                SELECT {key}, {", ".join(f"SUM({m}) AS {m}" for m in CALL_MEASURES)}
                FROM (SELECT {key}, {", ".join(CALL_MEASURES)}
                      FROM telemarketing_stat_call
                      WHERE hour >= %(since)s AND hour < %(until)s
                      UNION ALL
                      SELECT {key}, {", ".join(CALL_MEASURES)}
                      FROM telemarketing_stat_call_delta
                      WHERE hour >= %(since)s AND hour < %(until)s) AS both_parts
                GROUP BY {key}),
            difference AS (
                SELECT {", ".join(f"COALESCE(c.{k}, s.{k}) AS {k}" for k in CALL_KEY)},
                       {
                ", ".join(
                    f"COALESCE(c.{m}, 0) - COALESCE(s.{m}, 0) AS {m}"
                    for m in CALL_MEASURES
                )
            }
                FROM counted c FULL JOIN standing s ON {
                " AND ".join(
                    f"c.{k} = s.{k}"
                    if k in ("hour", "company_id")
                    else (
                        f"COALESCE(c.{k}, '') = COALESCE(s.{k}, '')"
                        if k in _TEXT_KEYS
                        else f"COALESCE(c.{k}, 0) = COALESCE(s.{k}, 0)"
                    )
                    for k in CALL_KEY
                )
            })
            INSERT INTO telemarketing_stat_call_delta ({key}, {
                ", ".join(CALL_MEASURES)
            })
            SELECT {key}, {", ".join(CALL_MEASURES)} FROM difference
            WHERE ({", ".join(CALL_MEASURES)}) <> ({
                ", ".join("0" for _ in CALL_MEASURES)
            })
            """,
            {"since": since, "until": until},
        )
        return self.env.cr.rowcount

    @api.model
    def _cron_rebuild(self):
        """The rebuild of the last two days must agree with what calls appended."""
        now = fields.Datetime.now()
        until = now.replace(minute=0, second=0, microsecond=0)
        differences = self._rebuild(until - timedelta(days=2), until)
        if differences:
            _logger.error(
                "call figures: %s rows differed from the interactions and were put "
                "right",
                differences,
            )


class TelemarketingStatCallDelta(models.Model):
    _name = "telemarketing.stat.call.delta"
    _description = "Call Statistics to Fold"
    _inherit = ["telemarketing.stat.call.mixin"]
    _log_access = False

    @api.model
    def _prepare_values(self, interaction, sign=1):
        reached = interaction.outcome in ("contact", "useful")
        return {
            "hour": interaction.started_at.replace(minute=0, second=0, microsecond=0),
            "company_id": interaction.company_id.id,
            "campaign_id": interaction.campaign_id.id,
            "database_id": interaction.database_id.id,
            "segment_id": interaction.segment_id.id,
            "agent_id": interaction.agent_id.id,
            "team_id": interaction.team_id.id,
            "disposition_id": interaction.disposition_id.id,
            "number_kind": interaction.number_kind,
            "direction": interaction.direction,
            "calls": sign * int(interaction.is_call),
            "contacts": sign * int(reached),
            "useful": sign * int(interaction.outcome == "useful"),
            "conversions": sign * int(interaction.is_conversion),
            "talk_seconds": sign * interaction.talk_seconds,
            "wrap_seconds": sign * interaction.wrap_seconds,
        }

    @api.model
    def _append(self, interactions, sign=1):
        """One row each; ``sign`` -1 takes back what was counted."""
        counted = interactions.filtered(lambda i: not i.training)
        self.create([self._prepare_values(i, sign) for i in counted])


class TelemarketingStatTimeMixin(models.AbstractModel):
    _name = "telemarketing.stat.time.mixin"
    _description = "Time Figures"
    _log_access = False

    hour = fields.Datetime("Hour (UTC)", required=True, index=True)
    company_id = fields.Many2one("res.company", required=True)
    session_id = fields.Many2one("telemarketing.agent.session", ondelete="restrict")
    agent_id = fields.Many2one("res.users", "Operator", ondelete="restrict")
    team_id = fields.Many2one("crm.team", ondelete="restrict")
    campaign_id = fields.Many2one("telemarketing.campaign", ondelete="restrict")
    state = fields.Selection(
        [
            ("ready", "Ready"),
            ("dialling", "Dialling"),
            ("talking", "Talking"),
            ("wrap_up", "Wrap-up"),
            ("paused", "Paused"),
        ]
    )
    pause_reason_id = fields.Many2one("telemarketing.pause.reason", ondelete="restrict")
    seconds = fields.Integer(required=True, default=0)


class TelemarketingStatTime(models.Model):
    """UTC hour × session × state × reason."""

    _name = "telemarketing.stat.time"
    _description = "Time Statistics"
    _inherit = ["telemarketing.stat.time.mixin", "telemarketing.stat.mixin"]
    _order = "hour desc, id"
    _rec_name = "hour"
    _log_access = False
    _stat_key = TIME_KEY
    _stat_measures = TIME_MEASURES

    _key_uniq = models.UniqueIndex(
        f"({_key_columns(TIME_KEY)})", "This hour's row is already there."
    )


class TelemarketingStatTimeDelta(models.Model):
    _name = "telemarketing.stat.time.delta"
    _description = "Time Statistics to Fold"
    _inherit = ["telemarketing.stat.time.mixin"]
    _log_access = False

    @api.model
    def _append(self, session, since, until):
        """The stay from ``since`` to ``until`` in the session's state, hour by hour.

        Who practises is not at work for any figure."""
        if session.campaign_id.training:
            return
        rows = []
        while since < until:
            hour = since.replace(minute=0, second=0, microsecond=0)
            end = min(until, hour + timedelta(hours=1))
            rows.append(
                {
                    "hour": hour,
                    "company_id": session.company_id.id,
                    "session_id": session.id,
                    "agent_id": session.user_id.id,
                    "team_id": session.team_id.id,
                    "campaign_id": session.campaign_id.id,
                    "state": session.state,
                    "pause_reason_id": session.pause_reason_id.id,
                    "seconds": int((end - since).total_seconds()),
                }
            )
            since = end
        self.create(rows)
