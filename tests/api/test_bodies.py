"""What comes in as a body: robustness B1 to B16, on every route that reads JSON."""

from __future__ import annotations

import gzip
import json
from io import BytesIO
from typing import Any

import pytest
from django.test import Client

from automations.models import Occurrence
from contacts.models import Contact
from plunk.api.endpoints import BODY_LIMIT
from tests.conftest import Api
from transactional.api.views import SEND_BODY_LIMIT
from transactional.models import Email

MAIL = {"to": "ann@example.com", "subject": "Hello", "body": "<p>Hello</p>"}
EVENT = {"event": "signed-up", "email": "ann@example.com"}
GOOD = {"send": MAIL, "track": EVENT}
LIMITS = {"send": SEND_BODY_LIMIT, "track": BODY_LIMIT}
PATHS = {
    "/v1/send": "send",
    "/api/v1/send/": "send",
    "/v1/track": "track",
    "/v1": "track",
    "/api/v1/track/": "track",
}

pytestmark = pytest.mark.django_db
every_path = pytest.mark.parametrize("path", PATHS)
each_route = pytest.mark.parametrize("path", ["/v1/send", "/v1/track"])


def code_of(response: Any) -> tuple[int, str]:
    """Return status and code, after checking the envelope and its headers (I5)."""
    body = response.json()
    assert response["Content-Type"] == "application/json"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Request-ID"] == body["error"]["requestId"]
    assert body["success"] is False
    assert body["error"]["statusCode"] == body["code"] == response.status_code
    assert isinstance(body["error"]["message"], str)
    assert body["timestamp"].endswith("Z")
    return response.status_code, body["error"]["code"]


def good(path: str) -> dict[str, Any]:
    return GOOD[PATHS[path]]


def nothing_was_stored() -> bool:
    return not (
        Email.objects.exists()
        or Contact.objects.exists()
        or Occurrence.objects.exists()
    )


@every_path
def test_an_empty_body_is_an_empty_object(api: Api, path: str) -> None:
    """B1, as the contract decides it: the fields are missing."""
    for raw in (b"", b"  \n"):
        # Django's client sends no type with nothing.
        response = api.client.generic(
            "POST",
            path,
            raw,
            CONTENT_TYPE="application/json",
            HTTP_AUTHORIZATION=f"Bearer {api.key}",
        )
        assert code_of(response) == (422, "VALIDATION_ERROR")


@every_path
@pytest.mark.parametrize("raw", [b"null", b"[]", b'"x"', b"7", b"true", b"[{}]"])
def test_json_that_is_no_object_is_refused(api: Api, path: str, raw: bytes) -> None:
    """B1."""
    assert code_of(api.post(path, raw)) == (400, "INVALID_REQUEST_BODY")


@each_route
@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"{'a': 1}",
        b'{"a":1}}',
        b'{"a":1,}',
        b"hello",
        b'{"a":"\x00"}',
        b"\xef\xbb\xbf",
    ],
)
def test_what_is_not_json_is_refused(api: Api, path: str, raw: bytes) -> None:
    assert code_of(api.post(path, raw)) == (400, "VALIDATION_ERROR")


@each_route
@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        json.dumps(MAIL).encode("utf-16"),
        json.dumps(MAIL).encode("utf-32"),
    ],
)
def test_what_is_not_utf8_is_refused(api: Api, path: str, raw: bytes) -> None:
    """B2."""
    assert code_of(api.post(path, raw)) == (400, "INVALID_REQUEST_BODY")


@every_path
def test_a_byte_order_mark_is_tolerated(api: Api, path: str) -> None:
    """B2."""
    raw = b"\xef\xbb\xbf" + json.dumps(GOOD[PATHS[path]]).encode()

    assert api.post(path, raw).status_code == 200


@every_path
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
        "json",
    ],
)
def test_another_content_type_is_refused(
    api: Api, path: str, content_type: str
) -> None:
    """B3."""
    response = api.post(path, GOOD[PATHS[path]], CONTENT_TYPE=content_type)

    assert code_of(response) == (415, "UNSUPPORTED_MEDIA_TYPE")


@each_route
@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"],
)
def test_json_may_be_declared_in_any_way(
    api: Api, path: str, content_type: str
) -> None:
    response = api.post(path, GOOD[PATHS[path]], CONTENT_TYPE=content_type)

    assert response.status_code == 200


