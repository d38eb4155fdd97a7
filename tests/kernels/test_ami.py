"""The link to Asterisk: what a dialer may rely on when the link does not."""

import asyncio
import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.telemarketing_dialer.ami import (
    ActionError,
    Client,
    Deadline,
    Decoder,
    LinkLost,
    ProtocolError,
    encode,
)

GREETING = b"Asterisk Call Manager/9.0.0\r\n"


# ------------------------------------------------------------------ the codec
MESSAGES = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["Event", "Channel", "CallerIDName", "ActionID"]),
            st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12).map(
                str.strip
            ),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda pair: pair[0],
    ).map(dict),
    max_size=6,
)


@given(MESSAGES, st.data())
def test_messages_are_whole_however_the_network_cuts_them(messages, data):
    stream = GREETING + b"".join(
        "".join(f"{key}: {value}\r\n" for key, value in message.items()).encode()
        + b"\r\n"
        for message in messages
    )
    decoder, found = Decoder(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += decoder.feed(stream[:size])
        stream = stream[size:]
    assert found == messages
    assert decoder.greeting == "Asterisk Call Manager/9.0.0"


def test_a_letter_cut_in_two_is_not_lost():
    stream = GREETING + "Event: X\r\nName: Núria 😀\r\n\r\n".encode()
    for cut in range(1, len(stream)):
        decoder = Decoder()
        assert decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) == [
            {"Event": "X", "Name": "Núria 😀"}
        ]


def test_a_key_that_repeats_keeps_all_its_values():
    stream = (
        GREETING + b"Response: Success\r\nOutput: a\r\nOutput: b\r\nOutput: c\r\n\r\n"
    )
    assert Decoder().feed(stream)[0]["Output"] == ["a", "b", "c"]


def test_bytes_that_are_no_text_do_not_end_the_link():
    stream = GREETING + b"Event: X\r\nName: \xff\xfe\r\n\r\n"
    assert Decoder().feed(stream)[0]["Event"] == "X"


@pytest.mark.parametrize(
    "stream", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 400 Bad\r\n", b"A" * 5000]
)
def test_somebody_else_behind_the_port_is_told_apart(stream):
    with pytest.raises(ProtocolError):
        Decoder().feed(stream)


def test_a_message_without_an_end_does_not_eat_the_memory():
    decoder = Decoder()
    decoder.feed(GREETING)
    with pytest.raises(ProtocolError):
        for _piece in range(200):
            decoder.feed(b"Event: X" * 8192)


@pytest.mark.parametrize(
    ("headers", "variables"),
    [
        ({"CallerID": "Ana\r\nAction: Originate"}, None),
        ({"CallerID": "Ana\nAction: Originate"}, None),
        ({"CallerID": "Ana\x00"}, None),
        ({"Channel\r\nAction": "x"}, None),
        ({"Bad key": "x"}, None),
        (None, {"NAME": "Ana, OTHER=1"}),
        (None, {"NAME": "${SHELL(reboot)}"}),
        (None, {"NAME": 'a"b'}),
        (None, {"NAME": "a;b"}),
        (None, {"NAME": "a&b"}),
        (None, {"NAME": "😀"}),
        (None, {"NA ME": "x"}),
        (None, {"NAME=1,X": "x"}),
    ],
)
def test_what_a_person_typed_becomes_no_command(headers, variables):
    with pytest.raises(ValueError):
        encode("Originate", headers, variables)


@given(st.text(), st.text())
def test_one_action_is_one_message(value, name):
    try:
        data = encode("Setvar", {"Value": value}, {"NAME": name})
    except ValueError:
        return
    assert data.count(b"\r\n\r\n") == 1 and data.endswith(b"\r\n\r\n")
    assert data.count(b"Action:") == 1 or "Action:" in value


def test_what_is_none_is_not_sent():
    assert encode("Ping", {"ActionID": None}) == b"Action: Ping\r\n\r\n"


# ------------------------------------------------------------------ a manager
class Manager:
    """Answers as Asterisk does, or as a test wants it to go wrong."""

    secret = "secreto"

    def __init__(self):
        self.seen = []
        self.links = []
        self.silent = set()
        self.twice = self.frozen = False
        self.answers = {}
        self.logged_in = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exception):
        self.server.close()
        self.cut()

    def cut(self):
        for writer in self.links:
            writer.transport.abort()
        self.links = []

    def say(self, **message):
        for writer in self.links:
            self.write(writer, message)

    @staticmethod
    def write(writer, message):
        with contextlib.suppress(OSError):
            lines = "".join(f"{key}: {value}\r\n" for key, value in message.items())
            writer.write((lines + "\r\n").encode())

    async def serve(self, reader, writer):
        writer.write(GREETING)
        self.links.append(writer)
        buffer = b""
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                buffer += data
                *actions, buffer = buffer.split(b"\r\n\r\n")
                for action in actions:
                    lines = action.decode().split("\r\n")
                    self.take(writer, dict(line.split(": ", 1) for line in lines))

    def take(self, writer, action):
        self.seen.append(action)
        name, number = action["Action"], action.get("ActionID")
        if self.frozen or name in self.silent:
            return
        answer = {"Response": "Success", "ActionID": number}
        if name == "Challenge":
            answer["Challenge"] = "840415273"
        if name == "Login":
            right = hashlib.md5(b"840415273" + self.secret.encode()).hexdigest()
            if action["Key"] != right:
                answer |= {"Response": "Error", "Message": "Authentication failed"}
            else:
                self.logged_in += 1
        answer |= self.answers.get(name, {})
        for _time in range(1 + self.twice):
            self.write(writer, answer)

    def count(self, name):
        return sum(action["Action"] == name for action in self.seen)


