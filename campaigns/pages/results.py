"""Which links were clicked, and what was done with a campaign."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from campaigns.advancing import BROKEN_OFF
from campaigns.models import CampaignEvent, EventKind, Run, RunKind
from campaigns.pages.running import head, launched, percent, report_of
from campaigns.schedules import read_moment
from campaigns.waiting import clock
from plunk.api.errors import Invalid
from plunk.pages.access import ProjectRequest, project_page
from transactional.tallies import Tally, tallies_of_runs

#: Entries of a history; a campaign that is paused ever again has no more to tell.
_MOST_EVENTS = 200
#: Why contacts were left out, as a run's figures name it.
LEFT_OUT = {
    "unsubscribed": "unsubscribed",
    "suppressed": "suppressed: bounced, complained, or by hand",
    "topic": "do not get mail about this topic",
    "excluded": "in a segment that was left out",
}
_ICONS = {
    EventKind.CREATED: "plus",
    EventKind.SCHEDULED: "clock",
    EventKind.UNSCHEDULED: "clock",
    EventKind.LAUNCHED: "send",
    EventKind.FROZEN: "people",
    EventKind.PAUSED: "clock",
    EventKind.RESUMED: "send",
    EventKind.CANCELLED: "cross",
    EventKind.REVERTED: "edit",
    EventKind.FINISHED: "check",
    EventKind.FAILED: "warning",
    EventKind.ARCHIVED: "archive",
    EventKind.UNARCHIVED: "archive",
}
_TONES = {
    EventKind.FINISHED: "good",
    EventKind.LAUNCHED: "info",
    EventKind.PAUSED: "warn",
    EventKind.CANCELLED: "bad",
    EventKind.FAILED: "bad",
}


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of the history as it is shown."""

    event: CampaignEvent
    detail: str
    who: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class RunShown:
    """A run, whom it left out and why, and what became of its mails."""

    run: Run
    tally: Tally
    named: int
    taken: int
    left_out: list[tuple[str, int]]

    @property
    def delivered(self) -> str:
        return percent(self.tally.delivered, self.tally.sent)


@require_safe
@project_page
def campaign_links(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Show which links were clicked, by how many people and how many machines."""
    campaign = launched(request, campaign_id)
    if campaign is None:
        return redirect("campaign", request.project.pk, campaign_id)
    context = head(campaign, "campaign_links")
    tally = context["now"].tally
    report = report_of(campaign, context["now"])
    links = report.data.get("links", {}) if report else {}
    most = max((row["people"] for row in links.get("rows", [])), default=0)
    context |= {
        "report": report,
        "has_more": links.get("has_more", False),
        "links": [
            row | {"share": percent(row["people"], tally.delivered), "most": most or 1}
            for row in links.get("rows", [])
        ],
        "clicked": tally.clicked,
    }
    return render(request, "campaigns/running/links.html", context)


@require_safe
@project_page
def campaign_history(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Show what was done with a campaign, and its runs with their figures."""
    campaign = launched(request, campaign_id)
    if campaign is None:
        return redirect("campaign", request.project.pk, campaign_id)
    events = CampaignEvent.objects.filter(campaign=campaign).select_related("user")
    newest = events.order_by("-created_at", "-id")[:_MOST_EVENTS]
    runs = Run.objects.filter(campaign=campaign).select_related("user", "job")
    figures = tallies_of_runs(campaign.pk)
    context = head(campaign, "campaign_history") | {
        "events": [_told(event) for event in newest],
        "runs": [
            _run(run, figures.get(run.number, Tally()))
            for run in runs.order_by("-number")
        ],
    }
    return render(request, "campaigns/running/history.html", context)


def _run(run: Run, tally: Tally) -> RunShown:
    figures = run.figures
    left_out = [
        (words, figures[name]) for name, words in LEFT_OUT.items() if figures.get(name)
    ]
    named, taken = figures.get("named", 0), figures.get("taken", 0)
    return RunShown(run, tally, named, taken, left_out)


def _told(event: CampaignEvent) -> Told:
    kind = EventKind(event.kind)
    return Told(
        event=event,
        detail=_detail(event, kind),
        who=str(event.user) if event.user else "",
        tone=_TONES.get(kind, "neutral"),
        icon=_ICONS[kind],
    )


def _detail(event: CampaignEvent, kind: EventKind) -> str:
    detail = event.detail
    if kind is EventKind.SCHEDULED:
        return f"For {_moment(str(detail.get('at', '')))}"
    if kind is EventKind.LAUNCHED:
        run_kind = str(detail.get("run_kind", ""))
        if run_kind in RunKind.values and run_kind != RunKind.FIRST:
            return RunKind(run_kind).label
        return ""
    if kind is EventKind.FROZEN:
        taken, named = int(detail.get("taken", 0)), int(detail.get("named", 0))
        return f"{taken:,} of {named:,} contacts get it"
    if detail.get("code") == BROKEN_OFF:
        return f"By itself: {detail.get('message', '')}"
    return str(detail.get("message", ""))


def _moment(text: str) -> str:
    try:
        return clock(read_moment(text))
    except Invalid:
        return "a moment that was not kept"
