"""Changing a definition: pure; what is not allowed is an answer (contract 4.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from automations.definitions import (
    MAX_STEPS,
    Definition,
    Outcome,
    Step,
    StepType,
    Transition,
    outcome_of,
)
from plunk.api.errors import BadRequest, NotFound
from plunk.ids import new_id


class StepNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("That workflow has no such step.", code="STEP_NOT_FOUND")


class TransitionNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__(
            "That workflow has no such transition.", code="TRANSITION_NOT_FOUND"
        )


class NotAllowed(BadRequest):
    """What a workflow cannot be made into."""

    code = "VALIDATION_ERROR"


def step_of(definition: Definition, step_id: UUID) -> Step:
    """Return a step; raises StepNotFound."""
    if step_id not in definition.steps:
        raise StepNotFound
    return definition.steps[step_id]


def transition_of(definition: Definition, transition_id: UUID) -> Transition:
    """Return a transition; raises TransitionNotFound."""
    for way in definition.transitions:
        if way.id == transition_id:
            return way
    raise TransitionNotFound


def add_step(
    definition: Definition, step: Step, *, auto_connect: bool = True
) -> Definition:
    """Add a step, after the last step that leads nowhere if `auto_connect`."""
    if step.type is StepType.TRIGGER:
        raise NotAllowed("A workflow has one trigger, which is there already.")
    if len(definition.steps) >= MAX_STEPS:
        raise NotAllowed(f"A workflow has at most {MAX_STEPS} steps.")
    changed = _with(definition, steps=[*definition.steps.values(), step])
    leaf = _last_leaf(definition) if auto_connect else None
    if leaf is None:
        return changed
    is_wait = leaf.type is StepType.WAIT_FOR_EVENT
    way = Transition(
        new_id(), leaf.id, step.id, wait_outcome=Outcome.EVENT if is_wait else None
    )
    return connect(changed, way)


def _last_leaf(definition: Definition) -> Step | None:
    """Return the newest step that leads nowhere and can be left in one way.

    Which branch of a condition is meant only its author knows.
    """
    ends = (StepType.EXIT, StepType.CONDITION)
    leaves = [
        step
        for step in definition.steps.values()
        if step.type not in ends and not definition.ways_from(step.id)
    ]
    return leaves[-1] if leaves else None


def change_step(definition: Definition, step: Step) -> Definition:
    """Replace a step by what has its id now."""
    if step_of(definition, step.id).type is not step.type:
        raise NotAllowed("The type of a step cannot be changed; make another one.")
    steps = {**definition.steps, step.id: step}
    return _with(definition, steps=steps.values())


def remove_step(definition: Definition, step_id: UUID, *, splice: bool) -> Definition:
    """Remove a step: with all that only it led to, or, with `splice`, it alone."""
    step = step_of(definition, step_id)
    if step.type is StepType.TRIGGER:
        raise NotAllowed("The trigger of a workflow cannot be deleted.")
    return _spliced(definition, step) if splice else _cut(definition, step)


def _spliced(definition: Definition, step: Step) -> Definition:
    if step.type in (StepType.CONDITION, StepType.WAIT_FOR_EVENT):
        raise NotAllowed(
            "A step with several ways out cannot be taken out alone: which of them "
            "is to go on?"
        )
    following = definition.ways_from(step.id)
    ways = [
        replace(way, to_id=following[0].to_id) if way.to_id == step.id else way
        for way in definition.transitions
        if way.from_id != step.id and (following or way.to_id != step.id)
    ]
    steps = [other for other in definition.steps.values() if other.id != step.id]
    return _with(definition, steps=steps, ways=ways)


def _cut(definition: Definition, step: Step) -> Definition:
    """Remove a step and what cannot be reached without it."""
    ways = [
        way for way in definition.transitions if step.id not in (way.from_id, way.to_id)
    ]
    without = _with(definition, ways=ways)
    kept = without.downstream(definition.start.id)
    gone = definition.downstream(step.id) - (kept - {step.id})
    return _with(
        definition,
        steps=[other for other in definition.steps.values() if other.id not in gone],
        ways=[way for way in ways if way.from_id not in gone and way.to_id not in gone],
    )


def connect(definition: Definition, way: Transition) -> Definition:
    """Lead from a step to another; raises NotAllowed for what would make no sense."""
    step = step_of(definition, way.from_id)
    target = step_of(definition, way.to_id)
    outcome = outcome_of(step, way)
    if step.id == target.id:
        raise NotAllowed("A step cannot lead to itself.")
    if target.type is StepType.TRIGGER:
        raise NotAllowed("Nothing leads to the trigger: it is the beginning.")
    if step.type is StepType.EXIT:
        raise NotAllowed("Nothing comes after an exit.")
    if outcome not in step.outcomes:
        expected = ", ".join(step.outcomes) or "no condition"
        raise NotAllowed(f"That step has no such branch. Expected: {expected}.")
    if outcome == Outcome.TIMEOUT and not _has_patience(step):
        raise NotAllowed("That step waits for ever: give it a timeout first.")
    if definition.way(step, outcome) is not None:
        raise NotAllowed("That step already leads somewhere by this way.")
    if step.id in definition.downstream(target.id):
        raise NotAllowed("That would lead in a circle.")
    return _with(definition, ways=[*definition.transitions, way])


def _has_patience(step: Step) -> bool:
    seconds = step.config.get("timeout")
    return isinstance(seconds, int | float) and seconds > 0


def disconnect(definition: Definition, transition_id: UUID) -> Definition:
    """Take a transition away; its steps stay."""
    gone = transition_of(definition, transition_id)
    ways = [way for way in definition.transitions if way.id != gone.id]
    return _with(definition, ways=ways)


def insert_on(definition: Definition, transition_id: UUID, step: Step) -> Definition:
    """Put a step between two that a transition joins."""
    if step.type in (StepType.TRIGGER, StepType.EXIT):
        raise NotAllowed("Neither a trigger nor an exit stands between two steps.")
    way = transition_of(definition, transition_id)
    first = step.outcomes[0]
    onward = Transition(
        new_id(),
        step.id,
        way.to_id,
        condition={"branch": first} if step.type is StepType.CONDITION else None,
        wait_outcome=first if step.type is StepType.WAIT_FOR_EVENT else None,
    )
    without = disconnect(definition, transition_id)
    added = add_step(without, step, auto_connect=False)
    return connect(connect(added, replace(way, to_id=step.id)), onward)


def _with(
    definition: Definition,
    *,
    steps: Iterable[Step] | None = None,
    ways: Iterable[Transition] | None = None,
) -> Definition:
    return Definition(
        definition.trigger,
        definition.steps if steps is None else {step.id: step for step in steps},
        definition.transitions if ways is None else tuple(ways),
    )
