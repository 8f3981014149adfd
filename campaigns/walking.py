"""Going along the contacts that a campaign may be for, window by window, in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from campaigns.audience import named
from campaigns.models import AudienceType, Campaign, Recipient
from contacts.counting import count_contacts
from contacts.models import Contact
from plunk.pages.paging import Cursor, newer, up_to


@dataclass(frozen=True, slots=True)
class Window:
    """Contacts that the rule names among those looked at, and where the next ones
    begin; None after the last.
    """

    contacts: QuerySet[Contact]
    looked_at: int
    next: dict[str, Any] | None


def expected(campaign: Campaign) -> int:
    """Return how many contacts all windows together will look at."""
    if campaign.audience_type == AudienceType.RECIPIENTS:
        return Recipient.objects.filter(campaign=campaign).count()
    return count_contacts(campaign.project_id)


def next_window(
    campaign: Campaign, position: dict[str, Any], *, size: int, until: datetime
) -> Window:
    """Return the window after a position, which is empty at the beginning.

    Nobody who came after `until` is in one; windows of filters end then.
    """
    if campaign.audience_type == AudienceType.RECIPIENTS:
        return _of_chosen(campaign, position, size)
    return _of_contacts(campaign, position, size, until)


def _of_contacts(
    campaign: Campaign, position: dict[str, Any], size: int, until: datetime
) -> Window:
    """Go along the list of contacts, the oldest first."""
    everybody = Contact.objects.filter(project_id=campaign.project_id)
    start = Cursor.read(position.get("after", ""))
    rest = newer(everybody, start) if start else everybody
    rest = rest.filter(created_at__lte=until)
    places = rest.order_by("created_at", "id").values_list("created_at", "id")
    last = places[size - 1 : size].first()
    found = named(campaign, now=until)
    if start:
        found = newer(found, start)
    found = found.filter(created_at__lte=until)
    if last is None:
        return Window(found, rest.count(), None)
    end = Cursor(*last)
    return Window(up_to(found, end), size, {"after": str(end)})


def _of_chosen(campaign: Campaign, position: dict[str, Any], size: int) -> Window:
    rows = Recipient.objects.filter(
        campaign=campaign, pk__gt=position.get("recipient", 0)
    )
    last = rows.order_by("pk").values_list("pk", flat=True)[size - 1 : size].first()
    chosen = rows if last is None else rows.filter(pk__lte=last)
    contacts = Contact.objects.filter(
        project_id=campaign.project_id, pk__in=chosen.values("contact")
    )
    if last is None:
        return Window(contacts, rows.count(), None)
    return Window(contacts, size, {"recipient": last})
