import json
import logging
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from psycopg2.extras import execute_values

from odoo import api, fields, models, modules, tools
from odoo.tools import SQL

from ..compliance import (
    Agreed,
    Campaign,
    Consent,
    Exclusion,
    Facts,
    Number,
    Person,
    Place,
    Relation,
    allowed_until,
    decide,
    effective_consent,
    hours_against,
    normalise,
)
from ..compliance.gate import has_legal_hours
from ..compliance.reasons import REASONS, article, short, text
from ..identity.postcode import CANARY, MADRID, find_province

_logger = logging.getLogger(__name__)

# People asked within the request that changed something about them; more wait for
# the queue.
INLINE = 2000
# Rows touched by one UPDATE: short enough that a lease never waits long for it.
CHUNK = 20_000
# Codes that close a person as excluded, and those that an hour asked for lifts.
EXCLUDED = frozenset(code for code in REASONS if code.startswith("excluded_"))
HOURS = frozenset(
    code for code in REASONS if code.startswith("hours_") or code == "campaign_hours"
)
# What an answer writes on a target.
_WRITTEN = ("state", "callback", "callable_code", "province", "callable_from", "due_at")
# What a row of facts holds, in order; see ``_row_sql``.
_COLUMNS = (
    *("campaign", "database_on", "origin", "basis", "basis_on"),
    *("company", "professional", "birthdate", "province", "municipality"),
    *("consented_on", "robot_consented_on", "client_until", "interacted_on"),
    *("exclusions", "number", "kind", "country", "bad"),
    *("attempts", "attempts_day", "attempts_week", "attempts_on", "last_attempt_at"),
    *("locked_until", "robinson", "robinson_on", "robinson_since"),
    *("agreed_at", "asked_hour", "training"),
)


