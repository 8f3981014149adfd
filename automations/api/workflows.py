"""Workflows in the API: made, found, changed and deleted (contract, next 2.8, 4.5)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Func, IntegerField, Q, QuerySet
from django.http import HttpResponse

from automations import dropping, workflows
from automations.api.reading import (
    guard,
    locked,
    of_trigger,
    read_trigger,
    switch_on,
    trigger_of,
    workflow_named,
)
from automations.api.showing import (
    workflow_as_json,
    workflow_in_full,
    workflows_as_json,
)
from automations.definitions import Definition, parse
from automations.events.naming import as_tracked
from automations.models import Occurrence, TriggerType, Workflow
from contacts import fields_of_data
from plunk.api.errors import FieldError, Invalid
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer
from plunk.api.lists import List, cursor_page, is_numbered, numbered_page, read_switch
from plunk.api.resources import Resource

MAX_EVENT = 255
MOST_AT_ONCE = 1_000
_MAX_SEARCH = 100
_ORDERS = {
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "name": "name",
    "steps": "step_count",
}
_STATES = {"ACTIVE": True, "DISABLED": False}
#: How many occurrences tell what the data of an event holds.
_SAMPLE = 100
_STANDARD = {
    "contact.createdAt": "date",
    "contact.email": "string",
    "contact.subscribed": "boolean",
}


class StepCount(Func):
    """How many steps a draft has, in either database's words."""

    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        template = "jsonb_array_length(%(expressions)s -> 'steps')"
        return self.as_sql(compiler, connection, template=template, **more)

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        template = "json_array_length(%(expressions)s, '$.steps')"
        return self.as_sql(compiler, connection, template=template, **more)


class OfWorkflows(Resource):
    """The base of what is about workflows."""

    @property
    def project_id(self) -> UUID:
        return self.caller.project_id

    @property
    def is_new_version(self) -> bool:
        """Whether the client knows that people are inside, who finish as they began."""
        return read_switch(self.query, "newVersion") is True

    def workflow(self, workflow_id: str) -> Workflow:
        return workflow_named(self.project_id, workflow_id)

    def locked(self, workflow_id: str) -> Workflow:
        return locked(self.project_id, workflow_id)


class Workflows(OfWorkflows):
    """The list of a project's workflows."""

    def get(self, request: Any) -> HttpResponse:
        rows = self._rows()
        paged = numbered_page if is_numbered(self.query) else cursor_page
        of = List("workflows", self.project_id, _ORDERS)
        page = paged(of, rows, query=self.query, item=lambda row: row, total=rows.count)
        # Together, because their figures are looked up together.
        shown = workflows_as_json(page["data"])
        return self.answer(page | {"data": shown, "items": shown})

    def _rows(self) -> QuerySet[Workflow]:
        rows = Workflow.objects.existing().filter(project_id=self.project_id)
        rows = rows.select_related("live")
        if self.query.get("sort") == "steps":
            rows = rows.annotate(step_count=StepCount("draft"))
        state = self.query.get("status", "").upper()
        if state:
            if state not in _STATES:
                message = "Expected active or disabled."
                raise Invalid([FieldError("status", message, "invalid_enum_value")])
            rows = rows.filter(enabled=_STATES[state])
        return _search(rows, self.query.get("search", ""))

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /workflows", self._create)

    def _create(self) -> Answer:
        fields = Fields(self.body)
        name = fields.text("name", maximum=workflows.MAX_NAME, blank=False)
        fields.require("name", name)
        event = fields.text("eventName", maximum=MAX_EVENT, blank=False)
        fields.require("eventName", event)
        description = fields.text(
            "description", maximum=workflows.MAX_DESCRIPTION, single_line=False
        )
        enabled = fields.boolean("enabled")
        allow_reentry = fields.boolean("allowReentry")
        fields.finish()
        with transaction.atomic():
            made = workflows.create(
                project_id=self.project_id,
                name=name or "",
                description=description or "",
                trigger=trigger_of(TriggerType.EVENT, {"eventName": event}),
                allow_reentry=bool(allow_reentry),
            )
            if enabled:
                made = switch_on(made)
        return Answer(workflow_as_json(made), status=201)


def _search(rows: QuerySet[Workflow], text: str) -> QuerySet[Workflow]:
    """Keep the workflows with `text` in their name or description."""
    text = text.strip()
    if not text:
        return rows
    if "\x00" in text or len(text) > _MAX_SEARCH:
        return rows.none()
    return rows.filter(Q(name__icontains=text) | Q(description__icontains=text))


