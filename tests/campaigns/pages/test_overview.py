"""A campaign before it goes, and what may be done with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import drafts
from campaigns.lifecycle import schedule
from campaigns.models import Campaign, CampaignState, Variant
from contacts.segments.counting import TookTooLong
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign, people
from tests.campaigns.pages.conftest import Shown, fresh
from tests.conftest import NOBODY

pytestmark = pytest.mark.django_db

Post = Callable[..., Any]


def test_what_is_ready_can_be_sent(shown: Shown, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign(name="Spring <b>", subject="Roasts <b>")

    page = shown(f"{campaign.pk}/")

    assert "Spring &lt;b&gt;" in page
    assert "Roasts &lt;b&gt;" in page
    assert "Ready to send" in page
    assert f"{campaign.pk}/send/" in page
    assert f"{campaign.pk}/schedule/" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"subject": " "}, "It has no subject yet."),
        ({"body": ""}, "Nothing is written in it yet."),
        ({"audience_type": "SEGMENT"}, "Its segment was deleted"),
        ({"audience_type": "RECIPIENTS"}, "Nobody is chosen yet."),
        ({"from_email": "no address"}, "Not ready"),
        (
            {
                "audience_type": "FILTERED",
                "condition": {
                    "logic": "AND",
                    "groups": [
                        {
                            "filters": [
                                {
                                    "field": f"segment.{NOBODY}",
                                    "operator": "memberOfSegment",
                                }
                            ]
                        }
                    ],
                },
            },
            "Not ready",
        ),
    ],
)
def test_what_is_missing_is_told_and_nothing_can_be_sent(
    fields: dict[str, Any], said: str, shown: Shown, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(**fields)

    page = shown(f"{campaign.pk}/")

    assert said in page
    assert "Ready to send" not in page
    assert f"{campaign.pk}/send/" not in page


def test_when_it_goes_out_is_told(shown: Shown, make_campaign: MakeCampaign) -> None:
    campaign = schedule(
        make_campaign(), at=timezone.now() + timedelta(days=3), zone="Europe/Berlin"
    )

    page = shown(f"{campaign.pk}/")

    assert "It goes out" in page
    assert "(Berlin, UTC+" in page
    assert "Take it off the schedule" in page
    assert f"{campaign.pk}/delete/" not in page


def test_the_audience_is_counted_beside_the_page(
    member: Client, url: str, project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 3)
    campaign = make_campaign()

    part = member.get(f"{url}/{campaign.pk}/size/", HTTP_HX_REQUEST="true")
    whole = member.get(f"{url}/{campaign.pk}/size/")

    assert "3</span>" in part.content.decode()
    assert "contacts would get it now" in part.content.decode()
    assert whole["Location"].endswith(f"/{campaign.pk}/")
    assert fresh(campaign).audience_count == 3


def test_an_audience_of_nobody_is_not_called_ready(
    shown: Shown, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(audience_count=0)

    assert "Nobody</span>" in shown(f"{campaign.pk}/")


def test_a_count_that_takes_too_long_is_answered_in_words(
    member: Client,
    url: str,
    make_campaign: MakeCampaign,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow(*_: Any, **__: Any) -> int:
        raise TookTooLong

    monkeypatch.setattr(drafts, "bounded", slow)
    campaign = make_campaign()

    part = member.get(f"{url}/{campaign.pk}/size/", HTTP_HX_REQUEST="true")

    assert "takes longer than a page should wait" in part.content.decode()


def test_the_mail_is_shown_as_a_reader_would_see_it(
    member: Client, url: str, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(body="<p>Hello {{ firstName }}</p><script>x</script>")

    answer = member.get(f"{url}/{campaign.pk}/html/")

    assert "Hello Ada" in answer.content.decode()
    assert answer["Content-Security-Policy"].startswith("sandbox;")


def test_a_campaign_that_never_was_is_not_found(member: Client, url: str) -> None:
    assert member.get(f"{url}/{NOBODY}/").status_code == 404


# -- copies, the archive, the end ------------------------------------------------------
def test_a_copy_is_a_draft_of_its_own(post: Post, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign(name="Spring", state=CampaignState.SENT)

    answer = post(f"{campaign.pk}/duplicate/")

    copy = Campaign.objects.exclude(pk=campaign.pk).get()
    assert answer["Location"].endswith(f"/{copy.pk}/")
    assert (copy.name, copy.state) == ("Spring (Copy)", CampaignState.DRAFT)


def test_it_goes_to_the_archive_and_comes_back(
    post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()

    post(f"{campaign.pk}/archive/")
    is_away = fresh(campaign).archived_at is not None
    post(f"{campaign.pk}/unarchive/")

    assert is_away
    assert fresh(campaign).archived_at is None


def test_what_is_under_way_is_not_archived(
    post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(state=CampaignState.SENDING)

    post(f"{campaign.pk}/archive/")

    assert fresh(campaign).archived_at is None


def test_a_draft_is_deleted_after_a_question(
    shown: Shown, post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(name="Idea")

    asked = shown(f"{campaign.pk}/delete/")
    post(f"{campaign.pk}/delete/")

    assert "cannot be undone" in asked
    assert not Campaign.objects.exists()
    assert not Variant.objects.exists()


@pytest.mark.parametrize("state", [CampaignState.SCHEDULED, CampaignState.SENT])
def test_what_is_no_draft_stays(
    state: CampaignState, shown: Shown, post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(state=state)

    asked = shown(f"{campaign.pk}/delete/")
    answer = post(f"{campaign.pk}/delete/")

    assert "cannot be deleted" in asked
    assert answer.status_code == 200
    assert Campaign.objects.exists()


@pytest.mark.parametrize("page", ["audience", "details", "send", "schedule", "write"])
def test_once_launched_it_is_not_changed_any_more(
    page: str, member: Client, url: str, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(state=CampaignState.SENDING)

    answer = member.get(f"{url}/{campaign.pk}/{page}/")

    assert answer.status_code == 302
    assert answer["Location"].endswith(f"/{campaign.pk}/")
