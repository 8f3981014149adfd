"""The forms of the canvas: what is typed and chosen in them is what is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from automations import workflows
from automations.definitions import Trigger
from automations.models import TriggerType, Workflow
from contacts.models import Segment, SegmentType
from plunk.projects.models import Project
from tests.browser.conftest import NARROW, Visitor
from tests.browser.drawing import at, card, close_panel, open_end, pick, saved

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from plunk.projects.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workflow(project: Project) -> Workflow:
    trigger = Trigger(TriggerType.EVENT, {"eventName": "signed-up"})
    return workflows.create(project_id=project.pk, name="Welcome", trigger=trigger)


def choose(page: Page, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).first.select_option(value)


def fill(page: Page, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).first.fill(value)


def add(page: Page, after: str, label: str, outcome: str = "") -> None:
    """Add a step behind another one; its form is open then."""
    page.get_by_role("button", name="Show everything").click()
    open_end(page, after, outcome).first.click()
    pick(page, label)
    page.locator("dialog").wait_for(state="detached")


def config(page: Page, workflow: Workflow, type_: str) -> dict[str, Any]:
    draft = saved(page, workflow)
    return next(step["config"] for step in draft["steps"] if step["type"] == type_)


def test_what_is_said_in_the_forms_of_steps(
    member: Visitor, workflow: Workflow
) -> None:
    page = at(member, workflow)
    close_panel(page)

    add(page, "TRIGGER", "Wait for a time")
    page.get_by_role("radio", name="Until a time of day").check()
    choose(page, "Day", "Monday")
    fill(page, "Time", "08:30")
    fill(page, "Time zone", "Europe/Berlin")
    close_panel(page)
    add(page, "DELAY", "Wait for an event")
    fill(page, "Wait for this event", "paid")
    fill(page, "At most", "36")
    choose(page, "Unit", "hours")
    close_panel(page)
    add(page, "WAIT_FOR_EVENT", "Call a webhook", "EVENT")
    choose(page, "Method", "PUT")
    fill(page, "Address", "https://crm.example.com/hook")
    fill(page, "Headers", "X-Key: a:b\nX-Two: 2")
    fill(page, "Body", '{"who": "{{ email }}"}')
    close_panel(page)
    add(page, "WEBHOOK", "Condition")
    page.get_by_role("radio", name="Many ways").check()
    choose(page, "Look at", "event.")
    fill(page, "Name of the field", "plan")
    fill(page, "Branch", "Pro")
    fill(page, "Value", "pro")
    page.get_by_role("button", name="Another branch").click()
    page.get_by_label("Comparison", exact=True).last.select_option("is known")
    page.get_by_role("button", name="Remove this branch").nth(1).click()
    many = config(page, workflow, "CONDITION")
    page.keyboard.press("Control+z")
    page.locator(".canvas-branch").nth(2).wait_for()
    page.keyboard.press("Control+Shift+z")
    page.locator(".canvas-branch").nth(2).wait_for(state="detached")
    page.get_by_role("radio", name="Several rules").check()
    choose(page, "About", "email")
    choose(page, "Comparison", "contains")
    fill(page, "Value", "@example.com")
    page.get_by_role("button", name="Another rule").click()
    choose(page, "Yes means", "Any rule fits")

    rules = config(page, workflow, "CONDITION")["filter"]
    assert config(page, workflow, "DELAY") == {
        "until": {"weekday": 0, "time": "08:30", "timezone": "Europe/Berlin"}
    }
    assert config(page, workflow, "WAIT_FOR_EVENT") == {
        "eventName": "paid",
        "timeout": 36 * 3600,
    }
    assert config(page, workflow, "WEBHOOK") == {
        "url": "https://crm.example.com/hook",
        "method": "PUT",
        "headers": {"X-Key": "a:b", "X-Two": "2"},
        "body": {"who": "{{ email }}"},
    }
    assert many["field"] == "event.plan"
    assert [(it["name"], it["operator"]) for it in many["branches"]] == [
        ("Pro", "equals"),
        ("Branch 3", "exists"),
    ]
    assert rules["logic"] == "OR"
    assert [group["filters"][0]["field"] for group in rules["groups"]] == [
        "email",
        "subscribed",
    ]


def test_what_begins_it_how_often_and_its_name(
    member: Visitor, workflow: Workflow
) -> None:
    segment = Segment.objects.create(
        project=workflow.project,
        name="Pros",
        type=SegmentType.DYNAMIC,
        condition={
            "logic": "AND",
            "groups": [
                {"filters": [{"field": "data.plan", "operator": "exists"}]},
            ],
        },
        track_membership=True,
    )
    page = at(member, workflow)

    choose(page, "People come in when", "EVENTS")
    for name in ("one", "two"):
        fill(page, "Add an event", name)
        page.keyboard.press("Enter")
    choose(page, "Needed", "ANY")
    several = saved(page, workflow)["trigger"]
    page.get_by_role("button", name="Undo").first.click()
    page.get_by_role("button", name="Undo").first.click()
    page.get_by_text("When “one” happened").wait_for()
    one = saved(page, workflow)["trigger"]
    choose(page, "People come in when", "SEGMENT_EXIT")
    choose(page, "Segment", "Pros")
    leaving = saved(page, workflow)["trigger"]
    choose(page, "People come in when", "SCHEDULE")
    choose(page, "Day", "Every Friday")
    fill(page, "Time", "17:05")
    fill(page, "Time zone", "Asia/Tokyo")
    choose(page, "For whom", "Pros")
    clock = saved(page, workflow)["trigger"]
    choose(page, "People come in when", "MANUAL")
    choose(page, "How often somebody may come in", "again")
    title = page.get_by_label("Name of the automation")
    title.fill("   ")
    title.press("Enter")
    restored = title.input_value()
    title.fill("Hello, pros")
    title.press("Enter")
    page.locator("[data-saved=saving]").wait_for()
    by_hand = saved(page, workflow)["trigger"]
    mine = (workflow.name, workflow.allow_reentry)
    workflows.change(workflow=workflow, name="Theirs")
    title.fill("Mine")
    title.press("Enter")
    page.get_by_role("button", name="Save mine over it").click()
    page.locator("[data-saved=saving]").wait_for()
    saved(page, workflow)

    chosen = {"segmentId": str(segment.pk)}
    both = {"type": "EVENTS", "eventNames": ["one", "two"], "mode": "ANY"}
    assert several == both
    assert one == {"type": "EVENTS", "eventNames": ["one"], "mode": "ALL"}
    assert leaving == {"type": "SEGMENT_EXIT", **chosen}
    assert clock == {
        "type": "SCHEDULE",
        "schedule": "5 17 * * 5",
        "timezone": "Asia/Tokyo",
        **chosen,
    }
    assert by_hand == {"type": "MANUAL"}
    assert restored == "Welcome"
    assert mine == ("Hello, pros", True)
    assert workflow.name == "Mine"
    assert [it for it in member.complaints if "409" not in it] == []
    member.complaints.clear()


def test_two_fingers_zoom_one_pans_and_tidying_up_can_be_undone(
    open_window: Callable[..., Visitor],
    log_in: Callable[[Visitor, User], Visitor],
    alice: User,
    workflow: Workflow,
) -> None:
    phone = log_in(open_window(NARROW, has_touch=True, is_mobile=True), alice)
    page = at(phone, workflow)
    close_panel(page)
    add(page, "TRIGGER", "Exit")
    close_panel(page)
    page.get_by_role("button", name="Show everything").click()
    touch = page.context.new_cdp_session(page)

    def move(*paths: tuple[tuple[int, int], tuple[int, int]]) -> None:
        def points(k: float) -> list[dict[str, float]]:
            return [
                {"x": a + (c - a) * k, "y": b + (d - b) * k, "id": at}
                for at, ((a, b), (c, d)) in enumerate(paths)
            ]

        for kind, k in (
            ("touchStart", 0),
            ("touchMove", 0.5),
            ("touchMove", 1),
        ):
            given = {"type": kind, "touchPoints": points(k)}
            touch.send("Input.dispatchTouchEvent", given)
        for left in range(len(paths) - 1, -1, -1):
            given = {"type": "touchEnd", "touchPoints": points(1)[:left]}
            touch.send("Input.dispatchTouchEvent", given)

    def x_of(type_: str) -> float:
        box = card(page, type_).bounding_box()
        assert box is not None
        return float(box["x"])

    zoomed = page.locator("[data-zoomed]")
    before = zoomed.text_content()
    move(((150, 600), (100, 600)), ((200, 600), (250, 600)))
    nearer = zoomed.text_content()
    page.get_by_role("button", name="Show everything").click()
    start = x_of("TRIGGER")
    move(((150, 640), (190, 640)))
    panned = x_of("TRIGGER") - start
    page.get_by_role("button", name="Show everything").click()
    card(page, "EXIT").press("Alt+ArrowRight")
    card(page, "EXIT").press("Alt+ArrowRight")
    aside = x_of("EXIT") - x_of("TRIGGER")
    page.get_by_role("button", name="Tidy up").tap()
    tidied = x_of("EXIT") - x_of("TRIGGER")
    page.get_by_role("button", name="Undo").first.tap()
    undone = x_of("EXIT") - x_of("TRIGGER")

    assert (before, nearer) == ("100%", "200%")
    assert panned == pytest.approx(40, abs=1)
    assert aside > 20
    assert tidied == pytest.approx(0, abs=1)
    assert undone == pytest.approx(aside, abs=1)
