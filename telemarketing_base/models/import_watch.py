import fnmatch
import logging
import os
import re
from collections import defaultdict
from datetime import timedelta
from urllib.parse import quote_from_bytes, unquote_to_bytes

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import config

from ..identity.text import fold
from ..importing import REASON_HEADING
from ..importing.cleaning import DATED
from ..importing.folder import (
    DONE,
    FAILED,
    LATER,
    REASON_SUFFIX,
    REPEATED,
    Folder,
    FolderError,
    clean_name,
    is_ours,
    is_temporary,
    marker_of,
    parts_of,
)
from ..importing.mapping import column_letter
from .chunk import log_failure, reason_of
from .guard import MANAGER, check_fields, without_defaults
from .import_job import _file_has, _squeezed

_logger = logging.getLogger(__name__)

FEATURE = "import_watch"
# Where the administrator of the server names the base folder: not in the web client,
# so that nobody there can have another one read.
OPTION, VARIABLE = "telemarketing_watch_root", "TELEMARKETING_WATCH_ROOT"
MB = 1024 * 1024
# New files taken into the report by one look, files loaded by one.
FOUND, LOADED = 500, 20
# A file that is still not complete is told once.
STUCK = timedelta(days=1)
# What a report is called whose file says no more who stood in it.
NAMELESS = "…"
SUBFOLDER = {"done": DONE, "failed": FAILED, "duplicate": REPEATED}


def _kind_of(target):
    """As a column of an import has it: ``extra:Gas`` → ``extra``, left out → False."""
    return (target or "").split(":", 1)[0] or False


