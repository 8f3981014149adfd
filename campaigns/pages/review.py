"""Before a campaign goes: everybody checked, some of their mails, a test, a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timesince import timesince
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from campaigns import preflight
from campaigns.audience import EXCLUDED, SUPPRESSED, TOPIC, UNSUBSCRIBED
from campaigns.models import EDITABLE, Campaign
from campaigns.pages.finding import audiences_in_words, draft_page, found
from campaigns.pages.overview import readiness, sender_or_trouble
from campaigns.planning import Plan, plan
from campaigns.preflight import Check
from campaigns.preflight.reading import wording_of
from campaigns.preflight.summing import about_words, contact_ids
from campaigns.trying import try_on_members
from campaigns.variants import draft_of, variant_of
from contacts.models import Contact
from plunk.api.errors import ApiError, Invalid, invalid
from plunk.ids import read_id
from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.models import User
from transactional.pages.drafting import frame_of, frame_of_words
from transactional.previewing import person_of

#: How many members a test can be sent to.
_PEOPLE = 50
_LEFT_OUT = (
    (UNSUBSCRIBED, "Unsubscribed"),
    (SUPPRESSED, "Suppressed: their address bounced, complained or was blocked"),
    (TOPIC, "Do not get mail about the topic"),
    (EXCLUDED, "In an excluded segment"),
)
_TONES = {"error": "bad", "warning": "warn", "hint": "neutral"}
_ICONS = {"error": "cross", "warning": "warning", "hint": "open"}
_MEND = {
    "content": ("campaign_write", "Edit the mail"),
    "audience": ("campaign_audience", "Change the audience"),
    "details": ("campaign_details", "Edit details"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding as a page shows it; `url` leads to where it can be mended."""

    level: str
    tone: str
    icon: str
    message: str
    contacts: int
    examples: list[tuple[str, str]]
    url: str
    action: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A real recipient whose mail can be looked at."""

    email: str
    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Result:
    """A check in figures and words."""

    check: Check
    figures: dict[str, int]
    left_out: list[tuple[str, int]]
    findings: list[Shown] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    @property
    def percent(self) -> int:
        return int(self.check.share * 100)

    @property
    def remaining(self) -> str:
        return words_for(self.check.seconds_left)


@require_safe
@draft_page
def campaign_review(request: ProjectRequest, campaign: Campaign) -> HttpResponse:
    """Show all that is to be looked at before a campaign goes."""
    variant = variant_of(campaign, 1)
    sender, trouble = sender_or_trouble(campaign)
    result = _result(campaign)
    context = {
        "campaign": campaign,
        "audience": audiences_in_words([campaign])[0],
        "sender": sender,
        "missing": readiness(campaign, variant, trouble).all,
        "result": result,
        "written": _about_words(campaign, result),
        "people": _people(request),
        "inbox": reverse("inbox", args=[request.project.pk])
        if settings.USES_SIMULATOR
        else "",
        **_planned(campaign),
    }
    return render(request, "campaigns/review/page.html", context)


@require_safe
@project_page
def campaign_review_progress(
    request: ProjectRequest, campaign_id: UUID
) -> HttpResponse:
    """Show how far a check is, or what came of it; a fragment."""
    campaign = found(request, campaign_id)
    context = {"campaign": campaign, "result": _result(campaign)}
    return render(request, "campaigns/review/check.html", context)


@require_safe
@project_page
def campaign_review_summary(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Say in a line what a check came to; a fragment of other pages."""
    campaign = found(request, campaign_id)
    check = preflight.current(campaign)
    context = {
        "campaign": campaign,
        "check": check,
        "percent": int(check.share * 100) if check else 0,
        "errors": check.count("error") if check else 0,
        "warnings": check.count("warning") if check else 0,
        "taken": check.preflight.figures.get("taken", 0) if check else 0,
        **_planned(campaign),
    }
    return render(request, "campaigns/review/summary.html", context)


@require_POST
@draft_page
def campaign_review_start(request: ProjectRequest, campaign: Campaign) -> HttpResponse:
    """Begin to check everybody, or begin anew."""
    try:
        preflight.start(campaign, user=request.user)
    except ApiError as error:
        messages.error(request, _words_of(error))
    return redirect("campaign_review", request.project.pk, campaign.pk)


@require_POST
@draft_page
def campaign_review_stop(request: ProjectRequest, campaign: Campaign) -> HttpResponse:
    """Stop a check after the contacts in hand."""
    check = preflight.current(campaign)
    if check and preflight.cancel(check):
        messages.success(request, "The check was stopped.")
    return redirect("campaign_review", request.project.pk, campaign.pk)


