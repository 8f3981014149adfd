"""The list of a project's contacts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.core.cache import cache
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django_htmx.http import push_url, replace_url

from contacts.fields_of_data import FieldFact, fields
from contacts.models import Door, Job, SavedView, Segment, Topic
from contacts.pages.listing import MAX_COLUMNS, SEARCH, Question, Sort, State
from contacts.pages.people import people
from contacts.pages.totals import total
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.paging import page

#: A choice of more than this is searched for by its page, not in a menu.
_MOST_CHOICES = 200
_MOST_KEYS = 100
#: How long the keys of the data are remembered, in seconds: they are read from a
#: sample of the contacts.
_REMEMBER_KEYS = 60


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in words, and the list without it."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Offers:
    """What there is to filter by."""

    segments: list[Segment]
    topics: list[Topic]


@require_safe
@project_page
def contact_list(request: ProjectRequest) -> HttpResponse:
    """List contacts; a change of the search or a filter gets the rows alone."""
    project_id = request.project.pk
    question = Question.read(request.GET)
    rows = question.rows(project_id)
    found = page(
        rows if question.columns else rows.defer("data"),
        cursor=request.GET.get("cursor", ""),
        order=question.order,
    )
    offered = offers(project_id)
    views = list(SavedView.objects.filter(project_id=project_id).order_by("name", "pk"))
    active = next((v for v in views if str(v.pk) == request.GET.get("view")), None)
    here = reverse("contacts", args=[project_id])
    query = _query(question, active)
    context = {
        "question": question,
        "query": query,
        "page": found,
        "pager_query": f"{query}&" if query else "",
        "people": people(project_id, found.rows, question.columns),
        "total": total(rows),
        "chips": chips(project_id, question, offered, active),
        "offers": offered,
        "states": State.choices,
        "doors": Door.choices,
        "sorts": Sort.choices,
        "max_columns": MAX_COLUMNS,
        "views": [(view, view_url(here, view)) for view in views],
        "view": active,
        "is_changed": active is not None and _parameters(active) != question.members(),
    }
    htmx = getattr(request, "htmx", None)
    if not htmx or htmx.history_restore_request:
        return render(request, "contacts/list.html", context)
    response = render(request, "contacts/people.html", context)
    url = f"{here}?{query}" if query else here
    # Letters typed into the search are no steps to go back through.
    return (replace_url if htmx.trigger_name == SEARCH else push_url)(response, url)


def offers(project_id: UUID) -> Offers:
    """Return what this project's contacts can be filtered by."""
    segments = Segment.objects.filter(project_id=project_id).only("id", "name")
    topics = Topic.objects.filter(project_id=project_id, archived_at=None)
    return Offers(
        list(segments.order_by("name", "pk")[:_MOST_CHOICES]),
        list(topics.order_by("position", "name", "pk")[:_MOST_CHOICES]),
    )


@require_safe
@project_page
def contact_columns(request: ProjectRequest) -> HttpResponse:
    """Offer the keys of the data, once a menu opens: to find them takes a while."""
    question = Question.read(request.GET)
    known = keys(request.project.pk)
    names = {fact.name for fact in known}
    context = {
        "keys": known,
        "question": question,
        # Such as one that too few contacts have to be in the sample.
        "others": [name for name in question.columns if name not in names],
    }
    return render(request, "contacts/columns.html", context)


def keys(project_id: UUID) -> list[FieldFact]:
    """Return the most frequent keys of the contacts' data, by name."""
    known: list[FieldFact] | None = cache.get(f"keys-of-data:{project_id}")
    if known is None:
        frequent = sorted(fields(project_id), key=lambda fact: -fact.coverage)
        known = sorted(frequent[:_MOST_KEYS], key=lambda fact: fact.name.lower())
        cache.set(f"keys-of-data:{project_id}", known, _REMEMBER_KEYS)
    return known


def chips(
    project_id: UUID, question: Question, offered: Offers, view: SavedView | None
) -> list[Chip]:
    """Say each filter in words, with the way to the list without it."""
    return [
        Chip(label, f"?{_query(question.without(*names), view)}")
        for label, names in _words(project_id, question, offered)
    ]


def filters_in_words(project_id: UUID, question: Question) -> list[str]:
    """Say each filter in words."""
    words = _words(project_id, question, offers(project_id))
    return [label for label, _ in words]


def _words(
    project_id: UUID, question: Question, offered: Offers
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each filter in words, and the fields of the question that say it."""
    if question.text:
        yield f"Address has “{question.text[:60]}”", ("text",)
    if question.state:
        yield question.state.label, ("state",)
    if question.segment_id:
        name = _name(offered.segments, question.segment_id)
        yield f"In segment {name}", ("segment_id",)
    if question.topic_id:
        yield f"Gets topic {_name(offered.topics, question.topic_id)}", ("topic_id",)
    if question.door:
        yield f"Consent by {question.door.label.lower()}", ("door",)
    if question.import_id:
        yield _import_in_words(project_id, question.import_id), ("import_id",)
    if question.key and question.value:
        yield f"{question.key} is “{question.value[:60]}”", ("key", "value")


def _name(things: list[Segment] | list[Topic], pk: UUID) -> str:
    """Return a thing's name; of what the project does not have, that it has not."""
    return next((f"“{thing.name}”" for thing in things if thing.pk == pk), "(unknown)")


def _import_in_words(project_id: UUID, job_id: UUID) -> str:
    job = Job.objects.filter(project_id=project_id, pk=job_id).first()
    return f"Import of {job.created_at:%d %b %Y, %H:%M}" if job else "Unknown import"


def _query(question: Question, view: SavedView | None) -> str:
    """Return the query string of a question that was asked within a saved view."""
    own = [("view", str(view.pk))] if view else []
    return urlencode(own + question.members())


def view_url(here: str, view: SavedView) -> str:
    """Return the address of the list as a view keeps it."""
    return f"{here}?{urlencode([('view', str(view.pk)), *_parameters(view)])}"


def _parameters(view: SavedView) -> list[tuple[str, str]]:
    return [(name, value) for name, value in view.parameters.get("query", [])]
