from __future__ import annotations

from collections.abc import Callable

import pytest

from plunk.projects.models import Project
from tests.transactional.fakes import FakeSes
from transactional.contents import Draft
from transactional.models import Email, SendingAccount
from transactional.outbox import Order, Recipient, accept
from transactional.senders import Sender

Queue = Callable[..., list[Email]]


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch, fast_account: SendingAccount) -> FakeSes:
    fake = FakeSes()
    monkeypatch.setattr("transactional.delivery.lines", fake.lines)
    return fake


@pytest.fixture
def fast_account(db: None) -> SendingAccount:
    """An account whose rate is no part of the test."""
    return SendingAccount.objects.create(pk=1, max_rate=1e6, rate=1e6, tokens=1e5)


@pytest.fixture
def queue(project: Project) -> Queue:
    """Queue one mail to each address."""

    def _queue(*addresses: str, **changes: object) -> list[Email]:
        order = {
            "project_id": project.pk,
            "recipients": [Recipient(address) for address in addresses],
            "draft": Draft("Hello {{ name ?? you }}", "<p>Hello {{ name ?? you }}</p>"),
            "sender": Sender("sender@example.com", "Acme"),
        } | changes
        mails = accept(Order(**order))  # type: ignore[arg-type]
        found = Email.objects.in_bulk([mail.id for mail in mails])
        return [found[mail.id] for mail in mails]

    return _queue
