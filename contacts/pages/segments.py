"""The pages about segments: the list, one of them, its members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from contacts.addresses import AddressError, normalise
from contacts.ledger import Act
from contacts.models import Contact, Door, Segment, SegmentMembership, SegmentType
from contacts.pages.segment_forms import MembersForm
from contacts.segments import keeping, sizes
from contacts.segments.by_address import Added, add_addresses, remove_addresses
from contacts.segments.explaining import sentences
from contacts.segments.matching import matching, why
from contacts.segments.membership import members_of, remove_members, stays_at
from contacts.segments.naming import entry_event, exit_event
from contacts.segments.tree import parse
from contacts.segments.uses import uses
from plunk.api.errors import ApiError, Invalid
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.figures import counted
from plunk.pages.paging import ByTime, Page, page

#: How many of the latest comings and goings a page shows.
MOVES = 8
#: How many members are on one page.
PEOPLE = 25
_BY_ENTRY = ByTime("entered_at")


@require_safe
@project_page
def segment_list(request: ProjectRequest) -> HttpResponse:
    rows = Segment.objects.filter(project=request.project)
    found = page(rows, cursor=request.GET.get("cursor", ""))
    words = in_words(request.project.pk, found.rows)
    context = {"page": found, "segments": list(zip(found.rows, words, strict=True))}
    return render(request, "contacts/segments/list.html", context)


def in_words(project_id: UUID, segments: Sequence[Segment]) -> list[str]:
    """Say what each segment is, at the same cost for one and for many."""
    trees = {
        segment.pk: parse(segment.condition)
        for segment in segments
        if segment.type == SegmentType.DYNAMIC
    }
    words = dict(zip(trees, sentences(project_id, list(trees.values())), strict=True))
    by_hand = "Contacts who were put on this list by hand."
    return [words.get(segment.pk, by_hand) for segment in segments]


@dataclass(frozen=True, slots=True)
class Move:
    """Somebody who came or went."""

    at: datetime
    contact: Contact
    is_entry: bool


@require_safe
@project_page
def segment_page(request: ProjectRequest, segment_id: UUID) -> HttpResponse:
    """Show who is in a segment, or was on a date, and why somebody is in it or not."""
    segment = _segment(request, segment_id)
    is_kept = sizes.is_kept(segment)
    on = _date(request.GET.get("on", "")) if is_kept else None
    context: dict[str, Any] = {
        "segment": segment,
        "sentence": in_words(request.project.pk, [segment])[0],
        "is_static": segment.type == SegmentType.STATIC,
        "is_kept": is_kept,
        "events": _events(segment),
        "on": on,
        "today": datetime.now(UTC).date(),
        "email": request.GET.get("email", "")[:254].strip(),
    }
    context |= _people(request, segment, on)
    if is_kept:
        context |= _moves(segment)
    if context["email"]:
        context |= _person(segment, context["email"])
    return render(request, "contacts/segments/detail.html", context)


def _events(segment: Segment) -> list[str]:
    is_tracked = segment.type == SegmentType.DYNAMIC and segment.track_membership
    return [entry_event(segment), exit_event(segment)] if is_tracked else []


def _people(
    request: ProjectRequest, segment: Segment, on: date | None
) -> dict[str, Any]:
    """Return a page of members: of stays where they are kept, else of contacts."""
    cursor = request.GET.get("cursor", "")
    if sizes.is_kept(segment):
        stays = members_of(segment) if on is None else stays_at(segment, _end_of(on))
        rows = stays.select_related("contact").defer("contact__data")
        found = page(rows, cursor=cursor, order=_BY_ENTRY, size=PEOPLE)
        return {"page": found}
    try:
        people = matching(segment.project_id, parse(segment.condition)).defer("data")
    except Invalid as error:
        empty: Page[Contact] = Page(rows=[], next=None, is_first=True)
        return {"page": empty, "problem": error.message}
    return {"page": page(people, cursor=cursor, size=PEOPLE)}


def _moves(segment: Segment) -> dict[str, Any]:
    """Return the latest comings and goings, and how many there were in a week."""
    stays = SegmentMembership.objects.filter(segment=segment)
    ended = stays.filter(exited_at__isnull=False)
    came = _newest(stays, "entered_at")
    went = _newest(ended, "exited_at")
    moves = [Move(stay.entered_at, stay.contact, is_entry=True) for stay in came]
    moves += [
        Move(stay.exited_at, stay.contact, is_entry=False)
        for stay in went
        if stay.exited_at is not None
    ]
    moves.sort(key=lambda move: move.at, reverse=True)
    week = Now() - timedelta(days=7)
    return {
        "moves": moves[:MOVES],
        "came": counted(stays.filter(entered_at__gte=week)),
        "went": counted(ended.filter(exited_at__gte=week)),
    }


def _newest(
    stays: QuerySet[SegmentMembership], column: str
) -> QuerySet[SegmentMembership]:
    rows = stays.select_related("contact").only(
        "entered_at", "exited_at", "contact__email", "segment_id"
    )
    return rows.order_by(f"-{column}", "-pk")[:MOVES]


def _person(segment: Segment, email: str) -> dict[str, Any]:
    """Say whether somebody is in a segment, and why or why not."""
    try:
        address = normalise(email)
    except AddressError as error:
        return {"person_problem": str(error)}
    contact = Contact.objects.filter(
        project_id=segment.project_id, email=address
    ).first()
    if contact is None:
        return {"person_problem": "No contact has this address."}
    stays = SegmentMembership.objects.filter(segment=segment, contact=contact)
    found: dict[str, Any] = {
        "person": contact,
        "stays": list(stays.order_by("-entered_at", "-pk")[:20]),
    }
    if segment.type == SegmentType.STATIC:
        found["is_in"] = any(stay.exited_at is None for stay in found["stays"])
        return found
    try:
        reason = why(segment.project_id, contact.pk, parse(segment.condition))
    except Invalid as error:
        return {"person_problem": error.message}
    return found | {"reason": reason, "is_in": reason.matched}


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def segment_members(request: ProjectRequest, segment_id: UUID) -> HttpResponse:
    """Put pasted addresses into a static segment, or take them out."""
    segment = _static(request, segment_id)
    form = MembersForm(request.POST if request.method == "POST" else None)
    context = {"segment": segment, "form": form}
    if not form.is_valid():
        return render(request, "contacts/segments/members.html", context)
    addresses = form.cleaned_data["addresses"]
    if request.POST.get("action") == "remove":
        number = remove_addresses(segment, addresses)
        messages.success(request, f"{_people_in_words(number)} not in it (any more).")
        return redirect("segment", request.project.pk, segment.pk)
    missing = form.cleaned_data["missing"]
    added = add_addresses(
        segment,
        addresses,
        create_missing=missing != "leave",
        subscribed=missing == "subscribed",
        act=Act(Door.DASHBOARD, user_id=request.user.pk),
    )
    messages.success(request, _summary(added))
    if not added.missing:
        return redirect("segment", request.project.pk, segment.pk)
    context |= {
        "missing": added.missing,
        "form": MembersForm(initial={"addresses": "\n".join(added.missing)}),
    }
    return render(request, "contacts/segments/members.html", context)


def _summary(added: Added) -> str:
    parts = [f"{added.new:,} added"]
    if added.found > added.new:
        parts.append(f"{added.found - added.new:,} were in it already")
    if added.created:
        parts.append(f"{added.created:,} of them are new contacts")
    return ", ".join(parts) + "."


def _people_in_words(number: int) -> str:
    return "1 contact is" if number == 1 else f"{number:,} contacts are"


@require_POST
@project_page
def segment_remove(request: ProjectRequest, segment_id: UUID) -> HttpResponse:
    """Take one contact out of a static segment."""
    segment = _static(request, segment_id)
    try:
        contact_id = UUID(request.POST.get("contact", ""))
    except ValueError:
        raise Http404("There is no such contact.") from None
    if remove_members(segment, [contact_id]):
        messages.success(request, "Taken out of the segment.")
    return redirect("segment", request.project.pk, segment.pk)


@require_POST
@project_page
def segment_count(request: ProjectRequest, segment_id: UUID) -> HttpResponse:
    """Count a segment now."""
    segment = _segment(request, segment_id)
    try:
        sizes.refresh(segment)
    except Invalid as error:
        messages.error(request, f"It cannot be counted: {error.message}")
    return redirect("segment", request.project.pk, segment.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def segment_delete(request: ProjectRequest, segment_id: UUID) -> HttpResponse:
    """Say what goes with a segment; then delete it."""
    segment = _segment(request, segment_id)
    if request.method == "POST":
        try:
            keeping.delete_segment(project_id=request.project.pk, segment_id=segment_id)
        except ApiError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"“{segment.name}” is deleted.")
            return redirect("segments", request.project.pk)
    context = {
        "segment": segment,
        "uses": uses(segment),
        "is_kept": sizes.is_kept(segment),
    }
    return render(request, "contacts/segments/delete.html", context)


def _segment(request: ProjectRequest, segment_id: UUID) -> Segment:
    rows = Segment.objects.filter(project=request.project, pk=segment_id)
    segment = rows.first()
    if segment is None:
        raise Http404("There is no such segment.")
    return segment


def _static(request: ProjectRequest, segment_id: UUID) -> Segment:
    segment = _segment(request, segment_id)
    if segment.type != SegmentType.STATIC:
        raise Http404("There is no such list.")
    return segment


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _end_of(day: date) -> datetime:
    """Return the last moment of a day, in UTC."""
    return datetime.combine(day, time.max, tzinfo=UTC)
