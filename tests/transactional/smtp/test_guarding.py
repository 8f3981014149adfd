"""Who may come in, and who has to wait."""

from __future__ import annotations

from itertools import pairwise

import pytest

from transactional.smtp import guarding
from transactional.smtp.guarding import Guard, place_of


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(guarding, "time", clock)
    return clock


@pytest.fixture
def guard() -> Guard:
    return Guard(connections=3, per_address=2)


def test_every_fifth_failure_makes_an_address_wait_twice_as_long(
    guard: Guard, clock: Clock
) -> None:
    pauses = []
    for number in range(60):
        must_wait = guard.failed("a")
        assert must_wait == (number % 5 == 4)
        if must_wait:
            pauses.append(guard.pause("a"))
            assert "try again in" in guard.enter("a")
            clock.now += pauses[-1]

    assert pauses[:4] == [15, 30, 60, 120]
    assert max(pauses) == pauses[-1] == 900
    assert all(after >= before for before, after in pairwise(pauses))
    assert guard.enter("a") == ""


def test_others_do_not_wait(guard: Guard) -> None:
    for _ in range(5):
        guard.failed("a")

    assert guard.enter("b") == ""


@pytest.mark.usefixtures("clock")
def test_who_knows_a_key_starts_anew(guard: Guard) -> None:
    for _ in range(4):
        guard.failed("a")
    guard.succeeded("a")

    assert not guard.failed("a")


def test_old_failures_are_forgotten(guard: Guard, clock: Clock) -> None:
    for _ in range(4):
        guard.failed("a")
    clock.now += 3601

    assert not guard.failed("a")


def test_memory_is_bounded(guard: Guard) -> None:
    for number in range(20_000):
        guard.failed(str(number))

    assert len(guard._records) == 10_000


def test_connections_are_counted(guard: Guard) -> None:
    assert [guard.enter(it) == "" for it in "aaabb"] == [True, True, False, True, False]

    guard.leave("a")
    assert guard.enter("b") == ""
    for place in "abb":
        guard.leave(place)
    assert not guard._connected


@pytest.mark.parametrize(
    ("peer", "place"),
    [
        (("203.0.113.7", 1), "203.0.113.7"),
        (("::ffff:203.0.113.7", 1, 0, 0), "203.0.113.7"),
        (("2001:db8:1:2:3:4:5:6", 1, 0, 0), "2001:db8:1:2::"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::"),
        ("/run/socket", ""),
        (None, ""),
        (("nonsense", 1), "nonsense"),
    ],
)
def test_a_place_is_an_address_or_a_network(peer: object, place: str) -> None:
    assert place_of(peer) == place
