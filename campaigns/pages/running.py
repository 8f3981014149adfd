"""A campaign that goes out or has gone out: how far it is, and what became of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from campaigns.models import EDITABLE, RUNNING, Campaign, CampaignState, Report
from campaigns.pages.charts import Chart, chart_of
from campaigns.pages.finding import audiences_in_words, found
from campaigns.pages.lists import TONES
from campaigns.progress import Progress, progress
from campaigns.reporting import ask_for, returned
from campaigns.variants import variant_of
from plunk.pages.access import ProjectRequest, project_page
from transactional.tallies import Tally

_TABS = (
    ("campaign", "Overview"),
    ("campaign_links", "Links"),
    ("campaign_recipients", "Recipients"),
    ("campaign_history", "History"),
)
#: Why it is not offered to send a campaign again.
NOBODY_AGAIN = (
    "It reached nobody and none of its mails failed, so there is nobody to remind and"
    " nothing to try again. To send it to others, duplicate it."
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the results: how many, how much of what, and whose they are."""

    label: str
    count: int
    share: str
    hint: str = ""
    #: What `campaign_recipients` shows them by; empty where they are no mails.
    status: str = ""
    tone: str = ""


def show(request: ProjectRequest, campaign: Campaign) -> HttpResponse:
    """Show the overview; called by the page of a campaign that has been launched."""
    context = head(campaign, "campaign")
    now: Progress = context["now"]
    report = report_of(campaign, now)
    context |= {
        "figures": _key_figures(now.tally),
        "others": _other_figures(now, report),
        "report": report,
        "chart": _chart(report),
        "providers": _providers(report),
        "bounces": _bounces(report),
        "audience": audiences_in_words([campaign])[0],
        "variant": variant_of(campaign, 1),
    }
    return render(request, "campaigns/running/overview.html", context)


@require_safe
@project_page
def campaign_progress(request: ProjectRequest, campaign_id: UUID) -> HttpResponse:
    """Answer the poll of a campaign that runs; one that came to another state reloads.

    A visitor without scripts is sent to the whole page.
    """
    campaign = found(request, campaign_id)
    if not request.headers.get("HX-Request"):
        return redirect("campaign", request.project.pk, campaign.pk)
    now = progress(campaign)
    context = {"campaign": campaign, "now": now, "figures": _key_figures(now.tally)}
    response = render(request, "campaigns/running/progress.html", context)
    if request.GET.get("was", campaign.state) != campaign.state or not now.is_live:
        response["HX-Refresh"] = "true"
    return response


def launched(request: ProjectRequest, campaign_id: UUID) -> Campaign | None:
    """Return a campaign that has been launched; None for a draft. Raises Http404."""
    campaign = found(request, campaign_id)
    return None if campaign.state in EDITABLE else campaign


def head(campaign: Campaign, tab: str) -> dict[str, Any]:
    """Return what every page about a launched campaign begins with."""
    one = [campaign.project_id, campaign.pk]
    now = progress(campaign)
    is_over = campaign.state in (CampaignState.SENT, CampaignState.CANCELLED)
    may_go_again = is_over and not campaign.revert_pending and not now.tally.unfinished
    somebody = is_for_somebody(now.tally)
    return {
        "campaign": campaign,
        "tone": TONES[campaign.state],
        "now": now,
        "tabs": [
            (label, reverse(name, args=one), name == tab) for name, label in _TABS
        ],
        "is_running": campaign.state in RUNNING,
        "is_over": is_over,
        "can_send_again": may_go_again and somebody,
        "why_not_again": "" if somebody or not may_go_again else NOBODY_AGAIN,
    }


def is_for_somebody(tally: Tally) -> bool:
    """Say whether another run may have somebody to go to: who failed, who got it.

    By the figures alone: whoever asks for a run is told exactly.
    """
    return tally.failed > 0 or tally.sent > tally.bounced + tally.complained


def report_of(campaign: Campaign, now: Progress) -> Report | None:
    """Return the report that is there, asking for a newer one where it is old."""
    report = Report.objects.filter(pk=campaign.pk).first()
    if report is None or report.made_at is None:
        return None
    ask_for(campaign.pk, figures=asdict(now.tally))
    return report


