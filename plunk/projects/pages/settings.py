"""A project's general settings."""

from __future__ import annotations

from django.contrib import messages
from django.forms import model_to_dict
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from plunk.pages.access import ProjectRequest, project_page, require_role
from plunk.projects.changing import change_project
from plunk.projects.models import Role
from plunk.projects.pages.forms import ProjectForm


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def general(request: ProjectRequest) -> HttpResponse:
    """Show to every member, and let admins save, name and website."""
    project = request.project
    if request.method == "POST":
        require_role(request, Role.ADMIN)
        form = ProjectForm(request.POST)
        if form.is_valid():
            change_project(project_id=project.pk, **form.cleaned_data)
            messages.success(request, "Saved.")
            return redirect("settings_general", project.pk)
    else:
        form = ProjectForm(
            initial=model_to_dict(project, list(ProjectForm.base_fields))
        )
    context = {"form": form, "may_change": request.membership.can(Role.ADMIN)}
    return render(request, "projects/settings_general.html", context)
