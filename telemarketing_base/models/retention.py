import logging
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from .guard import check_fields, without_defaults

_logger = logging.getLogger(__name__)

# Records gone in one transaction.
CHUNK = 500
# Names shown before a rule runs.
SHOWN = 50


@dataclass(frozen=True)
class Kind:
    """A kind of record: ``days`` by default and at least ``least``, by law or by
    ``spain.md`` C1; ``principal`` may a client company have its own term;
    ``active`` it ran before there were rules."""

    model: str
    action: str
    days: int
    least: int = 1
    principal: bool = True
    active: bool = False


KINDS = {
    # No statutory term: short where nothing was sold (spain.md C1).
    "recording_no_sale": Kind("telemarketing.recording", "delete", 90, 30),
    # A contract of up to two years and five more of claims (Código Civil art. 1964).
    "recording_sale": Kind("telemarketing.recording", "delete", 2557, 1827),
    "search_log": Kind("telemarketing.search.log", "delete", 365, 30, False, True),
    "upload": Kind("telemarketing.import", "delete", 30, 1, False, True),
    "raw_row": Kind("telemarketing.contact", "anonymise", 730, 30),
    # Objections and their data a year at least (TRLGDCU art. 96.5).
    "person_closed": Kind("telemarketing.contact", "block", 1096, 366),
    "refusal": Kind("telemarketing.refusal", "delete", 1096, 366),
    # LOPDGDD art. 72.1: very serious breaches lapse after three years.
    "blocked": Kind("telemarketing.blocked", "delete", 1096, 1095, False),
    "exclusion_lifted": Kind("telemarketing.exclusion", "delete", 1096, 366),
    # Working time is kept four years (Estatuto de los Trabajadores art. 34.9).
    "agent_state": Kind("telemarketing.agent.state", "delete", 1461, 1461, False),
}


