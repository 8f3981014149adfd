"""The list of campaigns: narrowed, searched, with what became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, TextChoices
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from campaigns import drafts
from campaigns.models import RUNNING, Campaign, CampaignState, RunState, Variant
from campaigns.pages.finding import audiences_in_words
from campaigns.schedules import in_words
from plunk.api.errors import ApiError
from plunk.ids import read_id
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.paging import page
from plunk.projects.models import Project
from transactional.tallies import Tally, tallies

PAGE_SIZE = 25
_MOST_TEXT = 100
#: Campaigns whose names a question before deleting them shows.
_MOST_NAMED = 20
TONES: Mapping[str, str] = {
    CampaignState.DRAFT: "neutral",
    CampaignState.SCHEDULED: "info",
    CampaignState.SENDING: "info",
    CampaignState.PAUSED: "warn",
    CampaignState.SENT: "good",
    CampaignState.CANCELLED: "neutral",
}


class Shelf(TextChoices):
    """A part of the list."""

    ALL = "", "All"
    DRAFTS = "drafts", "Drafts"
    SCHEDULED = "scheduled", "Scheduled"
    RUNNING = "running", "Under way"
    ENDED = "ended", "Ended"
    ARCHIVED = "archived", "Archive"


_STATES: Mapping[Shelf, tuple[CampaignState, ...]] = {
    Shelf.DRAFTS: (CampaignState.DRAFT,),
    Shelf.SCHEDULED: (CampaignState.SCHEDULED,),
    Shelf.RUNNING: RUNNING,
    Shelf.ENDED: (CampaignState.SENT, CampaignState.CANCELLED),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What the list shows; what is empty does not narrow it."""

    text: str = ""
    shelf: Shelf = Shelf.ALL

    @classmethod
    def read(cls, query: QueryDict) -> Question:
        """Read a query string; whatever makes no sense in it does not count."""
        shelf = query.get("show", "")
        return cls(
            text=query.get("q", "").strip()[: _MOST_TEXT + 1],
            shelf=Shelf(shelf) if shelf in Shelf.values else Shelf.ALL,
        )

    @property
    def is_narrow(self) -> bool:
        return bool(self.text or self.shelf)

    @property
    def query(self) -> str:
        """Return the query string that asks for the same."""
        given = {"q": self.text, "show": self.shelf.value}
        return urlencode({name: value for name, value in given.items() if value})

    def rows(self, project: Project) -> QuerySet[Campaign]:
        rows = Campaign.objects.filter(
            project=project, archived_at__isnull=self.shelf != Shelf.ARCHIVED
        )
        if self.shelf in _STATES:
            rows = rows.filter(state__in=_STATES[self.shelf])
        return _search(rows, self.text)


def _search(rows: QuerySet[Campaign], text: str) -> QuerySet[Campaign]:
    """Keep the campaigns with `text` in their name or in a subject."""
    if not text:
        return rows
    if "\x00" in text or len(text) > _MOST_TEXT:
        return rows.none()
    says = Variant.objects.filter(campaign=OuterRef("pk"), subject__icontains=text)
    return rows.filter(Q(name__icontains=text) | Exists(says))


@dataclass(frozen=True, slots=True)
class Listed:
    """A campaign of the list, and what became of it."""

    campaign: Campaign
    subject: str
    audience: str
    tally: Tally
    is_freezing: bool

    @property
    def tone(self) -> str:
        return TONES[self.campaign.state]

    @property
    def is_running(self) -> bool:
        return self.campaign.state in RUNNING

    @property
    def settled(self) -> int:
        """Return how many mails nothing more is to be done about."""
        return self.tally.mails - self.tally.unfinished

    @property
    def scheduled(self) -> str:
        at = self.campaign.scheduled_at
        return in_words(at, self.campaign.schedule_zone) if at else ""

    @property
    def delivered(self) -> str:
        return _percent(self.tally.delivered, self.tally.sent)

    @property
    def opened(self) -> str:
        return _percent(self.tally.opened, self.tally.sent)

    @property
    def clicked(self) -> str:
        return _percent(self.tally.clicked, self.tally.sent)


def _percent(part: int, of: int) -> str:
    """Return a part as people say it; empty where there is nothing to speak of."""
    if not of:
        return ""
    share = 100 * part / of
    # Neither nobody nor everybody where it is not quite so.
    if 0 < share < 1:
        return "<1%"
    if 99 < share < 100:
        return ">99%"
    return f"{share:.0f}%"


