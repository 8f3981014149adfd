"""What every page of a campaign begins with: the campaign, and its words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from uuid import UUID

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from campaigns import audience
from campaigns.errors import CampaignNotFound
from campaigns.lifecycle import campaign_of
from campaigns.models import EDITABLE, AudienceType, Campaign
from contacts.segments.explaining import sentences
from contacts.segments.tree import Tree, parse
from plunk.api.errors import Invalid
from plunk.pages.access import ProjectRequest, View, project_page

DraftView = Callable[[ProjectRequest, Campaign], HttpResponse]

_UNREADABLE = "Contacts who match a filter."


def found(request: ProjectRequest, campaign_id: UUID) -> Campaign:
    """Return a campaign of the open project; raises Http404."""
    try:
        return campaign_of(request.project.pk, campaign_id)
    except CampaignNotFound as error:
        raise Http404(error.message) from error


def draft_page(view: DraftView) -> View:
    """Open a view to members while the campaign can still be changed.

    Later they are sent to its page, and told why.
    """

    @project_page
    @wraps(view)
    def opened(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
        campaign = found(request, campaign_id)
        if campaign.state not in EDITABLE:
            return too_late(request, campaign)
        return view(request, campaign)

    return opened


def too_late(request: ProjectRequest, campaign: Campaign) -> HttpResponse:
    """Say that a campaign has been launched, on its page."""
    messages.error(request, "It has been launched: what is sent cannot change now.")
    return redirect("campaign", campaign.project_id, campaign.pk)


def audiences_in_words(campaigns: Sequence[Campaign]) -> list[str]:
    """Say whom each campaign is for, or was for when it was launched.

    The campaigns are of one project, with `segment` and `topic` selected; the cost is
    the same for one and for many.
    """
    drafts = [one for one in campaigns if not _is_settled(one)]
    prefetch_related_objects(drafts, "excluded_segments")
    trees = {one.pk: tree for one in drafts if (tree := _tree(one))}
    said: dict[UUID, str] = {}
    if trees:
        project_id = drafts[0].project_id
        in_words = sentences(project_id, list(trees.values()))
        said = dict(zip(trees, in_words, strict=True))
    return [
        one.audience_words
        if _is_settled(one)
        else audience.words(one, filtered=said.get(one.pk, _UNREADABLE))
        for one in campaigns
    ]


def _is_settled(campaign: Campaign) -> bool:
    return campaign.state not in EDITABLE and bool(campaign.audience_words)


def _tree(campaign: Campaign) -> Tree | None:
    if campaign.audience_type != AudienceType.FILTERED:
        return None
    try:
        return parse(campaign.condition)
    except Invalid:
        return None
