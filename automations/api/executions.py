"""Executions of workflows in the API: begun, listed, told and cancelled (2.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse

from automations import bulk, enrolling, running
from automations.api.reading import bounded
from automations.api.showing import (
    execution_as_json,
    execution_in_full,
    executions_as_json,
)
from automations.api.workflows import OfWorkflows
from automations.models import Run, RunState, Workflow
from plunk.api.errors import Conflict, FieldError, Invalid, NotFound
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer
from plunk.api.lists import List, cursor_page, is_numbered, numbered_page
from plunk.ids import read_id

#: Runs are counted up to here; what is more has no total.
MOST_COUNTED = 10_000
_ORDERS: Mapping[str, str] = {"startedAt": "started_at"}
_TIMES = frozenset({"started_at"})
#: What no contact has.
_NOBODY = UUID(int=0)


class ExecutionNotFound(NotFound):
    code = "EXECUTION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("That workflow has no such execution.")


class IsOver(Conflict):
    suggestion = "Only executions that are under way, or have failed, are cancelled."


class Executions(OfWorkflows):
    """`/workflows/:id/executions`."""

    def get(self, request: Any, workflow_id: str) -> HttpResponse:
        workflow = self.workflow(workflow_id)
        rows = self._rows(workflow)
        paged = numbered_page if is_numbered(self.query) else cursor_page
        of = List(
            f"workflows/{workflow.pk}/executions", self.project_id, _ORDERS, _TIMES
        )
        page = paged(
            of,
            rows,
            query=self.query,
            item=lambda row: row,
            total=lambda: _count(rows),
        )
        # Together, because their versions are looked up together.
        shown = executions_as_json(page["data"])
        return self.answer(
            {"executions": shown} | page | {"data": shown, "items": shown}
        )

    def _rows(self, workflow: Workflow) -> QuerySet[Run]:
        rows = Run.objects.filter(workflow=workflow).select_related("contact")
        rows = rows.defer("contact__data")
        state = self.query.get("status", "").upper()
        if not state:
            return rows
        if state not in RunState.values:
            message = f"Expected one of: {', '.join(RunState.values)}."
            raise Invalid([FieldError("status", message, "invalid_enum_value")])
        return rows.filter(state=state)

    def post(self, request: Any, workflow_id: str) -> HttpResponse:
        name = f"POST /workflows/{workflow_id}/executions"
        return self.once(name, lambda: self._start(workflow_id))

    def _start(self, workflow_id: str) -> Answer:
        workflow = self.workflow(workflow_id)
        fields = Fields(self.body)
        text = fields.text("contactId", maximum=200)
        fields.require("contactId", text)
        context = bounded(fields, "context")
        fields.finish()
        run = enrolling.start(
            workflow=workflow,
            contact_id=read_id(text or "") or _NOBODY,
            context=context,
        )
        return Answer(execution_as_json(run, run.version.number), status=201)


def _count(rows: QuerySet[Run]) -> int | None:
    count = rows.order_by()[: MOST_COUNTED + 1].count()
    return count if count <= MOST_COUNTED else None


class OneExecution(OfWorkflows):
    """`/workflows/:id/executions/:executionId`."""

    def get(self, request: Any, workflow_id: str, execution_id: str) -> HttpResponse:
        return self.answer(execution_in_full(self._run(workflow_id, execution_id)))

    def delete(self, request: Any, workflow_id: str, execution_id: str) -> HttpResponse:
        """Cancel an execution; one that was cancelled before stays so."""
        run = self._run(workflow_id, execution_id)
        is_done = running.cancel(run)
        run = self._run(workflow_id, execution_id)
        if not is_done and run.state != RunState.CANCELLED:
            raise IsOver("That execution is over.")
        return self.answer(execution_as_json(run, run.version.number))

    def _run(self, workflow_id: str, execution_id: str) -> Run:
        workflow, pk = self.workflow(workflow_id), read_id(execution_id)
        rows = Run.objects.select_related("workflow", "contact", "version")
        rows = rows.defer("contact__data", "workflow__draft")
        run = rows.filter(workflow=workflow, pk=pk).first() if pk else None
        if run is None:
            raise ExecutionNotFound
        return run


class CancelAll(OfWorkflows):
    """`POST /workflows/:id/executions/cancel-all`; with many, a job does it."""

    def post(self, request: Any, workflow_id: str) -> HttpResponse:
        name = f"POST /workflows/{workflow_id}/executions/cancel-all"
        return self.once(name, lambda: self._cancel(workflow_id))

    def _cancel(self, workflow_id: str) -> dict[str, Any]:
        done = bulk.cancel_all(self.workflow(workflow_id))
        if done.job is None:
            return {"cancelled": done.count}
        return {
            "cancelled": done.count,
            "isComplete": False,
            "jobId": str(done.job.pk),
        }
