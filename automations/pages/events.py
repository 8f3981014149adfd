"""Pages about events: which there are, one as it happens, one occurrence of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import OuterRef, Q, QuerySet, Subquery, TextChoices
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from automations.events import stats
from automations.events.deleting import delete_event
from automations.events.naming import MAX_NAME, is_reserved
from automations.events.usage import usage_of, used_in_many
from automations.models import Event, Occurrence
from automations.pages.event_charts import bars, sparkline
from plunk.api.errors import ApiError
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.activity import Activity, window
from plunk.pages.feeds import FEED_SIZE, POLL_SIZE, Feed
from plunk.pages.paging import ByText, Cursor, page

PAGE_SIZE = 25
#: How many days the figures and pictures are about.
DAYS = 30
_BY_NAME = ByText("name")
_MOST_SHOWN = 160


class Shelf(TextChoices):
    """A part of the list."""

    OWN = "", "Your events"
    SYSTEM = "system", "System"
    MAILS = "mails", "Templates and campaigns"


_IS_SYSTEM = (
    Q(name__in=("subscribe", "unsubscribe"))
    | Q(name__startswith="email.")
    | Q(name__startswith="contact.")
    | Q(name__startswith="segment.")
)
_IS_OF_MAILS = Q(template__isnull=False) | Q(campaign_id__isnull=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What the list shows."""

    text: str = ""
    shelf: Shelf = Shelf.OWN

    @classmethod
    def read(cls, query: QueryDict) -> Question:
        """Read a query string; whatever makes no sense in it does not count."""
        shelf = query.get("show", "")
        return cls(
            text=query.get("q", "").strip()[:MAX_NAME],
            shelf=Shelf(shelf) if shelf in Shelf.values else Shelf.OWN,
        )

    @property
    def query(self) -> str:
        given = {"show": str(self.shelf), "q": self.text}
        return urlencode({name: value for name, value in given.items() if value})

    def rows(self, project_id: UUID) -> QuerySet[Event]:
        rows = Event.objects.existing().filter(project_id=project_id)
        match self.shelf:
            case Shelf.SYSTEM:
                rows = rows.filter(_IS_SYSTEM)
            case Shelf.MAILS:
                rows = rows.filter(_IS_OF_MAILS)
            case _:
                rows = rows.exclude(_IS_SYSTEM).exclude(_IS_OF_MAILS)
        if "\x00" in self.text:
            return rows.none()
        return rows.filter(name__icontains=self.text) if self.text else rows


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    event: Event
    last_at: Any
    recent: int
    points: str
    uses: int


@require_safe
@project_page
def event_list(request: ProjectRequest) -> HttpResponse:
    question = Question.read(request.GET)
    newest = Occurrence.objects.filter(event=OuterRef("pk")).order_by("-created_at")
    rows = question.rows(request.project.pk).annotate(
        last_at=Subquery(newest.values("created_at")[:1])
    )
    found = page(
        rows, cursor=request.GET.get("cursor", ""), order=_BY_NAME, size=PAGE_SIZE
    )
    by_day, is_estimate = stats.by_day(request.project.pk, found.rows, DAYS)
    uses = used_in_many(found.rows)
    context = {
        "page": found,
        "question": question,
        "shelves": Shelf.choices,
        "is_estimate": is_estimate,
        "has_any": bool(found.rows) or not found.is_first or bool(question.query),
        "rows": [
            Row(
                event=event,
                last_at=getattr(event, "last_at", None),
                recent=sum(by_day[event.pk]),
                points=sparkline(by_day[event.pk]),
                uses=uses[event.pk],
            )
            for event in found.rows
        ],
    }
    return render(request, "automations/events/list.html", context)


@require_safe
@project_page
def event_page(request: ProjectRequest, event_id: UUID) -> HttpResponse:
    """Show one event: how often, used where, and each time it happens as it happens."""
    event = _event(request, event_id)
    by_day, is_about = stats.by_day(request.project.pk, [event], DAYS)
    number = stats.total(event)
    context = {
        "event": event,
        "is_system": is_reserved(event.name),
        "usage": usage_of(event),
        "total": number,
        "people": stats.unique_contacts(event, number),
        "recent": sum(by_day[event.pk]),
        "is_about": is_about,
        "chart": bars(by_day[event.pk]),
        "feed": _feed(event, before=None),
    }
    return render(request, "automations/events/detail.html", context)


