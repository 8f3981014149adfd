"""A campaign checked on everybody who would get it, and a plan of when it is done."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from campaigns import preflight
from campaigns.api.campaigns import OfCampaigns
from campaigns.models import Campaign
from campaigns.planning import plan
from campaigns.preflight import Check
from plunk.api.answers import timestamp
from plunk.api.errors import NotFound
from plunk.api.idempotency import Answer


class NotChecked(NotFound):
    suggestion = "Begin a check: POST to the same address."


class Preflights(OfCampaigns):
    """`/campaigns/:id/preflight`."""

    def get(self, request: Any, campaign_id: str) -> HttpResponse:
        campaign = self.campaign(campaign_id)
        check = preflight.current(campaign)
        if check is None:
            raise NotChecked("The campaign has not been checked yet.")
        return self.answer({"success": True, "data": _as_json(campaign, check)})

    def post(self, request: Any, campaign_id: str) -> HttpResponse:
        name = f"POST /campaigns/{campaign_id}/preflight"
        return self.once(name, lambda: self._begin(campaign_id))

    def _begin(self, campaign_id: str) -> Answer:
        campaign = self.campaign(campaign_id)
        check = preflight.start(campaign)
        body = {"success": True, "data": _as_json(campaign, check)}
        return Answer(body, status=202)


def _as_json(campaign: Campaign, check: Check) -> dict[str, Any]:
    made = check.preflight
    planned = plan(campaign)
    ends = planned.ends_at
    return {
        "status": _status(check),
        "progress": round(check.share, 4),
        "stale": check.is_stale,
        "problem": check.problem or None,
        "figures": made.figures,
        "findings": [
            {
                "level": one["level"],
                "code": one["code"],
                "message": one["message"],
                "contacts": one["contacts"],
                "contactIds": one["examples"],
            }
            for one in made.findings
        ],
        "samples": [
            {"contactId": one["contact"], "reason": one["words"]}
            for one in made.samples
        ],
        "startedAt": timestamp(made.started_at),
        "finishedAt": timestamp(made.finished_at) if made.finished_at else None,
        "plan": {
            "mails": planned.mails,
            "lastMailAt": timestamp(ends) if ends else None,
            "deadline": timestamp(planned.deadline_at) if planned.deadline_at else None,
            "late": planned.is_late,
            "problem": planned.problem or None,
        },
    }


def _status(check: Check) -> str:
    if check.is_finished:
        return "COMPLETED"
    return "RUNNING" if check.is_running else "STOPPED"
