"""How far a job is: percent, rate and the time that remains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from contacts.models import Job, JobKind, JobState

_OVER = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Progress:
    """`rows` are the file's or, of other jobs, what they count; `rate` is rows/s."""

    percent: int
    rows: int
    rate: float
    seconds: float
    remaining: str
    is_over: bool


def progress(job: Job, *, now: datetime | None = None) -> Progress:
    """Return how far a job is by the finished chunks."""
    is_over = job.state in _OVER
    rows = job.counts.get("rows", 0) if job.kind == JobKind.IMPORT else job.done
    end = job.finished_at if is_over else now or timezone.now()
    seconds = 0.0
    if job.started_at is not None and end is not None:
        seconds = max(0.0, (end - job.started_at).total_seconds())
    share = min(1.0, job.done / job.total) if job.total else 0.0
    if job.state == JobState.COMPLETED:
        share = 1.0
    left = seconds * (1 - share) / share if share and not is_over else 0.0
    return Progress(
        percent=int(share * 100),
        rows=rows,
        rate=rows / seconds if seconds else 0.0,
        seconds=seconds,
        remaining=in_words(left) if left else "",
        is_over=is_over,
    )


def in_words(seconds: float) -> str:
    """Write a duration as one reads it: 40 s, 3 min, 2 h 10 min."""
    whole = timedelta(seconds=round(seconds))
    minutes = int(whole.total_seconds()) // 60
    if minutes < 1:
        return f"{max(1, int(whole.total_seconds()))} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
