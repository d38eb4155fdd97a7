"""The number that we show when we call (CLI).

Orden TDF/149/2025 arts. 9 and 10: no mobile numbers for customer service or
unsolicited commercial calls; 800 and 900 are good for both. Ley 10/2025 art. 16.3:
commercial calls and customer service have different codes; the one for commercial
calls is 400 from a day that is a setting (``Rules.cli_400_from``), because its
resolution was not final when this was written.
"""

from __future__ import annotations

import re
from datetime import date

from .facts import Finding, Rules

_MOBILE = re.compile(r"\+34[67]")
_GEOGRAPHIC = re.compile(r"\+34[89][1-8]")
_400 = re.compile(r"\+34400")


def caller_kind(e164: str) -> str:
    """'mobile', '400', 'geographic', or '' for the rest and for none."""
    for kind, pattern in (
        ("mobile", _MOBILE),
        ("400", _400),
        ("geographic", _GEOGRAPHIC),
    ):
        if pattern.match(e164 or ""):
            return kind
    return ""


def check_caller(
    e164: str, purpose: str, on: date, rules: Rules
) -> tuple[Finding | None, Finding | None]:
    """What stands against showing this number in a call for this purpose on this
    day: (what forbids it, what to warn of), each None if nothing does. An unknown
    number ('') is not judged."""
    kind = caller_kind(e164)
    if kind == "mobile":
        return Finding("cli_mobile"), None
    if kind == "400" and purpose == "service":
        return Finding("cli_400_service"), None
    if kind == "geographic" and purpose == "commercial":
        since = rules.cli_400_from
        if since is None:
            return None, Finding("cli_geographic")
        finding = Finding("cli_400_due", (("day", since.isoformat()),))
        return (finding, None) if on >= since else (None, finding)
    return None, None
