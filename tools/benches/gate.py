"""May we call? How long a million people take, and one person about to be dialled.

A million people of all provinces in two campaigns (consents of many dates; clients,
whose numbers need the Lista Robinson), one in five with a second number. Measured:
the first answer for everybody, a new holiday today, a Robinson file of 500,000
hashes, the closing of the hours (which turns every answer), and the kernel's time for
one person. Baseline: the same question asked person by person through the ORM,
extrapolated from a sample. At the end a sample of the list is compared with the
answers that single persons get.
"""

import base64
import hashlib
import random
import time
from datetime import datetime, timedelta

import databases

from . import common

NAME = "gate"
# A Wednesday at eleven in Madrid, a holiday nowhere.
START = datetime(2026, 11, 25, 10, 0)

GENERATE = """
    INSERT INTO telemarketing_contact
        (database_id, campaign_id, company_id, country_id, name, city, zip, active,
         is_company, is_professional, consented_on, create_uid, create_date, write_uid,
         write_date)
    SELECT CASE WHEN n %% 10 < 6 THEN %(consent_db)s ELSE %(client_db)s END,
           CASE WHEN n %% 10 < 6 THEN %(consent)s ELSE %(client)s END,
           %(company)s, %(country)s, 'Persona ' || n, 'Población',
           CASE WHEN n %% 20 = 7 THEN NULL
                ELSE to_char(1 + (n %% 10007 * 7919) %% 52, 'FM00') || '001' END,
           true, n %% 50 = 0, false,
           CASE WHEN n %% 10 < 6 THEN %(now)s::date - (n %% 9973 * 31 %% 800) END,
           1, %(now)s, 1, %(now)s
    FROM generate_series(%(first)s, %(last)s) AS n;

    INSERT INTO telemarketing_number
        (company_id, e164, kind, country, province, state, attempts, attempts_day,
         attempts_week, last_attempt_at, robinson, robinson_at, create_uid,
         create_date, write_uid, write_date)
    SELECT %(company)s, '+34' || (600000000 + n), 'mobile', 'ES', NULL, 'ok',
           n %% 7, 0, 0,
           CASE WHEN n %% 200 = 0 THEN %(now)s::timestamp - interval '5 minutes' END,
           CASE WHEN n %% 10 < 9 THEN 'absent' END,
           CASE WHEN n %% 10 < 9
                THEN %(now)s::timestamp - (n %% 40) * interval '1 day' END,
           1, %(now)s, 1, %(now)s
    FROM generate_series(%(first)s, %(last)s) AS n;

    INSERT INTO telemarketing_contact_phone
        (contact_id, company_id, sequence, raw, e164, number_id, state, create_uid,
         create_date, write_uid, write_date)
    SELECT c.id, %(company)s, 10 * k, n.e164, n.e164, n.id, 'ok', 1, %(now)s, 1,
           %(now)s
    FROM telemarketing_contact c
    CROSS JOIN generate_series(1, 2) AS k
    JOIN telemarketing_number n ON n.company_id = %(company)s
     AND n.e164 = '+34' || (600000000 + substr(c.name, 9)::int
                            + CASE WHEN k = 2 THEN -1 ELSE 0 END)
    WHERE c.id > %(after)s AND (k = 1 OR substr(c.name, 9)::int %% 5 = 1);

    INSERT INTO telemarketing_target
        (contact_id, campaign_id, company_id, database_id, state, live, priority,
         attempts, cycle, origin, callback, contacted, converted, asked_hour,
         create_uid, create_date, write_uid, write_date)
    SELECT id, campaign_id, company_id, database_id, 'ready', true, '0', 0, 1, '',
           false, 0, 0, false, 1, %(now)s, 1, %(now)s
    FROM telemarketing_contact WHERE id > %(after)s"""


