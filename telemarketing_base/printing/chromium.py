"""A headless Chromium of our own for the length of one print.

It is driven through a pipe (DevTools protocol): no port is opened, and every request
that a page makes is put to us first. What we do not answer is refused, so a page
reaches neither the network nor the disk, whatever stands in it; scripts do not run.
See docs/decisions/0013-pdf.md.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import logging
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

_logger = logging.getLogger(__name__)

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# A name that no resolver knows: pages stand there, and nothing else does.
ORIGIN = "http://report.invalid"
MM_PER_INCH = 25.4
# What a page may ask for; documents other than itself (frames, where it would go),
# scripts and the rest are never answered.
KINDS = frozenset({"Stylesheet", "Image", "Font"})
# A page does nothing by itself: no script, no going elsewhere, no frame.
POLICY = (
    "sandbox allow-same-origin; script-src 'none'; frame-src 'none'; "
    "object-src 'none'; form-action 'none'"
)
ARGUMENTS = (
    "--headless",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-translate",
    "--disable-breakpad",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
    # A second wall behind the first: no name is resolved.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


class PrintError(Exception):
    """The print failed; the message is for the log."""


@functools.lru_cache(1)
def find_chromium() -> str | None:
    """Path of the browser, or None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass(frozen=True)
class Paper:
    """Millimetres; ``scale`` 1 prints a CSS pixel as 1/96 inch."""

    width: float
    height: float
    top: float = 0
    bottom: float = 0
    left: float = 0
    right: float = 0
    scale: float = 1

    @property
    def bare(self) -> Paper:
        """The same sheet without margins."""
        return Paper(self.width, self.height, scale=self.scale)

    def pixels(self, millimetres: float) -> float:
        """CSS pixels that cover so many millimetres of this paper."""
        return millimetres / MM_PER_INCH * 96 / self.scale

    def parameters(self) -> dict:
        return {
            "paperWidth": self.width / MM_PER_INCH,
            "paperHeight": self.height / MM_PER_INCH,
            "marginTop": self.top / MM_PER_INCH,
            "marginBottom": self.bottom / MM_PER_INCH,
            "marginLeft": self.left / MM_PER_INCH,
            "marginRight": self.right / MM_PER_INCH,
            "scale": min(max(self.scale, 0.1), 2),
            "printBackground": True,
            "preferCSSPageSize": False,
            "displayHeaderFooter": False,
        }


@dataclass(frozen=True)
class Resource:
    """What a page asked for."""

    body: bytes
    mimetype: str = "application/octet-stream"
    status: int = 200
    location: str = ""


