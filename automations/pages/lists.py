"""The list of workflows: what begins each, who is inside, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import QuerySet, TextChoices
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from automations.beginnings import BEGINNINGS
from automations.models import Workflow
from automations.pages.figures import MOST_PARKED, Figures, figures_of
from automations.pages.frame import definition_in_force, segment_names
from automations.wording import Names, trigger_in_words
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.paging import page
from plunk.projects.models import Project

PAGE_SIZE = 25
_MOST_TEXT = 100


class Status(TextChoices):
    """A part of the list."""

    ALL = "", "All"
    ON = "on", "Switched on"
    OFF = "off", "Switched off"


@dataclass(frozen=True, slots=True)
class Question:
    """What the list shows; what is empty does not narrow it."""

    text: str = ""
    status: Status = Status.ALL

    @classmethod
    def read(cls, query: QueryDict) -> Question:
        """Read a query string; whatever makes no sense in it does not count."""
        status = query.get("show", "")
        return cls(
            text=query.get("q", "").strip()[: _MOST_TEXT + 1],
            status=Status(status) if status in Status.values else Status.ALL,
        )

    @property
    def is_narrow(self) -> bool:
        return bool(self.text or self.status)

    @property
    def query(self) -> str:
        """Return the query string that asks for the same."""
        given = {"q": self.text, "show": self.status.value}
        return urlencode({name: value for name, value in given.items() if value})

    def rows(self, project: Project) -> QuerySet[Workflow]:
        rows = Workflow.objects.existing().filter(project=project)
        if self.status:
            rows = rows.filter(enabled=self.status == Status.ON)
        if not self.text:
            return rows
        if "\x00" in self.text or len(self.text) > _MOST_TEXT:
            return rows.none()
        return rows.filter(name__icontains=self.text)


@dataclass(frozen=True, slots=True)
class Listed:
    """A workflow of the list."""

    workflow: Workflow
    trigger: str
    figures: Figures

    @property
    def label(self) -> str:
        if self.workflow.enabled:
            return "On"
        return "Off" if self.workflow.live_id else "Draft"

    @property
    def tone(self) -> str:
        return "good" if self.workflow.enabled else "neutral"

    @property
    def parked(self) -> str:
        number = self.figures.parked
        return f"{MOST_PARKED:,}+" if number > MOST_PARKED else f"{number:,}"


@require_safe
@project_page
def workflow_list(request: ProjectRequest) -> HttpResponse:
    question = Question.read(request.GET)
    found = page(
        question.rows(request.project).select_related("live"),
        cursor=request.GET.get("cursor", ""),
        size=PAGE_SIZE,
    )
    context = {
        "page": found,
        "question": question,
        "statuses": Status.choices,
        "workflows": _listed(request.project, found.rows),
        "beginnings": BEGINNINGS,
    }
    return render(request, "automations/list.html", context)


def _listed(project: Project, workflows: Sequence[Workflow]) -> list[Listed]:
    """Return the rows of a page, at the same cost for one and for many."""
    definitions = {one.pk: definition_in_force(one) for one in workflows}
    triggers = {pk: definition.trigger for pk, definition in definitions.items()}
    segments = {pk for one in triggers.values() if (pk := one.segment_id)}
    names = Names(segments=segment_names(project.pk, segments))
    figures = figures_of(workflows, definitions)
    return [
        Listed(one, trigger_in_words(triggers[one.pk], names), figures[one.pk])
        for one in workflows
    ]