@require_safe
@project_page
def event_feed(request: ProjectRequest, event_id: UUID) -> HttpResponse:
    """Answer `?after=` with what has happened since, else with what was before."""
    event = _event(request, event_id)
    after = Cursor.read(request.GET.get("after", ""))
    if after is not None:
        context = {"feed": _news(event, after)}
        return render(request, "partials/feed_news.html", context)
    before = Cursor.read(request.GET.get("before", ""))
    context = {"feed": _feed(event, before=before)}
    if before is None or not getattr(request, "htmx", False):
        return redirect("event", request.project.pk, event.pk)
    return render(request, "partials/feed_rows.html", context)


@require_safe
@project_page
def occurrence_page(request: ProjectRequest, occurrence_id: UUID) -> HttpResponse:
    """Show one time that an event happened, with all that came along."""
    rows = Occurrence.objects.filter(project=request.project, pk=occurrence_id)
    row = rows.select_related("event", "contact").filter(event__deleted_at=None).first()
    if row is None:
        raise Http404("There is no such occurrence.")
    written = None
    if row.data is not None:
        written = json.dumps(row.data, indent=2, ensure_ascii=False)
    context = {"occurrence": row, "event": row.event, "written": written}
    return render(request, "automations/events/occurrence.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def event_delete(request: ProjectRequest, event_id: UUID) -> HttpResponse:
    """Say what goes with an event, or why it cannot go; then delete it."""
    event = _event(request, event_id)
    if request.method == "POST":
        try:
            done = delete_event(event=event, user=request.user)
        except ApiError as error:
            messages.error(request, error.message)
        else:
            more = " What was recorded is being removed." if done.job else ""
            messages.success(request, f"“{event.name}” is deleted.{more}")
            return redirect("events", request.project.pk)
    context = {
        "event": event,
        "usage": usage_of(event),
        "total": stats.total(event),
    }
    return render(request, "automations/events/delete.html", context)


def _event(request: ProjectRequest, event_id: UUID) -> Event:
    rows = Event.objects.existing().select_related("template")
    event = rows.filter(project=request.project, pk=event_id).first()
    if event is None:
        raise Http404("There is no such event.")
    return event


# -- each time it happened -------------------------------------------------------------


def _feed(event: Event, *, before: Cursor | None) -> Feed:
    rows = _activities(event, after=None, before=before, limit=FEED_SIZE + 1)
    has_more, rows = len(rows) > FEED_SIZE, rows[:FEED_SIZE]
    return Feed(
        url=_feed_url(event),
        rows=rows,
        # Whatever comes later is newer than the event itself.
        newest=_place(rows[0]) if rows else Cursor(event.created_at, UUID(int=0)),
        oldest=_place(rows[-1]) if has_more else None,
    )


def _news(event: Event, after: Cursor) -> Feed:
    rows = _activities(event, after=after, before=None, limit=POLL_SIZE)
    return Feed(
        url=_feed_url(event),
        rows=rows,
        newest=_place(rows[0]) if rows else after,
        oldest=None,
        has_gap=len(rows) == POLL_SIZE and _place(rows[-1]) > after,
    )


def _activities(
    event: Event, *, after: Cursor | None, before: Cursor | None, limit: int
) -> list[Activity]:
    rows = Occurrence.objects.filter(event=event).select_related("contact")
    found = window(rows.defer("contact__data"), after=after, before=before, limit=limit)
    return [
        Activity(
            at=row.created_at,
            id=row.pk,
            kind="occurrence",
            title=row.contact.email if row.contact else "Nobody in particular",
            detail=_in_short(row.data),
            url=reverse("event_occurrence", args=[event.project_id, row.pk]),
        )
        for row in found
    ]


def _in_short(data: Any) -> str:
    """Return the beginning of what came along, on one line."""
    if not isinstance(data, dict):
        return ""
    text = ", ".join(
        f"{key}: {value if isinstance(value, str) else json.dumps(value)}"
        for key, value in data.items()
        if value is not None
    )
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def _feed_url(event: Event) -> str:
    return reverse("event_feed", args=[event.project_id, event.pk])


def _place(item: Activity) -> Cursor:
    return Cursor(item.at, item.id)
