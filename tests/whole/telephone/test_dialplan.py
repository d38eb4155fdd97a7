"""What the person called hears and where the legs are, on real Asterisks: the dialplan
alone, with no dialer but this script."""

import asyncio
import re
import time

import pytest

from odoo.addons.telemarketing_dialer.ami import ActionError

ORIGINATE = {"Channel": "PJSIP/7005551001@carrier"}


def test_who_answers_while_nobody_is_free_hears_who_called_after_two_seconds(play):
    async def story(centre):
        await centre.dial("tm-a", "7005551001")
        answered, event = await centre.wait("UserEvent", "tm-a", UserEvent="TmAnswered")
        assert event["Uuid"] == "a"
        abandoned, _event = await centre.wait(
            "UserEvent", "tm-a", UserEvent="TmAbandoned"
        )
        assert 1.8 < abandoned - answered < 4
        ended, _event = await centre.wait("Hangup", "tm-a")
        # The notice of the tests lasts 2.8 s.
        assert 2.5 < ended - abandoned < 6

    play(story)


def test_who_is_brought_to_an_agent_hears_no_notice_and_leaves_the_leg_for_the_next(
    play,
):
    async def story(centre):
        await centre.agent("tma-1-1", "tma1")
        await centre.dial("tm-b", "7005551001")
        await centre.wait("UserEvent", "tm-b", UserEvent="TmAnswered")
        await centre.send("tm-b", "telemarketing-join", "tma1")
        _at, event = await centre.wait("BridgeEnter", "tm-b")
        assert (
            event["BridgeUniqueid"]
            == centre.of("BridgeEnter", "tma-1-1")[0][1]["BridgeUniqueid"]
        )
        # Longer than anybody waits for an agent.
        await asyncio.sleep(2.5)
        assert not centre.of("UserEvent", "tm-b", UserEvent="TmAbandoned")
        # The person hangs up: the agent's telephone stays where it is.
        await centre.client.action("Hangup", {"Channel": await centre.channel("tm-b")})
        await centre.wait("Hangup", "tm-b")
        await asyncio.sleep(0.5)
        assert await centre.channel("tma-1-1")
        assert not centre.of("BridgeLeave", "tma-1-1")

    play(story)


def test_when_the_agents_telephone_dies_the_person_is_let_go_with_a_word(play):
    async def story(centre):
        await centre.agent("tma-1-1", "tma1")
        await centre.agent("tma-2-1", "tma2", extension="102")
        for call, room in (("tm-c", "tma1"), ("tm-d", "tma2")):
            await centre.dial(call, "7005551001", exten="direct", TM_ROOM=room)
            await centre.wait("ConfbridgeJoin", call)
        name = await centre.channel("tma-1-1")
        await centre.client.action("Hangup", {"Channel": name})
        gone, _event = await centre.wait("Hangup", "tma-1-1")
        ended, _event = await centre.wait("Hangup", "tm-c")
        # The apology of the tests lasts 1.2 s.
        assert 1 < ended - gone < 4
        assert not centre.of("UserEvent", "tm-c", UserEvent="TmAbandoned")
        # The other agent and person talk on.
        assert await centre.channel("tma-2-1") and await centre.channel("tm-d")

    play(story)


def test_who_is_sent_to_an_agent_who_has_just_gone_hears_who_called(play):
    async def story(centre):
        await centre.dial("tm-e", "7005551001")
        await centre.wait("UserEvent", "tm-e", UserEvent="TmAnswered")
        await centre.send("tm-e", "telemarketing-join", "tma7")
        await centre.wait("UserEvent", "tm-e", within=1, UserEvent="TmAbandoned")
        await centre.wait("Hangup", "tm-e")

    play(story)


def test_held_a_person_waits_with_music_and_comes_back_to_the_agent(play):
    async def story(centre):
        await centre.agent("tma-1-1", "tma1")
        await centre.dial("tm-f", "7005551001", exten="direct", TM_ROOM="tma1")
        await centre.wait("ConfbridgeJoin", "tm-f")
        await centre.send("tm-f", "telemarketing-hold", "hold")
        await centre.wait("ConfbridgeLeave", "tm-f")
        # Longer than the dialplan takes to see whether the agent is there.
        await asyncio.sleep(6)
        await centre.send("tm-f", "telemarketing-join", "tma1")
        await centre.wait("ConfbridgeJoin", "tm-f", count=2)
        # Held again, and the agent's telephone goes: not held for ever.
        await centre.send("tm-f", "telemarketing-hold", "hold")
        await centre.wait("ConfbridgeLeave", "tm-f", count=2)
        name = await centre.channel("tma-1-1")
        await centre.client.action("Hangup", {"Channel": name})
        await centre.wait("Hangup", "tm-f", within=8)

    play(story)