class Ground:
    def __init__(self, name, size):
        self.name, self.size = name, size

    def prepare(self):
        common.registry(self.name)
        with common.environment(self.name) as env:
            params = env["ir.config_parameter"]
            params.set_param("telemarketing.demo_database", "1")
            self._set_clock(env, START)
            campaigns = env["telemarketing.campaign"].create(
                [
                    {"name": "Consentimiento"},
                    {"name": "Clientes", "similar_product": True},
                ]
            )
            campaigns.action_start()
            files = env["telemarketing.database"].create(
                [
                    {
                        "name": campaign.name,
                        "campaign_id": campaign.id,
                        "legal_basis": basis,
                        "basis_date": START.date(),
                        "basis_source": "Bench",
                    }
                    for campaign, basis in zip(
                        campaigns, ("consent", "client"), strict=True
                    )
                ]
            )
            # 3 in 1,000 objected.
            self.company = campaigns[0].company_id.id
            values = {
                "consent": campaigns[0].id,
                "client": campaigns[1].id,
                "consent_db": files[0].id,
                "client_db": files[1].id,
                "company": self.company,
                "country": env.ref("base.es").id,
                "now": START,
            }
            self.campaigns = campaigns.ids
        databases.say(f"{self.size:,} people, {self.size * 6 // 5:,} telephones")
        chunk = 100_000
        with common.connect(self.name) as connection, connection.cursor() as cr:
            for first in range(1, self.size + 1, chunk):
                cr.execute("SELECT COALESCE(MAX(id), 0) FROM telemarketing_contact")
                last = min(first + chunk - 1, self.size)
                values |= {"first": first, "last": last, "after": cr.fetchone()[0]}
                cr.execute(GENERATE, values)
                connection.commit()
            cr.execute(
                """INSERT INTO telemarketing_exclusion
                       (reference, company_id, number_id, e164, scope, reason, channel,
                        date, in_force, create_uid, create_date, write_uid, write_date)
                   SELECT 'EXB-' || id, company_id, id, e164, 'all', 'objection',
                          'file', %s, true, 1, %s, 1, %s
                   FROM telemarketing_number WHERE id %% 333 = 0""",
                [START, START, START],
            )
            connection.commit()
        connection.close()
        for table in ("contact", "number", "contact_phone", "target", "exclusion"):
            databases.query(f"VACUUM ANALYZE telemarketing_{table}", db=self.name)

    def _set_clock(self, env, at):
        shift = at - datetime.utcnow().replace(microsecond=0)
        env["ir.config_parameter"].set_param(
            "telemarketing.clock_shift_seconds", str(int(shift.total_seconds()))
        )

    # what is measured
    def refresh(self, change):
        """Seconds from a change made to the last row written; rows changed."""
        with common.environment(self.name) as env:
            change(env)
        begun = time.perf_counter()
        with common.environment(self.name) as env:
            queue = env["telemarketing.gate.refresh"]
            queue._cron_refresh()
            job = queue.search([("state", "=", "done")], limit=1)
            changed = job.changed
        return {"seconds": round(time.perf_counter() - begun, 1), "changed": changed}

    def ask_all(self, env):
        company = env["res.company"].browse(self.company)
        env["telemarketing.target"]._refresh_gate(companies=company)

    def holiday(self, env):
        """San Nunca, in Madrid, Catalonia and Andalusia, today."""
        env["telemarketing.holiday"].create(
            [
                {
                    "date": START.date(),
                    "name": "San Nunca",
                    "level": "regional",
                    "region": region,
                }
                for region in ("MD", "CT", "AN")
            ]
        )

    def close_hours(self, env):
        self._set_clock(env, START.replace(hour=21, minute=30))
        env["telemarketing.gate.refresh"]._cron_closings()

    def robinson(self, hashes):
        """A file that answers for the numbers it lists: {seconds of the comparison,
        of the refresh, changed}."""
        rng = random.Random(1)
        lines = ["hash,result"]
        for place in range(hashes):
            # half of them ours, the clients' among them
            number = 600_000_001 + rng.randrange(self.size) if place % 2 else 0
            phone = number or 700_000_000 + place
            text = f"040034{phone}"
            lines.append(f"{hashlib.sha256(text.encode()).hexdigest()},1")
        data = base64.b64encode("\n".join(lines).encode())
        with common.environment(self.name) as env:
            load = env["telemarketing.robinson.load"].create(
                {
                    "kind": "load",
                    "company_id": self.company,
                    "file": data,
                    "filename": "robinson.csv",
                    "covers": "listed",
                    "asked_at": START - timedelta(hours=1),
                }
            )
            load.action_start()
            load_id = load.id
        begun = time.perf_counter()
        with common.environment(self.name) as env:
            env["telemarketing.robinson.load"]._cron_run()
            load = env["telemarketing.robinson.load"].browse(load_id)
            if load.state != "done":
                raise databases.Failure(f"the Robinson file failed: {load.error}")
            present = load.present_count
        compared = time.perf_counter() - begun
        found = self.refresh(lambda env: None)
        return found | {
            "compared_seconds": round(compared, 1),
            "present": present,
            "seconds": round(found["seconds"] + compared, 1),
        }

    def one_by_one(self, sample):
        """The baseline: seconds that the whole would take person by person."""
        with common.environment(self.name) as env:
            targets = env["telemarketing.target"].search(
                [("state", "=", "ready")], limit=sample, order="id desc"
            )
            now = env["telemarketing.clock"]._now()
            begun = time.perf_counter()
            for target in targets:
                verdicts = target._may_call_each(target.contact_id.phone_ids, now)
                target.callable_code = next(iter(verdicts.values()))["code"]
                env.flush_all()
            seconds = time.perf_counter() - begun
            env.cr.rollback()
        return seconds * self.size / len(targets)

    def dial(self, rounds):
        """Seconds: the kernel's for one answer, and the whole question with its
        statement; and how many of the sample say the same as the list."""
        from odoo.addons.telemarketing_base.compliance import decide

        kernel, whole, equal = [], [], 0
        with common.environment(self.name) as env:
            gate = env["telemarketing.gate"]
            env.cr.execute(
                "SELECT id FROM telemarketing_target TABLESAMPLE SYSTEM (5)"
                " WHERE state = 'ready' LIMIT %s",
                [rounds],
            )
            targets = env["telemarketing.target"].browse(
                row[0] for row in env.cr.fetchall()
            )
            now = env["telemarketing.clock"]._now()
            for target in targets:
                target.company_id.id  # noqa: B018 as on a desk, where it is known
                begun = time.perf_counter()
                answers = gate._ask(target, now)
                whole.append(time.perf_counter() - begun)
                for facts, _verdict in answers.values():
                    begun = time.perf_counter()
                    decide(facts, now)
                    kernel.append(time.perf_counter() - begun)
                later = [
                    v.until or now for _f, v in answers.values() if v.answer != "never"
                ]
                since = min(later) if later else False
                known = target.callable_from or False
                same = known == since or (since == now and known and known <= now)
                equal += same
        return kernel, whole, equal / len(targets)


