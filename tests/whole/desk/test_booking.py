"""Of agents who book the same person for the same hour one does, and the rest are told
before they have promised anything."""

import datetime
import uuid

AGENTS = 8


def prepare(server, people=1):
    """People who visit, in the campaign, and a result that books them."""
    admin = server.admin()
    admin.rpc(
        "telemarketing.disposition",
        "create",
        {
            "name": "Books",
            "code": "t_books",
            "kind": "none",
            "outcome": "useful",
            "needs_appointment": True,
        },
    )
    users = [
        admin.rpc(
            "res.users",
            "create",
            {"name": f"Visitor {n}", "login": f"visitor{n}", "tz": "Europe/Madrid"},
        )
        for n in range(people)
    ]
    campaign = server.agent().campaign
    admin.rpc(
        "telemarketing.campaign",
        "write",
        [campaign],
        {"salesperson_ids": [[6, 0, users]], "appointment_grid": "60"},
    )
    return users


def free_slots(agent, call, day=None):
    """Of the first visitor on the first day that has any."""
    asked = {"target_id": call["target"]["id"], "minutes": 60, "kind": "call"}
    day = day or str(datetime.date.today())
    for _look in range(3):
        answer = agent.desk("slots", day=day, **asked)
        for person in answer["people"]:
            if len(person["slots"]) >= 3:
                return person["slots"]
        following = datetime.date.fromisoformat(answer["day"])
        day = answer["next_day"] or str(following + datetime.timedelta(days=1))
    raise AssertionError("nobody is free for three days")


def seated(server, number):
    agent = server.agent(number)
    agent.sit_down()
    return agent, agent.next()


def book(agent, call, user, start, remote_error):
    """None, or what the agent is told."""
    appointment = {
        "user_id": user,
        "start": start,
        "minutes": 60,
        "kind": "call",
        "place": "",
        "note": "",
    }
    try:
        agent.close(
            call,
            str(uuid.uuid4()),
            "t_books",
            following=False,
            appointment=appointment,
        )
    except remote_error as error:
        return error
    return None


def overlaps(books):
    return books.value(
        """SELECT count(*) FROM calendar_event one
           JOIN calendar_event other ON other.id > one.id
               AND other.user_id = one.user_id
               AND other.start < one.stop AND one.start < other.stop
           WHERE one.active AND other.active"""
    )


def test_same_hour_booked_by_many_at_once_is_given_to_one(
    server, books, parallel, remote_error
):
    (user,) = prepare(server)
    seats = [seated(server, number) for number in range(AGENTS)]
    slots = free_slots(*seats[0])
    said = parallel(
        *(lambda seat=seat: book(*seat, user, slots[0], remote_error) for seat in seats)
    )
    told = [error for error in said if error]
    assert len(told) == AGENTS - 1
    assert {error.name for error in told} == {"odoo.exceptions.UserError"}
    assert all("Visitor 0 is not free on" in str(error) for error in told)
    assert books.value("SELECT count(*) FROM calendar_event") == 1
    # Who was told still has the person on the desk and books another hour.
    losers = [seat for seat, error in zip(seats, said, strict=True) if error]
    agent, call = losers[0]
    assert agent.sit_down()["target"]["id"] == call["target"]["id"]
    left = free_slots(agent, call, day=slots[0][:10])
    assert slots[0] not in left
    assert book(agent, call, user, left[0], remote_error) is None
    assert books.value("SELECT count(*) FROM calendar_event") == 2
    assert not overlaps(books)


def test_salesperson_who_fills_the_hour_himself_meets_no_appointment(
    server, books, parallel, remote_error
):
    """His own calendar and the desk, the same hour at the same time, over and over."""
    (user,) = prepare(server)
    admin = server.admin()
    kept = 0
    for number in range(6):
        agent, call = seated(server, number)
        start = free_slots(agent, call)[0]
        stop = start.replace(start[11:13], f"{int(start[11:13]) + 1:02}")
        _made, told = parallel(
            lambda start=start, stop=stop: admin.rpc(
                "calendar.event",
                "create",
                {
                    "name": "Own",
                    "user_id": user,
                    "partner_ids": [[6, 0, [partner_of(books, user)]]],
                    "start": start,
                    "stop": stop,
                },
            ),
            lambda seat=(agent, call), start=start: book(
                *seat, user, start, remote_error
            ),
        )
        if told:
            assert "is not free on" in str(told)
        else:
            kept += 1
            # Booked first: then his own event came after, with his eyes open.
            order = books.rows(
                "SELECT telemarketing_target_id IS NOT NULL FROM calendar_event"
                " WHERE start = %s ORDER BY create_date",
                start,
            )
            assert order[0] == (True,)
    booked = books.value(
        """SELECT count(*) FROM calendar_event
           WHERE telemarketing_target_id IS NOT NULL"""
    )
    assert booked == kept


def partner_of(books, user):
    return books.value("SELECT partner_id FROM res_users WHERE id = %s", user)
