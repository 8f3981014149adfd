"""How many contacts a project has, without counting them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from contacts.models import Contact

#: Up to here what a search finds is counted; more of it is not worth the wait.
MOST_COUNTED = 10_000


def count_contacts(project_id: UUID, *, subscribed: bool | None = None) -> int:
    """Return how many contacts there are, or only the (un)subscribed ones."""
    rows = Contact.objects.filter(project_id=project_id)
    return (rows if subscribed is None else rows.filter(subscribed=subscribed)).count()


def count_up_to(rows: QuerySet[Contact]) -> int | None:
    """Return how many rows there are; None where there are more than MOST_COUNTED."""
    found = rows.order_by().values("pk")[: MOST_COUNTED + 1].count()
    return found if found <= MOST_COUNTED else None
