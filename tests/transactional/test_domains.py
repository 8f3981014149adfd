from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from django.core.management import CommandError, call_command

from plunk.api.errors import Invalid
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.conftest import Api
from transactional import domains, senders
from transactional.domains import DomainTaken, SesUnavailable, add_domain, check_domain
from transactional.models import Domain


class FakeClient:
    """SES's identity calls, answering what a test wants."""

    def __init__(self) -> None:
        self.status = "Pending"
        self.is_down = False

    def __call__(self, _service: str) -> FakeClient:
        if self.is_down:
            raise EndpointConnectionError(endpoint_url="https://ses")
        return self

    def verify_domain_dkim(self, **_: Any) -> Any:
        return {"DkimTokens": ["a1", "b2", "c3"]}

    def set_identity_mail_from_domain(self, **_: Any) -> Any:
        return {}

    def get_identity_dkim_attributes(self, **given: Any) -> Any:
        (name,) = given["Identities"]
        return {"DkimAttributes": {name: {"DkimVerificationStatus": self.status}}}


@pytest.fixture
def identities(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()
    monkeypatch.setattr(domains, "client", fake)
    return fake


def test_a_domain_is_verified_when_ses_says_so(
    project: Project, identities: FakeClient
) -> None:
    domain = add_domain(project=project, name="Mail.Example.COM.")
    before = check_domain(domain=domain)
    identities.status = "Success"

    after = check_domain(domain=domain)

    domain.refresh_from_db()
    assert (before, after) == (False, True)
    assert domain.name == "mail.example.com"
    assert domain.verified_at is not None


def test_one_bad_answer_takes_nothing_back(
    project: Project, identities: FakeClient
) -> None:
    domain = add_domain(project=project, name="example.com")
    identities.status = "Success"
    check_domain(domain=domain)
    identities.status = "TemporaryFailure"

    domain.refresh_from_db()

    assert check_domain(domain=domain) is True


def test_a_domain_belongs_to_one_project(
    project: Project, other_project: NewProject, identities: FakeClient
) -> None:
    add_domain(project=project, name="example.com")

    with pytest.raises(DomainTaken):
        add_domain(project=other_project.project, name="EXAMPLE.com")


@pytest.mark.parametrize("name", ["", "localhost", "a b.com", "x@example.com", "1.2"])
def test_what_is_no_domain_is_refused(
    project: Project, identities: FakeClient, name: str
) -> None:
    with pytest.raises(Invalid):
        add_domain(project=project, name=name)


def test_nothing_is_stored_while_ses_is_away(
    project: Project, identities: FakeClient
) -> None:
    identities.is_down = True

    with pytest.raises(SesUnavailable):
        add_domain(project=project, name="example.com")

    assert not Domain.objects.exists()


def test_only_an_exact_verified_domain_of_the_project_may_send(
    api: Api, project: Project, identities: FakeClient, settings: Any
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True
    senders._verified.clear()
    mail = {"to": "ann@example.org", "subject": "Hi", "body": "Hi"}
    domain = add_domain(project=project, name="example.com")

    unverified = api.post("/v1/send", mail | {"from": "a@example.com"})
    identities.status = "Success"
    check_domain(domain=domain)
    exact = api.post("/v1/send", mail | {"from": "a@example.com"})
    look_alike = api.post("/v1/send", mail | {"from": "a@notexample.com"})
    below = api.post("/v1/send", mail | {"from": "a@x.example.com"})
    nobody = api.post("/v1/send", mail)

    assert unverified.status_code == look_alike.status_code == below.status_code == 403
    assert unverified.json()["error"]["code"] == "DOMAIN_NOT_VERIFIED"
    assert exact.status_code == 200
    assert nobody.status_code == 422
    assert nobody.json()["error"]["errors"][0]["field"] == "from"


def test_the_commands_add_and_check(project: Project, identities: FakeClient) -> None:
    out = StringIO()

    call_command("add_domain", str(project.pk), "example.com", stdout=out)
    identities.status = "Success"
    call_command("check_domains", stdout=out)

    assert "a1._domainkey.example.com → a1.dkim.amazonses.com" in out.getvalue()
    assert "example.com: verified" in out.getvalue()
    with pytest.raises(CommandError):
        call_command("add_domain", str(project.pk), "example.com")
