"""A campaign before it goes: what is ready, what is missing, how many would get it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from campaigns import drafts, preflight
from campaigns.models import (
    EDITABLE,
    AudienceType,
    Campaign,
    CampaignState,
    Recipient,
    Variant,
)
from campaigns.pages import running
from campaigns.pages.finding import audiences_in_words, found
from campaigns.pages.lists import TONES
from campaigns.readiness import check_ready, sender_of
from campaigns.schedules import in_words
from campaigns.variants import variant_of
from plunk.api.errors import ApiError
from plunk.pages.access import ProjectRequest, project_page
from transactional.pages.editor import KINDS
from transactional.senders import Sender

_NEAR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What each part of a draft still lacks; empty where it is ready."""

    content: str
    audience: str
    sender: str
    #: Anything that keeps it from going out, the parts above included.
    all: str


def errors_of(campaign: Campaign) -> list[str]:
    """Return what the last check says is wrong with the campaign as it is now.

    None of it keeps it from going out: that is for people to decide, who have read it.
    """
    check = preflight.current(campaign)
    if check is None or check.is_stale or not check.is_finished:
        return []
    found = check.preflight.findings
    return [one["message"] for one in found if one["level"] == "error"]


@require_safe
@project_page
def campaign_page(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Show a campaign: how it is made, or how it goes and what became of it."""
    campaign = found(request, campaign_id)
    if campaign.state not in EDITABLE:
        return running.show(request, campaign)
    variant = variant_of(campaign, 1)
    sender, trouble = sender_or_trouble(campaign)
    zone = campaign.schedule_zone
    context = {
        "campaign": campaign,
        "variant": variant,
        "tone": TONES[campaign.state],
        "audience": audiences_in_words([campaign])[0],
        "sender": sender,
        "reply_to": campaign.reply_to or request.project.reply_to,
        "kind_words": next(words for kind, _, words in KINDS if kind == campaign.kind),
        "readiness": readiness(campaign, variant, trouble),
        "errors": errors_of(campaign),
        "is_scheduled": campaign.state == CampaignState.SCHEDULED,
        "is_soon": campaign.scheduled_at
        and is_near(campaign.scheduled_at, timezone.now()),
        "scheduled": in_words(campaign.scheduled_at, zone)
        if campaign.scheduled_at
        else "",
        "deadline": in_words(campaign.deadline_at, zone)
        if campaign.deadline_at
        else "",
        "is_late": campaign.deadline_at and campaign.deadline_at < timezone.now(),
        **review_urls(campaign),
    }
    return render(request, "campaigns/draft/overview.html", context)


def is_near(at: datetime, now: datetime) -> bool:
    """Say whether a moment is so near that people count the days."""
    return abs(at - now) < _NEAR


def readiness(campaign: Campaign, variant: Variant, trouble: str) -> Readiness:
    """Say what a draft lacks; `trouble` is what is wrong with its sender."""
    content, people = _content(variant), _audience(campaign)
    rest = ""
    if not (content or people or trouble):
        try:
            check_ready(campaign)
        except ApiError as error:
            rest = error.message
    return Readiness(content, people, trouble, content or people or trouble or rest)


def _content(variant: Variant) -> str:
    if not variant.subject.strip():
        return "It has no subject yet."
    return "" if variant.body.strip() else "Nothing is written in it yet."


def _audience(campaign: Campaign) -> str:
    kind = AudienceType(campaign.audience_type)
    if kind is AudienceType.SEGMENT and campaign.segment_id is None:
        return "Its segment was deleted: choose another audience."
    if kind is AudienceType.RECIPIENTS:
        chosen = Recipient.objects.filter(campaign=campaign)
        return "" if chosen.exists() else "Nobody is chosen yet."
    return ""


def sender_or_trouble(campaign: Campaign) -> tuple[Sender | None, str]:
    """Return who a campaign comes from, or what is wrong with that."""
    try:
        return sender_of(campaign, campaign.project), ""
    except ApiError as error:
        errors = getattr(error, "errors", [])
        return None, errors[0].message if errors else error.message


def review_urls(campaign: Campaign) -> dict[str, str]:
    """Return where the check before sending is, and its summary."""
    names = {"review": "campaign_review", "summary": "campaign_review_summary"}
    one = [campaign.project_id, campaign.pk]
    try:
        return {key: reverse(name, args=one) for key, name in names.items()}
    except NoReverseMatch:
        return {}


@require_safe
@project_page
def campaign_size(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Count whom a campaign would reach now; a fragment, or back to its page."""
    campaign = found(request, campaign_id)
    number = drafts.count_audience(campaign)
    if not request.headers.get("HX-Request"):
        if number is None:
            messages.warning(request, "Counting takes too long just now.")
        return redirect("campaign", request.project.pk, campaign.pk)
    context = {"campaign": campaign, "number": number}
    return render(request, "campaigns/draft/size.html", context)
