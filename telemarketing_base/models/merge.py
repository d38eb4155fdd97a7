from datetime import timedelta
from functools import partial

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import NO_ACCESS, Domain

from ..identity.nif import parse_nif
from .merge_engine import Rewriter, Undoer
from .privacy_eraser import HELD
from .target import CLOSED

MANAGER = "telemarketing_base.group_manager"
SUPERVISOR = "telemarketing_base.group_supervisor"
UNDO_HOURS = 24
#: Days for which what an undo did not restore is shown.
LEFT_DAYS = 30
MODELS = {"contact": "telemarketing.contact", "partner": "res.partner"}
# What of the merge is asked anew anyway: not worth a line in the report.
_DERIVED = {
    "telemarketing_target": (
        *("callable_from", "callable_code", "due_at", "province", "gate_at", "live"),
        *("write_date", "write_uid"),
    ),
    "telemarketing_contact": (
        *("consented_on", "robot_consented_on", "write_date", "write_uid"),
    ),
    "res_partner": ("write_date", "write_uid", "complete_name"),
}
# Empty ones of the kept contact are filled from those merged into it.
_CONTACT_FILL = (
    *("name", "vat", "email", "birthdate", "lang", "type_id", "iban", "client_key"),
    *("partner_id", "lead_id"),
)
_ADDRESS = ("street", "zip", "city", "state_id", "country_id")
_BASIS = (
    *("legal_basis", "basis_date", "basis_source", "client_until", "is_professional"),
)
# What may be chosen by hand for the kept one.
_CONTACT_VALUES = {
    *("name", "vat", "is_company", "is_professional", "email", "birthdate", "lang"),
    *("type_id", "iban", "client_key", "note", "contact_properties", *_ADDRESS),
}
_PARTNER_VALUES = {
    *("name", "vat", "is_company", "email", "phone", "lang", "street", "street2"),
    *("zip", "city", "state_id", "country_id", "website", "function", "comment"),
    *("user_id", "team_id", "ref", "funnel_stage"),
}


