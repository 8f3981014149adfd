"""Templates in the editor, and what it asks while one writes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from csp.decorators import csp_update
from django.http import Http404, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from plunk.pages.access import ProjectRequest, project_page
from transactional.manuscripts import Manuscript
from transactional.models import WRITTEN_FIELDS, MailKind, SavedBy, Style, Template
from transactional.pages.editor import Edited, Saved, save_edited, show_editor
from transactional.presets import preset_of
from transactional.styling import dress
from transactional.templates import TemplateNotFound, change, template_of


@require_http_methods(["GET", "HEAD", "POST"])
@csp_update({"img-src": ["https:", "http:"]})  # a mail's pictures are anywhere
@project_page
def template_edit(request: ProjectRequest, template_id: UUID) -> HttpResponse:
    """Show the editor; a POST saves and answers in JSON."""
    try:
        template = template_of(request.project.pk, template_id)
        if request.method == "POST":
            return _save(request, template)
    except TemplateNotFound as error:
        raise Http404(error.message) from error
    return show_editor(request, _edited(template))


def _edited(template: Template) -> Edited:
    one = [template.project_id, template.pk]
    return Edited(
        id=template.pk,
        version=template.version,
        written={name: getattr(template, name) for name in WRITTEN_FIELDS},
        back=reverse("template", args=one),
        back_words="Back to the template",
        save=reverse("template_edit", args=one),
        versions=reverse("template_version", args=[*one, 0]),
        template=str(template.pk),
    )


def _save(request: ProjectRequest, template: Template) -> HttpResponse:
    def write(written: dict[str, Any], version: int) -> Saved:
        saved = change(
            template=template,
            written=written,
            saved_by=SavedBy.PAGE,
            user=request.user,
            expected_version=version,
        )
        return Saved(saved.version, saved.updated_at)

    return save_edited(request, write)


# -- leaving the design ----------------------------------------------------------------
@require_POST
@project_page
def template_dressed(request: ProjectRequest) -> HttpResponse:
    """Put the project's design around a body, for who goes on with the HTML of it.

    The footer of marketing is left out: it is added again to whatever is sent.
    """
    preset = preset_of(request.project)
    manuscript = Manuscript(
        subject=request.POST.get("subject", "")[:998],
        preheader=request.POST.get("preheader", "")[:200],
        body=request.POST.get("body", "").replace("\r\n", "\n"),
        style=Style.PLUNK,
        kind=MailKind.TRANSACTIONAL,
        language=preset.language,
        look=preset.look,
    )
    return JsonResponse({"html": dress(manuscript).html})
