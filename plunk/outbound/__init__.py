"""The one HTTP client for addresses that strangers chose.

It reaches the open net and nothing inside: a name is resolved once, every address it
has is checked, and the connection goes to exactly the address that was checked
(docs/adr/0025).

answer = call(Request("POST", "https://example.com/hook", {}, b"{}"), seconds=10)
"""

from __future__ import annotations

from plunk.outbound.asking import MOST_BYTES, Answer, Request, call
from plunk.outbound.errors import Failed, Redirected, Refused
from plunk.outbound.headers import check_header
from plunk.outbound.targets import Target, check_target, read_target

__all__ = [
    "MOST_BYTES",
    "Answer",
    "Failed",
    "Redirected",
    "Refused",
    "Request",
    "Target",
    "call",
    "check_header",
    "check_target",
    "read_target",
]
