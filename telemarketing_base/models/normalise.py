import logging
from collections import defaultdict
from datetime import timedelta

from psycopg2.extras import execute_values

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from ..identity.phone import check_phone
from ..importing import REASONS, Settings
from ..importing.cleaning import clean_row
from .chunk import log_failure, reason_of
from .guard import MANAGER, check_fields, without_defaults

_logger = logging.getLogger(__name__)

# People per transaction.
CHUNK = 1000
# Up to so many are looked at while the user waits.
AT_ONCE = 3000
EXAMPLES = 10
# Lines of wrong values that are written; all are counted.
WRONG_LINES = 10_000
UNDO_HOURS = 24
# Old values are kept for a while longer, to be looked at.
KEPT_DAYS = 7

CONTACT = "telemarketing.contact"
PHONE = "telemarketing.contact.phone"
NUMBER = "telemarketing.number"
PARTNER = "res.partner"
# What the run's switches are about.
PARTS = {
    "do_phone": ("e164", "kind", "phone"),
    "do_vat": ("vat",),
    "do_place": ("zip", "state_id", "city"),
    "do_email": ("email",),
    "do_name": ("name",),
}
# Facts that the answer to "may we call?" rests on.
_GATE = {"vat", "zip", "state_id", "city", "e164", "kind"}


