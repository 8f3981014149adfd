"""Which host and which path lead to the API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver
from pytest_django.fixtures import Settings

from plunk.api import urls
from plunk.api.resources import Resource

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/v1/%0a", "/v1%0a", "/v1/send%0a", "/api/%0a", "/health%0a", "/api/x%0ay"]
)
def test_a_line_break_in_a_path_is_answered_in_json(client: Client, path: str) -> None:
    """B16."""
    answer = client.post(path, b"{}", content_type="application/json")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "RESOURCE_NOT_FOUND"


@pytest.mark.parametrize(
    "host", ["api.example.com", "API.example.com.", "api.example.com.:80"]
)
def test_the_apis_host_serves_nothing_else(
    client: Client, settings: Settings, host: str
) -> None:
    settings.API_HOST = "api.example.com"
    settings.ALLOWED_HOSTS = ["api.example.com"]

    answer = client.get("/auth/login/", HTTP_HOST=host)

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/json"


def _paths(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[str]:
    """Yield a path of each resource, with ids that nothing has."""
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _paths(one.url_patterns)
        elif issubclass(getattr(one.callback, "view_class", object), Resource):
            path = re.sub(r"\(\?P<\w+>[^)]*\)", str(UUID(int=1)), str(one.pattern))
            yield path.removeprefix("^").removesuffix("/?$")


def test_another_method_is_told_which_are_allowed(client: Client) -> None:
    """Of all routes of both generations; asked without a key, none does anything."""
    paths = [f"/api/{path}" for path in _paths(urls.urlpatterns)]
    assert len(paths) > 50
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"]
    for path in [*paths, "/api/v1/send", "/api/v1/track"]:
        refused = client.generic("PURGE", path)
        allowed = refused["Allow"]

        message = f"PURGE is not allowed here. Allowed are: {allowed}."
        assert (refused.status_code, refused.json()["message"]) == (405, message), path
        answered = {
            method
            for method in methods
            if client.generic(method, path).status_code != 405
        }
        assert answered == {*allowed.split(", ")} - {"HEAD", "OPTIONS"}, path
