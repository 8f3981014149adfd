"""Who got a campaign, and what became of each mail (contract 2.6, drill-down)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from campaigns.api.campaigns import OfCampaigns
from campaigns.api.showing import stats_as_json
from campaigns.mails import KINDS, Kind, walk
from campaigns.models import Campaign
from plunk.api.answers import timestamp
from plunk.api.errors import invalid
from plunk.api.lists import List, Order, envelope, read_limit
from transactional.models import Email
from transactional.tallies import tallies

_TIMES = ("complained", "bounced", "clicked", "opened", "delivered", "sent", "created")
_ORDER = Order("state", "state", is_descending=False, is_time=False)


class Stats(OfCampaigns):
    """What became of a campaign, in figures."""

    def get(self, request: Any, campaign_id: str) -> HttpResponse:
        campaign = self.campaign(campaign_id)
        return self.answer({"success": True, "data": stats_as_json(campaign)})


class Recipients(OfCampaigns):
    """The mails of a campaign, all of them or those of one kind."""

    def get(self, request: Any, campaign_id: str) -> HttpResponse:
        campaign = self.campaign(campaign_id)
        name, kind = self._kind()
        limit, cursor = read_limit(self.query), self.query.get("cursor", "")
        of = List(f"campaigns/{campaign.pk}/{name}", self.project_id, {})
        after = of.read_cursor(cursor, _ORDER) if cursor else None
        found = walk(campaign.pk, kind, after=after, size=limit + 1)
        has_more = len(found) > limit
        following = of.cursor_at(found[limit - 1], _ORDER) if has_more else None
        shown = [_mail_as_json(mail, kind) for mail in found[:limit]]
        page = envelope(shown, following)
        if not cursor and (total := self._total(campaign, kind)) is not None:
            page["total"] = total
        return self.answer(page)

    def _kind(self) -> tuple[str, Kind]:
        """Read `kind`, in any case; without one it is all mails."""
        given = self.query.get("kind", "") or "all"
        for name, kind in KINDS.items():
            if name.lower() == given.lower():
                return name, kind
        expected = ", ".join(KINDS)
        raise invalid("kind", f"Expected one of: {expected}.", "invalid_enum_value")

    def _total(self, campaign: Campaign, kind: Kind) -> int | None:
        return kind.total(tallies([campaign.pk])[campaign.pk])


def _mail_as_json(mail: Email, kind: Kind) -> dict[str, Any]:
    moments = {name: getattr(mail, f"{name}_at") for name in _TIMES}
    last = next(at for at in moments.values() if at)
    happened = getattr(mail, kind.column) if kind.column else last
    return {
        "id": str(mail.pk),
        "contactId": str(mail.contact_id),
        "email": mail.to_email,
        "status": mail.state,
        "occurredAt": timestamp(happened),
        "run": mail.run,
        **{
            f"{name}At": timestamp(at) if at else None
            for name, at in moments.items()
            if name != "created"
        },
        "opens": mail.opens,
        "clicks": mail.clicks,
        "errorCode": mail.error_code or None,
        "error": mail.error or None,
    }
