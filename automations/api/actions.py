"""Actions in the classic API: one mail after events (contract, classic 2.6, 4.5).

An action is a workflow of a fixed shape: the trigger, a delay in minutes if there is
one, and the mail.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse

from automations import dropping, workflows
from automations.api.events import classic_event
from automations.api.reading import workflow_named
from automations.definitions import (
    Definition,
    Step,
    StepType,
    Transition,
    Trigger,
    as_document,
    parse,
)
from automations.events.deleting import EventNotFound
from automations.models import (
    Event,
    Run,
    StepTemplate,
    TriggerType,
    Visit,
    Workflow,
    WorkflowKind,
)
from automations.workflows import Unfinished, WorkflowNotFound
from plunk.api.answers import timestamp
from plunk.api.errors import Conflict, FieldError, Invalid, NotFound
from plunk.api.fields import Fields
from plunk.api.resources import Resource
from plunk.ids import new_id
from transactional.api.template_fields import classic_template, template_named
from transactional.history import status_word
from transactional.models import Email, Source, Template

#: A year, in minutes.
MAX_DELAY = 365 * 1440
MAX_EVENTS = 20
#: How many runs, mails, or actions of a template, an answer lists.
MOST_LISTED = 100
#: How many actions are looked through for related ones.
MOST_COMPARED = 1_000
_MINUTES = {"minutes": 1, "hours": 60, "days": 1440}


class ActionNotFound(NotFound):
    code = "ACTION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("That action was not found.")


class NoActionAnyMore(Conflict):
    suggestion = "Change it on its page, or through /workflows."

    def __init__(self) -> None:
        super().__init__("That automation has other steps than an action has.")


@dataclass(frozen=True, slots=True)
class Action:
    """What the classic generation can say of a workflow."""

    events: list[str]
    not_events: list[str]
    delay: int
    template_id: UUID | None


def action_in(definition: Definition) -> Action:
    """Read an action out of a definition; of others, the first delay and mail."""
    trigger = definition.trigger
    mail = _first(definition, StepType.SEND_EMAIL)
    delay = _first(definition, StepType.DELAY)
    return Action(
        events=trigger.event_names,
        not_events=trigger.not_event_names,
        delay=_minutes(delay.config) if delay else 0,
        template_id=mail.template_id if mail else None,
    )


def _first(definition: Definition, kind: StepType) -> Step | None:
    found = (step for step in definition.steps.values() if step.type is kind)
    return next(found, None)


def _minutes(config: Mapping[str, Any]) -> int:
    amount = config.get("amount")
    is_number = isinstance(amount, int | float) and not isinstance(amount, bool)
    return int(amount * _MINUTES.get(str(config.get("unit")), 1)) if is_number else 0  # type: ignore[operator]


def classic_action(workflow: Workflow) -> dict[str, Any]:
    """Return an action as that generation shows it, with no relations."""
    action = action_in(parse(workflow.draft))
    return {
        "id": str(workflow.pk),
        "name": workflow.name,
        "runOnce": not workflow.allow_reentry,
        "delay": action.delay,
        "projectId": str(workflow.project_id),
        "templateId": str(action.template_id) if action.template_id else None,
        "createdAt": timestamp(workflow.created_at),
        "updatedAt": timestamp(workflow.updated_at),
    }


def of_template(template: Template) -> list[dict[str, Any]]:
    """Return the newest actions that send a template; one statement."""
    using = StepTemplate.objects.filter(template=template).values("workflow")
    rows = Workflow.objects.existing().filter(
        project_id=template.project_id, kind=WorkflowKind.ACTION, pk__in=using
    )
    newest = rows.order_by("-created_at", "-id")[:MOST_LISTED]
    return [classic_action(workflow) for workflow in newest]


def in_full(workflow: Workflow) -> dict[str, Any]:
    """Return an action with its relations: rows by index, a few statements."""
    action = action_in(parse(workflow.draft))
    events = _events_named(workflow.project_id, {*action.events, *action.not_events})
    rows = Template.objects.existing().filter(project_id=workflow.project_id)
    template = (
        rows.filter(pk=action.template_id).first() if action.template_id else None
    )
    runs = _newest_runs(workflow)
    return classic_action(workflow) | {
        "events": _shown(action.events, events),
        "notevents": _shown(action.not_events, events),
        "triggers": [_trigger(run) for run in runs],
        "emails": _mails(workflow, runs),
        "template": classic_template(template) if template else None,
    }


def _events_named(project_id: UUID, names: Collection[str]) -> dict[str, Event]:
    rows = Event.objects.existing().filter(project_id=project_id, name__in=names)
    return {event.name: event for event in rows} if names else {}


def _shown(names: list[str], events: Mapping[str, Event]) -> list[dict[str, Any]]:
    return [classic_event(events[name]) for name in names if name in events]


def _newest_runs(workflow: Workflow) -> list[Run]:
    rows = Run.objects.filter(workflow=workflow).order_by("-started_at", "-id")
    return list(rows.defer("context")[:MOST_LISTED])


def _trigger(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "contactId": str(run.contact_id),
        "eventId": None,
        "actionId": str(run.workflow_id),
        "createdAt": timestamp(run.started_at),
        "updatedAt": timestamp(run.completed_at or run.started_at),
    }


def _mails(workflow: Workflow, runs: list[Run]) -> list[dict[str, Any]]:
    """Return the mails of some runs; that generation does not keep their contents."""
    mail = _first(parse(workflow.draft), StepType.SEND_EMAIL)
    if mail is None or not runs:
        return []
    visits = Visit.objects.filter(run__in=[run.pk for run in runs], step_id=mail.id)
    ids = list(visits.values_list("pk", flat=True)[:MOST_LISTED])
    rows = Email.objects.filter(origin_id__in=ids, source=Source.WORKFLOW)
    return [
        {
            "id": str(row.pk),
            "messageId": row.message_id,
            "subject": None,
            "body": None,
            "status": status_word(row),
            "projectId": str(row.project_id),
            "actionId": str(workflow.pk),
            "campaignId": None,
            "contactId": str(row.contact_id),
            "createdAt": timestamp(row.created_at),
            "updatedAt": timestamp(row.sent_at or row.created_at),
        }
        for row in rows.order_by("-created_at", "-id")
    ]


# -- reading ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Wish:
    """An action as a body gives it."""

    name: str
    run_once: bool
    action: Action


def _read(project_id: UUID, body: dict[str, Any], *, needs_events: bool) -> _Wish:
    """Read an action; raises Invalid, TemplateNotFound and EventNotFound."""
    fields = Fields(body)
    name = fields.text("name", maximum=workflows.MAX_NAME, blank=False)
    fields.require("name", name)
    run_once = fields.boolean("runOnce")
    delay = _delay(fields)
    template = fields.text("template", maximum=200, value=fields.value("template"))
    fields.require("template", template)
    events = _ids(fields, "events")
    excluded = _ids(fields, "notevents")
    if needs_events and not events:
        fields.fail("events", "Expected 1 to 20 items.", "too_small")
    fields.finish()
    if set(events) & set(excluded):
        raise Invalid(
            [FieldError("notevents", "Has an event that begins it.", "invalid")]
        )
    template_id = template_named(project_id, template or "").pk
    names = _names(project_id, {*events, *excluded})
    action = Action(
        events=[names[pk] for pk in dict.fromkeys(events)],
        not_events=[names[pk] for pk in dict.fromkeys(excluded)],
        delay=delay,
        template_id=template_id,
    )
    return _Wish(name or "", bool(run_once), action)


def _ids(fields: Fields, name: str) -> list[UUID]:
    if fields.value(name) == []:
        return []
    return fields.ids(name, maximum=MAX_EVENTS) or []


def _delay(fields: Fields) -> int:
    value = fields.value("delay")
    if value is None:
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        fields.wrong_type("delay", "whole number of minutes", value)
    elif not 0 <= value <= MAX_DELAY:
        fields.fail("delay", f"Expected 0 to {MAX_DELAY} minutes.", "invalid_number")
    else:
        return value
    return 0


def _names(project_id: UUID, ids: Collection[UUID]) -> dict[UUID, str]:
    rows = Event.objects.existing().filter(project_id=project_id, pk__in=ids)
    names = dict(rows.values_list("pk", "name")) if ids else {}
    if len(names) < len(ids):
        raise EventNotFound
    return names


def definition_of(action: Action, before: Definition | None = None) -> Definition:
    """Return an action as a definition; its steps keep the ids they had."""
    trigger = Trigger(
        TriggerType.EVENTS,
        {
            "eventNames": action.events,
            "mode": "ALL",
            "notEventNames": action.not_events,
        },
    )
    steps = [_step(before, StepType.TRIGGER, "Events", {})]
    if action.delay:
        config = {"amount": action.delay, "unit": "minutes"}
        steps.append(_step(before, StepType.DELAY, "Wait", config))
    mail = _step(before, StepType.SEND_EMAIL, "Mail", {})
    steps.append(Step(mail.id, mail.type, mail.name, mail.config, action.template_id))
    placed = [
        Step(
            one.id, one.type, one.name, one.config, one.template_id, 100, 100 + 160 * n
        )
        for n, one in enumerate(steps)
    ]
    ways = [
        Transition(_way_id(before, first, second), first.id, second.id)
        for first, second in pairwise(placed)
    ]
    return Definition(trigger, {one.id: one for one in placed}, tuple(ways))


def _step(
    before: Definition | None, kind: StepType, name: str, config: dict[str, Any]
) -> Step:
    known = _first(before, kind) if before else None
    return Step(known.id if known else new_id(), kind, name, config)


def _way_id(before: Definition | None, first: Step, second: Step) -> UUID:
    for way in before.ways_from(first.id) if before else ():
        if way.to_id == second.id:
            return way.id
    return new_id()


def _is_action(definition: Definition) -> bool:
    """Say whether a definition still has the shape of an action."""
    kinds = [step.type for step in definition.steps.values()]
    expected = [StepType.TRIGGER, StepType.DELAY, StepType.SEND_EMAIL]
    rest = [StepType.TRIGGER, StepType.SEND_EMAIL]
    return sorted(kinds) in (sorted(expected), sorted(rest))


# -- endpoints -------------------------------------------------------------------------


class _Classic(Resource):
    is_classic: ClassVar[bool] = True

    @property
    def project_id(self) -> UUID:
        return self.caller.project_id

    def action(self, text: str) -> Workflow:
        """Return the action that a path or a body names; raises ActionNotFound."""
        try:
            workflow = workflow_named(self.project_id, text)
        except WorkflowNotFound:
            raise ActionNotFound from None
        if workflow.kind != WorkflowKind.ACTION:
            raise ActionNotFound
        return workflow

    def named(self) -> Workflow:
        """Return the action whose id the body or the query string gives."""
        given = self.body.get("id")
        fields = Fields({"id": self.query.get("id") if given is None else given})
        text = fields.text("id", maximum=200)
        fields.require("id", text)
        fields.finish()
        return self.action(text or "")

    def remove(self, workflow: Workflow) -> HttpResponse:
        """Delete an action with who waits in it, as that generation does."""
        shown = in_full(workflow)
        dropping.delete(workflow=workflow, ends_runs=True)
        return self.answer(shown)


class ClassicActions(_Classic):
    """`/v1/actions`."""

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /v1/actions", self._create)

    def _create(self) -> dict[str, Any]:
        wish = _read(self.project_id, self.body, needs_events=True)
        definition = definition_of(wish.action)
        try:
            made = workflows.create(
                project_id=self.project_id,
                name=wish.name,
                trigger=definition.trigger,
                document=as_document(definition),
                kind=WorkflowKind.ACTION,
                allow_reentry=not wish.run_once,
                enabled=True,
            )
        except Unfinished as error:
            raise _as_action(error) from error
        return classic_action(made)

    def put(self, request: Any) -> HttpResponse:
        """Replace an action; who waits in it finishes as they began."""
        workflow = self.named()
        wish = _read(self.project_id, self.body, needs_events=False)
        try:
            changed = self._replace(workflow, wish)
        except Unfinished as error:
            raise _as_action(error) from error
        return self.answer(in_full(changed))

    @transaction.atomic
    def _replace(self, workflow: Workflow, wish: _Wish) -> Workflow:
        before = parse(workflow.draft)
        if not _is_action(before):
            raise NoActionAnyMore
        workflows.change(
            workflow=workflow, name=wish.name, allow_reentry=not wish.run_once
        )
        definition = definition_of(wish.action, before)
        changed = workflows.save_draft(
            workflow=workflow, document=as_document(definition)
        )
        if not wish.action.events:
            # Nothing begins it: it rests until it is given events again.
            return workflows.disable(workflow=changed)
        if workflow.enabled or not before.trigger.event_names:
            workflows.publish(workflow=changed)
            return workflows.enable(workflow=changed)
        return changed

    def delete(self, request: Any) -> HttpResponse:
        return self.remove(self.named())


def _as_action(error: Unfinished) -> Invalid:
    """Name what is unfinished by the fields of an action."""
    names = {
        "eventNames": "events",
        "notEventNames": "notevents",
        "templateId": "template",
        "amount": "delay",
    }
    return Invalid(
        [
            FieldError(
                names.get(problem.field.partition(".")[0], problem.field),
                problem.message,
                problem.code,
            )
            for problem in error.problems
        ]
    )


class ClassicAction(_Classic):
    """`/v1/actions/:id`."""

    def get(self, request: Any, action_id: str) -> HttpResponse:
        return self.answer(in_full(self.action(action_id)))

    def delete(self, request: Any, action_id: str) -> HttpResponse:
        return self.remove(self.action(action_id))


class ClassicRelated(_Classic):
    """`GET /v1/actions/:id/related`: other actions that begin at the same events."""

    def get(self, request: Any, action_id: str) -> HttpResponse:
        workflow = self.action(action_id)
        wanted = set(action_in(parse(workflow.draft)).events)
        rows = (
            Workflow.objects.existing()
            .filter(project_id=self.project_id, kind=WorkflowKind.ACTION)
            .exclude(pk=workflow.pk)
        )
        newest = rows.order_by("-created_at", "-id")[:MOST_COMPARED]
        names = {one: action_in(parse(one.draft)).events for one in newest}
        related = {one: found for one, found in names.items() if wanted & {*found}}
        events = _events_named(
            self.project_id, {name for found in related.values() for name in found}
        )
        return self.answer(
            [
                classic_action(one) | {"events": _shown(found, events)}
                for one, found in related.items()
            ]
        )
