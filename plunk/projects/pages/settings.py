"""A project's general settings."""

from __future__ import annotations

from django.contrib import messages
from django.forms import model_to_dict
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.changing import change_project
from plunk.projects.models import Role
from plunk.projects.pages.forms import GeneralForm


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.ADMIN)
def general(request: ProjectRequest) -> HttpResponse:
    """Show and save the project's name and its default sender."""
    project = request.project
    if request.method == "POST":
        form = GeneralForm(request.POST)
        if form.is_valid():
            change_project(project_id=project.pk, **form.cleaned_data)
            messages.success(request, "Saved.")
            return redirect("settings_general", project.pk)
    else:
        form = GeneralForm(
            initial=model_to_dict(project, list(GeneralForm.base_fields))
        )
    return render(request, "projects/settings_general.html", {"form": form})
