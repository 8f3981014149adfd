"""Writing campaigns before they go: the one place that makes and changes drafts.

Whoever writes holds the campaign's row: a launch at the same moment sends all that was
written or comes first, and then the writer learns that it was too late.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import orjson
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from campaigns import audience
from campaigns.choosing import add_recipients, contacts_of, replace_recipients
from campaigns.draft_audience import COLUMNS, judged_audience
from campaigns.draft_rules import Draft, read_draft
from campaigns.errors import CampaignNotFound, StaleCampaign, WrongState
from campaigns.lifecycle import campaign_of, check_ready
from campaigns.models import (
    EDITABLE,
    RUNNING,
    AudienceType,
    Campaign,
    CampaignEvent,
    CampaignState,
    EventKind,
    Recipient,
    Variant,
)
from campaigns.variants import variant_of
from contacts.ledger import Act
from contacts.models import Door, Segment
from contacts.segments.counting import SECONDS, bounded
from plunk.api.errors import ApiError
from plunk.postgresql import is_postgresql
from plunk.projects.models import Project, User
from transactional.template_rules import MAX_NAME, check_sender

#: How many campaigns may be deleted or archived at once.
MOST_AT_ONCE = 1000
_COPY = " (Copy)"
#: So often writing is done again because something it names was just deleted.
_TRIES = 3
#: What a copy says and does as the original did.
_COPIED = (
    *("description", "kind", "from_email", "from_name", "reply_to", "tracks"),
    *("audience_type", "segment_id", "condition", "topic_id"),
)
_SAID = ("subject", "preheader", "body", "style")

T = TypeVar("T")


def create(
    *,
    project: Project,
    written: Mapping[str, Any],
    user: User | None = None,
    required: Collection[str] = ("name",),
) -> Campaign:
    """Make a draft.

    `written` has any of the keys name, description, kind, subject, preheader, body,
    style, from_email, from_name, reply_to, tracks, audience_type, segment_id,
    condition, topic_id, excluded_segment_ids, recipients (ids and addresses of
    contacts, or just `all`), deadline_at. Raises Invalid by these names, for everything
    that is wrong at once, and DomainNotVerified; nothing is stored then.
    """
    draft = read_draft(written, required=required)
    sender = check_sender(project.pk, draft.values.get("from_email", ""))
    draft.values["from_email"] = sender
    return _until_settled(lambda: _create(project, draft, user))


def _create(project: Project, draft: Draft, user: User | None) -> Campaign:
    values = draft.own | judged_audience(project.pk, draft, Campaign())
    campaign = Campaign.objects.create(project=project, created_by=user, **values)
    Variant.objects.create(campaign=campaign, **draft.said)
    _write_people(campaign, draft, user)
    _note(campaign.pk, EventKind.CREATED, user)
    return campaign_of(project.pk, campaign.pk)


def change(
    *,
    campaign: Campaign,
    written: Mapping[str, Any],
    user: User | None = None,
    expected_version: int | None = None,
) -> Campaign:
    """Write what is given into a draft, and return it as it is now.

    What equals what is there makes no other version. A scheduled campaign stays one
    that can go out: what `lifecycle.check_ready` raises is raised here. Raises
    WrongState once it was launched, StaleCampaign where `expected_version` is not the
    newest, CampaignNotFound, and what `create` raises.
    """
    draft = read_draft(written)
    if draft.values.get("from_email", campaign.from_email) != campaign.from_email:
        address = draft.values["from_email"]
        draft.values["from_email"] = check_sender(campaign.project_id, address)
    return _until_settled(lambda: _change(campaign, draft, user, expected_version))


def _change(
    campaign: Campaign, draft: Draft, user: User | None, expected_version: int | None
) -> Campaign:
    row = _locked(campaign.project_id, [campaign.pk])[0]
    if row.state not in EDITABLE:
        raise WrongState("Only a draft or a scheduled campaign can be changed.")
    if expected_version not in {None, row.version}:
        raise StaleCampaign(row.version)
    own = draft.own | judged_audience(row.project_id, draft, row)
    changes = _different(row, own)
    is_said_anew = _say(row, draft)
    is_for_others = _write_people(row, draft, user, changes) or bool(
        changes.keys() & set(COLUMNS)
    )
    if not (changes or is_said_anew or is_for_others):
        return campaign_of(row.project_id, row.pk)
    if is_for_others:
        changes |= {"audience_count": None, "audience_counted_at": None}
    Campaign.objects.filter(pk=row.pk).update(
        **changes, version=F("version") + 1, updated_at=Now()
    )
    written = campaign_of(row.project_id, row.pk)
    if written.state == CampaignState.SCHEDULED:
        check_ready(written)
    return written


def _say(campaign: Campaign, draft: Draft) -> bool:
    """Write what the campaign says; say whether that is something else."""
    variant = variant_of(campaign, 1)
    changes = _different(variant, draft.said)
    if changes:
        Variant.objects.filter(pk=variant.pk).update(**changes)
    return bool(changes)


def _write_people(
    campaign: Campaign,
    draft: Draft,
    user: User | None,
    changes: Mapping[str, Any] | None = None,
) -> bool:
    """Write recipients and excluded segments; say whether they are others now.

    `changes` are the campaign's that are still to be written.
    """
    is_changed = False
    kind = (changes or {}).get("audience_type", campaign.audience_type)
    if kind != AudienceType.RECIPIENTS:
        is_changed = replace_recipients(campaign.pk, [])
    elif draft.recipients is not None:
        act = Act(Door.CAMPAIGN, user_id=user.pk if user else None)
        contacts = contacts_of(campaign.project_id, draft.recipients, act)
        is_changed = replace_recipients(campaign.pk, contacts)
    if draft.excluded is not None:
        before = set(campaign.excluded_segments.values_list("pk", flat=True))
        if before != draft.excluded.keys():
            segments = Segment.objects.filter(pk__in=draft.excluded)
            campaign.excluded_segments.set(segments)
            is_changed = True
    return is_changed


def _different(row: Campaign | Variant, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row does not hold yet; in a filter, true is not the same as 1."""
    return {
        name: value
        for name, value in values.items()
        if _comparable(getattr(row, name)) != _comparable(value)
    }


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return value


