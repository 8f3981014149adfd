"""A domain from its adding to its first mail, with the simulator's real answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from django.db.models.functions import Now
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from plunk.projects.creating import NewProject
from plunk.simulator.faults import faults
from tests.conftest import Api
from tests.transactional.domains.conftest import publish
from tests.transactional.domains.nameserver import NameServer
from transactional.domains import check_due, identities
from transactional.domains.expected import Kind
from transactional.models import Domain

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "mail.acme.example"
MAIL = {"to": "a@example.org", "subject": "s", "body": "b", "from": f"hi@{NAME}"}


@pytest.fixture
def client_of(
    live_server: LiveServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Any]]:
    """Make real SDK clients of a live simulator, which are ours too."""
    make_client: Any = boto3.client

    def make(service: str) -> Any:
        return make_client(
            service,
            endpoint_url=f"{live_server.url}/simulator",
            region_name="us-east-1",
            aws_access_key_id=settings.AWS_ACCESS_KEY_ID,
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
        )

    settings.REQUIRES_VERIFIED_DOMAIN = True
    monkeypatch.setattr(identities, "client", make)
    faults.reset()
    yield make
    faults.reset()


def _check() -> Domain:
    Domain.objects.update(next_check_at=Now())
    (checked,) = check_due()
    return checked


def test_a_new_domain_is_published_verified_and_used(
    api: Api, client_of: Callable[[str], Any], nameserver: NameServer
) -> None:
    faults.set({"unverified_domains": [NAME]})
    added = api.post("/api/domains", {"domain": NAME}, HTTP_IDEMPOTENCY_KEY="k")
    assert added.status_code == 201
    _check()
    refused = api.post("/v1/send", MAIL)
    publish(nameserver, Domain.objects.get())
    faults.set({"unverified_domains": []})
    checked = _check()
    sent = api.post("/v1/send", MAIL)

    found = client_of("sesv2").get_email_identity(EmailIdentity=NAME)
    assert (refused.status_code, sent.status_code) == (403, 200)
    assert {item["state"] for item in checked.records["items"]} == {"ok"}
    assert found["DkimAttributes"]["Tokens"] == added.json()["dkimTokens"]
    assert found["MailFromAttributes"]["MailFromDomain"] == f"plunk.{NAME}"


def test_a_domain_of_the_accounts_own_needs_the_projects_proof(
    api: Api, client_of: Callable[[str], Any], nameserver: NameServer
) -> None:
    """The simulator says at once that it is verified, as SES would."""
    client_of("sesv2").create_email_identity(EmailIdentity=NAME)
    added = api.post("/api/domains", {"domain": NAME}).json()
    publish(nameserver, Domain.objects.get(), Kind.DKIM)
    unproven = api.get(f"/api/domains/{added['id']}/verify").json()
    refused = api.post("/v1/send", MAIL)
    publish(nameserver, Domain.objects.get(), Kind.PROOF)

    proven = _check()

    assert (unproven["status"], unproven["verified"]) == ("Success", False)
    assert unproven["records"][0]["kind"] == "ownership"
    assert refused.status_code == 403
    assert "ownership record" in refused.json()["error"]["message"]
    assert proven.verified_at
    assert api.post("/v1/send", MAIL).status_code == 200
    assert api.send("DELETE", f"/api/domains/{added['id']}").status_code == 409
    assert client_of("sesv2").get_email_identity(EmailIdentity=NAME)


def test_another_project_cannot_use_what_this_one_has_proven(
    api: Api,
    stranger_api: Api,
    other_project: NewProject,
    client_of: Callable[[str], Any],
) -> None:
    api.post("/api/domains", {"domain": NAME})
    assert _check().verified_at

    taken = stranger_api.post("/api/domains", {"domain": NAME})
    # Whatever put the row there, the account's word is not this project's.
    Domain.objects.create(
        project=other_project.project, name=NAME, proof="token", dkim_tokens=["a"]
    )
    Domain.objects.update(next_check_at=Now())
    check_due()

    assert taken.status_code == 403
    assert stranger_api.post("/v1/send", MAIL).status_code == 403
    assert api.post("/v1/send", MAIL).status_code == 200
