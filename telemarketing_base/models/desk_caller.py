import re
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..identity.nif import parse_nif
from ..identity.phone import format_phone, parse_phone
from .consent import spanish_day
from .desk_seat import seat
from .required import REQUIRABLE, required_choices
from .target import CLOSED

HELD = ("leased", "talking", "wrap_up")
CARDS = 20
# What an agent writes of a new person, and how long it may be.
FIELDS = {
    "name": 120,
    "vat": 20,
    "street": 200,
    "zip": 10,
    "city": 80,
    "email": 120,
    "birthdate": 10,
    "client_key": 80,
    "note": 2000,
}
# Grounds that an agent can state. A consent is none: its text is read in a call.
BASES = ("request", "client", "legal_person")
# Letters that are found with and without their marks.
VARIANTS = {
    letter: f"[{letter}{letter.upper()}{marked}{marked.upper()}]"
    for letter, marked in {
        "a": "áàâäã",
        "e": "éèêë",
        "i": "íìîï",
        "o": "óòôöõ",
        "u": "úùûü",
        "n": "ñ",
        "c": "ç",
    }.items()
}
PLAIN = {
    ord(marked): letter
    for letter, variants in VARIANTS.items()
    for marked in variants[1:-1].lower()
}


def name_pattern(word):
    """Regular expression of PostgreSQL for a part of a name, whatever its marks.

    :param str word: as typed
    """
    return "".join(
        VARIANTS.get(letter)
        or (f"[{letter}{letter.upper()}]" if letter.isalpha() else re.escape(letter))
        for letter in word.lower().translate(PLAIN)
    )


