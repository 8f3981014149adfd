"""One run as a story: what began it, what was decided on which values, what is next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from automations.definitions import Definition
from automations.engine.versions import definition_of
from automations.models import (
    ACTIVE,
    Occurrence,
    Run,
    RunState,
    Visit,
    VisitState,
    WebhookCall,
    Workflow,
)
from automations.pages.frame import found, head, names_of
from automations.pages.runs import LABELS, TONES, progress, run_of
from automations.wording import Names, Told, told
from automations.wording.moments import left, soon
from automations.wording.steps import does
from automations.wording.visits import data_in_words
from contacts.segments.scopes import database_now
from plunk.pages.access import ProjectRequest, project_page
from transactional.explaining import STATE_TONES
from transactional.models import Email, EmailState

#: Of a long story, the first and the latest steps are told.
_FIRST, _LATEST = 20, 180
_NOTICEABLE = timedelta(seconds=1)
_MOST_DATA = 40
_CALL_TONES = {"DELIVERED": "good", "FAILED": "bad"}


@dataclass(frozen=True, slots=True)
class Link:
    """Something that a step made, with its state and its page."""

    label: str
    url: str
    state: str
    tone: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of the story."""

    told: Told
    at: datetime
    ended_at: datetime | None
    links: list[Link] = field(default_factory=list)
    #: Before this one, so many steps are left out.
    skipped: int = 0


@require_safe
@project_page
def run_page(request: ProjectRequest, workflow_id: UUID, run_id: UUID) -> HttpResponse:
    """Tell the story of a run."""
    run = run_of(request, workflow_id, run_id)
    workflow = found(request, workflow_id)
    context = head(workflow, "workflow_runs") | _story(run, workflow)
    return render(request, "automations/run.html", context)


@require_safe
@project_page
def run_progress(
    request: ProjectRequest, workflow_id: UUID, run_id: UUID
) -> HttpResponse:
    """Answer the poll of a story that goes on; one that ended reloads its page."""
    run = run_of(request, workflow_id, run_id)
    if not request.headers.get("HX-Request"):
        return redirect("run", request.project.pk, workflow_id, run_id)
    context = _story(run, found(request, workflow_id))
    response = render(request, "automations/story.html", context)
    if not context["is_live"]:
        response["HX-Refresh"] = "true"
    return response


def _story(run: Run, workflow: Workflow) -> dict[str, Any]:
    definition = definition_of(run.version_id)
    names = names_of(run.project_id, [definition])
    now = database_now()
    visits, skipped = _visits(run)
    return {
        "workflow": workflow,
        "run": run,
        "label": LABELS[RunState(run.state)],
        "tone": TONES[RunState(run.state)],
        "said": progress(run, definition, now),
        "beginning": _beginning(run),
        "moments": _moments(run, visits, skipped, definition, names, now),
        "next": _next(run, definition, names, now),
        "advice": _advice(run),
        "is_live": run.state in ACTIVE,
        "is_newest": run.version_id == workflow.live_id,
        "can_cancel": run.state in (*ACTIVE, RunState.FAILED),
    }


def _visits(run: Run) -> tuple[list[Visit], int]:
    """Return the visits to tell, and how many between them are left out."""
    rows = Visit.objects.filter(run=run)
    latest = list(rows.order_by("-number")[:_LATEST])[::-1]
    if not latest or latest[0].number == 1:
        return latest, 0
    begin = latest[0].number
    first = list(rows.filter(number__lt=begin).order_by("number")[:_FIRST])
    return [*first, *latest], begin - 1 - len(first)


