"""Which host and which path lead to the API."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

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
