from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ..identity.nif import parse_nif
from ..identity.phone import parse_phone

PENINSULA = ZoneInfo("Europe/Madrid")
UTC = ZoneInfo("UTC")
#: Days before the end within which a consent is worth renewing.
EXPIRING_DAYS = 60
#: Days in which who said no is not asked again.
ASK_AGAIN_DAYS = 365


def spanish_day(at):
    """Calendar day in Madrid of a naive UTC instant."""
    return at.replace(tzinfo=UTC).astimezone(PENINSULA).date()


def start_of_day(day):
    """Naive UTC instant at which a day begins in Madrid."""
    local = datetime.combine(day, time(), PENINSULA)
    return local.astimezone(UTC).replace(tzinfo=None)


class TelemarketingConsent(models.Model):
    """Who agreed to what, towards whom, when, with which proof.

    One row per purpose. A row is added to (its withdrawal, its proof), never
    rewritten and never deleted. Consent to commercial calls counts for two years
    from the day it was given or expressly renewed (TRLGDCU art. 62.1, as of Ley
    10/2025): renewing makes a new row, chained to the one before it.

    Whom a row reaches: the contact or partner that it names; where it names nobody,
    whoever has its number, or everybody of its file. A withdrawal is believed also
    for whoever shares the number or the NIF, and no file's date beats it: only what
    the person gives later, in a row of their own. Never another advertiser or another
    company.
    """

    _name = "telemarketing.consent"
    _description = "Consent"
    _order = "id desc"
    _rec_name = "contact_id"
    _check_company_auto = True

    # Proof: nobody changes these, not even the system.
    _facts = frozenset(
        (
            "company_id",
            "principal_id",
            "purpose",
            "channel",
            "given_at",
            "refused_at",
            "text_id",
            "text_version",
            "source",
            "renewal_of_id",
            "database_id",
            "interaction_id",
            "voided_at",
        )
    )
    # Proof too; the system may blank them when a person's data are erased.
    _links = frozenset(
        (
            *("contact_id", "partner_id", "number_id", "vat", "evidence", "link"),
            "recording_id",
        )
    )
    # May be added once, later.
    _added = frozenset(
        (
            "withdrawn_at",
            "withdrawal_channel",
            "withdrawal_reason",
            "withdrawal_interaction_id",
            "evidence",
            "evidence_name",
            "link",
            "recording_id",
        )
    )
    _channels = [
        ("call", "In a call"),
        ("form", "Form"),
        ("paper", "On paper"),
        ("file", "In a loaded file"),
        ("web", "On a web site"),
        ("mail", "By mail"),
    ]

    company_id = fields.Many2one(
        "res.company",
        required=True,
        compute="_compute_towards",
        store=True,
        readonly=False,
        precompute=True,
    )
    contact_id = fields.Many2one(
        "telemarketing.contact",
        "Person",
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Prospect or Client",
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
    )
    number_id = fields.Many2one(
        "telemarketing.number", index="btree_not_null", check_company=True
    )
    vat = fields.Char(
        "NIF",
        readonly=True,
        index="btree_not_null",
        help="A withdrawal holds for everybody of this NIF, in every file.",
    )
    database_id = fields.Many2one(
        "telemarketing.database",
        "Whole File",
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
        help="Without a person: this consent is that of everybody in the file. With "
        "one: the file in which it came.",
    )
    principal_id = fields.Many2one(
        "res.partner",
        "Advertiser",
        compute="_compute_towards",
        store=True,
        readonly=False,
        precompute=True,
        index="btree_not_null",
        help="Towards whom. Empty: towards us.",
    )
    purpose = fields.Selection(
        [
            ("call", "Commercial calls"),
            ("robot", "Automatic calls"),
            ("sms", "SMS"),
            ("email", "E-mail"),
            ("recording", "Recording of the call"),
        ],
        required=True,
        default="call",
        help="Each purpose has its own row: they are given and withdrawn apart.",
    )
    channel = fields.Selection(selection=_channels, required=True, default="form")
    given_at = fields.Datetime("Given on")
    refused_at = fields.Datetime(
        "Refused on", readonly=True, help="Asked, the person said no."
    )
    expires_on = fields.Date(
        "Counts Until",
        compute="_compute_state",
        help="Last day on which a call may rest on it (TRLGDCU art. 62.1).",
    )
    state = fields.Selection(
        [
            ("valid", "Valid"),
            ("expiring", "Ends soon"),
            ("expired", "Too old"),
            ("renewed", "Renewed"),
            ("withdrawn", "Withdrawn"),
            ("refused", "Refused"),
            ("void", "Loaded by mistake"),
        ],
        "Status",
        compute="_compute_state",
        search="_search_state",
    )
    voided_at = fields.Datetime(
        "Void since",
        readonly=True,
        help="The file that claimed it was loaded by mistake and taken back: nobody "
        "gave it, and nobody took it back.",
    )
    withdrawn_at = fields.Datetime("Withdrawn on")
    withdrawal_channel = fields.Selection(selection=_channels)
    withdrawal_reason = fields.Char()
    withdrawal_interaction_id = fields.Many2one(
        "telemarketing.interaction",
        "Withdrawn in the Call",
        readonly=True,
        index="btree_not_null",
    )
    text_id = fields.Many2one(
        "telemarketing.consent.text",
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
        help="What the person was told, word for word.",
    )
    text_version = fields.Char(
        "Text Agreed to",
        compute="_compute_text_version",
        store=True,
        readonly=False,
        precompute=True,
        help="Name and version of the text, also where it is not ours.",
    )
    source = fields.Char(help="Where it was given: form, fair, file and row…")
    evidence = fields.Binary("Proof", attachment=True)
    evidence_name = fields.Char()
    link = fields.Char("Link to the Proof")
    recording_id = fields.Many2one("telemarketing.recording", index="btree_not_null")
    interaction_id = fields.Many2one(
        "telemarketing.interaction", "Call", readonly=True, index="btree_not_null"
    )
    renewal_of_id = fields.Many2one(
        "telemarketing.consent",
        "Renews",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    renewed_by_ids = fields.One2many(
        "telemarketing.consent", "renewal_of_id", "Renewals", readonly=True
    )
    create_uid = fields.Many2one("res.users", "Recorded by", readonly=True)

    _said_something = models.Constraint(
        "CHECK (given_at IS NOT NULL OR withdrawn_at IS NOT NULL"
        " OR refused_at IS NOT NULL)",
        "Say when the consent was given.",
    )
    _in_order = models.Constraint(
        "CHECK (withdrawn_at >= given_at)",
        "A consent is not withdrawn before it is given.",
    )

    # COMPUTES

    @api.depends("contact_id", "database_id")
    def _compute_towards(self):
        for consent in self:
            said = consent.contact_id or consent.database_id
            if said:
                consent.company_id = said.company_id
                consent.principal_id = said.principal_id
            else:
                consent.company_id = consent.company_id or consent.env.company

    @api.depends("text_id")
    def _compute_text_version(self):
        for consent in self:
            consent.text_version = (
                consent.text_id.display_name or consent.text_version or False
            )

    @api.depends(
        *("given_at", "refused_at", "withdrawn_at", "voided_at"),
        "renewed_by_ids.given_at",
    )
    def _compute_state(self):
        today = spanish_day(self.env["telemarketing.clock"]._now())
        for consent in self:
            last = consent._last_day()
            consent.expires_on = last
            if consent.voided_at:
                consent.state = "void"
            elif consent.withdrawn_at:
                consent.state = "withdrawn"
            elif not consent.given_at:
                consent.state = "refused" if consent.refused_at else False
            elif consent.renewed_by_ids:
                consent.state = "renewed"
            elif last < today:
                consent.state = "expired"
            elif last < today + timedelta(days=EXPIRING_DAYS):
                consent.state = "expiring"
            else:
                consent.state = "valid"

    def _last_day(self):
        """Last day on which a call may rest on this consent, or False."""
        if not self.given_at:
            return False
        return self._until(spanish_day(self.given_at), self.company_id)

    @api.model
    def _until(self, given_on, company):
        """The same for a consent of that day towards that company."""
        years, whole = self._term(company)
        last = given_on + relativedelta(years=years)
        return last if whole else last - timedelta(days=1)

    @api.model
    def _term(self, company):
        """``(years, whether the anniversary itself counts)`` by the company's rules."""
        rules = self.env["telemarketing.calling.rules"].sudo()._for(company)._kernel()
        return rules.consent_years, rules.consent_last_day

    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        today = spanish_day(self.env["telemarketing.clock"]._now())
        void = Domain("voided_at", "!=", False)
        given = Domain("given_at", "!=", False) & Domain("withdrawn_at", "=", False)
        given &= ~void
        alone = given & Domain("renewed_by_ids", "=", False)

        def first(days, company):
            """Given before this instant, it does not count ``days`` from now."""
            years, whole = self._term(company)
            since = today + timedelta(days=days) - relativedelta(years=years)
            return start_of_day(since if whole else since + timedelta(days=1))

        found = {
            "void": void,
            "withdrawn": Domain("withdrawn_at", "!=", False) & ~void,
            "renewed": given & Domain("renewed_by_ids", "!=", False),
            "refused": Domain("given_at", "=", False)
            & Domain("refused_at", "!=", False)
            & Domain("withdrawn_at", "=", False),
        }
        for state in ("valid", "expiring", "expired"):
            found[state] = Domain.FALSE
        for company in self.env.companies:
            own = alone & Domain("company_id", "=", company.id)
            now, soon = first(0, company), first(EXPIRING_DAYS, company)
            found["expired"] |= own & Domain("given_at", "<", now)
            found["expiring"] |= (
                own & Domain("given_at", ">=", now) & Domain("given_at", "<", soon)
            )
            found["valid"] |= own & Domain("given_at", ">=", soon)
        return Domain.OR(found[state] for state in value if state in found)

    @api.depends("contact_id", "partner_id", "number_id", "database_id", "purpose")
    def _compute_display_name(self):
        purposes = dict(self._fields["purpose"]._description_selection(self.env))
        for consent in self:
            who = (
                consent.contact_id
                or consent.partner_id
                or consent.number_id
                or consent.database_id
            )
            consent.display_name = (
                f"{who.display_name or ''} · {purposes.get(consent.purpose, '')}"
            )

    # CHECKS

    @api.constrains("given_at", "withdrawn_at", "refused_at")
    def _check_past(self):
        now = self.env["telemarketing.clock"]._now() + timedelta(minutes=5)
        for consent in self:
            if any(
                at and at > now
                for at in (consent.given_at, consent.withdrawn_at, consent.refused_at)
            ):
                raise ValidationError(
                    self.env._("A consent is neither given nor withdrawn in advance.")
                )

    @api.constrains(
        *("contact_id", "partner_id", "number_id", "vat", "database_id"),
        "principal_id",
    )
    def _check_whose(self):
        """What a row names is of one person, towards that person's advertiser."""
        for consent in self:
            contact, database = consent.contact_id, consent.database_id
            if contact.database_id.training or database.training:
                raise ValidationError(
                    self.env._("An invented person consents to nothing.")
                )
            partly = consent.partner_id or consent.number_id
            if not (contact or partly or database):
                raise ValidationError(self.env._("Say whose consent it is."))
            # A number blanked by an erasure must not make it the whole file's.
            if database and partly and not contact:
                raise ValidationError(
                    self.env._("A consent is of one person or of a whole file.")
                )
            for said in (contact, database):
                if said and (
                    said.principal_id != consent.principal_id
                    or said.company_id != consent.company_id
                ):
                    raise ValidationError(
                        self.env._(
                            "These people are called for another advertiser: a "
                            "consent never passes from one to another."
                        )
                    )
            if consent.vat and not (contact and consent.withdrawn_at):
                raise ValidationError(
                    self.env._("Only a person's withdrawal goes by the NIF.")
                )
            if not contact:
                continue
            foreign = (
                (consent.partner_id and consent.partner_id != contact.partner_id)
                or (
                    consent.number_id
                    and consent.number_id not in contact.phone_ids.number_id
                )
                or (consent.vat and consent.vat != contact.vat)
                or (database and database != contact.database_id)
            )
            if foreign:
                raise ValidationError(
                    self.env._(
                        "The client, the number or the file is not this person's."
                    )
                )

    @api.constrains("renewal_of_id", "purpose", "principal_id", "company_id")
    def _check_renewal(self):
        for consent in self.filtered("renewal_of_id"):
            before = consent.renewal_of_id
            if (
                before.purpose != consent.purpose
                or before.principal_id != consent.principal_id
                or before.company_id != consent.company_id
            ):
                raise ValidationError(
                    self.env._(
                        "A renewal is for the same purpose and the same advertiser."
                    )
                )

    # CRUD

    @api.model_create_multi
    def create(self, vals_list):
        consents = super().create(vals_list)
        consents._refresh_people()
        return consents

    def write(self, vals):
        self._check_only_added(vals)
        if vals.get("withdrawn_at") and not vals.get("withdrawal_channel"):
            vals = {**vals, "withdrawal_channel": "form"}
        result = super().write(vals)
        if "withdrawn_at" in vals or self._links & set(vals):
            self._refresh_people()
        return result

    def _check_only_added(self, vals):
        """Proof grows; it is not rewritten."""
        for consent in self:
            for name in set(vals) & (self._facts | self._links | self._added):
                field = self._fields[name]
                if name in self._links and self.env.su:
                    continue
                if name == "evidence":
                    before = consent._has_evidence()
                else:
                    before = consent.sudo()[name]
                if name in self._added and not before:
                    continue
                after = vals[name]
                if field.type == "datetime":
                    after = fields.Datetime.to_datetime(after)
                elif field.type == "many2one":
                    before = before.id
                if (before or False) != (after or False):
                    raise UserError(
                        self.env._(
                            "“%s” of a consent is proof and stays as it is. Withdraw "
                            "the consent and write down another.",
                            field.get_description(self.env)["string"],
                        )
                    )

    def _has_evidence(self):
        """Asked of the database: cached file sizes outlive a write."""
        return bool(
            self.env["ir.attachment"]
            .sudo()
            .search_count(
                [
                    ("res_model", "=", self._name),
                    ("res_field", "=", "evidence"),
                    ("res_id", "=", self.id),
                ],
                limit=1,
            )
        )

    @api.ondelete(at_uninstall=False)
    def _never_unlink(self):
        # What a retention rule erases goes through the system and says so.
        if self.env.su and self.env.context.get("telemarketing_retention"):
            return
        raise UserError(
            self.env._("Consents are kept as proof; withdraw them instead.")
        )

    # ACTIONS

    def action_open_renew(self):
        return self._open_wizard("renew", self.env._("Renew"))

    def action_open_withdraw(self):
        return self._open_wizard("withdraw", self.env._("Withdraw"))

    def _open_wizard(self, which, name):
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": f"telemarketing.consent.{which}",
            "view_mode": "form",
            "target": "new",
            "context": {"active_model": self._name, "active_ids": self.ids},
        }

    @api.private
    def _withdraw(self, at, channel, reason=False, interaction=None):
        """Taken back: from that instant none of these counts.

        :return: those that stood until now
        """
        standing = self.filtered(
            lambda c: c.given_at and not c.withdrawn_at and not c.voided_at
        )
        standing.write(
            {
                "withdrawn_at": at,
                "withdrawal_channel": channel,
                "withdrawal_reason": reason,
                "withdrawal_interaction_id": interaction.id if interaction else False,
            }
        )
        return standing

    @api.private
    def _withdraw_everywhere(self, at, channel, reason=False, objection=True):
        """Taken back by the people themselves: also what stands of them in other
        files, by their numbers and their NIF.

        :param objection: not to be called any more either, where it was a consent to
            calls and nothing was agreed to since
        :return: ``(those that stood until now, exclusions that say so)``
        """
        standing = self._withdraw(at, channel, reason)
        Exclusion = self.env["telemarketing.exclusion"].sudo()
        barred = Exclusion.browse()
        source = reason or self.env._("Withdrawal of the consent")
        people = {}
        for consent in standing:
            # A whole file is nobody's own word.
            for contact in consent._whose():
                people.setdefault(contact, set()).add(consent.purpose)
        self._spread(people, at, channel, reason)
        if not objection:
            return standing, barred
        for contact, purposes in people.items():
            if "call" in purposes and not contact.consented_on:
                barred |= self._object(contact, at, channel, source)[0]
        for consent in standing.filtered(lambda c: c.purpose == "call"):
            if not consent._whose() and not consent._given_later():
                barred |= self._object_nameless(consent, at, channel, source)
        return standing, barred

    def _whose(self):
        """The people in our lists whom this row names."""
        self.ensure_one()
        if self.contact_id or not self.partner_id:
            return self.contact_id
        return (
            self.env["telemarketing.contact"]
            .sudo()
            .with_context(active_test=False)
            .search(
                [
                    ("partner_id", "=", self.partner_id.id),
                    ("company_id", "=", self.company_id.id),
                    ("principal_id", "=", self.principal_id.id),
                ]
            )
        )

    def _given_later(self):
        """Was the same given again, by whom this names, after this was withdrawn?"""
        self.ensure_one()
        return self.sudo().search_count(
            [
                ("partner_id", "=", self.partner_id.id),
                ("number_id", "=", self.number_id.id),
                ("contact_id", "=", False),
                ("database_id", "=", self.database_id.id),
                ("company_id", "=", self.company_id.id),
                ("principal_id", "=", self.principal_id.id),
                ("purpose", "=", self.purpose),
                ("given_at", ">", self.withdrawn_at),
                ("withdrawn_at", "=", False),
                ("voided_at", "=", False),
            ],
            limit=1,
        )

    @api.private
    def _renew(self, values):
        """New rows, chained to these; ``values`` say when, how and with which proof."""
        if self.filtered(lambda c: not c.given_at or c.voided_at):
            raise UserError(self.env._("What was never given is not renewed."))
        return self.create(
            [
                {
                    **{
                        name: consent[name].id
                        for name in (
                            *("company_id", "contact_id", "partner_id", "number_id"),
                            *("database_id", "principal_id"),
                        )
                    },
                    "purpose": consent.purpose,
                    "renewal_of_id": consent.id,
                    **values,
                }
                for consent in self
            ]
        )

    # WHO MAY BE CALLED BECAUSE OF IT

    @api.private
    def _refresh_people(self):
        """Bring ``consented_on`` of everybody whom these rows reach in line."""
        rows = self.sudo()
        files = rows.filtered(
            lambda c: (
                c.database_id and not (c.contact_id or c.partner_id or c.number_id)
            )
        )
        Contact = self.env["telemarketing.contact"].sudo()
        Contact = Contact.with_context(active_test=False)
        partners = rows.partner_id | rows.contact_id.partner_id
        domain = Domain("id", "in", rows.contact_id.ids)
        if partners:
            domain |= Domain("partner_id", "in", partners.ids)
        if rows.number_id:
            domain |= Domain("phone_ids.number_id", "in", rows.number_id.ids)
        vats = [vat for vat in rows.mapped("vat") if vat]
        if vats:
            domain |= Domain("vat", "in", vats) & Domain(
                "company_id", "in", rows.company_id.ids
            )
        self._refresh_contacts(Contact.search(domain).ids)
        self._refresh_databases(files.database_id)

    @api.model
    def _refresh_contacts(self, contact_ids, gate=True):
        """Their ``consented_on`` and ``robot_consented_on`` from the ledger.

        :param gate: also ask again whether those who changed may be called
        :return: ids of the contacts that changed
        """
        if not contact_ids:
            return []
        changed = self._write_consented("c.id = ANY(%(ids)s)", list(contact_ids))
        if changed and gate:
            contacts = self.env["telemarketing.contact"].sudo().browse(changed)
            self.env["telemarketing.target"]._refresh_gate(contacts=contacts)
        return changed

    @api.model
    def _refresh_databases(self, databases, gate=True):
        """The same for everybody in these files."""
        if not databases:
            return
        changed = self._write_consented("c.database_id = ANY(%(ids)s)", databases.ids)
        if changed and gate:
            self.env["telemarketing.target"]._refresh_gate(
                campaigns=databases.sudo().campaign_id
            )

    def _write_consented(self, where, ids):
        """One statement for one person or for a million.

        Effective: the last given towards the person's advertiser that no later
        withdrawal took back. Of a file whose stated basis is consent, everybody
        gave it on the file's date; but who ever took a consent back gives it anew in
        a row of their own, whatever date a file states (RGPD art. 7.1 and 7.3: ours
        to prove, theirs to end).
        """
        cr = self.env.cr
        self.env.flush_all()
        # ``where`` is one of the two constants above.
        cr.execute(
            f"""
            WITH people AS (
                SELECT c.id, c.partner_id, c.company_id, c.principal_id,
                       c.database_id, c.vat,
                       CASE WHEN COALESCE(c.legal_basis, d.legal_basis) = 'consent'
                            THEN COALESCE(c.basis_date,
                                          CASE WHEN d.legal_basis = 'consent'
                                               THEN d.basis_date END)
                       END AS basis_on
                FROM telemarketing_contact c
                JOIN telemarketing_database d ON d.id = c.database_id
                WHERE {where}
            ), reached AS (
                SELECT p.id AS contact, r.id AS row, TRUE AS named, TRUE AS own
                FROM people p JOIN telemarketing_consent r ON r.contact_id = p.id
                UNION ALL
                SELECT p.id, r.id, TRUE, TRUE
                FROM people p
                JOIN telemarketing_consent r ON r.partner_id = p.partner_id
                UNION ALL
                SELECT p.id, r.id, TRUE, TRUE
                FROM people p
                JOIN telemarketing_contact kin
                  ON kin.partner_id = p.partner_id AND kin.id <> p.id
                JOIN telemarketing_consent r ON r.contact_id = kin.id
                UNION ALL
                SELECT p.id, r.id, r.contact_id IS NULL AND r.partner_id IS NULL, TRUE
                FROM people p
                JOIN telemarketing_contact_phone n
                  ON n.contact_id = p.id AND n.state = 'ok'
                JOIN telemarketing_consent r ON r.number_id = n.number_id
                UNION ALL
                SELECT p.id, r.id, FALSE, TRUE
                FROM people p
                JOIN telemarketing_consent r ON r.vat = p.vat
                UNION ALL
                SELECT p.id, r.id, TRUE, FALSE
                FROM people p
                JOIN telemarketing_consent r ON r.database_id = p.database_id
                WHERE num_nonnulls(r.contact_id, r.partner_id, r.number_id) = 0
            ), said AS (
                SELECT p.id AS contact, r.purpose, x.own, r.withdrawn_at,
                       CASE WHEN x.named AND r.withdrawn_at IS NULL
                            THEN r.given_at END AS given_at
                FROM reached x
                JOIN people p ON p.id = x.contact
                JOIN telemarketing_consent r ON r.id = x.row
                WHERE r.company_id = p.company_id
                  AND r.principal_id IS NOT DISTINCT FROM p.principal_id
                  AND r.purpose IN ('call', 'robot') AND r.voided_at IS NULL
                UNION ALL
                SELECT p.id, 'call', FALSE, NULL,
                       p.basis_on::timestamp AT TIME ZONE 'Europe/Madrid'
                                             AT TIME ZONE 'UTC'
                FROM people p WHERE p.basis_on IS NOT NULL
            ), last AS (
                SELECT contact, purpose,
                       max(given_at) FILTER (WHERE own) AS given_by_them,
                       CASE WHEN NOT bool_or(own AND withdrawn_at IS NOT NULL)
                            THEN max(given_at) END AS given_at,
                       max(withdrawn_at) AS withdrawn_at
                FROM said GROUP BY contact, purpose
            ), days AS (
                SELECT contact, purpose,
                       (COALESCE(given_at, given_by_them)
                            AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Madrid')::date
                           AS day
                FROM last
                WHERE COALESCE(given_at, given_by_them)
                      > COALESCE(withdrawn_at, '-infinity')
            ), due AS (
                SELECT p.id, k.day AS call, b.day AS robot
                FROM people p
                LEFT JOIN days k ON k.contact = p.id AND k.purpose = 'call'
                LEFT JOIN days b ON b.contact = p.id AND b.purpose = 'robot'
            )
            UPDATE telemarketing_contact c
            SET consented_on = due.call, robot_consented_on = due.robot
            FROM due
            WHERE c.id = due.id
              AND (c.consented_on, c.robot_consented_on)
                  IS DISTINCT FROM (due.call, due.robot)
            RETURNING c.id""",  # pylint: disable=sql-injection
            {"ids": ids},
        )
        changed = [row[0] for row in cr.fetchall()]
        self.env["telemarketing.contact"].invalidate_model(
            ["consented_on", "robot_consented_on"]
        )
        return changed

    # ONE PERSON

    @api.model
    def _reaching(self, contact, purposes=("call",)):
        """Rows that speak of this person towards the advertiser, newest first."""
        contact = contact.sudo()
        who = Domain("contact_id", "=", contact.id)
        if contact.partner_id:
            who |= Domain("partner_id", "=", contact.partner_id.id)
            who |= Domain("contact_id.partner_id", "=", contact.partner_id.id)
        nobody = Domain("contact_id", "=", False) & Domain("partner_id", "=", False)
        phones = contact.phone_ids.filtered(lambda p: p.state == "ok")
        if phones.number_id:
            whose = nobody | Domain("withdrawn_at", "!=", False)
            who |= whose & Domain("number_id", "in", phones.number_id.ids)
        if contact.vat:
            who |= Domain("withdrawn_at", "!=", False) & Domain("vat", "=", contact.vat)
        who |= (
            nobody
            & Domain("number_id", "=", False)
            & Domain("database_id", "=", contact.database_id.id)
        )
        return self.sudo().search_fetch(
            who
            & Domain("company_id", "=", contact.company_id.id)
            & Domain("principal_id", "=", contact.principal_id.id)
            & Domain("purpose", "in", list(purposes))
            & Domain("voided_at", "=", False),
            [
                *("contact_id", "purpose", "given_at", "refused_at", "withdrawn_at"),
                *("channel", "text_version", "source"),
            ],
            order="given_at DESC, id DESC",
        )

    @api.model
    def _state_for(self, contact, now):
        """What the desk shows of a person's consent to commercial calls.

        :return: ``{state: 'valid' | 'expiring' | 'expired' | 'withdrawn' | 'none',
            given_on, until, channel, text, ask}``; dates ISO or False; ``ask``: it is
            worth asking for it in this call
        """
        contact = contact.sudo()
        today = spanish_day(now)
        rows = self._reaching(contact)
        given = contact.consented_on
        values = {
            "state": "none",
            "given_on": False,
            "until": False,
            "channel": "",
            "text": "",
        }
        if given:
            until = self._until(given, contact.company_id)
            if until < today:
                values["state"] = "expired"
            elif until < today + timedelta(days=EXPIRING_DAYS):
                values["state"] = "expiring"
            else:
                values["state"] = "valid"
            row = rows.filtered(
                lambda r: (
                    r.given_at
                    and not r.withdrawn_at
                    and spanish_day(r.given_at) == given
                )
            )[:1]
            channels = dict(self._fields["channel"]._description_selection(self.env))
            values |= {
                "given_on": fields.Date.to_string(given),
                "until": fields.Date.to_string(until),
                "channel": channels[row.channel or "file"],
                "text": row.text_version
                or row.source
                or contact.basis_source
                or contact.database_id.basis_source
                or "",
            }
        elif rows.filtered("withdrawn_at"):
            values["state"] = "withdrawn"
        since = now - timedelta(days=ASK_AGAIN_DAYS)
        said_no = rows.filtered(
            lambda r: (
                max(filter(None, (r.refused_at, r.withdrawn_at)), default=since) > since
            )
        )
        values["ask"] = bool(
            values["state"] != "valid" and not contact.is_company and not said_no
        )
        return values

    @api.private
    def _record(self, contact, purposes, values):
        """Write down what this person said, a row per purpose.

        What was given renews the last one that stands.
        """
        consents = self.sudo()
        before = self._reaching(contact, purposes).filtered(
            lambda c: (
                c.given_at
                and not c.withdrawn_at
                and not c.renewed_by_ids
                and c.contact_id == contact
            )
        )
        for purpose in purposes:
            chained = before.filtered(lambda c, p=purpose: c.purpose == p)[:1]
            consents |= self.sudo().create(
                {
                    "contact_id": contact.id,
                    "purpose": purpose,
                    "renewal_of_id": chained.id if values.get("given_at") else False,
                    **values,
                }
            )
        return consents

    @api.private
    def _take_back(self, contact, purposes, at, channel, reason, interaction):
        """Withdraw what this person gave for these purposes, in the ledger or in the
        file that states it, wherever else they stand in our lists."""
        standing = self._reaching(contact, purposes).filtered(
            lambda c: c.contact_id == contact and c.given_at and not c.withdrawn_at
        )
        standing._withdraw(at, channel, reason, interaction)
        self._spread({contact: purposes}, at, channel, reason, interaction)

    @api.private
    def _spread(self, people, at, channel, reason, interaction=None, source=False):
        """A withdrawal for each number of these people, with the NIF: another file
        may bring them again, today or later, as somebody else.

        :param dict people: ``{contact: purposes}``
        """
        own_vat = self.env["telemarketing.exclusion"].sudo()._own_vat
        return self.sudo().create(
            [
                {
                    "contact_id": contact.id,
                    "number_id": number,
                    "vat": own_vat(contact.sudo()),
                    "purpose": purpose,
                    "channel": channel,
                    "withdrawn_at": at,
                    "withdrawal_channel": channel,
                    "withdrawal_reason": reason,
                    "withdrawal_interaction_id": interaction and interaction.id,
                    "source": source,
                }
                for contact, purposes in people.items()
                for purpose in sorted(purposes)
                for number in contact.sudo().phone_ids.number_id.ids or [False]
            ]
        )

    @api.private
    def _object(self, contact, at, channel, source, interaction=None):
        """No more calls: who takes back the consent to them objects to them, also
        where another basis would do (TRLGDCU art. 96.5), towards the advertiser.

        :return: as ``telemarketing.exclusion._record``
        """
        contact = contact.sudo()
        Exclusion = self.env["telemarketing.exclusion"].sudo()
        return Exclusion.with_company(contact.company_id)._record_person(
            contact,
            **self._objection(contact.principal_id, at, channel, source),
            interaction_id=interaction.id if interaction else False,
        )

    def _object_nameless(self, consent, at, channel, source):
        """The same of a number or a client who is nobody in our lists. Nobody speaks
        for a whole file."""
        company, partner = consent.company_id, consent.partner_id
        numbers, vats = set(consent.number_id.ids), []
        phone, nif = parse_phone(partner.phone or ""), parse_nif(partner.vat or "")
        if phone:
            Number = self.env["telemarketing.number"].sudo()
            numbers |= set(Number._get_or_create(company, [phone]).values())
        if nif:
            vats.append(nif.number)
        return (
            self.env["telemarketing.exclusion"]
            .sudo()
            .with_company(company)
            ._record(
                company,
                numbers=numbers,
                vats=vats,
                **self._objection(consent.principal_id, at, channel, source),
            )[0]
        )

    @api.model
    def _objection(self, principal, at, channel, source):
        return {
            "scope": "principal" if principal else "all",
            "principal_id": principal.id,
            "reason": "objection",
            "channel": {"paper": "hand", "web": "form"}.get(channel, channel),
            "source": source,
            "date": at,
        }


