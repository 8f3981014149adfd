"""Which addresses are on the open net, by lists of our own.

Python's `is_global` has changed its mind between releases; these are IANA's registries
of special-purpose addresses, as of 2025.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings

Address = IPv4Address | IPv6Address

_CLOSED_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network, and unspecified
        "10.0.0.0/8",
        "100.64.0.0/10",  # between carriers and their customers
        "127.0.0.0/8",
        "168.63.129.16/32",  # public by its number, Azure's own host by its use
        "169.254.0.0/16",  # link-local, where clouds keep their secrets
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
#: All that is given out for the open net; loopback, private and link-local addresses,
#: multicast, and IPv4 written as IPv6 are beside it.
_OPEN_6 = IPv6Network("2000::/3")
_CLOSED_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocols, with Teredo, which has IPv4 addresses inside
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which has IPv4 addresses inside
        "3fff::/20",  # documentation
    )
)
#: Where the net has IPv6 alone, its gateway reaches IPv4 by these (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")


def read_address(text: str) -> Address | None:
    """Read an address as it is usually written; None for anything else."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_reachable(address: Address) -> bool:
    """Say whether an address may be called: it is public, or the operator allows it."""
    return is_public(address) or any(
        address in network for network in settings.WEBHOOK_ALLOWED_NETWORKS
    )


def is_public(address: Address) -> bool:
    """Say whether an address is one of the open net."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_4)
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _OPEN_6 and not any(address in net for net in _CLOSED_6)
