"""Moments as people write them, and as we say them back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from campaigns.schedules import choices, in_words, on_clock, read_moment, zone_of
from plunk.api.errors import Invalid


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-03-29T09:30:00Z", "", "2026-03-29T09:30:00"),
        ("2026-03-29t09:30:00z", "", "2026-03-29T09:30:00"),
        ("2026-03-29T09:30:00.250+02:00", "", "2026-03-29T07:30:00.250000"),
        ("2026-03-29 09:30-0530", "", "2026-03-29T15:00:00"),
        ("2026-03-29T09:30:00.123456789Z", "", "2026-03-29T09:30:00.123456"),
        ("2026-07-01T09:30", "Europe/Berlin", "2026-07-01T07:30:00"),
        ("2026-07-01T09:30", "Asia/Kathmandu", "2026-07-01T03:45:00"),
        # The offset says it already.
        ("2026-07-01T09:30Z", "Europe/Berlin", "2026-07-01T09:30:00"),
        # Left out by the change to summer time: as long after the change.
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:30:00"),
        ("2026-03-29T02:00", "Europe/Berlin", "2026-03-29T01:00:00"),
        ("2026-03-29T03:30", "Europe/Berlin", "2026-03-29T01:30:00"),
        # Twice at the end of it: the first.
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30:00"),
        ("2026-10-25T03:00", "Europe/Berlin", "2026-10-25T02:00:00"),
        # Half an hour's change, and a whole day left out.
        ("2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-03T15:45:00"),
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-30T22:00:00"),
        ("2028-02-29T00:00", "UTC", "2028-02-29T00:00:00"),
    ],
)
def test_a_moment_is_read(text: str, zone: str, expected: str) -> None:
    moment = read_moment(text, zone)

    assert moment.tzinfo is UTC
    assert moment.replace(tzinfo=None) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        *[("2026-03-29T09:30:00", ""), ("2026-03-29", ""), ("2026-03-29", "UTC")],
        *[("", ""), ("tomorrow", "UTC"), ("1774775400", ""), ("2026-W13-7T09:30Z", "")],
        *[("10000-01-01T00:00:00Z", ""), ("+12026-01-01T00:00Z", "")],
        *[("2026-06-30T23:59:60Z", ""), ("2026-06-30T24:00Z", "")],
        *[
            ("2026-02-29T00:00Z", ""),
            ("2026-13-01T00:00Z", ""),
            ("0000-01-01T0:0Z", ""),
        ],
        *[("0001-01-01T00:00:00+14:00", ""), ("9999-12-31T23:59:59-12:00", "")],
        *[("2026-03-29T09:30:00+25:00", ""), ("2026-03-29T09:30:00+02:99", "")],
        ("9999-12-31T23:59", "America/New_York"),
        ("٢٠٢٦-03-29T09:30:00Z", ""),
        *[("2026-03-29T09:30Z\n2026", ""), ("2026-03-29T09:30Z\0", "")],
        *[
            ("2026-03-29T09:30", "Mars/Olympus"),
            ("2026-03-29T09:30", "../../etc/hosts"),
        ],
        *[("2026-03-29T09:30", "\0"), ("2026-03-29T09:30", "\ud800")],
        *[("2026-03-29T09:30", "America"), ("2026-03-29T09:30", "localtime")],
        *[("2026-03-29T09:30Z", "Mars/Olympus"), ("\ud800", "")],
        pytest.param("9" * 10_000, "", id="long"),
    ],
)
def test_what_is_no_moment_is_refused(text: str, zone: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_moment(text, zone)

    assert refused.value.errors[0].field == "scheduledFor"


@pytest.mark.parametrize(
    ("zone", "said", "clock"),
    [
        (
            "Europe/Berlin",
            "Sunday, 29 March 2026, 03:30 (Berlin, UTC+2)",
            "2026-03-29T03:30",
        ),
        (
            "America/Argentina/Buenos_Aires",
            "Saturday, 28 March 2026, 22:30 (Buenos Aires, Argentina, UTC−3)",
            "2026-03-28T22:30",
        ),
        (
            "Asia/Kathmandu",
            "Sunday, 29 March 2026, 07:15 (Kathmandu, UTC+5:45)",
            "2026-03-29T07:15",
        ),
        ("UTC", "Sunday, 29 March 2026, 01:30 (UTC)", "2026-03-29T01:30"),
        ("", "Sunday, 29 March 2026, 01:30 (UTC)", "2026-03-29T01:30"),
        ("Gone/Away", "Sunday, 29 March 2026, 01:30 (UTC)", "2026-03-29T01:30"),
    ],
)
def test_a_moment_is_said_in_its_zone(zone: str, said: str, clock: str) -> None:
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

    assert in_words(moment, zone) == said
    assert on_clock(moment, zone) == clock


def test_every_zone_to_choose_is_understood() -> None:
    names = [name for _, zones in choices() for name, _ in zones]

    assert {"UTC", "Europe/Berlin", "Asia/Kolkata"} <= set(names)
    assert len(names) == len(set(names)) > 300
    assert all(zone_of(name).key == name for name in names)
