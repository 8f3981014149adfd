"""What a campaign says: the editor, and the mail as a reader would see it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from csp.decorators import csp_update
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import drafts
from campaigns.draft_rules import SAID
from campaigns.errors import CampaignNotFound
from campaigns.models import EDITABLE, Campaign
from campaigns.pages.finding import found, too_late
from campaigns.variants import draft_of, variant_of
from plunk.pages.access import ProjectRequest, project_page
from transactional import previewing
from transactional.models import WRITTEN_FIELDS
from transactional.pages.drafting import frame_of
from transactional.pages.editor import Edited, Saved, save_edited, show_editor


@require_http_methods(["GET", "HEAD", "POST"])
@csp_update({"img-src": ["https:", "http:"]})  # a mail's pictures are anywhere
@project_page
def campaign_write(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Show the editor; a POST saves and answers in JSON."""
    campaign = found(request, campaign_id)
    if request.method == "POST":
        return _save(request, campaign)
    if campaign.state not in EDITABLE:
        return too_late(request, campaign)
    return show_editor(request, _edited(campaign))


def _edited(campaign: Campaign) -> Edited:
    one = [campaign.project_id, campaign.pk]
    variant = variant_of(campaign, 1)
    written = {
        name: getattr(variant if name in SAID else campaign, name)
        for name in WRITTEN_FIELDS
    }
    here = reverse("campaign", args=one)
    return Edited(
        id=campaign.pk,
        version=campaign.version,
        written=written,
        back=here,
        back_words="Back to the campaign",
        save=reverse("campaign_write", args=one),
        versions=here,
    )


def _save(request: ProjectRequest, campaign: Campaign) -> HttpResponse:
    def write(written: dict[str, Any], version: int) -> Saved:
        saved = drafts.change(
            campaign=campaign,
            written=written,
            user=request.user,
            expected_version=version,
        )
        return Saved(saved.version, saved.updated_at)

    try:
        return save_edited(request, write)
    except CampaignNotFound as error:
        raise Http404(error.message) from error


@require_safe
@xframe_options_sameorigin
@project_page
def campaign_html(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Show what a campaign says as a made-up reader would see it."""
    campaign = found(request, campaign_id)
    variant = variant_of(campaign, 1)
    draft = draft_of(variant)
    person = previewing.made_up_person(request.project.pk)
    form = request.GET.get("form", "")
    return frame_of(request.project, draft, campaign.kind, person, form=form)
