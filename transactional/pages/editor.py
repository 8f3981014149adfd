"""The page on which a mail is written: a template, or what a campaign says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse

from plunk.api.errors import ApiError, Conflict, FieldError, Invalid
from plunk.pages.access import ProjectRequest
from plunk.projects.branding import brand_of
from plunk.projects.models import Project, Tracking, User
from transactional.models import WRITTEN_FIELDS, MailKind, Style
from transactional.senders import DomainNotVerified, choices

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
KINDS = (
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
TRACKS = {"": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Edited:
    """What the editor shows, and where it sends what is written.

    `written` has all of WRITTEN_FIELDS. `versions` is the address of a version, whose
    number `0` is replaced. `template` is the id of the template that it is, if any.
    """

    id: UUID
    version: int
    written: Mapping[str, Any]
    back: str
    back_words: str
    save: str
    versions: str
    template: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    version: int
    at: datetime


def show_editor(request: ProjectRequest, edited: Edited) -> HttpResponse:
    tracks = edited.written["tracks"]
    context = {
        "edited": edited,
        "written": edited.written,
        "config": _config(request, edited),
        "people": _people(request),
        "styles": _STYLES,
        "kinds": KINDS,
        "senders": sender_options(
            request.project, edited.written["from_email"], edited.written["from_name"]
        ),
        "default_name": request.project.from_name or request.project.name,
        "tracking": tracking_options(request.project),
        "tracks": "" if tracks is None else str(tracks).lower(),
        "inbox": _inbox(request.project),
    }
    return render(request, "transactional/templates/edit.html", context)


# -- saving ----------------------------------------------------------------------------
def save_edited(
    request: ProjectRequest, write: Callable[[dict[str, Any], int], Saved]
) -> HttpResponse:
    """Write what the editor has sent, and answer in JSON.

    `write` takes the fields that were sent and the version they began with. A Conflict
    that says which `version` is the newest leaves the choice to the writer.
    """
    version = request.POST.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        return _wrong([_problem("version", "Say which version was changed.")])
    try:
        saved = write(_written(request.POST), int(version))
    except Conflict as error:
        newest = getattr(error, "version", None)
        if newest is None:
            return _wrong([_problem("", error.message)])
        return JsonResponse({"version": newest}, status=409)
    except Invalid as error:
        return _wrong([_located(item) for item in error.errors])
    except DomainNotVerified as error:
        return _wrong([_problem("from_email", error.message)])
    except ApiError as error:
        if error.status == 404:
            raise
        return _wrong([_problem("", error.message)])
    return JsonResponse({"version": saved.version, "savedAt": saved.at.isoformat()})


def _written(posted: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that a form has sent."""
    written: dict[str, Any] = {
        name: posted[name] for name in WRITTEN_FIELDS if name in posted
    }
    if "tracks" in written:
        written["tracks"] = TRACKS.get(written["tracks"], written["tracks"])
    return written


def _located(error: FieldError) -> dict[str, Any]:
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


# -- what the page shows ---------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class SenderOption:
    """An entry of the list of senders."""

    email: str
    name: str
    label: str


def sender_options(project: Project, chosen: str, name: str) -> list[SenderOption]:
    """Return who the mail may come from; what is chosen now is always among them."""
    own = f" ({project.from_email})" if project.from_email else ""
    options = [SenderOption("", "", f"The project’s sender{own}")]
    for choice in choices(project.pk):
        label = f"{choice.name} <{choice.email}>" if choice.name else choice.email
        if not choice.is_usable:
            label += " – not verified"
        options.append(SenderOption(choice.email, choice.name, label))
    if chosen and chosen not in {option.email for option in options}:
        options.append(SenderOption(chosen, name, chosen))
    return options


def tracking_options(project: Project) -> list[tuple[str, str]]:
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


def _config(request: ProjectRequest, edited: Edited) -> dict[str, Any]:
    """Return what the scripts of the page need to know."""
    brand = brand_of(request.project)
    return {
        "id": str(edited.id),
        "template": edited.template,
        "user": str(request.user.pk),
        "version": edited.version,
        "style": edited.written["style"],
        "body": edited.written["body"],
        "icons": static("editor-icons.svg"),
        "nonce": str(getattr(request, "csp_nonce", "")),
        "color": brand.fill,
        "ink": brand.on_fill,
        "urls": _addresses(request.project, edited),
    }


def _addresses(project: Project, edited: Edited) -> dict[str, str]:
    here = [project.pk]
    return {
        "blocks": static("vendor/editor-blocks.js"),
        "code": static("vendor/editor-code.js"),
        "save": edited.save,
        "version": edited.versions,
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
