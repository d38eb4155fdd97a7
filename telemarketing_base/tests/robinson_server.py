"""A Lista Robinson on this machine, that behaves as the real one is described to:
signature checked (by its own arithmetic), sixty different hashes at most, present or
absent with sectors and proof; and that can fail in every way a service does."""

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from contextlib import suppress
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REGION, SERVICE = "eu-west-1", "execute-api"


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def expected_signature(secret, method, path, headers, signed, body, stamp):
    """AWS Signature Version 4, as its documentation writes it down."""
    canonical = "\n".join(
        [
            method,
            path,
            "",
            *(f"{name}:{' '.join(headers[name].split())}" for name in signed),
            "",
            ";".join(signed),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{stamp[:8]}/{REGION}/{SERVICE}/aws4_request"
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            stamp,
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = ("AWS4" + secret).encode()
    for part in (stamp[:8], REGION, SERVICE, "aws4_request"):
        key = _hmac(key, part)
    return _hmac(key, text).hex()


class RobinsonServer:
    """``endpoint``; ``present``: hash → sectors; ``requests``: the hashes of each one,
    answered or refused; ``refused``: why signatures were. ``script``: what to do next
    instead of what it should: a status, ``{status, headers}``, the word *silent*, or
    bytes to answer with."""

    KEY, SECRET = "AKIAROBINSONTEST", "s3cr3t/Of+The=List"

    def __init__(self):
        self.present = {}
        self.requests = []
        self.refused = []
        self.script = []
        self.silence = 2.0

    def __enter__(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, content, headers = server.answer(self, body)
                with suppress(OSError):  # who asked may have gone
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        port = self._http.server_address[1]
        self.endpoint = f"http://127.0.0.1:{port}/v1/api/user"
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def answer(self, request, body):
        hashes = body.decode().split(",")
        self.requests.append(hashes)
        if self.script:
            step = self.script.pop(0)
            if step == "silent":
                time.sleep(self.silence)
                return 200, b"{}", {}
            if isinstance(step, bytes):
                return 200, step, {}
            if isinstance(step, dict):
                return step["status"], b"later", step["headers"]
            return step, b'{"message": "Internal server error"}', {}
        problem = self._refuse_signature(request, body)
        if problem:
            self.refused.append(problem)
            return 403, json.dumps({"message": problem}).encode(), {}
        if (
            len(hashes) > 60
            or len(set(hashes)) < len(hashes)
            or not all(re.fullmatch(r"[0-9a-f]{64}", one) for one in hashes)
        ):
            return 400, b'{"message": "Bad request"}', {}
        now = int(time.time() * 1000)
        answers = {}
        for one in hashes:
            sectors = self.present.get(one, [])
            said = f"{now}:{one}:{','.join(sectors)}:proof"
            answers[one] = {
                "found": one in self.present,
                "sectors": sectors,
                "signature": base64.b64encode(said.encode()).decode(),
            }
        return 200, json.dumps(answers).encode(), {}

    def _refuse_signature(self, request, body):
        headers = {name.lower(): value for name, value in request.headers.items()}
        match = re.fullmatch(
            r"AWS4-HMAC-SHA256 "
            r"Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
            r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
            headers.get("authorization", ""),
        )
        if not match:
            return "Missing Authentication Token"
        key, day, region, service, signed, signature = match.groups()
        stamp = headers.get("x-amz-date", "")
        if key != self.KEY:
            return "The security token included in the request is invalid."
        if (region, service) != (REGION, SERVICE) or not stamp.startswith(day):
            return "Credential should be scoped to a valid region."
        sent = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        if abs((datetime.now(timezone.utc) - sent).total_seconds()) > 300:
            return "Signature expired"
        signed = signed.split(";")
        if "host" not in signed:
            return "'Host' must be a 'SignedHeader'"
        expected = expected_signature(
            self.SECRET, request.command, request.path, headers, signed, body, stamp
        )
        if not hmac.compare_digest(expected, signature):
            return (
                "The request signature we calculated does not match the signature you "
                "provided."
            )
        return ""
