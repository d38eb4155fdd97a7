"""A real Chromium at the desk, killed in the middle of a call."""

SIZES = ((1366, 768), (1024, 768), (768, 1024))
# What of the page lies outside the window, and whether the results are inside it.
OUTSIDE = """(() => {
    const page = document.scrollingElement;
    const results = document.querySelector('.o_tm_results').getBoundingClientRect();
    return [page.scrollHeight - innerHeight, page.scrollWidth - innerWidth,
            Math.round(results.bottom) - innerHeight];
})()"""


def test_a_call_survives_the_browser_being_killed(server, books, browser):
    first = browser()
    first.open_desk(server.agent())
    first.click(f".o_tm_campaign_card[data-campaign-id='{server.agent().campaign}']")
    first.click(".o_tm_next")
    first.phase("preview")
    first.click(".o_tm_dial")
    first.phase("talking")
    first.write("#o_tm_notes_text", "Asks for the fibre in May")
    first.until("!!document.querySelector('[data-notes-state=saved]')")
    first.kill()
    key, target, notes = books.rows(
        "SELECT uuid, target_id, notes FROM telemarketing_interaction"
    )[0]
    assert notes == "Asks for the fibre in May"

    # Another computer, where nothing of the first is known.
    second = browser()
    second.open_desk(server.agent())
    second.click(".o_tm_take_over")
    second.phase("talking")
    typed = second.until("document.querySelector('#o_tm_notes_text').value")
    assert typed == notes
    second.write(".o_tm_results_search", "t_no_answer")
    second.click("[data-disposition-code=t_no_answer]")
    second.phase("preview")
    books.assert_balance(calls=1)
    assert books.rows(
        "SELECT uuid, target_id, notes FROM telemarketing_interaction"
    ) == [(key, target, notes)]


def test_the_desk_fits_desktop_and_tablet_without_scrolling(server, browser):
    one = browser()
    one.open_desk(server.agent())
    states = []

    def seen(name):
        for width, height in SIZES:
            one.look(name, width, height)
            states.append((name, width, one.run(OUTSIDE)))

    one.until("!!document.querySelector('.o_tm_campaign_card')")
    seen("1-campaigns")
    one.click(f".o_tm_campaign_card[data-campaign-id='{server.agent().campaign}']")
    one.phase("ready")
    seen("2-ready")
    one.click(".o_tm_next")
    one.phase("preview")
    seen("3-preview")
    one.click(".o_tm_dial")
    one.phase("talking")
    one.write("#o_tm_notes_text", "Asks for the fibre in May")
    seen("4-talking")
    outside = [state for state in states if max(state[2]) > 0]
    assert not outside
