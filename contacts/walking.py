"""Going through a project's contacts, chunk by chunk, in a job that may break off.

Newest first, from the moment the job was asked for: who comes later is not meant.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from contacts.models import Contact, Job
from plunk.pages.paging import Cursor, down_to, older

CHUNK = 500
#: A chunk looks at this many contacts to find those that are meant; more at a time as
#: long as few of them are.
_FIRST_WINDOW = 1_000
_LAST_WINDOW = 64_000
_HIGHEST_ID = UUID(int=2**128 - 1)


def next_chunk(job: Job, found: QuerySet[Contact]) -> tuple[list[UUID], bool]:
    """Return the ids of the next contacts of `found`, and whether there are more.

    `found` is what is looked for among the contacts of the job's project, in no order.
    Whatever the question costs, it is asked about one window of the table at a time.
    Moves the job's position on.
    """
    here = Cursor.read(job.position.get("after", "")) or Cursor(
        job.created_at, _HIGHEST_ID
    )
    window: int = job.position.get("window", _FIRST_WINDOW)
    end = _end_of_window(job.project_id, here, window)
    places = _found_between(found, here, end)
    if len(places) == CHUNK:
        end, window = Cursor(*places[-1]), max(window // 2, _FIRST_WINDOW)
    elif end is not None and len(places) < CHUNK // 4:
        window = min(2 * window, _LAST_WINDOW)
    job.position = {"after": str(end or here), "window": window}
    return [pk for _, pk in places], end is not None


def _end_of_window(project_id: UUID, here: Cursor, window: int) -> Cursor | None:
    """Return the place of the last row to look at; None at the end of the list."""
    rows = older(Contact.objects.filter(project_id=project_id), here)
    places = rows.order_by("-created_at", "-id").values_list("created_at", "id")
    last = places[window - 1 : window].first()
    return Cursor(*last) if last else None


def _found_between(
    found: QuerySet[Contact], here: Cursor, end: Cursor | None
) -> list[tuple[datetime, UUID]]:
    """Return (created_at, id) of the next rows that the question finds."""
    rows = older(found, here)
    if end is not None:
        rows = down_to(rows, end)
    places = rows.order_by("-created_at", "-id").values_list("created_at", "id")
    return list(places[:CHUNK])
