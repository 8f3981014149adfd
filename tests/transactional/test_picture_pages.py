"""The page of a project's pictures: what it shows, takes in and deletes."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from plunk.projects.models import Project, User
from tests.transactional.test_images import SVG, picture, upload
from transactional import images
from transactional.images import MAX_UPLOAD, delete_image, image_path, uses_of
from transactional.models import Image, MailKind, Template

pytestmark = pytest.mark.django_db


@pytest.fixture
def url(project: Project) -> str:
    return reverse("settings_pictures", args=[project.pk])


@pytest.fixture
def owner(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def member(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def make(project: Project, number: int = 0, **fields: Any) -> Image:
    values = {"name": f"p{number}.png", "width": 600, "height": 200, "size": 3000}
    return Image.objects.create(
        project=project,
        digest=number.to_bytes(32),
        content_type="image/png",
        data=b"png",
        **{**values, **fields},
    )


def template(project: Project, body: str, name: str = "Welcome") -> Template:
    return Template.objects.create(
        project=project,
        name=name,
        subject="Hi",
        body=body,
        kind=MailKind.TRANSACTIONAL,
    )


def deletion(image: Image) -> str:
    return reverse("settings_picture_delete", args=[image.project_id, image.pk])


def text_of(answer: Any) -> str:
    words = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(html.unescape(words).replace("\xa0", " ").split())


# -- the grid -------------------------------------------------------------------------
def test_a_picture_is_shown_with_what_one_wants_to_know(
    member: Client, url: str, project: Project, settings: Settings
) -> None:
    settings.MAX_IMAGES_COUNT, settings.MAX_IMAGES_MB = 7, 9
    image = make(project, name='A "<b>".png')

    answer = member.get(url)

    assert f'src="{image_path(image)}" width="600" height="200"' in str(
        answer.content.decode()
    )
    shown = text_of(answer)
    assert '>A "<b>".png<' not in answer.content.decode()
    assert "600 × 200, 2.9 KB" in shown
    assert f"{settings.APP_URI}{image_path(image)}" in shown
    assert "1 of 7" in shown
    assert "2.9 KB of 9.0 MB" in shown


def test_a_project_without_pictures_is_told_how_to_get_one(
    member: Client, url: str
) -> None:
    assert "No pictures yet" in text_of(member.get(url))


def test_the_grid_goes_on_where_it_ended(
    member: Client, url: str, project: Project
) -> None:
    for number in range(26):
        make(project, number)

    first = member.get(url)
    after = first.context["page"].next
    second = member.get(url, {"cursor": after})

    assert first.context["page"].rows[0].name == "p25.png"
    assert [row.name for row in second.context["page"].rows] == ["p1.png", "p0.png"]
    assert "First page" in text_of(second)
    Image.objects.all().delete()
    assert "No more pictures" in text_of(member.get(url, {"cursor": after}))


@pytest.mark.parametrize("cursor", ["x", "\x00", "%ff", "é" * 32, "A" * 10_000])
def test_a_broken_cursor_is_the_first_page(
    cursor: str, member: Client, url: str, project: Project
) -> None:
    make(project)

    assert "p0.png" in text_of(member.get(url, {"cursor": cursor}))


def test_twenty_pictures_take_as_many_statements_as_ten(
    member: Client, url: str, project: Project
) -> None:
    counts = []
    for start in (0, 10):
        for number in range(start, start + 10):
            make(project, number)
        member.get(url)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert len(member.get(url).context["pictures"]) == start + 10
        counts.append(len(asked))
        assert not any('"data"' in query["sql"] for query in asked.captured_queries)

    assert counts[0] == counts[1] <= 6


# -- uploading ------------------------------------------------------------------------
def test_a_member_uploads_by_a_plain_form(member: Client, url: str) -> None:
    answer = member.post(url, upload(picture(), "logo.png"), follow=True)
    again = member.post(url, upload(picture(), "other.png"), follow=True)

    assert answer.redirect_chain == [(url, 302)]
    assert "logo.png is uploaded." in text_of(answer)
    assert "It is here already: logo.png." in text_of(again)
    assert Image.objects.count() == 1


def test_the_form_of_the_page_is_taken_and_that_of_another_site_is_not(
    bob: User, url: str
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    found = re.search(
        r'csrfmiddlewaretoken" value="(\w+)"', client.get(url).content.decode()
    )
    assert found

    refused = client.post(url, upload(picture()))
    taken = client.post(url, {**upload(picture()), "csrfmiddlewaretoken": found[1]})

    assert (refused.status_code, taken.status_code) == (403, 302)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Choose a file first."),
        ({"file": "just text"}, "Choose a file first."),
        (upload(SVG, "a.svg"), "Choose a PNG, JPEG, WebP or GIF file."),
        (upload(picture()[:50]), "The picture cannot be read"),
        (upload(b"\x89PNG" + b"\x00" * MAX_UPLOAD), "The file may have 5 MB."),
    ],
    ids=["nothing", "text", "svg", "cut", "large"],
)
def test_what_cannot_be_taken_is_said_above_the_form(
    fields: dict[str, Any], words: str, member: Client, url: str, project: Project
) -> None:
    make(project)

    answer = member.post(url, fields)

    assert answer.status_code == 422
    assert words in text_of(answer)
    assert "p0.png" in text_of(answer)


@pytest.mark.parametrize("length", ["99999999", "9" * 400, "-1", "x"])
def test_a_body_that_says_it_is_too_large_is_not_read(
    length: str, member: Client, url: str
) -> None:
    answer = member.post(url, upload(picture()), CONTENT_LENGTH=length)

    assert answer.status_code == 413
    assert "The file may have 5 MB." in text_of(answer)


def test_a_full_project_says_so_before_and_after_trying(
    member: Client, owner: Client, url: str, project: Project, settings: Settings
) -> None:
    settings.MAX_IMAGES_COUNT = 1
    image = make(project)

    assert "An owner or admin of the project can delete" in text_of(member.get(url))
    assert "Delete what no mail needs any more." in text_of(owner.get(url))
    refused = member.post(url, upload(picture()))
    assert refused.status_code == 422
    assert "Some can be deleted under Settings" in text_of(refused)
    owner.post(deletion(image))
    assert member.post(url, upload(picture())).status_code == 302


# -- deleting -------------------------------------------------------------------------
def test_a_deleted_picture_is_nowhere_any_more(
    owner: Client, url: str, project: Project
) -> None:
    image = make(project)
    other = make(project, 1)
    address = image_path(image)
    assert Client().get(address).status_code == 200

    asked = owner.get(deletion(image))
    done = owner.post(deletion(image), follow=True)

    assert "show a gap where it stood" in text_of(asked)
    assert "No template shows it now." in text_of(asked)
    assert done.redirect_chain == [(url, 302)]
    assert "p0.png is deleted." in text_of(done)
    assert Client().get(address).status_code == 404
    assert list(Image.objects.values_list("pk", flat=True)) == [other.pk]
    assert owner.post(deletion(image)).status_code == 404
    assert not delete_image(image)


def test_a_member_neither_sees_nor_does_it(
    member: Client, url: str, project: Project
) -> None:
    image = make(project)

    assert deletion(image) not in member.get(url).content.decode()
    assert member.get(deletion(image)).status_code == 403
    assert member.post(deletion(image)).status_code == 403
    assert Image.objects.count() == 1


def test_templates_that_show_it_are_named(
    owner: Client, project: Project, other_project: Any
) -> None:
    image = make(project)
    body = f'<img src="https://x.example{image_path(image)}">'
    template(project, body, "Shows it")
    template(project, f"<p>{uuid4()}</p>", "Shows another")
    deleted = template(project, body, "Deleted")
    Template.objects.filter(pk=deleted.pk).update(deleted_at=deleted.created_at)
    template(other_project.project, body, "Of others")

    shown = text_of(owner.get(deletion(image)))

    assert "A template still shows it, and will be sent with a gap: Shows it" in shown
    for name in ("Shows another", "Deleted", "Of others", "There may be more"):
        assert name not in shown


def test_five_templates_are_named_and_the_rest_is_not_hidden(
    owner: Client,
    project: Project,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    image = make(project)
    for number in range(7):
        template(project, str(image.pk), f"Mail {number}")

    with django_assert_num_queries(2):
        uses = uses_of(image)

    assert [row.name for row in uses.templates] == [
        f"Mail {n}" for n in range(6, 1, -1)
    ]
    assert not uses.is_all
    assert "There may be more." in text_of(owner.get(deletion(image)))


def test_what_was_not_looked_through_is_said(
    owner: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MOST_SEARCHED", 2)
    image = make(project)
    template(project, str(image.pk), "Long ago")
    for _ in range(2):
        template(project, "<p>Hi</p>")

    shown = text_of(owner.get(deletion(image)))

    assert "There are too many to look through all." in shown
    assert "Long ago" not in shown
