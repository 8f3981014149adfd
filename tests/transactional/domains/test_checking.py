"""Domains looked at again: when, by whom, and what it takes to lose one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import close_old_connections, connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from plunk.projects.models import Project
from tests.conftest import Api
from tests.transactional.domains.conftest import FakeAccount, publish
from tests.transactional.domains.nameserver import NameServer
from transactional.domains import (
    SesUnavailable,
    add_domain,
    check_domain,
    check_due,
    request_check,
)
from transactional.domains.expected import Kind
from transactional.models import Domain, Hold, HoldScope

pytestmark = pytest.mark.django_db
Pass = Callable[..., None]


@pytest.fixture
def domain(project: Project, account: FakeAccount) -> Domain:
    return add_domain(project=project, name="example.com")


@pytest.fixture
def verified(domain: Domain, account: FakeAccount, nameserver: NameServer) -> Domain:
    """A domain whose records were published after it was added."""
    check_due()
    publish(nameserver, domain)
    account.status = "Success"
    _look_again()
    domain.refresh_from_db()
    assert domain.verified_at
    return domain


def _look_again() -> list[Domain]:
    Domain.objects.update(next_check_at=Now())
    return check_due()


def _let_pass(hours: float) -> None:
    """Put everything that a domain remembers into the past."""
    for row in Domain.objects.all():
        ago = timedelta(hours=hours)
        if "failingSince" in row.records:
            since = datetime.fromisoformat(row.records["failingSince"]) - ago
            row.records["failingSince"] = since.isoformat()
        row.save(update_fields=["records"])
        Domain.objects.filter(pk=row.pk).update(failing_since=F("failing_since") - ago)


def _minutes_to_next(domain: Domain) -> float:
    row = Domain.objects.annotate(now=Now()).get(pk=domain.pk)
    assert row.next_check_at is not None
    return float((row.next_check_at - row.now).total_seconds()) / 60


def test_a_domain_is_verified_when_ses_says_so(
    domain: Domain, account: FakeAccount
) -> None:
    (before,) = check_due()
    account.status = "Success"

    (after,) = _look_again()

    assert (before.verified_at, before.status) == (None, "Pending")
    assert after.verified_at
    assert "forwarding" in account.calls


def test_checks_are_made_ever_more_rarely(domain: Domain) -> None:
    pauses = []
    for _ in range(7):
        _look_again()
        pauses.append(_minutes_to_next(domain))

    for pause, planned in zip(pauses, (1, 2, 5, 10, 30, 60, 60), strict=True):
        assert 0.85 * planned < pause < 1.15 * planned


def test_a_change_is_followed_closely(domain: Domain, nameserver: NameServer) -> None:
    for _ in range(5):
        _look_again()
    publish(nameserver, domain, Kind.MAIL_FROM_MX)

    _look_again()

    assert _minutes_to_next(domain) < 1.2


def test_a_verified_domain_is_looked_at_daily(verified: Domain) -> None:
    assert 21 * 60 < _minutes_to_next(verified) < 27 * 60


def test_what_is_not_due_is_left_alone(domain: Domain, account: FakeAccount) -> None:
    check_due()
    account.calls.clear()

    assert check_due() == []
    assert account.calls == []


def test_one_bad_answer_takes_nothing_back(
    verified: Domain, account: FakeAccount
) -> None:
    account.status = "TemporaryFailure"

    (checked,) = _look_again()

    assert checked.verified_at
    assert checked.failing_since


def test_a_bad_hour_takes_nothing_back(verified: Domain, account: FakeAccount) -> None:
    account.status = "Failed"
    for _ in range(20):
        _look_again()

    verified.refresh_from_db()
    assert verified.verified_at


def test_an_absence_and_a_bad_answer_take_nothing_back(
    verified: Domain, account: FakeAccount
) -> None:
    """Nobody looked for days: that is not the domain's failure."""
    account.status = "Failed"
    _look_again()
    _let_pass(100)

    (checked,) = _look_again()

    assert checked.verified_at


