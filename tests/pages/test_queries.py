"""No page may cost more statements because it shows more rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.models import AudienceType, Campaign, CampaignState, Variant
from contacts.models import Segment, SegmentType
from plunk.projects.creating import create_project
from plunk.projects.keys import create_key
from plunk.projects.models import KeyKind, Project, User
from tests.pages.rows import (
    make_contact,
    make_email,
    make_email_event,
    make_occurrence,
)
from transactional.models import EmailEventKind, Source

Fill = Callable[[Project, User], None]


def everything(project: Project, _owner: User) -> None:
    contact = make_contact(project, data={"plan": "pro"})
    make_occurrence(project, contact, "signed-up")
    email = make_email(project, contact, subject="Hello {{ plan }}")
    make_email_event(email, EmailEventKind.DELIVERY)


def keys(project: Project, owner: User) -> None:
    create_key(project=project, kind=KeyKind.SECRET, name="Another")
    create_project(name="Another", owner=owner)


def campaigns(project: Project, _owner: User) -> None:
    """Make two campaigns: a draft for a filter, and one that is being sent."""
    number = Campaign.objects.count()
    plan = {"field": "data.plan", "operator": "equals", "value": f"plan {number}"}
    staff = Segment.objects.create(
        project=project, name=f"Staff {number}", type=SegmentType.STATIC
    )
    draft = Campaign.objects.create(
        project=project,
        name="Draft",
        audience_type=AudienceType.FILTERED,
        condition={"logic": "AND", "groups": [{"filters": [plan]}]},
    )
    draft.excluded_segments.add(staff)
    sending = Campaign.objects.create(
        project=project, name="Going", state=CampaignState.SENDING
    )
    for campaign in (draft, sending):
        Variant.objects.create(campaign=campaign, subject="News")
    make_email(project, source=Source.CAMPAIGN, origin_id=sending.pk, run=1)


@pytest.mark.parametrize(
    ("path", "fill"),
    [
        ("", everything),
        ("activity/", everything),
        ("contacts/", everything),
        ("contacts/?q=c", everything),
        ("campaigns/", campaigns),
        ("campaigns/?q=n", campaigns),
        ("emails/", everything),
        ("emails/?status=queued", everything),
        ("settings/keys/", keys),
    ],
)
def test_a_list_costs_the_same_with_ten_rows_and_twenty(
    path: str, fill: Fill, client: Client, project: Project, alice: User
) -> None:
    client.force_login(alice)
    url = f"/projects/{project.pk}/{path}"
    costs = []
    for _ in range(2):
        for _ in range(10):
            fill(project, alice)
        client.get(url)
        with CaptureQueriesContext(connection) as captured:
            client.get(url)
        costs.append(len(captured))

    assert costs[0] == costs[1]
    assert costs[0] <= 15


@pytest.mark.parametrize(
    "path",
    [
        "contacts/contact",
        "transactional/email",
        "transactional/emailevent",
        "automations/occurrence",
        "projects/apikey",
    ],
)
def test_an_admin_list_costs_the_same_with_ten_rows_and_twenty(
    path: str, client: Client, project: Project, alice: User
) -> None:
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client.force_login(alice)
    costs = []
    for _ in range(2):
        for _ in range(10):
            everything(project, alice)
            keys(project, alice)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/admin/{path}/").status_code == 200
        costs.append(len(captured))

    assert costs[0] == costs[1]


@pytest.mark.parametrize(
    "path", ["contacts/contact", "transactional/email", "projects/project"]
)
def test_the_admin_answers_a_search_for_nonsense(
    path: str, client: Client, project: Project, alice: User
) -> None:
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client.force_login(alice)

    assert client.get(f"/admin/{path}/", {"q": "nonsense"}).status_code == 200


def test_the_admin_never_shows_the_digest_of_a_key(
    client: Client, project: Project, alice: User
) -> None:
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client.force_login(alice)
    key = project.api_keys.earliest("pk")

    answer = client.get(f"/admin/projects/apikey/{key.pk}/change/")

    assert answer.status_code == 200
    assert key.digest.encode() not in answer.content


def test_the_admin_is_entered_by_the_normal_log_in(client: Client, db: None) -> None:
    answer = client.get("/admin/login/?next=/admin/")

    assert answer["Location"].startswith("/auth/login/")


def test_the_admin_is_closed_to_other_users(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.get("/admin/login/").status_code == 403
