"""What a workflow does, as a document: its trigger, its steps and what joins them.

The document is what the editor draws, the API answers and a version keeps (JSON);
`parse` reads it into values that the engine decides on. A document that can be read may
still be unfinished: `automations.checking` says what keeps it from being published.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from automations.models import TriggerType
from plunk.api.errors import FieldError, Invalid
from plunk.api.strictjson import type_name
from plunk.ids import new_id, read_id

MAX_STEPS = 200
MAX_TRANSITIONS = 600
MAX_NAME = 200
#: Where a canvas ends.
MAX_PLACE = 100_000
_MAX_ERRORS = 50


class StepType(StrEnum):
    TRIGGER = "TRIGGER"
    SEND_EMAIL = "SEND_EMAIL"
    DELAY = "DELAY"
    WAIT_FOR_EVENT = "WAIT_FOR_EVENT"
    CONDITION = "CONDITION"
    UPDATE_CONTACT = "UPDATE_CONTACT"
    SEGMENT = "SEGMENT"
    WEBHOOK = "WEBHOOK"
    EXIT = "EXIT"


class Outcome(StrEnum):
    """By which way a step is left, beside the ids of a condition's own branches."""

    NEXT = ""
    YES = "yes"
    NO = "no"
    DEFAULT = "default"
    EVENT = "EVENT"
    TIMEOUT = "TIMEOUT"


#: How a transition out of a waiting step says "when time is up" in the older form.
_OLD_TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Step:
    id: UUID
    type: StepType
    name: str
    config: Mapping[str, Any]
    template_id: UUID | None = None
    x: float = 0
    y: float = 0

    @property
    def outcomes(self) -> list[str]:
        """Return the ways by which this step may be left."""
        match self.type:
            case StepType.EXIT:
                return []
            case StepType.CONDITION if self.config.get("mode") == "multi":
                branches = self.config.get("branches")
                ids = [
                    str(branch["id"])
                    for branch in (branches if isinstance(branches, list) else [])
                    if isinstance(branch, dict) and branch.get("id")
                ]
                return [*ids, Outcome.DEFAULT]
            case StepType.CONDITION:
                return [Outcome.YES, Outcome.NO]
            case StepType.WAIT_FOR_EVENT:
                return [Outcome.EVENT, Outcome.TIMEOUT]
            case _:
                return [Outcome.NEXT]


@dataclass(frozen=True, slots=True)
class Transition:
    id: UUID
    from_id: UUID
    to_id: UUID
    condition: Mapping[str, Any] | None = None
    priority: int = 0
    wait_outcome: str | None = None

    @property
    def branch(self) -> str:
        branch = (self.condition or {}).get("branch")
        return branch if isinstance(branch, str) else ""


@dataclass(frozen=True, slots=True)
class Trigger:
    type: TriggerType
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def event_names(self) -> list[str]:
        """Return the events of which one, or each, begins a run."""
        if self.type == TriggerType.EVENT:
            name = self.config.get("eventName")
            return [name] if name else []
        if self.type == TriggerType.EVENTS:
            return list(self.config.get("eventNames") or [])
        return []

    @property
    def needs_all(self) -> bool:
        is_several = self.type == TriggerType.EVENTS
        return is_several and self.config.get("mode", "ALL") == "ALL"

    @property
    def not_event_names(self) -> list[str]:
        return list(self.config.get("notEventNames") or [])

    @property
    def segment_id(self) -> UUID | None:
        given = self.config.get("segmentId")
        return read_id(given) if isinstance(given, str) else None


@dataclass(frozen=True)
class Definition:
    """A workflow's document, read; steps by their ids, in the document's order."""

    trigger: Trigger
    steps: Mapping[UUID, Step]
    transitions: tuple[Transition, ...]

    @cached_property
    def start(self) -> Step:
        """Return the step at which runs begin; the document has exactly one."""
        return next(
            step for step in self.steps.values() if step.type is StepType.TRIGGER
        )

    @cached_property
    def _ways(self) -> dict[UUID, list[Transition]]:
        ways: dict[UUID, list[Transition]] = {}
        for transition in sorted(self.transitions, key=lambda way: way.priority):
            ways.setdefault(transition.from_id, []).append(transition)
        return ways

    @cached_property
    def _back(self) -> dict[UUID, list[Transition]]:
        back: dict[UUID, list[Transition]] = {}
        for transition in self.transitions:
            back.setdefault(transition.to_id, []).append(transition)
        return back

    def ways_from(self, step_id: UUID) -> list[Transition]:
        """Return the transitions out of a step, in the order of their priority."""
        return self._ways.get(step_id, [])

    def ways_to(self, step_id: UUID) -> list[Transition]:
        return self._back.get(step_id, [])

    def way(self, step: Step, outcome: str) -> Transition | None:
        """Return the transition by which a step is left with an outcome, if any."""
        ways = self.ways_from(step.id)
        found = (way for way in ways if outcome_of(step, way) == outcome)
        return next(found, None)

    def downstream(self, step_id: UUID) -> set[UUID]:
        """Return the steps that can be reached from a step, itself among them."""
        seen: set[UUID] = set()
        waiting = [step_id]
        while waiting:
            current = waiting.pop()
            if current not in seen:
                seen.add(current)
                waiting += [way.to_id for way in self.ways_from(current)]
        return seen

    def templates(self) -> Iterator[tuple[UUID, UUID]]:
        """Yield each step that sends a template, and the template."""
        for step in self.steps.values():
            if step.template_id is not None:
                yield step.id, step.template_id

    def awaited_events(self) -> set[str]:
        """Return the events for which runs may wait."""
        return {
            name
            for step in self.steps.values()
            if step.type is StepType.WAIT_FOR_EVENT
            and isinstance(name := step.config.get("eventName"), str)
            and name
        }


