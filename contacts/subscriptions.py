"""Who wants to be written to.

`set_all_subscribed` is where every door comes together: the API, tracked events, sent
mails, pages, imports. It alone decides whether a wish to subscribe somebody counts or
has to be confirmed by that person first (docs/consent.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from contacts import asking, ledger
from contacts.ledger import Act
from contacts.models import ChangeKind, Confirmation, Contact, Door
from contacts.signals import contacts_subscribed, contacts_unsubscribed
from plunk.projects.models import Project

#: The doors that a key opens while events come in, without anybody's decision: under
#: double opt-in they undo nothing that the person said.
_BY_KEY = frozenset({Door.TRACK, Door.SEND})
#: The doors by which people leave of their own will.
OWN_DOORS = frozenset({Door.PAGE, Door.ONE_CLICK, Door.FEEDBACK})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a contact stands; its row is locked until the transaction ends."""

    pk: UUID
    subscribed: bool
    confirmed_at: datetime | None
    snoozed_until: datetime | None


def set_subscribed(
    *,
    project_id: UUID,
    contact_id: UUID,
    subscribed: bool,
    act: Act,
    double_opt_in: bool | None = None,
) -> bool:
    """Subscribe or unsubscribe a contact; return False where it did not change."""
    return bool(
        set_all_subscribed(
            project_id=project_id,
            contact_ids=[contact_id],
            subscribed=subscribed,
            act=act,
            double_opt_in=double_opt_in,
        )
    )


@transaction.atomic
def set_all_subscribed(
    *,
    project_id: UUID,
    contact_ids: Sequence[UUID],
    subscribed: bool,
    act: Act,
    double_opt_in: bool | None = None,
) -> list[UUID]:
    """Subscribe or unsubscribe up to a thousand contacts; return those who changed.

    Under double opt-in, whoever has not confirmed is asked to and stays as they are: a
    door that makes contacts makes them unsubscribed then, and comes here with them.
    `double_opt_in` is the project's switch, looked up where the caller does not know.
    Ids of other projects change nothing. Only a flip is news: rows are locked in the
    order of their addresses, so that of two at once one tells it. Any write to
    `subscribed` ends a snooze (contract 4.10).
    """
    rows = locked(project_id=project_id, contact_ids=contact_ids)
    if subscribed:
        return _subscribe(project_id, rows, act, double_opt_in)
    return _unsubscribe(project_id, rows, act, double_opt_in)


def asks_first(project_id: UUID) -> bool:
    """Say whether a project has double opt-in switched on."""
    return Project.objects.filter(pk=project_id, double_opt_in=True).exists()


def locked(*, project_id: UUID, contact_ids: Iterable[UUID]) -> list[Standing]:
    """Lock a project's contacts and return them.

    In the order of their addresses, as by everybody who locks more than one: mails and
    events find their contacts by address (contacts/upserting.py).
    """
    return [
        Standing(*row)
        for row in Contact.objects.filter(project_id=project_id, pk__in=contact_ids)
        .order_by("email")
        .select_for_update(no_key=True)
        .values_list("pk", "subscribed", "confirmed_at", "snoozed_until")
    ]


def flip(
    *,
    project_id: UUID,
    contact_ids: Sequence[UUID],
    subscribed: bool,
    kind: ChangeKind,
    act: Act,
    note: str = "",
    **changes: Any,
) -> None:
    """Write and tell what was decided about locked contacts that are otherwise.

    `note` is for the ledger alone.
    """
    if not contact_ids:
        return
    settle(
        project_id=project_id,
        contact_ids=contact_ids,
        kind=kind,
        act=act,
        note=note,
        subscribed=subscribed,
        updated_at=Now(),
        **changes,
    )
    signal = contacts_subscribed if subscribed else contacts_unsubscribed
    signal.send(
        sender=Contact,
        project_id=project_id,
        contact_ids=list(contact_ids),
        reason=act.why,
        door=act.door,
        email_id=act.email_id,
    )


def settle(
    *,
    project_id: UUID,
    contact_ids: Sequence[UUID],
    kind: ChangeKind,
    act: Act,
    note: str = "",
    **changes: Any,
) -> None:
    """Write down a word about consent; whatever was pending or put off ends with it."""
    Contact.objects.filter(pk__in=contact_ids).update(
        **{
            "consent_source": act.door,
            "consent_at": Now(),
            "snoozed_until": None,
            **changes,
        }
    )
    Confirmation.objects.filter(contact__in=contact_ids).delete()
    if note:
        act = replace(act, reason=f"{act.why}, {note}")
    ledger.record(project_id=project_id, contact_ids=contact_ids, kind=kind, act=act)


def _subscribe(
    project_id: UUID,
    rows: list[Standing],
    act: Act,
    double_opt_in: bool | None,  # noqa: FBT001 - set_all_subscribed's own
) -> list[UUID]:
    out = [row for row in rows if not row.subscribed]
    if out and _must_ask(project_id, double_opt_in):
        if act.door in _BY_KEY:
            # They come back by themselves, on the day they chose.
            out = [row for row in out if not row.snoozed_until]
        unproven = [row.pk for row in out if not row.confirmed_at]
        asking.ask(project_id=project_id, contact_ids=unproven, act=act)
        out = [row for row in out if row.confirmed_at]
    if awake := [row.pk for row in rows if row.subscribed and row.snoozed_until]:
        Contact.objects.filter(pk__in=awake).update(snoozed_until=None)
    flipped = [row.pk for row in out]
    flip(
        project_id=project_id,
        contact_ids=flipped,
        subscribed=True,
        kind=ChangeKind.SUBSCRIBED,
        act=act,
    )
    return flipped


def _unsubscribe(
    project_id: UUID,
    rows: list[Standing],
    act: Act,
    double_opt_in: bool | None,  # noqa: FBT001 - set_all_subscribed's own
) -> list[UUID]:
    is_by_key = act.door in _BY_KEY
    if (
        is_by_key
        and any(row.confirmed_at for row in rows)
        and _must_ask(project_id, double_opt_in)
    ):
        rows = [row for row in rows if not row.confirmed_at]
    flipped = [row.pk for row in rows if row.subscribed]
    flip(
        project_id=project_id,
        contact_ids=flipped,
        subscribed=False,
        kind=ChangeKind.UNSUBSCRIBED,
        act=act,
        confirmed_at=None,
    )
    out = [row for row in rows if not row.subscribed]
    ended = {row.pk for row in out if row.snoozed_until}
    if out and not is_by_key:
        ended |= set(
            Confirmation.objects.filter(
                contact__in=[row.pk for row in out]
            ).values_list("pk", flat=True)
        )
    if ended:
        # They would have come back, or still could: they said no, which is no flip.
        settle(
            project_id=project_id,
            contact_ids=sorted(ended),
            kind=ChangeKind.UNSUBSCRIBED,
            act=act,
            confirmed_at=None,
        )
    return flipped


def _must_ask(project_id: UUID, double_opt_in: bool | None) -> bool:  # noqa: FBT001
    return asks_first(project_id) if double_opt_in is None else double_opt_in
