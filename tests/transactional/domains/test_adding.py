from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import close_old_connections, connection
from django.db.models.functions import Now

from plunk.api.errors import Invalid
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.transactional.domains.conftest import FakeAccount, publish
from tests.transactional.domains.nameserver import NameServer
from transactional.domains import (
    DomainLinked,
    DomainTaken,
    SesUnavailable,
    TooManyDomains,
    add_domain,
    adding,
    check_due,
    dns_records,
    remove_domain,
)
from transactional.domains.expected import Kind
from transactional.models import Domain

pytestmark = pytest.mark.django_db


def test_a_new_domain_needs_no_more_than_its_records(
    project: Project, account: FakeAccount
) -> None:
    domain = add_domain(project=project, name=" Mail.Bücher.EXAMPLE. ")

    assert domain.name == "mail.xn--bcher-kva.example"
    assert domain.proof == ""
    assert [record.type for record in dns_records(domain)] == [
        *["CNAME"] * 3,
        "MX",
        "TXT",
        "TXT",
    ]
    assert account.names[domain.name]["mail_from"] == f"plunk.{domain.name}"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "localhost",
        "a b.com",
        "x@example.com",
        "1.2",
        "127.0.0.1",
        "[::1]",
        "2001:db8::1",
        "com",
        ".com",
        "a..com",
        "-a.com",
        "exa\x00mple.com",
        "exa\nmple.com",
        "\ud800.com",
        "example.com/path",
        "https://example.com",
        "a" * 64 + ".com",
        "a." * 110 + "com",
        "x" * 100_000,
        "*.example.com",
        "_dmarc.example.com",
    ],
)
def test_what_is_no_domain_is_refused(
    project: Project, account: FakeAccount, name: str
) -> None:
    with pytest.raises(Invalid) as refused:
        add_domain(project=project, name=name)

    assert refused.value.errors[0].field == "domain"
    assert account.calls == []


@pytest.mark.parametrize("name", ["gmail.com", "Outlook.COM", "mail.yahoo.com"])
def test_nobody_owns_a_public_mail_service(
    project: Project, account: FakeAccount, name: str
) -> None:
    with pytest.raises(Invalid) as refused:
        add_domain(project=project, name=name)

    assert refused.value.errors[0].code == "public_mail_domain"


def test_a_project_has_a_domain_once(project: Project, account: FakeAccount) -> None:
    add_domain(project=project, name="example.com")

    with pytest.raises(DomainLinked):
        add_domain(project=project, name="EXAMPLE.com")


def test_a_domain_of_another_project_is_taken(
    project: Project, other_project: NewProject, account: FakeAccount
) -> None:
    add_domain(project=project, name="example.com")

    with pytest.raises(DomainTaken):
        add_domain(project=other_project.project, name="EXAMPLE.com")

    below = add_domain(project=other_project.project, name="mail.example.com")
    assert below.proof == ""


def test_a_claim_that_was_never_proven_runs_out(
    project: Project, other_project: NewProject, account: FakeAccount
) -> None:
    """Afterwards each has to prove that the domain is its own."""
    squatter = add_domain(project=project, name="example.com")
    Domain.objects.update(created_at=Now() - timedelta(days=8))

    owner = add_domain(project=other_project.project, name="example.com")

    squatter.refresh_from_db()
    assert squatter.proof
    assert owner.proof
    assert squatter.proof != owner.proof


def test_a_verified_domain_stays_taken(
    project: Project, other_project: NewProject, account: FakeAccount
) -> None:
    add_domain(project=project, name="example.com")
    Domain.objects.update(created_at=Now() - timedelta(days=80), verified_at=Now())

    with pytest.raises(DomainTaken):
        add_domain(project=other_project.project, name="example.com")


def test_what_was_in_the_account_before_has_to_be_proven(
    project: Project, account: FakeAccount, nameserver: NameServer
) -> None:
    """The account's identity says nothing about this project."""
    account.names["example.com"] = {"mail_from": "bounce.example.com"}
    account.status = "Success"
    domain = add_domain(project=project, name="example.com")
    publish(nameserver, domain, Kind.DKIM)
    (unproven,) = check_due()
    mail_from_before = account.names["example.com"]["mail_from"]
    publish(nameserver, domain, Kind.PROOF)
    Domain.objects.update(next_check_at=Now())

    (proven,) = check_due()

    assert unproven.verified_at is None
    assert unproven.status == "Success"
    assert mail_from_before == "bounce.example.com"
    assert proven.verified_at
    assert account.names["example.com"]["mail_from"] == "plunk.example.com"


def test_records_that_stood_there_before_prove_nothing(
    project: Project, account: FakeAccount, nameserver: NameServer
) -> None:
    """SES gives a domain its old tokens again, and their records may still be there."""
    account.status = "Success"
    domain = add_domain(project=project, name="example.com")
    publish(nameserver, domain)

    (checked,) = check_due()

    assert checked.proof
    assert checked.verified_at is None


def test_nothing_is_stored_while_ses_is_away(
    project: Project, account: FakeAccount
) -> None:
    account.is_down = True

    with pytest.raises(SesUnavailable):
        add_domain(project=project, name="example.com")

    assert not Domain.objects.exists()


def test_a_project_has_so_many_domains_at_most(
    project: Project, account: FakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "MOST_DOMAINS", 1)
    add_domain(project=project, name="a.example.com")

    with pytest.raises(TooManyDomains):
        add_domain(project=project, name="b.example.com")


@pytest.mark.django_db(transaction=True)
def test_of_two_projects_at_once_one_gets_the_domain(
    project: Project, other_project: NewProject, account: FakeAccount
) -> None:
    projects = [project, other_project.project]

    results = _at_once(
        [lambda p=p: add_domain(project=p, name="ex.com") for p in projects]
    )

    assert Domain.objects.count() == 1
    assert sorted(type(result).__name__ for result in results) == [
        "Domain",
        "DomainTaken",
    ]


@pytest.mark.django_db(transaction=True)
def test_adding_and_removing_at_once_leave_a_domain_or_none(
    project: Project, account: FakeAccount
) -> None:
    """And whatever is left becomes well by itself."""
    domain = add_domain(project=project, name="example.com")

    _at_once(
        [
            lambda: remove_domain(domain=domain),
            lambda: add_domain(project=project, name="example.com"),
        ]
    )

    left = Domain.objects.count()
    check_due()
    assert left in {0, 1}
    assert not left or "example.com" in account.names


def _at_once(works: list[Any]) -> list[Any]:
    start = Barrier(len(works))

    def run(work: Any) -> Any:
        try:
            start.wait(5)
            return work()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error
        finally:
            close_old_connections()
            connection.close()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))
