"""The list of campaigns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from campaigns.models import Campaign, CampaignState, Run, RunState
from campaigns.pages import lists
from contacts.models import Segment, SegmentType
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign
from tests.campaigns.pages.conftest import Shown
from tests.pages.rows import make_email
from transactional.models import EmailState, Source

pytestmark = pytest.mark.django_db

PRO = {
    "logic": "AND",
    "groups": [
        {"filters": [{"field": "data.plan", "operator": "equals", "value": "pro"}]}
    ],
}


def mails(campaign: Campaign, count: int, **values: Any) -> None:
    for _ in range(count):
        make_email(
            campaign.project,
            source=Source.CAMPAIGN,
            origin_id=campaign.pk,
            run=1,
            **values,
        )


def test_an_empty_list_teaches(shown: Shown, url: str) -> None:
    page = shown()

    assert "Write to many people at once" in page
    assert f"{url}/new/" in page


def test_a_row_says_what_it_is_and_whom_it_is_for(
    shown: Shown, make_campaign: MakeCampaign, project: Project
) -> None:
    staff = Segment.objects.create(
        project=project, name="Staff <b>", type=SegmentType.STATIC
    )
    make_campaign(name="Spring <b>", subject="New roasts")
    make_campaign(name="Pro", audience_type="FILTERED", condition=PRO)
    make_campaign(name="Team", audience_type="SEGMENT", segment=staff)
    make_campaign(name="All but").excluded_segments.add(staff)

    page = shown()

    assert "Spring &lt;b&gt;" in page
    assert "New roasts" in page
    assert "To contacts whose “plan” is “pro”" in page
    assert "To the segment “Staff &lt;b&gt;”" in page
    assert "To everyone, but nobody in “Staff &lt;b&gt;”" in page


def test_what_became_of_it_is_in_its_row(
    shown: Shown, make_campaign: MakeCampaign
) -> None:
    now = timezone.now()
    campaign = make_campaign(state=CampaignState.SENT, finished_at=now)
    mails(campaign, 3, state=EmailState.DELIVERED, sent_at=now, delivered_at=now)
    mails(
        campaign,
        1,
        state=EmailState.DELIVERED,
        sent_at=now,
        delivered_at=now,
        opened_at=now,
    )
    mails(campaign, 1, state=EmailState.SENT, sent_at=now)
    mails(campaign, 1, state=EmailState.FAILED)

    page = shown()

    for label, figure in (
        ("Recipients", "6"),
        ("Delivered", "80%"),
        ("Opened", "20%"),
        ("Clicked", "0%"),
    ):
        assert f'data-label="{label}">{figure}</td>' in page


@pytest.mark.parametrize(
    ("part", "of", "said"),
    [
        (0, 0, ""),
        (0, 10, "0%"),
        (1, 1000, "<1%"),
        (999, 1000, ">99%"),
        (1000, 1000, "100%"),
        (1, 3, "33%"),
    ],
)
def test_a_share_is_never_rounded_to_nobody_or_everybody(
    part: int, of: int, said: str
) -> None:
    assert lists._percent(part, of) == said


def test_one_under_way_shows_how_far_it_is_and_is_looked_after(
    shown: Shown, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(state=CampaignState.SENDING)
    mails(campaign, 2, state=EmailState.SENT, sent_at=timezone.now())
    mails(campaign, 3, state=EmailState.QUEUED)

    page = shown()

    assert "2 of 5" in page
    assert 'value="2" max="5"' in page
    assert "data-poll" in page


def test_while_it_is_frozen_the_row_says_so(
    shown: Shown, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(state=CampaignState.SENDING)
    Run.objects.create(
        campaign=campaign, state=RunState.FREEZING, from_email="a@example.com"
    )

    assert "Writing down who gets it" in shown()


def test_where_nothing_moves_nobody_asks_again(
    shown: Shown, make_campaign: MakeCampaign
) -> None:
    make_campaign()

    assert "data-poll" not in shown()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"Idea", "Soon", "Going", "Gone", "Stopped"}),
        ({"show": "drafts"}, {"Idea"}),
        ({"show": "scheduled"}, {"Soon"}),
        ({"show": "running"}, {"Going"}),
        ({"show": "ended"}, {"Gone", "Stopped"}),
        ({"show": "archived"}, {"Old"}),
        ({"show": "nonsense"}, {"Idea", "Soon", "Going", "Gone", "Stopped"}),
        ({"q": "idea"}, {"Idea"}),
        ({"q": "words of gone"}, {"Gone"}),
        ({"q": "%"}, set()),
        ({"q": "\x00"}, set()),
        ({"q": "x" * 500}, set()),
        ({"q": "o", "show": "running"}, {"Going"}),
        ({"cursor": "nonsense"}, {"Idea", "Soon", "Going", "Gone", "Stopped"}),
    ],
)
def test_the_list_is_narrowed(
    query: dict[str, str], found: set[str], shown: Shown, make_campaign: MakeCampaign
) -> None:
    states = {
        "Idea": CampaignState.DRAFT,
        "Soon": CampaignState.SCHEDULED,
        "Going": CampaignState.PAUSED,
        "Gone": CampaignState.SENT,
        "Stopped": CampaignState.CANCELLED,
    }
    for name, state in states.items():
        make_campaign(name=name, state=state, subject=f"Words of {name}")
    make_campaign(name="Old", archived_at=timezone.now())

    page = shown("", **query)

    names = {*states, "Old"}
    assert {name for name in names if f">{name}</a>" in page} == found


def test_pages_follow_each_other(
    shown: Shown, make_campaign: MakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 2)
    for number in range(3):
        make_campaign(name=f"Number {number}")

    first = shown()
    cursor = first.split("cursor=", 1)[1].split('"', 1)[0]
    second = shown("", cursor=cursor.replace("%3D", "="))

    assert "Number 2" in first
    assert "Number 1" in first
    assert "Number 0" not in first
    assert "Number 0" in second
    assert "Number 1" not in second


def test_campaigns_of_others_are_not_listed(
    shown: Shown, other_project: NewProject
) -> None:
    Campaign.objects.create(project=other_project.project, name="Theirs")

    assert "Theirs" not in shown()


# -- one thing done to several ---------------------------------------------------------
def test_several_are_archived_and_come_back(
    post: Callable[..., Any], make_campaign: MakeCampaign
) -> None:
    ids = [str(make_campaign().pk), str(make_campaign(state="SENT").pk)]

    post("bulk/", {"action": "archive", "id": ids})
    archived = Campaign.objects.filter(archived_at__isnull=False).count()
    post("bulk/", {"action": "unarchive", "id": ids})

    assert archived == 2
    assert not Campaign.objects.filter(archived_at__isnull=False).exists()


def test_drafts_are_deleted_once_that_is_confirmed(
    post: Callable[..., Any], make_campaign: MakeCampaign
) -> None:
    draft, sent = make_campaign(name="Idea"), make_campaign(name="Gone", state="SENT")
    ids = [str(draft.pk), str(sent.pk)]

    asked = post("bulk/", {"action": "delete", "id": ids, "query": "show=drafts"})
    before = Campaign.objects.count()
    done = post(
        "bulk/",
        {
            "action": "delete",
            "id": ids[:1],
            "confirm": "yes",
            "query": "show=drafts",
        },
    )

    page = asked.content.decode()
    assert "Delete 1 draft?" in page
    assert "1 of those you chose is no draft and stays" in page
    assert before == 2
    assert done["Location"].endswith("/campaigns/?show=drafts")
    assert list(Campaign.objects.values_list("name", flat=True)) == ["Gone"]


def test_what_is_no_draft_is_not_deleted(
    post: Callable[..., Any], make_campaign: MakeCampaign
) -> None:
    sent = make_campaign(state="SENT")

    post("bulk/", {"action": "delete", "id": [str(sent.pk)], "confirm": "yes"})

    assert Campaign.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"action": "archive"},
        {"action": "archive", "id": ["nonsense"]},
        {"action": "explode", "id": ["01980000-0000-7000-8000-000000000000"]},
        {"action": "archive", "id": ["01980000-0000-7000-8000-000000000000"]},
    ],
)
def test_nonsense_changes_nothing(
    fields: dict[str, Any], post: Callable[..., Any], make_campaign: MakeCampaign
) -> None:
    make_campaign()

    assert post("bulk/", fields).status_code == 302
    assert not Campaign.objects.filter(archived_at__isnull=False).exists()


def test_of_others_nothing_is_archived(
    post: Callable[..., Any], other_project: NewProject
) -> None:
    theirs = Campaign.objects.create(project=other_project.project, name="Theirs")

    post("bulk/", {"action": "archive", "id": [str(theirs.pk)]})

    assert Campaign.objects.get().archived_at is None
