"""Sending a campaign, and scheduling it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from campaigns import preflight
from campaigns.lifecycle import schedule
from campaigns.models import Campaign, CampaignState, Run
from campaigns.pages import leaving
from campaigns.pages.leaving import meaning_of
from contacts import jobs
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign, people
from tests.campaigns.pages.conftest import Shown, fresh

pytestmark = pytest.mark.django_db

Post = Callable[..., Any]


# -- now -------------------------------------------------------------------------------
def test_before_it_is_sent_it_is_said_what_happens(
    shown: Shown, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(name="Spring <b>", audience_count=1234)

    page = shown(f"{campaign.pk}/send/")

    assert "Send “Spring &lt;b&gt;” now?" in page
    assert "news@example.com" in page
    assert "News for {{ name ?? you }}" in page
    assert "cannot be called back" in page
    assert "to about 1,234 contacts" in page


def test_it_is_sent_once(
    post: Post, make_campaign: MakeCampaign, project: Project
) -> None:
    people(project, 2)
    campaign = make_campaign()

    first = post(f"{campaign.pk}/send/", {"version": "1"})
    second = post(f"{campaign.pk}/send/", {"version": "1"})

    assert first["Location"].endswith(f"/{campaign.pk}/")
    assert second.status_code == 302
    assert fresh(campaign).state == CampaignState.SENDING
    assert Run.objects.count() == 1


@pytest.mark.parametrize("version", ["", "2", "x"])
def test_what_was_changed_meanwhile_is_looked_at_again(
    version: str, post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()

    answer = post(f"{campaign.pk}/send/", {"version": version})

    assert answer["Location"].endswith(f"/{campaign.pk}/send/")
    assert fresh(campaign).state == CampaignState.DRAFT


def test_what_is_not_ready_is_not_sent(
    shown: Shown, post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(subject="")

    page = shown(f"{campaign.pk}/send/")
    post(f"{campaign.pk}/send/", {"version": "1"})

    assert "It has no subject yet." in page
    assert "Send it now" not in page
    assert fresh(campaign).state == CampaignState.DRAFT


# -- later -----------------------------------------------------------------------------
def test_it_is_scheduled_in_somebodys_zone(
    post: Post, make_campaign: MakeCampaign
) -> None:
    at = (timezone.now() + timedelta(days=30)).strftime("%Y-%m-%d")
    campaign = make_campaign()

    answer = post(
        f"{campaign.pk}/schedule/", {"at": f"{at}T12:00", "zone": "Asia/Tokyo"}
    )

    saved = fresh(campaign)
    assert answer["Location"].endswith(f"/{campaign.pk}/")
    assert saved.state == CampaignState.SCHEDULED
    assert saved.schedule_zone == "Asia/Tokyo"
    assert saved.scheduled_at == datetime.fromisoformat(f"{at}T03:00+00:00")


def test_the_time_is_moved_and_taken_away(
    shown: Shown, post: Post, make_campaign: MakeCampaign
) -> None:
    at = timezone.now() + timedelta(days=3)
    campaign = schedule(make_campaign(), at=at, zone="Asia/Tokyo")

    page = shown(f"{campaign.pk}/schedule/")
    later = (at + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M")
    post(f"{campaign.pk}/schedule/", {"at": later, "zone": "UTC"})
    moved = fresh(campaign).scheduled_at
    post(f"{campaign.pk}/unschedule/")

    assert 'value="Asia/Tokyo" selected' in page
    assert moved is not None
    assert moved.strftime("%Y-%m-%dT%H:%M") == later
    assert fresh(campaign).state == CampaignState.DRAFT


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "This field is required."),
        ({"at": "soon"}, "Expected a date and time"),
        ({"at": "2001-01-01T09:00"}, "Is in the past."),
        ({"at": "2999-01-01T09:00"}, "more than two years away"),
        ({"at": "2031-13-01T09:00"}, "There is no such date or time."),
        ({"at": "2031-01-01T09:00", "zone": "Mars/Olympus"}, "Select a valid choice."),
        ({"at": "x" * 50}, "at most 40 characters"),
        ({"at": "2031\x00"}, "Null characters are not allowed."),
    ],
)
def test_a_time_that_cannot_be_is_told(
    fields: dict[str, str], said: str, post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()

    answer = post(f"{campaign.pk}/schedule/", fields)

    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert fresh(campaign).state == CampaignState.DRAFT


def test_what_is_not_ready_is_not_scheduled(
    post: Post, make_campaign: MakeCampaign
) -> None:
    at = (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    campaign = make_campaign(body="")

    answer = post(f"{campaign.pk}/schedule/", {"at": at, "zone": "UTC"})

    assert "no content yet" in answer.content.decode()
    assert fresh(campaign).state == CampaignState.DRAFT


def test_only_what_is_scheduled_is_taken_off_the_schedule(
    post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(state=CampaignState.SENDING)

    post(f"{campaign.pk}/unschedule/")

    assert fresh(campaign).state == CampaignState.SENDING


# -- what a time means -----------------------------------------------------------------
@pytest.fixture
def in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Clock:
            return cls(2026, 11, 1, 12, tzinfo=tz)

    monkeypatch.setattr(leaving, "datetime", Clock)


@pytest.mark.parametrize(
    ("text", "zone", "at", "note"),
    [
        ("2026-11-20T09:00", "Europe/Berlin", "2026-11-20T08:00", ""),
        ("2026-11-20T09:00", "UTC", "2026-11-20T09:00", ""),
        (
            "2027-03-28T02:30",
            "Europe/Berlin",
            "2027-03-28T01:30",
            "there is no 02:30: it goes out at 03:30",
        ),
        (
            "2027-10-31T02:30",
            "Europe/Berlin",
            "2027-10-31T00:30",
            "02:30 comes twice: it goes out the first time",
        ),
        (
            "2027-06-01T09:00",
            "America/New_York",
            "2027-06-01T13:00",
            "Clocks there change before then",
        ),
    ],
)
def test_a_time_is_said_in_its_zone_and_changes_of_clocks_are_explained(
    text: str, zone: str, at: str, note: str, in_november: None
) -> None:
    meaning = meaning_of(text, zone)

    assert meaning.at == datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert note in meaning.note
    assert bool(meaning.note) == bool(note)
    assert bool(meaning.in_utc) == (zone != "UTC")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, ""),
        ({"at": "2031-01-01T09:00", "zone": "Asia/Tokyo"}, "00:00 (UTC)"),
        ({"at": "2001-01-01T09:00"}, "That is past."),
        ({"at": "2031-01-01T09:00", "zone": "Mars/Olympus"}, "no such time zone"),
        ({"at": "\x00"}, "Expected a date and time"),
        ({"at": "x" * 5000, "zone": "y" * 5000}, "Expected a date and time"),
    ],
)
def test_the_page_asks_what_a_time_means(
    query: dict[str, str],
    said: str,
    member: Client,
    url: str,
    make_campaign: MakeCampaign,
) -> None:
    campaign = make_campaign()

    answer = member.get(f"{url}/{campaign.pk}/schedule/words/", query)

    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert bool(answer.content.strip()) == bool(query)


# -- what a check has found ------------------------------------------------------------
def broken(project: Project, make_campaign: MakeCampaign) -> Campaign:
    """Check a campaign that says something nobody has."""
    people(project, 2)
    campaign = make_campaign(subject="News for {{ nickname }}")
    preflight.start(campaign)
    while jobs.work(seconds=60):
        continue
    return campaign


def test_errors_are_told_instead_of_ready(
    project: Project, shown: Shown, make_campaign: MakeCampaign
) -> None:
    campaign = broken(project, make_campaign)

    page = shown(f"{campaign.pk}/")
    Campaign.objects.filter(pk=campaign.pk).update(version=F("version") + 1)
    changed = shown(f"{campaign.pk}/")

    assert "Ready to send" not in page
    assert "Errors found" in page
    assert "Nobody who gets it has “nickname”" in page
    assert "Ready to send" in changed


def test_in_spite_of_errors_it_goes_only_if_somebody_says_so(
    project: Project, shown: Shown, post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = broken(project, make_campaign)
    fields = {"version": str(campaign.version)}

    asked = shown(f"{campaign.pk}/send/")
    post(f"{campaign.pk}/send/", fields)
    before = fresh(campaign).state
    post(f"{campaign.pk}/send/", fields | {"in_spite": "1"})

    assert "Nobody who gets it has “nickname”" in asked
    assert 'name="in_spite" value="1" required' in asked
    assert before == CampaignState.DRAFT
    assert fresh(campaign).state == CampaignState.SENDING


def test_in_spite_of_errors_it_is_scheduled_only_if_somebody_says_so(
    project: Project, post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = broken(project, make_campaign)
    at = (timezone.now() + timedelta(days=30)).strftime("%Y-%m-%d")
    fields = {"at": f"{at}T12:00", "zone": "UTC"}

    answer = post(f"{campaign.pk}/schedule/", fields)
    before = fresh(campaign).state
    post(f"{campaign.pk}/schedule/", fields | {"in_spite": "1"})

    assert "The check found errors." in answer.content.decode()
    assert before == CampaignState.DRAFT
    assert fresh(campaign).state == CampaignState.SCHEDULED
