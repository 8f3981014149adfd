"""Everybody a campaign was written down for: found by address, and out into a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from campaigns.mails import Kind
from campaigns.models import Campaign
from contacts.models import Contact
from contacts.search import search
from contacts.sheets import Sheet, cell
from transactional.models import Email, EmailState

#: Up to so many mails are looked through for a piece of an address, one by one.
_FEW = 20_000
#: Of more, this many contacts with that piece are tried.
_MOST_CANDIDATES = 1_000
MOST_FOUND = 100
CHUNK = 5_000

#: Columns of the file, and where on a mail they are.
COLUMNS = {
    "email": "to_email",
    "status": "state",
    "sent_at": "sent_at",
    "delivered_at": "delivered_at",
    "opened_at": "opened_at",
    "clicked_at": "clicked_at",
    "bounced_at": "bounced_at",
    "complained_at": "complained_at",
    "opens": "opens",
    "clicks": "clicks",
    "machine_opens": "machine_opens",
    "machine_clicks": "machine_clicks",
    "error_code": "error_code",
    "error": "error",
    "run": "run",
    "contact_id": "contact_id",
    "email_id": "id",
}


@dataclass(frozen=True, slots=True)
class Found:
    """Mails whose address has a piece in it; `has_more` says that there may be more."""

    mails: list[Email]
    has_more: bool


def rows_of(campaign_id: UUID, kind: Kind, run: int | None) -> QuerySet[Email]:
    """Return the mails of a kind, of one run if asked; order and slice them further."""
    rows = Email.objects.filter(kind.rows, origin_id=campaign_id, state__in=kind.states)
    return rows if run is None else rows.filter(run=run)


def find(
    campaign: Campaign, kind: Kind, text: str, *, run: int | None, mails: int
) -> Found:
    """Return mails of a kind with `text` in their address, in the order of addresses.

    `mails` is how many the campaign has. Of a large one, contacts are searched first:
    of a piece that thousands of them have, only some are tried.
    """
    rows = rows_of(campaign.pk, kind, run)
    fragment = text.strip().lower()
    if mails <= _FEW:
        found = list(rows.filter(to_email__contains=fragment)[: MOST_FOUND + 1])
        has_more = len(found) > MOST_FOUND
    else:
        ids = _candidates(campaign.project_id, text)
        found = list(rows.filter(contact__in=ids)[: MOST_FOUND + 1])
        has_more = len(found) > MOST_FOUND or len(ids) == _MOST_CANDIDATES
    found.sort(key=lambda mail: (mail.to_email, mail.run))
    return Found(found[:MOST_FOUND], has_more)


def _candidates(project_id: UUID, text: str) -> list[UUID]:
    """Return contacts with a piece in their address; the one, if it is a whole one."""
    everybody = Contact.objects.filter(project_id=project_id)
    whole = everybody.filter(email=text.strip().lower()).values_list("pk", flat=True)
    rows = search(everybody, text).values_list("pk", flat=True)
    return list(whole) or list(rows[:_MOST_CANDIDATES])


def stream_csv(campaign_id: UUID, kind: Kind, *, run: int | None) -> Iterator[bytes]:
    """Give out the mails of a kind as CSV (UTF-8, a header first), chunk by chunk.

    They come in the order of their contacts, which nothing changes: each mail that is
    there from beginning to end is in the file once, whatever becomes of it meanwhile.
    """
    sheet = Sheet()
    sheet.write([list(COLUMNS)])
    for chunk in _chunks(rows_of(campaign_id, kind, run)):
        sheet.write([_field(value) for value in row[2:]] for row in chunk)
        yield sheet.take()
    yield sheet.take()


def _chunks(rows: QuerySet[Email]) -> Iterator[list[tuple[Any, ...]]]:
    """Read mails along the index that keeps a campaign's contacts apart."""
    wanted = rows.order_by("origin_id", "contact_id", "run")
    values = wanted.values_list("contact_id", "run", *COLUMNS.values())
    place: tuple[UUID, int] | None = None
    while True:
        rest = values
        if place:
            contact_id, run = place
            rest = values.filter(
                Q(contact_id__gt=contact_id) | Q(run__gt=run),
                contact_id__gte=contact_id,
            )
        found = list(rest[:CHUNK])
        if found:
            place = found[-1][0], found[-1][1]
            yield found
        if len(found) < CHUNK:
            return


def _field(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None)
        return f"{moment.isoformat(timespec='milliseconds')}Z"
    return str(value) if isinstance(value, UUID) else cell(value)


def latest_deed(mail: Email) -> datetime | None:
    """Return when the last thing that is known of a mail happened."""
    times = (
        *(mail.sent_at, mail.delivered_at, mail.opened_at, mail.clicked_at),
        *(mail.bounced_at, mail.complained_at),
    )
    return max((at for at in times if at), default=None)


def what_happened(mail: Email) -> str:
    """Say in a few words what is known of a mail beside its state."""
    if mail.state == EmailState.QUEUED and mail.error:
        return f"Will be tried again: {mail.error}"
    if mail.error:
        return mail.error
    if mail.clicked_at:
        return "Clicked"
    if mail.opened_at:
        return "Opened"
    if mail.machine_opens or mail.machine_clicks:
        return "Only machines have looked at it"
    return ""
