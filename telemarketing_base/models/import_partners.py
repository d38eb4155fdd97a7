from psycopg2 import Error as DatabaseError
from psycopg2.errors import SerializationFailure

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..identity.phone import PERSONAL_KINDS
from ..identity.text import fold

# Nobody is written to, followed or logged because a file was loaded.
QUIET = {
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
    "mail_notrack": True,
    "mail_auto_subscribe_no_notify": True,
    "mail_activity_automation_skip": True,
    "no_reset_password": True,
    # Control digits were checked when the row was cleaned; Brussels is not asked.
    "no_vat_validation": True,
}


class TelemarketingImportPartners(models.AbstractModel):
    """Prospects and clients as such: people who get their partner, and its stage, when
    their file is loaded.

    Also the one rule by which a contact is found among the partners that are there,
    used when a call qualifies somebody and when a file is loaded.
    """

    _name = "telemarketing.import.partners"
    _description = "Prospects and Clients of a Loaded File"

    # WHO IT IS

    @api.model
    def _match(self, contacts):
        """The partner that each contact already is, within its principal and company.

        By NIF, then personal phone, then mail; the first that finds somebody decides.
        Doubtful, and nobody's to decide but a person's: several partners; one whose
        name shares no word; one found by phone or mail who has another NIF.

        :param contacts: of any principals and companies
        :return: ``{contact id: (partner or none, partners in doubt or none, by which
            key: vat, phone, email or empty)}``
        """
        result = {}
        for (company, principal), group in contacts.grouped(
            lambda contact: (contact.company_id, contact.principal_id)
        ).items():
            found = self._candidates(group, company, principal)
            for contact in group:
                result[contact.id] = self._decide(contact, found)
        return result

    def _keys(self, contact):
        """``[(kind, value)]`` in the order in which they count."""
        keys = [("vat", contact.vat)] if contact.vat else []
        keys += [
            ("phone", phone.e164)
            for phone in contact.phone_ids
            if phone.e164 and phone.state == "ok" and phone.kind in PERSONAL_KINDS
        ]
        if contact.email:
            keys.append(("email", contact.email.strip().lower()))
        return keys

    def _candidates(self, contacts, company, principal):
        """``{(kind, value): partners}`` of all the keys of these contacts: a query a
        kind, however many they are."""
        values = {"vat": set(), "phone": set(), "email": set()}
        for contact in contacts:
            for kind, value in self._keys(contact):
                values[kind].add(value)
        values["vat"] |= {f"ES{vat}" for vat in values["vat"]}
        base = [
            ("telemarketing_principal_id", "=", principal.id),
            ("company_id", "in", (False, company.id)),
            # A customer that Odoo already has is one, whatever its stage; our own
            # users are not.
            ("partner_share", "=", True),
            ("telemarketing_is_principal", "=", False),
        ]
        Partner = self.env["res.partner"]
        found = {}
        for kind, field, wanted in (
            ("vat", "vat", values["vat"]),
            ("phone", "phone_sanitized", values["phone"]),
            ("email", "email_normalized", values["email"]),
        ):
            if not wanted:
                continue
            partners = Partner.search(base + [(field, "in", list(wanted))], order="id")
            for partner in partners:
                value = partner[field]
                if kind == "vat":
                    value = value.removeprefix("ES")
                found[kind, value] = found.get((kind, value), Partner) | partner
        return found

    def _decide(self, contact, found):
        """One entry of what ``_match`` answers."""
        Partner = self.env["res.partner"]
        keys = self._keys(contact)
        for kind in ("vat", "phone", "email"):
            partners = Partner.union(
                *(found.get(key, Partner) for key in keys if key[0] == kind)
            )
            # The people of a company have its NIF, and often its phone.
            partners -= partners.filtered(lambda p, all=partners: p.parent_id in all)
            if not partners:
                continue
            if len(partners) > 1 or self._is_other(contact, partners):
                return Partner, partners, kind
            return partners, Partner, kind
        return Partner, Partner, ""

    def _is_other(self, contact, partner):
        vat = (partner.vat or "").removeprefix("ES")
        if contact.vat and vat and vat != contact.vat:
            return True
        return _other_name(contact.name, partner.name)

    # LOADING

    @api.model
    def _link(self, job):
        """Give each contact that the staged chunk made or updated its partner.

        Works on STAGE (docs/architecture.md, "Data in"): rows with ``contact_id``;
        ``match_partner_id`` is taken as it is. Who is in doubt gets a notice.

        :return: how many partners were created
        """
        if job.kind not in ("prospects", "clients"):
            return 0
        cr = self.env.cr
        self.env.flush_all()
        cr.execute(
            """SELECT row, COALESCE(contact_id, match_id), match_partner_id
               FROM telemarketing_import_stage
               WHERE action IN ('insert', 'update', 'unchanged')
                 AND COALESCE(contact_id, match_id) IS NOT NULL ORDER BY row"""
        )
        staged = cr.fetchall()
        row_of, known = {}, {}
        for row, contact, partner in staged:
            row_of[contact] = row
            if partner:
                known[contact] = partner
        contacts = self.env["telemarketing.contact"].browse(row_of)
        made, doubts = self._link_contacts(
            contacts, job.kind.removesuffix("s"), job=job, known=known, rows=row_of
        )
        if doubts:
            cr.execute_values(
                """UPDATE telemarketing_import_stage s
                   SET notices = COALESCE(s.notices, '[]'::jsonb) || d.notice::jsonb
                   FROM (VALUES %s) AS d(row, notice) WHERE s.row = d.row""",
                [
                    (row_of[contact], fields.Json().convert_to_column([notice], self))
                    for contact, notice in doubts.items()
                ],
                page_size=5000,
            )
        return made

    @api.private
    def _link_contacts(self, contacts, stage, job=None, known=None, rows=None):
        """Find or make the partner of each contact, at this stage.

        A client is never made a prospect again. What a partner already says stays as
        it is; an account that it lacks is added. Whatever is made or changed is
        written down with the load, for its undoing.

        :param str stage: ``prospect`` or ``client``
        :param job: the load; none: nothing is written down, no opportunities
        :param dict known: ``{contact id: partner id}`` found already
        :param dict rows: ``{contact id: row of the file}``
        :return: ``(partners made, {contact id: notice})``; a notice as STAGE keeps it,
            ``[code, value, params, field, column]``
        """
        contacts = contacts.sudo().with_context(**QUIET)
        known, rows = known or {}, rows or {}
        self = self.sudo().with_context(**QUIET)
        Partner = self.env["res.partner"]
        lost = without = contacts.filtered(lambda c: not c.partner_id)
        partner_of = {c.id: c.partner_id for c in contacts - lost}
        doubts = {}
        for contact in lost.filtered(lambda c: known.get(c.id)):
            partner = Partner.browse(known[contact.id])
            if self._same_hands(contact, partner):
                partner_of[contact.id] = partner
        lost = lost.filtered(lambda c: c.id not in partner_of)
        for contact_id, (partner, doubtful, by) in self._match(lost).items():
            if partner:
                partner_of[contact_id] = partner
            elif doubtful:
                # Not whose name it is: that would outlive their erasure in this file.
                doubts[contact_id] = ["partner_doubtful", "", {"key": by}, by, None]
        there = Partner.union(*partner_of.values())
        promoted = self._promote(there, stage)
        new = lost.filtered(lambda c: c.id not in partner_of and c.id not in doubts)
        made, failed = self._make(new, stage)
        partner_of |= made
        doubts |= failed
        self._write_partners(
            {c.id: partner_of[c.id] for c in lost if c.id in partner_of}
            | {
                c.id: partner_of[c.id]
                for c in contacts
                if known.get(c.id) and c.id in partner_of
            }
        )
        linked = contacts.filtered(lambda c: c.id in partner_of)
        accounts = self._add_accounts(linked, partner_of)
        if job:
            # Who was there before the load is nobody's again when it is undone.
            old = (without & linked).filtered(lambda c: c.import_id != job)
            found = [(c.id, rows.get(c.id, 0), None, partner_of[c.id].id) for c in old]
            Matcher = self.env["telemarketing.import.matcher"]
            Matcher._add_changes(job, "partner_id", found, {})
            self._write_down(job, linked, partner_of, made, promoted, accounts, rows)
            if job.make_leads and stage == "prospect":
                self._make_leads(job, linked, rows)
        return len({partner.id for partner in made.values()}), doubts

    def _same_hands(self, contact, partner):
        """What was found elsewhere is believed, but for whose it is."""
        return (
            partner.exists()
            and partner.telemarketing_principal_id == contact.principal_id
            and partner.company_id in (contact.company_id, self.env["res.company"])
        )

    def _promote(self, partners, stage):
        """:return: ``{partner id: stage before}`` of those who moved on"""
        moved = partners.filtered(
            lambda p: p.funnel_stage != stage and p.funnel_stage != "client"
        )
        before = {partner.id: partner.funnel_stage for partner in moved}
        moved.write({"funnel_stage": stage})
        return before

    def _make(self, contacts, stage):
        """Partners of contacts that are nobody yet; two rows of one person, one.

        :return: ``({contact id: partner}, {contact id: notice})``
        """
        Partner = self.env["res.partner"]
        heads, head_of, taken = [], {}, {}
        for contact in contacts:
            twin = next(
                (
                    taken[key]
                    for key in self._scoped_keys(contact)
                    if key in taken and not self._is_other(contact, taken[key])
                ),
                None,
            )
            head_of[contact.id] = twin or contact
            if not twin:
                heads.append(contact)
            for key in self._scoped_keys(contact):
                taken.setdefault(key, head_of[contact.id])
        values = [
            {**contact._prepare_partner_values(), "funnel_stage": stage}
            for contact in heads
        ]
        made, failed = {}, {}
        try:
            with self.env.cr.savepoint():
                partners = Partner.create(values)
                self.env.flush_all()
            made = {
                contact.id: partner
                for contact, partner in zip(heads, partners, strict=True)
            }
        except SerializationFailure:
            raise
        except (UserError, ValidationError, DatabaseError):
            # One of a thousand: the others do not pay for it.
            self.env.invalidate_all()
            for contact, vals in zip(heads, values, strict=True):
                try:
                    with self.env.cr.savepoint():
                        made[contact.id] = Partner.create(vals)
                        self.env.flush_all()
                except SerializationFailure:
                    raise
                except (UserError, ValidationError, DatabaseError) as error:
                    why = str(error.args[0] if error.args else error)[:80]
                    failed[contact.id] = ["partner_refused", why, {}, "name", None]
        for contact in contacts:
            head = head_of[contact.id]
            if head.id in made:
                made[contact.id] = made[head.id]
        return made, failed

    def _scoped_keys(self, contact):
        hands = (contact.company_id.id, contact.principal_id.id)
        return [(*hands, *key) for key in self._keys(contact)]

    def _write_partners(self, partner_of):
        """Past the ORM, which would ask consents and gate once per person."""
        if not partner_of:
            return
        self.env.flush_all()
        self.env.cr.execute_values(
            """UPDATE telemarketing_contact c SET partner_id = v.partner
               FROM (VALUES %s) AS v(contact, partner)
               WHERE c.id = v.contact
                 AND c.partner_id IS DISTINCT FROM v.partner""",
            [(contact, partner.id) for contact, partner in partner_of.items()],
            page_size=5000,
        )
        ids = list(partner_of)
        self.env["telemarketing.contact"].browse(ids).invalidate_recordset(
            ["partner_id", "funnel_stage"]
        )
        self.env["res.partner"].invalidate_model(["telemarketing_contact_ids"])
        # What the ledger says of the partner is said of the contact too.
        self.env["telemarketing.consent"]._refresh_contacts(ids, gate=False)
        self.env["telemarketing.target"]._refresh_gate(
            contacts=self.env["telemarketing.contact"].browse(ids)
        )

    def _add_accounts(self, contacts, partner_of):
        """The account that the file says, where the partner lacks it.

        :return: ``{partner id: [account ids]}`` of those added
        """
        wanted = {}
        for contact in contacts.filtered("iban"):
            number = "".join(contact.iban.split()).upper()
            wanted.setdefault((partner_of[contact.id].id, number), contact)
        if not wanted:
            return {}
        Bank = self.env["res.partner.bank"].with_context(active_test=False)
        there = Bank.search(
            [
                ("partner_id", "in", list({partner for partner, _iban in wanted})),
                ("sanitized_acc_number", "in", list({iban for _p, iban in wanted})),
            ]
        )
        has = {(bank.partner_id.id, bank.sanitized_acc_number) for bank in there}
        values = [
            {"partner_id": partner, "acc_number": iban}
            for partner, iban in wanted
            if (partner, iban) not in has
        ]
        added = {}
        for bank in Bank.create(values):
            added.setdefault(bank.partner_id.id, []).append(bank.id)
        return added

    def _write_down(self, job, contacts, partner_of, made, promoted, accounts, rows):
        """One line a partner: created (nothing before) or what changed in it."""
        values, seen = [], set()
        made_ids = {partner.id for partner in made.values()}
        for contact in contacts:
            partner = partner_of[contact.id]
            if partner.id in seen:
                continue
            seen.add(partner.id)
            new = {"funnel_stage": partner.funnel_stage}
            if partner.id in accounts:
                new["bank_ids"] = accounts[partner.id]
            old = False
            if partner.id not in made_ids:
                if partner.id not in promoted and partner.id not in accounts:
                    continue
                old = {"funnel_stage": promoted.get(partner.id, partner.funnel_stage)}
            values.append(
                {
                    "import_id": job.id,
                    "contact_id": contact.id,
                    "partner_id": partner.id,
                    "row": rows.get(contact.id, 0),
                    "old_values": old,
                    "new_values": new,
                }
            )
        self.env["telemarketing.import.change"].create(values)

    # OPPORTUNITIES

    def _make_leads(self, job, contacts, rows):
        """An open opportunity for each prospect that has none, as a call makes it."""
        wanted = contacts.filtered(
            lambda c: not (c.lead_id and c.lead_id.active) and c.partner_id
        )
        if not wanted:
            return
        leads = self.env["crm.lead"].create(
            [contact._prepare_lead_values(job.campaign_id) for contact in wanted]
        )
        self.env.flush_all()
        self.env.cr.execute_values(
            """UPDATE telemarketing_contact c SET lead_id = v.lead
               FROM (VALUES %s) AS v(contact, lead) WHERE c.id = v.contact""",
            [(c.id, lead.id) for c, lead in zip(wanted, leads, strict=True)],
            page_size=5000,
        )
        wanted.invalidate_recordset(["lead_id"])
        self.env["telemarketing.import.change"].create(
            [
                {
                    "import_id": job.id,
                    "contact_id": contact.id,
                    "row": rows.get(contact.id, 0),
                    "old_values": {"lead_id": False},
                    "new_values": {"lead_id": lead.id},
                }
                for contact, lead in zip(wanted, leads, strict=True)
            ]
        )


def _other_name(one, other):
    """Do two names have no word in common? "Peña, Carmen" and "C. Peña" have one; a
    name that is missing says nothing."""
    words = [
        {word for word in fold(name or "").split() if len(word) > 1}
        for name in (one, other)
    ]
    return bool(words[0] and words[1] and not words[0] & words[1])
