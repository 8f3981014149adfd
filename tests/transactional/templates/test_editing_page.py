"""The page of the editor, as its scripts talk to it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from plunk.projects.models import Project, User
from transactional.models import SavedBy, Template, TemplateVersion
from transactional.templates import create, delete

pytestmark = pytest.mark.django_db

WRITTEN = {"name": "Welcome", "subject": "Hi", "body": "<p>Hi</p>"}


@pytest.fixture
def template(project: Project) -> Template:
    return create(project_id=project.pk, written=WRITTEN, saved_by=SavedBy.PAGE)


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def url_of(template: Template) -> str:
    return reverse("template_edit", args=[template.project_id, template.pk])


def save(page: Client, template: Template, **fields: str) -> Any:
    return page.post(url_of(template), WRITTEN | {"version": "1"} | fields)


def errors_of(response: Any) -> list[str]:
    assert response.status_code == 422
    return [error["field"] for error in response.json()["errors"]]


def test_the_page_shows_pictures_from_anywhere_and_runs_only_our_scripts(
    page: Client, template: Template
) -> None:
    response = page.get(url_of(template))

    policy = response["Content-Security-Policy"]
    assert response.status_code == 200
    assert "img-src 'self' data: https: http:" in policy
    assert "unsafe" not in policy


def test_a_body_cannot_end_the_script_that_carries_it(
    page: Client, template: Template
) -> None:
    Template.objects.update(body="</script><script>alert(1)</script>")

    response = page.get(url_of(template))

    assert b"<script>alert" not in response.content


def test_saving_makes_a_version(page: Client, template: Template, alice: User) -> None:
    response = save(page, template, body="<p>New</p>\r\n", tracks="false")

    template.refresh_from_db()
    version = TemplateVersion.objects.get(template=template, number=2)
    assert response.json()["version"] == 2
    assert template.body == "<p>New</p>\n"
    assert template.tracks is False
    assert (version.user, version.saved_by) == (alice, SavedBy.PAGE)


def test_saving_what_is_saved_makes_none(page: Client, template: Template) -> None:
    response = save(page, template, tracks="")

    assert response.json()["version"] == 1


def test_whoever_saves_second_is_told_the_newest_version(
    page: Client, template: Template
) -> None:
    save(page, template, body="<p>First</p>")

    response = save(page, template, body="<p>Second</p>")

    template.refresh_from_db()
    assert response.status_code == 409
    assert response.json() == {"version": 2}
    assert template.body == "<p>First</p>"


def test_what_the_language_cannot_read_is_named_by_its_place(
    page: Client, template: Template
) -> None:
    response = save(page, template, body="<p>Hi</p>\n<p>{% if x %}</p>")

    [error] = response.json()["errors"]
    assert response.status_code == 422
    assert (error["field"], error["line"]) == ("body", 2)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"subject": "a\x00b"}, "subject"),
        ({"body": "x" * 2_000_001}, "body"),
        ({"kind": "SPAM"}, "kind"),
        ({"style": "<b>"}, "style"),
        ({"tracks": "maybe"}, "tracks"),
        ({"from_email": "nobody"}, "from_email"),
        ({"reply_to": "a\r\nBcc: b@example.com"}, "reply_to"),
        ({"version": ""}, "version"),
        ({"version": "-1"}, "version"),
        ({"version": "9" * 400}, "version"),
        ({"version": "²"}, "version"),
        ({"version": "NaN"}, "version"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_bad_input_is_named_and_nothing_is_saved(
    page: Client, template: Template, fields: dict[str, str], wrong: str
) -> None:
    response = save(page, template, **fields)

    assert wrong in errors_of(response)
    assert Template.objects.get().version == 1


def test_a_domain_that_is_not_verified_is_an_error_of_the_sender(
    page: Client, template: Template, settings: Any
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True

    response = save(page, template, from_email="me@elsewhere.example")

    assert errors_of(response) == ["from_email"]


def test_a_form_larger_than_any_template_is_refused(
    page: Client, template: Template
) -> None:
    response = save(page, template, body="x" * 10_000_000)

    assert response.status_code in {400, 413}


def test_a_deleted_template_answers_like_none(page: Client, template: Template) -> None:
    delete(template=template)
    elsewhere = reverse("template_edit", args=[template.project_id, uuid4()])

    found = [page.get(url_of(template)), save(page, template), page.get(elsewhere)]

    assert [response.status_code for response in found] == [404, 404, 404]


def test_the_page_costs_the_same_for_a_small_and_a_large_project(
    page: Client,
    template: Template,
    project: Project,
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(20):
        user = User.objects.create_user(f"m{number}@example.com", "x")
        project.memberships.create(user=user)

    with django_assert_max_num_queries(12):
        page.get(url_of(template))


def test_the_dressed_document_has_the_design_and_no_footer(
    page: Client, project: Project
) -> None:
    url = reverse("template_dressed", args=[project.pk])
    body = "<p>Hi {{ firstName ?? there }}</p>"

    response = page.post(url, {"body": body, "kind": "MARKETING", "subject": "a\x00b"})

    html = response.json()["html"]
    assert "<!doctype html>" in html.lower()
    assert "{{ firstName ?? there }}" in html
    assert "unsubscribe" not in html.lower()


@pytest.mark.parametrize(
    "body",
    ["", "\x00", "<div>" * 5000, "{{" * 5000, "{% if %}", "</body></html>", "\ufdd0"],
    ids=["empty", "nul", "deep", "open", "wrong", "closed", "mark"],
)
def test_whatever_is_written_can_be_dressed(
    page: Client, project: Project, body: str
) -> None:
    url = reverse("template_dressed", args=[project.pk])

    response = page.post(url, {"body": body})

    assert response.status_code == 200