@require_safe
@xframe_options_sameorigin
@project_page
def campaign_review_mail(
    request: ProjectRequest, campaign_id: UUID, contact_id: UUID
) -> HttpResponse:
    """Show the mail of one recipient as they would read it, in a sandbox."""
    campaign = found(request, campaign_id)
    contact = Contact.objects.filter(project=request.project, pk=contact_id).first()
    if contact is None:
        return frame_of_words("This contact is not there any more.", "")
    draft = draft_of(variant_of(campaign, 1))
    form = request.GET.get("form", "")
    person = person_of(contact)
    return frame_of(request.project, draft, campaign.kind, person, form=form)


@require_POST
@draft_page
def campaign_try(request: ProjectRequest, campaign: Campaign) -> HttpResponse:
    """Send the campaign to members, filled in for somebody who would get it."""
    members = [pk for text in request.POST.getlist("to") if (pk := read_id(text))]
    try:
        person = _reader(request)
        sent = try_on_members(campaign=campaign, members=members, person=person)
    except ApiError as error:
        messages.error(request, _words_of(error))
    else:
        number = len(sent)
        words = "A test is" if number == 1 else f"{number} tests are"
        messages.success(request, f"{words} on the way.")
    return redirect("campaign_review", request.project.pk, campaign.pk)


def _reader(request: ProjectRequest) -> Any:
    """Return whom a test is filled in for; None for somebody who would get it."""
    text = request.POST.get("as", "").strip().lower()
    if not text:
        return None
    contact = Contact.objects.filter(project=request.project, email=text[:254]).first()
    if contact is None:
        words = f"No contact of this project has the address {text[:100]}."
        raise invalid("as", words, "unknown_contact")
    return person_of(contact)


# -- what is shown ---------------------------------------------------------------------


def _result(campaign: Campaign) -> Result | None:
    check = preflight.current(campaign)
    if check is None:
        return None
    figures = check.preflight.figures
    left_out = [
        (words, figures[name]) for name, words in _LEFT_OUT if figures.get(name)
    ]
    rows = check.preflight.findings
    wanted = contact_ids(rows) | {
        UUID(one["contact"]) for one in check.preflight.samples
    }
    found_ = Contact.objects.filter(project_id=campaign.project_id, pk__in=wanted)
    emails = {str(pk): email for pk, email in found_.values_list("pk", "email")}
    return Result(
        check,
        figures,
        left_out,
        # What is said about the words stands below, as they are now.
        [_shown(campaign, row, emails) for row in rows if "part" not in row],
        [
            Sample(
                emails[one["contact"]], one["words"], _mail(campaign, one["contact"])
            )
            for one in check.preflight.samples
            if one["contact"] in emails
        ],
    )


def _shown(campaign: Campaign, row: dict[str, Any], emails: dict[str, str]) -> Shown:
    name, action = _MEND[row["about"]]
    examples = [
        (emails[pk], reverse("contact", args=[campaign.project_id, pk]))
        for pk in row["examples"]
        if pk in emails
    ]
    return Shown(
        row["level"],
        _TONES[row["level"]],
        _ICONS[row["level"]],
        row["message"],
        row["contacts"],
        examples,
        reverse(name, args=[campaign.project_id, campaign.pk]),
        action,
    )


def _mail(campaign: Campaign, contact_id: str) -> str:
    one = [campaign.project_id, campaign.pk, contact_id]
    return reverse("campaign_review_mail", args=one)


def _about_words(campaign: Campaign, result: Result | None) -> list[dict[str, Any]]:
    """Return what is to be said about the mail as it is written.

    Nothing that a check of just these words says of the mails already.
    """
    is_new = result and result.check.is_finished and not result.check.is_stale
    found = result.check.preflight.findings if result and is_new else []
    mails = [row for row in found if "part" not in row]
    return about_words(wording_of(campaign), mails)


def _people(request: ProjectRequest) -> list[User]:
    """Return the members whom a test can be sent to, oneself first."""
    rows = User.objects.filter(memberships__project=request.project)
    others = rows.exclude(pk=request.user.pk).order_by("email")[: _PEOPLE - 1]
    return [request.user, *others]


def _planned(campaign: Campaign) -> dict[str, Any]:
    if campaign.state not in EDITABLE:
        return {"plan": None}
    made: Plan = plan(campaign)
    lasts = made.lasts
    return {
        "plan": made,
        "lasts": words_for(lasts.total_seconds()) if lasts else "",
        "late_by": words_for(made.late_by.total_seconds()) if made.is_late else "",
    }


def words_for(seconds: float | None) -> str:
    """Return a length of time as people say it; empty where it is not known."""
    if seconds is None:
        return ""
    if seconds < 60:
        return "less than a minute"
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    return timesince(begin, begin + timedelta(seconds=seconds)).replace("\xa0", " ")


def _words_of(error: ApiError) -> str:
    return error.errors[0].message if isinstance(error, Invalid) else error.message
