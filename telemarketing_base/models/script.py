from odoo import api, fields, models
from odoo.exceptions import UserError

from .script_legal import (
    REQUIRED_FOR_PURPOSE,
    REQUIRED_IN_SECTOR,
    REQUIRED_TO_SELL,
    REQUIREMENTS,
)


class TelemarketingScript(models.Model):
    """Text that the agent reads, with placeholders in braces and lines that must be
    confirmed as read, or a link to a document elsewhere.

    Its text lives in versions that never change, so that a call can always say
    what was read.
    """

    _name = "telemarketing.script"
    _description = "Script"
    _order = "sequence, name"
    _check_company_auto = True

    name = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")
    campaign_ids = fields.Many2many("telemarketing.campaign", string="Campaigns")
    url = fields.Char(
        "External Link",
        help="A document elsewhere, opened beside the call, instead of a text here.",
    )
    body = fields.Html(
        compute="_compute_body",
        inverse="_inverse_body",
        copy=True,
        sanitize_overridable=False,
        help="Placeholders: {agente} {nombre} {empresa} {centro} {identificación} "
        "{campaña} {ciudad} {dirección} {perfil.x}. "
        "Each save makes a new version.",
    )
    confirm_lines = fields.Text(
        "Lines to Confirm",
        compute="_compute_body",
        inverse="_inverse_body",
        copy=True,
        help="One a line: what the agent must tick as read.",
    )
    legal_line_ids = fields.One2many(
        "telemarketing.script.legal.line",
        "script_id",
        "Legal Lines",
        copy=True,
        help="What the law wants said: the agent confirms each, and the call keeps it.",
    )
    version_ids = fields.One2many(
        "telemarketing.script.version", "script_id", "All Versions", readonly=True
    )
    version_id = fields.Many2one(
        "telemarketing.script.version", compute="_compute_version_id"
    )

    @api.depends("version_ids")
    def _compute_version_id(self):
        for script in self:
            script.version_id = script._latest()

    @api.depends("version_ids.body", "version_ids.confirm_lines")
    def _compute_body(self):
        for script in self:
            latest = script._latest()
            script.body = latest.body
            script.confirm_lines = latest.confirm_lines

    def _latest(self):
        # A version just created stands last in the cache, whatever the order.
        return self.version_ids.sorted("number", reverse=True)[:1]

    def _latest_before(self, version):
        return self.version_ids.filtered(
            lambda v: v != version and not v.replaced_at and v.number < version.number
        )

    def _inverse_body(self):
        for script in self:
            last = script._latest()
            if last and (last.body, last.confirm_lines or "") == (
                script.body,
                script.confirm_lines or "",
            ):
                continue
            script._make_version(last, script.body, script.confirm_lines)

    def _make_version(self, last, body, confirm_lines):
        self.ensure_one()
        self.env["telemarketing.script.version"].create(
            {
                "script_id": self.id,
                "number": last.number + 1,
                "body": body,
                "confirm_lines": confirm_lines,
            }
        )

    # One save of the form is one version, though it writes text and lines.

    @api.model_create_multi
    def create(self, vals_list):
        saving = self.with_context(telemarketing_script_saving=True)
        scripts = super(TelemarketingScript, saving).create(vals_list)
        scripts = scripts.with_env(self.env)
        scripts._freeze()
        return scripts

    def write(self, vals):
        if "legal_line_ids" not in vals:
            return super().write(vals)
        saving = self.with_context(telemarketing_script_saving=True)
        result = super(TelemarketingScript, saving).write(vals)
        self._freeze()
        return result

    @api.private
    def _freeze(self):
        """A new version where the legal lines are not the latest one's."""
        if self.env.context.get("telemarketing_script_saving"):
            return
        for script in self:
            last = script._latest()
            if (last.legal_lines or []) != script._legal_values():
                script._make_version(last, last.body, last.confirm_lines)

    @api.private
    def _legal_values(self):
        """The legal lines as they are frozen: ``[{key, requirement, article, when,
        text}]``; the key is the line's place, stable within a version."""
        self.ensure_one()
        return [
            {
                "key": f"L{place}",
                "requirement": line.requirement,
                "article": line.article or "",
                "when": line.when,
                "text": line.text,
            }
            for place, line in enumerate(
                self.legal_line_ids.sorted(lambda line: (line.sequence, line.id))
            )
        ]

    @api.private
    def _missing_requirements(self, purpose, sector_code="", sells=False):
        """What these scripts, taken together, have to say and do not.

        :param str purpose: one of ``compliance.PURPOSES``
        :param str sector_code: code of a ``telemarketing.sector``
        :param bool sells: are contracts concluded in the call?
        :return: keys of requirements, in the order of the list
        """
        wanted = set(REQUIRED_FOR_PURPOSE.get(purpose, ()))
        if purpose == "commercial":
            wanted.update(REQUIRED_IN_SECTOR.get(sector_code, ()))
            if sells:
                wanted.update(REQUIRED_TO_SELL)
        wanted -= set(self.legal_line_ids.mapped("requirement"))
        return [key for key, _label in REQUIREMENTS if key in wanted]


