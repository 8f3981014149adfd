"""What was called, and what was told: the pages of webhooks and of events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from automations.webhooks import calling
from plunk.projects.models import Project
from tests.automations.building import live, on, settle, step
from tests.browser.conftest import Visitor
from tests.conftest import Api
from tests.outbound.conftest import Serve
from tests.outbound.conftest import loopback_allowed as loopback_allowed
from tests.outbound.conftest import nameserver as nameserver
from tests.outbound.conftest import serve as serve
from tests.outbound.receiver import answer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.django_db(transaction=True)


def open_row(page: Page, name: str) -> Page:
    page.locator(".row-link").filter(has_text=name).first.click()
    return page


def test_a_call_that_failed_is_read_and_made_again(
    member: Visitor,
    project: Project,
    base: str,
    api: Api,
    serve: Serve,
    loopback_allowed: None,
) -> None:
    receiver = serve()
    receiver.speak = answer(500, b"out of order")
    call = step("WEBHOOK", url=receiver.url, method="POST", headers={"X-Key": "k-1"})
    live(project, on("paid"), call)
    body = {"event": "paid", "email": "ada@example.com", "data": {"sum": 49}}
    api.post("/v1/track", body)
    settle()
    calling.drain()

    page = open_row(member.visit(f"{base}/webhooks/"), "POST")
    page.get_by_text("The server answered 500").first.wait_for()
    request = page.get_by_role("region", name="Request").inner_text()
    page.get_by_text("What it answered").click()
    answered = page.locator("#call-attempts pre").inner_text()
    receiver.speak = answer(200, b"thanks")
    page.get_by_role("button", name="Call now").click()
    page.get_by_text("It is called again, with the same id.").wait_for()
    calling.drain()
    page.locator("#call-attempts li").nth(1).wait_for()
    attempts = page.locator("#call-attempts .feed-title").all_inner_texts()
    badge = page.locator("#call-badges").inner_text()
    page.get_by_role("link", name="Read its story").click()
    story = page.locator("#run-story").inner_text()

    assert "k-1" in request
    assert "ada@example.com" in request
    assert answered == "out of order"
    assert attempts == ["200", "500"]
    assert "answered 200" in badge
    ids = {got.headers["webhook-id"] for got in receiver.got}
    assert len(ids) == 1
    assert "POST" in story


def test_an_event_is_watched_and_deleted_once_nothing_uses_it(
    member: Visitor, project: Project, base: str, api: Api
) -> None:
    live(project, on("paid"), step("DELAY", amount=1, unit="days"), name="Thanks")
    for name in ("paid", "seen"):
        api.post("/v1/track", {"event": name, "email": "ada@example.com"})

    page = open_row(member.visit(f"{base}/events/"), "paid")
    used = page.get_by_role("region", name="Used in").inner_text()
    can_delete = page.get_by_role("link", name="Delete", exact=True).count()
    api.post(
        "/v1/track",
        {"event": "paid", "email": "grace@example.com", "data": {"sum": 49}},
    )
    page.locator("#feed").get_by_text("grace@example.com").click()
    data = page.locator("#event-data").inner_text()
    page = open_row(member.visit(f"{base}/events/"), "seen")
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete this event").click()
    page.get_by_text("“seen” is deleted.").wait_for()
    left = page.locator(".row-link").all_inner_texts()

    assert re.search(r"Thanks\s+It cannot be deleted", used)
    assert can_delete == 0
    assert '"sum": 49' in data
    assert left == ["paid"]
