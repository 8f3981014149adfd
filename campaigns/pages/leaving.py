"""The last step before a campaign goes: now, or at a moment in somebody's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from campaigns import lifecycle
from campaigns.errors import WrongState
from campaigns.models import Campaign, CampaignState
from campaigns.pages.details import MOST_CLOCK, ZonedForm, show_errors
from campaigns.pages.finding import audiences_in_words, draft_page, found
from campaigns.pages.overview import (
    errors_of,
    is_near,
    readiness,
    review_urls,
    sender_or_trouble,
)
from campaigns.schedules import in_words, on_clock, read_moment, zone_of
from campaigns.variants import variant_of
from plunk.api.errors import ApiError, Invalid
from plunk.pages.access import ProjectRequest, project_page

#: What is said where errors of a check were passed over in silence.
UNREAD = (
    "The check found errors. Mend them, or say that it is to go out in spite of them."
)


def _context(campaign: Campaign) -> dict[str, Any]:
    """Return what both pages say of what is about to go out."""
    variant = variant_of(campaign, 1)
    sender, trouble = sender_or_trouble(campaign)
    return {
        "campaign": campaign,
        "variant": variant,
        "sender": sender,
        "audience": audiences_in_words([campaign])[0],
        "problem": readiness(campaign, variant, trouble).all,
        "errors": errors_of(campaign),
        "is_scheduled": campaign.state == CampaignState.SCHEDULED,
        "scheduled": in_words(campaign.scheduled_at, campaign.schedule_zone)
        if campaign.scheduled_at
        else "",
        **review_urls(campaign),
    }


# -- now -------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@draft_page
def campaign_send(request: ProjectRequest, campaign: Campaign) -> HttpResponse:
    """Say what is about to happen; then launch it."""
    if request.method == "POST":
        if request.POST.get("version", "") != str(campaign.version):
            messages.warning(
                request,
                "It was changed meanwhile. Look at it once more before it goes.",
            )
            return redirect("campaign_send", request.project.pk, campaign.pk)
        if not _is_accepted(request, campaign):
            messages.warning(request, UNREAD)
            return redirect("campaign_send", request.project.pk, campaign.pk)
        try:
            lifecycle.send(campaign, user=request.user)
        except WrongState as error:
            messages.warning(request, error.message)
        except ApiError as error:
            messages.error(request, _said(error))
            return redirect("campaign_send", request.project.pk, campaign.pk)
        return redirect("campaign", request.project.pk, campaign.pk)
    return render(request, "campaigns/draft/send.html", _context(campaign))


def _is_accepted(request: ProjectRequest, campaign: Campaign) -> bool:
    """Say whether it may go although a check found errors, or none has."""
    return request.POST.get("in_spite") == "1" or not errors_of(campaign)


def _said(error: ApiError) -> str:
    return error.errors[0].message if isinstance(error, Invalid) else error.message


# -- later -----------------------------------------------------------------------------
class ScheduleForm(ZonedForm):
    at = forms.CharField(
        label="Date and time",
        max_length=MOST_CLOCK,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    field_order = ("at", "zone")


@dataclass(frozen=True, slots=True)
class Meaning:
    """A moment as the one who wrote it, and everybody, would say it."""

    at: datetime
    words: str
    in_utc: str
    note: str
    is_past: bool
    #: Whether “in 3 days” says more than the date.
    is_near: bool


def meaning_of(text: str, zone: str) -> Meaning:
    """Say what a clock's time in a zone means. Raises Invalid."""
    at = read_moment(text, zone or "UTC")
    now = datetime.now(UTC)
    return Meaning(
        at=at,
        words=in_words(at, zone),
        in_utc=in_words(at) if zone not in {"", "UTC"} else "",
        note=_note(text, at, zone, now),
        is_past=at < now,
        is_near=is_near(at, now),
    )


def _note(text: str, at: datetime, zone: str, now: datetime) -> str:
    """Explain a change of the clocks that has to do with a time."""
    there = zone_of(zone)
    local = at.astimezone(there)
    written = text.strip()[:16].replace(" ", "T").upper()
    if on_clock(at, zone) != written:
        return (
            f"Clocks go forward that night and there is no {written[11:]}: "
            f"it goes out at {local:%H:%M}."
        )
    again = local.replace(fold=1 - local.fold)
    if again.utcoffset() != local.utcoffset():
        return (
            f"Clocks go back that night and {local:%H:%M} comes twice: "
            "it goes out the first time."
        )
    if now.astimezone(there).utcoffset() != local.utcoffset():
        return (
            "Clocks there change before then. It goes out when they show "
            f"{local:%H:%M} on that day."
        )
    return ""


@require_http_methods(["GET", "HEAD", "POST"])
@draft_page
def campaign_schedule(request: ProjectRequest, campaign: Campaign) -> HttpResponse:
    """Choose a moment, or another one."""
    form = _form(request, campaign)
    if request.method == "POST" and not _is_accepted(request, campaign):
        form.add_error(None, UNREAD)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            meaning = meaning_of(values["at"], values["zone"])
            lifecycle.schedule(
                campaign,
                at=meaning.at,
                zone=values["zone"] or "UTC",
                user=request.user,
            )
        except ApiError as error:
            show_errors(form, error)
        else:
            messages.success(request, f"It goes out on {meaning.words}.")
            return redirect("campaign", request.project.pk, campaign.pk)
    context = {"form": form, **_context(campaign)}
    return render(request, "campaigns/draft/schedule.html", context)


def _form(request: ProjectRequest, campaign: Campaign) -> ScheduleForm:
    if request.method == "POST":
        return ScheduleForm(request.POST)
    zone = campaign.schedule_zone or "UTC"
    at = on_clock(campaign.scheduled_at, zone) if campaign.scheduled_at else ""
    return ScheduleForm(initial={"at": at, "zone": zone})


@require_safe
@project_page
def campaign_schedule_words(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Say what is being written means; a fragment."""
    found(request, campaign_id)
    context: dict[str, Any] = {}
    text = request.GET.get("at", "")[:MOST_CLOCK]
    if text:
        try:
            context["meaning"] = meaning_of(text, request.GET.get("zone", "")[:64])
        except Invalid as error:
            context["problem"] = error.errors[0].message
    return render(request, "campaigns/draft/schedule_words.html", context)


@require_POST
@project_page
def campaign_unschedule(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    campaign = found(request, campaign_id)
    try:
        lifecycle.unschedule(campaign, user=request.user)
    except ApiError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "It is a draft again and goes out at no time.")
    return redirect("campaign", request.project.pk, campaign.pk)