class TelemarketingRetentionRule(models.Model):
    """How long a kind of record is kept, and what becomes of it then.

    Runs at night in bounded chunks. What it would take is shown before: a rule that
    is new, or was made stricter, waits until somebody has seen that and confirmed.
    """

    _name = "telemarketing.retention.rule"
    _inherit = ["telemarketing.chunk.mixin"]
    _description = "Retention Rule"
    _order = "company_id, sequence, kind, id"
    _rec_name = "kind"

    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company,
        ondelete="cascade",
    )
    sequence = fields.Integer(default=10)
    kind = fields.Selection(
        [
            ("recording_no_sale", "Recordings that prove no sale and no consent"),
            ("recording_sale", "Recordings that prove a sale or a consent"),
            ("search_log", "Searches for people at the desk"),
            ("upload", "Uploaded files and those given back"),
            ("raw_row", "Rows as loaded, of people never called"),
            ("person_closed", "People whose targets are all closed"),
            ("refusal", "Refused calls"),
            ("blocked", "Blocked data of erased people"),
            ("exclusion_lifted", "Exclusions that were lifted"),
            ("agent_state", "Minutes of the agents' sessions"),
        ],
        required=True,
    )
    principal_id = fields.Many2one(
        "res.partner",
        "Client Company",
        domain="[('telemarketing_is_principal', '=', True)]",
        ondelete="cascade",
        help="Its own term. Empty: for all that have none of their own.",
    )
    days = fields.Integer(
        required=True, help="Counted from the call, the closing, the loading…"
    )
    least_days = fields.Integer("At Least", compute="_compute_kind")
    action = fields.Selection(
        [
            ("delete", "Deleted"),
            ("anonymise", "Emptied of what says who it was"),
            ("block", "Blocked and emptied"),
        ],
        "Then",
        compute="_compute_kind",
    )
    why = fields.Text("Why So Long", compute="_compute_kind")
    active = fields.Boolean(default=True)
    state = fields.Selection(
        [("to_confirm", "To be confirmed"), ("active", "Runs every night")],
        required=True,
        default="to_confirm",
        readonly=True,
    )
    previewed_at = fields.Datetime("Shown", readonly=True)
    previewed_by_id = fields.Many2one("res.users", "Shown to", readonly=True)
    due_count = fields.Integer(
        "Would Go", readonly=True, help="When it was last shown."
    )
    preview_html = fields.Html(
        "What Would Go", readonly=True, export_string_translation=False
    )
    confirmed_at = fields.Datetime(readonly=True)
    confirmed_by_id = fields.Many2one("res.users", readonly=True)
    run_ids = fields.One2many("telemarketing.retention.run", "rule_id", "Runs")
    last_run_at = fields.Datetime(compute="_compute_last_run")
    last_run_count = fields.Integer("Gone Then", compute="_compute_last_run")

    _one = models.UniqueIndex(
        "(company_id, kind, COALESCE(principal_id, 0))",
        "There is a rule for this already.",
    )

    _caller_fields = (
        "company_id",
        "kind",
        "principal_id",
        "days",
        "active",
        "sequence",
    )

    # COMPUTES

    @api.depends("kind")
    def _compute_kind(self):
        for rule in self:
            kind = KINDS.get(rule.kind)
            rule.least_days = kind.least if kind else 0
            rule.action = kind.action if kind else False
            rule.why = self._reasons().get(rule.kind, "")

    def _reasons(self):
        return {
            "recording_no_sale": self.env._(
                "No law says how long: the shorter the better where nothing was sold. "
                "A call in which the person objected stays a year (TRLGDCU art. 96.5)."
            ),
            "recording_sale": self.env._(
                "The trader must prove what was agreed: as long as the contract and "
                "five years more (TRLGDCU art. 98.9, Código Civil art. 1964)."
            ),
            "search_log": self.env._("To find out who looked for whom without need."),
            "upload": self.env._("Only until the loading has been looked over."),
            "raw_row": self.env._(
                "Who was never called need not stay as the file had it; the person "
                "stays in the list."
            ),
            "person_closed": self.env._(
                "Nobody works them any more. Calls and consents stay blocked until "
                "claims lapse (LOPDGDD arts. 32 and 72)."
            ),
            "refusal": self.env._("Shows that the calling rules were kept."),
            "blocked": self.env._(
                "Counted from the blocking. Very serious breaches lapse after three "
                "years (LOPDGDD art. 72.1)."
            ),
            "exclusion_lifted": self.env._(
                "Data on an objection are kept a year at least (TRLGDCU art. 96.5). "
                "Those in force are always kept."
            ),
            "agent_state": self.env._(
                "Records of working time are kept four years (Estatuto de los "
                "Trabajadores art. 34.9)."
            ),
        }

    @api.depends("run_ids")
    def _compute_last_run(self):
        for rule in self:
            last = rule.run_ids[:1]
            rule.last_run_at = last.finished_at
            rule.last_run_count = last.count

    # CHECKS

    @api.constrains("days", "kind", "principal_id")
    def _check_days(self):
        for rule in self:
            kind = KINDS[rule.kind]
            if rule.days < kind.least:
                raise ValidationError(
                    self.env._(
                        "%(what)s are kept %(days)s days at least. %(why)s",
                        what=dict(
                            self._fields["kind"]._description_selection(self.env)
                        )[rule.kind],
                        days=kind.least,
                        why=rule.why,
                    )
                )
            if rule.principal_id and not kind.principal:
                raise ValidationError(
                    self.env._("These are ours: no client company has its own term.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, self._caller_fields)
        self = without_defaults(self, self._caller_fields)
        return super().create(vals_list)

    def write(self, vals):
        check_fields(self, vals, ("days", "active", "sequence"))
        stricter = self.filtered(
            lambda r: (
                ("days" in vals and vals["days"] < r.days)
                or (vals.get("active") and not r.active)
            )
        )
        result = super().write(vals)
        if stricter and "state" not in vals:
            super(TelemarketingRetentionRule, stricter.sudo()).write(
                {"state": "to_confirm", "previewed_at": False, "preview_html": False}
            )
        return result

    # DEFAULTS

    @api.model
    def _create_missing(self, companies=None):
        """The rules that a company has from the start: long, and waiting to be
        confirmed unless they ran before there were rules."""
        companies = companies or self.env["res.company"].sudo().search(
            [("id", "!=", False)]
        )
        rules = self.sudo().with_context(active_test=False)
        known = {
            (rule.company_id, rule.kind)
            for rule in rules.search([("company_id", "in", companies.ids)])
            if not rule.principal_id
        }
        return rules.create(
            [
                {
                    "company_id": company.id,
                    "kind": name,
                    "sequence": place,
                    "days": kind.days,
                    "state": "active" if kind.active else "to_confirm",
                }
                for company in companies
                for place, (name, kind) in enumerate(KINDS.items())
                if (company, name) not in known
            ]
        )

    @api.model
    def _of(self, company, kind):
        """The company's own rule of this kind."""
        rules = self.sudo().with_context(active_test=False)
        domain = [
            ("company_id", "=", company.id),
            ("kind", "=", kind),
            ("principal_id", "=", False),
        ]
        return rules.search(domain, limit=1) or self._create_missing(company).filtered(
            lambda rule: rule.kind == kind
        )

    # WHAT WOULD GO

    def _due(self, limit=None):
        """SQL of the ids that the rule takes now, oldest first."""
        self.ensure_one()
        now = self.env["telemarketing.clock"]._now()
        query = SQL(
            "%s ORDER BY 1 %s",
            getattr(self, f"_due_{self.kind}")(now - timedelta(days=self.days), now),
            SQL("LIMIT %s", limit) if limit else SQL(),
        )
        self.env.flush_all()
        return query

    def _whose(self, column):
        """Condition on the principal: its own rule goes before the common one."""
        if self.principal_id:
            return SQL("%s = %s", SQL(column), self.principal_id.id)
        own = self.search(
            [
                ("company_id", "=", self.company_id.id),
                ("kind", "=", self.kind),
                ("principal_id", "!=", False),
            ]
        )
        return SQL(
            "(%s IS NULL OR NOT %s = ANY(%s))",
            SQL(column),
            SQL(column),
            own.principal_id.ids,
        )

    # A date of its own (``keep_until``) goes before every rule.
    _PROVES = """(COALESCE(i.is_conversion, FALSE)
        OR EXISTS (SELECT 1 FROM sale_order o
                   WHERE o.telemarketing_interaction_id = i.id AND o.state = 'sale')
        OR EXISTS (SELECT 1 FROM telemarketing_consent k
                   WHERE k.recording_id = r.id OR k.interaction_id = i.id))"""

    def _due_recordings(self, cutoff, now, proves):
        return SQL(
            """SELECT r.id FROM telemarketing_recording r
               JOIN telemarketing_interaction i ON i.id = r.interaction_id
               WHERE r.company_id = %s AND %s AND r.deleted_at IS NULL
                 AND r.keep_until IS NULL AND r.blocked_until IS NULL
                 AND i.started_at < %s AND %s
                 AND NOT EXISTS (SELECT 1 FROM telemarketing_exclusion e
                                 WHERE e.interaction_id = i.id AND e.date > %s)""",
            self.company_id.id,
            self._whose("i.principal_id"),
            cutoff,
            proves,
            now - timedelta(days=366),
        )

    def _due_recording_no_sale(self, cutoff, now):
        return self._due_recordings(cutoff, now, SQL("NOT %s", SQL(self._PROVES)))

    def _due_recording_sale(self, cutoff, now):
        return self._due_recordings(cutoff, now, SQL(self._PROVES))

    def _due_search_log(self, cutoff, now):
        return SQL(
            "SELECT l.id FROM telemarketing_search_log l"
            " WHERE l.company_id = %s AND l.at < %s",
            self.company_id.id,
            cutoff,
        )

    def _due_upload(self, cutoff, now):
        return SQL(
            """SELECT j.id FROM telemarketing_import j
               WHERE j.company_id = %s AND j.state NOT IN ('loading', 'undoing')
                 AND j.create_date < %s
                 AND (j.preview_html IS NOT NULL OR EXISTS (
                      SELECT 1 FROM telemarketing_import_row r
                      WHERE r.import_id = j.id) OR EXISTS (
                      SELECT 1 FROM telemarketing_import_change h
                      WHERE h.import_id = j.id) OR EXISTS (
                      SELECT 1 FROM telemarketing_import_column k
                      WHERE k.import_id = j.id AND k.sample <> '') OR EXISTS (
                      SELECT 1 FROM ir_attachment a
                      WHERE a.res_model = 'telemarketing.import' AND a.res_id = j.id
                        AND a.res_field IN ('file', 'returned_file')))""",
            self.company_id.id,
            cutoff,
        )

    def _due_raw_row(self, cutoff, now):
        return SQL(
            """SELECT c.id FROM telemarketing_contact c
               JOIN telemarketing_database d ON d.id = c.database_id
               WHERE c.company_id = %s AND %s AND c.raw_values IS NOT NULL
                 AND d.training IS NOT TRUE
                 AND c.create_date < %s
                 AND NOT EXISTS (SELECT 1 FROM telemarketing_interaction i
                                 WHERE i.contact_id = c.id)""",
            self.company_id.id,
            self._whose("c.principal_id"),
            cutoff,
        )

    def _due_person_closed(self, cutoff, now):
        return SQL(
            """SELECT c.id FROM telemarketing_contact c
               JOIN telemarketing_database d ON d.id = c.database_id
               WHERE c.company_id = %s AND %s AND c.erased_at IS NULL
                 AND d.training IS NOT TRUE
                 AND c.partner_id IS NULL AND c.create_date < %s
                 AND NOT EXISTS (SELECT 1 FROM telemarketing_target t
                                 WHERE t.contact_id = c.id
                                   AND (t.state NOT IN ('done', 'excluded')
                                        OR COALESCE(t.last_result_at, t.create_date)
                                           >= %s))
                 AND EXISTS (SELECT 1 FROM telemarketing_target t
                             WHERE t.contact_id = c.id)
                 AND NOT EXISTS (SELECT 1 FROM telemarketing_interaction i
                                 WHERE i.contact_id = c.id AND i.started_at >= %s)
                 AND NOT EXISTS (SELECT 1 FROM telemarketing_consent k
                                 WHERE k.contact_id = c.id AND k.given_at >= %s)""",
            self.company_id.id,
            self._whose("c.principal_id"),
            cutoff,
            cutoff,
            cutoff,
            cutoff,
        )

    def _due_refusal(self, cutoff, now):
        return SQL(
            "SELECT x.id FROM telemarketing_refusal x"
            " WHERE x.company_id = %s AND %s AND x.at < %s",
            self.company_id.id,
            self._whose("x.principal_id"),
            cutoff,
        )

    def _due_blocked(self, cutoff, now):
        # Each says until when, counted from the day it was blocked.
        return SQL(
            "SELECT b.id FROM telemarketing_blocked b"
            " WHERE b.company_id = %s AND b.blocked_until < %s",
            self.company_id.id,
            now.date(),
        )

    def _due_exclusion_lifted(self, cutoff, now):
        return SQL(
            """SELECT e.id FROM telemarketing_exclusion e
               LEFT JOIN telemarketing_campaign k ON k.id = e.campaign_id
               WHERE e.company_id = %s AND %s AND e.lifted_at < %s""",
            self.company_id.id,
            self._whose("COALESCE(e.principal_id, k.principal_id)"),
            cutoff,
        )

    def _due_agent_state(self, cutoff, now):
        return SQL(
            "SELECT s.id FROM telemarketing_agent_state s"
            " WHERE s.company_id = %s AND s.ended_at < %s",
            self.company_id.id,
            cutoff,
        )

    def _due_records(self, limit):
        rows = self.env.execute_query(self._due(limit))
        return self.env[KINDS[self.kind].model].browse([row[0] for row in rows])

    # SHOWN BEFORE

    def action_preview(self):
        """Count what would go now and name the first."""
        for rule in self:
            rule.check_access("write")
            job = rule.sudo().with_context(active_test=False)
            query = job._due()
            count = self.env.execute_query(
                SQL("SELECT count(*) FROM (%s) AS due", query)
            )[0][0]
            records = job._due_records(SHOWN)
            items = Markup().join(
                Markup("<li>%s</li>") % rule._shown_as(record) for record in records
            )
            job.write(
                {
                    "due_count": count,
                    "preview_html": Markup("<ul>%s</ul>") % items if items else False,
                    "previewed_at": self.env["telemarketing.clock"]._now(),
                    "previewed_by_id": self.env.uid,
                }
            )
        return True

    def _shown_as(self, record):
        """A line of the preview; blocked people by their reference only."""
        if self.kind == "blocked":
            return f"{record.reference} · {record.blocked_until}"
        return f"{record.display_name or ''} #{record.id}"

    def action_open_due(self):
        """The first thousand as a list, as far as the caller may read them."""
        self.ensure_one()
        self.check_access("read")
        model = KINDS[self.kind].model
        self.env[model].check_access("read")
        return {
            "type": "ir.actions.act_window",
            "res_model": model,
            "view_mode": "list,form",
            "name": self.env._("Would Go"),
            "domain": [("id", "in", self.sudo()._due_records(1000).ids)],
            "context": {"active_test": False},
        }

    def action_confirm(self):
        """Somebody has seen what would go: from tonight it runs."""
        for rule in self:
            rule.check_access("write")
            if not rule.previewed_at:
                raise UserError(
                    self.env._("Have it shown first what would go at the next run.")
                )
        self.sudo().write(
            {
                "state": "active",
                "confirmed_at": self.env["telemarketing.clock"]._now(),
                "confirmed_by_id": self.env.uid,
            }
        )
        return True

    # AT NIGHT

    @api.model
    def _cron_run(self):
        self._create_missing()
        for rule in self.sudo().search([("state", "=", "active")]):
            if not rule._run():
                # No time left: the cron comes back for the rest.
                return
        if self.env.context.get("cron_id"):
            self.env["ir.cron"]._commit_progress(remaining=0)

    @api.private
    def _run(self):
        """Take what is due, chunk by chunk.

        :return: False when time ran out before the end
        """
        self.ensure_one()
        run = self.env["telemarketing.retention.run"]
        done, last = 0, None
        while True:
            records = self._due_records(CHUNK)
            if not records:
                break
            if not run:
                run = run.create(
                    {
                        "rule_id": self.id,
                        "company_id": self.company_id.id,
                        "kind": self.kind,
                        "started_at": self.env["telemarketing.clock"]._now(),
                    }
                )
            try:
                if records == last:
                    raise UserError(self.env._("What should have gone is still there."))
                with self.env.cr.savepoint():
                    getattr(self, f"_take_{self.kind}")(records)
                    self.env.flush_all()
            except Exception as error:  # one kind must not keep the others waiting
                _logger.exception("retention rule %s failed", self.id)
                self.env.invalidate_all(flush=False)
                run.error = str(error)
                break
            last = records
            done += len(records)
            run.write(
                {"count": done, "finished_at": self.env["telemarketing.clock"]._now()}
            )
            if not self._commit(len(records)):
                return False
        if run:
            run.finished_at = self.env["telemarketing.clock"]._now()
            self._commit(0)
        return True

    def _commit(self, done):
        """Keep the chunk; is there time for another?"""
        return self._keep_chunk(done, 1)

    def _take_recording_no_sale(self, recordings):
        recordings._delete_from_store()
        recordings.write({"deleted_at": self.env["telemarketing.clock"]._now()})

    _take_recording_sale = _take_recording_no_sale

    def _take_search_log(self, logs):
        logs.unlink()

    def _take_upload(self, jobs):
        jobs._forget_files()
        # What people were before a file changed them is of the file, too.
        jobs.change_ids.unlink()
        # What people had before the file changed it: undone, if ever, by now.
        self.env.cr.execute(
            "DELETE FROM telemarketing_import_change WHERE import_id = ANY(%s)",
            [jobs.ids],
        )
        jobs.invalidate_recordset(["change_ids"], flush=False)

    def _take_raw_row(self, contacts):
        self.env.cr.execute(
            "UPDATE telemarketing_contact SET raw_values = NULL WHERE id = ANY(%s)",
            [contacts.ids],
        )
        contacts.invalidate_recordset(["raw_values"], flush=False)

    def _take_person_closed(self, contacts):
        eraser = self.env["telemarketing.privacy.eraser"]
        reference = self.env._("Retention %s", self.id)
        with_proof = eraser._with_proof(contacts.ids)
        eraser._block(
            with_proof, "retention", reference, eraser._until(self.company_id)
        )
        eraser._empty(contacts.ids)

    def _take_refusal(self, refusals):
        self.env.cr.execute(
            "DELETE FROM telemarketing_refusal WHERE id = ANY(%s)", [refusals.ids]
        )
        refusals.invalidate_model(flush=False)

    def _take_blocked(self, blocked):
        blocked._delete()

    def _take_exclusion_lifted(self, exclusions):
        # Past the guards that keep proofs: their time is over.
        for table, column in (
            ("telemarketing_exclusion_log", "exclusion_id"),
            ("telemarketing_exclusion", "id"),
        ):
            self.env.cr.execute(
                SQL(
                    "DELETE FROM %s WHERE %s = ANY(%s)",
                    SQL.identifier(table),
                    SQL.identifier(column),
                    exclusions.ids,
                )
            )
        self.env.invalidate_all(flush=False)

    def _take_agent_state(self, states):
        self.env.cr.execute(
            "DELETE FROM telemarketing_agent_state WHERE id = ANY(%s)", [states.ids]
        )
        states.invalidate_model(flush=False)


class TelemarketingRetentionRun(models.Model):
    """What a rule took in one night."""

    _name = "telemarketing.retention.run"
    _description = "Retention Run"
    _order = "id desc"
    _rec_name = "kind"

    rule_id = fields.Many2one(
        "telemarketing.retention.rule", index=True, ondelete="set null"
    )
    company_id = fields.Many2one("res.company", required=True, index=True)
    kind = fields.Selection(
        selection=lambda self: (
            self.env["telemarketing.retention.rule"]
            ._fields["kind"]
            ._description_selection(self.env)
        ),
        required=True,
    )
    started_at = fields.Datetime(required=True)
    finished_at = fields.Datetime()
    count = fields.Integer("Gone")
    error = fields.Char()