class OneWorkflow(OfWorkflows):
    """One workflow."""

    def get(self, request: Any, workflow_id: str) -> HttpResponse:
        return self.answer(workflow_in_full(self.workflow(workflow_id)))

    def patch(self, request: Any, workflow_id: str) -> HttpResponse:
        fields = Fields(self.body)
        given: dict[str, Any] = {
            "name": fields.text("name", maximum=workflows.MAX_NAME, blank=False),
            "description": fields.text(
                "description", maximum=workflows.MAX_DESCRIPTION, single_line=False
            ),
            "allow_reentry": fields.boolean("allowReentry"),
        }
        enabled = fields.boolean("enabled")
        fields.finish()
        with transaction.atomic():
            workflow = self.locked(workflow_id)
            if any(value is not None for value in given.values()):
                workflow = workflows.change(workflow=workflow, **given)
            if enabled is False and workflow.enabled:
                workflow = workflows.disable(workflow=workflow)
            workflow = self._with_trigger(workflow)
            if enabled and not workflow.enabled:
                with of_trigger(workflow):
                    workflow = switch_on(workflow)
        return self.answer(workflow_as_json(workflow))

    put = patch

    def _with_trigger(self, workflow: Workflow) -> Workflow:
        before = parse(workflow.draft).trigger
        trigger = read_trigger(self.body, before)
        if trigger == before:
            return workflow
        if not self.is_new_version:
            guard(workflow)

        def change(definition: Definition) -> Definition:
            return replace(definition, trigger=trigger)

        with of_trigger(workflow):
            return workflows.edit(workflow, change)

    def delete(self, request: Any, workflow_id: str) -> HttpResponse:
        dropping.delete(workflow=self.workflow(workflow_id))
        return self.nothing()


class Duplicate(OfWorkflows):
    """A copy of a workflow, switched off."""

    def post(self, request: Any, workflow_id: str) -> HttpResponse:
        name = f"POST /workflows/{workflow_id}/duplicate"
        return self.once(name, lambda: self._duplicate(workflow_id))

    def _duplicate(self, workflow_id: str) -> Answer:
        copy = workflows.duplicate(workflow=self.workflow(workflow_id))
        return Answer(workflow_in_full(copy), status=201)


class BulkUpdate(OfWorkflows):
    """Many workflows at once: all of them or none."""

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /workflows/bulk-update", self._update)

    def _update(self) -> dict[str, int]:
        fields = Fields(self.body)
        ids = fields.ids("ids", maximum=MOST_AT_ONCE)
        fields.require("ids", ids)
        deletes = fields.boolean("delete")
        fields.finish()
        if not deletes:
            return {"updated": 0}
        return {"deleted": dropping.delete_many(self.project_id, ids or [])}


class FieldList(OfWorkflows):
    """`GET /workflows/fields`: what the condition of a step can look at."""

    def get(self, request: Any) -> HttpResponse:
        found = [
            {"field": name, "type": kind, "category": "Contact Fields"}
            for name, kind in _STANDARD.items()
        ]
        found += [
            {
                "field": f"contact.data.{fact.name}",
                "type": fact.type,
                "category": "Custom Data",
            }
            for fact in fields_of_data.fields(self.project_id)
        ]
        found += [
            {"field": f"event.{name}", "type": kind, "category": "Event Data"}
            for name, kind in self._event_fields()
        ]
        return self.answer(
            {
                "fields": [one["field"] for one in found],
                "typedFields": found,
                "count": len(found),
            }
        )

    def _event_fields(self) -> list[tuple[str, str]]:
        name = self.query.get("eventName", "")[:MAX_EVENT].replace("\x00", "")
        rows = Occurrence.objects.filter(
            project_id=self.project_id, event__deleted_at=None
        )
        if name:
            rows = rows.filter(event__name__in={name, as_tracked(name)})
        types: dict[str, Counter[str]] = {}
        newest = rows.order_by("-created_at", "-id")
        for data in newest.values_list("data", flat=True)[:_SAMPLE]:
            for key, value in data.items() if isinstance(data, dict) else ():
                types.setdefault(key, Counter())[fields_of_data.type_of(value)] += 1
        return [(key, seen.most_common(1)[0][0]) for key, seen in sorted(types.items())]
