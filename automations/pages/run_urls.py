from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from automations.pages import keeping, lists, reasons, runs, starting, story, versions

_ONE = "workflows/<uuid:workflow_id>/"
_RUN = f"{_ONE}runs/<uuid:run_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("workflows/", lists.workflow_list, name="workflows"),
    path("workflows/new/", starting.workflow_new, name="workflow_new"),
    path(f"{_ONE}duplicate/", keeping.workflow_duplicate, name="workflow_duplicate"),
    path(f"{_ONE}switch/", keeping.workflow_switch, name="workflow_switch"),
    path(f"{_ONE}delete/", keeping.workflow_delete, name="workflow_delete"),
    path(f"{_ONE}start/", starting.workflow_start, name="workflow_start"),
    path(f"{_ONE}why/", reasons.workflow_why, name="workflow_why"),
    path(f"{_ONE}versions/", versions.workflow_versions, name="workflow_versions"),
    path(
        f"{_ONE}versions/<int:number>/",
        versions.workflow_version,
        name="workflow_version",
    ),
    path(f"{_ONE}move/", versions.workflow_move, name="workflow_move"),
    path(f"{_ONE}runs/", runs.workflow_runs, name="workflow_runs"),
    path(f"{_ONE}cancel-all/", keeping.workflow_cancel_all, name="workflow_cancel_all"),
    path(f"{_ONE}resume-all/", keeping.workflow_resume_all, name="workflow_resume_all"),
    path(_RUN, story.run_page, name="run"),
    path(f"{_RUN}progress/", story.run_progress, name="run_progress"),
    path(f"{_RUN}resume/", runs.run_resume, name="run_resume"),
    path(f"{_RUN}cancel/", runs.run_cancel, name="run_cancel"),
]
