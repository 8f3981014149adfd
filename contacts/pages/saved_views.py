"""Views of the contact list that members keep under a name."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from contacts.models import SavedView
from contacts.pages.listing import Question
from contacts.pages.lists import view_url
from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.pages.forms import one_line

#: Tabs above the list; more of them are no help.
MAX_VIEWS = 30


class NameForm(forms.Form):
    name = forms.CharField(max_length=60, validators=[one_line])


@require_POST
@project_page
def contact_views(request: ProjectRequest) -> HttpResponse:
    """Keep what the list shows under a name, for every member."""
    name = _name(request)
    view = SavedView(
        project=request.project,
        user=request.user,
        parameters=_parameters(request),
    )
    if SavedView.objects.filter(project=request.project).count() >= MAX_VIEWS:
        messages.error(request, f"There are {MAX_VIEWS} views; delete one first.")
    elif name and _is_saved(request, view, name):
        messages.success(request, f"The view “{name}” is saved.")
        return redirect(_url(request, view))
    return _back(request)


@require_POST
@project_page
def contact_view(request: ProjectRequest, view_id: UUID) -> HttpResponse:
    """Rename a view, put what the list shows now in its place, or delete it."""
    view = SavedView.objects.filter(project=request.project, pk=view_id).first()
    if view is None:
        raise Http404("There is no such view.")
    action = request.POST.get("action")
    if action == "delete":
        view.delete()
        messages.success(request, f"The view “{view.name}” is deleted.")
        return redirect("contacts", request.project.pk)
    if action == "replace":
        view.parameters = _parameters(request)
        view.save(update_fields=["parameters"])
        messages.success(request, f"The view “{view.name}” is saved.")
    elif action == "rename" and (name := _name(request)):
        _is_saved(request, view, name)
    return redirect(_url(request, view))


def _is_saved(request: ProjectRequest, view: SavedView, name: str) -> bool:
    """Save a view under a name; tell the member where another one has it."""
    before, view.name = view.name, name
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        messages.error(request, f"There is a view “{name}” already.")
        view.name = before
        return False
    return True


def _name(request: ProjectRequest) -> str:
    form = NameForm(request.POST)
    if form.is_valid():
        return str(form.cleaned_data["name"])
    messages.error(request, f"The name: {form.errors['name'][0]}")
    return ""


def _parameters(request: ProjectRequest) -> dict[str, list[list[str]]]:
    question = Question.read(QueryDict(request.POST.get("query", "")))
    return {"query": [list(member) for member in question.members()]}


def _url(request: ProjectRequest, view: SavedView) -> str:
    return view_url(reverse("contacts", args=[request.project.pk]), view)


def _back(request: ProjectRequest) -> HttpResponse:
    """Return to the list as it was asked for."""
    question = Question.read(QueryDict(request.POST.get("query", "")))
    return redirect(
        f"{reverse('contacts', args=[request.project.pk])}?{question.query()}"
    )