class TelemarketingNormalise(models.Model):
    """What is there already, written as loading would write it today: telephones, NIF,
    postcode and province, mail, capitals.

    First a preview, which changes nothing; then in the background, each old value kept
    for a day. A wrong value is never deleted: it is listed.
    """

    _name = "telemarketing.normalise"
    _inherit = ["telemarketing.sight.mixin", "telemarketing.chunk.mixin"]
    _description = "Normalised Values"
    _order = "id desc"
    _check_company_auto = True
    _sight_fields = ("campaign_id", "database_ids")
    _caller_fields = (
        *("company_id", "campaign_id", "database_ids", "with_partners"),
        *PARTS,
    )

    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company,
        ondelete="cascade",
    )
    campaign_id = fields.Many2one(
        "telemarketing.campaign", check_company=True, ondelete="cascade"
    )
    database_ids = fields.Many2many(
        "telemarketing.database", string="Databases", check_company=True
    )
    with_partners = fields.Boolean(
        "Prospects and Clients Too",
        help="Of the whole company; managers only: invoices are made out to them.",
    )
    do_phone = fields.Boolean("Telephones", default=True)
    do_vat = fields.Boolean("NIF", default=True)
    do_place = fields.Boolean("Postcode, Province and Town", default=True)
    do_email = fields.Boolean("Mail", default=True)
    do_name = fields.Boolean("Capitals of Names", default=True)
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("counting", "Looking"),
            ("preview", "Previewed"),
            ("running", "Under Way"),
            ("done", "Done"),
            ("stopped", "Stopped"),
            ("failed", "Failed"),
            ("undoing", "Being Undone"),
            ("undone", "Undone"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
    )
    # Where it is: 0 contacts, 1 partners; last id done of them.
    place = fields.Integer(readonly=True, copy=False, default=0)
    position = fields.Integer(readonly=True, copy=False, default=0)
    total = fields.Integer("People", readonly=True, copy=False)
    done = fields.Integer(readonly=True, copy=False)
    progress = fields.Float(compute="_compute_progress")
    # {field: [changes, wrong]}
    counts = fields.Json(readonly=True, copy=False)
    summary = fields.Text("What Changes", compute="_compute_summary")
    changed = fields.Integer("Changes", compute="_compute_summary")
    wrong = fields.Integer("Wrong Values", compute="_compute_summary")
    line_ids = fields.One2many("telemarketing.normalise.line", "run_id")
    example_ids = fields.One2many(
        "telemarketing.normalise.line",
        "run_id",
        "For Example",
        domain=[("kind", "=", "example")],
    )
    change_ids = fields.One2many(
        "telemarketing.normalise.line", "run_id", domain=[("kind", "=", "change")]
    )
    wrong_ids = fields.One2many(
        "telemarketing.normalise.line",
        "run_id",
        "Wrong, Left as They Are",
        domain=[("kind", "=", "wrong")],
    )
    kept = fields.Integer("Not Undone", compute="_compute_kept")
    undo_until = fields.Datetime("Can Be Undone Until", compute="_compute_undo_until")
    stop_asked = fields.Boolean(readonly=True, copy=False)
    error = fields.Text(readonly=True, copy=False)
    # Whose sight counts: perhaps not who made it.
    asked_by_id = fields.Many2one("res.users", "Asked by", readonly=True, copy=False)
    started_at = fields.Datetime(readonly=True, copy=False)
    finished_at = fields.Datetime(readonly=True, copy=False)

    # COMPUTES

    @api.depends("create_date")
    def _compute_display_name(self):
        for run in self:
            day = fields.Date.to_string(run.create_date) or ""
            run.display_name = self.env._("Normalised %s", day).strip()

    @api.depends("done", "total", "state")
    def _compute_progress(self):
        for run in self:
            run.progress = 100.0 * min(run.done, run.total) / (run.total or 1)

    @api.depends("counts")
    def _compute_summary(self):
        labels = self.env["telemarketing.normalise.line"]._labels()
        for run in self:
            found = run.counts or {}
            run.changed = sum(changes for changes, _wrong in found.values())
            run.wrong = sum(wrong for _changes, wrong in found.values())
            run.summary = "\n".join(
                self.env._(
                    "%(field)s: %(changes)s change, %(wrong)s are wrong and stay",
                    field=labels[name],
                    changes=f"{changes:,}",
                    wrong=f"{wrong:,}",
                )
                for name, (changes, wrong) in found.items()
            )

    def _compute_kept(self):
        counts = dict(
            self.env["telemarketing.normalise.line"]._read_group(
                [("run_id", "in", self.ids), ("state", "=", "kept")],
                ["run_id"],
                ["__count"],
            )
        )
        for run in self:
            run.kept = counts.get(run, 0)

    @api.depends("finished_at", "started_at", "state")
    def _compute_undo_until(self):
        for run in self:
            begun = run.started_at and run.state in ("done", "stopped", "failed")
            over = run.finished_at if begun else False
            run.undo_until = over and over + timedelta(hours=UNDO_HOURS)

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
        if not self.env.su and self.filtered(
            lambda r: r.state not in ("draft", "preview")
        ):
            self.check_access("write")
            raise UserError(self.env._("What is being normalised does not change."))
        result = super().write(vals)
        if not self.env.su:
            self._check_partners_by_manager()
            # Counted with other settings: look again.
            self.filtered(lambda r: r.state == "preview").sudo()._reset("draft")
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_only_idle(self):
        if self.filtered(lambda r: r.state in ("counting", "running", "undoing")):
            raise UserError(self.env._("This is under way: stop it first."))

    def _check_partners_by_manager(self):
        if self.env.su or self.env.user.has_group(MANAGER):
            return
        if self.filtered("with_partners"):
            raise AccessError(
                self.env._("Only telemarketing managers change prospects and clients.")
            )

    # STEPS

    def action_preview(self):
        """Count what would change; nothing does."""
        self.ensure_one()
        self.check_access("write")
        self._check_partners_by_manager()
        self._check_in_sight()
        run = self.sudo()
        begun = run.started_at or run.state not in ("draft", "preview", "failed")
        if begun:
            raise UserError(self.env._("This has been done already."))
        run.asked_by_id = self.env.uid
        run._reset("counting")
        run.total = run._count_people()
        if run.total <= AT_ONCE:
            run = run._as_asked()
            run._look(apply=False, at_once=True)
        else:
            self.env.ref("telemarketing_base.cron_normalise").sudo()._trigger()
        return True

    def action_start(self):
        """Change them, in the background."""
        self.ensure_one()
        self.check_access("write")
        self._check_partners_by_manager()
        self._check_in_sight()
        run = self.sudo()
        run.asked_by_id = self.env.uid
        if run.state == "preview":
            run._reset("running")
            run.write({"total": run._count_people(), "started_at": self._now()})
        elif (
            run.state in ("stopped", "failed")
            and run.started_at
            and not run.line_ids.filtered("state")
        ):
            run.write({"state": "running", "stop_asked": False, "error": False})
        else:
            raise UserError(self.env._("Look at the preview first."))
        self.env.ref("telemarketing_base.cron_normalise").sudo()._trigger()
        return True

    def action_stop(self):
        self.check_access("write")
        self.sudo().filtered(
            lambda run: run.state in ("counting", "running")
        ).stop_asked = True
        return True

    def action_undo(self):
        """Give back the old values, for a day, where nobody changed them since."""
        self.ensure_one()
        self.check_access("write")
        self._check_partners_by_manager()
        run = self.sudo()
        if not run.undo_until or run.undo_until < self._now():
            raise UserError(
                self.env._("This can be undone for a day only, once it is over.")
            )
        run.write(
            {
                "state": "undoing",
                "asked_by_id": self.env.uid,
                "done": 0,
                "stop_asked": False,
                "error": False,
            }
        )
        self.env.ref("telemarketing_base.cron_normalise").sudo()._trigger()
        return True

    def action_open_lines(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.display_name,
            "res_model": "telemarketing.normalise.line",
            "view_mode": "list",
            "domain": [("run_id", "=", self.id), ("kind", "!=", "example")],
        }

    def _now(self):
        return self.env["telemarketing.clock"]._now()

    def _reset(self, state):
        """From the beginning."""
        for run in self:
            run.line_ids.unlink()
        self.write(
            {
                "state": state,
                "place": 0,
                "position": 0,
                "done": 0,
                "counts": False,
                "stop_asked": False,
                "error": False,
            }
        )

    # BACKGROUND

    @api.model
    def _cron_run(self):
        """Go on with what is under way."""
        waiting = self.search(
            [("state", "in", ("counting", "running", "undoing"))], order="id"
        )
        for run in waiting:
            if not run.try_lock_for_update(allow_referencing=True):
                continue
            run = run._as_asked()
            try:
                if run.state == "undoing":
                    run._undo()
                else:
                    run._look(apply=run.state == "running")
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                # Stop, or a desk that wrote one of these people: on from the last
                # chunk that stands.
                run._roll_back()
                self.env.ref("telemarketing_base.cron_normalise").sudo()._trigger()
                run._keep_chunk(0, 1)
            except Exception as error:  # one run must not stop the others
                run._roll_back()
                log_failure(_logger, "normalising", run, error)
                values = {"state": "failed", "error": reason_of(error)}
                if run.state != "undoing":
                    values["finished_at"] = run._now()
                run.write(values)
                run._keep_chunk(0)

    @api.private
    def _asker(self):
        return self.asked_by_id or super()._asker()

    def _as_asked(self):
        """In the name and the language of who asked for it."""
        asker = self._asker()
        run = self.with_user(asker).with_context(
            lang=asker.lang, allowed_company_ids=self.company_id.ids
        )
        return run.sudo()

    def _domains(self):
        """``[(model, domain)]`` of the people, with the sight of who asked."""
        company = Domain("company_id", "=", self.company_id.id)
        contacts = company & Domain("erased_at", "=", False)
        # Invented numbers are wrong on purpose.
        contacts &= Domain("campaign_id.training", "=", False)
        if self.campaign_id:
            contacts &= Domain("campaign_id", "=", self.campaign_id.id)
        if self.database_ids:
            contacts &= Domain("database_id", "in", self.database_ids.ids)
        found = [(CONTACT, contacts)]
        if self.with_partners:
            stages = Domain("funnel_stage", "!=", False)
            shared = company | Domain("company_id", "=", False)
            found.append((PARTNER, stages & shared))
        return found

    def _sight(self, model):
        """The model as who asked for the run sees it."""
        asker = self._asker()
        return (
            self.env[model]
            .with_user(asker)
            .with_context(allowed_company_ids=self.company_id.ids)
        )

    def _count_people(self):
        run = self._as_asked()
        return sum(
            run._sight(model).search_count(domain) for model, domain in run._domains()
        )

    def _look(self, apply, at_once=False):
        """Go through the people; ``apply``: change them too."""
        self.ensure_one()
        for place, (model, domain) in enumerate(self._domains()):
            if place < self.place:
                continue
            if place > self.place:
                self.write({"place": place, "position": 0})
            while True:
                people = self._sight(model).search(
                    domain & Domain("id", ">", self.position), order="id", limit=CHUNK
                )
                if not people:
                    break
                people = people.sudo()
                clean = (
                    self._clean_contacts if model == CONTACT else self._clean_partners
                )
                changes, wrong = clean(people)
                self._note(changes, wrong, apply)
                if apply:
                    self._apply(changes)
                self.position = people[-1].id
                self.done += len(people)
                if at_once:
                    continue
                more = self._keep_chunk(len(people), max(1, self.total - self.done))
                self.env.invalidate_all()
                if self.stop_asked:
                    state = "stopped" if apply else "draft"
                    self.write({"state": state, "finished_at": self._now()})
                    self._keep_chunk(0)
                    return
                if not more:
                    return
        self.write(
            {
                "state": "done" if apply else "preview",
                "finished_at": self._now() if apply else False,
            }
        )
        if not at_once:
            self._keep_chunk(0)

    # CLEANING

    def _wanted(self):
        return {
            name for switch, names in PARTS.items() if self[switch] for name in names
        }

    def _why(self, problem):
        return problem.text(lambda source: self.env._(source), REASONS)  # pylint: disable=translation-not-lazy

    @api.model
    def _states(self):
        """``({code: id}, {id: name})`` of Spain's provinces."""
        states = self.env["res.country.state"].search([("country_id.code", "=", "ES")])
        return {s.code: s.id for s in states}, {s.id: s.name for s in states}

    def _clean_contacts(self, people):
        """``(changes, wrong)``: rows ``(model, id, contact, partner, field, old, new or
        why)``, values as text."""
        names, changes, wrong = self._wanted(), [], []
        codes, labels = self._states()
        spain = self.env.ref("base.es")
        people.fetch("name vat email zip city state_id country_id street".split())
        for person in people:
            spanish = person.country_id in (spain, self.env["res.country"])
            self._clean_person(
                person, names, spanish, codes, labels, (person.id, None), changes, wrong
            )
        if "e164" in names:
            self._clean_phones(people, changes, wrong)
        return changes, wrong

    def _clean_partners(self, people):
        names, changes, wrong = self._wanted(), [], []
        codes, labels = self._states()
        spain = self.env.ref("base.es")
        for person in people:
            spanish = person.country_id in (spain, self.env["res.country"])
            who = (None, person.id)
            self._clean_person(
                person, names, spanish, codes, labels, who, changes, wrong
            )
            if "phone" in names and person.phone:
                phone, why = check_phone(person.phone)
                if not phone:
                    wrong.append(
                        (
                            PARTNER,
                            person.id,
                            *who,
                            "phone",
                            person.phone,
                            self._why(why),
                        )
                    )
                elif person.phone_sanitized != phone.e164:
                    changes.append(
                        (PARTNER, person.id, *who, "phone", person.phone, phone.e164)
                    )
        return changes, wrong

    def _clean_person(self, person, names, spanish, codes, labels, who, changes, wrong):
        """One person through the kernel of loading; adds to ``changes``, ``wrong``."""
        state = person.state_id.id
        given = {
            "name": person.name or "",
            "vat": (person.vat or "") if spanish else "",
            "email": person.email or "",
            "zip": (person.zip or "") if spanish else "",
            "state": labels.get(state, "") if spanish else "",
            "city": person.city or "",
        }
        if person._name == PARTNER and given["vat"][:2] == "ES":
            given["vat"] = given["vat"][2:]
        clean = clean_row(
            list(given.values()), list(given), Settings(required=(), tidy_names=True)
        )
        problems = {}
        for problem in clean.notices:
            problems.setdefault(problem.field, problem)
        for name in ("name", "vat", "email", "zip", "city"):
            old, new = given[name], getattr(clean, name)
            if name not in names or not old or old == new:
                continue
            if new:
                if name == "vat" and person._name == PARTNER and person.vat[:2] == "ES":
                    old, new = person.vat, f"ES{new}"
                changes.append((person._name, person.id, *who, name, old, new))
                continue
            problem = problems.get(name)
            why = self._why(problem) if problem else self.env._("It says nothing.")
            wrong.append((person._name, person.id, *who, name, old, why))
        # The postcode is the finer one: the province follows it, as in loading.
        found = codes.get(clean.state) if clean.zip else None
        if "state_id" in names and found and found != state:
            changes.append(
                (
                    *(person._name, person.id, *who, "state_id"),
                    *(str(state or ""), str(found)),
                )
            )

    def _clean_phones(self, people, changes, wrong):
        """Telephones as they were written, read anew; kinds as the plan has them."""
        self.env.cr.execute(
            """SELECT p.id, p.contact_id, p.raw, p.e164, n.id, n.kind
               FROM telemarketing_contact_phone p
               LEFT JOIN telemarketing_number n ON n.id = p.number_id
               WHERE p.contact_id = ANY(%s) ORDER BY p.id""",
            [people.ids],
        )
        kinds = set()
        for phone_id, contact, raw, e164, number, kind in self.env.cr.fetchall():
            phone, why = check_phone(raw)
            who = (contact, None)
            if not phone:
                wrong.append((PHONE, phone_id, *who, "e164", raw, self._why(why)))
            elif phone.e164 != e164:
                changes.append((PHONE, phone_id, *who, "e164", e164 or "", phone.e164))
            elif number and kind != phone.kind and number not in kinds:
                kinds.add(number)
                changes.append((NUMBER, number, *who, "kind", kind, phone.kind))

    # WRITING

    def _note(self, changes, wrong, apply):
        """Count, and write the lines: examples in a preview, else every change."""
        counts = {name: list(pair) for name, pair in (self.counts or {}).items()}
        rows = []
        for place, kind, found in ((0, "change", changes), (1, "wrong", wrong)):
            for row in found:
                name = row[4]
                pair = counts.setdefault(name, [0, 0])
                pair[place] += 1
                if kind == "wrong":
                    if pair[1] <= (WRONG_LINES if apply else EXAMPLES):
                        rows.append(("wrong", *row[:6], None, row[6]))
                elif apply:
                    rows.append(("change", *row, None))
                elif pair[0] <= EXAMPLES:
                    rows.append(("example", *row, None))
        self.counts = counts
        if rows:
            self.env["telemarketing.normalise.line"]._insert(self, rows)

    def _apply(self, changes):
        """Write the new values, column by column, and ask again who may be called."""
        values = defaultdict(dict)
        for model, record, _contact, _partner, name, _old, new in changes:
            values[model, name][record] = new
        self._write_values(values)

    def _write_values(self, values):
        """:param dict values: (model, field) → {id: text}"""
        self.env.flush_all()
        now, contacts = self._now(), set()
        for (model, name), new_of in values.items():
            if model == PARTNER:
                # Odoo's own rules for partners: names, tracking, firm and people.
                for record, new in new_of.items():
                    value = int(new or 0) if name == "state_id" else new
                    self.env[PARTNER].browse(record).write({name: value or False})
                continue
            if (model, name) == (PHONE, "e164"):
                contacts |= self._write_phones(new_of, now)
                continue
            table, column = self.env[model]._table, SQL.identifier(name)
            kind = SQL(
                "NULLIF(v.new, '')::int" if name == "state_id" else "NULLIF(v.new, '')"
            )
            self.env.cr.execute(
                SQL(
                    """UPDATE %s t SET %s = %s, write_uid = %s, write_date = %s
                       FROM unnest(%s::int[], %s::text[]) AS v(id, new)
                       WHERE t.id = v.id""",
                    SQL.identifier(table),
                    column,
                    kind,
                    self.env.uid,
                    now,
                    list(new_of),
                    list(new_of.values()),
                )
            )
            if model == CONTACT and name in _GATE:
                contacts |= set(new_of)
            if model == NUMBER:
                self.env.invalidate_all()
                self.env["telemarketing.target"]._refresh_gate(
                    numbers=self.env[NUMBER].browse(list(new_of))
                )
        self.env.invalidate_all()
        if contacts:
            people = self.env[CONTACT].browse(sorted(contacts))
            self.env["telemarketing.consent"]._refresh_contacts(people.ids, gate=False)
            # A NIF or a number put right may be what excludes them, or what did.
            self.env["telemarketing.target"]._revive(people)
            self.env.invalidate_all()

    def _write_phones(self, new_of, now):
        """Numbers by E.164, each linked to the company's; ids of the contacts."""
        Number = self.env[NUMBER].sudo()
        phones = [phone for new in new_of.values() if (phone := check_phone(new)[0])]
        ids = Number._get_or_create(self.company_id, phones)
        self.env.cr.execute(
            """UPDATE telemarketing_contact_phone t
               SET e164 = NULLIF(v.new, ''), number_id = v.number, write_uid = %s,
                   write_date = %s
               FROM unnest(%s::int[], %s::text[], %s::int[]) AS v(id, new, number)
               WHERE t.id = v.id RETURNING contact_id""",
            [
                *(self.env.uid, now),
                list(new_of),
                list(new_of.values()),
                [ids.get(new) for new in new_of.values()],
            ],
        )
        return {row[0] for row in self.env.cr.fetchall()}

    # UNDOING

    def _undo(self):
        """Old values back where nobody changed them since; the others are marked."""
        self.ensure_one()
        Line = self.env["telemarketing.normalise.line"]
        while True:
            lines = Line.search(
                [
                    ("run_id", "=", self.id),
                    ("kind", "=", "change"),
                    ("state", "=", False),
                ],
                order="id",
                limit=CHUNK,
            )
            if not lines:
                break
            values, back = defaultdict(dict), Line
            for line in lines:
                record = self.env[line.model].browse(line.res_id).exists()
                if record and line._value_now(record) == (line.new or ""):
                    values[line.model, line.field][line.res_id] = line.old or ""
                    back |= line
            self._write_values(values)
            back.state = "undone"
            (lines - back).state = "kept"
            self.done += len(lines)
            more = self._keep_chunk(len(lines), 1)
            self.env.invalidate_all()
            if not more:
                return
        self.state = "undone"
        self._keep_chunk(0)


