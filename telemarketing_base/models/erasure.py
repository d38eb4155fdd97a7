from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import LockError, UserError, ValidationError

from ..identity.phone import parse_phone
from .guard import check_fields, without_defaults


class TelemarketingErasure(models.Model):
    """Somebody asked that a person's data are erased (GDPR art. 17).

    Shown, confirmed, then done: what will happen is written out before, what was
    kept and why after. Kept are identifiers that stop further calls (LOPDGDD
    art. 15.2), proofs, blocked (art. 32), and what rests on accounting documents.
    """

    _name = "telemarketing.erasure"
    _inherit = ["telemarketing.sight.mixin"]
    _description = "Request of Erasure"
    _order = "id desc"
    _rec_name = "reference"
    _sight_fields = ("contact_ids", "partner_ids")

    reference = fields.Char(required=True, readonly=True, copy=False, default="/")
    # As the caller: with sudo it would tell whose anybody's people are.
    company_id = fields.Many2one(
        "res.company",
        compute="_compute_whose",
        store=True,
        index=True,
        compute_sudo=False,
    )
    principal_id = fields.Many2one(
        "res.partner",
        "Client Company",
        compute="_compute_whose",
        store=True,
        compute_sudo=False,
    )
    contact_ids = fields.Many2many(
        "telemarketing.contact",
        "telemarketing_erasure_contact_rel",
        "erasure_id",
        "contact_id",
        "Contacts",
        context={"active_test": False},
        groups="telemarketing_base.group_manager",
        help="All of the same person, of one client company or of ours.",
    )
    partner_ids = fields.Many2many(
        "res.partner",
        "telemarketing_erasure_partner_rel",
        "erasure_id",
        "partner_id",
        "Prospects and Clients",
        context={"active_test": False},
        groups="telemarketing_base.group_manager",
    )
    requested_by = fields.Selection(
        [
            ("person", "The person"),
            ("representative", "Somebody for the person"),
            ("principal", "The client company"),
            ("authority", "An authority"),
        ],
        "Asked by",
        required=True,
        default="person",
    )
    requester = fields.Char(
        "Name of Who Asks", help="Blocked with the rest once the erasure is done."
    )
    channel = fields.Selection(
        [
            ("call", "In a call"),
            ("mail", "By mail"),
            ("form", "By form"),
            ("hand", "By hand"),
        ],
        required=True,
        default="mail",
    )
    requested_on = fields.Date(
        required=True,
        default=lambda self: self.env["telemarketing.clock"]._now().date(),
        help="It is answered within a month (GDPR art. 12.3).",
    )
    reach = fields.Selection(
        [
            ("all", "By nobody of ours again"),
            ("principal", "Not for this client company again"),
        ],
        "May Be Called",
        compute="_compute_reach",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        help="The numbers stay in the list of exclusions, and only there, so that the "
        "next file does not bring the person back.",
    )
    identity_checked = fields.Boolean("I have made sure who asks")
    state = fields.Selection(
        [
            ("draft", "Asked"),
            ("shown", "To be confirmed"),
            ("confirmed", "Confirmed"),
            ("done", "Erased"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
    )
    plan_html = fields.Html(
        "What Will Happen", readonly=True, export_string_translation=False
    )
    kept_html = fields.Html(
        "What Was Kept and Why", readonly=True, export_string_translation=False
    )
    shown_at = fields.Datetime(readonly=True)
    confirmed_at = fields.Datetime(readonly=True)
    confirmed_by_id = fields.Many2one("res.users", readonly=True)
    done_at = fields.Datetime(readonly=True)
    done_by_id = fields.Many2one("res.users", readonly=True)

    _caller_fields = (
        "contact_ids",
        "partner_ids",
        "requested_by",
        "requester",
        "channel",
        "requested_on",
        "reach",
        "identity_checked",
    )

    # CRUD

    @api.depends("contact_ids", "partner_ids")
    def _compute_whose(self):
        for erasure in self:
            contacts, partners = erasure.contact_ids, erasure.partner_ids
            erasure.company_id = (
                contacts.company_id[:1] or partners.company_id[:1] or self.env.company
            )
            erasure.principal_id = (
                contacts.principal_id | partners.telemarketing_principal_id
            )[:1]

    @api.depends("contact_ids", "partner_ids")
    def _compute_reach(self):
        for erasure in self:
            principal = (
                erasure.contact_ids.principal_id
                | erasure.partner_ids.telemarketing_principal_id
            )
            erasure.reach = erasure.reach or ("principal" if principal else "all")

    @api.constrains("contact_ids", "partner_ids", "reach")
    def _check_one_principal(self):
        for erasure in self:
            self.env["telemarketing.privacy.dossier"]._principal(
                erasure.contact_ids, erasure.partner_ids
            )
            if erasure.reach == "principal" and not erasure.principal_id:
                raise ValidationError(
                    self.env._("They are our own people: nobody of ours calls again.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, self._caller_fields)
            vals["reference"] = (
                self.env["ir.sequence"].sudo().next_by_code("telemarketing.erasure")
            )
        self = without_defaults(self, self._caller_fields)
        return super().create(vals_list)

    def write(self, vals):
        check_fields(self, vals, self._caller_fields)
        if not self.env.su and any(erasure.state != "draft" for erasure in self):
            raise UserError(
                self.env._(
                    "What was shown and confirmed does not change: take it back to "
                    "*Asked* first."
                )
            )
        return super().write(vals)

    # STEPS

    def _check_step(self, *states):
        self.ensure_one()
        self.check_access("write")
        if self.state not in states:
            labels = dict(self._fields["state"]._description_selection(self.env))
            raise UserError(
                self.env._(
                    "%(reference)s is in the state “%(state)s”: this step is not its "
                    "next.",
                    reference=self.reference,
                    state=labels[self.state],
                )
            )
        self._check_in_sight()

    def action_show(self):
        """First step: what would happen, in words, nothing done."""
        self._check_step("draft", "shown")
        if not self.contact_ids and not self.partner_ids:
            raise UserError(self.env._("Choose whose data are erased."))
        if not self.identity_checked:
            raise UserError(
                self.env._("Make sure who asks first, and say so by ticking the box.")
            )
        plan = self.sudo()._plan()
        self.sudo().write(
            {
                "state": "shown",
                "plan_html": self._sentences(plan["gone"], plan["kept"]),
                "shown_at": self.env["telemarketing.clock"]._now(),
            }
        )
        return True

    def action_confirm(self):
        """Second step: somebody has read it and says yes."""
        self._check_step("shown")
        self.sudo().write(
            {
                "state": "confirmed",
                "confirmed_at": self.env["telemarketing.clock"]._now(),
                "confirmed_by_id": self.env.uid,
            }
        )
        return True

    def action_draft(self):
        self._check_step("shown", "confirmed", "cancelled")
        self.sudo().write({"state": "draft", "plan_html": False, "confirmed_at": False})
        return True

    def action_cancel(self):
        self._check_step("draft", "shown", "confirmed")
        self.sudo().write({"state": "cancelled"})
        return True

    def action_erase(self):
        """Last step, which cannot be taken back."""
        self._check_step("confirmed")
        self.sudo()._erase()
        return True

    # WHAT IT IS ABOUT

    @api.private
    def _records(self):
        """Everything that the erasure touches, by name; with sudo.

        Contacts and prospects are those chosen, and each other's; numbers are the
        contacts' own.
        """
        self.ensure_one()
        everything = self.env["telemarketing.privacy"]._everything
        partners = everything("res.partner").browse(
            (self.partner_ids | self.contact_ids.partner_id).ids
        )
        partners = partners._telemarketing_with_merged().filtered(
            lambda p: p.telemarketing_principal_id == self.principal_id
        )
        # Merged records are one person: none of them survives.
        contacts = everything("telemarketing.contact").browse(
            self.contact_ids._with_merged().ids
        )
        numbers = contacts.phone_ids.number_id
        phones = [parse_phone(p.phone_sanitized) for p in partners if p.phone_sanitized]
        if phones:
            known = numbers._get_or_create(self.company_id, [p for p in phones if p])
            numbers |= numbers.browse(known.values())
        found = self.env["telemarketing.privacy"]._linked(
            contacts, partners, numbers.browse(), self.company_id
        )
        calls = found["telemarketing.interaction"].filtered(
            lambda i: i.principal_id == self.principal_id
        )
        leads = found["crm.lead"].filtered(
            lambda x: (
                not x.telemarketing_campaign_id
                or x.telemarketing_principal_id == self.principal_id
            )
        )
        privacy = self.env["telemarketing.privacy"]
        emails = [*contacts.mapped("email"), *partners.mapped("email_normalized")]
        vats = [*contacts.mapped("vat"), *partners.mapped("vat")]
        key = {
            "numbers": numbers.mapped("e164"),
            "vat": next((vat for vat in vats if vat), ""),
            "email": next((email for email in emails if email), ""),
            "name": contacts[:1].name or partners[:1].name or "",
        }
        needles = privacy._needles(
            key["numbers"], [(v or "").removeprefix("ES") for v in vats], emails
        )
        imports = contacts.import_id.filtered(lambda job: job._has_person(needles))
        imports |= privacy._imports_with(needles, self.company_id, self.principal_id)
        kept = self.env["telemarketing.privacy.eraser"]._kept_partners(partners)
        by_text = privacy._search_logs({**key, "name": ""}, [], self.company_id)
        return {
            "company": self.company_id,
            "key": key,
            "vats": {
                vat
                for vat in (
                    *(
                        self.env["telemarketing.exclusion"]._own_vat(c)
                        for c in contacts
                    ),
                    *((p.vat or "").removeprefix("ES") for p in partners),
                )
                if vat
            },
            "contacts": contacts,
            "numbers": numbers,
            "calls": calls,
            "recordings": calls.recording_ids.filtered(lambda r: not r.deleted_at),
            "consents": found["telemarketing.consent"].filtered(
                lambda c: c.principal_id == self.principal_id
            ),
            "leads": leads,
            "orders": found["sale.order"],
            "moves": found["account.move"],
            "imports": imports,
            "needles": needles,
            "logs": by_text,
            "cards": privacy._search_logs(
                {**key, "name": ""}, found["telemarketing.target"].ids, self.company_id
            )
            - by_text,
            "kept_partners": kept,
            "partners": partners - partners.browse([p.id for p in kept]),
        }

    @api.private
    def _plan(self):
        """``{gone: [sentence], kept: [sentence]}`` of what would happen now."""
        found = self._records()
        until = self.env["telemarketing.privacy.eraser"]._until(self.company_id)
        sharing = found["numbers"].phone_ids.contact_id - found["contacts"]
        gone = [
            self.env._(
                "%s contacts lose name, NIF, address, mail, date of birth, remarks, "
                "extra columns, telephones and the row as it was loaded; their open "
                "targets are closed.",
                len(found["contacts"]),
            )
        ]
        if found["calls"]:
            gone.append(
                self.env._(
                    "%s calls lose number, notes and to-dos.", len(found["calls"])
                )
            )
        if found["partners"]:
            gone.append(
                self.env._(
                    "%s prospects or clients are anonymised and archived, their "
                    "chatter deleted.",
                    len(found["partners"]),
                )
            )
        if found["leads"]:
            gone.append(
                self.env._("%s opportunities are anonymised.", len(found["leads"]))
            )
        for job in found["imports"]:
            gone.append(
                self.env._(
                    "The stored file %s and what was given back of it are deleted: "
                    "the person stands in them.",
                    job.filename,
                )
            )
        if found["logs"]:
            gone.append(
                self.env._(
                    "%s searches for the person lose their text.", len(found["logs"])
                )
            )
        kept = [
            self.env._(
                "%s numbers stay in the list of exclusions, so that nobody calls them "
                "again (LOPDGDD art. 15.2).",
                len(found["numbers"]),
            )
        ]
        if sharing:
            kept.append(
                self.env._(
                    "%s other people have one of these numbers: they will not be "
                    "called on it either.",
                    len(sharing),
                )
            )
        kept.append(
            self.env._(
                "Identity, %(consents)s consents, %(calls)s calls and %(recordings)s "
                "recordings are blocked until %(until)s, for courts and authorities "
                "only (LOPDGDD arts. 32 and 72).",
                consents=len(found["consents"]),
                calls=len(found["calls"]),
                recordings=len(found["recordings"]),
                until=until,
            )
        )
        for partner, why in found["kept_partners"].items():
            kept.append(
                self.env._(
                    "%(name)s stays as it is: %(why)s. Accounting documents are kept "
                    "by law (Código de Comercio art. 30).",
                    name=partner.display_name,
                    why=why,
                )
            )
        return {"gone": gone, "kept": kept}

    def _sentences(self, gone, kept):
        html = Markup()
        for title, sentences in (
            (self.env._("Erased"), gone),
            (self.env._("Kept"), kept),
        ):
            items = Markup().join(Markup("<li>%s</li>") % text for text in sentences)
            html += Markup("<h4>%s</h4><ul>%s</ul>") % (title, items)
        return html

    # DOING IT

    @api.private
    def _erase(self):
        self.ensure_one()
        eraser = self.env["telemarketing.privacy.eraser"]
        # Nobody leases, loads or writes them meanwhile.
        people = self.contact_ids._with_merged()
        people.target_ids.lock_for_update(allow_referencing=True)
        eraser._check_not_in_hands(people)
        found = self._records()
        self._check_not_loading(found["imports"])
        plan = self._plan()
        until = eraser._until(self.company_id)
        eraser._exclude(
            self.company_id,
            found["numbers"],
            found["vats"],
            self.reach,
            self.principal_id,
            self.channel,
            self.env._("Erasure %s", self.reference),
        )
        request = {"requested_by": self.requested_by, "requester": self.requester or ""}
        why = ("erasure", self.reference, until, request)
        eraser._block(found["contacts"].ids, *why)
        alone = found["partners"] - found["contacts"].partner_id
        eraser._block_partners(alone, found, *why)
        eraser._block_recordings(found["recordings"].interaction_id.ids, until)
        self._forget_campaign_notes(found)
        found["imports"]._forget_files()
        self.env["telemarketing.import.watch.file"]._forget_people(
            found["needles"], self.company_id, self.principal_id
        )
        # Made anew where it is asked for, without the person.
        self.env["telemarketing.evidence.file"].search(
            [
                ("campaign_id", "in", found["contacts"].campaign_id.ids),
                ("state", "=", "done"),
            ]
        )._forget_files()
        shown = set(found["contacts"].target_ids.ids)
        for log in found["logs"] | found["cards"]:
            log.target_ids = [
                card for card in log.target_ids or [] if card not in shown
            ]
        found["logs"].write({"text": "…"})
        eraser._empty(found["contacts"].ids)
        eraser._blank("telemarketing.interaction", found["calls"].ids)
        eraser._blank("telemarketing.consent", found["consents"].ids)
        eraser._empty_partners(found["partners"], found["leads"])
        self.env.invalidate_all(flush=False)
        kept = plan["kept"]
        self.env["telemarketing.privacy"]._log(
            found["key"],
            self.env._("Erased by request %s", self.reference),
            records="\n".join([*plan["gone"], *kept]),
        )
        self.write(
            {
                "state": "done",
                "done_at": self.env["telemarketing.clock"]._now(),
                "done_by_id": self.env.uid,
                "requester": False,
                "plan_html": False,
                "kept_html": self._sentences(
                    [self._nameless(text, found) for text in plan["gone"]],
                    [self._nameless(text, found) for text in kept],
                ),
            }
        )

    def _check_not_loading(self, imports):
        """Raise while one of these files is being loaded or undone: it would bring
        the person, or rows with him, back. The files are held, so that nobody begins
        to load one before the erasure is written; who began a moment ago makes us
        ask again (serialization failure)."""
        try:
            imports.lock_for_update(allow_referencing=True)
            busy = imports.filtered(lambda job: job.state in ("loading", "undoing"))
        except LockError:
            busy = imports
        if busy:
            raise UserError(
                self.env._(
                    "%s is being loaded and the person stands in it. Wait until it "
                    "is loaded, or stop it.",
                    ", ".join(busy.mapped("filename")),
                )
            )

    def _nameless(self, text, found):
        """What is kept with the request names nobody any more."""
        for partner in found["kept_partners"]:
            text = text.replace(partner.display_name, f"#{partner.id}")
        return text

    def _forget_campaign_notes(self, found):
        """To-dos that calls left with their campaign name the person."""
        names = {contact.display_name for contact in found["contacts"]}
        campaigns = found["contacts"].campaign_id
        for name in names:
            self.env["mail.activity"].with_context(active_test=False).search(
                [
                    ("res_model", "=", campaigns._name),
                    ("res_id", "in", campaigns.ids),
                    ("note", "ilike", name),
                ]
            ).unlink()
            self.env["mail.message"].search(
                [
                    ("model", "=", campaigns._name),
                    ("res_id", "in", campaigns.ids),
                    ("body", "ilike", name),
                ]
            ).unlink()