class TelemarketingImportWatch(models.Model):
    """A folder of the server from which files are loaded by themselves.

    Each file goes through ``waiting → loading → done, failed`` or to ``duplicate``;
    every step is written down (``telemarketing.import.watch.file``) before the next
    begins, and each can be done again: a server that dies between two loads nothing
    twice and loses no file.
    """

    _name = "telemarketing.import.watch"
    _inherit = [
        "mail.thread",
        "mail.activity.mixin",
        "telemarketing.sight.mixin",
        "telemarketing.chunk.mixin",
    ]
    _description = "Watched Folder"
    _order = "name, id"
    _sight_fields = ("database_id", "campaign_id")
    _code_fields = ("company_id", "user_id", "problem", "looked_at")
    # Whoever changes one of these answers for what is loaded from then on.
    _answered_fields = {
        *("active", "database_id", "campaign_id", "kind", "folder", "pattern"),
        *("duplicates", "legal_basis", "basis_date", "basis_source"),
        *("assign_agent_ids", "allow_repeated"),
    }

    name = fields.Char(required=True, tracking=True)
    active = fields.Boolean(default=True, tracking=True)
    kind = fields.Selection(
        selection=lambda self: (
            self.env["telemarketing.import"]
            ._fields["kind"]
            ._description_selection(self.env)
        ),
        string="What Is Loaded",
        required=True,
        default="contacts",
    )
    database_id = fields.Many2one(
        "telemarketing.database",
        index=True,
        # Its files lie on the disk: what knows of them must not go before they do.
        ondelete="restrict",
        tracking=True,
        help="What its columns are is remembered there, from the last file loaded by "
        "hand; those of articles by the company.",
    )
    campaign_id = fields.Many2one(
        "telemarketing.campaign",
        compute="_compute_campaign_id",
        store=True,
        precompute=True,
        readonly=False,
        index=True,
        ondelete="restrict",
    )
    company_id = fields.Many2one(
        "res.company",
        compute="_compute_company_id",
        store=True,
        precompute=True,
        index=True,
    )
    folder = fields.Char(
        required=True,
        tracking=True,
        help="Below the base folder of the server, for example altas or "
        "clientes/altas. Files that were loaded go to its sub-folder hechos, those "
        "that could not be to fallidos, repeated ones to repetidos.",
    )
    path = fields.Char(
        "Folder on the Server",
        compute="_compute_path",
        groups="telemarketing_base.group_manager",
    )
    pattern = fields.Char(
        "Files",
        required=True,
        default="*.xls; *.xlsx; *.ods; *.csv; *.txt",
        help="Names with * and ?, separated by semicolons. Others stay where they are.",
    )
    ready = fields.Selection(
        [
            ("quiet", "When it has not changed for a while"),
            ("marker", "When a file of the same name ending in .ok appears"),
        ],
        "A File Is Complete",
        required=True,
        default="quiet",
        help="Programmes that can write base.csv.ok (or base.ok, .done) after base.csv "
        "leave no doubt. Files named .tmp, .part or the like, hidden ones and those "
        "that a programme has locked wait in any case.",
    )
    settle_seconds = fields.Integer("Seconds without Change", default=60, required=True)
    max_mb = fields.Integer("Largest File (MB)", default=200, required=True)
    allow_repeated = fields.Boolean(
        "Load the Same Content Again",
        help="Else a file with exactly the content of an earlier one goes to "
        "repetidos, whatever its name.",
    )
    duplicates = fields.Selection(
        selection=lambda self: (
            self.env["telemarketing.import"]
            ._fields["duplicates"]
            ._description_selection(self.env)
        ),
        string="Repeated People",
        required=True,
        default="skip",
        help="Updated are the columns that were marked in the last file loaded into "
        "this database by hand; it remembers them.",
    )
    match_phone = fields.Boolean(
        "By Phone",
        compute="_compute_match",
        store=True,
        precompute=True,
        readonly=False,
    )
    match_vat = fields.Boolean(
        "By NIF", compute="_compute_match", store=True, precompute=True, readonly=False
    )
    match_email = fields.Boolean(
        "By Mail", compute="_compute_match", store=True, precompute=True, readonly=False
    )
    match_scope = fields.Selection(
        selection=lambda self: (
            self.env["telemarketing.import"]
            ._fields["match_scope"]
            ._description_selection(self.env)
        ),
        string="Look for Them In",
        required=True,
        default="principal",
    )
    match_partners = fields.Boolean("Also Prospects and Clients", default=True)
    legal_basis = fields.Selection(
        selection=lambda self: (
            self.env["telemarketing.database"]
            ._fields["legal_basis"]
            ._description_selection(self.env)
        ),
        help="Why these people may be called, where neither their row nor the "
        "database says it (LGTel art. 66.1.b).",
    )
    basis_date = fields.Date(help="Of the consent or the request.")
    basis_source = fields.Char(help="Where it was given: form, contract, event…")
    assign_agent_ids = fields.Many2many(
        "res.users",
        "telemarketing_import_watch_agent_rel",
        string="Share Out to",
        help="Once a file is loaded, in equal parts at random. Empty: later.",
    )
    notify_user_ids = fields.Many2many(
        "res.users",
        "telemarketing_import_watch_notify_rel",
        string="Tell",
        help="They get an activity for each file that was not loaded.",
    )
    user_id = fields.Many2one(
        "res.users",
        "In the Name Of",
        default=lambda self: self.env.user,
        readonly=True,
        help="The manager who set the folder up, or changed it last. Files load with "
        "his rights.",
    )
    file_ids = fields.One2many("telemarketing.import.watch.file", "watch_id")
    file_count = fields.Integer(compute="_compute_counts", string="Files Found")
    waiting_count = fields.Integer(compute="_compute_counts", string="Waiting")
    failed_count = fields.Integer(compute="_compute_counts", string="Failed")
    looked_at = fields.Datetime("Last Look", readonly=True)
    problem = fields.Text(readonly=True)

    _folder_uniq = models.UniqueIndex(
        "(company_id, lower(folder))",
        "Another watched folder reads from there already: each folder has one.",
    )

    @api.depends("database_id")
    def _compute_campaign_id(self):
        for watch in self:
            if watch.database_id:
                watch.campaign_id = watch.database_id.campaign_id

    @api.depends("database_id.company_id", "campaign_id.company_id")
    def _compute_company_id(self):
        for watch in self:
            source = watch.database_id or watch.campaign_id
            watch.company_id = source.company_id or watch.company_id or self.env.company

    @api.depends("database_id")
    def _compute_match(self):
        for watch in self:
            database = watch.database_id
            watch.match_phone = database.match_phone or not database
            watch.match_vat = database.match_vat or not database
            watch.match_email = database.match_email or not database

    @api.depends("folder", "company_id")
    def _compute_path(self):
        root = self._root()
        for watch in self:
            watch.path = False
            if root and watch.folder:
                try:
                    watch.path = os.path.join(root, *watch._parts())
                except FolderError as error:
                    watch.path = watch._sentence(error)

    def _compute_counts(self):
        groups = self.env["telemarketing.import.watch.file"]._read_group(
            [("watch_id", "in", self.ids)], ["watch_id", "state"], ["__count"]
        )
        counts = defaultdict(dict)
        for watch, state, count in groups:
            counts[watch.id][state] = count
        for watch in self:
            found = counts[watch.id]
            watch.file_count = sum(found.values())
            watch.waiting_count = found.get("waiting", 0) + found.get("loading", 0)
            watch.failed_count = found.get("failed", 0)

    # WHAT MAY BE SET

    @api.constrains("folder")
    def _check_folder(self):
        for watch in self:
            try:
                parts_of(watch.folder)
            except FolderError as error:
                raise ValidationError(watch._sentence(error)) from error

    @api.constrains("kind", "database_id", "campaign_id")
    def _check_database(self):
        for watch in self:
            if watch.kind != "articles":
                people = watch.env["telemarketing.contact"]
                people._check_not_training(watch.database_id)
            if watch.kind != "articles" and not watch.database_id:
                raise ValidationError(
                    watch.env._("Choose the database that these people go to.")
                )
            if watch.kind == "articles" and not watch.campaign_id:
                raise ValidationError(
                    watch.env._("Choose the campaign whose articles these are.")
                )

    @api.constrains("settle_seconds", "max_mb", "pattern")
    def _check_limits(self):
        for watch in self:
            if not 5 <= watch.settle_seconds <= 86_400:
                raise ValidationError(
                    watch.env._("A file must be left alone for 5 seconds at least.")
                )
            if not 1 <= watch.max_mb <= 2000:
                raise ValidationError(
                    watch.env._("The largest file has between 1 and 2000 MB.")
                )
            if not watch._patterns() or len(watch.pattern) > 200:
                raise ValidationError(
                    watch.env._("Say which files are loaded, for example *.csv.")
                )

    @api.constrains("legal_basis", "basis_date", "basis_source")
    def _check_basis(self):
        for watch in self:
            if watch.legal_basis in DATED and not (
                watch.basis_date and (watch.basis_source or "").strip()
            ):
                raise ValidationError(
                    watch.env._(
                        "Say when and where these people gave their consent or asked "
                        "for the call: it is what an inspector asks for first."
                    )
                )

    @api.constrains("active", "company_id")
    def _check_edition(self):
        for watch in self.filtered("active"):
            watch.company_id._telemarketing_require(
                FEATURE, watch.env._("Loading from watched folders")
            )

    @api.constrains("notify_user_ids", "campaign_id")
    def _check_notified(self):
        for watch in self:
            for user in watch.notify_user_ids:
                seen_as = watch.with_user(user).with_context(
                    allowed_company_ids=watch.company_id.ids
                )
                if watch.company_id not in user.company_ids or not seen_as.has_access(
                    "read"
                ):
                    raise ValidationError(
                        watch.env._(
                            "%s does not see this folder: only managers and the "
                            "supervisors of its campaign can be told.",
                            user.name,
                        )
                    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, denied=self._code_fields)
        watches = super(
            TelemarketingImportWatch, without_defaults(self, denied=self._code_fields)
        ).create(vals_list)
        return watches.with_env(self.env)

    def write(self, vals):
        check_fields(self, vals, denied=self._code_fields)
        result = super().write(vals)
        if not self.env.su and self._answered_fields & set(vals):
            self.check_access("write")
            self.sudo().write({"user_id": self.env.uid})
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_only_unused(self):
        for watch in self:
            if watch.file_ids.filtered(lambda file: file.state != "waiting"):
                raise UserError(
                    watch.env._(
                        "%s has loaded files: archive it, its report stays.", watch.name
                    )
                )

    # THE FOLDER

    @api.model
    def _root(self):
        """The base folder as the server's administrator named it, or False."""
        return config.get(OPTION) or os.environ.get(VARIABLE) or False

    def _parts(self):
        """Parts below the base folder: database and company come first, so that
        neither a copy of a database nor another company reads these files."""
        self.ensure_one()
        return [self.env.cr.dbname, f"empresa-{self.company_id.id}"] + parts_of(
            self.folder
        )

    def _open(self, make=False):
        """:raises FolderError:"""
        root = self._root()
        if not root:
            raise FolderError("root_unset")
        return Folder(root, self._parts(), make=make)

    def _patterns(self):
        words = (word.strip().lower() for word in (self.pattern or "").split(";"))
        return [word for word in words if word]

    def _wants(self, name):
        return not (is_temporary(name) or is_ours(name)) and any(
            fnmatch.fnmatchcase(name.lower(), pattern) for pattern in self._patterns()
        )

    def _sentence(self, error):
        """What a ``FolderError`` says, for people."""
        params = error.params
        if error.code == "too_large":
            return self.env._(
                "It has %(size)s MB and the limit is %(limit)s MB",
                size=-(-params["size"] // MB),
                limit=params["limit"] // MB,
            )
        why = {"why": params.get("why", ""), "name": params.get("name", "")}
        sentences = {
            "root_unset": self.env._(
                "Watched folders are off: the server's administrator must name their "
                "base folder, as %(option)s in Odoo's configuration file or as "
                "%(variable)s in its environment, and start Odoo again.",
                option=OPTION,
                variable=VARIABLE,
            ),
            "root_missing": self.env._(
                "The base folder of watched folders is not there or cannot be read: "
                "%(path)s. The server's administrator has to mend it.",
                path=params.get("path", ""),
            ),
            "root_open": self.env._(
                "The base folder of watched folders belongs to somebody else or "
                "anybody on the server may write in it: %(path)s. The server's "
                "administrator has to mend it.",
                path=params.get("path", ""),
            ),
            "folder_missing": self.env._(
                "The folder %(name)s is not there: “Make the Folder” makes it.", **why
            ),
            "folder_link": self.env._(
                "%(name)s is not a folder but a link to another place: it is not "
                "followed.",
                **why,
            ),
            "folder_refused": self.env._(
                "The server does not let us work in the folder %(name)s: %(why)s.",
                **why,
            ),
            "name_empty": self.env._("Write the name of the folder."),
            "name_absolute": self.env._(
                "Write the folder from the base folder on, without / or a drive "
                "before it."
            ),
            "name_up": self.env._("A folder cannot lie outside of the base folder."),
            "name_bad": self.env._(
                "The name of a folder has letters, digits, spaces, dots, hyphens and "
                "parentheses only, and begins with a letter or a digit."
            ),
            "name_deep": self.env._("That is too many folders one in another."),
            "name_ours": self.env._(
                "%(name)s is where files go once they were read: choose another name.",
                **why,
            ),
            "link": self.env._("It is a link to another place: it is not followed"),
            "hard_link": self.env._(
                "It is one file under two names (hard link): copy it here instead"
            ),
            "special": self.env._("It is no file but a device, a pipe or a socket"),
            "directory": self.env._("It is a folder; it stays where it is"),
            "other_device": self.env._("It lies on another disk than the folder"),
            "unreadable": self.env._("The server may not read it: %(why)s", **why),
            "locked": self.env._("A programme is still writing it"),
            "changed": self.env._("It is still changing"),
            "gone": self.env._("It is no longer there"),
            "delete_refused": self.env._(
                "A file of somebody who was erased, or that was kept long enough, "
                "cannot be deleted: %(why)s. The server's administrator has to mend "
                "the permissions.",
                **why,
            ),
            "move_refused": self.env._(
                "It cannot be moved out of the folder: %(why)s. It is not loaded "
                "again; the server's administrator has to mend the permissions.",
                **why,
            ),
        }
        return sentences.get(error.code, error.code)

    # BUTTONS

    def action_look(self):
        """Look now instead of within the next minute."""
        self.check_access("write")
        self._start()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "info",
                "message": self.env._(
                    "Looking. A new file is loaded once it has been left alone for "
                    "the seconds that are set."
                ),
            },
        }

    def action_make_folder(self):
        """Make the folder and its sub-folders, where the server lets us."""
        self.check_access("write")
        for watch in self:
            try:
                with watch._open(make=True) as folder:
                    for name in SUBFOLDER.values():
                        folder.subfolder(name)
            except FolderError as error:
                raise UserError(watch._sentence(error)) from error
        self._start()
        return True

    def action_files(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "telemarketing_base.action_telemarketing_import_watch_file"
        )
        action["domain"] = [("watch_id", "=", self.id)]
        action["context"] = {}
        return action

    @api.model
    def _start(self):
        self.env.ref("telemarketing_base.cron_import_watch").sudo()._trigger()

    # LOOKING

    @api.model
    def _cron_look(self):
        """Look into every folder, and take from the disk what has been kept long
        enough, also of folders that are watched no more."""
        watches = self.with_context(active_test=False).search([("folder", "!=", False)])
        for place, watch in enumerate(watches, 1):
            # Reasons are read by who set the folder up.
            watch = watch.with_context(lang=watch.user_id.lang)
            try:
                watch._look()
                watch._clear()
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                # Somebody saved the form meanwhile: the next minute is early enough.
                self._roll_back()
            except Exception:
                self._roll_back()
                _logger.exception("watched folder %s could not be looked at", watch.id)
            if not self._keep_chunk(1, remaining=len(watches) - place):
                break

    def _keep(self):
        """Commit this step and hold the folder again.

        :return: is there time for more, and is nobody else at it?
        """
        if not self._keep_chunk(0):
            return False
        return bool(self.try_lock_for_update(allow_referencing=True))

    def _look(self):
        """One look: what is ready is loaded, what is loaded is moved."""
        self.ensure_one()
        if not self.try_lock_for_update(allow_referencing=True):
            return
        self._finish_jobs()
        if not self.active:
            return
        now = self._now()
        problem = self._problem()
        if not problem:
            try:
                with self._open() as folder:
                    self._move_finished(folder)
                    self._find(folder, now)
                    self._load_ready(folder, now)
            except FolderError as error:
                problem = self._sentence(error)
        if problem and self.looked_at and not self.problem:
            # It worked until now: a share that is gone, an edition that ended.
            self._tell(self.env._("Nothing is loaded from %s", self.name), problem)
        stuck = self.env["telemarketing.import.watch.file"].search(
            [("watch_id", "=", self.id), ("move_problem", "!=", False)], limit=1
        )
        values = {"looked_at": now, "problem": problem or stuck.move_problem}
        if self.problem != values["problem"] or self.looked_at != now:
            self.write(values)
        self._keep_chunk(0)

    def _now(self):
        return self.env["telemarketing.clock"]._now()

    def _problem(self):
        """Why nothing is loaded, or False."""
        try:
            self.company_id._telemarketing_require(
                FEATURE, self.env._("Loading from watched folders")
            )
        except UserError as error:
            return str(error)
        user = self.user_id
        if (
            not user.active
            or not user.has_group(MANAGER)
            or self.company_id not in user.company_ids
        ):
            return self.env._(
                "%s, in whose name files were loaded, is no manager of this company "
                "any more: another manager switches the folder off and on again.",
                user.name or "?",
            )
        if self.database_id and not self.database_id.active:
            return self.env._("The database %s is archived.", self.database_id.name)
        return False

    def _open_files(self):
        """Rows of the report about what may still stand in the folder."""
        return self.env["telemarketing.import.watch.file"].search(
            [("watch_id", "=", self.id), ("moved", "=", False)]
        )

    def _find(self, folder, now):
        """Write down what is new, or has changed, or has gone."""
        File = self.env["telemarketing.import.watch.file"]
        waiting, others = {}, defaultdict(File.browse)
        for file in self._open_files():
            if file.state == "waiting":
                waiting[file.raw_name] = file
            else:
                others[file.raw_name] |= file
        seen_names, new = set(), []
        for seen in folder.look():
            raw = quote_from_bytes(seen.raw, safe="")
            seen_names.add(raw)
            if not self._wants(seen.name):
                continue
            file = waiting.get(raw)
            if file:
                if file.signature != seen.signature:
                    file.write(
                        {"signature": seen.signature, "since": now, "size": seen.size}
                    )
                continue
            if any(
                other.signature == seen.signature
                or (other.is_folder and seen.kind == "directory")
                for other in others[raw]
            ):
                continue
            if len(new) < FOUND:
                new.append(
                    {
                        "watch_id": self.id,
                        "name": seen.name,
                        "raw_name": raw,
                        "signature": seen.signature,
                        "size": seen.size,
                        "is_folder": seen.kind == "directory",
                        "found_at": now,
                        "since": now,
                    }
                )
        for raw, file in waiting.items():
            if raw not in seen_names:
                # Taken away before it was read: nothing happened.
                file.unlink()
        if new:
            File.create(new)
        self._keep()

    # LOADING

    def _load_ready(self, folder, now):
        """Load the files that have been left alone long enough."""
        waiting = self._open_files().filtered(lambda file: file.state == "waiting")
        if not waiting:
            return
        found = {quote_from_bytes(seen.raw, safe=""): seen for seen in folder.look()}
        names = {seen.raw for seen in found.values()}
        loaded = 0
        for file in waiting.sorted("id"):
            seen = found.get(file.raw_name)
            if not seen or seen.signature != file.signature:
                continue
            marker = None
            if seen.kind == "file":
                if now - file.since < timedelta(seconds=self.settle_seconds):
                    self._tell_stuck(file, now)
                    continue
                if self.ready == "marker":
                    marker = marker_of(seen.raw, names)
                    if not marker:
                        file._wait(self.env._("It waits for its .ok"))
                        self._tell_stuck(file, now)
                        continue
            if not file.try_lock_for_update(allow_referencing=True):
                continue
            file.marker = quote_from_bytes(marker, safe="") if marker else False
            self._take(folder, file, seen, now)
            loaded += 1
            if not self._keep():
                return
            if file.state in SUBFOLDER and not file.is_folder:
                file._move(folder)
                if not self._keep():
                    return
            if loaded >= LOADED:
                self._start()
                return

    def _take(self, folder, file, seen, now):
        """Read a file that is ready and give it to be loaded, or say why not."""
        try:
            content, digest = folder.fetch(seen, self.max_mb * MB)
        except FolderError as error:
            if error.code in LATER:
                file._wait(self._sentence(error))
                if error.code == "changed":
                    file.since = now
                self._tell_stuck(file, now)
            else:
                file._fail(self._sentence(error))
            return
        file.sha256 = digest
        if not self.allow_repeated:
            earlier = self._earlier(file, digest)
            if earlier:
                file.write(
                    {
                        "state": "duplicate",
                        "done_at": now,
                        "reason": self.env._(
                            "The same content was loaded on %(day)s as %(name)s.",
                            day=fields.Datetime.context_timestamp(
                                self.with_context(tz=self.user_id.tz), earlier.found_at
                            ).strftime("%d/%m/%Y %H:%M"),
                            name=earlier.name,
                        ),
                    }
                )
                return
        user = self.user_id
        watch = self.with_user(user).with_context(
            lang=user.lang, allowed_company_ids=self.company_id.ids
        )
        try:
            with self.env.cr.savepoint():
                job = watch._make_job(file, content)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except UserError as error:
            file._fail(str(error))
        except Exception as error:  # a bad file must not stop the others
            log_failure(_logger, "file of a watched folder", file, error)
            file._fail(self.env._("It could not be read: %s", reason_of(error)))
        else:
            file.write(
                {
                    "state": "loading",
                    "import_id": job.id,
                    "reason": False,
                    "loaded_at": now,
                }
            )

    def _earlier(self, file, digest):
        """A file with this content that was loaded into the same place, and stayed."""
        return (
            self.env["telemarketing.import.watch.file"]
            .search(
                Domain("sha256", "=", digest)
                & Domain("state", "in", ("loading", "done"))
                & Domain("id", "!=", file.id)
                & Domain("watch_id.company_id", "=", self.company_id.id)
                & Domain("watch_id.kind", "=", self.kind)
                & Domain("watch_id.database_id", "=", self.database_id.id)
                & Domain("watch_id.campaign_id", "=", self.campaign_id.id)
            )
            .filtered(lambda other: other.import_id.state not in ("undoing", "undone"))[
                :1
            ]
        )

    def _make_job(self, file, content):
        """An ordinary import of this file, set off; with the rights of who set the
        folder up.

        :raises UserError: why it cannot be loaded; the caller takes back what was
            written
        """
        database = self.database_id
        values = {
            "kind": self.kind,
            "filename": file.name,
            "duplicates": self.duplicates,
            "match_phone": self.match_phone,
            "match_vat": self.match_vat,
            "match_email": self.match_email,
            "match_scope": self.match_scope,
            "match_partners": self.match_partners,
            "assign_agent_ids": [fields.Command.set(self.assign_agent_ids.ids)],
        }
        if self.kind == "articles":
            values["campaign_id"] = self.campaign_id.id
        else:
            values["database_id"] = database.id
        if values.get("database_id") and not database.legal_basis and self.legal_basis:
            values |= {
                "legal_basis": self.legal_basis,
                "basis_date": self.basis_date,
                "basis_source": self.basis_source,
            }
        job = self.env["telemarketing.import"].create(values)
        job.sudo().watch_id = self.id
        # Past base64, which would hold the file in memory twice more.
        self.env["ir.attachment"].sudo().create(
            {
                "name": "file",
                "res_model": job._name,
                "res_field": "file",
                "res_id": job.id,
                "type": "binary",
                "raw": content,
            }
        )
        job.invalidate_recordset(["file"])
        job.action_read()
        self._check_columns(job)
        job.action_load()
        return job

    def _check_columns(self, job):
        """Nobody looks at this file before it is loaded: what a column is must be
        known, and what people need must be there.

        :raises UserError:
        """
        of_articles = self.kind == "articles"
        target = "article_target" if of_articles else "target"
        remembered = (
            self.company_id.sudo().telemarketing_article_mapping
            if of_articles
            else self.database_id.column_mapping
        ) or {}
        columns = job.column_ids
        bare = [place for place, column in enumerate(columns, 1) if not column.heading]
        if bare:
            raise UserError(
                self.env._(
                    "Columns without a heading, of which nobody can say what they "
                    "are: %s.",
                    ", ".join(column_letter(place - 1) for place in bare[:20]),
                )
            )
        unknown = [
            column.heading[:60]
            for column in columns
            if column[target] in (False, "extra")
            and _kind_of(remembered.get(fold(column.heading), "?")) != column[target]
            and not (
                column == columns[-1] and fold(column.heading) == fold(REASON_HEADING)
            )
        ]
        if unknown:
            raise UserError(
                self.env._(
                    "Nobody has said what these columns are: %s. Load one such file by "
                    "hand and say it there; it is remembered for the next ones.",
                    ", ".join(unknown[:20]),
                )
            )
        if of_articles:
            return
        if self.duplicates == "update" and not any(columns.mapped("is_updated")):
            raise UserError(
                self.env._(
                    "Nobody has said which columns are updated: load one such file by "
                    "hand and mark them there; it is remembered for the next ones."
                )
            )
        have = set(columns.mapped("target"))
        headings = {fold(column.heading) for column in columns if column.target}
        labels = dict(columns._fields["target"]._description_selection(self.env))
        missing = []
        for name in ["phone", *self.database_id._required_names()]:
            if name.startswith("extra:"):
                there = fold(name[6:]) in headings
            else:
                there = name in have or (name == "name" and "surname" in have)
            if not there and labels.get(name, name) not in missing:
                missing.append(labels.get(name, name))
        if missing:
            raise UserError(
                self.env._(
                    "Columns that every person needs are not in the file: %s.",
                    ", ".join(missing),
                )
            )

    # AFTERWARDS

    def _finish_jobs(self):
        """Write down what became of the files that were being loaded."""
        now = self._now()
        changed = False
        for file in self.env["telemarketing.import.watch.file"].search(
            [("watch_id", "=", self.id), ("state", "=", "loading")]
        ):
            job = file.import_id
            if not job:
                file._fail(self.env._("What was being loaded has been deleted."))
            elif job.state in ("done", "undoing", "undone"):
                file.write({"state": "done", "done_at": now, **file._figures()})
            elif job.state == "stopped":
                file._fail(
                    self.env._(
                        "Somebody stopped it after row %s; it goes on from its form "
                        "under Loaded Files.",
                        job.position,
                    )
                )
            elif job.state != "loading":
                file._fail(job.error or self.env._("It was not loaded."))
            changed = changed or file.state != "loading"
        if changed:
            self._keep()

    def _move_finished(self, folder):
        for file in self._open_files():
            if file.state in SUBFOLDER and not file.is_folder:
                file._move(folder)
                if not self._keep():
                    return

    def _tell_stuck(self, file, now):
        if now - file.found_at > STUCK and not file.told:
            file._tell(
                self.env._("%s has been waiting for a day", file.name),
                file.reason or self.env._("It is still changing"),
            )

    def _tell(self, summary, text):
        """An activity for who wants to know; while one is open, what follows is
        added to it: a hundred wrong files are one thing to be mended."""
        line = Markup("<p><b>%s</b><br/>%s</p>") % (summary, text)
        kind = self.env.ref("mail.mail_activity_data_todo")
        for user in self.notify_user_ids:
            theirs = self.activity_ids.filtered(
                lambda act, user=user: (
                    act.user_id == user
                    and act.automated
                    and act.activity_type_id == kind
                )
            )[:1]
            if theirs:
                theirs.note = (theirs.note or Markup()) + line
            else:
                self.activity_schedule(
                    "mail.mail_activity_data_todo",
                    summary=summary,
                    note=line,
                    user_id=user.id,
                )

    def _clear(self):
        """Delete from the disk what has been kept as long as uploaded files are, and
        files with somebody who was erased."""
        self.ensure_one()
        rule = self.env["telemarketing.retention.rule"]._of(self.company_id, "upload")
        before = self._now() - timedelta(days=rule.days)
        File = self.env["telemarketing.import.watch.file"]
        mine = Domain("watch_id", "=", self.id)
        files = File.search(
            mine
            & File._lying()
            & (
                Domain("forget", "=", True)
                | (Domain("moved_name", "!=", False) & Domain("moved_at", "<", before))
            ),
            limit=FOUND,
        )
        if files:
            try:
                with self._open() as folder:
                    problems = files._delete_all(folder)
            except FolderError as error:
                problems = [self._sentence(error)]
            if problems and self.problem != problems[0]:
                self.problem = problems[0]
        # The report names files and people, too. What was loaded stays as figures,
        # so that the same content is not loaded again.
        old = File.search(
            mine
            & Domain("done_at", "<", before)
            & Domain("moved", "=", True)
            & Domain("moved_name", "=", False)
            & Domain("is_folder", "=", False)
            & (Domain("state", "!=", "done") | Domain("name", "!=", NAMELESS)),
            limit=FOUND,
        )
        old.filtered(lambda file: file.state in ("failed", "duplicate")).unlink()
        old.exists()._blank()

    @api.private
    def _retire(self):
        """Load nothing more from these folders, and delete now what lies there: files
        that were read and files that wait.

        Done again where it was interrupted; a deletion cannot be rolled back.

        :return: ``(number of files deleted, [why files of a folder stay])``
        """
        count, problems = 0, []
        File = self.env["telemarketing.import.watch.file"]
        for watch in self.sudo():
            if watch.active:
                watch.active = False
            lying = File.search(Domain("watch_id", "=", watch.id) & File._lying())
            stay = []
            try:
                with watch._open() as folder:
                    count += watch._delete_unread(folder)
                    stay = lying._delete_all(folder)
            except FolderError as error:
                if lying or error.code not in (
                    *("root_unset", "root_missing", "folder_missing"),
                ):
                    stay = [watch._sentence(error)]
            left = lying.filtered(lambda file: not file.deleted_at)
            if stay:
                # The cron goes on trying.
                left._forget()
                problems += [f"{watch.name}: {sentence}" for sentence in stay[:1]]
            count += len(
                lying.filtered(lambda file: file.deleted_at and file.state != "waiting")
            )
            lying.filtered(
                lambda file: file.deleted_at and file.state == "waiting"
            ).unlink()
            watch.activity_ids.unlink()
        return count, problems

    def _delete_unread(self, folder):
        """Delete what waits in the folder, known or not.

        :return: how many files
        """
        found = [seen for seen in folder.look() if seen.kind != "directory"]
        names = {seen.raw for seen in found}
        wanted = [seen.raw for seen in found if self._wants(seen.name)]
        for raw in wanted:
            folder.discard(raw)
            if marker := marker_of(raw, names):
                folder.discard(marker)
        known = {
            unquote_to_bytes(file.raw_name)
            for file in self._open_files()
            if file.state != "waiting"
        }
        return len(set(wanted) - known)