def _beginning(run: Run) -> dict[str, Any]:
    """Say what began a run: an event with its data, or somebody's wish."""
    rows = Occurrence.objects.filter(pk=run.entry_id, project=run.project_id)
    occurrence = rows.select_related("event").first()
    data = data_in_words(run.context if occurrence is None else occurrence.data)
    if occurrence is None:
        title = "Begun by hand, by the API or by a schedule"
    elif occurrence.event.deleted_at:
        title = "An event happened that was deleted since"
    else:
        title = f"“{occurrence.event.name}” happened"
    return {
        "title": title,
        "at": run.started_at,
        "data": data[:_MOST_DATA],
        "more": max(0, len(data) - _MOST_DATA),
        "url": _address("event_occurrence", run.project_id, occurrence.pk)
        if occurrence
        else "",
    }


def _moments(
    run: Run,
    visits: Sequence[Visit],
    skipped: int,
    definition: Definition,
    names: Names,
    now: datetime,
) -> list[Moment]:
    links = _links(run, [visit.pk for visit in visits])
    start = definition.start.id
    last = visits[-1].pk if visits else None
    is_exited = run.state == RunState.EXITED
    return [
        Moment(
            told(
                visit,
                definition,
                names,
                now,
                exit_reason=run.exit_reason if is_exited and visit.pk == last else "",
            ),
            visit.started_at,
            _end(visit),
            links.get(visit.pk, []),
            skipped if place == _FIRST else 0,
        )
        for place, visit in enumerate(visits)
        # What began it has been told already.
        if visit.step_id != start or visit.state == VisitState.FAILED
    ]


def _end(visit: Visit) -> datetime | None:
    """Return when a visit was over, where it took long enough to be told."""
    at = visit.completed_at
    if at is None or visit.state == VisitState.WAITING:
        return None
    return at if at - visit.started_at >= _NOTICEABLE else None


def _links(run: Run, visit_ids: Sequence[UUID]) -> dict[UUID, list[Link]]:
    """Return the mail and the call that each visit owes; two statements."""
    found_: dict[UUID, list[Link]] = {}
    mails = Email.objects.filter(origin_id__in=visit_ids).defer("headers")
    for mail in mails.order_by("created_at", "pk"):
        state = EmailState(mail.state)
        url = reverse("email", args=[run.project_id, mail.pk])
        link = Link(f"Mail to {mail.to_email}", url, state.label, STATE_TONES[state])
        if mail.origin_id is not None:
            found_.setdefault(mail.origin_id, []).append(link)
    calls = WebhookCall.objects.filter(visit_id__in=visit_ids).defer("body", "headers")
    for call in calls:
        url = _address("webhook_call", run.project_id, call.pk)
        answer = f"{call.get_state_display()}, answer {call.status}"
        said = answer if call.status else call.get_state_display()
        tone = _CALL_TONES.get(call.state, "info")
        if call.visit_id is not None:
            link = Link("Call of the webhook", url, said, tone)
            found_.setdefault(call.visit_id, []).append(link)
    return found_


def _address(name: str, *args: object) -> str:
    """Return the address of a page, empty in an installation that has none."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def _next(
    run: Run, definition: Definition, names: Names, now: datetime
) -> dict[str, str] | None:
    """Say what comes next of a run that is on its way to a step."""
    if run.state != RunState.RUNNING:
        return None
    step = definition.steps.get(run.step_id) if run.step_id else None
    if step is None:
        return None
    when = f"{soon(run.due_at, now)}, {left(run.due_at, now)}" if run.due_at else ""
    if run.failures:
        return {
            "title": f"“{step.name}” is tried again",
            "line": f"It could not be done: {run.error}",
            "when": when,
        }
    title = f"Next: “{step.name}”"
    return {"title": title, "line": f"{does(step, names)}.", "when": ""}


def _advice(run: Run) -> str:
    """Say what to do about a run that is parked."""
    if run.state != RunState.FAILED:
        return ""
    return (
        "It is parked: it stays at this step until somebody resumes it. Mend what the"
        " step needs, then resume it; it goes on from here, and nothing that was done"
        " before is done again. Where the step itself has to change, publish a new"
        " version: runs keep to the one they are on, unless they are moved."
    )
