"""Two dialers, desks and jobs at the same people at once, on a committed database:
nobody is dialled by two, nothing is counted twice, who lost the server writes nothing.

Each test runs a script in Odoo's shell on a copy of its own; threads have connections
of their own, as those of the dialer process have.
"""

import json
import os

import pytest
import suite

LOGS = suite.HOME / "artefacts" / "logs"
PREFIX = os.environ.get("TM_TEST_PREFIX") or f"tm_t_{os.getpid()}_"

# 300 people in each of two campaigns of one server; the second hundred of each have
# the numbers of the other's.
GROUND = """
import datetime
env["ir.config_parameter"].sudo().set_param("telemarketing.demo_database", "1")
env["telemarketing.clock"]._wind(always=True)
now = env["telemarketing.clock"]._now()
agents = env["res.users"].with_context(no_reset_password=True).create([
    {"name": f"Agent {i}", "login": f"agent{i}",
     "group_ids": [(6, 0, [env.ref("telemarketing_base.group_agent").id])]}
    for i in range(4)
])
server = env["telemarketing.dialer.server"].create({"name": "Asterisk", "secret": "x"})
server.epoch = 3
trunk = env["telemarketing.dialer.trunk"].create(
    {"name": "Carrier", "server_id": server.id, "max_channels": 5000}
)
caller = env["telemarketing.dialer.caller"].create(
    {"e164": "+34910000001", "trunk_ids": [(4, trunk.id)]}
)
for letter, first in (("A", 0), ("B", 100)):
    campaign = env["telemarketing.campaign"].create({
        "name": letter, "kind": "telesales", "agent_ids": [(6, 0, agents.ids)],
        "caller_number": caller.e164, "dialer_server_id": server.id,
    })
    campaign.dialing_mode = "predictive"
    campaign.action_start()
    database = env["telemarketing.database"].create(
        {"name": letter, "campaign_id": campaign.id, "legal_basis": "consent",
         "basis_date": now.date() - datetime.timedelta(days=30),
         "basis_source": "Coupon of the spring fair"}
    )
    env["telemarketing.contact"].create([
        {"name": f"Person {letter}{n}", "database_id": database.id,
         "phone_ids": [(0, 0, {"raw": f"+34612{first + n:06}"})]}
        for n in range(300)
    ])
env["ir.cron"].search([]).write({"nextcall": "2100-01-01 00:00:00"})
env.cr.commit()
print("GROUND READY")
"""

# What the scripts share: ``call`` is what the process does in a thread.
TOOLS = """
import json, random, threading, time
from psycopg2 import errors
from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.addons.telemarketing_dialer.bridge.records import Finished
from odoo.addons.telemarketing_dialer.models.dialer import LostOwnership
from odoo.addons.telemarketing_dialer.process.database import Keeper
name, server = env.cr.dbname, env["telemarketing.dialer.server"].search([]).id
trunk = env["telemarketing.dialer.trunk"].search([]).id
campaigns = env["telemarketing.campaign"].search([("name", "in", ["A", "B"])]).ids
users = env["res.users"].search([("login", "=like", "agent%")], order="id").ids
env.cr.commit()

def transaction(work, committed=True):
    while True:
        try:
            with Registry(name).cursor() as cr:
                if committed:
                    cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
                return work(api.Environment(cr, SUPERUSER_ID, {}))
        except (errors.SerializationFailure, errors.DeadlockDetected):
            time.sleep(random.uniform(0, 0.02))

def call(method, *arguments, epoch=3):
    return transaction(
        lambda env: getattr(env["telemarketing.dialer"], method)(
            server, epoch, *arguments))

def end(attempt, outcome="busy"):
    return Finished(attempt.uuid, outcome, 17, "486", attempt.at + 1, None, None,
                    attempt.at + 9, None, "")

def parallel(*works):
    results, failures = [None] * len(works), []
    barrier = threading.Barrier(len(works))
    def run(place, work):
        try:
            barrier.wait(60)
            results[place] = work()
        except Exception as error:
            failures.append(error)
    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    [thread.start() for thread in threads]
    [thread.join(120) for thread in threads]
    if failures:
        raise failures[0]
    return results

def tell(**values):
    print("RESULT " + json.dumps(values))

"""


