"""Asking DNS: whatever it does, an answer in time."""

from __future__ import annotations

import time

from pytest_django.fixtures import Settings

from tests.transactional.domains.nameserver import NameServer
from transactional.domains.nameservice import Outcome, ask_all

A = ("a.example.com", "TXT")


def test_a_text_in_several_pieces_is_one(nameserver: NameServer) -> None:
    nameserver.put("a.example.com", "TXT", '"v=spf1 " "include:x " "~all"')

    reply = ask_all([A], seconds=3)[A]

    assert (reply.outcome, reply.values) == (Outcome.FOUND, ("v=spf1 include:x ~all",))


def test_what_is_not_there_is_told_from_what_is_empty(nameserver: NameServer) -> None:
    nameserver.zones.append("example.com")
    nameserver.put("a.example.com", "MX", "10 mx.example.com.")

    empty, none = ask_all([A, ("b.example.com", "TXT")], seconds=3).values()

    assert empty.outcome is none.outcome is Outcome.ABSENT
    assert empty.zone == none.zone == "example.com"


def test_a_failing_server_says_nothing(nameserver: NameServer) -> None:
    nameserver.failing.add("example.com")

    assert ask_all([A], seconds=3)[A].outcome is Outcome.UNREACHABLE


def test_nonsense_says_nothing(nameserver: NameServer) -> None:
    nameserver.garbled.add("example.com")

    assert ask_all([A], seconds=1)[A].outcome is Outcome.UNREACHABLE


def test_a_silent_server_costs_the_time_that_was_given(nameserver: NameServer) -> None:
    nameserver.silent.add("example.com")
    nameserver.put("other.example.org", "TXT", '"here"')
    silent = [(f"{n}.example.com", "TXT") for n in range(300)]
    began = time.monotonic()

    replies = ask_all([*silent, ("other.example.org", "TXT")], seconds=1.5)

    # One after the other they would take minutes.
    assert time.monotonic() - began < 15
    assert {replies[one].outcome for one in silent} == {Outcome.UNREACHABLE}


def test_silence_about_one_keeps_nobody_else_waiting(nameserver: NameServer) -> None:
    nameserver.silent.add("example.com")
    nameserver.put("other.example.org", "TXT", '"here"')

    replies = ask_all([A, ("other.example.org", "TXT")], seconds=1)

    assert replies["other.example.org", "TXT"].values == ("here",)
    assert replies[A].outcome is Outcome.UNREACHABLE


def test_a_huge_text_comes_over_tcp_and_is_cut(nameserver: NameServer) -> None:
    pieces = " ".join(f'"{"x" * 250}"' for _ in range(60))
    nameserver.put("a.example.com", "TXT", pieces)

    (value,) = ask_all([A], seconds=3)[A].values

    assert nameserver.by_tcp == [A]
    assert len(value) == 4096


def test_many_values_are_cut(nameserver: NameServer) -> None:
    nameserver.put("a.example.com", "TXT", *(f'"{n}"' for n in range(90)))

    assert len(ask_all([A], seconds=3)[A].values) == 20


def test_strangers_bytes_become_text(nameserver: NameServer) -> None:
    nameserver.put("a.example.com", "TXT", r'"\000<b>\255\200"')

    (value,) = ask_all([A], seconds=3)[A].values

    assert value == r"<b>\xff\xc8"


def test_a_name_that_no_question_holds_says_nothing(nameserver: NameServer) -> None:
    long = ("x" * 64 + ".example.com", "TXT")

    assert ask_all([long], seconds=1)[long].outcome is Outcome.UNREACHABLE


def test_nobody_there_says_nothing(settings: Settings) -> None:
    settings.DNS_SERVERS = [("127.0.0.1", 1)]

    assert ask_all([A], seconds=1)[A].outcome is Outcome.UNREACHABLE