class TelemarketingMerge(models.Model):
    """Records of the same person made one, with everything that hangs on them.

    For a day each merge can be taken back: every value that was rewritten is
    written down, and what nobody changed since is restored. Those merged stay
    archived: they hold the row as it was loaded.
    """

    _name = "telemarketing.merge"
    _inherit = ["telemarketing.merge.partner.mixin", "telemarketing.merge.words.mixin"]
    _description = "Merge"
    _order = "id desc"

    name = fields.Char(compute="_compute_name", compute_sudo=True)
    model = fields.Selection(
        [("contact", "Contacts"), ("partner", "Prospects and clients")],
        "What",
        required=True,
        readonly=True,
    )
    contact_id = fields.Many2one(
        "telemarketing.contact",
        "Kept Contact",
        readonly=True,
        index="btree_not_null",
        ondelete="cascade",
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Kept Prospect or Client",
        readonly=True,
        index="btree_not_null",
        ondelete="cascade",
    )
    gone_contact_ids = fields.Many2many(
        "telemarketing.contact",
        "telemarketing_merge_contact_rel",
        "merge_id",
        "contact_id",
        "Merged Contacts",
        context={"active_test": False},
        readonly=True,
    )
    gone_partner_ids = fields.Many2many(
        "res.partner",
        "telemarketing_merge_partner_rel",
        "merge_id",
        "partner_id",
        "Merged Prospects and Clients",
        context={"active_test": False},
        readonly=True,
    )
    gone_count = fields.Integer("Records Merged", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True, index=True)
    principal_id = fields.Many2one("res.partner", "Client Company", readonly=True)
    user_id = fields.Many2one("res.users", "Merged by", readonly=True)
    at = fields.Datetime("Merged On", readonly=True, required=True)
    until = fields.Datetime(
        "Undo Until", readonly=True, required=True, index=True, help="A day later."
    )
    state = fields.Selection(
        [("done", "Can be undone"), ("undone", "Undone"), ("final", "Final")],
        required=True,
        default="done",
        readonly=True,
    )
    can_undo = fields.Boolean(compute="_compute_can_undo")
    moved = fields.Json(readonly=True, help="Rows that changed hands, by table.")
    moved_text = fields.Char(
        "What Moved", compute="_compute_moved_text", compute_sudo=True
    )
    # Ids of what they had said against calls by then: the rest was said since.
    stood = fields.Json(groups=NO_ACCESS)
    undone_at = fields.Datetime(readonly=True)
    undone_by_id = fields.Many2one("res.users", "Undone by", readonly=True)
    left_count = fields.Integer("Values Not Restored", readonly=True)
    # Read anew each time: stored it would go on naming people erased since.
    report = fields.Html(
        "Not Restored",
        compute="_compute_report",
        compute_sudo=True,
        export_string_translation=False,
        help="What had been changed since the merge and stays as it is.",
    )
    line_ids = fields.One2many(
        "telemarketing.merge.line",
        "merge_id",
        readonly=True,
        groups="telemarketing_base.group_manager",
    )

    # COMPUTES

    @api.depends("contact_id", "partner_id", "gone_contact_ids", "gone_partner_ids")
    def _compute_name(self):
        for merge in self:
            kept = merge.contact_id or merge.partner_id
            gone = merge._gone()
            merge.name = self.env._(
                "%(kept)s ← %(gone)s",
                kept=kept.display_name or "–",
                gone=", ".join(gone.mapped("display_name")) or "–",
            )

    @api.depends("name")
    def _compute_display_name(self):
        for merge in self:
            merge.display_name = merge.name

    @api.depends("state", "until")
    def _compute_can_undo(self):
        now = self.env["telemarketing.clock"]._now()
        for merge in self:
            merge.can_undo = merge.state == "done" and merge.until >= now

    @api.depends("moved")
    @api.depends_context("lang")
    def _compute_moved_text(self):
        tables = {table for merge in self for table in merge.moved or {}}
        titles = {table: self._title_of(table) for table in tables}
        for merge in self:
            moved = merge.moved or {}
            merge.moved_text = " · ".join(
                f"{titles[table]}: {count}" for table, count in moved.items()
            )

    @api.depends("state", "left_count")
    @api.depends_context("lang")
    def _compute_report(self):
        rewriter = Rewriter(self.env, [])
        for merge in self:
            lines = merge.line_ids.filtered("left") if merge.left_count else []
            rows = {}
            for table in {line.table_name for line in lines}:
                self.env.cr.execute("SELECT to_regclass(%s)", [f'"{table}"'])
                if self.env.cr.fetchone()[0] and "id" in rewriter.columns(table):
                    ids = [line.res_id for line in lines if line.table_name == table]
                    rows[table] = rewriter.rows(table, ids)
            merge.report = merge._report_of(
                [
                    {
                        "table": line.table_name,
                        "kind": line.kind,
                        "id": line.res_id,
                        "column": line.column_name,
                        "now": rows.get(line.table_name, {}).get(line.res_id),
                    }
                    for line in lines
                ]
            )

    @api.model
    def _title_of(self, table):
        """Plain name of what a table holds."""
        for name, Model in self.env.registry.items():
            if Model._table == table and not Model._abstract:
                return self.env["ir.model"]._get(name).sudo().name or name
        # A relation is named by the field that shows it.
        for Model in self.env.registry.values():
            for field in Model._fields.values():
                if field.type == "many2many" and field.relation == table:
                    return field.get_description(self.env)["string"]
        return table

    @api.private
    def _kept(self):
        self.ensure_one()
        return self.contact_id if self.model == "contact" else self.partner_id

    @api.private
    def _gone(self):
        self.ensure_one()
        merge = self.with_context(active_test=False)
        if self.model == "contact":
            return merge.gone_contact_ids
        return merge.gone_partner_ids

    # MERGING

    @api.private
    def _merge(self, keep, gone, values=None):
        """Make ``gone`` part of ``keep``; as the caller, whose rights are checked.

        :param keep: one ``telemarketing.contact`` or ``res.partner``
        :param gone: others of the same model
        :param dict values: chosen for the kept one; what it lacks is filled by itself
        :return: the ``telemarketing.merge``
        :raise UserError: they must not be merged; says why
        """
        return self._merge_many([(keep, gone)], [values] if values else None)

    @api.private
    def _merge_many(self, pairs, values=None, refused=None):
        """The same for many at once: a few statements per table for all of them.

        :param list pairs: ``(keep, gone records)``, all of one model
        :param list values: for each pair chosen values or None
        :param list refused: collects ``(keep, gone, sentence)`` of pairs that must
            not be merged; None: the first one raises
        :return: the merges
        """
        merges = self.sudo().browse()
        values = values or [None] * len(pairs)
        waiting = [
            (keep, gone - keep, chosen)
            for (keep, gone), chosen in zip(pairs, values, strict=True)
            if gone - keep
        ]
        while waiting:
            # Nobody twice in one pass.
            taken, batch, later = set(), [], []
            for pair in waiting:
                ids = {pair[0].id, *pair[1].ids}
                (later if ids & taken else batch).append(pair)
                taken |= ids
            merges |= self._merge_batch(batch, refused)
            waiting = later
        return merges

    def _merge_batch(self, batch, refused):
        model = batch[0][0]._name
        people = self.env[model].browse(
            [i for keep, gone, _v in batch for i in (keep.id, *gone.ids)]
        )
        self._check_rights(people)
        self.env.flush_all()
        self._lock(people)
        sentences = self._sentences_against(people.sudo(), batch)
        good = []
        for place, (keep, gone, chosen) in enumerate(batch):
            if place not in sentences:
                good.append((keep, gone, chosen))
            elif refused is None:
                raise UserError(sentences[place])
            else:
                refused.append((keep, gone, sentences[place]))
        if not good:
            return self.sudo().browse()
        merges = self._create_merges(good)
        rewriter = Rewriter(
            self.env,
            [
                (merge.id, one, keep.id)
                for merge, (keep, gone, _v) in zip(merges, good, strict=True)
                for one in gone.ids
            ],
        )
        if model == "res.partner":
            self._merge_partners(rewriter, merges, good)
        else:
            self._merge_contacts(rewriter, merges, good)
        merges._count_moved()
        return merges

    def _check_rights(self, people):
        """Contacts: who administers their campaigns. Partners: managers."""
        if people._name == "telemarketing.contact" and any(
            contact.database_id.training for contact in people.sudo()
        ):
            raise UserError(self.env._("Invented people are nobody's repetition."))
        if self.env.su:
            return
        group = MANAGER if people._name == "res.partner" else SUPERVISOR
        if not self.env.user.has_group(group):
            raise AccessError(
                self.env._("Prospects and clients are merged by managers.")
                if group == MANAGER
                else self.env._("People are merged by supervisors.")
            )
        people.check_access("write")

    def _lock(self, people):
        """Nobody writes, leases or references them meanwhile."""
        cr = self.env.cr
        if people._name == "telemarketing.contact":
            cr.execute(
                "SELECT id FROM telemarketing_contact WHERE id = ANY(%s)"
                " ORDER BY id FOR UPDATE",
                [people.ids],
            )
            cr.execute(
                "SELECT id FROM telemarketing_target WHERE contact_id = ANY(%s)"
                " ORDER BY id FOR UPDATE",
                [people.ids],
            )
        else:
            cr.execute(
                "SELECT id FROM res_partner WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
                [people.ids],
            )
        self.env.invalidate_all(flush=False)

    def _create_merges(self, good):
        now = self.env["telemarketing.clock"]._now()
        contacts = good[0][0]._name == "telemarketing.contact"
        kept, gone_field = (
            ("contact_id", "gone_contact_ids")
            if contacts
            else ("partner_id", "gone_partner_ids")
        )
        people = good[0][0].browse(
            [one for keep, gone, _v in good for one in (keep.id, *gone.ids)]
        )
        said = self._said_by(people.sudo())
        return self.sudo().create(
            [
                {
                    "model": "contact" if contacts else "partner",
                    kept: keep.id,
                    gone_field: [fields.Command.set(gone.ids)],
                    "gone_count": len(gone),
                    "company_id": keep.sudo().company_id.id,
                    "principal_id": (
                        keep.sudo().principal_id
                        if contacts
                        else keep.sudo().telemarketing_principal_id
                    ).id,
                    "user_id": self.env.uid,
                    "stood": {
                        name: [
                            row for one in (keep | gone) for row in rows.get(one.id, [])
                        ]
                        for name, rows in said.items()
                    },
                    "at": now,
                    "until": now + timedelta(hours=UNDO_HOURS),
                }
                for keep, gone, _values in good
            ]
        )

    def _count_moved(self):
        self.env.cr.execute(
            """UPDATE telemarketing_merge m SET moved = counted.tables
               FROM (SELECT merge_id, jsonb_object_agg(table_name, rows) AS tables
                     FROM (SELECT merge_id, table_name,
                                  count(DISTINCT COALESCE(res_id, id)) AS rows
                           FROM telemarketing_merge_line
                           WHERE merge_id = ANY(%s)
                             AND kind IN ('fk', 'reference', 'm2m')
                             AND (kind <> 'm2m' OR new_value IS NOT NULL)
                           GROUP BY merge_id, table_name) one
                     GROUP BY merge_id) counted
               WHERE counted.merge_id = m.id""",
            [self.ids],
        )
        self.invalidate_recordset(["moved"])

    # WHAT STANDS AGAINST IT

    @api.model
    def _sentences_against(self, people, batch):
        """``{place in the batch: sentence}`` of those that must not be merged."""
        if people._name == "res.partner":
            general = self._against_partners(people)
            of_pair = self._against_partner_pair
        else:
            general = self._against_contacts(people)
            of_pair = partial(self._against_contact_pair, self._working(people))
        found = {}
        for place, (keep, gone, chosen) in enumerate(batch):
            keep, gone = keep.sudo(), gone.sudo()
            sentence = next(
                (general[one.id] for one in (keep | gone) if one.id in general), None
            )
            sentence = sentence or of_pair(keep, gone)
            sentence = sentence or self._against_values(keep, gone, chosen)
            if sentence:
                found[place] = sentence
        return found

    def _against_values(self, keep, gone, chosen):
        """A NIF is not chosen away: who objected under it would be called again."""
        contacts = keep._name == "telemarketing.contact"
        allowed = _CONTACT_VALUES if contacts else _PARTNER_VALUES
        wrong = sorted(set(chosen or {}) - allowed)
        if wrong:
            return self.env._("%s cannot be chosen in a merge.", ", ".join(wrong))
        vats = {_vat(one.vat) for one in keep | gone if one.vat}
        if len(vats) > 1:
            return self.env._(
                "%(names)s have different NIFs (%(vats)s): they are two people, or one "
                "of the NIFs is wrong. Put it right first.",
                names=", ".join((keep | gone).mapped("display_name")),
                vats=", ".join(sorted(vats)),
            )
        if chosen and "vat" in chosen and vats and _vat(chosen["vat"]) not in vats:
            return self.env._("The NIF of the merged person is %s.", next(iter(vats)))
        return None

    def _against_contacts(self, contacts):
        """``{contact id: sentence}``."""
        found = {}
        held = (
            self.env["telemarketing.target"]
            .sudo()
            .search([("contact_id", "in", contacts.ids), ("state", "in", HELD)])
        )
        for contact in held.contact_id:
            found[contact.id] = self.env._(
                "Somebody has %s on the desk right now. Wait until the call is closed.",
                contact.display_name,
            )
        for contact in contacts:
            if contact.erased_at:
                found[contact.id] = self.env._("An erased person is nobody's double.")
            elif contact.merged_into_id:
                found[contact.id] = self.env._(
                    "%(name)s was merged into %(kept)s already.",
                    name=contact.display_name,
                    kept=contact.merged_into_id.display_name,
                )
        return found

    def _working(self, contacts):
        """``{contact id: campaigns}`` in which they are called, or would be once an
        exclusion is lifted."""
        rows = (
            self.env["telemarketing.target"]
            .sudo()
            ._read_group(
                [("contact_id", "in", contacts.ids), ("state", "!=", "done")],
                ["contact_id", "campaign_id"],
            )
        )
        found = {}
        for contact, campaign in rows:
            found[contact.id] = found.get(contact.id, campaign.browse()) | campaign
        return found

    def _against_contact_pair(self, working, keep, gone):
        everybody = keep | gone
        if len(everybody.company_id) > 1:
            return self.env._("They belong to different companies.")
        if len({contact.principal_id for contact in everybody}) > 1:
            return self.env._(
                "They are people of different client companies, which never mix."
            )
        if len(everybody.partner_id) > 1:
            return self.env._(
                "%(first)s and %(second)s are two prospects or clients: merge those "
                "first.",
                first=everybody.partner_id[0].display_name,
                second=everybody.partner_id[1].display_name,
            )
        for one in gone:
            # A person is seen by the supervisors of one campaign: elsewhere nobody
            # would answer for the calls, nor be able to undo it.
            elsewhere = working.get(one.id, keep.campaign_id) - keep.campaign_id
            if elsewhere:
                return self.env._(
                    "%(name)s is still to be called in %(campaign)s, whose supervisors "
                    "would not see the kept record of %(kept)s. Keep both until that "
                    "work is done, or keep that record if the other one is not to be "
                    "called any more.",
                    name=one.display_name,
                    campaign=", ".join(elsewhere.mapped("display_name")),
                    kept=keep.campaign_id.display_name,
                )
        return None

    # CONTACTS

    def _merge_contacts(self, rewriter, merges, good):
        cr = self.env.cr
        merge_of = {}
        for merge, (keep, gone, _values) in zip(merges, good, strict=True):
            merge_of |= {one: merge.id for one in (keep.id, *gone.ids)}
        ids = list(merge_of)
        contacts = rewriter.rows("telemarketing_contact", ids)
        phones = _by(rewriter.rows("telemarketing_contact_phone", ids, "contact_id"))
        targets = _by(rewriter.rows("telemarketing_target", ids, "contact_id"))
        cr.execute(
            """SELECT c.id, d.legal_basis, d.basis_date, d.basis_source, d.name,
                      d.switched_on AND d.active
               FROM telemarketing_contact c
               JOIN telemarketing_database d ON d.id = c.database_id
               WHERE c.id = ANY(%s)""",
            [ids],
        )
        files = {row[0]: row[1:] for row in cr.fetchall()}
        answered = self._answered([p["id"] for some in phones.values() for p in some])
        changes = {"phone": {}, "target": {}, "moved": {}, "contact": {}}
        twice = []
        for merge, (keep, gone, _values) in zip(merges, good, strict=True):
            order = [keep.id, *gone.ids]
            rows = [contacts[one] for one in order]
            mine = [phones.get(one, []) for one in order]
            doubles, placed = _settle_phones(mine, answered)
            twice += [(merge.id, *double) for double in doubles]
            theirs = [target for one in order for target in targets.get(one, [])]
            settled = _settle_targets(theirs, keep.id)
            filled = _fill_contact(rows, [files[one] for one in order])
            filled |= {"active": True} if any(row["active"] for row in rows) else {}
            changes["contact"][keep.id] = (merge.id, filled)
            for one in gone.ids:
                changes["contact"][one] = (
                    merge.id,
                    {"active": False, "merged_into_id": keep.id},
                )
            changes["phone"] |= {row: (merge.id, v) for row, v in placed.items()}
            changes["target"] |= {row: (merge.id, v) for row, v in settled.items()}
            changes["moved"] |= {
                target["id"]: (
                    merge.id,
                    {
                        "database_id": contacts[keep.id]["database_id"],
                        "live": bool(files[keep.id][4]),
                    },
                )
                for target in theirs
                if target["contact_id"] != keep.id
            }
        rewriter.assign("telemarketing_contact_phone", changes["phone"])
        rewriter.drop("telemarketing_contact_phone", twice)
        rewriter.assign("telemarketing_target", changes["target"])
        rewriter.rewrite("telemarketing_contact")
        rewriter.assign("telemarketing_target", changes["moved"])
        rewriter.assign("telemarketing_contact", changes["contact"])
        self.env.invalidate_all(flush=False)
        watched = {
            "telemarketing_contact": merge_of,
            "telemarketing_target": {
                target["id"]: merge_of[one]
                for one, some in targets.items()
                for target in some
            },
        }
        with rewriter.watching(watched):
            for keep, _gone, values in good:
                if values:
                    # As the caller: what he may not set he does not set here either.
                    keep.write(values)
            self._ask_again(ids)

    def _ask_again(self, contact_ids, revive=False):
        """Consents and calling rules of these people, as they stand now.

        :param revive: who was out because of the other one's objection comes back
        """
        self.env["telemarketing.consent"].sudo()._refresh_contacts(
            contact_ids, gate=False
        )
        contacts = self.env["telemarketing.contact"].sudo().browse(contact_ids)
        Target = self.env["telemarketing.target"].sudo()
        if revive:
            Target._revive(contacts)
        else:
            Target._refresh_gate(contacts=contacts, reason=self.env._("Merges"))
        self.env.invalidate_all()

    def _answered(self, phone_ids):
        """Of these numbers of a contact those on which somebody was reached."""
        self.env.cr.execute(
            """SELECT DISTINCT phone_id FROM telemarketing_interaction
               WHERE phone_id = ANY(%s) AND outcome IN ('contact', 'useful')""",
            [phone_ids],
        )
        return {row[0] for row in self.env.cr.fetchall()}

    # UNDOING

    def action_undo(self):
        """Take it back: everything that nobody changed since is as it was."""
        self.ensure_one()
        self.check_access("read")
        merge = self.sudo()
        self._check_rights((merge._kept() | merge._gone()).with_env(self.env))
        merge._undo()
        return True

    @api.private
    def _undo(self):
        """Called with ``sudo``, after the caller's checks.

        :return: number of rows that stay as they are because they were changed
        :raise UserError: too late, or a later merge has to be taken back first
        """
        self.ensure_one()
        self._check_undo()
        people = self._kept() | self._gone()
        self.env.flush_all()
        self._lock(people)
        if self.model == "contact":
            held = self.env["telemarketing.target"].search_count(
                [("contact_id", "in", people.ids), ("state", "in", HELD)], limit=1
            )
            if held:
                raise UserError(
                    self.env._(
                        "Somebody has %s on the desk right now. Wait until the call is "
                        "closed.",
                        self._kept().display_name,
                    )
                )
        undoer = Undoer(self.env, self.id)
        undoer.run()
        self.env.invalidate_all(flush=False)
        self._bind_restored(people)
        if self.model == "contact":
            self._ask_again(people.ids, revive=True)
        else:
            self._after_partners_undone(people)
        left = [
            line
            for line in undoer.left
            if line["column"] not in _DERIVED.get(line["table"], ())
        ]
        self.env["telemarketing.merge.line"].browse(
            [line["line"] for line in left]
        ).left = True
        self.write(
            {
                "state": "undone",
                "undone_at": self.env["telemarketing.clock"]._now(),
                "undone_by_id": self.env.uid,
                "left_count": len(left),
            }
        )
        self.invalidate_recordset(["report"])
        return len(left)

    def _check_undo(self):
        now = self.env["telemarketing.clock"]._now()
        if self.state == "undone":
            raise UserError(self.env._("This merge has been undone already."))
        if self.state == "final" or self.until < now:
            raise UserError(
                self.env._(
                    "A merge can be undone for a day. This one is final: what it "
                    "rewrote is no longer kept."
                )
            )
        people = (self._kept() | self._gone()).ids
        kept, gone = (
            ("contact_id", "gone_contact_ids")
            if self.model == "contact"
            else ("partner_id", "gone_partner_ids")
        )
        later = self.search(
            Domain("id", ">", self.id)
            & Domain("state", "=", "done")
            & Domain("until", ">=", now)
            & (Domain(kept, "in", people) | Domain(gone, "in", people)),
            order="id desc",
            limit=1,
        )
        if later:
            raise UserError(
                self.env._(
                    "The same person was merged again later (%s): undo that one first.",
                    later.name,
                )
            )

    def _report_of(self, left):
        """What stays as it is, one sentence each: table, record, field, value now.

        :param list left: dicts of table, kind, id, column and now (row as JSON, None
            where it is gone)
        """
        if not left:
            return False
        items = []
        for line in left:
            title = self._title_of(line["table"])
            model = next(
                (
                    name
                    for name, Model in self.env.registry.items()
                    if Model._table == line["table"] and not Model._abstract
                ),
                None,
            )
            record = self.env[model].browse(line["id"]) if model else None
            if line["kind"] == "m2m":
                text = self.env._("%s: changed since, left as it is.", title)
            elif line["kind"] == "deleted-row":
                text = self.env._(
                    "%s: a row that was there twice could not be put back, because "
                    "another has taken its place.",
                    title,
                )
            elif record is None or not line["now"]:
                text = self.env._("%s: deleted since.", title)
            else:
                field = record._fields.get(line["column"])
                label = (
                    field.get_description(self.env)["string"]
                    if field
                    else line["column"]
                )
                text = self.env._(
                    "%(what)s “%(name)s”, %(field)s: now %(value)s.",
                    what=title,
                    name=record.exists().display_name or line["id"],
                    field=label,
                    value=self._shown(record, field, line["now"].get(line["column"])),
                )
            items.append(text)
        shown = Markup().join(Markup("<li>%s</li>") % text for text in items[:200])
        if len(items) > 200:
            more = self.env._("And %s more.", len(items) - 200)
            shown += Markup("<li>%s</li>") % more
        return Markup("<ul>%s</ul>") % shown

    def _shown(self, record, field, value):
        if field is not None and field.type == "many2one" and value:
            found = self.env[field.comodel_name].browse(value).exists()
            return found.display_name or str(value)
        if value is None or value == "":
            return self.env._("empty")
        return str(value)

    # AFTER THE DAY

    @api.autovacuum
    def _gc_final(self):
        """A day later: final. What was rewritten is no longer kept, but what an undo
        did not restore, which is shown for a month; a partner that nothing references
        any more goes, others stay archived."""
        now = self.env["telemarketing.clock"]._now()
        old = now - timedelta(days=LEFT_DAYS)
        due = self.sudo().search(
            Domain("until", "<", now)
            & (
                Domain("state", "=", "done")
                | Domain("line_ids", "any", [("left", "=", False)])
                | (Domain("undone_at", "<", old) & Domain("line_ids", "!=", False))
            ),
            limit=1000,
        )
        shown = due.filtered(lambda m: m.state == "undone" and m.undone_at >= old)
        self.env.cr.execute(
            """DELETE FROM telemarketing_merge_line
               WHERE merge_id = ANY(%s)
                 AND ("left" IS NOT TRUE OR merge_id <> ALL(%s))""",
            [due.ids, shown.ids],
        )
        self.env.invalidate_all(flush=False)
        final = due.filtered(lambda m: m.state == "done")
        final.state = "final"
        final._unlink_partners()
        return len(due), len(due) == 1000

    @api.private
    def _forget(self, contact_ids=(), partner_ids=()):
        """Erased people are left in no merge: what it rewrote is deleted, and undoing
        is no longer possible (GDPR art. 17)."""
        merges = self.sudo().search(
            Domain("contact_id", "in", list(contact_ids))
            | Domain("gone_contact_ids", "in", list(contact_ids))
            | Domain("partner_id", "in", list(partner_ids))
            | Domain("gone_partner_ids", "in", list(partner_ids))
        )
        if not merges:
            return
        self.env.cr.execute(
            "DELETE FROM telemarketing_merge_line WHERE merge_id = ANY(%s)",
            [merges.ids],
        )
        self.env.invalidate_all(flush=False)
        merges.filtered(lambda m: m.state == "done").state = "final"
        # Callers go on in SQL and forget what is not written yet.
        self.env.flush_all()

    def action_open_kept(self):
        self.ensure_one()
        self.check_access("read")
        kept = self._kept()
        return {
            "type": "ir.actions.act_window",
            "res_model": kept._name,
            "res_id": kept.id,
            "view_mode": "form",
        }