async def third(centre, leg, room):
    """Somebody outside, who is rung."""
    await centre.client.action(
        "Originate",
        {
            "Channel": centre.telephone.trunk_channel.format(number="7005551003"),
            "Context": "telemarketing-third",
            "Exten": room,
            "Priority": 1,
            "Async": "true",
            "ChannelId": leg,
        },
    )
    await centre.wait("ConfbridgeJoin", leg)


@pytest.mark.parametrize("context", ["telemarketing-join", "telemarketing-third"])
@pytest.mark.parametrize("ends_first", ["tm-g", "tmx-g-1"])
def test_person_and_third_talk_on_without_the_agent_and_end_together(
    play, ends_first, context
):
    async def story(centre):
        await centre.agent("tma-1-1", "tma1")
        await centre.dial("tm-g", "7005551001", exten="direct", TM_ROOM="tma1")
        await centre.wait("ConfbridgeJoin", "tm-g")
        await third(centre, "tmx-g-1", "tma1")
        await centre.send("tmx-g-1", "telemarketing-third", "tmtg")
        await centre.send("tm-g", context, "tmtg")
        await centre.wait("ConfbridgeJoin", "tm-g", Conference="tmtg")
        await asyncio.sleep(0.3)
        assert await centre.channel("tmx-g-1") and await centre.channel("tm-g")
        name = await centre.channel(ends_first)
        await centre.client.action("Hangup", {"Channel": name})
        await centre.wait("Hangup", "tmx-g-1", within=3)
        await centre.wait("Hangup", "tm-g", within=3)
        assert await centre.channel("tma-1-1")
        globals_left = centre.telephone.centre.tell("dialplan show globals")
        assert "TM_THIRD_g=\n" in globals_left

    play(story)


def test_an_agent_who_was_asked_in_goes_back_to_the_own_room(play):
    async def story(centre):
        await centre.agent("tma-1-1", "tma1")
        await centre.agent("tma-2-1", "tma2", extension="102")
        await centre.send("tma-2-1", "telemarketing-third", "tma1")
        await centre.wait("ConfbridgeJoin", "tma-2-1", Conference="tma1")
        name = await centre.channel("tma-1-1")
        await centre.client.action("Hangup", {"Channel": name})
        await centre.wait("ConfbridgeJoin", "tma-2-1", count=2, Conference="tma2")

    play(story)


def test_a_machine_is_hung_up_and_a_person_is_not(play):
    async def story(centre):
        await centre.dial("tm-h", "7405551001", exten="amd")
        await centre.dial("tm-i", "7005551001", exten="amd")
        _at, event = await centre.wait("UserEvent", "tm-h", UserEvent="TmMachine")
        assert event["Status"] == "MACHINE"
        await centre.wait("Hangup", "tm-h")
        assert not centre.of("UserEvent", "tm-h", UserEvent="TmAnswered")
        await centre.wait("UserEvent", "tm-i", UserEvent="TmAnswered")

    play(story)


# ------------------------------------------------------------------ recording
SILENT = b"\xd5"


def loud(sound, begin, end):
    """Share of the samples of these seconds that are not silence."""
    part = sound[int(begin * 8000) : int(end * 8000)]
    quiet = sum(part.count(bytes([byte])) for byte in (0xD5, 0x55, 0xD4, 0x54))
    return 1 - quiet / len(part)


def recorded(telephone, name):
    return [
        (telephone.spool / f"{name}-{way}.alaw").read_bytes() for way in ("in", "out")
    ]


