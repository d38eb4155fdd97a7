"""How long the lease takes on a big, worn table, and that nobody is given twice.

A million targets; 200,000 are leased, dialled and closed first, so that dead rows and
swollen indexes are real (autovacuum stays on). Then 100 leases a second, open loop
(a late one does not hold back the next) over 50 connections, then closed loop beside
a bare statement of one class. The statement is the product's own.
"""

import itertools
import queue
import random
import threading
import time
from datetime import datetime, timedelta

import databases

from . import common

NAME = "lease"
AGENTS = 50
RATE = 100
# The benchmark has a clock of its own: a lease moves it by 1/RATE of a second.
START = datetime(2026, 3, 2, 9, 0)

BARE = """
    UPDATE telemarketing_target SET state = 'leased', leased_by_id = %(user)s,
        leased_until = %(until)s, write_date = %(now)s, write_uid = %(user)s
    WHERE id = (
        SELECT id FROM telemarketing_target
        WHERE campaign_id = %(campaign)s AND state = 'ready' AND live
          AND due_at IS NOT NULL AND NOT callback AND attempts = 0
          AND agent_id = %(user)s AND priority = '0' AND due_at <= %(now)s
        ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id"""

# The dial and the close of a call, each a version of the row as on the desk.
DIAL = """
    UPDATE telemarketing_target SET state = 'talking', attempts = attempts + 1,
        write_date = %(now)s WHERE id = %(id)s AND leased_by_id = %(user)s
        AND state = 'leased' RETURNING attempts"""
CLOSE = """
    UPDATE telemarketing_target SET state = %(state)s, leased_by_id = NULL,
        leased_until = NULL, callback = %(callback)s, callback_user_id = %(owner)s,
        next_call_at = %(at)s, due_at = %(at)s, contacted = %(contacted)s,
        last_disposition_id = NULL, last_result_at = %(now)s, last_agent_id = %(user)s,
        write_date = %(now)s
    WHERE id = %(id)s AND leased_by_id = %(user)s AND state = 'talking'"""

GENERATE = """
    INSERT INTO telemarketing_contact
        (database_id, campaign_id, company_id, country_id, name, city, zip, active,
         is_company, create_uid, create_date, write_uid, write_date)
    SELECT %(database)s, %(campaign)s, %(company)s, %(country)s, 'Persona ' || n,
           'Madrid', '28001', true, false, 1, %(now)s, 1, %(now)s
    FROM generate_series(%(first)s, %(last)s) AS n;

    WITH drawn AS (
        SELECT id, random() AS sort, random() AS whose, random() AS age,
               random() AS rank,
               (%(agents)s::int[])[1 + floor(random() * %(count)s)::int] AS agent
        FROM telemarketing_contact WHERE id > %(after)s)
    INSERT INTO telemarketing_target
        (contact_id, campaign_id, company_id, database_id, state, live, agent_id,
         priority, attempts, cycle, origin, callback, callback_user_id, contacted,
         converted, callable_from, next_call_at, due_at, create_uid, create_date,
         write_uid, write_date)
    SELECT id, %(campaign)s, %(company)s, %(database)s,
           CASE WHEN sort < 0.04 THEN 'done' ELSE 'ready' END, true,
           CASE WHEN whose < 0.8 THEN agent END,
           CASE WHEN rank < 0.90 THEN '0' WHEN rank < 0.96 THEN '1'
                WHEN rank < 0.99 THEN '2' ELSE '3' END,
           CASE WHEN sort BETWEEN 0.10 AND 0.35 THEN 1 + floor(age * 4)::int
                ELSE 0 END, 1, '',
           sort BETWEEN 0.05 AND 0.10,
           CASE WHEN sort BETWEEN 0.05 AND 0.08 THEN agent END,
           0, 0, %(now)s::timestamp - age * interval '30 days',
           CASE WHEN due <> 'infinity' THEN due END,
           CASE WHEN sort BETWEEN 0.04 AND 0.05 THEN NULL  -- may never be called
                WHEN due <> 'infinity' THEN due
                ELSE %(now)s::timestamp - age * interval '30 days' END,
           1, %(now)s, 1, %(now)s
    FROM drawn, LATERAL (SELECT CASE
        -- callbacks: 2 of 100 are due, the others agreed for the next ten days
        WHEN sort BETWEEN 0.05 AND 0.10
            THEN %(now)s::timestamp + (age - 0.02) * interval '10 days'
        -- retries: a fifth is due, the others within four days
        WHEN sort BETWEEN 0.10 AND 0.35
            THEN %(now)s::timestamp + (age - 0.2) * interval '5 days'
        ELSE 'infinity'::timestamp END AS due) AS due_of"""


