"""The details of a draft."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from campaigns.models import Campaign
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign
from tests.campaigns.pages.conftest import Shown, fresh
from transactional.models import SenderAddress

pytestmark = pytest.mark.django_db

Post = Callable[..., Any]
FIELDS = {
    "name": "Summer",
    "description": "For July",
    "from_email": "",
    "from_name": "Ada",
    "reply_to": "R@Example.com",
    "kind": "TRANSACTIONAL",
    "tracks": "false",
    "deadline": "2031-07-01T09:30",
    "zone": "Europe/Berlin",
    "version": "1",
}


def test_all_of_them_are_saved(
    post: Post, make_campaign: MakeCampaign, project: Project
) -> None:
    SenderAddress.objects.create(project=project, email="ada@example.com", name="Ada")
    campaign = make_campaign()

    answer = post(f"{campaign.pk}/details/", FIELDS | {"from_email": "ada@example.com"})

    saved = fresh(campaign)
    assert answer["Location"].endswith(f"/{campaign.pk}/")
    assert (saved.name, saved.description, saved.from_email, saved.from_name) == (
        "Summer",
        "For July",
        "ada@example.com",
        "Ada",
    )
    assert (saved.reply_to, saved.kind, saved.tracks) == (
        "r@example.com",
        "TRANSACTIONAL",
        False,
    )
    assert saved.deadline_at == datetime(2031, 7, 1, 7, 30, tzinfo=UTC)


def test_what_is_taken_away_is_gone(post: Post, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign(
        deadline_at=datetime(2031, 7, 1, tzinfo=UTC), reply_to="r@example.com"
    )

    post(
        f"{campaign.pk}/details/",
        FIELDS | {"deadline": "", "reply_to": "", "tracks": ""},
    )

    saved = fresh(campaign)
    assert (saved.deadline_at, saved.reply_to, saved.tracks) == (None, "", None)


def test_the_page_shows_what_is_there(
    shown: Shown, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(
        description="<b>", deadline_at=datetime(2031, 7, 1, 9, 30, tzinfo=UTC)
    )

    page = shown(f"{campaign.pk}/details/")

    assert "&lt;b&gt;</textarea>" in page
    assert 'value="2031-07-01T09:30"' in page
    assert 'value="news@example.com" selected' in page
    assert 'data-zoned=""' in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": " "}, "This field is required."),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"name": "a\nb"}, "in one line"),
        ({"description": "x" * 501}, "at most 500 characters"),
        ({"from_email": "stranger@example.com"}, "Select a valid choice."),
        ({"from_name": "a\r\nBcc: x"}, "in one line"),
        ({"reply_to": "nobody"}, "errorlist"),
        ({"kind": "SPAM"}, "Select a valid choice."),
        ({"tracks": "perhaps"}, "Select a valid choice."),
        ({"deadline": "soon"}, "Expected a date and time"),
        ({"deadline": "2031-02-30T09:30"}, "There is no such date or time."),
        ({"deadline": "9999-12-31T23:59", "zone": "Pacific/Honolulu"}, "errorlist"),
        ({"zone": "Mars/Olympus"}, "Select a valid choice."),
        ({"version": "-1"}, "greater than or equal to 0"),
        ({"name": "a\x00b"}, "Null characters are not allowed."),
    ],
)
def test_what_cannot_be_is_told_and_not_saved(
    fields: dict[str, str], said: str, post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()

    answer = post(f"{campaign.pk}/details/", FIELDS | fields)

    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert fresh(campaign).version == 1


def test_who_was_slower_is_told(post: Post, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign(version=3)

    answer = post(f"{campaign.pk}/details/", FIELDS)

    assert "Somebody else has changed this campaign" in answer.content.decode()
    assert fresh(campaign).name == "Spring"


def test_a_sender_that_is_not_verified_is_told(
    post: Post, make_campaign: MakeCampaign, project: Project, settings: Settings
) -> None:
    SenderAddress.objects.create(project=project, email="a@unproven.example")
    settings.REQUIRES_VERIFIED_DOMAIN = True
    campaign = make_campaign()

    answer = post(
        f"{campaign.pk}/details/", FIELDS | {"from_email": "a@unproven.example"}
    )

    assert "is not verified for this project" in answer.content.decode()
    assert Campaign.objects.get().from_email == "news@example.com"
