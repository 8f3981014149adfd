"""One thing done to many contacts, and what became of it (contract 2.4)."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse

from contacts.bulk import (
    MAX_EXCLUDED,
    MAX_IDS,
    OPERATIONS,
    Selection,
    begin_bulk,
    result,
)
from contacts.models import Job, JobKind, JobState
from contacts.segments.matching import matching
from contacts.segments.tree import as_json, parse
from plunk.api.errors import NotFound
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer
from plunk.api.resources import Resource
from plunk.ids import read_id

MAX_SEARCH = 255

#: The words for a job's state that clients know.
STATES = {
    JobState.DRAFT: "delayed",
    JobState.WAITING: "waiting",
    JobState.ACTIVE: "active",
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "failed",
}


class JobNotFound(NotFound):
    suggestion = "Look the id up in the answer that began the job."

    def __init__(self) -> None:
        super().__init__("There is no such job.")


def job_of(project_id: UUID, text: str, *kinds: JobKind) -> Job:
    """Return the job of some kinds that a path names; raises JobNotFound."""
    pk = read_id(text)
    jobs = Job.objects.filter(project_id=project_id, kind__in=kinds)
    job = jobs.filter(pk=pk).first() if pk else None
    if job is None:
        raise JobNotFound
    return job


def job_as_json(job: Job, *, result: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Return a job as the API shows it; `result` is null until there is one."""
    is_done = job.state == JobState.COMPLETED
    reason = job.failed_reason or None
    if job.state == JobState.CANCELLED:
        reason = "Cancelled."
    return {
        "id": str(job.pk),
        "state": STATES[JobState(job.state)],
        "progress": progress_of(job),
        "result": result if is_done else None,
        "data": {"projectId": str(job.project_id)} | data,
        "failedReason": reason,
    }


def progress_of(job: Job) -> int:
    """Return how much of a job is done, in per cent; 100 only when it is over."""
    if job.state == JobState.COMPLETED:
        return 100
    return min(99, 100 * job.done // job.total) if job.total else 0


def begun(job: Job, message: str) -> Answer:
    """Return the answer to whoever asked for a job."""
    return Answer({"message": message, "jobId": str(job.pk)}, status=202)


class Bulk(Resource):
    """The base of the endpoints that begin a bulk job."""

    kind: ClassVar[JobKind]

    def post(self, request: Any) -> HttpResponse:
        return self.once(f"POST /contacts/bulk-{OPERATIONS[self.kind]}", self._begin)

    def _begin(self) -> Answer:
        job = begin_bulk(
            project_id=self.caller.project_id,
            kind=self.kind,
            selection=read_selection(Fields(self.body), self.caller.project_id),
        )
        return begun(job, f"Bulk {OPERATIONS[self.kind]} has been queued.")


class BulkSubscribe(Bulk):
    """`POST /contacts/bulk-subscribe`."""

    kind = JobKind.SUBSCRIBE


class BulkUnsubscribe(Bulk):
    """`POST /contacts/bulk-unsubscribe`."""

    kind = JobKind.UNSUBSCRIBE


class BulkDelete(Bulk):
    """`POST /contacts/bulk-delete`."""

    kind = JobKind.DELETE


class BulkJob(Resource):
    """What became of a bulk job: `GET /contacts/bulk/:jobId`."""

    def get(self, request: Any, job_id: str) -> HttpResponse:
        job = job_of(self.caller.project_id, job_id, *OPERATIONS)
        told = result(job)
        data = {"operation": told["operation"], "mode": job.parameters["mode"]}
        return self.answer(job_as_json(job, result=told, data=data))


def read_selection(fields: Fields, project_id: UUID) -> Selection:
    """Read which contacts are meant; raises Invalid.

    Without `mode`, a list of ids means just these.
    """
    mode = fields.choice("mode", ("ids", "query"))
    if mode is None and fields.value("contactIds") is not None:
        mode = "ids"
    fields.require("mode", mode)
    fields.finish()
    if mode == "query":
        return _read_query(fields, project_id)
    ids = fields.ids("contactIds", maximum=MAX_IDS)
    fields.require("contactIds", ids)
    fields.finish()
    return Selection.of_ids(ids or [])


def _read_query(fields: Fields, project_id: UUID) -> Selection:
    """Read a question; an empty one means everybody, a missing one is an error."""
    given = fields.mapping("filter")
    fields.require("filter", given)
    inner = Fields(given or {})
    text = inner.text("search", maximum=MAX_SEARCH)
    subscribed = inner.boolean("subscribed")
    condition = inner.mapping("condition")
    for error in inner.errors:
        fields.fail(f"filter.{error.field}", error.message, error.code)
    exclude: Any = []
    if fields.value("excludeIds"):
        exclude = fields.ids("excludeIds", maximum=MAX_EXCLUDED) or []
    fields.finish()
    if condition is not None:
        # What is wrong with it is said now, and not by a job that fails.
        tree = parse(condition, "filter.condition")
        matching(project_id, tree, name="filter.condition")
        condition = as_json(tree)
    return Selection.of_query(
        search=text or "",
        subscribed=subscribed,
        condition=condition,
        exclude=exclude,
    )
