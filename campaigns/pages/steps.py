"""Pause, resume, cancel, send again: what will happen, and then what did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from campaigns import again, lifecycle
from campaigns.errors import WrongState
from campaigns.models import RUNNING, Campaign, CampaignState, RunKind
from campaigns.pages.running import launched
from campaigns.progress import progress
from campaigns.variants import variant_of
from campaigns.waiting import mails
from plunk.api.errors import ApiError
from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.models import User
from transactional.tallies import Tally, tallies

_MOST_SUBJECT = 998
#: So many are counted; beyond, the figures say about how many.
_MOST_COUNTED = 10_000
Step = Callable[..., Campaign]


@dataclass(frozen=True, slots=True)
class Question:
    """What a page asks before a step, and what the step is."""

    title: str
    button: str
    stay: str
    points: list[str]
    is_grave: bool
    states: tuple[CampaignState, ...]
    step: Step


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def campaign_pause(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    def asked(campaign: Campaign, tally: Tally) -> Question:
        return Question(
            title=f"Pause “{campaign.name}”?",
            button="Pause it",
            stay="Let it go on",
            points=[
                f"{_so_far(tally)}.",
                _in_flight(tally),
                f"{mails(tally.queued).capitalize()} will wait until you resume or"
                " cancel it; nothing is lost.",
            ],
            is_grave=False,
            states=(CampaignState.SENDING,),
            step=lifecycle.pause,
        )

    return _step(request, campaign_id, asked, _paused)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def campaign_resume(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    def asked(campaign: Campaign, tally: Tally) -> Question:
        points = [
            f"{_so_far(tally)}. Nobody of these gets it again.",
            f"It goes on with exactly the rest: {mails(tally.queued)}.",
            "Who unsubscribed meanwhile does not get it.",
        ]
        return Question(
            title=f"Go on with “{campaign.name}”?",
            button="Resume it",
            stay="Leave it paused",
            points=points,
            is_grave=False,
            states=(CampaignState.PAUSED,),
            step=lifecycle.resume,
        )

    return _step(request, campaign_id, asked, _resumed)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def campaign_cancel(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    def asked(campaign: Campaign, tally: Tally) -> Question:
        is_untouched = not _left(tally)
        points = [
            "Nothing has left: it becomes a draft again, as it was."
            if is_untouched and not tally.sending
            else f"{_so_far(tally)}. These cannot be called back.",
            _in_flight(tally),
            f"{mails(tally.queued).capitalize()} will never leave."
            " This cannot be undone; only a new campaign can reach them.",
        ]
        return Question(
            title=f"Cancel “{campaign.name}”?",
            button="Cancel the rest",
            stay="Keep it",
            points=points,
            is_grave=True,
            states=RUNNING,
            step=lifecycle.cancel,
        )

    return _step(request, campaign_id, asked, _cancelled)


def _step(
    request: ProjectRequest,
    campaign_id: UUID,
    asked: Callable[[Campaign, Tally], Question],
    said: Callable[[Campaign, Tally], str],
) -> HttpResponse:
    """Ask; once that is confirmed, do it and say exactly what had gone out by then."""
    campaign = launched(request, campaign_id)
    here = redirect("campaign", request.project.pk, campaign_id)
    if campaign is None:
        return here
    now = progress(campaign)
    question = asked(campaign, now.tally)
    if request.method == "POST":
        try:
            after = question.step(campaign, user=request.user)
        except WrongState as error:
            messages.warning(request, error.message)
        else:
            figures = tallies([campaign.pk])[campaign.pk]
            messages.success(request, said(after, figures))
        return here
    if campaign.state not in question.states:
        messages.warning(request, f"It is {campaign.get_state_display().lower()} now.")
        return here
    points = [point for point in question.points if point]
    if now.is_freezing:
        points.append(
            "Who gets it is still being written down: the figures are those of so far."
        )
    context = {"campaign": campaign, "question": question, "points": points}
    return render(request, "campaigns/running/step.html", context)


def _left(tally: Tally) -> int:
    return tally.sent + tally.in_doubt


def _so_far(tally: Tally) -> str:
    return f"{tally.sent:,} of {mails(tally.mails)} have left so far"


def _in_flight(tally: Tally) -> str:
    """Say what no step can keep any more."""
    number = tally.sending + tally.in_doubt
    if not number:
        return ""
    return (
        f"{mails(number).capitalize()} are just being handed to Amazon SES and will"
        " still leave."
    )


def _account(tally: Tally) -> str:
    """Say exactly what went out."""
    parts = [f"{tally.sent:,} of {mails(tally.mails)} have left"]
    if flying := tally.sending + tally.in_doubt:
        parts.append(f"{flying:,} are on their way")
    if tally.failed:
        parts.append(f"{tally.failed:,} failed")
    if skipped := tally.skipped + tally.suppressed:
        parts.append(f"{skipped:,} were left out")
    return ", ".join(parts)


def _paused(_campaign: Campaign, tally: Tally) -> str:
    return f"Paused. {_account(tally)}, {tally.queued:,} wait."


def _resumed(_campaign: Campaign, tally: Tally) -> str:
    return f"It goes on. {_account(tally)}, {tally.queued:,} still to go."


def _cancelled(campaign: Campaign, tally: Tally) -> str:
    if campaign.revert_pending:
        return "Cancelled before anything left. In a moment it is a draft again."
    held_back = tally.queued + tally.cancelled
    return f"Cancelled. {_account(tally)}, {held_back:,} will never leave."


# -- once more -------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def campaign_again(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Ask whom it is for, and with which subject; then send it again."""
    campaign = launched(request, campaign_id)
    if campaign is None:
        return redirect("campaign", request.project.pk, campaign_id)
    given = request.POST if request.method == "POST" else request.GET
    kind = RunKind.REMINDER if given.get("kind") == RunKind.REMINDER else RunKind.RETRY
    subject = " ".join(given.get("subject", "").replace("\x00", "").split())
    error = ""
    if request.method == "POST":
        try:
            _send_again(campaign, kind, subject, request.user)
        except ApiError as refusal:
            error = refusal.message
        else:
            messages.success(request, "It goes out again.")
            return redirect("campaign", request.project.pk, campaign_id)
    tally = tallies([campaign.pk])[campaign.pk]
    choices = [
        (kind_, *_whom(campaign, kind_, tally))
        for kind_ in (RunKind.REMINDER, RunKind.RETRY)
    ]
    offered = [kind_ for kind_, number, _ in choices if number]
    context: dict[str, Any] = {
        "campaign": campaign,
        # What has nobody to go to cannot be chosen.
        "kind": (kind if kind in offered or not offered else offered[0]).value,
        "offered": offered,
        "was_read": max(tally.opened, tally.clicked) > 0,
        "subject": subject,
        "error": error,
        "first_subject": variant_of(campaign, 1).subject,
        "is_over": campaign.state in (CampaignState.SENT, CampaignState.CANCELLED),
        "choices": choices,
        "most_subject": _MOST_SUBJECT,
    }
    return render(request, "campaigns/running/again.html", context)


def _send_again(campaign: Campaign, kind: RunKind, subject: str, user: User) -> None:
    if len(subject) > _MOST_SUBJECT:
        raise WrongState(f"A subject has at most {_MOST_SUBJECT} characters.")
    lifecycle.send_again(campaign, kind, subject=subject, user=user)


def _whom(campaign: Campaign, kind: RunKind, tally: Tally) -> tuple[int, str]:
    """Return about how many contacts a run is for, and that number in words."""
    if kind is RunKind.RETRY:
        number = tally.failed
    else:
        most = max(tally.opened, tally.clicked) + tally.bounced + tally.complained
        number = max(0, tally.sent - most)
    if number <= _MOST_COUNTED:
        number = _counted(campaign, kind)
        return number, f"{number:,}"
    return number, f"about {number:,}"


def _counted(campaign: Campaign, kind: RunKind) -> int:
    """Count those whose mail it may be for, each contact once."""
    contacts: set[UUID] = set()
    for state in again.states_of(kind):
        rows = again.unserved(
            again.earlier(campaign.pk, kind, state), campaign.pk, kind
        ).order_by("origin_id", "state", "pk")
        contacts |= set(rows.values_list("contact_id", flat=True)[:_MOST_COUNTED])
    return len(contacts)
