from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..identity.nif import parse_nif
from ..identity.phone import format_phone, mask_phone, parse_phone
from ..identity.postcode import PROVINCES, parse_postcode
from .derived import DerivedMany2one
from .target import CLOSED
from .training import INVENTED

PENINSULA = "Europe/Madrid"


class TelemarketingContact(models.Model):
    """A person or firm as telemarketing knows it: raw until a call qualifies it.

    Light on purpose (no chatter): a million of them must not slow Odoo.
    """

    _name = "telemarketing.contact"
    _inherit = [
        "telemarketing.training.contact.mixin",
        "telemarketing.contact.hand.mixin",
        "telemarketing.action.mixin",
        "telemarketing.subject.mixin",
    ]
    _description = "Contact"
    _order = "id"

    name = fields.Char(index="trigram")
    database_id = fields.Many2one(
        "telemarketing.database",
        required=True,
        index=True,
        ondelete="restrict",
        default=lambda self: self._last_database(),
    )
    campaign_id = DerivedMany2one(
        related="database_id.campaign_id", store=True, index=True, precompute=True
    )
    company_id = DerivedMany2one(
        related="database_id.company_id", store=True, precompute=True
    )
    principal_id = fields.Many2one(
        related="database_id.principal_id",
        store=True,
        index="btree_not_null",
        precompute=True,
    )
    active = fields.Boolean(default=True)
    vat = fields.Char("NIF", index="btree_not_null")
    is_company = fields.Boolean()
    street = fields.Char("Address")
    zip = fields.Char("Postcode")
    city = fields.Char()
    state_id = fields.Many2one("res.country.state", "Province")
    country_id = fields.Many2one("res.country")
    email = fields.Char(index="btree_not_null")
    birthdate = fields.Date()
    lang = fields.Char("Language")
    tz = fields.Char("Time Zone", compute="_compute_tz")
    note = fields.Text("Remarks")
    legal_basis = fields.Selection(
        selection=lambda self: (
            self.env["telemarketing.database"]
            ._fields["legal_basis"]
            ._description_selection(self.env)
        ),
        help="Why this person may be called. Empty: as its database says.",
    )
    basis_date = fields.Date(help="Of the request, or of the consent in the file.")
    basis_source = fields.Char()
    consented_on = fields.Date(
        readonly=True,
        help="Last consent to commercial calls that still stands, by the ledger.",
    )
    robot_consented_on = fields.Date(
        readonly=True, help="The same for calls without a human (LGTel art. 66.1.a)."
    )
    client_until = fields.Date(help="End of the contract. Empty: it goes on.")
    interacted_on = fields.Date(
        "Last Interaction", help="Last thing that the person did or asked."
    )
    is_professional = fields.Boolean(
        "Professional as Such", help="Sole trader or professional, called as one."
    )
    client_key = fields.Char(
        "Client's Key",
        help="By which the client company knows the person; of one or several columns.",
    )
    iban = fields.Char(
        "IBAN", groups="telemarketing_base.group_supervisor", help="As loaded, checked."
    )
    merged_into_id = fields.Many2one(
        "telemarketing.contact",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="Archived: what it had is there. It keeps the row as it was loaded.",
    )
    merged_ids = fields.One2many(
        "telemarketing.contact",
        "merged_into_id",
        "Merged With",
        context={"active_test": False},
    )
    merged_count = fields.Integer(compute="_compute_merged_count")
    category_ids = fields.Many2many("telemarketing.contact.category")
    type_id = fields.Many2one("telemarketing.contact.type")
    zone_id = fields.Many2one("telemarketing.zone", compute="_compute_zone_id")
    phone_ids = fields.One2many("telemarketing.contact.phone", "contact_id")
    phone = fields.Char("Main Phone", compute="_compute_phone", search="_search_phone")
    partner_id = fields.Many2one(
        "res.partner", "Prospect or Client", index="btree_not_null", readonly=True
    )
    lead_id = fields.Many2one(
        "crm.lead", "Opportunity", index="btree_not_null", readonly=True
    )
    funnel_stage = fields.Selection(related="partner_id.funnel_stage")
    required_fields = fields.Char(related="database_id.required_fields")
    target_ids = fields.One2many("telemarketing.target", "contact_id")
    interaction_ids = fields.One2many("telemarketing.interaction", "contact_id")
    consent_ids = fields.One2many("telemarketing.consent", "contact_id")
    contact_properties = fields.Properties(
        "Extra Columns", definition="campaign_id.contact_properties_definition"
    )
    raw_values = fields.Json(
        readonly=True, help="The row as it was loaded, heading by heading."
    )
    import_id = fields.Many2one(
        "telemarketing.import", readonly=True, index="btree_not_null"
    )
    import_row = fields.Integer(readonly=True)
    erased_at = fields.Datetime(
        readonly=True, help="Emptied then: its calls stay as figures, nobody's."
    )

    _client_key_idx = models.Index(
        "(client_key, database_id) WHERE client_key IS NOT NULL"
    )

    # COMPUTES

    @api.depends("name", "phone_ids.e164", "campaign_id.mask_numbers", "erased_at")
    def _compute_display_name(self):
        for contact in self:
            phone = contact.phone or ""
            if phone and contact.campaign_id.mask_numbers:
                phone = mask_phone(contact.phone_ids[:1].e164 or "")
            unnamed = (
                self.env._("Erased person")
                if contact.erased_at
                else self.env._("Unnamed")
            )
            contact.display_name = contact.name or phone or unnamed

    @api.depends("phone_ids.e164", "phone_ids.sequence")
    def _compute_phone(self):
        # At once: a slice forgets with whom it was read.
        self.phone_ids.fetch(["e164", "raw"])
        for contact in self:
            phone = contact.phone_ids[:1]
            contact.phone = format_phone(phone.e164) if phone.e164 else phone.raw

    def _search_phone(self, operator, value):
        if operator not in ("=", "ilike", "in"):
            return NotImplemented
        values = [value] if isinstance(value, str) else list(value)
        parsed = [parse_phone(text) for text in values if isinstance(text, str)]
        numbers = [phone.e164 for phone in parsed if phone]
        if numbers:
            return [("phone_ids.e164", "in", numbers)]
        if operator == "ilike" and values:
            return [("phone_ids.raw", "ilike", values[0])]
        return [("phone_ids.raw", "in", values)]

    @api.depends("merged_ids")
    def _compute_merged_count(self):
        counts = dict(
            self.with_context(active_test=False)._read_group(
                [("merged_into_id", "in", self.ids)], ["merged_into_id"], ["__count"]
            )
        )
        for contact in self:
            contact.merged_count = counts.get(contact, 0)

    @api.private
    def _with_merged(self):
        """These, those that they were merged into and all merged into those: what is
        known of one person; with sudo."""
        contacts = self.sudo().with_context(active_test=False)
        kept = contacts | contacts.merged_into_id
        return kept | contacts.search([("merged_into_id", "in", kept.ids)])

    @api.depends("zip")
    def _compute_tz(self):
        for contact in self:
            place = parse_postcode(contact.zip) if contact.zip else None
            contact.tz = place.tz if place else PENINSULA

    @api.depends("zip", "state_id")
    def _compute_zone_id(self):
        companies = [False, *self.company_id.ids]
        zones = (
            self.env["telemarketing.zone"]
            .sudo()
            .search([("company_id", "in", companies)])
        )
        for contact in self:
            usable = zones.filtered(
                lambda z, c=contact: (
                    z.company_id in (c.company_id, c.env["res.company"])
                )
            )
            contact.zone_id = usable._match(contact.zip, contact.state_id)

    # CRUD

    @api.constrains("vat", "country_id")
    def _check_vat(self):
        for contact in self:
            spanish = not contact.country_id or contact.country_id.code == "ES"
            if contact.vat and spanish and not parse_nif(contact.vat):
                raise ValidationError(
                    self.env._(
                        "NIF %s is not valid: check its digits and its letter.",
                        contact.vat,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        operators = [vals.pop("operator_id", False) for vals in vals_list]
        for vals in vals_list:
            self._tidy_values(vals)
            if vals.get("contact_properties") and vals.get("database_id"):
                # Odoo drops properties whose container is not among the values.
                database = self.env["telemarketing.database"].browse(
                    vals["database_id"]
                )
                vals["campaign_id"] = database.campaign_id.id
        contacts = super().create(vals_list)
        self.env["telemarketing.consent"]._refresh_contacts(contacts.ids, gate=False)
        if not self.env.context.get("telemarketing_no_target"):
            contacts._create_targets()
            for contact, operator in zip(contacts, operators, strict=True):
                if operator:
                    contact.with_context(
                        telemarketing_new_contact=True
                    ).operator_id = operator
        if not self.env.su:
            contacts._check_required()
        return contacts

    # Facts that the answer to "may we call?" rests on.
    _GATE_FIELDS = {
        *("is_company", "is_professional", "birthdate", "zip", "city", "state_id"),
        *("country_id", "legal_basis", "basis_date", "consented_on", "active"),
        "database_id",
        *("robot_consented_on", "client_until", "interacted_on"),
    }
    # What the ledger finds a person by, and the file's own word.
    _CONSENT_FIELDS = {
        *("legal_basis", "basis_date", "database_id", "partner_id", "vat"),
    }

    def write(self, vals):
        self._tidy_values(vals)
        result = super().write(vals)
        if not self.env.su:
            self._check_required(self._emptied(vals))
        if self._CONSENT_FIELDS & set(vals):
            self.env["telemarketing.consent"]._refresh_contacts(self.ids)
        if "vat" in vals:
            # A NIF put right may have been what excluded them.
            self.env["telemarketing.target"]._revive(self)
        elif self._GATE_FIELDS & set(vals):
            self.env["telemarketing.target"]._refresh_gate(contacts=self)
        if "database_id" in vals:
            self.env.ref("telemarketing_base.cron_database_switch").sudo()._trigger()
        return result

    @api.model
    def _tidy_values(self, vals):
        """NIF and postcode in their one form; a postcode tells its province."""
        if vals.get("vat"):
            nif = parse_nif(vals["vat"])
            vals["vat"] = nif.number if nif else vals["vat"].strip().upper()
        if vals.get("zip"):
            place = parse_postcode(vals["zip"])
            if place:
                vals["zip"] = place.code
                if not vals.get("state_id"):
                    vals["state_id"] = self._state_of(place).id
        if vals.get("email"):
            vals["email"] = vals["email"].strip().lower()

    @api.model
    def _state_of(self, place):
        return self.env["res.country.state"].search(
            [
                ("country_id.code", "=", "ES"),
                ("code", "=", PROVINCES[place.province].state),
            ],
            limit=1,
        )

    def action_open_exclusions(self):
        """All that bars or barred the person: by name, by NIF, by their numbers."""
        self.ensure_one()
        merged = self._with_merged()
        who = fields.Domain("contact_id", "in", merged.ids) | fields.Domain(
            "number_id", "in", self.phone_ids.number_id.ids
        )
        if self.vat:
            who |= fields.Domain("vat", "=", self.vat)
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "telemarketing_base.action_telemarketing_exclusion"
            ),
            "domain": list(who),
            "context": {},
        }

    def action_open_merges(self):
        """What this contact was merged with, and by whom."""
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "telemarketing_base.action_telemarketing_merge"
            ),
            "domain": [
                "|",
                ("contact_id", "=", self.id),
                ("gone_contact_ids", "in", self.ids),
            ],
            "context": {"active_test": False},
        }

    @api.private
    def _create_targets(self, agent=None):
        """A target in the campaign of each contact that has none open there."""
        with_target = self.target_ids.filtered(
            lambda t: t.state not in CLOSED
        ).contact_id
        values = [
            self._prepare_target_values(contact, agent)
            for contact in self - with_target
        ]
        return self.env["telemarketing.target"].sudo().create(values)

    @api.model
    def _prepare_target_values(self, contact, agent=None):
        return {
            "contact_id": contact.id,
            "campaign_id": contact.campaign_id.id,
            "agent_id": agent.id if agent else False,
        }

    @api.private
    def _prepare_partner_values(self):
        """What the partner of a qualified contact is made of."""
        self.ensure_one()
        return {
            "name": self.name or self.phone,
            "is_company": self.is_company,
            "company_id": self.company_id.id,
            "vat": self.vat,
            "street": self.street,
            "zip": self.zip,
            "city": self.city,
            "state_id": self.state_id.id,
            "country_id": (self.country_id or self.env.ref("base.es")).id,
            "email": self.email,
            "phone": self.phone_ids[:1].e164,
            "lang": self.lang
            if self.lang in dict(self.env["res.lang"].get_installed())
            else False,
            "funnel_stage": "prospect",
            "telemarketing_principal_id": self.principal_id.id,
        }

    @api.private
    def _prepare_lead_values(self, campaign):
        """The opportunity of a qualified contact in this campaign."""
        self.ensure_one()
        return {
            "type": "opportunity",
            "name": f"{campaign.name}: {self.display_name}",
            "partner_id": self.partner_id.id,
            "company_id": self.company_id.id,
            "campaign_id": campaign.utm_campaign_id.id,
            "team_id": campaign.sale_team_id.id,
            "user_id": False,
            "telemarketing_campaign_id": campaign.id,
            **self._telemarketing_subjects(),
        }