class TelemarketingConsentText(models.Model):
    """What people are told when they are asked for their consent. Once somebody
    answered to it, it never changes: another wording is another version."""

    _name = "telemarketing.consent.text"
    _description = "Consent Text"
    _order = "name, version desc, id desc"
    _check_company_auto = True

    name = fields.Char(required=True)
    version = fields.Char(required=True, default="1")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        help="Empty: for all companies.",
    )
    principal_id = fields.Many2one(
        "res.partner",
        "Advertiser",
        domain="[('telemarketing_is_principal', '=', True)]",
        help="Empty: for every advertiser; {advertiser} stands for its name.",
    )
    lang = fields.Selection(
        [
            ("es", "Spanish"),
            ("ca", "Catalan"),
            ("gl", "Galician"),
            ("eu", "Basque"),
            ("en", "English"),
            ("fr", "French"),
            ("de", "German"),
            ("pt", "Portuguese"),
            ("it", "Italian"),
            ("ro", "Romanian"),
            ("ar", "Arabic"),
        ],
        "Language",
        help="Empty: for people of any language.",
    )
    body = fields.Text(
        "Text",
        required=True,
        help="Read aloud word for word. {advertiser} and {company} are put in.",
    )
    consent_ids = fields.One2many("telemarketing.consent", "text_id", readonly=True)
    used = fields.Boolean(compute="_compute_used")

    _version_uniq = models.UniqueIndex(
        "(COALESCE(company_id, 0), COALESCE(principal_id, 0), name, version,"
        " COALESCE(lang, ''))",
        "This version of the text exists already.",
    )

    @api.depends("name", "version")
    def _compute_display_name(self):
        for text in self:
            text.display_name = f"{text.name} v{text.version}" if text.name else ""

    @api.depends("consent_ids")
    def _compute_used(self):
        used = {
            text.id
            for (text,) in self.env["telemarketing.consent"]
            .sudo()
            ._read_group([("text_id", "in", self.ids)], ["text_id"])
        }
        for text in self:
            text.used = text.id in used

    def write(self, vals):
        if set(vals) - {"active"}:
            for text in self:
                if text.used:
                    raise UserError(
                        self.env._(
                            "Somebody has answered to %s: make a new version instead "
                            "of changing it.",
                            text.display_name,
                        )
                    )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_only_unused(self):
        for text in self:
            if text.used:
                raise UserError(
                    self.env._(
                        "Somebody has answered to %s: archive it.", text.display_name
                    )
                )

    def action_new_version(self):
        """The same text with the next number, open to be changed; this one rests."""
        self.ensure_one()
        family = self.with_context(active_test=False).search(
            [
                ("name", "=", self.name),
                ("company_id", "=", self.company_id.id),
                ("principal_id", "=", self.principal_id.id),
                ("lang", "=", self.lang),
            ]
        )
        numbers = [int(text.version) for text in family if text.version.isdigit()]
        copy = self.copy({"version": str(max(numbers, default=0) + 1)})
        self.active = False
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": copy.id,
            "view_mode": "form",
        }

    @api.model
    def _for(self, contact):
        """The text to read to this person: its advertiser's own first, then in the
        person's language, then the newest; or none."""
        texts = self._for_reading(contact)
        lang = (contact.lang or "es").split("_")[0]

        def rank(text):
            return (
                bool(text.principal_id),
                # without a language, for any; Spanish before a third one
                (lang == text.lang) * 3 or (not text.lang) * 2 or text.lang == "es",
                bool(text.company_id),
                text.id,
            )

        # A text in a language that is not theirs is better than none.
        return max(texts, key=rank, default=self.browse())

    @api.model
    def _for_reading(self, contact):
        """Every text that may be read to this person."""
        contact = contact.sudo()
        return self.sudo().search(
            [
                ("company_id", "in", (False, contact.company_id.id)),
                ("principal_id", "in", (False, contact.principal_id.id)),
            ]
        )

    def _rendered(self, contact):
        """The words themselves."""
        contact = contact.sudo()
        company = contact.company_id.name or ""
        return (
            (self.sudo().body or "")
            .replace("{advertiser}", contact.principal_id.name or company)
            .replace("{company}", company)
        )
