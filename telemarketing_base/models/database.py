from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..identity.text import fold
from ..importing.cleaning import DATED
from .consent import spanish_day
from .required import check_required, required_choices, required_names

# Rows touched by one UPDATE: short enough that a lease never waits long for it.
CHUNK = 20_000


class TelemarketingDatabase(models.Model):
    """A loaded file of raw contacts; of one campaign. Switched off, no call and no
    callback comes from its people in any campaign."""

    _name = "telemarketing.database"
    _inherit = ["telemarketing.database.empty.mixin"]
    _description = "Contact Database"
    _order = "id desc"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    switched_on = fields.Boolean(
        "On",
        default=True,
        help="Off: no call nor callback comes from its people, in any campaign.",
    )
    campaign_id = fields.Many2one(
        "telemarketing.campaign",
        required=True,
        index=True,
        ondelete="restrict",
    )
    company_id = fields.Many2one(
        related="campaign_id.company_id", store=True, index=True, precompute=True
    )
    principal_id = fields.Many2one(
        related="campaign_id.principal_id", store=True, precompute=True
    )
    training = fields.Boolean(
        related="campaign_id.training",
        store=True,
        precompute=True,
        string="Invented People",
        help="Of a training campaign: nobody in it exists.",
    )
    contact_ids = fields.One2many("telemarketing.contact", "database_id")
    import_ids = fields.One2many("telemarketing.import", "database_id")
    inbound = fields.Boolean(
        "Written Down at the Desk",
        readonly=True,
        copy=False,
        default=False,
        help="Its people called or were written down by an agent; one per campaign. "
        "Each is called on the ground that was stated, and on none otherwise.",
    )
    _one_inbound = models.UniqueIndex(
        "(campaign_id) WHERE inbound",
        "The campaign already has a database of who calls.",
    )
    legal_basis = fields.Selection(
        [
            ("consent", "Consent"),
            ("client", "Existing client, similar product"),
            ("legal_person", "Legal persons and professionals as such"),
            ("request", "They asked for it"),
        ],
        help="Why these people may be called (LGTel art. 66.1.b).",
    )
    basis_date = fields.Date(help="Of the consent or the request.")
    origin = fields.Selection(
        [
            ("list", "Given by the people or by the client company"),
            ("directory", "A public directory"),
            ("generated", "Numbers made at random"),
        ],
        "Origin of the Numbers",
        required=True,
        default="list",
        help="Numbers made at random are never called without consent, those of a "
        "directory only if it says that its people want such calls (Circular AEPD "
        "1/2023 art. 2).",
    )
    basis_source = fields.Char(help="Where it was given: form, contract, event…")
    required_fields = fields.Char(
        default=lambda self: self.env.company.telemarketing_required_fields,
        help="What a person must have to be loaded or created.",
    )
    # Not a value: what the form offers.
    required_choice = fields.Selection(
        selection=lambda self: required_choices(self.env), store=False
    )
    column_mapping = fields.Json(
        help="What each heading was mapped to at the last load; offered next time."
    )
    update_headings = fields.Json(
        help="Folded headings of the columns that updated people at the last load."
    )
    has_mapping = fields.Boolean(compute="_compute_has_mapping")
    key_headings = fields.Json(
        help="Folded headings of the columns that are the client's key."
    )
    match_phone = fields.Boolean("By Phone", default=True)
    match_vat = fields.Boolean("By NIF", default=True)
    match_email = fields.Boolean("By Mail", default=True)
    contact_count = fields.Integer("Loaded", compute="_compute_counts")
    assigned_count = fields.Integer("Assigned", compute="_compute_counts")
    contacted_count = fields.Integer("Contacted", compute="_compute_counts")
    converted_count = fields.Integer("Converted", compute="_compute_counts")

    @api.depends("column_mapping")
    def _compute_has_mapping(self):
        for database in self:
            database.has_mapping = bool(database.column_mapping)

    @api.private
    def _remember_columns(self, columns, mapping):
        """What each column was, for the next file; others keep theirs.

        :param columns: ``telemarketing.import.column``
        :param mapping: their targets as the kernel names them
        """
        if not self:
            return
        self.ensure_one()
        remembered = dict(self.column_mapping or {})
        updated = set(self.update_headings or [])
        for column, target in zip(columns, mapping, strict=True):
            key = fold(column.heading or "")
            if not key:
                continue
            remembered[key] = target
            (updated.add if column.is_updated else updated.discard)(key)
        self.write({"column_mapping": remembered, "update_headings": sorted(updated)})

    @api.private
    def _forget_mapping(self):
        self.check_access("write")
        self.sudo().write({"column_mapping": False, "update_headings": False})

    def action_forget_mapping(self):
        """The next file's columns are proposed by their headings alone."""
        self._forget_mapping()
        return True

    def _compute_counts(self):
        counts = self.env["telemarketing.campaign"]._target_counts(
            "database_id", self.ids
        )
        for database in self:
            (
                database.contact_count,
                database.assigned_count,
                database.contacted_count,
                database.converted_count,
            ) = counts.get(database.id, (0, 0, 0, 0))

    @api.constrains("required_fields")
    def _check_required_fields(self):
        for database in self:
            check_required(database.env, database.required_fields)

    @api.private
    def _required_names(self):
        """Names of the fields, as the kernel knows them; the telephone first."""
        return required_names(self.required_fields)

    @api.constrains("legal_basis", "basis_date", "basis_source")
    def _check_basis(self):
        """A consent or a request that nobody can date or place proves nothing."""
        for database in self:
            if database.legal_basis in DATED and not (
                database.basis_date and (database.basis_source or "").strip()
            ):
                raise ValidationError(
                    self.env._(
                        "Say when and where these people gave their consent or asked "
                        "for the call: it is what an inspector asks for first."
                    )
                )
            today = spanish_day(self.env["telemarketing.clock"]._now())
            if database.basis_date and database.basis_date > today:
                raise ValidationError(
                    self.env._("The date of the legal basis is in the future.")
                )

    def write(self, vals):
        if "campaign_id" in vals:
            for database in self:
                if (
                    database.campaign_id.id != vals["campaign_id"]
                    and database._has_people()
                ):
                    raise UserError(
                        self.env._(
                            "%s has people in it: move them to a database of the "
                            "other campaign instead of moving the database.",
                            database.name,
                        )
                    )
        result = super().write(vals)
        if {"legal_basis", "basis_date", "origin"} & set(vals):
            self.flush_recordset()
            self.env["telemarketing.consent"]._refresh_databases(self, gate=False)
            self.env["telemarketing.target"]._refresh_gate(
                campaigns=self.campaign_id,
                reason=self.env._("Legal basis of %s", self[:1].name),
            )
        if "switched_on" in vals or "active" in vals:
            # The lease asks the switch itself at once; the flag on the targets,
            # which keeps it from wading through them, follows in chunks.
            self.env.ref("telemarketing_base.cron_database_switch").sudo()._trigger()
        return result

    def _has_people(self):
        contacts = self.env["telemarketing.contact"].sudo()
        return bool(
            contacts.with_context(active_test=False).search_count(
                [("database_id", "in", self.ids)], limit=1
            )
        )

    @api.ondelete(at_uninstall=False)
    def _unlink_only_empty(self):
        for database in self:
            if database._has_people():
                raise UserError(
                    self.env._(
                        "%s still has people. Delete them or move them to another "
                        "database first.",
                        database.name,
                    )
                )
            if watches := database._watches():
                raise UserError(
                    self.env._(
                        "The watched folder %(watch)s loads into %(database)s, and "
                        "its files lie on the disk: let it load into another database "
                        "first, or erase the people of this one and have it deleted "
                        "with its files.",
                        watch=watches[0].name,
                        database=database.name,
                    )
                )

    def action_download_original(self):
        """The files of its people, as they were loaded."""
        return self.env["telemarketing.original"]._action(self, "database_id")

    @api.private
    def _open_original(self):
        """See ``telemarketing.original._open``."""
        return self.env["telemarketing.original"]._open(self, "database_id")

    def action_view_targets(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "telemarketing_base.action_telemarketing_target"
        )
        action["domain"] = [("database_id", "=", self.id)]
        return action

    def action_import(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "telemarketing.import",
            "view_mode": "form",
            "name": self.env._("Load a File"),
            "context": {"default_database_id": self.id},
        }

    def action_distribute(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "telemarketing.distribute",
            "view_mode": "form",
            "target": "new",
            "name": self.env._("Share Out"),
            "context": {"default_database_id": self.id},
        }

    @api.model
    def _cron_apply_switch(self):
        """Bring ``live`` of the targets in line with their database's switch."""
        cr = self.env.cr
        self.env.flush_all()
        cr.execute(
            """SELECT count(*) FROM telemarketing_target t
               JOIN telemarketing_contact c ON c.id = t.contact_id
               JOIN telemarketing_database d ON d.id = c.database_id
               WHERE t.live IS DISTINCT FROM (d.switched_on AND d.active)"""
        )
        remaining = cr.fetchone()[0]
        while remaining > 0:
            cr.execute(
                """UPDATE telemarketing_target t
                   SET live = picked.live
                   FROM (SELECT t.id, (d.switched_on AND d.active) AS live
                         FROM telemarketing_target t
                         JOIN telemarketing_contact c ON c.id = t.contact_id
                         JOIN telemarketing_database d ON d.id = c.database_id
                         WHERE t.live IS DISTINCT FROM (d.switched_on AND d.active)
                         LIMIT %s FOR UPDATE OF t SKIP LOCKED) picked
                   WHERE t.id = picked.id""",
                [CHUNK],
            )
            if not cr.rowcount:
                break
            remaining -= cr.rowcount
            self.env["telemarketing.target"].invalidate_model(["live"])
            if self.env.context.get("cron_id"):
                self.env["ir.cron"]._commit_progress(cr.rowcount, remaining=remaining)
