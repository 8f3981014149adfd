"""News about contacts, for the floors above.

Sent within the transaction that made the change, so that the receivers' rows and the
change are kept or lost together. `contact_ids` is never empty.
"""

from __future__ import annotations

from django.dispatch import Signal

#: Carry `project_id` (UUID), `contact_ids` (list of UUID), `reason` (str, such as
#: `api`, `bounce`, `complaint`), `door` (Door) and `email_id` (UUID of the mail whose
#: link was used, or None).
contacts_subscribed = Signal()
contacts_unsubscribed = Signal()
#: Contacts are to get a mail with a link to confirm their subscription. Carries
#: `project_id`, `contact_ids` and `is_reminder` (bool).
confirmation_wanted = Signal()
#: Contacts came into or went out of a tracked segment. Carry `segment` (Segment) and
#: `contact_ids`.
segment_entered = Signal()
segment_exited = Signal()
#: Addresses that a project no longer suppresses. Carries `project_id` and `emails`.
suppressions_released = Signal()
