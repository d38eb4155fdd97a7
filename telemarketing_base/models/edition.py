from odoo import api, fields, models


class TelemarketingEdition(models.Model):
    """An edition (PRO, ADV, ELITE) as an edition module describes it.

    ``code`` is a value of ``res.company.telemarketing_edition``; a company has
    the features of its edition and of those with a lower sequence.
    """

    _name = "telemarketing.edition"
    _description = "Telemarketing Edition"
    _order = "sequence, id"

    name = fields.Char(required=True)
    code = fields.Char(required=True)
    sequence = fields.Integer(required=True, default=10)
    module_names = fields.Char(
        help="Technical names, separated by commas, of the modules that come with "
        "this edition. Those not on the addons path are skipped.",
    )
    feature_ids = fields.One2many("telemarketing.feature", "edition_id")

    _code_uniq = models.UniqueIndex("(code)", "An edition with this code exists.")

    def _modules(self, state):
        """Modules that these editions name and are on the addons path, in a state."""
        names = {
            name.strip()
            for edition in self
            for name in (edition.module_names or "").split(",")
            if name.strip()
        }
        return (
            self.env["ir.module.module"]
            .sudo()
            .search([("name", "in", sorted(names)), ("state", "=", state)])
        )

    @api.model
    def _waiting_modules(self):
        """What ``_install_missing`` asked for and is not installed yet."""
        return self.search([("module_names", "!=", False)])._modules("to install")

    def _install_missing(self):
        """Ask Odoo to install what these editions name and is on the addons path."""
        missing = self._modules("uninstalled")
        if missing:
            missing.button_install()
        return missing

    def _give_to_companies(self, module):
        """An edition module is installed: companies that have no edition get its.

        One that has an edition keeps it; moving up or down is chosen in the settings.
        When a higher edition is being installed in the same step, nothing: its turn
        comes.

        :param str module: technical name of the module that brings this edition
        """
        self.ensure_one()
        own = self.env["ir.module.module"].search([("name", "=", module)])
        above = own.downstream_dependencies(exclude_states=("uninstalled",))
        if above.filtered(
            lambda m: m.state == "to install" and m.category_id == own.category_id
        ):
            return
        without = (
            self.env["res.company"]
            .with_context(active_test=False)
            .search([("telemarketing_edition", "=", False)])
        )
        without.telemarketing_edition = self.code


class TelemarketingFeature(models.Model):
    """A gated feature and the lowest edition that has it."""

    _name = "telemarketing.feature"
    _description = "Telemarketing Feature"
    _order = "key"

    key = fields.Char(required=True)
    name = fields.Char(required=True, translate=True)
    edition_id = fields.Many2one(
        "telemarketing.edition", required=True, ondelete="cascade", index=True
    )

    _key_uniq = models.UniqueIndex("(key)", "A feature belongs to one edition.")

    @api.model
    def _lowest_edition(self, key):
        return self.sudo().search([("key", "=", key)], limit=1).edition_id
