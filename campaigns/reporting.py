"""Results that take a look at every mail, made in the background and kept.

Over time, by mailbox provider, by link, bounces by kind: on a million mails each of
them takes seconds, so no request asks for them. A report is made again while the
figures change, the more rarely the longer it takes, and each is of one moment: its sums
are the tallies of that moment, which are kept with it.

Whoever makes a report claims it with a lease: two workers never make the same one, and
a dead worker's is made by another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Now

from campaigns.models import EDITABLE, RUNNING, Campaign, CampaignState, Report
from campaigns.providers import with_provider
from campaigns.slots import Slot, step_for
from contacts.segments.scopes import database_now
from plunk.postgresql import is_postgresql
from transactional.models import Email, EmailEvent, EmailEventKind
from transactional.tallies import tallies

logger = logging.getLogger(__name__)

#: A report is made at most so often, and takes at most a 20th of a worker's time.
_LEAST_PAUSE = 5.0
_PAUSE_PER_SECOND = 20
#: Longer than any report takes; a dead worker's is made by another after this.
_LEASE = timedelta(minutes=10)
#: How long a worker makes reports before it looks at other work.
_TURN_SECONDS = 5.0
#: Opens come for weeks, ever more rarely. A campaign that has ended is looked at after
#: this share of the time that has passed since, at last once an hour.
_SHARE_OF_AGE = 1 / 50
_MOST_PAUSE = 3600.0
#: Nobody looks any more by itself; who opens the page asks for a new one.
_OVER_AFTER = timedelta(days=60)
#: New campaigns that get a report at once.
_BATCH = 200

PROVIDERS = 20
LINKS = 100
#: Deeds that are told over time and by provider, and the columns of their times.
DEEDS = ("sent", "delivered", "opened", "clicked", "bounced", "complained")


def sweep() -> bool:
    """Make reports that are due, for a turn; return whether any was made."""
    _begin_new()
    until = time.monotonic() + _TURN_SECONDS
    made = False
    while time.monotonic() < until:
        claimed = _claim()
        if claimed is None:
            break
        made = _carefully(claimed) or made
    return made


def ask_for(campaign_id: UUID, *, figures: dict[str, int]) -> None:
    """Have a report made again, as somebody looks and its figures are old."""
    rows = Report.objects.filter(Q(due_at=None) | Q(due_at__gt=Now()), pk=campaign_id)
    report = rows.only("made_at", "took_seconds", "data").first()
    if report is None or report.data.get("figures") == figures:
        return
    pause = timedelta(seconds=_pause(report.took_seconds))
    earliest = report.made_at + pause if report.made_at else database_now()
    rows.filter(Q(due_at=None) | Q(due_at__gt=earliest)).update(due_at=earliest)


def make(campaign: Campaign) -> dict[str, Any]:
    """Return the results of a campaign as of this moment.

    All of it is read in one snapshot where the database has such a thing, so that sums
    agree with each other and with `figures`, which are the tallies.
    """
    has_own_transaction = not connection.in_atomic_block
    with transaction.atomic():
        if has_own_transaction and is_postgresql():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        mails = Email.objects.filter(origin_id=campaign.pk).order_by()
        events = EmailEvent.objects.filter(
            project_id=campaign.project_id, email__origin_id=campaign.pk
        ).order_by()
        if campaign.started_at:
            # Ours begin with the launch; this is a range of an index.
            events = events.filter(created_at__gte=campaign.started_at)
        return {
            "figures": asdict(tallies([campaign.pk])[campaign.pk]),
            "is_over": campaign.state not in RUNNING,
            "over_time": _over_time(mails),
            "providers": _providers(mails),
            "links": _links(events),
            "bounces": _bounces(events),
        }


# -- whose turn it is ------------------------------------------------------------------
def _begin_new() -> None:
    """See to it that every campaign that goes out has a report to be made."""
    launched = Campaign.objects.exclude(state__in=EDITABLE)
    new = launched.filter(report=None).values_list("pk", flat=True)[:_BATCH]
    Report.objects.bulk_create(
        [Report(campaign_id=pk, due_at=Now()) for pk in new], ignore_conflicts=True
    )
    # Sent again: whoever waited for its last opens need not any more.
    again = Report.objects.filter(
        campaign__state=CampaignState.SENDING, data__is_over=True
    )
    again.filter(Q(due_at=None) | Q(due_at__gt=Now())).update(due_at=Now())


def _claim() -> Report | None:
    due = Report.objects.filter(
        Q(lease_expires_at=None) | Q(lease_expires_at__lte=Now()), due_at__lte=Now()
    )
    report = due.order_by("due_at", "pk").first()
    if report is None:
        return None
    mine = due.filter(pk=report.pk, attempt=report.attempt)
    if not mine.update(attempt=F("attempt") + 1, lease_expires_at=Now() + _LEASE):
        return None
    report.attempt += 1
    return report


def _carefully(report: Report) -> bool:
    """Make one report; what is wrong with it keeps no other from being made."""
    try:
        return _make_again(report)
    except OperationalError:
        raise
    except Exception:
        logger.exception("a report failed", extra={"campaign": str(report.pk)})
        _mine(report).update(
            lease_expires_at=None, due_at=Now() + timedelta(seconds=_MOST_PAUSE)
        )
        return False


def _mine(report: Report) -> QuerySet[Report]:
    return Report.objects.filter(pk=report.pk, attempt=report.attempt)


def _make_again(report: Report) -> bool:
    campaign = Campaign.objects.get(pk=report.pk)
    figures = asdict(tallies([campaign.pk])[campaign.pk])
    is_over = campaign.state not in RUNNING
    known = report.data.get("figures"), report.data.get("is_over")
    now = database_now()
    if report.made_at is not None and known == (figures, is_over):
        _mine(report).update(
            # Nothing has changed: as of now, that is what it says.
            made_at=now,
            lease_expires_at=None,
            due_at=_next(campaign, now, report.took_seconds),
        )
        return False
    began = time.monotonic()
    data = make(campaign)
    took = time.monotonic() - began
    stored = _mine(report).update(
        data=data,
        made_at=now,
        took_seconds=took,
        lease_expires_at=None,
        due_at=_next(campaign, now, took, has_changed=True),
    )
    return bool(stored)


def _pause(took_seconds: float) -> float:
    return max(_LEAST_PAUSE, _PAUSE_PER_SECOND * took_seconds)


def _next(
    campaign: Campaign, now: datetime, took: float, *, has_changed: bool = False
) -> datetime | None:
    """Return when to look again: soon while it moves, ever more rarely afterwards."""
    pause = _pause(took)
    ended = campaign.finished_at or campaign.cancelled_at
    if campaign.state not in RUNNING and ended is not None:
        age = now - ended
        if age > _OVER_AFTER and not has_changed:
            return None
        slower = min(age.total_seconds() * _SHARE_OF_AGE, _MOST_PAUSE)
        pause = max(pause, slower)
    return now + timedelta(seconds=pause)


# -- what is in it ---------------------------------------------------------------------
def _over_time(mails: QuerySet[Email]) -> dict[str, Any]:
    """Count each deed by slots of one length, from the first mail that left."""
    ends: dict[str, Any] = {"first": Min("sent_at")}
    ends |= {f"last_{deed}": Max(f"{deed}_at") for deed in DEEDS}
    found = mails.aggregate(**ends)
    first: datetime | None = found.pop("first")
    last: datetime | None = max((at for at in found.values() if at), default=None)
    if first is None or last is None:
        return {}
    step = step_for(max(last - first, timedelta()))
    start = int(first.timestamp()) // step * step
    counts = {deed: _by_slot(mails, f"{deed}_at", start, step) for deed in DEEDS}
    number = max(max(slots, default=0) for slots in counts.values()) + 1
    return {
        "start": start,
        "step_seconds": step,
        **{
            deed: [slots.get(slot, 0) for slot in range(number)]
            for deed, slots in counts.items()
        },
    }


def _by_slot(
    mails: QuerySet[Email], column: str, start: int, step: int
) -> dict[int, int]:
    rows = mails.filter((f"{column}__isnull", False))
    slots = rows.annotate(slot=Slot(column, start=start, step=step)).values_list("slot")
    found: dict[int, int] = {}
    for slot, count in slots.annotate(count=Count("pk")):
        # SES's clock may be a little behind ours.
        found[max(0, slot)] = found.get(max(0, slot), 0) + count
    return found


def _deeds() -> dict[str, Count]:
    return {
        f"count_{deed}": Count("pk", filter=Q((f"{deed}_at__isnull", False)))
        for deed in DEEDS
    }


def _providers(mails: QuerySet[Email]) -> list[dict[str, Any]]:
    """Count deeds by mailbox provider, the largest first; the rest in one line."""
    rows = with_provider(mails.filter(sent_at__isnull=False)).values("provider")
    found = rows.annotate(domains=Count("domain", distinct=True), **_deeds())
    shown = list(found.order_by("-count_sent", "provider")[:PROVIDERS])
    listed = [
        {"name": row["provider"], **{deed: row[f"count_{deed}"] for deed in DEEDS}}
        for row in shown
    ]
    if len(shown) < PROVIDERS:
        return listed
    total = mails.filter(sent_at__isnull=False).aggregate(**_deeds())
    rest = {
        deed: total[f"count_{deed}"] - sum(row[deed] for row in listed)
        for deed in DEEDS
    }
    return [*listed, {"name": "", **rest}] if rest["sent"] else listed


def _links(events: QuerySet[EmailEvent]) -> dict[str, Any]:
    """Count the mails, and the clicks, of each link: people's and machines' apart."""
    clicks = events.filter(kind=EmailEventKind.CLICK).annotate(link=KT("detail__link"))
    is_person = Q(detail__isnull=True) | ~Q(detail__has_key="machine")
    rows = clicks.values("link").annotate(
        everybody=Count("email", distinct=True),
        people=Count("email", distinct=True, filter=is_person),
        clicks=Count("pk", filter=is_person),
        all_clicks=Count("pk"),
    )
    ordered = rows.order_by("-people", "-everybody", "link")
    found = list(ordered[: LINKS + 1])
    return {
        "has_more": len(found) > LINKS,
        "rows": [
            {
                "url": row["link"] or "",
                "people": row["people"],
                "clicks": row["clicks"],
                "machines": row["everybody"] - row["people"],
                "machine_clicks": row["all_clicks"] - row["clicks"],
            }
            for row in found[:LINKS]
        ],
    }


def _bounces(events: QuerySet[EmailEvent]) -> list[dict[str, Any]]:
    """Count the mails that bounced by what Amazon calls the reason."""
    rows = events.filter(kind=EmailEventKind.BOUNCE).annotate(
        type=KT("detail__bounceType"), subtype=KT("detail__bounceSubType")
    )
    counted = rows.values("type", "subtype").annotate(
        mails=Count("email", distinct=True)
    )
    return [
        {
            "type": row["type"] or "Undetermined",
            "subtype": row["subtype"] or "",
            "mails": row["mails"],
        }
        for row in counted.order_by("-mails", "type", "subtype")
    ]


def returned(bounces: Iterable[dict[str, Any]]) -> int:
    """Return how many mails came back for now, not for good."""
    return sum(row["mails"] for row in bounces if row["type"] != "Permanent")
