from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from pytest_django.fixtures import Settings

from plunk.outbound.addresses import is_public, is_reachable

INSIDE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255
127.0.0.1 127.255.255.254 168.63.129.16 169.254.0.1 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255
198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255
:: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8
64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::8.8.8.8 100::1
2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
2002:7f00:1::1 2002:a00:1::1 2002:808:808::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254
fdff::1 fe80::1 fe80::1%eth0 2606:4700::1%eth0 fec0::1 ff02::1 ff0e::1
"""
OUTSIDE = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255
128.0.0.1 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0
192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
2001:200::1 2606:4700:4700::1111 2a00:1450::1 2003::1 64:ff9b::8.8.8.8
"""


@pytest.mark.parametrize("text", INSIDE.split())
def test_an_address_inside_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", OUTSIDE.split())
def test_an_address_of_the_open_net_is_public(text: str) -> None:
    assert is_public(ip_address(text))


def test_the_operator_may_allow_a_network_and_no_more(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [
        ip_network("10.1.0.0/16"),
        ip_network("fd00::/8"),
    ]

    assert is_reachable(ip_address("10.1.2.3"))
    assert is_reachable(ip_address("fd00::1"))
    assert is_reachable(ip_address("8.8.8.8"))
    assert not is_reachable(ip_address("10.2.0.1"))
    assert not is_reachable(ip_address("::ffff:10.1.2.3"))
    assert not is_reachable(ip_address("127.0.0.1"))


def test_nothing_inside_is_allowed_unless_somebody_says_so(settings: Settings) -> None:
    assert settings.WEBHOOK_ALLOWED_NETWORKS == []