class TelemarketingImportWatchFile(models.Model):
    """What became of a file of a watched folder."""

    _name = "telemarketing.import.watch.file"
    _description = "File of a Watched Folder"
    _order = "id desc"

    watch_id = fields.Many2one(
        "telemarketing.import.watch",
        "Watched Folder",
        required=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(
        related="watch_id.company_id", store=True, index=True, precompute=True
    )
    database_id = fields.Many2one(related="watch_id.database_id", store=True)
    campaign_id = fields.Many2one(related="watch_id.campaign_id", store=True)
    name = fields.Char("File", required=True, readonly=True)
    # Percent-encoded bytes: names of files need not be text.
    raw_name = fields.Char(required=True, readonly=True)
    marker = fields.Char(readonly=True)
    # Device, inode, size and time of change.
    signature = fields.Char(required=True, readonly=True)
    is_folder = fields.Boolean(readonly=True)
    # Beyond what an integer column holds: told, never loaded.
    size = fields.Float("Bytes", digits=(15, 0), readonly=True, aggregator=None)
    sha256 = fields.Char("SHA-256", readonly=True, index="btree_not_null")
    state = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("loading", "Loading"),
            ("done", "Loaded"),
            ("failed", "Failed"),
            ("duplicate", "Repeated"),
        ],
        "Status",
        required=True,
        default="waiting",
        readonly=True,
        index=True,
    )
    reason = fields.Text(readonly=True)
    import_id = fields.Many2one(
        "telemarketing.import",
        "Loaded File",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    found_at = fields.Datetime("Found", required=True, readonly=True)
    since = fields.Datetime("Unchanged Since", readonly=True)
    loaded_at = fields.Datetime("Load Begun", readonly=True)
    done_at = fields.Datetime("Ended", readonly=True)
    total = fields.Integer("Rows", readonly=True)
    loaded = fields.Integer(readonly=True)
    bad = fields.Integer("Not Loaded", readonly=True)
    noticed = fields.Integer("Loaded with Notices", readonly=True)
    updated = fields.Integer(readonly=True)
    excluded = fields.Integer("Loaded as Excluded", readonly=True)
    moved = fields.Boolean("Out of the Folder", readonly=True)
    moved_at = fields.Datetime("Moved", readonly=True)
    moved_name = fields.Char("Moved To", readonly=True)
    # Names of the reason or the returned file beside it.
    beside = fields.Json(readonly=True)
    move_problem = fields.Char("Not Moved", readonly=True)
    told = fields.Boolean(readonly=True)
    forget = fields.Boolean(readonly=True)
    deleted_at = fields.Datetime("Deleted from the Folder", readonly=True)

    # Two servers that look at once: one of them writes it down, the other fails.
    _waiting_uniq = models.UniqueIndex(
        "(watch_id, raw_name) WHERE state = 'waiting'",
        "This file is waiting already.",
    )

    def _figures(self):
        job = self.import_id
        names = ("total", "loaded", "bad", "noticed", "updated", "excluded")
        return {name: job[name] for name in names}

    def _wait(self, reason):
        if self.reason != reason:
            self.reason = reason

    def _fail(self, reason):
        self.ensure_one()
        self.write(
            {
                "state": "failed",
                "reason": reason,
                "done_at": self.watch_id._now(),
                **(self._figures() if self.import_id else {}),
            }
        )
        self._tell(self.env._("%s was not loaded", self.name), reason)

    def _tell(self, summary, text):
        """Who wants to know is told, once for each file."""
        if self.told:
            return
        self.told = True
        self.watch_id._tell(summary, text)

    # ON THE DISK

    def _move(self, folder):
        """Move the file to where files of its state go, with what is to be said.

        Can be done again at any point: a file that is no longer in its place is
        looked for where it was to go.
        """
        self.ensure_one()
        now = self.watch_id._now()
        stamp = now.strftime("%Y%m%d-%H%M%S")
        raw = unquote_to_bytes(self.raw_name)
        try:
            place = folder.subfolder(SUBFOLDER[self.state])
            name = self._place(folder, raw, place, stamp)
            beside = []
            if name:
                beside = [
                    folder.put(place, clean_name(other.encode()), content, stamp)
                    for other, content in self._companions(name)
                ]
                if self.marker:
                    self._move_marker(folder, place, name, stamp, beside)
        except FolderError as error:
            sentence = self.watch_id._sentence(error)
            if sentence != self.move_problem:
                self.move_problem = sentence
                self.told = False
                self._tell(self.env._("%s stays in its folder", self.name), sentence)
            return
        self.write(
            {
                "moved": True,
                "moved_at": now,
                "moved_name": name or False,
                "beside": beside,
                "move_problem": False,
            }
        )

    def _place(self, folder, raw, place, stamp):
        """Move it; the name it has there, None where it has been taken away."""
        try:
            seen = folder.stat(raw)
            if seen.signature != self.signature:
                raise FolderError("gone")
            name = folder.free_name(seen.name, place, stamp)
            folder.move(seen, place, name)
            return name
        except FolderError as error:
            if error.code != "gone":
                raise
        return folder.find(self.signature, place)

    def _move_marker(self, folder, place, name, stamp, beside):
        try:
            seen = folder.stat(unquote_to_bytes(self.marker))
            if seen.kind == "file":
                other = folder.free_name(seen.name, place, stamp)
                folder.move(seen, place, other)
                beside.append(other)
        except FolderError as error:
            if error.code != "gone":
                raise

    def _companions(self, name):
        """``[(name, content)]`` of what stands beside the file."""
        if self.state != "done":
            text = f"{self.name}\r\n{self.reason or ''}\r\n"
            return [(name[:120] + REASON_SUFFIX, ("\ufeff" + text).encode())]
        job = self.import_id.sudo()
        content = job._attachment("returned_file").raw
        if not content:
            return []
        stem, extension = os.path.splitext(job.returned_name or "")
        base = os.path.splitext(name)[0][:120]
        return [(f"{base}-devueltas{extension}", content)]

    @api.model
    def _lying(self):
        """Domain of what may stand on the disk."""
        return (
            Domain("deleted_at", "=", False)
            & Domain("is_folder", "=", False)
            & (Domain("moved_name", "!=", False) | Domain("moved", "=", False))
        )

    def _delete_all(self, folder):
        """:return: sentences of why some of them stay"""
        problems = []
        for file in self:
            try:
                file._delete(folder)
            except FolderError as error:
                problems.append(file.watch_id._sentence(error))
        return problems

    def _delete(self, folder):
        if self.moved_name:
            names = [self.moved_name, *(self.beside or [])]
            folder.delete(SUBFOLDER[self.state], names)
        else:
            self._delete_unmoved(folder)
        self._blank({"deleted_at": self.watch_id._now(), "forget": False})

    def _delete_unmoved(self, folder):
        """From where it was put; or from where it went, if a crash came before that
        was written down."""
        raw = unquote_to_bytes(self.raw_name)
        try:
            if folder.stat(raw).signature == self.signature:
                folder.discard(raw)
                if self.marker:
                    folder.discard(unquote_to_bytes(self.marker))
                return
        except FolderError as error:
            if error.code != "gone":
                raise
        if self.state in SUBFOLDER:
            place = folder.subfolder(SUBFOLDER[self.state])
            if name := folder.find(self.signature, place):
                folder.delete(SUBFOLDER[self.state], [name])

    def _blank(self, values=None):
        """Take from the report what may name people: names of files, reasons."""
        for file in self:
            file.write(
                {
                    "name": NAMELESS,
                    "raw_name": NAMELESS,
                    "moved": True,
                    **dict.fromkeys(
                        ("reason", "marker", "moved_name", "beside", "move_problem"),
                        False,
                    ),
                    **(values or {}),
                }
            )

    @api.private
    def _forget(self):
        """Take these files from the disk: done by the cron, because a deletion cannot
        be rolled back. The report loses at once what names people."""
        files = self.sudo()
        for file in files.filtered(lambda file: file.name != NAMELESS):
            on_watch = [
                ("res_model", "=", file.watch_id._name),
                ("res_id", "=", file.watch_id.id),
                ("note", "ilike", file.name),
            ]
            self.env["mail.activity"].sudo().with_context(active_test=False).search(
                on_watch
            ).unlink()
            self.env["mail.message"].sudo().search(
                [
                    ("model", "=", file.watch_id._name),
                    ("res_id", "=", file.watch_id.id),
                    ("body", "ilike", file.name),
                ]
            ).unlink()
        files.write({"name": NAMELESS, "reason": False})
        there = files.filtered(lambda file: not file.deleted_at)
        if there:
            there.write({"forget": True})
            self.env["telemarketing.import.watch"].sudo()._start()

    @api.private
    def _forget_people(self, needles, company, principal):
        """Take from the disk the files that hold one of these texts and of which
        ``telemarketing.import`` knows nothing: those that were never loaded, and those
        whose import was deleted or has lost its file.

        :param set needles: see ``telemarketing.import._has_person``
        :param principal: only files meant for its databases; empty: for ours
        """
        if not needles:
            return
        wanted = re.compile("|".join(re.escape(_squeezed(n)) for n in sorted(needles)))
        found = self.browse()
        for file in self.sudo().search(
            self._lying()
            & Domain("company_id", "=", company.id)
            & Domain("campaign_id.principal_id", "=", principal.id)
            & (
                Domain("state", "in", ("failed", "duplicate"))
                | Domain("state", "=", "done")
                & (
                    Domain("import_id", "=", False)
                    | Domain("import_id.file", "=", False)
                )
            )
        ):
            content = file._kept()
            # One that cannot be looked at is as good as one that holds him.
            if content is None or _file_has(content, file.name, wanted):
                found |= file
        found._forget()

    def _kept(self):
        """What stands on the disk, or None."""
        limit = self.watch_id.max_mb * MB
        try:
            with self.watch_id._open() as folder:
                if self.moved_name:
                    return folder.kept(SUBFOLDER[self.state], self.moved_name, limit)
                seen = folder.stat(unquote_to_bytes(self.raw_name))
                if seen.signature == self.signature:
                    return folder.fetch(seen, limit)[0]
        except FolderError:
            return None
        return None
