"""Where a visitor lands, and how a project begins."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from plunk.pages.access import LAST_PROJECT
from plunk.projects.creating import create_project
from plunk.projects.models import Membership, User
from plunk.projects.pages.forms import ProjectForm


@require_safe
@login_required
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Go on where the visitor was: their last project, any of theirs, or a new one."""
    mine = Membership.objects.filter(user=cast("User", request.user))
    last = _last_project(request)
    membership = mine.filter(project_id=last).first() if last else None
    membership = membership or mine.order_by("created_at", "id").first()
    if membership is None:
        return redirect("project_new")
    return redirect("overview", membership.project_id)


def _last_project(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.session.get(LAST_PROJECT, ""))
    except ValueError:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def project_new(request: HttpRequest) -> HttpResponse:
    """Create a project and show its keys, in the only answer that has them."""
    form = ProjectForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(request, "projects/new.html", {"form": form})
    created = create_project(
        name=form.cleaned_data["name"],
        url=form.cleaned_data["url"],
        owner=cast("User", request.user),
    )
    request.session[LAST_PROJECT] = str(created.project.pk)
    return render(request, "projects/created.html", {"created": created})
