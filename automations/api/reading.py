"""What is read of the bodies that are about workflows, by the names of the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from django.db.models.functions import Now

from automations import workflows
from automations.definitions import Definition, Step, Transition, Trigger, parse
from automations.editing import (
    NotAllowed,
    StepNotFound,
    TransitionNotFound,
    step_of,
)
from automations.models import ACTIVE, Run, TriggerType, Workflow, WorkflowVersion
from automations.step_rules import findings
from automations.workflows import Unfinished, WorkflowNotFound
from plunk.api.errors import Conflict, FieldError, Invalid
from plunk.api.fields import Fields
from plunk.ids import new_id, read_id
from transactional.templates import template_of

#: Bytes of what a step, a trigger, a condition or a context is told.
MAX_CONFIG = 64 * 1024
_MAX_ID = 200
_STEP = "definition.steps.1."
_TRIGGER = "definition.trigger."


class SomebodyInside(Conflict):
    """The guard of the contract (4.5)."""

    suggestion = (
        "Publish a new version from the workflow’s page, or send ?newVersion=true: "
        "who is inside then finishes by the version they began with."
    )

    def __init__(self) -> None:
        super().__init__("That workflow is enabled and somebody is inside.")


def workflow_named(project_id: UUID, text: str) -> Workflow:
    """Return the workflow that a path names; raises WorkflowNotFound."""
    workflow_id = read_id(text)
    if workflow_id is None:
        raise WorkflowNotFound
    return workflows.workflow_of(project_id, workflow_id)


def locked(project_id: UUID, text: str) -> Workflow:
    """Return a workflow that nobody else changes before the transaction ends."""
    workflow_id = read_id(text)
    if workflow_id is None:
        raise WorkflowNotFound
    rows = Workflow.objects.existing().filter(project_id=project_id, pk=workflow_id)
    if rows.select_for_update().first() is None:
        raise WorkflowNotFound
    return workflows.workflow_of(project_id, workflow_id)


def guard(workflow: Workflow) -> None:
    """Raise SomebodyInside where an enabled workflow has runs under way."""
    inside = Run.objects.filter(workflow=workflow, state__in=ACTIVE)
    if workflow.enabled and inside.exists():
        raise SomebodyInside


def guard_steps(workflow: Workflow, definition: Definition, step_id: UUID) -> None:
    """Raise SomebodyInside where somebody is at a step, or at one that it leads to."""
    versions = WorkflowVersion.objects.filter(workflow=workflow)
    inside = Run.objects.filter(
        version__in=versions.values("pk"),
        state__in=ACTIVE,
        step_id__in=definition.downstream(step_id),
    )
    if workflow.enabled and inside.exists():
        raise SomebodyInside


def switch_on(workflow: Workflow) -> Workflow:
    """Enable a workflow as its draft is now, in a transaction of the caller.

    One that has no steps yet goes live with its first one (contract 6, 25): until then
    there is nothing that a run could do.
    """
    try:
        workflows.publish(workflow=workflow)
        return workflows.enable(workflow=workflow)
    except Unfinished as error:
        is_empty = {problem.code for problem in error.problems} == {"empty"}
        if workflow.live_id is not None or not is_empty:
            raise
    rows = Workflow.objects.filter(pk=workflow.pk)
    rows.update(enabled=True, updated_at=Now())
    return workflows.workflow_of(workflow.project_id, workflow.pk)


def id_of(text: str) -> UUID:
    """Return the id of a step; what is none is no step's. Raises StepNotFound."""
    step_id = read_id(text)
    if step_id is None:
        raise StepNotFound
    return step_id


def transition_id_of(text: str) -> UUID:
    """Return the id of a transition; raises TransitionNotFound."""
    transition_id = read_id(text)
    if transition_id is None:
        raise TransitionNotFound
    return transition_id


# -- steps -----------------------------------------------------------------------------


def read_step(body: Mapping[str, Any], required: tuple[str, ...]) -> Step:
    """Return the step that a body describes, with an id of its own.

    Raises Invalid.
    """
    fields = Fields(dict(body))
    for name in required:
        fields.require(name, fields.value(name))
    fields.text("name", maximum=200, blank=False)
    bounded(fields, "config")
    fields.finish()
    given = {
        name: body.get(name)
        for name in ("type", "name", "position", "config", "templateId")
    }
    step = _parsed(given | {"id": str(new_id())})
    check_config(step)
    return step


def changed_step(step: Step, body: Mapping[str, Any]) -> Step:
    """Return a step with what a body gives; `templateId: null` takes it away.

    Raises Invalid.
    """
    fields = Fields(dict(body))
    fields.text("name", maximum=200, blank=False)
    bounded(fields, "config")
    fields.finish()
    given = {
        "name": step.name,
        "position": {"x": step.x, "y": step.y},
        "config": dict(step.config),
        "templateId": str(step.template_id) if step.template_id else None,
    }
    given |= {
        name: body[name]
        for name in given
        if name in body and (body[name] is not None or name == "templateId")
    }
    changed = _parsed(given | {"id": str(step.id), "type": str(step.type)})
    if changed.config != step.config:
        check_config(changed)
    return changed


