"""E-mail addresses: plausible or not. No look-up, no network."""

from __future__ import annotations

import re

from .reasons import Problem
from .text import clean_text, shown

# Letters of any script before the @ (RFC 6531: 'begoña@…' is an address);
# neither end nor pair of dots (RFC 5321 dot-string). Quoted local parts exist in
# the RFC and nowhere else.
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~ªº-]+(?:\.[\w!#$%&'*+/=?^`{|}~ªº-]+)*")
_LABEL = re.compile(r"[^\W_](?:[\w-]*[^\W_])?")
# nearly all of them; each is right by the rules above too
_USUAL = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}"
)
_ANGLE = re.compile(r"<([^<>]*@[^<>]*)>")


def check_email(raw: object) -> tuple[str | None, Problem | None]:
    """The address in lower case, or why there is none. Never raises.

    'Ana <ana@x.es>', 'mailto:' and a list ('a@x.es; b@x.es': the first plausible
    one) are taken. 'a@b' is refused: nobody's mail lives on a bare top domain.
    """
    if type(raw) is str and len(raw) <= 64 and _USUAL.fullmatch(raw):
        return raw.lower(), None
    written = shown(raw, 80)
    text = clean_text(raw)
    if not text:
        return None, Problem("email_empty", written)
    problem = None
    for part in _ANGLE.findall(text) or re.split(r"[;,\s/|]+(?=\S+@)", text):
        address = part.strip(" .,;:<>()[]\"'").lower().removeprefix("mailto:")
        code = _fault(address)
        if not code:
            return address, None
        problem = problem or Problem(code, written)
    return None, problem or Problem("email_format", written)


def _fault(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if not at or len(address) > 254 or len(local) > 64 or not _LOCAL.fullmatch(local):
        return "email_format"
    labels = domain.split(".")
    if len(labels) < 2 or len(domain) > 253:
        return "email_domain"
    if any(len(label) > 63 or not _LABEL.fullmatch(label) for label in labels):
        return "email_domain"
    top = labels[-1]
    if len(top) < 2 or not any(c.isalpha() for c in top) or "_" in domain:
        return "email_domain"
    return ""


def parse_email(raw: object) -> str | None:
    """``check_email`` without the reason."""
    return check_email(raw)[0]
