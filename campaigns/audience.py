"""Who a campaign is for: the contacts its rule names, and which of them may get it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Exists, OuterRef, QuerySet, Value, When

from campaigns.models import AudienceType, Campaign, Recipient
from contacts.models import Contact, Segment, Suppression, Topic, TopicChoice
from contacts.segments import tree as trees
from contacts.segments.explaining import sentence
from contacts.segments.matching import matching, members
from transactional.models import MailKind

#: Why a contact whom the rule names gets nothing, the first reason that applies; empty
#: for who does.
TAKEN = ""
SUPPRESSED = "suppressed"
UNSUBSCRIBED = "unsubscribed"
TOPIC = "topic"
EXCLUDED = "excluded"
REASONS = (SUPPRESSED, UNSUBSCRIBED, TOPIC, EXCLUDED)


def named(campaign: Campaign, *, now: datetime | None = None) -> QuerySet[Contact]:
    """Return the contacts that a campaign's rule names, whether or not they may get it.

    `now` is the end of every window of the rule. Filter and slice it further. Raises
    Invalid where a filter names what does not exist any more.
    """
    match AudienceType(campaign.audience_type):
        case AudienceType.ALL:
            return Contact.objects.filter(project_id=campaign.project_id)
        case AudienceType.SEGMENT:
            if campaign.segment is None:
                return Contact.objects.none()
            return members(campaign.segment, now=now)
        case AudienceType.FILTERED:
            tree = trees.parse(campaign.condition, "audienceCondition")
            return matching(campaign.project_id, tree, now=now)
        case AudienceType.RECIPIENTS:
            chosen = Recipient.objects.filter(campaign=campaign)
            return Contact.objects.filter(
                project_id=campaign.project_id, pk__in=chosen.values("contact")
            )


def judged(
    contacts: QuerySet[Contact],
    campaign: Campaign,
    *,
    now: datetime | None = None,
    excluded: Iterable[Segment] | None = None,
) -> QuerySet[Any]:
    """Annotate contacts with `verdict`, one of REASONS or TAKEN.

    `excluded` are segments that stand for the campaign's, of one not yet written.
    """
    if excluded is None:
        excluded = campaign.excluded_segments.all()
    reasons: list[When] = [When(_is_suppressed(), then=Value(SUPPRESSED))]
    if MailKind(campaign.kind).needs_consent:
        reasons.append(When(subscribed=False, then=Value(UNSUBSCRIBED)))
    if campaign.topic is not None:
        reasons.append(When(_is_out_of(campaign.topic), then=Value(TOPIC)))
    reasons += [
        When(_is_in(segment, now), then=Value(EXCLUDED)) for segment in excluded
    ]
    verdict = Case(*reasons, default=Value(TAKEN), output_field=CharField())
    return contacts.annotate(verdict=verdict)


def getting(campaign: Campaign, *, now: datetime | None = None) -> QuerySet[Contact]:
    """Return who would get the campaign; for counting, in the form of a whole set."""
    return judged(named(campaign, now=now), campaign, now=now).filter(verdict=TAKEN)


def _is_suppressed() -> Exists:
    return Exists(
        Suppression.objects.filter(
            project_id=OuterRef("project_id"), email=OuterRef("email")
        )
    )


def _is_out_of(topic: Topic) -> Any:
    """Say whether a contact does not get mail about a topic."""
    chosen = TopicChoice.objects.filter(topic=topic, contact=OuterRef("pk"))
    if topic.is_opt_out:
        return Exists(chosen.filter(is_joined=False))
    return ~Exists(chosen.filter(is_joined=True))


def _is_in(segment: Segment, now: datetime | None) -> Exists:
    return Exists(members(segment, now=now).filter(pk=OuterRef("pk")))


def words(campaign: Campaign, *, filtered: str = "") -> str:
    """Return the audience in words, such as `everyone who is subscribed`.

    `filtered` is the sentence of its filter, from who has asked for many at once.
    """
    match AudienceType(campaign.audience_type):
        case AudienceType.ALL:
            said = "everyone"
        case AudienceType.SEGMENT:
            name = campaign.segment.name if campaign.segment else "a deleted segment"
            said = f"the segment “{name}”"
        case AudienceType.FILTERED:
            sentence_of_it = filtered or _sentence(campaign)
            said = sentence_of_it[:1].lower() + sentence_of_it[1:].rstrip(".")
        case AudienceType.RECIPIENTS:
            said = "contacts chosen one by one"
    if campaign.topic:
        said += f", as far as they get “{campaign.topic.name}”"
    excluded = [f"“{segment.name}”" for segment in campaign.excluded_segments.all()]
    if excluded:
        said += f", but nobody in {' or '.join(excluded)}"
    return said


def _sentence(campaign: Campaign) -> str:
    tree = trees.parse(campaign.condition, "audienceCondition")
    return sentence(campaign.project_id, tree)


def segments_of(campaign: Campaign) -> set[UUID]:
    """Return the segments without which the campaign's rule has no meaning."""
    found = set(campaign.excluded_segments.values_list("pk", flat=True))
    return found | ({campaign.segment_id} if campaign.segment_id else set())


def as_figures(rows: list[tuple[Any, ...]]) -> dict[str, int]:
    """Return counts by verdict under the names that runs and preflights keep."""
    figures = {"named": 0, "taken": 0}
    for verdict, count in rows:
        figures["named"] += count
        name = verdict or "taken"
        figures[name] = figures.get(name, 0) + count
    return figures
