"""From a tracked event to a confirmed subscription, by the mail in between."""

from __future__ import annotations

import pytest

from contacts.models import Contact
from plunk.projects.models import Project
from tests.browser.conftest import Visitor
from tests.conftest import Api
from transactional import delivery

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_contact_is_in_once_the_link_in_the_mail_was_used(
    member: Visitor, person: Visitor, project: Project, base: str, api: Api
) -> None:
    project.double_opt_in = True
    project.from_email = "hello@acme.example"
    project.save()
    event = {"event": "signed-up", "email": "ada@example.com", "subscribed": True}
    tracked = api.post("/v1/track", event)
    contact = Contact.objects.get(email="ada@example.com")
    was_subscribed_at_first = contact.subscribed

    delivery.drain(seconds=30)
    inbox = member.visit(f"{base}/inbox/")
    inbox.get_by_text("Please confirm").first.click()
    link = inbox.locator(".reader-links a[href*='/subscribe/']").first
    page = person.visit(link.get_attribute("href") or "")
    contact.refresh_from_db()
    was_subscribed_after_looking = contact.subscribed
    with page.expect_navigation():
        page.locator("button[value=subscribe]").click()
    contact.refresh_from_db()

    assert tracked.status_code == 200
    assert was_subscribed_at_first is False
    assert was_subscribed_after_looking is False
    assert contact.subscribed is True
    assert contact.confirmed_at is not None
