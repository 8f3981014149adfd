"""What SES says about our mails, applied to the ledger, in few statements for many.

`transactional.proofs` holds the rules. Here the mails are locked, in ascending order
of id as by everybody who locks more than one, the events stored once, the rows changed,
the recipients opted out, and the floors above told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.dispatch import Signal

from contacts.ledger import Act
from contacts.models import Contact, Door, SuppressionReason
from contacts.subscriptions import locked, set_subscribed
from contacts.suppressions import suppress
from transactional import proofs, signals
from transactional.models import Email, EmailEvent, EmailEventKind
from transactional.proofs import Feedback, is_machine

__all__ = ["Feedback", "Result", "apply_feedback"]

_SIGNALS: dict[EmailEventKind, Signal] = {
    EmailEventKind.SEND: signals.email_sent,
    EmailEventKind.DELIVERY: signals.email_delivered,
    EmailEventKind.BOUNCE: signals.email_bounced,
    EmailEventKind.COMPLAINT: signals.email_complained,
    EmailEventKind.OPEN: signals.email_opened,
    EmailEventKind.CLICK: signals.email_clicked,
}


_SEEN = frozenset({EmailEventKind.OPEN, EmailEventKind.CLICK})
#: Of a mail that is shown around, later opens and clicks tell nothing more about its
#: recipient: they are not stored.
MOST_SEEN = 1_000


class Result(StrEnum):
    APPLIED = "applied"
    REPEATED = "repeated"
    #: Of an earlier attempt, while a worker holds the current one: ask again.
    WAITING = "waiting"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class _Entry:
    """One feedback, the mail it is about, and when it happened."""

    email: Email
    feedback: Feedback
    at: datetime
    event: EmailEvent | None = None
    is_waiting: bool = False

    @property
    def result(self) -> Result:
        if self.is_waiting:
            return Result.WAITING
        return Result.APPLIED if self.event else Result.REPEATED


@transaction.atomic
def apply_feedback(*, batch: Sequence[Feedback]) -> list[Result]:
    """Apply SES's events to their mails; return what became of each, in order.

    A constant number of statements for any number of events, apart from opt-outs, which
    are rare. Either all of the batch is applied or none of it.
    """
    entries = _lock_mails(batch)
    if known := [entry for entry in entries if entry]:
        _name_events(known)
        _advance_mails(known)
        _opt_out(known)
        _tell(known)
    return [entry.result if entry else Result.UNKNOWN for entry in entries]


def _lock_mails(batch: Sequence[Feedback]) -> list[_Entry | None]:
    """Find each event's mail by our tag, or by SES's id where the tag is missing."""
    ids = {item.email_id for item in batch if item.email_id}
    named = {item.message_id for item in batch if not item.email_id} - {""}
    wanted = Q(pk__in=ids) | Q(message_id__in=named) if named else Q(pk__in=ids)
    emails = list(
        Email.objects.select_for_update(no_key=True)
        .defer("headers", "variables")
        .filter(wanted)
        .order_by("pk")
    )
    if not emails:
        return [None] * len(batch)
    by_id = {email.pk: email for email in emails}
    by_message_id = {email.message_id: email for email in emails if email.message_id}
    now: datetime = Email.objects.values_list(Now(), flat=True).get(pk=emails[0].pk)
    return [
        _Entry(email, item, item.at or now)
        if (
            email := by_id.get(item.email_id)
            if item.email_id
            else by_message_id.get(item.message_id)
        )
        else None
        for item in batch
    ]


# -- the history ----------------------------------------------------------------------


def _name_events(entries: Sequence[_Entry]) -> None:
    """Make each event that is new; the locked mails keep others from doing so too."""
    seen = set(
        EmailEvent.objects.filter(
            email_id__in={entry.email.pk for entry in entries},
            key__in={entry.feedback.key for entry in entries},
        ).values_list("email_id", "key")
    )
    for entry in entries:
        name = (entry.email.pk, entry.feedback.key)
        if name not in seen and not _is_shown_around(entry):
            seen.add(name)
            entry.event = EmailEvent(
                project_id=entry.email.project_id,
                email=entry.email,
                kind=entry.feedback.kind,
                attempt=entry.feedback.attempt or 0,
                at=entry.at,
                detail=entry.feedback.detail or None,
                key=entry.feedback.key,
            )


def _is_shown_around(entry: _Entry) -> bool:
    return entry.feedback.kind in _SEEN and _seen(entry.email) >= MOST_SEEN


def _store_events(entries: Sequence[_Entry], redated: Iterable[Email]) -> None:
    """Store what is new, and what it changes about opens and clicks of before.

    `redated` are the mails whose delivery turned out to have been at another time.
    """
    new = [entry.event for entry in entries if entry.event]
    changed = _count([event for event in new if event.kind in _SEEN], redated)
    EmailEvent.objects.bulk_create(new, ignore_conflicts=True)
    if changed:
        EmailEvent.objects.bulk_update(changed, ["detail"])


def _count(new: Sequence[EmailEvent], redated: Iterable[Email]) -> list[EmailEvent]:
    """Count the opens and clicks of mails with news of them; return those of before
    that are judged otherwise now.
    """
    mails = {event.email_id: event.email for event in new}
    mails |= {email.pk: email for email in redated if _seen(email)}
    if not mails:
        return []
    events: dict[UUID, list[EmailEvent]] = {pk: [] for pk in mails}
    before = EmailEvent.objects.filter(email_id__in=mails, kind__in=_SEEN)
    for event in [*before, *new]:
        events[event.email_id].append(event)
    fresh = {event.pk for event in new}
    return [
        event
        for pk, email in mails.items()
        for event in proofs.count(email=email, events=events[pk])
        if event.pk not in fresh
    ]


def _seen(email: Email) -> int:
    """Return how many opens and clicks a mail has, whosesoever they are."""
    people, machines = email.opens + email.clicks, email.machine_opens
    return people + machines + email.machine_clicks


# -- the mail itself ------------------------------------------------------------------


_COLUMNS = (
    "state",
    "lease_expires_at",
    "message_id",
    "error_code",
    "error",
    "sent_at",
    "delivered_at",
    "bounced_at",
    "complained_at",
    "opened_at",
    "clicked_at",
    "opens",
    "clicks",
    "machine_opens",
    "machine_clicks",
)
_FIELDS = {field.name: field for field in Email._meta.concrete_fields}
_UPDATE = (
    "UPDATE transactional_email SET "  # noqa: S608 - the names are the ones above
    + ", ".join(f"{column} = %s" for column in _COLUMNS)
    + " WHERE id = %s AND attempt = %s AND state = %s"
)


def _advance_mails(entries: Sequence[_Entry]) -> None:
    before = {entry.email.pk: _stored(entry.email) for entry in entries}
    mails = {entry.email.pk: entry.email for entry in entries}
    delivered = {pk: mails[pk].delivered_at for pk in mails}
    for entry in entries:
        _advance(entry)
    _store_events(
        entries, [mails[pk] for pk in mails if mails[pk].delivered_at != delivered[pk]]
    )
    rows = [
        [*after, *_stored(mails[pk], "id", "attempt"), before[pk][0]]
        for pk in sorted(mails)
        if (after := _stored(mails[pk])) != before[pk]
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(_UPDATE, rows)
        if cursor.rowcount != len(rows):
            raise DatabaseError(
                f"{cursor.rowcount} of {len(rows)} mails were as they were locked"
            )


def _advance(entry: _Entry) -> None:
    email, feedback, at = entry.email, entry.feedback, entry.at
    entry.is_waiting = proofs.must_wait(email=email, feedback=feedback)
    if not entry.is_waiting:
        proofs.settle(email=email, feedback=feedback, at=at)


def _stored(email: Email, *names: str) -> list[Any]:
    """Return columns, all that feedback writes if none is named, as the database's."""
    return [
        _FIELDS[name].get_db_prep_save(getattr(email, name), connection)
        for name in names or _COLUMNS
    ]