# -- figures ---------------------------------------------------------------------------
def _key_figures(tally: Tally) -> list[Figure]:
    def of_sent(label: str, count: int, status: str, **more: Any) -> Figure:
        return Figure(label, count, percent(count, tally.sent), status=status, **more)

    return [
        of_sent("Delivered", tally.delivered, "delivered"),
        of_sent("Opened", tally.opened, "opened", hint="by people"),
        of_sent("Clicked", tally.clicked, "clicked", hint="by people"),
        of_sent(
            "Bounced",
            tally.bounced,
            "bounced",
            tone="bad" if tally.bounced * 20 > tally.sent else "",
        ),
        of_sent(
            "Complaints",
            tally.complained,
            "complained",
            tone="bad" if tally.complained * 1000 > tally.sent else "",
        ),
        of_sent("Unsubscribed", tally.unsubscribed, ""),
    ]


def _other_figures(now: Progress, report: Report | None) -> list[Figure]:
    """Return what else there is to tell; not sent is told as a share of all mails."""
    tally = now.tally

    def of_sent(label: str, count: int, hint: str, status: str = "") -> Figure:
        return Figure(label, count, percent(count, tally.sent), hint, status)

    def of_all(label: str, count: int, hint: str, status: str) -> Figure:
        return Figure(label, count, percent(count, tally.mails), hint, status)

    came_back = returned(report.data.get("bounces", [])) if report else 0
    rows = [
        of_all("Sent", tally.sent, "Amazon SES took them", "sent"),
        of_all("Waiting", tally.unfinished, "on their way or queued", "waiting"),
        of_sent("Opened by machines only", tally.machine_opened, "scanners, proxies"),
        of_sent("Clicked by machines only", tally.machine_clicked, "link scanners"),
        of_sent("Returned for now", came_back, "temporary bounces"),
        of_sent(
            "May have come twice", tally.possible_duplicates, "after a lost answer"
        ),
        of_all("Failed", tally.failed, "could not be sent", "failed"),
        of_all("Skipped", tally.skipped, "unsubscribed or left the topic", "skipped"),
        of_all("Suppressed", tally.suppressed, "address is suppressed", "suppressed"),
        of_all("Cancelled", tally.cancelled, "before their turn", "cancelled"),
    ]
    return [row for row in rows if row.count or row.label == "Sent"]


def percent(part: int, of: int) -> str:
    """Return a part as people say it, with a decimal where that says more."""
    if not of:
        return "–"
    share = 100 * part / of
    if 0 < share < 0.1:
        return "<0.1%"
    if 99.9 < share < 100:
        return ">99.9%"
    return f"{share:.0f}%" if share == round(share) else f"{share:.1f}%"


# -- the report ------------------------------------------------------------------------
def _chart(report: Report | None) -> Chart | None:
    return chart_of(report.data.get("over_time") or {}) if report else None


def _providers(report: Report | None) -> list[dict[str, Any]]:
    if report is None:
        return []
    rows = report.data.get("providers", [])
    deeds = ("delivered", "opened", "clicked", "bounced", "complained")
    return [
        {
            "name": row["name"],
            "sent": row["sent"],
            "deeds": [
                (deed, row[deed], percent(row[deed], row["sent"])) for deed in deeds
            ],
        }
        for row in rows
    ]


#: What Amazon calls the reason of a bounce, in words.
_BOUNCES = {
    "General": "no particular reason given",
    "NoEmail": "no such address",
    "Suppressed": "on Amazon’s own suppression list",
    "OnAccountSuppressionList": "on the account’s suppression list",
    "MailboxFull": "the mailbox is full",
    "MessageTooLarge": "the mail is too large",
    "ContentRejected": "the content was rejected",
    "AttachmentRejected": "the attachment was rejected",
    "Undetermined": "no reason given",
}


def _bounces(report: Report | None) -> list[tuple[str, str, int]]:
    if report is None:
        return []
    return [
        (
            "For good" if row["type"] == "Permanent" else "For now",
            _BOUNCES.get(row["subtype"], row["subtype"] or "no reason given"),
            row["mails"],
        )
        for row in report.data.get("bounces", [])
    ]
