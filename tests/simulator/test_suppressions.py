"""The account-level suppression list, through Amazon's own client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.conftest import send


def listed(sesv2: Any, **asked: Any) -> list[tuple[str, str]]:
    found = sesv2.list_suppressed_destinations(**asked)
    return [
        (one["EmailAddress"], one["Reason"])
        for one in found["SuppressedDestinationSummaries"]
    ]


def put(sesv2: Any, email: str, reason: str = "BOUNCE") -> None:
    sesv2.put_suppressed_destination(EmailAddress=email, Reason=reason)


def test_an_address_is_put_found_and_taken_off(sesv2: Any) -> None:
    put(sesv2, "a/b+c@example.com")
    put(sesv2, "a/b+c@example.com", "COMPLAINT")

    found = sesv2.get_suppressed_destination(EmailAddress="a/b+c@example.com")
    before = listed(sesv2)
    sesv2.delete_suppressed_destination(EmailAddress="a/b+c@example.com")

    assert found["SuppressedDestination"]["Reason"] == "COMPLAINT"
    assert isinstance(found["SuppressedDestination"]["LastUpdateTime"], datetime)
    assert before == [("a/b+c@example.com", "COMPLAINT")]
    assert listed(sesv2) == []
    with pytest.raises(sesv2.exceptions.NotFoundException):
        sesv2.delete_suppressed_destination(EmailAddress="a/b+c@example.com")
    with pytest.raises(sesv2.exceptions.NotFoundException):
        sesv2.get_suppressed_destination(EmailAddress="a/b+c@example.com")


def test_the_list_comes_in_pages_by_reason_and_time(sesv2: Any) -> None:
    for name in "abc":
        put(sesv2, f"{name}@example.com")
    put(sesv2, "d@example.com", "COMPLAINT")
    now = datetime.now(UTC)

    first = sesv2.list_suppressed_destinations(PageSize=3)
    second = sesv2.list_suppressed_destinations(
        PageSize=3, NextToken=first["NextToken"]
    )

    assert len(first["SuppressedDestinationSummaries"]) == 3
    assert len(second["SuppressedDestinationSummaries"]) == 1
    assert "NextToken" not in second
    assert listed(sesv2, Reasons=["COMPLAINT"]) == [("d@example.com", "COMPLAINT")]
    assert listed(sesv2, StartDate=now + timedelta(hours=1)) == []
    assert len(listed(sesv2, StartDate=now - timedelta(hours=1))) == 4
    assert listed(sesv2, EndDate=now - timedelta(hours=1)) == []


@pytest.mark.parametrize(
    ("email", "reason"), [("x", "BOUNCE"), ("a@example.com", "MANUAL")]
)
def test_what_ses_does_not_know_is_refused(sesv2: Any, email: str, reason: str) -> None:
    with pytest.raises(ClientError, match="BadRequest"):
        put(sesv2, email, reason)


def test_mail_to_a_suppressed_address_leaves_all_the_same(sesv2: Any) -> None:
    put(sesv2, "ada@example.com")

    assert send(sesv2, "ada@example.com")
