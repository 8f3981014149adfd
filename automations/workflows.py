"""Making, changing and publishing workflows; deleting them is `automations.dropping`.

A draft may be unfinished and is saved as it is; publishing makes a version of it, which
never changes. Who is inside goes on by the version they began with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Now

from automations import listening, schedules
from automations.checking import Problem, problems_in
from automations.definitions import (
    Definition,
    Trigger,
    as_document,
    beginning,
    parse,
)
from automations.models import (
    ACTIVE,
    Run,
    Workflow,
    WorkflowKind,
    WorkflowVersion,
)
from plunk.api.errors import Conflict, FieldError, Invalid, NotFound, invalid
from plunk.api.strictjson import write
from plunk.projects.models import User

MAX_NAME = 200
MAX_DESCRIPTION = 1_000
#: Of a definition, which every process keeps in memory.
MAX_BYTES = 1024 * 1024
#: People inside are counted up to here.
MOST_COUNTED = 10_000
_COPY = " (Copy)"


class WorkflowNotFound(NotFound):
    code = "WORKFLOW_NOT_FOUND"
    suggestion = "Look the id up under Automations; workflows belong to one project."

    def __init__(self) -> None:
        super().__init__("That workflow was not found.")


class StaleDraft(Conflict):
    """Somebody else has saved since; `revision` is the newest."""

    suggestion = "Load the workflow again and make the change once more."

    def __init__(self, revision: int) -> None:
        super().__init__("Somebody else has changed the workflow in the meantime.")
        self.revision = revision


class Unfinished(Invalid):
    """What keeps a draft from being published."""

    def __init__(self, problems: Collection[Problem]) -> None:
        super().__init__(
            [
                FieldError(
                    f"steps.{problem.step_id}.{problem.field}".strip("."),
                    problem.message,
                    problem.code,
                )
                for problem in problems
            ]
        )
        self.problems = list(problems)


class HasRuns(Conflict):
    suggestion = "Cancel the runs first, or wait until they are over."


def workflow_of(project_id: UUID, workflow_id: UUID) -> Workflow:
    """Return a project's workflow; raises WorkflowNotFound."""
    rows = Workflow.objects.existing().filter(project_id=project_id, pk=workflow_id)
    workflow = rows.select_related("live").first()
    if workflow is None:
        raise WorkflowNotFound
    return workflow


def create(
    *,
    project_id: UUID,
    name: str,
    trigger: Trigger,
    description: str = "",
    enabled: bool = False,
    allow_reentry: bool = False,
    kind: WorkflowKind = WorkflowKind.WORKFLOW,
    document: Mapping[str, Any] | None = None,
    user: User | None = None,
) -> Workflow:
    """Make a workflow, published and switched on if `enabled`.

    Raises Invalid for a name or a document that cannot be read, and Unfinished.
    """
    definition = parse(document or beginning(trigger))
    with transaction.atomic():
        made = Workflow.objects.create(
            project_id=project_id,
            kind=kind,
            name=_name(name),
            description=description[:MAX_DESCRIPTION],
            allow_reentry=allow_reentry,
            draft=_written(definition),
        )
        workflow = _locked(made)
        listening.refresh(workflow)
        if enabled:
            _enable(workflow, user)
    return workflow_of(project_id, made.pk)


@transaction.atomic
def change(
    *,
    workflow: Workflow,
    name: str | None = None,
    description: str | None = None,
    allow_reentry: bool | None = None,
) -> Workflow:
    """Change what is not part of the definition; None leaves it as it is."""
    row = _locked(workflow)
    changes = _differing(
        row,
        name=None if name is None else _name(name),
        description=None if description is None else description[:MAX_DESCRIPTION],
        allow_reentry=allow_reentry,
    )
    return _save(row, parse(row.draft), changes)


@transaction.atomic
def save_draft(
    *,
    workflow: Workflow,
    document: Any,
    expected_revision: int | None = None,
    name: str | None = None,
    allow_reentry: bool | None = None,
) -> Workflow:
    """Save what the editor has; it may be unfinished. None leaves a thing as it is.

    Raises Invalid where it cannot be read, and StaleDraft where `expected_revision` is
    not the newest.
    """
    definition = parse(document)
    row = _locked(workflow)
    if expected_revision is not None and row.revision != expected_revision:
        raise StaleDraft(row.revision)
    changes = _differing(
        row,
        name=None if name is None else _name(name),
        allow_reentry=allow_reentry,
    )
    return _save(row, definition, changes)


