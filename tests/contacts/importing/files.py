"""Files to import, and the way through a whole import in one call."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from contacts import jobs
from contacts.importing import Column, Options, preview, start, store_upload
from contacts.models import Job
from plunk.projects.models import Project, User


def stored(project: Project, content: str | bytes, **values: Any) -> Job:
    """Return the draft of a file."""
    raw = content.encode() if isinstance(content, str) else content
    given = {"name": "people.csv", **values}
    return store_upload(project_id=project.pk, file=io.BytesIO(raw), **given)


def started(
    project: Project,
    content: str | bytes,
    *,
    columns: Sequence[Column] | None = None,
    user: User | None = None,
    **options: Any,
) -> Job:
    """Return an import that waits for a worker, by default with guessed columns."""
    job = stored(project, content)
    chosen = columns or preview(job).columns
    assert start(job, columns=chosen, options=Options(**options), user=user)
    return job


def imported(project: Project, content: str | bytes, **values: Any) -> Job:
    """Import a file to the end and return its job."""
    return finished(started(project, content, **values))


def finished(job: Job) -> Job:
    """Work until a job has ended; a chunk that breaks off is tried again."""
    while jobs.work(seconds=60):
        pass
    job.refresh_from_db()
    return job


def figures(job: Job) -> dict[str, int]:
    """Return the figures of a job that are not zero."""
    return {name: figure for name, figure in job.counts.items() if figure}
