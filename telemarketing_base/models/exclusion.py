from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain

from ..compliance.terms import objection_proof_due
from ..identity.nif import parse_nif
from ..identity.phone import format_phone, parse_phone

MANAGER = "telemarketing_base.group_manager"
REASONS = [
    ("objection", "They objected"),
    ("request", "Written request"),
    ("robinson", "Lista Robinson"),
    ("deceased", "Has died"),
    ("minor", "Under age"),
    ("internal", "Our decision"),
]
CHANNELS = [
    ("call", "In a call"),
    ("file", "In a file"),
    ("mail", "By mail"),
    ("form", "By form"),
    ("hand", "By hand"),
    ("blacklist", "Odoo's blacklist"),
]
SCOPES = [
    ("all", "Everywhere"),
    ("principal", "For a client company"),
    ("campaign", "In a campaign"),
]
# Who objects is owed a proof of it.
RECEIPT_REASONS = ("objection", "request")
# The person's own word: it ends by a manager's hand where it holds everywhere, and
# never because Odoo's blacklist let the number go.
OWN_WORD = ("objection", "request", "robinson")
# More names than this on one NIF: it was made up to fill a column (see
# docs/decisions/0008) and bars nobody by itself.
MAX_NAMES = 5
# Up to so many entries of Odoo's blacklist say in their chatter where they come from.
TOLD = 20
TAKEN_AT_ONCE = 5000

# Contacts whom these exclusions name: by number, NIF or as such; by their indexes.
_REACHED = """
    SELECT p.contact_id AS id FROM telemarketing_exclusion x
    JOIN telemarketing_contact_phone p ON p.number_id = x.number_id
    WHERE x.id = ANY(%(ids)s)
    UNION SELECT k.id FROM telemarketing_exclusion x
    JOIN telemarketing_contact k ON k.vat = x.vat AND k.company_id = x.company_id
    WHERE x.id = ANY(%(ids)s)
    UNION SELECT x.contact_id FROM telemarketing_exclusion x
    WHERE x.id = ANY(%(ids)s) AND x.contact_id IS NOT NULL"""


