from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..identity.text import fold


class TelemarketingDatabaseEmpty(models.TransientModel):
    """Asks twice before the people of a database are erased: by name, and again."""

    _name = "telemarketing.database.empty"
    _inherit = ["telemarketing.sight.mixin"]
    _description = "Empty a Database"
    _sight_fields = ("database_id",)

    database_id = fields.Many2one(
        "telemarketing.database", required=True, ondelete="cascade", readonly=True
    )
    people = fields.Integer(compute="_compute_counts")
    called = fields.Integer(compute="_compute_counts")
    clients = fields.Integer(compute="_compute_counts")
    elsewhere = fields.Integer(compute="_compute_counts")
    delete = fields.Boolean("Delete the Database, Too", default=True)
    typed_name = fields.Char("Write the Name of the Database")

    @api.depends("database_id")
    def _compute_counts(self):
        for wizard in self:
            database = wizard.database_id
            if not database:
                wizard.people = wizard.called = 0
                wizard.clients = wizard.elsewhere = 0
                continue
            database.check_access("read")
            self.env.flush_all()
            self.env.cr.execute(
                """SELECT count(*),
                          count(*) FILTER (WHERE EXISTS (
                              SELECT 1 FROM telemarketing_interaction i
                              WHERE i.contact_id = c.id) OR EXISTS (
                              SELECT 1 FROM telemarketing_consent k
                              WHERE k.contact_id = c.id)),
                          count(*) FILTER (WHERE c.partner_id IS NOT NULL),
                          count(*) FILTER (WHERE EXISTS (
                              SELECT 1 FROM telemarketing_target t
                              WHERE t.contact_id = c.id
                                AND t.campaign_id <> %(campaign)s
                                AND t.state NOT IN ('done', 'excluded')))
                   FROM telemarketing_contact c
                   WHERE c.database_id = %(database)s AND c.erased_at IS NULL""",
                {"database": database.id, "campaign": database.campaign_id.id},
            )
            (wizard.people, wizard.called, wizard.clients, wizard.elsewhere) = (
                self.env.cr.fetchone()
            )

    def action_confirm(self):
        """Start the work; from here there is no way back."""
        self.ensure_one()
        if not self.env.su and self.env.user.telemarketing_only_agent:
            raise AccessError(self.env._("Agents delete nobody."))
        self._check_in_sight()
        if fold(self.typed_name or "") != fold(self.database_id.name):
            raise UserError(
                self.env._(
                    "Write “%s” to confirm that it is this database.",
                    self.database_id.name,
                )
            )
        self.database_id._start_emptying(self.delete)
        return {"type": "ir.actions.act_window_close"}
