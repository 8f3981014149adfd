"""From a draft to an import, or to its rehearsal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO
from uuid import UUID

from django.db import transaction

from contacts import jobs, ledger
from contacts.importing.mapping import (
    Column,
    MappingError,
    Options,
    check_columns,
    check_options,
)
from contacts.importing.previewing import preview
from contacts.importing.storing import UploadError, store_upload
from contacts.importing.tidying import discard, end_rehearsal
from contacts.ledger import Act
from contacts.models import ChangeKind, Door, Job, JobKind, JobState
from plunk.projects.models import Project, User
from plunk.waking import wake_on_commit


def save_choices(job: Job, *, columns: Sequence[Column]) -> None:
    """Remember how the columns of a draft are to be read; raise MappingError."""
    checked = check_columns(columns, width=len(job.parameters.get("header", ())))
    job.parameters["columns"] = [column.as_dict() for column in checked]
    Job.objects.filter(pk=job.pk, state=JobState.DRAFT).update(
        parameters=job.parameters
    )


@transaction.atomic
def start(
    job: Job, *, columns: Sequence[Column], options: Options, user: User | None = None
) -> bool:
    """Begin the import of a draft; return False if it is none any more.

    Raises MappingError. A reason for writing to people who left goes to the ledger.
    """
    parameters = _parameters(job, columns, options)
    end_rehearsal(job)
    changed = Job.objects.filter(pk=job.pk, state=JobState.DRAFT).update(
        state=JobState.WAITING, parameters=parameters
    )
    if not changed:
        return False
    if parameters["options"]["reason"]:
        ledger.record(
            project_id=job.project_id,
            contact_ids=[None],
            kind=ChangeKind.IMPORTED,
            act=Act(
                Door.IMPORT,
                reason=parameters["options"]["reason"],
                user_id=user.pk if user else job.user_id,
                origin_id=job.pk,
            ),
        )
    wake_on_commit(jobs.WORK)
    return True


@transaction.atomic
def try_out(
    job: Job, *, columns: Sequence[Column], options: Options, user: User | None = None
) -> Job:
    """Begin a rehearsal of a draft, a job that writes nothing but its figures.

    An earlier rehearsal ends. Raises MappingError.
    """
    parameters = _parameters(job, columns, options)
    end_rehearsal(job)
    rehearsal = Job.objects.create(
        project_id=job.project_id,
        kind=JobKind.IMPORT,
        user=user,
        parameters={**parameters, "is_dry": True, "source": str(job.pk)},
        position=job.position,
        total=job.total,
    )
    Job.objects.filter(pk=job.pk, state=JobState.DRAFT).update(
        parameters={**parameters, "rehearsal": str(rehearsal.pk)}
    )
    wake_on_commit(jobs.WORK)
    return rehearsal


def import_file(
    *,
    project_id: UUID,
    file: BinaryIO,
    name: str,
    user: User | None = None,
    max_bytes: int | None = None,
    options: Options | None = None,
) -> Job:
    """Import a file as its header says: `email`, `subscribed`, everything else data.

    Raises UploadError.
    """
    job = store_upload(
        project_id=project_id, file=file, name=name, user=user, max_bytes=max_bytes
    )
    shown = preview(job)
    try:
        if not shown.has_email:
            raise UploadError("There is no column named “email”.")
        start(job, columns=shown.columns, options=options or Options(), user=user)
    except (MappingError, UploadError) as error:
        discard(job)
        raise UploadError(str(error)) from error
    job.refresh_from_db()
    return job


def _parameters(
    job: Job, columns: Sequence[Column], options: Options
) -> dict[str, Any]:
    header = job.parameters.get("header", ())
    checked = check_columns(columns, width=len(header))
    wish = check_options(options)
    has_double_opt_in = Project.objects.values_list("double_opt_in", flat=True).get(
        pk=job.project_id
    )
    return {
        **job.parameters,
        "columns": [column.as_dict() for column in checked],
        "options": wish.as_dict(),
        "asks": has_double_opt_in and not wish.is_confirmed,
        "confirms": has_double_opt_in and wish.is_confirmed,
    }