class TelemarketingMergeLine(models.Model):
    """One value that a merge rewrote, or one row that it took away."""

    _name = "telemarketing.merge.line"
    _description = "Merge: Rewritten Value"
    _order = "merge_id, step, id"
    _log_access = False

    merge_id = fields.Many2one(
        "telemarketing.merge", required=True, index=True, ondelete="cascade"
    )
    step = fields.Integer(required=True)
    kind = fields.Selection(
        [
            ("fk", "Link"),
            ("reference", "Reference"),
            ("value", "Value"),
            ("m2m", "Relation"),
            ("deleted-row", "Row that was there twice"),
        ],
        required=True,
    )
    table_name = fields.Char("Table", required=True)
    column_name = fields.Char("Column")
    res_id = fields.Integer("Id")
    old_value = fields.Json("Before")
    new_value = fields.Json("After")
    old_text = fields.Char("Value Before", compute="_compute_texts")
    new_text = fields.Char("Value After", compute="_compute_texts")
    left = fields.Boolean("Not Restored")

    @api.depends("old_value", "new_value")
    def _compute_texts(self):
        for line in self:
            line.old_text = _text(line.old_value)
            line.new_text = _text(line.new_value)


# RULES, on rows as JSON has them


def _text(value):
    return "" if value is None or value is False else str(value)[:200]