def outcome_of(step: Step, way: Transition) -> str:
    """Say with which outcome of its step a transition is taken.

    Both forms in which clients say "when time is up" are read (contract 4.5).
    """
    if step.type is StepType.CONDITION:
        return way.branch
    if step.type is not StepType.WAIT_FOR_EVENT:
        return Outcome.NEXT
    is_late = way.branch.lower() == _OLD_TIMEOUT or (way.condition or {}).get(
        "fallback"
    )
    if way.wait_outcome == Outcome.TIMEOUT or (is_late and not way.wait_outcome):
        return Outcome.TIMEOUT
    return Outcome.EVENT


def beginning(trigger: Trigger, *, name: str = "Trigger") -> dict[str, Any]:
    """Return the document of a workflow that was only just made."""
    start = Step(new_id(), StepType.TRIGGER, name, {}, x=100, y=100)
    return as_document(Definition(trigger, {start.id: start}, ()))


# -- writing ---------------------------------------------------------------------------


def as_document(definition: Definition) -> dict[str, Any]:
    """Return a definition as it is stored and sent; `parse` reads the same from it."""
    return {
        "trigger": {"type": str(definition.trigger.type), **definition.trigger.config},
        "steps": [_step_as_json(step) for step in definition.steps.values()],
        "transitions": [_way_as_json(way) for way in definition.transitions],
    }


def _step_as_json(step: Step) -> dict[str, Any]:
    return {
        "id": str(step.id),
        "type": str(step.type),
        "name": step.name,
        "position": {"x": step.x, "y": step.y},
        "config": dict(step.config),
        "templateId": str(step.template_id) if step.template_id else None,
    }


def _way_as_json(way: Transition) -> dict[str, Any]:
    return {
        "id": str(way.id),
        "fromStepId": str(way.from_id),
        "toStepId": str(way.to_id),
        "condition": dict(way.condition) if way.condition is not None else None,
        "priority": way.priority,
        "waitOutcome": way.wait_outcome,
    }


# -- reading ---------------------------------------------------------------------------


def parse(document: Any, name: str = "definition") -> Definition:
    """Read a document; `name` is where it stands in what was sent.

    Raises Invalid that names everything that cannot be read by its dotted path: types,
    ids, one trigger step, transitions between steps that exist, at most MAX_STEPS.
    """
    reader = _Reader()
    definition = reader.definition(document, name)
    if reader.errors or definition is None:
        raise Invalid(reader.errors)
    return definition


