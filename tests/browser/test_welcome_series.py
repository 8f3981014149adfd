"""A welcome series, from an empty project to the story of who went through it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from automations.models import Workflow
from contacts.segments.scopes import database_now
from plunk.projects.models import Project
from tests.automations.building import settle
from tests.browser.conftest import Visitor
from tests.browser.drawing import card, close_panel, open_end, pick, saved
from tests.conftest import Api
from transactional.models import MailKind, SavedBy
from transactional.templates import create

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.django_db(transaction=True)

_STEPS = (
    ("TRIGGER", "", "Send email"),
    ("SEND_EMAIL", "", "Wait for a time"),
    ("DELAY", "", "Condition"),
    ("CONDITION", "yes", "Send email"),
    ("CONDITION", "no", "Exit"),
)


def on_canvas(page: Page) -> Page:
    page.locator("[data-canvas][data-ready]").wait_for()
    return page


def make_templates(project: Project) -> None:
    for name in ("Hello", "Tips for pros"):
        written = {"name": name, "subject": name, "body": f"<p>{name}</p>"}
        create(
            project_id=project.pk,
            written={**written, "kind": MailKind.TRANSACTIONAL},
            saved_by=SavedBy.API,
        )


def draw(page: Page) -> None:
    """Draw trigger, mail, a day, a question, a mail or the exit; nothing filled in."""
    close_panel(page)
    for type_, outcome, label in _STEPS:
        page.get_by_role("button", name="Show everything").click()
        open_end(page, type_, outcome).first.click()
        pick(page, label)
        page.locator("dialog").wait_for(state="detached")
        close_panel(page)


def mend(page: Page) -> None:
    """Go where each finding leads, and say what is missing there."""
    page.locator(".finding").filter(has_text="Condition").first.click()
    page.get_by_label("Look at", exact=True).select_option("event.")
    page.get_by_label("Name of the field").fill("plan")
    page.get_by_label("Value", exact=True).fill("pro")
    close_panel(page)
    mails = card(page, "SEND_EMAIL")
    for at, name in enumerate(("Hello", "Tips for pros")):
        mails.nth(at).click()
        page.get_by_label("Template", exact=True).select_option(name)
        close_panel(page)


def wait_for_days(page: Page, days: int) -> None:
    card(page, "DELAY").click()
    page.get_by_label("Wait", exact=True).fill(str(days))
    close_panel(page)


def publish(page: Page, *, moving: bool) -> None:
    page.get_by_role("button", name="Publish").click()
    choice = "Move them" if moving else "They finish"
    page.locator("dialog .choice-card").filter(has_text=choice).click()
    page.locator("dialog").get_by_role("button", name="Publish").click()
    page.get_by_text("Published. Who comes in").wait_for()


def story(page: Page, address: str) -> str:
    """Read the newest run of a contact, from the list of runs on."""
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("link", name=address).first.click()
    return re.sub(r"\s+", " ", page.locator("#run-story").inner_text())


def test_from_an_empty_project_to_a_story(
    member: Visitor, project: Project, base: str, api: Api
) -> None:
    make_templates(project)
    ada, grace = "ada@example.com", "grace@example.com"

    # A series is drawn; what is missing is said, and mended.
    page = member.visit(f"{base}/workflows/new/")
    page.get_by_label("Name", exact=True).fill("Welcome")
    page.get_by_label("Name of the event").fill("signed-up")
    page.get_by_role("button", name="Make it").click()
    draw(on_canvas(page))
    workflow = Workflow.objects.get()
    saved(page, workflow)
    page.get_by_role("button", name="Publish").click()
    page.locator(".finding").first.wait_for()
    findings = page.locator(".finding.is-error").count()
    mend(page)
    saved(page, workflow)
    page.get_by_role("switch").click()
    page.locator("[data-switch][aria-checked=true]").wait_for()

    # Somebody signs up, and waits.
    body = {"event": "signed-up", "email": ada, "data": {"plan": "pro"}}
    tracked = api.post("/v1/track", body)
    settle()
    waiting = story(page, ada)

    # Ada is moved to a version of two days; Grace finishes it as three days begin.
    page.get_by_role("link", name="Canvas", exact=True).click()
    wait_for_days(on_canvas(page), 2)
    saved(page, workflow)
    publish(page, moving=True)
    moved = story(page, ada)
    api.post("/v1/track", {**body, "email": grace, "data": {"plan": "free"}})
    settle()
    page.get_by_role("link", name="Canvas", exact=True).click()
    wait_for_days(on_canvas(page), 3)
    saved(page, workflow)
    publish(page, moving=False)
    settle(database_now() + timedelta(days=2, minutes=1))
    done = story(page, ada)
    finished = story(page, grace)

    # Why is somebody in it, or not?
    page.get_by_role("link", name="Why (not)?", exact=True).click()
    answers = []
    for address in (ada, "nobody@example.com"):
        page.get_by_label("Address", exact=True).fill(address)
        page.get_by_role("button", name="Find out").click()
        answers.append(page.get_by_label("Answer", exact=True).inner_text())

    assert tracked.status_code == 200
    assert findings == 3
    assert "“signed-up” happened plan “pro”" in waiting
    assert re.search(r"Waiting at “Wait for a time” until \w{3} \d\d:\d\d UTC", waiting)
    assert "Version 1, the newest" in waiting
    assert "Version 2, the newest" in moved
    assert "“plan” of the event was “pro”, which equals “pro”." in done
    assert "The mail “Tips for pros” was written for the contact." in done
    assert "Version 2, not the newest" in done
    assert "“plan” of the event was “free”, which does not equal “pro”." in finished
    assert "Left at “Exit” About Version 2, not the newest" in finished
    assert "it lets everybody in only once" in answers[0]
    assert "nobody with this address is in the project" in answers[1]
    member.complaints[:] = [it for it in member.complaints if "422" not in it]
