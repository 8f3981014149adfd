"""A project with campaigns in every state, as a year of use would leave it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.conf import settings
from django.test import Client
from django.utils import timezone

from campaigns import drafts, lifecycle, preflight, reporting
from campaigns.advancing import advance
from campaigns.models import AudienceType, Campaign, Run
from contacts import jobs
from contacts.models import Contact, Segment, SegmentType, Topic
from contacts.segments import keeping
from plunk.api.health import beat
from plunk.projects.creating import create_project
from plunk.projects.models import Project, User
from transactional import streams
from transactional.models import (
    Email,
    EmailEvent,
    EmailEventKind,
    EmailState,
    SendingAccount,
)

_NAMES = "ada grace alan edsger barbara donald radia tim linus margaret".split()
_PROVIDERS = (
    *("gmail.com", "gmail.com", "outlook.com", "yahoo.com", "icloud.com"),
    *("friends-and-partners.example.org", "gmx.de", "proton.me"),
)
_SHOP = "https://acme.example/shop"
_LINKS = (
    *(_SHOP, _SHOP),
    "https://acme.example/coffees/ethiopia-guji-washed?utm_source=news&utm_campaign=may",
)
_BODY = (
    "<h1>New roasts for spring</h1><p>Hi {{ firstName ?? there }},</p><p>Two new"
    " coffees are in: a floral washed Ethiopian, and a round, chocolatey Brazilian."
    " Both are roasted this week.</p>"
    f'<a data-block="button" href="{_SHOP}" data-align="left">See them</a>'
)
#: With what a check finds: nobody has a nickname, not everybody a plan.
_ODD_BODY = _BODY + '<p>{{ nickname }}, {{ plan }} <a href="">Nowhere</a></p>'


@dataclass
class Seeded:
    user: User
    project: Project
    empty: Project
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    drafts: set[str] = field(default_factory=set)

    @property
    def session(self) -> dict[str, str]:
        """The cookie of the user's session."""
        client = Client()
        client.force_login(self.user)
        name = settings.SESSION_COOKIE_NAME
        return {"name": name, "value": client.cookies[name].value}


@dataclass(frozen=True)
class Fate:
    """What becomes of the mails of a campaign; shares of those before them."""

    begun_hours_ago: float
    left: float
    arrive: float = 0.95
    opened: float = 0.4
    clicked: float = 0.3


def seed() -> Seeded:
    """Fill an empty installation."""
    user = User.objects.create_user("ada@acme.example", "correct horse")
    seeded = Seeded(
        user=user,
        project=create_project(name="Acme Coffee", owner=user).project,
        empty=create_project(name="Quite new", owner=user).project,
    )
    SendingAccount.objects.create(pk=1, max_rate=50, rate=50)
    _fill_audience(seeded.project)
    _write_drafts(seeded)
    _send_campaigns(seeded, Random(3))
    reporting.sweep()
    beat("worker")
    return seeded


def _fill_audience(project: Project) -> None:
    Contact.objects.bulk_create(
        Contact(
            project=project,
            email=f"{_NAMES[i % 10]}.{i}@{_PROVIDERS[i % 8]}",
            subscribed=i % 9 != 4,
            data={"firstName": _NAMES[i % 10].title()}
            | ({"plan": "pro" if i % 2 else "free"} if i % 5 else {}),
        )
        for i in range(400)
    )
    rule = {"field": "data.plan", "operator": "equals", "value": "pro"}
    for name in ("Customers on the pro plan", "Opened lately", "Staff"):
        keeping.create_segment(
            project_id=project.pk,
            type=SegmentType.DYNAMIC,
            name=name,
            description="",
            condition={"logic": "AND", "groups": [{"filters": [rule]}]},
        )
    for name in ("Product news", "Offers"):
        Topic.objects.create(project=project, name=name)


def _make(seeded: Seeded, name: str, subject: str, **written: Any) -> Campaign:
    said = {"name": name, "subject": subject, "body": _BODY if subject else ""}
    return drafts.create(
        project=seeded.project, written=said | written, user=seeded.user
    )


def _write_drafts(seeded: Seeded) -> None:
    segments = list(Segment.objects.filter(project=seeded.project).order_by("name"))
    made = seeded.campaigns
    made["bare"] = _make(seeded, "Untitled campaign", "")
    made["ready"] = _make(
        seeded,
        "Spring roasts",
        "Two new coffees, roasted this week",
        preheader="A floral Ethiopian and a round Brazilian",
        audience_type=AudienceType.SEGMENT,
        segment_id=segments[0].pk,
    )
    made["checked"] = _make(
        seeded, "A letter with faults", "Hi {{ nickname }}", body=_ODD_BODY
    )
    preflight.start(made["checked"], user=seeded.user)
    _work()
    rule = {"field": "data.plan", "operator": "equals", "value": "pro"}
    made["scheduled"] = _make(
        seeded,
        "Weekend offer, for everybody on the pro plan who has not bought for a while",
        "15% off, until Sunday night",
        audience_type=AudienceType.FILTERED,
        condition={"logic": "AND", "groups": [{"filters": [rule]}]},
    )
    at = timezone.now() + timedelta(days=3, hours=4)
    lifecycle.schedule(made["scheduled"], at=at, zone="Europe/Berlin")
    seeded.drafts = set(made)


