"""What a log may say: never what its reader could act with (robustness A7, I4)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from io import StringIO

import orjson
import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.test import Client

from contacts.models import Contact
from plunk import logs
from plunk.projects.creating import NewProject
from plunk.projects.models import User

KEY = "sk_9b62b6369b64995c8115c3743320f316affa8edfb5dadb8b"

Lines = Callable[[], str]

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["json", "console"])
def lines(request: pytest.FixtureRequest) -> Iterator[Lines]:
    """Everything that is logged as an installation logs it."""
    root, access = logging.getLogger(), logging.getLogger(logs.ACCESS_LOGGER)
    before = root.level, root.handlers[:], access.handlers[:]
    stream = StringIO()
    logs.configure_logging(level="DEBUG", style=request.param)
    ours = [*root.handlers, *access.handlers]
    for handler in ours:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(stream)
    yield lambda: re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    logs.configure_logging(level="CRITICAL", style="json")
    root.level, root.handlers[:], access.handlers[:] = before


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/{KEY}",
        f"/zzz?key={KEY}",
        f"/v1/send?token={KEY[3:]}",
        f"/projects/{KEY}/?next=/{KEY}",
        f"/v1/pk_{KEY[3:]}%0a",
        f"/admin/{KEY}",
    ],
)
def test_no_key_and_no_query_is_logged(client: Client, lines: Lines, path: str) -> None:
    client.get(path, HTTP_X_REQUEST_ID=KEY)
    client.post(path, b"{", content_type="application/json")

    assert KEY[3:15] not in lines()
    assert "WSGIRequest" not in lines()


def test_a_password_link_is_logged_without_its_token(
    client: Client, alice: User, lines: Lines
) -> None:
    token = default_token_generator.make_token(alice)
    uid = user_pk_to_url_str(alice)

    answer = client.get(f"/auth/password/reset/key/{uid}-{token}/")
    client.get(f"/auth/password/reset/key/{uid}-{token}x/")

    assert answer.status_code == 302
    assert "/auth/password/reset/key/…/" in lines()
    assert token not in lines()


def test_an_unsubscribe_link_is_logged_without_its_token(
    client: Client, new_project: NewProject, lines: Lines
) -> None:
    contact = Contact.objects.create(project=new_project.project, email="a@example.com")

    client.get(f"/unsubscribe/{contact.pk}")
    client.put(f"/unsubscribe/{contact.pk}")

    assert "/unsubscribe/…" in lines()
    assert str(contact.pk) not in lines()


def test_a_traceback_holds_no_key(lines: Lines) -> None:
    try:
        raise ValueError(f"refused {KEY} at https://example.com/?token={KEY[3:]}")
    except ValueError:
        logging.getLogger("some.library").exception("failed", extra={"seen": KEY})

    assert "ValueError" in lines()
    assert KEY[3:15] not in lines()


def test_the_rest_of_a_line_stays_as_it_is() -> None:
    text = "Why? Because of a=b, sk_ and /unsubscribe/ are no secrets: pk_12."

    assert logs.redact(text) == text


def test_a_redacted_line_is_json_still() -> None:
    line = orjson.dumps({"event": f'a "?x={KEY}\\" /unsubscribe/a\\"b', "n": 1})

    assert orjson.loads(logs.redact(line.decode()))["n"] == 1


def test_redacting_takes_time_in_proportion() -> None:
    for piece in ("?", "?a", "sk_", "/unsubscribe/", "?="):
        assert logs.redact(piece * 200_000)
