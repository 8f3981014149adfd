"""The runs of a workflow, and one of them as a story."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from automations import workflows
from automations.definitions import Step, as_document, parse
from automations.models import Run, RunState, Visit, Workflow
from automations.pages import runs
from contacts.models import Contact
from contacts.segments.scopes import database_now
from plunk.projects.models import Project
from tests.automations.building import chain, definition, live, on, settle, step
from tests.automations.conftest import Track
from tests.automations.pages.conftest import Post, Shown
from transactional.models import Email, Template

pytestmark = pytest.mark.django_db


def many(tracked: Track, count: int, *, start: int = 0) -> None:
    for number in range(start, start + count):
        tracked("signed-up", f"c{number}@example.com")
    settle()


def test_nobody_yet_is_said(shown: Shown, pausing: Workflow) -> None:
    assert "Nobody has been in yet" in shown(f"{pausing.pk}/runs/")


def test_a_run_says_what_it_waits_for_and_until_when(
    shown: Shown, pausing: Workflow, tracked: Track
) -> None:
    many(tracked, 1)
    until = Run.objects.get().until_at

    page = shown(f"{pausing.pk}/runs/")

    assert until is not None
    assert f"waiting at “Delay” until {until:%a %H:%M} UTC" in page
    assert "c0@example.com" in page


def test_runs_are_narrowed(
    shown: Shown, pausing: Workflow, tracked: Track, post: Post
) -> None:
    many(tracked, 2)
    first = Run.objects.get(contact__email="c0@example.com")
    post(f"{pausing.pk}/runs/{first.pk}/cancel/")
    pause = next(
        pk for pk, one in parse(pausing.draft).steps.items() if one.type == "DELAY"
    )

    def listed(**query: object) -> list[str]:
        page = shown(f"{pausing.pk}/runs/", **query)
        return [
            name for name in ("c0@example.com", "c1@example.com") if f">{name}<" in page
        ]

    assert listed() == ["c0@example.com", "c1@example.com"]
    assert listed(state="CANCELLED") == ["c0@example.com"]
    assert listed(state="WAITING") == ["c1@example.com"]
    assert listed(step=str(pause)) == ["c1@example.com"]
    assert listed(version="1", q="C1@exa") == ["c1@example.com"]
    assert listed(version="7") == []
    assert listed(state="X", step="X", version="-1", cursor="X") == listed()


def test_older_runs_are_on_the_next_page(
    shown: Shown, pausing: Workflow, tracked: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "PAGE_SIZE", 3)
    many(tracked, 5)
    pause = next(
        pk for pk, one in parse(pausing.draft).steps.items() if one.type == "DELAY"
    )
    # All, and each way of narrowing, of which each has an order of its own.
    for query in ({}, {"q": "example"}, {"version": "1"}, {"step": str(pause)}):
        first = shown(f"{pausing.pk}/runs/", **query)
        cursor = first.partition("cursor=")[2].partition('"')[0]
        second = shown(f"{pausing.pk}/runs/", cursor=cursor, **query)

        listed = re.findall(r">(c\d)@", first), re.findall(r">(c\d)@", second)
        assert listed == (["c4", "c3", "c2"], ["c1", "c0"])


def test_of_very_many_with_a_piece_of_an_address_some_are_listed_and_that_is_said(
    shown: Shown, pausing: Workflow, tracked: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_MOST_CANDIDATES", 1)
    many(tracked, 2)

    some = shown(f"{pausing.pk}/runs/", q="example")
    one = shown(f"{pausing.pk}/runs/", q="C1@example.com")

    assert some.count("row-link") == 1
    assert "More than 1 people in it have" in some
    assert one.count("row-link") == 1
    assert "people in it have" not in one


def test_who_began_on_an_old_version_is_found_on_it(
    shown: Shown, pausing: Workflow, tracked: Track
) -> None:
    many(tracked, 1)
    document = pausing.draft
    document["steps"][1]["config"]["amount"] = 3
    workflows.save_draft(workflow=pausing, document=document)
    workflows.publish(workflow=pausing)
    many(tracked, 1, start=1)

    listed = [shown(f"{pausing.pk}/runs/", version=number) for number in ("1", "2")]

    assert [re.findall(r">(c\d)@", page) for page in listed] == [["c0"], ["c1"]]


def test_the_page_of_a_contact_tells_of_its_runs(
    member: Client, project: Project, pausing: Workflow, tracked: Track
) -> None:
    many(tracked, 1)
    run = Run.objects.get()
    place = f"/projects/{project.pk}"

    page = member.get(f"{place}/contacts/{run.contact_id}/").content.decode()
    feed = member.get(f"{place}/").content.decode()

    story = f'href="{place}/workflows/{pausing.pk}/runs/{run.pk}/"'
    # Among the automations, and on the timeline; but not in the feed of the project.
    assert page.count(story) == 2
    assert "Went into “Welcome”" in page
    assert "Went into" not in feed


def test_twenty_runs_cost_what_ten_do(
    member: Client, url: str, pausing: Workflow, tracked: Track
) -> None:
    costs = []
    for start in (0, 10):
        many(tracked, 10, start=start)
        member.get(f"{url}/{pausing.pk}/runs/")
        with CaptureQueriesContext(connection) as asked:
            member.get(f"{url}/{pausing.pk}/runs/")
        costs.append(len(asked))

    assert costs[0] == costs[1]


def test_a_parked_run_is_resumed(
    shown: Shown, post: Post, parked: Workflow, template: Template
) -> None:
    run = Run.objects.get()
    story = shown(f"{parked.pk}/runs/{run.pk}/")
    Template.objects.filter(pk=template.pk).update(deleted_at=None)

    post(f"{parked.pk}/runs/{run.pk}/resume/")
    settle()

    assert "The template of this step was deleted." in story
    assert "Mend what the step needs" in story
    assert Run.objects.get().state == RunState.COMPLETED
    assert Email.objects.count() == 1


def test_all_who_are_parked_are_resumed(
    shown: Shown, post: Post, parked: Workflow
) -> None:
    listed = shown(f"{parked.pk}/runs/")
    asked = shown(f"{parked.pk}/resume-all/")

    page = post(f"{parked.pk}/resume-all/").content.decode()

    assert "Resume all parked" in listed
    assert "parked again" in asked
    assert "One run is on the way again." in page
    assert Run.objects.get().state == RunState.RUNNING


def test_a_run_is_cancelled_once_that_was_confirmed(
    shown: Shown, post: Post, pausing: Workflow, tracked: Track
) -> None:
    many(tracked, 1)
    run = Run.objects.get()

    asked = shown(f"{pausing.pk}/runs/{run.pk}/cancel/")
    first = post(f"{pausing.pk}/runs/{run.pk}/cancel/").content.decode()
    again = post(f"{pausing.pk}/runs/{run.pk}/cancel/").content.decode()

    assert "Cancel the run of c0@example.com?" in asked
    assert "It is cancelled." in first
    assert "It had come to its end already." in again
    assert Run.objects.get().state == RunState.CANCELLED


def test_a_run_of_another_workflow_is_not_there(
    member: Client, url: str, project: Project, pausing: Workflow, tracked: Track
) -> None:
    many(tracked, 1)
    other = live(project, on("else"), step("EXIT"))
    run = Run.objects.get()

    assert member.get(f"{url}/{other.pk}/runs/{run.pk}/").status_code == 404


# -- the story -------------------------------------------------------------------------


def _branching(template: Template) -> tuple[list[Step], list[tuple[Step, Step, str]]]:
    asks = step("CONDITION", field="event.plan", operator="equals", value="pro")
    mail, waits = (
        step("SEND_EMAIL", template=template),
        step("WAIT_FOR_EVENT", eventName="paid", timeout=3600),
    )
    update = step("UPDATE_CONTACT", updates={"tier": "gold"})
    end = step("EXIT", reason="has paid")
    ways = [
        (asks, mail, "yes"),
        *chain(mail, waits),
        (waits, update, "EVENT"),
        *chain(update, end),
    ]
    return [asks, mail, waits, update, end], ways


def test_a_story_tells_each_decision_and_what_it_was_made_on(
    shown: Shown, project: Project, template: Template, tracked: Track
) -> None:
    steps, ways = _branching(template)
    workflow = live(project, on("signed-up"), *steps, ways=ways)
    tracked("signed-up", plan="pro")
    settle()
    waiting = shown(f"{workflow.pk}/runs/{Run.objects.get().pk}/")
    tracked("paid", amount=3)
    settle()

    story = shown(f"{workflow.pk}/runs/{Run.objects.get().pk}/")

    assert "Waits for “paid”, at most until" in waiting
    assert "data-poll" in waiting
    assert "“signed-up” happened" in story
    assert "“plan” of the event was “pro”, which equals “pro”." in story.lower()
    assert "Took the way “Yes”." in story
    assert "The mail “Hello TRANSACTIONAL” was written for the contact." in story
    assert f"emails/{Email.objects.get().pk}/" in story
    assert "“paid” happened at" in story
    assert "Set “tier” to “gold”." in story
    assert "The run ended here: has paid." in story
    assert "data-poll" not in story


def test_the_poll_of_a_story_reloads_the_page_at_its_end(
    member: Client, url: str, pausing: Workflow, tracked: Track
) -> None:
    many(tracked, 1)
    run = Run.objects.get()
    path = f"{url}/{pausing.pk}/runs/{run.pk}/progress/"

    during = member.get(path, headers={"HX-Request": "true"})
    settle(database_now() + timedelta(days=3))
    after = member.get(path, headers={"HX-Request": "true"})
    plain = member.get(path)

    assert "HX-Refresh" not in during
    assert after["HX-Refresh"] == "true"
    assert plain.status_code == 302


def test_a_long_story_is_told_from_both_ends(
    member: Client, url: str, pausing: Workflow, tracked: Track
) -> None:
    many(tracked, 1)
    run = Run.objects.get()
    steps = parse(pausing.draft).steps
    pause = next(pk for pk, one in steps.items() if one.type == "DELAY")
    now = database_now()
    Visit.objects.bulk_create(
        Visit(
            run=run,
            number=number,
            step_id=pause,
            state="COMPLETED",
            started_at=now,
            completed_at=now,
        )
        for number in range(10, 320)
    )
    path = f"{url}/{pausing.pk}/runs/{run.pk}/"
    with CaptureQueriesContext(connection) as asked:
        page = member.get(path).content.decode()

    assert "more steps, not shown here" in page
    assert len(asked) < 25


def test_a_run_begun_by_hand_says_so(
    shown: Shown, post: Post, pausing: Workflow, project: Project
) -> None:
    Contact.objects.create(project=project, email="ada@example.com")

    page = post(f"{pausing.pk}/start/", whom="contact", email=" ADA@example.com")

    assert "Begun by hand, by the API or by a schedule" in page.content.decode()


# -- versions --------------------------------------------------------------------------


def _publish_without_pause(workflow: Workflow) -> None:
    drawn = parse(workflow.draft)
    rest: Sequence[Step] = [step("EXIT")]
    made = definition(drawn.trigger, list(rest), [])
    workflows.save_draft(workflow=workflow, document=as_document(made))
    workflows.publish(workflow=workflows.workflow_of(workflow.project_id, workflow.pk))


def test_versions_say_who_is_on_them_and_people_are_moved(
    shown: Shown, post: Post, pausing: Workflow, tracked: Track
) -> None:
    many(tracked, 2)
    alone = shown(f"{pausing.pk}/versions/")
    _publish_without_pause(pausing)

    listed = shown(f"{pausing.pk}/versions/")
    asked = shown(f"{pausing.pk}/move/")
    page = post(f"{pausing.pk}/move/").content.decode()

    assert "Move people to the newest" not in alone
    assert 'data-label="Inside">2</td>' in listed
    assert "Move people to the newest" in listed
    assert "Version 1: 2 inside. Who is at “Trigger”, “Delay”" in asked
    assert "0 people are on version 2 now. 2 stay: their step is not in it." in page


def test_an_old_version_is_told_in_words(
    shown: Shown, member: Client, url: str, pausing: Workflow
) -> None:
    _publish_without_pause(pausing)

    page = shown(f"{pausing.pk}/versions/1/")

    assert "When “signed-up” happens" in page
    assert "Waits 2 days." in page
    assert member.get(f"{url}/{pausing.pk}/versions/9/").status_code == 404


def test_one_that_was_never_published_has_no_versions(
    shown: Shown, post: Post, project: Project
) -> None:
    post("new/", name="Bare", trigger="MANUAL")
    workflow = Workflow.objects.get(project=project)

    assert "Nothing is published yet" in shown(f"{workflow.pk}/versions/")
    assert post(f"{workflow.pk}/move/").status_code == 404
