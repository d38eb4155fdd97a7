import base64
import io
import json
import zipfile

from markupsafe import Markup

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import html2plaintext

from .mandate import SEES_IBAN

# Sounds put into one export: beyond this they are named, not added.
MAX_RECORDINGS_BYTES = 500 * 1024 * 1024
_EXTENSIONS = {"audio/wav": "wav", "audio/mpeg": "mp3", "audio/ogg": "ogg"}


class TelemarketingPrivacyDossier(models.AbstractModel):
    """All that is known about a person, for the person (GDPR arts. 15 and 20).

    Of one company and one principal (or ours): a client company's data never stands
    beside another's. The agent is a role, not a name: it is the employee's own data.
    """

    _name = "telemarketing.privacy.dossier"
    _description = "Copy of a Person's Data"

    # WHAT IS IN IT

    @api.model
    def _collect(self, contacts, partners):
        """A dictionary of texts, numbers and lists, ready for JSON; empty parts stay,
        so that the person sees that there is nothing.

        :param contacts: of one company and one principal, with sudo
        :param partners: theirs, with sudo
        """
        contacts = contacts._with_merged()
        partners = partners._telemarketing_with_merged()
        companies = (contacts.company_id | partners.company_id) or self.env.company
        principal = self._principal(contacts, partners)
        privacy = self.env["telemarketing.privacy"].sudo()
        # The person's own numbers: what was said to others on them is not included.
        found = privacy._linked(
            contacts, partners, self.env["telemarketing.number"].sudo(), companies[:1]
        )
        calls = found["telemarketing.interaction"].filtered(
            lambda i: i.principal_id == principal
        )
        company = companies[:1]
        return {
            "prepared_at": self._text(self.env["telemarketing.clock"]._now()),
            "controller": (principal or company.partner_id).display_name,
            "processor": company.name if principal else "",
            "people": [self._contact_row(contact) for contact in contacts],
            "clients": [self._partner_row(partner) for partner in partners],
            "consents": [
                self._consent_row(consent)
                for consent in found["telemarketing.consent"].filtered(
                    lambda c: c.principal_id == principal
                )
            ],
            "objections": [
                self._exclusion_row(exclusion)
                for exclusion in found["telemarketing.exclusion"].filtered(
                    lambda e: self._concerns(e, principal)
                )
            ],
            "calls": [self._call_row(call) for call in calls],
            "opportunities": [
                self._lead_row(lead)
                for lead in found["crm.lead"].filtered(
                    lambda x: self._of_principal(x, principal)
                )
            ],
            "orders": [
                self._order_row(order)
                for order in found["sale.order"].filtered(
                    lambda x: self._of_principal(x, principal)
                )
            ],
            "appointments": [
                self._event_row(event)
                for event in found["calendar.event"].filtered(
                    lambda e: (
                        not e.telemarketing_campaign_id
                        or e.telemarketing_campaign_id.principal_id == principal
                    )
                )
            ],
            "invoices": [
                {
                    "number": move.name,
                    "date": self._text(move.invoice_date),
                    "total": move.amount_total,
                    "currency": move.currency_id.name,
                }
                for move in found["account.move"]
                if not principal and move.is_invoice(include_receipts=True)
            ],
            "rights": self._rights(),
        }

    @api.model
    def _principal(self, contacts, partners):
        """Whose data it is; more than one company or principal is refused."""
        if any(database.training for database in contacts.sudo().database_id):
            raise UserError(
                self.env._("Invented people of a training have no data of their own.")
            )
        whose = {contact.principal_id.id for contact in contacts}
        whose |= {partner.telemarketing_principal_id.id for partner in partners}
        companies = contacts.company_id | partners.company_id
        if len(whose) > 1 or len(companies) > 1:
            raise UserError(
                self.env._(
                    "These records belong to different client companies or companies. "
                    "Each answers for its own: make one for each."
                )
            )
        return self.env["res.partner"].sudo().browse(whose - {False})

    def _of_principal(self, record, principal):
        """Leads and orders say whose they are by their campaign; without one they
        are as their partner is."""
        if record.telemarketing_campaign_id:
            return record.telemarketing_principal_id == principal
        return record.partner_id.telemarketing_principal_id == principal

    def _concerns(self, exclusion, principal):
        if exclusion.scope == "all":
            return True
        if exclusion.scope == "campaign":
            return exclusion.campaign_id.principal_id == principal
        return exclusion.principal_id == principal

    @api.model
    def _text(self, value):
        return str(value) if value else ""

    def _label(self, record, name):
        value = record[name]
        labels = dict(record._fields[name]._description_selection(self.env))
        return labels.get(value, value or "")

    def _properties(self, record, name):
        return {
            field["string"]: self._text(field.get("value"))
            for field in record.read([name])[0][name] or []
            if field.get("value")
        }

    def _contact_row(self, contact):
        database = contact.database_id
        basis = "legal_basis" if "legal_basis" in contact else None
        source = contact if basis and contact.legal_basis else database
        return {
            "id": contact.id,
            "name": contact.name or "",
            "nif": contact.vat or "",
            "is_company": contact.is_company,
            "address": contact.street or "",
            "postcode": contact.zip or "",
            "town": contact.city or "",
            "province": contact.state_id.name or "",
            "country": contact.country_id.name or "",
            "email": contact.email or "",
            "birthdate": self._text(contact.birthdate),
            "language": contact.lang or "",
            "remarks": contact.note or "",
            "categories": contact.category_ids.mapped("name"),
            "type": contact.type_id.name or "",
            "phones": [
                {
                    "number": phone.e164 or "",
                    "as_given": phone.raw or "",
                    "in_use": phone.state == "ok",
                }
                for phone in contact.phone_ids
            ],
            "other_data": self._properties(contact, "contact_properties"),
            "as_it_was_loaded": contact.raw_values or {},
            "campaign": contact.campaign_id.name,
            "status": [
                {
                    "campaign": target.campaign_id.name,
                    "state": self._label(target, "state"),
                    "answers": self._properties(target, "target_properties"),
                    "notes": target.notes or "",
                    "next_call": self._text(target.next_call_at),
                }
                for target in contact.target_ids
            ],
            "origin": {
                "database": database.name,
                "loaded_from": contact.import_id.filename or "",
                "row": contact.import_row or 0,
                "known_since": self._text(contact.create_date),
                "legal_basis": self._label(source, "legal_basis"),
                "basis_date": self._text(source.basis_date),
                "basis_source": source.basis_source or "",
            },
        }

    def _partner_row(self, partner):
        return {
            "name": partner.name or "",
            "nif": partner.vat or "",
            "address": ", ".join(
                part
                for part in (
                    partner.street,
                    partner.street2,
                    partner.zip,
                    partner.city,
                    partner.state_id.name,
                    partner.country_id.name,
                )
                if part
            ),
            "email": partner.email or "",
            "phone": partner.phone or "",
            "stage": self._label(partner, "funnel_stage"),
            "bank_accounts": partner.bank_ids.mapped("acc_number"),
            "remarks": html2plaintext(partner.comment or ""),
            "known_since": self._text(partner.create_date),
        }

    def _consent_row(self, consent):
        return {
            "id": consent.id,
            "purpose": self._label(consent, "purpose"),
            "channel": self._label(consent, "channel"),
            "given_at": self._text(consent.given_at),
            "withdrawn_at": self._text(consent.withdrawn_at or consent.voided_at),
            "text_agreed_to": consent.text_version or "",
            "source": consent.source or "",
            "evidence": consent.evidence_name or "",
        }

    def _exclusion_row(self, exclusion):
        return {
            "reference": exclusion.reference,
            "number": exclusion.e164 or exclusion.vat or "",
            "reach": self._label(exclusion, "scope"),
            "reason": self._label(exclusion, "reason"),
            "channel": self._label(exclusion, "channel"),
            "date": self._text(exclusion.date),
            "lifted_at": self._text(exclusion.lifted_at),
        }

    def _call_row(self, call):
        return {
            "id": call.id,
            "date": self._text(call.started_at),
            "direction": self._label(call, "direction"),
            "number": call.e164 or "",
            "campaign": call.campaign_id.name or "",
            # Art. 15 gives the person the facts of the call, not the employee's name.
            "attended_by": self.env._("Agent") if call.agent_id else "",
            "result": call.disposition_id.name or "",
            "talk_seconds": call.talk_seconds,
            "notes": call.notes or "",
            "to_do": call.todo or "",
            "callback_agreed": self._text(call.callback_at),
            "recordings": [
                {
                    "id": recording.id,
                    "seconds": recording.seconds,
                    "kept_until": self._text(recording.keep_until),
                    "deleted_at": self._text(recording.deleted_at),
                    "file": "",
                }
                for recording in call.recording_ids
            ],
        }

    def _lead_row(self, lead):
        return {
            "name": lead.name or "",
            "created": self._text(lead.create_date),
            "stage": lead.stage_id.name or "",
            "description": html2plaintext(lead.description or ""),
        }

    def _order_row(self, order):
        return {
            "number": order.name,
            "date": self._text(order.date_order),
            "state": self._label(order, "state"),
            "acceptance": self._label(order, "telemarketing_acceptance"),
            "signed_by": order.signed_by or "",
            "signed_on": self._text(order.signed_on),
            "paid_by": order.sudo().telemarketing_payment_id.name or "",
            "delivered_to": ", ".join(
                filter(
                    None,
                    order.partner_shipping_id.sudo()
                    ._display_address(without_company=True)
                    .split("\n"),
                )
            ),
            "delivery_note": order.telemarketing_delivery_note or "",
            "conditions_read": order.telemarketing_conditions or "",
            "mandates": [
                {
                    "reference": mandate.reference,
                    "state": self._label(mandate, "state"),
                    "date": self._text(mandate.date),
                    "holder": mandate.holder or "",
                    # Whole where who prepares the copy may see it.
                    "account": mandate.iban
                    if self.env.user.has_groups(SEES_IBAN)
                    else mandate.iban_masked,
                }
                for mandate in order.sudo().telemarketing_mandate_ids
            ],
            "total": order.amount_total,
            "currency": order.currency_id.name,
            "lines": [
                {"article": line.name, "quantity": line.product_uom_qty}
                for line in order.order_line
                if not line.display_type
            ],
        }

    def _event_row(self, event):
        return {
            "name": event.name or "",
            "start": self._text(event.start),
            "stop": self._text(event.stop),
            "place": event.location or "",
            "kind": self._label(event, "telemarketing_kind"),
            "outcome": self._label(event, "telemarketing_outcome"),
            "description": html2plaintext(event.description or ""),
        }

    @api.model
    def _rights(self):
        return [
            self.env._(
                "You may ask that what is wrong is corrected, that your data are "
                "erased or no longer used, and you may object to being called at any "
                "time (GDPR articles 16 to 21)."
            ),
            self.env._(
                "You may complain to the Spanish Data Protection Agency (AEPD, "
                "www.aepd.es)."
            ),
        ]

    # AS FILES

    @api.model
    def _zip(self, dossier, consents, recordings=None):
        """A ZIP: ``summary.html`` to be read, ``data.json`` for a machine, proofs of
        consent and sounds.

        :param recordings: as the caller, whose listening is logged; None: none
        :return: bytes
        """
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            self._add_evidence(archive, dossier, consents)
            self._add_recordings(archive, dossier, recordings)
            archive.writestr(
                "data.json", json.dumps(dossier, ensure_ascii=False, indent=2)
            )
            archive.writestr("summary.html", str(self._html(dossier)))
        return out.getvalue()

    def _add_evidence(self, archive, dossier, consents):
        rows = {row["id"]: row for row in dossier["consents"]}
        for consent in consents.filtered(lambda c: c.id in rows and c.evidence):
            extension = (consent.evidence_name or "").rpartition(".")[2][:5]
            extension = extension if extension.isalnum() else "bin"
            name = f"consents/{consent.id}.{extension}"
            content = base64.b64decode(consent.with_context(bin_size=False).evidence)
            archive.writestr(name, content)
            rows[consent.id]["evidence"] = name

    def _add_recordings(self, archive, dossier, recordings):
        rows = {
            row["id"]: row for call in dossier["calls"] for row in call["recordings"]
        }
        total = 0
        for recording in recordings or ():
            row = rows.get(recording.id)
            if row is None or recording.deleted_at:
                continue
            if total + (recording.size or 0) > MAX_RECORDINGS_BYTES:
                row["file"] = self.env._("Too large for this file: ask for it apart.")
                continue
            try:
                sound = recording._open("download")
            except UserError as error:
                row["file"] = str(error)
                continue
            total += len(sound)
            extension = _EXTENSIONS.get(recording.mimetype, "bin")
            row["file"] = f"recordings/{recording.id}.{extension}"
            archive.writestr(row["file"], sound)

    @api.model
    def _html(self, dossier):
        """The same, as one page without scripts, images or links outside."""
        titles = self._titles()
        body = Markup()
        for part in ("people", "clients", "consents", "objections", "calls"):
            body += self._part(titles[part], dossier[part])
        for part in ("opportunities", "orders", "appointments", "invoices"):
            body += self._part(titles[part], dossier[part])
        for text in dossier["rights"]:
            body += Markup("<p>%s</p>") % text
        head = Markup("<p>%s: <b>%s</b></p>") % (
            self.env._("Answers for your data"),
            dossier["controller"],
        )
        if dossier["processor"]:
            head += Markup("<p>%s: <b>%s</b></p>") % (
                self.env._("Calls on its behalf"),
                dossier["processor"],
            )
        title = self.env._("What we know about you")
        return Markup(
            "<!DOCTYPE html><html><head><meta charset='utf-8'><title>%s</title><style>"
            "body{font-family:sans-serif;margin:2em;max-width:60em}"
            "table{border-collapse:collapse;margin:0 0 1em}"
            "th,td{border:1px solid #999;padding:.2em .6em;text-align:left;"
            "vertical-align:top}th{background:#eee;font-weight:normal}"
            "</style></head><body><h1>%s</h1>%s<p>%s (UTC)</p>%s</body></html>"
        ) % (title, title, head, dossier["prepared_at"], body)

    def _titles(self):
        return {
            "people": self.env._("Your data"),
            "clients": self.env._("Your data as a prospect or client"),
            "consents": self.env._("Consents"),
            "objections": self.env._("Objections"),
            "calls": self.env._("Calls"),
            "opportunities": self.env._("Opportunities"),
            "orders": self.env._("Orders"),
            "appointments": self.env._("Appointments"),
            "invoices": self.env._("Invoices"),
        }

    def _part(self, title, rows):
        html = Markup("<h2>%s</h2>") % title
        if not rows:
            return html + Markup("<p>%s</p>") % self.env._("Nothing.")
        for row in rows:
            html += self._cell(row)
        return html

    def _cell(self, value):
        """Dictionaries and lists as nested tables; the words of the keys as they are
        in ``data.json``, so that both can be compared."""
        if isinstance(value, dict):
            rows = Markup().join(
                Markup("<tr><th>%s</th><td>%s</td></tr>")
                % (str(key).replace("_", " "), self._cell(inner))
                for key, inner in value.items()
                if inner not in ("", [], {}, None)
            )
            return Markup("<table>%s</table>") % rows
        if isinstance(value, list):
            if all(not isinstance(inner, dict | list) for inner in value):
                return Markup("%s") % ", ".join(str(inner) for inner in value)
            return Markup().join(self._cell(inner) for inner in value)
        if isinstance(value, bool):
            return self.env._("yes") if value else self.env._("no")
        return Markup("%s") % value
