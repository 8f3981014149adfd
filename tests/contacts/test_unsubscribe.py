"""The way out of a mailing, for people and for mail programs: robustness K1 to K3."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from automations.models import Occurrence
from contacts.links import Purpose, token_of
from contacts.models import Contact
from contacts.visits import masked
from plunk.logs import ACCESS_LOGGER
from plunk.projects.models import Project
from tests.pages.rows import make_contact

PathOf = Callable[[Contact], str]


def signed(contact: Contact) -> str:
    token = token_of(
        Purpose.UNSUBSCRIBE,
        project_id=contact.project_id,
        contact_id=contact.pk,
        email_id=uuid4(),
    )
    return f"/unsubscribe/{token}"


def bare(contact: Contact) -> str:
    return f"/unsubscribe/{contact.pk}"


def bare_with_mail(contact: Contact) -> str:
    return f"/unsubscribe/{contact.pk}?e={uuid4()}"


def with_slash(contact: Contact) -> str:
    return f"{signed(contact)}/"


def by_api(contact: Contact) -> str:
    return f"/api{signed(contact)}"


def bare_by_api(contact: Contact) -> str:
    return f"/api{bare(contact)}?e={uuid4()}"


PAGES = pytest.mark.parametrize("path_of", [signed, bare, bare_with_mail, with_slash])
DOORS = pytest.mark.parametrize(
    "path_of", [signed, bare, bare_with_mail, with_slash, by_api, bare_by_api]
)


@pytest.fixture
def dana(project: Project) -> Contact:
    return make_contact(project, "dana@example.com")


@pytest.fixture
def stranger() -> Client:
    """A mail program: no cookies, no log-in, no CSRF token."""
    return Client(enforce_csrf_checks=True)


def is_subscribed(contact: Contact) -> bool:
    return Contact.objects.get(pk=contact.pk).subscribed


@DOORS
@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_changes_nothing(
    stranger: Client, dana: Contact, path_of: PathOf, method: str
) -> None:
    """K1."""
    answer = getattr(stranger, method)(path_of(dana))

    assert answer.status_code in (200, 302)
    assert is_subscribed(dana)
    assert not Occurrence.objects.exists()


@PAGES
def test_the_page_names_the_sender_and_asks(
    stranger: Client, dana: Contact, path_of: PathOf
) -> None:
    page = stranger.get(path_of(dana)).content.decode()

    assert "Acme" in page
    assert "d•••@example.com" in page
    assert "dana" not in page
    assert '<form method="post">' in page
    assert 'value="unsub' in page


@DOORS
def test_one_click_unsubscribes(
    stranger: Client, dana: Contact, path_of: PathOf
) -> None:
    """K2, as `application/x-www-form-urlencoded`."""
    answer = stranger.post(
        path_of(dana),
        "List-Unsubscribe=One-Click",
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code == 200
    assert not answer.cookies
    assert not is_subscribed(dana)


@DOORS
def test_one_click_unsubscribes_as_multipart_too(
    stranger: Client, dana: Contact, path_of: PathOf
) -> None:
    """K2."""
    answer = stranger.post(path_of(dana), {"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    assert not is_subscribed(dana)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", ""),
        (b"", "application/x-www-form-urlencoded"),
        (b"\xff\x00", "multipart/form-data"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"{", "application/json"),
    ],
)
def test_the_token_is_what_counts_not_the_body(
    stranger: Client, dana: Contact, body: bytes, content_type: str
) -> None:
    answer = stranger.generic("POST", signed(dana), body, content_type=content_type)

    assert answer.status_code == 200
    assert not is_subscribed(dana)


@DOORS
def test_a_second_click_is_no_news(
    stranger: Client, dana: Contact, path_of: PathOf
) -> None:
    """K2."""
    first = stranger.post(path_of(dana))
    once = Occurrence.objects.count()
    second = stranger.post(path_of(dana))

    assert (first.status_code, second.status_code) == (200, 200)
    assert Occurrence.objects.count() == once > 0


@DOORS
def test_a_contact_who_was_erased_is_unsubscribed(
    stranger: Client, dana: Contact, path_of: PathOf
) -> None:
    """K2."""
    path = path_of(dana)
    Contact.objects.all().delete()

    answer = stranger.post(path)

    assert answer.status_code == 200
    assert not Contact.objects.exists()


@PAGES
def test_whoever_is_out_already_is_told_so(
    stranger: Client, dana: Contact, path_of: PathOf
) -> None:
    path = path_of(dana)
    stranger.post(path)

    out = stranger.get(path).content
    Contact.objects.all().delete()
    erased = stranger.get(path).content

    assert b"You are unsubscribed" in out
    assert b"You are unsubscribed" in erased
    assert b'value="unsubscribe"' not in out
    assert b"<form" not in erased


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    "token", ["x", "a.b", "%00", "%ff", "%ED%A0%80", "..%2f", "{id}", "x" * 5000]
)
def test_a_bad_link_is_answered_and_does_nothing(
    stranger: Client, dana: Contact, prefix: str, method: str, token: str
) -> None:
    """K3."""
    answer = getattr(stranger, method)(f"{prefix}/unsubscribe/{token}")

    assert answer.status_code == 400
    assert is_subscribed(dana)


def shown(answer: Any) -> bytes:
    """Return a page without what differs from request to request."""
    return re.sub(rb'nonce="[^"]*"', b"", answer.content)


def test_a_spliced_link_does_nothing(
    stranger: Client, dana: Contact, project: Project
) -> None:
    """K3."""
    mallory = make_contact(project, "mallory@example.com")
    spliced = f"{signed(dana).partition('.')[0]}.{signed(mallory).partition('.')[2]}"

    answers = [stranger.get(spliced), stranger.post(spliced)]
    generic = stranger.get("/unsubscribe/x")

    assert {answer.status_code for answer in answers} == {400}
    assert {shown(answer) for answer in answers} == {shown(generic)}
    assert is_subscribed(dana)
    assert is_subscribed(mallory)


def test_a_link_of_another_project_finds_nobody(
    stranger: Client, dana: Contact
) -> None:
    token = token_of(Purpose.UNSUBSCRIBE, project_id=uuid4(), contact_id=dana.pk)

    answer = stranger.post(f"/unsubscribe/{token}")

    assert answer.status_code == 200
    assert is_subscribed(dana)


@PAGES
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_keeps_or_passes_on_the_page(
    stranger: Client, dana: Contact, path_of: PathOf, method: str
) -> None:
    answer = getattr(stranger, method)(path_of(dana))

    assert "no-store" in answer["Cache-Control"]
    assert "noindex" in answer["X-Robots-Tag"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert not answer.cookies


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(
    stranger: Client, dana: Contact, method: str
) -> None:
    assert getattr(stranger, method)(signed(dana)).status_code == 405
    assert is_subscribed(dana)


def test_the_name_of_a_project_is_only_text(stranger: Client, dana: Contact) -> None:
    Project.objects.update(name="<script>alert(1)</script>")

    page = stranger.get(signed(dana)).content

    assert b"<script>alert" not in page
    assert b"&lt;script&gt;alert" in page


def test_the_page_costs_two_queries(stranger: Client, dana: Contact) -> None:
    """One for the contact and all about its project, one for the topics."""
    with CaptureQueriesContext(connection) as queries:
        stranger.get(signed(dana))

    assert len(queries) == 2


def test_the_api_sends_people_to_the_page(stranger: Client, dana: Contact) -> None:
    with override_settings(APP_URI="https://mail.example.com"):
        answer = stranger.get(by_api(dana))

    assert answer["Location"] == f"https://mail.example.com{signed_path(answer)}"


def signed_path(answer: object) -> str:
    """Return the path that was asked for, without the API's prefix."""
    return str(answer.wsgi_request.path).removeprefix("/api")  # type: ignore[attr-defined]


@override_settings(API_HOST="api.example.com", ALLOWED_HOSTS=["api.example.com"])
def test_the_host_of_the_api_unsubscribes_at_its_root(
    stranger: Client, dana: Contact
) -> None:
    answer = stranger.post(bare(dana), HTTP_HOST="api.example.com")

    assert (answer.status_code, answer.content) == (200, b"Unsubscribed")
    assert not is_subscribed(dana)


@DOORS
def test_the_log_does_not_keep_the_link(
    stranger: Client,
    dana: Contact,
    path_of: PathOf,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, ACCESS_LOGGER):
        stranger.get(path_of(dana))

    logged = [each for each in caplog.records if each.name == ACCESS_LOGGER]
    paths = {each.request["path"] for each in logged}  # type: ignore[attr-defined]
    assert {path.strip("/").removeprefix("api/") for path in paths} == {"unsubscribe/…"}


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("dana@example.com", "d•••@example.com"),
        ("d@example.com", "d•••@example.com"),
        ('"a@b"@example.com', '"•••@example.com'),
    ],
)
def test_an_address_is_shown_in_part(address: str, shown: str) -> None:
    assert masked(address) == shown
