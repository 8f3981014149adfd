from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client
from pytest_django import Settings

from plunk.projects.models import Project
from tests.transactional.mails import make_email
from tests.webhooks import sns
from transactional.models import Email
from webhooks import certificates

Post = Callable[..., Any]


@pytest.fixture(autouse=True)
def _topic(settings: Settings) -> Iterator[None]:
    settings.SNS_TOPIC_ARNS = [sns.TOPIC]
    settings.SNS_TRUSTED_CERTIFICATES = {}
    certificates.forget_certificates()
    yield
    certificates.forget_certificates()


@pytest.fixture(autouse=True)
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the URLs that were fetched; nothing leaves the process."""
    urls: list[str] = []

    def fetch(url: str) -> bytes:
        urls.append(url)
        return sns.certificate()

    monkeypatch.setattr(certificates, "fetch", fetch)
    return urls


@pytest.fixture
def pinned(settings: Settings, tmp_path: Path) -> Path:
    """Trust the certificate by a file, which it returns."""
    path = tmp_path / "certificate.pem"
    path.write_bytes(sns.certificate())
    settings.SNS_TRUSTED_CERTIFICATES = {sns.URL: str(path)}
    return path


@pytest.fixture
def post(db: None) -> Post:
    """Post an envelope as SNS does."""

    def _post(fields: Any, path: str = "/webhooks/sns") -> Any:
        body = fields if isinstance(fields, bytes) else orjson.dumps(fields)
        return Client(enforce_csrf_checks=True).post(
            path, body, content_type="text/plain; charset=utf-8"
        )

    return _post


@pytest.fixture
def email(project: Project) -> Email:
    return make_email(project, to_email="dana@example.com")