class TelemarketingContactPhone(models.Model):
    """A contact's numbers in order, as they were given and linked to the number."""

    _name = "telemarketing.contact.phone"
    _description = "Contact Phone"
    _order = "sequence, id"
    _rec_name = "raw"

    contact_id = fields.Many2one(
        "telemarketing.contact", required=True, ondelete="cascade", index=True
    )
    company_id = DerivedMany2one(
        related="contact_id.company_id", store=True, precompute=True
    )
    sequence = fields.Integer(default=10)
    raw = fields.Char("Phone", required=True)
    e164 = fields.Char(index="btree_not_null", readonly=True)
    number_id = fields.Many2one(
        "telemarketing.number",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    kind = fields.Selection(related="number_id.kind")
    state = fields.Selection(
        [("ok", "In use"), ("bad", "Not this person's")], required=True, default="ok"
    )

    @api.depends("raw", "e164", "contact_id.campaign_id.mask_numbers")
    @api.depends_context("uid")
    def _compute_display_name(self):
        only_agent = self.env.user.telemarketing_only_agent
        for phone in self:
            if only_agent and phone.contact_id.campaign_id.mask_numbers:
                phone.display_name = mask_phone(phone.e164 or phone.raw)
            else:
                phone.display_name = (
                    format_phone(phone.e164) if phone.e164 else phone.raw
                )

    @api.model_create_multi
    def create(self, vals_list):
        contacts = self.env["telemarketing.contact"].browse(
            [vals["contact_id"] for vals in vals_list if vals.get("contact_id")]
        )
        company_of = {contact.id: contact.company_id for contact in contacts}
        for vals in vals_list:
            company = company_of.get(vals.get("contact_id"), self.env.company)
            if contacts._invents() and INVENTED.fullmatch(vals.get("e164") or ""):
                continue
            self._link_number(vals, company)
        if not contacts._invents():
            self._check_real(contacts)
        phones = super().create(vals_list)
        phones._refresh_targets()
        return phones

    def _refresh_targets(self):
        """Another number, or one put right: may the person be called now?"""
        self.env["telemarketing.consent"]._refresh_contacts(
            self.contact_id.ids, gate=False
        )
        # Who was excluded with a number that is no longer theirs comes back.
        self.env["telemarketing.target"]._revive(self.contact_id)

    @api.model
    def _check_real(self, contacts):
        if any(contact.database_id.training for contact in contacts.sudo()):
            raise UserError(
                self.env._("The numbers of invented people stay as they are.")
            )

    def write(self, vals):
        result = True
        if {"raw", "contact_id"} & set(vals):
            self._check_real(self.contact_id)
        if "raw" in vals:
            for phone in self:
                own = dict(vals)
                phone._link_number(own, phone.company_id)
                super(TelemarketingContactPhone, phone).write(own)
        else:
            result = super().write(vals)
        if {"raw", "state"} & set(vals):
            self._refresh_targets()
        return result

    def unlink(self):
        contacts = self.contact_id
        result = super().unlink()
        self.env["telemarketing.target"]._refresh_gate(contacts=contacts.exists())
        return result

    @api.model
    def _typed(self, text):
        """The ``Phone`` that somebody typed.

        :raise ValidationError: it is none, which it says
        """
        phone = parse_phone(text) if isinstance(text, str) and len(text) < 100 else None
        if not phone:
            raise ValidationError(
                self.env._(
                    "“%s” is not a telephone number. Write nine digits, or + and the "
                    "country's prefix.",
                    str(text or "")[:40],
                )
            )
        return phone

    @api.model
    def _link_number(self, vals, company):
        phone = self._typed(vals.get("raw"))
        vals["e164"] = phone.e164
        vals["number_id"] = (
            self.env["telemarketing.number"]
            .sudo()
            ._get_or_create(company, [phone])[phone.e164]
        )
