"""How many contacts a project has, without counting them.

PostgreSQL takes a third of a second to count a million. There, triggers note every
change (ContactTally), and what is asked for is the sum of the notes: exact, in every
transaction as of what it sees, and without a row that everybody waits for.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet, Sum

from contacts.models import Contact, ContactTally
from plunk.postgresql import fetch_all, is_postgresql

#: Up to here what a search finds is counted; more of it is not worth the wait.
MOST_COUNTED = 10_000


def count_contacts(project_id: UUID, *, subscribed: bool | None = None) -> int:
    """Return how many contacts there are, or only the (un)subscribed ones."""
    if not is_postgresql():
        rows = Contact.objects.filter(project_id=project_id)
        if subscribed is not None:
            rows = rows.filter(subscribed=subscribed)
        return rows.count()
    sums = ContactTally.objects.filter(project_id=project_id).aggregate(
        everybody=Sum("everybody"), subscribed=Sum("subscribed")
    )
    everybody, of_them = sums["everybody"] or 0, sums["subscribed"] or 0
    if subscribed is None:
        return everybody
    return of_them if subscribed else everybody - of_them


def count_up_to(rows: QuerySet[Contact]) -> int | None:
    """Return how many rows there are; None where there are more than MOST_COUNTED."""
    found = rows.order_by().values("pk")[: MOST_COUNTED + 1].count()
    return found if found <= MOST_COUNTED else None


#: One statement: whoever adds up meanwhile sees either the notes or their sum, and of
#: two who fold the same notes one waits and then finds none of them.
_FOLD_SQL = """
WITH several AS (
  SELECT project_id FROM contacts_contacttally
  GROUP BY project_id
  HAVING count(*) > 1 OR (sum(everybody) = 0 AND sum(subscribed) = 0)
),
gone AS (
  DELETE FROM contacts_contacttally
  WHERE project_id IN (SELECT project_id FROM several)
  RETURNING project_id, everybody, subscribed
)
INSERT INTO contacts_contacttally (project_id, everybody, subscribed)
SELECT project_id, sum(everybody), sum(subscribed) FROM gone
GROUP BY project_id
HAVING sum(everybody) <> 0 OR sum(subscribed) <> 0
"""


def fold() -> None:
    """Replace the notes of each project by their sum, so that adding up stays short."""
    if is_postgresql():
        fetch_all(_FOLD_SQL, {})
