"""The page on which a template is written, and what it asks while one writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from plunk.api.errors import ApiError, Invalid
from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.branding import brand_of
from plunk.projects.models import Project, Tracking, User
from transactional.manuscripts import Manuscript
from transactional.models import WRITTEN_FIELDS, MailKind, SavedBy, Style, Template
from transactional.presets import preset_of
from transactional.senders import choices
from transactional.styling import dress
from transactional.templates import (
    StaleTemplate,
    TemplateNotFound,
    change,
    template_of,
)

#: How many members a test can be sent to.
PEOPLE = 50
#: Stands in an address where the id of a mail goes.
_SOME_ID = UUID(int=0)
_STYLES = (
    (
        Style.PLUNK,
        "Plunk design",
        "Write in blocks; the mail gets your project’s design.",
    ),
    (Style.HTML, "Own HTML", "Write the whole document; nothing is put around it."),
)
_KINDS = (
    (
        MailKind.MARKETING,
        "Marketing",
        "goes to subscribed contacts, with a footer to unsubscribe.",
    ),
    (
        MailKind.TRANSACTIONAL,
        "Transactional",
        "answers something the recipient did, such as a receipt; it goes to everybody.",
    ),
    (
        MailKind.HEADLESS,
        "Marketing without footer",
        "goes to subscribed contacts; you put {{ unsubscribeUrl }} into it yourself.",
    ),
)
_TRACKS = {"": None, "true": True, "false": False}


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
    context = {
        "template": template,
        "back": reverse("template", args=[request.project.pk, template.pk]),
        "config": _config(request, template),
        "people": _people(request),
        "styles": _STYLES,
        "kinds": _KINDS,
        "senders": _senders(request.project, template),
        "default_name": request.project.from_name or request.project.name,
        "tracking": _tracking(request.project),
        "tracks": "" if template.tracks is None else str(template.tracks).lower(),
        "inbox": _inbox(request.project),
    }
    return render(request, "transactional/templates/edit.html", context)


# -- saving ----------------------------------------------------------------------------
def _save(request: ProjectRequest, template: Template) -> HttpResponse:
    version = request.POST.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        return _wrong([_problem("version", "Say which version was changed.")])
    try:
        saved = change(
            template=template,
            written=_written(request.POST),
            saved_by=SavedBy.PAGE,
            user=request.user,
            expected_version=int(version),
        )
    except StaleTemplate as error:
        return JsonResponse({"version": error.version}, status=409)
    except TemplateNotFound:
        raise
    except Invalid as error:
        return _wrong([_located(item) for item in error.errors])
    except ApiError as error:
        # Of all fields it is the sender that a project may not be allowed to use.
        return _wrong([_problem("from_email", error.message)])
    return JsonResponse(
        {"version": saved.version, "savedAt": saved.updated_at.isoformat()}
    )


def _written(posted: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a template that a form has sent."""
    written: dict[str, Any] = {
        name: posted[name] for name in WRITTEN_FIELDS if name in posted
    }
    if "tracks" in written:
        written["tracks"] = _TRACKS.get(written["tracks"], written["tracks"])
    return written


def _located(error: Any) -> dict[str, Any]:
    """Return an error with its line and column, where it has them."""
    return {
        "field": error.field,
        "message": error.message,
        "line": getattr(error, "line", None),
        "column": getattr(error, "column", None),
    }


def _problem(field: str, message: str) -> dict[str, Any]:
    return {"field": field, "message": message, "line": None, "column": None}


def _wrong(errors: list[dict[str, Any]]) -> HttpResponse:
    return JsonResponse({"errors": errors}, status=422)


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


# -- what the page shows ---------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class SenderOption:
    """An entry of the list of senders."""

    email: str
    name: str
    label: str


def _senders(project: Project, template: Template) -> list[SenderOption]:
    """Return who the mail may come from; what is chosen now is always among them."""
    own = f" ({project.from_email})" if project.from_email else ""
    options = [SenderOption("", "", f"The project’s sender{own}")]
    for choice in choices(project.pk):
        label = f"{choice.name} <{choice.email}>" if choice.name else choice.email
        if not choice.is_usable:
            label += " – not verified"
        options.append(SenderOption(choice.email, choice.name, label))
    chosen = template.from_email
    if chosen and chosen not in {option.email for option in options}:
        options.append(SenderOption(chosen, template.from_name, chosen))
    return options


def _tracking(project: Project) -> list[tuple[str, str]]:
    """Return the choices of counting; the first is what the project says."""
    label = Tracking(project.tracking).label
    return [("", f"As the project: {label}"), ("true", "Always"), ("false", "Never")]


def _people(request: ProjectRequest) -> list[User]:
    """Return the members whom a test can be sent to, oneself first."""
    rows = User.objects.filter(memberships__project=request.project)
    others = rows.exclude(pk=request.user.pk).order_by("email")[: PEOPLE - 1]
    return [request.user, *others]


def _inbox(project: Project) -> str:
    """Return where mail arrives that does not leave the installation, if it is so."""
    if not settings.USES_SIMULATOR:
        return ""
    return reverse("inbox", args=[project.pk])


def _config(request: ProjectRequest, template: Template) -> dict[str, Any]:
    """Return what the scripts of the page need to know."""
    project = request.project
    brand = brand_of(project)
    return {
        "template": str(template.pk),
        "user": str(request.user.pk),
        "version": template.version,
        "style": template.style,
        "body": template.body,
        "icons": static("editor-icons.svg"),
        "nonce": str(getattr(request, "csp_nonce", "")),
        "color": brand.fill,
        "ink": brand.on_fill,
        "urls": _addresses(project, template),
    }


def _addresses(project: Project, template: Template) -> dict[str, str]:
    here = [project.pk]
    one = [project.pk, template.pk]
    return {
        "blocks": static("vendor/editor-blocks.js"),
        "code": static("vendor/editor-code.js"),
        "save": reverse("template_edit", args=one),
        "version": reverse("template_version", args=[*one, 0]),
        "dressed": reverse("template_dressed", args=here),
        "preview": reverse("template_preview", args=here),
        "lint": reverse("template_lint", args=here),
        "variables": reverse("template_variables", args=here),
        "contacts": reverse("template_contacts", args=here),
        "test": reverse("template_test", args=here),
        "images": reverse("images", args=here),
        "email": reverse("email", args=[*here, _SOME_ID]),
        "inbox": _inbox(project),
    }
