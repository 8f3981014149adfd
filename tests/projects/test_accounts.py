from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from plunk.projects.models import Project, User

PASSWORD = "a horse that is correct"


@pytest.fixture(autouse=True)
def _no_attempts_yet(db: None) -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def log_in(client: Client, email: str, password: str, next_url: str = "") -> str:
    answer = client.post(
        "/auth/login/", {"login": email, "password": password, "next": next_url}
    )
    return answer.headers.get("Location", "")


def sent_mail() -> mail.EmailMessage:
    """Return the first mail, which leaves beside the request."""
    for _ in range(200):
        if mail.outbox:
            return mail.outbox[0]
        time.sleep(0.01)
    raise AssertionError("No mail was sent.")


def reset_link(client: Client, email: str = "alice@example.com") -> str:
    client.post("/auth/password/reset/", {"email": email})
    found = re.search(r"https?://\S+", str(sent_mail().body))
    assert found
    return found[0]


def test_after_sign_up_comes_a_new_project(client: Client, db: None) -> None:
    answer = client.post(
        "/auth/signup/",
        {"email": "New@Example.com", "password1": PASSWORD},
        follow=True,
    )

    assert answer.redirect_chain[-1][0] == "/projects/new/"
    assert User.objects.get().email == "new@example.com"


def test_nobody_signs_up_where_sign_up_is_closed(
    client: Client, db: None, settings: Any
) -> None:
    settings.DISABLE_SIGNUPS = True

    answer = client.post(
        "/auth/signup/", {"email": "new@example.com", "password1": PASSWORD}
    )

    assert b"Sign-up is closed" in answer.content
    assert not User.objects.exists()
    assert b"Create an account" not in client.get("/auth/login/").content


def test_a_known_address_cannot_sign_up_again(client: Client, alice: User) -> None:
    client.post("/auth/signup/", {"email": "ALICE@example.com", "password1": PASSWORD})

    assert User.objects.count() == 1


def test_log_in_leads_to_the_project(
    client: Client, alice: User, project: Project
) -> None:
    assert log_in(client, "alice@example.com", "correct horse") == "/"
    assert client.get("/")["Location"] == f"/projects/{project.pk}/"


def test_log_in_begins_a_new_session(client: Client, alice: User) -> None:
    client.get("/auth/login/")
    before = client.session.session_key

    log_in(client, "alice@example.com", "correct horse")

    assert client.session.session_key != before


@pytest.mark.parametrize(
    "next_url",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "https:///evil.example",
        "http://localhost/x",
        "javascript:alert(1)",
        "\x00",
    ],
)
def test_log_in_never_leads_to_another_site(
    client: Client, alice: User, next_url: str
) -> None:
    assert log_in(client, "alice@example.com", "correct horse", next_url) == "/"


def test_log_in_leads_back_to_where_it_was_asked_for(
    client: Client, alice: User
) -> None:
    page = "/projects/new/"

    assert log_in(client, "alice@example.com", "correct horse", page) == page


def test_guessing_passwords_is_stopped_for_known_and_unknown_alike(
    client: Client, alice: User
) -> None:
    answers = []
    for email in ("alice@example.com", "nobody@example.com"):
        cache.clear()
        for _ in range(6):
            answer = client.post("/auth/login/", {"login": email, "password": "x"})
        answers.append((answer.status_code, b"Too many" in answer.content))

    assert answers == [(200, True), (200, True)]
    assert log_in(client, "nobody@example.com", "correct horse") == ""


def test_a_flood_of_log_ins_gets_a_friendly_page(client: Client, db: None) -> None:
    for number in range(40):
        answer = client.post(
            "/auth/login/", {"login": f"u{number}@example.com", "password": "x"}
        )

    assert answer.status_code == 429
    assert b"One moment, please" in answer.content


def test_log_out_needs_a_form(client: Client, alice: User) -> None:
    client.force_login(alice)

    asked = client.get("/auth/logout/")

    assert b"Log out?" in asked.content
    assert "_auth_user_id" in client.session
    client.post("/auth/logout/")
    assert "_auth_user_id" not in client.session


def test_a_reset_link_sets_a_new_password_once(
    client: Client, alice: User, settings: Any
) -> None:
    settings.APP_URI = "http://testserver"
    link = reset_link(client)
    form = client.get(link, follow=True).redirect_chain[-1][0]

    client.post(form, {"password1": PASSWORD, "password2": PASSWORD})

    assert log_in(Client(), "alice@example.com", PASSWORD) == "/"
    assert b"does not work any more" in Client().get(link, follow=True).content


def test_a_reset_link_dies_after_an_hour(
    client: Client, alice: User, settings: Any
) -> None:
    settings.APP_URI = "http://testserver"
    link = reset_link(client)

    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        answer = Client().get(link, follow=True)

    assert b"does not work any more" in answer.content


def test_a_reset_link_names_the_configured_host(
    client: Client, alice: User, settings: Any
) -> None:
    settings.APP_URI = "https://mail.example.com"
    client.post(
        "/auth/password/reset/", {"email": "alice@example.com"}, HTTP_HOST="localhost"
    )

    assert "https://mail.example.com/auth/password/reset/key/" in str(sent_mail().body)


def test_a_forged_host_is_refused(client: Client, db: None) -> None:
    answer = client.post("/auth/password/reset/", {}, HTTP_HOST="evil.example")

    assert answer.status_code == 400


def test_asking_for_a_reset_tells_nothing_about_who_is_known(
    client: Client, alice: User
) -> None:
    known = client.post("/auth/password/reset/", {"email": "alice@example.com"})
    unknown = client.post("/auth/password/reset/", {"email": "nobody@example.com"})

    assert (known.status_code, known["Location"]) == (
        unknown.status_code,
        unknown["Location"],
    )
    assert sent_mail().to == ["alice@example.com"]
    assert len(mail.outbox) == 1


def test_a_mail_provider_that_is_down_does_not_fail_the_page(
    client: Client, alice: User, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.nonsense.EmailBackend"

    answer = client.post("/auth/password/reset/", {"email": "alice@example.com"})

    assert answer["Location"] == "/auth/password/reset/done/"


def test_a_new_password_ends_the_other_sessions(alice: User) -> None:
    here, elsewhere = Client(), Client()
    here.force_login(alice)
    elsewhere.force_login(alice)

    here.post(
        "/auth/password/change/",
        {
            "oldpassword": "correct horse",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
    )

    assert elsewhere.get("/")["Location"].startswith("/auth/login/")
    assert here.get("/")["Location"] == "/projects/new/"


@pytest.mark.parametrize(
    "path", ["email/", "confirm-email/", "login/code/", "3rdparty/"]
)
def test_flows_that_are_not_offered_do_not_exist(
    path: str, client: Client, db: None
) -> None:
    assert client.get(f"/auth/{path}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "login/",
        "signup/",
        "password/reset/",
        "password/reset/done/",
        "password/reset/key/done/",
        "password/reset/key/1-nonsense/",
        "inactive/",
    ],
)
def test_every_account_page_is_ours(path: str, client: Client, db: None) -> None:
    answer = client.get(f"/auth/{path}")

    assert answer.status_code == 200
    assert b"css/app.css" in answer.content
