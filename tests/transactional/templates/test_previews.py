"""What the editor shows: previews in a sandbox, and who can stand in for the reader."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.conftest import NOBODY
from tests.pages.rows import make_contact
from transactional.models import Template

pytestmark = pytest.mark.django_db

DRAFT = {
    "subject": "Hi",
    "body": "<p>Hello {{ firstName ?? you }}, {{ email }}</p>",
    "style": "PLUNK",
    "kind": "MARKETING",
}
#: What tries to run, load, post or lead away.
HOSTILE = """<base href="https://evil.example/">
<meta http-equiv="refresh" content="0;url=https://evil.example/">
<script>document.title = "ran"</script><img src=x onerror="alert(1)">
<form action="https://evil.example/"><input name="x"></form>
<iframe src="https://evil.example/"></iframe><p>{{ firstName }}</p>"""


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    client.force_login(bob)
    return client


@pytest.fixture
def url(project: Project) -> str:
    return f"/projects/{project.pk}/templates"


def shown(client: Client, url: str, **changes: Any) -> str:
    response = client.post(f"{url}/preview/", DRAFT | changes)
    assert response.status_code == 200
    return response.content.decode()


def test_a_draft_is_shown_to_somebody_made_up(member: Client, url: str) -> None:
    page = shown(member, url)

    assert "Hello Ada, ada@example.com" in page


def test_a_contact_can_stand_in(member: Client, url: str, project: Project) -> None:
    ann = make_contact(project, "ann@example.com", data={"firstName": "<Ann>"})

    page = shown(member, url, contact=str(ann.pk))

    assert "Hello &lt;Ann&gt;, ann@example.com" in page


def test_marketing_has_its_footer_and_its_links_lead_nowhere(
    member: Client, url: str, project: Project
) -> None:
    ann = make_contact(project, "ann@example.com", subscribed=True)

    page = shown(member, url, contact=str(ann.pk))

    assert "/preview" in page
    assert str(ann.pk) not in page
    assert "/unsubscribe/" not in page
    assert "/preview" not in shown(member, url, kind="TRANSACTIONAL")


def test_plain_text_is_shown_as_text(member: Client, url: str) -> None:
    page = shown(member, url, form="text", body="<p>a &lt;b&gt; {{ firstName }}</p>")

    assert "<pre" in page
    assert "a &lt;b&gt; Ada" in page


def test_a_frame_runs_and_fetches_nothing(member: Client, url: str) -> None:
    """G2."""
    response = member.post(
        f"{url}/preview/", DRAFT | {"body": HOSTILE, "style": "HTML"}
    )

    policy = response["Content-Security-Policy"]
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    assert directives["sandbox"] == ""
    assert directives["default-src"] == "'none'"
    assert directives["base-uri"] == "'none'"
    assert directives["form-action"] == "'none'"
    assert directives["frame-ancestors"] == "'self'"
    assert "script-src" not in directives
    ours = f"{settings.APP_URI}/media/"
    assert set(directives["img-src"].split()) == {"https:", "data:", ours}
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("form", ["html", "text", "pdf", ""])
@pytest.mark.parametrize("style", ["PLUNK", "HTML"])
@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "{{",
        "{% if %}",
        "{{ x | nope: }}",
        "{% for i in (1..100000) %}x{% endfor %}",
        "<" * 3000,
        "<div>" * 3000,
        "\x00",
        "x" * 100_000,
        "{{ a" + ".a" * 2000 + " }}",
    ],
    ids=lambda value: repr(value)[:14],
)
def test_whatever_is_written_is_shown_or_explained(
    member: Client, url: str, body: str, style: str, form: str
) -> None:
    page = shown(member, url, body=body, style=style, form=form)

    assert page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"contact": NOBODY}, "That contact is not there any more."),
        ({"contact": "x"}, "That contact is not there any more."),
        ({"kind": "SPAM"}, "kind"),
        ({"style": "PDF"}, "style"),
        ({"subject": "x" * 999}, "subject"),
        ({"body": ""}, "Nothing is written yet."),
    ],
    ids=str,
)
def test_what_cannot_be_shown_is_told_in_the_frame(
    member: Client, url: str, changes: dict[str, str], words: str
) -> None:
    assert words in shown(member, url, **changes)


def test_a_contact_of_others_is_as_unknown_as_none(
    member: Client, url: str, other_project: NewProject
) -> None:
    theirs = make_contact(other_project.project, "secret@example.com")

    assert shown(member, url, contact=str(theirs.pk)) == shown(
        member, url, contact=NOBODY
    )


def test_a_form_of_another_site_shows_nothing(url: str, bob: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bob)

    for name in ("preview", "test", "lint"):
        assert browser.post(f"{url}/{name}/", DRAFT).status_code == 403


def test_a_saved_template_has_a_frame(
    member: Client, url: str, template: Template
) -> None:
    response = member.get(f"{url}/{template.pk}/html/")
    text = member.get(f"{url}/{template.pk}/html/", {"form": "text"})
    first = member.get(f"{url}/{template.pk}/html/", {"version": "1"})

    assert b"Hello" in response.content
    assert b"<pre" in text.content
    assert first.content == response.content
    assert "sandbox" in response["Content-Security-Policy"]
    for version in ("2", "999999999"):
        path = f"{url}/{template.pk}/html/"
        assert member.get(path, {"version": version}).status_code == 404


def test_contacts_are_offered_by_their_address(
    member: Client, url: str, project: Project, other_project: NewProject
) -> None:
    ann = make_contact(
        project, "ann@example.com", data={"firstName": "Ann", "lastName": 7}
    )
    make_contact(project, "bea@example.com", data={"name": "Bea B", "firstName": "x"})
    make_contact(other_project.project, "annette@example.com")

    found = member.get(f"{url}/contacts/", {"search": "ANN"}).json()
    everybody = member.get(f"{url}/contacts/").json()["contacts"]

    assert found == {
        "contacts": [{"id": str(ann.pk), "email": "ann@example.com", "name": "Ann"}]
    }
    assert [one["name"] for one in everybody] == ["Ann", "Bea B"]


@pytest.mark.parametrize("search", ["\x00", "%", "x" * 5000, "é@ü.example", "@"])
def test_any_search_is_an_answer(member: Client, url: str, search: str) -> None:
    response = member.get(f"{url}/contacts/", {"search": search})

    assert response.json() == {"contacts": []}


def test_no_more_contacts_are_offered_than_one_reads(
    member: Client, url: str, project: Project
) -> None:
    for _ in range(25):
        make_contact(project)

    assert len(member.get(f"{url}/contacts/").json()["contacts"]) == 20


def test_hints_are_told_with_their_place(
    member: Client, url: str, project: Project
) -> None:
    make_contact(project, data={"plan": "pro"})
    draft = DRAFT | {"body": "<p>Hi</p>\n<p>{{ plann }}</p>"}

    findings = member.post(f"{url}/lint/", draft).json()["findings"]

    wanted = {"level", "code", "message", "part", "line", "column", "contacts"}
    assert all(finding.keys() == wanted for finding in findings)
    assert any("plann" in one["message"] and one["line"] == 2 for one in findings)


@pytest.mark.parametrize(
    "body", ["", "\x00", "{{", "{% if %}", "<" * 5000, "{{ a }}" * 5000, "\ufdd0"]
)
def test_any_draft_is_linted(member: Client, url: str, body: str) -> None:
    response = member.post(f"{url}/lint/", {"body": body})

    assert response.status_code == (422 if "\x00" in body else 200)


def test_what_a_mail_can_name_is_offered(
    member: Client, url: str, project: Project
) -> None:
    make_contact(project, data={"plan": "pro", "seats": 3})

    offered = member.get(f"{url}/variables/").json()["variables"]

    known = {one["path"]: one for one in offered}
    assert known["email"]["isSystem"] is True
    assert known["plan"] | {"coverage": 100, "example": "pro"} == known["plan"]


def test_whoever_is_made_up_has_a_value_for_all_that_is_known(
    member: Client, url: str, project: Project
) -> None:
    make_contact(
        project, data={"plan": "pro", "seats": 3, "is_in": False, "a": {"b": "c"}}
    )
    body = (
        "<p>{{ plan }} {{ seats | plus: 1 }} {{ a.b }} {{ firstName }}"
        "{% if is_in %}!{% endif %}</p>"
    )

    assert "pro 4 c Ada</p>" in shown(member, url, body=body, style="HTML")
