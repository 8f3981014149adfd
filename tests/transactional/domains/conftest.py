from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pytest_django.fixtures import Settings

from tests.transactional.domains.nameserver import NameServer
from transactional import senders
from transactional.domains import identities
from transactional.domains.expected import Kind, dns_records
from transactional.models import Domain


class FakeAccount:
    """SES's identities, answering what a test wants."""

    def __init__(self) -> None:
        self.names: dict[str, dict[str, str]] = {}
        self.statuses: dict[str, str] = {}
        self.status = "Pending"
        self.is_down = False
        self.calls: list[str] = []

    def __call__(self, _service: str) -> FakeAccount:
        return self

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.is_down:
            raise EndpointConnectionError(endpoint_url="https://ses")

    def _tokens(self, name: str) -> list[str]:
        return [f"{letter}{len(name)}" for letter in "abc"]

    def create_email_identity(self, **given: str) -> Any:
        self._called("create")
        name = given["EmailIdentity"]
        if name in self.names:
            answer: Any = {
                "Error": {"Code": "AlreadyExistsException", "Message": "is there"}
            }
            raise ClientError(answer, "CreateEmailIdentity")
        self.names[name] = {}
        return {"DkimAttributes": {"Tokens": self._tokens(name)}}

    def get_email_identity(self, **given: str) -> Any:
        self._called("get")
        return {"DkimAttributes": {"Tokens": self._tokens(given["EmailIdentity"])}}

    def set_identity_mail_from_domain(self, **given: str) -> Any:
        self._called("mail_from")
        self.names[given["Identity"]]["mail_from"] = given["MailFromDomain"]
        return {}

    def get_identity_dkim_attributes(self, **given: list[str]) -> Any:
        self._called("dkim")
        assert 0 < len(given["Identities"]) <= 100
        return {
            "DkimAttributes": {
                name: {"DkimVerificationStatus": self.statuses.get(name, self.status)}
                if name in self.names
                else {"DkimVerificationStatus": "NotStarted"}
                for name in given["Identities"]
            }
        }

    def get_identity_mail_from_domain_attributes(self, **given: list[str]) -> Any:
        self._called("mail_from_of")
        return {
            "MailFromDomainAttributes": {
                name: {
                    "MailFromDomain": self.names[name].get("mail_from", ""),
                    "MailFromDomainStatus": "Pending",
                }
                for name in given["Identities"]
                if name in self.names
            }
        }

    def verify_domain_dkim(self, **given: str) -> Any:
        self._called("verify")
        return {"DkimTokens": self._tokens(given["Domain"])}

    def set_identity_feedback_forwarding_enabled(self, **_: Any) -> Any:
        self._called("forwarding")
        return {}

    def delete_identity(self, **given: str) -> Any:
        self._called("delete")
        self.names.pop(given["Identity"], None)
        return {}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> FakeAccount:
    fake = FakeAccount()
    monkeypatch.setattr(identities, "client", fake)
    return fake


@pytest.fixture(autouse=True)
def nameserver(settings: Settings) -> Iterator[NameServer]:
    """A name server that is the only one anybody asks."""
    server = NameServer()
    settings.DNS_SERVERS = [("127.0.0.1", server.port)]
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _fresh_verdicts() -> None:
    senders._verified.clear()


def publish(server: NameServer, domain: Domain, *kinds: Kind) -> None:
    """Put the records of a domain into DNS, all of them unless told which."""
    domain.refresh_from_db()
    for record in dns_records(domain):
        if not kinds or record.kind in kinds:
            quoted = f'"{record.value}"' if record.type == "TXT" else f"{record.value}."
            server.put(record.name, record.type, quoted)
