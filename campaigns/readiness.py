"""What a campaign needs before it can go out, and who it then comes from."""

from __future__ import annotations

from campaigns import audience
from campaigns.errors import NobodyToSendTo, NotReady
from campaigns.models import AudienceType, Campaign
from campaigns.variants import variant_of
from plunk.api.errors import ProjectDisabled
from plunk.projects.models import Project
from transactional.senders import Sender, choose_sender


def check_ready(campaign: Campaign, *, needs_audience: bool = True) -> Sender:
    """Return who the campaign comes from.

    A run that goes along earlier mails needs no audience any more. Raises NotReady
    where what every mail needs is missing, NobodyToSendTo where nobody was chosen,
    ProjectDisabled, and Invalid and DomainNotVerified as `choose_sender`.
    """
    project = campaign.project
    if project.is_disabled:
        raise ProjectDisabled("This project is disabled: nothing is sent.")
    variant = variant_of(campaign, 1)
    if not variant.subject.strip():
        raise NotReady("The campaign has no subject yet.")
    if not variant.body.strip():
        raise NotReady("The campaign has no content yet.")
    if needs_audience:
        _check_audience(campaign)
    return sender_of(campaign, project)


def _check_audience(campaign: Campaign) -> None:
    kind = AudienceType(campaign.audience_type)
    if kind is AudienceType.SEGMENT and campaign.segment_id is None:
        raise NotReady("The campaign’s segment was deleted: choose another audience.")
    if kind is AudienceType.RECIPIENTS and not campaign.recipients.exists():
        raise NobodyToSendTo("The campaign has no recipients.")
    # What a filter names may be gone by now.
    audience.named(campaign)


def sender_of(campaign: Campaign, project: Project) -> Sender:
    """Return who a campaign comes from: its own sender, or the project's."""
    return choose_sender(
        project_id=project.pk,
        email=campaign.from_email or project.from_email,
        name=campaign.from_name or project.from_name or project.name,
    )
