"""A project's sending domains: seen by all members, arranged by admins."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models.functions import Now
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from plunk.api.errors import ApiError
from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.models import Role
from transactional.domains import (
    MOST_DOMAINS,
    DomainInUse,
    add_domain,
    remove_domain,
    request_check,
    uses_of,
)
from transactional.models import Domain
from transactional.pages.domain_wording import Standing, groups, standing
from transactional.pages.sending_forms import DomainForm

_page_methods = require_http_methods(["GET", "HEAD", "POST"])
#: After so long a check that was asked for is not waited for any more.
_PATIENCE_SECONDS = 45
_CHECKING = Standing("Checking…", "info", "DNS is being asked.")


@require_safe
@project_page
def domain_list(request: ProjectRequest) -> HttpResponse:
    rows = Domain.objects.filter(project=request.project).order_by("name", "pk")
    context = {
        "rows": [(row, standing(row)) for row in rows[:MOST_DOMAINS]],
        "may_change": request.membership.can(Role.ADMIN),
        "is_local": not settings.REQUIRES_VERIFIED_DOMAIN,
    }
    return render(request, "transactional/domains/list.html", context)


@_page_methods
@project_page(role=Role.ADMIN)
def domain_new(request: ProjectRequest) -> HttpResponse:
    if request.method == "POST":
        form = DomainForm(request.POST)
    else:
        form = DomainForm(initial={"domain": request.GET.get("domain", "")[:300]})
    if form.is_valid():
        try:
            domain = add_domain(
                project=request.project, name=form.cleaned_data["domain"]
            )
        except ApiError as error:
            form.add_error("domain", error.message)
        else:
            return _to_domain(request, domain)
    return render(request, "transactional/domains/new.html", {"form": form})


@require_safe
@project_page
def domain_page(request: ProjectRequest, domain_id: UUID) -> HttpResponse:
    """Show a domain and its records; to the page itself, only what has changed."""
    domain = _domain(request, domain_id)
    asked = _asked_at(request)
    is_checking = _is_checking(domain, asked)
    fingerprint = _fingerprint(domain, is_checking=is_checking)
    seen = request.GET.get("seen")
    if request.headers.get("HX-Request") and seen == fingerprint:
        return HttpResponse(status=204)
    context: dict[str, Any] = {
        "domain": domain,
        "standing": _CHECKING if is_checking else standing(domain),
        "is_checking": is_checking,
        "is_moving": is_checking or not domain.verified_at,
        "is_news": seen is not None and domain.verified_at and not is_checking,
        "groups": groups(domain),
        "zone": domain.records.get("zone") or domain.name,
        "fingerprint": fingerprint,
        "asked": asked or "",
        "may_change": request.membership.can(Role.ADMIN),
        "is_local": not settings.REQUIRES_VERIFIED_DOMAIN,
    }
    return render(request, "transactional/domains/detail.html", context)


@require_POST
@project_page
def domain_check(request: ProjectRequest, domain_id: UUID) -> HttpResponse:
    """Have a domain checked soon; a worker asks, and the page waits for it."""
    domain = _domain(request, domain_id)
    if not request_check(domain=domain):
        messages.success(request, "That was checked a moment ago.")
        return redirect("settings_domain", request.project.pk, domain.pk)
    return _to_domain(request, domain)


@_page_methods
@project_page(role=Role.ADMIN)
def domain_remove(request: ProjectRequest, domain_id: UUID) -> HttpResponse:
    """Say what removing does, or what stands in its way; then do it."""
    domain = _domain(request, domain_id)
    if request.method == "POST":
        try:
            if remove_domain(domain=domain):
                messages.success(request, f"{domain.name} is removed.")
        except DomainInUse:
            return redirect("settings_domain_remove", request.project.pk, domain.pk)
        return redirect("settings_domains", request.project.pk)
    context = {"domain": domain, "uses": uses_of(domain)}
    return render(request, "transactional/domains/remove.html", context)


def _to_domain(request: ProjectRequest, domain: Domain) -> HttpResponse:
    url = resolve_url("settings_domain", request.project.pk, domain.pk)
    return HttpResponseRedirect(f"{url}?asked={int(time.time())}")


def _domain(request: ProjectRequest, domain_id: UUID) -> Domain:
    domain = (
        Domain.objects.annotate(now=Now())
        .filter(project=request.project, pk=domain_id)
        .first()
    )
    if domain is None:
        raise Http404("There is no such domain.")
    return domain


def _asked_at(request: ProjectRequest) -> int | None:
    """Return when a check was asked for, while it is worth waiting for."""
    text = request.GET.get("asked", "")
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        return None
    at = int(text)
    return at if 0 <= time.time() - at < _PATIENCE_SECONDS else None


def _is_checking(domain: Domain, asked: int | None) -> bool:
    if asked is None:
        return False
    return domain.checked_at is None or domain.checked_at.timestamp() < asked


def _fingerprint(domain: Domain, *, is_checking: bool) -> str:
    at = domain.checked_at.timestamp() if domain.checked_at else 0
    return f"{at:.3f}-{int(is_checking)}"