@each_route
@pytest.mark.parametrize(
    "number",
    [
        "1" * 5_000,
        "-" + "1" * 5_000,
        str(2**63),
        "1e400",
        "NaN",
        "Infinity",
        "-Infinity",
    ],
)
def test_a_number_out_of_range_is_refused(api: Api, path: str, number: str) -> None:
    """B7: a ValueError of Python's that is no JSONDecodeError."""
    raw = f'{{"data": {{"n": {number}}}}}'.encode()

    assert code_of(api.post(path, raw)) == (400, "INVALID_REQUEST_BODY")


@each_route
@pytest.mark.parametrize("depth", [41, 1000, 900_000])
def test_deep_nesting_is_refused(api: Api, path: str, depth: int) -> None:
    raw = b'{"data":' + b"[" * depth + b"]" * depth + b"}"

    assert code_of(api.post(path, raw)) == (400, "INVALID_REQUEST_BODY")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"to":"a@x.co","to":"b@x.co"}',
        b'{"to":"a@x.co","\\u0074o":"b@x.co"}',
        b'{"email":"a@x.co","data":{"to":1,"to":2}}',
    ],
)
@each_route
def test_two_equal_keys_are_refused_by_name(api: Api, path: str, raw: bytes) -> None:
    """B9: Python and jsonb would keep the last."""
    response = api.post(path, raw)

    assert code_of(response) == (400, "INVALID_REQUEST_BODY")
    assert '"to"' in response.json()["message"]


@each_route
@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800", "\\udfff\\ud800"])
def test_nul_and_lone_surrogates_are_refused_by_field(
    api: Api, path: str, escape: str
) -> None:
    for raw in (
        f'{{"data": {{"a": ["x{escape}"]}}}}',
        f'{{"data": {{"x{escape}": 1}}}}',
        f'{{"x{escape}": 1}}',
    ):
        assert code_of(api.post(path, raw.encode())) == (422, "VALIDATION_ERROR")


@every_path
def test_a_body_over_the_limit_is_too_large(api: Api, path: str) -> None:
    """B10: whether the length is declared or found out."""
    limit = LIMITS[PATHS[path]]

    response = api.post(path, b" " * (limit + 1))

    assert code_of(response) == (413, "PAYLOAD_TOO_LARGE")


@each_route
@pytest.mark.parametrize("declared", ["1000000000000", "9" * 5000])
def test_a_declared_length_over_the_limit_is_refused_unread(
    api: Api, path: str, declared: str
) -> None:
    """B10."""
    response = api.post(path, {}, CONTENT_LENGTH=declared)

    assert code_of(response) == (413, "PAYLOAD_TOO_LARGE")


@each_route
@pytest.mark.parametrize("declared", ["-1", "x", "1.5", "²"])
def test_a_length_that_is_no_number_is_refused(
    api: Api, path: str, declared: str
) -> None:
    """B10."""
    response = api.post(path, GOOD[PATHS[path]], CONTENT_LENGTH=declared)

    assert code_of(response) == (400, "BAD_REQUEST")


@each_route
def test_a_body_shorter_than_declared_is_incomplete(api: Api, path: str) -> None:
    """B10: the declared length lies."""
    raw = json.dumps(good(path)).encode()
    stream: dict[str, Any] = {"wsgi.input": BytesIO(raw)}

    response = api.client.generic(
        "POST",
        path,
        raw,
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {api.key}",
        CONTENT_LENGTH=str(len(raw) + 10),
        **stream,
    )

    assert code_of(response) == (400, "BAD_REQUEST")
    assert nothing_was_stored()


@each_route
@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, gzip"])
def test_a_compressed_body_is_not_read(api: Api, path: str, encoding: str) -> None:
    """B10: a bomb stays packed."""
    response = api.post(
        path, gzip.compress(b" " * 10_000_000), HTTP_CONTENT_ENCODING=encoding
    )

    assert code_of(response) == (415, "UNSUPPORTED_MEDIA_TYPE")


