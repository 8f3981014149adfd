"""Where contacts stand beside being subscribed: paused, or asked to confirm."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, TextChoices

from contacts.models import Confirmation


class Standing(TextChoices):
    PENDING = "pending", "Waiting for confirmation"
    SNOOZED = "snoozed", "Snoozed"

    def condition(self, project_id: UUID) -> Q:
        """Return the condition on a contact of the project to stand there."""
        if self == Standing.SNOOZED:
            return Q(snoozed_until__isnull=False)
        waiting = Confirmation.objects.filter(project_id=project_id)
        return Q(pk__in=waiting.values("contact_id"))
