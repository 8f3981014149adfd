"""A person that the sender forgets is forgotten in its simulator too."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from plunk.simulator.models import (
    PendingFeedback,
    SimulatedMessage,
    SimulatedSuppression,
)


def forget(*, project_id: UUID, emails: Collection[str], **_: Any) -> None:
    """Delete a project's mails to some addresses, and what is still to be said of them.

    The simulator keeps few mails: it may look at each.
    """
    wanted = {email.lower() for email in emails}
    rows = SimulatedMessage.objects.filter(project_id=project_id)
    found = [
        message_id
        for message_id, recipients in rows.values_list("message_id", "recipients")
        if wanted & {str(recipient).lower() for recipient in recipients}
    ]
    SimulatedMessage.objects.filter(pk__in=found).delete()
    PendingFeedback.objects.filter(message_id__in=found).delete()
    SimulatedSuppression.objects.filter(email__in=wanted).delete()