@each_route
@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({f"k{i}": 1 for i in range(201)}, "data"),
        ({"k" * 129: 1}, "data." + "k" * 40 + "…"),
        ({"k": "x" * 65_536}, "data"),
        ({"k": ["x" * 1000] * 70}, "data"),
        ("text", "data"),
        ([], "data"),
        (7, "data"),
        ({"k": {"value": 1, "persistent": "false"}}, "data.k.persistent"),
        ({"locale": 7}, "data.locale"),
    ],
)
def test_data_out_of_bounds_is_refused(
    api: Api, path: str, data: Any, field: str
) -> None:
    """B11."""
    response = api.post(path, good(path) | {"data": data})

    assert code_of(response) == (422, "VALIDATION_ERROR")
    assert [e["field"] for e in response.json()["error"]["errors"]] == [field]
    assert nothing_was_stored()


@each_route
def test_strange_names_in_data_are_plain_data(api: Api, path: str) -> None:
    """B11."""
    data = {
        "__proto__": {"polluted": True},
        "constructor": "x",
        "__class__": "y",
        "a.b": 1,
        "$where": "1",
        "": "empty",
        "k" * 128: "long",
        "emoji 🦄": [1, None, {"x": None}],
    }

    assert api.post(path, good(path) | {"data": data}).status_code == 200

    assert Contact.objects.get().data == data


@each_route
def test_one_field_however_its_name_is_composed(api: Api, path: str) -> None:
    """E4: NFC and NFD."""
    body = good(path)
    api.post(path, body | {"data": {"caf\u00e9": 1}})
    api.post(path, body | {"data": {"cafe\u0301": 2}})

    assert Contact.objects.get().data == {"caf\u00e9": 2}


@each_route
def test_what_is_echoed_is_json_text_and_short(api: Api, path: str) -> None:
    """B12, I5."""
    script = "<script>alert(1)</script>" * 200
    bodies: list[dict[str, Any]] = [
        {"to": script, "email": script, "event": script},
        {"data": {script: {"value": 1, "persistent": 7}}},
        {"data": {"x": {script: {script: "\x00"}}}},
        {"headers": {script: "x"}, script: 1},
        {"attachments": [{"filename": script, "content": script, "type": script}]},
        {"to": [script] * 50},
    ]
    for body in bodies:
        response = api.post(path, body)

        assert code_of(response) == (422, "VALIDATION_ERROR")
        assert b"<script>" * 9 not in response.content
        for error in response.json()["error"]["errors"]:
            assert len(error["field"]) <= 200
            assert len(error["message"]) <= 300
    doubled = api.post(path, f'{{"{script}": 1, "{script}": 2}}'.encode())
    assert len(doubled.json()["message"]) <= 300


@each_route
def test_unknown_fields_are_ignored_and_not_stored(api: Api, path: str) -> None:
    """B13."""
    extra = {"withUnsubscribe": True, "type": "x", "projectId": "other", "id": 5}

    response = api.post(path, good(path) | extra)

    assert response.status_code == 200
    assert Contact.objects.get().data is None


@each_route
def test_an_explicit_null_counts_as_absent(api: Api, path: str) -> None:
    names = "subscribed data name from reply headers attachments template tracking"

    response = api.post(path, good(path) | dict.fromkeys(names.split()))

    assert response.status_code == 200


@each_route
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"])
def test_another_method_is_named_with_what_is_allowed(
    client: Client, path: str, method: str
) -> None:
    """B16."""
    response = client.generic(method, path)

    assert response.status_code == 405
    assert "POST" in response["Allow"]
    if method != "HEAD":
        assert code_of(response) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("prefix", ["/v1/", "/api/v1/", "/api/"])
@pytest.mark.parametrize(
    "path",
    [
        "send%00",
        "%00",
        "../v1/sending",
        "%2e%2e/x",
        "send/../../etc/passwd",
        "x" * 8000,
        "nothing/not-a-uuid",
        "nothing/%FF%FE",
        "nothing/00000000-0000-0000-0000-00000000000g",
        "SEND",
        "send//",
        "send;x=1",
    ],
)
def test_a_path_that_nothing_serves_is_a_404(api: Api, prefix: str, path: str) -> None:
    """B16: never a 500."""
    for method in ("GET", "POST"):
        response = api.client.generic(
            method,
            prefix + path,
            "{}",
            content_type="application/json",
            HTTP_AUTHORIZATION=f"Bearer {api.key}",
        )
        assert code_of(response)[0] in (404, 405)
