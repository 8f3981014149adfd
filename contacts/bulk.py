"""One thing done to many contacts: named one by one, or all that a question finds.

A job (contacts.jobs) goes through them in chunks. A repetition finds nothing left to
change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from contacts import jobs, walking
from contacts.erasing import erase
from contacts.importing import made_by
from contacts.jobs import JobError
from contacts.ledger import Act
from contacts.models import Contact, Door, Job, JobKind, Segment, SegmentType
from contacts.search import search
from contacts.segments.matching import matching
from contacts.segments.membership import add_members
from contacts.segments.tree import parse
from contacts.standing import Standing
from contacts.subscriptions import set_all_subscribed
from plunk.api.errors import Invalid
from plunk.projects.models import User

MAX_IDS = 1000
MAX_EXCLUDED = 10_000

#: What each kind of job is called in the API.
OPERATIONS = {
    JobKind.SUBSCRIBE: "subscribe",
    JobKind.UNSUBSCRIBE: "unsubscribe",
    JobKind.DELETE: "delete",
    JobKind.DROP_FIELD: "delete-field",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which contacts are meant: these, or all that a question finds but `exclude`."""

    ids: tuple[UUID, ...] | None = None
    search: str = ""
    subscribed: bool | None = None
    #: A filter tree, as JSON has it.
    condition: dict[str, Any] | None = None
    standing: Standing | None = None
    import_id: UUID | None = None
    exclude: tuple[UUID, ...] = ()

    @classmethod
    def of_ids(cls, ids: Iterable[UUID]) -> Selection:
        """Mean these contacts; an id that is named twice is one."""
        return cls(ids=tuple(dict.fromkeys(ids)))

    @classmethod
    def of_query(
        cls,
        *,
        search: str = "",
        subscribed: bool | None = None,
        condition: dict[str, Any] | None = None,
        standing: Standing | None = None,
        import_id: UUID | None = None,
        exclude: Iterable[UUID] = (),
    ) -> Selection:
        """Mean everybody whom all that is given applies to."""
        return cls(
            search=search,
            subscribed=subscribed,
            condition=condition,
            standing=standing,
            import_id=import_id,
            exclude=tuple(exclude),
        )

    def queryset(self, project_id: UUID) -> QuerySet[Contact]:
        """Return the contacts of a project that are meant, in no order."""
        if self.ids is not None:
            return Contact.objects.filter(project_id=project_id, pk__in=self.ids)
        found = self.found(project_id)
        return found.exclude(pk__in=self.exclude) if self.exclude else found

    def found(self, project_id: UUID) -> QuerySet[Contact]:
        """Return what the question finds, those to be left out included.

        Raises Invalid where the condition names what the project does not have.
        """
        rows = Contact.objects.filter(project_id=project_id)
        if self.condition is not None:
            rows = matching(project_id, parse(self.condition))
        if self.standing is not None:
            rows = rows.filter(self.standing.condition(project_id))
        if self.import_id is not None:
            rows = made_by(rows, self.import_id)
        if self.subscribed is not None:
            rows = rows.filter(subscribed=self.subscribed)
        if self.search:
            rows = search(rows, self.search)
        return rows

    def as_parameters(self) -> dict[str, Any]:
        """Return it the way a job's row keeps it."""
        if self.ids is not None:
            return {"mode": "ids", "ids": [str(pk) for pk in self.ids]}
        return {
            "mode": "query",
            "search": self.search,
            "subscribed": self.subscribed,
            "condition": self.condition,
            "standing": self.standing,
            "import": str(self.import_id) if self.import_id else None,
            "exclude": [str(pk) for pk in self.exclude],
        }

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> Selection:
        if parameters["mode"] == "ids":
            return cls.of_ids(UUID(pk) for pk in parameters["ids"])
        standing, import_id = parameters.get("standing"), parameters.get("import")
        return cls.of_query(
            search=parameters["search"],
            subscribed=parameters["subscribed"],
            condition=parameters.get("condition"),
            standing=Standing(standing) if standing else None,
            import_id=UUID(import_id) if import_id else None,
            exclude=(UUID(pk) for pk in parameters["exclude"]),
        )