# -- copies, and the end ---------------------------------------------------------------


def duplicate(*, campaign: Campaign, user: User | None = None) -> Campaign:
    """Make a draft of a campaign of any state, with its audience and its words.

    Neither the schedule nor the deadline comes along.
    """
    return _until_settled(lambda: _duplicate(campaign, user))


def _duplicate(campaign: Campaign, user: User | None) -> Campaign:
    original = campaign_of(campaign.project_id, campaign.pk)
    said = variant_of(original, 1)
    copy = Campaign.objects.create(
        project_id=original.project_id,
        name=original.name[: MAX_NAME - len(_COPY)] + _COPY,
        created_by=user,
        **{name: getattr(original, name) for name in _COPIED},
    )
    Variant.objects.create(
        campaign=copy, **{name: getattr(said, name) for name in _SAID}
    )
    copy.excluded_segments.set(original.excluded_segments.all())
    chosen = Recipient.objects.filter(campaign=original).order_by("pk")
    add_recipients(copy.pk, chosen.values_list("contact_id", flat=True))
    _note(copy.pk, EventKind.CREATED, user, copy_of=str(original.pk))
    return campaign_of(copy.project_id, copy.pk)


def delete(*, campaign: Campaign) -> None:
    """Delete a draft. Raises WrongState for anything else, and CampaignNotFound."""
    delete_all(project_id=campaign.project_id, campaign_ids=[campaign.pk])


