"""API keys at every door: robustness A1 to A9."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import Contact
from plunk.api.keys import CACHE_SECONDS, forget_cached_keys
from plunk.projects.creating import NewProject
from plunk.projects.keys import create_key, regenerate_key, revoke_key, touch_key
from plunk.projects.models import ApiKey, KeyKind, Project
from tests.conftest import Api
from tests.routes import routes
from transactional.models import Email

MAIL = {"to": "ann@example.com", "subject": "Hello", "body": "<p>Hello</p>"}
EVENT = {"event": "signed-up", "email": "ann@example.com"}
UNKNOWN = "sk_" + "0" * 48
#: API routes that ask for no key, and why.
KEYLESS = {
    "health": "probes",
    "ready": "probes",
    "receive_sns": "Amazon's signature instead",
    "unsubscribe_by_api": "the link's own signature instead",
    "api_public": "as much as a link in a mail may: tests/contacts/test_public_api.py",
    "api_public_subscribe": "the same",
    "api_public_unsubscribe": "the same",
    "api_public_snooze": "the same",
    "plunk.api.endpoints.unknown_route": "answers 404 to everybody",
}
#: What a public key opens; contacts by their id alone (tests/contacts/api).
PUBLIC = {"track", "classic_subscribe", "classic_unsubscribe"}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

ENDPOINTS = sorted(
    {route.label for route in routes("plunk.api.root_urls")} - set(KEYLESS)
)

pytestmark = pytest.mark.django_db


def path_of(endpoint: str) -> str:
    """Return a path of a route, about things that do not exist."""
    route = next(r for r in routes("plunk.api.root_urls") if r.name == endpoint)
    names = [name.rpartition(":")[2] for name in re.findall("<([^>]+)>", route.pattern)]
    samples = dict.fromkeys(names, "00000000-0000-4000-8000-000000000000")
    return reverse(endpoint, urlconf="plunk.api.root_urls", kwargs=samples)


def send(client: Client, header: str | None, path: str = "/v1/send") -> Any:
    extra: dict[str, Any] = {} if header is None else {"HTTP_AUTHORIZATION": header}
    return client.post(path, MAIL, content_type="application/json", **extra)


def code_of(response: Any) -> tuple[int, str]:
    body = response.json()
    # Where the classic generation has it.
    return response.status_code, body.get("details", body["error"])["code"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("method", METHODS)
def test_a_public_key_opens_nothing_but_its_own_doors(
    public_api: Api, endpoint: str, method: str
) -> None:
    """A3: the list comes from the URL configuration."""
    if endpoint in PUBLIC:
        pytest.skip("a public key's own door")

    response = public_api.client.generic(
        method,
        f"/api{path_of(endpoint)}",
        "{}",
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {public_api.key}",
    )

    assert code_of(response) in {(401, "INVALID_API_KEY"), (405, "METHOD_NOT_ALLOWED")}
    assert "public key" in response.json()["message"] or response.status_code == 405


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_no_endpoint_answers_without_a_key(client: Client, endpoint: str) -> None:
    """A1 for every endpoint."""
    for method in METHODS:
        response = client.generic(
            method,
            f"/api{path_of(endpoint)}",
            "{}",
            content_type="application/json",
        )
        assert code_of(response) in {(401, "MISSING_AUTH"), (405, "METHOD_NOT_ALLOWED")}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "MISSING_AUTH"),
        ("", "MISSING_AUTH"),
        ("   ", "MISSING_AUTH"),
        ("Basic c2s6eA==", "MISSING_AUTH"),
        ("Bearer", "MISSING_AUTH"),
        ("Bearer ", "MISSING_AUTH"),
        ("Bearer\t", "MISSING_AUTH"),
        (UNKNOWN, "MISSING_AUTH"),
        (f"Bearer {UNKNOWN},Bearer {UNKNOWN}", "INVALID_API_KEY"),
        (f"Bearer {UNKNOWN}, Bearer {UNKNOWN}", "INVALID_API_KEY"),
        (f"Bearer {UNKNOWN} and more", "INVALID_API_KEY"),
        (f"Bearer {UNKNOWN}x", "INVALID_API_KEY"),
        (f"Bearer {UNKNOWN}", "INVALID_API_KEY"),
        ("Bearer sk_", "INVALID_API_KEY"),
        ("Bearer SK_" + "0" * 48, "INVALID_API_KEY"),
        ("Bearer sk_" + "A" * 48, "INVALID_API_KEY"),
        ("Bearer xk_" + "0" * 48, "INVALID_API_KEY"),
        ("Bearer sk_" + "0" * 20 + "\x00" + "0" * 27, "INVALID_API_KEY"),
        ("Bearer sk_" + "\u0660" * 48, "INVALID_API_KEY"),
        ("Bearer sk_" + "ä".encode().decode("latin-1") * 24, "INVALID_API_KEY"),
    ],
)
def test_a_header_that_opens_nothing_is_a_401(
    client: Client, header: str | None, code: str
) -> None:
    """A1, A2, A4."""
    response = send(client, header)

    assert code_of(response) == (401, code)
    assert response["WWW-Authenticate"] == "Bearer"
    assert "suggestion" in response.json()["error"]


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "  Bearer   "])
def test_scheme_and_spaces_may_be_written_in_any_way(api: Api, scheme: str) -> None:
    """A2."""
    assert send(api.client, f"{scheme}{api.key} ").status_code == 200


@pytest.mark.parametrize(
    "value", ["sk_" + "0" * 1_000_000, "x" * 1_000_000, "sk_\x00", "sk_ä" * 20, "sk_12"]
)
def test_a_malformed_key_is_refused_without_a_question_to_the_database(
    client: Client, value: str, django_assert_num_queries: Any
) -> None:
    """A4: at most 50 ms, however long it is."""
    started = time.perf_counter()

    with django_assert_num_queries(0):
        response = send(client, f"Bearer {value}")

    assert code_of(response) == (401, "INVALID_API_KEY")
    assert time.perf_counter() - started < 0.5
    assert len(response.content) < 2000


def test_an_unknown_key_costs_one_question_a_second(client: Client) -> None:
    """A4."""
    with CaptureQueriesContext(connection) as queries:
        for _ in range(5):
            assert send(client, f"Bearer {UNKNOWN}").status_code == 401

    assert len(queries) == 1


def test_a_disabled_project_may_not_write(api: Api, project: Project) -> None:
    """A5."""
    Project.objects.filter(pk=project.pk).update(is_disabled=True)

    response = api.post("/v1/send", MAIL)
    tracked = api.post("/v1/track", EVENT)

    assert code_of(response) == code_of(tracked) == (403, "PROJECT_DISABLED")
    assert not Email.objects.exists()
    assert not Contact.objects.exists()


def test_the_key_of_a_deleted_project_is_unknown(api: Api, project: Project) -> None:
    """A5."""
    project.delete()

    assert code_of(api.post("/v1/send", MAIL)) == (401, "INVALID_API_KEY")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("path", "body"), [("/v1/send", MAIL), ("/v1/track", EVENT)])
def test_a_project_deleted_while_its_key_is_believed_is_no_server_error(
    api: Api, project: Project, path: str, body: dict[str, Any]
) -> None:
    """A5 and I1: the look-up is a second old, the row behind it gone."""
    api.post("/v1/track", {})
    Email.objects.all().delete()
    project.delete()

    response = api.post(path, body)

    assert code_of(response) == (401, "INVALID_API_KEY")
    assert not Email.objects.exists()


def test_a_replaced_key_is_refused_within_a_second_and_the_new_one_works_at_once(
    api: Api, new_project: NewProject
) -> None:
    """A6: this process believes its last look-up, no longer than a second."""
    assert api.post("/v1/send", MAIL).status_code == 200

    fresh = regenerate_key(key=new_project.secret.row)
    assert send(api.client, f"Bearer {fresh.value}").status_code == 200
    time.sleep(CACHE_SECONDS + 0.05)

    assert CACHE_SECONDS <= 1
    assert code_of(api.post("/v1/send", MAIL)) == (401, "INVALID_API_KEY")


def test_another_process_refuses_a_revoked_key_at_once(
    api: Api, new_project: NewProject
) -> None:
    """A6: a process that has not seen the key asks the database."""
    revoke_key(key=new_project.secret.row)
    forget_cached_keys()

    assert code_of(api.post("/v1/send", MAIL)) == (401, "INVALID_API_KEY")


def test_in_its_grace_an_old_key_works_beside_the_new_one(
    api: Api, new_project: NewProject
) -> None:
    """A6."""
    fresh = regenerate_key(key=new_project.secret.row, grace=timedelta(hours=1))

    old, new = api.post("/v1/send", MAIL), send(api.client, f"Bearer {fresh.value}")
    ApiKey.objects.filter(pk=new_project.secret.row.pk).update(revoked_at=Now())
    forget_cached_keys()
    after = api.post("/v1/send", MAIL)

    assert (old.status_code, new.status_code) == (200, 200)
    assert code_of(after) == (401, "INVALID_API_KEY")


def test_the_last_use_is_written_at_most_once_a_minute(
    api: Api, new_project: NewProject
) -> None:
    """A6: in this process, and by another."""
    key = ApiKey.objects.get(pk=new_project.secret.row.pk)
    api.post("/v1/send", MAIL)
    first = ApiKey.objects.get(pk=key.pk).last_used_at
    with CaptureQueriesContext(connection) as queries:
        api.post("/v1/send", MAIL)
    forget_cached_keys()
    api.post("/v1/send", MAIL)
    second = ApiKey.objects.get(pk=key.pk).last_used_at
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=Now() - timedelta(minutes=2))
    touch_key(key_id=key.pk)

    assert key.last_used_at is None
    assert first is not None
    assert first == second
    assert not [q for q in queries if "last_used_at" in q["sql"] and "SET" in q["sql"]]
    third = ApiKey.objects.get(pk=key.pk).last_used_at
    assert third is not None
    assert third >= first


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_a_key_anywhere_but_in_the_header_is_not_read_and_not_logged(
    api: Api, lines: pytest.LogCaptureFixture
) -> None:
    """A7 and I4."""
    client, key = api.client, api.key
    client.cookies["Authorization"] = f"Bearer {key}"
    answers = [
        client.post(path, MAIL | extra, content_type="application/json")
        for path, extra in [
            (f"/v1/send?key={key}&api_key={key}&authorization=Bearer%20{key}", {}),
            ("/v1/send", {"apiKey": key, "Authorization": f"Bearer {key}"}),
            (f"/v1/send/{key}", {}),
        ]
    ]

    codes = [code_of(answer) for answer in answers]
    assert codes[:2] == [(401, "MISSING_AUTH")] * 2
    assert codes[2][0] == 404
    logged = [
        f"{record.getMessage()} {record.__dict__}"
        for record in lines.records
        if record.name.startswith("plunk")
    ]
    assert any("/v1/send" in line for line in logged)
    assert not [line for line in logged if key in line]
    assert not [answer for answer in answers if key.encode() in answer.content]


def test_no_log_line_of_a_good_request_holds_the_key(
    api: Api, lines: pytest.LogCaptureFixture
) -> None:
    """I4."""
    api.post("/v1/send", MAIL, HTTP_IDEMPOTENCY_KEY="once")
    api.post("/v1/send", {"to": 5})

    everything = [str(record.__dict__) for record in lines.records]
    assert everything
    assert not [line for line in everything if api.key in line]


@pytest.mark.parametrize("kind", [KeyKind.SECRET])
def test_the_full_secret_key_stands_nowhere_in_the_database(
    api: Api, project: Project, kind: KeyKind
) -> None:
    """A8: every table is read; only the last four digits are found."""
    made = create_key(project=project, kind=kind, name="second")
    api.post("/v1/send", MAIL, HTTP_IDEMPOTENCY_KEY="once")
    api.post("/v1/track", EVENT)

    dump = _dump()

    for value in (api.key, made.value):
        assert value not in dump
        assert value.removeprefix("sk_") not in dump
        assert value[-4:] in dump


def test_the_key_is_in_no_answer(api: Api) -> None:
    """A8: the one answer that shows it is the page where it is made."""
    for path, body in [("/v1/send", MAIL), ("/v1/track", EVENT), ("/v1/send", {})]:
        response = api.post(path, body)
        assert api.key.encode() not in response.content
        assert api.key not in str(response.headers)


def test_a_public_key_cannot_bring_back_or_overwrite_columns(
    api: Api, public_api: Api, project: Project
) -> None:
    """A9."""
    api.post("/v1/track", EVENT | {"subscribed": False})
    before = Contact.objects.get()
    columns = {
        "id": "x",
        "projectId": "y",
        "createdAt": "z",
        "subscribed": True,
        "project_id": 1,
    }

    response = public_api.post(
        "/v1/track", EVENT | {"subscribed": True, "data": columns}
    )

    after = Contact.objects.get()
    assert response.status_code == 200
    assert after.subscribed is False
    assert (after.pk, after.project_id) == (before.pk, project.pk)
    assert after.created_at == before.created_at
    assert after.data == {
        "projectId": "y",
        "createdAt": "z",
        "subscribed": True,
        "project_id": 1,
    }


def _dump() -> str:
    """Return all rows of all tables as text."""
    rows: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += [str(row) for row in cursor.fetchall()]
    return "\n".join(rows)
