"""Bulk mail in turns: whose is next, and what stops it.

Each campaign's mails are a stream. Projects share what may leave alike, however many
mails each has waiting, and streams share their project's part.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from transactional.models import Email, EmailState, Stream, StreamState

#: How many projects, and how many streams of one, take part in a batch.
_MOST_PROJECTS = 8
_MOST_STREAMS = 4
#: How many mails of a cancelled stream are withdrawn at once.
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Turn:
    """A stream, and how many of its mails may be claimed now."""

    stream_id: UUID
    share: int


def open_stream(
    *, stream_id: UUID, project_id: UUID, from_domain: str, topic_id: UUID | None
) -> None:
    """Let mails of an origin go out from now on; again is a no-op but for its state."""
    Stream.objects.update_or_create(
        pk=stream_id,
        defaults={
            "project_id": project_id,
            "from_domain": from_domain,
            "topic_id": topic_id,
            "state": StreamState.OPEN,
        },
    )


def turn_to(
    stream_id: UUID, state: StreamState, *, unless: Collection[StreamState] = ()
) -> bool:
    """Change what happens to a stream's mails; return False where nothing changed.

    Waits for claims under way: once this is committed, none follows the old state.
    """
    rows = Stream.objects.filter(pk=stream_id).exclude(state__in={state, *unless})
    return bool(rows.update(state=state))


def turns(
    room: int,
    *,
    without_domains: Sequence[str] = (),
    only_domain: str = "",
    drained: Collection[UUID] = (),
) -> list[Turn]:
    """Share `room` among open streams, by chance where they are many.

    `drained` are those that had less than their share a moment ago.
    """
    rows = Stream.objects.filter(state=StreamState.OPEN).exclude(pk__in=drained)
    if without_domains:
        rows = rows.exclude(from_domain__in=without_domains)
    if only_domain:
        rows = rows.filter(from_domain=only_domain)
    by_project: dict[UUID, list[UUID]] = {}
    for stream_id, project_id in rows.values_list("pk", "project_id"):
        by_project.setdefault(project_id, []).append(stream_id)
    return _shared(room, list(by_project.values()))


def _shared(room: int, projects: list[list[UUID]]) -> list[Turn]:
    chosen = random.sample(projects, min(len(projects), _MOST_PROJECTS))
    found: list[Turn] = []
    for part, streams in zip(_parts(room, len(chosen)), chosen, strict=True):
        own = random.sample(streams, min(len(streams), _MOST_STREAMS))
        found += [
            Turn(stream_id, share)
            for share, stream_id in zip(_parts(part, len(own)), own, strict=True)
            if share
        ]
    return found


def _parts(room: int, number: int) -> list[int]:
    """Return `room` in so many parts, the first of them larger by one at most."""
    return [room // number + (index < room % number) for index in range(number)]


def is_anything_due() -> bool:
    """Say whether a mail of an open stream may go now; a look at an index for each."""
    return any(
        Email.objects.filter(origin_id=pk, state=EmailState.QUEUED, due_at__lte=Now())
        .order_by("origin_id", "state", "pk")
        .values_list("pk")[:1]
        for pk in Stream.objects.filter(state=StreamState.OPEN).values_list(
            "pk", flat=True
        )
    )


def owes(stream_id: UUID) -> bool:
    """Say whether some mail of an origin has not come to its end."""
    return any(
        Email.objects.filter(origin_id=stream_id, state=state)
        .order_by("origin_id", "state", "pk")
        .values_list("pk")[:1]
        for state in (EmailState.QUEUED, EmailState.SENDING, EmailState.IN_DOUBT)
    )


def withdraw_cancelled() -> bool:
    """Withdraw a batch of queued mails of cancelled streams; say whether there is more.

    What is in flight ends as it does; put back, it is found by a later call.
    """
    cancelled = Stream.objects.filter(state=StreamState.CANCELLED)
    return any(_withdraw(pk) == _BATCH for pk in cancelled.values_list("pk", flat=True))


@transaction.atomic
def _withdraw(stream_id: UUID) -> int:
    queued = Email.objects.filter(origin_id=stream_id, state=EmailState.QUEUED)
    ids = list(
        queued.order_by("pk")
        .select_for_update(skip_locked=True)
        .values_list("pk", flat=True)[:_BATCH]
    )
    return Email.objects.filter(Q(pk__in=ids), state=EmailState.QUEUED).update(
        state=EmailState.CANCELLED,
        error_code="cancelled",
        error="The campaign was cancelled before this mail's turn.",
    )
