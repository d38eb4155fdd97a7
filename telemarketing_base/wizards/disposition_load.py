import base64
import binascii
import logging
from collections import defaultdict
from contextlib import suppress

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..identity.text import fold
from ..importing import REASONS, ReadError, open_table
from ..importing.checks import check_size
from ..importing.results import (
    BY_NAME,
    COLUMNS,
    LIMITS,
    MAX_LINES,
    WORDS,
    known_headings,
    read_headings,
    read_line,
    write_results,
    write_sample,
    write_value,
)
from ..models.guard import MANAGER, check_fields, without_defaults

_logger = logging.getLogger(__name__)

TEMPLATES = {"mail_template_id": "mail.template", "sms_template_id": "sms.template"}
_ORDER = ("refused", "change", "new", "same")
# Columns that are no field of the same name and value.
OTHER = {"level_1", "level_2", "level_3", "campaigns", "key", *TEMPLATES}


class _Undone(Exception):
    """Leaves the savepoint: nothing of what was tried stays."""


class TelemarketingDispositionLoad(models.TransientModel):
    """Results from a file: what would be made, changed or refused is shown by doing
    it, as who loads it and under his rights, in a savepoint that is undone; loading
    is the same kept. A file with a line refused loads nothing."""

    _name = "telemarketing.disposition.load"
    _description = "Load Results"
    # What a caller sets; the rest is the code's.
    _caller_fields = ("file", "filename", "company_id")

    file = fields.Binary()
    filename = fields.Char()
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        help="New results are of this company. Empty: common to all companies.",
    )
    state = fields.Selection(
        [("draft", "File"), ("preview", "Look at It"), ("done", "Loaded")],
        required=True,
        default="draft",
        readonly=True,
    )
    notice = fields.Text(readonly=True)
    made = fields.Integer("New", readonly=True)
    changed = fields.Integer("To Be Changed", readonly=True)
    same = fields.Integer("As They Are", readonly=True)
    refused = fields.Integer(readonly=True)
    line_ids = fields.One2many(
        "telemarketing.disposition.load.line", "load_id", readonly=True
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, self._caller_fields)
        return super(
            TelemarketingDispositionLoad, without_defaults(self, self._caller_fields)
        ).create(vals_list)

    def write(self, vals):
        check_fields(self, vals, self._caller_fields)
        return super().write(vals)

    # STEPS

    def action_preview(self):
        """Show what the file would do, line by line; nothing of it is written."""
        self.ensure_one()
        self.check_access("write")
        lines, unknown = self._run(lambda _lines: False)
        notice = ""
        if unknown:
            notice = self.env._("Columns that are not taken: %s", ", ".join(unknown))
        self._show(lines, "preview", notice)
        return self._reopen()

    def action_load(self):
        """Load what was looked at: the whole file or nothing."""
        self.ensure_one()
        self.check_access("write")
        if self.state != "preview":
            raise UserError(self.env._("Look at what the file does first."))
        seen = [line._told() for line in self.line_ids]
        lines, _unknown = self._run(
            lambda found: (
                [_told(line) for line in found] == seen
                and not any(line["action"] == "refused" for line in found)
            )
        )
        if [_told(line) for line in lines] != seen:
            notice = self.env._(
                "The file or the results are not what you looked at. Nothing was "
                "loaded: this is what it would do now."
            )
            self._show(lines, "preview", notice)
        elif any(line["action"] == "refused" for line in lines):
            raise UserError(
                self.env._(
                    "Nothing was loaded: correct the lines that are refused, or take "
                    "them out of the file."
                )
            )
        else:
            self._show(lines, "done", "")
            _logger.info(
                "results loaded by user %s: %s new, %s changed",
                *(self.env.uid, self.made, self.changed),
            )
        return self._reopen()

    def action_open_results(self):
        return self.env["ir.actions.act_window"]._for_xml_id(
            "telemarketing_base.action_telemarketing_disposition"
        )

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Load Results"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def _show(self, lines, state, notice):
        counts = defaultdict(int)
        for line in lines:
            counts[line["action"]] += 1
        # The preview is the code's: nobody writes lines by hand.
        wizard = self.sudo()
        wizard.line_ids.unlink()
        self.env["telemarketing.disposition.load.line"].sudo().create(
            [
                {"load_id": self.id, "sequence": place, **line}
                for place, line in enumerate(lines)
            ]
        )
        wizard.write(
            {
                "state": state,
                "notice": notice,
                "made": counts["new"],
                "changed": counts["change"],
                "same": counts["same"],
                "refused": counts["refused"],
            }
        )

    # READING

    def _text(self, problem):
        return problem.text(lambda source: self.env._(source), REASONS)  # pylint: disable=translation-not-lazy

    def _read(self):
        """(entries, headings not known); UserError where the file is none."""
        data = self.with_context(bin_size=False).file
        if not data:
            raise UserError(self.env._("Choose a file first."))
        spanish, words = _language(self.env), _words(self.env)
        entries = []
        try:
            check_size(len(data) * 3 // 4, LIMITS)
            content = base64.b64decode(data)
            check_size(len(content), LIMITS)
            table = open_table(
                content, self.filename or "", limits=LIMITS, known=known_headings
            )
            columns, unknown = read_headings(table.headings)
            for number, row in table.rows():
                if len(entries) >= MAX_LINES:
                    raise ReadError("result_too_many", limit=MAX_LINES)
                cells = {
                    name: cell for name, cell in zip(columns, row, strict=False) if name
                }
                values, problems = read_line(cells, spanish, words)
                entries.append(
                    {
                        "row": number,
                        "code": values.get("code") or "",
                        "path": values.pop("path"),
                        "values": values,
                        "problems": [self._text(problem) for problem in problems],
                        "action": "refused",
                        "text": "",
                        "record": False,
                        "parents": [],
                    }
                )
        except ReadError as error:
            raise UserError(self._text(error.problem)) from error
        except (binascii.Error, ValueError) as error:
            raise UserError(self.env._("The file did not arrive whole.")) from error
        return entries, unknown

    # DOING

    def _run(self, keep):
        """Do what the file says; it stays if ``keep(lines)``.

        :return: lines (dicts of the preview's), the headings that are no column
        """
        if self.company_id and self.company_id not in self.env.companies:
            raise AccessError(self.env._("That company is not one of yours."))
        if not self.company_id and not (
            self.env.su or self.env.user.has_group(MANAGER)
        ):
            raise AccessError(
                self.env._("Only managers make results common to all companies.")
            )
        entries, unknown = self._read()
        lines = []
        with suppress(_Undone), self.env.cr.savepoint():
            work = _Work(self.env, self.company_id)
            for depth in (1, 2, 3):
                for entry in entries:
                    if len(entry["path"]) == depth and not entry["problems"]:
                        work.take(entry)
            work.check_repeated(entries)
            above = self.env._("A level above, made for this line.")
            for entry in entries:
                lines += _preview_lines(entry, above)
            # What somebody has to look at comes first.
            lines.sort(key=lambda line: _ORDER.index(line["action"]))
            if not keep(lines):
                raise _Undone
        return lines, unknown


class TelemarketingDispositionLoadLine(models.TransientModel):
    """What a line of the file does."""

    _name = "telemarketing.disposition.load.line"
    _description = "Line of a File of Results"
    _order = "sequence, id"

    load_id = fields.Many2one(
        "telemarketing.disposition.load", required=True, ondelete="cascade", index=True
    )
    sequence = fields.Integer()
    row = fields.Integer("Line", readonly=True)
    action = fields.Selection(
        [
            ("new", "New"),
            ("change", "Changed"),
            ("same", "As it is"),
            ("refused", "Refused"),
        ],
        required=True,
        readonly=True,
    )
    code = fields.Char(readonly=True)
    path = fields.Char("Result", readonly=True)
    text = fields.Text("What", readonly=True)

    @api.private
    def _told(self):
        return _told({name: self[name] for name in ("row", "action", "path", "text")})


def _told(line):
    return (line["row"], line["action"], line["path"] or "", line["text"] or "")


def _preview_lines(entry, above):
    """The preview's lines of an entry: the levels made for it, and itself."""
    lines = []
    if not entry["problems"]:
        lines = [
            {
                "row": entry["row"],
                "action": "new",
                "code": "",
                "path": path,
                "text": above,
            }
            for path in entry["parents"]
        ]
    return [
        *lines,
        {
            "row": entry["row"],
            "action": "refused" if entry["problems"] else entry["action"],
            "code": entry["code"],
            "path": " / ".join(entry["path"]),
            "text": "\n".join(entry["problems"]) or entry["text"],
        },
    ]


def _language(env):
    """Are sheets in Spanish for this user? Else they are in English."""
    return (env.lang or env.user.lang or "").startswith("es")


def _words(env):
    """``WORDS`` and kinds of campaign that other modules add, by their label."""
    selection = dict(env["telemarketing.campaign"]._selection_kind())
    kinds = {
        value: WORDS["campaign_kind"].get(value, (label, label))
        for value, label in selection.items()
    }
    return {**WORDS, "campaign_kind": kinds}


class _Work:
    """One pass over a file: finds, writes and makes results as the user may."""

    def __init__(self, env, company):
        self.env = env
        self.company = company
        self.spanish, self.words = _language(self.env), _words(self.env)
        self.model = self.env["telemarketing.disposition"]
        self.survey = "needs_survey" in self.model._fields
        self.campaigns, self.templates = {}, {}
        self.by_code, self.by_place = defaultdict(set), defaultdict(set)
        self.made = set()
        found = self.model.with_context(active_test=False)._telemarketing_of(
            self.company
        )
        self.archived = set(found.filtered(lambda d: not d.active).mapped("code"))
        self.archived.discard(False)
        for record in found.filtered("active"):
            self._index(record)

    def _index(self, record):
        if record.code:
            self.by_code[record.code].add(record.id)
        self.by_place[record.parent_id.id, fold(record.name)].add(record.id)

    def _unindex(self, record):
        self.by_code[record.code].discard(record.id)
        self.by_place[record.parent_id.id, fold(record.name)].discard(record.id)

    # ONE LINE

    def take(self, entry):
        """Do what this line says, or note why not."""
        made, added, moved = set(self.made), [], []
        try:
            with suppress(_Undone), self.env.cr.savepoint():
                self._take(entry, added, moved)
                if entry["problems"]:
                    raise _Undone
        except AccessError:
            entry["problems"].append(
                self.env._(
                    "You may not do this: it is common to all companies, or of a "
                    "campaign that you do not supervise."
                )
            )
        except UserError as error:
            entry["problems"].append(str(error))
        if entry["problems"]:
            entry["record"], self.made = False, made
        # Where nothing came of it, those that it moved are where they were.
        for record in moved if entry["problems"] else [*moved, *added]:
            self._index(record)

    def _take(self, entry, added, moved):
        values, problems = entry["values"], entry["problems"]
        campaigns = self._campaigns(entry)
        if problems:
            return
        record = self._find(entry, campaigns)
        if problems:
            return
        if record and campaigns is None:
            campaigns = record.campaign_ids
        campaigns = campaigns or self.env["telemarketing.campaign"]
        company = record.company_id if record else self.company
        for campaign in campaigns:
            if company and campaign.company_id != company:
                problems.append(
                    self.env._("Campaign “%s” is of another company.", campaign.name)
                )
        if not campaigns and not entry["code"] and not record:
            problems.append(
                self.env._(
                    "A result common to all campaigns needs a code, which no other has."
                )
            )
        parent = self._parent(entry, record, campaigns, added)
        vals = self._values(entry, record)
        if problems:
            return
        vals["name"] = entry["path"][-1]
        vals["parent_id"] = parent.id
        if not record:
            vals = {name: value for name, value in vals.items() if value is not None}
            vals.setdefault("sequence", entry["row"] * 10)
            vals["company_id"] = self.company.id
            vals["campaign_ids"] = [fields.Command.set(campaigns.ids)]
            record = self.model.create(vals)
            added.append(record)
            entry |= {"action": "new", "text": self._summary(record)}
        else:
            changes = self._changes(record, vals, campaigns, "campaigns" in values)
            entry["action"] = "change" if changes else "same"
            if changes:
                before = self.cells(record)
                self._unindex(record)
                moved.append(record)
                record.write(changes)
                entry["text"] = self._difference(before, self.cells(record))
        entry |= {"record": record, "campaigns": record.sudo().campaign_ids}

    def _find(self, entry, campaigns):
        """The result that the line is about, or none."""
        code, path = entry["code"], entry["path"]
        found = self.model.browse(self.by_code.get(code, ())) if code else self.model
        if campaigns:
            found = found.filtered(
                lambda d: not d.sudo().campaign_ids or d.sudo().campaign_ids & campaigns
            )
        found = self._narrow(found, path, campaigns)
        if not found:
            places = self._at(path).filtered(lambda d: not code or not d.code)
            if campaigns is not None:
                places = places.filtered(lambda d: d.campaign_ids == campaigns)
            found = places
        if len(found) > 1:
            entry["problems"].append(
                self.env._(
                    "There are several results that it may be: %s. Give each its own "
                    "code first.",
                    ", ".join(found.mapped("display_name")),
                )
            )
        if not found and code in self.archived:
            entry["problems"].append(
                self.env._(
                    "The result with the code “%s” is archived: take it out of the "
                    "archive first.",
                    code,
                )
            )
        return found[:1]

    def _narrow(self, found, path, campaigns):
        """Of several results with one code, those that fit the line best."""
        for fits in (
            lambda d: campaigns is not None and d.campaign_ids == campaigns,
            lambda d: [fold(n) for n in _path(d)] == [fold(n) for n in path],
        ):
            if len(found) > 1:
                found = found.filtered(fits) or found
        return found

    def _at(self, path):
        """All results at this place of the tree."""
        ids = {False}
        for name in path:
            ids = {
                found
                for parent in ids
                for found in self.by_place.get((parent, fold(name)), ())
            }
        return self.model.browse(sorted(ids - {False}))

    def _parent(self, entry, record, campaigns, added):
        """The result above it, made if there is none."""
        path = entry["path"][:-1]
        if record and [fold(n) for n in _path(record)[:-1]] == [fold(n) for n in path]:
            return record.parent_id
        parent = self.model
        for depth in range(len(path)):
            found = self._at(path[: depth + 1]).filtered(
                lambda d, parent=parent: d.parent_id == parent
            )
            found |= self.model.concat(*added).filtered(
                lambda d, parent=parent, name=path[depth]: (
                    d.parent_id == parent and fold(d.name) == fold(name)
                )
            )
            wide = found.filtered(
                lambda d: (
                    not d.sudo().campaign_ids
                    or (campaigns and campaigns <= d.sudo().campaign_ids)
                )
            ).sorted(lambda d: not d.sudo().campaign_ids)
            made_here = found.filtered(lambda d: d.id in self.made)
            if wide:
                parent = wide[0]
            elif made_here:
                # Made for another line of this file: it is above this one too.
                parent = made_here[0]
                if campaigns:
                    links = [fields.Command.link(each) for each in campaigns.ids]
                    parent.write({"campaign_ids": links})
                else:
                    parent.write({"campaign_ids": [fields.Command.clear()]})
            elif found:
                entry["problems"].append(
                    self.env._(
                        "“%s” above it is not a result of all its campaigns.",
                        found[0].display_name,
                    )
                )
                return self.model
            else:
                parent = self.model.create(
                    {
                        "name": path[depth],
                        "parent_id": parent.id,
                        "sequence": entry["row"] * 10,
                        "company_id": self.company.id,
                        "campaign_ids": [fields.Command.set(campaigns.ids)],
                    }
                )
                self.made.add(parent.id)
                added.append(parent)
                entry["parents"].append(parent.display_name)
        return parent

    # VALUES

    def _campaigns(self, entry):
        """The campaigns named; None: the file does not say."""
        names = entry["values"].get("campaigns")
        if names is None:
            return None
        campaigns = self.env["telemarketing.campaign"]
        for name in names:
            pieces = [name]
            if not self._named(name):
                pieces = [piece.strip() for piece in name.split(";") if piece.strip()]
            for piece in pieces:
                found = self._named(piece)
                if len(found) != 1:
                    why = (
                        self.env._("There are several campaigns “%s”.", piece)
                        if found
                        else self.env._(
                            "There is no campaign “%s” of yours. Several are "
                            "separated by | or ;",
                            piece,
                        )
                    )
                    entry["problems"].append(why)
                campaigns |= found[:1]
        return campaigns

    def _named(self, name):
        if name not in self.campaigns:
            domain = [
                ("name", "=", name),
                ("company_id", "in", self.company.ids or self.env.companies.ids),
            ]
            self.campaigns[name] = self.env["telemarketing.campaign"].search(
                domain, limit=2
            )
        return self.campaigns[name]

    def _values(self, entry, record):
        """Values of the model's fields; None: as it is."""
        vals = {}
        for name, value in entry["values"].items():
            if name == "needs_survey" and not self.survey:
                if value:
                    entry["problems"].append(
                        self.env._(
                            "No result fills in a survey here: the surveys of "
                            "telemarketing are not installed."
                        )
                    )
            elif name == "key":
                vals["key"] = str(value) if value else False
            elif name in TEMPLATES:
                vals[name] = self._template(entry, name, value, record)
            elif name not in OTHER and (value or name != "code"):
                # An empty code is a line without one, not a result without.
                vals[name] = value
        return vals

    def _template(self, entry, name, wanted, record):
        if not wanted:
            return False
        model = TEMPLATES[name]
        if (model, wanted) not in self.templates:
            self.templates[model, wanted] = self.env[model].search(
                [("name", "=", wanted)], limit=100
            )
        every = self.templates[model, wanted]
        found = every.filtered(lambda each: each.model == "telemarketing.interaction")
        if record and record[name] in found:
            return record[name].id
        if len(found) == 1:
            return found.id
        column = BY_NAME[name].heading(self.spanish)
        if found:
            why = self.env._(
                "%(column)s: there are several called “%(name)s”.",
                column=column,
                name=wanted,
            )
        elif every:
            why = self.env._(
                "%(column)s: “%(name)s” is not a text about an interaction.",
                column=column,
                name=wanted,
            )
        else:
            why = self.env._(
                "%(column)s: there is none called “%(name)s”.",
                column=column,
                name=wanted,
            )
        entry["problems"].append(why)
        return False

    def _changes(self, record, vals, campaigns, given):
        """Of these values, those that are others than the result's."""
        changes = {}
        for name, value in vals.items():
            field = record._fields[name]
            now = record[name].id if field.type == "many2one" else record[name]
            if value is not None and (now or False) != (value or False):
                changes[name] = value
        if given and record.campaign_ids != campaigns:
            # Campaigns out of sight or archived stay.
            changes["campaign_ids"] = [
                *(fields.Command.unlink(x.id) for x in record.campaign_ids - campaigns),
                *(fields.Command.link(x.id) for x in campaigns - record.campaign_ids),
            ]
        return changes

    def cells(self, record):
        """The result as it stands in a file, by column's name."""
        path = _path(record)
        values = {
            "level_1": path[0],
            "level_2": path[1] if len(path) > 1 else "",
            "level_3": path[2] if len(path) > 2 else "",
            "campaigns": record.campaign_ids.sorted("name").mapped("name"),
        }
        for column in COLUMNS:
            if column.name in values or column.name not in record._fields:
                continue
            value = record[column.name]
            if column.name in TEMPLATES:
                value = value.name
            elif column.name == "sequence":
                # An empty cell leaves the order as it is.
                value = str(value)
            values[column.name] = value
        return {
            name: write_value(name, value, self.spanish, self.words)
            for name, value in values.items()
        }

    # WORDS

    def _difference(self, before, after):
        lines = []
        for column in COLUMNS:
            old, new = before.get(column.name, ""), after.get(column.name, "")
            if old != new:
                heading = column.heading(self.spanish)
                lines.append(f"{heading}: {old or '—'} → {new or '—'}")
        return "\n".join(lines)

    def _summary(self, record):
        """What a new result says, but for what is plain."""
        cells = self.cells(record)
        left_out = {"code", "level_1", "level_2", "level_3", "sequence"}
        lines = []
        for column in COLUMNS:
            cell = cells.get(column.name, "")
            plain = column.empty
            if column.shape != "names":
                plain = write_value(column.name, column.empty, self.spanish, self.words)
            if column.name not in left_out and cell and cell != plain:
                lines.append(f"{column.heading(self.spanish)}: {cell}")
        return "\n".join(lines)

    # REPEATED

    def check_repeated(self, entries):
        """Refuse lines that cannot both be meant: of the same result, code, place or
        key where agents see both. Two that are so already may stay."""
        taken = [entry for entry in entries if entry["record"]]
        for kind, why in (
            ("record", self.env._("Line %s is of the same result.")),
            ("code", self.env._("Line %s has the same code in the same campaign.")),
            ("place", self.env._("Line %s is the same result in the same campaign.")),
            ("key", self.env._("Line %s has the same key in the same campaign.")),
        ):
            groups = defaultdict(list)
            for entry in taken:
                groups[_repeated(entry, kind)].append(entry)
            groups.pop(None, None)
            for group in groups.values():
                self._refuse_repeated(group, kind, why)

    def _refuse_repeated(self, group, kind, why):
        others = defaultdict(list)
        for place, one in enumerate(group):
            for other in group[place + 1 :]:
                settled = (
                    kind != "record" and one["action"] == other["action"] == "same"
                )
                if not settled and _meet(one, other, kind):
                    others[one["row"]].append(other["row"])
                    others[other["row"]].append(one["row"])
        for entry in group:
            if entry["row"] in others:
                rows = ", ".join(map(str, others[entry["row"]][:10]))
                entry["problems"].append(why % rows)


def _path(record):
    """Names from the first level down."""
    names = []
    while record:
        names.insert(0, record.name)
        record = record.parent_id
    return names


def _repeated(entry, kind):
    record = entry["record"]
    if kind == "record":
        return record.id
    if kind == "code":
        return record.code or None
    if kind == "place":
        return tuple(fold(name) for name in entry["path"])
    return (record.parent_id.id, record.key) if record.key else None


def _meet(one, other, kind):
    """Is there a campaign in which agents have both?"""
    if kind == "record":
        return True
    mine, theirs = one["record"].campaign_kind, other["record"].campaign_kind
    if kind in ("key", "place") and mine and theirs and mine != theirs:
        return False
    return (
        not one["campaigns"]
        or not other["campaigns"]
        or bool(one["campaigns"] & other["campaigns"])
    )


def results_file(env, what):
    """The csv of results, in the user's language.

    :param what: ``sample``, to be filled in, or ``present``: the user's company's
        results and the common ones, as far as he sees them
    """
    spanish = _language(env)
    model = env["telemarketing.disposition"]
    left_out = () if "needs_survey" in model._fields else ("needs_survey",)
    if what == "sample":
        return write_sample(spanish, left_out)
    work = _Work(env, env.company)
    return write_results(
        [work.cells(record) for record in model._telemarketing_of(env.company)],
        spanish,
        left_out,
    )
