"""Workflows for tests, made of a few words."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any

from automations import workflows
from automations.definitions import (
    Definition,
    Step,
    StepType,
    Transition,
    Trigger,
    as_document,
)
from automations.engine import turns
from automations.models import TriggerType, Workflow
from contacts.segments.scopes import database_now
from plunk.ids import new_id
from plunk.projects.models import Project
from transactional.models import Template


def step(kind: str, *, template: Template | None = None, **config: Any) -> Step:
    return Step(
        new_id(),
        StepType(kind),
        kind.title(),
        config,
        template.pk if template else None,
    )


def chain(*steps: Step) -> list[tuple[Step, Step, str]]:
    """Lead from each step to the next by the first way out of it."""
    return [(first, second, first.outcomes[0]) for first, second in pairwise(steps)]


def definition(
    trigger: Trigger, steps: list[Step], ways: list[tuple[Step, Step, str]]
) -> Definition:
    """Put a trigger before the first of `steps`; `ways` lead from one to another."""
    start = Step(new_id(), StepType.TRIGGER, "Trigger", {})
    first = [(start, steps[0], "")] if steps else []
    return Definition(
        trigger,
        {one.id: one for one in [start, *steps]},
        tuple(_way(*way) for way in [*first, *ways]),
    )


def _way(source: Step, target: Step, outcome: str) -> Transition:
    is_wait = source.type is StepType.WAIT_FOR_EVENT
    is_condition = source.type is StepType.CONDITION
    return Transition(
        new_id(),
        source.id,
        target.id,
        condition={"branch": outcome} if is_condition else None,
        wait_outcome=outcome if is_wait else None,
    )


def on(event: str) -> Trigger:
    return Trigger(TriggerType.EVENT, {"eventName": event})


def live(
    project: Project,
    trigger: Trigger,
    *steps: Step,
    ways: list[tuple[Step, Step, str]] | None = None,
    **fields: Any,
) -> Workflow:
    """Make a workflow that is switched on; its steps in a row unless `ways` say."""
    made = definition(trigger, list(steps), chain(*steps) if ways is None else ways)
    return workflows.create(
        project_id=project.pk,
        name=fields.pop("name", "Welcome"),
        trigger=trigger,
        document=as_document(made),
        enabled=True,
        **fields,
    )


def settle(now: datetime | None = None) -> None:
    """Let the engine do everything that is due at a moment, the present one if none."""
    for _ in range(1_000):
        if not turns.step(now or database_now()):
            return
    raise AssertionError("the engine does not come to rest")