class TelemarketingScriptVersion(models.Model):
    """One saved text of a script; immutable."""

    _name = "telemarketing.script.version"
    _description = "Script Version"
    _order = "script_id, number desc"
    _rec_name = "number"

    script_id = fields.Many2one(
        "telemarketing.script", required=True, ondelete="cascade", index=True
    )
    number = fields.Integer(required=True)
    body = fields.Html(sanitize_overridable=False)
    confirm_lines = fields.Text()
    legal_lines = fields.Json(readonly=True, help="What the law wanted said, as then.")
    replaced_at = fields.Datetime(
        readonly=True, help="When the next version was saved; empty: in use."
    )
    legal_text = fields.Text("Legal Lines as Text", compute="_compute_legal_text")
    company_id = fields.Many2one(related="script_id.company_id")

    _number_uniq = models.UniqueIndex(
        "(script_id, number)", "This version of the script exists."
    )

    @api.depends("script_id.name", "number")
    def _compute_display_name(self):
        for version in self:
            version.display_name = f"{version.script_id.name} v{version.number}"

    @api.depends("legal_lines")
    def _compute_legal_text(self):
        for version in self:
            version.legal_text = "\n".join(
                f"§ {line['text']} ({line['article']})"
                if line["article"]
                else f"§ {line['text']}"
                for line in version.legal_lines or []
            )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            # The script's own, never the caller's: proofs rest on them.
            script = self.env["telemarketing.script"].browse(
                vals.get("script_id") or self.env.context.get("default_script_id")
            )
            vals["legal_lines"] = script._legal_values()
        versions = super().create(vals_list)
        for version in versions:
            before = version.script_id._latest_before(version)
            before.sudo().replaced_at = self.env["telemarketing.clock"]._now()
        return versions

    def write(self, vals):
        if set(vals) & {"script_id", "number", "body", "confirm_lines", "legal_lines"}:
            self.check_access("write")
            raise UserError(
                self.env._(
                    "A version that was read in calls does not change: save the "
                    "script, and a new one is made."
                )
            )
        return super().write(vals)

    @api.private
    def _confirm_list(self):
        """``[{key, text}]``, legal lines first, these with ``legal`` True, article,
        requirement and when; the key is the line's place, stable within a version."""
        self.ensure_one()
        legal = [{**line, "legal": True} for line in self.legal_lines or []]
        lines = [line.strip() for line in (self.confirm_lines or "").splitlines()]
        return legal + [
            {"key": str(place), "text": line}
            for place, line in enumerate(line for line in lines if line)
        ]

    @api.private
    def _line_key(self, line):
        """The line's key among all versions, as desks and interactions keep it."""
        return f"{self.id}:{line['key']}"

    @api.private
    def _legal_missing(self, disposition, confirmed):
        """Legal lines of these versions that this result wanted said and that nobody
        confirmed; none where nobody was reached.

        What one version's line confirms need not be said again for another's.

        :param confirmed: keys as ``_line_key`` makes them
        :return: lines as in ``legal_lines``, with the version's ``key``
        """
        due = disposition._legal_moments()
        confirmed = set(confirmed or ())
        missing = []
        for version in self:
            said = {
                line["requirement"]
                for other in self - version
                for line in other.legal_lines or []
                if other._line_key(line) in confirmed
            } - {"other"}
            for line in version.legal_lines or []:
                key = version._line_key(line)
                if (
                    line["when"] in due
                    and key not in confirmed
                    and line["requirement"] not in said
                ):
                    missing.append({**line, "key": key})
        return missing