class TelemarketingNormaliseLine(models.Model):
    """A value changed, or one that is wrong and stays."""

    _name = "telemarketing.normalise.line"
    _description = "Normalised Value"
    _order = "id"

    run_id = fields.Many2one(
        "telemarketing.normalise", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    kind = fields.Selection(
        [
            ("change", "Changed"),
            ("wrong", "Wrong, left as it is"),
            ("example", "Example"),
        ],
        "What",
        required=True,
    )
    contact_id = fields.Many2one(
        "telemarketing.contact", index="btree_not_null", ondelete="cascade"
    )
    partner_id = fields.Many2one(
        "res.partner", "Prospect or Client", index="btree_not_null", ondelete="cascade"
    )
    model = fields.Char(required=True)
    res_id = fields.Integer("Record", required=True)
    field = fields.Char(required=True)
    field_label = fields.Char("Value", compute="_compute_texts")
    old = fields.Char()
    new = fields.Char()
    old_text = fields.Char("Before", compute="_compute_texts")
    new_text = fields.Char("After", compute="_compute_texts")
    reason = fields.Char("What Is Wrong")
    state = fields.Selection(
        [("undone", "Undone"), ("kept", "Changed since: not undone")], "Undo"
    )

    @api.model
    def _labels(self):
        return {
            "name": self.env._("Name"),
            "vat": self.env._("NIF"),
            "email": self.env._("Mail"),
            "zip": self.env._("Postcode"),
            "state_id": self.env._("Province"),
            "city": self.env._("Town"),
            "e164": self.env._("Telephone"),
            "phone": self.env._("Telephone of prospects and clients"),
            "kind": self.env._("Kind of number"),
        }

    @api.depends("field", "old", "new")
    def _compute_texts(self):
        labels = self._labels()
        kinds = dict(self.env[NUMBER]._fields["kind"]._description_selection(self.env))
        ids = {
            int(text)
            for line in self
            if line.field == "state_id"
            for text in (line.old, line.new)
            if text
        }
        states = {
            str(state.id): state.name
            for state in self.env["res.country.state"].browse(ids).exists()
        }
        shown = {"state_id": states, "kind": kinds}
        for line in self:
            line.field_label = labels.get(line.field, line.field)
            texts = shown.get(line.field, {})
            line.old_text = texts.get(line.old, line.old)
            line.new_text = texts.get(line.new, line.new)

    def _value_now(self, record):
        self.ensure_one()
        value = record[self.field]
        return str(value.id or "") if self.field == "state_id" else value or ""

    @api.private
    def _insert(self, run, rows):
        """Past the ORM: a run writes hundreds of thousands."""
        now = fields.Datetime.now()
        execute_values(
            self.env.cr._obj,
            """INSERT INTO telemarketing_normalise_line
                   (kind, model, res_id, contact_id, partner_id, field, old, new,
                    reason, run_id, company_id, create_uid, create_date, write_uid,
                    write_date)
               VALUES %s""",
            [
                (
                    *row,
                    *(run.id, run.company_id.id, run.env.uid, now, run.env.uid, now),
                )
                for row in rows
            ],
            page_size=CHUNK,
        )
        run.invalidate_recordset(
            ["line_ids", "example_ids", "change_ids", "wrong_ids", "kept"]
        )

    @api.autovacuum
    def _gc_changes(self):
        """Old values of people are not kept for ever: the counts stay."""
        self.env.flush_all()
        before = self.env["telemarketing.clock"]._now() - timedelta(days=KEPT_DAYS)
        self.env.cr.execute(
            """DELETE FROM telemarketing_normalise_line l
               USING telemarketing_normalise r
               WHERE r.id = l.run_id AND l.kind <> 'wrong'
                 AND COALESCE(r.finished_at, r.write_date) < %s
                 AND r.state NOT IN ('running', 'undoing', 'counting')""",
            [before],
        )
        self.invalidate_model()

    def action_open(self):
        """The person."""
        self.ensure_one()
        return (self.contact_id or self.partner_id).get_formview_action()
