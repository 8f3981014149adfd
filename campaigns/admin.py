from __future__ import annotations

from django.contrib import admin

from campaigns.models import Campaign, CampaignEvent, Run
from plunk.pages.administration import ReadOnlyAdmin


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyAdmin):
    """To look at; what is done with a campaign is done on its own pages."""

    list_display = ("name", "project", "state", "scheduled_at", "started_at", "rate")
    list_select_related = ("project",)
    list_filter = ("state", "kind")
    search_fields = ("id__exact", "project__id__exact")
    ordering = ("-pk",)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("campaign", "number", "kind", "state", "created_at", "finished_at")
    list_select_related = ("campaign",)
    list_filter = ("state", "kind")
    search_fields = ("id__exact", "campaign__id__exact")
    ordering = ("-pk",)


@admin.register(CampaignEvent)
class CampaignEventAdmin(ReadOnlyAdmin):
    list_display = ("kind", "campaign", "user", "created_at")
    list_select_related = ("campaign", "user")
    search_fields = ("id__exact", "campaign__id__exact")
    ordering = ("-pk",)
