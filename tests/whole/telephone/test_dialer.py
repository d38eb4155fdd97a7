"""All of it: Odoo, PostgreSQL, the dialer's process, two Asterisks, agents' desks."""

import asyncio
import contextlib
import time

import databases
import dialing
import psycopg2
import pytest
import telephone as real

from ..conftest import Server
from .conftest import LOGS, keep


class Work:
    """A centre at work, asked from outside: by SQL, by desks, by signals."""

    def __init__(self, server, lines, ids):
        self.server, self.lines, self.ids = server, lines, ids
        self.database = server.db
        self.result = self.value(
            "SELECT id FROM telemarketing_disposition WHERE code = 't_useful'"
        )
        self.dialers = []
        self.desks = []

    def dialer(self, title="dialer"):
        one = dialing.Dialer(self.database, title)
        self.dialers.append(one)
        return one.start()

    def rows(self, sql, *values):
        with contextlib.closing(psycopg2.connect(dbname=self.database)) as connection:
            connection.autocommit = True
            with connection.cursor() as cr:
                cr.execute(sql, values)
                return cr.fetchall() if cr.description else []

    def value(self, sql, *values):
        return self.rows(sql, *values)[0][0]

    async def sit_down(self, count):
        for number in range(len(self.desks), len(self.desks) + count):
            desk = dialing.Desk(
                self.server.url,
                self.database,
                number,
                self.ids["campaign"],
                self.result,
                lambda call: 1.0,
            )
            self.desks.append(desk)
            await desk.sit_down()

    async def until(self, condition, what, seconds=40):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"it did not come: {what}; {self.state()}")
            await asyncio.sleep(0.05)

    def state(self):
        return self.rows(
            "SELECT state, dial_outcome, count(*) FROM telemarketing_interaction"
            " WHERE dialer_server_id = %s GROUP BY 1, 2",
            self.ids["server"],
        )

    def closed(self):
        return sum(len(desk.closed) for desk in self.desks)

    def open(self):
        return self.value(
            "SELECT count(*) FROM telemarketing_interaction"
            " WHERE state <> 'done' AND dialer_server_id = %s",
            self.ids["server"],
        )

    async def check_books(self):
        """Nobody dialled twice, everybody with an end, nobody held by nobody."""
        uuids = {
            uuid
            for (uuid,) in self.rows(
                "SELECT uuid FROM telemarketing_interaction"
                " WHERE dialer_server_id = %s",
                self.ids["server"],
            )
        }
        assert uuids
        numbers = self.rows(
            """SELECT e164, count(*) FROM telemarketing_interaction
               WHERE dialer_server_id = %s AND dial_outcome NOT IN
                   ('cancelled', 'failed', 'congestion')
               GROUP BY 1 HAVING count(*) > 1""",
            self.ids["server"],
        )
        assert not numbers
        assert not [error for desk in self.desks for error in desk.errors]


@pytest.fixture
def lines(databases, tmp_path, request):
    both = real.Telephone(
        tmp_path, outcomes=getattr(request, "param", None) or OUTCOMES
    )
    try:
        yield both.start()
    finally:
        both.kill()
        keep(centre=both.centre, network=both.carrier)


# Half of them answer and talk for a few seconds; the rest is busy.
OUTCOMES = {
    str(number): ("answer", 1.0, 15.0 if n == 1 else 4.0)
    if n % 2
    else ("busy", 1.0, 0.0)
    for n, number in enumerate(dialing.numbers(400))
}


@pytest.fixture
def work(databases, database, lines, request):
    plan = getattr(request, "param", {})
    ids = dialing.lay(
        database,
        lines.described(),
        "test",
        agents=6,
        **{"numbers": dialing.numbers(400), **plan},
    )
    log = LOGS / f"whole-{request.node.name}.log"
    log.write_bytes(b"")
    server = Server(databases, database, log).start("--max-cron-threads", "0")
    one = Work(server, lines, ids)
    try:
        yield one
    finally:
        for dialer in one.dialers:
            dialer.kill()
        server.kill()


def play(work, story):
    async def whole():
        try:
            await asyncio.wait_for(story(), 180)
        finally:
            for desk in work.desks:
                with contextlib.suppress(Exception):
                    await desk.leave()

    asyncio.run(whole())


def test_who_answers_comes_to_the_desk_by_itself(work):
    async def story():
        work.dialer()
        await work.sit_down(4)
        await work.until(lambda: work.closed() >= 8, "eight calls", 60)
        pops = sorted(seconds for desk in work.desks for _key, seconds in desk.pops)
        assert pops[len(pops) // 2] < 1.0
        await work.check_books()

    play(work, story)


def test_a_process_that_dies_is_followed_by_the_one_that_stands_by(work):
    async def story():
        first = work.dialer("first")
        work.dialer("second")
        await work.sit_down(4)
        await work.until(lambda: work.closed() >= 4, "calls", 60)
        first.kill()
        killed = time.monotonic()
        epoch = work.value("SELECT epoch FROM telemarketing_dialer_server WHERE active")
        await work.until(
            lambda: (
                work.value("SELECT epoch FROM telemarketing_dialer_server WHERE active")
                > epoch
            ),
            "the other's turn",
            15,
        )
        assert time.monotonic() - killed < 8
        before = work.closed()
        await work.until(lambda: work.closed() >= before + 6, "more calls", 60)
        await work.check_books()

    play(work, story)


def test_postgresql_is_away_and_conversations_go_on(work):
    async def story():
        work.dialer()
        await work.sit_down(4)
        await work.until(lambda: work.closed() >= 3, "calls", 60)
        # Every connection of the dialer and of Odoo is cut, as a restart does.
        for _again in range(3):
            databases.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> pg_backend_pid()",
                work.database,
            )
            await asyncio.sleep(1)
        before = work.closed()
        await work.until(lambda: work.closed() >= before + 4, "more calls", 60)
        await work.check_books()

    play(work, story)


