from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from campaigns.advancing import advance
from campaigns.models import Campaign, Variant
from contacts import jobs
from contacts.models import Contact
from plunk.projects.models import Project
from tests.transactional.fakes import FakeSes
from transactional import streams
from transactional.delivery import drain
from transactional.models import SendingAccount

MakeCampaign = Callable[..., Campaign]


@pytest.fixture
def fast_account(db: None) -> SendingAccount:
    """An account whose rate is no part of the test."""
    return SendingAccount.objects.create(pk=1, max_rate=1e6, rate=1e6, tokens=1e5)


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch, fast_account: SendingAccount) -> FakeSes:
    fake = FakeSes()
    monkeypatch.setattr("transactional.delivery.lines", fake.lines)
    return fake


@pytest.fixture
def make_campaign(project: Project) -> MakeCampaign:
    """Make a draft that could go out to everybody; fields of campaign and variant."""

    def make(**fields: Any) -> Campaign:
        said = {
            "subject": fields.pop("subject", "News for {{ name ?? you }}"),
            "body": fields.pop("body", "<p>Hello {{ name ?? you }}</p>"),
        }
        values = {"name": "Spring", "from_email": "news@example.com"} | fields
        campaign = Campaign.objects.create(project=project, **values)
        Variant.objects.create(campaign=campaign, **said)
        return campaign

    return make


def people(project: Project, count: int, **fields: Any) -> list[Contact]:
    """Make contacts r0@example.com and so on; fields of `Contact`."""
    return Contact.objects.bulk_create(
        [
            Contact(project=project, email=f"r{number}@example.com", **fields)
            for number in range(count)
        ]
    )


def work() -> None:
    """Do what workers and the scheduler do, until nothing is left to do."""
    for _ in range(20):
        advance()
        while jobs.work(seconds=60):
            continue
        while streams.withdraw_cancelled():
            continue
        drain(seconds=5.0)
