from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models.functions import Now

from campaigns.lifecycle import send
from campaigns.models import Campaign
from contacts import jobs
from plunk.api.health import beat
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.transactional.fakes import FakeSes
from transactional.models import (
    Email,
    EmailEvent,
    EmailEventKind,
    EmailState,
    SendingAccount,
)

Launch = Callable[..., Campaign]


@pytest.fixture(autouse=True)
def _worker(fast_account: SendingAccount) -> None:
    """A worker is alive, and the account is no reason to wait."""
    beat("worker")


@pytest.fixture
def frozen(project: Project, make_campaign: MakeCampaign) -> Launch:
    """Launch a campaign for `count` people and write them down; no mail leaves."""

    def launch(count: int = 5, **fields: Any) -> Campaign:
        people(project, count)
        campaign = make_campaign(**fields)
        send(campaign)
        while jobs.work(seconds=60):
            continue
        campaign.refresh_from_db()
        return campaign

    return launch


@pytest.fixture
def sent(frozen: Launch, ses: FakeSes) -> Launch:
    """Send a campaign to `count` people, to its end."""

    def launch(count: int = 5, **fields: Any) -> Campaign:
        campaign = frozen(count, **fields)
        work()
        campaign.refresh_from_db()
        return campaign

    return launch


def mail_to(campaign: Campaign, name: str) -> Email:
    return Email.objects.get(origin_id=campaign.pk, to_email=f"{name}@example.com")


def deliver(mail: Email, **columns: Any) -> None:
    """Have a mail arrive; `columns` are what else is known of it."""
    Email.objects.filter(pk=mail.pk).update(
        state=EmailState.DELIVERED, sent_at=Now(), delivered_at=Now(), **columns
    )


def click(mail: Email, link: str, *, machine: str = "", key: str = "1") -> None:
    detail = {"link": link} | ({"machine": machine} if machine else {})
    EmailEvent.objects.create(
        project_id=mail.project_id,
        email=mail,
        kind=EmailEventKind.CLICK,
        at=Now(),
        key=f"click:{key}:{link}"[:64],
        detail=detail,
    )
