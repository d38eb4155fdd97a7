from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain
from odoo.tools import html2plaintext

from ..identity.phone import format_phone, mask_phone
from .desk_seat import seat

MAX_PHONES = 12
PAGE = 20
RELATED = 30
MAX_TEXT = 1000
# Of the timeline, newest first where two are of the same second.
SOURCES = ("call", "event", "message", "order")


class TelemarketingDeskPerson(models.AbstractModel):
    """Part of ``telemarketing.desk``: the person's numbers, what they have with us
    and what happened between us."""

    _name = "telemarketing.desk.person"
    _description = "Desk: the Person"

    # NUMBERS

    @api.model
    def _new_phone(self, contact, text):
        """Add a number at the end of the person's."""
        if len(contact.phone_ids) >= MAX_PHONES:
            raise UserError(
                self.env._("A person has at most %s numbers here.", MAX_PHONES)
            )
        last = max(contact.phone_ids.mapped("sequence"), default=0)
        return (
            self.env["telemarketing.contact.phone"]
            .sudo()
            .create({"contact_id": contact.id, "raw": text, "sequence": last + 10})
        )

    @api.model
    @seat
    def add_phone(self, session, target_id, text):
        """One more number of the person on my desk.

        :return: ``{phones, may_call, suggested_phone_id, phone_id, notice}``; the
            notice says, without saying who, that somebody else has the number too
        """
        target = self._person_on_desk(target_id)
        self._check_kept(target.campaign_id)
        contact = target.contact_id
        phone = self.env["telemarketing.contact.phone"]._typed(text)
        known = contact.phone_ids.filtered(lambda p: p.e164 == phone.e164)
        if known:
            raise UserError(self.env._("This number is already on the list."))
        added = self._new_phone(contact, text.strip())
        others = self._others_with(target, phone.e164)
        notice = others and self.env._("Another person here has this number too.")
        return self._phones_answer(target, phone_id=added.id, notice=notice or "")

    @api.model
    def _others_with(self, target, e164):
        """Has somebody else of the client company this number? An answer about people
        who are not on the desk: it counts as a search, and past its cap none comes."""
        contact, campaign = target.contact_id, target.campaign_id
        log = self.env["telemarketing.search.log"].sudo()
        if log._over_cap(self.env.user, campaign.company_id):
            return False
        self._log_search(campaign, e164, False, target.browse())
        return bool(
            self.env["telemarketing.contact"]
            .sudo()
            .search_count(
                [
                    ("phone_ids.e164", "=", e164),
                    ("company_id", "=", contact.company_id.id),
                    ("principal_id", "=", contact.principal_id.id),
                    ("id", "!=", contact.id),
                ],
                limit=1,
            )
        )

    @api.model
    @seat
    def order_phones(self, session, target_id, phone_ids):
        """The numbers in this order; the first that may be called is dialled first.

        :param phone_ids: all of them
        """
        target = self._person_on_desk(target_id)
        phones = target.contact_id.phone_ids
        if (
            not isinstance(phone_ids, list)
            or len(phone_ids) > MAX_PHONES * 2
            or not all(type(each) is int for each in phone_ids)
            or len(set(phone_ids)) != len(phone_ids)
            or not set(phone_ids) <= set(phones.ids)
        ):
            raise UserError(self.env._("These are not the numbers of this person."))
        rest = [phone.id for phone in phones if phone.id not in phone_ids]
        for place, phone_id in enumerate(phone_ids + rest, 1):
            phone = phones.browse(phone_id)
            if phone.sequence != 10 * place:
                phone.sequence = 10 * place
        if not (target.interaction_id or target.callback):
            target.phone_id = False
        # What is read next comes in the new order.
        self.env.flush_all()
        self.env.invalidate_all()
        return self._phones_answer(target)

    @api.model
    @seat
    def mark_phone(self, session, target_id, phone_id, bad):
        """This number is not this person's, or is after all."""
        target = self._person_on_desk(target_id)
        phone = target.contact_id.phone_ids.filtered(lambda p: p.id == phone_id)
        if not phone:
            raise UserError(self.env._("Choose one of the numbers of this person."))
        if not bad and phone.number_id.state == "bad":
            raise UserError(
                self.env._(
                    "This number is marked as out of service for everybody: only a "
                    "supervisor can put it back."
                )
            )
        state = "bad" if bad else "ok"
        if phone.state != state:
            phone.state = state
        return self._phones_answer(target)

    @api.model
    def _person_on_desk(self, target_id):
        target = self._lock_held(self._whole(target_id))
        if not target:
            raise UserError(
                self.env._("This person is no longer on your desk. Ask for the next.")
            )
        return target

    @api.model
    def _whole(self, value):
        """An id given by RPC; 0 for what is none."""
        return value if type(value) is int and 0 < value < 2**31 else 0

    @api.model
    def _phones_answer(self, target, **extra):
        """The numbers as the gate answers for them now."""
        now = self._now()
        gate = self.env["telemarketing.gate"].sudo()
        gap = not target.interaction_id
        answers = gate._ask(target, now, gap=gap, attended=True)
        verdicts = {
            phone: gate._values(*answers[phone.id], now)
            for phone in target.contact_id.phone_ids
            if phone.id in answers
        }
        suggested = self._suggested_phone(target, verdicts)
        verdict = (
            verdicts[suggested]
            if suggested
            else self._allowed()
            | {"answer": "never", "reason": self.env._("No usable number.")}
        )
        return {
            "now": self._text(now),
            "target_id": target.id,
            "phones": self._phone_values(target, verdicts),
            "may_call": self._verdict_values(verdict),
            "suggested_phone_id": suggested.id,
            **extra,
        }

    @api.model
    def _phone_values(self, target, verdicts):
        """:param dict verdicts: of the gate, by phone"""
        masked = target.campaign_id.mask_numbers
        return [
            {
                "id": phone.id,
                "raw": False if masked else phone.raw,
                "display": mask_phone(phone.e164)
                if masked
                else format_phone(phone.e164),
                "e164": False if masked else phone.e164,
                "kind": phone.number_id.kind or "other",
                "state": "bad" if phone.number_id.state == "bad" else phone.state,
                "callable": verdicts[phone]["answer"] == "allowed",
                "reason": verdicts[phone]["reason"],
            }
            for phone in target.contact_id.phone_ids
            if phone.e164 and phone in verdicts
        ]

    # WHAT THE PERSON HAS WITH US

    @api.model
    @seat
    def related(self, session, target_id):
        """What the person on my desk has, within the campaign's client company and
        company: ``{leads, orders, appointments, invoices: [{id, name, state, amount,
        currency, date}]}``, newest first."""
        target = self._person_on_desk(target_id)
        found = self._related_records(target, RELATED)
        return {
            "now": self._text(self._now()),
            "target_id": target.id,
            "leads": [
                self._related_line(
                    lead,
                    lead.stage_id.name if lead.active else self.env._("Lost"),
                    lead.create_date,
                    lead.expected_revenue,
                    lead.company_currency,
                )
                for lead in found["leads"]
            ],
            "orders": [
                self._related_line(
                    order,
                    self._selection(order, "state"),
                    order.date_order,
                    order.amount_total,
                    order.currency_id,
                )
                for order in found["orders"]
            ],
            "appointments": [
                self._related_line(
                    event,
                    self._selection(event, "telemarketing_outcome"),
                    event.start,
                )
                for event in found["appointments"]
            ],
            "invoices": [
                self._related_line(
                    move,
                    self._selection(move, "payment_state"),
                    move.invoice_date,
                    move.amount_total_signed,
                    move.company_currency_id,
                )
                for move in found["invoices"]
            ],
        }

    @api.model
    def _selection(self, record, name):
        labels = dict(record._fields[name]._description_selection(self.env))
        return labels.get(record[name], "")

    @api.model
    def _related_line(self, record, state, date, amount=False, currency=None):
        return {
            "id": record.id,
            "name": record.display_name,
            "state": state or "",
            "amount": amount,
            "currency": currency.symbol if currency else "",
            "date": str(date)[:19] if date else False,
        }

    @api.model
    def _related_domains(self, target):
        """``{kind: domain}`` of what is the person's within principal and company."""
        contact, campaign = target.contact_id, target.campaign_id
        company, principal = campaign.company_id, campaign.principal_id
        contacts = contact._with_merged().filtered(
            lambda c: (
                c.company_id == contact.company_id
                and c.principal_id == contact.principal_id
            )
        )
        partners = contacts.partner_id
        within = Domain("company_id", "=", company.id)
        ours = Domain("telemarketing_principal_id", "=", principal.id)
        whose = Domain("partner_id", "in", partners.ids)
        billed = [("telemarketing_campaign_id.principal_id", "=", principal.id)]
        invoices = (
            Domain("invoice_line_ids", "any", billed)
            if principal
            else ~Domain(
                "invoice_line_ids",
                "any",
                [("telemarketing_campaign_id.principal_id", "!=", False)],
            )
        )
        event_campaign = Domain(
            "telemarketing_campaign_id.company_id", "=", company.id
        ) & Domain("telemarketing_campaign_id.principal_id", "=", principal.id)
        person = Domain("telemarketing_target_id.contact_id", "in", contacts.ids)
        if partners:
            person |= Domain("partner_ids", "in", partners.ids)
        calls = Domain("contact_id", "in", contacts.ids)
        if partners:
            calls |= whose
        return {
            "calls": calls
            & within
            & Domain("principal_id", "=", principal.id)
            & Domain("state", "=", "done"),
            "leads": whose & ours & Domain("company_id", "in", (False, company.id)),
            "orders": whose & ours & within,
            "appointments": person & event_campaign,
            "invoices": whose
            & within
            & invoices
            & Domain("state", "=", "posted")
            & Domain("move_type", "in", ("out_invoice", "out_refund")),
            "partners": partners.filtered(
                lambda p: p.telemarketing_principal_id == principal
            ),
        }

    @api.model
    def _related_records(self, target, limit):
        domains = self._related_domains(target)
        whole = self.env(su=True, context={"active_test": False, **self._lang()})
        return {
            "leads": whole["crm.lead"].search(
                domains["leads"], order="id desc", limit=limit
            ),
            "orders": whole["sale.order"].search(
                domains["orders"], order="date_order desc, id desc", limit=limit
            ),
            "appointments": whole["calendar.event"].search(
                domains["appointments"], order="start desc, id desc", limit=limit
            ),
            "invoices": whole["account.move"].search(
                domains["invoices"], order="invoice_date desc, id desc", limit=limit
            ),
        }

    @api.model
    def _lang(self):
        lang = self.env.context.get("lang") or self.env.user.lang
        return {"lang": lang} if lang else {}

    # WHAT HAPPENED BETWEEN US

    @api.model
    @seat
    def timeline(self, session, target_id, before=False):
        """Calls and other actions, appointments, messages and orders of the person on
        my desk, within client company and company, newest first, in pages.

        :param before: ``next`` of the page before
        :return: ``{items: [{key, kind, at, title, text, who, campaign, seconds}],
            next: text or false}``; ``kind`` is one of ``SOURCES``
        """
        target = self._person_on_desk(target_id)
        mark = self._timeline_mark(before)
        domains = self._related_domains(target)
        items = []
        for kind in SOURCES:
            items += getattr(self, f"_timeline_{kind}")(domains, mark)
        items.sort(key=lambda item: item["key"], reverse=True)
        page = items[:PAGE]
        return {
            "now": self._text(self._now()),
            "target_id": target.id,
            "items": page,
            "next": page[-1]["key"] if len(items) > PAGE else False,
        }

    @api.model
    def _timeline_key(self, at, kind, record_id):
        """Sorts as text: instant, source, id."""
        return f"{self._text(at)}/{kind}/{record_id:010}"

    @api.model
    def _timeline_mark(self, before):
        """``(instant, source, id)`` after which the page begins, or None."""
        if not before:
            return None
        parts = str(before)[:60].split("/")
        if len(parts) != 3 or parts[1] not in SOURCES or not parts[2].isdecimal():
            raise UserError(self.env._("Open the history again."))
        return self._instant(parts[0]), parts[1], int(parts[2][:10])

    @api.model
    def _timeline_search(self, model, domain, kind, field, mark):
        """The next records of one source; one more than a page, so that it is known
        whether there are others."""
        if mark:
            at, marked, record_id = mark
            older = Domain(field, "<", at)
            if kind < marked:
                older |= Domain(field, "=", at)
            elif kind == marked:
                older |= Domain(field, "=", at) & Domain("id", "<", record_id)
            domain &= older
        records = self.env(su=True, context={"active_test": False, **self._lang()})
        return records[model].search(
            domain & Domain(field, "!=", False),
            order=f"{field} desc, id desc",
            limit=PAGE + 1,
        )

    @api.model
    def _timeline_item(self, kind, record, at, **values):
        return {
            "key": self._timeline_key(at, kind, record.id),
            "kind": kind,
            "at": self._text(at),
            "title": "",
            "text": "",
            "who": "",
            "campaign": "",
            "seconds": 0,
            **values,
        }

    @api.model
    def _timeline_call(self, domains, mark):
        return [
            self._timeline_item(
                "call",
                call,
                call.started_at,
                title=call.disposition_id.display_name or call.action_type_id.name,
                action=call.action_type_id.name or "",
                incoming=call.direction == "in",
                is_call=call.is_call,
                text=(call.notes or "")[:MAX_TEXT],
                who=call.agent_id.name or "",
                campaign=call.campaign_id.name or "",
                seconds=call.talk_seconds,
            )
            for call in self._timeline_search(
                "telemarketing.interaction",
                domains["calls"],
                "call",
                "started_at",
                mark,
            )
        ]

    @api.model
    def _timeline_event(self, domains, mark):
        return [
            self._timeline_item(
                "event",
                event,
                event.start,
                title=self.env._("Appointment"),
                text=" · ".join(
                    part
                    for part in (
                        self._selection(event, "telemarketing_kind"),
                        event.location,
                        self._selection(event, "telemarketing_outcome"),
                    )
                    if part
                ),
                who=event.user_id.name or "",
                campaign=event.telemarketing_campaign_id.name or "",
            )
            for event in self._timeline_search(
                "calendar.event", domains["appointments"], "event", "start", mark
            )
        ]

    @api.model
    def _timeline_order(self, domains, mark):
        return [
            self._timeline_item(
                "order",
                order,
                order.date_order,
                title=order.name,
                text=" · ".join(
                    (
                        self._selection(order, "state"),
                        f"{order.amount_total:.2f} {order.currency_id.symbol}",
                    )
                ),
                who=order.telemarketing_operator_id.name or order.user_id.name or "",
                campaign=order.telemarketing_campaign_id.name or "",
            )
            for order in self._timeline_search(
                "sale.order", domains["orders"], "order", "date_order", mark
            )
        ]

    @api.model
    def _timeline_message(self, domains, mark):
        """What was written to the person or by them; no notes among colleagues."""
        whole = self.env(su=True, context={"active_test": False})
        leads = whole["crm.lead"].search(domains["leads"], limit=RELATED)
        orders = whole["sale.order"].search(domains["orders"], limit=RELATED)
        places = [
            Domain("model", "=", records._name) & Domain("res_id", "in", records.ids)
            for records in (domains["partners"], leads, orders)
            if records
        ]
        if not places:
            return []
        domain = (
            Domain.OR(places)
            & Domain(
                "message_type", "in", ("comment", "email", "email_outgoing", "sms")
            )
            & Domain("is_internal", "=", False)
            & Domain("subtype_id", "!=", self.env.ref("mail.mt_note").id)
        )
        return [
            self._timeline_item(
                "message",
                message,
                message.date,
                title=message.subject or self.env._("Message"),
                text=html2plaintext(message.body or "")[:MAX_TEXT],
                who=message.author_id.name or message.email_from or "",
            )
            for message in self._timeline_search(
                "mail.message", domain, "message", "date", mark
            )
        ]

    # WHO RINGS

    @api.model
    def _new_phones(self, texts):
        """``[Phone]`` of what was typed, each once; what is none is told."""
        phones = {}
        for text in texts:
            phone = self.env["telemarketing.contact.phone"]._typed(text)
            phones[phone.e164] = phone
        return list(phones.values())

    @api.model
    def _phone_commands(self, phones):
        return [
            Command.create({"raw": phone.e164, "sequence": 10 * place})
            for place, phone in enumerate(phones, 1)
        ]
