"""What the jobs of automations are called on their page (`contacts.job_words`)."""

from __future__ import annotations

from django.urls import reverse

from automations.models import Workflow
from contacts.job_words import Words
from contacts.models import Job, JobKind

#: The workflow goes in where `{}` is.
_TITLES = {
    JobKind.ENROL: "Begin {} for a segment",
    JobKind.CANCEL_RUNS: "Cancel everybody in {}",
    JobKind.RESUME_RUNS: "Resume everybody parked in {}",
    JobKind.MOVE_RUNS: "Move people in {} to the newest version",
    JobKind.DROP_FLOW: "Delete {}",
}
_FIGURES = {
    JobKind.ENROL: (("begun", "Begun"), ("refused", "Kept out by its rules")),
    JobKind.CANCEL_RUNS: (("success", "Cancelled"),),
    JobKind.RESUME_RUNS: (("success", "On the way again"),),
    JobKind.MOVE_RUNS: (("success", "Moved"),),
    JobKind.DROP_FLOW: (("success", "Runs deleted"),),
}
_ENDS = {
    JobKind.RESUME_RUNS: "Each of them tries its step again.",
    JobKind.MOVE_RUNS: "Whoever is at a step that is gone finishes their own version.",
}


def of_workflow(job: Job) -> Words:
    """Name what is done to the runs of a workflow, and lead back to it."""
    kind = JobKind(job.kind)
    rows = Workflow.objects.existing().filter(
        project_id=job.project_id, pk=job.parameters["workflow"]
    )
    name = rows.values_list("name", flat=True).first()
    back = ("Automations", reverse("workflows", args=[job.project_id]))
    if name is not None:
        page = "workflow_versions" if kind == JobKind.MOVE_RUNS else "workflow_runs"
        place = [job.project_id, job.parameters["workflow"]]
        back = (name, reverse(page, args=place))
    called = name or job.parameters.get("name")
    return Words(
        title=_TITLES[kind].format(f"“{called}”" if called else "a workflow"),
        back=back,
        unit=("contact", "contacts") if kind == JobKind.ENROL else ("run", "runs"),
        figures=_FIGURES[kind],
        end=_ENDS.get(kind, ""),
        # Of a deleted workflow nothing can be kept.
        can_be_cancelled=kind != JobKind.DROP_FLOW,
    )


def of_event(job: Job) -> Words:
    """Name the removal of what was recorded of an event."""
    return Words(
        title=f"Delete the event “{job.parameters.get('name', '')}”",
        back=("Events", reverse("events", args=[job.project_id])),
        unit=("occurrence", "occurrences"),
        figures=(("success", "Deleted"),),
        can_be_cancelled=False,
    )
