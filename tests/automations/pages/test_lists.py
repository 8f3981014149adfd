"""The list of workflows, and what is done to one of them as a whole."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from automations import workflows
from automations.beginnings import BEGINNINGS
from automations.checking import problems_in
from automations.definitions import Trigger, parse
from automations.models import Run, TriggerType, Workflow
from contacts.models import Contact
from plunk.projects.models import Project
from tests.automations.building import live, on, settle, step
from tests.automations.conftest import Track
from tests.automations.pages.conftest import Post, Shown
from transactional.models import Template

pytestmark = pytest.mark.django_db


def test_an_empty_list_offers_three_good_beginnings(shown: Shown) -> None:
    page = shown()

    for words in ("Welcome series", "Double opt-in", "Win back"):
        assert words in page


def test_a_row_says_what_begins_it_and_how_many_went_through(
    shown: Shown,
    project: Project,
    template: Template,
    newsletter: Template,
    tracked: Track,
) -> None:
    # Who is not subscribed is taken past the mail: no mail, but through all the same.
    Contact.objects.create(project=project, email="c0@example.com", subscribed=False)
    live(project, on("signed-up"), step("SEND_EMAIL", template=newsletter), name="News")
    live(project, on("signed-up"), step("SEND_EMAIL", template=template), name="<b>")
    pause = step("DELAY", amount=1, unit="hours")
    live(project, on("signed-up"), pause, name="Slow")
    for number in range(3):
        tracked("signed-up", f"c{number}@example.com")
    settle()

    page = shown()

    assert "&lt;b&gt;" in page
    assert "When “signed-up” happens" in page
    assert page.count('data-label="Finished">3</td>') == 2
    assert page.count('data-label="Mails">3</td>') == 1
    assert page.count('data-label="Mails">2</td>') == 1
    assert 'data-label="Inside now">3</td>' in page


def test_who_is_parked_is_no_one_who_finished(shown: Shown, parked: Workflow) -> None:
    page = shown()

    assert "1 parked" in page
    assert 'data-label="Finished">0</td>' in page
    assert 'data-label="Inside now">0</td>' in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, {"Alpha", "Beta"}),
        ({"show": "on"}, {"Alpha"}),
        ({"show": "off"}, {"Beta"}),
        ({"q": "bet"}, {"Beta"}),
        ({"q": "x" * 200}, set()),
        ({"q": "\x00"}, set()),
        ({"show": "nonsense", "cursor": "nonsense"}, {"Alpha", "Beta"}),
    ],
)
def test_the_list_is_narrowed(
    shown: Shown, project: Project, query: dict[str, str], names: set[str]
) -> None:
    live(project, on("a"), step("EXIT"), name="Alpha")
    beta = live(project, on("b"), step("EXIT"), name="Beta")
    workflows.disable(workflow=beta)

    page = shown(**query)

    assert {name for name in ("Alpha", "Beta") if f">{name}</a>" in page} == names


def test_older_ones_are_on_the_next_page(shown: Shown, project: Project) -> None:
    for number in range(27):
        _draft(project, f"Number {number}")

    first = shown()
    cursor = first.partition("cursor=")[2].partition('"')[0]
    second = shown(cursor=cursor)

    assert first.count("row-link") == 25
    assert second.count("row-link") == 2


def _draft(project: Project, name: str) -> Workflow:
    trigger = Trigger(TriggerType.EVENT, {"eventName": "e"})
    return workflows.create(project_id=project.pk, name=name, trigger=trigger)


def test_twenty_rows_cost_what_ten_do(
    member: Client, url: str, project: Project
) -> None:
    costs = []
    for _ in range(2):
        for number in range(10):
            live(project, on("e"), step("EXIT"), name=f"N {number}")
        member.get(f"{url}/")
        with CaptureQueriesContext(connection) as asked:
            member.get(f"{url}/")
        costs.append(len(asked))

    assert costs[0] == costs[1]


@pytest.mark.parametrize("slug", [one.slug for one in BEGINNINGS])
def test_a_beginning_is_a_draft_that_could_be_published(
    post: Post, project: Project, slug: str
) -> None:
    response = post("new/", start=slug)

    workflow = Workflow.objects.get(project=project)
    assert response["Location"].endswith(f"/workflows/{workflow.pk}/")
    assert not workflow.enabled
    assert len(parse(workflow.draft).steps) >= 4
    found = problems_in(project.pk, parse(workflow.draft))
    assert [one for one in found if one.is_error] == []


def test_a_new_one_has_a_name_and_what_begins_it(post: Post, project: Project) -> None:
    post("new/", name="  Hello   you ", trigger="EVENT", event="signed-up")

    workflow = Workflow.objects.get(project=project)
    assert workflow.name == "Hello you"
    assert parse(workflow.draft).trigger.event_names == ["signed-up"]


@pytest.mark.parametrize(
    "fields", [{"trigger": "NONSENSE"}, {"start": "nobodys"}, {"trigger": ""}]
)
def test_what_is_not_offered_cannot_be_made(
    member: Client, url: str, fields: dict[str, str]
) -> None:
    assert member.post(f"{url}/new/", fields).status_code == 404


def test_a_name_that_is_too_long_is_said(post: Post, project: Project) -> None:
    page = post("new/", name="x" * 201, trigger="EVENT").content.decode()

    assert "Expected 1 to 200 characters." in page
    assert not Workflow.objects.filter(project=project).exists()


def test_a_copy_is_switched_off(post: Post, pausing: Workflow) -> None:
    post(f"{pausing.pk}/duplicate/")

    copy = Workflow.objects.exclude(pk=pausing.pk).get()
    assert copy.name == "Welcome (Copy)"
    assert not copy.enabled


def test_it_is_switched_off_and_on(post: Post, pausing: Workflow) -> None:
    post(f"{pausing.pk}/switch/")
    was_on = Workflow.objects.get(pk=pausing.pk).enabled

    post(f"{pausing.pk}/switch/", enabled="yes")

    assert not was_on
    assert Workflow.objects.get(pk=pausing.pk).enabled


def test_an_unfinished_one_says_what_is_missing(post: Post, project: Project) -> None:
    workflow = _draft(project, "Bare")

    response = post(f"{workflow.pk}/switch/", enabled="yes")

    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert response["Location"].endswith(f"/workflows/{workflow.pk}/")
    assert said == ["It cannot go on yet. It has no steps yet."]


def test_it_is_deleted_once_that_was_confirmed(
    shown: Shown, post: Post, pausing: Workflow
) -> None:
    asked = shown(f"{pausing.pk}/delete/")
    was_there = Workflow.objects.filter(pk=pausing.pk).exists()

    post(f"{pausing.pk}/delete/")

    assert "cannot be undone" in asked
    assert was_there
    assert not Workflow.objects.filter(pk=pausing.pk).exists()


def test_people_inside_keep_it_unless_it_was_said_that_they_end(
    shown: Shown, post: Post, pausing: Workflow, tracked: Track
) -> None:
    tracked("signed-up")
    settle()

    asked = shown(f"{pausing.pk}/delete/")
    refused = post(f"{pausing.pk}/delete/").content.decode()
    all_asked = shown(f"{pausing.pk}/cancel-all/")
    post(f"{pausing.pk}/delete/", people="end")

    assert "One person is inside, and ends" in asked
    assert "Somebody is inside" in refused
    assert "One person is inside" in all_asked
    assert not Run.objects.exists()
    assert not Workflow.objects.exists()
