"""Asking DNS many questions at once, within a few seconds whatever it does.

All questions are asked side by side, so that a name server that never answers keeps
nobody waiting but its own domain. The answers are strangers' texts: they are bounded
here and escaped where they are shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import dns.asyncbackend
import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver
from django.conf import settings

#: How long one name server is given before it is asked again, or the next one is.
_TRY_SECONDS = 1.5
_MOST_AT_ONCE = 100
_MOST_VALUES, _MOST_CHARACTERS = 20, 4096

#: A name and the type of record that is asked for.
Question = tuple[str, str]


class Outcome(Enum):
    """Whether there is an answer, and whether it is that nothing is there."""

    FOUND = auto()
    ABSENT = auto()
    UNREACHABLE = auto()


@dataclass(frozen=True, slots=True)
class Reply:
    """What DNS said: every record as a text, and the zone that a name belongs to."""

    outcome: Outcome
    values: tuple[str, ...] = ()
    zone: str = ""


UNREACHABLE = Reply(Outcome.UNREACHABLE)


def ask_all(
    questions: Collection[Question], *, seconds: float
) -> dict[Question, Reply]:
    """Return a reply to each question after at most so many seconds."""
    if not questions:
        return {}
    # A thread of its own: the caller's may have an event loop already.
    with ThreadPoolExecutor(1, thread_name_prefix="dns") as thread:
        return thread.submit(asyncio.run, _ask_all(questions, seconds)).result()


async def _ask_all(
    questions: Collection[Question], seconds: float
) -> dict[Question, Reply]:
    try:
        resolver = _resolver()
    except dns.exception.DNSException:
        # The system names no server at all.
        return dict.fromkeys(questions, UNREACHABLE)
    deadline = asyncio.get_running_loop().time() + seconds
    turn = asyncio.Semaphore(_MOST_AT_ONCE)

    async def bounded(question: Question) -> Reply:
        try:
            async with asyncio.timeout_at(deadline), turn:
                return await _ask(resolver, question, seconds)
        except TimeoutError:
            return UNREACHABLE

    ordered = list(dict.fromkeys(questions))
    replies = await asyncio.gather(*(bounded(question) for question in ordered))
    return dict(zip(ordered, replies, strict=True))


async def _ask(
    resolver: dns.asyncresolver.Resolver, question: Question, seconds: float
) -> Reply:
    name, rdtype = question
    try:
        answer = await resolver.resolve(
            name,
            rdtype,
            search=False,
            raise_on_no_answer=False,
            lifetime=seconds,
            backend=dns.asyncbackend.get_backend("asyncio"),
        )
    except dns.resolver.NXDOMAIN as error:
        responses = error.kwargs.get("responses", {})
        zones = (_zone(response) for response in responses.values())
        return Reply(Outcome.ABSENT, zone=next(filter(None, zones), ""))
    except (dns.exception.DNSException, OSError, ValueError):
        # No server, SERVFAIL, nonsense or silence: nothing is known.
        return UNREACHABLE
    zone = _zone(answer.response)
    values = sorted(_text(rdata) for rdata in answer.rrset or ())
    if not values:
        return Reply(Outcome.ABSENT, zone=zone)
    return Reply(Outcome.FOUND, tuple(values[:_MOST_VALUES]), zone)


def _resolver() -> dns.asyncresolver.Resolver:
    """Return a resolver of the configured name servers, else of the system's."""
    resolver = dns.asyncresolver.Resolver(configure=not settings.DNS_SERVERS)
    if settings.DNS_SERVERS:
        resolver.nameservers = [
            dns.nameserver.Do53Nameserver(host, port)
            for host, port in settings.DNS_SERVERS
        ]
    resolver.timeout = _TRY_SECONDS
    resolver.use_edns(0, 0, 1232)
    return resolver


def _zone(response: Any) -> str:
    """Return the apex of the zone that answered, as its SOA record names it."""
    for rrset in (*response.answer, *response.authority):
        if rrset.rdtype == dns.rdatatype.SOA:
            return str(rrset.name).rstrip(".").lower()
    return ""


def _text(rdata: Any) -> str:
    if rdata.rdtype == dns.rdatatype.TXT:
        # A long text comes in pieces that belong together (RFC 7208 3.3).
        text = b"".join(rdata.strings).decode("utf-8", "backslashreplace")
    elif rdata.rdtype == dns.rdatatype.MX:
        text = f"{rdata.preference} {_host(rdata.exchange)}"
    elif rdata.rdtype == dns.rdatatype.CNAME:
        text = _host(rdata.target)
    else:
        text = rdata.to_text()
    return text[:_MOST_CHARACTERS].replace("\x00", "")


def _host(name: Any) -> str:
    return str(name).rstrip(".").lower()