def _parsed(given: dict[str, Any]) -> Step:
    """Read a step with the reader of whole documents."""
    start = {"id": str(new_id()), "type": "TRIGGER", "name": "Trigger"}
    is_trigger = str(given["type"]).upper() == "TRIGGER"
    # A document has one trigger: another one is somebody else's to refuse.
    document = {
        "trigger": {"type": TriggerType.MANUAL},
        "steps": [start, {**given, "type": "EXIT"} if is_trigger else given],
    }
    with renamed(_STEP):
        step = parse(document).steps[UUID(given["id"])]
    if not is_trigger:
        return step
    trigger = parse({**document, "steps": [{**given, "type": "TRIGGER"}]})
    return trigger.start


def check_config(step: Step) -> None:
    """Raise Invalid where a step is told what it cannot be; a mail may lack one yet."""
    errors = [
        FieldError(f"config.{field}", message, "invalid")
        for field, message in findings(step)
        if field != "templateId"
    ]
    if errors:
        raise Invalid(errors)


def check_template(project_id: UUID, step: Step) -> None:
    """Raise TemplateNotFound where a step sends what the project does not have."""
    if step.template_id is not None:
        template_of(project_id, step.template_id)


def bounded(fields: Fields, name: str) -> dict[str, Any] | None:
    """Read an object of bounded size."""
    value = fields.mapping(name)
    if value is not None and len(orjson.dumps(value)) > MAX_CONFIG:
        fields.fail(name, f"Has more than {MAX_CONFIG // 1024} KiB.", "too_big")
        return None
    return value


# -- triggers and transitions ----------------------------------------------------------


def read_trigger(body: Mapping[str, Any], before: Trigger) -> Trigger:
    """Return the trigger that a body gives; what is absent is as before.

    Raises Invalid.
    """
    fields = Fields(dict(body))
    kind = fields.choice("triggerType", TriggerType.values) or str(before.type)
    config = bounded(fields, "triggerConfig")
    fields.finish()
    return trigger_of(kind, dict(before.config) if config is None else config)


def trigger_of(kind: str, config: dict[str, Any]) -> Trigger:
    """Return a trigger; raises Invalid that names fields of `triggerConfig`."""
    start = {"id": str(new_id()), "type": "TRIGGER", "name": "Trigger"}
    document = {"trigger": {**config, "type": kind}, "steps": [start]}
    with renamed(_TRIGGER, "triggerConfig."):
        return parse(document).trigger


def read_transition(body: Mapping[str, Any], definition: Definition) -> Transition:
    """Return the transition that a body describes.

    Raises Invalid, StepNotFound and NotAllowed.
    """
    fields = Fields(dict(body))
    ends = [_id(fields, name) for name in ("fromStepId", "toStepId")]
    condition = bounded(fields, "condition")
    wait = fields.choice("waitOutcome", ("EVENT", "TIMEOUT"))
    priority = _priority(fields)
    fields.finish()
    from_id, to_id = (id_of(text or "") for text in ends)
    step = step_of(definition, from_id)
    if condition and len(step.outcomes) == 1:
        raise NotAllowed("Only out of a condition, or a wait, leads more than one way.")
    is_wait = "TIMEOUT" in step.outcomes
    return Transition(
        new_id(), from_id, to_id, condition, priority, wait if is_wait else None
    )


def _id(fields: Fields, name: str) -> str | None:
    text = fields.text(name, maximum=_MAX_ID)
    fields.require(name, text)
    return text


def _priority(fields: Fields) -> int:
    value = fields.value("priority")
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool):
        fields.wrong_type("priority", "whole number", value)
    elif abs(value) > 1_000_000:
        fields.fail("priority", "Is too far from 0.", "too_big")
    else:
        return value
    return 0


# -- names of fields -------------------------------------------------------------------


@contextmanager
def renamed(prefix: str, by: str = "") -> Iterator[None]:
    """Let errors name the fields of a body instead of those of a document."""
    try:
        yield
    except Invalid as error:
        raise Invalid(
            [
                FieldError(by + one.field.removeprefix(prefix), one.message, one.code)
                for one in error.errors
            ]
        ) from error


@contextmanager
def of_step(step_id: UUID) -> Iterator[None]:
    """Let what is unfinished about one step be named by the fields of its body."""
    try:
        yield
    except Unfinished as error:
        raise Invalid(
            [
                FieldError(_named(one.field, step_id), one.message, one.code)
                for one in error.errors
            ]
        ) from error


def _named(field: str, step_id: UUID) -> str:
    own = field.removeprefix(f"steps.{step_id}").removeprefix(".")
    if own == field or own == "templateId":
        return own
    return f"config.{own}".rstrip(".")


@contextmanager
def of_trigger(workflow: Workflow) -> Iterator[None]:
    """Let what is wrong about the trigger be named as a part of `triggerConfig`."""
    prefix = f"steps.{parse(workflow.draft).start.id}."
    try:
        yield
    except Unfinished as error:
        raise Invalid(
            [
                replace(one, field=one.field.replace(prefix, "triggerConfig.", 1))
                for one in error.errors
            ]
        ) from error