class Chromium:
    """Use as a context: the browser starts and, whatever happens, is gone after it.

    :param fetch: ``fetch(url) -> Resource or None``, asked for each style sheet, image
        and font; None refuses it
    :param timeout: seconds for everything; then the browser is killed
    """

    def __init__(
        self,
        fetch: Callable[[str], Resource | None] | None = None,
        timeout: float = 60,
        binary: str | None = None,
    ):
        self.binary = binary or find_chromium()
        self.fetch = fetch or (lambda url: None)
        self.deadline = time.monotonic() + timeout
        self.timeout = timeout
        self.process = None
        self.buffer = bytearray()
        self.serial = 0
        self.pages = 0
        self.page = None
        self.answers = {}
        self.loaded = False

    # THE PROCESS

    def __enter__(self):
        if not self.binary:
            raise PrintError("no Chromium on this system")
        self.home = tempfile.mkdtemp(prefix="telemarketing-print-")
        try:
            self._start()
            self._open_page()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_error):
        self._stop()

    def _start(self):
        to_child, self.writer = os.pipe()
        self.reader, from_child = os.pipe()
        arguments = [*ARGUMENTS, f"--user-data-dir={self.home}/profile"]
        if os.geteuid() == 0:
            # Chromium's sandbox refuses root; who runs Odoo as root has none.
            arguments.append("--no-sandbox")
        # The browser reads 3 and writes 4. It maps far more memory than it uses,
        # so the worker's own limit on addresses must not be handed down.
        script = (
            'ulimit -S -v "$(ulimit -H -v)"; '
            f'exec "$0" "$@" 3<&{to_child} 4>&{from_child}'
        )
        self.log = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(
                ["/bin/bash", "-c", script, self.binary, *arguments, "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self.log,
                pass_fds=(to_child, from_child),
                cwd=self.home,
                env={
                    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
                    "LANG": os.environ.get("LANG", "C.UTF-8"),
                    "HOME": self.home,
                    "XDG_CONFIG_HOME": self.home,
                    "XDG_CACHE_HOME": self.home,
                    "TMPDIR": self.home,
                },
                start_new_session=True,
            )
        except OSError as error:
            raise PrintError(f"{self.binary}: {error}") from error
        finally:
            os.close(to_child)
            os.close(from_child)

    def _stop(self):
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
        for name in ("reader", "writer"):
            descriptor = self.__dict__.pop(name, None)
            if descriptor is not None:
                os.close(descriptor)
        if log := self.__dict__.pop("log", None):
            log.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def _last_words(self):
        self.log.seek(0)
        return self.log.read()[-1500:].decode("utf-8", "replace")

    # THE PROTOCOL: JSON objects, each ended by a zero byte

    def _send(self, method, **parameters):
        self.serial += 1
        message = {"id": self.serial, "method": method, "params": parameters}
        if self.page:
            message["sessionId"] = self.page
        data = json.dumps(message).encode() + b"\0"
        view = memoryview(data)
        while view:
            self._wait(write=True)
            try:
                view = view[os.write(self.writer, view) :]
            except BrokenPipeError as error:
                raise PrintError(f"Chromium ended: {self._last_words()}") from error
        return self.serial

    def _wait(self, write=False):
        left = self.deadline - time.monotonic()
        if left > 0:
            ready = select.select(
                [] if write else [self.reader], [self.writer] if write else [], [], left
            )
            if any(ready):
                return
        raise PrintError(f"not printed in {self.timeout:g} seconds")

    def _receive(self):
        while (end := self.buffer.find(b"\0")) < 0:
            self._wait()
            data = os.read(self.reader, 1 << 20)
            if not data:
                raise PrintError(f"Chromium ended: {self._last_words()}")
            self.buffer += data
        message = json.loads(bytes(self.buffer[:end]))
        del self.buffer[: end + 1]
        return message

    def _listen(self, until):
        """Answer what pages ask for until ``until()``."""
        while not until():
            message = self._receive()
            method, parameters = message.get("method"), message.get("params") or {}
            if "id" in message:
                self.answers[message["id"]] = message
            elif method == "Fetch.requestPaused":
                self._answer_request(parameters)
            elif method == "Page.loadEventFired":
                self.loaded = True
            elif method in ("Inspector.targetCrashed", "Target.targetCrashed"):
                raise PrintError("the page crashed")

    def _call(self, method, **parameters):
        serial = self._send(method, **parameters)
        self._listen(lambda: serial in self.answers)
        answer = self.answers.pop(serial)
        if "error" in answer:
            raise PrintError(f"{method}: {answer['error'].get('message')}")
        return answer.get("result") or {}

    def _open_page(self):
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        answer = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self.page = answer["sessionId"]
        self._call("Page.enable")
        self._call("Fetch.enable", patterns=[{"urlPattern": "*"}])
        self._call("Emulation.setScriptExecutionDisabled", value=True)
        # What wkhtmltopdf prints, for which Odoo's reports are written.
        self._call("Emulation.setEmulatedMedia", media="screen")

    def _answer_request(self, paused):
        request, kind = paused["request"], paused.get("resourceType")
        name = paused["requestId"]
        resource = None
        if request["url"] == self.address and kind == "Document" and self.html:
            resource = Resource(self.html, "text/html; charset=utf-8")
            self.html = None  # once: a frame of it, or a return to it, is refused
        elif kind in KINDS and request["method"] == "GET":
            resource = self.fetch(request["url"])
        if resource is None and kind == "Document":
            # Where a page, or a frame of it, would go: it stays where it is.
            resource = Resource(b"", status=204)
        if resource is None:
            _logger.info("refused to a page that is printed: %.200s", request["url"])
            self._send("Fetch.failRequest", requestId=name, errorReason="AccessDenied")
            return
        headers = [
            {"name": "Content-Type", "value": resource.mimetype},
            {"name": "Content-Security-Policy", "value": POLICY},
        ]
        if resource.location:
            headers.append({"name": "Location", "value": resource.location})
        # Fonts of another origin than the page's want it said.
        headers.append({"name": "Access-Control-Allow-Origin", "value": "*"})
        self._send(
            "Fetch.fulfillRequest",
            requestId=name,
            responseCode=resource.status,
            responseHeaders=headers,
            body=base64.b64encode(resource.body).decode(),
        )

    # PRINTING

    def print(self, html: str, paper: Paper) -> bytes:
        """The page as PDF.

        :raise PrintError: the browser fell over, or time was up
        """
        self.pages += 1
        self.address = f"{ORIGIN}/{self.pages}"
        self.html = html.encode()
        self.loaded = False
        went = self._call("Page.navigate", url=self.address)
        if went.get("errorText"):
            raise PrintError(f"the page did not open: {went['errorText']}")
        self._listen(lambda: self.loaded)
        # Of the browser's own devices scripts still run.
        self._call(
            "Runtime.evaluate",
            expression="document.fonts.ready.then(() => true)",
            awaitPromise=True,
        )
        printed = self._call("Page.printToPDF", **paper.parameters())
        return base64.b64decode(printed["data"])