def main(arguments):
    size, hashes, sample, rounds = 1_000_000, 500_000, 400, 3000
    if arguments.quick:
        size, hashes, sample, rounds = 50_000, 25_000, 100, 500
    result = {"machine": common.machine(), "people": size, "hashes": hashes}
    with common.database(NAME, arguments.keep) as name:
        ground = Ground(name, size)
        ground.prepare()
        databases.say("First answer for everybody")
        result["first"] = ground.refresh(ground.ask_all)
        databases.say("One person about to be dialled")
        kernel, whole, equal = ground.dial(rounds)
        result["kernel_ms"], result["ask_ms"] = (
            common.summary(kernel),
            common.summary(whole),
        )
        result["sample_equal"] = equal
        databases.say("Person by person (baseline)")
        result["one_by_one_seconds"] = round(ground.one_by_one(sample))
        databases.say("A new holiday, today, in three regions")
        result["holiday"] = ground.refresh(ground.holiday)
        databases.say(f"A Robinson file of {hashes:,} hashes")
        result["robinson"] = ground.robinson(hashes)
        databases.say("The hours close")
        result["closing"] = ground.refresh(ground.close_hours)
    result["bars"] = {
        "holiday < 120 s": result["holiday"]["seconds"] < 120,
        "Robinson < 120 s": result["robinson"]["seconds"] < 120,
        "kernel < 1 ms": result["kernel_ms"]["p95"] < 1,
        "list and single answers agree": equal == 1,
    }
    report(result)
    common.write(NAME, result, arguments.quick)
    return result["bars"]["list and single answers agree"]


def report(result):
    base = result["one_by_one_seconds"]
    rows = [
        [title, step["seconds"], f"{step['changed']:,}", round(base / step["seconds"])]
        for title, step in (
            ("first answer for everybody", result["first"]),
            ("a new holiday, today, three regions", result["holiday"]),
            (f"Robinson, {result['hashes']:,} hashes", result["robinson"]),
            ("the hours close", result["closing"]),
        )
    ]
    rows.append(["baseline: person by person (extrapolated)", base, "", 1])
    common.table(
        f"May we call? {result['people']:,} people",
        ["", "seconds", "answers changed", "times faster"],
        rows,
    )
    common.table(
        "One person (ms)",
        ["", "p50", "p95", "p99", "worst"],
        [
            [title, *(figures[key] for key in ("p50", "p95", "p99", "worst"))]
            for title, figures in (
                ("kernel, one number", result["kernel_ms"]),
                ("with its statement, all numbers", result["ask_ms"]),
            )
        ],
    )
    for bar, met in result["bars"].items():
        print(f"  {bar}: {common.verdict(met)}")
