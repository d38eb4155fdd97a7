"""What somebody said against calls while two records were one."""

from odoo import models
from odoo.fields import Domain
from odoo.tools import SQL


class TelemarketingMergeWords(models.AbstractModel):
    """The part of ``telemarketing.merge`` that is about denials, withdrawals and
    exclusions.

    Said while the records were one, nobody can tell of whom it was: undone, it binds
    each of them (RGPD art. 7.3, TRLGDCU art. 96.5).
    """

    _name = "telemarketing.merge.words.mixin"
    _description = "Merge: Words against Calls"

    def _said_by(self, people):
        """What stands against calls of these, as ids.

        :param people: contacts or partners
        :return: ``{"consent": {person id: [ids]}, "exclusion": {person id: [ids]}}``
        """
        contacts = people._name == "telemarketing.contact"
        self.env.flush_all()
        # A partner is also spoken for by each of its contacts.
        whose = (
            SQL("r.contact_id")
            if contacts
            else SQL("COALESCE(r.partner_id, c.partner_id)")
        )
        found = {
            "consent": self.env.execute_query(
                SQL(
                    """SELECT %(whose)s, array_agg(r.id) FROM telemarketing_consent r
                       LEFT JOIN telemarketing_contact c ON c.id = r.contact_id
                       WHERE %(named)s
                         AND (r.withdrawn_at IS NOT NULL OR r.refused_at IS NOT NULL)
                       GROUP BY 1""",
                    whose=whose,
                    named=SQL("r.contact_id = ANY(%s)", people.ids)
                    if contacts
                    else SQL(
                        "(r.partner_id = ANY(%s) OR c.partner_id = ANY(%s))",
                        people.ids,
                        people.ids,
                    ),
                )
            ),
            "exclusion": self.env.execute_query(
                SQL(
                    """SELECT contact_id, array_agg(id) FROM telemarketing_exclusion
                       WHERE contact_id = ANY(%s) AND lifted_at IS NULL GROUP BY 1""",
                    people.ids,
                )
            )
            if contacts
            else [],
        }
        return {name: dict(rows) for name, rows in found.items()}

    def _said_since(self, people):
        """Consents withdrawn or refused and exclusions of these since the merge."""
        stood = self.stood or {}
        since = {}
        for name, rows in self._said_by(people).items():
            ids = {row for some in rows.values() for row in some}
            since[name] = sorted(ids - set(stood.get(name, ())))
        return (
            self.env["telemarketing.consent"].sudo().browse(since["consent"]),
            self.env["telemarketing.exclusion"].sudo().browse(since["exclusion"]),
        )

    def _bind_restored(self, people):
        """After the undo: what was said of one of these since binds all of them."""
        consents, exclusions = self._said_since(people.sudo())
        if self.model == "contact":
            self._bind_by_exclusions(people.sudo(), exclusions)
        for purpose in sorted(set(consents.mapped("purpose"))):
            of_purpose = consents.filtered(lambda c, p=purpose: c.purpose == p)
            # Towards each advertiser apart.
            for towards in of_purpose.grouped(
                lambda c: (c.company_id, c.principal_id)
            ).values():
                for field in ("withdrawn_at", "refused_at"):
                    said = towards.filtered(field)
                    if field == "refused_at":
                        said = said.filtered(lambda c: not c.withdrawn_at)
                    if said:
                        self._bind_by_consents(people.sudo(), said, field)

    def _said_while_one(self, source):
        return self.env._(
            "%(said)s (said while two records were one: merge no. %(merge)s)",
            said=source or "–",
            merge=self.id,
        )

    def _bind_by_consents(self, people, said, field):
        """:param said: of one purpose and advertiser, withdrawn or refused since"""
        last = max(said, key=lambda c: (c[field], c.id))
        for person in people:
            own = said.filtered(
                lambda c, p=person: (
                    p
                    in (
                        c.contact_id
                        if p._name == "telemarketing.contact"
                        else c.partner_id | c.contact_id.partner_id
                    )
                )
            )
            if any(consent[field] >= last[field] for consent in own):
                continue
            source = self._said_while_one(last.source)
            if person._name == "telemarketing.contact" and field == "withdrawn_at":
                said._spread(
                    {person: [last.purpose]},
                    last.withdrawn_at,
                    last.withdrawal_channel or last.channel,
                    last.withdrawal_reason,
                    last.withdrawal_interaction_id,
                    source,
                )
                continue
            values = {
                "company_id": last.company_id.id,
                "principal_id": last.principal_id.id,
                "purpose": last.purpose,
                "channel": last.channel,
                "source": source,
                field: last[field],
            }
            if field == "withdrawn_at":
                values |= {
                    "withdrawal_channel": last.withdrawal_channel,
                    "withdrawal_reason": last.withdrawal_reason,
                    "withdrawal_interaction_id": last.withdrawal_interaction_id.id,
                }
            else:
                values["interaction_id"] = last.interaction_id.id
                values["text_id"] = last.text_id.id
            whose = "contact_id" if self.model == "contact" else "partner_id"
            said.create({**values, whose: person.id})

    def _bind_by_exclusions(self, people, exclusions):
        """Rows of one reference are one word. Where it was about the person, not about
        one of the numbers only, whoever it does not reach gets a row of their own."""
        numbers = people.phone_ids.number_id
        for case in exclusions.grouped("reference").values():
            first = case[0]
            as_such = case.filtered(lambda x: not x.number_id)
            if not as_such and numbers - case.number_id:
                continue
            for person in people:
                own = person.phone_ids.number_id
                reached = (
                    as_such.filtered(
                        lambda x, p=person: (
                            x.vat == p.vat if x.vat else x.contact_id == p
                        )
                    )
                    or (own and not own - case.number_id)
                    or self._stands(person, first)
                )
                if not reached:
                    case.create(
                        {
                            "contact_id": person.id,
                            "source": self._said_while_one(first.source),
                            **{
                                name: first[name].id
                                for name in (
                                    *("company_id", "principal_id", "campaign_id"),
                                    "interaction_id",
                                )
                            },
                            # The same word, and one proof of it.
                            **{
                                name: first[name]
                                for name in (
                                    *("reference", "scope", "reason", "channel"),
                                    *("date", "receipt_sent_at", "receipt_channel"),
                                )
                            },
                        }
                    )

    def _stands(self, person, exclusion):
        return exclusion.search_count(
            Domain("contact_id", "=", person.id)
            & Domain("number_id", "=", False)
            & Domain("vat", "=", False)
            & Domain("lifted_at", "=", False)
            & Domain("scope", "=", exclusion.scope)
            & Domain("reason", "=", exclusion.reason)
            & Domain("principal_id", "=", exclusion.principal_id.id)
            & Domain("campaign_id", "=", exclusion.campaign_id.id),
            limit=1,
        )
