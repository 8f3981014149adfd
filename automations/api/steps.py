"""Steps of workflows in the API, and what joins them (contract, next 2.8, 4.5).

Of an enabled workflow every change is live at once, as a version of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.http import HttpResponse

from automations import editing, workflows
from automations.api.reading import (
    changed_step,
    check_template,
    guard,
    guard_steps,
    id_of,
    of_step,
    read_step,
    read_transition,
    transition_id_of,
    trigger_of,
)
from automations.api.showing import step_as_json, transition_as_json
from automations.api.workflows import OfWorkflows
from automations.definitions import Definition, Step, StepType, Transition, parse
from automations.models import Workflow
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer
from plunk.api.lists import read_switch


class Steps(OfWorkflows):
    """`POST /workflows/:id/steps`."""

    def post(self, request: Any, workflow_id: str) -> HttpResponse:
        name = f"POST /workflows/{workflow_id}/steps"
        return self.once(name, lambda: self._add(workflow_id))

    def _add(self, workflow_id: str) -> Answer:
        self.workflow(workflow_id)
        step = read_step(self.body, ("type", "name", "position", "config"))
        fields = Fields(self.body)
        connects = fields.boolean("autoConnect")
        fields.finish()
        check_template(self.project_id, step)
        with transaction.atomic(), of_step(step.id):
            workflow = workflows.edit(
                self.locked(workflow_id),
                lambda definition: editing.add_step(
                    definition, step, auto_connect=connects is not False
                ),
            )
        return Answer(shown(workflow, step), status=201)


def shown(workflow: Workflow, step: Step) -> dict[str, Any]:
    """Return a step of a workflow as it is now."""
    definition = parse(workflow.draft)
    return step_as_json(workflow, definition, definition.steps[step.id])


class OneStep(OfWorkflows):
    """`/workflows/:id/steps/:stepId`."""

    def patch(self, request: Any, workflow_id: str, step_id: str) -> HttpResponse:
        """Change what is given; name and position whoever is inside."""
        with transaction.atomic():
            workflow = self.locked(workflow_id)
            step = editing.step_of(parse(workflow.draft), id_of(step_id))
            if step.type is StepType.TRIGGER:
                changed = self._change_trigger(workflow, step)
            else:
                changed = self._change(workflow, step)
        return self.answer(shown(changed, step))

    put = patch

    def _change(self, workflow: Workflow, step: Step) -> Workflow:
        changed = changed_step(step, self.body)
        if changed.template_id != step.template_id:
            check_template(self.project_id, changed)
        is_same = (changed.config, changed.template_id) == (
            step.config,
            step.template_id,
        )
        if not (is_same or self.is_new_version):
            guard(workflow)
        with of_step(step.id):
            return workflows.edit(
                workflow, lambda definition: editing.change_step(definition, changed)
            )

    def _change_trigger(self, workflow: Workflow, step: Step) -> Workflow:
        """Change the first step; what it is configured with is the trigger itself."""
        before = parse(workflow.draft).trigger
        body = {**self.body, "config": None, "templateId": None}
        changed = changed_step(step, body)
        fields = Fields(self.body)
        config = fields.mapping("config")
        fields.finish()
        trigger = before if config is None else trigger_of(str(before.type), config)
        if trigger != before and not self.is_new_version:
            guard(workflow)

        def change(definition: Definition) -> Definition:
            return replace(editing.change_step(definition, changed), trigger=trigger)

        with of_step(step.id):
            return workflows.edit(workflow, change)

    def delete(self, request: Any, workflow_id: str, step_id: str) -> HttpResponse:
        """Delete a step with all that only it led to; with `splice`, it alone."""
        splice = read_switch(self.query, "splice") is True
        with transaction.atomic():
            workflow = self.locked(workflow_id)
            definition = parse(workflow.draft)
            step = editing.step_of(definition, id_of(step_id))
            # What is never allowed is told first.
            editing.remove_step(definition, step.id, splice=splice)
            if not self.is_new_version:
                guard_steps(workflow, definition, step.id)
            workflows.edit(
                workflow,
                lambda found: editing.remove_step(found, step.id, splice=splice),
            )
        return self.nothing()


class Transitions(OfWorkflows):
    """`POST /workflows/:id/transitions`."""

    def post(self, request: Any, workflow_id: str) -> HttpResponse:
        name = f"POST /workflows/{workflow_id}/transitions"
        return self.once(name, lambda: self._connect(workflow_id))

    @transaction.atomic
    def _connect(self, workflow_id: str) -> Answer:
        workflow = self.locked(workflow_id)
        way = read_transition(self.body, parse(workflow.draft))
        changed = workflows.edit(
            workflow, lambda definition: editing.connect(definition, way)
        )
        return Answer(transition_as_json(changed, way), status=201)


class OneTransition(OfWorkflows):
    """`DELETE /workflows/:id/transitions/:transitionId`."""

    def delete(
        self, request: Any, workflow_id: str, transition_id: str
    ) -> HttpResponse:
        with transaction.atomic():
            workflow = self.locked(workflow_id)
            pk = transition_id_of(transition_id)
            workflows.edit(
                workflow, lambda definition: editing.disconnect(definition, pk)
            )
        return self.nothing()


class InsertStep(OfWorkflows):
    """`POST /workflows/:id/transitions/:transitionId/insert-step`."""

    def post(self, request: Any, workflow_id: str, transition_id: str) -> HttpResponse:
        name = f"POST /workflows/{workflow_id}/transitions/{transition_id}/insert-step"
        return self.once(name, lambda: self._insert(workflow_id, transition_id))

    def _insert(self, workflow_id: str, transition_id: str) -> Answer:
        before = parse(self.workflow(workflow_id).draft)
        way = editing.transition_of(before, transition_id_of(transition_id))
        step = read_step(self.body, ("type", "name", "config"))
        check_template(self.project_id, step)
        if self.body.get("position") is None:
            step = _between(step, before, way)
        with transaction.atomic(), of_step(step.id):
            workflow = workflows.edit(
                self.locked(workflow_id),
                lambda definition: editing.insert_on(definition, way.id, step),
            )
        return Answer(shown(workflow, step), status=201)


def _between(step: Step, definition: Definition, way: Transition) -> Step:
    """Put a step in the middle of the two that a transition joins."""
    ends = [definition.steps[pk] for pk in (way.from_id, way.to_id)]
    x, y = (sum(place) / 2 for place in zip(*((e.x, e.y) for e in ends), strict=True))
    return replace(step, x=x, y=y)
