"""The feed as pages show it: what is there, what comes, what was before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from plunk.pages.access import ProjectRequest
from plunk.pages.activity import Activity, feed
from plunk.pages.paging import Cursor

FEED_SIZE = 30
#: The most lines that one poll adds; what does not fit is seen after a reload.
POLL_SIZE = 50
#: Where an empty feed begins to look for news: every row is later than this.
_BEGINNING = Cursor(datetime(2000, 1, 1, tzinfo=UTC), UUID(int=0))


@dataclass(frozen=True, slots=True)
class Feed:
    """Lines of a feed, with the places from which to go on in both directions."""

    url: str
    rows: list[Activity]
    newest: Cursor
    oldest: Cursor | None
    has_gap: bool = False
    #: The page is about one contact, whose address the lines need not repeat.
    is_of_contact: bool = False


def _place(item: Activity) -> Cursor:
    return Cursor(item.at, item.id)


def opening(
    *,
    project_id: UUID,
    url: str,
    contact_id: UUID | None = None,
    before: Cursor | None = None,
) -> Feed:
    """Return the first lines, or those that came before `before`."""
    rows = feed(project_id, contact_id=contact_id, before=before, limit=FEED_SIZE + 1)
    has_more, rows = len(rows) > FEED_SIZE, rows[:FEED_SIZE]
    return Feed(
        url=url,
        rows=rows,
        newest=_place(rows[0]) if rows else _BEGINNING,
        oldest=_place(rows[-1]) if has_more else None,
        is_of_contact=contact_id is not None,
    )


def news(*, project_id: UUID, url: str, contact_id: UUID | None, after: Cursor) -> Feed:
    """Return what was inserted since `after`, with an overlap of known lines."""
    rows = feed(project_id, contact_id=contact_id, after=after, limit=POLL_SIZE)
    return Feed(
        url=url,
        rows=rows,
        newest=_place(rows[0]) if rows else after,
        oldest=None,
        is_of_contact=contact_id is not None,
        has_gap=len(rows) == POLL_SIZE and _place(rows[-1]) > after,
    )


def fragment(
    request: ProjectRequest, *, url: str, contact_id: UUID | None = None
) -> HttpResponse:
    """Answer `?after=` with news and anything else with a page of history."""
    project_id = request.project.pk
    after = Cursor.read(request.GET.get("after", ""))
    context: dict[str, Any]
    if after is not None:
        found = news(project_id=project_id, url=url, contact_id=contact_id, after=after)
        return render(request, "partials/feed_news.html", {"feed": found})
    before = Cursor.read(request.GET.get("before", ""))
    found = opening(
        project_id=project_id, url=url, contact_id=contact_id, before=before
    )
    context = {"feed": found}
    if getattr(request, "htmx", False):
        return render(request, "partials/feed_rows.html", context)
    return render(request, "pages/activity.html", context)
