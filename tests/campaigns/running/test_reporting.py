from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now

from campaigns import reporting
from campaigns.models import Campaign, Report
from campaigns.slots import MOST, STEPS, step_for
from contacts.models import Contact
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign
from tests.campaigns.running.conftest import Launch, click, deliver, mail_to
from transactional.models import Email, EmailEvent, EmailEventKind, EmailState
from transactional.tallies import tallies

pytestmark = pytest.mark.django_db(transaction=True)


def made(campaign: Campaign) -> dict[str, Any]:
    return reporting.make(Campaign.objects.get(pk=campaign.pk))


def due() -> None:
    Report.objects.update(due_at=Now())


def test_its_sums_are_the_tallies(sent: Launch) -> None:
    campaign = sent(6)
    for name in ("r0", "r1", "r2"):
        deliver(mail_to(campaign, name))
    deliver(mail_to(campaign, "r3"), opened_at=Now(), clicked_at=Now())
    Email.objects.filter(pk=mail_to(campaign, "r4").pk).update(
        state=EmailState.BOUNCED, bounced_at=Now()
    )

    data = made(campaign)

    tally = asdict(tallies([campaign.pk])[campaign.pk])
    assert data["figures"] == tally
    for deed in reporting.DEEDS:
        assert sum(data["over_time"][deed]) == tally[deed], deed
        assert sum(row[deed] for row in data["providers"]) == tally[deed], deed


def test_deeds_lie_in_their_slots(sent: Launch) -> None:
    campaign = sent(3)
    Email.objects.update(sent_at=F("created_at"))
    deliver(mail_to(campaign, "r0"))
    Email.objects.filter(to_email="r0@example.com").update(
        sent_at=F("created_at"),
        delivered_at=F("created_at") + timedelta(seconds=1),
        opened_at=F("created_at") + timedelta(minutes=30),
    )

    found = made(campaign)["over_time"]

    assert found["step_seconds"] == 60
    assert sum(found["sent"][:2]) == 3
    assert found["opened"].index(1) in (30, 31)
    assert len(found["sent"]) == len(found["opened"])


def test_providers_are_told_by_their_domains(
    project: Project, sent: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = (
        "a@gmail.com",
        "b@googlemail.com",
        "c@outlook.com",
        "d@one.example.org",
        "e@two.example.org",
    )
    Contact.objects.bulk_create(
        [Contact(project=project, email=email) for email in addresses]
    )
    campaign = sent(0)
    monkeypatch.setattr(reporting, "PROVIDERS", 3)

    rows = made(campaign)["providers"]

    assert [(row["name"], row["sent"]) for row in rows] == [
        ("Gmail", 2),
        ("Microsoft", 1),
        ("one.example.org", 1),
        ("", 1),
    ]


def test_links_tell_people_from_machines(sent: Launch) -> None:
    campaign = sent(3)
    first, second = mail_to(campaign, "r0"), mail_to(campaign, "r1")
    click(first, "https://a.example/", key="1")
    click(first, "https://a.example/", key="2")
    click(second, "https://a.example/", machine="scanner")
    click(second, "https://b.example/", machine="scanner")

    rows = made(campaign)["links"]["rows"]

    assert rows == [
        {
            "url": "https://a.example/",
            "people": 1,
            "clicks": 2,
            "machines": 1,
            "machine_clicks": 1,
        },
        {
            "url": "https://b.example/",
            "people": 0,
            "clicks": 0,
            "machines": 1,
            "machine_clicks": 1,
        },
    ]


def test_bounces_are_told_by_kind(sent: Launch) -> None:
    campaign = sent(3)
    for name, kind, subtype in (
        ("r0", "Permanent", "NoEmail"),
        ("r1", "Transient", "MailboxFull"),
        ("r2", "Transient", "MailboxFull"),
    ):
        mail = mail_to(campaign, name)
        EmailEvent.objects.create(
            project_id=mail.project_id,
            email=mail,
            kind=EmailEventKind.BOUNCE,
            at=Now(),
            key="b",
            detail={"bounceType": kind, "bounceSubType": subtype},
        )

    bounces = made(campaign)["bounces"]

    assert bounces == [
        {"type": "Transient", "subtype": "MailboxFull", "mails": 2},
        {"type": "Permanent", "subtype": "NoEmail", "mails": 1},
    ]
    assert reporting.returned(bounces) == 2


def test_nothing_sent_is_no_chart(make_campaign: MakeCampaign) -> None:
    data = made(make_campaign())

    assert (data["over_time"], data["providers"]) == ({}, [])


def test_a_sweep_makes_what_is_due_and_only_that(sent: Launch) -> None:
    campaign = sent(2)

    assert reporting.sweep()
    assert not reporting.sweep()

    report = Report.objects.get(pk=campaign.pk)
    assert report.data["figures"]["sent"] == 2
    assert report.lease_expires_at is None
    assert report.due_at is not None
    assert report.made_at is not None
    assert report.due_at - report.made_at >= timedelta(seconds=5)


def test_what_has_not_changed_is_not_made_again(sent: Launch) -> None:
    sent(2)
    reporting.sweep()
    due()

    assert not reporting.sweep()


def test_what_has_changed_is_made_again(sent: Launch) -> None:
    campaign = sent(2)
    reporting.sweep()
    deliver(mail_to(campaign, "r0"))
    due()

    assert reporting.sweep()
    assert Report.objects.get(pk=campaign.pk).data["figures"]["delivered"] == 1


def test_two_workers_do_not_make_the_same_one(sent: Launch) -> None:
    sent(2)
    reporting._begin_new()

    first, second = reporting._claim(), reporting._claim()

    assert first is not None
    assert second is None


def test_a_dead_workers_report_is_made_by_another(sent: Launch) -> None:
    sent(2)
    reporting._begin_new()
    reporting._claim()
    Report.objects.update(lease_expires_at=Now() - timedelta(seconds=1))

    assert reporting.sweep()


def test_a_late_worker_changes_nothing(sent: Launch) -> None:
    campaign = sent(2)
    reporting._begin_new()
    late = reporting._claim()
    assert late is not None
    Report.objects.update(attempt=F("attempt") + 1)

    assert not reporting._make_again(late)
    assert Report.objects.get(pk=campaign.pk).made_at is None


def test_whoever_looks_at_an_old_one_gets_a_new_one(sent: Launch) -> None:
    campaign = sent(2)
    reporting.sweep()
    Report.objects.update(
        due_at=None, made_at=Now() - timedelta(hours=1), took_seconds=0.1
    )
    deliver(mail_to(campaign, "r0"))
    figures = asdict(tallies([campaign.pk])[campaign.pk])

    reporting.ask_for(campaign.pk, figures=figures)

    assert reporting.sweep()


def test_looking_at_a_current_one_asks_for_nothing(sent: Launch) -> None:
    campaign = sent(2)
    reporting.sweep()
    before = Report.objects.get(pk=campaign.pk)

    reporting.ask_for(campaign.pk, figures=before.data["figures"])

    assert Report.objects.get(pk=campaign.pk).due_at == before.due_at


@pytest.mark.parametrize("seconds", [0, 59, 3600, 90_000, 5_000_000, 60_000_000])
def test_steps_cover_any_time(seconds: int) -> None:
    step = step_for(timedelta(seconds=seconds))

    assert step in STEPS
    assert seconds / step < MOST
