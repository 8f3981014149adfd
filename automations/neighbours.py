"""What workflows tell the floors below: which templates and segments they need."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, TextField
from django.db.models.functions import Cast
from django.urls import reverse

from automations.definitions import parse
from automations.models import ACTIVE, Run, StepTemplate, Workflow, WorkflowVersion
from contacts.segments import uses as segments
from transactional import template_uses

#: How many workflows a refusal names.
_MOST_NAMED = 20


def uses_of_templates(
    project_id: UUID, template_ids: Collection[UUID]
) -> list[template_uses.Use]:
    """Return the steps that send templates: of drafts, of what is live, and of older
    versions by which somebody still goes.
    """
    rows = StepTemplate.objects.filter(
        template__in=template_ids, workflow__project_id=project_id
    )
    fields = rows.values_list("template_id", "workflow_id", "workflow__name", "step_id")
    found = {(one[0], one[1], one[3]): one[2] for one in fields}
    wanted = set(template_ids)
    for workflow_id, name, definition in _older(project_id):
        for step_id, template_id in parse(definition).templates():
            if template_id in wanted:
                found[template_id, workflow_id, step_id] = name
    return [
        template_uses.Use(
            template_id,
            template_uses.UseKind.WORKFLOW_STEP,
            f"the workflow “{name}”",
            reverse("workflow", args=[project_id, workflow_id]),
        )
        for (template_id, workflow_id, _), name in found.items()
    ]


def _older(project_id: UUID) -> Iterator[tuple[UUID, str, Any]]:
    """Yield what is not live any more and still has runs under way."""
    inside = Run.objects.filter(version=OuterRef("pk"), state__in=ACTIVE)
    rows = WorkflowVersion.objects.filter(
        Exists(inside), workflow__project_id=project_id, workflow__deleted_at=None
    ).exclude(pk=F("workflow__live_id"))
    yield from rows.values_list("workflow_id", "workflow__name", "definition")


def uses_of_segment(project_id: UUID, segment_id: UUID) -> list[segments.Use]:
    """Return the workflows that begin at a segment, change it or ask for it."""
    named = str(segment_id)
    inside = Run.objects.filter(version=OuterRef("pk"), state__in=ACTIVE)
    older = WorkflowVersion.objects.annotate(
        written=Cast("definition", TextField())
    ).filter(Exists(inside), workflow=OuterRef("pk"), written__icontains=named)
    rows = (
        Workflow.objects.existing()
        .filter(project_id=project_id)
        .annotate(
            written=Cast("draft", TextField()),
            published=Cast("live__definition", TextField()),
        )
        .filter(
            Q(written__icontains=named) | Q(published__icontains=named) | Exists(older)
        )
        .order_by("name", "pk")
    )
    return [
        segments.Use(
            f"the workflow “{name}”", reverse("workflow", args=[project_id, pk])
        )
        for pk, name in rows.values_list("pk", "name")[:_MOST_NAMED]
    ]
