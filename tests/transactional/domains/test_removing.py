from __future__ import annotations

import pytest
from django.db.models.functions import Now

from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.transactional.conftest import Queue
from tests.transactional.domains.conftest import FakeAccount
from transactional.domains import DomainInUse, add_domain, remove_domain, removing
from transactional.models import Domain, Email, EmailState, SenderAddress, Template
from transactional.senders import Sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def domain(project: Project, account: FakeAccount) -> Domain:
    return add_domain(project=project, name="example.com")


def test_a_removed_domain_leaves_ses(domain: Domain, account: FakeAccount) -> None:
    assert remove_domain(domain=domain) is True

    assert account.names == {}
    assert not Domain.objects.exists()
    assert remove_domain(domain=domain) is False


def test_what_was_in_ses_before_us_stays_there(
    project: Project, account: FakeAccount
) -> None:
    """Else anybody could take the operator's own domain out of the account."""
    account.names["corp.example"] = {}

    remove_domain(domain=add_domain(project=project, name="corp.example"))

    assert "corp.example" in account.names


def test_another_projects_domain_of_this_name_stays_in_ses(
    domain: Domain, other_project: NewProject, account: FakeAccount
) -> None:
    Domain.objects.create(project=other_project.project, name="example.com")

    remove_domain(domain=domain)

    assert "example.com" in account.names


def test_ses_being_away_keeps_nobody_from_removing(
    domain: Domain, account: FakeAccount
) -> None:
    account.is_down = True

    assert remove_domain(domain=domain) is True


def test_a_domain_that_a_template_is_from_stays(
    project: Project, domain: Domain
) -> None:
    template = Template.objects.create(
        project=project, name="Hello", subject="s", body="b", from_email="a@EXAMPLE.com"
    )

    with pytest.raises(DomainInUse, match="Template “Hello”"):
        remove_domain(domain=domain)

    Template.objects.filter(pk=template.pk).update(deleted_at=Now())
    assert remove_domain(domain=domain) is True


def test_a_domain_of_a_sender_stays(project: Project, domain: Domain) -> None:
    SenderAddress.objects.create(project=project, email="a@example.com")

    with pytest.raises(DomainInUse, match=r"a@example\.com"):
        remove_domain(domain=domain)


def test_the_default_senders_domain_stays(project: Project, domain: Domain) -> None:
    Project.objects.filter(pk=project.pk).update(from_email="a@example.com")

    with pytest.raises(DomainInUse, match="default sender"):
        remove_domain(domain=domain)


@pytest.mark.parametrize("state", [EmailState.QUEUED, EmailState.IN_DOUBT])
def test_a_domain_that_owes_mail_stays(
    domain: Domain, queue: Queue, state: EmailState
) -> None:
    queue("ann@example.org", sender=Sender("a@example.com", ""))
    Email.objects.update(state=state)

    with pytest.raises(DomainInUse, match="not sent yet"):
        remove_domain(domain=domain)

    Email.objects.update(state=EmailState.SENT)
    assert remove_domain(domain=domain) is True


def test_domains_below_and_look_alikes_are_no_use_of_it(
    project: Project, domain: Domain
) -> None:
    for email in ("a@mail.example.com", "a@notexample.com"):
        SenderAddress.objects.create(project=project, email=email)

    assert remove_domain(domain=domain) is True


def test_floors_above_can_say_that_they_need_it(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removing, "_uses", list(removing._uses))
    removing.register_use(lambda _project_id, name: f"Campaign on {name}.")

    with pytest.raises(DomainInUse, match=r"Campaign on example\.com"):
        remove_domain(domain=domain)
