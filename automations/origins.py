"""Which run a mail was written for, and its page."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.urls import reverse

from automations.models import Visit
from transactional.origins import Origin


def runs(project_id: UUID, origin_ids: Collection[UUID]) -> dict[UUID, Origin]:
    """Name the workflows of mails by their visits."""
    rows = Visit.objects.filter(
        pk__in=origin_ids,
        run__project=project_id,
        run__workflow__deleted_at=None,
    )
    found = rows.values_list("pk", "run", "run__workflow", "run__workflow__name")
    return {
        pk: Origin(name, reverse("run", args=[project_id, workflow_id, run_id]))
        for pk, run_id, workflow_id, name in found
    }
