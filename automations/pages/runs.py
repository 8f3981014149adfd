"""The runs of a workflow: listed, found, narrowed; cancelled and resumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from automations import running
from automations.definitions import Definition, Step
from automations.engine.versions import definition_of
from automations.models import ACTIVE, Run, RunState, Workflow, WorkflowVersion
from automations.pages.frame import Asked, ask, definition_in_force, found, head
from automations.wording import soon
from contacts.models import Contact
from contacts.search import search
from contacts.segments.scopes import database_now
from plunk.ids import read_id
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.paging import ByTime, Page, last_spelling, page

PAGE_SIZE = 50
#: Of the contacts with a piece of an address, the runs of so many are listed.
_MOST_CANDIDATES = 1_000
#: So long after a version had a successor, a run may still begin on it.
_OVERLAP = timedelta(hours=1)
_MOST_TEXT = 254
_MOST_VERSIONS = 100
NEWEST = ByTime("started_at")
#: The same order, in words that no index has: PostgreSQL then looks up the runs of the
#: contacts that were found and sorts those, and does not go through all runs for them.
BY_CONTACT = ByTime("begun_at")
TONES = {
    RunState.RUNNING: "info",
    RunState.WAITING: "info",
    RunState.COMPLETED: "good",
    RunState.EXITED: "neutral",
    RunState.FAILED: "bad",
    RunState.CANCELLED: "neutral",
}
#: What people call each state.
LABELS = {
    RunState.RUNNING: "Under way",
    RunState.WAITING: "Waiting",
    RunState.COMPLETED: "Done",
    RunState.EXITED: "Left",
    RunState.FAILED: "Parked",
    RunState.CANCELLED: "Cancelled",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The runs that were asked for; partial where too many people would be meant."""

    rows: QuerySet[Run]
    order: ByTime = NEWEST
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What the list shows; what makes no sense does not narrow it."""

    state: str = ""
    text: str = ""
    step: UUID | None = None
    version: int | None = None

    @classmethod
    def read(cls, query: QueryDict) -> Question:
        state, version = query.get("state", ""), query.get("version", "")
        is_number = version.isascii() and version.isdecimal() and len(version) <= 6
        return cls(
            state=state if state in RunState.values else "",
            text=query.get("q", "").replace("\x00", "").strip()[:_MOST_TEXT],
            step=read_id(query.get("step", "")),
            version=int(version) if is_number else None,
        )

    @property
    def is_narrow(self) -> bool:
        return bool(self.state or self.text or self.step or self.version is not None)

    @property
    def query(self) -> str:
        given = {
            "state": self.state,
            "q": self.text,
            "step": self.step or "",
            "version": "" if self.version is None else self.version,
        }
        return urlencode({name: value for name, value in given.items() if value != ""})

    def rows(self, workflow: Workflow) -> Answer:
        rows = Run.objects.filter(workflow=workflow)
        if self.version is not None:
            rows = _on_version(rows, workflow, self.version)
        if self.state:
            rows = rows.filter(state=self.state)
        if self.step is not None:
            # Where somebody is, not where they ended.
            at = [self.state] if self.state else [*ACTIVE, RunState.FAILED]
            rows = rows.filter(step_id=self.step, state__in=at)
        return self._of_address(rows, workflow.project_id)

    def _of_address(self, rows: QuerySet[Run], project_id: UUID) -> Answer:
        if not self.text:
            return Answer(rows)
        everybody = Contact.objects.filter(project=project_id)
        whole = everybody.filter(email=self.text.lower()).values_list("pk", flat=True)
        ids = list(whole) or self._candidates(rows, everybody)
        found = rows.filter(contact__in=ids[:_MOST_CANDIDATES])
        return Answer(
            found.annotate(begun_at=Coalesce("started_at", "arrived_at")),
            order=BY_CONTACT,
            is_partial=len(ids) > _MOST_CANDIDATES,
        )

    def _candidates(
        self, rows: QuerySet[Run], everybody: QuerySet[Contact]
    ) -> list[UUID]:
        """Return contacts with such runs and a piece in their address, if few: all."""
        mine = rows.filter(contact=OuterRef("pk")).order_by()
        people = search(everybody, self.text).filter(Exists(mine)).order_by()
        return list(people.values_list("pk", flat=True)[: _MOST_CANDIDATES + 1])


def _on_version(rows: QuerySet[Run], workflow: Workflow, number: int) -> QuerySet[Run]:
    """Keep the runs on a version, from where they begin in the list of all runs.

    Nobody begins on a version that has had a successor for long: without that, the
    newest of an old version would be looked for among all that came later.
    """
    versions = WorkflowVersion.objects.filter(workflow=workflow)
    version = versions.filter(number=number).only("pk").first()
    if version is None:
        return rows.none()
    rows = rows.filter(version=version)
    successor = versions.filter(number=number + 1).only("created_at").first()
    if successor is None:
        return rows
    return rows.filter(started_at__lte=last_spelling(successor.created_at + _OVERLAP))


@dataclass(frozen=True, slots=True)
class Shown:
    """A run of a list, in words."""

    run: Run
    label: str
    tone: str
    said: str
    version: int

    @property
    def is_parked(self) -> bool:
        return self.run.state == RunState.FAILED


@require_safe
@project_page
def workflow_runs(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
    """List the runs of a workflow, newest first."""
    workflow = found(request, workflow_id)
    question = Question.read(request.GET)
    answer = question.rows(workflow)
    rows = answer.rows.select_related("contact", "version", "awaited")
    listed: Page[Run] = page(
        rows.defer("context", "version__definition", "contact__data"),
        cursor=request.GET.get("cursor", ""),
        size=PAGE_SIZE,
        order=answer.order,
    )
    now = database_now()
    versions = WorkflowVersion.objects.filter(workflow=workflow).order_by("-number")
    context = head(workflow, "workflow_runs") | {
        "question": question,
        "page": listed,
        "is_partial": answer.is_partial,
        "most_people": _MOST_CANDIDATES,
        "runs": shown(listed.rows, now),
        "states": list(LABELS.items()),
        "steps": _steps(workflow, question),
        "versions": list(versions.values_list("number", flat=True)[:_MOST_VERSIONS]),
        "is_live": any(run.state in ACTIVE for run in listed.rows),
        "has_parked": _has_parked(workflow),
        "url": request.get_full_path(),
    }
    return render(request, "automations/runs.html", context)


def _has_parked(workflow: Workflow) -> bool:
    return Run.objects.filter(workflow=workflow, state=RunState.FAILED).exists()


def _steps(workflow: Workflow, question: Question) -> list[tuple[str, str]]:
    """Return the steps to choose among; one that is gone too, where it was chosen."""
    steps = definition_in_force(workflow).steps
    named = [(str(pk), step.name) for pk, step in steps.items()]
    if question.step is not None and question.step not in steps:
        named.append((str(question.step), "A step of an earlier version"))
    return named


def shown(runs: Sequence[Run], now: datetime) -> list[Shown]:
    """Return runs in words: each with its version, and how far it is."""
    return [
        Shown(
            run,
            LABELS[RunState(run.state)],
            TONES[RunState(run.state)],
            progress(run, _definition(run), now),
            run.version.number,
        )
        for run in runs
    ]


def _definition(run: Run) -> Definition:
    return definition_of(run.version_id)


def progress(run: Run, definition: Definition, now: datetime) -> str:
    """Say how far a run is: “waiting at “Wait 2 days” until Tue 10:00 UTC”."""
    step = definition.steps.get(run.step_id) if run.step_id else None
    at = f"“{step.name}”" if step else "a step that is gone"
    match RunState(run.state):
        case RunState.WAITING:
            return _waiting(run, step, at, now)
        case RunState.RUNNING:
            if run.failures:
                return f"trying {at} again: {run.error}"
            return f"about to take {at}" if step else "about to begin"
        case RunState.FAILED:
            return f"parked at {at}: {run.error}"
        case RunState.EXITED:
            reason = "" if run.exit_reason == "exit_step" else run.exit_reason
            return f"left at {at}{': ' if reason else ''}{reason}"
        case RunState.CANCELLED:
            return f"cancelled at {at}: {run.exit_reason}"
    return f"went through to {at}"


def _waiting(run: Run, step: Step | None, at: str, now: datetime) -> str:
    for_ = f" for “{run.awaited.name}”" if run.awaited else ""
    end = run.until_at or (run.due_at if not run.awaited_id else None)
    if run.until_at is None and step and step.type == "WAIT_FOR_EVENT":
        return f"waiting at {at}{for_}, for as long as it takes"
    until = f" until {soon(end, now)}" if end else ""
    return f"waiting at {at}{for_}{until}"


# -- one of them -----------------------------------------------------------------------


def run_of(request: ProjectRequest, workflow_id: UUID, run_id: UUID) -> Run:
    """Return a run of a workflow of the open project; raises Http404."""
    rows = Run.objects.filter(
        pk=run_id,
        workflow=workflow_id,
        workflow__project=request.project,
        workflow__deleted_at=None,
    )
    run = rows.select_related("contact", "version", "awaited").first()
    if run is None:
        raise Http404("There is no such run.")
    return run


@require_POST
@project_page
def run_resume(
    request: ProjectRequest, workflow_id: UUID, run_id: UUID
) -> HttpResponse:
    """Let a parked run try its step again."""
    run = run_of(request, workflow_id, run_id)
    if running.resume(run):
        messages.success(request, "It tries the step again.")
    else:
        messages.error(request, "It is not parked any more.")
    return redirect("run", request.project.pk, workflow_id, run_id)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def run_cancel(
    request: ProjectRequest, workflow_id: UUID, run_id: UUID
) -> HttpResponse:
    """Ask, then end a run where it is."""
    run = run_of(request, workflow_id, run_id)
    if request.method == "POST":
        if running.cancel(run):
            messages.success(request, "It is cancelled.")
        else:
            messages.error(request, "It had come to its end already.")
        return redirect("run", request.project.pk, workflow_id, run_id)
    workflow = found(request, workflow_id)
    question = Asked(
        title=f"Cancel the run of {run.contact.email}?",
        points=[
            "It ends where it is, and takes no other step.",
            "A mail that has been written already still goes out.",
            "This contact counts as having been in."
            if not workflow.allow_reentry
            else "The contact can begin again, with the next event.",
        ],
        button="Cancel this run",
        stay="Let it go on",
        is_grave=True,
        back_url=reverse("run", args=[request.project.pk, workflow_id, run_id]),
    )
    return ask(request, workflow, question)
