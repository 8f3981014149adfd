"""How a project's recipients' pages will look, chosen in the settings."""

from __future__ import annotations

import pytest

from contacts.links import manage_url
from plunk.projects.models import Project
from tests.browser.conftest import Visitor
from tests.pages.rows import make_contact

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_samples_follow_a_colour_and_the_pages_get_it(
    member: Visitor, base: str, project: Project
) -> None:
    contact = make_contact(project, "ada@example.com")
    page = member.visit(f"{base}/settings/recipients/")
    page.get_by_label("Your own colour").fill("#ffd400")
    is_own = page.locator("input[value=own]").is_checked()
    said = page.locator("[data-contrast]").inner_text()
    button = page.locator(".sample-light .sample-button")
    color = button.evaluate("it => getComputedStyle(it).backgroundColor")

    with page.expect_navigation():
        page.get_by_role("button", name="Save changes").click()
    said_by_the_server = page.locator("[data-contrast]").inner_text()
    member.visit(manage_url(project_id=project.pk, contact_id=contact.pk))
    mark = page.locator(".sheet").evaluate(
        "it => getComputedStyle(it, '::before').backgroundColor"
    )

    assert is_own
    assert color == "rgb(255, 212, 0)"
    assert "black" in said
    assert said == said_by_the_server
    assert mark != "rgba(0, 0, 0, 0)"
