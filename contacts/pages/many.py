"""One thing done to many contacts of the list, after a page that says to how many."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import TextChoices
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from contacts.bulk import MAX_IDS, Selection, begin_bulk
from contacts.models import JobKind
from contacts.pages.listing import Question
from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.models import Role


class Action(TextChoices):
    SUBSCRIBE = "subscribe", "Subscribe"
    UNSUBSCRIBE = "unsubscribe", "Unsubscribe"
    DELETE = "delete", "Delete"


KINDS = {
    Action.SUBSCRIBE: JobKind.SUBSCRIBE,
    Action.UNSUBSCRIBE: JobKind.UNSUBSCRIBE,
    Action.DELETE: JobKind.DELETE,
}


@require_POST
@project_page
def contacts_bulk(request: ProjectRequest) -> HttpResponse:
    """Ask what is to happen to how many contacts; begin it once that is confirmed."""
    question = Question.read(QueryDict(request.POST.get("query", "")))
    back = f"{reverse('contacts', args=[request.project.pk])}?{question.query()}"
    name = request.POST.get("action", "")
    selection = _selection(request, question)
    if name not in Action.values or selection is None:
        messages.error(request, "Choose at least one contact, and what to do.")
        return redirect(back)
    action = Action(name)
    if action == Action.DELETE and not request.membership.can(Role.ADMIN):
        raise PermissionDenied("Deleting needs the role of admin.")
    number = selection.queryset(request.project.pk).count()
    context = {
        "action": action,
        "number": number,
        "everybody": selection.ids is None,
        "ids": selection.ids or (),
        "query": question.query(),
        "back": back,
        "word": str(number),
    }
    if request.POST.get("confirm") != context["word"] or not number:
        return render(request, "contacts/bulk.html", context)
    job = begin_bulk(
        project_id=request.project.pk,
        kind=KINDS[action],
        selection=selection,
        user=request.user,
    )
    return redirect("job", request.project.pk, job.pk)


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
