import hashlib
import logging
from datetime import timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from odoo import api, models, modules
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from ..compliance.robinson import (
    HASHES_PER_REQUEST,
    NOBODYS_PHONE,
    REASONS,
    hash_e164,
    hash_phone,
)
from ..identity.postcode import MADRID
from .robinson_client import ENDPOINT, RobinsonClient, RobinsonError

_logger = logging.getLogger(__name__)

# Numbers chosen at once, and consulted before the next choice.
CHOICE = 30_000
# Answers in a row that cannot be used, after which the service rests.
UNUSABLE = 3
REST_MINUTES = 10


class TelemarketingRobinsonService(models.AbstractModel):
    """The online route: which numbers are due, sixty asked at a time, the proof and
    what was said of each written in one transaction, so that a crash loses a request
    at most. Nothing is sent for a company without keys."""

    _name = "telemarketing.robinson.service"
    _inherit = ["telemarketing.chunk.mixin"]
    _description = "Lista Robinson Online"

    # SETTINGS

    @api.model
    def _is_on(self, company):
        company = company.sudo()
        return bool(company.telemarketing_robinson_key) and bool(
            company.telemarketing_robinson_secret
        )

    @api.model
    def _rules(self, company):
        """``(wanted, days, years)``: are numbers consulted at all, how long that
        counts, and how long a consent."""
        rules = self.env["telemarketing.calling.rules"].sudo()._for(company)
        days, years = max(1, rules.robinson_days), rules.consent_years
        return rules.robinson != "off", days, years

    @api.model
    def _client(self, company):
        company = company.sudo()
        return RobinsonClient(
            company.telemarketing_robinson_endpoint or ENDPOINT,
            company.telemarketing_robinson_key.strip(),
            company.telemarketing_robinson_secret.strip(),
        )

    @api.model
    def _hash(self, e164):
        return hash_e164(e164)

    # WHICH NUMBERS

    @api.model
    def _waiting(self, company, campaigns=None, early=False):
        """Ids of the numbers to consult, as a query.

        Those of people still to be called in campaigns that run or were asked for,
        never consulted or too long ago, where the basis needs it: in advertising, a
        natural person called as client. Consent to the advertiser and a request need
        no consultation (LOPDGDD 23.4); whom the campaign calls on no basis is not
        asked about. The company may have everybody asked about.

        :param campaigns: of these only, whatever their state
        :param early: also those that will be too old in some days
        """
        now = self.env["telemarketing.clock"]._now()
        wanted, days, years = self._rules(company)
        all_of_them = company.sudo().telemarketing_robinson_all
        ahead = company.sudo().telemarketing_robinson_ahead_days if early else 0
        before = now - timedelta(days=max(1, days - max(0, ahead)))
        if all_of_them:
            needed = SQL("TRUE")
        elif not wanted:
            needed = SQL("FALSE")
        else:
            needed = SQL(
                """c.call_purpose = 'commercial' AND c.basis_client
                   AND c.similar_product AND c.group_company IS NOT TRUE
                   AND NOT (%s)
                   AND COALESCE(k.legal_basis, d.legal_basis) = 'client'
                   AND (c.basis_consent IS NOT TRUE OR k.consented_on IS NULL
                        OR k.consented_on < %s)""",
                self.env["telemarketing.gate"]._firm_sql("k"),
                (now - relativedelta(years=years)).date(),
            )
        if campaigns is None:
            which = SQL("(c.state = 'running' OR c.robinson_asked)")
        else:
            which = SQL("c.id = ANY(%s)", campaigns.ids)
        # Each step by its own index, in this order (OFFSET 0 keeps it): where tables
        # have just grown the planner takes them for empty, and a free join was once
        # quadratic. From the campaigns named; else from the numbers, few or all.
        if campaigns is None:
            query = """SELECT n.id FROM telemarketing_number n
                WHERE %(due)s AND EXISTS (
                    SELECT FROM telemarketing_contact_phone p
                    CROSS JOIN LATERAL (
                        SELECT k.* FROM telemarketing_contact k
                        WHERE k.id = p.contact_id OFFSET 0) AS k
                    CROSS JOIN LATERAL (
                        SELECT t.campaign_id FROM telemarketing_target t
                        WHERE t.contact_id = k.id AND %(open)s OFFSET 0) AS t
                    CROSS JOIN LATERAL (
                        SELECT FROM telemarketing_campaign c
                        JOIN telemarketing_database d ON d.id = k.database_id
                        WHERE c.id = t.campaign_id AND %(which)s AND %(needed)s
                        OFFSET 0) AS c
                    WHERE p.number_id = n.id AND p.state = 'ok' OFFSET 0)"""
        else:
            query = """SELECT DISTINCT n.id
                FROM (SELECT c.* FROM telemarketing_campaign c
                      WHERE %(which)s OFFSET 0) AS c
                CROSS JOIN LATERAL (
                    SELECT t.contact_id FROM telemarketing_target t
                    WHERE t.campaign_id = c.id AND %(open)s OFFSET 0) AS t
                CROSS JOIN LATERAL (
                    SELECT k.id FROM telemarketing_contact k
                    JOIN telemarketing_database d ON d.id = k.database_id
                    WHERE k.id = t.contact_id AND %(needed)s OFFSET 0) AS k
                CROSS JOIN LATERAL (
                    SELECT p.number_id FROM telemarketing_contact_phone p
                    WHERE p.contact_id = k.id AND p.state = 'ok' OFFSET 0) AS p
                CROSS JOIN LATERAL (
                    SELECT n.id FROM telemarketing_number n
                    WHERE n.id = p.number_id AND %(due)s OFFSET 0) AS n"""
        return SQL(
            query,
            due=SQL(
                """n.company_id = %s AND n.state = 'ok' AND n.kind <> 'premium'
                   AND (n.robinson_at IS NULL OR n.robinson_at < %s)""",
                company.id,
                before,
            ),
            open=SQL("t.live AND t.state NOT IN ('done', 'excluded')"),
            which=which,
            needed=needed,
        )

    @api.model
    def _flush(self):
        for name in ("number", "contact.phone", "contact", "target", "campaign"):
            self.env["telemarketing." + name].flush_model()
        self.env["telemarketing.database"].flush_model()

    @api.model
    def _count_waiting(self, campaigns):
        """Write down how many numbers of these campaigns have to be consulted: it is
        too much to count each time that a form is opened."""
        self._flush()
        now = self.env["telemarketing.clock"]._now()
        for campaign in campaigns:
            query = self._waiting(campaign.company_id, campaign)
            self.env.cr.execute(SQL("SELECT count(*) FROM (%s) AS waiting", query))
            count = self.env.cr.fetchone()[0]
            campaign.sudo().with_context(tracking_disable=True).write(
                {
                    "robinson_waiting": count,
                    "robinson_counted_at": now,
                    "robinson_asked": campaign.robinson_asked and bool(count),
                }
            )

    @api.model
    def _campaign_asked(self, campaigns):
        """Consult the numbers of these campaigns, whether they run or not."""
        campaigns = campaigns.sudo()
        campaigns.filtered(
            lambda c: c.state in ("draft", "paused", "running")
        ).robinson_asked = True
        self._campaign_started(campaigns)

    @api.model
    def _campaign_started(self, campaigns):
        """Who waits, for all to see; and off we go, in the background."""
        self._count_waiting(campaigns.sudo())
        self._trigger()

    @api.model
    def _last_failure(self, company):
        """What went wrong if the last consultation online did, else ''."""
        last = (
            self.env["telemarketing.robinson.check"]
            .sudo()
            .search(
                [("company_id", "=", company.id), ("route", "=", "service")], limit=1
            )
        )
        return last.error if last.state == "error" else ""

    @api.model
    def _trigger(self, at=None):
        cron = self.env.ref(
            "telemarketing_base.cron_robinson", raise_if_not_found=False
        )
        if cron:
            cron.sudo()._trigger(at)

    # CONSULTING

    @api.model
    def _cron_check(self):
        """Consult what is due, company by company; count what is left."""
        companies = self.env["res.company"].sudo()
        for company in companies.search([("telemarketing_robinson_key", "!=", False)]):
            if self._is_on(company):
                self.with_company(company)._consult_company(company)
        campaigns = (
            self.env["telemarketing.campaign"]
            .sudo()
            .search(["|", ("state", "=", "running"), ("robinson_asked", "=", True)])
        )
        self._count_waiting(campaigns)
        self._commit(0, 0)

    @api.model
    def _consult_company(self, company):
        """Until nothing is due, time is up, or the service fails."""
        try:
            client = self._client(company)
        except RobinsonError as error:
            self._write_failure(company, [], error)
            self._commit(0, 0)
            return
        try:
            last, unusable = 0, 0
            while rows := self._choose(company, last):
                last = rows[-1][0]
                for place in range(0, len(rows), HASHES_PER_REQUEST):
                    batch = rows[place : place + HASHES_PER_REQUEST]
                    try:
                        entries, raw = client.ask([digest for _id, digest in batch])
                    except RobinsonError as error:
                        self._write_failure(company, batch, error)
                        self._commit(0, 0)
                        unusable += 1
                        # It does not like this one: perhaps the next.
                        if error.code in ("refused", "answer") and unusable < UNUSABLE:
                            continue
                        if error.code not in ("keys", "insecure"):
                            now = self.env.cr.now() + timedelta(minutes=REST_MINUTES)
                            self._trigger(now)
                        return
                    unusable = 0
                    self._write_answer(company, batch, entries, raw)
                    left = len(rows) - place - len(batch)
                    if not self._commit(len(batch), left):
                        self._trigger()
                        return
        finally:
            client.close()

    @api.model
    def _choose(self, company, after):
        """``[(number's id, hash)]`` of the next that are due, by id."""
        self._flush()
        self.env.cr.execute(
            SQL(
                """SELECT n.id, n.e164 FROM telemarketing_number n
                   WHERE n.id > %s AND n.id IN (%s) ORDER BY n.id LIMIT %s""",
                after,
                self._waiting(company, early=True),
                CHOICE,
            )
        )
        rows = []
        for number, e164 in self.env.cr.fetchall():
            try:
                rows.append((number, hash_e164(e164)))
            except ValueError:
                _logger.warning("number %s is not E.164", number)
        # While the service thinks, no transaction is open.
        self._commit(0, len(rows))
        return rows

    def _write_answer(self, company, batch, entries, raw):
        """Proof, numbers and who may be called now: together or not at all."""
        for attempt in range(5):
            try:
                with self.env.cr.savepoint():
                    self._apply(company, batch, entries, raw)
                return
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                # Somebody dialled one of them meanwhile.
                if modules.module.current_test or attempt == 4:
                    raise
                self.env.cr.rollback()
                self.env.invalidate_all(flush=False)

    def _apply(self, company, batch, entries, raw):
        now = self.env["telemarketing.clock"]._now()
        present = [number for number, digest in batch if entries[digest].present]
        check = self.env["telemarketing.robinson.check"].sudo()
        check = check.create(
            {
                "company_id": company.id,
                "at": now,
                "route": "service",
                "hash_count": len(batch),
                "asked_count": len(batch),
                "present_count": len(present),
                "proof": hashlib.sha256(raw.encode()).hexdigest(),
                "answer": raw,
                "user_id": self.env.uid,
            }
        )
        Number = self.env["telemarketing.number"].sudo()
        numbers = Number.browse([number for number, _digest in batch]).exists()
        there = numbers & Number.browse(present)
        answer = {"robinson_at": now, "robinson_check_id": check.id}
        absent = {**answer, "robinson": "absent", "robinson_since": False}
        (numbers - there).write(absent)
        for since, some in there.grouped(self._since).items():
            some.write({**answer, "robinson": "present", "robinson_since": since})
        self.env["telemarketing.target"].sudo()._refresh_gate(numbers=numbers)
        self.env.flush_all()
        return check

    @api.model
    def _since(self, number):
        """Since when a number that is now in the list may be there: the day, in Spain,
        after the last consultation that did not find it; ``robinson_load`` says the
        same in SQL."""
        if number.robinson != "absent" or not number.robinson_at:
            return number.robinson_since
        last = number.robinson_at.replace(tzinfo=ZoneInfo("UTC"))
        return last.astimezone(ZoneInfo(MADRID)).date() + timedelta(days=1)

    def _write_failure(self, company, batch, error):
        """Kept too: that it was tried, and why nothing is known."""
        return (
            self.env["telemarketing.robinson.check"]
            .sudo()
            .create(
                {
                    "company_id": company.id,
                    "at": self.env["telemarketing.clock"]._now(),
                    "route": "service",
                    "state": "error",
                    "hash_count": len(batch),
                    "error": self._sentence(error),
                    "user_id": self.env.uid,
                }
            )
        )

    def _commit(self, done, remaining):
        """:return: is there time for more?"""
        return self._keep_chunk(done, remaining)

    def _sentence(self, error):
        """What went wrong and what to do, in words."""
        if error.code == "answer" and error.detail in REASONS:
            what = self.env._(REASONS[error.detail])
            return self.env._("%s. Nothing was written to the numbers.", what)
        texts = {
            "keys": self.env._(
                "The Lista Robinson refuses the keys (HTTP %(status)s). Check access "
                "key and secret in the settings, that the subscription is in force, "
                "and that this server's clock is right."
            ),
            "refused": self.env._(
                "The Lista Robinson refused the request (HTTP %(status)s)."
            ),
            "busy": self.env._(
                "The Lista Robinson asks to slow down (HTTP %(status)s). It is asked "
                "again later."
            ),
            "down": self.env._(
                "The Lista Robinson does not work at the moment (HTTP %(status)s). It "
                "is asked again later."
            ),
            "timeout": self.env._(
                "The Lista Robinson does not answer. It is asked again later."
            ),
            "unreachable": self.env._(
                "The Lista Robinson cannot be reached from this server: check its "
                "connection to the Internet and the address in the settings."
            ),
            "insecure": self.env._(
                "The address of the Lista Robinson must begin with https://."
            ),
            "answer": self.env._(
                "The service's answer cannot be read. Nothing was written to the "
                "numbers."
            ),
        }
        text = texts[error.code] % {"status": error.status}
        if error.detail and error.code != "answer":
            text += "\n" + self.env._("It said: %s", error.detail)
        return text

    @api.model
    def _test(self, company):
        """Ask about a number that is nobody's.

        :raise UserError: off, or it does not work; says why
        """
        if not self._is_on(company):
            raise UserError(
                self.env._(
                    "Enter access key and secret first; the Lista Robinson gives them "
                    "to subscribed companies."
                )
            )
        try:
            client = self._client(company)
            try:
                client.ask([hash_phone(NOBODYS_PHONE)])
            finally:
                client.close()
        except RobinsonError as error:
            raise UserError(self._sentence(error)) from error
