"""Copies of a campaign, the archive, and the end of a draft."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from campaigns import drafts, lifecycle
from campaigns.models import CampaignState
from campaigns.pages.finding import found
from plunk.api.errors import ApiError
from plunk.pages.access import ProjectRequest, project_page


@require_POST
@project_page
def campaign_duplicate(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    copy = drafts.duplicate(campaign=found(request, campaign_id), user=request.user)
    messages.success(request, "This is the copy. Nobody gets it until you send it.")
    return redirect("campaign", request.project.pk, copy.pk)


@require_POST
@project_page
def campaign_archive(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    campaign = found(request, campaign_id)
    try:
        lifecycle.archive(campaign, user=request.user)
    except ApiError as error:
        messages.error(request, error.message)
        return redirect("campaign", request.project.pk, campaign.pk)
    messages.success(request, f"“{campaign.name}” is in the archive.")
    return redirect("campaigns", request.project.pk)


@require_POST
@project_page
def campaign_unarchive(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    campaign = lifecycle.unarchive(found(request, campaign_id), user=request.user)
    messages.success(request, "It is in the list again.")
    return redirect("campaign", request.project.pk, campaign.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def campaign_delete(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Ask, then delete a draft."""
    campaign = found(request, campaign_id)
    if request.method == "POST":
        try:
            drafts.delete(campaign=campaign)
        except ApiError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"“{campaign.name}” is deleted.")
            return redirect("campaigns", request.project.pk)
    context = {
        "campaign": campaign,
        "is_draft": campaign.state == CampaignState.DRAFT,
        "is_scheduled": campaign.state == CampaignState.SCHEDULED,
    }
    return render(request, "campaigns/draft/delete.html", context)
