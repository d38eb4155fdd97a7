from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from ..compliance import province_of_number
from ..identity.phone import format_phone

KINDS = [
    ("mobile", "Mobile"),
    ("fixed", "Fixed"),
    ("toll_free", "Toll-free"),
    ("shared_cost", "Shared cost"),
    ("premium", "Premium rate"),
    ("personal", "Personal"),
    ("uan", "Universal access"),
    ("voip", "VoIP"),
    ("other", "Other"),
]


class TelemarketingNumber(models.Model):
    """One row per company and E.164 number: what the law and good sense ask of a
    number, whoever's list it stands on."""

    _name = "telemarketing.number"
    _description = "Phone Number"
    _rec_name = "e164"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    e164 = fields.Char("Number", required=True)
    kind = fields.Selection(KINDS, required=True, default="other")
    state = fields.Selection(
        [("ok", "In use"), ("bad", "Bad number")], required=True, default="ok"
    )
    attempts = fields.Integer("Calls in All", readonly=True, default=0)
    # Of the day and the week of ``attempts_date``, which may be long ago.
    attempts_day = fields.Integer("Calls of That Day", readonly=True, default=0)
    attempts_week = fields.Integer("Calls of That Week", readonly=True, default=0)
    attempts_today = fields.Integer("Calls Today", compute="_compute_attempts_now")
    attempts_this_week = fields.Integer(
        "Calls This Week", compute="_compute_attempts_now"
    )
    attempts_date = fields.Date(
        readonly=True,
        help="The day, in the company's time zone, that the day's count is of.",
    )
    last_attempt_at = fields.Datetime(readonly=True)
    drop_locked_until = fields.Datetime(
        readonly=True, help="Not dialled before this after an abandoned call."
    )
    country = fields.Char(readonly=True, help="Code of two letters.")
    province = fields.Char(
        readonly=True, help="INE code of the province of a fixed Spanish number."
    )
    robinson = fields.Selection(
        [("present", "In the list"), ("absent", "Not in the list")],
        "Lista Robinson",
        readonly=True,
        help="As the last consultation said. Empty: never asked.",
    )
    robinson_at = fields.Datetime("Robinson Checked", readonly=True)
    robinson_since = fields.Date(
        "In the Lista Robinson Since",
        readonly=True,
        help="The day after the last consultation that did not find it there: consents "
        "and requests from before are taken back. Empty: unknown.",
    )
    robinson_check_id = fields.Many2one(
        "telemarketing.robinson.check",
        "Robinson Consultation",
        readonly=True,
        # Not indexed: a file writes it to every number at once.
        ondelete="set null",
    )
    robinson_age = fields.Integer(
        "Days Since",
        compute="_compute_robinson_age",
        search="_search_robinson_age",
        aggregator=None,
        help="Days since the Lista Robinson was consulted.",
    )
    robinson_due = fields.Boolean(
        "To Be Consulted",
        compute="_compute_robinson_due",
        search="_search_robinson_due",
        help="Somebody of a running campaign has it, and the Lista Robinson was never "
        "consulted or too long ago.",
    )
    phone_ids = fields.One2many("telemarketing.contact.phone", "number_id")

    _e164_uniq = models.UniqueIndex(
        "(company_id, e164)", "This number is already known in this company."
    )

    @api.depends("e164")
    def _compute_display_name(self):
        for number in self:
            number.display_name = format_phone(number.e164 or "")

    def write(self, vals):
        result = super().write(vals)
        if {"state", "kind", "drop_locked_until"} & set(vals):
            self.env["telemarketing.target"]._refresh_gate(numbers=self)
        return result

    @api.depends("attempts_date", "attempts_day", "attempts_week")
    def _compute_attempts_now(self):
        gate = self.env["telemarketing.gate"]
        now = self.env["telemarketing.clock"]._now()
        for number in self:
            today = gate._company_today(number.company_id, now)
            counted = number.attempts_date
            number.attempts_today = number.attempts_day if counted == today else 0
            same = counted and counted.isocalendar()[:2] == today.isocalendar()[:2]
            number.attempts_this_week = number.attempts_week if same else 0

    @api.depends("robinson_at")
    def _compute_robinson_age(self):
        now = self.env["telemarketing.clock"]._now()
        for number in self:
            at = number.robinson_at
            number.robinson_age = (now - at).days if at else False

    def _search_robinson_age(self, operator, value):
        if operator not in (">", ">=", "<", "<=") or not isinstance(value, int):
            return NotImplemented
        now = self.env["telemarketing.clock"]._now()
        if operator in (">", "<="):
            value += 1
        limit = now - timedelta(days=value)
        return [("robinson_at", "<=" if operator in (">", ">=") else ">", limit)]

    def _compute_robinson_due(self):
        due = self.search([("id", "in", self.ids), ("robinson_due", "=", True)])
        for number in self:
            number.robinson_due = number in due

    def _search_robinson_due(self, operator, value):
        if operator != "in":
            return NotImplemented
        service = self.env["telemarketing.robinson.service"]
        service._flush()
        companies = Domain.OR(
            [("company_id", "=", company.id), ("id", "in", service._waiting(company))]
            for company in self.env.companies
        )
        return companies

    @api.private
    def _take_out_of_lists(self, interaction):
        """A result says that nobody is to be reached on these numbers.

        Who else waits in the campaign of that call with one of them leaves its list:
        closed, with the call that did it; a supervisor puts them back. Whoever has
        agreed a callback stays, and so does the person of the call, whom the result
        itself moves. The dialer takes them out of its own lists too.

        :return: targets taken out
        """
        Target = self.env["telemarketing.target"].sudo()
        if not self or not interaction.campaign_id:
            return Target
        others = Target.search(
            [
                ("campaign_id", "=", interaction.campaign_id.id),
                ("state", "in", ("new", "ready")),
                ("callback", "=", False),
                ("contact_id", "!=", interaction.contact_id.id),
                ("contact_id.phone_ids.number_id", "in", self.ids),
            ],
            limit=1000,
        ).try_lock_for_update()
        others.write(
            {
                "state": "done",
                "done_reason": "number_dropped",
                "dropped_by_id": interaction.id,
            }
        )
        return others

    @api.private
    def _count_attempt(self, at, tz):
        """One more dial at this UTC instant; days and weeks are those of ``tz``.

        One UPDATE, so that two desks never lose each other's count.
        """
        if not self:
            return
        day = fields.Datetime.context_timestamp(self.with_context(tz=tz), at).date()
        self.env.cr.execute(
            """UPDATE telemarketing_number SET
                   attempts = attempts + 1,
                   attempts_day = CASE WHEN attempts_date = %(day)s
                                       THEN attempts_day + 1 ELSE 1 END,
                   attempts_week = CASE WHEN date_trunc('week', attempts_date)
                                             = date_trunc('week', %(day)s::date)
                                        THEN attempts_week + 1 ELSE 1 END,
                   attempts_date = %(day)s,
                   last_attempt_at = %(at)s
               WHERE id = ANY(%(ids)s)""",
            {"day": day, "at": at, "ids": self.ids},
        )
        self.invalidate_recordset(
            [
                "attempts",
                "attempts_day",
                "attempts_week",
                "attempts_date",
                "last_attempt_at",
            ]
        )

    @api.private
    def _uncount_attempt(self, interaction):
        """Take back the count of a call that could not be dialled, so that its number
        may be tried again at once; ``interaction`` is that call, which is none."""
        if not self:
            return
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE telemarketing_number SET
                   attempts = GREATEST(attempts - 1, 0),
                   attempts_day = GREATEST(attempts_day - 1, 0),
                   attempts_week = GREATEST(attempts_week - 1, 0),
                   last_attempt_at = (
                       SELECT max(i.started_at) FROM telemarketing_interaction i
                       WHERE i.number_id = telemarketing_number.id AND i.is_call
                         AND i.id <> %(call)s AND i.contact_id IN (
                             SELECT p.contact_id FROM telemarketing_contact_phone p
                             WHERE p.number_id = telemarketing_number.id))
               WHERE id = ANY(%(ids)s)""",
            {"ids": self.ids, "call": interaction.id},
        )
        self.invalidate_recordset(
            ["attempts", "attempts_day", "attempts_week", "last_attempt_at"]
        )

    @api.private
    def _get_or_create(self, company, phones):
        """``{e164: id}`` for these ``identity.phone.Phone``; set-based and safe when
        two load the same number at once."""
        rows = sorted(
            {
                (
                    phone.e164,
                    phone.kind,
                    phone.country or None,
                    province_of_number(phone.e164) or None
                    if phone.kind == "fixed"
                    else None,
                )
                for phone in phones
            },
            key=lambda row: row[0],
        )
        if not rows:
            return {}
        cr = self.env.cr
        cr.execute(
            """INSERT INTO telemarketing_number
                   (company_id, e164, kind, country, province, state, attempts,
                    attempts_day, attempts_week, create_uid, create_date, write_uid,
                    write_date)
               SELECT %(company)s, e164, kind, country, province, 'ok', 0, 0, 0,
                      %(uid)s, now() at time zone 'UTC',
                      %(uid)s, now() at time zone 'UTC'
               FROM unnest(%(numbers)s, %(kinds)s, %(countries)s::text[],
                           %(provinces)s::text[]) AS row(e164, kind, country, province)
               ON CONFLICT (company_id, e164) DO NOTHING""",
            {
                "company": company.id,
                "uid": self.env.uid,
                "numbers": [row[0] for row in rows],
                "kinds": [row[1] for row in rows],
                "countries": [row[2] for row in rows],
                "provinces": [row[3] for row in rows],
            },
        )
        cr.execute(
            "SELECT e164, id FROM telemarketing_number"
            " WHERE company_id = %s AND e164 = ANY(%s)",
            [company.id, [row[0] for row in rows]],
        )
        return dict(cr.fetchall())
