"""A call by click on a real Asterisk: no dialer process, no dialplan of ours."""

import asyncio

import pytest

from odoo.addons.telemarketing_dialer import click


def test_a_click_rings_the_agent_then_the_person_who_sees_our_number(play, telephone):
    async def story(centre):
        where = (telephone.host, telephone.port, False, telephone.user)
        agent = telephone.agent_channel.format(extension="101")
        person = telephone.trunk_channel.format(number="7005551001")
        shown = "+34910000001"
        await asyncio.to_thread(
            click.originate, (*where, telephone.secret), agent, person, shown, 20
        )
        _at, event = await centre.wait("DialBegin", DialString=person.split("/", 1)[1])
        assert event["CallerIDNum"] == shown
        await centre.wait("DialEnd", DialStatus="ANSWER", DestExten="")
        await centre.wait("BridgeEnter", count=2)
        # Who does not know the secret is let in by nobody.
        with pytest.raises(click.NotDialledError) as refused:
            await asyncio.to_thread(
                click.originate, (*where, "wrong"), agent, person, shown, 20
            )
        assert refused.value.why == "login"

    play(story)
