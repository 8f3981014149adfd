"""Finding the addresses of a server, once for each call, and none that is inside."""

from __future__ import annotations

import asyncio
import time
from ipaddress import ip_address
from typing import Any

import dns.asyncbackend
import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver
from django.conf import settings

from plunk.outbound.addresses import Address, is_reachable
from plunk.outbound.errors import Failed, Refused
from plunk.outbound.targets import INSIDE, Target, is_local

#: How long DNS is asked at most, and one name server before another is.
_MOST_SECONDS = 4.0
_TRY_SECONDS = 1.5
#: How long the second question may take after the first was answered.
_LATE_SECONDS = 0.5
_MOST_ADDRESSES = 8


def resolve(target: Target, *, deadline: float) -> list[Address]:
    """Return addresses that may be connected to, IPv4 first.

    Raises Refused where any one of them is inside: a name that is both is a trick or a
    mistake. Raises Failed where DNS knows none or says nothing by `deadline`, which is
    a time of `time.monotonic`.
    """
    addresses = _known(target) or _asked(target.host, deadline)
    if not all(is_reachable(address) for address in addresses):
        raise Refused(INSIDE)
    return addresses


def _known(target: Target) -> list[Address]:
    """Return the addresses of a target that need no DNS."""
    if is_local(target.host):
        return [ip_address("127.0.0.1")]
    return [target.address] if target.address is not None else []


def _asked(name: str, deadline: float) -> list[Address]:
    seconds = min(_MOST_SECONDS, deadline - time.monotonic())
    if seconds <= 0:
        raise Failed("DNS took too long.")
    try:
        # Nobody else runs a loop in the threads that call.
        addresses = asyncio.run(_ask(name, seconds))
    except dns.resolver.NXDOMAIN:
        raise Failed("DNS knows no server of this name.") from None
    except (dns.exception.DNSException, OSError, ValueError):
        raise Failed("DNS did not say where this server is.") from None
    if not addresses:
        raise Failed("DNS knows no address of this server.")
    return addresses[:_MOST_ADDRESSES]


async def _ask(name: str, seconds: float) -> list[Address]:
    """Ask for addresses of both kinds side by side.

    One kind is enough: some name servers never answer for the other.
    """
    resolver = _resolver()
    tasks = [
        asyncio.create_task(_ask_for(resolver, name, kind, seconds))
        for kind in ("A", "AAAA")
    ]
    done, pending = await asyncio.wait(
        tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
    )
    if pending and any(not task.exception() and task.result() for task in done):
        _, pending = await asyncio.wait(pending, timeout=_LATE_SECONDS)
    elif pending:
        _, pending = await asyncio.wait(pending, timeout=seconds)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    ended = [task for task in tasks if not task.cancelled()]
    found = [a for task in ended if not task.exception() for a in task.result()]
    errors = [error for task in ended if (error := task.exception())]
    if errors and not found:
        raise errors[0]
    return found


async def _ask_for(
    resolver: dns.asyncresolver.Resolver, name: str, kind: str, seconds: float
) -> list[Address]:
    answer: Any = await resolver.resolve(
        f"{name}.",
        kind,
        search=False,
        raise_on_no_answer=False,
        lifetime=seconds,
        backend=dns.asyncbackend.get_backend("asyncio"),
    )
    return [ip_address(record.address) for record in answer.rrset or ()]


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
