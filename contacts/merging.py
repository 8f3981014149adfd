"""The same keys of data changed for many contacts at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from contacts.data import data_that_fits
from contacts.models import Contact
from plunk.api.strictjson import write
from plunk.postgresql import fetch_all, is_postgresql

_MERGE_SQL = """
WITH mine AS (
  SELECT id FROM contacts_contact
  WHERE project_id = %(project_id)s AND id = ANY(%(contact_ids)s)
  ORDER BY email
  FOR NO KEY UPDATE
)
UPDATE contacts_contact AS contact
SET
  data = NULLIF(
    (COALESCE(data, '{}'::jsonb) || %(stored)s::jsonb) - %(removed)s::text[],
    '{}'::jsonb
  ),
  updated_at = now()
FROM mine
WHERE contact.id = mine.id
"""


@transaction.atomic
def merge_data(
    *, project_id: UUID, contact_ids: Sequence[UUID], changes: Mapping[str, Any]
) -> None:
    """Set keys of contacts' data, and remove those whose new value is None.

    A statement for any number. Raises Invalid, with nothing changed, where somebody's
    data grows too large. Ids of other projects change nothing.
    """
    stored = {key: value for key, value in changes.items() if value is not None}
    removed = [key for key, value in changes.items() if value is None]
    with data_that_fits(), transaction.atomic():
        if is_postgresql():
            params = {
                "project_id": project_id,
                "contact_ids": list(contact_ids),
                "stored": write(stored).decode(),
                "removed": removed,
            }
            fetch_all(_MERGE_SQL, params)
            return
        rows = Contact.objects.filter(project_id=project_id, pk__in=contact_ids)
        contacts = list(rows.order_by("email").select_for_update())
        for contact in contacts:
            data = {**(contact.data or {}), **stored}
            kept = {key: value for key, value in data.items() if key not in removed}
            contact.data, contact.updated_at = kept or None, Now()
        Contact.objects.bulk_update(contacts, ["data", "updated_at"], batch_size=200)
