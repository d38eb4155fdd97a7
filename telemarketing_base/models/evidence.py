"""What an inspector would ask of a call: why it was allowed and what was said.

Two things are told apart: what was known when it was dialled (kept with the call,
``interaction.gate``, or in rows with a date) and what is known now.
"""

import hashlib
import json
from datetime import date, datetime
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from ..compliance.reasons import article
from ..identity.postcode import find_province

UTC = ZoneInfo("UTC")
#: More on one page than anybody reads; a campaign's file has all.
MAX_PAGES = 200
#: Basis of a call → what makes it one.
BASIS_ARTICLES = {
    "consent": "LGTel art. 66.1.b; RGPD art. 6.1.a; TRLGDCU art. 62.1",
    "client": "RGPD art. 6.1.f; Circular AEPD 1/2023 art. 3",
    "legal_person": "LOPDGDD art. 19; Circular AEPD 1/2023 art. 5",
    "request": "LGTel art. 66.1.b; RGPD art. 6.1.b",
}


def _text(value):
    """Dates and instants as text that sorts; the rest as it is."""
    if isinstance(value, datetime):
        return fields.Datetime.to_string(value)
    if isinstance(value, date):
        return fields.Date.to_string(value)
    return value or ""


class TelemarketingEvidence(models.AbstractModel):
    """Gathers the evidence of calls. Its caller has checked rights: what it gives
    speaks of ledgers and lists that he may not read otherwise, but only of this
    person, and never of another client company's."""

    _name = "telemarketing.evidence"
    _description = "Evidence of Calls"

    @api.private
    def _of(self, interactions):
        """One dict for each, in their order, of texts, numbers, lists and dicts only
        (JSON as it is). Instants are UTC, ``YYYY-MM-DD HH:MM:SS``; ``local`` is the
        hour at the person's place. Empty text: not recorded, or there was none.

        Keys are those of ``_columns``, and ``script_lines`` ``[{key, text, legal,
        article, when, said}]``, ``exclusions`` ``[{reference, reason, scope, channel,
        date, lifted_at, lifted_reason, then, now, in_this_call}]``, ``recordings``
        ``[{sha256, seconds, bytes, keep_until, deleted_at}]``.
        """
        interactions = interactions.sudo()
        now = self.env["telemarketing.clock"]._now()
        consents = self._consents(interactions)
        exclusions = self._exclusions(interactions)
        attempts = self._attempts(interactions)
        return [
            {
                **self._who(call),
                **self._where(call),
                **self._why(call),
                **self._consent(call, consents[call.id]),
                **self._robinson(call),
                **attempts.get(call.id, self._no_attempts()),
                **self._said(call),
                **self._objections(call, exclusions[call.id]),
                **self._recorded(call),
                "asked_of_us_at": _text(now),
            }
            for call in interactions
        ]

    @api.private
    def _columns(self):
        """``[(key, label)]`` of a row of the file, in the language asked for."""
        return [
            ("reference", self.env._("Reference of the call")),
            ("started_at", self.env._("Dialled (UTC)")),
            ("local", self.env._("Hour at the person's place")),
            ("tz", self.env._("Time zone")),
            ("place", self.env._("Place")),
            ("holidays", self.env._("Holidays considered")),
            ("asked_hour", self.env._("Hour asked for by the person")),
            ("company", self.env._("Call centre")),
            ("principal", self.env._("On behalf of")),
            ("campaign", self.env._("Campaign")),
            ("purpose", self.env._("Purpose")),
            ("database", self.env._("Database")),
            ("agent", self.env._("Agent")),
            ("person", self.env._("Person")),
            ("vat", self.env._("NIF")),
            ("number", self.env._("Number called")),
            ("number_kind", self.env._("Kind of number")),
            ("caller", self.env._("Number shown")),
            ("direction", self.env._("Direction")),
            ("answered_at", self.env._("Answered (UTC)")),
            ("ended_at", self.env._("Ended (UTC)")),
            ("talk_seconds", self.env._("Seconds talked")),
            ("result", self.env._("Result")),
            ("order", self.env._("Order")),
            ("answer", self.env._("Could it be called?")),
            ("rule", self.env._("Rule")),
            ("rule_article", self.env._("Article")),
            ("warnings", self.env._("Warnings")),
            ("rules_version", self.env._("Rules of")),
            ("basis", self.env._("Legal basis")),
            ("basis_article", self.env._("Article of the basis")),
            ("basis_since", self.env._("Basis since")),
            ("basis_source", self.env._("Source of the basis")),
            ("consented_on", self.env._("Consent that counted, of")),
            ("consent_at", self.env._("Consent given (UTC)")),
            ("consent_channel", self.env._("Consent given by")),
            ("consent_text", self.env._("Text agreed to")),
            ("consent_source", self.env._("Source of the consent")),
            ("consent_evidence", self.env._("Proof of the consent")),
            ("consent_withdrawn_at", self.env._("Consent withdrawn (UTC)")),
            ("robinson", self.env._("Lista Robinson")),
            ("robinson_at", self.env._("Lista Robinson consulted (UTC)")),
            ("robinson_proof", self.env._("Proof of the consultation")),
            ("attempts_before", self.env._("Calls to the number before")),
            ("attempts_day", self.env._("Of them the same day")),
            ("attempts_week", self.env._("Of them the same week")),
            ("attempt_last_at", self.env._("The one before (UTC)")),
            ("script", self.env._("Script read")),
            ("script_saved_at", self.env._("Version of the script of (UTC)")),
            ("legal_said", self.env._("Legal lines confirmed")),
            ("legal_missing", self.env._("Legal lines not confirmed")),
            ("objections_then", self.env._("Exclusions in force then")),
            ("objections_now", self.env._("Exclusions in force now")),
            ("recording", self.env._("Recording (SHA-256)")),
            ("recording_seconds", self.env._("Seconds recorded")),
            ("recording_deleted_at", self.env._("Recording deleted (UTC)")),
            ("recording_consent", self.env._("Said that it is recorded")),
            ("asked_of_us_at", self.env._("Evidence gathered (UTC)")),
        ]

    @api.private
    def _fingerprint(self, evidence):
        """SHA-256 of one call's evidence, so that a page can be told from another."""
        text = json.dumps(evidence, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    # ONE CALL

    def _label(self, record, name):
        value = record[name]
        labels = record._fields[name]._description_selection(self.env)
        return dict(labels).get(value, value or "")

    def _who(self, call):
        orders = call.order_ids
        return {
            "reference": call.uuid,
            "started_at": _text(call.started_at),
            "answered_at": _text(call.answered_at),
            "ended_at": _text(call.ended_at),
            "talk_seconds": call.talk_seconds,
            "company": call.company_id.name,
            "principal": (call.principal_id or call.company_id).name,
            "campaign": call.campaign_id.name or "",
            "database": call.database_id.name or "",
            "agent": call.agent_id.name or "",
            "person": call.contact_id.display_name or call.partner_id.name or "",
            "vat": call.contact_id.vat or "",
            "number": call.e164 or "",
            "number_kind": self._label(call, "number_kind"),
            "direction": self._label(call, "direction"),
            "result": call.disposition_id.display_name or "",
            "order": ", ".join(
                f"{order.name} ({self._label(order, 'telemarketing_acceptance')})"
                for order in orders
            ),
        }

    def _where(self, call):
        """Hour and place. What was written when it was dialled counts; of older calls
        the person's place as it is known now, and said so."""
        gate = call.gate or {}
        tz = gate.get("tz") or call.contact_id.tz or "Europe/Madrid"
        local = gate.get("local")
        if not local and call.started_at:
            at = call.started_at.replace(tzinfo=UTC).astimezone(ZoneInfo(tz))
            local = at.strftime("%Y-%m-%d %H:%M:%S")
        province = find_province(gate.get("province"))
        parts = (
            call.contact_id.city,
            province.name if province else call.contact_id.state_id.name,
        )
        place = ", ".join(part for part in parts if part)
        days = gate.get("closed_days_checked")
        if isinstance(days, list):
            holidays = ", ".join(str(day) for day in days) or self.env._("None")
        elif days is None or isinstance(days, bool):
            holidays = ""
        else:
            holidays = self.env._("%s days of the place's calendar", days)
        return {
            "local": _text(local),
            "tz": tz,
            "place": place,
            "place_known_then": bool(gate.get("tz")),
            "holidays": holidays,
            "asked_hour": self._asked_hour(call, gate),
        }

    def _asked_hour(self, call, gate):
        """Who asked to be called at that hour, when and how, of a call outside the
        hours of law."""
        if not gate.get("asked_hour"):
            return ""
        channels = call.target_id._fields["asked_channel"]._description_selection(
            self.env
        )
        channel = gate.get("asked_channel")
        parts = (
            self.env._("Yes"),
            gate.get("asked_by"),
            gate.get("asked_at"),
            dict(channels).get(channel, channel),
        )
        return " · ".join(part for part in parts if part)

    def _why(self, call):
        gate = call.gate or {}
        basis = gate.get("basis") or call.basis or ""
        code = gate.get("code") or ""
        contact, database = call.contact_id, call.database_id
        since = (
            (basis == "consent" and gate.get("consented_on"))
            or gate.get("basis_on")
            or (contact.basis_date if contact.legal_basis == basis else False)
            or (database.basis_date if database.legal_basis == basis else False)
        )
        bases = dict(database._fields["legal_basis"]._description_selection(self.env))
        answers = {
            "allowed": self.env._("Yes"),
            "until": self.env._("Not yet"),
            "never": self.env._("No"),
        }
        words = self.env["telemarketing.gate"]._short_text
        warnings = gate.get("warnings") or []
        purposes = call.campaign_id._fields["call_purpose"]._description_selection(
            self.env
        )
        purpose = gate.get("purpose") or ""
        return {
            "purpose": dict(purposes).get(purpose, purpose),
            "caller": gate.get("caller") or "",
            "answer": answers.get(gate.get("answer"), ""),
            "rule": words(code),
            "rule_article": gate.get("article") or article(code),
            "warnings": "; ".join(words(warning) for warning in warnings),
            "rules_version": gate.get("rules_version") or gate.get("rules_at") or "",
            "basis": bases.get(basis, basis),
            "basis_article": BASIS_ARTICLES.get(basis, ""),
            "basis_since": _text(since),
            "basis_source": contact.basis_source or database.basis_source or "",
            "consented_on": _text(gate.get("consented_on")),
            "gate_recorded": bool(gate),
        }

    def _consent(self, call, consents):
        """The newest one given before the call, towards this advertiser."""
        consent = consents[:1]
        evidence = consent.evidence_name or consent.link or consent.recording_id.sha256
        if not evidence and consent.interaction_id:
            evidence = self.env._("Call %s", consent.interaction_id.uuid)
        return {
            "consent_at": _text(consent.given_at),
            "consent_purpose": self._label(consent, "purpose"),
            "consent_channel": self._label(consent, "channel"),
            "consent_text": consent.text_version or "",
            "consent_source": consent.source or "",
            "consent_evidence": evidence or "",
            "consent_withdrawn_at": _text(consent.withdrawn_at),
        }

    def _robinson(self, call):
        gate, number = call.gate or {}, call.number_id
        words = {
            "present": self.env._("Was in the list"),
            "absent": self.env._("Was not in the list"),
        }
        values = {
            "robinson": words.get(gate.get("robinson"), ""),
            "robinson_at": _text(gate.get("robinson_at")),
            "robinson_check_id": 0,
            "robinson_proof": "",
        }
        check = self._robinson_check(gate, number)
        if check:
            proof = check._proof_of(call.e164)
            values["robinson_check_id"] = check.id
            values["robinson_proof"] = " · ".join(
                str(part)
                for part in (
                    proof.get("reference"),
                    proof.get("file"),
                    proof.get("signature") or proof.get("fingerprint"),
                )
                if part
            )
        return values

    def _robinson_check(self, gate, number):
        """The consultation that the call rested on, if it is known."""
        Check = self.env["telemarketing.robinson.check"].sudo()
        check_id = gate.get("robinson_check_id")
        if not check_id and gate.get("robinson"):
            # Of a call dialled before it was kept: the number's, if not later.
            if _text(number.robinson_at) == gate.get("robinson_at"):
                check_id = number.robinson_check_id.id
        return Check.browse(check_id or None).exists()

    def _said(self, call):
        version = call.script_version_id
        confirmed = set(call.confirmed_lines or ())
        missing = (call.legal_missing or "").split(",")
        lines = []
        # Another script of the campaign may have been ticked too.
        ids = [int(key.split(":")[0]) for key in call.confirmed_lines or ()]
        for each in version.browse(dict.fromkeys(version.ids + ids)).exists():
            for line in each._confirm_list():
                key = each._line_key(line)
                lines.append(
                    {
                        "key": key,
                        "text": line["text"],
                        "legal": bool(line.get("legal")),
                        "article": line.get("article") or "",
                        "when": line.get("when") or "",
                        "requirement": line.get("requirement") or "",
                        "said": key in confirmed,
                        "missing": (
                            key not in confirmed and line.get("requirement") in missing
                        ),
                    }
                )
        return {
            "script": version.display_name if version else "",
            "script_saved_at": _text(version.create_date),
            "script_version_id": version.id or 0,
            "script_lines": lines,
            "legal_said": "; ".join(
                line["text"] for line in lines if line["legal"] and line["said"]
            ),
            "legal_missing": call.legal_missing_text or "",
            "recording_consent": (
                self.env._("Yes")
                if any(
                    line["said"] and line["requirement"] == "recording"
                    for line in lines
                )
                else ""
            ),
        }

    def _objections(self, call, exclusions):
        at = call.started_at
        rows = []
        for exclusion in exclusions:
            lifted = exclusion.lifted_at
            rows.append(
                {
                    "reference": exclusion.reference,
                    "reason": self._label(exclusion, "reason"),
                    "scope": self._label(exclusion, "scope"),
                    "channel": self._label(exclusion, "channel"),
                    "source": exclusion.source or "",
                    "date": _text(exclusion.date),
                    "lifted_at": _text(lifted),
                    "lifted_reason": exclusion.lifted_reason or "",
                    "then": exclusion.date <= at and not (lifted and lifted <= at),
                    "now": not lifted,
                    "in_this_call": exclusion.interaction_id == call,
                }
            )

        def told(which):
            return "; ".join(
                f"{row['reference']} ({row['reason']}, {row['scope']}, {row['date']})"
                for row in rows
                if row[which]
            )

        return {
            "exclusions": rows,
            "objections_then": told("then"),
            "objections_now": told("now"),
        }

    def _recorded(self, call):
        recordings = call.recording_ids
        return {
            "recordings": [
                {
                    "sha256": recording.sha256 or "",
                    "seconds": recording.seconds,
                    "bytes": recording.size,
                    "keep_until": _text(recording.keep_until),
                    "deleted_at": _text(recording.deleted_at),
                }
                for recording in recordings
            ],
            "recording": ", ".join(r.sha256 or "" for r in recordings),
            "recording_seconds": sum(recordings.mapped("seconds")),
            "recording_deleted_at": ", ".join(
                _text(r.deleted_at) for r in recordings if r.deleted_at
            ),
        }

    # MANY AT ONCE

    def _consents(self, calls):
        """``{call id: consents}`` to commercial calls given before each call towards
        its advertiser by its person, newest first."""
        Consent = self.env["telemarketing.consent"].sudo()
        contacts, numbers = calls.contact_id, calls.number_id
        nobody = Domain("contact_id", "=", False) & Domain("partner_id", "=", False)
        # Of a whole file: names neither person nor number.
        file = Domain("number_id", "=", False) & Domain(
            "database_id", "in", calls.database_id.ids
        )
        who = (
            Domain("contact_id", "in", contacts.ids)
            | Domain("partner_id", "in", (contacts.partner_id | calls.partner_id).ids)
            | (nobody & (Domain("number_id", "in", numbers.ids) | file))
        )
        rows = Consent.search(
            who
            & Domain("company_id", "in", calls.company_id.ids)
            & Domain("purpose", "in", ("call", "robot"))
            & Domain("given_at", "!=", False),
            order="given_at DESC, id DESC",
        )
        by = {}
        for row in rows:
            if row.contact_id:
                place = ("contact", row.contact_id.id)
            elif row.partner_id:
                place = ("partner", row.partner_id.id)
            elif row.number_id:
                place = ("number", row.number_id.id)
            else:
                place = ("database", row.database_id.id)
            by.setdefault(place, Consent.browse())
            by[place] |= row
        result = {}
        for call in calls:
            contact = call.contact_id
            found = Consent.union(
                *(
                    by.get(place, Consent)
                    for place in (
                        ("contact", contact.id),
                        ("partner", (contact.partner_id or call.partner_id).id),
                        ("number", call.number_id.id),
                        ("database", call.database_id.id),
                    )
                )
            )
            result[call.id] = found.filtered(
                lambda c, call=call: (
                    c.company_id == call.company_id
                    and c.principal_id == call.principal_id
                    and c.given_at <= call.started_at
                    # What a file claimed by mistake proves what came before that
                    # was known.
                    and not (c.voided_at and c.voided_at <= call.started_at)
                )
            ).sorted(lambda c: (c.given_at, c.id), reverse=True)
        return result

    def _exclusions(self, calls):
        """``{call id: exclusions}``, lifted ones too, that reached or reach the call's
        person or number in its campaign. Another client company's are not named."""
        Exclusion = self.env["telemarketing.exclusion"].sudo()
        who = Domain("contact_id", "in", calls.contact_id.ids) | Domain(
            "number_id", "in", calls.number_id.ids
        )
        by_vat = "vat" in Exclusion._fields
        if by_vat:
            vats = [vat for vat in calls.contact_id.mapped("vat") if vat]
            who |= Domain("vat", "in", vats)
        rows = Exclusion.search(
            who & Domain("company_id", "in", calls.company_id.ids), order="date, id"
        )

        def reaches(row, call):
            contact = call.contact_id
            named = (
                (row.number_id and row.number_id == call.number_id)
                or (row.contact_id and row.contact_id == contact)
                or (by_vat and row.vat and row.vat == contact.vat)
            )
            return (
                named
                and row.company_id == call.company_id
                and (
                    row.scope == "all"
                    or (row.scope == "principal" and row.principal_id)
                    and row.principal_id == call.principal_id
                    or row.scope == "campaign"
                    and row.campaign_id == call.campaign_id
                )
            )

        index = {}
        for row in rows:
            for place in (
                ("n", row.number_id.id),
                ("c", row.contact_id.id),
                ("v", row.vat if by_vat else False),
            ):
                if place[1]:
                    index.setdefault(place, []).append(row.id)
        result = {}
        for call in calls:
            ids = {
                row_id
                for place in (
                    ("n", call.number_id.id),
                    ("c", call.contact_id.id),
                    ("v", call.contact_id.vat),
                )
                for row_id in index.get(place, ())
            }
            result[call.id] = Exclusion.browse(sorted(ids)).filtered(
                lambda row, call=call: reaches(row, call)
            )
        return result

    def _no_attempts(self):
        return {
            "attempts_before": 0,
            "attempts_day": 0,
            "attempts_week": 0,
            "attempt_last_at": "",
        }

    def _attempts(self, calls):
        """Calls that the company made to the same number before each, over all its
        campaigns; days and weeks are the company's."""
        self.env.flush_all()
        self.env.cr.execute(
            """WITH this AS (
                   SELECT i.id, i.number_id, i.company_id, i.started_at,
                          COALESCE(p.tz, 'Europe/Madrid') AS tz
                   FROM telemarketing_interaction i
                   JOIN res_company c ON c.id = i.company_id
                   JOIN res_partner p ON p.id = c.partner_id
                   WHERE i.id = ANY(%s) AND i.number_id IS NOT NULL)
               SELECT this.id, count(o.id),
                      count(o.id) FILTER (WHERE
                          timezone(tz, timezone('UTC', o.started_at))::date
                          = timezone(tz, timezone('UTC', this.started_at))::date),
                      count(o.id) FILTER (WHERE
                          date_trunc('week',
                              timezone(tz, timezone('UTC', o.started_at)))
                          = date_trunc('week',
                              timezone(tz, timezone('UTC', this.started_at)))),
                      max(o.started_at)
               FROM this
               LEFT JOIN telemarketing_interaction o
                 ON o.number_id = this.number_id AND o.company_id = this.company_id
                    AND o.is_call AND o.direction = 'out'
                    AND (o.started_at, o.id) < (this.started_at, this.id)
               GROUP BY this.id""",
            [calls.ids],
        )
        return {
            row[0]: {
                "attempts_before": row[1],
                "attempts_day": row[2],
                "attempts_week": row[3],
                "attempt_last_at": _text(row[4]),
            }
            for row in self.env.cr.fetchall()
        }


class ReportEvidence(models.AbstractModel):
    """The page of a call's evidence, on screen and as PDF; supervisors and above."""

    _name = "report.telemarketing_base.report_evidence"
    _description = "Evidence of a Call"

    @api.model
    def _get_report_values(self, docids, data=None):
        if not self.env.user.has_group("telemarketing_base.group_supervisor"):
            raise AccessError(
                self.env._("The evidence of calls is for supervisors and managers.")
            )
        calls = self.env["telemarketing.interaction"].browse(docids).exists()
        # By RPC anybody asks for any id.
        calls.check_access("read")
        if any(call.training for call in calls):
            raise UserError(
                self.env._("A call of a training was to nobody: it proves nothing.")
            )
        if len(calls) > MAX_PAGES:
            raise UserError(
                self.env._(
                    "At most %s calls on paper at once: of a whole campaign make its "
                    "evidence file.",
                    MAX_PAGES,
                )
            )
        evidence = self.env["telemarketing.evidence"]
        pages = evidence._of(calls)
        return {
            "doc_ids": calls.ids,
            "doc_model": calls._name,
            "docs": calls,
            "pages": [
                {
                    "call": call,
                    "company": call.sudo().company_id,
                    "values": page,
                    "fingerprint": evidence._fingerprint(page),
                }
                for call, page in zip(calls, pages, strict=True)
            ],
            "labels": dict(evidence._columns()),
            "asker": self.env.user.name,
        }
