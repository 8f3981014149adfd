"""Which opens and clicks no person made: rules alone, no database.

What counts is the set of a mail's opens and clicks and when the mail was delivered, so
the answer is the same in whatever order they were told. A program can look like a
person, and then counts as one; a person is rarely taken for a program.

**What cannot be told.** Apple's Mail fetches the pictures of every mail soon after it
arrives, read or not, if its privacy protection is on. All its opens say the same, so
those of people are among them, and are not counted. Clicks are not affected.

**Proxies that fetch when somebody looks** count as people: Gmail's names itself
`(via ggpht.com GoogleImageProxy)`, Yahoo's `YahooMailProxy`. They hide who looks, not
that somebody does.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from transactional.models import EmailEventKind


class Machine(StrEnum):
    """Why an open or click is taken for a machine's; kept with the event."""

    APPLE = "apple"
    SCANNER = "scanner"
    PREVIEW = "preview"
    PROGRAM = "program"
    NAMELESS = "nameless"
    HEAD = "head"
    PREFETCH = "prefetch"
    TOO_SOON = "too_soon"
    BURST = "burst"


WORDS: dict[str, str] = {
    Machine.APPLE: "Apple's privacy proxy",
    Machine.SCANNER: "a mail gateway's link scanner",
    Machine.PREVIEW: "a search engine or a link preview",
    Machine.PROGRAM: "a program, not a browser",
    Machine.NAMELESS: "a program that does not say what it is",
    Machine.HEAD: "a program that only asked whether the link works",
    Machine.PREFETCH: "a program that fetched it in advance",
    Machine.TOO_SOON: "sooner after delivery than anybody reads",
    Machine.BURST: "several links within one second",
}

#: What Mail Privacy Protection says, and nothing else does: no product, no system.
#: https://help.socketlabs.com/docs/identifying-apple-mpp-opens-in-notification-api-events
_APPLE = "Mozilla/5.0"

#: Words of user agents, the most telling first. Gateways that do not give themselves
#: away are found by their haste.
_TABLE: tuple[tuple[Machine, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(words, re.IGNORECASE))
    for reason, words in (
        (
            # Gateways and their sandboxes name themselves or their makers; the names
            # that Office asks by before it shows a link or opens one are documented as
            # "Microsoft Office Existence Discovery" and "… Protocol Discovery".
            Machine.SCANNER,
            r"barracuda|proofpoint|urldefense|mimecast|ironport|ciscosecureemail|tmes\b"
            r"|trend ?micro|symantec|messagelabs|sophos|forti(?:mail|guard|net)"
            r"|fireeye|trellix|zscaler|forcepoint|cloudmark|checkpoint|vade|hornet"
            r"|mailguard|safelinks|microsoft office (?:existence|protocol) discovery"
            r"|microsoft-webdav|ms-office-url|virustotal|urlscan",
        ),
        (
            # Robots say so (https://www.rfc-editor.org/rfc/rfc9309); some telephones
            # are called Cubot.
            Machine.PREVIEW,
            r"(?<!cu)bot(?![a-z])|crawl|spider|slurp|preview|facebookexternalhit"
            r"|whatsapp/|snap url|embedly|iframely|feedfetcher|mediapartners|archiver"
            r"|monitor(?:ing)?\b|uptime|validator",
        ),
        (
            # Libraries and browsers without a window, by their default names.
            Machine.PROGRAM,
            r"^(?:curl|wget|java|ruby|perl|php|go-http-client|node|axios|undici|deno"
            r"|apache-httpclient|libwww-perl|lwp|httpie|postman|insomnia|reqwest"
            r"|faraday|guzzle|aiohttp|httpx|winhttp|powershell)\b|python|scrapy"
            r"|headless|phantomjs|puppeteer|playwright|selenium|webdriver",
        ),
    )
)

#: A person has to see a mail before clicking in it: those faster are gateways that
#: follow every link before they let the mail through.
_CLICK_TAKES = timedelta(seconds=2)
_OPEN_TAKES = timedelta(seconds=1)
#: In which nobody clicks two different links.
_BURST = timedelta(seconds=1)
_READ_LENGTH = 1_000


@dataclass(frozen=True, slots=True)
class Deed:
    """One open or click, as far as it is known; None is unknown."""

    kind: str
    at: datetime
    link: str = ""
    user_agent: str | None = None
    method: str = "GET"
    is_prefetch: bool = False


def machine(deed: Deed, delivered_at: datetime | None = None) -> Machine | None:
    """Return why one open or click is a machine's by what it says, or None."""
    is_click = deed.kind == EmailEventKind.CLICK
    if named := _by_name(deed.user_agent):
        return named
    if deed.method == "HEAD":
        return Machine.HEAD
    if deed.is_prefetch:
        return Machine.PREFETCH
    takes = _CLICK_TAKES if is_click else _OPEN_TAKES
    if delivered_at and deed.at < delivered_at + takes:
        return Machine.TOO_SOON
    return None


def machines(
    deeds: Sequence[Deed], delivered_at: datetime | None = None
) -> list[Machine | None]:
    """Return why each of a mail's opens and clicks is a machine's, or None.

    In the order of `deeds`, and the same for each in any order.
    """
    bursts = _bursts(deeds)
    return [
        machine(deed, delivered_at) or (Machine.BURST if i in bursts else None)
        for i, deed in enumerate(deeds)
    ]


def _by_name(user_agent: str | None) -> Machine | None:
    if user_agent is None:
        return None
    name = user_agent[:_READ_LENGTH].strip()
    if not name:
        return Machine.NAMELESS
    if name == _APPLE:
        return Machine.APPLE
    for reason, words in _TABLE:
        if words.search(name):
            return reason
    return None


def _bursts(deeds: Sequence[Deed]) -> set[int]:
    """Return which clicks have another one, on another link, within a second."""
    clicks = sorted(
        (deed.at, i)
        for i, deed in enumerate(deeds)
        if deed.kind == EmailEventKind.CLICK
    )
    times = [at for at, _ in clicks]
    near: Tally[str] = Tally()
    found: set[int] = set()
    first = last = 0
    for at, i in clicks:
        until = bisect_right(times, at + _BURST)
        since = bisect_left(times, at - _BURST)
        near.update(deeds[j].link for _, j in clicks[last:until])
        near.subtract(deeds[j].link for _, j in clicks[first:since])
        first, last = since, until
        if until - since > near[deeds[i].link]:
            found.add(i)
    return found


def words_of(reason: object) -> str:
    """Return what kind of machine it was, in words; "" for a person."""
    return WORDS.get(reason, reason) if isinstance(reason, str) else ""
