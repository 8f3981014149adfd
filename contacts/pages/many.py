"""One thing done to many contacts of the list, after a page that says to how many."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import TextChoices
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from contacts.bulk import MAX_IDS, Selection, begin_bulk
from contacts.exporting import file_name, stream_csv
from contacts.models import JobKind, Segment, SegmentType
from contacts.pages.listing import Question
from contacts.pages.lists import filters_in_words
from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.models import Role

#: As many as a menu has room for.
_MOST_SEGMENTS = 200


class Action(TextChoices):
    SUBSCRIBE = "subscribe", "Subscribe"
    UNSUBSCRIBE = "unsubscribe", "Unsubscribe"
    ADD = "segment", "Add"
    EXPORT = "export", "Export"
    DELETE = "delete", "Delete"


KINDS = {
    Action.SUBSCRIBE: JobKind.SUBSCRIBE,
    Action.UNSUBSCRIBE: JobKind.UNSUBSCRIBE,
    Action.ADD: JobKind.ADD,
    Action.DELETE: JobKind.DELETE,
}


@require_POST
@project_page
def contacts_bulk(request: ProjectRequest) -> HttpResponse:
    """Ask what is to happen to how many contacts; begin it once that is confirmed."""
    question = Question.read(QueryDict(request.POST.get("query", "")))
    action = _action(request)
    selection = _selection(request, question)
    if action is None or selection is None:
        messages.error(request, "Choose at least one contact, and what to do.")
        return redirect(_list(request, question))
    if action == Action.EXPORT:
        return _export(request, question, selection)
    rows = question.rows(request.project.pk)
    if selection.ids is not None:
        rows = selection.queryset(request.project.pk)
    return _ask_or_begin(request, action, question, selection, rows.count())


def _ask_or_begin(
    request: ProjectRequest,
    action: Action,
    question: Question,
    selection: Selection,
    number: int,
) -> HttpResponse:
    segments = _segments(request) if action == Action.ADD else []
    chosen = [each for each in segments if str(each.pk) == request.POST.get("into")]
    # Not compared with the number of now: people come and go while somebody reads.
    confirmed = request.POST.get("confirm", "").strip()
    is_right = confirmed == request.POST.get("number", "0") and (
        action != Action.ADD or bool(chosen)
    )
    if is_right and number:
        job = begin_bulk(
            project_id=request.project.pk,
            kind=KINDS[action],
            selection=selection,
            segment=chosen[0] if chosen else None,
            user=request.user,
        )
        return redirect("job", request.project.pk, job.pk)
    context = {
        "action": action,
        "number": number,
        "is_wrong": bool(confirmed) and not is_right,
        "segments": segments,
        "everybody": selection.ids is None,
        "ids": selection.ids or (),
        "query": question.query(),
        "chips": []
        if selection.ids
        else filters_in_words(request.project.pk, question),
        "back": _list(request, question),
    }
    return render(request, "contacts/bulk.html", context)


def _action(request: ProjectRequest) -> Action | None:
    """Return what is to be done, if it is anything and the member may do it."""
    name = request.POST.get("action", "")
    if name not in Action.values:
        return None
    if name == Action.DELETE and not request.membership.can(Role.ADMIN):
        raise PermissionDenied("Deleting contacts needs the role of admin.")
    return Action(name)


def _export(
    request: ProjectRequest, question: Question, selection: Selection
) -> HttpResponse:
    """Stream those who were chosen; of all that match, ask for the columns first."""
    if selection.ids is None:
        url = reverse("contacts_export", args=[request.project.pk])
        return redirect(f"{url}?{question.query()}")
    rows = selection.queryset(request.project.pk)
    name = file_name(request.project.name, at=timezone.now(), compress=False)
    response = StreamingHttpResponse(stream_csv(rows), content_type="text/csv")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return cast("HttpResponse", response)


def _segments(request: ProjectRequest) -> list[Segment]:
    """Return the segments that are kept by hand."""
    rows = Segment.objects.filter(project=request.project, type=SegmentType.STATIC)
    return list(rows.only("id", "name").order_by("name", "pk")[:_MOST_SEGMENTS])


def _list(request: ProjectRequest, question: Question) -> str:
    """Return the address of the list as it was."""
    return f"{reverse('contacts', args=[request.project.pk])}?{question.query()}"


def _selection(request: ProjectRequest, question: Question) -> Selection | None:
    """Return which contacts were chosen; None if none were."""
    is_everybody = (
        request.POST.get("scope") == "all" or request.POST.get("everybody") == "yes"
    )
    if is_everybody:
        return question.selection()
    ids = [_id(text) for text in request.POST.getlist("id")[:MAX_IDS]]
    known = [pk for pk in ids if pk is not None]
    return Selection.of_ids(known) if known else None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
