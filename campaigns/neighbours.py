"""What campaigns tell the floors below: who needs a segment, whose mail is whose."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.urls import reverse

from campaigns.models import (
    EDITABLE,
    RUNNING,
    AudienceType,
    Campaign,
    Preflight,
    Recipient,
)
from contacts.erasing import delete_in_chunks
from contacts.models import ChangeKind, ConsentChange, Door
from contacts.segments.sets import MOST_OFFERED
from contacts.segments.uses import Use
from contacts.segments.vocabulary import Name
from plunk.erasing import Forgotten, rows_in_chunks
from plunk.pages.figures import COUNT_LIMIT, Figure, shown
from transactional import tallies
from transactional.audience import Campaigns
from transactional.models import Email, Source
from transactional.origins import Origin

#: How many campaigns a refusal names.
_MOST_NAMED = 20
#: The doors through which people leave of their own will, by a link of a mail.
_BY_LINK = frozenset({Door.PAGE, Door.ONE_CLICK})


def uses_of_segment(project_id: UUID, segment_id: UUID) -> list[Use]:
    """Return the campaigns that would lose their audience, or leave nobody out."""
    named = f'"segment.{segment_id}"'
    is_needed = (
        Q(audience_type=AudienceType.SEGMENT, segment=segment_id)
        | Q(excluded_segments=segment_id)
        | Q(audience_type=AudienceType.FILTERED, written__contains=named)
    )
    rows = (
        Campaign.objects.filter(project_id=project_id, state__in=[*EDITABLE, *RUNNING])
        .annotate(written=Cast("condition", TextField()))
        .filter(is_needed)
        .order_by("name", "pk")
        .values_list("pk", "name")
        .distinct()
    )
    return [
        Use(f"the campaign “{name}”", reverse("campaign", args=[project_id, pk]))
        for pk, name in rows[:_MOST_NAMED]
    ]


def names_of(project_id: UUID, origin_ids: Collection[UUID]) -> dict[UUID, Origin]:
    """Name the campaigns that mails were written for."""
    rows = Campaign.objects.filter(project_id=project_id, pk__in=origin_ids)
    return {
        pk: Origin(name, reverse("campaign", args=[project_id, pk]))
        for pk, name in rows.values_list("pk", "name")
    }


class KnownCampaigns(Campaigns):
    """What a contact did with a campaign, of those that there are."""

    missing = "There is no such campaign in this project."

    def resolve(self, project_id: UUID, rests: Collection[str]) -> dict[str, Any]:
        rows = Campaign.objects.filter(project_id=project_id, pk__in=rests)
        return {str(pk): pk for pk in rows.values_list("pk", flat=True)}

    def offered(self, project_id: UUID) -> list[Name]:
        rows = Campaign.objects.filter(project_id=project_id, archived_at=None)
        sent = rows.exclude(started_at=None).order_by("-created_at", "-pk")
        found = sent.values_list("pk", "name")[:MOST_OFFERED]
        return [Name(str(pk), name) for pk, name in found]

    def names(self, project_id: UUID, rests: Collection[str]) -> dict[str, str]:
        rows = Campaign.objects.filter(project_id=project_id, pk__in=rests)
        return {str(pk): name for pk, name in rows.values_list("pk", "name")}


def note_unsubscribed(
    *,
    project_id: UUID,
    contact_ids: Sequence[UUID],
    email_id: UUID | None = None,
    door: str = "",
    **_: Any,
) -> None:
    """Count who left by the link of a campaign's mail, once for each mail.

    Bounces and complaints are counted as what they are, and what somebody did for the
    contact says nothing about the campaign.
    """
    if email_id is None or door not in _BY_LINK:
        return
    mail = (
        Email.objects.filter(
            pk=email_id,
            project_id=project_id,
            contact__in=contact_ids,
            source=Source.CAMPAIGN,
        )
        .only("origin_id", "run", "contact_id")
        .first()
    )
    if mail is None or mail.origin_id is None:
        return
    told = ConsentChange.objects.filter(
        contact=mail.contact_id, kind=ChangeKind.UNSUBSCRIBED, email_id=email_id
    )
    # The ledger has this one already.
    if told[:2].count() == 1:
        tallies.note(origin_id=mail.origin_id, run=mail.run, unsubscribed=1)


def erase_choices(contact_ids: Sequence[UUID]) -> None:
    """Choose erased contacts for no campaign."""
    delete_in_chunks(Recipient.objects.filter(contact__in=contact_ids))


def scrub(forgotten: Forgotten) -> None:
    """Redact addresses in rules, and forget samples and findings of erased people."""
    campaigns = Campaign.objects.filter(project_id=forgotten.project_id)
    for pk, condition, words in rows_in_chunks(
        campaigns, "condition", "audience_words"
    ):
        text = json.dumps(condition, ensure_ascii=False)
        if forgotten.stands_in(text) or forgotten.stands_in(words):
            campaigns.filter(pk=pk).update(
                condition=json.loads(forgotten.redacted(text)),
                audience_words=forgotten.redacted(words),
            )
    preflights = Preflight.objects.filter(campaign__project_id=forgotten.project_id)
    for pk, samples, findings in rows_in_chunks(preflights, "samples", "findings"):
        texts = [json.dumps(value, ensure_ascii=False) for value in (samples, findings)]
        if any(forgotten.stands_in(text) for text in texts):
            # What a sample says of its person is in no list of words.
            kept = [
                one
                for one in samples
                if not forgotten.stands_in(json.dumps(one, ensure_ascii=False))
            ]
            for one in findings:
                examples = one.get("examples", [])
                one["examples"] = [pk for pk in examples if not forgotten.stands_in(pk)]
            text = forgotten.redacted(json.dumps(findings, ensure_ascii=False))
            Preflight.objects.filter(pk=pk).update(
                samples=kept, findings=json.loads(text)
            )


def figures(project_id: UUID) -> list[Figure]:
    """Count the campaigns that are under way or will be."""
    rows = Campaign.objects.filter(
        project_id=project_id, state__in=[*RUNNING, "SCHEDULED"]
    )
    states = list(rows.values_list("state", flat=True)[: COUNT_LIMIT + 1])
    scheduled = states.count("SCHEDULED")
    hint = f"under way, {shown(scheduled)} scheduled" if scheduled else "under way"
    return [
        Figure(
            "Campaigns",
            shown(len(states) - scheduled),
            hint,
            url=reverse("campaigns", args=[project_id]),
        )
    ]
