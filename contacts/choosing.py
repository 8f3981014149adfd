"""What contacts choose for themselves, each as far as its link is believed.

Getting less is always allowed. Getting more needs a link that was in a mail to the
address and was made for it, the answer to a mail that we send now, or, for an hour, the
page on which the contact had just chosen less.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from enum import Enum, auto
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from contacts.asking import AGAIN_AFTER, ask
from contacts.confirming import confirm
from contacts.ledger import Act
from contacts.links import UNDO, Undo, read_undo
from contacts.models import ChangeKind, Confirmation, ConsentChange, Contact
from contacts.snoozing import snooze
from contacts.subscriptions import set_subscribed
from contacts.topics import set_topic, topics_of
from contacts.visits import Visit, has_opted_out

#: What a pause may last, in days.
MAX_PAUSE_DAYS = 366


class Outcome(Enum):
    """What became of the wish to subscribe."""

    SUBSCRIBED = auto()
    #: A mail with a link was sent to the address, now or within the last hour.
    ASKED = auto()


@transaction.atomic
def leave(contact: Contact, *, act: Act) -> Undo | None:
    """Unsubscribe a contact; return what undoes it, None if it was out already.

    Whoever was only paused, or asked to confirm, is out for good as well.
    """
    was_confirmed = contact.confirmed_at is not None
    changed = set_subscribed(
        project_id=contact.project_id, contact_id=contact.pk, subscribed=False, act=act
    )
    if not changed:
        _mean_it(contact)
    _refresh(contact)
    return _undo_of(contact, was_confirmed=was_confirmed) if changed else None


@transaction.atomic
def pause(contact: Contact, *, days: int, act: Act, undo: str = "") -> Undo | None:
    """Send a contact nothing for some days; return what undoes it.

    None where nothing changed: it gets nothing anyway. Who has just left may pause
    instead, while that can be undone.
    """
    if not (contact.subscribed or contact.snoozed_until):
        take_back(contact, token=undo, act=act)
    was_confirmed = contact.confirmed_at is not None
    until = timezone.now() + timedelta(days=days)
    changed = snooze(
        project_id=contact.project_id, contact_id=contact.pk, until=until, act=act
    )
    _refresh(contact)
    return _undo_of(contact, was_confirmed=was_confirmed) if changed else None


@transaction.atomic
def take_back(contact: Contact, *, token: str, act: Act) -> bool:
    """Undo the opt-out that a token was given for; return False where it is not good.

    The contact gets no more than it got an hour ago, so nothing is asked again. What
    anybody has said of it since then, its own second no included, is not undone.
    """
    undo = read_undo(token)
    if undo is None or undo.contact_id != contact.pk:
        return False
    row = Contact.objects.filter(project_id=undo.project_id, pk=contact.pk)
    since = row.select_for_update(no_key=True).values_list("consent_at", flat=True)
    if since.first() != undo.since:
        return False
    if undo.was_confirmed:
        # Not by the link of the mail, which may be too old to confirm anything.
        confirm(
            project_id=contact.project_id,
            contact_id=contact.pk,
            act=replace(act, email_id=None),
        )
    else:
        set_subscribed(
            project_id=contact.project_id,
            contact_id=contact.pk,
            subscribed=True,
            act=act,
            double_opt_in=False,
        )
    _refresh(contact)
    return True


def is_asked(contact: Contact) -> bool:
    """Say whether a contact has a mail to confirm that it has not answered."""
    return Confirmation.objects.filter(contact=contact).exists()


@transaction.atomic
def choose_topics(
    contact: Contact,
    *,
    shown: Collection[UUID],
    chosen: Collection[UUID],
    may_join: bool,
    act: Act,
) -> list[UUID]:
    """Join and leave topics of those that a page showed; return what changed.

    A topic that was not shown, being newer than the page, stays as it is.
    """
    changed = []
    for state in topics_of(contact):
        wants = state.topic.pk in chosen
        if state.topic.pk not in shown or wants == state.is_joined:
            continue
        if wants and not may_join:
            continue
        set_topic(
            project_id=contact.project_id,
            contact_id=contact.pk,
            topic_id=state.topic.pk,
            is_joined=wants,
            act=act,
        )
        changed.append(state.topic.pk)
    return changed


@transaction.atomic
def subscribe(visit: Visit, contact: Contact, *, act: Act) -> Outcome:
    """Subscribe a contact, or send it a mail to confirm, by what its link proves.

    A bare id subscribes only somebody who never left, and only where the project does
    not ask for a confirmation anyway.
    """
    if visit.is_signed:
        confirm(project_id=contact.project_id, contact_id=contact.pk, act=act)
    elif contact.subscribed:
        return Outcome.SUBSCRIBED
    elif not needs_a_mail(contact):
        set_subscribed(
            project_id=contact.project_id,
            contact_id=contact.pk,
            subscribed=True,
            act=act,
        )
    _refresh(contact)
    if contact.subscribed:
        return Outcome.SUBSCRIBED
    return ask_by_mail(contact, act=act)


def needs_a_mail(contact: Contact) -> bool:
    """Say whether a bare id is too little to subscribe this contact."""
    return contact.project.double_opt_in or has_opted_out(contact)


def ask_by_mail(contact: Contact, *, act: Act) -> Outcome:
    """Send a contact a link to confirm with, unless one went out within the hour.

    `ask` forgets a mail once it is answered; whoever asks, declines and asks again
    must not fill a mailbox all the same.
    """
    is_recent = ConsentChange.objects.filter(
        contact=contact, kind=ChangeKind.ASKED, created_at__gt=Now() - AGAIN_AFTER
    ).exists()
    if not is_recent:
        ask(project_id=contact.project_id, contact_ids=[contact.pk], act=act)
    return Outcome.ASKED


def _undo_of(contact: Contact, *, was_confirmed: bool) -> Undo:
    return Undo(contact.project_id, contact.pk, was_confirmed, contact.consent_at)


def _mean_it(contact: Contact) -> None:
    """Take the undo from whoever may hold one: who is out has said no once more."""
    Contact.objects.filter(
        pk=contact.pk, subscribed=False, consent_at__gt=Now() - UNDO
    ).update(consent_at=Now())


def _refresh(contact: Contact) -> None:
    """Read what was written; whoever was erased meanwhile gets nothing any more."""
    fields = (
        "subscribed",
        "snoozed_until",
        "confirmed_at",
        "consent_source",
        "consent_at",
    )
    row = Contact.objects.filter(pk=contact.pk).values(*fields).first()
    gone = {"subscribed": False, "snoozed_until": None, "confirmed_at": None}
    for name, value in (row or gone).items():
        setattr(contact, name, value)
