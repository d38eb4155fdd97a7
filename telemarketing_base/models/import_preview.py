"""What a supervisor sees of a file before and while it loads."""

import logging
from collections import Counter
from datetime import date, datetime

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..identity.text import fold, shown
from ..importing import REASONS, ReadError, clean_rows
from ..importing.profile import TYPES
from .chunk import log_failure, reason_of
from .required import required_choices

_logger = logging.getLogger(__name__)

# Files up to here are read whole at once to count what is wrong with them.
CHECK_AT_ONCE = 5_000
# Up to here repeated rows are told apart too: each row is kept in memory for it.
CHECK_REPEATED = 100_000
CELL = 80


class _Blank(dict):
    """Values of a reason when it stands for many rows."""

    def __missing__(self, key):
        return "…"


class TelemarketingImportPreviewMixin(models.AbstractModel):
    """Preview, check of the whole file, pace, and what was remembered."""

    _name = "telemarketing.import.preview.mixin"
    _description = "Seen Before Loading"

    remembered = fields.Boolean(
        readonly=True, help="Some columns are set as at this database's last load."
    )
    check_state = fields.Selection(
        [("asked", "Being Checked"), ("done", "Checked")], readonly=True, copy=False
    )
    check_counts = fields.Json(readonly=True, copy=False)
    check_html = fields.Html(
        "Whole File", compute="_compute_check_html", export_string_translation=False
    )
    resumed_at = fields.Datetime(readonly=True, copy=False)
    resumed_position = fields.Integer(readonly=True, copy=False)
    pace = fields.Char(compute="_compute_pace")
    profile_choice = fields.Json(compute="_compute_profile_choice")

    required_text = fields.Char(compute="_compute_required_text")
    mapping_warning = fields.Char(compute="_compute_required_text")

    # WHAT IS ASKED FOR

    @api.depends(
        "kind",
        "database_id.required_fields",
        "column_ids.target",
        "column_ids.profile_field",
    )
    def _compute_required_text(self):
        labels = dict(required_choices(self.env))
        for job in self:
            job.required_text = job.mapping_warning = False
            if job.kind == "articles":
                continue
            names = job.database_id._required_names()
            job.required_text = ", ".join(labels.get(name, name) for name in names)
            if not job.column_ids:
                continue
            targets = set(job.column_ids.mapped("target"))
            if "surname" in targets:
                targets.add("name")
            if any(job.column_ids.mapped("is_key")):
                targets.add("external_key")
            missing = [
                labels.get(name, name)
                for name in names
                if name not in targets and ":" not in name
            ]
            if missing:
                job.mapping_warning = job.env._(
                    "No column is: %s. Without it every row comes back.",
                    ", ".join(missing),
                )

    # THE PROFILE

    @api.private
    def _profile_fields(self):
        """Fields of the campaign's profile that a file can fill, as the kernel wants
        them: ``((name, label, type, ((key, label), …)), …)``."""
        definition = (
            self.campaign_id.sudo().profile_id.target_properties_definition or []
        )
        result = []
        for field in definition:
            kind = field.get("type")
            choices = field.get(kind) if kind in ("selection", "tags") else ()
            if kind == "separator":
                continue
            result.append(
                (
                    field["name"],
                    field.get("string") or field["name"],
                    kind,
                    tuple((str(choice[0]), choice[1]) for choice in choices or ()),
                )
            )
        return tuple(result)

    @api.private
    def _own_field(self, heading, proposed):
        """A column without a field of ours that is called as one of the profile's is
        that one."""
        if not (proposed or "").startswith("extra:"):
            return proposed
        return next(
            (
                f"profile:{name}"
                for name, label, kind, _choices in self._profile_fields()
                if kind in TYPES and fold(label) == fold(heading)
            ),
            proposed,
        )

    @api.depends("campaign_id")
    def _compute_profile_choice(self):
        for job in self:
            job.profile_choice = [
                [name, label]
                for name, label, kind, _choices in job._profile_fields()
                if kind in TYPES
            ]

    # THE FIRST ROWS

    @api.private
    def _preview_table(self, headings, mapping, rows):
        """The rows as they stand in the file, the wrong cell marked and why."""
        labels = dict(self.env["telemarketing.import.column"]._selection_target())
        names = {name: label for name, label, *_rest in self._profile_fields()}
        head = Markup("<th></th><th>%s</th>") % self.env._("Loads?")
        for heading, target in zip(headings, mapping, strict=False):
            kind, _colon, name = (target or "").partition(":")
            if not target:
                is_what = self.env._("left out")
            elif kind == "profile":
                is_what = names.get(name, name)
            else:
                is_what = labels.get(kind, kind)
            head += Markup(
                "<th class='text-nowrap'>%s<div class='fw-normal text-muted'>%s</div>"
                "</th>"
            ) % (heading or "—", is_what)
        body = Markup("")
        for row in rows:
            body += self._preview_row(row, mapping, len(headings))
        return Markup(
            "<div class='table-responsive'><table class='table table-sm table-bordered"
            " small' style='table-layout: auto; width: auto'>"
            "<thead><tr>%s</tr></thead><tbody>%s</tbody></table></div>"
        ) % (head, body)

    def _preview_row(self, row, mapping, width):
        marks, whole = {}, []
        for level, problems in (("danger", row.problems), ("warning", row.notices)):
            for problem in problems:
                text = self._reason_text(problem)
                place = self._place_of(problem, mapping)
                if place is None:
                    whole.append((level, text))
                else:
                    marks.setdefault(place, []).append((level, text))
        if not row.ok:
            level, verdict = "danger", self.env._("No")
        elif row.exclude:
            level, verdict = "warning", self.env._("As excluded")
        else:
            level = "warning" if row.notices else "success"
            verdict = self.env._("Yes, with notices") if row.notices else ""
            verdict = verdict or self.env._("Yes")
        cells = Markup(
            "<td class='text-muted'>%s</td>"
            "<td class='text-%s' style='min-width: 7rem'>%s%s</td>"
        ) % (
            row.row,
            level,
            verdict,
            self._why(whole),
        )
        loads_as = _loads_as(row, mapping)
        for place in range(width):
            raw = row.raw[place] if place < len(row.raw) else None
            found = marks.get(place, [])
            css = ""
            if found:
                worst = "danger" if any(lv == "danger" for lv, _t in found) else ""
                css = f"table-{worst or 'warning'}"
            elif not mapping[place]:
                css = "text-muted"
            text = _shown(raw)
            clean = loads_as.get(place)
            arrow = ""
            if clean and clean != text:
                arrow = Markup("<div class='text-muted'>→ %s</div>") % clean
            wide = len(text) > 14 or found
            cells += Markup(
                "<td class='%s' style='min-width: %srem' title='%s'>%s%s%s</td>"
            ) % (
                css,
                9 if wide else 5,
                " · ".join(why for _level, why in found),
                text,
                arrow,
                self._why(found),
            )
        return Markup("<tr>%s</tr>") % cells

    def _why(self, found):
        return Markup("").join(
            Markup("<div class='text-%s'>%s</div>")
            % ("danger" if level == "danger" else "body-secondary", text)
            for level, text in found
        )

    def _place_of(self, problem, mapping):
        """The column that a problem is about; what is missing has its field's."""
        if problem.column is not None:
            return problem.column if problem.column < len(mapping) else None
        if not problem.field:
            return None
        return next(
            (place for place, to in enumerate(mapping) if to == problem.field), None
        )

    # THE WHOLE FILE

    @api.private
    def _forget_check(self):
        self.sudo().write({"check_state": False, "check_counts": False})

    @api.private
    def _check_at_once(self, table):
        """Count what is wrong with a short file; a long one waits to be asked."""
        self._forget_check()
        if self.total <= CHECK_AT_ONCE:
            self._check_whole(table)

    def action_check(self):
        """Count in the background what is wrong in the whole file."""
        self.ensure_one()
        self._check_may_act()
        if self.state != "preview" or not self.file:
            raise UserError(self.env._("Read the file first."))
        self.sudo().write({"check_state": "asked"})
        self.env.ref("telemarketing_base.cron_import_check").sudo()._trigger()
        return True

    @api.model
    def _cron_check(self):
        asked = [("check_state", "=", "asked"), ("state", "=", "preview")]
        for job in self.search(asked, order="id"):
            user = job.create_uid
            job = (
                job.with_user(user)
                .with_context(lang=user.lang)
                .with_company(job.company_id)
                .sudo()
            )
            try:
                job._check_whole(job._open())
            except Exception as error:  # one file must not stop the others
                job._roll_back()
                log_failure(_logger, "check of import", job, error)
                job.write({"check_state": False, "error": reason_of(error)})
            job._keep_chunk(1)

    def _check_whole(self, table):
        """Read every row and write nothing but the counts."""
        mapping, settings = self._mapping(), self._settings(table)
        repeated = self.total <= CHECK_REPEATED
        if not repeated:
            settings = settings.__class__(
                **{**vars(settings), "duplicates": "load", "duplicate_keys": ()}
            )
        counts = Counter()
        bad_of, notice_of = Counter(), Counter()
        try:
            for row in clean_rows(table.rows(), mapping, settings):
                counts["rows"] += 1
                if not row.ok:
                    counts["bad"] += 1
                    bad_of.update({p.code for p in row.problems})
                else:
                    counts["good"] += 1
                    counts["noticed"] += bool(row.notices)
                counts["excluded"] += bool(row.ok and row.exclude)
                notice_of.update({p.code for p in row.notices})
        except ReadError as error:
            raise UserError(self._reason_text(error.problem)) from error
        self.sudo().write(
            {
                "check_state": "done",
                "check_counts": {
                    **counts,
                    "repeated": repeated,
                    "bad_of": bad_of.most_common(),
                    "notice_of": notice_of.most_common(),
                },
            }
        )

    @api.depends("check_counts")
    @api.depends_context("lang")
    def _compute_check_html(self):
        for job in self:
            job.check_html = job.check_counts and job._check_table(job.check_counts)

    def _check_table(self, counts):
        lines = Markup("")
        for level, name in (("danger", "bad_of"), ("warning", "notice_of")):
            for code, count in counts.get(name) or []:
                lines += Markup(
                    "<tr><td class='text-end'>%s</td><td>"
                    "<span class='badge text-bg-%s'>%s</span></td><td>%s</td></tr>"
                ) % (
                    f"{count:,}".replace(",", " "),
                    level,
                    self.env._("Not loaded")
                    if level == "danger"
                    else self.env._("Notice"),
                    self._reason_of_many(code),
                )
        text = self.env._(
            "%(rows)s rows: %(good)s load, %(noticed)s of them with notices, and "
            "%(bad)s do not.",
            rows=counts.get("rows", 0),
            good=counts.get("good", 0),
            noticed=counts.get("noticed", 0),
            bad=counts.get("bad", 0),
        )
        if not counts.get("repeated", True):
            text += " " + self.env._("Repeated rows are told apart when it loads.")
        else:
            text += " " + self.env._(
                "People whom a database has already are told apart when it loads."
            )
        return Markup(
            "<p>%s</p><table class='table table-sm w-auto'><tbody>%s</tbody></table>"
        ) % (text, lines)

    def _reason_of_many(self, code):
        source = REASONS.get(code, code)
        text = self.env._(source)  # pylint: disable=translation-not-lazy
        try:
            return text % _Blank()
        except (KeyError, ValueError, TypeError):
            return text

    # WHILE IT LOADS

    @api.depends("position", "total", "state", "resumed_at", "finished_at")
    def _compute_pace(self):
        now = fields.Datetime.now()
        for job in self:
            job.pace = False
            if job.state not in ("loading", "done") or not job.resumed_at:
                continue
            until = job.finished_at if job.state == "done" else now
            seconds = ((until or now) - job.resumed_at).total_seconds()
            done = job.position - job.resumed_position
            if seconds <= 0 or done <= 0:
                continue
            speed = done / seconds
            if job.state == "done":
                job.pace = self.env._("%s rows a second", round(speed))
                continue
            left = (job.total - job.position) / speed
            job.pace = self.env._(
                "%(speed)s rows a second, %(left)s left",
                speed=round(speed),
                left=job._duration(left),
            )

    @api.model
    def _duration(self, seconds):
        if seconds < 90:
            return self.env._("%s seconds", max(1, round(seconds)))
        return self.env._("about %s minutes", round(seconds / 60))

    # AFTERWARDS

    def _people_action(self, name, domain):
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "telemarketing_base.action_telemarketing_contact"
            ),
            "name": name,
            "domain": list(Domain("import_id", "=", self.id) & Domain(domain)),
            "context": {},
        }

    def action_view_people(self):
        return self._people_action(self.env._("People Loaded"), [])

    def action_view_excluded(self):
        return self._people_action(
            self.env._("Loaded as Excluded"),
            [("target_ids", "any", [("state", "=", "excluded")])],
        )

    def action_forget_mapping(self):
        """Propose what each column is as if this database had loaded nothing."""
        self._check_may_act()
        for job in self:
            job.database_id._forget_mapping()
        return self.action_read()


