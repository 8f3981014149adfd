from __future__ import annotations

from django.contrib import admin

from contacts.models import Contact, Suppression
from plunk.pages.administration import LargeTableAdmin, ReadOnlyAdmin


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    list_display = ("email", "project", "subscribed", "created_at")
    list_select_related = ("project",)
    search_fields = ("id__exact", "project__id__exact")
    ordering = ("-pk",)


@admin.register(Suppression)
class SuppressionAdmin(LargeTableAdmin):
    list_display = ("email", "project", "reason", "created_at")
    list_select_related = ("project",)
    list_filter = ("reason",)
    search_fields = ("id__exact", "project__id__exact")
    ordering = ("-pk",)
    autocomplete_fields = ("project",)
    readonly_fields = ("created_at",)
