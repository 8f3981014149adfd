"""Campaigns in the words of the API's current generation: what is read of a body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from campaigns.errors import CampaignNotFound
from campaigns.lifecycle import campaign_of
from campaigns.models import Campaign
from campaigns.schedules import read_moment
from plunk.api.errors import FieldError, Invalid
from plunk.api.fields import Fields
from plunk.ids import read_id
from transactional.api import template_fields

#: A body of two million characters, or fifty thousand recipients.
BODY_LIMIT = template_fields.BODY_LIMIT
_MAX_TEXT = 100
_MAX_VERSION = 2**31 - 1

NAMES: Mapping[str, str] = {
    **template_fields.NAMES,
    "audienceType": "audience_type",
    "segmentId": "segment_id",
    "audienceCondition": "condition",
    "topicId": "topic_id",
    "excludedSegmentIds": "excluded_segment_ids",
    "recipients": "recipients",
    "deadline": "deadline_at",
}
#: What the contract asks for when a campaign is made.
REQUIRED = ("name", "subject", "body", "from_email", "audience_type")
#: Where a moment for the launch may stand.
SCHEDULED = ("scheduledFor", "scheduledAt")


def campaign_named(project_id: UUID, text: str) -> Campaign:
    """Return the campaign that a path or a body names; raises CampaignNotFound."""
    campaign_id = read_id(text)
    if campaign_id is None:
        raise CampaignNotFound
    return campaign_of(project_id, campaign_id)


def read_campaign(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a body gives of a campaign, by our names; null counts as absent.

    Raises Invalid where `deadline` is no moment; an empty text takes it away.
    """
    flat = template_fields.with_sender(body)
    written = template_fields.read_written(flat, NAMES)
    if written.get("deadline_at") == "":
        written["deadline_at"] = None
    elif "deadline_at" in written:
        written["deadline_at"] = moment_of(body, "deadline")
    return written


def moment_of(body: Mapping[str, Any], *names: str) -> datetime | None:
    """Return the moment that the first of these members gives; None without one.

    A time without an offset is one of the body's `timezone`. Raises Invalid.
    """
    fields = Fields(dict(body))
    zone = zone_of(body)
    for name in names:
        text = fields.text(name, maximum=_MAX_TEXT)
        fields.finish()
        if text is not None:
            return read_moment(text, zone, field=name)
    return None


def zone_of(body: Mapping[str, Any]) -> str:
    """Return the name of the zone that a body gives; empty without one."""
    fields = Fields(dict(body))
    zone = fields.text("timezone", maximum=_MAX_TEXT)
    fields.finish()
    return zone or ""


def version_of(body: Mapping[str, Any]) -> int | None:
    """Read `version`, by which a client says what its change is made to."""
    value = body.get("version")
    fields = Fields(dict(body))
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        fields.wrong_type("version", "whole number", value)
    elif not 1 <= value <= _MAX_VERSION:
        fields.fail("version", "Is no number of a version.", "invalid_number")
    fields.finish()
    return int(value)


@contextmanager
def named_as(names: Mapping[str, str]) -> Iterator[None]:
    """Let errors name fields by the API's names instead of by ours."""
    theirs = {field: name for name, field in names.items()}
    try:
        yield
    except Invalid as error:
        raise Invalid([_renamed(one, theirs) for one in error.errors]) from error


def _renamed(error: FieldError, theirs: Mapping[str, str]) -> FieldError:
    """Rename the first step of a field's path."""
    first, dot, rest = error.field.partition(".")
    return FieldError(
        f"{theirs.get(first, first)}{dot}{rest}", error.message, error.code
    )