@transaction.atomic
def edit(
    workflow: Workflow,
    change: Callable[[Definition], Definition],
    *,
    user: User | None = None,
) -> Workflow:
    """Apply a change to the draft; of an enabled workflow it is live at once.

    As the API of the current generation has it. Raises what `change` raises, and
    Unfinished where an enabled workflow would be.
    """
    row = _locked(workflow)
    row = _save(row, change(parse(row.draft)))
    if row.enabled:
        _publish(row, user)
    return workflow_of(row.project_id, row.pk)


def _written(definition: Definition) -> dict[str, Any]:
    document = as_document(definition)
    if len(write(document)) > MAX_BYTES:
        raise invalid("steps", "The workflow is larger than 1 MiB.", "too_big")
    return document


def _differing(row: Workflow, **wished: object) -> dict[str, Any]:
    """Return what is wished and is not so yet."""
    return {
        name: value
        for name, value in wished.items()
        if value is not None and value != getattr(row, name)
    }


def _save(
    row: Workflow, definition: Definition, changes: Mapping[str, Any] | None = None
) -> Workflow:
    """Write what differs; whoever has the revision before it is told so on saving."""
    written = dict(changes or {})
    document = _written(definition)
    if document != row.draft:
        written["draft"] = document
    if written:
        Workflow.objects.filter(pk=row.pk).update(
            **written, revision=F("revision") + 1, updated_at=Now()
        )
    if "draft" in written:
        row.draft = document
        listening.refresh(row)
    return workflow_of(row.project_id, row.pk)


@transaction.atomic
def publish(*, workflow: Workflow, user: User | None = None) -> WorkflowVersion:
    """Make the draft the version that new runs follow; return it.

    Who is inside finishes theirs, unless `bulk.move_all` takes them along. Raises
    Unfinished with everything that is missing; what equals the live version makes none.
    """
    return _publish(_locked(workflow), user)


def _publish(row: Workflow, user: User | None) -> WorkflowVersion:
    definition = parse(row.draft)
    errors = [one for one in problems_in(row.project_id, definition) if one.is_error]
    if errors:
        raise Unfinished(errors)
    live = row.live
    if live is None or live.definition != row.draft:
        newest = WorkflowVersion.objects.filter(workflow=row).aggregate(
            number=Max("number")
        )["number"]
        live = WorkflowVersion.objects.create(
            workflow=row,
            number=(newest or 0) + 1,
            definition=row.draft,
            published_by=user,
        )
        row.live = live
        Workflow.objects.filter(pk=row.pk).update(live=live, updated_at=Now())
    schedules.set_next(row)
    listening.refresh(row)
    return live


@transaction.atomic
def enable(*, workflow: Workflow, user: User | None = None) -> Workflow:
    """Let a workflow begin runs; one that was never published is published first."""
    row = _locked(workflow)
    _enable(row, user)
    return workflow_of(row.project_id, row.pk)


def _enable(row: Workflow, user: User | None) -> None:
    row.enabled = True
    Workflow.objects.filter(pk=row.pk).update(enabled=True, updated_at=Now())
    if row.live_id is None:
        _publish(row, user)
    else:
        schedules.set_next(row)
        listening.refresh(row)


@transaction.atomic
def disable(*, workflow: Workflow) -> Workflow:
    """Let a workflow begin no more runs; those inside go on."""
    row = _locked(workflow)
    row.enabled = False
    Workflow.objects.filter(pk=row.pk).update(
        enabled=False, next_at=None, updated_at=Now()
    )
    listening.refresh(row)
    return workflow_of(row.project_id, row.pk)


def duplicate(*, workflow: Workflow) -> Workflow:
    """Make a copy of a workflow's draft, switched off."""
    return create(
        project_id=workflow.project_id,
        name=workflow.name[: MAX_NAME - len(_COPY)] + _COPY,
        description=workflow.description,
        trigger=parse(workflow.draft).trigger,
        allow_reentry=workflow.allow_reentry,
        kind=WorkflowKind(workflow.kind),
        document=workflow.draft,
    )


def active_runs(workflow: Workflow) -> int:
    """Count who is inside, up to MOST_COUNTED + 1."""
    runs = Run.objects.filter(workflow=workflow, state__in=ACTIVE)
    return runs.order_by()[: MOST_COUNTED + 1].count()


def has_changes(workflow: Workflow) -> bool:
    """Say whether the draft differs from what is live."""
    return workflow.live is None or workflow.live.definition != workflow.draft


def _locked(workflow: Workflow) -> Workflow:
    """Lock a workflow's row; whoever edits, publishes or deletes waits here."""
    rows = Workflow.objects.existing().filter(pk=workflow.pk)
    row = rows.select_for_update().first()
    if row is None:
        raise WorkflowNotFound
    return row


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME:
        raise invalid("name", f"Expected 1 to {MAX_NAME} characters.", "invalid_string")
    return name