def test_both_directions_are_recorded_in_step_through_hold_and_a_transfer(play):
    async def story(centre):
        await centre.agent("tma-1-1", "tma1")
        await centre.agent("tma-2-1", "tma2", extension="102")
        values = {"TM_REC": "2026/11/rec-1", "TM_RECNOTICE": "telemarketing/recorded"}
        await centre.dial(
            "tm-j", "7005551001", exten="direct", TM_ROOM="tma1", **values
        )
        answered, _event = await centre.wait(
            "UserEvent", "tm-j", UserEvent="TmAnswered"
        )
        joined, _event = await centre.wait("ConfbridgeJoin", "tm-j")
        # The notice is heard first.
        assert 0.4 < joined - answered < 3
        await asyncio.sleep(3)
        await centre.send("tm-j", "telemarketing-hold", "hold")
        held = time.monotonic() - answered
        await asyncio.sleep(2)
        back = time.monotonic() - answered
        await centre.send("tm-j", "telemarketing-join", "tma2")
        await centre.wait("ConfbridgeJoin", "tm-j", count=2)
        await asyncio.sleep(4)
        name = await centre.channel("tm-j")
        await centre.client.action("Hangup", {"Channel": name})
        ended, _event = await centre.wait("Hangup", "tm-j")
        await asyncio.sleep(0.5)
        said, heard = recorded(centre.telephone, "2026/11/rec-1")
        assert len(said) / 8000 == pytest.approx(ended - answered, abs=1)
        assert abs(len(said) - len(heard)) <= 800
        # One file each, no second recording after the hold.
        assert len(list(centre.telephone.spool.rglob("*.alaw"))) == 2
        # The person's word, the notice, the music and the agents are there.
        assert loud(said, 0, 0.7) > 0.5
        for begin, end in ((0, 0.5), (held, back), (back, len(heard) / 8000)):
            assert loud(heard, begin, end) > 0.2, (begin, end)

    play(story)


def test_what_is_said_while_the_recording_is_paused_is_silence_in_it(play):
    async def story(centre):
        await centre.agent("tma-1-1", "tma1")
        await centre.dial(
            "tm-k", "7005551001", exten="direct", TM_ROOM="tma1", TM_REC="rec-2"
        )
        began, _event = await centre.wait("ConfbridgeJoin", "tm-k")
        await asyncio.sleep(2)
        name = await centre.channel("tm-k")
        muted = []
        for state, seconds in (("1", 5), ("0", 3)):
            await centre.client.action(
                "MixMonitorMute", {"Channel": name, "Direction": "both", "State": state}
            )
            muted.append(time.monotonic() - began)
            await asyncio.sleep(seconds)
        await centre.client.action("Hangup", {"Channel": name})
        await centre.wait("Hangup", "tm-k")
        await asyncio.sleep(0.5)
        said, heard = recorded(centre.telephone, "rec-2")
        assert abs(len(said) - len(heard)) <= 800
        for sound in (said, heard):
            assert loud(sound, muted[0] + 0.3, muted[1] - 0.3) == 0
        assert loud(heard, 0, muted[0]) > 0.1
        assert loud(heard, muted[1] + 0.3, len(heard) / 8000) > 0.1
        assert loud(said, muted[1] + 0.3, len(said) / 8000) > 0.1

    play(story)


# ------------------------------------------------------------------ the manager's user
@pytest.mark.parametrize("telephone", [{"asterisk": 18}, {}], indirect=True)
def test_the_manager_tells_what_a_dialer_reads_and_no_more(play):
    async def story(centre):
        await centre.dial("tm-l", "7515551001", exten="wait")
        await centre.wait("UserEvent", "tm-l", UserEvent="TmAnswered")
        await centre.wait("Hangup", "tm-l")
        heard = {event["Event"] for _at, event in centre.events}
        assert heard >= {"Newchannel", "Newstate", "DialEnd", "UserEvent", "Hangup"}
        assert not heard & {"VarSet", "Newexten", "DeviceStateChange", "TestEvent"}

    play(story)


def test_who_holds_the_managers_secret_cannot_run_programs_or_read_the_files(play):
    async def story(centre):
        for action, headers in (
            ("Command", {"Command": "core show version"}),
            ("GetConfig", {"Filename": "manager.conf"}),
            ("UpdateConfig", {"SrcFilename": "a", "DstFilename": "b"}),
            ("ModuleLoad", {"LoadType": "reload"}),
            ("Originate", ORIGINATE | {"Application": "System", "Data": "id"}),
            ("Originate", ORIGINATE | {"Application": "Exec", "Data": "System(id)"}),
        ):
            with pytest.raises(ActionError) as refused:
                await centre.client.action(action, headers)
            assert re.search("permission|forbidden", refused.value.message, re.I)

    play(story)