class _Reader:
    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def fail(self, path: str, message: str, code: str) -> None:
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append(FieldError(path, message, code))

    def _typed(self, value: Any, kind: type, path: str, expected: str) -> Any:
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        got = type_name.get(type(value), "something else")
        self.fail(path, f"Expected {expected}, got {got}.", "invalid_type")
        return None

    def definition(self, value: Any, path: str) -> Definition | None:
        if self._typed(value, dict, path, "object") is None:
            return None
        trigger = self.trigger(value.get("trigger"), f"{path}.trigger")
        steps: dict[UUID, Step] = {}
        for place, given in self._each(value, "steps", path, MAX_STEPS):
            step = self.step(given, place)
            if step is not None and step.id in steps:
                self.fail(f"{place}.id", "Is the id of another step, too.", "not_once")
            elif step is not None:
                steps[step.id] = step
        ways = tuple(self._transitions(value, path, steps))
        starts = [step for step in steps.values() if step.type is StepType.TRIGGER]
        if not self.errors and len(starts) != 1:
            self.fail(f"{path}.steps", "Expected exactly one trigger step.", "trigger")
        return Definition(trigger, steps, ways) if trigger and not self.errors else None

    def _each(
        self, value: dict[str, Any], key: str, path: str, most: int
    ) -> Iterator[tuple[str, Any]]:
        items: Any = value.get(key) if value.get(key) is not None else []
        if self._typed(items, list, f"{path}.{key}", "array") is None:
            return
        if len(items) > most:
            self.fail(f"{path}.{key}", f"Has more than {most} items.", "too_big")
            return
        for number, item in enumerate(items):
            yield f"{path}.{key}.{number}", item

    def trigger(self, value: Any, path: str) -> Trigger | None:
        if self._typed(value, dict, path, "object") is None:
            return None
        given = value.get("type")
        if not isinstance(given, str) or given.upper() not in TriggerType.values:
            expected = ", ".join(TriggerType.values)
            self.fail(f"{path}.type", f"Expected one of: {expected}.", "invalid_enum")
            return None
        config = {key: item for key, item in value.items() if key != "type"}
        self._trigger_names(config, path)
        return Trigger(TriggerType(given.upper()), config)

    def _trigger_names(self, config: dict[str, Any], path: str) -> None:
        for key in ("eventName", "segmentId", "schedule", "timezone", "mode"):
            if config.get(key) is not None:
                self._typed(config[key], str, f"{path}.{key}", "string")
        for key in ("eventNames", "notEventNames"):
            for place, item in self._each(config, key, path, 50):
                self._typed(item, str, place, "string")

    def step(self, value: Any, path: str) -> Step | None:
        if self._typed(value, dict, path, "object") is None:
            return None
        pk = self._id(value.get("id"), f"{path}.id")
        kind = value.get("type")
        if not isinstance(kind, str) or kind.upper() not in StepType.__members__:
            expected = ", ".join(StepType)
            self.fail(f"{path}.type", f"Expected one of: {expected}.", "invalid_enum")
            return None
        name = self._name(value.get("name"), f"{path}.name")
        config = value.get("config") if value.get("config") is not None else {}
        self._typed(config, dict, f"{path}.config", "object")
        template = value.get("templateId")
        if template is not None:
            template = self._id(template, f"{path}.templateId")
        x, y = self._position(value.get("position"), f"{path}.position")
        if pk is None or name is None:
            return None
        return Step(pk, StepType(kind.upper()), name, config, template, x, y)

    def _name(self, value: Any, path: str) -> str | None:
        if self._typed(value, str, path, "string") is None:
            return None
        if not value.strip() or len(value) > MAX_NAME:
            self.fail(path, f"Expected 1 to {MAX_NAME} characters.", "invalid_string")
            return None
        return str(value)

    def _position(self, value: Any, path: str) -> tuple[float, float]:
        if value is None:
            return 0, 0
        if self._typed(value, dict, path, "object") is None:
            return 0, 0
        x, y = value.get("x", 0), value.get("y", 0)
        for key, place in (("x", x), ("y", y)):
            is_number = isinstance(place, int | float) and not isinstance(place, bool)
            if not is_number or not math.isfinite(place) or abs(place) > MAX_PLACE:
                self.fail(
                    f"{path}.{key}",
                    f"Expected a number of at most {MAX_PLACE:,}.",
                    "invalid_type",
                )
                return 0, 0
        return x, y

    def _transitions(
        self, value: dict[str, Any], path: str, steps: Mapping[UUID, Step]
    ) -> Iterator[Transition]:
        seen: set[UUID] = set()
        for place, given in self._each(value, "transitions", path, MAX_TRANSITIONS):
            way = self._transition(given, place, steps)
            if way is not None and way.id in seen:
                self.fail(f"{place}.id", "Is another transition’s, too.", "not_once")
            elif way is not None:
                seen.add(way.id)
                yield way

    def _transition(
        self, value: Any, path: str, steps: Mapping[UUID, Step]
    ) -> Transition | None:
        if self._typed(value, dict, path, "object") is None:
            return None
        pk = self._id(value.get("id"), f"{path}.id")
        ends = [
            self._end(value.get(key), f"{path}.{key}", steps)
            for key in ("fromStepId", "toStepId")
        ]
        condition = value.get("condition")
        if condition is not None:
            self._typed(condition, dict, f"{path}.condition", "object")
        priority = value.get("priority") if value.get("priority") is not None else 0
        priority = self._typed(priority, int, f"{path}.priority", "integer")
        wait = value.get("waitOutcome")
        if wait not in (None, Outcome.EVENT, Outcome.TIMEOUT):
            self.fail(f"{path}.waitOutcome", "Expected EVENT or TIMEOUT.", "invalid")
        if pk is None or None in ends or priority is None:
            return None
        from_id, to_id = (end for end in ends if end is not None)
        return Transition(pk, from_id, to_id, condition, priority, wait)

    def _end(self, value: Any, path: str, steps: Mapping[UUID, Step]) -> UUID | None:
        pk = self._id(value, path)
        if pk is not None and pk not in steps:
            self.fail(path, "Is no step of this workflow.", "not_found")
            return None
        return pk

    def _id(self, value: Any, path: str) -> UUID | None:
        pk = read_id(value) if isinstance(value, str) else None
        if pk is None:
            self.fail(path, "Expected a UUID.", "invalid_string")
        return pk
