"""What a new template can begin with: the gallery, or next to nothing."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from plunk.pages.access import ProjectRequest, project_page
from transactional import previewing, templates
from transactional.contents import Draft
from transactional.gallery import GALLERY, Sample, sample
from transactional.models import SavedBy, Style
from transactional.pages.drafting import frame_of

BLANK_BODY = "<h1>A title</h1><p>Hi {{ firstName ?? there }},</p><p>Write here.</p>"
BLANK_HTML = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title></title>
  </head>
  <body>
    <p>Hi {{ firstName ?? there }},</p>
    <p>Write here.</p>
  </body>
</html>
"""


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def template_new(request: ProjectRequest) -> HttpResponse:
    """Offer what to begin with; make it, and go on in the editor."""
    if request.method == "POST":
        made = templates.create(
            project_id=request.project.pk,
            written=_beginning(request.POST.get("start", "")),
            saved_by=SavedBy.PAGE,
            user=request.user,
        )
        return redirect("template_edit", request.project.pk, made.pk)
    categories: dict[str, list[Sample]] = {}
    for one in GALLERY:
        categories.setdefault(one.category, []).append(one)
    context = {"categories": categories.items(), "number": len(GALLERY)}
    return render(request, "transactional/templates/new.html", context)


def _beginning(start: str) -> dict[str, Any]:
    """Return what a new template begins with; raises Http404 for no such sample."""
    if start == "blank":
        return {
            "name": "Untitled",
            "subject": "Untitled",
            "body": BLANK_BODY,
            "style": Style.PLUNK,
        }
    if start == "html":
        return {
            "name": "Untitled",
            "subject": "Untitled",
            "body": BLANK_HTML,
            "style": Style.HTML,
        }
    one = _sample(start)
    return {
        "name": one.name,
        "description": one.description,
        "subject": one.subject,
        "preheader": one.preheader,
        "body": one.body,
        "kind": one.kind,
        "style": Style.PLUNK,
    }


@require_safe
@xframe_options_sameorigin
@project_page
def gallery_preview(request: ProjectRequest, slug: str) -> HttpResponse:
    """Show one of the gallery as a made-up reader would see it, in our colours."""
    one = _sample(slug)
    draft = Draft(one.subject, one.body, preheader=one.preheader, style=Style.PLUNK)
    person = previewing.made_up_person(request.project.pk)
    return frame_of(request.project, draft, one.kind, person)


def _sample(slug: str) -> Sample:
    found = sample(slug)
    if found is None:
        raise Http404("There is no such sample.")
    return found
