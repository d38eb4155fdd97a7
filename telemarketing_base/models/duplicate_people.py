from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..identity.phone import format_phone
from ..identity.similar import Person
from .guard import MANAGER

MODELS = {"contact": "telemarketing.contact", "partner": "res.partner"}
# What may be chosen of one or the other. Telephones, categories and all that hangs on
# a person are kept of both; why somebody may be called is nobody's choice.
CHOSEN = {
    "telemarketing.contact": (
        *("name", "vat", "email", "street", "zip", "city", "state_id", "country_id"),
        *("birthdate", "lang", "is_company", "is_professional", "type_id"),
        *("client_key", "iban", "note"),
    ),
    "res.partner": (
        *("name", "vat", "email", "phone", "street", "street2", "zip", "city"),
        *("state_id", "country_id", "lang", "is_company", "website", "function"),
        "ref",
    ),
}
# Records that are put side by side at once.
MOST = 10


class TelemarketingDuplicatePeople(models.AbstractModel):
    """People side by side, of one model: read, compared, merged. What pairs, the
    wizard and the rule share."""

    _name = "telemarketing.duplicate.people"
    _description = "People Side by Side"

    # RIGHTS

    @api.model
    def _check_people(self, people):
        """Raise unless the caller may merge these people, and they may be one.

        Partners are merged by managers only: invoices, sales and other teams' work
        hang on them.
        """
        if len(people) < 2:
            raise UserError(self.env._("Choose two people or more."))
        if len(people) > MOST:
            raise UserError(
                self.env._(
                    "Choose at most %s people: for more, find repeated people and "
                    "merge by rule.",
                    MOST,
                )
            )
        people.check_access("read")
        people.check_access("write")
        if people._name == "res.partner" and not self._may_merge_partners():
            raise AccessError(
                self.env._("Only telemarketing managers merge prospects and clients.")
            )
        found = people.sudo()
        if len(found.company_id) > 1 or not (
            all(p.company_id for p in found) or not found.company_id
        ):
            raise UserError(self.env._("These people are of different companies."))
        if len({self._principal_of(p) for p in found}) > 1:
            raise UserError(
                self.env._(
                    "These people are of different client companies: people never "
                    "cross from one to another."
                )
            )
        if people._name == "telemarketing.contact":
            if any(p.erased_at for p in found):
                raise UserError(self.env._("An erased person is merged with nobody."))
            if not all(p.active for p in found):
                raise UserError(
                    self.env._("One of them is archived, perhaps merged already.")
                )

    @api.model
    def _may_merge_partners(self):
        return self.env.su or self.env.user.has_group(MANAGER)

    @api.model
    def _principal_of(self, person):
        if person._name == "res.partner":
            return person.telemarketing_principal_id
        return person.principal_id

    # READ

    @api.model
    def _persons(self, model, ids):
        """``{id: (Person, database or None, commercial partner or None)}`` of those
        that are there and may be merged."""
        if model == "telemarketing.contact":
            query = SQL(
                """SELECT c.id, c.name, c.vat, c.email, c.street, c.zip, c.city,
                          c.birthdate::text, c.database_id, NULL,
                          ARRAY(SELECT p.e164 FROM telemarketing_contact_phone p
                                WHERE p.contact_id = c.id AND p.e164 IS NOT NULL
                                  AND p.state = 'ok')
                   FROM telemarketing_contact c
                   WHERE c.id = ANY(%s) AND c.active AND c.erased_at IS NULL
                     AND c.merged_into_id IS NULL""",
                list(ids),
            )
        else:
            query = SQL(
                """SELECT r.id, r.name, r.vat, r.email_normalized,
                          concat_ws(' ', r.street, r.street2), r.zip, r.city, NULL,
                          NULL, r.commercial_partner_id,
                          CASE WHEN r.phone_sanitized IS NULL THEN '{}'
                               ELSE ARRAY[r.phone_sanitized] END
                   FROM res_partner r WHERE r.id = ANY(%s) AND r.active""",
                list(ids),
            )
        self.env.flush_all()
        self.env.cr.execute(query)
        return {
            row[0]: (
                Person(
                    *(text or "" for text in row[1:3]),
                    tuple(sorted(set(row[10]))),
                    *(text or "" for text in row[3:8]),
                ),
                row[8],
                row[9],
            )
            for row in self.env.cr.fetchall()
        }

    @api.model
    def _counts(self, people):
        """``{id: {what: how many}}`` of what hangs on each."""
        counts = {
            person: dict.fromkeys(self._count_labels(people._name), 0)
            for person in people.ids
        }
        if people._name == "telemarketing.contact":
            query = SQL(
                """SELECT 'calls', contact_id, count(*)
                   FROM telemarketing_interaction WHERE contact_id = ANY(%(ids)s)
                   GROUP BY contact_id
                   UNION ALL SELECT 'targets', contact_id, count(*)
                   FROM telemarketing_target WHERE contact_id = ANY(%(ids)s)
                   GROUP BY contact_id
                   UNION ALL SELECT 'consents', contact_id, count(*)
                   FROM telemarketing_consent WHERE contact_id = ANY(%(ids)s)
                   GROUP BY contact_id
                   UNION ALL SELECT 'exclusions', c.id, count(DISTINCT e.id)
                   FROM telemarketing_contact c
                   JOIN telemarketing_exclusion e ON e.company_id = c.company_id AND (
                        e.contact_id = c.id
                        OR e.vat = c.vat
                        OR e.number_id IN (
                            SELECT p.number_id FROM telemarketing_contact_phone p
                            WHERE p.contact_id = c.id))
                   WHERE c.id = ANY(%(ids)s) GROUP BY c.id""",
                ids=people.ids,
            )
        else:
            query = SQL(
                """SELECT 'calls', partner_id, count(*)
                   FROM telemarketing_interaction WHERE partner_id = ANY(%(ids)s)
                   GROUP BY partner_id
                   UNION ALL SELECT 'contacts', partner_id, count(*)
                   FROM telemarketing_contact WHERE partner_id = ANY(%(ids)s)
                   GROUP BY partner_id
                   UNION ALL SELECT 'consents', partner_id, count(*)
                   FROM telemarketing_consent WHERE partner_id = ANY(%(ids)s)
                   GROUP BY partner_id
                   UNION ALL SELECT 'orders', partner_id, count(*)
                   FROM sale_order WHERE partner_id = ANY(%(ids)s)
                   GROUP BY partner_id
                   UNION ALL SELECT 'invoices', partner_id, count(*)
                   FROM account_move WHERE partner_id = ANY(%(ids)s)
                   GROUP BY partner_id""",
                ids=people.ids,
            )
        people.env.flush_all()
        self.env.cr.execute(query)
        for what, person, count in self.env.cr.fetchall():
            counts[person][what] = count
        return counts

    @api.model
    def _calls(self, people):
        """``{id: calls}``."""
        side = "contact_id" if people._name == "telemarketing.contact" else "partner_id"
        found = (
            self.env["telemarketing.interaction"]
            .sudo()
            ._read_group([(side, "in", people.ids)], [side], ["__count"])
        )
        return {person.id: count for person, count in found}

    @api.model
    def _count_labels(self, model):
        if model == "res.partner":
            return {
                "calls": self.env._("Calls"),
                "contacts": self.env._("Loaded as"),
                "consents": self.env._("Consents"),
                "orders": self.env._("Orders"),
                "invoices": self.env._("Invoices"),
            }
        return {
            "calls": self.env._("Calls"),
            "targets": self.env._("Targets"),
            "consents": self.env._("Consents"),
            "exclusions": self.env._("Exclusions"),
        }

    @api.model
    def _most_history(self, people, calls=None):
        """Whom to keep: with most calls, then client, prospect, raw, then the oldest.

        :param dict calls: id → calls, where they were counted already
        """
        if calls is None:
            calls = self._calls(people)
        stages = {"client": 0, "prospect": 1}
        return min(
            people,
            key=lambda p: (
                -calls.get(p.id, 0),
                stages.get(p.sudo().funnel_stage, 2),
                p.create_date or fields.Datetime.now(),
                p.id,
            ),
        )

    @api.model
    def _comparison(self, people, keep=None):
        """What the screen shows: ``{keep, people: [{id, name, where, since, counts}],
        rows: [{field, label, texts, differs, chosen, from}]}``; ``from`` the place of
        the person whose value is proposed."""
        if not people:
            return False
        keep = keep if keep and keep in people else self._most_history(people)
        counts, labels = self._counts(people), self._count_labels(people._name)
        columns = []
        for person in people:
            found = person.sudo()
            if person._name == "telemarketing.contact":
                where = found.database_id.name
            else:
                where = dict(
                    found._fields["funnel_stage"]._description_selection(self.env)
                ).get(found.funnel_stage, self.env._("In Contacts"))
            columns.append(
                {
                    "id": person.id,
                    "name": person.display_name,
                    "where": where,
                    "since": fields.Date.to_string(person.create_date),
                    "counts": [
                        [label, counts[person.id][what]]
                        for what, label in labels.items()
                    ],
                }
            )
        rows = []
        for name in CHOSEN[people._name]:
            if not people._has_field_access(people._fields[name], "read"):
                continue
            texts = [self._text(person, name) for person in people]
            if not any(texts):
                continue
            own = list(people).index(keep)
            rows.append(
                {
                    "field": name,
                    "label": people._fields[name].get_description(self.env)["string"],
                    "texts": texts,
                    "differs": len(set(texts)) > 1,
                    "chosen": True,
                    "from": own
                    if texts[own]
                    else next(i for i, text in enumerate(texts) if text),
                }
            )
        if people._name == "telemarketing.contact":
            texts = [
                " · ".join(
                    format_phone(phone.e164) if phone.e164 else phone.raw
                    for phone in person.phone_ids
                )
                for person in people
            ]
            rows.insert(
                2,
                {
                    "field": "phone_ids",
                    "label": self.env._("Phones"),
                    "texts": texts,
                    "differs": len(set(texts)) > 1,
                    "chosen": False,
                    "from": 0,
                },
            )
        return {"keep": keep.id, "people": columns, "rows": rows}

    @api.model
    def _text(self, person, name):
        field, value = person._fields[name], person[name]
        if field.type == "many2one":
            return value.display_name or ""
        if field.type == "boolean":
            return self.env._("Yes") if value else ""
        if field.type == "date":
            return fields.Date.to_string(value) or ""
        return str(value or "").strip()

    # MERGE

    @api.model
    def _merge_people(self, keep, gone, sources=None):
        """Merge these into ``keep``, after asking for the caller's rights.

        :param dict sources: field → id of the person whose value stays; where nothing
            is said, that of ``keep``; merging fills what it lacks
        :return: telemarketing.merge
        """
        gone -= keep
        people = keep | gone
        self._check_people(people)
        values = {}
        for name in CHOSEN[people._name]:
            source = people.browse((sources or {}).get(name)) & people
            if (
                source
                and source != keep
                and people._has_field_access(people._fields[name], "write")
            ):
                value = source[name]
                values[name] = (
                    value.id if isinstance(value, models.BaseModel) else value
                )
        merge = self.env["telemarketing.merge"]._merge(
            keep, gone, values=values or None
        )
        self.env["telemarketing.duplicate"].sudo()._merged(keep, gone, merge)
        return merge
