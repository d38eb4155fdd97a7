from odoo import fields, models
from odoo.tools import SQL

from .campaign import MODES

# Rates from the counts, of a line and of a group of lines alike.
RATES = {
    # Our own: docs/pacing.md.
    "rate": "{abandoned} / NULLIF({abandoned} + {people}, 0)",
    # Ofcom's, where machines are estimated: of the abandoned calls as many were
    # machines as the agents met among those that they took.
    "rate_ofcom": (
        "({abandoned} * {people} / NULLIF({people} + {said_machines}, 0))"
        " / NULLIF({abandoned} * {people} / NULLIF({people} + {said_machines}, 0)"
        " + {people}, 0)"
    ),
    # 16 CFR 310.4(b)(4): of the calls answered by a person, who hung up early too.
    "rate_ftc": "{abandoned} / NULLIF({abandoned} + {people} + {hung_up}, 0)",
}
COUNTS = ("abandoned", "people", "said_machines", "hung_up")


class TelemarketingDialerLedger(models.Model):
    """What became of the calls of a campaign on a day: the account of those that found
    nobody, from the calls themselves, for whoever must show it.

    The day is that of the clock of the campaign's company. *Abandoned*: answered, and
    nobody of ours was there; who answered is taken for a person unless detection or
    agent say that it was a machine.
    """

    _name = "telemarketing.dialer.ledger"
    _description = "Ledger of Calls"
    _auto = False
    _order = "day desc, campaign_id, mode"
    _rec_name = "day"
    _depends = {
        "telemarketing.interaction": [
            *("campaign_id", "training", "dialing_mode", "started_at", "answered_at"),
            *("bridged_at", "dial_outcome", "machine", "disposition_id", "wait_ms"),
        ],
        "telemarketing.campaign": ["company_id"],
        "telemarketing.disposition": ["code", "dial_outcome"],
        "res.company": ["partner_id"],
        "res.partner": ["tz"],
    }

    campaign_id = fields.Many2one("telemarketing.campaign", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    day = fields.Date(readonly=True)
    mode = fields.Selection(MODES, readonly=True)
    dialled = fields.Integer(readonly=True)
    answered = fields.Integer(readonly=True, help="By whoever or whatever.")
    connected = fields.Integer(readonly=True, help="With an agent.")
    people = fields.Integer(
        "People Connected",
        readonly=True,
        help="Connected, less those that the agent took for a machine.",
    )
    said_machines = fields.Integer(
        "Machines, Said the Agent", readonly=True, help="Connected with an agent."
    )
    machines = fields.Integer(
        "Machines Detected", readonly=True, help="Hung up without an agent."
    )
    abandoned = fields.Integer(
        readonly=True,
        help="Answered, and nobody was there within 2 s. Whose answerer is unknown "
        "counts as a person.",
    )
    hung_up = fields.Integer(
        "Hung Up Before", readonly=True, help="By the person, within those 2 s."
    )
    longest_wait_ms = fields.Integer(
        "Longest Wait (ms)",
        readonly=True,
        aggregator="max",
        help="From the answer to the agent.",
    )
    rate = fields.Float(
        "Abandoned (%)",
        digits=(16, 2),
        readonly=True,
        aggregator="avg",
        help="Abandoned of abandoned and people connected. This is what the limit of "
        "the campaign is about.",
    )
    rate_ofcom = fields.Float(
        "Ofcom's Form (%)",
        digits=(16, 2),
        readonly=True,
        aggregator="avg",
        help="As the British regulator reckons without detection: of the abandoned "
        "calls, as many were machines as agents met among theirs.",
    )
    rate_ftc = fields.Float(
        "FTC's Form (%)",
        digits=(16, 2),
        readonly=True,
        aggregator="avg",
        help="As the American rule reckons (16 CFR 310.4(b)(4)): of all calls that a "
        "person answered. Its limit, 3 %, is for 30 days: group by month.",
    )

    @property
    def _table_query(self):
        """Day by day and campaign by campaign through the index ``_ledger`` of the
        calls, so that a day, or a campaign, does not read all of them."""
        return SQL(
            """
            SELECT (c.id::bigint << 16) + (d.day - DATE '2020-01-01') * 4
                     + array_position(%(modes)s, x.mode::text) - 1 AS id,
                   c.id AS campaign_id, c.company_id, d.day, x.mode, x.dialled,
                   x.answered, x.connected, x.connected - x.said_machines AS people,
                   x.said_machines, x.machines, x.abandoned, x.hung_up,
                   x.longest_wait_ms, %(rates)s
            FROM telemarketing_campaign c
            JOIN res_company k ON k.id = c.company_id
            JOIN res_partner p ON p.id = k.partner_id
            CROSS JOIN LATERAL (SELECT coalesce(p.tz, 'Europe/Madrid') AS tz) z
            CROSS JOIN LATERAL (
                SELECT min(i.started_at) AS first, max(i.started_at) AS last
                FROM telemarketing_interaction i
                WHERE i.campaign_id = c.id AND i.dialing_mode IS NOT NULL) e
            CROSS JOIN LATERAL (
                SELECT (e.first AT TIME ZONE 'UTC' AT TIME ZONE z.tz)::date + n AS day
                FROM generate_series(
                    0,
                    (e.last AT TIME ZONE 'UTC' AT TIME ZONE z.tz)::date
                    - (e.first AT TIME ZONE 'UTC' AT TIME ZONE z.tz)::date) n) d
            CROSS JOIN LATERAL (
                SELECT i.dialing_mode AS mode,
                       count(*) AS dialled,
                       count(i.answered_at) AS answered,
                       count(*) FILTER (WHERE %(connected)s) AS connected,
                       count(*) FILTER (WHERE %(connected)s AND %(machine)s)
                           AS said_machines,
                       count(*) FILTER (WHERE i.dial_outcome = 'machine') AS machines,
                       count(*) FILTER (
                           WHERE i.answered_at IS NOT NULL AND NOT %(connected)s
                             AND i.dial_outcome NOT IN ('machine', 'hung_up'))
                           AS abandoned,
                       count(*) FILTER (
                           WHERE i.dial_outcome = 'hung_up' AND NOT %(connected)s)
                           AS hung_up,
                       coalesce(max(i.wait_ms), 0) AS longest_wait_ms
                FROM telemarketing_interaction i
                LEFT JOIN telemarketing_disposition r ON r.id = i.disposition_id
                WHERE i.campaign_id = c.id
                  AND i.dialing_mode IS NOT NULL
                  AND i.training IS NOT TRUE
                  AND i.started_at >= d.day::timestamp AT TIME ZONE z.tz
                                      AT TIME ZONE 'UTC'
                  AND i.started_at < (d.day + 1)::timestamp AT TIME ZONE z.tz
                                     AT TIME ZONE 'UTC'
                GROUP BY i.dialing_mode) x
            """,
            modes=[mode for mode, _label in MODES],
            connected=SQL(
                "(i.bridged_at IS NOT NULL OR i.dial_outcome = 'done'"
                " AND i.answered_at IS NOT NULL)"
            ),
            machine=SQL("'machine' IN (r.code, r.dial_outcome)"),
            rates=SQL(", ").join(
                SQL(
                    "%s AS %s",
                    self._rate(name, self._count_of_line),
                    SQL.identifier(name),
                )
                for name in RATES
            ),
        )

    def _count_of_line(self, name):
        if name == "people":
            return SQL("(x.connected - x.said_machines)")
        return SQL("x.%s", SQL.identifier(name))

    def _rate(self, name, count):
        """Per cent, 0 where nobody was reached."""
        text = RATES[name]
        args = []
        for part in text.split("{")[1:]:
            args.append(SQL("%s::float", count(part.partition("}")[0])))
        for each in COUNTS:
            text = text.replace(f"{{{each}}}", "%s")
        return SQL("coalesce(100 * %s, 0)", SQL(f"({text})", *args))

    def _read_group_select(self, aggregate_spec, query):
        """The rate of a group is that of its calls, not the mean of its days'."""
        name, _sep, function = aggregate_spec.partition(":")
        if name not in RATES or function != "avg":
            return super()._read_group_select(aggregate_spec, query)
        return self._rate(
            name,
            lambda count: SQL("sum(%s)", self._field_to_sql(self._table, count, query)),
        )
