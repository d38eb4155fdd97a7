"""Nobody is called by two, and what one agent does twice counts once."""

import threading
import time
import uuid

LEASES = 6


def test_no_two_agents_ever_get_the_same_person(server, books, parallel):
    def work(number):
        agent = server.agent(number)
        agent.sit_down()
        call, got = agent.next(), []
        for _place in range(LEASES):
            got.append(call["target"]["id"])
            key = str(uuid.uuid4())
            agent.dial(call, key)
            call = agent.close(call, key)["call"]
        got.append(call["target"]["id"])
        return got

    taken = parallel(*(lambda n=n: work(n) for n in range(20)))
    every = [target for got in taken for target in got]
    assert len(every) == 20 * (LEASES + 1)
    assert len(set(every)) == len(every)
    books.assert_balance(calls=20 * LEASES)


def test_double_clicks_and_retries_make_one_call(server, books, parallel):
    agent = server.agent()
    agent.sit_down()
    tabs = [agent.twin() for _i in range(5)]
    calls = parallel(*(tab.next for tab in tabs))
    assert len({call["target"]["id"] for call in calls}) == 1
    key = str(uuid.uuid4())
    dials = parallel(*(lambda tab=tab: tab.dial(calls[0], key) for tab in tabs))
    assert {dial["interaction"]["uuid"] for dial in dials} == {key}
    assert [dial["again"] for dial in dials].count(False) == 1
    closes = parallel(
        *(lambda tab=tab: tab.close(calls[0], key, notes="once") for tab in tabs)
    )
    assert {close["closed"]["uuid"] for close in closes} == {key}
    assert len({close["call"]["target"]["id"] for close in closes}) == 1
    books.assert_balance(calls=1)
    assert books.value("SELECT notes FROM telemarketing_interaction") == "once"
    held = books.value(
        "SELECT count(*) FROM telemarketing_target WHERE leased_by_id IS NOT NULL"
    )
    assert held == 1


def test_prospects_qualified_by_repeated_requests_are_made_once(
    server, books, parallel
):
    agent = server.agent()
    agent.sit_down()
    call, key = agent.next(), str(uuid.uuid4())
    agent.dial(call, key)
    tabs = [agent.twin() for _i in range(5)]
    parallel(*(lambda tab=tab: tab.close(call, key, "t_useful") for tab in tabs))
    leads = books.rows(
        "SELECT id FROM crm_lead WHERE telemarketing_campaign_id = %s", agent.campaign
    )
    assert len(leads) == 1
    partners = books.value(
        "SELECT count(*) FROM res_partner WHERE name = %s", call["contact"]["name"]
    )
    assert partners == 1
    books.assert_balance(calls=1)


def test_a_second_browser_cannot_work_beside_the_first(server, books, remote_error):
    first, second = server.agent(), server.agent()
    first.sit_down()
    call = first.next()
    assert second.desk("open_desk")["other_seat"]
    assert second.desk("get_next").get("lost_seat")
    assert second.dial(call).get("lost_seat")
    # Taken over, the new seat has the same person and the old one lost it.
    assert second.desk("take_over")["call"]["target"]["id"] == call["target"]["id"]
    assert first.close(call, str(uuid.uuid4())).get("lost_seat")
    key = str(uuid.uuid4())
    second.dial(call, key)
    second.close(call, key)
    books.assert_balance(calls=1)


def test_a_database_switched_off_gives_nobody_from_that_moment(server, books, parallel):
    """The lease asks the switch itself; it does not wait for the job."""
    off_since, taken, stop = [], [], threading.Event()
    database_of = dict(books.rows("SELECT id, database_id FROM telemarketing_target"))
    first, second = sorted(set(database_of.values()))

    def work(number):
        agent = server.agent(number)
        agent.sit_down()
        for _place in range(40):
            asked = time.monotonic()
            call = agent.next()
            taken.append((asked, database_of[call["target"]["id"]]))
            # Only get_next leases here: nobody holds anyone when it asks.
            agent.close(call, str(uuid.uuid4()), following=False)
            if off_since and asked > off_since[0]:
                stop.set()
                return

    def switch_off():
        admin = server.admin()
        while len(taken) < 20:
            time.sleep(0.05)
        admin.rpc("telemarketing.database", "write", [first], {"switched_on": False})
        off_since.append(time.monotonic())
        assert stop.wait(60), "nobody leased after the switch"

    parallel(switch_off, *(lambda n=n: work(n) for n in range(5)))
    before = {database for asked, database in taken if asked < off_since[0]}
    after = {database for asked, database in taken if asked > off_since[0]}
    assert first in before
    assert after == {second}
