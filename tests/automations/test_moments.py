from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from automations.moments import moment_of, next_time, read_cron, zone_of

BERLIN = zone_of("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "weekday", "expected"),
    [
        # A Sunday, the first of March.
        ("2026-03-01T12:00", 0, "2026-03-02T08:00"),
        ("2026-03-02T07:59", 0, "2026-03-02T08:00"),
        ("2026-03-02T08:00", 0, "2026-03-09T08:00"),
        ("2026-03-02T08:00", None, "2026-03-03T08:00"),
        # Clocks go forward on the 29th: nine in Berlin is seven in UTC then.
        ("2026-03-28T12:00", None, "2026-03-29T07:00"),
        # They go back on the 25th of October.
        ("2026-10-24T12:00", 6, "2026-10-25T08:00"),
    ],
)
def test_the_next_nine_oclock_in_berlin(
    after: str, weekday: int | None, expected: str
) -> None:
    found = next_time(at(after), weekday=weekday, at=time(9), zone=BERLIN)

    assert found == at(expected)


def test_a_time_that_clocks_skip_is_as_much_later() -> None:
    skipped = moment_of(datetime(2026, 3, 29, tzinfo=UTC).date(), time(2, 30), BERLIN)

    assert skipped == at("2026-03-29T01:30")


def test_a_time_that_comes_twice_is_the_first() -> None:
    twice = moment_of(datetime(2026, 10, 25, tzinfo=UTC).date(), time(2, 30), BERLIN)

    assert twice == at("2026-10-25T00:30")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # On the 25th of October two o'clock comes at 0:00 and at 1:00 UTC.
        ("15 * * * *", ["T00:15", "T01:15", "T02:15"]),
        ("15 2,3 * * *", ["T00:15", "T02:15"]),
    ],
)
def test_every_hour_is_also_the_one_that_comes_twice(
    schedule: str, expected: list[str]
) -> None:
    found = []
    moment: datetime | None = at("2026-10-24T23:59")
    for _ in expected:
        assert moment is not None
        moment = read_cron(schedule).after(moment, BERLIN)
        found.append(moment)

    assert found == [at(f"2026-10-25{text}") for text in expected]


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("*/15 * * * *", "2026-03-01T12:01", "2026-03-01T12:15"),
        ("0 9 * * 1-5", "2026-03-06T10:00", "2026-03-09T09:00"),
        ("0 9 * * mon,thu", "2026-03-09T09:00", "2026-03-12T09:00"),
        ("0 0 1 * *", "2026-03-01T00:00", "2026-04-01T00:00"),
        ("0 0 29 2 *", "2026-03-01T00:00", "2028-02-29T00:00"),
        ("30 8 13 * 5", "2026-03-01T00:00", "2026-03-06T08:30"),
        ("0 12 * * 7", "2026-03-02T00:00", "2026-03-08T12:00"),
        ("0 0 1 jan-mar/2 *", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("@daily", "2026-03-01T12:00", "2026-03-02T00:00"),
    ],
)
def test_a_schedule_comes_next(schedule: str, after: str, expected: str) -> None:
    assert read_cron(schedule).after(at(after), zone_of("UTC")) == at(expected)


def test_a_schedule_keeps_to_the_wall_clock() -> None:
    nine = read_cron("0 9 * * *")

    assert nine.after(at("2026-03-28T12:00"), BERLIN) == at("2026-03-29T07:00")


def test_a_day_that_never_comes_is_none() -> None:
    assert read_cron("0 0 30 2 *").after(at("2026-03-01T00:00"), BERLIN) is None


@pytest.mark.parametrize(
    "schedule",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "a * * * *",
        "-1 * * * *",
        "١ * * * *",
        "1,,2 * * * *",
        "9" * 99 + " * * * *",
    ],
)
def test_what_is_no_schedule_says_so(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_cron(schedule)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "\x00", "UTC "])
def test_what_is_no_zone_says_so(name: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        zone_of(name)
