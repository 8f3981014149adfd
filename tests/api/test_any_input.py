"""Whatever comes in, the answer is the envelope and never a 5xx (robustness B14).

`HYPOTHESIS_PROFILE=thorough` tries some fifty times as much.
"""

from __future__ import annotations

import json
import os
from typing import Any, ClassVar

import orjson
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from plunk.projects.creating import create_project
from plunk.projects.models import User
from tests.conftest import Api

settings.register_profile("normal", max_examples=150, deadline=None)
settings.register_profile("thorough", max_examples=10_000, deadline=None)
PROFILE = settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "normal"))

GOOD: dict[str, dict[str, Any]] = {
    "/v1/send": {
        "to": "ann@example.com",
        "subject": "Hello",
        "body": "<p>Hello</p>",
        "name": "Acme",
        "from": {"email": "a@example.com", "name": "A"},
        "reply": "r@example.com",
        "subscribed": True,
        "headers": {"X-Tag": "1"},
        "data": {"a": 1},
        "template": None,
        "tracking": False,
        "attachments": [
            {
                "filename": "a.txt",
                "content": "YQ==",
                "contentType": "text/plain",
                "contentId": "a",
                "disposition": "inline",
            }
        ],
    },
    "/v1/track": {
        "event": "signed-up",
        "email": "ann@example.com",
        "subscribed": True,
        "data": {"a": 1},
    },
}

texts = st.one_of(
    st.text(max_size=20),
    st.text(alphabet=st.characters(codec="utf-8"), max_size=300),
    st.sampled_from(
        [
            "\x00",
            "\ud800",
            "a@b",
            "İ" * 255,
            "x" * 999,
            "{{x}}",
            "=?utf-8?q?x?=",
            "\r\nBcc: x",
        ]
    ),
)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=True),
        texts,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=12,
)


def replaced(path: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return good bodies with one or several fields, or inner fields, gone wrong."""
    good = GOOD[path]
    inner = st.dictionaries(
        st.sampled_from(
            ["email", "name", "filename", "content", "contentType", "type", "contentId"]
        ),
        values,
    )
    wrong = st.one_of(values, inner, st.lists(inner, max_size=3))
    return st.dictionaries(st.sampled_from(sorted(good)), wrong, min_size=1).map(
        lambda changes: good | changes
    )


def as_json(body: Any) -> bytes:
    """Write JSON that Python can write but orjson would not: NaN, lone surrogates."""
    return json.dumps(body).encode()


class AnyInput(TestCase):
    api: ClassVar[Api]

    @classmethod
    def setUpTestData(cls) -> None:
        alice = User.objects.create_user("alice@example.com", "correct horse")
        cls.api = Api(Client(), create_project(name="A", owner=alice).secret.value)

    def check(self, path: str, raw: bytes, **headers: str) -> None:
        response = self.api.post(path, raw, **headers)
        body = orjson.loads(response.content)
        assert response.status_code < 500, (raw, body)
        assert response["X-Request-ID"]
        if response.status_code == 200:
            assert body["success"] is True
        else:
            assert body["success"] is False
            assert body["error"]["code"] != "INTERNAL_SERVER_ERROR"
            assert len(response.content) < 60_000

    @PROFILE
    @given(replaced("/v1/send"))
    def test_a_wrong_field_of_a_mail(self, body: dict[str, Any]) -> None:
        self.check("/v1/send", as_json(body))

    @PROFILE
    @given(replaced("/v1/track"))
    def test_a_wrong_field_of_an_event(self, body: dict[str, Any]) -> None:
        self.check("/v1/track", as_json(body))

    @PROFILE
    @given(values, st.sampled_from(sorted(GOOD)))
    def test_any_json(self, body: Any, path: str) -> None:
        self.check(path, as_json(body))

    @PROFILE
    @given(st.binary(max_size=200), st.sampled_from(sorted(GOOD)))
    def test_any_bytes(self, raw: bytes, path: str) -> None:
        self.check(path, raw)

    @PROFILE
    @given(
        st.text(st.characters(max_codepoint=255), max_size=300),
        st.sampled_from(
            [
                "HTTP_AUTHORIZATION",
                "HTTP_IDEMPOTENCY_KEY",
                "CONTENT_TYPE",
                "HTTP_CONTENT_ENCODING",
                "HTTP_X_REQUEST_ID",
                "HTTP_TRANSFER_ENCODING",
                "CONTENT_LENGTH",
                "HTTP_ORIGIN",
                "HTTP_X_FORWARDED_FOR",
            ]
        ),
    )
    def test_any_header(self, value: str, name: str) -> None:
        self.check("/v1/track", as_json(GOOD["/v1/track"]), **{name: value})


def test_the_profile_is_one_that_exists() -> None:
    """A misspelt profile would silently try nothing."""
    assert PROFILE.max_examples >= 150
