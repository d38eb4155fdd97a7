"""The call that the agents' guide walks through, made in a real Chromium.

``./tm pictures`` keeps what it sees in docs/images/agent, which the guide shows.
"""

import base64
import os
import re

import pytest
import suite

GUIDES = {"es_ES": ("guias/agente.md", "es"), "en_US": ("guides/agent.md", "en")}
PICTURES = suite.HOME / "docs" / "images" / "agent"
STEPS = ("campaign", "start", "person", "talking", "order", "recorded")
LOGIN = "lucia"


@pytest.fixture
def books(databases, template, make_books):
    """The demonstration, wound to working hours when it is loaded."""
    return make_books(template, "whole_guide")


@pytest.mark.parametrize("language", GUIDES)
def test_guide_shows_a_whole_call(server, books, browser, language):
    spoken = books.value("SELECT id FROM res_lang WHERE code = %s", language)
    server.admin().rpc("res.lang", "write", [spoken], {"active": True})
    books.rows(
        """UPDATE res_partner p SET lang = %s FROM res_users u
           WHERE u.partner_id = p.id AND u.login = %s""",
        language,
        LOGIN,
    )
    one = browser()
    one.open_desk(server.agent(login=LOGIN))
    one.size(1366, 768)
    guide, folder = GUIDES[language]
    seen = []

    def keep(step):
        one.run("new Promise((done) => setTimeout(done, 700))")
        seen.append(step)
        if not os.environ.get("TM_PICTURES"):
            return
        picture = one.send("Page.captureScreenshot", format="webp", quality=80)
        path = PICTURES / folder / f"{len(seen)}-{step}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    campaign = books.value(
        """SELECT res_id FROM ir_model_data WHERE module = 'telemarketing_base'
           AND name = 'demo_campaign_fibra'"""
    )
    one.until("!!document.querySelector('.o_tm_campaign_card')")
    keep("campaign")
    one.click(f".o_tm_campaign_card[data-campaign-id='{campaign}']")
    one.phase("ready")
    one.until("!!document.querySelector('.o_tm_callback_open')")
    keep("start")
    one.click(".o_tm_next")
    one.phase("preview")
    keep("person")
    one.click(".o_tm_dial")
    one.phase("talking")
    notes = "Pays 38 € now" if folder == "en" else "Ahora paga 38 €"
    one.write("#o_tm_notes_text", notes)
    one.until("!!document.querySelector('[data-notes-state=saved]')")
    keep("talking")
    one.run(
        "document.querySelectorAll('[data-confirm]').forEach((each) => each.click())"
    )
    one.click("[data-tab=order]")
    one.click(".o_tm_article .o_tm_more")
    one.click(".o_tm_chosen .o_tm_read")
    one.click("[data-payment-id]")
    one.write(".o_tm_iban", "ES91 2100 0418 4502 0005 1332")
    one.until("!!document.querySelector('.o_tm_total[data-priced]')")
    keep("order")
    one.click("[data-disposition-code=sale]")
    one.until("!!document.querySelector('.o_tm_results_notice')")
    keep("recorded")

    assert tuple(seen) == STEPS
    assert books.rows(
        """SELECT i.notes, count(o.id), count(m.id) FROM telemarketing_interaction i
           JOIN sale_order o ON o.telemarketing_interaction_id = i.id
           JOIN telemarketing_mandate m ON m.order_id = o.id
           WHERE i.id = (SELECT max(id) FROM telemarketing_interaction) GROUP BY 1"""
    ) == [(notes, 1, 1)]
    shown = re.findall(
        r"\]\(\.\./images/agent/(\S+)\)", (suite.HOME / "docs" / guide).read_text()
    )
    assert shown == [
        f"{folder}/{number}-{step}.webp" for number, step in enumerate(STEPS, 1)
    ]
    assert all((PICTURES / each).exists() for each in shown)