@transaction.atomic
def delete_all(*, project_id: UUID, campaign_ids: Sequence[UUID]) -> int:
    """Delete all of some drafts or, where one cannot be, none; return how many.

    Raises WrongState and CampaignNotFound.
    """
    rows = _locked(project_id, campaign_ids)
    if any(row.state != CampaignState.DRAFT for row in rows):
        raise WrongState("Only drafts can be deleted; what was sent can be archived.")
    Campaign.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


@transaction.atomic
def archive_all(
    *, project_id: UUID, campaign_ids: Sequence[UUID], user: User | None = None
) -> int:
    """Put all of some campaigns away or, where one cannot be, none; return how many.

    Those that are away already count too. Raises WrongState and CampaignNotFound.
    """
    rows = _locked(project_id, campaign_ids)
    if any(row.state in (CampaignState.SCHEDULED, *RUNNING) for row in rows):
        raise WrongState("A campaign that is under way cannot be archived.")
    changed = [row.pk for row in rows if row.archived_at is None]
    Campaign.objects.filter(pk__in=changed).update(archived_at=Now())
    _note_all(changed, EventKind.ARCHIVED, user)
    return len(rows)


@transaction.atomic
def unarchive_all(
    *, project_id: UUID, campaign_ids: Sequence[UUID], user: User | None = None
) -> int:
    """Take campaigns out of the archive; return how many. Raises CampaignNotFound."""
    rows = _locked(project_id, campaign_ids)
    changed = [row.pk for row in rows if row.archived_at is not None]
    Campaign.objects.filter(pk__in=changed).update(archived_at=None)
    _note_all(changed, EventKind.UNARCHIVED, user)
    return len(rows)


# -- the audience in figures -----------------------------------------------------------


def count_audience(campaign: Campaign, *, seconds: float = SECONDS) -> int | None:
    """Return how many contacts would get the campaign now, and keep the figure.

    None, with nothing kept, where that takes longer than `seconds`, and where the
    audience names what does not exist any more.
    """
    try:
        figure = bounded(
            campaign.project_id,
            lambda: audience.getting(campaign).order_by().count(),
            token=f"audience of {campaign.pk}",
            seconds=seconds,
        )
    except (ApiError, DatabaseError):
        return None
    rows = Campaign.objects.filter(pk=campaign.pk, version=campaign.version)
    if rows.update(audience_count=figure, audience_counted_at=Now()):
        campaign.audience_count = figure
    return figure


# -- each step -------------------------------------------------------------------------


def _locked(project_id: UUID, campaign_ids: Collection[UUID]) -> list[Campaign]:
    """Lock campaigns of a project and return them; raises CampaignNotFound.

    In one order, so that two who change the same do not wait in a circle.
    """
    wanted = set(campaign_ids)
    rows = Campaign.objects.filter(project_id=project_id, pk__in=wanted)
    found = list(rows.order_by("pk").select_for_update())
    missing = len(wanted) - len(found)
    if missing and len(wanted) > 1:
        raise CampaignNotFound(
            f"{missing:,} of these campaigns were not found; nothing was changed."
        )
    if missing:
        raise CampaignNotFound
    return found


def _until_settled(write: Callable[[], T]) -> T:
    """Write in one transaction, again where something it names was just deleted.

    What a row points at is looked for at once and not at the commit, where nobody could
    try again.
    """
    for attempt in range(_TRIES):
        try:
            with transaction.atomic():
                written = write()
                if is_postgresql():
                    connection.check_constraints()
                return written
        except IntegrityError:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError


def _note(campaign_id: UUID, kind: EventKind, user: User | None, **detail: Any) -> None:
    CampaignEvent.objects.create(
        campaign_id=campaign_id, kind=kind, user=user, detail=detail
    )


def _note_all(ids: Sequence[UUID], kind: EventKind, user: User | None) -> None:
    CampaignEvent.objects.bulk_create(
        [CampaignEvent(campaign_id=pk, kind=kind, user=user) for pk in ids]
    )
