"""Trying a campaign out: its mail, rendered for somebody real, sent to members."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from campaigns.audience import getting
from campaigns.errors import NotReady
from campaigns.models import Campaign
from campaigns.variants import draft_of, variant_of
from contacts.segments.counting import bounded
from plunk.api.errors import ApiError
from transactional.models import MailKind
from transactional.outbox import Accepted
from transactional.previewing import Person, made_up_person, person_of
from transactional.testing import MOST_MEMBERS, send_test, sender_of_test

#: How long somebody is looked for.
_SECONDS = 3.0


def try_on_members(
    *, campaign: Campaign, members: Sequence[UUID], person: Person | None = None
) -> list[Accepted]:
    """Queue a test of a campaign to members, by their users' ids; a mail for each.

    It is filled in for `person`, by default one of those who would get the campaign.
    Raises NotReady where it has no subject or content, and what `send_test` raises.
    """
    variant = variant_of(campaign, 1)
    if not variant.subject.strip():
        raise NotReady("The campaign has no subject yet.")
    if not variant.body.strip():
        raise NotReady("The campaign has no content yet.")
    draft = draft_of(variant)
    sender = sender_of_test(
        campaign.project, email=campaign.from_email, name=campaign.from_name
    )
    reader = person or somebody(campaign)
    queued: list[Accepted] = []
    for start in range(0, max(len(members), 1), MOST_MEMBERS):
        queued += send_test(
            project=campaign.project,
            draft=draft,
            kind=MailKind(campaign.kind),
            person=reader,
            sender=sender,
            reply_to=campaign.reply_to,
            members=members[start : start + MOST_MEMBERS],
            tracks=campaign.tracks,
        )
    return queued


def somebody(campaign: Campaign) -> Person:
    """Return one of those who would get a campaign, or somebody made up.

    The latter where nobody would, where finding one takes too long, and where the
    audience names what does not exist any more: a test may be sent all the same.
    """
    try:
        contact = bounded(
            campaign.project_id,
            lambda: next(iter(getting(campaign).order_by()[:1]), None),
            seconds=_SECONDS,
        )
    except ApiError:
        contact = None
    return person_of(contact) if contact else made_up_person(campaign.project_id)
