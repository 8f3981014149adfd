"""What is done with a campaign in the API: sent, stopped, tried, put away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse

from campaigns import drafts, lifecycle
from campaigns.api.campaigns import OfCampaigns
from campaigns.api.fields import SCHEDULED, moment_of, zone_of
from campaigns.models import Campaign, CampaignState, RunKind
from campaigns.trying import try_on_members
from contacts.addresses import AddressError, normalise
from plunk.api.errors import Forbidden
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer
from plunk.projects.models import Membership
from transactional.template_rules import clean


class NotAMember(Forbidden):
    suggestion = "Invite the person to the project, or send a mail of its own."

    def __init__(self) -> None:
        super().__init__("Tests go to members of the project only.")


class _Step(OfCampaigns):
    """A step: `POST /campaigns/:id/<name>`."""

    name = ""

    def post(self, request: Any, campaign_id: str) -> HttpResponse:
        spelling = f"POST /campaigns/{campaign_id}/{self.name}"
        return self.once(spelling, lambda: self.take(self.campaign(campaign_id)))

    def take(self, campaign: Campaign) -> Any:
        raise NotImplementedError

    def of_project(self, campaign: Campaign, message: str) -> dict[str, Any]:
        """Return a campaign the way steps of the lifecycle show it."""
        project = {"name": campaign.project.name}
        return self.shown(campaign, message=message, project=project)


class Duplicate(_Step):
    name = "duplicate"

    def take(self, campaign: Campaign) -> Answer:
        return Answer(self.shown(drafts.duplicate(campaign=campaign)), status=201)


class Archive(_Step):
    name = "archive"

    def take(self, campaign: Campaign) -> dict[str, Any]:
        return self.shown(lifecycle.archive(campaign), message="Archived.")


class Unarchive(_Step):
    name = "unarchive"

    def take(self, campaign: Campaign) -> dict[str, Any]:
        return self.shown(lifecycle.unarchive(campaign), message="In the list again.")


class Send(_Step):
    """Launches a campaign, now or at a moment; again moves a scheduled one."""

    name = "send"

    def take(self, campaign: Campaign) -> dict[str, Any]:
        at = moment_of(self.body, *SCHEDULED)
        if at is None:
            lifecycle.send(campaign)
            sent = lifecycle.campaign_of(self.project_id, campaign.pk)
            return self.of_project(sent, "The campaign is being sent.")
        zone = zone_of(self.body)
        scheduled = lifecycle.schedule(campaign, at=at, zone=zone)
        return self.of_project(scheduled, "The campaign is scheduled.")


class Cancel(_Step):
    name = "cancel"

    def take(self, campaign: Campaign) -> dict[str, Any]:
        cancelled = lifecycle.cancel(campaign)
        is_draft = cancelled.state == CampaignState.DRAFT
        message = "It is a draft again." if is_draft else "The campaign was cancelled."
        body = self.of_project(cancelled, message)
        return body | {"revertPending": cancelled.revert_pending}


class Pause(_Step):
    name = "pause"

    def take(self, campaign: Campaign) -> dict[str, Any]:
        return self.of_project(lifecycle.pause(campaign), "The campaign is paused.")


class Resume(_Step):
    name = "resume"

    def take(self, campaign: Campaign) -> dict[str, Any]:
        return self.of_project(lifecycle.resume(campaign), "The campaign goes on.")


class Again(_Step):
    """Sends a finished campaign once more, to those whose mail failed, or who have not
    opened it; `subject` replaces the first one.
    """

    name = "again"

    def take(self, campaign: Campaign) -> dict[str, Any]:
        fields = Fields(self.body)
        kind = fields.choice("kind", (RunKind.RETRY, RunKind.REMINDER))
        fields.require("kind", kind)
        fields.finish()
        subject = self.body.get("subject")
        said = clean({"subject": subject} if subject is not None else {})
        lifecycle.send_again(
            campaign, RunKind(str(kind)), subject=said.get("subject", "")
        )
        sent = lifecycle.campaign_of(self.project_id, campaign.pk)
        return self.of_project(sent, "The campaign is being sent again.")


class Test(_Step):
    """Sends a test to one member of the project."""

    name = "test"

    def take(self, campaign: Campaign) -> dict[str, Any]:
        fields = Fields(self.body)
        given = fields.value("email")
        address = fields.convert("email", given, normalise) if given else None
        fields.require("email", address)
        fields.finish()
        member = member_with(self.project_id, address or "")
        queued = try_on_members(campaign=campaign, members=[member])
        return {
            "success": True,
            "message": "The test is on its way.",
            "data": {"emails": [str(mail.id) for mail in queued]},
        }


def member_with(project_id: UUID, address: str) -> UUID:
    """Return the member who has a normalised address; raises NotAMember."""
    members = Membership.objects.filter(project_id=project_id)
    for user_id, email in members.values_list("user_id", "user__email"):
        if _normalised(email) == address:
            return UUID(str(user_id))
    raise NotAMember


def _normalised(email: str) -> str:
    try:
        return normalise(email)
    except AddressError:
        return email


STEPS: tuple[type[_Step], ...] = (
    *(Duplicate, Archive, Unarchive, Send, Cancel, Pause, Resume, Again, Test),
)