async def until(condition):
    """The test's own limit is pytest's; a condition that never comes fails it."""
    for _try in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


@contextlib.asynccontextmanager
async def linked(manager, **options):
    """A client that is up, with what it told."""
    told = {"events": [], "up": [], "down": []}
    options = {
        "on_event": told["events"].append,
        "on_up": told["up"].append,
        "on_down": lambda generation, reason: told["down"].append((generation, reason)),
        "wait_first": 0.02,
        "deadline": 5.0,
        # Under load a ping may be late; only the test of it wants it short.
        "ping_every": 60,
        **options,
    }
    client = Client("127.0.0.1", manager.port, "dialer", manager.secret, **options)
    client.told = told
    task = asyncio.ensure_future(client.run())
    try:
        yield client
    finally:
        client.stop()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def play(story):
    """Run ``story(manager)`` in a loop of its own."""

    async def whole():
        async with Manager() as manager:
            await asyncio.wait_for(story(manager), 60)

    asyncio.run(whole())


# ------------------------------------------------------------------ the client
def test_it_logs_in_without_sending_its_secret():
    async def story(manager):
        async with linked(manager) as client:
            await until(lambda: client.up)
            assert client.told["up"] == [1]
            sent = " ".join(f"{k}{v}" for one in manager.seen for k, v in one.items())
            assert manager.secret not in sent
            assert (await client.action("Ping"))["Response"] == "Success"

    play(story)


def test_events_come_in_order():
    async def story(manager):
        async with linked(manager) as client:
            await until(lambda: client.up)
            for number in range(200):
                manager.say(Event="Newchannel", Number=number)
            await until(lambda: len(client.told["events"]) == 200)
            numbers = [int(event["Number"]) for event in client.told["events"]]
            assert numbers == list(range(200))

    play(story)


def test_an_event_that_nobody_can_read_does_not_blind_it():
    async def story(manager):
        seen = []

        def read(event):
            seen.append(event)
            if event["Event"] == "Bad":
                raise KeyError("Channel")

        async with linked(manager, on_event=read) as client:
            await until(lambda: client.up)
            manager.say(Event="Bad")
            manager.say(Event="Good")
            await until(lambda: len(seen) == 2)
            assert client.up and not client.told["down"]

    play(story)


def test_a_lost_link_fails_what_is_open_and_sends_nothing_again():
    """Sent again, a call would ring twice."""

    async def story(manager):
        manager.silent = {"Originate"}
        async with linked(manager) as client:
            await until(lambda: client.up)
            calls = [
                asyncio.ensure_future(client.action("Originate", {"ActionID": f"c{n}"}))
                for n in range(5)
            ]
            await until(lambda: manager.count("Originate") == 5)
            manager.cut()
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(one, LinkLost) for one in answers)
            await until(lambda: client.told["up"] == [1, 2])
            await client.action("Ping")
            assert manager.count("Originate") == 5
            assert client.told["down"] == [(1, client.told["down"][0][1])]

    play(story)


def test_nothing_is_sent_while_it_is_down():
    async def story(manager):
        async with linked(manager, wait_first=30) as client:
            await until(lambda: client.up)
            manager.cut()
            await until(lambda: not client.up)
            with pytest.raises(LinkLost):
                await client.action("Originate")
            assert manager.count("Originate") == 0
            assert client.reason

    play(story)


def test_a_frozen_asterisk_counts_as_lost():
    async def story(manager):
        async with linked(manager, ping_every=0.05, ping_deadline=0.1) as client:
            await until(lambda: client.up)
            manager.frozen = True
            await until(lambda: client.told["down"])
            assert "Ping" in client.told["down"][0][1]
            manager.frozen = False
            await until(lambda: client.up)
            assert client.generation > 1

    play(story)


def test_an_answer_that_never_comes_fails_its_action_alone():
    async def story(manager):
        manager.silent = {"Originate"}
        async with linked(manager) as client:
            await until(lambda: client.up)
            with pytest.raises(Deadline, match="Originate"):
                await client.action("Originate", deadline=0.05)
            assert client.up
            assert (await client.action("Ping"))["Response"] == "Success"

    play(story)