def test_days_of_failure_do_take_it_back_and_it_recovers_by_itself(
    verified: Domain, account: FakeAccount
) -> None:
    account.status = "Failed"
    for _ in range(4):
        _look_again()
    _let_pass(73)
    (lost,) = _look_again()
    account.status = "Success"

    (well,) = _look_again()

    assert lost.verified_at is None
    assert lost.failing_since
    assert well.verified_at
    assert well.failing_since is None
    assert "failures" not in well.records


def test_ses_saying_nothing_is_no_failure(
    verified: Domain, account: FakeAccount
) -> None:
    account.is_down = True

    (checked,) = _look_again()

    assert checked.verified_at
    assert checked.failing_since is None
    assert checked.checked_at
    assert _minutes_to_next(checked) < 70


def test_vanished_records_are_warned_of_and_never_end_it_alone(
    verified: Domain, nameserver: NameServer
) -> None:
    """SES's word decides; what we see of DNS may be our own trouble."""
    nameserver.records.clear()
    (gone,) = _look_again()
    for _ in range(6):
        _look_again()
    _let_pass(100)
    (still,) = _look_again()
    publish(nameserver, verified)

    (back,) = _look_again()

    assert gone.verified_at
    assert gone.failing_since
    assert still.verified_at
    assert still.failing_since
    assert back.failing_since is None


def test_records_that_dns_never_had_are_no_failure(
    domain: Domain, account: FakeAccount
) -> None:
    account.status = "Success"
    _look_again()

    (checked,) = _look_again()

    assert checked.verified_at
    assert checked.failing_since is None


def test_a_silent_dns_is_no_failure(verified: Domain, nameserver: NameServer) -> None:
    nameserver.failing.add("com")

    (checked,) = _look_again()

    assert checked.failing_since is None


def test_mail_that_waited_goes_as_soon_as_a_domain_is_well(
    verified: Domain, account: FakeAccount
) -> None:
    account.status = "Failed"
    _look_again()
    for scope, key in (
        (HoldScope.DOMAIN, "example.com"),
        (HoldScope.DOMAIN, "other.example"),
        (HoldScope.ACCOUNT, ""),
    ):
        Hold.objects.create(scope=scope, key=key, reason="x", probe_at=Now())
    account.status = "Success"

    _look_again()

    left = Hold.objects.order_by("key").values_list("key", flat=True)
    assert list(left) == ["", "other.example"]


def test_ses_is_asked_to_look_again_once_the_records_are_there(
    domain: Domain, account: FakeAccount, nameserver: NameServer
) -> None:
    account.status = "Failed"
    _look_again()
    before = "verify" in account.calls
    publish(nameserver, domain)

    _look_again()

    assert not before
    assert "verify" in account.calls


def test_an_identity_that_somebody_deleted_comes_back(
    verified: Domain, account: FakeAccount
) -> None:
    account.names.clear()

    _look_again()

    assert account.names["example.com"] == {"mail_from": "plunk.example.com"}


def test_many_domains_are_one_batch_of_the_same_statements(
    project: Project, account: FakeAccount
) -> None:
    def statements(count: int) -> int:
        Domain.objects.all().delete()
        for number in range(count):
            add_domain(project=project, name=f"d{number}.example.com")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(check_due()) == count
        return len(queries)

    assert statements(3) == statements(20)


