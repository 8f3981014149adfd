"""Bulk mail in turns: whose is next, and what stops it.

Each campaign's mails are a stream. Projects share what may leave alike, however many
mails each has waiting, and streams share their project's part.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest, Now

from plunk.postgresql import fetch_all, is_postgresql
from transactional.models import (
    UNFINISHED,
    Email,
    EmailEvent,
    EmailEventKind,
    EmailState,
    Stream,
    StreamState,
)

#: Before every mail.
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
#: `error_code` of a mail of which nobody will ever know whether it left.
UNKNOWN_OUTCOME = "unknown_outcome"

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
    """Share `room` among open streams with mail that is due, by chance if many.

    `drained` are those that had less than their share a moment ago. Streams of disabled
    projects wait: nothing of them is lost should the project come back.
    """
    by_project: dict[UUID, list[UUID]] = {}
    for stream_id, project_id, from_domain in _due(with_suspects=False):
        is_held = from_domain in without_domains
        is_asked_for = not only_domain or from_domain == only_domain
        if is_asked_for and not is_held and stream_id not in drained:
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
    return bool(_due(with_suspects=True))


# Each stream by a look at the end of its own queue, whatever the planner thinks of the
# table: the limit keeps the two from being joined as a whole. At the end, because at
# the front the index is full of mails that have left since it was last vacuumed.
_DUE_SQL = """
SELECT stream.id, stream.project_id, stream.from_domain
FROM transactional_stream AS stream
JOIN projects_project AS project ON project.id = stream.project_id
CROSS JOIN LATERAL (
  SELECT FROM transactional_email
  WHERE
    origin_id = stream.id AND state = 'QUEUED' AND due_at <= now()
    AND (doubts = 0 OR %(with_suspects)s)
  ORDER BY origin_id DESC, state DESC, id DESC
  LIMIT 1
) AS due
WHERE stream.state = 'OPEN' AND NOT project.is_disabled
"""


def _due(*, with_suspects: bool) -> list[tuple[UUID, UUID, str]]:
    """Return the open streams of which a mail is due, their projects and domains."""
    if is_postgresql():
        rows = fetch_all(_DUE_SQL, {"with_suspects": with_suspects}, replan=True)
        return [(stream_id, project, domain) for stream_id, project, domain in rows]
    streams = running().values_list("pk", "project_id", "from_domain")
    return [row for row in streams if _is_due(row[0], with_suspects=with_suspects)]


def _is_due(stream_id: UUID, *, with_suspects: bool) -> bool:
    mails = Email.objects.filter(
        origin_id=stream_id, state=EmailState.QUEUED, due_at__lte=Now()
    )
    if not with_suspects:
        mails = mails.filter(doubts=0)
    ordered = mails.order_by("origin_id", "state", "pk")
    return bool(ordered.values_list("pk")[:1])


def running() -> QuerySet[Stream]:
    """Return the streams whose mails may go."""
    return Stream.objects.filter(state=StreamState.OPEN, project__is_disabled=False)


def owes(stream_id: UUID) -> bool:
    """Say whether some mail of an origin has not come to its end.

    One statement: between two, a mail could be put back to where the first has looked.
    It looks from the end of the queue, as `_DUE_SQL` does.
    """
    mails = Email.objects.filter(origin_id=stream_id).values_list("pk")
    mails = mails.order_by("-origin_id", "-state", "-pk")
    if not is_postgresql():
        return bool(mails.filter(state__in=UNFINISHED)[:1])
    first, *others = (mails.filter(state=state)[:1] for state in UNFINISHED)
    return bool(first.union(*others, all=True))


def has_left(stream_id: UUID) -> bool:
    """Say whether a mail of an origin has left, or may have, or ended on its own.

    Looks at indexes, state by state.
    """
    unsent = {EmailState.QUEUED, EmailState.CANCELLED}
    mails = Email.objects.filter(origin_id=stream_id).order_by(
        "origin_id", "state", "pk"
    )
    ended = any(
        mails.filter(state=state).values_list("pk")[:1]
        for state in EmailState
        if state not in unsent
    )
    return ended or bool(_doubtful(stream_id).values_list("pk")[:1])


def _doubtful(stream_id: UUID) -> QuerySet[Email]:
    """Return queued mails that may have left before."""
    doubtful = Email.objects.filter(state=EmailState.QUEUED, doubts__gt=0)
    # As the index on them is, of which there are few in the whole installation.
    return doubtful.filter(origin_id=stream_id, due_at__gt=_EVER).order_by("due_at")


@transaction.atomic
def close_if_done(stream_id: UUID) -> bool:
    """Look no more at a cancelled stream that owes nothing; return whether it is so.

    The row is locked: should the stream be opened again at this moment, that waits, and
    opens it for mails that come after.
    """
    rows = Stream.objects.filter(pk=stream_id, state=StreamState.CANCELLED)
    if not rows.select_for_update().values_list("pk").first() or owes(stream_id):
        return False
    return bool(rows.update(state=StreamState.DONE))


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
    mine = Email.objects.filter(pk__in=ids, state=EmailState.QUEUED)
    _give_up_doubtful(mine.filter(doubts__gt=0))
    mine.update(
        state=EmailState.CANCELLED,
        error_code="cancelled",
        error="The campaign was cancelled before this mail’s turn.",
    )
    return len(ids)


def _give_up_doubtful(mails: QuerySet[Email]) -> None:
    """End mails that were to go once more: of these nobody can say that none left."""
    rows = list(mails.only("pk", "project_id", "attempt"))
    EmailEvent.objects.bulk_create(
        [
            EmailEvent(
                project_id=row.project_id,
                email_id=row.pk,
                kind=EmailEventKind.FAILURE,
                attempt=row.attempt,
                at=Now(),
                created_at=Now(),
                key=f"failure:{row.attempt}",
                detail={"code": UNKNOWN_OUTCOME},
            )
            for row in rows
        ],
        ignore_conflicts=True,
    )
    mails.filter(pk__in=[row.pk for row in rows]).update(
        state=EmailState.FAILED,
        # The one that was counted beforehand will not happen.
        possible_duplicates=Greatest(F("possible_duplicates") - 1, 0),
        error_code=UNKNOWN_OUTCOME,
        error="Cancelled before anybody knew whether Amazon SES has it.",
    )
