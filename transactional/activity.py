"""What the activity feed and the overview tell about mails."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Q
from django.db.models.functions import Now
from django.urls import reverse

from plunk.pages.activity import Activity, window
from plunk.pages.figures import COUNT_LIMIT, Figure, shown
from plunk.pages.paging import Cursor
from transactional.explaining import STATE_TONES, reason_of, subject_of, words_of
from transactional.models import (
    Email,
    EmailEvent,
    EmailEventKind,
    EmailState,
    Hold,
    HoldScope,
)

_WINDOW = timedelta(days=1)


def mails(
    project_id: UUID,
    *,
    contact_id: UUID | None,
    after: Cursor | None,
    before: Cursor | None,
    limit: int,
) -> list[Activity]:
    """Tell of every mail once, when it was accepted, with its state of now."""
    rows = Email.objects.filter(project_id=project_id)
    if contact_id is not None:
        rows = rows.filter(contact_id=contact_id)
    rows = rows.select_related("content", "contact").defer("content__body", "headers")
    return [
        Activity(
            at=row.created_at,
            id=row.pk,
            kind="email",
            title=subject_of(row) or "Mail without a subject",
            url=reverse("email", args=[project_id, row.pk]),
            contact_id=row.contact_id,
            contact_email=row.to_email,
            tone=STATE_TONES[EmailState(row.state)],
            icon="send",
            badge=row.get_state_display(),
        )
        for row in window(rows, after=after, before=before, limit=limit)
    ]


def email_events(
    project_id: UUID,
    *,
    contact_id: UUID | None,
    after: Cursor | None,
    before: Cursor | None,
    limit: int,
) -> list[Activity]:
    """Tell what became of mails; that SES took one, the mail's own line says."""
    rows = EmailEvent.objects.filter(project_id=project_id).exclude(
        kind=EmailEventKind.SEND
    )
    if contact_id is not None:
        rows = rows.filter(email__contact_id=contact_id)
    rows = rows.select_related("email").only(
        "project_id",
        "kind",
        "detail",
        "created_at",
        "email__to_email",
        "email__contact_id",
    )
    return [_told(row) for row in window(rows, after=after, before=before, limit=limit)]


def _told(row: EmailEvent) -> Activity:
    words = words_of(row)
    return Activity(
        at=row.created_at,
        id=row.pk,
        kind="email-event",
        title=words.title,
        detail=reason_of(row),
        url=reverse("email", args=[row.project_id, row.email_id]),
        contact_id=row.email.contact_id,
        contact_email=row.email.to_email,
        tone=words.tone,
        icon=words.icon,
    )


def figures(project_id: UUID) -> list[Figure]:
    """Count yesterday's mails by what became of them, in one statement."""
    recent = Email.objects.filter(
        project_id=project_id, created_at__gt=Now() - _WINDOW
    ).order_by("-created_at", "-id")[: COUNT_LIMIT + 1]
    counts = recent.aggregate(
        all=Count("id"),
        delivered=Count("id", filter=Q(delivered_at__isnull=False)),
        waiting=Count("id", filter=Q(state__in=_WAITING)),
        refused=Count("id", filter=Q(state__in=_REFUSED)),
    )
    bad = "bad" if counts["refused"] else "neutral"
    return [
        Figure("Mails", shown(counts["all"]), "in the last 24 hours"),
        Figure("Delivered", shown(counts["delivered"]), _share(counts)),
        _on_the_way(counts["waiting"]),
        Figure(
            "Not delivered",
            shown(counts["refused"]),
            "bounced or failed",
            tone=bad,
        ),
    ]


def _on_the_way(count: int) -> Figure:
    """Tell what waits, and for what if all mail of the installation does."""
    hold = Hold.objects.filter(scope=HoldScope.ACCOUNT).order_by("since", "pk").first()
    if hold:
        return Figure("On the way", shown(count), f"held: {hold.reason}", tone="warn")
    return Figure("On the way", shown(count), "queued or sending")


_WAITING = (EmailState.QUEUED, EmailState.SENDING, EmailState.IN_DOUBT)
_REFUSED = (EmailState.BOUNCED, EmailState.COMPLAINED, EmailState.FAILED)


def _share(counts: dict[str, int]) -> str:
    if not counts["all"]:
        return "none yet"
    return f"{counts['delivered'] / counts['all']:.0%} of them"


def has_mail(project_id: UUID) -> bool:
    return Email.objects.filter(project_id=project_id).exists()
