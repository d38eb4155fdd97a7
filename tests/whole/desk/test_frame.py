"""The desk for everybody's eyes and hands: axe, sizes, zoom, touch, in a real Chromium.

axe-core (MPL-2.0, package-lock.json) is for these tests only.
"""

import json
import os
from pathlib import Path

import pytest

# What axe calls serious hinders people; critical stops them.
GRAVE = ("serious", "critical")
AXE = """axe.run(document.querySelector('.o_tm_desk'), {resultTypes: ['violations']})
    .then((found) => found.violations
        .filter((each) => %s.includes(each.impact))
        .map((each) => [each.id, each.nodes.slice(0, 4).map((node) =>
            node.target.join(' ') + ' ' + (node.any[0]?.message || '').slice(0, 160)
        )]))""" % json.dumps(GRAVE)
SIZES = ((1366, 768), (1920, 1080), (1024, 768), (768, 1024))
# Buttons and fields of the desk that a finger misses: visible ones under 44 px.
SMALL = """[...document.querySelectorAll(
        '.o_tm_desk button, .o_tm_desk select, .o_tm_desk input, .o_tm_desk summary')]
    .filter((each) => each.checkVisibility())
    .map((each) => [each, (each.closest('label') || each).getBoundingClientRect()])
    .filter(([each, box]) => box.width && (box.height < 43.5 || box.width < 43.5))
    .map(([each, box]) =>
        `${each.className} ${Math.round(box.width)}x${Math.round(box.height)}`)"""
# Relative luminance of the page's ground, by WCAG: 0 is black.
GROUND_LIGHT = r"""(() => {
    const parts = getComputedStyle(document.body).backgroundColor.match(/\d+/g);
    const [r, g, b] = parts.map((part) => part / 255).map((part) =>
        part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
})()"""
# How much of the page lies outside the window.
OUTSIDE = """(() => {
    const page = document.scrollingElement;
    const desk = document.querySelector('.o_tm_desk');
    return [page.scrollWidth - innerWidth, page.scrollHeight - innerHeight,
            desk.scrollWidth - desk.clientWidth];
})()"""
# What is cut off: no scroll of its own or of a parent brings it into the window.
UNREACHABLE = """(() => {
    const found = [];
    for (const each of document.querySelectorAll(
            '.o_tm_desk button, .o_tm_desk textarea, .o_tm_desk input')) {
        if (!each.checkVisibility()) continue;
        each.scrollIntoView({block: 'nearest', inline: 'nearest', behavior: 'instant'});
        const box = each.getBoundingClientRect();
        const inside = box.left >= -1 && box.top >= -1 && box.right <= innerWidth + 1
            && box.bottom <= innerHeight + 1;
        if (!inside) found.push(each.className);
    }
    return found;
})()"""


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core, as ./tm has installed it."""
    for folder in os.environ.get("NODE_PATH", "").split(os.pathsep):
        file = Path(folder) / "axe-core" / "axe.min.js"
        if folder and file.exists():
            return file.read_text(encoding="utf-8")
    pytest.fail("axe-core is not there: run by ./tm test whole")


def walk(one, campaign):
    """The states of a call, one after the other; yields the name of each."""
    one.until("!!document.querySelector('.o_tm_campaign_card')")
    yield "choosing"
    one.click(f".o_tm_campaign_card[data-campaign-id='{campaign}']")
    one.phase("ready")
    yield "ready"
    one.click(".o_tm_next")
    one.phase("preview")
    yield "preview"
    one.click(".o_tm_dial")
    one.phase("talking")
    yield "talking"
    one.click(".o_tm_help_button")
    one.until("!!document.querySelector('.o_tm_help')")
    yield "help"
    one.click(".o_tm_help_close")
    one.click(".o_tm_hangup")
    one.phase("wrap_up")
    yield "wrap-up"
    one.write(".o_tm_results_search", "t_no_answer")
    one.run("new Promise((done) => setTimeout(done, 700))")
    one.click("[data-disposition-code=t_no_answer]")
    one.phase("ready")
    yield "countdown"
    one.click(".o_tm_pause")
    one.click(".o_tm_pause_reason")
    one.phase("paused")
    yield "paused"


def test_the_desk_keeps_nobody_out(server, books, browser, axe):
    check_with_axe(server, books, browser, axe, "en_US")


def test_the_spanish_desk_keeps_nobody_out(server, books, browser, axe):
    check_with_axe(server, books, browser, axe, "es_ES")


def test_the_dark_desk_keeps_nobody_out(server, books, browser, axe):
    pages = check_with_axe(server, books, browser, axe, "en_US", "dark")
    # The whole page, not a dark desk in a light frame.
    for page in pages:
        assert page.run(GROUND_LIGHT) < 0.05
        assert page.run("document.cookie.includes('color_scheme=dark')")


def check_with_axe(server, books, browser, axe, language, colors="light"):
    spoken = books.value("SELECT id FROM res_lang WHERE code = %s", language)
    admin = server.admin()
    admin.rpc("res.lang", "write", [spoken], {"active": True})
    for number in (0, 1):
        user = books.value(
            "SELECT id FROM res_users WHERE login = %s", f"agent{number}"
        )
        admin.rpc(
            "res.users",
            "write",
            [user],
            {"lang": language, "telemarketing_color_scheme": colors},
        )
    books.rows("UPDATE telemarketing_campaign SET next_seconds = 60")
    one = browser()
    agent = server.agent()
    one.open_desk(agent)
    one.run(axe)
    found = {}
    for state in walk(one, agent.campaign):
        one.look(f"axe-{language}-{colors}-{state}", 1366, 768)
        if violations := one.run(AXE):
            found[state] = violations
    other = browser()
    other.open_desk(agent)
    other.until("!!document.querySelector('.o_tm_take_over')")
    other.run(axe)
    if violations := other.run(AXE):
        found["other seat"] = violations
    books.rows("UPDATE telemarketing_target SET due_at = '2100-01-01'")
    idle, colleague = browser(), server.agent(1)
    idle.open_desk(colleague)
    idle.click(f".o_tm_campaign_card[data-campaign-id='{agent.campaign}']")
    idle.click(".o_tm_next")
    idle.phase("empty")
    idle.run(axe)
    if violations := idle.run(AXE):
        found["empty"] = violations
    assert not found, json.dumps(found, indent=1)
    return one, other, idle


def test_the_desk_fits_each_screen_and_a_finger(server, books, browser):
    books.rows("UPDATE telemarketing_campaign SET next_seconds = 60")
    one = browser()
    agent = server.agent()
    one.open_desk(agent)
    outside, small = {}, {}
    for state in walk(one, agent.campaign):
        for width, height in SIZES:
            one.size(width, height)
            if max(one.run(OUTSIDE)) > 0:
                outside[f"{state} {width}"] = one.run(OUTSIDE)
            if width <= 1024 and (found := one.run(SMALL)):
                small[f"{state} {width}"] = found
    assert not outside
    assert not small, json.dumps(small, indent=1)


def test_at_twice_the_size_nothing_is_cut_off(server, books, browser):
    """1366×768 at 200 %: every button can still be brought into the window."""
    books.rows("UPDATE telemarketing_campaign SET next_seconds = 60")
    one = browser()
    agent = server.agent()
    one.open_desk(agent)
    found = {}
    for state in walk(one, agent.campaign):
        one.look(f"zoom-{state}", 683, 384)
        if cut := one.run(UNREACHABLE):
            found[state] = cut
    assert not found, json.dumps(found, indent=1)
