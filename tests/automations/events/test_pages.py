"""The pages about events."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from automations.events.usage import usage_of
from automations.models import Event, Listener, Occurrence, Workflow
from contacts.models import Contact, Segment
from plunk.pages.paging import Cursor
from plunk.projects.models import Project
from tests.automations.events.conftest import happen
from tests.pages.rows import make_contact

pytestmark = pytest.mark.django_db


def where(project: Project, rest: str = "") -> str:
    return f"/projects/{project.pk}/events/{rest}"


def test_an_empty_list_shows_how_to_begin(page: Client, project: Project) -> None:
    html = page.get(where(project)).content.decode()

    assert "/v1/track" in html
    assert "Copy" in html


def test_the_list_has_three_parts(page: Client, project: Project) -> None:
    for name in ("bought", "email.open", "subscribe"):
        happen(project, name)
    Event.objects.create(
        project=project, name="c-campaign-opened", campaign_id=project.pk
    )

    def shown(query: str) -> set[str]:
        found = page.get(where(project, query)).context["rows"]
        return {row.event.name for row in found}

    assert shown("") == {"bought"}
    assert shown("?show=system") == {"email.open", "subscribe"}
    assert shown("?show=mails") == {"c-campaign-opened"}
    assert shown("?q=OUGH") == {"bought"}
    assert shown("?q=%00") == shown("?q=zzz") == set()


def test_the_list_leads_on(page: Client, project: Project) -> None:
    for number in range(30):
        Event.objects.create(project=project, name=f"{'x' * 252}{number:03}")

    first = page.get(where(project)).context["page"]
    second = page.get(where(project, f"?cursor={first.next}")).context["page"]

    assert (len(first.rows), len(second.rows)) == (25, 5)


def test_lists_cost_the_same_for_ten_and_twenty(page: Client, project: Project) -> None:
    costs = []
    for start in (0, 10):
        for number in range(start, start + 10):
            happen(project, f"e{number:02}", contact=make_contact(project))
            happen(project, "of-one", contact=make_contact(project))
        one = Event.objects.get(name="of-one")
        for rest in ("", f"{one.pk}/"):
            page.get(where(project, rest))
            with CaptureQueriesContext(connection) as queries:
                page.get(where(project, rest))
            costs.append(len(queries))

    assert costs[:2] == costs[2:]


def test_an_event_is_told_as_it_happens(
    page: Client, project: Project, ann: Contact
) -> None:
    event = happen(project, "bought", contact=ann, plan="<b>pro</b>")
    row = Occurrence.objects.get()
    place = Cursor(row.created_at, row.pk)

    html = page.get(where(project, f"{event.pk}/")).content.decode()
    happen(project, "bought")
    news = page.get(
        where(project, f"{event.pk}/feed/?after={place}"), HTTP_HX_REQUEST="true"
    ).content.decode()
    older = page.get(
        where(project, f"{event.pk}/feed/?before={place}"), HTTP_HX_REQUEST="true"
    )

    assert "ann@example.com" in html
    assert "plan: &lt;b&gt;pro&lt;/b&gt;" in html
    assert "Nobody in particular" in news
    assert older.status_code == 200


def test_an_occurrence_shows_all_that_came_along(
    page: Client, project: Project, ann: Contact
) -> None:
    happen(project, "bought", contact=ann, plan="</script><b>", deep={"a": [1]})
    row = Occurrence.objects.get()

    html = page.get(where(project, f"occurrences/{row.pk}/")).content.decode()

    assert "&lt;/script&gt;&lt;b&gt;" in html
    assert "ann@example.com" in html


def test_deleting_asks_first(page: Client, project: Project) -> None:
    event = happen(project, "bought", times=3)
    address = where(project, f"{event.pk}/delete/")

    asked = page.get(address).content.decode()
    still_there = Event.objects.exists()
    done = page.post(address, follow=True).content.decode()

    assert "3 times" in asked
    assert still_there
    assert "“bought” is deleted." in done
    assert not Event.objects.exists()


def test_what_is_used_says_why_it_stays(page: Client, project: Project) -> None:
    event = happen(project, "bought")
    condition = {
        "logic": "AND",
        "groups": [{"filters": [{"field": "event.bought", "operator": "triggered"}]}],
    }
    Segment.objects.create(project=project, name="Buyers", condition=condition)
    address = where(project, f"{event.pk}/delete/")

    asked = page.get(address).content.decode()
    refused = page.post(address).content.decode()

    assert "Buyers" in asked
    assert "Delete this event" not in asked
    assert "Cannot delete this event." in refused
    assert Event.objects.exists()


def test_list_and_page_agree_on_where_an_event_is_used(
    page: Client, project: Project
) -> None:
    event = happen(project, "bought")
    trigger = {"type": "EVENT", "eventName": "bought"}
    drafts = [
        {"trigger": trigger, "steps": []},
        {"trigger": {"type": "MANUAL"}, "steps": [{"config": trigger}]},
        {"trigger": {"type": "MANUAL"}, "steps": []},
    ]
    made = [
        Workflow.objects.create(project=project, name=f"W{number}", draft=draft)
        for number, draft in enumerate(drafts)
    ]
    # The first is on, too, and counts once all the same.
    Listener.objects.create(workflow=made[0], event=event)

    (row,) = page.get(where(project)).context["rows"]

    assert row.uses == 2 == len(usage_of(event).workflows)
