"""The pages about templates: the list, a new one, one of them and its versions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from plunk.api.errors import ApiError
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.figures import shown
from plunk.pages.paging import page
from transactional import previewing, templates
from transactional.comparing import LABELS, body_diff, changed_fields
from transactional.models import (
    MailKind,
    SavedBy,
    Template,
    TemplateVersion,
)
from transactional.pages.drafting import frame_of
from transactional.pages.template_lists import Question, Sort
from transactional.template_uses import uses

PAGE_SIZE = 24
#: Versions that a page shows at once.
VERSIONS = 10
#: Mails of a template are counted up to here on its page.
_MOST_MAILS = 10_000
VIEWS = (("desktop", "Desktop"), ("phone", "Phone"), ("text", "Plain text"))
KINDS = {
    MailKind.MARKETING: "To subscribers only, with a way out in its footer.",
    MailKind.TRANSACTIONAL: "To anybody, such as a receipt or a new password.",
    MailKind.HEADLESS: "To subscribers only, without our footer: write the link"
    " to unsubscribe yourself.",
}

require_page_methods = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@project_page
def template_list(request: ProjectRequest) -> HttpResponse:
    question = Question.read(request.GET)
    found = page(
        question.rows(request.project).defer("body"),
        cursor=request.GET.get("cursor", ""),
        size=PAGE_SIZE,
        order=question.order,
    )
    context = {
        "page": found,
        "question": question,
        "kinds": MailKind.choices,
        "sorts": Sort.choices,
    }
    return render(request, "transactional/templates/list.html", context)


# -- one template ----------------------------------------------------------------------
@require_safe
@project_page
def template_page(request: ProjectRequest, template_id: UUID) -> HttpResponse:
    """Show a template: how it looks, what uses it and what it was before."""
    template = _template(request, template_id)
    view = _view(request)
    context = {
        "template": template,
        "view": view,
        "views": VIEWS,
        "kind_words": KINDS[MailKind(template.kind)],
        "frame_url": _frame_url(template, view),
        "uses": uses(request.project.pk, [template.pk]),
        "mails": shown(templates.emails_of(template, limit=_MOST_MAILS + 1)),
        **_versions(template, request.GET.get("before", "")),
    }
    return render(request, "transactional/templates/detail.html", context)


def _versions(template: Template, before: str) -> dict[str, Any]:
    """Return some versions, the newest first, each with what it changed."""
    earlier = TemplateVersion.objects.filter(
        template=OuterRef("template"), number=OuterRef("number") - 1
    )
    rows = TemplateVersion.objects.filter(template=template)
    if before.isascii() and before.isdigit() and len(before) < 10:
        rows = rows.filter(number__lt=int(before))
    found = list(
        rows.annotate(keeps_body=Exists(earlier.filter(body=OuterRef("body"))))
        .select_related("user")
        .defer("body")
        .order_by("-number")[: VERSIONS + 1]
    )
    return {
        "versions": [
            (version, _told(found[place + 1], version))
            if place + 1 < len(found)
            else (version, "Made")
            for place, version in enumerate(found[:VERSIONS])
        ],
        "older": found[VERSIONS - 1].number if len(found) > VERSIONS else None,
        "is_first": not before,
    }


def _told(before: TemplateVersion, version: Any) -> str:
    """Say in a few words what a version changed."""
    labels = [change.label for change in changed_fields(before, version)]
    if not version.keeps_body:
        labels.append(LABELS["body"])
    return ", ".join(labels).capitalize() or "Nothing"


@require_safe
@xframe_options_sameorigin
@project_page
def template_html(request: ProjectRequest, template_id: UUID) -> HttpResponse:
    """Show a template, or a version of it, as a made-up reader would see it."""
    template = _template(request, template_id)
    number = request.GET.get("version", "")
    written = _version(template, int(number)) if _is_number(number) else template
    return frame_of(
        request.project,
        previewing.draft_of(written),
        written.kind,
        previewing.made_up_person(request.project.pk),
        form=request.GET.get("form", ""),
    )


@require_POST
@project_page
def template_duplicate(request: ProjectRequest, template_id: UUID) -> HttpResponse:
    copy = templates.duplicate(
        template=_template(request, template_id),
        saved_by=SavedBy.PAGE,
        user=request.user,
    )
    messages.success(request, f"“{copy.name}” is made. Mails do not use it yet.")
    return redirect("template", request.project.pk, copy.pk)


@require_page_methods
@project_page
def template_delete(request: ProjectRequest, template_id: UUID) -> HttpResponse:
    """Say what stays of a template; then delete it."""
    template = _template(request, template_id)
    if request.method == "POST":
        try:
            templates.delete(template=template)
        except ApiError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"“{template.name}” is deleted.")
            return redirect("templates", request.project.pk)
    context = {
        "template": template,
        "uses": uses(request.project.pk, [template.pk]),
        "mails": shown(templates.emails_of(template, limit=_MOST_MAILS + 1)),
    }
    return render(request, "transactional/templates/delete.html", context)


# -- versions --------------------------------------------------------------------------
@require_safe
@project_page
def template_version(
    request: ProjectRequest, template_id: UUID, version: int
) -> HttpResponse:
    """Show a version, and what differs from the one before it or from today's."""
    template = _template(request, template_id)
    chosen = _version(template, version)
    previous = _before(chosen)
    is_now = chosen.number == template.version
    against_now = request.GET.get("against") == "now" and not is_now
    before, after = (chosen, template) if against_now else (previous, chosen)
    view = _view(request)
    context: dict[str, Any] = {
        "template": template,
        "version": chosen,
        "previous": previous,
        "next": version + 1 if version < template.version else None,
        "is_now": is_now,
        "against_now": against_now,
        "view": view,
        "views": VIEWS,
        "frame_url": _frame_url(template, view, version=version),
    }
    if before is not None:
        context["changes"] = changed_fields(before, after)
        context["lines"] = body_diff(before.body, after.body)
        context["is_body_same"] = before.body == after.body
    return render(request, "transactional/templates/version.html", context)


