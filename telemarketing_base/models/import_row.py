from odoo import fields, models


class TelemarketingImportRow(models.Model):
    """A row of a loaded file that did not load, or that loaded with something to say:
    what the returned file is made of."""

    _name = "telemarketing.import.row"
    _description = "Row Given Back"
    _order = "import_id desc, row, id"
    _rec_name = "reason"
    # Written by the hundred thousand, by nobody but the load that they hang from.
    _log_access = False

    import_id = fields.Many2one(
        "telemarketing.import", "File", required=True, readonly=True, ondelete="cascade"
    )
    row = fields.Integer(
        readonly=True, aggregator=None, help="As the spreadsheet numbers it."
    )
    kind = fields.Selection(
        [("bad", "Not loaded"), ("notice", "Loaded with a notice")],
        required=True,
        readonly=True,
    )
    raw = fields.Json("Cells", readonly=True, help="As they were written, in order.")
    reason = fields.Text(readonly=True)

    _import_idx = models.Index("(import_id, row)")


class TelemarketingImportChange(models.Model):
    """What a load changed in somebody who was there already, so that undoing it puts
    back what nobody has changed since. No one's to write by hand.

    ``old_values`` and ``new_values``: ``{column: value}`` as JSON has them; of extra
    columns ``{"contact_properties": {property: value}}``; ``new_values["phones"]``:
    ids of the numbers added; ``new_values["consents"]``: ids of the consents claimed,
    in the ledger. ``old_values`` empty: created by the load.
    """

    _name = "telemarketing.import.change"
    _description = "Change by a Loaded File"
    _order = "import_id, id"
    _rec_name = "row"

    import_id = fields.Many2one(
        "telemarketing.import",
        required=True,
        index=True,
        readonly=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(
        related="import_id.company_id", store=True, precompute=True
    )
    contact_id = fields.Many2one(
        "telemarketing.contact",
        index="btree_not_null",
        readonly=True,
        ondelete="cascade",
    )
    partner_id = fields.Many2one(
        "res.partner", index="btree_not_null", readonly=True, ondelete="cascade"
    )
    row = fields.Integer("Row of the File", readonly=True)
    old_values = fields.Json("Before", readonly=True)
    new_values = fields.Json("After", readonly=True)
    kept = fields.Boolean(
        "Not Put Back",
        readonly=True,
        help="By undoing the load: somebody has changed it again since.",
    )
