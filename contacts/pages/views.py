"""The pages about a project's contacts."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from contacts.ledger import Act
from contacts.models import Contact, Door, Suppression
from contacts.subscriptions import set_subscribed
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.feeds import fragment, opening


@require_safe
@project_page
def contact_page(request: ProjectRequest, contact_id: UUID) -> HttpResponse:
    contact = _contact(request, contact_id)
    suppression = Suppression.objects.filter(
        project=request.project, email=contact.email
    ).first()
    url = reverse("contact_activity", args=[request.project.pk, contact_id])
    context = {
        "contact": contact,
        "facts": _facts(contact.data),
        "suppression": suppression,
        "feed": opening(project_id=request.project.pk, contact_id=contact_id, url=url),
    }
    return render(request, "contacts/detail.html", context)


@require_safe
@project_page
def contact_activity(request: ProjectRequest, contact_id: UUID) -> HttpResponse:
    """Answer the poll of a contact's feed, or show what came before it."""
    _contact(request, contact_id)
    url = reverse("contact_activity", args=[request.project.pk, contact_id])
    return fragment(request, url=url, contact_id=contact_id)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def contact_subscription(request: ProjectRequest, contact_id: UUID) -> HttpResponse:
    """Ask before somebody's consent is changed for them; then change it."""
    contact = _contact(request, contact_id)
    if request.method != "POST":
        return render(request, "contacts/subscription.html", {"contact": contact})
    subscribed = request.POST.get("subscribed") == "yes"
    changed = set_subscribed(
        project_id=request.project.pk,
        contact_id=contact_id,
        subscribed=subscribed,
        act=Act(Door.DASHBOARD, user_id=request.user.pk),
    )
    if changed:
        state = "subscribed" if subscribed else "unsubscribed"
        messages.success(request, f"{contact.email} is {state}.")
    return redirect("contact", request.project.pk, contact_id)


def _contact(request: ProjectRequest, contact_id: UUID) -> Contact:
    contact = Contact.objects.filter(project=request.project, pk=contact_id).first()
    if contact is None:
        raise Http404("There is no such contact.")
    return contact


def _facts(data: Any) -> list[tuple[str, str]]:
    """Write a contact's data the way it is read: text as it is, the rest as JSON."""
    if not isinstance(data, dict):
        return []
    return [
        (
            name,
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
        )
        for name, value in data.items()
    ]
