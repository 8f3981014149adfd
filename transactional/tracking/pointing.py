"""Whether a project's host for links leads here, as far as DNS says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from django.conf import settings

from transactional.domains.nameservice import Outcome, Reply, ask_all

_SECONDS = 3.0
_NOTHING = Reply(Outcome.ABSENT)


class Pointing(StrEnum):
    """Where DNS says that a host leads."""

    HERE = "here"
    ELSEWHERE = "elsewhere"
    NOWHERE = "nowhere"
    #: DNS did not answer in time.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sight:
    """Where a host leads, and what DNS has for it instead of us."""

    state: Pointing
    found: tuple[str, ...] = ()


def our_host() -> str:
    """Return the name that a project's host is to point to."""
    return urlsplit(settings.APP_URI).hostname or ""


def look(host: str) -> Sight:
    """Ask DNS where a host leads; three seconds at most.

    To our name by a CNAME, or to one of our addresses. A proxy in between hides both.
    """
    ours = our_host()
    types = ("A", "AAAA")
    questions = [(host, "CNAME"), *((name, t) for name in (host, ours) for t in types)]
    replies = ask_all(questions, seconds=_SECONDS)
    aliases = replies.get((host, "CNAME"), _NOTHING).values
    addresses = _values(replies, host)
    if ours in aliases or addresses & _values(replies, ours):
        return Sight(Pointing.HERE)
    if found := (*aliases, *sorted(addresses)):
        return Sight(Pointing.ELSEWHERE, found[:5])
    is_silent = any(
        replies[question].outcome is Outcome.UNREACHABLE for question in questions[:3]
    )
    return Sight(Pointing.UNKNOWN if is_silent else Pointing.NOWHERE)


def _values(replies: dict[tuple[str, str], Reply], name: str) -> set[str]:
    return {
        value
        for rdtype in ("A", "AAAA")
        for value in replies.get((name, rdtype), _NOTHING).values
    }