class TelemarketingExclusion(models.Model):
    """Somebody who must not be called, by whom and why.

    Whom: a number, everybody of a NIF, or a person as such (all their numbers). What
    one person said at once stands in one row per number and NIF, under one reference.
    Scope: everywhere (an objection to being called by us), for one principal, or
    in one campaign. Lifted, never deleted: whoever asks must be shown the history.
    """

    _name = "telemarketing.exclusion"
    _description = "Exclusion"
    _order = "id desc"
    _rec_name = "reference"
    _check_company_auto = True

    reference = fields.Char(
        required=True,
        readonly=True,
        copy=False,
        index=True,
        default=lambda self: self._references(1)[0],
        help="The number that the person is given (TRLGDCU art. 96.5).",
    )
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    number_id = fields.Many2one(
        "telemarketing.number", index=True, ondelete="restrict", check_company=True
    )
    e164 = fields.Char("E.164", related="number_id.e164", store=True, index=True)
    vat = fields.Char(
        "NIF", index="btree_not_null", help="Bars everybody of this NIF in our lists."
    )
    contact_id = fields.Many2one(
        "telemarketing.contact", index="btree_not_null", ondelete="set null"
    )
    who = fields.Char(
        compute="_compute_who",
        search="_search_who",
        help="Number, NIF or person.",
    )
    scope = fields.Selection(SCOPES, required=True, default="all")
    principal_id = fields.Many2one("res.partner", index="btree_not_null")
    campaign_id = fields.Many2one("telemarketing.campaign", index="btree_not_null")
    reason = fields.Selection(REASONS, required=True, default="objection")
    channel = fields.Selection(CHANNELS, required=True, default="hand")
    source = fields.Char(help="Where it comes from: the call, the file and its row…")
    date = fields.Datetime(
        required=True, default=lambda self: self.env["telemarketing.clock"]._now()
    )
    interaction_id = fields.Many2one("telemarketing.interaction", readonly=True)
    load_id = fields.Many2one(
        "telemarketing.exclusion.load",
        "Loaded File",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    lifted_at = fields.Datetime(readonly=True)
    lifted_by_id = fields.Many2one("res.users", readonly=True)
    lifted_reason = fields.Char(readonly=True)
    in_force = fields.Boolean(compute="_compute_in_force", store=True)
    receipt_due = fields.Date(
        compute="_compute_receipt_due",
        store=True,
        precompute=True,
        help="The person is owed a proof of the objection within a month "
        "(TRLGDCU art. 96.5).",
    )
    receipt_sent_at = fields.Datetime("Receipt Sent", readonly=True)
    receipt_channel = fields.Selection(
        [
            ("mail", "E-mail"),
            ("sms", "SMS"),
            ("hand", "Printed, handed over or posted"),
        ],
        "Receipt Sent by",
        readonly=True,
    )
    receipt_mail_id = fields.Many2one("mail.mail", readonly=True, ondelete="set null")
    receipt_sms_id = fields.Many2one("sms.sms", readonly=True, ondelete="set null")
    receipt_failed = fields.Boolean(
        compute="_compute_receipt_failed",
        search="_search_receipt_failed",
        compute_sudo=True,
        help="The mail or the SMS could not be delivered.",
    )
    receipt_email = fields.Char(compute="_compute_receipt_to", compute_sudo=True)
    receipt_phone = fields.Char(compute="_compute_receipt_to", compute_sudo=True)
    receipt_lang = fields.Char(compute="_compute_receipt_to", compute_sudo=True)
    receipt_numbers = fields.Char(
        compute="_compute_receipt_numbers",
        compute_sudo=True,
        help="All that the person's reference covers.",
    )
    receipt_scope = fields.Char(compute="_compute_receipt_scope", compute_sudo=True)
    log_ids = fields.One2many("telemarketing.exclusion.log", "exclusion_id")

    # The same word of the same person once; another reason is another word, and
    # ends by its own lifting.
    _one_in_force = models.UniqueIndex(
        "(company_id, number_id, scope, reason, COALESCE(principal_id, 0),"
        " COALESCE(campaign_id, 0))"
        " WHERE lifted_at IS NULL AND number_id IS NOT NULL",
        "This number is already excluded in the same way.",
    )
    _one_vat_in_force = models.UniqueIndex(
        "(company_id, vat, scope, reason, COALESCE(principal_id, 0),"
        " COALESCE(campaign_id, 0))"
        " WHERE lifted_at IS NULL AND number_id IS NULL AND vat IS NOT NULL",
        "This NIF is already excluded in the same way.",
    )
    _one_person_in_force = models.UniqueIndex(
        "(contact_id, scope, reason, COALESCE(principal_id, 0),"
        " COALESCE(campaign_id, 0))"
        " WHERE lifted_at IS NULL AND number_id IS NULL AND vat IS NULL",
        "This person is already excluded in the same way.",
    )

    # COMPUTES

    @api.depends("lifted_at")
    def _compute_in_force(self):
        for exclusion in self:
            exclusion.in_force = not exclusion.lifted_at

    @api.depends("date", "reason", "channel", "company_id")
    def _compute_receipt_due(self):
        for exclusion in self:
            exclusion.receipt_due = self._receipt_due_of(
                exclusion.company_id,
                exclusion.date,
                exclusion.reason,
                exclusion.channel,
            )

    @api.model
    def _receipt_due_of(self, company, date, reason, channel):
        """A month after the person told us (TRLGDCU art. 96.5). Who told somebody
        else (a principal's file, an SMS list) has the proof from there."""
        if reason not in RECEIPT_REASONS or channel in ("file", "blacklist"):
            return False
        tz = company.partner_id.tz or "Europe/Madrid"
        day = fields.Datetime.context_timestamp(self.with_context(tz=tz), date).date()
        return objection_proof_due(day)

    @api.depends("receipt_mail_id.state", "receipt_sms_id.state")
    def _compute_receipt_failed(self):
        for exclusion in self:
            exclusion.receipt_failed = exclusion.receipt_mail_id.state in (
                "exception",
                "cancel",
            ) or exclusion.receipt_sms_id.state in ("error", "canceled")

    def _search_receipt_failed(self, operator, value):
        if operator != "in":
            return NotImplemented
        # Users read neither queue.
        failed = Domain(
            "receipt_mail_id", "any!", [("state", "in", ("exception", "cancel"))]
        ) | Domain("receipt_sms_id", "any!", [("state", "in", ("error", "canceled"))])
        return failed if True in value else ~failed

    @api.depends("contact_id", "number_id", "reference")
    def _compute_receipt_to(self):
        installed = dict(self.env["res.lang"].get_installed())
        for exclusion in self:
            contact = exclusion.contact_id
            exclusion.receipt_email = contact.email
            mobiles = (exclusion.number_id | contact.phone_ids.number_id).filtered(
                lambda number: number.kind == "mobile"
            )
            exclusion.receipt_phone = mobiles[:1].e164
            wanted = (contact.lang, exclusion.company_id.partner_id.lang, "es_ES")
            exclusion.receipt_lang = next(
                (code for code in wanted if code in installed), self.env.lang
            )

    @api.depends("reference", "who")
    def _compute_receipt_numbers(self):
        for exclusion in self:
            rows = exclusion._case().filtered(lambda row: row.number_id or row.vat)
            exclusion.receipt_numbers = ", ".join(rows.mapped("who"))

    @api.depends("scope", "principal_id", "campaign_id")
    @api.depends_context("lang")
    def _compute_receipt_scope(self):
        for exclusion in self:
            company = exclusion.company_id.name
            if exclusion.scope == "principal":
                exclusion.receipt_scope = self.env._(
                    "calls by %(center)s on behalf of %(principal)s",
                    center=company,
                    principal=exclusion.principal_id.name,
                )
            elif exclusion.scope == "campaign":
                exclusion.receipt_scope = self.env._(
                    "calls by %(center)s in the campaign %(campaign)s",
                    center=company,
                    campaign=exclusion.campaign_id.name,
                )
            else:
                exclusion.receipt_scope = self.env._(
                    "every commercial call by %(center)s, on anybody's behalf",
                    center=company,
                )

    @api.depends("e164", "vat", "contact_id.display_name")
    def _compute_who(self):
        for exclusion in self:
            exclusion.who = (
                format_phone(exclusion.e164 or "")
                or exclusion.vat
                or exclusion.contact_id.display_name
            )

    def _search_who(self, operator, value):
        """By number or NIF in whatever form it is written, person or reference."""
        if operator not in ("=", "ilike", "in"):
            return NotImplemented
        values = [value] if isinstance(value, str) else value
        return Domain.OR(
            self._who_domain(text.strip())
            for text in values
            if isinstance(text, str) and text.strip()
        )

    @api.model
    def _who_domain(self, text):
        phone, nif = parse_phone(text), parse_nif(text)
        if phone:
            return Domain("e164", "=", phone.e164)
        if nif:
            return Domain("vat", "=", nif.number) | Domain(
                "contact_id.vat", "=", nif.number
            )
        found = Domain("reference", "ilike", text) | Domain(
            "contact_id.name", "ilike", text
        )
        digits = "".join(filter(str.isdigit, text))
        if len(digits) >= 3 and not any(map(str.isalpha, text)):
            found |= Domain("e164", "like", digits)
        return found | Domain("vat", "ilike", text)

    @api.constrains("number_id", "vat", "contact_id")
    def _check_who(self):
        for exclusion in self:
            if exclusion.contact_id.database_id.training:
                raise ValidationError(
                    self.env._("An invented person is excluded by nobody.")
                )
            if not (exclusion.number_id or exclusion.vat or exclusion.contact_id):
                raise ValidationError(
                    self.env._("Say whom it excludes: a number, a NIF or a person.")
                )

    @api.constrains("scope", "principal_id", "campaign_id")
    def _check_scope(self):
        for exclusion in self:
            if exclusion.scope == "campaign" and not exclusion.campaign_id:
                raise ValidationError(self.env._("Say which campaign is excluded."))
            if exclusion.scope == "principal" and not exclusion.principal_id:
                raise ValidationError(
                    self.env._("Say for which client company they must not be called.")
                )

    # CRUD

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if vals.get("vat"):
                vals["vat"] = self._tidy_vat(vals["vat"])
        exclusions = super().create(vals_list)
        exclusions.sudo()._take_effect()
        return exclusions

    @api.ondelete(at_uninstall=False)
    def _never_unlink(self):
        raise ValidationError(
            self.env._(
                "Exclusions are kept as proof (TRLGDCU art. 96.5); lift it instead."
            )
        )

    @api.model
    def _tidy_vat(self, text):
        nif = parse_nif(text)
        return nif.number if nif else text.strip().upper()

    @api.model
    def _references(self, count):
        """So many new reference numbers, in one query where the sequence allows."""
        Sequence = self.env["ir.sequence"].sudo()
        code = "telemarketing.exclusion"
        sequence = Sequence.search(
            [("code", "=", code), ("company_id", "in", (self.env.company.id, False))],
            order="company_id",
            limit=1,
        )
        if count == 1 or sequence.implementation != "standard":
            return [Sequence.next_by_code(code) for _place in range(count)]
        if sequence.use_date_range:
            return [sequence._next() for _place in range(count)]
        self.env.cr.execute(
            "SELECT nextval(%s) FROM generate_series(1, %s)",
            [f"ir_sequence_{sequence.id:03d}", count],
        )
        numbers = [row[0] for row in self.env.cr.fetchall()]
        prefix, suffix = sequence._get_prefix_suffix()
        padding = sequence.padding
        return [f"{prefix}{number:0{padding}d}{suffix}" for number in numbers]

    # RECORDING

    @api.model
    def _record(self, company, contact=None, numbers=(), vats=(), **values):
        """What one person said at once: a row for each number and NIF, under one
        reference. What stands already in the same way stays as it is.

        Called with ``sudo``, after the caller's checks.

        :param numbers: ids of ``telemarketing.number``
        :param values: scope, principal_id, campaign_id, reason, channel, source,
            interaction_id
        :return: ``(all that stand now, those of them that are new)``
        """
        values = {
            "company_id": company.id,
            "contact_id": contact.id if contact else False,
            "principal_id": False,
            "campaign_id": False,
            **values,
        }
        domain = Domain(
            [
                ("lifted_at", "=", False),
                *(
                    (name, "=", values[name])
                    for name in (
                        "company_id",
                        "scope",
                        "reason",
                        "principal_id",
                        "campaign_id",
                    )
                ),
            ]
        )
        keys = [{"number_id": number} for number in sorted(set(numbers))]
        who = Domain("number_id", "in", list(numbers))
        keys += [{"vat": vat} for vat in sorted(set(vats))]
        who |= Domain("number_id", "=", False) & Domain("vat", "in", list(vats))
        if contact and not keys:
            keys.append({})
            who = Domain(
                [
                    ("number_id", "=", False),
                    ("vat", "=", False),
                    ("contact_id", "=", contact.id),
                ]
            )
        standing = self.search(domain & who)
        known = {
            (row.number_id.id, False if row.number_id else row.vat) for row in standing
        }
        new = [
            key
            for key in keys
            if (key.get("number_id", False), key.get("vat", False)) not in known
        ]
        if not new:
            return standing, self.browse()
        reference = self._references(1)[0]
        added = self.create([{**values, **key, "reference": reference} for key in new])
        return standing | added, added

    @api.model
    def _record_person(self, contact, **values):
        """``_record`` for all the numbers and the NIF of a contact."""
        vat = self._own_vat(contact)
        return self._record(
            contact.company_id,
            contact=contact,
            numbers=contact.phone_ids.number_id.ids,
            vats=[vat] if vat else [],
            **values,
        )

    @api.model
    def _record_many(self, company, rows, **values):
        """``_record`` for half a million: set-based, in whatever the caller takes for
        a chunk. What stands already in the same way stays as it is.

        :param list rows: ``(number id or None, E.164 or None, NIF or None, reference
            or None, source)``; without a reference each gets its own
        :param values: scope, reason, channel; principal_id, campaign_id, load_id
        :return: ids of those that are new
        """
        if not rows:
            return []
        missing = sum(not row[3] for row in rows)
        fresh = iter(self._references(missing) if missing else [])
        now = self.env["telemarketing.clock"]._now()
        self.env.flush_all()
        self.env.cr.execute(
            """INSERT INTO telemarketing_exclusion (
                   number_id, e164, vat, reference, source, company_id, scope,
                   principal_id, campaign_id, reason, channel, load_id, date,
                   receipt_due, in_force, create_uid, create_date, write_uid,
                   write_date)
               SELECT number, e164, vat, reference, source, %(company)s, %(scope)s,
                      %(principal)s, %(campaign)s, %(reason)s, %(channel)s, %(load)s,
                      %(now)s, %(due)s, true, %(uid)s, now() at time zone 'UTC',
                      %(uid)s, now() at time zone 'UTC'
               FROM unnest(%(numbers)s::int[], %(e164s)s::text[], %(vats)s::text[],
                           %(references)s::text[], %(sources)s::text[])
                    AS row(number, e164, vat, reference, source)
               ON CONFLICT DO NOTHING RETURNING id""",
            {
                "company": company.id,
                "scope": values["scope"],
                "principal": values.get("principal_id") or None,
                "campaign": values.get("campaign_id") or None,
                "reason": values["reason"],
                "channel": values["channel"],
                "load": values.get("load_id") or None,
                "now": now,
                "due": self._receipt_due_of(
                    company, now, values["reason"], values["channel"]
                )
                or None,
                "uid": self.env.uid,
                "numbers": [row[0] for row in rows],
                "e164s": [row[1] for row in rows],
                "vats": [row[2] for row in rows],
                "references": [row[3] or next(fresh) for row in rows],
                "sources": [row[4] for row in rows],
            },
        )
        added = self.browse(row[0] for row in self.env.cr.fetchall())
        self.invalidate_model()
        self.env.cr.execute(
            """INSERT INTO telemarketing_exclusion_log (
                   exclusion_id, company_id, at, user_id, what, detail,
                   create_uid, create_date, write_uid, write_date)
               SELECT id, company_id, date, %(uid)s, 'created', source,
                      %(uid)s, create_date, %(uid)s, create_date
               FROM telemarketing_exclusion WHERE id = ANY(%(ids)s)""",
            {"uid": self.env.uid, "ids": added.ids},
        )
        added._apply()
        added._mirror()
        return added.ids

    @api.model
    def _own_vat(self, contact):
        """The contact's NIF if it can be theirs: files repeat made-up ones, and one
        no must not empty a list."""
        if not contact.vat:
            return None
        self.env.cr.execute(
            """SELECT count(DISTINCT lower(name)) FROM (
                   SELECT name FROM telemarketing_contact
                   WHERE vat = %s AND company_id = %s LIMIT 1000) AS namesakes""",
            [contact.vat, contact.company_id.id],
        )
        return contact.vat if self.env.cr.fetchone()[0] <= MAX_NAMES else None

    @api.private
    def _take_effect(self, what="created", detail=None):
        """In every list and in Odoo's blacklist, at once."""
        standing = self.filtered("in_force")
        self._log(what, detail)
        standing._apply()
        standing._mirror()

    @api.private
    def _apply(self):
        """Whom these reach is asked again: out of the lists at once, or by the queue
        where they are thousands. What is on a desk is left to its close, which asks
        again, and is refused if it is dialled."""
        if self:
            self.env["telemarketing.target"]._refresh_gate(
                contacts=self._people(), reason=self.env._("Exclusions")
            )

    @api.private
    def _people(self):
        """Contacts that these name, by number, NIF or as such."""
        self.env.flush_all()
        self.env.cr.execute(_REACHED, {"ids": self.ids})
        ids = [row[0] for row in self.env.cr.fetchall()]
        return self.env["telemarketing.contact"].sudo().browse(ids)

    # LIFTING

    def action_lift(self, reason):
        """Lift, with the reason kept. What the person objected to stays in the log.

        The person's own word that holds everywhere is a manager's to lift: it binds
        campaigns that a supervisor does not see (docs/decisions/0011).
        """
        reason = self._check_reason(reason)
        self.check_access("write")
        standing = self.filtered("in_force")
        if not self.env.su and not self.env.user.has_group(MANAGER):
            theirs = standing.filtered(
                lambda e: e.scope == "all" and e.reason in OWN_WORD
            )
            if theirs:
                raise AccessError(
                    self.env._(
                        "%s holds everywhere because the person asked for it: ask a "
                        "manager to lift it.",
                        ", ".join(sorted(set(theirs.mapped("reference")))[:10]),
                    )
                )
        standing.sudo()._lift(reason)
        return True

    def action_restore(self, reason):
        """A lifting that was a mistake: in force again, as it was."""
        reason = self._check_reason(reason)
        self.check_access("write")
        lifted = self.filtered("lifted_at").sudo()
        lifted.write(
            {"lifted_at": False, "lifted_by_id": False, "lifted_reason": False}
        )
        lifted._take_effect("restored", reason)
        return True

    def _check_reason(self, reason):
        if not isinstance(reason, str) or not reason.strip():
            raise ValidationError(self.env._("Say why: it is kept with the exclusion."))
        return reason.strip()[:500]

    @api.private
    def _lift(self, reason):
        self.write(
            {
                "lifted_at": self.env["telemarketing.clock"]._now(),
                "lifted_by_id": self.env.uid,
                "lifted_reason": reason,
            }
        )
        self._log("lifted", reason)
        self._unmirror()
        self.env["telemarketing.target"]._revive(self._people())

    # RECEIPT

    @api.private
    def _case(self):
        """All rows of these references: what one person said at once."""
        return self.sudo().search(
            [
                ("reference", "in", self.mapped("reference")),
                ("company_id", "in", self.company_id.ids),
            ]
        )

    def action_send_receipt(self):
        """Send the person the proof: by mail, or SMS where there is only a mobile.

        One for each reference. Who has neither is told to the caller, to be printed.
        """
        self.check_access("write")
        sent, unreachable = 0, []
        for exclusion in self.sudo()._one_per_reference():
            if exclusion.receipt_email:
                exclusion._send_receipt_mail()
            elif exclusion.receipt_phone:
                exclusion._send_receipt_sms()
            else:
                unreachable.append(exclusion.reference)
                continue
            sent += 1
        if unreachable and not sent:
            raise UserError(
                self.env._(
                    "There is neither a mail address nor a mobile for %s: print the "
                    "receipt and post it.",
                    ", ".join(unreachable[:10]),
                )
            )
        message = self.env._("%s receipts are on their way.", sent)
        if unreachable:
            message += " " + self.env._(
                "To be printed, for want of mail and mobile: %s",
                ", ".join(unreachable[:10]),
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning" if unreachable else "success",
                "message": message,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_print_receipt(self):
        """The proof on paper. Whoever hands it over or posts it says so then."""
        self.check_access("write")
        self.sudo()._one_per_reference()._log("printed")
        return self.env.ref(
            "telemarketing_base.report_exclusion_receipt"
        ).report_action(self._one_per_reference())

    def action_receipt_handed_over(self):
        self.check_access("write")
        for exclusion in self.sudo()._one_per_reference():
            exclusion._receipt_sent("hand", self.env._("Handed over or posted"))
        return True

    @api.private
    def _one_per_reference(self):
        first = {}
        for exclusion in self:
            first.setdefault((exclusion.company_id, exclusion.reference), exclusion)
        return self.browse(exclusion.id for exclusion in first.values())

    def _send_receipt_mail(self):
        template = self.env.ref("telemarketing_base.mail_template_exclusion_receipt")
        mail = template.sudo().send_mail(
            self.id, email_values={"auto_delete": False}, force_send=False
        )
        self._receipt_sent("mail", self.receipt_email, receipt_mail_id=mail)

    def _send_receipt_sms(self):
        spoken = self.with_context(lang=self.receipt_lang)
        body = spoken.env._(
            "%(center)s: your objection is recorded with the number %(reference)s on "
            "%(date)s, for %(scope)s. To stop calls by others: www.listarobinson.es. "
            "Complaints: www.aepd.es",
            center=self.company_id.name,
            reference=self.reference,
            date=self._local_date(),
            scope=spoken.receipt_scope,
        )
        # Straight to the queue: a proof that is owed is no advertising, and the
        # number stands on the blacklist by now.
        sms = self.env["sms.sms"].create({"number": self.receipt_phone, "body": body})
        self._receipt_sent("sms", self.receipt_phone, receipt_sms_id=sms.id)

    def _local_date(self):
        """Day of the objection, as the company's place writes it."""
        tz = self.company_id.partner_id.tz or "Europe/Madrid"
        at = fields.Datetime.context_timestamp(self.with_context(tz=tz), self.date)
        return f"{at:%d/%m/%Y}"

    def _receipt_sent(self, channel, detail, **values):
        self._case().write(
            {
                "receipt_sent_at": self.env["telemarketing.clock"]._now(),
                "receipt_channel": channel,
                "receipt_mail_id": False,
                "receipt_sms_id": False,
                **values,
            }
        )
        self._log("receipt", detail)

    # ODOO'S BLACKLIST

    @api.private
    def _mirror(self):
        """What holds everywhere stands in ``phone.blacklist`` too: no SMS either."""
        everywhere = self.filtered(lambda e: e.scope == "all" and e.e164)
        if everywhere:
            self.env["phone.blacklist"].sudo()._telemarketing_add(
                {row.e164: row.reference for row in everywhere}
            )

    @api.private
    def _unmirror(self):
        """A number that nothing bars everywhere any more, in no company."""
        numbers = set(self.filtered(lambda e: e.scope == "all").mapped("e164"))
        numbers -= set(
            self.sudo()
            .search(
                [
                    ("e164", "in", list(numbers - {False})),
                    ("scope", "=", "all"),
                    ("lifted_at", "=", False),
                ]
            )
            .mapped("e164")
        )
        if numbers - {False}:
            self.env["phone.blacklist"].sudo()._telemarketing_remove(
                list(numbers - {False})
            )

    @api.model
    def _blacklisted(self, phones, companies=None):
        """Odoo put these numbers on its blacklist: excluded in every company where
        they are not yet.

        :param list phones: of ``identity.phone.Phone``
        """
        source = self.env._("Odoo's telephone blacklist")
        if companies is None:
            companies = self.env["res.company"].sudo().search([("active", "=", True)])
        for company in companies:
            numbers = self.env["telemarketing.number"]._get_or_create(company, phones)
            standing = self.search(
                [
                    ("company_id", "=", company.id),
                    ("number_id", "in", list(numbers.values())),
                    ("scope", "=", "all"),
                    ("lifted_at", "=", False),
                ]
            )
            known = set(standing.number_id.ids)
            self._record_many(
                company,
                [
                    (number, e164, None, None, source)
                    for e164, number in sorted(numbers.items())
                    if number not in known
                ],
                scope="all",
                reason="request",
                channel="blacklist",
            )

    @api.model
    def _take_blacklist(self, companies=None):
        """What stands on Odoo's blacklist when we, or a company, come."""
        Blacklist = self.env["phone.blacklist"].sudo()
        last = 0
        while True:
            entries = Blacklist.search(
                [("id", ">", last)], order="id", limit=TAKEN_AT_ONCE
            )
            if not entries:
                return
            last = entries[-1].id
            phones = [parse_phone(number) for number in entries.mapped("number")]
            self._blacklisted([phone for phone in phones if phone], companies)

    @api.model
    def _unblacklisted(self, numbers):
        """Odoo took these numbers off its blacklist. What came from there, and what
        was our own decision, ends; the person's own word does not."""
        if not numbers:
            return
        standing = self.search(
            [
                ("e164", "in", list(numbers)),
                ("scope", "=", "all"),
                ("lifted_at", "=", False),
            ]
        )
        ends = standing.filtered(
            lambda e: e.channel == "blacklist" or e.reason == "internal"
        )
        reason = self.env._("Taken out of Odoo's telephone blacklist")
        (standing - ends)._log(
            "unblacklisted", self.env._("This exclusion stays in force.")
        )
        ends._lift(reason)

    # LOG

    @api.private
    def _log(self, what, detail=None):
        now = self.env["telemarketing.clock"]._now()
        self.env["telemarketing.exclusion.log"].sudo().create(
            [
                {
                    "exclusion_id": exclusion.id,
                    "at": now,
                    "user_id": self.env.uid,
                    "what": what,
                    "detail": detail,
                }
                for exclusion in self
            ]
        )


class TelemarketingExclusionLog(models.Model):
    """What was done about an exclusion, by whom and when; only ever added to."""

    _name = "telemarketing.exclusion.log"
    _description = "Log of an Exclusion"
    _order = "id desc"
    _rec_name = "what"

    exclusion_id = fields.Many2one(
        "telemarketing.exclusion", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        related="exclusion_id.company_id", store=True, precompute=True
    )
    at = fields.Datetime(required=True)
    user_id = fields.Many2one("res.users", "By", required=True)
    what = fields.Selection(
        [
            ("created", "Recorded"),
            ("lifted", "Lifted"),
            ("restored", "In force again"),
            ("receipt", "Receipt sent"),
            ("printed", "Receipt printed"),
            ("blacklisted", "Added to Odoo's blacklist"),
            ("unblacklisted", "Taken out of Odoo's blacklist"),
        ],
        required=True,
    )
    detail = fields.Char()

    def write(self, vals):  # pylint: disable=method-required-super
        self.check_access("write")
        raise UserError(self.env._("What was logged does not change."))

    @api.ondelete(at_uninstall=False)
    def _never_unlink(self):
        raise UserError(self.env._("What was logged does not change."))
