"""The page of one contact."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from contacts.choosing import choose_topics
from contacts.erasing import erase
from contacts.ledger import Act
from contacts.models import Confirmation, Contact, Door
from contacts.pages.consent import entries, in_words, suppression_of
from contacts.pages.people import facts, initials, standing_of
from contacts.panels import panels
from contacts.segments.containing import MOST_ASKED, segments_of
from contacts.subscriptions import set_subscribed
from contacts.topics import topics_of
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.feeds import fragment, opening
from plunk.projects.models import Role

#: Entries of the ledger on the contact's page; its own page has the others.
_SHOWN_ENTRIES = 5


@require_safe
@project_page
def contact_page(request: ProjectRequest, contact_id: UUID) -> HttpResponse:
    """Show what is known of a contact, whether it gets mail, and its history."""
    contact = _contact(request, contact_id)
    project_id = request.project.pk
    suppression = suppression_of(project_id, contact.email)
    waiting = Confirmation.objects.filter(contact=contact).first()
    ledger, ledger_page = entries(contact, cursor="", size=_SHOWN_ENTRIES)
    url = reverse("contact_activity", args=[project_id, contact_id])
    context = {
        "contact": contact,
        "initials": initials(contact.email),
        "standing": standing_of(
            contact,
            is_suppressed=suppression is not None,
            is_waiting=waiting is not None,
        ),
        "consent": in_words(contact, waiting),
        "facts": facts(contact.data),
        "suppression": suppression,
        "topics": topics_of(contact),
        "ledger": ledger,
        "has_more_ledger": ledger_page.next is not None,
        "panels": panels(project_id, contact_id),
        "feed": opening(project_id=project_id, contact_id=contact_id, url=url),
        "may_erase": request.membership.can(Role.ADMIN),
    }
    return render(request, "contacts/detail.html", context)


@require_safe
@project_page
def contact_activity(request: ProjectRequest, contact_id: UUID) -> HttpResponse:
    """Answer the poll of a contact's feed, or show what came before it."""
    _contact(request, contact_id)
    url = reverse("contact_activity", args=[request.project.pk, contact_id])
    return fragment(request, url=url, contact_id=contact_id)


@require_safe
@project_page
def contact_consent(request: ProjectRequest, contact_id: UUID) -> HttpResponse:
    """Show the whole consent ledger of a contact."""
    contact = _contact(request, contact_id)
    ledger, found = entries(contact, cursor=request.GET.get("cursor", ""))
    context = {"contact": contact, "page": found, "ledger": ledger}
    return render(request, "contacts/consent.html", context)


@require_safe
@project_page
def contact_segments(request: ProjectRequest, contact_id: UUID) -> HttpResponse:
    """Show which segments a contact is in and was; the page asks once it is there."""
    contact = _contact(request, contact_id)
    belongings = segments_of(contact)
    context = {
        "contact": contact,
        "inside": [each for each in belongings if each.until is None],
        "left": [each for each in belongings if each.until is not None],
        "most_asked": MOST_ASKED,
    }
    is_part = bool(getattr(request, "htmx", False))
    name = "segments_of" if is_part else "segments_page"
    return render(request, f"contacts/{name}.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def contact_subscription(request: ProjectRequest, contact_id: UUID) -> HttpResponse:
    """Ask before somebody's consent is changed for them; then change it."""
    contact = _contact(request, contact_id)
    if request.method != "POST":
        return render(request, "contacts/subscription.html", {"contact": contact})
    changed = set_subscribed(
        project_id=request.project.pk,
        contact_id=contact_id,
        subscribed=request.POST.get("subscribed") == "yes",
        act=_act(request),
    )
    if changed:
        contact.refresh_from_db(fields=["subscribed"])
        state = "subscribed" if contact.subscribed else "unsubscribed"
        messages.success(request, f"{contact.email} is {state}.")
    return redirect("contact", request.project.pk, contact_id)


@require_POST
@project_page
def contact_topics(request: ProjectRequest, contact_id: UUID) -> HttpResponse:
    """Let a contact join and leave topics on its word."""
    contact = _contact(request, contact_id)
    changed = choose_topics(
        contact,
        shown=_ids(request, "shown"),
        chosen=_ids(request, "topic"),
        may_join=True,
        act=_act(request),
    )
    if changed:
        messages.success(request, "The topics are saved.")
    return redirect("contact", request.project.pk, contact_id)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.ADMIN)
def contact_erase(request: ProjectRequest, contact_id: UUID) -> HttpResponse:
    """Say what goes with a contact; erase it once its address is typed."""
    contact = _contact(request, contact_id)
    is_wrong = False
    if request.method == "POST":
        typed = request.POST.get("confirm", "").strip().lower()
        if typed == contact.email:
            erase(project_id=request.project.pk, contact_ids=[contact_id])
            messages.success(request, "The contact is erased.")
            return redirect("contacts", request.project.pk)
        is_wrong = True
    context = {
        "contact": contact,
        "is_wrong": is_wrong,
        "suppression": suppression_of(request.project.pk, contact.email),
    }
    status = 422 if is_wrong else 200
    return render(request, "contacts/erase.html", context, status=status)


def _act(request: ProjectRequest) -> Act:
    return Act(Door.DASHBOARD, user_id=request.user.pk)


def _ids(request: ProjectRequest, name: str) -> set[UUID]:
    found = set()
    for text in request.POST.getlist(name):
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return found


def _contact(request: ProjectRequest, contact_id: UUID) -> Contact:
    contact = Contact.objects.filter(project=request.project, pk=contact_id).first()
    if contact is None:
        raise Http404("There is no such contact.")
    return contact
