"""The canvas of an automation: building, changing, deleting, by every way there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from automations import workflows
from automations.definitions import Trigger
from automations.models import TriggerType, Workflow
from plunk.projects.models import Project
from tests.browser.conftest import NARROW, Visitor, width_of
from tests.browser.drawing import (
    at,
    card,
    close_panel,
    open_end,
    pick,
    saved,
    shape,
)
from transactional.models import Template

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from plunk.projects.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def template(project: Project) -> Template:
    return Template.objects.create(project=project, name="Welcome", subject="Hello")


@pytest.fixture
def workflow(project: Project, template: Template) -> Workflow:
    trigger = Trigger(TriggerType.EVENT, {"eventName": "signed-up"})
    return workflows.create(project_id=project.pk, name="Welcome", trigger=trigger)


_WHOLE = {
    ("TRIGGER", "", "SEND_EMAIL"),
    ("SEND_EMAIL", "", "DELAY"),
    ("DELAY", "", "CONDITION"),
    ("CONDITION", "yes", "UPDATE_CONTACT"),
    ("CONDITION", "no", "EXIT"),
}
_LINE = (
    ("TRIGGER", "", "Send email"),
    ("SEND_EMAIL", "", "Wait for a time"),
    ("DELAY", "", "Condition"),
    ("CONDITION", "yes", "Update contact"),
    ("CONDITION", "no", "Exit"),
)


def build(page: Page, press: Callable[[Locator], None]) -> None:
    """Build trigger, mail, a day, a condition and its branches at their open ends."""
    for type_, outcome, label in _LINE:
        page.get_by_role("button", name="Show everything").click()
        press(open_end(page, type_, outcome))
        pick(page, label)
        page.locator("dialog").wait_for(state="detached")
        close_panel(page)


def fill_in(page: Page, template: Template) -> None:
    """Say in the forms what the mail and the condition are about."""
    card(page, "SEND_EMAIL").click()
    page.get_by_label("Template", exact=True).select_option(str(template.pk))
    close_panel(page)
    card(page, "CONDITION").click()
    page.get_by_label("Look at", exact=True).select_option("contact.subscribed")
    close_panel(page)


def test_building_by_mouse(
    member: Visitor, workflow: Workflow, template: Template
) -> None:
    page = at(member, workflow)
    close_panel(page)

    build(page, lambda port: port.click())
    fill_in(page, template)
    draft = saved(page, workflow)
    box = card(page, "DELAY").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 60, steps=4)
    page.mouse.up()
    page.locator("[data-saved=saving]").wait_for()
    moved = saved(page, workflow)

    assert shape(draft) == _WHOLE
    steps = {step["type"]: step for step in draft["steps"]}
    assert steps["SEND_EMAIL"]["templateId"] == str(template.pk)
    assert steps["DELAY"]["config"] == {"amount": 1, "unit": "days"}
    assert steps["CONDITION"]["config"]["value"] is True
    after = {step["type"]: step["position"] for step in moved["steps"]}
    assert after["DELAY"]["x"] > steps["DELAY"]["position"]["x"]
    assert after["SEND_EMAIL"] == steps["SEND_EMAIL"]["position"]


def test_building_by_keyboard(member: Visitor, workflow: Workflow) -> None:
    page = at(member, workflow)
    keyboard = page.keyboard

    for type_, outcome, label in _LINE:
        card(page, type_).focus()
        keyboard.press("Enter")
        way = page.locator(f'.way[data-outcome="{outcome}"]')
        way.get_by_role("button", name="Add a step").focus()
        keyboard.press("Enter")
        item = page.locator("dialog .pick-item").filter(has_text=label).first
        item.focus()
        keyboard.press("Enter")
        page.locator("dialog").wait_for(state="detached")
    keyboard.press("Escape")
    card(page, "TRIGGER").focus()
    walked = []
    for _ in range(4):
        walked.append(
            page.evaluate("document.activeElement.parentElement.dataset.type")
        )
        keyboard.press("ArrowDown")

    assert shape(saved(page, workflow)) == _WHOLE
    assert walked == ["TRIGGER", "SEND_EMAIL", "DELAY", "CONDITION"]


def test_building_by_touch_on_a_phone(
    open_window: Callable[..., Visitor],
    log_in: Callable[[Visitor, User], Visitor],
    alice: User,
    workflow: Workflow,
) -> None:
    phone = log_in(open_window(NARROW, has_touch=True, is_mobile=True), alice)
    page = at(phone, workflow)
    close_panel(page)

    build(page, lambda port: port.tap())
    page.get_by_title("Show everything").tap()
    card(page, "SEND_EMAIL").tap()
    sheet = page.locator("[data-panel]").bounding_box()

    assert shape(saved(page, workflow)) == _WHOLE
    assert width_of(page) == 390
    assert sheet is not None
    assert sheet["y"] > 200


def test_taking_back_and_doing_again(member: Visitor, workflow: Workflow) -> None:
    page = at(member, workflow)
    close_panel(page)
    open_end(page, "TRIGGER").click()
    pick(page, "Send email")
    saved(page, workflow)
    close_panel(page)

    page.keyboard.press("Control+z")
    card(page, "SEND_EMAIL").wait_for(state="detached")
    page.keyboard.press("Control+Shift+z")
    card(page, "SEND_EMAIL").wait_for()
    page.get_by_role("button", name="Undo").first.click()
    card(page, "SEND_EMAIL").wait_for(state="detached")
    page.locator("[data-saved=saved]").wait_for()
    page.reload()
    page.locator("[data-canvas][data-ready]").wait_for()

    assert page.locator(".step").count() == 1


def test_putting_a_step_between_two_and_taking_it_out(
    member: Visitor, workflow: Workflow
) -> None:
    page = at(member, workflow)
    close_panel(page)
    build(page, lambda port: port.click())

    page.locator(".edge-plus").first.click()
    pick(page, "Call a webhook")
    with_it = shape(saved(page, workflow))
    page.get_by_role("button", name="Delete step…").click()
    page.get_by_role("button", name="Delete only this step").click()
    card(page, "WEBHOOK").wait_for(state="detached")
    page.locator("[data-saved=saving]").wait_for()
    without = shape(saved(page, workflow))

    assert ("TRIGGER", "", "WEBHOOK") in with_it
    assert ("WEBHOOK", "", "SEND_EMAIL") in with_it
    assert without == _WHOLE


def test_deleting_a_step_with_all_that_comes_after(
    member: Visitor, workflow: Workflow
) -> None:
    page = at(member, workflow)
    close_panel(page)
    build(page, lambda port: port.click())
    saved(page, workflow)

    card(page, "DELAY").focus()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Delete it and everything after").click()
    card(page, "DELAY").wait_for(state="detached")
    page.locator("[data-saved=saving]").wait_for()

    assert shape(saved(page, workflow)) == {("TRIGGER", "", "SEND_EMAIL")}


def test_two_people_at_once_are_told(member: Visitor, workflow: Workflow) -> None:
    page = at(member, workflow)
    close_panel(page)
    draft = {**workflow.draft, "trigger": {"type": "EVENT", "eventName": "theirs"}}
    workflows.save_draft(workflow=workflow, document=draft)

    open_end(page, "TRIGGER").click()
    pick(page, "Exit")
    page.get_by_role("button", name="Save mine over it").wait_for()
    kept = Workflow.objects.get(pk=workflow.pk).draft
    page.get_by_role("button", name="Load what they saved").click()
    page.get_by_text("When “theirs” happens").wait_for()

    assert len(kept["steps"]) == 1
    assert [it for it in member.complaints if "409" not in it] == []
    member.complaints.clear()


def test_publishing_and_switching_on(
    member: Visitor, workflow: Workflow, template: Template
) -> None:
    page = at(member, workflow)
    page.get_by_role("button", name="Publish").click()
    page.locator(".finding").first.wait_for()
    close_panel(page)
    build(page, lambda port: port.click())
    fill_in(page, template)
    card(page, "UPDATE_CONTACT").click()
    page.get_by_label("Subscription", exact=True).select_option("unsubscribe")
    saved(page, workflow)

    page.get_by_role("button", name="Publish").click()
    page.get_by_text("Published. Who comes in").wait_for()
    page.get_by_role("switch").click()
    page.locator("[data-switch][aria-checked=true]").wait_for()
    workflow.refresh_from_db()

    assert workflow.live is not None
    assert workflow.enabled
    assert page.get_by_role("button", name="Publish").is_hidden()
    assert [it for it in member.complaints if "422" not in it] == []
    member.complaints.clear()
