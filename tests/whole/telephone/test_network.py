"""The network that is played does what docs/telephone.md says: the demonstration, the
benchmark and the other tests rest on it."""

import pytest

# number: cause and SIP code with which it ends before anybody answers
ENDS = {
    "7115551001": ("17", "486"),
    "7305551001": ("34", "503"),
    "7605551001": ("1", "404"),
    "7705551001": ("21", "403"),
    # the last digits, in each form of a number
    "+34612340030": ("17", "486"),
    "0034612340090": ("1", "404"),
    "34612340094": ("21", "403"),
    "612340096": ("34", "503"),
    "962340096": ("34", "503"),
}


def test_each_number_ends_as_its_digits_say(play):
    async def story(centre):
        for place, number in enumerate(ENDS):
            await centre.dial(f"tm-{place}", number)
        for place, (number, (cause, code)) in enumerate(ENDS.items()):
            _at, event = await centre.wait("Hangup", f"tm-{place}")
            assert event["Cause"] == cause, number
            assert code in event.get("TechCause", ""), number

    play(story)


def test_people_ring_answer_and_hang_up_in_the_time_that_their_digits_say(play):
    async def story(centre):
        # rings 2 s; the other one rings half a second and answers for one second
        await centre.dial("tm-a", "+34612340000")
        await centre.dial("tm-b", "+34612340097")
        await centre.dial("tm-c", "+34612340050")
        begun, _event = await centre.wait("Newchannel", "tm-a")
        up, _event = await centre.wait("Newstate", "tm-a", ChannelStateDesc="Up")
        assert 1.8 < up - begun < 4
        up, _event = await centre.wait("Newstate", "tm-b", ChannelStateDesc="Up")
        gone, event = await centre.wait("Hangup", "tm-b")
        assert 0.8 < gone - up < 3
        assert event["Cause"] == "16"
        assert centre.of("Newstate", "tm-c", ChannelStateDesc="Ringing")
        assert not centre.of("Newstate", "tm-c", ChannelStateDesc="Up")

    play(story)


def test_a_carrier_that_refuses_everything_can_be_played(play):
    async def story(centre):
        centre.telephone.refuse(34)
        await centre.dial("tm-a", "7005551001")
        _at, event = await centre.wait("Hangup", "tm-a")
        assert event["Cause"] == "34"
        centre.telephone.refuse(None)
        await centre.dial("tm-b", "7005551001")
        await centre.wait("Newstate", "tm-b", ChannelStateDesc="Up")

    play(story)


def test_agents_telephones_answer_stay_or_do_not(play):
    async def story(centre):
        await centre.agent("tma-1-1", "tma1", extension="101")
        await centre.agent("tma-2-1", "tma2", extension="9981")
        joined = centre.of("ConfbridgeJoin", "tma-2-1")[0][0]
        gone, _event = await centre.wait("Hangup", "tma-2-1")
        assert 0.5 < gone - joined < 3
        with pytest.raises(AssertionError, match="ConfbridgeJoin"):
            await centre.agent("tma-3-1", "tma3", extension="9991")
        _at, event = await centre.wait("Hangup", "tma-3-1")
        assert event["Cause"] == "17"
        assert await centre.channel("tma-1-1")

    play(story)


FATES = {"612000001": ("answer", 0.6, 1.2), "612000002": ("busy", 0.3, 0)}


@pytest.mark.parametrize(
    "telephone",
    [{"outcomes": FATES}],
    indirect=True,
)
def test_a_benchmark_gives_each_number_its_fate(play):
    async def story(centre):
        await centre.dial("tm-a", "+34612000001")
        await centre.dial("tm-b", "+34612000002")
        begun, _event = await centre.wait("Newchannel", "tm-a")
        up, _event = await centre.wait("Newstate", "tm-a", ChannelStateDesc="Up")
        gone, _event = await centre.wait("Hangup", "tm-a")
        assert 0.5 < up - begun < 2
        assert 1 < gone - up < 3
        _at, event = await centre.wait("Hangup", "tm-b")
        assert event["Cause"] == "17"

    play(story)
