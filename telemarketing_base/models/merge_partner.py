"""Prospects and clients made one: what a partner is in all of Odoo follows."""

from psycopg2 import IntegrityError

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .merge_engine import Rewriter

# Of partners these are never taken over: they say what the record itself is.
_OWN = {
    *("id", "active", "name", "parent_id", "company_id", "type", "lang", "tz"),
    *("commercial_partner_id", "complete_name", "commercial_company_name"),
    *("telemarketing_principal_id", "telemarketing_is_principal", "partner_share"),
    *("telemarketing_merged_into_id", "funnel_stage", "company_name"),
    *("email_normalized", "phone_sanitized", "signup_type", "message_bounce"),
    *("create_uid", "create_date", "write_uid", "write_date"),
    *("partner_latitude", "partner_longitude", "contact_address_complete"),
}
_ADDRESS = ("street", "street2", "zip", "city", "state_id", "country_id")
_SUMMED = ("customer_rank", "supplier_rank")
_QUIET = {
    "tracking_disable": True,
    "mail_notrack": True,
    "no_vat_validation": True,
    "mail_auto_subscribe_no_notify": True,
}


class TelemarketingMergePartner(models.AbstractModel):
    """The part of ``telemarketing.merge`` that is about partners."""

    _name = "telemarketing.merge.partner.mixin"
    _description = "Merge of Prospects and Clients"

    # WHAT STANDS AGAINST IT

    def _against_partners(self, partners):
        """``{partner id: sentence}`` of those that are nobody's double."""
        found = {}
        for partner in partners:
            kept = partner.telemarketing_merged_into_id
            if kept:
                found[partner.id] = self.env._(
                    "%(name)s was merged into %(kept)s already.",
                    name=partner.display_name,
                    kept=kept.display_name,
                )
        return found

    def _against_partner_pair(self, keep, gone):
        everybody = keep | gone
        if len({partner.telemarketing_principal_id for partner in everybody}) > 1:
            return self.env._(
                "They are people of different client companies, which never mix."
            )
        for partner in gone:
            if partner.company_id != keep.company_id and keep.company_id:
                return self.env._("They belong to different companies.")
            why = self._why_not_gone(partner)
            if why:
                return self.env._(
                    "%(name)s is %(why)s: keep that record, or leave both.",
                    name=partner.display_name,
                    why=why,
                )
        above = everybody.parent_id
        while above:
            if above & everybody:
                return self.env._(
                    "%s is the company of the other one: they are not the same.",
                    (above & everybody)[0].display_name,
                )
            above = above.parent_id
        return self._against_documents(gone)

    def _why_not_gone(self, partner):
        partner = partner.with_context(active_test=False)
        if partner.user_ids:
            return self.env._("a user")
        if partner.telemarketing_is_principal:
            return self.env._("a client company of campaigns")
        if (
            self.env["res.company"]
            .sudo()
            .search_count([("partner_id", "=", partner.id)], limit=1)
        ):
            return self.env._("one of our companies")
        return None

    def _against_documents(self, gone):
        """Invoices that a seal or the tax office has with this very partner do not
        change hands (Real Decreto 1007/2023 art. 8: inalterable records)."""
        conditions = [SQL("m.inalterable_hash IS NOT NULL")]
        cr = self.env.cr
        for table, condition in (
            ("l10n_es_edi_verifactu_document", SQL("true")),
            ("account_edi_document", SQL("d.state = 'sent'")),
        ):
            cr.execute("SELECT to_regclass(%s)", [table])
            if cr.fetchone()[0]:
                conditions.append(
                    SQL(
                        "EXISTS (SELECT 1 FROM %s d WHERE d.move_id = m.id AND %s)",
                        *(SQL.identifier(table), condition),
                    )
                )
        for column in (
            "l10n_es_tbai_post_document_id",
            "l10n_es_tbai_post_chain_index",
        ):
            field = self.env["account.move"]._fields.get(column)
            if field is not None and field.store:
                conditions.append(SQL("m.%s IS NOT NULL", SQL.identifier(column)))
        self.env.flush_all()
        cr.execute(
            SQL(
                """SELECT m.name FROM account_move m
                   WHERE (m.partner_id = ANY(%(ids)s)
                          OR m.id IN (SELECT l.move_id FROM account_move_line l
                                      WHERE l.partner_id = ANY(%(ids)s)))
                     AND (%(sealed)s) LIMIT 1""",
                ids=gone.ids,
                sealed=SQL(" OR ").join(conditions),
            )
        )
        row = cr.fetchone()
        if row:
            return self.env._(
                "%(invoice)s of %(name)s is sealed or was sent to the tax office and "
                "does not change hands: keep that record instead.",
                invoice=row[0],
                name=", ".join(gone.mapped("display_name")),
            )
        return None

    # DOING IT

    def _merge_partners(self, rewriter, merges, good):
        merge_of, children_of = {}, {}
        for merge, (keep, gone, _values) in zip(merges, good, strict=True):
            merge_of |= {one: merge.id for one in (keep.id, *gone.ids)}
        Partner = self.env["res.partner"].sudo().with_context(active_test=False)
        below = Partner.search([("id", "child_of", list(merge_of))])
        for child in below:
            above = child
            while above and above.id not in merge_of:
                above = above.parent_id
            children_of[child.id] = merge_of[above.id]
        rows = rewriter.rows("res_partner", list(merge_of))
        changes = {}
        for merge, (keep, gone, _values) in zip(merges, good, strict=True):
            changes[keep.id] = (
                merge.id,
                self._fill_partner([rows[one] for one in (keep.id, *gone.ids)]),
            )
            for one in gone.ids:
                changes[one] = (
                    merge.id,
                    {"active": False, "telemarketing_merged_into_id": keep.id},
                )
        rewriter.rewrite("res_partner")
        rewriter.assign("res_partner", changes)
        self.env.invalidate_all(flush=False)
        with rewriter.watching({"res_partner": {**children_of, **merge_of}}):
            Quiet = Partner.with_context(**_QUIET)
            again = Quiet.browse([*children_of, *merge_of])
            for name in self._derived_partner_fields():
                self.env.add_to_compute(Partner._fields[name], again)
            again._recompute_recordset()
            for keep, _gone, values in good:
                if values:
                    keep.with_context(**_QUIET).write(values)
        self._tell_partners(merges)
        self._contacts_of_partners_again([keep.id for keep, _g, _v in good])

    def _derived_partner_fields(self):
        fields = self.env["res.partner"]._fields
        return [
            name
            for name in (
                *("commercial_partner_id", "complete_name", "commercial_company_name"),
                *("email_normalized", "phone_sanitized", "partner_share"),
            )
            if name in fields and fields[name].store and fields[name].compute
        ]

    def _fill_partner(self, rows):
        """What the kept partner takes over: its empty fields, the better stage, the
        sums, values per company that it has none of.

        :param list rows: the kept one, then the others
        """
        fields = self.env["res.partner"]._fields
        kept, others = rows[0], rows[1:]
        filled = {}
        for name, value in kept.items():
            field = fields.get(name)
            if name in _OWN or name in _ADDRESS or field is None:
                continue
            if field.company_dependent:
                both = {}
                for row in reversed(others):
                    both |= row[name] or {}
                both |= value or {}
                if both:
                    filled[name] = both
            elif name in _SUMMED:
                filled[name] = sum(row[name] or 0 for row in rows)
            elif field.type == "boolean" or field.type in ("integer", "float"):
                continue
            elif not value:
                filled[name] = next((row[name] for row in others if row[name]), None)
        if not any(kept[name] for name in ("street", "zip", "city")):
            for row in others:
                if any(row[name] for name in ("street", "zip", "city")):
                    filled |= {name: row[name] for name in _ADDRESS}
                    break
        stages = {row["funnel_stage"] for row in rows}
        filled["funnel_stage"] = next(
            (stage for stage in ("client", "prospect") if stage in stages), None
        )
        if any(row["active"] for row in rows):
            filled["active"] = True
        return {
            name: value
            for name, value in filled.items()
            if value is not None and value != kept[name]
        }

    def _tell_partners(self, merges):
        """In the chatter, which outlives an erasure of the other one: the merge by its
        number, nobody by name (GDPR art. 17)."""
        for merge in merges:
            merge.partner_id.message_post(
                body=self.env._(
                    "Merged with another record (%s). It can be undone for a day.",
                    merge._link(),
                )
            )

    def _link(self):
        return self._get_html_link(title=self.env._("merge no. %s", self.id))

    def _contacts_of_partners_again(self, partner_ids):
        """Consents that a partner gave reach all the contacts of that partner."""
        contacts = (
            self.env["telemarketing.contact"]
            .sudo()
            .with_context(active_test=False)
            .search([("partner_id", "in", partner_ids)])
        )
        self._ask_again(contacts.ids)

    def _after_partners_undone(self, partners):
        again = partners.with_context(**_QUIET)
        for name in self._derived_partner_fields():
            self.env.add_to_compute(again._fields[name], again)
        again._recompute_recordset()
        self.env.flush_all()
        self._contacts_of_partners_again(partners.ids)
        for merge in self:
            merge._kept().message_post(
                body=self.env._(
                    "The merge with another record was undone (%s).", merge._link()
                )
            )

    # AFTER THE DAY

    def _unlink_partners(self):
        """Merged partners that nothing references any more."""
        gone = self.filtered(lambda m: m.model == "partner").gone_partner_ids
        if not gone:
            return
        rewriter = Rewriter(self.env, [])
        own = ("res_partner",)
        free = set(gone.ids)
        for table, column in rewriter.foreign_keys("res_partner"):
            if not free:
                break
            self.env.cr.execute(
                SQL(
                    "SELECT DISTINCT t.%(column)s FROM %(table)s t"
                    " WHERE t.%(column)s = ANY(%(ids)s) AND %(other)s",
                    column=SQL.identifier(column),
                    table=SQL.identifier(table),
                    ids=list(free),
                    other=SQL("t.id <> t.%s", SQL.identifier(column))
                    if table in own
                    else SQL("true"),
                )
            )
            free -= {row[0] for row in self.env.cr.fetchall()}
        for partner in gone.browse(free):
            try:
                with self.env.cr.savepoint():
                    partner.unlink()
            except (UserError, IntegrityError):
                # Another module holds on to it: it stays archived.
                continue