# -- the recipient, and those who want to know ----------------------------------------


def _opt_out(entries: Iterable[_Entry]) -> None:
    """Write no more to an address that is dead or complained."""
    news = [entry for entry in entries if entry.event and _names_recipient(entry)]
    stops = [entry for entry in news if _reason_to_stop(entry.feedback)]
    contacts: dict[UUID, set[UUID]] = {}
    for entry in stops:
        contacts.setdefault(entry.email.project_id, set()).add(entry.email.contact_id)
    for project_id, ids in sorted(contacts.items()):
        # All at once, which is in the order that everybody keeps.
        locked(project_id=project_id, contact_ids=ids)
    for entry in sorted(stops, key=lambda entry: entry.email.to_email):
        _stop(entry)


def _reason_to_stop(feedback: Feedback) -> tuple[SuppressionReason, str] | None:
    if feedback.is_permanent_bounce:
        return SuppressionReason.BOUNCE, "bounce"
    if feedback.is_complaint:
        return SuppressionReason.COMPLAINT, "complaint"
    return None


def _names_recipient(entry: _Entry) -> bool:
    """Say whether SES speaks of our recipient, not of an address mail was passed to."""
    return entry.email.to_email.lower() in entry.feedback.recipients


def _stop(entry: _Entry) -> None:
    found, email = _reason_to_stop(entry.feedback), entry.email
    if found is None:
        return
    suppression, reason = found
    if _is_own_address(email):
        set_subscribed(
            project_id=email.project_id,
            contact_id=email.contact_id,
            subscribed=False,
            act=Act(Door.FEEDBACK, reason, email_id=email.pk),
        )
    suppress(
        project_id=email.project_id,
        email=email.to_email,
        reason=suppression,
        source=str(entry.feedback.detail.get("feedbackId", ""))[:200],
        act=Act(Door.FEEDBACK, reason, email_id=email.pk),
    )


def _is_own_address(email: Email) -> bool:
    """Say whether a mail went to its contact, not to somebody who is told of them."""
    own = Contact.objects.filter(pk=email.contact_id, email=email.to_email)
    return own.exists()


def _tell(entries: Iterable[_Entry]) -> None:
    news: list[signals.News] = []
    for entry in entries:
        kind = entry.feedback.kind
        is_news = kind != EmailEventKind.COMPLAINT or entry.feedback.is_complaint
        if entry.event is None or not is_news or kind not in _SIGNALS:
            continue
        more: dict[str, bool] = {}
        if kind == EmailEventKind.BOUNCE:
            more = {"is_permanent": entry.feedback.is_permanent_bounce}
        elif kind in _SEEN:
            more = {"is_machine": is_machine(entry.event)}
        _SIGNALS[kind].send(sender=Email, email=entry.email, event=entry.event, **more)
        is_seen_by_machine = more.get("is_machine", False)
        news.append(signals.News(entry.email, entry.event, is_seen_by_machine))
    if news:
        signals.emails_told.send(sender=Email, news=news)
