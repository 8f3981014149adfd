"""What jobs are called on their page: each kind in the words of who asked for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse

from contacts.models import Job, JobKind


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one job."""

    title: str
    #: Where somebody comes from and goes back to: the label and the address.
    back: tuple[str, str]
    #: What is counted: one of it, and many.
    unit: tuple[str, str] = ("contact", "contacts")
    #: Name and label of each figure, in the order they are shown in.
    figures: tuple[tuple[str, str], ...] = ()
    #: Said of one that is over and done.
    end: str = ""
    #: False where half of it would be worse than all or nothing.
    can_be_cancelled: bool = True


_makers: dict[JobKind, Callable[[Job], Words]] = {}
#: What is done to contacts, and the figures of it.
_TITLES = {
    JobKind.SUBSCRIBE: "Subscribe contacts",
    JobKind.UNSUBSCRIBE: "Unsubscribe contacts",
    JobKind.DELETE: "Delete contacts",
    JobKind.ADD: "Add contacts to a segment",
    JobKind.DROP_FIELD: "Remove a field from contacts",
}
_FIGURES = (
    ("success", "Done"),
    ("unchanged", "Unchanged"),
    ("failure", "Not possible"),
)


def register(kind: JobKind, words: Callable[[Job], Words]) -> None:
    """Say how a kind of job is called, once, from an `AppConfig.ready`."""
    _makers[kind] = words


def words_of(job: Job) -> Words:
    """Return what the page of a job calls it."""
    kind = JobKind(job.kind)
    maker = _makers.get(kind)
    if maker is not None:
        return maker(job)
    return Words(
        title=_TITLES.get(kind, kind.label),
        back=("Contacts", reverse("contacts", args=[job.project_id])),
        # Those of a floor above that tell nothing here have a page of their own.
        figures=_FIGURES if kind in _TITLES else (),
    )