@require_page_methods
@project_page
def template_restore(
    request: ProjectRequest, template_id: UUID, version: int
) -> HttpResponse:
    """Ask, then make an older version the newest."""
    template = _template(request, template_id)
    chosen = _version(template, version)
    if request.method == "POST":
        expected = request.POST.get("version", "")
        try:
            restored = templates.restore(
                template=template,
                number=version,
                saved_by=SavedBy.PAGE,
                user=request.user,
                expected_version=int(expected) if _is_number(expected) else None,
            )
        except ApiError as error:
            messages.error(request, error.message)
        else:
            messages.success(
                request, f"Version {version} is back, as version {restored.version}."
            )
            return redirect("template", request.project.pk, template.pk)
    context = {
        "template": template,
        "version": chosen,
        "changes": changed_fields(template, chosen),
        "is_body_same": template.body == chosen.body,
    }
    return render(request, "transactional/templates/restore.html", context)


def _before(version: TemplateVersion) -> TemplateVersion | None:
    rows = TemplateVersion.objects.filter(
        template_id=version.template_id, number__lt=version.number
    )
    return rows.order_by("-number").first()


def _template(request: ProjectRequest, template_id: UUID) -> Template:
    try:
        return templates.template_of(request.project.pk, template_id)
    except templates.TemplateNotFound:
        raise Http404("There is no such template.") from None


def _version(template: Template, number: int) -> TemplateVersion:
    if number > 2**31 - 1:
        raise Http404("There is no such version.")
    try:
        return templates.version_of(template, number)
    except templates.VersionNotFound:
        raise Http404("There is no such version.") from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _view(request: ProjectRequest) -> str:
    view = request.GET.get("view", "")
    return view if view in dict(VIEWS) else "desktop"


def _frame_url(template: Template, view: str, *, version: int | None = None) -> str:
    url = reverse("template_html", args=[template.project_id, template.pk])
    query = {"form": "text"} if view == "text" else {}
    if version is not None:
        query["version"] = str(version)
    return f"{url}?{'&'.join(f'{key}={value}' for key, value in query.items())}"