def test_odoo_is_killed_and_the_desks_come_back_to_their_calls(work):
    async def story():
        work.dialer()
        await work.sit_down(3)
        await work.until(lambda: work.closed() >= 2, "calls", 60)
        work.server.kill()
        await asyncio.sleep(4)
        work.server.start("--max-cron-threads", "0")
        for desk in work.desks:
            await desk.leave()
        work.desks.clear()
        await work.sit_down(3)
        await work.until(lambda: work.closed() >= 4, "more calls", 60)
        await work.check_books()

    play(work, story)


def test_the_red_button_stops_all_dialling_within_a_second(work):
    async def story():
        work.dialer()
        await work.sit_down(4)
        await work.until(lambda: work.closed() >= 3, "calls", 60)
        client = work.server.client("admin", "admin")
        client.call(
            "telemarketing.campaign", "action_stop_dialing", [work.ids["campaign"]]
        )
        await asyncio.sleep(1.0)
        count = "SELECT count(*) FROM telemarketing_interaction"
        before = work.value(count)
        await asyncio.sleep(6)
        assert work.value(count) == before
        ringing = work.value(
            "SELECT count(*) FROM telemarketing_interaction WHERE state = 'dialling'"
        )
        assert not ringing
        client.call(
            "telemarketing.campaign", "action_resume_dialing", [work.ids["campaign"]]
        )
        await work.until(lambda: work.value(count) > before, "calls again", 20)
        await work.check_books()

    play(work, story)


# The second of the list answers after a second and talks.
ANSWERING = {"numbers": dialing.numbers(60)[1::2], "mode": "manual", "record": "always"}


@pytest.mark.parametrize("work", [ANSWERING], indirect=True)
def test_a_call_by_hand_is_held_handed_over_and_recorded(work):
    async def story():
        work.dialer()
        await work.sit_down(2)
        first, second = work.desks
        await work.until(lambda: {d.phone for d in work.desks} == {"up"}, "telephones")
        target, key = first.held["target"], "call-by-hand-1"
        answer = await first.desk(
            "dial",
            uuid=key,
            target_id=target["id"],
            phone_id=target["suggested_phone_id"],
        )
        assert not answer.get("refused")
        # The network's people talk for four seconds: this one for longer.
        states = lambda desk: [  # noqa: E731
            payload["state"]
            for kind, payload in desk.heard
            if kind == "telemarketing.call" and payload["uuid"] == key
        ]
        await work.until(lambda: "talking" in states(first), "an answer", 15)
        lines = lambda desk: [  # noqa: E731
            payload
            for kind, payload in desk.heard
            if kind == "telemarketing.dialer" and payload["what"] == "line"
        ]
        await first.desk("control", uuid=key, action="hold", params={"on": True})
        await work.until(lambda: any(p.get("held") for p in lines(first)), "hold", 5)
        await first.desk("control", uuid=key, action="hold", params={"on": False})
        session = work.value(
            "SELECT s.id FROM telemarketing_agent_session s"
            " JOIN res_users u ON u.id = s.user_id"
            " WHERE u.login = 'agent1' AND logout_at IS NULL"
        )
        await second.desk("release", target_id=second.held["target"]["id"])
        await first.desk(
            "control",
            uuid=key,
            action="transfer",
            params={"to": "agent", "session": session, "how": "blind"},
        )
        await work.until(lambda: second.pops, "the other desk", 8)
        assert second.pops[0][0] == key
        await work.until(lambda: key in second.closed, "its end", 30)
        agent = work.value(
            "SELECT u.login FROM telemarketing_interaction i"
            " JOIN res_users u ON u.id = i.agent_id WHERE uuid = %s",
            key,
        )
        assert agent == "agent1"
        await work.check_books()

    play(work, story)


@pytest.mark.parametrize("work", [{"record": "always"}], indirect=True)
def test_both_sides_of_a_call_are_in_the_store_when_it_is_over(
    work, tmp_path, monkeypatch
):
    root = tmp_path / "recordings"
    monkeypatch.setenv("TELEMARKETING_RECORDINGS", str(root))

    async def story():
        work.dialer()
        await work.sit_down(2)
        await work.until(lambda: work.closed() >= 3, "three calls", 60)
        heard = set(work.desks[0].closed + work.desks[1].closed)
        stored = """SELECT i.uuid, r.storage_key, r.size,
                      extract(epoch FROM i.ended_at - i.bridged_at)
               FROM telemarketing_recording r
               JOIN telemarketing_interaction i ON i.id = r.interaction_id"""
        await work.until(
            lambda: heard <= {row[0] for row in work.rows(stored)}, "recordings", 30
        )
        for uuid, key, size, talked in work.rows(stored):
            sound = (root / work.database / key).read_bytes()
            assert len(sound) == size
            assert abs((size - 58) / 16000 - float(talked)) < 2, uuid
            for side in (0, 1):
                # Both are heard: no channel is silence from end to end.
                assert len(set(sound[58 + side :: 2])) > 8, (uuid, side)
        await work.until(
            lambda: not [p for p in work.lines.spool.iterdir() if p.name[:36] in heard],
            "an empty spool",
            15,
        )

    play(work, story)