class TelemarketingGate(models.AbstractModel):
    """May we call? Facts from the database, answers from ``compliance``.

    One person and a million are asked by the same statement: a row of facts per
    target and telephone, as text. One person's rows are answered one by one; of a
    million the distinct rows are the classes, answered once each, and SQL spreads
    the answers.
    """

    _name = "telemarketing.gate"
    _description = "May We Call"

    # FACTS

    @api.model
    def _row_sql(self, company, now, normalised):
        """A JSON array of the columns of ``_COLUMNS``: the facts of a target and one
        of its telephones; tables as aliased by ``_facts_sql``.

        :param bool normalised: leave out what cannot matter at ``now``, so that many
            people share a row; the kernel's ``normalise`` leaves out the rest
        """
        rules = self._rules(company)
        if normalised:
            today = self._company_today(company, now)
            gap = timedelta(minutes=rules.gap_minutes)
            day = SQL(
                "n.attempts_date = %s AND %s > 0 AND n.attempts_day >= %s",
                *(today, rules.max_day, rules.max_day),
            )
            week = SQL(
                """%s > 0 AND n.attempts_week >= %s
                   AND date_trunc('week', n.attempts_date)
                       = date_trunc('week', %s::date)""",
                *(rules.max_week, rules.max_week, today),
            )
            numbers = SQL(
                """CASE WHEN %s > 0 AND n.attempts >= %s THEN n.attempts ELSE 0 END,
                   CASE WHEN %s THEN n.attempts_day ELSE 0 END,
                   CASE WHEN %s THEN n.attempts_week ELSE 0 END,
                   CASE WHEN (%s) OR (%s) THEN n.attempts_date END,
                   CASE WHEN n.last_attempt_at > %s THEN n.last_attempt_at END,
                   CASE WHEN n.drop_locked_until > %s THEN n.drop_locked_until END""",
                *(rules.max_total, rules.max_total, day, week, day, week),
                *(now - gap, now),
            )
            number = SQL("n.id IS NOT NULL OR (d.training AND p.id IS NOT NULL)")
            # A database that is off has its own flag on the targets (``live``).
            switched_on = SQL("c.active")
            birthdate = SQL(
                "CASE WHEN c.birthdate > %s THEN c.birthdate END",
                (now - timedelta(days=19 * 366)).date(),
            )
            agreed = SQL(
                "CASE WHEN t.callback AND t.callback_agreed AND t.next_call_at > %s"
                " THEN t.next_call_at END",
                now - timedelta(minutes=rules.agreed_minutes + 1),
            )
            client = SQL("COALESCE(c.legal_basis, d.legal_basis) = 'client'")
            relation = SQL(
                """CASE WHEN %s THEN c.client_until END,
                   CASE WHEN %s THEN c.interacted_on END""",
                *(client, client),
            )
            robinson = SQL(
                """CASE WHEN %s OR n.robinson_since IS NOT NULL THEN n.robinson END,
                   CASE WHEN %s THEN %s END, n.robinson_since""",
                *(client, client, self._local_day_sql("n.robinson_at")),
            )
        else:
            numbers = SQL(
                """n.attempts, n.attempts_day, n.attempts_week, n.attempts_date,
                   n.last_attempt_at, n.drop_locked_until"""
            )
            number = SQL("n.id IS NOT NULL OR (d.training AND p.id IS NOT NULL)")
            switched_on = SQL("c.active AND d.switched_on AND d.active")
            birthdate = SQL("c.birthdate")
            agreed = SQL(
                "CASE WHEN t.callback AND t.callback_agreed THEN t.next_call_at END"
            )
            relation = SQL("c.client_until, c.interacted_on")
            robinson = SQL(
                "n.robinson, %s, n.robinson_since",
                self._local_day_sql("n.robinson_at"),
            )
        return SQL(
            """json_build_array(
                t.campaign_id, %s, d.origin,
                COALESCE(c.legal_basis, d.legal_basis),
                CASE WHEN c.legal_basis IS NULL THEN d.basis_date
                     ELSE COALESCE(c.basis_date, CASE WHEN c.legal_basis = d.legal_basis
                                                 THEN d.basis_date END) END,
                %s, COALESCE(c.is_professional OR c.is_company, false),
                %s, place.province, place.municipality,
                c.consented_on, c.robot_consented_on, %s,
                barred.all_of_them, %s, n.kind, n.country,
                n.state = 'bad' OR p.state = 'bad',
                %s, %s, %s, t.asked_hour, COALESCE(d.training, false))::text""",
            *(switched_on, self._firm_sql(), birthdate, relation, number, numbers),
            *(robinson, agreed),
        )

    @api.model
    def _firm_sql(self, contact="c"):
        """Is this person a legal person? Whoever has a natural person's NIF is not,
        whatever is ticked: a sole trader at most."""
        return SQL(
            """CASE WHEN %(contact)s.is_company
                    THEN COALESCE(
                        regexp_replace(upper(%(contact)s.vat), '[^A-Z0-9]', '', 'g')
                        !~ '^(ES)?([0-9]{8}|[KLMXYZ][0-9]{7})[A-Z]$', true)
                    ELSE false END""",
            contact=SQL.identifier(contact),
        )

    @api.model
    def _local_day_sql(self, column):
        """Day in Spain of a UTC instant; ``column`` is a constant of this class."""
        return SQL(
            f"((({column}) AT TIME ZONE 'UTC') AT TIME ZONE 'Europe/Madrid')::date"
        )

    @api.model
    def _facts_sql(self, company, where, now, normalised=False, targets=None):
        """SELECT target, phone, seq, province, facts: a row per telephone, or one
        without for who has none.

        :param SQL where: condition on ``t`` (target), ``c`` (contact)
        :param SQL targets: what stands for the table of targets where they are not
            there yet (a file that is being loaded)
        """
        return SQL(
            """SELECT t.id AS target, p.id AS phone,
                      row_number() OVER (PARTITION BY t.id ORDER BY p.sequence, p.id)
                          AS seq,
                      place.province AS province, %(row)s AS facts
               FROM %(targets)s t
               JOIN telemarketing_contact c ON c.id = t.contact_id
               JOIN telemarketing_database d ON d.id = c.database_id
               LEFT JOIN telemarketing_contact_phone p ON p.contact_id = c.id
               LEFT JOIN telemarketing_number n ON n.id = p.number_id
               LEFT JOIN (SELECT * FROM unnest(%(states)s::int[], %(codes)s::text[])
                          AS s(state_id, province)) s ON s.state_id = c.state_id
               CROSS JOIN LATERAL (SELECT COALESCE(
                       CASE WHEN c.zip ~ '^(0[1-9]|[1-4][0-9]|5[0-2])[0-9]{3}$'
                                 AND (c.country_id IS NULL OR c.country_id = %(spain)s)
                            THEN left(c.zip, 2) END,
                       s.province, n.province, '') AS province) its
               CROSS JOIN LATERAL (SELECT its.province,
                       %(municipality)s AS municipality) place
               LEFT JOIN LATERAL (
                   SELECT string_agg(DISTINCT e.reason || ' ' || e.scope || ' '
                              || to_char(e.date, 'YYYY-MM-DD'), ',') AS all_of_them
                   FROM telemarketing_exclusion e
                   WHERE %(barring)s) barred ON true
               WHERE t.company_id = %(company)s AND %(where)s""",
            row=self._row_sql(company, now, normalised),
            targets=targets or SQL("telemarketing_target"),
            states=self._provinces()[0],
            codes=self._provinces()[1],
            spain=self.env["ir.model.data"]._xmlid_to_res_id("base.es"),
            municipality=self._municipality_sql(),
            barring=self._barring_sql(),
            company=company.id,
            where=where,
        )

    @api.model
    def _barring_sql(self):
        """Exclusions ``e`` in force that reach the person ``c`` or the number ``n``
        in the campaign of ``t``."""
        return SQL(
            """e.lifted_at IS NULL AND e.company_id = t.company_id
               AND (e.number_id = n.id OR e.contact_id = c.id OR e.vat = c.vat)
               AND (e.scope = 'all'
                    OR (e.scope = 'campaign' AND e.campaign_id = t.campaign_id)
                    OR (e.scope = 'principal' AND e.principal_id = c.principal_id))"""
        )

    @api.model
    def _municipality_sql(self):
        """Folded name of the town if it has a calendar of its own, else ''."""
        return self.env["telemarketing.municipality"]._key_sql(
            SQL("c.city"), SQL("its.province")
        )

    @api.model
    @tools.ormcache()
    def _provinces(self):
        """Ids of Spain's states and their INE codes, two lists side by side."""
        states = self.env["res.country.state"].search([("country_id.code", "=", "ES")])
        found = [(state.id, find_province(state.code)) for state in states]
        pairs = [(state, province.ine) for state, province in found if province]
        return [state for state, _ine in pairs], [ine for _state, ine in pairs]

    # WHAT IS THE SAME FOR MANY

    @api.model
    def _rules(self, company):
        return self.env["telemarketing.calling.rules"]._for(company)._kernel()

    @api.model
    def _closed_days(self, company, province, municipality):
        return self.env["telemarketing.holiday"]._for_place(
            company, province, municipality
        )

    @api.model
    def _company_tz(self, company):
        return self._tz_of(company.id)

    @api.model
    @tools.ormcache("company_id")
    def _tz_of(self, company_id):
        """Cached with ``_campaign``; see ``_forget_cached``."""
        company = self.env["res.company"].sudo().browse(company_id)
        return company.partner_id.tz or MADRID

    @api.model
    def _forget_cached(self):
        """A campaign, its hours, its sector or a company's time zone changed."""
        self.env.registry.clear_cache()

    @api.model
    def _company_today(self, company, now):
        zone = ZoneInfo(self._company_tz(company))
        return now.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).date()

    @api.model
    @tools.ormcache("campaign_id")
    def _campaign(self, campaign_id):
        """``compliance.Campaign``: asked at every call, changed rarely."""
        campaign = self.env["telemarketing.campaign"].sudo().browse(campaign_id)
        return self._campaign_facts(campaign)

    @api.model
    def _campaign_facts(self, campaign):
        """``compliance.Campaign`` of one with sudo, also of one that is being typed."""
        assessed_on = campaign.assessment_file and campaign.assessment_date
        now = self.env["telemarketing.clock"]._now()
        bases = {
            "consent": campaign.basis_consent,
            "client": campaign.basis_client,
            "legal_person": campaign.basis_legal_person,
            "request": campaign.basis_request,
        }
        sector = campaign.sector_id
        return Campaign(
            purpose=campaign.call_purpose,
            bases=frozenset(name for name, admitted in bases.items() if admitted),
            sector=sector.code or "",
            sector_ban_from=sector.ban_from or None,
            record_whole=sector.record_whole,
            similar_product=campaign.similar_product,
            group_company=campaign.group_company,
            for_home=campaign.for_home,
            assessment=bool(
                assessed_on
                and assessed_on <= self._company_today(campaign.company_id, now)
            ),
            mode=campaign.call_mode,
            caller=campaign._caller_number(campaign.caller_number),
            windows=campaign.window_ids._kernel(),
            tz=self._company_tz(campaign.company_id),
            training=campaign.training,
        )

    @api.model
    def _reader(self, company):
        """A function that makes ``compliance.Facts`` of a row of facts; what many rows
        share is read once."""
        rules = self._rules(company)

        @lru_cache(None)
        def closed_days(province, municipality):
            return self._closed_days(company, province, municipality)

        def read(row):
            fact = dict(zip(_COLUMNS, json.loads(row), strict=True))
            return _facts(fact, rules, self._campaign, closed_days)

        return read

    # ONE PERSON

    @api.model
    def _ask(self, target, now, gap=True, attended=False):
        """``{phone id: (compliance.Facts, compliance.Verdict)}`` of one target.

        :param bool gap: whether the pause after the last call counts
        :param bool attended: an agent dials and is there when somebody answers: who
            was rung for nobody earlier in the day may be called so
        """
        return self._ask_each(target, now, gap, attended)[target]

    @api.model
    def _ask_each(self, targets, now, gap=True, attended=False):
        """The same of several targets of one company, in one statement.

        :return: ``{target: {phone id: (compliance.Facts, compliance.Verdict)}}``
        """
        company = targets.company_id
        self.env.flush_all()
        rows = self.env.execute_query(
            self._facts_sql(company, SQL("t.id = ANY(%s)", targets.ids), now)
        )
        read = self._reader(company)
        by_id = {target.id: {} for target in targets}
        for target, phone, _seq, _province, row in sorted(rows, key=lambda r: r[2]):
            facts = read(row)
            if not gap:
                facts = replace(facts, rules=replace(facts.rules, gap_minutes=0))
            if attended and facts.number.locked_until:
                number = replace(facts.number, locked_until=None)
                facts = replace(facts, number=number)
            by_id[target][phone] = facts, decide(facts, now)
        return {target: by_id[target.id] for target in targets}

    @api.model
    def _calling(self, facts, now):
        """Days and hours at the person's place for which a callback may be agreed.

        :return: ``{opens: "HH:MM", closes: "HH:MM", days: [ISO date]}``, three weeks,
            or False where the law's hours do not hold
        """
        if not has_legal_hours(facts):
            return False
        local = now.replace(tzinfo=ZoneInfo("UTC")).astimezone(
            ZoneInfo(facts.person.place.tz)
        )
        days = [local.date() + timedelta(days=ahead) for ahead in range(21)]
        rules = facts.rules
        return {
            "opens": rules.opens.strftime("%H:%M"),
            "closes": (rules.last_dial or rules.closes).strftime("%H:%M"),
            "days": [
                day.isoformat()
                for day in days
                if day.isoweekday() <= 5 and day not in facts.closed_days
            ],
        }

    @api.model
    def _hours_finding(self, target, at):
        """What hours, holidays or the campaign's own hours say against calling this
        person at ``at``, if nothing else stood against it; None: nothing."""
        asked = [facts for facts, _verdict in self._ask(target, at).values()]
        if asked and all(facts.training for facts in asked):
            # Whoever practises learns which hours may be agreed.
            return hours_against(asked[0], at)
        # As agreed for that instant, or a cap that is full until later would hide it.
        answers = [decide(replace(facts, agreed=Agreed(at)), at) for facts in asked]
        against = [
            verdict.finding
            for verdict in answers
            if verdict.finding and verdict.finding.code in HOURS
        ]
        return against[0] if against and len(against) == len(answers) else None

    @api.model
    def _values(self, facts, verdict, at=None):
        """A verdict for people: texts in the user's language; ``closes``: when, from
        ``at`` on, it stops being allowed."""
        finding = verdict.finding
        return {
            "answer": verdict.answer,
            "until": verdict.until or False,
            "closes": (verdict.allowed and at and allowed_until(facts, at)) or False,
            "reason": self._text(finding) if finding else "",
            "code": finding.code if finding else False,
            "article": article(finding.code) if finding else "",
            "basis": verdict.basis,
            "record_whole": facts.campaign.record_whole,
            "warnings": [self._text(warning) for warning in verdict.warnings],
        }

    @api.model
    def _text(self, finding):
        """The sentence of a finding; days as this language writes them."""
        return text(finding, lambda source: self.env._(source), self._shown) + "."  # pylint: disable=translation-not-lazy

    @api.model
    def _shown(self, _name, value):
        """Days as this language writes them."""
        try:
            return tools.format_date(self.env, date.fromisoformat(value))
        except ValueError:
            return value

    @api.model
    def _short_text(self, code):
        """Label of a reason for lists; '' for none."""
        if not code or code not in REASONS:
            return code or ""
        return short(code, lambda source: self.env._(source))  # pylint: disable=translation-not-lazy

    @api.model
    def _proof(self, target, phone, facts, verdict, now):
        """What the answer rested on, kept with the call (``interaction.gate``)."""
        person, number = facts.person, facts.number
        local = now.replace(tzinfo=ZoneInfo("UTC")).astimezone(
            ZoneInfo(person.place.tz)
        )
        rules = self.env["telemarketing.calling.rules"]._for(target.company_id)
        purpose = "robot" if facts.campaign.mode == "robot" else "call"
        consent = effective_consent(person.consents, purpose)
        return {
            "answer": verdict.answer,
            "code": verdict.finding.code if verdict.finding else False,
            "basis": verdict.basis,
            "basis_on": _iso(person.basis_on),
            "person": person.kind,
            "origin": person.origin,
            "consented_on": _iso(consent),
            "robinson": number.robinson,
            "robinson_check_id": phone.number_id.robinson_check_id.id,
            "robinson_at": fields.Datetime.to_string(phone.number_id.robinson_at)
            or False,
            "province": person.place.province,
            "municipality": person.place.municipality,
            "tz": person.place.tz,
            "local": local.strftime("%Y-%m-%d %H:%M:%S"),
            "closed_days_checked": len(facts.closed_days),
            "purpose": facts.campaign.purpose,
            "sector": facts.campaign.sector,
            "caller": facts.campaign.caller,
            "attempts_before": number.attempts,
            "number_kind": number.kind,
            "exclusions": [e.reason for e in person.exclusions],
            **self._asked(target, facts),
            "warnings": [warning.code for warning in verdict.warnings],
            "rules_at": fields.Datetime.to_string(rules.write_date) or False,
        }

    def _asked(self, target, facts):
        """Who asked for an hour outside the legal ones, when and how."""
        if not (facts.agreed and facts.agreed.outside_hours):
            return {"asked_hour": False}
        return {
            "asked_hour": True,
            "asked_by": target.asked_by or "",
            "asked_at": fields.Datetime.to_string(target.asked_at) or "",
            "asked_channel": target.asked_channel or "",
        }

    # MANY

    @api.model
    def _answer_rows(self, company, rows, now):
        """``{row of facts: (callable from or None, code or None)}``; rows that say the
        same after ``normalise`` are decided once."""
        read = self._reader(company)
        known, answers = {}, {}
        for row in rows:
            facts = normalise(read(row), now)
            if facts not in known:
                verdict = decide(facts, now)
                code = verdict.finding.code if verdict.finding else None
                known[facts] = (
                    now if verdict.allowed else verdict.until,
                    None if verdict.allowed else code,
                )
            answers[row] = known[facts]
        return answers

    @api.model
    def _refresh_few(self, company, where, now):
        """In this transaction, for some thousands of targets at most."""
        self.env.flush_all()
        cr = self.env.cr
        cr.execute(
            self._facts_sql(
                company,
                SQL("t.state IN ('new', 'ready') AND %s", where),
                now,
                normalised=True,
            )
        )
        rows = cr.fetchall()
        if not rows:
            return 0
        answers = self._answer_rows(company, {row[4] for row in rows}, now)
        best = {}
        for target, _phone, seq, province, row in rows:
            since, code = answers[row]
            rank = (since is None, since or now, code not in EXCLUDED, seq)
            if target not in best or rank < best[target][0]:
                best[target] = rank, since, code, province or None
        values = [(t, since, code, p) for t, (_r, since, code, p) in best.items()]
        changed = execute_values(
            cr._obj,
            self._write_statement("VALUES %s", always=True),
            values,
            template="(%s, %s::timestamp, %s::varchar, %s::varchar)",
            page_size=INLINE,
            fetch=True,
        )
        self.env["telemarketing.target"].browse(
            row[0] for row in changed
        ).invalidate_recordset(_WRITTEN)
        return len(changed)

    @api.model
    def _differs(self, r="best"):
        """Does the row ``r`` say anything else than the target ``t``? SQL."""
        excluded = ", ".join(f"'{code}'" for code in sorted(EXCLUDED))
        return f"""t.callable_code IS DISTINCT FROM {r}.code
            OR t.province IS DISTINCT FROM {r}.province
            OR ({r}.since IS NULL) <> (t.callable_from IS NULL)
            OR {r}.code IN ({excluded})
            OR ({r}.code IS NULL AND t.callable_from > {r}.since)
            OR ({r}.code IS NOT NULL AND t.callable_from <> {r}.since)"""

    @api.model
    def _write_statement(self, source, always=False):
        """UPDATE of targets by ``source``, a relation of (target, since, code,
        province); a constant of this class.

        :param bool always: also what says the same, so that ``gate_at`` tells a wide
            refresh, which read its facts before, to leave it alone
        """
        excluded = ", ".join(f"'{code}'" for code in sorted(EXCLUDED))
        differs = "true" if always else self._differs("r")
        stamp = "gate_at = clock_timestamp() AT TIME ZONE 'UTC'," if always else ""
        return f"""
            WITH r(target, since, code, province) AS ({source}),
            picked AS (
                SELECT t.id, r.since, r.code, r.province
                FROM r JOIN telemarketing_target t ON t.id = r.target
                WHERE t.state IN ('new', 'ready')
                  AND ({differs})
                FOR UPDATE OF t SKIP LOCKED)
            UPDATE telemarketing_target t SET
                state = CASE WHEN p.code IN ({excluded}) THEN 'excluded'
                             ELSE t.state END,
                callback = t.callback AND COALESCE(p.code NOT IN ({excluded}), true),
                callable_code = p.code,
                province = p.province,
                callable_from = p.since,
                {stamp}
                due_at = CASE WHEN p.since IS NOT NULL
                              THEN GREATEST(p.since, t.next_call_at) END
            FROM picked p WHERE t.id = p.id
            RETURNING t.id"""

    @api.model
    def _refresh_many(self, company, where, now, progress=None):
        """By classes, in chunks that commit: for a million.

        :param progress: called with (done, remaining) after each chunk, committed
        :return: number of targets whose answer changed
        """
        self.env.flush_all()
        cr = self.env.cr
        # Whoever is asked by a request from about now on knows more than the facts
        # read here; a request may take a minute until it is seen.
        cr.execute(
            "SELECT (clock_timestamp() - interval '1 minute') AT TIME ZONE 'UTC'"
        )
        asked_from = cr.fetchone()[0]
        cr.execute("DROP TABLE IF EXISTS tm_gate_facts, tm_gate_answer, tm_gate_result")
        cr.execute(
            SQL(
                "CREATE TEMP TABLE tm_gate_facts AS %s",
                self._facts_sql(
                    company,
                    SQL("t.state IN ('new', 'ready') AND %s", where),
                    now,
                    normalised=True,
                ),
            )
        )
        cr.execute("SELECT DISTINCT facts FROM tm_gate_facts")
        answers = self._answer_rows(company, [row[0] for row in cr.fetchall()], now)
        cr.execute(
            "CREATE TEMP TABLE tm_gate_answer"
            " (facts text, since timestamp, code varchar, excluded boolean)"
        )
        execute_values(
            cr._obj,
            "INSERT INTO tm_gate_answer VALUES %s",
            [(row, *answer, answer[1] in EXCLUDED) for row, answer in answers.items()],
            page_size=1000,
        )
        cr.execute("ANALYZE tm_gate_facts; ANALYZE tm_gate_answer")
        cr.execute(
            SQL(
                """CREATE TEMP TABLE tm_gate_result AS
                   SELECT row_number() OVER (ORDER BY target) AS n, best.*
                   FROM (SELECT DISTINCT ON (f.target)
                                f.target, a.since, a.code,
                                NULLIF(f.province, '') AS province
                         FROM tm_gate_facts f JOIN tm_gate_answer a USING (facts)
                         ORDER BY f.target, a.since NULLS LAST, NOT a.excluded, f.seq
                        ) best
                   JOIN telemarketing_target t ON t.id = best.target
                   WHERE %s""",
                SQL(self._differs()),
            )
        )
        total = cr.rowcount
        cr.execute("CREATE UNIQUE INDEX ON tm_gate_result (n)")
        cr.execute("ANALYZE tm_gate_result")
        statement = self._write_statement(
            "SELECT target, since, code, r.province FROM tm_gate_result r"
            " JOIN telemarketing_target known ON known.id = target"
            " WHERE n > %(after)s AND n <= %(upto)s"
            " AND (known.gate_at IS NULL OR known.gate_at < %(asked_from)s)"
        )
        changed = 0
        for after in range(0, total, CHUNK):
            self._begin_chunk()
            cr.execute(
                statement,
                {"after": after, "upto": after + CHUNK, "asked_from": asked_from},
            )
            changed += cr.rowcount
            if progress:
                progress(min(after + CHUNK, total), max(0, total - after - CHUNK))
        changed += self._refresh_left(company, asked_from)
        cr.execute("DROP TABLE tm_gate_facts, tm_gate_answer, tm_gate_result")
        self.env["telemarketing.target"].invalidate_model()
        return changed

    @api.model
    def _refresh_left(self, company, asked_from):
        """Those of the result that were passed over because a request had asked them
        meanwhile: once more, with the facts of now."""
        cr = self.env.cr
        cr.execute(
            """SELECT r.target FROM tm_gate_result r
               JOIN telemarketing_target t ON t.id = r.target
               WHERE t.gate_at >= %s""",
            [asked_from],
        )
        left = [row[0] for row in cr.fetchall()]
        now = self.env["telemarketing.clock"]._now()
        changed = 0
        for place in range(0, len(left), INLINE):
            self._begin_chunk()
            some = left[place : place + INLINE]
            changed += self._refresh_few(company, SQL("t.id = ANY(%s)", some), now)
        return changed

    @api.model
    def _begin_chunk(self):
        """A READ COMMITTED transaction: SKIP LOCKED fails under REPEATABLE READ on
        rows that were leased meanwhile. In tests: the test's own."""
        if modules.module.current_test:
            return
        self.env.cr.commit()  # pylint: disable=invalid-commit
        self.env.cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    # WHEN THE HOURS CLOSE

    @api.model
    def _schedule_closing(self, companies):
        """Ask everybody of these companies again when the hours next close."""
        now = self.env["telemarketing.clock"]._now()
        # Crons keep the server's time, which a demonstration's clock does not.
        shift = fields.Datetime.now() - now
        cron = self.env.ref("telemarketing_base.cron_gate_closings").sudo()
        for company in companies:
            closing = self._next_closing(company, now)
            if closing:
                cron._trigger(closing + shift)

    @api.model
    def _next_closing(self, company, now):
        """Next instant after ``now`` at which answers may turn to *not now* by
        themselves: the end of calling hours or of a campaign's own, and midnight,
        when consents lapse and days are counted anew."""
        rules = self._rules(company)
        campaigns = self.env["telemarketing.campaign"].sudo()
        running = campaigns.search(
            [("company_id", "=", company.id), ("state", "=", "running")]
        )
        if not running:
            return None
        hours = {datetime.min.time(), rules.last_dial or rules.closes}
        hours |= {window.end for window in running.window_ids._kernel()}
        found = []
        for tz in (MADRID, CANARY, self._company_tz(company)):
            local = now.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(tz))
            for hour in hours:
                for days in (0, 1):
                    at = datetime.combine(
                        local.date() + timedelta(days=days), hour, ZoneInfo(tz)
                    ) + timedelta(seconds=1)
                    at = at.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
                    if at > now:
                        found.append(at)
        return min(found)