@require_safe
@project_page
def campaign_list(request: ProjectRequest) -> HttpResponse:
    question = Question.read(request.GET)
    first = Variant.objects.filter(campaign=OuterRef("pk"), run=1, position=0)
    # Of a query that is neither narrowed nor ordered by it, for the page's rows only.
    rows = question.rows(request.project).select_related("segment", "topic")
    found = page(
        rows.annotate(subject=Subquery(first.values("subject")[:1])),
        cursor=request.GET.get("cursor", ""),
        size=PAGE_SIZE,
    )
    listed = _listed(found.rows)
    context = {
        "page": found,
        "question": question,
        "shelves": Shelf.choices,
        "campaigns": listed,
        "is_moving": any(one.is_running for one in listed),
        "url": request.get_full_path(),
    }
    return render(request, "campaigns/draft/list.html", context)


def _listed(campaigns: Sequence[Any]) -> list[Listed]:
    """Return the rows of a page, at the same cost for one and for many."""
    figures = tallies([one.pk for one in campaigns])
    running = Campaign.objects.filter(pk__in=[one.pk for one in campaigns])
    freezing = set(
        running.filter(runs__state=RunState.FREEZING).values_list("pk", flat=True)
    )
    return [
        Listed(one, one.subject or "", said, figures[one.pk], one.pk in freezing)
        for one, said in zip(campaigns, audiences_in_words(campaigns), strict=True)
    ]


# -- one thing done to several ---------------------------------------------------------
@require_POST
@project_page
def campaigns_bulk(request: ProjectRequest) -> HttpResponse:
    """Archive campaigns, take them back, or delete drafts once that is confirmed."""
    back = _back(request)
    ids = _chosen(request)
    action = request.POST.get("action", "")
    if not ids or action not in _ACTIONS:
        messages.error(request, "Choose at least one campaign, and what to do.")
        return redirect(back)
    if action == "delete" and request.POST.get("confirm") != "yes":
        return _ask(request, ids, back)
    try:
        said = _ACTIONS[action](request, ids)
    except ApiError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, said)
    return redirect(back)


def _archive(request: ProjectRequest, ids: list[UUID]) -> str:
    number = drafts.archive_all(
        project_id=request.project.pk, campaign_ids=ids, user=request.user
    )
    return f"{_campaigns(number)} in the archive."


def _unarchive(request: ProjectRequest, ids: list[UUID]) -> str:
    number = drafts.unarchive_all(
        project_id=request.project.pk, campaign_ids=ids, user=request.user
    )
    return f"{_campaigns(number)} in the list again."


def _delete(request: ProjectRequest, ids: list[UUID]) -> str:
    number = drafts.delete_all(project_id=request.project.pk, campaign_ids=ids)
    return "1 draft is deleted." if number == 1 else f"{number:,} drafts are deleted."


_ACTIONS = {"archive": _archive, "unarchive": _unarchive, "delete": _delete}


def _campaigns(number: int) -> str:
    return "1 campaign is" if number == 1 else f"{number:,} campaigns are"


def _ask(request: ProjectRequest, ids: list[UUID], back: str) -> HttpResponse:
    rows = Campaign.objects.filter(project=request.project, pk__in=ids)
    found = list(rows.order_by("-created_at", "-id"))
    deletable = [one for one in found if one.state == CampaignState.DRAFT]
    context = {
        "deletable": deletable,
        "shown": deletable[:_MOST_NAMED],
        "more": max(0, len(deletable) - _MOST_NAMED),
        "others": len(found) - len(deletable),
        "back": back,
        "query": request.POST.get("query", ""),
    }
    return render(request, "campaigns/draft/delete_many.html", context)


def _chosen(request: ProjectRequest) -> list[UUID]:
    ids = [read_id(text) for text in request.POST.getlist("id")]
    return [pk for pk in ids if pk is not None][: drafts.MOST_AT_ONCE]


def _back(request: ProjectRequest) -> str:
    """Return the list as it was."""
    question = Question.read(QueryDict(request.POST.get("query", "")[:1000]))
    url = reverse("campaigns", args=[request.project.pk])
    return f"{url}?{question.query}" if question.query else url
