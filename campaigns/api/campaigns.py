"""Campaigns in the API: writing and finding them (contract, current generation 2.6)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse

from campaigns import drafts
from campaigns.api.fields import (
    BODY_LIMIT,
    NAMES,
    REQUIRED,
    campaign_named,
    named_as,
    read_campaign,
    version_of,
)
from campaigns.api.showing import campaign_as_json, campaigns_as_json, campaigns_of
from campaigns.models import Campaign, CampaignState, Variant
from plunk.api.errors import BadRequest, FieldError, Invalid, invalid
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer
from plunk.api.lists import List, cursor_page, is_numbered, numbered_page, read_switch
from plunk.api.resources import Resource
from plunk.projects.models import Project

_ORDERS = {"createdAt": "created_at", "updatedAt": "updated_at", "name": "name"}
_MAX_SEARCH = 100
#: How long a request counts an audience; what takes longer is told when it is known.
_COUNT_SECONDS = 2.0


class OfCampaigns(Resource):
    """The base of what is about campaigns."""

    body_limit = BODY_LIMIT

    @property
    def project_id(self) -> UUID:
        return self.caller.project_id

    def campaign(self, campaign_id: str) -> Campaign:
        return campaign_named(self.project_id, campaign_id)

    def shown(
        self, campaign: Campaign, *, message: str = "", **more: Any
    ) -> dict[str, Any]:
        """Return a campaign in this family's envelope; `more` goes into it, too."""
        body: dict[str, Any] = {"success": True, "data": campaign_as_json(campaign)}
        body["data"] |= more
        return body | ({"message": message} if message else {})


class Campaigns(OfCampaigns):
    """The list of a project's campaigns."""

    def get(self, request: Any) -> HttpResponse:
        rows = self._rows()
        paged = numbered_page if is_numbered(self.query) else cursor_page
        of = List("campaigns", self.project_id, _ORDERS)
        page = paged(of, rows, query=self.query, item=lambda row: row, total=rows.count)
        # Together, because their figures are looked up together.
        shown = campaigns_as_json(page["data"])
        return self.answer(page | {"data": shown, "items": shown})

    def _rows(self) -> QuerySet[Campaign]:
        away = read_switch(self.query, "archived") is True
        rows = campaigns_of(self.project_id).filter(archived_at__isnull=not away)
        states = self.query.get("status", "").upper()
        if states:
            rows = rows.filter(state__in=_states(states))
        return _search(rows, self.query.get("search", ""))

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /campaigns", self._create)

    def _create(self) -> Answer:
        with named_as(NAMES):
            campaign = drafts.create(
                project=Project.objects.get(pk=self.project_id),
                written=read_campaign(self.body),
                required=REQUIRED,
            )
        drafts.count_audience(campaign, seconds=_COUNT_SECONDS)
        return Answer(self.shown(campaign), status=201)


def _states(text: str) -> list[str]:
    """Read one or several states, with commas between them."""
    found = [state.strip() for state in text.split(",")]
    if not set(found) <= set(CampaignState.values):
        choices = ", ".join(CampaignState.values)
        message = f"Expected one of: {choices}."
        raise Invalid([FieldError("status", message, "invalid_enum_value")])
    return found


def _search(rows: QuerySet[Campaign], text: str) -> QuerySet[Campaign]:
    """Keep the campaigns with `text` in their name, subject or sender."""
    text = text.strip()
    if not text:
        return rows
    if "\x00" in text or len(text) > _MAX_SEARCH:
        return rows.none()
    said = Variant.objects.filter(
        campaign=OuterRef("pk"), run=1, subject__icontains=text
    )
    return rows.filter(
        Q(name__icontains=text)
        | Q(from_email__icontains=text)
        | Q(from_name__icontains=text)
        | Exists(said)
    )


class OneCampaign(OfCampaigns):
    """One campaign."""

    def get(self, request: Any, campaign_id: str) -> HttpResponse:
        return self.answer(self.shown(self.campaign(campaign_id)))

    def put(self, request: Any, campaign_id: str) -> HttpResponse:
        """Change what is given; the contract's PUT replaces nothing else."""
        campaign = self.campaign(campaign_id)
        with named_as(NAMES):
            written = read_campaign(self.body)
            _keep_segment(campaign, written)
            changed = drafts.change(
                campaign=campaign,
                written=written,
                expected_version=version_of(self.body),
            )
        if changed.audience_count is None:
            drafts.count_audience(changed, seconds=_COUNT_SECONDS)
        return self.answer(self.shown(changed))

    patch = put

    def delete(self, request: Any, campaign_id: str) -> HttpResponse:
        drafts.delete(campaign=self.campaign(campaign_id))
        return self.answer({"success": True, "message": "The campaign was deleted."})


def _keep_segment(campaign: Campaign, written: dict[str, Any]) -> None:
    """Refuse another segment for what is scheduled, as this generation does."""
    given = written.get("segment_id")
    is_other = given is not None and str(given).lower() != str(campaign.segment_id)
    if campaign.state == CampaignState.SCHEDULED and is_other:
        raise BadRequest(
            "The segment of a scheduled campaign cannot be changed: cancel it first."
        )


class BulkUpdate(OfCampaigns):
    """Many campaigns at once, all of them or none: deleted, or put away."""

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /campaigns/bulk-update", self._update)

    def _update(self) -> dict[str, int]:
        fields = Fields(self.body)
        ids = fields.ids("ids", maximum=drafts.MOST_AT_ONCE)
        fields.require("ids", ids)
        deletes, archives = fields.boolean("delete"), fields.boolean("archived")
        fields.finish()
        if deletes and archives is not None:
            message = "Delete or archive: one of them at a time."
            raise invalid("archived", message, "invalid")
        if deletes:
            deleted = drafts.delete_all(
                project_id=self.project_id, campaign_ids=ids or []
            )
            return {"deleted": deleted}
        if archives is None:
            return {"updated": 0}
        put = drafts.archive_all if archives else drafts.unarchive_all
        return {"updated": put(project_id=self.project_id, campaign_ids=ids or [])}
