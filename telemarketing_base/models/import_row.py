from odoo import fields, models


class TelemarketingImportChange(models.Model):
    """What a load changed in somebody who was there already, so that undoing it puts
    back what nobody has changed since. No one's to write by hand.

    ``old_values`` and ``new_values``: ``{column: value}`` as JSON has them; of extra
    columns ``{"contact_properties": {property: value}}``; ``new_values["phones"]``:
    ids of the numbers added. ``old_values`` empty: created by the load.
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