@pytest.fixture(scope="module")
def ground(databases):
    name, log = PREFIX + "whole_store", LOGS / "whole-store-ground.log"
    LOGS.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    databases.clone(databases.ours(False, log), name)
    _shell(databases, name, GROUND, log)
    assert "GROUND READY" in log.read_text(), log.read_text()[-3000:]
    yield name
    databases.drop(name)


@pytest.fixture
def run(databases, ground, request):
    """Run a script on a copy; what it told and SQL on what it left."""
    name, log = f"{ground}_run", LOGS / f"whole-{request.node.name[5:45]}.log"
    databases.clone(ground, name)
    databases.fast(name)

    def run(script):
        log.write_bytes(b"")
        _shell(databases, name, TOOLS + script, log)
        told = [
            line.removeprefix("RESULT ")
            for line in log.read_text().splitlines()
            if line.startswith("RESULT ")
        ]
        assert told, log.read_text()[-3000:]
        return json.loads(told[-1])

    run.rows = lambda sql, *arguments: databases.query(sql, *arguments, db=name)
    yield run
    databases.drop(name)


def _shell(databases, name, script, log):
    databases.run_odoo(
        name, "--shell-interface", "python", command="shell", stdin=script, log=log
    )


def test_two_takes_and_desks_at_once_never_have_the_same_person(run):
    told = run("""
def take(campaign):
    return [a.uuid for _i in range(6) for a in call("_take", campaign, 10)]

def lease(user, campaign):
    got = []
    for _i in range(20):
        def one(env):
            campaigns = env["telemarketing.campaign"].browse(campaign)
            user_ = env["res.users"].browse(user)
            ids = env["telemarketing.target"]._lease(campaigns, user_)
            # Off the desk again, closed, or the agent would hold two.
            env["telemarketing.target"].browse(ids).write(
                {"state": "done", "leased_by_id": False})
            return ids
        got += transaction(one)
    return got

works = [lambda c=c: take(c) for c in campaigns for _i in range(3)]
desks = [lambda u=u: lease(u, campaigns[0]) for u in users]
done = parallel(*works, *desks)
tell(taken=sum(done[:len(works)], []), leased=sum(done[len(works):], []))
""")
    assert len(told["taken"]) == len(set(told["taken"])) > 200
    assert len(told["leased"]) == len(set(told["leased"])) == 80
    calls = run.rows(
        "SELECT uuid, target_id, contact_id, number_id FROM telemarketing_interaction"
    )
    assert {row[0] for row in calls} == set(told["taken"])
    assert not {row[1] for row in calls} & set(told["leased"])
    for column in (1, 2, 3):
        assert len({row[column] for row in calls}) == len(calls)
    # Each is leased by the dialer and counted once.
    ((held, most),) = run.rows(
        """SELECT count(*), max(attempts) FROM telemarketing_target
           WHERE state = 'leased' AND dialer_server_id IS NOT NULL
             AND leased_by_id IS NULL AND interaction_id IS NOT NULL"""
    )
    assert (held, most) == (len(calls), 1)


def test_who_lost_the_server_writes_no_attempt_any_more(run):
    told = run("""
stop = threading.Event()
def old():
    written = []
    try:
        while not stop.is_set():
            written += [a.uuid for a in call("_take", campaigns[0], 5)]
    except LostOwnership:
        return written, True
    return written, False

def new():
    time.sleep(0.5)
    keeper = Keeper(name, "another", "", None)
    def over(env):
        keeper._claim(env.cr)
        return keeper.held
    while not transaction(over):
        time.sleep(0.005)
    def seen(env):
        env.cr.execute("SELECT count(*) FROM telemarketing_interaction")
        return env.cr.fetchone()[0]
    count = transaction(seen)
    time.sleep(0.5)
    stop.set()
    return count

first, second, count = parallel(old, old, new)
tell(first=first, second=second, count=count)
""")
    (first, lost), (second, also) = told["first"], told["second"]
    assert lost and also
    # From the moment of the takeover on, nothing was added.
    ((calls,),) = run.rows("SELECT count(*) FROM telemarketing_interaction")
    assert calls == told["count"] == len(first) + len(second) > 0