def _vat(text):
    nif = parse_nif(text) if text else None
    return nif.number if nif else (text or "").strip().upper()


def _by(rows):
    found = {}
    for row in rows.values():
        found.setdefault(row["contact_id"], []).append(row)
    return found


def _settle_phones(phones, answered):
    """Numbers of the others stand behind the kept one's; the same number once.

    :param list phones: rows of the kept contact, then of each other
    :param set answered: ids on which somebody was reached
    :return: ``([(id that goes, id that stays)], {id: {column: value}})``
    """
    doubles, changes, known, order = [], {}, {}, 0
    for place, some in enumerate(phones):
        for phone in sorted(some, key=lambda p: (p["sequence"] or 0, p["id"])):
            key = phone["e164"] or phone["raw"]
            if place == 0:
                known.setdefault(key, phone)
                order = max(order, phone["sequence"] or 0)
            elif key in known:
                stays = known[key]
                doubles.append((phone["id"], stays["id"]))
                state = _phone_state(stays, phone, answered)
                if phone["id"] in answered:
                    answered = answered | {stays["id"]}
                if state != stays["state"]:
                    stays["state"] = state
                    changes.setdefault(stays["id"], {})["state"] = state
            else:
                known[key] = phone
                order += 10
                changes.setdefault(phone["id"], {})["sequence"] = order
    return doubles, changes


