from odoo import api, models

from ..identity.phone import parse_phone
from .exclusion import TOLD


class PhoneBlacklist(models.Model):
    """Odoo's blacklist, which knows no company, and our exclusions that hold
    everywhere, kept in step both ways (docs/decisions/0011).

    Ours are written here past the ORM (``_telemarketing_add``), what Odoo writes
    comes in by ``create`` and ``write``: the two never call each other in a circle.
    """

    _inherit = "phone.blacklist"

    @api.model_create_multi
    def create(self, vals_list):
        entries = super().create(vals_list)
        entries.sudo().filtered("active")._telemarketing_exclude()
        return entries

    def write(self, vals):
        before = {entry: entry.number for entry in self.sudo().filtered("active")}
        result = super().write(vals)
        if {"active", "number"} & set(vals):
            after = {entry: entry.number for entry in self.sudo().filtered("active")}
            gone = set(before.values()) - set(after.values())
            self.env["telemarketing.exclusion"].sudo()._unblacklisted(gone)
            fresh = [e for e, number in after.items() if before.get(e) != number]
            self.sudo().browse(entry.id for entry in fresh)._telemarketing_exclude()
        return result

    def unlink(self):
        gone = set(self.sudo().filtered("active").mapped("number"))
        result = super().unlink()
        self.env["telemarketing.exclusion"].sudo()._unblacklisted(gone)
        return result

    # OURS → ODOO'S

    @api.model
    def _telemarketing_add(self, references):
        """:param dict references: ``{e164: reference of the exclusion}``"""
        self.flush_model()
        self.env.cr.execute(
            """INSERT INTO phone_blacklist
                   (number, active, create_uid, create_date, write_uid, write_date)
               SELECT number, true, %(uid)s, now() at time zone 'UTC',
                      %(uid)s, now() at time zone 'UTC'
               FROM unnest(%(numbers)s) AS row(number)
               ON CONFLICT (number) DO UPDATE SET active = true,
                   write_uid = excluded.write_uid, write_date = excluded.write_date
               WHERE NOT phone_blacklist.active
               RETURNING id, number""",
            {"uid": self.env.uid, "numbers": sorted(references)},
        )
        added = dict(self.env.cr.fetchall())
        self.invalidate_model()
        if len(added) <= TOLD:
            self._telemarketing_tell(
                {
                    entry: self.env._("Telemarketing exclusion %s", references[number])
                    for entry, number in added.items()
                }
            )

    @api.model
    def _telemarketing_remove(self, numbers):
        self.flush_model()
        self.env.cr.execute(
            """UPDATE phone_blacklist SET active = false, write_uid = %(uid)s,
                   write_date = now() at time zone 'UTC'
               WHERE active AND number = ANY(%(numbers)s) RETURNING id""",
            {"uid": self.env.uid, "numbers": numbers},
        )
        removed = [row[0] for row in self.env.cr.fetchall()]
        self.invalidate_model()
        if len(removed) <= TOLD:
            text = self.env._("The last telemarketing exclusion was lifted.")
            self._telemarketing_tell(dict.fromkeys(removed, text))

    @api.model
    def _telemarketing_tell(self, bodies):
        if bodies:
            self.browse(bodies)._message_log_batch(bodies=bodies)

    # ODOO'S → OURS

    def _telemarketing_exclude(self):
        """Somebody opted out, or was put here by hand: nobody of ours calls, in no
        company."""
        phones = [phone for entry in self if (phone := parse_phone(entry.number))]
        if phones:
            self.env["telemarketing.exclusion"].sudo()._blacklisted(phones)
