"""Every page of the dashboard, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from plunk.projects.models import Project, User
from tests.addresses import PAGES
from tests.browser.conftest import NARROW, Visitor, width_of
from tests.pages.rows import make_contact, make_occurrence
from tests.test_strangers import Alices, fill

pytestmark = pytest.mark.django_db(transaction=True)

OpenWindow = Callable[..., Visitor]


@pytest.fixture
def alices(project: Project) -> Alices:
    """Fill alice's project with one of everything."""
    return fill(project)


def whole_pages(project: Project, things: dict[str, object], user: User) -> list[str]:
    """Return the addresses of a project that answer with a page, and not a part."""
    client = Client()
    client.force_login(user)
    found = []
    for name, needed in PAGES.items():
        kwargs = {thing: things[thing] for thing in needed}
        url = reverse(name, kwargs={"project_id": project.pk, **kwargs})
        response = client.get(url)
        if response.status_code == 200 and not response.streaming:
            text = response.content.decode()
            found += [url] if 'name="viewport"' in text and "sidebar" in text else []
    return found


def test_logging_in_through_the_form(
    open_window: OpenWindow, alice: User, project: Project
) -> None:
    page = open_window().visit("/")

    page.get_by_label("Email").fill("alice@example.com")
    page.get_by_label("Password").first.fill("correct horse")
    page.get_by_role("button", name="Log in").click()

    page.wait_for_url(f"**/projects/{project.pk}/")


def test_no_page_is_wider_than_a_phone(
    open_window: OpenWindow,
    log_in: Callable[[Visitor, User], Visitor],
    alice: User,
    alices: Alices,
) -> None:
    visitor = log_in(open_window(NARROW), alice)
    long = make_contact(
        alices.project,
        f"{'long' * 15}@{'sub.' * 20}example.com",
        data={"x" * 99: "y" * 999},
    )
    make_occurrence(alices.project, long, "an.event.with.a.long.name." * 8)
    things = alices.things | {"contact_id": long.pk}
    pages = whole_pages(alices.project, things, alice)

    wide = []
    for url in pages:
        page = visitor.visit(url)
        if (width := width_of(page)) > NARROW["width"]:
            wide.append(f"{url} is {width} wide")

    assert len(pages) > 30
    assert wide == []
