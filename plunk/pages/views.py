"""A project's first screen: its figures and what is happening now."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.feeds import fragment, opening
from plunk.pages.figures import figures, has_begun


@require_safe
@project_page
def overview(request: ProjectRequest) -> HttpResponse:
    """Show the first screen; a poll gets its figures alone."""
    context: dict[str, Any] = {
        "has_begun": has_begun(request.project.pk),
        "figures": figures(request.project.pk),
    }
    if getattr(request, "htmx", False):
        return render(request, "pages/overview_news.html", context)
    url = reverse("overview_activity", args=[request.project.pk])
    context["feed"] = opening(project_id=request.project.pk, url=url)
    return render(request, "pages/overview.html", context)


@require_safe
@project_page
def overview_activity(request: ProjectRequest) -> HttpResponse:
    """Answer the feed's poll, or show what came before it."""
    url = reverse("overview_activity", args=[request.project.pk])
    return fragment(request, url=url)
