"""Taking a key out of everybody's data."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.functions import Cast, Now

from contacts import jobs, walking
from contacts.counting import count_contacts
from contacts.fields_of_data import asking_for
from contacts.models import Contact, Job, JobKind, Segment
from plunk.api.errors import BadRequest
from plunk.postgresql import is_postgresql
from plunk.projects.models import User

#: So many contacts are gone through while the caller waits; more of them by a job.
MOST_AT_ONCE = 5_000


class FieldInUse(BadRequest):
    code = "FIELD_IN_USE"
    suggestion = "Change or delete the segments that ask for it first."

    def __init__(self, segments: Sequence[Segment]) -> None:
        named = ", ".join(segment.name for segment in segments[:3])
        super().__init__(f"Segments ask for this field: {named}.")


def drop_field(*, project_id: UUID, key: str, user: User | None = None) -> Job | int:
    """Take a key out of all data: return how many contacts had it, or the job.

    A job does it where there are many contacts. Raises FieldInUse.
    """
    if asking := asking_for(project_id, f"data.{key}"):
        raise FieldInUse(asking)
    if count_contacts(project_id) > MOST_AT_ONCE:
        return jobs.begin(
            project_id=project_id,
            kind=JobKind.DROP_FIELD,
            parameters={"mode": "field", "field": key},
            user=user,
        )
    ids = list(_having(project_id, key).values_list("pk", flat=True))
    with transaction.atomic():
        return sum(
            _drop(key, ids[start : start + walking.CHUNK])
            for start in range(0, len(ids), walking.CHUNK)
        )


class DropWorker:
    """Does such a job chunk by chunk."""

    def __init__(self, job: Job) -> None:
        self.key: str = job.parameters["field"]
        self.found = _having(job.project_id, self.key)

    def step(self, job: Job) -> bool:
        if job.total is None:
            job.total = self.found.count()
        ids, has_more = walking.next_chunk(job, self.found)
        jobs.count(job, success=_drop(self.key, ids))
        job.done += len(ids)
        return has_more


def _having(project_id: UUID, key: str) -> QuerySet[Contact]:
    """Return the contacts that have a key; elsewhere, those that have any.

    A path in SQLite's JSON cannot name every key there may be.
    """
    rows = Contact.objects.filter(project_id=project_id, data__isnull=False)
    return rows.filter(data__has_key=key) if is_postgresql() else rows


def _drop(key: str, ids: Sequence[UUID]) -> int:
    """Take the key from these contacts; return how many had it."""
    # In the order of addresses, as by everybody who locks more than one.
    rows = Contact.objects.filter(pk__in=ids).order_by("email")
    rows = rows.select_for_update(no_key=True)
    if not is_postgresql():
        return _drop_portable(key, list(rows))
    having = list(rows.filter(data__has_key=key).values_list("pk", flat=True))
    without = Func(
        F("data"),
        Cast(Value(key), TextField()),
        template="NULLIF(%(expressions)s, '{}'::jsonb)",
        arg_joiner=" - ",
    )
    changed = Contact.objects.filter(pk__in=having)
    return changed.update(data=without, updated_at=Now())


def _drop_portable(key: str, contacts: list[Contact]) -> int:
    having = [contact for contact in contacts if key in (contact.data or {})]
    for contact in having:
        data = dict(contact.data or {})
        del data[key]
        contact.data, contact.updated_at = data or None, Now()
    Contact.objects.bulk_update(having, ["data", "updated_at"], batch_size=200)
    return len(having)