def begin_bulk(
    *,
    project_id: UUID,
    kind: JobKind,
    selection: Selection,
    segment: Segment | None = None,
    user: User | None = None,
) -> Job:
    """Ask for something to be done to all contacts of a selection.

    `segment`, a static one, is where JobKind.ADD puts them.
    """
    where = {"segment": str(segment.pk)} if segment else {}
    return jobs.begin(
        project_id=project_id,
        kind=kind,
        parameters=selection.as_parameters() | where,
        total=None if selection.ids is None else len(selection.ids),
        user=user,
    )


def result(job: Job) -> dict[str, Any]:
    """Return what became of a job so far, in the words of the contract."""
    counts = job.counts
    return {
        "operation": OPERATIONS[JobKind(job.kind)],
        "totalRequested": job.total or 0,
        "successCount": counts.get("success", 0),
        "unchangedCount": counts.get("unchanged", 0),
        "failureCount": counts.get("failure", 0),
        "errors": job.errors,
    }


class BulkWorker:
    """Does a bulk job chunk by chunk."""

    def __init__(self, job: Job) -> None:
        self.project_id = job.project_id
        self.selection = Selection.from_parameters(job.parameters)
        self.excluded = frozenset(self.selection.exclude)
        door = Door.DASHBOARD if job.user_id else Door.API
        self.act = Act(door, reason="bulk", user_id=job.user_id, origin_id=job.pk)

    def step(self, job: Job) -> bool:
        """Do the next chunk; return whether there is more."""
        if self.selection.ids is not None:
            return self._step_through_ids(job, self.selection.ids)
        return self._step_through_rows(job)

    def _step_through_ids(self, job: Job, ids: Sequence[UUID]) -> bool:
        start: int = job.position.get("next", 0)
        chunk = ids[start : start + walking.CHUNK]
        rows = Contact.objects.filter(project_id=self.project_id, pk__in=chunk)
        known = set(rows.values_list("pk", flat=True))
        self._do(job, [pk for pk in chunk if pk in known])
        for pk in chunk:
            if pk not in known:
                # Whether it is another project's or nobody's is not for the caller.
                jobs.note_error(
                    job, contactId=str(pk), email=None, error="Contact not found."
                )
                jobs.count(job, failure=1)
        job.done += len(chunk)
        job.position = {"next": start + walking.CHUNK}
        return start + walking.CHUNK < len(ids)

    def _step_through_rows(self, job: Job) -> bool:
        try:
            rows = self.selection.found(self.project_id)
        except Invalid as error:
            raise JobError(
                "A segment or a topic that was asked for is not there any more."
            ) from error
        if job.total is None:
            job.total = self.selection.queryset(self.project_id).count()
        found, has_more = walking.next_chunk(job, rows)
        meant = [pk for pk in found if pk not in self.excluded]
        self._do(job, meant)
        job.done += len(meant)
        if not has_more:
            job.total = job.done
        return has_more

    def _do(self, job: Job, ids: Sequence[UUID]) -> None:
        if not ids:
            return
        if job.kind == JobKind.DELETE:
            changed = erase(project_id=self.project_id, contact_ids=ids)
        else:
            changed = len(
                set_all_subscribed(
                    project_id=self.project_id,
                    contact_ids=ids,
                    subscribed=job.kind == JobKind.SUBSCRIBE,
                    act=self.act,
                )
            )
        jobs.count(job, success=changed, unchanged=len(ids) - changed)


class AddWorker(BulkWorker):
    """Puts contacts into a static segment."""

    def _do(self, job: Job, ids: Sequence[UUID]) -> None:
        if not ids:
            return
        segment = Segment.objects.filter(
            project_id=self.project_id,
            pk=job.parameters["segment"],
            type=SegmentType.STATIC,
        ).first()
        if segment is None:
            raise JobError("The segment is not there any more.")
        added = add_members(segment, ids)
        jobs.count(job, success=added, unchanged=len(ids) - added)