class Clock:
    """The benchmark's instant: moved on by every lease that is asked for."""

    def __init__(self):
        self._count = itertools.count()
        self.last = 0

    def tick(self):
        self.last = next(self._count)
        return START + timedelta(seconds=self.last / RATE)


class Ground:
    """Ids, the product's statement, and what has been given to whom."""

    def __init__(self, name, size):
        self.name, self.size = name, size
        self.clock = Clock()
        self.given = {}  # (target, attempt): agent
        self.twice = []
        self.classes = {}
        self.lock = threading.Lock()

    def prepare(self):
        common.registry(self.name)
        with common.environment(self.name) as env:
            users = env["res.users"].with_context(no_reset_password=True)
            group = env.ref("telemarketing_base.group_agent", False)
            agents = users.create(
                [
                    {
                        "name": f"Agente {i}",
                        "login": f"bench{i}",
                        "group_ids": [(4, group.id)] if group else [],
                    }
                    for i in range(AGENTS)
                ]
            )
            campaign = env["telemarketing.campaign"].create(
                {"name": "Banco de pruebas", "agent_ids": [(6, 0, agents.ids)]}
            )
            campaign.action_start()
            database = env["telemarketing.database"].create(
                {
                    "name": "Un millón",
                    "campaign_id": campaign.id,
                    "legal_basis": "consent",
                    "basis_date": (START - timedelta(days=30)).date(),
                    "basis_source": "Coupon of the spring fair",
                }
            )
            self.agents = agents.ids
            self.campaign = campaign.id
            self.lease_sql = env["telemarketing.target"]._lease_statement()
            self.query = env["telemarketing.target"]._lease_query()
            env.cr.execute(
                "SELECT unnest(proconfig) FROM pg_proc"
                " WHERE proname = 'telemarketing_lease'"
            )
            self.settings = [row[0] for row in env.cr.fetchall()]
            self.class_names = [
                name for name, _p in env["telemarketing.target"]._lease_classes()
            ]
            values = {
                "database": database.id,
                "campaign": campaign.id,
                "company": campaign.company_id.id,
                "country": env.ref("base.es").id,
                "now": START,
                "agents": agents.ids,
                "count": AGENTS,
            }
        databases.say(f"{self.size:,} targets")
        chunk = 100_000
        with common.connect(self.name) as connection, connection.cursor() as cr:
            for first in range(0, self.size, chunk):
                cr.execute("SELECT COALESCE(MAX(id), 0) FROM telemarketing_contact")
                last = min(first + chunk, self.size)
                values |= {"first": first, "last": last - 1, "after": cr.fetchone()[0]}
                cr.execute(GENERATE, values)
                connection.commit()
        connection.close()

    # one lease, as telemarketing.target._lease within desk._own_transaction
    def params(self, agent):
        now = self.clock.tick()
        return {
            "campaign": self.campaign,
            "user": agent,
            "now": now,
            "until": now + timedelta(minutes=15),
            "limit": 1,
        }

    def lease(self, cr, agent, statement=None):
        """:return: ``(target or None, class, seconds of the transaction, params)``"""
        params = self.params(agent)
        begun = time.perf_counter()
        cr.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        cr.execute(statement or self.lease_sql, params)
        row = cr.fetchone()
        cr.execute("COMMIT")
        seconds = time.perf_counter() - begun
        if not row:
            return None, None, seconds, params
        return row[0], row[1] if len(row) > 1 else None, seconds, params

    def close(self, cr, target, klass, params, dice):
        """Dial and close: most are redialled later, some called back, some done."""
        agent, now = params["user"], params["now"]
        values = {
            "id": target,
            "user": agent,
            "now": now,
            "state": "ready",
            "callback": False,
            "owner": None,
            "contacted": 0,
            "at": now + timedelta(minutes=dice.uniform(5, 240)),
        }
        draw = dice.random()
        if draw < 0.06:
            values |= {"callback": True, "contacted": 1}
            values["owner"] = agent if draw < 0.04 else None
            values["at"] = now + timedelta(minutes=dice.uniform(5, 2880))
        elif draw < 0.16:
            values |= {"state": "done", "contacted": 1}
        cr.execute("BEGIN")
        cr.execute(DIAL, values)
        row = cr.fetchone()
        cr.execute(CLOSE, values)
        if not row or cr.rowcount != 1:
            self.twice.append((target, agent))
        cr.execute("COMMIT")
        with self.lock:
            if row and self.given.setdefault((target, row[0]), agent) is not agent:
                self.twice.append((target, agent))
            self.classes[klass] = self.classes.get(klass, 0) + 1

    def on_connections(self, work, count=AGENTS, asynchronous=False):
        """Run ``work(cursor, agent, dice)`` on a connection per agent; wait for all."""
        failures = []

        def run(agent):
            connection = common.connect(self.name)
            connection.autocommit = True
            try:
                with connection.cursor() as cr:
                    if asynchronous:
                        cr.execute("SET synchronous_commit = off")
                    work(cr, agent, random.Random(agent))
            except Exception as error:
                failures.append(error)
            finally:
                connection.close()

        threads = [
            threading.Thread(target=run, args=[agent]) for agent in self.agents[:count]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    # ------------------------------------------------------------------ phases
    def wear(self, leases):
        """The leases that came before: closed loop, each dialled and closed."""
        left = itertools.count()

        def work(cr, agent, dice):
            while next(left) < leases:
                target, klass, _seconds, params = self.lease(cr, agent)
                if target:
                    self.close(cr, target, klass, params, dice)

        begun = time.perf_counter()
        self.on_connections(work, asynchronous=True)
        return time.perf_counter() - begun

    def open_loop(self, seconds, statement=None):
        """One lease every 1/RATE s whatever the others do; the close follows it.

        A connection serves one lease at a time; a request that finds all of them
        busy waits, and its waiting counts in ``answer``.
        """
        due, lease_times, answer_times, empty = queue.Queue(), [], [], []
        first_times = []

        def work(cr, agent, dice):
            self.lease(cr, agent, "SELECT NULL::int WHERE false")  # connected
            fresh = True
            while (at := due.get()) is not None:
                target, klass, took, params = self.lease(cr, agent, statement)
                answer_times.append(time.perf_counter() - at)
                lease_times.append(took)
                if fresh:
                    # It loads the catalogue and plans; all later ones do not.
                    first_times.append(took)
                    fresh = False
                if target:
                    self.close(cr, target, klass, params, dice)
                else:
                    empty.append(agent)

        def drive():
            time.sleep(2)
            begun = time.perf_counter()
            for number in range(int(seconds * RATE)):
                at = begun + number / RATE
                time.sleep(max(0, at - time.perf_counter()))
                due.put(at)
            for _agent in self.agents:
                due.put(None)

        self.classes = {}
        driver = threading.Thread(target=drive)
        driver.start()
        self.on_connections(work)
        driver.join()
        named = {
            "bare" if place is None else self.class_names[place]: count
            for place, count in self.classes.items()
        }
        return {
            "lease_ms": common.summary(lease_times),
            "first_of_connection_ms": common.summary(first_times),
            "answer_ms": common.summary(answer_times),
            "nothing_found": len(empty),
            "classes": named,
        }

    def closed_loop(self, statement, seconds):
        """Leases a second of the transaction alone, 50 connections."""
        times, targets = [], []
        until = time.perf_counter() + seconds

        def work(cr, agent, dice):
            while time.perf_counter() < until:
                target, _class, took, _params = self.lease(cr, agent, statement)
                times.append(took)
                if target:
                    targets.append(target)

        self.on_connections(work)
        if len(targets) != len(set(targets)):
            self.twice += [t for t in targets if targets.count(t) > 1][:10]
        return {
            "a_second": round(len(targets) / seconds),
            "leases": len(targets),
            **common.summary(times),
        }

    def compare(self, seconds):
        """Our statement and the bare one, in turns; nobody closes here, so the index
        that lets an agent hold one person is left out for both."""
        rounds = {"ours": [], "bare": []}
        with common.connect(self.name) as connection, connection.cursor() as cr:
            cr.execute(
                "SELECT indexdef FROM pg_indexes"
                " WHERE indexname = 'telemarketing_target_one_held'"
            )
            definition = cr.fetchone()[0]
            cr.execute("DROP INDEX telemarketing_target_one_held")
            connection.commit()
            for _round in range(2):
                for title, statement in (("bare", BARE), ("ours", self.lease_sql)):
                    rounds[title].append(self.closed_loop(statement, seconds))
            cr.execute(
                "UPDATE telemarketing_target SET state = 'done', leased_by_id = NULL"
                " WHERE state = 'leased'"
            )
            cr.execute(definition)
        connection.close()
        return rounds

    def plans(self):
        """EXPLAIN of the query inside the function, planned as the function plans it:
        once with work in every class for the agent, once as the bench leaves it."""
        connection = common.connect(self.name)
        query = self.query
        names = ("p_campaign", "p_user", "p_now", "p_until", "p_limit")
        for place, parameter in enumerate(names, 1):
            query = query.replace(parameter, f"${place}")
        texts = {}
        with connection.cursor() as cr:
            for setting in self.settings:
                cr.execute("SET " + setting)
            cr.execute(
                f"PREPARE lease (int, int, timestamp, timestamp, int) AS {query}"
            )
            connection.commit()
            for title, limit in (("one", 1), ("every-class", 5000)):
                if limit > 1:
                    cr.execute("DROP INDEX telemarketing_target_one_held")
                cr.execute(
                    "EXPLAIN (ANALYZE, BUFFERS) EXECUTE lease(%(campaign)s, %(user)s,"
                    " %(now)s, %(until)s, %(limit)s)",
                    self.params(self.agents[0]) | {"limit": limit},
                )
                texts[title] = "\n".join(row[0] for row in cr.fetchall())
                connection.rollback()
        connection.close()
        return texts

    def sizes(self):
        rows = databases.query(
            """SELECT c.relname, pg_relation_size(c.oid) / 1024 / 1024
               FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
               WHERE i.indrelid = 'telemarketing_target'::regclass
               UNION ALL SELECT 'table', pg_relation_size('telemarketing_target')
                   / 1024 / 1024""",
            db=self.name,
        )
        wear = databases.query(
            """SELECT n_live_tup, n_dead_tup, n_tup_upd, n_tup_hot_upd, autovacuum_count
               FROM pg_stat_user_tables WHERE relname = 'telemarketing_target'""",
            db=self.name,
        )[0]
        names = ("live", "dead", "updates", "hot_updates", "autovacuums")
        return {"megabytes": dict(rows), **dict(zip(names, wear, strict=True))}


def main(arguments):
    size, worn, seconds, loop = 1_000_000, 200_000, 60, 10
    if arguments.quick:
        size, worn, seconds, loop = 100_000, 10_000, 10, 4
    result = {"machine": common.machine(), "targets": size, "leases_before": worn}
    with common.database(NAME, arguments.keep) as name:
        ground = Ground(name, size)
        ground.prepare()
        databases.query("ANALYZE telemarketing_target", db=name)
        databases.say(f"{worn:,} leases, dialled and closed")
        took = ground.wear(worn)
        result["wear_a_second"] = round(worn / took)
        result["worn"] = ground.sizes()
        databases.say(f"{RATE} leases a second over {AGENTS} connections")
        # What this machine gives at this moment, whoever else works on it.
        result["open_loop_bare"] = ground.open_loop(seconds / 3, BARE)
        result["open_loop"] = ground.open_loop(seconds)
        plans = ground.plans()
        databases.say("Closed loop, beside a bare statement")
        result["closed_loop"] = ground.compare(loop)
        result["twice"] = len(ground.twice)
        result["given"] = len(ground.given)
    ours = max(r["a_second"] for r in result["closed_loop"]["ours"])
    bare = max(r["a_second"] for r in result["closed_loop"]["bare"])
    p95 = result["open_loop"]["lease_ms"]["p95"]
    result["ratio"] = round(ours / bare, 2)
    result["bars"] = {
        "p95 <= 10 ms": p95 <= 10,
        "closed loop >= half of bare": ours >= bare / 2,
        "never twice": not result["twice"],
    }
    report(result)
    common.write(NAME, result, arguments.quick)
    for title, text in plans.items():
        quick = "-quick" * arguments.quick
        path = common.ARTEFACTS / f"bench-lease{quick}-explain-{title}.txt"
        path.write_text(text + "\n")
    return not result["twice"]


def report(result):
    lease, answer = result["open_loop"]["lease_ms"], result["open_loop"]["answer_ms"]
    bare = result["open_loop_bare"]["lease_ms"]
    common.table(
        f"Lease: {result['targets']:,} targets, after {result['leases_before']:,}"
        f" leases; {RATE}/s over {AGENTS} connections (ms)",
        ["", "p50", "p95", "p99", "worst"],
        [
            [title, *(figures[key] for key in ("p50", "p95", "p99", "worst"))]
            for title, figures in (
                ("transaction", lease),
                ("with waiting for a connection", answer),
                ("bare statement, before it", bare),
            )
        ],
    )
    common.table(
        "Closed loop over 50 connections (lease transactions a second)",
        ["", "round 1", "round 2", "p95 ms"],
        [
            [title, *(r["a_second"] for r in rounds), rounds[-1]["p95"]]
            for title, rounds in result["closed_loop"].items()
        ],
    )
    print(f"  classes: {result['open_loop']['classes']}")
    print(f"  given {result['given']:,}, twice {result['twice']}")
    for bar, met in result["bars"].items():
        print(f"  {common.verdict(met):<8} {bar}")
