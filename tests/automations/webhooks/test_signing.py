from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from automations.models import SigningSecret
from automations.webhooks import signing
from plunk.projects.creating import NewProject
from plunk.projects.models import Project


def test_the_example_of_the_standard() -> None:
    """As its reference implementations have it in their own tests."""
    signature = signing.sign(
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_signature_is_an_hmac_of_id_time_and_body() -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(24))).decode()

    headers = signing.signed_headers(
        secrets=[secret], message_id="id", timestamp=5, body=b"\xc3\xbc\x00"
    )

    expected = hmac.new(bytes(range(24)), b"id.5.\xc3\xbc\x00", hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "id",
        "webhook-timestamp": "5",
        "webhook-signature": "v1," + base64.b64encode(expected).decode(),
    }


@pytest.mark.django_db
def test_a_project_has_one_secret_of_its_own(
    project: Project, other_project: NewProject
) -> None:
    secret = signing.secret_of(project)

    assert secret.secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.secret[6:])) <= 64
    assert signing.secret_of(project) == secret
    assert signing.secret_of(other_project.project).secret != secret.secret
    assert signing.secrets_of({project.pk}) == {project.pk: [secret.secret]}


@pytest.mark.django_db
def test_after_a_rotation_both_sign_for_a_day(project: Project) -> None:
    old = signing.secret_of(project)

    new = signing.rotate(project)

    assert signing.secret_of(project) == new
    assert signing.secrets_of({project.pk})[project.pk] == [new.secret, old.secret]
    again = SigningSecret.objects.annotate(now=Now()).get(pk=old.pk)
    assert again.expires_at is not None
    left = again.expires_at - again.now
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    assert signing.old_secret_of(project) == old

    SigningSecret.objects.filter(pk=old.pk).update(expires_at=Now())
    assert signing.secrets_of({project.pk})[project.pk] == [new.secret]
    assert signing.forget_expired() == 1


@pytest.mark.django_db
def test_the_old_secret_can_be_ended_at_once(project: Project) -> None:
    signing.secret_of(project)
    new = signing.rotate(project)

    assert signing.forget_old(project) == 1

    assert signing.secrets_of({project.pk})[project.pk] == [new.secret]


@pytest.mark.django_db
def test_secrets_of_many_projects_are_made_on_the_way(
    project: Project, other_project: NewProject
) -> None:
    found = signing.secrets_of({project.pk, other_project.project.pk})

    assert {len(secrets) for secrets in found.values()} == {1}
    assert found == signing.secrets_of(set(found))
