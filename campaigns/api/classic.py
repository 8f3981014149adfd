"""Campaigns in the classic API: bare objects, always 200 (contract 2.4 and 4.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import HttpResponse

from campaigns import drafts, lifecycle
from campaigns.api.fields import BODY_LIMIT, campaign_named, named_as
from campaigns.models import Campaign, CampaignState, Recipient
from campaigns.trying import try_on_members
from campaigns.variants import variant_of
from contacts.segments.scopes import database_now
from plunk.api.answers import timestamp
from plunk.api.fields import Fields
from plunk.api.resources import Resource
from plunk.projects.models import Membership, Project
from transactional.api.template_fields import CLASSIC_NAMES, read_written
from transactional.history import status_word
from transactional.models import Email

MAX_SUBJECT = 70
#: How many recipients, and how many mails, an answer lists.
MOST_LISTED = 1000
#: Two years, in minutes.
MAX_DELAY = 2 * 365 * 1440
NAMES: Mapping[str, str] = {
    name: CLASSIC_NAMES[name] for name in ("subject", "body", "email", "from", "style")
} | {"recipients": "recipients"}
_SCHEDULE_NAMES = {"delay": "scheduledFor"}


def classic_campaign(campaign: Campaign) -> dict[str, Any]:
    """Return a campaign as the classic generation shows it."""
    said = variant_of(campaign, 1)
    status = _status(campaign)
    is_delivered = status == "DELIVERED" and campaign.started_at
    return {
        "id": str(campaign.pk),
        "subject": said.subject,
        "body": said.body,
        "email": campaign.from_email or None,
        "from": campaign.from_name or None,
        "status": status,
        "delivered": timestamp(campaign.started_at) if is_delivered else None,
        "style": said.style,
        "projectId": str(campaign.project_id),
        "createdAt": timestamp(campaign.created_at),
        "updatedAt": timestamp(campaign.updated_at),
    }


def _status(campaign: Campaign) -> str:
    """Return the state in one of that generation's three words.

    Delivered is everything that was launched, unless it is becoming a draft again.
    """
    if campaign.state == CampaignState.DRAFT or campaign.revert_pending:
        return "DRAFT"
    is_scheduled = campaign.state == CampaignState.SCHEDULED
    return "SCHEDULED" if is_scheduled else "DELIVERED"


def _listed(campaign: Campaign) -> dict[str, Any]:
    """Return a campaign with the first of its recipients and mails.

    Recipients are those who were chosen, and once it is launched those who get it.
    """
    mails = Email.objects.filter(origin_id=campaign.pk).order_by("contact_id", "run")
    emails = list(mails[:MOST_LISTED])
    chosen = Recipient.objects.filter(campaign=campaign).order_by("pk")
    contacts = list(chosen.values_list("contact_id", flat=True)[:MOST_LISTED])
    contacts = contacts or list(dict.fromkeys(mail.contact_id for mail in emails))
    return classic_campaign(campaign) | {
        "recipients": [{"id": str(pk)} for pk in contacts],
        "emails": [_mail(mail) for mail in emails],
    }


def _mail(mail: Email) -> dict[str, Any]:
    return {
        "id": str(mail.pk),
        "status": status_word(mail),
        "contact": {"id": str(mail.contact_id), "email": mail.to_email},
    }


class _Classic(Resource):
    is_classic = True
    body_limit = BODY_LIMIT

    def named(self) -> Campaign:
        """Return the campaign whose id the body or the query string gives."""
        given = self.body.get("id")
        fields = Fields({"id": self.query.get("id") if given is None else given})
        text = fields.text("id", maximum=200)
        fields.require("id", text)
        fields.finish()
        return campaign_named(self.caller.project_id, text or "")

    def remove(self, campaign: Campaign) -> HttpResponse:
        shown = _listed(campaign)
        drafts.delete(campaign=campaign)
        return self.answer(shown)


class ClassicCampaigns(_Classic):
    """`/v1/campaigns`."""

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /v1/campaigns", self._create)

    def _create(self) -> dict[str, Any]:
        written = read_written(self.body, NAMES)
        written["name"] = written.get("subject")
        project = Project.objects.get(pk=self.caller.project_id)
        campaign = self._checked(
            lambda: drafts.create(project=project, written=written)
        )
        return classic_campaign(campaign)

    def put(self, request: Any) -> HttpResponse:
        """Change a campaign; a name of its own stays."""
        campaign = self.named()
        written = read_written(self.body, NAMES)
        if campaign.name == variant_of(campaign, 1).subject:
            written["name"] = written.get("subject")
        changed = self._checked(
            lambda: drafts.change(campaign=campaign, written=written)
        )
        return self.answer(_listed(changed))

    def delete(self, request: Any) -> HttpResponse:
        return self.remove(self.named())

    def _checked(self, save: Callable[[], Campaign]) -> Campaign:
        """Save what this generation allows; its required fields are all named."""
        fields = Fields(self.body)
        fields.require(
            "subject", fields.text("subject", maximum=MAX_SUBJECT, blank=False)
        )
        fields.require("body", fields.text("body", **_ANY_TEXT))
        fields.require("recipients", fields.value("recipients"))
        fields.finish()
        with named_as(NAMES):
            return save()


_ANY_TEXT: dict[str, Any] = {
    "maximum": BODY_LIMIT,
    "single_line": False,
    "blank": False,
}


class ClassicCampaign(_Classic):
    """`/v1/campaigns/:id`."""

    def get(self, request: Any, campaign_id: str) -> HttpResponse:
        return self.answer(_listed(self._campaign(campaign_id)))

    def delete(self, request: Any, campaign_id: str) -> HttpResponse:
        return self.remove(self._campaign(campaign_id))

    def _campaign(self, campaign_id: str) -> Campaign:
        return campaign_named(self.caller.project_id, campaign_id)


class ClassicSend(_Classic):
    """`POST /v1/campaigns/send`: a test to the members, or the real thing."""

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /v1/campaigns/send", self._send)

    def _send(self) -> dict[str, Any]:
        fields = Fields(self.body)
        is_live, delay = fields.boolean("live"), _delay(fields)
        fields.finish()
        campaign = self.named()
        if not is_live:
            members = Membership.objects.filter(project_id=self.caller.project_id)
            ids = members.order_by("pk").values_list("user_id", flat=True)
            try_on_members(campaign=campaign, members=list(ids))
        elif delay:
            at = database_now() + timedelta(minutes=delay)
            with named_as(_SCHEDULE_NAMES):
                lifecycle.schedule(campaign, at=at)
        else:
            lifecycle.send(campaign)
        return {}


def _delay(fields: Fields) -> int:
    """Read the minutes before the first mail; without them there are none."""
    value = fields.value("delay")
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        fields.wrong_type("delay", "whole number", value)
    elif value < 0:
        fields.fail("delay", "Must not be negative.", "too_small")
    elif value > MAX_DELAY:
        fields.fail("delay", f"Must be at most {MAX_DELAY:,} minutes.", "too_big")
    elif value != int(value):
        fields.fail("delay", "Expected a whole number of minutes.", "invalid_type")
    else:
        return int(value)
    return 0


class ClassicDuplicate(_Classic):
    """`POST /v1/campaigns/duplicate`: a draft that says the same, to nobody yet."""

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /v1/campaigns/duplicate", self._duplicate)

    @transaction.atomic
    def _duplicate(self) -> dict[str, Any]:
        copy = drafts.duplicate(campaign=self.named())
        return classic_campaign(
            drafts.change(campaign=copy, written={"recipients": []})
        )