def test_a_busy_process_renews_its_hold_and_obeys_the_red_button_at_once(run):
    told = run("""
keeper = Keeper(name, "me", "", None)
def renew(env):
    begun = time.monotonic()
    keeper._claim(env.cr)
    return time.monotonic() - begun
def press(env):
    begun = time.monotonic()
    env["telemarketing.dialer.server"].browse(server)._stop_dialing(True)
    env.cr.commit()
    return time.monotonic() - begun
transaction(renew)
stop, begun = threading.Event(), threading.Barrier(5)
def busy():
    def work(env):
        env["telemarketing.dialer"]._own(server, 4)
        time.sleep(0.3)
    first = True
    while not stop.is_set():
        transaction(work)
        if first:
            begun.wait(60)
            first = False
def ask():
    begun.wait(60)
    try:
        return max(transaction(renew) for _n in range(5)), transaction(press)
    finally:
        stop.set()
renewed, pressed = parallel(busy, busy, busy, busy, ask)[-1]
tell(renewed=renewed, pressed=pressed)
""")
    assert told["renewed"] < 0.2
    assert told["pressed"] < 1


def test_what_is_told_twice_at_once_counts_once(run):
    run("""
taken = call("_take", campaigns[0], 20)
late = call("_take", campaigns[0], 20)
def lapse(env):
    env.cr.execute("UPDATE telemarketing_target SET leased_until = '2000-01-01'"
                   " WHERE interaction_id IN (SELECT id FROM telemarketing_interaction"
                   " WHERE uuid = ANY(%s))", [[a.uuid for a in late]])
transaction(lapse)
parallel(
    *[lambda: call("_finish", [end(a) for a in taken])] * 3,
    lambda: call("_finish", [end(a) for a in late]),
    lambda: transaction(
        lambda env: env["telemarketing.target"]._cron_return_leases(), False),
)
tell(done=True)
""")
    ((calls, done, figures, attempts),) = run.rows(
        """SELECT count(*), count(*) FILTER (WHERE state = 'done'),
                  (SELECT sum(calls) FROM telemarketing_stat_call_delta),
                  (SELECT sum(attempts) FROM telemarketing_target)
           FROM telemarketing_interaction WHERE dial_outcome IN ('busy', 'lost')"""
    )
    assert (calls, done, figures, attempts) == (40, 40, 40, 40)
    ((stuck,),) = run.rows(
        """SELECT count(*) FROM telemarketing_target
           WHERE state = 'leased' OR dialer_server_id IS NOT NULL
              OR interaction_id IS NOT NULL"""
    )
    assert stuck == 0


def test_a_stop_is_over_all_that_is_dialled_after_it(run):
    told = run("""
stop = threading.Event()
def take():
    while not stop.is_set():
        call("_take", campaigns[0], 3)

def red_button():
    time.sleep(0.4)
    def press(env):
        env.cr.execute("UPDATE telemarketing_campaign"
                       " SET dialing_stopped_at = now() AT TIME ZONE 'UTC'"
                       " WHERE id = %s", [campaigns[0]])
    transaction(press)
    # What was being written while it was pressed.
    time.sleep(0.3)
    def seen(env):
        env.cr.execute("SELECT count(*) FROM telemarketing_interaction")
        return env.cr.fetchone()[0]
    count = transaction(seen)
    time.sleep(0.5)
    stop.set()
    return count

tell(count=parallel(take, take, red_button)[-1])
""")
    ((calls,),) = run.rows("SELECT count(*) FROM telemarketing_interaction")
    assert calls == told["count"] > 0
