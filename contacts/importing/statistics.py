"""Fresh statistics of the contacts, without which the planner takes them for few.

PostgreSQL looks at a table that has grown within a minute or so; until then it would
sort all contacts for a page of the list.
"""

from __future__ import annotations

from django.db import transaction

from contacts.models import Contact, Job
from plunk.postgresql import fetch_all, is_postgresql

#: New contacts from which on an import is worth a second of looking at them.
MANY = 50_000
_LIMITS = """
SELECT set_config('lock_timeout', '2s', true),
  set_config('statement_timeout', '30s', true)
"""


def renew_statistics(job: Job) -> None:
    """Look at the contacts once the open transaction is committed, if many are new.

    A failure is only logged. Who does not own the table gets a warning from PostgreSQL.
    """
    if is_postgresql() and job.counts.get("created", 0) >= MANY:
        transaction.on_commit(_analyze, robust=True)


@transaction.atomic
def _analyze() -> None:
    fetch_all(_LIMITS, {})
    fetch_all(f'ANALYZE "{Contact._meta.db_table}"', {})
