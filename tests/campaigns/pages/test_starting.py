"""A new campaign, and what it begins with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from campaigns.models import Campaign
from campaigns.variants import variant_of
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign
from tests.campaigns.pages.conftest import Shown
from transactional.models import SavedBy, Template
from transactional.templates import create

pytestmark = pytest.mark.django_db

Post = Callable[..., Any]


def template(project: Project, **written: Any) -> Template:
    values = {"name": "Letter", "subject": "What happened", "body": "<p>Hi</p>"}
    return create(
        project_id=project.pk, written=values | written, saved_by=SavedBy.PAGE
    )


def test_it_offers_what_there_is(
    shown: Shown, project: Project, make_campaign: MakeCampaign
) -> None:
    template(project, name="My letter")
    template(project, name="Receipt of mine", kind="TRANSACTIONAL")
    make_campaign(name="Last spring")

    page = shown("new/")

    assert "My letter" in page
    assert "Last spring" in page
    assert "Newsletter" in page
    assert "Receipt of mine" not in page


@pytest.mark.parametrize(
    ("start", "name", "body"),
    [
        ("blank", "Untitled campaign", "Write here."),
        ("html", "Untitled campaign", "<!doctype html>"),
        ("sample:newsletter", "Newsletter", "<"),
    ],
)
def test_it_begins_and_goes_on_to_the_overview(
    start: str, name: str, body: str, post: Post
) -> None:
    answer = post("new/", {"start": start})

    made = Campaign.objects.get()
    assert answer["Location"].endswith(f"/campaigns/{made.pk}/")
    assert made.name == name
    assert body in variant_of(made, 1).body
    assert made.created_by is not None


def test_a_template_gives_its_words_and_its_sender(
    post: Post, project: Project
) -> None:
    letter = template(
        project, preheader="In short", from_email="ada@example.com", reply_to="r@a.de"
    )

    post("new/", {"start": f"template:{letter.pk}", "name": "  June   letter "})

    made = Campaign.objects.get()
    said = variant_of(made, 1)
    assert (made.name, made.from_email, made.reply_to) == (
        "June letter",
        "ada@example.com",
        "r@a.de",
    )
    assert (said.subject, said.preheader, said.body) == (
        "What happened",
        "In short",
        "<p>Hi</p>",
    )


def test_a_sender_that_may_not_be_used_any_more_is_left_out(
    post: Post, project: Project, settings: Settings, shown: Shown
) -> None:
    letter = template(project, from_email="ada@example.com")
    settings.REQUIRES_VERIFIED_DOMAIN = True

    post("new/", {"start": f"template:{letter.pk}"})

    assert Campaign.objects.get().from_email == ""
    assert "Mail cannot come from ada@example.com" in shown()


def test_an_earlier_campaign_is_copied(post: Post, make_campaign: MakeCampaign) -> None:
    earlier = make_campaign(name="Spring", subject="Roasts", state="SENT")

    post("new/", {"start": f"campaign:{earlier.pk}"})
    post("new/", {"start": f"campaign:{earlier.pk}", "name": "Summer"})

    names = Campaign.objects.exclude(pk=earlier.pk).values_list("name", flat=True)
    assert sorted(names) == ["Spring (Copy)", "Summer"]
    assert {it.state for it in Campaign.objects.exclude(pk=earlier.pk)} == {"DRAFT"}


@pytest.mark.parametrize(
    "start",
    [
        "",
        "nothing",
        "sample:none",
        "sample:",
        "template:",
        "template:nonsense",
        "template:01980000-0000-7000-8000-000000000000",
        "campaign:nonsense",
        "campaign:01980000-0000-7000-8000-000000000000",
        "\x00",
    ],
)
def test_there_is_no_such_beginning(start: str, post: Post) -> None:
    assert post("new/", {"start": start}).status_code == 404
    assert not Campaign.objects.exists()


def test_nothing_of_others_is_begun_with(post: Post, other_project: NewProject) -> None:
    theirs = other_project.project
    campaign = Campaign.objects.create(project=theirs, name="Theirs")

    for start in (f"campaign:{campaign.pk}", f"template:{template(theirs).pk}"):
        assert post("new/", {"start": start}).status_code == 404


@pytest.mark.parametrize("name", ["x" * 101, "a\x00b"])
def test_a_name_that_cannot_be_is_told(name: str, post: Post) -> None:
    answer = post("new/", {"start": "blank", "name": name})

    assert answer.status_code == 200
    assert "name-error" in answer.content.decode()
    assert not Campaign.objects.exists()