def _shown(raw):
    """A cell as a spreadsheet shows it in Spain."""
    if isinstance(raw, datetime):
        midnight = not (raw.hour or raw.minute or raw.second)
        return raw.strftime("%d/%m/%Y" if midnight else "%d/%m/%Y %H:%M")
    if isinstance(raw, date):
        return raw.strftime("%d/%m/%Y")
    return shown(raw, CELL)


def _loads_as(row, mapping):
    """``{column: text}`` of what each field will hold, at its first column."""
    values = {
        "name": row.name,
        "phone": ", ".join(phone.national for phone in row.phones),
        "vat": row.vat,
        "street": row.street,
        "zip": row.zip,
        "city": row.city,
        "email": row.email,
        "birthdate": row.birthdate and row.birthdate.strftime("%d/%m/%Y"),
    }
    places = {}
    for place, target in enumerate(mapping):
        value = values.pop(target, None) if target else None
        if value:
            places[place] = value
    return places


def remembered_target(remembered, heading, proposed, profile):
    """What a heading is: as at the last load, unless that field is gone.

    :param dict remembered: ``{folded heading: target}``
    :param profile: names of the profile's fields
    """
    key = fold(heading)
    if not key or key not in remembered:
        return proposed, False
    target = remembered[key]
    if (target or "").startswith("profile:") and target[8:] not in profile:
        return proposed, False
    return target, True