def _iso(day):
    return day.isoformat() if day else False


def _day(text):
    return date.fromisoformat(text) if text else None


def _instant(text):
    return datetime.fromisoformat(text).replace(microsecond=0) if text else None


def _facts(fact, rules, campaign_of, closed_days):
    """``compliance.Facts`` of a row's columns."""
    if fact["company"]:
        kind = "company"
    elif fact["professional"] or fact["basis"] == "legal_person":
        kind = "professional"
    else:
        kind = "consumer"
    place = Place(fact["province"], fact["municipality"])
    consents = tuple(
        Consent(_day(fact[column]), purpose)
        for column, purpose in (
            ("consented_on", "call"),
            ("robot_consented_on", "robot"),
        )
        if fact[column]
    )
    exclusions = tuple(
        Exclusion(reason, scope, _day(since))
        for reason, scope, since in (
            entry.split(" ") for entry in (fact["exclusions"] or "").split(",") if entry
        )
    )
    basis = fact["basis"] or ""
    person = Person(
        kind=kind,
        place=place,
        birthdate=_day(fact["birthdate"]),
        basis=basis,
        # Consents are the ledger's word, which knows the file's too.
        basis_on=_day(fact["basis_on"]) if basis != "consent" else None,
        origin=fact["origin"] or "list",
        consents=consents,
        relation=Relation(_day(fact["client_until"]), _day(fact["interacted_on"])),
        exclusions=exclusions,
    )
    number = Number(
        kind=fact["kind"] or "other",
        country=fact["country"] or "ES",
        bad=bool(fact["bad"]) or not fact["number"],
        attempts=fact["attempts"] or 0,
        attempts_day=fact["attempts_day"] or 0,
        attempts_week=fact["attempts_week"] or 0,
        attempts_on=_day(fact["attempts_on"]),
        last_attempt_at=_instant(fact["last_attempt_at"]),
        locked_until=_instant(fact["locked_until"]),
        robinson=fact["robinson"] or "",
        robinson_on=_day(fact["robinson_on"]),
        robinson_since=_day(fact["robinson_since"]),
    )
    agreed = None
    if fact["agreed_at"]:
        agreed = Agreed(_instant(fact["agreed_at"]), bool(fact["asked_hour"]))
    campaign = campaign_of(fact["campaign"])
    return Facts(
        person=person,
        number=number,
        campaign=campaign,
        rules=rules,
        closed_days=closed_days(place.province, place.municipality),
        agreed=agreed,
        database_on=bool(fact["database_on"]),
        # All three of them: the people are invented, and so is the campaign's purpose.
        training=bool(fact["training"]) and campaign.training,
    )
