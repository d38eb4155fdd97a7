from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.constants import GC_UNLINK_LIMIT

# Seen by PostgreSQL's clock; a process writes itself down every two seconds.
GONE = "10 seconds"


class TelemarketingDialerProcess(models.Model):
    """A dialer process that is running, owner of some servers or standing by."""

    _name = "telemarketing.dialer.process"
    _description = "Dialer Process"
    _order = "seen_at desc"

    name = fields.Char(required=True, help="Host, process number and a random part.")
    started_at = fields.Datetime("Started", required=True)
    seen_at = fields.Datetime("Seen", required=True)
    version = fields.Char()
    state = fields.Selection(
        [("owner", "Works"), ("standby", "Stands by"), ("gone", "Gone")],
        compute="_compute_state",
    )
    works = fields.Char("Asterisk Servers", compute="_compute_state")

    _name_uniq = models.UniqueIndex("(name)", "This process is already there.")

    @api.depends("name", "seen_at")
    def _compute_state(self):
        self.flush_recordset(["name", "seen_at"])
        rows = self.env.execute_query(
            SQL(
                """SELECT p.id,
                          p.seen_at > clock_timestamp() AT TIME ZONE 'UTC'
                                      - %s::interval,
                          array_agg(s.id) FILTER (WHERE s.owned_until
                              > clock_timestamp() AT TIME ZONE 'UTC')
                   FROM telemarketing_dialer_process p
                   LEFT JOIN telemarketing_dialer_server s ON s.owner = p.name
                   WHERE p.id = ANY(%s) GROUP BY p.id""",
                GONE,
                self.ids,
            )
        )
        found = {row[0]: row[1:] for row in rows}
        # A process works for all companies; a manager sees the servers of his.
        Server = self.env["telemarketing.dialer.server"]
        for process in self:
            seen, server_ids = found.get(process.id, (False, None))
            servers = Server.browse(server_ids or [])
            process.works = ", ".join(servers._filtered_access("read").mapped("name"))
            process.state = "gone" if not seen else "owner" if server_ids else "standby"

    @api.autovacuum
    def _gc_gone(self):
        self.env.cr.execute(
            """DELETE FROM telemarketing_dialer_process WHERE id IN (
                   SELECT id FROM telemarketing_dialer_process
                   WHERE seen_at < now() AT TIME ZONE 'UTC' - interval '1 day'
                   LIMIT %s)""",
            [GC_UNLINK_LIMIT],
        )