def _send_campaigns(seeded: Seeded, chance: Random) -> None:
    for key, name, subject, fate in (
        ("sending", "May letter", "What happened in May", Fate(0.1, 0.42, 0.94, 0.1)),
        ("paused", "Harvest report", "From our growers", Fate(3, 0.7)),
        ("sent", "April letter", "What happened in April", Fate(30, 1)),
        ("cancelled", "Easter offer", "10% off, and a rabbit", Fate(5, 0.3)),
        ("unsent", "Nobody got it", "To nobody", Fate(2, 0)),
    ):
        people = Contact.objects.filter(project=seeded.project)
        unsubscribed = list(
            people.filter(subscribed=False).values_list("pk", flat=True)
        )
        campaign = _make(seeded, name, subject)
        if key == "unsent":
            people.update(subscribed=False)
        _launch(seeded, campaign, fate, chance)
        if key == "unsent":
            people.exclude(pk__in=unsubscribed).update(subscribed=True)
        _end(seeded, campaign, key)
        campaign.refresh_from_db()
        seeded.campaigns[key] = campaign


def _launch(seeded: Seeded, campaign: Campaign, fate: Fate, chance: Random) -> None:
    lifecycle.send(campaign, user=seeded.user)
    _work()
    begun = timezone.now() - timedelta(hours=fate.begun_hours_ago)
    Campaign.objects.filter(pk=campaign.pk).update(started_at=begun, rate=12.4)
    Run.objects.filter(campaign=campaign).update(frozen_for=begun)
    mails = list(Email.objects.filter(origin_id=campaign.pk).order_by("pk"))
    chance.shuffle(mails)
    for number, mail in enumerate(mails[: int(len(mails) * fate.left)]):
        _decide(mail, begun + timedelta(seconds=number * 2), fate, chance)


def _decide(mail: Email, at: datetime, fate: Fate, chance: Random) -> None:
    """Let one mail leave, and come to something."""
    mail.sent_at, drawn = at, chance.random()
    if drawn < fate.arrive:
        _arrive(mail, at + timedelta(seconds=3), fate, chance)
    elif drawn < fate.arrive + 0.02:
        mail.state, mail.bounced_at = EmailState.BOUNCED, at
        kind = {"bounceType": "Permanent", "bounceSubType": "NoEmail"}
        _tell(mail, EmailEventKind.BOUNCE, at, kind)
    elif drawn < fate.arrive + 0.035:
        mail.state, mail.sent_at = EmailState.FAILED, None
        mail.error_code, mail.error = "MessageRejected", "The address is not verified."
    else:
        mail.state, mail.delivered_at = EmailState.COMPLAINED, at
        mail.complained_at = timezone.now()
    mail.save()


def _arrive(mail: Email, at: datetime, fate: Fate, chance: Random) -> None:
    mail.state, mail.delivered_at = EmailState.DELIVERED, at
    if chance.random() < fate.opened:
        later = at + timedelta(minutes=chance.expovariate(1 / 90))
        mail.opened_at, mail.opens = min(timezone.now(), later), 1
        if chance.random() < fate.clicked:
            mail.clicked_at, mail.clicks = mail.opened_at, 1
            link = {"link": chance.choice(_LINKS)}
            _tell(mail, EmailEventKind.CLICK, mail.opened_at, link)
    elif chance.random() < 0.3:
        mail.machine_opens = 1


def _tell(mail: Email, kind: EmailEventKind, at: datetime, detail: Any) -> None:
    EmailEvent.objects.create(
        project_id=mail.project_id,
        email=mail,
        kind=kind,
        at=at,
        key=kind.value.lower(),
        detail=detail,
    )


def _end(seeded: Seeded, campaign: Campaign, key: str) -> None:
    if key == "paused":
        lifecycle.pause(campaign, user=seeded.user)
    elif key == "cancelled":
        lifecycle.cancel(campaign, user=seeded.user)
        while streams.withdraw_cancelled():
            continue
    elif key in {"sent", "unsent"}:
        advance()


def _work() -> None:
    while jobs.work(seconds=30):
        continue
