from odoo import api, fields, models
from odoo.exceptions import UserError


class ResCompany(models.Model):
    _inherit = "res.company"

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
        default=30,
        help="Files that were uploaded to load a database, and the ones given back "
        "with what was wrong, are deleted after these days.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        for company in companies:
            self.env["telemarketing.calling.rules"]._for(company)
        return companies

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
