from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from automations.webhooks import retries

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_pauses_grow_and_last_for_more_than_a_day() -> None:
    assert all(first < second for first, second in pairwise(retries.PAUSES))
    assert sum(retries.PAUSES, timedelta()) > timedelta(hours=24)
    assert retries.MOST_TRIES == 11


def test_no_pause_is_shorter_than_it_should_be_and_no_two_are_alike() -> None:
    for tries, pause in enumerate(retries.PAUSES, start=1):
        found = {retries.pause_after(tries) for _ in range(50)}
        assert len(found) > 1
        assert all(one and pause <= one <= pause * 1.2 for one in found)


def test_after_the_last_try_it_is_given_up() -> None:
    assert retries.pause_after(retries.MOST_TRIES) is None
    assert retries.pause_after(99, asked=timedelta(1)) is None


def test_a_server_may_ask_for_more_time_within_bounds() -> None:
    asked = retries.pause_after(1, asked=timedelta(minutes=7))
    assert asked == timedelta(minutes=7)
    assert retries.pause_after(1, asked=timedelta(days=9)) == timedelta(hours=12)
    least = retries.pause_after(10, asked=timedelta(seconds=1))
    assert least is not None
    assert least >= timedelta(hours=12)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta()),
        ("Thu, 01 Jan 2026 00:10:00 GMT", timedelta(minutes=10)),
        ("Wed, 31 Dec 2025 00:00:00 GMT", timedelta()),
        ("9" * 400, timedelta(seconds=10**7)),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read(value: str, expected: timedelta | None) -> None:
    assert retries.read_retry_after(value, now=NOW) == expected
