"""A project's topics: seen by all members, arranged by admins."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from contacts import arranging
from contacts.arranging import TopicError
from contacts.models import Topic
from contacts.pages.settings_forms import TopicForm, TopicTextForm
from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.models import Role

_page_methods = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@project_page
def topic_list(request: ProjectRequest) -> HttpResponse:
    rows = arranging.topics_in_order(request.project.pk)
    active = [row for row in rows if row.topic.archived_at is None]
    context = {
        "rows": active,
        "archived": rows[len(active) :],
        "may_change": request.membership.can(Role.ADMIN),
        "is_full": len(active) >= arranging.MAX_TOPICS,
    }
    return render(request, "contacts/settings/topics.html", context)


@_page_methods
@project_page(role=Role.ADMIN)
def topic_new(request: ProjectRequest) -> HttpResponse:
    form = TopicForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            topic = arranging.create_topic(
                project_id=request.project.pk,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                is_opt_out=form.cleaned_data["rule"] == "everybody",
            )
        except TopicError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"“{topic.name}” is there.")
            return _to_list(request)
    return render(request, "contacts/settings/topic.html", {"form": form})


@_page_methods
@project_page(role=Role.ADMIN)
def topic_edit(request: ProjectRequest, topic_id: UUID) -> HttpResponse:
    topic = _topic(request, topic_id)
    if request.method == "POST":
        form = TopicTextForm(request.POST)
    else:
        form = TopicTextForm(
            initial={"name": topic.name, "description": topic.description}
        )
    if form.is_valid():
        try:
            arranging.change_topic(topic=topic, **form.cleaned_data)
        except TopicError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, "Saved.")
            return _to_list(request)
    context = {"form": form, "topic": _topic(request, topic_id)}
    return render(request, "contacts/settings/topic.html", context)


@_page_methods
@project_page(role=Role.ADMIN)
def topic_archive(request: ProjectRequest, topic_id: UUID) -> HttpResponse:
    """Say what archiving does; then do it."""
    topic = _topic(request, topic_id)
    if request.method != "POST":
        context = {"topic": topic}
        return render(request, "contacts/settings/topic_archive.html", context)
    if arranging.archive_topic(topic=topic):
        messages.success(request, f"“{topic.name}” is archived.")
    return _to_list(request)


@require_POST
@project_page(role=Role.ADMIN)
def topic_restore(request: ProjectRequest, topic_id: UUID) -> HttpResponse:
    topic = _topic(request, topic_id)
    try:
        if arranging.restore_topic(topic=topic):
            messages.success(request, f"“{topic.name}” is offered again.")
    except TopicError as error:
        messages.error(request, str(error))
    return _to_list(request)


@require_POST
@project_page(role=Role.ADMIN)
def topic_move(request: ProjectRequest, topic_id: UUID) -> HttpResponse:
    is_up = request.POST.get("to") == "up"
    arranging.move_topic(topic=_topic(request, topic_id), by=-1 if is_up else 1)
    return _to_list(request)


def _to_list(request: ProjectRequest) -> HttpResponse:
    return redirect("settings_topics", request.project.pk)


def _topic(request: ProjectRequest, topic_id: UUID) -> Topic:
    topic = Topic.objects.filter(project=request.project, pk=topic_id).first()
    if topic is None:
        raise Http404("There is no such topic.")
    return topic
