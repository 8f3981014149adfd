from __future__ import annotations

from django.contrib import admin

from automations.models import Event, Occurrence
from plunk.pages.administration import ReadOnlyAdmin


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "created_at")
    list_select_related = ("project",)
    search_fields = ("id__exact", "project__id__exact")
    ordering = ("-pk",)


@admin.register(Occurrence)
class OccurrenceAdmin(ReadOnlyAdmin):
    list_display = ("event", "contact", "project", "created_at")
    list_select_related = ("event", "contact", "project")
    search_fields = ("id__exact", "contact__id__exact", "project__id__exact")
    ordering = ("-pk",)
