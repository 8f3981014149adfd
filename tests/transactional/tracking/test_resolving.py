from __future__ import annotations

from typing import Any

import pytest

from transactional.tracking.resolving import (
    Counter,
    configuration_set,
    counter,
    is_tracked,
)


@pytest.fixture(autouse=True)
def both_sets(settings: Any) -> None:
    settings.AWS_SES_CONFIGURATION_SET = "counts"
    settings.SES_CONFIGURATION_SET_NO_TRACKING = "silent"


@pytest.mark.parametrize(
    ("mode", "kind", "expected"),
    [
        ("ENABLED", "TRANSACTIONAL", True),
        ("ENABLED", "MARKETING", True),
        ("DISABLED", "TRANSACTIONAL", False),
        ("DISABLED", "MARKETING", False),
        ("MARKETING_ONLY", "TRANSACTIONAL", False),
        ("MARKETING_ONLY", "MARKETING", True),
        ("MARKETING_ONLY", "HEADLESS", True),
    ],
)
def test_the_project_decides(mode: str, kind: str, *, expected: bool) -> None:
    assert is_tracked(tracks=None, mode=mode, kind=kind) is expected


@pytest.mark.parametrize("mode", ["ENABLED", "DISABLED", "MARKETING_ONLY"])
@pytest.mark.parametrize("tracks", [True, False])
def test_the_mail_decides_over_the_project(mode: str, *, tracks: bool) -> None:
    assert is_tracked(tracks=tracks, mode=mode, kind="TRANSACTIONAL") is tracks


@pytest.mark.parametrize(
    ("tracks", "tracker", "expected", "name"),
    [
        (True, "SES", Counter.SES, "counts"),
        (True, "OWN", Counter.OWN, "silent"),
        (False, "SES", Counter.NOBODY, "silent"),
        (False, "OWN", Counter.NOBODY, "silent"),
    ],
)
def test_only_what_ses_counts_goes_by_the_set_that_counts(
    tracker: str, expected: Counter, name: str, *, tracks: bool
) -> None:
    who = counter(tracks=tracks, kind="MARKETING", mode="ENABLED", tracker=tracker)

    assert who is expected
    assert configuration_set(who) == name


@pytest.mark.parametrize("tracker", ["SES", "OWN"])
@pytest.mark.parametrize("tracks", [True, False, None])
def test_without_a_second_set_ses_counts_and_nobody_else(
    settings: Any, tracker: str, *, tracks: bool | None
) -> None:
    settings.SES_CONFIGURATION_SET_NO_TRACKING = ""

    who = counter(tracks=tracks, kind="MARKETING", mode="DISABLED", tracker=tracker)

    assert who is Counter.SES
    assert configuration_set(who) == "counts"
