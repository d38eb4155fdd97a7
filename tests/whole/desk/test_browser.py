"""A real Chromium at the desk, killed in the middle of a call."""

import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import requests
import websocket

DESK = "/odoo/telemarketing-desk"
SCREENSHOTS = Path(__file__).parents[3] / "artefacts" / "screenshots"
SIZES = ((1366, 768), (1024, 768), (768, 1024))
# What of the page lies outside the window, and whether the results are inside it.
OUTSIDE = """(() => {
    const page = document.scrollingElement;
    const results = document.querySelector('.o_tm_results').getBoundingClientRect();
    return [page.scrollHeight - innerHeight, page.scrollWidth - innerWidth,
            Math.round(results.bottom) - innerHeight];
})()"""


class Browser:
    """Chromium through its debugging protocol: opens a page, asks it, clicks."""

    def __init__(self):
        program = next(
            filter(None, map(shutil.which, ("chromium", "google-chrome"))), None
        )
        if not program:
            pytest.skip("Chromium is not there")
        self.folder = tempfile.mkdtemp(prefix="tm-chromium-")
        self.process = subprocess.Popen(
            [
                *(program, "--headless=new", "--no-sandbox", "--disable-gpu"),
                *("--disable-dev-shm-usage", "--no-first-run", "--mute-audio"),
                *("--disable-background-networking", "--disable-extensions"),
                *("--window-size=1366,768", "--remote-debugging-port=0"),
                *(f"--user-data-dir={self.folder}", "about:blank"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        port = self._port()
        pages = requests.get(f"http://127.0.0.1:{port}/json", timeout=30).json()
        page = next(page for page in pages if page["type"] == "page")
        self.socket = websocket.create_connection(
            page["webSocketDebuggerUrl"], suppress_origin=True, timeout=60
        )
        self.numbers = itertools.count(1)

    def _port(self):
        file = Path(self.folder) / "DevToolsActivePort"
        for _try in range(600):
            if file.exists() and (lines := file.read_text().splitlines()):
                return int(lines[0])
            assert self.process.poll() is None, "Chromium ended while starting"
            time.sleep(0.1)
        raise AssertionError("Chromium does not answer")

    def send(self, method, **params):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def run(self, script):
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script):
        """Wait for the script to be true; its value."""
        for _try in range(600):
            if value := self.run(script):
                return value
            time.sleep(0.1)
        seen = self.run("document.body.innerText.slice(0, 2000)")
        raise AssertionError(f"never true: {script}\n{seen}")

    def click(self, selector):
        selector = json.dumps(selector)
        self.until(
            f"(() => {{ const found = document.querySelector({selector});"
            " if (!found || found.disabled) return false;"
            " found.click(); return true; })()"
        )

    def phase(self, name):
        self.until(f"!!document.querySelector('.o_tm_desk[data-phase={name}]')")

    def write(self, selector, text):
        self.click(selector)
        self.run(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            f" found.focus(); found.value = {json.dumps(text)};"
            " found.dispatchEvent(new InputEvent('input', {bubbles: true})); })()"
        )

    def open_desk(self, agent):
        self.send(
            "Network.setCookie",
            name="session_id",
            value=agent.http.cookies["session_id"],
            url=agent.url,
        )
        self.send("Page.navigate", url=agent.url + DESK)
        self.until("!!document.querySelector('.o_tm_desk')")

    def look(self, name, width, height):
        """A screenshot of this size, kept in ``artefacts/screenshots``."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.run("new Promise((done) => setTimeout(done, 500))")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        picture = self.send("Page.captureScreenshot", format="png")["data"]
        path = SCREENSHOTS / f"{name}-{width}x{height}.png"
        path.write_bytes(base64.b64decode(picture))

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def browser():
    opened = []

    def make():
        opened.append(Browser())
        return opened[-1]

    yield make
    for one in opened:
        if one.process.poll() is None:
            one.kill()


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
