"""A project's API keys: seen by all members, changed by admins."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.keys import (
    NewKey,
    NotUsable,
    create_key,
    display,
    regenerate_key,
    revoke_key,
)
from plunk.projects.models import ApiKey, KeyKind, Role
from plunk.projects.pages.forms import KeyForm, RegenerateForm

LIST_LIMIT = 200
REVOKED_LIMIT = 20

require_page_methods = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@project_page
def key_list(request: ProjectRequest) -> HttpResponse:
    own = ApiKey.objects.filter(project=request.project).order_by("-created_at", "-id")
    context = {
        "keys": [(row, display(row)) for row in own.usable()[:LIST_LIMIT]],
        "revoked": [(row, display(row)) for row in own.revoked()[:REVOKED_LIMIT]],
        "may_change": request.membership.can(Role.ADMIN),
        "connecting": _connecting(),
    }
    return render(request, "projects/settings_keys.html", context)


def _connecting() -> list[tuple[str, str, str]]:
    """Return what a client is told: a word for it, its id on the page, the value."""
    rows = [("API address", "api-uri", settings.API_URI)]
    if settings.SMTP_ENABLED:
        rows += [
            ("SMTP server", "smtp-host", settings.SMTP_DOMAIN),
            ("Port, TLS", "smtp-secure", str(settings.SMTP_PORT_SECURE)),
            ("Port, STARTTLS", "smtp-port", str(settings.SMTP_PORT_SUBMISSION)),
            ("User", "smtp-user", "plunk"),
        ]
    return rows


@require_page_methods
@project_page(role=Role.ADMIN)
def key_new(request: ProjectRequest) -> HttpResponse:
    """Create a named key and show it, in the only answer that has a secret one."""
    form = KeyForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(request, "projects/key_new.html", {"form": form})
    created = create_key(
        project=request.project,
        kind=KeyKind(form.cleaned_data["kind"]),
        name=form.cleaned_data["name"],
    )
    return _show_once(request, created)


@require_page_methods
@project_page(role=Role.ADMIN)
def key_revoke(request: ProjectRequest, key_id: UUID) -> HttpResponse:
    """Say what revoking does; then do it."""
    key = _usable_key(request, key_id)
    if request.method != "POST":
        return render(request, "projects/key_revoke.html", _about(key))
    if revoke_key(key=key):
        messages.success(request, f"{display(key)} is revoked.")
    return redirect("settings_keys", request.project.pk)


@require_page_methods
@project_page(role=Role.ADMIN)
def key_regenerate(request: ProjectRequest, key_id: UUID) -> HttpResponse:
    """Say what replacing does; then do it and show the new key."""
    key = _usable_key(request, key_id)
    form = RegenerateForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        context = {**_about(key), "form": form}
        return render(request, "projects/key_regenerate.html", context)
    try:
        created = regenerate_key(key=key, grace=form.cleaned_data["grace"])
    except NotUsable:
        messages.error(request, f"{display(key)} has been replaced or revoked already.")
        return redirect("settings_keys", request.project.pk)
    return _show_once(request, created)


def _usable_key(request: ProjectRequest, key_id: UUID) -> ApiKey:
    key = (
        ApiKey.objects.usable()
        .select_related("project")
        .filter(project=request.project, pk=key_id)
        .first()
    )
    if key is None:
        raise Http404("There is no such key.")
    return key


def _about(key: ApiKey) -> dict[str, Any]:
    return {
        "key": key,
        "shown": display(key),
        "is_secret": key.kind == KeyKind.SECRET,
    }


def _show_once(request: ProjectRequest, created: NewKey) -> HttpResponse:
    context = {
        "value": created.value,
        "key": created.row,
        "is_secret": created.row.kind == KeyKind.SECRET,
    }
    return render(request, "projects/key_created.html", context)
