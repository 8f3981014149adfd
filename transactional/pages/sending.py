"""What a project's mail says of its sender: its defaults, and others to choose."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.forms import model_to_dict
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from contacts.addresses import domain_of
from plunk.api.errors import Conflict
from plunk.pages.access import ProjectRequest, project_page, require_role
from plunk.projects.changing import change_sending
from plunk.projects.models import Role
from transactional.domains.names import is_public_mail
from transactional.models import Domain, SenderAddress
from transactional.pages.domain_wording import Standing, standing
from transactional.pages.sending_forms import SenderForm, SendingForm
from transactional.sender_addresses import (
    add_sender,
    change_sender,
    make_default,
    remove_sender,
)
from transactional.senders import senders_of

_page_methods = require_http_methods(["GET", "HEAD", "POST"])
_LOCAL = Standing("Works here", "good", "")


@dataclass(frozen=True, slots=True)
class SenderRow:
    """A sender in the list, and how its domain stands."""

    sender: SenderAddress
    is_default: bool
    domain: Domain | None
    standing: Standing


@_page_methods
@project_page
def sending(request: ProjectRequest) -> HttpResponse:
    """Show to every member, and let admins save, what mail says by default."""
    project = request.project
    if request.method == "POST":
        require_role(request, Role.ADMIN)
        form = SendingForm(request.POST)
        if form.is_valid():
            change_sending(project_id=project.pk, **form.cleaned_data)
            messages.success(request, "Saved.")
            return _to_sending(request)
    else:
        form = SendingForm(
            initial=model_to_dict(project, list(SendingForm.base_fields))
        )
    domains = {row.name: row for row in Domain.objects.filter(project=project)}
    rows = [
        _row(sender, project.from_email, domains) for sender in senders_of(project.pk)
    ]
    context = {
        "form": form,
        "rows": rows,
        "default": _standing_of(project.from_email, domains),
        "default_domain": domain_of(project.from_email),
        "may_change": request.membership.can(Role.ADMIN),
        "is_local": not settings.REQUIRES_VERIFIED_DOMAIN,
    }
    return render(request, "transactional/sending/sending.html", context)


@_page_methods
@project_page(role=Role.ADMIN)
def sender_new(request: ProjectRequest) -> HttpResponse:
    form = SenderForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            add_sender(project_id=request.project.pk, **form.cleaned_data)
        except Conflict as error:
            form.add_error("email", error.message)
        else:
            messages.success(request, f"{form.cleaned_data['email']} is added.")
            return _to_sending(request)
    return render(request, "transactional/sending/sender.html", {"form": form})


@_page_methods
@project_page(role=Role.ADMIN)
def sender_edit(request: ProjectRequest, sender_id: UUID) -> HttpResponse:
    sender = _sender(request, sender_id)
    if request.method == "POST":
        form = SenderForm(request.POST)
    else:
        form = SenderForm(initial=model_to_dict(sender, list(SenderForm.base_fields)))
    if form.is_valid():
        try:
            change_sender(sender=sender, **form.cleaned_data)
        except Conflict as error:
            form.add_error("email", error.message)
        else:
            messages.success(request, "Saved.")
            return _to_sending(request)
    context = {"form": form, "sender": sender}
    return render(request, "transactional/sending/sender.html", context)


@require_POST
@project_page(role=Role.ADMIN)
def sender_default(request: ProjectRequest, sender_id: UUID) -> HttpResponse:
    sender = _sender(request, sender_id)
    make_default(sender=sender)
    messages.success(request, f"Mail comes from {sender.email} by default.")
    return _to_sending(request)


@_page_methods
@project_page(role=Role.ADMIN)
def sender_remove(request: ProjectRequest, sender_id: UUID) -> HttpResponse:
    """Say what removing does; then do it."""
    sender = _sender(request, sender_id)
    if request.method != "POST":
        context = {
            "sender": sender,
            "is_default": sender.email == request.project.from_email,
        }
        return render(request, "transactional/sending/sender_remove.html", context)
    if remove_sender(sender=sender):
        messages.success(request, f"{sender.email} is removed.")
    return _to_sending(request)


def _row(sender: SenderAddress, default: str, domains: dict[str, Domain]) -> SenderRow:
    return SenderRow(
        sender=sender,
        is_default=sender.email == default,
        domain=domains.get(domain_of(sender.email)),
        standing=_standing_of(sender.email, domains),
    )


def _standing_of(email: str, domains: dict[str, Domain]) -> Standing:
    """Say whether mail may come from an address, and what is missing."""
    if not settings.REQUIRES_VERIFIED_DOMAIN:
        return _LOCAL
    name = domain_of(email)
    if not name:
        return Standing("Not set", "neutral", "")
    domain = domains.get(name)
    if domain is not None:
        return standing(domain)
    if is_public_mail(name):
        return Standing(
            "Cannot be used",
            "bad",
            f"{name} is a public mail service: only it can send from there. Use an "
            "address of your own domain, and this one for replies.",
        )
    return Standing(
        "Domain not added", "bad", f"{name} is none of the project's domains."
    )


def _to_sending(request: ProjectRequest) -> HttpResponse:
    return redirect("settings_sending", request.project.pk)


def _sender(request: ProjectRequest, sender_id: UUID) -> SenderAddress:
    sender = SenderAddress.objects.filter(project=request.project, pk=sender_id).first()
    if sender is None:
        raise Http404("There is no such sender.")
    return sender
