from odoo import api, fields, models


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
        sanitize_overridable=False,
        help="Placeholders: {agente} {nombre} {empresa} {centro} {identificación} "
        "{campaña} {ciudad} {dirección} {perfil.x}. "
        "Each save makes a new version.",
    )
    confirm_lines = fields.Text(
        "Lines to Confirm",
        compute="_compute_body",
        inverse="_inverse_body",
        help="One a line: what the agent must tick as read.",
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

    def _inverse_body(self):
        for script in self:
            last = script._latest()
            if last and (last.body, last.confirm_lines or "") == (
                script.body,
                script.confirm_lines or "",
            ):
                continue
            self.env["telemarketing.script.version"].create(
                {
                    "script_id": script.id,
                    "number": last.number + 1,
                    "body": script.body,
                    "confirm_lines": script.confirm_lines,
                }
            )


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
    company_id = fields.Many2one(related="script_id.company_id")

    _number_uniq = models.UniqueIndex(
        "(script_id, number)", "This version of the script exists."
    )

    @api.depends("script_id.name", "number")
    def _compute_display_name(self):
        for version in self:
            version.display_name = f"{version.script_id.name} v{version.number}"

    @api.private
    def _confirm_list(self):
        """``[{key, text}]``; the key is the line's place, stable within a version."""
        self.ensure_one()
        lines = [line.strip() for line in (self.confirm_lines or "").splitlines()]
        return [
            {"key": str(place), "text": line}
            for place, line in enumerate(line for line in lines if line)
        ]