def test_answers_that_come_twice_or_for_nobody_are_harmless():
    async def story(manager):
        manager.twice = True
        async with linked(manager) as client:
            await until(lambda: client.up)
            await asyncio.gather(*(client.action("Ping") for _time in range(50)))
            manager.say(Response="Success", ActionID="nobody")
            manager.say(Response="Error", Message="no number")
            await client.action("Ping")
            assert client.up and not client.told["down"]

    play(story)


def test_a_refusal_says_what_asterisk_said():
    async def story(manager):
        manager.answers = {"Originate": {"Response": "Error", "Message": "No such"}}
        async with linked(manager) as client:
            await until(lambda: client.up)
            with pytest.raises(ActionError, match="No such"):
                await client.action("Originate")

    play(story)


def test_a_wrong_secret_is_said_and_not_hammered():
    async def story(manager):
        async with linked(manager, wait_first=0.05) as client:
            client.secret = "otro"
            await until(lambda: "refused" in (client.reason or ""))
            assert "Authentication failed" in client.reason
            waits = [client._wait(tries) for tries in range(20)]
            assert waits[0] < 0.06 and waits[1] > 0.04
            assert 7 < waits[19] <= 15
            assert not client.told["up"]

    play(story)


def test_two_clients_do_not_come_back_in_step():
    one, other = (Client("h", 1, "u", "s") for _client in "12")
    assert [one._wait(n) for n in range(5)] != [other._wait(n) for n in range(5)]


def test_it_is_up_only_after_it_looked():
    async def story(manager):
        manager.answers = {"CoreShowChannels": {"EventList": "start"}}
        rows = []

        async def resync(client):
            assert not client.up
            rows.append(await client.listed("CoreShowChannels"))

        async with linked(manager, resync=resync) as client:
            await until(lambda: manager.count("CoreShowChannels"))
            number = manager.seen[-1]["ActionID"]
            assert not client.up
            for name in ("one", "two"):
                manager.say(Event="CoreShowChannel", ActionID=number, Uniqueid=name)
            # News that is no row of the list is news.
            manager.say(Event="Hangup", Uniqueid="zero")
            manager.say(
                Event="CoreShowChannelsComplete", ActionID=number, EventList="Complete"
            )
            await until(lambda: client.up)
            assert [row["Uniqueid"] for row in rows[0]] == ["one", "two"]
            assert [one["Uniqueid"] for one in client.told["events"]] == ["zero"]

    play(story)


def test_a_list_that_never_ends_does_not_let_it_up():
    async def story(manager):
        async def resync(client):
            await client.listed("CoreShowChannels", deadline=0.05)

        async with linked(manager, resync=resync) as client:
            await until(lambda: manager.count("CoreShowChannels") >= 2)
            assert not client.up and not client.told["up"]
            assert "CoreShowChannels" in client.reason

    play(story)


def test_an_empty_list_is_a_list():
    async def story(manager):
        manager.answers = {"QueueStatus": {"Response": "Error", "Message": "No queues"}}
        async with linked(manager) as client:
            await until(lambda: client.up)
            assert await client.listed("QueueStatus") == []

    play(story)


def test_a_link_lost_while_it_logs_in_is_tried_again():
    async def story(manager):
        manager.silent = {"Login"}
        async with linked(manager) as client:
            await until(lambda: manager.count("Login"))
            manager.cut()
            manager.silent = set()
            await until(lambda: client.up)
            assert client.told["up"] == [client.generation]

    play(story)


def test_nothing_is_left_running_when_it_stops():
    async def story(manager):
        async with linked(manager) as client:
            await until(lambda: client.up)
            manager.silent = {"Originate"}
            call = asyncio.ensure_future(client.action("Originate"))
            await until(lambda: manager.count("Originate"))
            client.stop()
            with pytest.raises(LinkLost, match="stopped"):
                await call
            assert client.told["down"] == [(1, "stopped")]
        left = [task for task in asyncio.all_tasks() if "_watch" in repr(task)]
        assert not left

    play(story)


def test_the_same_number_twice_is_refused_before_it_is_sent():
    async def story(manager):
        manager.silent = {"Originate"}
        async with linked(manager) as client:
            await until(lambda: client.up)
            call = asyncio.ensure_future(
                client.action("Originate", {"ActionID": "c1"}, deadline=1)
            )
            await until(lambda: manager.count("Originate") == 1)
            with pytest.raises(ValueError, match="open already"):
                await client.action("Originate", {"ActionID": "c1"})
            assert manager.count("Originate") == 1
            call.cancel()

    play(story)


def test_what_may_not_be_sent_is_not_sent():
    async def story(manager):
        async with linked(manager) as client:
            await until(lambda: client.up)
            with pytest.raises(ValueError):
                await client.action("Originate", {"Channel": "x\r\nAction: Logoff"})
            await client.action("Ping")
            assert manager.count("Originate") == manager.count("Logoff") == 0

    play(story)