def _phone_state(one, other, answered):
    """Not theirs if a call found it out; but not against a call that reached them."""
    if one["state"] == other["state"]:
        return one["state"]
    good = one if one["state"] == "ok" else other
    return "ok" if good["id"] in answered else "bad"


def _settle_targets(targets, keep):
    """One open target per campaign and origin: the one with more progress.

    Who was reached in a campaign is not called in it afresh because the list held
    them twice.

    :return: ``{id: {column: value}}``
    """
    changes, groups = {}, {}
    for target in targets:
        key = target["campaign_id"], target["origin"] or ""
        groups.setdefault(key, []).append(target)
    for some in groups.values():
        open_ones = [target for target in some if target["state"] not in CLOSED]
        if not open_ones:
            continue
        open_ones.sort(key=lambda t: _progress(t, keep))
        best, rest = open_ones[0], open_ones[1:]
        changes |= {target["id"]: _closed() for target in rest}
        attempts = sum(target["attempts"] or 0 for target in open_ones)
        if attempts != (best["attempts"] or 0):
            changes[best["id"]] = {"attempts": attempts}
        reached = [
            target
            for target in some
            if target["state"] in CLOSED
            and target["contacted"]
            and (target["cycle"] or 1) >= (best["cycle"] or 1)
            and target["contact_id"] != best["contact_id"]
        ]
        if reached and not attempts and not best["callback"]:
            changes[best["id"]] = _closed()
    return changes