class TelemarketingDeskCaller(models.AbstractModel):
    """Part of ``telemarketing.desk``: finding people, writing down new ones, and who
    rings."""

    _name = "telemarketing.desk.caller"
    _description = "Desk: Who Rings"

    # FINDING

    @api.model
    def _search_domain(self, text):
        """People by NIF, by whole telephone or its last digits (six at least), else by
        parts of their name, with or without accents."""
        digits = "".join(filter(str.isdigit, text))
        document = re.sub(r"[\s.\-]", "", text).upper()
        if len(digits) >= 6:
            found = Domain("vat", "=", document)
            phone = parse_phone(text)
            if phone:
                found |= Domain("phone_ids.e164", "=", phone.e164)
            elif not re.search(r"[^\W\d_]", text):
                found |= Domain("phone_ids.e164", "=like", f"%{digits}")
            return found
        words = [word for word in re.split(r"\s+", text) if word][:6]
        return Domain.AND(self._name_domain(word) for word in words)

    @api.model
    def _name_domain(self, word):
        pattern = name_pattern(word)
        return Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "%s ~ %s", SQL.identifier(alias, "name"), pattern
            )
        )

    @api.model
    def _why_not(self, target):
        """Why this person cannot be brought to the desk now; "" if nothing hinders."""
        name = target.contact_id.display_name
        if target.state in HELD:
            return self.env._("%s is on another agent's desk now.", name)
        if target.state != "ready":
            return self.env._(
                "%s is closed in this campaign; ask your supervisor.", name
            )
        if not target.callable_from:
            return self.env._(
                "%(name)s may not be called: %(why)s",
                name=name,
                why=target.callable_reason,
            )
        if not (target.live and target.database_id.switched_on):
            return self.env._("The database of %s is switched off.", name)
        if target.callback and target.callback_user_id not in (
            self.env.user,
            self.env["res.users"],
        ):
            return self.env._(
                "%(name)s has a callback with %(agent)s.",
                name=name,
                agent=target.callback_user_id.name,
            )
        return ""

    @api.model
    def _log_search(self, campaign, text, own, targets):
        self.env["telemarketing.search.log"].sudo().create(
            {
                "user_id": self.env.uid,
                "company_id": campaign.company_id.id,
                "campaign_id": campaign.id,
                "text": text[:100],
                "own": own,
                "shown": len(targets),
                "target_ids": targets.ids,
            }
        )

    @api.model
    def _check_search_cap(self, campaign):
        self.env["telemarketing.search.log"].sudo()._check_cap(
            self.env.user, campaign.company_id
        )

    # WHO RINGS

    @api.model
    @seat
    def caller(self, session, number):
        """Who may be ringing: people of the campaign's client company who have this
        number; logged and capped as a search.

        :return: ``{number: {text, display} or false, people: [card], elsewhere: int}``;
            a card's ``receive`` says whether its call can be taken here, ``why`` why
            not; ``elsewhere``: more people, in campaigns that are not this agent's
        """
        campaign = self._working_campaign(session)
        answer = {
            "now": self._text(self._now()),
            "number": False,
            "people": [],
            "elsewhere": 0,
        }
        if not number:
            return answer
        phone = self.env["telemarketing.contact.phone"]._typed(number)
        self._check_search_cap(campaign)
        people = (
            self.env["telemarketing.contact"]
            .sudo()
            .search(
                [
                    ("phone_ids.e164", "=", phone.e164),
                    ("company_id", "=", campaign.company_id.id),
                    ("principal_id", "=", campaign.principal_id.id),
                ],
                limit=CARDS,
            )
        )
        targets = self.env["telemarketing.target"].sudo()
        for person in people:
            targets |= self._target_here(person, campaign)
        self._log_search(campaign, phone.e164, False, targets)
        return {
            **answer,
            "number": {"text": phone.e164, "display": format_phone(phone.e164)},
            "people": [
                {**self._limited_card(target), **self._receivable(target)}
                for target in targets
            ],
            "elsewhere": len(people - targets.contact_id),
        }

    @api.model
    def _target_here(self, person, campaign):
        """Of several in this campaign the open one, else the last."""
        return person.target_ids.filtered(lambda t: t.campaign_id == campaign).sorted(
            lambda t: (t.state in CLOSED, -t.id)
        )[:1]

    @api.model
    def _receivable(self, target):
        """Nothing but another desk stands against taking a call that comes in."""
        mine = target.leased_by_id == self.env.user and target.state == "leased"
        busy = target.state in HELD and not mine
        return {
            "receive": not busy,
            "why": self.env._(
                "%s is on another agent's desk now.", target.contact_id.display_name
            )
            if busy
            else "",
        }

    @api.model
    @seat
    def receive_call(self, session, uuid, target_id, number=False):
        """A person rings: their call is open on my desk, as any other until its
        result. The rules of outgoing calls do not stand against it.

        :param uuid: of the attempt, made by the browser; the same answers the same
        :param number: from which they ring
        :return: as ``get_next``
        """
        campaign = self._working_campaign(session)
        target = (
            self.env["telemarketing.target"]
            .sudo()
            .search(
                [
                    ("id", "=", self._whole(target_id)),
                    ("campaign_id", "=", campaign.id),
                ]
            )
        )
        if not target:
            raise UserError(self.env._("This person is not in this campaign."))
        known = self._own_interaction(uuid, target.id)
        if known:
            held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
            call = self._call_values(held) if held else False
            return self._answer(session, call=call, empty=False)
        self._check_reachable(target)
        return self._receive(session, campaign, uuid, target, number)

    @api.model
    def _receive(self, session, campaign, uuid, target, number):
        if not uuid:
            raise UserError(self.env._("This call has no identifier; reload."))
        Target = self.env["telemarketing.target"].sudo()
        held = Target._held_by(self.env.user)
        if held and held.state != "leased":
            raise UserError(
                self.env._(
                    "Finish the call with %s first.", held.contact_id.display_name
                )
            )
        receivable = self._receivable(target)
        if not receivable["receive"]:
            raise UserError(receivable["why"])
        if held and held != target:
            self._give_back(held)
        locked = target.try_lock_for_update()
        if not locked:
            raise UserError(
                self.env._(
                    "%s is on another agent's desk now.",
                    target.contact_id.display_name,
                )
            )
        now = self._now()
        # Whoever rings while somebody practises is real: not in this call.
        given = isinstance(number, str) and not campaign.training
        phone = parse_phone(number) if given else None
        own = target.contact_id.phone_ids.filtered(
            lambda p: phone and p.e164 == phone.e164
        )[:1]
        action = self.env.ref(
            "telemarketing_base.action_type_received_call", raise_if_not_found=False
        )
        values = self._prepare_attempt_values(session, campaign, target, uuid, now)
        if action:
            values["action_type_id"] = action.id
        interaction = (
            self.env["telemarketing.interaction"]
            .sudo()
            .create(
                values
                | {
                    "direction": "in",
                    "is_call": True,
                    "phone_id": own.id,
                    "number_id": own.number_id.id,
                    "e164": phone.e164 if phone else False,
                    "number_kind": phone.kind if phone else False,
                    "answered_at": now,
                    "state": "talking",
                }
            )
        )
        before = target.state if target.state in CLOSED else False
        target.write(
            {
                "state": "talking",
                "state_before": before,
                "leased_by_id": self.env.uid,
                "leased_until": now + timedelta(minutes=campaign.lease_minutes),
                "interaction_id": interaction.id,
            }
        )
        session._set_state("talking", now)
        self._commit()
        return self._answer(session, call=self._call_values(target), empty=False)

    @api.model
    def _note_their_call(self, interaction):
        """They spoke to us, from a number of theirs: what their being a client lasts
        by (Circular AEPD 1/2023 art. 3) is counted from today."""
        contact = interaction.contact_id
        today = spanish_day(self._now())
        spoken = interaction.disposition_id.outcome != "none"
        known = contact.interacted_on and contact.interacted_on >= today
        if spoken and interaction.phone_id and not known:
            contact.interacted_on = today

    # WRITING DOWN

    @api.model
    @seat
    def contact_form(self, session):
        """What is asked of somebody new in this campaign.

        :return: ``{fields: [{name, string, required}], bases: [{code, name, dated}]}``
        """
        campaign = self._working_campaign(session)
        database = self._inbound_database(campaign)
        required = set(
            database._required_names()
            if database
            else campaign.company_id.telemarketing_required_fields.split(",")
            if campaign.company_id.telemarketing_required_fields
            else ("phone", "name")
        )
        required = {name.strip() for name in required}
        names = dict(required_choices(self.env))
        asked = ["name", "street", "zip", "city", "vat", "email", "birthdate"]
        if "external_key" in required:
            asked.append("external_key")
        if "state" in required:
            required.add("zip")
        labels = dict(
            self.env["telemarketing.database"]
            ._fields["legal_basis"]
            ._description_selection(self.env)
        )
        return {
            "now": self._text(self._now()),
            "fields": [
                {
                    "name": REQUIRABLE[name],
                    "string": names[name],
                    "required": name in required,
                }
                for name in asked
            ],
            "bases": [
                {"code": code, "name": labels[code], "dated": code == "request"}
                for code in BASES
            ],
        }

    @api.model
    @seat
    def new_contact(self, session, values, anyway=False, uuid=False):
        """Somebody new, written down at the desk, in the campaign's database of who
        called or was written down by hand.

        A person who calls has not asked to be called for that: unless they say so in
        the call (``asked``), or the agent states a ground (``basis``, with
        ``basis_source`` and, for a request, ``basis_date``), nobody may call them.

        :param dict values: ``FIELDS`` and ``phones: [text]``, ``is_company``,
            ``is_professional``, ``incoming``, ``asked``, ``basis…``
        :param anyway: although there are people alike, who were shown
        :param uuid: of the incoming call, if it is one
        :return: ``{duplicates: [card], elsewhere: int}``, nothing made; or as
            ``get_next`` with ``target_id``, and ``not_opened`` where nobody may call
        """
        campaign = self._working_campaign(session)
        self._check_kept(campaign)
        held = self.env["telemarketing.target"].sudo()._held_by(self.env.user)
        known = self._own_interaction(uuid)
        if known:
            call = self._call_values(held) if held else False
            return self._answer(
                session, call=call, empty=False, target_id=known.target_id.id
            )
        if held and held.state != "leased":
            raise UserError(
                self.env._(
                    "Finish the call with %s first.", held.contact_id.display_name
                )
            )
        if not isinstance(values, dict):
            raise UserError(self.env._("Write who it is."))
        incoming = bool(values.get("incoming"))
        if incoming and not uuid:
            raise UserError(self.env._("This call has no identifier; reload."))
        clean = self._clean_person(values)
        texts = values.get("phones")
        phones = self._new_phones(texts[:5] if isinstance(texts, list) else [])
        if not phones:
            raise UserError(self.env._("Write a telephone number."))
        self._check_search_cap(campaign)
        alike = self._find_duplicates_of(campaign, clean, phones)
        here = self.env["telemarketing.target"].sudo()
        for person in alike:
            here |= self._target_here(person, campaign)
        self._log_search(campaign, phones[0].e164, False, here)
        if here and not anyway:
            return {
                "now": self._text(self._now()),
                "duplicates": [
                    {**self._limited_card(target), **self._receivable(target)}
                    for target in here
                ],
                "elsewhere": len(alike - here.contact_id),
            }
        database = self._inbound_database(campaign, make=True)
        contact = (
            self.env["telemarketing.contact"]
            .sudo()
            .with_company(campaign.company_id)
            .create(
                {
                    **clean,
                    **self._stated_basis(values, incoming),
                    "database_id": database.id,
                    "phone_ids": self._phone_commands(phones),
                }
            )
        )
        contact._check_required()
        target = self._target_here(contact, campaign)
        target.agent_id = self.env.user
        if incoming:
            answer = self._receive(session, campaign, uuid, target, phones[0].e164)
            return {**answer, "target_id": target.id}
        why = self._why_not(target)
        if why:
            return self._answer(session, target_id=target.id, not_opened=why)
        if held:
            self._give_back(held)
        now = self._now()
        target.write(
            {
                "state": "leased",
                "leased_by_id": self.env.uid,
                "leased_until": now + timedelta(minutes=campaign.lease_minutes),
            }
        )
        session._set_state("ready", now)
        return self._answer(
            session, call=self._call_values(target), empty=False, target_id=target.id
        )

    @api.model
    def _clean_person(self, values):
        clean = {}
        for name, most in FIELDS.items():
            value = values.get(name)
            if value in (None, False, ""):
                continue
            if not isinstance(value, str) or len(value) > most:
                raise UserError(
                    self.env._("“%s” is too long or no text.", str(value)[:20])
                )
            clean[name] = self._check_no_card(value.replace("\x00", "").strip())
        for name in ("is_company", "is_professional"):
            clean[name] = bool(values.get(name))
        if clean.get("birthdate"):
            clean["birthdate"] = self._day(clean["birthdate"])
        if clean.get("vat") and not parse_nif(clean["vat"]):
            raise UserError(
                self.env._(
                    "NIF %s is not valid: check its digits and its letter.",
                    clean["vat"],
                )
            )
        return clean

    @api.model
    def _day(self, text):
        try:
            return fields.Date.to_date(str(text)[:10])
        except ValueError as error:
            raise UserError(self.env._("“%s” is not a date.", text)) from error

    @api.model
    def _stated_basis(self, values, incoming):
        """On what calls to the new person rest; nothing, unless somebody says it.

        Who calls us did not ask to be called (LGTel art. 66.1.b wants it asked for).
        """
        today = spanish_day(self._now())
        if incoming and values.get("asked"):
            return {
                "legal_basis": "request",
                "basis_date": today,
                "basis_source": self.env._(
                    "Asked for it in a call of their own to %s", self.env.user.name
                ),
                "interacted_on": today,
            }
        basis = values.get("basis")
        if not basis or incoming:
            return {"interacted_on": today} if incoming else {}
        source = values.get("basis_source")
        if basis not in BASES:
            raise UserError(self.env._("Choose why this person may be called."))
        if not isinstance(source, str) or not 3 <= len(source.strip()) <= 200:
            raise UserError(
                self.env._("Say where it comes from: form, contract, directory…")
            )
        date = self._day(values["basis_date"]) if values.get("basis_date") else False
        if basis == "request" and not date:
            raise UserError(self.env._("Say on which day the person asked for it."))
        if date and date > today:
            raise UserError(self.env._("The date of the legal basis is in the future."))
        if basis == "legal_person" and not (
            values.get("is_company") or values.get("is_professional")
        ):
            raise UserError(
                self.env._("Only a firm or a professional is called as such.")
            )
        return {
            "legal_basis": basis,
            "basis_date": date,
            "basis_source": source.strip(),
        }

    @api.model
    def _find_duplicates_of(self, campaign, clean, phones):
        """People of the campaign's client company with the number, NIF or mail."""
        same = Domain("phone_ids.e164", "in", [phone.e164 for phone in phones])
        if clean.get("vat"):
            same |= Domain("vat", "=", parse_nif(clean["vat"]).number)
        if clean.get("email"):
            same |= Domain("email", "=", clean["email"].lower())
        return (
            self.env["telemarketing.contact"]
            .sudo()
            .search(
                same
                & Domain("company_id", "=", campaign.company_id.id)
                & Domain("principal_id", "=", campaign.principal_id.id),
                limit=CARDS,
            )
        )

    @api.model
    def _inbound_database(self, campaign, make=False):
        """The campaign's database of who called or was written down at a desk."""
        Database = self.env["telemarketing.database"].sudo()
        wanted = [("campaign_id", "=", campaign.id), ("inbound", "=", True)]
        found = Database.search(wanted, limit=1)
        if found or not make:
            return found
        # Two desks at once: the second fails to serialize and is tried again.
        self.env.cr.execute(
            "UPDATE telemarketing_campaign SET write_date = write_date WHERE id = %s",
            [campaign.id],
        )
        required = campaign.company_id.telemarketing_required_fields
        return Database.with_company(campaign.company_id).create(
            {
                "name": self.env._("Incoming of %s", campaign.name),
                "campaign_id": campaign.id,
                "inbound": True,
                **({"required_fields": required} if required else {}),
            }
        )
