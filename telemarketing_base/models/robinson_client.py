import logging
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from requests_aws4auth import AWS4Auth

from odoo import modules

from ..compliance.robinson import AnswerError, parse_answer, request_body

_logger = logging.getLogger(__name__)

ENDPOINT = "https://api.listarobinson.es/v1/api/user"
REGION = "eu-west-1"
SERVICE = "execute-api"
TIMEOUT = 15.0  # seconds, of connecting and of each wait for bytes
ATTEMPTS = 3
# The service allows some 2,000 hashes a second and client.
SECONDS_BETWEEN = 0.05
# Asked to slow down without saying how long: as its own client waits.
BUSY_SECONDS = 15.0
BUSY_SECONDS_AT_MOST = 60.0
ANSWER_LIMIT = 1_000_000  # bytes; sixty answers are some 20,000


class RobinsonError(Exception):
    """A consultation that brought nothing.

    ``code``: keys, refused, busy, down, timeout, unreachable, insecure, answer;
    ``status`` of HTTP or 0; ``detail``: what the service wrote, shortened, or a code of
    ``compliance.robinson.REASONS``.
    """

    def __init__(self, code, status=0, detail=""):
        super().__init__(code)
        self.code = code
        self.status = status
        self.detail = detail


def is_safe(endpoint):
    """Keys and hashes go over TLS only; in tests also to this machine."""
    parts = urlsplit(endpoint or "")
    if parts.scheme == "https" and parts.hostname:
        return True
    return bool(
        modules.module.current_test
        and parts.scheme == "http"
        and parts.hostname in ("127.0.0.1", "localhost")
    )


class RobinsonClient:
    """The online service: signed requests (AWS SigV4) of sixty hashes at most.

    Holds no cursor, so that nothing of the database waits for the service.
    """

    def __init__(self, endpoint, key, secret):
        if not is_safe(endpoint):
            raise RobinsonError("insecure")
        self._endpoint = endpoint
        self._session = requests.Session()
        self._session.auth = AWS4Auth(key, secret, REGION, SERVICE)
        self._session.headers["Content-Type"] = "text/plain"
        self._next_at = 0.0

    def close(self):
        self._session.close()

    def ask(self, hashes):
        """``({hash: Entry}, raw answer as text)``.

        Tried again, with more and more pause, when the service is busy, fails or
        keeps silent; never when it refuses.

        :raise RobinsonError: nothing usable was answered
        """
        body = request_body(hashes)
        error = None
        for attempt in range(ATTEMPTS):
            if error:
                self._sleep(getattr(error, "wait", 0) or 2.0**attempt)
            try:
                content = self._post(body)
                break
            except RobinsonError as failed:
                _logger.info(
                    "Lista Robinson: attempt %s: %s (HTTP %s)",
                    attempt + 1,
                    failed.code,
                    failed.status,
                )
                if failed.code not in ("busy", "down", "timeout", "unreachable"):
                    raise
                error = failed
        else:
            raise error
        try:
            entries = parse_answer(content, hashes)
        except AnswerError as unclear:
            raise RobinsonError("answer", 200, unclear.code) from unclear
        return entries, content.decode("utf-8", "replace")

    def _post(self, body):
        self._sleep(self._next_at - time.monotonic())
        self._next_at = time.monotonic() + SECONDS_BETWEEN
        try:
            with self._session.post(
                self._endpoint,
                data=body,
                timeout=TIMEOUT,
                # A signed request goes where it was signed for, nowhere else.
                allow_redirects=False,
                stream=True,
            ) as response:
                content = b""
                for piece in response.iter_content(65536):
                    content += piece
                    if len(content) > ANSWER_LIMIT:
                        raise RobinsonError("answer", response.status_code)
                status, headers = response.status_code, response.headers
        except requests.Timeout as error:
            raise RobinsonError("timeout") from error
        except requests.RequestException as error:
            _logger.info("Lista Robinson: %s", type(error).__name__)
            raise RobinsonError("unreachable") from error
        if status == 200:
            return content
        said = content[:500].decode("utf-8", "replace")
        if status == 429:
            busy = RobinsonError("busy", status, said)
            busy.wait = _retry_after(headers.get("Retry-After"))
            raise busy
        if status >= 500:
            raise RobinsonError("down", status, said)
        if status in (401, 403):
            raise RobinsonError("keys", status, said)
        raise RobinsonError("refused", status, said)

    @staticmethod
    def _sleep(seconds):
        if seconds > 0:
            time.sleep(seconds)


def _retry_after(value):
    """Seconds that the service asks to wait for, within reason."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        try:
            until = parsedate_to_datetime(value)
            seconds = (until - datetime.now(timezone.utc)).total_seconds()
        except (TypeError, ValueError):
            return BUSY_SECONDS
    return min(max(seconds, 1.0), BUSY_SECONDS_AT_MOST)
