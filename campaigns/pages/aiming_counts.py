"""How many an audience would reach that somebody is just choosing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from campaigns import audience
from campaigns.models import AudienceType, Campaign
from contacts.models import Contact, Segment, Topic
from contacts.segments.by_address import among
from contacts.segments.counting import Superseded, TookTooLong, bounded
from contacts.segments.explaining import sentence
from contacts.segments.tree import parse
from plunk.api.errors import Invalid
from plunk.projects.models import User

#: How long somebody who chooses waits for a count.
SECONDS = 8.0
#: New addresses that are named.
MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Target:
    """An audience as it stands in a form."""

    kind: AudienceType
    segment_id: UUID | None = None
    condition: dict[str, Any] | None = None
    topic_id: UUID | None = None
    excluded_ids: Sequence[UUID] = ()
    addresses: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What was found: a number, or in words why there is none.

    `named` is how many contacts the rule names, whether or not they may get it.
    """

    number: int | None = None
    named: int | None = None
    words: str = ""
    problem: str = ""
    is_slow: bool = False
    #: How many were pasted; those that are no contacts yet, some of them and how many.
    addresses: int = 0
    new: list[str] = field(default_factory=list)
    new_count: int = 0


def reckon(campaign: Campaign, target: Target, *, user: User) -> Reckoned:
    """Count whom a draft would reach with another audience than it has.

    Of one member and one campaign only the newest question is answered.
    """
    draft = _imagined(campaign, target)
    excluded = list(
        Segment.objects.filter(
            project_id=campaign.project_id, pk__in=list(target.excluded_ids)
        )
    )

    def judged(rows: QuerySet[Contact]) -> QuerySet[Any]:
        return audience.judged(rows.order_by(), draft, excluded=excluded)

    def allowed(rows: QuerySet[Contact]) -> int:
        return judged(rows).filter(verdict=audience.TAKEN).count()

    try:
        words = _words(draft)
        if target.addresses:
            chosen = judged(among(campaign.project_id, target.addresses))
            verdicts = bounded(
                campaign.project_id,
                lambda: dict(chosen.values_list("email", "verdict")),
                token=f"aiming {user.pk} {campaign.pk}",
                seconds=SECONDS,
            )
            return _of_addresses(target.addresses, verdicts)
        rows = audience.named(draft)
        number, named = bounded(
            campaign.project_id,
            lambda: (allowed(rows), rows.order_by().count()),
            token=f"aiming {user.pk} {campaign.pk}",
            seconds=SECONDS,
        )
    except TookTooLong:
        return Reckoned(is_slow=True)
    except Superseded:
        return Reckoned(problem="A newer count is under way.")
    except Invalid as error:
        return Reckoned(problem=error.errors[0].message)
    return Reckoned(number=number, named=named, words=words)


def _imagined(campaign: Campaign, target: Target) -> Campaign:
    """Return a draft that is never stored."""
    segments = Segment.objects.filter(project_id=campaign.project_id)
    topics = Topic.objects.filter(project_id=campaign.project_id)
    segment_id, topic_id = target.segment_id, target.topic_id
    return Campaign(
        pk=campaign.pk,
        project=campaign.project,
        kind=campaign.kind,
        audience_type=target.kind,
        segment=segments.filter(pk=segment_id).first() if segment_id else None,
        condition=target.condition,
        topic=topics.filter(pk=topic_id).first() if topic_id else None,
    )


def _words(draft: Campaign) -> str:
    if draft.audience_type != AudienceType.FILTERED:
        return ""
    return sentence(draft.project_id, parse(draft.condition))


def _of_addresses(addresses: Sequence[str], verdicts: dict[str, str]) -> Reckoned:
    """Say what pasted addresses come to; `verdicts` has those that are contacts."""
    new = [address for address in addresses if address not in verdicts]
    return Reckoned(
        number=sum(verdict == audience.TAKEN for verdict in verdicts.values()),
        addresses=len(addresses),
        new=new[:MOST_NAMED],
        new_count=len(new),
    )
