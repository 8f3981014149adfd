"""What a campaign says, in the editor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from campaigns.lifecycle import schedule
from campaigns.models import CampaignState
from campaigns.variants import variant_of
from tests.campaigns.conftest import MakeCampaign
from tests.campaigns.pages.conftest import Shown, fresh
from tests.conftest import NOBODY

pytestmark = pytest.mark.django_db

Post = Callable[..., Any]
WRITTEN = {
    "name": "Summer",
    "description": "For July",
    "subject": "Iced",
    "preheader": "and cold",
    "body": "<p>Hi</p>",
    "style": "HTML",
    "kind": "HEADLESS",
    "from_email": "ada@example.com",
    "from_name": "Ada",
    "reply_to": "r@example.com",
    "tracks": "false",
    "version": "1",
}


def test_the_editor_has_what_is_written(
    shown: Shown, url: str, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(name="Spring", subject="Roasts", body="<p>Beans</p>")

    page = shown(f"{campaign.pk}/write/")

    assert 'value="Spring"' in page
    assert 'value="Roasts"' in page
    assert f"{url}/{campaign.pk}/write/" in page
    assert "Back to the campaign" in page
    assert '"template": ""' in page


def test_all_that_is_written_is_saved(post: Post, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign()

    answer = post(f"{campaign.pk}/write/", WRITTEN)

    saved = fresh(campaign)
    said = variant_of(saved, 1)
    assert answer.status_code == 200
    assert answer.json()["version"] == saved.version == 2
    assert (saved.name, saved.description, saved.kind) == (
        "Summer",
        "For July",
        "HEADLESS",
    )
    assert (saved.from_email, saved.from_name, saved.reply_to, saved.tracks) == (
        "ada@example.com",
        "Ada",
        "r@example.com",
        False,
    )
    assert (said.subject, said.preheader, said.body, said.style) == (
        "Iced",
        "and cold",
        "<p>Hi</p>",
        "HTML",
    )


def test_who_was_slower_is_told_which_version_is_newest(
    post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()
    post(f"{campaign.pk}/write/", {"subject": "Mine", "version": "1"})

    answer = post(f"{campaign.pk}/write/", {"subject": "Theirs", "version": "1"})

    assert (answer.status_code, answer.json()) == (409, {"version": 2})
    assert variant_of(campaign, 1).subject == "Mine"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"subject": "x" * 999}, "subject"),
        ({"subject": "a\r\nBcc: b@example.com"}, "subject"),
        ({"subject": "{{ broken"}, "subject"),
        ({"body": "{% if %}"}, "body"),
        ({"body": "a\x00b"}, "body"),
        ({"style": "WORD"}, "style"),
        ({"kind": "SPAM"}, "kind"),
        ({"from_email": "nobody"}, "from_email"),
        ({"reply_to": "nobody"}, "reply_to"),
        ({"tracks": "perhaps"}, "tracks"),
        ({"version": "x"}, "version"),
        ({"version": "9" * 30}, "version"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(
    fields: dict[str, str], field: str, post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()

    answer = post(f"{campaign.pk}/write/", {"version": "1"} | fields)

    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {field}
    assert fresh(campaign).version == 1


def test_a_sender_that_may_not_be_used_is_told_at_its_field(
    post: Post, make_campaign: MakeCampaign, settings: Settings
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True
    campaign = make_campaign(from_email="")

    answer = post(
        f"{campaign.pk}/write/", {"from_email": "a@unproven.example", "version": "1"}
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "from_email"


def test_what_is_scheduled_is_not_emptied(
    post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = schedule(make_campaign(), at=timezone.now() + timedelta(days=1))

    answer = post(f"{campaign.pk}/write/", {"subject": "", "version": "1"})

    assert answer.status_code == 422
    assert "no subject" in answer.json()["errors"][0]["message"]
    assert variant_of(campaign, 1).subject


def test_what_was_launched_is_not_changed(
    post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(state=CampaignState.SENDING)

    answer = post(f"{campaign.pk}/write/", {"subject": "Late", "version": "1"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == ""
    assert variant_of(campaign, 1).subject != "Late"


def test_a_campaign_that_never_was_is_not_found(post: Post) -> None:
    assert post(f"{NOBODY}/write/", WRITTEN).status_code == 404
