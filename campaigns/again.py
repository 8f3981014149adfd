"""Whom another run is for: those whose mail failed, or who did not open theirs."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from campaigns.models import RunKind
from transactional.models import Email, EmailState
from transactional.streams import UNKNOWN_OUTCOME

#: Whom a reminder may go to: those SES took the mail for, and who did not open it.
_REACHED = (EmailState.SENT, EmailState.DELIVERED)
#: Of a failed mail: that nobody knows of one of its attempts whether SES has it, even
#: if the last one was refused.
_MAY_HAVE_LEFT = Q(error_code=UNKNOWN_OUTCOME) | Q(doubts__gt=0)


def states_of(kind: RunKind) -> Sequence[EmailState]:
    """Return the states of the mails that a run of this kind goes along."""
    return (EmailState.FAILED,) if kind == RunKind.RETRY else _REACHED


def earlier(campaign_id: UUID, kind: RunKind, state: EmailState) -> QuerySet[Email]:
    """Return the mails of a campaign in a state that another try may be for."""
    return _wanting(Email.objects.filter(origin_id=campaign_id, state=state), kind)


def among(mails: QuerySet[Email], kind: RunKind) -> QuerySet[Email]:
    """Return those of some mails, of whatever state, that another try may be for."""
    return _wanting(mails.filter(state__in=states_of(kind)), kind)


def _wanting(mails: QuerySet[Email], kind: RunKind) -> QuerySet[Email]:
    """Leave out what may have arrived, and was read: who clicked has read it."""
    if kind == RunKind.RETRY:
        return mails.exclude(_MAY_HAVE_LEFT)
    return mails.filter(opened_at=None, clicked_at=None)


def unserved(
    mails: QuerySet[Email],
    campaign_id: UUID,
    kind: RunKind,
    by: QuerySet[Email] | None = None,
) -> QuerySet[Email]:
    """Leave out the mails of contacts who need no other mail of the campaign.

    `by` are the mails that may have served them; by default all of the campaign's.
    """
    others = Email.objects.all() if by is None else by
    others = others.filter(origin_id=campaign_id, contact=OuterRef("contact"))
    return mails.exclude(Exists(_serving(others, kind)))


def is_anybody_left(campaign_id: UUID, kind: RunKind) -> bool:
    """Say whether another run has somebody to go to, apart from consent."""
    return any(
        unserved(earlier(campaign_id, kind, state), campaign_id, kind)
        .order_by("origin_id", "state", "pk")
        .values_list("pk")[:1]
        for state in states_of(kind)
    )


def _serving(mails: QuerySet[Email], kind: RunKind) -> QuerySet[Email]:
    """Return the mails after which a contact needs no other.

    Another run has reached them, or may have, or found that they want none; they have
    read one of several.
    """
    if kind != RunKind.RETRY:
        return mails.exclude(opened_at=None, clicked_at=None)
    unserved = [EmailState.FAILED, EmailState.CANCELLED]
    return mails.filter(~Q(state__in=unserved) | _MAY_HAVE_LEFT)
