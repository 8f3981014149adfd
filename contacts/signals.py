"""News about contacts, for the floors above.

Both carry `project_id` and `contact_id` (UUID) and `reason` (str, e.g. `api`, `bounce`,
`complaint`), and are sent within the transaction that made the change.
"""

from __future__ import annotations

from django.dispatch import Signal

contact_subscribed = Signal()
contact_unsubscribed = Signal()
