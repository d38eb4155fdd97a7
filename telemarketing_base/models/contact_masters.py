from odoo import api, fields, models
from odoo.exceptions import ValidationError


class TelemarketingContactCategory(models.Model):
    _name = "telemarketing.contact.category"
    _description = "Contact Category"
    _order = "name"

    name = fields.Char(required=True, translate=True)
    color = fields.Integer()
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")


class TelemarketingContactType(models.Model):
    _name = "telemarketing.contact.type"
    _description = "Contact Type"
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")


class TelemarketingZone(models.Model):
    """A set of provinces and of postcodes or postcode beginnings."""

    _name = "telemarketing.zone"
    _description = "Zone"
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(
        default=10, help="The first zone that a postcode fits is the contact's."
    )
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")
    state_ids = fields.Many2many("res.country.state", string="Provinces")
    postcodes = fields.Char(
        help="Postcodes or their first digits, separated by spaces: 28 46002 461"
    )
    user_ids = fields.Many2many(
        "res.users",
        "telemarketing_zone_user_rel",
        "zone_id",
        "user_id",
        "Visited by",
        domain="[('share', '=', False)]",
        help="Agents book visits in this zone with these people, and with whoever has "
        "no zone at all.",
    )

    @api.constrains("postcodes")
    def _check_postcodes(self):
        for zone in self:
            for token in (zone.postcodes or "").split():
                if not (token.isascii() and token.isdigit() and 2 <= len(token) <= 5):
                    raise ValidationError(
                        self.env._(
                            "Zone %(zone)s: “%(token)s” is not a postcode nor its "
                            "first two to five digits.",
                            zone=zone.name,
                            token=token,
                        )
                    )

    @api.private
    def _match(self, zip_code, state):
        """First zone of ``self`` (in its order) that holds this place, or none.

        :param str|False zip_code: five digits
        :param state: ``res.country.state`` record, may be empty
        """
        for zone in self:
            if state and state in zone.state_ids:
                return zone
            tokens = (zone.postcodes or "").split()
            if zip_code and any(zip_code.startswith(token) for token in tokens):
                return zone
        return self.browse()
