import re

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..importing import Limits
from .required import DEFAULT as REQUIRED
from .required import check_required
from .robinson_client import ENDPOINT, is_safe

#: What any company may allow. Whoever looks for a person in files that were loaded
#: reads by these: a limit lowered since then must not hide anybody.
MOST = Limits(
    size=500 * 1024 * 1024,
    expanded=6000 * 1024 * 1024,
    cells=20_000_000,
    cell=1024 * 1024,
    text=1024 * 1024 * 1024,
)


class ResCompany(models.Model):
    _inherit = "res.company"

    telemarketing_article_mapping = fields.Json(
        help="What each heading of a file of articles was at the last load."
    )
    telemarketing_edition = fields.Selection(
        selection=[],
        help="PRO, ADV or ELITE. Without an edition module every feature is there.",
    )
    telemarketing_search_cap = fields.Integer(
        string="Searches per Hour",
        default=120,
        help="How many searches for people an agent may make in an hour.",
    )
    telemarketing_erase_uploads_days = fields.Integer(
        string="Days to Keep Uploaded Files",
        compute="_compute_telemarketing_erase_uploads_days",
        inverse="_inverse_telemarketing_erase_uploads_days",
        help="Files that were uploaded to load a database, and the ones given back "
        "with what was wrong, are deleted after these days: the days of their "
        "retention rule.",
    )

    telemarketing_required_fields = fields.Char(
        string="Required of a Person",
        default=REQUIRED,
        help="What new databases ask for; each can have its own.",
    )
    telemarketing_import_mb = fields.Integer(
        string="Largest File (MB)",
        default=50,
        help="Of workbooks. CSV files are read as a stream and may be of any size.",
    )
    telemarketing_import_cells = fields.Integer(
        string="Most Cells of a Sheet", default=2_000_000
    )
    telemarketing_import_cell_kb = fields.Integer(
        string="Longest Cell (kB)",
        default=32,
        help="Excel itself takes no more than 32.",
    )

    # The keys sign for us: nobody reads them but administrators, and nobody else
    # decides where signed requests go.
    telemarketing_robinson_endpoint = fields.Char(
        "Address of the Lista Robinson",
        default=ENDPOINT,
        groups="base.group_system",
    )
    telemarketing_robinson_key = fields.Char(
        "Robinson Access Key", copy=False, groups="base.group_system"
    )
    telemarketing_robinson_secret = fields.Char(
        "Robinson Secret", copy=False, groups="base.group_system"
    )
    telemarketing_robinson_all = fields.Boolean(
        "Consult All Numbers",
        groups="base.group_system",
        help="Of every person to be called, also where the law does not ask for it.",
    )
    telemarketing_robinson_ahead_days = fields.Integer(
        "Consult Again Before",
        default=3,
        groups="base.group_system",
        help="So many days before a consultation gets too old.",
    )

    @api.constrains("telemarketing_required_fields")
    def _check_telemarketing_required_fields(self):
        for company in self:
            check_required(company.env, company.telemarketing_required_fields)

    @api.constrains(
        "telemarketing_import_mb",
        "telemarketing_import_cells",
        "telemarketing_import_cell_kb",
    )
    def _check_telemarketing_import_limits(self):
        """A file is opened whole: limits that nobody can mean fill the memory."""
        for company in self:
            for value, most, what in (
                (company.telemarketing_import_mb, 500, self.env._("Largest File (MB)")),
                (
                    company.telemarketing_import_cells,
                    20_000_000,
                    self.env._("Most Cells of a Sheet"),
                ),
                (
                    company.telemarketing_import_cell_kb,
                    1024,
                    self.env._("Longest Cell (kB)"),
                ),
            ):
                if not 1 <= value <= most:
                    raise ValidationError(
                        self.env._(
                            "%(what)s: write a number from 1 to %(most)s.",
                            what=what,
                            most=most,
                        )
                    )

    @api.private
    def _telemarketing_limits(self):
        """What a file to be loaded may measure.

        :return: ``importing.Limits``; the kernel's own where no company is named
        """
        if not self:
            return Limits()
        self.ensure_one()
        company = self.sudo()
        size = company.telemarketing_import_mb * 1024 * 1024
        return Limits(
            size=size,
            expanded=max(Limits.expanded, 12 * size),
            text=max(Limits.text, size),
            cells=company.telemarketing_import_cells,
            # Excel counts characters and stops one short of 32 × 1024.
            cell=company.telemarketing_import_cell_kb * 1024 - 1,
        )

    @api.constrains(
        "telemarketing_robinson_endpoint",
        "telemarketing_robinson_key",
        "telemarketing_robinson_secret",
    )
    def _check_telemarketing_robinson(self):
        for company in self:
            endpoint = company.telemarketing_robinson_endpoint
            if endpoint and not is_safe(endpoint):
                raise ValidationError(
                    self.env._(
                        "The address of the Lista Robinson must begin with https://."
                    )
                )
            for value in (
                company.telemarketing_robinson_key,
                company.telemarketing_robinson_secret,
            ):
                if value and not re.fullmatch(r"[!-~]+", value):
                    raise ValidationError(
                        self.env._(
                            "A key of the Lista Robinson has no spaces and no accents: "
                            "copy it again."
                        )
                    )

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        for company in companies:
            self.env["telemarketing.calling.rules"]._for(company)
        # Who opted out in Odoo opted out of the new company's calls, too.
        self.env["telemarketing.exclusion"].sudo()._take_blacklist(companies)
        self.env["telemarketing.retention.rule"]._create_missing(companies)
        return companies

    def _compute_telemarketing_erase_uploads_days(self):
        for company in self:
            rule = self.env["telemarketing.retention.rule"]._of(company, "upload")
            company.telemarketing_erase_uploads_days = rule.days

    def _inverse_telemarketing_erase_uploads_days(self):
        for company in self:
            rule = self.env["telemarketing.retention.rule"]._of(company, "upload")
            if rule.days != company.telemarketing_erase_uploads_days:
                rule.days = company.telemarketing_erase_uploads_days

    telemarketing_evidence_days = fields.Integer(
        string="Days to Keep Evidence Files",
        default=30,
        help="Files with the evidence of a campaign's calls are deleted after these "
        "days; they can be made anew.",
    )

    @api.private
    def _telemarketing_has(self, feature):
        """Does this company's edition have the feature?

        :param str feature: key of a ``telemarketing.feature``
        :return: True where no edition module is installed, and for features that
            no edition names
        """
        self.ensure_one()
        if not self._fields["telemarketing_edition"].get_values(self.env):
            return True
        needed = self.env["telemarketing.feature"]._lowest_edition(feature)
        if not needed:
            return True
        current = (
            self.env["telemarketing.edition"]
            .sudo()
            .search([("code", "=", self.sudo().telemarketing_edition)], limit=1)
        )
        return bool(current) and current.sequence >= needed.sequence

    @api.private
    def _telemarketing_require(self, feature, what):
        """Raise a sentence that names the edition needed unless the feature is there.

        :param str what: translated subject of the sentence, e.g. "A second campaign
            at the same time"
        """
        self.ensure_one()
        if self._telemarketing_has(feature):
            return
        needed = self.env["telemarketing.feature"]._lowest_edition(feature)
        raise UserError(
            self.env._(
                "%(what)s needs the edition %(edition)s; %(company)s has "
                "%(current)s. An administrator can change the edition in the "
                "telemarketing settings.",
                what=what,
                edition=needed.name,
                company=self.name,
                current=(self.telemarketing_edition or "-").upper(),
            )
        )

    def write(self, vals):
        if vals.get("telemarketing_edition"):
            target = self.env["telemarketing.edition"].search(
                [("code", "=", vals["telemarketing_edition"])], limit=1
            )
            up_to = self.env["telemarketing.edition"].search(
                [("sequence", "<=", target.sequence)]
            )
            up_to._install_missing()
        return super().write(vals)
