"""Taking due mail for this worker: state, attempt and lease in one update."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from contacts.models import ERASED_PREFIX, Suppression, Topic, TopicChoice
from contacts.suppressions import erased_among
from plunk.api.strictjson import write
from plunk.postgresql import fetch_all, is_postgresql
from transactional import claim_statements as statements
from transactional import places, streams
from transactional.models import Email, EmailState, Lane, Stream, StreamState
from transactional.streams import Turn


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that is ours for the time of a lease, with all it takes to send it."""

    id: UUID
    project_id: UUID
    contact_id: UUID
    content_id: UUID
    kind: str
    source: str
    template_id: UUID | None
    origin_id: UUID | None
    tracks: bool | None
    to_email: str
    to_name: str
    from_email: str
    from_name: str
    reply_to: str
    headers: dict[str, str] | None
    variables: dict[str, Any] | None
    attempt: int
    data: dict[str, Any] | None
    subscribed: bool
    is_suppressed: bool
    is_disabled: bool
    #: Has left the topic that the mail's stream is about.
    has_left: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Which mails may be claimed."""

    limit: int
    with_campaigns: bool = True
    without_domains: Sequence[str] = ()
    only_domain: str = ""
    #: Mails whose last attempt came to no known end, instead of all the others.
    suspects: bool = False


def is_anything_due(*, suspects: bool = False) -> bool:
    """Say whether a mail waits that may go now; a look at an index, no claim.

    `suspects` asks for those alone that came back from a dead worker or a lost answer.
    """
    if suspects:
        return _suspects(Choice(limit=1)).exists()
    due = Email.objects.filter(
        state=EmailState.QUEUED, due_at__lte=Now(), lane__lt=Lane.CAMPAIGN
    )
    # Ordered as the index is, which keeps the planner from reading the table.
    is_urgent = due.order_by("lane", "due_at", "pk").values_list("pk")[:1]
    return bool(is_urgent) or streams.is_anything_due()


def claim(choice: Choice) -> list[Claimed]:
    """Claim up to `choice.limit` due mails, the most urgent lane first.

    Consent, suppression and the contact's data are read in the same statement: they are
    as they stand in the moment of sending.
    """
    if choice.limit <= 0:
        return []
    if choice.suspects:
        return _claim_suspects(choice)
    mails = _claim_lanes(choice)
    if choice.with_campaigns and len(mails) < choice.limit:
        mails += _claim_in_turns(replace(choice, limit=choice.limit - len(mails)))
    return mails


def _claim_suspects(choice: Choice) -> list[Claimed]:
    """Claim mails of any lane whose last attempt came to no known end."""
    if not is_postgresql():
        return _with_topics(_claim_portable(choice, _suspects(choice)))
    with transaction.atomic():
        running = [pk for (pk,) in fetch_all(statements.RUNNING, {})]
        return _claim_postgresql(choice, statements.SUSPECTS, {"streams": running})


def _suspects(choice: Choice) -> QuerySet[Email]:
    is_running = streams.running().filter(pk=OuterRef("origin_id"))
    due = Email.objects.filter(
        Q(lane__lt=Lane.CAMPAIGN) | Exists(is_running),
        state=EmailState.QUEUED,
        doubts__gt=0,
        due_at__lte=Now(),
    )
    return _let_through(due, choice).order_by("due_at")


def _claim_lanes(choice: Choice) -> list[Claimed]:
    if not is_postgresql():
        return _claim_portable(choice, _due(choice))
    if not fetch_all(statements.ANY_IN_LANES, {}, replan=True):
        return []
    return _claim_postgresql(choice, statements.LANES, {})


def _claim_in_turns(choice: Choice) -> list[Claimed]:
    """Claim bulk mail; what streams leave of their shares goes to the others."""
    mails: list[Claimed] = []
    drained: set[UUID] = set()
    while len(mails) < choice.limit:
        turns = streams.turns(
            choice.limit - len(mails),
            without_domains=choice.without_domains,
            only_domain=choice.only_domain,
            drained=drained,
        )
        if not turns:
            break
        found = (
            _claim_turns_postgresql(choice, turns)
            if is_postgresql()
            else _claim_turns_portable(choice, turns)
        )
        mails += found
        taken = Counter(mail.origin_id for mail in found)
        less = {turn.stream_id for turn in turns if taken[turn.stream_id] < turn.share}
        for turn in turns:
            if turn.stream_id not in less:
                own = [mail.id for mail in found if mail.origin_id == turn.stream_id]
                places.go_on(turn.stream_id, own)
        if not less:
            break
        # Of those that went on from a place, there may be some before it.
        drained |= less - places.start_again(less)
    return mails


def _claim_turns_postgresql(choice: Choice, turns: list[Turn]) -> list[Claimed]:
    with transaction.atomic():
        wanted = {"streams": [turn.stream_id for turn in turns]}
        still = {pk for (pk,) in fetch_all(statements.OPEN, wanted, replan=True)}
        turns = [turn for turn in turns if turn.stream_id in still]
        if not turns:
            return []
        more = {
            "streams": [turn.stream_id for turn in turns],
            "shares": [turn.share for turn in turns],
            "places": [places.place_of(turn.stream_id) for turn in turns],
        }
        return _claim_postgresql(choice, statements.TURNS, more)


def _claim_postgresql(choice: Choice, sql: str, more: dict[str, Any]) -> list[Claimed]:
    params = {
        "lease": float(settings.DELIVERY_LEASE_SECONDS),
        "without": list(choice.without_domains),
        "only": choice.only_domain,
        "limit": choice.limit,
        **more,
    }
    with transaction.atomic():
        fetch_all(statements.IN_ORDER, {})
        rows = fetch_all(sql, params, replan=True)
    mails = [Claimed(*_with_json(row[:-1])) for row in rows]
    return _without_erased(mails) if rows and rows[0][-1] else mails


@transaction.atomic
def _claim_turns_portable(choice: Choice, turns: list[Turn]) -> list[Claimed]:
    open_ = Stream.objects.filter(state=StreamState.OPEN)
    still = set(
        open_.filter(pk__in=[turn.stream_id for turn in turns]).values_list(
            "pk", flat=True
        )
    )
    mails: list[Claimed] = []
    for turn in turns:
        if turn.stream_id in still:
            due = Email.objects.filter(
                origin_id=turn.stream_id,
                state=EmailState.QUEUED,
                doubts=0,
                due_at__lte=Now(),
            )
            mails += _claim_portable(
                replace(choice, limit=turn.share), due.order_by("pk")
            )
    return _with_topics(mails)


def _with_topics(mails: list[Claimed]) -> list[Claimed]:
    """Mark the mails of those who have left the topic of their stream."""
    topics = dict(
        Stream.objects.filter(
            pk__in={mail.origin_id for mail in mails}, topic__isnull=False
        ).values_list("pk", "topic")
    )
    if not topics:
        return mails
    is_opt_out = dict(
        Topic.objects.filter(pk__in=topics.values()).values_list("pk", "is_opt_out")
    )
    choices = {
        (topic_id, contact_id): is_joined
        for topic_id, contact_id, is_joined in TopicChoice.objects.filter(
            topic__in=topics.values(),
            contact__in={mail.contact_id for mail in mails},
        ).values_list("topic", "contact", "is_joined")
    }
    return [
        replace(
            mail,
            has_left=not choices.get((topic, mail.contact_id), is_opt_out[topic]),
        )
        if mail.origin_id and (topic := topics.get(mail.origin_id))
        else mail
        for mail in mails
    ]


@transaction.atomic
def _claim_portable(choice: Choice, due: QuerySet[Email]) -> list[Claimed]:
    ids = list(due.values_list("pk", flat=True)[: choice.limit])
    Email.objects.filter(pk__in=ids, state=EmailState.QUEUED).update(
        state=EmailState.SENDING,
        attempt=F("attempt") + 1,
        lease_expires_at=Now() + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS),
    )
    suppressions = Suppression.objects.filter(
        project_id=OuterRef("project_id"), email=OuterRef("to_email")
    )
    erased = Suppression.objects.filter(email__startswith=ERASED_PREFIX)
    rows = (
        Email.objects.filter(pk__in=ids)
        .select_related("contact", "project")
        .annotate(is_suppressed=Exists(suppressions), has_erased=Exists(erased))
        .order_by("lane", "due_at", "pk")
    )
    mails = [
        replace(
            claimed_from(row),
            data=as_claimed(row.contact.data),
            subscribed=row.contact.subscribed,
            is_suppressed=row.is_suppressed,
            is_disabled=row.project.is_disabled,
        )
        for row in rows
    ]
    return _without_erased(mails) if mails and rows[0].has_erased else mails


def as_claimed(value: Any) -> Any:
    """Return JSON of a column as it is read when a mail is claimed.

    Django reads the number that PostgreSQL makes of 1e300 as an integer of 301 digits:
    a mail that is shown again would spell it differently.
    """
    return orjson.loads(write(value)) if value else value


def claimed_from(row: Email) -> Claimed:
    """Return a mail as its row tells it, without what others know of it."""
    return Claimed(
        id=row.pk,
        project_id=row.project_id,
        contact_id=row.contact_id,
        content_id=row.content_id,
        kind=row.kind,
        source=row.source,
        template_id=row.template_id,
        origin_id=row.origin_id,
        tracks=row.tracks,
        to_email=row.to_email,
        to_name=row.to_name,
        from_email=row.from_email,
        from_name=row.from_name,
        reply_to=row.reply_to,
        headers=row.headers,
        variables=as_claimed(row.variables),
        attempt=row.attempt,
        data=None,
        subscribed=False,
        is_suppressed=False,
        is_disabled=False,
    )


def _without_erased(mails: list[Claimed]) -> list[Claimed]:
    """Mark mails as suppressed whose address is only known by its hash any more.

    One statement, and only where the installation has such an address at all.
    """
    blocked = erased_among({(mail.project_id, mail.to_email) for mail in mails})
    return [
        replace(mail, is_suppressed=True)
        if (mail.project_id, mail.to_email) in blocked
        else mail
        for mail in mails
    ]


def _due(choice: Choice) -> QuerySet[Email]:
    due = Email.objects.filter(
        state=EmailState.QUEUED, due_at__lte=Now(), lane__lt=Lane.CAMPAIGN, doubts=0
    )
    return _let_through(due, choice).order_by("lane", "due_at", "pk")


def _let_through(due: QuerySet[Email], choice: Choice) -> QuerySet[Email]:
    """Leave out the mails of held domains."""
    held = Q(pk__in=[])
    for domain in choice.without_domains:
        held |= Q(from_email__endswith=f"@{domain}")
    due = due.exclude(held)
    if choice.only_domain:
        due = due.filter(from_email__endswith=f"@{choice.only_domain}")
    return due


#: Where the statement returns JSON as text.
_JSON_COLUMNS = frozenset({14, 15, 17})


def _with_json(row: tuple[Any, ...]) -> list[Any]:
    return [
        orjson.loads(value) if index in _JSON_COLUMNS and value else value
        for index, value in enumerate(row)
    ]
