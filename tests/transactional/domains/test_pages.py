"""The pages of domains: what they show, and to whom."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from plunk.projects.models import Membership, Project, Role, User
from tests.transactional.domains.conftest import FakeAccount, publish
from tests.transactional.domains.nameserver import NameServer
from transactional.domains import add_domain, check_due
from transactional.domains.expected import Kind
from transactional.models import Domain, SenderAddress

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def member(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def base(project: Project, settings: Settings) -> str:
    settings.REQUIRES_VERIFIED_DOMAIN = True
    return f"/projects/{project.pk}/settings/domains/"


@pytest.fixture
def domain(project: Project, account: FakeAccount) -> Domain:
    return add_domain(project=project, name="mail.example.com")


def page(client: Client, base: str, domain: Domain, **query: Any) -> str:
    answer = client.get(f"{base}{domain.pk}/", query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_domain_is_added_by_what_people_paste(
    owner: Client, base: str, account: FakeAccount
) -> None:
    answer = owner.post(f"{base}new/", {"domain": " https://Example.com/about?x#y "})

    domain = Domain.objects.get()
    assert domain.name == "example.com"
    assert answer["Location"].startswith(f"{base}{domain.pk}/?asked=")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "required"),
        ("nope", "Is not a domain name"),
        ("a@example.com", "after the @ only"),
        ("gmail.com", "public mail service"),
        ("exa\x00mple.com", "Null characters"),
        ("x" * 400, "at most 300"),
    ],
)
def test_what_is_no_domain_is_told_in_the_form(
    owner: Client, base: str, account: FakeAccount, typed: str, told: str
) -> None:
    answer = owner.post(f"{base}new/", {"domain": typed})

    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert not Domain.objects.exists()


def test_ses_being_away_is_told_in_the_form(
    owner: Client, base: str, account: FakeAccount
) -> None:
    account.is_down = True

    answer = owner.post(f"{base}new/", {"domain": "example.com"})

    assert b"did not answer about example.com" in answer.content
    assert b'value="example.com"' in answer.content


def test_records_are_shown_as_a_dns_host_wants_them(
    owner: Client, base: str, domain: Domain, nameserver: NameServer
) -> None:
    nameserver.zones.append("example.com")
    check_due()

    shown = page(owner, base, domain)

    shown = shown.replace("<wbr>", "")
    assert ">a16._domainkey.mail<" in shown
    assert ">a16._domainkey.mail.example.com<" in shown
    assert ">plunk.mail<" in shown
    assert ">feedback-smtp.us-east-1.amazonses.com<" in shown
    assert "Priority 10" in shown
    assert shown.count("Not found") == 5
    assert "Advised" in shown
    assert "Ownership" not in shown


def test_what_was_found_stands_beside_what_is_expected_and_is_no_markup(
    owner: Client, base: str, domain: Domain, nameserver: NameServer
) -> None:
    publish(nameserver, domain)
    nameserver.put(
        "plunk.mail.example.com", "TXT", '"v=spf1 <script>alert(1)</script>"'
    )
    check_due()

    shown = page(owner, base, domain)

    assert "v=spf1 &lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>alert" not in shown
    assert "It does not name amazonses.com" in shown


def test_a_domain_that_was_known_before_asks_for_its_proof(
    owner: Client, base: str, project: Project, account: FakeAccount
) -> None:
    account.names["example.com"] = {}
    domain = add_domain(project=project, name="example.com")
    check_due()

    shown = page(owner, base, domain)

    domain.refresh_from_db()
    assert "Proof needed" in shown
    assert f"plunk-verification={domain.proof}" in shown
    assert ">_plunk<" in shown


def test_the_page_waits_for_a_check_that_was_asked_for(
    owner: Client, base: str, domain: Domain
) -> None:
    check_due()
    Domain.objects.update(checked_at=Now() - timedelta(minutes=5))

    answer = owner.post(f"{base}{domain.pk}/check/")
    waiting = owner.get(answer["Location"]).content.decode()
    Domain.objects.update(checked_at=Now() + timedelta(seconds=1))
    done = owner.get(answer["Location"]).content.decode()

    assert "Checking…" in waiting
    assert "Checking…" not in done
    domain.refresh_from_db()
    assert domain.next_check_at


def test_nobody_waits_for_ever(owner: Client, base: str, domain: Domain) -> None:
    check_due()

    for asked in (str(int(time.time()) - 60), "x", "9" * 30, "-1", "²"):
        assert "Checking…" not in page(owner, base, domain, asked=asked)


def test_a_poll_that_finds_nothing_new_changes_nothing(
    owner: Client, base: str, domain: Domain
) -> None:
    check_due()
    domain.refresh_from_db()
    assert domain.checked_at
    seen = f"{domain.checked_at.timestamp():.3f}-0"
    url = f"{base}{domain.pk}/?seen={seen}"

    same = owner.get(url, headers={"HX-Request": "true"})
    Domain.objects.update(checked_at=Now())
    other = owner.get(url, headers={"HX-Request": "true"})

    assert (same.status_code, same.content) == (204, b"")
    assert other.status_code == 200


def test_the_page_polls_until_the_domain_is_verified(
    owner: Client, base: str, domain: Domain, account: FakeAccount
) -> None:
    check_due()
    before = page(owner, base, domain)
    account.status = "Success"
    Domain.objects.update(next_check_at=Now())
    check_due()

    after = page(owner, base, domain, seen="x")

    assert "data-poll" in before
    assert "data-poll" not in after
    assert "Verified" in after
    assert "is-news" in after


def test_trouble_is_told_clearly(owner: Client, base: str, domain: Domain) -> None:
    Domain.objects.update(verified_at=Now(), failing_since=Now())
    failing = page(owner, base, domain)
    Domain.objects.update(verified_at=None)
    lost = page(owner, base, domain)

    assert "Needs attention" in failing
    assert "Not verified any more" in lost


def test_the_list_costs_the_same_for_many(
    owner: Client, base: str, project: Project, account: FakeAccount
) -> None:
    counts = []
    owner.get(base)
    for start in (0, 10):
        for number in range(start, start + 10):
            add_domain(project=project, name=f"d{number}.example.com")
        with CaptureQueriesContext(connection) as queries:
            assert b"d9.example.com" in owner.get(base).content
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_a_domain_in_use_says_by_what_and_stays(
    owner: Client, base: str, domain: Domain, project: Project
) -> None:
    SenderAddress.objects.create(project=project, email="a@mail.example.com")

    shown = owner.get(f"{base}{domain.pk}/remove/").content.decode()
    owner.post(f"{base}{domain.pk}/remove/")

    assert "Sender a@mail.example.com." in shown
    assert Domain.objects.exists()


def test_a_domain_is_removed_after_a_question(
    owner: Client, base: str, domain: Domain
) -> None:
    shown = owner.get(f"{base}{domain.pk}/remove/").content.decode()
    assert Domain.objects.exists()

    owner.post(f"{base}{domain.pk}/remove/")

    assert "Remove this domain" in shown
    assert not Domain.objects.exists()


def test_members_look_and_admins_arrange(
    member: Client, bob: User, base: str, domain: Domain
) -> None:
    shown = page(member, base, domain)
    listed = member.get(base).content.decode()
    refused = member.post(f"{base}{domain.pk}/remove/")
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)

    allowed = member.post(f"{base}{domain.pk}/remove/")

    assert "Copy the host a16._domainkey" in shown
    assert "Remove" not in shown
    assert "Add domain" not in listed
    assert (refused.status_code, allowed.status_code) == (403, 302)


def test_the_local_inbox_is_named_where_mail_goes_there(
    owner: Client, base: str, domain: Domain, settings: Settings
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = False

    assert "local Inbox" in page(owner, base, domain)
    assert "local Inbox" in owner.get(base).content.decode()


def test_dmarc_advice_is_no_requirement(
    owner: Client, base: str, domain: Domain, nameserver: NameServer
) -> None:
    publish(nameserver, domain)
    nameserver.put(
        "_dmarc.mail.example.com", "TXT", '"v=DMARC1; p=none; rua=mailto:a@b"'
    )
    check_due()

    shown = page(owner, base, domain)

    assert "p=quarantine" in shown
    assert Kind.DMARC in {
        item["kind"] for item in Domain.objects.get().records["items"]
    }
