"""The pages about templates."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from plunk.projects.models import Project, User
from tests.pages.rows import make_email
from tests.transactional.templates.conftest import Write
from transactional import template_uses, templates
from transactional.comparing import MOST_LINES, body_diff
from transactional.gallery import GALLERY
from transactional.models import SavedBy, Template, TemplateVersion
from transactional.template_uses import Use, UseKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    """Bob, who is neither owner nor admin: every member writes templates."""
    client.force_login(bob)
    return client


@pytest.fixture
def url(project: Project) -> str:
    return f"/projects/{project.pk}/templates"


def shown(client: Client, path: str, **query: Any) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return response.content.decode()


def save(template: Template, **written: Any) -> Template:
    return templates.change(template=template, written=written, saved_by=SavedBy.PAGE)


# -- the list --------------------------------------------------------------------------
def test_an_empty_list_offers_the_gallery(member: Client, url: str) -> None:
    page = shown(member, f"{url}/")

    assert "No templates yet" in page
    assert f"{url}/new/" in page


def test_a_list_shows_what_is_not_deleted(
    member: Client, url: str, write: Write
) -> None:
    write(name="Kept <b>")
    templates.delete(template=write(name="Gone"))

    page = shown(member, f"{url}/")

    assert "Kept &lt;b&gt;" in page
    assert "Gone" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "receipt"}, ["Bill"]),
        ({"q": "nothing"}, []),
        ({"q": "\x00"}, []),
        ({"q": "x" * 1000}, []),
        ({"kind": "transactional"}, ["Bill"]),
        ({"kind": "x"}, ["Bill", "Hello"]),
        ({"sort": "x", "cursor": "x"}, ["Bill", "Hello"]),
        ({"sort": "name", "cursor": "W10="}, ["Bill", "Hello"]),
        ({"sort": "name", "cursor": "WzEsMl0="}, ["Bill", "Hello"]),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_list_is_narrowed(
    member: Client, url: str, write: Write, query: dict[str, str], found: list[str]
) -> None:
    write(name="Hello")
    write(name="Bill", subject="Your receipt", kind="TRANSACTIONAL")

    page = shown(member, f"{url}/", **query)

    assert [name for name in ("Bill", "Hello") if f">{name}</a>" in page] == found


@pytest.mark.parametrize("sort", ["changed", "newest", "name"])
def test_every_template_is_on_one_page_of_the_list(
    member: Client, url: str, write: Write, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr("transactional.pages.templates.PAGE_SIZE", 2)
    ids = {write(name=f"T{number // 2}").pk for number in range(5)}
    found: list[UUID] = []
    cursor: str | None = ""

    while cursor is not None:
        response = member.get(f"{url}/", {"sort": sort, "cursor": cursor})
        page = response.context["page"]
        found += [row.pk for row in page.rows]
        cursor = page.next

    assert len(found) == 5
    assert set(found) == ids


def test_pages_cost_the_same_with_ten_rows_and_twenty(
    member: Client, url: str, write: Write, template: Template, project: Project
) -> None:
    paths = [f"{url}/", f"{url}/?sort=name&q=a", f"{url}/{template.pk}/"]
    costs = []
    member.get(f"{url}/")
    for turn in range(2):
        for number in range(10):
            write(name=f"a{number}")
            save(template, name=f"{turn} {number}")
            make_email(project, template=template)
        for path in paths:
            with CaptureQueriesContext(connection) as captured:
                assert member.get(path).status_code == 200
            costs.append(len(captured))

    assert costs[:3] == costs[3:]
    assert max(costs) <= 9


# -- a new one -------------------------------------------------------------------------
def test_the_gallery_is_offered(member: Client, url: str) -> None:
    page = shown(member, f"{url}/new/")

    for one in GALLERY:
        assert f"{url}/gallery/{one.slug}/" in page


@pytest.mark.parametrize("slug", [one.slug for one in GALLERY])
def test_each_of_the_gallery_is_shown_and_made(
    member: Client, url: str, slug: str, bob: User
) -> None:
    frame = member.get(f"{url}/gallery/{slug}/")
    made = member.post(f"{url}/new/", {"start": slug})

    template = Template.objects.get()
    assert "sandbox" in frame["Content-Security-Policy"]
    assert b"{{" not in frame.content
    assert b"{%" not in frame.content
    assert made["Location"] == f"{url}/{template.pk}/edit/"
    assert TemplateVersion.objects.get().user == bob


@pytest.mark.parametrize(("start", "style"), [("blank", "PLUNK"), ("html", "HTML")])
def test_a_new_one_begins_with_next_to_nothing(
    member: Client, url: str, start: str, style: str
) -> None:
    member.post(f"{url}/new/", {"start": start})

    assert Template.objects.get().style == style


@pytest.mark.parametrize("start", ["", "nonsense", "../x", "\x00"])
def test_nothing_begins_with_what_there_is_not(
    member: Client, url: str, start: str
) -> None:
    assert member.post(f"{url}/new/", {"start": start}).status_code == 404
    assert not Template.objects.exists()


# -- one template ----------------------------------------------------------------------
@pytest.mark.parametrize("view", ["", "desktop", "phone", "text", "x"])
def test_a_template_has_a_page(
    member: Client, url: str, write: Write, view: str
) -> None:
    template = write(description="<i>x</i>", preheader="Psst")

    page = shown(member, f"{url}/{template.pk}/", view=view)

    assert "&lt;i&gt;x&lt;/i&gt;" in page
    assert "Psst" in page
    assert 'sandbox=""' in page


def test_its_page_says_what_needs_it(
    member: Client, url: str, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    def source(_: UUID, template_ids: Collection[UUID]) -> list[Use]:
        label = "the workflow “Onboarding”"
        return [Use(pk, UseKind.WORKFLOW_STEP, label, "/x/") for pk in template_ids]

    monkeypatch.setattr(template_uses, "_sources", [source])

    assert "the workflow “Onboarding”" in shown(member, f"{url}/{template.pk}/")
    assert "cannot be deleted now" in shown(member, f"{url}/{template.pk}/delete/")
    member.post(f"{url}/{template.pk}/delete/")
    assert Template.objects.existing().exists()


def test_versions_are_told_with_who_and_what(
    member: Client, url: str, template: Template, bob: User
) -> None:
    templates.change(
        template=template,
        written={"subject": "New", "body": "<p>New</p>"},
        saved_by=SavedBy.PAGE,
        user=bob,
    )
    save(template, tracks=True)

    response = member.get(f"{url}/{template.pk}/")

    told = [(version.number, words) for version, words in response.context["versions"]]
    assert told == [(3, "Opens and clicks"), (2, "Subject, body"), (1, "Made")]
    assert bob.email in response.content.decode()


def test_older_versions_are_on_the_next_page(
    member: Client, url: str, template: Template
) -> None:
    for number in range(12):
        save(template, subject=f"S{number}")
    path = f"{url}/{template.pk}/"

    first = member.get(path).context
    second = member.get(path, {"before": first["older"]}).context

    numbers = [[one.number for one, _ in page["versions"]] for page in (first, second)]
    assert numbers == [list(range(13, 3, -1)), [3, 2, 1]]
    assert first["versions"][-1][1] == "Subject"
    for before in ("x", "-1", "9" * 30):
        assert member.get(path, {"before": before}).status_code == 200


def test_a_template_without_versions_has_a_page(
    member: Client, url: str, template: Template
) -> None:
    TemplateVersion.objects.all().delete()

    assert "from the next save on" in shown(member, f"{url}/{template.pk}/")


def test_a_copy_is_made(member: Client, url: str, template: Template) -> None:
    response = member.post(f"{url}/{template.pk}/duplicate/")

    copy = Template.objects.get(name="Welcome (Copy)")
    assert response["Location"] == f"{url}/{copy.pk}/"


def test_deleting_says_what_stays(
    member: Client, url: str, template: Template, project: Project
) -> None:
    email = make_email(project, template=template)
    path = f"{url}/{template.pk}/delete/"

    assert "(1)" in shown(member, path)
    assert member.post(path)["Location"] == f"{url}/"
    assert member.get(path).status_code == 404
    email.refresh_from_db()
    assert email.template_id == template.pk
    assert "Welcome" in shown(member, f"/projects/{project.pk}/emails/{email.pk}/")


# -- versions --------------------------------------------------------------------------
def test_a_version_says_what_it_changed(
    member: Client, url: str, template: Template
) -> None:
    save(template, subject="<New>", body="<p>Hello</p><p>More</p>")
    save(template, name="Third")
    path = f"{url}/{template.pk}/versions/2/"

    before = member.get(path)
    now = member.get(path, {"against": "now"})

    assert "&lt;New&gt;" in before.content.decode()
    assert [line.kind for line in before.context["lines"]] == ["same", "added"]
    assert [change.label for change in now.context["changes"]] == ["Name"]
    assert now.context["is_body_same"]


def test_the_first_version_has_nothing_before_it(
    member: Client, url: str, template: Template
) -> None:
    assert "nothing before it" in shown(member, f"{url}/{template.pk}/versions/1/")


@pytest.mark.parametrize("number", ["0", "2", "2147483648", "9" * 5000])
def test_there_is_no_page_of_a_version_that_never_was(
    member: Client, url: str, template: Template, number: str
) -> None:
    for path in ("", "restore/"):
        response = member.get(f"{url}/{template.pk}/versions/{number}/{path}")
        assert response.status_code == 404


def test_a_version_is_restored_after_asking(
    member: Client, url: str, template: Template, bob: User
) -> None:
    save(template, subject="New")
    path = f"{url}/{template.pk}/versions/1/restore/"

    assert "subject" in shown(member, path)
    assert member.get(path).context["template"].subject == "New"
    response = member.post(path, {"version": "2"})

    template.refresh_from_db()
    assert response["Location"] == f"{url}/{template.pk}/"
    assert (template.subject, template.version) == ("Hi", 3)
    assert TemplateVersion.objects.get(number=3).user == bob


def test_restoring_over_somebody_elses_save_is_refused(
    member: Client, url: str, template: Template
) -> None:
    save(template, subject="New")
    save(template, subject="Newer")

    response = member.post(f"{url}/{template.pk}/versions/1/restore/", {"version": "2"})

    assert "saved in the meantime" in response.content.decode()
    template.refresh_from_db()
    assert template.subject == "Newer"


# -- differences -----------------------------------------------------------------------
def lines(before: str, after: str) -> list[tuple[str, str]]:
    found = body_diff(before, after)
    assert found is not None
    return [(line.kind, line.text) for line in found]


def test_a_body_of_one_line_is_compared_block_by_block() -> None:
    before = "<h1>A</h1><p>B</p><p>C</p><p>D</p><p>E</p>"

    assert lines(before, before.replace("E", "F")) == [
        ("gap", ""),
        ("same", "<p>C</p>"),
        ("same", "<p>D</p>"),
        ("removed", "<p>E</p>"),
        ("added", "<p>F</p>"),
    ]


def test_what_is_the_same_differs_nowhere() -> None:
    assert lines("<p>A</p>", "<p>A</p>") == []
    assert lines("", "x") == [("added", "x")]


def test_what_takes_too_long_is_not_compared() -> None:
    before = "\n".join(f"a{number}" for number in range(MOST_LINES))

    assert body_diff(before, before.replace("a", "b")) is None
    assert body_diff(before, f"{before}\nmore") is not None
