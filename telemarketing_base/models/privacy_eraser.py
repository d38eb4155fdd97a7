from datetime import timedelta

from psycopg2.errors import ForeignKeyViolation

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL

HELD = ("leased", "talking", "wrap_up")
# Files that prove what was agreed: blocked, not deleted (LOPDGDD art. 32).
PROOFS = [False, "evidence", "signature", "telemarketing_acceptance_file"]
# Three years: very serious breaches lapse then (LOPDGDD art. 72.1).
BLOCKING_DAYS = 1096


class TelemarketingPrivacyEraser(models.AbstractModel):
    """Blocks, empties and deletes people, set-based: one or a hundred thousand.

    What stays of a person is what figures, proofs and exclusions need, without
    saying who it was. Past the ORM on purpose: its writes would send mails, sync
    leads to partners, and write old values into chatters.
    """

    _name = "telemarketing.privacy.eraser"
    _description = "Erases People"

    # Text columns that say who somebody is or what was said. Columns that a model
    # does not have are passed over; other modules extend the dictionary.
    @api.model
    def _personal_columns(self):
        return {
            "telemarketing.contact": (
                "name vat street zip city email birthdate lang note raw_values"
                " contact_properties basis_source import_id import_row"
                " client_until interacted_on client_key iban"
            ).split(),
            "telemarketing.interaction": "notes todo e164 number_id gate".split(),
            "telemarketing.target": (
                "notes callback_note target_properties asked_channel asked_at asked_by"
                " before_result"
            ).split(),
            "telemarketing.consent": (
                "number_id vat source evidence_name link withdrawal_reason"
            ).split(),
            "crm.lead": (
                "contact_name partner_name email_from email_normalized email_cc"
                " phone phone_sanitized street street2 zip city website function"
                " description referred lead_properties email_domain_criterion"
            ).split(),
            "res.partner": (
                "ref vat company_registry website function street street2 zip city"
                " email email_normalized phone phone_sanitized commercial_company_name"
                " company_name properties barcode comment partner_latitude"
                " partner_longitude peppol_endpoint global_location_number"
                " sale_warn_msg"
            ).split(),
            "calendar.event": "location videocall_location description notes".split(),
            "sale.order": (
                "signed_by client_order_ref note access_token"
                " telemarketing_delivery_note"
                " telemarketing_acceptance_text telemarketing_acceptance_filename"
                " telemarketing_accepted_ip"
            ).split(),
            "telemarketing.mandate": "iban holder".split(),
        }

    @api.model
    def _blank(self, model, ids, **values):
        """NULL in the personal columns of these rows, and ``values`` in others."""
        if not ids or model not in self.env:
            return
        Model = self.env[model]
        assignments = [
            SQL("%s = NULL", SQL.identifier(name))
            for name in self._personal_columns().get(model, ())
            if (field := Model._fields.get(name)) and field.store and field.column_type
        ]
        assignments += [
            SQL("%s = %s", SQL.identifier(name), value)
            for name, value in values.items()
        ]
        if not assignments:
            return
        self.env.cr.execute(
            SQL(
                "UPDATE %s SET %s WHERE id = ANY(%s)",
                SQL.identifier(Model._table),
                SQL(", ").join(assignments),
                list(ids),
            )
        )

    # BEFORE

    @api.model
    def _check_not_in_hands(self, contacts):
        """Raise while somebody talks to one of them: the close would write again."""
        held = self.env["telemarketing.target"].search_count(
            [("contact_id", "in", contacts.ids), ("state", "in", HELD)], limit=1
        )
        if held:
            raise UserError(
                self.env._(
                    "Somebody has this person on the desk right now. Wait until the "
                    "call is closed."
                )
            )

    @api.model
    def _until(self, company):
        """Last day on which what is blocked today is kept."""
        now = self.env["telemarketing.clock"]._now()
        return now.date() + timedelta(days=self._blocking_days(company))

    @api.model
    def _blocking_days(self, company):
        rule = self.env["telemarketing.retention.rule"]._of(company, "blocked")
        return max(rule.days, BLOCKING_DAYS)

    @api.model
    def _with_proof(self, contact_ids):
        """Those of whom there is something to be proved: called, or with a consent."""
        self.env.cr.execute(
            """SELECT c.id FROM telemarketing_contact c WHERE c.id = ANY(%s)
               AND (EXISTS (SELECT 1 FROM telemarketing_interaction i
                            WHERE i.contact_id = c.id)
                    OR EXISTS (SELECT 1 FROM telemarketing_consent k
                               WHERE k.contact_id = c.id))""",
            [list(contact_ids)],
        )
        return [row[0] for row in self.env.cr.fetchall()]

    # BLOCK

    @api.model
    def _block(self, contact_ids, cause, reference, until, request=None):
        """A snapshot of each person: identity, numbers, consents, calls.

        :param dict request: who asked, kept with each
        :return: ids of ``telemarketing.blocked``
        """
        self.env.flush_all()
        self.env.cr.execute(
            """INSERT INTO telemarketing_blocked
                   (reference, company_id, principal_id, campaign_id, contact_id, cause,
                    blocked_at, blocked_until, calls, consents, identifiers, data,
                    create_uid, create_date, write_uid, write_date)
               SELECT %(reference)s, c.company_id, c.principal_id, c.campaign_id, c.id,
                      %(cause)s, %(now)s, %(until)s,
                      COALESCE(jsonb_array_length(calls.rows), 0),
                      COALESCE(jsonb_array_length(consents.rows), 0),
                      COALESCE(phones.numbers, '[]'::jsonb)
                          || COALESCE(to_jsonb(c.vat), '[]'::jsonb)
                          || COALESCE(to_jsonb(c.email), '[]'::jsonb),
                      jsonb_strip_nulls(jsonb_build_object(
                          'person', to_jsonb(c),
                          'phones', phones.rows,
                          'targets', targets.rows,
                          'consents', consents.rows,
                          'calls', calls.rows,
                          'exclusions', exclusions.rows,
                          'client', clients.found,
                          'orders', orders.rows,
                          'request', %(request)s::jsonb)),
                      %(uid)s, %(now)s, %(uid)s, %(now)s
               FROM telemarketing_contact c
               LEFT JOIN LATERAL (
                   SELECT jsonb_agg(DISTINCT p.e164) AS numbers,
                          jsonb_agg(jsonb_build_object('raw', p.raw, 'e164', p.e164)
                                    ORDER BY p.sequence, p.id) AS rows
                   FROM telemarketing_contact_phone p
                   WHERE p.contact_id = c.id) phones ON TRUE
               LEFT JOIN LATERAL (
                   SELECT jsonb_agg(to_jsonb(t)) AS rows FROM telemarketing_target t
                   WHERE t.contact_id = c.id) targets ON TRUE
               LEFT JOIN LATERAL (
                   SELECT jsonb_agg(to_jsonb(k)) AS rows FROM telemarketing_consent k
                   WHERE k.contact_id = c.id) consents ON TRUE
               LEFT JOIN LATERAL (
                   SELECT jsonb_agg(to_jsonb(i)) AS rows
                   FROM telemarketing_interaction i
                   WHERE i.contact_id = c.id) calls ON TRUE
               LEFT JOIN LATERAL (
                   SELECT jsonb_agg(jsonb_build_object(
                              'reference', e.reference, 'date', e.date)) AS rows
                   FROM telemarketing_exclusion e
                   WHERE e.contact_id = c.id) exclusions ON TRUE
               LEFT JOIN LATERAL (
                   SELECT jsonb_build_object(
                              'id', r.id, 'name', r.name, 'vat', r.vat,
                              'email', r.email, 'phone', r.phone, 'street', r.street,
                              'zip', r.zip, 'city', r.city) AS found
                   FROM res_partner r WHERE r.id = c.partner_id) clients ON TRUE
               LEFT JOIN LATERAL (
                   SELECT jsonb_agg(jsonb_build_object(
                              'name', o.name, 'date', o.date_order,
                              'acceptance', o.telemarketing_acceptance,
                              'signed_by', o.signed_by, 'signed_on', o.signed_on))
                              AS rows
                   FROM sale_order o WHERE o.partner_id = c.partner_id) orders ON TRUE
               WHERE c.id = ANY(%(ids)s) AND c.erased_at IS NULL
               RETURNING id, contact_id""",
            {
                "ids": list(contact_ids),
                "cause": cause,
                "reference": reference,
                "until": until,
                "now": self.env["telemarketing.clock"]._now(),
                "uid": self.env.uid,
                "request": self._json(request),
            },
        )
        blocked_of = {contact: blocked for blocked, contact in self.env.cr.fetchall()}
        self._block_proofs(blocked_of)
        self.env.cr.execute(
            "SELECT id FROM telemarketing_interaction WHERE contact_id = ANY(%s)",
            [list(contact_ids)],
        )
        self._block_recordings([row[0] for row in self.env.cr.fetchall()], until)
        return list(blocked_of.values())

    @api.model
    def _block_partners(self, partners, found, cause, reference, until, request=None):
        """The same for prospects and clients that no contact stands for.

        :param dict found: ``consents``, ``calls`` and ``orders`` of theirs
        """
        Attachment = self.env["ir.attachment"]
        for partner in partners:
            consents = found["consents"].filtered(
                lambda c, p=partner: c.partner_id == p and not c.contact_id
            )
            calls = found["calls"].filtered(
                lambda c, p=partner: c.partner_id == p and not c.contact_id
            )
            orders = found["orders"].filtered(lambda o, p=partner: o.partner_id == p)
            rows = {
                "client": self._rows("res_partner", partner.ids),
                "consents": self._rows("telemarketing_consent", consents.ids),
                "calls": self._rows("telemarketing_interaction", calls.ids),
                "orders": self._rows("sale_order", orders.ids),
                "request": request or {},
            }
            vat = (partner.vat or "").removeprefix("ES")
            keys = [partner.phone_sanitized, vat, partner.email_normalized]
            blocked = self.env["telemarketing.blocked"].create(
                {
                    "reference": reference,
                    "company_id": found["company"].id,
                    "principal_id": partner.telemarketing_principal_id.id,
                    "cause": cause,
                    "blocked_at": self.env["telemarketing.clock"]._now(),
                    "blocked_until": until,
                    "calls": len(calls),
                    "consents": len(consents),
                    "identifiers": [key for key in keys if key],
                    "data": rows,
                }
            )
            ours = orders.filtered("telemarketing_principal_id")
            for records in (consents, ours):
                Attachment.search(
                    [
                        ("res_model", "=", records._name),
                        ("res_id", "in", records.ids),
                        ("res_field", "in", PROOFS),
                    ]
                ).write(
                    {
                        "res_model": blocked._name,
                        "res_id": blocked.id,
                        "res_field": False,
                    }
                )

    def _rows(self, table, ids):
        self.env.cr.execute(
            SQL(
                "SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(r))) FROM %s r"
                " WHERE r.id = ANY(%s)",
                SQL.identifier(table),
                list(ids),
            )
        )
        return self.env.cr.fetchone()[0] or []

    @api.model
    def _json(self, value):
        return (
            self.env["telemarketing.blocked"]
            ._fields["data"]
            .convert_to_column_insert(
                value or None, self.env["telemarketing.blocked"].browse()
            )
        )

    def _block_proofs(self, blocked_of):
        """Files that prove a consent or a signature go behind the same door."""
        self.env.cr.execute(
            """UPDATE ir_attachment a
               SET res_model = 'telemarketing.blocked', res_field = NULL,
                   res_id = moved.blocked,
                   name = moved.label || ' ' || COALESCE(a.name, '')
               FROM (
                   SELECT a.id, b.blocked, 'consent ' || k.id AS label
                   FROM unnest(%(contacts)s::int[], %(blocked)s::int[])
                        AS b(contact, blocked)
                   JOIN telemarketing_consent k ON k.contact_id = b.contact
                   JOIN ir_attachment a ON a.res_model = 'telemarketing.consent'
                                       AND a.res_id = k.id
                   UNION ALL
                   SELECT a.id, b.blocked, 'order ' || o.name
                   FROM unnest(%(contacts)s::int[], %(blocked)s::int[])
                        AS b(contact, blocked)
                   JOIN telemarketing_contact c ON c.id = b.contact
                   JOIN sale_order o ON o.partner_id = c.partner_id
                                    AND o.telemarketing_principal_id IS NOT NULL
                   JOIN ir_attachment a ON a.res_model = 'sale.order'
                                       AND a.res_id = o.id
               ) moved WHERE moved.id = a.id""",
            {"contacts": list(blocked_of), "blocked": list(blocked_of.values())},
        )
        self.env["ir.attachment"].invalidate_model()

    def _block_recordings(self, interaction_ids, until):
        self.env.cr.execute(
            """UPDATE telemarketing_recording
               SET blocked_until = GREATEST(%(until)s, keep_until),
                   keep_until = GREATEST(%(until)s, keep_until)
               WHERE interaction_id = ANY(%(ids)s) AND deleted_at IS NULL""",
            {"ids": list(interaction_ids), "until": until},
        )
        self.env["telemarketing.recording"].invalidate_model()

    # EXCLUDE

    @api.model
    def _exclude(self, company, numbers, vats, scope, principal, channel, source):
        """Exclusions that keep the people uncallable when a later file brings them
        again (LOPDGDD art. 15.2); those that hold already stay as they are.

        :param numbers: ``telemarketing.number``
        :return: those added
        """
        Exclusion = self.env["telemarketing.exclusion"].sudo()
        _standing, added = Exclusion._record(
            company,
            numbers=numbers.ids,
            vats=vats,
            scope=scope,
            principal_id=principal.id if scope == "principal" else False,
            reason="request",
            channel=channel,
            source=source,
        )
        return added

    # EMPTY

    @api.model
    def _empty(self, contact_ids):
        """Take everything from these contacts that says who they were; close their
        targets. Partners and leads apart (``_empty_partners``)."""
        cr, ids = self.env.cr, self._with_doubles(contact_ids)
        now = self.env["telemarketing.clock"]._now()
        links = {"ids": ids}
        cr.execute(
            """SELECT 'telemarketing.interaction', id FROM telemarketing_interaction
               WHERE contact_id = ANY(%(ids)s)
               UNION ALL
               SELECT 'telemarketing.target', id FROM telemarketing_target
               WHERE contact_id = ANY(%(ids)s)
               UNION ALL
               SELECT 'telemarketing.consent', id FROM telemarketing_consent
               WHERE contact_id = ANY(%(ids)s)""",
            links,
        )
        ids_of = {}
        for model, row in cr.fetchall():
            ids_of.setdefault(model, []).append(row)
        for model, rows in ids_of.items():
            self._blank(model, rows)
        targets = ids_of.get("telemarketing.target", [])
        cr.execute(
            """UPDATE telemarketing_target
               SET done_reason = CASE WHEN state IN ('done', 'excluded')
                                      THEN done_reason ELSE 'erased' END,
                   state = CASE WHEN state IN ('done', 'excluded')
                                THEN state ELSE 'done' END,
                   callback = false, callback_user_id = NULL, next_call_at = NULL,
                   callable_from = NULL, due_at = NULL, phone_id = NULL,
                   write_date = %(now)s
               WHERE id = ANY(%(targets)s)""",
            {"targets": targets, "now": now},
        )
        cr.execute(
            "UPDATE telemarketing_refusal SET number_id = NULL"
            " WHERE target_id = ANY(%s)",
            [targets],
        )
        # The number or the NIF that is kept must not lead to the emptied person.
        cr.execute(
            """UPDATE telemarketing_exclusion
               SET contact_id = NULL, interaction_id = NULL
               WHERE contact_id = ANY(%(ids)s)
                 AND num_nonnulls(number_id, vat) > 0""",
            links,
        )
        cr.execute(
            """UPDATE telemarketing_interaction SET phone_id = NULL
               WHERE contact_id = ANY(%(ids)s) AND phone_id IS NOT NULL""",
            links,
        )
        cr.execute(
            "DELETE FROM telemarketing_contact_phone WHERE contact_id = ANY(%(ids)s)"
            " RETURNING number_id",
            links,
        )
        self._drop_unused_numbers({row[0] for row in cr.fetchall() if row[0]})
        # What loads changed in them says what they were.
        cr.execute(
            "DELETE FROM telemarketing_import_change WHERE contact_id = ANY(%(ids)s)",
            links,
        )
        categories = self.env["telemarketing.contact"]._fields["category_ids"]
        cr.execute(
            SQL(
                "DELETE FROM %s WHERE %s = ANY(%s)",
                SQL.identifier(categories.relation),
                SQL.identifier(categories.column1),
                ids,
            )
        )
        self._blank("telemarketing.contact", ids, active=False, erased_at=now)
        # What a file changed of them, and normalising wrote over, holds old values.
        cr.execute(
            "DELETE FROM telemarketing_import_change WHERE contact_id = ANY(%(ids)s)",
            links,
        )
        cr.execute(
            "DELETE FROM telemarketing_normalise_line WHERE contact_id = ANY(%(ids)s)",
            links,
        )
        # Nor is there anything left to compare.
        cr.execute(
            "DELETE FROM telemarketing_duplicate"
            " WHERE contact_a_id = ANY(%(ids)s) OR contact_b_id = ANY(%(ids)s)",
            links,
        )
        self._forget_skipped("contacts", ids)
        self._empty_events(targets)
        self.env.invalidate_all(flush=False)

    @api.model
    def _with_doubles(self, contact_ids):
        """These and who was merged into them; what merges wrote down is forgotten."""
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT id FROM telemarketing_contact
               WHERE id = ANY(%(ids)s) OR merged_into_id = ANY(%(ids)s)""",
            {"ids": list(contact_ids)},
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        self.env["telemarketing.merge"]._forget(contact_ids=ids)
        return ids

    @api.model
    def _remove(self, contact_ids):
        """Delete people of whom there is nothing to be proved. Where another module
        holds on to one, all of them are emptied instead."""
        if not contact_ids:
            return
        cr = self.env.cr
        ids = self._with_doubles(contact_ids)
        try:
            with cr.savepoint():
                cr.execute(
                    """UPDATE telemarketing_exclusion SET contact_id = NULL
                       WHERE contact_id = ANY(%s)
                         AND num_nonnulls(number_id, vat) > 0""",
                    [ids],
                )
                cr.execute(
                    "SELECT id FROM telemarketing_target WHERE contact_id = ANY(%s)",
                    [ids],
                )
                self._empty_events([row[0] for row in cr.fetchall()])
                cr.execute(
                    "UPDATE telemarketing_refusal SET number_id = NULL WHERE target_id"
                    " IN (SELECT id FROM telemarketing_target"
                    "     WHERE contact_id = ANY(%s))",
                    [ids],
                )
                cr.execute(
                    "DELETE FROM telemarketing_target WHERE contact_id = ANY(%s)", [ids]
                )
                cr.execute(
                    "DELETE FROM telemarketing_contact_phone WHERE contact_id = ANY(%s)"
                    " RETURNING number_id",
                    [ids],
                )
                numbers = {row[0] for row in cr.fetchall() if row[0]}
                cr.execute(
                    "DELETE FROM telemarketing_contact WHERE id = ANY(%s)", [ids]
                )
                self._drop_unused_numbers(numbers)
        except ForeignKeyViolation:
            self._empty(ids)
        self.env.invalidate_all(flush=False)

    def _drop_unused_numbers(self, number_ids):
        """Numbers that nobody has and nothing names any more."""
        if not number_ids:
            return
        cr = self.env.cr
        cr.execute(
            """SELECT conrelid::regclass::text, attname
               FROM pg_constraint
               JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
               WHERE contype = 'f'
                 AND confrelid = 'telemarketing_number'::regclass"""
        )
        unused = SQL(" AND ").join(
            SQL(
                "NOT EXISTS (SELECT 1 FROM %s x WHERE x.%s = n.id)",
                SQL.identifier(table.strip('"')),
                SQL.identifier(column),
            )
            for table, column in cr.fetchall()
        )
        cr.execute(
            SQL(
                "DELETE FROM telemarketing_number n WHERE n.id = ANY(%s) AND %s",
                list(number_ids),
                unused,
            )
        )

    def _forget_skipped(self, what, ids):
        """Why a merge by rule left them alone: the sentence may name them."""
        self.env.cr.execute(
            """UPDATE telemarketing_duplicate_search SET skipped_why = NULL
               WHERE (what = 'contacts') = %(contacts)s
                 AND jsonb_typeof(skipped_why) = 'array' AND EXISTS (
                   SELECT 1 FROM jsonb_array_elements(skipped_why) why
                   WHERE why -> 0 = ANY(%(ids)s::jsonb[])
                      OR why -> 1 = ANY(%(ids)s::jsonb[]))""",
            {"contacts": what == "contacts", "ids": [str(one) for one in ids]},
        )

    def _empty_events(self, targets):
        cr = self.env.cr
        cr.execute(
            """SELECT id FROM calendar_event WHERE telemarketing_target_id = ANY(%s)""",
            [list(targets)],
        )
        events = [row[0] for row in cr.fetchall()]
        self._blank("calendar.event", events, name=self.env._("Erased person"))
        self._forget_messages("calendar.event", events)
        now = self.env["telemarketing.clock"]._now()
        # What was agreed for later will not be held.
        cr.execute(
            "UPDATE calendar_event SET active = false"
            " WHERE id = ANY(%s) AND start > %s",
            [events, now],
        )

    # PARTNERS AND LEADS

    @api.model
    def _kept_partners(self, partners):
        """``{partner: why}`` of those that stay as they are: accounting documents and
        contracts of our own rest on them (Código de Comercio art. 30, LGT art. 66),
        or they are more than a person who was called."""
        kept = {}
        family = self.env["res.partner"].with_context(active_test=False)
        for partner in partners:
            everybody = partner | family.search([("parent_id", "=", partner.id)])
            if partner.with_context(active_test=False).user_ids or (
                partner.telemarketing_is_principal or partner.telemarketing_role_ids
            ):
                kept[partner] = self.env._("a user, client company or collaborator")
            elif self.env["account.move"].search_count(
                [
                    "|",
                    ("partner_id", "in", everybody.ids),
                    ("commercial_partner_id", "in", everybody.ids),
                ],
                limit=1,
            ):
                kept[partner] = self.env._("invoices or payments")
            elif self.env["sale.order"].search_count(
                [
                    ("partner_id", "in", everybody.ids),
                    ("state", "=", "sale"),
                    ("telemarketing_principal_id", "=", False),
                ],
                limit=1,
            ):
                kept[partner] = self.env._("an order confirmed with us")
        return kept

    @api.model
    def _empty_partners(self, partners, leads):
        """Anonymise and archive these; their opportunities, unsigned offers,
        appointments, bank accounts and chatters with them."""
        cr = self.env.cr
        self.env.flush_all()
        partners |= partners.with_context(active_test=False).search(
            [("telemarketing_merged_into_id", "in", partners.ids)]
        )
        # Where she has things sent: another of her addresses, often another's name.
        partners |= partners.with_context(active_test=False).child_ids.filtered(
            lambda child: child.type != "contact"
        )
        self.env["telemarketing.merge"]._forget(partner_ids=partners.ids)
        name = self.env._("Erased person")
        self.env["res.partner.bank"].with_context(active_test=False).search(
            [("partner_id", "in", partners.ids)]
        ).unlink()
        orders = (
            self.env["sale.order"]
            .with_context(active_test=False)
            .search([("partner_id", "in", partners.ids)])
        )
        self.env.flush_all()
        cr.execute(
            "UPDATE sale_order SET state = 'cancel'"
            " WHERE id = ANY(%s) AND state IN ('draft', 'sent')",
            [orders.ids],
        )
        cr.execute(
            "DELETE FROM telemarketing_import_change WHERE partner_id = ANY(%s)",
            [partners.ids],
        )
        self._blank("sale.order", orders.ids)
        # Whose mandate a charge of ours rests on is not emptied: ``kept``, above.
        mandates = self.env["telemarketing.mandate"].search(
            [("partner_id", "in", partners.ids)]
        )
        mandates._cancel()
        self.env.flush_all()
        self._blank("telemarketing.mandate", mandates.ids)
        self._blank("crm.lead", leads.ids, name=name, active=False)
        self._blank(
            "res.partner", partners.ids, name=name, complete_name=name, active=False
        )
        cr.execute(
            "UPDATE calendar_attendee SET common_name = NULL"
            " WHERE partner_id = ANY(%s)",
            [partners.ids],
        )
        cr.execute("DELETE FROM sms_sms WHERE partner_id = ANY(%s)", [partners.ids])
        cr.execute(
            "DELETE FROM telemarketing_normalise_line WHERE partner_id = ANY(%s)",
            [partners.ids],
        )
        cr.execute(
            "DELETE FROM telemarketing_duplicate"
            " WHERE partner_a_id = ANY(%(ids)s) OR partner_b_id = ANY(%(ids)s)",
            {"ids": partners.ids},
        )
        self._forget_skipped("people", partners.ids)
        for records in (partners, leads, orders):
            self._forget_messages(records._name, records.ids)
            binaries = [
                name
                for name, field in records._fields.items()
                if field.type in ("binary", "image")
            ]
            self.env["ir.attachment"].search(
                [
                    ("res_model", "=", records._name),
                    ("res_id", "in", records.ids),
                    # Named, or core hides what fields hold: images, signatures.
                    ("res_field", "in", [False, *binaries]),
                ]
            ).unlink()
        self.env.invalidate_all(flush=False)

    @api.model
    def _forget_messages(self, model, ids):
        """Chatter, old values and activities of these records."""
        if not ids:
            return
        self.env["mail.message"].search(
            [("model", "=", model), ("res_id", "in", list(ids))]
        ).unlink()
        self.env["mail.activity"].with_context(active_test=False).search(
            [("res_model", "=", model), ("res_id", "in", list(ids))]
        ).unlink()
