from markupsafe import Markup

from odoo import api, fields, models

from .. import dialplan

# A process writes its health every second or two.
STALE = "10 seconds"
# Milliseconds: a slow link, a clock that is off.
LATE, OFF = 200, 1000
STATES = ("danger", "warning", "ok")


class TelemarketingDialerHealth(models.AbstractModel):
    """How an Asterisk and its process are, in words that say what to do."""

    _name = "telemarketing.dialer.health"
    _description = "Part of an Asterisk Server"

    health_state = fields.Selection(
        [("ok", "Works"), ("warning", "Mind"), ("danger", "Does not dial")],
        "State",
        compute="_compute_health_state",
    )
    health_text = fields.Char("What to Do", compute="_compute_health_state")
    health_html = fields.Html(
        "How It Is",
        compute="_compute_health_state",
        sanitize=False,
        export_string_translation=False,
    )
    health_calls = fields.Integer("Calls Now", compute="_compute_health_state")
    health_agents = fields.Integer("Agents Connected", compute="_compute_health_state")
    health_minute = fields.Integer(
        "Dialled in a Minute", compute="_compute_health_state"
    )

    @api.depends("health", "health_at", "stopped_at", "active", "owned_until")
    @api.depends_context("lang")
    def _compute_health_state(self):
        fresh = self._with_a_process()
        for server in self:
            alive = server in fresh
            findings = server._health_findings(alive)
            values = (server.health or {}) if alive else {}
            server.health_state = findings[0][0]
            server.health_text = findings[0][1]
            server.health_calls = values.get("calls") or 0
            server.health_agents = values.get("legs") or 0
            server.health_minute = values.get("dials_minute") or 0
            server.health_html = server._health_page(findings, values)

    @api.private
    def _with_a_process(self):
        """Those whose health was written a moment ago, by PostgreSQL's clock."""
        ids = self._origin.ids
        if not ids:
            return self.browse()
        self.flush_recordset(["health_at"])
        self.env.cr.execute(
            """SELECT id FROM telemarketing_dialer_server
               WHERE id = ANY(%s) AND health_at
                     > clock_timestamp() AT TIME ZONE 'UTC' - %s::interval""",
            [ids, STALE],
        )
        fresh = {row[0] for row in self.env.cr.fetchall()}
        return self.filtered(lambda server: server._origin.id in fresh)

    @api.private
    def _health_word(self):
        """``(state, sentence)`` of what is gravest."""
        self.ensure_one()
        return self._health_findings(self in self._with_a_process())[0]

    def _health_findings(self, alive):
        """``[(state, sentence)]``, the gravest first; one that it works if nothing is
        wrong.

        :param bool alive: a process has written its health a moment ago
        """
        self.ensure_one()
        server = self.sudo()
        if not server.active:
            return [("warning", self.env._("Archived: no process works it."))]
        found = []
        if server.stopped_at:
            found.append(
                (
                    "warning",
                    self.env._(
                        "All dialling was stopped by %s: nobody is dialled until it "
                        "is resumed.",
                        server.stopped_by_id.name or "-",
                    ),
                )
            )
        if not alive:
            found.append(
                (
                    "danger",
                    self.env._(
                        "No process: nobody is dialled. An administrator starts the "
                        "dialer (odoo dialer -d %s) on the machine of Odoo.",
                        self.env.cr.dbname,
                    ),
                )
            )
        else:
            found += server._health_of_link(server.health or {})
        found.sort(key=lambda finding: STATES.index(finding[0]))
        return found or [("ok", self.env._("It works."))]

    def _health_of_link(self, values):
        found = []
        if values.get("fenced"):
            found.append(
                (
                    "danger",
                    self.env._("Another process takes this Asterisk over: wait."),
                )
            )
        if values.get("foreign"):
            found.append(
                (
                    "danger",
                    self.env._(
                        "This Asterisk belongs to another Odoo database: nobody is "
                        "dialled. Install the configuration of this server on it."
                    ),
                )
            )
        elif values.get("link") != "up":
            found.append(
                (
                    "danger",
                    self.env._(
                        "Asterisk is not seen (%(reason)s): nobody is dialled, "
                        "conversations go on. Look whether Asterisk runs and the "
                        "network reaches it; Test Connection says more.",
                        reason=values.get("reason") or "-",
                    ),
                )
            )
        else:
            expected = str(values.get("dialplan_expected") or dialplan.VERSION)
            there = str(values.get("dialplan") or "")
            if there != expected:
                found.append(
                    (
                        "danger" if not there else "warning",
                        self.env._(
                            "Asterisk has the dialplan %(there)s, this module "
                            "%(expected)s: download the configuration, install it and "
                            "reload Asterisk.",
                            there=there or "-",
                            expected=expected,
                        ),
                    )
                )
            if (values.get("round_trip_ms") or 0) > LATE:
                found.append(
                    (
                        "warning",
                        self.env._(
                            "Asterisk answers slowly (%s ms): its machine or the "
                            "network is too busy; people wait for their agent.",
                            round(values["round_trip_ms"]),
                        ),
                    )
                )
        if abs(values.get("clock_ms") or 0) > OFF:
            found.append(
                (
                    "warning",
                    self.env._(
                        "The clocks of the dialer and of PostgreSQL are %s s apart: "
                        "set both by NTP.",
                        round(values["clock_ms"] / 1000, 1),
                    ),
                )
            )
        for trunk in self._health_trunks(values):
            if trunk["backoff"]:
                found.append(
                    (
                        "warning",
                        self.env._(
                            "%s: the carrier refuses calls; tried again by itself. If "
                            "it goes on, ask the carrier how many lines and calls a "
                            "second it gives, and write them in the trunk.",
                            trunk["name"],
                        ),
                    )
                )
            if trunk["spent"]:
                found.append(
                    (
                        "warning",
                        self.env._(
                            "%s: its minutes or its money of today are spent; it is "
                            "not used until tomorrow.",
                            trunk["name"],
                        ),
                    )
                )
        return found

    def _health_trunks(self, values):
        names = {trunk.id: trunk.name for trunk in self.sudo().trunk_ids}
        return [
            {
                "name": trunk.get("name") or names.get(trunk.get("id")) or "-",
                "lines": trunk.get("lines") or 0,
                "of": trunk.get("of") or 0,
                "per_second": trunk.get("per_second") or 0,
                # Seconds to go, whatever it is written as.
                "backoff": trunk.get("backoff") or 0,
                "spent": bool(trunk.get("spent")),
            }
            for trunk in values.get("trunks") or []
            if isinstance(trunk, dict)
        ]

    def _health_page(self, findings, values):
        """Sentences, then the figures; all of it escaped, for Asterisk's own words are
        among them."""
        said = Markup("").join(
            Markup("<div class='alert alert-%s py-2 mb-2' role='status'>%s</div>")
            % ("success" if state == "ok" else state, sentence)
            for state, sentence in findings
        )
        if not values:
            return said
        figures = [
            (self.env._("Asterisk"), values.get("asterisk")),
            (
                self.env._("Round trip"),
                self._with_unit(values.get("round_trip_ms"), "ms"),
            ),
            (self.env._("Last event"), self._ago(values.get("last_event_at"))),
            (self.env._("Connections made"), values.get("generation")),
            (self.env._("Dialplan"), values.get("dialplan")),
            (self.env._("Clock off by"), self._with_unit(values.get("clock_ms"), "ms")),
            (self.env._("Agents logged in"), values.get("agents")),
            (self.env._("Telephones connected"), values.get("legs")),
            (self.env._("Agents ready"), values.get("ready")),
            (self.env._("Calls"), values.get("calls")),
            (self.env._("Conversations"), values.get("talking")),
            (self.env._("Dialled in the last minute"), values.get("dials_minute")),
            (self.env._("Answered in the last minute"), values.get("answered_minute")),
            (
                self.env._("Abandoned in the last minute"),
                values.get("abandoned_minute"),
            ),
            (self.env._("Abandoned today"), values.get("abandoned_today")),
        ]
        rows = Markup("").join(
            Markup("<tr><td>%s</td><td class='text-end'>%s</td></tr>") % (name, value)
            for name, value in figures
            if value not in (None, "")
        )
        trunks = Markup("").join(
            Markup(
                "<tr><td>%(name)s</td><td class='text-end'>%(lines)s / %(of)s</td>"
                "<td class='text-end'>%(per_second)s</td></tr>"
            )
            % trunk
            for trunk in self._health_trunks(values)
        )
        if trunks:
            trunks = Markup(
                "<table class='table table-sm o_telemarketing_trunks'><thead><tr>"
                "<th>%s</th><th class='text-end'>%s</th><th class='text-end'>%s</th>"
                "</tr></thead><tbody>%s</tbody></table>"
            ) % (
                self.env._("Trunk"),
                self.env._("Lines in use"),
                self.env._("Calls per second at most"),
                trunks,
            )
        return Markup(
            "%s<div class='row'><div class='col-lg-6'><table class='table table-sm'>"
            "<tbody>%s</tbody></table></div><div class='col-lg-6'>%s</div></div>"
        ) % (said, rows, trunks)

    def _with_unit(self, value, unit):
        return "" if value is None else f"{value} {unit}"

    def _ago(self, at):
        """Seconds since an instant, seconds of the Unix epoch by PostgreSQL's clock."""
        if not isinstance(at, (int, float)):
            return ""
        self.env.cr.execute("SELECT extract(epoch FROM clock_timestamp())")
        gone = max(0.0, float(self.env.cr.fetchone()[0]) - at)
        return self.env._("%s s ago", round(gone, 1))
