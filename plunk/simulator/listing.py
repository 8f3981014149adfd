"""The list of the Inbox: which mails somebody may see, in which order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parseaddr
from hashlib import sha256
from uuid import UUID

from django.db.models import Q, QuerySet

from plunk.simulator.models import SimulatedMessage

PAGE_SIZE = 30
MESSAGE_ID = re.compile(r"[0-9a-f-]{10,100}")
#: SES's events as the Inbox words them, and how they look.
OUTCOMES = {
    "Send": ("Accepted", "info"),
    "Delivery": ("Delivered", "good"),
    "Bounce": ("Bounced", "bad"),
    "Complaint": ("Complaint", "warn"),
    "Reject": ("Rejected", "bad"),
    "Open": ("Opened", "info"),
    "Click": ("Clicked", "info"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A mail as a line of the list."""

    message: SimulatedMessage
    is_open: bool = False

    @property
    def id(self) -> str:
        return str(self.message.message_id)

    @property
    def recipient(self) -> str:
        first, *others = self.message.recipients
        return f"{first} +{len(others)}" if others else str(first)

    @property
    def sender(self) -> str:
        name, address = parseaddr(self.message.sender)
        return name or address or self.message.sender

    @property
    def from_line(self) -> str:
        name, address = parseaddr(self.message.sender)
        return f"{name} <{address}>" if name and address else self.message.sender

    @property
    def is_account_mail(self) -> bool:
        return self.message.project_id is None

    @property
    def outcome(self) -> tuple[str, str]:
        return OUTCOMES.get(self.message.outcome, (self.message.outcome, "neutral"))


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the list; `older` is where the next one begins."""

    rows: list[Row]
    older: str

    @property
    def newest(self) -> str:
        return self.rows[0].id if self.rows else ""

    @property
    def fingerprint(self) -> str:
        """Name what this page shows, so that a poll can tell whether it changed."""
        shown = "".join(f"{row.id}{row.message.outcome}" for row in self.rows)
        return sha256(shown.encode()).hexdigest()[:16]


def visible(*, project_id: UUID, is_superuser: bool) -> QuerySet[SimulatedMessage]:
    """Return the mails of a project; account mail belongs to whoever runs the box.

    It holds links that set anybody's password: never for staff with fewer rights.
    """
    mine = Q(project_id=project_id)
    return SimulatedMessage.objects.filter(
        mine | Q(project_id=None) if is_superuser else mine
    )


def listing(
    messages: QuerySet[SimulatedMessage], *, before: str = "", open_id: str = ""
) -> Listing:
    """Return the newest mails, or those before a message id, in one statement.

    Message ids sort by the time they were given.
    """
    if MESSAGE_ID.fullmatch(before):
        messages = messages.filter(message_id__lt=before)
    found = list(messages.defer("raw", "tags").order_by("-message_id")[: PAGE_SIZE + 1])
    has_more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    return Listing(
        rows=[Row(message, message.message_id == open_id) for message in found],
        older=found[-1].message_id if has_more else "",
    )
