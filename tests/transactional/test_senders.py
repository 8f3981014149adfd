"""Who a mail comes from, however the address was once saved."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from plunk.projects.models import Project
from tests.conftest import Api
from transactional.models import Domain, Email

MAIL = {"to": "ann@example.com", "subject": "Hello", "body": "<p>Hello</p>"}

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("saved", "sent"),
    [
        ("Hello@EXAMPLE.com", "hello@example.com"),
        ("hallo@müller.de", "hallo@xn--mller-kva.de"),
        (" hello@example.com ", "hello@example.com"),
    ],
)
def test_the_projects_sender_is_written_as_mail_needs_it(
    api: Api, project: Project, saved: str, sent: str
) -> None:
    Project.objects.filter(pk=project.pk).update(from_email=saved)

    assert api.post("/v1/send", MAIL).status_code == 200

    assert Email.objects.get().from_email == sent


@pytest.mark.parametrize(
    "saved", ["grüße@example.com", '"a\x0bb"@example.com', "a@example.com\nBcc: b@x.co"]
)
def test_a_sender_that_cannot_be_written_is_refused_before_it_is_taken(
    api: Api, project: Project, saved: str
) -> None:
    Project.objects.filter(pk=project.pk).update(from_email=saved)

    answer = api.post("/v1/send", MAIL)

    assert answer.status_code == 422
    assert answer.json()["error"]["errors"][0]["field"] == "from"
    assert not Email.objects.exists()


def test_a_verified_domain_is_found_however_the_sender_is_spelt(
    api: Api, project: Project, settings: Settings
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True
    Domain.objects.create(project=project, name="example.com", verified_at=Now())
    Project.objects.filter(pk=project.pk).update(from_email="Hello@EXAMPLE.com")

    assert api.post("/v1/send", MAIL).status_code == 200
