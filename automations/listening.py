"""Which events and segments workflows wait for, kept where tracking can see it."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from automations.definitions import Definition, parse
from automations.engine.versions import definition_of
from automations.events.naming import as_tracked
from automations.models import (
    ACTIVE,
    Event,
    Listener,
    Moves,
    Run,
    RunState,
    StepTemplate,
    TriggerType,
    Workflow,
    WorkflowVersion,
)
from transactional.models import Template

_MOVES = {
    TriggerType.SEGMENT_ENTRY: Moves.ENTRY,
    TriggerType.SEGMENT_EXIT: Moves.EXIT,
}


def refresh(workflow: Workflow) -> None:
    """Write down what a workflow listens to now, in the transaction that changed it.

    Its row is locked by the caller. Events are made that nobody has tracked yet.
    """
    definition = definition_of(workflow.live_id) if workflow.live_id else None
    is_listening = workflow.enabled and definition is not None
    before = set(
        Listener.objects.filter(workflow=workflow, event__isnull=False).values_list(
            "event", flat=True
        )
    )
    Listener.objects.filter(workflow=workflow).delete()
    after: set[UUID] = set()
    if is_listening and definition is not None:
        after = _listen(workflow, definition)
    awaited = _awaited(workflow)
    _hear(after | awaited)
    _stop_hearing(workflow.project_id, before - after - awaited)
    _use_templates(workflow)


def forget(workflow: Workflow) -> None:
    """Let a workflow that is being deleted hear nothing and need no template.

    Its row is locked by the caller, and neither enabled nor live any more. Asked again
    once its runs are gone, it also lets go of what they waited for.
    """
    names: set[str] = set()
    for pk in workflow.versions.values_list("pk", flat=True):
        definition = definition_of(pk)
        names |= {*definition.trigger.event_names, *definition.awaited_events()}
    Listener.objects.filter(workflow=workflow).delete()
    StepTemplate.objects.filter(workflow=workflow).delete()
    tracked = names | {as_tracked(name) for name in names}
    _stop_hearing(workflow.project_id, _existing(workflow.project_id, tracked).values())


def events_of(project_id: UUID, names: Collection[str]) -> dict[str, UUID]:
    """Return the ids of events by the names given, making those that are not there."""
    wanted = {name: name if "." in name else as_tracked(name) for name in names}
    found = _existing(project_id, {*wanted, *wanted.values()})
    for name, tracked in wanted.items():
        if name not in found and tracked not in found:
            made, _ = Event.objects.get_or_create(project_id=project_id, name=tracked)
            found[tracked] = made.pk
    return {name: found.get(name) or found[wanted[name]] for name in wanted}


def _existing(project_id: UUID, names: Collection[str]) -> dict[str, UUID]:
    rows = Event.objects.existing().filter(project_id=project_id, name__in=names)
    return dict(rows.values_list("name", "pk"))


def _listen(workflow: Workflow, definition: Definition) -> set[UUID]:
    trigger = definition.trigger
    ids = set(events_of(workflow.project_id, trigger.event_names).values())
    Listener.objects.bulk_create(
        Listener(workflow=workflow, event_id=pk) for pk in sorted(ids)
    )
    moves = _MOVES.get(TriggerType(trigger.type))
    if moves and trigger.segment_id:
        Listener.objects.create(
            workflow=workflow, segment_id=trigger.segment_id, moves=moves
        )
    return ids


def _awaited(workflow: Workflow) -> set[UUID]:
    """Return the events for which runs wait, or will: of versions with people in."""
    inside = Run.objects.filter(version=OuterRef("pk"), state__in=ACTIVE)
    versions = WorkflowVersion.objects.filter(Exists(inside), workflow=workflow)
    ids = {*versions.values_list("pk", flat=True)}
    if workflow.enabled and workflow.live_id:
        ids.add(workflow.live_id)
    names = {name for pk in ids for name in definition_of(pk).awaited_events()}
    return set(events_of(workflow.project_id, names).values()) if names else set()


def _hear(ids: Collection[UUID]) -> None:
    deaf = Event.objects.filter(pk__in=ids, is_heard=False)
    deaf.update(is_heard=True, updated_at=Now())


def _stop_hearing(project_id: UUID, ids: Collection[UUID]) -> None:
    """Let events go that nobody in the project waits for any more.

    One too many costs an arrival that nobody wants; one too few would lose a run.
    """
    if not ids:
        return
    # As the index has it: whoever waits for an event is in this state.
    waiting = Run.objects.filter(awaited=OuterRef("pk"), state=RunState.WAITING)
    listening = Listener.objects.filter(event=OuterRef("pk"))
    named = _awaited_elsewhere(project_id)
    rows = Event.objects.filter(pk__in=ids).exclude(name__in=named)
    rows.exclude(Exists(waiting)).exclude(Exists(listening)).update(is_heard=False)


def _awaited_elsewhere(project_id: UUID) -> set[str]:
    inside = Run.objects.filter(version=OuterRef("pk"), state__in=ACTIVE)
    live = Workflow.objects.filter(project=project_id, live__isnull=False)
    # Asked for apart: together with an “or”, PostgreSQL reads all runs for it.
    older = WorkflowVersion.objects.filter(Exists(inside), workflow__project=project_id)
    ids = {*live.values_list("live", flat=True), *older.values_list("pk", flat=True)}
    names = {name for pk in ids for name in definition_of(pk).awaited_events()}
    return names | {as_tracked(name) for name in names}


def _use_templates(workflow: Workflow) -> None:
    """Write down which templates the draft and the live version send."""
    used = set(parse(workflow.draft).templates())
    if workflow.live_id:
        used |= set(definition_of(workflow.live_id).templates())
    known = _templates(workflow, {template_id for _, template_id in used})
    StepTemplate.objects.filter(workflow=workflow).delete()
    StepTemplate.objects.bulk_create(
        StepTemplate(workflow=workflow, template_id=template_id, step_id=step_id)
        for step_id, template_id in sorted(used)
        if template_id in known
    )


def _templates(workflow: Workflow, ids: Collection[UUID]) -> set[UUID]:
    """Lock the templates among these that exist, as whoever deletes one does."""
    rows = Template.objects.existing().filter(
        project_id=workflow.project_id, pk__in=ids
    )
    return set(rows.select_for_update(no_key=True).values_list("pk", flat=True))