def _progress(target, keep):
    return (
        not target["callback"],
        (target["next_call_at"] or "9") if target["callback"] else "",
        -(target["contacted"] or 0),
        -(target["attempts"] or 0),
        not target["agent_id"],
        target["contact_id"] != keep,
        target["id"],
    )


def _closed():
    return {
        "state": "done",
        "done_reason": "merged",
        "callback": False,
        "callback_agreed": False,
        "callback_user_id": None,
        "next_call_at": None,
        "callable_from": None,
        "due_at": None,
    }


def _fill_contact(rows, files):
    """What the kept contact takes over.

    :param list rows: the kept contact, then the others
    :param list files: ``(basis, date, source, name, switched on)`` of their databases
    :return: ``{column: value}``
    """
    kept, others = rows[0], rows[1:]
    filled = {}
    for name in _CONTACT_FILL:
        if not kept[name]:
            filled[name] = next((row[name] for row in others if row[name]), None)
    address = _fill_address(kept, others)
    filled |= address
    notes = list(dict.fromkeys(row["note"] for row in rows if row["note"]))
    if notes and notes != [kept["note"]]:
        filled["note"] = "\n".join(notes)
    days = [row["interacted_on"] for row in rows if row["interacted_on"]]
    if days:
        filled["interacted_on"] = max(days)
    if not (kept["legal_basis"] or files[0][0]):
        for row, file in zip(others, files[1:], strict=True):
            if row["legal_basis"]:
                filled |= {name: row[name] for name in _BASIS}
                break
            if file[0]:
                filled |= {
                    "legal_basis": file[0],
                    "basis_date": file[1] and str(file[1]),
                    "basis_source": row["basis_source"] or file[2] or file[3],
                    "client_until": row["client_until"],
                    "is_professional": row["is_professional"],
                }
                break
    extra = kept["contact_properties"] or {}
    for row in others:
        if row["campaign_id"] == kept["campaign_id"]:
            theirs = row["contact_properties"] or {}
            extra = {
                **theirs,
                **{k: v for k, v in extra.items() if v not in (None, False, "")},
            }
    if extra:
        filled["contact_properties"] = extra
    return {
        name: value
        for name, value in filled.items()
        if value is not None and value != kept[name]
    }


def _fill_address(kept, others):
    """A whole address, or what is missing of the same one: never half of two."""
    for row in others:
        if not (row["street"] or row["zip"] or row["city"]):
            continue
        bare = not (kept["street"] or kept["zip"] or kept["city"])
        same = kept["zip"] and kept["zip"] == row["zip"]
        if bare or same:
            found = {
                name: row[name] for name in _ADDRESS if row[name] and not kept[name]
            }
            if found:
                return found
    return {}