def test_a_silent_domain_keeps_no_other_waiting(
    project: Project,
    account: FakeAccount,
    nameserver: NameServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transactional.domains.checking.DNS_SECONDS", 1.0)
    for number in range(10):
        add_domain(project=project, name=f"silent{number}.example.com")
        nameserver.silent.add(f"silent{number}.example.com")
    well = add_domain(project=project, name="well.example.com")
    publish(nameserver, well, Kind.MAIL_FROM_MX)

    checked = {domain.name: domain for domain in check_due()}

    items = checked["well.example.com"].records["items"]
    assert "ok" in {item["state"] for item in items}
    silent = checked["silent3.example.com"].records["items"]
    assert {item["state"] for item in silent if item["kind"] != "dmarc"} == {
        "unreachable"
    }


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_check_the_same_domain(
    project: Project, account: FakeAccount
) -> None:
    for number in range(40):
        add_domain(project=project, name=f"d{number}.example.com")

    def work(_: int) -> list[Any]:
        try:
            return [domain.pk for domain in check_due()]
        finally:
            close_old_connections()
            connection.close()

    with ThreadPoolExecutor(2) as workers:
        one, other = workers.map(work, range(2))

    assert not set(one) & set(other)
    assert len(one) + len(other) == 40


def test_asking_for_a_check_makes_it_due_but_not_twice(domain: Domain) -> None:
    check_due()
    request_check(domain=domain)
    too_soon = check_due()
    Domain.objects.update(checked_at=Now() - timedelta(seconds=30))

    request_check(domain=domain)

    assert too_soon == []
    assert len(check_due()) == 1


def test_a_check_on_the_spot_is_not_repeated_at_once(
    domain: Domain, account: FakeAccount
) -> None:
    first = check_domain(domain=domain)
    account.calls.clear()

    second = check_domain(domain=domain)

    assert first.checked_at == second.checked_at
    assert account.calls == []


def test_a_check_on_the_spot_says_when_ses_is_away(
    domain: Domain, account: FakeAccount
) -> None:
    account.is_down = True

    with pytest.raises(SesUnavailable):
        check_domain(domain=domain)

    domain.refresh_from_db()
    assert domain.checked_at is None


def test_only_an_exact_verified_domain_of_the_project_may_send(
    api: Api, domain: Domain, account: FakeAccount, settings: Any
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True
    mail = {"to": "ann@example.org", "subject": "Hi", "body": "Hi"}

    unverified = api.post("/v1/send", mail | {"from": "a@example.com"})
    account.status = "Success"
    check_due()
    exact = api.post("/v1/send", mail | {"from": "a@example.com"})
    look_alike = api.post("/v1/send", mail | {"from": "a@notexample.com"})
    below = api.post("/v1/send", mail | {"from": "a@x.example.com"})
    nobody = api.post("/v1/send", mail)

    assert unverified.status_code == look_alike.status_code == below.status_code == 403
    assert unverified.json()["error"]["code"] == "DOMAIN_NOT_VERIFIED"
    assert "have not been found yet" in unverified.json()["error"]["message"]
    assert "none of the project's domains" in below.json()["error"]["message"]
    assert exact.status_code == 200
    assert nobody.status_code == 422
    assert nobody.json()["error"]["errors"][0]["field"] == "from"


def test_a_default_sender_whose_domain_vanished_is_told_clearly(
    api: Api, project: Project, settings: Any
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True
    Project.objects.filter(pk=project.pk).update(from_email="a@gone.example")

    answer = api.post("/v1/send", {"to": "a@example.org", "subject": "s", "body": "b"})

    assert answer.status_code == 403
    assert "its default sender is of it" in answer.json()["error"]["message"]
    assert "Settings, Domains" in answer.json()["error"]["suggestion"]


def test_the_commands_add_and_check(project: Project, account: FakeAccount) -> None:
    out = StringIO()

    call_command("add_domain", str(project.pk), "example.com", stdout=out)
    call_command("check_domains", stdout=out)
    account.status = "Success"
    Domain.objects.update(checked_at=None)
    call_command("check_domains", "Example.com", stdout=out)

    assert "a11._domainkey.example.com → a11.dkim.amazonses.com" in out.getvalue()
    assert "example.com: not verified yet" in out.getvalue()
    assert "missing: MX plunk.example.com" in out.getvalue()
    assert "example.com: verified" in out.getvalue()
    for command in (
        ("add_domain", str(project.pk), "example.com"),
        ("check_domains", "unknown.example.com"),
    ):
        with pytest.raises(CommandError):
            call_command(*command)
