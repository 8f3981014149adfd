"""What recipients do with the links in their mails, on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contacts.links import manage_url, unsubscribe_url
from contacts.models import Contact, Topic, TopicChoice
from plunk.projects.models import Project
from tests.browser.conftest import NARROW, Visitor, width_of
from tests.pages.rows import make_contact

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(installation: str, project: Project) -> Contact:
    return make_contact(project, "ada@example.com")


def press(page: Page, value: str, name: str = "action") -> None:
    """Press the button that says `value` to us, whatever it says to people."""
    with page.expect_navigation():
        page.locator(f"button[name={name}][value='{value}']").click()


def test_unsubscribing_and_taking_it_back(person: Visitor, ada: Contact) -> None:
    page = person.visit(unsubscribe_url(project_id=ada.project_id, contact_id=ada.pk))
    ada.refresh_from_db()
    was_subscribed_after_looking = ada.subscribed

    press(page, "unsubscribe")
    ada.refresh_from_db()
    was_subscribed_after_leaving = ada.subscribed
    press(page, "undo")
    ada.refresh_from_db()

    assert was_subscribed_after_looking is True
    assert was_subscribed_after_leaving is False
    assert ada.subscribed is True


def test_pausing_instead_of_leaving(person: Visitor, ada: Contact) -> None:
    page = person.visit(unsubscribe_url(project_id=ada.project_id, contact_id=ada.pk))

    press(page, "30", name="days")
    ada.refresh_from_db()

    assert ada.subscribed is False
    assert ada.snoozed_until is not None


def test_choosing_topics_and_a_pause(person: Visitor, ada: Contact) -> None:
    news = Topic.objects.create(project_id=ada.project_id, name="News")
    offers = Topic.objects.create(project_id=ada.project_id, name="Offers")
    page = person.visit(manage_url(project_id=ada.project_id, contact_id=ada.pk))

    page.get_by_label("Offers").uncheck()
    press(page, "topics")
    is_news_kept = page.get_by_label("News").is_checked()
    is_offers_kept = page.get_by_label("Offers").is_checked()
    choices = dict(TopicChoice.objects.values_list("topic_id", "is_joined"))
    press(page, "30", name="days")
    ada.refresh_from_db()

    assert (is_news_kept, is_offers_kept) == (True, False)
    assert choices.get(offers.pk) is False
    assert choices.get(news.pk) is not False
    assert ada.snoozed_until is not None


def test_nothing_here_is_wider_than_a_phone(person: Visitor, ada: Contact) -> None:
    Topic.objects.create(project_id=ada.project_id, name="W" * 100)
    Topic.objects.create(project_id=ada.project_id, name="News")
    project = Project.objects.get(pk=ada.project_id)
    project.name = "Acme" * 25
    project.save()
    links = [
        link(project_id=ada.project_id, contact_id=ada.pk)
        for link in (unsubscribe_url, manage_url)
    ]

    widths = [width_of(person.visit(link)) for link in links]

    assert max(widths) <= NARROW["width"]
