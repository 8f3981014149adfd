"""Every recipient of a campaign: listed, found, out into a file, and why (not)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from campaigns.explaining import why
from campaigns.mails import KINDS, Kind, walk
from campaigns.models import Campaign, Run
from campaigns.pages.finding import found
from campaigns.pages.results import LEFT_OUT
from campaigns.pages.running import head, launched
from campaigns.recipients import find, latest_deed, stream_csv, what_happened
from contacts.exporting import file_name
from plunk.pages.access import ProjectRequest, project_page
from transactional.explaining import STATE_TONES
from transactional.models import Email, EmailState

PAGE_SIZE = 50
_MOST_TEXT = 254
#: What the filter calls each kind of mail; `left-out` are contacts without one.
_LABELS = {
    "all": "Everybody",
    "waiting": "Waiting",
    "sent": "Sent",
    "delivered": "Delivered",
    "opened": "Opened",
    "notOpened": "Not opened",
    "clicked": "Clicked",
    "bounced": "Bounced",
    "complained": "Complained",
    "failed": "Failed",
    "skipped": "Skipped",
    "suppressed": "Suppressed",
    "cancelled": "Cancelled",
}
_LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True)
class Question:
    """What the list shows; what makes no sense does not narrow it."""

    status: str = "all"
    text: str = ""
    run: int | None = None

    @classmethod
    def read(cls, query: QueryDict) -> Question:
        status, run = query.get("status", "all"), query.get("run", "")
        is_run = run.isascii() and run.isdecimal() and len(run) <= 4
        return cls(
            status=status if status in (*_LABELS, _LEFT_OUT) else "all",
            text=query.get("q", "").replace("\x00", "").strip()[:_MOST_TEXT],
            run=int(run) if is_run and int(run) else None,
        )

    @property
    def kind(self) -> Kind:
        kind = KINDS[self.status if self.status in KINDS else "all"]
        if self.run is None:
            return kind
        return replace(kind, condition=kind.condition & Q(run=self.run))

    @property
    def query(self) -> str:
        given = {"status": self.status, "q": self.text, "run": self.run or ""}
        return urlencode({name: value for name, value in given.items() if value})


@require_safe
@project_page
def campaign_recipients(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """List recipients by what became of their mails, or those that were searched."""
    campaign = launched(request, campaign_id)
    if campaign is None:
        return redirect("campaign", request.project.pk, campaign_id)
    question = Question.read(request.GET)
    context = head(campaign, "campaign_recipients")
    tally = context["now"].tally
    runs = list(Run.objects.filter(campaign=campaign).order_by("number"))
    context |= {
        "question": question,
        "choices": [*_LABELS.items(), (_LEFT_OUT, "Left out")],
        "total": question.kind.total(tally) if question.run is None else None,
        "runs": runs if len(runs) > 1 else [],
        "is_narrow": bool(question.text or question.run)
        or question.status not in ("all", _LEFT_OUT),
    }
    if question.status == _LEFT_OUT:
        context["left_out"] = _left_out(runs)
        return render(request, "campaigns/running/left_out.html", context)
    if question.text:
        context |= _searched(campaign, question, tally.mails)
    else:
        context |= _page(campaign, question, request.GET.get("cursor", ""))
    return render(request, "campaigns/running/recipients.html", context)


def _page(campaign: Campaign, question: Question, cursor: str) -> dict[str, Any]:
    after = _place(cursor)
    mails = walk(campaign.pk, question.kind, after=after, size=PAGE_SIZE + 1)
    has_next = len(mails) > PAGE_SIZE
    return {
        "rows": [_row(mail) for mail in mails[:PAGE_SIZE]],
        "is_first": after is None,
        "next": _cursor(mails[PAGE_SIZE - 1]) if has_next else "",
    }


def _searched(campaign: Campaign, question: Question, mails: int) -> dict[str, Any]:
    found_ = find(
        campaign,
        KINDS[question.status],
        question.text,
        run=question.run,
        mails=mails,
    )
    context: dict[str, Any] = {
        "rows": [_row(mail) for mail in found_.mails],
        "has_more": found_.has_more,
        "is_first": True,
        "next": "",
    }
    if not found_.mails and "@" in question.text:
        context["answer"] = why(campaign, question.text)
    return context


def _row(mail: Email) -> dict[str, Any]:
    return {
        "mail": mail,
        "tone": STATE_TONES[EmailState(mail.state)],
        "said": what_happened(mail),
        "at": latest_deed(mail) or mail.created_at,
    }


def _cursor(mail: Email) -> str:
    """Write down a place in the list: the state, and the id within it."""
    return base64.urlsafe_b64encode(f"{mail.state}:{mail.pk.hex}".encode()).decode()


def _place(cursor: str) -> tuple[str, UUID] | None:
    """Read a place back; None for anything that never was one."""
    try:
        text = base64.b64decode(cursor, b"-_", validate=True).decode("ascii")
        state, _, pk = text.partition(":")
        return (state, UUID(pk)) if state in EmailState.values else None
    except ValueError:
        return None


def _left_out(runs: list[Run]) -> list[tuple[Run, list[tuple[str, int]]]]:
    return [
        (
            run,
            [
                (words, run.figures[name])
                for name, words in LEFT_OUT.items()
                if run.figures.get(name)
            ],
        )
        for run in runs
    ]


@require_safe
@project_page
def campaign_recipients_csv(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Stream the list as a file, narrowed by status and run as the page is."""
    campaign = launched(request, campaign_id)
    if campaign is None:
        return redirect("campaign", request.project.pk, campaign_id)
    question = Question.read(request.GET)
    kind = KINDS[question.status if question.status in KINDS else "all"]
    response = StreamingHttpResponse(
        stream_csv(campaign.pk, kind, run=question.run), content_type="text/csv"
    )
    name = file_name(f"{campaign.name} recipients", at=timezone.now(), compress=False)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return cast("HttpResponse", response)


@require_safe
@project_page
def campaign_why(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Answer why somebody got the campaign, or why not."""
    campaign = found(request, campaign_id)
    text = request.GET.get("q", "").replace("\x00", "").strip()[:_MOST_TEXT]
    context = {
        "campaign": campaign,
        "text": text,
        "answer": why(campaign, text) if text else None,
    }
    return render(request, "campaigns/running/why.html", context)
