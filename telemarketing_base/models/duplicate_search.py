import itertools
import logging
from collections import defaultdict

from psycopg2.extensions import TRANSACTION_STATUS_INERROR as ABORTED
from psycopg2.extras import execute_values

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from ..identity.similar import compare, name_words, same_name, split_street, tells_apart
from .chunk import log_failure, reason_of
from .duplicate_people import MODELS
from .guard import MANAGER, check_fields, without_defaults

_logger = logging.getLogger(__name__)

# Groups (NIF, telephone, mail) or people (by name and address) per transaction.
GROUPS = 2000
PEOPLE = 10_000
# Up to so many people of one NIF, number or mail are compared each with each; of more,
# only those of the same name: the rest share a value that tells nobody apart.
GROUP_CAP = 12
# People of a postcode who share the beginnings of a word of the name and of one of
# the street; more of them are a common name in a long street.
BLOCK_CAP = 40
# Shared values that a run reports.
SHOWN = 50
# Pairs merged per transaction: each rewrites many tables.
MERGES = 200
SKIPPED_SHOWN = 100
STEPS = ("vat", "phone", "email", "name")
_PREFIX = 4


class TelemarketingDuplicateSearch(models.Model):
    """A run that looks for repeated people, or merges those found by a rule.

    In the background, in chunks that commit: the place reached is written with what
    was found, so that a restart goes on there.
    """

    _name = "telemarketing.duplicate.search"
    _inherit = ["telemarketing.sight.mixin", "telemarketing.chunk.mixin"]
    _description = "Search for Repeated People"
    _order = "id desc"
    _check_company_auto = True
    _sight_fields = ("principal_id", "campaign_id", "database_ids")
    _caller_fields = (
        *("company_id", "what", "principal_id", "campaign_id", "database_ids"),
        *("by_vat", "by_phone", "by_email", "by_name", "threshold", "min_score"),
    )

    kind = fields.Selection(
        [("find", "Look for pairs"), ("merge", "Merge by rule")],
        required=True,
        default="find",
        readonly=True,
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company,
        ondelete="cascade",
    )
    what = fields.Selection(
        [
            ("contacts", "Contacts"),
            ("people", "Prospects and clients"),
            ("partners", "All of Odoo's contacts"),
        ],
        "Among",
        required=True,
        default="contacts",
    )
    principal_id = fields.Many2one(
        "res.partner",
        "Client Company",
        domain="[('telemarketing_is_principal', '=', True)]",
        help="Empty: of each, never across.",
        ondelete="cascade",
    )
    campaign_id = fields.Many2one(
        "telemarketing.campaign", check_company=True, ondelete="cascade"
    )
    database_ids = fields.Many2many(
        "telemarketing.database",
        string="Databases",
        check_company=True,
        help="At least one of both people is of these. Empty: of any.",
    )
    by_vat = fields.Boolean("Same NIF", default=True)
    by_phone = fields.Boolean("Same Telephone", default=True)
    by_email = fields.Boolean("Same Mail", default=True)
    by_name = fields.Boolean("Similar Name and Address", default=True)
    threshold = fields.Float(
        "How Similar",
        default=0.8,
        help="Name and address, each, from 0.5 (somewhat) to 1 (the same words).",
    )
    min_score = fields.Float(
        "Least Score",
        default=0.5,
        help="Pairs below are not kept: a family shares its telephone. From 0 to 1.",
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("running", "Under Way"),
            ("done", "Done"),
            ("stopped", "Stopped"),
            ("failed", "Failed"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
    )
    step = fields.Selection([(step, step) for step in STEPS], readonly=True, copy=False)
    position = fields.Char(readonly=True, copy=False)
    total = fields.Integer("People", readonly=True, copy=False)
    done = fields.Integer(readonly=True, copy=False)
    progress = fields.Float(compute="_compute_progress")
    found = fields.Integer("New Pairs", readonly=True, copy=False)
    pair_count = fields.Integer("Pairs", compute="_compute_pair_count")
    # [rule, id of one of them (of the telephone), how many]: read when shown
    shared = fields.Json(readonly=True, copy=False)
    shared_text = fields.Text("Shared by Many", compute="_compute_shared_text")
    stop_asked = fields.Boolean(readonly=True, copy=False)
    error = fields.Text(readonly=True, copy=False)
    # Whose sight and rights count: perhaps not who made it.
    asked_by_id = fields.Many2one("res.users", "Asked by", readonly=True, copy=False)
    started_at = fields.Datetime(readonly=True, copy=False)
    finished_at = fields.Datetime(readonly=True, copy=False)

    # what a rule merges
    rule_reason = fields.Selection(
        [
            ("any", "Anything"),
            ("vat", "The NIF"),
            ("phone", "A telephone"),
            ("email", "The mail"),
            ("name_address", "Similar name and address"),
        ],
        "In Common",
        default="vat",
        readonly=True,
    )
    rule_same_name = fields.Boolean("Only of the Same Name", readonly=True)
    rule_score = fields.Float("Score from", readonly=True)
    merged = fields.Integer(readonly=True, copy=False)
    skipped = fields.Integer("Left as They Were", readonly=True, copy=False)
    # [id, id, why]: the eraser looks for the ids
    skipped_why = fields.Json(readonly=True, copy=False)
    skipped_text = fields.Text("Why", compute="_compute_skipped_text")

    _threshold_range = models.Constraint(
        "CHECK (threshold BETWEEN 0.5 AND 1 AND min_score BETWEEN 0 AND 1)",
        "How similar is from 0.5 to 1, the least score from 0 to 1.",
    )

    # COMPUTES

    @api.depends("kind", "what", "create_date")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        whats = dict(self._fields["what"]._description_selection(self.env))
        for run in self:
            day = fields.Date.to_string(run.create_date) or ""
            run.display_name = f"{kinds[run.kind]} · {whats[run.what]} {day}".strip()

    @api.depends("done", "total", "state")
    def _compute_progress(self):
        for run in self:
            if run.state == "done":
                run.progress = 100.0
            else:
                run.progress = 100.0 * min(run.done, run.total) / (run.total or 1)

    def _compute_pair_count(self):
        counts = dict(
            self.env["telemarketing.duplicate"]._read_group(
                [("search_id", "in", self.ids)], ["search_id"], ["__count"]
            )
        )
        for run in self:
            run.pair_count = counts.get(run, 0)

    @api.depends("shared")
    def _compute_shared_text(self):
        """The value as it is now, of one whom the reader may see: who was erased since
        leaves nothing here."""
        for run in self:
            run.shared_text = "\n".join(
                self.env._(
                    "%(value)s: %(count)s people", value=value, count=f"{count:,}"
                )
                for rule, person, count in run.shared or []
                if (value := run._value_of(rule, person))
            )

    def _value_of(self, rule, where):
        if rule == "phone" and self.what == "contacts":
            phone = self.env["telemarketing.contact.phone"].search([("id", "=", where)])
            return phone.display_name
        people = self.env[self._model()].with_context(active_test=False)
        found = people.search([("id", "=", where)])
        if rule == "vat":
            return found.vat
        if rule == "email":
            return found.email
        return found.phone

    @api.depends("skipped_why")
    def _compute_skipped_text(self):
        for run in self:
            run.skipped_text = "\n".join(row[-1] for row in run.skipped_why or [])

    # CRUD

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, self._caller_fields)
        self = without_defaults(self, self._caller_fields)
        runs = super().create(vals_list)
        runs._check_partners_by_manager()
        return runs

    def write(self, vals):
        check_fields(self, vals, self._caller_fields)
        if not self.env.su and self.filtered(lambda run: run.state != "draft"):
            self.check_access("write")
            raise UserError(self.env._("A search that has begun does not change."))
        result = super().write(vals)
        if not self.env.su:
            self._check_partners_by_manager()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_only_idle(self):
        if self.filtered(lambda run: run.state == "running"):
            raise UserError(self.env._("This is under way: stop it first."))

    def _check_partners_by_manager(self):
        if self.env.su or self.env.user.has_group(MANAGER):
            return
        if self.filtered(lambda run: run.what != "contacts"):
            raise AccessError(
                self.env._("Only telemarketing managers merge prospects and clients.")
            )

    # STEPS

    def action_start(self):
        self.check_access("write")
        self._check_partners_by_manager()
        self._check_in_sight()
        for run in self.sudo():
            if run.state not in ("draft", "stopped", "failed"):
                raise UserError(run.env._("This search is under way or done."))
            if run.kind == "find" and not run._steps():
                raise UserError(run.env._("Say what repeated people have in common."))
            values = {
                "state": "running",
                "asked_by_id": self.env.uid,
                "stop_asked": False,
                "error": False,
            }
            if not run.started_at:
                values["started_at"] = fields.Datetime.now()
            run.write(values)
        self.env.ref("telemarketing_base.cron_duplicate").sudo()._trigger()
        return True

    def action_stop(self):
        """Stop after what is at hand; what was found or merged stays."""
        self.check_access("write")
        self.sudo().filtered(lambda run: run.state == "running").stop_asked = True
        return True

    def action_open_pairs(self):
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "telemarketing_base.action_telemarketing_duplicate"
            ),
            "domain": [("search_id", "=", self.id)],
        }

    def action_open_merges(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Merged Records"),
            "res_model": "telemarketing.merge",
            "view_mode": "list,form",
            "domain": [("search_id", "=", self.id)],
        }

    @api.private
    def _asker(self):
        return self.asked_by_id or super()._asker()

    def _model(self):
        return MODELS["contact" if self.what == "contacts" else "partner"]

    def _steps(self):
        return [step for step in STEPS if self[f"by_{step}"]]

    # BACKGROUND

    @api.model
    def _cron_run(self):
        """Go on with the runs that are under way."""
        for run in self.search([("state", "=", "running")], order="id"):
            if not run.try_lock_for_update(allow_referencing=True):
                continue
            # With the sight and in the language of who asked for it.
            asker = run._asker()
            run = run.with_user(asker).with_context(
                lang=asker.lang, allowed_company_ids=run.company_id.ids
            )
            run = run.sudo()
            try:
                if run.kind == "find":
                    run._find()
                else:
                    run._merge_pairs()
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                # Stop, or a desk that wrote one of these people: on from the last
                # chunk that stands.
                run._roll_back()
                self.env.ref("telemarketing_base.cron_duplicate").sudo()._trigger()
                run._keep_chunk(0, 1)
            except Exception as error:  # one run must not stop the others
                run._roll_back()
                log_failure(_logger, "search for repeated people", run, error)
                run.write({"state": "failed", "error": reason_of(error)})
                run._keep_chunk(0)

    def _finish(self, state="done"):
        self.write({"state": state, "finished_at": fields.Datetime.now()})
        self._keep_chunk(0)

    # FINDING

    def _find(self):
        self.ensure_one()
        steps = self._steps()
        if not self.step:
            self.env["telemarketing.duplicate"]._drop_stale()
            self.env.cr.execute(SQL("SELECT count(*) FROM %s", self._from()))
            people = self.env.cr.fetchone()[0]
            self.write({"step": steps[0], "total": people * len(steps)})
        each = self.total // len(steps)
        for place, step in enumerate(steps):
            if place < steps.index(self.step):
                continue
            if self.step != step:
                self.write({"step": step, "position": False, "done": place * each})
            work = self._find_similar if step == "name" else self._find_shared
            if not work(step):
                return
        self._finish()

    def _from(self, join=None):
        """``FROM``'s table and ``WHERE``: who is compared, as ``p``. Those of others'
        campaigns are not: nobody finds out by a pair who else is there."""
        self.env.flush_all()
        conditions = []
        if self.what == "contacts":
            table = "telemarketing_contact"
            conditions += [
                SQL("p.company_id = %s", self.company_id.id),
                SQL("p.active AND p.erased_at IS NULL AND p.merged_into_id IS NULL"),
                # Invented people have the names of many.
                SQL(
                    "NOT EXISTS (SELECT 1 FROM telemarketing_database t"
                    " WHERE t.id = p.database_id AND t.training)"
                ),
            ]
            campaigns = self._campaigns_in_sight()
            if campaigns is not None:
                conditions.append(SQL("p.campaign_id = ANY(%s)", campaigns))
        else:
            table = "res_partner"
            conditions += [
                SQL("(p.company_id IS NULL OR p.company_id = %s)", self.company_id.id),
                # Users, companies, who we work for and mere addresses are nobody's
                # repetition.
                SQL("p.active AND p.partner_share IS TRUE"),
                SQL("p.telemarketing_is_principal IS NOT TRUE"),
                SQL("COALESCE(p.type, 'contact') = 'contact'"),
                SQL(
                    "NOT EXISTS (SELECT 1 FROM res_company o WHERE o.partner_id = p.id)"
                ),
                SQL("NOT EXISTS (SELECT 1 FROM res_users u WHERE u.partner_id = p.id)"),
            ]
            if self.what == "people":
                conditions.append(SQL("p.funnel_stage IS NOT NULL"))
        if self.principal_id:
            conditions.append(
                SQL("%s = %s", self._principal_column(), self.principal_id.id)
            )
        return SQL(
            "%s p %s WHERE %s",
            SQL.identifier(table),
            join or SQL(),
            SQL(" AND ").join(conditions),
        )

    def _principal_column(self):
        return SQL(
            "p.principal_id"
            if self.what == "contacts"
            else "p.telemarketing_principal_id"
        )

    def _campaigns_in_sight(self):
        """Ids, None for all of the company."""
        asker = self._asker()
        domain = Domain("company_id", "=", self.company_id.id)
        if self.campaign_id:
            domain &= Domain("id", "=", self.campaign_id.id)
        elif asker.has_group(MANAGER):
            return None
        seen = (
            self.env["telemarketing.database"]
            .with_user(asker)
            .with_context(active_test=False, allowed_company_ids=self.company_id.ids)
            .search([("company_id", "=", self.company_id.id)])
            .campaign_id
        )
        return seen.sudo().filtered_domain(domain).ids

    def _key(self, step):
        """``(expression, join, condition)`` of the value by which a group is made."""
        if self.what == "contacts":
            if step == "phone":
                return (
                    SQL("n.e164"),
                    SQL("JOIN telemarketing_contact_phone n ON n.contact_id = p.id"),
                    SQL("n.e164 IS NOT NULL AND n.state = 'ok'"),
                )
            column = SQL.identifier("p", step)
            return column, SQL(), SQL("%s IS NOT NULL", column)
        if step == "vat":
            # With or without the country's ES, dots and dashes.
            key = SQL(
                "regexp_replace(regexp_replace(upper(p.vat), '[^A-Z0-9]', '', 'g'),"
                " '^ES', '')"
            )
            return key, SQL(), SQL("p.vat IS NOT NULL")
        column = SQL("p.phone_sanitized" if step == "phone" else "p.email_normalized")
        return column, SQL(), SQL("%s IS NOT NULL", column)

    def _rows(self, query, size):
        """The query's rows, so many at a time, across commits: what was selected is
        kept by PostgreSQL."""
        cr, name = self.env.cr, f"telemarketing_duplicate_{self.id}"
        self._close_rows(name)
        cr.execute(
            SQL("DECLARE %s CURSOR WITH HOLD FOR %s", SQL.identifier(name), query)
        )
        try:
            while True:
                cr.execute(SQL("FETCH %s FROM %s", size, SQL.identifier(name)))
                rows = cr.fetchall()
                if not rows:
                    break
                yield rows
        finally:
            # After an error there is nothing to ask: the next one closes it.
            if not cr.closed and cr._cnx.info.transaction_status != ABORTED:
                self._close_rows(name)

    def _close_rows(self, name):
        self.env.cr.execute("SELECT 1 FROM pg_cursors WHERE name = %s", [name])
        if self.env.cr.fetchone():
            self.env.cr.execute(SQL("CLOSE %s", SQL.identifier(name)))

    def _find_shared(self, step):
        """Pairs by a NIF, number or mail in common; False: no time left, or stopped."""
        key, join, condition = self._key(step)
        table = self._from(join)
        since = SQL()
        if self.position:
            since = SQL("AND %s >= %s", key, self.position)
        having = SQL()
        if self.what == "contacts" and self.database_ids:
            having = SQL("AND bool_or(p.database_id = ANY(%s))", self.database_ids.ids)
        query = SQL(
            """SELECT %(key)s AS key, array_agg(DISTINCT p.id) FROM %(table)s
               AND %(condition)s AND %(key)s <> '' %(since)s
               GROUP BY %(principal)s, p.company_id, %(key)s
               HAVING count(DISTINCT p.id) > 1 %(having)s
               ORDER BY 1""",
            key=key,
            table=table,
            condition=condition,
            since=since,
            principal=self._principal_column(),
            having=having,
        )
        for rows in self._rows(query, GROUPS):
            pairs = set()
            for value, ids in rows:
                if step == "phone" and not tells_apart(value):
                    continue
                pairs |= self._pairs_of_group(step, value, sorted(ids))
            self._keep_pairs(pairs)
            if rows[-1][0] == self.position:
                continue
            self.position = rows[-1][0]
            last = len(rows) < GROUPS
            if not self._go_on(len(rows)) and not last:
                return False
        return self.state == "running"

    def _pairs_of_group(self, step, value, ids):
        if len(ids) <= GROUP_CAP:
            return set(itertools.combinations(ids, 2))
        self._report_shared(step, value, ids)
        self.env.cr.execute(
            SQL(
                "SELECT id, name FROM %s WHERE id = ANY(%s) AND name <> '' ORDER BY id",
                SQL.identifier(self.env[self._model()]._table),
                ids,
            )
        )
        first, pairs = {}, set()
        for person, name in self.env.cr.fetchall():
            words = name_words(name)
            if words in first:
                pairs.add((first[words], person))
            else:
                first[words] = person
        return pairs

    def _report_shared(self, step, value, ids):
        """Not the value, which would outlive whom it is of: where it can be read."""
        where = ids[0]
        if step == "phone" and self.what == "contacts":
            self.env.cr.execute(
                "SELECT min(id) FROM telemarketing_contact_phone"
                " WHERE contact_id = %s AND e164 = %s",
                [where, value],
            )
            where = self.env.cr.fetchone()[0]
        kept = [row for row in self.shared or [] if row[:2] != [step, where]]
        kept.append([step, where, len(ids)])
        self.shared = sorted(kept, key=lambda row: -row[2])[:SHOWN]

    def _find_similar(self, step):
        """Pairs by similar name and address: people of one place (postcode, else town)
        who share the beginning of a word of the name and of one of the street."""
        place = SQL("COALESCE(NULLIF(p.zip, ''), '~' || lower(p.city))")
        table = self._from()
        query = SQL(
            """SELECT %(place)s, %(principal)s, p.company_id, p.id, p.name, p.street
               FROM %(table)s AND p.name <> '' AND p.street <> ''
                 AND %(place)s IS NOT NULL %(since)s
               ORDER BY 1, 2, 3, 4""",
            place=place,
            principal=self._principal_column(),
            table=table,
            since=SQL("AND %s >= %s", place, self.position) if self.position else SQL(),
        )
        held, place_held, seen, pairs = [], None, 0, set()
        for rows in self._rows(query, PEOPLE):
            seen += len(rows)
            for row in rows:
                if row[:3] != place_held:
                    pairs |= self._pairs_of_place(held)
                    held, place_held = [], row[:3]
                held.append(row[3:])
            if place_held[0] == self.position:
                continue  # still the place that a restart would begin with
            # The last place may go on in the next rows: a restart begins with it.
            self._keep_pairs(pairs)
            self.position = place_held[0]
            if not self._go_on(seen):
                return False
            seen, pairs = 0, set()
        self._keep_pairs(pairs | self._pairs_of_place(held))
        self._go_on(seen)
        return self.state == "running"

    @api.model
    def _pairs_of_place(self, people):
        if len(people) < 2:
            return set()
        blocks = defaultdict(list)
        for person, name, street in people:
            place = split_street(street)
            ends = {word[:_PREFIX] for word in place.words} or {place.number}
            starts = {word[:_PREFIX] for word in name_words(name) if len(word) > 1}
            for start in starts:
                for end in ends:
                    blocks[start, end].append(person)
        pairs = set()
        for ids in blocks.values():
            if 1 < len(ids) <= BLOCK_CAP:
                pairs.update(itertools.combinations(sorted(ids), 2))
            elif len(ids) > BLOCK_CAP:
                pairs |= self._pairs_of_crowd(people, set(ids))
        return pairs

    @api.model
    def _pairs_of_crowd(self, people, ids):
        """Of too many in one block: those of the same name and house."""
        first, pairs = {}, set()
        for person, name, street in people:
            if person in ids:
                key = (name_words(name), split_street(street).number)
                if key in first:
                    pairs.add((first[key], person))
                else:
                    first[key] = person
        return pairs

    def _keep_pairs(self, pairs):
        """Compare, and write those that reach the least score."""
        if not pairs:
            return
        side = "contact" if self.what == "contacts" else "partner"
        Duplicate = self.env["telemarketing.duplicate"]
        people = Duplicate._persons(self._model(), set(itertools.chain(*pairs)))
        databases = set(self.database_ids.ids) if side == "contact" else set()
        now, rows = fields.Datetime.now(), []
        principals = self._principals({person for pair in pairs for person in pair})
        for one, other in sorted(pairs):
            if one not in people or other not in people:
                continue
            (a, base_a, family_a), (b, base_b, family_b) = people[one], people[other]
            if family_a and family_a == family_b:
                continue  # a firm and who works there
            if databases and not databases & {base_a, base_b}:
                continue
            score, reasons = compare(a, b, self.threshold)
            if not reasons or score < self.min_score:
                continue
            rows.append(
                (
                    *(self.company_id.id, principals[one], side, one, other, score),
                    *(",".join(reasons), same_name(a.name, b.name), "new", self.id),
                    *(self.env.uid, now, self.env.uid, now),
                )
            )
        if not rows:
            return
        found = execute_values(
            self.env.cr._obj,
            f"""INSERT INTO telemarketing_duplicate AS d
                    (company_id, principal_id, model, {side}_a_id, {side}_b_id, score,
                     reasons, same_name, state, search_id, create_uid, create_date,
                     write_uid, write_date)
                VALUES %s
                ON CONFLICT ({side}_a_id, {side}_b_id) WHERE {side}_a_id IS NOT NULL
                DO UPDATE SET score = EXCLUDED.score, reasons = EXCLUDED.reasons,
                              same_name = EXCLUDED.same_name,
                              search_id = EXCLUDED.search_id
                   WHERE d.state = 'new'
                RETURNING (xmax = 0)""",
            rows,
            fetch=True,
        )
        self.found += sum(row[0] for row in found)
        Duplicate.invalidate_model()

    def _principals(self, ids):
        self.env.cr.execute(
            SQL(
                "SELECT p.id, %s FROM %s p WHERE p.id = ANY(%s)",
                self._principal_column(),
                SQL.identifier(self.env[self._model()]._table),
                list(ids),
            )
        )
        return dict(self.env.cr.fetchall())

    def _go_on(self, done):
        """Commit; is there time for more, and does nobody want it stopped?"""
        self.done = min(self.total, self.done + done)
        more = self._keep_chunk(done, max(1, self.total - self.done))
        self.invalidate_recordset(["stop_asked"])
        if self.stop_asked:
            self._finish("stopped")
            return False
        return more

    # MERGING BY RULE

    def _pair_domain(self):
        """Pairs that the rule is about."""
        domain = Domain("state", "=", "new")
        domain &= Domain("company_id", "=", self.company_id.id)
        domain &= Domain(
            "model", "=", "contact" if self.what == "contacts" else "partner"
        )
        domain &= Domain("score", ">=", self.rule_score)
        if self.rule_reason != "any":
            domain &= Domain("reasons", "like", self.rule_reason)
        if self.rule_same_name:
            domain &= Domain("same_name", "=", True)
        if self.principal_id:
            domain &= Domain("principal_id", "=", self.principal_id.id)
        if self.campaign_id:
            domain &= Domain("contact_a_id.campaign_id", "=", self.campaign_id.id)
            domain &= Domain("contact_b_id.campaign_id", "=", self.campaign_id.id)
        if self.database_ids:
            domain &= Domain(
                "contact_a_id.database_id", "in", self.database_ids.ids
            ) | Domain("contact_b_id.database_id", "in", self.database_ids.ids)
        return domain

    def _merge_pairs(self):
        """Merge what the rule says, as who asked for it: his rights are asked anew for
        each."""
        self.ensure_one()
        asker = self._asker()
        Duplicate = (
            self.env["telemarketing.duplicate"]
            .with_user(asker)
            .with_context(allowed_company_ids=self.company_id.ids)
        )
        domain = self._pair_domain()
        if not self.total:
            self.total = Duplicate.search_count(domain)
        while True:
            pairs = Duplicate.search(
                domain & Domain("id", ">", int(self.position or 0)),
                order="id",
                limit=MERGES,
            )
            if not pairs:
                break
            self._merge_chunk(pairs)
            self.position = str(pairs[-1].id)
            if not self._go_on(len(pairs)):
                return
        self._finish()

    def _merge_chunk(self, pairs):
        """Whom these pairs link are one: each such set is merged at once, set-based."""
        good = pairs.browse()
        for pair in pairs:
            people = pair._people()
            score, reasons, alike = pair._score(pair.model, *people.ids)
            if (
                score < self.rule_score
                or (self.rule_reason != "any" and self.rule_reason not in reasons)
                or (self.rule_same_name and not alike)
            ):
                why = self.env._("Pair %s has changed since it was found", pair.id)
                self._skip(people, why)
            else:
                good |= pair
        if not good:
            return
        sets = _linked([pair._people().ids for pair in good])
        People = good.env[self._model()]
        calls = good._calls(People.browse(sorted(set().union(*sets))))
        wanted = []
        for ids in sets:
            people = People.browse(sorted(ids))
            keep = good._most_history(people, calls)
            wanted.append((keep, people - keep))
        refused = []
        self._merge_sets(good, wanted, refused)
        # Of three one may be refused: the other two are still one.
        again = [
            (keep, one) for keep, gone, _why in refused if len(gone) > 1 for one in gone
        ]
        final = [row for row in refused if len(row[1]) == 1]
        if again:
            self._merge_sets(good, again, final)
        for keep, gone, why in final:
            self._skip(
                keep | gone,
                self.env._(
                    "Records %(one)s and %(other)s: %(why)s",
                    one=keep.id,
                    other=gone.id,
                    why=why,
                ),
            )

    def _merge_sets(self, pairs, wanted, refused):
        """:param pairs: in whose name: their environment is that of who asked"""
        Merge = pairs.env["telemarketing.merge"]
        merges = Merge._merge_many(wanted, None, refused)
        merges.sudo().search_id = self
        Duplicate = self.env["telemarketing.duplicate"].sudo()
        for merge in merges.sudo():
            Duplicate._merged(merge._kept(), merge._gone(), merge)
            self.merged += merge.gone_count

    def _skip(self, people, why):
        self.skipped += 1
        if len(self.skipped_why or []) < SKIPPED_SHOWN:
            self.skipped_why = [*(self.skipped_why or []), [*people.ids, why]]


def _linked(pairs):
    """The sets of ids that pairs of ids link, in order of their first id."""
    root = {}

    def find(one):
        while root.setdefault(one, one) != one:
            root[one] = one = root[root[one]]
        return one

    for one, other in pairs:
        a, b = sorted((find(one), find(other)))
        root[b] = a
    sets = defaultdict(set)
    for one in root:
        sets[find(one)].add(one)
    return [sets[first] for first in sorted(sets)]
