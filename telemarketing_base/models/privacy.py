"""What is known about a person, and how it is blocked, emptied and deleted.

GDPR arts. 15, 17, 20 and 28.3.g; LOPDGDD arts. 15.2 (identifiers that keep an
objection working) and 32 (blocking).
"""

from odoo import api, fields, models
from odoo.fields import Domain

from ..identity.email import parse_email
from ..identity.nif import parse_nif

# By which of a record's fields its principal is found, in this order.
_PRINCIPAL_PATHS = (
    "telemarketing_principal_id",
    "principal_id",
    "contact_id.principal_id",
    "campaign_id.principal_id",
    "telemarketing_campaign_id.principal_id",
    "database_id.principal_id",
    "interaction_id.principal_id",
    "recording_id.campaign_id.principal_id",
)
# Models that a person is found in by these links, whoever made the model.
_PERSON_LINKS = (
    "telemarketing.contact",
    "telemarketing.number",
    "telemarketing.target",
    "telemarketing.interaction",
)


class TelemarketingPrivacy(models.AbstractModel):
    """Finds a person in everything that telemarketing keeps.

    Private: every caller checks its own rights, then asks with ``sudo``.
    """

    _name = "telemarketing.privacy"
    _description = "What Is Known About a Person"

    # WHO

    @api.model
    def _key(self, phone="", vat="", email="", name=""):
        """What a person is searched by, each in its one form.

        :param phone: numbers in any form, separated by commas, semicolons or lines
        :return: ``{numbers: [E.164], vat, email, name}``
        :raise UserError: what is written is no number
        """
        numbers = []
        for text in (phone or "").replace(";", ",").replace("\n", ",").split(","):
            if not text.strip():
                continue
            parsed = self.env["telemarketing.contact.phone"]._typed(text.strip())
            numbers.append(parsed.e164)
        nif = parse_nif(vat) if vat else None
        return {
            "numbers": sorted(set(numbers)),
            "vat": nif.number if nif else (vat or "").strip().upper(),
            "email": parse_email(email) or (email or "").strip().lower(),
            "name": (name or "").strip(),
        }

    @api.model
    def _domain_of(self, key, numbers, vat, email, name):
        """Any of the key's parts, each by the field of that name ('' where none)."""
        escaped = key["name"].replace("\\", "\\\\")
        escaped = escaped.replace("%", "\\%").replace("_", "\\_")
        parts = []
        if key["numbers"] and numbers:
            parts.append(Domain(numbers, "in", key["numbers"]))
        if key["vat"] and vat:
            parts.append(Domain(vat, "in", [key["vat"], f"ES{key['vat']}"]))
        if key["email"] and email:
            parts.append(Domain(email, "=", key["email"]))
        if key["name"] and name:
            parts.append(Domain(name, "=ilike", escaped))
        return Domain.OR(parts)

    @api.model
    def _everything(self, model):
        return self.env[model].sudo().with_context(active_test=False)

    @api.model
    def _people(self, key, companies):
        """Contacts and partners that the key names, and those that these are."""
        Contact = self._everything("telemarketing.contact")
        Partner = self._everything("res.partner")
        # Invented people of a training are nobody's data, whatever they are called.
        own = Domain("company_id", "in", companies.ids)
        own &= Domain("database_id.training", "=", False)
        shared = Domain("company_id", "in", [False, *companies.ids])
        contacts = Contact.search(
            own & self._domain_of(key, "phone_ids.e164", "vat", "email", "name")
        )
        partners = Partner.search(
            shared
            & (
                self._domain_of(
                    key, "phone_sanitized", "vat", "email_normalized", "name"
                )
                | Domain("id", "in", contacts.partner_id.ids)
            )
        )
        # With the addresses that things are sent to; another contact is another person.
        partners |= Partner.search(
            shared
            & Domain("parent_id", "in", partners.ids)
            & Domain("type", "!=", "contact")
        )
        contacts |= Contact.search(own & Domain("partner_id", "in", partners.ids))
        # Who was merged is known by both records.
        return contacts._with_merged(), partners._telemarketing_with_merged()

    # WHAT

    @api.model
    def _find(self, key, companies, in_files=True):
        """Every record about who the key names, in these companies.

        :param dict key: of ``_key``
        :param bool in_files: read the stored files of imports too, row by row
        :return: ``{model: records}``, with sudo, archived ones too
        """
        contacts, partners = self._people(key, companies)
        numbers = self._everything("telemarketing.number").search(
            [("company_id", "in", companies.ids), ("e164", "in", key["numbers"])]
        )
        found = self._linked(contacts, partners, numbers, companies)
        if key["vat"]:
            # Also of somebody who is in no list (any more).
            found["telemarketing.exclusion"] |= self._everything(
                "telemarketing.exclusion"
            ).search([("company_id", "in", companies.ids), ("vat", "=", key["vat"])])
        found["telemarketing.search.log"] = self._search_logs(
            key, found["telemarketing.target"].ids, companies
        )
        needles = self._needles(key["numbers"], [key["vat"]], [key["email"]])
        imports = contacts.import_id
        if in_files:
            imports |= self._imports_with(needles, companies)
        found["telemarketing.import"] = imports
        by_key = self._domain_of(key, "phone_sanitized", "", "email_normalized", "")
        found["crm.lead"] |= self._everything("crm.lead").search(
            Domain("company_id", "in", [False, *companies.ids]) & by_key
        )
        # Recorded from an opportunity that names no person otherwise.
        found["telemarketing.interaction"] |= self._everything(
            "telemarketing.interaction"
        ).search(
            [
                ("lead_id", "in", found["crm.lead"].ids),
                ("contact_id", "=", False),
                ("partner_id", "=", False),
            ]
        )
        found["phone.blacklist"] = self._everything("phone.blacklist").search(
            [("number", "in", key["numbers"])]
        )
        return {model: records for model, records in found.items() if records}

    @api.model
    def _linked(self, contacts, partners, numbers, companies):
        """Records that hang on these people and numbers.

        :param numbers: those asked for; the numbers of ``contacts`` are added to
            what is shown, not to what is followed, because a household shares them
        :return: ``{model: records}``
        """
        companies = Domain("company_id", "in", companies.ids)

        def search(model, *parts):
            domain = Domain.OR([Domain(*part) for part in parts])
            Model = self._everything(model)
            if "company_id" in Model._fields and Model._fields["company_id"].store:
                domain &= companies | Domain("company_id", "=", False)
            return Model.search(domain)

        found = {
            "telemarketing.contact": contacts,
            "telemarketing.contact.phone": contacts.phone_ids,
            "telemarketing.number": numbers | contacts.phone_ids.number_id,
            "telemarketing.target": search(
                "telemarketing.target", ("contact_id", "in", contacts.ids)
            ),
            "telemarketing.interaction": search(
                "telemarketing.interaction",
                ("contact_id", "in", contacts.ids),
                ("partner_id", "in", partners.ids),
                ("number_id", "in", numbers.ids),
            ),
        }
        interactions = found["telemarketing.interaction"]
        found["telemarketing.recording"] = search(
            "telemarketing.recording", ("interaction_id", "in", interactions.ids)
        )
        found["telemarketing.consent"] = search(
            "telemarketing.consent",
            ("contact_id", "in", contacts.ids),
            ("partner_id", "in", partners.ids),
            ("number_id", "in", numbers.ids),
        )
        # A refusal that stayed when the file it came with was taken back.
        found["telemarketing.consent"] |= search(
            "telemarketing.consent",
            ("vat", "in", self._own_vats(contacts, partners)),
        ).filtered(lambda consent: not consent.contact_id)
        found["telemarketing.exclusion"] = search(
            "telemarketing.exclusion",
            ("contact_id", "in", contacts.ids),
            ("number_id", "in", found["telemarketing.number"].ids),
            ("vat", "in", self._own_vats(contacts, partners)),
        )
        found["res.partner"] = partners
        found["crm.lead"] = search(
            "crm.lead",
            ("id", "in", contacts.lead_id.ids),
            ("partner_id", "in", partners.ids),
            ("telemarketing_interaction_id", "in", interactions.ids),
        )
        found["sale.order"] = search(
            "sale.order",
            ("partner_id", "in", partners.ids),
            ("telemarketing_interaction_id", "in", interactions.ids),
        )
        found["account.move"] = search(
            "account.move",
            ("partner_id", "in", partners.ids),
            ("commercial_partner_id", "in", partners.ids),
        )
        found["calendar.event"] = search(
            "calendar.event",
            ("telemarketing_target_id", "in", found["telemarketing.target"].ids),
            ("partner_ids", "in", partners.ids),
        )
        self._add_other_models(found, contacts, numbers, search)
        return found

    def _own_vats(self, contacts, partners):
        """NIFs under which these people are excluded, in their one form. Not one that
        many share: it was made up, and says nothing of this person."""
        own_vat = self.env["telemarketing.exclusion"].sudo()._own_vat
        vats = {own_vat(contact) for contact in contacts}
        for vat in partners.mapped("vat"):
            nif = parse_nif(vat) if vat else None
            vats.add(nif.number if nif else (vat or "").strip().upper())
        return sorted(vat for vat in vats if vat)

    def _add_other_models(self, found, contacts, numbers, search):
        """Models of telemarketing, of whatever module, that name the person."""
        ids_of = {
            "telemarketing.contact": contacts.ids,
            "telemarketing.number": numbers.ids,
            "telemarketing.target": found["telemarketing.target"].ids,
            "telemarketing.interaction": found["telemarketing.interaction"].ids,
        }
        for name, Model in self.env.registry.items():
            if (
                not name.startswith("telemarketing.")
                or name in found
                or name in self._own_records()
                or Model._abstract
                or Model._transient
                or not Model._auto
            ):
                continue
            parts = [
                (field.name, "in", ids_of[field.comodel_name])
                for field in Model._fields.values()
                if field.type == "many2one"
                and field.store
                and field.comodel_name in _PERSON_LINKS
                and ids_of[field.comodel_name]
            ]
            if parts:
                found[name] = search(name, *parts)

    @api.model
    def _own_records(self):
        """Models that say what was done with people's data, not what it is."""
        return (
            "telemarketing.blocked",
            "telemarketing.blocked.access",
            "telemarketing.erasure",
            "telemarketing.merge",
            "telemarketing.retention.rule",
            "telemarketing.retention.run",
            "telemarketing.principal.return",
        )

    @api.model
    def _search_logs(self, key, targets, companies):
        """Searches for the person, and those whose cards showed the person.

        :param list targets: ids of the person's targets
        """
        texts = [key["vat"], key["email"], key["name"], *key["numbers"]]
        texts += [e164.removeprefix("+34") for e164 in key["numbers"]]
        texts = [text.lower() for text in texts if len(text) > 3]
        self.env.flush_all()
        # Texts are compared without the spaces that people type in numbers.
        self.env.cr.execute(
            """SELECT l.id FROM telemarketing_search_log l
               WHERE l.company_id = ANY(%(companies)s)
                 AND (EXISTS (SELECT 1 FROM unnest(%(texts)s::text[]) t
                              WHERE position(t IN lower(l.text)) > 0
                                 OR position(t IN translate(lower(l.text),
                                                            ' .-', '')) > 0)
                      OR (jsonb_typeof(l.target_ids) = 'array'
                          AND EXISTS (SELECT 1 FROM jsonb_array_elements_text(
                                                        l.target_ids) card(id)
                                      WHERE card.id = ANY(%(targets)s))))""",
            {
                "companies": companies.ids,
                "texts": texts,
                "targets": [str(target) for target in targets],
            },
        )
        return self._everything("telemarketing.search.log").browse(
            [row[0] for row in self.env.cr.fetchall()]
        )

    # STORED FILES

    @api.model
    def _needles(self, numbers, vats, emails):
        """What of a person may stand in a file: national digits, NIFs, mails."""
        digits = [
            e164.removeprefix("+34").removeprefix("+") for e164 in numbers if e164
        ]
        words = [vat for vat in vats if vat]
        return {text.upper() for text in [*digits, *words, *emails] if text}

    @api.model
    def _imports_with(self, needles, companies, principal=None):
        """Imports whose stored file, or rows given back, hold one of the needles.

        :param principal: only files of this principal's databases (empty: ours);
            None: of all
        """
        Import = self._everything("telemarketing.import")
        domain = [
            ("company_id", "in", companies.ids),
            "|",
            "|",
            "|",
            "|",
            ("file", "!=", False),
            ("returned_file", "!=", False),
            ("preview_html", "!=", False),
            ("column_ids.sample", "!=", False),
            ("row_ids", "!=", False),
        ]
        if principal is not None:
            domain.append(("database_id.principal_id", "=", principal.id))
        if not needles:
            return Import
        return Import.search(domain).filtered(lambda job: job._has_person(needles))

    # WHOSE

    @api.model
    def _principal_of(self, record):
        """The client company whose data the record is; empty: ours."""
        record = record.sudo()
        for path in _PRINCIPAL_PATHS:
            found = record
            for name in path.split("."):
                # An order's ``campaign_id`` is Odoo's own, for one.
                if name not in found._fields:
                    break
                found = found[name]
            else:
                if found and found._name == "res.partner":
                    return found[:1]
        return self.env["res.partner"].sudo()

    @api.model
    def _log(self, key, details, note="", records=""):
        """A line of Odoo's own privacy log, names and mails masked by it."""
        return (
            self.env["privacy.log"]
            .sudo()
            .create(
                {
                    "anonymized_name": key.get("name") or "",
                    "anonymized_email": key.get("email") or "",
                    "telemarketing_anonymized_phone": ", ".join(
                        key.get("numbers") or []
                    ),
                    "telemarketing_anonymized_vat": key.get("vat") or "",
                    "user_id": self.env.uid,
                    "date": fields.Datetime.now(),
                    "execution_details": details,
                    "additional_note": note,
                    "records_description": records,
                }
            )
        )
